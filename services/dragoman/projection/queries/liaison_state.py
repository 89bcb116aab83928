"""The liaison state of a channel, and what changed between two positions."""

import sqlite3

from msgspec import Raw

from dragoman.domain.record.errors import refuse
from dragoman.domain.views import diff as differing
from dragoman.limits import (
    LIST_PAGE,
    REPORT_EXCHANGES,
)
from dragoman.projection.counters import UNACKNOWLEDGED, UNANSWERED
from dragoman.projection.queries.as_of import (
    open_matters_at,
    position_of,
    registry_at,
    state_at,
    time_at,
    waiting_at,
)
from dragoman.projection.queries.lists import MASK, ROW, _row, head, past, row_of
from dragoman.projection.store import Store
from dragoman_schemas.responses import (
    Count,
    Difference,
    LiaisonState,
    Owed,
    Row,
)
from dragoman_schemas.state import Registry, encode


def difference(store: Store, channel: str, first: int, last: int) -> Difference:
    """Return what changed after a position, up to another. Raises `Refused` for more than one answer holds."""
    base = store.base(channel)
    with store.snapshot() as connection:
        fetchmany = connection.execute(
            "SELECT exchange, group_concat(key & ?) FROM records WHERE key BETWEEN ? AND ? AND valid AND exchange IS NOT NULL GROUP BY exchange ORDER BY min(key)",
            (MASK, base | (first + 1), base | last),
        ).fetchmany(REPORT_EXCHANGES + 1)
        if len(fetchmany) > REPORT_EXCHANGES:
            raise refuse(
                "bad-request",
                "More than %(n)s exchanges changed between these positions; choose a shorter stretch.",
                n=REPORT_EXCHANGES,
            )
        before, after = registry_at(connection, base, first), registry_at(connection, base, last)
        changed = [
            differing.changed(
                state_at(connection, base, first, id)
                if _opened(connection, base, id) <= first
                else None,
                state_at(connection, base, last, id),
                tuple(sorted(int(position) for position in positions.split(","))),
            )
            for id, positions in fetchmany
            if after is None or id != after.id
        ]
        changed.sort(key=lambda item: _opened(connection, base, item.exchange))
    return Difference(
        from_=first,
        to=last,
        exchanges=tuple(changed),
        channel=() if after is None else differing.channel(before, after),
    )


def stood(store: Store, channel: str, at: int) -> tuple[Registry, str, str] | None:
    """Return how a channel stood at a position: its registry, its time, the digest of its state. None where it had not been opened."""
    base = store.base(channel)
    with store.snapshot() as connection:
        registry = registry_at(connection, base, at)
        if registry is None:
            return None
        (digest,) = connection.execute(
            "SELECT digest FROM records WHERE key = ?", (base | at,)
        ).fetchone()
        return registry, time_at(connection, base, at), str(digest)


def _opened(connection: sqlite3.Connection, base: int, exchange: str) -> int:
    """Return the position at which an exchange was opened."""
    (key,) = connection.execute(
        "SELECT key FROM exchanges WHERE id = ? AND key >> 40 = ? >> 40", (exchange, base)
    ).fetchone()
    return int(key) & MASK


def liaison_state(
    store: Store, channel: str, at: int | None, as_of: str, *, live: bool
) -> LiaisonState | None:
    """Return the liaison state at a position, by default that of the file now; None where the channel had not been opened."""
    base = store.base(channel)
    with store.snapshot() as connection:
        newest = position_of(connection, channel)
        at = newest if at is None else at
        registry = registry_at(connection, base, at)
        if registry is None:
            return None
        now = at == newest
        digest, time, counted = head(connection, base, at) if now else past(connection, base, at)
        rows = _waiting_now(connection, base) if now else _waiting_at(connection, base, at)
        matters, left_off = open_matters_at(connection, base, at, registry)
    return LiaisonState(
        channel=channel,
        cid=registry.cid,
        kind=registry.kind,
        custody=registry.custody,
        position=at,
        time=time,
        as_of=as_of,
        live=live,
        digest=digest,
        registry=Raw(encode(registry)),
        counts=tuple(
            Count(family=what, status=of, exchanges=count)
            for (what, of), count in sorted(counted.items())
            if count and what not in (UNACKNOWLEDGED, UNANSWERED)
        ),
        owed=tuple(
            Owed(
                side=side.name,
                unacknowledged=counted[UNACKNOWLEDGED, side.name],
                unanswered=counted[UNANSWERED, side.name],
                delivered=registry.delivered[side.name].upto
                if side.name in registry.delivered
                else 0,
            )
            for side in registry.sides
        ),
        unacknowledged=tuple(rows),
        open_matters=tuple(matters),
        open_matters_left_off=left_off,
    )


def _waiting_now(connection: sqlite3.Connection, base: int) -> list[Row]:
    """Return the exchanges that wait for an acknowledgement, the most urgent first and among these the oldest: every flash, and a page of the others."""
    query = f"SELECT {ROW} FROM exchanges INDEXED BY exchanges_waiting WHERE unacknowledged != '' AND key >> 40 = ? AND precedence"  # noqa: S608
    flashes = connection.execute(f"{query} = 0 ORDER BY key", (base >> 40,))
    cursor = connection.execute(
        f"{query} > 0 ORDER BY precedence, key LIMIT {LIST_PAGE}", (base >> 40,)
    )
    return [_row(values) for values in (*flashes, *cursor)]


def _waiting_at(connection: sqlite3.Connection, base: int, at: int) -> list[Row]:
    """Return the same as it was at a past position."""
    return [_row_at(connection, base, at, id) for id in waiting_at(connection, base, at)]


def _row_at(connection: sqlite3.Connection, base: int, at: int, id: str) -> Row:
    """Return an exchange's row as it was at a past position."""
    return row_of(state_at(connection, base, at, id))
