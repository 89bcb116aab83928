"""Outcomes of deadlines, computed here for audits, reports, statistics and pages."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final, Literal

from dragoman.domain.acts.deadlines import Deadline, deadlines_of, past_intervals_of
from dragoman.domain.acts.duty_calendar import DutyCalendar
from dragoman_schemas.state import Exchange, Registry

Outcome = Literal["open", "overdue", "in_time", "late", "unmet", "ended"]
"""The outcome of a deadline.

`open`: it runs. `overdue`: the limit passed, and the answer is still owed. `in_time`,
`late`: the answer came in time or late. `unmet`: the limit passed, and the matter ended
without an answer. `ended`: the matter ended before the limit, and nothing is owed any
more.
"""


OWED: Final[frozenset[Outcome]] = frozenset({"open", "overdue"})
"""The outcomes in which an answer is still owed."""


PASSED: Final[frozenset[Outcome]] = frozenset({"overdue", "late", "unmet"})
"""The outcomes in which the limit passed before the answer had come."""


def outcome(exchange: Exchange, clock: Deadline, now: datetime) -> Outcome:
    """Return the outcome of a deadline of an exchange.

    `now` is a time that a record may have.
    """
    late = clock.late(now)
    if clock.met is not None:
        return "late" if late else "in_time"
    if clock.ended is not None:
        return "unmet" if late else "ended"
    if exchange.status == "missed":  # A line check, which is over.
        return "unmet" if late else "ended"
    return "overdue" if late else "open"


def is_owed(exchange: Exchange, clock: Deadline) -> bool:
    """Return whether the answer to a deadline is still owed, late or not."""
    return outcome(exchange, clock, clock.due) in OWED


def outcomes(
    registry: Registry, exchange: Exchange, calendars: dict[str, DutyCalendar], now: datetime
) -> Iterator[tuple[Deadline, Outcome]]:
    """Return every deadline of an exchange with its outcome, and of past intervals."""
    return (
        (clock, outcome(exchange, clock, now))
        for of in (past_intervals_of, deadlines_of)
        for clock in of(registry, exchange, calendars)
    )
