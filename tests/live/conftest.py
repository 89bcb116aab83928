"""Services that tests share or own. They are offices in memory, unless a test is marked `process`."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from host import Host
from office import Office
from patience import PATIENCE_S
from scenario import Timed
from service import Caller, Demonstration, Service


def _is_process(request: pytest.FixtureRequest) -> bool:
    return request.node.get_closest_marker("process") is not None


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A demonstration, shared by the tests of a file that only add to it. An office that lived on
    would see what tests of other files do to the modules of this process.
    """
    office = Office(tmp_path_factory.mktemp("demo") / "data", demo=True)
    yield office
    office.stop()


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The same as a process beside its own broker, for tests of its log, its broker or its files."""
    service = Service(tmp_path_factory.mktemp("process") / "data", "--demo")
    yield service
    service.stop()


@pytest.fixture
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office | Service]:
    """A demonstration of a test's own, which it may break."""
    data = tmp_path / "data"
    own = Demonstration(data) if _is_process(request) else Office(data, demo=True)
    yield own
    own.stop()


@pytest.fixture
def timed(tmp_path: Path) -> Iterator[Timed]:
    """A service of a test's own, whose clock the test sets. It is a process: what falls due there is
    waited for as an officer would, and not settled.
    """
    timed = Timed(tmp_path / "data")
    yield timed
    timed.stop()


@pytest.fixture
def host(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Host]:
    """A host without a channel yet, and whoever opens one there with their own keys."""
    host = Host(tmp_path, Service if _is_process(request) else Office)
    yield host
    host.service.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """HTTP connections."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S)) as session:
        yield session


@pytest.fixture
def who(request: pytest.FixtureRequest, session: aiohttp.ClientSession) -> Callable[[str], Caller]:
    """A caller of the shared demonstration, by `side/role`, `operator`, or nobody."""
    service = request.getfixturevalue("process" if _is_process(request) else "demo")

    def caller(name: str) -> Caller:
        return Caller(session, service, name)

    return caller
