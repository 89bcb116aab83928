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

from dragoman.console.forms import field_types, form_times
from dragoman.console.forms.field_types import Kind, Member
from dragoman.domain.acts import consent
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
        for each in field_types.members(act)
        if each.required or isinstance(each.kind, field_types.OfferedField)
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
    for member in field_types.members(act):
        if member.name in wanted and isinstance(member.kind, field_types.FieldsField):
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
        case (
            field_types.PersonField()
            | field_types.FilesField()
            | field_types.MessageField()
            | field_types.OfferedField()
            | field_types.OfficerField()
        ):
            return [(name, None)], CHOSEN
        case field_types.TextField(languages=True) | field_types.TextsField():
            return _texts(kind, name, value)
        case field_types.TimeField():
            return _time(member, name)
        case field_types.SpanField() | field_types.SpansField():
            return _spans(kind, name)
        case field_types.PlaceField() | field_types.PointField():
            typed, places = "15.12N 116.44E", [_POINT, "The port"]
            return [(name, f"{typed}\nThe port" if many else typed)], places if many else _POINT
        case field_types.PairsField(sides=True):
            return [(f"{name}.{side}", line) for side, line in value.items()], value
        case field_types.GroupField() | field_types.RowsField():
            return _rows(kind, name, value)
        case _:
            return _plain(kind, name, value)


def _texts(kind: Kind, name: str, value: Any) -> tuple[list[Entry], Any]:
    if isinstance(kind, field_types.TextField):
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
        days=60 if member.name in form_times.AHEAD else -2, hours=member.name in ("to", "ended")
    )
    return [(name, f"{moment:%Y-%m-%d %H:%M}Z")], f"{moment:%Y-%m-%dT%H:%M}:00Z"


def _spans(kind: Kind, name: str) -> tuple[list[Entry], Any]:
    begins = datetime.now(UTC) + timedelta(days=60)
    ends = {"from": begins, "to": begins + timedelta(hours=2)}
    where = f"{name}.0" if isinstance(kind, field_types.SpansField) else name
    window = {end: f"{moment:%Y-%m-%dT%H:%M}:00Z" for end, moment in ends.items()}
    entries: list[Entry] = [
        (f"{where}.{end}", f"{moment:%Y-%m-%d %H:%M}Z") for end, moment in ends.items()
    ]
    return entries, [window] if isinstance(kind, field_types.SpansField) else window


def _rows(
    kind: field_types.GroupField | field_types.RowsField, name: str, value: Any
) -> tuple[list[Entry], Any]:
    if isinstance(kind, field_types.RowsField):
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
        case field_types.ChoiceField():
            chosen = value if value in kind.values else kind.values[0]
            return [(name, chosen)], chosen
        case (
            field_types.ChoicesField()
            | field_types.LanguageField(many=True)
            | field_types.SideField(many=True)
        ):
            return [(name, each) for each in value], frozenset(value)
        case field_types.WhoseField():
            return [(name, "nato"), (name, "china")], frozenset({"nato", "china"})
        case field_types.FlagField():
            return [(name, "yes")], True
        case field_types.QuantityField():
            return [(name, "12")], {"value": 12, "unit": kind.units[0]}
        case field_types.HandedField():
            return [(name, str(value))], value
        case field_types.HoursField():
            return [(f"{name}.always", "yes")], "24x7"
        case field_types.NumberField():
            number = 2 if value in (None, "unknown") else value
            return [(name, str(number))], number
        case (
            field_types.LinesField()
            | field_types.DatesField()
            | field_types.ReferencesField(many=True)
        ):
            return [(name, "\n".join(value))], value
        case field_types.LanguageField():
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
