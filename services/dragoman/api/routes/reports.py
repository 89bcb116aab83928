"""Routes of reports."""

from typing import Any, Final

from aiohttp import web

from dragoman.api.routing import CHANNEL, READ_HEADERS, May, Route
from dragoman.application.http.conditional_requests import (
    headers_of,
    standing,
    wanted_media,
)
from dragoman.application.http.request import JSON, ApiAnswer, ApiReply, ApiRequest
from dragoman.application.http.submission import in_thread
from dragoman.application.operations import (
    report_requests,
    transparency_log,
)
from dragoman.application.operations.report_requests import (
    HTML,
    MARKDOWN,
    Gather,
    ReportQuery,
    YearQuery,
    audit_of,
    floor_of,
    gathered,
    handed_over,
    period_of,
    situation_of,
    turn_over_of,
    year_of,
)
from dragoman.projection.queries.snapshot import PeriodQuery
from dragoman.reports.markdown import markdown
from dragoman_schemas.report_shapes import (
    FiveAnswers,
    PeriodRecord,
    Situation,
    TurnOver,
    YearReview,
)


async def _report(call: ApiRequest[Any], period_query: PeriodQuery, gather: Gather) -> ApiAnswer:
    """Return a report in the form that the caller accepts: JSON, a page or Markdown."""
    projection, _ = await standing(call)
    media = wanted_media(call.request, (JSON, HTML, MARKDOWN))
    result = await gathered(call, projection, period_query, gather)
    headers = headers_of(call, projection, result.report.position)
    language = call.query.language or result.report.of.languages[0]
    match media:
        case "text/html":
            page: web.Response = await in_thread(
                call,
                lambda: call.request.app[report_requests.PRINT_PAGE](
                    result.paper(language), headers
                ),
            )
            return page
        case "text/markdown":
            text: str = await in_thread(call, lambda: markdown(result.paper(language)))
            return web.Response(text=text, headers=headers, content_type=MARKDOWN)
        case _:
            return ApiReply(body=result.report, headers=headers)


async def show_situation(call: ApiRequest[ReportQuery]) -> ApiAnswer:
    """Return the situation report."""
    return await _report(call, call.query, situation_of(call.query))


async def show_turn_over(call: ApiRequest[ReportQuery]) -> ApiAnswer:
    """Return the turn-over note of the watch of the caller's side."""
    side = call.grant.side
    service, projection = call.service, call.channel
    gather = turn_over_of(
        call.query,
        side,
        floor_of(service, projection, side),
        handed_over(service, projection, side),
    )
    return await _report(call, call.query, gather)


async def show_period(call: ApiRequest[ReportQuery]) -> ApiAnswer:
    """Return the record of the period."""
    return await _report(call, call.query, period_of(call.query))


async def show_audit(call: ApiRequest[ReportQuery]) -> ApiAnswer:
    """Return the auditor's five answers, on the gateway's own word.

    An auditor's own answers come from `dragoman audit`.
    """
    return await _report(
        call, call.query, audit_of(call.query, await transparency_log.checked(call))
    )


async def show_year(call: ApiRequest[YearQuery]) -> ApiAnswer:
    """Return the review of a year."""
    return await _report(call, *year_of(call, call.channel, call.query, call.query.year))


_REPORT: Final = (JSON, HTML, MARKDOWN)

ROUTES: Final[tuple[Route[Any], ...]] = (
    Route(
        "GET",
        f"{CHANNEL}/reports/situation",
        show_situation,
        "The situation report: since 06:00Z, on one page",
        report_requests.ReportQuery,
        {200: Situation},
        media=_REPORT,
        headers=READ_HEADERS,
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{CHANNEL}/reports/turn-over",
        show_turn_over,
        "The turn-over note of the watch of the caller's side",
        report_requests.ReportQuery,
        {200: TurnOver},
        media=_REPORT,
        headers=READ_HEADERS,
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{CHANNEL}/reports/period",
        show_period,
        "The record of the period: everything that was said",
        report_requests.ReportQuery,
        {200: PeriodRecord},
        media=_REPORT,
        headers=READ_HEADERS,
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{CHANNEL}/reports/audit",
        show_audit,
        "The auditor's five questions, answered on one page",
        report_requests.ReportQuery,
        {200: FiveAnswers},
        media=_REPORT,
        headers=READ_HEADERS,
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{CHANNEL}/reports/year",
        show_year,
        "The pack for the yearly review",
        report_requests.YearQuery,
        {200: YearReview},
        media=_REPORT,
        headers=READ_HEADERS,
        may=May.MEMBER,
    ),
)
