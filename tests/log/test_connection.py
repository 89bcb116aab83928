"""A connection that is given up: nothing of it goes on, also where the client's task loses that it was cancelled."""

import asyncio

from nats.aio.client import Client

from dragoman.log.connection import stop_reconnecting


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
    async with asyncio.timeout(5):
        await stop_reconnecting(client)
    assert client._reconnection_task.cancelled() and lost == 3
    await stop_reconnecting(client)
