"""The watch board: the first page of a channel.

It shows the list of what is to be done, the line, the watches, the numbers to ring, and
the clocks. The board says *Quiet* only while no matter is open, every side's watch is
manned, and all facts behind it are known.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec
from aiohttp import web
from msgspec import Struct

from dragoman.application.deadline_cache import open_deadlines_of
from dragoman.application.operations import report_requests
from dragoman.console.display.office_clocks import office_of, office_state
from dragoman.console.first_hour import checklists
from dragoman.console.forms import browser_signatures
from dragoman.console.matter import inbox_lines, matter_list, panel, reading, shelving, window_rows
from dragoman.console.matter.matter_list import MatterRow
from dragoman.console.matter.turn import turn_word
from dragoman.console.page import duty_numbers
from dragoman.console.page.alarm_views import HandedDraft
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, refused
from dragoman.console.page.sessions import following, form_of, redirect, said
from dragoman.domain.acts.access import full_sides
from dragoman.domain.acts.act_rules import DUTY
from dragoman.domain.acts.deadlines import is_timed
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.i18n.words import Words, as_moment
from dragoman.office.alarm import reach_warnings, unpassed_messages, wall_display
from dragoman.office.alarm.alarm import handed_in
from dragoman.projection.open_deadlines import OpenDeadline, past_deadlines
from dragoman.projection.queries import duty_watch
from dragoman.stores.watch_floor import ShelvedAlarm
from dragoman.text import sentence
from dragoman_schemas.responses import PointView
from dragoman_schemas.state_responses import OpenMatter
from dragoman_schemas.watch_responses import LineView, SideWatch
from dragoman_schemas.window_responses import InForceWindow


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
    rows: tuple[MatterRow, ...]
    open_matters: tuple[OpenMatter, ...]
    watches: tuple[SideWatch, ...]
    lines: tuple[LineView, ...]
    ring: tuple[PointView, ...]
    drafts: int = 0
    more: bool = False
    shelved: tuple[ShelvedAlarm, ...] = ()
    handed: tuple[HandedDraft, ...] = ()
    windows: tuple[InForceWindow, ...] = ()
    not_passed_on: tuple[unpassed_messages.UnpassedRow, ...] = ()
    reach: tuple[reach_warnings.ReachWarning, ...] = ()


class BoardQuery(Struct, frozen=True, kw_only=True):
    """The form of the board: on a wall, or with what is due beyond the watch."""

    wall: bool = False
    later: bool = False


async def board(context: PageContext) -> Page:
    """Return the board of a channel."""
    owed, matters, lines, more = await _owed(context)
    query = context.asked(BoardQuery)
    timed = is_timed(context.registry)
    floor = report_requests.floor_of(context.request.app, context.projection, context.side)
    shelved = (
        {} if context.past or floor is None else shelving.in_force(floor, context.service.now())
    )
    every = matter_list.rows_of(context, owed, matters)
    rows = shelving.unshelved(every, shelved)
    reading.note_read(context, context.projection)
    offices = tuple(office_of(side, context.projection.office(side)) for side in context.sides)
    windows = (await window_rows.windows_of(context)).windows
    handed = () if context.past else tuple(handed_in(context, context.projection))
    view = Board(
        channel=context.name,
        position=context.position,
        as_of=context.service.as_of(context.projection),
        live=context.past or context.service.is_live(context.projection),
        rows=tuple(rows),
        open_matters=tuple(matters),
        watches=tuple(_watch(context, side) for side in context.sides),
        lines=tuple(lines),
        ring=await _to_ring(context),
        drafts=await _drafts(context, handed),
        handed=handed,
        more=more,
        shelved=tuple(shelved.values()),
        windows=windows,
        not_passed_on=tuple(unpassed_messages.rows_of(context, owed)),
        reach=tuple(reach_warnings.warnings_of(context)),
    )
    calm = Calm(
        live=view.live,
        is_known=view.live and not context.projection.broken and not view.more,
        waiting=waiting_of(rows),
        aside=sum(row.waits for row in every) - sum(row.waits for row in rows),
        late=sum(duty.clock.binding and context.moment > duty.clock.due for duty in owed),
        matters=len(matters),
        unmanned=tuple(
            side
            for side in full_sides(context.registry)
            if timed and side not in context.registry.watches
        ),
        is_up=not timed
        or (lines[0].state == "up" and not lines[0].missed_running and not lines[0].with_errors),
        is_writable=context.past or context.service.command_handler.read_only_reason is None,
        is_in_force=context.registry.status is None
        or context.registry.status.status != "suspended",
        is_shelved=bool(view.shelved),
    )
    ringing = await duty_numbers.ringing(context, context.projection, view.ring)
    near = [row for row in rows if not row.beyond or query.later]
    first, left_out = matter_list.first_of(near)
    list_rows = matter_list.displayed(
        context, near if query.wall else first, matters, await inbox_lines.reading_of(context)
    )
    list_rows += matter_list.watched_windows(context, window_rows.displayed(context, windows))
    beyond = [row for row in rows if row.beyond]
    return Page(
        template="wall.html" if query.wall else "board.html",
        view=view,
        rows=view.rows,
        values={
            "offices": offices,
            "office_state": office_state,
            "panels": await panel.shown_for(context.request.app[panel.BOARD_PANELS], context),
            "to_ring": ringing,
            "headline": headline(
                context.words, calm, reader=context.side if context.is_officer else ""
            ),
            "calm": calm,
            "groups": matter_list.groups_of(context, list_rows, left_out),
            "beyond": beyond,
            "receipts": any(row.waits and row.whose == "mine" for row in rows),
            "later": query.later,
            "timed": timed,
            "next_due": _next(view, context.moment),
            "may_shelve": shelving.may_shelve(context),
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
            "wall": wall_display.wall_of(context, list_rows, ringing) if query.wall else None,
            "first_hour": None if query.wall else await checklists.on_board(context),
            "turn_word": turn_word,
            "reload_s": wall_display.RELOAD_SECONDS,
            "reload": context.reloads,
        },
    )


def waiting_of(rows: Iterable[MatterRow]) -> dict[str, int]:
    """Return the number of messages that wait for each side."""
    counts: dict[str, int] = {}
    for side in (side for row in rows if row.waits for side in row.owed_by):
        counts[side] = counts.get(side, 0) + 1
    return counts


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


def _next(view: Board, now: datetime) -> MatterRow | None:
    """Return the row that is due next; None if nothing lies ahead."""
    ahead = [row for row in view.rows if row.due and as_moment(row.due) > now]
    return min(ahead, key=lambda row: as_moment(row.due), default=None)


async def _to_ring(context: PageContext) -> tuple[PointView, ...]:
    """Return the points of contact in force, those with somebody there first."""
    points_of_contact = await context.ask(duty_watch.points_of_contact)
    in_force = [point for point in points_of_contact.points if point.stage == "in_force"]
    return tuple(
        sorted(in_force, key=lambda point: (point.side == context.side, not point.there_now))[:4]
    )


async def _drafts(context: PageContext, handed: tuple[HandedDraft, ...]) -> int:
    """Return the number of drafts that wait for a colleague of the reader.

    The board names those that wait for the reader, one by one. A draft that its author
    is still writing asks nobody for anything.
    """
    if not context.is_officer or context.past or not context.service.is_live(context.projection):
        return 0
    listed_above = {draft.id for draft in handed}
    try:
        return sum(
            draft.handed != "" and draft.id not in listed_above
            for draft in await context.service.drafts.listed(context.registry.cid, context.side)
        )
    except LogUnreachable:
        return 0


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
