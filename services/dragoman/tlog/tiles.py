"""Tiles and entry bundles (C2SP tlog-tiles): the tree and its entries in pieces that never change once they are full.

    tile/<level>/<index>[.p/<width>]         256 hashes of 32 bytes: subtrees of 256^level leaves each; fewer on the right edge
    tile/entries/<index>[.p/<width>]         the entries of the same leaves, each after its length in two bytes

An index is written in groups of three digits, all but the last after an `x`: 1234067 is
x001/x234/067. Only full tiles feed the level above. An empty tile is none.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from dragoman.tlog.merkle import Nodes, folded, node_hash

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
    """A tile or an entry bundle: its level, its index there, and how many hashes or entries it has."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Return where it is served, below the log's prefix."""
        groups = f"{self.index:03d}"
        groups = groups.zfill(-(-len(groups) // 3) * 3)
        parts = [groups[at : at + 3] for at in range(0, len(groups), 3)]
        name = "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])
        level = "entries" if self.level == ENTRIES else str(self.level)
        return f"tile/{level}/{name}" + ("" if self.width == WIDTH else f".p/{self.width}")

    @property
    def first(self) -> int:
        """The index of its first hash among those of its level."""
        return self.index * WIDTH


def read_path(path: str) -> Tile | None:
    """Return the tile of a path, or None where the path is of none."""
    result = _PATH.fullmatch(path)
    if result is None:
        return None
    level = ENTRIES if result.group(1) == "entries" else int(result.group(1))
    width = WIDTH if result.group(3) is None else int(result.group(3))
    tile = Tile(level, int(result.group(2).replace("x", "").replace("/", "")), width)
    return (
        tile
        if level < _LEVELS and (width < WIDTH or result.group(3) is None) and tile.path == path
        else None
    )


def widths(size: int, level: int) -> tuple[int, int]:
    """Return how many full tiles a level has in a tree of a size, and the width of the partial one after them; 0 for none."""
    hashes = size >> BITS * max(level, 0)
    return hashes // WIDTH, hashes % WIDTH


def exists(tile: Tile, size: int) -> bool:
    """Return whether a tree of a size has the tile; of the right edge any narrower one as well."""
    full, partial = widths(size, tile.level)
    return tile.index < full or (tile.index == full and tile.width <= partial)


def tiles_of(size: int) -> Iterator[Tile]:
    """Yield all tiles of a tree of a size, entry bundles among them, the right edge as wide as it is."""
    for level in range(ENTRIES, _LEVELS):
        full, partial = widths(size, level)
        if not full and not partial:
            return
        yield from (Tile(level, index) for index in range(full))
        if partial:
            yield Tile(level, full, partial)


def node(level: int, index: int, size: int, read: Callable[[Tile], bytes]) -> bytes:
    """Return the root of a complete subtree of a tree of that size, out of the tile that holds it; `read` gives a tile's bytes.

    Raises `ValueError` where those are not as many hashes as the tile is wide.
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
    return folded([raw[begin : begin + _HASH] for begin in range(0, len(raw), _HASH)])


def hashes(tile: Tile, nodes: Nodes) -> bytes:
    """Return the bytes of a tile of hashes."""
    level = tile.level * BITS
    return b"".join(nodes(level, tile.first + offset) for offset in range(tile.width))


def bundle(entries: Sequence[bytes]) -> bytes:
    """Return the bytes of an entry bundle."""
    return b"".join(len(entry).to_bytes(2) + entry for entry in entries)


def read_bundle(raw: bytes) -> list[bytes] | None:
    """Return the entries of a bundle, or None where it is cut off."""
    rows: list[bytes] = []
    while raw:
        end = 2 + int.from_bytes(raw[:2])
        if len(raw) < end:
            return None
        rows.append(raw[2:end])
        raw = raw[end:]
    return rows


def nodes_of(read: Callable[[Tile], bytes], size: int) -> Nodes:
    """Return the subtrees of a tree of a size, from its tiles; each tile is read when it is first asked for."""
    known: dict[tuple[int, int], bytes] = {}

    def tile_of(level: int, index: int) -> bytes:
        if (level, index) not in known:
            full, partial = widths(size, level)
            known[level, index] = read(Tile(level, index, WIDTH if index < full else partial))
        return known[level, index]

    def nodes(level: int, index: int) -> bytes:
        high, low = divmod(level, BITS)
        count = 1 << low
        first = index * count
        raw = tile_of(high, first // WIDTH)
        offset = first % WIDTH * 32
        raw_records = [raw[at : at + 32] for at in range(offset, offset + count * 32, 32)]
        while len(raw_records) > 1:
            raw_records = [
                node_hash(data, right)
                for data, right in zip(raw_records[::2], raw_records[1::2], strict=True)
            ]
        return raw_records[0]

    return nodes
