"""The pack for the yearly review of the sides.

It has what was owed and given, what stays open, and the progress of plans and advice.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from msgspec import Raw

from dragoman.domain.acts import consent
from dragoman.domain.acts.deadlines import profile_of, timestamp
from dragoman.domain.acts.families.dialogue import newest_fates
from dragoman.domain.views import attribution, open_questions
from dragoman.domain.views.outages import OutageSpan
from dragoman.domain.views.statistics import days
from dragoman.i18n.words import Words
from dragoman.members.runs import Cell, QuotedText, Run, filled, listed
from dragoman.members.texts import quoted_in
from dragoman.projection.queries.dialogue import areas_of, issues_of
from dragoman.projection.queries.snapshot import Snapshot
from dragoman.projection.queries.statistics import statistics_of
from dragoman.reports import (
    dialogue_layout,
    dissents,
    layout,
    report_facts,
    statistics_layout,
    undertaken,
)
from dragoman.reports.document import DocumentSection, DocumentTable, ReportDocument, section, table
from dragoman_schemas.agreement_responses import AdvisedFate
from dragoman_schemas.dialogue_responses import RoadmapArea
from dragoman_schemas.report_shapes import (
    Advised,
    Annual,
    Lapsed,
    Question,
    ReportsLesson,
    YearReview,
)
from dragoman_schemas.state import Exchange

_DAY: Final = timedelta(days=1)
_KINDS: Final = (
    "annual_calendar",
    "force_information",
    "missile_declaration",
    "defence_planning",
    "policy_paper",
)
_OPEN: Final = ("reported", "accounts_differ")


def begins(year: int) -> datetime:
    """Return the first instant of a year."""
    return datetime(year, 1, 1, tzinfo=UTC)


def year_review(snapshot: Snapshot, span: OutageSpan, year: int, *, live: bool) -> YearReview:
    """Return the review of a year, or of its part up to a moment."""
    first = snapshot.first(span)
    lapses: list[Lapsed] = []
    lessons: list[ReportsLesson] = []
    questions: list[Question] = []
    for exchange in snapshot.exchanges(first):
        lapses += report_facts.lapses(snapshot, exchange, span)
        questions += _questions(exchange)
        lessons += report_facts.lessons(exchange, span)
    encounters = [
        report_facts.matter(item)
        for item in snapshot.of("notification", "encounter-report")
        if item.status in _OPEN
    ]
    advised = [
        _advised(item, snapshot.hides)
        for item in snapshot.of("dialogue", "recommendation")
        if item.status != "cancelled"
    ]
    promised = [*undertaken.reported(snapshot, span)]
    dissenting = [*dissents.of_exchanges(snapshot.of("dialogue", "joint-report"))]
    most = report_facts.MOST_OF_A_YEAR
    return YearReview(
        **report_facts.heading(snapshot, span, "year", live=live, year=year),
        year=year,
        statistics=statistics_of(snapshot, span),
        annual=tuple(_annual(snapshot, year)),
        encounters=tuple(encounters[:most]),
        lapses=tuple(lapses[:most]),
        roadmap=areas_of(
            [
                (item, snapshot.linked(item))
                for item in snapshot.of("dialogue", "roadmap-item")
                if item.status != "cancelled"
            ]
        ),
        recommendations=tuple(advised[:most]),
        undertakings=tuple(promised[:most]),
        undertakings_by_side=undertaken.counts(snapshot, span),
        perceptions=issues_of(snapshot.of("dialogue", "perception"), snapshot.sides),
        lessons=tuple(lessons[:most]),
        questions=tuple(questions[:most]),
        dissents=tuple(dissenting[:most]),
        left_off=sum(
            max(0, len(lists) - most)
            for lists in (encounters, lapses, advised, promised, lessons, questions, dissenting)
        ),
    )


def _annual(snapshot: Snapshot, year: int) -> Iterator[Annual]:
    """Yield a row for each yearly exchange of each side, also if nothing came.

    A yearly exchange without a set day belongs to the year itself.
    """
    limits, _ = profile_of(snapshot.registry)
    exchanges: dict[tuple[str, int, str], Exchange] = {}
    for exchange in snapshot.of("notification", "annual-exchange"):
        if exchange.cancellation is None:
            kind, of_year = (
                msgspec.json.decode(exchange.content[name]) for name in ("kind", "year")
            )
            exchanges.setdefault((kind, of_year, exchange.side), exchange)
    for kind in _KINDS:
        later, month, day = limits.annual.get(kind, (0, 0, 0))
        last = datetime(year, month, day, tzinfo=UTC) if month else None
        for side in snapshot.sides:
            result = exchanges.get((kind, year - later, side))
            moment = None if result is None else datetime.fromisoformat(result.opened.time)
            late = (
                None
                if last is None or moment is None or moment < last + _DAY
                else days(timestamp(last + _DAY), moment)
            )
            yield Annual(
                side=side,
                kind=kind,
                of_year=year - later,
                due="" if last is None else f"{last:%Y-%m-%d}",
                given="" if result is None else result.opened.time,
                nil_return=result is not None
                and bytes(result.content.get("nil_return", b"false")) == b"true",
                late_days=late,
                matter=None if result is None else report_facts.matter(result),
            )


def _advised(exchange: Exchange, hides: attribution.Hides) -> Advised:
    endorsed = consent.agreed(exchange)
    fates = tuple(
        AdvisedFate(
            side=side,
            result=str(msgspec.json.decode(item.content["result"])),
            taken_up_as=attribution.reference(
                str(msgspec.json.decode(item.content.get("taken_up_as", b'""'))), hides
            ),
        )
        for side, item in newest_fates(exchange).items()
    )
    results = {fate.result for fate in fates}
    return Advised(
        matter=report_facts.matter(exchange),
        addressees=tuple(msgspec.json.decode(exchange.content["addressees"])),
        text=exchange.content["text"],
        endorsed_by=(exchange.side, *sorted(endorsed - {exchange.side})),
        fate=results.pop() if len(results) == 1 else "mixed" if results else "",
        fates=fates,
    )


def _questions(exchange: Exchange) -> Iterator[Question]:
    """Yield the questions of an exchange that its addressees have not answered."""
    for item in open_questions.unanswered(exchange) if exchange.cancellation is None else ():
        yield Question(
            asked_by=attribution.side(exchange, item.asked_by),
            side=attribution.side(exchange, item.side),
            time=item.time,
            numbers=item.numbers,
            questions=item.questions,
            matter=report_facts.matter(exchange),
        )


# Laid out


def paper(review: YearReview, w: Words, language: str) -> ReportDocument:
    """Return the pack laid out."""
    return ReportDocument(
        of=review.of,
        language=w.language,
        title=w.say(
            "Yearly review %(year)s, %(channel)s", year=review.year, channel=review.of.name
        ),
        lead=(
            w.say("From %(a)s to %(b)s.", **layout.period(review, w)),
            w.say(
                "Generated from the log for the sides’ yearly review. It judges nobody: every "
                "side has the same rows."
            ),
        ),
        sections=tuple(_sections(review, w, language)),
        foot=layout.foot(review, w),
        again=layout.again(review, language),
        alarm=layout.alarm(review, w),
    )


def _sections(review: YearReview, w: Words, language: str) -> Iterator[DocumentSection]:
    yield section(w.say("Statistics"))
    yield from statistics_layout.statistics_sections(review.statistics, w, 3)
    yield section(w.say("Yearly exchanges"), _yearly(review, w))
    encounters = layout.matter_table(review.encounters, w, language)
    yield section(
        w.say("Encounters whose accounts stay open"),
        encounters,
        empty=w.say("No account of an encounter is open."),
    )
    yield section(
        w.say("Limits that passed"),
        layout.lapse_table(review.lapses, w, language),
        empty=w.say("No limit passed in this period."),
    )
    yield section(w.say("Roadmap"))
    for area in review.roadmap:
        name = w.value(area.area)
        yield section(
            name[:1].upper() + name[1:],
            _items(area, w, language),
            level=3,
            empty=w.say("No item yet"),
        )
    yield section(
        w.say("Recommendations"), _advice(review, w, language), empty=w.say("None were given.")
    )
    yield section(
        w.say("Undertakings"),
        undertaken.count_table(review.undertakings_by_side, w),
        undertaken.table_of(review.undertakings, w, language),
        empty=w.say("None were made."),
    )
    yield section(
        w.say("Perceptions side by side"),
        empty="" if review.perceptions else w.say("No side has written of any issue."),
    )
    yield from dialogue_layout.issue_sections(review.perceptions, w, language, 3)
    yield section(
        w.say("Dissents from joint reports"),
        dissents.table_of(review.dissents, w, language),
        empty=w.say("No side dissents from a joint report."),
    )
    yield section(
        w.say("Lessons"),
        *dialogue_layout.lesson_blocks(review.lessons, w, language),
        empty=w.say("None were entered."),
    )
    yield section(
        w.say("Questions left open"),
        _open_questions(review, w, language),
        layout.left_off(review.left_off, w),
        empty=w.say("No question is open."),
    )


def _yearly(review: YearReview, w: Words) -> DocumentTable | None:
    head = (
        w.say("What"),
        w.say("Of the year"),
        w.say("Side"),
        w.say("Owed until"),
        w.say("Given"),
        w.say("Late by"),
        w.say("Number"),
    )
    return table(head, [_annual_row(annual, w) for annual in review.annual])


def _items(area: RoadmapArea, w: Words, language: str) -> DocumentTable | None:
    rows: list[tuple[Cell, ...]] = [
        (
            quoted_in(item.text, w, language),
            quoted_in(Raw(msgspec.json.encode(item.deliverable)), w, language),
            layout.side(item.side),
            w.status(item.status),
            w.number(len(item.linked)),
        )
        for item in area.items
    ]
    return table(
        (
            w.say("Item"),
            w.say("Deliverable"),
            w.say("Proposed by"),
            w.say("Status"),
            w.say("Exchanges"),
        ),
        rows,
    )


def _advice(review: YearReview, w: Words, language: str) -> DocumentTable | None:
    rows: list[tuple[Cell, ...]] = [
        (
            layout.side(recommendation.matter.side),
            filled(
                w.say("%(subject)s (%(number)s)"),
                subject=quoted_in(recommendation.text, w, language, recommendation.matter.original),
                number=recommendation.matter.number,
            ),
            listed(map(QuotedText, recommendation.addressees), w.comma),
            layout.sides(recommendation.endorsed_by, w),
            w.listed(_fate(fate, w) for fate in recommendation.fates) or w.say("no statement"),
        )
        for recommendation in review.recommendations
    ]
    return table(
        (
            w.say("Side"),
            w.say("Recommendation"),
            w.say("Addressees"),
            w.say("Endorsed by"),
            w.say("What became of it"),
        ),
        rows,
    )


def _fate(fate: AdvisedFate, w: Words) -> str:
    """Return the fate of a recommendation at an official side, in words."""
    text = w.value(fate.result)
    if fate.taken_up_as:
        text = w.say("%(what)s as %(title)s", what=text, title=fate.taken_up_as)
    return (
        w.say("%(what)s: %(detail)s", what=layout.side(fate.side), detail=text)
        if fate.side
        else text
    )


def _annual_row(annual: Annual, w: Words) -> tuple[Cell, ...]:
    text = w.say("no statement")
    if annual.given:
        text = (
            w.say("%(t)s, nothing to report", t=w.written(annual.given))
            if annual.nil_return
            else w.written(annual.given)
        )
    return (
        w.value(annual.kind),
        str(annual.of_year),
        layout.side(annual.side),
        w.written(annual.due, "day") if annual.due else w.say("no set day"),
        text,
        "" if annual.late_days is None else w.span(annual.late_days * 86_400),
        "" if annual.matter is None else annual.matter.number,
    )


def _open_questions(review: YearReview, w: Words, language: str) -> DocumentTable | None:
    rows: list[tuple[Cell, ...]] = [
        (
            layout.party(question.asked_by, w),
            layout.party(question.side, w),
            w.written(question.time),
            layout.matter_name(question.matter, w, language),
            _questions_of(question, w, language),
        )
        for question in review.questions
    ]
    return table(
        (
            w.say("Asked by"),
            w.say("Not answered by"),
            w.say("Since"),
            w.say("Matter"),
            w.say("Questions"),
        ),
        rows,
    )


def _questions_of(question: Question, w: Words, language: str) -> tuple[Run, ...]:
    pairs = zip(question.numbers, question.questions, strict=True)
    return listed(
        (
            filled(
                w.say("%(n)s: %(question)s"), n=str(number), question=quoted_in(text, w, language)
            )
            for number, text in pairs
        ),
        w.space,
    )
