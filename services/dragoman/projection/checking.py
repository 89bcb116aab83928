"""The gateway's side of the check of its projection's file: it starts the checker, and acts on what that finds."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog

from dragoman.limits import INTEGRITY_SECONDS, INTEGRITY_SHARE
from dragoman.projection import integrity
from dragoman.projection.integrity import Damaged, IntegrityPassed, RowMismatch
from dragoman.projection.store import Store
from dragoman.worker_process import WorkerProcess

log = structlog.get_logger()

_LOOK_SECONDS: Final = 0.5
_AGAIN_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 10.0
_FIRST_SECONDS: Final = 3600.0
_BEGIN_SECONDS: Final = 20.0
"""A gateway that has just started has other things to do, and a file that was opened
cleanly.
"""


class IntegrityCheck:
    """Has one file checked for as long as a gateway runs.

    `checked` says when a pass over all rows last found nothing, by the loop's clock; 0
    for never.
    """

    def __init__(
        self,
        store: Store,
        *,
        share: float = INTEGRITY_SHARE,
        refold_after_s: float = _FIRST_SECONDS,
        refold_every_s: float = INTEGRITY_SECONDS,
        pause_s: float = _PAUSE_SECONDS,
        begin_s: float = _BEGIN_SECONDS,
    ) -> None:
        """Check a store's file with a share of a processor, folding the logs again after and every so many seconds."""
        self._store = store
        self._begin_s = begin_s
        self._arguments = (str(share), str(refold_after_s), str(refold_every_s), str(pause_s))
        self.checked: dict[str, IntegrityPassed] = {}
        self.told: Callable[[IntegrityPassed], None] = lambda _: None

    async def run(self) -> None:
        """Start the checker, and another one whenever it has ended, for ever."""
        await asyncio.sleep(self._begin_s)
        while True:
            while self._store.damage or self._store.differing:  # threads report it  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_SECONDS)
            generation = self._store.generation
            starting = asyncio.ensure_future(
                asyncio.to_thread(
                    WorkerProcess, integrity.__name__, str(self._store.path), *self._arguments
                )
            )
            try:
                process = await asyncio.shield(starting)
            except asyncio.CancelledError:
                (await starting).kill()
                raise
            try:
                with suppress(EOFError, OSError):
                    while self._store.generation == generation and not self._store.damage:
                        if process.wire.waiting:
                            self._act_on(integrity.read(process.wire.receive()))
                        else:
                            await asyncio.sleep(_LOOK_SECONDS)
            finally:
                await asyncio.shield(asyncio.to_thread(process.kill))
            if self._store.generation == generation and not (
                self._store.damage or self._store.differing
            ):
                log.warning("projection.checker_ended", do="nothing: another one is started")
                await asyncio.sleep(_AGAIN_SECONDS)

    def _act_on(self, told: integrity.Told) -> None:
        match told:
            case RowMismatch(channel=channel, detail=detail):
                self._store.report_difference(channel, detail)
            case Damaged(detail=detail):
                self._store.report(detail)
            case IntegrityPassed():
                say = (
                    log.debug if told.what == "rows" and told.what in self.checked else log.info
                )  # passes follow each other without end
                self.checked[told.what] = told
                self.told(told)
                say(
                    "projection.checked",
                    what=told.what,
                    channels=told.channels,
                    rows=told.rows,
                    seconds=round(told.seconds, 1),
                )
