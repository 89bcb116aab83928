"""Points of contact as vCards (RFC 6350), for any address book.

If a point's person is in the register of people, the card is that person's. The
deputy has another card. If the entry is erased, sealed or missing, the card is the
office's: it has the role and the institution in place of a name. No name is invented.
"""

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, get_args

import msgspec
from msgspec import UnsetType

from dragoman.interop.side_texts import in_language
from dragoman_schemas.fields import OTHER, Attended, Day, Hours
from dragoman_schemas.responses import PersonEntry, PointView
from dragoman_schemas.state import Registry

_PRODUCT: Final = "-//Dragoman//Points of contact//EN"
_WEEK: Final[tuple[Day, ...]] = get_args(Day)
_STAGES: Final = {
    "announced": "Announced, not yet in force.",
    "superseded": "Superseded by another.",
    "ended": "No longer in force.",
}
_LINE_OCTETS: Final = 75
_RUN: Final = 3
"""The number of days in a row that are written as a range."""

_UNSEEN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
"""Characters that no line of a card may have, or that some readers take for its end."""

_GLOBAL: Final = re.compile(r"\+[0-9]+")


def cards(
    registry: Registry,
    points: Iterable[PointView],
    people: Mapping[str, PersonEntry],
    *,
    source: str,
) -> bytes:
    """Return the cards, one after the other, as UTF-8.

    `people` are the persons whom the reader may see, by id. `source` is the URL of the
    cards.
    """
    lines = [line for point in points for line in _point(registry, point, people, source)]
    return b"".join(_fold_line(line) for line in lines)


def _point(
    registry: Registry, point: PointView, people: Mapping[str, PersonEntry], source: str
) -> Iterator[str]:
    deputy = people.get(point.deputy)
    yield from _card(
        registry,
        point,
        f"urn:uuid:{point.exchange}",
        people.get(point.person),
        point.role,
        source,
        deputy is not None,
    )
    if deputy is not None:
        yield from _card(
            registry,
            point,
            _deputy(point),
            deputy,
            f"Deputy: {point.role}",
            source,
            has_deputy=False,
        )


def _deputy(point: PointView) -> str:
    """Return the id of the deputy's card.

    One person may be the deputy of several points, with a card for each.
    """
    return uuid.uuid5(uuid.UUID(point.exchange), f"deputy {point.deputy}").urn


def _card(
    registry: Registry,
    point: PointView,
    uid: str,
    person: PersonEntry | None,
    role: str,
    source: str,
    has_deputy: bool,
) -> Iterator[str]:
    hours = _hours(point)
    yield from ("BEGIN:VCARD", "VERSION:4.0", f"PRODID:{_text(_PRODUCT)}", f"UID:{uid}")
    if person is None:
        yield from ("KIND:org", f"FN:{_text(f'{role}, {point.institution}')}")
    else:
        # The register does not say which part of a name is the family name. The whole name is
        # in the part by which readers sort.
        yield from ("KIND:individual", f"FN:{_text(person.name)}", f"N:{_part(person.name)};;;;")
    institutions = dict.fromkeys(
        (
            point.institution,
            *([person.institution or point.institution] if person is not None else []),
        )
    )
    yield from (f"ORG:{_part(institution)}" for institution in institutions)
    yield f"ROLE:{_text(role)}"
    if person is not None:
        yield from _contact_lines(person)
    yield from (
        f"LANG;PREF={number}:{text}"
        for number, text in enumerate((person and person.languages) or point.languages, 1)
    )
    if isinstance(hours, Hours):
        yield f"TZ:{_text(hours.zone)}"
    yield f"NOTE:{_text(_note(registry, point, person, hours))}"
    yield f"CATEGORIES:{','.join(map(_text, filter(None, (registry.name, point.side))))}"
    if has_deputy:
        yield f"RELATED;TYPE=agent:{_deputy(point)}"
    yield f"REV:{_confirmed(point):%Y%m%dT%H%M%SZ}"
    yield f"SOURCE:{_UNSEEN.sub('', source)}"
    yield "END:VCARD"


def _contact_lines(person: PersonEntry) -> Iterator[str]:
    """Yield the post, the numbers and the addresses; the first of each is preferred."""
    if person.post:
        yield f"TITLE:{_text(person.post)}"
    for number, telephone in enumerate(person.telephones or (), 1):
        dialled = re.sub(r"[^0-9+]", "", telephone)
        # A number without its country is no `tel:` URI by itself (RFC 3966 §5.1.4). It is given
        # as it was entered.
        if _GLOBAL.fullmatch(dialled):
            yield f"TEL;VALUE=uri;PREF={number}:tel:{dialled}"
        else:
            yield f"TEL;VALUE=text;PREF={number}:{_text(telephone)}"
    yield from (
        f"EMAIL;PREF={number}:{_text(email)}" for number, email in enumerate(person.emails or (), 1)
    )


def _note(registry: Registry, point: PointView, person: PersonEntry | None, hours: Attended) -> str:
    other = (
        OTHER
        if isinstance(point.means_text, UnsetType)
        else in_language(msgspec.json.decode(bytes(point.means_text)), "en")
    )
    names = [
        _hours_text(hours),
        f"Reached by {', '.join(other if means == OTHER else means for means in point.means)}.",
        _STAGES.get(point.stage, ""),
        "Exercise." if registry.kind == "exercise" else "",
        (person and person.note) or "",
    ]
    return "\n".join(name for name in names if name)


def _hours_text(hours: Attended) -> str:
    """Return the duty hours in a line: `Mon-Fri 08:00-18:00 Europe/Brussels`."""
    if not isinstance(hours, Hours):
        return "At all hours, every day"
    runs: list[list[Day]] = []
    for day in (text for text in _WEEK if text in hours.days):
        if runs and _WEEK.index(runs[-1][-1]) + 1 == _WEEK.index(day):
            runs[-1].append(day)
        else:
            runs.append([day])
    days = [f"{run[0]}-{run[-1]}" if len(run) >= _RUN else ", ".join(run) for run in runs]
    return f"{', '.join(days).title()} {hours.from_}-{hours.to} {hours.zone}"


def _hours(point: PointView) -> Attended:
    hours: Attended = msgspec.json.decode(point.hours, type=Attended)
    return hours


def _confirmed(point: PointView) -> datetime:
    return datetime.fromisoformat(point.confirmed).astimezone(UTC)


def _text(value: str) -> str:
    """Return a text as a vCard value (RFC 6350 §3.4).

    It is on one line, and its separators are escaped.
    """
    one_kind_of_end = value.replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(r"[\\,]", r"\\\g<0>", _UNSEEN.sub(" ", one_kind_of_end)).replace("\n", "\\n")


def _part(value: str) -> str:
    """Return a text as a part of a value with several parts, which semicolons divide.

    In other values, readers keep the backslash before a semicolon.
    """
    return _text(value).replace(";", "\\;")


def _fold_line(line: str) -> bytes:
    """Return a line as octets, folded after 75 octets (RFC 6350 §3.2).

    A fold is never inside a character.
    """
    folded, room = bytearray(), _LINE_OCTETS
    for character in line:
        octets = character.encode()
        if len(octets) > room:
            folded += b"\r\n "
            room = _LINE_OCTETS - 1
        folded += octets
        room -= len(octets)
    return bytes(folded + b"\r\n")
