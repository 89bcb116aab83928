"""All deadlines of a history are found. Each names the side that owes it, the record that started
it, its due time, and the record that met it.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.domain.acts import deadline_acts, deadlines, duty_calendar
from dragoman.domain.acts.deadlines import Deadline
from dragoman.domain.acts.duty_calendar import DutyCalendar
from dragoman.domain.fold import Folded
from dragoman.domain.record import codec as records
from dragoman.domain.record import ids
from dragoman.domain.record.codec import Record
from dragoman_schemas.profiles import DAY, HOUR
from dragoman_schemas.state import Stamp
from samples import SAMPLES, act
from services_ids import clock_id
from world import SALT, World

N, C, NH, CH, ND, CD, OSCE = (
    "nato/o-1",
    "china/o-1",
    "nato/h-1",
    "china/h-1",
    "nato/d-1",
    "china/d-1",
    "osce/o-1",
)
TWO, THREE = ("nato", "china"), ("nato", "china", "osce")


def adopted(profile: str = "default", sides: tuple[str, ...] = TWO, **kinds: Any) -> World:
    world = World(sides=sides, **kinds)
    for side in sides:
        world.keep(f"{side}/root", {"act": "profile-adoption", "profile": profile})
    return world


def running(world: World, id: str, **calendars: DutyCalendar) -> list[Deadline]:
    return deadlines.deadlines_of(world.registry, world.exchange(id), calendars)


def of(world: World, id: str, clock: str) -> list[Deadline]:
    return [each for each in running(world, id) if each.clock == clock]


def met_by(world: World, id: str, clock: str) -> dict[str, str | None]:
    """Return the actor that met a deadline, by the side that owed it; None while it is owed."""
    return {each.side: None if each.met is None else each.met.by for each in of(world, id, clock)}


def ended_by(world: World, id: str, clock: str) -> dict[str, str | None]:
    """Return the actor that ended the matter before a deadline was met, by the owing side."""
    return {
        each.side: None if each.ended is None else each.ended.by for each in of(world, id, clock)
    }


def at(position: int, text: str) -> Stamp:
    return Stamp(position=position, time=text, by=C)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


# Days


def test_time_that_ends_at_midnight_ends_on_that_day() -> None:
    friday = datetime(2026, 11, 27, tzinfo=UTC)
    assert DutyCalendar().after(friday, DAY) == datetime(2026, 11, 28, tzinfo=UTC)
    assert DutyCalendar().after(friday, DAY + 1) == datetime(2026, 11, 30, 0, 0, 1, tzinfo=UTC)
    assert DutyCalendar().after(datetime(2026, 11, 28, 9, tzinfo=UTC), 1) == datetime(
        2026, 11, 30, 0, 0, 1, tzinfo=UTC
    )
    assert DutyCalendar().after(friday, 3 * DAY) == datetime(2026, 12, 2, tzinfo=UTC)


def test_the_week_begins_on_monday_and_has_five_duty_days_without_an_office() -> None:
    week = [datetime(2026, 11, day, tzinfo=UTC).date() for day in range(23, 30)]
    assert [DutyCalendar().works(day) for day in week] == [True] * 5 + [False] * 2
    for index, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun")):
        assert [DutyCalendar(days=frozenset({name})).works(day) for day in week] == [
            day == week[index] for day in week
        ]
    assert not DutyCalendar(holidays=frozenset({"2026-11-23"})).works(week[0])


def office(**members: Any) -> DutyCalendar:
    world = World()
    body = {
        key: value
        for key, value in SAMPLES["liaison-office"].items()
        if key not in ("hours", "holidays")
    }
    id = world.open(CH, body | members)
    return duty_calendar.calendar_of(world.exchange(id))


def test_an_office_that_is_always_open_has_no_holidays_and_one_without_hours_has() -> None:
    days = {"2027-02-06", "2027-02-07"}
    assert office() == DutyCalendar() == duty_calendar.calendar_of(None)
    assert office(holidays=sorted(days)) == DutyCalendar(holidays=frozenset(days))
    assert office(hours="24x7", holidays=sorted(days)).days == {
        "mon",
        "tue",
        "wed",
        "thu",
        "fri",
        "sat",
        "sun",
    }
    assert office(hours="24x7", holidays=sorted(days)).holidays == frozenset()
    hours = {"days": ["sun"], "from": "08:00", "to": "16:00", "zone": "Asia/Shanghai"}
    assert office(hours=hours) == DutyCalendar(days=frozenset({"sun"}), zone="Asia/Shanghai")


def test_a_routine_acknowledgement_is_due_by_the_calendar_of_the_side_that_owes_it_and_a_priority_one_is_not() -> (
    None
):
    world = adopted(sides=THREE)
    world.clock = datetime(2026, 11, 27, 18, tzinfo=UTC)
    for precedence, china, osce in (
        (
            "routine",
            datetime(2026, 11, 28, 18, 0, 1, tzinfo=UTC),
            datetime(2026, 11, 30, 18, 0, 1, tzinfo=UTC),
        ),
        (
            "priority",
            datetime(2026, 11, 27, 21, 0, 2, tzinfo=UTC),
            datetime(2026, 11, 27, 21, 0, 2, tzinfo=UTC),
        ),
    ):
        id = world.open(N, act("contact-note", precedence=precedence))
        found = {
            each.side: each.due
            for each in running(world, id, china=DutyCalendar(days=frozenset({"fri", "sat"})))
        }
        assert found == {"china": china, "osce": osce}


# Acknowledgements


def test_each_addressee_owes_an_acknowledgement_of_each_message_and_who_is_told_owes_none() -> None:
    world = adopted(sides=THREE)
    id = world.open(N, act("contact-note", to=["china"], info=["osce"]))
    world.keep(C, act("reply"), id)
    first, second = world.exchange(id).messages
    assert [
        (each.side, each.started_by, each.met is None) for each in of(world, id, "acknowledgement")
    ] == [
        ("china", first.id, False),
        ("nato", second.id, True),
    ]
    assert of(world, id, "acknowledgement")[1].begins == instant(second.said.time)


PASSED = {"means": "voice", "at": "2026-11-24T03:00Z", "to_post": "Duty officer"}


@pytest.mark.parametrize("change", [{"for_the_record": True}, {"passed_by": PASSED}])
def test_a_later_message_that_was_said_before_or_is_for_the_record_owes_no_acknowledgement(
    change: dict[str, Any],
) -> None:
    world = adopted()
    id = world.open(N, act("contact-note"))
    world.keep(C, act("reply", **change), id)
    assert [each.side for each in of(world, id, "acknowledgement")] == ["china"]


def test_an_opening_that_was_said_before_owes_all_but_its_own_acknowledgement() -> None:
    world = adopted()
    id = world.open(ND, act("hazardous-incident", passed_by=PASSED))
    assert isinstance(world.keep(ND, act("update"), id), Folded)
    update = world.exchange(id).messages[1].id
    assert [(each.clock, each.side, each.started_by) for each in running(world, id)] == [
        ("acknowledgement", "china", update),
        ("update", "nato", id),
        ("update", "nato", update),
        ("final_report", "nato", id),
    ]


def test_each_side_echoes_a_line_check_for_itself() -> None:
    world = adopted(sides=THREE)
    id = world.open(ND, act("line-check"))
    assert met_by(world, id, "echo") == {"china": None, "osce": None}
    world.keep("osce/d-1", act("echo", text="Quick"), id)
    assert met_by(world, id, "echo") == {"china": None, "osce": "osce/d-1"}
    assert of(world, id, "acknowledgement") == []


@pytest.mark.parametrize("end", ["cancellation", "closure"])
def test_a_line_check_that_was_taken_back_is_not_missed(end: str) -> None:
    world = adopted()
    id = world.open(ND, act("line-check"))
    if end == "closure":
        world.close(id, "duty_officer")
    else:
        world.keep(ND, act(end), id, seen=True)
    assert (met_by(world, id, "echo"), ended_by(world, id, "echo")) == (
        {"china": None},
        {"china": ND},
    )


# Answers


def test_an_answer_is_owed_by_each_addressee_since_the_opening() -> None:
    world = adopted(sides=THREE)
    id = world.open(N, act("ict-inquiry"))
    world.keep(OSCE, act("reply"), id)
    assert met_by(world, id, "answer") == {"china": None, "osce": OSCE}
    assert {each.started_by for each in of(world, id, "answer")} == {id}


def test_an_account_of_an_encounter_is_owed_by_each_addressee_and_its_first_counts() -> None:
    world = adopted(sides=THREE)
    id = world.open(N, act("encounter-report"))
    for actor in (CD, C):
        world.keep(actor, {"act": "counter-account", "facts": "Otherwise."}, id)
    assert met_by(world, id, "counter_account") == {"china": CD, "osce": None}


def test_the_end_of_a_matter_ends_what_is_owed_about_it() -> None:
    world = adopted()
    id = world.open(N, act("terrorism-warning"))
    world.close(id, "officer")
    assert (met_by(world, id, "answer"), ended_by(world, id, "answer")) == (
        {"china": None},
        {"china": N},
    )
    id = world.open(N, act("ict-inquiry"))
    world.keep(NH, act("cancellation"), id, seen=True)
    assert (met_by(world, id, "answer"), ended_by(world, id, "answer")) == (
        {"china": None},
        {"china": NH},
    )


def test_what_was_met_before_the_end_was_met_and_nobody_meets_a_duty_by_ending_the_matter() -> None:
    world = adopted()
    id = world.open(N, act("ict-inquiry"))
    world.keep(C, act("reply"), id)
    world.close(id)
    assert (met_by(world, id, "answer"), ended_by(world, id, "answer")) == (
        {"china": C},
        {"china": None},
    )
    id = world.open(ND, act("hazardous-incident"))
    world.close(id, "duty_officer")
    for clock in ("update", "final_report"):
        assert (met_by(world, id, clock), ended_by(world, id, clock)) == (
            {"nato": None},
            {"nato": ND},
        )
        assert not any(each.open for each in of(world, id, clock))


def test_a_matter_that_others_see_closed_still_owes() -> None:
    world = adopted()
    id = world.open(ND, act("hazardous-incident"))
    world.keep(C, act("closure"), id, seen=True)
    assert met_by(world, id, "final_report") == {"nato": None}
    id = world.open(N, act("ict-inquiry"))
    world.keep(C, act("closure"), id, seen=True)
    assert met_by(world, id, "answer") == {"china": None}


# Meetings


def test_a_meeting_is_answered_by_an_acceptance_or_a_decline_of_each_who_is_asked() -> None:
    world = adopted(sides=THREE)
    id = world.open(N, act("meeting-request"))
    world.keep(C, act("acceptance"), id, seen=True)
    assert met_by(world, id, "answer") == {"china": C, "osce": None}
    world.keep(OSCE, act("decline"), id)
    assert met_by(world, id, "answer") == {"china": C, "osce": OSCE}


def test_a_reply_answers_the_first_windows_and_no_later_ones() -> None:
    world = adopted()
    id = world.open(N, act("meeting-request"))
    world.keep(C, act("reply"), id)
    assert met_by(world, id, "answer") == {"china": C}
    world.keep(N, act("postponement"), id)
    assert met_by(world, id, "answer") == {"china": None}


def test_the_newest_windows_of_the_side_that_named_them_last_start_the_answer() -> None:
    world = adopted(sides=THREE)
    id = world.open(N, act("meeting-request"))
    world.keep(C, act("counter-proposal"), id)
    world.keep(N, act("postponement"), id)
    (newest,) = world.exchange(id).acts["postponement"]
    assert {(each.side, each.started_by) for each in of(world, id, "answer")} == {
        ("china", newest.id),
        ("osce", newest.id),
    }
    world.keep(N, {"act": "postponement", "reason": "Weather."}, id)
    assert {each.started_by for each in of(world, id, "answer")} == {newest.id}, (
        "a postponement without windows names none"
    )


def test_a_meeting_on_the_ladder_is_held_or_over_and_off_the_ladder_nothing_asks_for_it() -> None:
    world = adopted("vienna")
    request = world.open(NH, act("explanation-request"))
    body = act("meeting-request", references=[request], kind="bilateral")
    for follows, met, ended in ((act("meeting-held"), C, None), (act("decline"), None, C)):
        kept = world.keep(NH, body, released_by=ND)
        assert isinstance(kept, Folded) and kept.record is not None
        id = kept.record.envelope.id
        assert met_by(world, id, "bilateral_meeting") == {"china": None}
        world.keep(C, follows, id)
        assert (
            met_by(world, id, "bilateral_meeting"),
            ended_by(world, id, "bilateral_meeting"),
        ) == ({"china": met}, {"china": ended})
    plain = world.open(N, act("meeting-request"))
    assert [each.clock for each in running(world, plain)] == ["acknowledgement", "answer"]


def test_without_a_ladder_a_meeting_that_was_asked_for_upon_a_request_is_answered_within_two_days_and_need_not_be_held() -> (
    None
):
    world = adopted()
    request = world.open(NH, act("explanation-request"))
    kept = world.keep(NH, act("meeting-request", references=[request]), released_by=ND)
    assert isinstance(kept, Folded) and kept.record is not None
    found = running(world, kept.record.envelope.id)
    assert [(each.clock, (each.due - each.begins).total_seconds()) for each in found][1:] == [
        ("answer", 2 * DAY)
    ]


HELD = {"act": "meeting-held", "from": "2026-11-24T10:00Z", "to": "2026-11-24T11:00Z"}


def test_a_readout_is_due_two_days_after_the_meeting_ended_or_was_recorded_whichever_is_later() -> (
    None
):
    world = adopted()
    id = world.open(N, act("meeting-request"))
    world.keep(N, HELD, id)
    recorded = instant(world.exchange(id).updated.time)
    assert {each.due for each in of(world, id, "readout")} == {recorded + timedelta(days=2)}
    id = world.open(N, act("meeting-request"))
    world.keep(N, {**HELD, "to": "2026-11-30T11:00Z"}, id)
    assert {each.due for each in of(world, id, "readout")} == {
        datetime(2026, 12, 2, 11, tzinfo=UTC)
    }


def test_the_first_readout_of_a_side_counts() -> None:
    world = adopted()
    id = world.open(N, act("meeting-request"))
    world.keep(N, HELD, id)
    for actor in (CH, C):
        world.keep(actor, act("readout"), id)
    assert met_by(world, id, "readout") == {"nato": None, "china": CH}
    assert {each.started_by for each in of(world, id, "readout")} == {id}


def test_a_visit_is_answered_three_weeks_before_it_and_at_once_if_that_has_passed() -> None:
    world = adopted()
    dates = {"from": "2027-03-01T00:00Z", "to": "2027-03-02T00:00Z"}
    (answer,) = of(
        world, world.open(N, act("visit-invitation", kind="observation", dates=dates)), "answer"
    )
    assert answer.due == datetime(2027, 2, 8, tzinfo=UTC)
    soon = {"from": "2026-11-26T00:00Z", "to": "2026-11-27T00:00Z"}
    (answer,) = of(
        world, world.open(N, act("visit-invitation", kind="observation", dates=soon)), "answer"
    )
    assert answer.due == answer.begins
    id = world.open(N, act("visit-invitation", kind="visit_of_concern", dates=dates))
    (answer,) = of(world, id, "answer")
    assert answer.due == answer.begins + timedelta(days=1)


def test_a_visit_is_answered_by_an_acceptance() -> None:
    world = adopted()
    id = world.open(N, act("visit-invitation", kind="observation"))
    world.keep(C, act("acceptance", window=0), id, seen=True)
    assert met_by(world, id, "answer") == {"china": C}


# Reports


def test_every_report_promises_the_next_and_the_last_one_ends_it() -> None:
    world = adopted()
    id = world.open(
        ND, {key: value for key, value in act("hazardous-incident").items() if key != "next_update"}
    )
    for _ in range(2):
        world.keep(ND, {"act": "update", "text": "x"}, id)
    world.keep(NH, act("final-report"), id)
    first, second = world.exchange(id).acts["update"]
    found = of(world, id, "update")
    assert [(each.started_by, (each.due - each.begins).total_seconds()) for each in found] == [
        (id, 2 * HOUR),
        (first.id, 6 * HOUR),
        (second.id, 6 * HOUR),
    ]
    assert [each.met and each.met.position for each in found] == [
        first.said.position,
        second.said.position,
        world.exchange(id).acts["final-report"][0].said.position,
    ]


@pytest.mark.parametrize(
    ("promised", "due"),
    [
        ("2026-11-25T13:00:00Z", "2026-11-25T13:00:00Z"),
        ("2026-11-25T18:00:01Z", "2026-11-25T18:00:00Z"),
        ("2026-11-25T11:00:00Z", "2026-11-25T12:00:00Z"),
    ],
)
def test_an_update_is_due_when_it_was_promised_never_before_it_was_nor_later_than_six_hours(
    promised: str, due: str
) -> None:
    world = adopted()
    world.clock = datetime(2026, 11, 25, 11, 59, 59, tzinfo=UTC)
    id = world.open(ND, act("hazardous-incident", next_update=promised))
    (update,) = of(world, id, "update")
    assert (update.begins, update.due) == (datetime(2026, 11, 25, 12, tzinfo=UTC), instant(due))


def test_after_the_end_of_an_incident_a_later_update_promises_nothing() -> None:
    world = adopted()
    id = world.open(ND, act("hazardous-incident"))
    world.keep(ND, act("contained"), id)
    world.keep(ND, {"act": "update", "text": "x"}, id)
    assert [each.started_by for each in of(world, id, "update")] == [id]


def test_an_emergency_is_told_on_until_it_is_said_to_have_ended() -> None:
    world = adopted()
    id = world.open(ND, act("emergency-notification"))
    assert met_by(world, id, "update") == {"nato": None}
    world.keep(NH, act("ended"), id)
    assert met_by(world, id, "update") == {"nato": NH}
    assert of(world, id, "final_report") == []


@pytest.mark.parametrize(
    ("opener", "opening", "clock", "report"),
    [
        (N, "military-activity", "after_activity_report", "after-activity-report"),
        (ND, "immediate-notification", "amplification", "amplification"),
        (ND, "hazardous-incident", "final_report", "final-report"),
    ],
)
def test_the_first_report_meets_what_is_owed(
    opener: str, opening: str, clock: str, report: str
) -> None:
    world = adopted()
    id = world.open(opener, act(opening))
    for actor in (NH, N):
        world.keep(actor, act(report), id)
    assert met_by(world, id, clock) == {"nato": NH}
    assert {each.started_by for each in of(world, id, clock)} == {id}


def test_a_contact_is_confirmed_anew_a_year_after_it_was_last_and_no_more_once_withdrawn() -> None:
    world = adopted()
    id = world.open(NH, act("point-of-contact"))
    assert of(world, id, "reconfirmation")[0].started_by == id
    for _ in range(3):
        world.keep(NH, act("reconfirmation"), id)
        newest = world.exchange(id).acts["reconfirmation"][-1]
        (clock,) = of(world, id, "reconfirmation")
        assert (clock.started_by, clock.begins, clock.met) == (
            newest.id,
            instant(newest.said.time),
            None,
        )
    world.keep(NH, act("withdrawal"), id)
    assert met_by(world, id, "reconfirmation") == {"nato": NH}


# Binding


def test_a_clock_binds_that_began_after_the_last_side_had_adopted_the_profile() -> None:
    world = World()
    world.keep("nato/root", {"act": "profile-adoption", "profile": "vienna"})
    before = world.open(N, act("ict-inquiry"))
    world.keep("china/root", {"act": "profile-adoption", "profile": "vienna"})
    since = world.position
    assert (
        deadlines.profile_of(world.registry)[0].name,
        deadlines.profile_of(world.registry)[1],
    ) == (
        "vienna",
        since,
    )
    world.keep(N, {"act": "update", "text": "x"}, before)
    assert [each.binding for each in running(world, before)] == [False, True, False]
    assert [
        each.started_by
        for each in deadlines.open_deadlines(world.registry, world.exchange(before), {})
    ] == [world.exchange(before).messages[1].id]


def test_while_the_sides_differ_the_limits_of_the_default_are_shown_as_courtesy() -> None:
    world = World(sides=THREE)
    for side, profile in (("nato", "vienna"), ("china", "vienna")):
        world.keep(f"{side}/root", {"act": "profile-adoption", "profile": profile})
    assert (
        deadlines.profile_of(world.registry)[0].name,
        deadlines.profile_of(world.registry)[1],
    ) == (
        "default",
        None,
    )
    world.keep("osce/root", {"act": "profile-adoption", "profile": "shanghai"})
    assert (
        deadlines.profile_of(world.registry)[0].name,
        deadlines.profile_of(world.registry)[1],
    ) == (
        "default",
        None,
    )


@pytest.mark.parametrize(("kind", "timed"), [("official", True), ("track2", False)])
def test_a_track_2_channel_has_no_clocks(kind: str, *, timed: bool) -> None:
    world = adopted(kind=kind)
    assert bool(running(world, world.open(N, act("contact-note")))) == timed


def test_a_desk_has_no_clocks() -> None:
    desk = World(sides=("nato",), name="nato-desk", kind="desk")
    assert running(desk, desk.open(N, act("tasking"))) == []


# What the watch writes


CLOCK = Deadline(
    clock="answer",
    side="china",
    started_by="0192f0c1-2f3a-7c4d-8e5f-112233445566",
    begins=datetime(2026, 11, 24, 12, tzinfo=UTC),
    due=datetime(2026, 11, 24, 22, tzinfo=UTC),
    met=None,
    binding=True,
)


def test_a_reminder_and_a_lapse_are_written_in_these_bytes() -> None:
    assert deadline_acts.act_of(CLOCK, 50) == (
        b'{"act":"reminder","clock":"answer","side":"china","started_by":"0192f0c1-2f3a-7c4d-8e5f-112233445566","step":50,'
        b'"due":"2026-11-24T22:00:00.000Z"}'
    )
    assert deadline_acts.act_of(CLOCK, 100).startswith(b'{"act":"lapse","clock":')


def test_the_id_of_a_lapse_is_made_of_what_it_is_about() -> None:
    one = clock_id("nato-china", "x", CLOCK, 100)
    assert one == "79a500b8-6b92-556a-9e1e-fa4121dddb75"
    assert (
        len({one, clock_id("nato-china", "x", CLOCK, 50), clock_id("nato-china", "x", CLOCK, 90)})
        == 3
    )


def test_the_ids_of_a_reminder_and_of_a_lapse_are_made_from_these_keys() -> None:
    key = f"x\nanswer\nchina\n{CLOCK.started_by}\n"
    for name, step in (("reminder", 50), ("reminder", 90), ("lapse", 100)):
        assert clock_id("nato-china", "x", CLOCK, step) == ids.from_key(
            "nato-china", "service/watch", f"{name}\n{key}{step}"
        )


def posted(world: World, exchange: str, clock: Deadline, step: int) -> Record:
    """Return the record that a scheduler would write about a deadline now."""
    raw = deadline_acts.act_of(clock, step)
    envelope = records.envelope(
        id=clock_id(world.name, exchange, clock, step), source="/services/watch", name="lapse" if step == 100 else "reminder", version=1,
        subject=exchange, time=world.tick(), channel=world.name, family=world.exchange(exchange).family, actor="service/watch", decided=world.position, salt=SALT,
        caused_by=clock.started_by,
    )  # fmt: skip
    return records.assemble(envelope, raw, records.decode_act(raw))


def test_a_step_is_on_record_once_and_no_lower_one_after_it() -> None:
    world = adopted()
    id = world.open(ND, act("contact-note", precedence="flash"))
    (clock,) = running(world, id)
    assert deadline_acts.recorded_step(world.exchange(id), clock) == 0
    world.clock = clock.due
    for step in (50, 90, 100):
        record = posted(world, id, clock, step)
        assert deadline_acts.check(world.registry, world.exchange(id), {}, record) is None
        assert world.take(record).valid
        assert deadline_acts.recorded_step(world.exchange(id), clock) == step
        again = deadline_acts.check(world.registry, world.exchange(id), {}, record)
        assert again is not None
        assert (again.kind, "on record" in str(again.detail)) == ("void", True)


def test_a_lapse_is_judged_by_the_calendar_of_the_office() -> None:
    world = adopted()
    entry = world.open(CH, act("liaison-office", hours="24x7"))
    world.keep(NH, act("agreement"), entry, seen=True)
    world.clock = datetime(2026, 11, 27, 18, tzinfo=UTC)
    id = world.open(N, act("contact-note"))
    (clock,) = running(world, id, china=duty_calendar.calendar_of(world.ledger.office("china")))
    assert clock.due == datetime(2026, 11, 28, 18, 0, 1, tzinfo=UTC)
    world.clock = clock.due
    assert world.take(posted(world, id, clock, 100)).valid


def test_what_is_on_record_is_of_one_clock_of_one_side_since_one_record() -> None:
    world = adopted(sides=THREE)
    id = world.open(ND, act("ict-inquiry"))
    china = next(each for each in of(world, id, "acknowledgement") if each.side == "china")
    world.clock = china.due
    assert world.take(posted(world, id, china, 100)).valid
    found = {
        (each.clock, each.side): deadline_acts.recorded_step(world.exchange(id), each)
        for each in running(world, id)
    }
    assert found == {
        ("acknowledgement", "china"): 100,
        ("acknowledgement", "osce"): 0,
        ("answer", "china"): 0,
        ("answer", "osce"): 0,
    }


def test_what_no_watch_would_write_is_void() -> None:
    world = adopted()
    id = world.open(ND, act("contact-note", precedence="flash"))
    (clock,) = running(world, id)
    world.clock = clock.due
    for wrong, detail in (
        (replace(clock, clock="answer"), "no open deadline"),
        (replace(clock, side="nato"), "no open deadline"),
        (replace(clock, started_by=CLOCK.started_by), "no open deadline"),
        (replace(clock, due=clock.due + timedelta(seconds=1)), "The bytes are not those"),
    ):
        refusal = deadline_acts.check(
            world.registry, world.exchange(id), {}, posted(world, id, wrong, 100)
        )
        assert refusal is not None
        assert (refusal.kind, detail in str(refusal.detail)) == ("void", True)


def test_a_step_is_reached_at_its_time_and_a_lapse_a_moment_after_the_limit() -> None:
    moment = timedelta(milliseconds=1)
    times = [
        CLOCK.begins,
        CLOCK.at(50) - moment,
        CLOCK.at(50),
        CLOCK.at(90) - moment,
        CLOCK.at(90),
        CLOCK.due,
        CLOCK.due + moment,
    ]
    assert (CLOCK.at(50), CLOCK.at(90)) == (
        datetime(2026, 11, 24, 17, tzinfo=UTC),
        datetime(2026, 11, 24, 21, tzinfo=UTC),
    )
    assert [deadline_acts.reached_step(CLOCK, time) for time in times] == [
        0,
        0,
        50,
        50,
        90,
        90,
        100,
    ]


def test_what_was_met_late_stays_late() -> None:
    in_time = at(9, "2026-11-24T22:00:00.000Z")
    late = at(9, "2026-11-24T22:00:00.001Z")
    now = datetime(2027, 1, 1, tzinfo=UTC)
    assert (replace(CLOCK, met=in_time).late(now), replace(CLOCK, met=late).late(CLOCK.begins)) == (
        False,
        True,
    )


def test_an_instant_is_written_to_the_millisecond_in_utc() -> None:
    assert (
        deadlines.timestamp(datetime.fromisoformat("2026-11-24T03:05:01.234567+08:00"))
        == "2026-11-23T19:05:01.234Z"
    )
