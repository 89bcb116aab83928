"""Exchanges that match what a reader types: the parts of a number, or words of a text.

    with_number(store, "north", 4488, ("CHINA", "0016"), 6)   the newest such records
    with_words(store, "north", 4488, "fishing ve", 6)         the newest texts

The full-text index has both: the last word may be the beginning of a word. A query
reads few rows, because a reader waits for it at every letter.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from dragoman.projection.queries.lists import in_time
from dragoman.projection.queries.records import RecordPlace
from dragoman.projection.row_keys import SAME_EXCHANGE, position_of, row_key
from dragoman.projection.store import Store
from dragoman.projection.writer_messages import spaced

_READ: Final = 200
"""Records that a search reads at most, because one exchange may have many of them."""

_NUMBERED: Final = (
    "SELECT r.key, r.act, r.number, e.id, e.key = r.key "
    "FROM search s JOIN records r ON r.key = s.rowid LEFT JOIN exchanges e ON "
    + SAME_EXCHANGE
    + " WHERE s.words MATCH ? AND s.rowid BETWEEN ? AND ? AND r.valid AND {0} "
    "ORDER BY s.rowid DESC LIMIT ?"
)
_WORDED: Final = (
    "SELECT r.key, r.exchange FROM search s JOIN records r ON r.key = s.rowid "
    "WHERE s.words MATCH ? AND s.rowid BETWEEN ? AND ? AND r.valid "
    "ORDER BY s.rowid DESC LIMIT ?"
)


class WordMatch(Struct, frozen=True, kw_only=True):
    """An exchange with the words, and the newest record that has them."""

    exchange: str
    position: int


def with_number(
    store: Store, channel: str, at: int, parts: Sequence[str], most: int, *, begins: bool = False
) -> list[RecordPlace]:
    """Return the newest records up to a position whose number has all these parts.

    With `begins`, the last part is the beginning of a serial number.
    """
    base = store.base(channel)
    *whole, last = parts
    has_part = "instr('/' || r.number || '/', ?) > 0"
    conditions = [has_part] * len(whole) + (["r.number GLOB ?"] if begins else [has_part])
    values = [f"/{part}/" for part in whole]
    values.append(f"*/{last}{'?' * (4 - len(last))}/*" if begins else f"/{last}/")
    with store.snapshot() as connection:
        rows = (
            in_time(
                connection,
                _NUMBERED.format(" AND ".join(conditions)),
                (_phrases(parts, begins=begins), base, row_key(base, at), *values, most),
            )
            or []
        )
    return [
        RecordPlace(
            position=position_of(key),
            act=act,
            number=number or "",
            exchange=id or "",
            opens=bool(opens),
        )
        for key, act, number, id, opens in rows
    ]


def with_words(store: Store, channel: str, at: int, text: str, most: int) -> list[WordMatch]:
    """Return the exchanges with all these words, those with the newest text first.

    The last word may be the beginning of a word.
    """
    base = store.base(channel)
    wanted = text.replace("\x00", " ").split()
    if not wanted:
        return []
    with store.snapshot() as connection:
        rows = (
            in_time(
                connection,
                _WORDED,
                (_phrases(wanted, begins=True), base, row_key(base, at), _READ),
            )
            or []
        )
    newest: dict[str, int] = {}
    for key, exchange in rows:
        if exchange:
            newest.setdefault(exchange, position_of(key))
    return [
        WordMatch(exchange=exchange, position=position)
        for exchange, position in list(newest.items())[:most]
    ]


def _phrases(parts: Sequence[str], *, begins: bool) -> str:
    """Return the full-text condition that all parts occur.

    With `begins`, the last part may be the beginning of a word.
    """
    quoted = ['"' + spaced(part).strip().replace('"', '""') + '"' for part in parts]
    return " AND ".join(quoted) + (" *" if begins else "")
