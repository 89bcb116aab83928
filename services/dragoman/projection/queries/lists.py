"""Lists of exchanges: filters, counts and pages."""

import re
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from dragoman.domain.acts import deadlines
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.families.exchange import ENDED, owes_acknowledgement, owes_answer
from dragoman.domain.views.titles import subject_of
from dragoman.limits import (
    FACET_SECONDS,
    OVERDUE_LOOKED,
    PAST_LOOKED,
    RECORDS_PAGE,
)
from dragoman.projection import counters
from dragoman.projection.counters import UNACKNOWLEDGED, UNANSWERED, Tally
from dragoman.projection.queries.as_of import (
    calendars_at,
    position_of,
    registry_at,
    state_at,
    time_at,
)
from dragoman.projection.store import Store
from dragoman.projection.stored_state import whole
from dragoman.projection.writer import PRECEDENCES, SNAPSHOT_RECORDS
from dragoman.projection.writer_messages import spaced, split
from dragoman_schemas.responses import (
    Facets,
    Row,
    Rows,
)
from dragoman_schemas.state import Exchange, decode_exchange

MASK: Final = (1 << 40) - 1


ROW: Final = "id, number, act, family, status, side, sides, precedence, area, subject, opened, updated, position, unacknowledged, unanswered, key"


_CURSOR: Final = re.compile(r"[0-9]{1,12}")


class Filter(Struct, frozen=True, kw_only=True):
    """What a list is narrowed to; empty members narrow nothing. `cursor` is the key after which the page begins.

    `overdue` is a side that owes something whose time is over, or `any`.
    """

    family: str = ""
    act: str = ""
    status: str = ""
    side: str = ""
    area: str = ""
    number: str = ""
    unacknowledged_by: str = ""
    unanswered_by: str = ""
    overdue: str = ""
    q: str = ""
    cursor: str = ""


_FACETS: Final = ("family", "act", "status", "side", "area")


def facets(store: Store, channel: str, wanted: Filter) -> Facets:
    """Return how many exchanges the filter leaves in all, and of each kind: what a list could be narrowed to further."""
    base = store.base(channel)
    _, clauses, parameters = _narrowed(base, base | MASK, wanted)
    counted = f"count(*) FROM exchanges WHERE {' AND '.join(clauses)}"
    with store.snapshot() as connection:
        (count,) = connection.execute(f"SELECT {counted}", parameters).fetchone()
        kinds = {
            column: dict(
                connection.execute(
                    f"SELECT {column}, {counted} GROUP BY 1 ORDER BY 2 DESC", parameters
                )
            )
            for column in _FACETS
        }
    return Facets(count=count, **kinds)


def listed(
    store: Store,
    channel: str,
    wanted: Filter,
    most: int,
    now: datetime,
    awaited: Collection[str] = (),
) -> Rows:
    """Return a page of exchanges, the newest opened first; what is overdue is so `now`. Of the `awaited` sides one owes a receipt or an answer."""
    base = store.base(channel)
    index, clauses, parameters = _narrowed(base, _before(base, wanted.cursor), wanted, awaited)
    query = f"SELECT {ROW} FROM exchanges {index} WHERE {' AND '.join(clauses)} ORDER BY key DESC"  # fixed words  # noqa: S608
    with store.snapshot() as connection:
        position = position_of(connection, channel)
        if wanted.overdue:
            rows, cursor = _overdue(
                connection,
                base,
                position,
                wanted.overdue,
                connection.execute(query, parameters),
                most,
                now,
            )
        else:
            rows = connection.execute(f"{query} LIMIT {most + 1}", parameters).fetchall()
            cursor = str(rows[most - 1][-1] & MASK) if len(rows) > most else ""
    return Rows(
        exchanges=tuple(_row(values) for values in rows[:most]), position=position, next=cursor
    )


def listed_at(
    store: Store, channel: str, wanted: Filter, most: int, at: int, awaited: Collection[str] = ()
) -> Rows:
    """Return the same as it stood at a position. After many exchanges were looked at the page ends, and its cursor goes on from there."""
    base = store.base(channel)
    fixed = replace(wanted, status="", side="", area="", unacknowledged_by="", unanswered_by="")
    _, clauses, parameters = _narrowed(
        base, min(_before(base, wanted.cursor), base | at), fixed, at=at
    )
    query = f"SELECT id, key FROM exchanges WHERE {' AND '.join(clauses)} ORDER BY key DESC LIMIT {PAST_LOOKED}"  # fixed words  # noqa: S608
    rows: list[Row] = []
    with store.snapshot() as connection:
        late = _lateness(
            connection, base, at, datetime.fromisoformat(time_at(connection, base, at))
        )
        looked = connection.execute(query, parameters).fetchall()
        last = 0
        for id, key in looked:
            state = state_at(connection, base, at, id)
            row = row_of(state)
            if _fits(row, wanted, awaited) and (not wanted.overdue or late(state, wanted.overdue)):
                if len(rows) == most:
                    break
                rows.append(row)
            last = key & MASK
        else:
            last = last if len(looked) == PAST_LOOKED else 0
    return Rows(exchanges=tuple(rows), position=at, next=str(last or ""))


def _fits(row: Row, wanted: Filter, awaited: Collection[str]) -> bool:
    """Return whether a row is as a filter has it, in what may have changed since it was opened."""
    return (
        wanted.status in ("", row.status)
        and wanted.area in ("", row.area)
        and wanted.side in ("", row.side, *row.to)
        and wanted.unacknowledged_by in ("", *row.unacknowledged_by)
        and wanted.unanswered_by in ("", *row.unanswered_by)
        and (not awaited or not {*row.unacknowledged_by, *row.unanswered_by}.isdisjoint(awaited))
    )


class FilterCounts(Struct, frozen=True, kw_only=True):
    """How many exchanges a filter leaves, and how many of each kind; None for a count that would have taken too long."""

    count: int | None
    facets: dict[str, dict[str, int] | None]


_KINDS: Final = ("family", "act", "status", "area")


_OF_SIDES: Final = {
    "side": "sides",
    "unacknowledged_by": "unacknowledged",
    "unanswered_by": "unanswered",
}


def counted(
    store: Store, channel: str, wanted: Filter, sides: Sequence[str], awaited: Collection[str] = ()
) -> FilterCounts:
    """Return what a list could be narrowed to further, each with the number of exchanges that the narrower list has."""
    base = store.base(channel)
    index, clauses, parameters = _narrowed(base, base | MASK, wanted, awaited)
    text = f"FROM exchanges {index} WHERE {' AND '.join(clauses)}"
    of_each = ", ".join("coalesce(sum(instr({0}, ?) > 0), 0)" for _ in sides)
    numbers: dict[str, dict[str, int] | None] = {}
    with store.snapshot() as connection:
        whole = in_time(connection, f"SELECT count(*) {text}", parameters)
        for column in _KINDS:
            rows = in_time(
                connection,
                f"SELECT {column}, count(*) {text} GROUP BY 1 ORDER BY 2 DESC, 1",
                parameters,
            )
            numbers[column] = None if rows is None else dict(rows)
        for name, column in _OF_SIDES.items():
            texts = [f",{side}," for side in sides]
            rows = in_time(
                connection, f"SELECT {of_each.format(column)} {text}", [*texts, *parameters]
            )
            numbers[name] = (
                None
                if rows is None
                else {side: count for side, count in zip(sides, rows[0], strict=True) if count}
            )
    return FilterCounts(count=None if whole is None else whole[0][0], facets=numbers)


def counts(
    store: Store, channel: str, filters: Mapping[str, tuple[Filter, Collection[str]]]
) -> dict[str, int | None]:
    """Return how many exchanges each of some filters leaves; None where it would take too long to count."""
    base = store.base(channel)
    numbers: dict[str, int | None] = {}
    with store.snapshot() as connection:
        for name, (value, awaited) in filters.items():
            index, clauses, parameters = _narrowed(base, base | MASK, value, awaited)
            rows = in_time(
                connection,
                f"SELECT count(*) FROM exchanges {index} WHERE {' AND '.join(clauses)}",  # noqa: S608
                parameters,
            )
            numbers[name] = None if rows is None else rows[0][0]
    return numbers


def in_all(store: Store, channel: str, at: int) -> int:
    """Return how many exchanges a channel had at a position."""
    base = store.base(channel)
    with store.snapshot() as connection:
        now = at == position_of(connection, channel)
        _, _, kinds = head(connection, base, at) if now else past(connection, base, at)
    return sum(
        count for (what, _), count in kinds.items() if what not in (UNACKNOWLEDGED, UNANSWERED)
    )


def in_time(
    connection: sqlite3.Connection, query: str, parameters: Sequence[object]
) -> list[Any] | None:
    """Return what a query finds, or None where that takes longer than a count beside a list may."""
    ends = time.monotonic() + FACET_SECONDS
    connection.set_progress_handler(lambda: time.monotonic() > ends, 1_000)
    try:
        return connection.execute(query, parameters).fetchall()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return None
    finally:
        connection.set_progress_handler(None, 0)


def _narrowed(
    base: int, last: int, wanted: Filter, awaited: Collection[str] = (), at: int = MASK
) -> tuple[str, list[str], list[object]]:
    """Return what a filter is in SQL: the index that serves it best, the conditions, their parameters; of the keys up to one.

    What is searched for was said by the position `at`.
    """
    clauses: list[str] = ["key BETWEEN ? AND ?"]
    parameters: list[object] = [base, last]
    for column in ("family", "act", "status", "area", "number"):
        value = getattr(wanted, column)
        if value:
            clauses.append(f"{column} = ?")
            parameters.append(value)
    index = "INDEXED BY exchanges_status" if wanted.family and wanted.status else ""
    for column, value in (
        ("sides", wanted.side),
        ("unacknowledged", wanted.unacknowledged_by),
        ("unanswered", wanted.unanswered_by),
    ):
        if value:
            clauses.append(f"instr({column}, ?) > 0")
            parameters.append(f",{value},")
            if column != "sides":
                clauses.append(f"{column} != ''")
                index = f"INDEXED BY exchanges_{column}"
    if wanted.q:
        clauses.append(
            "id IN (SELECT r.exchange FROM search s JOIN records r ON r.key = s.rowid WHERE s.words MATCH ? AND r.key BETWEEN ? AND ?)"
        )
        parameters += [phrases(wanted.q), base, base | at]
    if awaited:
        owes = " OR ".join("instr({0}, ?) > 0" for _ in awaited)
        waiting = f"SELECT key FROM exchanges INDEXED BY exchanges_{{0}} WHERE {{0}} != '' AND key BETWEEN ? AND ? AND ({owes})"  # noqa: S608
        clauses.append(
            f"key IN ({' UNION '.join(waiting.format(column) for column in ('unacknowledged', 'unanswered'))})"
        )
        parameters += [base, base | MASK, *(f",{side}," for side in awaited)] * 2
    return index, clauses, parameters


def _overdue(
    connection: sqlite3.Connection,
    base: int,
    at: int,
    side: str,
    rows: Iterable[Any],
    most: int,
    now: datetime,
) -> tuple[list[Any], str]:
    """Return of the rows those in which a side, or `any`, owes something whose time is over; and where to go on after many were looked at."""
    late = _lateness(connection, base, at, now)
    result: list[Any] = []
    for looked, values in enumerate(rows, 1):
        id, key = values[0], values[-1]
        if late(state_at(connection, base, at, id), side):
            result.append(values)
        if len(result) == most or looked == OVERDUE_LOOKED:
            return result, str(key & MASK)
    return result, ""


def _lateness(
    connection: sqlite3.Connection, base: int, at: int, now: datetime
) -> Callable[[Exchange, str], bool]:
    """Return whether in an exchange a side, or `any`, owes something whose time is over."""
    registry = registry_at(connection, base, at)
    assert registry is not None
    calendars = calendars_at(
        connection, base, at, [side_state.name for side_state in registry.sides]
    )

    def late(state: Exchange, side: str) -> bool:
        limits = deadlines.outcomes(registry, state, calendars, now)
        return any(
            outcome == "overdue" and side in ("any", clock.side) for clock, outcome in limits
        )

    return late


def _before(base: int, cursor: str) -> int:
    return base | (
        int(cursor) - 1 if _CURSOR.fullmatch(cursor) and 0 < int(cursor) <= MASK else MASK
    )


def phrases(q: str) -> str:
    """Return every word of the query must occur, as a phrase where it has several Han characters."""
    quoted = [
        '"' + spaced(word).strip().replace('"', '""') + '"'
        for word in q.replace("\x00", " ").split()
    ]
    return " AND ".join(quoted) or '""'


def _row(values: tuple[object, ...]) -> Row:
    (
        id,
        number,
        act,
        family,
        status,
        side,
        sides,
        precedence,
        area,
        subject,
        opened,
        updated,
        position,
        waiting,
        unanswered,
        _,
    ) = values
    assert isinstance(precedence, int) and isinstance(subject, bytes) and isinstance(position, int)
    return Row(
        id=str(id),
        number=str(number),
        act=str(act),
        family=str(family),
        status=str(status),
        side=str(side),
        to=tuple(other for other in split(str(sides)) if other != side),
        precedence=PRECEDENCES[precedence],
        area=str(area),
        subject=Raw(subject),
        opened=str(opened),
        updated=str(updated),
        position=position,
        unacknowledged_by=split(str(waiting)),
        unanswered_by=split(str(unanswered)),
    )


def inbox(store: Store, channel: str, side: str, after: int | None) -> list[Row]:
    """Return what concerns a side: what has changed after a position, in that order; or else all that waits for it, the oldest first."""
    base = store.base(channel)
    concerned = f",{side},"
    if after is None:
        text = "(instr(unacknowledged, ?) > 0 OR instr(unanswered, ?) > 0) AND (unacknowledged != '' OR unanswered != '')"
        parameters: list[object] = [concerned, concerned]
    else:
        text, parameters = "instr(sides, ?) > 0 AND position > ?", [concerned, after]
    query = f"SELECT {ROW} FROM exchanges WHERE key BETWEEN ? AND ? AND {text} ORDER BY position LIMIT ?"  # fixed words  # noqa: S608
    with store.snapshot() as connection:
        rows = connection.execute(query, (base, base | MASK, *parameters, RECORDS_PAGE)).fetchall()
    return [_row(values) for values in rows]


def open_of(store: Store, channel: str, side: str) -> int:
    """Return how many exchanges that a side opened are open still."""
    base = store.base(channel)
    ended = ", ".join(f"'{status}'" for status in ENDED)
    query = f"SELECT count(*) FROM exchanges WHERE key BETWEEN ? AND ? AND side = ? AND status NOT IN ({ended})"  # fixed words  # noqa: S608
    with store.snapshot() as connection:
        return int(connection.execute(query, (base, base | MASK, side)).fetchone()[0])


def unsettled(store: Store, channel: str) -> list[str]:
    """Return the exchanges in which a clock may still run: those that live, and those in which something is unacknowledged."""
    base = store.base(channel)
    ended = ", ".join(f"'{status}'" for status in ENDED)
    cursor = store.reader().execute(
        f"SELECT id FROM exchanges WHERE key BETWEEN ? AND ? AND (status NOT IN ({ended}) OR unacknowledged != '') ORDER BY key",  # noqa: S608
        (base, base | MASK),
    )
    return [id for (id,) in cursor]


def head(connection: sqlite3.Connection, base: int, at: int) -> tuple[str, str, Tally]:
    """Return the digest, the channel's time and the tally as they are now."""
    (digest,) = connection.execute(
        "SELECT digest FROM records WHERE key = ?", (base | at,)
    ).fetchone()
    state, counted = connection.execute(
        "SELECT state, tally FROM channels WHERE number = ?", (base >> 40,)
    ).fetchone()
    return digest, msgspec.json.decode(state)["time"], counters.decode(counted)


def past(connection: sqlite3.Connection, base: int, at: int) -> tuple[str, str, Tally]:
    """Return the same at a past position: from the snapshot before it on."""
    (digest,) = connection.execute(
        "SELECT digest FROM records WHERE key = ?", (base | at,)
    ).fetchone()
    start = at - at % SNAPSHOT_RECORDS
    saved = connection.execute(
        "SELECT time, tally FROM snapshots WHERE key = ?", (base | start,)
    ).fetchone()
    time, counted = ("", Tally()) if saved is None else (saved[0], counters.decode(saved[1]))
    cursor = connection.execute(
        "SELECT key, exchange, time, state, act FROM records WHERE key > ? AND key <= ? AND valid ORDER BY key",
        (base | start, base | at),
    )
    for key, exchange, recorded, state, act in cursor:
        time = max(time, recorded)
        if state is None or RULES[act].family == "channel":
            continue
        before = connection.execute(
            "SELECT state FROM records WHERE exchange = ? AND key >= ? AND key < ? AND valid AND state IS NOT NULL ORDER BY key DESC LIMIT 1",
            (exchange, base, key),
        ).fetchone()
        if before is not None:
            counted.subtract(
                counters.of(decode_exchange(whole(connection, base, exchange, before[0])))
            )
        counted.update(counters.of(decode_exchange(whole(connection, base, exchange, state))))
    return digest, time, counted


def row_of(state: Exchange) -> Row:
    """Return an exchange as one row of a list."""
    return Row(
        id=state.id,
        number=state.number,
        act=state.act,
        family=state.family,
        status=state.status,
        side=state.side,
        to=tuple(sorted((*state.to, *state.info))),
        precedence=state.precedence,
        area=state.area,
        subject=subject_of(state),
        opened=state.opened.time,
        updated=state.updated.time,
        position=state.updated.position,
        unacknowledged_by=tuple(sorted(owes_acknowledgement(state))),
        unanswered_by=tuple(sorted(owes_answer(state))),
    )
