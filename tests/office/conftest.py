"""Offices in memory: pages, forms, buttons and JSON, as a browser without scripts has them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from office import Office


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A demonstration, shared by the tests of a file, which only add to it."""
    office = Office(tmp_path_factory.mktemp("office") / "data", demo=True)
    yield office
    office.stop()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Office]:
    """A demonstration of a test's own, which it may break."""
    office = Office(tmp_path / "data", demo=True)
    yield office
    office.stop()
