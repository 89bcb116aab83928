"""The figures of places, as maps draw them: points, lines and areas on WGS 84.

    point     as it is
    polygon   closed, its corners counter-clockwise
    circle    a polygon of 64 corners around it, with the whole circle inside
    words     no figure

A figure that crosses the 180th meridian is cut there, and an area around a pole is
closed along the pole (RFC 7946 §3.1.9, §5.3). Edges are straight on a map of longitude
and latitude.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from math import atan, cos, floor, pi, tan
from typing import Any, Final, Literal

from msgspec import Struct

from dragoman.domain.acts import si_units
from dragoman.domain.acts.geodesy import (
    MEAN_RADIUS_M,
    GeoPoint,
    destination,
    rounded,
)

_CORNERS: Final = 64
_MERIDIAN: Final = 180.0


class Figure(Struct, frozen=True, kw_only=True):
    """A figure of points; an area and a line may have several parts."""

    kind: Literal["point", "line", "area"]
    parts: tuple[tuple[GeoPoint, ...], ...]


def figure_of(place: Any) -> Figure | None:
    """Return the figure of a place in decoded JSON; None for words."""
    if not isinstance(place, dict):
        return None
    if "polygon" in place:
        return area(GeoPoint(corner["lat"], corner["lon"]) for corner in place["polygon"])
    if "circle" in place:
        return area(_around(place["circle"]))
    if "lat" in place:
        return Figure(kind="point", parts=((GeoPoint(place["lat"], place["lon"]),),))
    return None


def area(corners: Iterable[GeoPoint]) -> Figure:
    """Return the area between corners, each corner joined to the next the shorter way.

    Corners in fewer than three places are a point, or a line.
    """
    way = _unwrapped(corners)
    ring = _closed_around_pole(way)
    parts = [part for band in _bands(ring) for part in _ring(_clipped_to_band(ring, band))]
    if parts:
        return Figure(kind="area", parts=tuple(parts))
    ends = [*dict.fromkeys(way)]
    return line(ends) if len(ends) > 1 else Figure(kind="point", parts=(_back(ends, 0),))


def line(points: Iterable[GeoPoint]) -> Figure:
    """Return the line through points, each joined to the next the shorter way."""
    turns: list[int] = []
    parts: list[list[GeoPoint]] = []
    for start, end in pairwise(_with_crossings(_unwrapped(points))):
        turn = _turn((start.lon + end.lon) / 2)
        if not turns or turns[-1] != turn:
            turns.append(turn)
            parts.append([start])
        parts[-1].append(end)
    return Figure(
        kind="line",
        parts=tuple(_back(part, turn) for part, turn in zip(parts, turns, strict=True)),
    )


def _around(circle: Any) -> Iterator[GeoPoint]:
    """Yield the corners of a polygon around a circle, counter-clockwise.

    Its edges touch the circle, so its corners are farther away than the radius.
    """
    centre = GeoPoint(circle["pos"]["lat"], circle["pos"]["lon"])
    arc = si_units.metres(circle["radius"]) / MEAN_RADIUS_M
    out = atan(tan(arc) / cos(pi / _CORNERS)) * MEAN_RADIUS_M
    for number in range(_CORNERS):
        yield destination(centre, -360 * number / _CORNERS, out)


def _unwrapped(points: Iterable[GeoPoint]) -> list[GeoPoint]:
    """Return points whose longitudes go on beyond 180 degrees, without a jump."""
    way: list[GeoPoint] = []
    for point in points:
        lon = way[-1].lon + _shorter(way[-1].lon, point.lon) if way else point.lon
        way.append(GeoPoint(point.lat, lon))
    return way


def _shorter(start: float, end: float) -> float:
    """Return the degrees from one longitude to another, the shorter way around."""
    east = (end - start) % 360
    return east if east <= _MERIDIAN else east - 360


def _closed_around_pole(ring: list[GeoPoint]) -> list[GeoPoint]:
    """Return a ring with the pole that it goes around as an edge.

    A ring that goes around no pole is returned as it is.
    """
    first, last = ring[0], ring[-1]
    turn = last.lon + _shorter(last.lon, first.lon) - first.lon
    if abs(turn) < _MERIDIAN:
        return ring
    pole = 90.0 if sum(point.lat for point in ring) >= 0 else -90.0
    end = first.lon + turn
    return [*ring, GeoPoint(first.lat, end), GeoPoint(pole, end), GeoPoint(pole, first.lon)]


def _bands(points: Sequence[GeoPoint]) -> range:
    """Return the turns around the earth on which points lie, 0 from -180 to 180."""
    west, east = min(point.lon for point in points), max(point.lon for point in points)
    first, last = _turn(west), _turn(east)
    if last > first and east == last * 360 - _MERIDIAN:
        last -= 1
    return range(first, last + 1)


def _turn(lon: float) -> int:
    return floor((lon + _MERIDIAN) / 360)


def _with_crossings(way: list[GeoPoint]) -> list[GeoPoint]:
    """Return the points of a way, with those at which it crosses the 180th meridian."""
    points = way[:1]
    for start, end in pairwise(way):
        low, high = sorted((_turn(start.lon), _turn(end.lon)))
        edges = [turn * 360 - _MERIDIAN for turn in range(low + 1, high + 1)]
        inner = [edge for edge in edges if min(start.lon, end.lon) < edge < max(start.lon, end.lon)]
        points += [
            _crossing(start, end, edge) for edge in inner[:: 1 if start.lon < end.lon else -1]
        ]
        points.append(end)
    return points


def _clipped_to_band(ring: list[GeoPoint], band: int) -> list[GeoPoint]:
    """Return the part of a ring on one turn, moved back to -180 to 180 degrees."""
    west, east = band * 360 - _MERIDIAN, band * 360 + _MERIDIAN
    clipped = _clipped(_clipped(ring, west, 1), east, -1)
    return [*_back(clipped, band)]


def _clipped(ring: list[GeoPoint], edge: float, sign: int) -> list[GeoPoint]:
    """Return the part of a ring on one side of a meridian (Sutherland and Hodgman)."""
    clipped: list[GeoPoint] = []
    for start, end in zip(ring[-1:] + ring[:-1], ring, strict=True):
        before, after = (start.lon - edge) * sign >= 0, (end.lon - edge) * sign >= 0
        if before != after:
            clipped.append(_crossing(start, end, edge))
        if after:
            clipped.append(end)
    return clipped


def _crossing(start: GeoPoint, end: GeoPoint, lon: float) -> GeoPoint:
    share = (lon - start.lon) / (end.lon - start.lon)
    return GeoPoint(start.lat + share * (end.lat - start.lat), lon)


def _back(points: Iterable[GeoPoint], band: int) -> tuple[GeoPoint, ...]:
    return tuple(rounded(point.lat, point.lon - band * 360) for point in points)


def _ring(corners: Sequence[GeoPoint]) -> Iterator[tuple[GeoPoint, ...]]:
    """Yield a closed ring, counter-clockwise; nothing for fewer than three corners."""
    distinct = [
        corner for number, corner in enumerate(corners) if corner != corners[number - 1]
    ] or [*corners[:1]]
    if len(distinct) < 3:
        return
    twice_area = sum(
        start.lon * end.lat - end.lon * start.lat
        for start, end in zip(distinct, distinct[1:] + distinct[:1], strict=True)
    )
    ring = distinct if twice_area >= 0 else distinct[::-1]
    yield (*ring, ring[0])
