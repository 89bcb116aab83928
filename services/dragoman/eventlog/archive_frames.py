"""The files `records`, `leaves` and `offsets` of an archive, read for its self-check.

    records     <length in four bytes><message>, <length><message>, …
    leaves      the leaf hash of each message, 32 bytes each
    offsets     the end of each message in `records`, eight bytes each

A frame is a length with its message. The length of an erased record has the bit
`ERASED`: the entry of the record follows, and then zeros up to the end of the frame.
"""

import os
import struct
import sys
from array import array
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from dragoman.eventlog.archive_format import (
    ERASED,
    HASH,
    LENGTH,
    OFFSET,
)
from dragoman.tlog import leaf
from dragoman.tlog.merkle import EMPTY, Frontier, Nodes, frontier_of, leaf_hash, root_of

_WINDOW: Final = 1 << 20
_CHUNK: Final = 1 << 24


class UnchangedRecords(Struct, frozen=True):
    """The number of first records that an earlier check has passed, and their tree.

    They are still the same bytes. The tree is None if there are none.
    """

    number: int = 0
    nodes: Nodes | None = None


class ArchiveFiles(Struct, frozen=True):
    """The three files of an archive, open for reading, as file descriptors.

    `pending` are the entries of an erasure that is still to be carried out, by
    position.
    """

    records: int
    leaves: int
    offsets: int
    pending: Mapping[int, bytes] = {}
    unchanged: UnchangedRecords = UnchangedRecords()


class ArchiveFrames:
    """The frames of an archive's records, found by the offsets or by their own lengths.

    `ends` are the ends of the records in `records`. The self-check adds the ends of
    records that `offsets` lacks. `leaves_kept` is the content of `leaves`, `size_bytes`
    the size of `records`, and `torn_bytes` the number of bytes behind the last whole
    offset.
    """

    def __init__(self, files: ArchiveFiles) -> None:
        """Read the tables of leaves and offsets."""
        self._files = files
        # The offsets are written last, so they are read first: a program may add meanwhile.
        raw = _whole(files.offsets)
        self.ends = array("Q", raw[: len(raw) // OFFSET * OFFSET])
        if sys.byteorder == "little":
            self.ends.byteswap()
        self.torn_bytes = len(raw) % OFFSET
        self.leaves_kept = _whole(files.leaves)
        self.size_bytes = os.fstat(files.records).st_size

    def begin(self, position: int) -> int:
        """Return the byte in `records` at which the record at a position begins."""
        return self.ends[position - 2] if position > 1 else 0

    def leaf(self, position: int) -> bytes:
        """Return the leaf at a position, as `leaves` has it; empty behind its end."""
        return self.leaves_kept[(position - 1) * HASH : position * HASH]

    def end_of(self, position: int, begin: int) -> int | None:
        """Return the end of the record that begins at a byte, by its own length.

        Return None if the record has another leaf, or if there is no record.
        """
        header = self.read(begin, begin + LENGTH)
        if len(header) < LENGTH:
            return None
        (length,) = struct.unpack(">I", header)
        end = begin + LENGTH + (length & ~ERASED)
        frame = self.frame(begin, end)
        leaf_here = self.leaf(position)
        return (
            end
            if frame is not None and leaf_here and leaf_here == leaf_of(position, *frame)
            else None
        )

    def is_after_erased(self, position: int) -> bool:
        """Return whether the record at a position is erased, or cannot be read."""
        frame = self.frame(self.begin(position), self.ends[position - 1])
        return position in self._files.pending or frame is None or frame[1]

    def start_after(self, position: int) -> int | None:
        """Return the byte at which the record behind an erased record begins.

        It begins behind the zeros of the erased record, where the bytes have the next
        leaf. Return None if there is no such byte.
        """
        begin = self.begin(position)
        header = self.read(begin, begin + LENGTH)
        if len(header) < LENGTH:
            return None
        at = begin + LENGTH + (struct.unpack(">I", header)[0] & ~ERASED)
        first = at
        while at < self.size_bytes and not (window := self.read(at, at + _WINDOW)).strip(b"\0"):
            at += len(window)
        if at >= self.size_bytes:
            return None
        at += len(window) - len(window.lstrip(b"\0"))
        return next(
            (
                start
                for start in range(at, max(first, at - LENGTH + 1) - 1, -1)
                if self.end_of(position + 1, start)
            ),
            None,
        )

    def frame(self, begin: int, end: int) -> tuple[bytes, bool] | None:
        """Return the message between two offsets, and whether its record is erased.

        Of an erased record, the message is its entry. Return None if its length says
        otherwise.
        """
        if not begin + LENGTH <= end <= self.size_bytes:
            return None
        (length,) = struct.unpack(">I", self.read(begin, begin + LENGTH))
        erased, length, room = bool(length & ERASED), length & ~ERASED, end - begin - LENGTH
        if length > room if erased else length != room:
            return None
        return self.read(begin + LENGTH, begin + LENGTH + length), erased

    def read(self, begin: int, end: int) -> bytes:
        """Return the bytes of `records` between two offsets, at most to its end."""
        return os.pread(self._files.records, max(0, min(end, self.size_bytes) - begin), begin)

    def derived(self, size: int) -> bytes | None:
        """Return the root of the first records, from their own bytes.

        Return None if not all of them can be read.
        """
        ends = self.walked(size)
        return (
            None
            if ends is None
            else _root((leaf_of(at, *self._framed(ends, at)) for at in range(1, size + 1)), size)
        )

    def leaves(self, size: int) -> Iterator[bytes]:
        """Return the leaves of the first records, from their own bytes.

        `walked` must have found these records.
        """
        ends = self.walked(size)
        assert ends is not None
        return (leaf_of(at, *self._framed(ends, at)) for at in range(1, size + 1))

    def walked(self, size: int) -> "array[int] | None":
        """Return the ends of the first records.

        An end comes from the offsets if a record fits, and otherwise from the record's
        own length. Return None if the ends cannot be determined.
        """
        ends, begin = array("Q"), 0
        for position in range(1, size + 1):
            end = self.ends[position - 1] if position <= len(self.ends) else 0
            if self.frame(begin, end) is None:
                number = self.end_of(position, begin)
                if number is None:
                    return None
                end = number
            ends.append(end)
            begin = end
        return ends

    def _framed(self, ends: "array[int]", position: int) -> tuple[bytes, bool]:
        frame = self.frame(ends[position - 2] if position > 1 else 0, ends[position - 1])
        assert frame is not None
        return frame

    def roots(self, sizes: set[int]) -> dict[int, bytes]:
        """Return the roots at some sizes, by the leaves.

        A size beyond the number of leaves has no root in the result.
        """
        unchanged = self._files.unchanged
        frontier, result = Frontier(), {0: EMPTY}
        if unchanged.nodes is not None:
            frontier = frontier_of(unchanged.nodes, unchanged.number)
            for size in sizes:
                if size <= unchanged.number:
                    result[size] = root_of(unchanged.nodes, size)
        for position in range(
            frontier.size + 1, min(max(sizes, default=0), len(self.leaves_kept) // HASH) + 1
        ):
            frontier = frontier.add(self.leaf(position))
            if position in sizes:
                result[position] = frontier.root()
        return result


def _whole(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    return b"".join(
        os.pread(descriptor, min(_CHUNK, size - at), at) for at in range(0, size, _CHUNK)
    )


def leaf_of(position: int, raw: bytes, erased: bool) -> bytes:
    """Return the leaf of a message or an entry, as `ArchiveFrames.frame` returns it."""
    return leaf_hash(raw) if erased else leaf_hash(leaf.entry(position - 1, leaf.commit(raw)))


def _root(leaves: Iterator[bytes], size: int) -> bytes:
    frontier = Frontier()
    for data in leaves:
        frontier = frontier.add(data)
    return frontier.root() if frontier.size == size else b""
