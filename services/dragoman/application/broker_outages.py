"""Outages as one gateway saw them: times in which it could not see the end of a log.

    outages.look("nato-china", checked, tick, stood, down=False)
    None, or ObservedOutage(since=…, until=…, cause="broker")

An outage is recorded in the channel for ever, so its cause must be true. The broker is
the cause if, at any look in that time, the connection to it was down or its durability
could not be proved. Otherwise the gateway is. While the gateway's event loop stood
still it could not look, and that time does not count as an outage.
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
    """The last sight of the end of a log.

    `down` says whether the broker was away at any look since then.
    """

    checked: datetime | None
    tick: float
    stood: float
    down: bool = False


class Outages:
    """The last sight of each channel's log. Times are monotonic, in seconds."""

    def __init__(self) -> None:
        """Begin without any channel."""
        self._looks: dict[str, _Look] = {}

    def look(
        self, channel: str, checked: datetime | None, tick: float, stood: float, *, down: bool
    ) -> ObservedOutage | None:
        """Return the outage that has just ended; None if there was none.

        An outage has ended if the end of the log can be seen again, and could not for
        too long. `checked` is the time at which the end was last seen. `stood` is the
        total time for which the event loop stood still. `down` says whether the broker
        is away now.
        """
        last = self._looks.get(channel) or _Look(checked=None, tick=tick, stood=stood)
        if checked is None or checked == last.checked:
            self._looks[channel] = _Look(
                checked=last.checked, tick=last.tick, stood=last.stood, down=last.down or down
            )
            return None
        self._looks[channel] = _Look(checked=checked, tick=tick, stood=stood)
        if last.checked is None or tick - last.tick - (stood - last.stood) < OUTAGE_SECONDS:
            return None
        cause: Literal["broker", "gateway"] = "broker" if last.down or down else "gateway"
        return ObservedOutage(
            since=checked - timedelta(seconds=tick - last.tick), until=checked, cause=cause
        )
