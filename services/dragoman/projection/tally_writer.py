"""The tallies and waits of a projection's file, brought up to date record by record.

    tally       each channel's counts now, in `channels`
    snapshots   the tally every `SNAPSHOT_RECORDS` positions, with frontier and time
    waits       from which position until which an exchange waited, and how urgently

`TallyWriter.count` is called before the new rows of the exchanges are written: it reads
the old rows, and replaces in the tally what each exchange counted before.
"""

import sqlite3

from dragoman.domain.views.open_matters import may_be_open
from dragoman.projection import counters, stored_state
from dragoman.projection.counters import Tally
from dragoman.projection.row_keys import base_of, last_key, row_key
from dragoman.projection.table_rows import insert_rows
from dragoman.projection.tables import ACKNOWLEDGED, PRECEDENCES
from dragoman.projection.writer_messages import FoldedLine, split
from dragoman_schemas.state import Exchange, decode_exchange


class TallyWriter:
    """The tallies of all channels, in memory and in the file.

    `forget` is called when a transaction has failed: the tallies are then read again
    from the file.
    """

    def __init__(self) -> None:
        """Begin with no tally in memory."""
        self._tallies: dict[int, Tally] = {}

    def forget(self) -> None:
        """Drop the tallies in memory."""
        self._tallies.clear()

    def count(
        self,
        connection: sqlite3.Connection,
        number: int,
        lines: list[FoldedLine],
        changed: dict[int, Exchange],
    ) -> Tally:
        """Return a channel's tally after some lines; write its waits and snapshots.

        `number` is the channel's number, `changed` the new states by position.
        """
        base = base_of(number)
        tally = self._tallies.get(number)
        if tally is None:
            (saved,) = connection.execute(
                "SELECT tally FROM channels WHERE number = ?", (number,)
            ).fetchone()
            tally = self._tallies[number] = counters.decode(saved)
        tallies: dict[int, tuple[Tally, int | None]] = {}
        begun: dict[int, tuple[int, int]] = {}
        snapshots: list[tuple[object, ...]] = []
        for line in lines:
            state = changed.get(line.position)
            if state is not None:
                key, now = row_key(base, state.opened.position), row_key(base, line.position)
                if key not in tallies:
                    tallies[key] = (
                        _counted(connection, key)
                        if key < row_key(base, lines[0].position)
                        else (Tally(), None)
                    )
                before, waited = tallies[key]
                after = counters.of(state)
                waits = (
                    PRECEDENCES.index(state.precedence)
                    if _waits(after)
                    else ACKNOWLEDGED
                    if may_be_open(state)
                    else None
                )
                tally.subtract(before)
                tally.update(after)
                tallies[key] = after, waits
                if waits != waited:
                    if waited is not None:
                        _end_wait(connection, begun, key, now)
                    if waits is not None:
                        begun[key] = now, waits
            if line.frontier:
                snapshots.append(
                    (
                        row_key(base, line.position),
                        line.frontier,
                        line.time,
                        counters.encode(tally),
                    )
                )
        insert_rows(
            connection,
            "INSERT INTO waits",
            [(key, since, last_key(base), waits) for key, (since, waits) in begun.items()],
        )
        insert_rows(connection, "INSERT INTO snapshots", snapshots)
        return tally


def tally_at(connection: sqlite3.Connection, base: int, position: int) -> Tally | None:
    """Return the counts of the state at a position; None if it has no state."""
    exchange, stored = connection.execute(
        "SELECT exchange, state FROM records WHERE key = ?", (row_key(base, position),)
    ).fetchone()
    if stored is None:
        return None
    return counters.of(decode_exchange(stored_state.whole(connection, base, exchange, stored)))


def discount(connection: sqlite3.Connection, base: int, states: list[tuple[int, Tally]]) -> None:
    """Subtract an exchange from the snapshots that count it.

    `states` are the keys of the exchange's states, in order, each with its counts. Each
    snapshot loses the counts of the newest state before it.
    """
    rows = connection.execute(
        "SELECT key, tally FROM snapshots WHERE key BETWEEN ? AND ?",
        (states[0][0], last_key(base)),
    ).fetchall()
    for key, saved in rows:
        tally = counters.decode(saved)
        tally.subtract(next(counts for at, counts in reversed(states) if at <= key))
        connection.execute(
            "UPDATE snapshots SET tally = ? WHERE key = ?", (counters.encode(tally), key)
        )


def _counted(connection: sqlite3.Connection, key: int) -> tuple[Tally, int | None]:
    """Return the counts of an exchange in the file, and how urgently it waits.

    The second is None where it does not wait.
    """
    row = connection.execute(
        "SELECT family, status, unacknowledged, unanswered FROM exchanges WHERE key = ?", (key,)
    ).fetchone()
    family, status, unacknowledged, unanswered = row
    waits = connection.execute(
        "SELECT precedence FROM waits WHERE key = ? AND until = ?",
        (key, last_key(key)),
    ).fetchone()
    return counters.of_parts(
        family, status, split(unacknowledged), split(unanswered)
    ), None if waits is None else waits[0]


def _end_wait(
    connection: sqlite3.Connection, begun: dict[int, tuple[int, int]], key: int, now: int
) -> None:
    fresh = begun.pop(key, None)
    if fresh is not None:
        since, waits = fresh
        connection.execute("INSERT INTO waits VALUES (?, ?, ?, ?)", (key, since, now, waits))
    else:
        connection.execute(
            "UPDATE waits SET until = ? WHERE key = ? AND until = ?", (now, key, last_key(key))
        )


def _waits(counted: Tally) -> bool:
    return any(kind == counters.UNACKNOWLEDGED for kind, _ in counted)
