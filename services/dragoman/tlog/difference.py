"""The first leaf that differs from a signed root, found with hashes that nobody signed.

    signed root              the only certain value
    copies of the leaves     the hashes of the records that somebody gave us
    sources of hashes        tiles, or other files beside the records; any may be wrong

A pair of hashes is accepted only as the children of a hash that was already accepted.
Such children are right, since nobody can find two others with the same parent. So a
wrong source is never believed. If no source has the children, the search ends with the
range that they would have divided.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import overload

from msgspec import Struct

from dragoman.tlog import merkle, tiles
from dragoman.tlog.merkle import Nodes
from dragoman.tlog.tiles import ENTRIES, WIDTH, Tile


class LeafDifference(Struct, frozen=True):
    """The index of the first leaf that differs, as a range.

    `first` and `last` are the same if the sources were sufficient; otherwise the leaf
    is between them.
    """

    first: int
    last: int


def first_difference(
    size: int, root: bytes, copies: Sequence[Sequence[bytes]], sources: Sequence[Nodes]
) -> LeafDifference | None:
    """Return the first leaf that differs from the leaves under a root, or None.

    `size` is the number of leaves under the root. `copies` are the same leaves in more
    than one reading: a leaf differs if it differs in each copy. A copy may be too
    short. A source raises `LookupError` for a hash that it does not have.
    """
    subtrees = [_shorter(copy) for copy in copies]
    search = _Search(subtrees, [*subtrees, *sources])
    return search.below(0, size, root) if size else None


def _shorter(leaves: Sequence[bytes]) -> Nodes:
    """Return the subtrees over leaves, of which there may be too few."""
    nodes = merkle.nodes_of(leaves)

    def node(level: int, index: int) -> bytes:
        if (index + 1) << level > len(leaves):
            raise IndexError(index)
        return nodes(level, index)

    return node


class _Search:
    """A descent from the root to the first leaf that differs."""

    def __init__(self, copies: Sequence[Nodes], sources: Sequence[Nodes]) -> None:
        self._copies = copies
        self._sources = sources

    def below(self, begin: int, end: int, root: bytes) -> LeafDifference | None:
        """Return the first difference in a range of leaves.

        `root` is the range's root.
        """
        if any(candidate == root for candidate in _roots(self._copies, begin, end)):
            return None
        if end - begin == 1:
            return LeafDifference(begin, begin)
        middle = begin + merkle.split(end - begin)
        children = self._children(begin, middle, end, root)
        if children is None:
            return LeafDifference(begin, end - 1)
        return self.below(begin, middle, children[0]) or self.below(middle, end, children[1])

    def _children(
        self, begin: int, middle: int, end: int, parent: bytes
    ) -> tuple[bytes, bytes] | None:
        """Return the two hashes whose node hash is `parent`, or None.

        Each further source is read only if the earlier sources do not have them.
        """
        left_hashes: list[bytes] = []
        right_hashes: list[bytes] = []
        for source in self._sources:
            left_hashes += _roots([source], begin, middle)
            right_hashes += _roots([source], middle, end)
            for left_hash in left_hashes:
                for right_hash in right_hashes:
                    if merkle.node_hash(left_hash, right_hash) == parent:
                        return left_hash, right_hash
        return None


def _roots(sources: Sequence[Nodes], begin: int, end: int) -> Iterator[bytes]:
    """Yield the root of a range by each source that has it."""
    for source in sources:
        try:
            yield merkle.range_root(source, begin, end)
        except LookupError:
            continue


Read = Callable[[str], bytes | None]
"""A function from the path of a tile to its bytes; None if there is no such tile."""


def sources_of(size: int, read: Read) -> list[Nodes]:
    """Return the sources of hashes in the tiles of a log, the cheapest first.

    The first source takes the hashes of each level from the tiles of that level. The
    second computes all hashes from the tiles of the lowest level, the third from the
    entries.
    """
    bodies: dict[Tile, bytes] = {}

    def body(tile: Tile) -> bytes:
        if tile not in bodies:
            bodies[tile] = read(tile.path) or b""
        return bodies[tile]

    def in_level(level: int, index: int) -> bytes:
        try:
            return tiles.node(level, index, size, body)
        except ValueError as error:
            raise LookupError(str(error)) from None

    def lowest(index: int) -> bytes:
        return in_level(0, index)

    def entries(index: int) -> bytes:
        full, partial = tiles.widths(size, ENTRIES)
        number = index // WIDTH
        bundle = tiles.read_bundle(body(Tile(ENTRIES, number, WIDTH if number < full else partial)))
        if bundle is None:
            raise LookupError(index)
        return merkle.leaf_hash(bundle[index % WIDTH])

    return [
        in_level,
        merkle.nodes_of(_Leaves(size, lowest)),
        merkle.nodes_of(_Leaves(size, entries)),
    ]


class _Leaves(Sequence[bytes]):
    """Leaf hashes that are read one by one."""

    def __init__(self, size: int, read: Callable[[int], bytes]) -> None:
        self._size = size
        self._read = read

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> list[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | list[bytes]:
        return (
            self._read(index)
            if isinstance(index, int)
            else [self._read(number) for number in range(self._size)[index]]
        )
