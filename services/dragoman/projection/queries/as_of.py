"""States at a position: registry, exchanges, time, deliveries, waiting exchanges.

Almost every function takes an open read transaction and a channel's base, so that an
answer is of one position. `past_moment` finds the position of a moment.
"""

import re
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from dragoman.domain.acts import deadlines, duty_calendar
from dragoman.domain.acts.duty_calendar import DutyCalendar
from dragoman.domain.acts.families.contact import standing_office
from dragoman.domain.acts.families.exchange import owes_answer
from dragoman.domain.record.codec import NotARecord, Record, parse_stored
from dragoman.domain.record.errors import refuse
from dragoman.domain.views import flags
from dragoman.domain.views.open_matters import in_order, open_matter
from dragoman.limits import LIST_PAGE, OPEN_LOOKED
from dragoman.projection.row_keys import (
    channel_number,
    channel_range,
    last_key,
    position_of,
    row_key,
)
from dragoman.projection.store import Store
from dragoman.projection.stored_state import whole
from dragoman.projection.tables import ACKNOWLEDGED, SNAPSHOT_RECORDS
from dragoman_schemas.state import Exchange, Message, Registry, decode_exchange, decode_registry
from dragoman_schemas.state_responses import OpenMatter

_MILLISECOND: Final = timedelta(milliseconds=1)
_POSITION: Final = re.compile(r"[0-9]{1,15}")


def newest_position(connection: sqlite3.Connection, channel: str) -> int:
    """Return the newest position of the channel that this transaction sees."""
    row = connection.execute("SELECT position FROM channels WHERE name = ?", (channel,)).fetchone()
    return 0 if row is None else int(row[0])


def time_at(connection: sqlite3.Connection, base: int, at: int) -> str:
    """Return the channel's time at a position.

    It is that of the snapshot before it, or of a record since.
    """
    start = at - at % SNAPSHOT_RECORDS
    saved = connection.execute(
        "SELECT time FROM snapshots WHERE key = ?", (row_key(base, start),)
    ).fetchone()
    (since,) = connection.execute(
        "SELECT max(time) FROM records WHERE key > ? AND key <= ? AND valid",
        (row_key(base, start), row_key(base, at)),
    ).fetchone()
    return max("" if saved is None else saved[0], since or "")


def calendars_at(
    connection: sqlite3.Connection, base: int, at: int, sides: Iterable[str]
) -> dict[str, DutyCalendar]:
    """Return sides' calendars by their offices' entries at a position."""
    ids = connection.execute(
        "SELECT id FROM exchanges WHERE act = 'liaison-office' AND key BETWEEN ? AND ?",
        (base, row_key(base, at)),
    ).fetchall()
    offices = [state_at(connection, base, at, id) for (id,) in ids]
    return {side: duty_calendar.calendar_of(standing_office(offices, side)) for side in sides}


def open_areas(connection: sqlite3.Connection, base: int, at: int) -> list[Exchange]:
    """Return the areas that were announced and open at a position, the newest first.

    Returns at most a page. An exchange that has not changed since is in its present
    state.
    """
    return [
        state
        for state in announced_at(connection, base, at)
        if state.act in flags.AREAS and flags.is_open_area(state)
    ]


def announced_at(connection: sqlite3.Connection, base: int, at: int) -> list[Exchange]:
    """Return the exchanges with a window that had not ended, newest first.

    Returns at most a page. An exchange that has changed since is in its state of then.
    """
    ids = connection.execute(
        f"SELECT id FROM {_ANNOUNCED} ORDER BY key DESC LIMIT ?",  # fixed words  # noqa: S608
        (base, row_key(base, at), at, LIST_PAGE),
    ).fetchall()
    return [state_at(connection, base, at, id) for (id,) in ids]


def announced_count(connection: sqlite3.Connection, base: int, at: int) -> int:
    """Return the number of exchanges with a window that had not ended."""
    (count,) = connection.execute(
        f"SELECT count(*) FROM {_ANNOUNCED}",  # fixed words  # noqa: S608
        (base, row_key(base, at), at),
    ).fetchone()
    return int(count)


_ANNOUNCED: Final = (
    "exchanges INDEXED BY exchanges_window "
    "WHERE act IN ('danger-area', 'launch-notice', 'military-activity', "
    "'humanitarian-notification', 'visit-invitation', 'visit-request') "
    "AND key BETWEEN ? AND ? AND (status NOT IN ('cancelled', 'closed', 'declined', "
    "'withdrawn', 'cleared', 'completed', 'reported', 'left') OR position > ?)"
)
"""The rows of exchanges with a window that had not ended at a position."""


def state_at(connection: sqlite3.Connection, base: int, at: int, id: str) -> Exchange:
    """Return the state, at a position, of an exchange that had been opened."""
    (state,) = connection.execute(
        "SELECT state FROM records WHERE exchange = ? AND valid AND state IS NOT NULL "
        "AND key BETWEEN ? AND ? ORDER BY key DESC LIMIT 1",
        (id, base, row_key(base, at)),
    ).fetchone()
    return decode_exchange(whole(connection, base, id, state))


def record_in(connection: sqlite3.Connection, base: int, position: int) -> Record | None:
    """Return the record at a position.

    None where it was erased, or is not a record of an act.
    """
    (raw,) = connection.execute(
        "SELECT raw FROM records WHERE key = ?", (row_key(base, position),)
    ).fetchone()
    try:
        record = parse_stored(raw)
    except NotARecord:
        return None
    return record if record.act else None


def registry_at(connection: sqlite3.Connection, base: int, at: int) -> Registry | None:
    """Return the registry at a position.

    None where the channel had not been opened, or is not a channel.
    """
    genesis = connection.execute(
        "SELECT exchange FROM records WHERE key = ? AND valid", (row_key(base, 1),)
    ).fetchone()
    if genesis is None or at < 1:
        return None
    (state,) = connection.execute(
        "SELECT state FROM records WHERE exchange = ? AND valid AND key BETWEEN ? AND ? "
        "ORDER BY key DESC LIMIT 1",
        (genesis[0], base, row_key(base, at)),
    ).fetchone()
    return decode_registry(whole(connection, base, genesis[0], state))


def delivered_at(
    connection: sqlite3.Connection, base: int, at: int, side: str, message: Message
) -> str:
    """Return the time of a side's first watermark that covers a message.

    Empty where none does.
    """
    row = connection.execute(
        "SELECT time FROM deliveries WHERE channel = ? AND side = ? AND upto >= ? "
        "AND position <= ? ORDER BY upto LIMIT 1",
        (channel_number(base), side, message.said.position, at),
    ).fetchone()
    return "" if row is None else str(row[0])


def waiting_at(connection: sqlite3.Connection, base: int, at: int) -> list[str]:
    """Return the exchanges that waited for an acknowledgement, the most urgent first.

    Equally urgent ones are in their order of opening. The list has every flash, and a
    page of the others.
    """
    cursor = connection.execute(
        "SELECT e.id, w.precedence FROM waits w JOIN exchanges e ON e.key = w.key "
        "WHERE w.until > ? AND w.until <= ? AND w.since <= ? "
        "AND w.precedence < ? ORDER BY w.precedence, w.key",
        (row_key(base, at), last_key(base), row_key(base, at), ACKNOWLEDGED),
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
    """Return the exchanges that may be open matters at a position, in two lists.

    The first list are those that wait for an acknowledgement, the most urgent first.
    The second are the others, the newest first.
    """
    rows = connection.execute(
        "SELECT e.id, w.precedence FROM waits w JOIN exchanges e ON e.key = w.key "
        "WHERE w.until > ? AND w.until <= ? AND w.since <= ? "
        "ORDER BY w.precedence, w.key",
        (row_key(base, at), last_key(base), row_key(base, at)),
    ).fetchall()
    waiting = [id for id, precedence in rows if precedence < ACKNOWLEDGED]
    return waiting, [id for id, precedence in reversed(rows) if precedence == ACKNOWLEDGED]


def open_matters_at(
    connection: sqlite3.Connection, base: int, at: int, registry: Registry
) -> tuple[list[OpenMatter], int]:
    """Return the open matters at a position, and how many more exchanges may be open.

    The most urgent matters come first. Of the exchanges that wait for an
    acknowledgement these are every flash and a page of the others. Of the rest they are
    the newest, within a bound.
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
    """Return the exchanges that waited for an answer, the newest first.

    Returns at most a page. For a past position only the newest exchanges are searched.
    """
    (newest,) = connection.execute(
        "SELECT position FROM channels WHERE number = ?", (channel_number(base),)
    ).fetchone()
    if at == newest:
        cursor = connection.execute(
            "SELECT id FROM exchanges INDEXED BY exchanges_unanswered WHERE unanswered != '' "  # noqa: S608
            f"AND key BETWEEN ? AND ? ORDER BY key DESC LIMIT {LIST_PAGE}",
            channel_range(base),
        )
        return [id for (id,) in cursor]
    ids = connection.execute(
        "SELECT id FROM exchanges WHERE key BETWEEN ? AND ? ORDER BY key DESC "  # noqa: S608
        f"LIMIT {5 * LIST_PAGE}",
        (base, row_key(base, at)),
    ).fetchall()
    return [id for (id,) in ids if owes_answer(state_at(connection, base, at, id))][:LIST_PAGE]


# Moments of the past


class PastMoment(NamedTuple):
    """A moment of the past: the newest record then, and the time of its clock.

    What was recorded follows from the record. Limits, windows and ages follow from the
    clock, which may be long after that record.
    """

    position: int
    clock: datetime


def instant(name: str, text: str) -> datetime:
    """Return a caller's time, to the millisecond in UTC.

    Raises `Refused` for a time that does not exist, or that has no zone.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError(text)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise refuse(
            "bad-request",
            "%(name)s: %(time)s is not a valid time; write it like 2026-11-24T06:00:00Z.",
            name=name,
            time=text,
        ) from None
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def past_moment(store: Store, channel: str, newest: int, as_of: str, at: str) -> PastMoment | None:
    """Return the past moment that `at` names by a position or a time; None for now.

    The clock of a position is the channel's time there. `as_of` is the time at which
    the end of the log was last seen. Raises `Refused` for a position that the log does
    not have, and for a time before the opening or after `as_of`.
    """
    if at in ("", "0"):
        return None
    base = store.base(channel)
    with store.snapshot() as connection:
        if _POSITION.fullmatch(at):
            if not 1 <= int(at) <= newest:
                raise refuse(
                    "bad-request",
                    "Records are counted from 1 to %(newest)s; give one of these, or a time.",
                    newest=newest,
                )
            time = time_at(connection, base, int(at))
            if not time:
                raise refuse("not-found", "The channel was not open at that position.")
            return PastMoment(int(at), datetime.fromisoformat(time))
        clock = instant("at", at)
        position = position_before(connection, base, newest, clock + _MILLISECOND)
        latest = known_until(connection, base, newest, as_of)
        if clock >= latest:
            raise refuse(
                "bad-request",
                "The log is known here until %(time)s; give an earlier time, or none for now.",
                time=deadlines.timestamp(latest),
            )
        if not position:
            raise refuse("not-found", "The channel was not open at that time.")
        return PastMoment(position, clock)


def position_before(
    connection: sqlite3.Connection, base: int, newest: int, moment: datetime
) -> int:
    """Return the last position at which the channel's time was before a moment.

    Returns 0 if there is no such position.
    """
    text = deadlines.timestamp(moment)
    (saved,) = connection.execute(
        "SELECT max(key) FROM snapshots WHERE key BETWEEN ? AND ? AND time < ?",
        (base, row_key(base, newest), text),
    ).fetchone()
    start = 0 if saved is None else position_of(saved)
    last = min(newest, start + SNAPSHOT_RECORDS)
    (first,) = connection.execute(
        "SELECT min(key) FROM records WHERE key > ? AND key <= ? AND valid AND time >= ?",
        (row_key(base, start), row_key(base, last), text),
    ).fetchone()
    return last if first is None else position_of(first) - 1


def known_until(connection: sqlite3.Connection, base: int, newest: int, as_of: str) -> datetime:
    """Return the first time of which nothing is known here."""
    recorded = after(time_at(connection, base, newest))
    return max(recorded, datetime.fromisoformat(as_of)) if as_of else recorded


def after(time: str) -> datetime:
    """Return the first moment after a time of the channel; the earliest for none."""
    return datetime.fromisoformat(time) + _MILLISECOND if time else datetime.min.replace(tzinfo=UTC)
