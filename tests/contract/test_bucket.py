"""A bucket that several write to at one moment, on a broker alone, on a cluster, and on the broker
in memory: one is first, and all others are told. An erasable value, on the brokers alone.
"""

import asyncio
import secrets

import pytest

from brokers import RealBroker
from cluster import REPLICAS, Clients
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.stores import people
from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.erasable import Erasable
from dragoman.stores.key_value import Bucket
from memory_broker import MemoryBroker
from patience import PATIENCE_S
from read_files import LOG

_ELECTED_SECONDS = PATIENCE_S
_RACES = 5


Broker = RealBroker | MemoryBroker | Clients


def named(request: pytest.FixtureRequest, name: str) -> Broker:
    """A broker alone or in memory, or three nodes of a cluster."""
    if name == "memory":
        return MemoryBroker()
    found: Broker = request.getfixturevalue("real_cluster" if name == "cluster" else "real_broker")
    return found


@pytest.fixture(params=["alone", "memory", pytest.param("cluster", marks=pytest.mark.reads(*LOG))])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each broker."""
    return named(request, request.param)


@pytest.fixture(params=["alone", "memory"])
def single(request: pytest.FixtureRequest) -> Broker:
    """Each broker of one node."""
    return named(request, request.param)


async def opened(broker: Broker) -> Bucket:
    """The bucket of the drafts, which gateways write to, by a connection of its own."""
    bucket = Bucket(await broker.bus(), "DRAGOMAN_DRAFTS")
    steward = await broker.bus("steward")
    async with asyncio.timeout(_ELECTED_SECONDS):
        while True:
            try:
                await Bucket.create(
                    steward, "DRAGOMAN_DRAFTS", REPLICAS if isinstance(broker, Clients) else 1
                )
                await bucket.refresh()
            except LogUnreachable:
                await asyncio.sleep(0.1)
            else:
                return bucket


async def is_first(bucket: Bucket, key: str, value: str, revision: int) -> bool:
    """Return whether this writer's value is in the bucket. If not, the writer was told that another
    value is there.
    """
    try:
        await bucket.put(key, value, revision)
    except WriteConflict:
        return False
    return True


async def test_of_writers_at_one_moment_one_is_first_and_all_others_are_told(
    broker: Broker,
) -> None:
    writers = [await opened(broker) for _ in range(4)]
    key = secrets.token_hex(8)
    for race in range(_RACES):
        revision = writers[0].revisions.get(key, 0)
        won = await asyncio.gather(
            *(is_first(each, key, f"{race} by {n}", revision) for n, each in enumerate(writers))
        )
        assert sum(won) == 1
        for each in writers:
            await each.refresh()
            assert each.values[key] == b'"%d by %d"' % (race, won.index(True))


async def test_what_was_deleted_is_gone_for_every_reader(single: Broker) -> None:
    writer, reader = await opened(single), await opened(single)
    await writer.put("kept", 1)
    await writer.put("gone", 2)
    await reader.refresh()
    await writer.put("gone", None)
    await writer.put("new", 3)
    await reader.refresh()
    late = await opened(single)
    assert reader.values == late.values == writer.values == {"kept": b"1", "new": b"3"}
    with pytest.raises(WriteConflict):
        await late.put("gone", 4, revision=0)
    await late.put("gone", 4, revision=late.revisions["gone"])
    with pytest.raises(LogUnreachable):
        await writer.put("large", "x" * 2_000_000)
    await writer.refresh()
    assert writer.values["gone"] == b"4"


async def test_an_older_value_is_erased_and_the_newest_is_given(single: Broker) -> None:
    await Erasable.create(
        await single.bus("steward"), people.STREAM, people.SUBJECTS, 1, people.BYTES
    )
    writer, reader = [Erasable(await single.bus(), people.STREAM, people.PREFIX) for _ in range(2)]
    for key in ("a.one", "a.two"):
        await writer.put(key, b"first", 0)
    await reader.refresh()
    await writer.put("a.one", b"second", reader.revisions["a.one"])
    with pytest.raises(WriteConflict):
        await reader.put("a.one", b"third", reader.revisions["a.one"])
    await reader.refresh()
    assert reader.values == {"a.one": b"second", "a.two": b"first"}
    stored = await reader.messages(f"{people.PREFIX}>")
    assert [message.data for message in stored] == [b"first", b"second"]
    first = await reader.next(f"{people.PREFIX}a.two", 1)
    assert first is not None
    assert first.data == b"first"
    await reader.erase(first.seq)
    await reader.erase(first.seq)
    assert await reader.next_on_replica(f"{people.PREFIX}a.two", 1) is None
