"""A connection that is given up: nothing of it goes on, also where the client's task loses that it
was cancelled.
"""

import asyncio

from nats.aio.client import Client

from brokers import RealBroker
from dragoman.eventlog.nats_connection import connected, stop_reconnecting
from patience import PATIENCE_S
from tcp_wire import Wire


async def test_a_task_that_loses_its_cancellation_is_ended_all_the_same() -> None:
    lost = 0

    async def attempt() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                lost += 1
                if lost == 3:
                    raise

    client = Client()
    await stop_reconnecting(client)
    client._reconnection_task = asyncio.create_task(attempt())
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE_S):
        await stop_reconnecting(client)
    assert client._reconnection_task.cancelled() and lost == 3
    await stop_reconnecting(client)


async def test_of_two_tasks_that_reconnect_neither_goes_on_after_the_connection_is_given_up(
    real_broker: RealBroker,
) -> None:
    endpoint = real_broker.endpoint
    wire = Wire(int(endpoint.url.rpartition(":")[2]))
    async with connected(
        f"nats://127.0.0.1:{wire.port}", "gateway", endpoint.seed("gateway")
    ) as bus:
        wire.close()
        async with asyncio.timeout(PATIENCE_S):
            while bus.up:
                await asyncio.sleep(0.01)
        for _ in range(10):
            orphan = asyncio.create_task(bus.client._attempt_reconnect())
            await asyncio.sleep(0.3)
            if not orphan.done():
                break
            orphan.exception()  # both tasks read one socket at the same moment: this one ended
        assert not orphan.done()
    await asyncio.wait([orphan], timeout=5)
    assert orphan.done()
