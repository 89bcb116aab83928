"""The clocks: who owes what until when, what meets it, and what the watch may record of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dragoman.domain.acts import deadline_acts, deadlines, duty_calendar
from dragoman.domain.acts.deadlines import Deadline
from dragoman.domain.acts.duty_calendar import DutyCalendar
from dragoman.domain.decide import Submission, decide
from dragoman.domain.fold import Folded
from dragoman.domain.record.codec import decode_act
from dragoman.domain.record.errors import Refusal
from dragoman_schemas.profiles import DAY, HOUR, MINUTE, PROFILES
from samples import act
from services_ids import clock_id
from world import SALT, World, refused

N, C, NH, CH, ND, CD = "nato/o-1", "china/o-1", "nato/h-1", "china/h-1", "nato/d-1", "china/d-1"


def adopted(profile: str = "default", **kinds: Any) -> World:
    """A channel in which every side has adopted a profile."""
    world = World(**kinds)
    for side in world.sides:
        kept = world.keep(f"{side}/root", {"act": "profile-adoption", "profile": profile})
        assert isinstance(kept, Folded) and kept.valid, kept
    return world


def running(world: World, id: str) -> dict[tuple[str, str], Deadline]:
    """The clocks of an exchange, the newest of each name and side."""
    exchange = world.exchange(id)
    calendars = {side: duty_calendar.calendar_of(world.ledger.office(side)) for side in world.sides}
    return {
        (clock.clock, clock.side): clock
        for clock in deadlines.deadlines_of(world.registry, exchange, calendars)
    }


def limit(clock: Deadline) -> int:
    return round((clock.due - clock.begins).total_seconds())


@pytest.mark.parametrize(
    ("precedence", "seconds"),
    [("flash", 10 * MINUTE), ("immediate", 30 * MINUTE), ("priority", 3 * HOUR), ("routine", DAY)],
)
def test_an_acknowledgement_is_owed_by_precedence(precedence: str, seconds: int) -> None:
    world = adopted()
    id = world.open(ND, act("contact-note", precedence=precedence))
    assert limit(running(world, id)["acknowledgement", "china"]) == seconds


LATER = {"from": "2027-01-11T08:00Z", "to": "2027-01-11T10:00Z"}


@pytest.mark.parametrize(
    ("profile", "opener", "body", "expected"),
    [
        (
            "default",
            N,
            act("meeting-request", windows=[LATER]),
            {("answer", "china"): 7 * DAY},
        ),
        ("default", NH, act("call-request"), {("answer", "china"): 2 * DAY}),
        ("default", NH, act("call-request", precedence="flash"), {("answer", "china"): HOUR}),
        (
            "default",
            N,
            act("visit-invitation", kind="visit_of_concern"),
            {("answer", "china"): DAY},
        ),
        ("default", NH, act("explanation-request"), {}),
        ("vienna", NH, act("explanation-request"), {("explanation_answer", "china"): 2 * DAY}),
        (
            "shanghai",
            NH,
            act("explanation-request", urgent=False),
            {("explanation_answer", "china"): 7 * DAY},
        ),
        (
            "shanghai",
            NH,
            act("explanation-request", urgent=True),
            {("explanation_answer", "china"): 2 * DAY},
        ),
        ("default", N, act("encounter-report"), {("counter_account", "china"): 7 * DAY}),
        ("default", N, act("terrorism-warning"), {("answer", "china"): 3 * DAY}),
        ("default", N, act("terrorism-warning", imminent=True), {("answer", "china"): 2 * HOUR}),
        ("default", N, act("ict-inquiry"), {("answer", "china"): 2 * DAY}),
        ("default", ND, act("immediate-notification"), {("amplification", "nato"): HOUR}),
        (
            "default",
            N,
            act("humanitarian-notification", kind="site", place="Camp"),
            {("reconfirmation", "nato"): 90 * DAY},
        ),
        ("default", NH, act("point-of-contact"), {("reconfirmation", "nato"): 365 * DAY}),
        ("default", N, act("humanitarian-notification"), {("completed", "nato"): HOUR}),
        ("default", N, act("danger-area"), {("completed", "nato"): HOUR}),
        ("default", N, act("launch-notice"), {("completed", "nato"): HOUR}),
        ("default", N, act("launch-notice", phase="post_launch"), {}),
        ("default", N, act("launch-notice", phase="deviation"), {}),
        (
            "default",
            N,
            act("military-activity"),
            {("completed", "nato"): HOUR, ("after_activity_report", "nato"): 30 * DAY},
        ),
        ("default", N, act("visit-request"), {("answer", "china"): DAY}),
        ("default", N, act("visit-request", kind="evaluation"), {("answer", "china"): DAY}),
        ("default", N, act("visit-request", kind="port_call"), {("answer", "china"): 7 * DAY}),
        (
            "default",
            N,
            act("visit-request", kind="consular_access"),
            {("answer", "china"): DAY, ("people_access", "china"): DAY},
        ),
        ("default", N, act("transmittal"), {("transmittal_answer", "china"): 90 * DAY}),
        ("default", NH, act("mechanism"), {}),
        ("default", N, act("contact-note"), {}),
    ],
)
def test_what_else_is_owed(
    profile: str, opener: str, body: dict[str, Any], expected: dict[tuple[str, str], int]
) -> None:
    world = adopted(profile)
    found = running(world, world.open(opener, body))
    assert expected == {
        key: limit(clock) for key, clock in found.items() if key[0] != "acknowledgement"
    }


def test_an_incident_owes_an_update_as_promised_and_a_final_report() -> None:
    world = adopted()
    plain = {
        name: value for name, value in act("hazardous-incident").items() if name != "next_update"
    }
    id = world.open(ND, plain)
    assert limit(running(world, id)["update", "nato"]) == 2 * HOUR
    assert limit(running(world, id)["final_report", "nato"]) == 14 * DAY
    world.keep(ND, {"act": "update", "text": "Nothing new."}, id)
    assert limit(running(world, id)["update", "nato"]) == 6 * HOUR
    world.keep(ND, act("contained"), id)
    found = running(world, id)
    assert found["update", "nato"].met is not None
    assert found["final_report", "nato"].met is None
    world.keep(ND, act("final-report"), id)
    assert running(world, id)["final_report", "nato"].met is not None


def test_an_update_promised_too_late_is_owed_after_six_hours_all_the_same() -> None:
    world = adopted()
    id = world.open(ND, act("hazardous-incident", next_update="2027-01-01T00:00Z"))
    assert limit(running(world, id)["update", "nato"]) == 6 * HOUR


def test_an_activity_owes_its_peak_figures_thirty_days_after_its_end() -> None:
    world = adopted()
    clock = running(world, world.open(N, act("military-activity")))["after_activity_report", "nato"]
    assert clock.due == datetime(2027, 2, 23, tzinfo=UTC)


def test_a_request_to_see_is_answered_before_the_visitors_come() -> None:
    world = adopted()
    soon = act("visit-request", kind="site", arrival="2026-11-26T12:00Z")
    over = act("visit-request", kind="site", arrival="2026-11-20T12:00Z")
    assert running(world, world.open(N, soon))["answer", "china"].due == datetime(
        2026, 11, 26, 12, tzinfo=UTC
    )
    assert limit(running(world, world.open(N, over))["answer", "china"]) == 7 * DAY


ASKING = (
    ("meeting-request", "windows"),
    ("call-request", "windows"),
    ("visit-invitation", "dates"),
    ("visit-request", "arrival"),
)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_an_answer_is_never_due_after_a_proposed_time_that_lies_ahead(data: st.DataObject) -> None:
    """Of a request, of other windows, and of a postponement, whatever the format and profile."""
    world = adopted(data.draw(st.sampled_from(sorted(PROFILES))))
    name, member = data.draw(st.sampled_from(ASKING))

    def windows() -> list[dict[str, str]]:
        hours = data.draw(st.lists(st.integers(-30, 30 * 24), min_size=1, max_size=3))
        begins = [world.clock + timedelta(hours=hour) for hour in hours]
        return [
            {"from": written(begin), "to": written(begin + timedelta(hours=2))} for begin in begins
        ]

    offered = windows()
    fields: dict[str, Any] = {
        "windows": offered,
        "dates": offered[0],
        "arrival": offered[0]["from"],
    }
    precedence = data.draw(st.sampled_from(("routine", "flash")))
    body = act(name, precedence=precedence, **{member: fields[member]})
    opened = world.keep(NH, body)
    assume(isinstance(opened, Folded))  # a visit at short notice is refused
    assert isinstance(opened, Folded) and opened.record is not None
    id = opened.record.envelope.id
    proposed = offered if member == "windows" else offered[:1]
    if name != "visit-request" and data.draw(st.booleans()):
        offered = windows()
        proposed = offered if member == "windows" else offered[:1]
        by, later = data.draw(st.sampled_from(((C, "counter-proposal"), (N, "postponement"))))
        assert isinstance(world.keep(by, act(later, windows=offered), id), Folded)
    for clock in running(world, id).values():
        if clock.clock == "answer" and clock.open:
            ahead = [
                begins
                for window in proposed
                if (begins := datetime.fromisoformat(window["from"])) > clock.begins
            ]
            assert all(clock.due <= begins for begins in ahead), (clock, ahead)


def written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%MZ}"


def test_who_has_left_reports_within_two_weeks() -> None:
    world = adopted()
    id = world.open(N, act("visit-request"))
    for actor, name in ((C, "grant"), (N, "arrival"), (C, "departure")):
        assert ("visit_report", "nato") not in running(world, id)
        assert isinstance(world.keep(actor, act(name), id), Folded)
    clock = running(world, id)["visit_report", "nato"]
    assert (limit(clock), clock.open) == (14 * DAY, True)
    world.keep(N, act("visit-report"), id)
    assert running(world, id)["visit_report", "nato"].met is not None


def test_what_a_side_undertook_binds_it_once_every_side_agrees_that_it_did() -> None:
    world = adopted()
    id = world.open(N, act("undertaking"))
    clock = running(world, id)["undertaking", "china"]
    assert (clock.binding, clock.due) == (False, datetime(2026, 12, 1, 12, tzinfo=UTC))
    world.keep(C, act("agreement"), id, seen=True)
    clock = running(world, id)["undertaking", "china"]
    assert (clock.binding, clock.open, clock.started_by) == (True, True, id)
    for actor, name, is_open in (
        (C, "fulfilment", False),
        (N, "fulfilment-dispute", True),
        (C, "fulfilment", False),
        (N, "fulfilment-confirmation", False),
    ):
        assert isinstance(world.keep(actor, act(name), id), Folded)
        assert running(world, id)["undertaking", "china"].open is is_open


@pytest.mark.parametrize("name", ["completed", "all-clear"])
def test_an_event_is_said_to_be_over_an_hour_after_its_window(name: str) -> None:
    world = adopted()
    id = world.open(N, act("danger-area"))
    clock = running(world, id)["completed", "nato"]
    assert (clock.begins, limit(clock), clock.open) == (
        datetime.fromisoformat(act("danger-area")["window"]["to"]),
        HOUR,
        True,
    )
    for step in ("commenced", "holding"):
        assert isinstance(world.keep(N, act(step), id), Folded)
        assert running(world, id)["completed", "nato"].open
    assert isinstance(world.keep(ND, act(name), id), Folded)
    assert running(world, id)["completed", "nato"].met is not None


def test_a_postponed_launch_is_owed_no_word_that_it_is_over_until_it_has_another_window() -> None:
    world = adopted()
    id = world.open(N, act("launch-notice"))
    world.keep(N, {"act": "postponement"}, id)
    assert not running(world, id)["completed", "nato"].open
    later = {"from": "2027-03-01T08:00Z", "to": "2027-03-01T10:00Z"}
    world.keep(N, {"act": "postponement", "windows": [later]}, id)
    clock = running(world, id)["completed", "nato"]
    assert (clock.open, clock.begins) == (True, datetime(2027, 3, 1, 10, tzinfo=UTC))


def test_a_movement_that_was_withdrawn_owes_no_word_that_it_is_over() -> None:
    world = adopted()
    id = world.open(N, act("humanitarian-notification"))
    world.keep(N, act("withdrawal"), id)
    clock = running(world, id)["completed", "nato"]
    assert (clock.open, clock.met, clock.ended is not None) == (False, None, True)


def test_a_site_has_no_course_of_events() -> None:
    world = adopted()
    id = world.open(N, act("humanitarian-notification", kind="site", place="Camp"))
    assert {name for name, _ in running(world, id)} == {"acknowledgement", "reconfirmation"}
    for name in ("commenced", "holding", "completed"):
        assert refused(world.keep(N, act(name), id)).faults[0].pointer == "/act"


def test_an_interim_reply_stops_no_clock_and_a_reply_does() -> None:
    world = adopted("vienna")
    id = world.open(NH, act("explanation-request"))
    world.keep(C, act("interim-reply"), id)
    assert running(world, id)["explanation_answer", "china"].met is None
    world.keep(C, act("reply"), id)
    met = running(world, id)["explanation_answer", "china"].met
    assert met is not None
    assert met.by == C


def test_at_exactly_the_limit_is_in_time_and_after_it_is_late() -> None:
    world = adopted()
    id = world.open(ND, act("contact-note", precedence="flash"))
    clock = running(world, id)["acknowledgement", "china"]
    assert (clock.late(clock.due), clock.late(clock.due + timedelta(milliseconds=1))) == (
        False,
        True,
    )
    assert (
        deadline_acts.reached_step(clock, clock.due),
        deadline_acts.reached_step(clock, clock.due + timedelta(milliseconds=1)),
    ) == (90, 100)
    half = clock.begins + timedelta(minutes=5)
    assert (
        deadline_acts.reached_step(clock, half - timedelta(milliseconds=1)),
        deadline_acts.reached_step(clock, half),
    ) == (0, 50)


def test_windows_that_are_named_anew_start_the_answer_anew_for_the_other_side() -> None:
    world = adopted()
    id = world.open(N, act("meeting-request"))
    world.keep(C, act("counter-proposal"), id)
    found = running(world, id)
    assert ("answer", "china") not in found
    assert (found["answer", "nato"].met, found["answer", "nato"].started_by == id) == (None, False)
    world.keep(N, act("acceptance"), id, seen=True)
    assert running(world, id)["answer", "nato"].met is not None


def test_a_meeting_on_the_ladder_is_answered_and_held_within_two_days_and_takes_two_officers() -> (
    None
):
    world = adopted("vienna")
    request = world.open(NH, act("explanation-request"))
    number = world.exchange(request).number
    for reference in (request, number):
        body = act("meeting-request", references=[reference], kind="bilateral")
        assert refused(world.decide(NH, body)).kind == "second-key-required"
        assert refused(world.decide(N, body, released_by=ND)).kind == "not-permitted"
        kept = world.keep(NH, body, released_by=ND)
        assert isinstance(kept, Folded) and kept.record is not None
        found = running(world, kept.record.envelope.id)
        assert world.exchange(kept.record.envelope.id).invokes == request
        assert (limit(found["answer", "china"]), limit(found["bilateral_meeting", "china"])) == (
            2 * DAY,
            2 * DAY,
        )
        of_all = world.keep(NH, {**body, "kind": "all_parties"}, released_by=ND)
        assert isinstance(of_all, Folded) and of_all.record is not None
        assert ("meeting_of_all", "china") in running(world, of_all.record.envelope.id)


def test_each_party_owes_a_readout_after_a_meeting_and_a_note_after_a_call() -> None:
    world = adopted()
    for opener, body, name, seconds in (
        (N, act("meeting-request"), "readout", 2 * DAY),
        (NH, act("call-request"), "note", DAY),
    ):
        id = world.open(opener, body)
        world.keep(
            N, {"act": "meeting-held", "from": "2026-11-24T10:00Z", "to": "2026-11-24T11:00Z"}, id
        )
        found = running(world, id)
        assert [limit(found[name, side]) for side in world.sides] == [seconds, seconds]
        world.keep(C, act("readout"), id)
        found = running(world, id)
        assert [found[name, side].met is None for side in world.sides] == [True, False]


def test_what_went_on_one_key_owes_the_second_within_two_hours() -> None:
    world = adopted()
    kept = world.keep(ND, act("launch-notice", phase="deviation"))
    assert isinstance(kept, Folded) and kept.record is not None
    id = kept.record.envelope.id
    assert limit(running(world, id)["second_key", "nato"]) == 2 * HOUR
    world.keep(NH, act("second-key", of=id), id)
    assert running(world, id)["second_key", "nato"].met is not None


def test_a_line_check_is_echoed_within_ten_minutes_and_an_acknowledgement_is_no_echo() -> None:
    world = adopted()
    id = world.open(ND, act("line-check"))
    world.keep(CD, act("acknowledgement"), id)
    assert (
        limit(running(world, id)["echo", "china"]),
        running(world, id)["echo", "china"].met,
    ) == (10 * MINUTE, None)
    world.keep(CD, act("echo"), id)
    assert running(world, id)["echo", "china"].met is not None


def test_a_cancelled_matter_owes_nothing_but_acknowledgements() -> None:
    world = adopted("vienna")
    id = world.open(NH, act("explanation-request"))
    world.keep(NH, act("cancellation"), id, seen=True)
    found = running(world, id)
    assert (
        found["explanation_answer", "china"].met,
        found["explanation_answer", "china"].open,
    ) == (None, False)
    assert found["acknowledgement", "china"].open


def test_what_is_entered_afterwards_starts_no_clock() -> None:
    world = adopted()
    assert running(world, world.open(ND, act("hazardous-incident", for_the_record=True))) == {}


@pytest.mark.parametrize(("kind", "sides"), [("track2", ("nato", "china"))])
def test_some_channels_have_no_clocks(kind: str, sides: tuple[str, ...]) -> None:
    world = adopted(kind=kind, sides=sides)
    assert running(world, world.open(N, act("contact-note"))) == {}


def test_limits_bind_from_when_every_side_has_adopted_the_same_profile() -> None:
    world = World()
    before = world.open(ND, act("contact-note"))
    assert not running(world, before)["acknowledgement", "china"].binding
    world.keep("nato/root", {"act": "profile-adoption", "profile": "vienna"})
    world.keep("china/root", {"act": "profile-adoption", "profile": "shanghai"})
    assert not running(world, world.open(ND, act("contact-note")))[
        "acknowledgement", "china"
    ].binding
    world.keep("china/root", {"act": "profile-adoption", "profile": "vienna"})
    assert running(world, world.open(ND, act("contact-note")))["acknowledgement", "china"].binding
    assert not running(world, before)["acknowledgement", "china"].binding


# Duty days


def test_routine_counts_the_duty_days_of_the_side_that_owes_it() -> None:
    friday = datetime(2026, 11, 27, 18, tzinfo=UTC)
    assert DutyCalendar().after(friday, DAY) == datetime(2026, 11, 30, 18, tzinfo=UTC)
    assert DutyCalendar(holidays=frozenset({"2026-11-30"})).after(friday, DAY) == datetime(
        2026, 12, 1, 18, tzinfo=UTC
    )
    every = DutyCalendar(days=frozenset(("mon", "tue", "wed", "thu", "fri", "sat", "sun")))
    assert every.after(friday, DAY) == friday + timedelta(days=1)
    shanghai = DutyCalendar(zone="Asia/Shanghai")
    assert shanghai.after(friday, DAY) == datetime(2026, 11, 30, 16, tzinfo=UTC), (
        "in Shanghai it is Saturday already"
    )


def test_an_office_that_never_works_owes_after_a_year_all_the_same() -> None:
    never = DutyCalendar(days=frozenset())
    start = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert start + timedelta(days=360) < never.after(start, DAY) < start + timedelta(days=370)


def test_the_calendar_is_that_of_the_office_once_it_is_agreed() -> None:
    world = adopted()
    hours = {"days": ["sun", "mon"], "from": "08:00", "to": "16:00", "zone": "Asia/Shanghai"}
    id = world.open(CH, act("liaison-office", hours=hours, holidays=["2026-11-29"]))
    assert world.ledger.office("china") is None
    world.keep(NH, act("agreement"), id, seen=True)
    calendar = duty_calendar.calendar_of(world.ledger.office("china"))
    assert calendar == DutyCalendar(
        days=frozenset({"sun", "mon"}), zone="Asia/Shanghai", holidays=frozenset({"2026-11-29"})
    )
    assert world.ledger.office("nato") is None


# What the watch records


def told(
    world: World, exchange: str, clock: Deadline, step: int, /, **changes: Any
) -> Folded | Refusal:
    """The watch records a step of a clock at the world's time, or something else in its name."""
    raw = changes.get("raw", deadline_acts.act_of(clock, step))
    post = Submission(
        actor=changes.get("actor", "service/watch"),
        act=raw,
        data=decode_act(raw),
        id=changes.get("id", clock_id(world.name, exchange, clock, step)),
        exchange=exchange,
        caused_by=changes.get("caused_by", clock.started_by),
    )
    decided = decide(world.ledger.standing.state, world.ledger, post, time=world.tick(), salt=SALT)
    return decided if isinstance(decided, Refusal) else world.take(decided)


@pytest.fixture
def flash() -> tuple[World, str, Deadline]:
    world = adopted()
    id = world.open(ND, act("contact-note", precedence="flash"))
    return world, id, running(world, id)["acknowledgement", "china"]


def test_reminders_and_a_lapse_are_recorded_at_their_time_and_once(
    flash: tuple[World, str, Deadline],
) -> None:
    world, id, clock = flash
    etag = world.exchange(id).etag
    assert isinstance(told(world, id, clock, 50), Refusal)
    world.clock = clock.at(50)
    assert isinstance(told(world, id, clock, 50), Folded)
    assert world.exchange(id).etag == etag, "a reminder is silent"
    assert refused(told(world, id, clock, 50)).kind == "void"
    assert isinstance(told(world, id, clock, 100), Refusal)
    world.clock = clock.due
    assert isinstance(told(world, id, clock, 100), Folded)
    assert world.exchange(id).etag != etag
    assert refused(told(world, id, clock, 90)).kind == "void"
    assert deadline_acts.recorded_step(world.exchange(id), clock) == 100
    world.keep(CD, act("acknowledgement"), id)
    assert running(world, id)["acknowledgement", "china"].late(world.clock)


def test_what_was_met_does_not_lapse(flash: tuple[World, str, Deadline]) -> None:
    world, id, clock = flash
    world.keep(CD, act("acknowledgement"), id)
    world.clock = clock.due + timedelta(hours=1)
    assert "no open deadline" in str(refused(told(world, id, clock, 100)).detail)


def test_courtesy_does_not_lapse() -> None:
    world = World()
    id = world.open(ND, act("contact-note", precedence="flash"))
    clock = running(world, id)["acknowledgement", "china"]
    world.clock = clock.due
    assert "no open deadline" in str(refused(told(world, id, clock, 100)).detail)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "0192f0c1-2f3a-7c4d-8e5f-112233445566"},
        {"caused_by": "0192f0c1-2f3a-7c4d-8e5f-112233445566"},
        {"caused_by": ""},
        {"actor": "service/gateway"},
        {"actor": "nato/d-1"},
    ],
)
def test_only_a_watch_records_a_lapse_and_says_what_every_watch_would(
    change: dict[str, Any], flash: tuple[World, str, Deadline]
) -> None:
    world, id, clock = flash
    world.clock = clock.due
    assert isinstance(told(world, id, clock, 100, **change), Refusal)
    raw = deadline_acts.act_of(clock, 100).replace(b".000Z", b".001Z")
    assert isinstance(told(world, id, clock, 100, raw=raw), Refusal)
    assert isinstance(told(world, id, clock, 100), Folded)


# The watch, the status, the codebook


def test_the_watch_is_taken_handed_over_and_ended() -> None:
    world = World()
    world.keep(CD, act("watch-assumption"))
    assert world.registry.watches["china"].since.by == CD
    assert refused(world.keep(CD, act("watch-assumption"))).faults[0].pointer == "/act"
    assert refused(world.keep(CD, {"act": "watch-relief", "to": "o-1"})).faults[0].pointer == "/to"
    world.keep(CD, {"act": "watch-relief", "to": "h-1", "note": "Quiet."})
    taken = world.registry.watches["china"]
    assert isinstance(taken.note, msgspec.Raw)
    assert (taken.since.by, bytes(taken.note)) == (CH, b'"Quiet."')
    world.keep(CH, {"act": "watch-relief"})
    assert world.registry.watches == {}
    assert refused(world.keep(CH, {"act": "watch-relief"})).faults[0].pointer == "/act"
    assert refused(world.keep(C, act("watch-assumption"))).kind == "not-permitted"


def test_a_suspension_is_in_writing_numbered_of_two_keys_and_blocks_nothing() -> None:
    world = World()
    assert refused(world.keep(NH, act("channel-status"))).kind == "second-key-required"
    bare = {"act": "channel-status", "status": "suspended"}
    assert refused(world.keep(NH, bare, released_by=ND)).faults[0].pointer == "/reason"
    kept = world.keep(NH, act("channel-status"), released_by=ND)
    assert isinstance(kept, Folded)
    assert kept.number.endswith("/N21/O")
    assert world.exchange(world.open(N, act("contact-note"))).messages[0].suspended
    world.keep(CH, {"act": "channel-status", "status": "resumed"}, released_by=CD)
    assert not world.exchange(world.open(N, act("contact-note"))).messages[0].suspended


def test_a_codebook_that_there_is_not_is_not_adopted() -> None:
    world = World()
    assert (
        refused(
            world.keep(
                "nato/root", {"act": "codebook-adoption", "codebook": "starter", "version": 2}
            )
        )
        .faults[0]
        .pointer
        == "/codebook"
    )
    world.keep("nato/root", act("codebook-adoption"))
    assert (
        world.registry.codebooks["nato"].codebook,
        world.registry.codebooks["nato"].version,
    ) == ("starter", 1)
