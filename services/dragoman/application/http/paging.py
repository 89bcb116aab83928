"""Pages of a list in memory, by `?limit=` and `?cursor=`, with the next page's link.

A cursor is the key of the last row of a page. So rows that come and go meanwhile
neither hide nor repeat another row. Without the parameters the whole list is one page.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from msgspec import Struct

from dragoman.application.http.request import ApiRequest
from dragoman.domain.record.errors import refuse

T = TypeVar("T")


class PageQuery(Struct, frozen=True, kw_only=True):
    """The page of a list: its beginning and its number of rows."""

    cursor: str = ""
    limit: int | None = None


def page(
    call: ApiRequest[Any], query: PageQuery, rows: Iterable[T], key: Callable[[T], str]
) -> tuple[tuple[T, ...], str, dict[str, str]]:
    """Return a page of rows, and the cursor and the headers that lead to the next page.

    The rows are in the order of their keys. Raises `Refused`.
    """
    if query.limit is not None and query.limit < 1:
        raise refuse("bad-request", "limit is 1 or more; leave it out for the whole list.")
    following = [row for row in rows if key(row) > query.cursor]
    limit = len(following) if query.limit is None else query.limit
    shown = tuple(following[:limit])
    if len(following) <= limit:
        return shown, "", {}
    cursor = key(shown[-1])
    return (
        shown,
        cursor,
        {"Link": f'<{call.request.rel_url.update_query(cursor=cursor)}>; rel="next"'},
    )
