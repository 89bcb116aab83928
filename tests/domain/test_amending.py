"""Tests of an opening's state: values that an update makes known, values that a correction
replaces, and duties of other sides that neither changes.
"""

from datetime import datetime
from typing import Any

import msgspec
import pytest

from dragoman.domain.acts import deadlines
from dragoman.domain.acts.deadlines import Deadline
from dragoman.domain.acts.families.exchange import frame_word
from dragoman.domain.fold import Folded
from dragoman.domain.views import alarms
from dragoman.domain.views.titles import subject_of, title_of
from dragoman_schemas.profiles import DAY, HOUR, MINUTE
from samples import act
from world import INCIDENT, World, refused

N, C, NH, CH, ND, CD = "nato/o-1", "china/o-1", "nato/h-1", "china/h-1", "nato/d-1", "china/d-1"
COLLISION = {"act": "correction", "reason": "They touched.", "fields": {"kind": "collision"}}


def adopted(profile: str = "default", **kinds: Any) -> World:
    world = World(**kinds)
    for side in world.sides:
        world.keep(f"{side}/root", {"act": "profile-adoption", "profile": profile})
    return world


def limits(world: World, id: str, clock: str) -> list[int]:
    return [round((each.due - each.begins).total_seconds()) for each in of(world, id, clock)]


def of(world: World, id: str, clock: str) -> list[Deadline]:
    return [
        each
        for each in deadlines.deadlines_of(world.registry, world.exchange(id), {})
        if each.clock == clock
    ]


# Updates


@pytest.mark.parametrize(
    ("opener", "opening", "name", "value"),
    [
        (ND, INCIDENT, "casualties", 2),
        (ND, {**INCIDENT, "casualties": "unknown"}, "casualties", 2),
        (ND, {**INCIDENT, "known_at": "unknown"}, "known_at", "2026-11-24T03:10+08:00"),
        (N, act("military-activity", troops="unknown"), "troops", 8000),
        (
            N,
            act("military-activity", arms={"battle_tanks": "unknown"}),
            "arms",
            {"battle_tanks": 10},
        ),
    ],
)
def test_an_update_makes_known_what_was_unknown(
    opener: str, opening: dict[str, Any], name: str, value: object
) -> None:
    world = World()
    id = world.open(opener, opening)
    assert isinstance(world.keep(opener, {"act": "update", "fields": {name: value}}, id), Folded)
    assert bytes(world.exchange(id).content[name]) == msgspec.json.encode(value)
    assert not world.exchange(id).corrections


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("precedence", "routine"),
        ("subject", "Nothing"),
        ("area", "general"),
        ("attribution", "non_paper"),
        ("releasability", "joint_release"),
        ("without_prejudice", False),
        ("basis", {"instrument": "x", "provision": "y"}),
        ("dtg", "2026-11-24T03:00Z"),
    ],
)
def test_an_update_changes_nothing_of_the_frame_that_was_given(
    name: str, value: object, world: World
) -> None:
    id = world.open(ND, INCIDENT)
    before = world.exchange(id)
    refusal = refused(world.keep(ND, {"act": "update", "fields": {name: value}}, id))
    assert (refusal.kind, refusal.faults[0].pointer) == ("invalid-act", f"/fields/{name}")
    assert world.exchange(id) == before


# Corrections


def test_how_it_was_passed_on_is_not_corrected(world: World) -> None:
    id = world.open(N, act("contact-note"))
    passed = {"means": "voice", "at": "2026-11-24T03:00Z", "to_post": "x"}
    refusal = refused(
        world.keep(
            N, {"act": "correction", "reason": "x", "fields": {"passed_by": passed}}, id, seen=True
        )
    )
    assert refusal.faults[0].pointer == "/fields/passed_by"


def test_a_correction_raises_the_precedence_of_itself_and_of_what_follows_alone() -> None:
    world = adopted()
    id = world.open(ND, INCIDENT)
    world.keep(ND, COLLISION, id, seen=True)
    world.keep(ND, {"act": "update", "text": "One is damaged."}, id)
    assert limits(world, id, "acknowledgement") == [30 * MINUTE, 10 * MINUTE, 10 * MINUTE]
    exchange = world.exchange(id)
    first = datetime.fromisoformat(exchange.messages[0].said.time)
    (alarm,) = alarms.escalations(world.registry, exchange, first)
    assert alarm.message == exchange.messages[1].id, "the report came as an immediate one"


def test_a_correction_that_lowers_the_precedence_leaves_an_earlier_flash_one() -> None:
    world = adopted()
    id = world.open(ND, {**INCIDENT, "kind": "collision"})
    world.keep(
        ND, {"act": "correction", "reason": "x", "fields": {"kind": "near_miss"}}, id, seen=True
    )
    assert limits(world, id, "acknowledgement") == [10 * MINUTE, 30 * MINUTE]
    assert world.exchange(id).precedence == "immediate"


@pytest.mark.parametrize(
    ("profile", "opener", "opening", "fields", "clock", "limit"),
    [
        (
            "default",
            N,
            act("terrorism-warning", imminent=False),
            {"imminent": True},
            "answer",
            72 * HOUR,
        ),
        (
            "shanghai",
            NH,
            act("explanation-request", urgent=False),
            {"urgent": True},
            "explanation_answer",
            7 * DAY,
        ),
        (
            "default",
            N,
            act("visit-invitation", kind="observation"),
            {"kind": "visit_of_concern"},
            "answer",
            None,
        ),
        (
            "default",
            N,
            act("visit-invitation", kind="observation"),
            {"dates": {"from": "2026-11-26T00:00Z", "to": "2026-11-27T00:00Z"}},
            "answer",
            None,
        ),
        (
            "default",
            N,
            act(
                "meeting-request",
                windows=[{"from": "2027-03-01T08:00Z", "to": "2027-03-01T10:00Z"}],
            ),
            {"windows": [{"from": "2026-12-09T08:00Z", "to": "2026-12-09T10:00Z"}]},
            "answer",
            7 * DAY,
        ),
    ],
)
def test_no_correction_makes_another_side_late(
    profile: str,
    opener: str,
    opening: dict[str, Any],
    fields: dict[str, Any],
    clock: str,
    limit: int | None,
) -> None:
    world = adopted(profile)
    id = world.open(opener, opening)
    before = of(world, id, clock)
    assert isinstance(
        world.keep(opener, {"act": "correction", "reason": "x", "fields": fields}, id, seen=True),
        Folded,
    )
    assert of(world, id, clock) == before
    assert limit is None or limits(world, id, clock) == [limit]


@pytest.mark.parametrize(
    ("opener", "opening", "name"),
    [(NH, act("explanation-request"), "urgent"), (N, act("terrorism-warning"), "imminent")],
)
def test_an_update_makes_nothing_urgent(
    opener: str, opening: dict[str, Any], name: str, world: World
) -> None:
    opening = {key: value for key, value in opening.items() if key != name}
    id = world.open(opener, opening)
    assert (
        refused(world.keep(opener, {"act": "update", "fields": {name: True}}, id)).faults[0].pointer
        == f"/fields/{name}"
    )


def test_newer_windows_count_whatever_was_corrected_before() -> None:
    world = adopted()
    first, corrected, proposed = (
        [{"from": f"2027-{month:02d}-01T08:00Z", "to": f"2027-{month:02d}-01T10:00Z"}]
        for month in (6, 5, 1)
    )
    id = world.open(N, act("meeting-request", windows=first))
    world.keep(
        N, {"act": "correction", "reason": "x", "fields": {"windows": corrected}}, id, seen=True
    )
    proposed[0]["from"] = "2026-12-10T08:00Z"
    world.keep(C, {"act": "counter-proposal", "windows": proposed}, id)
    assert [each.due.isoformat() for each in of(world, id, "answer")] == [
        "2026-11-26T08:00:00+00:00"
    ]
    visit = world.open(N, act("visit-invitation", kind="observation"))
    dates = {"from": "2027-09-01T08:00Z", "to": "2027-09-02T08:00Z"}
    world.keep(
        N, {"act": "correction", "reason": "x", "fields": {"dates": dates}}, visit, seen=True
    )
    world.keep(
        C,
        {
            "act": "counter-proposal",
            "windows": [{"from": "2027-03-01T00:00Z", "to": "2027-03-02T00:00Z"}],
        },
        visit,
    )
    assert [each.due.isoformat() for each in of(world, visit, "answer")] == [
        "2027-02-08T00:00:00+00:00"
    ]


def test_messages_keep_the_precedence_with_which_they_came_over_several_corrections(
    world: World,
) -> None:
    id = world.open(ND, INCIDENT)
    for kind in ("collision", "near_miss", "crash"):
        world.keep(
            ND, {"act": "correction", "reason": "x", "fields": {"kind": kind}}, id, seen=True
        )
    assert [message.precedence for message in world.exchange(id).messages] == [
        "immediate",
        "flash",
        None,
        None,
    ]
    world.keep(
        ND, {"act": "correction", "reason": "x", "fields": {"kind": "collision"}}, id, seen=True
    )
    assert [message.precedence for message in world.exchange(id).messages] == [
        "immediate",
        "flash",
        "immediate",
        "immediate",
        None,
    ]


def test_a_member_of_the_frame_is_as_given_or_by_default(world: World) -> None:
    note = world.exchange(world.open(N, act("contact-note", attribution="non_paper")))
    assert [
        frame_word(note, name) for name in ("attribution", "releasability", "capacity", "nothing")
    ] == [
        "non_paper",
        "auditors",
        "official",
        "",
    ]


@pytest.mark.parametrize("name", ["visit-invitation", "call-request"])
def test_an_opening_is_corrected_after_another_side_proposed_a_venue_that_it_has_no_member_for(
    name: str,
) -> None:
    world = World()
    id = world.open(NH, act(name))
    windows = [{"from": "2026-12-08T08:00Z", "to": "2026-12-08T10:00Z"}]
    proposal = {"act": "counter-proposal", "windows": windows, "venue": "Vienna"}
    assert isinstance(world.keep(CH, proposal, id, seen=True), Folded)
    correction = {
        "act": "correction",
        "reason": "A clerical error.",
        "fields": {"subject": "As it was meant"},
    }
    kept = world.keep(NH, correction, id, seen=True)
    assert isinstance(kept, Folded) and kept.valid, kept
    exchange = world.exchange(id)
    assert (bytes(subject_of(exchange)), bytes(exchange.present["venue"])) == (
        b'"As it was meant"',
        b'"Vienna"',
    )
    assert title_of(exchange) is None
