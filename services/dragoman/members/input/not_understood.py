"""Errors for times and places that cannot be read with one meaning."""

import re
import unicodedata
from typing import Final, Literal

from dragoman.domain.acts.geodesy import GeoPoint
from dragoman.i18n.places import with_letters

Code = Literal[
    "empty",  # nothing but blanks
    "too_long",  # more than LONGEST characters
    "no_time",  # no notation of a time
    "day_only",  # a day without a time of day
    "no_such_day",  # 31 November, or a year out of range
    "no_such_time",  # 25:00, or an hour that the zone's clock leaps over
    "no_such_zone",  # an offset beyond 14 hours
    "ambiguous_order",  # 03/04: which is the month; or 24/11/26: which is the year
    # 030507: with a day or with seconds; or an hour that the zone's clock shows twice
    "ambiguous_time",
    # L in a date-time group: local or +11; h after a time: hours or +8; or two zones
    "ambiguous_zone",
    "in_future",  # a past event at a future time
    "no_place",  # no notation of a place
    "needs_hemisphere",  # neither letters nor signs
    "latitude_range",  # beyond 90
    "longitude_range",  # beyond 180
    "minutes_range",  # 60 minutes or seconds of arc, or more
    "same_axis",  # two latitudes or two longitudes
    "sign_and_letter",  # -33.5 S
    "digit_count",  # 1626E: degrees of two digits or of three
    "ambiguous_place",  # -33 18 30: which number belongs to which coordinate
    "bad_mgrs",  # no square of the grid
    "polar_mgrs",  # in the polar grid, which is not read
]
"""Reasons why an input was not read. Callers choose their own words by them."""


LONGEST: Final = 120
"""The greatest number of characters of a time or a place.

It is the longest of all notations with room to spare, so that no expression is slow.
"""


class NotUnderstoodInput(ValueError):
    """The error for an input that was not read.

    It has a code, a sentence that says what to do, and the point that may have been
    meant, if there is one.
    """

    def __init__(self, code: Code, sentence: str, suggestion: GeoPoint | None = None) -> None:
        """Store a code, an English sentence, and a point to ask about."""
        super().__init__(sentence)
        self.code: Code = code
        self.suggestion = suggestion


class NeedsHemisphere(NotUnderstoodInput):
    """The error for a pair of coordinates without letters or signs.

    Its point is the one that north and east would mean.
    """

    suggestion: GeoPoint

    def __init__(self, suggestion: GeoPoint) -> None:
        """Store the point to ask about."""
        sentence = (
            f"Did you mean {with_letters(suggestion)}? "
            "Write the letters N or S and E or W, or a sign before each number."
        )
        super().__init__("needs_hemisphere", sentence, suggestion)


def plain_text(text: str, marks: dict[int, str]) -> str:
    """Return the text without accents, full-width forms and spare blanks.

    Raises `NotUnderstoodInput` if the text is empty or too long.
    """
    if len(text) > LONGEST:
        raise NotUnderstoodInput(
            "too_long",
            f"That is longer than {LONGEST} characters; "
            "write only the time or the place, and the rest in the text.",
        )
    decomposed = unicodedata.normalize("NFKD", text.translate(marks))
    plain = " ".join(
        "".join(item for item in decomposed if not unicodedata.combining(item)).split()
    ).strip(" .,;")
    if not plain:
        raise NotUnderstoodInput(
            "empty",
            "Nothing is written here; write a time like 0305Z, or a place like 15-07N 116-26E.",
        )
    return plain


FLAGS: Final = re.VERBOSE | re.IGNORECASE | re.ASCII
"""Flags of the expressions of times and places."""


def named_parts(match: re.Match[str]) -> dict[str, str]:
    """Return the parts that a match found, by name.

    The same part in another notation has the same name with a digit behind it.
    """
    return {
        name.rstrip("2345"): value for name, value in match.groupdict().items() if value is not None
    }
