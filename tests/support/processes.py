"""The processes that this one started."""

import os
from pathlib import Path


def children() -> set[int]:
    """Those that run."""
    return {int(number) for number in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}
