"""The verification of a log: every question an auditor has, answered from the records' bytes, a cid and a key, and nothing else.

    opening      position 1 is a genesis that the root keys of every side signed, and its cid is the one that was asked for
    records      every message was read strictly, judged by the tables at its own position, and folded; void ones are listed
    signatures   every act that must be signed is, by keys valid at its position; what only the host attests is counted
    seen         an act over a head that is long past, or older than its author had seen before, is listed: it may have been held back
    numbers      counted from the log, without a gap
    times        where a record is dated behind the channel's time is listed: it convicts nobody, since gateways' clocks differ
    head         the signed head is of the key that the genesis names, and of these records; who gives a log's key asks for one,
                 and who names witnesses asks for their cosignatures under it
    freshness    a witness that was named has cosigned it lately, where that is asked for: a log that is shown frozen is an old one
    tiles        each is what the records make of it, and none that the head speaks of is wanting

Each finding says whose word it rests on. The first lie is said with where it is, and what convicts whom.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct, UnsetType

from dragoman.audit.export import readme_of
from dragoman.audit.replay import Replay
from dragoman.domain import heads
from dragoman.domain.erasure import Named
from dragoman.domain.heads import log_of
from dragoman.domain.record import NotARecord, Record, parse
from dragoman.tlog import checkpoint, dsse, leaf, tiles
from dragoman.tlog.note import NotANote, Note, Verifier
from dragoman.tlog.policy import Policy
from dragoman.tlog.tiles import ENTRIES
from dragoman_schemas.state import Registry

FAR_RECORDS: Final = 1_000
"""How far behind its own position the head may be that an author has seen, before it is listed."""

BACK_SECONDS: Final = 2.0
"""How far a record's time may step back behind the channel's: two gateways' clocks, each of which is held to the broker's."""


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that was checked: what came of it, and whose word it rests on."""

    check: str
    found: str
    word: str


class Lie(Struct, frozen=True, kw_only=True):
    """What does not hold: which check, at which position, and what to keep as evidence against whom."""

    check: str
    position: int
    what: str
    evidence: str


class Verified(Struct, frozen=True, kw_only=True):
    """What a verification came to; `lie` is None where everything holds."""

    channel: str
    cid: str
    position: int
    digest: str
    findings: tuple[Finding, ...]
    lie: Lie | None = None
    void: tuple[str, ...] = ()


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
    ) -> None:
        """Trust a cid, verifier keys and a policy, where they are given; without them, what the log says of itself.

        `not_before`, in seconds of Unix time: an older cosignature of a witness that was named is no answer.
        """
        self.erasures: Callable[[], Named] | None = None
        """Reads the log for what its erasures name; asked once, where an entry stands for a record."""
        self._cid = cid
        self._not_before = not_before
        self._policy = policy
        self._witnesses = witnesses
        self._log = log
        self.replay = Replay()
        self._knows_erasures = False
        self._attested: Counter[str] = Counter()
        self._back = 0
        self._times: list[str] = []
        self._signed = 0
        self._seen: dict[str, int] = {}
        self._held: list[str] = []
        self._keys: dict[str, bytes] = {}
        self._keys_of: Registry | None = None
        self._findings: list[Finding] = []
        self.lie: Lie | None = None

    def keys(self) -> dict[str, bytes]:
        """Every key that was ever entered so far, by its id: under which signatures can be verified before they are judged."""
        registry = self.replay.standing.state.registry
        if registry is not self._keys_of:
            known = {} if registry is None else registry.keys
            self._keys = {keyid: public for keyid, key in known.items() if (public := dsse.decode_base64(key.public, 32)) is not None}
            self._keys_of = registry
        return self._keys

    def take(self, messages: Iterable[bytes | Record], told: Callable[[int], None] = lambda position: None) -> None:
        """Fold messages from position 1 on, or the records that they were read as, and look at each."""
        for message in messages:
            if self.erasures is not None and isinstance(message, bytes) and leaf.read_entry(message) is not None:
                self.expect(self.erasures())
            before = self.replay.standing.state.time
            record = message if isinstance(message, Record) else _parsed(message)
            self.replay.take([message if record is None else record])
            position = self.replay.standing.state.position
            void = position in self.replay.void
            if not void and record is not None:
                self._look(record, before)
            if position == 1:
                self._opening(void=void)
            if void and record is not None and record.name == "erasure":
                self._look_at_erasure(position)
            if self.lie is not None:
                return
            if position % 500 == 0:
                told(position)
        told(self.replay.standing.state.position)

    def expect(self, named: Named) -> None:
        """Make known what the erasures of this log name, as far as they are known by now."""
        self.replay.expect(named)
        self.erasures = None
        self._knows_erasures = True

    def asks_for_erasures(self, messages: Iterable[bytes]) -> bool:
        """Whether an entry stands among messages that are to come, and nothing was said of erasures yet."""
        return not self._knows_erasures and any(leaf.read_entry(message) is not None for message in messages)

    def _look_at_erasure(self, position: int) -> None:
        """An erasure that is void proves nothing of what was withheld on the strength of it."""
        withheld = min((at for at, by in self.replay.unproven.items() if by == position), default=0)
        if not withheld:
            return
        what = f"the record is withheld, and the erasure at {position} that names it is void: not every side consented to it"
        self._tell("erasure", withheld, what, f"the entry at that position, and the record at {position}")

    def _opening(self, *, void: bool) -> None:
        registry = self.replay.standing.state.registry
        if void or registry is None:
            self._tell("opening", 1, "position 1 is no genesis that every side signed: this is no channel", "the message at position 1")
        elif self._cid and registry.cid != self._cid:
            what = f"this is the channel {registry.cid}, and not {self._cid}: another opening under the same name"
            self._tell("opening", 1, what, "the two genesis records: who signed both opened two logs")
        elif self._log is not None and log_of(registry) != self._log:
            self._tell("opening", 1, "the genesis names another log key than the one that was given", "the genesis record")

    def _look(self, record: Record, before: str) -> None:
        self._look_at_seen(record)
        kind = "services" if record.side == "service" else record.envelope.attestation
        self._attested[kind] += 1
        if before and record.envelope.time < before:
            self._back += 1
            behind = (datetime.fromisoformat(before) - datetime.fromisoformat(record.envelope.time)).total_seconds()
            if behind > BACK_SECONDS:
                self._times.append(f"{self.replay.standing.state.position} is dated {behind:.1f} s before the channel's time")

    def _look_at_seen(self, record: Record) -> None:
        """Which head an author had seen: an older one than before, or one long past, may be an act that was held back."""
        signed = record.data.signed
        if isinstance(signed, UnsetType):
            return
        position, before = self.replay.standing.state.position, self._seen.get(record.envelope.actor, 0)
        if signed.seen.size < before:
            self._held.append(f"{position} was signed over a head of {signed.seen.size} records, after one of {before} by the same author")
        elif position - signed.seen.size > FAR_RECORDS:
            self._held.append(f"{position} was signed over a head of {signed.seen.size} records")
        self._seen[record.envelope.actor] = max(before, signed.seen.size)

    def _tell(self, check: str, position: int, what: str, evidence: str) -> None:
        if self.lie is None:
            self.lie = Lie(check=check, position=position, what=what, evidence=evidence)

    def head(self, signed: bytes | None) -> None:
        """Hold the signed head against the records that were taken."""
        registry, size = self.replay.standing.state.registry, self.replay.standing.frontier.size
        if not size:
            self._tell("opening", 0, "there are no records, not even an opening", "what was given as a log")
        if registry is None or self.lie is not None:
            return
        if signed is None and self._log is not None:
            self._tell("head", size, "no signed head is here: whether the log was cut off cannot be told", "the records that were given")
            return
        if signed is None:
            self._findings.append(
                Finding(check="head", found="no head was signed", word="nobody's: nothing but these bytes speaks for them")
            )
            return
        try:
            found, signatures = checkpoint.opened(signed, self._log or log_of(registry))
            wanting = _not_cosigned(signatures, self._witnesses, self._policy)
            cosigned = _cosigned(signatures, [*self._witnesses, *(self._policy.witnesses.values() if self._policy else ())])
            final = _final(registry, signatures)
        except NotANote as error:
            self._tell("head", size, f"the signed head is none of this log: {error}", "the head, and whoever gave it")
            return
        if found.size > size:
            self._tell(
                "head",
                size,
                f"{found.size} records were signed, and {size} are here: the log was cut off",
                "the signed head convicts the host",
            )
        elif self.replay.root(found.size) != found.root and self.replay.entries:
            what = "a leaf entry stands where a record was signed for, and no erasure names it: the record is withheld"
            self._tell("erasure", self.replay.entries[0], what, "the entry, and the signed head: whoever keeps the record can show it")
        elif self.replay.root(found.size) != found.root:
            what = f"the signed head of {found.size} records is of other records than these"
            self._tell("head", found.size, what, "the signed head convicts the host: it signed other bytes than it gave")
        elif wanting:
            what = f"{', '.join(wanting)} cosigned no head of {found.size} records: whether others are shown another one cannot be told"
            self._tell("head", found.size, what, "the signed head, and the newest one that the witness has itself")
        elif cosigned and max(cosigned.values()) < self._not_before:
            newest = datetime.fromtimestamp(max(cosigned.values()), UTC)
            what = f"the newest cosignature under the head is of {newest:%Y-%m-%dT%H:%M:%SZ}: what came since is kept back, or its witness is away"
            self._tell("freshness", found.size, what, "the head; ask the witness for the newest one that it has itself")
        else:
            beyond = f", {size - found.size} came after it" if size > found.size else ""
            names = ", ".join([*(each.name for each in self._witnesses), *(["the quorum of the policy given"] if self._policy else [])])
            others = (
                f"cosigned by {names}, which cosigns one branch and no other"
                if names
                else "no witness was named, so others may be shown another one"
            )
            word = f"the host's signature, which binds it to these bytes; {others}"
            self._findings.append(Finding(check="head", found=f"of {found.size} records, and of these{beyond}", word=word))
            self._findings += [*final, *_fresh(cosigned)]
            self._signed = found.size

    def described(self, about: Mapping[str, object]) -> None:
        """Hold what an export says of itself against the records that were taken."""
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
            "records": self.replay.standing.frontier.size,
        }
        for name, value in about.items():
            if name not in is_so or is_so[name] != value:
                self._tell(
                    "description", 0, f"channel.json says {name} {value!r}, and the records do not", "channel.json, beside the records"
                )
                return

    def readme(self, given: bytes | None) -> None:
        """Hold an export's words against those that every export of these records under this head has."""
        registry = self.replay.standing.state.registry
        if registry is None or self.lie is not None or given is None:
            return
        if given != readme_of(registry.name, registry.cid, str(log_of(registry)), self._signed).encode():
            self._tell("description", 0, "README.md is not what every export of these records has in it: follow none of it", "README.md")

    def tiles(self, given: Iterable[tuple[str, bytes]]) -> None:
        """Hold tiles and entry bundles against the records that were taken, of which a signed head must have all."""
        if self.lie is not None:
            return
        count, size = 0, self.replay.standing.frontier.size
        wanting = {tile.path for tile in tiles.tiles_of(self._signed)}
        for path, raw in given:
            tile = tiles.read_path(path)
            if tile is None or not tiles.exists(tile, size):
                self._tell("tiles", 0, f"{path} is no tile of a tree of {size} records", "the tile")
                return
            if tile.level == ENTRIES:
                first = tile.first
                wanted = tiles.bundle([leaf.entry(first + at, self.replay.commit_at(first + at)) for at in range(tile.width)])
            else:
                wanted = tiles.hashes(tile, self.replay.nodes)
            if raw != wanted:
                self._tell("tiles", tile.first + 1, f"{path} is not what the records make of it", "the tile, beside the records")
                return
            count += 1
            wanting.discard(path)
        if wanting:
            self._tell("tiles", 0, f"{min(wanting)} is not here", "what was given as an export")
        elif count:
            self._findings.append(Finding(check="tiles", found=f"{count}, each as the records make it", word="these bytes' own"))

    def result(self) -> Verified:
        """What it came to."""
        state = self.replay.standing.state
        registry = state.registry
        trial = registry is not None and registry.custody == "host"
        cid = "" if registry is None else registry.cid
        asked = "the one that was asked for" if self._cid else "NOT compared: give --cid from your own side's notes"
        void = tuple(f"{position}: {reason}" for position, reason in self.replay.void.items())
        numbers = sum(state.tally.values())
        erased = f", {len(self.replay.erased)} erased by the consent of every side" if self.replay.erased else ""
        own = "the host's, which keeps the keys of all sides: a trial" if trial else "the sides' own keys"
        findings = (
            Finding(check="opening", found=f"signed by every side's root; the cid is {asked}", word=own),
            Finding(
                check="records",
                found=f"{state.position}, each judged by the tables at its position; {len(void)} void{erased}",
                word="these bytes' own",
            ),
            Finding(
                check="signatures",
                found=f"{self._attested['author']} acts signed by their authors, {self._attested['host']} attested by the host alone, "
                f"{self._attested['services']} of services",
                word=f"{own}; of what the host attests, the host's",
            ),
            Finding(check="numbers", found=f"{numbers}, counted without a gap", word="these bytes' own"),
            Finding(
                check="times",
                found=f"{self._back} records behind the channel's time" + "".join(f"; {each}" for each in self._times[:5]),
                word="the host's clock",
            ),
            Finding(
                check="seen",
                found=f"{len(self._held)} acts signed over an older head than was to be expected"
                + "".join(f"; {each}" for each in self._held[:5]),
                word="the authors'; the host may have held them back",
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
        )


def _parsed(raw: bytes) -> Record | None:
    """The record of a message; None for junk."""
    try:
        return parse(raw)
    except NotARecord:
        return None


def _not_cosigned(head: Note, witnesses: Sequence[Verifier], policy: Policy | None) -> list[str]:
    """Who of those that a reader names is not under a head. Raises `NotANote` where a cosignature does not hold."""
    wanting = [each.name for each in witnesses if head.signed_by(each) is None]
    if policy is not None and not policy.satisfied(policy.witnessed(head)):
        wanting.append("the quorum of the policy given")
    return wanting


def _cosigned(head: Note, witnesses: Iterable[Verifier]) -> dict[str, int]:
    """When witnesses have cosigned a head, by their names."""
    found = {each.name: head.signed_by(each) for each in witnesses}
    return {name: signature.time for name, signature in found.items() if signature is not None}


def _fresh(cosigned: Mapping[str, int]) -> Iterator[Finding]:
    """Until when the witnesses that were named say that this was the head."""
    for name, time in cosigned.items():
        when = datetime.fromtimestamp(time, UTC)
        yield Finding(check="freshness", found=f"cosigned at {when:%Y-%m-%dT%H:%M:%SZ}", word=f"the clock of {name}")


def _final(registry: Registry, head: Note) -> list[Finding]:
    """Whether the head is final by the policy on which the sides agreed in this log. Raises `NotANote` where a cosignature does not hold."""
    policy = heads.in_force(registry)
    if policy is None:
        return []
    witnessed = policy.witnessed(head)
    by = [side.name for side in registry.sides if policy.satisfied(witnessed, side.name)]
    found = "final" if policy.satisfied(witnessed) else f"countersigned by {' and '.join(by)}, not final" if by else "not countersigned"
    return [
        Finding(check="policy", found=found, word="the witnesses whom the sides named in this log: hold their keys against your own notes")
    ]
