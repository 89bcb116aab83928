"""The query behind *who knew what when*: marks of an exchange, and gaps of sides."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from dragoman.domain.acts.deadlines import timestamp
from dragoman.domain.views import knowledge as views
from dragoman.domain.views import statistics as counting
from dragoman.domain.views.outages import OutageSpan
from dragoman.projection.queries.snapshot import PeriodQuery, Snapshot, snapshot_of
from dragoman.projection.row_keys import channel_number
from dragoman.projection.view import View
from dragoman_schemas.knowledge_responses import Knowledge, KnowledgeGap, KnowledgeMark
from dragoman_schemas.responses import Fact
from dragoman_schemas.state import Exchange

_LEAST: Final = timedelta(minutes=1)
_MARGIN: Final = 0.05


def knowledge(
    view: View,
    exchange: Exchange,
    facts: Iterable[Fact],
    others: Iterable[KnowledgeMark],
    numbers: dict[int, str],
    period_query: PeriodQuery,
    end_seen: str,
) -> Knowledge:
    """Return the knowledge of all sides about an exchange, up to the end of a period.

    The exchange and its facts are those of its position. `others` are the marks of the
    ladder and of the reader's own openings. Raises `Refused`.
    """
    facts = list(facts)
    deliveries = _deliveries(view.at(period_query.at), exchange, facts)
    marks = views.marks(exchange, facts, deliveries, numbers)
    marks = views.ordered([*marks, *others])
    snapshot = snapshot_of(view, period_query, end_seen)
    span = _span(snapshot, marks, waits=_waits(exchange))
    gaps = _gaps(snapshot, span)
    involved = {mark.side for mark in marks}
    return Knowledge(
        channel=view.registry.name,
        exchange=exchange.id,
        number=exchange.number,
        sides=tuple(side for side in snapshot.sides if side in involved),
        begins=timestamp(span.begins),
        ends=timestamp(span.ends),
        marks=tuple(marks),
        gaps=tuple(gap for gap in gaps if involved & {*gap.sides}),
    )


def _deliveries(
    view: View, exchange: Exchange, facts: Iterable[Fact]
) -> dict[tuple[str, str], views.Delivery]:
    """Return the first watermark of each addressee that covers a message."""
    positions = {message.id: message.said.position for message in exchange.messages}
    result: dict[tuple[str, str], views.Delivery] = {}
    for fact in facts:
        row = view.connection.execute(
            "SELECT time, position FROM deliveries WHERE channel = ? AND side = ? AND upto >= ? "
            "AND position <= ? ORDER BY upto LIMIT 1",
            (channel_number(view.base), fact.side, positions[fact.message], view.position),
        ).fetchone()
        if row is not None:
            result[fact.message, fact.side] = str(row[0]), int(row[1])
    return result


def _waits(exchange: Exchange) -> bool:
    """Return whether a side has not acknowledged a message yet."""
    return any(
        side not in message.acknowledged for message in exchange.messages for side in message.to
    )


def _span(snapshot: Snapshot, marks: list[KnowledgeMark], *, waits: bool) -> OutageSpan:
    """Return the span of the axis: all marks, and up to now while a side waits."""
    times = [datetime.fromisoformat(mark.at) for mark in marks]
    first, last = min(times), max(times)
    if waits:
        last = max(last, snapshot.ends)
    margin = max((last - first) * _MARGIN, _LEAST)
    return OutageSpan(first - margin, last + margin)


def _gaps(snapshot: Snapshot, span: OutageSpan) -> list[KnowledgeGap]:
    """Return the spans in which a side could not have noticed a message.

    They begin within a span. Each has its own end, which may lie beyond it.
    """
    opened = snapshot.span(None)
    whole = OutageSpan(span.begins, max(span.ends, snapshot.ends)).cut(opened)
    if whole is None:
        return []
    first, newest = snapshot.first(whole), timestamp(snapshot.ends)
    _, blind = counting.blind(
        snapshot.registry,
        snapshot.sides,
        snapshot.line_checks(first),
        snapshot.turns(first),
        snapshot.manned(first),
        snapshot.outages(first),
        whole,
    )
    return [
        KnowledgeGap(
            kind=part.what,
            sides=tuple(part.sides),
            begins=part.from_,
            ends="" if part.to >= newest else part.to,
        )
        for part in blind
        if part.from_ < timestamp(span.ends)
    ]
