"""The self-check of an archive's folder, before any program relies on it.

It finds the first place at which the folder is not what was written:

    records     against `leaves`: every record's leaf is computed again; the lengths in
                `records` must be those in `offsets`
    leaves      if a leaf differs from its record, the root of a kept signed head says
                which of the two was changed
    offsets     against the lengths in `records`; if they end early, the records and
                their leaves say how many more there are
    staged, sealed, witnessed, covering, cosigned
                signed by the log's key, and of the records here
    times       each line against its own digest, which covers all lines before it
                (`cosign_times`)
    pinned.json the first record's channel and log key
    *.sum       the digests of files that are replaced as a whole (`durable`)

A reader that skipped this check could take the folder's own damage for an inconsistency
of the host.
"""

from pathlib import Path
from typing import NoReturn

from dragoman.eventlog.archive_damage import (
    DO_REPAIR,
    DO_RESTORE,
    ArchiveDamaged,
    Damage,
    cut_notice,
)
from dragoman.eventlog.archive_format import (
    HASH,
    LENGTH,
    OFFSET,
)
from dragoman.eventlog.archive_frames import ArchiveFiles, ArchiveFrames, leaf_of
from dragoman.eventlog.kept_heads import KeptHeads
from dragoman.tlog.merkle import leaf_hash


class SelfCheck:
    """One self-check of a folder: create it, then call `run`.

    `frames` are the records, and `kept_heads` the small files. `notices` describes the
    traces of a crash, or damage like it.
    """

    def __init__(self, folder: Path, files: ArchiveFiles) -> None:
        """Read the tables of leaves and offsets of a folder."""
        self._folder = folder
        self._files = files
        self.frames = ArchiveFrames(files)
        self.notices: list[str] = []
        self.kept_heads = KeptHeads(folder, self.frames, self.notices)

    def run(self) -> None:
        """Check the folder, except unchanged records.

        Raises `ArchiveDamaged` at the first damage.
        """
        self.kept_heads.check_sums()
        for position in range(self._files.unchanged.number + 1, len(self.frames.ends) + 1):
            self._check_record(position)
        self._take_up()
        self.kept_heads.check_heads()
        self.kept_heads.check_times()

    def _check_record(self, position: int) -> None:
        """Check the record at a position against its offset and its leaf.

        A record that an interrupted erasure overwrites needs only room for its entry.
        """
        begin, end = self.frames.begin(position), self.frames.ends[position - 1]
        if position in self._files.pending:
            if (
                not begin + LENGTH + len(self._files.pending[position])
                <= end
                <= self.frames.size_bytes
            ):
                self._raise(
                    "offsets",
                    (position - 1) * OFFSET,
                    position,
                    "it does not lead to the end of a record",
                    DO_REPAIR,
                )
            return
        frame = self.frames.frame(begin, end)
        if frame is None or self.frames.leaf(position) != leaf_of(position, *frame):
            self._diagnose(position, begin, end)
        elif frame[1] and any(padding := self.frames.read(begin + LENGTH + len(frame[0]), end)):
            at = next(index for index, byte in enumerate(padding) if byte)
            self._diagnose_padding(position, begin + LENGTH + len(frame[0]) + at)

    def _diagnose(self, position: int, begin: int, end: int) -> NoReturn:
        """Raise the damage of the file that does not fit at a position.

        It is one of `records`, `leaves` and `offsets`.
        """
        number = self.frames.end_of(position, begin)
        if number is not None and number != end:
            self._raise(
                "offsets",
                (position - 1) * OFFSET,
                position,
                "it does not lead to the end of the record",
                DO_REPAIR,
            )
        if (
            position > 1
            and self.frames.is_after_erased(position - 1)
            and self.frames.start_after(position - 1) not in (None, begin)
        ):
            self._raise(
                "offsets",
                (position - 2) * OFFSET,
                position - 1,
                "it does not lead to the end of the record",
                DO_REPAIR,
            )
        framed = self.frames.frame(begin, end)
        if position > len(self.frames.leaves_kept) // HASH:
            if framed is None:
                self._raise(
                    "offsets",
                    (position - 1) * OFFSET,
                    position,
                    "it speaks of a record that is not there",
                    DO_REPAIR,
                )
            self._raise(
                "leaves",
                len(self.frames.leaves_kept),
                position,
                "it ends before the leaf of this record",
                DO_REPAIR,
            )
        if framed is None:
            raw = (
                self.frames.read(begin + LENGTH, min(end, self.frames.size_bytes))
                if begin < end
                else b""
            )
            if self.frames.leaf(position) in (leaf_of(position, raw, erased=False), leaf_hash(raw)):
                self._raise(
                    "records", begin, position, "the length of the record is not what was written"
                )
            if end > self.frames.size_bytes:
                self._raise(
                    "records",
                    self.frames.size_bytes,
                    position,
                    "it ends before the end of this record",
                )
            self._raise("records", begin, position, "the record is not what was written")
        self._raise_by_head(position, begin)

    def _diagnose_padding(self, position: int, byte: int) -> NoReturn:
        """Raise the damage at a byte that is not zero behind an erased record."""
        if position < len(self.frames.ends) and self.frames.start_after(position) not in (
            None,
            self.frames.ends[position - 1],
        ):
            self._raise(
                "offsets",
                (position - 1) * OFFSET,
                position,
                "it does not lead to the end of the record",
                DO_REPAIR,
            )
        self._raise(
            "records",
            byte,
            position,
            "there is data behind the entry of an erased record",
        )

    def _raise_by_head(self, position: int, begin: int) -> NoReturn:
        """Raise the damage of a record and its leaf, if the two differ.

        A kept signed head over both says which of them was changed.
        """
        head = self.kept_heads.proven()
        if head is not None and head.size >= position:
            if self.frames.roots({head.size})[head.size] == head.root:
                what = (
                    "the record is not the one that was kept: its leaf, under the signed "
                    "head, is of other bytes"
                )
                self._raise("records", begin, position, what)
            if self.frames.derived(head.size) == head.root:
                what = "the leaf is not that of the record, which the signed head is of"
                self._raise("leaves", (position - 1) * HASH, position, what, DO_REPAIR)
        what = (
            f"it is not of the leaf at byte {(position - 1) * HASH} of leaves: one of the "
            "two files is damaged, and no kept head says which"
        )
        self._raise("records", begin, position, what)

    def _take_up(self) -> None:
        """Take up the records that `offsets` lacks.

        Check that nothing else is behind the last record.
        """
        number = len(self.frames.ends)
        while (position := len(self.frames.ends) + 1) <= len(self.frames.leaves_kept) // HASH:
            begin = self.frames.begin(position)
            if (
                position > 1
                and self.frames.is_after_erased(position - 1)
                and (start := self.frames.start_after(position - 1)) is not None
            ):
                begin = self._moved(position - 1, start, number)
            end = self.frames.end_of(position, begin)
            if end is None:
                self._untaken(position, begin)
                return
            self.frames.ends.append(end)
        if len(self.frames.ends) > number:
            self.notices.append(
                f"offsets ended at byte {number * OFFSET}, before its last "
                f"{len(self.frames.ends) - number} records: it was completed from the records, "
                "which are those of their leaves"
            )
            self.frames.torn_bytes = 0
        ends = self.frames.begin(len(self.frames.ends) + 1)
        for name, length, end in (
            ("records", self.frames.size_bytes - ends, ends),
            (
                "leaves",
                len(self.frames.leaves_kept) % HASH,
                len(self.frames.leaves_kept) // HASH * HASH,
            ),
            ("offsets", self.frames.torn_bytes, len(self.frames.ends) * OFFSET),
        ):
            if length:
                self.notices.append(cut_notice(name, length, end, "record"))

    def _moved(self, position: int, end: int, number: int) -> int:
        """Return the end of an erased record, behind its zeros.

        Only the next record tells where the zeros end.
        """
        if position <= number and self.frames.ends[position - 1] != end:
            self._raise(
                "offsets",
                (position - 1) * OFFSET,
                position,
                "it does not lead to the end of the record",
                DO_REPAIR,
            )
        self.frames.ends[position - 1] = end
        return end

    def _untaken(self, position: int, begin: int) -> NoReturn:
        """Raise the damage of a leaf that has no record at its place."""
        if begin < self.frames.size_bytes:
            self._raise("records", begin, position, "the record is not that of its leaf")
        if not self.frames.size_bytes:
            self._raise("records", 0, position, "it is empty or missing")
        head = self.kept_heads.proven()
        if (
            head is not None
            and head.size >= position
            and self.frames.roots({head.size})[head.size] == head.root
        ):
            self._raise(
                "records", self.frames.size_bytes, position, "it ends before the end of this record"
            )
        self._raise(
            "leaves",
            (position - 1) * HASH,
            position,
            "it goes on behind the last record",
            DO_REPAIR,
        )

    def _raise(
        self, file: str, byte: int, position: int, what: str, do: str = DO_RESTORE
    ) -> NoReturn:
        raise ArchiveDamaged(
            self._folder, Damage(file=file, byte=byte, position=position, what=what, do=do)
        )
