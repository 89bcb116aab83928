"""References of the Military Grid Reference System on WGS-84 (NGA.STND.0037).

    write_square(GeoPoint(15.1203, 116.4411))             50P MB 39946 71708
    read_square(50, "P", "MB", ["39946", "71708"])        the middle of that square

The package `mgrs` (GEOTRANS) computes the squares. This module adds a check that
GEOTRANS does not make: a reference may lie at most 40 km beyond the edge of its zone.
"""

import warnings
from math import cos, radians
from typing import Final

from mgrs import MGRS
from mgrs.core import MGRSError

from dragoman.domain.acts.geodesy import GeoPoint, rounded
from dragoman.members.input.not_understood import NotUnderstoodInput

_GRID: Final = MGRS()
_MOST_DIGITS: Final = 10

_UNLIKE_OTHERS: Final = {
    (31, "V"): (0, 3),
    (32, "V"): (3, 12),
    (31, "X"): (0, 9),
    (33, "X"): (9, 21),
    (35, "X"): (21, 33),
    (37, "X"): (33, 42),
}
"""Zones off Norway and on Svalbard, with their edges in degrees east."""

_OVERLAP_M: Final = 40_000.0
"""Metres beyond the edge of a zone in which its grid may be used (DMA TM 8358.1)."""

_DECIMALS: Final = 7

_DEGREE_M: Final = 111_320.0
"""Metres of a degree of longitude at the equator; near enough for a tolerance."""


def write_square(point: GeoPoint) -> str:
    """Return the square metre in which a point lies, like `50P MB 39946 71708`.

    Raises `NotUnderstoodInput` with `polar_mgrs` north of 84 and south of 80 degrees.
    """
    if not -80 <= point.lat <= 84:
        raise NotUnderstoodInput(
            "polar_mgrs", "The grid reaches from 80 south to 84 north; write that place in degrees."
        )
    # A centimetre: nearer south of the equator the library names a square that is not there.
    lat = round(point.lat, _DECIMALS) + 0.0
    square = str(_GRID.toMGRS(lat, point.lon))
    return f"{square[:3]} {square[3:5]} {square[5:10]} {square[10:]}"


def read_square(zone: int, band: str, square: str, groups: list[str]) -> GeoPoint:
    """Return the middle of a square.

    The square is given by its zone, its band, two letters and groups of digits. Raises
    `NotUnderstoodInput` with `bad_mgrs` if there is no such square.
    """
    digits = "".join(groups)
    uneven = len(groups) == 2 and len(groups[0]) != len(groups[1])
    if len(digits) % 2 or uneven or not 2 <= len(digits) <= _MOST_DIGITS:
        raise NotUnderstoodInput(
            "bad_mgrs",
            "Write as many digits east as north, 1 to 5 of each, like 50P MB 39946 71708.",
        )
    try:
        with warnings.catch_warnings():  # a square on the edge of two bands has both names
            warnings.simplefilter("ignore", RuntimeWarning)
            lat, lon = _GRID.toLatLon(f"{zone:02}{band}{square}{digits}")
    except MGRSError:
        raise _no_square(zone, band, square) from None
    west, east_edge = _UNLIKE_OTHERS.get((zone, band), (6 * zone - 186, 6 * zone - 180))
    middle = (west + east_edge) / 2
    beyond = abs((lon - middle + 180) % 360 - 180) - (east_edge - west) / 2
    if beyond * _DEGREE_M * cos(radians(lat)) > _OVERLAP_M:
        raise _no_square(zone, band, square)
    return rounded(lat, lon)


def _no_square(zone: int, band: str, square: str) -> NotUnderstoodInput:
    return NotUnderstoodInput(
        "bad_mgrs",
        f"The grid has no square {zone}{band} {square}."
        " Check the zone and the letters (I and O are never used).",
    )
