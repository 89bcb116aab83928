"""The points of a turn-over as rows of the one list, each row with one answer.

    Theirs    26/0015  two points: the matter is open, and a duty in it is late
    Also      line     the checks of all lines
    rest      what is due beyond the watch, and what the note has left off

A row is that of the board (`console.matter.matter_list`). Its points are those of its
exchange. The record commits to the answer to each point, and a row gives its answer to
all of them.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct

from dragoman.application.deadline_cache import open_deadlines_of
from dragoman.application.operations import report_requests
from dragoman.console.matter import matter_list, shelving, window_rows
from dragoman.console.matter.matter_list import MatterRow, ShownRow
from dragoman.console.matter.turn import Whose
from dragoman.console.page.context import PageContext
from dragoman.domain.views.open_matters import WATCH
from dragoman.i18n.words import as_moment
from dragoman_schemas.watch_responses import TurnOverPoint

Change = Literal["", "new", "changed"]

REST: Final = "rest"
"""The name of the row of all points that lie beyond the watch."""

_WHOSE: Final[dict[str, Whose]] = {"receipt": "mine", "owed": "mine", "awaited": "theirs"}


class PointRow(Struct, frozen=True, kw_only=True):
    """A point on the page: its text, the officer's answer, and its change since."""

    key: str
    state: str
    kind: str
    text: str
    exchange: str
    number: str
    in_log: bool
    time: str = ""
    answer: str = ""
    reason: str = ""
    change: Change = ""


class AskedRow(Struct, frozen=True, kw_only=True):
    """Points that have one answer.

    `shown` is their row in the list, if they have one.
    """

    name: str
    points: tuple[PointRow, ...]
    shown: ShownRow | None = None

    @property
    def label(self) -> str:
        """Return the id of the element that names the row."""
        return f"what-{self.name if self.shown is None else self.shown.place}"

    @property
    def answer(self) -> str:
        """Return the answer to all points; empty if they have different ones."""
        answers = {point.answer for point in self.points}
        return answers.pop() if len(answers) == 1 else ""

    @property
    def reason(self) -> str:
        """Return the first reason that the officer gave for a point."""
        return next((point.reason for point in self.points if point.reason), "")

    @property
    def change(self) -> Change:
        """Return whether a point is new or changed since the list was shown."""
        changes = {point.change for point in self.points}
        return "new" if "new" in changes else "changed" if "changed" in changes else ""


def point_row(
    point: TurnOverPoint, text: str, *, answer: str = "", reason: str = "", change: Change = ""
) -> PointRow:
    """Return a point with its text and its answer."""
    return PointRow(
        key=point.key,
        state=point.state,
        kind=point.kind,
        text=text,
        exchange=point.exchange,
        number=point.number,
        in_log=point.in_log,
        time=point.time if point.kind in ("owed", "awaited") else "",
        answer=answer,
        reason=reason,
        change=change,
    )


async def asked_rows(
    context: PageContext, points: Iterable[PointRow], *, later: bool
) -> tuple[AskedRow, ...]:
    """Return the rows of a list of points, in the order of the board.

    Unless `later` is true, points that are due beyond the watch are one row, the last.
    """
    open_deadlines = await open_deadlines_of(context.request.app, context.projection)
    matters = open_deadlines.matters()
    floor = report_requests.floor_of(context.request.app, context.projection, context.side)
    shelved = {} if floor is None else shelving.in_force(floor, context.service.now())
    rows = matter_list.rows_of(context, open_deadlines.listed(), matters)
    first, _ = matter_list.first_of(shelving.unshelved(rows, shelved))
    windows = window_rows.displayed(context, (await window_rows.windows_of(context)).windows)
    shown = [
        *matter_list.displayed(context, first, matters),
        *matter_list.watched_windows(context, windows),
    ]
    by_place: dict[str, tuple[ShownRow | None, list[PointRow]]] = {}
    rest: list[PointRow] = []
    for point in points:
        of_point = _row_of(point, shown)
        if point.kind == "left_off" or (not later and _is_beyond(point, of_point, context.moment)):
            rest.append(point)
        else:
            by_place.setdefault(_place(point, of_point), (of_point, []))[1].append(point)
    order = {id(row): place for place, row in enumerate(shown)}
    sorted_rows = sorted(by_place.values(), key=lambda item: order.get(id(item[0]), len(order)))
    answerable = [
        AskedRow(name=str(number), points=tuple(of_row), shown=row)
        for number, (row, of_row) in enumerate(sorted_rows)
    ]
    return (*answerable, *([AskedRow(name=REST, points=tuple(rest))] if rest else []))


def _row_of(point: PointRow, shown: Sequence[ShownRow]) -> ShownRow | None:
    """Return the row of the list that a point is about; None if no row has it."""
    if not point.exchange or point.kind == "shelved":
        return None
    of_exchange = [row for row in shown if row.row.exchange == point.exchange]
    return next(
        (row for row in of_exchange if _fits(point, row.row, row.is_window)),
        next(iter(of_exchange), None),
    )


def _fits(point: PointRow, row: MatterRow, is_window: bool) -> bool:
    if point.kind == "window" or is_window:
        return is_window and point.kind == "window"
    return row.whose == _WHOSE.get(point.kind, row.whose)


def _place(point: PointRow, shown: ShownRow | None) -> str:
    """Return a key that points with one answer share."""
    if shown is not None:
        return shown.place
    return point.exchange or ("line" if point.kind == "line" else point.key)


def _is_beyond(point: PointRow, shown: ShownRow | None, now: datetime) -> bool:
    """Return whether a point is due beyond the watch."""
    if shown is not None:
        return shown.row.beyond
    return bool(point.time) and as_moment(point.time) > now + WATCH


def first_due(points: Iterable[PointRow]) -> str:
    """Return the time at which the first of the points is due; empty if none is."""
    return min((point.time for point in points if point.time), default="")


def groups_of(context: PageContext, rows: Sequence[AskedRow]) -> Iterator[matter_list.MatterGroup]:
    """Yield the groups of the list that have rows."""
    shown = [row.shown for row in rows if row.shown is not None]
    yield from matter_list.groups_of(context, shown, is_linked=False)
