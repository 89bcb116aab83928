"""The life of a meeting."""

from typing import Any

import pytest

from dragoman.domain.acts import consent, deadlines
from dragoman.domain.acts.families.exchange import owes_answer
from dragoman.domain.fold import Folded
from dragoman.domain.record.codec import Record
from dragoman_schemas.state import Meeting
from samples import act
from world import REQUEST, World, refused


def meeting_of(world: World, id: str) -> Meeting:
    meeting = world.exchange(id).meeting
    assert meeting is not None
    return meeting


def test_a_request_is_accepted_held_read_out_and_closed(world: World) -> None:
    id = world.open("nato/o-1", REQUEST)
    history = [world.exchange(id).status]
    acts: list[tuple[str, dict[str, Any], bool]] = [
        ("china/o-1", {"act": "acceptance", "window": 1}, True),
        (
            "nato/o-1",
            {"act": "meeting-held", "from": "2026-11-27T08:00Z", "to": "2026-11-27T09:30Z"},
            False,
        ),
        (
            "china/o-1",
            {"act": "readout", "kind": "separate", "topics": ["safety"], "text": "A frank talk."},
            False,
        ),
        ("china/o-1", {"act": "closure"}, True),
        ("nato/o-1", {"act": "closure"}, True),
    ]
    for actor, body, seen in acts:
        world.keep(actor, body, id, seen=seen)
        history.append(world.exchange(id).status)
    assert history == ["requested", "accepted", "held", "held", "held", "closed"]
    assert meeting_of(world, id).accepted["china"].window == 1


def test_two_readouts_stand_side_by_side_and_differ(world: World) -> None:
    id = world.open("nato/o-1", REQUEST)
    world.keep(
        "nato/o-1",
        {"act": "meeting-held", "from": "2026-11-27T08:00Z", "to": "2026-11-27T09:30Z"},
        id,
    )
    readout = {"act": "readout", "kind": "separate", "topics": ["safety"], "text": "A talk."}
    world.keep("nato/o-1", readout, id)
    assert not meeting_of(world, id).readouts_differ
    world.keep("china/o-1", readout, id)
    assert not meeting_of(world, id).readouts_differ
    world.keep("china/o-1", {**readout, "topics": ["relations"]}, id)
    assert meeting_of(world, id).readouts_differ
    assert {side: len(given) for side, given in meeting_of(world, id).readouts.items()} == {
        "nato": 1,
        "china": 2,
    }


HELD = {"act": "meeting-held", "from": "2026-11-27T08:00Z", "to": "2026-11-27T09:30Z"}
JOINT = {"act": "readout", "kind": "joint", "topics": ["safety"], "text": "Both sides regret it."}
OWN = {"act": "readout", "kind": "separate", "topics": ["safety"], "text": "They regret it."}


def owing(world: World, id: str) -> set[str]:
    """The sides that still owe a readout."""
    exchange = world.exchange(id)
    return {
        each.side
        for each in deadlines.deadlines_of(world.registry, exchange, {})
        if each.clock == "readout" and each.met is None
    }


def test_a_joint_readout_is_said_once_every_side_has_said_it() -> None:
    world = World(sides=("nato", "china", "osce"))
    id = world.open("nato/o-1", {**REQUEST, "to": ["china", "osce"]})
    world.keep("nato/o-1", HELD, id)
    assert (
        refused(world.keep("china/o-1", {"act": "readout-agreement"}, id, seen=True))
        .faults[0]
        .pointer
        == "/act"
    )
    world.keep("nato/o-1", JOINT, id)
    assert (
        refused(world.keep("nato/o-1", {"act": "readout-agreement"}, id, seen=True))
        .faults[0]
        .pointer
        == "/act"
    )
    for actor, kind in (("china/o-1", "proposed_jointly"), ("osce/o-1", "joint")):
        assert isinstance(world.keep(actor, {"act": "readout-agreement"}, id, seen=True), Folded)
        assert {given[-1].kind for given in meeting_of(world, id).readouts.values()} == {kind}
    world.keep("osce/o-1", OWN, id)
    assert {side: given[-1].kind for side, given in meeting_of(world, id).readouts.items()} == {
        "nato": "proposed_jointly",
        "china": "proposed_jointly",
        "osce": "separate",
    }


def test_whoever_says_something_else_than_the_joint_readout_owes_none(world: World) -> None:
    id = world.open("nato/o-1", REQUEST)
    world.keep("nato/o-1", HELD, id)
    assert owing(world, id) == {"nato", "china"}
    world.keep("nato/o-1", JOINT, id)
    assert owing(world, id) == {"china"}
    world.keep("china/o-1", OWN, id)
    assert owing(world, id) == set()
    assert meeting_of(world, id).readouts["nato"][-1].kind == "proposed_jointly"


def test_an_agreement_to_a_readout_that_was_replaced_is_void(world: World) -> None:
    id = world.open("nato/o-1", REQUEST)
    world.keep("nato/o-1", HELD, id)
    world.keep("nato/o-1", JOINT, id)
    terms = consent.readout(world.exchange(id), "nato")
    world.keep("nato/o-1", {**JOINT, "text": "China regrets it."}, id)
    assert (
        refused(
            world.keep("china/o-1", {"act": "readout-agreement", "terms": terms}, id, seen=True)
        ).kind
        == "moved"
    )


def test_a_declined_request_takes_no_acceptance(world: World) -> None:
    id = world.open("nato/o-1", REQUEST)
    world.keep("china/o-1", {"act": "decline"}, id)
    assert world.exchange(id).status == "declined"
    assert (
        refused(world.keep("china/o-1", {"act": "acceptance", "window": 0}, id, seen=True)).kind
        == "not-allowed-in-state"
    )


def test_the_requester_does_not_accept(world: World) -> None:
    id = world.open("nato/o-1", REQUEST)
    assert (
        refused(world.keep("nato/o-1", {"act": "acceptance", "window": 0}, id, seen=True)).kind
        == "not-permitted"
    )


def test_a_window_must_be_one_of_those_offered(world: World) -> None:
    id = world.open("nato/o-1", REQUEST)
    assert (
        refused(world.keep("china/o-1", {"act": "acceptance", "window": 2}, id, seen=True))
        .faults[0]
        .pointer
        == "/window"
    )


def test_nobody_is_held_to_a_window_that_was_changed_afterwards(world: World) -> None:
    id = world.open("nato/o-1", REQUEST)
    moved = {
        "act": "correction",
        "reason": "x",
        "fields": {"windows": [{"from": "2026-12-01T08:00Z", "to": "2026-12-01T10:00Z"}]},
    }
    assert isinstance(world.keep("nato/o-1", moved, id, seen=True), Folded)
    world.keep("china/o-1", {"act": "acceptance", "window": 0}, id, seen=True)
    assert (
        bytes(meeting_of(world, id).accepted["china"].terms)
        == b'{"from":"2026-12-01T08:00Z","to":"2026-12-01T10:00Z"}'
    )
    assert (
        refused(world.keep("nato/o-1", moved, id, seen=True)).faults[0].pointer == "/fields/windows"
    )
    elsewhere = {"act": "correction", "reason": "x", "fields": {"venue": "The other hall"}}
    assert (
        refused(world.keep("nato/o-1", elsewhere, id, seen=True)).faults[0].pointer
        == "/fields/venue"
    ), "nor to another place"


@pytest.mark.parametrize("name", ["meeting-request", "visit-invitation"])
def test_what_another_side_proposed_is_not_the_openers_to_correct(name: str, world: World) -> None:
    opening = act(name)
    id = world.open("nato/o-1", opening)
    span = {"from": "2027-03-01T08:00Z", "to": "2027-03-01T10:00Z"}
    where = "dates" if "dates" in opening else "windows"
    fields: dict[str, dict[str, Any]] = {
        where: {where: span if where == "dates" else [span]},
        "venue": {"venue": "Elsewhere"},
    }
    moves = {each: {"act": "correction", "reason": "x", "fields": fields[each]} for each in fields}
    assert isinstance(
        world.keep("china/o-1", {"act": "counter-proposal", "windows": [span]}, id), Folded
    )
    for each in (where, "venue") if name == "meeting-request" else (where,):
        assert (
            refused(world.keep("nato/o-1", moves[each], id, seen=True)).faults[0].pointer
            == f"/fields/{each}"
        )
    assert isinstance(world.keep("nato/o-1", {"act": "acceptance"}, id, seen=True), Folded)
    assert (
        refused(world.keep("nato/o-1", moves[where], id, seen=True)).faults[0].pointer
        == f"/fields/{where}"
    )


def test_several_addressees_accept_the_same_window() -> None:
    world = World(sides=("nato", "china", "osce"))
    id = world.open("nato/o-1", REQUEST)
    world.keep("china/o-1", {"act": "acceptance", "window": 1}, id, seen=True)
    assert world.exchange(id).status == "requested"
    assert {"osce"} == owes_answer(world.exchange(id))
    assert (
        refused(world.keep("osce/o-1", {"act": "acceptance", "window": 0}, id, seen=True))
        .faults[0]
        .pointer
        == "/window"
    )
    world.keep("osce/o-1", {"act": "acceptance", "window": 1}, id, seen=True)
    assert world.exchange(id).status == "accepted"


@pytest.mark.parametrize("order", [("accept", "decline"), ("decline", "accept")])
def test_a_request_that_one_accepts_and_one_declines_is_accepted(order: tuple[str, str]) -> None:
    world = World(sides=("nato", "china", "osce"))
    id = world.open("nato/o-1", REQUEST)
    for side, what in zip(("china", "osce"), order, strict=True):
        act = {"act": "decline"} if what == "decline" else {"act": "acceptance", "window": 0}
        world.keep(f"{side}/o-1", act, id, seen=True)
    assert world.exchange(id).status == "accepted"


def test_a_meeting_cannot_be_cancelled_once_it_was_held(world: World) -> None:
    id = world.open("nato/o-1", REQUEST)
    world.keep(
        "china/o-1",
        {"act": "meeting-held", "from": "2026-11-27T08:00Z", "to": "2026-11-27T09:30Z"},
        id,
    )
    assert (
        refused(world.keep("nato/o-1", {"act": "cancellation", "reason": "x"}, id, seen=True)).kind
        == "not-allowed-in-state"
    )


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"windows": []}, "/windows"),
        ({"windows": [{"from": "2026-11-26T08:00Z", "to": "2026-11-26T07:00Z"}]}, "/windows/0"),
        ({"windows": [{"from": "2026-11-26T08:00Z", "to": "soon"}]}, "/windows/0/to"),
        ({"host": "mars"}, "/host"),
        ({"purpose": ""}, "/purpose"),
    ],
)
def test_a_request_that_does_not_hold_is_pointed_at(
    world: World, change: dict[str, object], pointer: str
) -> None:
    assert pointer == refused(world.keep("nato/o-1", {**REQUEST, **change})).faults[0].pointer


def test_a_meeting_ends_after_it_begins(world: World) -> None:
    id = world.open("nato/o-1", REQUEST)
    act = {"act": "meeting-held", "from": "2026-11-27T10:00Z", "to": "2026-11-27T09:30Z"}
    assert refused(world.keep("nato/o-1", act, id)).faults[0].pointer == "/from"


def test_a_call_is_asked_for_by_the_head_of_office_and_in_a_crisis_by_the_duty_officer(
    world: World,
) -> None:
    refusal = refused(world.decide("nato/d-1", act("call-request", precedence="priority")))
    assert (refusal.kind, "precedence flash" in str(refusal.detail)) == ("not-permitted", True)
    assert isinstance(world.decide("nato/h-1", act("call-request", precedence="priority")), Record)
    assert isinstance(world.decide("nato/d-1", act("call-request", precedence="flash")), Record)
