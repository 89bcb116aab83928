"""A side's duty roster as iCalendar (RFC 5545), for any calendar program.

Each shift is an event, with the covers and the taken offers applied. It names its
officer and its rung as `roster_calendar` reads them, so that another host can take the
calendar in.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from icalendar import Calendar, Event, vCalAddress

from dragoman_schemas.roster import RosterRung, RosterShift

_PRODUCT: Final = "-//Dragoman//Duty roster//EN"
_CATEGORY: Final[Mapping[RosterRung, str]] = {
    "duty_officer": "watch",
    "deputy": "deputy",
    "head_of_office": "head",
}


def feed(
    channel: str,
    cid: str,
    side: str,
    shifts: Iterable[RosterShift],
    stamp: datetime,
    notes: Mapping[str, str],
) -> bytes:
    """Return the calendar of the shifts of a side, which were computed at `stamp`.

    `notes` has a line about each offer or cover, by its id.
    """
    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", f"{channel}, {side}")
    for shift in shifts:
        event = Event()
        event.add("uid", _uid(cid, side, shift))
        event.add("dtstamp", stamp.astimezone(UTC))
        event.add("dtstart", shift.begins)
        event.add("dtend", shift.ends)
        category = _CATEGORY[shift.rung]
        event.add("summary", f"{shift.officer} {category}")
        event.add("categories", [category])
        organizer = vCalAddress(f"urn:dragoman:{channel}:{side}")
        organizer.params["CN"] = side
        event.add("organizer", organizer)
        event.add("class", "CONFIDENTIAL")
        event.add("status", "CONFIRMED")
        event.add("x-dragoman-officer", shift.officer)
        event.add("x-dragoman-rung", category)
        if shift.change in notes:
            event.add("description", notes[shift.change])
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def _uid(cid: str, side: str, shift: RosterShift) -> str:
    text = f"{side} {shift.rung} {shift.officer} {shift.begins.isoformat()}"
    return f"{hashlib.sha256(text.encode()).hexdigest()[:24]}@{cid[:16]}.dragoman"
