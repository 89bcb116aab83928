"""Zones of written times: letters, offsets, and names of cities."""

import re
from datetime import UTC, timedelta, timezone, tzinfo
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from dragoman.members.input.not_understood import (
    NotUnderstoodInput,
)

_ZONE_WORDS: Final[dict[str, tzinfo | None]] = {
    "北京时间": timezone(timedelta(hours=8)),
    "当地时间": None,
    "本地时间": None,
    "协调世界时": UTC,
    "世界协调时": UTC,
    "世界时": UTC,
}
"""Zones that are written before the time or the day; None is the officer's own zone."""


_CITY: Final = re.compile(
    r"(?P<rest>.*\d.*?)\s+(?P<city>[A-Za-z][A-Za-z_\-' ]{2,30}?)(?:\s+time)?", re.IGNORECASE
)
"""A time with letters behind it, which may be a city."""


_LETTERS: Final = {
    "Z": 0,
    **{letter: hours for hours, letter in enumerate("ABCDEFGHIKLM", 1)},
    **{letter: -hours for hours, letter in enumerate("NOPQRSTUVWXY", 1)},
}
"""Hours east of Greenwich by the letters of ACP 121; `J` is the writer's own zone."""


def split_named_zone(plain: str, local: ZoneInfo) -> tuple[str, tzinfo | None]:
    """Return the text without a zone that is named in Chinese or by its city.

    The second value is that zone; None where none is named.
    """
    for word, zone in _ZONE_WORDS.items():
        if word in plain:
            return plain.replace(word, " ", 1).strip(), zone or local
    if (match := _CITY.fullmatch(plain)) is not None and (
        key := _cities().get(match["city"].casefold())
    ) is not None:
        return match["rest"].strip(" ,"), ZoneInfo(key)
    return plain, None


@cache
def _cities() -> dict[str, str]:
    """Return the zone of each city of the IANA database, by its name.

    Names are spelled as in the database, with blanks.
    """
    areas = (
        "Africa",
        "America",
        "Antarctica",
        "Arctic",
        "Asia",
        "Atlantic",
        "Australia",
        "Europe",
        "Indian",
        "Pacific",
    )
    keys = sorted(key for key in available_timezones() if key.partition("/")[0] in areas)
    return {"beijing": "Asia/Shanghai"} | {
        key.rpartition("/")[2].replace("_", " ").casefold(): key for key in keys
    }


def zone_after(parts: dict[str, str], local: ZoneInfo, *, grouped: bool) -> tzinfo | None:
    """Return the zone that is written after the time; None without one."""
    if "sign" in parts:
        hours, minutes = int(parts["ahead"]), int(parts.get("ahead_min", "0"))
        if minutes > 59 or hours * 60 + minutes > 14 * 60:
            raise NotUnderstoodInput(
                "no_such_zone",
                "No zone is as far from UTC as that; write an offset like +08 or -03:30.",
            )
        return timezone(
            (-1 if parts["sign"] == "-" else 1) * timedelta(hours=hours, minutes=minutes)
        )
    if "utc" in parts:
        return UTC
    letter = parts.get("letter", "")
    if grouped and letter in {"L", "l"}:
        raise NotUnderstoodInput(
            "ambiguous_zone",
            "L is local time to some and +11 to others; write J for local time, or 24 Nov "
            "03:05+11.",
        )
    if not grouped and letter == "h":
        raise NotUnderstoodInput(
            "ambiguous_zone", "The h is hours to some and +8 to others; write Z for UTC, or +08."
        )
    if "local" in parts or letter.upper() in {"J", "L"}:
        return local
    return timezone(timedelta(hours=_LETTERS[letter.upper()])) if letter else None
