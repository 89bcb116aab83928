"""The projection's file: one SQLite database, one process that writes it, readers that cannot.

    channels    where each channel's fold stands: position, state, digest sum, tree frontier; written with the rows
    records     one row a position: the record, whether it is valid, and the exchange's folded state after it
    exchanges   one row an exchange: what lists and filters need
    subjects    the last position on each NATS subject, valid or not: what an append must expect
    waits       from which position until which an exchange waited for an acknowledgement, and how urgently
    links       which exchange refers to which number or id
    attached    which side's acts first named which file, and where
    deliveries  each side's watermarks, and when they were recorded
    snapshots   every 256 positions the tree's frontier, the channel's time and the tally, from which any position is near
    search      full text, Han characters spaced, one row a record

A file of another version, or damaged, is not mended: a new one is built beside it from the log and renamed over it.
"""

import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import structlog

from dragoman.apart import Apart
from dragoman.domain.advance import Standing, Step
from dragoman.domain.erasure import entry_of
from dragoman.domain.fold import Folded
from dragoman.projection import writer
from dragoman.projection.writer import (
    SHIFT,
    SNAPSHOT_RECORDS,
    Batch,
    Line,
    StoreBusy,
    StoreDamaged,
    StoreFull,
    decode_frontier,
    encode_frontier,
)
from dragoman.sentence import packed
from dragoman_schemas.acts.channel import ErasedRecord
from dragoman_schemas.state import Exchange, decode_channel, encode

log = structlog.get_logger()
T = TypeVar("T")

_READERS: Final = 2

GATHER_SECONDS: Final = 0.2
"""How long rows are gathered for one transaction while nobody waits for them."""

GATHER_JOBS: Final = 1_000


class WriterFailed(Exception):
    """What the writer could not commit, in its words."""


class Row(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One folded message as it goes into the file. `subject` is that on which it stands in NATS, `erased` what of the file it erases."""

    step: Step
    subject: str
    erased: tuple[ErasedRecord, ...] = ()

    @property
    def folded(self) -> Folded:
        """What the message became."""
        return self.step.folded

    @property
    def commit(self) -> str:
        """The message's commitment."""
        return self.step.commit


Done = Callable[[BaseException | None], None]
_Job = tuple[str, list[Row], Done]


class Store:
    """One open file. Writes go to one process, in the order given; reads see what was committed."""

    def __init__(self, path: Path) -> None:
        """Open the file, or begin one. Raises `StoreDamaged` where it is of another version or cannot be read, `StoreBusy`, `StoreFull`."""
        self.path = path
        self._numbers: dict[str, int] = {}
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._hurried = threading.Event()
        self._failed: BaseException | None = None
        self._writer = self._start()
        self._pool = ThreadPoolExecutor(_READERS, "projection-reader")
        self._thread = threading.Thread(target=self._write_on, name="projection-writer", daemon=True)
        self._thread.start()

    def _start(self) -> Apart:
        started = Apart(writer.__name__, str(self.path))
        try:
            answer = started.wire.receive()
        except EOFError:
            started.kill()
            raise WriterFailed(f"the writer of {self.path} ended before it began; what it said stands in the log") from None
        if answer == writer.READY:
            return started
        started.end()
        kind, _, detail = answer.decode().partition(" ")
        raise {each.__name__: each for each in (StoreDamaged, StoreBusy, StoreFull)}[kind](detail)

    def close(self) -> None:
        """Write what is queued, and close."""
        self._queue.put(None)
        self.hurry()
        self._thread.join()
        self._pool.shutdown()
        for connection in self._connections:
            connection.close()
        self._writer.end()

    # Writing

    def write(self, channel: str, rows: list[Row], done: Done) -> None:
        """Queue rows of a channel; `done` is called in a thread when they are committed, or with what failed."""
        self._queue.put((channel, rows, done))

    def hurry(self) -> None:
        """Somebody waits for what is queued: commit it now."""
        self._hurried.set()

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
            if jobs:
                self._commit(jobs)

    def _commit(self, jobs: list[_Job]) -> None:
        """Have the rows of all jobs written in one transaction."""
        by_channel: dict[str, list[Row]] = {}
        for channel, rows, _ in jobs:
            by_channel.setdefault(channel, []).extend(rows)
        failed = self._failed
        try:
            if failed is not None:
                raise failed
            self._send(writer.pack([_batch(channel, rows) for channel, rows in by_channel.items()]))
        except BaseException as error:  # noqa: BLE001  # the thread's outermost loop; the owner stops loudly
            failed = self._failed = error  # what follows would leave a gap
        for _, _, done in jobs:
            done(failed)

    def _send(self, packed: bytes) -> None:
        """Have the writer commit. One that died is replaced, once. Raises `WriterFailed`."""
        try:
            self._ask(packed)
        except (EOFError, OSError) as error:
            log.warning("projection.writer_died", reason=repr(error), do="nothing: another one takes over")
            self._writer.kill()
            self._writer = self._start()
            self._ask(packed)

    def _ask(self, packed: bytes) -> None:
        self._writer.wire.send(packed)
        answer = self._writer.wire.receive()
        if answer:
            raise WriterFailed(answer.decode())

    # Reading

    def reader(self) -> sqlite3.Connection:
        """This thread's connection, which cannot write."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA query_only=1")
            connection.execute("PRAGMA cache_size=-16384")
            self._local.connection = connection
            self._connections.append(connection)
        return connection

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """This thread's connection, in one read transaction."""
        connection = self.reader()
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.execute("COMMIT")

    def in_thread(self, work: Callable[..., T], *arguments: Any) -> Future[T]:
        """Run a query that may take long in a reader's thread."""
        return self._pool.submit(work, *arguments)

    def base(self, channel: str) -> int:
        """The keys of a channel's records are `base | position`; 0 while the file has none of it."""
        number = self._numbers.get(channel, 0)
        if not number:
            row = self.reader().execute("SELECT number FROM channels WHERE name = ?", (channel,)).fetchone()
            number = 0 if row is None else int(row[0])
            if number:
                self._numbers[channel] = number
        return number << SHIFT

    def raws(self, channel: str, first: int, last: int) -> list[bytes]:
        """The bytes of a channel's messages from a position to another."""
        base = self.base(channel)
        found = self.reader().execute("SELECT raw FROM records WHERE key BETWEEN ? AND ? ORDER BY key", (base | first, base | last))
        return [raw for (raw,) in found]

    def ids(self, channel: str, first: int, last: int) -> list[str]:
        """The ids of a channel's records from a position to another."""
        base = self.base(channel)
        found = self.reader().execute("SELECT id FROM records WHERE key BETWEEN ? AND ? AND id IS NOT NULL", (base | first, base | last))
        return [id for (id,) in found]

    def standing(self, channel: str) -> Standing:
        """Where a channel's fold stands in the file: its state, its digest sum, its tree."""
        row = self.reader().execute("SELECT state, total, frontier FROM channels WHERE name = ?", (channel,)).fetchone()
        if row is None:
            return Standing()
        return Standing(state=decode_channel(row[0]), total=int.from_bytes(row[1]), frontier=decode_frontier(row[2]))


def _batch(channel: str, rows: list[Row]) -> Batch:
    last = rows[-1].step.standing
    registry = last.state.registry
    return Batch(
        channel=channel,
        cid="" if registry is None else registry.cid,
        state=encode(last.state),
        frontier=encode_frontier(last.frontier),
        lines=[_line(row) for row in rows],
    )


def _line(row: Row) -> Line:
    folded, standing = row.folded, row.step.standing
    record, refusal = folded.record, folded.refusal
    envelope = None if record is None else record.envelope
    return Line(
        position=folded.position,
        subject=row.subject,
        raw=folded.raw,
        commit=row.commit,
        number=folded.number,
        valid=folded.valid,
        time=standing.state.time,
        total=standing.total.to_bytes(512),
        frontier=encode_frontier(standing.frontier) if folded.position % SNAPSHOT_RECORDS == 0 else b"",
        id=None if envelope is None else envelope.id,
        exchange=None if envelope is None else envelope.subject,
        actor=None if envelope is None else envelope.actor,
        act=None if record is None else record.name,
        said=None if envelope is None else envelope.time,
        reason=None if refusal is None else refusal.kind,
        detail=None if refusal is None else packed(refusal.why),
        state=row.step.encoded,
        of_exchange=isinstance(folded.state, Exchange),
        erased=[(each.position, entry_of(each)) for each in row.erased],
    )
