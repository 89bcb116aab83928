"""A meeting as messages between calendar programs, iTIP (RFC 5546): what its newest act is to them, and which act their answer is.

    opening; the convener's acceptance, counter-proposal, postponement or correction; held     REQUEST
    acceptance, decline                  of a side that was asked                              REPLY
    counter-proposal, postponement       of a side that was asked, with windows                COUNTER
    cancellation; declined by the convener; closed without being agreed to                     CANCEL
    anything under the Chatham House Rule: nobody is asked, and nobody answers                 PUBLISH

UID and SEQUENCE are those of the published feed, so that a program joins the two. A
REQUEST has room for one time: while several windows stand it takes the first, and names
the others in words. The convener is the ORGANIZER; only sides are named, never people.

What comes back was written by strangers. The library reads its lines and their values,
and no components: it would keep what a message calls a zone or a component for all that
come after. A zone is the one that IANA knows by that name, whatever a VTIMEZONE says of
it.
"""

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from icalendar import Component, Event, vDDDTypes, vDuration, vText
from icalendar.parser import Contentline, Contentlines
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON
from msgspec import Struct

from dragoman.domain.acts import consent, developments, field_checks
from dragoman.domain.record import codec as records
from dragoman.domain.record.errors import Malformed
from dragoman.domain.views import attribution
from dragoman.interop import NotUnderstood, icalendar
from dragoman.text import sentence
from dragoman_schemas.fields import Window
from dragoman_schemas.state import Exchange, Registry, Stamp

METHODS: Final = ("REPLY", "COUNTER", "CANCEL", "REQUEST")
"""What is understood; a REQUEST only where it asks for a new meeting."""

_BYTES: Final = 256 * 1024
"""An invitation with its time zone, in words and once more as HTML; not one with files
in it.
"""

_LINES: Final = 2_000
"""An invitation has some thirty, each of its time zones as many, and each guest one; a
long one takes the reader a fifth of a millisecond.
"""

_METHOD: Final = re.compile(rb"^METHOD:([A-Z]+)\r?$", re.MULTILINE)
_UID: Final = re.compile(
    r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:-([1-9][0-9]?))?@[0-9a-f]{16}\.dragoman"
)
_SIDE: Final = re.compile(r"urn:dragoman:[a-z0-9-]+:([a-z0-9-]+)", re.IGNORECASE)
_FOLD: Final = re.compile(rb"\r?\n[ \t]")
_COUNTED: Final = re.compile(r"[0-9]{1,9}")
_RECURRING: Final = ("RRULE", "RDATE", "RECURRENCE-ID")

_ARRANGING: Final = (
    "acceptance",
    "decline",
    "counter-proposal",
    "postponement",
    "correction",
    "cancellation",
)


class ItipReply(Struct, frozen=True, kw_only=True):
    """What a calendar program answered: the act that it is, in which exchange; none for a new request.

    `sequence` says which proposal it answers, `begins` when that begins, empty where it
    does not say. `side` is who answers, as the message has it: whoever sent it is still
    to be known otherwise. Times are in UTC.
    """

    exchange: str
    act: dict[str, Any]
    sequence: int
    dtstamp: str
    begins: str = ""
    side: str = ""


def media(raw: bytes) -> str:
    """Return the media type of a message, which names the method that stands in it."""
    result = _METHOD.search(raw)
    if result is None:
        raise NotUnderstood(sentence("it has no METHOD; it is a calendar, and no message"))
    return f"text/calendar; method={result[1].decode()}; charset=utf-8"


# What is said


def message(registry: Registry, exchange: Exchange, base_url: str = "") -> bytes | None:
    """Return what the newest act of a meeting is, in UTF-8; None for a call at any time, which no calendar has a place for.

    What an earlier one was is what this says of the exchange as it stood then.
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
    written = icalendar.begun(registry, method)
    written.add_component(event)
    return bytes(written.to_ical())


def _published(
    registry: Registry, exchange: Exchange, standing: list[tuple[datetime, datetime]]
) -> Event:
    """Return a meeting under the Chatham House Rule: that it takes place, and not who asked whom, nor who answered."""
    event = icalendar.described(registry, exchange, exchange.updated)
    event.add("status", icalendar.status(exchange))
    icalendar.take_place(event, standing[0])
    if len(standing) > 1:
        event.pop("description")
        event.add("description", f"{icalendar.standing(exchange)}\n{_others(standing)}")
    return event


def _newest(exchange: Exchange) -> tuple[str, Stamp]:
    """Return the newest act that arranges the meeting, and who did it when.

    What is corrected besides the windows that another side proposed leaves its proposal
    the newest word.
    """
    assert exchange.meeting is not None
    opening, *messages = exchange.messages
    own = exchange.meeting.proposed_by == exchange.side
    aside = {
        developments.stamp_of(change).position
        for change in developments.changes(exchange)
        if not (own or {"windows", "dates"} & change.fields.keys())
    }
    said = [
        (entry.act, entry.said)
        for entry in messages
        if entry.act in _ARRANGING and entry.said.position not in aside
    ]
    said += [("meeting-held", entry.recorded) for entry in exchange.meeting.held]
    said += [
        ("closure", stamp) for side, stamp in exchange.closures.items() if side == exchange.side
    ]
    return max(((opening.act, opening.said), *said), key=lambda item: item[1].position)


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
        event.add("description", f"{icalendar.standing(exchange)}\n{_others(standing)}")
    meeting = exchange.meeting
    assert meeting is not None
    for side in exchange.to:
        agreed = side in meeting.accepted or (
            side == meeting.proposed_by and exchange.status != "postponed"
        )
        partstat = (
            "DECLINED" if side in meeting.declined else "ACCEPTED" if agreed else "NEEDS-ACTION"
        )
        _attend(
            registry,
            event,
            side,
            partstat=partstat,
            rsvp="TRUE" if partstat == "NEEDS-ACTION" else "FALSE",
        )
    for side in exchange.info:
        _attend(registry, event, side, role="NON-PARTICIPANT", rsvp="FALSE")
    return event


def _reply(registry: Registry, exchange: Exchange, act: str, stamp: Stamp) -> Event:
    event = icalendar.described(registry, exchange, stamp)
    _attend(registry, event, stamp.side, partstat="ACCEPTED" if act == "acceptance" else "DECLINED")
    if act == "acceptance":
        assert exchange.meeting is not None
        accepted = json.loads(bytes(exchange.meeting.accepted[stamp.side].terms))
        for window in icalendar.known([accepted]):
            icalendar.take_place(event, window)
    else:
        _explain(event, exchange)
    return event


def _counter(registry: Registry, exchange: Exchange, act: str, stamp: Stamp) -> Event:
    """As it was proposed, not as it is merged into the exchange; it answers the request before it, whose SEQUENCE it has."""
    content = exchange.acts[act][-1].content
    proposed = [*icalendar.known(json.loads(bytes(content["windows"])))]
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
        event.add("comment", exchange.cancellation.reason)
    elif act == "decline":
        _explain(event, exchange)
    return event


def _explain(event: Event, exchange: Exchange) -> None:
    reason = exchange.acts["decline"][-1].content.get("reason")
    if reason is not None:
        event.add("comment", json.loads(bytes(reason)))


def _others(standing: Iterable[tuple[datetime, datetime]]) -> str:
    """Return the windows but the first, in words."""
    _, *rows = standing
    return "It could also be " + ", or ".join(
        f"from {begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M} UTC" for begins, ends in rows
    )


# What is answered


def read(raw: bytes) -> ItipReply:
    """Return the act that a message is. Raises `NotUnderstood`, and nothing else, whatever the bytes are."""
    whole = _parsed(raw)
    method = _one(whole, "METHOD").upper()
    if method not in METHODS:
        raise NotUnderstood(
            sentence(
                "the method %(method)s is not understood; send %(known)s",
                method=repr(method[:20]),
                known=tuple(METHODS),
            )
        )
    event = _only_event(whole)
    ours = _UID.fullmatch(_one(event, "UID"))
    match method, ours is not None:
        case "REPLY", True:
            act, by = _answer(event), "ATTENDEE"
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
                    "this meeting is known here; to move it, propose another time (COUNTER), or cancel it and ask anew"
                )
            )
        case _:
            raise NotUnderstood(
                sentence("its UID is of no meeting here; answer the invitation that came from here")
            )
    if ours is not None and ours[2] and act["act"] == "acceptance":
        act["window"] = int(ours[2]) - 1
    _hold(act)
    return ItipReply(
        exchange="" if ours is None else ours[1],
        act=act,
        sequence=_sequence(event),
        dtstamp=_stamp(_time(event, "DTSTAMP")),
        begins=_stamp(_time(event, "DTSTART")) if "DTSTART" in event else "",
        side=_side(event, by),
    )


def fitted(answered: ItipReply, exchange: Exchange) -> dict[str, Any]:
    """Return the act as it fits the exchange that it answers: an acceptance names the window that begins when the answer says.

    Raises `NotUnderstood` where the answer is to windows that stand no more: nobody is
    held to terms that it did not see.
    """
    act, standing = _consenting(answered.act, exchange), [begins for begins, _ in _terms(exchange)]
    if act["act"] != "cancellation" and answered.sequence < icalendar.sequence(
        exchange, exchange.updated.position
    ):
        raise NotUnderstood(
            sentence(
                "it answers an earlier proposal, and another has been made since; answer the newest invitation"
            )
        )
    if act["act"] != "acceptance" or "window" in act or not answered.begins or not standing:
        return act
    begins = datetime.fromisoformat(answered.begins)
    if begins not in standing:
        raise NotUnderstood(
            sentence(
                "no window that stands begins at %(begins)s; to propose that time, send it as a COUNTER",
                begins=answered.begins,
            )
        )
    return {**act, "window": standing.index(begins)}


def _consenting(act: dict[str, Any], exchange: Exchange) -> dict[str, Any]:
    """Return an acceptance of what stands, whose digest it names; any other act as it is."""
    return {**act, "terms": consent.whole(exchange)} if act["act"] == "acceptance" else act


def _terms(exchange: Exchange) -> Iterator[tuple[datetime, datetime]]:
    """Return the windows that stand, as acceptances count them, or a visit's dates."""
    content = exchange.content
    if "windows" in content:
        return icalendar.known(json.loads(bytes(content["windows"])))
    return icalendar.known([json.loads(bytes(content["dates"]))] if "dates" in content else [])


def _answer(event: Component) -> dict[str, Any]:
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
            why = sentence("a tentative answer is none")
        case "DELEGATED":
            why = sentence("a side answers for itself, whoever comes")
        case _:
            why = sentence("%(answer)s says neither yes nor no", answer=partstat[:20])
    raise NotUnderstood(sentence("%(why)s; accept, decline, or propose another time", why=why))


def _reason(event: Component) -> dict[str, str]:
    comment = "\n".join(filter(None, event.get("COMMENT", [])))
    return {"reason": comment} if comment else {}


def _proposed(event: Component) -> dict[str, Any]:
    """Return the one window that an event is, and its place."""
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
                    "%(duration)s is no DURATION of a meeting; write it like PT1H30M",
                    duration=repr(span[:20]),
                )
            ) from None
    window = {"from": _stamp(begins), "to": _stamp(ends)}
    refusal = field_checks.window("/windows/0", Window(from_=window["from"], to=window["to"]))
    if refusal is not None:
        raise NotUnderstood(refusal.faults[0].detail)
    venue = _text(event, "LOCATION")
    return {"windows": [window], **({"venue": venue} if venue else {})}


def _hold(act: dict[str, Any]) -> None:
    """Refuse what would be no act: too long, or with characters that none may have."""
    try:
        consenting = (
            {**act, "terms": "0" * 64} if act["act"] == "acceptance" else act
        )  # to what, the exchange says
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


# Lines and times


def _parsed(raw: bytes) -> Component:
    """Return the calendar, and in it its components, each with its properties as often as they stand there, in words."""
    if len(raw) > _BYTES:
        raise NotUnderstood(
            sentence(
                "it has %(n)s bytes, and at most %(most)s are read; leave out what is attached",
                n=len(raw),
                most=_BYTES,
            )
        )
    try:
        text = _FOLD.sub(b"", raw).decode(
            "utf-8-sig"
        )  # unfolded as bytes: a fold may stand within a character
    except UnicodeDecodeError:
        raise NotUnderstood(sentence("it is not valid UTF-8; send it as UTF-8")) from None
    if (count := text.count("\n")) > _LINES:
        raise NotUnderstood(
            sentence(
                "it has %(n)s lines, and at most %(most)s are read; send the one meeting alone",
                n=count,
                most=_LINES,
            )
        )
    lines: list[Contentline] = Contentlines.from_ical(text)  # type: ignore[no-untyped-call]
    stack = [around := Component()]
    for line in filter(str.strip, lines):
        try:
            name, parameters, value = line.parts()
        except ValueError:
            raise NotUnderstood(
                sentence("%(line)s is no property; write NAME:value", line=repr(line[:40]))
            ) from None
        name, value = name.upper(), value.strip()
        if name == "BEGIN":
            part = Component()
            part.name = value.upper()  # type: ignore[misc]  # as the library does with those that it has no class for
            stack[-1].subcomponents.append(part)
            stack.append(part)
        elif name == "END":
            if stack.pop().name != value.upper() or not stack:
                raise NotUnderstood(
                    sentence(
                        "END:%(part)s ends what did not begin; send the calendar whole",
                        part=value[:40],
                    )
                )
        else:
            stack[-1].setdefault(name, []).append(vText(value, params=parameters))
    if (
        len(stack) > 1
        or len(around)
        or [part.name for part in around.subcomponents] != ["VCALENDAR"]
    ):
        raise NotUnderstood(
            sentence("it is not one calendar; send one VCALENDAR, from its BEGIN to its END")
        )
    return around.subcomponents[0]


def _only_event(whole: Component) -> Component:
    events = [part for part in whole.subcomponents if part.name == "VEVENT"]
    if len(events) != 1:
        raise NotUnderstood(
            sentence("it has %(n)s events (VEVENT); send one at a time", n=len(events))
        )
    if any(name in events[0] for name in _RECURRING):
        raise NotUnderstood(sentence("a meeting that recurs is not kept; ask for each by itself"))
    return events[0]


def _one(part: Component, name: str) -> vText:
    """Return a property that stands there once."""
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
    """Return a property in words; empty where it is left out."""
    return str(_one(part, name)) if name in part else ""


def _stamp(time: datetime) -> str:
    return time.replace(tzinfo=None).isoformat() + "Z"


def _time(part: Component, name: str) -> datetime:
    """Return a time in UTC. An hour that is skipped counts as by the clock before the change, one that comes twice is the first (RFC 5545 §3.3.5)."""
    value = _one(part, name)
    try:
        clock = vDDDTypes.from_ical(value)  # type: ignore[no-untyped-call]
    except ValueError:
        raise NotUnderstood(
            sentence(
                "%(name)s is no time that exists: %(value)s; write it like 20261126T080000Z",
                name=name,
                value=value[:20],
            )
        ) from None
    if not isinstance(clock, datetime):
        raise NotUnderstood(
            sentence(
                "%(name)s is no time but %(value)s; give the day and the hour, like 20261126T080000Z, not the day alone",
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
                "%(name)s is no time that exists: %(value)s; write it like 20261126T080000Z",
                name=name,
                value=value[:20],
            )
        ) from None


def _zone(name: str, text: str) -> ZoneInfo:
    """Return a zone by its IANA name, by its name in Windows, or by one of a program's own that ends in the IANA name."""
    if not text:
        raise NotUnderstood(
            sentence(
                "%(name)s has no time zone, and nobody knows whose clock is meant; give it in UTC, like 20261126T080000Z",
                name=name,
            )
        )
    steps = text.split("/")
    for item in (WINDOWS_TO_OLSON.get(text, text), "/".join(steps[-3:]), "/".join(steps[-2:])):
        if field_checks.zone("", item) is None:
            return ZoneInfo(item)
    raise NotUnderstood(
        sentence(
            "%(name)s is in the time zone %(value)s; send times in UTC, or in a zone by its IANA name",
            name=name,
            value=repr(text[:60]),
        )
    )
