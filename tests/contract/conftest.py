"""Fixtures that say how much the tests try of every log's promises."""

import pytest


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    """The number of times that a fault is repeated."""
    return 10 if request.config.getoption("--long") else 1


@pytest.fixture
def long(rounds: int) -> int:
    """The rounds of a fault that is tried in the long form alone."""
    if rounds == 1:
        pytest.skip("only with --long")
    return rounds
