"""The tally of a channel, kept for its newest position and followed up when asked for.

The exchanges that changed since the last answer are counted by their difference. All
are counted again after an erasure, and where the terms of deadlines have changed: the
rules, the profiles, or an office's calendar. The fold itself does nothing for it.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from dragoman.domain.acts.deadlines import deadline_terms
from dragoman.domain.views.tally import Tally
from dragoman.projection.row_keys import row_key
from dragoman.projection.view import View
from dragoman_schemas.state import Exchange


@contextmanager
def kept_tally(view: View) -> Iterator[Tally | None]:
    """Yield the tally of a view; None for any but the newest position.

    It is not brought up to date meanwhile.
    """
    memory = view.tally_memory
    if memory is None or view.position != view.newest:
        yield None
        return
    with memory.lock:
        if view.position < memory.position:  # another thread was asked for a later one
            yield None
            return
        tally, memory.tally = memory.tally, None  # of no position while it changes
        terms = deadline_terms(view.registry, ()), view.calendars
        if tally is None or terms != memory.terms or _erases(view, memory.position):
            tally = tally_of(view, view.where("TRUE"))
        else:
            _follow(tally, view, memory.position)
        memory.tally, memory.position, memory.terms = tally, view.position, terms
        yield tally


def tally_of(view: View, exchanges: Iterable[Exchange]) -> Tally:
    """Return the tally of some exchanges, by the limits of a view."""
    tally = Tally(view.registry, view.calendars)
    for exchange in exchanges:
        tally.add(exchange)
    return tally


def _erases(view: View, since: int) -> bool:
    """Return whether an erasure was recorded after a position."""
    erasure = view.connection.execute(
        "SELECT 1 FROM records WHERE key > ? AND key <= ? AND valid AND act = 'erasure'",
        (row_key(view.base, since), view.key),
    ).fetchone()
    return erasure is not None


def _follow(tally: Tally, view: View, since: int) -> None:
    """Count the exchanges that changed after a position."""
    earlier = view.at(since)
    changed = view.connection.execute(
        "SELECT DISTINCT exchange FROM records WHERE key > ? AND key <= ? "
        "AND state IS NOT NULL AND exchange != ?",
        (row_key(view.base, since), view.key, view.registry.id),
    ).fetchall()
    for (id,) in changed:
        before = earlier.state(id)
        if before is not None:
            tally.remove(before)
        tally.add(view.known(id))
