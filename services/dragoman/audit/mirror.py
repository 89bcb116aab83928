"""A side's own copy of a log, outside the service.

Every record is verified before it is kept, and is never rewritten. One exception: after
an erasure with the consent of every side, the entries overwrite the erased records.

The folder is checked against itself before anything is reported about the host
(`dragoman.eventlog.self_check`). Records are kept only under a signed head that begins
with all kept records. So no record of a log that was rolled back and grew again is
kept. If a head is of other records, nothing more is taken. The kept head and the
contradicting one then stay as evidence. The cid and the log's key are pinned when the
copy begins.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from dragoman.audit.checks import new_in
from dragoman.audit.compare import is_cid
from dragoman.audit.kept_audit import KeptAudit
from dragoman.audit.verification import Verification
from dragoman.audit.verification_result import LogInconsistent
from dragoman.domain.acts.erasure import Withheld, entry_of, named_in, standing_in
from dragoman.eventlog import durable
from dragoman.eventlog.archive import Archive, ArchiveDamaged
from dragoman.eventlog.archive_damage import DO_PIN, Damage
from dragoman.eventlog.archive_format import AHEAD, CONTRADICTIONS, FORMAT, PINNED, SUMMED, Pinned
from dragoman.tlog import checkpoint, leaf, merkle
from dragoman.tlog.checkpoint import Checkpoint
from dragoman.tlog.merkle import Nodes, leaf_hash
from dragoman.tlog.note import NotANote, read_verifier

_BACK_SECONDS: Final = 30.0
"""The time for which a head older than the kept one may be shown.

It is longer than any election of the broker.
"""


class MirrorOfAnotherChannel(Exception):
    """The folder is a mirror of another channel; the message names that channel."""


class UnprovenHead(Exception):
    """A signed head could not be proven to continue the kept records.

    The message says why.
    """


class Mirror:
    """One channel's copy in a folder; it owns the archive there."""

    def __init__(self, folder: Path, pinned: Pinned, base: KeptAudit | None = None) -> None:
        """Open the copy, or begin one. With a `kept` audit of it, go on after that.

        Raises `MirrorOfAnotherChannel`, and the errors of an archive.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self.log = read_verifier(pinned.log)
        self.cid = pinned.cid
        self.archive = Archive(folder, earlier=None if base is None else base.earlier)
        try:
            self._pin(pinned)
        except (MirrorOfAnotherChannel, ArchiveDamaged):
            self.archive.close()
            raise
        self.verification = Verification(cid=pinned.cid, log=self.log, base=base)
        self.verification.erasures = self._named
        self._overwritten = False
        self._erased = 0
        self._back_since: float | None = None
        self.awaited = 0
        """The number of records of the newest head, if it is more than are kept."""

    def _pin(self, pinned: Pinned) -> None:
        """Compare the pins with those of the folder, or write them.

        Bring the folder to the newest format. The folder was checked before.
        """
        path = self._folder / PINNED
        if path.exists():
            kept_pins = msgspec.json.decode(path.read_bytes(), type=Pinned)
            if (kept_pins.cid, kept_pins.log) != (pinned.cid, pinned.log):
                raise MirrorOfAnotherChannel(
                    f"{path} is of {kept_pins.cid} under {kept_pins.log}; name another folder for "
                    "another channel"
                )
        elif self.archive.size and self.archive.staged is None:
            what = "it is missing: it says of which channel the records here are a mirror"
            raise ArchiveDamaged(self._folder, Damage(file=PINNED, byte=0, what=what, do=DO_PIN))
        if self.archive.size and self.archive.sealed is None and self.archive.covering is None:
            newest = 1  # No head over its records is kept yet: a later start finds one.
        else:
            newest = FORMAT
            self.archive.keep_sums()
            for item in (
                *(self._folder / name for name in SUMMED if name != PINNED),
                *self._folder.glob(CONTRADICTIONS),
            ):
                if item.exists() and not durable.sum_of(item).exists():
                    durable.sum_up(item)
        if not path.exists() or kept_pins.format < newest:
            durable.write(
                path,
                msgspec.json.encode(Pinned(cid=pinned.cid, log=pinned.log, format=newest)),
                summed=True,
            )

    @property
    def lie(self) -> LogInconsistent | None:
        """The first inconsistency, or None if no check has failed."""
        return self.verification.lie

    @property
    def held(self) -> int:
        """The number of records from the first on that are here or were legally erased.

        An entry counts only after its erasure has come.
        """
        return min(self.verification.replay.unproven, default=self.archive.size + 1) - 1

    def begin_anew(self) -> None:
        """Use nothing of a kept audit."""
        self.archive.self_check()
        self.verification = Verification(cid=self.cid, log=self.log)
        self.verification.erasures = self._named

    def sign_off(self, folder: Path) -> str:
        """Keep the audit of this copy in a folder, for the next start.

        Return the reason if it cannot be kept, and else an empty text.
        """
        if self.lie is not None or self.archive.sealed is None:
            return "the log is not consistent, or no head of it is here"
        self.verification.head(self.archive.sealed, whole=False)
        base = self.verification.base
        reusable = base is not None and self.archive.unchanged and not self._overwritten
        self.verification.copied = self.archive.sums(
            base.archive if base is not None and reusable else None
        )
        return self.verification.keep(folder)

    def again(self, progress: Callable[[int], None] = lambda position: None) -> None:
        """Verify the records on the disk: all of them, or those after a kept audit.

        Raises `NotAsAudited` if the audited ones are others.
        """
        self.verification.take(new_in(self.verification, self.archive), progress)
        if self.lie is None:
            self._erase()
        signed = self.archive.sealed
        if signed is not None:
            self.verification.head(signed, whole=False)

    def _named(self) -> dict[int, Withheld]:
        """Return the records that erasures name: kept erasures, and those read ahead.

        An erasure that was read ahead has yet to come.
        """
        path = self._folder / AHEAD
        ahead = (
            msgspec.json.decode(path.read_bytes(), type=dict[int, Withheld])
            if path.exists()
            else {}
        )
        return named_in(enumerate(self.archive.messages(), 1)) | ahead

    def expect(self, withhelds: dict[int, Withheld]) -> None:
        """Announce the records that coming erasures name, until these have come."""
        durable.write(self._folder / AHEAD, msgspec.json.encode(withhelds), summed=True)
        self.verification.expect(self._named())

    def _erase(self) -> None:
        """Overwrite records that were legally erased and whose bytes are still kept."""
        erased = self.verification.replay.erased
        if len(erased) > self._erased:
            entries = {
                erased_record.position: entry_of(erased_record)
                for erased_record in erased.values()
                if not self.archive.is_erased(erased_record.position)
            }
            if entries:
                self.archive.erase(entries)
                self._overwritten = True
            self._erased = len(erased)

    def size_of(self, signed: bytes) -> int | None:
        """Return the number of records of a signed head.

        Return None if the head is not of this log.
        """
        try:
            return checkpoint.read_signed(signed, self.log)[0].size
        except NotANote:
            return None

    def take(self, messages: Sequence[bytes], signed: bytes, nodes: Nodes | None = None) -> None:
        """Verify the next messages, and keep them under a signed head.

        Nothing is kept if the messages are inconsistent. The head must begin with the
        kept records and continue with these messages. If it is of more records, `nodes`
        gives the tree of all its records, as the host serves it. Raises `UnprovenHead`
        if that tree is not the head's: then nothing is kept, and nobody is convicted.
        """
        if self.archive.size == 0 and messages and not is_cid(messages[0], self.cid):
            self.verification.take(messages[:1])
            return
        try:
            head, _ = checkpoint.read_signed(signed, self.log)
        except NotANote as error:
            self._keep_contradiction(
                self.archive.size, f"the signed head is none of this log: {error}", signed
            )
            return
        self._prove(messages, head, signed, nodes)
        if self.lie is not None or not messages:
            return
        self.verification.take(messages)
        if self.lie is not None:
            return
        rests = self.archive.sealed is None or self.archive.size + len(messages) < head.size
        if rests and self.archive.covering != signed:
            self.archive.keep_covering(signed)  # Keep it before the first record under it.
        junk = set(self.verification.replay.entries)
        positions = enumerate(messages, self.archive.size + 1)
        self.archive.add(
            messages,
            {
                position
                for position, raw in positions
                if leaf.read_entry(raw) is not None and position not in junk
            },
        )
        self._erase()
        if self.archive.size == head.size:
            self.head(signed)

    def _prove(
        self, messages: Sequence[bytes], head: Checkpoint, signed: bytes, nodes: Nodes | None
    ) -> None:
        """Check that a head is of the kept records and of these messages after them.

        A head of other records convicts the signer.
        """
        size, frontier = self.archive.size, self.archive.frontier
        withheld_records = (
            self._named() if any(leaf.read_entry(raw) is not None for raw in messages) else {}
        )
        for position, raw in enumerate(messages, size + 1):
            stands = standing_in(raw, position, withheld_records.get) is not None
            frontier = frontier.add(
                leaf_hash(raw if stands else leaf.entry(position - 1, leaf.commit(raw)))
            )
        if frontier.size == head.size:
            if frontier.root() != head.root:
                what = (
                    f"the signed head of {head.size} records is of other records than those "
                    "that are kept here and given with it"
                )
                self._keep_contradiction(head.size, what, signed)
        elif nodes is None or not _is_tree_of(nodes, head, size, frontier.size):
            raise UnprovenHead(
                f"the tree that is served is not that of the signed head of {head.size} records"
            )
        elif merkle.root_of(nodes, size) != self.archive.root(size):
            what = (
                f"the signed head of {head.size} records is of other records than those that "
                f"are kept here, the first {size}"
            )
            self._keep_contradiction(size, what, signed)
        elif merkle.root_of(nodes, frontier.size) != frontier.root():
            what = (
                f"the signed head of {head.size} records is of other records than those that "
                "are kept here and given with it"
            )
            self._keep_contradiction(frontier.size, what, signed)

    def head(self, signed: bytes, *, patient: bool = False) -> None:
        """Check a signed head against the kept records, and keep it if it is newest.

        A head that is ahead waits for its records. If the caller is `patient`, a head
        behind a kept one is tolerated for a while: the broker may be electing a leader.
        """
        if self.lie is not None:
            return
        try:
            head, _ = checkpoint.read_signed(signed, self.log)
        except NotANote as error:
            self._keep_contradiction(
                self.archive.size, f"the signed head is none of this log: {error}", signed
            )
            return
        self.awaited = head.size if head.size > self.held else 0
        if self.awaited:
            return
        if self.archive.root(head.size) != head.root:
            self._keep_contradiction(
                head.size,
                f"the signed head of {head.size} records is of other records than those that "
                "are kept here",
                signed,
            )
            return
        sealed, covering = (
            0 if data is None else self.size_of(data) or 0
            for data in (self.archive.sealed, self.archive.covering)
        )
        if head.size > sealed:
            self.archive.keep_sealed(signed)
        if head.size >= max(sealed, covering):
            self._back_since = None
            return
        self._back_since = self._back_since or time.monotonic()
        if not patient or time.monotonic() - self._back_since > _BACK_SECONDS:
            what = (
                f"the signed head of {head.size} records is shown, and one of "
                f"{max(sealed, covering)} was signed before: the log went back"
            )
            self._keep_contradiction(head.size, what, signed)

    def cut_off(self, signed: bytes) -> None:
        """Report that the records of a head did not come.

        The signer of the head has them, or never had them.
        """
        what = (
            f"a head of {self.awaited} records is signed, and {self.held} are given: the log "
            "was cut off"
        )
        self._keep_contradiction(self.held, what, signed)

    def _keep_contradiction(self, position: int, what: str, signed: bytes) -> None:
        """Keep a contradicting head beside the kept records, which are checked first.

        Raises `ArchiveDamaged` if the archive is damaged: then the head convicts
        nobody.
        """
        self.archive.self_check()
        path = self._folder / f"contradiction-{position}.note"
        durable.write(path, signed, summed=True)
        evidence = (
            f"{path}, beside {self._folder / 'sealed'}: compare the two copies with "
            "`dragoman audit compare`"
        )
        self.verification.lie = LogInconsistent(
            check="head", position=position, what=what, evidence=evidence
        )

    def close(self) -> None:
        """Close the archive."""
        self.archive.close()


def _is_tree_of(nodes: Nodes, head: Checkpoint, *sizes: int) -> bool:
    """Return whether a tree is that of a head, by its roots at some sizes."""
    return all(
        merkle.is_consistent(
            size,
            head.size,
            merkle.root_of(nodes, size),
            head.root,
            merkle.consistency(nodes, size, head.size),
        )
        for size in sizes
    )


__all__ = ["Mirror", "MirrorOfAnotherChannel", "Pinned", "UnprovenHead"]
