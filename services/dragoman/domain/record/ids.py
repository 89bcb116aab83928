r"""Ids, made once and for ever from values that the poster sent.

    actor     version   made from
    officer   7         the Idempotency-Key, a UUIDv7 that the client drew
    officer   8         SHA-256("dragoman-id/v2\n<channel>\n<actor>\n<key>")
    service   5         the namespace below, "dragoman-id/v1\n<channel>\n<actor>\n<key>"

An officer's key is the Idempotency-Key. A service's key follows from the thing that it
records, so anybody can compute a service's ids. Therefore an officer's record with such
an id is void and uses up no id.

Somebody who writes into the log past every gateway may still take a service's id. Then
the service uses the id of the same key with "\n2" after it, and so on to "\n9".
"""

import hashlib
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Final

from dragoman.limits import KEY_BYTES

NAMESPACE: Final = uuid.UUID("19307e85-4fd4-5476-ad35-25429f547f28")

_V7: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[578][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_V5: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_KEY: Final = re.compile(rf"[\x21-\x7e]{{{KEY_BYTES[0]},{KEY_BYTES[1]}}}")


_SERVICE: Final = "service/"
_TRIES: Final = 9
"""The number of ids that a service has for one thing that it records."""


def from_key(channel: str, actor: str, key: str) -> str:
    """Return the record id that an idempotency key gives an actor.

    An officer's UUIDv7 is itself the id.
    """
    if actor.startswith(_SERVICE):
        return str(uuid.uuid5(NAMESPACE, f"dragoman-id/v1\n{channel}\n{actor}\n{key}"))
    if _V7.fullmatch(key):
        return key
    digest = hashlib.sha256(f"dragoman-id/v2\n{channel}\n{actor}\n{key}".encode()).digest()
    return _versioned(int.from_bytes(digest[:16]), 8)


def every(channel: str, actor: str, key: str) -> Iterator[str]:
    """Yield the ids that a service may use for one thing that it records.

    The service takes them in this order.
    """
    return (
        from_key(channel, actor, key if number == 1 else f"{key}\n{number}")
        for number in range(1, _TRIES + 1)
    )


def unused(channel: str, actor: str, key: str, used: Callable[[str], bool]) -> str:
    """Return the id that a service's record has now: the first of nine that is unused.

    It is empty if all nine are used up.
    """
    return next((id for id in every(channel, actor, key) if not used(id)), "")


def uses_up(id: str, actor: str) -> bool:
    """Return whether a record uses up its id.

    An officer's record does not if its id is of a service's kind.
    """
    return actor.startswith(_SERVICE) or _V5.fullmatch(id) is None


def read_key(header: str) -> str | None:
    """Return the key in an Idempotency-Key header, quoted or bare.

    None if the header has no valid key.
    """
    key = header[1:-1] if len(header) >= 2 and header[0] == header[-1] == '"' else header
    return key if _KEY.fullmatch(key) else None


def is_v7(text: str) -> bool:
    """Return whether a text is a UUIDv7, which its poster drew at random."""
    return _V7.fullmatch(text) is not None


def is_id(text: str) -> bool:
    """Return whether a text is a record id."""
    return _ID.fullmatch(text) is not None


def v7(milliseconds: int, entropy: bytes) -> str:
    """Return a UUIDv7 of that time and of 10 random bytes."""
    return _versioned((milliseconds & (2**48 - 1)) << 80 | int.from_bytes(entropy[:10]), 7)


def _versioned(bits: int, version: int) -> str:
    """Return 128 bits as a UUID of that version (RFC 9562)."""
    bits = bits & ~(0xF << 76) | version << 76
    return str(uuid.UUID(int=bits & ~(0x3 << 62) | 0x2 << 62))
