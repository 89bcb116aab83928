"""Workers that read large bodies: away from the event loop, one at a time for each side, and on the reader's own budget.

    act, data = await workers.read(request, len(raw), read_act, raw, cut=True)

A body within every limit may take half a second to read: blanks without end, tens of
thousands of elements. On the event loop it would hold up every side. A small body is
read at once, and never waits behind a large one.
"""

import asyncio
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

from aiohttp import web

from dragoman.application.http.rate_limits import BUDGETS, Payer
from dragoman.limits import SMALL_BODY_BYTES, SWITCH_SECONDS, WORKERS

P = ParamSpec("P")
T = TypeVar("T")


class Workers:
    """A few threads, and whose turn it is."""

    def __init__(self) -> None:
        """Begin with no thread; each is started when it is needed. A worker hands the interpreter over to the event loop soon."""
        sys.setswitchinterval(SWITCH_SECONDS)
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="reader")
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def run(self, side: str, work: Callable[[], T]) -> T:
        """Run a side's work in a thread, once the side's earlier work is done. Wait for it even when cancelled, so that it keeps its turn."""
        async with self._turns[side]:
            running = asyncio.get_running_loop().run_in_executor(self._threads, work)
            try:
                return await asyncio.shield(running)
            finally:
                if not running.done():
                    await asyncio.wait([running])

    def close(self) -> None:
        """Start nothing further."""
        self._threads.shutdown(wait=False, cancel_futures=True)


WORKING: Final = web.AppKey("workers", Workers)


async def read(
    request: web.Request, size: int, work: Callable[P, T], *arguments: P.args, **named: P.kwargs
) -> T:
    """Return what is read of a body of so many bytes: in a worker if it is large. The time is charged to the caller's officer and side."""
    spent = 0.0

    def timed() -> T:
        nonlocal spent
        begun = time.thread_time()
        try:
            return work(*arguments, **named)
        finally:
            spent = time.thread_time() - begun

    payer = request.get("payer")
    try:
        if size <= SMALL_BODY_BYTES or not isinstance(payer, Payer):
            return timed()
        return await request.app[WORKING].run(payer.side, timed)
    finally:
        if isinstance(payer, Payer):
            request.app[BUDGETS].worked(payer, spent)
