"""A side's own copy of a log, outside the service.

Every record is verified before it is kept, and is never rewritten. One exception: after
an erasure with the consent of every side, the entries overwrite the erased records.

The folder is checked against itself before anything is reported about the host
(`dragoman.eventlog.self_check`). Records are kept only under a signed head
(`dragoman.eventlog.settled_copy`).
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from dragoman.audit.checks import new_in
from dragoman.audit.kept_audit import KeptAudit
from dragoman.audit.verification import Verification
from dragoman.audit.verification_result import LogInconsistent
from dragoman.domain.acts.erasure import Withheld, entry_of
from dragoman.eventlog.archive import Archive
from dragoman.eventlog.archive_format import COSIGNED, Pinned
from dragoman.eventlog.kept_handovers import KeptHandover, digest_of, handovers_in
from dragoman.eventlog.settled_copy import SettledCopy, is_opening
from dragoman.tlog import leaf
from dragoman.tlog.merkle import Nodes
from dragoman.tlog.note import Verifier


class Mirror:
    """One channel's copy in a folder; it owns the archive there."""

    def __init__(self, folder: Path, pinned: Pinned, base: KeptAudit | None = None) -> None:
        """Open the copy, or begin one. With a `kept` audit of it, go on after that.

        Raises `CopyOfAnotherChannel`, and the errors of an archive.
        """
        self._copy = SettledCopy(folder, pinned, None if base is None else base.earlier)
        self.cid = self._copy.cid
        self.verification = Verification(cid=pinned.cid, log=self.log.first, base=base)
        self.verification.erasures = self._copy.named
        self._overwritten = False
        self._erased = 0

    @property
    def log(self) -> Verifier:
        """The log's key, with those that the owner of this copy follows."""
        return self._copy.log

    @property
    def archive(self) -> Archive:
        """The archive of the copy."""
        return self._copy.archive

    @property
    def awaited(self) -> int:
        """The number of records of the newest head, if it is more than are kept."""
        return self._copy.awaited

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
        self.verification = Verification(cid=self.cid, log=self.log.first)
        self.verification.erasures = self._copy.named

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

    def expect(self, withhelds: dict[int, Withheld]) -> None:
        """Announce the records that coming erasures name, until these have come."""
        self._copy.expect(withhelds)
        self.verification.expect(self._copy.named())

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

    def expect_handovers(self, records: Sequence[tuple[int, bytes]]) -> None:
        """Take heads of the keys that the host's handovers name, until they are judged.

        No word of the host is believed by that: each record is judged when it is taken.
        A witness is not led by this: it follows what its side has signed.
        """
        if (self.archive.folder / COSIGNED).exists():
            return
        handovers = [
            KeptHandover(key=record.data.key, first=position, act=digest_of(record.act))
            for position, record in handovers_in(records)
        ]
        if len(handovers) > len(self._copy.handovers.every):
            self._copy.handovers.keep(handovers)

    def _judge_handovers(self) -> None:
        """Report a key to which no record that was taken hands the log over."""
        registry = self.verification.replay.standing.state.registry
        valid = {item.since for item in registry.handovers} if registry is not None else set()
        for handover in self._copy.handovers.every:
            if handover.first <= self.archive.size and handover.first not in valid:
                self.verification.lie = LogInconsistent(
                    check="head",
                    position=handover.first,
                    what="heads are signed with a key to which no valid record hands the log over",
                    evidence="the signed head, and the record at that position",
                )

    def size_of(self, signed: bytes) -> int | None:
        """Return the number of records of a signed head; None if it is another's."""
        return self._copy.size_of(signed)

    def take(self, messages: Sequence[bytes], signed: bytes, nodes: Nodes | None = None) -> None:
        """Verify the next messages, and keep them under a signed head.

        Nothing is kept if the messages are inconsistent. The head must begin with the
        kept records and continue with these messages. If it is of more records, `nodes`
        gives the tree of all its records, as the host serves it. Raises `UnprovenHead`
        if that tree is not the head's: then nothing is kept, and nobody is convicted.
        """
        if self.archive.size == 0 and messages and not is_opening(messages[0], self.cid):
            self.verification.take(messages[:1])
            return
        proven = self._copy.prove(messages, signed, nodes)
        self._note_conviction()
        if not proven or not messages:
            return
        self.verification.take(messages)
        if self.lie is not None:
            return
        junk = set(self.verification.replay.entries)
        entries = {
            position
            for position, raw in enumerate(messages, self.archive.size + 1)
            if leaf.read_entry(raw) is not None and position not in junk
        }
        self._copy.keep(messages, signed, entries)
        self._erase()
        self._judge_handovers()
        if self.archive.size == self.size_of(signed):
            self.head(signed)

    def head(self, signed: bytes, *, patient: bool = False) -> None:
        """Check a signed head against the kept records, and keep it if it is newest.

        A head that is ahead waits for its records. If the caller is `patient`, a head
        behind a kept one is tolerated for a while: the broker may be electing a leader.
        """
        if self.lie is None:
            self._copy.head(signed, available=self.held, patient=patient)
            self._note_conviction()

    def cut_off(self, signed: bytes) -> None:
        """Report that the records of a head did not come.

        The signer of the head has them, or never had them.
        """
        what = (
            f"a head of {self.awaited} records is signed, and {self.held} are given: the log "
            "was cut off"
        )
        self._copy.convict(self.held, what, signed)
        self._note_conviction()

    def _note_conviction(self) -> None:
        conviction = self._copy.conviction
        if conviction is not None and self.lie is None:
            self.verification.lie = LogInconsistent(
                check="head",
                position=conviction.position,
                what=conviction.what,
                evidence=conviction.evidence,
            )

    def close(self) -> None:
        """Close the archive."""
        self._copy.close()
