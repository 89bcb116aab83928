"""Gateways on a cluster of three nodes, of which one dies or is cut off: what was acknowledged is there, once."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
import pytest

from cluster import STREAM, RealCluster
from gateways import OFFICER, C, Gateway, open_channel, replayed
from netns import NoNamespaces, Wires, laid
from service import NOTE, Caller, new_key

_POSTERS = 32
"""At each gateway: more than are needed for their openings to be committed together."""


class Officers:
    """Officers at one gateway, who post without a pause, and each post again until it is acknowledged."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.told: dict[str, int] = {}
        self.refused = 0
        self.stopped = False

    async def post(self) -> None:
        """Post until stopped, and then until the last has an outcome."""
        while not self.stopped:
            key = new_key()
            while not await self._acknowledged(key):
                await asyncio.sleep(0.1)

    async def _acknowledged(self, key: str) -> bool:
        answer = await self.caller.post(f"{C}/contacts", {**NOTE, "text": key}, key=key)
        if answer.status != 201:
            assert answer.status == 503, answer.body
            self.refused += 1
            return False
        self.told[answer.json["id"]] = answer.json["position"]
        return True


@asynccontextmanager
async def posting(*callers: Caller) -> AsyncIterator[list[Officers]]:
    """Officers at several gateways, at work until the end."""
    posting = [Officers(caller) for caller in callers]
    async with asyncio.timeout(90), asyncio.TaskGroup() as group:
        for officers in posting * _POSTERS:
            group.create_task(officers.post())
        try:
            yield posting
        finally:
            for officers in posting:
                officers.stopped = True


async def acknowledged(posted: list[Officers], number: int) -> None:
    """Wait until each gateway's officers have that many more acknowledgements."""
    wanted = [len(officers.told) + number for officers in posted]
    while any(len(officers.told) < least for officers, least in zip(posted, wanted, strict=True)):
        await asyncio.sleep(0.02)


async def reckon(session: aiohttp.ClientSession, gateways: list[Gateway], posted: list[Officers]) -> None:
    """What was acknowledged stands where it was told, once; every gateway says what a replay of the log comes to."""
    told = {id: [position] for officers in posted for id, position in officers.told.items()}
    fold, found = await replayed(gateways[0].cluster, max(position for (position,) in told.values()))
    assert [(id, places, found.get(id)) for id, places in told.items() if found.get(id) != places] == []
    last = fold.result()
    assert not last.void
    for gateway in gateways:
        caller = Caller(session, gateway, OFFICER)
        state = await caller.get(f"{C}/state?at={last.position}", Dragoman_Min_Position=str(last.position))
        assert (200, last.digest) == (state.status, state.json["digest"])


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[RealCluster]:
    """Three nodes, by the files that an operator is given."""
    with RealCluster(tmp_path / "cluster") as cluster:
        yield cluster


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
def cut_seconds(request: pytest.FixtureRequest) -> float:
    """How long a node is cut off: in the long form long enough for a leader without followers to resign."""
    return 30.0 if request.config.getoption("--long") else 6.0


@contextmanager
def running(cluster: RealCluster, folder: Path, *nodes: str) -> Iterator[list[Gateway]]:
    """Gateways, each on the nodes that it is given, with commas between."""
    with ExitStack() as stack:
        gateways: list[Gateway] = []
        for number, names in enumerate(nodes):
            url = ",".join(cluster.nodes[name].url for name in names.split(","))
            gateways.append(Gateway(cluster, folder / f"gateway-{number}", url))
            stack.callback(gateways[-1].stop)
        yield gateways


async def test_gateways_go_on_when_the_leader_and_then_a_follower_die(
    cluster: RealCluster, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    with running(cluster, tmp_path, "n1,n2,n3", "n3,n2,n1") as gateways:
        await open_channel(session, gateways)
        async with posting(*(Caller(session, gateway, OFFICER) for gateway in gateways)) as posted:
            await acknowledged(posted, 50)
            leader = await asyncio.to_thread(cluster.leader, STREAM)
            leader.kill()
            await acknowledged(posted, 50)
            await asyncio.to_thread(cluster.start)
            next_leader = await asyncio.to_thread(cluster.leader, STREAM)
            next(node for node in cluster.nodes.values() if node not in (leader, next_leader)).kill()
            await acknowledged(posted, 50)
        await reckon(session, gateways, posted)


@pytest.mark.timeout(180)
async def test_gateways_read_each_other_and_one_that_is_cut_off_with_the_leader_acknowledges_nothing_that_is_lost(
    wires: Wires, session: aiohttp.ClientSession, tmp_path: Path, cut_seconds: float
) -> None:
    with RealCluster(tmp_path / "cluster", wires.places) as cluster:
        with running(cluster, tmp_path, "n1,n2,n3") as first:
            await open_channel(session, first)
            lone = (await asyncio.to_thread(cluster.leader, STREAM)).name
            others = ",".join(name for name in cluster.nodes if name != lone)
        with running(cluster, tmp_path, lone, others) as gateways:
            for gateway in gateways:
                gateway.officer = first[0].officer
            await read_each_other(*(Caller(session, gateway, OFFICER) for gateway in gateways))
            await cut_off_and_back(wires, lone, gateways, session, cut_seconds)


async def read_each_other(one: Caller, other: Caller) -> None:
    """What was recorded through one node is read through another from its position on."""
    for here, there in ((one, other), (other, one)) * 3:
        posted = (await here.open(NOTE)).json
        seen = await there.get(f"{C}/exchanges/{posted['exchange']}", Dragoman_Min_Position=str(posted["position"]))
        assert seen.status == 200, seen.body


async def cut_off_and_back(wires: Wires, lone: str, gateways: list[Gateway], session: aiohttp.ClientSession, seconds: float) -> None:
    async with posting(*(Caller(session, gateway, OFFICER) for gateway in gateways)) as posted:
        cut_off, majority = posted
        await acknowledged(posted, 50)
        wires.cut(lone)
        before = len(cut_off.told)
        healed = time.monotonic() + seconds
        await acknowledged([majority], 50)
        await asyncio.sleep(max(0, healed - time.monotonic()))
        assert len(cut_off.told) <= before + _POSTERS, "more than was on its way when the wire was cut"
        wires.mend(lone)
        await acknowledged(posted, 50)
    await reckon(session, gateways, posted)
