"""An act was told at the time of its record, or before its record by voice. Limits, lead times and
late reports follow from that time.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dragoman.domain.acts import deadline_acts, deadlines
from dragoman.domain.acts.accounts import accounts_of, differing, point
from dragoman.domain.acts.deadlines import Deadline
from dragoman.domain.acts.families.notification import coded_text
from dragoman.domain.fold import Folded
from dragoman.domain.views import alarms
from dragoman.domain.views.flags import flags
from dragoman.domain.views.lead_times import lead
from dragoman_schemas.profiles import DAY, HOUR
from dragoman_schemas.state import Stamp
from samples import act
from world import INCIDENT, World, refused

N, C, NH, CH, ND, CD = "nato/o-1", "china/o-1", "nato/h-1", "china/h-1", "nato/d-1", "china/d-1"
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def adopted(profile: str = "default", **kinds: Any) -> World:
    world = World(**kinds)
    for side in world.sides:
        world.keep(f"{side}/root", {"act": "profile-adoption", "profile": profile})
    return world


def by_voice(at: datetime | str) -> dict[str, str]:
    return {
        "means": "voice",
        "at": at if isinstance(at, str) else at.isoformat(),
        "to_post": "Duty officer",
    }


def at(world: World, moment: datetime) -> None:
    """Let the next record be of that time."""
    world.clock = moment - SECOND


def of(world: World, id: str, clock: str) -> list[Deadline]:
    return [
        each
        for each in deadlines.deadlines_of(world.registry, world.exchange(id), {})
        if each.clock == clock
    ]


def shown(world: World, id: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for flag in flags(world.registry, world.exchange(id), []):
        found.setdefault(flag.flag, []).append(str(flag.detail))
    return found


# By voice


def test_what_was_said_before_was_told_when_it_was_said_in_whatever_zone_and_never_after_its_record() -> (
    None
):
    world = World()
    for said, told in (
        ("2026-11-25T19:00+08:00", "2026-11-25T11:00:00.000Z"),
        ("2026-11-25T12:00:01.5Z", "2026-11-25T12:00:00.000Z"),
    ):
        at(world, NOON)
        opened = world.exchange(world.open(N, act("contact-note", passed_by=by_voice(said)))).opened
        assert (opened.time, opened.told, opened.when) == ("2026-11-25T12:00:00.000Z", told, told)
    plain = world.exchange(world.open(N, act("contact-note"))).opened
    assert (plain.told, plain.when) == ("", plain.time)
    assert Stamp(position=1, time="b", by="nato/o-1").side == "nato"
    at(world, NOON)
    ahead = act("contact-note", passed_by=by_voice(NOON + timedelta(seconds=2.5)))
    assert refused(world.keep(N, ahead)).faults[0].pointer == "/passed_by/at"


def test_an_answer_by_voice_met_its_clock_when_it_was_given() -> None:
    world = adopted()
    at(world, NOON)
    id = world.open(N, act("ict-inquiry"))
    at(world, NOON + timedelta(days=3))
    world.keep(C, act("reply", passed_by=by_voice(NOON + timedelta(days=2))), id)
    (answer,) = of(world, id, "answer")
    assert not answer.late(world.clock), "at exactly the limit"
    at(world, NOON + timedelta(days=3))
    other = world.open(N, act("ict-inquiry"))
    at(world, NOON + timedelta(days=6))
    world.keep(C, act("reply"), other)
    assert of(world, other, "answer")[0].late(world.clock)
    assert answer.met is not None
    assert answer.met.time > answer.met.told


def test_a_flash_that_was_said_before_is_not_alarmed_again_and_the_rest_of_it_is_owed() -> None:
    world = adopted()
    at(world, NOON)
    id = world.open(
        ND, {**INCIDENT, "kind": "collision", "passed_by": by_voice(NOON - timedelta(minutes=9))}
    )
    assert (
        list(alarms.escalations(world.registry, world.exchange(id), NOON + timedelta(hours=1)))
        == []
    )
    assert of(world, id, "acknowledgement") == []
    assert [
        (each.side, each.open)
        for each in (*of(world, id, "update"), *of(world, id, "final_report"))
    ] == [("nato", True)] * 2


def test_one_key_owes_the_second_also_where_it_was_said_before_and_after_the_matter_ended() -> None:
    world = adopted()
    kept = world.keep(
        ND, act("launch-notice", phase="deviation", passed_by=by_voice("2026-11-24T11:00Z"))
    )
    assert isinstance(kept, Folded) and kept.record is not None
    id = kept.record.envelope.id
    world.keep(ND, act("cancellation"), id, seen=True)
    (second,) = of(world, id, "second_key")
    assert (second.side, second.open, (second.due - second.begins).total_seconds()) == (
        "nato",
        True,
        2 * HOUR,
    )


@pytest.mark.parametrize(
    ("name", "since"), [("hazardous-incident", "known_at"), ("emergency-notification", "time")]
)
def test_a_report_by_voice_in_time_is_not_late(name: str, since: str) -> None:
    for passed, late in (
        (None, True),
        (NOON - timedelta(minutes=30), False),
        (NOON - timedelta(minutes=29), True),
    ):
        world = World()
        at(world, NOON)
        more = {} if passed is None else {"passed_by": by_voice(passed)}
        body = act(name, **{since: "2026-11-25T10:30:00Z"}, **more)
        assert ("late_report" in shown(world, world.open(ND, body))) == late


def test_a_notice_by_voice_in_time_is_not_short() -> None:
    window = {"from": "2026-11-28T12:00:00Z", "to": "2026-11-29T12:00:00Z"}
    for passed, short in ((None, True), (NOON, False), (NOON + SECOND, True)):
        world = World()
        at(world, NOON + timedelta(hours=1))
        more = {} if passed is None else {"passed_by": by_voice(passed)}
        assert (
            "short_notice" in shown(world, world.open(N, act("danger-area", window=window, **more)))
        ) == short


# Corrections


@pytest.mark.parametrize(
    ("name", "change", "fields", "restarts"),
    [
        (
            "danger-area",
            {},
            {"window": {"from": "2026-11-30T12:00:00Z", "to": "2026-12-01T12:00:00Z"}},
            True,
        ),
        ("danger-area", {}, {"place": {"lat": 1, "lon": 2}}, True),
        ("danger-area", {}, {"floor": {"value": 1, "unit": "m"}}, True),
        ("danger-area", {}, {"hazard": "mines"}, False),
        ("danger-area", {}, {"on_scene_contact": "VHF 12"}, False),
    ],
)
def test_a_correction_of_date_area_or_totals_restarts_the_test_of_lead_time(
    name: str, change: dict[str, Any], fields: dict[str, Any], *, restarts: bool
) -> None:
    world = World()
    at(world, NOON)
    window = {"from": "2026-11-30T12:00:00Z", "to": "2026-12-01T12:00:00Z"}
    id = world.open(N, act(name, window=window, **change))
    assert "short_notice" not in shown(world, id)
    at(world, NOON + timedelta(days=3))
    assert isinstance(
        world.keep(N, {"act": "correction", "reason": "x", "fields": fields}, id, seen=True), Folded
    )
    assert ("short_notice" in shown(world, id)) == restarts


@pytest.mark.parametrize(
    "fields",
    [{"troops": 8100}, {"arms": {"battle_tanks": 7}}, {"place": "Elsewhere"}, {"phases": []}],
)
def test_of_an_activity_its_numbers_and_its_place_restart_it(fields: dict[str, Any]) -> None:
    world = World()
    at(world, NOON)
    window = {"from": "2027-01-06T12:00:00Z", "to": "2027-01-10T12:00:00Z"}
    id = world.open(
        N, act("military-activity", notice_kind="normal", type="field_exercise", window=window)
    )
    assert "short_notice" not in shown(world, id)
    world.keep(
        N, {"act": "correction", "reason": "x", "fields": {"purpose": "Other"}}, id, seen=True
    )
    assert "short_notice" not in shown(world, id)
    world.keep(N, {"act": "correction", "reason": "x", "fields": fields}, id, seen=True)
    assert "short_notice" in shown(world, id)


def test_a_change_is_told_within_a_day_of_its_decision() -> None:
    for changed, late in (
        (NOON - timedelta(days=1), False),
        (NOON - timedelta(days=1) - SECOND, True),
    ):
        world = World()
        id = world.open(N, act("military-activity", notice_kind="normal"))
        at(world, NOON)
        says = {"fields": {"purpose": "Other"}, "as_of": changed.isoformat()}
        assert isinstance(world.keep(N, {"act": "update", **says}, id), Folded)
        assert ("late_change" in shown(world, id)) == late


def test_an_alert_activity_is_told_when_it_begins() -> None:
    for starts, late in ((NOON, False), (NOON - SECOND, True)):
        world = World()
        at(world, NOON)
        window = {"from": starts.isoformat(), "to": "2026-12-10T12:00:00Z"}
        assert (
            "late_report"
            in shown(
                world, world.open(N, act("military-activity", notice_kind="alert", window=window))
            )
        ) == late


# Contacts, yearly data, areas


def test_a_contact_is_announced_before_it_takes_effect_unless_a_number_was_dead() -> None:
    for starts, dead, short in (
        (NOON, False, False),
        (NOON - SECOND, False, True),
        (NOON - SECOND, True, False),
    ):
        world = World()
        at(world, NOON)
        body = act("point-of-contact", valid_from=starts.isoformat(), duty_number_dead=dead)
        body.pop("valid_to", None)
        assert ("short_notice" in shown(world, world.open(NH, body))) == short


def test_a_test_that_reached_nobody_asks_for_a_new_confirmation_within_a_day() -> None:
    world = adopted()
    id = world.open(NH, act("point-of-contact"))

    def owed() -> list[tuple[str, int]]:
        return [
            (each.started_by, round((each.due - each.begins).total_seconds()))
            for each in of(world, id, "reconfirmation")
        ]

    assert owed() == [(id, 365 * DAY)]
    world.keep(C, act("call-attempt", outcome="reached", side="nato"), id)
    assert owed() == [(id, 365 * DAY)]
    world.keep(C, act("call-attempt", outcome="no_answer", side="nato", means="page"), id)
    world.keep(C, act("call-attempt", outcome="busy", side="nato"), id)
    missed = world.exchange(id).acts["call-attempt"][1].id
    assert owed() == [(missed, DAY)], "the first that failed since the newest confirmation"
    world.keep(NH, act("reconfirmation"), id)
    assert owed() == [(world.exchange(id).acts["reconfirmation"][0].id, 365 * DAY)]
    world.keep(NH, act("reconfirmation", for_the_record=True), id)
    assert owed() == [(world.exchange(id).acts["reconfirmation"][0].id, 365 * DAY)]


@pytest.mark.parametrize(
    ("change", "last"),
    [
        ({"kind": "defence_planning", "budget_on": "2026-08-24"}, "2026-11-24"),
        ({"kind": "defence_planning", "budget_on": "2026-08-31"}, "2026-11-30"),
        ({"kind": "defence_planning", "budget_on": "2026-11-30"}, "2027-02-28"),
        ({"kind": "force_information", "half_year_to": "2026-06-30"}, "2026-07-30"),
        ({"kind": "annual_calendar", "year": 2027}, "2026-11-15"),
    ],
)
def test_yearly_and_half_yearly_data_and_plans_have_a_last_day(
    change: dict[str, Any], last: str
) -> None:
    day = datetime.fromisoformat(last).replace(tzinfo=UTC)
    for moment, late in (
        (day + timedelta(days=1) - SECOND, False),
        (day + timedelta(days=1), True),
    ):
        world = World(clock=datetime(2026, 6, 1, tzinfo=UTC))
        at(world, moment)
        assert (
            "late_report" in shown(world, world.open(NH, act("annual-exchange", **change)))
        ) == late
        assert "late_report" not in shown(
            world, world.open(NH, act("annual-exchange", kind="policy_paper"))
        )


def test_a_question_about_yearly_data_is_asked_within_two_months() -> None:
    for asked, late in (
        (datetime(2027, 1, 25, 12, tzinfo=UTC), False),
        (datetime(2027, 1, 25, 12, 0, 1, tzinfo=UTC), True),
    ):
        world = World()
        at(world, NOON)
        id = world.open(NH, act("annual-exchange", kind="policy_paper"))
        at(world, asked)
        world.keep(C, act("clarification-request"), id)
        assert ("late_question" in shown(world, id)) == late


def test_a_danger_area_that_is_told_later_than_five_days_before_is_below_the_aim() -> None:
    for starts, flag in (
        (NOON + timedelta(days=5), None),
        (NOON + timedelta(days=5) - SECOND, "below_aim"),
        (NOON, "short_notice"),
    ):
        world = World()
        at(world, NOON)
        window = {"from": starts.isoformat(), "to": (starts + timedelta(days=1)).isoformat()}
        found = shown(world, world.open(N, act("danger-area", window=window)))
        assert {"below_aim", "short_notice"} & found.keys() == ({flag} if flag else set())


@pytest.mark.parametrize("kind", ["inspection", "evaluation", "port_call"])
def test_an_inspection_is_asked_for_a_day_and_a_half_to_five_days_before(kind: str) -> None:
    for ahead, flag in (
        (timedelta(hours=36), None),
        (timedelta(hours=36) - SECOND, "short_notice"),
        (timedelta(days=5), None),
        (timedelta(days=5) + SECOND, "early_notice"),
    ):
        world = World()
        at(world, NOON)
        body = act("visit-request", kind=kind, arrival=(NOON + ahead).isoformat())
        del body["stay"]
        found = shown(world, world.open(N, body))
        expected = {flag} if flag and kind != "port_call" else set()
        assert {"early_notice", "short_notice"} & found.keys() == expected


@pytest.mark.parametrize(
    ("name", "body"), [("half_year_to", "2026-02-30"), ("budget_on", "2026-02-30")]
)
def test_a_day_that_does_not_exist_is_refused(name: str, body: str, world: World) -> None:
    assert (
        refused(world.keep(NH, act("annual-exchange", **{name: body}), released_by=ND))
        .faults[0]
        .pointer
        == f"/{name}"
    )


# Meetings and ladders


@pytest.mark.parametrize(
    ("starts", "due"),
    [
        ("2027-03-01T08:00:00Z", NOON + timedelta(days=7)),
        ("2026-12-12T12:00:00Z", NOON + timedelta(days=3)),
        ("2026-12-09T12:00:01Z", NOON + SECOND),
        ("2026-12-09T12:00:00Z", NOON + timedelta(days=7)),
        ("2026-11-26T12:00:00Z", NOON + timedelta(days=1)),
    ],
)
def test_a_meeting_is_answered_in_a_week_two_weeks_ahead_if_possible_and_never_after_it(
    starts: str, due: datetime
) -> None:
    world = adopted()
    at(world, NOON)
    later = {"from": "2027-06-01T08:00:00Z", "to": "2027-06-01T09:00:00Z"}
    first = {
        "from": starts,
        "to": (datetime.fromisoformat(starts) + timedelta(hours=1)).isoformat(),
    }
    id = world.open(N, act("meeting-request", windows=[later, first]))
    assert [each.due for each in of(world, id, "answer")] == [due]
    at(world, NOON + timedelta(days=1))
    world.keep(
        C,
        act(
            "counter-proposal",
            windows=[{"from": "2026-12-12T12:00:00Z", "to": "2026-12-12T13:00:00Z"}],
        ),
        id,
    )
    assert [(each.side, each.due) for each in of(world, id, "answer")] == [
        ("nato", NOON + timedelta(days=3))
    ]


def test_what_carries_on_for_the_record_starts_nothing() -> None:
    world = adopted()
    id = world.open(N, act("meeting-request"))
    before = of(world, id, "answer")
    world.keep(N, act("postponement", for_the_record=True), id)
    assert [each.started_by for each in of(world, id, "answer")] == [
        each.started_by for each in before
    ]
    held = {"act": "meeting-held", "from": "2026-11-24T10:00Z", "to": "2026-11-24T11:00Z"}
    world.keep(N, {**held, "for_the_record": True}, id)
    assert of(world, id, "readout") == []
    id = world.open(N, act("meeting-request"))
    world.keep(N, held, id)
    assert [each.side for each in of(world, id, "readout")] == ["nato", "china"]
    incident = world.open(ND, INCIDENT)
    world.keep(ND, {"act": "update", "text": "x", "for_the_record": True}, incident)
    assert [each.started_by for each in of(world, incident, "update")] == [incident]


def test_what_is_due_after_a_time_begins_then() -> None:
    world = adopted()
    id = world.open(
        N, act("military-activity", window={"from": "2027-01-20T00:00Z", "to": "2027-01-24T00:00Z"})
    )
    (report,) = of(world, id, "after_activity_report")
    assert (report.begins, report.due - report.begins) == (
        datetime(2027, 1, 24, tzinfo=UTC),
        timedelta(days=30),
    )
    assert deadline_acts.reached_step(report, report.begins + timedelta(days=14, hours=23)) == 0
    assert deadline_acts.reached_step(report, report.begins + timedelta(days=15)) == 50


def test_shanghai_asks_for_no_meeting_and_vienna_does() -> None:
    for profile, owed in (("shanghai", []), ("vienna", ["china"])):
        world = adopted(profile)
        request = world.open(NH, act("explanation-request"))
        kept = world.keep(
            NH, act("meeting-request", references=[request], kind="bilateral"), released_by=ND
        )
        assert isinstance(kept, Folded) and kept.record is not None
        assert [
            each.side for each in of(world, kept.record.envelope.id, "bilateral_meeting")
        ] == owed


def test_a_request_for_explanation_is_copied_to_all() -> None:
    world = World(sides=("nato", "china", "osce", "un"))
    asked = world.exchange(world.open(NH, act("explanation-request", to=["china"], info=["un"])))
    assert (asked.to, asked.info, asked.messages[0].info) == (
        ("china",),
        ("osce", "un"),
        ("osce", "un"),
    )
    note = world.exchange(world.open(N, act("contact-note", to=["china"])))
    assert (note.to, note.info) == (("china",), ())


# Accounts


def test_the_accounts_of_an_incident_differ_by_what_both_give_otherwise_and_can_be_compared() -> (
    None
):
    world = World()
    id = world.open(ND, {**INCIDENT, "casualties": 0})
    world.keep(
        CD,
        {
            "act": "counter-account",
            "facts": "At a safe distance.",
            "casualties": 0,
            "place": {"lat": 15.2, "lon": 116.44},
        },
        id,
    )
    assert shown(world, id)["accounts_differ"] == ["china states it differently: place"]
    assert differing(world.exchange(id)) == {"china": ["place"]}
    world.keep(CD, {"act": "counter-account", "facts": INCIDENT["facts"], "damage": "None."}, id)
    assert "accounts_differ" not in shown(world, id), (
        "the newest counts, and what one side alone gives differs from nothing"
    )


@pytest.mark.parametrize(
    ("name", "own"),
    [("encounter-report", "description"), ("call-record", "gist"), ("hazardous-incident", "facts")],
)
def test_words_of_another_side_are_its_own_account_and_no_difference(
    name: str, own: str, world: World
) -> None:
    body = act(name)
    id = world.open(ND, body)
    for facts in (body[own], "Otherwise."):
        world.keep(C, {"act": "counter-account", "facts": facts}, id)
        assert "accounts_differ" not in shown(world, id)
        assert shown(world, id)["own_account"] == ["china has given its own account"]
        told = accounts_of(world.exchange(id))
        assert point(own, told).result == "words", (
            "an account's facts stand beside what the report calls them"
        )


def test_accounts_do_not_differ_once_facts_are_agreed(world: World) -> None:
    id = world.open(N, act("encounter-report"))
    world.keep(C, {"act": "counter-account", "facts": "Otherwise."}, id)
    for actor in (N, C):
        world.keep(actor, act("accounts-agreement"), id, seen=True)
    assert world.exchange(id).status == "agreed_facts"
    assert not {"accounts_differ", "own_account"} & shown(world, id).keys()
    once = act("encounter-report")
    other = world.open(N, once)
    given = {
        "dtg": "2026-11-24T03:00Z",
        "text": "Other words.",
        "remarks": "None.",
        "phrases": ["received"],
    }
    carried = {**once, **given, "remarks": "Others.", "text": "Words.", "dtg": "2026-11-24T04:00Z"}
    other = world.open(N, {**carried, "phrases": ["no_further_information"]})
    world.keep(C, {"act": "counter-account", "facts": once["description"], **given}, other)
    assert "accounts_differ" not in shown(world, other), (
        "what a message says of itself is no account"
    )


@pytest.mark.parametrize(
    ("name", "opener", "fields"),
    [
        ("humanitarian-notification", N, {"arrival": "2026-12-01T13:00Z"}),
        ("humanitarian-notification", N, {"route": ["Port", "Village"]}),
        ("humanitarian-notification", N, {"vehicles": 7}),
        ("humanitarian-notification", N, {"persons": 15}),
        ("danger-area", N, {"ceiling": {"value": 5, "unit": "m"}}),
        ("launch-notice", N, {"launch_area": "Elsewhere"}),
        ("launch-notice", N, {"impact_areas": ["Elsewhere"]}),
        ("launch-notice", N, {"dropping_zones": ["Elsewhere"]}),
        ("launch-notice", N, {"number": 2}),
        ("point-of-contact", NH, {"valid_from": "2026-11-30T00:00Z"}),
    ],
)
def test_every_field_of_date_area_and_totals_is_told_anew_by_its_correction(
    name: str, opener: str, fields: dict[str, Any]
) -> None:
    world = World()
    at(world, NOON - timedelta(days=1))
    starts = (
        {"departure": "2026-12-01T05:00Z"}
        if name == "humanitarian-notification"
        else {"valid_from": "2026-11-28T00:00Z"}
    )
    window = (
        {"window": {"from": "2026-12-01T05:00Z", "to": "2026-12-01T09:00Z"}}
        if name in ("danger-area", "launch-notice")
        else starts
    )
    body = {key: value for key, value in act(name, **window).items() if key != "valid_to"}
    id = world.open(opener, body)
    before = lead(world.registry, world.exchange(id))
    at(world, NOON)
    assert isinstance(
        world.keep(opener, {"act": "correction", "reason": "x", "fields": fields}, id, seen=True),
        Folded,
    )
    after = lead(world.registry, world.exchange(id))
    assert before is not None
    assert after is not None
    moved = (
        datetime.fromisoformat("2026-11-30T00:00Z") - datetime.fromisoformat("2026-11-28T00:00Z")
        if name == "point-of-contact"
        else timedelta(0)
    )
    assert before.given + moved - after.given == timedelta(days=1)


def test_a_threat_within_a_day_is_answered_as_an_imminent_one() -> None:
    for starts, hours in (("2026-11-26T12:00:00Z", 2), ("2026-11-26T12:00:01Z", 72)):
        world = adopted()
        at(world, NOON)
        body = {key: value for key, value in act("terrorism-warning").items() if key != "imminent"}
        window = {"from": starts, "to": "2026-12-01T00:00:00Z"}
        id = world.open(N, {**body, "window": window})
        (answer,) = of(world, id, "answer")
        assert answer.due - answer.begins == timedelta(hours=hours)


def test_a_readout_that_is_due_after_a_meeting_that_is_still_to_end_begins_then() -> None:
    world = adopted()
    id = world.open(N, act("meeting-request"))
    world.keep(
        N, {"act": "meeting-held", "from": "2026-11-28T10:00Z", "to": "2026-11-28T11:00Z"}, id
    )
    assert {(each.begins, each.due - each.begins) for each in of(world, id, "readout")} == {
        (datetime(2026, 11, 28, 11, tzinfo=UTC), timedelta(days=2))
    }


def test_the_codebook_that_is_not_adopted_by_all_is_named(world: World) -> None:
    id = world.open(ND, act("immediate-notification"))
    assert shown(world, id)["not_adopted"] == [
        "not by nato, china; the amplification says it in plain words"
    ]
    for side in world.sides:
        world.keep(f"{side}/root", act("codebook-adoption"))
    assert "not_adopted" not in shown(world, id)


def test_a_coded_message_is_told_in_full_and_no_other_is(world: World) -> None:
    coded = world.exchange(world.open(ND, act("immediate-notification", designator=5)))
    assert coded_text(coded)["en"] == "hazardous activity halted"
    assert coded_text(world.exchange(world.open(N, act("contact-note")))) == {}


def test_a_venue_is_open_for_twelve_hours_on_a_ladder_alone() -> None:
    world = adopted("vienna")
    request = world.open(NH, act("explanation-request"))
    body = {
        key: value
        for key, value in act("meeting-request", references=[request]).items()
        if key != "venue"
    }
    at(world, NOON)
    kept = world.keep(NH, body, released_by=ND)
    assert isinstance(kept, Folded) and kept.record is not None
    id = kept.record.envelope.id

    def held(moment: datetime, of: str = id) -> bool:
        return "default_venue" in [
            flag.flag for flag in flags(world.registry, world.exchange(of), [], moment)
        ]

    later = NOON + timedelta(hours=12)
    assert [held(later), held(later + SECOND)] == [False, True]
    world.keep(C, act("acceptance", window=0), id, seen=True)
    assert held(later + SECOND), "an accepted meeting needs a venue as well"
    world.keep(C, act("meeting-held"), id)
    assert not held(later + SECOND)
    at(world, NOON)
    plain = world.open(N, {key: value for key, value in body.items() if key != "references"})
    assert not held(later + SECOND, plain)
    agreed = world.keep(NH, {**body, "venue": "Vienna"}, released_by=ND)
    assert isinstance(agreed, Folded) and agreed.record is not None
    assert not held(later + SECOND, agreed.record.envelope.id)


def test_a_launch_is_reported_two_days_after_its_window_or_its_time() -> None:
    for when in (
        {"window": {"from": "2026-11-23T10:00Z", "to": "2026-11-23T12:00Z"}},
        {"time": "2026-11-23T12:00Z"},
    ):
        for told, late in ((NOON, False), (NOON + SECOND, True)):
            world = World(clock=datetime(2026, 11, 1, tzinfo=UTC))
            at(world, told)
            body = {
                key: value
                for key, value in act("launch-notice", phase="post_launch").items()
                if key not in ("window", "time")
            }
            assert ("late_report" in shown(world, world.open(N, {**body, **when}))) == late


def test_how_late_is_said_in_words() -> None:
    world = World(clock=datetime(2026, 11, 1, tzinfo=UTC))
    at(world, datetime(2026, 11, 19, tzinfo=UTC))
    late = shown(world, world.open(NH, act("annual-exchange", kind="annual_calendar", year=2027)))[
        "late_report"
    ]
    assert late == ["3 days after 15 November 2026, the last day"]
    changed = act(
        "annual-exchange", kind="annual_calendar", year=2027, changed_at="2026-11-18T00:00Z"
    )
    assert "late_report" not in shown(world, world.open(NH, changed)), (
        "a change has a limit of its own"
    )
    plan = act("annual-exchange", kind="policy_paper", budget_on="2026-01-01")
    assert "late_report" not in shown(world, world.open(NH, plan)), (
        "a budget is of a defence planning"
    )
    body = {
        key: value
        for key, value in act("point-of-contact", valid_from="2026-11-18T21:59:00Z").items()
        if key != "valid_to"
    }
    assert shown(world, world.open(NH, body))["short_notice"] == [
        "it took effect 2 hours 1 minute 3 seconds before it was announced; it must be announced before"
    ]
    window = {"from": "2026-11-23T00:00:00Z", "to": "2026-11-24T00:00:00Z"}
    assert shown(world, world.open(N, act("danger-area", window=window)))["below_aim"] == [
        "3 days 23 hours 59 minutes 56 seconds before it begins; the sides aim at 5 days"
    ]
