"""Clients that read their answer slowly, or not at all."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from dragoman.server import connections
from dragoman.server.connections import Connections
from patience import PATIENCE_S

UNREAD_S = 0.6
ANSWER = bytes(24_000_000)
"""More than the kernel keeps for a client."""


@asynccontextmanager
async def served() -> AsyncIterator[tuple[str, int]]:
    """The address of a server with one large answer."""

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(body=ANSWER)

    def reject(request: web.BaseRequest, status: int, error: BaseException | None) -> web.Response:
        return web.Response(status=status)

    listener = socket.create_server(("127.0.0.1", 0))
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    assert runner.server is not None
    opened = Connections(listener, per_address=9, most=9)
    opened.start(runner.server, reject)
    yield listener.getsockname()
    opened.close()
    await runner.cleanup()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "UNREAD_SECONDS", UNREAD_S)
    monkeypatch.setattr(connections, "CHECK_READERS_SECONDS", UNREAD_S / 6)


async def _asking(address: tuple[str, int]) -> socket.socket:
    """A client that has asked, and has a small buffer."""
    loop = asyncio.get_running_loop()
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    client.setblocking(False)
    await loop.sock_connect(client, address)
    await loop.sock_sendall(client, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    return client


async def _rest(client: socket.socket, pause: float) -> int:
    """The number of bytes that a client gets that reads a little after each pause."""
    loop, size = asyncio.get_running_loop(), 0
    try:
        while chunk := await loop.sock_recv(client, 1 << 20):
            size += len(chunk)
            await asyncio.sleep(pause)
            if size >= len(ANSWER):
                break
    except ConnectionError:
        pass
    return size


async def test_a_client_that_reads_nothing_is_cut_off() -> None:
    async with served() as address, asyncio.timeout(PATIENCE_S):
        client = await _asking(address)
        await asyncio.sleep(2 * UNREAD_S)
        assert await _rest(client, 0) < len(ANSWER)
        client.close()


async def test_a_slow_client_that_goes_on_reading_gets_everything() -> None:
    async with served() as address, asyncio.timeout(PATIENCE_S):
        client = await _asking(address)
        begun = asyncio.get_running_loop().time()
        assert await _rest(client, 0.01) >= len(ANSWER)
        assert asyncio.get_running_loop().time() - begun > UNREAD_S
        client.close()
