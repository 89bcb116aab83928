"""The liaison state of a channel, and its changes between two positions."""

import sqlite3

from msgspec import Raw
from msgspec.structs import replace

from dragoman.domain.record.errors import refuse
from dragoman.domain.views import diff as differing
from dragoman.limits import (
    LIST_PAGE,
    REPORT_EXCHANGES,
)
from dragoman.projection.counters import UNACKNOWLEDGED, UNANSWERED
from dragoman.projection.queries.as_of import (
    newest_position,
    open_matters_at,
    registry_at,
    state_at,
    time_at,
    waiting_at,
)
from dragoman.projection.queries.lists import ROW, head, past, row_of, row_of_columns
from dragoman.projection.row_keys import (
    LAST_POSITION,
    POSITION_BITS,
    channel_number,
    position_of,
    row_key,
)
from dragoman.projection.store import Store
from dragoman_schemas.responses import Row
from dragoman_schemas.state import Registry, encode
from dragoman_schemas.state_responses import Count, Difference, LiaisonState, Owed


def difference(store: Store, channel: str, first: int, last: int) -> Difference:
    """Return the changes after a position, up to another.

    Raises `Refused` if they are too many for one answer.
    """
    base = store.base(channel)
    with store.snapshot() as connection:
        changed_rows = connection.execute(
            "SELECT exchange, group_concat(key & ?) FROM records WHERE key BETWEEN ? AND ? "
            "AND valid AND exchange IS NOT NULL GROUP BY exchange ORDER BY min(key)",
            (LAST_POSITION, row_key(base, first + 1), row_key(base, last)),
        ).fetchmany(REPORT_EXCHANGES + 1)
        if len(changed_rows) > REPORT_EXCHANGES:
            raise refuse(
                "bad-request",
                "More than %(n)s exchanges changed between these positions; choose a shorter "
                "stretch.",
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
            for id, positions in changed_rows
            if after is None or id != after.id
        ]
        changed.sort(key=lambda exchange: _opened(connection, base, exchange.exchange))
    return Difference(
        from_=first,
        to=last,
        exchanges=tuple(changed),
        channel=() if after is None else differing.channel(before, after),
    )


def registry_and_digest_at(store: Store, channel: str, at: int) -> tuple[Registry, str, str] | None:
    """Return a channel's registry, time and digest at a position.

    None where the channel had not been opened.
    """
    base = store.base(channel)
    with store.snapshot() as connection:
        registry = registry_at(connection, base, at)
        if registry is None:
            return None
        (digest,) = connection.execute(
            "SELECT digest FROM records WHERE key = ?", (row_key(base, at),)
        ).fetchone()
        return registry, time_at(connection, base, at), str(digest)


def _opened(connection: sqlite3.Connection, base: int, exchange: str) -> int:
    """Return the position at which an exchange was opened."""
    (key,) = connection.execute(
        f"SELECT key FROM exchanges WHERE id = ? AND key >> {POSITION_BITS} = ?",  # noqa: S608
        (exchange, channel_number(base)),
    ).fetchone()
    return position_of(int(key))


def kept(
    store: Store, channel: str, position: int, as_of: str, *, live: bool
) -> LiaisonState | None:
    """Return the liaison state at a position, if it was the newest that was asked for.

    It follows from the position alone, so it costs nothing until the next record.
    """
    state = store.newest_states.get(channel)
    if state is None or state.position != position:
        return None
    return replace(state, as_of=as_of, live=live)


def liaison_state(
    store: Store, channel: str, at: int | None, as_of: str, *, live: bool
) -> LiaisonState | None:
    """Return the liaison state at a position, by default the newest in the file.

    The newest one is kept. None where the channel had not been opened.
    """
    generation = store.generation
    state, newest = _liaison_state(store, channel, at, as_of, live=live)
    if state is not None and state.position == newest and store.generation == generation:
        store.newest_states[channel] = state
    return state


def _liaison_state(
    store: Store, channel: str, at: int | None, as_of: str, *, live: bool
) -> tuple[LiaisonState | None, int]:
    """Return the liaison state at a position, and the newest position of the file."""
    base = store.base(channel)
    with store.snapshot() as connection:
        newest = newest_position(connection, channel)
        at = newest if at is None else at
        registry = registry_at(connection, base, at)
        if registry is None:
            return None, newest
        now = at == newest
        digest, time, counted = head(connection, base, at) if now else past(connection, base, at)
        rows = _waiting_now(connection, base) if now else _waiting_at(connection, base, at)
        matters, left_off = open_matters_at(connection, base, at, registry)
    state = LiaisonState(
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
            Count(family=family, status=status, exchanges=count)
            for (family, status), count in sorted(counted.items())
            if count and family not in (UNACKNOWLEDGED, UNANSWERED)
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
    return state, newest


def _waiting_now(connection: sqlite3.Connection, base: int) -> list[Row]:
    """Return the exchanges that wait for an acknowledgement now.

    The most urgent come first, and equally urgent ones in their order of opening. The
    list has every flash, and a page of the others.
    """
    query = (
        f"SELECT {ROW} FROM exchanges INDEXED BY exchanges_waiting "  # fixed words  # noqa: S608
        f"WHERE unacknowledged != '' AND key >> {POSITION_BITS} = ? AND precedence"
    )
    flashes = connection.execute(f"{query} = 0 ORDER BY key", (channel_number(base),))
    cursor = connection.execute(
        f"{query} > 0 ORDER BY precedence, key LIMIT {LIST_PAGE}", (channel_number(base),)
    )
    return [row_of_columns(values) for values in (*flashes, *cursor)]


def _waiting_at(connection: sqlite3.Connection, base: int, at: int) -> list[Row]:
    """Return the exchanges that waited for an acknowledgement at a past position."""
    return [_row_at(connection, base, at, id) for id in waiting_at(connection, base, at)]


def _row_at(connection: sqlite3.Connection, base: int, at: int, id: str) -> Row:
    """Return an exchange's row at a past position."""
    return row_of(state_at(connection, base, at, id))
