"""The tree over a channel's records, out of the file: its subtrees, tiles and entry bundles, all of which follow from the records.

What is complete never changes: the roots of 256 leaves are kept in memory once they
were asked for.
"""

from functools import lru_cache
from typing import Final

from dragoman.projection.store import Store
from dragoman.tlog import leaf, tiles
from dragoman.tlog.merkle import Nodes, folded, leaf_hash, node_hash
from dragoman.tlog.tiles import ENTRIES, Tile

_LEVEL: Final = 8
_KEPT: Final = 65_536


class Trees:
    """The trees of all channels of a file."""

    def __init__(self, store: Store) -> None:
        """Read from the file."""
        self._store = store
        self._root = lru_cache(maxsize=_KEPT)(self._root_of_256)

    def forget(self) -> None:
        """Read all anew: another file has taken the place of the one that was read."""
        self._root.cache_clear()

    def nodes(self, channel: str) -> Nodes:
        """Return the subtrees of a channel's tree, as far as the file goes."""

        def node(level: int, index: int) -> bytes:
            if level == _LEVEL:
                return self._root(channel, index)
            if level > _LEVEL:
                return node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))
            count = 1 << level
            return folded(
                [leaf_hash(entry) for entry in self.entries(channel, index * count, count)]
            )

        return node

    def _root_of_256(self, channel: str, index: int) -> bytes:
        return folded(
            [leaf_hash(entry) for entry in self.entries(channel, index << _LEVEL, 1 << _LEVEL)]
        )

    def entries(self, channel: str, first: int, count: int) -> list[bytes]:
        """Return the entries of so many leaves from an index on."""
        base = self._store.base(channel)
        cursor = self._store.reader().execute(
            "SELECT record_commit FROM records WHERE key BETWEEN ? AND ? ORDER BY key",
            (base | (first + 1), base | (first + count)),
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
