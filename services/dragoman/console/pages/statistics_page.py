"""The statistics of a period: each side's open and finished duties in figures.

Each figure comes with its sample size, the median, the 95th percentile and the worst
value. Every side has the same rows, as a plot and as a table. A value that was not
measured is *no statement*, which is not zero. Nobody is accused.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

from markupsafe import Markup
from msgspec import Struct

from dragoman.application.http.conditional_requests import turn
from dragoman.console.charts import charts
from dragoman.console.context import PageContext
from dragoman.console.input.periods import PeriodFault, period_of, spans, too_much
from dragoman.console.rendering import Page, PageRoute, refused
from dragoman.domain.acts.act_registry import FORMATS
from dragoman.domain.acts.deadlines import UNTIMED
from dragoman.domain.record.errors import Refused
from dragoman.domain.views.statistics import spread
from dragoman.i18n.words import Words
from dragoman.projection.queries.statistics import StatisticsResult, counted
from dragoman.reports import layout
from dragoman.text import sentence
from dragoman_schemas.statistics_figures import Kept, Spread, Statistics

EXPECTED: Final = (0.05, 0.15, 0.80)
"""The shares of flash, of immediate, and of priority with routine, in a channel where
precedence has kept its meaning.
"""

_BUCKETS: Final = (2, 10, 60, 600, 1_800, 10_800, 86_400)
"""The limits between the classes of acknowledgement times, in seconds. In less than the
first, no person has read anything.
"""


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


class Precedences(Struct, frozen=True, kw_only=True):
    """The precedences of a side's openings, as counts and as fractions of one.

    `shares` is None if the side opened nothing.
    """

    side: str
    opened: int
    flash: int
    immediate: int
    rest: int
    shares: tuple[float, float, float] | None


class ReceiptTimes(Struct, frozen=True, kw_only=True):
    """The times that a side took to acknowledge.

    `counts` has the number of times in each class; `cuts_s` are the limits in seconds.
    """

    side: str
    n: int
    took: Spread | None
    cuts_s: tuple[int, ...]
    counts: tuple[int, ...]


class StatisticsView(Struct, frozen=True, kw_only=True):
    """The statistics of a period as the API gives them, with the page's own figures.

    There are none if the period could not be read.
    """

    from_asked: str
    to_asked: str
    faults: tuple[PeriodFault, ...] = ()
    statistics: Statistics | None = None
    precedences: tuple[Precedences, ...] = ()
    receipts: tuple[ReceiptTimes, ...] = ()


# The page


async def statistics(context: PageContext) -> Page:
    """Return the statistics of a period, of one side and format or of all."""
    query = context.request.query
    period = period_of(context)
    side, format = query.get("side", ""), query.get("format", "")
    if side not in ("", *context.sides) or format not in ("", *FORMATS):
        raise refused(
            "bad-request", sentence("There is no such side or format here; choose one of the form.")
        )
    statistics_result: StatisticsResult | None = None
    faults = period.faults
    if not faults:
        try:
            async with turn(context.request, context.projection):
                statistics_result = await context.in_thread(
                    counted,
                    context.service.store,
                    context.name,
                    period.query,
                    context.service.as_of(context.projection),
                    side,
                    format,
                )
        except Refused as error:
            if error.refusal.kind != "bad-request":
                raise
            faults = (too_much(context, "from"),)
    view = StatisticsView(from_asked=period.from_, to_asked=period.to, faults=faults)
    if statistics_result is not None:
        view = _measured(view, statistics_result)
    return Page(
        template="statistics.html",
        view=view,
        rows=[] if statistics_result is None else list(_figures(statistics_result.statistics)),
        status=400 if faults else 200,
        values={
            "found": None if statistics_result is None else statistics_result.statistics,
            "asked_side": side,
            "asked_format": format,
            "formats": sorted(FORMATS, key=context.words.act),
            "spans": spans(context),
            "timed": context.registry.kind not in UNTIMED,
            "buckets": bucket_names(context.words),
            "precedence_chart": _precedence_chart(context.words, view.precedences),
            "receipt_charts": [
                (receipt, _receipt_chart(context.words, receipt)) for receipt in view.receipts
            ],
            "clock_charts": []
            if statistics_result is None
            else list(_clock_charts(context.words, statistics_result.statistics)),
            "translation_chart": None
            if statistics_result is None
            else _translation_chart(context.words, statistics_result.statistics),
        },
    )


def _measured(view: StatisticsView, statistics_result: StatisticsResult) -> StatisticsView:
    sides = tuple(statistics_result.receipts)
    return StatisticsView(
        from_asked=view.from_asked,
        to_asked=view.to_asked,
        statistics=statistics_result.statistics,
        precedences=tuple(_precedences(statistics_result.statistics, side) for side in sides),
        receipts=tuple(_receipts(statistics_result, side) for side in sides),
    )


def _precedences(statistics: Statistics, side: str) -> Precedences:
    counts = [count for count in statistics.opened if count.side == side]
    flash, immediate = (
        sum(count.flash for count in counts),
        sum(count.immediate for count in counts),
    )
    rest, opened = (
        sum(count.priority + count.routine for count in counts),
        sum(count.opened for count in counts),
    )
    shares = (flash / opened, immediate / opened, rest / opened) if opened else None
    return Precedences(
        side=side, opened=opened, flash=flash, immediate=immediate, rest=rest, shares=shares
    )


def _receipts(statistics_result: StatisticsResult, side: str) -> ReceiptTimes:
    times = statistics_result.receipts[side]
    edges = (0, *_BUCKETS)
    counts = [
        sum(low <= number < high for number in times)
        for low, high in zip(edges, (*_BUCKETS, float("inf")), strict=True)
    ]
    return ReceiptTimes(
        side=side, n=len(times), took=spread(times), cuts_s=_BUCKETS, counts=tuple(counts)
    )


# Charts


def bucket_names(words: Words) -> list[str]:
    """Return the names of the classes of acknowledgement times."""
    first, last = _BUCKETS[0], _BUCKETS[-1]
    between = [
        words.say("%(a)s to %(b)s", a=words.span(low), b=words.span(high))
        for low, high in pairwise(_BUCKETS)
    ]
    return [
        words.say("under %(d)s", d=words.span(first)),
        *between,
        words.say("%(d)s and more", d=words.span(last)),
    ]


class FigureChart(NamedTuple):
    """A chart as a desk shows it, and as a phone does."""

    wide: Markup
    narrow: Markup


def _precedence_chart(words: Words, precedences: Sequence[Precedences]) -> FigureChart | None:
    """Return the chart of each side's openings by precedence."""
    rows = []
    for precedence in precedences:
        if precedence.shares is not None:
            labels = (
                words.value("flash"),
                words.value("immediate"),
                words.say("priority and routine"),
            )
            parts = [
                (words.say("%(what)s %(share)s", what=name, share=words.share(part)), part)
                for name, part in zip(labels, precedence.shares, strict=True)
            ]
            rows.append((precedence.side.upper(), parts))
    title = words.say("How urgently each side sent what it opened")
    return (
        FigureChart(
            wide=charts.shares("precedences", title, rows, EXPECTED),
            narrow=charts.shares("precedences-narrow", title, rows, EXPECTED, narrow=True),
        )
        if rows
        else None
    )


def _receipt_chart(words: Words, receipt_times: ReceiptTimes) -> Markup | None:
    if not receipt_times.n:
        return None
    title = words.say("How long %(side)s took to acknowledge", side=receipt_times.side.upper())
    return charts.bars(
        f"receipts-{receipt_times.side}",
        title,
        list(zip(bucket_names(words), receipt_times.counts, strict=True)),
    )


def _clock_charts(
    words: Words, statistics: Statistics
) -> Iterator[tuple[str, list[Kept], FigureChart | None]]:
    """Yield the rows and the chart of each kind of deadline.

    The chart shows the times taken, side by side and format by format.
    """
    clocks = dict.fromkeys(figures.clock for figures in statistics.clocks)
    for clock in sorted(clocks, key=lambda name: (name != "acknowledgement", words.clock(name))):
        rows = [figures for figures in statistics.clocks if figures.clock == clock]
        drawn = [
            _drawn(
                words.say(
                    "%(side)s, %(what)s",
                    side=layout.party(row.side, words),
                    what=words.act(row.format),
                ),
                row.took,
            )
            for row in rows
        ]
        title = words.say("How long it took: %(what)s", what=words.clock(clock))
        chart = (
            _spread(f"took-{clock}", title, drawn, words) if any(row.took for row in rows) else None
        )
        yield clock, rows, chart


def _translation_chart(words: Words, statistics: Statistics) -> FigureChart | None:
    if not any(translation.delay for translation in statistics.translations):
        return None
    drawn = [
        _drawn(translation.side.upper(), translation.delay)
        for translation in statistics.translations
    ]
    return _spread("translations-took", words.say("How long translations took"), drawn, words)


_Row = tuple[str, int, float | None, float | None, float | None]


def _spread(name: str, title: str, rows: Sequence[_Row], words: Words) -> FigureChart:
    return FigureChart(
        wide=charts.spread(name, title, rows, None, words),
        narrow=charts.spread(f"{name}-narrow", title, rows, None, words, narrow=True),
    )


def _drawn(label: str, took: Spread | None) -> _Row:
    return (
        (label, 0, None, None, None)
        if took is None
        else (label, took.measured, took.median_s, took.p95_s, took.worst_s)
    )


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
