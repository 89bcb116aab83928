"""The query of a request: strict for a call of the API, lenient for a page."""

from typing import Any, Literal

import pytest
from aiohttp.test_utils import make_mocked_request
from msgspec import Struct, field

from dragoman.application.http import queries
from dragoman.application.http.queries import Whole
from dragoman.domain.record.errors import Refused


class _Asked(Struct, frozen=True, kw_only=True):
    """A member of each kind."""

    begins: Whole = field(name="from", default=0)
    record: Whole | None = None
    state: Literal["", "open", "closed"] = ""
    q: str = ""
    wall: bool = False
    known: tuple[str, ...] = ()


def _page(query: str) -> _Asked:
    return queries.of_page(make_mocked_request("GET", f"/c/calm/inbox?{query}"), _Asked)


def _call(query: str) -> _Asked:
    return queries.of_call(make_mocked_request("GET", f"/v1/inbox?{query}"), _Asked)


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("", _Asked()),
        ("from=7&record=0&state=open&q=x", _Asked(begins=7, record=0, state="open", q="x")),
        ("from=&record=&state=&q=&known=", _Asked()),
        ("q=+two%20%0Awords+&from=+7+", _Asked(q="two words", begins=7)),
        ("utm_source=mail&begins=7", _Asked()),
        ("q=first&q=second", _Asked(q="first")),
        ("known=a&q=x&known=&known=b", _Asked(q="x", known=("a", "b"))),
        ("wall", _Asked(wall=True)),
        ("wall=", _Asked(wall=True)),
        ("wall=1", _Asked(wall=True)),
    ],
)
def test_a_page_takes_what_forms_and_bookmarks_send(query: str, asked: _Asked) -> None:
    assert _page(query) == asked


_WHOLE = "write a whole number from 0 to 999999999999999."


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (_page, "The address of this page asks for something that is not there"),
        (_call, "The query is not valid"),
    ],
)
@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("from=abc", f"from: {_WHOLE}"),
        ("from=-1", f"from: {_WHOLE}"),
        ("from=1.5", f"from: {_WHOLE}"),
        ("from=9999999999999999", f"from: {_WHOLE}"),
        ("from=99999999999999999999999", f"from: {_WHOLE}"),
        ("record=abc", f"record: {_WHOLE}"),
        ("state=ajar", "state: there is no 'ajar' here; choose one of closed, open."),
    ],
)
def test_a_faulty_value_is_refused_with_what_it_may_be(
    read: Any, said: str, query: str, detail: str
) -> None:
    with pytest.raises(Refused) as refused:
        read(query)
    assert refused.value.refusal.kind == "bad-request"
    assert str(refused.value.refusal.detail) == f"{said}: {detail}"


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        (
            "q=x&begins=7",
            "There is no query parameter begins here; this path has: from, record, state, q, "
            "wall, known.",
        ),
        ("q=x&q=x", "A query parameter is given twice; give each once."),
    ],
)
def test_a_call_is_told_of_a_parameter_that_would_not_count(query: str, detail: str) -> None:
    with pytest.raises(Refused) as refused:
        _call(query)
    assert str(refused.value.refusal.detail) == detail


def test_a_call_gives_values_as_they_are() -> None:
    assert _call("from=7&q=+x&wall=false&known=a&known=b") == _Asked(
        begins=7, q=" x", known=("a", "b")
    )


def test_an_empty_parameter_of_another_page_is_not_one_of_a_form() -> None:
    request = make_mocked_request("GET", "/c/calm/inbox?q=x&utm_source=&from=")
    assert queries.has_empty(request, _Asked)
    assert not queries.has_empty(make_mocked_request("GET", "/c/calm/inbox?utm_source="), _Asked)
