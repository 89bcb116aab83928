"""The reading of answers from calendar programs as acts, iTIP (RFC 5546).

    reply = read(raw)                     the act, and the exchange that it answers
    act = fitted(reply, exchange)         the act for the exchange as it is now

Strangers wrote the messages, so `calendar_lines` reads them.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from icalendar import Component, vDDDTypes, vDuration, vText
from msgspec import Struct

from dragoman.domain.acts import consent, field_checks
from dragoman.domain.record import codec as records
from dragoman.domain.record.errors import Malformed
from dragoman.interop import NotUnderstood, calendar_lines, icalendar
from dragoman.text import sentence
from dragoman_schemas.fields import Window
from dragoman_schemas.state import Exchange

METHODS: Final = ("REPLY", "COUNTER", "CANCEL", "REQUEST")
"""The methods that are understood; a REQUEST only for a new meeting."""


_BYTES: Final = 256 * 1024
"""The limit of a message, in bytes.

It has room for an invitation with its time zone, in words and once more as HTML, but
not for embedded files.
"""


_LINES: Final = 2_000
"""The limit of a message, in lines.

An invitation has some thirty lines, each of its time zones as many, and each guest one.
The reader takes a fifth of a millisecond for a long line.
"""


_UID: Final = re.compile(
    r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:-([1-9][0-9]?))?@[0-9a-f]{16}\.dragoman"
)


_SIDE: Final = re.compile(r"urn:dragoman:[a-z0-9-]+:([a-z0-9-]+)", re.IGNORECASE)


_COUNTED: Final = re.compile(r"[0-9]{1,9}")


_RECURRING: Final = ("RRULE", "RDATE", "RECURRENCE-ID")


class ItipReply(Struct, frozen=True, kw_only=True):
    """The answer of a calendar program: its act, and its exchange.

    `exchange` is empty for a new request. `sequence` names the proposal that it
    answers. `begins` is the beginning of that proposal, or empty if the message does
    not say it. `side` is the answering side as the message names it: the sender must
    still be authenticated. Times are in UTC.
    """

    exchange: str
    act: dict[str, Any]
    sequence: int
    dtstamp: str
    begins: str = ""
    side: str = ""


def read(raw: bytes) -> ItipReply:
    """Return the act of a message.

    Raises `NotUnderstood`, and no other exception, for any bytes.
    """
    whole = _parsed(raw)
    method = _only_property(whole, "METHOD").upper()
    if method not in METHODS:
        raise NotUnderstood(
            sentence(
                "the method %(method)s is not understood; send %(known)s",
                method=repr(method[:20]),
                known=tuple(METHODS),
            )
        )
    event = _only_event(whole)
    ours = _UID.fullmatch(_only_property(event, "UID"))
    match method, ours is not None:
        case "REPLY", True:
            act, by = _answer_act(event), "ATTENDEE"
        case "COUNTER", True:
            act, by = {"act": "counter-proposal", **_proposed(event)}, "ATTENDEE"
        case "CANCEL", True:
            act, by = {"act": "cancellation", **_reason(event)}, "ORGANIZER"
            if "reason" not in act:
                raise NotUnderstood(
                    sentence("a cancellation says why; give the reason as its comment (COMMENT)")
                )
        case "REQUEST", False:
            act, by = (
                {"act": "meeting-request", "purpose": _text(event, "SUMMARY"), **_proposed(event)},
                "ORGANIZER",
            )
        case "REQUEST", True:
            raise NotUnderstood(
                sentence(
                    "this meeting is known here; to move it, propose another time (COUNTER), "
                    "or cancel it and ask again"
                )
            )
        case _:
            raise NotUnderstood(
                sentence("its UID is of no meeting here; answer the invitation that came from here")
            )
    if ours is not None and ours[2] and act["act"] == "acceptance":
        act["window"] = int(ours[2]) - 1
    _check_act(act)
    return ItipReply(
        exchange="" if ours is None else ours[1],
        act=act,
        sequence=_sequence(event),
        dtstamp=_stamp(_time(event, "DTSTAMP")),
        begins=_stamp(_time(event, "DTSTART")) if "DTSTART" in event else "",
        side=_side(event, by),
    )


def fitted(answered: ItipReply, exchange: Exchange) -> dict[str, Any]:
    """Return the act for the exchange that it answers.

    An acceptance names the window that begins at the time in the answer. Raises
    `NotUnderstood` if the answer is to windows that are no longer open: no side is
    bound to terms that it did not see.
    """
    act, standing = _consenting(answered.act, exchange), [begins for begins, _ in _terms(exchange)]
    if act["act"] != "cancellation" and answered.sequence < icalendar.sequence(
        exchange, exchange.updated.position
    ):
        raise NotUnderstood(
            sentence(
                "it answers an earlier proposal, and another has been made since; answer the "
                "newest invitation"
            )
        )
    if act["act"] != "acceptance" or "window" in act or not answered.begins or not standing:
        return act
    begins = datetime.fromisoformat(answered.begins)
    if begins not in standing:
        raise NotUnderstood(
            sentence(
                "no proposed window begins at %(begins)s; to propose that time, send it as a "
                "COUNTER",
                begins=answered.begins,
            )
        )
    return {**act, "window": standing.index(begins)}


def _consenting(act: dict[str, Any], exchange: Exchange) -> dict[str, Any]:
    """Return an acceptance with the digest of the current terms.

    Return any other act unchanged.
    """
    return {**act, "terms": consent.text_terms(exchange)} if act["act"] == "acceptance" else act


def _terms(exchange: Exchange) -> Iterator[tuple[datetime, datetime]]:
    """Return the open windows, as acceptances count them, or a visit's dates."""
    content = exchange.content
    if "windows" in content:
        return icalendar.complete_windows(json.loads(bytes(content["windows"])))
    return icalendar.complete_windows(
        [json.loads(bytes(content["dates"]))] if "dates" in content else []
    )


def _answer_act(event: Component) -> dict[str, Any]:
    attendees = event.get("ATTENDEE", [])
    if len(attendees) != 1:
        raise NotUnderstood(
            sentence("an answer has one ATTENDEE, the side that answers; leave the others out")
        )
    match partstat := str(attendees[0].params.get("PARTSTAT", "NEEDS-ACTION")).upper():
        case "ACCEPTED":
            return {"act": "acceptance"}
        case "DECLINED":
            return {"act": "decline", **_reason(event)}
        case "TENTATIVE":
            why = sentence("a tentative answer is not an answer")
        case "DELEGATED":
            why = sentence("a side answers for itself and not for each person")
        case _:
            why = sentence("%(answer)s says neither yes nor no", answer=partstat[:20])
    raise NotUnderstood(sentence("%(why)s; accept, decline, or propose another time", why=why))


def _reason(event: Component) -> dict[str, str]:
    comment = "\n".join(filter(None, event.get("COMMENT", [])))
    return {"reason": comment} if comment else {}


def _proposed(event: Component) -> dict[str, Any]:
    """Return the one window of an event, and its place."""
    begins = ends = _time(event, "DTSTART")
    if "DTEND" in event:
        ends = _time(event, "DTEND")
    elif "DURATION" in event:
        span = _text(event, "DURATION")
        try:
            ends = begins + vDuration(span).dt
        except (ValueError, OverflowError):
            raise NotUnderstood(
                sentence(
                    "%(duration)s is not a valid DURATION of a meeting; write it like PT1H30M",
                    duration=repr(span[:20]),
                )
            ) from None
    window = {"from": _stamp(begins), "to": _stamp(ends)}
    refusal = field_checks.window("/windows/0", Window(from_=window["from"], to=window["to"]))
    if refusal is not None:
        raise NotUnderstood(refusal.faults[0].detail)
    venue = _text(event, "LOCATION")
    return {"windows": [window], **({"venue": venue} if venue else {})}


def _check_act(act: dict[str, Any]) -> None:
    """Raise `NotUnderstood` if an act is too long or has forbidden characters."""
    try:
        # The exchange knows the real terms; these zeros only have their length.
        consenting = {**act, "terms": "0" * 64} if act["act"] == "acceptance" else act
        records.read_act(msgspec.json.encode(consenting), cut=False)
    except Malformed as error:
        raise NotUnderstood(
            sentence(
                "%(what)s: %(detail)s",
                what=error.fault.pointer[1:] or act["act"],
                detail=error.fault.detail,
            )
        ) from None


def _sequence(event: Component) -> int:
    value = _text(event, "SEQUENCE") or "0"
    if _COUNTED.fullmatch(value) is None:
        raise NotUnderstood(
            sentence("SEQUENCE is a number; send the one of the invitation that is answered")
        )
    return int(value)


def _side(event: Component, by: str) -> str:
    rows = [result[1].lower() for item in event.get(by, []) if (result := _SIDE.fullmatch(item))]
    return rows[0] if len(rows) == 1 else ""


def _parsed(raw: bytes) -> Component:
    """Return the calendar with its components.

    Each component has its properties, repeated ones too, as text.
    """
    if len(raw) > _BYTES:
        raise NotUnderstood(
            sentence(
                "it has %(n)s bytes, and at most %(most)s are read; leave out what is attached",
                n=len(raw),
                most=_BYTES,
            )
        )
    text = calendar_lines.unfolded(raw)
    if (count := text.count("\n")) > _LINES:
        raise NotUnderstood(
            sentence(
                "it has %(n)s lines, and at most %(most)s are read; send only the one meeting",
                n=count,
                most=_LINES,
            )
        )
    return calendar_lines.components_of(text)


def _only_event(whole: Component) -> Component:
    events = [part for part in whole.subcomponents if part.name == "VEVENT"]
    if len(events) != 1:
        raise NotUnderstood(
            sentence("it has %(n)s events (VEVENT); send one at a time", n=len(events))
        )
    if any(name in events[0] for name in _RECURRING):
        raise NotUnderstood(sentence("a meeting that recurs is not kept; ask for each by itself"))
    return events[0]


def _only_property(part: Component, name: str) -> vText:
    """Return a property that must be present exactly once."""
    rows: list[vText] = part.get(name, [])
    if len(rows) != 1:
        raise NotUnderstood(
            sentence(
                "%(name)s is more than once in %(part)s; give it once", name=name, part=part.name
            )
            if rows
            else sentence(
                "%(name)s is missing from %(part)s; give it once", name=name, part=part.name
            )
        )
    return rows[0]


def _text(part: Component, name: str) -> str:
    """Return a property as text; empty if it is missing."""
    return str(_only_property(part, name)) if name in part else ""


def _stamp(time: datetime) -> str:
    return time.replace(tzinfo=None).isoformat() + "Z"


def _time(part: Component, name: str) -> datetime:
    """Return a time in UTC.

    A skipped hour counts by the clock before the change. An hour that comes twice is
    the first one (RFC 5545 §3.3.5).
    """
    value = _only_property(part, name)
    try:
        clock = vDDDTypes.from_ical(value)  # type: ignore[no-untyped-call]
    except ValueError:
        raise NotUnderstood(
            sentence(
                "%(name)s is not a valid time: %(value)s; write it like 20261126T080000Z",
                name=name,
                value=value[:20],
            )
        ) from None
    if not isinstance(clock, datetime):
        raise NotUnderstood(
            sentence(
                "%(name)s is not a time but %(value)s; give the day and the hour, like "
                "20261126T080000Z, not only the day",
                name=name,
                value=repr(value[:20]),
            )
        )
    zone = clock.tzinfo or _zone(name, str(value.params.get("TZID", "")))
    try:
        return clock.replace(tzinfo=zone).astimezone(UTC)
    except OverflowError:
        raise NotUnderstood(
            sentence(
                "%(name)s is not a valid time: %(value)s; write it like 20261126T080000Z",
                name=name,
                value=value[:20],
            )
        ) from None


def _zone(name: str, text: str) -> ZoneInfo:
    """Return a zone by its IANA name, by its Windows name, or by a program's own name.

    A program's own name must end in the IANA name.
    """
    if not text:
        raise NotUnderstood(
            sentence(
                "%(name)s has no time zone, and nobody knows whose clock is meant; give it in "
                "UTC, like 20261126T080000Z",
                name=name,
            )
        )
    zone_name = calendar_lines.zone_named(text)
    if zone_name is not None:
        return ZoneInfo(zone_name)
    raise NotUnderstood(
        sentence(
            "%(name)s is in the time zone %(value)s; send times in UTC, or in a zone by its "
            "IANA name",
            name=name,
            value=repr(text[:60]),
        )
    )
