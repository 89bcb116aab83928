"""Acts of the scheduler: reminders, lapses, and missed line checks."""

from datetime import datetime
from typing import Final

from dragoman.domain.acts import closing
from dragoman.domain.acts.act_rules import Rule, Who
from dragoman.domain.acts.deadlines import (
    LAPSE,
    REMINDERS,
    Deadline,
    instant,
    open_deadlines,
    timestamp,
)
from dragoman.domain.acts.duty_calendar import DutyCalendar
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, make_refusal
from dragoman_schemas.acts.office import watch
from dragoman_schemas.state import Exchange, Registry

_STEPS: Final = ("reminder", "lapse", "line-check-missed")


def act_of(deadline: Deadline, step: int) -> bytes:
    """Return the bytes of a reminder or a lapse, the same from every scheduler."""
    return b'{"act":"%s","clock":"%s","side":"%s","started_by":"%s","step":%d,"due":"%s"}' % (
        _name(deadline, step).encode(),
        deadline.clock.encode(),
        deadline.side.encode(),
        deadline.started_by.encode(),
        step,
        timestamp(deadline.due).encode(),
    )


def _name(deadline: Deadline, step: int) -> str:
    """Return the act that records a step.

    A line check without its echo is missed; any other deadline lapses.
    """
    return (
        "reminder"
        if step != LAPSE
        else "line-check-missed"
        if deadline.clock == "echo"
        else "lapse"
    )


def key_of(exchange: str, act: watch.Reminder | watch.Lapse | watch.LineCheckMissed) -> str:
    """Return the idempotency key of a reminder or a lapse in an exchange.

    It is the same from every scheduler.
    """
    name = str(act.__struct_config__.tag)
    return f"{name}\n{exchange}\n{act.clock}\n{act.side}\n{act.started_by}\n{act.step}"


def recorded_step(exchange: Exchange, deadline: Deadline) -> int:
    """Return the highest step that is on record for a deadline, or 0."""
    steps = [
        int(bytes(act_on_record.content["step"]))
        for act in _STEPS
        for act_on_record in exchange.acts.get(act, ())
        if (
            bytes(act_on_record.content["clock"]),
            bytes(act_on_record.content["side"]),
            bytes(act_on_record.content["started_by"]),
        )
        == (
            f'"{deadline.clock}"'.encode(),
            f'"{deadline.side}"'.encode(),
            f'"{deadline.started_by}"'.encode(),
        )
    ]
    return max(steps, default=0)


def reached_step(deadline: Deadline, now: datetime) -> int:
    """Return the highest step that a deadline has reached, or 0.

    A lapse comes strictly after the limit, a reminder at its time.
    """
    if now > deadline.due:
        return LAPSE
    return max((step for step in REMINDERS if now >= deadline.at(step)), default=0)


def check(
    registry: Registry,
    exchange: Exchange,
    calendars: dict[str, DutyCalendar],
    record: Record[watch.Reminder | watch.Lapse | watch.LineCheckMissed],
) -> Refusal | None:
    """Refuse a reminder or a lapse that no scheduler would record now.

    Its deadline must be binding and open, and must have reached the step. Its bytes
    must be those that every scheduler would write.
    """
    data = record.data
    for deadline in open_deadlines(registry, exchange, calendars):
        if (deadline.clock, deadline.side, deadline.started_by) == (
            data.clock,
            data.side,
            data.started_by,
        ):
            break
    else:
        return make_refusal(
            "void",
            "There is no open deadline %(clock)s of %(side)s.",
            clock=data.clock,
            side=data.side,
        )
    if record.act != act_of(deadline, data.step):
        return make_refusal("void", "The bytes are not those that every scheduler would record.")
    if (
        reached_step(deadline, instant(record.envelope.time)) < data.step
        or recorded_step(exchange, deadline) >= data.step
    ):
        return make_refusal(
            "void", "The deadline has not reached this step, or the step is already on record."
        )
    return None


RULES: Final = (
    Rule(act="reminder", shape=watch.Reminder, who=Who.WATCH, silent=True, kept=True),
    Rule(act="lapse", shape=watch.Lapse, who=Who.WATCH, kept=True, settle=closing.lapsed),
    Rule(act="line-check-missed", shape=watch.LineCheckMissed, who=Who.WATCH, kept=True),
)
