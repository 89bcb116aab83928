"""Gateways on a cluster of three nodes, of which one dies or is cut off: what was acknowledged is there, once."""

import asyncio
import select
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
import pytest

from cluster import STREAM, RealCluster
from dragoman import wiring
from dragoman.audit import replay
from netns import NoNamespaces, Wires, laid
from service import DRAGOMAN, NOTE, Caller, Service, new_key

CHANNEL = "nato-china"
C = f"/v1/channels/{CHANNEL}"
OPENING = {
    "name": CHANNEL,
    "sides": ["nato", "china"],
    "officers": [{"side": "nato", "officer": "o-1", "office": "hq", "roles": ["officer", "auditor"]}],
}


class Gateway(Service):
    """A gateway, by `dragoman serve`, on nodes of a cluster."""

    def __init__(self, cluster: RealCluster, data: Path, nats_url: str) -> None:
        self.cluster = cluster
        self.nats_url = nats_url
        self.officer = ""
        wiring.initialise(data)
        super().__init__(data)

    def start(self) -> None:
        arguments = ["--nats-url", self.nats_url, "--nats-keys", str(self.cluster.keys), "--port", "0", "--log-format", "json"]
        config = self.data / "dragoman.toml"
        config.write_text("[nats]\nreplicas = 3\n")
        with self.log.open("a") as errors:
            self.process = subprocess.Popen(
                [DRAGOMAN, "serve", "gateway", "--data", self.data, "--config", config, *arguments],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert self.process.stdout is not None
        self.stdout = self.process.stdout
        ready, _, _ = select.select([self.stdout], [], [], 30)
        self.base_url = self.stdout.readline().strip() if ready else ""
        assert self.base_url, self.log.read_text()[-3000:]

    def token(self, name: str) -> str:
        """The officer's, whoever is meant."""
        return self.officer if name else ""


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
        for officers in posting * 4:
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


async def open_channel(session: aiohttp.ClientSession, gateways: list[Gateway]) -> None:
    """Open the channel at the first gateway, and wait until all have it."""
    operator = Caller(session, gateways[0], "operator")
    opened = await operator.call("POST", "/v1/channels", OPENING)
    assert opened.status == 201, opened.body
    token = (await operator.call("POST", "/v1/tokens", {"actor": "nato/o-1", "channels": [CHANNEL]})).json["token"]
    for gateway in gateways:
        gateway.officer = token
        async with asyncio.timeout(20):
            while (await Caller(session, gateway, "nato/o-1").get(f"{C}/state")).status != 200:
                await asyncio.sleep(0.1)


async def reckon(session: aiohttp.ClientSession, gateways: list[Gateway], posted: list[Officers]) -> None:
    """On the whole cluster, what was acknowledged stands where it was told, once; every gateway says what a replay of the log comes to."""
    cluster = gateways[0].cluster
    await asyncio.to_thread(cluster.start)  # a node that is catching up would show the auditor a shorter log
    found: dict[str, list[int]] = {}
    async with wiring.auditor(cluster.url, cluster.keys, CHANNEL) as messages:
        fold = await replay(_read(messages, found))
    told = {id: [position] for officers in posted for id, position in officers.told.items()}
    assert [(id, places, found.get(id)) for id, places in told.items() if found.get(id) != places] == []
    last = fold.result()
    for gateway in gateways:
        caller = Caller(session, gateway, "nato/o-1")
        state = await caller.get(f"{C}/state?at={last.position}", Dragoman_Min_Position=str(last.position))
        assert (200, last.digest) == (state.status, state.json["digest"])
        assert not last.void


async def _read(messages: AsyncIterator[list[tuple[int, bytes]]], found: dict[str, list[int]]) -> AsyncIterator[list[tuple[int, bytes]]]:
    from dragoman.domain.record import parse

    async for page in messages:
        for position, raw in page:
            found.setdefault(parse(raw).envelope.id, []).append(position)
        yield page


@contextmanager
def started(cluster: RealCluster) -> Iterator[RealCluster]:
    """A cluster while it runs."""
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[RealCluster]:
    """Three nodes, by the files that an operator is given."""
    with started(RealCluster(tmp_path / "cluster")) as cluster:
        yield cluster


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
        async with posting(*(Caller(session, gateway, "nato/o-1") for gateway in gateways)) as posted:
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
    session: aiohttp.ClientSession, tmp_path: Path, cut_seconds: float
) -> None:
    try:
        with laid() as wires, started(RealCluster(tmp_path / "cluster", wires.places)) as cluster:
            with running(cluster, tmp_path, "n1,n2,n3") as first:
                await open_channel(session, first)
                lone = (await asyncio.to_thread(cluster.leader, STREAM)).name
                others = ",".join(name for name in cluster.nodes if name != lone)
            with running(cluster, tmp_path, lone, others) as gateways:
                for gateway in gateways:
                    gateway.officer = first[0].officer
                await read_each_other(*(Caller(session, gateway, "nato/o-1") for gateway in gateways))
                await cut_off_and_back(wires, lone, gateways, session, cut_seconds)
    except NoNamespaces as error:
        pytest.skip(f"network namespaces are needed: {error}")


async def read_each_other(one: Caller, other: Caller) -> None:
    """What was recorded through one node is read through another from its position on."""
    for here, there in ((one, other), (other, one)) * 3:
        posted = (await here.open(NOTE)).json
        seen = await there.get(f"{C}/exchanges/{posted['exchange']}", Dragoman_Min_Position=str(posted["position"]))
        assert seen.status == 200, seen.body


async def cut_off_and_back(wires: Wires, lone: str, gateways: list[Gateway], session: aiohttp.ClientSession, seconds: float) -> None:
    async with posting(*(Caller(session, gateway, "nato/o-1") for gateway in gateways)) as posted:
        cut_off, majority = posted
        await acknowledged(posted, 50)
        wires.cut(lone)
        await asyncio.sleep(1)
        before = len(cut_off.told)
        healed = time.monotonic() + seconds
        await acknowledged([majority], 50)
        await asyncio.sleep(max(0, healed - time.monotonic()))
        assert before == len(cut_off.told)
        wires.mend(lone)
        await acknowledged(posted, 50)
    await reckon(session, gateways, posted)
