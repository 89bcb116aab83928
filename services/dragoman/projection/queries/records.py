"""What pages, lists and auditors ask of the file: lists, one exchange, the liaison state, the records, search.

Every function takes an open read transaction, so that an answer is of one position.
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Raw, Struct

from dragoman.domain.acts.access import officer_side
from dragoman.limits import (
    GO_FOUND,
    RECORDS_PAGE,
)
from dragoman.projection.queries.as_of import open_areas
from dragoman.projection.queries.lists import MASK, in_time, phrases
from dragoman.projection.queries.record_entries import entry
from dragoman.projection.store import Store
from dragoman.text import unpacked
from dragoman_schemas.responses import (
    Entry,
)
from dragoman_schemas.state import Exchange

ENTRY: Final = "key, raw, valid, detail, exchange, number, record_commit, act IS NULL OR substr(raw, 1, 1) != X'7B'"
"""The last one: what stands there is no record, or the leaf entry of one that was
erased.
"""
_members = msgspec.json.Decoder(dict[str, Raw]).decode


class ErasedExchange(Exception):
    """There was an exchange with that id, until an erasure at the position."""


class NoSuchExchange(Exception):
    """No exchange of that id, or it was not yet opened at that position."""


def records(
    store: Store, channel: str, first: int, most: int = RECORDS_PAGE
) -> list[tuple[Entry, str]]:
    """Records from a position, in order, each with the side whose officer acted; empty for services, roots and void ones."""
    base = store.base(channel)
    with store.snapshot() as connection:
        rows = connection.execute(
            f"SELECT {ENTRY}, actor FROM records WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?",  # fixed words  # noqa: S608
            (base | max(1, min(first, MASK)), base | MASK, most),
        ).fetchall()
    return [
        (_entry(values), officer_side(actor) if actor and values[2] else "")
        for *values, actor in rows
    ]


def _entry(values: Sequence[object]) -> Entry:
    key, raw, valid, detail, exchange, number, commit, junk = values
    assert isinstance(key, int) and isinstance(raw, bytes)
    return entry(
        key & MASK,
        raw,
        valid=bool(valid),
        reason=str(unpacked(str(detail))) if detail else "",
        exchange=str(exchange or ""),
        number=str(number or ""),
        commit=str(commit),
        junk=bool(junk),
    )


def areas(store: Store, channel: str, at: int) -> list[Exchange]:
    """Return the areas that were announced and open at a position: danger areas, impact areas of launches, areas of activities."""
    with store.snapshot() as connection:
        return list(open_areas(connection, store.base(channel), at))


class RecordPlace(Struct, frozen=True, kw_only=True):
    """A record, and the exchange in which it stands or which it opens; empty where that is the channel itself."""

    position: int
    act: str
    number: str
    exchange: str
    opens: bool


_NUMBERED: Final = re.compile(r"[A-Z0-9-]*(/[A-Z0-9-]+)+/?")
_PLACE: Final = (
    "SELECT r.key, r.act, r.number, e.id, e.key = r.key FROM {0} LEFT JOIN exchanges e ON e.id = r.exchange AND e.key >> 40 = r.key >> 40 "
    "WHERE r.key BETWEEN ? AND ? AND r.valid AND r.act IS NOT NULL AND {1} ORDER BY r.key DESC LIMIT ?"
)


def places(store: Store, channel: str, at: int, text: str) -> list[RecordPlace]:
    """Return the records, up to a position, that have an id or a number, or in whose number a part stands: `NATO/26/0042`, `26/0042/N07`."""
    base = store.base(channel)
    named, most = text.upper(), GO_FOUND + 1
    with store.snapshot() as connection:
        by_id = _PLACE.format("records r", "r.id = ?")
        rows = connection.execute(by_id, (base, base | at, text.lower(), most)).fetchall()
        if not rows and _NUMBERED.fullmatch(named):
            among = _PLACE.format(
                "search s JOIN records r ON r.key = s.rowid",
                "s.words MATCH ? AND instr('/' || r.number || '/', ?) > 0",
            )
            rows = connection.execute(
                among, (base, base | at, phrases(named), f"/{named.strip('/')}/", most)
            ).fetchall()
        if not rows and _NUMBERED.fullmatch(named):
            of_channel = _PLACE.format(
                "records r",
                "r.exchange = (SELECT exchange FROM records WHERE key = ?) AND r.number = ?",
            )
            rows = in_time(connection, of_channel, (base, base | at, base | 1, named, most)) or []
    return [
        RecordPlace(
            position=key & MASK, act=act, number=number or "", exchange=id or "", opens=bool(opens)
        )
        for key, act, number, id, opens in rows
    ]
