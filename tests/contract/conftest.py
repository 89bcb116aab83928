"""How much is tried of what every log promises."""

import pytest


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    """How often a fault is repeated."""
    return 10 if request.config.getoption("--long") else 1


@pytest.fixture
def long(rounds: int) -> int:
    """The rounds of a fault that is tried in the long form alone."""
    if rounds == 1:
        pytest.skip("only with --long")
    return rounds
