"""The earth laid flat: areas, distances, and the map projection of a sketch."""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from dragoman.console.charts.svg import Box


class MapPoint(NamedTuple):
    """A place in decimal degrees; a longitude may go on beyond 180."""

    lat: float
    lon: float


class Disc(NamedTuple):
    """An area within a radius in metres of a place."""

    lat: float
    lon: float
    radius_m: float


class Outline(NamedTuple):
    """An area between corners, each a latitude and a longitude."""

    corners: Sequence[tuple[float, float]]


NAUTICAL_MILE_M: Final = 1852.0


_EARTH_M: Final = 6_371_008.8


_LARGEST_M: Final = 9_900_000.0
"""A distance a little shorter than from a pole to the equator.

No larger disc is drawn, because it could hold both poles.
"""


_STEPS: Final = (
    *(1, 2, 5, 10, 20, 30),
    *(60 * minutes for minutes in (1, 2, 5, 10, 20, 30)),
    *(3600 * degrees for degrees in (1, 2, 5, 10, 20, 30, 60, 90)),
)
"""The steps of a grid, in seconds of arc."""


def ring(area: Disc | Outline) -> list[MapPoint]:
    """Return the corners of an area, each reached the shorter way round.

    An area around a pole is closed along the pole.
    """
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
    """Return a disc's rim: the ends of 72 courses from its middle."""
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
    """Return figures that are moved by whole turns of the earth to lie close together.

    The widest gap between them is left outside.
    """
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
    """A flat picture of a part of the earth: its frame, and the point in its middle.

    It is true to scale at its own latitude only.
    """

    frame: Box
    middle: MapPoint
    x_middle: float
    y_middle: float
    px_lat: float
    px_lon: float
    true: bool
    """True where a degree east has its right length.

    Next to a pole it cannot have it, since the whole circle must have room.
    """

    def x(self, lon: float) -> float:
        """Return the x of a longitude, inside the frame."""
        return self.x_middle + max(-180.0, min(180.0, lon - self.middle.lon)) * self.px_lon

    def y(self, lat: float) -> float:
        """Return the y of a latitude."""
        return self.y_middle - (lat - self.middle.lat) * self.px_lat

    def lats(self) -> tuple[int, list[int]]:
        """Return the step of the parallels, and their latitudes, in seconds of arc."""
        step = _step(self.px_lat, 80)
        return step, _multiples(
            step,
            self.middle.lat,
            self.px_lat,
            self.y_middle - self.frame.y_max,
            self.y_middle - self.frame.y_min,
        )

    def lons(self) -> tuple[int, list[int]]:
        """Return the step of the meridians, and their longitudes, in seconds of arc.

        Beyond 180 degrees they go on.
        """
        step = _step(self.px_lon, 90)
        return step, _multiples(
            step,
            self.middle.lon,
            self.px_lon,
            self.frame.x_min - self.x_middle,
            self.frame.x_max - self.x_middle,
        )


def view(
    points: Sequence[MapPoint], room: Box, inner: tuple[float, float], margin: float
) -> MapView:
    """Return the picture of some points within the inner width and height of a room.

    On the left, `margin` is added where the labels of parallels are long.
    """
    lats, lons = [point.lat for point in points], [point.lon for point in points]
    lat, lon = (min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2
    shrunk = max(math.cos(math.radians(lat)), 1e-9)
    high, wide = max(lats) - min(lats), min(360.0, max(lons) - min(lons)) * shrunk
    least = 1 / 60 if max(high, wide) < 1e-5 else 0.1 / 60
    px_lat = min(inner[1] / max(high, least), inner[0] / max(wide, least))
    start = room.x_min + (margin if _step(px_lat, 80) < 60 else 0.0)
    half = (room.y_max - room.y_min) / 2
    # The greatest latitude of the middle that leaves a pole 24 px inside the frame.
    edge = 90 - (half - 24) / px_lat
    lat = max(-edge, min(edge, lat)) if edge > 0 else 0.0
    floor = (room.x_max - start - 36) / 360
    px_lon = max(px_lat * shrunk, floor)
    x, y = (start + room.x_max) / 2, room.y_min + half
    frame = Box(
        max(start, x - 180 * px_lon),
        max(room.y_min, y - (90 - lat) * px_lat),
        min(room.x_max, x + 180 * px_lon),
        min(room.y_max, y + (90 + lat) * px_lat),
    )
    return MapView(frame, MapPoint(lat, lon), x, y, px_lat, px_lon, px_lat * shrunk >= floor)


def _step(px: float, least: float) -> int:
    """Return the smallest round step that is at least so many px."""
    return next((step for step in _STEPS if step * px / 3600 >= least), _STEPS[-1])


def _multiples(step: int, middle: float, px: float, low: float, high: float) -> list[int]:
    first, last = (middle + low / px) * 3600 / step, (middle + high / px) * 3600 / step
    return [step * number for number in range(math.ceil(first - 1e-9), math.floor(last + 1e-9) + 1)]


def degrees(seconds: int, step: int, letters: str, *, brief: bool = False) -> str:
    """Return the label of a parallel or meridian: 15°07'N.

    It is as exact as its step needs. With `brief`, the degrees are left out: 07'N.
    """
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
