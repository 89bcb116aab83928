"""The service states each refusal in every language. The catalogues have a sentence for every
refusal.
"""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import dragoman
from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.record.codec import read_act
from dragoman.domain.record.errors import FieldFault, Malformed, Refusal
from dragoman.i18n import catalogue
from dragoman.i18n.words import Words, words
from dragoman.text import Text, sentence, verbatim
from dragoman_schemas.acts import SHAPES
from samples import SAMPLES
from world import World, compact

_SERVICES = Path(dragoman.__file__).parent
_PLACE = re.compile(r"%\((\w+)\)s")
_VERBATIM = verbatim("").message
_PARTS = {"validation_errors.py", "access.py", "text.py", "errors.py"}
"""Modules that make a sentence from a table."""

_FILLED_LATER = {"validation_errors.py", "form_errors.py"}
"""Modules with sentences in a table whose values are given later, by the reader of the table."""


_WRONG: tuple[object, ...] = (
    "",
    "no such word",
    "x" * 5000,
    -1,
    10**9,
    1.5,
    True,
    [],
    ["x"] * 300,
    {},
    {"lat": 1},
    [{}],
    {"no": {}},
)


_MESSAGE = {"sentence": 0, "refuse": 1, "make_refusal": 1}
"""The argument of each call that is a message of the catalogues."""


def messages() -> Iterator[tuple[Path, ast.Call, ast.expr]]:
    for name, index in _MESSAGE.items():
        for path, call in calls(name):
            yield path, call, call.args[index]


def calls(name: str) -> Iterator[tuple[Path, ast.Call]]:
    for path in sorted(_SERVICES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == name
            ):
                yield path, node


def test_every_sentence_that_is_made_stands_in_the_catalogues() -> None:
    known = {message.id for message in catalogue.untranslated()}
    made = [(path, message) for path, _, message in messages()]
    assert len(made) > 300
    for path, message in made:
        assert isinstance(message, ast.Constant), f"{path.name}:{message.lineno} is no literal"
        assert message.value in known, f"{path.name}:{message.lineno}"


def test_every_place_in_a_sentence_has_its_value() -> None:
    for path, call, argument in messages():
        message = argument.value if isinstance(argument, ast.Constant) else ""
        places, given = set(_PLACE.findall(str(message))), {each.arg for each in call.keywords}
        if None not in given:  # a mapping's names are not written here
            assert given == places or (path.name in _FILLED_LATER and not given), (
                f"{path.name}:{call.lineno}"
            )


def test_no_sentence_is_made_past_the_catalogues() -> None:
    assert {path.name for path, _ in calls("Text")} <= _PARTS


def test_a_sentence_is_text_in_english_and_said_again_in_another_language() -> None:
    within = sentence("a channel has at most %(limit)s sides", limit=16)
    said = sentence("The query is not valid: %(name)s: %(fault)s.", name="x", fault=within)
    assert (
        str(said)
        == words("en").sentence(said)
        == "The query is not valid: x: a channel has at most 16 sides."
    )
    assert (
        words("fr").sentence(said)
        == "La requête n’est pas valable\N{NO-BREAK SPACE}: x\N{NO-BREAK SPACE}: un canal a au plus 16 parties."
    )
    assert words("zh").sentence(said).endswith("一个渠道最多有16方。")
    assert {words(language).sentence(verbatim("100 %")) for language in ("en", "fr", "zh")} == {
        "100 %"
    }


@pytest.mark.parametrize(
    ("language", "whole"),
    [
        ("en", "You have the watch already."),
        ("fr", "Vous assurez déjà la permanence."),
        ("zh", "您已在值班。"),
    ],
)
def test_a_detail_by_itself_is_a_whole_sentence(language: str, whole: str) -> None:
    assert words(language).whole(sentence("you have the watch already")) == whole


def parts(said: Text) -> Iterator[Text]:
    """A sentence and those within it."""
    yield said
    for value in said.values.values():
        if isinstance(value, Text):
            yield from parts(value)


def unsaid(said: Text, language: Words) -> list[str]:
    """Return the parts of a sentence that a language leaves in English."""
    return [
        each.message
        for each in parts(said)
        if language.translations.gettext(each.message) == each.message
    ]


def bodies() -> Iterator[dict[str, Any]]:
    """Acts that do not hold: of every sample each member left out, and each with something else in
    it; and what is no act.
    """
    for name, sample in SAMPLES.items():
        yield {**sample, "surplus": 1}
        for member in SHAPES[name].__struct_encode_fields__:
            yield {key: value for key, value in sample.items() if key != member}
            for wrong in _WRONG:
                yield {**sample, member: wrong}
    yield {"act": "no-such-act"}
    yield {}


def faults() -> dict[str, FieldFault]:
    """A fault of each kind that comes of these bodies and of bytes that are no act, by its message."""
    found: dict[str, FieldFault] = {}
    vectors = json.loads((Path(__file__).parent / "vectors" / "record.json").read_text())[
        "acts_to_refuse"
    ]
    for raw in (
        *map(compact, bodies()),
        *(bytes.fromhex(each["act_hex"]) for each in vectors),
        b"",
        b"[]",
        b"{",
        b'{"act":"reply"}x',
    ):
        try:
            read_act(raw, cut=False)
        except Malformed as error:
            found.setdefault(error.fault.detail.message, error.fault)
    return found


def test_what_is_wrong_with_a_body_is_said_in_every_language() -> None:
    found = faults()
    assert len(found) > 20
    assert _VERBATIM not in found, found[_VERBATIM]
    for fault in found.values():
        assert [unsaid(fault.detail, words(language)) for language in ("fr", "zh")] == [[], []], (
            fault
        )


def refusals() -> Iterator[Refusal]:
    """Yield the refusals of every sample by the rules. The actors are officers of every role,
    services and strangers. They act in an exchange and in none.
    """
    world = World()
    id = world.open("nato/o-1", SAMPLES["contact-note"])
    for name in sorted(RULES.keys() & SAMPLES.keys()):
        for actor in (
            "nato/o-1",
            "china/d-1",
            "nato/h-1",
            "china/a-1",
            "nato/adm-1",
            "nato/x",
            "usa/o-1",
            "service/watch",
            "service/x",
        ):
            for exchange in ("", id, "0192f0c1-2f3a-7c4d-8e5f-112233445566"):
                for body in (
                    SAMPLES[name],
                    {
                        **SAMPLES[name],
                        **{key: "2026-02-30T00:00Z" for key in SAMPLES[name] if key == "time"},
                    },
                ):
                    if exchange == "" or name not in FORMATS:
                        decided = world.decide(actor, body, exchange)
                        if isinstance(decided, Refusal):
                            yield decided


def test_what_the_rules_refuse_is_said_in_every_language() -> None:
    found: dict[tuple[str, str], Text] = {}
    for refusal in refusals():
        for detail in (refusal.detail, *(each.detail for each in refusal.faults)):
            found.setdefault((detail.message, str(detail)), detail)
    assert len(found) > 20
    for detail in found.values():
        if detail.message == _VERBATIM:
            continue
        assert str(detail) == words("en").sentence(detail)
        assert [unsaid(detail, words(language)) for language in ("fr", "zh")] == [[], []], detail
