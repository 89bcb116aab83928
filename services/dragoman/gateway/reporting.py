"""Reports over HTTP: each as its shape, a page or Markdown, as the caller accepts it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NamedTuple

from aiohttp import web

from dragoman.gateway import proofs
from dragoman.gateway.answering import TURN, headers_of, standing, wanted_media
from dragoman.gateway.console import papers
from dragoman.gateway.posting import grant_of, in_thread, projection_of, service_of
from dragoman.gateway.typed import JSON, Answered, Call, Reply
from dragoman.limits import REPORT_EXCHANGES
from dragoman.projection.moment import Asked, Moment, instant, moment
from dragoman.reports import answers, period, situation, turn_over
from dragoman.reports import year as year_review
from dragoman.reports.markdown import markdown
from dragoman.reports.paper import Paper
from dragoman_schemas.fields import Language, Year
from dragoman_schemas.reports import Report

HTML: Final = "text/html"
MARKDOWN: Final = "text/markdown"


class ReportQuery(Asked, frozen=True, kw_only=True):
    """Which period, and in which language the sides' texts are read where they are given in several."""

    language: Language | None = None


class YearQuery(ReportQuery, frozen=True, kw_only=True):
    """Which year; by default this one."""

    year: Year | None = None


class Gathered(NamedTuple):
    """A report, and how it is laid out in a language."""

    report: Report
    paper: Callable[[str], Paper]


async def _report(call: Call[Any], asked: Asked, gather: Callable[[Moment, bool], Gathered]) -> Answered:
    """A report in the form that is asked for: its shape, a page, or Markdown. What is asked for of the past is no less live."""
    projection, _ = await standing(call)
    service = service_of(call)
    media = wanted_media(call.request, (JSON, HTML, MARKDOWN))
    live_or_past = asked.at > 0 or asked.to is not None or service.is_live(projection)

    def gathered() -> Gathered:
        with moment(service.store, projection.name, asked, service.as_of(projection)) as then:
            return gather(then, live_or_past)

    async with call.request.app[TURN]:
        found: Gathered = await in_thread(call, gathered)
    headers = headers_of(call, projection, found.report.position)
    language = call.query.language or found.report.of.languages[0]
    match media:
        case "text/html":
            page: web.Response = await in_thread(call, lambda: papers.page(found.paper(language), headers))
            return page
        case "text/markdown":
            text: str = await in_thread(call, lambda: markdown(found.paper(language)))
            return web.Response(text=text, headers=headers, content_type=MARKDOWN)
        case _:
            return Reply(body=found.report, headers=headers)


def _begins(query: Asked, default: datetime | None) -> datetime | None:
    return default if query.from_ is None else instant("from", query.from_)


async def show_situation(call: Call[ReportQuery]) -> Answered:
    def gather(then: Moment, live: bool) -> Gathered:  # noqa: FBT001
        found = situation.situation(then, then.span(_begins(call.query, situation.begins(then.ends))), live=live)
        return Gathered(found, lambda language: situation.paper(found, language))

    return await _report(call, call.query, gather)


async def show_turn_over(call: Call[ReportQuery]) -> Answered:
    side = grant_of(call.request).side

    def gather(then: Moment, live: bool) -> Gathered:  # noqa: FBT001
        found = turn_over.turn_over(then, then.span(_begins(call.query, turn_over.begins(then, side))), side, live=live)
        return Gathered(found, lambda language: turn_over.paper(found, language))

    return await _report(call, call.query, gather)


async def show_period(call: Call[ReportQuery]) -> Answered:
    def gather(then: Moment, live: bool) -> Gathered:  # noqa: FBT001
        found = period.record_of_the_period(then, then.span(_begins(call.query, None)), live=live)
        return Gathered(found, lambda language: period.paper(found, language))

    return await _report(call, call.query, gather)


async def show_audit(call: Call[ReportQuery]) -> Answered:
    """The five answers. What was checked is the gateway's word here: an auditor's own is `dragoman audit`."""
    whole = await proofs.checked(call)

    def gather(then: Moment, live: bool) -> Gathered:  # noqa: FBT001
        span = then.span(_begins(call.query, None))
        first = then.first(span)
        then.expect(first, REPORT_EXCHANGES)
        found = answers.answers(then, span, first, whole, live=live)
        return Gathered(found, lambda language: answers.paper(found, language))

    return await _report(call, call.query, gather)


async def show_year(call: Call[YearQuery]) -> Answered:
    """The review of a year: all of it once it is over, else as far as it has come."""
    projection, query = projection_of(call), call.query
    now = service_of(call).as_of(projection) or projection.state.time
    year = query.year or int(now[:4])
    over = f"{year + 1:04}-01-01T00:00:00.000Z"
    asked = Asked(at=query.at, from_=query.from_, to=query.to or (over if not query.at and over <= now else None))

    def gather(then: Moment, live: bool) -> Gathered:  # noqa: FBT001
        found = year_review.year_review(then, then.span(_begins(query, year_review.begins(year))), year, live=live)
        return Gathered(found, lambda language: year_review.paper(found, language))

    return await _report(call, asked, gather)
