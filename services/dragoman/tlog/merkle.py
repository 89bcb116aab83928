"""The RFC 6962 SHA-256 Merkle tree, grown leaf by leaf.

    leaf = SHA-256(00 || entry)      node = SHA-256(01 || left || right)      root of the empty tree = SHA-256("")

A `Frontier` holds the roots of the complete subtrees on the right edge, largest first: one hash for each bit set in the size.
"""

import hashlib

from msgspec import Struct


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf over its entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over its two children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier(Struct, frozen=True, array_like=True, gc=False):
    """The right edge of a tree of that size."""

    size: int = 0
    edge: tuple[bytes, ...] = ()

    def add(self, leaf: bytes) -> "Frontier":
        """The frontier after one more leaf hash. Takes two node hashes on average."""
        edge = self.edge
        size = self.size
        while size & 1:
            leaf = node_hash(edge[-1], leaf)
            edge = edge[:-1]
            size >>= 1
        return Frontier(self.size + 1, (*edge, leaf))

    def root(self) -> bytes:
        """The root of the tree."""
        if not self.edge:
            return hashlib.sha256(b"").digest()
        root = self.edge[-1]
        for left in reversed(self.edge[:-1]):
            root = node_hash(left, root)
        return root
