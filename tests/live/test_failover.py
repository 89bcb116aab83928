"""Gateways on a cluster of three nodes, of which one dies or is cut off: what was acknowledged is
there, once.
"""

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from cluster import STREAM, RealCluster
from gateways import OFFICER, C, Gateway, open_channel
from netns import Wires
from officers import POSTERS, acknowledged, posting, reckon, running
from read_files import SIDE_BY_SIDE
from service import NOTE, Caller

pytestmark = pytest.mark.reads(*SIDE_BY_SIDE)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[RealCluster]:
    """Three nodes, by the files that an operator is given."""
    with RealCluster(tmp_path / "cluster") as cluster:
        yield cluster


@pytest.fixture
def cut_seconds(request: pytest.FixtureRequest) -> float:
    """The seconds for which a node is cut off. In the long form, a leader without followers has
    time to resign.
    """
    return 30.0 if request.config.getoption("--long") else 6.0


async def test_gateways_go_on_when_the_leader_and_then_a_follower_die(
    cluster: RealCluster, session: aiohttp.ClientSession, tmp_path: Path, dice: random.Random
) -> None:
    with running(cluster, tmp_path, "n1,n2,n3", "n3,n2,n1") as gateways:
        await open_channel(session, gateways, dice)
        async with posting(*(Caller(session, gateway, OFFICER) for gateway in gateways)) as posted:
            await acknowledged(posted, 50)
            leader = await asyncio.to_thread(cluster.leader, STREAM)
            leader.kill()
            await acknowledged(posted, 50)
            await asyncio.to_thread(cluster.start)
            next_leader = await asyncio.to_thread(cluster.leader, STREAM)
            next(
                node for node in cluster.nodes.values() if node not in (leader, next_leader)
            ).kill()
            await acknowledged(posted, 50)
        await reckon(session, gateways, posted)


@pytest.mark.timeout(600)
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
    """Record through one node, and read it through another from its position on."""
    for here, there in ((one, other), (other, one)) * 3:
        posted = (await here.open(NOTE)).json
        seen = await there.get(
            f"{C}/exchanges/{posted['exchange']}", Dragoman_Min_Position=str(posted["position"])
        )
        assert seen.status == 200, seen.body


async def cut_off_and_back(
    wires: Wires, lone: str, gateways: list[Gateway], session: aiohttp.ClientSession, seconds: float
) -> None:
    async with posting(*(Caller(session, gateway, OFFICER) for gateway in gateways)) as posted:
        cut_off, majority = posted
        await acknowledged(posted, 50)
        wires.cut(lone)
        before = len(cut_off.told)
        healed = time.monotonic() + seconds
        await acknowledged([majority], 50)
        await asyncio.sleep(max(0, healed - time.monotonic()))
        assert len(cut_off.told) <= before + POSTERS, (
            "more than was on its way when the wire was cut"
        )
        wires.mend(lone)
        await acknowledged(posted, 50)
    await reckon(session, gateways, posted)
