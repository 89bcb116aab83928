"""Supervision: a task that fails is run again by itself, later each time, and whoever depends on it is told.

    async def follow(working: Callable[[], None]) -> None:
        async for page in pages:
            take(page)
            working()                       # after a failure: it works again

    await supervise("fold", follow, failed=channel.fail, recovered=channel.recover)

A failure is an unexpected exception. It is logged as critical with its traceback, the
task is run anew after a second, and the wait is doubled up to a minute, for as long as
the failure lasts. What a task knows how to meet, such as a broker that does not answer,
it meets itself. A task that returns has ended, and is not run again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

import structlog

from dragoman.limits import RETRY_FIRST_SECONDS, RETRY_LONGEST_SECONDS

log = structlog.get_logger()

_CANCEL_SECONDS: Final = 0.5
"""How long a cancelled task has to end before it is cancelled again."""

_PROVEN_SECONDS: Final = 3.0
"""Longer than one turn of any of our loops, which have something to do about once a
second.
"""

Work = Callable[[Callable[[], None]], Awaitable[None]]
"""A task that can be begun anew. It calls its argument whenever it has done its work,
and so shows that it works.
"""


class Backoff:
    """The waits before a failing task is tried again: a second, doubled up to a minute, and a second again once it has worked for a minute."""

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
    """Run a task until it returns, and anew after every failure.

    `failed` is called with the name and the exception at each failure, `recovered` with
    the name once the task works again. Both are plain functions that must not fail.
    `about` is logged beside the name, such as the channel.
    """
    backoff = backoff or Backoff()

    def working() -> None:
        if backoff.worked():
            log.info("task.recovered", task=name, **about)
            recovered(name)

    while True:
        try:
            await work(working)
        except Exception as error:  # whatever it is, this task alone fails  # noqa: BLE001
            wait = backoff.failed()
            alarm(name, error, wait, **about)
            failed(name, error)
            await asyncio.sleep(wait)
        else:
            working()
            return


async def cancel_until_ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks until each has ended, also where the caller is cancelled meanwhile.

    Python 3.11's `wait_for`, which the NATS client uses, can swallow a cancellation: it
    is repeated.
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


def alarm(name: str, error: BaseException, wait: float, **about: Any) -> None:
    """Log that a task has failed, and in how many seconds it is tried again."""
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
    """Return a loop without news of its own as a task that can be supervised: it works once it has run for a few seconds."""

    async def work(working: Callable[[], None]) -> None:
        proven = asyncio.get_running_loop().call_later(_PROVEN_SECONDS, working)
        try:
            await run()
        finally:
            proven.cancel()

    return work


def _clock() -> float:
    return asyncio.get_running_loop().time()
