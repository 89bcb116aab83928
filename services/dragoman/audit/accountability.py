"""An auditor's questions about a replayed log: missed deadlines and findings.

    owed        every deadline that passed before the owed act had come, or that is open
                at the log's own time
    findings    one key, by voice, acting, later, late, corrected, void
                (`dragoman.domain.views.audit_findings`)

They cover every side alike. Nothing comes from a gateway: all follows from the records.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from dragoman.audit.replay import Replay, replayed
from dragoman.domain.acts import deadline_outcomes, deadlines, duty_calendar
from dragoman.domain.acts.deadline_outcomes import Outcome
from dragoman.domain.record.codec import NotARecord, parse_stored
from dragoman.domain.views import diff as differing
from dragoman.domain.views.attribution import unattributed_record
from dragoman.domain.views.audit_findings import AuditFinding, of_exchange, of_record, of_void
from dragoman.domain.views.flags import is_open_area
from dragoman_schemas.report_shapes import Exceptional
from dragoman_schemas.state import Exchange, Registry, decode_exchange
from dragoman_schemas.state_responses import Difference


class OwedDeadline(Struct, frozen=True, kw_only=True):
    """A deadline: the side that owes, the exchange, the due time and the outcome.

    `came` is the time at which the owed act came, if it did. A `courtesy` deadline is
    not binding.
    """

    side: str
    clock: str
    number: str
    exchange: str
    due: str
    came: str = ""
    courtesy: bool = False
    open: bool = False
    state: Outcome = "open"
    """The outcome: `open`, `overdue`, `late` or `unmet`.

    The owed act came `late`. A deadline is `unmet` if its exchange ended first.
    """

    @property
    def passed(self) -> bool:
        """Return whether the deadline passed before the owed act had come."""
        return self.state in deadline_outcomes.PASSED


def owed(replay: Replay) -> list[OwedDeadline]:
    """Return every deadline that passed, and every open one, at the log's own time.

    They are sorted by due time.
    """
    state = replay.standing.state
    if state.registry is None or not state.time:
        return []
    now = datetime.fromisoformat(state.time).astimezone(UTC)
    exchanges = [
        deadline
        for exchange in replay.exchanges()
        for deadline in _owed(replay, state.registry, exchange, now)
    ]
    return sorted(
        exchanges,
        key=lambda owed_deadline: (
            owed_deadline.due,
            owed_deadline.number,
            owed_deadline.side,
            owed_deadline.clock,
        ),
    )


def _owed(
    replay: Replay, registry: Registry, exchange: Exchange, now: datetime
) -> Iterator[OwedDeadline]:
    calendars = {
        side: duty_calendar.calendar_of(replay.office(side))
        for side in (exchange.side, *exchange.to)
    }
    for clock, outcome in deadline_outcomes.outcomes(registry, exchange, calendars, now):
        if outcome in deadline_outcomes.OWED or outcome in deadline_outcomes.PASSED:
            yield OwedDeadline(
                side=clock.side,
                clock=clock.clock,
                number=exchange.number,
                exchange=exchange.id,
                due=deadlines.timestamp(clock.due),
                came="" if clock.met is None else clock.met.when,
                courtesy=not clock.binding,
                open=outcome in deadline_outcomes.OWED,
                state=outcome,
            )


def difference(messages: Sequence[bytes], first: int, last: int) -> Difference:
    """Return the changes after a position, up to another, of a log in memory.

    The log must begin with these messages.
    """
    replay = replayed(messages, first)
    before, was = replay.encoded, replay.standing.state.registry
    replay.take(messages[first:last])
    after, registry = replay.encoded, replay.standing.state.registry
    touched: dict[str, list[int]] = {}
    for position, raw in enumerate(messages[first:last], first + 1):
        if position not in replay.void and raw.startswith(b"{"):
            touched.setdefault(parse_stored(raw).envelope.subject, []).append(position)
    return Difference(
        from_=first,
        to=last,
        exchanges=tuple(
            differing.changed(
                decode_exchange(before[id]) if id in before else None,
                decode_exchange(encoded),
                tuple(touched[id]),
            )
            for id, encoded in after.items()
            if id in touched and (registry is None or id != registry.id)
        ),
        channel=() if registry is None else differing.channel(was, registry),
    )


def findings(replay: Replay, messages: Iterable[bytes]) -> list[Exceptional]:
    """Return every finding of a log, in the order of positions."""
    result = list(of_records(replay, messages))
    registry = replay.standing.state.registry
    if registry is not None:
        areas = [exchange for exchange in replay.exchanges() if is_open_area(exchange)]
        for exchange in replay.exchanges():
            result += of_exchange(registry, exchange, areas)
    return [
        entry.exceptional for entry in sorted(result, key=lambda item: (item.position, item.kind))
    ]


def of_records(replay: Replay, messages: Iterable[bytes]) -> Iterator[AuditFinding]:
    """Yield the records without effect, and the findings in the other records."""
    registry = replay.standing.state.registry
    for position, raw in enumerate(messages, 1):
        try:
            record = parse_stored(raw)
        except NotARecord:
            if position in replay.void:
                yield of_void(position, replay.void[position])
            continue  # The record was erased.
        exchange = replay.exchange(record.envelope.subject)
        if position in replay.void:
            hidden = unattributed_record(
                record, exchange, "" if registry is None else registry.kind
            )
            yield of_void(position, replay.void[position], hidden=hidden)
        else:
            yield from of_record(position, record, exchange)
