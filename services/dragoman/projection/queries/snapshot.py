"""A snapshot of one channel: its state after a position and at a time.

Up to that time the log has no record after the position. Statistics and reports are of
one snapshot and of nothing later, so that they are the same whenever they are made
again. If only a time is given, the position is the last one before the first record of
that time or later.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final

import msgspec
from msgspec import Raw, Struct, field

from dragoman.domain.acts import deadlines
from dragoman.domain.acts.access import officer_side
from dragoman.domain.acts.families.exchange import ENDED
from dragoman.domain.record.codec import NotARecord, Record, parse_stored
from dragoman.domain.record.errors import refuse
from dragoman.domain.views import attribution
from dragoman.domain.views import outages as blindness
from dragoman.domain.views.attribution import unattributed_message
from dragoman.domain.views.audit_findings import MEMBERS, AuditFinding, of_record, of_void
from dragoman.domain.views.outages import LineCheckSpan, OutageSpan, ReportedOutage, Turn
from dragoman.limits import APPEND_SECONDS, CLOCK_SKEW_SECONDS, LINE_CHECKS_BEFORE
from dragoman.projection.moments import (
    after,
    instant,
    known_until,
)
from dragoman.projection.queries import matter_names
from dragoman.projection.row_keys import (
    SAME_EXCHANGE,
    last_key,
    position_of,
    row_key,
)
from dragoman.projection.store import Store
from dragoman.projection.view import View, open_view
from dragoman.text import unpacked
from dragoman_schemas.fields import Timestamp
from dragoman_schemas.report_shapes import ChannelAct
from dragoman_schemas.responses import Link
from dragoman_schemas.state import Exchange

_SETTLING: Final = timedelta(seconds=APPEND_SECONDS + CLOCK_SKEW_SECONDS)
"""The longest time after its own time at which a record may reach the log."""

_TOLD: Final = frozenset(
    {
        "channel-status",
        "channel-end",
        "profile-adoption",
        "codebook-adoption",
        "policy-adoption",
        *blindness.REPORTS,
    }
)
"""The acts of the channel whose content reports give: they name no officer."""


class _Data(Struct):
    data: dict[str, Raw]


_data = msgspec.json.Decoder(_Data).decode

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


def snapshot_of(view: View, period_query: PeriodQuery, end_seen: str) -> "Snapshot":
    """Return the snapshot for a period query, by all records of a view's channel.

    `end_seen` is the time at which the end of the log was last seen. Raises `Refused`.
    """
    position, ends = _when(view.at(view.newest), period_query, end_seen)
    snapshot = Snapshot(view.connection, view.base, position, ends, view.tally_memory)
    if snapshot.opened is None:
        raise refuse("not-found", "The channel was not open then.")
    return snapshot


@contextmanager
def open_snapshot(
    store: Store, channel: str, period_query: PeriodQuery, end_seen: str
) -> "Iterator[Snapshot]":
    """Yield the snapshot for a period query, in one read transaction."""
    with open_view(store, channel) as view:
        yield snapshot_of(view, period_query, end_seen)


def _when(view: View, period_query: PeriodQuery, end_seen: str) -> tuple[int, datetime]:
    newest = view.position
    if not 0 <= period_query.at <= newest:
        raise refuse(
            "bad-request",
            "at is a position from 1 to %(newest)s, or left out for now.",
            newest=newest,
        )
    at_position = after(view.at(period_query.at or newest).time)
    latest = known_until(view.time, end_seen)
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
        return view.position_before(ends), ends
    following = datetime.max.replace(tzinfo=UTC)
    if period_query.at < newest:
        following = datetime.fromisoformat(view.at(period_query.at + 1).time) + _SETTLING
    if not at_position <= ends <= following:
        raise refuse(
            "bad-request",
            "At %(time)s the log was not at position %(position)s; leave out one of at and to.",
            time=deadlines.timestamp(ends),
            position=period_query.at,
        )
    return period_query.at, ends


class Snapshot(View):
    """A view of a channel whose moment ends a period. All its records are earlier."""

    @property
    def ends(self) -> datetime:
        """The time at which the period ends."""
        return self.moment

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
        return self.position_before(span.begins) + 1

    # Exchanges

    def exchanges(self, first: int, format: str = "") -> Iterator[Exchange]:
        """Yield the exchanges that changed since a position or that owe something.

        It may yield further exchanges too.
        """
        yield from self.where(
            "(e.position >= ? OR e.unacknowledged != '' OR e.key IN (SELECT key FROM waits "  # fixed words  # noqa: S608
            "WHERE until > ? AND until <= ? AND since <= ?) "
            "OR (e.act = 'line-check' AND e.status = 'sent') "
            f"OR (e.status NOT IN ({_words(ENDED)}) AND {_CLOCKED})) AND ? IN ('', e.act)",
            first,
            self.key,
            last_key(self.base),
            self.key,
            format,
        )

    def touched(self, first: int, acts: Iterable[str] = ()) -> Iterator[Exchange]:
        """Return the exchanges that were opened or continued since a position.

        With `acts` they are those of some formats.
        """
        formats = _words(acts)
        where = f"e.position >= ?{f' AND e.act IN ({formats})' if formats else ''}"
        return (state for state in self.where(where, first) if state.updated.position >= first)

    def continued_by(self, first: int, acts: Iterable[str]) -> list[Exchange]:
        """Return the exchanges with valid records of some acts since a position."""
        rows = self.connection.execute(
            "SELECT DISTINCT exchange FROM records WHERE valid AND key BETWEEN ? AND ? "  # fixed words  # noqa: S608
            f"AND act IN ({_words(acts)}) AND exchange != ?",
            (
                row_key(self.base, first),
                self.key,
                self.registry.id,
            ),
        ).fetchall()
        return [self.known(exchange) for (exchange,) in rows]

    def acts_of(self, exchange: str, acts: Iterable[str]) -> Iterator[tuple[int, Record]]:
        """Yield the valid records of some acts of an exchange, each with its position.

        Erased records are left out.
        """
        cursor = self.connection.execute(
            "SELECT key, raw FROM records WHERE exchange = ? AND valid AND key BETWEEN ? AND ? "  # fixed words  # noqa: S608
            f"AND act IN ({_words(acts)}) ORDER BY key",
            (exchange, self.base, self.key),
        )
        for key, raw in cursor:
            try:
                yield position_of(key), parse_stored(raw)
            except NotARecord:
                continue

    def expect(self, first: int, most: int) -> None:
        """Raise `Refused` if more exchanges changed since a position than `most`."""
        (result,) = self.connection.execute(
            "SELECT count(*) FROM exchanges WHERE key BETWEEN ? AND ? AND position >= ?",
            (self.base, self.key, first),
        ).fetchone()
        if result > most:
            raise refuse(
                "bad-request",
                "More than %(n)s exchanges were carried on in this time; choose a shorter one.",
                n=most,
            )

    @cached_property
    def hides(self) -> attribution.Hides:
        """A function that says whether a reference names a matter under the rule."""
        answers: dict[str, bool] = {}

        def hidden(name: str) -> bool:
            if name not in answers:
                answers[name] = matter_names.is_hidden(self, name)
            return answers[name]

        return hidden

    def opening(self, state: Exchange) -> dict[str, Raw]:
        """Return the content of an exchange's opening as recorded.

        It is without later corrections and proposals.
        """
        (raw,) = self.connection.execute(
            "SELECT raw FROM records WHERE key = ?", (row_key(self.base, state.opened.position),)
        ).fetchone()
        return {
            name: value for name, value in _data(raw).data.items() if name not in ("act", "signed")
        }

    def linked(self, state: Exchange) -> tuple[Link, ...]:
        """Return the exchanges that refer to one, by its id or its number, in order."""
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
            for exchange in self.referring(state)
        )

    def last_words(self) -> dict[str, str]:
        """Return the time of the last message of an officer, by area.

        Areas without such a message are missing.
        """
        rows = self.connection.execute(
            "SELECT area, position, id FROM exchanges WHERE key BETWEEN ? AND ?",
            (self.base, self.key),
        ).fetchall()
        newest: dict[str, tuple[int, str]] = {}
        by_area: dict[str, list[tuple[int, str]]] = {}
        for area, position, id in rows:
            if position > self.position:  # its area may have been another one at that time
                self._note_word(newest, self.known(id))
            else:
                by_area.setdefault(area, []).append((position, id))
        for area, carried in by_area.items():
            for position, id in sorted(carried, reverse=True):
                if position <= newest.get(area, (0, ""))[0]:
                    break
                self._note_word(newest, self.at(position).known(id))
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
        cursor = self.connection.execute(
            "SELECT key, act, actor, time, number, raw FROM records WHERE exchange = ? "
            "AND key BETWEEN ? AND ? AND valid "
            "AND act != 'delivery' ORDER BY key",
            (self.registry.id, row_key(self.base, first), self.key),
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
        registry = self.at(first - 1).opened
        return frozenset(() if registry is None else registry.watches)

    def turns(self, first: int) -> list[Turn]:
        """Return the times since a position at which a watch was taken or given up."""
        cursor = self.connection.execute(
            "SELECT act, actor, time, raw FROM records WHERE exchange = ? AND key BETWEEN ? "
            "AND ? AND valid "
            "AND act IN ('watch-assumption', 'watch-relief') ORDER BY key",
            (self.registry.id, row_key(self.base, first), self.key),
        )
        return [
            Turn(
                datetime.fromisoformat(time),
                officer_side(actor),
                act == "watch-assumption" or "to" in _data(raw).data,
            )
            for act, actor, time, raw in cursor
        ]

    def outages(self, first: int) -> list[ReportedOutage]:
        """Return the outages that gateways and stations recorded since a position."""
        cursor = self.connection.execute(
            "SELECT act, actor, raw FROM records WHERE exchange = ? AND key BETWEEN ? AND ? "
            "AND valid AND act IN (?, ?) ORDER BY key",
            (self.registry.id, row_key(self.base, first), self.key, *blindness.REPORTS),
        )
        return [
            blindness.reported(
                act,
                actor,
                *(msgspec.json.decode(_data(raw).data[name]) for name in ("from", "to")),
            )
            for act, actor, raw in cursor
        ]

    def exceptional(self, first: int) -> Iterator[AuditFinding]:
        """Yield remarks of the records since a position, and the void records."""
        text = " OR ".join(f"instr(r.raw, CAST('\"{name}\":' AS BLOB))" for name in MEMBERS)
        cursor = self.connection.execute(
            "SELECT r.key, r.valid, r.detail, r.raw, e.id "  # fixed words  # noqa: S608
            f"FROM records r LEFT JOIN exchanges e ON {SAME_EXCHANGE} AND e.key <= ? "
            "WHERE r.key BETWEEN ? AND ? "
            f"AND (NOT r.valid OR r.act = 'erasure' OR {text}) ORDER BY r.key",
            (
                self.key,
                row_key(self.base, first),
                self.key,
            ),
        )
        for key, valid, detail, raw, id in cursor:
            exchange = None if id is None or id == self.registry.id else self.known(id)
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
        row = self.connection.execute(
            "SELECT actor FROM records WHERE key = ? AND valid", (row_key(self.base, position),)
        ).fetchone()
        return None if row is None else str(row[0])

    def line_checks(self, first: int) -> list[LineCheckSpan]:
        """Return the line checks since a position, with some before it.

        Those before it give the state of the line at that position.
        """
        rows = self.connection.execute(
            "SELECT position, id FROM exchanges WHERE family = 'contact' "
            "AND act = 'line-check' AND key BETWEEN ? AND ? "
            "AND key >= coalesce((SELECT key FROM exchanges WHERE family = 'contact' "
            "AND act = 'line-check' AND key BETWEEN ? AND ? "
            "ORDER BY key DESC LIMIT 1 OFFSET ?), 0) ORDER BY key",
            (
                self.base,
                self.key,
                self.base,
                row_key(self.base, first - 1),
                LINE_CHECKS_BEFORE - 1,
            ),
        ).fetchall()
        states = (self.at(min(position, self.position)).known(id) for position, id in rows)
        return [check for state in states for check in blindness.checks(state)]


def _words(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
