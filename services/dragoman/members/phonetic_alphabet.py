"""Texts, times and places as they are spelt over a bad line (ICAO Annex 10).

    N20/O                    November two zero stroke Oscar
    26 Nov 2026 06:05:31Z    two six November two zero two six time zero six zero five
                             three one Zulu
    15°07'13" N              one five degrees zero seven minutes one three seconds North

Every digit is spoken by itself. The words are English, whatever the language of the
page: radio operators everywhere have learnt them.
"""

from datetime import UTC, datetime
from typing import Final

_ALPHABET: Final = (
    "Alfa Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliett Kilo Lima Mike "
    "November Oscar Papa Quebec Romeo Sierra Tango Uniform Victor Whiskey X-ray Yankee Zulu"
)
_DIGITS: Final = "zero one two three four five six seven eight nine"
_MONTHS: Final = (
    "January February March April May June July August September October November December"
)
_WORDS: Final = {
    **{word[0]: word for word in _ALPHABET.split()},
    **dict(zip("0123456789", _DIGITS.split(), strict=True)),
    "/": "stroke",
    "-": "dash",
    ".": "decimal",
    "+": "plus",
    ":": "colon",
    "(": "open brackets",
    ")": "close brackets",
    "@": "at",
}


def spelt(text: str) -> str:
    """Return a text letter by letter; other characters stay as they are."""
    return " ".join(_WORDS.get(letter.upper(), letter) for letter in text if not letter.isspace())


def spelt_time(moment: datetime) -> str:
    """Return a time in UTC, digit by digit: day, month and year, then the time of day.

    Seconds are left out if they are zero.
    """
    there = moment.astimezone(UTC)
    clock = f"{there:%H%M%S}" if there.second else f"{there:%H%M}"
    return (
        f"{spelt(str(there.day))} {_MONTHS.split()[there.month - 1]} "
        f"{spelt(f'{there.year:04}')} time {spelt(clock)} Zulu"
    )


def spelt_place(lat: float, lon: float) -> tuple[str, str]:
    """Return a point's latitude and longitude in degrees, minutes and seconds.

    Each is spelt digit by digit.
    """
    return _arc(lat, 2, "North", "South"), _arc(lon, 3, "East", "West")


def _arc(degrees: float, digits: int, positive: str, negative: str) -> str:
    minutes, seconds = divmod(round(abs(degrees) * 3_600), 60)
    whole, minutes = divmod(minutes, 60)
    hemisphere = negative if degrees < 0 else positive
    return (
        f"{spelt(f'{whole:0{digits}}')} degrees {spelt(f'{minutes:02}')} minutes "
        f"{spelt(f'{seconds:02}')} seconds {hemisphere}"
    )
