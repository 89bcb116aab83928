"""A record's proof in one file (C2SP tlog-proof): verified offline, with nothing but the verifier keys.

c2sp.org/tlog-proof@v1
index <n>
<base64 hash>                 the inclusion proof, from the leaf upwards
an empty line
the signed checkpoint, as it is
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
    """That a leaf stands at an index of the tree with that signed head."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes

    def __bytes__(self) -> bytes:
        """Return the file's bytes."""
        lines = [HEAD, f"index {self.index}", *(encode_base64(data) for data in self.hashes), ""]
        return "\n".join([*lines, ""]).encode() + self.checkpoint


def read(raw: bytes) -> Proof:
    """Return the proof that a file is. Raises `NotANote`."""
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
                "a proof begins with %(head)s, an index and hashes, before an empty line and the checkpoint",
                head=HEAD,
            )
        )
    return Proof(int(index.group(1)), tuple(data for data in hashes if data is not None), signed)


def verify(proof: Proof, entry: bytes, log: Verifier) -> Note:
    """Return the head in which an entry is proved to stand, with its cosignatures still to be counted. Raises `NotANote`."""
    head, note = checkpoints.opened(proof.checkpoint, log)
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
