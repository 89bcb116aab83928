"""The whole catalogue: a sample of every act is read, and whatever does not fit it is pointed at."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.record.codec import read_act
from dragoman.domain.record.errors import Malformed
from dragoman_schemas.acts import SHAPES
from samples import SAMPLES

BEGUN_BY_THE_DESK = {"channel-opening"}


def compact(act: Any) -> bytes:
    return json.dumps(act, separators=(",", ":"), ensure_ascii=False).encode()


def test_every_act_has_a_shape_a_rule_and_a_sample() -> None:
    assert SHAPES.keys() == RULES.keys()
    assert SHAPES.keys() - BEGUN_BY_THE_DESK == SAMPLES.keys()


def test_every_act_of_an_exchange_is_allowed_somewhere() -> None:
    somewhere = {act for form in FORMATS.values() for act in form.moves}
    assert {act for act, rule in RULES.items() if rule.family is None} == somewhere


@pytest.mark.parametrize("name", FORMATS)
def test_every_status_that_a_move_leads_to_is_one_in_which_something_is_allowed(name: str) -> None:
    form = FORMATS[name]
    left = {before for moves in form.moves.values() for before in moves} | form.changes.keys()
    reached = {after for moves in form.moves.values() for after in moves.values()} | {
        s for some in form.changes.values() for s in some
    }
    assert reached - {"withdrawn"} <= left | {"withdrawn"}
    assert form.start in left


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_read_as_it_is_written(name: str) -> None:
    raw = compact(SAMPLES[name])
    act, data = read_act(raw, cut=False)
    assert (raw, name) == (act, str(data.__struct_config__.tag))


def schema_of(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    (schema,), components = msgspec.json.schema_components([SHAPES[name]], ref_template="{name}")
    return components[schema["$ref"]], components


def required(name: str) -> list[str]:
    return [member for member in schema_of(name)[0].get("required", []) if member != "act"]


@pytest.mark.parametrize(
    ("name", "member"), [(name, member) for name in SAMPLES for member in required(name)]
)
def test_each_field_that_must_be_there_is_missed_by_name(name: str, member: str) -> None:
    body = {key: value for key, value in SAMPLES[name].items() if key != member}
    with pytest.raises(Malformed) as caught:
        read_act(compact(body), cut=False)
    assert (f"/{member}", "it is missing; give it") == (
        caught.value.fault.pointer,
        str(caught.value.fault.detail),
    )


def misfits(schema: dict[str, Any], components: dict[str, Any]) -> Iterator[Any]:
    """Values that do not fit a schema: of another type, out of range, beyond the length, of no such
    unit or word.
    """
    schema = components.get(schema.get("$ref", ""), schema)
    branches = [
        components.get(each.get("$ref", ""), each) for each in schema.get("anyOf", [schema])
    ]
    types = {branch.get("type") for branch in branches} | {
        "string" for branch in branches if "enum" in branch
    }
    if "string" not in types:
        yield "no such thing"
    if not types & {"number", "integer"}:
        yield 7
    if "boolean" not in types:
        yield True
    if "array" not in types:
        yield ["no list"]
    if "object" not in types:
        yield {"no": "object"}
    if types == {"string"} and all("enum" in branch for branch in branches):
        yield "no_such_word"
    for branch in branches:
        if "minimum" in branch:
            yield branch["minimum"] - 1
        if "maximum" in branch:
            yield branch["maximum"] + 1
        if branch.get("type") == "integer":
            yield 1.5


MEMBERS = [
    (name, member)
    for name in SAMPLES
    for member in schema_of(name)[0]["properties"]
    if member not in ("act", "fields")
]


@pytest.mark.parametrize(("name", "member"), MEMBERS)
def test_a_value_that_does_not_fit_is_pointed_at(name: str, member: str) -> None:
    own, components = schema_of(name)
    wrongs = list(misfits(own["properties"][member], components))
    assert wrongs
    for wrong in wrongs:
        with pytest.raises(Malformed) as caught:
            read_act(compact({**SAMPLES[name], member: wrong}), cut=False)
        assert caught.value.fault.pointer.split("/")[1] == member, wrong


@pytest.mark.parametrize(
    ("name", "change", "pointer"),
    [
        ("encounter-report", {"cpa": {"value": 5, "unit": "furlong"}}, "/cpa/unit"),
        ("encounter-report", {"cpa": {"value": -1, "unit": "m"}}, "/cpa/value"),
        (
            "encounter-report",
            {"courses": [{"unit": "x", "speed": {"value": 3, "unit": "m"}}]},
            "/courses/*/speed/unit",
        ),
        ("danger-area", {"floor": {"value": 1, "unit": "kn"}}, "/floor/unit"),
        (
            "danger-area",
            {
                "place": {
                    "circle": {"pos": {"lat": 1, "lon": 2}, "radius": {"value": 0, "unit": "m"}}
                }
            },
            "/place/circle/radius/value",
        ),
        ("danger-area", {"place": {"polygon": [{"lat": 1, "lon": 2}] * 2}}, "/place/polygon"),
        ("point-of-contact", {"person": "Ms Li"}, "/person"),
        ("counter-account", {"posts": {"NATO": {}}}, "/posts/NATO"),
        (
            "point-of-contact",
            {"hours": {"days": ["mon"], "from": "24:00", "to": "18:00", "zone": "UTC"}},
            "/hours/from",
        ),
        ("military-activity", {"arms": {"battle_tanks": -1}}, "/arms/battle_tanks"),
        (
            "hazardous-incident",
            {
                "attachments": [
                    {"sha256": "ab", "media_type": "text/plain", "bytes": 1, "title": "x"}
                ]
            },
            "/attachments/*/sha256",
        ),
    ],
)
def test_a_value_deep_inside_that_does_not_fit_is_pointed_at(
    name: str, change: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(Malformed) as caught:
        read_act(compact({**SAMPLES[name], **change}), cut=False)
    assert pointer == caught.value.fault.pointer.replace("/0/", "/*/")


@pytest.mark.parametrize(
    ("name", "change", "pointer", "words"),
    [
        (
            "hazardous-incident",
            {"time": "tomorrow"},
            "/time",
            "write it as a time with its offset, like 2026-11-24T03:05+08:00",
        ),
        ("hazardous-incident", {"known_at": "tomorrow"}, "/known_at", "or unknown"),
        (
            "hazardous-incident",
            {"kind": "mishap"},
            "/kind",
            "there is no 'mishap' here; choose one of attack, collision, crash",
        ),
        ("hazardous-incident", {"whose": []}, "/whose", "of length >= 1"),
        ("hazardous-incident", {"whose": "ours"}, "/whose", "choose one of nobody_here, unknown"),
        ("hazardous-incident", {"facts": ""}, "/facts", "it is empty; give it, or leave it out"),
        (
            "danger-area",
            {"floor": {"value": 1, "unit": "kn"}},
            "/floor/unit",
            "choose one of ft, km, m, nm",
        ),
        (
            "encounter-report",
            {"courses": [{"unit": "x", "speed": {"value": 3, "unit": "m"}}]},
            "/courses/*/speed/unit",
            "kn, m/s",
        ),
        ("terrorism-warning", {"credibility": 9}, "/credibility", "Expected `int` <= 6"),
        (
            "annual-exchange",
            {"as_of": "24 November"},
            "/as_of",
            "write it as a day like 2026-11-24",
        ),
        ("contact-note", {"to": ["NATO"]}, "/to/*", "a name of small letters and digits"),
        ("update", {"as_of": "noon"}, "/as_of", "write it as a time"),
    ],
)
def test_what_does_not_fit_is_said_in_words(
    name: str, change: dict[str, Any], pointer: str, words: str
) -> None:
    with pytest.raises(Malformed) as caught:
        read_act(compact({**SAMPLES[name], **change}), cut=False)
    assert caught.value.fault.pointer.replace("/0", "/*") == pointer
    assert words in str(caught.value.fault.detail)


def detail_of(body: dict[str, Any]) -> str:
    """Return the detail of the fault of an act, or an empty string if there is no fault."""
    try:
        read_act(compact(body), cut=False)
    except Malformed as error:
        return str(error.fault.detail)
    return ""


def test_no_fault_speaks_of_patterns() -> None:
    details = {
        (name, member): detail_of({**SAMPLES[name], member: " No such thing? "})
        for name, member in MEMBERS
    }
    assert any("write it as" in detail for detail in details.values())
    assert {
        where
        for where, detail in details.items()
        if "regex" in detail or "the schema has it" in detail
    } <= {("immediate-notification", "code_word")}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_member_that_nobody_knows_is_pointed_at(name: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_act(compact({**SAMPLES[name], "colour": "red"}), cut=False)
    assert caught.value.fault.pointer == "/colour"
