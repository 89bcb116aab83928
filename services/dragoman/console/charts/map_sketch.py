"""A map of the places of an exchange."""

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from markupsafe import Markup

from dragoman.console.charts import svg as plot
from dragoman.console.charts.svg import (
    PITCH,
    SMALL,
    Box,
    Disc,
    MapPoint,
    Outline,
    TextStretch,
)
from dragoman.i18n.words import NBSP, Words

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
    """Return where positions are (label, latitude, longitude), and an area, on a grid of round degrees and with a scale; nothing without any.

    The first `track` positions are of one thing, one after the other, and joined. It is
    laid out flat around its middle, across the date line where that is shorter. A label
    that has no room stands below.
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
    """Return a round distance as it is in the middle of the sketch, at the foot or the head of it; none where the sketch is not true to scale."""
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
    """Return a distance: in metres, and from a tenth of a nautical mile on in miles and kilometres."""
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
    """Return the line between two positions, and how long it is, beside its middle."""
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
    """Return where a position's label has room: on the side that faces away from the others if it can."""
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
