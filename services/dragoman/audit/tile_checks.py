"""Checks of tiles and entry bundles against the records from which they are made."""

from collections.abc import Sequence

from dragoman.audit.head_checks import HeadChecks
from dragoman.audit.leaf_hashes import LeafHashes
from dragoman.audit.verification_result import CheckResult, ResultCollector
from dragoman.tlog import tiles
from dragoman.tlog.tiles import ENTRIES, Tile


class TileChecks:
    """The checks of the tiles of a log, after the check of its signed head.

    Pass each tile to `check`, and call `finish` after the last one.
    """

    def __init__(self, leaves: LeafHashes, head: HeadChecks, collector: ResultCollector) -> None:
        """Begin before the first tile."""
        self._leaves = leaves
        self._head = head
        self._collector = collector
        self._paths: set[str] = set()

    def check(self, path: str, raw: bytes) -> None:
        """Check a tile or entry bundle against the records that were taken."""
        size = self._leaves.size
        tile = tiles.read_path(path)
        if self._collector.lie is not None:
            return
        if tile is None or not tiles.exists(tile, size):
            self._collector.report(
                "tiles",
                0,
                f"{path} is not a tile of a tree of {size} records",
                f"the tile: {self._collector.changed}",
            )
            return
        if tile.level == ENTRIES:
            pieces = [
                tiles.bundle([self._leaves.entry(at)])
                for at in range(tile.first, tile.first + tile.width)
            ]
        else:
            pieces = [
                self._leaves.node(tiles.BITS * tile.level, at)
                for at in range(tile.first, tile.first + tile.width)
            ]
        if raw != b"".join(pieces):
            self._report_difference(tile, pieces, raw)
            return
        self._paths.add(path)

    def _report_difference(self, tile: Tile, pieces: Sequence[bytes], raw: bytes) -> None:
        """Report the first record at which a tile differs from the records.

        If the records are those of the signed head, then the tile was changed.
        """
        begin = number = 0
        while (
            number < tile.width - 1 and raw[begin : begin + len(pieces[number])] == pieces[number]
        ):
            begin += len(pieces[number])
            number += 1
        below = tile.first + number << tiles.BITS * max(tile.level, 0)
        last = (tile.first + number + 1 << tiles.BITS * max(tile.level, 0)) - 1
        where = "" if below == last else f", for the positions from {below + 1} to {last + 1}"
        whose = (
            "the records are those of the signed head, so it is the tile that was changed"
            if self._head.signed
            else "no signed head shows which of them was changed"
        )
        self._collector.report(
            "tiles",
            below + 1,
            f"{tile.path} is not what the records make of it{where}: {whose}",
            f"the tile: {self._collector.changed}",
        )

    def finish(self, source: str, before: int) -> None:
        """Report the first tile of the signed head that was not checked.

        `source` names the origin of the tiles, for the evidence. Full tiles of the
        records `before` some position were checked earlier.
        """
        if self._collector.lie is not None:
            return
        wanting = next(
            (
                tile.path
                for tile in tiles.tiles_of(self._head.signed)
                if tile.path not in self._paths and not tile.is_full_within(before)
            ),
            "",
        )
        if wanting:
            self._collector.report(
                "tiles", 0, f"{wanting} is not here", f"{source}: {self._collector.changed}"
            )
        elif self._paths:
            self._collector.results.append(
                CheckResult(
                    check="tiles",
                    found=f"{len(self._paths)}, each as the records make it",
                    word="these bytes' own",
                )
            )
