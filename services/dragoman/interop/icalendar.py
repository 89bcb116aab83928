"""A channel's calendar as iCalendar (RFC 5545), for any calendar program.

It has meetings, calls and visits, and the windows of notifications: every window that
can be in force, with the same ends. A matter keeps its UID for life. SEQUENCE rises
whenever its time was proposed anew or corrected. A requested meeting is TENTATIVE, with
an event for each window. An accepted one is CONFIRMED. A declined, refused or withdrawn
one is CANCELLED. The feed is published (RFC 5546 §3.2.1): it invites nobody. Under the
Chatham House Rule, the organizer is the channel, and there is no number.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from icalendar import Calendar, Event, vCalAddress, vUri

from dragoman.domain.acts import developments, event_windows
from dragoman.domain.acts.families.exchange import own_markings
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
    "refused": "CANCELLED",
    "withdrawn": "CANCELLED",
    "cancelled": "CANCELLED",
}
_MOVES: Final = ("counter-proposal", "postponement", "grant", "withdrawal")
"""Acts that change the time of a matter, or end it."""

OPEN_END: Final = datetime.max.replace(tzinfo=UTC)
"""The end of a window that is until further notice: later than any other."""

_PLACE_MEMBERS: Final = ("venue", "place", "launch_area", "route")


def feed(
    registry: Registry, exchanges: Iterable[Exchange], since: datetime, base_url: str = ""
) -> bytes:
    """Return the calendar of events that end at a moment or later."""
    calendar = new_calendar(registry, "PUBLISH")
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


def new_calendar(registry: Registry, method: str) -> Calendar:
    """Return an empty calendar of the channel."""
    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", method)
    calendar.add(
        "x-wr-calname", f"{registry.name}{' (exercise)' if registry.kind == 'exercise' else ''}"
    )
    return calendar


def uid(registry: Registry, exchange: Exchange, window: str = "") -> str:
    """Return the UID of a matter in every calendar, for life.

    While several windows are open, each has a UID with a number of its own.
    """
    return f"{exchange.id}{window}@{registry.cid[:16]}.dragoman"


def status(exchange: Exchange) -> str:
    """Return the status of a matter in the terms of calendars.

    A matter that was closed without ever being agreed is cancelled.
    """
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
    """Return the number of changes to the time of a matter up to a position.

    Changes are new proposals, grants, corrections and a withdrawal.
    """
    moves = [item.said for act in _MOVES for item in exchange.acts.get(act, ())]
    moves += [developments.stamp_of(change) for change in developments.changes(exchange)]
    moves += [] if exchange.cancellation is None else [exchange.cancellation.cancelled]
    return sum(move.position <= upto for move in moves)


def address(registry: Registry, side: str) -> vCalAddress:
    """Return a side as a calendar user, or the channel if there is no side.

    No person is ever named.
    """
    user = vCalAddress(f"urn:dragoman:{registry.name}{f':{side}' if side else ''}")
    user.params["CN"] = side or registry.name
    return user


def link(event: Event, registry: Registry, exchange: Exchange, base_url: str) -> None:
    """Add the URL of the exchange: at a gateway with that base URL, or at this host."""
    event.add("url", vUri(f"{base_url}/v1/channels/{registry.name}/exchanges/{exchange.id}"))


def described(registry: Registry, exchange: Exchange, stamp: Stamp) -> Event:
    """Return a matter as an event, as it was at a record.

    The event lacks only its UID, its status and its time.
    """
    event = Event()
    event.add("dtstamp", datetime.fromisoformat(stamp.time).astimezone(UTC))
    event.add("sequence", sequence(exchange, stamp.position))
    event.add("summary", in_language(msgspec.json.decode(subject_of(exchange))))
    event.add("description", summary_line(exchange))
    event.add("categories", [exchange.act])
    event.add("class", "CONFIDENTIAL")
    if exchange.family != "meeting":
        event.add("transp", "TRANSPARENT")
    event.add("organizer", address(registry, attribution.side(exchange, exchange.side)))
    where = next(
        (
            _place(json.loads(bytes(exchange.present[name])))
            for name in _PLACE_MEMBERS
            if name in exchange.present
        ),
        "",
    )
    if where:
        event.add("location", where)
    return event


def summary_line(exchange: Exchange) -> str:
    """Return an exchange's number, its status and its own markings in a line.

    Under the Chatham House Rule the number is left out.
    """
    line = attribution.number(exchange), exchange.status, own_markings(exchange)
    return ", ".join(filter(None, line))


def take_place(event: Event, window: tuple[datetime, datetime]) -> None:
    """Put an event into a window; one until further notice has no end."""
    begins, ends = window
    event.add("dtstart", begins)
    if begins < ends < OPEN_END:
        event.add("dtend", ends)


def windows(exchange: Exchange) -> Iterator[tuple[datetime, datetime]]:
    """Yield the times at which it takes place.

    They are the time at which it was held, or the accepted window, or every open
    window. Of an announced event it is the window that can be in force.
    """
    meeting = exchange.meeting
    event = None if meeting is not None else event_windows.window_of(exchange)
    if event is not None:
        yield event.begins, OPEN_END if event.until_further_notice else event.last
        return
    if meeting is not None and meeting.held:
        rows: list[Any] = [{"from": item.from_, "to": item.to} for item in meeting.held]
    elif meeting is not None and meeting.accepted:
        rows = [json.loads(bytes(next(iter(meeting.accepted.values())).terms))]
    else:
        rows = [
            json.loads(bytes(exchange.present[name]))
            for name in ("windows", "dates", "window")
            if name in exchange.present
        ]
        rows = [
            item for window in rows for item in (window if isinstance(window, list) else [window])
        ]
        if event_windows.asks_to_visit(exchange):  # not granted: the time that was asked for
            rows = [_visit(exchange)]
    yield from complete_windows(rows)


def _visit(exchange: Exchange) -> dict[str, str]:
    """Return the time that a request to come and see asks for."""
    arrival = json.loads(bytes(exchange.content["arrival"]))
    stay = json.loads(bytes(exchange.content.get("stay", b"{}")))
    ends = stay.get("to", arrival)
    later = max((arrival, ends), key=datetime.fromisoformat)
    return {"from": arrival, "to": later}


def complete_windows(values: Iterable[Any]) -> Iterator[tuple[datetime, datetime]]:
    """Yield the windows of a record of which both ends are known, in UTC."""
    for window in values:
        times = (
            [_time(window.get(name)) for name in ("from", "to")]
            if isinstance(window, dict)
            else [None]
        )
        if times[0] is not None and times[-1] is not None:
            yield times[0], times[-1]


def _time(value: object) -> datetime | None:
    """Return a time in UTC, or None if it is not known."""
    try:
        return datetime.fromisoformat(value).astimezone(UTC) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def _place(value: Any) -> str:
    if isinstance(value, list):
        return " - ".join(map(_place, value))
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
