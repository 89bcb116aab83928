"""What the fault tests share: how many rounds, from which seed, and the table at the end."""

import json
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from house import House
from tally import Rounds, Row, Tally

_TALLY = pytest.StashKey[Tally]()
_SEED = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TALLY] = Tally()
    given = config.getoption("--seed")
    config.stash[_SEED] = random.randrange(2**32) if given is None else given


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    tally = config.stash[_TALLY]
    if not tally.rows:
        return
    terminalreporter.section(f"faults, --seed {config.stash[_SEED]}")
    for line in tally.lines():
        terminalreporter.write_line(line)
    if config.getoption("--long"):
        build = config.rootpath / "build"
        build.mkdir(exist_ok=True)
        (build / "faults.json").write_text(json.dumps({"seed": config.stash[_SEED], "faults": tally.values()}, indent=1) + "\n")


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> Rounds:
    """Chooses between the rounds of the short form and those of the long one."""
    long = bool(request.config.getoption("--long"))
    return lambda few, many: many if long else few


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """The run's randomness, of each test's own."""
    return random.Random(f"{request.config.stash[_SEED]}/{request.node.name}")


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Iterator[Row]:
    """The test's row of the table."""
    sentence = request.node.name.removeprefix("test_").replace("_", " ")
    with request.config.stash[_TALLY].row(sentence) as row:
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
