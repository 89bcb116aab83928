"""The value types of acts: names, times, places, texts and hashes.

Each is a shape with its unit and range. `dragoman.domain` has the rules on several
fields together: for example, a window ends after it begins, and a place is one thing.
"""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Final, Literal, TypeVar, get_args

from msgspec import UNSET, Meta, Struct, UnsetType, field, inspect

ValueT = TypeVar("ValueT")
DefaultT = TypeVar("DefaultT")


def or_default(value: ValueT | UnsetType, default: DefaultT) -> ValueT | DefaultT:
    """Return a member's value, or a default where the member was left out."""
    return default if isinstance(value, UnsetType) else value


Name = Annotated[str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$(?!\n)", max_length=63)]
"""A channel, side, office, officer, service or act.

See `docs/spec/record.md`, section 2.
"""


def of_kind(name: str, **facts: object) -> Meta:
    """Return the mark that names the kind of a member.

    Forms, pages, papers and exports know by it what the value is. `facts` are what the
    kind has to know: `ahead` for times to come, for example. `dragoman.members` has a
    class for each kind.
    """
    return Meta(extra={"kind": name, **facts})


def with_facts(**values: object) -> Meta:
    """Return the mark of a member that tells its kind more than its type does."""
    return Meta(extra=values)


Side = Annotated[Name, of_kind("side")]
Officer = Annotated[Name, of_kind("officer")]

FUTURE: Final = with_facts(ahead=True)
"""The mark of times to come: a time without a day means the next such time."""

DUE: Final = with_facts(ahead=True, days="to")
"""The mark of limits: a day alone means its last second."""

BEGINS: Final = with_facts(ahead=True, days="from")
"""The mark of beginnings to come: a day alone means its first second."""

SPAN_OF_DAYS: Final = with_facts(ahead=True, days=True)
"""The mark of spans to come whose ends may be days."""

Text = Annotated[str, Meta(min_length=1, max_length=60_000), of_kind("text")]
Line = Annotated[str, Meta(min_length=1, max_length=500)]
Title = Annotated[str, Meta(min_length=1, max_length=120)]
Remarks = Annotated[str, Meta(min_length=1, max_length=2_000), of_kind("text")]
Language = Annotated[
    str,
    Meta(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$(?!\n)", max_length=35),
    of_kind("language"),
]

Words = Annotated[
    Text | Annotated[dict[Language, Text], Meta(min_length=1, max_length=20)],
    of_kind("text", languages=True),
]
"""Text in the officer's language, or in several languages, each under its tag."""

Authentic = Annotated[tuple[Language, ...], Meta(min_length=2, max_length=20)]
"""Languages in which a text is equally authentic."""

Lines = Annotated[
    Line | Annotated[dict[Language, Line], Meta(min_length=1, max_length=20)],
    of_kind("text", languages=True, title=True),
]
"""A line in the officer's language, or in several languages, each under its tag."""

Titles = Annotated[
    Title | Annotated[dict[Language, Title], Meta(min_length=1, max_length=20)],
    of_kind("text", languages=True, title=True),
]

OTHER: Final = "other"
"""The choice of a closed list that the list has no name for."""

UNNAMED: Final = frozenset({OTHER, "unknown"})
"""Choices that name no kind of event: the words beside them do, or nobody knows."""

_WORDS_OF: Final = "words_of"


def words_of(member: str) -> Meta:
    """Return the mark of a member that says in words what a choice of `other` means.

    `member` is the name of the choice beside it.
    """
    return Meta(extra={_WORDS_OF: member})


@cache
def words_members(shape: type[Struct]) -> Mapping[str, str]:
    """Return the choices that may be `other`, each with its member of words."""
    info = inspect.type_info(shape)
    assert isinstance(info, inspect.StructType)
    marks = {
        member.encode_name: member.type.extra or {}
        for member in info.fields
        if isinstance(member.type, inspect.Metadata)
    }
    return {mark[_WORDS_OF]: name for name, mark in marks.items() if _WORDS_OF in mark}


_TIME: Final = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})"
)

Timestamp = Annotated[str, Meta(pattern=rf"^{_TIME}$(?!\n)"), of_kind("time")]
"""RFC 3339 with an offset; seconds may be left out.

The rules check that the day exists.
"""

TimestampOrUnknown = Annotated[
    str,
    Meta(pattern=rf"^(unknown|{_TIME})$(?!\n)"),
    of_kind("time", unknown=True),
]
"""A `Timestamp`, or `unknown`."""

UNTIL_FURTHER_NOTICE: Final = "until_further_notice"

TimestampOrNotice = Annotated[
    str,
    Meta(pattern=rf"^(until_further_notice|{_TIME})$(?!\n)"),
]
"""A `Timestamp`, or `until_further_notice`."""

REFERENCES: Final = frozenset({"record", "reference", "message", "issue", "mechanism"})
"""Kinds of members that name a record or an exchange, by its number or its id."""

Id = Annotated[
    str,
    Meta(
        pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[578][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$(?!\n)",
    ),
    of_kind("record"),
]
"""A record's id.

An officer's record has a UUIDv7 that a client drew, or a UUIDv8 of its key. A service's
record has a UUIDv5 of its subject (decision 0045).
"""

Message = Annotated[Id, of_kind("message")]
"""A message of the exchange, by its id."""

Issue = Annotated[Id, of_kind("issue")]
"""An issue of the channel, by the exchange that opened it."""

Reference = Annotated[str, Meta(min_length=1, max_length=160), of_kind("reference")]
"""A message's number or id."""

Mechanism = Annotated[Reference, of_kind("mechanism")]
"""A mechanism of the channel, by its number or its exchange."""

Hex32 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
"""32 bytes in lower-case hexadecimal."""

Base64Of32 = Annotated[str, Meta(pattern=r"^[A-Za-z0-9+/]{43}=$(?!\n)")]
"""32 bytes in standard base64 with its padding."""

Date = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$(?!\n)"), of_kind("date")]
"""A day of the calendar. The rules check that it exists."""

ClockTime = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)"), of_kind("clock")]
"""An hour and a minute of the day."""

TimeOrEmpty = Annotated[str, Meta(pattern=rf"^({_TIME})?$(?!\n)")]
"""A `Timestamp` that a caller may leave empty."""

PositionOrTime = Annotated[str, Meta(pattern=rf"^([0-9]{{0,15}}|{_TIME})$(?!\n)")]
"""A moment of a channel as a caller names it: a position, or a `Timestamp`.

Empty or 0 means now.
"""

Zone = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$(?!\n)", max_length=64)]
"""A time zone by its IANA name. The rules check that it exists."""

CodeWord = Annotated[str, Meta(pattern=r"^[A-Z]{3,16}$(?!\n)")]
"""The word that names a codebook in a coded message."""

Actor = Annotated[
    str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*/[a-z0-9]+(-[a-z0-9]+)*$(?!\n)", max_length=127)
]
"""An officer with the side: `side/officer`."""

Phrase = Annotated[str, Meta(pattern=r"^[a-z]+(_[a-z]+)*$(?!\n)", max_length=63), of_kind("phrase")]
"""The key of an agreed phrase."""

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

MediaType = Literal[
    "application/pdf",
    "application/json",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "audio/mpeg",
    "image/jpeg",
    "image/png",
    "text/csv",
    "text/plain",
    "video/mp4",
]
"""The types that files may have: a reader opens them without running anything."""

Year = Annotated[int, Meta(ge=1900, le=9999)]

Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]


class Shape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A value inside an act: immutable, and closed to unknown members."""


class Position(Shape, frozen=True, kw_only=True):
    """A point in WGS-84 decimal degrees."""

    lat: Latitude
    lon: Longitude


class Radius(Shape, frozen=True, kw_only=True):
    """The radius of a circle, in the unit in which it was entered; at most 5,000 km."""

    value: Annotated[float, Meta(gt=0, le=20_000_000)]
    unit: Literal["m", "km", "nm", "ft"]


class Circle(Shape, frozen=True, kw_only=True):
    """A circle on the earth: its centre and its radius."""

    pos: Position
    radius: Radius


class Place(Shape, frozen=True, kw_only=True):
    """A place: a point, a polygon, a circle, a name or words.

    Each side's own name may be beside it.
    """

    lat: Latitude | UnsetType = UNSET
    lon: Longitude | UnsetType = UNSET
    polygon: Annotated[tuple[Position, ...], Meta(min_length=3, max_length=200)] | UnsetType = UNSET
    circle: Circle | UnsetType = UNSET
    name: Line | UnsetType = UNSET
    names: dict[Side, Line] | UnsetType = UNSET
    text: Line | UnsetType = UNSET


class About(Shape, frozen=True, kw_only=True):
    """A time that is known only roughly."""

    about: Timestamp


class Window(Shape, frozen=True, kw_only=True):
    """A stretch of time, both ends included."""

    from_: Timestamp = field(name="from")
    to: Timestamp


class OpenWindow(Shape, frozen=True, kw_only=True):
    """A stretch of time that may have no end yet: it is then until further notice."""

    from_: Timestamp = field(name="from")
    to: TimestampOrNotice


class Provision(Shape, frozen=True, kw_only=True):
    """The instrument and the provision on which a message rests."""

    instrument: Line
    provision: Line


class Length(Shape, frozen=True, kw_only=True):
    """A distance, a height or a depth, in the unit in which it was entered."""

    value: Annotated[float, Meta(ge=0, le=1_000_000_000)]
    unit: Literal["m", "km", "nm", "ft"]


class Speed(Shape, frozen=True, kw_only=True):
    """A speed, in the unit in which it was entered."""

    value: Annotated[float, Meta(ge=0, le=100_000)]
    unit: Literal["kn", "m/s", "km/h"]


class Person(Shape, frozen=True, kw_only=True):
    """A person in the channel's register of people, with the commitment to the entry.

    An act never has the person's name (`docs/spec/catalogue.md`, section 4.1).
    """

    id: Id
    commitment: Hex32


class Attachment(Shape, frozen=True, kw_only=True):
    """A file beside the log, by the digest of its bytes."""

    sha256: Hex32
    media_type: MediaType
    bytes: Annotated[int, Meta(ge=1, le=16_777_216)]
    title: Title


class PassedBy(Shape, frozen=True, kw_only=True):
    """The way in which it was said before it was written.

    It has the means, the time, and the post that received it.
    """

    means: Literal["voice", "e-mail", "radio", "fax", "in_person", "other"]
    at: Timestamp
    to_post: Line
    means_text: Annotated[Titles, words_of("means")] | UnsetType = UNSET


class Hours(Shape, frozen=True, kw_only=True):
    """Working hours on some days of the week, in a time zone by its IANA name."""

    days: Annotated[tuple[Day, ...], Meta(min_length=1, max_length=7)]
    from_: ClockTime = field(name="from")
    to: ClockTime
    zone: Zone


OwnPerson = Annotated[Person, with_facts(own_side=True)]
"""A person of the writer's own side."""

Unknown = Literal["unknown"]
When = Timestamp | About
Where = Line | Place
Places = Annotated[tuple[Where, ...], Meta(min_length=1, max_length=20)]
"""Further places of one event, beside its first place."""

Number = Annotated[int, Meta(ge=0, le=10_000_000)]
Count = Number | Unknown
People = Annotated[tuple[Person, ...], Meta(min_length=1, max_length=200)]
Delegation = Annotated[tuple[OwnPerson, ...], Meta(min_length=1, max_length=200)]
Languages = Annotated[tuple[Language, ...], Meta(min_length=1, max_length=10)]
Attended = Literal["24x7"] | Hours

Json = dict[str, Any]

FORMS: Final = {
    meta.pattern: form
    for value_type, form in (
        (Name, "a name of small letters and digits, with hyphens between"),
        (Language, "a language tag like en, fr or zh-Hans"),
        (Timestamp, "a time with its offset, like 2026-11-24T03:05+08:00 or 2026-11-23T19:05Z"),
        (TimestampOrUnknown, "a time with its offset, like 2026-11-24T03:05+08:00, or unknown"),
        (
            TimestampOrNotice,
            "a time with its offset, like 2026-11-24T03:05+08:00, or until_further_notice",
        ),
        (Id, "an id of the service's: a UUIDv7 or UUIDv5 in small letters"),
        (Hex32, "64 small hexadecimal digits"),
        (Base64Of32, "32 bytes in base64, with the padding"),
        (TimeOrEmpty, "a time with its offset, like 2026-11-24T03:05+08:00 or 2026-11-23T19:05Z"),
        (PositionOrTime, "a record's number like 12, or a time like 2026-11-24T03:05+08:00"),
        (Date, "a day like 2026-11-24"),
        (ClockTime, "an hour and a minute like 06:00"),
        (CodeWord, "3 to 16 capital letters, like HERON"),
        (Actor, "an officer with the side, like nato/d-1"),
        (Phrase, "a phrase's key, like received_passed_on"),
        (Zone, "a time zone like Europe/Brussels or Asia/Shanghai"),
    )
    for meta in get_args(value_type)[1:]
    if meta.pattern is not None
}
"""The form of each value with a pattern, in words, by its pattern."""
