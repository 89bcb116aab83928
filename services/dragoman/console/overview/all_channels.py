"""The board over all channels of a reader: what rings and is owed, then the channels.

It has the same words for every side, as the board of one channel. Exercises are apart:
each has its line, and no row of it stands among those of the live channels.

Every message that waits is counted. A page has at most so many rows as a person reads;
the most urgent come first, and each channel's own board has the rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from msgspec import Struct

from dragoman.application.deadline_cache import open_deadlines_in
from dragoman.application.operations import report_requests
from dragoman.console.charts import charts
from dragoman.console.context import PageContext
from dragoman.console.display.deadline_rows import (
    LEVELS,
    DeadlineRow,
    Level,
    deadline_row,
    is_receipt,
    worst,
)
from dragoman.console.pages import alarm_shelving, board
from dragoman.console.pages.open_matter_rows import unlimited
from dragoman.console.rendering import Page, PageRoute, refused
from dragoman.domain.acts.access import full_sides
from dragoman.domain.acts.deadlines import UNTIMED
from dragoman.projection.open_deadlines import OpenDeadlines
from dragoman.projection.projection import Projection
from dragoman.text import sentence

_WAITING: Final = 60
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


class _Rows(Struct, kw_only=True):
    """The rows of one channel, by their block."""

    waiting: list[DeadlineRow]
    late: list[DeadlineRow]
    due: list[DeadlineRow]
    aside: int


async def all_channels(context: PageContext) -> Page:
    """Return the board over all channels of the reader."""
    if context.grant.is_operator:
        raise refused("not-permitted", sentence("The operator is in office in no channel."))
    context.over_all = True
    service = context.service
    lines: list[ChannelLine] = []
    waiting: list[BoardRow] = []
    late: list[BoardRow] = []
    due: list[BoardRow] = []
    contexts: dict[str, PageContext] = {}
    channels = await open_deadlines_in(context.request.app, service.visible(context.grant))
    for projection, owed in channels:
        within = contexts[projection.name] = replace(context, channel=projection)
        rows = _rows(within, owed)
        lines.append(_line(within, owed, rows))
        if projection.registry.kind != "exercise":
            name = projection.name
            waiting += [BoardRow(channel=name, deadline=row) for row in rows.waiting]
            late += [BoardRow(channel=name, deadline=row) for row in rows.late]
            due += [BoardRow(channel=name, deadline=row) for row in rows.due]
    waiting.sort(key=lambda row: (_place(row.deadline), row.deadline.begins, row.channel))
    late.sort(key=lambda row: (row.deadline.due, row.channel))
    due.sort(key=lambda row: (row.deadline.due, row.channel))
    lines.sort(key=lambda line: (line.kind == "exercise", LEVELS.index(line.level), line.channel))
    ours = context.side
    view = AllChannels(
        as_of=context.words.stamp(service.now()),
        waiting=tuple(waiting[:_WAITING]),
        late=(*_of(late, ours, True)[:_LATE], *_of(late, ours, False)[:_LATE]),
        due=tuple(due[:_DUE]),
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
                (True, _of(late, ours, True)),
                (False, _of(late, ours, False)),
            ],
            "late_rows": _LATE,
            "stale": [line.channel for line in lines if not line.live],
            "clock_bar": charts.clock,
            "said": context.request.query.get("said", ""),
            "reload": "reload" in context.request.query,
        },
    )


def _place(row: DeadlineRow) -> int:
    return LEVELS.index(row.level)


def _of(rows: Sequence[BoardRow], side: str, ours: bool) -> list[BoardRow]:  # one of two halves
    """Return the rows that the reader's side owes, or those of the other sides."""
    return [row for row in rows if (row.deadline.owed_by == side) == ours]


def _rows(context: PageContext, owed: OpenDeadlines | None) -> _Rows:
    """Return the rows of a channel; none if its file cannot be read now."""
    if owed is None:
        return _Rows(waiting=[], late=[], due=[], aside=0)
    now, service = context.moment, context.service
    floor = report_requests.floor_of(service, context.projection, context.side)
    shelved: Mapping[tuple[str, str, str], object] = (
        {} if floor is None else alarm_shelving.in_force(floor, service.now())
    )
    waiting = [
        *(deadline_row(deadline, now) for deadline in owed.listed() if is_receipt(deadline)),
        *unlimited(context, owed.matters()),
    ]
    others = [deadline_row(item, now) for item in owed.listed() if not is_receipt(item)]
    late = [row for row in others if row.late and row.binding]
    due = [row for row in others if not (row.late and row.binding)]
    left_waiting = alarm_shelving.unshelved(waiting, shelved)
    return _Rows(
        waiting=left_waiting,
        late=late,
        due=alarm_shelving.unshelved(due, shelved),
        aside=len(waiting) - len(left_waiting),
    )


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

    def count(of: Sequence[DeadlineRow]) -> int:
        return sum(row.owed_by == side for row in of)

    return SideLine(
        side=side,
        manned_since="" if watch is None else watch.since.time,
        waiting=count(rows.waiting),
        owed=count(rows.due) + count(rows.late),
        late=count(rows.late),
    )


def _calm(
    context: PageContext, lines: Sequence[ChannelLine], waiting: Sequence[BoardRow]
) -> board.Calm:
    """Return the facts of the headline. Exercises do not count."""
    live = [line for line in lines if line.kind != "exercise"] or list(lines)
    counts: dict[str, int] = {}
    for row in waiting:
        counts[row.deadline.owed_by] = counts.get(row.deadline.owed_by, 0) + 1
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
