"""The free space of the disks that a host needs, and what is refused when it runs out.

    disks = DiskSpace(data, guard)
    disks.rooms()                # data directory, archive and the broker's store
    disks.refuse_if_scarce()     # raises Refused: only urgent posts are taken

A host without room records nothing. So the last of the room is kept for urgent posts.
"""

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

from dragoman import metrics
from dragoman.domain.record.errors import refuse
from dragoman.eventlog.durability_guard import DurabilityGuard
from dragoman.text import Text, sentence

Disk = Literal["data", "archive", "store"]

LITTLE: Final = 0.05
"""The free share of a disk below which the operator must make room at once."""

SCARCE: Final = 0.02
"""The free share of a disk below which only urgent posts are taken."""

_SECONDS: Final = 1.0
"""The greatest age of a measurement."""


class Room(NamedTuple):
    """The free bytes and the size of a disk, or of a store with a limit of its own."""

    disk: Disk
    free: int
    size: int

    @property
    def share(self) -> float:
        """The free part of the size, from 0 to 1."""
        return self.free / self.size if self.size else 1.0

    @property
    def said(self) -> Text:
        """The free part of the disk, in words."""
        return sentence(
            "only %(share)s (%(mib)s MiB) of %(disk)s is free",
            share=f"{100 * self.share:.1f} %",
            mib=self.free // 2**20,
            disk=_DISKS[self.disk],
        )


_DISKS: Final[dict[Disk, Text]] = {
    "data": sentence("the disk of the data directory"),
    "archive": sentence("the disk of the archive"),
    "store": sentence("the broker's store"),
}


class DiskSpace:
    """The disks of one process."""

    def __init__(self, data: Path | None = None, guard: DurabilityGuard | None = None) -> None:
        """Measure the disks of a data directory, and the store of a guarded broker."""
        self._data = data
        self._guard = guard
        self._measured_at = float("-inf")
        self._rooms: list[Room] = []

    def rooms(self) -> list[Room]:
        """Return the room of each disk, as it was at most a second ago.

        A disk that this process does not see is left out.
        """
        if (now := time.monotonic()) - self._measured_at >= _SECONDS:
            self._measured_at = now
            self._rooms = rooms_of(self._data, None if self._guard is None else self._guard.store)
        return self._rooms

    def measure(self) -> None:
        """Set the gauges of the disks."""
        for room in self.rooms():
            metrics.DISK_FREE.labels(room.disk).set(room.free)
            metrics.DISK_SIZE.labels(room.disk).set(room.size)

    def shortage(self) -> Text | None:
        """Return the disks with little room in words, and what follows from it."""
        return shortage_of(self.rooms())

    @property
    def is_scarce(self) -> bool:
        """Return whether only urgent posts are taken."""
        return any(room.share < SCARCE for room in self.rooms())

    def refuse_if_scarce(self) -> None:
        """Raise `Refused` if only urgent posts are taken."""
        scarce = [room.said for room in self.rooms() if room.share < SCARCE]
        if scarce:
            raise refuse(
                "unavailable",
                "Nothing was recorded: %(rooms)s. Until the operator makes room there, this host "
                "takes flashes, immediate messages, acknowledgements and what belongs to them. "
                "Send the same again later, with the same Idempotency-Key.",
                rooms=tuple(scarce),
            )


def rooms_of(data: Path | None, store: tuple[int, int] | None) -> list[Room]:
    """Return the room of the disks of a data directory, and of the broker's store."""
    folders: dict[Disk, Path] = {} if data is None else {"data": data, "archive": data / "archive"}
    rooms = []
    for disk, folder in folders.items():
        try:
            usage = shutil.disk_usage(folder)
        except OSError:  # There is no archive where no signer runs.
            continue
        rooms.append(Room(disk, usage.free, usage.total))
    if store is not None:
        rooms.append(Room("store", *store))
    return rooms


def shortage_of(rooms: Sequence[Room]) -> Text | None:
    """Return the disks with little room in words, and what follows from it."""
    short = [room for room in rooms if room.share < LITTLE]
    if not short:
        return None
    disks = tuple(room.said for room in short)
    if any(room.share < SCARCE for room in short):
        return sentence("%(rooms)s: only urgent posts are taken; make room", rooms=disks)
    return sentence(
        "%(rooms)s: make room, because below %(share)s only urgent posts are taken",
        rooms=disks,
        share=f"{100 * SCARCE:g} %",
    )
