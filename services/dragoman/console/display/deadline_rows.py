"""What is owed as rows of a list: how urgent each is, in the six levels that every page has, and how much of its time has gone."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal

from msgspec import Raw, Struct

from dragoman.domain.acts.deadlines import written
from dragoman.projection.open_deadlines import OpenDeadline, spent
from dragoman_schemas.act_frame import Precedence

Level = Literal["critical", "serious", "caution", "standby", "normal", "off"]
LEVELS: Final[tuple[Level, ...]] = ("critical", "serious", "caution", "standby", "normal", "off")
"""The worst first."""

RECEIPTS: Final = frozenset({"acknowledgement", "echo"})
"""Clocks that a duty officer ends by saying that it has come."""

_HALF, _NINE_TENTHS = 0.5, 0.9


class Strip(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is owed: by whom, until when, in which exchange. `waited_s` and `limit_s` are seconds.

    `message_act` is the message that asks for it, and `by` who said that; `act` and
    `opener` are of the exchange.
    """

    level: Level
    clock: str
    owed_by: str
    due: str
    begins: str
    spent: float
    waited_s: int
    limit_s: int
    late: bool = False
    binding: bool = False
    exchange: str
    started_by: str = ""
    number: str
    act: str
    message_act: str
    subject: Raw
    opener: str
    by: str
    precedence: str
    status: str

    @property
    def waits(self) -> bool:
        """Return whether it waits for a receipt."""
        return self.clock in RECEIPTS


def worst(levels: Iterable[Level]) -> Level:
    """Return the worst of some levels; off for none."""
    return min(levels, key=LEVELS.index, default="off")


def strip(duty: OpenDeadline, now: datetime) -> Strip:
    """Return a duty as it stands at a time."""
    clock = duty.clock
    gone = spent(clock, now)
    return Strip(
        level=level_of(duty, now),
        clock=clock.clock,
        owed_by=clock.side,
        due=written(clock.due),
        begins=written(clock.begins),
        spent=round(gone, 4),
        waited_s=int((now - clock.begins).total_seconds()),
        limit_s=int((clock.due - clock.begins).total_seconds()),
        late=now > clock.due,
        binding=clock.binding,
        exchange=duty.exchange,
        started_by=clock.started_by,
        number=duty.number,
        act=duty.act,
        message_act=duty.message_act,
        subject=duty.subject,
        opener=duty.opener,
        by=duty.by,
        precedence=duty.precedence,
        status=duty.status,
    )


def level_of(duty: OpenDeadline, now: datetime) -> Level:
    """Return how urgent something owed is, alike for whoever owes it."""
    clock = duty.clock
    return urgency(
        clock.clock,
        duty.precedence,
        gone=spent(clock, now),
        late=now > clock.due,
        binding=clock.binding,
    )


def urgency(clock: str, precedence: Precedence, *, gone: float, late: bool, binding: bool) -> Level:
    """Return how urgent an open clock is, which a message of that precedence started, when that share of its time has gone."""
    if clock == "acknowledgement":
        match precedence:
            case "flash":
                return "critical"
            case "immediate":
                return "critical" if late else "serious"
            case "priority":
                return "serious" if gone >= _NINE_TENTHS else "caution"
            case _:
                pass
    if not binding:
        return "standby"
    if late:
        return "serious"
    return "caution" if gone >= _HALF else "standby"


def is_receipt(duty: OpenDeadline) -> bool:
    """Return whether something owed is a receipt."""
    return duty.clock.clock in RECEIPTS


def by_urgency(strips: Iterable[Strip]) -> list[Strip]:
    """Return the worst first, and among equals the one that has waited longest."""
    return sorted(strips, key=lambda item: (LEVELS.index(item.level), item.begins, item.exchange))
