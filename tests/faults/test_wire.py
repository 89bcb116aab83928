"""Faults of the wire between a gateway and its broker, and a broker that stands still."""

import asyncio
import random
import time
from collections.abc import Iterator

import aiohttp
import pytest

from house import CHANNEL, House
from inquest import Inquest
from patience import PATIENCE_S
from read_files import GATEWAY
from tally import Rounds, Row
from tcp_wire import Trap
from traffic import Traffic

_PUBLISH = f"HPUB dragoman.v1.{CHANNEL}.".encode()
_BOUND_S = 14.0  # a post may wait for the batch that is on its way, and then for its own


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house whose gateway reaches the broker by a wire that fails."""
    with House(tmp_path_factory.mktemp("wired") / "house", wired=True) as house:
        yield house


@pytest.fixture
def wired(shared: House) -> House:
    """The shared house, with its gateway restarted if an earlier test has ended it."""
    if shared.gateway.process.poll() is not None:
        shared.gateway.restart()
    return shared


async def resolved(house: House, traffic: Traffic, row: Row) -> None:
    """Every post has an outcome, and the whole log bears it out."""
    await traffic.settle()
    await traffic.ask_again(5)
    row.acknowledged, row.unknown = len(traffic.acknowledged), traffic.doubted
    row.found(await Inquest(house.broker.url, house.broker.keys).held(traffic))


@pytest.mark.timeout(1800)
async def test_an_acknowledgement_lost_after_the_store_leaves_one_record(
    wired: House, session: aiohttp.ClientSession, dice: random.Random, rounds: Rounds, row: Row
) -> None:
    traffic = Traffic(session, wired.gateway, dice)
    for row.rounds in range(1, rounds(1, 40) + 1):
        trap = wired.wire.set(Trap(_PUBLISH, mute_s=dice.uniform(0.05, 0.5)))
        await traffic.post(traffic.note(f"Round {row.rounds}."))
        assert trap.sprung.is_set()
        await resolved(wired, traffic, row)


@pytest.mark.reads(*GATEWAY)
@pytest.mark.timeout(1800)
async def test_a_publish_cut_in_the_middle_leaves_one_record_or_none(
    wired: House, session: aiohttp.ClientSession, dice: random.Random, rounds: Rounds, row: Row
) -> None:
    traffic = Traffic(session, wired.gateway, dice)
    for row.rounds in range(1, rounds(1, 50) + 1):
        trap = wired.wire.set(Trap(_PUBLISH, keep=dice.randrange(1, 1200)))
        async with traffic.flowing():
            assert await asyncio.to_thread(trap.sprung.wait, 10)
            await asyncio.sleep(0.1)
        await resolved(wired, traffic, row)


@pytest.mark.reads(*GATEWAY)
@pytest.mark.timeout(1800)
async def test_an_atomic_batch_cut_in_the_middle_is_whole_or_absent_and_then_resolved(
    wired: House, session: aiohttp.ClientSession, dice: random.Random, rounds: Rounds, row: Row
) -> None:
    traffic = Traffic(session, wired.gateway, dice, officers=2, burst=60)
    for row.rounds in range(1, rounds(2, 50) + 1):
        last = row.rounds % 2 == 0
        pattern = (
            b"Nats-Batch-Commit: 1"
            if last
            else b"Nats-Batch-Sequence: %d\r" % dice.randrange(1, 15)
        )
        trap = wired.wire.set(
            Trap(
                pattern,
                keep=None if last else dice.randrange(1, 600),
                mute_s=dice.uniform(0.0, 0.3),
            )
        )
        async with traffic.flowing():
            assert await asyncio.to_thread(trap.sprung.wait, PATIENCE_S)
            await asyncio.sleep(0.1)
        await resolved(wired, traffic, row)


@pytest.mark.reads(*GATEWAY)
@pytest.mark.timeout(1800)
async def test_connections_reset_and_half_closed_under_load_lose_and_double_nothing(
    wired: House, session: aiohttp.ClientSession, dice: random.Random, rounds: Rounds, row: Row
) -> None:
    traffic = Traffic(session, wired.gateway, dice)
    for row.rounds in range(1, rounds(2, 60) + 1):
        async with traffic.flowing():
            await asyncio.sleep(dice.uniform(0.05, 0.4))
            dice.choice((wired.wire.reset, wired.wire.half_close))()
            await asyncio.sleep(dice.uniform(0.1, 0.3))
        await resolved(wired, traffic, row)


@pytest.mark.reads(*GATEWAY)
@pytest.mark.timeout(1800)
async def test_a_slow_wire_slows_and_nothing_else(
    wired: House, session: aiohttp.ClientSession, dice: random.Random, rounds: Rounds, row: Row
) -> None:
    traffic = Traffic(session, wired.gateway, dice, burst=30)
    for row.rounds in range(1, rounds(1, 10) + 1):
        wired.wire.slow(delay_s=dice.uniform(0.1, 0.3))
        least = len(traffic.acknowledged) + 10
        async with traffic.flowing(), asyncio.timeout(PATIENCE_S):
            await asyncio.sleep(2.0)
            while len(traffic.acknowledged) <= least:
                await asyncio.sleep(0.05)
        wired.wire.slow(delay_s=0.0)
        await resolved(wired, traffic, row)
    assert len(traffic.acknowledged) > 10


@pytest.mark.reads(*GATEWAY)
@pytest.mark.timeout(1800)
async def test_a_broker_that_stands_still_is_said_to_in_bounded_time_while_reads_go_on(
    wired: House, session: aiohttp.ClientSession, dice: random.Random, rounds: Rounds, row: Row
) -> None:
    traffic = Traffic(session, wired.gateway, dice, officers=4)
    reader = {"Authorization": f"Bearer {wired.gateway.token('china/officer')}"}
    for row.rounds in range(1, rounds(1, 10) + 1):
        async with traffic.flowing():
            await asyncio.sleep(dice.uniform(0.1, 0.4))
            wired.broker.stand_still()
            begun = time.monotonic()
            stopped = asyncio.create_task(traffic.post(traffic.note()))
            if row.rounds % 2:
                await asyncio.sleep(0.2)
                wired.wire.reset()  # what the broker has received already is a ghost: it is stored when it wakes
            read_s: list[float] = []
            while not read_s or (
                min(read_s) >= 0.8 and len(read_s) < 8
            ):  # on a busy machine the best counts
                asked = time.monotonic()
                async with session.get(
                    f"{wired.gateway.base_url}/v1/channels/{CHANNEL}/exchanges", headers=reader
                ) as response:
                    assert response.status == 200
                read_s.append(time.monotonic() - asked)
            assert min(read_s) < 0.8
            assert (await stopped).open
            assert time.monotonic() - begun < _BOUND_S
            wired.broker.go_on()
        await resolved(wired, traffic, row)
    assert traffic.problems["unknown-outcome"] + traffic.problems["unavailable"] > 0
