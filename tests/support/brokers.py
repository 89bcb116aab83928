"""A real broker for tests, supervised as in production."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from dragoman.eventlog import broker, jetstream, stream_config
from dragoman.eventlog.durability_guard import DurabilityGuard
from dragoman.eventlog.nats_connection import NatsConnection, connected
from patience import PATIENCE_S


class RealBroker:
    """A real broker that a test may kill and start again, with connections as each of our users."""

    def __init__(
        self, stack: AsyncExitStack, supervisor: broker.Supervisor, endpoint: broker.BrokerEndpoint
    ) -> None:
        self.endpoint = endpoint
        self.supervisor = supervisor
        self.guard: DurabilityGuard
        self._warden: NatsConnection
        self._stack = stack
        self._buses: list[NatsConnection] = []

    @classmethod
    @asynccontextmanager
    async def started(cls, data: Path) -> AsyncIterator["RealBroker"]:
        """Start a broker on a data directory, with a guard that has proven it."""
        async with AsyncExitStack() as stack:
            supervisor = await stack.enter_async_context(broker.supervising(data, broker.find()))
            made = cls(stack, supervisor, supervisor.endpoint)
            made._warden = await made.bus("warden")
            made.guard = DurabilityGuard(made._warden, server_name=made.endpoint.server_name)
            await made.proven()
            yield made

    async def bus(self, user: str = "gateway") -> NatsConnection:
        """A new connection as a user."""
        bus = await self._stack.enter_async_context(
            connected(self.endpoint.url, user, self.endpoint.seed(user))
        )
        self._buses.append(bus)
        return bus

    async def log(self, channel: str = "nato-china") -> jetstream.JetStreamLog:
        """A channel's log, on a connection of its own."""
        await stream_config.create(await self.bus("steward"), channel)
        return jetstream.JetStreamLog(channel, await self.bus(), self.guard)

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.endpoint.keys.parent

    async def proven(self) -> None:
        """Ask until the guard has its proof. A busy broker may answer too late, and a gateway asks
        every second.
        """
        async with asyncio.timeout(PATIENCE_S):
            await self.guard.prove()
            while not self.guard.proven:
                await asyncio.sleep(0.05)
                await self.guard.prove()

    async def restart(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Kill the broker with -9, and wait until another one runs, every connection has found it,
        and the guard has proven it.

        A guard goes by its old proof until its connection is made again, and then by none until it
        was asked again: before that a log refuses to write, as it must. What is done `meanwhile` to
        the broker's store is done while none runs.
        """
        process = self.supervisor.process
        assert process is not None
        standing = [(bus, bus.losses) for bus in self._buses if bus.up]
        asked_again = asyncio.Event()

        async def told() -> None:
            asked_again.set()

        self._warden.reconnected.append(told)  # after the guard, which has asked by then
        process.kill()
        meanwhile()
        await process.wait()
        async with asyncio.timeout(PATIENCE_S):
            await asked_again.wait()
            while not all(bus.up and bus.losses > losses for bus, losses in standing):
                await asyncio.sleep(0.01)
        self._warden.reconnected.remove(told)
        await self.proven()
