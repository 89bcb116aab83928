"""The charts of the pages: inline SVG from values, without colour, style or script.

Every word is the caller's, in the reader's language. Texts are measured by estimate and never lie over each other; a chart grows until all have
room. What a chart shows stands beside it as a list or a table too.
"""

import math
from calendar import isleap
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate, pairwise
from typing import Final, Literal, NamedTuple

from markupsafe import Markup

from dragoman.console.charts import svg as plot
from dragoman.console.charts.svg import (
    PITCH,
    Box,
    Disc,
    MapPoint,
    Outline,
    StackedRows,
    TextStretch,
)
from dragoman.i18n.words import NBSP, Words

__all__ = [  # noqa: RUF022
    "AreaLane",
    "Band",
    "DayLabels",
    "Disc",
    "RoadmapItemMark",
    "Lane",
    "DueMark",
    "RecordMark",
    "Outline",
    "ForceSpan",
    "RoadmapStepMark",
    "bars",
    "clock",
    "day_ahead",
    "density",
    "roadmap",
    "shares",
    "sketch",
    "spread",
]

WIDE, SMALL = 1360.0, 400.0
"""How wide a chart is, in px of its own."""

_DAY: Final = timedelta(days=1)

_Across = Callable[[datetime], float]


# The clock


def clock(spent: float) -> Markup:
    """How much of a limit is spent: a bar with notes at a half and at nine tenths. What it says stands beside it."""
    width = 100 * min(spent, 1.0) if spent > 0 else 0.0
    return Markup(
        '<svg class="clock" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="8"/>'
        '<rect class="spent" width="{}" height="8"/><path class="note" d="M50 0v8M90 0v8"/></svg>'
    ).format(plot.num(width))


# The day ahead


class Band(NamedTuple):
    """The hours in which an office is open, or a holiday."""

    begins: datetime
    ends: datetime
    label: str = ""
    holiday: bool = False


class ForceSpan(NamedTuple):
    """What is in force between two times; without one of them, since ever or until further notice."""

    begins: datetime | None
    ends: datetime | None
    label: str = ""


class DueMark(NamedTuple):
    """What is due at a time."""

    at: datetime
    label: str = ""


class Lane(NamedTuple):
    """A row of the day: an office, what is in force, what is due."""

    name: str
    bands: Sequence[Band] = ()
    spans: Sequence[ForceSpan] = ()
    marks: Sequence[DueMark] = ()


class DayLabels(NamedTuple):
    """What the scale is called (UTC), and what stands at the line (now 02:05)."""

    scale: str
    now: str


class _Drawn(NamedTuple):
    """What a lane of the day has in it, on the scale."""

    kind: Literal["band", "holiday", "span", "mark"]
    left: float
    right: float
    label: str
    opens: bool = True
    closes: bool = True


_DAY_LEFT, _DAY_RIGHT, _DAY_EDGE = 150.0, 1340.0, 1358.0
_DAY_PITCH: Final = 26.0


def day_ahead(
    name: str,
    title: str,
    desc: str,
    begins: datetime,
    now: datetime,
    rows: Sequence[Lane],
    labels: DayLabels,
) -> Markup:
    """Twenty-four hours from a time on: a lane an office, what is in force, what is due, and the line of now."""
    first = begins.astimezone(UTC)

    def at(moment: datetime) -> float:
        return _DAY_LEFT + (moment - first) / _DAY * (_DAY_RIGHT - _DAY_LEFT)

    context = at(now) if first <= now <= first + _DAY else None
    line = [] if context is None else [TextStretch(context, context)]
    under: list[Markup] = []
    over = [plot.text(0, 14, labels.scale, "dim")]
    top = _DAY_PITCH
    lanes = [*rows, Lane("")] if context is not None and (not rows or rows[-1].bands) else rows
    for number, lane in enumerate(lanes):
        stacked_rows = StackedRows()
        if context is not None and number == len(lanes) - 1:
            wide = plot.width(labels.now, bold=True)
            _, place = stacked_rows.settle(
                plot.fitting(
                    [plot.after(context, 8, wide), plot.before(context, 8, wide)],
                    _DAY_LEFT,
                    _DAY_EDGE,
                )
            )
            over.append(plot.text(place.x, top + 16, labels.now, "bold", place.anchor))
        earlier: list[tuple[TextStretch, int]] = []
        for item in _of_day(lane, at):
            lines = plot.wrapped(item.label, 44)
            options = _options(item, plot.widest(lines), context)
            solid = TextStretch(item.left, item.right)
            deep = max(math.ceil((PITCH * len(lines) - 2) / _DAY_PITCH), 1)
            # What is due later stands below what is due earlier where the two are side by side, so that the rows read in order.
            text_stretch = solid.joined(options[0])
            least = (
                max((below for stretch, below in earlier if text_stretch.meets(stretch)), default=0)
                if item.kind == "mark"
                else 0
            )
            looked = range(least, max(least, len(stacked_rows)) + 1)
            row, place = stacked_rows.settle(
                options if lines else [solid], deep=deep, solid=solid, avoid=line, rows=looked
            )
            earlier.append((solid.joined(place), row + deep))
            y = top + 16 + _DAY_PITCH * row
            inside = item.left <= place.left and place.right <= item.right
            under += _day_shapes(item, y, place if inside and lines else None)
            over += plot.texts(
                place.x,
                y,
                lines,
                "dim" if item.kind in ("band", "holiday") else "",
                "on" if item.kind == "band" and inside else "",
                place.anchor,
            )
        names = plot.wrapped(lane.name, 19)
        over += plot.texts(0, top + 16, names)
        top += max(_DAY_PITCH * max(len(stacked_rows), 1), PITCH * len(names) + 9) + 4
    grid, hours = _hours(first, at, top - 4)
    heavy = [] if context is None else [plot.path("heavy", plot.upright(context, 20, top - 4))]
    return plot.image(
        "chart day", name, title, WIDE, max(top, 40.0), [*grid, *under, *heavy, *hours, *over], desc
    )


def _hours(first: datetime, at: _Across, bottom: float) -> tuple[list[Markup], list[Markup]]:
    """The lines at every third hour, and what these are called; midnight is 24Z where the day ends with it."""
    begun = first.replace(minute=0, second=0, microsecond=0)
    hours = [
        hour
        for step in range(25)
        if (hour := begun + timedelta(hours=step)).hour % 3 == 0 and first <= hour <= first + _DAY
    ]
    lines = [plot.path("hair", plot.upright(at(hour), 20, max(bottom, 36.0))) for hour in hours]
    said = []
    for hour in hours:
        ends = at(hour) > _DAY_RIGHT - 40
        said.append(
            plot.text(
                at(hour),
                14,
                "24Z" if ends and hour.hour == 0 else f"{hour:%H}Z",
                "end" if ends else "",
            )
        )
    return lines, said


def _of_day(lane: Lane, at: _Across) -> list[_Drawn]:
    """What of a lane lies within the day, cut off where it goes on beyond; bands first, and in each kind the earliest first."""
    bands = [
        _Drawn("holiday" if band.holiday else "band", at(band.begins), at(band.ends), band.label)
        for band in lane.bands
    ]
    bands.sort(key=lambda drawn: (drawn.left, drawn.right))
    spans = [
        _Drawn(
            "span",
            -math.inf if span.begins is None else at(span.begins),
            math.inf if span.ends is None else at(span.ends),
            span.label,
        )
        for span in lane.spans
    ]
    bands += sorted(spans, key=lambda drawn: (drawn.left, drawn.right))
    bands += [
        _Drawn("mark", at(mark.at) - 8, at(mark.at) + 8, mark.label)
        for mark in sorted(lane.marks, key=lambda mark: mark.at)
    ]
    return [
        band
        if band.kind == "mark"
        else band._replace(
            left=max(band.left, _DAY_LEFT),
            right=min(band.right, _DAY_RIGHT),
            opens=band.left >= _DAY_LEFT,
            closes=band.right <= _DAY_RIGHT,
        )
        for band in bands
        if _seen(band)
    ]


def _seen(item: _Drawn) -> bool:
    if item.kind == "mark":
        return _DAY_LEFT <= item.left + 8 <= _DAY_RIGHT
    return item.left <= item.right and item.left < _DAY_RIGHT and item.right > _DAY_LEFT


def _options(item: _Drawn, wide: float, context: float | None) -> list[TextStretch]:
    """Where a label may stand: a band's in it, past the line of now if that is in the way; others after what they name, or before it."""
    gap = 5 if item.kind == "mark" else 10
    beside = [plot.after(item.right, gap, wide), plot.before(item.left, gap, wide)]
    inside = [
        plot.after(item.left, 24 if item.kind == "span" else 8, wide),
        *([plot.after(context, 16, wide)] if context is not None else []),
    ]
    text_stretches = [
        entry for entry in inside if item.left + 8 <= entry.left and entry.right + 8 <= item.right
    ]
    match item.kind:
        case "mark":
            options = beside
        case "span":
            options = [*beside, *text_stretches]
        case _:
            options = [*text_stretches, *beside]
    return plot.fitting(options, _DAY_LEFT, _DAY_EDGE)


def _day_shapes(item: _Drawn, y: float, inside: TextStretch | None) -> list[Markup]:
    """An item's shape, around the line on which its label stands; a span makes room for a label inside."""
    number, wide = item.left, item.right - item.left
    match item.kind:
        case "mark":
            return [plot.shape("diamond", item.left + 8, y - 5)]
        case "band":
            return [plot.rect("band", number, y - 16, wide, 24)]
        case "holiday":
            frame = f"M{plot.num(number)} {plot.num(y - 16)}h{plot.num(wide)}v24h{plot.num(-wide)}Z"
            return [
                plot.path("hair", plot.hatched(number, y - 16, wide, 24)),
                plot.path("dash", frame),
            ]
        case _:
            ends = [
                plot.upright(x, y - 12, y + 2)
                for x, value in ((number, item.opens), (item.right, item.closes))
                if value
            ]
            stops = (
                [number, item.right]
                if inside is None
                else [number, inside.left - 5, inside.right + 5, item.right]
            )
            return [
                plot.path(
                    "line",
                    "".join(
                        [
                            *ends,
                            *(
                                plot.level(x, y - 5, to)
                                for x, to in zip(stops[::2], stops[1::2], strict=True)
                            ),
                        ]
                    ),
                )
            ]


# The roadmap


class RoadmapStepMark(NamedTuple):
    """When an item of the roadmap came to a status, or is to come to it."""

    on: date
    status: str
    label: str = ""


class RoadmapItemMark(NamedTuple):
    """An item of the roadmap: its words, what it came to and when, whether it goes on, what it is for, and its period.

    The steps of an item that is not `joined` are matters of their own, such as meetings, and no line leads through them.
    """

    text: str
    steps: Sequence[RoadmapStepMark]
    going: bool = False
    aim: str = ""
    joined: bool = True
    period: tuple[date, date] | None = None


class AreaLane(NamedTuple):
    """An area of the roadmap."""

    name: str
    items: Sequence[RoadmapItemMark]


_STATUS_SHAPES: Final = {
    "proposed": "open circle",
    "agreed": "circle",
    "scheduled": "open diamond",
    "held": "diamond",
    "deliverable_tabled": "open square",
    "adopted": "square",
    "deferred": "bars",
    "dropped": "cross",
}
_ROAD_LEFT, _ROAD_RIGHT, _ROAD_EDGE = 312.0, 1348.0, 1358.0


class _Road(NamedTuple):
    """The years of a roadmap as a scale."""

    first: int
    years: int
    today: float | None

    def x(self, day: date) -> float:
        """Where a day is; what lies outside the years stands at their end."""
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
    """What two sides have on their roadmap, area by area: each item's statuses on a line of years, dashed while it goes on."""
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
            shapes, said, high = _on_road(item, top, road)
            under += shapes
            over += said
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
    """The lines of the years and, above them, their numbers and today; a number that has no room is left out."""
    pitch = (_ROAD_RIGHT - _ROAD_LEFT) / road.years
    wide = 4 * plot.LATIN
    every = math.ceil((wide + 14) / pitch)
    places = [
        (road.first + number, plot.after(_ROAD_LEFT + pitch * number, 5, wide))
        for number in range(0, road.years, every)
    ]
    places = [(year, place) for year, place in places if place.right <= WIDE]
    said = []
    if road.today is not None:
        length = plot.width(today_label, bold=True)
        options = plot.fitting(
            [plot.before(road.today, 6, length), plot.after(road.today, 6, length)],
            _ROAD_LEFT,
            WIDE,
        )
        context = next(
            (option for option in options if not any(option.meets(place) for _, place in places)),
            options[0],
        )
        places = [(year, place) for year, place in places if not place.meets(context)]
        said.append(plot.text(context.x, 14, today_label, "bold", context.anchor))
    said += [plot.text(place.x, 14, str(year), "dim") for year, place in places]
    lines = [_ROAD_LEFT + pitch * number for number in range(0, road.years, every)]
    return [plot.path("hair", plot.upright(x, 22, max(bottom - 2, 24.0))) for x in lines], said


def _on_road(
    item: RoadmapItemMark, top: float, road: _Road
) -> tuple[list[Markup], list[Markup], float]:
    """An item's line and marks, their labels above and below, and how much height they take; the newest status is bold and chooses its place first."""
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
    said = []
    for row, place, lines, kind in placed:
        upmost = (
            y + 23 + PITCH * (row // 2) if row % 2 else y - 14 - PITCH * (row // 2 + len(lines) - 1)
        )
        said += plot.texts(place.x, upmost, lines, kind, place.anchor)
    shapes = [
        plot.shape(_STATUS_SHAPES.get(step.status, "open circle"), road.x(step.on), y)
        for step in steps
    ]
    return (
        [*_lasts(item, y, road), *_led(item, steps, y, road), *shapes],
        said,
        y - top + 23 + PITCH * (below - 1) + 11,
    )


def _lasts(item: RoadmapItemMark, y: float, road: _Road) -> list[Markup]:
    """The period of an item as a box around its line, wide enough to be seen where the years are many."""
    if item.period is None:
        return []
    number, right = (road.x(entry) for entry in item.period)
    wide = max(right - number, 6.0)
    frame = f"M{plot.num(number)} {plot.num(y - 8)}h{plot.num(wide)}v16h{plot.num(-wide)}Z"
    return [plot.rect("band", number, y - 8, wide, 16), plot.path("line", frame)]


def _beside(today: float | None, x: float, wide: float) -> list[TextStretch]:
    """Return where a text may stand so that the line of today does not cross it, if its mark is on the line or its text would be."""
    if today is None or abs(today - x) > wide:
        return []
    return [plot.after(today, 10, wide), plot.before(today, 10, wide)]


def _led(
    item: RoadmapItemMark, steps: Sequence[RoadmapStepMark], y: float, road: _Road
) -> list[Markup]:
    """The line through an item's marks: whole as far as it has come, dashed towards what is to come."""
    if not item.joined or not steps:
        return []
    first, newest = road.x(steps[0].on), road.x(steps[-1].on)
    come = newest if road.today is None else min(newest, max(road.today, first))
    goal = max(newest, _ROAD_RIGHT - 8) if item.going else newest
    whole = [plot.path("line", plot.level(first, y, come))] if come > first else []
    return [*whole, plot.path("dash", plot.level(come, y, goal))] if goal > come else whole


# How much was recorded, day by day


class RecordMark(NamedTuple):
    """What stands out among the records, at its time; what was `opened` is a word without a mark."""

    at: datetime
    kind: Literal["late", "blind", "flash", "opened"]
    label: str = ""


_MOMENT_SHAPES: Final = {"late": "diamond", "blind": "square", "flash": "triangle"}


def density(
    name: str,
    title: str,
    begins: datetime,
    ends: datetime,
    counts_by_day: Sequence[int],
    marks: Sequence[RecordMark] = (),
    at: datetime | None = None,
) -> Markup:
    """How many records there are of each day from `begins` on, what stands out among them, and the moment that is looked at."""
    whole = max(ends - begins, timedelta(seconds=1))

    def across(moment: datetime) -> float:
        return 8 + min(max((moment - begins) / whole, 0.0), 1.0) * (WIDE - 16)

    context = across(at) if at is not None and begins <= at <= ends else None
    stacked_rows = StackedRows()
    record_marks = [
        mark for mark in sorted(marks, key=lambda mark: mark.at) if begins <= mark.at <= ends
    ]
    placed = []
    for mark in record_marks:
        if label := plot.cleaned(mark.label):
            x, bold = across(mark.at), mark.kind == "flash"
            wide = plot.width(label, bold=bold)
            options = plot.fitting(plot.around(x, wide), 0, WIDE)
            row, place = stacked_rows.settle(
                options, avoid=[] if context is None else [TextStretch(context, context)]
            )
            placed.append((row, place, label, "bold" if bold else ""))
    lowest = 14 + PITCH * (max(len(stacked_rows), 1) - 1)
    base = lowest + 34
    parts = [
        plot.path("hair", plot.level(8, base, WIDE - 8)),
        *_ticks(counts_by_day, begins, ends, across, base),
    ]
    if context is not None:
        parts.append(plot.path("heavy", plot.upright(context, 2, base + 4)))
    parts += [
        plot.shape(_MOMENT_SHAPES[mark.kind], across(mark.at), lowest + 12)
        for mark in record_marks
        if mark.kind in _MOMENT_SHAPES
    ]
    parts += [
        plot.text(place.x, lowest - PITCH * row, label, kind, place.anchor)
        for row, place, label, kind in placed
    ]
    return plot.image("chart density", name, title, WIDE, base + 6, parts)


def _ticks(
    counts: Sequence[int], begins: datetime, ends: datetime, across: _Across, base: float
) -> list[Markup]:
    """A tick a day, as high as the day has records; of days that fall on one px, the busiest."""
    high: dict[int, int] = {}
    for number, count in enumerate(counts):
        noon = begins + number * _DAY + _DAY / 2
        if count > 0 and noon - _DAY / 2 <= ends:
            x = round(across(noon))
            high[x] = max(high.get(x, 0), count)
    most = max(high.values(), default=1)
    drawn = "".join(
        plot.upright(x, base, base - 2 - 10 * count / most) for x, count in high.items()
    )
    return [plot.path("line", drawn)] if drawn else []


# Where it was


_SKETCH_SHAPES: Final = (
    "open diamond",
    "open circle",
    "open square",
    "diamond",
    "circle",
    "square",
)
_ROOM: Final = Box(62, 6, 398, 242)


class _Place(NamedTuple):
    """A text of a sketch, as it would stand somewhere."""

    x: float
    y: float
    anchor: str
    lines: Sequence[str]
    box: Box


def sketch(
    name: str,
    title: str,
    points: Sequence[tuple[str, float, float]],
    area: Disc | Outline | None,
    words: Words,
    *,
    track: int = 0,
) -> Markup:
    """Where positions are (label, latitude, longitude), and an area, on a grid of round degrees and with a scale; nothing without any.

    The first `track` positions are of one thing, one after the other, and joined. It is laid out flat around its middle, across the date line where that is shorter. A label that has no room stands below.
    """
    figures = [[MapPoint(lat, lon)] for _, lat, lon in points]
    if area is not None and (corners := plot.ring(area)):
        figures.append(corners)
    if not figures:
        return Markup("")
    figures = plot.gathered(figures)
    view = plot.view([point for figure in figures for point in figure], _ROOM, (220, 136), 22)
    frame, dots = (
        view.frame,
        [(view.x(figure[0].lon), view.y(figure[0].lat)) for figure in figures[: len(points)]],
    )
    parts = [
        plot.rect("band", frame.left, frame.top, frame.right - frame.left, frame.bottom - frame.top)
    ]
    boxes = [Box(x - 8, y - 8, x + 8, y + 8) for x, y in dots]
    parts += _grid(view, boxes)
    for figure in figures[len(points) :]:
        rim = "L".join(f"{plot.num(view.x(lon))} {plot.num(view.y(lat))}" for lat, lon in figure)
        parts.append(plot.path("line", f"M{rim}Z"))
    if track > 1:
        parts.append(
            plot.path(
                "line", "M" + "L".join(f"{plot.num(x)} {plot.num(y)}" for x, y in dots[:track])
            )
        )
    parts += _scale_bar(view, words, boxes)
    if len(dots) == 2:
        parts += _apart(
            dots[0], dots[1], _far(plot.distance_m(points[0][1:], points[1][1:]), words), boxes
        )
    parts += [
        plot.shape(_SKETCH_SHAPES[number % len(_SKETCH_SHAPES)], x, y)
        for number, (x, y) in enumerate(dots)
    ]
    bottom = max(270.0, frame.bottom + 28)
    for number, (label, _, _) in enumerate(points):
        place = _named(
            dots[number],
            plot.wrapped(label, 20),
            x_middle=sum(x for x, _ in dots) / len(dots),
            boxes=boxes,
        )
        if place is not None:
            boxes.append(place.box)
            parts += plot.texts(place.x, place.y, place.lines, "bold", place.anchor)
        elif lines := plot.wrapped(label, 46):
            parts.append(plot.shape(_SKETCH_SHAPES[number % len(_SKETCH_SHAPES)], 10, bottom + 5))
            parts += plot.texts(26, bottom + 10, lines, "bold")
            bottom += PITCH * len(lines) + 4
    return plot.image("chart small", name, title, SMALL, bottom, parts)


def _grid(view: plot.MapView, boxes: list[Box]) -> list[Markup]:
    """Parallels and meridians, and what they are called: a meridian without the degrees of the one before it."""
    frame, (tall, lats), (wide, lons) = view.frame, view.lats(), view.lons()
    lines = [plot.upright(view.x(seconds / 3600), frame.top, frame.bottom) for seconds in lons]
    lines += [plot.level(frame.left, view.y(seconds / 3600), frame.right) for seconds in lats]
    places = [
        _standing(
            0,
            min(max(view.y(seconds / 3600) + 5, 14.0), frame.bottom),
            "",
            [plot.degrees(seconds, tall, "NS")],
        )
        for seconds in lats
    ]
    last, reached = ("", ""), TextStretch(-math.inf, -math.inf)
    for seconds in lons:
        whole = plot.degrees(seconds, wide, "EW")
        degree = (whole.partition("°")[0], whole[-1])
        label = plot.degrees(seconds, wide, "EW", brief=degree == last)
        place = plot.across(view.x(seconds / 3600), plot.width(label))
        if place.left >= 0 and place.right <= SMALL and not place.meets(reached):
            last, reached = degree, place
            places.append(_standing(place.x, frame.bottom + 18, "mid", [label]))
    boxes += [item.box for item in places]
    texts = [plot.text(item.x, item.y, item.lines[0], "dim", item.anchor) for item in places]
    return [plot.path("hair", "".join(lines)), *texts] if lines else texts


def _scale_bar(view: plot.MapView, words: Words, boxes: list[Box]) -> list[Markup]:
    """A round distance as it is in the middle of the sketch, at the foot or the head of it; none where the sketch is not true to scale."""
    frame, px = view.frame, view.px_lat / 60 / plot.NAUTICAL_MILE_M
    miles = plot.round_below(120 / px / plot.NAUTICAL_MILE_M)
    metres = miles * plot.NAUTICAL_MILE_M if miles >= 0.1 else plot.round_below(120 / px)
    label = words.say("%(distance)s at this latitude", distance=_far(metres, words))
    right, wide = frame.right - 16, metres * px
    place = plot.before(right, -8, plot.width(label))
    rooms = [
        Box(min(place.left, right - wide) - 4, y - 24, frame.right, y + 8)
        for y in (frame.bottom - 16, frame.top + 32)
    ]
    room = next(
        (
            room
            for room in rooms
            if view.true and frame.holds(room) and not any(room.meets(dot) for dot in boxes)
        ),
        None,
    )
    if room is None:
        return []
    boxes.append(room)
    y = room.bottom - 8
    bar = (
        plot.level(right - wide, y, right)
        + plot.upright(right - wide, y - 5, y + 5)
        + plot.upright(right, y - 5, y + 5)
    )
    return [plot.path("heavy", bar), plot.text(place.x, y - 10, label, "end")]


def _far(metres: float, words: Words) -> str:
    """A distance: in metres, and from a tenth of a nautical mile on in miles and kilometres."""
    miles, kilometres = metres / plot.NAUTICAL_MILE_M, metres / 1000
    if miles < 0.0999:
        return f"{round(metres)}{NBSP}m"
    rounded = [
        words.number(round(far, 1) if far < 9.95 else round(far)) for far in (miles, kilometres)
    ]
    return f"{rounded[0]}{NBSP}{words.value('nm')} · {rounded[1]}{NBSP}{words.value('km')}"


def _apart(
    one: tuple[float, float], other: tuple[float, float], label: str, boxes: list[Box]
) -> list[Markup]:
    """The line between two positions, and how long it is, beside its middle."""
    (a, b), (c, d) = one, other
    x, y = (a + c) / 2, (b + d) / 2
    boxes += plot.between(one, other)
    drawn = [plot.path("dash", f"M{plot.num(a)} {plot.num(b)}L{plot.num(c)} {plot.num(d)}")]
    beside = [
        (x + 8, y + 18, ""),
        (x + 8, y - 8, ""),
        (x - 8, y + 18, "end"),
        (x - 8, y - 8, "end"),
    ]
    over = [(x, y - 14, "mid"), (x, y + 24, "mid"), (x, y - 32, "mid"), (x, y + 42, "mid")]
    place = _first_free((_standing(*where, [label]) for where in (*beside, *over)), boxes)
    if place is None:
        return drawn
    boxes.append(place.box)
    return [*drawn, *plot.texts(place.x, place.y, place.lines, place.anchor)]


def _named(
    dot: tuple[float, float], lines: Sequence[str], *, x_middle: float, boxes: Sequence[Box]
) -> _Place | None:
    """Where a position's label has room: on the side that faces away from the others if it can."""
    if not lines:
        return None
    x, y = dot
    centred, above, below = (
        y + 5 - PITCH * (len(lines) - 1) / 2,
        y - 14 - PITCH * (len(lines) - 1),
        y + 24,
    )
    right, rows = (
        [(x + 13, centred, ""), (x + 6, above, ""), (x + 6, below, "")],
        [(x - 13, centred, "end"), (x - 6, above, "end"), (x - 6, below, "end")],
    )
    outer, inner = (rows, right) if x < x_middle - 1 else (right, rows)
    places = [outer[0], (x, above, "mid"), (x, below, "mid"), inner[0], *outer[1:], *inner[1:]]
    return _first_free((_standing(*where, lines, bold=True) for where in places), boxes)


def _standing(
    x: float, y: float, anchor: str, lines: Sequence[str], *, bold: bool = False
) -> _Place:
    wide = plot.widest(lines, bold=bold)
    number = x - {"": 0.0, "mid": wide / 2, "end": wide}[anchor]
    return _Place(
        x, y, anchor, lines, Box(number, y - 11, number + wide, y + PITCH * (len(lines) - 1) + 4)
    )


def _first_free(places: Iterable[_Place], boxes: Sequence[Box]) -> _Place | None:
    return next(
        (
            place
            for place in places
            if _ROOM.holds(place.box) and not any(place.box.meets(box) for box in boxes)
        ),
        None,
    )


# How long, how much, how many


_LONGEST_S: Final = 30 * 86_400
_TICKS_S: Final = (1, 10, 60, 600, 3600, 6 * 3600, 86_400, 7 * 86_400, _LONGEST_S)
_SPREAD_LEFT, _SPREAD_RIGHT = 380.0, 1330.0


def spread(
    name: str,
    title: str,
    rows: Sequence[tuple[str, int, float | None, float | None, float | None]],
    limit: float | None,
    words: Words,
) -> Markup:
    """How long something took (label, how many, median, 95th percentile and worst in seconds), on a scale from a second to thirty days.

    A filled circle is the median, an open one the percentile, the end of the line the worst; a dashed line is the limit.
    """
    under = []
    over = [plot.text(_lasting(tick), 14, words.span(tick), "dim", "mid") for tick in _TICKS_S]
    top = 24.0
    for label, count, median, p95, worst in rows:
        lines = plot.wrapped(label)
        over += plot.texts(0, top + 19, lines)
        over.append(plot.text(_SPREAD_LEFT - 30, top + 19, words.number(count), "dim", "end"))
        y, known = (
            top + 14,
            [_lasting(seconds) for seconds in (median, p95, worst) if seconds is not None],
        )
        if known:
            under.append(plot.path("line", plot.level(min(known), y, max(known))))
        else:
            over.append(plot.text(_SPREAD_LEFT, top + 19, "\N{EN DASH}", "dim"))
        if worst is not None:
            under.append(plot.path("line", plot.upright(_lasting(worst), y - 7, y + 7)))
        under += [
            plot.shape(shape, _lasting(seconds), y)
            for shape, seconds in (("open circle", p95), ("circle", median))
            if seconds is not None
        ]
        top += max(PITCH * len(lines), PITCH) + 13
    grid = [plot.path("hair", plot.upright(_lasting(tick), 22, top)) for tick in _TICKS_S]
    if limit is not None:
        grid.append(plot.path("dash", plot.upright(_lasting(limit), 18, top + 4)))
        over.append(plot.text(_lasting(limit), top + 19, words.span(limit), "bold", "mid"))
        top += 20
    return plot.image("chart", name, title, WIDE, top + 6, [*grid, *under, *over])


def _lasting(seconds: float) -> float:
    """Where a span is on the scale; what is shorter or longer than it stands at its end."""
    share = math.log(min(max(seconds, 1.0), _LONGEST_S)) / math.log(_LONGEST_S)
    return _SPREAD_LEFT + share * (_SPREAD_RIGHT - _SPREAD_LEFT)


_SHARES_LEFT, _SHARES_RIGHT = 312.0, 1352.0


def shares(
    name: str,
    title: str,
    rows: Sequence[tuple[str, Sequence[tuple[str, float]]]],
    guide: Sequence[float] | None = None,
) -> Markup:
    """What wholes are made of (label, its parts as fractions of one): solid, hatched, open, plain, each named above with a sample of it.

    A guide of expected shares, which may come to any sum, is small ticks below a bar, where its parts would end.
    """
    wide = _SHARES_RIGHT - _SHARES_LEFT
    expected = (
        [_SHARES_LEFT + wide * reached / sum(guide) for reached in accumulate(guide)][:-1]
        if guide and sum(guide) > 0
        else []
    )
    parts: list[Markup] = []
    top = 4.0
    for label, pieces in rows:
        sizes = [max(size, 0.0) for _, size in pieces]
        ends = [
            _SHARES_LEFT + wide * reached / max(sum(sizes), 1.0)
            for reached in accumulate(sizes, initial=0.0)
        ]
        said, high = _keys([text for text, _ in pieces], ends, top)
        y = top + high
        parts += [*said, *plot.texts(0, y + 15, lines := plot.wrapped(label))]
        for number, (begins, stops) in enumerate(pairwise(ends)):
            parts += _tinted(number, begins, y, stops - begins, 20) if stops > begins else []
        if ends[-1] == _SHARES_LEFT:
            parts.append(plot.path("dash", plot.level(_SHARES_LEFT, y + 10, _SHARES_RIGHT)))
        parts += [plot.path("line", plot.upright(x, y + 22, y + 29)) for x in expected]
        top = y + max(34, PITCH * len(lines) + 6) + 6
    return plot.image("chart", name, title, WIDE, max(top, 8.0), parts)


def _keys(names: Sequence[str], starts: Sequence[float], top: float) -> tuple[list[Markup], float]:
    """The names of a bar's parts, each over where its part begins or after the names before it, and how much height they take."""
    stacked_rows, placed = StackedRows(), list[tuple[int, TextStretch, int, list[str]]]()
    for number, name in enumerate(names):
        if lines := plot.wrapped(name, 46):
            room = 20 + plot.widest(lines)
            options = [
                plot.after(x, 0, room)
                for x in (starts[number], *(place.right + 14 for _, place, _, _ in placed))
            ]
            row, place = stacked_rows.settle(
                plot.fitting(options, _SHARES_LEFT, WIDE), deep=len(lines)
            )
            placed.append((row, place, number, lines))
    said = []
    for row, place, number, lines in placed:
        y = top + 14 + PITCH * row
        said += [
            *_tinted(number, place.left + 1, y - 10, 12, 10),
            *plot.texts(place.left + 20, y, lines),
        ]
    return said, PITCH * len(stacked_rows) + 4


def _tinted(number: int, x: float, y: float, wide: float, high: float) -> list[Markup]:
    """A part of a bar in the tint of its place among the parts."""
    frame = plot.path(
        "line", f"M{plot.num(x)} {plot.num(y)}h{plot.num(wide)}v{plot.num(high)}h{plot.num(-wide)}Z"
    )
    match number % 4:
        case 0:
            return [plot.rect("ink", x, y, wide, high)]
        case 1:
            return [
                plot.rect("band", x, y, wide, high),
                plot.path("line", plot.hatched(x, y, wide, high)),
                frame,
            ]
        case 2:
            return [plot.rect("open", x, y, wide, high)]
        case _:
            return [plot.rect("band", x, y, wide, high), frame]


def bars(name: str, title: str, rows: Sequence[tuple[str, int]]) -> Markup:
    """How many there are of each: a bar and its number."""
    most, number = max((count for _, count in rows), default=0), 158.0
    room = SMALL - number - 12 - max((plot.width(str(count)) for _, count in rows), default=0.0)
    parts: list[Markup] = []
    top = 4.0
    for label, count in rows:
        lines = plot.wrapped(label, 20)
        long = room * count / most if count > 0 else 0.0
        parts += plot.texts(0, top + 15, lines)
        parts += [plot.rect("ink", number, top + 4, long, 13)] if long else []
        parts.append(plot.text(number + long + 8, top + 15, str(count)))
        top += max(PITCH * len(lines), PITCH) + 7
    parts.append(plot.path("line", plot.upright(number, 2, top)))
    return plot.image("chart small", name, title, SMALL, top + 4, parts)
