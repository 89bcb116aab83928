"""The audit page: a channel at a moment that the reader chooses.

It has the five answers, the changes, the log, its signatures, and the commands that
export it.
"""

import shlex
from datetime import timedelta
from typing import Final

from msgspec import Struct

from dragoman.application.http import submission
from dragoman.application.http.conditional_requests import turn
from dragoman.application.operations import transparency_log
from dragoman.console.forms import verified_heads
from dragoman.console.forms.verified_heads import SignedHeads
from dragoman.console.page import point_in_time as travelling
from dragoman.console.page.context import PageContext
from dragoman.console.page.periods import moment_query
from dragoman.console.page.point_in_time import Life
from dragoman.console.page.rendering import Page, PageRoute
from dragoman.domain.acts.log_policy import log_of
from dragoman.domain.record.errors import Refused
from dragoman.limits import REPORT_EXCHANGES
from dragoman.office.auditing import audit_log, record_diff, record_page
from dragoman.office.auditing.audit_log import LogRecord
from dragoman.office.auditing.changes import ChangesBetween
from dragoman.projection.queries import timeline
from dragoman.projection.queries.snapshot import Snapshot, snapshot_of
from dragoman.projection.queries.timeline import TimelineFilter
from dragoman.reports.audit_answers import AuditAnswers, answers, paper
from dragoman.reports.log_findings import LogFinding
from dragoman_schemas.report_shapes import FiveAnswers

_LINES: Final = 12
_LISTED: Final = 5
"""The rows of a table of the answers that are shown without being asked for."""

_PERIODS: Final = (0, 365, 90, 30, 7, 1)
"""Periods of the answers in days, longest first; 0 is since the opening.

The page takes the longest period that one report holds.
"""


class Audit(Struct, frozen=True, kw_only=True):
    """A channel as its auditor sees it.

    `answers` is the audit report; None where a single day is more than one report
    holds. `hosts` is the number of acts of sides that rest on the host's word alone,
    among the newest `looked` records.
    """

    channel: str
    cid: str
    position: int
    digest: str
    life: Life
    answers: FiveAnswers | None
    hosts: int
    looked: int
    changed: ChangesBetween | None
    log: tuple[LogRecord, ...]
    signed: SignedHeads


async def audit(context: PageContext) -> Page:
    """Return the audit page."""
    travel = await travelling.travel(context, compare=True)
    five = await _answers(context)
    heads, fault = await verified_heads.signed(context)
    hosts = await context.ask(timeline.on_hosts_word)
    compare = travel.compared
    changed, why = (
        await record_diff.compared(context, submission.whole(compare)) if compare else (None, "")
    )
    lines, _ = await audit_log.page_of(context, TimelineFilter(), context.position, _LINES)
    view = Audit(
        channel=context.name,
        cid=context.registry.cid,
        position=context.position,
        digest=context.digest or context.projection.bytes_at(context.position)[2],
        life=travel.life,
        answers=None if five is None else five.report,
        hosts=hosts[0],
        looked=hosts[1],
        changed=changed,
        log=lines,
        signed=heads,
    )
    log_words = audit_log.LogWords(context)
    values = {
        "travel": travel,
        "log": log_words.brief(lines),
        "log_key": log_words.key,
        "paper": None if five is None else paper(five, context.words, context.words.tag),
        "listed": _LISTED,
        "changes": () if changed is None else record_diff.blocks(context, changed),
        "not_compared": why,
        "newest": record_page.shown(context.projection.bytes_at(context.position)[0]),
        "commands": _commands(context),
        "fault": "" if fault is None else context.words.sentence(fault),
    }
    return Page(template="audit.html", view=view, rows=lines, values=values)


async def _answers(context: PageContext) -> AuditAnswers | None:
    """Return the five answers about the longest period that one report holds.

    None where a day is too long.
    """
    whole = await transparency_log.checked(context.call)
    live = context.past or context.service.is_live(context.projection)
    async with turn(context.request, context.projection):
        end_seen = context.service.as_of(context.projection)
        query = moment_query(context)
        return await context.ask(
            lambda view: _longest(snapshot_of(view, query, end_seen), whole, live)
        )


def _longest(
    snapshot: Snapshot,
    whole: list[LogFinding],
    live: bool,
) -> AuditAnswers | None:
    for days in _PERIODS:
        span = snapshot.span(snapshot.ends - timedelta(days=days) if days else None)
        first = snapshot.first(span)
        try:
            snapshot.expect(first, REPORT_EXCHANGES)
        except Refused:
            continue
        return answers(snapshot, span, first, whole, live=live)
    return None


def _commands(context: PageContext) -> dict[str, str]:
    """Return the commands that export the log, and that verify it without a network."""
    registry = context.projection.registry
    server = (
        f" --server {shlex.quote(context.service.public_url)}" if context.service.public_url else ""
    )
    pins = f"--cid {registry.cid} --log {shlex.quote(str(log_of(registry)))}"
    return {
        "export": f"dragoman audit export --channel {context.name}{server} --to {context.name}.zip",
        "verify": f"dragoman audit verify {context.name}.zip {pins}",
        "mirror": f"dragoman audit mirror {context.name} --channel {context.name}{server} {pins}",
    }


ROUTES: Final[tuple[PageRoute, ...]] = (
    PageRoute(path="/audit", handler=audit),
    *travelling.ROUTES,
    *audit_log.ROUTES,
    *record_page.ROUTES,
    *record_diff.ROUTES,
)
