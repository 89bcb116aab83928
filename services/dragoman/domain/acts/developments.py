"""How the facts of a matter developed: the values of a field as of a time, newest first, beside what was corrected.

    report        place 15.12 116.44, casualties 1     as of 07:55
    update        casualties 4                         as of 08:40      casualties: 4 (08:40), 1 (07:55)
    update        place 15.20 116.50                   as of 08:10      place: 15.20 116.50 (08:10), 15.12 116.44 (07:55): a track
    correction    casualties 3, "counted twice"                         casualties: 3 (08:40), 1 (07:55)

A development makes nothing wrong that was said before; a correction does, and it alone
is an exception for the auditor. The value as of the newest time stands in the message.
One that is told later and as of an earlier time takes its place in the series, and
changes nothing else.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct
from msgspec.structs import replace

from dragoman.domain.acts import field_checks
from dragoman_schemas.state import Amended, Development, Exchange, Stamp, StateCorrection


class TimedValue(Struct, frozen=True, kw_only=True):
    """What a field is as of a time, in the record that told so; `corrected` where an error in it was mended since."""

    value: Raw
    as_of: str
    told: Stamp
    corrected: Stamp | None = None


OF_EVENT: Final = frozenset({"time", "known_at", "began", "ended", "place", "pos", "launch_area"})
"""Where and when something happened: what moves later happened where it was first."""

Change = StateCorrection | Development | Amended


def changes(exchange: Exchange) -> list[Change]:
    """Return the corrections, the developments and the amendments of an exchange, in the order of their records."""
    return sorted(
        (*exchange.corrections, *exchange.developments, *exchange.amended),
        key=lambda item: stamp_of(item).position,
    )


def stamp_of(change: Change) -> Stamp:
    """Return which record brought a change."""
    match change:
        case StateCorrection():
            return change.corrected
        case Development():
            return change.told
        case Amended():
            return change.taken


def as_sent(exchange: Exchange, name: str) -> Raw | None:
    """Return a field as its exchange was opened with; None where it had none."""
    first = next((change for change in changes(exchange) if name in change.fields), None)
    return exchange.content.get(name) if first is None else first.was.get(name)


def of_event(exchange: Exchange) -> dict[str, Raw]:
    """Return what an opening says of its event, errors mended: where and when it was as told first, everything else as it stands."""
    moved = {*developed(exchange)} & OF_EVENT
    return {
        **exchange.content,
        **{name: min(series(exchange, name), key=_position).value for name in moved},
    }


def begins(exchange: Exchange) -> str:
    """Return as of when an opening speaks: the time of the event that it tells, where that is known and over, or else when it was said."""
    raw = as_sent(exchange, "time")
    value = None if raw is None else msgspec.json.decode(raw)
    text = value.get("about") if isinstance(value, dict) else value
    when = exchange.opened.when
    return (
        text
        if isinstance(text, str)
        and text != field_checks.UNKNOWN
        and _instant(text) < _instant(when)
        else when
    )


def series(exchange: Exchange, name: str) -> list[TimedValue]:
    """Return the values of a field, the newest by its time first; the opening's own among them where it was known."""
    opened = as_sent(exchange, name)
    timed_values: list[TimedValue] = []
    if opened is not None and not is_unknown(opened):
        timed_values.append(TimedValue(value=opened, as_of=begins(exchange), told=exchange.opened))
    for change in changes(exchange):
        if name not in change.fields:
            continue
        if isinstance(change, Development):
            timed_values.append(
                TimedValue(value=change.fields[name], as_of=change.as_of, told=change.told)
            )
            timed_values.sort(key=_age, reverse=True)
        elif timed_values:
            mended = (
                stamp_of(change)
                if isinstance(change, StateCorrection)
                else timed_values[0].corrected
            )
            timed_values[0] = replace(timed_values[0], value=change.fields[name], corrected=mended)
        else:
            timed_values.append(
                TimedValue(value=change.fields[name], as_of=begins(exchange), told=stamp_of(change))
            )
    return timed_values


def developed(exchange: Exchange) -> Iterator[str]:
    """Yield the fields of which more than the opening's value was told, in the order in which that began."""
    yield from dict.fromkeys(
        name for development in exchange.developments for name in development.fields
    )


def is_newest(exchange: Exchange, name: str, as_of: str) -> bool:
    """Return whether a value as of a time would stand: whether none of a later time is there."""
    timed_values = series(exchange, name)
    return not timed_values or _instant(as_of) > _instant(timed_values[0].as_of)


def is_told(exchange: Exchange, name: str, as_of: str) -> bool:
    """Return whether a field has a value as of exactly that time already."""
    return any(
        _instant(timed_value.as_of) == _instant(as_of) for timed_value in series(exchange, name)
    )


def is_unknown(raw: Raw) -> bool:
    """Return whether a value is unknown: also where all that it is made of is."""
    known = msgspec.json.decode(raw)
    return known == field_checks.UNKNOWN or (
        isinstance(known, dict)
        and bool(known)
        and all(item == field_checks.UNKNOWN for item in known.values())
    )


def as_of(update: object, when: str) -> str:
    """Return as of when an update speaks: as it says, or else when it was said."""
    given = getattr(update, "as_of", UNSET)
    return given if isinstance(given, str) else when


def _age(value: TimedValue) -> tuple[datetime, int]:
    return _instant(value.as_of), value.told.position


def _position(value: TimedValue) -> int:
    return value.told.position


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
