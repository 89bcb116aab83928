"""Signed notes (C2SP signed-note): a text, and signature lines of keys with names.

    text, which ends in a line feed
    an empty line
    — <name> <base64 of key id and signature>          one line a signature

    key id = SHA-256(name || 0A || type || public key)[:4]        verifier key = name+hex key id+base64 of type and public key

A line of a key that is not known is passed over; a known key whose signature does not
hold spoils the note. The text says nothing of its keys, so that a key has one purpose,
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
"""Signature lines of a note: what other readers take as well."""

NOTE_BYTES: Final = 1_000_000
_PREFIX: Final = "— "
_NAME: Final = re.compile(r"[^\s+]+")
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")
_SIZES: Final = {ED25519: 64, COSIGNATURE: 72}


class NotANote(TextError):
    """What is no note, or is spoilt; what is said says why."""


class Verifier(Struct, frozen=True):
    """A key by which notes are verified: its name, its type, its 32 public bytes."""

    name: str
    type: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes by which a signature line names the key, beside its name."""
        return key_id(self.name, self.type, self.public)

    def __str__(self) -> str:
        """Return the verifier key as text."""
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(bytes([self.type]) + self.public)}"


class NoteSignature(Struct, frozen=True):
    """One line: the key's name and id, and what follows them: 64 bytes, or of a cosignature a time of 8 and 64."""

    name: str
    key_id: bytes
    payload: bytes

    @property
    def line(self) -> str:
        """The line as it stands in a note, with its end."""
        return f"{_PREFIX}{self.name} {encode_base64(self.key_id + self.payload)}\n"

    @property
    def time(self) -> int:
        """Return when a cosignature was made, in seconds of Unix time."""
        (seconds,) = struct.unpack(">Q", self.payload[:8])
        return int(seconds)


class Note(Struct, frozen=True):
    """A text and its signature lines, in the order in which they stand."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def __str__(self) -> str:
        """Return the note as it is written."""
        return f"{self.text}\n{''.join(signature.line for signature in self.signatures)}"

    def signed_by(self, verifier: Verifier) -> NoteSignature | None:
        """Return the signature of a key, if the note has it and it holds. Raises `NotANote` where it does not hold."""
        note_signature = None
        for signature in self.signatures:
            if (signature.name, signature.key_id) == (verifier.name, verifier.key_id):
                if not holds(verifier, self.text, signature):
                    raise NotANote(
                        sentence("the signature of %(name)s does not hold", name=verifier.name)
                    )
                note_signature = note_signature or signature
        return note_signature


def key_id(name: str, type: int, public: bytes) -> bytes:
    """Return the id of a key."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([type]) + public).digest()[:4]


def read_verifier(text: str) -> Verifier:
    """Return a verifier key. Raises `NotANote` where it is none of a kind that is known, or its id is not its own."""
    name, _, rest = text.partition("+")
    hexed, _, encoded = rest.partition("+")
    raw = decode_base64(encoded, 33)
    if raw is None or raw[0] not in _SIZES or not _NAME.fullmatch(name) or not is_sound(raw[1:]):
        raise NotANote(
            sentence(
                "%(text)s is no verifier key: name+key id+base64 of an Ed25519 key or cosigner",
                text=text[:80],
            )
        )
    verifier = Verifier(name, raw[0], raw[1:])
    if verifier.key_id.hex() != hexed:
        raise NotANote(sentence("the id of the verifier key %(name)s is not its own", name=name))
    return verifier


def read(raw: bytes) -> Note:
    """Return a note, nothing of which is verified. Raises `NotANote`."""
    try:
        whole = raw.decode()
    except UnicodeDecodeError:
        raise NotANote(sentence("it is no UTF-8")) from None
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
        raise NotANote(sentence("%(line)s is no signature line", line=repr(line[:80])))
    return NoteSignature(name, raw[:4], raw[4:])


def message(type: int, text: str, payload: bytes) -> bytes:
    """Return the bytes that a signature of a type is over."""
    if type == ED25519:
        return text.encode()
    (seconds,) = struct.unpack(">Q", payload[:8])
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def holds(verifier: Verifier, text: str, signature: NoteSignature) -> bool:
    """Return whether a signature of that key holds over a text."""
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
    """Return the cosignature of a checkpoint by a witness, at a time in seconds of Unix time."""
    return _signed(name, COSIGNATURE, seed, text, struct.pack(">Q", time))


def _signed(name: str, type: int, seed: bytes, text: str, before: bytes) -> NoteSignature:
    secret = bindings.crypto_sign_seed_keypair(seed)[1]
    signed = bindings.crypto_sign(message(type, text, before), secret)[:64]
    return NoteSignature(name, key_id(name, type, public_of(seed)), before + signed)


def written(text: str, signatures: Iterable[NoteSignature]) -> bytes:
    """Return a note's bytes."""
    return str(Note(text, tuple(signatures))).encode()
