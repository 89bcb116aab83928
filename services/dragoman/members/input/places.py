"""Places as officers write them, in English, French or Chinese, read into a point.

A notation is read only where it has one meaning. Where it has two, or none,
`NotUnderstoodInput` says by its code which question to ask the officer. Nothing is
swapped, completed or converted without asking. Show the officer the reading before it
is recorded.

Each coordinate has its hemisphere letter, or the pair is signed, the latitude first.
Letters decide which is which. `O` is *ouest*. A grid reference means the middle of its
square.

    15.1203 N 116.4411 E  N15.1203 E116.4411  -33.5, 18.25  +15.1203 +116.4411
    15,1203 N 116,4411 E  15-07N 116-26E  1507N 11626E  15 07.2 N 116 26.5 E
    15-07-13N 116-26-28E  150713N 1162628E  15°07'13"N 116°26'28"E
    北纬15度7分13秒 东经116度26分28秒  50P MB 39946 71708
"""

import re
from typing import Final, Literal

from dragoman.domain.acts.geodesy import GeoPoint, rounded
from dragoman.i18n.places import decimal, with_letters
from dragoman.members.input import mgrs
from dragoman.members.input.not_understood import (
    FLAGS,
    NeedsHemisphere,
    NotUnderstoodInput,
    named_parts,
    plain_text,
)

_DIGITS: Final = 6


def lettered(point: GeoPoint) -> str:
    """Return a point in decimal degrees with its letters: "15.1N 116.4E"."""
    lat, lon = (str(tidy(abs(number))) for number in point)
    return f"{lat}{'N' if point.lat >= 0 else 'S'} {lon}{'E' if point.lon >= 0 else 'W'}"


def tidy(number: float) -> float | int:
    """Return a number as short as it can be written."""
    rounded = round(number, _DIGITS)
    return int(rounded) if rounded == int(rounded) else rounded


def read_place(text: str) -> GeoPoint:
    """Return a point in any of the notations of places.

    Raises `NotUnderstoodInput`. Its `suggestion` is the point to ask about, if there is
    one: with north and east supplied (`NeedsHemisphere`), or with latitude and
    longitude exchanged (`latitude_range`).
    """
    plain = plain_text(text, _PLACE_MARKS).upper().replace("''", '"')
    if grid := _grid.fullmatch(plain):
        return mgrs.read_square(
            int(grid["zone"]), grid["band"], grid["column"] + grid["row"], grid["digits"].split()
        )
    if _polar.fullmatch(plain):
        raise NotUnderstoodInput(
            "polar_mgrs",
            "That is in the polar grid, which is not read; write degrees, like 85-30N 010-00E.",
        )
    if pair := _behind.fullmatch(plain) or _before.fullmatch(plain):
        return _lettered(
            (pair["one"], _HEMISPHERES[pair["first"][0]]),
            (pair["two"], _HEMISPHERES[pair["second"][0]]),
        )
    letters = list(_letter.finditer(plain))
    if len(letters) == 1:
        return _half_lettered(plain, letters[0])
    return _signed(plain)


_PLACE_MARKS: Final = str.maketrans(
    {
        **dict.fromkeys("\u2032\u2018\u2019\u00b4\u02b9\u02bc`分", "'"),
        **dict.fromkeys("\u2033\u201c\u201d\u02ba秒", '"'),
        **dict.fromkeys("\u00ba\u02da度", "°"),
        **dict.fromkeys("\u2212\u2010\u2011\u2013", "-"),
        "\u3001": ",",
        "北": "N",
        "南": "S",
        "东": "E",
        "西": "W",
        "纬": " ",
        "经": " ",
    }
)
"""Signs of keyboards, books and Chinese, and the ASCII signs or degree sign for them.
"""


_Hemisphere = Literal["N", "S", "E", "W"]


_HEMISPHERES: Final[dict[str, _Hemisphere]] = {"N": "N", "S": "S", "E": "E", "W": "W", "O": "W"}
"""Hemispheres by the first letter of their names in English and French."""


_HEMISPHERE: Final = "NORTH|NORD|N|SOUTH|SUD|S|EAST|EST|E|WEST|OUEST|W|O"


_letter: Final = re.compile(_HEMISPHERE)


_behind: Final = re.compile(
    rf"(?P<one>[^A-Z]+)(?P<first>{_HEMISPHERE})(?P<two>[^A-Z]+)(?P<second>{_HEMISPHERE})"
)


_before: Final = re.compile(
    rf"(?P<first>{_HEMISPHERE})(?P<one>[^A-Z]+)(?P<second>{_HEMISPHERE})(?P<two>[^A-Z]+)"
)


_angle: Final = re.compile(
    r"""
    (?P<packed>\d{4,7})(?P<part>[.,]\d{1,12})?
  | (?P<degrees>\d{1,3}(?:[.,]\d{1,12})?)\s*°?
  | (?P<degrees2>\d{1,3})(?:-|\s*°\s*|\s+)(?P<minutes2>\d{1,2}(?:[.,]\d{1,12})?)\s*'?
  | (?P<degrees3>\d{1,3})(?:-|\s*°\s*|\s+)(?P<minutes3>\d{1,2})
    (?:-|\s*'\s*|\s+)(?P<seconds3>\d{1,2}(?:[.,]\d{1,12})?)\s*"?
    """,
    FLAGS,
)


_between: Final = re.compile(r"\s*[,;/]\s*|\s+")


def _no_place() -> NotUnderstoodInput:
    return NotUnderstoodInput(
        "no_place",
        "That cannot be read as a place; write one like 15-07N 116-26E, 15.1203 N "
        "116.4411 E or 50P MB 39946 71708.",
    )


def _lettered(*halves: tuple[str, _Hemisphere]) -> GeoPoint:
    """Return the point of two coordinates with hemispheres, in either order."""
    numbers: dict[str, float] = {}
    for half, hemisphere in halves:
        axis: Literal["lat", "lon"] = "lat" if hemisphere in "NS" else "lon"
        written = half.strip(" ,;/")
        if written[:1] in {"+", "-"}:
            raise NotUnderstoodInput(
                "sign_and_letter", "A number has both a sign and a letter; leave the sign out."
            )
        numbers[axis] = _degrees(written, axis) * (-1 if hemisphere in "SW" else 1)
    if len(numbers) == 1:
        raise NotUnderstoodInput(
            "same_axis",
            "Both numbers are on the same axis; write N or S behind one, and E or W behind "
            "the other.",
        )
    return _within(numbers["lat"], numbers["lon"])


def _signed(plain: str) -> GeoPoint:
    """Return the point of two numbers, the latitude first.

    A negative number shows that the other, without a sign, is positive.
    """
    first, second = _pair(plain)
    lat, lon = _degrees(first.lstrip("+- "), "lat"), _degrees(second.lstrip("+- "), "lon")
    point = _within(-lat if first[0] == "-" else lat, -lon if second[0] == "-" else lon)
    if "-" in {first[0], second[0]} or first[0] == second[0] == "+":
        return point
    raise NeedsHemisphere(point)


def _pair(plain: str) -> tuple[str, str]:
    """Return two coordinates without letters, each with its sign if it has one.

    Both are in the same form where that is possible.
    """
    splits = [(plain[: item.start()], plain[item.end() :]) for item in _between.finditer(plain)]
    forms = {
        half: result
        for split in splits
        for half in split
        if (result := _angle.fullmatch(re.sub(r"^[+-]\s?", "", half)))
    }
    readings = [(first, second) for first, second in splits if first in forms and second in forms]
    alike = [
        (first, second)
        for first, second in readings
        if named_parts(forms[first]).keys() == named_parts(forms[second]).keys()
    ]
    match alike or readings:
        case [pair]:
            return pair
        case []:
            raise _no_place()
        case _:
            raise NotUnderstoodInput(
                "ambiguous_place",
                "Which numbers belong together? Write the letters, like 33-18S 030-00E, or "
                "each number with its sign and decimals.",
            )


def _half_lettered(plain: str, letter: re.Match[str]) -> GeoPoint:
    """Return the point of a number with a letter and a number with a sign.

    Raises `NeedsHemisphere` where the sign is missing. A letter between the two belongs
    to the first.
    """
    first, second = _pair(" ".join(f"{plain[: letter.start()]} {plain[letter.end() :]}".split()))
    hemisphere = _HEMISPHERES[letter[0][0]]
    lettered, other = (second, first) if letter.end() == len(plain) else (first, second)
    signed: tuple[_Hemisphere, _Hemisphere] = ("E", "W") if hemisphere in "NS" else ("N", "S")
    point = _lettered((lettered, hemisphere), (other.lstrip("+- "), signed[other[0] == "-"]))
    if other[0] in "+-":
        return point
    raise NeedsHemisphere(point)


def _degrees(written: str, axis: Literal["lat", "lon"]) -> float:
    """Return the degrees of one coordinate without its sign.

    Written without separators, a latitude has two digits of degrees and a longitude
    three.
    """
    match = _angle.fullmatch(written)
    if match is None:
        raise _no_place()
    parts = named_parts(match)
    if "packed" in parts:
        packed, cut = parts["packed"], 2 if axis == "lat" else 3
        if len(packed) - cut not in {2, 4}:
            raise NotUnderstoodInput(
                "digit_count",
                "Write two digits of degrees north or south and three east or west, like "
                "1507N 01626E.",
            )
        last = packed[-2:] + parts.get("part", "")
        parts = (
            {"degrees": packed[:cut], "minutes": last}
            if len(packed) - cut == 2
            else {"degrees": packed[:cut], "minutes": packed[cut : cut + 2], "seconds": last}
        )
    whole, minutes, seconds = (
        float(parts.get(name, "0").replace(",", ".")) for name in ("degrees", "minutes", "seconds")
    )
    if minutes >= 60 or seconds >= 60:
        raise NotUnderstoodInput(
            "minutes_range",
            "Minutes and seconds go up to 59; check the digits, or write decimal degrees.",
        )
    return whole + minutes / 60 + seconds / 3600


def _within(lat: float, lon: float) -> GeoPoint:
    """Return the point, or raise an error where there is no such point.

    If the exchanged numbers were a point, the error asks about it and assumes nothing.
    """
    if abs(lat) > 90:
        swapped = rounded(lon, lat) if abs(lon) <= 90 and abs(lat) <= 180 else None
        question = f" Did you mean {with_letters(swapped)}?" if swapped else ""
        raise NotUnderstoodInput(
            "latitude_range",
            f"{decimal(lat, '-')} is not a latitude, which goes up to 90.{question} Write it so.",
            swapped,
        )
    if abs(lon) > 180:
        raise NotUnderstoodInput(
            "longitude_range",
            f"{decimal(lon, '-')} is not a longitude, which goes up to 180 east or west; "
            "check the digits.",
        )
    return rounded(lat, lon)


_grid: Final = re.compile(
    r"(?P<zone>\d{1,2})\s*(?P<band>[A-Z])\s*(?P<column>[A-Z])\s*(?P<row>[A-Z])\s*(?P<digits>[\d\s]*)",
    re.ASCII,
)


_polar: Final = re.compile(r"[ABYZ]\s*[A-Z]\s*[A-Z][\d\s]*\d", re.ASCII)
