"""A host between an auditor and the gateway: it hands requests on, and changes what comes back."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
from aiohttp import web

_OWN: Final = frozenset({"content-length", "content-encoding", "transfer-encoding", "connection"})

Bend = Callable[[web.Request, int, bytes], tuple[int, bytes]]
"""Changes an answer: its status and its body, given the request."""


async def serving(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> tuple[web.AppRunner, str]:
    """A server of one handler on this machine, and its address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    return runner, f"http://{host}:{port}"


@asynccontextmanager
async def between(url: str, bend: Bend) -> AsyncIterator[str]:
    """The address at which a gateway's answers are changed."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:

        async def hand_on(request: web.Request) -> web.StreamResponse:
            async with session.get(url + request.path_qs, headers=request.headers) as answer:
                status, body = bend(request, answer.status, await answer.read())
                headers = {
                    name: value
                    for name, value in answer.headers.items()
                    if name.lower() not in _OWN
                }
            return web.Response(status=status, body=body, headers=headers)

        runner, address = await serving(hand_on)
        try:
            yield address
        finally:
            await runner.cleanup()
