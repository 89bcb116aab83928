"""The page *Who knew what when*: a lane for each side, with its marks and gaps.

    /c/{channel}/exchanges/{exchange}/lanes?moment=03:12Z

The moment is any time that a form takes. Without one, the page shows the newest state.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from dragoman.application.operations import exchange_view
from dragoman.console.charts.lanes_chart import LaneGap, LaneMark, SideLane, lanes_chart
from dragoman.console.matter import receipt_rows
from dragoman.console.page.context import PageContext
from dragoman.console.page.periods import moment_query
from dragoman.console.page.rendering import Page, PageRoute, refused
from dragoman.domain.acts.deadlines import timestamp
from dragoman.domain.views import attribution
from dragoman.domain.views import knowledge as views
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.i18n.words import Words, as_moment
from dragoman.members import unread_input
from dragoman.members.input import times
from dragoman.members.input.not_understood import NotUnderstoodInput
from dragoman.office.incidents.knowledge import knowledge
from dragoman.projection.queries.snapshot import PeriodQuery
from dragoman.text import sentence
from dragoman_schemas.knowledge_responses import Knowledge, KnowledgeGap, KnowledgeMark
from dragoman_schemas.state import Exchange, decode_exchange

_EXACT: Final = timedelta(minutes=10)
"""Below this length, the axis has seconds."""

_READ_SECONDS: Final = 2.0
"""The page waits so long for the openings, which are in the broker."""

_TICKS: Final = {
    (True, True): "full",
    (True, False): "minute",
    (False, True): "clock",
    (False, False): "hour",
}
"""The forms of a tick's time: with its day or not, with seconds or not."""


class LanesQuery(Struct, frozen=True, kw_only=True):
    """The moment of which the page says who knew what, as it was typed."""

    moment: str = ""


async def lanes(context: PageContext) -> Page:
    """Return the page of an exchange. Raises `Refused`.

    It shows no text of a message, so whoever looks at it has not opened the exchange.
    """
    view = await exchange_view.viewed(
        context.call,
        context.projection,
        context.request.match_info["exchange"],
        context.past_moment,
        context.newest,
        limit=0,
        opens=False,
    )
    state = decode_exchange(bytes(view.state))
    if attribution.unattributed(state):
        raise refused(
            "not-permitted",
            sentence("Under the Chatham House Rule nobody is shown who knew what when."),
        )
    alarm_marks = [
        KnowledgeMark(
            kind="was_to_ring",
            side=step.side,
            at=step.time,
            message=step.message,
            act=next(item.act for item in state.messages if item.id == step.message),
            of=next(
                item.said.by.partition("/")[0] for item in state.messages if item.id == step.message
            ),
            rung=step.rung,
        )
        for step in await receipt_rows.ladder_of(context, state)
    ]
    numbers = {entry.position: entry.number for entry in view.timeline}
    opened, lacks_openings = await _openings(context, state, numbers)
    knowledge_view = await context.ask(
        knowledge,
        state,
        view.facts,
        [*alarm_marks, *opened],
        numbers,
        moment_query(context) if context.past else PeriodQuery(at=view.position),
        view.as_of,
    )
    typed, fault = context.asked(LanesQuery).moment, ""
    moment = timestamp(context.moment) if context.past else knowledge_view.ends
    if typed:
        try:
            until = as_moment(knowledge_view.ends)
            moment = timestamp(times.read_time(typed, until, context.zone))
        except NotUnderstoodInput as unread:
            fault = unread_input.explanation(context.words, unread)
    shown = replace(
        knowledge_view, moment=moment, known=views.known_at(knowledge_view.marks, moment)
    )
    words = context.words
    steps = sorted({mark.at for mark in knowledge_view.marks})
    return Page(
        template="knowledge.html",
        view=shown,
        rows=shown.marks,
        values={
            "state": state,
            "typed": typed,
            "fault": fault,
            "chart": _chart(context, shown),
            "reads_openings": _reads_openings(context),
            "lacks_openings": lacks_openings,
            "mark_words": lambda mark: mark_words(context, mark),
            "gap_words": lambda gap: gap_words(words, gap, shown.begins),
            "before": next((at for at in reversed(steps) if at < moment), ""),
            "after": next((at for at in steps if at > moment), ""),
            "steps": steps,
            "lines": _lines(shown),
            "open_gaps": [
                gap
                for gap in knowledge_view.gaps
                if gap.begins <= moment and (not gap.ends or moment < gap.ends)
            ],
        },
    )


def _reads_openings(context: PageContext) -> bool:
    """Return whether the reader is an officer or an auditor of a side."""
    return context.side in context.sides and (context.is_officer or "auditor" in context.roles)


async def _openings(
    context: PageContext, state: Exchange, numbers: Mapping[int, str]
) -> tuple[list[KnowledgeMark], bool]:
    """Return the marks of the openings of the reader's own side, up to the moment.

    The second value is true if they cannot be read now.
    """
    if not _reads_openings(context):
        return [], False
    try:
        async with asyncio.timeout(_READ_SECONDS):
            first = await context.service.opened_exchanges.of(
                context.registry.cid, context.side, state.id
            )
    except (LogUnreachable, TimeoutError):
        return [], True
    until = timestamp(context.moment)
    marks = views.openings(state, context.side, first, numbers)
    return [mark for mark in marks if not context.past or mark.at <= until], False


def _lines(view: Knowledge) -> list[tuple[KnowledgeMark | None, KnowledgeGap | None]]:
    """Return the marks and gaps in the order of time, each with None beside it."""
    lines: list[tuple[KnowledgeMark | None, KnowledgeGap | None]] = [
        *((mark, None) for mark in view.marks),
        *((None, gap) for gap in view.gaps),
    ]

    def begins(line: tuple[KnowledgeMark | None, KnowledgeGap | None]) -> str:
        mark, gap = line
        return mark.at if mark is not None else gap.begins if gap is not None else ""

    return sorted(lines, key=begins)


def _chart(context: PageContext, view: Knowledge) -> Any:
    words = context.words
    moment = as_moment(view.moment)
    exact = as_moment(view.ends) - as_moment(view.begins) < _EXACT

    def link(mark: KnowledgeMark) -> str:
        if mark.position:
            return context.link(f"/records/{mark.position}")
        return context.link(f"/exchanges/{view.exchange}")

    return lanes_chart(
        words.say("Who knew what when"),
        as_moment(view.begins),
        as_moment(view.ends),
        [
            SideLane(
                side.upper(),
                [
                    LaneMark(
                        mark.kind,
                        as_moment(mark.at),
                        link(mark),
                        f"{words.written(mark.at, 'clock')}, {mark_words(context, mark)}",
                        mark.at <= view.moment,
                    )
                    for mark in view.marks
                    if mark.side == side
                ],
                [
                    LaneGap(
                        gap.kind,
                        as_moment(gap.begins),
                        min(as_moment(gap.ends or view.ends), as_moment(view.ends)),
                        gap_words(words, gap, view.begins),
                    )
                    for gap in view.gaps
                    if side in gap.sides
                ],
                ""
                if side == context.side and _reads_openings(context)
                else words.say("Only %(side)s sees what it opened.", side=side.upper()),
            )
            for side in view.sides
        ],
        moment,
        lambda at, day: words.written(at, _TICKS[day, exact]),
    )


def mark_words(context: PageContext, mark: KnowledgeMark) -> str:
    """Return a mark in words, without its time."""
    words = context.words
    values = {"side": mark.side.upper(), "message": mark.number or words.act(mark.act)}
    match mark.kind:
        case "sent":
            return words.say("%(side)s sent %(message)s", **values)
        case "delivered":
            return words.say("%(message)s was at the station of %(side)s", **values)
        case "was_to_ring":
            return words.say(
                "%(message)s was to ring for %(side)s: %(rung)s",
                rung=words.value(mark.rung),
                **values,
            )
        case "opened":
            return words.say(
                "%(side)s opened the exchange with record %(n)s as its newest: %(officer)s. This "
                "is kept by this host, not in the log.",
                side=mark.side.upper(),
                n=words.number(mark.position),
                officer=context.titled(mark.by),
            )
        case "acknowledged":
            return words.say("%(side)s acknowledged %(message)s", **values)
        case "passed_on":
            return words.say(
                "%(side)s said that it passed %(message)s on to %(posts)s",
                posts=words.listed(mark.posts),
                **values,
            )
        case _:
            return words.say("%(side)s answered %(message)s", **values)


def gap_words(words: Words, gap: KnowledgeGap, axis_begins: str) -> str:
    """Return a gap in words, with its times.

    The axis shows only a part of a gap that lasts since before it. The words then say
    so, because such a gap did not begin where the axis begins.
    """
    values = {
        "side": words.listed([side.upper() for side in gap.sides]),
        "begins": words.written(gap.begins, "clock"),
    }
    if gap.ends:
        values["ends"] = words.written(gap.ends, "clock")
    match gap.kind, bool(gap.ends), gap.begins <= axis_begins:
        case "watch", False, False:
            return words.say("Nobody has the watch of %(side)s since %(begins)s", **values)
        case "watch", False, True:
            return words.say("Nobody has the watch of %(side)s, since before %(begins)s", **values)
        case "watch", True, False:
            return words.say("Nobody had the watch of %(side)s, %(begins)s to %(ends)s", **values)
        case "watch", True, True:
            return words.say(
                "Nobody had the watch of %(side)s, from before %(begins)s to %(ends)s", **values
            )
        case "line", True, False if len(gap.sides) == 1:
            return words.say(
                "The station of %(side)s had no line to the host, %(begins)s to %(ends)s", **values
            )
        case "line", True, True if len(gap.sides) == 1:
            return words.say(
                "The station of %(side)s had no line to the host, from before %(begins)s to "
                "%(ends)s",
                **values,
            )
        case _, False, False:
            return words.say("The line of %(side)s is down since %(begins)s", **values)
        case _, False, True:
            return words.say("The line of %(side)s is down, since before %(begins)s", **values)
        case "line", True, False:
            return words.say("The line of %(side)s was down, %(begins)s to %(ends)s", **values)
        case "line", True, True:
            return words.say(
                "The line of %(side)s was down, from before %(begins)s to %(ends)s", **values
            )
        case _:
            return words.say("A gateway had no broker, %(begins)s to %(ends)s", **values)


ROUTES: Final = (PageRoute(path="/exchanges/{exchange:[0-9a-f-]{36}}/lanes", handler=lanes),)
