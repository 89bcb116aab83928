"""Points on the earth, with distances and bearings between them, on a sphere."""

from math import (
    asin,
    atan2,
    cos,
    degrees,
    radians,
    sin,
    sqrt,
)
from typing import Final, NamedTuple


class GeoPoint(NamedTuple):
    """A point in WGS-84 decimal degrees, north and east positive.

    Six decimals are a tenth of a metre.
    """

    lat: float
    lon: float


def distance_m(a: GeoPoint, b: GeoPoint) -> float:
    """Return the distance between two points in metres.

    The sphere has the earth's mean radius, so the result is within 0.6 % of the
    ellipsoid.
    """
    north, east = radians(b.lat - a.lat), radians(b.lon - a.lon)
    chord = sin(north / 2) ** 2 + cos(radians(a.lat)) * cos(radians(b.lat)) * sin(east / 2) ** 2
    return 2 * MEAN_RADIUS_M * asin(min(1.0, sqrt(chord)))


def bearing(a: GeoPoint, b: GeoPoint) -> float:
    """Return the initial bearing from one point to another.

    It is in degrees from north, clockwise, 0 up to 360. It is 0 between a point and
    itself.
    """
    east = radians(b.lon - a.lon)
    from_, to = radians(a.lat), radians(b.lat)
    angle = atan2(sin(east) * cos(to), cos(from_) * sin(to) - sin(from_) * cos(to) * cos(east))
    # The first remainder of a tiny negative angle is 360.0, and the second one 0.0.
    return degrees(angle) % 360 % 360


def destination(start: GeoPoint, bearing_deg: float, metres: float) -> GeoPoint:
    """Return the point at a bearing and a distance from another, along a great circle.

    The bearing is in degrees from north, clockwise. The longitude is within 180 degrees
    of that of the start, and so may be beyond the date line.
    """
    arc, angle, lat = metres / MEAN_RADIUS_M, radians(bearing_deg), radians(start.lat)
    height = sin(lat) * cos(arc) + cos(lat) * sin(arc) * cos(angle)
    north = asin(max(-1.0, min(1.0, height)))
    east = atan2(sin(angle) * sin(arc), cos(lat) * cos(arc) - sin(lat) * sin(arc) * cos(angle))
    return GeoPoint(degrees(north), start.lon + degrees(east))


def great_circle(a: GeoPoint, b: GeoPoint, steps: int) -> list[GeoPoint]:
    """Return points on the shortest way between two points, both of them included.

    Longitudes go on beyond 180 degrees, so that the way has no jump. Between opposite
    points every way is the shortest, and the one over the initial bearing is taken.
    """
    angle, metres = bearing(a, b), distance_m(a, b)
    way = [a]
    for number in range(1, steps + 1):
        point = destination(a, angle, metres * number / steps) if number < steps else b
        turn = (point.lon - way[-1].lon + 180) % 360 - 180
        way.append(GeoPoint(point.lat, way[-1].lon + turn))
    return way


MEAN_RADIUS_M: Final = 6_371_008.8
"""The mean radius of WGS-84, (2a + b) / 3."""


def rounded(lat: float, lon: float) -> GeoPoint:
    """Return a point to six decimals; adding zero turns -0.0 into 0.0."""
    return GeoPoint(round(lat, 6) + 0.0, round(lon, 6) + 0.0)
