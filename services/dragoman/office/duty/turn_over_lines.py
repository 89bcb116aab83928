"""The lines on the board about the turn-over: points unsigned or not clear."""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from dragoman.application.operations import turn_overs
from dragoman.application.operations.turn_overs import PointState
from dragoman.console.matter.panel import Panel, ShownPanel
from dragoman.console.page.context import PageContext
from dragoman.domain.acts.deadlines import is_timed
from dragoman.reports.turn_over_points import point_text


class UnclearRow(Struct, frozen=True, kw_only=True):
    """Points of a matter that are not clear for one reason: their texts and keys."""

    first: PointState
    keys: tuple[str, ...]
    texts: tuple[str, ...]


class TurnOverLines(Struct, frozen=True, kw_only=True):
    """The turn-over of the reader's side, as the board shows it.

    `unclear` are the points that are not clear, explained or not. `is_own` says that
    the reader has the watch.
    """

    has_sheet: bool
    total: int
    unsigned: int
    unclear: tuple[UnclearRow, ...]
    is_own: bool


def may_read(context: PageContext) -> bool:
    """Return whether the board shows the turn-over: now, to those who take watches."""
    return (
        not context.past
        and is_timed(context.registry)
        and turn_overs.may_sign(context.projection, context.grant.actor)
    )


async def lines_of(context: PageContext) -> TurnOverLines | None:
    """Return the lines of the board; None if there is nothing to say."""
    if not may_read(context):
        return None
    current = await turn_overs.current(context.call, context.projection, context.side)
    if current is None:
        return None
    stored = current.stored
    states = [] if stored is None else turn_overs.states_of(stored, context.roles)
    unclear = [state for state in states if state.answer in ("not_clear", "explained")]
    return TurnOverLines(
        has_sheet=stored is not None,
        total=len(states),
        unsigned=sum(not state.answer for state in states),
        unclear=tuple(_unclear(context, unclear)),
        is_own=context.projection.registry.watches[context.side].since.by == context.grant.actor,
    )


def _unclear(context: PageContext, states: Iterable[PointState]) -> Iterator[UnclearRow]:
    """Yield a row for the points of an exchange that have one answer and one reason."""
    rows: dict[tuple[str, ...], list[PointState]] = {}
    for state in states:
        place = state.point.exchange or state.point.key
        key = place, state.answer, state.reason, state.explanation, state.by, state.at
        rows.setdefault(key, []).append(state)
    for row in rows.values():
        yield UnclearRow(
            first=row[0],
            keys=tuple(state.point.key for state in row),
            texts=tuple(point_text(state.point, context.words) for state in row),
        )


async def shown(context: PageContext) -> ShownPanel | None:
    """Return the lines as a panel of the board."""
    lines = await lines_of(context)
    return None if lines is None else ShownPanel(template="turn_over_lines.html", value=lines)


BOARD_PANELS: Final = (Panel(place="watch", of=shown),)
