"""The small files of an archive's folder, read and checked for its self-check.

staged, sealed, witnessed, covering, cosigned   signed heads
times         the times of cosignatures (`cosign_times`)
pinned.json   the channel and the log key of a mirror
*.sum         the digests of files that are replaced as a whole (`durable`)
"""

from pathlib import Path
from typing import Final, NoReturn

import msgspec

from dragoman.domain.acts.families.genesis import cid_of
from dragoman.domain.record import nesting
from dragoman.domain.record.codec import NotARecord, parse
from dragoman.eventlog import cosign_times, durable
from dragoman.eventlog.archive_damage import (
    DO_ASIDE,
    DO_COSIGNED,
    DO_OPERATOR,
    DO_PIN,
    DO_RESTORE,
    ArchiveDamaged,
    Damage,
    cut_notice,
)
from dragoman.eventlog.archive_format import (
    CONTRADICTIONS,
    COSIGNED,
    COVERING,
    FORMAT,
    HASH,
    PINNED,
    SUMMED,
    Pinned,
)
from dragoman.eventlog.archive_frames import ArchiveFrames
from dragoman.eventlog.kept_handovers import KeptHandovers
from dragoman.tlog import checkpoint, dsse, note
from dragoman.tlog.checkpoint import Checkpoint
from dragoman.tlog.note import ED25519, NotANote, Verifier, read_verifier
from dragoman_schemas.acts.office.channel import ChannelOpening

_HEADS: Final = ("staged", "sealed", "witnessed", COVERING, COSIGNED)


class KeptHeads:
    """The small files of an archive: signed heads, pins, digests and cosigning times.

    Each `check_…` method raises `ArchiveDamaged` at the first damage.
    """

    def __init__(self, folder: Path, frames: ArchiveFrames, notices: list[str]) -> None:
        """Read the files of a folder beside the frames of its records.

        `notices` receives a text for each line that a crash left half written.
        `times_end` is the end of the last whole line in `times`.
        """
        self._folder = folder
        self._frames = frames
        self._notices = notices
        self.times_end = 0

    def key(self) -> Verifier | None:
        """Return the log's key: by the first record, or else by the pins.

        The keys that follow it here come with it. Return None if neither can be read.
        """
        opening, handovers = self.opening, KeptHandovers(self._folder)
        if opening is not None:
            public = dsse.decode_base64(opening[1].log_key, HASH) or bytes(HASH)
            return handovers.of(Verifier(opening[1].origin, ED25519, public))
        pins = self.pins()
        try:
            return None if pins is None else handovers.of(read_verifier(pins.log))
        except NotANote:
            return None

    @property
    def opening(self) -> tuple[str, ChannelOpening] | None:
        """The cid and the opening in the first record.

        It is None if the first record is no opening, or is not the record that was
        kept.
        """
        end = self._frames.end_of(1, 0)
        frame = None if end is None else self._frames.frame(0, end)
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
        """Return the pins of a mirror, or None if there are no readable pins."""
        path = self._folder / PINNED
        try:
            return nesting.decode(path.read_bytes(), Pinned) if path.exists() else None
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    def proven(self) -> Checkpoint | None:
        """Return the longest kept head that the log's key has signed.

        It has no more records than there are leaves.
        """
        return max(
            (head for head in self.heads() if head.size <= len(self._frames.leaves_kept) // HASH),
            key=lambda head: head.size,
            default=None,
        )

    def heads(self) -> list[Checkpoint]:
        """Return the kept heads that the log's key has signed, except `covering`.

        All records of these heads were here at some time.
        """
        key = self.key()
        return [
            head
            for name in _HEADS
            if name != COVERING and isinstance(head := self._head(name, key), Checkpoint)
        ]

    def _head(self, name: str, key: Verifier | None) -> Checkpoint | str | None:
        """Return a kept head, or a text that says why it is not valid.

        Return None if there is no such file.
        """
        path = self._folder / name
        if not path.exists():
            return None
        try:
            raw = path.read_bytes()
            return (
                checkpoint.read(note.read(raw).text)
                if key is None
                else checkpoint.read_signed(raw, key)[0]
            )
        except NotANote as error:
            return str(error)

    def check_heads(self) -> None:
        """Check the pins, and each kept head against the leaves.

        Check also that no head or pin is missing that such a folder must have.
        """
        size, key = len(self._frames.ends), self.key()
        self._check_pins(size)
        heads = {name: self._head(name, key) for name in _HEADS}
        roots = self._frames.roots(
            {head.size for head in heads.values() if isinstance(head, Checkpoint)}
        )
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
                continue  # Its records are still to come.
            if head.size > size:
                what = (
                    f"{name} is a signed head of {head.size} records that were here, and "
                    f"{size} are left"
                )
                self._raise("records", self._frames.size_bytes, size + 1, what)
            if roots[head.size] != head.root:
                what = (
                    f"its {head.size} records are not those of the records here: one of the "
                    "two is not what was kept"
                )
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
                "staged", 0, 0, "it is missing; if this is a mirror, `pinned.json` is", DO_OPERATOR
            )

    def _head_advice(self, name: str) -> str:
        """Return the advice for a damaged head: repair of a mirror, or a backup."""
        if name == COSIGNED:
            return DO_COSIGNED
        return (
            DO_ASIDE
            if (self._folder / PINNED).exists() and not (self._folder / "staged").exists()
            else DO_OPERATOR
        )

    def _check_pins(self, size: int) -> None:
        """Check the pins of a mirror against its first record."""
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

    def check_sums(self) -> None:
        """Check every file that has digests beside it.

        Check also that every file that must have digests has them.
        """
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

    def check_times(self) -> None:
        """Check the lines of `times`, and that the newest cosigned head has a line."""
        path, cosigned = self._folder / cosign_times.TIMES, self._head(COSIGNED, self.key())
        raw = path.read_bytes() if path.exists() else b""
        try:
            times = cosign_times.read(raw)
        except cosign_times.TimesDamaged as error:
            self._raise(cosign_times.TIMES, error.byte, 0, error.what, DO_ASIDE)
        self.times_end = times.end
        if len(raw) > times.end:
            self._notices.append(
                cut_notice(cosign_times.TIMES, len(raw) - times.end, times.end, "line")
            )
        pins = self.pins()
        if (
            isinstance(cosigned, Checkpoint)
            and cosigned.size
            and (not times.lines or times.lines[-1][0] < cosigned.size)
            and (times.is_summed or (pins is not None and pins.format >= FORMAT))
        ):
            what = (
                f"it is missing or ends early: a head of {cosigned.size} records was "
                "cosigned, and it does not say when"
            )
            self._raise(cosign_times.TIMES, times.end, 0, what, DO_ASIDE)

    def _raise(
        self, file: str, byte: int, position: int, what: str, do: str = DO_RESTORE
    ) -> NoReturn:
        raise ArchiveDamaged(
            self._folder, Damage(file=file, byte=byte, position=position, what=what, do=do)
        )
