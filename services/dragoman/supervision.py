"""Supervision of tasks that must go on: a failed task runs again by itself.

    async def follow(working: Callable[[], None]) -> None:
        async for page in pages:
            take(page)
            working()                       # after a failure: it works again

    await supervise("fold", follow, failed=channel.fail, recovered=channel.recover)

A failure is an unexpected exception. It is logged as critical with its traceback, and
`failed` is called. The task runs again after a second, and the wait is doubled up to a
minute for as long as the failure lasts. A task handles the conditions that it expects
itself, such as a broker that does not answer. A task that returns has ended, and does
not run again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar

import structlog

log = structlog.get_logger()

T = TypeVar("T")

RETRY_FIRST_SECONDS: Final = 1.0
"""Seconds before a task that failed unexpectedly runs again. They are doubled at each
further failure.
"""

RETRY_LONGEST_SECONDS: Final = 60.0
"""The longest such wait: an operator who has removed the cause sees the channel back
within a minute.
"""

_CANCEL_SECONDS: Final = 0.5
"""The time in which a cancelled task must end before it is cancelled again."""

_PROVEN_SECONDS: Final = 3.0
"""More than one turn of any of our loops, each of which works about once a second."""

Work = Callable[[Callable[[], None]], Awaitable[None]]
"""A task that can be started again. It calls its argument whenever it has done its
work, and so shows that it works.
"""

StartTask = Callable[[Coroutine[Any, Any, None]], None]
"""A function that starts a task which ends with its context."""


class Backoff:
    """The waits before a failing task is tried again.

    The first wait is a second. Each further wait is doubled, up to a minute. The wait
    is a second again after the task has worked for a minute.
    """

    def __init__(
        self, first: float = RETRY_FIRST_SECONDS, longest: float = RETRY_LONGEST_SECONDS
    ) -> None:
        """Begin with a task that has not failed yet."""
        self._first = first
        self._longest = longest
        self._next = first
        self._again = 0.0
        self.failing = False

    @property
    def due(self) -> bool:
        """Return whether the task may be tried now."""
        return _clock() >= self._again

    def failed(self) -> float:
        """Return the seconds to wait before the next try."""
        now = _clock()
        if self._again and now > self._again + self._longest:
            self._next = self._first
        wait = self._next
        self._next = min(2 * wait, self._longest)
        self._again = now + wait
        self.failing = True
        return wait

    def worked(self) -> bool:
        """Note that the task has done its work. Return whether it had failed before."""
        before, self.failing = self.failing, False
        return before


async def supervise(
    name: str,
    work: Work,
    *,
    failed: Callable[[str, Exception], None] = lambda name, error: None,
    recovered: Callable[[str], None] = lambda name: None,
    backoff: Backoff | None = None,
    **about: Any,
) -> None:
    """Run a task until it returns, and start it again after every failure.

    `failed` is called with the name and the exception at each failure, `recovered` with
    the name once the task works again. Both are plain functions that must not fail.
    `about` is logged beside the name, for example the channel.
    """
    backoff = backoff or Backoff()

    def working() -> None:
        if backoff.worked():
            log.info("task.recovered", task=name, **about)
            recovered(name)

    while True:
        try:
            await work(working)
        except Exception as error:  # any failure concerns this task alone  # noqa: BLE001
            wait = backoff.failed()
            alarm(name, error, wait, **about)
            failed(name, error)
            await asyncio.sleep(wait)
        else:
            working()
            return


@asynccontextmanager
async def background_tasks() -> AsyncIterator[StartTask]:
    """Yield a function that starts tasks, and cancel them at the end of the context.

    If a task fails, its failure is logged as critical, and the task that entered the
    context is cancelled: the process ends.
    """
    tasks: set[asyncio.Task[None]] = set()
    owner = asyncio.current_task()

    def start(coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        tasks.add(task)
        task.add_done_callback(ended)

    def ended(task: asyncio.Task[None]) -> None:
        tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.critical("service.failed", exc_info=task.exception())
            if owner is not None:
                owner.cancel()

    try:
        yield start
    finally:
        while tasks:  # a task that ends may have started another one
            await cancel_until_ended(tuple(tasks))
            await asyncio.sleep(0)  # `ended` is called for tasks that were done already


async def cancel_until_ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks until each has ended, even if the caller is cancelled meanwhile.

    The cancellation is repeated, because `wait_for` of Python 3.11, which the NATS
    client uses, can swallow one.
    """
    interrupted = None
    while remaining := [task for task in tasks if not task.done()]:
        for task in remaining:
            task.cancel()
        try:
            await asyncio.wait(remaining, timeout=_CANCEL_SECONDS)
        except asyncio.CancelledError as cancelled:
            interrupted = cancelled
    if interrupted is not None:
        raise interrupted


async def finish_in_thread(work: Callable[[T], None], argument: T) -> None:
    """Work on a resource in a thread.

    The function waits for the thread even when it is cancelled, so that the resource is
    not closed while the thread uses it.
    """
    working = asyncio.ensure_future(asyncio.to_thread(work, argument))
    try:
        await asyncio.shield(working)
    finally:
        while not working.done():
            # A cancellation, however often repeated, is raised only after the thread ends.
            with suppress(asyncio.CancelledError):
                await asyncio.wait([working])
        # The shield has raised the exception, or its caller was cancelled and needs none.
        working.exception()


def alarm(name: str, error: BaseException, wait: float, **about: Any) -> None:
    """Log that a task has failed, and after how many seconds it is tried again."""
    log.critical(
        "task.failed",
        task=name,
        **about,
        reason=type(error).__name__,
        again_in_s=wait,
        do="nothing, if task.recovered follows; else keep this line, restart, and tell us",
        exc_info=error,
    )


def forever(run: Callable[[], Awaitable[None]]) -> Work:
    """Return an endless loop as a task that can be supervised.

    The loop does not report its own progress. It counts as working once it has run for
    a few seconds.
    """

    async def work(working: Callable[[], None]) -> None:
        proven = asyncio.get_running_loop().call_later(_PROVEN_SECONDS, working)
        try:
            await run()
        finally:
            proven.cancel()

    return work


def _clock() -> float:
    return asyncio.get_running_loop().time()
