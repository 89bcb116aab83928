"""DSSE signatures of acts: the signed bytes, Ed25519, and key ids.

See docs/spec/record.md §7.

Every signature is verified by libsodium. A key must be a canonical point of the
prime-order subgroup and not the identity. S must be below L, and R is compared by its
bytes. R of the identity is refused as well, so that no signature is valid for every
message.
"""

import base64
import binascii
import hashlib
from functools import lru_cache

from nacl import bindings, exceptions

PAYLOAD_TYPE = "application/vnd.dragoman.act.v1+json"
IDENTITY_TYPE = "application/vnd.dragoman.identity.v1+json"
"""The payload type of a side's identity on a host.

No signature of one type is valid for the other.
"""

_IDENTITY = bytes([1]) + bytes(31)


def pae(payload_type: str, body: bytes) -> bytes:
    """Return the bytes that are signed, in DSSE's pre-authentication encoding.

    The encoding binds the payload type and the body.
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)


def key_id(public: bytes) -> str:
    """Return the id of a key: hex SHA-256 of its 32 raw bytes."""
    return hashlib.sha256(public).hexdigest()


@lru_cache(maxsize=4_096)
def is_sound(public: bytes) -> bool:
    """Return whether a public key may be used at all.

    The check costs as much as one verification and the same keys come repeatedly, so
    its results are cached.
    """
    return len(public) == 32 and bool(bindings.crypto_core_ed25519_is_valid_point(public))


def public_of(seed: bytes) -> bytes:
    """Return the 32-byte public key of a 32-byte seed."""
    return bindings.crypto_sign_seed_keypair(seed)[0]


def sign(seed: bytes, act: bytes, *, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """Return the 64-byte signature of an act's bytes under a 32-byte seed."""
    secret = bindings.crypto_sign_seed_keypair(seed)[1]
    return bindings.crypto_sign(pae(payload_type, act), secret)[:64]


def verify(
    public: bytes, act: bytes, signature: bytes, *, payload_type: str = PAYLOAD_TYPE
) -> bool:
    """Return whether a signature of an act's bytes is valid under a public key."""
    if len(signature) != 64 or signature[:32] == _IDENTITY or not is_sound(public):
        return False
    try:
        bindings.crypto_sign_open(signature + pae(payload_type, act), public)
    except exceptions.BadSignatureError:
        return False
    return True


def decode_base64(text: str, length: int) -> bytes | None:
    """Return the bytes of canonical standard base64 of that length, or None."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == length and base64.b64encode(raw).decode() == text else None


def encode_base64(raw: bytes) -> str:
    """Return standard base64 with padding."""
    return base64.b64encode(raw).decode()


def write_signatures(signatures: dict[str, bytes]) -> str:
    """Return the record's member `signatures`.

    It has `<keyid>:<base64>` items, sorted, with one space between them.
    """
    return " ".join(f"{keyid}:{encode_base64(signatures[keyid])}" for keyid in sorted(signatures))


def read_signatures(text: str, most: int) -> dict[str, bytes] | None:
    """Return the signatures by key id; None if the member is not valid.

    The member must be exactly as `write_signatures` writes it, with at most `most`
    signatures.
    """
    signatures: dict[str, bytes] = {}
    for item in text.split(" "):
        keyid, colon, encoded = item.partition(":")
        signature = decode_base64(encoded, 64)
        if not colon or signature is None or len(keyid) != 64:
            return None
        signatures[keyid] = signature
    return signatures if len(signatures) <= most and write_signatures(signatures) == text else None
