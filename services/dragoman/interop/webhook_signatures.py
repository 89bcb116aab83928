"""Webhook signatures by Standard Webhooks 1.0.

They prove the sender of a body, that the body is whole, and the time of the attempt.

    webhook-id           the event's id, the same at every attempt
    webhook-timestamp    Unix seconds of this attempt
    webhook-signature    `v1,` HMAC-SHA256 with a shared secret, or `v1a,` Ed25519;
                         several with spaces between, while a secret is being changed

The signed bytes are `id.timestamp.body`. Between sides, use Ed25519: no secret is
shared, and the receiver can show the signature to others. Secrets begin with `whsec_`,
private keys with `whsk_` and public keys with `whpk_`, each before base64.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Final

import nacl.exceptions
import nacl.signing

SHARED: Final = "whsec_"
PRIVATE: Final = "whsk_"
PUBLIC: Final = "whpk_"
_TOLERANCE_SECONDS: Final = 300


class NotSigned(ValueError):
    """The headers do not prove that the body is whole and fresh.

    The message says why.
    """


def shared_secret(entropy: bytes) -> str:
    """Return a shared secret made from 24 to 64 random bytes."""
    return SHARED + base64.b64encode(entropy).decode()


def key_pair(entropy: bytes) -> tuple[str, str]:
    """Return a private key made from 32 random bytes, and its public key."""
    public = bytes(nacl.signing.SigningKey(entropy).verify_key)
    return PRIVATE + base64.b64encode(entropy).decode(), PUBLIC + base64.b64encode(public).decode()


def headers(secret: str, id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers for a body. `secret` is a shared secret or a private key."""
    return {
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": _signature(secret, _signed(id, timestamp, body)),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.partition("_")[2])
    if secret.startswith(SHARED):
        return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return "v1a," + base64.b64encode(nacl.signing.SigningKey(key).sign(signed).signature).decode()


def _signed(id: str, timestamp: int, body: bytes) -> bytes:
    return f"{id}.{timestamp}.".encode() + body


def check(secret: str, id: str, timestamp: str, signatures: str, body: bytes, now: int) -> None:
    """Raise `NotSigned` unless one of the signatures is valid and the attempt is fresh.

    `secret` is a shared secret or a public key. `now` is in Unix seconds.
    """
    if (
        not timestamp.isascii()
        or not timestamp.isdigit()
        or abs(int(timestamp) - now) > _TOLERANCE_SECONDS
    ):
        raise NotSigned(
            "webhook-timestamp is not of the last five minutes; a copy of an old delivery is "
            "refused"
        )
    signed = _signed(id, int(timestamp), body)
    if not any(_is_valid(secret, part, signed) for part in signatures.split()):
        raise NotSigned("no webhook-signature is that of this body with this secret or key")


def _is_valid(secret: str, signature: str, signed: bytes) -> bool:
    version, _, encoded = signature.partition(",")
    key = base64.b64decode(secret.partition("_")[2])
    try:
        b64decode = base64.b64decode(encoded, validate=True)
        if version == "v1" and secret.startswith(SHARED):
            return hmac.compare_digest(hmac.digest(key, signed, hashlib.sha256), b64decode)
        if version == "v1a" and secret.startswith(PUBLIC):
            nacl.signing.VerifyKey(key).verify(signed, b64decode)
            return True
    except (binascii.Error, nacl.exceptions.CryptoError, ValueError, TypeError):
        return False
    return False
