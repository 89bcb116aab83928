"""The groups in which pytest-xdist hands tests to its workers, and their order: `pytest -n 4 --dist
loadgroup`.

Whoever adds a test need not do anything. The rule looks only at a test's folder and fixtures:

- A test that shares nothing and starts processes of its own is a group of its own: any worker takes
it. - Tests of one file that share a fixture of that file or folder are one group, so that it is set
up once. A file that is too long for one worker marks its tests with `part(name)`: each part is a
group, and sets the fixtures up for itself. - Tests that need the cluster of three nodes are one group, whatever their file: it is
started once. - All other tests of a file are one group.

The longest groups begin first, so that no worker is still busy with one when the others have
finished.

Only workers collect tests, and only the process that started them schedules: a worker writes the
groups into a file for it. (pytest-xdist 3.8 would put the group into the id of the test, which
pytest 9.2 no longer lets it do.)
"""

import json
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from xdist.scheduler import LoadScopeScheduling

ALONE: Final = frozenset(
    {"attacks", "audit", "browser", "faults", "foreign", "live", "notifier", "stations", "truth"}
)
"""Folders whose tests take seconds rather than milliseconds."""

CLUSTER: Final = "three_nodes"
"""The fixture of the shared cluster."""

CHEAP: Final = frozenset({"browser", "chromium", "contexts"})
"""Shared fixtures that every worker may well set up for itself."""

SECONDS: Final = {
    "api": 2.0,
    "application": 0.3,
    "attacks": 3.0,
    "audit": 0.2,
    "backup": 0.5,
    "browser": 3.0,
    "console": 0.2,
    "contract": 1.0,
    "deploy": 0.5,
    "docs": 4.0,
    "eventlog": 1.0,
    "evidence": 0.5,
    "faults": 12.0,
    "foreign": 12.0,
    "golden": 4.0,
    "interop": 0.1,
    "live": 2.0,
    "notifier": 2.0,
    "office": 0.6,
    "projection": 0.5,
    "release": 12.0,
    "reports": 0.3,
    "scenarios": 3.0,
    "stations": 1.5,
    "stores": 1.0,
    "tests": 0.5,
    "tlog": 0.2,
    "truth": 15.0,
    "upgrade": 20.0,
}
"""A typical test of a folder; `tests` are the files beside the folders."""

SECONDS_ELSEWHERE: Final = 0.01

_WIDER_THAN_A_TEST: Final = frozenset({"class", "module", "package", "session"})


def shared_fixtures(item: pytest.Item) -> set[str]:
    """Return the names of our fixtures that a test shares with others, without the cheap ones."""
    info = getattr(item, "_fixtureinfo", None)
    definitions: dict[str, Sequence[pytest.FixtureDef[object]]] = (
        {} if info is None else info.name2fixturedefs
    )
    ours = {
        name: found[-1]
        for name, found in definitions.items()
        if found and found[-1].func.__module__.startswith("tests.")
    }
    return {
        name for name, definition in ours.items() if definition.scope in _WIDER_THAN_A_TEST
    } - CHEAP


def group_of(item: pytest.Item) -> str:
    """Return the name of a test's group; an empty name for a group of its own."""
    shared = shared_fixtures(item)
    if CLUSTER in shared:
        return "cluster"
    parts = item.path.relative_to(item.config.rootpath / "tests").with_suffix("").parts
    if parts[0] in ALONE and not shared:
        return ""
    part = item.get_closest_marker("part")
    return "/".join((*parts, *(part.args if part else ()))).replace("test_", "")


def longest_first(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """Return the tests group by group, the longest groups first."""
    weights: dict[str, float] = defaultdict(float)
    ranked: list[tuple[str, pytest.Item]] = []
    for item in items:
        name = group_of(item) or item.nodeid
        weights[name] += SECONDS.get(item.path.parent.name, SECONDS_ELSEWHERE)
        ranked.append((name, item))
    return [item for _, item in sorted(ranked, key=lambda each: -weights[each[0]])]


class Grouping:
    """A plugin of pytest: hands the tests out in groups where it runs with `--dist loadgroup`."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.folder: Path | None = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(
        self, config: pytest.Config, log: Any
    ) -> "GroupScheduling | None":
        """Schedule by our groups."""
        return (
            GroupScheduling(config, log, self._file())
            if config.getoption("dist") == "loadgroup"
            else None
        )

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker where to write the groups."""
        node.workerinput["groups"] = str(self._file())

    def _file(self) -> Path:
        if self.folder is None:
            self.folder = Path(tempfile.mkdtemp(prefix="dragoman-groups-"))
        return self.folder / "groups.json"

    def pytest_unconfigure(self) -> None:
        """Throw the file away."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """In a worker: write down the group of every test, and put the longest groups first. Every
        worker finds the same.
        """
        if not getattr(config.option, "loadgroup", False):
            return
        items[:] = longest_first(items)
        target = Path(config.workerinput["groups"])  # type: ignore[attr-defined]
        fresh = target.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps({item.nodeid: group_of(item) for item in items}))
        fresh.rename(target)


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out one group after the other, in the order in which the workers have put the tests."""

    def __init__(self, config: pytest.Config, log: Any, file: Path) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)
        self._file = file
        self._groups: dict[str, str] = {}

    def _split_scope(self, nodeid: str) -> str:
        if not self._groups:
            self._groups = json.loads(self._file.read_text())
        return self._groups[nodeid] or nodeid
