"""The projection's writer, a process of its own: it turns folded messages into rows and commits them.

The fold needs its interpreter for itself. What it hands over is a `Batch` a channel,
everything in it bytes or text, so that packing is cheap on the fold's side; what lists,
searches and counts need is worked out here.

    the gateway → batches, packed        the writer → b"" when they are committed, or what failed

One writer at a time has the file: a lock beside it outlasts a gateway that was killed
by as long as its writer takes to commit. Batches that come again, to a writer that took
the place of one that died, are passed as far as the file has them.
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
from dragoman.domain.acts.families.exchange import owes_acknowledgement, owes_answer
from dragoman.domain.acts.references import digests, may_name
from dragoman.domain.record import state_digest
from dragoman.domain.views.open_matters import may_be_open
from dragoman.domain.views.titles import subject_of
from dragoman.projection import counters, stored_state
from dragoman.projection.counters import Tally
from dragoman.projection.stored_state import WHOLE_BYTES, Last
from dragoman.projection.writer_messages import (
    ROOM_BYTES,
    Batch,
    FoldedLine,
    StoreBusy,
    StoreDamaged,
    StoreFull,
    failure_of,
    joined,
    spaced,
    split,
)
from dragoman.tlog.merkle import Frontier
from dragoman.worker_process import Pipe
from dragoman_schemas.state import ChannelState, Exchange, decode_exchange, encode

VERSION: Final = 18
"""Of the tables and of the fold; raised whenever either changes, so that files are
built anew.
"""

SNAPSHOT_RECORDS: Final = 256
SHIFT: Final = 40
_LAST: Final = (1 << SHIFT) - 1
_ROWS: Final = 16
_REFERRING: Final = ("trigger", "roadmap_item", "calendar", "about")
_WAIT_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.02
_REMEMBERED_BYTES: Final = 16 * 1024 * 1024
"""Of newest states, so that what follows on them is found without reading."""

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
CREATE INDEX exchanges_office ON exchanges (key) WHERE act = 'liaison-office';
CREATE INDEX exchanges_line ON exchanges (key) WHERE act = 'line-check';
CREATE INDEX exchanges_point ON exchanges (key) WHERE act = 'point-of-contact';
CREATE INDEX exchanges_area ON exchanges (key) WHERE act IN ('danger-area', 'launch-notice', 'military-activity');
CREATE INDEX exchanges_number ON exchanges (number);
CREATE INDEX exchanges_status ON exchanges (family, status, key);
CREATE INDEX exchanges_waiting ON exchanges (key >> 40, precedence, key) WHERE unacknowledged != '';
CREATE INDEX exchanges_unacknowledged ON exchanges (key) WHERE unacknowledged != '';
CREATE INDEX exchanges_unanswered ON exchanges (key) WHERE unanswered != '';
CREATE TABLE waits (key INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL, precedence INTEGER NOT NULL,
  PRIMARY KEY (key, since)) STRICT, WITHOUT ROWID;
CREATE INDEX waits_until ON waits (until, since, precedence, key);
CREATE TABLE subjects (channel INTEGER NOT NULL, subject TEXT NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (channel, subject)) STRICT, WITHOUT ROWID;
CREATE TABLE links (channel INTEGER NOT NULL, target TEXT NOT NULL, key INTEGER NOT NULL, PRIMARY KEY (channel, target, key)) STRICT, WITHOUT ROWID;
CREATE TABLE attached (channel INTEGER NOT NULL, sha256 TEXT NOT NULL, side TEXT NOT NULL, position INTEGER NOT NULL,
  PRIMARY KEY (channel, sha256, side)) STRICT, WITHOUT ROWID;
CREATE TABLE snapshots (key INTEGER PRIMARY KEY, frontier BLOB NOT NULL, time TEXT NOT NULL, tally BLOB NOT NULL) STRICT;
CREATE TABLE deliveries (channel INTEGER NOT NULL, side TEXT NOT NULL, upto INTEGER NOT NULL, position INTEGER NOT NULL, time TEXT NOT NULL,
  PRIMARY KEY (channel, side, upto)) STRICT, WITHOUT ROWID;
CREATE VIRTUAL TABLE search USING fts5 (words, content='', tokenize="unicode61 remove_diacritics 2");
"""

PRECEDENCES: Final = ("flash", "immediate", "priority", "routine")
ACKNOWLEDGED: Final = len(PRECEDENCES)
"""The precedence in `waits` of an exchange that waits for no acknowledgement, and may
be an open matter for another reason.
"""


encode_frontier = msgspec.msgpack.Encoder().encode
decode_frontier = msgspec.msgpack.Decoder(Frontier).decode


READY: Final = b"ready"
MOVE: Final = b"move "
"""Begins a message that has the file renamed; batches begin otherwise."""


_unpack = msgspec.msgpack.Decoder(list[Batch]).decode


class _SaidRow(Struct):
    data: Any


_said = msgspec.json.Decoder(_SaidRow).decode


class Writer:
    """The one connection that writes. Owns the file's lock."""

    def __init__(self, path: Path, *, patience: float = _WAIT_SECONDS) -> None:
        """Open the file, or begin one, waiting so many seconds for who has it.

        Raises `StoreDamaged` where it is of another version or cannot be read,
        `StoreBusy`, `StoreFull`.
        """
        self.path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _locked(path.with_name(path.name + ".lock"), patience)
        self._connection = self._open()
        try:
            rows = self._connection.execute("SELECT number, name FROM channels").fetchall()
        except sqlite3.DatabaseError as error:
            raise failure_of(error, path) from error
        self._numbers: dict[str, int] = {name: number for number, name in rows}
        self._tallies: dict[int, Tally] = {}
        self._newest: OrderedDict[tuple[int, str], Last] = OrderedDict()
        self._short: dict[tuple[int, str], Last] = {}
        self._erased = False

    def _open(self) -> sqlite3.Connection:
        fresh = not self.path.exists()
        try:
            _refuse_truncated(self.path)
            connection = sqlite3.connect(self.path, isolation_level=None)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA cache_size=-65536")
            if fresh:
                connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version={VERSION}; COMMIT;")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version != VERSION:
                connection.close()
                raise StoreDamaged(
                    f"{self.path} is of version {version}, this program's is {VERSION}"
                )
            (sound,) = (
                connection.execute("PRAGMA quick_check(1)").fetchone()
                if self.path.stat().st_size < 2**26
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
        """Give the file another name, over one that nobody writes any more. Raises `OSError`, `StoreBusy`."""
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

    def close(self) -> None:
        """Fold the journal into the file, and close."""
        if self._erased:
            self._overwrite()
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()
        self._lock.close()

    def commit(self, batches: list[Batch]) -> None:
        """Write all batches in one transaction; where one fails, none is written."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for batch in batches:
                self._write(batch)
            self._connection.execute("COMMIT")
        except BaseException:
            self._tallies.clear()
            self._newest.clear()
            self._short.clear()
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        self._forget()
        if self._erased:
            self._overwrite()

    def _forget(self) -> None:
        """Forget the newest states that changed longest ago, and all short ones, which are soon read again."""
        self._short.clear()
        remembered = sum(len(last.encoded) for last in self._newest.values())
        while remembered > _REMEMBERED_BYTES:
            _, last = self._newest.popitem(last=False)
            remembered -= len(last.encoded)

    def _overwrite(self) -> None:
        """Leave nothing of what was erased on pages that are free by now; put off to the next time where there is no room for that."""
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
                "INSERT INTO channels VALUES (?, ?, 0, ?, ?, ?, ?)",
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
        base = number << SHIFT
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
            [_record(base, batch.cid, line, self._stored(base, line)) for line in lines],
        )
        last_on = {line.subject: line.position for line in lines}
        self._insert(
            "INSERT INTO subjects",
            [(number, subject, position) for subject, position in last_on.items()],
            "ON CONFLICT DO UPDATE SET last = excluded.last",
        )
        said = {
            line.position: _said(line.raw).data
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
                (base | line.position, _words(line.number, said[line.position]))
                for line in lines
                if line.of_exchange
            ],
        )
        self._insert(
            "INSERT OR IGNORE INTO links",
            [
                (number, target, base | position)
                for position, state in changed.items()
                if state.opened.position == position
                for target in referred(said[position])
            ],
        )
        self._insert(
            "INSERT OR IGNORE INTO attached",
            [
                (number, sha256, officer_side(line.actor), line.position)
                for line in lines
                if line.valid and line.of_exchange and line.actor is not None and may_name(line.raw)
                for sha256 in dict.fromkeys(digests(said[line.position]))
            ],
        )
        counted = self._count(number, base, lines, changed)
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
                    said[line.position]["side"],
                    said[line.position]["upto"],
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
            "UPDATE channels SET position = ?, state = ?, total = ?, frontier = ?, tally = ? WHERE number = ?",
            (
                lines[-1].position,
                batch.state,
                lines[-1].total,
                batch.frontier,
                counters.encode(counted),
                number,
            ),
        )

    def _stored(self, base: int, line: FoldedLine) -> bytes | None:
        """Return the column for the state that a line brings."""
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

    def _erase(self, base: int, line: FoldedLine, counted: Tally) -> None:
        """Leave of whole exchanges no more than the entries of their records, and no digest of the states in which they stood."""
        execute = self._connection.execute
        self._erased = True
        first = line.position
        states: dict[str, list[tuple[int, Tally]]] = {}
        tallies = {
            position: self._tallied(base, position) for position, _ in line.erased
        }  # before the states that they rest on are gone
        for position, entry in line.erased:
            first = min(first, position)
            key = base | position
            raw, number, exchange = execute(
                "SELECT raw, number, exchange FROM records WHERE key = ?", (key,)
            ).fetchone()
            counts = tallies[position]
            if counts is not None:
                execute(
                    "INSERT INTO search (search, rowid, words) VALUES ('delete', ?, ?)",
                    (key, _words(number, _said(raw).data)),
                )
                states.setdefault(exchange, []).append((key, counts))
                self._newest.pop((base, exchange), None)
            execute(
                "UPDATE records SET raw = ?, exchange = NULL, state = NULL WHERE key = ?",
                (entry, key),
            )
            execute(
                "DELETE FROM attached WHERE channel = ? AND position = ?", (base >> SHIFT, position)
            )
        for state in states.values():
            opened, newest = state[0][0], state[-1][1]
            counted.subtract(newest)
            self._discount(state, base)
            for table in ("exchanges", "waits", "links"):
                execute(f"DELETE FROM {table} WHERE key = ?", (opened,))  # fixed words  # noqa: S608
        execute("INSERT INTO search (search) VALUES ('optimize')")
        execute(
            "UPDATE records SET digest = '' WHERE key >= ? AND key < ?",
            (base | first, base | line.position),
        )

    def _tallied(self, base: int, position: int) -> Tally | None:
        """Return what the state at a position counts for; None where the record made none."""
        exchange, stored = self._connection.execute(
            "SELECT exchange, state FROM records WHERE key = ?", (base | position,)
        ).fetchone()
        if stored is None:
            return None
        return counters.of(
            decode_exchange(stored_state.whole(self._connection, base, exchange, stored))
        )

    def _discount(self, states: list[tuple[int, Tally]], base: int) -> None:
        """Take an exchange out of the snapshots of the positions at which it stood, as it stood at each."""
        rows = self._connection.execute(
            "SELECT key, tally FROM snapshots WHERE key BETWEEN ? AND ?",
            (states[0][0], base | _LAST),
        ).fetchall()
        for key, saved in rows:
            left = counters.decode(saved)
            left.subtract(next(value for at, value in reversed(states) if at <= key))
            self._connection.execute(
                "UPDATE snapshots SET tally = ? WHERE key = ?", (counters.encode(left), key)
            )

    def _insert(self, into: str, rows: list[tuple[object, ...]], text: str = "") -> None:
        """Insert rows, many with one statement."""
        if not rows:
            return
        marks = f"({', '.join('?' * len(rows[0]))})"
        whole = len(rows) - len(rows) % _ROWS
        for start in range(0, whole, _ROWS):
            values = [value for row in rows[start : start + _ROWS] for value in row]
            self._connection.execute(f"{into} VALUES {', '.join([marks] * _ROWS)} {text}", values)
        self._connection.executemany(f"{into} VALUES {marks} {text}", rows[whole:])

    def _count(
        self, number: int, base: int, lines: list[FoldedLine], changed: dict[int, Exchange]
    ) -> Tally:
        """Bring the tally and the waits up to date, record by record, and take snapshots. Before the exchanges are written."""
        tally = self._tallies.get(number)
        if tally is None:
            (saved,) = self._connection.execute(
                "SELECT tally FROM channels WHERE number = ?", (number,)
            ).fetchone()
            tally = self._tallies[number] = counters.decode(saved)
        tallies: dict[int, tuple[Tally, int | None]] = {}
        begun: dict[int, tuple[int, int]] = {}
        snapshots: list[tuple[object, ...]] = []
        for line in lines:
            state = changed.get(line.position)
            if state is not None:
                key, context = base | state.opened.position, base | line.position
                if key not in tallies:
                    tallies[key] = (
                        self._counted(key) if key < base | lines[0].position else (Tally(), None)
                    )
                before, waited = tallies[key]
                after = counters.of(state)
                waits = (
                    PRECEDENCES.index(state.precedence)
                    if _waits(after)
                    else ACKNOWLEDGED
                    if may_be_open(state)
                    else None
                )
                tally.subtract(before)
                tally.update(after)
                tallies[key] = after, waits
                if waits != waited:
                    if waited is not None:
                        self._end_wait(begun, key, context, base)
                    if waits is not None:
                        begun[key] = context, waits
            if line.frontier:
                snapshots.append(
                    (base | line.position, line.frontier, line.time, counters.encode(tally))
                )
        self._insert(
            "INSERT INTO waits",
            [(key, since, base | _LAST, waits) for key, (since, waits) in begun.items()],
        )
        self._insert("INSERT INTO snapshots", snapshots)
        return tally

    def _counted(self, key: int) -> tuple[Tally, int | None]:
        """Return what an exchange in the file counts for, and how urgently it waits."""
        row = self._connection.execute(
            "SELECT family, status, unacknowledged, unanswered FROM exchanges WHERE key = ?", (key,)
        ).fetchone()
        family, status, unacknowledged, unanswered = row
        waits = self._connection.execute(
            "SELECT precedence FROM waits WHERE key = ? AND until = ?",
            (key, key >> SHIFT << SHIFT | _LAST),
        ).fetchone()
        return counters.of_parts(
            family, status, split(unacknowledged), split(unanswered)
        ), None if waits is None else waits[0]

    def _end_wait(
        self, begun: dict[int, tuple[int, int]], key: int, context: int, base: int
    ) -> None:
        fresh = begun.pop(key, None)
        if fresh is not None:
            since, waits = fresh
            self._connection.execute(
                "INSERT INTO waits VALUES (?, ?, ?, ?)", (key, since, context, waits)
            )
        else:
            self._connection.execute(
                "UPDATE waits SET until = ? WHERE key = ? AND until = ?",
                (context, key, base | _LAST),
            )


def _locked(path: Path, patience: float) -> Any:
    """Return the file's lock, waited for while the writer of a gateway that was killed still commits. Raises `StoreBusy`."""
    lock = path.open("w")
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                lock.close()
                raise StoreBusy(
                    f"another program writes {path.with_suffix('')}; stop it, or give this gateway another name"
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
        raise StoreDamaged(f"{path} is no database")
    page = int.from_bytes(head[16:18]) or 1
    pages = int.from_bytes(head[28:32])
    if pages * (65536 if page == 1 else page) > size:
        raise StoreDamaged(f"{path} is shorter than it says it is")


def _waits(counted: Tally) -> bool:
    return any(what == counters.UNACKNOWLEDGED for what, _ in counted)


def _record(base: int, cid: str, line: FoldedLine, state: bytes | None) -> tuple[object, ...]:
    return (
        base | line.position,
        line.id,
        line.exchange,
        line.actor,
        line.act,
        line.said,
        int(line.valid),
        line.reason,
        line.detail,
        line.number,
        line.commit,
        state_digest.digest(int.from_bytes(line.total), cid, line.position, line.time),
        line.raw,
        state,
    )


def exchange_row(base: int, state: Exchange) -> tuple[object, ...]:
    """Return the list row of an exchange's state, column by column."""
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
        bytes(subject_of(state)),
        state.opened.time,
        state.updated.time,
        state.updated.position,
        joined(owes_acknowledgement(state)),
        joined(owes_answer(state)),
    )


def referred(act: dict[str, Any]) -> list[str]:
    """Return the messages to which an opening refers, each by the number or the id that it gives."""
    single = [act[name] for name in _REFERRING if name in act]
    return [*act.get("references", ()), *single]


def _words(number: str, act: object) -> str:
    texts: list[str] = [number, number.replace("/", " ")]
    _collect(act, texts)
    return spaced(" ".join(texts))


def _collect(value: object, texts: list[str]) -> None:
    if isinstance(value, str):
        texts.append(value)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name != "signed":
                _collect(inner, texts)
    elif isinstance(value, list):
        for inner in value:
            _collect(inner, texts)


# The process


def run(wire: Pipe, path: str) -> None:
    """Answer with `READY`, or why not; then commit what comes, until the wire ends. Whoever stops the gateway does not stop it before."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    try:
        writer = Writer(Path(path))
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
        except (
            Exception  # noqa: BLE001
        ) as error:  # whatever a damaged row makes of it is told to whom the rows belong
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
