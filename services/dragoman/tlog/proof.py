"""A record's proof in one file (C2SP tlog-proof), which anybody can verify offline.

    c2sp.org/tlog-proof@v1
    index <n>
    <base64 hash>                 the inclusion proof, from the leaf upwards
    an empty line
    the signed checkpoint, as it is

A verifier needs nothing but the entry and the verifier keys.
"""

import re
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from dragoman.text import sentence
from dragoman.tlog import checkpoint as checkpoints
from dragoman.tlog import merkle
from dragoman.tlog.checkpoint import Checkpoint
from dragoman.tlog.dsse import decode_base64, encode_base64
from dragoman.tlog.note import NotANote, Note, Verifier

HEAD: Final = "c2sp.org/tlog-proof@v1"
_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,15})")
_HASHES: Final = 63


class Proof(Struct, frozen=True):
    """A proof that a leaf is at an index of the tree under a signed checkpoint."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes

    def __bytes__(self) -> bytes:
        """Return the file's bytes."""
        lines = [HEAD, f"index {self.index}", *(encode_base64(data) for data in self.hashes), ""]
        return "\n".join([*lines, ""]).encode() + self.checkpoint


def read(raw: bytes) -> Proof:
    """Return the proof in a file. Raises `NotANote` if the file is not valid."""
    head, gap, signed = raw.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise NotANote(sentence("the proof is not ASCII")) from None
    index = _INDEX.fullmatch(lines[1]) if len(lines) > 1 else None
    hashes = [decode_base64(line, 32) for line in lines[2:]]
    if not gap or lines[0] != HEAD or index is None or len(hashes) > _HASHES or None in hashes:
        raise NotANote(
            sentence(
                "a proof begins with %(head)s, an index and hashes, "
                "before an empty line and the checkpoint",
                head=HEAD,
            )
        )
    return Proof(int(index.group(1)), tuple(data for data in hashes if data is not None), signed)


def verify(proof: Proof, entry: bytes, log: Verifier) -> Note:
    """Return the signed checkpoint's note, after checking that its tree has the entry.

    The note's cosignatures are still to be checked. Raises `NotANote` if the proof is
    not valid.
    """
    head, note = checkpoints.read_signed(proof.checkpoint, log)
    check_inclusion(proof.index, entry, proof.hashes, head)
    return note


def check_inclusion(index: int, entry: bytes, hashes: Sequence[bytes], head: Checkpoint) -> None:
    """Check that hashes lead from an entry to the root of a head. Raises `NotANote`.

    If they do not, the entry or a hash was changed. That says nothing about the log: to
    contradict its head, another head is needed.
    """
    if not merkle.is_included(index, head.size, merkle.leaf_hash(entry), hashes, head.root):
        raise NotANote(
            sentence(
                "this record and its proof do not lead to the signed head of %(n)s records: one "
                "of the two was changed or damaged, and nothing follows about the log",
                n=head.size,
            )
        )
