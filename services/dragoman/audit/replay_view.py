"""A replayed log as the reports read it.

It gives the same as a gateway's projection at a position, from the records alone.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from dragoman.audit.accountability import of_records
from dragoman.audit.replay import Replay
from dragoman.domain.acts import duty_calendar
from dragoman.domain.acts.access import officer_side
from dragoman.domain.acts.duty_calendar import DutyCalendar
from dragoman.domain.record.codec import NotARecord, Record, parse_stored
from dragoman.domain.views import outages as blindness
from dragoman.domain.views.audit_findings import AuditFinding
from dragoman.domain.views.outages import LineCheckSpan, OutageSpan, ReportedOutage, Turn
from dragoman_schemas.acts.office.channel import (
    BrokerOutage,
    Delivery,
    LineOutage,
    WatchAssumption,
    WatchRelief,
)
from dragoman_schemas.state import Exchange, Message, Registry


class ReplayedChannel:
    """A channel with a valid opening, at the position to which its log was replayed."""

    def __init__(self, replay: Replay, messages: Sequence[bytes]) -> None:
        """Read the messages that were replayed."""
        self._replay = replay
        self._messages = messages
        state = replay.standing.state
        assert state.registry is not None
        self.registry: Registry = state.registry
        self.position = state.position
        self.digest = replay.standing.digest
        self.ends = datetime.fromisoformat(state.time).astimezone(UTC) + timedelta(milliseconds=1)
        self.sides = tuple(side.name for side in self.registry.sides)
        self.calendars: dict[str, DutyCalendar] = {
            side: duty_calendar.calendar_of(replay.office(side)) for side in self.sides
        }
        self._channel = list(self._acts())
        self._marks: dict[str, list[tuple[int, str]]] = {}
        for record in self._channel:
            if isinstance(record.data, Delivery):
                self._marks.setdefault(record.data.side, []).append(
                    (record.data.upto, record.envelope.time)
                )

    def _acts(self) -> Iterator[Record]:
        """Yield the valid records of the channel's own family."""
        void = self._replay.void
        for position, raw in enumerate(self._messages, 1):
            if position not in void and b',"family":"channel","actor":' in raw:
                try:
                    record = parse_stored(raw)
                except NotARecord:
                    continue
                if record.envelope.family == "channel":
                    yield record

    def delivered(self, side: str, message: Message) -> str:
        """Return the time at which a message was delivered to a side.

        It is the time of the side's first watermark that covers the message. It is
        empty if no watermark covers it.
        """
        marks = self._marks.get(side, [])
        at = bisect_left(marks, (message.said.position, ""))
        return marks[at][1] if at < len(marks) else ""

    def exchanges(self, _: int) -> Iterator[Exchange]:
        """Return all exchanges."""
        return self._replay.exchanges()

    def turns(self, _: int) -> list[Turn]:
        """Return the times at which watches were manned or left unmanned."""
        turns: list[Turn] = []
        for record in self._channel:
            match record.data:
                case WatchAssumption():
                    manned = True
                case WatchRelief() as data:
                    manned = isinstance(data.to, str)
                case _:
                    continue
            turns.append(
                Turn(
                    datetime.fromisoformat(record.envelope.time),
                    officer_side(record.envelope.actor),
                    manned,
                )
            )
        return turns

    def manned(self, _: int) -> frozenset[str]:
        """Return no side: before a channel's opening, no watch is manned."""
        return frozenset()

    def outages(self, _: int) -> list[ReportedOutage]:
        """Return the outages that gateways and stations reported."""
        return [
            blindness.reported(
                record.name, record.envelope.actor, record.data.from_, record.data.to
            )
            for record in self._channel
            if isinstance(record.data, BrokerOutage | LineOutage)
        ]

    def line_checks(self, _: int) -> list[LineCheckSpan]:
        """Return the line checks."""
        return [check for exchange in self.exchanges(0) for check in blindness.checks(exchange)]

    def exceptional(self, _: int) -> Iterator[AuditFinding]:
        """Yield the findings in records, and the records without effect."""
        return of_records(self._replay, self._messages)

    def actor(self, position: int) -> str | None:
        """Return the actor of the valid record at a position."""
        return self._replay.actor(position)

    def period(self) -> OutageSpan:
        """Return the time from the opening to the end of the log."""
        return OutageSpan(datetime.fromisoformat(self.registry.opened.time), self.ends)
