"""Points of contact: the ones in force, the ones attended now, and whom to ring next.

A point is superseded by a newer one of the same side and role that has taken effect.
Posts that are attended now come first. Posts that were not tried yet come before those
that were.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from dragoman.domain.acts.duty_calendar import WEEK, DutyCalendar
from dragoman.domain.acts.families.exchange import ENDED
from dragoman.domain.views.phase import phase_of
from dragoman_schemas.fields import Hours
from dragoman_schemas.state import Exchange, Registry


class PointOfContactState(Struct, frozen=True, kw_only=True):
    """A point of contact: its role, and the means and hours by which it is reached.

    `person` and `deputy` are ids of the register of people.
    """

    exchange: Exchange
    role: str
    institution: str
    languages: tuple[str, ...]
    means: tuple[str, ...]
    person: str
    deputy: str
    stage: str
    there: bool
    opens: datetime | None


def points(
    registry: Registry,
    entries: Iterable[Exchange],
    calendars: dict[str, DutyCalendar],
    now: datetime,
) -> list[PointOfContactState]:
    """Return the points of contact that were not withdrawn or cancelled.

    They are in the order in which they were announced. Superseded ones are marked.
    """
    states: list[PointOfContactState] = []
    newest: dict[tuple[str, str], int] = {}
    for entry in entries:
        if entry.status in ENDED:
            continue
        point = _point(registry, entry, calendars.get(entry.side, DutyCalendar()), now)
        if point.stage == "in_force":
            before = newest.get((entry.side, point.role))
            if before is not None:
                states[before] = msgspec.structs.replace(
                    states[before], stage="superseded", there=False
                )
            newest[entry.side, point.role] = len(states)
        states.append(point)
    return states


def next_calls(
    states: Iterable[PointOfContactState], sides: Iterable[str], exchange: Exchange
) -> list[tuple[PointOfContactState, int]]:
    """Return the posts to ring for these sides, in order.

    Each has the number of attempts in the exchange so far.
    """
    names = frozenset(sides)
    attempts = [
        tuple(_text(item.content.get(name)) for name in ("side", "post"))
        for item in exchange.acts.get("call-attempt", ())
    ]
    calls = [
        (
            point,
            sum(
                post == point.role and side in (point.exchange.side, "unknown")
                for side, post in attempts
            ),
        )
        for point in states
        if point.stage == "in_force" and point.exchange.side in names
    ]
    return sorted(calls, key=lambda call: (call[1], not call[0].there))


def _text(raw: msgspec.Raw | None) -> str:
    return "" if raw is None else str(msgspec.json.decode(raw))


def _point(
    registry: Registry, entry: Exchange, calendar: DutyCalendar, now: datetime
) -> PointOfContactState:
    content: dict[str, Any] = {
        name: msgspec.json.decode(value) for name, value in entry.content.items()
    }
    hours = content["hours"]
    there, opens = (
        (True, None)
        if hours == "24x7"
        else attended(msgspec.convert(hours, Hours), calendar.holidays, now)
    )
    at = phase_of(registry, entry, now)
    return PointOfContactState(
        exchange=entry,
        role=content["role"],
        institution=content["institution"],
        languages=tuple(content["languages"]),
        means=tuple(content["channels"]),
        person=content["person"]["id"],
        deputy=content["deputy"]["id"] if "deputy" in content else "",
        stage=at,
        there=there and at == "in_force",
        opens=opens,
    )


def attended(hours: Hours, holidays: frozenset[str], now: datetime) -> tuple[bool, datetime | None]:
    """Return whether somebody is there now, and otherwise when the hours begin next.

    It looks two weeks ahead. Hours that end before they begin run over midnight.
    """
    for begins, ends in _spans(hours, holidays, now):
        if begins <= now < ends:
            return True, None
        if begins > now:
            return False, begins
    return False, None


def _spans(
    hours: Hours, holidays: frozenset[str], now: datetime
) -> Iterator[tuple[datetime, datetime]]:
    zone = ZoneInfo(hours.zone)
    today = now.astimezone(zone).date()
    begins, ends = time.fromisoformat(hours.from_), time.fromisoformat(hours.to)
    for offset in range(-1, 15):
        day = today + timedelta(days=offset)
        if WEEK[day.weekday()] in hours.days and day.isoformat() not in holidays:
            last = day if ends > begins else day + timedelta(days=1)
            yield datetime.combine(day, begins, zone), datetime.combine(last, ends, zone)
