"""What the charts are drawn with: texts that are measured and kept apart, the shapes of marks, and the earth laid flat."""

import math
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from markupsafe import Markup

WIDE, SMALL = 1360.0, 400.0
"""How wide a chart is, in px of its own."""


LATIN, BOLD, HAN = 8.0, 9.2, 14.0
"""The widths of a character in px at the 14 px of a chart's texts: of a letter, of a bold
one, of a Han character.

The letters are those of the widest typeface that a reader may have, so that no text
reaches further than it was given room.
"""

COLUMNS: Final = 34
"""How many letters make a line of text, as 16 Han characters do."""

PITCH: Final = 17.0
"""From one line of text to the next, in px."""

_GAP: Final = 6.0
_WIDE: Final = "\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\U0001f300-\U0001faff\U00020000-\U0003fffd"
_HAN: Final = re.compile(f"[{_WIDE}]")
_OPENING: Final = "\u201c\u2018\u3008\u300a\u300c\u300e\u3010\uff08"
_CLOSING: Final = "\u201d\u2019\u2026\u2014\u3001\u3002\u3009\u300b\u300d\u300f\u3011\uff01\uff09\uff0c\uff1a\uff1b\uff1f"
_PIECE: Final = re.compile(f"[{_OPENING}]*[{_WIDE}][{_CLOSING}]*|[^ {_WIDE}]+| ")
_SPACES: Final = re.compile("[ \t\n\r\f\v]+")
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NO_NAME: Final = re.compile("[^A-Za-z0-9_-]")


# Texts


def cleaned(content: str) -> str:
    """Return a text on one line, without what XML cannot hold."""
    return _SPACES.sub(" ", _NO_XML.sub("\N{REPLACEMENT CHARACTER}", content)).strip(" ")


def width(content: str, *, bold: bool = False) -> float:
    """Return how wide a text is, about."""
    wide = len(_HAN.findall(content))
    return wide * HAN + (len(content) - wide) * (BOLD if bold else LATIN)


def widest(lines: Iterable[str], *, bold: bool = False) -> float:
    """Return how wide a text of several lines is, about."""
    return max((width(line, bold=bold) for line in lines), default=0.0)


def wrapped(content: str, columns: int = COLUMNS) -> list[str]:
    """Return a text in lines of so many letters: broken between words and beside Han characters, and inside a word only where it is longer than a line."""
    whole = cleaned(content)
    if whole and _columns(whole) <= columns:
        return [whole]
    lines, line, used = [], "", 0.0
    for piece in _PIECE.findall(whole):
        if piece == " " and not line:
            continue
        if line and piece != " " and used + _columns(piece) > columns:
            lines.append(line.rstrip(" "))
            line, used = "", 0.0
        for letter in [piece] if _columns(piece) <= columns else piece:
            if used + _columns(letter) > columns and letter != " ":
                lines.append(line)
                line, used = "", 0.0
            line, used = line + letter, used + _columns(letter)
    return [*lines, line.rstrip(" ")] if line else lines


def _columns(content: str) -> float:
    wide = len(_HAN.findall(content))
    return len(content) - wide + wide * COLUMNS / 16


# Room


class TextStretch(NamedTuple):
    """From one x to another; a text there stands at its beginning, its middle or its end."""

    left: float
    right: float
    anchor: str = ""

    @property
    def x(self) -> float:
        """Return where its text is anchored."""
        return {"": self.left, "mid": (self.left + self.right) / 2, "end": self.right}[self.anchor]

    def meets(self, other: "TextStretch") -> bool:
        """Return whether the two are too near."""
        return self.left < other.right + _GAP and other.left < self.right + _GAP

    def joined(self, other: "TextStretch") -> "TextStretch":
        """Return the stretch that covers the two."""
        return TextStretch(min(self.left, other.left), max(self.right, other.right))


def after(x: float, gap: float, wide: float) -> TextStretch:
    """Room for a text that follows a mark."""
    return TextStretch(x + gap, x + gap + wide)


def before(x: float, gap: float, wide: float) -> TextStretch:
    """Room for a text that ends before a mark."""
    return TextStretch(x - gap - wide, x - gap, "end")


def across(x: float, wide: float) -> TextStretch:
    """Room for a text in the middle over a mark."""
    return TextStretch(x - wide / 2, x + wide / 2, "mid")


def around(x: float, wide: float) -> list[TextStretch]:
    """Room for a text over or under a mark, in the middle if it can be."""
    return [
        across(x, wide),
        after(x, -8, wide),
        before(x, -10, wide),
        after(x, 8, wide),
        before(x, 8, wide),
    ]


def fitting(options: Sequence[TextStretch], number: float, right: float) -> list[TextStretch]:
    """Return the options that lie between two bounds; if none does, the first, moved there."""
    first = options[0]
    moved = max(number, min(first.left, right - (first.right - first.left)))
    return [option for option in options if number <= option.left and option.right <= right] or [
        TextStretch(moved, moved + first.right - first.left)
    ]


class StackedRows:
    """Rows on which nothing comes to lie over anything else; there are as many as it takes.

    A text of several lines takes every `stride`-th row from its own on: with two, even
    rows can be those above a line, and odd ones those below.
    """

    def __init__(self, stride: int = 1) -> None:
        """Begin without any."""
        self._stride = stride
        self._taken: list[list[TextStretch]] = []

    def __len__(self) -> int:
        """Return how many rows anything stands on."""
        return len(self._taken)

    def settle(
        self,
        options: Sequence[TextStretch],
        *,
        deep: int = 1,
        solid: TextStretch | None = None,
        avoid: Sequence[TextStretch] = (),
        rows: Iterable[int] | None = None,
    ) -> tuple[int, TextStretch]:
        """Return the first row with room for one of the options of a text and for the solid thing that it names, taken from now on; `avoid` where one can."""
        looked = list(range(len(self) + self._stride) if rows is None else rows)
        row, option = next(
            (row, option)
            for shunned in (avoid, ())
            for row in looked
            if solid is None or self._free(row, solid, 1)
            for option in options
            if self._free(row, option, deep)
            and not any(option.meets(text_stretch) for text_stretch in shunned)
        )
        self._take(row, option, deep)
        if solid is not None:
            self._take(row, solid, 1)
        return row, option

    def _free(self, row: int, stretch: TextStretch, deep: int) -> bool:
        rows = range(row, min(row + deep * self._stride, len(self)), self._stride)
        return not any(
            stretch.meets(text_stretch) for number in rows for text_stretch in self._taken[number]
        )

    def _take(self, row: int, stretch: TextStretch, deep: int) -> None:
        for number in range(row, row + deep * self._stride, self._stride):
            self._taken.extend([] for _ in range(number + 1 - len(self)))
            self._taken[number].append(stretch)


class Box(NamedTuple):
    """A rectangle."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        """Return whether the two share a point."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def holds(self, other: "Box") -> bool:
        """Return whether the other lies inside."""
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.top <= other.top
            and other.bottom <= self.bottom
        )


# Elements


def num(value: float) -> str:
    """Return a number in an attribute."""
    return f"{round(value, 1) + 0.0:.1f}"


def text(x: float, y: float, content: str, *classes: str) -> Markup:
    """Return a line of text."""
    if kind := " ".join(filter(None, classes)):
        return Markup('<text class="{}" x="{}" y="{}">{}</text>').format(
            kind, num(x), num(y), cleaned(content)
        )
    return Markup('<text x="{}" y="{}">{}</text>').format(num(x), num(y), cleaned(content))


def texts(x: float, y: float, lines: Sequence[str], *classes: str) -> list[Markup]:
    """Several lines of text, from the first one's place down."""
    return [text(x, y + PITCH * number, line, *classes) for number, line in enumerate(lines)]


def path(kind: str, drawn: str) -> Markup:
    """Return a path of a class."""
    return Markup('<path class="{}" d="{}"/>').format(kind, drawn)


def rect(kind: str, x: float, y: float, wide: float, high: float) -> Markup:
    """Return a rectangle of a class."""
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
        kind, num(x), num(y), num(wide), num(high)
    )


def level(x: float, y: float, to: float) -> str:
    """Return a path from one x to another."""
    return f"M{num(x)} {num(y)}H{num(to)}"


def upright(x: float, y: float, to: float) -> str:
    """Return a path from one y to another."""
    return f"M{num(x)} {num(y)}V{num(to)}"


def hatched(x: float, y: float, wide: float, high: float) -> str:
    """Return a path of slanting lines, 8 px apart, that fills a rectangle; those that go from its foot to its head are all alike."""
    starts = [8.0 * number for number in range(1, math.ceil((wide + high) / 8))]
    whole = [start for start in starts if high <= start <= wide]
    cut = (start for start in starts if not high <= start <= wide)
    drawn = [
        f"M{num(x + max(0, c - high))} {num(y + min(high, c))}L{num(x + min(wide, c))} {num(y + max(0, c - wide))}"
        for c in cut
    ]
    slant = f"l{num(high)} {num(-high)}"
    if whole:
        drawn.append(
            f"M{num(x + whole[0] - high)} {num(y + high)}"
            + f"m{num(8 - high)} {num(high)}".join([slant] * len(whole))
        )
    return "".join(drawn)


_SHAPES: Final = {
    "circle": ("ink", "m-7 0a7 7 0 1 0 14 0a7 7 0 1 0-14 0Z"),
    "diamond": ("ink", "m0-8l8 8-8 8-8-8Z"),
    "square": ("ink", "m-7-7h14v14h-14Z"),
    "triangle": ("ink", "m0-8l8 15h-16Z"),
    "bars": ("ink", "m-7-8h5v16h-5Zm9 0h5v16h-5Z"),
    "cross": ("heavy", "m-6-6l12 12m0-12l-12 12"),
    "open circle": ("open", "m-6 0a6 6 0 1 0 12 0a6 6 0 1 0-12 0Z"),
    "open diamond": ("open", "m0-8l8 8-8 8-8-8Z"),
    "open square": ("open", "m-6-6h12v12h-12Z"),
    "open triangle": ("open", "m0-8l8 15h-16Z"),
}
"""The class and the path of every shape around its middle; none reaches further than 8
px.
"""


def shape(name: str, x: float, y: float) -> Markup:
    """Return a mark, by the name of its shape."""
    kind, drawn = _SHAPES[name]
    return path(kind, f"M{num(x)} {num(y)}{drawn}")


def image(
    kind: str,
    name: str,
    title: str,
    wide: float,
    high: float,
    parts: Iterable[Markup],
    desc: str = "",
) -> Markup:
    """Return a chart, named by its title and told by its description."""
    id = _NO_NAME.sub("-", name)
    markup = Markup('aria-labelledby="{0}-t{2}"><title id="{0}-t">{1}</title>').format(
        id, cleaned(title), Markup(" {}-d").format(id) if desc else ""
    )
    told = Markup('<desc id="{}-d">{}</desc>').format(id, cleaned(desc)) if desc else Markup("")
    return Markup('<svg class="{}" viewBox="0 0 {} {}" role="img" {}{}{}</svg>').format(
        kind, num(wide), num(high), markup, told, Markup("").join(parts)
    )


# The earth


class MapPoint(NamedTuple):
    """A place in decimal degrees; a longitude may go on beyond 180."""

    lat: float
    lon: float


class Disc(NamedTuple):
    """All that lies within so many metres of a place."""

    lat: float
    lon: float
    radius_m: float


class Outline(NamedTuple):
    """All that lies between corners, each a latitude and a longitude."""

    corners: Sequence[tuple[float, float]]


NAUTICAL_MILE_M: Final = 1852.0
_EARTH_M: Final = 6_371_008.8
_LARGEST_M: Final = 9_900_000.0
"""A little less than from a pole to the equator: no larger disc is drawn, because it
could hold both poles.
"""

_STEPS: Final = (
    *(1, 2, 5, 10, 20, 30),
    *(60 * minutes for minutes in (1, 2, 5, 10, 20, 30)),
    *(3600 * degrees for degrees in (1, 2, 5, 10, 20, 30, 60, 90)),
)
"""The steps of a grid, in seconds of arc."""


def distance_m(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return how far two places, each a latitude and a longitude, are from each other on a sphere of the earth's mean radius; exact to half a per cent."""
    lat, lat2 = math.radians(one[0]), math.radians(other[0])
    turn = math.radians(other[1] - one[1])
    half = (
        math.sin((lat2 - lat) / 2) ** 2 + math.cos(lat) * math.cos(lat2) * math.sin(turn / 2) ** 2
    )
    return 2 * _EARTH_M * math.asin(math.sqrt(min(1.0, half)))


def ring(area: Disc | Outline) -> list[MapPoint]:
    """Return the corners of an area, each reached from the last the shorter way round; an area around a pole is closed along the pole."""
    corners = (
        [MapPoint(*corner) for corner in area.corners] if isinstance(area, Outline) else _rim(area)
    )
    if not corners:
        return []
    gone = [corners[0]]
    for corner in (*corners[1:], corners[0]):
        gone.append(
            MapPoint(corner.lat, gone[-1].lon + (corner.lon - gone[-1].lon + 180) % 360 - 180)
        )
    if abs(gone[-1].lon - gone[0].lon) < 180:
        return gone[:-1]
    pole = math.copysign(90.0, sum(corner.lat for corner in corners))
    return [*gone, MapPoint(pole, gone[-1].lon), MapPoint(pole, gone[0].lon)]


def _rim(disc: Disc) -> list[MapPoint]:
    """Return a disc's rim: where one comes from its middle on each of 72 courses."""
    lat, far = math.radians(disc.lat), min(disc.radius_m, _LARGEST_M) / _EARTH_M
    map_points = []
    for number in range(72):
        course = math.tau * number / 72
        there = math.asin(
            max(
                -1.0,
                min(
                    1.0,
                    math.sin(lat) * math.cos(far)
                    + math.cos(lat) * math.sin(far) * math.cos(course),
                ),
            )
        )
        turn = math.atan2(
            math.sin(course) * math.sin(far) * math.cos(lat),
            math.cos(far) - math.sin(lat) * math.sin(there),
        )
        map_points.append(MapPoint(math.degrees(there), disc.lon + math.degrees(turn)))
    return map_points


def gathered(figures: Sequence[Sequence[MapPoint]]) -> list[list[MapPoint]]:
    """Figures moved by whole turns of the earth to where they lie closest together: the widest gap between them is left outside."""
    spread = sorted({_lons(figure) for figure in figures})
    reach = max(east for _, east in spread) - 360
    widest_gap, edge = -math.inf, 0.0
    for west, east in spread:
        if west - reach > widest_gap:
            widest_gap, edge = west - reach, west
        reach = max(reach, east)
    moved = []
    for figure in figures:
        west = _lons(figure)[0]
        turns = (west if west >= edge else west + 360) - min(point.lon for point in figure)
        moved.append([MapPoint(lat, lon + turns) for lat, lon in figure])
    return moved


def _lons(figure: Sequence[MapPoint]) -> tuple[float, float]:
    west, east = min(point.lon for point in figure), max(point.lon for point in figure)
    return west % 360, west % 360 + east - west


class MapView(NamedTuple):
    """A flat picture of a part of the earth: its frame, and what stands in the middle of its room. It is true to scale at its own latitude only."""

    frame: Box
    middle: MapPoint
    x_middle: float
    y_middle: float
    px_lat: float
    px_lon: float
    true: bool
    """Whether a degree east is as long as it ought to be: next to a pole it cannot be,
    since the whole circle has to have room.
    """

    def x(self, lon: float) -> float:
        """Return where a longitude is, inside the frame."""
        return self.x_middle + max(-180.0, min(180.0, lon - self.middle.lon)) * self.px_lon

    def y(self, lat: float) -> float:
        """Return where a latitude is."""
        return self.y_middle - (lat - self.middle.lat) * self.px_lat

    def lats(self) -> tuple[int, list[int]]:
        """Return the step of its parallels, and where they are, in seconds of arc."""
        step = _step(self.px_lat, 80)
        return step, _multiples(
            step,
            self.middle.lat,
            self.px_lat,
            self.y_middle - self.frame.bottom,
            self.y_middle - self.frame.top,
        )

    def lons(self) -> tuple[int, list[int]]:
        """Return the step of its meridians, and where they are, in seconds of arc; beyond 180 degrees they go on."""
        step = _step(self.px_lon, 90)
        return step, _multiples(
            step,
            self.middle.lon,
            self.px_lon,
            self.frame.left - self.x_middle,
            self.frame.right - self.x_middle,
        )


def view(
    points: Sequence[MapPoint], room: Box, inner: tuple[float, float], margin: float
) -> MapView:
    """Return the picture in which points take no more than the inner width and height of the room; left of it, `margin` is kept more where labels are long."""
    lats, lons = [point.lat for point in points], [point.lon for point in points]
    lat, lon = (min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2
    shrunk = max(math.cos(math.radians(lat)), 1e-9)
    high, wide = max(lats) - min(lats), min(360.0, max(lons) - min(lons)) * shrunk
    least = 1 / 60 if max(high, wide) < 1e-5 else 0.1 / 60
    px_lat = min(inner[1] / max(high, least), inner[0] / max(wide, least))
    number = room.left + (margin if _step(px_lat, 80) < 60 else 0.0)
    half = (room.bottom - room.top) / 2
    edge = (
        90 - (half - 24) / px_lat
    )  # so far may the middle be from the equator if a pole is to stand 24 px inside the frame
    lat = max(-edge, min(edge, lat)) if edge > 0 else 0.0
    floor = (room.right - number - 36) / 360
    px_lon = max(px_lat * shrunk, floor)
    x, y = (number + room.right) / 2, room.top + half
    frame = Box(
        max(number, x - 180 * px_lon),
        max(room.top, y - (90 - lat) * px_lat),
        min(room.right, x + 180 * px_lon),
        min(room.bottom, y + (90 + lat) * px_lat),
    )
    return MapView(frame, MapPoint(lat, lon), x, y, px_lat, px_lon, px_lat * shrunk >= floor)


def _step(px: float, least: float) -> int:
    """Return the smallest round step that is so many px at least."""
    return next((step for step in _STEPS if step * px / 3600 >= least), _STEPS[-1])


def _multiples(step: int, middle: float, px: float, low: float, high: float) -> list[int]:
    first, last = (middle + low / px) * 3600 / step, (middle + high / px) * 3600 / step
    return [step * number for number in range(math.ceil(first - 1e-9), math.floor(last + 1e-9) + 1)]


def degrees(seconds: int, step: int, letters: str, *, brief: bool = False) -> str:
    """Return how a parallel or meridian is called, as exactly as its step needs: 15°07'N; `brief`, without the degrees: 07'N."""
    turned = (seconds + 648_000) % 1_296_000 - 648_000 if letters == "EW" else seconds
    whole, number = divmod(abs(turned), 3600)
    letter = "" if turned in (0, -648_000) else letters[turned < 0]
    fine = (
        ""
        if step % 3600 == 0
        else f"{number // 60:02}\N{PRIME}"
        + ("" if step % 60 == 0 else f"{number % 60:02}\N{DOUBLE PRIME}")
    )
    return f"{fine}{letter}" if brief and fine else f"{whole}°{fine}{letter}"


def round_below(most: float) -> float:
    """Return the largest 1, 2 or 5 times a power of ten that is not more."""
    power = 10.0 ** math.floor(math.log10(most))
    return next(digit * power for digit in (5, 2, 1) if digit * power <= most or digit == 1)


def between(one: tuple[float, float], other: tuple[float, float]) -> list[Box]:
    """Small boxes along a line."""
    steps = [number / 24 for number in range(25)]
    along = [
        (one[0] + (other[0] - one[0]) * step, one[1] + (other[1] - one[1]) * step) for step in steps
    ]
    return [
        Box(min(a, c) - 1, min(b, d) - 1, max(a, c) + 1, max(b, d) + 1)
        for (a, b), (c, d) in pairwise(along)
    ]
