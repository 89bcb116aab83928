"""Bodies that do not fit: a sample spoilt in every place in which its shape can be, each with a
pointer to where.

A field missing or unknown, of another type, out of its range, of no such unit or word, empty, too
long, or not written so.
"""

from collections.abc import Iterator
from random import Random
from typing import Any

from msgspec import inspect

NO_TYPE = [[7]]
_LONGEST = 3_000
"""Longer limits are those of whole texts, which have tests of their own."""


def bare(info: inspect.Type) -> inspect.Type:
    """Return a type without the kind that the schema names for it."""
    return info.type if isinstance(info, inspect.Metadata) else info


def misfits(shape: type, sample: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Spoilt versions of a sample, and the place that is spoilt."""
    info = inspect.type_info(shape)
    assert isinstance(info, inspect.StructType)
    yield from ((body, pointer) for body, pointer in _struct(info, sample, "") if pointer != "/act")


def _struct(info: inspect.StructType, value: dict[str, Any], at: str) -> Iterator[tuple[Any, str]]:
    yield {**value, "no_such_member": 1}, f"{at}/no_such_member"
    for field in info.fields:
        name, where = field.encode_name, f"{at}/{field.encode_name}"
        if field.required:
            yield {key: each for key, each in value.items() if key != name}, where
        yield {**value, name: NO_TYPE}, where
        if name in value:
            yield from (
                ({**value, name: spoilt}, pointer)
                for spoilt, pointer in _any(field.type, value[name], where)
            )


def _any(info: inspect.Type, value: Any, at: str) -> Iterator[tuple[Any, str]]:
    match bare(info):
        case inspect.UnionType(types=types):
            takes_words = any(
                isinstance(each, inspect.StrType) and each.pattern is None
                for each in map(bare, types)
            )
            for each in types:
                if _fits(each, value):
                    found = _any(each, value, at)
                    yield from (
                        pair for pair in found if not (takes_words and isinstance(pair[0], str))
                    )
        case inspect.StructType() as struct if isinstance(value, dict):
            yield from _struct(struct, value, at)
        case inspect.VarTupleType(item_type=item, min_length=least, max_length=most):
            if least:
                yield [], at
            if most is not None and most <= _LONGEST:
                yield [value[0] if value else "x"] * (most + 1), at
            if value:
                yield from (
                    ([spoilt, *value[1:]], f"{at}/0{pointer}")
                    for spoilt, pointer in _any(item, value[0], "")
                )
        case inspect.DictType(min_length=least):
            if least:
                yield {}, at
        case _:
            yield from ((spoilt, at) for spoilt in _scalar(info))


def _scalar(info: inspect.Type) -> Iterator[Any]:
    match bare(info):
        case inspect.LiteralType():
            yield "no_such_word"
        case inspect.IntType(ge=least, le=most) | inspect.FloatType(ge=least, le=most):
            yield from (
                bound + step for bound, step in ((least, -1), (most, 1)) if bound is not None
            )
            if isinstance(info, inspect.FloatType) and info.gt is not None:
                yield info.gt
        case inspect.StrType(min_length=least, max_length=most, pattern=pattern):
            if least:
                yield ""
            if pattern is not None:
                yield "Not written so?"
            if most is not None and most <= _LONGEST:
                yield "x" * (most + 1)


def _fits(info: inspect.Type, value: Any) -> bool:
    """Return whether a value is of one of the types of a union."""
    match bare(info):
        case inspect.StructType(fields=fields):
            return isinstance(value, dict) and value.keys() <= {
                field.encode_name for field in fields
            }
        case inspect.LiteralType(values=values):
            return value in values
        case inspect.StrType():
            return isinstance(value, str)
        case inspect.IntType() | inspect.FloatType():
            return isinstance(value, int | float) and not isinstance(value, bool)
        case inspect.VarTupleType():
            return isinstance(value, list)
        case _:
            return False


def spoilt(
    shape: type, sample: dict[str, Any], random: Random, share: float
) -> tuple[dict[str, Any], list[str]]:
    """Return a sample with faults at random places at any depth, and the pointers to all of them in
    the order of the document.

    `share` is how many of the places are spoilt. Places that lie under a spoilt one do not exist
    any more.
    """
    info = inspect.type_info(shape)
    assert isinstance(info, inspect.StructType)
    pointers: list[str] = []
    return _spoilt_struct(info, sample, "", random, share, pointers), pointers


def _spoilt_struct(
    info: inspect.StructType,
    value: dict[str, Any],
    at: str,
    random: Random,
    share: float,
    pointers: list[str],
) -> dict[str, Any]:
    fields = {field.encode_name: field for field in info.fields}
    missing = [
        name
        for name, field in fields.items()
        if field.required and name in value and random.random() < share
    ]
    body: dict[str, Any] = {}
    for name in sorted(value, key=lambda _: random.random()):
        if random.random() < share:
            strange = f"no_such_{len(body)}"
            body[strange] = random.choice((1, "x", {"a": {}}, [[]]))
            pointers.append(f"{at}/{strange}")
        if name in fields and name not in missing:
            body[name] = _spoilt(
                fields[name].type, value[name], f"{at}/{name}", random, share, pointers
            )
        elif name not in fields:  # the tag
            body[name] = value[name]
    pointers += [f"{at}/{name}" for name in missing]
    return body


def _spoilt(
    info: inspect.Type, value: Any, at: str, random: Random, share: float, pointers: list[str]
) -> Any:
    types = info.types if isinstance(info, inspect.UnionType) else (info,)
    if any(isinstance(each, inspect.AnyType | inspect.RawType) for each in types):
        return value  # which nothing misfits
    if random.random() < share:
        pointers.append(at)
        return 7 if any(isinstance(each, inspect.BoolType) for each in types) else True
    for each in types:
        match each:
            case inspect.StructType() if _fits(each, value):
                return _spoilt_struct(each, value, at, random, share, pointers)
            case inspect.VarTupleType(item_type=item) if isinstance(value, list):
                return [
                    _spoilt(item, inner, f"{at}/{n}", random, share, pointers)
                    for n, inner in enumerate(value)
                ]
            case inspect.DictType(value_type=item) if isinstance(value, dict):
                return {
                    name: _spoilt(item, inner, f"{at}/{name}", random, share, pointers)
                    for name, inner in value.items()
                }
    return value
