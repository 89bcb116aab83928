"""The Chatham House Rule: one filter for everything outside the members' pages.

    reports, turn-over notes, statistics · calendars and cards
    webhooks and e-mails · tables for analysis

An exchange under the rule is a meeting, a call, a visit or a contact whose
`attribution` is `chatham_house`. Outside the members' pages it has no side, no
addressee and no number. Numbers are counted for each side, so a gap between two numbers
would name the speaker. Nor does another exchange name it by a reference. The texts
stay, in the words of the speakers. The log, the API and the members' pages still show
who recorded each act.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from typing import Any, Final

import msgspec
import msgspec.inspect
from msgspec import UNSET, Raw
from msgspec.structs import replace

from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.families.exchange import SPEAKER_FAMILIES, is_unattributed
from dragoman.domain.acts.families.exchange_content import TRACK2_DEFAULTS
from dragoman.domain.record.codec import NotARecord, Record, parse_stored
from dragoman.domain.views.titles import title_of
from dragoman.text import VERBATIM, NameValue, Text, sentence
from dragoman_schemas.act_frame import OpeningAct
from dragoman_schemas.acts import OLDER, SHAPES
from dragoman_schemas.fields import REFERENCES, or_default
from dragoman_schemas.state import Exchange

_ADDRESSED: Final = frozenset(
    {"to", "info", "on_behalf_of", "signatories", "acting_for", "passed_by", "references", "signed"}
)
"""Members that name a side, an office, an officer, or an exchange by its number."""

HIDDEN: Final = "a matter under the Chatham House Rule"
"""The words that stand for a reference to a matter under the rule."""

Hides = Callable[[str], bool]
"""A function that says whether a number or an id names a matter under the rule."""

_Places = Mapping[str, "_Places | None"]
"""The members of an act that may hold a reference, each with its own such members.

None stands for a reference, or for a list of references.
"""


def _places_of(shapes: Iterable[msgspec.inspect.Type]) -> dict[str, _Places | None]:
    """Return the places of references in the members of these shapes.

    The schema names the kind of a member. So no text is ever searched for references.
    """
    places: dict[str, _Places | None] = {}
    for shape in shapes:
        for field in shape.fields if isinstance(shape, msgspec.inspect.StructType) else ():
            if field.encode_name == "signed":  # the signature of the act, which stays whole
                continue
            is_reference, inner = _place_of(field.type)
            if is_reference:
                places[field.encode_name] = None
            elif inner and places.get(field.encode_name, inner) is not None:
                places[field.encode_name] = {**(places.get(field.encode_name) or {}), **inner}
    return places


def _place_of(shape: msgspec.inspect.Type) -> tuple[bool, dict[str, _Places | None]]:
    """Return whether a value is a reference, and the places of references inside it."""
    match shape:
        case msgspec.inspect.Metadata(extra={"kind": kind}) if kind in REFERENCES:
            return True, {}
        case msgspec.inspect.Metadata():
            return _place_of(shape.type)
        case msgspec.inspect.UnionType():
            parts = [_place_of(part) for part in shape.types]
            inner: dict[str, _Places | None] = {}
            for _, places in parts:
                inner |= places
            return any(is_reference for is_reference, _ in parts), inner
        case msgspec.inspect.ListType() | msgspec.inspect.VarTupleType():
            return _place_of(shape.item_type)
        case _:
            return False, _places_of((shape,))


@cache
def _places() -> dict[str, _Places | None]:
    """Return the members of all acts that may hold a reference, by their names.

    Reading all shapes takes a while, so it is done at the first call.
    """
    return _places_of(msgspec.inspect.multi_type_info([*SHAPES.values(), *OLDER.values()]))


unattributed: Final = is_unattributed

UNATTRIBUTED: Final = sentence("Not attributed, by the Chatham House Rule.")


def unattributed_record(record: Record, exchange: Exchange | None, kind: str) -> bool:
    """Return whether a record of a channel of that kind is under the rule.

    The exchange decides, or the record's own words where it opened no exchange.
    """
    if exchange is not None:
        return unattributed(exchange)
    data = record.data
    rule = RULES.get(record.name)
    if rule is None or rule.family not in SPEAKER_FAMILIES or not isinstance(data, OpeningAct):
        return False
    default = TRACK2_DEFAULTS["attribution"].strip('"') if kind == "track2" else ""
    return (or_default(data.attribution, default)) == "chatham_house"


def unattributed_message(raw: bytes, exchange: Exchange | None, kind: str) -> bool:
    """Return whether a message of the log is a record under the rule.

    Junk is not.
    """
    try:
        return unattributed_record(parse_stored(raw), exchange, kind)
    except NotARecord:
        return False


def number(exchange: Exchange) -> str:
    """Return an exchange's number; empty under the rule."""
    return "" if unattributed(exchange) else exchange.number


def side(exchange: Exchange, name: str) -> str:
    """Return a side's name; empty under the rule."""
    return "" if unattributed(exchange) else name


def sides(exchange: Exchange, names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of several sides; empty under the rule."""
    return () if unattributed(exchange) else tuple(names)


def is_titled_by_side(exchange: Exchange) -> bool:
    """Return whether an exchange has a generated title with a side's name.

    Only exchanges under the rule count.
    """
    title = title_of(exchange) if unattributed(exchange) else None
    if title is None or title.message == VERBATIM:
        return False
    return any(
        isinstance(value, NameValue) and value.context == "side" for value in title.values.values()
    )


def spoken(exchange: Exchange, text: Text, names: Collection[str]) -> Text:
    """Return a sentence of the service's own.

    Under the rule it is replaced where it names one of these sides.
    """
    return UNATTRIBUTED if unattributed(exchange) and naming(str(text), names) else text


def naming(text: str, names: Collection[str]) -> bool:
    """Return whether a text has a side's name in it, in any case of its letters."""
    folded = text.casefold()
    return any(name.casefold() in folded for name in names)


def content(members: Mapping[str, Raw], names: Collection[str]) -> dict[str, Raw]:
    """Return an act's members without those that name one of these sides.

    Texts in a side's own words stay. The fields of an opening in a correction, an
    update or an amendment are treated as members as well.
    """
    remaining: dict[str, Raw] = {}
    for member, raw in members.items():
        value = msgspec.json.decode(raw)
        if member == "fields" and isinstance(value, dict):
            value = {name: item for name, item in value.items() if name not in _ADDRESSED}
        value = UNSET if member in _ADDRESSED else _nameless(value, names)
        if value is not UNSET:
            remaining[member] = Raw(msgspec.json.encode(value))
    return remaining


def names_of(exchange: Exchange) -> frozenset[str]:
    """Return the id and the numbers by which a reference can name an exchange."""
    numbers = [
        exchange.number,
        *(correction.number for correction in exchange.corrections),
        *(development.number for development in exchange.developments),
        "" if exchange.cancellation is None else exchange.cancellation.number,
    ]
    return frozenset({exchange.id, *numbers}) - {""}


def referring(members: Mapping[str, Raw], hides: Hides) -> dict[str, Raw]:
    """Return an act's members without references to matters under the rule.

    Words stand in place of such a reference. Texts in a side's own words stay.
    """
    replaced: dict[str, Raw] = {}
    all_places = _places()
    for member, raw in members.items():
        replaced[member] = raw
        if member in all_places or member == "fields":
            value = msgspec.json.decode(raw)
            places = all_places if member == "fields" else all_places[member]
            if (nameless := _referring(value, places, hides)) != value:
                replaced[member] = Raw(msgspec.json.encode(nameless))
    return replaced


def refers(members: Mapping[str, Raw], hides: Hides) -> bool:
    """Return whether an act refers to a matter under the rule."""
    return referring(members, hides) != dict(members)


def referring_exchange(exchange: Exchange, hides: Hides) -> Exchange:
    """Return an exchange that refers to no matter under the rule."""
    return replace(
        exchange,
        content=referring(exchange.content, hides),
        proposed={
            name: replace(item, value=referring({name: item.value}, hides)[name])
            for name, item in exchange.proposed.items()
        },
        corrections=tuple(
            replace(item, fields=referring(item.fields, hides), was=referring(item.was, hides))
            for item in exchange.corrections
        ),
        amended=tuple(
            replace(item, fields=referring(item.fields, hides), was=referring(item.was, hides))
            for item in exchange.amended
        ),
        developments=tuple(
            replace(item, fields=referring(item.fields, hides), was=referring(item.was, hides))
            for item in exchange.developments
        ),
        retractions=tuple(
            replace(item, fields=referring(item.fields, hides), was=referring(item.was, hides))
            for item in exchange.retractions
        ),
    )


def reference(name: str, hides: Hides) -> str:
    """Return a reference; words in its place if it names a matter under the rule."""
    return HIDDEN if hides(name) else name


def _referring(value: Any, places: _Places | None, hides: Hides) -> Any:
    match value:
        case str() if places is None:
            return reference(value, hides)
        case list():
            return [_referring(part, places, hides) for part in value]
        case dict() if places is not None:
            return {
                key: _referring(part, places[key], hides) if key in places else part
                for key, part in value.items()
            }
        case _:
            return value


def _nameless(value: Any, names: Collection[str]) -> Any:
    """Return a value without the names of sides in it.

    `UNSET` where nothing else is in it.
    """
    match value:
        case str():
            return UNSET if _is_name(value, names) else value
        case list():
            nameless = [
                item for item in (_nameless(part, names) for part in value) if item is not UNSET
            ]
            return UNSET if value and not nameless else nameless
        case dict():
            pairs = ((key, _nameless(part, names)) for key, part in value.items())
            parts = {
                key: part for key, part in pairs if part is not UNSET and not _is_name(key, names)
            }
            return UNSET if value and not parts else parts
        case _:
            return value


def _is_name(text: str, names: Collection[str]) -> bool:
    """Return whether a text is a side, an officer or a number with a side in it.

    A sentence is not.
    """
    parts = () if " " in text else text.casefold().split("/")
    return any(name.casefold() in parts for name in names)
