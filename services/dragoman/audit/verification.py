"""The verification of a log from its records' bytes, a cid and a key, and nothing else.

It answers every question that an auditor has. These checks run in this order:

    opening      position 1 is a genesis that every side's root key signed, with the
                 expected cid
    records      every message was read strictly, judged by the tables at its own
                 position, and folded; void records are listed
    signatures   every act that must be signed is signed, by keys valid at its position;
                 acts that only the host attests are counted
    disputed     acts signed with a key that its side reports as stolen since an earlier
                 time are listed: they stay valid
    seen         an act over a head far in the past, or older than its author had seen
                 before, is listed: it may have been held back
    numbers      counted from the log, without a gap
    times        a record dated before the channel's time is listed: it convicts nobody,
                 because gateways' clocks differ; a record was dated falsely if its date
                 is after the cosignature of a head that has it, or before the
                 cosignature of a head that lacks it
    head         the signed head is of the key in the genesis and of these records, and
                 no record is beyond it; a reader with a log's key or witnesses expects
                 a head, and the witnesses' cosignatures under it
    erasures     if an entry stands for a record, an erasure in this log names the
                 record, with the consent of every side
    freshness    each of the reader's witnesses has cosigned lately, if the reader
                 expects it: a frozen log is an old one
    tiles        each tile is the one that the records make, and no tile of the head is
                 missing

Each result names the party on whose word it rests. The verification reports the first
inconsistency with its position, and the evidence with whom it convicts.

The signature counts first. If the records are not those of the signed head, nothing
else in them counts: the verification reports the first record that differs. Tiles that
came with the records lead to it. Somebody who changed the tiles as well can only hide
the position. Bytes that differ from signed ones were changed by somebody who had them.
The host is accused only of what its key has signed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from dragoman.audit.file_checks import FileChecks
from dragoman.audit.head_checks import HeadChecks
from dragoman.audit.kept_audit import KeptAudit, keep
from dragoman.audit.leaf_hashes import LeafHashes
from dragoman.audit.record_checks import RecordChecks
from dragoman.audit.replay import Replay
from dragoman.audit.tile_checks import TileChecks
from dragoman.audit.verification_result import (
    CARRIED,
    SERVED,
    CheckResult,
    CosigningTime,
    LogInconsistent,
    ResultCollector,
    Verified,
)
from dragoman.domain.acts.erasure import Named, leaf_entry
from dragoman.domain.fold import NewerRules
from dragoman.domain.record.codec import Record
from dragoman.eventlog.archive import ArchiveSums
from dragoman.tlog import dsse, leaf
from dragoman.tlog.merkle import Nodes
from dragoman.tlog.note import Verifier
from dragoman.tlog.policy import Policy
from dragoman_schemas.state import Registry


class Verification:
    """A verification in progress: it takes messages, then the head, then the tiles.

    `result` returns the results at the end.
    """

    def __init__(
        self,
        *,
        cid: str = "",
        log: Verifier | None = None,
        witnesses: Sequence[Verifier] = (),
        policy: Policy | None = None,
        not_before: int = 0,
        cosigned: Sequence[CosigningTime] = (),
        live: bool = False,
        base: KeptAudit | None = None,
    ) -> None:
        """Trust the cid, verifier keys and policy; without them, trust the log's own.

        `not_before` is in seconds of Unix time: an older cosignature of one of the
        witnesses does not count. `cosigned` lists, in order, when the reader's own
        witness cosigned. A record in such a head cannot be dated after it, and a record
        that it lacks cannot be dated before it. A `live` log comes from its host's
        gateway, not from a copy that somebody carried. With a `kept` audit,
        go on after its last record: messages before it are not taken.
        """
        self.erasures: Callable[[], Named] | None = None
        """Reads the erasures of the log. It is called once, at the first entry for a
        record.
        """
        self.newer: NewerRules | None = None
        """The end of what this program can judge, if the log goes on by newer rules."""
        self.base = base
        self.shown: bytes | None = None
        """The signed head that was checked last."""
        self.tiled = 0 if base is None else base.tiled
        """The number of records whose tiles were compared at the gateway."""
        self.copied: ArchiveSums | None = None if base is None else base.archive
        """The digests of the mirror that was verified last, or None."""
        self.replay = Replay(None if base is None else base.replay)
        self._collector = ResultCollector(SERVED if live else CARRIED)
        self._leaves = LeafHashes(self.replay)
        self._records = RecordChecks(
            self.replay, self._collector, cid=cid, log=log, policy=policy, cosigned=cosigned
        )
        self.is_bounded = bool(cosigned)
        """True if dates are compared with the cosignatures of the reader's witness."""
        if base is not None and base.checks is not None:
            self._records.go_on(base.checks, base.fold.signed_by)
        self._head = HeadChecks(
            self.replay,
            self._leaves,
            self._records,
            self._collector,
            log=log,
            witnesses=witnesses,
            policy=policy,
            not_before=not_before,
        )
        self._tiles = TileChecks(self._leaves, self._head, self._collector)
        self._files = FileChecks(self.replay, self._leaves, self._head, self._collector)
        self._knows_erasures = False
        self._named: Named = {}
        self._keys: dict[str, bytes] = {}
        self._keys_of: Registry | None = None

    @property
    def lie(self) -> LogInconsistent | None:
        """The first inconsistency, or None if no check has failed so far."""
        return self._collector.lie

    @lie.setter
    def lie(self, lie: LogInconsistent | None) -> None:
        self._collector.lie = lie

    @property
    def signed(self) -> int:
        """The number of records under the head, once the head was accepted."""
        return self._head.signed

    @property
    def size(self) -> int:
        """The number of messages that were taken."""
        return self._leaves.size

    @property
    def begins_after(self) -> int:
        """The number of records of the kept audit from which this one goes on."""
        return 0 if self.base is None else self.base.size

    def keep(self, folder: Path) -> str:
        """Keep this audit in a folder, for the next one to go on from.

        Return the reason if it cannot be kept, and else an empty text.
        """
        if self.newer is not None:
            return "this program cannot judge all records"
        if self.shown is None or self._head.signed != self.size:
            return "no signed head is of exactly these records"
        if self.replay.unproven:
            return "a record is withheld, and its erasure is still to come"
        keep(
            folder,
            self.replay,
            self.shown,
            before=self.base,
            signers=self._records.signers,
            checks=self._records.counts(),
            tiled=self.tiled,
            bounded=self.is_bounded,
            archive=self.copied,
        )
        return ""

    def keys(self) -> dict[str, bytes]:
        """Return every key that was ever entered so far, by its id.

        Signatures can be verified under them before the tables judge the acts.
        """
        registry = self.replay.standing.state.registry
        if registry is not self._keys_of:
            entered = {} if registry is None else registry.keys
            self._keys = {
                keyid: public
                for keyid, key in entered.items()
                if (public := dsse.decode_base64(key.public, 32)) is not None
            }
            self._keys_of = registry
        return self._keys

    def take(
        self,
        messages: Iterable[bytes | Record],
        progress: Callable[[int], None] = lambda position: None,
    ) -> None:
        """Fold and check messages from position 1 on, or the records read from them.

        After the first inconsistency, messages are only hashed, so that the head can
        still be compared with all of them. So are messages that follow rules that this
        program lacks.
        """
        for message in messages:
            raw = message if isinstance(message, bytes) else message.raw
            if leaf.read_entry(raw) is not None:
                if self.erasures is not None:
                    self.expect(self.erasures())
                self._leaves.entries[self.size + 1] = raw
            if self.lie is not None or not self._is_judged(message):
                self._leaves.add(leaf_entry(self.size + 1, raw, self._named))
            if self.size % 500 == 0:
                progress(self.size)
        progress(self.size)

    def _is_judged(self, message: bytes | Record) -> bool:
        """Fold and check a message, unless this program lacks its rules."""
        if self.newer is None:
            try:
                self._records.fold(message)
            except NewerRules as error:
                self.newer = error
        return self.newer is None

    def expect(self, withhelds: Named) -> None:
        """Announce the records that the erasures of this log name.

        Erasures may still come that name more records.
        """
        self.replay.expect(withhelds)
        self._named = withhelds
        self.erasures = None
        self._knows_erasures = True

    def asks_for_erasures(self, messages: Iterable[bytes]) -> bool:
        """Return whether to call `expect` before the next messages.

        This is so if one of them is an entry for a record, and `expect` was not called
        yet.
        """
        return not self._knows_erasures and any(
            leaf.read_entry(message) is not None for message in messages
        )

    def head(
        self,
        signed: bytes | None,
        *,
        whole: bool = True,
        sources: Callable[[int], Sequence[Nodes]] = lambda size: (),
    ) -> None:
        """Check the signed head against the records that were taken.

        If the log is not `whole` yet, more records are to come, and a head over the
        last of them. `sources` returns the hashes that came with the records, for a
        head of that size: they lead to the first record that is not the signed one.
        """
        self.shown = signed
        self._head.check(signed, whole=whole, sources=sources)

    def described(self, about: Mapping[str, object], raw: bytes) -> None:
        """Check an export's `channel.json`, and its bytes, against the records."""
        self._files.check_description(about, raw)

    def readme(self, data: bytes | None) -> None:
        """Check an export's `README.md` against the texts that any release wrote."""
        self._files.check_readme(data)

    def contained(self, oddity: str, position: int = 0, *, beside: bool = False) -> None:
        """Report a difference between a file and an export, unless `oddity` is empty.

        The difference may be something `beside` the members of an export, which no
        check reads.
        """
        self._files.check_container(oddity, position, beside=beside)

    def tiles(self, texts: Iterable[tuple[str, bytes]]) -> None:
        """Check all tiles and entry bundles of an export against the records.

        The signed head must have all tiles of its tree.
        """
        for path, raw in texts:
            self.tile(path, raw)
        self.all_tiled("what was given as an export")

    def tile(self, path: str, raw: bytes) -> None:
        """Check a tile or entry bundle against the records that were taken."""
        self._tiles.check(path, raw)

    def all_tiled(self, source: str, before: int = 0) -> None:
        """Report a missing tile of the signed head, after the last tile.

        `source` names the origin of the tiles, for the evidence. The full tiles of the
        records `before` a kept audit ended need not be here.
        """
        self._tiles.finish(source, before)

    def result(self) -> Verified:
        """Return the result of the verification."""
        state = self.replay.standing.state
        registry = state.registry
        void = tuple(f"{position}: {reason}" for position, reason in self.replay.void.items())
        disputed = tuple(
            f"{position}: by {whose}" for position, whose in sorted(self._records.disputed())
        )
        findings = (*self._records.results(), *self._collector.results)
        if self.base is not None:
            findings = (_found_before(self.base, self.size), *findings)
        return Verified(
            channel="" if registry is None else registry.name,
            cid="" if registry is None else registry.cid,
            position=state.position,
            digest=self.replay.standing.digest,
            findings=findings if self.lie is None else (),
            lie=self.lie,
            void=void,
            disputed=disputed,
            newer="" if self.newer is None else str(self.newer),
        )


def _found_before(base: KeptAudit, size: int) -> CheckResult:
    """Return the result that an earlier audit is relied on, and how far."""
    return CheckResult(
        check="kept audit",
        found=f"the first of these {size}: {base.described}; only {size - base.size} were "
        "judged now",
        word="your own, of that time: anyone who can write to the folder could have changed it",
    )
