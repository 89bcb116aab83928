"""The reports that write themselves: what there is, and each in the pages' frame, to be read and printed.

    /reports                 what there is, each with a sentence
    /reports/situation       /reports/turn-over       /reports/period       /reports/year

They are gathered where the API gathers its own, and laid out from the same papers.
`as=markdown` gives the text that the API gives.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from msgspec import Struct

from dragoman.application.http import submission
from dragoman.application.operations import report_requests
from dragoman.application.operations.report_requests import Gathered
from dragoman.console.input.periods import Period, PeriodFault, period_of, spans, too_much
from dragoman.console.pages import print_views
from dragoman.console.rendering import HEADERS, Page, PageContext, PageRoute, refused
from dragoman.domain.record.errors import Refused
from dragoman.i18n.words import as_moment
from dragoman.projection.queries.snapshot import PeriodQuery
from dragoman.reports.markdown import markdown
from dragoman.text import sentence


class ReportOffer(Struct, frozen=True, kw_only=True):
    """A report: what it is called in addresses, and whether the reader may have it."""

    name: str
    path: str
    may: bool


class ReportsView(Struct, frozen=True, kw_only=True):
    """The reports that there are."""

    channel: str
    position: int
    reports: tuple[ReportOffer, ...]


class NotRead(Struct, frozen=True, kw_only=True):
    """A period that was not read, and why."""

    report: str
    faults: tuple[PeriodFault, ...]


async def reports(context: PageContext) -> Page:
    """Return what reports there are."""
    view = ReportsView(
        channel=context.name,
        position=context.position,
        reports=tuple(
            ReportOffer(
                name=name, path=f"/reports/{name}", may=context.is_officer or name != "turn-over"
            )
            for name in ("situation", "turn-over", "period", "year")
        ),
    )
    values = {
        "spans": spans(context),
        "opened": as_moment(context.registry.opened.time).year,
        "year": context.moment.year,
    }
    return Page(template="reports.html", view=view, rows=view.reports, values=values)


async def situation(context: PageContext) -> Page | web.Response:
    """Return how the channel stands, on one page."""
    period = period_of(context)
    return await _shown(
        context,
        "situation",
        period,
        lambda: _gathered(context, period.asked, report_requests.situation_of(period.asked)),
    )


async def turn_over(context: PageContext) -> Page | web.Response:
    """Return what the next watch of the reader's side must know."""
    if not context.is_officer:
        raise refused(
            "not-permitted",
            sentence(
                "The turn-over note is for the officers of a side; auditors have the situation report and the log."
            ),
        )
    period = period_of(context)
    floor = report_requests.floor_of(context.service, context.projection, context.side)
    drafts = report_requests.handed_over(context.service, context.projection, context.side)
    gather = report_requests.turn_over_of(period.asked, context.side, floor, drafts)
    return await _shown(
        context, "turn-over", period, lambda: _gathered(context, period.asked, gather)
    )


async def record_of_the_period(context: PageContext) -> Page | web.Response:
    """Everything that was said in a period."""
    period = period_of(context)
    return await _shown(
        context,
        "period",
        period,
        lambda: _gathered(context, period.asked, report_requests.period_of(period.asked)),
    )


async def year(context: PageContext) -> Page | web.Response:
    """Return the pack for the yearly review."""
    text = context.request.query.get("year", "")
    number = (
        int(text)
        if text.isascii() and text.isdigit() and len(text) == 4
        else context.moment.year
        if not text
        else 0
    )
    first, last = as_moment(context.registry.opened.time).year, context.moment.year
    faults: tuple[PeriodFault, ...] = ()
    if not first <= number <= last:
        faults = (
            PeriodFault(
                "year", context.words.say("Write a year from %(a)s to %(b)s.", a=first, b=last)
            ),
        )
    period_query, gather = report_requests.year_of(
        context.call, context.projection, PeriodQuery(at=context.at), number or None
    )
    period = Period(from_="", to="", asked=period_query, faults=faults)
    return await _shown(
        context,
        "year",
        period,
        lambda: _gathered(context, period_query, gather),
        year=text or str(number),
    )


async def _gathered(
    context: PageContext, period_query: PeriodQuery, gather: report_requests.Gather
) -> Gathered:
    return await report_requests.gathered(context.call, context.projection, period_query, gather)


async def _shown(
    context: PageContext,
    name: str,
    period: Period,
    make: Callable[[], Awaitable[Gathered]],
    *,
    year: str = "",
) -> Page | web.Response:
    """Return a report in the frame; where the period was not read, the form and what is wrong with it."""
    values = {"name": name, "period_asked": period, "year": year, "spans": spans(context)}
    faults = period.faults
    if not faults:
        try:
            result = await make()
        except Refused as error:
            if error.refusal.kind != "bad-request":
                raise
            faults = (too_much(context, "year" if name == "year" else "from"),)
        else:
            if context.request.query.get("as") == "markdown":
                return await _markdown(context, result)
            laid = await context.in_thread(result.paper, context.words.language)
            return Page(
                template="report.html",
                view=result.report,
                values={**values, "faults": (), "laid": laid, "report": result.report},
                rows=None,
            )
    return Page(
        template="report.html",
        view=NotRead(report=name, faults=faults),
        values={**values, "faults": faults, "laid": None},
        status=400,
    )


async def _markdown(context: PageContext, found: Gathered) -> web.Response:
    """Return the report as the API gives it to whoever accepts Markdown, in the reader's language."""
    language = context.request.query.get("language") or context.words.language
    text: str = await submission.in_thread(context.call, lambda: markdown(found.paper(language)))
    headers = {**HEADERS, "Dragoman-Position": str(found.report.position)}
    return web.Response(text=text, headers=headers, content_type=report_requests.MARKDOWN)


SHEETS: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/reports", handler=reports),
    PageRoute(path="/reports/situation", handler=situation),
    PageRoute(path="/reports/turn-over", handler=turn_over),
    PageRoute(path="/reports/period", handler=record_of_the_period),
    PageRoute(path="/reports/year", handler=year),
    *print_views.SHEETS,
)
