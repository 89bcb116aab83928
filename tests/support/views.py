"""Results of queries of a file, of the newest records or at a position and a time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from dragoman.projection.moments import PastMoment
from dragoman.projection.store import Store
from dragoman.projection.view import View, open_view

T = TypeVar("T")


@contextmanager
def view_of(
    store: Store, channel: str, at: int | None = None, now: datetime | None = None
) -> Iterator[View]:
    """The view of a channel, at a position and a time; the newest by default."""
    with open_view(store, channel, now) as view:
        if at is None:
            yield view
        else:
            yield View(view.connection, view.base, at, now)


def found(
    store: Store,
    channel: str,
    query: Callable[..., T],
    *arguments: Any,
    at: int | None = None,
    now: datetime | None = None,
    **keywords: Any,
) -> T:
    """Return the result of a query, at a position and a time."""
    with view_of(store, channel, at, now) as view:
        return query(view, *arguments, **keywords)


def past_moment(store: Store, channel: str, at: str, end_seen: str = "") -> PastMoment | None:
    """The past moment that an address names."""
    return found(store, channel, View.past_moment, at, end_seen)
