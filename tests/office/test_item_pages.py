"""Requests for things and data series, as officers of both sides use their pages."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from office import Office
from person import Person
from talks import Talks

T = TypeVar("T")


class Room:
    """The talks of a test, and their people at a browser."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.tokens: dict[str, str] = {}

    def do(self, work: Callable[[Talks], Awaitable[T]]) -> T:
        office, tokens = self.office, self.tokens
        return office.api("", lambda caller: work(Talks(caller.session, office, tokens)))

    def person(self, name: str) -> Person:
        return Person(self.office.base_url, self.tokens[name])


@pytest.fixture
def room(demo: Office) -> Room:
    return Room(demo)


def test_things_are_asked_for_handed_over_and_received_through_both_sides_pages(
    room: Room,
) -> None:
    channel = "wreck"
    room.do(lambda talks: talks.open(channel, ("north", "south")))
    north, south = room.person("north/officer"), room.person("south/officer")
    north.open(f"/c/{channel}/compose/item-request")
    first = north.at("//fieldset[legend[normalize-space()='1']]")
    first.fill("What", "Flight recorder").fill("Mark (optional)", "FDR 2100").within("")
    sent(north.fill("Purpose", "Inquiry into the collision"), "Send to SOUTH")
    matter = north.follow("Open the exchange").path.partition("?")[0]
    south.open(matter).see("Request for things: Inquiry into the collision", "not said")
    south.follow("Say who has an item").fill("Item number", "1")
    sent(south.fill("Holder", "Harbour police"), "Send to NORTH")
    assert north.open(matter).rows()[1][1:4] == [
        "Flight recorderFDR 2100",
        "Harbour policesaid by SOUTH",
        "not yet",
    ]
    south.open(matter).follow("Say that it was handed over")
    sent(south.fill("At", "2026-11-20 09:30Z"), "Send to NORTH")
    north.open(matter).see("handed over").follow("Say that it was received")
    sent(north.fill("At", "2026-11-20 10:00Z"), "Send to SOUTH")
    for reader in (north, south):
        row = reader.open(matter).rows()[1]
        assert all("20 Nov" in cell for cell in row[-2:]), row


def sent(person: Person, button: str) -> Person:
    """Check what was typed, and send it."""
    return person.press("Check before sending").press(button).see("Recorded: record")
