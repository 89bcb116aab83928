"""Fixtures that say how much the tests try of every log's promises."""

import pytest


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    """The number of times that a fault is repeated."""
    return 10 if request.config.getoption("--long") else 1
