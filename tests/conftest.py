"""Fixtures that the tests share: a channel in memory, a real broker, a cluster of three nodes."""

import os
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import structlog
from hypothesis import settings
from structlog.typing import EventDict, WrappedLogger

import budgets
from brokers import RealBroker
from cluster import Clients, RealCluster
from dragoman.projection.store import Store
from grouping import Grouping
from netns import NoNamespaces, Wires, laid
from tally import Rounds, Row, Tally, timed
from unchanged import Unchanged
from world import World


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long",
        action="store_true",
        help="run the long forms: hundreds of rounds of faults, histories and elections",
    )
    parser.addoption(
        "--seed",
        type=int,
        default=random.randrange(2**32),
        help="repeat the random choices of an earlier run, whose first lines gave this number",
    )


def pytest_report_header(config: pytest.Config) -> str:
    return (
        f"random choices of the fault, model and gateway tests: --seed {config.getoption('--seed')}"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the plugins and a settings profile. The tests before a change try the same cases
    each time. The long forms look for new cases.
    """
    # Many services run at once, and are stopped often: none waits, nor takes a port of its own.
    os.environ.setdefault("DRAGOMAN_ADMIN__PORT", "0")
    os.environ.setdefault("DRAGOMAN_HTTP__DRAIN_S", "0")
    _quieten()
    budgets.register(config)
    config.pluginmanager.register(Tally(config))
    config.pluginmanager.register(Grouping(config))
    config.pluginmanager.register(Unchanged(config))
    settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
    settings.load_profile("default" if config.getoption("--long") else "repeatable")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked as long, unless the long forms run."""
    if config.getoption("--long"):
        return
    left_out = [item for item in items if item.get_closest_marker("long")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("long")]


def _drop(logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
    raise structlog.DropEvent


def _quieten() -> None:
    structlog.configure(processors=[_drop], cache_logger_on_first_use=False)


@pytest.fixture(autouse=True)
def quiet_logs() -> Iterator[None]:
    """Logs of the services under test go nowhere."""
    _quieten()
    yield
    _quieten()


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """The run's randomness, of each test's own. The first lines of a run have its seed."""
    return random.Random(f"{request.config.getoption('--seed')}/{request.node.name}")


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
def world() -> World:
    """A channel between two sides, without a service."""
    return World()


@pytest.fixture
async def real_broker(tmp_path: Path) -> AsyncIterator[RealBroker]:
    """A supervised broker on a directory of its own."""
    async with RealBroker.started(tmp_path / "data") as made:
        yield made


@pytest.fixture(scope="session")
def three_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    """Three nodes on loopback, which all tests share that need them; each finds them whole, and
    without a log.
    """
    with RealCluster(tmp_path_factory.mktemp("cluster"), admin=True) as cluster:
        yield cluster


@pytest.fixture
async def real_cluster(three_nodes: RealCluster) -> AsyncIterator[Clients]:
    """Connections to the three nodes, whatever an earlier test did to them."""
    three_nodes.start()
    async with Clients.of(three_nodes) as clients:
        yield clients


@pytest.fixture
def wires() -> Iterator[Wires]:
    """Wires between the nodes, where this machine lets us lay them."""
    with ExitStack() as stack:
        try:
            laid_out = stack.enter_context(laid())
        except NoNamespaces as error:
            pytest.skip(f"network namespaces are needed: {error}")
        yield laid_out


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A projection's file of the test's own."""
    store = Store(tmp_path / "projection.sqlite")
    yield store
    store.close()
