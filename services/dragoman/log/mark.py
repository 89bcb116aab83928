"""A high-water mark: how far a channel's log had come, in a small synced file outside the broker.

A broker that lost the end of a log does not know it, and will use the positions again. The mark remembers which stream it
was, the last position that was known to be kept, and the commitment of what stood there. The file is at most
`MARK_SECONDS` behind; in memory the mark is never behind.
"""

import asyncio
import os
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dragoman.limits import MARK_SECONDS
from dragoman.tlog import leaf


class Mark(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the file says. `created` is when the broker made the stream, empty while unknown; `commit` is of the message at `position`."""

    created: str
    position: int
    commit: str


class HighWater:
    """One channel's mark. Owns its file; one process has one."""

    def __init__(self, path: Path) -> None:
        """Begin with what the file says, if it is there; `fault` says why it cannot be read."""
        self.path = path
        self.fault = ""
        self.kept: Mark | None = None
        self._newest: tuple[int, bytes] | None = None
        self._kept_at = 0.0
        try:
            self.kept = msgspec.json.decode(path.read_bytes(), type=Mark)
        except FileNotFoundError:
            pass
        except (OSError, msgspec.MsgspecError) as error:
            self.fault = f"the high-water mark {path} cannot be read ({error}): compare the log with another copy, then remove the file"

    @property
    def known(self) -> Mark | None:
        """The mark now: the last message that is known to be kept."""
        if self._newest is None:
            return self.kept
        position, raw = self._newest
        return Mark(created="" if self.kept is None else self.kept.created, position=position, commit=leaf.commit(raw))

    def note(self, position: int, raw: bytes) -> None:
        """The broker has kept, or shown, this message."""
        before = self._newest[0] if self._newest is not None else 0 if self.kept is None else self.kept.position
        if position > before:
            self._newest = position, raw

    async def keep(self, created: str) -> None:
        """Write the file, where the mark has moved and was not written just now."""
        now = asyncio.get_running_loop().time()
        if now < self._kept_at + MARK_SECONDS or (known := self.known) is None:
            return
        mark = replace(known, created=created)
        if mark != self.kept:
            await asyncio.to_thread(_write, self.path, msgspec.json.encode(mark))
            self.kept = mark
        self._kept_at = now


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, and on the disk before it is relied on."""
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
