"""The reading of a duty roster from a calendar (RFC 5545), and its repetition.

    BEGIN:VEVENT
    UID:1@office.example
    SUMMARY:d-1 night watch                        officer d-1 of the side
    CATEGORIES:watch                               or deputy, or head
    DTSTART;TZID=Europe/Brussels:20261129T180000
    DTEND;TZID=Europe/Brussels:20261130T060000
    RRULE:FREQ=DAILY;INTERVAL=2
    END:VEVENT

The officers of an event are those of its X-DRAGOMAN-OFFICER properties. Without one,
they are its ATTENDEEs: the part before the @ of a mailto, or the end of a urn. Without
an ATTENDEE it is the first word of its SUMMARY. Several officers are rung in the order
in which they are written. The rung is X-DRAGOMAN-RUNG, or one of the CATEGORIES, or the
watch.

Strangers may have written the calendar. Everything is bounded here but the time that a
repetition takes, so a process of its own reads it. No text of the calendar is kept.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from icalendar import Calendar, Component, Event, vDDDTypes, vDuration, vRecur
from msgspec import Struct
from msgspec.structs import replace

from dragoman.domain.acts import field_checks
from dragoman.domain.record.codec import is_name
from dragoman.interop import NotUnderstood, calendar_lines
from dragoman.limits import CALENDAR_BYTES
from dragoman.text import Text, sentence
from dragoman_schemas.roster import RosterEvent, RosterRung, RosterShift

_LINES: Final = 20_000
EVENTS: Final = 1_500
"""The limit of events, each counted once for each of its officers."""

SHIFTS: Final = 2_000
"""The limit of shifts in the time that is computed ahead: 32 a day."""

_OFFICERS: Final = 5
_AT_ONCE: Final = 10
"""The most people on a rung at one time."""

_TIMES: Final = 400
"""The most RDATE and EXDATE times of an event."""

_LONGEST: Final = timedelta(days=400)
_FAULTS: Final = 10

_FREQUENCIES: Final = ("HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_RULE_PARTS: Final = {
    "FREQ": re.compile("|".join(_FREQUENCIES)),
    "INTERVAL": re.compile(r"[1-9][0-9]{0,3}"),
    "COUNT": re.compile(r"[1-9][0-9]{0,4}"),
    "UNTIL": re.compile(r"[0-9]{8}(T[0-9]{6}Z?)?"),
    "WKST": re.compile(r"[A-Z]{2}"),
    "BYDAY": re.compile(r"[A-Z0-9,+-]{2,80}"),
    "BYMONTH": re.compile(r"[0-9,]{1,40}"),
    "BYMONTHDAY": re.compile(r"[0-9,+-]{1,120}"),
    "BYYEARDAY": re.compile(r"[0-9,+-]{1,120}"),
    "BYWEEKNO": re.compile(r"[0-9,+-]{1,120}"),
    "BYSETPOS": re.compile(r"[0-9,+-]{1,120}"),
    "BYHOUR": re.compile(r"[0-9,]{1,80}"),
    "BYMINUTE": re.compile(r"[0-9]{1,2}"),
}
_RUNGS: Final[dict[str, RosterRung]] = {
    "watch": "duty_officer",
    "duty_officer": "duty_officer",
    "deputy": "deputy",
    "head": "head_of_office",
    "head_of_office": "head_of_office",
}
_WORD: Final = 40
"""Characters of a word of the file that an error repeats."""

_ZONE_BY_DEFAULT: Final = "UTC"


class _EventFault(NotUnderstood):
    """An error: one event cannot be read. The reading goes on with the next one."""


class _Entry(Struct, frozen=True, kw_only=True):
    """An event before its overrides are applied: its officers' events, or none."""

    uid: str
    events: tuple[RosterEvent, ...]
    instead_of: datetime | None


def read(raw: bytes, side: str, officers: Collection[str]) -> tuple[RosterEvent, ...]:
    """Return the events of a calendar.

    `officers` are the names that the log has for officers of the side. Only these count
    as the first word of a SUMMARY. Raises `NotUnderstood`, which names the first events
    with a fault.
    """
    if len(raw) > CALENDAR_BYTES:
        raise NotUnderstood(
            sentence(
                "it has %(n)s bytes, and at most %(most)s are read; leave out the past events",
                n=len(raw),
                most=CALENDAR_BYTES,
            )
        )
    text = calendar_lines.unfolded(raw)
    if (count := text.count("\n")) > _LINES:
        raise NotUnderstood(
            sentence(
                "it has %(n)s lines, and at most %(most)s are read; leave out the past events",
                n=count,
                most=_LINES,
            )
        )
    whole = calendar_lines.components_of(text)
    zone = _calendar_zone(whole)
    entries: list[_Entry] = []
    faults: list[Text] = []
    parts = [part for part in whole.subcomponents if part.name == "VEVENT"]
    if len(parts) > EVENTS:
        raise NotUnderstood(
            sentence(
                "it has %(n)s events, and at most %(most)s are read; leave out the past ones",
                n=len(parts),
                most=EVENTS,
            )
        )
    for number, part in enumerate(parts, 1):
        try:
            entries.append(_entry(part, number, zone, side, officers))
        except NotUnderstood as error:
            faults.append(
                sentence("%(event)s: %(fault)s", event=_named(part, number), fault=error.said)
            )
            if len(faults) >= _FAULTS:
                break
    if faults:
        raise NotUnderstood(sentence("%(faults)s", faults=tuple(faults)))
    events = tuple(_with_overrides(entries))
    if len(events) > EVENTS:
        raise NotUnderstood(
            sentence(
                "its events are for %(n)s officers in all, and at most %(most)s are read; leave "
                "out the past ones",
                n=len(events),
                most=EVENTS,
            )
        )
    return events


def expand(
    events: Iterable[RosterEvent], begins: datetime, ends: datetime
) -> tuple[RosterShift, ...]:
    """Return the shifts of events that lie at least in part between two times.

    Raises `NotUnderstood` if there are too many.
    """
    import recurring_ical_events

    shifts: list[RosterShift] = []
    for event in events:
        calendar = Calendar()
        calendar.add_component(_component(event))
        try:
            occurrences = recurring_ical_events.of(calendar).between(begins, ends)
        except (ValueError, OverflowError, TypeError, KeyError, AttributeError) as error:
            raise NotUnderstood(
                sentence(
                    "the shift of %(officer)s from %(begins)s cannot be repeated: %(error)s; "
                    "correct its RRULE",
                    officer=event.officer,
                    begins=event.begins,
                    error=str(error)[:200],
                )
            ) from None
        for occurrence in occurrences:
            shifts.append(
                RosterShift(
                    rung=event.rung,
                    officer=event.officer,
                    begins=occurrence.start.astimezone(UTC),
                    ends=occurrence.end.astimezone(UTC),
                    order=event.order,
                )
            )
            if len(shifts) > SHIFTS:
                raise NotUnderstood(
                    sentence(
                        "it has more than %(most)s shifts in the %(days)s days ahead; repeat them "
                        "less often",
                        most=SHIFTS,
                        days=(ends - begins).days,
                    )
                )
    shifts.sort(key=lambda shift: (shift.begins, shift.rung, shift.order))
    _check_crowds(shifts)
    return tuple(shifts)


def _check_crowds(shifts: Iterable[RosterShift]) -> None:
    """Raise `NotUnderstood` if a rung has too many people at one time."""
    current: dict[str, list[RosterShift]] = {}
    for shift in shifts:
        crowd = [other for other in current.get(shift.rung, ()) if other.ends > shift.begins]
        current[shift.rung] = [*crowd, shift]
        if len(crowd) >= _AT_ONCE:
            raise NotUnderstood(
                sentence(
                    "at %(time)s a rung has more than %(most)s people at once; take some out",
                    time=f"{shift.begins:%Y-%m-%dT%H:%MZ}",
                    most=_AT_ONCE,
                )
            )


def _component(event: RosterEvent) -> Event:
    zone = ZoneInfo(event.zone)
    begins = datetime.fromisoformat(event.begins)
    component = Event()
    component.add("uid", event.id)
    component.add("dtstart", begins.replace(tzinfo=zone))
    component.add("dtend", (begins + timedelta(seconds=event.seconds)).replace(tzinfo=zone))
    if event.rule:
        component.add("rrule", vRecur.from_ical(event.rule))
    for name, times in (("rdate", event.more), ("exdate", event.without)):
        if times:
            component.add(name, [datetime.fromisoformat(t).replace(tzinfo=zone) for t in times])
    return component


# One event


def _entry(part: Component, number: int, zone: str, side: str, officers: Collection[str]) -> _Entry:
    uid = _text(part, "UID") or f"event {number}"
    begins, is_day, begins_zone = _time(part, "DTSTART", zone)
    instead_of = None
    if "RECURRENCE-ID" in part:
        if "RANGE" in _only(part, "RECURRENCE-ID").params:
            raise _EventFault(
                sentence(
                    "RANGE=THISANDFUTURE is not read; end the old event with UNTIL, and write a "
                    "new one"
                )
            )
        clock, _, of_zone = _time(part, "RECURRENCE-ID", zone)
        instead_of = clock.replace(tzinfo=ZoneInfo(of_zone))
    if _text(part, "STATUS").upper() == "CANCELLED":
        return _Entry(uid=uid, events=(), instead_of=instead_of)
    seconds = _seconds(part, begins, begins_zone, zone, is_day=is_day)
    rule = "" if instead_of is not None else _rule(part)
    more, without = (
        tuple(_times(part, name, begins, begins_zone, zone)) for name in ("RDATE", "EXDATE")
    )
    rung = _rung(part)
    id = hashlib.sha256(f"{uid}\n{instead_of or ''}".encode()).hexdigest()[:12]
    return _Entry(
        uid=uid,
        events=tuple(
            RosterEvent(
                id=id,
                officer=officer,
                rung=rung,
                begins=begins.isoformat(),
                seconds=seconds,
                zone=begins_zone,
                order=order,
                rule=rule,
                more=() if instead_of is not None else more,
                without=() if instead_of is not None else without,
            )
            for order, officer in enumerate(_officers(part, side, officers))
        ),
        instead_of=instead_of,
    )


def _with_overrides(entries: Iterable[_Entry]) -> Iterator[RosterEvent]:
    """Yield the events; a series lacks the times that other events replace.

    Of two events with one UID the later one in the file counts.
    """
    series: dict[str, _Entry] = {}
    overrides: dict[tuple[str, datetime], _Entry] = {}
    for entry in entries:
        if entry.instead_of is None:
            series[entry.uid] = entry
        else:
            overrides[entry.uid, entry.instead_of.astimezone(UTC)] = entry
    for uid, entry in series.items():
        replaced = [time for of, time in overrides if of == uid]
        for event in entry.events:
            times = (t.astimezone(ZoneInfo(event.zone)).replace(tzinfo=None) for t in replaced)
            yield replace(event, without=(*event.without, *(t.isoformat() for t in times)))
    for entry in overrides.values():
        yield from entry.events


def _officers(part: Component, side: str, officers: Collection[str]) -> list[str]:
    """Return the officers of an event, in their order. Raises `_EventFault`."""
    texts = [
        name
        for value in part.get("X-DRAGOMAN-OFFICER", [])
        for name in re.split(r"[,\s]+", str(value).strip())
    ] or [_attendee(str(value)) for value in part.get("ATTENDEE", [])]
    if not texts:
        words = _text(part, "SUMMARY").split()
        first = words[0].rstrip(",:;.") if words else ""
        if first and first.removeprefix(f"{side}/") not in officers:
            raise _EventFault(
                sentence(
                    "it names no officer: “%(word)s”, with which its SUMMARY begins, is not an officer "
                    "of this side in the log; correct it, or add X-DRAGOMAN-OFFICER:d-1, or an "
                    "ATTENDEE mailto:d-1@office.example",
                    word=first[:_WORD],
                )
            )
        texts = [first] if first else []
    names = list(dict.fromkeys(text.removeprefix(f"{side}/") for text in texts))
    if not names or not all(map(is_name, names)):
        raise _EventFault(
            sentence(
                "it names no officer; add X-DRAGOMAN-OFFICER:d-1, or an ATTENDEE "
                "mailto:d-1@office.example, or begin the SUMMARY with the officer’s name in the log, like "
                "“d-1 night watch”"
            )
        )
    if len(names) > _OFFICERS:
        raise _EventFault(
            sentence(
                "it names %(n)s officers, and at most %(most)s are read; write several events",
                n=len(names),
                most=_OFFICERS,
            )
        )
    return names


def _attendee(value: str) -> str:
    """Return the officer that the address of a calendar user means; may be no name."""
    scheme, _, rest = value.strip().partition(":")
    match scheme.lower():
        case "mailto":
            return rest.partition("@")[0].lower()
        case "urn":
            return re.split(r"[:/]", rest)[-1].lower()
        case _:
            return ""


def _rung(part: Component) -> RosterRung:
    written = _text(part, "X-DRAGOMAN-RUNG").strip().lower().replace("-", "_")
    if written:
        if written not in _RUNGS:
            raise _EventFault(
                sentence(
                    "%(rung)s is not a rung; X-DRAGOMAN-RUNG is watch, deputy or head",
                    rung=repr(written[:20]),
                )
            )
        return _RUNGS[written]
    words = (
        word.strip().lower().replace(" ", "_")
        for value in part.get("CATEGORIES", [])
        for word in str(value).split(",")
    )
    return next((_RUNGS[word] for word in words if word in _RUNGS), "duty_officer")


def _rule(part: Component) -> str:
    """Return the RRULE of an event in a form that is safe to repeat."""
    if "RRULE" not in part:
        return ""
    text = str(_only(part, "RRULE")).strip().upper()
    pairs = [piece.partition("=")[::2] for piece in text.split(";") if piece]
    rule = dict(pairs)
    wrong = next(
        (
            name
            for name, value in pairs
            if name not in _RULE_PARTS or _RULE_PARTS[name].fullmatch(value) is None
        ),
        "" if "FREQ" in rule and len(rule) == len(pairs) else "FREQ",
    )
    if wrong:
        raise _EventFault(
            sentence(
                "its RRULE has a %(part)s that is not read; repeat the shift hourly, daily, "
                "weekly, monthly or yearly, like FREQ=DAILY",
                part=wrong[:20],
            )
        )
    try:
        vRecur.from_ical(text)
    except ValueError:
        raise _EventFault(sentence("its RRULE cannot be read; write it like FREQ=DAILY")) from None
    return text


def _seconds(
    part: Component, begins: datetime, begins_zone: str, zone: str, *, is_day: bool
) -> int:
    """Return the length of an event by the clock, in seconds."""
    if "DTEND" in part:
        clock, _, ends_zone = _time(part, "DTEND", zone)
        ends = clock.replace(tzinfo=ZoneInfo(ends_zone)).astimezone(ZoneInfo(begins_zone))
        length = ends.replace(tzinfo=None) - begins
    elif "DURATION" in part:
        try:
            length = vDuration(_text(part, "DURATION")).dt
        except (ValueError, OverflowError):
            raise _EventFault(
                sentence("its DURATION cannot be read; write it like PT12H")
            ) from None
    else:
        length = timedelta(days=1 if is_day else 0)
    if not timedelta() < length <= _LONGEST:
        raise _EventFault(
            sentence("it ends before it begins, or more than 400 days after; correct its DTEND")
        )
    return int(length.total_seconds())


def _times(
    part: Component, name: str, begins: datetime, begins_zone: str, zone: str
) -> Iterator[str]:
    """Yield the times of EXDATE or RDATE by the clock of the event's zone.

    A day alone means the time of day at which the event begins.
    """
    texts = [
        (text, value) for value in part.get(name, []) for text in str(value).split(",") if text
    ]
    if len(texts) > _TIMES:
        raise _EventFault(
            sentence(
                "it has %(n)s times in %(name)s, and at most %(most)s are read; leave out the "
                "past ones",
                n=len(texts),
                name=name,
                most=_TIMES,
            )
        )
    for text, value in texts:
        clock, is_day, of_zone = _clock(name, text.partition("/")[0], value.params, zone)
        if is_day:
            yield datetime.combine(clock.date(), begins.time()).isoformat()
        else:
            moment = clock.replace(tzinfo=ZoneInfo(of_zone)).astimezone(ZoneInfo(begins_zone))
            yield moment.replace(tzinfo=None).isoformat()


def _time(part: Component, name: str, zone: str) -> tuple[datetime, bool, str]:
    """Return a time by the clock, whether it is a day alone, and its zone."""
    if name not in part:
        raise _EventFault(
            sentence("%(name)s is missing; write it like 20261129T180000Z", name=name)
        )
    value = _only(part, name)
    return _clock(name, str(value), value.params, zone)


def _clock(name: str, text: str, params: Any, zone: str) -> tuple[datetime, bool, str]:
    try:
        value = vDDDTypes.from_ical(text.strip())  # type: ignore[no-untyped-call]
    except (ValueError, OverflowError):
        value = None
    if value is None or isinstance(value, (tuple, timedelta)) or not hasattr(value, "year"):
        raise _EventFault(
            sentence(
                "%(name)s is not a valid time: %(value)s; write it like 20261129T180000Z",
                name=name,
                value=repr(text[:20]),
            )
        )
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day), True, zone  # noqa: DTZ001
    if not 1970 <= value.year <= 2200:
        raise _EventFault(
            sentence("%(name)s is in the year %(year)s; correct it", name=name, year=value.year)
        )
    if value.tzinfo is not None:
        return value.replace(tzinfo=None), False, "UTC"
    of_zone = str(params.get("TZID", ""))
    if not of_zone:
        return value, False, zone
    zone_name = calendar_lines.zone_named(of_zone)
    if zone_name is None:
        raise _EventFault(
            sentence(
                "%(name)s is in the time zone %(value)s; send times in UTC, or in a zone by its "
                "IANA name",
                name=name,
                value=repr(of_zone[:60]),
            )
        )
    return value, False, zone_name


def _calendar_zone(whole: Component) -> str:
    """Return the zone of times that have none: X-WR-TIMEZONE, or UTC."""
    text = str(next(iter(whole.get("X-WR-TIMEZONE", [])), _ZONE_BY_DEFAULT))
    return text if field_checks.zone("", text) is None else _ZONE_BY_DEFAULT


def _only(part: Component, name: str) -> Any:
    values: list[Any] = part.get(name, [])
    if len(values) != 1:
        raise _EventFault(sentence("%(name)s is there more than once; give it once", name=name))
    return values[0]


def _text(part: Component, name: str) -> str:
    return str(next(iter(part.get(name, [])), ""))


def _named(part: Component, number: int) -> Text:
    """Return the name of an event in a message: its number, and its summary."""
    summary = " ".join(_text(part, "SUMMARY").split())[:40]
    begins = _text(part, "DTSTART")[:20]
    return sentence(
        "event %(n)s (%(summary)s, %(begins)s)", n=number, summary=summary or "–", begins=begins
    )
