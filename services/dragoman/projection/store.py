"""The projection's file: one SQLite database, one process that writes it, readers that cannot.

    channels    where each channel's fold stands: position, state, digest sum, tree frontier; written with the rows
    records     one row a position: the record, whether it is valid, and the exchange's folded state after it, as `stored_state` has it
    exchanges   one row an exchange: what lists and filters need
    subjects    the last position on each NATS subject, valid or not: what an append must expect
    waits       from which position until which an exchange waited for an acknowledgement, and how urgently; or may have been open otherwise
    links       which exchange refers to which number or id
    attached    which side's acts first named which file, and where
    deliveries  each side's watermarks, and when they were recorded
    snapshots   every 256 positions the tree's frontier, the channel's time and the tally, from which any position is near
    search      full text, Han characters spaced, one row a record

A file of another version, or damaged, is not repaired: a new one is built beside it
from the logs and renamed over it, at the start (bootstrap) or while the gateway runs
(`restore`).
"""

import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import structlog

from dragoman.domain.acts.erasure import entry_of
from dragoman.domain.fold import Folded
from dragoman.domain.record import ids
from dragoman.domain.step import FoldState, FoldStep
from dragoman.projection import writer, writer_messages
from dragoman.projection.stored_state import whole
from dragoman.projection.writer import SHIFT, SNAPSHOT_RECORDS, decode_frontier, encode_frontier
from dragoman.projection.writer_messages import (
    Batch,
    FoldedLine,
    StoreBusy,
    StoreDamaged,
    StoreFull,
)
from dragoman.text import packed
from dragoman.worker_process import WorkerProcess
from dragoman_schemas.acts.office.channel import ErasedRecord
from dragoman_schemas.state import Exchange, decode_channel, decode_exchange, encode

log = structlog.get_logger()
T = TypeVar("T")

READERS: Final = 4

GATHER_SECONDS: Final = 0.2
"""How long rows are gathered for one transaction while nobody waits for them."""

GATHER_JOBS: Final = 1_000

STALL_SECONDS: Final = 2.0
"""After which reads no longer wait for the writer: they answer of what the file has."""

STILL_SECONDS: Final = 12.0
"""After which a writer that uses no processor is killed, and another one started: a
slow one, which overwrites a large file, uses some.
"""

_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.5


class WriterFailed(Exception):
    """What the writer could not commit, in its words."""


class StoredRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One folded message as it goes into the file. `subject` is that on which it stands in NATS, `erased` what of the file it erases."""

    step: FoldStep
    subject: str
    erased: tuple[ErasedRecord, ...] = ()

    @property
    def folded(self) -> Folded:
        """Return what the message became."""
        return self.step.folded

    @property
    def commit(self) -> str:
        """The message's commitment."""
        return self.step.commit


Done = Callable[[BaseException | None], None]
_Job = tuple[str, list[StoredRow], Done]


class _Cursor(sqlite3.Cursor):
    """A cursor that tells a damaged file from everything else that a query may fail with."""

    connection: "_StoreReader"

    def execute(self, *arguments: Any) -> "_Cursor":
        try:
            super().execute(*arguments)
        except sqlite3.DatabaseError as error:
            raise self.connection.told(error) from error
        return self

    def fetchone(self) -> Any:
        try:
            return super().fetchone()
        except sqlite3.DatabaseError as error:
            raise self.connection.told(error) from error

    def fetchmany(self, size: int | None = 1) -> list[Any]:
        try:
            return super().fetchmany(size)
        except sqlite3.DatabaseError as error:
            raise self.connection.told(error) from error

    def fetchall(self) -> list[Any]:
        try:
            return super().fetchall()
        except sqlite3.DatabaseError as error:
            raise self.connection.told(error) from error

    def __next__(self) -> Any:
        try:
            return super().__next__()
        except sqlite3.DatabaseError as error:
            raise self.connection.told(error) from error


class _StoreReader(sqlite3.Connection):
    """A connection that cannot write. `report` is told of damage before whoever asked is."""

    report: Callable[[str], None]

    def execute(self, *arguments: Any) -> Any:
        return _Cursor(self).execute(*arguments)

    def told(self, error: sqlite3.DatabaseError) -> Exception:
        """Return what is raised for an error: `StoreDamaged` for damage, else the error itself."""
        if not writer_messages.is_damage(error):
            return error
        self.report(str(error))
        return StoreDamaged(str(error))


class Store:
    """One open file. Writes go to one process, in the order given; reads see what was committed.

    The writer is started again whenever it dies or stands still, for ever, and tried
    again where its disk is full; meanwhile what it has not committed stays with its
    owner, and `stalled` says so. Damage is never tried again: `damage` says what was
    found, and another file must take this one's place (`replace`).
    """

    def __init__(self, path: Path) -> None:
        """Open the file, or begin one. Raises `StoreDamaged` where it is of another version or cannot be read, `StoreBusy`, `StoreFull`."""
        self.path = path
        self.damage = ""
        self.differing: dict[str, str] = {}
        self.generation = 0
        self._open()

    def _open(self) -> None:
        self._numbers: dict[str, int] = {}
        self._local = threading.local()
        self._connections: list[_StoreReader] = []
        self._jobs = _Jobs(self)
        self._pool = ThreadPoolExecutor(READERS, "projection-reader")

    def close(self) -> None:
        """Write what is queued, and close."""
        self._jobs.finish()
        self._pool.shutdown()
        self._close_readers()
        self._jobs.end()

    def _close_readers(self) -> None:
        connections, self._connections, self._local = self._connections, [], threading.local()
        for connection in connections:
            connection.close()

    def report(self, damage: str) -> None:
        """Remember that the file is damaged; the first report is kept."""
        if not self.damage:
            self.damage = damage
            log.critical(
                "projection.damaged",
                file=str(self.path),
                reason=damage,
                do="nothing: another one is built beside it",
            )

    def report_difference(self, channel: str, difference: str) -> None:
        """Remember that rows of a channel are not what its records make."""
        if channel not in self.differing:
            self.differing[channel] = difference
            log.critical(
                "projection.differs",
                channel=channel,
                reason=difference,
                do="find out who changed the file: another one is built beside it from the log",
            )

    def replace(self, fresh: "Store") -> None:
        """Let another file, which nobody uses yet, take this one's place and name. What was queued here is never written. Raises `OSError`."""
        old_jobs, old_pool, old_connections = self._jobs, self._pool, self._connections
        old_jobs.abandon()
        fresh.move(self.path)
        self._numbers, self._local, self._connections = {}, threading.local(), []
        self._jobs, self._pool = (
            fresh._jobs,  # noqa: SLF001
            fresh._pool,  # noqa: SLF001
        )  # of the same class, and nobody else's any more
        self._jobs.owner = self
        self.damage = ""
        self.differing.clear()
        self.generation += 1

        def put_away() -> None:
            old_pool.shutdown()
            for connection in old_connections:
                connection.close()

        threading.Thread(target=put_away, name="projection-put-away", daemon=True).start()

    def move(self, path: Path) -> None:
        """Give the file another name, over one that nobody uses. Raises `OSError`."""
        self._close_readers()
        self._jobs.move(path)
        self.path = path

    # Writing

    @property
    def stalled(self) -> bool:
        """Return whether the writer has not answered for so long that reads must not wait for it."""
        return self._jobs.stalled

    @property
    def writer_pid(self) -> int:
        """The process id of the writer."""
        return self._jobs.pid

    @property
    def writer_seconds(self) -> float:
        """Return how many seconds of a processor the writer has used."""
        return self._jobs.processor_seconds

    def write(self, channel: str, rows: list[StoredRow], done: Done) -> None:
        """Queue rows of a channel; `done` is called in a thread when they are committed, or with `StoreDamaged`."""
        self._jobs.put((channel, rows, done))

    def hurry(self) -> None:
        """Somebody waits for what is queued: commit it now."""
        self._jobs.hurry()

    # Reading

    def reader(self) -> sqlite3.Connection:
        """Return this thread's connection, which cannot write. What is read raises `StoreDamaged` where the file is damaged."""
        connection: _StoreReader | None = getattr(self._local, "connection", None)
        if connection is None:
            uri = f"file:{self.path}?mode=ro"
            connection = sqlite3.connect(
                uri, uri=True, isolation_level=None, check_same_thread=False, factory=_StoreReader
            )
            connection.report = self.report
            connection.execute("PRAGMA query_only=1")
            connection.execute("PRAGMA cache_size=-16384")
            self._local.connection = connection
            self._connections.append(connection)
        return connection

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Yield this thread's connection, in one read transaction. Raises `StoreDamaged` also where what a row holds cannot be read."""
        connection = self.reader()
        connection.execute("BEGIN")
        try:
            yield connection
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self.report(f"a row cannot be read: {error}")
            raise StoreDamaged(str(error)) from error
        finally:
            connection.execute("COMMIT")

    def in_thread(self, work: Callable[..., T], *arguments: Any) -> Future[T]:
        """Run a query that may take long in a reader's thread."""
        return self._pool.submit(work, *arguments)

    def base(self, channel: str) -> int:
        """Return the keys of a channel's records are `base | position`; 0 while the file has none of it."""
        number = self._numbers.get(channel, 0)
        if not number:
            row = (
                self.reader()
                .execute("SELECT number FROM channels WHERE name = ?", (channel,))
                .fetchone()
            )
            number = 0 if row is None else int(row[0])
            if number:
                self._numbers[channel] = number
        return number << SHIFT

    def raws(self, channel: str, first: int, last: int) -> list[bytes]:
        """Return the bytes of a channel's messages from a position to another."""
        base = self.base(channel)
        cursor = self.reader().execute(
            "SELECT raw FROM records WHERE key BETWEEN ? AND ? ORDER BY key",
            (base | first, base | last),
        )
        return [raw for (raw,) in cursor]

    def ids(self, channel: str, first: int, last: int) -> list[str]:
        """Return the ids of a channel's records from a position to another."""
        base = self.base(channel)
        cursor = self.reader().execute(
            "SELECT id FROM records WHERE key BETWEEN ? AND ? AND id IS NOT NULL",
            (base | first, base | last),
        )
        return [id for (id,) in cursor]

    def standing(self, channel: str) -> FoldState:
        """Return where a channel's fold stands in the file: its state, its digest sum, its tree."""
        row = (
            self.reader()
            .execute("SELECT state, total, frontier FROM channels WHERE name = ?", (channel,))
            .fetchone()
        )
        if row is None:
            return FoldState()
        try:
            return FoldState(
                state=decode_channel(row[0]),
                total=int.from_bytes(row[1]),
                frontier=decode_frontier(row[2]),
            )
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self.report(f"where {channel} stands cannot be read: {error}")
            raise StoreDamaged(str(error)) from error

    def exchange_of(
        self, connection: sqlite3.Connection, base: int, exchange: str, stored: bytes
    ) -> tuple[Exchange, bytes]:
        """Return the exchange of which a row holds the state, and its encoding. Raises `StoreDamaged`."""
        try:
            encoded = whole(connection, base, exchange, stored)
            return decode_exchange(encoded), encoded
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self.report(f"an exchange cannot be read: {error}")
            raise StoreDamaged(str(error)) from error


class _Jobs:
    """What waits to be written, and the process that writes it. Its thread is the only one that speaks to the process."""

    def __init__(self, owner: Store) -> None:
        """Start the writer. Raises `StoreDamaged`, `StoreBusy`, `StoreFull`, `WriterFailed`."""
        self.owner = owner
        self._path = owner.path
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._hurried = threading.Event()
        self._closing = threading.Event()
        self._asked = 0.0
        self._told = False
        self._abandoned = False
        self._idle = threading.Lock()
        self._writer = self._start()
        self._thread = threading.Thread(
            target=self._write_on, name="projection-writer", daemon=True
        )
        self._thread.start()

    def _start(self) -> WorkerProcess:
        started = WorkerProcess(writer.__name__, str(self._path))
        try:
            answer = started.wire.receive()
        except EOFError:
            started.kill()
            raise WriterFailed(
                f"the writer of {self._path} ended before it began; what it said stands in the log"
            ) from None
        if answer == writer.READY:
            return started
        started.end()
        raise _told(answer)

    @property
    def pid(self) -> int:
        return self._writer.pid

    @property
    def processor_seconds(self) -> float:
        return max(0, self._writer.processor_ticks) / os.sysconf("SC_CLK_TCK")

    @property
    def stalled(self) -> bool:
        """Return whether the batch that the writer has, or waits for, is overdue."""
        return self._asked > 0 and time.monotonic() - self._asked > STALL_SECONDS

    def put(self, job: _Job) -> None:
        self._queue.put(job)

    def hurry(self) -> None:
        self._hurried.set()

    def finish(self) -> None:
        """Write what is queued, if the writer can."""
        self._closing.set()
        self._queue.put(None)
        self.hurry()
        self._thread.join()

    def end(self) -> None:
        """End the writer, which is the last to have the file open, so that nothing is left beside it."""
        self._writer.end()

    def abandon(self) -> None:
        """End at once, and write nothing more."""
        self._abandoned = True
        self._closing.set()
        self._writer.kill()
        self._queue.put(None)
        self.hurry()

    def move(self, path: Path) -> None:
        """Have the writer give its file another name while nothing is queued. Raises `OSError`, `StoreDamaged`."""
        with self._idle:
            self._ask(writer.MOVE + str(path).encode())
            self._path = path

    def _write_on(self) -> None:
        closing = False
        while not closing:
            job = self._queue.get()
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
                        [_batch(channel, rows) for channel, rows in by_channel.items()]
                    )
                )
            except _GaveUp as error:
                failed = error
            except (
                BaseException  # noqa: BLE001
            ) as error:  # the thread's outermost loop: what follows would leave a gap
                failed = error
                self.owner.report(str(error))
        for _, _, done in jobs:
            done(failed)

    def _send(self, packed: bytes) -> None:
        """Have the writer commit, by another one and later where it must be. Raises `StoreDamaged`; `_GaveUp` when closed meanwhile."""
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
            if self._told and not self._closing.is_set():
                log.info("projection.written_again", file=str(self._path))
            self._asked, self._told = 0.0, False

    def _say(self, error: Exception) -> None:
        """Log once what keeps the writer from writing."""
        if not self._told:
            self._told = True
            do = (
                "make room on its disk"
                if isinstance(error, StoreFull)
                else "nothing: another one is started until one can write"
            )
            log.critical("projection.not_written", file=str(self._path), reason=repr(error), do=do)

    def _ask(self, packed: bytes) -> None:
        """Send a message to the writer, started anew if it is gone, and wait for its answer; one that stands still is killed."""
        if self._writer.ended:
            self._writer.kill()
            self._writer = self._start()
        self._writer.wire.send(packed)
        spent, since = self._writer.processor_ticks, time.monotonic()
        while not self._writer.wire.poll(_LOOK_SECONDS):
            if self.stalled and not self._told:
                self._say(TimeoutError("the writer has not answered"))
            now = self._writer.processor_ticks
            if now != spent:
                spent, since = now, time.monotonic()
            elif time.monotonic() - since > STILL_SECONDS:
                self._writer.kill()
                raise EOFError("the writer stood still, and was killed")
        try:
            answer = self._writer.wire.receive()
        except (EOFError, OSError):
            self._writer.kill()
            raise
        if answer:
            raise _told(answer)


class _GaveUp(Exception):
    """The file was closed before the writer could write."""


def _told(answer: bytes) -> Exception:
    """Return the error that a writer's answer names."""
    kind, _, detail = answer.decode().partition(" ")
    return {item.__name__: item for item in (StoreDamaged, StoreBusy, StoreFull)}.get(
        kind, StoreDamaged
    )(detail or kind)


def _batch(channel: str, rows: list[StoredRow]) -> Batch:
    last = rows[-1].step.standing
    registry = last.state.registry
    return Batch(
        channel=channel,
        cid="" if registry is None else registry.cid,
        state=encode(last.state),
        frontier=encode_frontier(last.frontier),
        lines=[_line(row) for row in rows],
    )


def _line(row: StoredRow) -> FoldedLine:
    folded, standing = row.folded, row.step.standing
    record, refusal = folded.record, folded.refusal
    envelope = None if record is None else record.envelope
    return FoldedLine(
        position=folded.position,
        subject=row.subject,
        raw=folded.raw,
        commit=row.commit,
        number=folded.number,
        valid=folded.valid,
        time=standing.state.time,
        total=standing.total.to_bytes(512),
        frontier=encode_frontier(standing.frontier)
        if folded.position % SNAPSHOT_RECORDS == 0
        else b"",
        id=None
        if envelope is None or not ids.uses_up(envelope.id, envelope.actor)
        else envelope.id,
        exchange=None if envelope is None else envelope.subject,
        actor=None if envelope is None else envelope.actor,
        act=None if record is None else record.name,
        said=None if envelope is None else envelope.time,
        reason=None if refusal is None else refusal.kind,
        detail=None if refusal is None else packed(refusal.why),
        state=row.step.encoded,
        of_exchange=isinstance(folded.state, Exchange),
        erased=[(erased_record.position, entry_of(erased_record)) for erased_record in row.erased],
    )
