"""Copies of a log, and the comparison of two: the same, an extension, or a fork.

    export     a file that `audit export` wrote
    mirror     a folder that `audit mirror` keeps
    gateway    what a gateway returns now
    head       a signed head that somebody has kept, alone or in a record's proof; it
               has no records, but it convicts as they do

If the log's key has signed both sides of a fork, there is evidence that convicts the
holder of that key. It needs neither copy any more:

    one, other     two signed heads, of `old` and of `new` records
    root           the root of the first `old` records, as they are under `other`
    proof          that this root begins the tree of `other` (RFC 6962 §2.1.2)

The two heads are valid, the proof is valid, and the root is not that of `one`. No
single log has both.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.audit.export import Export, NotAnExport
from dragoman.audit.replay import replayed
from dragoman.domain.acts.erasure import entry_of
from dragoman.domain.acts.families.genesis import registry_of
from dragoman.domain.acts.log_policy import log_of
from dragoman.domain.record import nesting
from dragoman.domain.record.codec import NotARecord, parse
from dragoman.eventlog.archive import Archive
from dragoman.eventlog.kept_handovers import handovers_in
from dragoman.text import sentence
from dragoman.tlog import checkpoint, leaf, merkle, note
from dragoman.tlog import proof as proofs
from dragoman.tlog.checkpoint import Checkpoint
from dragoman.tlog.dsse import decode_base64, encode_base64
from dragoman.tlog.merkle import Nodes, leaf_hash
from dragoman.tlog.note import NotANote, Verifier
from dragoman_schemas.acts.office.channel import ChannelOpening
from dragoman_schemas.state import Registry, Stamp


class LogCopy(Struct, frozen=True, kw_only=True):
    """One copy of a log: its messages, its tree, and the newest signed head with it.

    `where` names its place. `log` is the log's key, by what the copy itself has.
    """

    where: str
    size: int
    raw: Callable[[int], bytes]
    nodes: Nodes
    signed: bytes | None
    log: Verifier | None = None

    def root(self, size: int) -> bytes:
        """Return the root of its first records."""
        return merkle.root_of(self.nodes, size)

    @property
    def opening(self) -> Registry | None:
        """The registry of its first record, or None if that is no opening."""
        if not self.size:
            return None
        try:
            record = parse(self.raw(1))
        except NotARecord:
            return None
        stamp = Stamp(position=1, time=record.envelope.time, by=record.envelope.actor)
        return registry_of(record, stamp) if isinstance(record.data, ChannelOpening) else None

    @property
    def cid(self) -> str:
        """The channel's id by its first record; empty if that record is no opening."""
        opening = self.opening
        return "" if opening is None else opening.cid


def of_messages(where: str, messages: Sequence[bytes], signed: bytes | None) -> LogCopy:
    """Return a copy that is in memory.

    If an entry stands for a record, the log is folded: only an erasure with the consent
    of every side counts.
    """
    erased = (
        replayed(messages).erased
        if any(leaf.read_entry(raw) is not None for raw in messages)
        else {}
    )
    leaves = [
        leaf_hash(
            raw
            if position in erased and raw == entry_of(erased[position])
            else leaf.entry(position - 1, leaf.commit(raw))
        )
        for position, raw in enumerate(messages, 1)
    ]
    return LogCopy(
        where=where,
        size=len(messages),
        raw=lambda position: messages[position - 1],
        nodes=merkle.nodes_of(leaves),
        signed=signed,
        log=_log_in(lambda: iter(messages)),
    )


def _log_in(read: Callable[[], Iterator[bytes]]) -> Verifier | None:
    """Return the log's key by its records. Handovers count as a replay judges them."""
    is_handed_over = bool(handovers_in(enumerate(read(), 1)))
    replay = replayed(list(read() if is_handed_over else islice(read(), 1)))
    registry = replay.standing.state.registry
    return None if registry is None else log_of(registry)


def of_archive(where: str, archive: Archive) -> LogCopy:
    """Return a copy in a mirror's archive.

    The entries of erased records are checked as in any other copy.
    """
    if any(archive.is_erased(position) for position in range(1, archive.size + 1)):
        return of_messages(where, list(archive.messages()), archive.sealed)
    return LogCopy(
        where=where,
        size=archive.size,
        raw=archive.raw,
        nodes=archive.nodes,
        signed=archive.sealed,
        log=_log_in(archive.messages),
    )


def of_export(path: Path) -> LogCopy:
    """Return a copy in an export. Raises `NotAnExport`."""
    with Export(path) as opened:
        return of_messages(str(path), list(opened.messages()), opened.checkpoint)


# Two of them


class CopyComparison(Struct, frozen=True, kw_only=True):
    """The result of comparing two copies.

    `position` is the first position at which they differ. `evidence` is present if both
    sides of a fork are signed.
    """

    result: str
    position: int = 0
    detail: str = ""
    evidence: bytes | None = None


class KeptHead(Struct, frozen=True, kw_only=True):
    """A signed head that somebody kept, and its place."""

    where: str
    signed: bytes


def head_in(path: Path) -> KeptHead | None:
    """Return the signed head that a file is, or that is in a record's proof.

    Return None if the file is neither.
    """
    raw = path.read_bytes()
    try:
        signed = proofs.read(raw).checkpoint if raw.startswith(proofs.HEAD.encode()) else raw
        checkpoint.read(note.read(signed).text)
    except NotANote:
        return None
    return KeptHead(where=str(path), signed=signed)


SAME: Final = "same"
EXTENDS: Final = "extends"
OTHER: Final = "another channel"
FORK: Final = "fork"
SHORTER: Final = "shorter"


def compare(one: LogCopy, other: LogCopy, log: Verifier | None = None) -> CopyComparison:
    """Compare two copies byte by byte, through their roots.

    `log` is the key that must have signed the heads.
    """
    if not one.size or not other.size or one.cid != other.cid:
        return CopyComparison(
            result=OTHER,
            position=1,
            detail=f"{one.where} is of {one.cid or 'nothing'}, {other.where} of "
            f"{other.cid or 'nothing'}",
        )
    shorter, longer = sorted((one, other), key=lambda copy: copy.size)
    if longer.root(shorter.size) == shorter.root(shorter.size):
        if shorter.size == longer.size:
            return CopyComparison(result=SAME, detail=f"{one.size} records, the same in both")
        return CopyComparison(
            result=EXTENDS,
            detail=f"{longer.where} has the {shorter.size} records of {shorter.where}, and "
            f"{longer.size - shorter.size} more",
        )
    position = _first_difference(shorter, longer)
    stub = next(
        (
            log_copy.where
            for log_copy in (one, other)
            if leaf.read_entry(log_copy.raw(position)) is not None
        ),
        "",
    )
    detail = f"at position {position} they hold different records"
    if stub:
        detail += (
            f": in {stub} there is a leaf entry, and no erasure that has effect in "
            "that copy names it"
        )
    key = _longest_key(log, one, other)
    return CopyComparison(
        result=FORK,
        position=position,
        detail=detail,
        evidence=None if key is None else _evidence(one, other, key),
    )


def _longest_key(log: Verifier | None, *copies: LogCopy) -> Verifier | None:
    """Return the log's key with the most handovers that a copy of it shows."""
    keys = [copy.log for copy in copies if copy.log and log in (None, copy.log.first)]
    return max(keys, key=lambda key: len(key.later), default=log)


def compare_head(head: KeptHead, copy: LogCopy, log: Verifier | None = None) -> CopyComparison:
    """Compare a kept signed head with a copy.

    `log` is the key that must have signed the heads. Raises `NotANote` if the head is
    not of that key.
    """
    key = _longest_key(log, copy)
    if key is None:
        return CopyComparison(result=OTHER, position=1, detail=f"{copy.where} is of nothing")
    signed = checkpoint.read_signed(head.signed, key)[0]
    if signed.size > copy.size:
        return CopyComparison(
            result=SHORTER,
            position=copy.size + 1,
            detail=f"{head.where} is signed over {signed.size} records, and {copy.where} has "
            f"{copy.size}: it was cut off, or is an old one",
        )
    if copy.root(signed.size) == signed.root:
        more = copy.size - signed.size
        text = f"and {more} more" if more else "and no others"
        return CopyComparison(
            result=EXTENDS if more else SAME,
            detail=f"{copy.where} has the {signed.size} records that {head.where} is signed "
            f"over, {text}",
        )
    return CopyComparison(
        result=FORK,
        position=signed.size,
        detail=f"the first {signed.size} records of {copy.where} are not those that "
        f"{head.where} is signed over",
        evidence=_evidence_of_head(head, signed, copy, key),
    )


def _evidence_of_head(
    head: KeptHead, old: Checkpoint, copy: LogCopy, log: Verifier
) -> bytes | None:
    """Return the evidence against the holder of the log's key, if there is any.

    The copy must have a head of its own records that goes as far as the kept head.
    """
    try:
        new = None if copy.signed is None else checkpoint.read_signed(copy.signed, log)[0]
    except NotANote:
        return None
    if (
        new is None
        or copy.signed is None
        or not old.size <= new.size <= copy.size
        or copy.root(new.size) != new.root
    ):
        return None
    return _encode_evidence(head.signed, copy.signed, copy, old.size, new.size)


def _first_difference(one: LogCopy, other: LogCopy) -> int:
    """Return the first position at which two copies differ.

    It is found by halving, because the roots differ from there on. If both have the
    same bytes there, which are an entry, then one copy lacks the erasure that makes it
    valid. Then they differ where that erasure should be.
    """
    same, different = 0, min(one.size, other.size)
    while different - same > 1:
        middle = (same + different) // 2
        if one.root(middle) == other.root(middle):
            same = middle
        else:
            different = middle
    further = range(different, min(one.size, other.size) + 1)
    return next((at for at in further if one.raw(at) != other.raw(at)), different)


# What convicts


class Evidence(Struct, frozen=True, kw_only=True):
    """Two signed heads that no single log has, and the proof."""

    one: str
    other: str
    root: str
    proof: tuple[str, ...]


def _evidence(one: LogCopy, other: LogCopy, log: Verifier) -> bytes | None:
    """Return the evidence against the holder of the log's key, if there is any.

    Each copy must have a head of its own records beyond the fork.
    """
    heads = []
    for copy in (one, other):
        try:
            head = None if copy.signed is None else checkpoint.read_signed(copy.signed, log)[0]
        except NotANote:
            return None
        if (
            head is None
            or copy.signed is None
            or head.size > copy.size
            or copy.root(head.size) != head.root
        ):
            return None
        heads.append((head, copy.signed, copy))
    (old, first, _), (new, second, holder) = sorted(heads, key=lambda item: item[0].size)
    if holder.root(old.size) == old.root:
        return None  # The older head was signed before the fork.
    return _encode_evidence(first, second, holder, old.size, new.size)


def _encode_evidence(one: bytes, other: bytes, holder: LogCopy, old: int, new: int) -> bytes:
    evidence = Evidence(
        one=one.decode(),
        other=other.decode(),
        root=encode_base64(holder.root(old)),
        proof=tuple(encode_base64(data) for data in merkle.consistency(holder.nodes, old, new)),
    )
    return msgspec.json.format(msgspec.json.encode(evidence), indent=1) + b"\n"


def convicts(raw: bytes, log: Verifier) -> str:
    """Return a text that says what a piece of evidence shows under a log's key.

    Raises `NotANote` if it shows nothing.
    """
    try:
        nesting.check(raw)
        evidence = msgspec.json.decode(raw, type=Evidence)
    except msgspec.DecodeError as error:
        raise NotANote(sentence("it is not evidence of a fork: %(error)s", error=error)) from None
    (old, _), (new, _) = (
        checkpoint.read_signed(text.encode(), log) for text in (evidence.one, evidence.other)
    )
    root, proof = (
        decode_base64(evidence.root, 32),
        [decode_base64(item, 32) for item in evidence.proof],
    )
    hashes = [data for data in proof if data is not None]
    if root is None or len(hashes) != len(proof):
        raise NotANote(sentence("one of its hashes is not valid"))
    if not merkle.is_consistent(old.size, new.size, root, new.root, hashes) or root == old.root:
        raise NotANote(sentence("the two heads may be of one log: nothing is shown"))
    return (
        f"{log.name} signed a head of {old.size} records and one of {new.size}, and the "
        "first does not begin the second"
    )


__all__ = [  # noqa: RUF022
    "EXTENDS",
    "FORK",
    "OTHER",
    "SAME",
    "SHORTER",
    "CopyComparison",
    "LogCopy",
    "KeptHead",
    "NotAnExport",
    "compare",
    "convicts",
    "head_in",
    "compare_head",
    "of_archive",
    "of_export",
    "of_messages",
]
