"""A real broker for tests, supervised as in production."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from dragoman.log import broker, jetstream, stream
from dragoman.log.connection import Bus, Guard, connected


class RealBroker:
    """A real broker that a test may kill and start again, with connections as each of our users."""

    def __init__(self, stack: AsyncExitStack, supervisor: broker.Supervisor, endpoint: broker.Endpoint) -> None:
        self.endpoint = endpoint
        self.supervisor = supervisor
        self._stack = stack
        self.guard: Guard

    async def bus(self, user: str = "gateway") -> Bus:
        """A new connection as a user."""
        return await self._stack.enter_async_context(connected(self.endpoint.url, user, self.endpoint.seed(user)))

    async def log(self, channel: str = "nato-china") -> jetstream.JetStreamLog:
        """A channel's log, on a connection of its own."""
        await stream.create(await self.bus("steward"), channel)
        return jetstream.JetStreamLog(channel, await self.bus(), self.guard)

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.endpoint.keys.parent

    async def restart(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Kill the broker with -9, and wait until its supervisor has started it again and it is trusted again.

        What is done `meanwhile` to its store is done between the two.
        """
        process = self.supervisor.process
        assert process is not None
        process.kill()
        meanwhile()
        await process.wait()
        while self.supervisor.process is process or not self.guard.proven:
            await asyncio.sleep(0.01)
