"""The projection's writer: a process that commits folded messages as rows.

    the gateway → batches, packed
    the writer  → b"" when they are committed, or the error

The fold needs its interpreter for itself. It sends one `Batch` a channel, in which
everything is bytes or text, so that packing is cheap for the fold. The writer derives
the columns that lists, searches and counts need.

Only one writer at a time has the file, guarded by a lock file. After a gateway was
killed, its writer keeps the lock until it has committed. A batch may come again, to a
writer that replaced a dead one. The writer then skips the messages that are in the
file.

No other program may change the file. SQLite counts such changes. The writer reports the
first one at the next batch, or within `WATCH_SECONDS`.
"""

import fcntl
import shutil
import signal
import sqlite3
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from dragoman.domain.acts.access import officer_side
from dragoman.domain.acts.references import digests, may_name
from dragoman.projection import counters, stored_state
from dragoman.projection.counters import Tally
from dragoman.projection.fold_digest import fold_digest
from dragoman.projection.row_keys import base_of, channel_number, row_key
from dragoman.projection.stored_state import WHOLE_BYTES, Last
from dragoman.projection.table_rows import (
    exchange_row,
    insert_rows,
    record,
    referred,
    subject_in,
    words,
)
from dragoman.projection.tables import SCHEMA, VERSION, encode_frontier
from dragoman.projection.tally_writer import TallyWriter, discount, tally_at
from dragoman.projection.writer_messages import (
    ROOM_BYTES,
    Batch,
    FoldedLine,
    StoreBusy,
    StoreDamaged,
    StoreFull,
    failure_of,
)
from dragoman.tlog.merkle import Frontier
from dragoman.worker_process import Pipe
from dragoman_schemas.state import ChannelState, decode_exchange, encode

_WAIT_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.02
_REMEMBERED_BYTES: Final = 16 * 1024 * 1024
"""The bytes of newest states in memory.

A state that follows on one of them is written without reading the file.
"""


CHECKED_BYTES: Final = 64 * 1024 * 1024
"""The size below which a start checks the pages of the whole file.

A start on a larger file would take too long. Damage in it is found by the first query
that meets it, and by the check of its rows (`integrity`).
"""

PREPARED: Final = ".prepared"
"""The suffix of the files that `dragoman prepare` leaves for another release."""

READY: Final = b"ready"
MOVE: Final = b"move "
"""The beginning of a message that renames the file; no batch begins like this."""


_unpack = msgspec.msgpack.Decoder(list[Batch]).decode


class _ActOfRecord(Struct):
    data: Any


_parse = msgspec.json.Decoder(_ActOfRecord).decode


class Writer:
    """The one connection that writes. It has the file's lock."""

    def __init__(
        self,
        path: Path,
        *,
        patience: float = _WAIT_SECONDS,
        checked_bytes: int = CHECKED_BYTES,
    ) -> None:
        """Open the file, or create one; wait `patience` seconds for its lock.

        A file smaller than `checked_bytes` is checked as a whole.

        Raises `StoreDamaged` if the file has another version or cannot be read,
        `StoreBusy`, or `StoreFull`.
        """
        self.path = path
        self._checked_bytes = checked_bytes
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _locked(path.with_name(path.name + ".lock"), patience)
        self._connection = self._open()
        try:
            rows = self._connection.execute("SELECT number, name FROM channels").fetchall()
        except sqlite3.DatabaseError as error:
            raise failure_of(error, path) from error
        self._numbers: dict[str, int] = {name: number for number, name in rows}
        self._tallies = TallyWriter()
        self._newest: OrderedDict[tuple[int, str], Last] = OrderedDict()
        self._short: dict[tuple[int, str], Last] = {}
        self._erased = False
        self._version = self._data_version()

    def _open(self) -> sqlite3.Connection:
        fresh = not self.path.exists()
        try:
            _refuse_truncated(self.path)
            connection = sqlite3.connect(self.path, isolation_level=None)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA cache_size=-65536")
            if fresh:
                connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version={VERSION}; COMMIT;")
                connection.execute("INSERT INTO made_by VALUES (?)", (fold_digest(),))
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version != VERSION:
                connection.close()
                raise StoreDamaged(
                    f"{self.path} is of version {version}, this program's is {VERSION}"
                )
            made_by = connection.execute("SELECT digest FROM made_by").fetchone()
            if made_by != (fold_digest(),):
                connection.close()
                raise StoreDamaged(
                    f"{self.path} was made by a program with other rules, shapes or time zones"
                )
            (sound,) = (
                connection.execute("PRAGMA quick_check(1)").fetchone()
                if self.path.stat().st_size < self._checked_bytes
                else ("ok",)
            )
            if sound != "ok":
                connection.close()
                raise StoreDamaged(f"{self.path}: {sound}")
        except sqlite3.DatabaseError as error:
            if shutil.disk_usage(self.path.parent).free < ROOM_BYTES:
                raise StoreFull(
                    f"the disk of {self.path} is full: make room there, and start again ({error})"
                ) from error
            failure = failure_of(error, self.path)
            raise (
                failure if isinstance(failure, StoreBusy) else StoreDamaged(f"{self.path}: {error}")
            ) from error
        return connection

    def move(self, path: Path) -> None:
        """Rename the file, over one that no process writes any more.

        Raises `OSError` or `StoreBusy`.
        """
        lock = _locked(path.with_name(path.name + ".lock"), _WAIT_SECONDS)
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        self.path.rename(path)
        self._lock.close()
        self.path.with_name(self.path.name + ".lock").unlink(missing_ok=True)
        self.path, self._lock = path, lock
        self._connection = self._open()
        self._version = self._data_version()

    def close(self) -> None:
        """Checkpoint the write-ahead log into the file, and close it."""
        if self._erased:
            self._overwrite()
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()
        self._lock.close()

    def commit(self, batches: list[Batch]) -> None:
        """Write all batches in one transaction. If one fails, no batch is written.

        Without a batch, it only looks for changes by another program. Raises
        `StoreDamaged` if there is one.
        """
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._refuse_foreign_changes()
            for batch in batches:
                self._write(batch)
            self._connection.execute("COMMIT")
        except BaseException:
            self._tallies.forget()
            self._newest.clear()
            self._short.clear()
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        self._forget()
        if self._erased:
            self._overwrite()

    def _data_version(self) -> int:
        """Return SQLite's count of the changes that other connections committed."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    def _refuse_foreign_changes(self) -> None:
        """Raise `StoreDamaged` if another program has changed the file.

        Only this connection may change it. So a change by another one is found whatever
        its table and column are, before a row of ours follows from it.
        """
        if self._data_version() != self._version:
            raise StoreDamaged(
                f"another program has changed {self.path}: nothing in it can be trusted"
            )

    def _forget(self) -> None:
        """Drop the states that changed longest ago, and all short states.

        Short states are soon read again.
        """
        self._short.clear()
        remembered = sum(len(last.encoded) for last in self._newest.values())
        while remembered > _REMEMBERED_BYTES:
            _, last = self._newest.popitem(last=False)
            remembered -= len(last.encoded)

    def _overwrite(self) -> None:
        """Remove erased data from free pages, and prepared files that have them.

        If the disk has no room for this, it is tried again after the next commit.
        """
        for prepared in self.path.parent.glob(f"{self.path.stem}.*{PREPARED}"):
            prepared.unlink(missing_ok=True)
        try:
            self._connection.execute("VACUUM")
            busy, _, _ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError:
            return
        self._erased = bool(busy)

    def _number(self, channel: str) -> int:
        number = self._numbers.get(channel)
        if number is None:
            number = max(self._numbers.values(), default=0) + 1
            empty = encode_frontier(Frontier())
            self._connection.execute(
                "INSERT INTO channels VALUES (?, ?, 0, ?, ?, ?, ?, 0)",
                (
                    number,
                    channel,
                    encode(ChannelState()),
                    bytes(512),
                    empty,
                    counters.encode(Tally()),
                ),
            )
            self._numbers[channel] = number
        return number

    def _write(self, batch: Batch) -> None:
        number = self._number(batch.channel)
        base = base_of(number)
        execute = self._connection.execute
        (before,) = execute("SELECT position FROM channels WHERE number = ?", (number,)).fetchone()
        lines = [line for line in batch.lines if line.position > before]
        if not lines:
            return
        if lines[0].position != before + 1:
            raise sqlite3.IntegrityError(
                f"rows from position {lines[0].position} do not follow what the file holds"
            )
        self._insert(
            "INSERT INTO records",
            [record(base, batch.cid, line, self._stored(base, line)) for line in lines],
        )
        last_on = {line.subject: line.position for line in lines}
        self._insert(
            "INSERT INTO subjects",
            [(number, subject, position) for subject, position in last_on.items()],
            "ON CONFLICT DO UPDATE SET last = excluded.last",
        )
        acts = {
            line.position: _parse(line.raw).data
            for line in lines
            if line.of_exchange or (line.valid and line.act == "delivery")
        }
        changed = {
            line.position: decode_exchange(line.state)
            for line in lines
            if line.of_exchange and line.state is not None
        }
        self._insert(
            "INSERT INTO search (rowid, words)",
            [
                (row_key(base, line.position), words(line.number, acts[line.position]))
                for line in lines
                if line.of_exchange
            ],
        )
        self._insert(
            "INSERT OR IGNORE INTO links",
            [
                (number, target, row_key(base, position))
                for position, state in changed.items()
                if state.opened.position == position or acts[position]["act"] == "joinder"
                for target in referred(acts[position])
            ],
        )
        self._insert(
            "INSERT OR IGNORE INTO attached",
            [
                (number, sha256, officer_side(line.actor), line.position)
                for line in lines
                if line.valid and line.of_exchange and line.actor is not None and may_name(line.raw)
                for sha256 in dict.fromkeys(digests(acts[line.position]))
            ],
        )
        counted = self._tallies.count(self._connection, number, lines, changed)
        newest = {state.opened.position: state for state in changed.values()}
        self._insert(
            "INSERT OR REPLACE INTO exchanges",
            [exchange_row(base, state) for state in newest.values()],
        )
        self._insert(
            "INSERT INTO deliveries",
            [
                (
                    number,
                    acts[line.position]["side"],
                    acts[line.position]["upto"],
                    line.position,
                    line.said,
                )
                for line in lines
                if line.valid and line.act == "delivery"
            ],
        )
        for line in lines:
            if line.erased:
                self._erase(base, line, counted)
        execute(
            "UPDATE channels SET position = ?, state = ?, total = ?, frontier = ?, tally = ?, "
            "void = void + ? WHERE number = ?",
            (
                lines[-1].position,
                batch.state,
                lines[-1].total,
                batch.frontier,
                counters.encode(counted),
                sum(not line.valid for line in lines),
                number,
            ),
        )

    def _stored(self, base: int, line: FoldedLine) -> bytes | None:
        """Return the `state` column for the state in a line."""
        if line.state is None or line.exchange is None:
            return line.state
        place = base, line.exchange
        last = self._newest.pop(place, None) or self._short.pop(place, None)
        if len(line.state) < WHOLE_BYTES:
            column, self._short[place] = stored_state.put(line.position, line.state, None)
            return column
        if last is None:
            last = stored_state.last_before(self._connection, base, line.exchange, line.position)
        column, self._newest[place] = stored_state.put(line.position, line.state, last)
        return column

    def _insert(self, into: str, rows: list[tuple[object, ...]], conflict: str = "") -> None:
        insert_rows(self._connection, into, rows, conflict)

    def _erase(self, base: int, line: FoldedLine, counted: Tally) -> None:
        """Replace the records that a line erases by their leaf entries.

        Removes the rows of their exchanges, and the digests of the states in which
        these exchanges were.
        """
        execute = self._connection.execute
        self._erased = True
        first = line.position
        states: dict[str, list[tuple[int, Tally]]] = {}
        tallies = {
            position: tally_at(self._connection, base, position) for position, _ in line.erased
        }  # read while the states are still in the file
        for position, entry in line.erased:
            first = min(first, position)
            key = row_key(base, position)
            raw, number, exchange = execute(
                "SELECT raw, number, exchange FROM records WHERE key = ?", (key,)
            ).fetchone()
            counts = tallies[position]
            if counts is not None:
                execute(
                    "INSERT INTO search (search, rowid, words) VALUES ('delete', ?, ?)",
                    (key, words(number, _parse(raw).data)),
                )
                states.setdefault(exchange, []).append((key, counts))
                self._newest.pop((base, exchange), None)
            execute(
                "UPDATE records SET raw = ?, exchange = NULL, state = NULL, "
                "subject = coalesce(subject, ?) WHERE key = ?",
                (entry, subject_in(raw), key),
            )
            execute(
                "DELETE FROM attached WHERE channel = ? AND position = ?",
                (channel_number(base), position),
            )
            execute("DELETE FROM links WHERE channel = ? AND key = ?", (channel_number(base), key))
        for state in states.values():
            opened, newest = state[0][0], state[-1][1]
            counted.subtract(newest)
            discount(self._connection, base, state)
            for table in ("exchanges", "waits"):
                execute(f"DELETE FROM {table} WHERE key = ?", (opened,))  # noqa: S608
        execute("INSERT INTO search (search) VALUES ('optimize')")
        execute(
            "UPDATE records SET digest = '' WHERE key >= ? AND key < ?",
            (row_key(base, first), row_key(base, line.position)),
        )


def _locked(path: Path, patience: float) -> Any:
    """Return the file's lock. Raises `StoreBusy` if another program keeps it.

    The writer of a gateway that was killed may still commit: wait `patience` seconds.
    """
    lock = path.open("w")
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                lock.close()
                raise StoreBusy(
                    f"another program writes {path.with_suffix('')}; "
                    "stop it, or give this one another name by --name"
                ) from None
            time.sleep(_PAUSE_SECONDS)
        else:
            return lock


def _refuse_truncated(path: Path) -> None:
    if not path.exists():
        return
    with path.open("rb") as file:
        head = file.read(100)
    size = path.stat().st_size
    if size == 0 or len(head) < 100 or head[:16] != b"SQLite format 3\x00":
        raise StoreDamaged(f"{path} is not a database")
    page = int.from_bytes(head[16:18]) or 1
    pages = int.from_bytes(head[28:32])
    if pages * (65536 if page == 1 else page) > size:
        raise StoreDamaged(f"{path} is shorter than its header says")


# The process


def run(wire: Pipe, path: str, checked_bytes: str) -> None:
    """Commit each batch that arrives, as a process, until the pipe ends.

    The process ignores the signals that stop the gateway, so that it commits everything
    that was sent.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    commit_on(wire, path, checked_bytes)


def commit_on(wire: Pipe, path: str, checked_bytes: str) -> None:
    """Commit each batch that arrives, until the pipe ends.

    The first answer is `READY`, or the reason why the file cannot be opened.
    """
    try:
        writer = Writer(Path(path), checked_bytes=int(checked_bytes))
    except (StoreDamaged, StoreBusy, StoreFull) as error:
        wire.send(type(error).__name__.encode() + b" " + str(error).encode())
        return
    wire.send(READY)
    while True:
        try:
            message = wire.receive()
        except EOFError:
            break
        answer = b""
        try:
            if message.startswith(MOVE):
                writer.move(Path(message.removeprefix(MOVE).decode()))
            else:
                writer.commit(_unpack(message))
        except Exception as error:  # noqa: BLE001
            # A damaged row can raise any error. The gateway gets its text.
            failure = (
                error
                if isinstance(error, StoreBusy | StoreFull | StoreDamaged)
                else failure_of(error, writer.path)
            )
            answer = f"{type(failure).__name__} {failure}".encode()
        try:
            wire.send(answer)
        except OSError:
            break
    writer.close()
