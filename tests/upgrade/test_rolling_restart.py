"""A rolling restart with the next release under posts: each is recorded once, and none waits long.

A client posts one after the other through two gateways. Where one refuses or is away, the same post
goes to the other one with the same key.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from cluster import RealCluster
from gateways import OFFICER, C, open_channel
from officers import running
from read_files import UPGRADED
from service import NOTE, Caller, Second, Service, new_key

pytestmark = pytest.mark.reads(*UPGRADED)

log = logging.getLogger(__name__)

_BUSY = 3
"""The factor by which a crowded machine may exceed the promise for a quiet one."""

_ONE_NODE_S = 2.0
_THREE_NODES_S = 10.0


@dataclass
class Posts:
    """Posts one after the other: what was acknowledged, and the longest time for one of them."""

    session: aiohttp.ClientSession
    gateways: list[Service]
    who: str
    acknowledged: list[str] = field(default_factory=list)
    newest: int = 0
    longest: float = 0.0

    async def one(self, number: int) -> None:
        """Post once, through one gateway or the other, until it is acknowledged."""
        loop = asyncio.get_running_loop()
        key, begun, turn = new_key(), loop.time(), number
        while True:
            caller = Caller(self.session, self.gateways[turn % len(self.gateways)], self.who)
            turn += 1
            try:
                async with asyncio.timeout(5):
                    answer = await caller.post(
                        f"{C}/contacts", {**NOTE, "text": f"Note {number}."}, key=key
                    )
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(0.02)
                continue
            if answer.status in (200, 201):
                break
            await asyncio.sleep(0.02)
        self.acknowledged.append(answer.json["exchange"])
        self.newest = max(self.newest, answer.json["position"])
        self.longest = max(self.longest, loop.time() - begun)

    @asynccontextmanager
    async def going(self) -> AsyncIterator[None]:
        """Post for as long as the context lasts."""
        stop = asyncio.Event()

        async def post() -> None:
            number = 0
            while not stop.is_set():
                number += 1
                await self.one(number)

        posting = asyncio.create_task(post())
        await asyncio.sleep(1)
        yield
        await asyncio.sleep(1)
        stop.set()
        await posting

    async def check(self, most_s: float) -> None:
        """Check that each acknowledged post is in the log once, and that none waited too long."""
        log.info("%d posts, the longest took %.2f s", len(self.acknowledged), self.longest)
        caller = Caller(self.session, self.gateways[0], self.who)
        read = await caller.get(f"{C}/state", Dragoman_Min_Position=str(self.newest))
        assert read.status == 200, read.body
        positions = await caller.positions()
        wrong = {
            id: positions.get(id) for id in self.acknowledged if len(positions.get(id, [])) != 1
        }
        assert wrong == {}
        assert len(self.acknowledged) > 20
        assert self.longest <= most_s * _BUSY, f"{self.longest:.1f} s"


def _as_release(service: Service, build: dict[str, str]) -> None:
    """Stop a gateway, and start it on the same data with a release."""
    service.stop()
    service.environment = {**service.environment, **build}
    service.start()


@pytest.fixture
def two(own: Service, tmp_path: Path) -> Iterator[list[Service]]:
    """Two gateways of this release beside the host's own."""
    services: list[Service] = [Second(own, tmp_path / name) for name in ("one", "other")]
    yield services
    for service in services:
        service.stop()


async def test_on_one_node_no_post_is_lost_and_none_waits_long(
    two: list[Service], build: dict[str, str], session: aiohttp.ClientSession,
) -> None:  # fmt: skip
    posts = Posts(session, two, "nato/officer")
    async with posts.going():
        for gateway in two:
            await asyncio.to_thread(_as_release, gateway, build)
            await asyncio.sleep(1)
    await posts.check(_ONE_NODE_S)


@pytest.mark.timeout(600)
async def test_on_three_nodes_gateways_and_nodes_are_restarted_one_after_the_other(
    build: dict[str, str], session: aiohttp.ClientSession, tmp_path: Path,
    pytestconfig: pytest.Config,
) -> None:  # fmt: skip
    if not pytestconfig.getoption("long"):
        pytest.skip("only with --long")
    with (
        RealCluster(tmp_path / "cluster") as cluster,
        running(cluster, tmp_path, "n1,n2,n3", "n3,n2,n1") as gateways,
    ):
        await open_channel(session, gateways)
        posts = Posts(session, [*gateways], OFFICER)
        async with posts.going():
            for gateway in gateways:
                await asyncio.to_thread(_as_release, gateway, build)
                await asyncio.sleep(1)
            for node in cluster.nodes.values():
                await asyncio.to_thread(node.kill)
                await asyncio.to_thread(cluster.start)
                await asyncio.sleep(2)
            await posts.check(_THREE_NODES_S)
