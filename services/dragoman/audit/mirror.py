"""A side's own copy of a log: kept outside the service, verified record by record before it is kept, and never rewritten.

What every side consented to erase is overwritten by the entries that stand for it, once
the erasure itself has come.

The folder is checked against itself before anything is said of the host
(`log/self_check`). Records are kept only under a signed head that begins with all that
was kept before, so that of a log that was rolled back and grew again no record is kept.
Where a head is of other records nothing more is taken, and both the kept head and the
one that contradicts it stay as evidence. The cid and the log's key are pinned when the
copy is begun.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from dragoman.audit.compare import is_cid
from dragoman.audit.verification import LogInconsistent, Verification
from dragoman.domain.acts.erasure import Withheld, entry_of, named_in, standing_in
from dragoman.eventlog import durable
from dragoman.eventlog.archive import Archive, ArchiveDamaged
from dragoman.eventlog.self_check import (
    AHEAD,
    CONTRADICTIONS,
    DO_PIN,
    FORMAT,
    PINNED,
    SUMMED,
    Damage,
    Pinned,
)
from dragoman.tlog import checkpoint, leaf, merkle
from dragoman.tlog.checkpoint import Checkpoint
from dragoman.tlog.merkle import Nodes, leaf_hash
from dragoman.tlog.note import NotANote, read_verifier

_BACK_SECONDS: Final = 30.0
"""How long an older head may be shown than one that is kept: longer than any election
lasts.
"""


class MirrorOfAnotherChannel(Exception):
    """The folder is a mirror of another channel; the message says of which."""


class UnprovenHead(Exception):
    """It could not be shown that a signed head goes on from what is kept; the message says why."""


class Mirror:
    """One channel's copy in a folder. Owns the archive there."""

    def __init__(self, folder: Path, pinned: Pinned) -> None:
        """Open the copy, or begin one. Raises `NotThisChannel`, and what an archive raises."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self.log = read_verifier(pinned.log)
        self.cid = pinned.cid
        self.archive = Archive(folder)
        try:
            self._pin(pinned)
        except (MirrorOfAnotherChannel, ArchiveDamaged):
            self.archive.close()
            raise
        self.verification = Verification(cid=pinned.cid, log=self.log)
        self.verification.erasures = self._named
        self._erased = 0
        self._back_since: float | None = None
        self.awaited = 0
        """How many records the newest head has, where that is of more than are held."""

    def _pin(self, pinned: Pinned) -> None:
        """Compare the pins with those of the folder, or write them, and bring the folder to the newest format. The folder was checked."""
        path = self._folder / PINNED
        if path.exists():
            known = msgspec.json.decode(path.read_bytes(), type=Pinned)
            if (known.cid, known.log) != (pinned.cid, pinned.log):
                raise MirrorOfAnotherChannel(
                    f"{path} is of {known.cid} under {known.log}; name another folder for another channel"
                )
        elif self.archive.size and self.archive.staged is None:
            what = "it is missing: it says of which channel the records here are a mirror"
            raise ArchiveDamaged(self._folder, Damage(file=PINNED, byte=0, what=what, do=DO_PIN))
        if self.archive.size and self.archive.sealed is None and self.archive.covering is None:
            newest = 1  # no head is kept over its records: a later start finds one
        else:
            newest = FORMAT
            self.archive.keep_sums()
            for item in (
                *(self._folder / name for name in SUMMED if name != PINNED),
                *self._folder.glob(CONTRADICTIONS),
            ):
                if item.exists() and not durable.sum_of(item).exists():
                    durable.sum_up(item)
        if not path.exists() or known.format < newest:
            durable.write(
                path,
                msgspec.json.encode(Pinned(cid=pinned.cid, log=pinned.log, format=newest)),
                summed=True,
            )

    @property
    def lie(self) -> LogInconsistent | None:
        """The first lie that was found, if any."""
        return self.verification.lie

    @property
    def held(self) -> int:
        """Return how many records from the first on are here themselves, or by what was seen to be legally erased: a stub is none until its erasure has come."""
        return min(self.verification.replay.unproven, default=self.archive.size + 1) - 1

    def again(self, told: Callable[[int], None] = lambda position: None) -> None:
        """Verify everything that is kept, from the disk, as on the first day."""
        self.verification.take(self.archive.messages(), told)
        if self.lie is None:
            self._erase()
        signed = self.archive.sealed
        if signed is not None:
            self.verification.head(signed, whole=False)

    def _named(self) -> dict[int, Withheld]:
        """Return what the erasures that are kept name, and those that had been read ahead and have yet to come."""
        path = self._folder / AHEAD
        ahead = (
            msgspec.json.decode(path.read_bytes(), type=dict[int, Withheld])
            if path.exists()
            else {}
        )
        return named_in(enumerate(self.archive.messages(), 1)) | ahead

    def expect(self, withhelds: dict[int, Withheld]) -> None:
        """Make known what erasures that are still to come name, for as long as it takes until they have come."""
        durable.write(self._folder / AHEAD, msgspec.json.encode(withhelds), summed=True)
        self.verification.expect(self._named())

    def _erase(self) -> None:
        """Overwrite what was legally erased, where the bytes are still kept."""
        erased = self.verification.replay.erased
        if len(erased) > self._erased:
            entries = {
                erased_record.position: entry_of(erased_record)
                for erased_record in erased.values()
                if not self.archive.is_erased(erased_record.position)
            }
            if entries:
                self.archive.erase(entries)
            self._erased = len(erased)

    def size_of(self, signed: bytes) -> int | None:
        """Return how many records a signed head is of; None where it is none of this log."""
        try:
            return checkpoint.opened(signed, self.log)[0].size
        except NotANote:
            return None

    def take(self, messages: Sequence[bytes], signed: bytes, nodes: Nodes | None = None) -> None:
        """Verify what comes after what is kept, and keep it under a signed head: nothing of what a lie is in.

        The head must begin with what is kept here and go on with these messages. Where
        it is of more records than that, `nodes` gives the tree of all its records, as
        the host serves it. Raises `Unproven` where that tree is not the head's: nothing
        is kept, and nobody is convicted.
        """
        if self.archive.size == 0 and messages and not is_cid(messages[0], self.cid):
            self.verification.take(messages[:1])
            return
        try:
            head, _ = checkpoint.opened(signed, self.log)
        except NotANote as error:
            self._lied(self.archive.size, f"the signed head is none of this log: {error}", signed)
            return
        self._prove(messages, head, signed, nodes)
        if self.lie is not None or not messages:
            return
        self.verification.take(messages)
        if self.lie is not None:
            return
        rests = self.archive.sealed is None or self.archive.size + len(messages) < head.size
        if rests and self.archive.covering != signed:
            self.archive.keep_covering(signed)  # before the first record that rests on it
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
        """See that a head is of what is kept and of these messages after it; whoever signed another one is convicted by it."""
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
                what = f"the signed head of {head.size} records is of other records than those that are kept here and given with it"
                self._lied(head.size, what, signed)
        elif nodes is None or not _is_of(nodes, head, size, frontier.size):
            raise UnprovenHead(
                f"the tree that is served is not that of the signed head of {head.size} records"
            )
        elif merkle.root_of(nodes, size) != self.archive.root(size):
            what = f"the signed head of {head.size} records is of other records than those that are kept here, the first {size}"
            self._lied(size, what, signed)
        elif merkle.root_of(nodes, frontier.size) != frontier.root():
            what = f"the signed head of {head.size} records is of other records than those that are kept here and given with it"
            self._lied(frontier.size, what, signed)

    def head(self, signed: bytes, *, patient: bool = False) -> None:
        """Hold a signed head against what is kept, and keep it as the newest where it is. One that is ahead waits for the records.

        One that goes back behind a head that was kept is given a while, where whoever
        asks is `patient`: a broker may elect.
        """
        if self.lie is not None:
            return
        try:
            head, _ = checkpoint.opened(signed, self.log)
        except NotANote as error:
            self._lied(self.archive.size, f"the signed head is none of this log: {error}", signed)
            return
        self.awaited = head.size if head.size > self.held else 0
        if self.awaited:
            return
        if self.archive.root(head.size) != head.root:
            self._lied(
                head.size,
                f"the signed head of {head.size} records is of other records than those that are kept here",
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
            what = f"the signed head of {head.size} records is shown, and one of {max(sealed, covering)} was signed before: the log went back"
            self._lied(head.size, what, signed)

    def cut_off(self, signed: bytes) -> None:
        """The records of a head did not come: whoever signed it has them, or never had."""
        what = f"a head of {self.awaited} records is signed, and {self.held} are given: the log was cut off"
        self._lied(self.held, what, signed)

    def _lied(self, position: int, what: str, signed: bytes) -> None:
        """Keep what contradicts beside what was kept, which is checked first. Raises `ArchiveDamaged` where that convicts nobody."""
        self.archive.self_check()
        path = self._folder / f"contradiction-{position}.note"
        durable.write(path, signed, summed=True)
        evidence = f"{path}, beside {self._folder / 'sealed'}: compare the two copies with `dragoman audit compare`"
        self.verification.lie = LogInconsistent(
            check="head", position=position, what=what, evidence=evidence
        )

    def close(self) -> None:
        """Let the archive go."""
        self.archive.close()


def _is_of(nodes: Nodes, head: Checkpoint, *sizes: int) -> bool:
    """Return whether a tree is that of a head, as far as its roots at some sizes go."""
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
