"""The roadmap as a chart: items and their statuses on a line of years."""

import math
from calendar import isleap
from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

from markupsafe import Markup

from dragoman.console.charts import svg as plot
from dragoman.console.charts.svg import (
    PITCH,
    WIDE,
    StackedRows,
    TextStretch,
)


class RoadmapStepMark(NamedTuple):
    """A status of an item of the roadmap, and its day, past or future."""

    on: date
    status: str
    label: str = ""


class RoadmapItemMark(NamedTuple):
    """An item of the roadmap: its text, its statuses, its aim and its period.

    `going` is true where it goes on. The steps of an item that is not `joined` are
    matters of their own, such as meetings, and no line leads through them.
    """

    text: str
    steps: Sequence[RoadmapStepMark]
    going: bool = False
    aim: str = ""
    joined: bool = True
    period: tuple[date, date] | None = None


class AreaLane(NamedTuple):
    """An area of the roadmap, with its items."""

    name: str
    items: Sequence[RoadmapItemMark]


_STATUS_SHAPES: Final = {
    "proposed": "open circle",
    "refused": "open triangle",
    "agreed": "circle",
    "scheduled": "open diamond",
    "held": "diamond",
    "deliverable_tabled": "open square",
    "adopted": "square",
    "deferred": "bars",
    "dropped": "cross",
}
"""The shape of the mark of each status."""


_ROAD_LEFT, _ROAD_RIGHT, _ROAD_EDGE = 312.0, 1348.0, 1358.0


class _Road(NamedTuple):
    """The years of a roadmap as a scale."""

    first: int
    years: int
    today: float | None

    def x(self, day: date) -> float:
        """Return the x of a day; a day outside the years is at their end."""
        passed = (
            day.year
            - self.first
            + (day.timetuple().tm_yday - 1) / (366 if isleap(day.year) else 365)
        )
        return _ROAD_LEFT + min(max(passed / self.years, 0.0), 1.0) * (_ROAD_RIGHT - _ROAD_LEFT)


def roadmap(
    name: str,
    title: str,
    desc: str,
    first_year: int,
    last_year: int,
    today: date,
    areas: Sequence[AreaLane],
    today_label: str,
) -> Markup:
    """Return a chart of the roadmap, area by area.

    Each item has its statuses on a line of years, dashed while it goes on.
    """
    years = max(last_year - first_year + 1, 1)
    road = _Road(first_year, years, None)
    if first_year <= today.year < first_year + years:
        road = road._replace(today=road.x(today))
    under: list[Markup] = []
    over: list[Markup] = []
    top = 24.0
    for number, area in enumerate(areas):
        if number:
            under.append(plot.path("hair", plot.level(0, top, WIDE)))
        rows = [(line, "bold") for line in plot.wrapped(area.name)]
        for item in area.items or [RoadmapItemMark("", ())]:
            lines = [*rows, *((line, "dim") for line in plot.wrapped(item.text))]
            for row, (line, kind) in enumerate(lines):
                over.append(plot.text(0, top + 22 + PITCH * row, line, kind))
            shapes, labels, high = _item_parts(item, top, road)
            under += shapes
            over += labels
            top += max(high, 22 + PITCH * (len(lines) - 1) + 12)
            rows = []
    grid, header = _years(road, top, today_label)
    heavy = (
        [] if road.today is None else [plot.path("heavy", plot.upright(road.today, 22, top - 2))]
    )
    return plot.image(
        "chart", name, title, WIDE, top, [*grid, *under, *heavy, *header, *over], desc
    )


def _years(road: _Road, bottom: float, today_label: str) -> tuple[list[Markup], list[Markup]]:
    """Return the lines of the years, and their numbers and today above them.

    A number without room is left out.
    """
    pitch = (_ROAD_RIGHT - _ROAD_LEFT) / road.years
    wide = 4 * plot.LATIN
    every = math.ceil((wide + 14) / pitch)
    places = [
        (road.first + number, plot.after(_ROAD_LEFT + pitch * number, 5, wide))
        for number in range(0, road.years, every)
    ]
    places = [(year, place) for year, place in places if place.x_max <= WIDE]
    labels = []
    if road.today is not None:
        length = plot.width(today_label, bold=True)
        options = plot.fitting(
            [plot.before(road.today, 6, length), plot.after(road.today, 6, length)],
            _ROAD_LEFT,
            WIDE,
        )
        place_of_today = next(
            (option for option in options if not any(option.meets(place) for _, place in places)),
            options[0],
        )
        places = [(year, place) for year, place in places if not place.meets(place_of_today)]
        labels.append(plot.text(place_of_today.x, 14, today_label, "bold", place_of_today.anchor))
    labels += [plot.text(place.x, 14, str(year), "dim") for year, place in places]
    lines = [_ROAD_LEFT + pitch * number for number in range(0, road.years, every)]
    return [plot.path("hair", plot.upright(x, 22, max(bottom - 2, 24.0))) for x in lines], labels


def _item_parts(
    item: RoadmapItemMark, top: float, road: _Road
) -> tuple[list[Markup], list[Markup], float]:
    """Return an item's line and marks, their labels, and the height that they take.

    Labels are above and below the line. The newest status is bold and chooses its place
    first.
    """
    steps = sorted(item.steps, key=lambda step: step.on)
    stacked_rows = StackedRows(stride=2)  # even rows lie above the line, odd ones below
    avoid = [] if road.today is None else [TextStretch(road.today, road.today)]
    placed: list[tuple[int, TextStretch, list[str], str]] = []
    for number, step in [*list(enumerate(steps))[-1:], *list(enumerate(steps))[:-1]]:
        if lines := plot.wrapped(step.label):
            kind = "bold" if number == len(steps) - 1 and item.joined else ""
            x, wide = road.x(step.on), plot.widest(lines, bold=bool(kind))
            options = plot.fitting(
                [*plot.around(x, wide), *_beside(road.today, x, wide)], _ROAD_LEFT, _ROAD_EDGE
            )
            row, place = stacked_rows.settle(options, deep=len(lines), avoid=avoid)
            placed.append((row, place, lines, kind))
    if aim := plot.wrapped(item.aim, 80):
        x, wide = road.x(steps[0].on) if steps else _ROAD_LEFT + 5, plot.widest(aim)
        options = plot.fitting(
            [plot.after(x, 0, wide), *_beside(road.today, x, wide)], _ROAD_LEFT, _ROAD_EDGE
        )
        row, place = stacked_rows.settle(
            options, deep=len(aim), avoid=avoid, rows=range(1, len(stacked_rows) + 3, 2)
        )
        placed.append((row, place, aim, "dim"))
    above, below = max((len(stacked_rows) + 1) // 2, 1), max(len(stacked_rows) // 2, 1)
    y = top + 34 + PITCH * (above - 1)
    labels = []
    for row, place, lines, kind in placed:
        upmost = (
            y + 23 + PITCH * (row // 2) if row % 2 else y - 14 - PITCH * (row // 2 + len(lines) - 1)
        )
        labels += plot.texts(place.x, upmost, lines, kind, place.anchor)
    shapes = [
        plot.shape(_STATUS_SHAPES.get(step.status, "open circle"), road.x(step.on), y)
        for step in steps
    ]
    return (
        [*_period_box(item, y, road), *_status_line(item, steps, y, road), *shapes],
        labels,
        y - top + 23 + PITCH * (below - 1) + 11,
    )


def _period_box(item: RoadmapItemMark, y: float, road: _Road) -> list[Markup]:
    """Return the period of an item as a box around its line.

    The box is wide enough to be seen where the years are many.
    """
    if item.period is None:
        return []
    start, right = (road.x(day) for day in item.period)
    wide = max(right - start, 6.0)
    frame = f"M{plot.num(start)} {plot.num(y - 8)}h{plot.num(wide)}v16h{plot.num(-wide)}Z"
    return [plot.rect("band", start, y - 8, wide, 16), plot.path("line", frame)]


def _beside(today: float | None, x: float, wide: float) -> list[TextStretch]:
    """Return the places of a text that the line of today does not cross.

    Empty where neither the mark nor the text would be on that line.
    """
    if today is None or abs(today - x) > wide:
        return []
    return [plot.after(today, 10, wide), plot.before(today, 10, wide)]


def _status_line(
    item: RoadmapItemMark, steps: Sequence[RoadmapStepMark], y: float, road: _Road
) -> list[Markup]:
    """Return the line through an item's marks: whole for the past, then dashed."""
    if not item.joined or not steps:
        return []
    first, newest = road.x(steps[0].on), road.x(steps[-1].on)
    come = newest if road.today is None else min(newest, max(road.today, first))
    goal = max(newest, _ROAD_RIGHT - 8) if item.going else newest
    whole = [plot.path("line", plot.level(first, y, come))] if come > first else []
    return [*whole, plot.path("dash", plot.level(come, y, goal))] if goal > come else whole
