"""The record of a gateway's outages: one act for each channel and outage, in calm only.

    recorder = OutageRecorder(channels, handler, is_down, watchdog)
    await recorder.run()

A host may have a thousand channels, and an outage concerns all of them. So the acts are
spread over time, at most `_ACTS_PER_SECOND`. They wait while the event loop is
late: acts that make a gateway slow would make the next outage. An outage that waits, or
that was refused for now, is joined with the next one of its channel.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog

from dragoman.application.broker_outages import ObservedOutage, Outages, TimeAway
from dragoman.application.clock import stamp
from dragoman.application.command_handler import CommandHandler
from dragoman.application.loop_watchdog import Watchdog
from dragoman.domain.acts.families import channel as channels
from dragoman.domain.record.errors import Refused
from dragoman.eventlog.event_log import LogBroken
from dragoman.limits import OUTAGE_LOOK_SECONDS, OUTAGE_SECONDS
from dragoman.projection.projection import Projection
from dragoman.supervision import Backoff, alarm, cancel_until_ended

log = structlog.get_logger()

_ACTS_PER_SECOND: Final = 50
"""Outages that a gateway records a second, in all its channels together."""

_CALM_SECONDS: Final = 0.25
"""The lag of the event loop up to which outages are recorded."""

_CHANNELS_SECONDS: Final = 0.9
"""The interval at which each channel is looked at: an outage is ten times as long."""

_JOINED_SECONDS: Final = 60.0
"""The longest time between two waiting outages that are recorded as one."""

_SETTLED_SECONDS: Final = 3.0
"""The age of an outage from which it is recorded. One that follows at once joins it."""


class OutageRecorder:
    """The outages of one gateway, from the first sight to the record."""

    def __init__(
        self,
        channels: Mapping[str, Projection],
        handler: CommandHandler,
        is_down: Callable[[], bool],
        watchdog: Watchdog,
    ) -> None:
        """Watch these channels, more of which may come.

        `is_down` says whether the connection to the broker is down, or its durability
        is not proved.
        """
        self._channels = channels
        self._handler = handler
        self._is_down = is_down
        self._watchdog = watchdog
        self._outages = Outages()
        self._away = TimeAway()
        self._looked = float("-inf")
        self._pending: dict[str, list[tuple[float, ObservedOutage]]] = {}
        self._backoffs: dict[str, Backoff] = {}

    async def run(self) -> None:
        """Watch and record for ever. The times are of a clock that nobody can set."""
        recording = asyncio.create_task(self._record_pending())
        try:
            while True:
                await asyncio.sleep(OUTAGE_LOOK_SECONDS)
                self.look(time.monotonic())
                if recording.done():
                    recording.result()
        finally:
            await cancel_until_ended([recording])

    def look(self, tick: float) -> None:
        """Note every outage that has just ended."""
        self._away.look(tick, self._watchdog.stood, down=self._is_down())
        if tick - self._looked < _CHANNELS_SECONDS:
            return
        away, self._looked = self._away.seconds, tick
        for name, projection in self._channels.items():
            if projection.is_copy or (projection.is_channel and projection.registry.ended):
                continue
            outage = self._outages.look(name, projection.checked, tick, away)
            if outage is not None:
                self._note(name, outage, tick)

    def _note(self, name: str, outage: ObservedOutage, tick: float) -> None:
        """Add an outage to those that wait, or join it with the one just before it."""
        waiting = self._pending.setdefault(name, [])
        if waiting and (outage.since - waiting[-1][1].until).total_seconds() <= _JOINED_SECONDS:
            outage = waiting.pop()[1].joined(outage)
        waiting.append((tick, outage))

    async def _record_pending(self) -> None:
        """Record waiting outages, the oldest first, while the event loop is in time."""
        while True:
            await asyncio.sleep(1 / _ACTS_PER_SECOND)
            if not self._pending or self._watchdog.lag > _CALM_SECONDS or self._is_down():
                continue
            now = time.monotonic()
            name = next(
                (
                    name
                    for name, waiting in self._pending.items()
                    if waiting[0][0] + _SETTLED_SECONDS <= now
                    and self._backoffs.setdefault(name, Backoff()).due
                ),
                None,
            )
            if name is not None:
                waiting = self._pending[name]
                first = waiting[0]
                if await self._is_done(name, first[1]) and waiting[0] is first:
                    del waiting[0]
                    if not waiting:
                        del self._pending[name]

    async def _is_done(self, name: str, outage: ObservedOutage) -> bool:
        """Record an outage, and return whether it needs no further try.

        If it fails, the outages of other channels are recorded, and this one later.
        """
        backoff = self._backoffs[name]
        try:
            is_done = is_on_record(self._channels[name], outage) or await self._record(
                self._channels[name], outage
            )
        except Exception as error:  # the others are recorded all the same  # noqa: BLE001
            alarm("outages", error, backoff.failed(), channel=name)
            return False
        if not is_done:
            backoff.failed()
        return is_done

    async def _record(self, projection: Projection, outage: ObservedOutage) -> bool:
        """Record an outage, and return whether that is done with.

        It is False if the outage cannot be recorded now. It is True also if it never
        can be.
        """
        since, until = stamp(outage.since), stamp(outage.until)
        key, act = (
            channels.outage_key(since, until),
            channels.outage_act(since, until, outage.cause),
        )
        try:
            await self._handler.post_of_service(
                projection, "service/gateway", key, act, family="channel"
            )
        except (Refused, LogBroken) as error:
            again = isinstance(error, LogBroken) or error.refusal.kind in (
                "unavailable",
                "unknown-outcome",
                "busy",
            )
            log.warning(
                "outage.not_recorded",
                channel=projection.name,
                since=since,
                reason=str(error),
                again=again,
            )
            return not again
        return True


def is_on_record(projection: Projection, outage: ObservedOutage) -> bool:
    """Return whether another gateway has recorded this outage of the broker.

    Each gateway sees the broker go and come at slightly other times.
    """
    recorded = projection.registry.outage if projection.is_channel else None
    if recorded is None or recorded.cause != outage.cause or outage.cause != "broker":
        return False
    since, until = (datetime.fromisoformat(text) for text in (recorded.from_, recorded.to))
    slack = timedelta(seconds=OUTAGE_SECONDS / 2)
    return since - slack <= outage.since and outage.until <= until + slack
