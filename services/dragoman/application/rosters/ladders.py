"""The ladder of a flash as it is now: the roster's people first, then those by the log.

    people_of(service, projection, "china", "deputy").officers

Pages and the notifier take the officers of a rung from here.
"""

from typing import TypeVar

from msgspec.structs import replace

from dragoman.application.service import Service
from dragoman.domain.views import alarms, duty_roster
from dragoman.domain.views.alarms import Escalation, UnpassedMessage
from dragoman.domain.views.duty_roster import RungPeople
from dragoman.projection.projection import Projection
from dragoman_schemas.roster import RosterRung

AlarmT = TypeVar("AlarmT", Escalation, UnpassedMessage)


def people_of(service: Service, projection: Projection, side: str, rung: RosterRung) -> RungPeople:
    """Return the officers of a rung of a side now, in the order in which they are rung.

    Only the log counts while the roster is not in force.
    """
    now = service.now()
    shifts = service.rosters.known(projection.registry.cid, side).in_force(now)
    return duty_roster.ladder(projection.registry, side, rung, shifts, now)


def with_roster(service: Service, projection: Projection, alarm: AlarmT) -> AlarmT:
    """Return an alarm that has also reached the roster's people on its rungs."""
    people: dict[str, None] = {}
    for rung in alarm.rungs:
        people |= dict.fromkeys(people_of(service, projection, alarm.side, rung).by_roster)
    return replace(alarm, officers=tuple(people | dict.fromkeys(alarm.officers)))


def reaches_s(service: Service, projection: Projection, side: str, actor: str) -> int | None:
    """Return the seconds after which an alarm reaches an officer; None for never."""
    for seconds, rung in alarms.RUNGS:
        if actor in people_of(service, projection, side, rung).officers:
            return seconds
    return None
