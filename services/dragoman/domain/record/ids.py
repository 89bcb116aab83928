r"""Ids, made once and for ever from what the poster sent.

    whose       version   made from
    officer     7         a client drew it: the Idempotency-Key is the id
    officer     8         SHA-256("dragoman-id/v2\n<channel>\n<actor>\n<key>"), by any other key
    service     5         the namespace below and "dragoman-id/v1\n<channel>\n<actor>\n<key>", by what is recorded

Anybody can compute a service's ids. So an officer's record with one is void and uses up
no id; and where one is taken all the same, by somebody who writes into the log past
every gateway, the service goes on to the id of the same key with "\n2" behind it, and
so on to "\n9".
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
"""Ids that a service has for one thing that it records."""


def from_key(channel: str, actor: str, key: str) -> str:
    """Return the record id that a key gives an actor: an officer's UUIDv7 is itself the id."""
    if actor.startswith(_SERVICE):
        return str(uuid.uuid5(NAMESPACE, f"dragoman-id/v1\n{channel}\n{actor}\n{key}"))
    if _V7.fullmatch(key):
        return key
    digest = hashlib.sha256(f"dragoman-id/v2\n{channel}\n{actor}\n{key}".encode()).digest()
    return _versioned(int.from_bytes(digest[:16]), 8)


def every(channel: str, actor: str, key: str) -> Iterator[str]:
    """Yield the ids that a service may use for one thing that it records, in the order in which it takes them."""
    return (
        from_key(channel, actor, key if number == 1 else f"{key}\n{number}")
        for number in range(1, _TRIES + 1)
    )


def unused(channel: str, actor: str, key: str, used: Callable[[str], bool]) -> str:
    """Return the id that a service's record has now: the first of its nine that is not used up; empty where all are."""
    return next((text for text in every(channel, actor, key) if not used(text)), "")


def uses_up(id: str, actor: str) -> bool:
    """Return whether a record uses up its id: an officer's does not, where it is one of a service's."""
    return actor.startswith(_SERVICE) or _V5.fullmatch(id) is None


def read_key(header: str) -> str | None:
    """Return the key in an Idempotency-Key header, quoted or bare; None where it is no key."""
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


def _versioned(value: int, version: int) -> str:
    """Return 128 bits as a UUID of that version (RFC 9562)."""
    value = value & ~(0xF << 76) | version << 76
    return str(uuid.UUID(int=value & ~(0x3 << 62) | 0x2 << 62))
