"""The land of the earth for a chart: coasts alone, without borders and names.

    {"source": "world-atlas@2.0.2 land-50m", "scale": 100, "rings": [[lon, lat, …], …]}

`deploy/release/land.mjs` writes this file when the assets are made. Its rings are cut
at the 180th meridian and closed along the poles, so that a flat chart draws them as
they are. An installation without the file has charts without land.
"""

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from msgspec import DecodeError, Struct

from dragoman.console.charts.map_projection import MapView
from dragoman.console.charts.svg import Box
from dragoman.domain.record import nesting

_FILE: Final = Path(__file__).parents[1] / "static" / "vendor" / "land.json"

_PAD: Final = 12.0
"""The px by which land reaches beyond the frame, so that its cut edge is not seen."""

_FINEST: Final = 0.9
"""The least px between two points of a coast on one axis."""


class LandFile(Struct):
    """The content of the file: rings of numbers in parts of a degree."""

    scale: int
    rings: list[list[int]]


class LandRing(Struct, frozen=True):
    """One ring of land with its bounds, in degrees."""

    bounds: Box
    points: tuple[tuple[float, float], ...]


@cache
def rings() -> tuple[LandRing, ...]:
    """Return all rings of land; none without the file."""
    try:
        content = nesting.decode(_FILE.read_bytes(), LandFile)
    except (OSError, DecodeError):
        return ()
    return tuple(_ring(numbers, content.scale) for numbers in content.rings)


def is_there() -> bool:
    """Return whether this installation has land."""
    return bool(rings())


@lru_cache(maxsize=64)
def path(view: MapView) -> str:
    """Return the land in a view as an SVG path, to be filled by the even-odd rule."""
    frame = view.frame
    room = Box(frame.x_min - _PAD, frame.y_min - _PAD, frame.x_max + _PAD, frame.y_max + _PAD)
    return "".join(_drawn(view, room))


def _ring(numbers: Sequence[int], scale: int) -> LandRing:
    lons = [number / scale for number in numbers[::2]]
    lats = [number / scale for number in numbers[1::2]]
    return LandRing(Box(min(lons), min(lats), max(lons), max(lats)), tuple(zip(lons, lats)))  # noqa: B905


def _drawn(view: MapView, room: Box) -> Iterator[str]:
    for ring in rings():
        for turn in (-360.0, 0.0, 360.0):
            x, y = view.x_middle + (turn - view.middle.lon) * view.px_lon, view.y_middle
            bounds = Box(
                x + ring.bounds.x_min * view.px_lon,
                y - (ring.bounds.y_max - view.middle.lat) * view.px_lat,
                x + ring.bounds.x_max * view.px_lon,
                y - (ring.bounds.y_min - view.middle.lat) * view.px_lat,
            )
            is_speck = bounds.x_max - bounds.x_min < 1 and bounds.y_max - bounds.y_min < 1
            if is_speck or not bounds.meets(room):
                continue
            points = [
                (x + lon * view.px_lon, y - (lat - view.middle.lat) * view.px_lat)
                for lon, lat in ring.points
            ]
            if not room.holds(bounds):
                points = _clipped(points, room)
            yield _path(points)


def _clipped(points: list[tuple[float, float]], room: Box) -> list[tuple[float, float]]:
    """Return the part of a ring inside a room (Sutherland and Hodgman)."""
    for axis, edge, sign in (
        (0, room.x_min, 1.0),
        (0, room.x_max, -1.0),
        (1, room.y_min, 1.0),
        (1, room.y_max, -1.0),
    ):
        points = _cut(points, axis, edge, sign)
    return points


def _cut(
    points: list[tuple[float, float]], axis: int, edge: float, sign: float
) -> list[tuple[float, float]]:
    clipped: list[tuple[float, float]] = []
    if not points:
        return clipped
    before = points[-1]
    was_inside = (before[axis] - edge) * sign >= 0
    for point in points:
        is_inside = (point[axis] - edge) * sign >= 0
        if is_inside != was_inside:
            share = (edge - before[axis]) / (point[axis] - before[axis])
            other = before[1 - axis] + share * (point[1 - axis] - before[1 - axis])
            clipped.append((edge, other) if axis == 0 else (other, edge))
        if is_inside:
            clipped.append(point)
        before, was_inside = point, is_inside
    return clipped


def _path(points: Sequence[tuple[float, float]]) -> str:
    """Return a ring as a path in tenths of a px, without points that nobody can see."""
    if len(points) < 3:
        return ""
    x, y = points[0]
    at = (round(x, 1), round(y, 1))
    parts = [f"M{at[0]:g} {at[1]:g}"]
    for a, b in points[1:]:
        if abs(a - at[0]) < _FINEST and abs(b - at[1]) < _FINEST:
            continue
        to = (round(a, 1), round(b, 1))
        parts.append(f"l{to[0] - at[0]:.1f} {to[1] - at[1]:.1f}")
        at = to
    return "".join((*parts, "z")) if len(parts) > 2 else ""
