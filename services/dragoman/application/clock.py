"""The clock of a process, and times as records write them."""

from datetime import UTC, datetime, timedelta


def utc_now() -> datetime:
    """Return the current time in UTC. It is the command handler's default clock."""
    return datetime.now(UTC)


class AdjustableClock:
    """A clock that stands still while it is set, until it is released.

    The demonstration of a past event sets it, so that records are dated as it was then.
    """

    def __init__(self) -> None:
        """Begin with the right time."""
        self._moment: datetime | None = None

    @property
    def is_set(self) -> bool:
        """Return whether the clock shows a time that somebody set."""
        return self._moment is not None

    def set(self, moment: datetime) -> None:
        """Show this time from now on."""
        self._moment = moment

    def release(self) -> None:
        """Show the right time from now on."""
        self._moment = None

    def now(self) -> datetime:
        """Return the time that the clock shows, in UTC."""
        return utc_now() if self._moment is None else self._moment

    def ago(self, seconds: float) -> datetime:
        """Return the time shown so many seconds ago; a set clock stands still."""
        return self.now() if self.is_set else utc_now() - timedelta(seconds=seconds)


def stamp(moment: datetime) -> str:
    """Return a time as records write it: UTC, in milliseconds, with Z at the end."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:23] + "Z"
