"""The situation report: one page, every morning at 06:00Z or at any other time.

It says *quiet* only if that is known. Its period begins at the last 06:00Z. Within the
hour after 06:00Z it still begins at that of the day before, because it is the report of
that day.
"""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Final

from msgspec.structs import replace

from dragoman.document.blocks import ReportDocument, Section, section
from dragoman.domain.acts.deadlines import UNTIMED
from dragoman.domain.views.outages import OutageSpan
from dragoman.domain.views.receipts import awaited_from
from dragoman.domain.views.statistics import lines
from dragoman.i18n.words import Words, words
from dragoman.limits import SITUATION_EXCHANGES
from dragoman.projection.queries.snapshot import Snapshot
from dragoman.reports import layout, people_and_visits, report_facts
from dragoman_schemas.report_shapes import Situation, Urgent
from dragoman_schemas.state import Exchange

_HOUR_OF_THE_REPORT: Final = time(6)
_GRACE: Final = timedelta(hours=1)
_GOOD: Final = ("in_force", "resumed")


def begins(ends: datetime) -> datetime:
    """Return the default beginning of the period of a report that ends at a time."""
    late = ends - _GRACE
    six = datetime.combine(late.date(), _HOUR_OF_THE_REPORT, late.tzinfo)
    return six if six <= late else six - timedelta(days=1)


def situation(snapshot: Snapshot, span: OutageSpan, *, live: bool) -> Situation:
    """Return the situation of a channel at a moment, and what was said in a span."""
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
    people = people_and_visits.people_waited_for(exchanges, span)
    visits = people_and_visits.open_visits(exchanges, span)
    result = Situation(
        **report_facts.heading(snapshot, span, "situation", live=live),
        quiet=False,
        overdue=sum(due.overdue for due in owed),
        channel=report_facts.channel(snapshot),
        standing=report_facts.standing(snapshot, exchanges, span),
        unnamed=report_facts.unnamed(snapshot.registry, exchanges, span),
        line=lines(snapshot.sides, snapshot.line_checks(first), span),
        urgent=tuple(pressing[-report_facts.MOST :]),
        owed=tuple(owed[: report_facts.MOST]),
        open_matters=len(stands),
        stands=tuple(stands[: report_facts.MOST]),
        meetings=tuple(meetings[: report_facts.MOST]),
        in_force=tuple(in_force[: report_facts.MOST]),
        people=tuple(people[: report_facts.MOST]),
        visits=tuple(visits[: report_facts.MOST]),
        left_off=sum(
            max(0, len(lists) - report_facts.MOST)
            for lists in (pressing, owed, stands, meetings, in_force, people, visits)
        ),
    )
    return replace(result, quiet=not _unquiet(result, words("en")))


def _urgent(snapshot: Snapshot, exchange: Exchange, span: OutageSpan) -> Iterator[Urgent]:
    """Yield the flash and immediate messages of a span.

    Earlier ones are included if somebody has not acknowledged them.
    """
    if exchange.precedence in report_facts.URGENT:
        for message in exchange.messages:
            if span.holds(message.said.time) or awaited_from(snapshot.registry, exchange, message):
                yield report_facts.urgent(snapshot, exchange, message)


def _unquiet(report: Situation, w: Words) -> list[str]:
    """Return the reasons, as sentences, why a channel is not known to be quiet."""
    counted = (*report.standing, report.unnamed)
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
                "%(n)s acknowledgement is still missing.",
                "%(n)s acknowledgements are still missing.",
                waits,
            )
        )
    if report.overdue:
        reasons.append(w.say("Still missing, past the limit: %(n)s.", n=w.number(report.overdue)))
    if report.open_matters:
        reasons.append(
            w.count("%(n)s matter is open.", "%(n)s matters are open.", report.open_matters)
        )
    if report.channel.status not in _GOOD:
        reasons.append(w.say("The channel is %(status)s.", status=w.value(report.channel.status)))
    if report.of.kind not in UNTIMED:
        unmanned = [
            layout.side(reports_standing.side)
            for reports_standing in report.standing
            if not reports_standing.manned_since
        ]
        reasons += [
            w.say("Nobody has the watch of %(side)s on record.", side=side) for side in unmanned
        ]
        reasons += _line(report, w)
    return reasons if report.live else [*reasons, w.say("What came since is not known.")]


def _line(report: Situation, w: Words) -> list[str]:
    """Return the reasons for which the line is not known to work.

    It was not checked in the period, or the last check did not come back unchanged.
    """
    newest = max(report.line, key=lambda line: line.last_checked)
    if newest.last_checked < report.from_:
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


def paper(report: Situation, w: Words, language: str) -> ReportDocument:
    """Return the report laid out."""
    return ReportDocument(
        of=report.of,
        language=w.language,
        title=w.say(
            "Situation report, %(channel)s, %(t)s", channel=report.of.name, t=w.written(report.to)
        ),
        lead=_lead(report, w),
        sections=tuple(_sections(report, w, language)),
        foot=layout.foot(report, w),
        again=layout.again(report, language),
        alarm=layout.alarm(report, w),
    )


def _lead(report: Situation, w: Words) -> tuple[str, ...]:
    period = layout.period(report, w)
    if not report.quiet:
        sent = report.unnamed.messages or any(side.messages for side in report.standing)
        nothing = [] if sent else [w.say("Nothing was sent.")]
        return w.say("From %(a)s to %(b)s.", **period), w.sentences(
            [*nothing, *_unquiet(report, w)]
        )
    quiet = [
        w.say(
            "Quiet: nothing was sent from %(a)s to %(b)s. Everything is acknowledged, no matter "
            "is open, and no limit has passed.",
            **period,
        )
    ]
    if report.of.kind not in UNTIMED:
        t = w.written(max(line.last_checked for line in report.line))
        quiet.append(
            w.say("The line was checked at %(t)s: it came back. Every watch is manned.", t=t)
        )
    return w.sentences(quiet), w.say(
        "This rests on all records up to %(n)s.", n=w.number(report.position)
    )


def _sections(report: Situation, w: Words, language: str) -> Iterator[Section]:
    urgent = layout.urgent_table(report.urgent, report.to, w, language)
    yield section(
        w.say("Flash and immediate"), urgent, empty=w.say("None in this time, and none waits.")
    )
    owed = layout.due_table(report.owed, report.to, w, language)
    yield section(
        w.say("Owed by whom, until when"), owed, empty=w.say("No side owes anything under a limit.")
    )
    yield from people_and_visits.sections(report.people, report.visits, w, language)
    stands = layout.open_table(report.stands, report.to, w, language)
    yield section(w.say("Open matters"), stands, empty=w.say("No matter is open."))
    in_force = layout.ahead_table(report.in_force, w, language)
    yield section(
        w.say("Danger areas and activities"), in_force, empty=w.say("None in force or announced.")
    )
    meetings = layout.ahead_table(report.meetings, w, language)
    yield section(w.say("Next meetings"), meetings, empty=w.say("None asked for or agreed."))
    if report.of.kind not in UNTIMED:
        yield section(
            w.say("Watch and line"),
            layout.watch_points(report.standing, w),
            layout.line_points(report.line, w),
        )
    channel = layout.channel_blocks(report.of.kind, report.channel, w, language)
    yield section(w.say("Channel"), *channel, layout.left_off(report.left_off, w))
