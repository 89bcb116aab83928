"""The RFC 6962 SHA-256 Merkle tree: grown leaf by leaf, proved, and verified.

    leaf = SHA-256(00 || entry)
    node = SHA-256(01 || left || right)
    root of the empty tree = SHA-256("")

A range of n leaves is split at the largest power of two below n. Nothing is padded, and
no leaf is repeated. A `Frontier` holds the roots of the complete subtrees on the right
edge, largest first: one hash for each bit set in the size.

Proofs are made from the roots of complete subtrees alone, which the caller gives
through a `Nodes`. They are verified as RFC 9162 §2.1.3 and §2.1.4 say.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

Nodes = Callable[[int, int], bytes]
"""A function from a level and an index to the hash of a complete subtree.

The subtree has 2^level leaves. The index counts the subtrees of that level: `nodes(0,
i)` is leaf i.
"""

EMPTY: Final = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf over its entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left_hash: bytes, right_hash: bytes) -> bytes:
    """Return the hash of a node over its two children."""
    return hashlib.sha256(b"\x01" + left_hash + right_hash).digest()


class Frontier(Struct, frozen=True, array_like=True, gc=False):
    """The right edge of a tree of `size` leaves."""

    size: int = 0
    edge: tuple[bytes, ...] = ()

    def add(self, leaf: bytes) -> "Frontier":
        """Return the frontier after one more leaf hash.

        Takes two node hashes on average.
        """
        edge = self.edge
        size = self.size
        while size & 1:
            leaf = node_hash(edge[-1], leaf)
            edge = edge[:-1]
            size >>= 1
        return Frontier(self.size + 1, (*edge, leaf))

    def root(self) -> bytes:
        """Return the root of the tree."""
        if not self.edge:
            return EMPTY
        root = self.edge[-1]
        for left_hash in reversed(self.edge[:-1]):
            root = node_hash(left_hash, root)
        return root


# Proofs


def nodes_of(leaves: Sequence[bytes]) -> Nodes:
    """Return the complete subtrees over some leaf hashes."""
    hashes: dict[tuple[int, int], bytes] = {}

    def node(level: int, index: int) -> bytes:
        if level == 0:
            return leaves[index]
        if (level, index) not in hashes:
            hashes[level, index] = node_hash(
                node(level - 1, 2 * index), node(level - 1, 2 * index + 1)
            )
        return hashes[level, index]

    return node


def subtree_root(row: Sequence[bytes]) -> bytes:
    """Return the root of a complete subtree from the hashes of one of its levels.

    The number of hashes is a power of two.
    """
    while len(row) > 1:
        row = [
            node_hash(left_hash, right_hash)
            for left_hash, right_hash in zip(row[::2], row[1::2], strict=True)
        ]
    return row[0]


def root_of(nodes: Nodes, size: int) -> bytes:
    """Return the root of the tree of that size."""
    return range_root(nodes, 0, size)


def frontier_of(nodes: Nodes, size: int) -> Frontier:
    """Return the right edge of the tree of that size."""
    edge, begin = [], 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            edge.append(nodes(level, begin >> level))
            begin += 1 << level
    return Frontier(size, tuple(edge))


def inclusion(nodes: Nodes, index: int, size: int) -> list[bytes]:
    """Return the proof that a leaf is in the tree of a size (RFC 6962 §2.1.1).

    The hashes go from the leaf upwards.
    """
    assert 0 <= index < size
    return _path(nodes, index, 0, size)


def consistency(nodes: Nodes, old: int, new: int) -> list[bytes]:
    """Return the proof that the old tree is the beginning of the new one.

    `old` and `new` are the sizes of the trees. The proof is that of RFC 6962 §2.1.2.
    """
    assert 0 <= old <= new
    return [] if old in (0, new) else _between(nodes, old, 0, new, whole=True)


def split(count: int) -> int:
    """Return the largest power of two below a count of at least two."""
    return 1 << (count - 1).bit_length() - 1


def range_root(nodes: Nodes, begin: int, end: int) -> bytes:
    """Return the root over the leaves from `begin` up to, but not including, `end`.

    The range must be one into which the larger tree is split.
    """
    count = end - begin
    if count == 0:
        return EMPTY
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return nodes(level, begin >> level)
    middle = begin + split(count)
    return node_hash(range_root(nodes, begin, middle), range_root(nodes, middle, end))


def _path(nodes: Nodes, index: int, begin: int, end: int) -> list[bytes]:
    if end - begin == 1:
        return []
    middle = begin + split(end - begin)
    if index < middle:
        return [*_path(nodes, index, begin, middle), range_root(nodes, middle, end)]
    return [*_path(nodes, index, middle, end), range_root(nodes, begin, middle)]


def _between(nodes: Nodes, old: int, begin: int, end: int, *, whole: bool) -> list[bytes]:
    """Return the part of a consistency proof below one node of the new tree.

    `whole` is true if the old tree is a complete subtree from its beginning. The
    verifier then already has its root.
    """
    if old == end:
        return [] if whole else [range_root(nodes, begin, end)]
    middle = begin + split(end - begin)
    if old <= middle:
        return [*_between(nodes, old, begin, middle, whole=whole), range_root(nodes, middle, end)]
    return [*_between(nodes, old, middle, end, whole=False), range_root(nodes, begin, middle)]


def is_included(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Return whether a proof shows that a leaf hash is at an index of a tree.

    `size` and `root` are those of the tree.
    """
    if not 0 <= index < size:
        return False
    computed, first, last = leaf, index, size - 1
    for sibling in proof:
        if last == 0:
            return False
        if first & 1 or first == last:
            computed = node_hash(sibling, computed)
            while first & 1 == 0 and first != 0:
                first, last = first >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        first, last = first >> 1, last >> 1
    return last == 0 and computed == root


def is_consistent(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Return whether a proof shows that the old tree is the beginning of the new one.

    Each tree is identified by its size and its root.
    """
    if not 0 <= old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY
    hashes = [old_root, *proof] if old & (old - 1) == 0 else [*proof]
    if not hashes:
        return False
    first, last = old - 1, new - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    before = after = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while first & 1 == 0 and first != 0:
                first, last = first >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        first, last = first >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root
