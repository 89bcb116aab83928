"""The board over all channels of a reader: what rings and is owed, then the channels.

It has the same words for every side, as the board of one channel. Exercises are apart:
each has its line, and no row of it stands among those of the live channels.

Every message that waits is counted. A page has at most so many rows as a person reads;
the most urgent come first, and each channel's own board has the rest.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from msgspec import Struct

from dragoman.application.deadline_cache import open_deadlines_in
from dragoman.application.operations import report_requests
from dragoman.console.charts import charts
from dragoman.console.display.deadline_rows import (
    LEVELS,
    DeadlineRow,
    Level,
    deadline_row,
    is_receipt,
    level_of,
    worst,
)
from dragoman.console.matter import shelving
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute, refused
from dragoman.domain.acts.access import full_sides
from dragoman.domain.acts.deadlines import UNTIMED
from dragoman.i18n.words import as_moment
from dragoman.office.alarm import board
from dragoman.office.alarm.open_matter_rows import unlimited
from dragoman.projection.open_deadlines import OpenDeadline, OpenDeadlines
from dragoman.projection.projection import Projection
from dragoman.text import sentence

_WAITING: Final = 40
_LATE: Final = 10
_DUE: Final = 10


class BoardRow(Struct, frozen=True, kw_only=True):
    """One open deadline, with the name of its channel."""

    channel: str
    deadline: DeadlineRow


class SideLine(Struct, frozen=True, kw_only=True):
    """A side in a channel: its watch, and how much it owes.

    `waiting` counts the messages whose receipt it owes, `late` what is past its limit.
    """

    side: str
    manned_since: str = ""
    waiting: int = 0
    owed: int = 0
    late: int = 0


class ChannelLine(Struct, frozen=True, kw_only=True):
    """One channel in a line.

    `live` says whether the end of its log was just seen; `as_of` is the time until
    which it is known. `level` is the worst of its deadlines.
    """

    channel: str
    kind: str
    level: Level
    live: bool
    as_of: str
    position: int
    newest: str
    sides: tuple[SideLine, ...]
    matters: int
    timed: bool
    suspended: bool
    aside: int = 0


class AllChannels(Struct, frozen=True, kw_only=True):
    """The board over all channels.

    `waiting`, `late` and `due` have the rows of live channels, the most urgent first.
    `total` counts all of them.
    """

    as_of: str
    waiting: tuple[BoardRow, ...]
    late: tuple[BoardRow, ...]
    due: tuple[BoardRow, ...]
    total: dict[str, int]
    channels: tuple[ChannelLine, ...]


class _Waiting(Struct):
    """An open deadline in its channel, or a row that has no limit; not yet a row.

    Only those that are shown become rows.
    """

    context: PageContext
    level: Level
    owed_by: str
    begins: datetime
    due: datetime | None
    deadline: OpenDeadline | None
    row: DeadlineRow | None = None

    @property
    def shown(self) -> BoardRow:
        """The row as the page shows it."""
        row = self.row
        if row is None:
            assert self.deadline is not None
            row = deadline_row(self.deadline, self.context.moment)
        return BoardRow(channel=self.context.name, deadline=row)


class _Rows(Struct, kw_only=True):
    """The open deadlines of one channel, by their block."""

    waiting: list[_Waiting]
    late: list[_Waiting]
    due: list[_Waiting]
    aside: int


async def all_channels(context: PageContext) -> Page:
    """Return the board over all channels of the reader."""
    if context.grant.is_operator:
        raise refused("not-permitted", sentence("The operator is in office in no channel."))
    context.over_all = True
    service = context.service
    lines: list[ChannelLine] = []
    waiting: list[_Waiting] = []
    late: list[_Waiting] = []
    due: list[_Waiting] = []
    contexts: dict[str, PageContext] = {}
    channels = await open_deadlines_in(context.request.app, service.visible(context.grant))
    exercises_only = all(channel.registry.kind == "exercise" for channel, _ in channels)
    for projection, owed in channels:
        within = contexts[projection.name] = replace(context, channel=projection)
        rows = _rows(within, owed)
        lines.append(_line(within, owed, rows))
        if exercises_only or projection.registry.kind != "exercise":
            waiting += rows.waiting
            late += rows.late
            due += rows.due
    waiting.sort(key=lambda item: (LEVELS.index(item.level), item.begins, item.context.name))
    late.sort(key=_by_time)
    due.sort(key=_by_time)
    lines.sort(key=lambda line: (line.kind == "exercise", LEVELS.index(line.level), line.channel))
    ours = context.side
    halves = [(True, _of(late, ours, True)), (False, _of(late, ours, False))]
    view = AllChannels(
        as_of=context.words.stamp(service.now()),
        waiting=tuple(item.shown for item in waiting[:_WAITING]),
        late=tuple(item.shown for _, half in halves for item in half[:_LATE]),
        due=tuple(item.shown for item in due[:_DUE]),
        total={"waiting": len(waiting), "late": len(late), "due": len(due)},
        channels=tuple(lines),
    )
    calm = _calm(context, lines, waiting)
    return Page(
        template="all_channels.html",
        view=view,
        rows=[row.deadline for row in (*view.waiting, *view.late, *view.due)],
        values={
            "calm": calm,
            "headline": board.headline(context.words, calm, reader=ours),
            "contexts": contexts,
            "halves": [
                (is_ours, [item.shown for item in half[:_LATE]], len(half))
                for is_ours, half in halves
            ],
            "stale": [line.channel for line in lines if not line.live],
            "clock_bar": charts.clock,
            "said": context.said,
            "reload": context.reloads,
        },
    )


def _by_time(item: _Waiting) -> tuple[datetime, str]:
    assert item.due is not None
    return item.due, item.context.name


def _of(items: Sequence[_Waiting], side: str, ours: bool) -> list[_Waiting]:
    """Return the deadlines of the reader's side, or those of the other sides."""
    return [item for item in items if (item.owed_by == side) == ours]


def _rows(context: PageContext, owed: OpenDeadlines | None) -> _Rows:
    """Return the open deadlines of a channel; none if its file cannot be read now."""
    rows = _Rows(waiting=[], late=[], due=[], aside=0)
    if owed is None:
        return rows
    now, service = context.moment, context.service
    floor = report_requests.floor_of(context.request.app, context.projection, context.side)
    shelved = {} if floor is None else shelving.in_force(floor, service.now())
    for deadline in owed.listed():
        clock = deadline.clock
        level = level_of(deadline, now)
        item = _Waiting(context, level, clock.side, clock.begins, clock.due, deadline)
        key = deadline.exchange, clock.clock, clock.started_by
        is_shelved = level == "caution" and key in shelved
        if is_receipt(deadline):
            rows.aside += is_shelved
            if not is_shelved:
                rows.waiting.append(item)
        elif clock.binding and now > clock.due:
            rows.late.append(item)
        elif not is_shelved:
            rows.due.append(item)
    rows.waiting += [
        _Waiting(context, row.level, row.owed_by, as_moment(row.begins), None, None, row)
        for row in unlimited(context, owed.matters())
    ]
    return rows


def _line(context: PageContext, owed: OpenDeadlines | None, rows: _Rows) -> ChannelLine:
    """Return the line of a channel."""
    projection, registry = context.projection, context.registry
    return ChannelLine(
        channel=projection.name,
        kind=registry.kind,
        level=worst(row.level for row in (*rows.waiting, *rows.late, *rows.due)),
        live=owed is not None and context.service.is_live(projection),
        as_of=context.service.as_of(projection),
        position=projection.state.position,
        newest=projection.state.time,
        sides=tuple(_side(projection, side, rows) for side in context.sides),
        matters=0 if owed is None else len(owed.matters()),
        timed=registry.kind not in UNTIMED,
        suspended=registry.status is not None and registry.status.status == "suspended",
        aside=rows.aside,
    )


def _side(projection: Projection, side: str, rows: _Rows) -> SideLine:
    watch = projection.registry.watches.get(side)

    def count(of: Sequence[_Waiting]) -> int:
        return sum(item.owed_by == side for item in of)

    return SideLine(
        side=side,
        manned_since="" if watch is None else watch.since.time,
        waiting=count(rows.waiting),
        owed=count(rows.due) + count(rows.late),
        late=count(rows.late),
    )


def _calm(
    context: PageContext, lines: Sequence[ChannelLine], waiting: Sequence[_Waiting]
) -> board.Calm:
    """Return the facts of the headline. Exercises count only where nothing else is."""
    live = [line for line in lines if line.kind != "exercise"] or list(lines)
    counts: dict[str, int] = {}
    for item in waiting:
        counts[item.owed_by] = counts.get(item.owed_by, 0) + 1
    unmanned = {
        side
        for line in live
        if line.timed
        for side in full_sides(context.service.channels[line.channel].registry)
        if side not in context.service.channels[line.channel].registry.watches
    }
    return board.Calm(
        live=any(line.live for line in live),
        is_known=all(line.live for line in live),
        waiting=counts,
        aside=sum(line.aside for line in live),
        late=sum(side.late for line in live for side in line.sides),
        matters=sum(line.matters for line in live),
        unmanned=tuple(sorted(unmanned)),
        is_up=True,
        is_writable=context.service.command_handler.read_only_reason is None,
        is_in_force=not any(line.suspended for line in live),
        is_shelved=any(line.aside for line in live),
    )


ROUTES: Final = (PageRoute(path="/board", handler=all_channels, anywhere=True),)
