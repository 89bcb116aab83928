"""Two texts of one message in one language: each officer's text is offered, and no other."""

from typing import Any

import pytest

from dragoman.console.matter.translation_versions import compared_languages, texts_of
from dragoman.domain.fold import Folded
from world import INCIDENT, World

LANGUAGES = ["en", "fr", "zh"]


def kept(world: World, actor: str, act: dict[str, Any], exchange: str) -> None:
    folded = world.keep(actor, act, exchange)
    assert isinstance(folded, Folded) and folded.valid, folded


@pytest.fixture
def world() -> World:
    return World(languages=LANGUAGES)


def test_the_authors_own_text_is_compared_with_each_translation(world: World) -> None:
    facts = {"en": "Two ships met.", "zh": "两船相遇。"}
    id = world.open("nato/d-1", {**INCIDENT, "facts": facts})
    for side, language, text in [
        ("china", "zh", "两船接近。"),
        ("nato", "fr", "Deux navires."),
        ("china", "zh", "两船靠近。"),
    ]:
        act = {"act": "translation", "language": language, "text": text}
        kept(world, f"{side}/d-1", act, id)
    state = world.exchange(id)
    assert compared_languages(state, id) == ("zh",), "of French there is one text"
    assert [(text.side, text.text, text.is_original) for text in texts_of(state, id, "zh")] == [
        ("nato", "两船相遇。", True),
        ("china", "两船接近。", False),
        ("china", "两船靠近。", False),
    ]


def test_translations_of_an_answer_are_not_mixed_with_those_of_the_opening(world: World) -> None:
    id = world.open("nato/d-1", {**INCIDENT, "facts": {"en": "Seen."}})
    kept(world, "china/d-1", {"act": "reply", "text": {"zh": "收到。"}}, id)
    answer = world.exchange(id).messages[-1].id
    for of, text in [({}, "Vu."), ({"of": answer}, "Reçu."), ({"of": answer}, "Bien reçu.")]:
        kept(world, "nato/d-1", {"act": "translation", "language": "fr", "text": text, **of}, id)
    state = world.exchange(id)
    assert compared_languages(state, id) == ()
    assert compared_languages(state, answer) == ("fr",)
    assert [text.text for text in texts_of(state, answer, "fr")] == ["Reçu.", "Bien reçu."]
    assert [text.text for text in texts_of(state, answer, "zh")] == ["收到。"]
