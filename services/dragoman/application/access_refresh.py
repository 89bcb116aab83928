"""The refresh of tokens and sessions that other gateways have issued and revoked."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from dragoman.eventlog.durability_guard import DurabilityGuard
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.limits import POLL_SECONDS
from dragoman.stores.rosters import RosterStore
from dragoman.stores.tokens_and_sessions import TokensAndSessions

log = structlog.get_logger()

_LOOK_SECONDS: Final = 0.2


class AccessRefresh:
    """The reader of what changed at other gateways, for one service.

    `ended_listeners` are called when tokens, mappings or sessions have ended.
    """

    def __init__(
        self,
        bus: NatsConnection,
        guard: DurabilityGuard,
        access: TokensAndSessions,
        rosters: RosterStore,
    ) -> None:
        """Read tokens, sessions and rosters, and prove the broker."""
        self._bus = bus
        self._guard = guard
        self._access = access
        self._rosters = rosters
        self._looked = 0.0
        self.ended_listeners: list[Callable[[], None]] = []

    async def look_again(self) -> bool:
        """Read new tokens for an unknown caller, and return whether that was done.

        It is done at most a few times a second.
        """
        now = asyncio.get_running_loop().time()
        if not self._bus.up or now - self._looked < _LOOK_SECONDS:
            return False
        self._looked = now
        try:
            await self._access.refresh()
        except LogUnreachable:
            return False
        return True

    async def run(self) -> None:
        """Read tokens issued and revoked elsewhere, and prove the broker again."""
        fresh = True
        removals = self._access.bucket.removals
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self._guard.prove()
                await self._access.refresh()
                await self._rosters.refresh()
                await self._access.write_uses()
            except LogUnreachable as error:
                if fresh:
                    log.warning(
                        "access.not_fresh",
                        reason=str(error),
                        do="see the broker: what is revoked elsewhere holds here until it answers",
                    )
                fresh = False
            else:
                if not fresh:
                    log.info("access.fresh")
                fresh = True
            if self._access.bucket.removals != removals:
                removals = self._access.bucket.removals
                for listener in self.ended_listeners:
                    listener()
