"""Messages between the projection and its writer process."""

import re
import shutil
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

_HAN: Final = re.compile(r"([\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])")
_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

ROOM_BYTES: Final = 2**20
"""The free space below which an error of the file is taken for a full disk."""


class StoreDamaged(Exception):
    """An error: the file cannot be read, and must be built again."""


class StoreBusy(Exception):
    """An error: another program writes the file."""


class StoreFull(Exception):
    """An error: the disk has no room for the file, which itself is intact."""


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Return whether an error says that the file is damaged.

    A busy file, a full disk or an interrupted query is not damage.
    """
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _DAMAGE or isinstance(
        error, sqlite3.IntegrityError
    )


def failure_of(error: Exception, path: Path) -> Exception:
    """Return the error of a file as `StoreBusy`, `StoreFull` or `StoreDamaged`.

    `StoreDamaged` stands for every error that is neither of the other two.
    """
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusy(f"{path} is busy: {error}")
    free = shutil.disk_usage(path.parent).free
    if code == sqlite3.SQLITE_FULL or (
        isinstance(error, OSError | sqlite3.OperationalError) and free < ROOM_BYTES
    ):
        return StoreFull(f"the disk of {path} is full: make room there, and start again ({error})")
    if isinstance(error, OSError) or code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
        return StoreFull(f"the disk of {path} does not take what is written: {error}")
    return StoreDamaged(f"{path}: {error or type(error).__name__}")


class FoldedLine(Struct, frozen=True, kw_only=True, array_like=True):
    """One folded message, and the state of the fold after it.

    `subject` is the message's subject in NATS, and `is_misplaced` says that its bytes
    do not name it. `said` is its record's own time. `state` is the encoding of the
    exchange, or of the registry, that it changed. `frontier` is present only at the
    positions of snapshots. `erased` are the positions of the records that it erases,
    each with the leaf entry that replaces the record.
    """

    position: int
    subject: str
    raw: bytes
    commit: str
    number: str
    valid: bool
    time: str
    total: bytes
    frontier: bytes = b""
    id: str | None = None
    exchange: str | None = None
    actor: str | None = None
    act: str | None = None
    said: str | None = None
    reason: str | None = None
    detail: str | None = None
    state: bytes | None = None
    of_exchange: bool = False
    is_misplaced: bool = False
    erased: list[tuple[int, bytes]] = []


class Batch(Struct, frozen=True, kw_only=True, array_like=True):
    """Consecutive messages of one channel, and the fold's state after the last one.

    `state` and `frontier` are encoded.
    """

    channel: str
    cid: str
    state: bytes
    frontier: bytes
    lines: list[FoldedLine]


pack = msgspec.msgpack.Encoder().encode


def spaced(text: str) -> str:
    """Return text as it is searched: every Han character is a word of its own."""
    return text if text.isascii() else _HAN.sub(r" \1 ", text)


def joined(sides: Iterable[str]) -> str:
    """Return sides as a column that can be matched for one of them: `,china,nato,`."""
    names = sorted(sides)
    return f",{','.join(names)}," if names else ""


def split(column: str) -> tuple[str, ...]:
    """Return the sides in a column that `joined` has made."""
    return tuple(column[1:-1].split(",")) if column else ()
