"""The situation report: one page, every morning at 06:00Z or whenever asked. It says *quiet* only where that is known.

It begins at the 06:00Z before; within the hour after 06:00Z still at that of the day before, whose report it is.
"""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Final

from msgspec.structs import replace

from dragoman.domain.blindness import Span
from dragoman.domain.clocks import UNTIMED
from dragoman.domain.statistics import lines
from dragoman.limits import SITUATION_EXCHANGES
from dragoman.projection.moment import Moment
from dragoman.reports import gather, layout
from dragoman.reports.paper import Paper, Section, section
from dragoman.reports.words import counted, plain, utc
from dragoman_schemas.reports import Situation, Urgent
from dragoman_schemas.state import Exchange

_HOUR_OF_THE_REPORT: Final = time(6)
_GRACE: Final = timedelta(hours=1)
_GOOD: Final = ("in_force", "resumed")


def begins(ends: datetime) -> datetime:
    """When the period of a report that ends then begins, where nobody says."""
    late = ends - _GRACE
    six = datetime.combine(late.date(), _HOUR_OF_THE_REPORT, late.tzinfo)
    return six if six <= late else six - timedelta(days=1)


def situation(then: Moment, span: Span, *, live: bool) -> Situation:
    """How a channel stands at a moment, and what was said since the span began."""
    first = then.first(span)
    then.expect(first, SITUATION_EXCHANGES)
    exchanges = list(then.exchanges(first))
    owed = gather.by_due(due for exchange in exchanges for due in gather.due(then, exchange))
    pressing = [each for exchange in exchanges for each in _urgent(then, exchange, span)]
    stands = [gather.matter(exchange) for exchange in exchanges if gather.stands(exchange)]
    meetings = gather.by_time(gather.next_meeting(then, exchange) for exchange in exchanges)
    in_force = gather.by_time(gather.in_force(then, exchange) for exchange in exchanges)
    found = Situation(
        **gather.heading(then, span, "situation", live=live),
        quiet=False,
        overdue=sum(due.overdue for due in owed),
        channel=gather.channel(then),
        standing=gather.standing(then, exchanges, span),
        line=lines(then.sides, then.line_checks(first), span),
        urgent=tuple(pressing[-gather.MOST :]),
        owed=tuple(owed[: gather.MOST]),
        stands=tuple(stands[-gather.MOST :]),
        meetings=tuple(meetings[: gather.MOST]),
        in_force=tuple(in_force[: gather.MOST]),
        left_off=sum(max(0, len(each) - gather.MOST) for each in (pressing, owed, stands, meetings, in_force)),
    )
    return replace(found, quiet=not _unquiet(found))


def _urgent(then: Moment, exchange: Exchange, span: Span) -> Iterator[Urgent]:
    """The flash and immediate messages of a span, and those of before that somebody has not acknowledged."""
    if exchange.precedence in gather.URGENT:
        for message in exchange.messages:
            if span.holds(message.said.time) or gather.unacknowledged(message):
                yield gather.urgent(then, exchange, message)


def _unquiet(found: Situation) -> list[str]:
    """Why a channel is not known to be quiet; in words."""
    sent, waits = (sum(getattr(side, name) for side in found.standing) for name in ("messages", "unacknowledged"))
    reasons = [f"{counted(sent, 'message was', 'messages were')} sent."] if sent else []
    if waits:
        reasons.append(f"{counted(waits, 'acknowledgement is', 'acknowledgements are')} not there yet.")
    if found.overdue:
        reasons.append(f"Not there yet, past the limit: {found.overdue}.")
    if found.channel.status not in _GOOD:
        reasons.append(f"The channel is {plain(found.channel.status)}.")
    if found.of.kind not in UNTIMED:
        reasons += [f"Nobody has the watch of {layout.side(each.side)} on record." for each in found.standing if not each.manned_since]
        reasons += _line(found)
    return reasons if found.live else [*reasons, "What came since is not known."]


def _line(found: Situation) -> list[str]:
    """Why the line is not known to be there: it was not checked in the period, or the last check did not come back as it was."""
    newest = max(found.line, key=lambda each: each.last_checked)
    if newest.last_checked < found.from_:
        return ["The line was not checked in this time: silence does not say that it is there."]
    return {
        "echoed": [],
        "echoed_with_errors": [f"The line check of {utc(newest.last_checked)} came back with errors."],
        "missed": [f"The line check of {utc(newest.last_checked)} was missed."],
        "awaited": [f"The echo of the line check of {utc(newest.last_checked)} is awaited."],
    }[newest.last_result]


def paper(found: Situation, language: str) -> Paper:
    """The report laid out."""
    return Paper(
        of=found.of,
        title=f"Situation report, {found.of.name}, {utc(found.to)}",
        lead=_lead(found),
        sections=tuple(_sections(found, language)),
        foot=layout.foot(found),
        again=found.again,
        alarm=layout.alarm(found),
    )


def _lead(found: Situation) -> tuple[str, ...]:
    if not found.quiet:
        nothing = [] if any(side.messages for side in found.standing) else ["Nothing was sent."]
        return f"From {layout.period(found)}.", " ".join([*nothing, *_unquiet(found)])
    line = (
        ""
        if found.of.kind in UNTIMED
        else f" The line was checked at {utc(max(each.last_checked for each in found.line))}: it came back. Every watch is manned."
    )
    return (
        f"Quiet: nothing was sent from {layout.period(found)}. Everything is acknowledged, and no limit has passed.{line}",
        f"This rests on all records up to {found.position}.",
    )


def _sections(found: Situation, language: str) -> Iterator[Section]:
    urgent = layout.urgent_table(found.urgent, found.to, language)
    yield section("Flash and immediate", urgent, empty="None in this time, and none waits.")
    owed = layout.due_table(found.owed, found.to, language)
    yield section("Owed by whom, until when", owed, empty="No side owes anything under a limit.")
    yield section("What stands", layout.matter_table(found.stands, language), empty="No matter stands open.")
    yield section("Danger areas and activities", layout.ahead_table(found.in_force, language), empty="None in force or announced.")
    yield section("Next meetings", layout.ahead_table(found.meetings, language), empty="None asked for or agreed.")
    if found.of.kind not in UNTIMED:
        yield section("Watch and line", layout.watch_points(found.standing), layout.line_points(found.line))
    yield section("Channel", *layout.channel_blocks(found.of.kind, found.channel, language), layout.left_off(found.left_off))
