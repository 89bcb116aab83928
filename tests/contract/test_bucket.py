"""A bucket that several write to at one moment, on a broker alone and on a cluster: one is first,
and all others are told.
"""

import asyncio
import secrets

import pytest

from brokers import RealBroker
from cluster import REPLICAS, Clients
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.key_value import Bucket
from patience import PATIENCE_S
from read_files import LOG

_ELECTED_SECONDS = PATIENCE_S
_RACES = 5


@pytest.fixture(params=["alone", pytest.param("cluster", marks=pytest.mark.reads(*LOG))])
def broker(request: pytest.FixtureRequest) -> RealBroker | Clients:
    """A broker alone, or three nodes of a cluster."""
    found: RealBroker | Clients = request.getfixturevalue(
        "real_cluster" if request.param == "cluster" else "real_broker"
    )
    return found


async def opened(broker: RealBroker | Clients) -> Bucket:
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
    broker: RealBroker | Clients,
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
