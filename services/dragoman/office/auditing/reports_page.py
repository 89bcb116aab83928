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
from typing import Annotated, Any, Final, Literal

from aiohttp import web
from msgspec import Meta, Struct, field
from msgspec.structs import replace

from dragoman.application.http import submission
from dragoman.application.operations import report_requests, transparency_log
from dragoman.application.operations.report_requests import Gathered
from dragoman.console.page.context import PageContext
from dragoman.console.page.periods import (
    Period,
    PeriodFault,
    period_fields,
    period_form,
    period_of,
    spans,
    too_much,
)
from dragoman.console.page.rendering import HEADERS, Page, PageRoute, refused
from dragoman.console.page.sessions import redirect
from dragoman.document.blocks import Buttons, Empty, Form, PageDocument, section
from dragoman.document.markdown import markdown
from dragoman.domain.record.errors import Refused
from dragoman.members.runs import PageLink
from dragoman.projection.queries.snapshot import PeriodQuery
from dragoman.text import sentence


class NotRead(Struct, frozen=True, kw_only=True):
    """A period that the page could not read, with its errors."""

    report: str
    faults: tuple[PeriodFault, ...]


class YearPageQuery(Struct, frozen=True, kw_only=True):
    """The year of an earlier address."""

    year: Annotated[int, Meta(ge=1000, le=9999)] | None = None


class ReportPageQuery(Struct, frozen=True, kw_only=True):
    """The form of a report, and the language of its Markdown."""

    as_: Literal["", "markdown"] = field(name="as", default="")
    language: str = ""


async def reports(context: PageContext) -> Page:
    """Return the list of reports."""
    words, say = context.words, context.words.say
    roles = words.listed(words.value(role) for role in context.roles)
    note = section(
        say("Turn-over note"),
        say(
            "What the next watch of your side must know: what came since it was taken, what is "
            "owed, what is awaited."
        ),
        _way(say("Open the turn-over note"), "/reports/turn-over")
        if context.is_officer
        else Empty(say("Officers read it; you are signed in as %(roles)s.", roles=roles)),
    )
    record = Form(
        to="/reports/period",
        gets=True,
        label=say("Record of the period"),
        parts=period_fields(context, Period(from_="", to="", query=PeriodQuery())),
        button=say("Open the record"),
        beside=spans(context, "/reports/period"),
    )
    document = PageDocument(
        title=say("Reports"),
        area="reports",
        lead=say(
            "Each report is made from the log when you ask for it, and is the same for every "
            "reader. A report for the same position is always the same."
        ),
        sections=(
            section(
                say("Situation report"),
                say(
                    "The state of the channel on one page: watch, line, what waits, what is owed, "
                    "what is ahead. It says quiet only where that is known."
                ),
                _way(say("Open the situation report"), "/reports/situation"),
            ),
            note,
            section(
                say("Record of the period"),
                say(
                    "Everything that was said from one time to another, as each side said it, with "
                    "the limits that passed, undertakings, yearly exchanges, open questions and "
                    "statistics."
                ),
                record,
            ),
            section(
                say("Five answers"),
                say(
                    "The first questions of an auditor: is the log whole, who knew what when, what "
                    "was owed and not done, what lies before the watch, who may authorise what."
                ),
                _way(say("Open the audit"), "/audit"),
            ),
            section(
                say("Statistics"),
                say(
                    "How long each side took, how much notice it gave, and when it could not have "
                    "noticed."
                ),
                _way(say("Open the statistics"), "/statistics"),
            ),
            section(
                say("Printed forms and read-aloud cards"),
                say(
                    "Any exchange can be printed as a numbered form, or as a card to be read over "
                    "a bad telephone line. Both end in four check words."
                ),
                _way(say("Choose an exchange"), "/inbox"),
            ),
        ),
    )
    return Page(view=document)


def _way(name: str, path: str) -> Buttons:
    return Buttons((PageLink(name, path, "button"),))


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
    handed = report_requests.matters_handed(context.request.app, context.projection, context.side)
    gather = report_requests.turn_over_of(period.query, context.side, floor, drafts, handed)
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


async def year(context: PageContext) -> web.Response:
    """Redirect an earlier address: the record of the year serves instead."""
    number = context.asked(YearPageQuery).year or context.moment.year
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
    faults = period.faults
    values: dict[str, Any] = {"name": name, "laid": None}
    if not faults:
        try:
            gathered = await make()
        except Refused as error:
            if error.refusal.kind != "bad-request":
                raise
            faults = (too_much(context, "from"),)
        else:
            if context.asked(ReportPageQuery).as_ == "markdown":
                return await _markdown(context, gathered)
            values["laid"] = await context.in_thread(gathered.paper, context.words.language)
    another = period_form(
        context,
        replace(period, faults=faults),
        f"/reports/{name}",
        fold=context.words.say("Another period"),
    )
    view = NotRead(report=name, faults=faults) if faults else gathered.report
    values |= {"faults": faults, "another": another}
    return Page(template="report.html", view=view, values=values, status=400 if faults else 200)


async def _markdown(context: PageContext, gathered: Gathered) -> web.Response:
    """Return the report as Markdown in the reader's language.

    The API gives the same text to a client that accepts Markdown.
    """
    language = context.asked(ReportPageQuery).language or context.words.language
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
