"""The day ahead as a chart."""

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
        return _DAY_LEFT + (moment - first) / DAY * (_DAY_RIGHT - _DAY_LEFT)

    context = at(now) if first <= now <= first + DAY else None
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


def _hours(first: datetime, at: Across, bottom: float) -> tuple[list[Markup], list[Markup]]:
    """Return the lines at every third hour, and what these are called; midnight is 24Z where the day ends with it."""
    begun = first.replace(minute=0, second=0, microsecond=0)
    hours = [
        hour
        for step in range(25)
        if (hour := begun + timedelta(hours=step)).hour % 3 == 0 and first <= hour <= first + DAY
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


def _of_day(lane: Lane, at: Across) -> list[_Drawn]:
    """Return what of a lane lies within the day, cut off where it goes on beyond; bands first, and in each kind the earliest first."""
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
    """Return where a label may stand: a band's in it, past the line of now if that is in the way; others after what they name, or before it."""
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
    """Return an item's shape, around the line on which its label stands; a span makes room for a label inside."""
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
