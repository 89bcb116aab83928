"""Tiles and entry bundles (C2SP tlog-tiles): the tree and its entries in small files.

    tile/<level>/<index>[.p/<width>]         256 hashes of 32 bytes
    tile/entries/<index>[.p/<width>]         the entries of the same leaves

Each hash is the root of a subtree of 256^level leaves. Each entry follows its length in
two bytes. A tile on the right edge may have fewer hashes or entries; a full tile never
changes.

An index is written in groups of three digits, all but the last after an `x`: 1234067 is
x001/x234/067. Only full tiles feed the level above. An empty tile does not exist.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from dragoman.tlog.merkle import Nodes, node_hash, subtree_root

WIDTH: Final = 256
BITS: Final = 8
_HASH: Final = 32
_PATH: Final = re.compile(
    r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?"
)
_LEVELS: Final = 64
ENTRIES: Final = -1
"""The level of entry bundles, which are over the same leaves as level 0."""


class Tile(Struct, frozen=True):
    """A tile or an entry bundle: its level, its index in that level, and its width.

    The width is the number of hashes or entries.
    """

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """The path of the tile, below the log's prefix."""
        groups = f"{self.index:03d}"
        groups = groups.zfill(-(-len(groups) // 3) * 3)
        parts = [groups[at : at + 3] for at in range(0, len(groups), 3)]
        name = "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])
        level = "entries" if self.level == ENTRIES else str(self.level)
        return f"tile/{level}/{name}" + ("" if self.width == WIDTH else f".p/{self.width}")

    @property
    def first(self) -> int:
        """The index of its first hash in its level."""
        return self.index * WIDTH

    def is_full_within(self, size: int) -> bool:
        """Return whether it is full, and has only leaves of a tree of a size."""
        last = self.first + WIDTH
        return self.width == WIDTH and last << BITS * max(self.level, 0) <= size


def read_path(path: str) -> Tile | None:
    """Return the tile of a path; None if the path does not name a tile."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    level = ENTRIES if match.group(1) == "entries" else int(match.group(1))
    width = WIDTH if match.group(3) is None else int(match.group(3))
    tile = Tile(level, int(match.group(2).replace("x", "").replace("/", "")), width)
    return (
        tile
        if level < _LEVELS and (width < WIDTH or match.group(3) is None) and tile.path == path
        else None
    )


def widths(size: int, level: int) -> tuple[int, int]:
    """Return the number of full tiles in a level, and the width of the partial tile.

    `size` is the size of the tree. The width is 0 if there is no partial tile.
    """
    hashes = size >> BITS * max(level, 0)
    return hashes // WIDTH, hashes % WIDTH


def exists(tile: Tile, size: int) -> bool:
    """Return whether a tree of a size has the tile.

    On the right edge, narrower tiles than the partial one exist as well.
    """
    full, partial = widths(size, tile.level)
    return tile.index < full or (tile.index == full and tile.width <= partial)


def tiles_of(size: int) -> Iterator[Tile]:
    """Yield all tiles and entry bundles of a tree of a size.

    The tiles on the right edge have their full present width.
    """
    for level in range(ENTRIES, _LEVELS):
        full, partial = widths(size, level)
        if not full and not partial:
            return
        yield from (Tile(level, index) for index in range(full))
        if partial:
            yield Tile(level, full, partial)


def node(level: int, index: int, size: int, read: Callable[[Tile], bytes]) -> bytes:
    """Return the root of a complete subtree of a tree of that size, read from its tile.

    `read` returns a tile's bytes. Raises `ValueError` if they are not as many hashes as
    the tile is wide.
    """
    high, low = divmod(level, BITS)
    full, partial = widths(size, high)
    first, count = index << low, 1 << low
    tile = Tile(high, first // WIDTH, WIDTH if first // WIDTH < full else partial)
    body = read(tile)
    if len(body) != tile.width * _HASH:
        raise ValueError(f"{tile.path} has {tile.width} hashes, and {len(body)} bytes came")
    at = first % WIDTH * _HASH
    raw = body[at : at + count * _HASH]
    return subtree_root([raw[begin : begin + _HASH] for begin in range(0, len(raw), _HASH)])


def hashes(tile: Tile, nodes: Nodes) -> bytes:
    """Return the bytes of a tile of hashes."""
    level = tile.level * BITS
    return b"".join(nodes(level, tile.first + offset) for offset in range(tile.width))


def bundle(entries: Sequence[bytes]) -> bytes:
    """Return the bytes of an entry bundle."""
    return b"".join(len(entry).to_bytes(2) + entry for entry in entries)


def read_bundle(raw: bytes) -> list[bytes] | None:
    """Return the entries of a bundle; None if it is cut off."""
    entries: list[bytes] = []
    while raw:
        end = 2 + int.from_bytes(raw[:2])
        if len(raw) < end:
            return None
        entries.append(raw[2:end])
        raw = raw[end:]
    return entries


def nodes_of(read: Callable[[Tile], bytes], size: int) -> Nodes:
    """Return the subtrees of a tree of a size, read from its tiles.

    Each tile is read once, when one of its hashes is first needed.
    """
    bodies: dict[tuple[int, int], bytes] = {}

    def tile_of(level: int, index: int) -> bytes:
        if (level, index) not in bodies:
            full, partial = widths(size, level)
            bodies[level, index] = read(Tile(level, index, WIDTH if index < full else partial))
        return bodies[level, index]

    def nodes(level: int, index: int) -> bytes:
        high, low = divmod(level, BITS)
        count = 1 << low
        first = index * count
        raw = tile_of(high, first // WIDTH)
        offset = first % WIDTH * 32
        hashes_below = [raw[at : at + 32] for at in range(offset, offset + count * 32, 32)]
        while len(hashes_below) > 1:
            hashes_below = [
                node_hash(left_hash, right_hash)
                for left_hash, right_hash in zip(hashes_below[::2], hashes_below[1::2], strict=True)
            ]
        return hashes_below[0]

    return nodes
