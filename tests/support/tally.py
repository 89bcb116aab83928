"""The tally of a run of faults: one row a fault, printed when all is done.

A test hands its row over as a property of its report, because with pytest-xdist the test runs in
another process than the one that prints the table.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from typing import Final

import pytest

from inquest import Finding

Rounds = Callable[[int, int], int]


@dataclass(slots=True)
class Row:
    """The work done under one fault, and its cost."""

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


ROW: Final = "fault"
"""The property of a report that holds a row."""


@contextmanager
def timed(node: pytest.Item) -> Iterator[Row]:
    """Give a test its row, timed while the context lasts, and put it into the test's report."""
    row = Row(node.name.removeprefix("test_").replace("_", " "))
    begun = time.monotonic()
    try:
        yield row
    finally:
        row.seconds = round(time.monotonic() - begun, 1)
        if row.rounds:
            node.user_properties.append((ROW, asdict(row)))


class Tally:
    """The rows of a run, collected from the reports of its tests. A plugin of pytest."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.rows: list[Row] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Collect the row of a test that has ended."""
        if report.when == "teardown":
            self.rows += [Row(**value) for name, value in report.user_properties if name == ROW]  # type: ignore[arg-type]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table; after the long form, keep it in build/faults.json."""
        if not self.rows:
            return
        seed = self.config.getoption("--seed")
        terminalreporter.section(f"faults, --seed {seed}")
        for line in self.lines():
            terminalreporter.write_line(line)
        if self.config.getoption("--long"):
            build = self.config.rootpath / "build"
            build.mkdir(exist_ok=True)
            (build / "faults.json").write_text(
                json.dumps({"seed": seed, "faults": self.values()}, indent=1) + "\n"
            )

    def lines(self) -> Iterator[str]:
        """The table."""
        heads = [column.name for column in fields(Row)]
        cells = [[str(value) for value in asdict(row).values()] for row in self.rows]
        widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
        for line in (heads, *cells):
            yield "  ".join(
                [
                    line[0].ljust(widths[0]),
                    *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)),
                ]
            )

    def values(self) -> list[dict[str, object]]:
        """The rows as plain values."""
        return [asdict(row) for row in self.rows]
