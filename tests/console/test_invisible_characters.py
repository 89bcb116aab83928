"""Invisible characters are shown on pages, and languages that are written with joiners stay
readable.
"""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from dragoman.console.display.act_display import Display
from dragoman.document.invisible_characters import marked
from dragoman.i18n.words import words

UNSEEN = "\u200b\u200d\u00ad\u2060\ufeff\u3164\u2800\u200e\U000e0041\ufe01"


@given(
    st.text(st.characters(categories=["Lu", "Ll", "Nd"]), max_size=20),
    st.sampled_from(UNSEEN),
    st.text(max_size=20),
)
def test_two_texts_that_look_alike_differ(before: str, unseen: str, after: str) -> None:
    shown = marked(before + unseen + after)
    assert f">U+{ord(unseen):04X}</span>" in shown
    assert shown != marked(before + after)


@given(st.text(max_size=100))
def test_a_text_is_shown_whole_and_escaped(text: str) -> None:
    shown = marked(text)
    given_back = re.sub(
        r'<span class="unseen" title="[A-Z0-9 -]*">U\+([0-9A-F]{4,6})</span>',
        lambda match: chr(int(match[1], 16)),
        shown,
    )
    assert Markup(given_back).unescape() == text


@pytest.mark.parametrize(
    "text",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u0915\u094d\u200d\u0937",
        "\U0001f469\u200d\U0001f680 \u2764\ufe0f",
        "\u65e5\u672c \u0420\u0443\u0441\u0441\u043a\u0438\u0439\u00a0!",
    ],
)
def test_scripts_and_pictures_that_are_written_with_joiners_stay_as_they_are(text: str) -> None:
    assert marked(text) == text


def test_a_sides_text_is_shown_with_them() -> None:
    assert "U+200B" in Display(words("en")).text("pay\u200bnow")
    assert "U+200B" in Display(words("en")).text({"en": "pay\u200bnow"})


@pytest.mark.parametrize("unseen", ["\u200b", "\u200d", "\u2764\ufe0f\u200b"])
def test_a_long_text_of_invisible_characters_is_shown_in_a_moment(unseen: str) -> None:
    taken = []
    for _ in range(3):
        begun = time.thread_time()
        marked(unseen * 20_000)
        taken.append(time.thread_time() - begun)
    assert min(taken) < 0.25, "the time grows in proportion to the text"
