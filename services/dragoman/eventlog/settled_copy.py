"""A side's copy of a log, in which nothing is kept that no signed head covers.

    prove    show that a signed head begins with the kept records and the given ones
    keep     keep the given records under that head, on the disk
    head     compare another signed head with the kept records

Records of a log that was rolled back and grew again are therefore never kept. A head of
other records is kept beside the copy, and convicts the owner of the log's key: then the
copy takes nothing more. The cid and the log's key are pinned when the copy begins.
A mirror (`audit.mirror`) and a station (`station.copy_log`) use it. It judges no
record.
"""

import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dragoman.domain.acts.erasure import Withheld, named_in, standing_in
from dragoman.domain.acts.families.genesis import cid_of
from dragoman.domain.record.codec import NotARecord, parse
from dragoman.eventlog import durable
from dragoman.eventlog.archive import Archive, EarlierCheck
from dragoman.eventlog.archive_damage import DO_PIN, ArchiveDamaged, Damage
from dragoman.eventlog.archive_format import (
    AHEAD,
    CONTRADICTIONS,
    FORMAT,
    HASH,
    PINNED,
    RESTORED_HEAD,
    SUMMED,
    Pinned,
)
from dragoman.eventlog.kept_handovers import (
    KeptHandover,
    KeptHandovers,
    digest_of,
    handovers_in,
    with_later,
)
from dragoman.tlog import checkpoint, leaf, merkle, tiles
from dragoman.tlog.checkpoint import Checkpoint
from dragoman.tlog.merkle import Frontier, Nodes, leaf_hash
from dragoman.tlog.note import NotANote, Verifier, read_verifier
from dragoman.tlog.tiles import Tile

_BACK_SECONDS: Final = 30.0
"""The time for which a head older than the kept one may be shown.

It is longer than any election of the broker.
"""

BATCH: Final = tiles.WIDTH
"""Records are kept in multiples of this while more are to come under the same head. Few
tiles then show that a head goes on from them.
"""


class CopyOfAnotherChannel(Exception):
    """The folder has the copy of another channel; the message names that channel."""


class UnprovenHead(Exception):
    """A signed head could not be proven to continue the kept records.

    The message says why.
    """


class Conviction(Struct, frozen=True, kw_only=True):
    """The proof that the signer of a log contradicts itself.

    Two logs differ within the first `position` records. `what` says how, and
    `evidence` names the file with the contradicting head.
    """

    position: int
    what: str
    evidence: str


class SettledCopy:
    """One channel's copy in a folder; it owns the archive there."""

    def __init__(self, folder: Path, pinned: Pinned, earlier: EarlierCheck | None = None) -> None:
        """Open the copy, or begin one.

        Records that are as in an `earlier` check are not checked one by one. Raises
        `CopyOfAnotherChannel`, and the errors of an archive.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self._pinned_log = read_verifier(pinned.log)
        self.handovers = KeptHandovers(folder)
        self.cid = pinned.cid
        self.archive = Archive(folder, earlier=earlier)
        try:
            self._pin(pinned)
        except (CopyOfAnotherChannel, ArchiveDamaged):
            self.archive.close()
            raise
        restored = folder / RESTORED_HEAD
        self.restored = self._read(restored.read_bytes()) if restored.exists() else None
        """The newest head that had settled before a restoration."""

        self.conviction: Conviction | None = None
        self._back_since: float | None = None
        self.awaited = 0
        """The number of records of the newest head, if it is more than are kept."""

    @property
    def log(self) -> Verifier:
        """The log's key, with those that the owner of this copy follows."""
        return self.handovers.of(self._pinned_log)

    @property
    def cut_ahead(self) -> KeptHandover | None:
        """The handover with a cut that is followed, until its record is kept here."""
        newest = self.handovers.every[-1:]
        is_ahead = newest and newest[0].cut and self.archive.size < newest[0].first
        return newest[0] if is_ahead else None

    def _pin(self, pinned: Pinned) -> None:
        """Compare the pins with those of the folder, or write them.

        Bring the folder to the newest format. The folder was checked before.
        """
        path = self.folder / PINNED
        if path.exists():
            kept_pins = msgspec.json.decode(path.read_bytes(), type=Pinned)
            if (kept_pins.cid, kept_pins.log) != (pinned.cid, pinned.log):
                raise CopyOfAnotherChannel(
                    f"{path} is of {kept_pins.cid} under {kept_pins.log}; name another folder for "
                    "another channel"
                )
        elif self.archive.size and self.archive.staged is None:
            what = "it is missing: it says of which channel the records here are a mirror"
            raise ArchiveDamaged(self.folder, Damage(file=PINNED, byte=0, what=what, do=DO_PIN))
        if self.archive.size and self.archive.sealed is None and self.archive.covering is None:
            newest = 1  # No head over its records is kept yet: a later start finds one.
        else:
            newest = FORMAT
            self.archive.keep_sums()
            for item in (
                *(self.folder / name for name in SUMMED if name != PINNED),
                *self.folder.glob(CONTRADICTIONS),
            ):
                if item.exists() and not durable.sum_of(item).exists():
                    durable.sum_up(item)
        if not path.exists() or kept_pins.format < newest:
            durable.write(
                path,
                msgspec.json.encode(Pinned(cid=pinned.cid, log=pinned.log, format=newest)),
                summed=True,
            )

    def named(self) -> dict[int, Withheld]:
        """Return the records that erasures name: kept erasures, and those read ahead.

        An erasure that was read ahead has yet to come.
        """
        path = self.folder / AHEAD
        ahead = (
            msgspec.json.decode(path.read_bytes(), type=dict[int, Withheld])
            if path.exists()
            else {}
        )
        return named_in(enumerate(self.archive.messages(), 1)) | ahead

    def expect(self, withhelds: dict[int, Withheld]) -> None:
        """Announce the records that coming erasures name, until these have come."""
        durable.write(self.folder / AHEAD, msgspec.json.encode(withhelds), summed=True)

    def size_of(self, signed: bytes) -> int | None:
        """Return the number of records of a signed head.

        Return None if the head is not of this log.
        """
        head = self._read(signed)
        return None if head is None else head.size

    def _read(self, signed: bytes) -> Checkpoint | None:
        try:
            return self._checked(signed)
        except NotANote:
            return None

    def _checked(self, signed: bytes) -> Checkpoint:
        """Return a signed head of this log. Raises `NotANote`.

        While the record of a handover is awaited, its key may sign whatever is beyond
        the kept records: nobody knows yet where its record stands.
        """
        log, awaited = self.log, self.handovers.awaited
        try:
            return checkpoint.read_signed(signed, log)[0]
        except NotANote:
            if awaited is None:
                raise
            expected = replace(awaited, first=self.archive.size + 1)
            return checkpoint.read_signed(
                signed, with_later(log, (*self.handovers.every[:-1], expected))
            )[0]

    def _follow(self, messages: Sequence[bytes]) -> None:
        """Find the record of a handover among the next messages.

        Raises `UnprovenHead` if another record stands where its sides have put it.
        """
        first, every = self.archive.size + 1, self.handovers.every
        records = dict(handovers_in(enumerate(messages, first)))
        for handover in every:
            if first <= handover.first < first + len(messages):
                record = records.get(handover.first)
                if record is None or digest_of(record.act) != handover.act:
                    raise UnprovenHead(
                        f"record {handover.first} is not the handover of the log that is "
                        "followed here"
                    )
        if (awaited := self.handovers.awaited) is not None:
            for position, record in records.items():
                if digest_of(record.act) == awaited.act:
                    self.handovers.found(position)
                    return

    def prove(self, messages: Sequence[bytes], signed: bytes, nodes: Nodes | None = None) -> bool:
        """Return whether a signed head begins with the kept records and these messages.

        A head of other records convicts the signer. If the head is of more records,
        `nodes` gives the tree of all its records, as the host serves it. Raises
        `UnprovenHead` if that tree is not the head's, or if another record stands for a
        handover: then nobody is convicted.
        """
        self._follow(messages)
        try:
            head = self._checked(signed)
        except NotANote as error:
            self.convict(self.archive.size, f"the signed head is none of this log: {error}", signed)
            return False
        if self.archive.size == 0 and messages and not is_opening(messages[0], self.cid):
            what = f"the first record is not the opening of the channel with the cid {self.cid}"
            self.convict(0, what, signed)
            return False
        self._prove(messages, head, signed, nodes)
        if self.conviction is None:
            self._prove_restored(messages, signed)
        return self.conviction is None

    def _prove_restored(self, messages: Sequence[bytes], signed: bytes) -> None:
        """Compare the records with the head that had settled before a restoration."""
        restored, size = self.restored, self.archive.size
        if restored is None or not size < restored.size <= size + len(messages):
            return
        if self.frontier_with(messages[: restored.size - size]).root() != restored.root:
            what = (
                f"the signed head of {restored.size} records that had settled here before the "
                "restoration is of other records"
            )
            self.convict(restored.size, what, signed)

    def _prove(
        self, messages: Sequence[bytes], head: Checkpoint, signed: bytes, nodes: Nodes | None
    ) -> None:
        size, frontier = self.archive.size, self.frontier_with(messages)
        if frontier.size == head.size:
            if frontier.root() != head.root:
                what = (
                    f"the signed head of {head.size} records is of other records than those "
                    "that are kept here and given with it"
                )
                self.convict(head.size, what, signed)
        elif nodes is None or not _is_tree_of(nodes, head, size, frontier.size):
            raise UnprovenHead(
                f"the tree that is served is not that of the signed head of {head.size} records"
            )
        elif merkle.root_of(nodes, size) != self.archive.root(size):
            what = (
                f"the signed head of {head.size} records is of other records than those that "
                f"are kept here, the first {size}"
            )
            self.convict(size, what, signed)
        elif merkle.root_of(nodes, frontier.size) != frontier.root():
            what = (
                f"the signed head of {head.size} records is of other records than those that "
                "are kept here and given with it"
            )
            self.convict(frontier.size, what, signed)

    def frontier_with(self, messages: Sequence[bytes]) -> Frontier:
        """Return the tree of the kept records and of some messages after them."""
        frontier = self.archive.frontier
        standing = self.standing(messages)
        for position, raw in enumerate(messages, self.archive.size + 1):
            frontier = frontier.add(
                leaf_hash(
                    raw if position in standing else leaf.entry(position - 1, leaf.commit(raw))
                )
            )
        return frontier

    def standing(self, messages: Sequence[bytes]) -> frozenset[int]:
        """Return the positions of the next messages that stand for erased records."""
        if not any(leaf.read_entry(raw) is not None for raw in messages):
            return frozenset()
        withheld_records = self.named()
        return frozenset(
            position
            for position, raw in enumerate(messages, self.archive.size + 1)
            if standing_in(raw, position, withheld_records.get) is not None
        )

    def keep(
        self, messages: Sequence[bytes], signed: bytes, entries: Collection[int] | None = None
    ) -> None:
        """Keep messages under a head that was proven to cover them, on the disk.

        The messages at the positions in `entries` are entries of erased records; by
        default they are those that stand for them.
        """
        size = self.size_of(signed) or 0
        if entries is None:
            entries = self.standing(messages)
        rests = self.archive.sealed is None or self.archive.size + len(messages) < size
        if rests and self.archive.covering != signed:
            self.archive.keep_covering(signed)  # Keep it before the first record under it.
        self.archive.add(messages, entries)

    def head(self, signed: bytes, *, available: int | None = None, patient: bool = False) -> None:
        """Check a signed head against the kept records, and keep it if it is newest.

        A head that is ahead waits for its records. `available` is the number of records
        that are here or were legally erased, if not all are. If the caller is
        `patient`, a head behind a kept one is tolerated for a while: the broker may be
        electing a leader.
        """
        try:
            head = self._checked(signed)
        except NotANote as error:
            self.convict(self.archive.size, f"the signed head is none of this log: {error}", signed)
            return
        most = self.archive.size if available is None else available
        self.awaited = head.size if head.size > most else 0
        if self.awaited:
            return
        if self.archive.root(head.size) != head.root:
            self.convict(
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
        before = max(sealed, covering, 0 if self.restored is None else self.restored.size)
        if head.size >= before:
            self._back_since = None
            return
        self._back_since = self._back_since or time.monotonic()
        if not patient or time.monotonic() - self._back_since > _BACK_SECONDS:
            what = (
                f"the signed head of {head.size} records is shown, and one of "
                f"{before} was signed before: the log went back"
            )
            self.convict(head.size, what, signed)

    def convict(self, position: int, what: str, signed: bytes) -> None:
        """Keep a contradicting head beside the kept records, which are checked first.

        Raises `ArchiveDamaged` if the archive is damaged: then the head convicts
        nobody.
        """
        self.archive.self_check()
        path = self.folder / f"contradiction-{position}.note"
        durable.write(path, signed, summed=True)
        self._convict_by(path, position, what)

    def recall_conviction(self) -> None:
        """Convict again by the newest contradicting head here, if there is one."""
        heads = self.folder.glob(CONTRADICTIONS)
        newest = max(heads, key=lambda path: path.stat().st_mtime_ns, default=None)
        if newest is not None:
            position = newest.stem.rpartition("-")[2]
            what = "the head that convicted it before the last start is still kept here"
            self._convict_by(newest, int(position) if position.isdigit() else 0, what)

    def _convict_by(self, path: Path, position: int, what: str) -> None:
        evidence = (
            f"{path}, beside {self.folder / 'sealed'}: compare the two copies with "
            "`dragoman audit compare`"
        )
        self.conviction = Conviction(position=position, what=what, evidence=evidence)

    def close(self) -> None:
        """Close the archive."""
        self.archive.close()


def is_opening(raw: bytes, cid: str) -> bool:
    """Return whether a first record is the opening of the channel with that cid."""
    try:
        return cid_of(parse(raw).act) == cid
    except NotARecord:
        return False


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


ReadTile = Callable[[str], Awaitable[bytes | None]]
"""A function that reads a tile from the host by its path; None if it is not served."""


class ServedTree:
    """The tree of a signed head, from the tiles that the host serves.

    The copy verifies it.
    """

    def __init__(self, size: int, read_tile: ReadTile) -> None:
        """Begin without any tile, for a head of so many records."""
        self.size = size
        self._read_tile = read_tile
        self._tiles: dict[Tile, bytes] = {}

    async def nodes(self, *sizes: int) -> Nodes:
        """Return the nodes which show that trees of some sizes begin this one.

        Raises `UnprovenHead` if a tile is missing.
        """
        wanted: list[Tile] = []

        def note(tile: Tile) -> bytes:
            wanted.append(tile)
            return bytes(tile.width * HASH)

        def noted(level: int, index: int) -> bytes:
            return tiles.node(level, index, self.size, note)

        for size in sizes:
            merkle.root_of(noted, size)
            merkle.consistency(noted, size, self.size)
        for tile in wanted:
            if tile not in self._tiles:
                self._tiles[tile] = await self._read(tile)
        return lambda level, index: tiles.node(level, index, self.size, self._tiles.__getitem__)

    async def _read(self, tile: Tile) -> bytes:
        raw = await self._read_tile(tile.path)
        if raw is None or len(raw) != tile.width * HASH:
            raise UnprovenHead(
                f"{tile.path} of the signed head of {self.size} records is not served"
            )
        return raw
