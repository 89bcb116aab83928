"""Requests for things and data series, as officers of both sides use their pages."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
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
    assert row_of_recorder(north.open(matter))[1:4] == [
        "Flight recorder, FDR 2100",
        "Harbour policesaid by SOUTH",
        "not yet",
    ]
    south.open(matter).follow("Say that it was handed over")
    sent(south.fill("At", "2026-11-20 09:30Z"), "Send to NORTH")
    north.open(matter).see("handed over").follow("Say that it was received")
    sent(north.fill("At", "2026-11-20 10:00Z"), "Send to SOUTH")
    for reader in (north, south):
        row = row_of_recorder(reader.open(matter))
        assert all("20 Nov" in cell for cell in row[-2:]), row


def test_a_series_is_agreed_to_filled_from_csv_and_read_as_csv_through_both_sides_pages(
    room: Room, tmp_path: Path
) -> None:
    channel = "rivers"
    room.do(lambda talks: talks.open(channel, ("north", "south")))
    north, south = room.person("north/officer"), room.person("south/officer")
    now = room.office.clock.now().replace(microsecond=0)
    begins = now - timedelta(hours=13)
    series = {
        "act": "data-series",
        "by": "south",
        "what": "Level of the river",
        "place": "Gauge at the bridge",
        "unit": "m",
        "every_hours": 6,
        "period": {
            "from": f"{begins:%Y-%m-%dT%H:%M:%SZ}",
            "to": f"{begins + timedelta(hours=24):%Y-%m-%dT%H:%M:%SZ}",
        },
    }
    asked = room.do(lambda talks: talks.opens("north/officer", channel, series))
    matter = f"/c/{channel}/exchanges/{asked['exchange']}"
    sent(
        south.open(matter).follow("Agree"), "Record: Agreement: confirmed later by a second officer"
    )
    colleague = room.person("south/duty_officer").open(matter).follow("Confirm as second officer")
    sent(colleague, "Record: Confirmation by a second officer")
    csv = f"time;level\n{begins + timedelta(hours=1):%Y-%m-%dT%H:%MZ};4,25\n"
    south.open(matter).follow("Give values").fill("Values", csv)
    sent(south, "Send to NORTH")
    for reader in (north, south):
        reader.open(f"/c/{channel}/data-series").see("Level of the river", "4.25", "missing", "due")
        lines = reader.open(f"/c/{channel}/data-series.csv").body.decode()
        assert "4.25" in lines and "missing" in lines
    south.open(matter).follow("Give values").fill("Values", f"{csv}yesterday;4")
    south.press("Check before sending").see("Line 3: write a time, a comma and a number")
    token, file = tmp_path / "south.token", tmp_path / "level.csv"
    token.write_text(room.tokens["south/officer"])
    options = ("--channel", channel, "--token-file", str(token))
    file.write_text(f"\ufefflevel\r\n{begins + timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ},4.5\r\n")
    room.office.run("act", asked["exchange"], str(file), *options)
    printed = room.office.run("show", asked["exchange"], "--csv", *options).stdout
    assert printed.splitlines()[1].endswith(",4.5"), "the newest value of the interval"
    file.write_text(printed)
    room.office.run("act", asked["exchange"], str(file), *options)
    assert room.office.run("show", asked["exchange"], "--csv", *options).stdout == printed


def row_of_recorder(person: Person) -> list[str]:
    """Return the row of the flight recorder in the table of the things."""
    return next(row for row in person.rows() if any("FDR 2100" in cell for cell in row))


def sent(person: Person, button: str) -> Person:
    """Check what was typed, and send it."""
    return person.press("Check before sending").press(button).see("Recorded: record")
