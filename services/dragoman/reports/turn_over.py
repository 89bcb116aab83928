"""The turn-over note of a side's watch: what the next duty officer must know, written by itself from the log."""

from collections.abc import Iterator
from datetime import datetime

from msgspec import UNSET

from dragoman.domain.blindness import Span
from dragoman.domain.statistics import lines
from dragoman.limits import SITUATION_EXCHANGES
from dragoman.projection.moment import Moment
from dragoman.reports import gather, layout, situation
from dragoman.reports.paper import Paper, Quote, Section, section
from dragoman.reports.words import counted, said, utc
from dragoman_schemas.reports import TurnOver, Urgent
from dragoman_schemas.state import Exchange


def begins(then: Moment, side: str) -> datetime:
    """Since when: the watch was taken over, or where nobody has it, as a situation report."""
    watch = then.registry.watches.get(side)
    return situation.begins(then.ends) if watch is None else datetime.fromisoformat(watch.since.time)


def turn_over(then: Moment, span: Span, side: str, *, live: bool) -> TurnOver:
    """What is open, owed and awaited for a side at a moment, and what came since the span began."""
    first = then.first(span)
    then.expect(first, SITUATION_EXCHANGES)
    exchanges = list(then.exchanges(first))
    watch = then.registry.watches.get(side)
    dues = gather.by_due(due for exchange in exchanges for due in gather.due(then, exchange))
    owed, awaited = ([due for due in dues if (due.side == side) == ours] for ours in (True, False))
    waits = [each for exchange in exchanges for each in _unacknowledged(then, exchange, side)]
    since = [gather.matter(exchange) for exchange in exchanges if exchange.updated.position >= first and exchange.act != "line-check"]
    in_force = gather.by_time(gather.in_force(then, exchange) or gather.next_meeting(then, exchange) for exchange in exchanges)
    return TurnOver(
        **gather.heading(then, span, "turn-over", live=live),
        side=side,
        watch="nobody" if watch is None else "manned",
        note=UNSET if watch is None else watch.note,
        standing=gather.standing(then, exchanges, span),
        line=lines(then.sides, then.line_checks(first), span),
        unacknowledged=tuple(waits[: gather.MOST]),
        owed=tuple(owed[: gather.MOST]),
        awaited=tuple(awaited[: gather.MOST]),
        since=tuple(since[-gather.MOST :]),
        in_force=tuple(in_force[: gather.MOST]),
        left_off=sum(max(0, len(each) - gather.MOST) for each in (waits, owed, awaited, since, in_force)),
    )


def _unacknowledged(then: Moment, exchange: Exchange, side: str) -> Iterator[Urgent]:
    """What the side has not acknowledged."""
    for message in exchange.messages:
        if side in gather.unacknowledged(message):
            yield gather.urgent(then, exchange, message)


def paper(found: TurnOver, language: str) -> Paper:
    """The note laid out."""
    side = layout.side(found.side)
    watch = (
        f"The watch of {side} is manned since {utc(found.from_)}."
        if found.watch == "manned"
        else f"Nobody has the watch of {side} on record."
    )
    waits = counted(len(found.unacknowledged), "message") if found.unacknowledged else "nothing"
    return Paper(
        of=found.of,
        title=f"Turn-over of the watch of {side}, {utc(found.to)}",
        lead=(watch, f"Not acknowledged by us: {waits}. Owed by us: {len(found.owed)}. Awaited: {len(found.awaited)}."),
        sections=tuple(_sections(found, language)),
        foot=layout.foot(found),
        again=found.again,
        alarm=layout.alarm(found),
    )


def _sections(found: TurnOver, language: str) -> Iterator[Section]:
    if found.note:
        yield section("Handed over with the watch", Quote("Note", said(found.note, language)))
    waits = layout.urgent_table(found.unacknowledged, found.to, language)
    yield section("Not acknowledged by us", waits, empty="Everything is acknowledged.")
    yield section("Owed by us, the next first", layout.due_table(found.owed, found.to, language), empty="We owe nothing under a limit.")
    yield section(
        "Awaited, the next first", layout.due_table(found.awaited, found.to, language), empty="Nothing is owed to us under a limit."
    )
    yield section("Since the watch was taken over", layout.matter_table(found.since, language), empty="Nothing was said.")
    yield section("In force and ahead", layout.ahead_table(found.in_force, language), empty="Nothing.")
    yield section("Watch and line", layout.watch_points(found.standing), layout.line_points(found.line), layout.left_off(found.left_off))
