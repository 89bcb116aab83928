"""A high-water mark: the last known position of a log, in a small synced file.

The file is outside the broker. A broker that lost the end of a log does not notice, and
uses the positions again. The mark remembers the stream, the last position that was
certainly stored, and the commitment of its message. The file is at most `MARK_SECONDS`
behind the log. In memory the mark is never behind.
"""

import asyncio
import os
from pathlib import Path

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace

from dragoman.domain.record import nesting
from dragoman.limits import MARK_SECONDS
from dragoman.text import Text, sentence
from dragoman.tlog import leaf

log = structlog.get_logger()


class MarkFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of the file.

    `created` is the time at which the broker created the stream, empty if unknown.
    `commit` is the commitment of the message at `position`.
    """

    created: str
    position: int
    commit: str


def accept_stream(path: Path) -> bool:
    """Let a mark accept a stream that was created again from a copy.

    Its position and commitment stay. Return False if there is no mark.
    """
    if not path.exists():
        return False
    mark = msgspec.json.decode(path.read_bytes(), type=MarkFile)
    _write(path, msgspec.json.encode(replace(mark, created="")))
    return True


class HighWaterMark:
    """One channel's mark, which owns its file; only one process has it."""

    def __init__(self, path: Path) -> None:
        """Begin with the content of the file, if there is one.

        `fault` says why the file cannot be read.
        """
        self.path = path
        self.fault: Text | None = None
        self.kept: MarkFile | None = None
        self._newest: tuple[int, bytes] | None = None
        self._kept_at = 0.0
        self.keeping: asyncio.Task[None] | None = None
        self._is_failing = False
        try:
            raw = path.read_bytes()
            nesting.check(raw)
            self.kept = msgspec.json.decode(raw, type=MarkFile)
        except FileNotFoundError:
            pass
        except (OSError, msgspec.MsgspecError) as error:
            self.fault = sentence(
                "the high-water mark %(path)s cannot be read (%(error)s): compare the log with "
                "another copy, then remove the file",
                path=str(path),
                error=str(error),
            )

    @property
    def known(self) -> MarkFile | None:
        """The mark now: the last message that is certainly stored."""
        if self._newest is None:
            return self.kept
        position, raw = self._newest
        return MarkFile(
            created="" if self.kept is None else self.kept.created,
            position=position,
            commit=leaf.commit(raw),
        )

    @property
    def position(self) -> int:
        """The last position that is certainly stored; 0 if none is known."""
        if self._newest is not None:
            return self._newest[0]
        return 0 if self.kept is None else self.kept.position

    @property
    def is_kept(self) -> bool:
        """Return whether the file has the newest known position."""
        return self._newest is None or (
            self.kept is not None and self.kept.position >= self._newest[0]
        )

    def note(self, position: int, raw: bytes) -> None:
        """Note a message that the broker has stored or shown."""
        if position > self.position:
            self._newest = position, raw

    def keep(self, created: str) -> None:
        """Begin to write the file, unless it is current or was just written.

        The caller does not wait for the disk.
        """
        now = asyncio.get_running_loop().time()
        if now < self._kept_at + MARK_SECONDS or (
            self.keeping is not None and not self.keeping.done()
        ):
            return
        mark_file = self.known
        if mark_file is not None and (mark := replace(mark_file, created=created)) != self.kept:
            self.keeping = asyncio.create_task(self._keep(mark))
        self._kept_at = now

    async def _keep(self, mark: MarkFile) -> None:
        try:
            await asyncio.to_thread(_write, self.path, msgspec.json.encode(mark))
        except OSError as error:
            # It is tried every second, and said once.
            if not self._is_failing:
                log.warning(
                    "mark.not_kept",
                    path=str(self.path),
                    reason=str(error),
                    do="make room, or let this user write there",
                )
            self._is_failing = True
        else:
            self.kept = mark
            self._is_failing = False


def _write(path: Path, content: bytes) -> None:
    """Write the file either whole or not at all, on the disk when this returns."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
