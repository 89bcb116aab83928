"""Checkpoints (C2SP tlog-checkpoint): the head of a log as the text of a note. And what witnesses ask and answer.

    <origin>
    <size in decimal>
    <base64 of the root>

No extension lines: an auditor could not check them. The log's key signs it under the
name of its origin; witnesses cosign it.
"""

import re
from typing import Final

from msgspec import Struct

from dragoman.text import sentence
from dragoman.tlog import note
from dragoman.tlog.dsse import decode_base64, encode_base64
from dragoman.tlog.merkle import EMPTY
from dragoman.tlog.note import NotANote, Note, Verifier

_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,15}")
_LINES: Final = 4
PROOF_LINES: Final = 63


class Checkpoint(Struct, frozen=True):
    """The head of a log: its origin, how many leaves it has, their root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"


class NotEmpty(NotANote):
    """A checkpoint of no records that has the root of some."""


def read(text: str) -> Checkpoint:
    """Return the checkpoint that a note's text is. Raises `NotANote`, of which `NotEmpty` is one."""
    lines = text.split("\n")
    if len(lines) != _LINES or lines[3]:
        raise NotANote(
            sentence("a checkpoint has three lines: origin, size and root, and no others")
        )
    origin, size, encoded = lines[:3]
    root = decode_base64(encoded, 32)
    if not origin or _SIZE.fullmatch(size) is None or root is None:
        raise NotANote(
            sentence(
                "a checkpoint's size is a number without leading zeros, its root 32 bytes in base64"
            )
        )
    if int(size) == 0 and root != EMPTY:
        raise NotEmpty(sentence("the root of an empty log is that of nothing"))
    return Checkpoint(origin, int(size), root)


def opened(raw: bytes, log: Verifier) -> tuple[Checkpoint, Note]:
    """Return a checkpoint that the log's key has signed under its origin. Raises `NotANote`."""
    result = note.read(raw)
    checkpoint = read(result.text)
    if checkpoint.origin != log.name or result.signed_by(log) is None:
        raise NotANote(sentence("it is not signed by %(name)s", name=log.name))
    return checkpoint, result


class Addition(Struct, frozen=True):
    """What a log asks a witness: from which size on, by which proof, to which signed checkpoint (C2SP tlog-witness)."""

    old: int
    proof: tuple[bytes, ...]
    checkpoint: bytes

    def __bytes__(self) -> bytes:
        """Return the request's body."""
        head = f"old {self.old}\n" + "".join(f"{encode_base64(data)}\n" for data in self.proof)
        return head.encode() + b"\n" + self.checkpoint


def read_addition(raw: bytes) -> Addition:
    """Return the request that a body is. Raises `NotANote`."""
    head, gap, signed = raw.partition(b"\n\n")
    try:
        first, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise NotANote(sentence("the lines before the checkpoint are not ASCII")) from None
    word, _, old = first.partition(" ")
    proof = [decode_base64(line, 32) for line in lines]
    if (
        not gap
        or word != "old"
        or _SIZE.fullmatch(old) is None
        or len(proof) > PROOF_LINES
        or None in proof
    ):
        raise NotANote(
            sentence(
                "a request begins with `old` and a size, then hashes in base64, an empty line, and the checkpoint"
            )
        )
    return Addition(int(old), tuple(data for data in proof if data is not None), signed)
