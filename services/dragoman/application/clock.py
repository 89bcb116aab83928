"""The clock of a process, and times as records write them."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the current time in UTC. It is the command handler's default clock."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """Return a time as records write it: UTC, in milliseconds, with Z at the end."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:23] + "Z"
