"""Leaves: a record's commitment, and the entry that stands for it in the tree (record.md §7)."""

import hashlib


def commit(message: bytes) -> str:
    """The commitment to a message of the log, in hex."""
    return hashlib.sha256(b"dragoman-commit/v1\n" + message).hexdigest()


def entry(index: int, commitment: str) -> bytes:
    """The leaf entry of the message at that index; index = position - 1."""
    return b"dragoman-entry/v1\nindex %d\ncommit %s\n" % (index, commitment.encode())
