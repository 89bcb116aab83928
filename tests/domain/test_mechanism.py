"""Mechanisms: in force, suspended, ended, resumed, each with a reason, and without any effect."""

from typing import Any

import pytest

from dragoman.domain.acts.families import mechanism
from dragoman.domain.views.mechanisms import MechanismMatters, mechanism_view
from owing import (
    CD,
    CH,
    ND,
    NH,
    TH,
    THREE,
    C,
    N,
    Observed,
    at,
    bound,
    clocks,
    fault,
    post,
)
from samples import act
from world import World

SUSPEND, END, RESUME = (
    act("mechanism-suspension"),
    act("mechanism-end"),
    act("mechanism-resumption"),
)


def in_force(world: World, *agreeing: str, **changes: Any) -> str:
    """Propose a mechanism, to which these officers agree with a colleague."""
    id = world.open(NH, act("mechanism", chairs={"nato": "Chair"}) | changes)
    for actor in agreeing or (CH,):
        post(world, actor, {"act": "agreement"}, id, seen=True)
    assert world.exchange(id).status == "in_force"
    return id


def moved(world: World, id: str, *steps: tuple[str, dict[str, Any]]) -> list[str]:
    """Post acts on a mechanism, and return the status after each."""
    statuses = []
    for actor, body in steps:
        post(world, actor, body, id)
        statuses.append(world.exchange(id).status)
    return statuses


def test_it_is_in_force_once_every_side_agrees_or_at_once_where_it_is_for_the_record() -> None:
    world = World(sides=THREE)
    id = world.open(NH, act("mechanism"))
    post(world, CH, {"act": "agreement"}, id, seen=True)
    assert world.exchange(id).status == "proposed"
    post(world, TH, {"act": "agreement"}, id, seen=True)
    assert world.exchange(id).status == "in_force"
    entered = world.open(NH, act("mechanism", for_the_record=True))
    assert world.exchange(entered).status == "in_force"
    assert moved(world, entered, (CH, SUSPEND)) == ["suspended"]


@pytest.mark.parametrize("body", [SUSPEND, END, RESUME])
def test_nothing_that_is_only_proposed_is_suspended(body: dict[str, Any], world: World) -> None:
    id = world.open(NH, act("mechanism"))
    assert fault(world, CH, body, id) == "not-allowed-in-state"
    post(world, NH, {"act": "cancellation", "reason": "No."}, id, seen=True)


def test_one_side_alone_suspends_and_takes_it_back(world: World) -> None:
    id = in_force(world)
    assert fault(world, NH, RESUME, id) == "not-allowed-in-state"
    assert moved(world, id, (CH, SUSPEND), (CH, RESUME)) == ["suspended", "in_force"]


def test_it_stays_suspended_until_every_side_that_suspended_it_resumes(world: World) -> None:
    id = in_force(world)
    steps = ((CH, SUSPEND), (NH, RESUME), (NH, SUSPEND), (CH, RESUME), (CH, SUSPEND), (NH, RESUME))
    assert moved(world, id, *steps) == ["suspended"] * 6
    assert mechanism.suspended_by(world.exchange(id)) == {"china"}
    assert moved(world, id, (CH, RESUME)) == ["in_force"]
    assert mechanism.suspended_by(world.exchange(id)) == set()


@pytest.mark.parametrize("before", [(), (SUSPEND,)])
def test_what_was_ended_works_again_once_every_side_says_so(
    before: tuple[dict[str, Any], ...], world: World
) -> None:
    id = in_force(world)
    moved(world, id, *((CH, body) for body in before))
    assert moved(world, id, (NH, END)) == ["ended"]
    for body in (SUSPEND, END):
        assert fault(world, CH, body, id) == "not-allowed-in-state"
    assert moved(world, id, (NH, RESUME), (NH, RESUME), (CH, RESUME)) == [
        "ended",
        "ended",
        "in_force",
    ]
    assert mechanism.suspended_by(world.exchange(id)) == set()


def test_words_from_before_an_end_do_not_resume_it(world: World) -> None:
    id = in_force(world)
    steps = ((CH, SUSPEND), (CH, RESUME), (NH, SUSPEND), (NH, RESUME), (CH, END), (NH, RESUME))
    assert moved(world, id, *steps)[-1] == "ended"
    assert mechanism.resumed_by(world.exchange(id)) == {"nato"}
    assert moved(world, id, (CH, RESUME), (CH, END)) == ["in_force", "ended"]
    assert mechanism.resumed_by(world.exchange(id)) == set()


# Three sides


def test_a_side_that_is_no_member_has_no_word() -> None:
    world = World(sides=THREE)
    id = in_force(world, CH, to=["china"])
    for body in (SUSPEND, END):
        assert fault(world, TH, body, id) == "/act"
    moved(world, id, (CH, SUSPEND))
    assert fault(world, TH, RESUME, id) == "/act"
    assert moved(world, id, (CH, RESUME), (NH, END), (NH, RESUME), (CH, RESUME)) == [
        "in_force",
        "ended",
        "ended",
        "in_force",
    ]


@pytest.mark.parametrize("changes", [{"info": ["osce"]}, {"signatories": ["nato", "china"]}])
def test_a_side_that_only_receives_it_is_no_member(changes: dict[str, Any]) -> None:
    world = World(sides=THREE)
    id = in_force(world, CH, **changes)
    assert fault(world, TH, SUSPEND, id) == "/act"
    assert moved(world, id, (CH, END), (NH, RESUME), (CH, RESUME)) == ["ended", "ended", "in_force"]


def test_three_sides_suspend_and_resume_one_by_one() -> None:
    world = World(sides=THREE)
    id = in_force(world, CH, TH)
    steps = ((NH, SUSPEND), (CH, SUSPEND), (TH, SUSPEND), (CH, RESUME), (NH, RESUME), (TH, RESUME))
    assert moved(world, id, *steps) == [*["suspended"] * 5, "in_force"]


def test_an_observer_neither_suspends_nor_is_waited_for() -> None:
    world = Observed()
    id = in_force(world, CH)
    for body in (SUSPEND, END):
        assert fault(world, TH, body, id) == "not-permitted"
    assert moved(world, id, (NH, END), (NH, RESUME), (CH, RESUME)) == ["ended", "ended", "in_force"]


# Who, and why


@pytest.mark.parametrize("body", [SUSPEND, END])
def test_a_suspension_and_an_end_have_a_reason(body: dict[str, Any], world: World) -> None:
    id = in_force(world)
    assert fault(world, CH, {"act": body["act"]}, id) == "/reason"


@pytest.mark.parametrize("actor", [C, CD, "china/a-1", "china/adm-1"])
def test_the_head_of_office_speaks_for_a_side(actor: str, world: World) -> None:
    id = in_force(world)
    assert fault(world, actor, SUSPEND, id) == "not-permitted"
    assert fault(world, actor, act("mechanism")) == "not-permitted"


def test_a_chair_is_of_a_side(world: World) -> None:
    assert fault(world, NH, act("mechanism", chairs={"japan": "Chair"})) == "/chairs/japan"


def test_its_text_is_not_changed_by_one_side_once_it_is_in_force(world: World) -> None:
    id = in_force(world)
    body = {"act": "correction", "reason": "A slip.", "fields": {"period_months": 120}}
    assert fault(world, NH, body, id, seen=True, released_by=ND) == "/fields/period_months"


# No effect


@pytest.mark.parametrize("body", [SUSPEND, END])
@pytest.mark.parametrize(
    ("actor", "message"),
    [
        (ND, act("line-check")),
        (ND, act("hazardous-incident")),
        (ND, act("immediate-notification")),
        (ND, act("emergency-notification")),
        (N, act("meeting-request")),
    ],
)
def test_no_status_of_a_mechanism_stops_or_marks_a_message(
    body: dict[str, Any], actor: str, message: dict[str, Any]
) -> None:
    world = bound()
    before = world.open(actor, message)
    id = in_force(world)
    moved(world, id, (CH, body))
    after = world.open(actor, message | ({"sequence": 2} if "sequence" in message else {}))
    first, second = world.exchange(before), world.exchange(after)
    assert (second.status, second.precedence, second.messages[0].suspended) == (
        first.status,
        first.precedence,
        False,
    )
    assert {*clocks(world, after)} == {*clocks(world, before)}


def test_the_eight_measures_of_5_august_2022_are_eight_acts(world: World) -> None:
    names = [f"Measure {number}" for number in range(1, 9)]
    record = act("mechanism", for_the_record=True)
    ids = [world.open(NH, record | {"name": name}) for name in names]
    statuses = []
    for number, id in enumerate(ids):
        statuses += moved(world, id, (CH, END if number < 3 else SUSPEND))
    assert statuses == [*["ended"] * 3, *["suspended"] * 5]
    assert moved(world, ids[3], (CH, RESUME)) == ["in_force"]
    assert [world.exchange(id).status for id in ids[4:]] == ["suspended"] * 4


def test_its_view_says_who_suspended_it_and_why(world: World) -> None:
    id = in_force(world)
    moved(world, id, (NH, SUSPEND), (CH, SUSPEND | {"reason": "In turn."}), (NH, RESUME))
    view = mechanism_view(
        MechanismMatters(mechanism=world.exchange(id)), world.sides, at("2028-01-01T00:00Z")
    )
    assert [(word.side, bytes(word.reason)) for word in view.suspended_by] == [
        ("china", b'"In turn."')
    ]
    assert (view.status, view.overdue) == ("suspended", False)
    moved(world, id, (CH, RESUME))
    view = mechanism_view(
        MechanismMatters(mechanism=world.exchange(id)), world.sides, at("2028-01-01T00:00Z")
    )
    assert (view.status, view.overdue, view.suspended_by) == ("in_force", True, ())
