"""Ids, made once and for ever from what the poster sent (record.md §6)."""

import re
import uuid
from typing import Final

from dragoman.limits import KEY_BYTES

NAMESPACE: Final = uuid.UUID("19307e85-4fd4-5476-ad35-25429f547f28")

_V7: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[57][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_KEY: Final = re.compile(rf"[\x21-\x7e]{{{KEY_BYTES[0]},{KEY_BYTES[1]}}}")


def from_key(channel: str, actor: str, key: str) -> str:
    """The record id for a key: a UUIDv7 is itself the id, anything else gives a UUIDv5 of the channel, the actor and the key."""
    if _V7.fullmatch(key):
        return key
    return str(uuid.uuid5(NAMESPACE, f"dragoman-id/v1\n{channel}\n{actor}\n{key}"))


def read_key(header: str) -> str | None:
    """The key in an Idempotency-Key header, quoted or bare; None where it is no key."""
    key = header[1:-1] if len(header) >= 2 and header[0] == header[-1] == '"' else header
    return key if _KEY.fullmatch(key) else None


def is_v7(text: str) -> bool:
    """Return whether a text is a UUIDv7, which its poster drew at random: no record of a service has such an id."""
    return _V7.fullmatch(text) is not None


def is_id(text: str) -> bool:
    """Whether a text is a record id."""
    return _ID.fullmatch(text) is not None


def v7(milliseconds: int, entropy: bytes) -> str:
    """A UUIDv7 of that time and of 10 random bytes."""
    value = (milliseconds & (2**48 - 1)) << 80 | int.from_bytes(entropy[:10])
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))
