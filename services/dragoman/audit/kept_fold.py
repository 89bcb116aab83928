"""A fold up to a position, in files that never change.

The next audit goes on from it.

    fold-000001000.sqlite     the states, records and tree nodes of positions 1 to 1000
    fold-000001250.sqlite     those that positions 1001 to 1250 added or changed

Each audit writes one more file with what is new. Files of about the same length become
one file, so that there are few files, and a record is rewritten a few times only. A
question is asked of the newest file first. The files are checked by their digests
before anything is asked (`dragoman.audit.kept_audit`).
"""

import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from dragoman.domain.record import ids
from dragoman.eventlog import durable
from dragoman.eventlog.durable import block_digests
from dragoman.tlog import leaf, merkle
from dragoman_schemas.acts.office.channel import ErasedRecord

NODE_LEVEL: Final = 5
"""The lowest level of the tree whose complete subtrees are kept.

The roots below it are computed from at most 32 commitments.
"""

_TABLES: Final = """
CREATE TABLE states (id TEXT PRIMARY KEY, encoded BLOB);
CREATE TABLE records (
    position INTEGER PRIMARY KEY, digest BLOB, id TEXT, type TEXT, subject TEXT, time TEXT,
    actor TEXT, void INTEGER
);
CREATE TABLE numbers (number TEXT PRIMARY KEY, exchange TEXT) WITHOUT ROWID;
CREATE TABLE nodes (level INTEGER, place INTEGER, hash BLOB, PRIMARY KEY (level, place))
    WITHOUT ROWID;
CREATE TABLE signers (key TEXT, position INTEGER, PRIMARY KEY (key, position)) WITHOUT ROWID;
"""
_INDEXES: Final = """
CREATE INDEX by_subject ON records (subject) WHERE subject IS NOT NULL;
CREATE INDEX by_id ON records (id) WHERE id IS NOT NULL;
"""
_COPIES: Final = (
    "INSERT INTO states SELECT id, encoded FROM {0}.states WHERE true ORDER BY rowid "
    "ON CONFLICT (id) DO UPDATE SET encoded = excluded.encoded",
    "INSERT INTO records SELECT * FROM {0}.records",
    "INSERT OR REPLACE INTO numbers SELECT * FROM {0}.numbers",
    "INSERT INTO nodes SELECT * FROM {0}.nodes",
    "INSERT INTO signers SELECT * FROM {0}.signers",
)
_SET_STATE: Final = (
    "INSERT INTO states VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET encoded = excluded.encoded"
)
_SET_NUMBER: Final = "INSERT OR REPLACE INTO numbers VALUES (?, ?)"
_RECORDS_OF: Final = "SELECT * FROM records WHERE subject = ? ORDER BY position"
_FAST: Final = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;"
"""Settings for a new file. It is not used before it is whole and on the disk."""


class FoldChange(Struct, frozen=True, kw_only=True):
    """The change that a fold makes to the files.

    `states` maps ids to encoded states; None stands for a removed state. `records` are
    rows of the table, from position `first` to `last`.
    """

    first: int
    last: int
    states: Mapping[str, bytes | None]
    records: Iterable[Sequence[object]]
    numbers: Mapping[str, str]
    nodes: Iterable[tuple[int, int, bytes]]
    signers: Iterable[tuple[str, int]]


class FoldFile(Struct, frozen=True, kw_only=True):
    """A file of a kept fold, the positions that it covers, and its digests."""

    name: str
    first: int
    last: int
    digests: tuple[str, ...]


def row_of(position: int, commit: str, record: ErasedRecord | None) -> tuple[object, ...]:
    """Return a row of the table of records.

    Junk is no record, and has a commitment only.
    """
    digest = bytes.fromhex(commit)
    if record is None:
        return position, digest, None, None, None, None, None, None
    rest = record.id, record.type, record.subject, record.time, record.actor, int(record.void)
    return position, digest, *rest


class KeptFold:
    """A kept fold of `size` messages, read from its files."""

    def __init__(self, folder: Path, files: Sequence[FoldFile]) -> None:
        """Open the files, which were checked before."""
        self.size = files[-1].last if files else 0
        self._files = [(file, _opened(folder / file.name)) for file in reversed(files)]

    def close(self) -> None:
        """Close the files."""
        for _, connection in self._files:
            connection.close()

    def encoded(self, id: str) -> bytes | None:
        """Return the encoded state of an exchange or of the registry."""
        row = self._newest("SELECT encoded FROM states WHERE id = ?", id)
        return None if row is None else _unpacked(row[0])

    def all_encoded(self) -> dict[str, bytes | None]:
        """Return the encoded states by id, in the order of their openings."""
        result: dict[str, bytes | None] = {}
        for _, connection in reversed(self._files):
            rows = connection.execute("SELECT id, encoded FROM states ORDER BY rowid")
            result.update((id, _unpacked(packed)) for id, packed in rows)
        return result

    def used(self, id: str) -> bool:
        """Return whether a record has used up an id."""
        return any(
            ids.uses_up(id, actor)
            for _, connection in self._files
            for (actor,) in connection.execute("SELECT actor FROM records WHERE id = ?", (id,))
        )

    def actor(self, position: int) -> str | None:
        """Return the actor of the valid record at a position."""
        _, actor, void = self._at(position)
        return None if void else actor

    def commit(self, position: int) -> str:
        """Return the commitment of the message at a position, in hex."""
        return self._at(position)[0].hex()

    def commits(self, first: int) -> Iterator[str]:
        """Yield the commitments of all messages from a position on, in order."""
        query = "SELECT digest FROM records WHERE position >= ? ORDER BY position"
        for _, connection in reversed(self._files):
            for (digest,) in connection.execute(query, (first,)):
                yield digest.hex()

    def _at(self, position: int) -> tuple[bytes, str | None, int | None]:
        """Return the commitment, the actor and the void mark of a message."""
        connection = next(connection for file, connection in self._files if file.first <= position)
        row: tuple[bytes, str | None, int | None] = connection.execute(
            "SELECT digest, actor, void FROM records WHERE position = ?", (position,)
        ).fetchone()
        return row

    def records_of(self, exchange: str) -> Iterator[ErasedRecord]:
        """Yield the well-formed records of an exchange, in order."""
        for _, connection in reversed(self._files):
            for row in connection.execute(_RECORDS_OF, (exchange,)):
                yield ErasedRecord(
                    position=row[0],
                    commit=row[1].hex(),
                    id=row[2],
                    type=row[3],
                    subject=row[4],
                    time=row[5],
                    actor=row[6],
                    void=bool(row[7]),
                )

    def numbered(self, number: str) -> str | None:
        """Return the id of the exchange that was opened under a number."""
        row = self._newest("SELECT exchange FROM numbers WHERE number = ?", number)
        return None if row is None else str(row[0])

    def node(self, level: int, index: int) -> bytes:
        """Return the root of a complete subtree over messages of this fold."""
        if level >= NODE_LEVEL:
            row = self._newest("SELECT hash FROM nodes WHERE level = ? AND place = ?", level, index)
            assert row is not None
            return bytes(row[0])
        first = (index << level) + 1
        return merkle.subtree_root(
            [
                merkle.leaf_hash(leaf.entry(position - 1, self.commit(position)))
                for position in range(first, first + (1 << level))
            ]
        )

    def signed_by(self, key: str) -> Iterator[int]:
        """Yield the positions of the records that a key signed."""
        for _, connection in reversed(self._files):
            yield from (
                position
                for (position,) in connection.execute(
                    "SELECT position FROM signers WHERE key = ? ORDER BY position", (key,)
                )
            )

    def _newest(self, query: str, *values: object) -> tuple[Any, ...] | None:
        """Return the row of the newest file that has one."""
        for _, connection in self._files:
            row: tuple[Any, ...] | None = connection.execute(query, values).fetchone()
            if row is not None:
                return row
        return None


def write(folder: Path, files: Sequence[FoldFile], change: FoldChange) -> list[FoldFile]:
    """Write a change into a new file, and return the files that then make up the fold.

    Files that are hardly longer than the change become part of the new file. The files
    that are no longer used stay, because a crash may come before anybody relies on the
    new one.
    """
    older, merged = list(files), list[FoldFile]()
    while older and older[-1].last - older[-1].first < 2 * (change.last - older[-1].last):
        merged.insert(0, older.pop())
    first = merged[0].first if merged else change.first
    number = 1
    while (path := folder / f"fold-{change.last:09d}-{number}.sqlite").exists():
        number += 1  # A file that may be in use is never written again.
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(f"{_FAST}{_TABLES}")
        for number, file in enumerate(merged):
            connection.execute(f"ATTACH ? AS old{number}", (str(folder / file.name),))
        connection.execute("BEGIN")
        for number in range(len(merged)):
            for copy in _COPIES:
                connection.execute(copy.format(f"old{number}"))
        connection.executemany(
            _SET_STATE, ((id, _packed(encoded)) for id, encoded in change.states.items())
        )
        connection.executemany(
            "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?)", change.records
        )
        connection.executemany(_SET_NUMBER, change.numbers.items())
        connection.executemany("INSERT INTO nodes VALUES (?, ?, ?)", change.nodes)
        connection.executemany("INSERT INTO signers VALUES (?, ?)", change.signers)
        connection.execute("COMMIT")
        connection.executescript(_INDEXES)
    durable.sync(path)
    return [
        *older,
        FoldFile(name=path.name, first=first, last=change.last, digests=block_digests(path)),
    ]


def _packed(encoded: bytes | None) -> bytes | None:
    """Return a state as a file has it. Each audit reads all bytes, so it is short."""
    return None if encoded is None else zlib.compress(encoded, 1)


def _unpacked(packed: bytes | None) -> bytes | None:
    return None if packed is None else zlib.decompress(packed)


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
    )
