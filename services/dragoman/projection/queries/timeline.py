"""The log as somebody looks through it: the records that are wanted, how many came on each day, and what stands out among them."""

import sqlite3
from bisect import bisect_left
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from dragoman.domain.acts.access import SERVICE
from dragoman.domain.acts.deadlines import written
from dragoman.projection.queries.as_of import MASK, registry_at, time_at
from dragoman.projection.queries.record_entries import entry
from dragoman.projection.store import Store
from dragoman.projection.writer import SNAPSHOT_RECORDS
from dragoman.text import unpacked
from dragoman_schemas.responses import Entry

LOOKED: Final = 20_000
"""Records that are looked at for one page of what is wanted, or for what stands out:
some 50 ms; a list goes on from there.
"""

MARKS: Final = 6
"""How much of each kind stands out: the newest."""

_DAY: Final = timedelta(days=1)
_RECORD: Final = (
    "r.key, r.raw, r.valid, r.detail, coalesce(r.exchange, ''), coalesce(nullif(r.number, ''), e.number, ''), r.record_commit, "
    "r.act IS NULL OR substr(r.raw, 1, 1) != X'7B'"
)
_EXCHANGE: Final = "LEFT JOIN exchanges e ON e.id = r.exchange AND e.key >> 40 = r.key >> 40"

Void = Literal["", "void", "valid"]


class TimelineFilter(Struct, frozen=True, kw_only=True):
    """What a reader wants of the log; empty members narrow nothing. `side` is that of the actor, or `service`."""

    side: str = ""
    act: str = ""
    family: str = ""
    void: Void = ""


class TimelinePage(Struct, frozen=True, kw_only=True):
    """The newest records up to a position that are wanted, the newest first.

    `older` is the position from which the next such page goes down, `newer` that of the
    page before; 0 for none. `looked` is the lowest that was looked at. An entry's
    number is the record's own, or else that of its exchange.
    """

    entries: tuple[Entry, ...]
    older: int
    newer: int
    looked: int


def found(
    store: Store, channel: str, timeline_filter: TimelineFilter, top: int, newest: int, most: int
) -> TimelinePage:
    """Return a page of the log, from a position down; nothing after `newest` is looked at."""
    base = store.base(channel)
    with store.snapshot() as connection:
        clauses, parameters = _narrowed(connection, base, newest, timeline_filter)
        low = max(1, top - LOOKED + 1)
        rows = connection.execute(
            f"SELECT {_RECORD} FROM records r {_EXCHANGE} WHERE r.key BETWEEN ? AND ?{clauses} ORDER BY r.key DESC LIMIT ?",  # noqa: S608
            (base | low, base | top, *parameters, most + 1),
        ).fetchall()
        above = connection.execute(
            f"SELECT r.key FROM records r {_EXCHANGE} WHERE r.key BETWEEN ? AND ?{clauses} ORDER BY r.key LIMIT ?",  # noqa: S608
            (base | (top + 1), base | min(newest, top + LOOKED), *parameters, most),
        ).fetchall()
    lowest = (rows[most - 1][0] & MASK) if len(rows) > most else low
    return TimelinePage(
        entries=tuple(_entry(values) for values in rows[:most]),
        older=lowest - 1,
        newer=(above[-1][0] & MASK) if above else 0,
        looked=lowest,
    )


def _narrowed(
    connection: sqlite3.Connection, base: int, newest: int, timeline_filter: TimelineFilter
) -> tuple[str, list[object]]:
    clauses: list[str] = []
    parameters: list[object] = []
    if timeline_filter.side:
        clauses.append("r.actor >= ? AND r.actor < ?")
        parameters += [f"{timeline_filter.side}/", f"{timeline_filter.side}0"]  # "0" follows "/"
    if timeline_filter.act:
        clauses.append("r.act = ?")
        parameters.append(timeline_filter.act)
    if timeline_filter.family == "channel":
        registry = registry_at(connection, base, newest)
        clauses.append("r.exchange = ?")
        parameters.append("" if registry is None else registry.id)
    elif timeline_filter.family:
        clauses.append("e.family = ?")
        parameters.append(timeline_filter.family)
    if timeline_filter.void:
        clauses.append("NOT r.valid" if timeline_filter.void == "void" else "r.valid")
    return "".join(f" AND {clause}" for clause in clauses), parameters


def _entry(values: Sequence[Any]) -> Entry:
    key, raw, valid, detail, exchange, number, commit, junk = values
    reason = str(unpacked(detail)) if detail else ""
    return entry(
        key & MASK,
        raw,
        valid=bool(valid),
        reason=reason,
        exchange=exchange,
        number=number,
        commit=commit,
        junk=bool(junk),
    )


def on_hosts_word(store: Store, channel: str, last: int) -> tuple[int, int]:
    """Return how many acts of officers up to a position no side has signed, and of how many records: of the newest, where there are more."""
    base, first = store.base(channel), max(1, last - LOOKED // 4 + 1)
    with store.snapshot() as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM records WHERE key BETWEEN ? AND ? AND valid AND actor NOT GLOB ? AND instr(raw, ?) > 0",
            (base | first, base | last, f"{SERVICE}/*", b'"attestation":"host"'),
        ).fetchone()
    return int(count), last - first + 1


# By day


def per_day(store: Store, channel: str, first: date, newest: int) -> tuple[int, ...]:
    """Return how many records came on each day from one on, by the channel's time at each; up to the day of the newest position."""
    base = store.base(channel)
    with store.snapshot() as connection:
        saved = connection.execute(
            "SELECT key, time FROM snapshots WHERE key BETWEEN ? AND ? ORDER BY key",
            (base, base | newest),
        ).fetchall()
        positions, times = (
            [0, *(key & MASK for key, _ in saved)],
            ["", *(time for _, time in saved)],
        )
        last = datetime.fromisoformat(time_at(connection, base, newest)).date()
        begun = datetime.fromisoformat(f"{first.isoformat()}T00:00:00.000Z")
        ends = [
            _last_before(connection, base, newest, positions, times, begun + day * _DAY)
            for day in range((last - first).days + 1)
        ]
    return tuple(after - before for before, after in pairwise([*ends, newest]))


def _last_before(
    connection: sqlite3.Connection,
    base: int,
    newest: int,
    positions: Sequence[int],
    times: Sequence[str],
    moment: datetime,
) -> int:
    """Return the last position at which the channel's time was before a moment, by the snapshots before it."""
    text = written(moment)
    start = positions[max(0, bisect_left(times, text) - 1)]
    last = min(newest, start + SNAPSHOT_RECORDS)
    (first,) = connection.execute(
        "SELECT min(key) FROM records WHERE key > ? AND key <= ? AND valid AND time >= ?",
        (base | start, base | last, text),
    ).fetchone()
    return last if first is None else (first & MASK) - 1


# What stands out


class TimelineMark(Struct, frozen=True, kw_only=True):
    """What stands out: a limit that passed, by the side that owed it; a time in which a gateway saw nothing; a flash, by who sent it."""

    kind: Literal["late", "blind", "flash"]
    position: int
    time: str
    side: str = ""


class _SaidRecord(Struct):
    side: str = ""


class _TimelineRow(Struct):
    data: _SaidRecord


_saying = msgspec.json.Decoder(_TimelineRow).decode


def marks(store: Store, channel: str, newest: int) -> tuple[TimelineMark, ...]:
    """Return the newest of what stands out, in the order of the log."""
    base = store.base(channel)
    with store.snapshot() as connection:
        late = connection.execute(
            _OF_ACT, (base | max(1, newest - LOOKED), base | newest, "lapse", MARKS)
        ).fetchall()
        blind = connection.execute(
            _OF_ACT, (base | max(1, newest - LOOKED), base | newest, "broker-outage", MARKS)
        ).fetchall()
        flashes = connection.execute(
            "SELECT w.since, r.time, r.actor FROM waits w JOIN records r ON r.key = w.since "
            "WHERE w.key BETWEEN ? AND ? AND w.since <= ? AND w.precedence = 0 ORDER BY w.since DESC LIMIT ?",
            (base, base | newest, base | newest, MARKS),
        ).fetchall()
    lapses = [
        TimelineMark(kind="late", position=key & MASK, time=time, side=_saying(raw).data.side)
        for key, time, raw in late
    ]
    outages = [TimelineMark(kind="blind", position=key & MASK, time=time) for key, time, _ in blind]
    rung = [
        TimelineMark(kind="flash", position=key & MASK, time=time, side=actor.partition("/")[0])
        for key, time, actor in flashes
    ]
    return tuple(sorted([*lapses, *outages, *rung], key=lambda mark: mark.position))


_OF_ACT: Final = "SELECT key, time, raw FROM records WHERE key BETWEEN ? AND ? AND act = ? AND valid ORDER BY key DESC LIMIT ?"
