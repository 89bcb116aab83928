"""Kinds of places: a point, a circle, an area, a name; and quantities and numbers."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from dragoman.domain.acts import si_units
from dragoman.domain.acts.geodesy import GeoPoint
from dragoman.domain.record import nesting
from dragoman.i18n.places import written_place
from dragoman.i18n.words import NBSP
from dragoman.members import unread_input
from dragoman.members.input import places
from dragoman.members.input.not_understood import NotUnderstoodInput
from dragoman.members.input.places import lettered, tidy
from dragoman.members.kind import EMPTY, UNKNOWN, Kind, Member, Say, TypedForm
from dragoman.members.phonetic_alphabet import spelt, spelt_place
from dragoman.members.runs import Aside, Break, Mark, QuotedText, Runs, joined, listed
from dragoman_schemas.fields import Place

_NUMBER: Final = re.compile(r"-?[0-9]{1,17}([.,][0-9]{1,17})?")
_IN_ROW: Final = re.compile(r"\.[0-9]{1,3}\.")
_SPOKEN_UNITS: Final = {"m": "metres", "km": "kilometres", "nm": "nautical miles", "ft": "feet"}
_BOX: Final = {
    "radius": "radius",
    "circle": "radius",
    "corners": "corners",
    "polygon": "corners",
    "name": "name",
}
"""The box of a form for a part of a place."""


@dataclass(frozen=True)
class PlaceKind(Kind):
    """A place, or several places."""

    control = "place"
    is_wide = True
    at_least = True

    many: bool = False

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return a place, or the places that are written one a line."""
        if not self.many:
            return _read_place(form, member, name, form.one(name))
        result = [_read_line(form, member, name, line) for line in form.lines(name)]
        return [place for place in result if place is not EMPTY] or EMPTY

    def typed(self, name: str, value: Any, languages: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the text of the place, and its radius, corners and name."""
        if self.many:
            yield name, "\n".join(text if isinstance(text, str) else _point(text) for text in value)
        elif isinstance(value, dict):
            yield from _typed_place(name, value)
        else:
            yield name, value

    def _runs(self, value: Any, say: Say) -> Runs:
        items = value if isinstance(value, list) else [value]
        return listed((_said_place(item, say) for item in items), Break(say.words.semicolon))

    def spelt(self, value: Any) -> Iterator[str]:
        """Yield the points digit by digit."""
        for item in value if isinstance(value, list) else [value]:
            yield from _spelt_place(item)

    def field_at(self, name: str, path: Sequence[str], languages: Sequence[str]) -> tuple[str, str]:
        """Return the box of the part of a place at a path."""
        return (f"{name}.{_BOX[path[0]]}",) * 2 if path and path[0] in _BOX else (name, name)


@dataclass(frozen=True)
class PointKind(Kind):
    """A point on the earth."""

    control = "point"

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return the point."""
        text = form.one(name)
        return _read_point(form, member, name, text) if text else EMPTY

    def typed(self, name: str, value: Any, languages: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the point in decimal degrees."""
        yield name, _point(value)

    def _runs(self, value: Any, say: Say) -> Runs:
        return _said_place(value, say)

    def spelt(self, value: Any) -> Iterator[str]:
        """Yield the point digit by digit."""
        yield from _spelt_place(value)


@dataclass(frozen=True)
class NumberKind(Kind):
    """A number; or `unknown`."""

    control = "number"

    least: float | None = None
    most: float | None = None
    whole: bool = True
    unknown: bool = False

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return the number, within its limits."""
        number = _read_number(form, member, name, unknown=self.unknown)
        if not isinstance(number, float):
            return number
        low, high = self.least, self.most
        if (low is not None and number < low) or (high is not None and number > high):
            values = {
                "what": form.label(member, name),
                "a": form.words.number(low or 0),
                "b": form.words.number(high or 0),
            }
            text = (
                form.words.say("This is at least %(n)s.", n=values["a"])
                if high is None
                else form.words.say("%(what)s is from %(a)s to %(b)s.", **values)
            )
            return form.fault(member, name, text)
        return int(number) if self.whole else tidy(number)

    def typed(self, name: str, value: Any, languages: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the number, or the mark *unknown*."""
        yield (f"{name}.unknown", "yes") if value == UNKNOWN else (name, str(value))

    def _runs(self, value: Any, say: Say) -> Runs:
        return (say.words.exact(value),)

    def spelt(self, value: Any) -> Iterator[str]:
        """Yield the number digit by digit."""
        if value != UNKNOWN:
            yield spelt(str(value))


@dataclass(frozen=True)
class QuantityKind(Kind):
    """A number with its unit; or `unknown`."""

    control = "quantity"

    units: tuple[str, ...]
    unknown: bool = False

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return the number and its unit."""
        number = _read_number(form, member, name, unknown=self.unknown)
        if not isinstance(number, float):
            return number
        return {"value": tidy(number), "unit": form.one(f"{name}.unit") or self.units[0]}

    def typed(self, name: str, value: Any, languages: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield the number and its unit, or the mark *unknown*."""
        if value == UNKNOWN:
            yield f"{name}.unknown", "yes"
        else:
            yield name, str(tidy(value["value"]))
            yield f"{name}.unit", value["unit"]

    def _runs(self, value: Any, say: Say) -> Runs:
        words = say.words
        entered = f"{words.exact(value['value'])}{NBSP}{value['unit']}"
        si = si_units.in_si(value)
        if si is None or si[1] == value["unit"]:
            return (entered,)
        return (entered, " ", Aside(f"{words.number(round(si[0], 1))}{NBSP}{si[1]}"))

    def spelt(self, value: Any) -> Iterator[str]:
        """Yield the number digit by digit, with its unit."""
        if value != UNKNOWN:
            yield f"{spelt(format(value['value'], 'g'))} {value['unit']}"


def _said_place(value: Any, say: Say) -> Runs:
    """Return a place: a point, a circle, an area, names, or words."""
    if isinstance(value, str):
        return (QuotedText(value),)
    words = say.words
    parts: list[Runs] = []
    if "lat" in value and "lon" in value:
        point = GeoPoint(value["lat"], value["lon"])
        decimal = written_place(point, "decimal")
        parts.append((Mark("figure", written_place(point)), " ", Aside(decimal)))
    if "circle" in value:
        centre = GeoPoint(value["circle"]["pos"]["lat"], value["circle"]["pos"]["lon"])
        entered = value["circle"]["radius"]
        radius = f"{words.exact(entered['value'])}{NBSP}{entered['unit']}"
        parts.append((words.say("%(r)s around %(p)s", r=radius, p=written_place(centre)),))
    if "polygon" in value:
        corners = (
            written_place(GeoPoint(item["lat"], item["lon"]), "dm") for item in value["polygon"]
        )
        parts.append((words.say("within %(p)s", p=words.listed(corners)),))
    if "name" in value:
        parts.append((QuotedText(value["name"]),))
    parts += (
        joined((side.upper(), words.colon, QuotedText(name)))
        for side, name in value.get("names", {}).items()
    )
    if "text" in value:
        parts.append((QuotedText(value["text"]),))
    return listed(parts, Break(words.semicolon))


def _spelt_place(value: Any) -> Iterator[str]:
    """Yield the spelling of a place's points.

    They are the point itself, the centre of a circle with its radius, or the corners.
    """
    if not isinstance(value, dict):
        return
    if "lat" in value and "lon" in value:
        yield from spelt_place(value["lat"], value["lon"])
    if "circle" in value:
        yield from spelt_place(value["circle"]["pos"]["lat"], value["circle"]["pos"]["lon"])
        radius = value["circle"]["radius"]
        yield f"radius {spelt(format(radius['value'], 'g'))} {_SPOKEN_UNITS[radius['unit']]}"
    for corner in value.get("polygon", ()):
        yield from spelt_place(corner["lat"], corner["lon"])


def _read_place(form: TypedForm, member: Member, name: str, text: str) -> Any:
    """Return a point, a circle, an area, or a name in words.

    A text with digits is meant as a position.
    """
    own_name, radius, corners = (
        form.one(f"{name}.name"),
        form.one(f"{name}.radius"),
        form.lines(f"{name}.corners"),
    )
    place: dict[str, Any] = {}
    if text and not any(letter.isdigit() for letter in text):
        if not own_name and not corners and not radius:
            return text
        place["text"] = text
    elif text:
        point = _read_point(form, member, name, text)
        if point is EMPTY:
            return EMPTY
        reach = _read_radius(form, member, name, radius)
        place |= point if reach is None else {"circle": {"pos": point, "radius": reach}}
    if corners:
        points = [_read_point(form, member, f"{name}.corners", line) for line in corners]
        if EMPTY in points:
            return EMPTY
        place["polygon"] = points
    if own_name:
        place["name"] = own_name
    names = {side: text for side in form.sides if (text := form.one(f"{name}.names.{side}"))}
    if names:
        place["names"] = names
    return place or EMPTY


def _read_line(form: TypedForm, member: Member, name: str, line: str) -> Any:
    """Return one of several places. A form writes an area as a line of JSON."""
    if not line.startswith("{"):
        return _read_place(form, member, name, line)
    try:
        nesting.check(line.encode())
        return msgspec.to_builtins(msgspec.json.decode(line, type=Place))
    except (msgspec.DecodeError, UnicodeEncodeError):
        return form.fault(
            member, name, form.words.say("This place was not read. Write it like 15-07N 116-26E.")
        )


def _read_point(form: TypedForm, member: Member, name: str, text: str) -> Any:
    try:
        point = places.read_place(text)
    except NotUnderstoodInput as error:
        has_suggestion = text == form.one(name) and error.suggestion is not None
        suggestion = lettered(error.suggestion) if has_suggestion and error.suggestion else ""
        sentence = unread_input.explanation(form.words, error)
        return form.fault(member, name, sentence, suggestion)
    return {"lat": point.lat, "lon": point.lon}


def _read_radius(form: TypedForm, member: Member, name: str, radius: str) -> Any:
    if not radius:
        return None
    if _NUMBER.fullmatch(radius) is None:
        form.fault(member, f"{name}.radius", form.words.say("The radius is a number."))
        return None
    unit = form.one(f"{name}.radius.unit")
    return {
        "value": tidy(float(radius.replace(",", "."))),
        "unit": unit if unit in ("nm", "km", "ft") else "m",
    }


def _read_number(form: TypedForm, member: Member, name: str, *, unknown: bool) -> Any:
    """Return a number as a float; else `unknown` or `EMPTY`."""
    text = form.one(name).replace("\u202f", "").replace("\u00a0", "")
    if not text:
        # In a row that somebody filled in, an empty number is one that is not known.
        is_unsaid = unknown and member.required and _IN_ROW.search(name) is not None
        return UNKNOWN if is_unsaid or form.one(f"{name}.unknown") else EMPTY
    if unknown and text.lower() in (UNKNOWN, form.words.value(UNKNOWN).lower()):
        return UNKNOWN
    if _NUMBER.fullmatch(text) is None:
        label = form.label(member, name)
        sentence = (
            form.words.say("%(what)s is a number.", what=label)
            if member.required
            else form.words.say("%(what)s is a number, or left empty.", what=label)
        )
        return form.fault(member, name, sentence)
    return float(text.replace(",", "."))


def _typed_place(name: str, value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "circle" in value:
        yield name, _point(value["circle"]["pos"])
        yield f"{name}.radius", str(tidy(value["circle"]["radius"]["value"]))
        yield f"{name}.radius.unit", value["circle"]["radius"]["unit"]
    elif "lat" in value:
        yield name, _point(value)
    elif "text" in value:
        yield name, value["text"]
    if "polygon" in value:
        yield f"{name}.corners", "\n".join(_point(item) for item in value["polygon"])
    if "name" in value:
        yield f"{name}.name", value["name"]
    yield from ((f"{name}.names.{side}", text) for side, text in value.get("names", {}).items())


def _point(value: Any) -> str:
    if isinstance(value, dict) and "lat" in value and "lon" in value:
        return lettered(GeoPoint(value["lat"], value["lon"]))
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
