"""The self-check of an archive's folder: the first place at which it is not what was written, before anybody relies on it.

    records     against `leaves`: every record's leaf is computed again; the lengths in `records` must be those in `offsets`
    leaves      where one differs from its record, the root of a kept signed head says which of the two was changed
    offsets     against the lengths in `records`; where they end early, the records and their leaves say how many more there are
    staged, sealed, witnessed, covering, cosigned
                signed by the log's key, and of the records here
    times       each line against its own digest, which covers all lines before it (`cosign_times`)
    pinned.json the first record's channel and log key
    *.sum       the digests of files that are replaced as a whole (`durable`)

A reader of the folder that skipped this could take its own damage for a lie of the
host.
"""

import os
import struct
import sys
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NoReturn

import msgspec
from msgspec import Struct

from dragoman.domain.acts.families.channel import cid_of
from dragoman.domain.record.codec import NotARecord, parse
from dragoman.eventlog import cosign_times, durable
from dragoman.tlog import checkpoint, dsse, leaf, note
from dragoman.tlog.checkpoint import Checkpoint
from dragoman.tlog.merkle import EMPTY, Frontier, leaf_hash
from dragoman.tlog.note import ED25519, NotANote, Verifier, read_verifier
from dragoman_schemas.acts.office.channel import ChannelOpening

HASH: Final = 32
OFFSET: Final = 8
LENGTH: Final = 4
ERASED: Final = 1 << 31
"""In a length: what follows is an entry, and stands for a record."""

PINNED: Final = "pinned.json"
COVERING: Final = "covering"
COSIGNED: Final = "cosigned"
FORMAT: Final = 2
"""A mirror of this format keeps digests beside its small files, and a signed head over
all of its records.
"""

AHEAD: Final = "erasures-ahead.json"
CONTRADICTIONS: Final = "contradiction-*.note"
SUMMED: Final = (PINNED, "sealed", COVERING, COSIGNED, AHEAD)
"""The files of a mirror and a witness that have digests beside them, as its
contradictions have.
"""

_WINDOW: Final = 1 << 20
_CHUNK: Final = 1 << 24
_HEADS: Final = ("staged", "sealed", "witnessed", COVERING, COSIGNED)

_REPAIR: Final = (
    "`dragoman audit repair {folder}` writes it anew from the records; or put it back from a backup"
)
_RESTORE: Final = "Put the folder back from a backup, or begin another copy in another folder, and keep this one as it is"
DO_ASIDE: Final = (
    "Put it back from a backup; without one, `dragoman audit repair {folder}` sets it aside"
)
_COSIGNED: Final = (
    "Put it back from a backup; without one, begin a witness with another key in another folder"
)
DO_PIN: Final = "Put it back from a backup, or call `dragoman audit repair {folder} --cid CID --log KEY` with your own side's notes"
_OPERATOR: Final = (
    "Put it back from a backup, or rebuild the log from a side's mirror (docs/operating.md)"
)


class Pinned(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mirror's channel and log key, from its side's notes, and the format of its folder."""

    cid: str
    log: str
    format: int = 1


class Damage(Struct, frozen=True, kw_only=True):
    """A place at which a folder is not what was written: a file, a byte in it, and the position of the record there, if there is one."""

    file: str
    byte: int
    position: int = 0
    what: str
    do: str = _RESTORE


class ArchiveDamaged(Exception):
    """An archive's folder is not what was written; the message says where, and what to do."""

    def __init__(self, folder: Path, damage: Damage) -> None:
        """Describe the damage in a folder."""
        self.folder = folder
        self.damage = damage
        where = f" (position {damage.position})" if damage.position else ""
        super().__init__(
            f"this copy is damaged: {folder / damage.file}, byte {damage.byte}{where}: {damage.what}. {damage.do.format(folder=folder)}"
        )


class ArchiveFiles(Struct, frozen=True):
    """The three files of an archive, open for reading, and the entries of an erasure that is still to be carried out."""

    records: int
    leaves: int
    offsets: int
    pending: Mapping[int, bytes] = {}


class SelfCheck:
    """One self-check of a folder."""

    def __init__(self, folder: Path, files: ArchiveFiles) -> None:
        """Read the tables of leaves and offsets; raises `ArchiveDamaged` for what cannot be read at all."""
        self._folder = folder
        self._files = files
        raw = _whole(
            files.offsets
        )  # written last, so that it is read first: others may add meanwhile
        self.ends = array("Q", raw[: len(raw) // OFFSET * OFFSET])
        """Where each record ends in `records`, those included of which `offsets` does
        not say so.
        """
        if sys.byteorder == "little":
            self.ends.byteswap()
        self._torn = len(raw) % OFFSET
        self.leaves_kept = _whole(files.leaves)
        self._size = os.fstat(files.records).st_size
        self.notices: list[str] = []
        """What a crash left, or damage like it."""
        self.times_end = 0
        """Where the last whole line ends in `times`."""

    def run(self) -> None:
        """Check all of it. Raises `ArchiveDamaged` at the first damage."""
        self._check_sums()
        for position in range(1, len(self.ends) + 1):
            self._check_record(position)
        self._take_up()
        self._check_heads()
        self._check_times()

    # Records, leaves, offsets

    def _check_record(self, position: int) -> None:
        begin, end = self._begin(position), self.ends[position - 1]
        if position in self._files.pending:
            if not begin + LENGTH + len(self._files.pending[position]) <= end <= self._size:
                self._raise(
                    "offsets",
                    (position - 1) * OFFSET,
                    position,
                    "it does not lead to the end of a record",
                    _REPAIR,
                )
            return
        frame = self._frame(begin, end)
        if frame is None or self._leaf(position) != _leaf_of(position, *frame):
            self._diagnose(position, begin, end)
        elif frame[1] and any(padding := self._read(begin + LENGTH + len(frame[0]), end)):
            at = next(index for index, byte in enumerate(padding) if byte)
            self._diagnose_padding(position, begin + LENGTH + len(frame[0]) + at)

    def _diagnose(self, position: int, begin: int, end: int) -> NoReturn:
        """Say which of the three files is damaged at a position whose record does not fit them. Always raises."""
        number = self._end_of(position, begin)
        if number is not None and number != end:
            self._raise(
                "offsets",
                (position - 1) * OFFSET,
                position,
                "it does not lead to the end of the record",
                _REPAIR,
            )
        if (
            position > 1
            and self._is_after_erased(position - 1)
            and self._start_after(position - 1) not in (None, begin)
        ):
            self._raise(
                "offsets",
                (position - 2) * OFFSET,
                position - 1,
                "it does not lead to the end of the record",
                _REPAIR,
            )
        framed = self._frame(begin, end)
        if position > len(self.leaves_kept) // HASH:
            if framed is None:
                self._raise(
                    "offsets",
                    (position - 1) * OFFSET,
                    position,
                    "it speaks of a record that is not there",
                    _REPAIR,
                )
            self._raise(
                "leaves",
                len(self.leaves_kept),
                position,
                "it ends before the leaf of this record",
                _REPAIR,
            )
        if framed is None:
            raw = self._read(begin + LENGTH, min(end, self._size)) if begin < end else b""
            if self._leaf(position) in (_leaf_of(position, raw, erased=False), leaf_hash(raw)):
                self._raise(
                    "records", begin, position, "the length of the record is not what was written"
                )
            if end > self._size:
                self._raise(
                    "records", self._size, position, "it ends before the end of this record"
                )
            self._raise("records", begin, position, "the record is not what was written")
        self._raise_by_head(position, begin)

    def _diagnose_padding(self, position: int, byte: int) -> NoReturn:
        """Behind the entry of an erased record stands what is not zero. Always raises."""
        if position < len(self.ends) and self._start_after(position) not in (
            None,
            self.ends[position - 1],
        ):
            self._raise(
                "offsets",
                (position - 1) * OFFSET,
                position,
                "it does not lead to the end of the record",
                _REPAIR,
            )
        self._raise(
            "records",
            byte,
            position,
            "behind the entry of an erased record stands what was not written",
        )

    def _raise_by_head(self, position: int, begin: int) -> NoReturn:
        """A record and its leaf differ: a kept signed head over both says which of them was changed. Always raises."""
        head = self.proven()
        if head is not None and head.size >= position:
            if self._roots({head.size})[head.size] == head.root:
                what = "the record is not the one that was kept: its leaf, under the signed head, is of other bytes"
                self._raise("records", begin, position, what)
            if self.derived(head.size) == head.root:
                what = "the leaf is not that of the record, which the signed head is of"
                self._raise("leaves", (position - 1) * HASH, position, what, _REPAIR)
        what = f"it is not of the leaf at byte {(position - 1) * HASH} of leaves: one of the two files is damaged, and no kept head says which"
        self._raise("records", begin, position, what)

    def derived(self, size: int) -> bytes | None:
        """Return the root of the first records, from their own bytes; None where they cannot all be read."""
        ends = self.walked(size)
        return (
            None
            if ends is None
            else _root((_leaf_of(at, *self._framed(ends, at)) for at in range(1, size + 1)), size)
        )

    def leaves(self, size: int) -> Iterator[bytes]:
        """Return the leaves of the first records, from their own bytes, which must have been `walked`."""
        ends = self.walked(size)
        assert ends is not None
        return (_leaf_of(at, *self._framed(ends, at)) for at in range(1, size + 1))

    def walked(self, size: int) -> "array[int] | None":
        """Return the ends of the first records: by the offsets where a record fits, else by its own length; None where they cannot be told."""
        ends, begin = array("Q"), 0
        for position in range(1, size + 1):
            end = self.ends[position - 1] if position <= len(self.ends) else 0
            if self._frame(begin, end) is None:
                number = self._end_of(position, begin)
                if number is None:
                    return None
                end = number
            ends.append(end)
            begin = end
        return ends

    def _framed(self, ends: "array[int]", position: int) -> tuple[bytes, bool]:
        frame = self._frame(ends[position - 2] if position > 1 else 0, ends[position - 1])
        assert frame is not None
        return frame

    def _take_up(self) -> None:
        """Take up records whose offsets are wanting, and see that nothing else stands behind the last one."""
        number = len(self.ends)
        while (position := len(self.ends) + 1) <= len(self.leaves_kept) // HASH:
            begin = self._begin(position)
            if (
                position > 1
                and self._is_after_erased(position - 1)
                and (start := self._start_after(position - 1)) is not None
            ):
                begin = self._moved(position - 1, start, number)
            end = self._end_of(position, begin)
            if end is None:
                self._untaken(position, begin)
                return
            self.ends.append(end)
        if len(self.ends) > number:
            self.notices.append(
                f"offsets ended at byte {number * OFFSET}, before its last {len(self.ends) - number} records: it was completed from the records, "
                "which are those of their leaves"
            )
            self._torn = 0
        ends = self._begin(len(self.ends) + 1)
        for name, length, end in (
            ("records", self._size - ends, ends),
            ("leaves", len(self.leaves_kept) % HASH, len(self.leaves_kept) // HASH * HASH),
            ("offsets", self._torn, len(self.ends) * OFFSET),
        ):
            if length:
                self._note_cut(name, length, end, "record")

    def _note_cut(self, name: str, length: int, end: int, last: str) -> None:
        self.notices.append(
            f"{name} had {length} bytes behind its last {last}, from byte {end}, as a crash leaves: they were cut off"
        )

    def _moved(self, position: int, end: int, number: int) -> int:
        """Return the end of an erased record, behind its zeros, which only the next record tells."""
        if position <= number and self.ends[position - 1] != end:
            self._raise(
                "offsets",
                (position - 1) * OFFSET,
                position,
                "it does not lead to the end of the record",
                _REPAIR,
            )
        self.ends[position - 1] = end
        return end

    def _untaken(self, position: int, begin: int) -> NoReturn:
        """There is a leaf, and no record of it where it would stand. Always raises."""
        if begin < self._size:
            self._raise("records", begin, position, "the record is not that of its leaf")
        if not self._size:
            self._raise("records", 0, position, "it is empty or missing")
        head = self.proven()
        if (
            head is not None
            and head.size >= position
            and self._roots({head.size})[head.size] == head.root
        ):
            self._raise("records", self._size, position, "it ends before the end of this record")
        self._raise(
            "leaves", (position - 1) * HASH, position, "it goes on behind the last record", _REPAIR
        )

    def _begin(self, position: int) -> int:
        return self.ends[position - 2] if position > 1 else 0

    def _leaf(self, position: int) -> bytes:
        return self.leaves_kept[(position - 1) * HASH : position * HASH]

    def _end_of(self, position: int, begin: int) -> int | None:
        """Return where the record that begins there ends by its own length; None where it has another leaf, or there is none."""
        header = self._read(begin, begin + LENGTH)
        if len(header) < LENGTH:
            return None
        (length,) = struct.unpack(">I", header)
        end = begin + LENGTH + (length & ~ERASED)
        frame = self._frame(begin, end)
        leaf_here = self._leaf(position)
        return (
            end
            if frame is not None and leaf_here and leaf_here == _leaf_of(position, *frame)
            else None
        )

    def _is_after_erased(self, position: int) -> bool:
        frame = self._frame(self._begin(position), self.ends[position - 1])
        return position in self._files.pending or frame is None or frame[1]

    def _start_after(self, position: int) -> int | None:
        """Return where the record behind an erased one begins: behind its zeros, and where the next leaf is that of what stands there."""
        begin = self._begin(position)
        header = self._read(begin, begin + LENGTH)
        if len(header) < LENGTH:
            return None
        at = begin + LENGTH + (struct.unpack(">I", header)[0] & ~ERASED)
        first = at
        while at < self._size and not (window := self._read(at, at + _WINDOW)).strip(b"\0"):
            at += len(window)
        if at >= self._size:
            return None
        at += len(window) - len(window.lstrip(b"\0"))
        return next(
            (
                start
                for start in range(at, max(first, at - LENGTH + 1) - 1, -1)
                if self._end_of(position + 1, start)
            ),
            None,
        )

    def _frame(self, begin: int, end: int) -> tuple[bytes, bool] | None:
        """Return the message between two offsets, and whether it is what is left of one; None where its length says otherwise."""
        if not begin + LENGTH <= end <= self._size:
            return None
        (length,) = struct.unpack(">I", self._read(begin, begin + LENGTH))
        erased, length, room = bool(length & ERASED), length & ~ERASED, end - begin - LENGTH
        if length > room if erased else length != room:
            return None
        return self._read(begin + LENGTH, begin + LENGTH + length), erased

    def _read(self, begin: int, end: int) -> bytes:
        return os.pread(self._files.records, max(0, min(end, self._size) - begin), begin)

    # Signed heads, pins, times

    def key(self) -> Verifier | None:
        """Return the log's key: by the pins, else by the first record; None where neither can be read."""
        opening = self.opening
        if opening is not None:
            return Verifier(
                opening[1].origin,
                ED25519,
                dsse.decode_base64(opening[1].log_key, HASH) or bytes(HASH),
            )
        pins = self.pins()
        try:
            return None if pins is None else read_verifier(pins.log)
        except NotANote:
            return None

    @property
    def opening(self) -> tuple[str, ChannelOpening] | None:
        """The cid and the opening in the first record, where it is one, and the one that was kept."""
        end = self._end_of(1, 0)
        frame = None if end is None else self._frame(0, end)
        if frame is None:
            return None
        try:
            record = parse(frame[0])
        except NotARecord:
            return None
        return (
            (cid_of(record.act), record.data) if isinstance(record.data, ChannelOpening) else None
        )

    def pins(self) -> Pinned | None:
        """Return the pins of a mirror; None where there are none that can be read."""
        path = self._folder / PINNED
        try:
            return msgspec.json.decode(path.read_bytes(), type=Pinned) if path.exists() else None
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    def proven(self) -> Checkpoint | None:
        """Return the longest kept head that the log's key has signed, of no more records than there are leaves."""
        return max(
            (head for head in self.heads() if head.size <= len(self.leaves_kept) // HASH),
            key=lambda head: head.size,
            default=None,
        )

    def heads(self) -> list[Checkpoint]:
        """Return the kept heads that the log's key has signed, of records that were all here."""
        key = self.key()
        return [
            head
            for name in _HEADS
            if name != COVERING and isinstance(head := self._head(name, key), Checkpoint)
        ]

    def _head(self, name: str, key: Verifier | None) -> Checkpoint | str | None:
        """Return a kept head; in words why it is none; None where there is none."""
        path = self._folder / name
        if not path.exists():
            return None
        try:
            raw = path.read_bytes()
            return (
                checkpoint.read(note.read(raw).text)
                if key is None
                else checkpoint.opened(raw, key)[0]
            )
        except NotANote as error:
            return str(error)

    def _check_heads(self) -> None:
        size, key = len(self.ends), self.key()
        self._check_pins(size)
        heads = {name: self._head(name, key) for name in _HEADS}
        roots = self._roots({head.size for head in heads.values() if isinstance(head, Checkpoint)})
        for name, head in heads.items():
            if head is None:
                continue
            if isinstance(head, str):
                self._raise(
                    name,
                    0,
                    0,
                    f"it is not a signed head of this log: {head}",
                    self._head_advice(name),
                )
            if name == COVERING and head.size > size:
                continue  # its records are still to come
            if head.size > size:
                what = f"{name} is a signed head of {head.size} records that were here, and {size} are left"
                self._raise("records", self._size, size + 1, what)
            if roots[head.size] != head.root:
                what = f"its {head.size} records are not those of the records here: one of the two is not what was kept"
                self._raise(name, 0, head.size, what, self._head_advice(name))
        pins = self.pins()
        if (
            pins is not None
            and pins.format >= FORMAT
            and size
            and not any((self._folder / name).exists() for name in ("sealed", COVERING))
        ):
            self._raise(
                "sealed",
                0,
                0,
                "it is missing, and there are records that came under a signed head",
                self._head_advice("sealed"),
            )
        if (self._folder / "sealed").exists() and not any(
            (self._folder / name).exists() for name in ("staged", PINNED)
        ):
            if durable.sum_of(self._folder / "sealed").exists():
                self._raise(
                    PINNED,
                    0,
                    0,
                    "it is missing: it says of which channel the records here are a mirror",
                    DO_PIN,
                )
            self._raise(
                "staged", 0, 0, "it is missing; if this is a mirror, `pinned.json` is", _OPERATOR
            )

    def _roots(self, sizes: set[int]) -> dict[int, bytes]:
        """Return the roots at some sizes, by the leaves; of more than there are, none."""
        frontier, result = Frontier(), {0: EMPTY}
        for position in range(1, min(max(sizes, default=0), len(self.leaves_kept) // HASH) + 1):
            frontier = frontier.add(self._leaf(position))
            if position in sizes:
                result[position] = frontier.root()
        return result

    def _head_advice(self, name: str) -> str:
        if name == COSIGNED:
            return _COSIGNED
        return (
            DO_ASIDE
            if (self._folder / PINNED).exists() and not (self._folder / "staged").exists()
            else _OPERATOR
        )

    def _check_pins(self, size: int) -> None:
        path = self._folder / PINNED
        if not path.exists():
            return
        pins, opening, key = self.pins(), self.opening, self.key()
        if pins is None or pins.format not in (1, FORMAT):
            self._raise(PINNED, 0, 0, "it is not the description of a mirror", DO_PIN)
        elif size and opening is not None and (pins.cid != opening[0] or pins.log != str(key)):
            self._raise(
                PINNED,
                0,
                0,
                "it names another channel or log key than the first record does",
                DO_PIN,
            )

    def _check_sums(self) -> None:
        """Check every file that has digests beside it, and that those that must have them do."""
        for beside in sorted(self._folder.glob(f"*{durable.SUM}")):
            path = beside.with_name(beside.name.removesuffix(durable.SUM))
            advice = DO_PIN if path.name == PINNED else self._head_advice(path.name)
            try:
                if not durable.is_as_written(path):
                    what = "it is not what was written" if path.exists() else "it is missing"
                    self._raise(path.name, 0, 0, what, advice)
            except durable.SumDamaged:
                self._raise(
                    beside.name, 0, 0, f"these are not the digests of {path.name}", DO_ASIDE
                )
        pins = self.pins()
        for name in (*SUMMED, *sorted(item.name for item in self._folder.glob(CONTRADICTIONS))):
            path = self._folder / name
            if (
                pins is not None
                and pins.format >= FORMAT
                and path.exists()
                and not durable.sum_of(path).exists()
            ):
                self._raise(
                    durable.sum_of(path).name, 0, 0, f"it is missing beside {name}", DO_ASIDE
                )

    def _check_times(self) -> None:
        path, cosigned = self._folder / cosign_times.TIMES, self._head(COSIGNED, self.key())
        raw = path.read_bytes() if path.exists() else b""
        try:
            times = cosign_times.read(raw)
        except cosign_times.TimesDamaged as error:
            self._raise(cosign_times.TIMES, error.byte, 0, error.what, DO_ASIDE)
        self.times_end = times.end
        if len(raw) > times.end:
            self._note_cut(cosign_times.TIMES, len(raw) - times.end, times.end, "line")
        pins = self.pins()
        if (
            isinstance(cosigned, Checkpoint)
            and cosigned.size
            and (not times.lines or times.lines[-1][0] < cosigned.size)
            and (times.is_summed or (pins is not None and pins.format >= FORMAT))
        ):
            what = f"it is missing or ends early: a head of {cosigned.size} records was cosigned, and it does not say when"
            self._raise(cosign_times.TIMES, times.end, 0, what, DO_ASIDE)

    def _raise(
        self, file: str, byte: int, position: int, what: str, do: str = _RESTORE
    ) -> NoReturn:
        raise ArchiveDamaged(
            self._folder, Damage(file=file, byte=byte, position=position, what=what, do=do)
        )


def _whole(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    return b"".join(
        os.pread(descriptor, min(_CHUNK, size - at), at) for at in range(0, size, _CHUNK)
    )


def _leaf_of(position: int, raw: bytes, erased: bool) -> bytes:  # as `_frame` gives both
    return leaf_hash(raw) if erased else leaf_hash(leaf.entry(position - 1, leaf.commit(raw)))


def _root(leaves: Iterator[bytes], size: int) -> bytes:
    frontier = Frontier()
    for data in leaves:
        frontier = frontier.add(data)
    return frontier.root() if frontier.size == size else b""
