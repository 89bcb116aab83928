"""The first leaf that differs from those of a signed root, found with the help of hashes that nobody signed.

    signed root                     what is certain
    copies of the leaves            what somebody gave: its records, hashed
    sources of hashes               tiles, or whatever else came with the records; any of them may be wrong

A hash counts only where it leads to one that counts: two children whose parent is known
are right, since nobody finds two others. So a wrong source is never believed. Where no
source has the children, the search ends with the range that they would have divided.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import overload

from msgspec import Struct

from dragoman.tlog import merkle, tiles
from dragoman.tlog.merkle import Nodes
from dragoman.tlog.tiles import ENTRIES, WIDTH, Tile


class LeafDifference(Struct, frozen=True):
    """The index of the first leaf that differs, and the last index at which it may be: the same where the sources were enough."""

    first: int
    last: int


def first_difference(
    size: int, root: bytes, copies: Sequence[Sequence[bytes]], sources: Sequence[Nodes]
) -> LeafDifference | None:
    """Return where the leaves first differ from those under a root of so many; None where they are the same.

    `copies` are the same leaves in more than one reading: a leaf differs if it does in
    each. A copy may be too short. A source raises `LookupError` for a hash that it does
    not have.
    """
    shorter_names = [_shorter(copy) for copy in copies]
    search = _Search(shorter_names, [*shorter_names, *sources])
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

    def below(self, begin: int, end: int, data: bytes) -> LeafDifference | None:
        """Return the first difference between two indexes, given the root of that range."""
        if any(root == data for root in _roots(self._copies, begin, end)):
            return None
        if end - begin == 1:
            return LeafDifference(begin, begin)
        middle = begin + merkle.split(end - begin)
        children = self._children(begin, middle, end, data)
        if children is None:
            return LeafDifference(begin, end - 1)
        return self.below(begin, middle, children[0]) or self.below(middle, end, children[1])

    def _children(
        self, begin: int, middle: int, end: int, data: bytes
    ) -> tuple[bytes, bytes] | None:
        """Return the two hashes of which the wanted one is made. Each further source is asked only where those before it do not have them."""
        lefts: list[bytes] = []
        rights: list[bytes] = []
        for source in self._sources:
            lefts += _roots([source], begin, middle)
            rights += _roots([source], middle, end)
            for item in lefts:
                for right in rights:
                    if merkle.node_hash(item, right) == data:
                        return item, right
        return None


def _roots(sources: Sequence[Nodes], begin: int, end: int) -> Iterator[bytes]:
    """Yield the root of a range by each source that has it."""
    for source in sources:
        try:
            yield merkle.range_root(source, begin, end)
        except LookupError:
            continue


Read = Callable[[str], bytes | None]
"""Gives a tile by its path; None where there is none."""


def sources_of(size: int, read: Read) -> list[Nodes]:
    """Return the sources of hashes that the tiles of a log are, the cheapest first: each level's own tiles, the lowest level alone, the entries."""
    known: dict[Tile, bytes] = {}

    def body(tile: Tile) -> bytes:
        if tile not in known:
            known[tile] = read(tile.path) or b""
        return known[tile]

    def own(level: int, index: int) -> bytes:
        try:
            return tiles.node(level, index, size, body)
        except ValueError as error:
            raise LookupError(str(error)) from None

    def lowest(index: int) -> bytes:
        return own(0, index)

    def entries(index: int) -> bytes:
        full, partial = tiles.widths(size, ENTRIES)
        number = index // WIDTH
        bundle = tiles.read_bundle(body(Tile(ENTRIES, number, WIDTH if number < full else partial)))
        if bundle is None:
            raise LookupError(index)
        return merkle.leaf_hash(bundle[index % WIDTH])

    return [own, merkle.nodes_of(_Leaves(size, lowest)), merkle.nodes_of(_Leaves(size, entries))]


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
