"""How officers write times and places, in English, French or Chinese, read into what the log takes.

A notation is read only where it has one meaning. Where it has two, or none, `Unread`
says by its code which question is to be put to the officer; nothing is swapped,
completed or converted in silence. What is read is to be echoed before it is recorded.

Times. A time without a zone is UTC, as the board's clock is, in whatever language it is
written. `J`, `L` after a time of day, and the word *local* mean the officer's own zone;
other letters are the zones of ACP 121. A city behind a time is that of the IANA
database, in its spelling: `20:55 Brussels`. A part of the day that was left out is
taken as near as can be: by `read_time` before now, by `read_moment` after it.

    0305  03:05Z  03:05+08  0305L  3 h 05  3时05分  下午3时05分  240305Z  240305H NOV 26  24 Nov 03:05  Nov 24, 2026 3:05 pm
    le 24 novembre à 3 h 05  24/11 03:05  24.11.2026 03:05  2026-11-24T03:05:07+08:00  北京时间11月24日3时5分
    now  -5 min  5 min ago  il y a 5 min  5分钟前  +2 h  in 2 hours  dans 2 h  2小时后

Places. Each coordinate has its hemisphere letter, or the pair is signed, the latitude
first; letters decide which is which. `O` is *ouest*. A grid reference means the middle
of its square.

    15.1203 N 116.4411 E  N15.1203 E116.4411  -33.5, 18.25  +15.1203 +116.4411  15,1203 N 116,4411 E
    15-07N 116-26E  1507N 11626E  15 07.2 N 116 26.5 E  15-07-13N 116-26-28E  150713N 1162628E
    15°07'13"N 116°26'28"E  北纬15度7分13秒 东经116度26分28秒  50P MB 39946 71708
"""

import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import cache
from math import (
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    cos,
    cosh,
    degrees,
    floor,
    hypot,
    radians,
    sin,
    sinh,
    sqrt,
)
from typing import Final, Literal, NamedTuple, assert_never
from zoneinfo import ZoneInfo, available_timezones

Code = Literal[
    "empty",  # nothing but blanks
    "too_long",  # more than LONGEST characters
    "no_time",  # no notation of a time
    "day_only",  # a day without a time of day
    "no_such_day",  # 31 November, or a year out of range
    "no_such_time",  # 25:00, or an hour that the zone's clock leaps over
    "no_such_zone",  # an offset beyond 14 hours
    "ambiguous_order",  # 03/04: which is the month; or 24/11/26: which is the year
    "ambiguous_time",  # 030507: with a day or with seconds; or an hour that the zone's clock shows twice
    "ambiguous_zone",  # L in a date-time group: local or +11; h after a time: hours or +8; or two zones
    "in_future",  # what has happened, at a time to come
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
"""Why something was not read: what callers choose their own words by."""

LONGEST: Final = 120
"""Characters of a time or a place: the longest of all notations with room to spare, so
that no expression is slow.
"""

AHEAD: Final = timedelta(hours=1)
"""How far what has happened may lie ahead of now: clocks and fingers are not that
exact.
"""

BEGUN: Final = timedelta(days=1)
"""How long ago a day without its year is still this year's when what is to come is
written: a window may just have begun.
"""


class GeoPoint(NamedTuple):
    """A point in WGS-84 decimal degrees, north and east positive, to six decimals: a tenth of a metre."""

    lat: float
    lon: float


class NotUnderstoodInput(ValueError):
    """What was written was not read: a code, a sentence that says what to do, and the point that may have been meant, if one may."""

    def __init__(self, code: Code, sentence: str, suggestion: GeoPoint | None = None) -> None:
        """A code, an English sentence, a point to be asked about."""
        super().__init__(sentence)
        self.code: Code = code
        self.suggestion = suggestion


class NeedsHemisphere(NotUnderstoodInput):
    """A pair of coordinates without letters or signs, and the point that it is if north and east are meant."""

    suggestion: GeoPoint

    def __init__(self, suggestion: GeoPoint) -> None:
        """The point to be asked about."""
        sentence = f"Did you mean {_with_letters(suggestion)}? Write the letters N or S and E or W, or a sign before each number."
        super().__init__("needs_hemisphere", sentence, suggestion)


def read_time(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """Return when something happened, as an aware UTC time.

    Without a day, or with a day but no month, the last such time that is not more than
    `AHEAD` of now, reckoned in the zone in which it is written; without a year, the
    nearest. `zone` is the officer's own. `now` is aware; times that are written as so
    long before it are whole seconds. Raises `Unread`, with `in_future` for what is
    further ahead than `AHEAD`.
    """
    now = now.astimezone(UTC)
    plain = _plain(text, _TIME_MARKS)
    moment = _from_now(plain, now)
    if moment is None:
        written = _written(plain, zone)
        candidates = list(_candidates(written, now))
        if written.day is None or written.month is None:
            moment = _instant(
                max(candidate for candidate in candidates if candidate <= now + AHEAD)
            )
        else:
            moment = _instant(min(candidates, key=lambda moment: abs(moment - now)))
    if moment > now + AHEAD:
        raise NotUnderstoodInput(
            "in_future",
            f"{moment:%Y-%m-%d %H:%M}Z is still to come; check the day, and write the year if it is an earlier one.",
        )
    return moment


def read_moment(text: str, now: datetime, zone: ZoneInfo, unsaid: tzinfo = UTC) -> datetime:
    """Return when something is due, begins or ends, as an aware UTC time.

    Without a day, or with a day but no month, the next such time from now on; without a
    year, the first that is not longer ago than `BEGUN`. A day written with its year may
    be past. `unsaid` is the zone of a time that names none. The rest is as for
    `read_time`. Raises `Unread`.
    """
    now = now.astimezone(UTC)
    plain = _plain(text, _TIME_MARKS)
    moment = _from_now(plain, now)
    if moment is not None:
        return moment
    written = _written(plain, zone, unsaid)
    candidates = _candidates(written, now)
    if written.day is None or written.month is None:
        return _instant(min(candidate for candidate in candidates if candidate >= now))
    if written.year is None:
        return _instant(min(candidate for candidate in candidates if candidate >= now - BEGUN))
    return _instant(next(candidates))


def zone_of(text: str, zone: ZoneInfo) -> tzinfo:
    """Return the zone in which a time is written, UTC where it names none or cannot be read. `zone` is the officer's own."""
    try:
        return _written(_plain(text, _TIME_MARKS), zone).zone
    except NotUnderstoodInput:
        return UTC


def read_end(
    text: str, now: datetime, zone: ZoneInfo, begins: datetime, *, ahead: bool, unsaid: tzinfo = UTC
) -> datetime:
    """Return when something ends that begins then, as an aware UTC time.

    A time without a day is the next such time after the beginning, so `10:00` ends what
    begins on 15 December at 08:00 on that day. A time that is written as so long from
    now is counted from now. One that names no zone is in `unsaid`, that of the
    beginning. Unless it may lie `ahead`, what has ended may not be still to come. Raise
    `Unread`.
    """
    relative = _from_now(_plain(text, _TIME_MARKS), now.astimezone(UTC))
    moment = read_moment(text, begins, zone, unsaid) if relative is None else relative
    if not ahead and moment > now + AHEAD:
        raise NotUnderstoodInput(
            "in_future",
            f"{moment:%Y-%m-%d %H:%M}Z is still to come; check the day, and write the year if it is an earlier one.",
        )
    return moment


def read_days(text: str, from_: date) -> tuple[date, date] | None:
    """Return the first and the last day of a day or a month that is written without a time of day; None for any other text.

    Without a year, the first such day or month is meant that is not over before
    `from_`. Raise `Unread` for a day that does not exist.

        4 Jan 2027  2027-01-04  4 janvier  2027年1月4日  Jan 2027  janvier 2027  2027-01  2027年1月
    """
    plain = _plain(text, _TIME_MARKS)
    if (match := _day_alone.fullmatch(plain)) is not None:
        year, month, day = _day(_parts(match))
    elif (match := _month_alone.fullmatch(plain)) is not None:
        parts = _parts(match)
        year, day = (_year(parts["year"]) if "year" in parts else None), None
        month = _MONTHS[parts["word"].casefold()] if "word" in parts else int(parts["month"])
    else:
        return None
    assert month is not None
    for number in (year,) if year is not None else range(from_.year, from_.year + 9):
        try:
            first = date(number, month, day or 1)
        except ValueError:
            continue
        last = first if day else date(number, month, monthrange(number, month)[1])
        if year is not None or last >= from_:
            return first, last
    raise NotUnderstoodInput("no_such_day", "There is no such day; check the day and the month.")


class _Written(NamedTuple):
    """A time as it was written; None is what was left out of its day."""

    year: int | None
    month: int | None
    day: int | None
    clock: time
    zone: tzinfo


_TIME_MARKS: Final = str.maketrans(
    {"\u2212": "-", "\u2010": "-", "\u2011": "-", "(": " ", ")": " "}
)
"""Signs as keyboards and mail make them. A dash stays a dash: between two times it is
no minus.
"""

_MONTHS: Final = {
    word: number
    for number, words in enumerate(
        (
            "jan janv january janvier",
            "feb fev fevr february fevrier",
            "mar mars march",
            "apr avr april avril",
            "may mai",
            "jun june juin",
            "jul juil july juillet",
            "aug august aout",
            "sep sept september septembre",
            "oct october octobre",
            "nov november novembre",
            "dec december decembre",
        ),
        start=1,
    )
    for word in words.split()
}
"""Months and their abbreviations in English and French, without accents."""

_UNITS: Final = {
    word: seconds
    for seconds, words in (
        (1, "s sec secs second seconds seconde secondes 秒 秒钟"),
        (60, "min mins mn minute minutes 分 分钟"),
        (3_600, "h hr hrs hour hours heure heures 小时 个小时"),
        (86_400, "d day days j jour jours 天 日"),
    )
    for word in words.split()
}
"""Seconds of each unit in which a time from now is written. No `m`: it is a minute to
some and a month to others.
"""

_ZONE_WORDS: Final[dict[str, tzinfo | None]] = {
    "北京时间": timezone(timedelta(hours=8)),
    "当地时间": None,
    "本地时间": None,
    "协调世界时": UTC,
    "世界协调时": UTC,
    "世界时": UTC,
}
"""Zones that stand before the time, or before the day; None is the officer's own."""

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

_YEARS: Final = range(1000, 9001)
"""Years that the log takes (`checks.moment`)."""


def _any(words: dict[str, int]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_FLAGS: Final = re.VERBOSE | re.IGNORECASE | re.ASCII

_ZONE: Final = r"""(?:
    (?:(?:UTC|GMT|TU)\s*)?(?P<sign>[+-])(?P<ahead>\d{1,2})(?::(?P<ahead_min>\d\d))?
  | (?P<sign2>\+)(?P<ahead2>\d\d)(?P<ahead_min2>\d\d)
  | (?:(?<=:\d\d)|(?<=:\d\d\s))(?P<sign3>-)(?P<ahead3>\d\d)(?P<ahead_min3>\d\d)  # after 0305, -0400 may be where a window ends
  | (?P<utc>UTC|GMT|TU)
  | (?P<local>local(?:\s+time)?|LT|(?:heure\s+)?locale)
  | (?P<letter>[A-Z])
)"""

_CLOCK: Final = rf"""
(?:(?P<half>上午|凌晨|下午|晚上)\s*)?
(?:
    (?P<hour>\d{{1,2}}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{{1,9}}))?)?
  | (?P<packed>\d{{4}})(?:\s*(?:hours|hrs|heures))?
  | (?P<hour2>\d{{1,2}})\s*(?:heures?|h)(?:\s*(?P<minute2>\d\d)\s*(?:min|mn)?(?:\s*(?P<second2>\d\d)\s*s?)?)?
  | (?P<hour3>\d{{1,2}})\s*[时点](?:\s*(?P<minute3>\d{{1,2}})\s*分?(?:\s*(?P<second3>\d{{1,2}})\s*秒)?)?
  | (?P<hour4>\d{{1,2}})(?=\s*[ap]\.?m)
)
(?:\s*(?P<half2>[ap])\.?m\.?)?
(?:\s*{_ZONE})?
"""

_DAY: Final = rf"""
(?:le\s+)?
(?:
    (?P<year>\d{{4}})(?P<joint>[-/.])(?P<month>\d{{1,2}})(?P=joint)(?P<day>\d{{1,2}})
  | (?P<day2>\d{{1,2}})(?:st|nd|rd|th|er)?\s*(?P<word2>{_any(_MONTHS)})\.?,?(?:\s*(?P<year2>\d{{4}}|\d\d))?
  | (?P<word3>{_any(_MONTHS)})\.?\s*(?P<day3>\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s+(?P<year3>\d{{4}}))?
  | (?P<one>\d{{1,2}})(?P<joint4>[-/.])(?P<two>\d{{1,2}})(?:(?P=joint4)(?P<year4>\d{{4}}|\d\d))?
  | (?:(?P<year5>\d{{4}}|\d\d)\s*年\s*)?(?P<month5>\d{{1,2}})\s*月\s*(?P<day5>\d{{1,2}})\s*[日号]
)
"""

_GROUP: Final = rf"""
(?P<day>\d\d)(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?
(?:\s*{_ZONE})?
(?:\s*(?P<word>{_any(_MONTHS)})\.?(?:\s*(?P<year>\d{{4}}|\d\d))?)?
"""

_MONTH: Final = rf"""
(?:
    (?P<word>{_any(_MONTHS)})\.?,?(?:\s*(?P<year>\d{{4}}))?
  | (?P<year2>\d{{4}})-(?P<month2>\d\d)
  | (?P<year3>\d{{4}})\s*年\s*(?P<month3>\d{{1,2}})\s*月
)
"""

_day_alone: Final = re.compile(_DAY, _FLAGS)
_month_alone: Final = re.compile(_MONTH, _FLAGS)
_group: Final = re.compile(_GROUP, _FLAGS)
_TIMES: Final = (
    re.compile(rf"{_DAY} (?:\s*[,T]\s*|\s+(?:(?:at|a)\s+)?|(?<=[日号])) {_CLOCK}", _FLAGS),
    re.compile(rf"{_CLOCK} (?:\s*,\s*|\s+(?:on\s+)?) {_DAY}", _FLAGS),
    re.compile(_CLOCK, _FLAGS),
    _group,
)

_AMOUNT: Final = rf"(?:\d{{1,4}}(?:[.,]\d{{1,3}})?\s*(?:{_any(_UNITS)})\s*)+"
_amounts: Final = re.compile(rf"(\d{{1,4}}(?:[.,]\d{{1,3}})?)\s*({_any(_UNITS)})", _FLAGS)
_FROM_NOW: Final = (
    (-1, re.compile(rf"(?:-\s*|il\s+y\s+a\s+){_AMOUNT} | {_AMOUNT}(?:ago|[以之]?前)", _FLAGS)),
    (+1, re.compile(rf"(?:\+\s*|in\s+|dans\s+){_AMOUNT} | {_AMOUNT}[以之]?后", _FLAGS)),
)


def _plain(text: str, marks: dict[int, str]) -> str:
    """Return the text without accents, full-width forms and spare blanks; refused where it is empty or too long."""
    if len(text) > LONGEST:
        raise NotUnderstoodInput(
            "too_long",
            f"That is longer than {LONGEST} characters; write the time or the place alone, and the rest in the text.",
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


def _parts(match: re.Match[str]) -> dict[str, str]:
    """Return what a match found, by name: the same part in another notation has the same name with a digit behind it."""
    return {
        name.rstrip("2345"): value for name, value in match.groupdict().items() if value is not None
    }


def _from_now(plain: str, now: datetime) -> datetime | None:
    """Return a time that is written as so long before or after now; None for any other."""
    now = now.replace(microsecond=0)
    if plain.casefold() in {"now", "maintenant", "现在"}:
        return now
    for sign, pattern in _FROM_NOW:
        if pattern.fullmatch(plain):
            seconds = sum(
                float(number.replace(",", ".")) * _UNITS[unit.casefold()]
                for number, unit in _amounts.findall(plain)
            )
            return now + timedelta(seconds=sign * round(seconds))
    return None


def _written(plain: str, local: ZoneInfo, unsaid: tzinfo = UTC) -> _Written:
    """Return what a time says, and what it leaves out."""
    plain, ahead = _zone_word(plain, local)
    match = next((result for pattern in _TIMES if (result := pattern.fullmatch(plain))), None)
    if match is None:
        if _day_alone.fullmatch(plain):
            raise NotUnderstoodInput(
                "day_only", "That is a day without a time; write both, like 24 Nov 2026 03:05."
            )
        raise NotUnderstoodInput(
            "no_time",
            "That is no time that can be read; write one like 0305Z, 24 Nov 03:05 or 240305Z NOV 26.",
        )
    parts = _parts(match)
    grouped = match.re is _group
    after = _zone_after(parts, local, grouped=grouped)
    if ahead is not None and after is not None:
        raise NotUnderstoodInput("ambiguous_zone", "Two zones are named; write one of them.")
    zone = ahead or after
    year, month, day = _day(parts)
    if grouped and zone is None and month is None:
        raise NotUnderstoodInput(
            "ambiguous_time",
            "Six digits may begin with a day or end with seconds; write 240305Z for the 24th, or 03:05:07.",
        )
    if (
        zone is None
        and year is None
        and day is not None
        and parts.get("packed", "")[:2] in {"19", "20"}
    ):
        raise NotUnderstoodInput(
            "ambiguous_time",
            "The four digits may be a year or a time; write the time like 20:26, and the year as well.",
        )
    return _Written(year, month, day, _clock(parts), zone or unsaid)


def _zone_word(plain: str, local: ZoneInfo) -> tuple[str, tzinfo | None]:
    """Return the text without a zone that is named in Chinese or by its city, and that zone."""
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
    """Return the zone of each city of the IANA database by its name, as it is spelled there with blanks."""
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


def _zone_after(parts: dict[str, str], local: ZoneInfo, *, grouped: bool) -> tzinfo | None:
    """Return the zone that stands behind the time, None if there is none."""
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
            "L is local time to some and +11 to others; write J for local time, or 24 Nov 03:05+11.",
        )
    if not grouped and letter == "h":
        raise NotUnderstoodInput(
            "ambiguous_zone", "The h is hours to some and +8 to others; write Z for UTC, or +08."
        )
    if "local" in parts or letter.upper() in {"J", "L"}:
        return local
    return timezone(timedelta(hours=_LETTERS[letter.upper()])) if letter else None


def _day(parts: dict[str, str]) -> tuple[int | None, int | None, int | None]:
    """Year, month and day, None where they are left out."""
    year = _year(parts["year"]) if "year" in parts else None
    if "one" in parts:
        return year, *_ordered(int(parts["one"]), int(parts["two"]), parts)
    month = (
        _MONTHS[parts["word"].casefold()]
        if "word" in parts
        else int(parts["month"])
        if "month" in parts
        else None
    )
    return year, month, int(parts["day"]) if "day" in parts else None


def _year(digits: str) -> int:
    year = int(digits) if len(digits) == 4 else 2000 + int(digits)
    if year not in _YEARS:
        raise NotUnderstoodInput(
            "no_such_day", f"The year is {digits}; write one from {_YEARS[0]} to {_YEARS[-1]}."
        )
    return year


def _ordered(one: int, two: int, parts: dict[str, str]) -> tuple[int, int]:
    """Month and day of two numbers. Dots between them and a year behind them mean the day first, wherever dates have dots."""
    year = parts.get("year", "")
    if len(year) == 2:
        raise NotUnderstoodInput(
            "ambiguous_order",
            "Which number is the year? Write it with four digits, or the month as a word: 24 Nov 2026.",
        )
    if one > 12 or one == two or (year and parts["joint"] == "."):
        return two, one
    if two > 12:
        return one, two
    raise NotUnderstoodInput(
        "ambiguous_order",
        "Which number is the month? Write it as a word: 3 Apr 03:05, or 4 Mar 03:05.",
    )


def _clock(parts: dict[str, str]) -> time:
    """Return the time of day, to the microsecond."""
    packed = parts.get("packed", "")
    hour, minute = (packed[:2], packed[2:]) if packed else (parts["hour"], parts.get("minute", "0"))
    try:
        clock = time(
            int(hour),
            int(minute),
            int(parts.get("second", "0")),
            int(parts.get("fraction", "0").ljust(6, "0")[:6]),
        )
        return clock.replace(hour=_hour(clock.hour, parts.get("half", "").casefold()))
    except ValueError as error:
        if isinstance(error, NotUnderstoodInput):
            raise
        raise NotUnderstoodInput(
            "no_such_time",
            "A day has the times 00:00 to 23:59, and a minute the seconds 00 to 59; check the digits.",
        ) from None


def _hour(hour: int, half: str) -> int:
    """Return an hour of the day, from one of its half. Twelve in the morning or in the evening is noon to some, midnight to others."""
    match half:
        case "":
            return hour
        case "a" | "凌晨" if hour <= 12:
            return hour % 12
        case "上午" if hour < 12:
            return hour
        case "p" | "下午" if hour <= 12:
            return hour % 12 + 12
        case "晚上" if 5 <= hour < 12:
            return hour + 12
        case "p" | "下午" | "晚上" if hour > 12:
            return hour
        case "a" | "凌晨" | "上午" if hour > 12:
            raise NotUnderstoodInput(
                "no_such_time",
                "That hour is not in the morning; write it from 00 to 23, like 15:05.",
            )
        case _:
            raise NotUnderstoodInput(
                "ambiguous_time",
                "That hour has two meanings; write it from 00 to 23, like 00:05 or 12:05.",
            )


def _candidates(written: _Written, now: datetime) -> Iterator[datetime]:
    """Return the times that may be meant, in the order of their days: one with its year, or else some before now and some after it."""
    today = now.astimezone(written.zone).date()
    days = list(_days(written, today))
    if not days:
        raise NotUnderstoodInput(
            "no_such_day", "There is no such day; check the day and the month."
        )
    return (datetime.combine(day, written.clock, written.zone) for day in days)


def _days(written: _Written, today: date) -> Iterator[date]:
    year, month, day = written.year, written.month, written.day
    if day is None:
        yield from (today + timedelta(days=shift) for shift in range(-2, 3))
        return
    if month is None:
        this = today.year * 12 + today.month - 1
        months = [
            divmod(this + shift, 12) for shift in range(-2, 3)
        ]  # of two months running, one has 31 days
        pairs = [(year, month + 1) for year, month in months]
    else:
        years = (
            range(today.year - 8, today.year + 9) if year is None else (year,)
        )  # 29 February may be eight years away
        pairs = [(number, month) for number in years]
    for year, month in pairs:
        try:
            yield date(year, month, day)
        except ValueError:
            continue


def _instant(local: datetime) -> datetime:
    """Return the UTC time of what a clock shows. Refused where the clock never shows it, or shows it twice."""
    first, second = (local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if first < second:
        raise NotUnderstoodInput(
            "ambiguous_time",
            "The clocks are put back then, and show that hour twice; write it with its offset, like 02:30+02.",
        )
    if first > second:
        raise NotUnderstoodInput(
            "no_such_time",
            "The clocks are put forward then, and leap over that hour; write it in UTC.",
        )
    return first


def read_place(text: str) -> GeoPoint:
    """Return a point in any of the notations of places.

    Raises `Unread`; its `suggestion` is the point to be asked about where there is one:
    with north and east supplied (`NeedsHemisphere`), or with latitude and longitude
    exchanged (`latitude_range`).
    """
    plain = _plain(text, _PLACE_MARKS).upper().replace("''", '"')
    if grid := _grid.fullmatch(plain):
        return _from_grid(
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


def written_place(point: GeoPoint, form: Literal["dms", "dm", "decimal", "mgrs"] = "dms") -> str:
    """Return a point as it is read out, in a form that `read_place` reads.

    `dms` to the second, with no-break spaces before the letters; `dm` to the hundredth
    of a minute, without them where they are nought; `decimal` to six decimals, signed;
    `mgrs` to the metre, cut off as the grid's rules have it. Raises `Unread` with
    `polar_mgrs` where the grid does not reach: north of 84 and south of 80 degrees.
    """
    match form:
        case "dms":
            return f"{_dms(point.lat, 2, 'NS')} {_dms(point.lon, 3, 'EW')}"
        case "dm":
            return f"{_dm(point.lat, 2, 'NS')} {_dm(point.lon, 3, 'EW')}"
        case "decimal":
            return f"{_decimal(point.lat, '+')}, {_decimal(point.lon, '+')}"
        case "mgrs":
            return _to_grid(point)
        case _:
            assert_never(form)


def distance_m(a: GeoPoint, b: GeoPoint) -> float:
    """Metres from one point to another over a sphere of the earth's mean radius: within 0.6 % of the ellipsoid."""
    north, east = radians(b.lat - a.lat), radians(b.lon - a.lon)
    chord = sin(north / 2) ** 2 + cos(radians(a.lat)) * cos(radians(b.lat)) * sin(east / 2) ** 2
    return 2 * _MEAN_RADIUS_M * asin(min(1.0, sqrt(chord)))


def bearing(a: GeoPoint, b: GeoPoint) -> float:
    """Degrees from north, clockwise, 0 up to 360, in which the way from one point to another sets out; 0 between a point and itself."""
    east = radians(b.lon - a.lon)
    from_, to = radians(a.lat), radians(b.lat)
    angle = atan2(sin(east) * cos(to), cos(from_) * sin(to) - sin(from_) * cos(to) * cos(east))
    return degrees(angle) % 360 % 360  # a hair west of north comes out of the first as 360


_MEAN_RADIUS_M: Final = 6_371_008.8
"""The mean radius of WGS-84, (2a + b) / 3."""

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
"""Signs as keyboards, books and Chinese have them, in the signs of ASCII and the degree
sign.
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
  | (?P<degrees3>\d{1,3})(?:-|\s*°\s*|\s+)(?P<minutes3>\d{1,2})(?:-|\s*'\s*|\s+)(?P<seconds3>\d{1,2}(?:[.,]\d{1,12})?)\s*"?
    """,
    _FLAGS,
)
_between: Final = re.compile(r"\s*[,;/]\s*|\s+")


def _no_place() -> NotUnderstoodInput:
    return NotUnderstoodInput(
        "no_place",
        "That is no place that can be read; write one like 15-07N 116-26E, 15.1203 N 116.4411 E or 50P MB 39946 71708.",
    )


def _lettered(*halves: tuple[str, _Hemisphere]) -> GeoPoint:
    """Return the point of two coordinates with their hemispheres, in whichever order."""
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
            "Both numbers are on the same axis; write N or S behind one, and E or W behind the other.",
        )
    return _within(numbers["lat"], numbers["lon"])


def _signed(plain: str) -> GeoPoint:
    """Return the point of two numbers, the latitude first. One that is negative shows that the other, without a sign, is positive."""
    first, second = _pair(plain)
    lat, lon = _degrees(first.lstrip("+- "), "lat"), _degrees(second.lstrip("+- "), "lon")
    point = _within(-lat if first[0] == "-" else lat, -lon if second[0] == "-" else lon)
    if "-" in {first[0], second[0]} or first[0] == second[0] == "+":
        return point
    raise NeedsHemisphere(point)


def _pair(plain: str) -> tuple[str, str]:
    """Return two coordinates without letters, each with its sign if it has one; if it can be, both in the same form."""
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
        if _parts(forms[first]).keys() == _parts(forms[second]).keys()
    ]
    match alike or readings:
        case [pair]:
            return pair
        case []:
            raise _no_place()
        case _:
            raise NotUnderstoodInput(
                "ambiguous_place",
                "Which numbers belong together? Write the letters, like 33-18S 030-00E, or each number with its sign and decimals.",
            )


def _half_lettered(plain: str, letter: re.Match[str]) -> GeoPoint:
    """Return the point of a number with a letter and one with a sign; asked for if it has none. A letter between the two is the first's."""
    first, second = _pair(" ".join(f"{plain[: letter.start()]} {plain[letter.end() :]}".split()))
    hemisphere = _HEMISPHERES[letter[0][0]]
    lettered, other = (second, first) if letter.end() == len(plain) else (first, second)
    signed: tuple[_Hemisphere, _Hemisphere] = ("E", "W") if hemisphere in "NS" else ("N", "S")
    point = _lettered((lettered, hemisphere), (other.lstrip("+- "), signed[other[0] == "-"]))
    if other[0] in "+-":
        return point
    raise NeedsHemisphere(point)


def _degrees(written: str, axis: Literal["lat", "lon"]) -> float:
    """Degrees of one coordinate without its sign; run together, a latitude has two digits of them and a longitude three."""
    match = _angle.fullmatch(written)
    if match is None:
        raise _no_place()
    parts = _parts(match)
    if "packed" in parts:
        packed, cut = parts["packed"], 2 if axis == "lat" else 3
        if len(packed) - cut not in {2, 4}:
            raise NotUnderstoodInput(
                "digit_count",
                "Write two digits of degrees north or south and three east or west, like 1507N 01626E.",
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
    """Return the point, refused if it is none; if it were one the other way round, that is asked and not assumed."""
    if abs(lat) > 90:
        swapped = _rounded(lon, lat) if abs(lon) <= 90 and abs(lat) <= 180 else None
        question = f" Did you mean {_with_letters(swapped)}?" if swapped else ""
        raise NotUnderstoodInput(
            "latitude_range",
            f"{_decimal(lat, '-')} is no latitude, which goes up to 90.{question} Write it so.",
            swapped,
        )
    if abs(lon) > 180:
        raise NotUnderstoodInput(
            "longitude_range",
            f"{_decimal(lon, '-')} is no longitude, which goes up to 180 east or west; check the digits.",
        )
    return _rounded(lat, lon)


def _rounded(lat: float, lon: float) -> GeoPoint:
    return GeoPoint(
        round(lat, 6) + 0.0, round(lon, 6) + 0.0
    )  # adding nought makes of -0.0 what it is


def _decimal(value: float, sign: Literal["+", "-"]) -> str:
    """Return a number to six decimals, those at the end that are nought left out; the sign of positive ones only if it is wanted."""
    return f"{round(value, 6) + 0.0:{sign}.6f}".rstrip("0").rstrip(".")


def _with_letters(point: GeoPoint) -> str:
    lat, lon = _decimal(abs(point.lat), "-"), _decimal(abs(point.lon), "-")
    return f"{lat} {'S' if point.lat < 0 else 'N'} {lon} {'W' if point.lon < 0 else 'E'}"


def _dms(value: float, width: int, letters: str) -> str:
    minutes, seconds = divmod(round(abs(value) * 3600), 60)
    return f"{minutes // 60:0{width}}°{minutes % 60:02}\u2032{seconds:02}\u2033\u00a0{letters[value < 0]}"


def _dm(value: float, width: int, letters: str) -> str:
    minutes, hundredths = divmod(round(abs(value) * 6000), 100)
    part = f".{hundredths:02}".rstrip("0").rstrip(".")
    return f"{minutes // 60:0{width}}-{minutes % 60:02}{part}{letters[value < 0]}"


# The grid: MGRS on WGS-84 (NGA.STND.0037), its zones' projection by Krüger's series (Karney 2011, J. Geodesy 85), to the fourth
# power of the third flattening: exact to a millimetre within a zone.

_grid: Final = re.compile(
    r"(?P<zone>\d{1,2})\s*(?P<band>[A-Z])\s*(?P<column>[A-Z])\s*(?P<row>[A-Z])\s*(?P<digits>[\d\s]*)",
    re.ASCII,
)
_polar: Final = re.compile(r"[ABYZ]\s*[A-Z]\s*[A-Z][\d\s]*\d", re.ASCII)

_BANDS: Final = "CDEFGHJKLMNPQRSTUVWX"
"""Bands of 8 degrees from 80 south; the last has 12."""

_COLUMNS: Final = ("STUVWXYZ", "ABCDEFGH", "JKLMNPQR")
"""Columns of 100 km by the zone modulo three, the first from 100 km on."""

_ROWS: Final = ("FGHJKLMNPQRSTUVABCDE", "ABCDEFGHJKLMNPQRSTUV")
"""Rows of 100 km by the zone modulo two, from the equator on; they begin anew every
2,000 km.
"""

_ROUND_M: Final = 2_000_000

_UNLIKE_OTHERS: Final = {
    (31, "V"): (0, 3),
    (32, "V"): (3, 12),
    (31, "X"): (0, 9),
    (33, "X"): (9, 21),
    (35, "X"): (21, 33),
    (37, "X"): (33, 42),
}
"""Zones that are not 6 degrees wide, off Norway and at Svalbard: their edges in degrees
east.
"""

_MISSING: Final = {(32, "X"), (34, "X"), (36, "X")}

_OVERLAP_M: Final = 40_000.0
"""How far a zone's grid may be used beyond its edge (DMA TM 8358.1)."""

_DEGREE_M: Final = 111_320.0
"""A degree of latitude, or of longitude at the equator; near enough for tolerances."""

_SCALE: Final = 0.9996
_FALSE_EASTING_M: Final = 500_000.0
_N: Final = 1 / (2 * 298.257223563 - 1)
"""The third flattening of WGS-84, f / (2 - f)."""

_RADIUS_M: Final = _SCALE * 6_378_137.0 / (1 + _N) * (1 + _N**2 / 4 + _N**4 / 64)
"""The radius of the circle that is as long as a meridian, on the scale of the grid."""

_ALPHA: Final = (
    _N / 2 - 2 / 3 * _N**2 + 5 / 16 * _N**3 + 41 / 180 * _N**4,
    13 / 48 * _N**2 - 3 / 5 * _N**3 + 557 / 1440 * _N**4,
    61 / 240 * _N**3 - 103 / 140 * _N**4,
    49561 / 161280 * _N**4,
)
_BETA: Final = (
    _N / 2 - 2 / 3 * _N**2 + 37 / 96 * _N**3 - 1 / 360 * _N**4,
    1 / 48 * _N**2 + 1 / 15 * _N**3 - 437 / 1440 * _N**4,
    17 / 480 * _N**3 - 37 / 840 * _N**4,
    4397 / 161280 * _N**4,
)
_DELTA: Final = (
    2 * _N - 2 / 3 * _N**2 - 2 * _N**3 + 116 / 45 * _N**4,
    7 / 3 * _N**2 - 8 / 5 * _N**3 - 227 / 45 * _N**4,
    56 / 15 * _N**3 - 136 / 35 * _N**4,
    4279 / 630 * _N**4,
)


def _projected(lat: float, east: float) -> tuple[float, float]:
    """Metres east and north in a zone's grid, of a latitude and the degrees east of the zone's middle; south is negative."""
    root = 2 * sqrt(_N) / (1 + _N)
    sine, turn = sin(radians(lat)), radians(east)
    conformal = sinh(atanh(sine) - root * atanh(root * sine))
    xi, eta = atan2(conformal, cos(turn)), asinh(sin(turn) / hypot(conformal, cos(turn)))
    north = xi + sum(
        number * sin(2 * j * xi) * cosh(2 * j * eta) for j, number in enumerate(_ALPHA, 1)
    )
    across = eta + sum(
        number * cos(2 * j * xi) * sinh(2 * j * eta) for j, number in enumerate(_ALPHA, 1)
    )
    return _FALSE_EASTING_M + _RADIUS_M * across, _RADIUS_M * north


def _unprojected(easting: float, northing: float) -> tuple[float, float]:
    """Return a latitude and the degrees east of the zone's middle, of metres in the zone's grid: the inverse of `_projected`."""
    north, across = northing / _RADIUS_M, (easting - _FALSE_EASTING_M) / _RADIUS_M
    xi = north - sum(
        number * sin(2 * j * north) * cosh(2 * j * across) for j, number in enumerate(_BETA, 1)
    )
    eta = across - sum(
        number * cos(2 * j * north) * sinh(2 * j * across) for j, number in enumerate(_BETA, 1)
    )
    conformal = asin(sin(xi) / cosh(eta))
    lat = conformal + sum(number * sin(2 * j * conformal) for j, number in enumerate(_DELTA, 1))
    return degrees(lat), degrees(atan(sinh(eta) / cos(xi)))


def _to_grid(point: GeoPoint) -> str:
    """Return the square metre in which a point lies, like `50P MB 39946 71708`."""
    lat, lon = point
    if not -80 <= lat <= 84:
        raise NotUnderstoodInput(
            "polar_mgrs", "The grid reaches from 80 south to 84 north; write that place in degrees."
        )
    band = _BANDS[min(int(lat + 80) // 8, 19)]
    zone = next(
        (
            zone
            for (zone, of), (west, east) in _UNLIKE_OTHERS.items()
            if of == band and west <= lon < east
        ),
        floor((lon + 180) / 6) % 60 + 1,
    )
    middle = 6 * zone - 183
    easting, northing = (
        floor(metres) for metres in _projected(lat, (lon - middle + 180) % 360 - 180)
    )
    column = _COLUMNS[zone % 3][easting // 100_000 - 1]
    row = _ROWS[zone % 2][northing % _ROUND_M // 100_000]
    return f"{zone:02}{band} {column}{row} {easting % 100_000:05} {northing % 100_000:05}"


def _from_grid(zone: int, band: str, square: str, groups: list[str]) -> GeoPoint:
    """Return the middle of a square of the grid."""
    digits = "".join(groups)
    if (
        not 2 <= len(digits) <= 10
        or len(digits) % 2
        or (len(groups) == 2 and len(groups[0]) != len(groups[1]))
    ):
        raise NotUnderstoodInput(
            "bad_mgrs",
            "Write as many digits east as north, 1 to 5 of each, like 50P MB 39946 71708.",
        )
    column, row = _COLUMNS[zone % 3].find(square[0]), _ROWS[zone % 2].find(square[1])
    if not 1 <= zone <= 60 or band not in _BANDS or (zone, band) in _MISSING or -1 in {column, row}:
        raise NotUnderstoodInput(
            "bad_mgrs",
            f"The grid has no square {zone}{band} {square}; check the zone and the letters (I and O are never used).",
        )
    half = len(digits) // 2
    side = 10 ** (5 - half)
    easting = (column + 1) * 100_000 + int(digits[:half]) * side + side / 2
    up = int(digits[half:]) * side + side / 2
    south = 8 * _BANDS.index(band) - 80
    north = 84 if band == "X" else south + 8
    west, east = _UNLIKE_OTHERS.get((zone, band), (6 * zone - 186, 6 * zone - 180))
    middle = 6 * zone - 183
    near = side / _DEGREE_M
    for start in range(row * 100_000 - 5 * _ROUND_M, 5 * _ROUND_M, _ROUND_M):
        below, above = (_unprojected(easting, start + edge)[0] for edge in (0, 100_000))
        if (
            below - near < north and above + near > south
        ):  # a square across the edge of two bands is written with either
            lat, off = _unprojected(easting, start + up)
            aside = max(west - middle - off, off + middle - east) * _DEGREE_M * cos(radians(lat))
            if aside <= _OVERLAP_M + side:
                return _rounded(lat, (middle + off + 180) % 360 - 180)
    raise NotUnderstoodInput(
        "bad_mgrs", f"The square {square} is not in {zone}{band}; check the zone and the letters."
    )
