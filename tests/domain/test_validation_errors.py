"""The texts of the installed msgspec are all read: each becomes a pointer and a sentence of the
catalogues.
"""

import time
from random import Random
from typing import Annotated, Any, Final, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta, Struct

from dragoman.domain.record.codec import read_act
from dragoman.domain.record.errors import Malformed
from dragoman.domain.record.validation_errors import fault_of, faults_of
from dragoman.limits import ACT_BYTES, FAULTS
from dragoman_schemas.acts import SHAPES
from dragoman_schemas.fields import FORMS
from misfits import spoilt
from samples import SAMPLES

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
    word: Literal["", "a", "b"] | int = "a"


GOOD: Final = {"inner": {"a": 1}}


@pytest.mark.parametrize(
    ("change", "pointer", "message", "values"),
    [
        ({"inner": {}}, "/inner/a", "it is missing; give it", {}),
        ({"inner": {"a": 1, "c": 2}}, "/inner/c", "there is no such member here; leave it out", {}),
        ({"c/d~": 1}, "/c~1d~0", "there is no such member here; leave it out", {}),
        (
            {"inner": 3},
            "/inner",
            "Expected `%(wanted)s`, got `%(given)s`",
            {"wanted": "object", "given": "int"},
        ),
        (
            {"each": [{"a": 1}, {"a": "x"}]},
            "/each/1/a",
            "Expected `%(wanted)s`, got `%(given)s`",
            {"wanted": "int", "given": "str"},
        ),
        (
            {"named": {"k": {"a": "x"}}},
            "/named/*/a",
            "Expected `%(wanted)s`, got `%(given)s`",
            {"wanted": "int", "given": "str"},
        ),
        (
            {"named": {"long": {"a": 1}}},
            "/named",
            "Expected `%(wanted)s` of length %(is)s %(limit)s",
            {"limit": "3"},
        ),
        (
            {"short": "long"},
            "/short",
            "Expected `%(wanted)s` of length %(is)s %(limit)s",
            {"wanted": "str", "is": "<=", "limit": "2"},
        ),
        ({"some": ""}, "/some", "it is empty; give it, or leave it out", {}),
        ({"form": "\x00"}, "/form", "write it as %(form)s", {}),
        ({"other": "a"}, "/other", "write it as %(form)s", {}),
        (
            {"number": 9},
            "/number",
            "Expected `%(wanted)s` %(is)s %(limit)s",
            {"wanted": "int", "is": "<=", "limit": "6"},
        ),
        (
            {"share": 0},
            "/share",
            "Expected `%(wanted)s` %(is)s %(limit)s",
            {"wanted": "float", "is": ">", "limit": "0.0"},
        ),
        ({"pair": [1]}, "/pair", "Expected `%(wanted)s` of length %(limit)s", {"limit": "2"}),
        (
            {"few": []},
            "/few",
            "Expected `%(wanted)s` of length %(is)s %(limit)s",
            {"wanted": "array", "is": ">=", "limit": "1"},
        ),
        (
            {"word": "c"},
            "/word",
            "there is no %(value)s here; choose one of %(choices)s",
            {"value": "'c'", "choices": "a, b"},
        ),
        (
            {"inner": {"a": 1, "b": "z"}},
            "/inner/b",
            "there is no %(value)s here; choose one of %(choices)s",
            {"choices": "x, y"},
        ),
    ],
)
def test_a_text_of_msgspec_is_read(
    change: dict[str, Any], pointer: str, message: str, values: dict[str, str]
) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(msgspec.json.encode({**GOOD, **change}), type=Outer)
    fault = fault_of(caught.value, Outer).fault
    assert (fault.pointer, fault.detail.message) == (pointer, message)
    assert values.items() <= fault.detail.values.items()


def pointers_of(raw: bytes, shape: type[Struct] = Outer) -> list[str]:
    """The places of all faults of a body."""
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(raw, type=shape)
    return [each.pointer for each in faults_of(caught.value, raw, shape).faults]


@pytest.mark.parametrize("name", SAMPLES)
@given(random=st.randoms(use_true_random=False), share=st.sampled_from((0.05, 0.2, 0.5)))
@settings(max_examples=5, deadline=None)
def test_every_fault_of_an_act_is_told_once_in_the_order_of_the_document(
    name: str, random: Random, share: float
) -> None:
    body, pointers = spoilt(SHAPES[name], SAMPLES[name], random, share)
    if not pointers:
        read_act(msgspec.json.encode(body), cut=False)
        return
    with pytest.raises(Malformed) as caught:
        read_act(msgspec.json.encode(body), cut=False)
    told = [each.pointer for each in caught.value.faults]
    own = sum(
        pointer.count("/") == 1 and pointer[1:] not in body for pointer in pointers
    )  # members that the act itself lacks
    given = pointers[: len(pointers) - own]
    assert told == [*given[:FAULTS], *pointers[len(given) :]]


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"inner": {"c": 1, "b": "z", "d": 2}}, ["/inner/c", "/inner/b", "/inner/d", "/inner/a"]),
        (
            {"each": [{"b": "z"}, 3, {"a": 1}, {"a": "x", "c": 1}]},
            ["/each/0/b", "/each/0/a", "/each/1", "/each/3/a", "/each/3/c", "/inner"],
        ),
        (
            {"inner": {"a": 1}, "named": {"long": {"b": 3}, "k": {}}},
            ["/named/long", "/named/long/b", "/named/long/a", "/named/k/a"],
        ),
        ({"inner": {"a": 1}, "named": {"long": 3}}, ["/named/long"]),
        ({"inner": {"a": 1}, "few": [1, "x", "y"]}, ["/few", "/few/1", "/few/2"]),
        ({"inner": {"a": 1}, "pair": [1, "x"], "word": []}, ["/pair/1", "/word"]),
    ],
)
def test_faults_within_members_are_all_told(body: dict[str, Any], pointers: list[str]) -> None:
    assert pointers_of(msgspec.json.encode(body)) == pointers


def test_of_objects_with_a_tag_the_one_that_is_meant_is_read() -> None:
    class One(Struct, forbid_unknown_fields=True, tag_field="kind", tag="one"):
        a: int

    class Two(Struct, forbid_unknown_fields=True, tag_field="kind", tag="two"):
        b: int
        c: int

    class Holder(Struct):
        of: tuple[One | Two | int, ...]

    body = {
        "of": [
            {"kind": "two", "a": 1},
            {"kind": "one", "a": "x"},
            {"kind": "three"},
            {"a": 1},
            5,
            "x",
        ]
    }
    found = pointers_of(msgspec.json.encode(body), Holder)
    assert found == [
        "/of/0/a",
        "/of/0/b",
        "/of/0/c",
        "/of/1/a",
        "/of/2/kind",
        "/of/3/kind",
        "/of/5",
    ]


@pytest.mark.parametrize(
    "end",
    ["", ",", ',"some":', ',"some":"x', ',"number":1' + "0" * 400 + "}", ',"some":"\\ud800"}'],
)
def test_a_fault_before_bytes_that_are_no_json_is_told(end: str) -> None:
    pointers = pointers_of(b'{"inner":5' + end.encode())
    assert pointers[0] == "/inner"


HOSTILE: Final = {
    "many bad items": b'{"act":"hazardous-incident","to":[' + b",".join([b"1"] * 100_000) + b"]}",
    "one bad item at the end": b'{"act":"hazardous-incident","to":[' + b'"x",' * 50_000 + b"1]}",
    "one bad item at the start": b'{"act":"hazardous-incident","to":[1' + b',"x"' * 50_000 + b"]}",
    "many strange members": b'{"act":"hazardous-incident",'
    + b",".join(b'"m%d":1' % n for n in range(20_000))
    + b"}",
    "many languages": b'{"act":"contact-note","form":"letter","text":{'
    + b",".join(b'"x%d":1' % n for n in range(20_000))
    + b"}}",
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_what_is_wrong_with_a_large_body_is_found_in_bounded_time(raw: bytes) -> None:
    assert len(raw) <= ACT_BYTES
    begun = time.process_time()
    with pytest.raises(Malformed) as caught:
        read_act(raw, cut=True)
    spent = time.process_time() - begun
    assert len(caught.value.faults) <= FAULTS + 4
    assert spent < 2.0
