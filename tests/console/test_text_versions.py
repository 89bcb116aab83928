"""Two versions of a text, marked: nothing of either is lost, and no length of theirs stops the
service.
"""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.console.matter.text_versions import marked
from dragoman.document.html import markup
from dragoman.members.runs import MarkedText, TextChange

PROSE = st.lists(
    st.sampled_from(
        ["the ", "5th ", "9th ", "of ", "May", "\n\n", "<b>", "&amp;", "五", "月", "é", "1"]
    ),
    max_size=40,
).map("".join)


def without(shown: tuple[str | TextChange, ...], how: str) -> str:
    """Return the text for a reader who skips what was taken out, or what was put in."""
    left = (part for part in shown if isinstance(part, str) or part.how != how)
    return "".join(part if isinstance(part, str) else str(part.runs[0]) for part in left)


@given(before=PROSE, after=PROSE, most=st.sampled_from([0, 3, 1_000]))
def test_a_reader_has_both_versions(before: str, after: str, most: int) -> None:
    shown = marked(before, after, most)
    assert (without(shown, "in"), without(shown, "out")) == (before, after)


def test_only_what_differs_is_marked() -> None:
    for before, after, shown in (
        ("on the 5 of May", "on the 9 of May", "on the <del>5</del><ins>9</ins> of May"),
        ("双方于五月会晤", "双方于六月会晤", "双方于<del>五</del><ins>六</ins>月会晤"),
        ("as it was", "as it was", "as it was"),
        ("<b>", "<i>", "&lt;<del>b</del><ins>i</ins>&gt;"),
    ):
        assert shown in markup(MarkedText(marked(before, after)))


@pytest.mark.parametrize(
    ("before", "after"),
    [("a b " * 15_000, "b a " * 15_000), ("a" + " b" * 29_000, "c" + "b " * 29_000)],
)
def test_the_longest_texts_are_marked_at_once(before: str, after: str) -> None:
    begun = time.process_time()
    shown = marked(before, after)
    assert time.process_time() - begun < 2
    assert (without(shown, "in"), without(shown, "out")) == (before, after)
