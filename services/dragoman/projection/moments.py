"""Moments of a channel, as callers name them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from dragoman.domain.record.errors import refuse

_MILLISECOND: Final = timedelta(milliseconds=1)
POSITION: Final = re.compile(r"[0-9]{1,15}")
"""A position, where it is not a time that is named."""


class PastMoment(NamedTuple):
    """A moment of the past: the newest record then, and the time of its clock.

    What was recorded follows from the record. Limits, windows and ages follow from the
    clock, which may be long after that record.
    """

    position: int
    clock: datetime


def instant(name: str, text: str) -> datetime:
    """Return a caller's time, to the millisecond in UTC.

    Raises `Refused` for a time that does not exist, or that has no zone.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError(text)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise refuse(
            "bad-request",
            "%(name)s: %(time)s is not a valid time; write it like 2026-11-24T06:00:00Z.",
            name=name,
            time=text,
        ) from None
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def known_until(newest: str, end_seen: str) -> datetime:
    """Return the first time of which nothing is known here.

    `newest` is the channel's time, `end_seen` when the end of its log was last seen.
    """
    recorded = after(newest)
    return max(recorded, datetime.fromisoformat(end_seen)) if end_seen else recorded


def after(time: str) -> datetime:
    """Return the first moment after a time of the channel; the earliest for none."""
    return datetime.fromisoformat(time) + _MILLISECOND if time else datetime.min.replace(tzinfo=UTC)
