"""A marking of each message, beside that of the channel: a label, and nothing more."""

from dragoman.domain.acts.families.exchange import markings
from world import INCIDENT, World


def test_a_message_has_its_own_marking_or_that_of_the_channel() -> None:
    world = World()
    id = world.open("nato/d-1", {**INCIDENT, "marking": "RESTRICTED"})
    world.keep("china/d-1", {"act": "reply", "text": "We look into it."}, id)
    world.keep("china/d-1", {"act": "reply", "text": "We know.", "marking": "HEADS ONLY"}, id)
    exchange = world.exchange(id)
    assert [message.marking for message in exchange.messages] == ["RESTRICTED", "", "HEADS ONLY"]
    assert markings(world.registry, exchange) == "SIDES ONLY, RESTRICTED, HEADS ONLY"
