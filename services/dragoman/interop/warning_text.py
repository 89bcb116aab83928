"""The words of warnings in the letters that teleprinters have, for NAVTEX.

    A-Z 0-9 and - ? : ( ) . , ' = / +

Texts that a side wrote are written in these letters if that loses no more than
accents. A text in another script is replaced by the number of its message. Brackets
of a side's text are left out. The groups that receivers obey, `ZCZC` and `NNNN`, are
broken by a space.
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import ceil, floor
from textwrap import wrap
from typing import Any, Final

import msgspec
from msgspec import UNSET

from dragoman.domain.acts import si_units
from dragoman.domain.views.in_force import EVENT_FORMATS
from dragoman.interop import side_texts
from dragoman.interop.map_features import names_of
from dragoman_schemas.fields import OTHER
from dragoman_schemas.window_responses import InForce, InForceWindow

_LETTERS: Final = re.compile(r"[A-Z0-9\-?:()., '=/+]*")
_COMMANDS: Final = re.compile(r"NNN(?=N)|ZCZ(?=C)")
"""Groups that begin and end a message, up to their last letter."""

_LIKE: Final = str.maketrans(
    {
        "\u0110": "D",  # letters that Unicode does not take apart
        "\u0111": "D",
        "\u00d8": "O",
        "\u0141": "L",
        "\u00c6": "AE",
        "\u0152": "OE",
        "\u00d0": "D",
        "\u00de": "TH",
        "\u0126": "H",
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": "'",
        "\u201d": "'",
        '"': "'",
        "\u2010": "-",
        "\u2011": "-",
        "\u2012": "-",
        "\u2013": "-",
        "\u2014": "-",
        "_": "-",
        ";": ",",
        "!": ".",
        "&": "+",
        "(": " ",
        ")": " ",
        "[": " ",
        "]": " ",
    }
)
_MONTHS: Final = (
    *("JAN", "FEB", "MAR", "APR", "MAY", "JUN"),
    *("JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
)
_METRES_A_MILE: Final = 1_852.0
_METRES_A_FOOT: Final = 0.3048
_MINUTE: Final = timedelta(minutes=1)
AFTER_CLOSING: Final = timedelta(hours=1)
"""The time for which others still keep clear, until the side says that it is over."""

_ROLES: Final = {
    "place": "AREA",
    "launch_area": "LAUNCH AREA",
    "impact_areas": "IMPACT AREA",
    "dropping_zones": "DROPPING ZONE",
    "route": "ROUTE POINT",
}


def latin(text: str) -> str | None:
    """Return a text in the letters of teleprinters; None if it has other letters."""
    decomposed = unicodedata.normalize("NFKD", text.upper()).upper()
    plain = "".join(
        letter for letter in decomposed if not unicodedata.category(letter).startswith("M")
    )
    line = " ".join(plain.translate(_LIKE).split())
    return line if line and _LETTERS.fullmatch(line) else None


def wrapped(line: str, columns: int) -> list[str]:
    """Return a line in rows, without the groups that begin and end a message."""
    plain = _COMMANDS.sub(lambda group: f"{group[0]} ", line)
    return wrap(plain, columns, break_on_hyphens=False)


def by_side(window: InForceWindow, text: str) -> str:
    """Return a side's text in these letters, or a reference to its message."""
    return latin(text) or reference(window)


def reference(window: InForceWindow) -> str:
    """Return the words that point to a message, by its number if it has one."""
    return f"SEE MSG {window.number.upper()}" if window.number else "SEE MSG IN THE CHANNEL"


def heading(window: InForceWindow) -> str:
    """Return the announced event in a line, such as `DANGER AREA. FIRING`."""
    if window.kind == OTHER and window.kind_text is not UNSET:
        words = side_texts.in_language(msgspec.json.decode(bytes(window.kind_text)), "en")
        return f"{EVENT_FORMATS[window.act].heading}. {by_side(window, words)}."
    kind = "" if window.kind in ("", OTHER) else window.kind.upper().replace("_", " ")
    return (
        f"{EVENT_FORMATS[window.act].heading}. {kind}."
        if kind
        else f"{EVENT_FORMATS[window.act].heading}."
    )


def face(in_force: InForce) -> Iterator[str]:
    """Yield the lines that every export begins with: its limits, channel and moment."""
    if in_force.exercise:
        yield "EXERCISE EXERCISE EXERCISE"
    yield in_force.notice["en"].upper()
    yield f"DRAFT FOR THE COORDINATOR WHO ISSUES IT. CHANNEL {in_force.channel.upper()}."
    yield f"MARKING: {latin(in_force.marking) or 'SEE THE CHANNEL'}."
    yield f"AS AT {date_time(in_force.moment)}, RECORD {in_force.position}."
    if in_force.not_read:
        yield f"{in_force.not_read} OLDER ANNOUNCEMENTS WERE NOT READ."
    if not in_force.windows:
        yield "NO WINDOW IS OPEN OR NEAR."


def progress(window: InForceWindow) -> Iterator[str]:
    """Yield sentences on the stage of a window, and on its progress."""
    match window.stage:
        case "near":
            yield "NOT OPEN YET."
        case "holding":
            since = f" SINCE {date_time(window.holding)}" if window.holding else ""
            until = f" UNTIL {date_time(window.holding_until)}" if window.holding_until else ""
            yield f"ON HOLD{since}{until}. AREA STAYS IN FORCE."
        case "not_ended":
            yield "END IS NOT REPORTED. TREAT AS IN FORCE."
        case "open":
            pass
    if window.commenced:
        yield f"COMMENCED {date_time(window.commenced)}."
    if window.arrived:
        yield f"VISITORS ARRIVED {date_time(window.arrived)}."


def passed_end(window: InForceWindow) -> str:
    """Return the sentence on an announced end that has passed."""
    return f"ANNOUNCED END {written(rounded_up(window.closes))} HAS PASSED."


def sources(window: InForceWindow) -> Iterator[str]:
    """Yield the warnings that a window names, its side, and its number."""
    for word, numbers in (("NOTAM", window.notam), ("NAVAREA", window.navarea)):
        if numbers:
            yield f"{word} {', '.join(by_side(window, number) for number in numbers)}."
    if window.marking:
        yield f"MARKING: {latin(window.marking) or 'SEE THE MESSAGE'}."
    if window.side:
        yield f"ANNOUNCED BY {window.side.upper()}."
    yield f"REF {window.number.upper()}." if window.number else "REF NOT ATTRIBUTED."


def role(name: str, number: int) -> str:
    """Return the heading of a place: `IMPACT AREA 2`."""
    return _ROLES[name] if number < 0 else f"{_ROLES[name]} {number + 1}"


def place_names(window: InForceWindow, place: Any) -> Iterator[str]:
    """Yield the names of a place in these letters, or a reference to the message.

    A name that only another side's letters can write is left out beside one that these
    letters can.
    """
    names = [*names_of(place)]
    plain = dict.fromkeys(name for name in map(latin, names) if name is not None)
    if names and not plain:
        yield reference(window)
    yield from plain


def date_time(text: str) -> str:
    """Return a time as navigational warnings write it: `010800 UTC DEC 26`."""
    return written(datetime.fromisoformat(text))


def written(moment: datetime) -> str:
    """Return a moment as navigational warnings write it, to its whole minute."""
    utc = moment.astimezone(UTC)
    return f"{utc:%d%H%M} UTC {_MONTHS[utc.month - 1]} {utc.year % 100:02}"


def rounded_up(text: str) -> datetime:
    """Return a time to the next whole minute: a window never closes too early."""
    moment = datetime.fromisoformat(text).astimezone(UTC)
    whole = moment.replace(second=0, microsecond=0)
    return whole if whole == moment else whole + _MINUTE


def feet(length: Any, *, up: bool) -> int:
    """Return a length in whole feet, rounded away from the inside of the area."""
    exact = round(si_units.metres(msgspec.json.decode(length)) / _METRES_A_FOOT, 2)
    return ceil(exact) if up else floor(exact)


def miles(metres: float) -> float:
    """Return metres in nautical miles, rounded up to a tenth."""
    return ceil(round(metres / _METRES_A_MILE * 10, 6)) / 10
