"""The situation report: one page, every morning at 06:00Z or whenever asked. It says *quiet* only where that is known.

It begins at the 06:00Z before; within the hour after 06:00Z still at that of the day
before, whose report it is.
"""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Final

from msgspec.structs import replace

from dragoman.domain.acts.deadlines import UNTIMED
from dragoman.domain.acts.families.exchange import owing_receipt
from dragoman.domain.views.outages import OutageSpan
from dragoman.domain.views.statistics import lines
from dragoman.i18n.words import Words, words
from dragoman.limits import SITUATION_EXCHANGES
from dragoman.projection.queries.snapshot import Snapshot
from dragoman.reports import layout, report_facts
from dragoman.reports.document import DocumentSection, ReportDocument, section
from dragoman_schemas.report_shapes import Situation, Urgent
from dragoman_schemas.state import Exchange

_HOUR_OF_THE_REPORT: Final = time(6)
_GRACE: Final = timedelta(hours=1)
_GOOD: Final = ("in_force", "resumed")


def begins(ends: datetime) -> datetime:
    """Return when the period of a report that ends then begins, where nobody says."""
    late = ends - _GRACE
    six = datetime.combine(late.date(), _HOUR_OF_THE_REPORT, late.tzinfo)
    return six if six <= late else six - timedelta(days=1)


def situation(snapshot: Snapshot, span: OutageSpan, *, live: bool) -> Situation:
    """Return how a channel stands at a moment, and what was said since the span began."""
    first = snapshot.first(span)
    snapshot.expect(first, SITUATION_EXCHANGES)
    exchanges = list(snapshot.exchanges(first))
    owed = report_facts.by_due(
        due for exchange in exchanges for due in report_facts.due(snapshot, exchange)
    )
    pressing = [urgent for exchange in exchanges for urgent in _urgent(snapshot, exchange, span)]
    stands = report_facts.open_matters(snapshot, exchanges)
    meetings = report_facts.by_time(
        report_facts.next_meeting(snapshot, exchange) for exchange in exchanges
    )
    in_force = report_facts.by_time(
        report_facts.in_force(snapshot, exchange) for exchange in exchanges
    )
    result = Situation(
        **report_facts.heading(snapshot, span, "situation", live=live),
        quiet=False,
        overdue=sum(due.overdue for due in owed),
        channel=report_facts.channel(snapshot),
        standing=report_facts.standing(snapshot, exchanges, span),
        unnamed=report_facts.unnamed(exchanges, span),
        line=lines(snapshot.sides, snapshot.line_checks(first), span),
        urgent=tuple(pressing[-report_facts.MOST :]),
        owed=tuple(owed[: report_facts.MOST]),
        open_matters=len(stands),
        stands=tuple(stands[: report_facts.MOST]),
        meetings=tuple(meetings[: report_facts.MOST]),
        in_force=tuple(in_force[: report_facts.MOST]),
        left_off=sum(
            max(0, len(lists) - report_facts.MOST)
            for lists in (pressing, owed, stands, meetings, in_force)
        ),
    )
    return replace(result, quiet=not _unquiet(result, words("en")))


def _urgent(snapshot: Snapshot, exchange: Exchange, span: OutageSpan) -> Iterator[Urgent]:
    """Yield the flash and immediate messages of a span, and those of before that somebody has not acknowledged."""
    if exchange.precedence in report_facts.URGENT:
        for message in exchange.messages:
            if span.holds(message.said.time) or owing_receipt(exchange, message):
                yield report_facts.urgent(snapshot, exchange, message)


def _unquiet(found: Situation, w: Words) -> list[str]:
    """Return why a channel is not known to be quiet; in words."""
    counted = (*found.standing, found.unnamed)
    sent, waits = (
        sum(getattr(response_body, name) for response_body in counted)
        for name in ("messages", "unacknowledged")
    )
    reasons = (
        [w.count("%(n)s message was sent.", "%(n)s messages were sent.", sent)] if sent else []
    )
    if waits:
        reasons.append(
            w.count(
                "%(n)s acknowledgement is not there yet.",
                "%(n)s acknowledgements are not there yet.",
                waits,
            )
        )
    if found.overdue:
        reasons.append(w.say("Not there yet, past the limit: %(n)s.", n=w.number(found.overdue)))
    if found.open_matters:
        reasons.append(
            w.count("%(n)s matter is open.", "%(n)s matters are open.", found.open_matters)
        )
    if found.channel.status not in _GOOD:
        reasons.append(w.say("The channel is %(status)s.", status=w.value(found.channel.status)))
    if found.of.kind not in UNTIMED:
        unmanned = [
            layout.side(reports_standing.side)
            for reports_standing in found.standing
            if not reports_standing.manned_since
        ]
        reasons += [
            w.say("Nobody has the watch of %(side)s on record.", side=side) for side in unmanned
        ]
        reasons += _line(found, w)
    return reasons if found.live else [*reasons, w.say("What came since is not known.")]


def _line(found: Situation, w: Words) -> list[str]:
    """Return why the line is not known to be there: it was not checked in the period, or the last check did not come back as it was."""
    newest = max(found.line, key=lambda line: line.last_checked)
    if newest.last_checked < found.from_:
        return [
            w.say("The line was not checked in this time: silence does not say that it is there.")
        ]
    t = w.written(newest.last_checked)
    return {
        "echoed": [],
        "echoed_with_errors": [w.say("The line check of %(t)s came back with errors.", t=t)],
        "missed": [w.say("The line check of %(t)s was missed.", t=t)],
        "awaited": [w.say("The echo of the line check of %(t)s is awaited.", t=t)],
    }[newest.last_result]


def paper(found: Situation, w: Words, language: str) -> ReportDocument:
    """Return the report laid out."""
    return ReportDocument(
        of=found.of,
        language=w.language,
        title=w.say(
            "Situation report, %(channel)s, %(t)s", channel=found.of.name, t=w.written(found.to)
        ),
        lead=_lead(found, w),
        sections=tuple(_sections(found, w, language)),
        foot=layout.foot(found, w),
        again=layout.again(found, language),
        alarm=layout.alarm(found, w),
    )


def _lead(found: Situation, w: Words) -> tuple[str, ...]:
    period = layout.period(found, w)
    if not found.quiet:
        sent = found.unnamed.messages or any(side.messages for side in found.standing)
        nothing = [] if sent else [w.say("Nothing was sent.")]
        return w.say("From %(a)s to %(b)s.", **period), w.sentences([*nothing, *_unquiet(found, w)])
    quiet = [
        w.say(
            "Quiet: nothing was sent from %(a)s to %(b)s. Everything is acknowledged, no matter is open, and no limit has passed.",
            **period,
        )
    ]
    if found.of.kind not in UNTIMED:
        t = w.written(max(line.last_checked for line in found.line))
        quiet.append(
            w.say("The line was checked at %(t)s: it came back. Every watch is manned.", t=t)
        )
    return w.sentences(quiet), w.say(
        "This rests on all records up to %(n)s.", n=w.number(found.position)
    )


def _sections(found: Situation, w: Words, language: str) -> Iterator[DocumentSection]:
    urgent = layout.urgent_table(found.urgent, found.to, w, language)
    yield section(
        w.say("Flash and immediate"), urgent, empty=w.say("None in this time, and none waits.")
    )
    owed = layout.due_table(found.owed, found.to, w, language)
    yield section(
        w.say("Owed by whom, until when"), owed, empty=w.say("No side owes anything under a limit.")
    )
    stands = layout.open_table(found.stands, found.to, w, language)
    yield section(w.say("Open matters"), stands, empty=w.say("No matter is open."))
    in_force = layout.ahead_table(found.in_force, w, language)
    yield section(
        w.say("Danger areas and activities"), in_force, empty=w.say("None in force or announced.")
    )
    meetings = layout.ahead_table(found.meetings, w, language)
    yield section(w.say("Next meetings"), meetings, empty=w.say("None asked for or agreed."))
    if found.of.kind not in UNTIMED:
        yield section(
            w.say("Watch and line"),
            layout.watch_points(found.standing, w),
            layout.line_points(found.line, w),
        )
    channel = layout.channel_blocks(found.of.kind, found.channel, w, language)
    yield section(w.say("Channel"), *channel, layout.left_off(found.left_off, w))
