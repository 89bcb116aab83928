"""The sides' clocks: what time it is at each office, whether it works now, and its hours of a day."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec
from babel.dates import get_timezone_location
from msgspec import Struct

from dragoman.domain.acts.deadlines import WEEK, DutyCalendar, calendar_of
from dragoman.i18n.vocabulary import CITIES
from dragoman.i18n.words import Words
from dragoman_schemas.fields import Hours
from dragoman_schemas.state import Exchange


class Office(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A side's office as its entry says: where, in which zone, when it works. Without an entry it is counted in UTC."""

    side: str
    seat: str = ""
    zone: str = "UTC"
    opens: str = ""
    closes: str = ""
    days: tuple[str, ...] = ()
    holidays: tuple[str, ...] = ()
    always: bool = False
    known: bool = False
    exchange: str = ""

    def local(self, moment: datetime) -> datetime:
        """Return a moment by the office's clock."""
        return moment.astimezone(ZoneInfo(self.zone))

    def state(self, moment: datetime) -> str:
        """Return what the office does at a moment: `office_hours`, `off_hours`, `night`, `holiday`, `day_off`; empty where nothing is known."""
        if not self.known:
            return ""
        there = self.local(moment)
        if self.always:
            return "office_hours"
        if there.date().isoformat() in self.holidays:
            return "holiday"
        if self.days and WEEK[there.weekday()] not in self.days:
            return "day_off"
        if self.opens and time.fromisoformat(self.opens) <= there.time() < (
            time.fromisoformat(self.closes) or time.max
        ):
            return "office_hours"
        return "off_hours" if 6 <= there.hour < 22 else "night"

    def holiday_tomorrow(self, moment: datetime) -> bool:
        """Return whether the next day is a holiday there."""
        return (self.local(moment).date() + timedelta(days=1)).isoformat() in self.holidays

    def bands(self, begins: datetime, ends: datetime) -> list[tuple[datetime, datetime]]:
        """Return the office's hours between two moments."""
        if self.always:
            return [(begins, ends)]
        if not self.opens:
            return []
        zone = ZoneInfo(self.zone)
        rows = []
        day = begins.astimezone(zone).date() - timedelta(days=1)
        while day <= ends.astimezone(zone).date():
            if WEEK[day.weekday()] in self.days and day.isoformat() not in self.holidays:
                opens = datetime.combine(day, time.fromisoformat(self.opens), zone).astimezone(UTC)
                closes = datetime.combine(day, time.fromisoformat(self.closes), zone).astimezone(
                    UTC
                )
                if closes <= opens:
                    closes += timedelta(days=1)
                if opens < ends and closes > begins:
                    rows.append((max(opens, begins), min(closes, ends)))
            day += timedelta(days=1)
        return rows


def office_of(side: str, entry: Exchange | None) -> Office:
    """Return a side's office by its standing entry."""
    if entry is None:
        return Office(side=side)
    calendar: DutyCalendar = calendar_of(entry)
    seat = str(msgspec.json.decode(entry.content["seat"]))
    hours = entry.content.get("hours")
    if hours is None or bytes(hours) == b'"24x7"':
        return Office(
            side=side,
            seat=seat,
            always=hours is not None,
            known=hours is not None,
            exchange=entry.id,
        )
    read = msgspec.json.decode(hours, type=Hours)
    return Office(
        side=side,
        seat=seat,
        zone=calendar.zone,
        opens=read.from_,
        closes=read.to,
        days=tuple(read.days),
        holidays=tuple(sorted(calendar.holidays)),
        known=True,
        exchange=entry.id,
    )


def office_state(state: str, words: Words) -> str:
    """Return in words whether an office works: the name of one of its states."""
    match state:
        case "office_hours":
            return words.say("office hours")
        case "holiday":
            return words.say("holiday today")
        case "day_off":
            return words.say("day off")
        case "night":
            return words.say("night")
        case _:
            return words.say("outside office hours")


@lru_cache(256)
def city(zone: str, language: str) -> str:
    """Return the city by which a zone is known, in a language."""
    if zone == "UTC":
        return "UTC"
    return get_timezone_location(
        zone, locale="zh_Hans" if language == "zh" else language, return_city=True
    )


def place_of(office: Office, words: Words) -> str:
    """Return the name of an office's place: its seat, in the reader's language as far as that has a name for it; else the city of its zone, or the side."""
    if not office.seat:
        return city(office.zone, words.language) if office.zone != "UTC" else office.side.upper()
    if office.zone != "UTC" and office.seat == city(office.zone, "en"):
        return city(office.zone, words.language)
    return words.name("city", office.seat) if office.seat in CITIES else office.seat


def places(offices: Iterable[Office], words: Words) -> dict[str, str]:
    """Return the offices' zones but UTC, in their order, each with the name of the office's place.

    The time of Asia/Shanghai is Beijing's where the office is there.
    """
    names: dict[str, dict[str, None]] = {}
    for office in offices:
        if office.zone != "UTC":
            names.setdefault(office.zone, {})[place_of(office, words)] = None
    return {zone: " / ".join(name) for zone, name in names.items()}
