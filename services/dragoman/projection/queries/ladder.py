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
from dragoman.projection.view import View
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


def steps(view: View, exchange: Exchange, own_side: str) -> list[LadderStep]:
    """Return the steps of every flash of an exchange.

    Only the steps of the side `own_side` have officers.
    """
    registries: dict[int, Registry] = {}

    def officers(message: Message, side: str, rung: str, time: datetime) -> tuple[str, ...]:
        position = max(view.position_before(time), message.said.position)
        if position not in registries:
            registries[position] = view.at(position).registry
        return alarms.reached(registries[position], side, rung)

    def rungs() -> Iterator[LadderStep]:
        for message in exchange.messages:
            for side in message.to:
                for time, rung in alarms.was_to_ring(
                    view.registry, exchange, message, side, view.moment
                ):
                    reached = officers(message, side, rung, time) if side == own_side else ()
                    yield LadderStep(
                        message=message.id,
                        side=side,
                        rung=rung,
                        time=timestamp(time),
                        officers=reached,
                    )

    return list(rungs())
