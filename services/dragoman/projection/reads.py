"""What pages, lists and auditors ask of the file: lists, one exchange, the liaison state, the records, search.

Every function takes an open read transaction, so that an answer is of one position.
"""

import re
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from dragoman.domain.acts import consent, deadlines, si_units
from dragoman.domain.acts.access import officer_side
from dragoman.domain.acts.act_registry import FORMATS, RULES
from dragoman.domain.acts.families.exchange import ENDED, owes_acknowledgement, owes_answer
from dragoman.domain.acts.families.notification import coded_text
from dragoman.domain.fold import allowed
from dragoman.domain.record.errors import Refusal, Refused
from dragoman.domain.views import diff as differing
from dragoman.domain.views import open_questions
from dragoman.domain.views.flags import AREAS, flags
from dragoman.domain.views.phase import stage
from dragoman.domain.views.receipts import receipts_of
from dragoman.domain.views.titles import subject_of
from dragoman.limits import (
    FACET_SECONDS,
    GO_FOUND,
    LIST_PAGE,
    OVERDUE_LOOKED,
    PAST_LOOKED,
    RECORDS_PAGE,
    REPORT_EXCHANGES,
    TIMELINE_PAGE,
)
from dragoman.projection import counters
from dragoman.projection.as_of import (
    calendars_at,
    delivered_at,
    open_areas,
    open_matters_at,
    position_of,
    registry_at,
    state_at,
    time_at,
    waiting_at,
)
from dragoman.projection.counters import UNACKNOWLEDGED, UNANSWERED, Tally
from dragoman.projection.dialogue import linked
from dragoman.projection.duty_watch import clock_view, next_calls
from dragoman.projection.projection import entry, entry_of
from dragoman.projection.store import Store
from dragoman.projection.store import StoredRow as Stored
from dragoman.projection.stored_state import States, whole
from dragoman.projection.writer import PRECEDENCES, SNAPSHOT_RECORDS, spaced, split
from dragoman.text import sentence, unpacked
from dragoman_schemas.codebook import CODEBOOKS
from dragoman_schemas.responses import (
    Count,
    Difference,
    Entry,
    ExchangeView,
    Facets,
    Fact,
    FlagView,
    LiaisonState,
    Owed,
    Row,
    Rows,
    Si,
    Terms,
    Unanswered,
)
from dragoman_schemas.state import Exchange, Registry, Stamp, decode_exchange, encode

_MASK: Final = (1 << 40) - 1
_ROW: Final = "id, number, act, family, status, side, sides, precedence, area, subject, opened, updated, position, unacknowledged, unanswered, key"
_ENTRY: Final = "key, raw, valid, detail, exchange, number, record_commit, act IS NULL OR substr(raw, 1, 1) != X'7B'"
"""The last one: what stands there is no record, or the leaf entry of one that was erased."""
_CURSOR: Final = re.compile(r"[0-9]{1,12}")
_members = msgspec.json.Decoder(dict[str, Raw]).decode


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


class ErasedExchange(Exception):
    """There was an exchange with that id, until an erasure at the position."""


class NoSuchExchange(Exception):
    """No exchange of that id, or it was not yet opened at that position."""


_FACETS: Final = ("family", "act", "status", "side", "area")


def facets(store: Store, channel: str, wanted: Filter) -> Facets:
    """How many exchanges the filter leaves in all, and of each kind: what a list could be narrowed to further."""
    base = store.base(channel)
    _, clauses, parameters = _narrowed(base, base | _MASK, wanted)
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
    """A page of exchanges, the newest opened first; what is overdue is so `now`. Of the `awaited` sides one owes a receipt or an answer."""
    base = store.base(channel)
    index, clauses, parameters = _narrowed(base, _before(base, wanted.cursor), wanted, awaited)
    query = f"SELECT {_ROW} FROM exchanges {index} WHERE {' AND '.join(clauses)} ORDER BY key DESC"  # fixed words  # noqa: S608
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
            cursor = str(rows[most - 1][-1] & _MASK) if len(rows) > most else ""
    return Rows(
        exchanges=tuple(_row(values) for values in rows[:most]), position=position, next=cursor
    )


def listed_at(
    store: Store, channel: str, wanted: Filter, most: int, at: int, awaited: Collection[str] = ()
) -> Rows:
    """The same as it stood at a position. After many exchanges were looked at the page ends, and its cursor goes on from there."""
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
            last = key & _MASK
        else:
            last = last if len(looked) == PAST_LOOKED else 0
    return Rows(exchanges=tuple(rows), position=at, next=str(last or ""))


def _fits(row: Row, wanted: Filter, awaited: Collection[str]) -> bool:
    """Whether a row is as a filter has it, in what may have changed since it was opened."""
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
    """What a list could be narrowed to further, each with the number of exchanges that the narrower list has."""
    base = store.base(channel)
    index, clauses, parameters = _narrowed(base, base | _MASK, wanted, awaited)
    text = f"FROM exchanges {index} WHERE {' AND '.join(clauses)}"
    of_each = ", ".join("coalesce(sum(instr({0}, ?) > 0), 0)" for _ in sides)
    numbers: dict[str, dict[str, int] | None] = {}
    with store.snapshot() as connection:
        whole = _in_time(connection, f"SELECT count(*) {text}", parameters)
        for column in _KINDS:
            rows = _in_time(
                connection,
                f"SELECT {column}, count(*) {text} GROUP BY 1 ORDER BY 2 DESC, 1",
                parameters,
            )
            numbers[column] = None if rows is None else dict(rows)
        for name, column in _OF_SIDES.items():
            texts = [f",{side}," for side in sides]
            rows = _in_time(
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
    """How many exchanges each of some filters leaves; None where it would take too long to count."""
    base = store.base(channel)
    numbers: dict[str, int | None] = {}
    with store.snapshot() as connection:
        for name, (value, awaited) in filters.items():
            index, clauses, parameters = _narrowed(base, base | _MASK, value, awaited)
            rows = _in_time(
                connection,
                f"SELECT count(*) FROM exchanges {index} WHERE {' AND '.join(clauses)}",  # noqa: S608
                parameters,
            )
            numbers[name] = None if rows is None else rows[0][0]
    return numbers


def in_all(store: Store, channel: str, at: int) -> int:
    """How many exchanges a channel had at a position."""
    base = store.base(channel)
    with store.snapshot() as connection:
        now = at == position_of(connection, channel)
        _, _, kinds = _head(connection, base, at) if now else _past(connection, base, at)
    return sum(
        count for (what, _), count in kinds.items() if what not in (UNACKNOWLEDGED, UNANSWERED)
    )


def _in_time(
    connection: sqlite3.Connection, query: str, parameters: Sequence[object]
) -> list[Any] | None:
    """What a query finds, or None where that takes longer than a count beside a list may."""
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
    base: int, last: int, wanted: Filter, awaited: Collection[str] = (), at: int = _MASK
) -> tuple[str, list[str], list[object]]:
    """What a filter is in SQL: the index that serves it best, the conditions, their parameters; of the keys up to one.

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
        parameters += [_phrases(wanted.q), base, base | at]
    if awaited:
        owes = " OR ".join("instr({0}, ?) > 0" for _ in awaited)
        waiting = f"SELECT key FROM exchanges INDEXED BY exchanges_{{0}} WHERE {{0}} != '' AND key BETWEEN ? AND ? AND ({owes})"  # noqa: S608
        clauses.append(
            f"key IN ({' UNION '.join(waiting.format(column) for column in ('unacknowledged', 'unanswered'))})"
        )
        parameters += [base, base | _MASK, *(f",{side}," for side in awaited)] * 2
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
    """Of the rows those in which a side, or `any`, owes something whose time is over; and where to go on after many were looked at."""
    late = _lateness(connection, base, at, now)
    result: list[Any] = []
    for looked, values in enumerate(rows, 1):
        id, key = values[0], values[-1]
        if late(state_at(connection, base, at, id), side):
            result.append(values)
        if len(result) == most or looked == OVERDUE_LOOKED:
            return result, str(key & _MASK)
    return result, ""


def _lateness(
    connection: sqlite3.Connection, base: int, at: int, now: datetime
) -> Callable[[Exchange, str], bool]:
    """Whether in an exchange a side, or `any`, owes something whose time is over."""
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
        int(cursor) - 1 if _CURSOR.fullmatch(cursor) and 0 < int(cursor) <= _MASK else _MASK
    )


def _phrases(q: str) -> str:
    """Every word of the query must occur, as a phrase where it has several Han characters."""
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


def records(
    store: Store, channel: str, first: int, most: int = RECORDS_PAGE
) -> list[tuple[Entry, str]]:
    """Records from a position, in order, each with the side whose officer acted; empty for services, roots and void ones."""
    base = store.base(channel)
    with store.snapshot() as connection:
        rows = connection.execute(
            f"SELECT {_ENTRY}, actor FROM records WHERE key BETWEEN ? AND ? ORDER BY key LIMIT ?",  # fixed words  # noqa: S608
            (base | max(1, min(first, _MASK)), base | _MASK, most),
        ).fetchall()
    return [
        (_entry(values), officer_side(actor) if actor and values[2] else "")
        for *values, actor in rows
    ]


def _entry(values: Sequence[object]) -> Entry:
    key, raw, valid, detail, exchange, number, commit, junk = values
    assert isinstance(key, int) and isinstance(raw, bytes)
    return entry(
        key & _MASK,
        raw,
        valid=bool(valid),
        reason=str(unpacked(str(detail))) if detail else "",
        exchange=str(exchange or ""),
        number=str(number or ""),
        commit=str(commit),
        junk=bool(junk),
    )


def areas(store: Store, channel: str, at: int) -> list[Exchange]:
    """The areas that were announced and open at a position: danger areas, impact areas of launches, areas of activities."""
    with store.snapshot() as connection:
        return list(open_areas(connection, store.base(channel), at))


def exchange_at(store: Store, channel: str, exchange: str, at: int) -> Exchange | None:
    """An exchange as it stood at a position; None where there was none."""
    base = store.base(channel)
    with store.snapshot() as connection:
        row = connection.execute(
            "SELECT state FROM records WHERE exchange = ? AND key BETWEEN ? AND ? AND state IS NOT NULL ORDER BY key DESC LIMIT 1",
            (exchange, base, base | at),
        ).fetchone()
        return None if row is None else decode_exchange(whole(connection, base, exchange, row[0]))


def exchange_view(
    store: Store,
    channel: str,
    exchange: str,
    at: int,
    as_of: str,
    reader: str,
    now: datetime | None,
    unwritten: Sequence[Stored] = (),
    cursor: int = 0,
    most: int = TIMELINE_PAGE,
) -> ExchangeView:
    """An exchange as it stood at a position, its clocks as of `now`, or of the channel's time there. Raises `NoSuchExchange`.

    `unwritten` are its messages up to there that the file does not hold yet. Its timeline has at most so many records, the newest ones,
    or those before the position `cursor`; 0 is no limit.
    """
    base = store.base(channel)
    with store.snapshot() as connection:
        newest = position_of(connection, channel)
        later = [row for row in unwritten if newest < row.folded.position <= at]
        registry = registry_at(connection, base, at)
        states = chain(
            _states(connection, base, exchange, at),
            (
                (row.folded.position, row.step.encoded)
                for row in later
                if row.step.encoded is not None
            ),
        )
        if registry is not None and exchange in registry.erased:
            raise ErasedExchange(registry.erased[exchange].position)
        if registry is None or exchange == registry.id:
            raise NoSuchExchange(exchange)
        blame, encoded = _blame(states)
        if not blame:
            raise NoSuchExchange(exchange)
        timeline, earlier = _timeline(connection, base, exchange, at, later, cursor, most)
        phrases = _phrases_of(
            chain(_phrasing(connection, base, exchange, at), (row.folded.raw for row in later))
        )
        state = decode_exchange(encoded)
        facts = tuple(_facts(connection, base, at, state))
        calendars = calendars_at(connection, base, at, (state.side, *state.to))
        links = linked(connection, base, at, state)
        areas = open_areas(connection, base, at) if state.act in AREAS else []
        now = datetime.fromisoformat(time_at(connection, base, at)) if now is None else now
        calls = next_calls(connection, base, at, registry, state, now)
    return ExchangeView(
        position=at,
        as_of=as_of,
        state=Raw(encoded),
        subject=subject_of(state),
        facts=facts,
        timeline=tuple(timeline),
        blame=blame,
        allowed=tuple(allowed(state, reader)),
        terms=tuple(
            Terms(act=act, of=of, side=side, sha256=terms)
            for act, of, side, terms in consent.every_terms(state)
            if act in FORMATS[state.act].moves and state.status in FORMATS[state.act].moves[act]
        ),
        amendment="" if (amendment := consent.open_amendment(state)) is None else amendment.id,
        behind=tuple(sorted(consent.agreed(state)))
        if FORMATS[state.act].moves.keys() & set(consent.BINDING)
        else (),
        clocks=tuple(
            clock_view(clock, now) for clock in deadlines.running(registry, state, calendars)
        ),
        flags=tuple(
            FlagView(flag=flag.flag, detail=str(flag.detail))
            for flag in flags(registry, state, areas, now)
        ),
        linked=links,
        stage=stage(registry, state, now),
        next_calls=calls,
        coded=coded_text(state),
        unanswered=tuple(
            Unanswered(
                message=item.message,
                asked_by=item.asked_by,
                side=item.side,
                time=item.time,
                numbers=item.numbers,
            )
            for item in open_questions.unanswered(state)
        ),
        si={
            pointer: Si(value=value, unit="m" if unit == "m" else "m/s")
            for name, raw in state.content.items()
            if b'"unit"' in bytes(raw)
            for pointer, value, unit in si_units.quantities(msgspec.json.decode(raw), f"/{name}")
        },
        notice=dict(FORMATS[state.act].notice),
        phrases=phrases,
        earlier=earlier,
    )


def _states(
    connection: sqlite3.Connection, base: int, exchange: str, at: int
) -> Iterator[tuple[int, bytes]]:
    """Yield the stored states of an exchange up to a position, each with its own."""
    cursor = connection.execute(
        "SELECT key, state FROM records WHERE exchange = ? AND key BETWEEN ? AND ? AND state IS NOT NULL ORDER BY key",
        (exchange, base, base | at),
    )
    for key, state in cursor:
        yield key & _MASK, state


def _timeline(
    connection: sqlite3.Connection,
    base: int,
    exchange: str,
    at: int,
    later: Sequence[Stored],
    cursor: int,
    most: int,
) -> tuple[list[Entry], int]:
    """Return the newest records of an exchange up to a position, or before a cursor, and the cursor of the earlier ones; 0 for none.

    `later` are records that the file does not hold yet. 0 for `most` is no limit.
    """
    last = min(at, cursor - 1) if cursor else at
    rows = connection.execute(
        f"SELECT {_ENTRY} FROM records WHERE exchange = ? AND key BETWEEN ? AND ? ORDER BY key DESC LIMIT ?",  # fixed words  # noqa: S608
        (exchange, base, base | last, most + 1 if most else -1),
    ).fetchall()
    timeline = [
        *(_entry(values) for values in reversed(rows)),
        *(entry_of(row) for row in later if row.folded.position <= last),
    ]
    if not most or len(timeline) <= most:
        return timeline, 0
    return timeline[-most:], timeline[-most].position


def _phrasing(connection: sqlite3.Connection, base: int, exchange: str, at: int) -> Iterator[bytes]:
    """Yield the records of an exchange that may name agreed phrases."""
    cursor = connection.execute(
        "SELECT raw FROM records WHERE exchange = ? AND key BETWEEN ? AND ? AND instr(raw, ?)",
        (exchange, base, base | at, _NAMES_PHRASES),
    )
    return (raw for (raw,) in cursor)


_NAMES_PHRASES: Final = b'"phrases":['


class _Phrased(Struct):
    phrases: tuple[str, ...] = ()


class _RowTexts(Struct):
    data: _Phrased


_saying = msgspec.json.Decoder(_RowTexts).decode


def _phrases_of(raws: Iterable[bytes]) -> dict[str, dict[str, str]]:
    """The agreed phrases that records name, in every language."""
    keys = {key for raw in raws if _NAMES_PHRASES in raw for key in _saying(raw).data.phrases}
    return {
        key: texts
        for book in CODEBOOKS.values()
        for key, texts in book.phrases.items()
        if key in keys
    }


def attached(store: Store, channel: str, digests: Iterable[str]) -> dict[str, frozenset[str]]:
    """Which sides' acts name each of these files, by its SHA-256."""
    texts: dict[str, set[str]] = {}
    for digest in digests:
        rows = store.reader().execute(
            "SELECT side FROM attached WHERE channel = ? >> 40 AND sha256 = ?",
            (store.base(channel), digest),
        )
        texts[digest] = {side for (side,) in rows}
    return {digest: frozenset(sides) for digest, sides in texts.items()}


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
    """The records, up to a position, that have an id or a number, or in whose number a part stands: `NATO/26/0042`, `26/0042/N07`."""
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
                among, (base, base | at, _phrases(named), f"/{named.strip('/')}/", most)
            ).fetchall()
        if not rows and _NUMBERED.fullmatch(named):
            of_channel = _PLACE.format(
                "records r",
                "r.exchange = (SELECT exchange FROM records WHERE key = ?) AND r.number = ?",
            )
            rows = _in_time(connection, of_channel, (base, base | at, base | 1, named, most)) or []
    return [
        RecordPlace(
            position=key & _MASK, act=act, number=number or "", exchange=id or "", opens=bool(opens)
        )
        for key, act, number, id, opens in rows
    ]


def inbox(store: Store, channel: str, side: str, after: int | None) -> list[Row]:
    """What concerns a side: what has changed after a position, in that order; or else all that waits for it, the oldest first."""
    base = store.base(channel)
    concerned = f",{side},"
    if after is None:
        text = "(instr(unacknowledged, ?) > 0 OR instr(unanswered, ?) > 0) AND (unacknowledged != '' OR unanswered != '')"
        parameters: list[object] = [concerned, concerned]
    else:
        text, parameters = "instr(sides, ?) > 0 AND position > ?", [concerned, after]
    query = f"SELECT {_ROW} FROM exchanges WHERE key BETWEEN ? AND ? AND {text} ORDER BY position LIMIT ?"  # fixed words  # noqa: S608
    with store.snapshot() as connection:
        rows = connection.execute(query, (base, base | _MASK, *parameters, RECORDS_PAGE)).fetchall()
    return [_row(values) for values in rows]


def open_of(store: Store, channel: str, side: str) -> int:
    """How many exchanges that a side opened are open still."""
    base = store.base(channel)
    ended = ", ".join(f"'{status}'" for status in ENDED)
    query = f"SELECT count(*) FROM exchanges WHERE key BETWEEN ? AND ? AND side = ? AND status NOT IN ({ended})"  # fixed words  # noqa: S608
    with store.snapshot() as connection:
        return int(connection.execute(query, (base, base | _MASK, side)).fetchone()[0])


def unsettled(store: Store, channel: str) -> list[str]:
    """The exchanges in which a clock may still run: those that live, and those in which something is unacknowledged."""
    base = store.base(channel)
    ended = ", ".join(f"'{status}'" for status in ENDED)
    cursor = store.reader().execute(
        f"SELECT id FROM exchanges WHERE key BETWEEN ? AND ? AND (status NOT IN ({ended}) OR unacknowledged != '') ORDER BY key",  # noqa: S608
        (base, base | _MASK),
    )
    return [id for (id,) in cursor]


def _facts(connection: sqlite3.Connection, base: int, at: int, state: Exchange) -> Iterator[Fact]:
    for message in state.messages:
        for side in (*message.to, *message.info):
            receipts = receipts_of(
                state, message, side, delivered_at(connection, base, at, side, message)
            )
            yield Fact(
                message=message.id,
                side=side,
                owes=receipts.owes,
                delivered=receipts.delivered,
                acknowledged=_time_of(receipts.acknowledged),
                answered=_time_of(receipts.answered),
                account=_time_of(receipts.account),
            )


def _time_of(stamp: Stamp | None) -> str:
    return "" if stamp is None else stamp.time


def _blame(stored: Iterable[tuple[int, bytes]]) -> tuple[dict[str, int], bytes]:
    """Return, for each member of the newest state and each field of its content, the position that set it; and that state."""
    states = States()
    blame: dict[str, int] = {}
    for position, column in stored:
        blame |= dict.fromkeys(states.take(column), position)
    return ({name: blame[name] for name in states.names()} if blame else {}), states.encoded


def difference(store: Store, channel: str, first: int, last: int) -> Difference:
    """What changed after a position, up to another. Raises `Refused` for more than one answer holds."""
    base = store.base(channel)
    with store.snapshot() as connection:
        fetchmany = connection.execute(
            "SELECT exchange, group_concat(key & ?) FROM records WHERE key BETWEEN ? AND ? AND valid AND exchange IS NOT NULL GROUP BY exchange ORDER BY min(key)",
            (_MASK, base | (first + 1), base | last),
        ).fetchmany(REPORT_EXCHANGES + 1)
        if len(fetchmany) > REPORT_EXCHANGES:
            detail = sentence(
                "More than %(n)s exchanges changed between these positions; choose a shorter stretch.",
                n=REPORT_EXCHANGES,
            )
            raise Refused(Refusal(kind="bad-request", detail=detail))
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
    """How a channel stood at a position: its registry, its time, the digest of its state. None where it had not been opened."""
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
    """The position at which an exchange was opened."""
    (key,) = connection.execute(
        "SELECT key FROM exchanges WHERE id = ? AND key >> 40 = ? >> 40", (exchange, base)
    ).fetchone()
    return int(key) & _MASK


def liaison_state(
    store: Store, channel: str, at: int | None, as_of: str, *, live: bool
) -> LiaisonState | None:
    """The liaison state at a position, by default that of the file now; None where the channel had not been opened."""
    base = store.base(channel)
    with store.snapshot() as connection:
        newest = position_of(connection, channel)
        at = newest if at is None else at
        registry = registry_at(connection, base, at)
        if registry is None:
            return None
        now = at == newest
        digest, time, counted = _head(connection, base, at) if now else _past(connection, base, at)
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


def _head(connection: sqlite3.Connection, base: int, at: int) -> tuple[str, str, Tally]:
    """The digest, the channel's time and the tally as they are now."""
    (digest,) = connection.execute(
        "SELECT digest FROM records WHERE key = ?", (base | at,)
    ).fetchone()
    state, counted = connection.execute(
        "SELECT state, tally FROM channels WHERE number = ?", (base >> 40,)
    ).fetchone()
    return digest, msgspec.json.decode(state)["time"], counters.decode(counted)


def _past(connection: sqlite3.Connection, base: int, at: int) -> tuple[str, str, Tally]:
    """The same at a past position: from the snapshot before it on."""
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


def _waiting_now(connection: sqlite3.Connection, base: int) -> list[Row]:
    """The exchanges that wait for an acknowledgement, the most urgent first and among these the oldest: every flash, and a page of the others."""
    query = f"SELECT {_ROW} FROM exchanges INDEXED BY exchanges_waiting WHERE unacknowledged != '' AND key >> 40 = ? AND precedence"  # noqa: S608
    flashes = connection.execute(f"{query} = 0 ORDER BY key", (base >> 40,))
    cursor = connection.execute(
        f"{query} > 0 ORDER BY precedence, key LIMIT {LIST_PAGE}", (base >> 40,)
    )
    return [_row(values) for values in (*flashes, *cursor)]


def _waiting_at(connection: sqlite3.Connection, base: int, at: int) -> list[Row]:
    """The same as it was at a past position."""
    return [_row_at(connection, base, at, id) for id in waiting_at(connection, base, at)]


def _row_at(connection: sqlite3.Connection, base: int, at: int, id: str) -> Row:
    """An exchange's row as it was at a past position."""
    return row_of(state_at(connection, base, at, id))


def row_of(state: Exchange) -> Row:
    """An exchange as one row of a list."""
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
