"""The chart of the sea: marks and areas of many exchanges on a graticule, with land.

    view = view_of(marks)              all marks, or a part of the earth that is chosen
    drawing = drawn("…", marks, …)     the picture, and what has no room in it

Great circles are the lines between two accounts of one event. Land has no borders and
no names. The chart is flat around its middle, across the date line where that is
shorter.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from markupsafe import Markup
from msgspec import Struct

from dragoman.console.charts import land, map_projection, map_sketch
from dragoman.console.charts import svg as plot
from dragoman.console.charts.map_projection import Disc, MapPoint, MapView, Outline
from dragoman.console.charts.svg import Box
from dragoman.domain.acts import geodesy
from dragoman.domain.acts.geodesy import GeoPoint
from dragoman.i18n.words import NBSP, Words

WIDTH: Final = 960.0
_ROOM: Final = Box(62, 6, 954, 470)
_HEIGHT: Final = 500.0
_LEAST_NM: Final = 40.0
"""The least height of a chart that shows all its marks: less shows no coast."""

_MOST_NM: Final = 10_800.0
_STEPS: Final = 48
"""The parts of a great circle that is drawn."""

Kind = Literal["incident", "area", "launch", "meeting", "other"]

_SHAPES: Final[dict[Kind, tuple[str, str]]] = {
    "incident": ("diamond", "open diamond"),
    "area": ("circle", "open circle"),
    "launch": ("triangle", "open triangle"),
    "meeting": ("square", "open square"),
    "other": ("bars", "bars"),
}
"""The shape of each kind: of the side that opened the exchange, and of other sides."""


class ChartPart(NamedTuple):
    """The part of the earth that a reader chose: its middle, and its height in nm."""

    lat: float
    lon: float
    height_nm: float


class ChartMark(Struct, frozen=True, kw_only=True):
    """A place on the chart: its figure, and how it is shown.

    `is_opener` says that the place is of the side that opened the exchange. `in_force`
    is the word for the state of a window that is open or near; empty for none.
    """

    id: str
    label: str
    title: str
    link: str
    kind: Kind
    is_opener: bool
    figure: MapPoint | Disc | Outline
    point: MapPoint
    in_force: str = ""


class ChartLine(NamedTuple):
    """A great circle between two marks, by their ids, with a text beside it.

    A line `of_form` is between two places that the reader chose.
    """

    start: str
    end: str
    text: str
    of_form: bool = False


class ChartDrawing(Struct, frozen=True, kw_only=True):
    """The picture, with the marks outside of it and those without room for a label."""

    markup: Markup
    view: MapView
    outside: tuple[str, ...]
    unlabelled: tuple[str, ...]


def range_text(metres: float, angle: float, words: Words) -> str:
    """Return a range and a true bearing: 12.3 nm · 22.8 km, 045° true."""
    text = map_sketch.distance_text(metres, words)
    if metres < 1:
        return text
    return words.say("%(range)s, %(bearing)s true", range=text, bearing=bearing_text(angle))


def bearing_text(angle: float) -> str:
    """Return a bearing in three digits: 045°."""
    return f"{round(angle) % 360:03}°"


def view_of(marks: Sequence[ChartMark], part: ChartPart | None) -> MapView:
    """Return the view of a part, or of all marks; without marks, of the whole earth."""
    if part is not None:
        return _view(_around(part), None)
    figures = [[mark.point] for mark in marks]
    figures += [corners for mark in marks if (corners := _corners(mark.figure))]
    if not figures:
        return _view([MapPoint(-75, -180), MapPoint(80, 180)], None)
    points = [point for figure in map_projection.gathered(figures) for point in figure]
    lats, lons = [point.lat for point in points], [point.lon for point in points]
    middle = ((min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2)
    return _view([*points, *_around(ChartPart(*middle, _LEAST_NM))], (190, 110))


def part_of(view: MapView) -> ChartPart:
    """Return the part of the earth that a view shows."""
    height = (view.frame.y_max - view.frame.y_min) / view.px_lat * 60
    return ChartPart(view.middle.lat, (view.middle.lon + 180) % 360 - 180, height)


def moved(part: ChartPart, north: float, east: float, zoom: float) -> ChartPart:
    """Return a part that is moved by fractions of its height, and zoomed."""
    height = part.height_nm / 60
    lat = max(-90.0, min(90.0, part.lat + north * height))
    lon = part.lon + east * height / max(math.cos(math.radians(part.lat)), 0.05)
    nm = max(0.5, min(_MOST_NM, part.height_nm * zoom))
    return ChartPart(lat, (lon + 180) % 360 - 180, nm)


def _around(part: ChartPart) -> list[MapPoint]:
    """Return two corners of a part: its height, and no width of its own."""
    half = min(part.height_nm, _MOST_NM) / 120
    return [MapPoint(part.lat - half, part.lon), MapPoint(part.lat + half, part.lon)]


def _view(points: Sequence[MapPoint], margins: tuple[float, float] | None) -> MapView:
    wide, high = margins or (0.0, 0.0)
    inner = (_ROOM.x_max - _ROOM.x_min - wide, _ROOM.y_max - _ROOM.y_min - high)
    return map_projection.view(points, _ROOM, inner, 22)


def drawn(
    title: str,
    desc: str,
    marks: Sequence[ChartMark],
    lines: Sequence[ChartLine],
    tracks: Sequence[Sequence[MapPoint]],
    view: MapView,
    words: Words,
    banner: str = "",
) -> ChartDrawing:
    """Return the chart. A track joins successive places of one thing, in their order.

    The `banner` is a word that the picture itself has, as of an exercise.
    """
    frame = view.frame
    wide, high = frame.x_max - frame.x_min, frame.y_max - frame.y_min
    boxes: list[Box] = []
    dots = {mark.id: dot for mark in marks if (dot := _dot(view, mark.point)) is not None}
    boxes += [Box(x - 9, y - 9, x + 9, y + 9) for x, y in dots.values()]
    framed = [dots[mark.id] for mark in marks if mark.id in dots and _is_framed(mark)]
    boxes += [Box(x - 15, y - 14, x + 15, y + 14) for x, y in framed]
    lying = [plot.rect("band", frame.x_min, frame.y_min, wide, high)]
    if coast := land.path(view):
        lying.append(plot.path("land", coast))
    texts: list[Markup] = []
    if banner:
        texts += plot.texts(frame.x_min + 10, frame.y_min + 20, [banner], "bold")
        boxes.append(
            Box(
                frame.x_min,
                frame.y_min,
                frame.x_min + 20 + plot.width(banner, bold=True),
                frame.y_min + 28,
            )
        )
    over = map_sketch.grid(view, boxes, WIDTH)
    for mark in marks:
        lying += _outlined(view, mark)
    for track in tracks:
        lying += _polyline(view, track, "dash")
    by_id = {mark.id: mark for mark in marks}
    for line in lines:
        if line.start not in by_id or line.end not in by_id:
            continue
        way = _way(by_id[line.start].point, by_id[line.end].point)
        lying += _polyline(view, way, "heavy" if line.of_form else "link")
        texts += _beside(view, way, line.text, boxes)
    texts += map_sketch.scale_bar(view, words, boxes)
    shapes, unlabelled = [], []
    middle = sum(x for x, _ in dots.values()) / max(len(dots), 1)
    for mark in marks:
        if mark.id not in dots:
            continue
        text = f"{mark.label}{NBSP}· {mark.in_force}" if mark.in_force else mark.label
        place = map_sketch.label_place(
            dots[mark.id],
            [text],
            x_middle=middle,
            boxes=boxes,
            room=frame,
            gap=5.0 if _is_framed(mark) else 0.0,
        )
        label: list[Markup] = []
        if place is None:
            unlabelled.append(mark.id)
        else:
            boxes.append(place.box)
            label = plot.texts(place.x, place.y, place.lines, "bold", place.anchor)
        shapes.append(_linked(mark, dots[mark.id], label))
    clip = Markup('<clipPath id="sea-frame">{}</clipPath><g clip-path="url(#sea-frame)">{}</g>')
    border = plot.rect("border", frame.x_min, frame.y_min, wide, high)
    clipped = clip.format(
        plot.rect("band", frame.x_min, frame.y_min, wide, high), Markup("").join(lying)
    )
    parts = [clipped, *over, border, *texts, *shapes]
    return ChartDrawing(
        markup=plot.image(
            "chart sea",
            "sea",
            title,
            WIDTH,
            max(_HEIGHT, frame.y_max + 30),
            parts,
            desc,
            role="group",
        ),
        view=view,
        outside=tuple(mark.id for mark in marks if mark.id not in dots),
        unlabelled=tuple(unlabelled),
    )


def _is_framed(mark: ChartMark) -> bool:
    """Return whether a mark has a thick border: an area has one around itself."""
    return bool(mark.in_force) and isinstance(mark.figure, MapPoint)


def _linked(mark: ChartMark, dot: tuple[float, float], label: Sequence[Markup]) -> Markup:
    """Return a mark with its label as a link.

    The table beside the chart has the same links for the keyboard.
    """
    x, y = dot
    filled, open_shape = _SHAPES[mark.kind]
    parts = [plot.shape(filled if mark.is_opener else open_shape, x, y), *label]
    if _is_framed(mark):
        parts.insert(0, plot.path("heavy", f"M{plot.num(x)} {plot.num(y)}m-12-12h24v24h-24Z"))
    return Markup(
        '<a href="{}" tabindex="-1" data-mark="{}" aria-label="{}"><title>{}</title>{}</a>'
    ).format(mark.link, mark.id, mark.title, mark.title, Markup("").join(parts))


def _dot(view: MapView, point: MapPoint) -> tuple[float, float] | None:
    """Return the place of a point in the frame; None outside of it."""
    x = view.x_middle + _turned(view, point.lon) * view.px_lon
    y = view.y(point.lat)
    inside = view.frame.x_min <= x <= view.frame.x_max and view.frame.y_min <= y <= view.frame.y_max
    return (x, y) if inside else None


def _turned(view: MapView, lon: float) -> float:
    """Return the degrees east of the middle of a view, the shorter way."""
    return (lon - view.middle.lon + 180) % 360 - 180


def _corners(figure: MapPoint | Disc | Outline) -> list[MapPoint]:
    return [] if isinstance(figure, MapPoint) else map_projection.ring(figure)


def _outlined(view: MapView, mark: ChartMark) -> Iterator[Markup]:
    """Yield the outline of an area, once for each turn of the earth in view."""
    corners = _corners(mark.figure)
    if corners:
        yield from _polyline(view, corners, "heavy" if mark.in_force else "line", closed=True)


def _polyline(
    view: MapView, points: Sequence[MapPoint], kind: str, *, closed: bool = False
) -> Iterator[Markup]:
    west, east = min(point.lon for point in points), max(point.lon for point in points)
    frame = view.frame
    for turn in range(-2, 3):
        shift = 360.0 * turn - view.middle.lon
        low, high = (view.x_middle + (lon + shift) * view.px_lon for lon in (west, east))
        if high < frame.x_min - 20 or low > frame.x_max + 20:
            continue
        rim = "L".join(
            f"{plot.num(view.x_middle + (lon + shift) * view.px_lon)} {plot.num(view.y(lat))}"
            for lat, lon in points
        )
        yield plot.path(kind, f"M{rim}{'Z' * closed}")


def _way(start: MapPoint, end: MapPoint) -> list[MapPoint]:
    way = geodesy.great_circle(GeoPoint(*start), GeoPoint(*end), _STEPS)
    return [MapPoint(*point) for point in way]


def _beside(view: MapView, way: Sequence[MapPoint], label: str, boxes: list[Box]) -> list[Markup]:
    """Return a text beside the middle of a way; nothing where it has no room."""
    dots = [dot for point in way if (dot := _dot(view, point)) is not None]
    if len(dots) < 2:
        return []
    for one, other in pairwise(dots):
        if abs(one[0] - other[0]) < 200:  # not across the edge of a whole earth
            boxes += plot.between(one, other)[:: 6 if len(dots) > 8 else 1]
    x, y = dots[len(dots) // 2]
    options = [
        (x + 10, y + 20, ""),
        (x + 10, y - 10, ""),
        (x - 10, y + 20, "end"),
        (x - 10, y - 10, "end"),
        (x, y - 18, "mid"),
        (x, y + 28, "mid"),
        (x, y - 38, "mid"),
        (x, y + 46, "mid"),
    ]
    places = (map_sketch.text_at(*option, [label]) for option in options)
    place = map_sketch.first_free(places, boxes, view.frame)
    if place is None:
        return []
    boxes.append(place.box)
    return plot.texts(place.x, place.y, place.lines, place.anchor)
