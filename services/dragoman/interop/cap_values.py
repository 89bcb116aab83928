"""Values of a CAP alert."""

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
"""What no text of the record may hold (record.md §2)."""


_DEGREES: Final = re.compile(r"[-+]?[0-9]{1,4}(\.[0-9]{1,11})?")


Words = str | dict[str, str]


def meant(value: str) -> Iterator[Any]:
    """Yield what a parameter may be: JSON of anything but a text, or the text that it is."""
    try:
        nesting.check(value.encode())
        decoded = msgspec.json.decode(value)
    except msgspec.DecodeError:
        decoded = value
    if not isinstance(decoded, str):
        yield decoded
    yield value


_FARTHEST_KM: Final = 5_000


def _figure(element: ET.Element) -> Json:
    """Return a polygon, a circle or a point; nothing where a number is none that a place can hold."""
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
    """Return a number as the record writes numbers: without an exponent, and without a minus before zero."""
    number = float(text) + 0.0 if _DEGREES.fullmatch(text) else None
    return None if number is None or "e" in repr(number) else number


def _language(info: ET.Element) -> str:
    """Return the language of an info, as the record writes languages; where there is none CAP's default, and `und` for one that is none."""
    primary, *names = (
        (info.findtext(f"{NAMESPACE}language", "").strip() or "en-US").replace("_", "-").split("-")
    )
    try:
        return msgspec.convert("-".join((primary.lower(), *names)), type=Language)
    except msgspec.ValidationError:
        return "und"


def moment(text: str) -> datetime | None:
    try:
        return field_checks.moment(msgspec.convert(text, type=Timestamp))
    except msgspec.ValidationError:
        return None


def _texts(words: Words) -> list[str]:
    return [*words.values()] if isinstance(words, dict) else [words]


def all(parent: ET.Element, name: str) -> list[str]:
    return [shown(element.text or "").strip() for element in parent.iterfind(f"{NAMESPACE}{name}")]


def local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def line(label: str, value: str) -> str:
    """Return a line of what is kept; further lines of one value are set in."""
    return f"CAP {label}: {value}".replace("\n", "\n  ")


def shown(text: str) -> str:
    """Return a text, with what the record does not take made visible."""
    return _UNSEEN.sub(
        lambda value: f"[U+{ord(value.group()):04X}]",
        text.replace("\r\n", "\n").replace("\r", "\n"),
    )
