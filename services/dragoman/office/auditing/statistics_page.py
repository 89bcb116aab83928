"""The statistics of a period: each side's open and finished duties in figures.

Its sections are those of the record of the period. Every side has the same rows. A
value that was not measured is *no statement*, which is not zero. Nobody is accused.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from msgspec import Struct

from dragoman.application.http.conditional_requests import turn
from dragoman.console.page.context import PageContext
from dragoman.console.page.periods import PeriodFault, period_of, spans, too_much
from dragoman.console.page.rendering import Page, PageRoute, refused
from dragoman.document.blocks import Section
from dragoman.domain.acts.act_registry import FORMATS
from dragoman.domain.acts.deadlines import UNTIMED
from dragoman.domain.record.errors import Refused
from dragoman.i18n.words import Words
from dragoman.projection.queries.statistics import StatisticsResult, counted
from dragoman.reports.statistics_layout import (
    ReceiptTimes,
    receipt_section,
    receipt_times,
    statistics_sections,
)
from dragoman.text import sentence
from dragoman_schemas.statistics_figures import Spread, Statistics


class StatisticsFigure(Struct, frozen=True, kw_only=True):
    """One row of the table that `.csv` gives: a measurement and its result."""

    what: str
    side: str
    format: str = ""
    clock: str = ""
    n: int = 0
    median_s: float | None = None
    p95_s: float | None = None
    worst_s: float | None = None
    in_time: int | None = None
    late: int | None = None
    ended: int | None = None
    open: int | None = None
    overdue: int | None = None


class StatisticsView(Struct, frozen=True, kw_only=True):
    """The statistics of a period as the API gives them, with the page's own figures.

    There are none if the period could not be read.
    """

    from_asked: str
    to_asked: str
    faults: tuple[PeriodFault, ...] = ()
    statistics: Statistics | None = None
    receipts: tuple[ReceiptTimes, ...] = ()


# The page


class StatisticsQuery(Struct, frozen=True, kw_only=True):
    """The side and the format that are counted; empty for all."""

    side: str = ""
    format: str = ""


async def statistics(context: PageContext) -> Page:
    """Return the statistics of a period, of one side and format or of all."""
    query, period = context.asked(StatisticsQuery), period_of(context)
    side, format = query.side, query.format
    if side not in ("", *context.sides) or format not in ("", *FORMATS):
        raise refused(
            "bad-request", sentence("There is no such side or format here; choose one of the form.")
        )
    statistics_result: StatisticsResult | None = None
    faults = period.faults
    if not faults:
        try:
            async with turn(context.request, context.projection):
                end_seen = context.service.as_of(context.projection)
                statistics_result = await context.ask(counted, period.query, end_seen, side, format)
        except Refused as error:
            if error.refusal.kind != "bad-request":
                raise
            faults = (too_much(context, "from"),)
    result = None if statistics_result is None else statistics_result.statistics
    receipts = () if statistics_result is None else receipt_times(statistics_result.receipts)
    return Page(
        template="statistics.html",
        view=StatisticsView(
            from_asked=period.from_,
            to_asked=period.to,
            faults=faults,
            statistics=result,
            receipts=receipts,
        ),
        rows=[] if result is None else list(_figures(result)),
        status=400 if faults else 200,
        values={
            "found": result,
            "sections": () if result is None else _sections(result, receipts, context.words),
            "asked_side": side,
            "asked_format": format,
            "formats": sorted(FORMATS, key=context.words.act),
            "spans": spans(context),
        },
    )


def _sections(
    statistics: Statistics, receipts: Sequence[ReceiptTimes], words: Words
) -> list[Section]:
    sections = statistics_sections(statistics, words, 2)
    if statistics.kind not in UNTIMED:
        sections.insert(2, receipt_section(receipts, words, 2))
    return sections


# The table


def _figures(statistics: Statistics) -> Iterator[StatisticsFigure]:
    """Yield every figure as a row of one table."""
    for opened in statistics.opened:
        yield StatisticsFigure(
            what="opened", side=opened.side, format=opened.format, n=opened.opened
        )
    for clock in statistics.clocks:
        yield StatisticsFigure(
            what="clock",
            side=clock.side,
            format=clock.format,
            clock=clock.clock,
            **_numbers(clock.took),
            in_time=clock.in_time,
            late=clock.late,
            ended=clock.ended,
            open=clock.open,
            overdue=clock.overdue,
        )
    for notice in statistics.notices:
        yield StatisticsFigure(
            what="notice",
            side=notice.side,
            format=notice.format,
            n=notice.notices,
            median_s=notice.median_given_s,
            worst_s=notice.shortest_given_s,
            in_time=notice.in_time,
            late=notice.short,
        )
    for change in statistics.changes:
        for what, number, after in (
            ("correction", change.corrections, change.corrected_after),
            ("cancellation", change.cancellations, change.cancelled_after),
        ):
            yield StatisticsFigure(
                what=what,
                side=change.side,
                format=change.format,
                **{**_numbers(after), "n": number},
            )
    for translation in statistics.translations:
        yield StatisticsFigure(
            what="translation",
            side=translation.side,
            **{**_numbers(translation.delay), "n": translation.translations},
        )


def _numbers(took: Spread | None) -> dict[str, Any]:
    if took is None:
        return {"n": 0}
    return {
        "n": took.measured,
        "median_s": took.median_s,
        "p95_s": took.p95_s,
        "worst_s": took.worst_s,
    }


ROUTES: Final[tuple[PageRoute, ...]] = (PageRoute(path="/statistics", handler=statistics),)
