"""The texts of the installed msgspec are all read: each becomes a pointer and a sentence of the catalogues."""

from typing import Annotated, Any, Final, Literal

import msgspec
import pytest
from msgspec import Meta, Struct

from dragoman.domain.validation import fault_of
from dragoman_schemas.fields import FORMS

KNOWN: Final = next(iter(FORMS))
"""A pattern that is described in words."""


class Inner(Struct, forbid_unknown_fields=True):
    a: int
    b: Literal["x", "y"] = "x"


class Outer(Struct, forbid_unknown_fields=True, kw_only=True):
    inner: Inner
    each: tuple[Inner, ...] = ()
    named: dict[Annotated[str, Meta(max_length=3)], Inner] = {}
    short: Annotated[str, Meta(max_length=2)] = ""
    some: Annotated[str, Meta(min_length=1)] = "x"
    form: Annotated[str, Meta(pattern=KNOWN)] = ""
    other: Annotated[str, Meta(pattern="^z$")] = ""
    number: Annotated[int, Meta(ge=1, le=6)] = 1
    share: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    pair: tuple[int, int] = (1, 2)
    few: Annotated[tuple[int, ...], Meta(min_length=1, max_length=2)] = (1,)
    word: Literal["a", "b"] | int = "a"


GOOD: Final = {"inner": {"a": 1}}


@pytest.mark.parametrize(
    ("change", "pointer", "message", "values"),
    [
        ({"inner": {}}, "/inner/a", "it is missing; give it", {}),
        ({"inner": {"a": 1, "c": 2}}, "/inner/c", "there is no such member here; leave it out", {}),
        ({"c/d~": 1}, "/c~1d~0", "there is no such member here; leave it out", {}),
        ({"inner": 3}, "/inner", "Expected `%(wanted)s`, got `%(given)s`", {"wanted": "object", "given": "int"}),
        ({"each": [{"a": 1}, {"a": "x"}]}, "/each/1/a", "Expected `%(wanted)s`, got `%(given)s`", {"wanted": "int", "given": "str"}),
        ({"named": {"k": {"a": "x"}}}, "/named/*/a", "Expected `%(wanted)s`, got `%(given)s`", {"wanted": "int", "given": "str"}),
        ({"named": {"long": {"a": 1}}}, "/named", "Expected `%(wanted)s` of length %(is)s %(limit)s", {"limit": "3"}),
        ({"short": "long"}, "/short", "Expected `%(wanted)s` of length %(is)s %(limit)s", {"wanted": "str", "is": "<=", "limit": "2"}),
        ({"some": ""}, "/some", "it is empty; give it, or leave it out", {}),
        ({"form": "\x00"}, "/form", "write it as %(form)s", {}),
        ({"other": "a"}, "/other", "write it as %(form)s", {}),
        ({"number": 9}, "/number", "Expected `%(wanted)s` %(is)s %(limit)s", {"wanted": "int", "is": "<=", "limit": "6"}),
        ({"share": 0}, "/share", "Expected `%(wanted)s` %(is)s %(limit)s", {"wanted": "float", "is": ">", "limit": "0.0"}),
        ({"pair": [1]}, "/pair", "Expected `%(wanted)s` of length %(limit)s", {"limit": "2"}),
        ({"few": []}, "/few", "Expected `%(wanted)s` of length %(is)s %(limit)s", {"wanted": "array", "is": ">=", "limit": "1"}),
        ({"word": "c"}, "/word", "there is no %(value)s here; choose one of %(choices)s", {"value": "'c'", "choices": "a, b"}),
        ({"inner": {"a": 1, "b": "z"}}, "/inner/b", "there is no %(value)s here; choose one of %(choices)s", {"choices": "x, y"}),
    ],
)
def test_a_text_of_msgspec_is_read(change: dict[str, Any], pointer: str, message: str, values: dict[str, str]) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(msgspec.json.encode({**GOOD, **change}), type=Outer)
    fault = fault_of(caught.value, Outer).fault
    assert (fault.pointer, fault.detail.message) == (pointer, message)
    assert values.items() <= fault.detail.values.items()
