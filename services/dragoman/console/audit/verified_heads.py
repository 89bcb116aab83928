"""The signed heads of a channel's log, as a page shows them: the newest with all its signatures, those before it, and how far each witness covers.

Heads are always those of now: what is proved today holds for every record before it.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from dragoman.console.rendering import PageContext
from dragoman.domain.acts import log_policy
from dragoman.domain.acts.deadlines import written
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.stores.signed_heads import SealedHead, SignedHeadStore
from dragoman.text import Text
from dragoman.tlog import checkpoint, merkle, note
from dragoman.tlog.dsse import encode_base64
from dragoman.tlog.note import NotANote, Note, Verifier
from dragoman.tlog.policy import Policy

HEADS: Final = 50
"""Heads that a page shows."""

_WIDER: Final = (2, 8, 32, 128)
"""How far back in the stream of all channels' heads is looked for so many of one, each
time as many times their number.
"""


class HeadCosignature(Struct, frozen=True, kw_only=True):
    """A witness's cosignature under a head: by which name, when."""

    name: str
    time: str


class SignedHead(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A signed head: of so many records, signed by the log or not, cosigned by whom, and by how many keys that nobody named.

    A `fault` is why it is none of this log's.
    """

    size: int
    root: str
    sealed: str
    signed: bool = True
    by: tuple[HeadCosignature, ...] = ()
    others: int = 0
    fault: str = ""


class CosignatureRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A witness that the policy names: whose, by which key, and its newest cosignature: when, over how many records."""

    side: str
    name: str
    key: str
    time: str = ""
    covers: int = 0


class SignedHeads(Struct, frozen=True, kw_only=True):
    """What is signed of a log. `matches` says that the newest head is that of the records here, `final` up to where the quorum has cosigned.

    `known` is false where the broker did not say what is sealed.
    """

    log: str
    policy: str
    final: int
    covered: dict[str, int]
    witnesses: tuple[CosignatureRow, ...]
    heads: tuple[SignedHead, ...]
    note: str
    matches: bool
    known: bool = True

    @property
    def newest(self) -> SignedHead | None:
        """The newest head, which the log's key has signed or not."""
        return self.heads[0] if self.heads else None


async def signed(context: PageContext) -> tuple[SignedHeads, Text | None]:
    """Return what is signed of the channel's log now; and why the newest head is none of it, if so."""
    registry = context.projection.registry
    log, policy = log_policy.log_of(registry), log_policy.in_force(registry)
    try:
        sealed, known = await recent(context.service.seals, context.name, HEADS), True
    except LogUnreachable:
        sealed, known = [], False
    covered = await context.service.coverage.of(context.projection)
    heads = tuple(head(sealed_head, log, policy) for sealed_head in sealed)
    signed_heads = SignedHeads(
        log=str(log),
        policy=registry.policy,
        final=covered.final,
        covered=covered.sides,
        witnesses=tuple(_witnesses(policy, [side.name for side in registry.sides], heads)),
        heads=heads,
        note=sealed[0].note.decode(errors="replace") if sealed else "",
        matches=bool(heads) and not heads[0].fault and await _is_of_records(context, heads[0]),
        known=known,
    )
    return signed_heads, fault_of(sealed[0], log) if sealed else None


async def _is_of_records(context: PageContext, newest: SignedHead) -> bool:
    """Return whether a head is that of the records that were folded here."""
    await context.projection.in_file(newest.size)
    root = await context.in_thread(
        merkle.root_of, context.service.trees.nodes(context.name), newest.size
    )
    return encode_base64(root) == newest.root


async def recent(seals: SignedHeadStore, channel: str, most: int) -> list[SealedHead]:
    """Return the newest heads of a channel, the newest first. Raises `LogUnreachable`."""
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
) -> list[SealedHead]:
    sealed_heads = []
    sealed_head = await seals.after(channel, after)
    while sealed_head is not None and sealed_head.seq < before:
        sealed_heads.append(sealed_head)
        sealed_head = await seals.after(channel, sealed_head.seq)
    return sealed_heads


def fault_of(sealed: SealedHead, log: Verifier) -> Text | None:
    """Return why a sealed head is none of a log, if so."""
    try:
        checkpoint.opened(sealed.note, log)
    except NotANote as error:
        return error.said
    return None


def head(sealed: SealedHead, log: Verifier, policy: Policy | None) -> SignedHead:
    """Return a sealed head, its signatures verified by the log's key and the witnesses' of a policy."""
    text = "" if sealed.taken is None else written(sealed.taken)
    fault = fault_of(sealed, log)
    try:
        signed = note.read(sealed.note)
        result = checkpoint.read(signed.text)
        by = tuple(_cosigned(signed, [] if policy is None else policy.witnesses.items()))
    except NotANote as error:
        return SignedHead(size=0, root="", sealed=text, signed=False, fault=str(error))
    is_signed = fault is None
    number = len(signed.signatures) - len(by) - is_signed
    return SignedHead(
        size=result.size,
        root=encode_base64(result.root),
        sealed=text,
        signed=is_signed,
        by=by,
        others=number,
        fault=str(fault or ""),
    )


def _cosigned(signed: Note, texts: Iterable[tuple[str, Verifier]]) -> Iterator[HeadCosignature]:
    for name, verifier in texts:
        note_signature = signed.signed_by(verifier)
        if note_signature is not None:
            yield HeadCosignature(
                name=name, time=written(datetime.fromtimestamp(note_signature.time, UTC))
            )


def _witnesses(
    policy: Policy | None, sides: Sequence[str], signed_heads: Sequence[SignedHead]
) -> Iterator[CosignatureRow]:
    for name, verifier in {} if policy is None else policy.witnesses.items():
        assert policy is not None
        newest = next(
            (head for head in signed_heads if any(item.name == name for item in head.by)), None
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
        side = next((text for text in sides if name in members(policy, text)), "")
        yield CosignatureRow(
            side=side,
            name=name,
            key=str(verifier),
            time=time,
            covers=0 if newest is None else newest.size,
        )


def members(policy: Policy, name: str) -> frozenset[str]:
    """Return the witnesses in a group, itself where it is one."""
    group = policy.groups.get(name)
    return (
        frozenset({name})
        if group is None
        else frozenset().union(*(members(policy, member) for member in group.members))
    )
