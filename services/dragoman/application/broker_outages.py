"""Outages, as one gateway saw them: from when to when it could not see the end of a channel's log, and whose fault that was.

    outages.look("nato-china", checked, tick, stood, down=False)    None, or Outage(since=…, until=…, cause="broker")

An outage is recorded in the channel for ever, so its cause must be true. It is the
broker's where the connection to it was down, or its durability could not be proved, at
any look in that time; else it is the gateway's own. Where the gateway's event loop
stood still it could not look, and that time is none of an outage.
"""

from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

from dragoman.limits import OUTAGE_SECONDS


class ObservedOutage(Struct, frozen=True, kw_only=True):
    """A time in which the end of a channel's log could not be seen, and its cause."""

    since: datetime
    until: datetime
    cause: Literal["broker", "gateway"]


class _Look(Struct, frozen=True, kw_only=True):
    """The last time that the end of a log was seen; `down` is whether the broker was away at any look since then."""

    checked: datetime | None
    tick: float
    stood: float
    down: bool = False


class Outages:
    """Remembers what was last seen of each channel. Times are of a monotonic clock, in seconds."""

    def __init__(self) -> None:
        """Begin without any channel."""
        self._seen: dict[str, _Look] = {}

    def look(
        self, channel: str, checked: datetime | None, tick: float, stood: float, *, down: bool
    ) -> ObservedOutage | None:
        """Return the outage that is over, if the log's end can be seen again and could not for too long; else None.

        `checked` is when the log's end was seen last, `stood` for how long the event
        loop stood still so far, `down` whether the broker is away now.
        """
        last = self._seen.get(channel) or _Look(checked=None, tick=tick, stood=stood)
        if checked is None or checked == last.checked:
            self._seen[channel] = _Look(
                checked=last.checked, tick=last.tick, stood=last.stood, down=last.down or down
            )
            return None
        self._seen[channel] = _Look(checked=checked, tick=tick, stood=stood)
        if last.checked is None or tick - last.tick - (stood - last.stood) < OUTAGE_SECONDS:
            return None
        cause: Literal["broker", "gateway"] = "broker" if last.down or down else "gateway"
        return ObservedOutage(
            since=checked - timedelta(seconds=tick - last.tick), until=checked, cause=cause
        )
