"""Outages as one gateway saw them: times in which it could not see the end of a log.

    away = TimeAway()
    away.look(tick, stood, down=False)          # twice a second
    outages.look("nato-china", checked, tick, away.seconds)
    None, or ObservedOutage(since=…, until=…, cause="broker")

An outage is recorded in the channel for ever, so its cause must be true. The broker is
the cause if it was away for at least half of the outage: the connection to it was down,
or its durability could not be proved. Otherwise the gateway is. A gateway that stands
still, or gets no processor, loses its connection or its proof as well. So the broker
counts as away only while the gateway's event loop runs, and has run for a while.
"""

from datetime import datetime, timedelta
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from dragoman.limits import OUTAGE_SECONDS

Cause = Literal["broker", "gateway"]

_RECOVERY_SECONDS: Final = 3.0
"""Seconds after a stand-still of the event loop in which nothing is laid to the broker.
Longer than an answer of the broker may take, and than a new connection takes.
"""

_STOOD_SHARE: Final = 0.5
"""The share of a time that a loop may stand still and still judge the broker."""


class ObservedOutage(Struct, frozen=True, kw_only=True):
    """A time in which the end of a channel's log could not be seen, and its cause."""

    since: datetime
    until: datetime
    cause: Cause

    @property
    def seconds(self) -> float:
        """The length of the outage."""
        return (self.until - self.since).total_seconds()

    def joined(self, other: "ObservedOutage") -> "ObservedOutage":
        """Return one outage for two, with the cause of the longer one."""
        longer = self if self.seconds >= other.seconds else other
        return replace(
            longer, since=min(self.since, other.since), until=max(self.until, other.until)
        )


class TimeAway:
    """The time for which the broker was away while this process could see that."""

    def __init__(self) -> None:
        """Begin with a broker that was never away."""
        self.seconds = 0.0
        self._tick: float | None = None
        self._stood = 0.0
        self._judges_from = float("-inf")

    def look(self, tick: float, stood: float, *, down: bool) -> None:
        """Note whether the broker is away now.

        `tick` is the time of a monotonic clock. `stood` is the total time for which the
        event loop stood still. A loop that has just stood still sees the connections
        that it lost by that, and the questions that nobody answered.
        """
        last, self._tick = self._tick, tick
        late, self._stood = stood - self._stood, stood
        if last is None:
            return
        passed = tick - last
        if late > _STOOD_SHARE * passed:
            self._judges_from = tick + _RECOVERY_SECONDS
        elif down and tick >= self._judges_from:
            self.seconds += passed - late


class _Look(Struct, frozen=True, kw_only=True):
    """The last sight of the end of a log.

    `away` is the time for which the broker had been away by then.
    """

    checked: datetime
    tick: float
    away: float


class Outages:
    """The last sight of each channel's log. Times are monotonic, in seconds."""

    def __init__(self) -> None:
        """Begin without any channel."""
        self._looks: dict[str, _Look] = {}

    def look(
        self, channel: str, checked: datetime | None, tick: float, away: float
    ) -> ObservedOutage | None:
        """Return the outage that has just ended; None if there was none.

        An outage has ended if the end of the log can be seen again, and could not for
        too long. `checked` is the time at which the end was last seen. `away` is the
        total time for which the broker was away.
        """
        last = self._looks.get(channel)
        if checked is None or (last is not None and checked == last.checked):
            return None
        self._looks[channel] = _Look(checked=checked, tick=tick, away=away)
        if last is None or tick - last.tick < OUTAGE_SECONDS:
            return None
        cause: Cause = "broker" if away - last.away >= (tick - last.tick) / 2 else "gateway"
        return ObservedOutage(
            since=checked - timedelta(seconds=tick - last.tick), until=checked, cause=cause
        )
