"""A cluster that all contracts share; each test finds it whole, and without a log."""

from collections.abc import AsyncIterator, Iterator

import pytest

from cluster import Clients, RealCluster


@pytest.fixture(scope="session")
def three_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    """Three nodes on loopback."""
    cluster = RealCluster(tmp_path_factory.mktemp("cluster"), admin=True)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
async def real_cluster(three_nodes: RealCluster) -> AsyncIterator[Clients]:
    """Connections to the three nodes, whatever an earlier test did to them."""
    three_nodes.start()
    async with Clients.of(three_nodes) as clients:
        yield clients


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
