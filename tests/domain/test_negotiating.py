"""A text by both hands: brackets of each side, consents ad referendum, and languages that are
equally authentic.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.console.matter.text_versions import marked
from dragoman.domain.acts import consent
from dragoman.domain.fold import Folded
from samples import act
from world import World, refused

N, C, OSCE = "nato/o-1", "china/o-1", "osce/o-1"
REPORT = act(
    "joint-report", title="On notice", paragraphs=["Told 42 days before.", "Not close to a coast."]
)


def other(text: str | None, item: int = 1, field: str = "paragraphs") -> dict[str, Any]:
    return {
        "act": "alternative",
        "field": field,
        **({"item": item} if item else {}),
        **({} if text is None else {"text": text}),
    }


def bracketed(world: World, id: str) -> dict[tuple[str, int], dict[str, str]]:
    found = consent.alternatives(world.exchange(id))
    return {
        part: {side: bytes(said.content["text"]).decode() for side, said in sides.items()}
        for part, sides in found.items()
    }


def test_each_side_has_its_own_brackets_until_it_lifts_them_or_consents() -> None:
    world = World(sides=("nato", "china", "osce"))
    id = world.open(N, REPORT)
    world.keep(C, other("Told 21 days before."), id)
    world.keep(OSCE, other("Told in good time."), id)
    world.keep(C, other("Told 30 days before."), id)
    assert bracketed(world, id) == {
        ("paragraphs", 1): {"china": '"Told 30 days before."', "osce": '"Told in good time."'}
    }
    assert isinstance(world.keep(OSCE, other(None), id), Folded)
    assert bracketed(world, id) == {("paragraphs", 1): {"china": '"Told 30 days before."'}}
    world.keep(C, {"act": "endorsement"}, id, seen=True)
    assert bracketed(world, id) == {}
    assert world.exchange(id).status == "negotiating"
    world.keep(OSCE, {"act": "endorsement"}, id, seen=True)
    assert world.exchange(id).status == "settled"


def test_a_bracket_that_the_text_has_taken_is_none_any_more_and_nothing_is_settled_over_one(
    world: World,
) -> None:
    id = world.open(N, REPORT)
    world.keep(C, other("Told 21 days before."), id)
    assert world.exchange(id).status == "negotiating"
    assert consent.agreed(world.exchange(id)) == {"nato"}, (
        "who would have other words stands behind these no more than before"
    )
    fields = {"paragraphs": ["Told 21 days before.", "Not close to a coast."]}
    world.keep(N, {"act": "correction", "reason": "Taken.", "fields": fields}, id, seen=True)
    assert bracketed(world, id) == {}


def test_a_bracket_in_one_language_is_none_once_the_text_says_so_in_that_language(
    world: World,
) -> None:
    id = world.open(N, {**REPORT, "paragraphs": [{"en": "42 days.", "zh": "42天。"}]})
    world.keep(C, other("21 days."), id)
    world.keep(
        N,
        {
            "act": "correction",
            "reason": "Taken.",
            "fields": {"paragraphs": [{"en": "21 days.", "zh": "21天。"}]},
        },
        id,
        seen=True,
    )
    assert bracketed(world, id) == {}
    refusal = refused(world.keep(C, {**other(None), "text": {"zh": "21天。"}}, id))
    assert refusal.faults[0].pointer == "/text"
    world.keep(C, {**other(None), "text": {"zh": "30天。"}}, id)
    assert list(bracketed(world, id)) == [("paragraphs", 1)]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (other("Told.", 3), "/field"),
        (other("Told.", 0), "/field"),
        (other("Told.", 1, "title"), "/field"),
        (other("Told.", 1, "to"), "/field"),
        (other("Told.", 0, "nothing"), "/field"),
        (other("Told 42 days before."), "/text"),
        (other(None), "/text"),
    ],
)
def test_other_words_are_for_a_part_that_there_is_and_are_other_words(
    body: dict[str, Any], pointer: str, world: World
) -> None:
    id = world.open(N, REPORT)
    assert refused(world.keep(C, body, id)).faults[0].pointer == pointer


@pytest.mark.parametrize(
    ("form", "name", "status"),
    [
        ("roadmap-item", "agreement", "proposed"),
        ("joint-report", "endorsement", "negotiating"),
        ("recommendation", "endorsement", "addressed"),
    ],
)
def test_what_is_said_ad_referendum_binds_nobody_until_it_is_said_without(
    form: str, name: str, status: str, world: World
) -> None:
    id = world.open(N, act(form))
    kept = world.keep(C, {"act": name, "ad_referendum": True}, id, seen=True, released_by="")
    assert isinstance(kept, Folded)
    now = world.exchange(id)
    assert (now.status, now.one_key, consent.ad_referendum(now), consent.agreed(now)) == (
        status,
        (),
        {"china"},
        {"nato"},
    )
    world.keep(C, {"act": name}, id, seen=True)
    now = world.exchange(id)
    assert (consent.ad_referendum(now), consent.agreed(now)) == (set(), {"nato", "china"})
    assert now.status != status


def test_the_same_facts_ad_referendum_are_not_agreed_facts(world: World) -> None:
    id = world.open(N, act("encounter-report"))
    world.keep(N, act("accounts-agreement", facts="700 m."), id, seen=True)
    world.keep(C, act("accounts-agreement", facts="700 m.", ad_referendum=True), id, seen=True)
    assert world.exchange(id).status == "reported"
    world.keep(C, act("accounts-agreement", facts="700 m."), id, seen=True)
    assert world.exchange(id).status == "agreed_facts"


def test_a_text_is_in_every_language_in_which_it_is_authentic(world: World) -> None:
    paragraphs: list[Any] = [{"en": "Told.", "zh": "通报。"}, {"en": "Not close."}]
    body = {**REPORT, "authentic": ["en", "zh"]}
    assert (
        refused(world.keep(N, {**body, "paragraphs": paragraphs})).faults[0].pointer
        == "/paragraphs"
    )
    assert (
        refused(world.keep(N, {**body, "paragraphs": ["Told."]})).faults[0].pointer == "/paragraphs"
    )
    whole = [*paragraphs[:1], {"en": "Not close.", "zh": "不靠近。"}]
    id = world.open(N, {**body, "paragraphs": whole})
    seen = consent.text_terms(world.exchange(id))
    changed = [whole[0], {"en": "Not close.", "zh": "靠近。"}]
    world.keep(
        N,
        {"act": "correction", "reason": "A slip.", "fields": {"paragraphs": changed}},
        id,
        seen=True,
    )
    assert consent.text_terms(world.exchange(id)) != seen, (
        "a consent is to all authentic languages at once"
    )
    cut = {"act": "correction", "reason": "A slip.", "fields": {"paragraphs": paragraphs}}
    assert refused(world.keep(N, cut, id, seen=True)).faults[0].pointer == "/fields/paragraphs"


@given(st.text("ab 中文<&\n", max_size=30), st.text("ab 中文<&\n", max_size=30))
def test_a_marked_text_holds_both_versions_and_nothing_else(before: str, after: str) -> None:
    old = new = ""
    for part in marked(before, after):
        how, text = ("", part) if isinstance(part, str) else (part.how, str(part.runs[0]))
        old += text if how != "in" else ""
        new += text if how != "out" else ""
    assert (old, new) == (before, after)
