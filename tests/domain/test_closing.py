"""Each side closes a matter for itself. Whoever says more objects, and silence agrees after a limit."""

from datetime import timedelta
from typing import Any

import pytest

from dragoman.domain.acts import closing, deadline_acts, deadlines
from dragoman.domain.fold import Folded
from dragoman.domain.views.flags import flags
from dragoman.domain.views.open_matters import may_be_open
from dragoman_schemas.profiles import PROFILES
from owing import CD, ND, TD, THREE, C, N, Observed, T, bound, fault, lapse, post, silence
from samples import act
from world import INCIDENT, NOTE, World

CLOSURE = {"act": "closure"}
REPLY = {"act": "reply", "text": "This hides causes."}


@pytest.fixture(params=["limits adopted", "none adopted"])
def world(request: pytest.FixtureRequest) -> World:
    """A channel of three sides. A limit for objections binds in it, adopted or not."""
    return bound(sides=THREE) if request.param == "limits adopted" else World(sides=THREE)


def closed(world: World, id: str) -> bool:
    exchange = world.exchange(id)
    assert (exchange.status == "closed") == (exchange.closed is not None)
    return exchange.closed is not None


def said(world: World, id: str) -> list[tuple[str, str]]:
    exchange = world.exchange(id)
    return [
        (flag.flag, str(flag.detail))
        for flag in flags(world.registry, exchange, ())
        if flag.flag in ("closing", "objection")
    ]


def test_it_is_closed_once_every_side_has_closed_it_in_any_order(world: World) -> None:
    for order in ((N, C, T), (C, T, N), (T, N, C)):
        id = world.open(N, NOTE)
        for actor in order:
            assert not closed(world, id)
            post(world, actor, CLOSURE, id, seen=True)
        assert closed(world, id)
        assert fault(world, C, CLOSURE, id, seen=True) == "not-allowed-in-state"


def test_a_closure_that_waits_for_silence_may_be_open_though_all_acknowledged(
    world: World,
) -> None:
    id = world.open(N, NOTE)
    post(world, N, CLOSURE, id, seen=True)
    for side in ("china", "osce"):
        post(world, f"{side}/o-1", {"act": "acknowledgement"}, id)
    assert may_be_open(world.exchange(id)), "a service that begins asks what may be open"
    silence(world, id)
    assert closed(world, id) and not may_be_open(world.exchange(id))


def test_whoever_says_nothing_has_agreed_after_the_limit_of_the_profile(world: World) -> None:
    id = world.open(N, NOTE)
    post(world, N, CLOSURE, id, seen=True)
    begun = world.clock
    (first, _) = closing.objection_limits(world.exchange(id))
    assert abs(first.due - begun - timedelta(days=3)) < timedelta(minutes=1)
    assert (first.due - first.begins).total_seconds() == PROFILES["default"].objection
    assert not isinstance(lapse(world, id, first), Folded), "not before its time"
    assert [name for name, _ in said(world, id)] == ["closing"]
    assert silence(world, id) == ["china", "osce"]
    assert closed(world, id)
    assert said(world, id) == []
    assert not isinstance(lapse(world, id, first), Folded), "not twice"


@pytest.mark.parametrize("word", [REPLY, {"act": "clarification-request", "questions": ["Who?"]}])
def test_a_message_of_an_addressee_is_an_objection_until_its_side_closes(
    world: World, word: dict[str, Any]
) -> None:
    id = world.open(ND, INCIDENT)
    post(world, ND, CLOSURE, id, seen=True)
    post(world, CD, word, id)
    assert [name for name, _ in said(world, id)] == ["objection"], "it is not closed for all then"
    assert silence(world, id) == ["osce"]
    assert not closed(world, id), "silence of the others does not outweigh an objection"
    assert [(name, "china" in detail) for name, detail in said(world, id)] == [("objection", True)]
    post(world, CD, CLOSURE, id, seen=True)
    assert closed(world, id)
    post(world, CD, REPLY, id)
    assert closed(world, id), "a reply stays possible, and changes nothing"


def test_what_was_said_before_the_closure_or_a_receipt_is_no_objection(world: World) -> None:
    id = world.open(ND, INCIDENT)
    post(world, CD, REPLY, id)
    post(world, ND, CLOSURE, id, seen=True)
    post(world, TD, {"act": "acknowledgement"}, id)
    assert silence(world, id) == ["china", "osce"]
    assert closed(world, id)


def test_a_side_that_says_more_has_not_closed_it_any_more(world: World) -> None:
    id = world.open(ND, INCIDENT)
    post(world, CD, CLOSURE, id, seen=True)
    post(world, CD, REPLY, id)
    assert world.exchange(id).closures == {}
    post(world, ND, CLOSURE, id, seen=True)
    began = world.exchange(id).closures["nato"]
    post(world, ND, {"act": "update", "text": "One more was found."}, id)
    assert list(closing.objection_limits(world.exchange(id))) == []
    world.clock += timedelta(days=2)
    post(world, ND, CLOSURE, id, seen=True)
    again = world.exchange(id).closures["nato"]
    assert (again.id != began.id, again.objections_until > began.objections_until) == (True, True)
    assert silence(world, id) == ["china", "osce"], "the limit begins anew"
    assert closed(world, id)


def test_the_silence_of_an_earlier_closure_does_not_count_for_a_later_one(world: World) -> None:
    id = world.open(ND, INCIDENT)
    post(world, ND, CLOSURE, id, seen=True)
    post(world, CD, REPLY, id)
    assert silence(world, id) == ["osce"]
    post(world, ND, {"act": "reply", "text": "It does not."}, id)
    post(world, ND, CLOSURE, id, seen=True)
    assert silence(world, id) == ["china", "osce"]
    assert closed(world, id)


def test_an_account_that_differs_is_an_objection_whoever_gave_it(world: World) -> None:
    id = world.open(ND, {**INCIDENT, "to": ["china"], "info": ["osce"]})
    account = {"act": "counter-account", "facts": "We saw it.", "kind": "collision"}
    post(world, TD, account, id)
    post(world, ND, CLOSURE, id, seen=True)
    assert silence(world, id) == ["china"]
    assert not closed(world, id)
    post(world, TD, CLOSURE, id, seen=True)
    assert closed(world, id)


def test_who_is_informed_or_observes_is_not_waited_for() -> None:
    world = World(sides=THREE)
    id = world.open(N, {**NOTE, "to": ["china"], "info": ["osce"]})
    post(world, C, CLOSURE, id, seen=True)
    post(world, N, CLOSURE, id, seen=True)
    assert closed(world, id)
    watched = Observed()
    id = watched.open(N, NOTE)
    post(watched, C, CLOSURE, id, seen=True)
    post(watched, N, CLOSURE, id, seen=True)
    assert closed(watched, id)


@pytest.mark.parametrize("kind", ["track2", "past"])
def test_without_limits_nobody_is_waited_for(kind: str) -> None:
    world = World(kind="track2") if kind == "track2" else World()
    note = NOTE if kind == "track2" else {**NOTE, "for_the_record": True}
    id = world.open(N, note)
    post(world, N, CLOSURE, id, seen=True)
    assert closed(world, id)


def test_the_opener_cannot_end_what_it_owes_before_the_others_agree() -> None:
    world = bound()
    id = world.open(ND, INCIDENT)
    post(world, ND, CLOSURE, id, seen=True)
    owed = deadlines.open_deadlines(world.registry, world.exchange(id), {})
    assert {"final_report", "objection"} <= {limit.clock for limit in owed}
    assert "objection" not in {
        limit.clock for limit in deadlines.deadlines_of(world.registry, world.exchange(id), {})
    }, "nobody owes an objection"
    silence(world, id)
    owed = deadlines.open_deadlines(world.registry, world.exchange(id), {})
    assert {limit.clock for limit in owed} == {"acknowledgement"}


def test_what_was_declined_is_closed_by_silence_too_and_what_was_cancelled_is_not() -> None:
    world = bound()
    id = world.open(N, act("meeting-request"))
    post(world, C, act("decline"), id)
    post(world, N, CLOSURE, id, seen=True)
    silence(world, id)
    assert closed(world, id)
    id = world.open(N, NOTE)
    post(world, N, CLOSURE, id, seen=True)
    (limit,) = closing.objection_limits(world.exchange(id))
    post(world, "nato/h-1", {"act": "cancellation", "reason": "Sent in error."}, id, seen=True)
    world.clock = limit.due + timedelta(seconds=1)
    assert not isinstance(lapse(world, id, limit), Folded)
    assert world.exchange(id).status == "cancelled"
    assert deadline_acts.recorded_step(world.exchange(id), limit) == 0
