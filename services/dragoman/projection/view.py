"""A view of one channel at a moment: a position of its log, and a clock.

    with open_view(store, "north", now) as view:          the newest records, now
    with open_view(store, "north", now, moment) as view:  a moment of the past
        undertakings(view)

A query is a function of a view. Everything that it reads is of one position, because
one read transaction is open meanwhile. What was recorded follows from the position.
Limits, windows and ages follow from the clock.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cached_property
from time import sleep
from typing import Concatenate, Final, ParamSpec, TypeVar

from dragoman.domain.acts import deadlines
from dragoman.domain.acts.act_registry import RULES
from dragoman.domain.acts.duty_calendar import DutyCalendar, calendar_of
from dragoman.domain.acts.families.contact import standing_office
from dragoman.domain.acts.families.exchange import owes_answer
from dragoman.domain.record.codec import NotARecord, Record, parse_stored
from dragoman.domain.record.errors import refuse
from dragoman.domain.views import flags
from dragoman.limits import LIST_PAGE
from dragoman.projection.kept_tally import KeptTally
from dragoman.projection.moments import POSITION, PastMoment, instant, known_until
from dragoman.projection.row_keys import (
    NEWEST_RECORD,
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

P = ParamSpec("P")
T = TypeVar("T")

_MOST: Final = 2_000
"""The most exchanges of some formats that are read.

It suffices for the roadmap and the issues of two sides that talk for decades.
"""

_ANNOUNCED: Final = (
    "exchanges INDEXED BY exchanges_window "
    "WHERE act IN ('danger-area', 'launch-notice', 'military-activity', "
    "'humanitarian-notification', 'visit-invitation', 'visit-request') "
    "AND key BETWEEN ? AND ? AND (status NOT IN ('cancelled', 'closed', 'declined', "
    "'withdrawn', 'cleared', 'completed', 'reported', 'left') OR position > ?)"
)
"""The rows of exchanges with a window that had not ended at a position."""

_WAITS: Final = (
    "e.id, w.precedence FROM waits w JOIN exchanges e ON e.key = w.key "
    "WHERE w.until > ? AND w.until <= ? AND w.since <= ?"
)
"""The exchanges that waited or may have been open at a position, with their urgency."""

_STRETCH: Final = 100
_REST_SECONDS: Final = 0.001
"""The rest after each stretch of exchanges.

A thread that reads many exchanges keeps the interpreter. The rest lets posts go on.
"""

_MILLISECOND: Final = timedelta(milliseconds=1)


class View:
    """A channel at a moment, while a read transaction is open."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        base: int,
        position: int,
        clock: datetime | None = None,
        tally_memory: KeptTally | None = None,
    ) -> None:
        """View the channel with this base of row keys. The clock may be left out.

        It is the channel's time at the position then.
        """
        self.connection = connection
        self.base = base
        self.position = position
        self.tally_memory = tally_memory
        self._clock = clock

    def at(self, position: int) -> "View":
        """Return the channel at another position, in the same transaction.

        The clock is the channel's time there.
        """
        return View(self.connection, self.base, position)

    # The channel

    @cached_property
    def moment(self) -> datetime:
        """The clock for which limits, windows and ages are worked out."""
        return self._clock or datetime.fromisoformat(self.time)

    @cached_property
    def newest(self) -> int:
        """The newest position of the channel in the file."""
        row = self.connection.execute(
            "SELECT position FROM channels WHERE number = ?", (channel_number(self.base),)
        ).fetchone()
        return 0 if row is None else int(row[0])

    @property
    def key(self) -> int:
        """The key of the last row that the view has."""
        return row_key(self.base, self.position)

    @cached_property
    def _genesis(self) -> str:
        """The id of the record that opened the channel; empty before it."""
        row = self.connection.execute(
            "SELECT exchange FROM records WHERE key = ? AND valid", (row_key(self.base, 1),)
        ).fetchone()
        return "" if row is None or self.position < 1 else str(row[0])

    @cached_property
    def opened(self) -> Registry | None:
        """The registry; None where the channel had not been opened."""
        if not self._genesis:
            return None
        (state,) = self.connection.execute(
            "SELECT state FROM records WHERE exchange = ? AND valid AND key BETWEEN ? AND ? "
            "ORDER BY key DESC LIMIT 1",
            (self._genesis, self.base, self.key),
        ).fetchone()
        return decode_registry(whole(self.connection, self.base, self._genesis, state))

    @property
    def registry(self) -> Registry:
        """The registry. Raises `Refused` where the channel had not been opened."""
        if self.opened is None:
            raise refuse("not-found", "The channel was not open then.")
        return self.opened

    @property
    def sides(self) -> tuple[str, ...]:
        """The names of the sides, in the order of the opening."""
        return tuple(side.name for side in self.registry.sides)

    @cached_property
    def time(self) -> str:
        """The channel's time at the position; empty where it had not been opened.

        It is that of the snapshot before it, or of a record since.
        """
        start = row_key(self.base, self.position - self.position % SNAPSHOT_RECORDS)
        saved = self.connection.execute(
            "SELECT time FROM snapshots WHERE key = ?", (start,)
        ).fetchone()
        (since,) = self.connection.execute(
            "SELECT max(time) FROM records WHERE key > ? AND key <= ? AND valid",
            (start, self.key),
        ).fetchone()
        return max("" if saved is None else saved[0], since or "")

    @cached_property
    def calendars(self) -> dict[str, DutyCalendar]:
        """Every side's calendar, by its office's entry."""
        return self.calendars_of(self.sides)

    def calendars_of(self, sides: Iterable[str]) -> dict[str, DutyCalendar]:
        """Return the calendars of some sides."""
        ids = self.connection.execute(
            "SELECT id FROM exchanges WHERE act = 'liaison-office' AND key BETWEEN ? AND ?",
            (self.base, self.key),
        ).fetchall()
        offices = [self.known(id) for (id,) in ids]
        return {side: calendar_of(standing_office(offices, side)) for side in sides}

    @cached_property
    def digest(self) -> str:
        """The digest of the liaison state."""
        (result,) = self.connection.execute(
            "SELECT digest FROM records WHERE key = ?", (self.key,)
        ).fetchone()
        return str(result)

    # Moments

    def position_before(self, moment: datetime) -> int:
        """Return the last position at which the channel's time was before a moment.

        Returns 0 if there is no such position.
        """
        text = deadlines.timestamp(moment)
        (saved,) = self.connection.execute(
            "SELECT max(key) FROM snapshots WHERE key BETWEEN ? AND ? AND time < ?",
            (self.base, self.key, text),
        ).fetchone()
        start = 0 if saved is None else position_of(saved)
        last = min(self.position, start + SNAPSHOT_RECORDS)
        (first,) = self.connection.execute(
            "SELECT min(key) FROM records WHERE key > ? AND key <= ? AND valid AND time >= ?",
            (row_key(self.base, start), row_key(self.base, last), text),
        ).fetchone()
        return last if first is None else position_of(first) - 1

    def past_moment(self, at: str, end_seen: str) -> PastMoment | None:
        """Return the past moment that `at` names by a position or a time; None for now.

        The clock of a position is the channel's time there. `end_seen` is the time at
        which the end of the log was last seen. Raises `Refused` for a position that the
        log does not have, and for a time before the opening or after `end_seen`.
        """
        if at in ("", "0"):
            return None
        if POSITION.fullmatch(at):
            if not 1 <= int(at) <= self.position:
                raise refuse(
                    "bad-request",
                    "Records are counted from 1 to %(newest)s; give one of these, or a time.",
                    newest=self.position,
                )
            time = self.at(int(at)).time
            if not time:
                raise refuse("not-found", "The channel was not open then.")
            return PastMoment(int(at), datetime.fromisoformat(time))
        clock = instant("at", at)
        position = self.position_before(clock + _MILLISECOND)
        latest = known_until(self.time, end_seen)
        if clock >= latest:
            raise refuse(
                "bad-request",
                "The log is known here until %(time)s; give an earlier time, or none for now.",
                time=deadlines.timestamp(latest),
            )
        if not position:
            raise refuse("not-found", "The channel was not open then.")
        return PastMoment(position, clock)

    # Records

    def record(self, position: int) -> Record | None:
        """Return the record at a position.

        None where it was erased, or is not a record of an act.
        """
        (raw,) = self.connection.execute(
            "SELECT raw FROM records WHERE key = ?", (row_key(self.base, position),)
        ).fetchone()
        try:
            record = parse_stored(raw)
        except NotARecord:
            return None
        return record if record.act else None

    def delivered(self, side: str, message: Message) -> str:
        """Return the time of a side's first watermark that covers a message.

        Empty where none does.
        """
        row = self.connection.execute(
            "SELECT time FROM deliveries WHERE channel = ? AND side = ? AND upto >= ? "
            "AND position <= ? ORDER BY upto LIMIT 1",
            (channel_number(self.base), side, message.said.position, self.position),
        ).fetchone()
        return "" if row is None else str(row[0])

    # Exchanges

    def state(self, id: str) -> Exchange | None:
        """Return an exchange; None where it had not been opened.

        The opening of the channel names no exchange: its state is the registry.
        """
        if id == self._genesis:
            return None
        row = self.connection.execute(
            "SELECT state FROM records WHERE exchange = ? AND key BETWEEN ? AND ? "
            "AND state IS NOT NULL ORDER BY key DESC LIMIT 1",
            (id, self.base, self.key),
        ).fetchone()
        return (
            None if row is None else decode_exchange(whole(self.connection, self.base, id, row[0]))
        )

    def known(self, id: str) -> Exchange:
        """Return an exchange that had been opened."""
        (state,) = self.connection.execute(
            "SELECT state FROM records WHERE exchange = ? AND valid AND state IS NOT NULL "
            "AND key BETWEEN ? AND ? ORDER BY key DESC LIMIT 1",
            (id, self.base, self.key),
        ).fetchone()
        return self.stored(id, state)

    def stored(self, id: str, state: bytes | None) -> Exchange:
        """Return an exchange from a row with its state; None if it changed later."""
        return (
            self.known(id)
            if state is None
            else decode_exchange(whole(self.connection, self.base, id, state))
        )

    def states(self, *formats: str) -> list[Exchange]:
        """Return the exchanges of some formats, in the order of their opening."""
        return self._of(formats, "ASC", _MOST)

    def newest_states(self, *formats: str) -> list[Exchange]:
        """Return a page of the exchanges of some formats, the newest opened first."""
        return self._of(formats, "DESC", LIST_PAGE)

    def _of(self, formats: tuple[str, ...], order: str, most: int) -> list[Exchange]:
        families = dict.fromkeys(RULES[format].family for format in formats)
        rows = self.connection.execute(
            "SELECT e.id, CASE WHEN e.position <= ? THEN r.state END "  # fixed words  # noqa: S608
            f"FROM exchanges e JOIN records r ON {NEWEST_RECORD} "
            f"WHERE e.family IN ({_marks(families)}) AND e.act IN ({_marks(formats)}) "
            f"AND e.key BETWEEN ? AND ? ORDER BY e.key {order} LIMIT ?",
            (self.position, *families, *formats, self.base, self.key, most),
        ).fetchall()
        return [self.stored(id, state) for id, state in rows]

    def every(self, *formats: str) -> Iterator[Exchange]:
        """Yield all exchanges of some formats, in the order of their opening."""
        families = dict.fromkeys(str(RULES[format].family) for format in formats)
        return self.where(
            f"e.family IN ({_marks(families)}) AND e.act IN ({_marks(formats)})",
            *families,
            *formats,
        )

    def offices(self) -> Iterator[Exchange]:
        """Yield the exchanges about the sides' liaison offices."""
        return self.every("liaison-office")

    def where(self, condition: str, *parameters: object) -> Iterator[Exchange]:
        """Yield the exchanges whose newest rows meet a condition, as they were.

        They are in the order of their opening. The reader rests now and then.
        """
        cursor = self.connection.execute(
            "SELECT e.id, CASE WHEN e.position <= ? THEN r.state END "  # fixed words  # noqa: S608
            "FROM exchanges e "
            f"JOIN records r ON {NEWEST_RECORD} WHERE e.key BETWEEN ? AND ? AND {condition} "
            "ORDER BY e.key",
            (self.position, self.base, self.key, *parameters),
        )
        for number, (id, state) in enumerate(cursor):
            if number % _STRETCH == _STRETCH - 1:
                sleep(_REST_SECONDS)
            yield self.stored(id, state)

    def referring(self, state: Exchange) -> list[Exchange]:
        """Return the exchanges that refer to one by its id or its number, in order."""
        rows = self.connection.execute(
            "SELECT e.id, CASE WHEN e.position <= ? THEN r.state END "  # fixed words  # noqa: S608
            f"FROM links l JOIN exchanges e ON e.key = l.key JOIN records r ON {NEWEST_RECORD} "
            "WHERE l.channel = ? AND l.target IN (?, ?) AND l.key <= ? ORDER BY l.key",
            (self.position, channel_number(self.base), state.id, state.number, self.key),
        ).fetchall()
        return [self.stored(id, encoded) for id, encoded in rows]

    def announced(self) -> list[Exchange]:
        """Return the exchanges with a window that had not ended, newest first.

        Returns at most a page.
        """
        ids = self.connection.execute(
            f"SELECT id FROM {_ANNOUNCED} ORDER BY key DESC LIMIT ?",  # fixed words  # noqa: S608
            (self.base, self.key, self.position, LIST_PAGE),
        ).fetchall()
        return [self.known(id) for (id,) in ids]

    def announced_count(self) -> int:
        """Return the number of exchanges with a window that had not ended."""
        (count,) = self.connection.execute(
            f"SELECT count(*) FROM {_ANNOUNCED}",  # fixed words  # noqa: S608
            (self.base, self.key, self.position),
        ).fetchone()
        return int(count)

    def waiting_ids(self) -> list[str]:
        """Return the exchanges that wait for an acknowledgement, the most urgent first.

        The list has every flash, and a page of the others.
        """
        cursor = self.connection.execute(
            f"SELECT {_WAITS} AND w.precedence < ? ORDER BY w.precedence, w.key",  # fixed words
            (self.key, last_key(self.base), self.key, ACKNOWLEDGED),
        )
        ids: list[str] = []
        number = 0
        for id, precedence in cursor:
            number += precedence > 0
            if number > LIST_PAGE:
                break
            ids.append(id)
        return ids

    def unanswered_ids(self) -> list[str]:
        """Return a page of the exchanges that wait for an answer, the newest first.

        For a past position only the newest exchanges are searched.
        """
        if self.position == self.newest:
            cursor = self.connection.execute(
                "SELECT id FROM exchanges INDEXED BY exchanges_unanswered WHERE unanswered != '' "  # noqa: S608
                f"AND key BETWEEN ? AND ? ORDER BY key DESC LIMIT {LIST_PAGE}",
                channel_range(self.base),
            )
            return [id for (id,) in cursor]
        ids = self.connection.execute(
            "SELECT id FROM exchanges WHERE key BETWEEN ? AND ? ORDER BY key DESC "  # noqa: S608
            f"LIMIT {5 * LIST_PAGE}",
            (self.base, self.key),
        ).fetchall()
        return [id for (id,) in ids if owes_answer(self.known(id))][:LIST_PAGE]

    def open_ids(self) -> tuple[list[str], list[str]]:
        """Return the exchanges that may be open matters, in two lists.

        The first are those that wait for an acknowledgement, the most urgent first. The
        second are the others, the newest first.
        """
        rows = self.connection.execute(
            f"SELECT {_WAITS} ORDER BY w.precedence, w.key",  # fixed words
            (self.key, last_key(self.base), self.key),
        ).fetchall()
        waiting = [id for id, precedence in rows if precedence < ACKNOWLEDGED]
        return waiting, [id for id, _ in reversed(rows[len(waiting) :])]

    def opened_by(self, side: str) -> list[str]:
        """Return the acts that opened a side's newest exchanges, newest first."""
        rows = self.connection.execute(
            "SELECT act, side FROM exchanges WHERE key BETWEEN ? AND ? ORDER BY key DESC LIMIT ?",
            (self.base, self.key, 5 * LIST_PAGE),
        )
        return [act for act, opener in rows if opener == side]

    def open_areas(self) -> list[Exchange]:
        """Return the announced areas that were open, the newest first."""
        return [
            state
            for state in self.announced()
            if state.act in flags.AREAS and flags.is_open_area(state)
        ]


def _marks(values: Iterable[object]) -> str:
    return ", ".join("?" for _ in values)


@contextmanager
def open_view(
    store: Store, channel: str, clock: datetime | None = None, past: PastMoment | None = None
) -> Iterator[View]:
    """Yield the view of a channel, in one read transaction.

    It is that of the newest records and of a clock, or of a moment of the past. Without
    a clock it is the channel's time.
    """
    base = store.base(channel)
    with store.snapshot() as connection:
        if past is not None:
            yield View(connection, base, *past)
        else:
            newest = View(connection, base, 0).newest
            yield View(connection, base, newest, clock, store.tallies[channel])


def queried(
    store: Store,
    channel: str,
    query: Callable[Concatenate[View, P], T],
    /,
    *arguments: P.args,
    **keywords: P.kwargs,
) -> T:
    """Return the result of a query of the newest records, at the channel's time."""
    with open_view(store, channel) as view:
        return query(view, *arguments, **keywords)
