"""The log for a reader: pages of records, counts by day, and notable records."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from dragoman.domain.acts.access import SERVICE, officer_side
from dragoman.domain.acts.deadlines import timestamp
from dragoman.domain.views.outages import REPORTS
from dragoman.projection.queries.record_entries import entry
from dragoman.projection.row_keys import SAME_EXCHANGE, position_of, row_key
from dragoman.projection.tables import SNAPSHOT_RECORDS
from dragoman.projection.view import View
from dragoman.text import unpacked
from dragoman_schemas.responses import Entry

LOOKED: Final = 20_000
"""The number of records that are read for one page, or for the notable records.

That takes about 50 ms. A list continues from there.
"""

MARKS: Final = 6
"""The most marks of each kind; the newest ones are shown."""

_DAY: Final = timedelta(days=1)
_RECORD: Final = (
    "r.key, r.raw, r.valid, r.detail, coalesce(r.exchange, ''), coalesce(nullif(r.number, ''), "
    "e.number, ''), r.record_commit, "
    "r.act IS NULL OR substr(r.raw, 1, 1) != X'7B'"
)
_EXCHANGE: Final = f"LEFT JOIN exchanges e ON {SAME_EXCHANGE}"

Void = Literal["", "void", "valid"]


class TimelineFilter(Struct, frozen=True, kw_only=True):
    """The conditions on a page of the log; an empty member is no condition.

    `side` is the side of the actor, or `service`.
    """

    side: str = ""
    act: str = ""
    family: str = ""
    void: Void = ""


class TimelinePage(Struct, frozen=True, kw_only=True):
    """The newest matching records up to a position, the newest first.

    `older` is the position from which the next page goes down, `newer` that of the page
    before. Both are 0 without such a page. `looked` is the lowest position that was
    read. An entry's number is the record's own, or else that of its exchange.
    """

    entries: tuple[Entry, ...]
    older: int
    newer: int
    looked: int


def page(view: View, timeline_filter: TimelineFilter, top: int, most: int) -> TimelinePage:
    """Return a page of the log, from a position down."""
    base, newest = view.base, view.position
    clauses, parameters = _narrowed(view, timeline_filter)
    low = max(1, top - LOOKED + 1)
    rows = view.connection.execute(
        f"SELECT {_RECORD} FROM records r {_EXCHANGE} WHERE r.key BETWEEN ? AND ?{clauses} "  # noqa: S608
        "ORDER BY r.key DESC LIMIT ?",
        (row_key(base, low), row_key(base, top), *parameters, most + 1),
    ).fetchall()
    above = view.connection.execute(
        f"SELECT r.key FROM records r {_EXCHANGE} WHERE r.key BETWEEN ? AND ?{clauses} "  # noqa: S608
        "ORDER BY r.key LIMIT ?",
        (row_key(base, top + 1), row_key(base, min(newest, top + LOOKED)), *parameters, most),
    ).fetchall()
    lowest = position_of(rows[most - 1][0]) if len(rows) > most else low
    return TimelinePage(
        entries=tuple(_entry(values) for values in rows[:most]),
        older=lowest - 1,
        newer=position_of(above[-1][0]) if above else 0,
        looked=lowest,
    )


def _narrowed(view: View, timeline_filter: TimelineFilter) -> tuple[str, list[object]]:
    clauses: list[str] = []
    parameters: list[object] = []
    if timeline_filter.side:
        clauses.append("r.actor >= ? AND r.actor < ?")
        parameters += [f"{timeline_filter.side}/", f"{timeline_filter.side}0"]  # "0" follows "/"
    if timeline_filter.act:
        clauses.append("r.act = ?")
        parameters.append(timeline_filter.act)
    if timeline_filter.family == "channel":
        clauses.append("r.exchange = ?")
        parameters.append(view.registry.id)
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
        position_of(key),
        raw,
        valid=bool(valid),
        reason=reason,
        exchange=exchange,
        number=number,
        commit=commit,
        junk=bool(junk),
    )


def on_hosts_word(view: View) -> tuple[int, int]:
    """Return the number of officers' acts that no side has signed.

    Also returns the number of records that were read: the newest ones, if there are
    more.
    """
    first = max(1, view.position - LOOKED // 4 + 1)
    (count,) = view.connection.execute(
        "SELECT count(*) FROM records WHERE key BETWEEN ? AND ? AND valid "
        "AND actor NOT GLOB ? AND instr(raw, ?) > 0",
        (row_key(view.base, first), view.key, f"{SERVICE}/*", b'"attestation":"host"'),
    ).fetchone()
    return int(count), view.position - first + 1


# By day


def per_day(view: View, first: date) -> tuple[int, ...]:
    """Return the number of records of each day, from a day to that of the newest one.

    The channel's time at each record decides its day.
    """
    saved = view.connection.execute(
        "SELECT key, time FROM snapshots WHERE key BETWEEN ? AND ? ORDER BY key",
        (view.base, view.key),
    ).fetchall()
    positions, times = (
        [0, *(position_of(key) for key, _ in saved)],
        ["", *(time for _, time in saved)],
    )
    last = datetime.fromisoformat(view.time).date()
    begun = datetime.fromisoformat(f"{first.isoformat()}T00:00:00.000Z")
    ends = [
        _last_before(view, positions, times, begun + day * _DAY)
        for day in range((last - first).days + 1)
    ]
    return tuple(after - before for before, after in pairwise([*ends, view.position]))


def _last_before(
    view: View, positions: Sequence[int], times: Sequence[str], moment: datetime
) -> int:
    """Return the last position at which the channel's time was before a moment.

    The snapshots before it are read first.
    """
    text = timestamp(moment)
    start = positions[max(0, bisect_left(times, text) - 1)]
    last = min(view.position, start + SNAPSHOT_RECORDS)
    (first,) = view.connection.execute(
        "SELECT min(key) FROM records WHERE key > ? AND key <= ? AND valid AND time >= ?",
        (row_key(view.base, start), row_key(view.base, last), text),
    ).fetchone()
    return last if first is None else position_of(first) - 1


# Notable records


class TimelineMark(Struct, frozen=True, kw_only=True):
    """A notable record: a lapse, a reported outage, or a flash.

    `side` is the side that owed, or the side that sent the flash. Of an outage it is
    the side whose line was cut; empty for a gateway.
    """

    kind: Literal["late", "blind", "flash"]
    position: int
    time: str
    side: str = ""


class _LapseAct(Struct):
    side: str = ""


class _TimelineRow(Struct):
    data: _LapseAct


_parse = msgspec.json.Decoder(_TimelineRow).decode


def marks(view: View) -> tuple[TimelineMark, ...]:
    """Return the newest notable records, in the order of the log."""
    first = row_key(view.base, max(1, view.position - LOOKED))
    late, blind, cut = (
        view.connection.execute(_OF_ACT, (first, view.key, act, MARKS)).fetchall()
        for act in ("lapse", *REPORTS)
    )
    flashes = view.connection.execute(
        "SELECT w.since, r.time, r.actor FROM waits w JOIN records r ON r.key = w.since "
        "WHERE w.key BETWEEN ? AND ? AND w.since <= ? AND w.precedence = 0 "
        "ORDER BY w.since DESC LIMIT ?",
        (view.base, view.key, view.key, MARKS),
    ).fetchall()
    lapses = [
        TimelineMark(kind="late", position=position_of(key), time=time, side=_parse(raw).data.side)
        for key, time, raw, _ in late
    ]
    outages = [
        TimelineMark(
            kind="blind",
            position=position_of(key),
            time=time,
            side=officer_side(actor),
        )
        for key, time, _, actor in (*blind, *cut)
    ]
    rung = [
        TimelineMark(
            kind="flash", position=position_of(key), time=time, side=actor.partition("/")[0]
        )
        for key, time, actor in flashes
    ]
    return tuple(sorted([*lapses, *outages, *rung], key=lambda mark: mark.position))


_OF_ACT: Final = (
    "SELECT key, time, raw, actor FROM records WHERE key BETWEEN ? AND ? AND act = ? AND valid "
    "ORDER BY key DESC LIMIT ?"
)
