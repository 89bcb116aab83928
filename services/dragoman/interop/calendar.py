"""A channel's calendar as iCalendar (RFC 5545): its meetings, calls and visits, and the windows of what was notified, for any calendar program.

A matter keeps its UID for life, and SEQUENCE rises whenever its time was proposed anew or corrected. What is asked for is TENTATIVE, each
window that stands by itself; what is accepted is CONFIRMED; what was declined or taken back is CANCELLED. The feed is published
(RFC 5546 §3.2.1): nobody is invited by it.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from icalendar import Calendar, Event, vCalAddress, vUri

from dragoman_schemas.state import Exchange, Registry

MEDIA: Final = "text/calendar"
_PRODUCT: Final = "-//Dragoman//Liaison calendar//EN"
_STATUS: Final = {
    "requested": "TENTATIVE",
    "accepted": "CONFIRMED",
    "held": "CONFIRMED",
    "closed": "CONFIRMED",
    "declined": "CANCELLED",
    "cancelled": "CANCELLED",
}
_MOVES: Final = ("counter-proposal", "postponement")
_REMINDED: Final = ("venue", "place", "launch_area")


def feed(registry: Registry, exchanges: Iterable[Exchange], since: datetime) -> bytes:
    """The calendar of what ends at that moment or later."""
    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", f"{registry.name}{' (exercise)' if registry.kind == 'exercise' else ''}")
    for exchange in exchanges:
        for number, (begins, ends) in enumerate(windows := [*_windows(exchange)]):
            if ends >= since:
                event = _event(registry, exchange, begins, ends)
                event.add("uid", f"{exchange.id}{f'-{number + 1}' if len(windows) > 1 else ''}@{registry.cid[:16]}.dragoman")
                calendar.add_component(event)
    return bytes(calendar.to_ical())


def _event(registry: Registry, exchange: Exchange, begins: datetime, ends: datetime) -> Event:
    event = Event()
    event.add("dtstamp", datetime.fromisoformat(exchange.updated.time).astimezone(UTC))
    event.add("dtstart", begins)
    if ends > begins:
        event.add("dtend", ends)
    event.add(
        "sequence", sum(len(exchange.acts.get(act, ())) for act in _MOVES) + len(exchange.corrections) + (exchange.cancellation is not None)
    )
    event.add("summary", str(msgspec.json.decode(exchange.subject)))
    event.add("description", f"{exchange.number}, {exchange.status}")
    event.add("categories", [exchange.act])
    event.add("class", "CONFIDENTIAL")
    event.add("status", _STATUS.get(exchange.status, "CONFIRMED"))
    if exchange.family != "meeting":
        event.add("transp", "TRANSPARENT")
    organizer = vCalAddress(f"urn:dragoman:{registry.name}:{exchange.side}")
    organizer.params["CN"] = exchange.side
    event.add("organizer", organizer)
    event.add("url", vUri(f"/v1/channels/{registry.name}/exchanges/{exchange.id}"))
    where = next((_place(json.loads(bytes(exchange.content[name]))) for name in _REMINDED if name in exchange.content), "")
    if where:
        event.add("location", where)
    return event


def _windows(exchange: Exchange) -> Iterator[tuple[datetime, datetime]]:
    """When it takes place: as it was held, else in the window that was accepted, else in each that stands."""
    meeting = exchange.meeting
    if meeting is not None and meeting.held:
        found: list[Any] = [{"from": held.from_, "to": held.to} for held in meeting.held]
    elif meeting is not None and meeting.accepted:
        found = [json.loads(bytes(next(iter(meeting.accepted.values())).terms))]
    else:
        found = [json.loads(bytes(exchange.content[name])) for name in ("windows", "dates", "window") if name in exchange.content]
        found = [each for window in found for each in (window if isinstance(window, list) else [window])]
    for window in found:
        times = [_time(window.get(name)) for name in ("from", "to")] if isinstance(window, dict) else [None]
        if times[0] is not None and times[-1] is not None:
            yield times[0], times[-1]


def _time(value: object) -> datetime | None:
    """A time in UTC; None for one that is not known."""
    try:
        return datetime.fromisoformat(value).astimezone(UTC) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def _place(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    names = value.get("names")
    called = [value.get("name"), value.get("text"), *(names.values() if isinstance(names, dict) else ())]
    if "lat" in value:
        called.append(f"{value['lat']}, {value['lon']}")
    return "; ".join(str(each) for each in called if each)
