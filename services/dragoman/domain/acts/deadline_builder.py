"""A deadline, the limits of a profile, and what every table of deadlines builds on."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import Struct

from dragoman.domain.acts import developments
from dragoman.domain.acts.access import full_sides
from dragoman.domain.acts.duty_calendar import DutyCalendar
from dragoman.domain.acts.families.exchange import ENDED
from dragoman_schemas.profiles import PROFILES, Profile
from dragoman_schemas.state import Exchange, Registry, Stamp

REMINDERS: Final = (50, 90)
LAPSE: Final = 100
ACTOR: Final = "service/watch"
UNTIMED: Final = frozenset({"track2", "desk"})


def is_timed(registry: Registry) -> bool:
    """Return whether something may fall due in a channel: not once it has ended."""
    return registry.kind not in UNTIMED and registry.ended is None


class Deadline(Struct, frozen=True, kw_only=True):
    """One deadline of an exchange: its side, its limit, and whether it binds.

    `clock` is its name on the wire. `started_by` is the record from which it runs.
    `met` is the stamp of the act that was owed. `ended` is the end of the matter, if
    that came first: then nothing is owed any more.
    """

    clock: str
    side: str
    started_by: str
    begins: datetime
    due: datetime
    met: Stamp | None
    ended: Stamp | None = None
    binding: bool

    @property
    def open(self) -> bool:
        """Return whether the answer is still owed."""
        return self.met is None and self.ended is None

    def late(self, now: datetime) -> bool:
        """Return whether the limit passed before the deadline was met or ended."""
        stopped = self.met or self.ended
        return (now if stopped is None else instant(stopped.when)) > self.due

    def at(self, step: int) -> datetime:
        """Return the time at which a step is due.

        The step is a percentage of the time between beginning and limit.
        """
        return self.begins + (self.due - self.begins) * step / 100


def profile_of(registry: Registry) -> tuple[Profile, int | None]:
    """Return the profile whose limits are shown, and the position from which they bind.

    The position is None as long as the limits are a courtesy.
    """
    adoptions = [registry.profiles.get(side) for side in full_sides(registry)]
    names = {adoption.profile for adoption in adoptions if adoption is not None}
    if None in adoptions or len(names) != 1:
        return PROFILES["default"], None
    return PROFILES[names.pop()], max(
        adoption.adopted.position for adoption in adoptions if adoption is not None
    )


TICK: Final = timedelta(milliseconds=1)
"""The step between one time of a record and the next.

One step after the last record is a time that no record has.
"""


def instant(text: str) -> datetime:
    """Return the UTC instant of a timestamp."""
    return datetime.fromisoformat(text).astimezone(UTC)


def timestamp(moment: datetime) -> str:
    """Return an instant as the scheduler writes it, to the millisecond in UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


class DeadlineBuilder:
    """One exchange with its limits, and the ways to make its deadlines."""

    def __init__(
        self, registry: Registry, exchange: Exchange, calendars: dict[str, DutyCalendar]
    ) -> None:
        """Build deadlines of that exchange, under the profile of the registry."""
        self.registry = registry
        self.exchange = exchange
        self.calendars = calendars
        self.limits, self.since = profile_of(registry)

    def deadline(
        self,
        clock: str,
        side: str,
        started_by: str,
        by: Stamp,
        due: datetime,
        met: Stamp | None,
        *,
        begins: datetime | None = None,
        ends: bool = True,
    ) -> Deadline:
        """Return a deadline that a record started.

        It runs from the time of the record, or from `begins`. It ends with the matter
        if `ends` is true.
        """
        binding = self.since is not None and by.position > self.since
        begins = instant(by.time) if begins is None else begins
        ended = self.over() if ends and met is None else None
        return Deadline(
            clock=clock,
            side=side,
            started_by=started_by,
            begins=begins,
            due=due,
            met=met,
            ended=ended,
            binding=binding,
        )

    def after(
        self, clock: str, side: str, started_by: str, by: Stamp, seconds: int, met: Stamp | None
    ) -> Deadline:
        """Return a deadline that is due some seconds after the record of its start."""
        return self.deadline(
            clock, side, started_by, by, instant(by.time) + timedelta(seconds=seconds), met
        )

    def from_opening(self, clock: str, side: str, seconds: int, met: Stamp | None) -> Deadline:
        """Return a deadline that is due some seconds after the opening."""
        return self.after(clock, side, self.exchange.id, self.exchange.opened, seconds, met)

    def over(self) -> Stamp | None:
        """Return the end of the matter, after which only acknowledgements are owed.

        No acknowledgement is owed of a message that was answered before its opener
        closed the matter.
        """
        exchange = self.exchange
        if exchange.cancellation is not None:
            return exchange.cancellation.cancelled
        if exchange.status not in ENDED:
            return None
        if exchange.status == "withdrawn":
            return self.did("withdrawal")
        declined = () if exchange.meeting is None else exchange.meeting.declined.values()
        return exchange.closed or max(declined, key=lambda stamp: stamp.position, default=None)

    def says(self, field: str) -> bool:
        """Return whether a field was true in the opening as it was sent."""
        return self.as_sent(field) is True

    def moment(self, field: str, end: str) -> datetime | None:
        """Return one end of a window in its present state."""
        value = self.exchange.present.get(field)
        return None if value is None else instant(msgspec.json.decode(value)[end])

    def as_sent(self, field: str) -> Any:
        """Return a field as it was before any change.

        A change must not make another side owe an answer sooner.
        """
        value = developments.as_sent(self.exchange, field)
        return None if value is None else msgspec.json.decode(value)

    def replied(self, side: str) -> Stamp | None:
        """Return a side's first answer to the opening.

        An interim reply does not meet a deadline, nor does any reply that is not final.
        """
        return self.exchange.messages[0].answered.get(side)

    def did(self, *acts: str) -> Stamp | None:
        """Return the stamp of the first of some acts."""
        done = [item.said for act in acts for item in self.exchange.acts.get(act, ())]
        return min(done, key=lambda stamp: stamp.position, default=None)
