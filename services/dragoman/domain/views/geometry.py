"""Plane geometry of areas: outlines, and whether they meet."""

from math import cos, pi, radians, sin
from typing import Any, Final

from dragoman.domain.acts import si_units

Point = tuple[float, float]


_METRES_A_DEGREE: Final = 111_320.0


_CORNERS: Final = 32
"""The number of corners of the polygon that stands for a circle."""


def outline(place: Any) -> list[Point]:
    """Return a place as a polygon of longitudes and latitudes.

    A point has a single corner, and words have none.
    """
    if not isinstance(place, dict):
        return []
    if "polygon" in place:
        return [(corner["lon"], corner["lat"]) for corner in place["polygon"]]
    if "circle" in place:
        lon, lat, radius = (
            place["circle"]["pos"]["lon"],
            place["circle"]["pos"]["lat"],
            si_units.metres(place["circle"]["radius"]) / _METRES_A_DEGREE,
        )
        wide = radius / max(cos(radians(lat)), 0.01)
        return [
            (lon + wide * cos(2 * pi * n / _CORNERS), lat + radius * sin(2 * pi * n / _CORNERS))
            for n in range(_CORNERS)
        ]
    return [(place["lon"], place["lat"])] if "lat" in place else []


def meet(one: list[Point], other: list[Point]) -> bool:
    """Return whether two polygons share a point.

    They are on a plane of longitude and latitude, so not across the date line.
    """
    if not one or not other:
        return False
    return (
        _inside(one[0], other)
        or _inside(other[0], one)
        or any(_cross(a, b) for a in _edges(one) for b in _edges(other))
    )


def _edges(corners: list[Point]) -> list[tuple[Point, Point]]:
    return list(zip(corners, [*corners[1:], corners[0]], strict=True))


def _inside(point: Point, corners: list[Point]) -> bool:
    x, y = point
    inside = False
    for (ax, ay), (bx, by) in _edges(corners):
        if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
            inside = not inside
    return inside


def _cross(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    (a, b), (c, d) = one, other
    return (
        _turn(a, b, c) * _turn(a, b, d) <= 0
        and _turn(c, d, a) * _turn(c, d, b) <= 0
        and _boxes_meet(one, other)
    )


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _boxes_meet(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    return all(
        min(one[0][axis], one[1][axis]) <= max(other[0][axis], other[1][axis])
        and min(other[0][axis], other[1][axis]) <= max(one[0][axis], one[1][axis])
        for axis in (0, 1)
    )
