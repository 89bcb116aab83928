"""Bodies that do not fit: a sample spoilt in every place in which its shape can be, each with a pointer to where.

A field missing or unknown, of another type, out of its range, of no such unit or word, empty, too long, or not written so.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import inspect

NO_TYPE = [[7]]
_LONGEST = 3_000
"""Longer limits are those of whole texts, which have tests of their own."""


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
            yield from (({**value, name: spoilt}, pointer) for spoilt, pointer in _any(field.type, value[name], where))


def _any(info: inspect.Type, value: Any, at: str) -> Iterator[tuple[Any, str]]:
    match info:
        case inspect.UnionType(types=types):
            takes_words = any(isinstance(each, inspect.StrType) and each.pattern is None for each in types)
            for each in types:
                if _fits(each, value):
                    found = _any(each, value, at)
                    yield from (pair for pair in found if not (takes_words and isinstance(pair[0], str)))
        case inspect.StructType() if isinstance(value, dict):
            yield from _struct(info, value, at)
        case inspect.VarTupleType(item_type=item, min_length=least, max_length=most):
            if least:
                yield [], at
            if most is not None and most <= _LONGEST:
                yield [value[0] if value else "x"] * (most + 1), at
            if value:
                yield from (([spoilt, *value[1:]], f"{at}/0{pointer}") for spoilt, pointer in _any(item, value[0], ""))
        case inspect.DictType(min_length=least):
            if least:
                yield {}, at
        case _:
            yield from ((spoilt, at) for spoilt in _scalar(info))


def _scalar(info: inspect.Type) -> Iterator[Any]:
    match info:
        case inspect.LiteralType():
            yield "no_such_word"
        case inspect.IntType(ge=least, le=most) | inspect.FloatType(ge=least, le=most):
            yield from (bound + step for bound, step in ((least, -1), (most, 1)) if bound is not None)
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
    """Whether a value is of one of the types of a union."""
    match info:
        case inspect.StructType(fields=fields):
            return isinstance(value, dict) and value.keys() <= {field.encode_name for field in fields}
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
