"""Fixtures that the fault tests share: the number of rounds, the random seed, and each test's row
of the table at the end.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from house import House
from tally import Rounds, Row, timed


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> Rounds:
    """Chooses between the rounds of the short form and those of the long one."""
    long = bool(request.config.getoption("--long"))
    return lambda few, many: many if long else few


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Iterator[Row]:
    """The test's row of the table."""
    with timed(request.node) as row:
        yield row


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """HTTP connections, enough for a burst."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=256)) as session:
        yield session


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A house of the test's own."""
    with House(tmp_path / "house") as house:
        yield house
