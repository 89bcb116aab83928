"""The tree over a channel's records, read from the file: subtrees, tiles, bundles.

All of it follows from the records. A complete subtree never changes: the roots of 256
leaves stay in memory once they were read.
"""

from functools import lru_cache
from typing import Final

from dragoman.projection.row_keys import row_key
from dragoman.projection.store import Store
from dragoman.tlog import leaf, tiles
from dragoman.tlog.merkle import Nodes, leaf_hash, node_hash, subtree_root
from dragoman.tlog.tiles import ENTRIES, Tile

_LEVEL: Final = 8
_KEPT: Final = 65_536


class Trees:
    """The trees of all channels of a file."""

    def __init__(self, store: Store) -> None:
        """Read from the store's file."""
        self._store = store
        self._root = lru_cache(maxsize=_KEPT)(self._root_of_256)

    def forget(self) -> None:
        """Drop what is in memory: another file has replaced the one that was read."""
        self._root.cache_clear()

    def nodes(self, channel: str) -> Nodes:
        """Return the function that gives the nodes of a channel's tree in the file."""

        def node(level: int, index: int) -> bytes:
            if level == _LEVEL:
                return self._root(channel, index)
            if level > _LEVEL:
                return node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))
            count = 1 << level
            return subtree_root(
                [leaf_hash(entry) for entry in self.entries(channel, index * count, count)]
            )

        return node

    def _root_of_256(self, channel: str, index: int) -> bytes:
        return subtree_root(
            [leaf_hash(entry) for entry in self.entries(channel, index << _LEVEL, 1 << _LEVEL)]
        )

    def entries(self, channel: str, first: int, count: int) -> list[bytes]:
        """Return the entries of `count` leaves, from the index `first` on."""
        base = self._store.base(channel)
        cursor = self._store.reader().execute(
            "SELECT record_commit FROM records WHERE key BETWEEN ? AND ? ORDER BY key",
            (row_key(base, first + 1), row_key(base, first + count)),
        )
        return [leaf.entry(first + offset, commit) for offset, (commit,) in enumerate(cursor)]

    def tile(self, channel: str, tile: Tile) -> bytes:
        """Return the bytes of a tile or an entry bundle that the tree has."""
        if tile.level == ENTRIES:
            return tiles.bundle(self.entries(channel, tile.first, tile.width))
        if tile.level == 0:
            return b"".join(
                leaf_hash(entry) for entry in self.entries(channel, tile.first, tile.width)
            )
        return tiles.hashes(tile, self.nodes(channel))
