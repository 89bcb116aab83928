"""The day ahead as a chart: office hours, spans in force, and deadlines."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple

from markupsafe import Markup

from dragoman.console.charts import svg as plot
from dragoman.console.charts.charts import DAY, Across
from dragoman.console.charts.svg import (
    PITCH,
    WIDE,
    StackedRows,
    TextStretch,
)


class Band(NamedTuple):
    """The hours in which an office is open, or a holiday."""

    begins: datetime
    ends: datetime
    label: str = ""
    holiday: bool = False


class ForceSpan(NamedTuple):
    """A measure in force between two times.

    Without a beginning it was always in force, and without an end it is so until
    further notice.
    """

    begins: datetime | None
    ends: datetime | None
    label: str = ""


class DueMark(NamedTuple):
    """A deadline at a time."""

    at: datetime
    label: str = ""


class Lane(NamedTuple):
    """A row of the day: an office, its measures in force, and its deadlines."""

    name: str
    bands: Sequence[Band] = ()
    spans: Sequence[ForceSpan] = ()
    marks: Sequence[DueMark] = ()


class DayLabels(NamedTuple):
    """The label of the scale (UTC), and the label of the line of now (now 02:05)."""

    scale: str
    now: str


class _Drawn(NamedTuple):
    """An element of a lane of the day, on the scale."""

    kind: Literal["band", "holiday", "span", "mark"]
    x_min: float
    x_max: float
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
    """Return a chart of twenty-four hours from a time on.

    It has a lane for each office, measures in force, deadlines, and the line of now.
    """
    first = begins.astimezone(UTC)

    def at(moment: datetime) -> float:
        return _DAY_LEFT + (moment - first) / DAY * (_DAY_RIGHT - _DAY_LEFT)

    x_now = at(now) if first <= now <= first + DAY else None
    line = [] if x_now is None else [TextStretch(x_now, x_now)]
    under: list[Markup] = []
    over = [plot.text(0, 14, labels.scale, "dim")]
    top = _DAY_PITCH
    lanes = [*rows, Lane("")] if x_now is not None and (not rows or rows[-1].bands) else rows
    for number, lane in enumerate(lanes):
        stacked_rows = StackedRows()
        if x_now is not None and number == len(lanes) - 1:
            wide = plot.width(labels.now, bold=True)
            _, place = stacked_rows.settle(
                plot.fitting(
                    [plot.after(x_now, 8, wide), plot.before(x_now, 8, wide)],
                    _DAY_LEFT,
                    _DAY_EDGE,
                )
            )
            over.append(plot.text(place.x, top + 16, labels.now, "bold", place.anchor))
        earlier: list[tuple[TextStretch, int]] = []
        for item in _elements(lane, at):
            lines = plot.wrapped(item.label, 44)
            options = _options(item, plot.widest(lines), x_now)
            solid = TextStretch(item.x_min, item.x_max)
            deep = max(math.ceil((PITCH * len(lines) - 2) / _DAY_PITCH), 1)
            # A later deadline is below an earlier one where the two are side by side.
            # Otherwise the rows would not read in order.
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
            inside = item.x_min <= place.x_min and place.x_max <= item.x_max
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
    heavy = [] if x_now is None else [plot.path("heavy", plot.upright(x_now, 20, top - 4))]
    return plot.image(
        "chart day", name, title, WIDE, max(top, 40.0), [*grid, *under, *heavy, *hours, *over], desc
    )


def _hours(first: datetime, at: Across, bottom: float) -> tuple[list[Markup], list[Markup]]:
    """Return the lines at every third hour, and their labels.

    Midnight is 24Z where the day ends with it.
    """
    begun = first.replace(minute=0, second=0, microsecond=0)
    hours = [
        hour
        for step in range(25)
        if (hour := begun + timedelta(hours=step)).hour % 3 == 0 and first <= hour <= first + DAY
    ]
    lines = [plot.path("hair", plot.upright(at(hour), 20, max(bottom, 36.0))) for hour in hours]
    labels = []
    for hour in hours:
        ends = at(hour) > _DAY_RIGHT - 40
        labels.append(
            plot.text(
                at(hour),
                14,
                "24Z" if ends and hour.hour == 0 else f"{hour:%H}Z",
                "end" if ends else "",
            )
        )
    return lines, labels


def _elements(lane: Lane, at: Across) -> list[_Drawn]:
    """Return the elements of a lane within the day, cut off at its ends.

    Bands are first, and in each kind the earliest first.
    """
    bands = [
        _Drawn("holiday" if band.holiday else "band", at(band.begins), at(band.ends), band.label)
        for band in lane.bands
    ]
    bands.sort(key=lambda drawn: (drawn.x_min, drawn.x_max))
    spans = [
        _Drawn(
            "span",
            -math.inf if span.begins is None else at(span.begins),
            math.inf if span.ends is None else at(span.ends),
            span.label,
        )
        for span in lane.spans
    ]
    bands += sorted(spans, key=lambda drawn: (drawn.x_min, drawn.x_max))
    bands += [
        _Drawn("mark", at(mark.at) - 8, at(mark.at) + 8, mark.label)
        for mark in sorted(lane.marks, key=lambda mark: mark.at)
    ]
    return [
        band
        if band.kind == "mark"
        else band._replace(
            x_min=max(band.x_min, _DAY_LEFT),
            x_max=min(band.x_max, _DAY_RIGHT),
            opens=band.x_min >= _DAY_LEFT,
            closes=band.x_max <= _DAY_RIGHT,
        )
        for band in bands
        if _is_visible(band)
    ]


def _is_visible(item: _Drawn) -> bool:
    if item.kind == "mark":
        return _DAY_LEFT <= item.x_min + 8 <= _DAY_RIGHT
    return item.x_min <= item.x_max and item.x_min < _DAY_RIGHT and item.x_max > _DAY_LEFT


def _options(item: _Drawn, wide: float, x_now: float | None) -> list[TextStretch]:
    """Return the places for a label, the best first.

    The label of a band is inside it, past the line of now if that is in the way. Other
    labels are after the thing that they name, or before it.
    """
    gap = 5 if item.kind == "mark" else 10
    beside = [plot.after(item.x_max, gap, wide), plot.before(item.x_min, gap, wide)]
    inside = [
        plot.after(item.x_min, 24 if item.kind == "span" else 8, wide),
        *([plot.after(x_now, 16, wide)] if x_now is not None else []),
    ]
    text_stretches = [
        entry for entry in inside if item.x_min + 8 <= entry.x_min and entry.x_max + 8 <= item.x_max
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
    """Return an item's shape, around the line on which its label is.

    A span makes room for a label inside.
    """
    start, wide = item.x_min, item.x_max - item.x_min
    match item.kind:
        case "mark":
            return [plot.shape("diamond", item.x_min + 8, y - 5)]
        case "band":
            return [plot.rect("band", start, y - 16, wide, 24)]
        case "holiday":
            frame = f"M{plot.num(start)} {plot.num(y - 16)}h{plot.num(wide)}v24h{plot.num(-wide)}Z"
            return [
                plot.path("hair", plot.hatched(start, y - 16, wide, 24)),
                plot.path("dash", frame),
            ]
        case _:
            ends = [
                plot.upright(x, y - 12, y + 2)
                for x, value in ((start, item.opens), (item.x_max, item.closes))
                if value
            ]
            stops = (
                [start, item.x_max]
                if inside is None
                else [start, inside.x_min - 5, inside.x_max + 5, item.x_max]
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
