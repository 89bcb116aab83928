"""Sentences that wait for their reader: kept as text, and said as if they had never been."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.i18n.words import words
from dragoman.text import NameValue, Text, packed, sentence, unpacked, verbatim

NAMES = st.builds(
    NameValue, st.sampled_from(["act", "side", "value"]), st.text(max_size=20), st.booleans()
)
VALUES: Any = st.recursive(
    st.one_of(
        st.text(),
        st.integers(-(2**53), 2**53),
        NAMES,
        st.dates(),
        st.integers(0, 10**7).map(lambda seconds: timedelta(seconds=seconds)),
        st.dictionaries(st.sampled_from(["en", "fr", "zh-Hans"]), st.text(), min_size=1),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(tuple),
        st.builds(Text, st.just("%(a)s, %(b)s"), st.fixed_dictionaries({"a": inner, "b": inner})),
    ),
    max_leaves=6,
)


@given(
    st.builds(Text, st.just("%(a)s and %(b)s"), st.fixed_dictionaries({"a": VALUES, "b": VALUES}))
)
def test_a_sentence_is_had_again(said: Text) -> None:
    again = unpacked(packed(said))
    assert (again, str(again)) == (said, str(said))
    assert [words(each).sentence(again) for each in ("en", "fr", "zh")] == [
        words(each).sentence(said) for each in ("en", "fr", "zh")
    ]


@pytest.mark.parametrize(
    "text", ["", "100 %", "%(text)s", '["name", "act", "x", true]', "\N{NO-BREAK SPACE}“"]
)
def test_somebodys_words_are_never_taken_for_the_services(text: str) -> None:
    assert str(unpacked(packed(verbatim(text)))) == text
    assert (
        str(unpacked(packed(sentence("Its id was used up by %(what)s.", what=text))))
        == f"Its id was used up by {text}."
    )


def test_spans_and_days_stay_what_they_are() -> None:
    said = unpacked(
        packed(sentence("%(d)s after %(t)s", d=timedelta(hours=31), t=date(2026, 11, 24)))
    )
    assert str(said) == "31 hours after 24 November 2026"
