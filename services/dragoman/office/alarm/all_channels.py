"""The board over all channels of a reader: one list, and then the channels.

It has the same words for every side, as the board of one channel. Exercises are apart:
each has its line, and no row of it stands among those of the live channels.

Every message that waits is counted. A page has at most so many rows as a person reads;
the most urgent come first, and each channel's own board has the rest.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.application.deadline_cache import open_deadlines_in
from dragoman.application.operations import report_requests
from dragoman.console.display.deadline_rows import LEVELS, Level, is_receipt, worst
from dragoman.console.matter import matter_list, shelving
from dragoman.console.matter.matter_list import MatterRow
from dragoman.console.matter.turn import Whose
from dragoman.console.page.context import PageContext
from dragoman.console.page.rendering import Page, PageRoute, refused
from dragoman.domain.acts.access import full_sides
from dragoman.domain.acts.deadlines import is_timed
from dragoman.office.alarm import board
from dragoman.projection.open_deadlines import OpenDeadline, OpenDeadlines
from dragoman.text import sentence
from dragoman_schemas.state_responses import OpenMatter


class ChannelRow(Struct, frozen=True, kw_only=True):
    """One row of the list, with the name of its channel."""

    channel: str
    row: MatterRow


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
    ended: bool
    aside: int = 0


class AllChannels(Struct, frozen=True, kw_only=True):
    """The board over all channels: the list of the live ones, and every channel.

    `rows` are those that the page shows, and `total` counts each group.
    """

    as_of: str
    rows: tuple[ChannelRow, ...]
    total: dict[Whose, int]
    channels: tuple[ChannelLine, ...]


class _Listed(Struct, kw_only=True):
    """The rows of one channel, and the number of its receipts that were set aside."""

    context: PageContext
    deadlines: list[OpenDeadline]
    matters: list[OpenMatter]
    rows: list[MatterRow]
    aside: int


async def all_channels(context: PageContext) -> Page:
    """Return the board over all channels of the reader."""
    if context.grant.is_operator:
        raise refused("not-permitted", sentence("The operator is in office in no channel."))
    context.over_all = True
    service = context.service
    channels = await open_deadlines_in(context.request.app, service.visible(context.grant))
    exercises_only = all(channel.registry.kind == "exercise" for channel, _ in channels)
    lines: list[ChannelLine] = []
    counted: list[tuple[_Listed, MatterRow]] = []
    for projection, owed in channels:
        listed = _listed(replace(context, channel=projection), owed)
        lines.append(_line(listed, owed is not None))
        if exercises_only or projection.registry.kind != "exercise":
            counted += ((listed, row) for row in listed.rows)
    counted.sort(key=lambda item: (*item[1].urgency, item[0].context.name))
    lines.sort(key=lambda line: (line.kind == "exercise", LEVELS.index(line.level), line.channel))
    near = [(listed, row) for listed, row in counted if not row.beyond]
    shown: list[matter_list.ShownRow] = []
    for whose in matter_list.WHOSE:
        of_group = [(listed, row) for listed, row in near if row.whose == whose]
        for listed, row in of_group[: matter_list.SHOWN]:
            (displayed,) = matter_list.displayed(
                listed.context,
                [row],
                [item for item in listed.matters if item.exchange == row.exchange],
            )
            shown.append(msgspec.structs.replace(displayed, channel=listed.context.name))
    total = {whose: sum(row.whose == whose for _, row in near) for whose in matter_list.WHOSE}
    view = AllChannels(
        as_of=context.words.stamp(service.now()),
        rows=tuple(ChannelRow(channel=item.channel, row=item.row) for item in shown),
        total=total,
        channels=tuple(lines),
    )
    calm = _calm(context, lines, [row for _, row in counted])
    return Page(
        template="all_channels.html",
        view=view,
        rows=[item.row for item in view.rows],
        values={
            "calm": calm,
            "headline": board.headline(context.words, calm, reader=context.side),
            "contexts": {
                projection.name: replace(context, channel=projection) for projection, _ in channels
            },
            "groups": [
                msgspec.structs.replace(group, count=total[group.whose])
                for group in matter_list.groups_of(context, shown, is_linked=False)
            ],
            "beyond": sum(row.beyond for _, row in counted),
            "stale": [line.channel for line in lines if not line.live],
            "said": context.said,
            "reload": context.reloads,
        },
    )


def _listed(context: PageContext, owed: OpenDeadlines | None) -> _Listed:
    """Return the rows of a channel; none if its file cannot be read now."""
    if owed is None:
        return _Listed(context=context, deadlines=[], matters=[], rows=[], aside=0)
    floor = report_requests.floor_of(context.request.app, context.projection, context.side)
    shelved = {} if floor is None else shelving.in_force(floor, context.service.now())
    deadlines, matters = owed.listed(), owed.matters()
    every = matter_list.rows_of(context, deadlines, matters)
    rows = shelving.unshelved(every, shelved)
    aside = sum(row.waits for row in every) - sum(row.waits for row in rows)
    return _Listed(context=context, deadlines=deadlines, matters=matters, rows=rows, aside=aside)


def _line(listed: _Listed, is_read: bool) -> ChannelLine:
    """Return the line of a channel. `is_read` says that its file can be read now."""
    context = listed.context
    projection, registry = context.projection, context.registry
    return ChannelLine(
        channel=projection.name,
        kind=registry.kind,
        level=worst(row.level for row in listed.rows if row.clock),
        live=is_read and context.service.is_live(projection),
        as_of=context.service.as_of(projection),
        position=projection.state.position,
        newest=projection.state.time,
        sides=tuple(_side(listed, side) for side in context.sides),
        matters=len(listed.matters),
        timed=is_timed(registry),
        suspended=registry.status is not None and registry.status.status == "suspended",
        ended=registry.ended is not None,
        aside=listed.aside,
    )


def _side(listed: _Listed, side: str) -> SideLine:
    watch = listed.context.registry.watches.get(side)
    owed = [
        duty.clock for duty in listed.deadlines if duty.clock.side == side and not is_receipt(duty)
    ]
    return SideLine(
        side=side,
        manned_since="" if watch is None else watch.since.time,
        waiting=board.waiting_of(listed.rows).get(side, 0),
        owed=len(owed),
        late=sum(clock.binding and listed.context.moment > clock.due for clock in owed),
    )


def _calm(
    context: PageContext, lines: Sequence[ChannelLine], rows: Sequence[MatterRow]
) -> board.Calm:
    """Return the facts of the headline. Exercises count only where nothing else is."""
    live = [line for line in lines if line.kind != "exercise"] or list(lines)
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
        waiting=board.waiting_of(rows),
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
