"""Acts of the scheduler: reminders and lapses."""

from datetime import datetime
from typing import Final

from dragoman.domain.acts.act_rules import Rule, Who
from dragoman.domain.acts.deadlines import (
    LAPSE,
    REMINDERS,
    Deadline,
    DutyCalendar,
    instant,
    open_clocks,
    written,
)
from dragoman.domain.record.codec import Record
from dragoman.domain.record.errors import Refusal, make_refusal
from dragoman_schemas.acts.office import watch
from dragoman_schemas.state import Exchange, Registry

_STEPS: Final = ("reminder", "lapse", "line-check-missed")


def act_of(clock: Deadline, step: int) -> bytes:
    """Return the bytes of a reminder or a lapse, the same from every watch."""
    return b'{"act":"%s","clock":"%s","side":"%s","started_by":"%s","step":%d,"due":"%s"}' % (
        _name(clock, step).encode(),
        clock.clock.encode(),
        clock.side.encode(),
        clock.started_by.encode(),
        step,
        written(clock.due).encode(),
    )


def _name(clock: Deadline, step: int) -> str:
    """Return the act that records a step: a check without its echo is missed, whatever else lapses."""
    return (
        "reminder" if step != LAPSE else "line-check-missed" if clock.clock == "echo" else "lapse"
    )


def key_of(exchange: str, act: watch.Reminder | watch.Lapse | watch.LineCheckMissed) -> str:
    """Return the key of the id of a reminder or a lapse in an exchange, the same from every watch."""
    name = str(act.__struct_config__.tag)
    return f"{name}\n{exchange}\n{act.clock}\n{act.side}\n{act.started_by}\n{act.step}"


def recorded(exchange: Exchange, clock: Deadline) -> int:
    """Return the highest step that is on record for a clock; 0 for none."""
    rows = [
        int(bytes(item.content["step"]))
        for act in _STEPS
        for item in exchange.acts.get(act, ())
        if (
            bytes(item.content["clock"]),
            bytes(item.content["side"]),
            bytes(item.content["started_by"]),
        )
        == (
            f'"{clock.clock}"'.encode(),
            f'"{clock.side}"'.encode(),
            f'"{clock.started_by}"'.encode(),
        )
    ]
    return max(rows, default=0)


def reached(clock: Deadline, now: datetime) -> int:
    """Return the highest step that a clock has reached: a lapse strictly after the limit, a reminder at its time; 0 for none."""
    if now > clock.due:
        return LAPSE
    return max((step for step in REMINDERS if now >= clock.at(step)), default=0)


def check(
    registry: Registry, exchange: Exchange, calendars: dict[str, DutyCalendar], record: Record
) -> Refusal | None:
    """Return a reminder or a lapse is of a clock that binds, was not met and has come so far, and says what every watch would say."""
    data = record.data
    assert isinstance(data, watch.Reminder | watch.Lapse | watch.LineCheckMissed)
    for clock in open_clocks(registry, exchange, calendars):
        if (clock.clock, clock.side, clock.started_by) == (data.clock, data.side, data.started_by):
            break
    else:
        return make_refusal(
            "void", "No such clock runs: %(clock)s of %(side)s.", clock=data.clock, side=data.side
        )
    if record.act != act_of(clock, data.step):
        return make_refusal("void", "The bytes of what the watch records are determined.")
    if (
        reached(clock, instant(record.envelope.time)) < data.step
        or recorded(exchange, clock) >= data.step
    ):
        return make_refusal("void", "The clock has not come so far, or it is on record.")
    return None


RULES: Final = (
    Rule(act="reminder", shape=watch.Reminder, who=Who.WATCH, silent=True, kept=True),
    Rule(act="lapse", shape=watch.Lapse, who=Who.WATCH, kept=True),
    Rule(act="line-check-missed", shape=watch.LineCheckMissed, who=Who.WATCH, kept=True),
)
