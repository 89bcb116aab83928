"""Outages of the broker, as one gateway saw them: from when to when it could not see the end of a channel's log.

An outage is recorded in the channel for ever, so it must be the broker's. Where the gateway's own event loop stood still it could not look,
and that time is none of an outage.
"""

from datetime import datetime, timedelta

from dragoman.limits import OUTAGE_SECONDS


class Outages:
    """What was last seen of each channel. Times are of a monotonic clock; `stood` is for how long the event loop stood still so far."""

    def __init__(self) -> None:
        """Begin without any channel."""
        self._seen: dict[str, tuple[datetime, float, float]] = {}

    def look(self, channel: str, checked: datetime | None, tick: float, stood: float) -> tuple[datetime, datetime] | None:
        """Return from when to when the log's end could not be seen, if it can be seen again and that was too long; else None."""
        last, since, stood_then = self._seen.get(channel, (None, tick, stood))
        if checked is None or checked == last:
            return None
        self._seen[channel] = checked, tick, stood
        if tick - since - (stood - stood_then) < OUTAGE_SECONDS:
            return None
        return checked - timedelta(seconds=tick - since), checked
