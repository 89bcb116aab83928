"""The verification of an evidence file, with only what a side wrote down.

    proved = verify(evidence, log=verifier, cid=cid)
    proved.records      each record, with the party on whose word it rests
    proved.cosigned_by  the witnesses that cosigned the head

Nothing is taken from outside the file but the channel's id and the log's key, and both
may be missing. There are five steps, in this order:

    1. the opening, which every side's root signed and which names the log's key
    2. the head, which this key signed
    3. each record's place in the tree of this head
    4. each author's signature, by keys that earlier records of the file entered
    5. the cosignatures of the witnesses, by the policy that the sides adopted

A file that fails says nothing against the log, because anybody may have changed it.
The file proves only what is in it. A record outside of it may have revoked a key, or
corrected what is here. Only the whole log shows that. `static/evidence.js` of the
console takes the same steps. `tests/evidence` tries both against the same lies.
"""

from typing import Final, Literal

from msgspec import Struct, UnsetType
from msgspec.structs import replace

from dragoman.domain import record_checks
from dragoman.domain.acts import access, log_policy, membership
from dragoman.domain.acts.act_registry import in_force
from dragoman.domain.acts.act_rules import Folding
from dragoman.domain.acts.families import channel, genesis
from dragoman.domain.record.codec import NotARecord, Record, parse_stored
from dragoman.text import Text, sentence
from dragoman.tlog import checkpoint, dsse, leaf, note, proof
from dragoman.tlog.checkpoint import Checkpoint
from dragoman.tlog.note import NotANote, Note, Verifier
from dragoman_schemas.acts.office.channel import ChannelOpening, PolicyAdoption
from dragoman_schemas.evidence import EvidenceFile, EvidenceRecord
from dragoman_schemas.fields import or_default
from dragoman_schemas.state import Registry, Stamp

_REGISTRY_ACTS: Final = (*membership.MEMBERSHIP, PolicyAdoption)
"""The acts that change whose signatures count."""


class EvidenceRefuted(Exception):
    """An evidence file that is not what it claims to be.

    It accuses nobody, because anybody may have changed the file. `position` is the
    position of the record that fails, and 0 if none does.
    """

    def __init__(self, reason: Text, position: int = 0) -> None:
        """Keep the reason, and the position that it is about."""
        super().__init__(str(reason))
        self.reason = reason
        self.position = position


class ProvedRecord(Struct, frozen=True, kw_only=True):
    """A record that is in the log, and the party on whose word it rests.

    `word` is *author* where valid keys of the author's side signed it, and *trial*
    where the host keeps these keys. It is *host* where nobody signed the record, and
    *service* for a record of a service of the host. `signers` are the owners of the
    keys, and `signed_for` the officers for whom their station signed. `belongs` says
    that it is a record of the exchange, and not one that is there for a proof. It
    `is_disputed` where a later record of the file reports one of the keys as stolen
    since before it.
    """

    position: int
    word: Literal["author", "trial", "host", "service"]
    act: str = ""
    actor: str = ""
    time: str = ""
    signers: tuple[str, ...] = ()
    signed_for: tuple[str, ...] = ()
    belongs: bool = False
    is_disputed: bool = False


class ProvedEvidence(Struct, frozen=True, kw_only=True):
    """The proven content of an evidence file.

    `size` and `root` are those of the signed head; `root` is in base64. `witnesses` are
    the names of the policy, and `cosigned_by` those of them that cosigned the head.
    `is_final` says that they satisfy the quorum of the sides.
    """

    channel: str
    cid: str
    log: str
    exchange: str
    size: int
    root: str
    sides: tuple[str, ...]
    is_exercise: bool
    records: tuple[ProvedRecord, ...]
    witnesses: tuple[str, ...]
    cosigned_by: tuple[str, ...]
    is_final: bool


def verify(evidence: EvidenceFile, *, log: Verifier | None = None, cid: str = "") -> ProvedEvidence:
    """Verify an evidence file by the log's key and the channel's id.

    Without one of them it is verified by what its own opening names. Then the file only
    proves that it agrees with itself. After a handover the key alone proves nothing,
    because only the id binds the roots. Raises `EvidenceRefuted`.
    """
    positions = [item.position for item in evidence.records]
    if positions != sorted({*positions}) or positions[:1] != [1]:
        raise EvidenceRefuted(
            sentence("its records do not begin with the opening, or are not in the log’s order")
        )
    opened = _opening(evidence.records[0])
    registry = genesis.registry_of(opened, _stamp(opened, 1))
    _compare(registry, log, cid)
    head = _head_of(evidence.checkpoint)
    proved_records: list[ProvedRecord] = []
    signers_at: dict[int, set[str]] = {}
    for item in evidence.records:
        raw = _raw(item)
        _check_place(item, raw, head)
        record = opened if item.position == 1 else _record(item, raw)
        proved_records.append(_proved(registry, record, item.position, evidence.exchange))
        signers_at[item.position] = membership.signer_ids(record)
        registry = _registry_after(registry, record, item.position)
    if log is not None and not cid and registry.handovers:
        raise EvidenceRefuted(
            sentence(
                "its log was handed over to another key, which its first key does not prove: "
                "give the channel’s id, too"
            )
        )
    head, note = _signed_head(evidence.checkpoint, log_policy.log_of(registry))
    if not any(item.belongs for item in proved_records):
        raise EvidenceRefuted(sentence("it has no record of the exchange that it names"))
    disputed = {
        position
        for position, signers in signers_at.items()
        for keyid in signers & registry.keys.keys()
        if membership.is_suspect(registry.keys[keyid], position)
    }
    marked = [replace(item, is_disputed=item.position in disputed) for item in proved_records]
    return _result(evidence, registry, head, note, marked)


def _stamp(record: Record, position: int) -> Stamp:
    return Stamp(position=position, time=record.envelope.time, by=record.envelope.actor)


def _raw(item: EvidenceRecord) -> bytes:
    try:
        return item.record.encode()
    except UnicodeEncodeError:
        raise EvidenceRefuted(sentence("it is not UTF-8"), item.position) from None


def _opening(item: EvidenceRecord) -> Record[ChannelOpening]:
    record = _record(item, _raw(item))
    refusal = genesis.check_genesis(record)
    if refusal is not None:
        faults = refusal.faults
        raise EvidenceRefuted(faults[0].detail if faults else refusal.detail, 1)
    return record


def _record(item: EvidenceRecord, raw: bytes) -> Record:
    try:
        return parse_stored(raw)
    except NotARecord as error:
        raise EvidenceRefuted(
            sentence("it is not a record: %(error)s", error=error.said), item.position
        ) from None


def _compare(registry: Registry, log: Verifier | None, cid: str) -> None:
    """Compare the opening with the values that a side wrote down."""
    if cid and registry.cid != cid:
        raise EvidenceRefuted(
            sentence(
                "this is the channel %(cid)s, and not the one of the cid that was given",
                cid=registry.cid,
            ),
            1,
        )
    if log is not None and log_policy.log_of(registry).first != log:
        raise EvidenceRefuted(
            sentence("the opening names another log key than the one that was given"), 1
        )


def _head_of(text: str) -> Checkpoint:
    """Return the head of a file. Its records say which key must have signed it."""
    try:
        return checkpoint.read(note.read(text.encode(errors="replace")).text)
    except NotANote as error:
        raise _not_a_head(error) from None


def _signed_head(text: str, log: Verifier) -> tuple[Checkpoint, Note]:
    try:
        return checkpoint.read_signed(text.encode(errors="replace"), log)
    except NotANote as error:
        raise _not_a_head(error) from None


def _not_a_head(error: NotANote) -> EvidenceRefuted:
    return EvidenceRefuted(
        sentence("its head is not a signed head of this log: %(error)s", error=error.said)
    )


def _check_place(item: EvidenceRecord, raw: bytes, head: Checkpoint) -> None:
    """Check that a record is in the tree of a head."""
    index = item.position - 1
    entry = leaf.entry(index, leaf.commit(raw))
    hashes = [dsse.decode_base64(text, 32) for text in item.hashes]
    siblings = [data for data in hashes if data is not None]
    if len(siblings) < len(hashes):
        raise EvidenceRefuted(
            sentence("a hash of its proof cannot be read, and nothing follows about the log"),
            item.position,
        )
    try:
        proof.check_inclusion(index, entry, siblings, head)
    except NotANote as error:
        raise EvidenceRefuted(error.said, item.position) from None


def _proved(registry: Registry, record: Record, position: int, exchange: str) -> ProvedRecord:
    """Return a record as far as it is proven. Raises `EvidenceRefuted`."""
    e = record.envelope
    if e.channel != registry.name or int(e.decided) >= position:
        raise EvidenceRefuted(sentence("it is a record of another channel or position"), position)
    if position > 1:
        _check_author(registry, record, position)
    base = ProvedRecord(
        position=position,
        word="host",
        act=record.name,
        actor=e.actor,
        time=e.time,
        belongs=e.subject == exchange,
    )
    if record.side == access.SERVICE and position > 1:
        return replace(base, word="service")
    if e.attestation == "host":
        return base
    signers = tuple(
        sorted(
            {
                registry.keys[keyid].owner
                for keyid in membership.signer_ids(record)
                if keyid in registry.keys
            }
        )
    )
    return replace(
        base,
        word="trial" if registry.custody == "host" else "author",
        signers=signers,
        signed_for=membership.signed_for(
            registry, or_default(e.signatures, ""), (e.actor, or_default(e.releasedby, ""))
        ),
    )


def _check_author(registry: Registry, record: Record, position: int) -> None:
    """Check the signatures of a record, and who may change the members of a channel."""
    e, signed = record.envelope, record.data.signed
    is_signed = not isinstance(signed, UnsetType)
    if (e.attestation == "author") != is_signed:
        raise EvidenceRefuted(
            sentence("it says that its author signed it, and it is not signed"), position
        )
    if isinstance(record.data, _REGISTRY_ACTS):
        rule = in_force(registry).rules[record.name]
        second = record_checks.releaser_of(record)
        refusal = access.may_act(registry, None, rule, e.actor, position, second)
        if refusal is not None:
            raise EvidenceRefuted(refusal.detail, position)
        if not is_signed:
            raise EvidenceRefuted(
                sentence("%(act)s must be signed by its author", act=record.name), position
            )
    if isinstance(signed, UnsetType):
        return
    opens = e.subject == e.id
    if (registry.cid, e.type, "" if opens else e.subject, e.id, e.actor) != (
        signed.channel,
        signed.type,
        signed.exchange,
        signed.id,
        signed.author,
    ) or signed.seen.size >= position:
        raise EvidenceRefuted(sentence("what its author signed is another record"), position)
    refusal = membership.check_signed(registry, record, position)
    if refusal is not None:
        raise EvidenceRefuted(refusal.detail, position)


def _registry_after(registry: Registry, record: Record, position: int) -> Registry:
    """Return the members, keys and policy after a record. Raises `EvidenceRefuted`."""
    if position == 1 or not isinstance(record.data, _REGISTRY_ACTS):
        return registry
    refusal = membership.check(registry, record, position)
    if refusal is not None:
        faults = refusal.faults
        raise EvidenceRefuted(faults[0].detail if faults else refusal.detail, position)
    folding = Folding(record=record, stamp=_stamp(record, position), number="", registry=registry)
    return channel.evolve(registry, folding)


def _result(
    evidence: EvidenceFile,
    registry: Registry,
    head: Checkpoint,
    note: Note,
    proved_records: list[ProvedRecord],
) -> ProvedEvidence:
    try:
        policy = log_policy.in_force(registry)
        cosigned = frozenset[str]() if policy is None else policy.witnessed(note)
    except NotANote as error:
        raise EvidenceRefuted(
            sentence("the cosignatures of its head are not valid: %(error)s", error=error.said)
        ) from None
    return ProvedEvidence(
        channel=registry.name,
        cid=registry.cid,
        log=str(log_policy.log_of(registry)),
        exchange=evidence.exchange,
        size=head.size,
        root=dsse.encode_base64(head.root),
        sides=tuple(side.name for side in registry.sides),
        is_exercise=registry.kind == "exercise",
        records=tuple(proved_records),
        witnesses=() if policy is None else tuple(sorted(policy.witnesses)),
        cosigned_by=tuple(sorted(cosigned)),
        is_final=policy is not None and policy.satisfied(cosigned),
    )
