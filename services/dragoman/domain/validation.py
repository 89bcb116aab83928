"""Validation errors of msgspec, read as pointers into a body and as sentences about its members.

    Expected `str`, got `int` - at `$.text`    →    /text: Expected `str`, got `int`

msgspec says in one English sentence what does not fit and where. This is the only module that
reads these sentences; a test compares what it expects with the installed version.
"""

import re
from ast import literal_eval
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import msgspec.inspect
from msgspec import Raw, Struct
from msgspec.structs import fields

from dragoman.domain.refusal import Fault, Malformed
from dragoman.limits import FAULTS
from dragoman.sentence import Sentence, sentence, verbatim
from dragoman_schemas.fields import FORMS

_PATH: Final = re.compile(r" - at (?:`key` in )?`\$(.*)`$")
_MEMBER: Final = re.compile(r"Object (missing required|contains unknown) field `(.*)`")
_STEP: Final = re.compile(r"\.([A-Za-z0-9_-]+)|\[([0-9]+)\]|\[\.\.\.\]")


def fault_of(error: msgspec.ValidationError, shape: Any = None) -> Malformed:
    """A validation error as a pointer and a detail, which says what may be given; `shape` is what was read."""
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
    detail = _MISSING if member.group(1) == "missing required" else sentence("there is no such member here; leave it out")
    return Malformed(f"{pointer}/{_step(member.group(2))}", detail)


def _step(name: str) -> str:
    """A name as RFC 6901 has it in a pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def faults_of(error: msgspec.ValidationError, raw: bytes, shape: type[Struct]) -> Malformed:
    """All that a validation of these bytes finds wrong with their members."""
    return with_others(fault_of(error, shape), raw, shape)


def with_others(first: Malformed, raw: bytes, shape: type[Struct]) -> Malformed:
    """A fault of an object, and what is wrong with its other members: first those that are there, in their order, then those that are missing."""
    if not first.fault.pointer:
        return first
    members = {_step(name): (name, value) for name, value in msgspec.json.decode(raw, type=dict[str, Raw]).items()}
    wrong: dict[str, Fault] = {}
    fault: Fault | None = first.fault
    while fault is not None and len(wrong) < FAULTS and (step := fault.pointer.split("/")[1]) in members:
        wrong[step] = fault
        del members[step]
        fault = _fault_in(dict(members.values()), shape)
    needed = [each.encode_name for each in fields(shape) if each.required and each.encode_name not in {*members, *wrong}]
    faults = [*wrong.values(), *(Fault(pointer=f"/{name}", detail=_MISSING) for name in needed)]
    return Malformed(faults[0].pointer, faults[0].detail, faults[1:]) if faults else first


def _fault_in(members: dict[str, Raw], shape: type[Struct]) -> Fault | None:
    try:
        msgspec.json.decode(msgspec.json.encode(members), type=shape)
    except msgspec.ValidationError as error:
        return fault_of(error, shape).fault
    return None


def _in_words(text: str, pointer: str, shape: Any) -> Sentence:
    """What does not fit, in words: how it is written, or among what to choose."""
    written = _WRITTEN.fullmatch(text)
    if written is not None:
        form = FORMS.get(literal_eval(written.group(1)))
        return sentence("write it as %(form)s", form=sentence("the schema has it") if form is None else Sentence(form, {}))
    if text == _EMPTY:
        return sentence("it is empty; give it, or leave it out")
    choice = _CHOICE.fullmatch(text)
    if choice is not None and shape is not None:
        known = sorted({str(value) for value in _choices(msgspec.inspect.type_info(shape), pointer.split("/")[1:])})
        if known:
            return sentence("there is no %(value)s here; choose one of %(choices)s", value=choice.group(1), choices=", ".join(known))
    for pattern, said in _MISFITS:
        misfit = pattern.fullmatch(text)
        if misfit is not None:
            return Sentence(said.message, misfit.groupdict())
    return verbatim(text)


_MISSING: Final = sentence("it is missing; give it")
_WRITTEN: Final = re.compile(r"Expected `str` matching regex (.*)", re.DOTALL)
_CHOICE: Final = re.compile(r"Invalid enum value (.*)", re.DOTALL)
_EMPTY: Final = "Expected `str` of length >= 1"
_MISFITS: Final = (
    (re.compile(r"Invalid enum value (?P<value>.*)", re.DOTALL), sentence("Invalid enum value %(value)s")),
    (re.compile(r"Invalid value (?P<value>.*)", re.DOTALL), sentence("Invalid value %(value)s")),
    (re.compile(r"Expected `(?P<wanted>[^`]*)`"), sentence("Expected `%(wanted)s`")),
    (re.compile(r"Expected `(?P<wanted>[^`]*)`, got `(?P<given>[^`]*)`"), sentence("Expected `%(wanted)s`, got `%(given)s`")),
    (re.compile(r"Expected `(?P<wanted>[^`]*)` (?P<is>[<>]=?) (?P<limit>\S+)"), sentence("Expected `%(wanted)s` %(is)s %(limit)s")),
    (
        re.compile(r"Expected `(?P<wanted>[^`]*)` of length (?P<is>[<>]=) (?P<limit>\d+)"),
        sentence("Expected `%(wanted)s` of length %(is)s %(limit)s"),
    ),
    (re.compile(r"Expected `(?P<wanted>[^`]*)` of length (?P<limit>\d+)"), sentence("Expected `%(wanted)s` of length %(limit)s")),
    (
        re.compile(r"Expected `(?P<wanted>[^`]*)` of length (?P<limit>\d+), got (?P<given>\d+)"),
        sentence("Expected `%(wanted)s` of length %(limit)s, got %(given)s"),
    ),
)
"""What msgspec says of other misfits, and the same as a sentence."""


def _choices(info: msgspec.inspect.Type, path: list[str]) -> Iterator[object]:
    """The values among which is chosen at a path of a type."""
    match info:
        case msgspec.inspect.UnionType(types=types):
            for each in types:
                yield from _choices(each, path)
        case msgspec.inspect.StructType(fields=members) if path:
            for member in members:
                if member.encode_name == path[0]:
                    yield from _choices(member.type, path[1:])
        case msgspec.inspect.VarTupleType(item_type=inner) | msgspec.inspect.DictType(value_type=inner) if path:
            yield from _choices(inner, path[1:])
        case msgspec.inspect.LiteralType(values=values) if not path:
            yield from values
