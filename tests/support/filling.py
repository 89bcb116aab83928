"""A form of an act, filled in as an officer would: the fields by their kinds, and the values of the
act's sample.

    entries, expected = required("counter-account")
    entries     [("f.facts.en", "We saw …")]
    expected    {"act": "counter-account", "facts": {"en": "We saw …"}}

A value of None means the first choice that the form offers, which is the only way to name a person
or a message.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from dragoman.domain.acts import consent
from dragoman.members import shapes
from dragoman.members.choices import ChoiceKind, ChoicesKind, FlagKind, HandedKind, OfferedKind
from dragoman.members.groups import GroupKind, PairsKind, RowsKind
from dragoman.members.kind import Kind, Member
from dragoman.members.places import NumberKind, PlaceKind, PointKind, QuantityKind
from dragoman.members.readings import ReadingsKind
from dragoman.members.shapes import FieldsKind
from dragoman.members.sides import (
    FilesKind,
    MessageKind,
    OfficerKind,
    PersonKind,
    ReferencesKind,
    SideKind,
    WhoseKind,
)
from dragoman.members.texts import LanguageKind, LinesKind, TextKind, TextsKind
from dragoman.members.times import DatesKind, HoursKind, SpanKind, SpansKind, TimeKind
from samples import SAMPLES
from service import still_to_come

Entry = tuple[str, str | None]

CHOSEN: Final = object()
"""Stands in an expected act for whatever the form offered."""

_LANGUAGE: Final = "en"
_POINT: Final = {"lat": 15.12, "lon": 116.44}


def required(act: str, *, sample: Any = None) -> tuple[list[Entry], dict[str, Any]]:
    """Return the entries for the required members of an act, and the act that they become."""
    return filled(act, needed(act), sample=sample)


def needed(act: str) -> list[str]:
    """Return the names of the members without which an act is none: those of its shape, and the
    window where several are offered.

    The digest of a text that is consented to is nobody's to type.
    """
    found = [
        each.name
        for each in shapes.members(act)
        if each.required or isinstance(each.kind, OfferedKind)
    ]
    return [name for name in found if name != "terms" or act not in consent.ACTS]


def filled(
    act: str, names: Iterable[str], *, sample: Any = None
) -> tuple[list[Entry], dict[str, Any]]:
    """Return the entries for some members of an act, and the act that they become."""
    values = still_to_come(SAMPLES[act] if sample is None else sample)
    entries: list[Entry] = []
    expected: dict[str, Any] = {"act": act, **({"terms": CHOSEN} if act in consent.ACTS else {})}
    wanted = set(names)
    for member in shapes.members(act):
        if member.name in wanted and isinstance(member.kind, FieldsKind):
            expected[member.name] = CHOSEN
        elif member.name in wanted and act == "status-change":  # the exchange says which there are
            entries.append((f"f.{member.name}", None))
            expected[member.name] = CHOSEN
        elif member.name in wanted:
            typed, value = typed_for(member, f"f.{member.name}", values.get(member.name))
            entries += typed
            expected[member.name] = value
    return entries, expected


def typed_for(member: Member, name: str, value: Any) -> tuple[list[Entry], Any]:
    """Return the entries for one member, and its value in the act."""
    kind = member.kind
    many = getattr(kind, "many", False)
    match kind:
        case PersonKind() | FilesKind() | MessageKind() | OfferedKind() | OfficerKind():
            return [(name, None)], CHOSEN
        case TextKind(languages=True) | TextsKind():
            return _texts(kind, name, value)
        case TimeKind():
            return _time(member, name)
        case SpanKind() | SpansKind():
            return _spans(kind, name)
        case PlaceKind() | PointKind():
            typed, places = "15.12N 116.44E", [_POINT, "The port"]
            return [(name, f"{typed}\nThe port" if many else typed)], places if many else _POINT
        case PairsKind(sides=True):
            return [(f"{name}.{side}", line) for side, line in value.items()], value
        case GroupKind() | RowsKind():
            return _rows(kind, name, value)
        case _:
            return _plain(kind, name, value)


def _texts(kind: Kind, name: str, value: Any) -> tuple[list[Entry], Any]:
    if isinstance(kind, TextKind):
        text = _text(value)
        return [(f"{name}.{_LANGUAGE}", text)], {_LANGUAGE: text}
    texts = [_text(each) for each in value or ["First.", "Second."]]
    return [(f"{name}.{_LANGUAGE}", "\n\n".join(texts))], [{_LANGUAGE: each} for each in texts]


def _text(value: Any) -> str:
    text = next(iter(value.values())) if isinstance(value, dict) else value
    return str(text or "Said in some words.")


def _time(member: Member, name: str) -> tuple[list[Entry], Any]:
    """Two days ago, or two months ahead where the form asks for a time to come; what ends, ends an
    hour later.
    """
    moment = datetime.now(UTC) + timedelta(
        days=60 if getattr(member.kind, "ahead", False) else -2,
        hours=member.name in ("to", "ended"),
    )
    return [(name, f"{moment:%Y-%m-%d %H:%M}Z")], f"{moment:%Y-%m-%dT%H:%M}:00Z"


def _spans(kind: Kind, name: str) -> tuple[list[Entry], Any]:
    begins = datetime.now(UTC) + timedelta(days=60)
    ends = {"from": begins, "to": begins + timedelta(hours=2)}
    where = f"{name}.0" if isinstance(kind, SpansKind) else name
    window = {end: f"{moment:%Y-%m-%dT%H:%M}:00Z" for end, moment in ends.items()}
    entries: list[Entry] = [
        (f"{where}.{end}", f"{moment:%Y-%m-%d %H:%M}Z") for end, moment in ends.items()
    ]
    return entries, [window] if isinstance(kind, SpansKind) else window


def _rows(kind: GroupKind | RowsKind, name: str, value: Any) -> tuple[list[Entry], Any]:
    if isinstance(kind, RowsKind):
        entries, row = _rows(kind.group, f"{name}.0", value[0] if value else {})
        return entries, [row]
    typed: list[Entry] = []
    expected = {}
    for each in kind.members:
        if each.required:
            entries, expected[each.name] = typed_for(
                each, f"{name}.{each.name}", (value or {}).get(each.name)
            )
            typed += entries
    return typed, expected


def _plain(kind: Kind, name: str, value: Any) -> tuple[list[Entry], Any]:
    match kind:
        case ChoiceKind():
            chosen = value if value in kind.values else kind.values[0]
            return [(name, chosen)], chosen
        case ChoicesKind() | LanguageKind(many=True) | SideKind(many=True):
            return [(name, each) for each in value], frozenset(value)
        case WhoseKind():
            return [(name, "nato"), (name, "china")], frozenset({"nato", "china"})
        case FlagKind():
            return [(name, "yes")], True
        case QuantityKind():
            return [(name, "12")], {"value": 12, "unit": kind.units[0]}
        case HandedKind():
            return [(name, str(value))], value
        case HoursKind():
            return [(f"{name}.always", "yes")], "24x7"
        case NumberKind():
            number = 2 if value in (None, "unknown") else value
            return [(name, str(number))], number
        case LinesKind() | DatesKind() | ReferencesKind(many=True):
            return [(name, "\n".join(value))], value
        case ReadingsKind():
            return [(name, "\n".join(f"{each['at']},{each['value']}" for each in value))], value
        case LanguageKind():
            return [(name, "zh")], "zh"
        case _:
            line = str(value or "Said in a line")
            return [(name, line)], line


def fits(expected: Any, recorded: Any) -> bool:
    """Return whether a recorded value is the expected one; what the form offered fits anything that
    is there.
    """
    if expected is CHOSEN:
        return recorded not in (None, "", [], {})
    if isinstance(expected, dict) and isinstance(recorded, dict):
        return expected.keys() == recorded.keys() and all(
            fits(value, recorded[name]) for name, value in expected.items()
        )
    if isinstance(expected, frozenset):  # boxes that are ticked have the form's order
        return (
            isinstance(recorded, list)
            and expected == frozenset(recorded)
            and len(recorded) == len(expected)
        )
    if isinstance(expected, list) and isinstance(recorded, list):
        return len(expected) == len(recorded) and all(map(fits, expected, recorded))
    return bool(expected == recorded)
