"""The members of each act, with the kinds that the schema names.

    members("hazardous-incident")    kind, time, place, facts, units, …

No kind is guessed from a member's name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from msgspec import inspect

from dragoman.members.choices import (
    ChoiceKind,
    ChoicesKind,
    FlagKind,
    FormatKind,
    HandedKind,
    OfferedKind,
    PartKind,
    PhrasesKind,
    ReleasedKind,
)
from dragoman.members.groups import GroupKind, OtherKind, PairsKind, RowsKind
from dragoman.members.kind import EMPTY, Kind, Member, Say, TypedForm
from dragoman.members.places import NumberKind, PlaceKind, PointKind, QuantityKind
from dragoman.members.readings import ReadingsKind
from dragoman.members.runs import Runs
from dragoman.members.sides import (
    FilesKind,
    IssueKind,
    MechanismKind,
    MessageKind,
    OfficerKind,
    PersonKind,
    RecordKind,
    ReferencesKind,
    SideKind,
    WhoseKind,
)
from dragoman.members.texts import LanguageKind, LineKind, LinesKind, TextKind, TextsKind
from dragoman.members.times import (
    ClockKind,
    DateKind,
    DatesKind,
    HoursKind,
    SpanKind,
    SpansKind,
    TimeKind,
)
from dragoman_schemas import act_frame, fields
from dragoman_schemas.acts import SHAPES
from dragoman_schemas.acts.dialogue.release import ReleasedRecord


@dataclass(frozen=True)
class FieldsKind(Kind):
    """Members of the opening that the act replaces, under their names."""

    control = "fields"

    def read(self, form: TypedForm, member: Member, name: str) -> Any:
        """Return nothing: a form asks for the members themselves, as a group."""
        return EMPTY

    def _runs(self, value: Any, say: Say) -> Runs:
        if say.opening not in SHAPES:
            return super()._runs(value, say)
        return GroupKind(members(say.opening)).runs(value, say)


_Facts = Mapping[str, Any]
_NO_FACTS: Final[_Facts] = MappingProxyType({})

_NAMED: Final[Mapping[str, Callable[[_Facts], Kind]]] = {
    "clock": lambda _: ClockKind(),
    "date": lambda _: DateKind(),
    "format": lambda _: FormatKind(),
    "handed": lambda _: HandedKind(),
    "issue": lambda _: IssueKind(),
    "language": lambda _: LanguageKind(),
    "mechanism": lambda _: MechanismKind(),
    "message": lambda _: MessageKind(),
    "offered": lambda _: OfferedKind(),
    "officer": lambda _: OfficerKind(),
    "other": lambda _: OtherKind(),
    "part": lambda _: PartKind(),
    "phrase": lambda _: PhrasesKind(),
    "record": lambda _: RecordKind(),
    "reference": lambda _: ReferencesKind(many=False),
    "side": lambda _: SideKind(),
    "text": lambda facts: TextKind(
        facts.get("languages", False), facts.get("title", False), facts.get("code", False)
    ),
    "time": lambda facts: TimeKind(
        unknown=facts.get("unknown", False),
        ahead=facts.get("ahead", False),
        days=facts.get("days", ""),
        begins=facts.get("begins", ""),
    ),
    "whose": lambda _: WhoseKind(),
}
"""Kinds by their names in the schema, each made of the facts beside the name."""

_STRUCTS: Final[Mapping[type, Callable[[_Facts], Kind]]] = {
    ReleasedRecord: lambda _: ReleasedKind(),
    fields.Attachment: lambda _: FilesKind(many=False),
    fields.Hours: lambda _: HoursKind(),
    fields.Length: lambda _: QuantityKind(("m", "km", "nm", "ft")),
    fields.OpenWindow: lambda facts: SpanKind(
        open_ended=True, ahead=facts.get("ahead", False), days=facts.get("days", False)
    ),
    fields.Person: lambda facts: PersonKind(own_side=facts.get("own_side", False)),
    fields.Place: lambda _: PlaceKind(),
    fields.Position: lambda _: PointKind(),
    fields.Speed: lambda _: QuantityKind(("kn", "km/h", "m/s")),
    fields.Window: lambda facts: SpanKind(
        ahead=facts.get("ahead", False), days=facts.get("days", False)
    ),
}
"""Kinds by the struct that a member holds. Any other struct is a group."""


@cache
def members(act: str) -> tuple[Member, ...]:
    """Return the members of an act, in the order of its shape, without `signed`."""
    return _members(SHAPES[act], act)


@cache
def member(act: str, name: str) -> Member | None:
    """Return one member of an act; None for an unknown name."""
    return next((item for item in members(act) if item.name == name), None)


def said(act: str, name: str, value: Any, say: Say) -> Runs:
    """Return a member's value as it is said to a reader.

    A correction is also said by the members of the opening that it replaces. The value
    of an unknown member is said as JSON.
    """
    places = (member(of, name) for of in (act, say.opening) if of in SHAPES)
    in_shape = next((item for item in places if item is not None), None)
    return (in_shape or Member(name, OtherKind())).runs(value, say)


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
            kind_of(field.type, act),
            field.required,
            "" if shape.__module__ == fields.__name__ else act,
        )
        for field in info.fields
        if field.encode_name != "signed"
    )


def kind_of(shape: Any, act: str = "", facts: _Facts = _NO_FACTS) -> Kind:
    """Return the kind of a member by its type and the facts beside the type."""
    match shape:
        case inspect.Metadata():
            return kind_of(shape.type, act, {**(shape.extra or {}), **facts})
        case inspect.VarTupleType():
            return _of_many(shape.item_type, act, facts)
        case inspect.UnionType():
            return _of_union(shape, act, facts)
        case _ if facts.get("kind") in _NAMED:
            return _NAMED[facts["kind"]](facts)
        case inspect.StructType() if shape.cls in _STRUCTS:
            return _STRUCTS[shape.cls](facts)
        case inspect.StructType():
            return GroupKind(_members(shape.cls, act))
        case _:
            return _of_type(shape, facts)


def _of_type(shape: Any, facts: _Facts) -> Kind:
    """Return the kind of a member by its plain type."""
    match shape:
        case inspect.LiteralType():
            values = facts.get("values") or tuple(map(str, shape.values))
            return ChoiceKind(values, facts.get("context", "value"))
        case inspect.BoolType():
            return FlagKind()
        case inspect.IntType() | inspect.FloatType():
            return NumberKind(shape.ge, shape.le, whole=isinstance(shape, inspect.IntType))
        case inspect.DictType(value_type=inspect.RawType()):
            return FieldsKind()
        case inspect.DictType():
            by_side = kind_of(shape.key_type) == SideKind()
            return PairsKind(by_side, isinstance(kind_of(shape.value_type), NumberKind))
        case inspect.StrType():
            return LineKind(shape.max_length or 500)
        case _:
            return OtherKind()


def _of_union(shape: inspect.UnionType, act: str, facts: _Facts) -> Kind:
    """Return the kind of a type that has several forms, or words instead of a value."""
    words = [
        str(word)
        for item in shape.types
        if isinstance(item, inspect.LiteralType)
        for word in item.values
    ]
    types = [item for item in shape.types if not isinstance(item, inspect.LiteralType)]
    structs = [item for item in types if isinstance(item, inspect.StructType)]
    is_about = any(item.cls is fields.About for item in structs)
    structs = [item for item in structs if item.cls is not fields.About]
    if facts.get("kind") in _NAMED:
        kind = _NAMED[facts["kind"]](facts)
    else:
        kind = kind_of(structs[0] if structs else _but_about(types)[0], act, facts)
    instead = [word for word in words if word not in fields.UNNAMED]
    extra = {
        "about": is_about,
        "instead": instead[0] if instead else "",
        "other": fields.OTHER in words,
        "unknown": "unknown" in words,
    }
    any_kind: Any = kind
    return replace(  # type: ignore[no-any-return]
        any_kind,
        **{
            name: value
            for name, value in extra.items()
            if value and name in any_kind.__dataclass_fields__
        },
    )


def _but_about(types: Sequence[Any]) -> list[Any]:
    return [
        item
        for item in types
        if not (isinstance(item, inspect.StructType) and item.cls is fields.About)
    ]


def _of_many(item: Any, act: str, facts: _Facts) -> Kind:
    """Return the kind of several values of a type."""
    if facts.get("kind") == "readings":
        return ReadingsKind()
    kind = kind_of(item, act, facts)
    match kind:
        case ChoiceKind():
            return ChoicesKind(kind.values)
        case TextKind():
            return TextsKind()
        case SpanKind():
            return SpansKind(kind)
        case (
            ClockKind()
            | FilesKind()
            | LanguageKind()
            | OfficerKind()
            | PersonKind()
            | PlaceKind()
            | ReferencesKind()
            | SideKind()
        ):
            return replace(kind, many=True)
        case GroupKind():
            return RowsKind(kind)
        case PhrasesKind() | ReleasedKind():
            return kind
        case DateKind():
            return DatesKind()
        case _:
            return LinesKind()
