"""Types of form fields, derived from the shapes of the acts.

    "kind"    Literal[...]           ChoiceField    radio buttons, or a list
    "facts"   Words                  TextField      one box a language
    "time"    Timestamp | About      TimeField      one field, any notation of times
    "place"   Line | Place           PlaceField     one field, any notation of places
    "units"   tuple[Unit, ...]       RowsField      rows of a GroupField of members

Pages show and ask for members by these types, so no format needs a page of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, get_args

from msgspec import inspect

from dragoman_schemas import act_frame, fields
from dragoman_schemas.acts import SHAPES
from dragoman_schemas.acts.dialogue.release import ReleasedRecord
from dragoman_schemas.acts.notification.people_status import PeopleKind


@dataclass(frozen=True)
class ChoiceField:
    """A choice of one value; `context` is where the vocabulary has its words."""

    values: tuple[str, ...]
    context: Literal["value", "status"] = "value"


@dataclass(frozen=True)
class ChoicesField:
    """A choice of several values."""

    values: tuple[str, ...]


@dataclass(frozen=True)
class FlagField:
    """Yes or no; or `unknown`, where the act allows it."""

    unknown: bool = False


@dataclass(frozen=True)
class TextField:
    """A text, in several languages where the act allows it; a `title` is one line."""

    languages: bool = True
    title: bool = False


@dataclass(frozen=True)
class TextsField:
    """Several texts, numbered from 1."""


@dataclass(frozen=True)
class LineField:
    """A line of at most `most` characters."""

    most: int = 500


@dataclass(frozen=True)
class LinesField:
    """Several lines."""


@dataclass(frozen=True)
class TimeField:
    """A moment; or `unknown`; or an approximate time, with `about`."""

    unknown: bool = False
    about: bool = False


@dataclass(frozen=True)
class SpanField:
    """A span between two moments; or the word `instead` of it, like `ongoing`.

    One that is `open_ended` may be until further notice.
    """

    instead: str = ""
    open_ended: bool = False


@dataclass(frozen=True)
class SpansField:
    """Several spans."""


@dataclass(frozen=True)
class PlaceField:
    """A place, or several places."""

    many: bool = False


@dataclass(frozen=True)
class PointField:
    """A point on the earth."""


@dataclass(frozen=True)
class NumberField:
    """A number; or `unknown`."""

    least: float | None = None
    most: float | None = None
    whole: bool = True
    unknown: bool = False


@dataclass(frozen=True)
class QuantityField:
    """A number with its unit; or `unknown`."""

    units: tuple[str, ...]
    unknown: bool = False


@dataclass(frozen=True)
class SideField:
    """A side; or several sides; or `unknown`; or `other`, which is nobody here."""

    many: bool = False
    unknown: bool = False
    other: bool = False


@dataclass(frozen=True)
class PostField:
    """A post of the side's own onward list, by its name."""

    posts: tuple[str, ...] = ()


@dataclass(frozen=True)
class PartField:
    """A part of a text that is agreed to: a member, and the number of its item."""


@dataclass(frozen=True)
class ReleasedField:
    """Records of a matter that are published, without the members that are left out."""


@dataclass(frozen=True)
class WhoseField:
    """Some sides, or nobody of this channel, or unknown."""


@dataclass(frozen=True)
class IssueField:
    """An issue of the channel, named by the exchange that opened it."""


@dataclass(frozen=True)
class MechanismField:
    """A mechanism of the channel, named by its number or by its exchange."""


@dataclass(frozen=True)
class HandedField:
    """A recommendation of the transmittal that is answered, by its number."""


@dataclass(frozen=True)
class OfficerField:
    """An officer of the reader's side, or several officers."""

    many: bool = False


@dataclass(frozen=True)
class LanguageField:
    """A language by its tag, or several languages."""

    many: bool = False


@dataclass(frozen=True)
class MessageField:
    """A message of the exchange, by its id."""


@dataclass(frozen=True)
class OfferedField:
    """One of the windows that were offered in the exchange, by its index."""


@dataclass(frozen=True)
class ReferencesField:
    """Numbers or ids of messages."""

    many: bool = True


@dataclass(frozen=True)
class PhrasesField:
    """Agreed phrases, by their keys."""


@dataclass(frozen=True)
class PersonField:
    """A person in the people register, or several persons.

    `own_side` is true where only people of the writer's own side make sense.
    """

    many: bool = False
    own_side: bool = False


@dataclass(frozen=True)
class FilesField:
    """Files that are stored beside the log."""

    many: bool = True


@dataclass(frozen=True)
class HoursField:
    """Working hours, or always."""


@dataclass(frozen=True)
class DatesField:
    """Days."""


@dataclass(frozen=True)
class PairsField:
    """A line, or a number, for each name; with `sides`, for each side."""

    sides: bool = False
    numbers: bool = False


@dataclass(frozen=True)
class GroupField:
    """A group of members."""

    members: tuple["Member", ...]


@dataclass(frozen=True)
class RowsField:
    """Several rows of a group."""

    group: GroupField


@dataclass(frozen=True)
class FieldsField:
    """Members of the opening that the act replaces."""


@dataclass(frozen=True)
class OtherField:
    """A member that only programs write."""


Kind = (
    ChoiceField
    | ChoicesField
    | FlagField
    | TextField
    | TextsField
    | LineField
    | LinesField
    | TimeField
    | SpanField
    | SpansField
    | PlaceField
    | PointField
    | NumberField
    | QuantityField
    | SideField
    | WhoseField
    | IssueField
    | MechanismField
    | HandedField
    | OfficerField
    | LanguageField
    | MessageField
    | OfferedField
    | PostField
    | PartField
    | ReleasedField
    | ReferencesField
    | PhrasesField
    | PersonField
    | FilesField
    | HoursField
    | DatesField
    | PairsField
    | GroupField
    | RowsField
    | FieldsField
    | OtherField
)


@dataclass(frozen=True)
class Member:
    """A member of an act: its name, its type, and whether it is required.

    `act` is the act whose label it has. It is empty for a part that many acts share.
    """

    name: str
    kind: Kind
    required: bool = False
    act: str = ""

    @property
    def control(self) -> str:
        """Return the name of the form control that asks for it."""
        return type(self.kind).__name__.removesuffix("Field").lower()


_SIDES: Final = frozenset({"to", "info", "on_behalf_of", "signatories", "host", "side", "by"})
_OFFICERS: Final = frozenset({"acting_for", "officers"})
_OWN_PEOPLE: Final = frozenset({"person", "deputy", "delegation"})
"""Members that name people of the writer's own side.

A side announces its own points of contact and deputies, and sends its own delegation.
"""

_STRUCTS: Final[Mapping[type, Kind]] = {
    fields.Window: SpanField(),
    fields.OpenWindow: SpanField(open_ended=True),
    fields.Place: PlaceField(),
    fields.Position: PointField(),
    fields.Attachment: FilesField(many=False),
    fields.Hours: HoursField(),
    fields.Length: QuantityField(("m", "km", "nm", "ft")),
    fields.Speed: QuantityField(("kn", "km/h", "m/s")),
}
"""Types of fields by the struct that a member holds."""


@cache
def members(act: str) -> tuple[Member, ...]:
    """Return the members of an act, in the order of its shape, without `signed`."""
    return _members(SHAPES[act], act)


@cache
def member(act: str, name: str) -> Member | None:
    """Return one member of an act; None for an unknown name."""
    return next((item for item in members(act) if item.name == name), None)


FRAME: Final = frozenset(
    field.encode_name
    for shape in (act_frame.OpeningAct, act_frame.Continuing, act_frame.Answering)
    for field in inspect.type_info(shape).fields  # type: ignore[attr-defined]
)
"""Members that any act may carry; a form asks for them after the act's own."""


def _members(shape: type, act: str) -> tuple[Member, ...]:
    info = inspect.type_info(shape)
    assert isinstance(info, inspect.StructType)
    return tuple(
        Member(
            field.encode_name,
            _kind(field.encode_name, field.type, act),
            field.required,
            "" if shape.__module__ == fields.__name__ else act,
        )
        for field in info.fields
        if field.encode_name != "signed"
    )


def _kind(name: str, kind: Any, act: str) -> Kind:
    """Return the type of a field by the type of its member.

    Some members are recognized by their names: sides, officers, languages and messages.
    """
    match kind:
        case inspect.Metadata():
            return _kind(name, kind.type, act)
        case inspect.UnionType():
            return _of_union(name, kind, act)
        case inspect.VarTupleType():
            return _of_many(name, kind.item_type, act)
        case inspect.StructType() if kind.cls is fields.Person:
            return PersonField(own_side=name in _OWN_PEOPLE)
        case inspect.StructType():
            return _STRUCTS.get(kind.cls) or GroupField(_members(kind.cls, act))
        case inspect.LiteralType():
            if (act, name) == ("people-status", "kind"):
                return ChoiceField(get_args(PeopleKind))
            is_status = (act, name) == ("status-change", "status")
            return ChoiceField(
                tuple(map(str, kind.values)), context="status" if is_status else "value"
            )
        case inspect.BoolType():
            return FlagField()
        case inspect.IntType():
            if (act, name) == ("alternative", "item"):
                return OtherField()
            if (act, name) == ("recommendation-answer", "q"):
                return HandedField()
            return (
                OfferedField()
                if (act, name) == ("acceptance", "window")
                else NumberField(kind.ge, kind.le)
            )
        case inspect.FloatType():
            return NumberField(kind.ge, kind.le, whole=False)
        case inspect.DictType():
            if isinstance(kind.value_type, inspect.RawType):
                return FieldsField()
            return PairsField(
                sides=getattr(kind.key_type, "pattern", None) is not None,
                numbers=isinstance(kind.value_type, inspect.IntType),
            )
        case inspect.StrType():
            return (
                PartField() if (act, name) == ("alternative", "field") else _of_string(name, kind)
            )
        case _:
            return OtherField()


def _of_string(name: str, kind: inspect.StrType) -> Kind:
    pattern = kind.pattern or ""
    if name == "mechanism":
        return MechanismField()
    if kind.max_length == 160 and not pattern:
        return ReferencesField(many=False)
    if name in ("of", "started_by"):
        return MessageField()
    if name == "under":
        return IssueField()
    if pattern.startswith("^(unknown|[0-9]{4}"):
        return TimeField(unknown=True)
    if "T[0-9]{2}" in pattern:
        return TimeField()
    if kind.max_length == 63 and pattern.startswith("^[a-z0-9]+"):
        return (
            SideField()
            if name in _SIDES
            else OfficerField()
            if name in _OFFICERS
            else LineField(63)
        )
    if pattern.startswith("^[a-z]{2,3}"):
        return LanguageField()
    if (kind.max_length or 0) >= 2_000 and not pattern:
        return TextField(languages=False)
    return LineField(kind.max_length or 500)


def _of_union(name: str, kind: inspect.UnionType, act: str) -> Kind:
    words = [
        str(word)
        for item in kind.types
        if isinstance(item, inspect.LiteralType)
        for word in item.values
    ]
    unknown = "unknown" in words
    types = [item for item in kind.types if not isinstance(item, inspect.LiteralType)]
    structs = [item.cls for item in types if isinstance(item, inspect.StructType)]
    if fields.About in structs:
        return TimeField(
            unknown=any("unknown" in (getattr(item, "pattern", "") or "") for item in types),
            about=True,
        )
    if fields.Place in structs:
        return PlaceField()
    if fields.Hours in structs:
        return HoursField()
    if fields.Provision in structs:
        return GroupField(_members(fields.Provision, act))
    if name == "whose":
        return WhoseField()
    if (act, name) == ("people-status", "of"):
        return SideField(unknown=unknown, other=fields.OTHER in words)
    if any(isinstance(item, inspect.DictType) for item in types):
        return TextField(
            title=any(getattr(item, "max_length", None) in (120, 500) for item in types)
        )
    number_field = _kind(name, types[0], act)
    match number_field:
        case NumberField():
            return NumberField(
                number_field.least, number_field.most, number_field.whole, unknown=unknown
            )
        case QuantityField():
            return QuantityField(number_field.units, unknown=unknown)
        case SideField():
            return SideField(unknown=unknown)
        case SpanField():
            return SpanField(instead=words[0] if words else "")
        case FlagField():
            return FlagField(unknown=unknown)
        case _:
            return number_field


def _of_many(name: str, item: Any, act: str) -> Kind:
    if isinstance(item, inspect.StructType) and item.cls is ReleasedRecord:
        return ReleasedField()
    kind = _kind(name, item, act)
    match kind:
        case ChoiceField():
            return ChoicesField(kind.values)
        case TextField():
            return TextsField()
        case SpanField():
            return SpansField()
        case PlaceField():
            return PlaceField(many=True)
        case SideField():
            return SideField(many=True)
        case OfficerField():
            return OfficerField(many=True)
        case LanguageField():
            return LanguageField(many=True)
        case ReferencesField():
            return ReferencesField()
        case PersonField():
            return PersonField(many=True, own_side=kind.own_side)
        case FilesField():
            return FilesField()
        case GroupField():
            return RowsField(kind)
        case _ if name == "phrases":
            return PhrasesField()
        case _ if name == "holidays":
            return DatesField()
        case _:
            return LinesField()
