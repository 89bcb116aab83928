"""Signed notes (C2SP signed-note): a text, and signature lines of keys with names.

    text, which ends in a line feed
    an empty line
    — <name> <base64 of key id and signature>          one line for each signature

    key id       = SHA-256(name || 0A || type || public key)[:4]
    verifier key = name+hex key id+base64 of type and public key

A line of an unknown key is ignored. A note is not valid if the signature of a known key
is not valid. The text does not mention its keys, so each key has one purpose only,
which its type byte binds.
"""

import base64
import hashlib
import re
import struct
from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from nacl import bindings, exceptions

from dragoman.text import TextError, sentence
from dragoman.tlog.dsse import decode_base64, encode_base64, is_sound, public_of

ED25519: Final = 0x01
COSIGNATURE: Final = 0x04
"""An Ed25519 signature over a checkpoint and a time (C2SP tlog-cosignature)."""

SIGNATURES: Final = 100
"""Most signature lines in a note. Other readers accept as many."""

NOTE_BYTES: Final = 1_000_000
_PREFIX: Final = "— "
_NAME: Final = re.compile(r"[^\s+]+")
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")
_SIZES: Final = {ED25519: 64, COSIGNATURE: 72}


class NotANote(TextError):
    """An error: a text is not a note, or a signature in it is not valid."""


class Verifier(Struct, frozen=True):
    """A key that verifies notes: its name, its type and its 32 public bytes.

    A log that was handed over has `later` keys, each with the size of the first head
    that it signs. Its text stays that of the first key, as readers keep it.
    """

    name: str
    type: int
    public: bytes
    later: tuple[tuple[int, bytes], ...] = ()

    def at(self, size: int) -> "Verifier":
        """Return the one key that signs a head of so many records."""
        public = self.public
        for first, key in self.later:
            if size >= first:
                public = key
        return Verifier(self.name, self.type, public)

    @property
    def first(self) -> "Verifier":
        """The key of the log's first heads, without those that came later."""
        return Verifier(self.name, self.type, self.public)

    @property
    def keys(self) -> "tuple[Verifier, ...]":
        """All keys of the log, the first one first."""
        return (self.first, *(self.at(size) for size, _ in self.later))

    @property
    def key_id(self) -> bytes:
        """The four bytes that name the key in a signature line, beside its name."""
        return key_id(self.name, self.type, self.public)

    def __str__(self) -> str:
        """Return the verifier key as text."""
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(bytes([self.type]) + self.public)}"


class NoteSignature(Struct, frozen=True):
    """One signature line: the key's name and id, and the payload after them.

    The payload is 64 bytes of signature. In a cosignature, 8 bytes of time come before
    them.
    """

    name: str
    key_id: bytes
    payload: bytes

    @property
    def line(self) -> str:
        """The line as it is written in a note, with its line feed."""
        return f"{_PREFIX}{self.name} {encode_base64(self.key_id + self.payload)}\n"

    @property
    def time(self) -> int:
        """The time of a cosignature, in seconds of Unix time."""
        (seconds,) = struct.unpack(">Q", self.payload[:8])
        return int(seconds)


class Note(Struct, frozen=True):
    """A text and its signature lines, in the note's order."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def __str__(self) -> str:
        """Return the note as it is written."""
        return f"{self.text}\n{''.join(signature.line for signature in self.signatures)}"

    def signed_by(self, verifier: Verifier) -> NoteSignature | None:
        """Return the signature of a key; None if the note has none.

        Raises `NotANote` if a signature of the key is not valid.
        """
        note_signature = None
        for signature in self.signatures:
            if (signature.name, signature.key_id) == (verifier.name, verifier.key_id):
                if not is_valid(verifier, self.text, signature):
                    raise NotANote(
                        sentence("the signature of %(name)s is not valid", name=verifier.name)
                    )
                note_signature = note_signature or signature
        return note_signature


def key_id(name: str, type: int, public: bytes) -> bytes:
    """Return the four-byte id of a key."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([type]) + public).digest()[:4]


def read_verifier(text: str) -> Verifier:
    """Return a verifier key from its text.

    Raises `NotANote` if the text is not a key of a known type, or if the id does not
    belong to the key.
    """
    name, _, rest = text.partition("+")
    hexed, _, encoded = rest.partition("+")
    raw = decode_base64(encoded, 33)
    if raw is None or raw[0] not in _SIZES or not _NAME.fullmatch(name) or not is_sound(raw[1:]):
        raise NotANote(
            sentence(
                "%(text)s is not a verifier key. Expected: name+key id+base64 "
                "of an Ed25519 key or cosigner",
                text=text[:80],
            )
        )
    verifier = Verifier(name, raw[0], raw[1:])
    if verifier.key_id.hex() != hexed:
        raise NotANote(sentence("the key id of the verifier key %(name)s is wrong", name=name))
    return verifier


def read(raw: bytes) -> Note:
    """Return a note without verifying its signatures.

    Raises `NotANote` if it is not valid.
    """
    try:
        whole = raw.decode()
    except UnicodeDecodeError:
        raise NotANote(sentence("it is not UTF-8")) from None
    if len(raw) > NOTE_BYTES or _CONTROL.search(whole):
        raise NotANote(sentence("it is too long, or has a control character"))
    text, gap, signed = whole.rpartition("\n\n")
    if not gap or not signed.endswith("\n"):
        raise NotANote(
            sentence("it has no signatures after an empty line, each with its line's end")
        )
    lines = signed[:-1].split("\n")
    if len(lines) > SIGNATURES:
        raise NotANote(sentence("it has more than %(n)s signatures", n=SIGNATURES))
    return Note(text + "\n", tuple(_signature(line) for line in lines))


def _signature(line: str) -> NoteSignature:
    name, space, encoded = line.removeprefix(_PREFIX).partition(" ")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except ValueError:
        raw = b""
    if (
        not line.startswith(_PREFIX)
        or not space
        or not _NAME.fullmatch(name)
        or len(raw) < 5
        or encode_base64(raw) != encoded
    ):
        raise NotANote(sentence("%(line)s is not a signature line", line=repr(line[:80])))
    return NoteSignature(name, raw[:4], raw[4:])


def message(type: int, text: str, payload: bytes) -> bytes:
    """Return the bytes that a signature of a type signs."""
    if type == ED25519:
        return text.encode()
    (seconds,) = struct.unpack(">Q", payload[:8])
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def is_valid(verifier: Verifier, text: str, signature: NoteSignature) -> bool:
    """Return whether the signature of a text is valid under that key."""
    if len(signature.payload) != _SIZES.get(verifier.type) or not is_sound(verifier.public):
        return False
    signed = signature.payload[-64:]
    if signed[:32] == bytes([1]) + bytes(31):
        return False
    try:
        bindings.crypto_sign_open(
            signed + message(verifier.type, text, signature.payload), verifier.public
        )
    except exceptions.BadSignatureError:
        return False
    return True


def sign(name: str, seed: bytes, text: str) -> NoteSignature:
    """Return the signature of a note's text by a key of type Ed25519."""
    return _signed(name, ED25519, seed, text, b"")


def cosign(name: str, seed: bytes, text: str, time: int) -> NoteSignature:
    """Return a witness's cosignature of a checkpoint.

    `time` is in seconds of Unix time.
    """
    return _signed(name, COSIGNATURE, seed, text, struct.pack(">Q", time))


def _signed(name: str, type: int, seed: bytes, text: str, before: bytes) -> NoteSignature:
    secret = bindings.crypto_sign_seed_keypair(seed)[1]
    signed = bindings.crypto_sign(message(type, text, before), secret)[:64]
    return NoteSignature(name, key_id(name, type, public_of(seed)), before + signed)


def encode(text: str, signatures: Iterable[NoteSignature]) -> bytes:
    """Return a note's bytes."""
    return str(Note(text, tuple(signatures))).encode()
