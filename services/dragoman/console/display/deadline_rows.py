"""Open deadlines as rows of a list, with six levels of urgency.

Every page has the same six levels. A row also says how much of its time has passed.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal

from msgspec import Raw, Struct

from dragoman.domain.acts.deadlines import timestamp
from dragoman.domain.views.open_matters import RECEIPTS
from dragoman.projection.open_deadlines import OpenDeadline, fraction_passed
from dragoman_schemas.act_frame import Precedence

Level = Literal["critical", "serious", "caution", "standby", "normal", "off"]
LEVELS: Final[tuple[Level, ...]] = ("critical", "serious", "caution", "standby", "normal", "off")
"""The levels of urgency, the worst first."""

_HALF, _NINE_TENTHS = 0.5, 0.9


class DeadlineRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One open deadline: its side, its time and its exchange.

    `waited_s` and `limit_s` are seconds. `message_act` is the message that started the
    deadline, and `by` is its author; `act` and `opener` are of the exchange.
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
    """Return the worst of some levels; `off` for none."""
    return min(levels, key=LEVELS.index, default="off")


def deadline_row(duty: OpenDeadline, now: datetime) -> DeadlineRow:
    """Return an open deadline as a row of a list, as of a time."""
    clock = duty.clock
    gone = fraction_passed(clock, now)
    return DeadlineRow(
        level=level_of(duty, now),
        clock=clock.clock,
        owed_by=clock.side,
        due=timestamp(clock.due),
        begins=timestamp(clock.begins),
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
    """Return the urgency of an open deadline, which is the same for every side."""
    clock = duty.clock
    return urgency(
        clock.clock,
        duty.precedence,
        gone=fraction_passed(clock, now),
        late=now > clock.due,
        binding=clock.binding,
    )


def urgency(clock: str, precedence: Precedence, *, gone: float, late: bool, binding: bool) -> Level:
    """Return the urgency of an open deadline.

    `precedence` is that of the message that started it. `gone` is the share of its time
    that has passed.
    """
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
    """Return whether an open deadline is for a receipt."""
    return duty.clock.clock in RECEIPTS


def by_urgency(strips: Iterable[DeadlineRow]) -> list[DeadlineRow]:
    """Return rows with the worst first; among equals, the longest waiting first."""
    return sorted(strips, key=lambda item: (LEVELS.index(item.level), item.begins, item.exchange))
