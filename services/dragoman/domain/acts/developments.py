"""Developments of the facts of a matter: the values of a field by time, newest first.

    report       as of 07:55: place 15.12 116.44, casualties 1
    update       as of 08:40: casualties 4
    update       as of 08:10: place 15.20 116.50
    correction   casualties 3, "counted twice"

    casualties   3 (08:40), 1 (07:55)
    place        15.20 116.50 (08:10), 15.12 116.44 (07:55): a track

Before the correction, the newest number of casualties is 4 (08:40). A development makes
no earlier statement wrong. A correction does, and only a correction is a finding for
the auditor. The message shows the value as of the newest time. A value that comes later
but is as of an earlier time takes its place in the series, and changes nothing else.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final, Literal

import msgspec
from msgspec import UNSET, Raw, Struct
from msgspec.structs import replace

from dragoman.domain.acts import field_checks
from dragoman_schemas.state import (
    Amended,
    Development,
    Exchange,
    Stamp,
    StateCorrection,
    StateRetraction,
)


class TimedValue(Struct, frozen=True, kw_only=True):
    """A value of a field as of a time, with the stamp of the record that told it.

    `corrected` is the stamp of a later correction of the value, and `retracted` that of
    its retraction.
    """

    value: Raw
    as_of: str
    told: Stamp
    corrected: Stamp | None = None
    retracted: Stamp | None = None


How = Literal["corrected", "updated", "amended", "proposed", "retracted"]


class LaterValue(Struct, frozen=True, kw_only=True):
    """A value that a later record gives to a member of an opening.

    `said` is the stamp of the record that has the value in its bytes. Of an amendment
    it is the proposal, not the agreement to it. `as_of` is the time of an update's
    value. `is_present` is true for the value that stands now.
    """

    name: str
    value: Raw
    how: How
    said: Stamp
    as_of: str = ""
    is_present: bool = False


OF_EVENT: Final = frozenset(
    {"time", "known_at", "began", "ended", "place", "places", "pos", "launch_area"}
)
"""Fields for the place and time of an event.

If the object of an event moves later, the event still happened at its first place.
"""

_TELLING: Final = Development | StateRetraction

Change = StateCorrection | Amended | Development | StateRetraction


def changes(exchange: Exchange) -> list[Change]:
    """Return everything that changed the content of an opening.

    They are its corrections, developments, amendments and retractions, in the order of
    their records.
    """
    retractions = (item for item in exchange.retractions if item.of == exchange.id)
    return sorted(
        (*exchange.corrections, *exchange.developments, *exchange.amended, *retractions),
        key=lambda change: stamp_of(change).position,
    )


def stamp_of(change: Change) -> Stamp:
    """Return the stamp of the record that brought a change."""
    match change:
        case StateCorrection():
            return change.corrected
        case Development():
            return change.told
        case Amended():
            return change.taken
        case StateRetraction():
            return change.retracted


def as_of_record(exchange: Exchange, position: int) -> Exchange:
    """Return an exchange with the content that it had after a record.

    Its other parts are the present ones.
    """
    content = {**exchange.content}
    later = [change for change in changes(exchange) if stamp_of(change).position > position]
    for change in reversed(later):
        for name in change.fields:
            content.pop(name, None)
            if name in change.was:
                content[name] = change.was[name]
    return replace(
        exchange,
        content=content,
        corrections=tuple(c for c in exchange.corrections if c not in later),
        developments=tuple(d for d in exchange.developments if d not in later),
        amended=tuple(a for a in exchange.amended if a not in later),
        retractions=tuple(r for r in exchange.retractions if r not in later),
    )


def newest_record_at(exchange: Exchange, moment: datetime) -> int:
    """Return the position of the newest change at a moment, or that of the opening."""
    stamps = [exchange.opened, *map(stamp_of, changes(exchange))]
    positions = (stamp.position for stamp in stamps if _instant(stamp.time) <= moment)
    return max(positions, default=exchange.opened.position)


def as_sent(exchange: Exchange, name: str) -> Raw | None:
    """Return a field as the opening had it; None if the opening did not have it."""
    first = next((change for change in changes(exchange) if name in change.fields), None)
    return exchange.content.get(name) if first is None else first.was.get(name)


def opening_as_sent(exchange: Exchange) -> dict[str, Raw]:
    """Return the members of an opening as its own record has them.

    Corrections, updates, amendments and proposals are words of other records.
    """
    sent, added = dict(exchange.content), set[str]()
    for change in reversed(changes(exchange)):
        for name in change.fields:
            if name in change.was:
                sent[name] = change.was[name]
                added.discard(name)
            else:
                added.add(name)
    return {name: value for name, value in sent.items() if name not in added}


def later_values(exchange: Exchange) -> list[LaterValue]:
    """Return the values that later records give to members, oldest record first."""
    amendments = {item.id: item.said for item in exchange.acts.get("amendment", ())}
    values: list[LaterValue] = []
    for change in changes(exchange):
        how: How = "corrected"
        stamp, as_of = stamp_of(change), ""
        match change:
            case Development():
                how, as_of = "updated", change.as_of
            case Amended():
                how, stamp = "amended", amendments.get(change.of, stamp)
            case StateRetraction():
                how = "retracted"
        values += [
            LaterValue(name=name, value=value, how=how, said=stamp, as_of=as_of)
            for name, value in change.fields.items()
        ]
    values += [
        LaterValue(name=name, value=item.value, how="proposed", said=item.said)
        for name, item in exchange.proposed.items()
    ]
    present = exchange.present
    newest = {
        item.name: index
        for index, item in enumerate(values)
        if bytes(item.value) == bytes(present.get(item.name, b""))
    }
    return [
        replace(item, is_present=newest.get(item.name) == index)
        for index, item in enumerate(values)
    ]


def of_event(exchange: Exchange) -> dict[str, Raw]:
    """Return the content of an opening with the first place and time of its event.

    Errors in them are corrected. All other members have their present values.
    """
    moved = {*developed(exchange)} & OF_EVENT
    return {
        **exchange.content,
        **{name: first_value(exchange, name) for name in moved},
    }


def first_value(exchange: Exchange, name: str) -> Raw:
    """Return the first value of a field that nobody has taken back."""
    values = [value for value in series(exchange, name) if value.retracted is None]
    return min(values, key=_position).value if values else exchange.content[name]


def begins(exchange: Exchange) -> str:
    """Return the time as of which an opening speaks.

    It is the time of its event if that is known and over, or else the time at which the
    opening was said.
    """
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
    """Return the values of a field, the newest by its time first.

    The opening's own value is among them if it was known.
    """
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
        elif isinstance(change, StateRetraction):
            _take_back(timed_values, change, name, begins(exchange))
        elif timed_values:
            corrected = (
                stamp_of(change)
                if isinstance(change, StateCorrection)
                else timed_values[0].corrected
            )
            timed_values[0] = replace(
                timed_values[0], value=change.fields[name], corrected=corrected
            )
        else:
            timed_values.append(
                TimedValue(value=change.fields[name], as_of=begins(exchange), told=stamp_of(change))
            )
    return timed_values


def _take_back(
    timed_values: list[TimedValue], retraction: StateRetraction, name: str, begun: str
) -> None:
    """Mark the newest value as taken back, and put the value that was so beside it."""
    as_of = timed_values[0].as_of if timed_values else begun
    if timed_values:
        timed_values[0] = replace(timed_values[0], retracted=retraction.retracted)
    if not is_unknown(retraction.fields[name]):
        value = TimedValue(value=retraction.fields[name], as_of=as_of, told=retraction.retracted)
        timed_values.insert(0, value)


def developed(exchange: Exchange) -> Iterator[str]:
    """Yield the fields that have developments, in the order of their first ones."""
    telling = (change for change in changes(exchange) if isinstance(change, _TELLING))
    yield from dict.fromkeys(name for change in telling for name in change.fields)


def is_newest(exchange: Exchange, name: str, as_of: str) -> bool:
    """Return whether a value as of a time would be the newest."""
    timed_values = series(exchange, name)
    return not timed_values or _instant(as_of) > _instant(timed_values[0].as_of)


def is_told(exchange: Exchange, name: str, as_of: str) -> bool:
    """Return whether a field already has a value as of exactly that time."""
    return any(
        _instant(timed_value.as_of) == _instant(as_of) for timed_value in series(exchange, name)
    )


def is_unknown(raw: Raw) -> bool:
    """Return whether a value is unknown.

    An object is unknown if all its members are.
    """
    decoded = msgspec.json.decode(raw)
    return decoded == field_checks.UNKNOWN or (
        isinstance(decoded, dict)
        and bool(decoded)
        and all(member == field_checks.UNKNOWN for member in decoded.values())
    )


def as_of(update: object, when: str) -> str:
    """Return the time as of which an update speaks.

    It is the time that the update names, or else `when`, at which it was said.
    """
    named_time = getattr(update, "as_of", UNSET)
    return named_time if isinstance(named_time, str) else when


def _age(value: TimedValue) -> tuple[datetime, int]:
    return _instant(value.as_of), value.told.position


def _position(value: TimedValue) -> int:
    return value.told.position


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
