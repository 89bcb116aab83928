"""A map of the places of an exchange, drawn as a sketch."""

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from markupsafe import Markup

from dragoman.console.charts import map_projection
from dragoman.console.charts import svg as plot
from dragoman.console.charts.map_projection import Disc, MapPoint, Outline
from dragoman.console.charts.svg import PITCH, SMALL, Box, TextStretch
from dragoman.domain.acts.geodesy import GeoPoint, distance_m
from dragoman.i18n.words import NBSP, Words

_SKETCH_SHAPES: Final = (
    "open diamond",
    "open circle",
    "open square",
    "diamond",
    "circle",
    "square",
)
"""The shapes of the marks of positions, in their order."""


_ROOM: Final = Box(62, 6, 398, 242)
"""The part of the chart in which the map is drawn."""


class PlacedText(NamedTuple):
    """A text of a sketch at a possible place."""

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
    areas: Sequence[Disc | Outline] = (),
    routes: Sequence[Sequence[MapPoint]] = (),
    is_measured: bool = True,
) -> Markup:
    """Return a map of positions and an area, with a grid of round degrees and a scale.

    A position is a label, a latitude and a longitude. The map is empty without any
    place. The first `track` positions are of one thing in order of time, and are
    joined. The map is laid out flat around its middle, across the date line where that
    is shorter. A label without room is below the map. `areas` are further areas, and
    `routes` are ways through points. With `is_measured` the distance between two
    positions is drawn.
    """
    figures = [[MapPoint(lat, lon)] for _, lat, lon in points]
    for outlined in (*areas, *([] if area is None else [area])):
        if corners := map_projection.ring(outlined):
            figures.append(corners)
    closed = len(figures)
    figures += [[*route] for route in routes]
    if not figures:
        return Markup("")
    figures = map_projection.gathered(figures)
    view = map_projection.view(
        [point for figure in figures for point in figure], _ROOM, (220, 136), 22
    )
    frame, dots = (
        view.frame,
        [(view.x(figure[0].lon), view.y(figure[0].lat)) for figure in figures[: len(points)]],
    )
    parts = [
        plot.rect(
            "band", frame.x_min, frame.y_min, frame.x_max - frame.x_min, frame.y_max - frame.y_min
        )
    ]
    boxes = [Box(x - 8, y - 8, x + 8, y + 8) for x, y in dots]
    parts += grid(view, boxes)
    for number, figure in enumerate(figures[len(points) :], len(points)):
        rim = "L".join(f"{plot.num(view.x(lon))} {plot.num(view.y(lat))}" for lat, lon in figure)
        parts.append(
            plot.path("line" if number < closed else "dash", f"M{rim}{'Z' * (number < closed)}")
        )
    if track > 1:
        parts.append(
            plot.path(
                "line", "M" + "L".join(f"{plot.num(x)} {plot.num(y)}" for x, y in dots[:track])
            )
        )
    parts += scale_bar(view, words, boxes)
    if len(dots) == 2 and is_measured:
        parts += _distance_line(
            dots[0],
            dots[1],
            distance_text(distance_m(GeoPoint(*points[0][1:]), GeoPoint(*points[1][1:])), words),
            boxes,
        )
    parts += [
        plot.shape(_SKETCH_SHAPES[number % len(_SKETCH_SHAPES)], x, y)
        for number, (x, y) in enumerate(dots)
    ]
    bottom = max(270.0, frame.y_max + 28)
    for number, (label, _, _) in enumerate(points):
        place = label_place(
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


def grid(view: map_projection.MapView, boxes: list[Box], width: float = SMALL) -> list[Markup]:
    """Return the parallels and meridians, and their labels, on a chart of a width.

    A meridian's label leaves out degrees that are those of the meridian before it.
    """
    frame, (tall, lats), (wide, lons) = view.frame, view.lats(), view.lons()
    lines = [plot.upright(view.x(seconds / 3600), frame.y_min, frame.y_max) for seconds in lons]
    lines += [plot.level(frame.x_min, view.y(seconds / 3600), frame.x_max) for seconds in lats]
    places = [
        text_at(
            0,
            min(max(view.y(seconds / 3600) + 5, 14.0), frame.y_max),
            "",
            [map_projection.degrees(seconds, tall, "NS")],
        )
        for seconds in lats
    ]
    last, reached = ("", ""), TextStretch(-math.inf, -math.inf)
    for seconds in lons:
        whole = map_projection.degrees(seconds, wide, "EW")
        degree = (whole.partition("°")[0], whole[-1])
        label = map_projection.degrees(seconds, wide, "EW", brief=degree == last)
        place = plot.across(view.x(seconds / 3600), plot.width(label))
        if place.x_min >= 0 and place.x_max <= width and not place.meets(reached):
            last, reached = degree, place
            places.append(text_at(place.x, frame.y_max + 18, "mid", [label]))
    boxes += [item.box for item in places]
    texts = [plot.text(item.x, item.y, item.lines[0], "dim", item.anchor) for item in places]
    return [plot.path("hair", "".join(lines)), *texts] if lines else texts


def scale_bar(view: map_projection.MapView, words: Words, boxes: list[Box]) -> list[Markup]:
    """Return a round distance in the middle of the sketch, as a bar.

    The bar is at the foot or the head of the sketch. Empty where the sketch is not true
    to scale.
    """
    frame, px = view.frame, view.px_lat / 60 / map_projection.NAUTICAL_MILE_M
    miles = plot.round_below(120 / px / map_projection.NAUTICAL_MILE_M)
    metres = miles * map_projection.NAUTICAL_MILE_M if miles >= 0.1 else plot.round_below(120 / px)
    label = words.say("%(distance)s at this latitude", distance=distance_text(metres, words))
    right, wide = frame.x_max - 16, metres * px
    place = plot.before(right, -8, plot.width(label))
    rooms = [
        Box(min(place.x_min, right - wide) - 4, y - 24, frame.x_max, y + 8)
        for y in (frame.y_max - 16, frame.y_min + 32)
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
    y = room.y_max - 8
    bar = (
        plot.level(right - wide, y, right)
        + plot.upright(right - wide, y - 5, y + 5)
        + plot.upright(right, y - 5, y + 5)
    )
    return [plot.path("heavy", bar), plot.text(place.x, y - 10, label, "end")]


def distance_text(metres: float, words: Words) -> str:
    """Return a distance in metres, or in miles and kilometres.

    Distances from a tenth of a nautical mile on are in miles and kilometres.
    """
    miles, kilometres = metres / map_projection.NAUTICAL_MILE_M, metres / 1000
    if miles < 0.0999:
        return f"{round(metres)}{NBSP}m"
    rounded = [
        words.number(round(far, 1) if far < 9.95 else round(far)) for far in (miles, kilometres)
    ]
    return f"{rounded[0]}{NBSP}{words.value('nm')} · {rounded[1]}{NBSP}{words.value('km')}"


def _distance_line(
    one: tuple[float, float], other: tuple[float, float], label: str, boxes: list[Box]
) -> list[Markup]:
    """Return the line between two positions, with its length beside its middle."""
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
    place = first_free((text_at(*where, [label]) for where in (*beside, *over)), boxes)
    if place is None:
        return drawn
    boxes.append(place.box)
    return [*drawn, *plot.texts(place.x, place.y, place.lines, place.anchor)]


def label_place(
    dot: tuple[float, float],
    lines: Sequence[str],
    *,
    x_middle: float,
    boxes: Sequence[Box],
    room: Box = _ROOM,
    gap: float = 0.0,
) -> PlacedText | None:
    """Return the place of a position's label; None where there is no room.

    The label is on the side that faces away from the other positions, if it can. It is
    farther away by a `gap`, for a mark with a border.
    """
    if not lines:
        return None
    x, y = dot
    centred, above, below = (
        y + 5 - PITCH * (len(lines) - 1) / 2,
        y - 14 - gap - PITCH * (len(lines) - 1),
        y + 24 + gap,
    )
    right, rows = (
        [(x + 13 + gap, centred, ""), (x + 6, above, ""), (x + 6, below, "")],
        [(x - 13 - gap, centred, "end"), (x - 6, above, "end"), (x - 6, below, "end")],
    )
    outer, inner = (rows, right) if x < x_middle - 1 else (right, rows)
    places = [outer[0], (x, above, "mid"), (x, below, "mid"), inner[0], *outer[1:], *inner[1:]]
    return first_free((text_at(*where, lines, bold=True) for where in places), boxes, room)


def text_at(
    x: float, y: float, anchor: str, lines: Sequence[str], *, bold: bool = False
) -> PlacedText:
    """Return a text with the box that it would take at a place."""
    text_width = plot.widest(lines, bold=bold)
    left_edge = x - {"": 0.0, "mid": text_width / 2, "end": text_width}[anchor]
    return PlacedText(
        x,
        y,
        anchor,
        lines,
        Box(left_edge, y - 11, left_edge + text_width, y + PITCH * (len(lines) - 1) + 4),
    )


def first_free(
    places: Iterable[PlacedText], boxes: Sequence[Box], room: Box = _ROOM
) -> PlacedText | None:
    """Return the first text that is inside a room and meets no box; None for none."""
    return next(
        (
            place
            for place in places
            if room.holds(place.box) and not any(place.box.meets(box) for box in boxes)
        ),
        None,
    )
