r"""The digest of a channel's state, updated at the cost of what changed.

    element  = SHAKE-256("dragoman-state/v1\n" ‖ canonical encoding), 512 bytes
    sum      = sum of all elements, modulo 2^4096, each read big-endian
    digest   = SHA-256("dragoman-digest/v1\n<cid>\n<position>\n<channel time>\n" ‖ sum)

There is one element for each exchange, and one for the registry. The sum is hashed as
512 bytes. Its order does not matter, and a changed exchange costs two hashes. So no
read, page or replay has to encode the whole state again.

With 4,096 bits, the generalised birthday attack on such sums costs about 2^128 (Bellare
and Micciancio 1997, Wagner 2002). The digest compares states; the tree proves the log.
"""

import hashlib
from functools import lru_cache
from typing import Final

BITS: Final = 4096
_REMEMBERED: Final = 2_048
"""Most elements that are remembered.

A state that changes next has mostly changed lately. The element of its old encoding was
computed at that time.
"""

_LONG_BYTES: Final = 8 * 1024
_LONG_REMEMBERED: Final = 4
"""Most elements of long states that are remembered.

The cache keeps each encoding as long as its element, so only few are kept.
"""

MASK: Final = (1 << BITS) - 1


def element(encoded: bytes) -> int:
    """Return the element of one encoded state."""
    return _element(encoded) if len(encoded) < _LONG_BYTES else _element_of_long(encoded)


def element_of(encoded: bytes) -> int:
    """Return the element of one encoded state, without remembering it."""
    return int.from_bytes(hashlib.shake_256(b"dragoman-state/v1\n" + encoded).digest(BITS // 8))


_element = lru_cache(maxsize=_REMEMBERED)(element_of)
_element_of_long = lru_cache(maxsize=_LONG_REMEMBERED)(element_of)


def replaced(total: int, before: bytes | None, after: bytes | None) -> int:
    """Return the sum after one state became another.

    `before` is None for a new state, and `after` is None for a removed one.
    """
    return (
        total
        - (0 if before is None else element(before))
        + (0 if after is None else element(after))
    ) & MASK


def digest(total: int, cid: str, position: int, time: str) -> str:
    """Return the digest of a channel's state, in hex."""
    head = f"dragoman-digest/v1\n{cid}\n{position}\n{time}\n".encode()
    return hashlib.sha256(head + total.to_bytes(BITS // 8)).hexdigest()
