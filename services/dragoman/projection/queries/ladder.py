"""The ladder of every flash of an exchange: whom it reached of each side before the side acknowledged it, from the registry as it stood then.

    step    message 0190…, side china, deputy, at 03:10:12Z, reached china/d-1 and china/d-2

The log records no ringing, so a step says for whom the flash rang, and not who heard
it. That follows from three things on record: when the message was recorded, when it was
acknowledged, and who was in office and had the watch in between.
"""

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from dragoman.domain.acts.deadlines import written
from dragoman.domain.views import alarms
from dragoman.projection.queries.as_of import registry_at
from dragoman.projection.queries.snapshot import position_before
from dragoman.projection.store import Store
from dragoman_schemas.state import Exchange, Message, Registry


class LadderStep(Struct, frozen=True, kw_only=True):
    """One rung that a message reached: of which side, when, and who was on it; `officers` is empty where nobody was entered, or none was looked up."""

    message: str
    side: str
    rung: str
    time: str
    officers: tuple[str, ...] = ()


def steps(
    store: Store, channel: str, exchange: Exchange, at: int, now: datetime, text: str
) -> list[LadderStep]:
    """Return the steps of every flash of an exchange, as known at a position and a time; with the officers of the side `named` alone."""
    base = store.base(channel)
    with store.snapshot() as connection:
        registry = registry_at(connection, base, at)
        if registry is None:
            return []
        registries: dict[int, Registry | None] = {}

        def stood(position: int) -> Registry | None:
            if position not in registries:
                registries[position] = registry_at(connection, base, position)
            return registries[position]

        def officers(message: Message, side: str, rung: str, time: datetime) -> tuple[str, ...]:
            before = position_before(connection, base, at, time)
            registry = stood(max(before, message.said.position))
            return () if registry is None else alarms.reached(registry, side, rung)

        def found() -> Iterator[LadderStep]:
            for message in exchange.messages:
                for side in message.to:
                    for time, rung in alarms.rang(registry, exchange, message, side, now):
                        reached = officers(message, side, rung, time) if side == text else ()
                        yield LadderStep(
                            message=message.id,
                            side=side,
                            rung=rung,
                            time=written(time),
                            officers=reached,
                        )

        return list(found())
