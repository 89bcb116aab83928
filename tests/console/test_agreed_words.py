"""Agreed phrases are marked where they occur in a text, and the text stays as it is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup, escape

from dragoman.console.display import agreed_words
from dragoman.i18n.words import words
from dragoman_schemas.codebook import CODEBOOKS
from dragoman_schemas.state import Registry
from world import World

BOOK = CODEBOOKS["starter"]
ALL = sorted({text for texts in BOOK.phrases.values() for text in texts.values()})
PIECES = st.one_of(
    st.sampled_from(ALL),
    st.sampled_from(ALL).map(str.upper),
    st.text(st.sampled_from("ab <&'>\"两。"), max_size=8),
)


@pytest.fixture(scope="module")
def registry() -> Registry:
    """A channel whose sides have all adopted the codebook."""
    world = World()
    for side in world.sides:
        world.keep(
            f"{side}/root",
            {"act": "codebook-adoption", "codebook": "starter", "version": BOOK.version},
        )
    assert agreed_words.in_force(world.registry) is BOOK
    return world.registry


def marked(registry: Registry, shown: Markup) -> str:
    return str(agreed_words.marking(registry, words("en"), lambda path: path)(shown))


@given(pieces=st.lists(PIECES, max_size=6))
def test_a_mark_is_a_phrase_and_changes_no_word(registry: Registry, pieces: list[str]) -> None:
    shown = Markup('<p lang="en">{}</p><br>').format(" / ".join(pieces))
    result = marked(registry, shown)
    last = max(book.adopted.position for book in registry.codebooks.values())
    link = re.compile(rf'<a class="agreed" href="/records/{last}" title="[^"]*">([^<]*)</a>')
    assert link.sub(r"\1", result) == str(shown), "nothing is added but the mark"
    looked_for = {
        text.casefold() for texts in agreed_words.phrases_of(registry) for text in texts.values()
    }
    phrases = [Markup(text).unescape().casefold() for text in link.findall(result)]
    assert set(phrases) <= looked_for
    rest = Markup(link.sub("", result)).unescape().casefold()
    for piece in pieces:
        if piece.casefold() in looked_for:
            assert any(piece.casefold() in phrase for phrase in phrases), (piece, rest)


def test_no_phrase_is_marked_unless_every_side_has_adopted_the_codebook() -> None:
    world = World()
    side = world.sides[0]
    world.keep(
        f"{side}/root", {"act": "codebook-adoption", "codebook": "starter", "version": BOOK.version}
    )
    text = escape(BOOK.phrases["will_answer_later"]["en"])
    assert marked(world.registry, text) == str(text)
