"""The ladder of every flash of an exchange: the officers for whom it was to ring.

    step    message 0190…, side china, deputy, at 03:10:12Z, reached china/d-1 and
            china/d-2

A ladder ends with the side's acknowledgement. It follows from the registry at each
time. The log records no ringing, so a step names the officers for whom the flash was
to ring, and not those who heard it. Three things on record give that: the time of the
message, the time of its acknowledgement, and the officers in office and on watch in
between.
"""

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from dragoman.domain.acts.deadlines import timestamp
from dragoman.domain.views import alarms
from dragoman.projection.queries.as_of import position_before, registry_at
from dragoman.projection.store import Store
from dragoman_schemas.state import Exchange, Message, Registry


class LadderStep(Struct, frozen=True, kw_only=True):
    """One rung that a message reached, with its side, time and officers.

    `officers` is empty where no officer was entered, or none was looked up.
    """

    message: str
    side: str
    rung: str
    time: str
    officers: tuple[str, ...] = ()


def steps(
    store: Store, channel: str, exchange: Exchange, at: int, now: datetime, own_side: str
) -> list[LadderStep]:
    """Return the steps of every flash of an exchange, at a position and a time.

    Only the steps of the side `own_side` have officers.
    """
    base = store.base(channel)
    with store.snapshot() as connection:
        registry = registry_at(connection, base, at)
        if registry is None:
            return []
        registries: dict[int, Registry | None] = {}

        def registry_of(position: int) -> Registry | None:
            if position not in registries:
                registries[position] = registry_at(connection, base, position)
            return registries[position]

        def officers(message: Message, side: str, rung: str, time: datetime) -> tuple[str, ...]:
            before = position_before(connection, base, at, time)
            registry = registry_of(max(before, message.said.position))
            return () if registry is None else alarms.reached(registry, side, rung)

        def rungs() -> Iterator[LadderStep]:
            for message in exchange.messages:
                for side in message.to:
                    for time, rung in alarms.was_to_ring(registry, exchange, message, side, now):
                        reached = officers(message, side, rung, time) if side == own_side else ()
                        yield LadderStep(
                            message=message.id,
                            side=side,
                            rung=rung,
                            time=timestamp(time),
                            officers=reached,
                        )

        return list(rungs())
