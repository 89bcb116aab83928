"""The gauges of a host's state: its logs, watches, deliveries and broker.

    gauges = HostGauges(app, settings, certificate)
    await gauges.measure()      # what costs nothing, whenever the metrics are read
    await gauges.run()          # what reads many channels, while somebody is interested

Nothing is read for nobody: the background work rests when no metrics were asked for
within `_ASKED_SECONDS`.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

import structlog
from aiohttp import web

from dragoman import data_directory, metrics
from dragoman.application.deadline_cache import open_deadlines_of
from dragoman.application.http.request import SERVICE
from dragoman.application.operations.transparency_log import HEADS
from dragoman.application.service import Service
from dragoman.certificates import ends_of
from dragoman.console.page import armed_consoles
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.limits import UNARMED_SECONDS
from dragoman.projection.projection import NotYetApplied, Projection
from dragoman.server.tls import Certificate
from dragoman.settings import Settings
from dragoman.stores.outbox import BACK, ON_THE_WAY
from dragoman.tlog.note import NotANote

log = structlog.get_logger()

MEASURE_SECONDS: Final = 10.0
"""The greatest age of the gauges that read many channels, while somebody reads them."""

_ASKED_SECONDS: Final = 300.0
_LOOK_SECONDS: Final = 0.5
_AT_ONCE: Final = 25
"""Channels that are read before other tasks have a turn."""


def of_service(service: Service) -> Callable[[], Awaitable[None]]:
    """Return the function that sets the gauges of any service that follows the logs."""

    async def measure() -> None:
        _measure_logs(service)
        _measure_deliveries(service)
        service.disks.measure()

    return measure


class HostGauges:
    """The gauges of a gateway."""

    def __init__(
        self, app: web.Application, settings: Settings, certificate: Certificate | None
    ) -> None:
        """Measure the service of an application."""
        self._app = app
        self._service = app[SERVICE]
        self._settings = settings
        self._certificate = certificate
        self._asked_at = 0.0
        self._measured_at = 0.0

    async def measure(self) -> None:
        """Set the gauges that cost nothing, and wait once for the others."""
        _measure_logs(self._service)
        _measure_deliveries(self._service)
        _measure_station(self._service)
        self._service.disks.measure()
        metrics.LAST_BACKUP.set(data_directory.last_backup(self._settings.data))
        if self._certificate is not None:
            for what, end in ends_of(gateway=self._certificate.chain).items():
                metrics.CERTIFICATE_EXPIRES.labels(what).set(end.timestamp())
        self._asked_at = time.monotonic()

    async def run(self) -> None:
        """Set the other gauges every few seconds while somebody reads the metrics."""
        while True:
            now = time.monotonic()
            if now - self._asked_at < _ASKED_SECONDS and now - self._measured_at > MEASURE_SECONDS:
                await self._measure_channels()
                self._measured_at = time.monotonic()
            await asyncio.sleep(_LOOK_SECONDS)

    async def _measure_channels(self) -> None:
        """Count deadlines, flashes and watches in all channels, and read the heads."""
        running = overdue = unmanned = 0
        flashes: list[datetime] = []
        now = self._service.now()
        channels = [
            projection
            for projection in list(self._service.channels.values())
            if projection.is_channel and not projection.doubt
        ]
        for number, projection in enumerate(channels):
            if number % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
            if projection.registry.kind != "exercise":
                unmanned += self._unmanned(projection)
            try:
                deadlines = (await open_deadlines_of(self._app, projection)).listed()
            except NotYetApplied:
                continue
            late = sum(deadline.clock.due < now for deadline in deadlines)
            running, overdue = running + len(deadlines), overdue + late
            if projection.registry.kind != "exercise":
                flashes += [
                    deadline.clock.begins
                    for deadline in deadlines
                    if deadline.precedence == "flash" and deadline.rings
                ]
            if self._settings.metrics.channels:
                metrics.CHANNEL_RECORDS.labels(projection.name).set(projection.state.position)
                metrics.CHANNEL_OVERDUE.labels(projection.name).set(late)
        metrics.DEADLINES_OPEN.set(running)
        metrics.DEADLINES_OVERDUE.set(overdue)
        metrics.WATCHES_UNMANNED.set(unmanned)
        metrics.FLASHES.set(len(flashes))
        age = (now - min(flashes)).total_seconds() if flashes else 0.0
        metrics.FLASH_AGE.set(max(0.0, age))
        try:
            await self._app[HEADS].late(self._service)
        except (LogUnreachable, NotANote) as error:
            log.debug("metrics.heads_not_read", reason=str(error))
        else:
            metrics.UNSIGNED.set(self._app[HEADS].unsigned_s)

    def _unmanned(self, projection: Projection) -> int:
        """Return the number of taken watches for which no console is armed."""
        return sum(
            armed_consoles.silent_for(self._app, projection, side) >= UNARMED_SECONDS
            for side in projection.registry.watches
        )


def _measure_logs(service: Service) -> None:
    service.bus.measure()
    metrics.BROKER_DURABLE.set(service.guard.proven)
    metrics.CLOCK_OFFSET.set(service.guard.offset_s)
    metrics.LOOP_LAG.set(service.watchdog.lag)
    metrics.TASKS_FAILING.set(len(service.failing))
    projections = list(service.channels.values())
    late, broken, doubted = service.channel_counts()
    newer = sum(projection.newer is not None for projection in projections)
    otherwise = sum(projection.judged_otherwise is not None for projection in projections)
    for state, number in {
        "live": len(projections) - late,
        "late": late - broken - doubted,
        "broken": broken,
        "doubted": doubted,
        "newer": newer,
        "judged_otherwise": otherwise,
        "unsigned": sum(projection.unsigned is not None for projection in projections),
    }.items():
        metrics.CHANNELS.labels(state).set(max(0, number))
    now = datetime.now(UTC)
    times = [projection.checked for projection in projections if not projection.is_copy]
    lag = max(
        ((now - checked).total_seconds() for checked in times if checked is not None), default=0.0
    )
    metrics.FOLD_LAG.set(max(0.0, lag))


def _measure_station(service: Service) -> None:
    station = service.station
    if station is None:
        return
    lines = {name: line for name in service.channels if (line := station.line(name)) is not None}
    metrics.STATION_LINE_SILENT.set(max((line.silent_s for line in lines.values()), default=0.0))
    metrics.STATION_PARCEL_UNANSWERED.set(
        max((line.unanswered_s for line in lines.values()), default=0.0)
    )
    metrics.STATION_COPIES_IN_DOUBT.set(
        sum(
            line.hindrance is not None or bool(service.channels[name].doubt)
            for name, line in lines.items()
        )
    )
    states = Counter(str(entry.state) for name in lines for entry in station.entries(name))
    for state in (*ON_THE_WAY, *BACK):
        metrics.STATION_OUTBOX.labels(state).set(states[state])
    metrics.STATION_OUTBOX_OLD.set(sum(len(station.old_entries(name)) for name in lines))


def _measure_deliveries(service: Service) -> None:
    endpoints = service.notification_endpoints
    rows = [endpoints.progress(endpoint.id)[0] for endpoint in endpoints.endpoints()]
    metrics.PARKED.set(sum(len(progress.parked) for progress in rows))
    waiting = [item for progress in rows for item in progress.waiting]
    metrics.WAITING.set(len(waiting))
    now = time.time()
    metrics.OLDEST_WAITING.set(
        max((now - item.since for item in waiting if item.since), default=0.0)
    )
