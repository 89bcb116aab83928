"""The verification of a log: every question an auditor has, answered from the records' bytes, a cid and a key, and nothing else.

    opening      position 1 is a genesis that the root keys of every side signed, and its cid is the one that was asked for
    records      every message was read strictly, judged by the tables at its own position, and folded; void ones are listed
    signatures   every act that must be signed is, by keys valid at its position; what only the host attests is counted
    disputed     what was signed with a key that its side holds for stolen from before on is listed: it stays valid
    seen         an act over a head that is long past, or older than its author had seen before, is listed: it may have been held back
    numbers      counted from the log, without a gap
    times        where a record is dated behind the channel's time is listed: it convicts nobody, since gateways' clocks differ; one that is
                 dated past the cosignature of a head that has it, or before that of a head that lacks it, was dated falsely
    head         the signed head is of the key that the genesis names, and of these records, none of which stands beyond it; who gives
                 a log's key or names witnesses asks for one, and for their cosignatures under it
    erasures     where an entry stands for a record, the erasure that names it came in this log, by the consent of every side
    freshness    each witness that was named has cosigned it lately, where that is asked for: a log that is shown frozen is an old one
    tiles        each is what the records make of it, and none that the head speaks of is wanting

Each finding says whose word it rests on. The first lie is said with where it is, and
what convicts whom.

What was signed comes first. Where the records are not those of the signed head, nothing
else that they say counts, and what is told is the first record that differs. Tiles that
came with the records lead to it: whoever changed them as well can only hide where it
is. Bytes that differ from signed ones were changed by somebody who had them. The host
is accused only of what its key has signed.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct, UnsetType

from dragoman.audit.export import description_of, readmes_of
from dragoman.audit.replay import Replay
from dragoman.domain.acts import log_policy, membership
from dragoman.domain.acts.erasure import Named, leaf_entry
from dragoman.domain.acts.log_policy import log_of
from dragoman.domain.record.codec import NotARecord, Record, parse
from dragoman.tlog import checkpoint, dsse, leaf, merkle, tiles
from dragoman.tlog.checkpoint import Checkpoint
from dragoman.tlog.difference import LeafDifference, first_difference
from dragoman.tlog.merkle import Nodes, leaf_hash
from dragoman.tlog.note import NotANote, Note, Verifier
from dragoman.tlog.policy import Policy
from dragoman.tlog.tiles import ENTRIES, Tile
from dragoman_schemas.state import Registry

FAR_RECORDS: Final = 1_000
"""How far behind its own position the head may be that an author has seen, before it is
listed.
"""

BACK_SECONDS: Final = 2.0
"""How far a record's time may step back behind the channel's: two gateways' clocks,
each of which is held to the broker's.
"""

SKEW_SECONDS: Final = 10.0
"""How far the host's clock and that of a witness may be apart."""

_SHOWN: Final = 5

CARRIED: Final = (
    "this copy was changed after it was signed, or never was what was signed; whoever carried it may have changed it, "
    "so that it convicts nobody: compare it with another copy (`dragoman audit compare`)"
)
SERVED: Final = (
    "what the gateway gave, and its signed head: the head shows that this is not what was signed, and not who changed it, the host or somebody "
    "on the way, so that it convicts nobody: ask once more, and compare with another copy (`dragoman audit compare`)"
)


class CheckResult(Struct, frozen=True, kw_only=True):
    """One thing that was checked: what came of it, and whose word it rests on."""

    check: str
    found: str
    word: str


class LogInconsistent(Struct, frozen=True, kw_only=True):
    """What does not hold: which check, at which position, and what to keep as evidence against whom.

    The position is 0 for what is in no record, and where it cannot be told in which.
    """

    check: str
    position: int
    what: str
    evidence: str


class Verified(Struct, frozen=True, kw_only=True):
    """What a verification came to; `lie` is None where everything holds. `disputed` is what was signed with keys held for stolen, each."""

    channel: str
    cid: str
    position: int
    digest: str
    findings: tuple[CheckResult, ...]
    lie: LogInconsistent | None = None
    void: tuple[str, ...] = ()
    disputed: tuple[str, ...] = ()


class CosigningTime(Struct, frozen=True, kw_only=True, array_like=True):
    """When a reader's own witness cosigned a head of so many records, in seconds of Unix time."""

    size: int
    time: int


class Verification:
    """A verification under way: takes messages, then the head and the tiles."""

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
    ) -> None:
        """Trust a cid, verifier keys and a policy, where they are given; without them, what the log says of itself.

        `not_before`, in seconds of Unix time: an older cosignature of a witness that
        was named is no answer. `cosigned` is what the reader's own witness has kept of
        when it cosigned, in order: no record it had was dated after, and none that it
        lacked before. A `live` log comes from its host's gateway, not from a copy that
        somebody carried.
        """
        self.erasures: Callable[[], Named] | None = None
        """Reads the log for what its erasures name; asked once, where an entry stands
        for a record.
        """
        self._cid = cid
        self._changed = SERVED if live else CARRIED
        self._not_before = not_before
        self._bounds = cosigned
        self._bound = 0
        self._policy = policy
        self._witnesses = witnesses
        self._log = log
        self.replay = Replay()
        self._knows_erasures = False
        self._unfolded: list[bytes] = []
        self._entries: dict[int, bytes] = {}
        self._named: Named = {}
        self._attested: Counter[str] = Counter()
        self._back = 0
        self._latest = 0
        self._times: list[str] = []
        self._tiles: set[str] = set()
        self.signed = 0
        """How many records the head has that was found to be theirs."""
        self._seen: dict[str, int] = {}
        self._held: list[str] = []
        self._signed_by: dict[str, array[int]] = {}
        self._keys: dict[str, bytes] = {}
        self._keys_of: Registry | None = None
        self._findings: list[CheckResult] = []
        self.lie: LogInconsistent | None = None

    def keys(self) -> dict[str, bytes]:
        """Return every key that was ever entered so far, by its id: under which signatures can be verified before they are judged."""
        registry = self.replay.standing.state.registry
        if registry is not self._keys_of:
            known = {} if registry is None else registry.keys
            self._keys = {
                keyid: public
                for keyid, key in known.items()
                if (public := dsse.decode_base64(key.public, 32)) is not None
            }
            self._keys_of = registry
        return self._keys

    @property
    def size(self) -> int:
        """Return how many messages were taken."""
        return self.replay.standing.frontier.size + len(self._unfolded)

    def take(
        self,
        messages: Iterable[bytes | Record],
        told: Callable[[int], None] = lambda position: None,
    ) -> None:
        """Fold messages from position 1 on, or the records that they were read as, and look at each.

        From the first lie on they are only hashed, so that the head can still be held
        against all of them.
        """
        for message in messages:
            raw = message if isinstance(message, bytes) else message.raw
            if leaf.read_entry(raw) is not None:
                if self.erasures is not None:
                    self.expect(self.erasures())
                self._entries[self.size + 1] = raw
            if self.lie is None:
                self._fold(message)
            else:
                self._unfolded.append(leaf_hash(leaf_entry(self.size + 1, raw, self._named)))
            if self.size % 500 == 0:
                told(self.size)
        told(self.size)

    def _fold(self, message: bytes | Record) -> None:
        before = self.replay.standing.state.time
        record = message if isinstance(message, Record) else _parsed(message)
        self.replay.take([message if record is None else record])
        position = self.replay.standing.state.position
        if self.replay.standing.state.time > before:
            self._latest = position
        void = position in self.replay.void
        if not void and record is not None:
            self._look(record, before)
        if position == 1:
            self._opening(void=void)
        if self.replay.unproven:
            self._look_at_withheld(position, record)

    def expect(self, withhelds: Named) -> None:
        """Make known what the erasures of this log name, as far as they are known by now."""
        self.replay.expect(withhelds)
        self._named = withhelds
        self.erasures = None
        self._knows_erasures = True

    def asks_for_erasures(self, messages: Iterable[bytes]) -> bool:
        """Return whether an entry stands among messages that are to come, and nothing was said of erasures yet."""
        return not self._knows_erasures and any(
            leaf.read_entry(message) is not None for message in messages
        )

    def _look_at_withheld(self, position: int, record: Record | None) -> None:
        """What stands where the erasure was to come that names a record which is withheld: another record proves nothing, nor does a void one."""
        withheld = min((at for at, by in self.replay.unproven.items() if by <= position), default=0)
        if not withheld:
            return
        by = self.replay.unproven[withheld]
        what = (
            f"the erasure at {by} that names it is without effect: {self.replay.void.get(position, '')}"
            if record is not None and record.name == "erasure"
            else f"what stands at {by} is no erasure of it"
        )
        evidence = f"the entry at that position, and the record at {by}: whoever keeps the record itself can show it"
        self._tell("erasure", withheld, f"the record is withheld, and {what}", evidence)

    def _opening(self, *, void: bool) -> None:
        registry = self.replay.standing.state.registry
        if void or registry is None:
            self._tell(
                "opening",
                1,
                "position 1 is no genesis that every side signed: this is no channel",
                "the message at position 1",
            )
        elif self._cid and registry.cid != self._cid:
            what = f"this is the channel {registry.cid}, and not {self._cid}: another opening under the same name"
            self._tell(
                "opening", 1, what, "the two genesis records: who signed both opened two logs"
            )
        elif self._log is not None and log_of(registry) != self._log:
            self._tell(
                "opening",
                1,
                "the genesis names another log key than the one that was given",
                "the genesis record",
            )
        elif self._policy is not None and log_of(registry) not in self._policy.logs.values():
            self._tell(
                "opening",
                1,
                "the genesis names another log key than the policy that was given",
                "the genesis record, and your policy",
            )

    def _look(self, record: Record, before: str) -> None:
        self._look_at_seen(record)
        for keyid in [keyid for keyid, _ in record.verified] or membership.signer_ids(record):
            self._signed_by.setdefault(keyid, array("Q")).append(
                self.replay.standing.state.position
            )
        kind = "services" if record.side == "service" else record.envelope.attestation
        self._attested[kind] += 1
        if self._bounds:
            self._look_at_bounds(record.envelope.time)
        if before and record.envelope.time < before:
            self._back += 1
            behind = (
                datetime.fromisoformat(before) - datetime.fromisoformat(record.envelope.time)
            ).total_seconds()
            if behind > BACK_SECONDS:
                self._times.append(
                    f"{self.replay.standing.state.position} is dated {behind:.1f} s before the channel's time"
                )

    def _look_at_bounds(self, time: str) -> None:
        """Between which two cosignatures of the reader's own witness a record came, and so was dated."""
        position, when = (
            self.replay.standing.state.position,
            datetime.fromisoformat(time).timestamp(),
        )
        while self._bound < len(self._bounds) and self._bounds[self._bound].size < position:
            self._bound += 1
        lacking = self._bounds[self._bound - 1] if self._bound else None
        having = self._bounds[self._bound] if self._bound < len(self._bounds) else None
        if having is not None and when > having.time + SKEW_SECONDS:
            what = f"it is dated {time}, and your witness cosigned a head that has it at {_moment(having.time)}: it is dated ahead"
        elif lacking is not None and when < lacking.time - SKEW_SECONDS:
            what = f"it is dated {time}, and your witness cosigned a head without it at {_moment(lacking.time)}: it is dated back"
        else:
            return
        self._tell(
            "times",
            position,
            what,
            "the record, and the heads that your witness cosigned; no signed head has the record yet",
        )

    def _look_at_seen(self, record: Record) -> None:
        """Which head an author had seen: an older one than before, or one long past, may be an act that was held back."""
        signed = record.data.signed
        if isinstance(signed, UnsetType):
            return
        position, before = (
            self.replay.standing.state.position,
            self._seen.get(record.envelope.actor, 0),
        )
        if signed.seen.size < before:
            self._held.append(
                f"{position} was signed over a head of {signed.seen.size} records, after one of {before} by the same author"
            )
        elif position - signed.seen.size > FAR_RECORDS:
            self._held.append(f"{position} was signed over a head of {signed.seen.size} records")
        self._seen[record.envelope.actor] = max(before, signed.seen.size)

    def _disputed(self) -> Iterator[tuple[int, str]]:
        """Yield what was signed with keys that are held for stolen: the position, and with whose key."""
        registry = self.replay.standing.state.registry
        for keyid, key in {} if registry is None else registry.keys.items():
            if key.suspect_from is not None:
                whose = f"a key of {key.owner}, which ended at {key.until} and is held for stolen from {key.suspect_from} on"
                signed = self._signed_by.get(keyid, array("Q"))
                yield from (
                    (position, whose) for position in signed if membership.is_suspect(key, position)
                )

    def _tell(self, check: str, position: int, what: str, evidence: str) -> None:
        if self.lie is None:
            self.lie = LogInconsistent(check=check, position=position, what=what, evidence=evidence)

    def head(
        self,
        signed: bytes | None,
        *,
        whole: bool = True,
        sources: Callable[[int], Sequence[Nodes]] = lambda size: (),
    ) -> None:
        """Hold the signed head against the records that were taken. Of what is not `whole` yet, more is to come: records, a head over the last of them.

        `sources` gives the hashes that came with the records, for a head of that many:
        they lead to the first record that is not the signed one.
        """
        size = self.size
        if not size:
            self._tell(
                "opening", 0, "there are no records, not even an opening", "what was given as a log"
            )
        log = self._log_key
        if not size or log is None:
            return
        if signed is None:
            if not self._are_withheld(whole=whole):
                self._no_head()
            return
        try:
            result, signatures = checkpoint.opened(signed, log)
        except NotANote as error:
            what = f"the signed head is none of this log: {error}"
            self._overrule(
                LogInconsistent(
                    check="head",
                    position=0,
                    what=what,
                    evidence=f"the head as it was given: {self._changed}",
                )
            )
            return
        if (
            not self._is_signed(result, sources)
            or self._are_withheld(whole=whole)
            or self.lie is not None
        ):
            return
        self._look_at_cosignatures(result, signatures, whole=whole)

    @property
    def _log_key(self) -> Verifier | None:
        """The key that heads must be of: the given one, or the one that the opening names."""
        registry = self.replay.standing.state.registry
        return self._log or (None if registry is None else log_of(registry))

    def _overrule(self, lie: LogInconsistent) -> None:
        """Tell what the records are to be held against, before what they say. Only another channel is told before that."""
        if self.lie is None or self.lie.check != "opening":
            self.lie = lie

    def _are_withheld(self, *, whole: bool) -> bool:
        """Return whether records are withheld, and the erasures that were shown for them did not come."""
        if self.lie is not None or not whole or not self.replay.unproven:
            return False
        withheld = min(self.replay.unproven)
        what = f"the record is withheld, and the erasure at {self.replay.unproven[withheld]} that was shown for it did not come"
        self._tell(
            "erasure", withheld, what, "the entry at that position, and the log as it was given"
        )
        return True

    def _is_signed(self, head: Checkpoint, sources: Callable[[int], Sequence[Nodes]]) -> bool:
        """Return whether the records are those of the head; else the first that is not is told."""
        size = self.size
        if head.size <= size and self._root(head.size) == head.root:
            self._covered(head)
            return True
        leaves = self._leaves()
        entries = [
            leaf_hash(entry) if (entry := self._entries.get(at)) is not None else data
            for at, data in enumerate(leaves, 1)
        ]
        difference = first_difference(head.size, head.root, [leaves, entries], sources(head.size))
        if (
            difference is None
        ):  # the bytes are those that were signed, and not all that were signed for
            as_read = first_difference(head.size, head.root, [leaves], sources(head.size))
            first = 0 if as_read is None else as_read.first
            self._overrule(
                _unnamed(
                    [at for at in self._entries if at > first and leaves[at - 1] != entries[at - 1]]
                )
            )
        elif difference.first == 0 and self._log is not None:
            self.lie = self._differing(head, difference, leaves)
        else:
            self._overrule(self._differing(head, difference, leaves))
        return False

    def _covered(self, head: Checkpoint) -> None:
        """What the host has signed over is what it can be accused of."""
        lie = self.lie
        if lie is not None and lie.check == "times" and lie.position <= head.size:
            evidence = "the record under the signed head, and the heads that your witness cosigned: if its clock was right they convict the host"
            self.lie = LogInconsistent(
                check=lie.check, position=lie.position, what=lie.what, evidence=evidence
            )

    def _differing(
        self, head: Checkpoint, difference: LeafDifference, leaves: Sequence[bytes]
    ) -> LogInconsistent:
        """Return the first record that is not the one under the head, as a lie."""
        size, position = len(leaves), difference.first + 1
        counted = (
            "" if size == head.size else f"; {head.size} records were signed, and {size} are here"
        )
        if difference.first == size:
            what = f"the records from here on are missing{counted}: the log was cut off"
        elif difference.first != difference.last:
            what = f"of the records from {position} to {difference.last + 1} at least one is not the one that was signed, or is missing{counted}"
            what += "; nothing that came with them shows which is the first"
            return LogInconsistent(check="records", position=0, what=what, evidence=self._changed)
        elif position in self._entries:
            what = f"an entry stands here for a record, and is not the one that was signed{counted}"
        else:
            what = f"the record is not the one that was signed here{counted}"
        return LogInconsistent(
            check="records", position=position, what=what, evidence=self._changed
        )

    def _leaves(self) -> list[bytes]:
        """Return the leaf hash of every message."""
        folded = self.replay.standing.frontier.size
        return [
            leaf_hash(leaf.entry(index, self.replay.commit_at(index))) for index in range(folded)
        ] + self._unfolded

    def _root(self, size: int) -> bytes:
        """Return the root of the first messages."""
        if size <= self.replay.standing.frontier.size:
            return self.replay.root(size)
        return merkle.root_of(merkle.nodes_of(self._leaves()), size)

    def _look_at_cosignatures(self, head: Checkpoint, signatures: Note, *, whole: bool) -> None:
        """Who has signed a head that is of these records, and what came after it."""
        registry, size = self.replay.standing.state.registry, self.size
        if registry is None:
            return
        try:
            wanting = _not_cosigned(signatures, self._witnesses, self._policy, 0)
            stale = _not_cosigned(signatures, self._witnesses, self._policy, self._not_before)
            cosigned = _cosigned(
                signatures,
                [*self._witnesses, *(self._policy.witnesses.values() if self._policy else ())],
            )
            final = _final(registry, signatures)
        except NotANote as error:
            self._tell(
                "head",
                0,
                f"a cosignature under the signed head is wrong: {error}",
                f"the head as it was given: {self._changed}",
            )
            return
        if whole and head.size < size:
            what = f"{size - head.size} records at the end stand under no signed head: whoever gave them can deny them"
            self._tell("head", head.size + 1, what, "what was given; ask for a head of all of them")
        elif wanting:
            what = f"{', '.join(wanting)} cosigned no head of {head.size} records: whether others are shown another one cannot be told"
            self._tell(
                "head", 0, what, "the signed head, and the newest one that the witness has itself"
            )
        elif stale:
            newest = _moment(max(cosigned.values()))
            what = (
                f"the newest cosignature under the head is of {newest}, and none of {', '.join(stale)} is as new as was asked for: "
                "what came since is kept back, or the witness is away"
            )
            self._tell(
                "freshness",
                0,
                what,
                "the head; ask the witness for the newest one that it has itself",
            )
        else:
            self._look_at_ahead(head.size, cosigned)
            self._found_head(head.size, final, cosigned)

    def _no_head(self) -> None:
        """What it comes to where no head was given at all."""
        if self._log is not None or self._witnesses or self._policy is not None:
            what = "no signed head is here: whether the log was cut off or changed cannot be told"
            self._overrule(
                LogInconsistent(
                    check="head",
                    position=0,
                    what=what,
                    evidence=f"the records that were given: {self._changed}",
                )
            )
        elif self.lie is None:
            self._findings.append(
                CheckResult(
                    check="head",
                    found="no head was signed",
                    word="nobody's: nothing but these bytes speaks for them",
                )
            )
        elif self.lie.check != "opening":
            evidence = f"{self.lie.evidence}; no signed head shows that these are the bytes that were signed"
            self.lie = LogInconsistent(
                check=self.lie.check,
                position=self.lie.position,
                what=self.lie.what,
                evidence=evidence,
            )

    def _look_at_ahead(self, size: int, cosigned: Mapping[str, int]) -> None:
        """No record is dated after the cosignature of a head that has it."""
        state = self.replay.standing.state
        first = min(cosigned.values(), default=0)
        if (
            not cosigned
            or size < state.position
            or datetime.fromisoformat(state.time).timestamp() <= first + SKEW_SECONDS
        ):
            return
        name = min(cosigned, key=lambda text: cosigned[text])
        what = f"a record is dated {state.time}, and {name} cosigned a head that has it at {_moment(first)}: it is dated ahead"
        evidence = "the record, and the cosigned head: if the witness's clock was right they convict the host"
        self._tell("times", self._latest, what, evidence)

    def _found_head(self, size: int, final: list[CheckResult], cosigned: Mapping[str, int]) -> None:
        beyond = self.replay.standing.frontier.size - size
        after = f"; {beyond} came after it, under no signed head yet" if beyond else ""
        names = ", ".join(
            [
                *(witness.name for witness in self._witnesses),
                *(["the quorum of the policy given"] if self._policy else []),
            ]
        )
        text = (
            f"cosigned by {names}, which cosigns one branch and no other"
            if names
            else "no witness was named, so others may be shown another one"
        )
        word = f"the host's signature, which binds it to these bytes; {text}"
        self._findings.append(
            CheckResult(check="head", found=f"of {size} records, and of these{after}", word=word)
        )
        self._findings += [*final, *_fresh(cosigned)]
        self.signed = size

    def described(self, about: Mapping[str, object], raw: bytes) -> None:
        """Hold what an export says of itself, and its bytes, against the records that were taken."""
        registry = self.replay.standing.state.registry
        if registry is None or self.lie is not None:
            return
        is_so = {
            "name": registry.name,
            "cid": registry.cid,
            "kind": registry.kind,
            "custody": registry.custody,
            "sides": [side.name for side in registry.sides],
            "log": str(log_of(registry)),
            "records": self.size,
        }
        evidence = f"channel.json, beside the records: {self._changed}"
        for name in {**about, **is_so}:
            if name not in about:
                self._tell(
                    "description",
                    0,
                    f"channel.json does not say the {name}, as that of every export does",
                    evidence,
                )
            elif name not in is_so or is_so[name] != about[name]:
                self._tell(
                    "description",
                    0,
                    f"channel.json says {name} {about[name]!r}, and the records do not",
                    evidence,
                )
        if raw != description_of(is_so):
            self._tell(
                "description",
                0,
                "channel.json says what the records do, and is not written as in every export",
                evidence,
            )

    def readme(self, data: bytes | None) -> None:
        """Hold an export's words against those that exports of these records under this head have had in any release."""
        registry = self.replay.standing.state.registry
        if registry is None or self.lie is not None:
            return
        texts = readmes_of(registry.name, registry.cid, str(log_of(registry)), self.signed)
        if data is None:
            self._tell(
                "description",
                0,
                "README.md is not here, which every export has",
                f"what was given: {self._changed}",
            )
        elif data not in [text.encode() for text in texts]:
            what = "README.md is not what an export of these records has in it in any release: follow none of it"
            self._tell("description", 0, what, f"README.md: {self._changed}")

    def contained(self, oddity: str, position: int = 0, *, beside: bool = False) -> None:
        """Tell in what a file is not as an export is, if in anything; or what it has `beside` its members, none of which was looked at."""
        if not oddity:
            return
        evidence = (
            "the file: no record is in these bytes, and nobody signed them, so that they convict nobody: do not use them, "
            "take the file anew from whoever exported it, or compare it with another copy (`dragoman audit compare`)"
        )
        self._tell("file", position, oddity, evidence if beside else f"the file: {self._changed}")

    def tiles(self, texts: Iterable[tuple[str, bytes]]) -> None:
        """Hold tiles and entry bundles against the records that were taken, of which a signed head must have all."""
        for path, raw in texts:
            self.tile(path, raw)
        self.tiled("what was given as an export")

    def tile(self, path: str, raw: bytes) -> None:
        """Hold a tile or entry bundle against the records that were taken."""
        size = self.size
        tile = tiles.read_path(path)
        if self.lie is not None:
            return
        if tile is None or not tiles.exists(tile, size):
            self._tell(
                "tiles",
                0,
                f"{path} is no tile of a tree of {size} records",
                f"the tile: {self._changed}",
            )
            return
        if tile.level == ENTRIES:
            pieces = [
                tiles.bundle([leaf.entry(at, self.replay.commit_at(at))])
                for at in range(tile.first, tile.first + tile.width)
            ]
        else:
            pieces = [
                self.replay.nodes(tiles.BITS * tile.level, at)
                for at in range(tile.first, tile.first + tile.width)
            ]
        if raw != b"".join(pieces):
            self._tell_tile(tile, pieces, raw)
            return
        self._tiles.add(path)

    def _tell_tile(self, tile: Tile, pieces: Sequence[bytes], raw: bytes) -> None:
        """Tell at which record a tile first differs, and whether it is the tile that is wrong."""
        begin = number = 0
        while (
            number < tile.width - 1 and raw[begin : begin + len(pieces[number])] == pieces[number]
        ):
            begin += len(pieces[number])
            number += 1
        below = tile.first + number << tiles.BITS * max(tile.level, 0)
        last = (tile.first + number + 1 << tiles.BITS * max(tile.level, 0)) - 1
        where = "" if below == last else f", for the positions from {below + 1} to {last + 1}"
        whose = (
            "the records are those of the signed head, so it is the tile that was changed"
            if self.signed
            else "no signed head shows which of them was changed"
        )
        self._tell(
            "tiles",
            below + 1,
            f"{tile.path} is not what the records make of it{where}: {whose}",
            f"the tile: {self._changed}",
        )

    def tiled(self, source: str) -> None:
        """That was the last tile: none that the head speaks of may be wanting."""
        if self.lie is not None:
            return
        wanting = next(
            (tile.path for tile in tiles.tiles_of(self.signed) if tile.path not in self._tiles), ""
        )
        if wanting:
            self._tell("tiles", 0, f"{wanting} is not here", f"{source}: {self._changed}")
        elif self._tiles:
            self._findings.append(
                CheckResult(
                    check="tiles",
                    found=f"{len(self._tiles)}, each as the records make it",
                    word="these bytes' own",
                )
            )

    def result(self) -> Verified:
        """Return what it came to."""
        state = self.replay.standing.state
        registry = state.registry
        trial = registry is not None and registry.custody == "host"
        cid = "" if registry is None else registry.cid
        text = (
            "the one that was asked for"
            if self._cid
            else "NOT compared: give --cid from your own side's notes"
        )
        void = tuple(f"{position}: {reason}" for position, reason in self.replay.void.items())
        disputed = tuple(f"{position}: by {whose}" for position, whose in sorted(self._disputed()))
        numbers = sum(state.tally.values())
        erased = (
            f", {len(self.replay.erased)} erased by the consent of every side"
            if self.replay.erased
            else ""
        )
        own = (
            "the host's, which keeps the keys of all sides: a trial"
            if trial
            else "the sides' own keys"
        )
        findings = (
            CheckResult(
                check="opening", found=f"signed by every side's root; the cid is {text}", word=own
            ),
            CheckResult(
                check="records",
                found=f"{state.position}, each judged by the tables at its position; {len(void)} void{erased}",
                word="these bytes' own",
            ),
            CheckResult(
                check="signatures",
                found=f"{self._attested['author']} acts signed by their authors, {self._attested['host']} attested by the host alone, "
                f"{self._attested['services']} of services",
                word=f"{own}; of what the host attests, the host's",
            ),
            CheckResult(
                check="numbers", found=f"{numbers}, counted without a gap", word="these bytes' own"
            ),
            CheckResult(
                check="times",
                found=f"{self._back} records behind the channel's time"
                + "".join(f"; {item}" for item in self._times[:5]),
                word="the host's clock",
            ),
            CheckResult(
                check="seen",
                found=f"{len(self._held)} acts signed over an older head than was to be expected"
                + "".join(f"; {item}" for item in self._held[:5]),
                word="the authors'; the host may have held them back",
            ),
            *(
                (
                    CheckResult(
                        check="disputed",
                        found=f"{len(disputed)} acts by keys that are held for stolen",
                        word="theirs who say so",
                    ),
                )
                if disputed
                else ()
            ),
            *self._findings,
        )
        return Verified(
            channel="" if registry is None else registry.name,
            cid=cid,
            position=state.position,
            digest=self.replay.standing.digest,
            findings=findings if self.lie is None else (),
            lie=self.lie,
            void=void,
            disputed=disputed,
        )


def _unnamed(positions: Sequence[int]) -> LogInconsistent:
    """Records of which only the entries are here, though nobody has erased them."""
    text = ", ".join(str(position) for position in positions[:_SHOWN]) + (
        ", …" if len(positions) > _SHOWN else ""
    )
    what = (
        "an entry stands where a record was signed for, and no erasure names it: the record is withheld"
        if len(positions) == 1
        else f"entries stand where records were signed for, at {text}, and no erasure names them: either the records are withheld, or their erasure is"
    )
    return LogInconsistent(
        check="erasure",
        position=positions[0],
        what=what,
        evidence="the entry: whoever keeps the record itself can show it",
    )


def _parsed(raw: bytes) -> Record | None:
    """Return the record of a message; None for junk."""
    try:
        return parse(raw)
    except NotARecord:
        return None


def _not_cosigned(
    head: Note, witnesses: Sequence[Verifier], policy: Policy | None, not_before: int
) -> list[str]:
    """Return who of those that a reader names is not under a head, or not since then. Raises `NotANote` where a cosignature does not hold."""
    wanting = [
        witness.name
        for witness in witnesses
        if (line := head.signed_by(witness)) is None or line.time < not_before
    ]
    if policy is not None:
        note_signatures = {
            name: head.signed_by(witness) for name, witness in policy.witnesses.items()
        }
        witnessed = frozenset(
            name
            for name, line in note_signatures.items()
            if line is not None and line.time >= not_before
        )
        if not policy.satisfied(witnessed):
            wanting.append("the quorum of the policy given")
    return wanting


def _cosigned(head: Note, witnesses: Iterable[Verifier]) -> dict[str, int]:
    """Return when witnesses have cosigned a head, by their names."""
    note_signatures = {witness.name: head.signed_by(witness) for witness in witnesses}
    return {
        name: signature.time for name, signature in note_signatures.items() if signature is not None
    }


def _fresh(cosigned: Mapping[str, int]) -> Iterator[CheckResult]:
    """Until when the witnesses that were named say that this was the head."""
    for name, time in cosigned.items():
        yield CheckResult(
            check="freshness", found=f"cosigned at {_moment(time)}", word=f"the clock of {name}"
        )


def _moment(time: int) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _final(registry: Registry, head: Note) -> list[CheckResult]:
    """Return whether the head is final by the policy on which the sides agreed in this log. Raises `NotANote` where a cosignature does not hold."""
    policy = log_policy.in_force(registry)
    if policy is None:
        return []
    witnessed = policy.witnessed(head)
    by = [side.name for side in registry.sides if policy.satisfied(witnessed, side.name)]
    text = (
        "final"
        if policy.satisfied(witnessed)
        else f"countersigned by {' and '.join(by)}, not final"
        if by
        else "not countersigned"
    )
    return [
        CheckResult(
            check="policy",
            found=text,
            word="the witnesses whom the sides named in this log: hold their keys against your own notes",
        )
    ]
