"""A list that is cut into pages: who follows the ways to the next rows reads each row once."""

from types import SimpleNamespace
from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st

from dragoman.console.page_words import PageWords
from dragoman.i18n.words import words
from dragoman.limits import SCREEN_ROWS
from dragoman.members.runs import PageLink, runs_of


def page_words(query: dict[str, str]) -> PageWords:
    """Return the words for a page with a query, as far as a list of pages asks for them."""
    context = SimpleNamespace(
        words=words("en"),
        asked=lambda shape: shape(page=int(query.get("page", 1))),
        again=lambda **changed: "&".join(f"{name}={value}" for name, value in changed.items()),
    )
    return PageWords(context)  # type: ignore[arg-type]


@given(
    length=st.integers(0, 4 * SCREEN_ROWS)
    | st.integers(0, 4).map(lambda pages: pages * SCREEN_ROWS),
    state=st.sampled_from(["", "held"]),
)
def test_the_ways_to_the_next_rows_lead_to_each_row_once(length: int, state: str) -> None:
    rows, read, query = range(length), list[int](), dict[str, str]()
    for _ in range(length + 1):
        shown, rest = page_words(query).paged(rows, **({"state": state} if state else {}))
        assert shown or not length, "no way leads to an empty page"
        read += shown
        if rest is None:
            break
        *_, way = runs_of(rest.runs)
        assert isinstance(way, PageLink)
        query = dict(parse_qsl(way.path.removeprefix("/")))
        assert query.get("state", "") == state
    assert read == [*rows]


def test_a_page_beyond_the_last_one_is_empty() -> None:
    assert page_words({"page": "3"}).paged(range(SCREEN_ROWS)) == (range(0), None)
