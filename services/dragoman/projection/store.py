"""The projection's file: one SQLite database with one writer process.

    channels    each channel's fold: position, state, digest sum, tree frontier, tally
                and number of void records; written together with the rows
    records     one row a position: the record, whether it is valid, and the exchange's
                folded state after it, in the form of `stored_state`; also the NATS
                subject, where the bytes do not name it
    exchanges   one row an exchange: the columns that lists and filters need
    subjects    the last position on each NATS subject, valid or not: an append must
                expect it
    waits       the positions from which and until which an exchange waited for an
                acknowledgement, and how urgently; or may have been open otherwise
    links       the numbers and ids to which an opening or a joinder refers
    attached    the sides whose acts name a file, with the position of each act
    deliveries  each side's watermarks, and the times at which they were recorded
    snapshots   every 256 positions the tree's frontier, the channel's time and the
                tally, from which any position is near
    search      full text, Han characters spaced, one row a record

Readers cannot write. A damaged file, or one of another version, is not repaired. A new
file is built beside it from the logs and renamed over it, at the start or while the
gateway runs (`rebuild`).
"""

import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import structlog

from dragoman.domain.step import FoldState
from dragoman.projection import writer_messages
from dragoman.projection.bounded_memory import NewestStates
from dragoman.projection.kept_tally import KeptTally
from dragoman.projection.row_keys import base_of, position_of, row_key
from dragoman.projection.stored_row import StoredRow
from dragoman.projection.stored_state import newest_state, whole
from dragoman.projection.tables import decode_frontier
from dragoman.projection.writer_messages import (
    StoreDamaged,
)
from dragoman.projection.writer_queue import Done, WriterQueue
from dragoman_schemas.state import Exchange, decode_channel, decode_exchange, encode
from dragoman_schemas.state_responses import LiaisonState

log = structlog.get_logger()
T = TypeVar("T")

READERS: Final = 4


class _Cursor(sqlite3.Cursor):
    """A cursor that raises `StoreDamaged` for a damaged file, and nothing else."""

    connection: "_StoreReader"

    def execute(self, *arguments: Any) -> "_Cursor":
        try:
            super().execute(*arguments)
        except sqlite3.DatabaseError as error:
            raise self.connection.error_of(error) from error
        return self

    def fetchone(self) -> Any:
        try:
            return super().fetchone()
        except sqlite3.DatabaseError as error:
            raise self.connection.error_of(error) from error

    def fetchmany(self, size: int | None = 1) -> list[Any]:
        try:
            return super().fetchmany(size)
        except sqlite3.DatabaseError as error:
            raise self.connection.error_of(error) from error

    def fetchall(self) -> list[Any]:
        try:
            return super().fetchall()
        except sqlite3.DatabaseError as error:
            raise self.connection.error_of(error) from error

    def __next__(self) -> Any:
        try:
            return super().__next__()
        except sqlite3.DatabaseError as error:
            raise self.connection.error_of(error) from error


class _StoreReader(sqlite3.Connection):
    """A connection that cannot write.

    It calls `report` with damage before the caller of the query gets the error.
    """

    report: Callable[[str], None]

    def execute(self, *arguments: Any) -> Any:
        # `cursor` also drops the references to cursors that have gone, and the constructor
        # of a cursor does not: a connection would grow by every query.
        return self.cursor(_Cursor).execute(*arguments)

    def error_of(self, error: sqlite3.DatabaseError) -> Exception:
        """Return `StoreDamaged` for damage, else the error itself."""
        if not writer_messages.is_damage(error):
            return error
        self.report(str(error))
        return StoreDamaged(str(error))


class Store:
    """One open file. One process writes it, in the order of the calls.

    Reads see what was committed. The writer is started again whenever it dies or stands
    still, for ever, and tries again while its disk is full. Rows that it has not
    committed stay with their owner meanwhile, and `stalled` is true. Damage is final:
    `damage` holds its description, and another file must take this one's place
    (`replace`). `newest_states` has the newest liaison state of each channel that was
    asked for. It follows from its position alone. `tallies` has the tally of each one.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, or create one.

        Raises `StoreDamaged` if it has another version or cannot be read, `StoreBusy`,
        or `StoreFull`.
        """
        self.path = path
        self.damage = ""
        self.differing: dict[str, str] = {}
        self.generation = 0
        self.states = NewestStates()
        self._open()

    def _open(self) -> None:
        self._numbers: dict[str, int] = {}
        self.newest_states: dict[str, LiaisonState] = {}
        self.tallies: defaultdict[str, KeptTally] = defaultdict(KeptTally)
        self._local = threading.local()
        self._connections: list[_StoreReader] = []
        self._jobs = WriterQueue(self)
        self._pool = ThreadPoolExecutor(READERS, "projection-reader")

    def close(self) -> None:
        """Write the queued rows, and close."""
        self._jobs.finish()
        self._pool.shutdown()
        self._close_readers()
        self._jobs.end()

    def _close_readers(self) -> None:
        connections, self._connections, self._local = self._connections, [], threading.local()
        for connection in connections:
            connection.close()

    def report(self, damage: str) -> None:
        """Store the description of damage; the first report counts."""
        if not self.damage:
            self.damage = damage
            log.critical(
                "projection.damaged",
                file=str(self.path),
                reason=damage,
                do="nothing: another one is built beside it",
            )

    def report_difference(self, channel: str, difference: str) -> None:
        """Store that rows of a channel are not what its records make."""
        if channel not in self.differing:
            self.differing[channel] = difference
            log.critical(
                "projection.differs",
                channel=channel,
                reason=difference,
                do="find out who changed the file: another one is built beside it from the log",
            )

    def replace(self, fresh: "Store") -> None:
        """Replace this file by another one, which takes its name.

        No other task uses the other file yet. Rows that were queued here are never
        written. Raises `OSError`.
        """
        old_jobs, old_pool, old_connections = self._jobs, self._pool, self._connections
        old_jobs.abandon()
        fresh.move(self.path)
        self._numbers, self._local, self._connections = {}, threading.local(), []
        self.newest_states, self.tallies = {}, defaultdict(KeptTally)
        self._jobs, self._pool = (
            fresh._jobs,  # noqa: SLF001
            fresh._pool,  # noqa: SLF001
        )  # private members of the same class; no other store uses them now
        self._jobs.owner = self
        self.states = fresh.states
        self.damage = ""
        self.differing.clear()
        self.generation += 1

        def put_away() -> None:
            old_pool.shutdown()
            for connection in old_connections:
                connection.close()

        threading.Thread(target=put_away, name="projection-put-away", daemon=True).start()

    def move(self, path: Path) -> None:
        """Rename the file, over one that no process uses. Raises `OSError`."""
        self._close_readers()
        self._jobs.move(path)
        self.path = path

    # Writing

    @property
    def stalled(self) -> bool:
        """Return whether the writer is so late that reads must not wait for it."""
        return self._jobs.stalled

    @property
    def writer_pid(self) -> int:
        """The process id of the writer."""
        return self._jobs.pid

    @property
    def writer_seconds(self) -> float:
        """The processor seconds that the writer has used."""
        return self._jobs.processor_seconds

    def write(self, channel: str, rows: list[StoredRow], done: Done) -> None:
        """Queue rows of a channel.

        `done` is called in a thread when they are committed, or with the error.
        """
        self._jobs.put((channel, rows, done))

    def hurry(self) -> None:
        """Commit the queued rows now, because a task waits for them."""
        self._jobs.hurry()

    # Reading

    def reader(self) -> sqlite3.Connection:
        """Return this thread's connection, which cannot write.

        Queries on it raise `StoreDamaged` if the file is damaged.
        """
        connection: _StoreReader | None = getattr(self._local, "connection", None)
        if connection is None:
            uri = f"file:{self.path}?mode=ro"
            connection = sqlite3.connect(
                uri, uri=True, isolation_level=None, check_same_thread=False, factory=_StoreReader
            )
            self._connections.append(connection)  # which is closed even if the file is damaged
            connection.report = self.report
            connection.execute("PRAGMA query_only=1")
            self._local.connection = connection
        return connection

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Yield this thread's connection, in one read transaction.

        Raises `StoreDamaged` also if the content of a row cannot be read.
        """
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
        """Return the base of a channel's row keys; 0 if the file has no record."""
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
        return base_of(number)

    def raws(self, channel: str, first: int, last: int) -> dict[int, tuple[bytes, str]]:
        """Return a channel's messages from a position to another, by position.

        Each is its bytes and its commitment.
        """
        base = self.base(channel)
        cursor = self.reader().execute(
            "SELECT key, raw, record_commit FROM records WHERE key BETWEEN ? AND ?",
            (row_key(base, first), row_key(base, last)),
        )
        return {position_of(key): (raw, commit) for key, raw, commit in cursor}

    def ids(self, channel: str, first: int, last: int) -> list[str]:
        """Return the ids of a channel's records from a position to another."""
        base = self.base(channel)
        cursor = self.reader().execute(
            "SELECT id FROM records WHERE key BETWEEN ? AND ? AND id IS NOT NULL",
            (row_key(base, first), row_key(base, last)),
        )
        return [id for (id,) in cursor]

    def standing(self, channel: str) -> FoldState:
        """Return a channel's fold in the file: its state, digest sum and tree.

        Raises `StoreDamaged` also if the registry is not the newest one of the records:
        somebody may have given himself rights in the file.
        """
        base = self.base(channel)
        with self.snapshot() as connection:
            row = connection.execute(
                "SELECT state, total, frontier, void FROM channels WHERE name = ?", (channel,)
            ).fetchone()
            if row is None:
                return FoldState()
            state = decode_channel(row[0])
            standing = FoldState(
                state=state,
                total=int.from_bytes(row[1]),
                frontier=decode_frontier(row[2]),
                void=row[3],
            )
            registry = state.registry
            if registry is not None and encode(registry) != newest_state(
                connection, base, registry.id, state.position
            ):
                difference = f"the registry of {channel} is not the newest one of its records"
                self.report(difference)
                raise StoreDamaged(difference)
        return standing

    def exchange_of(
        self, connection: sqlite3.Connection, base: int, exchange: str, stored: bytes
    ) -> tuple[Exchange, bytes]:
        """Return the exchange whose state is in a row, and its encoding.

        Raises `StoreDamaged`.
        """
        try:
            encoded = whole(connection, base, exchange, stored)
            return decode_exchange(encoded), encoded
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self.report(f"an exchange cannot be read: {error}")
            raise StoreDamaged(str(error)) from error
