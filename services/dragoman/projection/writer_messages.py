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
"""Where less is free, what goes wrong with the file is for want of room."""


class StoreDamaged(Exception):
    """The file cannot be read; it must be built anew."""


class StoreBusy(Exception):
    """Another program writes the file."""


class StoreFull(Exception):
    """There is no room for the file where it is; nothing is wrong with it."""


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Return whether an error says that the file is damaged: not that it is busy, that its disk is full, or that somebody was interrupted."""
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _DAMAGE or isinstance(
        error, sqlite3.IntegrityError
    )


def failure_of(error: Exception, path: Path) -> Exception:
    """Return what went wrong with a file, told apart: `StoreBusy`, `StoreFull`, or `StoreDamaged` for all else."""
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
    """One folded message, and where the fold stands after it.

    `subject` is that on which it stands in NATS, `said` its record's own time, `state`
    the encoding of what it changed, which is an exchange or the registry. `frontier` is
    given at the positions of snapshots alone. `erased` are the positions of the records
    that it erases, each with the leaf entry that stands for it from then on.
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
    erased: list[tuple[int, bytes]] = []


class Batch(Struct, frozen=True, kw_only=True, array_like=True):
    """Messages of one channel that follow each other, and where its fold stands after the last: state and frontier, encoded."""

    channel: str
    cid: str
    state: bytes
    frontier: bytes
    lines: list[FoldedLine]


pack = msgspec.msgpack.Encoder().encode


def spaced(text: str) -> str:
    """Text as it is searched: every Han character a word of its own."""
    return text if text.isascii() else _HAN.sub(r" \1 ", text)


def joined(sides: Iterable[str]) -> str:
    """Sides as a column that can be matched for one of them: `,china,nato,`."""
    names = sorted(sides)
    return f",{','.join(names)}," if names else ""


def split(column: str) -> tuple[str, ...]:
    """Return the sides in such a column."""
    return tuple(column[1:-1].split(",")) if column else ()
