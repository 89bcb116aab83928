"""The duties of a station towards the line: it reports outages, and sends line checks.

An outage is the time in which the host was not heard, by the host's own clock. It is
reported once the line is back, under one id, so that it is reported once. The check of
a slot is sent by the station of the side whose turn it is: a check that the host wrote
would say nothing of this side's line.
"""

import asyncio
from datetime import datetime
from typing import Final

import structlog

from dragoman.application.station_port import KeptForHost
from dragoman.domain.acts import line_checks
from dragoman.domain.acts.access import is_station
from dragoman.domain.decide import Submission
from dragoman.domain.record import codec as records
from dragoman.domain.record import ids
from dragoman.domain.record.errors import Refused
from dragoman.limits import OUTAGE_SECONDS
from dragoman.projection.projection import Projection
from dragoman.station.command_handler import StationCommandHandler
from dragoman.station.submitter import Submitter

log = structlog.get_logger()

_LOOK_SECONDS: Final = 1.0
_AGAIN_SECONDS: Final = 30.0


class LineDuties:
    """The duties of one station in one channel."""

    def __init__(
        self, projection: Projection, actor: str, handler: StationCommandHandler, line: Submitter
    ) -> None:
        """Act as an officer entry of the role station."""
        self._projection, self._actor = projection, actor
        self._handler, self._line = handler, line
        self._heard = ""
        self._cut_since = ""
        self._not_before = float("-inf")

    async def run(self) -> None:
        """Look every second, for ever."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            projection = self._projection
            if not projection.is_channel or projection.registry.ended:
                continue
            if is_station(projection.registry, self._actor):
                await self._look(asyncio.get_running_loop().time())

    async def _look(self, tick: float) -> None:
        if self._line.is_cut:
            self._cut_since = self._cut_since or self._heard
            return
        since, now = self._cut_since, self._line.now()
        self._cut_since, self._heard = "", now
        if since and _seconds(since, now) >= OUTAGE_SECONDS:
            await self._report(since, now)
        if tick >= self._not_before:
            await self._check(tick)

    async def _report(self, since: str, until: str) -> None:
        """Record that the line was cut."""
        act = b'{"act":"line-outage","from":"%s","to":"%s"}' % (since.encode(), until.encode())
        key = f"line-outage\n{since}\n{until}"
        await self._post(act, ids.from_key(self._projection.name, self._actor, key), "channel")

    async def _check(self, tick: float) -> None:
        """Send the line check of the present slot, if it is due from this side."""
        registry, projection = self._projection.registry, self._projection
        slot = line_checks.due(registry, datetime.fromisoformat(self._line.now()))
        if slot is None or slot.side != self._actor.partition("/")[0]:
            return
        if any(projection.exchange(id) is not None for id in line_checks.ids_of(registry, slot)):
            return
        self._not_before = tick + _AGAIN_SECONDS
        id = ids.unused(registry.name, slot.side, line_checks.key_of(slot), projection.used)
        if id:
            await self._post(line_checks.act_of(registry, slot), id, "contact")

    async def _post(self, act: bytes, id: str, family: str) -> None:
        submission = Submission(
            actor=self._actor, act=act, data=records.decode_act(act), id=id, family=family
        )
        try:
            await self._handler.post(self._projection, submission)
        except KeptForHost:
            return  # the outbox brings it to the host
        except Refused as error:
            log.warning(
                "station.duty_refused",
                channel=self._projection.name,
                reason=str(error.refusal.detail),
            )


def _seconds(since: str, until: str) -> float:
    return (datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds()
