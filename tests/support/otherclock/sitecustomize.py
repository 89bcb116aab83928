"""Let the guard of every Python process compare its clock with the broker's as if both were
shifted. `tests/newyear.py` uses this.

libfaketime shifts the clock of Python and of Node. The broker is a Go program: it does not ask libc
for the time, so its clock stays as it is, and the guard would rightly refuse to write beside it.
"""

import os
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

_GUARDED = "dragoman.eventlog.durability_guard"
_FILE = Path(os.environ["FAKETIME_TIMESTAMP_FILE"])


def _shift() -> timedelta:
    """Return the shift of the clock now; `newyear_clock` writes it when the first test begins."""
    return timedelta(seconds=float(_FILE.read_text().strip().removesuffix("s")))


def _shift_the_broker(module: ModuleType) -> None:
    """Add the shift to the time that a broker gives."""
    guard: Any = module.DurabilityGuard
    original = guard._fault_of

    def fault_of(self: object, answer: Any, asked: datetime) -> object:
        server = answer.get("server", {})
        if "time" in server:
            server["time"] = (datetime.fromisoformat(str(server["time"])) + _shift()).isoformat()
        return original(self, answer, asked)

    guard._fault_of = fault_of


class _Finder(MetaPathFinder):
    """Finds one module as Python does, and changes it once it is loaded."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != _GUARDED:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return spec
        loader: Loader = spec.loader
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            _shift_the_broker(module)

        loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, _Finder())
