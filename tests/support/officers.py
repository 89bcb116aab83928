"""Officers at several gateways of a cluster, who post without a pause, and the reckoning of what
each was told.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp

from cluster import RealCluster
from gateways import OFFICER, C, Gateway, replayed
from service import NOTE, Caller, new_key

POSTERS = 32
"""At each gateway: more than are needed for their openings to be committed together."""


class Officers:
    """Officers at one gateway, each of whom posts again until it is acknowledged."""

    def __init__(self, caller: Caller, pause: float = 0) -> None:
        self.caller = caller
        self.told: dict[str, int] = {}
        self.refused = 0
        self.stopped = False
        self._pause = pause

    async def post(self) -> None:
        """Post until stopped, and then until the last has an outcome."""
        while not self.stopped:
            key = new_key()
            while not await self._acknowledged(key):
                await asyncio.sleep(0.1)
            await asyncio.sleep(self._pause)

    async def _acknowledged(self, key: str) -> bool:
        answer = await self.caller.post(f"{C}/contacts", {**NOTE, "text": key}, key=key)
        if answer.status != 201:
            assert answer.status == 503, answer.body
            self.refused += 1
            return False
        self.told[answer.json["id"]] = answer.json["position"]
        return True


@asynccontextmanager
async def at_work(posted: list[Officers], number: int, seconds: float) -> AsyncIterator[None]:
    """So many officers at each gateway at work until the end, which must come within that time."""
    async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
        for officers in posted * number:
            group.create_task(officers.post())
        try:
            yield
        finally:
            for officers in posted:
                officers.stopped = True


@asynccontextmanager
async def posting(*callers: Caller) -> AsyncIterator[list[Officers]]:
    """Officers at several gateways, at work until the end."""
    posted = [Officers(caller) for caller in callers]
    async with at_work(posted, POSTERS, 90):
        yield posted


async def acknowledged(posted: list[Officers], number: int) -> None:
    """Wait until each gateway's officers have that many more acknowledgements."""
    wanted = [len(officers.told) + number for officers in posted]
    while any(len(officers.told) < least for officers, least in zip(posted, wanted, strict=True)):
        await asyncio.sleep(0.02)


async def reckon(
    session: aiohttp.ClientSession, gateways: list[Gateway], posted: list[Officers]
) -> int:
    """Return the length of the log. Assert that each acknowledged post is in the log once, at its
    position. Assert that every gateway's digest is that of a replay.
    """
    told = {id: [position] for officers in posted for id, position in officers.told.items()}
    fold, found = await replayed(
        gateways[0].cluster, max(position for (position,) in told.values())
    )
    assert [
        (id, places, found.get(id)) for id, places in told.items() if found.get(id) != places
    ] == []
    last = fold.result()
    assert not last.void
    for gateway in gateways:
        caller = Caller(session, gateway, OFFICER)
        state = await caller.get(
            f"{C}/state?at={last.position}", Dragoman_Min_Position=str(last.position)
        )
        assert (200, last.digest) == (state.status, state.json["digest"])
    return last.position


@contextmanager
def running(cluster: RealCluster, folder: Path, *nodes: str) -> Iterator[list[Gateway]]:
    """Gateways, each on the nodes that it is given, with commas between."""
    with ExitStack() as stack:
        gateways: list[Gateway] = []
        for number, names in enumerate(nodes):
            url = ",".join(cluster.nodes[name].url for name in names.split(","))
            first = gateways[0] if gateways else None
            gateways.append(Gateway(cluster, folder / f"gateway-{number}", url, first))
            stack.callback(gateways[-1].stop)
        yield gateways
