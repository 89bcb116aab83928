"""The projection's file: one SQLite database, one writer thread, readers that cannot write.

    channels    where each channel's fold stands: position, state, digest sum, tree frontier; written with the rows
    records     one row a position: the record, whether it is valid, and the exchange's folded state after it
    exchanges   one row an exchange: what lists and filters need
    subjects    the last position on each NATS subject, valid or not: what an append must expect
    waits       from which position until which an exchange waited for an acknowledgement, and how urgently
    deliveries  each side's watermarks, and when they were recorded
    snapshots   every 256 positions the tree's frontier, the channel's time and the tally, from which any position is near
    search      full text, Han characters spaced, one row a record

A file of another version, or damaged, is not mended: a new one is built beside it from the log and renamed over it.
"""

import queue
import re
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import structlog

from dragoman.domain.advance import Standing, Step
from dragoman.domain.exchange import owes_acknowledgement, owes_answer
from dragoman.domain.fold import Folded
from dragoman.projection import tally
from dragoman.projection.tally import Tally
from dragoman.tlog.merkle import Frontier
from dragoman_schemas.acts.channel import Delivery
from dragoman_schemas.state import ChannelState, Exchange, decode_channel, encode

log = structlog.get_logger()
T = TypeVar("T")

VERSION: Final = 2
"""Of the tables and of the fold; raised whenever either changes, so that files are built anew."""

SNAPSHOT_RECORDS: Final = 256
_SHIFT: Final = 40
_LAST: Final = (1 << _SHIFT) - 1
_READERS: Final = 2

GATHER_SECONDS: Final = 0.2
"""How long rows are gathered for one transaction while nobody waits for them."""

GATHER_JOBS: Final = 1_000
_ROWS: Final = 16

_SCHEMA: Final = """
CREATE TABLE channels (number INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, position INTEGER NOT NULL,
  state BLOB NOT NULL, total BLOB NOT NULL, frontier BLOB NOT NULL, tally BLOB NOT NULL) STRICT;
CREATE TABLE records (key INTEGER PRIMARY KEY, id TEXT, exchange TEXT, actor TEXT, act TEXT, time TEXT, valid INTEGER NOT NULL,
  reason TEXT, detail TEXT, number TEXT, record_commit TEXT NOT NULL, digest TEXT NOT NULL, raw BLOB NOT NULL, state BLOB) STRICT;
CREATE INDEX records_id ON records (id, key) WHERE id IS NOT NULL;
CREATE INDEX records_exchange ON records (exchange, key) WHERE exchange IS NOT NULL;
CREATE TABLE exchanges (key INTEGER PRIMARY KEY, id TEXT NOT NULL, number TEXT NOT NULL, act TEXT NOT NULL, family TEXT NOT NULL,
  status TEXT NOT NULL, side TEXT NOT NULL, sides TEXT NOT NULL, precedence INTEGER NOT NULL, area TEXT NOT NULL,
  subject BLOB NOT NULL, opened TEXT NOT NULL, updated TEXT NOT NULL, position INTEGER NOT NULL,
  unacknowledged TEXT NOT NULL, unanswered TEXT NOT NULL) STRICT;
CREATE INDEX exchanges_id ON exchanges (id);
CREATE INDEX exchanges_number ON exchanges (number);
CREATE INDEX exchanges_status ON exchanges (family, status, key);
CREATE INDEX exchanges_waiting ON exchanges (key >> 40, precedence, key) WHERE unacknowledged != '';
CREATE INDEX exchanges_unacknowledged ON exchanges (key) WHERE unacknowledged != '';
CREATE INDEX exchanges_unanswered ON exchanges (key) WHERE unanswered != '';
CREATE TABLE waits (key INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL, precedence INTEGER NOT NULL,
  PRIMARY KEY (key, since)) STRICT, WITHOUT ROWID;
CREATE INDEX waits_until ON waits (until, since, precedence, key);
CREATE TABLE subjects (channel INTEGER NOT NULL, subject TEXT NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (channel, subject)) STRICT, WITHOUT ROWID;
CREATE TABLE snapshots (key INTEGER PRIMARY KEY, frontier BLOB NOT NULL, time TEXT NOT NULL, tally BLOB NOT NULL) STRICT;
CREATE TABLE deliveries (channel INTEGER NOT NULL, side TEXT NOT NULL, upto INTEGER NOT NULL, position INTEGER NOT NULL, time TEXT NOT NULL,
  PRIMARY KEY (channel, side, upto)) STRICT, WITHOUT ROWID;
CREATE VIRTUAL TABLE search USING fts5 (words, content='', tokenize="unicode61 remove_diacritics 2");
"""

_HAN: Final = re.compile(r"([\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])")
PRECEDENCES: Final = ("flash", "immediate", "priority", "routine")

encode_frontier = msgspec.msgpack.Encoder().encode
decode_frontier = msgspec.msgpack.Decoder(Frontier).decode


class StoreDamaged(Exception):
    """The file cannot be read; it must be built anew."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One folded message as it goes into the file. `subject` is that on which it stands in NATS."""

    step: Step
    subject: str
    digest: str

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


def spaced(text: str) -> str:
    """Text as it is searched: every Han character a word of its own."""
    return text if text.isascii() else _HAN.sub(r" \1 ", text)


def joined(sides: Iterable[str]) -> str:
    """Sides as a column that can be matched for one of them: `,china,nato,`."""
    names = sorted(sides)
    return f",{','.join(names)}," if names else ""


def split(column: str) -> tuple[str, ...]:
    """The sides in such a column."""
    return tuple(column[1:-1].split(",")) if column else ()


class Store:
    """One open file. Writes go through one thread, in the order given; reads see what was committed."""

    def __init__(self, path: Path) -> None:
        """Open the file, or begin one. Raises `StoreDamaged` where it is of another version or cannot be read."""
        self.path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._writer = self._open()
        self._tallies: dict[int, Tally] = {}
        self._numbers: dict[str, int] = {name: number for number, name in self._writer.execute("SELECT number, name FROM channels")}
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._hurried = threading.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._write_on, name="projection-writer", daemon=True)
        self._thread.start()
        self._pool = ThreadPoolExecutor(_READERS, "projection-reader")
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []

    def _open(self) -> sqlite3.Connection:
        fresh = not self.path.exists()
        try:
            _refuse_truncated(self.path)
            connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA cache_size=-65536")
            if fresh:
                connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version={VERSION}; COMMIT;")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version != VERSION:
                connection.close()
                raise StoreDamaged(f"{self.path} is of version {version}, this program's is {VERSION}")
            (sound,) = connection.execute("PRAGMA quick_check(1)").fetchone() if self.path.stat().st_size < 2**26 else ("ok",)
            if sound != "ok":
                connection.close()
                raise StoreDamaged(f"{self.path}: {sound}")
        except sqlite3.DatabaseError as error:
            raise StoreDamaged(f"{self.path}: {error}") from error
        return connection

    def close(self) -> None:
        """Write what is queued, and close."""
        self._queue.put(None)
        self.hurry()
        self._thread.join()
        self._pool.shutdown()
        for connection in self._connections:
            connection.close()
        self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._writer.close()

    # Writing

    def write(self, channel: str, rows: list[Row], done: Done) -> None:
        """Queue rows of a channel; `done` is called in the writer's thread when they are committed, or with what failed."""
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
        """Write the rows of all jobs in one transaction."""
        by_channel: dict[str, list[Row]] = {}
        for channel, rows, _ in jobs:
            by_channel.setdefault(channel, []).extend(rows)
        failed = self._failed
        try:
            if failed is not None:
                raise failed
            self._writer.execute("BEGIN IMMEDIATE")
            for channel, rows in by_channel.items():
                self._write(self._number(channel), rows)
            self._writer.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001  # the thread's outermost loop; the owner stops loudly
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            failed = self._failed = error  # what follows would leave a gap
        for _, _, done in jobs:
            done(failed)

    def _number(self, channel: str) -> int:
        number = self._numbers.get(channel)
        if number is None:
            number = max(self._numbers.values(), default=0) + 1
            empty = encode_frontier(Frontier())
            self._writer.execute(
                "INSERT INTO channels VALUES (?, ?, 0, ?, ?, ?, ?)",
                (number, channel, encode(ChannelState()), bytes(512), empty, tally.encode(Tally())),
            )
            self._numbers[channel] = number
        return number

    def _write(self, number: int, rows: list[Row]) -> None:
        base = number << _SHIFT
        execute = self._writer.execute
        self._insert("INSERT INTO records", [_record(base, row) for row in rows])
        last_on = {row.subject: row.folded.position for row in rows}
        self._insert(
            "INSERT INTO subjects",
            [(number, subject, position) for subject, position in last_on.items()],
            "ON CONFLICT DO UPDATE SET last = excluded.last",
        )
        changed = [row.folded for row in rows if isinstance(row.folded.state, Exchange)]
        self._insert("INSERT INTO search (rowid, words)", [(base | folded.position, _words(folded)) for folded in changed])
        counted = self._count(number, base, rows)
        self._write_exchanges(base, changed)
        self._insert(
            "INSERT INTO deliveries",
            [
                (number, record.data.side, record.data.upto, row.folded.position, record.envelope.time)
                for row in rows
                if (record := row.folded.record) is not None and row.folded.valid and isinstance(record.data, Delivery)
            ],
        )
        last = rows[-1].step.standing
        updated = execute(
            "UPDATE channels SET position = ?, state = ?, total = ?, frontier = ?, tally = ? WHERE number = ? AND position = ?",
            (
                last.state.position,
                encode(last.state),
                last.total.to_bytes(512),
                encode_frontier(last.frontier),
                tally.encode(counted),
                number,
                rows[0].folded.position - 1,
            ),
        )
        if updated.rowcount != 1:
            raise sqlite3.IntegrityError(f"rows from position {rows[0].folded.position} do not follow what the file holds")

    def _insert(self, into: str, rows: list[tuple[object, ...]], then: str = "") -> None:
        """Insert rows, many with one statement: while it runs the interpreter is free for the fold, which waits for it otherwise."""
        if not rows:
            return
        marks = f"({', '.join('?' * len(rows[0]))})"
        whole = len(rows) - len(rows) % _ROWS
        for start in range(0, whole, _ROWS):
            values = [value for row in rows[start : start + _ROWS] for value in row]
            self._writer.execute(f"{into} VALUES {', '.join([marks] * _ROWS)} {then}", values)
        self._writer.executemany(f"{into} VALUES {marks} {then}", rows[whole:])

    def _count(self, number: int, base: int, rows: list[Row]) -> Tally:
        """Bring the tally and the waits up to date, record by record, and take snapshots. Before the exchanges are written."""
        found = self._tallies.get(number)
        if found is None:
            (saved,) = self._writer.execute("SELECT tally FROM channels WHERE number = ?", (number,)).fetchone()
            found = self._tallies[number] = tally.decode(saved)
        known: dict[int, tuple[Tally, int | None]] = {}
        begun: dict[int, tuple[int, int]] = {}
        snapshots: list[tuple[object, ...]] = []
        for row in rows:
            folded, standing = row.folded, row.step.standing
            if isinstance(folded.state, Exchange):
                key, here = base | folded.state.opened.position, base | folded.position
                if key not in known:
                    known[key] = self._counted(key) if key < base | rows[0].folded.position else (Tally(), None)
                before, waited = known[key]
                after = tally.of(folded.state)
                waits = PRECEDENCES.index(folded.state.precedence) if _waits(after) else None
                found.subtract(before)
                found.update(after)
                known[key] = after, waits
                if waits != waited:
                    if waited is not None:
                        self._end_wait(begun, key, here, base)
                    if waits is not None:
                        begun[key] = here, waits
            if folded.position % SNAPSHOT_RECORDS == 0:
                snapshots.append((base | folded.position, encode_frontier(standing.frontier), standing.state.time, tally.encode(found)))
        self._insert("INSERT INTO waits", [(key, since, base | _LAST, waits) for key, (since, waits) in begun.items()])
        self._insert("INSERT INTO snapshots", snapshots)
        return found

    def _counted(self, key: int) -> tuple[Tally, int | None]:
        """What an exchange in the file counts for, and how urgently it waits for an acknowledgement."""
        found = self._writer.execute(
            "SELECT family, status, unacknowledged, unanswered, precedence FROM exchanges WHERE key = ?", (key,)
        ).fetchone()
        family, status, unacknowledged, unanswered, precedence = found
        return tally.of_parts(family, status, split(unacknowledged), split(unanswered)), precedence if unacknowledged else None

    def _end_wait(self, begun: dict[int, tuple[int, int]], key: int, here: int, base: int) -> None:
        fresh = begun.pop(key, None)
        if fresh is not None:
            since, waits = fresh
            self._writer.execute("INSERT INTO waits VALUES (?, ?, ?, ?)", (key, since, here, waits))
        else:
            self._writer.execute("UPDATE waits SET until = ? WHERE key = ? AND until = ?", (here, key, base | _LAST))

    def _write_exchanges(self, base: int, changed: list[Folded]) -> None:
        """The exchanges as they stand after these records."""
        newest = {folded.state.opened.position: folded.state for folded in changed if isinstance(folded.state, Exchange)}
        self._insert("INSERT OR REPLACE INTO exchanges", [_exchange(base, state) for state in newest.values()])

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
        """The keys of a channel's records are `base | position`."""
        return self._numbers.get(channel, 0) << _SHIFT

    def raws(self, channel: str, first: int, last: int) -> list[bytes]:
        """The bytes of a channel's messages from a position to another."""
        base = self.base(channel)
        found = self.reader().execute("SELECT raw FROM records WHERE key BETWEEN ? AND ? ORDER BY key", (base | first, base | last))
        return [raw for (raw,) in found]

    def standing(self, channel: str) -> Standing:
        """Where a channel's fold stands in the file: its state, its digest sum, its tree."""
        row = self.reader().execute("SELECT state, total, frontier FROM channels WHERE name = ?", (channel,)).fetchone()
        if row is None:
            return Standing()
        return Standing(state=decode_channel(row[0]), total=int.from_bytes(row[1]), frontier=decode_frontier(row[2]))


def _refuse_truncated(path: Path) -> None:
    if not path.exists():
        return
    with path.open("rb") as file:
        head = file.read(100)
    size = path.stat().st_size
    if size == 0 or len(head) < 100 or head[:16] != b"SQLite format 3\x00":
        raise StoreDamaged(f"{path} is no database")
    page = int.from_bytes(head[16:18]) or 1
    pages = int.from_bytes(head[28:32])
    if pages * (65536 if page == 1 else page) > size:
        raise StoreDamaged(f"{path} is shorter than it says it is")


def _waits(counted: Tally) -> bool:
    return any(what == tally.UNACKNOWLEDGED for what, _ in counted)


def _record(base: int, row: Row) -> tuple[object, ...]:
    folded = row.folded
    record, refusal = folded.record, folded.refusal
    envelope = None if record is None else record.envelope
    return (
        base | folded.position,
        None if envelope is None else envelope.id,
        None if envelope is None else envelope.subject,
        None if envelope is None else envelope.actor,
        None if record is None else record.name,
        None if envelope is None else envelope.time,
        int(folded.valid),
        None if refusal is None else refusal.kind,
        None if refusal is None else refusal.detail,
        folded.number,
        row.commit,
        row.digest,
        folded.raw,
        row.step.encoded,
    )


def _exchange(base: int, state: Exchange) -> tuple[object, ...]:
    return (
        base | state.opened.position,
        state.id,
        state.number,
        state.act,
        state.family,
        state.status,
        state.side,
        joined({state.side, *state.to, *state.info}),
        PRECEDENCES.index(state.precedence),
        state.area,
        bytes(state.subject),
        state.opened.time,
        state.updated.time,
        state.updated.position,
        joined(owes_acknowledgement(state)),
        joined(owes_answer(state)),
    )


def _words(folded: Folded) -> str:
    assert folded.record is not None
    found: list[str] = [folded.number, folded.number.replace("/", " ")]
    _collect(msgspec.json.decode(folded.record.act), found)
    return spaced(" ".join(found))


def _collect(value: object, found: list[str]) -> None:
    if isinstance(value, str):
        found.append(value)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name != "signed":
                _collect(inner, found)
    elif isinstance(value, list):
        for inner in value:
            _collect(inner, found)
