"""Documents of an identity provider that has no end, or that are no such documents."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from dragoman.limits import JWKS_BYTES
from dragoman.server.listener import document

_PIECE = 64 * 1024
_PIECES = 400


class Hostile:
    """A provider that sends far more than any document, and counts what it sent."""

    def __init__(self) -> None:
        self.url = ""
        self.sent = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/keys":
            return web.json_response({"keys": []})
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            for _ in range(_PIECES):
                await response.write(b" " * _PIECE)
                self.sent += _PIECE
        except ConnectionError:
            pass
        return response


@pytest.fixture
async def hostile() -> AsyncIterator[Hostile]:
    """A hostile provider, at its URL."""
    provider = Hostile()
    app = web.Application()
    app.router.add_get("/{path}", provider.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    provider.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield provider
    await runner.cleanup()


async def test_a_document_without_end_is_read_no_further_than_any_document_may_be(
    hostile: Hostile,
) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        with pytest.raises(ValueError, match="larger than any such document"):
            await document(session, f"{hostile.url}/endless")
        keys: Any = await document(session, f"{hostile.url}/keys")
        assert keys == {"keys": []}
    await asyncio.sleep(0.1)
    assert hostile.sent < JWKS_BYTES + _PIECES * _PIECE // 2
