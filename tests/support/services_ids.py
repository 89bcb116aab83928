"""The ids that services give what they record, as long as nobody has taken one."""

from dragoman.domain import clocks, courier, ids, line
from dragoman.domain.record import decode_act
from dragoman_schemas.acts.watch import CourierOutcome, Lapse, LineCheckMissed, Reminder
from dragoman_schemas.state import Registry


def clock_id(channel: str, exchange: str, clock: clocks.Running, step: int) -> str:
    """The id of a reminder or a lapse."""
    data = decode_act(clocks.act_of(clock, step))
    assert isinstance(data, Reminder | Lapse | LineCheckMissed)
    return ids.from_key(channel, clocks.ACTOR, clocks.key_of(exchange, data))


def slot_id(registry: Registry, slot: line.Slot) -> str:
    """The id of the line check of a slot."""
    return ids.from_key(registry.name, clocks.ACTOR, line.key_of(slot))


def outcome_id(channel: str, outcome: CourierOutcome) -> str:
    """The id of an outcome of the courier."""
    return ids.from_key(channel, courier.ACTOR, courier.key_of(outcome))
