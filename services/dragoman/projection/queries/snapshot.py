"""A snapshot of one channel: its state after a position and at a time.

Up to that time the log has no record after the position. Statistics and reports are of
one snapshot and of nothing later, so that they are the same whenever they are made
again. If only a time is given, the position is the last one before the first record of
that time or later.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from time import sleep
from typing import Final

import msgspec
from msgspec import Raw, Struct, field

from dragoman.domain.acts import deadlines
from dragoman.domain.acts.access import officer_side
from dragoman.domain.acts.duty_calendar import DutyCalendar
from dragoman.domain.acts.families.exchange import ENDED
from dragoman.domain.record.codec import NotARecord, Record, parse_stored
from dragoman.domain.record.errors import refuse
from dragoman.domain.views import attribution
from dragoman.domain.views import outages as blindness
from dragoman.domain.views.attribution import unattributed_message
from dragoman.domain.views.audit_findings import MEMBERS, AuditFinding, of_record, of_void
from dragoman.domain.views.outages import LineCheckSpan, OutageSpan, Turn
from dragoman.limits import APPEND_SECONDS, CLOCK_SKEW_SECONDS, LINE_CHECKS_BEFORE
from dragoman.projection.queries import matter_names
from dragoman.projection.queries.as_of import (
    after,
    announced_at,
    calendars_at,
    delivered_at,
    instant,
    known_until,
    newest_position,
    position_before,
    registry_at,
    state_at,
    time_at,
)
from dragoman.projection.row_keys import (
    NEWEST_RECORD,
    SAME_EXCHANGE,
    channel_number,
    last_key,
    position_of,
    row_key,
)
from dragoman.projection.store import Store
from dragoman.projection.stored_state import whole
from dragoman.text import unpacked
from dragoman_schemas.fields import Timestamp
from dragoman_schemas.report_shapes import ChannelAct
from dragoman_schemas.responses import Link
from dragoman_schemas.state import Exchange, Message, Registry, decode_exchange

_SETTLING: Final = timedelta(seconds=APPEND_SECONDS + CLOCK_SKEW_SECONDS)
"""The longest time after its own time at which a record may reach the log."""

_TOLD: Final = frozenset(
    {"channel-status", "profile-adoption", "codebook-adoption", "policy-adoption", "broker-outage"}
)
"""The acts of the channel whose content reports give: they name no officer."""


class _Data(Struct):
    data: dict[str, Raw]


_data = msgspec.json.Decoder(_Data).decode

_STRETCH: Final = 100
_REST_SECONDS: Final = 0.001
"""The rest after each stretch of exchanges.

A thread that reads many exchanges keeps the interpreter. The rest lets posts go on.
"""

_CLOCKED: Final = "(e.family IN ('meeting', 'notification') OR e.act = 'point-of-contact')"
"""The exchanges in which a side may owe more than acknowledgements."""


class PeriodQuery(Struct, frozen=True, kw_only=True):
    """A period, and the position whose state counts.

    `from` is the first time, `to` the time after the last one. By default the period is
    everything that is known.
    """

    at: int = 0
    from_: Timestamp | None = field(name="from", default=None)
    to: Timestamp | None = None


@contextmanager
def open_snapshot(
    store: Store, channel: str, period_query: PeriodQuery, as_of: str
) -> "Iterator[Snapshot]":
    """Yield the snapshot for a period query, in one read transaction.

    `as_of` is the time at which the end of the log was last seen. Raises `Refused`.
    """
    base = store.base(channel)
    with store.snapshot() as connection:
        newest = newest_position(connection, channel)
        position, ends = _when(connection, base, newest, period_query, as_of)
        registry = registry_at(connection, base, position)
        if registry is None:
            raise refuse("not-found", "The channel was not open at that time.")
        yield Snapshot(connection, base, position, ends, registry)


def _when(
    connection: sqlite3.Connection, base: int, newest: int, period_query: PeriodQuery, as_of: str
) -> tuple[int, datetime]:
    if not 0 <= period_query.at <= newest:
        raise refuse(
            "bad-request",
            "at is a position from 1 to %(newest)s, or left out for now.",
            newest=newest,
        )
    at_position = after(time_at(connection, base, period_query.at or newest))
    latest = known_until(connection, base, newest, as_of)
    if period_query.to is None:
        return (period_query.at, at_position) if period_query.at else (newest, latest)
    ends = instant("to", period_query.to)
    if ends > latest:
        raise refuse(
            "bad-request",
            "to lies after %(time)s, until when the log is known here; leave it out for now.",
            time=deadlines.timestamp(latest),
        )
    if not period_query.at:
        return position_before(connection, base, newest, ends), ends
    following = datetime.max.replace(tzinfo=UTC)
    if period_query.at < newest:
        following = (
            datetime.fromisoformat(time_at(connection, base, period_query.at + 1)) + _SETTLING
        )
    if not at_position <= ends <= following:
        raise refuse(
            "bad-request",
            "At %(time)s the log was not at position %(position)s; leave out one of at and to.",
            time=deadlines.timestamp(ends),
            position=period_query.at,
        )
    return period_query.at, ends


class Snapshot:
    """The readable state of one channel at a position.

    `ends` is its time. All its records are earlier.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        base: int,
        position: int,
        ends: datetime,
        registry: Registry,
    ) -> None:
        """Read in an open transaction."""
        self._connection = connection
        self._base = base
        self.position = position
        self.ends = ends
        self.registry = registry

    @property
    def sides(self) -> tuple[str, ...]:
        """The names of the sides, in the order of the opening."""
        return tuple(side.name for side in self.registry.sides)

    @cached_property
    def calendars(self) -> dict[str, DutyCalendar]:
        """Every side's calendar."""
        return calendars_at(self._connection, self._base, self.position, self.sides)

    @cached_property
    def digest(self) -> str:
        """The digest of the liaison state."""
        (result,) = self._connection.execute(
            "SELECT digest FROM records WHERE key = ?", (row_key(self._base, self.position),)
        ).fetchone()
        return str(result)

    def span(self, begins: datetime | None) -> OutageSpan:
        """Return the span from a time to this snapshot's.

        The default is the time of the channel's opening. Raises `Refused` if the span
        would be empty.
        """
        begins = datetime.fromisoformat(self.registry.opened.time) if begins is None else begins
        if begins >= self.ends:
            raise refuse(
                "bad-request",
                "from lies not before %(time)s, where the period ends.",
                time=deadlines.timestamp(self.ends),
            )
        return OutageSpan(begins, self.ends)

    def first(self, span: OutageSpan) -> int:
        """Return the first position of a span that ends here."""
        return position_before(self._connection, self._base, self.position, span.begins) + 1

    # Exchanges

    def exchanges(self, first: int, format: str = "") -> Iterator[Exchange]:
        """Yield the exchanges that changed since a position or that owe something.

        It may yield further exchanges too.
        """
        yield from self._states(
            "(e.position >= ? OR e.unacknowledged != '' OR e.key IN (SELECT key FROM waits "  # fixed words  # noqa: S608
            "WHERE until > ? AND until <= ? AND since <= ?) "
            f"OR (e.status NOT IN ({_words(ENDED)}) AND {_CLOCKED})) AND ? IN ('', e.act)",
            first,
            row_key(self._base, self.position),
            last_key(self._base),
            row_key(self._base, self.position),
            format,
        )

    def touched(self, first: int, acts: Iterable[str] = ()) -> Iterator[Exchange]:
        """Return the exchanges that were opened or continued since a position.

        With `acts` they are those of some formats.
        """
        formats = _words(acts)
        where = f"e.position >= ?{f' AND e.act IN ({formats})' if formats else ''}"
        return (state for state in self._states(where, first) if state.updated.position >= first)

    def announced(self) -> list[Exchange]:
        """Return the exchanges with a window that had not ended, newest first."""
        return announced_at(self._connection, self._base, self.position)

    def continued_by(self, first: int, acts: Iterable[str]) -> list[Exchange]:
        """Return the exchanges with valid records of some acts since a position."""
        rows = self._connection.execute(
            "SELECT DISTINCT exchange FROM records WHERE valid AND key BETWEEN ? AND ? "  # fixed words  # noqa: S608
            f"AND act IN ({_words(acts)}) AND exchange != ?",
            (
                row_key(self._base, first),
                row_key(self._base, self.position),
                self.registry.id,
            ),
        ).fetchall()
        return [
            state_at(self._connection, self._base, self.position, exchange) for (exchange,) in rows
        ]

    def acts_of(self, exchange: str, acts: Iterable[str]) -> Iterator[tuple[int, Record]]:
        """Yield the valid records of some acts of an exchange, each with its position.

        Erased records are left out.
        """
        cursor = self._connection.execute(
            "SELECT key, raw FROM records WHERE exchange = ? AND valid AND key BETWEEN ? AND ? "  # fixed words  # noqa: S608
            f"AND act IN ({_words(acts)}) ORDER BY key",
            (exchange, self._base, row_key(self._base, self.position)),
        )
        for key, raw in cursor:
            try:
                yield position_of(key), parse_stored(raw)
            except NotARecord:
                continue

    def expect(self, first: int, most: int) -> None:
        """Raise `Refused` if more exchanges changed since a position than `most`."""
        (result,) = self._connection.execute(
            "SELECT count(*) FROM exchanges WHERE key BETWEEN ? AND ? AND position >= ?",
            (self._base, row_key(self._base, self.position), first),
        ).fetchone()
        if result > most:
            raise refuse(
                "bad-request",
                "More than %(n)s exchanges were carried on in this time; choose a shorter one.",
                n=most,
            )

    def of(self, family: str, *acts: str) -> Iterator[Exchange]:
        """Return all exchanges of some formats of a family, in order."""
        return self._states(f"e.family = '{family}' AND e.act IN ({_words(acts)})")

    def _states(self, where: str, *parameters: object) -> Iterator[Exchange]:
        """Yield the exchanges that had been opened, in their state at the position."""
        cursor = self._connection.execute(
            "SELECT e.id, e.position, CASE WHEN e.position <= ? THEN r.state END "  # fixed words  # noqa: S608
            "FROM exchanges e "
            f"JOIN records r ON {NEWEST_RECORD} WHERE e.key BETWEEN ? AND ? AND {where} "
            "ORDER BY e.key",
            (self.position, self._base, row_key(self._base, self.position), *parameters),
        )
        for number, (id, _, state) in enumerate(cursor):
            if number % _STRETCH == _STRETCH - 1:
                sleep(_REST_SECONDS)
            yield (
                state_at(self._connection, self._base, self.position, id)
                if state is None
                else decode_exchange(whole(self._connection, self._base, id, state))
            )

    @cached_property
    def hides(self) -> attribution.Hides:
        """A function that says whether a reference names a matter under the rule."""
        answers: dict[str, bool] = {}

        def hidden(name: str) -> bool:
            if name not in answers:
                id = matter_names.named(self._connection, self._base, self.position, name)
                answers[name] = bool(id) and attribution.unattributed(
                    state_at(self._connection, self._base, self.position, id)
                )
            return answers[name]

        return hidden

    def opening(self, state: Exchange) -> dict[str, Raw]:
        """Return the content of an exchange's opening as recorded.

        It is without later corrections and proposals.
        """
        (raw,) = self._connection.execute(
            "SELECT raw FROM records WHERE key = ?", (row_key(self._base, state.opened.position),)
        ).fetchone()
        return {
            name: value for name, value in _data(raw).data.items() if name not in ("act", "signed")
        }

    def linked(self, state: Exchange) -> tuple[Link, ...]:
        """Return the exchanges that refer to one, by its id or its number, in order."""
        rows = self._connection.execute(
            "SELECT e.id FROM links l JOIN exchanges e ON e.key = l.key "
            "WHERE l.channel = ? AND l.target IN (?, ?) AND l.key <= ? ORDER BY l.key",
            (
                channel_number(self._base),
                state.id,
                state.number,
                row_key(self._base, self.position),
            ),
        ).fetchall()
        states = (state_at(self._connection, self._base, self.position, id) for (id,) in rows)
        return tuple(
            Link(
                exchange=exchange.id,
                number=attribution.number(exchange),
                act=exchange.act,
                status=exchange.status,
                kind=str(msgspec.json.decode(exchange.content["kind"]))
                if "kind" in exchange.content
                else "",
            )
            for exchange in states
        )

    def delivered(self, side: str, message: Message) -> str:
        """Return the recorded time at which a message reached a station of a side.

        Empty if none is recorded.
        """
        return delivered_at(self._connection, self._base, self.position, side, message)

    def last_words(self) -> dict[str, str]:
        """Return the time of the last message of an officer, by area.

        Areas without such a message are missing.
        """
        rows = self._connection.execute(
            "SELECT area, position, id FROM exchanges WHERE key BETWEEN ? AND ?",
            (self._base, row_key(self._base, self.position)),
        ).fetchall()
        newest: dict[str, tuple[int, str]] = {}
        by_area: dict[str, list[tuple[int, str]]] = {}
        for area, position, id in rows:
            if position > self.position:  # its area may have been another one at that time
                self._note_word(newest, state_at(self._connection, self._base, self.position, id))
            else:
                by_area.setdefault(area, []).append((position, id))
        for area, carried in by_area.items():
            for position, id in sorted(carried, reverse=True):
                if position <= newest.get(area, (0, ""))[0]:
                    break
                self._note_word(newest, state_at(self._connection, self._base, position, id))
        return {area: time for area, (_, time) in newest.items()}

    def _note_word(self, newest: dict[str, tuple[int, str]], state: Exchange) -> None:
        for message in state.messages:
            if officer_side(message.said.by):
                newest[state.area] = max(
                    newest.get(state.area, (0, "")), (message.said.position, message.said.time)
                )

    # The channel, watches and the line

    def channel_acts(self, first: int) -> Iterator[ChannelAct]:
        """Yield the changes that officers made to the channel since a position.

        Changes of officers and watches have no content.
        """
        cursor = self._connection.execute(
            "SELECT key, act, actor, time, number, raw FROM records WHERE exchange = ? "
            "AND key BETWEEN ? AND ? AND valid "
            "AND act != 'delivery' ORDER BY key",
            (self.registry.id, row_key(self._base, first), row_key(self._base, self.position)),
        )
        for key, act, actor, time, number, raw in cursor:
            content = _data(raw).data if act in _TOLD else {}
            yield ChannelAct(
                position=position_of(key),
                time=time,
                side=officer_side(actor) or actor.partition("/")[0],
                act=act,
                number=number or "",
                content=attribution.referring(
                    {
                        name: value
                        for name, value in content.items()
                        if name not in ("act", "signed")
                    },
                    self.hides,
                ),
            )

    def manned(self, first: int) -> frozenset[str]:
        """Return the sides whose watch was taken before a position."""
        registry = registry_at(self._connection, self._base, first - 1)
        return frozenset(() if registry is None else registry.watches)

    def turns(self, first: int) -> list[Turn]:
        """Return the times since a position at which a watch was taken or given up."""
        cursor = self._connection.execute(
            "SELECT act, actor, time, raw FROM records WHERE exchange = ? AND key BETWEEN ? "
            "AND ? AND valid "
            "AND act IN ('watch-assumption', 'watch-relief') ORDER BY key",
            (self.registry.id, row_key(self._base, first), row_key(self._base, self.position)),
        )
        return [
            Turn(
                datetime.fromisoformat(time),
                officer_side(actor),
                act == "watch-assumption" or "to" in _data(raw).data,
            )
            for act, actor, time, raw in cursor
        ]

    def outages(self, first: int) -> list[OutageSpan]:
        """Return the spans without a broker that gateways recorded since a position."""
        cursor = self._connection.execute(
            "SELECT raw FROM records WHERE exchange = ? AND key BETWEEN ? AND ? AND valid "
            "AND act = 'broker-outage' ORDER BY key",
            (self.registry.id, row_key(self._base, first), row_key(self._base, self.position)),
        )
        ends = (_data(raw).data for (raw,) in cursor)
        return [
            OutageSpan(
                *(
                    datetime.fromisoformat(msgspec.json.decode(data[name]))
                    for name in ("from", "to")
                )
            )
            for data in ends
        ]

    def exceptional(self, first: int) -> Iterator[AuditFinding]:
        """Yield remarks of the records since a position, and the void records."""
        text = " OR ".join(f"instr(r.raw, CAST('\"{name}\":' AS BLOB))" for name in MEMBERS)
        cursor = self._connection.execute(
            "SELECT r.key, r.valid, r.detail, r.raw, e.id "  # fixed words  # noqa: S608
            f"FROM records r LEFT JOIN exchanges e ON {SAME_EXCHANGE} AND e.key <= ? "
            "WHERE r.key BETWEEN ? AND ? "
            f"AND (NOT r.valid OR r.act = 'erasure' OR {text}) ORDER BY r.key",
            (
                row_key(self._base, self.position),
                row_key(self._base, first),
                row_key(self._base, self.position),
            ),
        )
        for key, valid, detail, raw, id in cursor:
            exchange = (
                None
                if id is None or id == self.registry.id
                else state_at(self._connection, self._base, self.position, id)
            )
            if valid:
                yield from of_record(position_of(key), parse_stored(raw), exchange)
            else:
                yield of_void(
                    position_of(key),
                    unpacked(detail),
                    hidden=unattributed_message(raw, exchange, self.registry.kind),
                )

    def actor(self, position: int) -> str | None:
        """Return the actor of the valid record at a position."""
        row = self._connection.execute(
            "SELECT actor FROM records WHERE key = ? AND valid", (row_key(self._base, position),)
        ).fetchone()
        return None if row is None else str(row[0])

    def line_checks(self, first: int) -> list[LineCheckSpan]:
        """Return the line checks since a position, with some before it.

        Those before it give the state of the line at that position.
        """
        rows = self._connection.execute(
            "SELECT position, id FROM exchanges WHERE family = 'contact' "
            "AND act = 'line-check' AND key BETWEEN ? AND ? "
            "AND key >= coalesce((SELECT key FROM exchanges WHERE family = 'contact' "
            "AND act = 'line-check' AND key BETWEEN ? AND ? "
            "ORDER BY key DESC LIMIT 1 OFFSET ?), 0) ORDER BY key",
            (
                self._base,
                row_key(self._base, self.position),
                self._base,
                row_key(self._base, first - 1),
                LINE_CHECKS_BEFORE - 1,
            ),
        ).fetchall()
        states = (
            state_at(self._connection, self._base, min(position, self.position), id)
            for position, id in rows
        )
        return [check for state in states for check in blindness.checks(state)]


def _words(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
