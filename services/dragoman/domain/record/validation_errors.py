"""Validation errors of msgspec, read as pointers into a body and as sentences.

    Expected `str`, got `int` - at `$.text`    →    /text: Expected `str`, got `int`

msgspec says in one English sentence which value does not fit, and where. This is the
only module that reads these sentences. A test compares them with the installed version.
"""

import re
from ast import literal_eval
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import islice
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import msgspec
import msgspec.inspect
from msgspec import Meta, Raw, Struct, UnsetType
from msgspec.structs import fields

from dragoman.domain.record.errors import FieldFault, Malformed
from dragoman.limits import FAULTS
from dragoman.text import Text, sentence, verbatim
from dragoman_schemas.fields import FORMS

_PATH: Final = re.compile(r" - at (?:`key` in )?`\$(.*)`$")
_MEMBER: Final = re.compile(r"Object (missing required|contains unknown) field `(.*)`")
_STEP: Final = re.compile(r"\.([A-Za-z0-9_-]+)|\[([0-9]+)\]|\[\.\.\.\]")


def fault_of(error: msgspec.ValidationError, shape: Any = None) -> Malformed:
    """Return a validation error as a pointer and a detail, which names valid values.

    `shape` is the type that was read.
    """
    text = str(error)
    path = _PATH.search(text)
    pointer = ""
    if path is not None:
        text = text[: path.start()]
        for key, index in _STEP.findall(path.group(1)):
            pointer += f"/{_step(key or index or '*')}"
    member = _MEMBER.match(text)
    if member is None:
        return Malformed(pointer, _in_words(text, pointer, shape))
    detail = _MISSING if member.group(1) == "missing required" else _UNKNOWN
    return Malformed(f"{pointer}/{_step(member.group(2))}", detail)


def _step(name: str) -> str:
    """Return a name as RFC 6901 writes it in a pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def faults_of(error: msgspec.ValidationError, raw: bytes, shape: type[Struct]) -> Malformed:
    """Return all faults that a validation of these bytes finds in their members."""
    return with_others(fault_of(error, shape), raw, shape)


def with_others(first: Malformed, raw: bytes, shape: type[Struct]) -> Malformed:
    """Return the fault of an object together with all others, each once.

    The faults are in the order of the document. Those of each object begin with its
    present members in their order; its missing members follow. At most `FAULTS` faults
    are of present members, at whatever depth. The missing members of the body itself
    always follow, since a shape has few members.
    """
    if not first.fault.pointer:
        return first
    try:
        members = _members(raw)
        wrong = list(islice(_faults_of_members(members, shape, ""), FAULTS))
    except _UNREADABLE:  # The bytes after the first fault are not JSON.
        return first
    faults = [*wrong, *_missing(members, shape, "")]
    return Malformed(faults[0].pointer, faults[0].detail, faults[1:]) if faults else first


_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError)
_members: Final = msgspec.json.Decoder(dict[str, Raw]).decode
_items: Final = msgspec.json.Decoder(list[Raw]).decode


def _faults_within(raw: Raw, type: Any, at: str) -> Iterator[FieldFault]:
    """Yield every fault of a value.

    Only a value that does not decode is taken apart.
    """
    try:
        _decoder(type)(raw)
    except msgspec.ValidationError as error:
        whole = fault_of(error, type).fault
    except _UNREADABLE as error:
        yield FieldFault(
            pointer=at, detail=sentence("%(error)s; send valid JSON", error=str(error))
        )
        return
    else:
        return
    parts = iter(_faults_of_parts(raw, type, at))
    fault = next(parts, None)
    yield fault or FieldFault(pointer=at + whole.pointer, detail=whole.detail)
    yield from parts


def _faults_of_parts(raw: Raw, type: Any, at: str) -> Iterator[FieldFault]:
    """Yield the faults of the members or items of a value.

    There are none if the value is neither an object nor an array.
    """
    base, limits = _chosen(type, raw)
    origin = get_origin(base)
    if isinstance(base, _Class) and issubclass(base, Struct):
        members = _members(raw)
        yield from _faults_of_members(members, base, at)
        yield from _missing(members, base, at)
    elif origin is tuple:
        yield from _fault_of_whole(raw, tuple[Raw, ...], limits, at)
        item_type, _ = get_args(base)
        for index, item in _suspect_items(_items(raw), item_type):
            yield from _faults_within(item, item_type, f"{at}/{index}")
    elif origin is dict:
        yield from _fault_of_whole(raw, dict[str, Raw], limits, at)
        key_type, value_type = get_args(base)
        for name, value in _members(raw).items():
            where = f"{at}/{_step(name)}"
            key = next(_faults_within(Raw(msgspec.json.encode(name)), key_type, where), None)
            if key is not None:  # A pointer cannot tell a name from the value under it.
                yield key
            yield from (
                field_fault
                for field_fault in _faults_within(value, value_type, where)
                if key is None or field_fault.pointer != where
            )


def _suspect_items(items: list[Raw], type: Any) -> Iterator[tuple[int, Raw]]:
    """Yield the items of an array with their indexes, except long runs that all fit.

    Decoding each item alone would take long.
    """
    for start in range(0, len(items), _RUN):
        run = items[start : start + _RUN]
        if (
            next(_fault_of_whole(Raw(msgspec.json.encode(run)), tuple[type, ...], (), ""), None)
            is not None
        ):
            yield from enumerate(run, start)


_RUN: Final = 256
"""The number of items of an array that are decoded together."""


def _faults_of_members(
    members: Mapping[str, Raw], shape: type[Struct], at: str
) -> Iterator[FieldFault]:
    """Yield the faults of the members that an object has, in their order."""
    config, types = shape.__struct_config__, _types(shape)
    for name, value in members.items():
        where = f"{at}/{_step(name)}"
        if config.tag is not None and name == config.tag_field:
            yield from _faults_within(value, Literal[config.tag], where)
        elif name in types:
            yield from _faults_within(value, types[name], where)
        elif config.forbid_unknown_fields:
            yield FieldFault(pointer=where, detail=_UNKNOWN)


def _missing(members: Mapping[str, Raw], shape: type[Struct], at: str) -> Iterator[FieldFault]:
    """Yield a fault for each member that an object must have but does not have.

    The order is that of the shape.
    """
    for field in fields(shape):
        if field.required and field.encode_name not in members:
            yield FieldFault(pointer=f"{at}/{_step(field.encode_name)}", detail=_MISSING)


def _fault_of_whole(raw: Raw, type: Any, limits: tuple[Any, ...], at: str) -> Iterator[FieldFault]:
    """Yield the fault of a value as a whole.

    For example, an array may have too many items.
    """
    try:
        _decoder(Annotated[type, *limits] if limits else type)(raw)
    except msgspec.ValidationError as error:
        yield FieldFault(pointer=at, detail=fault_of(error).fault.detail)


_Class: Final = type
"""The class of classes, for functions in which an argument is called `type`."""


@cache
def _decoder(type: Any) -> Callable[[Raw], Any]:
    return msgspec.json.Decoder(type).decode


@cache
def _types(shape: type[Struct]) -> dict[str, Any]:
    """Return the types of a shape's members, by the names on the wire."""
    return {field.encode_name: _without_unset(field.type) for field in fields(shape)}


def _without_unset(type: Any) -> Any:
    """Return the type of a member that is present."""
    if get_origin(type) not in _UNIONS:
        return type
    return Union[  # noqa: UP007
        tuple(argument for argument in get_args(type) if argument is not UnsetType)
    ]  # The members of the union are known only at run time.


_UNIONS: Final = (Union, UnionType)


@cache
def _alternatives(
    type: Any, limits: tuple[Any, ...] = ()
) -> tuple[tuple[Any, tuple[Any, ...]], ...]:
    """Return the types that a value may have, each with its limits."""
    origin = get_origin(type)
    if origin is Annotated:
        base, *metas = get_args(type)
        return _alternatives(base, (*limits, *(meta for meta in metas if isinstance(meta, Meta))))
    if origin in _UNIONS:
        return tuple(
            pair for argument in get_args(type) for pair in _alternatives(argument, limits)
        )
    return ((type, limits),)


def _chosen(type: Any, raw: Raw) -> tuple[Any, tuple[Any, ...]]:
    """Return the type that the author of a value must have meant.

    It is chosen by the kind of the value in JSON, and among tagged objects by the tag.
    """
    kind = bytes(memoryview(raw)[:1])
    fitting = [pair for pair in _alternatives(type) if _kind(pair[0]) == kind]
    if len(fitting) > 1 and kind == b"{":
        members = _members(raw)
        fitting = [pair for pair in fitting if _tagged(pair[0], members)]
    return fitting[0] if len(fitting) == 1 else (None, ())


def _kind(base: Any) -> bytes:
    """Return the first byte of a type's values in JSON.

    It is empty if the values have no parts.
    """
    if get_origin(base) is dict or (isinstance(base, _Class) and issubclass(base, Struct)):
        return b"{"
    return b"[" if get_origin(base) is tuple and get_args(base)[1:] == (...,) else b""


def _tagged(base: Any, members: Mapping[str, Raw]) -> bool:
    """Return whether an object's tag is that of a shape."""
    config = getattr(base, "__struct_config__", None)
    if config is None or config.tag is None or config.tag_field not in members:
        return False
    return bytes(members[config.tag_field]) == msgspec.json.encode(config.tag)


def _in_words(text: str, pointer: str, shape: Any) -> Text:
    """Return a fault in words: the required form, or the values to choose from."""
    written = _WRITTEN.fullmatch(text)
    if written is not None:
        form = FORMS.get(literal_eval(written.group(1)))
        return sentence(
            "write it as %(form)s",
            form=sentence("the schema has it") if form is None else Text(form, {}),
        )
    if text == _EMPTY:
        return sentence("it is empty; give it, or leave it out")
    choice = _CHOICE.fullmatch(text)
    if choice is not None and shape is not None:
        names = sorted(
            {
                str(value)
                for value in _choices(msgspec.inspect.type_info(shape), pointer.split("/")[1:])
            }
            - {""}  # an empty value is left out, and nobody types it
        )
        if names:
            return sentence(
                "there is no %(value)s here; choose one of %(choices)s",
                value=choice.group(1),
                choices=", ".join(names),
            )
    for pattern, template in _MISFITS:
        misfit = pattern.fullmatch(text)
        if misfit is not None:
            return Text(template.message, misfit.groupdict())
    return verbatim(text)


_MISSING: Final = sentence("it is missing; give it")
_UNKNOWN: Final = sentence("there is no such member here; leave it out")
_WRITTEN: Final = re.compile(r"Expected `str` matching regex (.*)", re.DOTALL)
_CHOICE: Final = re.compile(r"Invalid enum value (.*)", re.DOTALL)
_EMPTY: Final = "Expected `str` of length >= 1"
_MISFITS: Final = (
    (
        re.compile(r"Invalid enum value (?P<value>.*)", re.DOTALL),
        sentence("Invalid enum value %(value)s"),
    ),
    (re.compile(r"Invalid value (?P<value>.*)", re.DOTALL), sentence("Invalid value %(value)s")),
    (re.compile(r"Expected `(?P<wanted>[^`]*)`"), sentence("Expected `%(wanted)s`")),
    (
        re.compile(r"Expected `(?P<wanted>[^`]*)`, got `(?P<given>[^`]*)`"),
        sentence("Expected `%(wanted)s`, got `%(given)s`"),
    ),
    (
        re.compile(r"Expected `(?P<wanted>[^`]*)` (?P<is>[<>]=?) (?P<limit>\S+)"),
        sentence("Expected `%(wanted)s` %(is)s %(limit)s"),
    ),
    (
        re.compile(r"Expected `(?P<wanted>[^`]*)` of length (?P<is>[<>]=) (?P<limit>\d+)"),
        sentence("Expected `%(wanted)s` of length %(is)s %(limit)s"),
    ),
    (
        re.compile(r"Expected `(?P<wanted>[^`]*)` of length (?P<limit>\d+)"),
        sentence("Expected `%(wanted)s` of length %(limit)s"),
    ),
    (
        re.compile(r"Expected `(?P<wanted>[^`]*)` of length (?P<limit>\d+), got (?P<given>\d+)"),
        sentence("Expected `%(wanted)s` of length %(limit)s, got %(given)s"),
    ),
)
"""The other misfits: the text of msgspec, and the same as a sentence."""


def _choices(info: msgspec.inspect.Type, path: list[str]) -> Iterator[object]:
    """Yield the values that are allowed at a path of a type."""
    match info:
        case msgspec.inspect.Metadata():
            yield from _choices(info.type, path)
        case msgspec.inspect.UnionType(types=types):
            for item in types:
                yield from _choices(item, path)
        case msgspec.inspect.StructType(fields=members) if path:
            for member in members:
                if member.encode_name == path[0]:
                    yield from _choices(member.type, path[1:])
        case (
            msgspec.inspect.VarTupleType(item_type=inner)
            | msgspec.inspect.DictType(value_type=inner)
        ) if path:
            yield from _choices(inner, path[1:])
        case msgspec.inspect.LiteralType(values=values) if not path:
            yield from values
