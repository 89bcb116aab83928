"""The check of a projection's file, a process that uses little of a processor.

    pass     again and again: each list row is the row of its exchange's state, the
             states come to the digest, each record's columns are those of its bytes
    refold   once a day: every log is folded again into another file, and all tables
             are compared row by row

    the gateway → nothing; it closes the pipe to end this process
    the checker → an `IntegrityFinding` after each difference, pass or refold

The checker asks no broker. `Projection.walk` compares the records in the file with
those of the log. The checker reads in short transactions, so that the writer never
waits for it. It reports the first row that differs, and ends. The gateway then builds
another file and starts the check again.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
from msgspec import Struct

from dragoman.domain.record import state_digest
from dragoman.domain.record.codec import NotARecord, parse
from dragoman.projection.file_log import FileLog
from dragoman.projection.projection import Projection
from dragoman.projection.rebuild import remove
from dragoman.projection.row_keys import (
    base_of,
    channel_number,
    channel_range,
    last_key,
    position_of,
    row_key,
)
from dragoman.projection.store import Store
from dragoman.projection.stored_state import whole
from dragoman.projection.table_rows import exchange_row
from dragoman.projection.writer_messages import is_damage
from dragoman.tlog import leaf
from dragoman.worker_process import Pipe
from dragoman_schemas.acts.rules_versions import ACTS, NEWEST
from dragoman_schemas.state import decode_channel, decode_exchange

_CHUNK: Final = 64
_NICE: Final = 19
_POLITE_SECONDS: Final = 5.0
_ENTRY: Final = leaf.entry(0, "")[:18]


class IntegrityFinding(Struct, frozen=True, kw_only=True, tag_field="kind"):
    """A message of the checker to the gateway."""


class RowMismatch(IntegrityFinding, frozen=True, kw_only=True, tag="differs"):
    """A row of a channel that its records do not make.

    `detail` names the row and both values.
    """

    channel: str
    detail: str


class Damaged(IntegrityFinding, frozen=True, kw_only=True, tag="damaged"):
    """An error of SQLite that says that the file is damaged."""

    detail: str


class IntegrityPassed(IntegrityFinding, frozen=True, kw_only=True, tag="checked"):
    """The end of a pass or a refold that found no difference.

    `processor_s` is the processor time that it took.
    """

    what: str
    channels: int
    rows: int
    seconds: float
    processor_s: float


IntegrityReport = RowMismatch | Damaged | IntegrityPassed
write = msgspec.json.Encoder().encode
read = msgspec.json.Decoder(IntegrityReport).decode


class _Different(Exception):
    """A row that differs, with its channel and the difference."""

    def __init__(self, channel: str, detail: str) -> None:
        super().__init__(channel, detail)
        self.channel, self.detail = channel, detail


class Pace:
    """A limit of the work to a share of a processor. Every rest asks `ended`."""

    def __init__(self, share: float, ended: Callable[[], bool] = lambda: False) -> None:
        """Begin with the processor time that this process has used so far."""
        self._share = share
        self._ended = ended
        self._used = 0.0

    def rest(self, helper_seconds: float = 0.0) -> None:
        """Sleep until the work since the last rest is within the share.

        `helper_seconds` is the processor time of a helper process.
        """
        used = time.process_time() + helper_seconds
        self.sleep((used - self._used) * (1 / self._share - 1))
        self._used = time.process_time() + helper_seconds

    def sleep(self, seconds: float) -> None:
        """Sleep, and raise `EOFError` as soon as the work is no longer wanted."""
        ends = time.monotonic() + seconds
        while True:
            if self._ended():
                raise EOFError
            remaining = ends - time.monotonic()
            if remaining <= 0:
                return
            time.sleep(min(remaining, 0.5))


class Checker:
    """The comparison of one projection's file with its own records."""

    def __init__(self, path: Path, pace: Pace) -> None:
        """Open the file, read-only."""
        self.path = path
        self.rows = 0
        self._pace = pace
        self._connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def check(self) -> int:
        """Check every channel once, and return the number of channels.

        Raises the difference. An error of SQLite itself is damage.
        """
        channels = self._ask("SELECT number, name FROM channels ORDER BY number")
        for number, name in channels:
            self._check_states(base_of(number), name)
            self._check_records(base_of(number), name)
        return len(channels)

    def _ask(self, query: str, parameters: Sequence[object] = ()) -> list[Any]:
        return self._connection.execute(query, parameters).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("COMMIT")
        self._pace.rest()

    def _check_states(self, base: int, channel: str) -> None:
        """Check every list row, and the sum of the states at the current position."""
        with self._transaction():
            ((position, encoded, total),) = self._ask(
                "SELECT position, state, total FROM channels WHERE number = ?",
                (channel_number(base),),
            )
            if not position:
                return
            state = _read(channel, "where it stands", lambda: decode_channel(encoded))
            stored = self._digest(base, position)
            cid = "" if state.registry is None else state.registry.cid
            if stored and stored != state_digest.digest(
                int.from_bytes(total), cid, position, state.time
            ):
                raise _Different(
                    channel, f"the sum in its row is not that of the digest at position {position}"
                )
            beyond = self._ask(
                "SELECT id FROM exchanges WHERE key > ? AND key <= ? LIMIT 1",
                (row_key(base, position), last_key(base)),
            )
            if beyond:
                raise _Different(
                    channel, f"the list has an exchange {beyond[0][0]} that no record opened"
                )
            genesis = state.registry.id if state.registry is not None else ""
        number = self._element(base, channel, position, genesis) if genesis else 0
        key = base
        while True:
            with self._transaction():
                rows = self._ask(
                    "SELECT * FROM exchanges WHERE key > ? AND key <= ? ORDER BY key LIMIT ?",
                    (key, row_key(base, position), _CHUNK),
                )
                for row in rows:
                    self._check_row(base, channel, row)
                    number += self._element(base, channel, position, row[1])
            self.rows += len(rows)
            if len(rows) < _CHUNK:
                break
            key = rows[-1][0]
        again = self._digest(base, position)
        if (
            stored
            and again == stored
            and state_digest.digest(number & state_digest.MASK, cid, position, state.time) != stored
        ):
            raise _Different(
                channel,
                f"the states of its exchanges do not come to the digest at position {position}",
            )

    def _digest(self, base: int, position: int) -> str:
        """Return the digest at a position; empty where an erasure has removed it."""
        rows = self._ask("SELECT digest FROM records WHERE key = ?", (row_key(base, position),))
        return str(rows[0][0]) if rows else ""

    def _element(self, base: int, channel: str, position: int, exchange: str) -> int:
        """Return the amount that a state at a position adds to the sum.

        It is 0 for an exchange that was erased since.
        """
        rows = self._ask(
            "SELECT state FROM records WHERE exchange = ? AND key BETWEEN ? AND ? "
            "AND state IS NOT NULL ORDER BY key DESC LIMIT 1",
            (exchange, base, row_key(base, position)),
        )
        if not rows:
            return 0
        encoded = _read(
            channel,
            f"a state of {exchange}",
            lambda: whole(self._connection, base, exchange, rows[0][0]),
        )
        return state_digest.element_of(encoded)

    def _check_row(self, base: int, channel: str, row: tuple[object, ...]) -> None:
        id = str(row[1])
        rows = self._ask(
            "SELECT state FROM records WHERE exchange = ? AND key BETWEEN ? AND ? "
            "AND state IS NOT NULL ORDER BY key DESC LIMIT 1",
            (id, *channel_range(base)),
        )
        if not rows:
            raise _Different(
                channel, f"the list has an exchange {id} of which no record has a state"
            )
        state = _read(
            channel,
            f"the state of {id}",
            lambda: decode_exchange(whole(self._connection, base, id, rows[0][0])),
        )
        expected = exchange_row(base, state)
        if expected != row:
            raise _Different(channel, f"the list has {_apart(row, expected)} for the exchange {id}")

    def _check_records(self, base: int, channel: str) -> None:
        """Check every record's commitment, and the columns that are its own members."""
        key = base
        while True:
            with self._transaction():
                rows = self._ask(
                    "SELECT key, id, exchange, actor, act, time, raw, record_commit "
                    "FROM records WHERE key > ? AND key <= ? ORDER BY key LIMIT ?",
                    (key, last_key(base), _CHUNK),
                )
            for row in rows:
                _check_record(channel, row)
            self.rows += len(rows)
            self._pace.rest()
            if len(rows) < _CHUNK:
                return
            key = rows[-1][0]

    # Compared with another file

    def compare(self, other: Path) -> None:
        """Compare all tables, row by row, with a file folded from the same records.

        Raises the difference.
        """
        self._connection.execute("ATTACH ? AS other", (f"file:{other}?mode=ro",))
        try:
            for number, name, position in self._ask(
                "SELECT m.number, m.name, o.position FROM channels m "
                "JOIN other.channels o ON o.name = m.name"
            ):
                self._compare_channel(base_of(number), name, position)
            self._compare_words()
        finally:
            self._connection.execute("DETACH other")

    def _compare_channel(self, base: int, channel: str, position: int) -> None:
        ((number,),) = self._ask("SELECT number FROM other.channels WHERE name = ?", (channel,))
        bases = (("main", base), ("other", base_of(number)))
        try:
            for table, condition in _BY_KEY.items():
                self._compare_by_key(table, condition, bases, channel, position)
            for table in _BY_POSITION:
                self._compare_whole(table, bases, channel, position)
        except _Different:
            if not self._erased_since(base, position):
                raise

    def _erased_since(self, base: int, position: int) -> bool:
        """Return whether something was erased here that the other file still has."""
        query = (
            "SELECT 1 FROM records WHERE key > ? AND key <= ? AND act = 'erasure' AND valid LIMIT 1"
        )
        return bool(self._ask(query, (row_key(base, position), last_key(base))))

    def _compare_by_key(
        self,
        table: str,
        condition: str,
        bases: Sequence[tuple[str, int]],
        channel: str,
        position: int,
    ) -> None:
        """Compare, in parts, the rows of a table that can no longer change."""
        last = 0
        while True:
            with self._transaction():
                query = (
                    f"SELECT * FROM {{}}.{table} WHERE key > ? AND key <= ? AND {condition} "  # noqa: S608
                    f"ORDER BY key LIMIT {_CHUNK}"
                )
                mine, rows = (
                    [
                        (position_of(row[0]), *row[1:])
                        for row in self._ask(
                            query.format(schema),
                            (row_key(base, last), row_key(base, position), position),
                        )
                    ]
                    for schema, base in bases
                )
            self.rows += len(mine)
            self._compare_rows(table, mine, rows, channel)
            if len(mine) < _CHUNK:
                return
            last = mine[-1][0]

    def _compare_whole(
        self, table: str, bases: Sequence[tuple[str, int]], channel: str, position: int
    ) -> None:
        """Compare all rows of a small table up to a position."""
        with self._transaction():
            query = (
                f"SELECT * FROM {{}}.{table} WHERE channel = ? AND position <= ? "  # noqa: S608
                f"ORDER BY position, side"
            )
            mine, rows = (
                [
                    row[1:]
                    for row in self._ask(query.format(schema), (channel_number(base), position))
                ]
                for schema, base in bases
            )
        self._compare_rows(table, mine, rows, channel)

    def _compare_rows(
        self,
        table: str,
        mine: Sequence[tuple[Any, ...]],
        rows: Sequence[tuple[Any, ...]],
        channel: str,
    ) -> None:
        for value, other in zip_longest(mine, rows):
            if value != other:
                raise _Different(
                    channel, f"{table} at {(value or other)[0]}: {_apart(value, other)}"
                )

    def _compare_words(self) -> None:
        """Compare the full-text index, in one long read.

        The index cannot be read in parts.
        """
        connection = self._connection
        for schema in ("main", "other"):
            connection.execute(
                f"CREATE VIRTUAL TABLE temp.{schema}_words USING fts5vocab({schema}, search, "
                "instance)"
            )
        try:
            rows = self._ask(
                "SELECT m.number, m.name, o.number, o.position FROM channels m "
                "JOIN other.channels o ON o.name = m.name"
            )
            names = {item: name for item, name, *_ in rows}
            ends = {
                base_of(item): row_key(base_of(item), position) for item, _, _, position in rows
            }
            bases = {base_of(other): base_of(item) for item, _, other, _ in rows}
            query = "SELECT term, doc, offset FROM temp.{}_words ORDER BY term, doc, offset"
            mine = (
                row
                for row in connection.execute(query.format("main"))
                if row[1] <= ends.get(base_of(channel_number(row[1])), 0)
            )
            others = (
                (term, row_key(bases[base_of(channel_number(doc))], position_of(doc)), offset)
                for term, doc, offset in connection.execute(query.format("other"))
            )
            for value, other in zip_longest(mine, others):
                if value != other:
                    raise _Different(
                        names[channel_number((value or other)[1])],
                        f"the search has {value}, and the records make {other}",
                    )
        finally:
            for schema in ("main", "other"):
                connection.execute(f"DROP TABLE temp.{schema}_words")


_BY_KEY: Final = {"records": "?3 >= 0", "exchanges": "position <= ?3", "snapshots": "?3 >= 0"}
"""The tables in the order of their keys, each with an SQL condition.

The condition selects the rows that no longer change once the fold is past a position.
"""

_BY_POSITION: Final = ("deliveries", "attached")


def _apart(row: Sequence[object] | None, other: Sequence[object] | None) -> str:
    """Return the first values in which two rows differ, one from each row."""
    if row is None or other is None:
        return f"a row is {'missing' if row is None else 'too much'}"
    for mine, theirs in zip(row, other, strict=False):
        if mine != theirs:
            return f"{_short(mine)}, and the records make {_short(theirs)}"
    return "another number of columns"


def _short(value: object) -> str:
    text = value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
    return repr(text if len(text) <= 80 else f"{text[:80]}…")


def _read(channel: str, what: str, decode: Callable[[], Any]) -> Any:
    try:
        return decode()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _Different(channel, f"{what} cannot be read: {error}") from None


def _check_record(channel: str, row: tuple[Any, ...]) -> None:
    key, id, exchange, actor, act, time, raw, commit = row
    position = position_of(key)
    if raw.startswith(_ENTRY):
        return  # the leaf entry is all that an erasure leaves of a record
    if leaf.commit(raw) != commit:
        raise _Different(
            channel, f"the bytes at position {position} are not those of their commitment"
        )
    row_of_record = (id, exchange, actor, act, time)
    # Which rules were in force at the position, the fold says: some of them make this row.
    if not any(_row_under(raw, rules) == row_of_record for rules in sorted(ACTS, reverse=True)):
        row = _row_under(raw, NEWEST)
        raise _Different(channel, f"records at {position}: {_apart(row_of_record, row)}")


def _row_under(raw: bytes, rules: int) -> tuple[object, ...]:
    """Return the columns of a message's row, as a version of the rules reads it."""
    try:
        record = parse(raw, rules)
    except NotARecord:
        return (None, None, None, None, None)
    envelope = record.envelope
    return envelope.id, envelope.subject, envelope.actor, record.name, envelope.time


# Folded again


async def _refolded(path: Path, beside: Path, pace: Pace) -> int:
    """Fold the records of a file into another one. Return the number of channels."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    channels = connection.execute(
        "SELECT name, position FROM channels WHERE position > 0 ORDER BY number"
    ).fetchall()
    connection.close()
    store = Store(beside)
    try:
        for name, position in channels:
            rest = lambda: pace.rest(store.writer_seconds)  # noqa: E731
            fold = Projection(FileLog(path, name, position, rest), store)
            while fold.state.position < position:
                before = fold.state.position
                await fold.bring()
                is_broken = fold.broken is not None and fold.newer is None
                if is_broken or fold.state.position == before:
                    raise _Different(
                        name,
                        f"the records cannot be folded again beyond position {before}: "
                        f"{fold.broken}",
                    )
            await fold.in_file(position, seconds=3600)
    finally:
        await asyncio.to_thread(store.close)
    return len(channels)


# The process


def _drop(logger: Any, name: str, event: Any) -> Any:
    raise structlog.DropEvent


def run(
    wire: Pipe, path: str, share: str, refold_after: str, refold_every: str, pause: str
) -> None:
    """Check for ever, and send each finding.

    Ends when the pipe does, or with the first row that differs.
    """
    structlog.configure(processors=[_drop])  # the gateway logs the findings
    os.nice(_NICE)
    pace = Pace(float(share), lambda: wire.waiting)
    due = time.monotonic() + float(refold_after)
    with suppress(EOFError, OSError):
        try:
            pace.rest()
            while True:
                wire.send(write(_pass(Path(path), pace)))
                if time.monotonic() >= due:
                    due = time.monotonic() + float(refold_every)
                    wire.send(write(_refold(Path(path), pace)))
                pace.sleep(float(pause))
        except _Different as error:
            wire.send(write(RowMismatch(channel=error.channel, detail=error.detail)))
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise  # a busy file or a full disk: the gateway starts the check again
            wire.send(write(Damaged(detail=str(error))))


def _pass(path: Path, pace: Pace) -> IntegrityPassed:
    begun, used = time.monotonic(), time.process_time()
    checker = Checker(path, pace)
    try:
        channels = checker.check()
    finally:
        checker.close()
    return IntegrityPassed(
        what="rows",
        channels=channels,
        rows=checker.rows,
        seconds=time.monotonic() - begun,
        processor_s=time.process_time() - used,
    )


def _refold(path: Path, pace: Pace) -> IntegrityPassed:
    begun, used = time.monotonic(), time.process_time()
    beside = path.with_suffix(".checking")
    remove(beside)
    checker = Checker(path, pace)
    try:
        channels = asyncio.run(_refolded(path, beside, pace))
        checker.compare(beside)
    finally:
        checker.close()
        remove(beside)
    return IntegrityPassed(
        what="refold",
        channels=channels,
        rows=checker.rows,
        seconds=time.monotonic() - begun,
        processor_s=time.process_time() - used,
    )
