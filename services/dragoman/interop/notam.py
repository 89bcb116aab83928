"""The windows in force as drafts of NOTAM, in the form of ICAO Annex 15 and PANS-AIM.

    (NOTAMN
    Q) XXXX/QWMLW/IV/M/W/000/100/1515N11615E023
    A) XXXX B) 2612010800 C) 2612011000
    E) DANGER AREA. FIRING. …
    F) SFC G) 10000FT)

The channel knows no flight information region and no number of a series. So `XXXX`, the
letters that fill an unknown location, are in items Q and A, and a number is left out.
`UNK` is written where the record does not say something. A notice office fills in the
rest, and issues the NOTAM.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from math import ceil
from typing import Any, Final

from msgspec import UNSET, Raw, UnsetType

from dragoman.domain.acts import si_units
from dragoman.interop import warning_text as words
from dragoman.interop.map_features import has_passed, places_of
from dragoman.interop.map_figures import Figure, bounding_circle, figure_of
from dragoman_schemas.window_responses import InForce, InForceWindow

MEDIA: Final = "text/plain"
COLUMNS: Final = 69
"""The length of a line in the aeronautical fixed service."""

_REGION: Final = "XXXX"
_UNKNOWN: Final = "UNK"
_TAKES_PLACE: Final = "LW"
_SUBJECTS: Final = {
    ("danger-area", "firing"): "WM",
    ("danger-area", "missile"): "WM",
    ("danger-area", "drones"): "WU",
    ("launch-notice", ""): "WM",
    ("military-activity", ""): "WE",
    ("military-activity", "parachute"): "WP",
}
"""The second and third letters of the NOTAM code, by the format and its kind."""

_OTHER: Final = "XX"
_FLIGHTS_AND_SCOPE: Final = "IV/M/W"
_HIGHEST: Final = 999
_METRES_A_MILE: Final = 1_852.0


def text(in_force: InForce) -> str:
    """Return a draft for each window, after the lines that say what they are not."""
    lines = [*words.face(in_force), "FILL IN THE REGION IN Q AND A, AND THE NUMBER."]
    face = [row for line in lines for row in words.wrapped(line, COLUMNS)]
    drafts = ["\n".join(_draft(in_force, window)) for window in in_force.windows]
    return "\n\n".join(["\n".join(face), *drafts]) + "\n"


def _draft(in_force: InForce, window: InForceWindow) -> Iterator[str]:
    circles = [place for _, _, place in places_of(window)]
    figures = [figure for figure in map(figure_of, circles) if figure is not None]
    yield "(NOTAMN"
    yield (
        f"Q) {_REGION}/Q{_subject(window)}{_TAKES_PLACE}/{_FLIGHTS_AND_SCOPE}/"
        f"{_level(window.floor, up=False)}/{_level(window.ceiling, up=True)}/{_extent(figures)}"
    )
    is_open_ended = not window.closes or has_passed(in_force, window)
    closes = _UNKNOWN if is_open_ended else _time(words.rounded_up(window.closes))
    yield f"A) {_REGION} B) {_time(datetime.fromisoformat(window.opens))} C) {closes}"
    exercise = "EXERCISE. " if in_force.exercise else ""
    sentences = f"E) {exercise}{' '.join(_sentences(in_force, window))}"
    yield from words.wrapped(sentences, COLUMNS)
    yield f"F) {_limit(window.floor, up=False)} G) {_limit(window.ceiling, up=True)})"


def _sentences(in_force: InForce, window: InForceWindow) -> Iterator[str]:
    yield words.heading(window)
    if has_passed(in_force, window):
        yield words.passed_end(window)
    yield from words.progress(window)
    for name, index, place in places_of(window):
        where = f"{words.role(name, index)} {_place(place)}"
        yield f"{', '.join((where, *words.place_names(window, place)))}."
    if window.floor is not UNSET or window.ceiling is not UNSET:
        yield "DATUM OF THE LIMITS IS NOT STATED."
    yield from words.sources(window)


def _subject(window: InForceWindow) -> str:
    general = _SUBJECTS.get((window.act, ""), _OTHER)
    return _SUBJECTS.get((window.act, window.kind), general)


def _extent(figures: list[Figure]) -> str:
    """Return the centre and the radius around all places: `1515N11615E023`."""
    circle = bounding_circle(figures)
    if circle is None:
        return _UNKNOWN
    centre, metres = circle
    radius = max(1, ceil(round(metres / _METRES_A_MILE, 6)))
    return (
        f"{_angle(centre.lat, 2, 'NS', 60)}{_angle(centre.lon, 3, 'EW', 60)}"
        f"{min(radius, _HIGHEST):03}"
    )


def _place(place: Any) -> str:
    match place:
        case {"polygon": corners}:
            return f"BOUNDED BY {' - '.join(map(_position, corners))}"
        case {"circle": {"pos": centre, "radius": radius}}:
            return f"{words.miles(si_units.metres(radius)):.1f}NM AROUND {_position(centre)}"
        case {"lat": _, "lon": _}:
            return _position(place)
        case _:
            return "AT A POSITION THAT IS NOT MEASURED"


def _position(point: Any) -> str:
    """Return a position to the second: `150712N1162624E`."""
    return f"{_angle(point['lat'], 2, 'NS', 3600)}{_angle(point['lon'], 3, 'EW', 3600)}"


def _angle(degrees: float, width: int, letters: str, parts: int) -> str:
    """Return an angle to the minute (60 parts a degree) or the second (3600 parts)."""
    whole, rest = divmod(round(abs(degrees) * parts), parts)
    digits = f"{rest:02}" if parts == 60 else f"{rest // 60:02}{rest % 60:02}"
    return f"{whole:0{width}}{digits}{letters[degrees < 0]}"


def _level(length: Raw | UnsetType, *, up: bool) -> str:
    """Return a limit in hundreds of feet; the widest one where it is not known."""
    if length is UNSET:
        return f"{_HIGHEST:03}" if up else "000"
    hundreds = words.feet(length, up=up) / 100
    return f"{min(_HIGHEST, ceil(hundreds) if up else int(hundreds)):03}"


def _limit(length: Raw | UnsetType, *, up: bool) -> str:
    if length is UNSET:
        return _UNKNOWN
    number = words.feet(length, up=up)
    return f"{number}FT" if number or up else "SFC"


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%y%m%d%H%M}"
