"""A channel's log on a disk outside the broker.

The signer signs from an archive, and a side keeps one for itself. The files in its
folder:

    records    every message, each after its length in four bytes
    leaves     the leaf hash of each message, 32 bytes; for an erased record, the hash
               of the entry that stands in its place
    offsets    the end of each message in `records`, eight bytes; written last, so that
               a crash leaves no half record; only these messages count
    staged     the newest checkpoint that was signed over these leaves, as a signed
               note, before anybody received it
    sealed     the newest checkpoint that was sealed; whoever shows an older one has
               lost something
    witnessed  the newest checkpoint that was sealed with a witness's cosignature
    covering   a signed checkpoint of more records than are here, under which a mirror
               takes them
    erasing    the records to erase, until they are erased

Every addition is on the disk before it is acknowledged. One program uses an archive at
a time; a lock ensures this. Nothing of the archive is relied on before all of it was
checked (`self_check`).
"""

import fcntl
import os
import struct
import threading
from collections.abc import Container, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.eventlog import durable
from dragoman.eventlog.archive_damage import ArchiveDamaged, Damage
from dragoman.eventlog.archive_format import ERASED, HASH, LENGTH, OFFSET
from dragoman.eventlog.archive_frames import ArchiveFiles, UnchangedRecords
from dragoman.eventlog.cosign_times import TIMES
from dragoman.eventlog.self_check import SelfCheck
from dragoman.tlog import leaf, merkle
from dragoman.tlog.dsse import encode_base64
from dragoman.tlog.merkle import Nodes, leaf_hash, node_hash

_KEPT_LEVEL: Final = 8
"""From this level on, the roots of complete subtrees stay in memory.

They take 32 bytes for every 128 records.
"""


class FileSum(Struct, frozen=True, kw_only=True):
    """The digests of the first bytes of a file, in blocks."""

    length: int
    digests: tuple[str, ...]

    @property
    def whole(self) -> tuple[str, ...]:
        """The digests of the blocks that the length fills."""
        return self.digests[: self.length // durable.BLOCK]


class ArchiveSums(Struct, frozen=True, kw_only=True):
    """The digests of an archive's first records, as its three files have them."""

    records: int
    files: dict[str, FileSum]


class EarlierCheck(Struct, frozen=True, kw_only=True):
    """An earlier check of an archive's first records: their digests and their tree."""

    sums: ArchiveSums
    nodes: Nodes


class ArchiveBusy(Exception):
    """Another program uses the archive."""


class Archive:
    """One channel's records, contiguous from position 1, and the tree over them.

    An archive owns its folder's files and their lock.
    """

    def __init__(
        self, folder: Path, *, checked: bool = True, earlier: EarlierCheck | None = None
    ) -> None:
        """Open the archive, or begin one. Raises `ArchiveBusy`, `ArchiveDamaged`.

        The folder is `checked` as a whole first, unless this program did so before.
        That takes seconds for a long log, so call this in a thread. Records that
        are as in an `earlier` check are not checked one by one. `unchanged` is their
        number.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._lock = (folder / "lock").open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise ArchiveBusy(
                f"{folder} is used by another program; stop it, or name another folder"
            ) from None
        self._opening = threading.Lock()
        self._files: tuple[int, int, int] | None = None
        self._levels: list[list[bytes]] = []
        self._summed = False
        self.frontier = merkle.Frontier()
        self.unchanged = 0
        self._earlier: Nodes | None = None
        self.notices: tuple[str, ...] = ()
        """Texts on what the opening cut off or completed: traces of a crash, or damage
        like it.
        """
        with ExitStack() as unopened:
            unopened.callback(self.close)
            if earlier is not None and self._are_as(earlier.sums):
                self.unchanged, self._earlier = earlier.sums.records, earlier.nodes
            self._begin(checked=checked)
            unopened.pop_all()

    @property
    def folder(self) -> Path:
        """The folder of the archive."""
        return self._folder

    @property
    def size(self) -> int:
        """The number of messages in the archive."""
        return self.frontier.size

    def close(self) -> None:
        """Close the files and release the lock."""
        self.rest()
        self._lock.close()

    def rest(self) -> None:
        """Close the files until they are used again; the lock stays.

        Call this only while nothing uses the archive, in any thread. A process may have
        more archives than descriptors.
        """
        with self._opening:
            files, self._files = self._files, None
        for descriptor in files or ():
            os.close(descriptor)

    @property
    def _descriptors(self) -> tuple[int, int, int]:
        with self._opening:
            if self._files is None:
                with ExitStack() as opened:
                    paths = [self._folder / name for name in ("records", "leaves", "offsets")]
                    records, leaves, offsets = (_opened(path, opened) for path in paths)
                    opened.pop_all()
                self._files = records, leaves, offsets
            return self._files

    @property
    def _records(self) -> int:
        return self._descriptors[0]

    @property
    def _leaves(self) -> int:
        return self._descriptors[1]

    @property
    def _offsets(self) -> int:
        return self._descriptors[2]

    def _begin(self, *, checked: bool) -> None:
        """Check the folder, and complete what a crash interrupted."""
        if checked:
            self._settle(self._checked(UnchangedRecords(self.unchanged, self._earlier)))
        size = os.fstat(self._offsets).st_size // OFFSET
        for index in range(size >> _KEPT_LEVEL):
            self._grow(index)
        self.frontier = merkle.frontier_of(self.nodes, size)

    def self_check(self) -> SelfCheck:
        """Check the whole folder as it is on the disk now. Raises `ArchiveDamaged`."""
        return self._checked(UnchangedRecords())

    def _checked(self, unchanged: UnchangedRecords) -> SelfCheck:
        files = ArchiveFiles(self._records, self._leaves, self._offsets, self._pending(), unchanged)
        check = SelfCheck(self._folder, files)
        check.run()
        return check

    def _are_as(self, sums: ArchiveSums) -> bool:
        """Return whether the first records are still those of some digests."""
        return not (self._folder / "erasing").exists() and all(
            (self._folder / name).exists()
            and durable.block_digests(self._folder / name, end=sum.length) == sum.digests
            for name, sum in sums.files.items()
        )

    def sums(self, before: ArchiveSums | None = None) -> ArchiveSums:
        """Return the digests of all records as they are now on the disk.

        Whole blocks that were compared with `before` are not read again.
        """
        files: dict[str, FileSum] = {}
        lengths = {
            "records": self._end(self.size),
            "leaves": self.size * HASH,
            "offsets": self.size * OFFSET,
        }
        for name, length in lengths.items():
            digests = () if before is None else before.files[name].whole
            files[name] = FileSum(
                length=length,
                digests=(
                    *digests,
                    *durable.block_digests(
                        self._folder / name, len(digests) * durable.BLOCK, length
                    ),
                ),
            )
        return ArchiveSums(records=self.size, files=files)

    def _settle(self, check: SelfCheck) -> None:
        """Carry out what a crash interrupted.

        This may be an erasure, offsets that were not written, or an addition that was
        not acknowledged.
        """
        self.notices, ends = tuple(check.notices), check.frames.ends
        written = os.fstat(self._offsets).st_size // OFFSET
        os.truncate(self._offsets, written * OFFSET)
        if len(ends) > written:
            _write(self._offsets, b"".join(struct.pack(">Q", end) for end in ends[written:]))
        os.truncate(self._records, ends[-1] if ends else 0)
        os.truncate(self._leaves, len(ends) * HASH)
        if (times := self._folder / TIMES).exists():
            os.truncate(times, check.kept_heads.times_end)
        self._carry_out()

    # Adding

    def add(self, messages: Sequence[bytes], entries: Container[int] = ()) -> None:
        """Add the next messages, on the disk when this returns. Raises `OSError`.

        Then nothing was added.

        At each position in `entries`, the message is the entry of an erased record.
        """
        end = self._end(self.size)
        records, leaves, offsets = bytearray(), bytearray(), bytearray()
        for position, raw in enumerate(messages, self.size + 1):
            erased = position in entries
            records += struct.pack(">I", len(raw) | (ERASED if erased else 0)) + raw
            leaves += leaf_hash(raw) if erased else _leaf(position, raw)
            offsets += struct.pack(">Q", end + len(records))
        files = (
            (self._records, end, records),
            (self._leaves, self.size * HASH, leaves),
            (self._offsets, self.size * OFFSET, offsets),
        )
        try:
            for descriptor, _, written in files:
                _write(descriptor, written)
        except OSError:  # a full disk takes a part, and what is added later would follow it
            for descriptor, length, _ in files:
                os.ftruncate(descriptor, length)
            raise
        frontier = self.frontier
        for at in range(0, len(leaves), HASH):
            frontier = frontier.add(bytes(leaves[at : at + HASH]))
        for index in range(self.size >> _KEPT_LEVEL, frontier.size >> _KEPT_LEVEL):
            self._grow(index)
        # Set it at once and last, so that a concurrent signer signs only what is on the disk.
        self.frontier = frontier

    def erase(self, entries: Mapping[int, bytes]) -> None:
        """Overwrite records with the entries that stand for them.

        The entries are on the disk when this returns. If a crash interrupts this, the
        next start completes it. Raises `ArchiveDamaged` if an entry is not that of the
        record.
        """
        for position, entry in entries.items():
            if leaf_hash(entry) != self._leaf(position - 1):
                raise self._damaged(position, "what is to be there is not the entry of the record")
        durable.write(self._folder / "erasing", msgspec.msgpack.encode(entries))
        self._carry_out()

    def _pending(self) -> dict[int, bytes]:
        """Return the entries to erase by position, until they are erased.

        Raises `ArchiveDamaged` if an entry is not that of the record.
        """
        path = self._folder / "erasing"
        if not path.exists():
            return {}
        try:
            entries = msgspec.msgpack.decode(path.read_bytes(), type=dict[int, bytes])
        except (msgspec.DecodeError, UnicodeDecodeError):
            entries = {0: b""}
        if any(
            position < 1 or leaf_hash(entry) != self._leaf(position - 1)
            for position, entry in entries.items()
        ):
            what = "an erasure that was interrupted is not one of these records"
            do = "Put it back from a backup, or remove it and carry the erasure out again"
            raise ArchiveDamaged(self._folder, Damage(file="erasing", byte=0, what=what, do=do))
        return entries

    def _carry_out(self) -> None:
        path = self._folder / "erasing"
        if not path.exists():
            return
        with (self._folder / "records").open("r+b") as file:
            for position, entry in self._pending().items():
                begin, end = self._end(position - 1), self._end(position)
                file.seek(begin)
                file.write(
                    (struct.pack(">I", len(entry) | ERASED) + entry).ljust(end - begin, b"\0")
                )
            file.flush()
            os.fsync(file.fileno())
        path.unlink()

    def keep_sums(self) -> None:
        """Write digests of signed heads beside them from now on.

        They also reveal damage in a cosignature.
        """
        self._summed = True

    def keep_staged(self, signed: bytes) -> None:
        """Keep a signed checkpoint before anybody receives it.

        It is on the disk when this returns.
        """
        self._keep("staged", signed)

    def keep_sealed(self, signed: bytes) -> None:
        """Keep a signed checkpoint that was sealed, on the disk when this returns."""
        self._keep("sealed", signed)

    def keep_witnessed(self, signed: bytes) -> None:
        """Keep a cosigned checkpoint that was sealed, on the disk when this returns."""
        self._keep("witnessed", signed)

    def keep_covering(self, signed: bytes) -> None:
        """Keep a signed checkpoint that covers these records and those to come.

        It is on the disk when this returns.
        """
        self._keep("covering", signed)

    def _keep(self, name: str, signed: bytes) -> None:
        durable.write(self._folder / name, signed, summed=self._summed)

    # Reading

    @property
    def staged(self) -> bytes | None:
        """The newest checkpoint that was signed, if there ever was one."""
        return self._kept("staged")

    @property
    def sealed(self) -> bytes | None:
        """The newest checkpoint that was sealed, if there ever was one."""
        return self._kept("sealed")

    @property
    def witnessed(self) -> bytes | None:
        """The newest checkpoint that was sealed with a cosignature, if there is one."""
        return self._kept("witnessed")

    @property
    def covering(self) -> bytes | None:
        """The newest checkpoint under which records were taken, if there is one.

        While its records come, it is of more records than are here.
        """
        return self._kept("covering")

    def _kept(self, name: str) -> bytes | None:
        path = self._folder / name
        return path.read_bytes() if path.exists() else None

    def raw(self, position: int) -> bytes:
        """Return the message at a position."""
        return self._framed(position)[0]

    def messages(self, first: int = 1) -> Generator[bytes]:
        """Return an iterator over all messages from a position on, in order."""
        return (self.raw(position) for position in range(first, self.size + 1))

    def is_erased(self, position: int) -> bool:
        """Return whether the message at a position is the entry of an erased record."""
        return self._framed(position)[1]

    def _framed(self, position: int) -> tuple[bytes, bool]:
        """Return the message at a position, and whether its record is erased.

        Of an erased record, the message is its entry.
        """
        begin, end = (
            self._end(position - 1),
            min(self._end(position), os.fstat(self._records).st_size),
        )
        framed = os.pread(self._records, end - begin, begin) if begin < end else b""
        length = struct.unpack(">I", framed[:LENGTH])[0] if len(framed) >= LENGTH else 0
        erased, length = bool(length & ERASED), length & ~ERASED
        room = len(framed) - LENGTH
        if (
            begin >= end
            or len(framed) != end - begin
            or (length > room if erased else length != room)
        ):
            raise self._damaged(position, "the record is cut off")
        return framed[LENGTH : LENGTH + length], erased

    def _damaged(self, position: int, what: str) -> ArchiveDamaged:
        return ArchiveDamaged(
            self._folder,
            Damage(file="records", byte=self._end(position - 1), position=position, what=what),
        )

    def check(self) -> Iterator[int]:
        """Check every record against its leaf, and yield each position.

        Raises `ArchiveDamaged` at the first record that differs.
        """
        for position in range(1, self.size + 1):
            if self._leaf_of(position) != self._leaf(position - 1):
                raise self._damaged(position, "the record is not the one that was kept")
            yield position

    def nodes(self, level: int, index: int) -> bytes:
        """Return the root of a complete subtree."""
        if level >= _KEPT_LEVEL:
            return self._levels[level - _KEPT_LEVEL][index]
        return self._subtree(level, index)

    def root(self, size: int) -> bytes:
        """Return the root of the tree at a size."""
        frontier = self.frontier
        return frontier.root() if size == frontier.size else merkle.root_of(self.nodes, size)

    def _subtree(self, level: int, index: int) -> bytes:
        """Return the root of a complete subtree, computed from its leaves."""
        count = 1 << level
        raw = os.pread(self._leaves, count * HASH, index * count * HASH)
        return merkle.subtree_root([raw[at : at + HASH] for at in range(0, len(raw), HASH)])

    def _grow(self, index: int) -> None:
        """Keep the root of a complete subtree at an index of the lowest kept level.

        Keep also the roots of the larger subtrees that it completes.
        """
        level = 0
        if self._earlier is not None and (index + 1) << _KEPT_LEVEL <= self.unchanged:
            subtree = self._earlier(_KEPT_LEVEL, index)
        else:
            subtree = self._subtree(_KEPT_LEVEL, index)
        while True:
            if level == len(self._levels):
                self._levels.append([])
            self._levels[level].append(subtree)
            if len(self._levels[level]) % 2:
                return
            subtree = node_hash(*self._levels[level][-2:])
            level += 1

    def _end(self, position: int) -> int:
        if not position:
            return 0
        raw = os.pread(self._offsets, OFFSET, (position - 1) * OFFSET)
        return int.from_bytes(raw, "big") if len(raw) == OFFSET else 0

    def _leaf(self, index: int) -> bytes:
        return os.pread(self._leaves, HASH, index * HASH)

    def _leaf_of(self, position: int) -> bytes:
        raw, erased = self._framed(position)
        return leaf_hash(raw) if erased else _leaf(position, raw)


def records_in(folder: Path) -> int:
    """Return the number of records in a folder; 0 if it has none yet."""
    offsets = folder / "offsets"
    return offsets.stat().st_size // OFFSET if offsets.exists() else 0


def root_in(folder: Path, size: int) -> tuple[int, str]:
    """Return the number of records in a folder, and the root of the first `size`.

    The root is in base64. A service may be adding records meanwhile. With fewer
    records the root is that of all of them.
    """
    number = records_in(folder)
    with (folder / "leaves").open("rb") as leaves:
        frontier = merkle.Frontier()
        for _ in range(min(size, number)):
            frontier = frontier.add(leaves.read(HASH))
    return number, encode_base64(frontier.root())


def _leaf(position: int, raw: bytes) -> bytes:
    return leaf_hash(leaf.entry(position - 1, leaf.commit(raw)))


def _opened(path: Path, opened: ExitStack) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    opened.callback(os.close, descriptor)
    return descriptor


def _write(descriptor: int, data: bytes | bytearray) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    os.fsync(descriptor)


__all__ = ["Archive", "ArchiveBusy", "ArchiveDamaged"]
