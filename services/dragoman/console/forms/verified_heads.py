"""The signed heads of a channel's log, as a page shows them.

The page has the newest head with all its signatures, earlier heads, and the size that
each witness covers. Heads are always the current ones: a proof of today is valid for
every earlier record.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.console.page.context import PageContext
from dragoman.domain.acts import log_policy
from dragoman.domain.acts.deadlines import timestamp
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.projection.queries import evidence_rows
from dragoman.stores.signed_heads import SignedHeadStore, StoredHead
from dragoman.text import Text
from dragoman.tlog import checkpoint, merkle, note
from dragoman.tlog.dsse import encode_base64
from dragoman.tlog.note import NotANote, Note, Verifier
from dragoman.tlog.policy import Policy
from dragoman_schemas.evidence import EvidenceRecord
from dragoman_schemas.state import Registry

HEADS: Final = 50
"""The number of heads that a page shows."""

_RECORDS: Final = 2_000
"""The most records with which a browser proves the handovers of a log."""

_WIDER: Final = (2, 8, 32, 128)
"""Widths of the search in the stream of all channels' heads for one channel's heads.

Each is a multiple of the number of heads that are wanted.
"""


class HeadCosignature(Struct, frozen=True, kw_only=True):
    """A witness's cosignature of a head: the witness's name, and the time."""

    name: str
    time: str


class SignedHead(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A signed head: its size, its root and its cosignatures.

    `others` is the number of cosigning keys that nobody named. `fault` is the reason
    why it is not a head of this log.
    """

    size: int
    root: str
    sealed: str
    signed: bool = True
    by: tuple[HeadCosignature, ...] = ()
    others: int = 0
    fault: str = ""


class CosignatureRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A witness that the policy names: its side, its key and its newest cosignature.

    `covers` is the number of records under that cosignature. A witness that follows no
    handover cosigns no head of the log's newest key.
    """

    side: str
    name: str
    key: str
    time: str = ""
    covers: int = 0
    follows: bool = True


class SignedHeads(Struct, frozen=True, kw_only=True):
    """The signed heads and witnesses of a log.

    `matches` is true where the newest head is that of the records here. `final` is the
    size up to which the quorum has cosigned. `is_available` is false where the broker
    did not answer.
    """

    log: str
    policy: str
    final: int
    witnesses: tuple[CosignatureRow, ...]
    heads: tuple[SignedHead, ...]
    note: str
    matches: bool
    is_available: bool = msgspec.field(name="known", default=True)

    @property
    def newest(self) -> SignedHead | None:
        """The newest head, whether or not the log's key has signed it."""
        return self.heads[0] if self.heads else None


async def signed(context: PageContext) -> tuple[SignedHeads, Text | None]:
    """Return the signed heads of the channel's log now.

    The second value says why the newest head does not belong to the log; None if it
    does.
    """
    registry = context.projection.registry
    log, policy = log_policy.log_of(registry), log_policy.in_force(registry)
    try:
        sealed, is_available = await recent(context.service.signed_heads, context.name, HEADS), True
    except LogUnreachable:
        sealed, is_available = [], False
    covered = await context.service.coverage.of(context.projection)
    heads = tuple(head(sealed_head, log, policy) for sealed_head in sealed)
    signed_heads = SignedHeads(
        log=str(log),
        policy=registry.policy,
        final=covered.final,
        witnesses=tuple(_witnesses(policy, registry, heads)),
        heads=heads,
        note=sealed[0].note.decode(errors="replace") if sealed else "",
        matches=bool(heads) and not heads[0].fault and await _is_of_records(context, heads[0]),
        is_available=is_available,
    )
    return signed_heads, fault_of(sealed[0], log) if sealed else None


async def handovers(context: PageContext, size: int) -> tuple[EvidenceRecord, ...]:
    """Return the records that prove the log's handovers under a head of this size.

    Without a handover there are none.
    """
    registry = context.projection.registry
    if not registry.handovers or registry.handovers[0].since > size:
        return ()
    await context.projection.in_file(size)
    raws = await context.ask(
        lambda view: evidence_rows.evidence_records(view.at(size), registry, "", _RECORDS)
    )
    nodes = context.service.trees.nodes(context.name)
    proofs: tuple[EvidenceRecord, ...] = await context.in_thread(
        evidence_rows.with_proofs, nodes, raws, size
    )
    return proofs


async def _is_of_records(context: PageContext, newest: SignedHead) -> bool:
    """Return whether a head is that of the records that were folded here."""
    await context.projection.in_file(newest.size)
    root = await context.in_thread(
        merkle.root_of, context.service.trees.nodes(context.name), newest.size
    )
    return encode_base64(root) == newest.root


async def recent(seals: SignedHeadStore, channel: str, most: int) -> list[StoredHead]:
    """Return the newest heads of a channel, newest first. Raises `LogUnreachable`."""
    newest = await seals.newest(channel)
    if newest is None:
        return []
    sealed_heads, end = [newest], newest.seq
    for width in _WIDER:
        begin = max(0, end - 1 - width * most)
        sealed_heads = [*await _between(seals, channel, begin, end), *sealed_heads]
        end = begin + 1
        if len(sealed_heads) >= most or not begin:
            break
    return sealed_heads[: -most - 1 : -1]


async def _between(
    seals: SignedHeadStore, channel: str, after: int, before: int
) -> list[StoredHead]:
    sealed_heads = []
    sealed_head = await seals.after(channel, after)
    while sealed_head is not None and sealed_head.seq < before:
        sealed_heads.append(sealed_head)
        sealed_head = await seals.after(channel, sealed_head.seq)
    return sealed_heads


def fault_of(sealed: StoredHead, log: Verifier) -> Text | None:
    """Return the reason why a head does not belong to a log; None if it does."""
    try:
        checkpoint.read_signed(sealed.note, log)
    except NotANote as error:
        return error.said
    return None


def head(sealed: StoredHead, log: Verifier, policy: Policy | None) -> SignedHead:
    """Return a sealed head with its verified signatures.

    They are verified by the log's key, and by the keys of a policy's witnesses.
    """
    sealed_time = "" if sealed.taken is None else timestamp(sealed.taken)
    fault = fault_of(sealed, log)
    try:
        signed = note.read(sealed.note)
        parsed = checkpoint.read(signed.text)
        by = tuple(_cosigned(signed, [] if policy is None else policy.witnesses.items()))
    except NotANote as error:
        return SignedHead(size=0, root="", sealed=sealed_time, signed=False, fault=str(error))
    is_signed = fault is None
    others = len(signed.signatures) - len(by) - is_signed
    return SignedHead(
        size=parsed.size,
        root=encode_base64(parsed.root),
        sealed=sealed_time,
        signed=is_signed,
        by=by,
        others=others,
        fault=str(fault or ""),
    )


def _cosigned(signed: Note, witnesses: Iterable[tuple[str, Verifier]]) -> Iterator[HeadCosignature]:
    for name, verifier in witnesses:
        note_signature = signed.signed_by(verifier)
        if note_signature is not None:
            yield HeadCosignature(
                name=name, time=timestamp(datetime.fromtimestamp(note_signature.time, UTC))
            )


def _witnesses(
    policy: Policy | None, registry: Registry, signed_heads: Sequence[SignedHead]
) -> Iterator[CosignatureRow]:
    sides = [side.name for side in registry.sides]
    since = registry.handovers[-1].since if registry.handovers else 0
    for name, verifier in {} if policy is None else policy.witnesses.items():
        assert policy is not None
        newest = next(
            (
                head
                for head in signed_heads
                if any(cosignature.name == name for cosignature in head.by)
            ),
            None,
        )
        time = (
            ""
            if newest is None
            else next(
                head_cosignature.time
                for head_cosignature in newest.by
                if head_cosignature.name == name
            )
        )
        side = next((candidate for candidate in sides if name in members(policy, candidate)), "")
        yield CosignatureRow(
            side=side,
            name=name,
            key=str(verifier),
            time=time,
            covers=0 if newest is None else newest.size,
            follows=since <= (0 if newest is None else newest.size),
        )


def members(policy: Policy, name: str) -> frozenset[str]:
    """Return the witnesses in a group; a witness is its own only member."""
    group = policy.groups.get(name)
    return (
        frozenset({name})
        if group is None
        else frozenset().union(*(members(policy, member) for member in group.members))
    )
