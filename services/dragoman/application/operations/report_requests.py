"""Reports over HTTP: as JSON, as a page or as Markdown, as the caller accepts it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final, NamedTuple

from aiohttp import web

from dragoman.application.http.conditional_requests import in_view, turn
from dragoman.application.http.request import ApiRequest
from dragoman.application.operations.drafts import name_of
from dragoman.application.service import Service
from dragoman.document.blocks import ReportDocument
from dragoman.domain.record.errors import Malformed
from dragoman.i18n.words import Words, of_tag
from dragoman.limits import REPORT_EXCHANGES
from dragoman.projection.moments import instant
from dragoman.projection.projection import Projection
from dragoman.projection.queries.snapshot import PeriodQuery, Snapshot, snapshot_of
from dragoman.projection.view import View
from dragoman.reports import audit_answers, period_record, situation_report, watch_handover
from dragoman.reports.log_findings import LogFinding
from dragoman.stores.watch_floor import Floor, WatchFloor
from dragoman_schemas.fields import Language, Year
from dragoman_schemas.report_shapes import HandedOver, HandedTo, PutAside, Report

WATCH_FLOOR: Final = web.AppKey("watch_floor", WatchFloor)
HTML: Final = "text/html"
MARKDOWN: Final = "text/markdown"
PRINT_PAGE: Final[web.AppKey[Callable[[ReportDocument, dict[str, str]], web.Response]]] = (
    web.AppKey("print_page")
)
"""The function that writes a report as an HTML page.

The server sets it, because the API does not import the pages.
"""


class ReportQuery(PeriodQuery, frozen=True, kw_only=True):
    """The period of a report, and the language in which it is read.

    The report's own words are in that language if it is English, French or Chinese, and
    in English otherwise. Of texts that a side gave in several languages, that language
    is shown. The default is the first language of the channel.
    """

    language: Language | None = None


class YearQuery(ReportQuery, frozen=True, kw_only=True):
    """The year of an earlier report; by default the present one."""

    year: Year | None = None

    def period(self, now: str) -> dict[str, str]:
        """Return the query of the record of that year. `now` is the time of the log."""
        year = self.year or int(now[:4])
        over = f"{year + 1:04}-01-01T00:00:00Z"
        query = {
            "from": self.from_ or f"{year:04}-01-01T00:00:00Z",
            "to": self.to or (over if not self.at and over <= now else ""),
            "at": str(self.at or ""),
            "language": self.language or "",
        }
        return {name: value for name, value in query.items() if value}


class Gathered(NamedTuple):
    """A report, and the function that lays it out.

    That function takes the service's words, and the language of the sides' texts.
    """

    report: Report
    laid: Callable[[Words, str], ReportDocument]

    def paper(self, language: str) -> ReportDocument:
        """Return the report laid out for readers of a language.

        Its own words are in English if the service does not have that language.
        """
        return self.laid(of_tag(language), language)


Gather = Callable[[Snapshot, bool], Gathered]
"""A function that makes a report from a snapshot.

Its second argument says whether the report is known to include the newest records.
"""


async def gathered(
    call: ApiRequest[Any], projection: Projection, period_query: PeriodQuery, gather: Gather
) -> Gathered:
    """Return a report of the period that a query asks for. Raises `Refused`.

    The API and the pages both use it. A report of the past counts as live.
    """
    service = call.service
    live_or_past = period_query.at > 0 or period_query.to is not None or service.is_live(projection)

    end_seen = service.as_of(projection)

    def made(view: View) -> Gathered:
        return gather(snapshot_of(view, period_query, end_seen), live_or_past)

    async with turn(call.request, projection):
        result, _ = await in_view(call, projection, None, None, made)
    return result


def _begins(period_query: PeriodQuery, default: datetime | None) -> datetime | None:
    return default if period_query.from_ is None else instant("from", period_query.from_)


def situation_of(period_query: PeriodQuery) -> Gather:
    """Return the function that makes the situation report."""

    def gather(snapshot: Snapshot, live: bool) -> Gathered:
        situation = situation_report.situation(
            snapshot,
            snapshot.span(_begins(period_query, situation_report.begins(snapshot.ends))),
            live=live,
        )
        return Gathered(situation, partial(situation_report.paper, situation))

    return gather


def turn_over_of(
    period_query: PeriodQuery,
    side: str,
    floor: Floor | None = None,
    drafts: Sequence[HandedOver] = (),
    handed: Sequence[HandedTo] = (),
) -> Gather:
    """Return the function that makes the turn-over note of a side.

    A note of now includes the drafts that a second officer is to send, and the matters
    that were handed to a colleague. It also has what the watch did to its own alarms.
    """
    is_now = not period_query.at and period_query.to is None

    def gather(snapshot: Snapshot, live: bool) -> Gathered:
        span = snapshot.span(_begins(period_query, watch_handover.begins(snapshot, side)))
        alarm_settings = (
            _alarm_settings(floor, snapshot.ends) if floor is not None and is_now else {}
        )
        turn_over = watch_handover.turn_over(
            snapshot,
            span,
            side,
            live=live,
            drafts=drafts if is_now else (),
            handed=handed if is_now else (),
            **alarm_settings,
        )
        return Gathered(turn_over, partial(watch_handover.paper, turn_over))

    return gather


def floor_of(app: web.Application, projection: Projection, side: str) -> Floor | None:
    """Return the alarm settings of a side's watch since it was taken; None without one.

    They are what the watch has shelved and silenced of its own alarms.
    """
    watch = projection.registry.watches.get(side)
    return (
        None
        if watch is None
        else app[WATCH_FLOOR].floor(projection.registry.cid, side, watch.since.position)
    )


def matters_handed(app: web.Application, projection: Projection, side: str) -> list[HandedTo]:
    """Return the matters that a side's officers have handed to colleagues."""
    return [
        HandedTo(
            exchange=matter.exchange,
            number=matter.number,
            duties=matter.duties,
            to=matter.to,
            by=matter.by,
            at=matter.at,
            reason=matter.reason,
        )
        for matter in app[WATCH_FLOOR].handed(projection.registry.cid, side)
        if not matter.back_by
    ]


def handed_over(service: Service, projection: Projection, side: str) -> list[HandedOver]:
    """Return the drafts of a side that were handed over, oldest first.

    A second officer of the side is to send them.
    """
    handed_over = []
    for draft in service.drafts.handed(projection.registry.cid, side) if side else ():
        try:
            act = name_of(draft.act)
        except Malformed:  # Another version of this service kept the draft.
            continue
        handed_over.append(
            HandedOver(draft=draft.id, act=act, author=draft.author, since=draft.handed)
        )
    return handed_over


def _alarm_settings(floor: Floor, now: datetime) -> dict[str, Any]:
    shelved = [
        PutAside(
            exchange=shelved_alarm.exchange,
            number=shelved_alarm.number,
            clock=shelved_alarm.clock,
            owed_by=shelved_alarm.owed_by,
            reason=shelved_alarm.reason,
            by=shelved_alarm.by,
            until=shelved_alarm.until,
        )
        for shelved_alarm in floor.standing(now)
    ]
    return {"shelved": shelved, "silenced": floor.silenced, "silenced_last": floor.silenced_last}


def period_of(period_query: PeriodQuery) -> Gather:
    """Return the function that makes the record of the period."""

    def gather(snapshot: Snapshot, live: bool) -> Gathered:
        record, flagged = period_record.record_of_the_period(
            snapshot, snapshot.span(_begins(period_query, None)), live=live
        )
        return Gathered(record, partial(period_record.paper, record, flagged))

    return gather


def audit_of(period_query: PeriodQuery, whole: Sequence[LogFinding]) -> Gather:
    """Return the function that makes the audit's five answers.

    `whole` is the first of them.
    """

    def gather(snapshot: Snapshot, live: bool) -> Gathered:
        span = snapshot.span(_begins(period_query, None))
        first = snapshot.first(span)
        snapshot.expect(first, REPORT_EXCHANGES)
        answers = audit_answers.answers(snapshot, span, first, whole, live=live)
        return Gathered(answers.report, partial(audit_answers.paper, answers))

    return gather
