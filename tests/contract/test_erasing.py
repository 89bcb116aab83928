"""Erasing on a cluster: every node gives the newest value at once, and no node's stream holds what
was erased.
"""

import asyncio
import secrets
import time
from pathlib import Path

import pytest

from cluster import NAMES, REPLICAS, Clients
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.stores import people
from dragoman.stores.erasable import Erasable
from found import holding
from patience import PATIENCE_S
from read_files import LOG

pytestmark = pytest.mark.reads(*LOG)

_ELECTED_SECONDS = PATIENCE_S
_RAFT_SECONDS = 240.0


async def opened(cluster: Clients) -> dict[str, Erasable]:
    """The register on three replicas, by a connection to each node."""
    steward = await cluster.bus("steward")
    entries = {
        name: Erasable(await cluster.bus(node=name), people.STREAM, people.PREFIX) for name in NAMES
    }
    begun = time.monotonic()
    while True:
        try:
            await Erasable.create(steward, people.STREAM, people.SUBJECTS, REPLICAS, people.BYTES)
            await asyncio.gather(*(each.refresh() for each in entries.values()))
        except LogUnreachable:
            assert time.monotonic() < begun + _ELECTED_SECONDS
            await asyncio.sleep(0.1)
        else:
            return entries


async def stream_of(folder: Path) -> Path:
    """Wait until a node keeps the stream, and return the stream's path."""
    async with asyncio.timeout(_ELECTED_SECONDS):
        while not (found := list(folder.glob(f"jetstream/jetstream/*/streams/{people.STREAM}"))):
            await asyncio.sleep(0.05)
    return found[0]


async def until(folders: list[Path], secret: bytes, seconds: float) -> None:
    """Wait until none of these folders holds it."""
    begun = time.monotonic()
    while any(holding(folder, secret) for folder in folders):
        assert time.monotonic() < begun + seconds, [holding(folder, secret) for folder in folders]
        await asyncio.sleep(0.1)


async def test_what_is_erased_at_one_node_no_node_gives_or_keeps_in_its_stream(
    real_cluster: Clients,
) -> None:
    entries = await opened(real_cluster)
    nodes = real_cluster.cluster.nodes.values()
    streams = [await stream_of(node.folder) for node in nodes]
    for name in NAMES:
        key, secret, here = secrets.token_hex(8), secrets.token_hex(16).encode(), entries[name]
        await here.put(key, secret, 0)
        for each in entries.values():
            await each.refresh()
            assert each.values[key] == secret
        assert any(holding(folder, secret) for folder in streams)
        await here.put(key, b"nothing", here.revisions[key])
        for each in entries.values():
            await each.refresh()
            assert each.values[key] == b"nothing"
        await until(streams, secret, 5)


@pytest.mark.timeout(600)
@pytest.mark.long
async def test_the_nodes_own_journals_forget_within_minutes(real_cluster: Clients) -> None:
    entries = (await opened(real_cluster))["n1"]
    folders = [node.folder for node in real_cluster.cluster.nodes.values()]
    key, secret = secrets.token_hex(8), secrets.token_hex(16).encode()
    await entries.put(key, secret, 0)
    await entries.put(key, b"nothing", entries.revisions[key])
    assert any(holding(folder, secret) for folder in folders), "in the journals of Raft"
    await until(folders, secret, _RAFT_SECONDS)
