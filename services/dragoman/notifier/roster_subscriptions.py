"""The keeper of rosters: it reads subscribed calendars, and computes shifts ahead.

Of several notifiers, one reads a calendar: the one that has noted the attempt in the
roster. The last good copy stays while a calendar cannot be read, and the roster shows
how old it is. The URL may hold a secret, so it is in no log line and in no fault.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

import aiohttp
import structlog
from msgspec import Struct
from msgspec.structs import replace

from dragoman.application.rosters import reading
from dragoman.application.service import Service
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.interop import NotUnderstood
from dragoman.limits import CALENDAR_BYTES
from dragoman.notifier import webhook
from dragoman.notifier.delivery import NOT_REACHED
from dragoman.projection.projection import Projection
from dragoman.stores.rosters import RosterTooLarge, StoredRoster
from dragoman.text import Text, packed, sentence
from dragoman_schemas.roster import RosterReading

log = structlog.get_logger()

INTERVAL: Final = timedelta(minutes=15)
"""The time between two readings of a subscription, also after a failed one."""

_LOOK_SECONDS: Final = 1.0
_AHEAD_ANEW: Final = timedelta(days=1)
"""The time after which shifts are computed further ahead."""

_AT_ONCE: Final = 8
_VALIDATOR_CHARACTERS: Final = 200
_TRIES: Final = 5


class FetchedCalendar(Struct, frozen=True, kw_only=True):
    """The answer of a calendar's server: the calendar, or `raw` None if unchanged."""

    raw: bytes | None
    etag: str = ""
    modified: str = ""


class RosterKeeper:
    """The keeper of all rosters of a service."""

    def __init__(self, service: Service) -> None:
        """Read through a session that calls only where the service's guard allows."""
        self._service = service
        self._session: aiohttp.ClientSession | None = None
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def run(self) -> None:
        """Keep the rosters, without end."""
        while True:
            try:
                await self.tick()
            except LogUnreachable as error:
                log.debug("roster.put_off", reason=str(error))
            await asyncio.sleep(_LOOK_SECONDS)

    async def tick(self) -> None:
        """Read every calendar that is due. Raises `LogUnreachable`."""
        await self._service.rosters.refresh()
        now = self._service.now()
        due = [
            (roster, projection)
            for roster in self._service.rosters.all_known()
            if _is_due(roster, now)
            and (projection := self._service.channel_with(roster.cid)) is not None
        ]
        await asyncio.gather(*(self._keep(roster, projection) for roster, projection in due))

    async def _keep(self, roster: StoredRoster, projection: Projection) -> None:
        rosters, now = self._service.rosters, self._service.now()
        claimed = replace(roster, tried=now)
        if not await rosters.keep(claimed, roster):
            return
        async with self._turns:
            try:
                change = (
                    await self._read(claimed, projection, now)
                    if roster.source == "subscription"
                    else await self._compute(claimed, projection, now)
                )
            except NotUnderstood as error:
                change = _failed(error.said)
                # The fault may quote a person's name from the calendar, so it is not logged.
                log.warning("roster.not_read", channel=projection.name, side=roster.side)
        await self._store(claimed, change)

    async def _store(
        self, claimed: StoredRoster, change: Callable[[StoredRoster], StoredRoster]
    ) -> None:
        """Store a result, unless somebody has put another roster since."""
        rosters = self._service.rosters
        for _ in range(_TRIES):
            roster = await rosters.find(claimed.cid, claimed.side)
            if (roster.source, roster.url, roster.put, roster.tried) != (
                claimed.source,
                claimed.url,
                claimed.put,
                claimed.tried,
            ):
                return
            try:
                if await rosters.keep(change(roster), roster):
                    return
            except RosterTooLarge:
                change = _failed(
                    sentence("it is too large to be stored; leave out the past events")
                )

    async def _read(
        self, roster: StoredRoster, projection: Projection, now: datetime
    ) -> Callable[[StoredRoster], StoredRoster]:
        """Return the change that a reading of a subscription makes.

        Raises `NotUnderstood`.
        """
        fetched = await self._fetch(roster)
        result = await reading.read(
            projection.registry, roster.side, now, raw=fetched.raw, events=roster.events
        )
        return _with_reading(result, now, fetched)

    async def _compute(
        self, roster: StoredRoster, projection: Projection, now: datetime
    ) -> Callable[[StoredRoster], StoredRoster]:
        """Return the change that computing a file's shifts further ahead makes.

        Raises `NotUnderstood`.
        """
        result = await reading.read(projection.registry, roster.side, now, events=roster.events)
        return _with_reading(result, now, None)

    async def _fetch(self, roster: StoredRoster) -> FetchedCalendar:
        """Return the calendar of a subscription. Raises `NotUnderstood`."""
        if wrong := self._service.urls.check(roster.url):
            raise NotUnderstood(wrong)
        headers = {"Accept": "text/calendar"}
        if roster.read is not None and not roster.fault:
            headers |= {"If-None-Match": roster.etag} if roster.etag else {}
            headers |= {"If-Modified-Since": roster.modified} if roster.modified else {}
        if self._session is None:
            self._session = webhook.session(self._service.urls)
        try:
            async with self._session.get(
                roster.url, headers=headers, allow_redirects=False
            ) as response:
                if response.status == 304 and roster.read is not None:
                    return FetchedCalendar(raw=None, etag=roster.etag, modified=roster.modified)
                if response.status != 200:
                    raise NotUnderstood(
                        sentence(
                            "its server answers %(status)s; check the address of the calendar",
                            status=response.status,
                        )
                    )
                return FetchedCalendar(
                    raw=await _body(response),
                    etag=_validator(response, "ETag"),
                    modified=_validator(response, "Last-Modified"),
                )
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            log.info(
                "roster.not_reached",
                cid=roster.cid,
                side=roster.side,
                reason=type(error).__name__,
            )
            raise NotUnderstood(NOT_REACHED) from None


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """Return a body, within the limit. Raises `NotUnderstood`."""
    body = bytearray()
    async for block in response.content.iter_chunked(1 << 16):
        body += block
        if len(body) > CALENDAR_BYTES:
            raise NotUnderstood(
                sentence(
                    "it has more than %(most)s bytes; leave out the past events",
                    most=CALENDAR_BYTES,
                )
            )
    return bytes(body)


def _validator(response: aiohttp.ClientResponse, name: str) -> str:
    value = response.headers.get(name, "")
    return value if len(value) <= _VALIDATOR_CHARACTERS and value.isascii() else ""


def _is_due(roster: StoredRoster, now: datetime) -> bool:
    """Return whether a calendar must be read, or its shifts computed anew."""
    if roster.tried is not None and now - roster.tried < INTERVAL:
        return False
    if roster.source == "subscription":
        return True
    return roster.until is None or now + reading.AHEAD - roster.until > _AHEAD_ANEW


def _with_reading(
    result: RosterReading, now: datetime, fetched: FetchedCalendar | None
) -> Callable[[StoredRoster], StoredRoster]:
    """Return the change that a good reading makes."""

    def change(roster: StoredRoster) -> StoredRoster:
        new = replace(
            roster,
            events=result.events,
            shifts=result.shifts,
            until=now + reading.AHEAD,
            fault="",
            changes=tuple(change for change in roster.changes if change.ends > now - reading.PAST),
        )
        if fetched is None:
            return new
        return replace(new, read=now, etag=fetched.etag, modified=fetched.modified)

    return change


def _failed(fault: Text) -> Callable[[StoredRoster], StoredRoster]:
    """Return the change that a failed attempt makes: the last good copy stays."""
    return lambda roster: replace(roster, fault=packed(fault))


@asynccontextmanager
async def keeper(service: Service) -> AsyncIterator[RosterKeeper]:
    """Yield the keeper of the rosters of a service, and close it at the end."""
    roster_keeper = RosterKeeper(service)
    try:
        yield roster_keeper
    finally:
        await roster_keeper.aclose()
