"""A writer of form fields: the members of an act as the text that one would type."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw
from multidict import MultiDict

from dragoman.console.forms import field_types
from dragoman.console.forms.field_types import Kind, Member
from dragoman.domain.acts.geodesy import GeoPoint
from dragoman.i18n.words import Words, as_moment
from dragoman_schemas.fields import UNTIL_FURTHER_NOTICE

PREFIX: Final = "f"
"""The first part of the names of all fields that belong to members."""
UNKNOWN: Final = "unknown"
"""The value of a member that its writer does not know."""

_WINDOWS: Final = 3
_SPARE_ROWS: Final = 2
_DIGITS: Final = 6


def lettered(point: GeoPoint) -> str:
    """Return a point in decimal degrees with its letters: "15.1N 116.4E"."""
    lat, lon = (str(tidy(abs(number))) for number in point)
    return f"{lat}{'N' if point.lat >= 0 else 'S'} {lon}{'E' if point.lon >= 0 else 'W'}"


def tidy(number: float) -> float | int:
    """Return a number as short as it can be written."""
    rounded = round(number, _DIGITS)
    return int(rounded) if rounded == int(rounded) else rounded


def form_fields(
    words: Words,
    languages: Sequence[str],
    members: Iterable[Member],
    content: Mapping[str, Any],
    prefix: str = PREFIX,
) -> MultiDict[str]:
    """Return the text that one would type for some members: for drafts and corrections.

    A value that no field can hold is left as it is written.
    """
    fields: MultiDict[str] = MultiDict()
    for member in members:
        if member.name in content:
            raw = content[member.name]
            value = msgspec.json.decode(bytes(raw)) if isinstance(raw, Raw) else raw
            for name, text in _typed(words, languages, member, f"{prefix}.{member.name}", value):
                fields.add(name, text)
    return fields


def _typed(
    words: Words, languages: Sequence[str], member: Member, name: str, value: Any
) -> Iterator[tuple[str, str]]:
    kind: Kind = member.kind
    if value == UNKNOWN and isinstance(
        kind, field_types.TimeField | field_types.NumberField | field_types.QuantityField
    ):
        yield f"{name}.unknown", "yes"
        return
    match kind:
        case field_types.FlagField():
            yield name, {True: "yes", False: "no"}.get(value, UNKNOWN)
        case field_types.TextField() if isinstance(value, dict):
            yield from ((f"{name}.{tag}", text) for tag, text in value.items())
        case field_types.TextField() if kind.languages:
            yield f"{name}.{languages[0]}", str(value)
        case field_types.TextsField():
            yield from _typed_texts(languages, name, value)
        case field_types.TimeField() if isinstance(value, dict):
            yield name, _moment(value["about"])
            yield f"{name}.about", "yes"
        case field_types.TimeField():
            yield name, _moment(value)
        case field_types.SpanField() if isinstance(value, dict):
            is_open = value.get("to") == UNTIL_FURTHER_NOTICE
            yield from (
                (f"{name}.{end}", _moment(value[end]))
                for end in (("from",) if is_open else ("from", "to"))
                if end in value
            )
            if is_open:
                yield f"{name}.open", "yes"
        case field_types.SpanField():
            yield f"{name}.instead", "yes"
        case field_types.SpansField():
            for index, item in enumerate(value):
                yield from _typed(
                    words,
                    languages,
                    Member(member.name, field_types.SpanField()),
                    f"{name}.{index}",
                    item,
                )
        case field_types.PlaceField() if kind.many:
            yield name, "\n".join(text if isinstance(text, str) else _place(text) for text in value)
        case field_types.PlaceField() if isinstance(value, dict):
            yield from _typed_place(name, value)
        case field_types.PointField() if isinstance(value, dict):
            yield name, _place(value)
        case field_types.QuantityField() if isinstance(value, dict):
            yield name, str(tidy(value["value"]))
            yield f"{name}.unit", value["unit"]
        case field_types.PersonField() | field_types.FilesField():
            yield from (
                (name, msgspec.json.encode(entry).decode())
                for entry in (value if isinstance(value, list) else [value])
            )
        case field_types.ReleasedField():
            for item in value:
                yield name, item["record"]
                yield from (
                    (f"{name}.{item['record']}.without", entry) for entry in item.get("without", ())
                )
        case field_types.HoursField() if isinstance(value, dict):
            yield from ((f"{name}.days", day) for day in value["days"])
            yield from ((f"{name}.{text}", value[text]) for text in ("from", "to", "zone"))
        case field_types.HoursField():
            yield f"{name}.always", "yes"
        case field_types.PairsField() if kind.sides:
            yield from ((f"{name}.{side}", line) for side, line in value.items())
        case field_types.PairsField():
            yield name, "\n".join(f"{key}: {entry}" for key, entry in value.items())
        case field_types.GroupField():
            yield from form_fields(words, languages, kind.members, value, name).items()
        case field_types.RowsField():
            for index, item in enumerate(value):
                yield from form_fields(
                    words, languages, kind.group.members, item, f"{name}.{index}"
                ).items()
        case (
            field_types.LinesField() | field_types.ReferencesField() | field_types.DatesField()
        ) if isinstance(value, list):
            yield name, "\n".join(map(str, value))
        case _ if isinstance(value, list):
            yield from ((name, str(choice)) for choice in value)
        case _:
            yield name, str(value)


def _typed_texts(languages: Sequence[str], name: str, value: Any) -> Iterator[tuple[str, str]]:
    items = [item if isinstance(item, dict) else {languages[0]: item} for item in value]
    for tag in dict.fromkeys(tag for item in items for tag in item):
        texts = [item.get(tag, "") for item in items]
        while not texts[-1]:
            texts.pop()
        # A text without this language keeps its place by an empty box.
        for text in texts if "" in texts else ["\n\n".join(texts)]:
            yield f"{name}.{tag}", text


def _typed_place(name: str, value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "circle" in value:
        yield name, _place(value["circle"]["pos"])
        yield f"{name}.radius", str(tidy(value["circle"]["radius"]["value"]))
        yield f"{name}.radius.unit", value["circle"]["radius"]["unit"]
    elif "lat" in value:
        yield name, _place(value)
    elif "text" in value:
        yield name, value["text"]
    if "polygon" in value:
        yield f"{name}.corners", "\n".join(_place(item) for item in value["polygon"])
    if "name" in value:
        yield f"{name}.name", value["name"]


def _place(value: Mapping[str, Any]) -> str:
    return (
        lettered(GeoPoint(value["lat"], value["lon"]))
        if "lat" in value and "lon" in value
        else msgspec.json.encode(value).decode()
    )


def _moment(text: str) -> str:
    try:
        moment = as_moment(text)
    except ValueError:
        return text
    return f"{moment:%Y-%m-%d %H:%M:%S}Z" if moment.second else f"{moment:%Y-%m-%d %H:%M}Z"


def is_filled(form: Mapping[str, Any], kind: Kind, name: str) -> bool:
    """Return whether somebody entered anything under a name.

    A browser sends the unit beside an empty number as well, because a list of choices
    always has one chosen. So a unit alone does not count: otherwise every spare row of
    a form would be a row that lacks its required members.
    """
    match kind:
        case field_types.ReleasedField():
            return name in form
        case field_types.GroupField():
            return any(
                is_filled(form, member.kind, f"{name}.{member.name}") for member in kind.members
            )
        case field_types.RowsField():
            return any(
                is_filled(form, kind.group, f"{name}.{index}") for index in indexes(form, name)
            )
        case _:
            units = {
                field_types.QuantityField: f"{name}.unit",
                field_types.PlaceField: f"{name}.radius.unit",
            }
            chosen = units.get(type(kind), "")
            return any(
                isinstance(value, str) and value.strip()
                for field, value in form.items()
                if field != chosen and (field == name or field.startswith(f"{name}."))
            )


def indexes(form: Mapping[str, Any], name: str) -> list[int]:
    """Return the numbers of the rows that a form holds under a name, in their order."""
    numbers = {
        int(match[1])
        for key in form
        if (match := re.match(rf"{re.escape(name)}\.([0-9]{{1,3}})\.", key)) is not None
    }
    return sorted(numbers)


def filled_of(form: Mapping[str, Any], prefix: str) -> set[str]:
    """Return the members of a group in which a form holds a text, by its prefix.

    Units that the form chose itself do not count.
    """
    return {
        name.removeprefix(prefix).partition(".")[0]
        for name, text in form.items()
        if name.startswith(prefix) and str(text).strip() and not name.endswith(".unit")
    }


def rows(
    form: Mapping[str, Any], name: str, kind: Kind, *, spare: int = _SPARE_ROWS, least: int = 0
) -> range:
    """Return the rows that a form shows under a name: filled rows and spare rows."""
    used = [index + 1 for index in indexes(form, name) if is_filled(form, kind, f"{name}.{index}")]
    return range(max(least, max(used, default=0) + spare))


def windows(form: Mapping[str, Any], name: str) -> range:
    """Return the windows that a form shows under a name."""
    return rows(form, name, field_types.SpanField(), spare=1, least=_WINDOWS)
