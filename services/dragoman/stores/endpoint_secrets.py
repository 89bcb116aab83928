"""Secrets of endpoints, sealed so that only notifiers can read them.

    endpoint.<id>    {"means":"message","sealed":"pR1v…",…}      in the bucket
    sealing_key      {"public":"mC9u…"}                          in the bucket
    keys/endpoints.seed                                          with each notifier

Gateways seal with the public key (a NaCl sealed box). The private key is a file that
the notifier makes at its first start. Whoever reads the broker's disk learns no secret.
If notifiers run on several hosts, each needs a copy of the file.
"""

import asyncio
import base64
import secrets
from pathlib import Path
from typing import Final

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from dragoman.eventlog.broker import write_secret
from dragoman.stores.endpoints import NotificationEndpoint, NotificationEndpoints

log = structlog.get_logger()

FILE: Final = "endpoints.seed"
_KEY_BYTES: Final = 32


class SealedSecrets(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The sealed part of an endpoint: its recipient, and the key of its signatures."""

    target: str = ""
    secret: str = ""


_secrets = msgspec.json.Decoder(SealedSecrets).decode


class CannotUnseal(Exception):
    """An endpoint that was sealed with another key than the one that is here."""


def seal(public_key: bytes, endpoint: NotificationEndpoint, target: str) -> NotificationEndpoint:
    """Return an endpoint with its secret sealed, and a target that was hidden."""
    sealed = SealedBox(PublicKey(public_key)).encrypt(
        msgspec.json.encode(SealedSecrets(target=target, secret=endpoint.secret))
    )
    return replace(endpoint, secret="", sealed=base64.b64encode(sealed).decode())


class UnsealingKey:
    """The private key of the notifiers."""

    def __init__(self, seed: bytes) -> None:
        """Use the key of 32 bytes."""
        self._key = PrivateKey(seed)

    @classmethod
    def of(cls, folder: Path) -> "UnsealingKey | None":
        """Return the key in a folder of keys, or None if none is there."""
        path = folder / FILE
        return cls(path.read_bytes()) if path.exists() else None

    @classmethod
    def make(cls, folder: Path) -> "UnsealingKey":
        """Make a key in a folder of keys, and return it."""
        write_secret(folder / FILE, secrets.token_bytes(_KEY_BYTES))
        return cls((folder / FILE).read_bytes())

    @property
    def public(self) -> bytes:
        """The public key, with which gateways seal."""
        return bytes(self._key.public_key)

    def opened(self, endpoint: NotificationEndpoint) -> NotificationEndpoint:
        """Return an endpoint with its target and secret. Raises `CannotUnseal`."""
        if not endpoint.sealed:
            return endpoint
        try:
            plain = SealedBox(self._key).decrypt(base64.b64decode(endpoint.sealed))
        except (CryptoError, ValueError):
            raise CannotUnseal(endpoint.id) from None
        content = _secrets(plain)
        return replace(
            endpoint, target=content.target or endpoint.target, secret=content.secret, sealed=""
        )


async def notifier_key(folder: Path, store: NotificationEndpoints) -> UnsealingKey | None:
    """Return the key that opens the secrets of endpoints.

    The first notifier of a host makes it. Another notifier without a copy leaves such
    endpoints alone, and gets None. Raises `LogUnreachable`.
    """
    key = UnsealingKey.of(folder)
    if key is None and store.sealing_key is None:
        key = await asyncio.to_thread(UnsealingKey.make, folder)
    if key is not None:
        await store.publish_sealing_key(key.public)
    if key is None or store.sealing_key not in (None, key.public):
        log.error(
            "courier.no_unsealing_key",
            file=str(folder / FILE),
            do="copy this file from the data directory of the first notifier, with mode 0600, and "
            "start this notifier again",
        )
        return None
    return key
