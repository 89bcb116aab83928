"""The check of a projection's file, a process that uses little of a processor.

    pass     again and again: each list row is the row of its exchange's state, the
             states come to the digest, each record's columns are those of its bytes
    refold   soon after the start, and then about once an hour: every log is folded
             again into another file, and all tables are compared row by row (`refold`)

    the gateway → nothing; it closes the pipe to end this process
    the checker → an `IntegrityFinding` after each difference, pass or refold

The checker asks no broker. `Projection.walk` compares the records in the file with
those of the log. The checker reads in short transactions, so that the writer never
waits for it. It reports the first row that differs, and ends. The gateway then builds
another file and starts the check again.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
from msgspec import Struct

from dragoman.domain.record import ids, state_digest
from dragoman.domain.record.codec import NotARecord, parse
from dragoman.projection.refold import (
    Pace,
    RowDiffers,
    first_difference,
    first_part,
    fold_again,
)
from dragoman.projection.row_keys import (
    base_of,
    channel_number,
    channel_range,
    last_key,
    position_of,
    row_key,
)
from dragoman.projection.stored_state import newest_state, whole
from dragoman.projection.table_rows import exchange_row
from dragoman.projection.writer_messages import is_damage
from dragoman.tlog import leaf
from dragoman.worker_process import Pipe
from dragoman_schemas.acts.rules_versions import ACTS, NEWEST
from dragoman_schemas.state import Registry, decode_channel, decode_exchange, encode

_CHUNK: Final = 64
_NICE: Final = 19
_FIRST_SHARE: Final = 0.2
"""The share of a processor that the first fold after a start may use. Nobody knows what
happened to the file while the gateway was stopped.
"""

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

    `processor_s` is the processor time that it took, its helpers' included.
    """

    what: str
    channels: int
    rows: int
    seconds: float
    processor_s: float


IntegrityReport = RowMismatch | Damaged | IntegrityPassed
write = msgspec.json.Encoder().encode
read = msgspec.json.Decoder(IntegrityReport).decode


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
            state = _read(channel, "its state in the log", lambda: decode_channel(encoded))
            stored = self._digest(base, position)
            cid = "" if state.registry is None else state.registry.cid
            if stored and stored != state_digest.digest(
                int.from_bytes(total), cid, position, state.time
            ):
                raise RowDiffers(
                    channel, f"the sum in its row is not that of the digest at position {position}"
                )
            beyond = self._ask(
                "SELECT id FROM exchanges WHERE key > ? AND key <= ? LIMIT 1",
                (row_key(base, position), last_key(base)),
            )
            if beyond:
                raise RowDiffers(
                    channel, f"the list has an exchange {beyond[0][0]} that no record opened"
                )
            genesis = state.registry.id if state.registry is not None else ""
            if state.registry is not None:
                self._check_registry(base, channel, position, state.registry)
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
            raise RowDiffers(
                channel,
                f"the states of its exchanges do not come to the digest at position {position}",
            )

    def _check_registry(self, base: int, channel: str, position: int, registry: Registry) -> None:
        """Check that the channel's registry is the newest one in its records.

        The registry says who may do what. A start reads it from the channel's row.
        """
        newest = self._newest(base, channel, position, registry.id)
        if encode(registry) != newest:
            raise RowDiffers(
                channel,
                f"the registry at position {position} is not the newest one of its records: "
                f"{first_part(encode(registry), newest or b'')}",
            )

    def _digest(self, base: int, position: int) -> str:
        """Return the digest at a position; empty where an erasure has removed it."""
        rows = self._ask("SELECT digest FROM records WHERE key = ?", (row_key(base, position),))
        return str(rows[0][0]) if rows else ""

    def _element(self, base: int, channel: str, position: int, exchange: str) -> int:
        """Return the amount that a state at a position adds to the sum.

        It is 0 for an exchange that was erased since.
        """
        encoded = self._newest(base, channel, position, exchange)
        return 0 if encoded is None else state_digest.element_of(encoded)

    def _newest(self, base: int, channel: str, position: int, exchange: str) -> bytes | None:
        """Return the newest state of an exchange up to a position, if there is one."""
        encoded: bytes | None = _read(
            channel,
            f"a state of {exchange}",
            lambda: newest_state(self._connection, base, exchange, position),
        )
        return encoded

    def _check_row(self, base: int, channel: str, row: tuple[object, ...]) -> None:
        id = str(row[1])
        rows = self._ask(
            "SELECT state FROM records WHERE exchange = ? AND key BETWEEN ? AND ? "
            "AND state IS NOT NULL ORDER BY key DESC LIMIT 1",
            (id, *channel_range(base)),
        )
        if not rows:
            raise RowDiffers(
                channel, f"the list has an exchange {id} of which no record has a state"
            )
        state = _read(
            channel,
            f"the state of {id}",
            lambda: decode_exchange(whole(self._connection, base, id, rows[0][0])),
        )
        expected = exchange_row(base, state)
        if expected != row:
            raise RowDiffers(
                channel, f"the list has {first_difference(row, expected)} for the exchange {id}"
            )

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


def _read(channel: str, what: str, decode: Callable[[], Any]) -> Any:
    try:
        return decode()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RowDiffers(channel, f"{what} cannot be read: {error}") from None


def _check_record(channel: str, row: tuple[Any, ...]) -> None:
    key, id, exchange, actor, act, time, raw, commit = row
    position = position_of(key)
    if raw.startswith(_ENTRY):
        return  # the leaf entry is all that an erasure leaves of a record
    if leaf.commit(raw) != commit:
        raise RowDiffers(
            channel, f"the bytes at position {position} are not those of their commitment"
        )
    row_of_record = (id, exchange, actor, act, time)
    # Which rules were in force at the position, the fold says: some of them make this row.
    if not any(_row_under(raw, rules) == row_of_record for rules in sorted(ACTS, reverse=True)):
        row = _row_under(raw, NEWEST)
        raise RowDiffers(channel, f"records at {position}: {first_difference(row_of_record, row)}")


def _row_under(raw: bytes, rules: int) -> tuple[object, ...]:
    """Return the columns of a message's row, as a version of the rules reads it."""
    try:
        record = parse(raw, rules)
    except NotARecord:
        return (None, None, None, None, None)
    envelope = record.envelope
    id = envelope.id if ids.uses_up(envelope.id, envelope.actor) else None
    return id, envelope.subject, envelope.actor, record.name, envelope.time


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
    refold_pace = Pace(max(float(share), _FIRST_SHARE), lambda: wire.waiting)
    due = time.monotonic() + float(refold_after)
    with suppress(EOFError, OSError):
        try:
            pace.rest()
            while True:
                wire.send(write(_pass(Path(path), pace)))
                if time.monotonic() >= due:
                    refold = _refold(Path(path), refold_pace)
                    wire.send(write(refold))
                    due = time.monotonic() + max(float(refold_every), 4 * refold.seconds)
                    refold_pace = pace
                pace.sleep(float(pause))
        except RowDiffers as error:
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
    refolded = fold_again(path, pace)
    return IntegrityPassed(
        what="refold",
        channels=refolded.channels,
        rows=refolded.rows,
        seconds=time.monotonic() - begun,
        processor_s=time.process_time() - used + refolded.writer_s,
    )
