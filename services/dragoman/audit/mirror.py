"""A side's own copy of a log: kept outside the service, verified record by record before it is kept, and never rewritten.

What every side consented to erase is overwritten by the entries that stand for it, once the erasure itself has come.

What comes must follow what was kept; a signed head must be of what is kept. Where it is not, nothing more is taken, and both
the kept head and the one that contradicts it stay as evidence. The cid and the log's key are pinned when the copy is begun.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.audit.copy import is_cid
from dragoman.audit.verify import Lie, Verification
from dragoman.domain.erasure import Withheld, entry_of, named_in
from dragoman.log.archive import Archive
from dragoman.tlog import checkpoint, leaf
from dragoman.tlog.note import NotANote, read_verifier

_AHEAD: Final = "erasures-ahead.json"
_BACK_SECONDS: Final = 30.0
"""How long an older head may be shown than one that is kept: longer than any election lasts."""


class Pinned(Struct, frozen=True, kw_only=True):
    """Which channel a mirror is of, by its own side's notes."""

    cid: str
    log: str


class NotThisChannel(Exception):
    """The folder is a mirror of another channel; the message says of which."""


class Mirror:
    """One channel's copy in a folder. Owns the archive there."""

    def __init__(self, folder: Path, pinned: Pinned) -> None:
        """Open the copy, or begin one. Raises `NotThisChannel`, and what an archive raises."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._pin(pinned)
        self.log = read_verifier(pinned.log)
        self.cid = pinned.cid
        self.archive = Archive(folder)
        self.verification = Verification(cid=pinned.cid, log=self.log)
        self.verification.erasures = self._named
        self._erased = 0
        self._back_since: float | None = None
        self.awaited = 0
        """How many records the newest head has, where that is of more than are held."""

    def _pin(self, pinned: Pinned) -> None:
        path = self._folder / "pinned.json"
        if path.exists():
            known = msgspec.json.decode(path.read_bytes(), type=Pinned)
            if known != pinned:
                raise NotThisChannel(f"{self._folder} mirrors {known.cid} under {known.log}; name another folder for another channel")
        else:
            path.write_bytes(msgspec.json.encode(pinned))

    @property
    def lie(self) -> Lie | None:
        """The first lie that was found, if any."""
        return self.verification.lie

    @property
    def held(self) -> int:
        """How many records from the first on are here themselves, or by what was seen to be legally erased: a stub is none until its erasure has come."""
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
        """What the erasures that are kept name, and those that had been read ahead and have yet to come."""
        path = self._folder / _AHEAD
        ahead = msgspec.json.decode(path.read_bytes(), type=dict[int, Withheld]) if path.exists() else {}
        return named_in(enumerate(self.archive.messages(), 1)) | ahead

    def expect(self, named: dict[int, Withheld]) -> None:
        """Make known what erasures that are still to come name, for as long as it takes until they have come."""
        fresh = self._folder / f"{_AHEAD}.new"
        fresh.write_bytes(msgspec.json.encode(named))
        fresh.rename(self._folder / _AHEAD)
        self.verification.expect(self._named())

    def _erase(self) -> None:
        """Overwrite what was legally erased, where the bytes are still kept."""
        erased = self.verification.replay.erased
        if len(erased) > self._erased:
            entries = {each.position: entry_of(each) for each in erased.values() if not self.archive.is_erased(each.position)}
            if entries:
                self.archive.erase(entries)
            self._erased = len(erased)

    def take(self, messages: Iterable[bytes]) -> None:
        """Verify what comes after what is kept, and keep it: nothing of what a lie is in."""
        batch = list(messages)
        if self.archive.size == 0 and batch and not is_cid(batch[0], self.cid):
            self.verification.take(batch[:1])
            return
        self.verification.take(batch)
        if self.lie is None and batch:
            junk = set(self.verification.replay.entries)
            positions = enumerate(batch, self.archive.size + 1)
            self.archive.add(batch, {position for position, raw in positions if leaf.read_entry(raw) is not None and position not in junk})
            self._erase()

    def head(self, signed: bytes, *, patient: bool = False) -> None:
        """Hold a signed head against what is kept, and keep it as the newest where it is. One that is ahead waits for the records.

        One that goes back behind a head that was kept is given a while, where whoever asks is `patient`: a broker may elect.
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
            self._lied(head.size, f"the signed head of {head.size} records is of other records than those that are kept here", signed)
            return
        kept = self.archive.sealed
        size = 0 if kept is None else checkpoint.opened(kept, self.log)[0].size
        if head.size >= size:
            self._back_since = None
            if head.size > size:
                self.archive.keep_sealed(signed)
            return
        self._back_since = self._back_since or time.monotonic()
        if not patient or time.monotonic() - self._back_since > _BACK_SECONDS:
            what = f"the signed head of {head.size} records is shown, and one of {size} was signed before: the log went back"
            self._lied(head.size, what, signed)

    def cut_off(self, signed: bytes) -> None:
        """The records of a head did not come: whoever signed it has them, or never had."""
        what = f"a head of {self.awaited} records is signed, and {self.held} are given: the log was cut off"
        self._lied(self.held, what, signed)

    def _lied(self, position: int, what: str, signed: bytes) -> None:
        """Keep what contradicts beside what was kept."""
        path = self._folder / f"contradiction-{position}.note"
        path.write_bytes(signed)
        evidence = f"{path}, beside {self._folder / 'sealed'}: compare the two copies with `dragoman audit compare`"
        self.verification.lie = Lie(check="head", position=position, what=what, evidence=evidence)

    def close(self) -> None:
        """Let the archive go."""
        self.archive.close()
