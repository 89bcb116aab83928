"""The auditor's five questions, answered on one page from a log at a position.

    1  is it whole, unaltered, until when, on whose word
    2  who knew what, when
    3  what was owed and not done, and when were we blind
    4  what is on the watch's table, and who has it
    5  who authorised what, and which exceptions were made

The caller provides the first answer. It is an auditor's verification, or a gateway's
own word. The other answers follow from the records, in a gateway's projection and in a
replay alike.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from dragoman.document.blocks import (
    Block,
    Paragraph,
    Points,
    ReportDocument,
    Section,
    Table,
    section,
    table,
)
from dragoman.domain.acts import deadline_outcomes
from dragoman.domain.views import attribution
from dragoman.domain.views.audit_findings import AuditFinding, of_exchange
from dragoman.domain.views.flags import is_open_area
from dragoman.domain.views.outages import LineCheckSpan, OutageSpan, ReportedOutage, Turn
from dragoman.domain.views.receipts import awaited_from
from dragoman.domain.views.statistics import blind, spread
from dragoman.i18n.words import Words
from dragoman.members.runs import Cell, Mark, QuotedText
from dragoman.reports import (
    dissents,
    layout,
    people_and_visits,
    report_facts,
    stated_values,
    statistics_layout,
)
from dragoman.reports.log_findings import LogFinding
from dragoman_schemas.report_shapes import Authority, FiveAnswers, Receiving, Urgent
from dragoman_schemas.state import Exchange
from dragoman_schemas.statistics_figures import LimitCounts


class AuditMoment(report_facts.ReportMoment, Protocol):
    """A moment of a channel with everything that an audit needs.

    `first` is the first position of the period.
    """

    def exchanges(self, first: int) -> Iterator[Exchange]:
        """Return the exchanges of the period, and all that may owe something.

        An exchange of the period was opened or carried on in it.
        """

    def turns(self, first: int) -> list[Turn]:
        """Return the times since a position at which watches were taken or given up."""

    def manned(self, first: int) -> frozenset[str]:
        """Return the sides whose watch was manned before a position."""

    def outages(self, first: int) -> list[ReportedOutage]:
        """Return the outages that gateways and stations recorded since a position."""

    def line_checks(self, first: int) -> list[LineCheckSpan]:
        """Return the line checks since a position, and some before it.

        Those before it are as many as tell the state of the line then.
        """

    def exceptional(self, first: int) -> Iterator[AuditFinding]:
        """Yield the findings that follow from single records since a position.

        They include the records without effect.
        """

    def actor(self, position: int) -> str | None:
        """Return the actor of the valid record at a position, if there is a record."""


class AuditAnswers(NamedTuple):
    """The five answers, with the parts that can be translated.

    These are the first answer, and the description of each exception.
    """

    report: FiveAnswers
    whole: Sequence[LogFinding]
    exceptions: Sequence[AuditFinding]


def answers(
    audit_moment: AuditMoment,
    period: OutageSpan,
    first: int,
    whole: Sequence[LogFinding],
    *,
    lie: str = "",
    live: bool = True,
) -> AuditAnswers:
    """Return the five answers about a period that ends at a moment.

    `whole` is the first answer. `lie` is a warning for the head of the report.
    """
    exchanges = list(audit_moment.exchanges(first))
    areas = [exchange for exchange in exchanges if is_open_area(exchange)]
    messages = [
        report_facts.urgent(audit_moment, exchange, message)
        for exchange in exchanges
        for message in exchange.messages
        if period.holds(message.said.time)
    ]
    messages.sort(key=lambda urgent: urgent.time)
    waiting = [
        report_facts.urgent(audit_moment, exchange, message)
        for exchange in exchanges
        for message in exchange.messages
        if awaited_from(audit_moment.registry, exchange, message)
    ]
    lapses = sorted(
        (
            lapse
            for exchange in exchanges
            for lapse in report_facts.lapses(audit_moment, exchange, period)
        ),
        key=lambda item: item.due,
    )
    owed = report_facts.by_due(
        due for exchange in exchanges for due in report_facts.due(audit_moment, exchange)
    )
    stands = report_facts.open_matters(audit_moment, exchanges)
    findings = [
        *audit_moment.exceptional(first),
        *(
            entry
            for exchange in exchanges
            for entry in of_exchange(audit_moment.registry, exchange, areas)
        ),
    ]
    findings = sorted(
        (finding for finding in findings if finding.position >= first),
        key=lambda finding: (finding.position, finding.kind),
    )
    rows, spans = blind(
        audit_moment.registry,
        audit_moment.sides,
        audit_moment.line_checks(first),
        audit_moment.turns(first),
        audit_moment.manned(first),
        audit_moment.outages(first),
        period,
    )
    people = people_and_visits.people_of(exchanges)
    visits = people_and_visits.visits_of(exchanges)
    stated = stated_values.of_exchanges(exchanges, period)
    dissenting = [*dissents.of_exchanges(exchanges)]
    lists = (
        messages,
        waiting,
        lapses,
        owed,
        stands,
        findings,
        spans,
        people,
        visits,
        stated,
        dissenting,
    )
    shown = findings[-report_facts.MOST :]
    report = FiveAnswers(
        **report_facts.heading(audit_moment, period, "audit", live=live),
        whole=tuple(finding.checked for finding in whole),
        lie=lie,
        receiving=tuple(_receiving(side, messages) for side in audit_moment.sides),
        messages=tuple(messages[-report_facts.MOST :]),
        lapses=tuple(lapses[-report_facts.MOST :]),
        owed=tuple(owed[: report_facts.MOST]),
        limits=_limit_counts(audit_moment, exchanges, period),
        blindness=rows,
        blind=spans[-report_facts.MOST :],
        standing=report_facts.standing(audit_moment, exchanges, period),
        unnamed=report_facts.unnamed(audit_moment.registry, exchanges, period),
        on_watch={side: watch.since.by for side, watch in audit_moment.registry.watches.items()},
        unacknowledged=tuple(waiting[-report_facts.MOST :]),
        waiting=len(waiting),
        waiting_flash=sum(urgent.matter.precedence == "flash" for urgent in waiting),
        open_matters=len(stands),
        stands=tuple(stands[: report_facts.MOST]),
        people=tuple(people[-report_facts.MOST :]),
        visits=tuple(visits[-report_facts.MOST :]),
        stated=tuple(stated[-report_facts.MOST :]),
        dissents=tuple(dissenting[-report_facts.MOST :]),
        authorities=tuple(_authorities(audit_moment)),
        kinds=dict(sorted(Counter(finding.kind for finding in findings).items())),
        exceptions=tuple(finding.exceptional for finding in shown),
        left_off=sum(max(0, len(rows_of_list) - report_facts.MOST) for rows_of_list in lists),
    )
    return AuditAnswers(report, whole, shown)


def _limit_counts(
    report_moment: report_facts.ReportMoment, exchanges: Sequence[Exchange], span: OutageSpan
) -> tuple[LimitCounts, ...]:
    """Return each side's limits by their state: those that bind, then courtesies."""
    counts: dict[tuple[str, bool], Counter[str]] = {}
    for exchange in exchanges:
        for clock, outcome in report_facts.limits(report_moment, exchange):
            place = attribution.side(exchange, clock.side), not clock.binding
            count = counts.setdefault(place, Counter())
            if outcome in deadline_outcomes.OWED:
                count[outcome] += 1
            if outcome in deadline_outcomes.PASSED and span.begins <= clock.due < span.ends:
                count["passed"] += 1
                if outcome not in deadline_outcomes.OWED:
                    count[outcome] += 1
    return tuple(
        LimitCounts(side=side, courtesy=courtesy, **count)
        for (side, courtesy), count in sorted(counts.items())
        if count
    )


def _receiving(side: str, messages: Sequence[Urgent]) -> Receiving:
    owed = [
        receipt
        for message in messages
        for receipt in message.receipts
        if receipt.side == side and receipt.owes
    ]
    took = [
        receipt.acknowledged_after_s for receipt in owed if receipt.acknowledged_after_s is not None
    ]
    return Receiving(
        side=side,
        messages=len(owed),
        acknowledged=len(took),
        not_yet=len(owed) - len(took),
        not_passed_on=sum(bool(receipt.acknowledged and receipt.not_passed_on) for receipt in owed),
        took=spread(took),
    )


def _authorities(audit_moment: AuditMoment) -> Iterator[Authority]:
    for name, officer in sorted(audit_moment.registry.officers.items()):
        yield Authority(
            officer=name,
            office=officer.office,
            roles=tuple(officer.roles),
            since=officer.since,
            until=officer.until,
            entered_by=audit_moment.actor(officer.since) or "",
            keys=sum(
                key.owner == name and key.until is None
                for key in audit_moment.registry.keys.values()
            ),
        )


# Laid out


def paper(audit_answers: AuditAnswers, w: Words, language: str) -> ReportDocument:
    """Return the five answers laid out."""
    report = audit_answers.report
    return ReportDocument(
        of=report.of,
        language=w.language,
        title=w.say(
            "Five answers, %(channel)s, record %(n)s",
            channel=report.of.name,
            n=w.number(report.position),
        ),
        lead=_lead(report, w),
        sections=tuple(_sections(audit_answers, w, language)),
        foot=layout.foot(report, w),
        again=layout.again(report, language),
        alarm=report.lie or layout.alarm(report, w),
    )


def _lead(five_answers: FiveAnswers, w: Words) -> tuple[str, ...]:
    not_passed_on = sum(receiving.not_passed_on for receiving in five_answers.receiving)
    passing = w.count(
        "%(n)s message is acknowledged, without a word that every post was told.",
        "%(n)s messages are acknowledged, without a word that every post was told.",
        not_passed_on,
    )
    counts = (
        w.count(
            "%(n)s limit passed, %(m)s open.",
            "%(n)s limits passed, %(m)s open.",
            sum(count.passed for count in five_answers.limits),
            m=w.number(sum(count.open + count.overdue for count in five_answers.limits)),
        ),
        w.count("%(n)s exception.", "%(n)s exceptions.", sum(five_answers.kinds.values())),
        w.count(
            "%(n)s message waits for an acknowledgement.",
            "%(n)s messages wait for an acknowledgement.",
            five_answers.waiting,
        ),
        *([passing] if not_passed_on else []),
    )
    return w.say("From %(a)s to %(b)s.", **layout.period(five_answers, w)), w.sentences(counts)


def _sections(audit_answers: AuditAnswers, w: Words, language: str) -> Iterator[Section]:
    report = audit_answers.report
    checks = table(
        (w.say("Checked"), w.say("Found"), w.say("On whose word")),
        [
            (
                w.sentence(log_finding.check),
                w.sentence(log_finding.found),
                w.sentence(log_finding.word),
            )
            for log_finding in audit_answers.whole
        ],
    )
    yield section(
        w.say("1: Is it whole, unaltered, until when, on whose word"),
        checks,
        empty=w.say("Nothing was checked."),
    )
    knew = layout.urgent_table(report.messages, report.to, w, language)
    yield section(
        w.say("2: Who knew what, when"),
        Points(tuple((_received(item, w),) for item in report.receiving)),
        knew,
        *stated_values.blocks(report.stated, w, language),
        dissents.table_of(report.dissents, w, language),
    )
    blind: list[tuple[Cell, ...]] = [
        (
            statistics_layout.blindness(item, w),
            layout.sides(item.sides, w),
            w.written(item.from_),
            w.written(item.to),
        )
        for item in report.blind
    ]
    yield section(
        w.say("3: What was owed and not done, and when nobody could have noticed"),
        Points(tuple((line,) for line in _limits_by_side(report, w))),
        layout.lapse_table(report.lapses, w, language)
        or Paragraph(w.say("No limit passed in this period.")),
        layout.due_table(report.owed, report.to, w, language)
        or Paragraph(w.say("Nothing is open under a limit.")),
        table((w.say("Blind"), w.say("Sides"), w.say("From"), w.say("To")), blind)
        or Paragraph(w.say("No time is on record in which nobody could have noticed.")),
    )
    yield section(
        w.say("4: What is open for the watch, and who has it"),
        Points(
            tuple((_watch(side, report.on_watch.get(side, ""), w),) for side in report.of.sides)
        ),
        layout.urgent_table(report.unacknowledged, report.to, w, language)
        or Paragraph(w.say("Every message is acknowledged.")),
        layout.open_table(report.stands, report.to, w, language)
        or Paragraph(w.say("No matter is open.")),
        *people_and_visits.blocks(report.people, report.visits, w, language),
    )
    yield section(
        w.say("5: Who may authorise what, and which exceptions were made"),
        table(
            (
                w.say("Officer"),
                w.say("Office"),
                w.say("Roles"),
                w.say("Entered at record"),
                w.say("Keys"),
            ),
            [_authority(authority, w) for authority in report.authorities],
        ),
        *_exceptions(audit_answers, w),
        layout.left_off(report.left_off, w),
    )


def _received(receiving: Receiving, w: Words) -> str:
    counts = {
        "side": layout.side(receiving.side),
        "a": w.number(receiving.acknowledged),
        "n": w.number(receiving.messages),
    }
    passing = (
        [
            w.say(
                "Acknowledged, without a word that every post was told: %(n)s.",
                n=w.number(receiving.not_passed_on),
            )
        ]
        if receiving.not_passed_on
        else []
    )
    if receiving.took is None:
        text = w.say("%(side)s acknowledged %(a)s of %(n)s.", **counts)
        return w.sentences([text, *passing])
    took = {"m": w.span(receiving.took.median_s), "d": w.span(receiving.took.worst_s)}
    text = w.say(
        "%(side)s acknowledged %(a)s of %(n)s: median %(m)s, the slowest %(d)s.", **counts, **took
    )
    return w.sentences([text, *passing])


def _limits_by_side(report: FiveAnswers, w: Words) -> Iterator[str]:
    """Yield the numbers of each side's limits; a courtesy that passed is left out."""
    for name in report.of.sides:
        limits = [count for count in report.limits if count.side == name]
        yield w.say(
            "%(side)s: %(n)s limits passed, %(m)s open.",
            side=layout.side(name),
            n=w.number(sum(count.passed for count in limits if not count.courtesy)),
            m=w.number(sum(count.open + count.overdue for count in limits)),
        )


def _watch(side: str, officer: str, w: Words) -> str:
    if not officer:
        return w.say("%(side)s: nobody has the watch on record.", side=layout.side(side))
    return w.say("%(side)s: %(who)s has the watch.", side=layout.side(side), who=officer)


def _authority(authority: Authority, w: Words) -> tuple[Cell, ...]:
    since = {"n": w.number(authority.since), "who": authority.entered_by}
    entered = (
        w.say("%(n)s by %(who)s", **since)
        if authority.until is None
        else w.say("%(n)s by %(who)s, revoked at %(m)s", **since, m=w.number(authority.until))
    )
    return (
        authority.officer,
        authority.office,
        w.listed(map(w.value, authority.roles)),
        entered,
        w.number(authority.keys),
    )


def _exceptions(audit_answers: AuditAnswers, w: Words) -> Iterator[Block]:
    kinds = audit_answers.report.kinds
    if not kinds:
        yield Paragraph(w.say("No exceptions."))
        return
    yield Points(
        tuple(
            (w.say("%(what)s: %(n)s", what=kind_of(kind, w), n=w.number(number)),)
            for kind, number in kinds.items()
        )
    )
    yield Table(
        (w.say("Record"), w.say("What"), w.say("Side"), w.say("Number"), w.say("Detail")),
        tuple(
            (
                Mark("record", w.number(exception.position), f"/records/{exception.position}"),
                kind_of(exception.kind, w),
                layout.side(exception.side) or w.say("nobody"),
                exception.number,
                QuotedText(w.sentence(exception.detail)),
            )
            for exception in audit_answers.exceptions
        ),
    )


def kind_of(kind: str, w: Words) -> str:
    """Return the name of a kind of exception."""
    match kind:
        case "one_key":
            return w.say("sent by one officer where two are asked for")
        case "by_voice":
            return w.say("said by voice before it was written down")
        case "acting":
            return w.say("done by a deputy")
        case "later":
            return w.say("entered for the record")
        case "late":
            return w.say("announced or reported late")
        case "corrected":
            return w.say("corrected or cancelled")
        case "disputed":
            return w.say("signed with a key that may have been stolen")
        case "erased":
            return w.say("erased")
        case _:
            return w.say("without effect")
