"""The auditor's first hour on one page: the five questions (catalogue §7), answered from a log as it stood at a position.

    1  is it whole, unaltered, until when, on whose word        4  what stands before the watch, and who has it
    2  who knew what, when                                      5  who authorised what, and which exceptions were made
    3  what was owed and not done, and when were we blind

The first answer is given by whoever asks: an auditor's verification, or the gateway, whose word it then is. The others follow from
the records, from a gateway's projection as from a replay.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from dragoman.domain.acts.families.exchange import owing_receipt
from dragoman.domain.views.audit_findings import Noted, of_exchange
from dragoman.domain.views.flags import is_open_area
from dragoman.domain.views.outages import LineCheckSpan, OutageSpan, Turn
from dragoman.domain.views.statistics import blind, spread
from dragoman.i18n.words import Words
from dragoman.reports import layout, report_facts
from dragoman.reports.document import (
    Block,
    DocumentList,
    DocumentParagraph,
    DocumentSection,
    DocumentTable,
    ReportDocument,
    section,
    table,
)
from dragoman.reports.log_findings import LogFinding
from dragoman.reports.member_texts import Cell, QuotedText
from dragoman_schemas.report_shapes import Authority, FiveAnswers, Receiving, Urgent
from dragoman_schemas.state import Exchange


class AuditMoment(report_facts.ReportMoment, Protocol):
    """A moment with all that an audit asks of it. `first` is the first position of the period that is asked about."""

    def exchanges(self, first: int) -> Iterator[Exchange]:
        """What was opened or carried on since a position, and all in which something may be owed."""

    def turns(self, first: int) -> list[Turn]:
        """When watches became somebody's or nobody's since a position."""

    def manned(self, first: int) -> frozenset[str]:
        """The sides whose watch was somebody's before a position."""

    def outages(self, first: int) -> list[OutageSpan]:
        """When gateways had no broker, as they said since a position."""

    def line_checks(self, first: int) -> list[LineCheckSpan]:
        """The line checks since a position, and as many before it as tell how the line stood then."""

    def exceptional(self, first: int) -> Iterator[Noted]:
        """What records since a position say of themselves, and which of them are without effect."""

    def actor(self, position: int) -> str | None:
        """Whose valid record stands at a position."""


class AuditAnswers(NamedTuple):
    """The five answers, and what of them can be said in any language: the first, and what each exception was."""

    report: FiveAnswers
    whole: Sequence[LogFinding]
    exceptions: Sequence[Noted]


def answers(
    then: AuditMoment,
    period: OutageSpan,
    first: int,
    whole: Sequence[LogFinding],
    *,
    lie: str = "",
    live: bool = True,
) -> AuditAnswers:
    """The five answers about a period that ends at a moment, given the first of them."""
    exchanges = list(then.exchanges(first))
    areas = [exchange for exchange in exchanges if is_open_area(exchange)]
    messages = [
        report_facts.urgent(then, exchange, each)
        for exchange in exchanges
        for each in exchange.messages
        if period.holds(each.said.time)
    ]
    messages.sort(key=lambda each: each.time)
    waiting = [
        report_facts.urgent(then, exchange, each)
        for exchange in exchanges
        for each in exchange.messages
        if owing_receipt(exchange, each)
    ]
    lapses = sorted(
        (each for exchange in exchanges for each in report_facts.lapses(then, exchange, period)),
        key=lambda each: each.due,
    )
    owed = report_facts.by_due(
        due for exchange in exchanges for due in report_facts.due(then, exchange)
    )
    stands = report_facts.open_matters(then, exchanges)
    found = [
        *then.exceptional(first),
        *(each for exchange in exchanges for each in of_exchange(then.registry, exchange, areas)),
    ]
    found = sorted(
        (each for each in found if each.position >= first),
        key=lambda each: (each.position, each.kind),
    )
    rows, spans = blind(
        then.registry,
        then.sides,
        then.line_checks(first),
        then.turns(first),
        then.manned(first),
        then.outages(first),
        period,
    )
    lists = (messages, waiting, lapses, owed, stands, found, spans)
    shown = found[-report_facts.MOST :]
    report = FiveAnswers(
        **report_facts.heading(then, period, "audit", live=live),
        whole=tuple(each.checked for each in whole),
        lie=lie,
        receiving=tuple(_receiving(side, messages) for side in then.sides),
        messages=tuple(messages[-report_facts.MOST :]),
        lapses=tuple(lapses[-report_facts.MOST :]),
        owed=tuple(owed[: report_facts.MOST]),
        blindness=rows,
        blind=spans[-report_facts.MOST :],
        standing=report_facts.standing(then, exchanges, period),
        unnamed=report_facts.unnamed(exchanges, period),
        on_watch={side: watch.since.by for side, watch in then.registry.watches.items()},
        unacknowledged=tuple(waiting[-report_facts.MOST :]),
        open_matters=len(stands),
        stands=tuple(stands[: report_facts.MOST]),
        authorities=tuple(_authorities(then)),
        kinds=dict(sorted(Counter(each.kind for each in found).items())),
        exceptions=tuple(each.exceptional for each in shown),
        left_off=sum(max(0, len(each) - report_facts.MOST) for each in lists),
    )
    return AuditAnswers(report, whole, shown)


def _receiving(side: str, messages: Sequence[Urgent]) -> Receiving:
    owed = [
        each for message in messages for each in message.receipts if each.side == side and each.owes
    ]
    took = [each.acknowledged_after_s for each in owed if each.acknowledged_after_s is not None]
    return Receiving(
        side=side,
        messages=len(owed),
        acknowledged=len(took),
        not_yet=len(owed) - len(took),
        took=spread(took),
    )


def _authorities(then: AuditMoment) -> Iterator[Authority]:
    for name, officer in sorted(then.registry.officers.items()):
        yield Authority(
            officer=name,
            office=officer.office,
            roles=tuple(officer.roles),
            since=officer.since,
            until=officer.until,
            entered_by=then.actor(officer.since) or "",
            keys=sum(
                key.owner == name and key.until is None for key in then.registry.keys.values()
            ),
        )


# Laid out


def paper(told: AuditAnswers, w: Words, language: str) -> ReportDocument:
    """The five answers laid out."""
    found = told.report
    return ReportDocument(
        of=found.of,
        language=w.language,
        title=w.say(
            "Five answers, %(channel)s, record %(n)s",
            channel=found.of.name,
            n=w.number(found.position),
        ),
        lead=_lead(found, w),
        sections=tuple(_sections(told, w, language)),
        foot=layout.foot(found, w),
        again=layout.again(found, language),
        alarm=found.lie or layout.alarm(found, w),
    )


def _lead(found: FiveAnswers, w: Words) -> tuple[str, ...]:
    counts = (
        w.count(
            "%(n)s limit passed, %(m)s open.",
            "%(n)s limits passed, %(m)s open.",
            len(found.lapses),
            m=w.number(len(found.owed)),
        ),
        w.count("%(n)s exception.", "%(n)s exceptions.", sum(found.kinds.values())),
        w.count(
            "%(n)s message waits for an acknowledgement.",
            "%(n)s messages wait for an acknowledgement.",
            len(found.unacknowledged),
        ),
    )
    return w.say("From %(a)s to %(b)s.", **layout.period(found, w)), w.sentences(counts)


def _sections(told: AuditAnswers, w: Words, language: str) -> Iterator[DocumentSection]:
    found = told.report
    checks = table(
        (w.say("Checked"), w.say("Found"), w.say("On whose word")),
        [
            (w.sentence(each.check), w.sentence(each.found), w.sentence(each.word))
            for each in told.whole
        ],
    )
    yield section(
        w.say("1: Is it whole, unaltered, until when, on whose word"),
        checks,
        empty=w.say("Nothing was checked."),
    )
    knew = layout.urgent_table(found.messages, found.to, w, language)
    yield section(
        w.say("2: Who knew what, when"),
        DocumentList(tuple((_received(each, w),) for each in found.receiving)),
        knew,
    )
    blind: list[tuple[Cell, ...]] = [
        (
            layout.blindness(each.what, w),
            layout.sides(each.sides, w),
            w.written(each.from_),
            w.written(each.to),
        )
        for each in found.blind
    ]
    yield section(
        w.say("3: What was owed and not done, and when nobody could have noticed"),
        layout.lapse_table(found.lapses, w, language)
        or DocumentParagraph((w.say("No limit passed."),)),
        layout.due_table(found.owed, found.to, w, language)
        or DocumentParagraph((w.say("Nothing is open under a limit."),)),
        table((w.say("Blind"), w.say("Sides"), w.say("From"), w.say("To")), blind)
        or DocumentParagraph((w.say("No time is on record in which nobody could have noticed."),)),
    )
    yield section(
        w.say("4: What stands before the watch, and who has it"),
        DocumentList(
            tuple((_watch(side, found.on_watch.get(side, ""), w),) for side in found.of.sides)
        ),
        layout.urgent_table(found.unacknowledged, found.to, w, language)
        or DocumentParagraph((w.say("Every message is acknowledged."),)),
        layout.open_table(found.stands, found.to, w, language)
        or DocumentParagraph((w.say("No matter is open."),)),
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
            [_authority(each, w) for each in found.authorities],
        ),
        *_exceptions(told, w),
        layout.left_off(found.left_off, w),
    )


def _received(each: Receiving, w: Words) -> str:
    counts = {
        "side": layout.side(each.side),
        "a": w.number(each.acknowledged),
        "n": w.number(each.messages),
    }
    if each.took is None:
        return w.say("%(side)s acknowledged %(a)s of %(n)s.", **counts)
    took = {"m": w.span(each.took.median_s), "d": w.span(each.took.worst_s)}
    return w.say(
        "%(side)s acknowledged %(a)s of %(n)s: median %(m)s, the slowest %(d)s.", **counts, **took
    )


def _watch(side: str, officer: str, w: Words) -> str:
    if not officer:
        return w.say("%(side)s: nobody has the watch on record.", side=layout.side(side))
    return w.say("%(side)s: %(who)s has the watch.", side=layout.side(side), who=officer)


def _authority(each: Authority, w: Words) -> tuple[Cell, ...]:
    since = {"n": w.number(each.since), "who": each.entered_by}
    entered = (
        w.say("%(n)s by %(who)s", **since)
        if each.until is None
        else w.say("%(n)s by %(who)s, revoked at %(m)s", **since, m=w.number(each.until))
    )
    return (
        each.officer,
        each.office,
        w.listed(map(w.value, each.roles)),
        entered,
        w.number(each.keys),
    )


def _exceptions(told: AuditAnswers, w: Words) -> Iterator[Block]:
    kinds = told.report.kinds
    if not kinds:
        yield DocumentParagraph((w.say("No exceptions."),))
        return
    yield DocumentList(
        tuple(
            (w.say("%(what)s: %(n)s", what=kind_of(kind, w), n=w.number(number)),)
            for kind, number in kinds.items()
        )
    )
    yield DocumentTable(
        (w.say("Record"), w.say("What"), w.say("Side"), w.say("Number"), w.say("Detail")),
        tuple(
            (
                w.number(each.position),
                kind_of(each.kind, w),
                layout.side(each.side) or w.say("nobody"),
                each.number,
                QuotedText(w.sentence(each.detail)),
            )
            for each in told.exceptions
        ),
    )


def kind_of(kind: str, w: Words) -> str:
    """What an exception is called."""
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
            return w.say("taken out of the record")
        case _:
            return w.say("without effect")
