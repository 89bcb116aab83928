"""Undertakings, mechanisms and transmittals, as officers of both sides use their pages."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from office import Office
from person import Person
from talks import Talks

T = TypeVar("T")
TEXTS = ("Open a telephone line.", "Publish the calendar together.")
GROUPS = ("group-x", "group-y")


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


def sent(person: Person, button: str) -> Person:
    """Check what was typed, and send it."""
    return person.press("Check before sending").press(button).see("Recorded: record")


def test_an_undertaking_goes_from_a_meeting_to_a_confirmation_through_both_sides_pages(
    room: Room,
) -> None:
    channel = "promises"
    room.do(lambda talks: talks.open(channel, ("north", "south")))
    window = {"from": "2092-02-01T08:00:00Z", "to": "2092-02-01T10:00:00Z"}
    request = {"act": "meeting-request", "purpose": "Safety at sea", "windows": [window]}
    met = room.do(lambda talks: talks.opens("north/officer", channel, request))
    north, south = room.person("north/officer"), room.person("south/officer")
    north.open(f"/c/{channel}/meetings/{met['exchange']}")
    north.follow("Record an undertaking from it")
    assert north.fields()["Where it was said (optional)"] == met["number"]
    north.within("Side that undertakes it").choose("SOUTH").within("")
    north.fill("What", "Send the list of numbers.").fill("By when", "2091-12-01")
    sent(north, "Send to SOUTH")
    page = f"/c/{channel}/undertakings"
    south.open(page).see("said by NORTH", "SOUTH has not answered").follow("Agree")
    sent(south, "Record: Agreement: confirmed later by a second officer")
    colleague = room.person("south/duty_officer").open(page).see("agreed by one officer")
    sent(colleague.follow("Confirm as second officer"), "Record: Confirmation by a second officer")
    south.open(page).see("Still to be done 1").follow("Say that it is done")
    south.miss("nothing more is owed")
    south.fill("Done since", "2026-11-20 12:00Z")
    sent(south, "Send to NORTH")
    north.open(page).see("Done, not confirmed 1")
    assert "Dispute that it is done" in " ".join(north.links())
    sent(north.follow("Confirm that it is done"), "Record: Fulfilment confirmation")
    for reader in (north, south):
        reader.open(page).see("Confirmed 1")
        assert [each for each in reader.links() if "done" in each] == []


def test_a_recurring_undertaking_says_what_was_given_missed_and_is_due_next(room: Room) -> None:
    channel = "waters"
    room.do(lambda talks: talks.open(channel, ("north", "south")))
    north, south = room.person("north/officer"), room.person("south/officer")
    now = room.office.clock.now()
    begins, given = now - timedelta(days=3, hours=1), now - timedelta(hours=14)
    north.open(f"/c/{channel}/compose/undertaking?more=1")
    north.within("Side that undertakes it").choose("SOUTH").within("")
    north.fill("What", "Send the level of the river.")
    north.fill("By when", f"{now + timedelta(days=2, hours=23):%Y-%m-%d %H:%MZ}")
    recurring = north.within("Recurring until that date (optional)")
    recurring.fill("Begins", f"{begins:%Y-%m-%d %H:%MZ}").fill("Interval (hours)", "12").within("")
    page = f"/c/{channel}/undertakings"
    sent(north, "Send to SOUTH").open(page).see("every 12 h; given 0 of 12").miss("missed")
    sent(south.open(page).follow("Agree"), "Record: Agreement: confirmed later by a second officer")
    colleague = room.person("south/duty_officer").open(page).follow("Confirm as second officer")
    sent(colleague, "Record: Confirmation by a second officer")
    south.open(page).see("Late 1", "missed 6 of 12").follow("Say that it is done")
    south.see("nothing more is owed")
    sent(south.fill("Done since", f"{given:%Y-%m-%d %H:%MZ}"), "Send to NORTH")
    exchange = north.open(page).see("given 1 of 12; missed 5 of 12; last given", "next due")
    exchange.follow("WATERS/NORTH").see("Late: SOUTH missed 5 of 12.", "given 1 of 12")
    listing = room.do(
        lambda talks: talks.who("south/officer").get(f"/v1/channels/{channel}/undertakings")
    )
    (view,) = listing.json["sides"][1]["undertakings"]
    assert (view["given"], view["missed"], view["intervals"]) == (1, 5, 12)
    assert view["next_due"] > f"{now:%Y-%m-%dT%H:%M}"
    review = room.person("north/auditor").open(f"/c/{channel}/reports/period?from=1+Jan+{now.year}")
    review.see("late; every 12 h; given 1 of 12; missed 5 of 12")


def test_a_bundle_fills_in_the_form_and_its_recommendations_are_answered(room: Room) -> None:
    track2, official = "scholars-talk", "capitals-talk"
    made = []

    async def bundled(talks: Talks) -> Any:
        await talks.open(track2, GROUPS, kind="track2")
        await talks.open(official, ("north", "south"))
        for text in TEXTS:
            body = {"act": "recommendation", "addressees": ["north"], "area": "general"}
            made.append(await talks.opens("group-x/officer", track2, {**body, "text": text}))
        return await talks.bundle(GROUPS, track2, "Spring talks", made)

    bundle = room.do(bundled)
    north = room.person("north/officer").open(f"/c/{official}/compose/transmittal")
    north.fill("Group", "The spring talks")
    north.attach("A file from this computer", "notes.json", b'{"notes": []}', "application/json")
    north.press("Read the recommendations").see("Nothing could be read from this file")
    north.attach("A file from this computer", "talks.json", bundle.body, "application/json")
    north.press("Read the recommendations")
    assert north.fields()["Group"] == "The spring talks"
    assert north.fields()["Channel ID"] == bundle.json["cid"]
    for at, text in enumerate(TEXTS, 1):
        assert north.within(str(at)).fields()["Text"] == text
    exchange = sent(north.within(""), "Send to SOUTH").follow("Open the exchange").path
    south = room.person("south/officer").open(exchange).follow("Answer it 2")
    assert south.fields()[f"2: {TEXTS[1]}"]
    sent(south.choose("noted"), "Send to NORTH").open(exchange)
    first, second = [row for row in south.rows() if row[0] in "12"]
    assert "no answer yet" in first[-1] and "noted" in second[-1], (first, second)
