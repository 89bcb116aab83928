"""Records of the file by position, id or number."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from msgspec import Raw, Struct

from dragoman.domain.acts.access import officer_side
from dragoman.limits import (
    GO_FOUND,
    RECORDS_PAGE,
)
from dragoman.projection.queries.lists import in_time, phrases
from dragoman.projection.queries.record_entries import entry
from dragoman.projection.row_keys import (
    LAST_POSITION,
    SAME_EXCHANGE,
    last_key,
    position_of,
    row_key,
)
from dragoman.projection.view import View
from dragoman.text import unpacked
from dragoman_schemas.responses import (
    Entry,
)

ENTRY: Final = (
    "key, raw, valid, detail, exchange, number, record_commit, act IS NULL "
    "OR substr(raw, 1, 1) != X'7B'"
)
"""The columns of an entry.

The last one is true for junk, and for the leaf entry of an erased record.
"""
_members = msgspec.json.Decoder(dict[str, Raw]).decode


class ErasedExchange(Exception):
    """An error: the exchange was erased at the position in the argument."""


class NoSuchExchange(Exception):
    """An error: no exchange had that id at that position."""


def records(view: View, first: int, most: int = RECORDS_PAGE) -> list[tuple[Entry, str]]:
    """Return records from a position on, in order, each with its officer's side.

    The side is empty for services, roots and void records.
    """
    rows = view.connection.execute(
        f"SELECT {ENTRY}, actor FROM records WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?",  # fixed words  # noqa: S608
        (row_key(view.base, max(1, min(first, LAST_POSITION))), last_key(view.base), most),
    ).fetchall()
    return [
        (entry_of_columns(values), officer_side(actor) if actor and values[2] else "")
        for *values, actor in rows
    ]


def entry_of_columns(values: Sequence[object]) -> Entry:
    """Return an entry of the log from the columns `ENTRY`."""
    key, raw, valid, detail, exchange, number, commit, junk = values
    assert isinstance(key, int) and isinstance(raw, bytes)
    return entry(
        position_of(key),
        raw,
        valid=bool(valid),
        reason=str(unpacked(str(detail))) if detail else "",
        exchange=str(exchange or ""),
        number=str(number or ""),
        commit=str(commit),
        junk=bool(junk),
    )


class RecordPlace(Struct, frozen=True, kw_only=True):
    """A record, and the exchange that it belongs to or opens.

    The exchange is empty where it is the channel itself.
    """

    position: int
    act: str
    number: str
    exchange: str
    opens: bool


_NUMBERED: Final = re.compile(r"[A-Z0-9-]*(/[A-Z0-9-]+)+/?")
_PLACE: Final = (
    "SELECT r.key, r.act, r.number, e.id, e.key = r.key "
    "FROM {0} LEFT JOIN exchanges e ON "
    + SAME_EXCHANGE
    + " WHERE r.key BETWEEN ? AND ? AND r.valid AND r.act IS NOT NULL AND {1} "
    "ORDER BY r.key DESC LIMIT ?"
)


def places(view: View, text: str) -> list[RecordPlace]:
    """Return the records that have an id or a number.

    A part of a number suffices: `NATO/26/0042`, `26/0042/N07`.
    """
    number, most, extent = text.upper(), GO_FOUND + 1, (view.base, view.key)
    by_id = _PLACE.format("records r", "r.id = ?")
    rows = view.connection.execute(by_id, (*extent, text.lower(), most)).fetchall()
    if not rows and _NUMBERED.fullmatch(number):
        among = _PLACE.format(
            "search s JOIN records r ON r.key = s.rowid",
            "s.words MATCH ? AND instr('/' || r.number || '/', ?) > 0",
        )
        rows = view.connection.execute(
            among, (*extent, phrases(number), f"/{number.strip('/')}/", most)
        ).fetchall()
    if not rows and _NUMBERED.fullmatch(number):
        of_channel = _PLACE.format(
            "records r",
            "r.exchange = (SELECT exchange FROM records WHERE key = ?) AND r.number = ?",
        )
        rows = in_time(view, of_channel, (*extent, row_key(view.base, 1), number, most)) or []
    return _placed(rows)


def with_number(view: View, parts: Sequence[str], most: int) -> list[RecordPlace]:
    """Return the newest records whose number has all these parts."""
    has_parts = ["instr('/' || r.number || '/', ?) > 0"] * len(parts)
    query = _PLACE.format(
        "search s JOIN records r ON r.key = s.rowid",
        " AND ".join(("s.words MATCH ?", *has_parts)),
    )
    whole = (f"/{part}/" for part in parts)
    values = (view.base, view.key, phrases(" ".join(parts)), *whole, most)
    return _placed(in_time(view, query, values) or [])


def _placed(rows: Iterable[tuple[int, str, str | None, str | None, int]]) -> list[RecordPlace]:
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
