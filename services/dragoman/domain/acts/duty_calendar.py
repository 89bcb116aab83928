"""Duty calendars: the days on which a side's office works."""

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from dragoman_schemas.fields import Hours
from dragoman_schemas.state import Exchange

WEEK: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class DutyCalendar(Struct, frozen=True, kw_only=True):
    """The days on which a side's office works."""

    days: frozenset[str] = frozenset(WEEK[:5])
    zone: str = "UTC"
    holidays: frozenset[str] = frozenset()

    def works(self, day: date) -> bool:
        """Return whether that is a duty day."""
        return WEEK[day.weekday()] in self.days and day.isoformat() not in self.holidays

    def after(self, start: datetime, seconds: int) -> datetime:
        """Return the end of a time that counts on duty days only.

        Days are counted from midnight to midnight of the office's zone.
        """
        zone, span, at = ZoneInfo(self.zone), timedelta(seconds=seconds), start
        for _ in range(_DAYS):
            local = at.astimezone(zone)
            midnight = datetime.combine(
                local.date() + timedelta(days=1), datetime.min.time(), zone
            ).astimezone(UTC)
            if self.works(local.date()):
                if at + span <= midnight:
                    return at + span
                span -= midnight - at
            at = midnight
        return at


_DAYS: Final = 366
"""The days after which a time ends in any case.

Otherwise an office that never works would never owe anything.
"""


def calendar_of(office: Exchange | None) -> DutyCalendar:
    """Return a side's calendar from its office's entry.

    Without an entry, the office works from Monday to Friday in UTC.
    """
    if office is None:
        return DutyCalendar()
    hours = office.content.get("hours")
    holidays = (
        frozenset(msgspec.json.decode(office.content["holidays"]))
        if "holidays" in office.content
        else frozenset()
    )
    if hours is None:
        return DutyCalendar(holidays=holidays)
    if bytes(hours) == b'"24x7"':
        return DutyCalendar(days=frozenset(WEEK))
    duty_hours = msgspec.json.decode(hours, type=Hours)
    return DutyCalendar(days=frozenset(duty_hours.days), zone=duty_hours.zone, holidays=holidays)
