"""The pack for the yearly review: what was owed and given, what stays open, and how far plans and advice have come."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from dragoman.domain.acts import consent
from dragoman.domain.acts.deadlines import profile_of, written
from dragoman.domain.views import attribution, open_questions
from dragoman.domain.views.outages import OutageSpan
from dragoman.domain.views.statistics import days
from dragoman.i18n.words import Words
from dragoman.projection.dialogue import areas_of, issues_of
from dragoman.projection.snapshot import Snapshot
from dragoman.projection.statistics import statistics_of
from dragoman.reports import layout, report_facts
from dragoman.reports.document import DocumentSection, DocumentTable, ReportDocument, section, table
from dragoman.reports.member_texts import Cell, QuotedText, Run, filled, listed, said
from dragoman_schemas.report_shapes import (
    Advised,
    Annual,
    Lapsed,
    Question,
    ReportsLesson,
    YearReview,
)
from dragoman_schemas.responses import RoadmapArea
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
    """The first instant of a year."""
    return datetime(year, 1, 1, tzinfo=UTC)


def year_review(then: Snapshot, span: OutageSpan, year: int, *, live: bool) -> YearReview:
    """A year, or as much of it as there is at a moment."""
    first = then.first(span)
    lapses: list[Lapsed] = []
    lessons: list[ReportsLesson] = []
    asked: list[Question] = []
    for exchange in then.exchanges(first):
        lapses += report_facts.lapses(then, exchange, span)
        asked += _questions(exchange)
        lessons += report_facts.lessons(exchange, span)
    encounters = [
        report_facts.matter(each)
        for each in then.of("notification", "encounter-report")
        if each.status in _OPEN
    ]
    advised = [
        _advised(each)
        for each in then.of("dialogue", "recommendation")
        if each.status != "cancelled"
    ]
    most = report_facts.MOST_OF_A_YEAR
    return YearReview(
        **report_facts.heading(then, span, "year", live=live, year=year),
        year=year,
        statistics=statistics_of(then, span),
        annual=tuple(_annual(then, year)),
        encounters=tuple(encounters[:most]),
        lapses=tuple(lapses[:most]),
        roadmap=areas_of(
            [
                (item, then.linked(item))
                for item in then.of("dialogue", "roadmap-item")
                if item.status != "cancelled"
            ]
        ),
        recommendations=tuple(advised[:most]),
        perceptions=issues_of(then.of("dialogue", "perception"), then.sides),
        lessons=tuple(lessons[:most]),
        questions=tuple(asked[:most]),
        left_off=sum(
            max(0, len(each) - most) for each in (encounters, lapses, advised, lessons, asked)
        ),
    )


def _annual(then: Snapshot, year: int) -> Iterator[Annual]:
    """What each side gave of what was owed in the year, and of what has no day for the year itself; a row also where nothing came."""
    limits, _ = profile_of(then.registry)
    given: dict[tuple[str, int, str], Exchange] = {}
    for exchange in then.of("notification", "annual-exchange"):
        if exchange.cancellation is None:
            kind, of_year = (
                msgspec.json.decode(exchange.content[name]) for name in ("kind", "year")
            )
            given.setdefault((kind, of_year, exchange.side), exchange)
    for kind in _KINDS:
        later, month, day = limits.annual.get(kind, (0, 0, 0))
        last = datetime(year, month, day, tzinfo=UTC) if month else None
        for side in then.sides:
            found = given.get((kind, year - later, side))
            came = None if found is None else datetime.fromisoformat(found.opened.time)
            late = (
                None
                if last is None or came is None or came < last + _DAY
                else days(written(last + _DAY), came)
            )
            yield Annual(
                side=side,
                kind=kind,
                of_year=year - later,
                due="" if last is None else f"{last:%Y-%m-%d}",
                given="" if found is None else found.opened.time,
                nil_return=found is not None
                and bytes(found.content.get("nil_return", b"false")) == b"true",
                late_days=late,
                matter=None if found is None else report_facts.matter(found),
            )


def _advised(exchange: Exchange) -> Advised:
    endorsed = consent.agreed(exchange)
    fates = exchange.acts.get("fate", ())
    return Advised(
        matter=report_facts.matter(exchange),
        addressees=tuple(msgspec.json.decode(exchange.content["addressees"])),
        text=exchange.content["text"],
        endorsed_by=(exchange.side, *sorted(endorsed - {exchange.side})),
        fate=str(msgspec.json.decode(fates[-1].content["result"])) if fates else "",
    )


def _questions(exchange: Exchange) -> Iterator[Question]:
    """The questions of an exchange that its addressees have not answered."""
    for each in open_questions.unanswered(exchange) if exchange.cancellation is None else ():
        yield Question(
            asked_by=attribution.side(exchange, each.asked_by),
            side=attribution.side(exchange, each.side),
            time=each.time,
            numbers=each.numbers,
            questions=each.questions,
            matter=report_facts.matter(exchange),
        )


# Laid out


def paper(found: YearReview, w: Words, language: str) -> ReportDocument:
    """The pack laid out."""
    return ReportDocument(
        of=found.of,
        language=w.language,
        title=w.say("Yearly review %(year)s, %(channel)s", year=found.year, channel=found.of.name),
        lead=(
            w.say("From %(a)s to %(b)s.", **layout.period(found, w)),
            w.say(
                "Generated from the log for the sides’ yearly review. It judges nobody: the same rows stand for every side."
            ),
        ),
        sections=tuple(_sections(found, w, language)),
        foot=layout.foot(found, w),
        again=layout.again(found, language),
        alarm=layout.alarm(found, w),
    )


def _sections(found: YearReview, w: Words, language: str) -> Iterator[DocumentSection]:
    none = w.say("None.")
    yield section(w.say("Statistics"))
    yield from layout.statistics_sections(found.statistics, w, 3)
    yield section(w.say("Yearly exchanges"), _yearly(found, w))
    encounters = layout.matter_table(found.encounters, w, language)
    yield section(w.say("Encounters whose accounts stay open"), encounters, empty=none)
    yield section(
        w.say("Limits that passed"), layout.lapse_table(found.lapses, w, language), empty=none
    )
    yield section(w.say("Roadmap"))
    for area in found.roadmap:
        name = w.value(area.area)
        yield section(
            name[:1].upper() + name[1:],
            _items(area, w, language),
            level=3,
            empty=w.say("No item yet"),
        )
    yield section(
        w.say("Recommendations"), _advice(found, w, language), empty=w.say("None were given.")
    )
    yield section(
        w.say("Perceptions side by side"),
        empty="" if found.perceptions else w.say("No side has written of any issue."),
    )
    yield from layout.issue_sections(found.perceptions, w, language, 3)
    yield section(
        w.say("Lessons"),
        *layout.lesson_blocks(found.lessons, w, language),
        empty=w.say("None were entered."),
    )
    yield section(
        w.say("Questions left open"),
        _open_questions(found, w, language),
        layout.left_off(found.left_off, w),
        empty=none,
    )


def _yearly(found: YearReview, w: Words) -> DocumentTable | None:
    head = (
        w.say("What"),
        w.say("Of the year"),
        w.say("Side"),
        w.say("Owed until"),
        w.say("Given"),
        w.say("Late by"),
        w.say("Number"),
    )
    return table(head, [_annual_row(each, w) for each in found.annual])


def _items(area: RoadmapArea, w: Words, language: str) -> DocumentTable | None:
    rows: list[tuple[Cell, ...]] = [
        (
            said(item.text, w, language),
            QuotedText(item.deliverable),
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


def _advice(found: YearReview, w: Words, language: str) -> DocumentTable | None:
    rows: list[tuple[Cell, ...]] = [
        (
            layout.side(each.matter.side),
            filled(
                w.say("%(subject)s (%(number)s)"),
                subject=said(each.text, w, language, each.matter.original),
                number=each.matter.number,
            ),
            listed(map(QuotedText, each.addressees), w.comma),
            layout.sides(each.endorsed_by, w),
            w.value(each.fate) if each.fate else w.say("no statement"),
        )
        for each in found.recommendations
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


def _annual_row(each: Annual, w: Words) -> tuple[Cell, ...]:
    given = w.say("no statement")
    if each.given:
        given = (
            w.say("%(t)s, nothing to report", t=w.written(each.given))
            if each.nil_return
            else w.written(each.given)
        )
    return (
        w.value(each.kind),
        str(each.of_year),
        layout.side(each.side),
        w.written(each.due, "day") if each.due else w.say("no set day"),
        given,
        "" if each.late_days is None else w.span(each.late_days * 86_400),
        "" if each.matter is None else each.matter.number,
    )


def _open_questions(found: YearReview, w: Words, language: str) -> DocumentTable | None:
    rows: list[tuple[Cell, ...]] = [
        (
            layout.party(each.asked_by, w),
            layout.party(each.side, w),
            w.written(each.time),
            layout.named(each.matter, w, language),
            _questions_of(each, w, language),
        )
        for each in found.questions
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


def _questions_of(each: Question, w: Words, language: str) -> tuple[Run, ...]:
    pairs = zip(each.numbers, each.questions, strict=True)
    return listed(
        (
            filled(w.say("%(n)s: %(question)s"), n=str(number), question=said(text, w, language))
            for number, text in pairs
        ),
        w.space,
    )
