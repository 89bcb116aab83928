"""Two versions of a text, marked: nothing of either is lost, and no length of theirs stops the
service.
"""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from dragoman.console.matter.text_versions import marked

PROSE = st.lists(
    st.sampled_from(
        ["the ", "5th ", "9th ", "of ", "May", "\n\n", "<b>", "&amp;", "五", "月", "é", "1"]
    ),
    max_size=40,
).map("".join)


def without(shown: Markup, tag: str) -> str:
    """Return the text for a reader who skips everything between two tags."""
    return str(
        Markup(
            re.sub(
                r"</?(?:ins|del)>",
                "",
                re.sub(rf"<{tag}>.*?</{tag}>", "", str(shown), flags=re.DOTALL),
            )
        ).unescape()
    )


@given(before=PROSE, after=PROSE, most=st.sampled_from([0, 3, 1_000]))
def test_a_reader_has_both_versions(before: str, after: str, most: int) -> None:
    shown = marked(before, after, most)
    assert (without(shown, "ins"), without(shown, "del")) == (before, after)


def test_only_what_differs_is_marked() -> None:
    assert (
        marked("before the 5 of May", "before the 9 of May")
        == "before the <del>5</del><ins>9</ins> of May"
    )
    assert marked("双方于五月会晤", "双方于六月会晤") == "双方于<del>五</del><ins>六</ins>月会晤"
    assert marked("as it was", "as it was") == "as it was"


@pytest.mark.parametrize(
    ("before", "after"),
    [("a b " * 15_000, "b a " * 15_000), ("a" + " b" * 29_000, "c" + "b " * 29_000)],
)
def test_the_longest_texts_are_marked_at_once(before: str, after: str) -> None:
    begun = time.process_time()
    shown = marked(before, after)
    assert time.process_time() - begun < 2
    assert (without(shown, "ins"), without(shown, "del")) == (before, after)
