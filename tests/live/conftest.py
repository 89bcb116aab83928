from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from host import Host
from patience import PATIENCE_S
from scenario import Timed
from service import Caller, Demonstration, Service


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The demonstration, shared by tests that only add to it."""
    service = Service(tmp_path_factory.mktemp("demo") / "data", "--demo")
    yield service
    service.stop()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Service]:
    """A demonstration of a test's own, which it may break."""
    service = Demonstration(tmp_path / "data")
    yield service
    service.stop()


@pytest.fixture
def timed(tmp_path: Path) -> Iterator[Timed]:
    """A service of a test's own, whose clock the test sets."""
    service = Timed(tmp_path / "data")
    yield service
    service.stop()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """A host without a channel yet, and whoever opens one there with their own keys."""
    host = Host(tmp_path)
    yield host
    host.service.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """HTTP connections."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S)) as session:
        yield session


@pytest.fixture
def who(session: aiohttp.ClientSession, demo: Service) -> Callable[[str], Caller]:
    """A caller of the shared demonstration, by `side/role`, `operator`, or nobody."""

    def caller(name: str) -> Caller:
        return Caller(session, demo, name)

    return caller
