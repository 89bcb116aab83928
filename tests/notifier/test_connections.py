"""The connections of the courier: none leads inside, and no side waits for the receivers of
another.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import aiohttp
import pytest

from dragoman.interop.ssrf_guard import AddressGuard
from dragoman.interop.webhook_signatures import shared_secret
from dragoman.notifier import webhook
from dragoman.notifier.delivery import OutgoingItem
from dragoman.stores.endpoints import NotificationEndpoint
from dragoman.text import Text

ITEM = OutgoingItem(
    id="0192f0c1-2f3a-7c4d-8e5f-112233445566", position=1, raw=b"{}", act="contact-note", family="contact", side="china", number="",
    precedence="routine", channel="nato-china", exchange="", exercise=False, time="2026-11-24T12:00:00.000Z", marking="",
)  # fmt: skip


def endpoint(target: str, side: str = "china") -> NotificationEndpoint:
    return NotificationEndpoint(
        id="e", cid="c", side=side, means="webhook", target=target, secret=shared_secret(bytes(32))
    )


@dataclass
class Listener:
    """A server on loopback that answers nothing."""

    port: int
    connections: int = 0


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.connections += 1
        await reader.read()
        writer.close()

    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    made = Listener(server.sockets[0].getsockname()[1])
    yield made
    server.close()


HOSTS = (
    "127.0.0.1",
    "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460",
    "\uff11\uff12\uff17.0.0.1",
    "[::ffff:127.0.0.1]",
    "localhost",
)


@pytest.mark.parametrize("check", [AddressGuard(()).check, lambda url: None])
@pytest.mark.parametrize("host", HOSTS)
async def test_no_spelling_of_loopback_is_connected_to_even_where_the_check_of_its_url_fails(
    host: str,
    check: Callable[[str], Text | None],
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    guard = AddressGuard(())
    monkeypatch.setattr(guard, "check", check)
    bring = webhook.Webhooks(guard)
    brought = await bring(endpoint(f"https://{host}:{listener.port}/"), ITEM)
    assert (brought.ok, str(brought.answered)) == (False, "not reached")
    assert listener.connections == 0
    await bring.aclose()


async def test_a_port_that_refuses_cannot_be_told_from_one_that_speaks_otherwise(
    listener: Listener, unused_port: int
) -> None:
    bring = webhook.Webhooks(AddressGuard(["127.0.0.0/8"]))
    answers = {str((await bring(endpoint(f"https://127.0.0.1:{unused_port}/"), ITEM)).answered)}

    def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-server\r\n")
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    answers.add(
        str(
            (
                await bring(
                    endpoint(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"), ITEM
                )
            ).answered
        )
    )
    server.close()
    assert answers == {"not reached"}
    await bring.aclose()


@pytest.fixture
async def unused_port() -> int:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


async def test_one_sides_silent_receivers_keep_no_other_side_waiting(listener: Listener) -> None:
    bring = webhook.Webhooks(AddressGuard(["127.0.0.0/8"]))
    silent = endpoint(f"http://127.0.0.1:{listener.port}/")
    hanging = [
        asyncio.create_task(bring(silent, ITEM)) for _ in range(webhook.CONNECTIONS_PER_HOST + 1)
    ]
    async with asyncio.timeout(10):
        while listener.connections < webhook.CONNECTIONS_PER_HOST:
            await asyncio.sleep(0.01)
    other = asyncio.create_task(bring(endpoint(silent.target, "nato"), ITEM))
    async with asyncio.timeout(10):
        while listener.connections == webhook.CONNECTIONS_PER_HOST:
            await asyncio.sleep(0.01)
    for each in (*hanging, other):
        each.cancel()
    await asyncio.gather(*hanging, other, return_exceptions=True)
    await bring.aclose()


async def test_a_name_that_leads_inside_only_when_it_is_called_is_not_reached(
    listener: Listener,
) -> None:
    async with webhook.session(AddressGuard(())) as session:
        with pytest.raises((aiohttp.ClientError, OSError)):
            await session.get(f"http://localhost:{listener.port}/")
    assert listener.connections == 0
