"""A watchdog over the event loop: measures how long the loop stood still, and logs what held it.

    watchdog = Watchdog()
    task = asyncio.create_task(watchdog.run())
    watchdog.stood                                  # seconds that the loop stood still since the start

Everything that a gateway answers goes through one event loop. Whatever holds the loop
holds up every side, so it must be found.
"""

import asyncio
import sys
import threading
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import Final

import structlog

from dragoman.limits import HELD_LINE_SECONDS, HELD_SECONDS

log = structlog.get_logger()

_TICK_SECONDS: Final = 0.025
_FRAMES: Final = 3
_OWN: Final = str(Path(__file__).parents[1])


class Watchdog:
    """Ticks on the event loop, and looks from a thread of its own at what runs while a tick is late."""

    def __init__(self) -> None:
        """Begin with a loop that never stood still."""
        self.stood = 0.0
        self._beat = time.monotonic()
        self._loop_thread = 0
        self._where = ""
        self._held: list[tuple[float, str]] = []
        self._told = -HELD_LINE_SECONDS
        self._ended = threading.Event()

    async def run(self) -> None:
        """Tick until cancelled."""
        self._loop_thread, self._beat = threading.get_ident(), time.monotonic()
        watcher = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        watcher.start()
        try:
            while True:
                await asyncio.sleep(_TICK_SECONDS)
                self._tick(time.monotonic())
        finally:
            self._ended.set()

    def _tick(self, now: float) -> None:
        late, self._beat = now - self._beat - _TICK_SECONDS, now
        where, self._where = self._where, ""
        if late > HELD_SECONDS:
            self.stood += late
            self._held.append((late, where))
        if self._held and now - self._told >= HELD_LINE_SECONDS:
            longest, where = max(self._held)
            log.warning("loop.held", ms=round(longest * 1000), times=len(self._held), where=where)
            self._told = now
            self._held.clear()

    def _watch(self) -> None:
        """Note once for each late tick which functions are running. Code in C that holds the interpreter is seen when it returns."""
        while not self._ended.wait(_TICK_SECONDS):
            if not self._where and time.monotonic() - self._beat > HELD_SECONDS:
                self._where = _functions(sys._current_frames().get(self._loop_thread))  # noqa: SLF001


def _functions(frame: FrameType | None) -> str:
    """Return the innermost function that runs, and the innermost ones of this package that called it."""
    stack = traceback.extract_stack(frame) if frame is not None else []
    frame_summaries = [item for item in stack if item.filename.startswith(_OWN)][-_FRAMES:]
    summaries = [*frame_summaries, *(item for item in stack[-1:] if item not in frame_summaries)]
    return " < ".join(
        f"{Path(summary.filename).name}:{summary.lineno} {summary.name}"
        for summary in reversed(summaries)
    )
