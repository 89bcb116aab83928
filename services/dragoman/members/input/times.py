"""Times as officers write them, in English, French or Chinese, read into UTC.

A notation is read only where it has one meaning. Where it has two, or none,
`NotUnderstoodInput` says by its code which question to ask the officer. Show the
officer the reading before it is recorded.

A time without a zone is UTC, like the board's clock, in whatever language it is
written. `J`, `L` after a time of day, and the word *local* mean the officer's own zone.
Other letters are the zones of ACP 121. A city behind a time is a city of the IANA
database, in its spelling: `20:55 Brussels`. `read_time` takes a missing part of the day
as near before now as it can be, `read_moment` as near after it.

    0305  03:05Z  03:05+08  0305L  3 h 05  3时05分  下午3时05分
    240305Z  240305H NOV 26  24 Nov 03:05  Nov 24, 2026 3:05 pm
    le 24 novembre à 3 h 05  24/11 03:05  24.11.2026 03:05
    2026-11-24T03:05:07+08:00  北京时间11月24日3时5分
    now  -5 min  5 min ago  il y a 5 min  5分钟前  +2 h  in 2 hours  dans 2 h  2小时后
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from dragoman.members.input.not_understood import (
    FLAGS,
    NotUnderstoodInput,
    named_parts,
    plain_text,
)
from dragoman.members.input.time_zones import split_named_zone, zone_after

AHEAD: Final = timedelta(hours=1)
"""The greatest time by which a past event may lie ahead of now.

Clocks and typed times are not more exact than that.
"""


BEGUN: Final = timedelta(days=1)
"""The greatest age of a day without its year that is still a day of this year.

This is for future times: a window may just have begun.
"""


def read_time(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """Return the time of a past event, as an aware UTC time.

    Without a day, or with a day but no month, it is the last such time up to `AHEAD`
    after now. The day is that of the zone in which it is written. Without a year, it is
    the nearest such time. `zone` is the officer's own. `now` is aware. Times that are
    written as a time before now are whole seconds. Raises `NotUnderstoodInput`, with
    `in_future` for a time further ahead than `AHEAD`.
    """
    now = now.astimezone(UTC)
    plain = plain_text(text, _TIME_MARKS)
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
            f"{moment:%Y-%m-%d %H:%M}Z is still to come; "
            "check the day, and write the year if it is an earlier one.",
        )
    return moment


def read_moment(text: str, now: datetime, zone: ZoneInfo, unsaid: tzinfo = UTC) -> datetime:
    """Return the time of a future event, as an aware UTC time.

    The event is due, begins or ends then. Without a day, or with a day but no month, it
    is the next such time from now on. Without a year, it is the first that is not
    longer ago than `BEGUN`. A day written with its year may be past. `unsaid` is the
    zone of a time that names none. The rest is as for `read_time`. Raises
    `NotUnderstoodInput`.
    """
    now = now.astimezone(UTC)
    plain = plain_text(text, _TIME_MARKS)
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
    """Return the zone in which a time is written.

    It is UTC where the time names no zone or cannot be read. `zone` is the officer's
    own.
    """
    try:
        return _written(plain_text(text, _TIME_MARKS), zone).zone
    except NotUnderstoodInput:
        return UTC


def read_end(
    text: str, now: datetime, zone: ZoneInfo, begins: datetime, *, ahead: bool, unsaid: tzinfo = UTC
) -> datetime:
    """Return the end of a span that begins at a given time, as an aware UTC time.

    A time without a day is the next such time after the beginning. So `10:00` ends a
    span that begins on 15 December at 08:00 on that day. A time that is written as a
    time from now is counted from now. A time that names no zone is in `unsaid`, the
    zone of the beginning. Unless it may lie `ahead`, the end may not be in the future.
    Raises `NotUnderstoodInput`.
    """
    relative = _from_now(plain_text(text, _TIME_MARKS), now.astimezone(UTC))
    moment = read_moment(text, begins, zone, unsaid) if relative is None else relative
    if not ahead and moment > now + AHEAD:
        raise NotUnderstoodInput(
            "in_future",
            f"{moment:%Y-%m-%d %H:%M}Z is still to come; "
            "check the day, and write the year if it is an earlier one.",
        )
    return moment


def read_days(text: str, from_: date) -> tuple[date, date] | None:
    """Return the first and the last day of a day or a month without a time of day.

    None for any other text. Without a year, it is the first such day or month that is
    not over before `from_`. Raises `NotUnderstoodInput` for a day that does not exist.

        4 Jan 2027  2027-01-04  4 janvier  2027年1月4日
        Jan 2027  janvier 2027  2027-01  2027年1月
    """
    plain = plain_text(text, _TIME_MARKS)
    if (match := _day_alone.fullmatch(plain)) is not None:
        year, month, day = _day(named_parts(match))
    elif (match := _month_alone.fullmatch(plain)) is not None:
        parts = named_parts(match)
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
    """A time as it was written, with None for each part of its day that is missing."""

    year: int | None
    month: int | None
    day: int | None
    clock: time
    zone: tzinfo


_TIME_MARKS: Final = str.maketrans(
    {"\u2212": "-", "\u2010": "-", "\u2011": "-", "(": " ", ")": " "}
)
"""Signs of keyboards and mail, and the ASCII signs for them.

A dash stays a dash: between two times it is not a minus sign.
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
"""Seconds of each unit in which a time from now is written.

There is no `m`: it is a minute to some people and a month to others.
"""


_YEARS: Final = range(1000, 9001)
"""Years that the log accepts (`checks.moment`)."""


def _any(words: dict[str, int]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_ZONE: Final = r"""(?:
    (?:(?:UTC|GMT|TU)\s*)?(?P<sign>[+-])(?P<ahead>\d{1,2})(?::(?P<ahead_min>\d\d))?
  | (?P<sign2>\+)(?P<ahead2>\d\d)(?P<ahead_min2>\d\d)
  | (?:(?<=:\d\d)|(?<=:\d\d\s))  # after 0305, -0400 may be the end of a window
    (?P<sign3>-)(?P<ahead3>\d\d)(?P<ahead_min3>\d\d)
  | (?P<utc>UTC|GMT|TU)
  | (?P<local>local(?:\s+time)?|LT|(?:heure\s+)?locale)
  | (?P<letter>[A-Z])
)"""


_CLOCK: Final = rf"""
(?:(?P<half>上午|凌晨|下午|晚上)\s*)?
(?:
    (?P<hour>\d{{1,2}}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{{1,9}}))?)?
  | (?P<packed>\d{{4}})(?:\s*(?:hours|hrs|heures))?
  | (?P<hour2>\d{{1,2}})\s*(?:heures?|h)
    (?:\s*(?P<minute2>\d\d)\s*(?:min|mn)?(?:\s*(?P<second2>\d\d)\s*s?)?)?
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
  | (?P<day2>\d{{1,2}})(?:st|nd|rd|th|er)?\s*(?P<word2>{_any(_MONTHS)})\.?,?
    (?:\s*(?P<year2>\d{{4}}|\d\d))?
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


_day_alone: Final = re.compile(_DAY, FLAGS)


_month_alone: Final = re.compile(_MONTH, FLAGS)


_group: Final = re.compile(_GROUP, FLAGS)


_TIMES: Final = (
    re.compile(rf"{_DAY} (?:\s*[,T]\s*|\s+(?:(?:at|a)\s+)?|(?<=[日号])) {_CLOCK}", FLAGS),
    re.compile(rf"{_CLOCK} (?:\s*,\s*|\s+(?:on\s+)?) {_DAY}", FLAGS),
    re.compile(_CLOCK, FLAGS),
    _group,
)


_AMOUNT: Final = rf"(?:\d{{1,4}}(?:[.,]\d{{1,3}})?\s*(?:{_any(_UNITS)})\s*)+"


_amounts: Final = re.compile(rf"(\d{{1,4}}(?:[.,]\d{{1,3}})?)\s*({_any(_UNITS)})", FLAGS)


_FROM_NOW: Final = (
    (-1, re.compile(rf"(?:-\s*|il\s+y\s+a\s+){_AMOUNT} | {_AMOUNT}(?:ago|[以之]?前)", FLAGS)),
    (+1, re.compile(rf"(?:\+\s*|in\s+|dans\s+){_AMOUNT} | {_AMOUNT}[以之]?后", FLAGS)),
)


def _from_now(plain: str, now: datetime) -> datetime | None:
    """Return a time that is written as a time before or after now; None for another."""
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
    """Return the parts of a written time, and which parts it leaves out."""
    plain, ahead = split_named_zone(plain, local)
    match = next((result for pattern in _TIMES if (result := pattern.fullmatch(plain))), None)
    if match is None:
        if _day_alone.fullmatch(plain):
            raise NotUnderstoodInput(
                "day_only", "That is a day without a time; write both, like 24 Nov 2026 03:05."
            )
        raise NotUnderstoodInput(
            "no_time",
            "That cannot be read as a time; write one like 0305Z, 24 Nov 03:05 or 240305Z NOV 26.",
        )
    parts = named_parts(match)
    grouped = match.re is _group
    after = zone_after(parts, local, grouped=grouped)
    if ahead is not None and after is not None:
        raise NotUnderstoodInput("ambiguous_zone", "Two zones are named; write one of them.")
    zone = ahead or after
    year, month, day = _day(parts)
    if grouped and zone is None and month is None:
        raise NotUnderstoodInput(
            "ambiguous_time",
            "Six digits may begin with a day or end with seconds; write 240305Z for the "
            "24th, or 03:05:07.",
        )
    if (
        zone is None
        and year is None
        and day is not None
        and parts.get("packed", "")[:2] in {"19", "20"}
    ):
        raise NotUnderstoodInput(
            "ambiguous_time",
            "The four digits may be a year or a time; write the time like 20:26, and the "
            "year as well.",
        )
    return _Written(year, month, day, _clock(parts), zone or unsaid)


def _day(parts: dict[str, str]) -> tuple[int | None, int | None, int | None]:
    """Return year, month and day, with None for each that is left out."""
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
    """Return month and day of two numbers.

    Wherever dates have dots, dots between the numbers and a year after them mean that
    the day is first.
    """
    year = parts.get("year", "")
    if len(year) == 2:
        raise NotUnderstoodInput(
            "ambiguous_order",
            "Which number is the year? Write it with four digits, or the month as a word: 24 "
            "Nov 2026.",
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
            "A day has the times 00:00 to 23:59, and a minute the seconds 00 to 59; check "
            "the digits.",
        ) from None


def _hour(hour: int, half: str) -> int:
    """Return an hour of the day from an hour of one of its halves.

    Twelve in the morning or in the evening is noon to some people, and midnight to
    others.
    """
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
    """Return the possible times, in the order of their days.

    A time with its year has one. Other times have some before now and some after it.
    """
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
        # Of two consecutive months, one has 31 days.
        months = [divmod(this + shift, 12) for shift in range(-2, 3)]
        pairs = [(year, month + 1) for year, month in months]
    else:
        # 29 February may be eight years away.
        years = range(today.year - 8, today.year + 9) if year is None else (year,)
        pairs = [(number, month) for number in years]
    for year, month in pairs:
        try:
            yield date(year, month, day)
        except ValueError:
            continue


def _instant(local: datetime) -> datetime:
    """Return the UTC time of a local time.

    Raises `NotUnderstoodInput` where the clock never shows that time, or shows it
    twice.
    """
    first, second = (local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if first < second:
        raise NotUnderstoodInput(
            "ambiguous_time",
            "The clocks are put back then, and show that hour twice; write it with its "
            "offset, like 02:30+02.",
        )
    if first > second:
        raise NotUnderstoodInput(
            "no_such_time",
            "The clocks are put forward then, and leap over that hour; write it in UTC.",
        )
    return first
