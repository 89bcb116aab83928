"""The processes that this one started."""

from pathlib import Path


def children() -> set[int]:
    """Those that run."""
    return {int(number) for each in Path("/proc/self/task").glob("*/children") for number in each.read_text().split()}
