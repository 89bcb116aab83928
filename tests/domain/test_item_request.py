"""Requests for things: who has each, and whether it was handed over and received."""

from dragoman.domain.acts.families import items
from owing import C, N, bound, clocks, fault, post
from samples import act
from world import World


def asked(world: World) -> str:
    return world.open(N, act("item-request"))


def holders(world: World, id: str) -> list[bytes]:
    """Return the newest word on who has each item; empty where nobody said."""
    return [
        bytes(each.holder.content["holder"]) if each.holder else b""
        for each in items.standings(world.exchange(id))
    ]


def test_every_side_says_who_has_each_item_and_the_newest_word_counts(world: World) -> None:
    id = asked(world)
    assert holders(world, id) == [b"", b""]
    post(world, C, act("item-holder"), id)
    post(world, N, act("item-holder", item_number=2, holder="Coast guard"), id)
    post(world, C, act("item-holder", holder="The attaché"), id)
    assert holders(world, id) == ['"The attaché"'.encode(), b'"Coast guard"']


def test_it_is_handed_over_once_every_item_is_and_received_likewise(world: World) -> None:
    id = asked(world)
    post(world, C, act("item-handover"), id)
    assert world.exchange(id).status == "requested"
    post(world, C, act("item-handover", item_number=2), id)
    assert world.exchange(id).status == "handed_over"
    post(world, N, act("item-receipt"), id)
    assert world.exchange(id).status == "handed_over"
    post(world, N, {"act": "item-receipt", "at": "2026-11-20T10:00Z"}, id)
    assert world.exchange(id).status == "received"


def test_an_item_that_was_not_asked_for_and_a_time_to_come_are_refused(world: World) -> None:
    id = asked(world)
    assert fault(world, C, act("item-holder", item_number=3), id) == "/item_number"
    assert fault(world, C, act("item-handover", at="2030-01-01T00:00Z"), id) == "/at"
    assert fault(world, C, act("item-holder", since="2030-01-01T00:00Z"), id) == "/since"


def test_who_is_asked_owes_an_answer_which_a_handover_is(world: World) -> None:
    bound(world)
    id = asked(world)
    clock = clocks(world, id)["answer", "china"]
    assert clock.open and (clock.due - clock.begins).days == 7
    post(world, C, act("item-holder"), id)
    assert clocks(world, id)["answer", "china"].open, "a word on who has it is no answer"
    post(world, C, act("item-handover"), id)
    assert not clocks(world, id)["answer", "china"].open
