"""The values of a CAP alert, read as values of the record."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final
from xml.etree import ElementTree as ET

import msgspec

from dragoman.domain.acts import field_checks
from dragoman.domain.record import nesting
from dragoman_schemas.fields import Json, Language, Timestamp

NAMESPACE: Final = "{urn:oasis:names:tc:emergency:cap:1.2}"


_UNSEEN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""The characters that no text of a record may have (docs/spec/record.md §3)."""


_DEGREES: Final = re.compile(r"[-+]?[0-9]{1,4}(\.[0-9]{1,11})?")


Words = str | dict[str, str]


def possible_values(value: str) -> Iterator[Any]:
    """Yield the possible values of a parameter.

    They are its JSON value, unless that is a text, and then its text.
    """
    try:
        nesting.check(value.encode())
        decoded = msgspec.json.decode(value)
    except msgspec.DecodeError:
        decoded = value
    if not isinstance(decoded, str):
        yield decoded
    yield value


_FARTHEST_KM: Final = 5_000


def figure_of(element: ET.Element) -> Json:
    """Return a polygon, a circle or a point.

    The result is empty if a number is not valid for a place.
    """
    pairs = (element.text or "").split()
    radius = _number(pairs.pop()) if local(element) == "circle" and pairs else 0.0
    points = [tuple(_number(number) for number in pair.split(",")) for pair in pairs]
    if radius is None or not points or any(len(point) != 2 or None in point for point in points):
        return {}
    positions = [{"lat": lat, "lon": lon} for lat, lon in points]
    if local(element) == "polygon":
        return {"polygon": positions[:-1] if positions[0] == positions[-1] else positions}
    if len(positions) > 1 or radius > _FARTHEST_KM:
        return {}
    return (
        {"circle": {"pos": positions[0], "radius": {"value": radius, "unit": "km"}}}
        if radius
        else {**positions[0]}
    )


def _number(text: str) -> float | None:
    """Return a number as the record writes numbers, or None.

    It has no exponent, and no minus before zero.
    """
    number = float(text) + 0.0 if _DEGREES.fullmatch(text) else None
    return None if number is None or "e" in repr(number) else number


def language_of(info: ET.Element) -> str:
    """Return the language of an info, as the record writes languages.

    It is CAP's default if the info has no language, and `und` if it is not valid.
    """
    primary, *names = (
        (info.findtext(f"{NAMESPACE}language", "").strip() or "en-US").replace("_", "-").split("-")
    )
    try:
        return msgspec.convert("-".join((primary.lower(), *names)), type=Language)
    except msgspec.ValidationError:
        return "und"


def moment(text: str) -> datetime | None:
    """Return a timestamp as a time, or None if it is not valid."""
    try:
        return field_checks.moment(msgspec.convert(text, type=Timestamp))
    except msgspec.ValidationError:
        return None


def texts_of(words: Words) -> list[str]:
    """Return the texts in all languages."""
    return [*words.values()] if isinstance(words, dict) else [words]


def child_texts(parent: ET.Element, name: str) -> list[str]:
    """Return the texts of the child elements with a name."""
    return [shown(element.text or "").strip() for element in parent.iterfind(f"{NAMESPACE}{name}")]


def local(element: ET.Element) -> str:
    """Return the name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def line(label: str, value: str) -> str:
    """Return a line for the remarks; further lines of the value are indented."""
    return f"CAP {label}: {value}".replace("\n", "\n  ")


def shown(text: str) -> str:
    """Return a text in which characters that the record refuses are made visible."""
    return _UNSEEN.sub(
        lambda value: f"[U+{ord(value.group()):04X}]",
        text.replace("\r\n", "\n").replace("\r", "\n"),
    )
