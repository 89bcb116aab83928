"""Deliveries: the position up to which each side has received the log.

A station of a side reads records. The gateway notes how far, and records it at most
once a second for each side.
"""

import asyncio
from dataclasses import dataclass, field

import structlog

from dragoman.application.command_handler import CommandHandler
from dragoman.application.station_port import KeptForHost
from dragoman.domain.acts.access import stations_of
from dragoman.domain.acts.families import channel
from dragoman.domain.record.errors import Refused
from dragoman.eventlog.event_log import LogBroken
from dragoman.limits import DELIVERY_SECONDS
from dragoman.projection.projection import Projection

log = structlog.get_logger()


@dataclass(slots=True)
class DeliveryTracker:
    """The position up to which each side has received the log, until it is recorded."""

    command_handler: CommandHandler
    channels: dict[str, Projection]
    noted: dict[tuple[str, str], int] = field(default_factory=dict)

    def note(self, channel: str, side: str, position: int) -> None:
        """Note that a station of the side has received everything up to a position.

        The record at that position is another side's act.
        """
        if position > self.noted.get((channel, side), 0):
            self.noted[channel, side] = position

    async def run(self) -> None:
        """Record up to which position other sides' acts were delivered to each side.

        It records that at most once a second for each side.
        """
        while True:
            await asyncio.sleep(DELIVERY_SECONDS)
            for (name, side), upto in list(self.noted.items()):
                projection = self.channels[name]
                registry = projection.registry
                before = registry.delivered.get(side)
                is_elsewhere = not projection.is_copy and stations_of(registry, side)
                if is_elsewhere or registry.ended or (before is not None and before.upto >= upto):
                    del self.noted[name, side]
                    continue
                if not self.command_handler.reaches(projection):
                    continue
                await self._deliver(projection, side, upto)

    async def _deliver(self, projection: Projection, side: str, upto: int) -> None:
        key, act = channel.delivery_key(side, upto), channel.delivery_act(side, upto)
        try:
            await self.command_handler.post_of_service(
                projection, "service/gateway", key, act, family="channel"
            )
        except KeptForHost:
            return  # the outbox brings it to the host
        except (Refused, LogBroken) as error:
            log.warning(
                "delivery.not_recorded",
                channel=projection.name,
                side=side,
                upto=upto,
                reason=str(error),
            )
        # The deliveries of other channels go on. The side's next delivery includes this one.
        except Exception:
            self.noted.pop((projection.name, side), None)
            log.critical(
                "delivery.failed", channel=projection.name, side=side, upto=upto, exc_info=True
            )
