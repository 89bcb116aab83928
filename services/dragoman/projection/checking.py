"""The gateway's part in the check of its projection's file.

An `IntegrityCheck` starts the checker (`integrity`), a process, and acts on its
findings: damage and differing rows are reported to the `Store`.
"""

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
_FIRST_SECONDS: Final = 60.0
_BEGIN_SECONDS: Final = 20.0
"""The delay of the first check after a start.

A gateway that has just started is busy, and has just opened its file without error.
"""


class IntegrityCheck:
    """The continuous check of one file while a gateway runs.

    `checked` is the last finding of each kind of check that found no difference. `told`
    is called with each such finding.
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
        again_s: float = _AGAIN_SECONDS,
    ) -> None:
        """Prepare the check of a store's file.

        `share` is the share of a processor that the checker may use. The logs are
        folded again for the first time after `refold_after_s`, then every
        `refold_every_s`. `pause_s` is the pause between two passes, `begin_s` the delay
        of the first one. A checker that ended by itself is started again after
        `again_s`.
        """
        self._store = store
        self._begin_s, self._again_s = begin_s, again_s
        self._ends = 0
        self._arguments = (str(share), str(refold_after_s), str(refold_every_s), str(pause_s))
        self.checked: dict[str, IntegrityPassed] = {}
        self.told: Callable[[IntegrityPassed], None] = lambda _: None

    async def run(self) -> None:
        """Start the checker, and start it again whenever it has ended, for ever."""
        await asyncio.sleep(self._begin_s)
        while True:
            # Threads report damage and differences, so this polls.
            while self._store.damage or self._store.differing:  # noqa: ASYNC110
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
                self._ends += 1
                if self._ends == 1:
                    log.warning("projection.checker_ended", do="nothing: another one is started")
                else:
                    log.critical(
                        "projection.checker_ended",
                        times=self._ends,
                        do="report it with the checker's error, which is in this log: "
                        "no row of the file is checked until a check ends well",
                    )
                await asyncio.sleep(self._again_s)

    def _act_on(self, finding: integrity.IntegrityReport) -> None:
        match finding:
            case RowMismatch(channel=channel, detail=detail):
                self._store.report_difference(channel, detail)
            case Damaged(detail=detail):
                self._store.report(detail)
            case IntegrityPassed():
                self._ends = 0
                say = (
                    log.debug
                    if finding.what == "rows" and finding.what in self.checked
                    else log.info
                )  # passes follow each other all the time
                self.checked[finding.what] = finding
                self.told(finding)
                say(
                    "projection.checked",
                    what=finding.what,
                    channels=finding.channels,
                    rows=finding.rows,
                    seconds=round(finding.seconds, 1),
                )
