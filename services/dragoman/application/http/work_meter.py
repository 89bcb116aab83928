"""The processor time of one request: on the event loop, and in the threads it uses.

    meter = request[WORK] = WorkMeter()
    response = await meter.measured(handler(request))
    meter.seconds                                  # without the time that it waited

Wall time would charge a request for the load that others make. So each step of a
request is measured by the clock of its thread.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Final, ParamSpec, TypeVar

from aiohttp import web

P = ParamSpec("P")
T = TypeVar("T")

WORK: Final = "work"
"""The key of a request's meter."""

STRANGERS_AT_ONCE: Final = 2
"""The requests of strangers that begin in one turn of the event loop."""


class WorkMeter:
    """The processor seconds that a request has used."""

    __slots__ = ("seconds",)

    def __init__(self) -> None:
        """Begin at nothing."""
        self.seconds = 0.0

    async def measured(self, work: Awaitable[T]) -> T:
        """Return the result of a request's work, and measure each of its steps."""
        return await _Measured(work, self)

    def counted(self, work: Callable[P, T]) -> Callable[P, T]:
        """Return a function for a thread, whose time is added to the request's."""

        def timed(*arguments: P.args, **keywords: P.kwargs) -> T:
            begun = time.thread_time()
            try:
                return work(*arguments, **keywords)
            finally:
                self.seconds += time.thread_time() - begun

        return timed


class _Measured(Awaitable[T]):
    """An awaitable that measures each step of another one."""

    __slots__ = ("_meter", "_work")

    def __init__(self, work: Awaitable[T], meter: WorkMeter) -> None:
        self._work = work
        self._meter = meter

    def __await__(self) -> Generator[Any, Any, T]:
        steps, clock = self._work.__await__(), time.thread_time
        error: BaseException | None = None
        while True:
            begun = clock()
            try:
                waited = next(steps) if error is None else steps.throw(error)
            except StopIteration as done:
                result: T = done.value
                return result
            finally:
                self._meter.seconds += clock() - begun
            try:
                yield waited
            except BaseException as thrown:  # a cancellation, above all  # noqa: BLE001
                error = thrown
            else:
                error = None


def counted(request: web.Request, work: Callable[P, T]) -> Callable[P, T]:
    """Return a function for a thread, whose time is added to that of a request."""
    meter = request.get(WORK)
    return work if meter is None else meter.counted(work)


class StrangerQueue:
    """The queue of requests without a caller: few begin in one turn of the event loop.

    Whatever else is ready goes on between two turns: posts, alarms and the pages of
    officers. So a flood of strangers delays an officer by the work of a few of them.
    """

    def __init__(self) -> None:
        """Begin with nobody in the queue."""
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._begun = 0

    async def turn(self) -> None:
        """Wait until a stranger's request may begin."""
        if self._begun < STRANGERS_AT_ONCE and not self._waiting:
            self._begin()
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        await turn

    def _begin(self) -> None:
        if not self._begun:
            asyncio.get_running_loop().call_soon(self._next)
        self._begun += 1

    def _next(self) -> None:
        self._begun = 0
        while self._waiting and self._begun < STRANGERS_AT_ONCE:
            turn = self._waiting.popleft()
            if not turn.done():  # its client may have gone
                self._begin()
                turn.set_result(None)


STRANGERS: Final = web.AppKey("strangers", StrangerQueue)
