r"""The digest of a channel's state, kept up to date at the price of what changed.

    element  = SHAKE-256("dragoman-state/v1\n" ‖ canonical encoding of one exchange, or of the registry), 512 bytes
    sum      = sum of all elements, modulo 2^4096, each read big-endian
    digest   = SHA-256("dragoman-digest/v1\n<cid>\n<position>\n<channel time>\n" ‖ sum as 512 bytes)

Order does not matter and a changed exchange costs two hashes, so that no read, no page
and no replay has to encode the whole state again. With 4,096 bits the generalised
birthday attack on such sums costs about 2^128 (Bellare and Micciancio 1997, Wagner
2002). It compares states; what proves the log is its tree.
"""

import hashlib
from functools import lru_cache
from typing import Final

BITS: Final = 4096
_REMEMBERED: Final = 2_048
"""Elements that are kept: what changes next is mostly what was changed lately, and its
element as it stood was made then.
"""

_LONG_BYTES: Final = 8 * 1024
_LONG_REMEMBERED: Final = 4
"""The same of long states: each is held as long as its element is, so that only few
are.
"""

MASK: Final = (1 << BITS) - 1


def element(encoded: bytes) -> int:
    """Return the element of one encoded state."""
    return _element(encoded) if len(encoded) < _LONG_BYTES else _element_of_long(encoded)


def element_of(encoded: bytes) -> int:
    """Return the same, without being remembered."""
    return int.from_bytes(hashlib.shake_256(b"dragoman-state/v1\n" + encoded).digest(BITS // 8))


_element = lru_cache(maxsize=_REMEMBERED)(element_of)
_element_of_long = lru_cache(maxsize=_LONG_REMEMBERED)(element_of)


def replaced(total: int, before: bytes | None, after: bytes | None) -> int:
    """Return the sum after one state became another, None for one that was or is not there."""
    return (
        total
        - (0 if before is None else element(before))
        + (0 if after is None else element(after))
    ) & MASK


def digest(total: int, cid: str, position: int, time: str) -> str:
    """Return the digest of a channel's state, in hex."""
    head = f"dragoman-digest/v1\n{cid}\n{position}\n{time}\n".encode()
    return hashlib.sha256(head + total.to_bytes(BITS // 8)).hexdigest()
