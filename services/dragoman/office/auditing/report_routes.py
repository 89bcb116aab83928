"""Routes of reports, and of the turn-over of a watch point by point."""

from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from dragoman.api import examples
from dragoman.api.routing import CHANNEL, READ_HEADERS, May, Route
from dragoman.application.http.conditional_requests import (
    headers_of,
    standing,
    wanted_media,
)
from dragoman.application.http.request import JSON, ApiAnswer, ApiReply, ApiRequest, NoBody
from dragoman.application.http.submission import in_thread
from dragoman.application.operations import (
    report_requests,
    transparency_log,
    turn_overs,
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
    matters_handed,
    period_of,
    situation_of,
    turn_over_of,
)
from dragoman.document.markdown import markdown
from dragoman.i18n.words import words
from dragoman.projection.queries.snapshot import PeriodQuery
from dragoman.reports import turn_over_sheet
from dragoman.reports.turn_over_points import point_text
from dragoman_schemas.report_shapes import (
    FiveAnswers,
    PeriodRecord,
    Situation,
    TurnOver,
)
from dragoman_schemas.watch_responses import (
    TurnOverAnswers,
    TurnOverKey,
    TurnOverPointView,
    TurnOverView,
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
        floor_of(call.request.app, projection, side),
        handed_over(service, projection, side),
        matters_handed(call.request.app, projection, side),
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
    """Redirect an earlier address: the record of the year serves instead."""
    channel = call.channel
    now = call.service.as_of(channel) or channel.state.time
    period = call.request.path.removesuffix("year") + "period"
    return web.Response(
        status=308, headers={"Location": f"{period}?{urlencode(call.query.period(now))}"}
    )


_ENGLISH: Final = words("en")
_ALONE: Final = {"Cache-Control": "no-store"}


async def show_turn_over_points(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Return the turn-over of the caller's side, point by point."""
    projection, side = call.channel, call.grant.side
    officer = projection.registry.officers.get(call.grant.actor)
    roles = () if officer is None else officer.roles
    point_list = await turn_overs.list_now(call, projection, side)
    present = await turn_overs.current(call, projection, side)
    stored = None if present is None else present.stored
    return ApiReply(
        body=TurnOverView(
            position=point_list.position,
            time=point_list.time,
            points=tuple(
                TurnOverPointView(
                    key=point.key,
                    kind=point.kind,
                    text=point_text(point, _ENGLISH),
                    exchange=point.exchange,
                    number=point.number,
                    in_log=point.in_log,
                )
                for point in turn_overs.readable(point_list.points, roles)
            ),
            has_sheet=stored is not None,
            committed=present is not None and present.committed,
            signed_position=0 if stored is None else stored.sheet.position,
            signed=()
            if stored is None
            else tuple(_signed(state) for state in turn_overs.states_of(stored, roles)),
        ),
        headers=_ALONE,
    )


def _signed(state: turn_overs.PointState) -> TurnOverPointView:
    return TurnOverPointView(
        key=state.point.key,
        kind=state.point.kind,
        text=point_text(state.point, _ENGLISH),
        exchange=state.point.exchange,
        number=state.point.number,
        in_log=state.point.in_log,
        answer=state.answer,
        reason=state.reason,
    )


async def answer_turn_over_points(call: ApiRequest[NoBody]) -> ApiAnswer:
    """Keep the caller's answers, and return the key with which the watch is taken."""
    answers = await call.decoded(TurnOverAnswers)
    sheet = await turn_overs.keep(call, call.channel, answers)
    signed = {answer.key for answer in sheet.answers}
    return ApiReply(
        body=TurnOverKey(
            key=turn_over_sheet.key_of_sheet(sheet),
            id=turn_over_sheet.id_of_sheet(sheet),
            unsigned=tuple(point.key for point in sheet.points if point.key not in signed),
        ),
        headers=_ALONE,
    )


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
        "The record of a year: leads to the record of the period",
        report_requests.YearQuery,
        {308: None},
        may=May.MEMBER,
    ),
    Route(
        "GET",
        f"{CHANNEL}/watch/turn-over",
        show_turn_over_points,
        "The turn-over of the caller's side, point by point",
        NoBody,
        {200: TurnOverView},
        may=May.MEMBER,
    ),
    Route(
        "PUT",
        f"{CHANNEL}/watch/turn-over",
        answer_turn_over_points,
        "Answer the points of a turn-over before taking the watch",
        NoBody,
        {200: TurnOverKey},
        takes=TurnOverAnswers,
        example=examples.TURN_OVER_ANSWERS,
        may=May.OWN_DUTY,
    ),
)
