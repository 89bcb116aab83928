"""A watchdog that measures how long the event loop stood still, and logs the cause.

    watchdog = Watchdog()
    task = asyncio.create_task(watchdog.run())
    watchdog.stood        # seconds that the loop stood still since the start
    watchdog.lag          # seconds by which the loop is late now

All answers of a gateway go through one event loop. Whatever blocks the loop delays
every side, so its cause must be found.
"""

import asyncio
import sys
import threading
import time
import traceback
from collections import deque
from pathlib import Path
from types import FrameType
from typing import Final

import structlog

from dragoman.limits import HELD_LINE_SECONDS, HELD_SECONDS

log = structlog.get_logger()

_TICK_SECONDS: Final = 0.025
_FRAMES: Final = 3
_LAG_SECONDS: Final = 1.0
"""The time for which a late tick counts: the next ticks may be in time by chance."""
_LASTING_SECONDS: Final = 10.0
"""The time after which a late tick says nothing of now."""

_LATE_TICKS: Final = 20
_OWN: Final = str(Path(__file__).parents[1])


class Watchdog:
    """A tick on the event loop, with a thread that looks at what makes a tick late."""

    def __init__(self) -> None:
        """Begin with a loop that never stood still."""
        self.stood = 0.0
        self._last_tick = time.monotonic()
        self._late: deque[tuple[float, float]] = deque(maxlen=_LATE_TICKS)
        self._loop_thread = 0
        self._where = ""
        self._blocks: list[tuple[float, str]] = []
        self._logged_at = -HELD_LINE_SECONDS
        self._ended = threading.Event()

    @property
    def lag(self) -> float:
        """The greatest lateness of the loop in the last second, until now."""
        now = time.monotonic()
        recent = [late for at, late in self._late if at >= now - _LAG_SECONDS]
        return max(0.0, now - self._last_tick - _TICK_SECONDS, *recent)

    @property
    def lasting_lag(self) -> float:
        """The lateness that lasts: of the last two late ticks, the smaller one.

        It is 0 if the loop was late only once, as a process that was stopped is when it
        goes on.
        """
        now = time.monotonic()
        times = [late for at, late in self._late if at + late >= now - _LASTING_SECONDS]
        return min(times[-2:]) if len(times) > 1 else 0.0

    async def run(self) -> None:
        """Tick until cancelled."""
        self._loop_thread, self._last_tick = threading.get_ident(), time.monotonic()
        watcher = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        watcher.start()
        try:
            while True:
                await asyncio.sleep(_TICK_SECONDS)
                self._tick(time.monotonic())
        finally:
            self._ended.set()

    def _tick(self, now: float) -> None:
        late, self._last_tick = now - self._last_tick - _TICK_SECONDS, now
        where, self._where = self._where, ""
        if late > HELD_SECONDS:
            self.stood += late
            self._late.append((now, late))
            self._blocks.append((late, where))
        if self._blocks and now - self._logged_at >= HELD_LINE_SECONDS:
            longest, where = max(self._blocks)
            log.warning("loop.held", ms=round(longest * 1000), times=len(self._blocks), where=where)
            self._logged_at = now
            self._blocks.clear()

    def _watch(self) -> None:
        """Note the running functions once for each late tick.

        Code in C that keeps the interpreter busy is seen when it returns.
        """
        while not self._ended.wait(_TICK_SECONDS):
            if not self._where and time.monotonic() - self._last_tick > HELD_SECONDS:
                self._where = _functions(sys._current_frames().get(self._loop_thread))  # noqa: SLF001


def _functions(frame: FrameType | None) -> str:
    """Return the innermost running function, and those of this package that called it.

    Only the innermost few of them are returned. No source is read: `traceback` would
    keep each file that it reads in memory.
    """
    stack = [*traceback.walk_stack(frame)] if frame is not None else []
    ours = [item for item in stack if item[0].f_code.co_filename.startswith(_OWN)][:_FRAMES]
    return " < ".join(
        f"{Path(running.f_code.co_filename).name}:{line} {running.f_code.co_name}"
        for running, line in [*(item for item in stack[:1] if item not in ours), *ours]
    )
