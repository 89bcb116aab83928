"""Checkpoints (C2SP tlog-checkpoint): signed heads of a log, and requests to witnesses.

    <origin>
    <size in decimal>
    <base64 of the root>

A checkpoint is the text of a signed note. The log's key signs it under the name of its
origin; witnesses cosign it. Extension lines are refused, because an auditor could not
check them.
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
"""Most hashes of a consistency proof in a request to a witness."""


class Checkpoint(Struct, frozen=True):
    """The head of a log: its origin, the number of its leaves, and their root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"


class NotEmpty(NotANote):
    """A checkpoint that has no records but the root of some."""


def read(text: str) -> Checkpoint:
    """Return the checkpoint in a note's text.

    Raises `NotANote` if the text is not a checkpoint, and its subclass `NotEmpty` if an
    empty log has another root than that of no records.
    """
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


def read_signed(raw: bytes, log: Verifier) -> tuple[Checkpoint, Note]:
    """Return a signed checkpoint and its note, after checking the log's signature.

    Raises `NotANote` if the note is not valid, or if the log's key has not signed it
    under its origin. It is the key for a head of that size.
    """
    signed_note = note.read(raw)
    checkpoint = read(signed_note.text)
    if checkpoint.origin != log.name or signed_note.signed_by(log.at(checkpoint.size)) is None:
        raise NotANote(sentence("it is not signed by %(name)s", name=log.name))
    return checkpoint, signed_note


class Addition(Struct, frozen=True):
    """A log's request to a witness (C2SP tlog-witness).

    The request names the old size from which the proof leads to the new signed
    checkpoint.
    """

    old: int
    proof: tuple[bytes, ...]
    checkpoint: bytes

    def __bytes__(self) -> bytes:
        """Return the request's body."""
        head = f"old {self.old}\n" + "".join(f"{encode_base64(data)}\n" for data in self.proof)
        return head.encode() + b"\n" + self.checkpoint


def read_addition(raw: bytes) -> Addition:
    """Return the request in a body. Raises `NotANote` if the body is not valid."""
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
                "a request begins with `old` and a size, then hashes in base64, "
                "an empty line, and the checkpoint"
            )
        )
    return Addition(int(old), tuple(data for data in proof if data is not None), signed)
