"""The exchange that a reference names, and whether the Chatham House Rule hides it.

    hides(projection)("ROUND-TABLE/NATO/2026/0007/N11/O")    True: print no such number

A reference is an id, or the number of any record of an exchange.
"""

import re
import sqlite3
from collections.abc import Callable
from typing import Final

from dragoman.domain.views.attribution import Hides, unattributed
from dragoman.projection.projection import Projection
from dragoman.projection.queries.exchange_view import exchange_at
from dragoman.projection.queries.lists import phrases
from dragoman.projection.row_keys import SAME_EXCHANGE, row_key
from dragoman.projection.store import Store

_NUMBER: Final = re.compile(r"[^\s/]+(?:/[^\s/]+){3,}")
_NAMED: Final = (
    "SELECT e.id FROM exchanges e WHERE (e.id = ?1 OR e.number = ?1) AND e.key BETWEEN ?2 AND ?3"
)
_NUMBERED: Final = (
    "SELECT e.id FROM search s JOIN records r ON r.key = s.rowid JOIN exchanges e ON "  # fixed words  # noqa: S608
    f"{SAME_EXCHANGE} WHERE s.words MATCH ?4 AND r.number = ?1 AND r.key BETWEEN ?2 AND ?3"
)


def named(connection: sqlite3.Connection, base: int, position: int, name: str) -> str:
    """Return the id of the exchange that a reference names, or an empty text.

    Only records up to the position count.
    """
    place = (name, base, row_key(base, position))
    row = connection.execute(_NAMED, place).fetchone()
    if row is None and _NUMBER.fullmatch(name):
        row = connection.execute(_NUMBERED, (*place, phrases(name))).fetchone()
    return "" if row is None else str(row[0])


def hides(projection: Projection) -> Hides:
    """Return a function that says whether a reference names a matter under the rule."""

    def hidden(name: str) -> bool:
        exchange = projection.exchange(projection.numbered(name) or name)
        if exchange is None:
            store = projection.store
            with store.snapshot() as connection:
                id = named(connection, store.base(projection.name), projection.state.position, name)
            exchange = projection.exchange(id) if id else None
        return exchange is not None and unattributed(exchange)

    return _once(hidden)


def hides_at(store: Store, channel: str, position: int) -> Hides:
    """Return the same function for the records in the file, for use in any thread."""

    def hidden(name: str) -> bool:
        with store.snapshot() as connection:
            id = named(connection, store.base(channel), position, name)
        exchange = exchange_at(store, channel, id, position) if id else None
        return exchange is not None and unattributed(exchange)

    return _once(hidden)


def _once(hidden: Callable[[str], bool]) -> Hides:
    """Return the function with a memory: a long exchange repeats its references."""
    answers: dict[str, bool] = {}

    def remembered(name: str) -> bool:
        if name not in answers:
            answers[name] = hidden(name)
        return answers[name]

    return remembered
