"""The ids that services give what they record, as long as nobody has taken one."""

from dragoman.domain.acts import deadline_acts, deadlines, line_checks
from dragoman.domain.acts.families import delivery_outcomes
from dragoman.domain.record import ids
from dragoman.domain.record.codec import decode_act
from dragoman_schemas.acts.office.watch import CourierOutcome, Lapse, LineCheckMissed, Reminder
from dragoman_schemas.state import Registry


def clock_id(channel: str, exchange: str, clock: deadlines.Deadline, step: int) -> str:
    """The id of a reminder or a lapse."""
    data = decode_act(deadline_acts.act_of(clock, step))
    assert isinstance(data, Reminder | Lapse | LineCheckMissed)
    return ids.from_key(channel, deadlines.ACTOR, deadline_acts.key_of(exchange, data))


def slot_id(registry: Registry, slot: line_checks.Slot) -> str:
    """The id of the line check of a slot."""
    return ids.from_key(registry.name, deadlines.ACTOR, line_checks.key_of(slot))


def outcome_id(channel: str, outcome: CourierOutcome) -> str:
    """The id of an outcome of the courier."""
    return ids.from_key(channel, delivery_outcomes.ACTOR, delivery_outcomes.key_of(outcome))
