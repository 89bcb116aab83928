"""Leaves of the log's tree: the commitment to a record, and its entry.

See docs/spec/record.md §8.

dragoman-entry/v1
index <position - 1>
commit <64 hexadecimal digits>
"""

import hashlib
import re
from typing import Final

_ENTRY: Final = re.compile(
    rb"dragoman-entry/v1\nindex (0|[1-9][0-9]{0,15})\ncommit ([0-9a-f]{64})\n"
)


def commit(message: bytes) -> str:
    """Return the commitment to a message of the log, in hex."""
    return hashlib.sha256(b"dragoman-commit/v1\n" + message).hexdigest()


def entry(index: int, commitment: str) -> bytes:
    """Return the leaf entry of the message at that index; index = position - 1."""
    return b"dragoman-entry/v1\nindex %d\ncommit %s\n" % (index, commitment.encode())


def read_entry(raw: bytes) -> tuple[int, str] | None:
    """Return the index and the commitment of a leaf entry; None for any other bytes."""
    match = _ENTRY.fullmatch(raw)
    return None if match is None else (int(match.group(1)), match.group(2).decode())
