"""A projection's file, compared with another file that is folded from its own records.

    folded_again(file, beside)   folds the records of each channel up to its position
    FileComparison(…).compare()  compares each row of each table in `COMPARED`

The gateway writes on meanwhile. A row of the file is compared only if nothing since the
position of the other file has changed it. An erasure since then changes older rows:
everything is folded again.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final, NamedTuple

from dragoman.eventlog.event_log import StoredMessage, YieldedEnd
from dragoman.limits import READ_RECORDS
from dragoman.projection.projection import Projection
from dragoman.projection.rebuild import remove
from dragoman.projection.row_keys import (
    LAST_POSITION,
    POSITION_BITS,
    base_of,
    channel_number,
    last_key,
    position_of,
    row_key,
)
from dragoman.projection.store import Store
from dragoman.projection.table_rows import subject_in

_CHUNK: Final = 64


class _Table(NamedTuple):
    """A table: the columns of its order, and the columns that hold keys.

    A row can no longer change once the fold is past the positions in its columns
    `settled`. A later position in its columns `until` is compared as the last possible
    one, which stands for no end. `of_channel` says that the first column is the
    channel's number.
    """

    order: tuple[str, ...]
    keys: tuple[str, ...] = ()
    settled: tuple[str, ...] = ()
    until: tuple[str, ...] = ()
    of_channel: bool = False


_TABLES: Final = {
    "records": _Table(("key",), ("key",), ("key",)),
    "exchanges": _Table(("key",), ("key",), ("key", "position")),
    "snapshots": _Table(("key",), ("key",), ("key",)),
    "waits": _Table(("key", "since"), ("key", "since", "until"), ("key", "since"), ("until",)),
    "subjects": _Table(("subject",), settled=("last",), of_channel=True),
    "links": _Table(("target", "key"), ("key",), ("key",), of_channel=True),
    "attached": _Table(("sha256", "side", "position"), settled=("position",), of_channel=True),
    "deliveries": _Table(("side", "upto"), settled=("position",), of_channel=True),
}

COMPARED: Final = frozenset({*_TABLES, "channels", "search"})
"""The tables of the file that are compared row by row."""


class RowDiffers(Exception):
    """An error: a row that differs, with its channel and the difference."""

    def __init__(self, channel: str, detail: str) -> None:
        """Keep the channel and the difference."""
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
        self.sleep(max(0.0, used - self._used) * (1 / self._share - 1))
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


_RECORDS_OF_CHANNEL: Final = (
    "SELECT r.key & ?, r.raw, r.subject FROM records r "  # fixed words  # noqa: S608
    f"JOIN channels c ON r.key >> {POSITION_BITS} = c.number WHERE c.name = ? "
    f"AND r.key BETWEEN c.number << {POSITION_BITS} | ? AND c.number << {POSITION_BITS} | ? "
    "ORDER BY r.key LIMIT ?"
)


class FileLog:
    """A channel's records in a projection's file, read like a log, at a pace."""

    def __init__(self, path: Path, channel: str, last: int, rest: Callable[[], None]) -> None:
        """Read up to a position. Every read calls `rest` first."""
        self.channel = channel
        self.end = YieldedEnd()
        self._path, self._last, self._rest = path, last, rest

    async def read(self, first: int, most: int) -> list[StoredMessage]:
        """Return messages from a position on."""
        self._rest()
        connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, isolation_level=None)
        try:
            rows = connection.execute(
                _RECORDS_OF_CHANNEL, (LAST_POSITION, self.channel, first, self._last, most)
            ).fetchall()
        finally:
            connection.close()
        return [
            StoredMessage(position=position, subject=subject or subject_in(raw) or "", raw=raw)
            for position, raw, subject in rows
        ]

    async def read_kept(self, first: int, most: int) -> list[StoredMessage]:
        """Return messages from a position on."""
        return await self.read(first, most)

    async def follow(self, wanted: Callable[[], int]) -> AsyncIterator[list[StoredMessage] | None]:
        """Yield messages once: a copy does not grow."""
        yield await self.read(wanted(), READ_RECORDS)


class _ChannelRow(NamedTuple):
    """A channel's row in a file: its position, and its other columns."""

    name: str
    position: int
    state: bytes
    total: bytes
    frontier: bytes
    tally: bytes
    void: int


_COLUMNS: Final = ", ".join(_ChannelRow._fields)


class Refolded(NamedTuple):
    """The channels and rows of a refold, and the processor time of its writer."""

    channels: int
    rows: int
    writer_s: float


def fold_again(path: Path, pace: Pace) -> Refolded:
    """Fold the records of a file again, and compare everything that they make.

    Raises `RowDiffers`.
    """
    beside = path.with_suffix(".checking")
    writer_s = 0.0
    while True:
        remove(beside)
        rows = _channel_rows(path)
        comparison = FileComparison(path, beside, pace)
        try:
            writer_s += asyncio.run(folded_again(path, beside, pace, rows))
            comparison.compare(rows)
        except RowDiffers as error:
            position = next((row.position for row in rows if row.name == error.channel), 0)
            if not comparison.erased_since(error.channel, position):
                raise
        else:
            return Refolded(len(rows), comparison.rows, writer_s)
        finally:
            comparison.close()
            remove(beside)


def _channel_rows(path: Path) -> list[_ChannelRow]:
    """Return the rows of all channels with records, as they are together."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return [
            _ChannelRow(*row)
            for row in connection.execute(
                f"SELECT {_COLUMNS} FROM channels WHERE position > 0 ORDER BY number"  # noqa: S608
            )
        ]


async def folded_again(path: Path, beside: Path, pace: Pace, rows: Sequence[_ChannelRow]) -> float:
    """Fold the records of a file into another one, up to the channels' positions.

    Returns the processor seconds of the writer.
    """
    store = await asyncio.to_thread(Store, beside)
    try:
        for row in rows:
            rest = lambda: pace.rest(store.writer_seconds)  # noqa: E731
            fold = Projection(FileLog(path, row.name, row.position, rest), store)
            while fold.state.position < row.position:
                before = fold.state.position
                await fold.bring()
                is_broken = fold.broken is not None and fold.newer is None
                if is_broken or fold.state.position == before:
                    raise RowDiffers(
                        row.name,
                        f"the records cannot be folded again beyond position {before}: "
                        f"{fold.broken}",
                    )
            await fold.in_file(row.position, seconds=3600)
        pace.rest(store.writer_seconds)
        return store.writer_seconds
    finally:
        await asyncio.to_thread(store.close)


class FileComparison:
    """The comparison of a file with another one folded from its records."""

    def __init__(self, path: Path, other: Path, pace: Pace) -> None:
        """Open the file, read-only."""
        self.rows = 0
        self._other = other
        self._pace = pace
        self._connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)

    def close(self) -> None:
        """Close both files."""
        self._connection.close()

    def erased_since(self, channel: str, position: int) -> bool:
        """Return whether something was erased that the other file still has."""
        rows = self._ask("SELECT number FROM channels WHERE name = ?", (channel,))
        base = base_of(rows[0][0]) if rows else 0
        query = (
            "SELECT 1 FROM records WHERE key > ? AND key <= ? AND act = 'erasure' AND valid LIMIT 1"
        )
        return bool(self._ask(query, (row_key(base, position), last_key(base))))

    def compare(self, rows: Sequence[_ChannelRow]) -> None:
        """Compare all tables, row by row.

        `rows` are those of the channels at the positions of the other file. Raises
        `RowDiffers`.
        """
        self._ask("ATTACH ? AS other", (f"file:{self._other}?mode=ro",))
        for row in rows:
            folded = _ChannelRow(
                *self._ask(
                    f"SELECT {_COLUMNS} FROM other.channels WHERE name = ?",  # noqa: S608
                    (row.name,),
                )[0]
            )
            for field, mine, expected in zip(row._fields, row, folded, strict=True):
                if mine != expected:
                    raise RowDiffers(
                        row.name,
                        f"{field} at position {row.position}: {first_part(mine, expected)}",
                    )
            for table in _TABLES:
                self._compare_table(table, row)
        self._compare_words()

    def _ask(self, query: str, parameters: Sequence[object] = ()) -> list[Any]:
        return self._connection.execute(query, parameters).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._ask("BEGIN")
        try:
            yield
        finally:
            self._ask("COMMIT")
        self._pace.rest()

    def _compare_table(self, name: str, row: _ChannelRow) -> None:
        """Compare the rows of a channel in a table.

        Each part of the table is read in one transaction.
        """
        table = _TABLES[name]
        after: tuple[Any, ...] | None = None
        while True:
            with self._transaction():
                ((number, newest),) = self._ask(
                    "SELECT number, position FROM main.channels WHERE name = ?", (row.name,)
                )
                ((other,),) = self._ask(
                    "SELECT number FROM other.channels WHERE name = ?", (row.name,)
                )
                mine = self._part("main", name, number, row.position, after, None)
                is_last = len(mine) < _CHUNK
                upto = None if is_last else table_order(table, mine[-1])
                folded = self._part("other", name, other, row.position, after, upto)
            self.rows += len(mine)
            later = {
                table_order(table, table_row)
                for table_row in mine
                if any(table_row[column] > row.position for column in table.settled)
            }
            for table_row in mine:
                beyond = [
                    table_row[column] for column in table.settled if table_row[column] > newest
                ]
                if beyond:
                    raise RowDiffers(
                        row.name, f"{name} has a row of position {beyond[0]}, which no record has"
                    )
                for column in table.until:
                    if row.position < table_row[column] <= newest:
                        table_row[column] = LAST_POSITION
            for value, expected in zip_longest(
                *(
                    [table_row for table_row in rows if table_order(table, table_row) not in later]
                    for rows in (mine, folded)
                )
            ):
                if value != expected:
                    place = table_order(table, value or expected)[0]
                    difference = first_difference(
                        None if value is None else tuple(value.values()),
                        None if expected is None else tuple(expected.values()),
                    )
                    raise RowDiffers(row.name, f"{name} at {place}: {difference}")
            if is_last:
                return
            after = upto

    def _part(
        self,
        schema: str,
        name: str,
        number: int,
        position: int,
        after: tuple[Any, ...] | None,
        upto: tuple[Any, ...] | None,
    ) -> list[dict[str, Any]]:
        """Return rows of a channel in the order of a table, with positions for keys.

        `after` and `upto` are places in that order. Without `upto`, the rows are as
        many as fit into one part, or all those of the other file.
        """
        table, base = _TABLES[name], base_of(number)
        conditions, values = ["channel = ?"], [number]
        if not table.of_channel:
            conditions, values = ["key > ?", "key <= ?"], [base, row_key(base, position)]
        marks = ", ".join("?" * len(table.order))
        for place, sign in ((after, ">"), (upto, "<=")):
            if place is not None:
                conditions.append(f"({', '.join(table.order)}) {sign} ({marks})")
                values += [
                    row_key(base, value) if column in table.keys else value
                    for column, value in zip(table.order, place, strict=True)
                ]
        limit = f"LIMIT {_CHUNK}" if schema == "main" else ""
        cursor = self._connection.execute(
            f"SELECT * FROM {schema}.{name} WHERE {' AND '.join(conditions)} "  # noqa: S608
            f"ORDER BY {', '.join(table.order)} {limit}",
            values,
        )
        columns = [description[0] for description in cursor.description]
        return [
            {
                column: position_of(value) if column in table.keys else value
                for column, value in zip(columns, table_row, strict=True)
                if column != "channel"
            }
            for table_row in cursor.fetchall()
        ]

    def _compare_words(self) -> None:
        """Compare the full-text index, in one long read.

        The index cannot be read in parts.
        """
        for schema in ("main", "other"):
            self._ask(
                f"CREATE VIRTUAL TABLE temp.{schema}_words USING fts5vocab({schema}, search, "
                "instance)"
            )
        rows = self._ask(
            "SELECT m.number, m.name, o.number, o.position FROM channels m "
            "JOIN other.channels o ON o.name = m.name"
        )
        names = {item: name for item, name, *_ in rows}
        ends = {base_of(item): row_key(base_of(item), position) for item, _, _, position in rows}
        bases = {base_of(other): base_of(item) for item, _, other, _ in rows}
        query = "SELECT term, doc, offset FROM temp.{}_words ORDER BY term, doc, offset"
        with (
            closing(self._connection.execute(query.format("main"))) as in_file,
            closing(self._connection.execute(query.format("other"))) as in_other,
        ):
            mine = (
                row for row in in_file if row[1] <= ends.get(base_of(channel_number(row[1])), 0)
            )
            others = (
                (term, row_key(bases[base_of(channel_number(doc))], position_of(doc)), offset)
                for term, doc, offset in in_other
            )
            for value, other in zip_longest(mine, others):
                if value != other:
                    raise RowDiffers(
                        names[channel_number((value or other)[1])],
                        f"the search has {value}, and the records make {other}",
                    )


def table_order(table: _Table, row: dict[str, Any]) -> tuple[Any, ...]:
    """Return the place of a row in the order of its table."""
    return tuple(row[column] for column in table.order)


def first_difference(row: Sequence[object] | None, other: Sequence[object] | None) -> str:
    """Return the first values in which two rows differ, one from each row."""
    if row is None or other is None:
        return f"a row is {'missing' if row is None else 'too much'}"
    for mine, expected in zip(row, other, strict=False):
        if mine != expected:
            return first_part(mine, expected)
    return "another number of columns"


def first_part(mine: object, expected: object) -> str:
    """Return two values that differ, from shortly before the first difference on."""
    one, other = _text(mine), _text(expected)
    pairs = enumerate(zip(one, other, strict=False))
    start = next((place for place, (a, b) in pairs if a != b), 0)
    return f"{_short(one, start)}, and the records make {_short(other, start)}"


def _text(value: object) -> str:
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)


_BEFORE: Final = 30
_SHOWN: Final = 80


def _short(text: str, start: int) -> str:
    start = 0 if len(text) <= _SHOWN else max(0, start - _BEFORE)
    shown = text[start : start + _SHOWN]
    return repr(f"{'…' if start else ''}{shown}{'…' if start + _SHOWN < len(text) else ''}")
