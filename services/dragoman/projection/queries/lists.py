"""Lists of exchanges: filters, counts and pages."""

import re
import sqlite3
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from dragoman.domain.acts import deadline_outcomes
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.families.exchange import ENDED, FINAL, owes_acknowledgement, owes_answer
from dragoman.domain.views.titles import subject_of
from dragoman.limits import (
    FACET_SECONDS,
    OVERDUE_LOOKED,
    PAST_LOOKED,
    RECORDS_PAGE,
    SEARCH_PLACES,
)
from dragoman.projection import counters
from dragoman.projection.counters import UNACKNOWLEDGED, UNANSWERED, Tally
from dragoman.projection.row_keys import (
    LAST_POSITION,
    channel_number,
    position_of,
    row_key,
)
from dragoman.projection.tables import PRECEDENCES, SNAPSHOT_RECORDS
from dragoman.projection.view import View
from dragoman.projection.writer_messages import spaced, split
from dragoman_schemas.responses import (
    Facets,
    Row,
    Rows,
)
from dragoman_schemas.state import Exchange

ROW: Final = (
    "id, number, act, family, status, side, sides, precedence, area, subject, opened, updated, "
    "position, unacknowledged, unanswered, key"
)

_CURSOR: Final = re.compile(r"[0-9]{1,12}")


class Filter(Struct, frozen=True, kw_only=True):
    """The conditions of a list; an empty member is no condition.

    `cursor` is the position before which the page begins. `overdue` is a side that owes
    something whose time is over, or `any`.
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


def facets(view: View, wanted: Filter) -> Facets:
    """Return the number of exchanges that a filter selects, in all and of each kind."""
    _, clauses, parameters = _narrowed(*_range(view), wanted)
    counted = f"count(*) FROM exchanges WHERE {' AND '.join(clauses)}"
    (count,) = view.connection.execute(f"SELECT {counted}", parameters).fetchone()
    kinds = {
        column: dict(
            view.connection.execute(
                f"SELECT {column}, {counted} GROUP BY 1 ORDER BY 2 DESC", parameters
            )
        )
        for column in _FACETS
    }
    return Facets(count=count, **kinds)


def listed(view: View, wanted: Filter, most: int, only: Collection[str] | None = None) -> Rows:
    """Return a page of exchanges, the newest opened first.

    Where `only` is given, no other exchange is among them. After many exchanges were
    read the page ends, and its cursor continues from there.
    """
    if view.position < view.newest:
        return _listed_then(view, wanted, most, only)
    if wanted.overdue:
        rows, cursor = _overdue(view, wanted.overdue, _selected(view, wanted, only), most)
    else:
        rows = _newest(view, wanted, most + 1, only)
        cursor = str(position_of(rows[most - 1][-1])) if len(rows) > most else ""
    return Rows(
        exchanges=tuple(row_of_columns(values) for values in rows[:most]),
        position=view.position,
        next=cursor,
    )


def _selected(
    view: View, wanted: Filter, only: Collection[str] | None, first: int = 0
) -> Iterable[Any]:
    """Return the rows that a filter selects, the newest opened first.

    Where `first` is given, neither an exchange nor a searched word has an earlier key.
    """
    index, clauses, parameters = _narrowed(
        max(view.base, first), _before(view.base, wanted.cursor), wanted, only
    )
    query = f"SELECT {ROW} FROM exchanges {index} WHERE {' AND '.join(clauses)} ORDER BY key DESC"  # fixed words  # noqa: S608
    return view.connection.execute(query, parameters)


def _newest(view: View, wanted: Filter, most: int, only: Collection[str] | None) -> list[Any]:
    """Return the newest rows that a filter selects.

    A search for a common word reads only its newest places, and further back until the
    page is full: an exchange that was opened after a place has no earlier one.
    """
    places = SEARCH_PLACES
    while wanted.q:
        first = view.connection.execute(
            "SELECT rowid FROM search WHERE words MATCH ? AND rowid BETWEEN ? AND ? "
            "ORDER BY rowid DESC LIMIT 1 OFFSET ?",
            (phrases(wanted.q), view.base, _before(view.base, wanted.cursor), places),
        ).fetchone()
        if first is None:
            break
        rows = list(islice(_selected(view, wanted, only, first[0]), most))
        if len(rows) == most:
            return rows
        places *= 8
    return list(islice(_selected(view, wanted, only), most))


def _listed_then(view: View, wanted: Filter, most: int, only: Collection[str] | None) -> Rows:
    """Return a page of exchanges as they were at a past position."""
    base = view.base
    fixed = replace(wanted, status="", side="", area="", unacknowledged_by="", unanswered_by="")
    _, clauses, parameters = _narrowed(
        base, min(_before(base, wanted.cursor), view.key), fixed, at=view.position
    )
    query = (
        f"SELECT id, key FROM exchanges WHERE {' AND '.join(clauses)} ORDER BY key DESC "  # fixed words  # noqa: S608
        f"LIMIT {PAST_LOOKED}"
    )
    rows: list[Row] = []
    looked = view.connection.execute(query, parameters).fetchall()
    last = 0
    for id, key in looked:
        state = view.known(id)
        row = row_of(state)
        if _fits(row, wanted, only) and (
            not wanted.overdue or _is_late(view, state, wanted.overdue)
        ):
            if len(rows) == most:
                break
            rows.append(row)
        last = position_of(key)
    else:
        last = last if len(looked) == PAST_LOOKED else 0
    return Rows(exchanges=tuple(rows), position=view.position, next=str(last or ""))


def _range(view: View) -> tuple[int, int]:
    """Return the first and the last key that rows of the channel may have."""
    return view.base, row_key(view.base, LAST_POSITION)


def _fits(row: Row, wanted: Filter, only: Collection[str] | None) -> bool:
    """Return whether a row meets the conditions that may change after its opening."""
    return (
        wanted.status in ("", row.status)
        and wanted.area in ("", row.area)
        and wanted.side in ("", row.side, *row.to)
        and wanted.unacknowledged_by in ("", *row.unacknowledged_by)
        and wanted.unanswered_by in ("", *row.unanswered_by)
        and (only is None or row.id in only)
    )


class FilterCounts(Struct, frozen=True, kw_only=True):
    """The number of exchanges that a filter selects, and the number of each kind.

    None stands for a count that would take too long.
    """

    count: int | None
    facets: dict[str, dict[str, int] | None]


_KINDS: Final = ("family", "act", "status", "area")
_OF_SIDES: Final = {
    "side": "sides",
    "unacknowledged_by": "unacknowledged",
    "unanswered_by": "unanswered",
}


def counted(view: View, wanted: Filter, only: Collection[str] | None = None) -> FilterCounts:
    """Return the number of exchanges in a list, and in each narrower list, now."""
    index, clauses, parameters = _narrowed(*_range(view), wanted, only)
    source = f"FROM exchanges {index} WHERE {' AND '.join(clauses)}"
    sides = view.sides
    of_each = ", ".join("coalesce(sum(instr({0}, ?) > 0), 0)" for _ in sides)
    numbers: dict[str, dict[str, int] | None] = {}
    whole = in_time(view, f"SELECT count(*) {source}", parameters)
    for column in _KINDS:
        rows = in_time(
            view, f"SELECT {column}, count(*) {source} GROUP BY 1 ORDER BY 2 DESC, 1", parameters
        )
        numbers[column] = None if rows is None else dict(rows)
    for name, column in _OF_SIDES.items():
        sides_in_column = [f",{side}," for side in sides]
        rows = in_time(
            view, f"SELECT {of_each.format(column)} {source}", [*sides_in_column, *parameters]
        )
        numbers[name] = (
            None
            if rows is None
            else {side: count for side, count in zip(sides, rows[0], strict=True) if count}
        )
    return FilterCounts(count=None if whole is None else whole[0][0], facets=numbers)


def counts(
    view: View, filters: Mapping[str, tuple[Filter, Collection[str] | None]]
) -> dict[str, int | None]:
    """Return the number of exchanges that each of some filters selects now.

    None stands for a count that would take too long.
    """
    numbers: dict[str, int | None] = {}
    for name, (wanted, only) in filters.items():
        index, clauses, parameters = _narrowed(*_range(view), wanted, only)
        rows = in_time(
            view,
            f"SELECT count(*) FROM exchanges {index} WHERE {' AND '.join(clauses)}",  # noqa: S608
            parameters,
        )
        numbers[name] = None if rows is None else rows[0][0]
    return numbers


def in_all(view: View) -> int:
    """Return the number of exchanges of a channel."""
    return sum(
        count
        for (family, _), count in tally(view).items()
        if family not in (UNACKNOWLEDGED, UNANSWERED)
    )


def in_time(view: View, query: str, parameters: Sequence[object]) -> list[Any] | None:
    """Return the rows of a query; None if it takes longer than a count may."""
    connection = view.connection
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
    base: int,
    last: int,
    wanted: Filter,
    only: Collection[str] | None = None,
    at: int = LAST_POSITION,
) -> tuple[str, list[str], list[object]]:
    """Return a filter in SQL: the best index, the conditions, their parameters.

    It selects keys from `base` to `last`. Searched words were recorded up to the
    position `at`.
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
            "id IN (SELECT r.exchange FROM search s JOIN records r ON r.key = s.rowid "
            "WHERE s.words MATCH ? AND s.rowid BETWEEN ? AND ?)"
        )
        parameters += [phrases(wanted.q), base, row_key(base, at)]
    if only is not None:
        clauses.append("id IN (SELECT value FROM json_each(?))")
        parameters.append(msgspec.json.encode(sorted(only)).decode())
    return index, clauses, parameters


def _overdue(view: View, side: str, rows: Iterable[Any], most: int) -> tuple[list[Any], str]:
    """Return the rows in which a side, or `any`, owes something whose time is over.

    Also returns the cursor to continue from, after many exchanges were read.
    """
    result: list[Any] = []
    for looked, values in enumerate(rows, 1):
        id, key = values[0], values[-1]
        if _is_late(view, view.known(id), side):
            result.append(values)
        if len(result) == most or looked == OVERDUE_LOOKED:
            return result, str(position_of(key))
    return result, ""


def _is_late(view: View, state: Exchange, side: str) -> bool:
    """Return whether the time of a side, or of `any`, is over in an exchange."""
    limits = deadline_outcomes.outcomes(view.registry, state, view.calendars, view.moment)
    return any(outcome == "overdue" and side in ("any", clock.side) for clock, outcome in limits)


def _before(base: int, cursor: str) -> int:
    return row_key(
        base,
        int(cursor) - 1
        if _CURSOR.fullmatch(cursor) and 0 < int(cursor) <= LAST_POSITION
        else LAST_POSITION,
    )


def phrases(q: str) -> str:
    """Return a query as full-text conditions: every word must occur.

    A word of several Han characters is a phrase.
    """
    quoted = [
        '"' + spaced(word).strip().replace('"', '""') + '"'
        for word in q.replace("\x00", " ").split()
    ]
    return " AND ".join(quoted) or '""'


def row_of_columns(values: tuple[object, ...]) -> Row:
    """Return a row of a list from the columns `ROW`."""
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


def inbox(view: View, side: str, after: int | None) -> list[Row]:
    """Return the exchanges that concern a side now, in the order of their last change.

    With `after` these are the ones that changed after that position, else all that wait
    for the side.
    """
    concerned = f",{side},"
    if after is None:
        condition = (
            "(instr(unacknowledged, ?) > 0 OR instr(unanswered, ?) > 0) "
            "AND (unacknowledged != '' OR unanswered != '')"
        )
        parameters: list[object] = [concerned, concerned]
    else:
        condition, parameters = "instr(sides, ?) > 0 AND position > ?", [concerned, after]
    query = (
        f"SELECT {ROW} FROM exchanges WHERE key BETWEEN ? AND ? AND {condition} ORDER BY position "  # fixed words  # noqa: S608
        "LIMIT ?"
    )
    rows = view.connection.execute(query, (*_range(view), *parameters, RECORDS_PAGE)).fetchall()
    return [row_of_columns(values) for values in rows]


def open_of(view: View, side: str) -> int:
    """Return the number of exchanges that a side opened and that are open now."""
    ended = ", ".join(f"'{status}'" for status in ENDED)
    query = (
        "SELECT count(*) FROM exchanges WHERE key BETWEEN ? AND ? AND side = ? "  # fixed words  # noqa: S608
        f"AND status NOT IN ({ended})"
    )
    return int(view.connection.execute(query, (*_range(view), side)).fetchone()[0])


def unsettled(view: View) -> list[str]:
    """Return the exchanges in which a deadline may still run, now.

    They have not ended, or something in them is unacknowledged. One that was declined
    may be closed by silence.
    """
    ended = ", ".join(f"'{status}'" for status in FINAL)
    cursor = view.connection.execute(
        f"SELECT id FROM exchanges WHERE key BETWEEN ? AND ? AND (status NOT IN ({ended}) "  # noqa: S608
        f"OR unacknowledged != '') ORDER BY key",
        _range(view),
    )
    return [id for (id,) in cursor]


def tally(view: View) -> Tally:
    """Return the numbers of exchanges by family and status, and of what is owed."""
    return _tally_now(view) if view.position == view.newest else _tally_then(view)


def _tally_now(view: View) -> Tally:
    (counted,) = view.connection.execute(
        "SELECT tally FROM channels WHERE number = ?", (channel_number(view.base),)
    ).fetchone()
    return counters.decode(counted)


def _tally_then(view: View) -> Tally:
    """Return the tally at a past position, from the snapshot before it."""
    connection, base, at = view.connection, view.base, view.position
    start = at - at % SNAPSHOT_RECORDS
    saved = connection.execute(
        "SELECT tally FROM snapshots WHERE key = ?", (row_key(base, start),)
    ).fetchone()
    counted = Tally() if saved is None else counters.decode(saved[0])
    cursor = connection.execute(
        "SELECT key, exchange, state, act FROM records WHERE key > ? AND key <= ? "
        "AND valid ORDER BY key",
        (row_key(base, start), row_key(base, at)),
    )
    for key, exchange, state, act in cursor:
        if state is None or RULES[act].family == "channel":
            continue
        before = connection.execute(
            "SELECT state FROM records WHERE exchange = ? AND key >= ? AND key < ? AND valid "
            "AND state IS NOT NULL ORDER BY key DESC LIMIT 1",
            (exchange, base, key),
        ).fetchone()
        if before is not None:
            counted.subtract(counters.of(view.stored(exchange, before[0])))
        counted.update(counters.of(view.stored(exchange, state)))
    return counted


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
