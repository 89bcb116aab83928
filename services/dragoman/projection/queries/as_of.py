"""What stood at a position: the registry, an exchange, the channel's time, what was delivered, what waited.

Every function takes an open read transaction and a channel's base, so that an answer is
of one position.
"""

import sqlite3
from collections.abc import Iterable
from typing import Final

from dragoman.domain.acts import deadlines
from dragoman.domain.acts.deadlines import DutyCalendar
from dragoman.domain.acts.families.contact import standing_office
from dragoman.domain.acts.families.exchange import owes_answer
from dragoman.domain.record.codec import NotARecord, Record, parse
from dragoman.domain.views import flags
from dragoman.domain.views.open_matters import in_order, open_matter
from dragoman.limits import LIST_PAGE, OPEN_LOOKED
from dragoman.projection.stored_state import whole
from dragoman.projection.writer import ACKNOWLEDGED, SNAPSHOT_RECORDS
from dragoman_schemas.responses import OpenMatter
from dragoman_schemas.state import Exchange, Message, Registry, decode_exchange, decode_registry

MASK: Final = (1 << 40) - 1


def position_of(connection: sqlite3.Connection, channel: str) -> int:
    """Return the position of the channel that this transaction sees."""
    row = connection.execute("SELECT position FROM channels WHERE name = ?", (channel,)).fetchone()
    return 0 if row is None else int(row[0])


def time_at(connection: sqlite3.Connection, base: int, at: int) -> str:
    """Return the channel's time at a position: that of the snapshot before it, or of a record since."""
    start = at - at % SNAPSHOT_RECORDS
    saved = connection.execute(
        "SELECT time FROM snapshots WHERE key = ?", (base | start,)
    ).fetchone()
    (since,) = connection.execute(
        "SELECT max(time) FROM records WHERE key > ? AND key <= ? AND valid",
        (base | start, base | at),
    ).fetchone()
    return max("" if saved is None else saved[0], since or "")


def calendars_at(
    connection: sqlite3.Connection, base: int, at: int, sides: Iterable[str]
) -> dict[str, DutyCalendar]:
    """Return the calendars of sides by their offices' entries as they stood at a position."""
    ids = connection.execute(
        "SELECT id FROM exchanges WHERE act = 'liaison-office' AND key BETWEEN ? AND ?",
        (base, base | at),
    ).fetchall()
    offices = [state_at(connection, base, at, id) for (id,) in ids]
    return {side: deadlines.calendar_of(standing_office(offices, side)) for side in sides}


def open_areas(connection: sqlite3.Connection, base: int, at: int) -> list[Exchange]:
    """Return the areas that were announced and open at a position, the newest first; at most a page. What has not changed since is as it is now."""
    ids = connection.execute(
        "SELECT id FROM exchanges INDEXED BY exchanges_area WHERE act IN ('danger-area', 'launch-notice', 'military-activity') "
        "AND key BETWEEN ? AND ? AND (status IN ('announced', 'notified', 'postponed', 'acknowledged') OR position > ?) "
        "ORDER BY key DESC LIMIT ?",
        (base, base | at, at, LIST_PAGE),
    ).fetchall()
    return [
        state for (id,) in ids if flags.is_open_area(state := state_at(connection, base, at, id))
    ]


def state_at(connection: sqlite3.Connection, base: int, at: int, id: str) -> Exchange:
    """Return an exchange that had been opened, as it stood."""
    (state,) = connection.execute(
        "SELECT state FROM records WHERE exchange = ? AND valid AND state IS NOT NULL AND key BETWEEN ? AND ? ORDER BY key DESC LIMIT 1",
        (id, base, base | at),
    ).fetchone()
    return decode_exchange(whole(connection, base, id, state))


def record_in(connection: sqlite3.Connection, base: int, position: int) -> Record | None:
    """Return the record at a position; None where it was erased or is no record of an act."""
    (raw,) = connection.execute(
        "SELECT raw FROM records WHERE key = ?", (base | position,)
    ).fetchone()
    try:
        record = parse(raw)
    except NotARecord:
        return None
    return record if record.act else None


def registry_at(connection: sqlite3.Connection, base: int, at: int) -> Registry | None:
    """Return the registry as it stood; None where the channel had not been opened, or is none."""
    genesis = connection.execute(
        "SELECT exchange FROM records WHERE key = ? AND valid", (base | 1,)
    ).fetchone()
    if genesis is None or at < 1:
        return None
    (state,) = connection.execute(
        "SELECT state FROM records WHERE exchange = ? AND valid AND key BETWEEN ? AND ? ORDER BY key DESC LIMIT 1",
        (genesis[0], base, base | at),
    ).fetchone()
    return decode_registry(whole(connection, base, genesis[0], state))


def delivered_at(
    connection: sqlite3.Connection, base: int, at: int, side: str, message: Message
) -> str:
    """Return when the first watermark of the side that covers the message was recorded."""
    row = connection.execute(
        "SELECT time FROM deliveries WHERE channel = ? AND side = ? AND upto >= ? AND position <= ? ORDER BY upto LIMIT 1",
        (base >> 40, side, message.said.position, at),
    ).fetchone()
    return "" if row is None else str(row[0])


def waiting_at(connection: sqlite3.Connection, base: int, at: int) -> list[str]:
    """Return the exchanges that waited for an acknowledgement, the most urgent first and among these the oldest: every flash, and a page of the others."""
    cursor = connection.execute(
        "SELECT e.id, w.precedence FROM waits w JOIN exchanges e ON e.key = w.key WHERE w.until > ? AND w.until <= ? AND w.since <= ? "
        "AND w.precedence < ? ORDER BY w.precedence, w.key",
        (base | at, base | MASK, base | at, ACKNOWLEDGED),
    )
    ids: list[str] = []
    number = 0
    for id, precedence in cursor:
        number += precedence > 0
        if number > LIST_PAGE:
            break
        ids.append(id)
    return ids


def open_ids(connection: sqlite3.Connection, base: int, at: int) -> tuple[list[str], list[str]]:
    """Return the exchanges that may be open matters at a position: those that wait for an acknowledgement, the most urgent first, and the others, the newest first."""
    rows = connection.execute(
        "SELECT e.id, w.precedence FROM waits w JOIN exchanges e ON e.key = w.key WHERE w.until > ? AND w.until <= ? AND w.since <= ? "
        "ORDER BY w.precedence, w.key",
        (base | at, base | MASK, base | at),
    ).fetchall()
    waiting = [id for id, precedence in rows if precedence < ACKNOWLEDGED]
    return waiting, [id for id, precedence in reversed(rows) if precedence == ACKNOWLEDGED]


def open_matters_at(
    connection: sqlite3.Connection, base: int, at: int, registry: Registry
) -> tuple[list[OpenMatter], int]:
    """Return the open matters at a position, the most urgent first, and how many exchanges more may be open.

    Of what waits for an acknowledgement they are every flash and a page of the others,
    of the rest the newest of a bound.
    """
    waiting, names = open_ids(connection, base, at)
    looked = waiting_at(connection, base, at)
    calendars = calendars_at(connection, base, at, [side.name for side in registry.sides])
    states = (state_at(connection, base, at, id) for id in (*looked, *names[:OPEN_LOOKED]))
    matters = [
        matter
        for state in states
        if (matter := open_matter(registry, state, calendars)) is not None
    ]
    return in_order(matters), len(waiting) - len(looked) + len(names[OPEN_LOOKED:])


def unanswered_at(connection: sqlite3.Connection, base: int, at: int) -> list[str]:
    """Return the exchanges that waited for an answer, the newest first; at most a page, and of a past position among the newest alone."""
    (newest,) = connection.execute(
        "SELECT position FROM channels WHERE number = ?", (base >> 40,)
    ).fetchone()
    if at == newest:
        cursor = connection.execute(
            f"SELECT id FROM exchanges INDEXED BY exchanges_unanswered WHERE unanswered != '' AND key BETWEEN ? AND ? ORDER BY key DESC LIMIT {LIST_PAGE}",  # noqa: S608
            (base, base | MASK),
        )
        return [id for (id,) in cursor]
    ids = connection.execute(
        f"SELECT id FROM exchanges WHERE key BETWEEN ? AND ? ORDER BY key DESC LIMIT {5 * LIST_PAGE}",  # noqa: S608
        (base, base | at),
    ).fetchall()
    return [id for (id,) in ids if owes_answer(state_at(connection, base, at, id))][:LIST_PAGE]
