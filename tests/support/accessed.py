"""docs/access.md as a test reads it: who may call which operation, and whose role permits which
act.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from described import OPERATIONS

_TEXT: Final = (Path(__file__).parents[2] / "docs" / "access.md").read_text()


def _rows(section: str) -> Iterator[dict[str, str]]:
    """The rows of the table below a heading, by their columns."""
    head, _, *rows = [line for line in section.splitlines() if line.startswith("|")]
    columns = [cell.strip() for cell in head.strip("|").split("|")]
    for row in rows:
        yield dict(zip(columns, (cell.strip() for cell in row.strip("|").split("|")), strict=True))


_PRINTED: Final = {
    row.pop("operation").strip("`"): row for row in _rows(_TEXT.partition("## Acts")[0])
}
CALLED: Final[dict[str, dict[str, str]]] = {
    name: _PRINTED[f"{method} {path}"] for name, (method, path, _) in OPERATIONS.items()
}
"""The printed values of each operation, by column; roles are written with spaces."""

POSTED: Final[dict[str, dict[str, str]]] = {
    row.pop("act").strip("`"): row for row in _rows(_TEXT.partition("## Acts")[2])
}
"""The printed values of each act, by column."""
