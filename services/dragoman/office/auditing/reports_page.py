"""The pages of reports that the service writes by itself, for reading and printing.

    /reports              the list of reports, with a sentence each
    /reports/situation    the state of the channel
    /reports/turn-over    the note for the next watch
    /reports/period       everything that was said in a period
    /reports/audit        the auditor's five questions, answered

The reports come from the same functions as those of the API, and from the same
documents. `as=markdown` gives the text that the API gives.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final, Literal

from aiohttp import web
from msgspec import Meta, Struct, field

from dragoman.application.http import submission
from dragoman.application.operations import report_requests, transparency_log
from dragoman.application.operations.report_requests import Gathered
from dragoman.console.page.context import PageContext
from dragoman.console.page.periods import Period, PeriodFault, period_of, spans, too_much
from dragoman.console.page.rendering import HEADERS, Page, PageRoute, refused
from dragoman.console.page.sessions import redirect
from dragoman.document.markdown import markdown
from dragoman.domain.record.errors import Refused
from dragoman.projection.queries.snapshot import PeriodQuery
from dragoman.text import sentence


class ReportOffer(Struct, frozen=True, kw_only=True):
    """A report: its name in addresses, and whether the reader may have it."""

    name: str
    path: str
    may: bool


class ReportsView(Struct, frozen=True, kw_only=True):
    """The list of reports."""

    channel: str
    position: int
    reports: tuple[ReportOffer, ...]


class NotRead(Struct, frozen=True, kw_only=True):
    """A period that the page could not read, with its errors."""

    report: str
    faults: tuple[PeriodFault, ...]


async def reports(context: PageContext) -> Page:
    """Return the list of reports."""
    view = ReportsView(
        channel=context.name,
        position=context.position,
        reports=tuple(
            ReportOffer(
                name=name, path=f"/reports/{name}", may=context.is_officer or name != "turn-over"
            )
            for name in ("situation", "turn-over", "period")
        ),
    )
    values = {"spans": spans(context)}
    return Page(template="reports.html", view=view, rows=view.reports, values=values)


async def situation(context: PageContext) -> Page | web.Response:
    """Return the situation report: the state of the channel on one page."""
    period = period_of(context)
    return await _shown(
        context,
        "situation",
        period,
        lambda: _gathered(context, period.query, report_requests.situation_of(period.query)),
    )


async def turn_over(context: PageContext) -> Page | web.Response:
    """Return the turn-over note for the next watch of the reader's side."""
    if not context.is_officer:
        raise refused(
            "not-permitted",
            sentence(
                "The turn-over note is for the officers of a side; auditors have the situation "
                "report and the log."
            ),
        )
    period = period_of(context)
    floor = report_requests.floor_of(context.request.app, context.projection, context.side)
    drafts = report_requests.handed_over(context.service, context.projection, context.side)
    gather = report_requests.turn_over_of(period.query, context.side, floor, drafts)
    return await _shown(
        context, "turn-over", period, lambda: _gathered(context, period.query, gather)
    )


async def record_of_the_period(context: PageContext) -> Page | web.Response:
    """Return the report of everything that was said in a period."""
    period = period_of(context)
    return await _shown(
        context,
        "period",
        period,
        lambda: _gathered(context, period.query, report_requests.period_of(period.query)),
    )


async def five_answers(context: PageContext) -> Page | web.Response:
    """Return the auditor's five questions with their answers, as a report."""
    period = period_of(context)
    whole = await transparency_log.checked(context.call)
    gather = report_requests.audit_of(period.query, whole)
    return await _shown(context, "audit", period, lambda: _gathered(context, period.query, gather))


class YearQuery(Struct, frozen=True, kw_only=True):
    """The year of an earlier address."""

    year: Annotated[int, Meta(ge=1000, le=9999)] | None = None


class ReportQuery(Struct, frozen=True, kw_only=True):
    """The form of a report, and the language of its Markdown."""

    as_: Literal["", "markdown"] = field(name="as", default="")
    language: str = ""


async def year(context: PageContext) -> web.Response:
    """Redirect an earlier address: the record of the year serves instead."""
    number = context.asked(YearQuery).year or context.moment.year
    query = {"from": f"1 Jan {number}"}
    if number < context.moment.year:
        query["to"] = f"1 Jan {number + 1}"
    return redirect(context.link("/reports/period", **query))


async def _gathered(
    context: PageContext, period_query: PeriodQuery, gather: report_requests.Gather
) -> Gathered:
    return await report_requests.gathered(context.call, context.projection, period_query, gather)


async def _shown(
    context: PageContext,
    name: str,
    period: Period,
    make: Callable[[], Awaitable[Gathered]],
) -> Page | web.Response:
    """Return a report in the page layout.

    If the period cannot be read, return the form with its errors.
    """
    values = {"name": name, "period_asked": period, "spans": spans(context)}
    faults = period.faults
    if not faults:
        try:
            gathered = await make()
        except Refused as error:
            if error.refusal.kind != "bad-request":
                raise
            faults = (too_much(context, "from"),)
        else:
            if context.asked(ReportQuery).as_ == "markdown":
                return await _markdown(context, gathered)
            laid = await context.in_thread(gathered.paper, context.words.language)
            return Page(
                template="report.html",
                view=gathered.report,
                values={**values, "faults": (), "laid": laid, "report": gathered.report},
                rows=None,
            )
    return Page(
        template="report.html",
        view=NotRead(report=name, faults=faults),
        values={**values, "faults": faults, "laid": None},
        status=400,
    )


async def _markdown(context: PageContext, gathered: Gathered) -> web.Response:
    """Return the report as Markdown in the reader's language.

    The API gives the same text to a client that accepts Markdown.
    """
    language = context.asked(ReportQuery).language or context.words.language
    text: str = await submission.in_thread(context.call, lambda: markdown(gathered.paper(language)))
    headers = {**HEADERS, "Dragoman-Position": str(gathered.report.position)}
    return web.Response(text=text, headers=headers, content_type=report_requests.MARKDOWN)


ROUTES: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/reports", handler=reports),
    PageRoute(path="/reports/situation", handler=situation),
    PageRoute(path="/reports/turn-over", handler=turn_over),
    PageRoute(path="/reports/period", handler=record_of_the_period),
    PageRoute(path="/reports/year", handler=year),
    PageRoute(path="/reports/audit", handler=five_answers),
)
