"""The watch board: the first page of a channel.

It shows messages that wait, open matters, overdue and coming deadlines, the watches,
the numbers to ring, and the records since the watch was taken.

The board says *Quiet* only while no matter is open, every side's watch is manned, and
all facts behind it are known.
"""

import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from aiohttp import web
from markupsafe import Markup, escape
from msgspec import Struct

from dragoman.application.deadline_cache import open_deadlines_of
from dragoman.application.operations import report_requests
from dragoman.console.charts import charts, day_chart
from dragoman.console.display.deadline_rows import DeadlineRow, by_urgency, deadline_row, is_receipt
from dragoman.console.display.log_rows import LogLine, lines_of
from dragoman.console.display.office_clocks import Office, office_of, office_state, place_of
from dragoman.console.first_hour import checklists
from dragoman.console.forms import browser_signatures
from dragoman.console.matter import panel, reading, shelving, window_rows
from dragoman.console.page import duty_numbers
from dragoman.console.page.alarm_views import HandedDraft
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, refused
from dragoman.console.page.sessions import following, form_of, redirect, said
from dragoman.document.html import short_number
from dragoman.domain.acts.access import full_sides
from dragoman.domain.acts.act_rules import DUTY
from dragoman.domain.acts.deadlines import UNTIMED
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.i18n.words import Words, as_moment
from dragoman.office.alarm import reach_warnings, unpassed_messages, wall_display
from dragoman.office.alarm.alarm import handed_in
from dragoman.office.alarm.open_matter_rows import rows, unlimited
from dragoman.projection.open_deadlines import OpenDeadline, past_deadlines
from dragoman.projection.queries import duty_watch
from dragoman.projection.queries import records as reads
from dragoman.stores.watch_floor import ShelvedAlarm
from dragoman.text import sentence
from dragoman_schemas.responses import PointView
from dragoman_schemas.state_responses import OpenMatter
from dragoman_schemas.watch_responses import LineView, SideWatch
from dragoman_schemas.window_responses import InForceWindow

_MATTERS = 40
_OVERDUE = 10
_DUE = 10
_SINCE = 10
_WINDOWS = 12
_RICH = 40
"""Rows in full layout. More rows than a person reads get a short layout, so that the
board stays fast.
"""

_AHEAD = timedelta(hours=24)
_DAY_WINDOWS = 6


class Calm(Struct, frozen=True, kw_only=True):
    """The facts on which a board bases its headline.

    `waiting` counts the messages that wait for each side. `live` says whether the end
    of the log was seen. `is_known` says whether the rest was read too. `aside` counts
    receipts that the watch has shelved.
    """

    live: bool
    is_known: bool
    waiting: dict[str, int]
    aside: int
    late: int
    matters: int
    unmanned: tuple[str, ...]
    is_up: bool
    is_writable: bool
    is_in_force: bool
    is_shelved: bool

    @property
    def is_nothing_waiting(self) -> bool:
        """Return whether it is known that no side owes a receipt."""
        return self.is_known and not self.aside and not any(self.waiting.values())

    @property
    def is_quiet(self) -> bool:
        """Return whether the board may say *Quiet*."""
        return (
            self.is_nothing_waiting
            and not (self.late or self.matters or self.unmanned or self.is_shelved)
            and self.is_up
            and self.is_writable
            and self.is_in_force
        )


def headline(words: Words, calm: Calm, *, reader: str) -> str:
    """Return the headline of a board.

    `reader` is the side for which an officer reads it; empty for other readers.
    """
    if not calm.live:
        return words.say("Not known.")
    if waiting := list(_waiting(words, calm, reader)):
        return words.listed(waiting)
    if not calm.is_known:
        return words.say("Not known.")
    if calm.aside:
        return words.count(
            "%(n)s message is put aside.", "%(n)s messages are put aside.", calm.aside
        )
    if calm.late:
        return words.count("%(n)s thing is late", "%(n)s things are late", calm.late)
    if calm.matters:
        return words.count(
            "Nothing waits. %(n)s matter open.", "Nothing waits. %(n)s matters open.", calm.matters
        )
    return words.say("Quiet.") if calm.is_quiet else words.say("Nothing waits.")


def _waiting(words: Words, calm: Calm, reader: str) -> Iterator[str]:
    """Yield the count of waiting messages for each side, the reader's side first."""
    counts = {
        side: count
        for side, count in sorted(calm.waiting.items(), key=lambda item: item[0] != reader)
        if count
    }
    for place, (side, count) in enumerate(counts.items()):
        if side == reader:
            yield words.count("%(n)s waits for you", "%(n)s wait for you", count)
        elif place:
            yield words.say("%(n)s for %(side)s", n=words.number(count), side=side.upper())
        else:
            yield words.count(
                "%(n)s waits for %(side)s", "%(n)s wait for %(side)s", count, side=side.upper()
            )


class Board(Struct, frozen=True, kw_only=True):
    """A channel as its watch sees it.

    `live` says whether the end of the log was just seen.
    """

    channel: str
    position: int
    as_of: str
    live: bool
    waiting: tuple[DeadlineRow, ...]
    open_matters: tuple[OpenMatter, ...]
    overdue: tuple[DeadlineRow, ...]
    due: tuple[DeadlineRow, ...]
    watches: tuple[SideWatch, ...]
    lines: tuple[LineView, ...]
    since: tuple[LogLine, ...]
    ring: tuple[PointView, ...]
    drafts: int = 0
    one_key: tuple[DeadlineRow, ...] = ()
    more: bool = False
    shelved: tuple[ShelvedAlarm, ...] = ()
    handed: tuple[HandedDraft, ...] = ()
    windows: tuple[InForceWindow, ...] = ()
    not_passed_on: tuple[unpassed_messages.UnpassedRow, ...] = ()
    reach: tuple[reach_warnings.ReachWarning, ...] = ()


class BoardQuery(Struct, frozen=True, kw_only=True):
    """The form of the board: on a wall, or with thin lines."""

    wall: bool = False
    thin: bool = False


async def board(context: PageContext) -> Page:
    """Return the board of a channel."""
    owed, matters, lines, more = await _owed(context)
    now = context.moment
    waiting = [
        *by_urgency(deadline_row(duty, now) for duty in owed if is_receipt(duty)),
        *unlimited(context, matters),
    ]
    open_deadlines = [duty for duty in owed if not is_receipt(duty)]
    late = [
        deadline_row(duty, now)
        for duty in open_deadlines
        if now > duty.clock.due and duty.clock.binding
    ]
    due = [
        deadline_row(duty, now)
        for duty in open_deadlines
        if now <= duty.clock.due or not duty.clock.binding
    ]
    timed = context.registry.kind not in UNTIMED
    floor = report_requests.floor_of(context.request.app, context.projection, context.side)
    shelved = (
        {} if context.past or floor is None else shelving.in_force(floor, context.service.now())
    )
    aside = len(waiting)
    waiting, due = (
        shelving.unshelved(waiting, shelved),
        shelving.unshelved(due, shelved),
    )
    aside -= len(waiting)
    reading.note_read(context, context.projection)
    offices = tuple(office_of(side, context.projection.office(side)) for side in context.sides)
    windows = (await window_rows.windows_of(context)).windows
    view = Board(
        channel=context.name,
        position=context.position,
        as_of=context.service.as_of(context.projection),
        live=context.past or context.service.is_live(context.projection),
        waiting=tuple(waiting),
        open_matters=tuple(matters),
        overdue=tuple(sorted(late, key=lambda item: item.due)),
        due=tuple(due),
        watches=tuple(_watch(context, side) for side in context.sides),
        lines=tuple(lines),
        since=await _since(context),
        ring=await _to_ring(context),
        drafts=await _drafts(context),
        handed=() if context.past else tuple(handed_in(context, context.projection)),
        one_key=tuple(entry for entry in (*late, *due) if entry.clock == "second_key"),
        more=more,
        shelved=tuple(shelved.values()),
        windows=windows,
        not_passed_on=tuple(unpassed_messages.rows_of(context, owed)),
        reach=tuple(reach_warnings.warnings_of(context)),
    )
    unmanned = tuple(
        side
        for side in full_sides(context.registry)
        if timed and side not in context.registry.watches
    )
    calm = Calm(
        live=view.live,
        is_known=view.live and not context.projection.broken and not view.more,
        waiting={
            side: sum(entry.owed_by == side for entry in view.waiting) for side in context.sides
        },
        aside=aside,
        late=len(view.overdue)
        + sum(entry.late and entry.binding for entry in (*view.waiting, *view.due)),
        matters=len(view.open_matters),
        unmanned=unmanned,
        is_up=not timed
        or (lines[0].state == "up" and not lines[0].missed_running and not lines[0].with_errors),
        is_writable=context.past or context.service.command_handler.read_only_reason is None,
        is_in_force=context.registry.status is None
        or context.registry.status.status != "suspended",
        is_shelved=bool(view.shelved),
    )
    ringing = await duty_numbers.ringing(context, context.projection, view.ring)
    matter_rows = rows(context, view.open_matters[:_MATTERS], offices)
    window_display = window_rows.displayed(context, windows[:_WINDOWS])
    query = context.asked(BoardQuery)
    return Page(
        template="wall.html" if query.wall else "board.html",
        view=view,
        rows=[*view.waiting, *view.overdue, *view.due],
        values={
            "offices": offices,
            "office_state": office_state,
            "chart": _day(context, offices, view)
            if timed and any(office.is_known for office in offices)
            else "",
            "panels": await panel.shown_for(context.request.app[panel.BOARD_PANELS], context),
            "to_ring": ringing,
            "headline": headline(
                context.words, calm, reader=context.side if context.is_officer else ""
            ),
            "calm": calm,
            "windows": window_display,
            "windows_table": window_rows.WindowWords(context).table(
                window_display, context.words.say("In force now")
            ),
            "stage_word": window_rows.stage_word,
            "matters": matter_rows,
            "timed": timed,
            "late": {
                side: [row for row in view.overdue if row.owed_by == side] for side in context.sides
            },
            "coming": view.due[:_DUE],
            "next_due": _next(view, context.moment),
            "owed": {side: sum(row.owed_by == side for row in view.due) for side in context.sides},
            "first": view.waiting[:_RICH],
            "further": plain_rows(context, view.waiting[_RICH:]),
            "overdue_rows": _OVERDUE,
            "may_shelve": shelving.may_shelve(context),
            "shelf_hours": shelving.HOURS,
            "held": context.registry.watches.get(context.side),
            "may_watch": context.may_post and timed and not DUTY.isdisjoint(context.roles),
            "relief": [
                name.partition("/")[2]
                for name, officer in context.registry.officers.items()
                if name.startswith(f"{context.side}/")
                and officer.until is None
                and not DUTY.isdisjoint(officer.roles)
            ],
            "said": context.said,
            "thin": query.thin,
            "wall": wall_display.wall_of(
                context,
                view.waiting,
                view.overdue,
                window_display,
                matter_rows,
                ringing,
                len(windows[_WINDOWS:]) + len(view.open_matters[_MATTERS:]),
            )
            if query.wall
            else None,
            "first_hour": None if query.wall else await checklists.on_board(context),
            "reload_s": wall_display.RELOAD_SECONDS,
            "reload": context.reloads,
            "clock_bar": charts.clock,
        },
    )


async def _owed(
    context: PageContext,
) -> tuple[list[OpenDeadline], list[OpenMatter], list[LineView], bool]:
    """Return the open deadlines, the open matters, and the state of the lines.

    The last value says whether there was more than the query read.
    """
    if context.past:
        past = await context.ask(past_deadlines)
        return past.duties, past.matters, past.lines, past.more
    open_deadlines = await open_deadlines_of(context.request.app, context.projection)
    return open_deadlines.listed(), open_deadlines.matters(), open_deadlines.lines(), False


def message_of(words: Words, row: DeadlineRow) -> str:
    """Return the name of the message that started a deadline, and its side."""
    return words.say(
        "%(act)s from %(side)s",
        act=words.act(row.message_act),
        side=row.by.partition("/")[0].upper(),
    )


def plain_rows(context: PageContext, strips: Sequence[DeadlineRow]) -> Markup:
    """Return the short rows of waiting messages after the first ones.

    They have the same columns, with the message and its button.
    """
    words, side = context.words, context.side if context.may_post else ""
    waiting, receipt, again = (
        escape(words.say("waiting")),
        escape(words.say("Acknowledge receipt")),
        escape(context.again()),
    )
    clocks = {clock: escape(words.clock(clock)) for clock in {entry.clock for entry in strips}}
    levels = {
        precedence: escape(words.value(precedence).upper())
        for precedence in {entry.precedence for entry in strips}
    }
    signs = ' data-signs="acknowledgement"' if context.registry.required_signatures else ""
    lines: list[str] = []
    for row in strips:
        tag, text = context.subject(row)
        lang = f' lang="{escape(tag)}"' if tag else ""
        subject = f'<span class="said break" dir="auto"{lang}>{escape(text)}</span>'
        if row.message_act != row.act:
            subject = f"<b>{escape(message_of(words, row))}</b><small>{subject}</small>"
        button = (
            f'<form method="post" action="/c/{context.name}/acknowledge" data-receipt>'
            f'<input type="hidden" name="exchange" value="{row.exchange}">'
            f'<input type="hidden" name="of" value="{row.started_by}">'
            f'<input type="hidden" name="next" value="{again}">'
            f'<input type="hidden" name="key" value="{secrets.token_hex(16)}">'
            f'<button{signs}>{receipt}<span class="hide"> {escape(row.number)}</span>'
            f"</button></form>"
            if row.owed_by == side and row.clock == "acknowledgement"
            else ""
        )
        lines.append(
            f'<tr data-state="{row.level}" data-exchange="{row.exchange}" data-row>'
            f'<td class="due"><span class="mark"><svg class="i" aria-hidden="true">'
            f'<use href="#i-{row.level}"/></svg> <b>{words.span(row.waited_s)}</b></span>'
            f"<small>{waiting}</small></td>"
            f'<td><span class="side">{row.owed_by.upper()}</span></td>'
            f"<td>{levels[row.precedence]} {clocks[row.clock]}</td>"
            f'<td>{subject}<small><a href="{escape(context.link(f"/exchanges/{row.exchange}"))}">'
            f"{short_number(row.number)}</a></small></td><td>{button}</td></tr>"
        )
    return Markup("\n").join(map(Markup, lines))


def _watch(context: PageContext, side: str) -> SideWatch:
    watch = context.registry.watches.get(side)
    if watch is None:
        return SideWatch(side=side)
    return SideWatch(
        side=side,
        manned_since=watch.since.time,
        officer=watch.since.by if side == context.side else "",
        note=watch.note,
    )


async def _since(context: PageContext) -> tuple[LogLine, ...]:
    """Return the newest records by officers and the watch, ten at most.

    They are from the time since the reader's side took the watch.
    """
    watch = context.registry.watches.get(context.side)
    first = max(watch.since.position if watch is not None else 1, context.position - 60, 1)
    records = await context.ask(reads.records, first, context.position - first + 1)
    return tuple(
        line for line in lines_of(records) if line.act not in ("delivery", "line-check", "echo")
    )[:_SINCE]


def _next(view: Board, now: datetime) -> DeadlineRow | None:
    """Return the open deadline that is due next, receipts included.

    Return None if no deadline lies ahead.
    """
    ahead = [item for item in (*view.waiting, *view.due) if item.due and as_moment(item.due) > now]
    return min(ahead, key=lambda item: as_moment(item.due), default=None)


async def _to_ring(context: PageContext) -> tuple[PointView, ...]:
    """Return the points of contact in force, those with somebody there first."""
    points_of_contact = await context.ask(duty_watch.points_of_contact)
    in_force = [point for point in points_of_contact.points if point.stage == "in_force"]
    return tuple(
        sorted(in_force, key=lambda point: (point.side == context.side, not point.there_now))[:4]
    )


async def _drafts(context: PageContext) -> int:
    """Return the number of the side's drafts that were handed to a colleague.

    A draft that its author is still writing asks nobody for anything.
    """
    if not context.is_officer or context.past or not context.service.is_live(context.projection):
        return 0
    try:
        return sum(
            draft.handed != ""
            for draft in await context.service.drafts.listed(context.registry.cid, context.side)
        )
    except LogUnreachable:
        return 0


def _day(context: PageContext, offices: tuple[Office, ...], view: Board) -> Any:
    """Return the chart of the day ahead, from midnight to midnight UTC."""
    words, now = context.words, context.moment
    begins = now.replace(hour=0, minute=0, second=0, microsecond=0)
    ends = begins + _AHEAD
    lanes = [
        day_chart.Lane(place_of(office, words), bands=tuple(_bands(office, begins, ends, words)))
        for office in offices
        if office.is_known
    ]
    soon = [item for item in view.due if datetime.fromisoformat(item.due) < ends][:_DUE]
    marks = tuple(
        day_chart.DueMark(
            datetime.fromisoformat(item.due),
            words.say(
                "%(t)s %(what)s, %(side)s",
                t=item.due[11:16],
                what=words.clock(item.clock),
                side=item.owed_by.upper(),
            ),
        )
        for item in soon
    )
    described = words.listed(mark.label for mark in marks)
    return day_chart.day_ahead(
        "day",
        words.say("The day ahead, from midnight to midnight UTC"),
        words.say(
            "Due: %(what)s. The list below says the same.", what=described or words.say("nothing")
        ),
        begins,
        now,
        [
            *lanes,
            *_in_force(words, view.windows, begins, ends),
            day_chart.Lane(words.say("Due"), marks=marks),
        ],
        day_chart.DayLabels(
            "UTC",
            words.say("then %(t)s", t=f"{now:%H:%M}")
            if context.past
            else words.say("now %(t)s", t=f"{now:%H:%M}"),
        ),
    )


def _in_force(
    words: Words, windows: Sequence[InForceWindow], begins: datetime, ends: datetime
) -> Iterator[day_chart.Lane]:
    """Yield the lane of the windows of a day; none for a day without windows."""
    spans = [
        day_chart.ForceSpan(
            as_moment(row.opens),
            ends if row.until_further_notice else as_moment(row.closes) if row.closes else None,
            words.say(
                "%(what)s: %(detail)s",
                what=row.side.upper(),
                detail=words.act(row.act),
            ),
        )
        for row in windows
        if as_moment(row.opens) < ends
        and (row.until_further_notice or as_moment(row.closes or row.opens) >= begins)
    ]
    if spans:
        yield day_chart.Lane(words.say("In force"), spans=spans[:_DAY_WINDOWS])


def _bands(office: Office, begins: datetime, ends: datetime, words: Words) -> Iterator[Any]:
    for opens, closes in office.bands(begins, ends):
        label = (
            words.say("office hours %(a)s–%(b)s", a=office.opens, b=office.closes)
            if office.opens
            else words.say("at all hours")
        )
        yield day_chart.Band(opens, closes, label)


# The hand-over of the watch


async def take_watch(context: PageContext) -> web.StreamResponse:
    """Take the side's watch, hand it over, or end it."""
    form = await form_of(context.request)
    match said(form, "do"):
        case "take":
            act: dict[str, Any] = {"act": "watch-assumption"}
        case "relieve":
            act = {"act": "watch-relief"}
            if said(form, "to"):
                act["to"] = said(form, "to")
            if said(form, "note"):
                act["note"] = said(form, "note")
        case _:
            raise refused(
                "bad-request",
                sentence(
                    "This is not an action on a watch. Open the board again, and take, hand over "
                    "or end the watch there."
                ),
            )
    reply = await browser_signatures.record(
        context, msgspec.json.encode(act), family="channel", key=said(form, "key")
    )
    assert isinstance(reply.headers, dict)
    position = reply.headers["Dragoman-Position"]
    return redirect(
        f"{following(said(form, 'next') or context.link())}"
        f"?said={said(form, 'do')}&after={position}"
    )
