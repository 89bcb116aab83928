"""The places that the records of an exchange name, and the present standing of each.

    report       place 15.12 116.44    current
    account      place 15.20 116.50    current, by the other side
    update       place 15.20 116.60    current; the report's place is earlier
    correction   place 15.13 116.44    current; the report's place is corrected

Every place that a record names is here, also one that was replaced and one in words. A
chart can so draw or list each of them.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, Literal

import msgspec
from msgspec import Raw, Struct

from dragoman.domain.acts import developments
from dragoman.domain.acts.field_checks import UNKNOWN
from dragoman_schemas.acts import SHAPES
from dragoman_schemas.state import Exchange

MEMBERS: Final = (
    "place",
    "places",
    "pos",
    "launch_area",
    "impact_areas",
    "dropping_zones",
    "route",
    "venue",
)
"""The members of acts that say where something is."""

_CARRYING: Final = frozenset({"fields", "groups"})
"""The members of continuing acts inside which a place may be."""


def _names_place(shape: type[Any]) -> bool:
    return not {*MEMBERS, *_CARRYING}.isdisjoint(shape.__struct_fields__)


ACTS: Final = frozenset(name for name, shape in SHAPES.items() if _names_place(shape))
"""The acts whose records may name a place."""

Source = Literal["report", "account", "people", "reply"]
Standing = Literal["current", "earlier", "corrected", "replaced", "proposed"]

_SOURCES: Final[dict[str, Source]] = {
    "counter-account": "account",
    "people-status": "people",
    "reply": "reply",
    "counter-proposal": "reply",
}
_OF_FIELDS: Final = frozenset({"correction", "update", "amendment"})


class PlacingRecord(Struct, frozen=True, kw_only=True):
    """A record that may name places: its position, time, act, side and content."""

    position: int
    time: str
    act: str
    side: str
    content: Mapping[str, Raw]


class RecordedPlace(Struct, frozen=True, kw_only=True):
    """One place that a record names.

    `number` counts the places of the record from 0. `member` is the member that has the
    place, and `value` its decoded value. `when` is the time to which the record says it
    belongs, or that of the record. An `earlier` place is one of a thing that moved on.
    """

    position: int
    number: int
    time: str
    side: str
    source: Source
    member: str
    value: Any
    when: str
    standing: Standing


def places_of(exchange: Exchange, records: Iterable[PlacingRecord]) -> list[RecordedPlace]:
    """Return every place that the records of an exchange name, in their order."""
    ordered = sorted(records, key=lambda record: record.position)
    newest = {
        (record.act, record.side): record.position
        for record in ordered
        if record.act in ("counter-account", "people-status")
    }
    return [
        RecordedPlace(
            position=record.position,
            number=number,
            time=record.time,
            side=record.side,
            source=_SOURCES.get(record.act, "report"),
            member=member,
            value=value,
            when=_when(record),
            standing=_standing(exchange, record, top, newest),
        )
        for record in ordered
        for number, (top, member, value) in enumerate(_places(record))
    ]


def _places(record: PlacingRecord) -> Iterator[tuple[str, str, Any]]:
    """Yield each place of a record: its outermost member, its own member, its value."""
    content = record.content
    if record.act in _OF_FIELDS:
        fields = content.get("fields")
        content = {} if fields is None else msgspec.json.decode(fields, type=dict[str, Raw])
    for top, raw in content.items():
        for member, value in _inside(top, msgspec.json.decode(raw)):
            yield top, member, value


def _inside(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the places in a member: itself, its items, or members inside it."""
    if name in MEMBERS:
        for item in value if isinstance(value, list) else [value]:
            yield name, item
    elif isinstance(value, list):
        for item in value:
            yield from _inside(name, item)
    elif isinstance(value, dict):
        for inner, item in value.items():
            yield from _inside(inner, item)


def _standing(
    exchange: Exchange,
    record: PlacingRecord,
    top: str,
    newest: Mapping[tuple[str, str], int],
) -> Standing:
    """Return the standing of a member that a record states."""
    source = _SOURCES.get(record.act)
    if source == "reply":
        return "current"
    if source is not None:
        is_newest = newest[record.act, record.side] == record.position
        return "current" if is_newest else "replaced"
    content = record.content
    if record.act in _OF_FIELDS:
        content = msgspec.json.decode(content["fields"], type=dict[str, Raw])
    stated = msgspec.json.decode(content[top])
    values = [
        msgspec.json.decode(timed_value.value) for timed_value in developments.series(exchange, top)
    ]
    if stated in values:
        return "current" if stated == values[0] else "earlier"
    if developments.is_unknown(content[top]) and not values:
        return "current"
    return "proposed" if record.act == "amendment" else "corrected"


def _when(record: PlacingRecord) -> str:
    """Return the time to which a record says that its places belong."""
    for name in ("as_of", "time"):
        raw = record.content.get(name)
        value = None if raw is None else msgspec.json.decode(raw)
        text = value.get("about") if isinstance(value, dict) else value
        if isinstance(text, str) and text != UNKNOWN:
            return datetime.fromisoformat(text).isoformat()
    return record.time
