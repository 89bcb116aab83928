"""The groups in which pytest-xdist hands tests to its workers, and their order. `tests/conftest.py` applies both.

Whoever adds a test need not do anything. The rule looks only at a test's folder and fixtures:

- A test that shares nothing and starts processes of its own is a group of its own: any worker takes it.
- Tests of one file that share a fixture of that file or folder are one group, so that it is set up once.
- Tests that need the cluster of three nodes are one group, whatever their file: it is started once.
- All other tests of a file are one group.

The longest groups begin first, so that no worker is still busy with one when the others have finished.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import pytest

ALONE: Final = frozenset({"attacks", "audit", "browser", "courier", "faults", "foreign", "live"})
"""Folders whose tests take seconds rather than milliseconds."""

CLUSTER: Final = "three_nodes"
"""The fixture of the shared cluster."""

CHEAP: Final = frozenset({"browser", "chromium"})
"""Shared fixtures that every worker may well set up for itself."""

SECONDS: Final = {"attacks": 3.0, "browser": 3.0, "contract": 1.0, "courier": 2.0, "faults": 12.0, "foreign": 12.0, "live": 2.0, "log": 1.0}
"""A typical test of a folder."""

SECONDS_ELSEWHERE: Final = 0.01

_WIDER_THAN_A_TEST: Final = frozenset({"class", "module", "package", "session"})


def shared_fixtures(item: pytest.Item) -> set[str]:
    """Return the names of our fixtures that a test shares with others, without the cheap ones."""
    info = getattr(item, "_fixtureinfo", None)
    definitions: dict[str, Sequence[pytest.FixtureDef[object]]] = {} if info is None else info.name2fixturedefs
    ours = {name: found[-1] for name, found in definitions.items() if found and found[-1].func.__module__.startswith("tests.")}
    return {name for name, definition in ours.items() if definition.scope in _WIDER_THAN_A_TEST} - CHEAP


def group_of(item: pytest.Item) -> str:
    """Return the name of a test's group; an empty name for a group of its own."""
    shared = shared_fixtures(item)
    if CLUSTER in shared:
        return "cluster"
    parts = item.path.relative_to(item.config.rootpath / "tests").with_suffix("").parts
    return "" if parts[0] in ALONE and not shared else "/".join(parts).replace("test_", "")


def group(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """Mark each test with its group, and return all tests with the longest groups first."""
    weights: dict[str, float] = defaultdict(float)
    ranked: list[tuple[str, pytest.Item]] = []
    for item in items:
        name = group_of(item)
        if name:
            item.add_marker(pytest.mark.xdist_group(name))
        folder = item.path.parent.name
        key = name or item.nodeid
        weights[key] += SECONDS.get(folder, SECONDS_ELSEWHERE)
        ranked.append((key, item))
    return [item for _, item in sorted(ranked, key=lambda each: -weights[each[0]])]
