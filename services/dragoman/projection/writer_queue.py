"""The queue of rows for the writer, and the writer process that commits them."""

import os
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import structlog

from dragoman.projection import writer, writer_messages
from dragoman.projection.stored_row import StoredRow, batch
from dragoman.projection.writer_messages import (
    StoreBusy,
    StoreDamaged,
    StoreFull,
)
from dragoman.worker_process import WorkerProcess

log = structlog.get_logger()

GATHER_SECONDS: Final = 0.2
"""The time for which rows are gathered for one transaction if no task waits."""

GATHER_JOBS: Final = 1_000

STALL_SECONDS: Final = 2.0
"""The time after which reads no longer wait for the writer.

They then answer from the rows that the file has.
"""

STILL_SECONDS: Final = 12.0
"""The time after which an idle writer is killed, and another one started.

A writer that overwrites a large file is slow, but uses some processor time.
"""

WATCH_SECONDS: Final = 1.0
"""The interval at which an idle writer looks for changes by another program."""

_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.5


class WriterFailed(Exception):
    """An error: the writer could not start, or could not commit."""


Done = Callable[[BaseException | None], None]
_Job = tuple[str, list[StoredRow], Done]


class Owner(Protocol):
    """The store for which a queue writes."""

    path: Path
    damage: str

    def report(self, damage: str) -> None:
        """Store the description of damage to the file."""


class WriterQueue:
    """The queue of rows to be written, and the process that writes them.

    Only its thread talks to the process.
    """

    def __init__(self, owner: Owner) -> None:
        """Start the writer.

        Raises `StoreDamaged`, `StoreBusy`, `StoreFull`, or `WriterFailed`.
        """
        self.owner = owner
        self._path = owner.path
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._hurried = threading.Event()
        self._closing = threading.Event()
        self._asked = 0.0
        self._logged = False
        self._abandoned = False
        self._idle = threading.Lock()
        self._writer = self._start()
        self._thread = threading.Thread(
            target=self._write_on, name="projection-writer", daemon=True
        )
        self._thread.start()

    def _start(self) -> WorkerProcess:
        started = WorkerProcess(writer.__name__, str(self._path), str(writer.CHECKED_BYTES))
        try:
            answer = started.wire.receive()
        except EOFError:
            started.kill()
            raise WriterFailed(
                f"the writer of {self._path} ended before it began; its error is in the log"
            ) from None
        if answer == writer.READY:
            return started
        started.end()
        raise _error_of(answer)

    @property
    def pid(self) -> int:
        """The process id of the writer."""
        return self._writer.pid

    @property
    def processor_seconds(self) -> float:
        """The processor seconds that the writer has used."""
        return max(0, self._writer.processor_ticks) / os.sysconf("SC_CLK_TCK")

    @property
    def stalled(self) -> bool:
        """Return whether the batch that the writer has, or waits for, is overdue."""
        return self._asked > 0 and time.monotonic() - self._asked > STALL_SECONDS

    def put(self, job: _Job) -> None:
        """Queue rows of a channel."""
        self._queue.put(job)

    def hurry(self) -> None:
        """Commit the queued rows now."""
        self._hurried.set()

    def finish(self) -> None:
        """Write the queued rows, if the writer can."""
        self._closing.set()
        self._queue.put(None)
        self.hurry()
        self._thread.join()

    def end(self) -> None:
        """End the writer, the last process with the file open.

        SQLite then removes the files beside it.
        """
        self._writer.end()

    def abandon(self) -> None:
        """End at once, without writing the rest."""
        self._abandoned = True
        self._closing.set()
        self._writer.kill()
        self._queue.put(None)
        self.hurry()

    def move(self, path: Path) -> None:
        """Let the writer rename its file while it is idle.

        Raises `OSError` or `StoreDamaged`.
        """
        with self._idle:
            self._ask(writer.MOVE + str(path).encode())
            self._path = path

    def _write_on(self) -> None:
        closing = False
        while not closing:
            try:
                job = self._queue.get(timeout=WATCH_SECONDS)
            except queue.Empty:
                self._watch()
                continue
            self._hurried.wait(GATHER_SECONDS)
            self._hurried.clear()
            jobs: list[_Job] = []
            while job is not None:
                jobs.append(job)
                if len(jobs) == GATHER_JOBS or self._queue.empty():
                    break
                job = self._queue.get()
            closing = job is None
            if jobs and not self._abandoned:
                self._commit(jobs)

    def _watch(self) -> None:
        """Report the change of another program, if there is one."""
        if self.owner.damage or self._abandoned:
            return
        try:
            with self._idle:
                self._ask(writer_messages.pack([]))
        except StoreDamaged as error:
            self.owner.report(str(error))
        except (EOFError, OSError, WriterFailed, StoreBusy, StoreFull):
            pass  # the next rows meet the same, and are written again until it works

    def _commit(self, jobs: list[_Job]) -> None:
        """Have the rows of all jobs written in one transaction."""
        by_channel: dict[str, list[StoredRow]] = {}
        for channel, rows, _ in jobs:
            by_channel.setdefault(channel, []).extend(rows)
        failed: BaseException | None = (
            StoreDamaged(self.owner.damage) if self.owner.damage else None
        )
        if failed is None:
            try:
                self._send(
                    writer_messages.pack(
                        [batch(channel, rows) for channel, rows in by_channel.items()]
                    )
                )
            except _GaveUp as error:
                failed = error
            except BaseException as error:  # noqa: BLE001
                # Outermost loop of the thread: rows after a failure would leave a gap.
                failed = error
                self.owner.report(str(error))
        for _, _, done in jobs:
            done(failed)

    def _send(self, packed: bytes) -> None:
        """Have the writer commit, and try again while it cannot.

        Raises `StoreDamaged`, or `_GaveUp` if the store was closed meanwhile.
        """
        pause, self._asked = _PAUSE_SECONDS, time.monotonic()
        try:
            while True:
                try:
                    with self._idle:
                        self._ask(packed)
                except (EOFError, OSError, WriterFailed, StoreBusy, StoreFull) as error:
                    self._say(error)
                else:
                    break
                if self._closing.wait(pause):
                    raise _GaveUp("closed while the writer could not write")
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        finally:
            if self._logged and not self._closing.is_set():
                log.info("projection.written_again", file=str(self._path))
            self._asked, self._logged = 0.0, False

    def _say(self, error: Exception) -> None:
        """Log once the reason why the writer cannot write."""
        if not self._logged:
            self._logged = True
            do = (
                "make room on its disk"
                if isinstance(error, StoreFull)
                else "nothing: another one is started until one can write"
            )
            log.critical("projection.not_written", file=str(self._path), reason=repr(error), do=do)

    def _ask(self, packed: bytes) -> None:
        """Send a message to the writer, and wait for its answer.

        A writer that has ended is started again first. One that stands still is killed.
        """
        if self._writer.ended:
            self._writer.kill()
            self._writer = self._start()
        self._writer.wire.send(packed)
        spent, since = self._writer.processor_ticks, time.monotonic()
        while not self._writer.wire.poll(_LOOK_SECONDS):
            if self.stalled and not self._logged:
                self._say(TimeoutError("the writer has not answered"))
            now = self._writer.processor_ticks
            if now != spent:
                spent, since = now, time.monotonic()
            elif time.monotonic() - since > STILL_SECONDS:
                self._writer.kill()
                raise EOFError("the writer did not move on, and was killed")
        try:
            answer = self._writer.wire.receive()
        except (EOFError, OSError):
            self._writer.kill()
            raise
        if answer:
            raise _error_of(answer)


class _GaveUp(Exception):
    """An error: the file was closed before the writer could write."""


def _error_of(answer: bytes) -> Exception:
    """Return the error that a writer's answer names."""
    kind, _, detail = answer.decode().partition(" ")
    return {error.__name__: error for error in (StoreDamaged, StoreBusy, StoreFull)}.get(
        kind, StoreDamaged
    )(detail or kind)
