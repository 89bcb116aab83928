"""The signed heads as a real broker keeps them, alone and as a cluster: a head is written over the
one that was read, and over no other.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from brokers import RealBroker
from cluster import REPLICAS, Clients
from dragoman.eventlog.event_log import LogUnreachable, NobodyListens
from dragoman.eventlog.nats_connection import connected
from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.signed_heads import SignedHeadStore, StoredHead
from memory_broker import MemoryBroker
from patience import PATIENCE_S
from read_files import LOG
from tcp_wire import Trap, Wire

_ELECTED_SECONDS = PATIENCE_S
_RACES = 5


Opener = Callable[[], Awaitable[SignedHeadStore]]


@pytest.fixture(params=["alone", "memory", pytest.param("cluster", marks=pytest.mark.reads(*LOG))])
def opener(request: pytest.FixtureRequest) -> Opener:
    """Opens the heads that a broker alone has, or one in memory, or three nodes of a cluster, by a
    connection of its own each time.
    """
    broker: RealBroker | MemoryBroker | Clients = (
        MemoryBroker()
        if request.param == "memory"
        else request.getfixturevalue(
            "real_cluster" if request.param == "cluster" else "real_broker"
        )
    )
    replicas = REPLICAS if request.param == "cluster" else 1

    async def opened() -> SignedHeadStore:
        seals = SignedHeadStore(await broker.bus("registrar"))
        async with asyncio.timeout(_ELECTED_SECONDS):
            while True:
                try:
                    await SignedHeadStore.create(await broker.bus("steward"), replicas)
                    await seals.newest("nobody")
                except LogUnreachable:
                    await asyncio.sleep(0.1)
                else:
                    return seals

    return opened


@pytest.fixture
def channel() -> str:
    """A channel that no other test has sealed: no head is ever removed."""
    return secrets.token_hex(8)


async def history(seals: SignedHeadStore, channel: str) -> list[bytes]:
    """All heads of a channel, the first one first."""
    found: list[bytes] = []
    at = await seals.after(channel, 0)
    while at is not None:
        found.append(at.note)
        at = await seals.after(channel, at.seq)
    return found


async def tried(
    seals: SignedHeadStore, channel: str, note: bytes, over: StoredHead | None
) -> StoredHead | None:
    """Return the head that this writer stored. Return None if the writer is told that another one
    was first. A cluster may choose another leader at any time; then nothing was written.
    """
    async with asyncio.timeout(_ELECTED_SECONDS):
        while True:
            try:
                return await seals.put(channel, note, over)
            except WriteConflict:
                return None
            except NobodyListens:
                await asyncio.sleep(0.1)


async def test_of_two_writers_over_one_head_the_second_is_told(
    opener: Opener, channel: str
) -> None:
    here, there = [await opener() for _ in range(2)]
    over: StoredHead | None = None
    for winner, loser, note in ((here, there, b"1"), (there, here, b"2"), (here, there, b"3")):
        sealed = await winner.put(channel, note, over)
        with pytest.raises(WriteConflict):
            await loser.put(channel, b"another", over)
        over = await loser.newest(channel)
        assert over is not None and (over.seq, over.note) == (sealed.seq, note)
    assert await history(there, channel) == [b"1", b"2", b"3"]


async def test_of_writers_at_one_moment_one_is_first_and_all_others_are_told(
    opener: Opener, channel: str
) -> None:
    writers = [await opener() for _ in range(4)]
    over: StoredHead | None = None
    won: list[bytes] = []
    for race in range(_RACES):
        found = await asyncio.gather(
            *(tried(each, channel, b"%d by %d" % (race, n), over) for n, each in enumerate(writers))
        )
        (over,) = [each for each in found if each is not None]
        won.append(over.note)
    assert await history(writers[0], channel) == won


async def test_heads_of_other_channels_are_in_nobodys_way(opener: Opener, channel: str) -> None:
    seals = await opener()
    first = await seals.put(channel, b"1", None)
    await seals.put(f"{channel}-other", b"1", None)
    await seals.put(channel, b"2", first)
    assert await history(seals, channel) == [b"1", b"2"]


# An answer that never comes


@pytest.fixture
async def wired(
    real_broker: RealBroker,
) -> AsyncIterator[tuple[SignedHeadStore, SignedHeadStore, Wire]]:
    """Heads by way of a wire that can be cut, and those heads directly."""
    await SignedHeadStore.create(await real_broker.bus("steward"), 1)
    wire = Wire(int(real_broker.endpoint.url.rpartition(":")[2]))
    try:
        async with connected(
            f"nats://127.0.0.1:{wire.port}", "registrar", real_broker.endpoint.seed("registrar")
        ) as bus:
            yield SignedHeadStore(bus), SignedHeadStore(await real_broker.bus("registrar")), wire
    finally:
        wire.close()


async def seen_again(seals: SignedHeadStore, channel: str) -> StoredHead | None:
    """The newest head, as soon as the broker can be asked again."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await seals.newest(channel)
            except LogUnreachable:
                await asyncio.sleep(0.05)


@pytest.mark.parametrize(("keep", "kept"), [(None, [b"1", b"2"]), (0, [b"1"])])
async def test_what_was_written_when_the_wire_was_cut_is_read_back(
    keep: int | None,
    kept: list[bytes],
    wired: tuple[SignedHeadStore, SignedHeadStore, Wire],
    channel: str,
) -> None:
    seals, directly, wire = wired
    first = await seals.put(channel, b"1", None)
    trap = wire.set(Trap(b"HPUB dragoman.seal.v1.", keep=keep, mute_s=0.2))
    with pytest.raises(LogUnreachable):
        await seals.put(channel, b"2", first)
    assert trap.sprung.is_set()
    newest = await seen_again(seals, channel)
    assert newest is not None and newest.note == kept[-1]
    assert (await tried(seals, channel, b"2", first) is None) == (newest.seq != first.seq), (
        "it is not written twice"
    )
    newest = await seals.newest(channel)
    await seals.put(channel, b"3", newest)
    assert await history(directly, channel) == [b"1", b"2", b"3"]
