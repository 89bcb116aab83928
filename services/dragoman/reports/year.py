"""The pack for the yearly review: what was owed and given, what stays open, and how far plans and advice have come."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from dragoman.domain import questions
from dragoman.domain.blindness import Span
from dragoman.domain.clocks import profile_of, written
from dragoman.domain.statistics import days
from dragoman.projection.dialogue import areas_of, issues_of
from dragoman.projection.moment import Moment
from dragoman.projection.statistics import statistics_of
from dragoman.reports import gather, layout
from dragoman.reports.paper import Cell, Paper, Run, Section, Table, section, table
from dragoman.reports.words import Said, plain, said, span, utc
from dragoman_schemas.reports import Advised, Annual, Lapsed, Lesson, Question, YearReview
from dragoman_schemas.state import Exchange

_DAY: Final = timedelta(days=1)
_KINDS: Final = ("annual_calendar", "force_information", "missile_declaration", "defence_planning", "policy_paper")
_OPEN: Final = ("reported", "accounts_differ")


def begins(year: int) -> datetime:
    """The first instant of a year."""
    return datetime(year, 1, 1, tzinfo=UTC)


def year_review(then: Moment, span: Span, year: int, *, live: bool) -> YearReview:
    """A year, or as much of it as there is at a moment."""
    first = then.first(span)
    lapses: list[Lapsed] = []
    lessons: list[Lesson] = []
    asked: list[Question] = []
    for exchange in then.exchanges(first):
        lapses += gather.lapses(then, exchange, span)
        asked += _questions(exchange)
        lessons += gather.lessons(exchange, span)
    encounters = [gather.matter(each) for each in then.of("notification", "encounter-report") if each.status in _OPEN]
    advised = [_advised(each) for each in then.of("dialogue", "recommendation") if each.status != "cancelled"]
    most = gather.MOST_OF_A_YEAR
    return YearReview(
        **gather.heading(then, span, "year", live=live, year=year),
        year=year,
        statistics=statistics_of(then, span),
        annual=tuple(_annual(then, year)),
        encounters=tuple(encounters[:most]),
        lapses=tuple(lapses[:most]),
        roadmap=areas_of([(item, then.linked(item)) for item in then.of("dialogue", "roadmap-item") if item.status != "cancelled"]),
        recommendations=tuple(advised[:most]),
        perceptions=issues_of(then.of("dialogue", "perception"), then.sides),
        lessons=tuple(lessons[:most]),
        questions=tuple(asked[:most]),
        left_off=sum(max(0, len(each) - most) for each in (encounters, lapses, advised, lessons, asked)),
    )


def _annual(then: Moment, year: int) -> Iterator[Annual]:
    """What each side gave of what was owed in the year, and of what has no day for the year itself; a row also where nothing came."""
    limits, _ = profile_of(then.registry)
    given: dict[tuple[str, int, str], Exchange] = {}
    for exchange in then.of("notification", "annual-exchange"):
        if exchange.cancellation is None:
            kind, of_year = (msgspec.json.decode(exchange.content[name]) for name in ("kind", "year"))
            given.setdefault((kind, of_year, exchange.side), exchange)
    for kind in _KINDS:
        later, month, day = limits.annual.get(kind, (0, 0, 0))
        last = datetime(year, month, day, tzinfo=UTC) if month else None
        for side in then.sides:
            found = given.get((kind, year - later, side))
            came = None if found is None else datetime.fromisoformat(found.opened.time)
            late = None if last is None or came is None or came < last + _DAY else days(written(last + _DAY), came)
            yield Annual(
                side=side,
                kind=kind,
                of_year=year - later,
                due="" if last is None else f"{last:%Y-%m-%d}",
                given="" if found is None else found.opened.time,
                nil_return=found is not None and bytes(found.content.get("nil_return", b"false")) == b"true",
                late_days=late,
                matter=None if found is None else gather.matter(found),
            )


def _advised(exchange: Exchange) -> Advised:
    endorsed = {each.said.by.partition("/")[0] for each in exchange.acts.get("endorsement", ())}
    fates = exchange.acts.get("fate", ())
    return Advised(
        matter=gather.matter(exchange),
        addressees=tuple(msgspec.json.decode(exchange.content["addressees"])),
        text=exchange.content["text"],
        endorsed_by=(exchange.side, *sorted(endorsed - {exchange.side})),
        fate=str(msgspec.json.decode(fates[-1].content["result"])) if fates else "",
    )


def _questions(exchange: Exchange) -> Iterator[Question]:
    """The questions of an exchange that its addressees have not answered."""
    for each in questions.unanswered(exchange) if exchange.cancellation is None else ():
        yield Question(
            asked_by=each.asked_by,
            side=each.side,
            time=each.time,
            numbers=each.numbers,
            questions=each.questions,
            matter=gather.matter(exchange),
        )


# Laid out


def paper(found: YearReview, language: str) -> Paper:
    """The pack laid out."""
    return Paper(
        of=found.of,
        title=f"Yearly review {found.year}, {found.of.name}",
        lead=(
            f"{layout.period(found)}.",
            "Generated from the log for the sides' yearly review. It judges nobody: the same rows stand for every side.",
        ),
        sections=tuple(_sections(found, language)),
        foot=layout.foot(found),
        again=found.again,
        alarm=layout.alarm(found),
    )


def _sections(found: YearReview, language: str) -> Iterator[Section]:
    yield section("Statistics")
    yield from layout.statistics_sections(found.statistics, 3)
    annual: list[tuple[Cell, ...]] = [_annual_row(each) for each in found.annual]
    yield section("Yearly exchanges", table(("What", "Of", "Side", "Owed until", "Given", "Late", "Number"), annual))
    encounters = layout.matter_table(found.encounters, language)
    yield section("Encounters whose accounts stay open", encounters, empty="None.")
    yield section("Limits that passed", layout.lapse_table(found.lapses, language), empty="None.")
    yield section("Roadmap")
    for area in found.roadmap:
        rows: list[tuple[Cell, ...]] = [
            (said(item.text, language), Said(item.deliverable), layout.side(item.side), plain(item.status), str(len(item.linked)))
            for item in area.items
        ]
        items = table(("Item", "Deliverable", "Proposed by", "Status", "Exchanges"), rows)
        yield section(plain(area.area).capitalize(), items, level=3, empty="No item.")
    advised: list[tuple[Cell, ...]] = [
        (
            *(layout.side(each.matter.side), (said(each.text, language, each.matter.original), f" ({each.matter.number})")),
            *(Said(", ".join(each.addressees)), layout.sides(each.endorsed_by), plain(each.fate) or "no statement"),
        )
        for each in found.recommendations
    ]
    head = ("By", "Recommendation", "To", "Endorsed by", "What became of it")
    yield section("Recommendations", table(head, advised), empty="None were given.")
    yield section("Perceptions side by side", empty="" if found.perceptions else "No side has written of any issue.")
    yield from layout.issue_sections(found.perceptions, language, 3)
    yield section("Lessons", *layout.lesson_blocks(found.lessons, language), empty="None were entered.")
    yield section("Questions left open", _open_questions(found, language), layout.left_off(found.left_off), empty="None.")


def _annual_row(each: Annual) -> tuple[Cell, ...]:
    given = utc(each.given) + (", nothing to report" if each.nil_return else "") if each.given else "no statement"
    late = "" if each.late_days is None else span(each.late_days * 86_400)
    return (
        plain(each.kind),
        str(each.of_year),
        layout.side(each.side),
        each.due or "no set day",
        given,
        late,
        "" if each.matter is None else each.matter.number,
    )


def _open_questions(found: YearReview, language: str) -> Table | None:
    rows: list[tuple[Cell, ...]] = [
        (
            layout.side(each.asked_by),
            layout.side(each.side),
            utc(each.time),
            layout.named(each.matter, language),
            tuple(_joined(each.numbers, (said(question, language) for question in each.questions))),
        )
        for each in found.questions
    ]
    return table(("Asked by", "Of", "Since", "Under", "Questions"), rows)


def _joined(numbers: Iterable[int], questions: Iterable[Said]) -> Iterator[Run]:
    for index, (number, question) in enumerate(zip(numbers, questions, strict=True)):
        yield f"{' ' if index else ''}{number}: "
        yield question
