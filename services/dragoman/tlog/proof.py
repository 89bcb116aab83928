"""A record's proof in one file (C2SP tlog-proof), which anybody can verify offline.

    c2sp.org/tlog-proof@v1
    index <n>
    <base64 hash>                 the inclusion proof, from the leaf upwards
    an empty line
    the signed checkpoint, as it is

A verifier needs nothing but the entry and the verifier keys.
"""

import re
from typing import Final

from msgspec import Struct

from dragoman.text import sentence
from dragoman.tlog import checkpoint as checkpoints
from dragoman.tlog import merkle
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
    if not merkle.is_included(
        proof.index, head.size, merkle.leaf_hash(entry), proof.hashes, head.root
    ):
        raise NotANote(
            sentence(
                "the entry is not the one at index %(index)s of %(origin)s",
                index=proof.index,
                origin=head.origin,
            )
        )
    return note
