"""The exchange that a reference names, and whether the Chatham House Rule hides it.

    hides(projection)("ROUND-TABLE/NATO/2026/0007/N11/O")    True: print no such number

A reference is an id, or the number of any record of an exchange.
"""

import re
from collections.abc import Callable
from typing import Final

from dragoman.domain.views.attribution import Hides, unattributed
from dragoman.projection.projection import Projection
from dragoman.projection.queries.lists import phrases
from dragoman.projection.row_keys import SAME_EXCHANGE
from dragoman.projection.store import Store
from dragoman.projection.view import View, queried

_NUMBER: Final = re.compile(r"[^\s/]+(?:/[^\s/]+){3,}")
_NAMED: Final = (
    "SELECT e.id FROM exchanges e WHERE (e.id = ?1 OR e.number = ?1) AND e.key BETWEEN ?2 AND ?3"
)
_NUMBERED: Final = (
    "SELECT e.id FROM search s JOIN records r ON r.key = s.rowid JOIN exchanges e ON "  # fixed words  # noqa: S608
    f"{SAME_EXCHANGE} WHERE s.words MATCH ?4 AND r.number = ?1 AND r.key BETWEEN ?2 AND ?3"
)


def named(view: View, name: str) -> str:
    """Return the id of the exchange that a reference names, or an empty text."""
    place = (name, view.base, view.key)
    row = view.connection.execute(_NAMED, place).fetchone()
    if row is None and _NUMBER.fullmatch(name):
        row = view.connection.execute(_NUMBERED, (*place, phrases(name))).fetchone()
    return "" if row is None else str(row[0])


def hides(projection: Projection) -> Hides:
    """Return a function that says whether a reference names a matter under the rule."""

    def hidden(name: str) -> bool:
        exchange = projection.exchange(projection.numbered(name) or name)
        if exchange is None:
            id = queried(projection.store, projection.name, named, name)
            exchange = projection.exchange(id) if id else None
        return exchange is not None and unattributed(exchange)

    return _once(hidden)


def hides_at(store: Store, channel: str, position: int) -> Hides:
    """Return the same function for the records in the file, for use in any thread."""

    def hidden(name: str) -> bool:
        return queried(store, channel, lambda view: is_hidden(view.at(position), name))

    return _once(hidden)


def is_hidden(view: View, name: str) -> bool:
    """Return whether a reference names a matter under the rule."""
    id = named(view, name)
    return bool(id) and unattributed(view.known(id))


def _once(hidden: Callable[[str], bool]) -> Hides:
    """Return the function with a memory: a long exchange repeats its references."""
    answers: dict[str, bool] = {}

    def remembered(name: str) -> bool:
        if name not in answers:
            answers[name] = hidden(name)
        return answers[name]

    return remembered
