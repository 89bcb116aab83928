"""The windows in force as text for navigational warnings, as NAVTEX prints it.

    THIS NOTIFICATION REPLACES NEITHER A
    NOTAM NOR A NAVAREA WARNING.
    …
    1. DANGER AREA. FIRING.
    IN FORCE FROM 010800 UTC DEC 26 TO
    011000 UTC DEC 26.
    AREA BOUNDED BY
    15-00.0N 116-00.0E
    …
    CANCEL PARA 1 011100 UTC DEC 26.

It is the body of a message, in capitals, with lines of at most 40 characters. A station
adds the frame of `ZCZC` and `NNNN`, its own letter and its own number. This service is
no station, so it writes none of them.
"""

from collections.abc import Iterator
from typing import Any, Final

from msgspec import UNSET

from dragoman.domain.acts import si_units
from dragoman.interop import warning_text as words
from dragoman.interop.map_features import has_passed, places_of
from dragoman_schemas.window_responses import InForce, InForceWindow

MEDIA: Final = "text/plain"
COLUMNS: Final = 40


def text(in_force: InForce) -> str:
    """Return the warnings, one numbered paragraph for each window."""
    paragraphs = [[*words.face(in_force)]]
    exercise = "EXERCISE. " if in_force.exercise else ""
    for number, window in enumerate(in_force.windows, 1):
        first, *lines = _paragraph(in_force, number, window)
        paragraphs.append([f"{number}. {exercise}{first}", *lines])
    blocks = (
        "\n".join(row for line in lines for row in words.wrapped(line, COLUMNS))
        for lines in paragraphs
    )
    return "\n\n".join(blocks) + "\n"


def _paragraph(in_force: InForce, number: int, window: InForceWindow) -> Iterator[str]:
    yield words.heading(window)
    begins, cancelled = words.date_time(window.opens), ""
    if window.until_further_notice:
        yield f"IN FORCE FROM {begins} UNTIL FURTHER NOTICE."
    elif not window.closes:
        yield f"IN FORCE FROM {begins}, END NOT KNOWN."
    elif has_passed(in_force, window):
        yield f"IN FORCE FROM {begins}."
        yield words.passed_end(window)
    else:
        ends = words.rounded_up(window.closes)
        cancelled = words.written(ends + words.AFTER_CLOSING)
        yield f"IN FORCE FROM {begins} TO {words.written(ends)}."
    yield from words.progress(window)
    for name, index, place in places_of(window):
        yield from _place(window, words.role(name, index), place)
    yield from _limits(window)
    yield from words.sources(window)
    if cancelled and window.stage != "holding":
        yield f"CANCEL PARA {number} {cancelled}."


def _place(window: InForceWindow, role: str, place: Any) -> Iterator[str]:
    """Yield the lines of a place, each position on a line of its own."""
    match place:
        case {"polygon": corners}:
            yield f"{role} BOUNDED BY"
            yield from map(_position, corners)
        case {"circle": {"pos": centre, "radius": radius}}:
            yield f"{role} WITHIN {words.miles(si_units.metres(radius)):.1f} MILES OF"
            yield _position(centre)
        case {"lat": _, "lon": _}:
            yield role
            yield _position(place)
        case _:
            yield f"{role}, POSITION NOT MEASURED"
    yield from words.place_names(window, place)


def _limits(window: InForceWindow) -> Iterator[str]:
    floor = "" if window.floor is UNSET else f"FROM {words.feet(window.floor, up=False)} FEET"
    ceiling = "" if window.ceiling is UNSET else f"UP TO {words.feet(window.ceiling, up=True)} FEET"
    if floor or ceiling:
        yield f"{' '.join(filter(None, (floor, ceiling)))}."


def _position(point: Any) -> str:
    """Return a position to a tenth of a minute: `15-07.2N 116-26.4E`."""
    return f"{_angle(point['lat'], 2, 'NS')} {_angle(point['lon'], 3, 'EW')}"


def _angle(degrees: float, width: int, letters: str) -> str:
    minutes, tenth = divmod(round(abs(degrees) * 600), 10)
    return f"{minutes // 60:0{width}}-{minutes % 60:02}.{tenth}{letters[degrees < 0]}"
