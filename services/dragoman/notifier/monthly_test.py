"""The month's test of each way to reach people."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from dragoman.domain.acts.duty_calendar import calendar_of
from dragoman.projection.projection import Projection
from dragoman.stores.endpoints import NotificationEndpoint, ReachProof

OFFICE_HOURS: Final = range(9, 17)
"""Hours of the side's own day in which the month's test is sent, on weekdays."""

_SATURDAY: Final = 5


def is_due(
    endpoint: NotificationEndpoint,
    projection: Projection,
    proof: ReachProof,
    days: int,
    now: datetime,
) -> bool:
    """Return whether the month asks for a test of an endpoint.

    It is sent in the office hours of its side, so that it wakes nobody. The first one
    follows the endpoint's entry by `days`, like each later one.
    """
    if not days or endpoint.means == "webhook":
        return False
    since = max(
        proof.sent_at,
        datetime.fromisoformat(endpoint.created).timestamp() if endpoint.created else 0.0,
    )
    if now.timestamp() - since < timedelta(days=days).total_seconds():
        return False
    return is_office_hour(projection, endpoint.side, now)


def is_office_hour(projection: Projection, side: str, moment: datetime) -> bool:
    """Return whether a side's office works at a moment, by its own clock."""
    local = moment.astimezone(ZoneInfo(calendar_of(projection.office(side)).zone))
    return local.weekday() < _SATURDAY and local.hour in OFFICE_HOURS
