"""A reply goes to its asker, and to the others for information; version 1 went to all for action."""

from typing import Any

import pytest

from dragoman.domain.acts.families.exchange import owes_acknowledgement
from dragoman.domain.views import alarms
from dragoman_schemas.state import Message
from owing import CD, ND, THREE, C, N, Observed, T, at, bound, clocks, fault, post, written
from samples import act
from world import World

FOUR = (*THREE, "japan")
J = "japan/o-1"
TO_ASKER = {
    "reply": act("reply"),
    "interim-reply": act("interim-reply"),
    "clarification-request": {"act": "clarification-request", "questions": ["Why?"]},
    "repeat-request": {"act": "repeat-request"},
}
"""The acts that go to the author of the message that they are about."""


def newest(world: World, id: str) -> Message:
    """Return the newest message of an exchange."""
    return world.exchange(id).messages[-1]


def went(world: World, id: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the action and the information addressees of the newest message."""
    return newest(world, id).to, newest(world, id).info


@pytest.mark.parametrize("name", TO_ASKER)
def test_it_goes_to_its_asker_and_the_others_owe_nothing(name: str) -> None:
    world = bound(sides=FOUR)
    id = world.open(ND, act("hazardous-incident"))
    of = post(world, C, TO_ASKER[name], id)
    assert went(world, id) == (("nato",), ("osce", "japan"))
    owed = [side for (_, side), clock in clocks(world, id).items() if clock.started_by == of]
    assert {*owed} == {"nato"}
    assert owes_acknowledgement(world.exchange(id)) >= {"nato"}


@pytest.mark.parametrize("name", TO_ASKER)
def test_version_1_went_to_every_side_for_action(name: str) -> None:
    world = bound(sides=FOUR)
    id = world.open(ND, act("hazardous-incident"))
    raw = written(world, C, TO_ASKER[name], id, name=name, version=1)
    folded = world.take(raw)
    assert folded.valid, folded.refusal
    assert went(world, id) == (("nato", "osce", "japan"), ())
    assert newest(world, id).act == name


def test_version_1_told_sides_in_info_for_information() -> None:
    world = bound(sides=FOUR)
    id = world.open(ND, act("hazardous-incident", to=["china", "osce"], info=["japan"]))
    raw = written(world, C, TO_ASKER["reply"], id, name="reply", version=1)
    assert world.take(raw).valid
    assert went(world, id) == (("nato", "osce"), ("japan",))


def test_a_decline_goes_to_the_side_that_proposed() -> None:
    world = bound(sides=THREE)
    id = world.open(N, act("meeting-request"))
    post(world, C, act("decline"), id)
    assert went(world, id) == (("nato",), ("osce",))
    other = world.open(N, act("meeting-request"))
    post(world, C, act("counter-proposal"), other)
    post(world, T, act("decline"), other)
    assert went(world, other) == (("china",), ("nato",))
    old = world.open(N, act("meeting-request"))
    raw = written(world, C, act("decline"), old, name="decline", version=1)
    assert world.take(raw).valid
    assert went(world, old) == (("nato", "osce"), ())


def test_of_several_questions_a_reply_goes_to_the_author_of_the_one_that_it_names() -> None:
    world = bound(sides=FOUR)
    id = world.open(ND, act("hazardous-incident"))
    asks = {
        side: post(world, f"{side}/o-1", TO_ASKER["clarification-request"], id)
        for side in ("china", "osce", "japan")
    }
    for side, of in asks.items():
        post(world, N, TO_ASKER["reply"] | {"of": of}, id)
        others = tuple(name for name in ("china", "osce", "japan") if name != side)
        assert went(world, id) == ((side,), others)
    post(world, N, TO_ASKER["reply"], id)
    assert went(world, id) == (("japan",), ("china", "osce")), "by default the newest question"


def test_a_question_to_one_side_is_owed_by_that_side_alone() -> None:
    world = bound(sides=FOUR)
    id = world.open(ND, act("hazardous-incident"))
    post(world, C, TO_ASKER["clarification-request"], id)
    assert {side for name, side in clocks(world, id) if name == "clarification"} == {"nato"}
    answer = post(world, N, TO_ASKER["reply"], id)
    assert not clocks(world, id)["clarification", "nato"].open
    post(world, T, TO_ASKER["clarification-request"] | {"of": answer}, id)
    assert went(world, id) == (("nato",), ("china", "japan"))
    post(world, C, TO_ASKER["clarification-request"] | {"of": newest(world, id).id}, id)
    assert went(world, id) == (("osce",), ("nato", "japan")), "a question about a question"
    assert clocks(world, id)["clarification", "osce"].open


def test_a_side_that_got_it_for_information_may_answer_it_all_the_same() -> None:
    world = bound(sides=THREE)
    id = world.open(N, act("contact-note", to=["china"], info=["osce"]))
    post(world, T, TO_ASKER["reply"], id)
    assert went(world, id) == (("nato",), ("china",))
    post(world, T, TO_ASKER["reply"] | {"of": id}, id)
    assert went(world, id) == (("nato",), ("china",))
    reply = post(world, C, TO_ASKER["reply"], id)
    post(world, T, TO_ASKER["reply"] | {"of": reply}, id)
    assert went(world, id) == (("china",), ("nato",))


def test_in_a_channel_of_two_nothing_changes() -> None:
    world = bound()
    for name, body in TO_ASKER.items():
        id = world.open(ND, act("hazardous-incident"))
        post(world, C, body, id)
        assert went(world, id) == (("nato",), ())
        raw = written(world, CD, body, id, name=name, version=1)
        assert world.take(raw).valid
        assert went(world, id) == (("nato",), ())


def test_an_update_of_the_opener_still_goes_to_all() -> None:
    world = bound(sides=FOUR)
    id = world.open(ND, act("hazardous-incident", to=["china", "osce"], info=["japan"]))
    post(world, C, TO_ASKER["reply"], id)
    post(world, ND, {"act": "update", "text": "Nothing new."}, id)
    assert went(world, id) == (("china", "osce"), ("japan",))


def test_a_side_outside_of_the_exchange_neither_gets_it_nor_replies() -> None:
    world = bound(sides=THREE)
    id = world.open(N, act("contact-note", to=["china"]))
    assert fault(world, T, TO_ASKER["reply"], id) == "not-permitted"
    post(world, C, TO_ASKER["reply"], id)
    assert went(world, id) == (("nato",), ())


def test_a_reply_to_a_side_outside_of_the_exchange_or_to_nobody_goes_to_all() -> None:
    world = bound(sides=THREE)
    id = world.open(ND, act("hazardous-incident", to=["china"]))
    of = post(world, T, act("help-offer"), id)
    assert went(world, id) == (("nato", "china"), ())
    post(world, N, TO_ASKER["reply"] | {"of": of}, id)
    assert went(world, id) == (("china",), ())
    observed = bound(Observed())
    id = observed.open(T, act("contact-note"))
    post(observed, C, TO_ASKER["reply"], id)
    assert went(observed, id) == ((), ("nato", "osce"))
    post(observed, T, TO_ASKER["clarification-request"], id)
    assert went(observed, id) == (("nato", "china"), ())


def test_of_must_name_a_message_to_the_side() -> None:
    world = bound(sides=THREE)
    id = world.open(N, act("contact-note"))
    reply = post(world, C, TO_ASKER["reply"], id)
    for of in (reply, "0192f3a4-5b6c-7d8e-8f90-00000000aaaa"):
        assert fault(world, C, TO_ASKER["reply"] | {"of": of}, id) == "/of"


@pytest.mark.parametrize("count", [3, 20, 57])
def test_one_incident_and_five_replies_ask_for_few_receipts_and_ring_for_no_reader(
    count: int,
) -> None:
    sides = ("nato", *(f"side-{number}" for number in range(1, count)))
    world = World(sides=sides, name="many")
    id = world.open(ND, act("hazardous-incident", kind="collision", whose="unknown"))
    replying = [f"{side}/o-1" for side in sides[1:6]]
    for actor in replying:
        post(world, actor, TO_ASKER["reply"], id)
    exchange = world.exchange(id)
    assert exchange.precedence == "flash"
    asked_for = [side for message in exchange.messages for side in message.to]
    assert len(asked_for) == count - 1 + len(replying)
    waiting = [
        side
        for message in exchange.messages
        for side in message.to
        if side not in message.acknowledged
    ]
    assert len(waiting) == count - 1
    late = {
        alarm.side
        for alarm in alarms.escalations(world.registry, exchange, at("2026-11-25T12:00Z"))
    }
    assert late == {"nato", *sides[6:]}, "who has replied has the message"


def test_a_reply_for_the_record_and_one_by_voice_are_addressed_alike() -> None:
    world = bound(sides=THREE)
    id = world.open(N, act("contact-note"))
    changes: tuple[dict[str, Any], ...] = (
        {"for_the_record": True},
        {"passed_by": {"means": "voice", "at": "2026-11-24T12:00Z", "to_post": "Watch"}},
    )
    for change in changes:
        of = post(world, C, TO_ASKER["reply"] | change, id)
        assert went(world, id) == (("nato",), ("osce",))
        assert not any(clock.started_by == of for clock in clocks(world, id).values())
    post(world, J.replace("japan", "osce"), TO_ASKER["reply"], id)
    assert went(world, id) == (("nato",), ("china",))
