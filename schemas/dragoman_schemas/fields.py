"""The value types that acts are made of: names, times, places, texts, hashes.

Each is a shape with its unit and range; what several fields must be together
(a window that ends after it begins, a place that is one thing) is a rule of `dragoman.domain`.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

Name = Annotated[str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$(?!\n)", max_length=63)]
"""A channel, side, office, officer, service or act (record.md §1)."""

Text = Annotated[str, Meta(min_length=1, max_length=60_000)]
Line = Annotated[str, Meta(min_length=1, max_length=500)]
Title = Annotated[str, Meta(min_length=1, max_length=120)]
Remarks = Annotated[str, Meta(min_length=1, max_length=2_000)]
Language = Annotated[str, Meta(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$(?!\n)", max_length=35)]

Words = Text | Annotated[dict[Language, Text], Meta(min_length=1, max_length=20)]
"""Text in the officer's language, or in several, each under its language tag."""

Titles = Title | Annotated[dict[Language, Title], Meta(min_length=1, max_length=20)]

Timestamp = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})$(?!\n)",
        max_length=40,
    ),
]
"""RFC 3339 with an offset; seconds may be left out. That the day exists is checked by the rules."""

Id = Annotated[
    str,
    Meta(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[57][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$(?!\n)"),
]
"""A record's id: UUIDv7 given by a client, or UUIDv5 made from its key (record.md §6)."""

Reference = Annotated[str, Meta(min_length=1, max_length=160)]
"""A message's number or id."""

Hex32 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
"""32 bytes in lower-case hexadecimal."""

Base64Of32 = Annotated[str, Meta(pattern=r"^[A-Za-z0-9+/]{43}=$(?!\n)")]
"""32 bytes in standard base64 with its padding."""

Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]


class Shape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value inside an act: immutable, and closed to unknown members."""


class Position(Shape, frozen=True, kw_only=True):
    """A point in WGS-84 decimal degrees."""

    lat: Latitude
    lon: Longitude


class Circle(Shape, frozen=True, kw_only=True):
    """A circle on the earth: its centre and its radius in metres."""

    pos: Position
    radius_m: Annotated[float, Meta(gt=0, le=5_000_000)]


class Place(Shape, frozen=True, kw_only=True):
    """Where something is: a point, a polygon, a circle or a name; each side's own name may stand beside it."""

    lat: Latitude | UnsetType = UNSET
    lon: Longitude | UnsetType = UNSET
    polygon: Annotated[tuple[Position, ...], Meta(min_length=3, max_length=200)] | UnsetType = UNSET
    circle: Circle | UnsetType = UNSET
    name: Line | UnsetType = UNSET
    names: dict[Name, Line] | UnsetType = UNSET


class About(Shape, frozen=True, kw_only=True):
    """A time that is known only roughly."""

    about: Timestamp


class Window(Shape, frozen=True, kw_only=True):
    """A stretch of time, both ends included."""

    from_: Timestamp = field(name="from")
    to: Timestamp


class Provision(Shape, frozen=True, kw_only=True):
    """The instrument and the provision on which a message rests."""

    instrument: Line
    provision: Line


Unknown = Literal["unknown"]
When = Timestamp | About
Where = Line | Place
Number = Annotated[int, Meta(ge=0, le=10_000_000)]

Json = dict[str, Any]
