"""The tally of a run of faults: one row a fault, printed when all is done."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields

from inquest import Finding

Rounds = Callable[[int, int], int]


@dataclass(slots=True)
class Row:
    """What was done under one fault, and what it cost."""

    fault: str
    rounds: int = 0
    acknowledged: int = 0
    unknown: int = 0
    lost: int = 0
    doubled: int = 0
    holes: int = 0
    digests: int = 0
    memory_mb: int = 0
    seconds: float = 0.0

    def found(self, finding: Finding) -> None:
        """Add an inquest, which must have found nothing."""
        self.lost += len(finding.lost)
        self.doubled += len(finding.doubled)
        self.holes += len(finding.holes)
        self.digests += finding.digests[0] == finding.digests[1]
        self.memory_mb = max(self.memory_mb, finding.memory_mb)
        assert finding.clean, finding


class Tally:
    """The rows of a run."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    @contextmanager
    def row(self, fault: str) -> Iterator[Row]:
        """A row that is timed while the context lasts."""
        row = Row(fault)
        begun = time.monotonic()
        try:
            yield row
        finally:
            row.seconds = round(time.monotonic() - begun, 1)
            if row.rounds:
                self.rows.append(row)

    def lines(self) -> Iterator[str]:
        """The table."""
        heads = [column.name for column in fields(Row)]
        cells = [[str(value) for value in asdict(row).values()] for row in self.rows]
        widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
        for line in (heads, *cells):
            yield "  ".join([line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))])

    def values(self) -> list[dict[str, object]]:
        """The rows as plain values."""
        return [asdict(row) for row in self.rows]
