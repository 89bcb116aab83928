"""The sides' clocks: local time, office state and hours of each office."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from dragoman.domain.acts.duty_calendar import WEEK, DutyCalendar, calendar_of
from dragoman.i18n.vocabulary import CITIES
from dragoman.i18n.words import Words, city
from dragoman_schemas.fields import Hours
from dragoman_schemas.state import Exchange


class Office(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A side's office by its entry: its place, its time zone and its hours.

    Without an entry, times are counted in UTC.
    """

    side: str
    seat: str = ""
    zone: str = "UTC"
    opens: str = ""
    closes: str = ""
    days: tuple[str, ...] = ()
    holidays: tuple[str, ...] = ()
    always: bool = False
    is_known: bool = msgspec.field(name="known", default=False)
    exchange: str = ""

    def local(self, moment: datetime) -> datetime:
        """Return a moment by the office's clock."""
        return moment.astimezone(ZoneInfo(self.zone))

    def state(self, moment: datetime) -> str:
        """Return the state of the office at a moment.

        It is `office_hours`, `off_hours`, `night`, `holiday` or `day_off`; empty where
        the hours are not known.
        """
        if not self.is_known:
            return ""
        local = self.local(moment)
        if self.always:
            return "office_hours"
        if local.date().isoformat() in self.holidays:
            return "holiday"
        if self.days and WEEK[local.weekday()] not in self.days:
            return "day_off"
        if self.opens and time.fromisoformat(self.opens) <= local.time() < (
            time.fromisoformat(self.closes) or time.max
        ):
            return "office_hours"
        return "off_hours" if 6 <= local.hour < 22 else "night"

    def holiday_tomorrow(self, moment: datetime) -> bool:
        """Return whether the next day is a holiday at the office."""
        return (self.local(moment).date() + timedelta(days=1)).isoformat() in self.holidays

    def bands(self, begins: datetime, ends: datetime) -> list[tuple[datetime, datetime]]:
        """Return the office's hours between two moments."""
        if self.always:
            return [(begins, ends)]
        if not self.opens:
            return []
        zone = ZoneInfo(self.zone)
        bands = []
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
                    bands.append((max(opens, begins), min(closes, ends)))
            day += timedelta(days=1)
        return bands


def office_of(side: str, entry: Exchange | None) -> Office:
    """Return a side's office by its current entry."""
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
            is_known=hours is not None,
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
        is_known=True,
        exchange=entry.id,
    )


def office_state(state: str, words: Words) -> str:
    """Return the words for a state of an office."""
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


def place_of(office: Office, words: Words) -> str:
    """Return the name of an office's place.

    It is the seat, in the reader's language where a translation is known; else the city
    of the time zone, or the side.
    """
    if not office.seat:
        return city(office.zone, words.language) if office.zone != "UTC" else office.side.upper()
    if office.zone != "UTC" and office.seat == city(office.zone, "en"):
        return city(office.zone, words.language)
    return words.name("city", office.seat) if office.seat in CITIES else office.seat


def places(offices: Iterable[Office], words: Words) -> dict[str, str]:
    """Return the offices' zones but UTC, in their order, and names of their places.

    An office's own seat comes before the city of its zone.
    """
    names: dict[str, dict[str, None]] = {}
    for office in offices:
        if office.zone != "UTC":
            names.setdefault(office.zone, {})[place_of(office, words)] = None
    return {zone: " / ".join(name) for zone, name in names.items()}
