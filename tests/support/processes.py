"""The processes that this one started."""

from pathlib import Path


def children() -> set[int]:
    """Return the running child processes of this process."""
    return {
        int(number)
        for each in Path("/proc/self/task").glob("*/children")
        for number in each.read_text().split()
    }


def children_of(pid: int) -> set[int]:
    """Return the running child processes of another process."""
    return {
        int(number)
        for each in Path(f"/proc/{pid}/task").glob("*/children")
        for number in each.read_text().split()
    }
