"""Reminders before a hand-over, and warnings of a roster, to the officers concerned.

Reminders go to their officer by each way. Warnings of gaps go to the heads of office in
office hours, because they concern the days ahead.
"""

import asyncio
from typing import Final

import structlog

from dragoman.application.rosters import reminders
from dragoman.application.service import Service
from dragoman.domain.views import alarms
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.notifier.dispatcher import Dispatcher
from dragoman.notifier.monthly_test import is_office_hour

log = structlog.get_logger()

LOOK_SECONDS: Final = 10.0


class RosterReminders:
    """A sender of reminders and warnings through the dispatcher."""

    def __init__(self, service: Service, dispatcher: Dispatcher) -> None:
        """Send for all rosters that the service follows."""
        self._service = service
        self._dispatcher = dispatcher

    async def run(self) -> None:
        """Send what is due, without end."""
        while True:
            try:
                await self._look()
            except LogUnreachable as error:
                log.warning("courier.not_fresh", reason=str(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        service = self._service
        for item in reminders.reminders_due(service):
            projection = service.channel_with(item.cid)
            if projection is not None:
                await self._dispatcher.tell(projection, item.officer, item.id, item.text)
        for alert in reminders.alerts_due(service):
            projection = service.channel_with(alert.cid)
            if projection is None or not is_office_hour(projection, alert.side, service.now()):
                continue
            for officer in alarms.reached(projection.registry, alert.side, "head_of_office"):
                id = f"{alert.id}.{officer.partition('/')[2]}"
                await self._dispatcher.tell(projection, officer, id, alert.fault.text)
