"""A channel's calendar as iCalendar (RFC 5545): its meetings, calls and visits, and the windows of what was notified, for any calendar program.

A matter keeps its UID for life, and SEQUENCE rises whenever its time was proposed anew
or corrected. What is asked for is TENTATIVE, each window that stands by itself; what is
accepted is CONFIRMED; what was declined or taken back is CANCELLED. The feed is
published (RFC 5546 §3.2.1): nobody is invited by it. What is under the Chatham House
Rule has the channel for its organizer, and no number.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from icalendar import Calendar, Event, vCalAddress, vUri

from dragoman.domain.acts import developments
from dragoman.domain.views import attribution
from dragoman.domain.views.titles import subject_of
from dragoman.interop.side_texts import in_language
from dragoman_schemas.state import Exchange, Registry, Stamp

MEDIA: Final = "text/calendar"
_PRODUCT: Final = "-//Dragoman//Liaison calendar//EN"
_STATUS: Final = {
    "requested": "TENTATIVE",
    "postponed": "TENTATIVE",
    "accepted": "CONFIRMED",
    "held": "CONFIRMED",
    "closed": "CONFIRMED",
    "declined": "CANCELLED",
    "cancelled": "CANCELLED",
}
_MOVES: Final = ("counter-proposal", "postponement")
_REMINDED: Final = ("venue", "place", "launch_area")


def feed(
    registry: Registry, exchanges: Iterable[Exchange], since: datetime, base_url: str = ""
) -> bytes:
    """Return the calendar of what ends at that moment or later."""
    calendar = begun(registry, "PUBLISH")
    for exchange in exchanges:
        for number, window in enumerate(standing := [*windows(exchange)], 1):
            if window[1] >= since:
                event = described(registry, exchange, exchange.updated)
                link(event, registry, exchange, base_url)
                event.add("uid", uid(registry, exchange, f"-{number}" if len(standing) > 1 else ""))
                event.add("status", status(exchange))
                take_place(event, window)
                calendar.add_component(event)
    return bytes(calendar.to_ical())


def begun(registry: Registry, method: str) -> Calendar:
    """Return a calendar of the channel's, with nothing in it."""
    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", method)
    calendar.add(
        "x-wr-calname", f"{registry.name}{' (exercise)' if registry.kind == 'exercise' else ''}"
    )
    return calendar


def uid(registry: Registry, exchange: Exchange, window: str = "") -> str:
    """Return what a matter is called in every calendar, for life; its windows, while several stand, each by a number of its own."""
    return f"{exchange.id}{window}@{registry.cid[:16]}.dragoman"


def status(exchange: Exchange) -> str:
    """Return how a matter stands, in the words that calendars have for it; what was closed and had never been agreed to does not take place."""
    meeting = exchange.meeting
    if (
        exchange.status == "closed"
        and meeting is not None
        and not meeting.held
        and not meeting.accepted
    ):
        return "CANCELLED"
    return _STATUS.get(exchange.status, "CONFIRMED")


def sequence(exchange: Exchange, upto: int) -> int:
    """Return how often its time was proposed anew, corrected or taken back up to that position."""
    moves = [item.said for act in _MOVES for item in exchange.acts.get(act, ())]
    moves += [developments.stamp_of(change) for change in developments.changes(exchange)]
    moves += [] if exchange.cancellation is None else [exchange.cancellation.cancelled]
    return sum(move.position <= upto for move in moves)


def address(registry: Registry, side: str) -> vCalAddress:
    """Return a side as a calendar user, or the channel where no side is named: no person is ever named."""
    user = vCalAddress(f"urn:dragoman:{registry.name}{f':{side}' if side else ''}")
    user.params["CN"] = side or registry.name
    return user


def link(event: Event, registry: Registry, exchange: Exchange, base_url: str) -> None:
    """Where the exchange is read: at a gateway whose address is given, or at this host."""
    event.add("url", vUri(f"{base_url}/v1/channels/{registry.name}/exchanges/{exchange.id}"))


def described(registry: Registry, exchange: Exchange, stamp: Stamp) -> Event:
    """Return a matter as an event, as it stood at that record: all but its UID, its status and its time."""
    event = Event()
    event.add("dtstamp", datetime.fromisoformat(stamp.time).astimezone(UTC))
    event.add("sequence", sequence(exchange, stamp.position))
    event.add("summary", in_language(msgspec.json.decode(subject_of(exchange))))
    event.add("description", standing(exchange))
    event.add("categories", [exchange.act])
    event.add("class", "CONFIDENTIAL")
    if exchange.family != "meeting":
        event.add("transp", "TRANSPARENT")
    event.add("organizer", address(registry, attribution.side(exchange, exchange.side)))
    where = next(
        (
            _place(json.loads(bytes(exchange.content[name])))
            for name in _REMINDED
            if name in exchange.content
        ),
        "",
    )
    if where:
        event.add("location", where)
    return event


def standing(exchange: Exchange) -> str:
    """Return an exchange's number and status in a line; without the number under the Chatham House Rule."""
    return ", ".join(filter(None, (attribution.number(exchange), exchange.status)))


def take_place(event: Event, window: tuple[datetime, datetime]) -> None:
    """Put an event into a window."""
    begins, ends = window
    event.add("dtstart", begins)
    if ends > begins:
        event.add("dtend", ends)


def windows(exchange: Exchange) -> Iterator[tuple[datetime, datetime]]:
    """Return when it takes place: as it was held, else in the window that was accepted, else in each that stands."""
    meeting = exchange.meeting
    if meeting is not None and meeting.held:
        rows: list[Any] = [{"from": item.from_, "to": item.to} for item in meeting.held]
    elif meeting is not None and meeting.accepted:
        rows = [json.loads(bytes(next(iter(meeting.accepted.values())).terms))]
    else:
        rows = [
            json.loads(bytes(exchange.content[name]))
            for name in ("windows", "dates", "window")
            if name in exchange.content
        ]
        rows = [
            item for window in rows for item in (window if isinstance(window, list) else [window])
        ]
    return known(rows)


def known(values: Iterable[Any]) -> Iterator[tuple[datetime, datetime]]:
    """Yield those of a record's windows of which both ends are known, in UTC."""
    for window in values:
        times = (
            [_time(window.get(name)) for name in ("from", "to")]
            if isinstance(window, dict)
            else [None]
        )
        if times[0] is not None and times[-1] is not None:
            yield times[0], times[-1]


def _time(value: object) -> datetime | None:
    """Return a time in UTC; None for one that is not known."""
    try:
        return datetime.fromisoformat(value).astimezone(UTC) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def _place(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    names = value.get("names")
    rows = [
        value.get("name"),
        value.get("text"),
        *(names.values() if isinstance(names, dict) else ()),
    ]
    if "lat" in value:
        rows.append(f"{value['lat']}, {value['lon']}")
    return "; ".join(str(row) for row in rows if row)
