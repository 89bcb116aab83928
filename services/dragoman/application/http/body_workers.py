"""Worker threads that read large bodies, away from the event loop.

    act, data = await workers.read(request, len(raw), read_act, raw, cut=True)

A body within every limit may take half a second to read: endless blanks, or tens of
thousands of elements. On the event loop it would delay every side. Each side reads one
large body at a time, and the time is charged to its own budget. A small body is read at
once, and never waits behind a large one.
"""

import asyncio
import sys
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

from aiohttp import web

from dragoman.application.http.rate_limits import Payer
from dragoman.application.http.work_meter import counted
from dragoman.limits import SMALL_BODY_BYTES, SWITCH_SECONDS, WORKERS

P = ParamSpec("P")
T = TypeVar("T")


class Workers:
    """A few threads, and one lock for each side."""

    def __init__(self) -> None:
        """Begin without any thread: each is started when it is needed.

        The switch interval is set so that a worker soon gives way to the event loop.
        """
        sys.setswitchinterval(SWITCH_SECONDS)
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="reader")
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def run(self, side: str, work: Callable[[], T]) -> T:
        """Run a side's work in a thread, after the side's earlier work.

        Waits for the work even when cancelled, so that the side keeps its turn until
        then.
        """
        async with self._turns[side]:
            running = asyncio.get_running_loop().run_in_executor(self._threads, work)
            try:
                return await asyncio.shield(running)
            finally:
                if not running.done():
                    await asyncio.wait([running])

    def close(self) -> None:
        """Start no further work."""
        self._threads.shutdown(wait=False, cancel_futures=True)


WORKING: Final = web.AppKey("workers", Workers)

RENDERING: Final = web.AppKey("rendering", Workers)
"""The workers that render pages, one page of a side at a time."""


async def read(
    request: web.Request, size: int, work: Callable[P, T], *arguments: P.args, **keywords: P.kwargs
) -> T:
    """Return the result of reading a body of so many bytes.

    A large body is read in a worker. The time is part of the request's work.
    """
    payer = request.get("payer")
    if size <= SMALL_BODY_BYTES or not isinstance(payer, Payer):
        return work(*arguments, **keywords)
    timed = counted(request, work)
    return await request.app[WORKING].run(payer.side, lambda: timed(*arguments, **keywords))
