"""The statistics of a period: each side's open and finished duties in figures.

Its sections are those of the record of the period. Every side has the same rows. A
value that was not measured is *no statement*, which is not zero. Nobody is accused.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from dragoman.application.http.conditional_requests import turn
from dragoman.console.page.context import PageContext
from dragoman.console.page.periods import period_form, period_of, too_much
from dragoman.console.page.rendering import Page, PageRoute, refused
from dragoman.document.blocks import PageDocument, Section, choice, section
from dragoman.domain.acts.act_registry import FORMATS
from dragoman.domain.acts.deadlines import UNTIMED
from dragoman.domain.record.errors import Refused
from dragoman.i18n.words import Words
from dragoman.members.runs import PageLink
from dragoman.projection.queries.statistics import StatisticsResult, counted
from dragoman.reports.statistics_layout import (
    ReceiptTimes,
    receipt_section,
    receipt_times,
    statistics_sections,
)
from dragoman.text import sentence
from dragoman_schemas.statistics_figures import Statistics


class StatisticsPageQuery(Struct, frozen=True, kw_only=True):
    """The side and the format that are counted; empty for all."""

    side: str = ""
    format: str = ""


async def statistics(context: PageContext) -> Page:
    """Return the statistics of a period, of one side and format or of all."""
    query, period = context.asked(StatisticsPageQuery), period_of(context)
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
    w, say = context.words, context.words.say
    form = period_form(
        context,
        replace(period, faults=faults),
        "/statistics",
        choice("side", say("Side"), side, _options(say("every side"), context.sides, str.upper)),
        choice(
            "format",
            say("Format"),
            format,
            _options(say("every format"), sorted(FORMATS, key=w.act), w.act),
        ),
    )
    document = PageDocument(
        title=say("Statistics"),
        printed=True,
        area="reports",
        faults=faults,
        foot=(PageLink(say("reports"), "/reports"),),
        sections=(section("", form),),
    )
    if statistics_result is not None:
        result, receipts = statistics_result.statistics, receipt_times(statistics_result.receipts)
        begins, ends = w.written(result.from_), w.written(result.to)
        opened = w.count(
            "%(n)s exchange was opened.", "%(n)s exchanges were opened.", result.exchanges
        )
        document = replace(
            document,
            lead=(w.sentences((say("From %(a)s to %(b)s.", a=begins, b=ends), opened)),),
            note=(say("Every side has the same rows. 0 is a statement."),),
            sections=(*document.sections, *_sections(result, receipts, w)),
        )
    return Page(view=document, status=400 if faults else 200)


def _options(
    every: str, names: Iterable[str], word: Callable[[str], str]
) -> tuple[tuple[str, str], ...]:
    return (("", every), *((name, word(name)) for name in names))


def _sections(
    statistics: Statistics, receipts: Sequence[ReceiptTimes], words: Words
) -> list[Section]:
    sections = statistics_sections(statistics, words, 2)
    if statistics.kind not in UNTIMED:
        sections.insert(2, receipt_section(receipts, words, 2))
    return sections


ROUTES: Final[tuple[PageRoute, ...]] = (PageRoute(path="/statistics", handler=statistics),)
