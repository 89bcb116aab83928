"""A meeting as messages between calendar programs, iTIP (RFC 5546).

The newest act of the meeting decides the method of the message:

    REQUEST    the opening; the convener's acceptance, counter-proposal, postponement or
               correction; a meeting that was held
    REPLY      an acceptance or a decline of a side that was asked
    COUNTER    a counter-proposal or a postponement with windows, of a side that was
               asked
    CANCEL     a cancellation; a decline by the convener; a closure without an agreement
    PUBLISH    any act under the Chatham House Rule: nobody is asked, and nobody answers

UID and SEQUENCE are those of the published feed, so that a program joins the two. A
REQUEST has room for one time: while several windows are open, it has the first, and its
text names the others. The convener is the ORGANIZER. Only sides are named, never
people. No message asks for an answer (RSVP): nobody here reads what a calendar program
sends back, and its reader would believe that the side has answered.
"""

import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from icalendar import Event

from dragoman.domain.acts import developments
from dragoman.domain.views import attribution
from dragoman.interop import NotUnderstood, icalendar
from dragoman.interop.side_texts import in_language
from dragoman.text import sentence
from dragoman_schemas.state import Exchange, Registry, Stamp

_METHOD: Final = re.compile(rb"^METHOD:([A-Z]+)\r?$", re.MULTILINE)

_ARRANGING: Final = (
    "acceptance",
    "decline",
    "counter-proposal",
    "postponement",
    "correction",
    "cancellation",
)


def media(raw: bytes) -> str:
    """Return the media type of a message, which names the method of the message."""
    result = _METHOD.search(raw)
    if result is None:
        raise NotUnderstood(sentence("it has no METHOD; it is a calendar, and no message"))
    return f"text/calendar; method={result[1].decode()}; charset=utf-8"


def message(registry: Registry, exchange: Exchange, base_url: str = "") -> bytes | None:
    """Return the newest act of a meeting as a message, in UTF-8.

    Return None for a call at any time: no calendar has a place for it. For an earlier
    act, pass the exchange as it was then.
    """
    act, stamp = _newest(exchange)
    if attribution.unattributed(exchange):
        standing = [*icalendar.windows(exchange)]
        if not standing:
            return None
        method, event = "PUBLISH", _published(registry, exchange, standing)
    elif stamp.side != exchange.side and act in ("acceptance", "decline"):
        method, event = "REPLY", _reply(registry, exchange, act, stamp)
    elif (
        stamp.side != exchange.side
        and act != "meeting-held"
        and "windows" in exchange.acts[act][-1].content
    ):
        method, event = "COUNTER", _counter(registry, exchange, act, stamp)
    elif icalendar.status(exchange) == "CANCELLED":
        method, event = "CANCEL", _cancel(registry, exchange, act, stamp)
    elif standing := [*icalendar.windows(exchange)]:
        method, event = "REQUEST", _request(registry, exchange, standing)
    else:
        return None
    event.add("uid", icalendar.uid(registry, exchange))
    icalendar.link(event, registry, exchange, base_url)
    written = icalendar.new_calendar(registry, method)
    written.add_component(event)
    return bytes(written.to_ical())


def _published(
    registry: Registry, exchange: Exchange, standing: list[tuple[datetime, datetime]]
) -> Event:
    """Return the event of a meeting under the Chatham House Rule.

    It says that the meeting takes place. It does not say who asked or answered whom.
    """
    event = icalendar.described(registry, exchange, exchange.updated)
    event.add("status", icalendar.status(exchange))
    icalendar.take_place(event, standing[0])
    if len(standing) > 1:
        event.pop("description")
        event.add("description", f"{icalendar.summary_line(exchange)}\n{_others(standing)}")
    return event


def _newest(exchange: Exchange) -> tuple[str, Stamp]:
    """Return the newest act that arranges the meeting, with its stamp.

    A correction of other members than the windows does not count, if another side
    proposed the windows: then that proposal stays the newest act.
    """
    assert exchange.meeting is not None
    opening, *messages = exchange.messages
    is_convener_proposal = exchange.meeting.proposed_by == exchange.side
    aside = {
        developments.stamp_of(change).position
        for change in developments.changes(exchange)
        if not (is_convener_proposal or {"windows", "dates"} & change.fields.keys())
    }
    acts = [
        (entry.act, entry.said)
        for entry in messages
        if entry.act in _ARRANGING and entry.said.position not in aside
    ]
    acts += [("meeting-held", entry.recorded) for entry in exchange.meeting.held]
    acts += [] if exchange.closed is None else [("closure", exchange.closed)]
    return max(((opening.act, opening.said), *acts), key=lambda item: item[1].position)


def _attend(registry: Registry, event: Event, side: str, **parameters: str) -> None:
    attendee = icalendar.address(registry, side)
    attendee.params.update(
        {name.upper().replace("_", "-"): value for name, value in parameters.items()}
    )
    event.add("attendee", attendee)


def _request(
    registry: Registry, exchange: Exchange, standing: list[tuple[datetime, datetime]]
) -> Event:
    event = icalendar.described(registry, exchange, exchange.updated)
    event.add("status", icalendar.status(exchange))
    icalendar.take_place(event, standing[0])
    if len(standing) > 1:
        event.pop("description")
        event.add("description", f"{icalendar.summary_line(exchange)}\n{_others(standing)}")
    meeting = exchange.meeting
    assert meeting is not None
    for side in exchange.to:
        agreed = side in meeting.accepted or (
            side == meeting.proposed_by and exchange.status != "postponed"
        )
        partstat = (
            "DECLINED" if side in meeting.declined else "ACCEPTED" if agreed else "NEEDS-ACTION"
        )
        _attend(registry, event, side, partstat=partstat, rsvp="FALSE")
    for side in exchange.info:
        _attend(registry, event, side, role="NON-PARTICIPANT", rsvp="FALSE")
    return event


def _reply(registry: Registry, exchange: Exchange, act: str, stamp: Stamp) -> Event:
    event = icalendar.described(registry, exchange, stamp)
    _attend(registry, event, stamp.side, partstat="ACCEPTED" if act == "acceptance" else "DECLINED")
    if act == "acceptance":
        assert exchange.meeting is not None
        accepted = json.loads(bytes(exchange.meeting.accepted[stamp.side].terms))
        for window in icalendar.complete_windows([accepted]):
            icalendar.take_place(event, window)
    else:
        _explain(event, exchange)
    return event


def _counter(registry: Registry, exchange: Exchange, act: str, stamp: Stamp) -> Event:
    """Return a proposal as it was made, not as it is merged into the exchange.

    It answers the request before it, and has the SEQUENCE of that request.
    """
    content = exchange.acts[act][-1].content
    proposed = [*icalendar.complete_windows(json.loads(bytes(content["windows"])))]
    event = icalendar.described(registry, exchange, stamp)
    for name in ("sequence", "location"):
        event.pop(name, None)
    event.add("sequence", icalendar.sequence(exchange, stamp.position - 1))
    icalendar.take_place(event, proposed[0])
    if "venue" in content:
        event.add("location", json.loads(bytes(content["venue"])))
    if len(proposed) > 1:
        event.add("comment", _others(proposed))
    _attend(registry, event, stamp.side, partstat="TENTATIVE")
    return event


def _cancel(registry: Registry, exchange: Exchange, act: str, stamp: Stamp) -> Event:
    event = icalendar.described(registry, exchange, stamp)
    event.add("status", "CANCELLED")
    for window in [*icalendar.windows(exchange)][:1]:
        icalendar.take_place(event, window)
    for side in (*exchange.to, *exchange.info):
        _attend(registry, event, side)
    if exchange.cancellation is not None:
        event.add("comment", in_language(exchange.cancellation.reason))
    elif act == "decline":
        _explain(event, exchange)
    return event


def _explain(event: Event, exchange: Exchange) -> None:
    reason = exchange.acts["decline"][-1].content.get("reason")
    if reason is not None:
        event.add("comment", in_language(json.loads(bytes(reason))))


def _others(standing: Iterable[tuple[datetime, datetime]]) -> str:
    """Return the windows except the first, in words."""
    _, *rows = standing
    return "It could also be " + ", or ".join(
        f"from {begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M} UTC" for begins, ends in rows
    )
