"""Disks that fill up: the broker's, and the one on which a gateway keeps its projection and its
high-water marks.
"""

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

import disks
from disks import Disk
from dragoman.limits import APPEND_SECONDS, REQUEST_SECONDS
from house import CHANNEL, Gateway, House
from inquest import Inquest
from tally import Rounds, Row
from traffic import Traffic

_DISK = 24 * 1024 * 1024
_ROOMY = 96 * 1024 * 1024
"""Room for a projection of all that is posted, and for one that is built anew beside it."""

_BACK_S = 30.0
_BOUND_S = 2 * (APPEND_SECONDS + REQUEST_SECONDS) + 2.0
"""A post may wait for the batch that is on its way, and then for its own: each for its
acknowledgement, and for what stands there; and the machine is busy.
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disks.require()
    with Disk(tmp_path / "disk.img", _DISK) as disk:
        yield disk


class Torn(Exception):
    """The broker found half a record at the end of its log, and threw it away: nothing is recorded
    until an operator has looked.
    """


async def resolved(house: House, traffic: Traffic, row: Row) -> None:
    """Every post has an outcome, and the whole log bears it out. Raises `Torn`."""
    try:
        await traffic.settle()
    except AssertionError:
        if any("thrown away" in posting.detail for posting in traffic.postings if posting.open):
            raise Torn from None
        raise
    row.acknowledged, row.unknown = len(traffic.acknowledged), traffic.doubted
    row.found(await Inquest(house.broker.url, house.broker.keys).held(traffic))


@pytest.mark.timeout(900)
async def test_a_full_disk_of_the_broker_is_said_in_bounded_time_and_loses_nothing(
    disk: Disk,
    tmp_path: Path,
    session: aiohttp.ClientSession,
    dice: random.Random,
    rounds: Rounds,
    row: Row,
) -> None:
    """A record that is half written when the disk is full is seldom, and stops the service as it
    should; then another house is tried.
    """
    for attempt in range(3):
        data = disk.path / f"house-{attempt}"
        with House(data, gateway_data=tmp_path / f"gateway-{attempt}") as house:
            traffic = Traffic(session, house.gateway, dice, officers=6, burst=rounds(8, 40))
            try:
                for row.rounds in range(1, rounds(1, 15) + 1):
                    await fill_and_free(disk, house, traffic, dice, row)
            except Torn:
                assert attempt < 2, "no house had all of its records whole"
                continue
            assert traffic.problems["unknown-outcome"]
            return


async def fill_and_free(
    disk: Disk, house: House, traffic: Traffic, dice: random.Random, row: Row
) -> None:
    """Fill the broker's disk under load, which is said in bounded time; free it, and resolve what
    is in doubt. Raises `Torn`.
    """
    async with traffic.flowing():
        await asyncio.sleep(dice.uniform(0.1, 0.4))
        disk.fill(left=dice.randrange(3) * 4096)
        await asyncio.sleep(0.3)
        begun = time.monotonic()
        told = asyncio.create_task(traffic.post(traffic.note()))
    assert (await told).open
    assert time.monotonic() - begun < _BOUND_S
    disk.free()
    await asyncio.to_thread(
        house.broker.restart
    )  # a block that once could not be written stays so until then
    await resolved(house, traffic, row)


@pytest.fixture
def roomy(tmp_path: Path) -> Iterator[Disk]:
    disks.require()
    with Disk(tmp_path / "roomy.img", _ROOMY) as disk:
        yield disk


async def test_a_gateway_without_room_says_so_and_takes_it_for_no_damage(
    disk: Disk,
    tmp_path: Path,
    session: aiohttp.ClientSession,
    dice: random.Random,
    rounds: Rounds,
    row: Row,
) -> None:
    with House(tmp_path / "house", gateway_data=disk.path / "gateway") as house:
        traffic = Traffic(session, house.gateway, dice, officers=2)
        for row.rounds in range(1, rounds(1, 3) + 1):
            await traffic.flow(0.3)
            house.gateway.stop()
            for left in (disk.path / "gateway" / "projection").glob("*-shm"):
                left.unlink()
            disk.fill()
            with pytest.raises(AssertionError) as said:
                house.gateway.start()
            disk.free()
            assert "is full: make room there, and start again" in str(said.value)
            assert "Traceback" not in str(said.value)
            house.gateway.start()
            assert not any(
                line["event"].startswith("projection.rebuil") for line in house.gateway.logged
            )
            await resolved(house, traffic, row)


async def is_back(house: House, session: aiohttp.ClientSession) -> None:
    """Wait until a gateway that nobody restarted is ready: 30 s are promised."""
    async with asyncio.timeout(_BACK_S):
        while True:
            async with session.get(f"{house.gateway.base_url}/readyz") as answer:
                if answer.status == 200:
                    return
            await asyncio.sleep(0.1)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("restarted", [True, False], ids=["restarted", "by itself"])
async def test_a_full_disk_of_a_gateway_loses_nothing(
    restarted: bool,
    roomy: Disk,
    tmp_path: Path,
    session: aiohttp.ClientSession,
    dice: random.Random,
    rounds: Rounds,
    row: Row,
) -> None:
    disk = roomy
    with House(tmp_path / "house", gateway_data=disk.path / "gateway") as house:
        traffic = Traffic(session, house.gateway, dice, officers=6)
        for row.rounds in range(1, rounds(1, 15) + 1):
            async with traffic.flowing():
                await asyncio.sleep(dice.uniform(0.1, 0.4))
                disk.fill(left=dice.randrange(3) * 4096)
                await asyncio.sleep(dice.uniform(0.2, 1.5))
                disk.free()
                if restarted:
                    house.gateway.process.kill()
                    await asyncio.to_thread(house.gateway.restart)
            if not restarted:
                await is_back(house, session)
            await resolved(house, traffic, row)


@pytest.mark.parametrize("restarted", [True, False], ids=["restarted", "by itself"])
async def test_a_gateway_whose_disk_is_full_goes_on_reading(
    restarted: bool,
    disk: Disk,
    tmp_path: Path,
    session: aiohttp.ClientSession,
    dice: random.Random,
    row: Row,
) -> None:
    with House(tmp_path / "house", gateway_data=disk.path / "gateway") as house:
        traffic = Traffic(session, house.gateway, dice, officers=6)
        await traffic.flow(0.3)
        disk.fill()
        await traffic.flow(1.5)
        reader = {"Authorization": f"Bearer {house.gateway.token('china/officer')}"}
        assert house.gateway.process.poll() is None
        async with session.get(
            f"{house.gateway.base_url}/v1/channels/{CHANNEL}/exchanges", headers=reader
        ) as response:
            assert response.status == 200
        row.rounds = 1
        disk.free()
        if restarted:
            await asyncio.to_thread(house.gateway.restart)
        else:
            await is_back(house, session)
        await resolved(house, traffic, row)


async def test_a_full_disk_under_a_gateways_own_log_changes_no_answer(
    house: House, disk: Disk, session: aiohttp.ClientSession, dice: random.Random, row: Row
) -> None:
    house.gateway.stop()
    with Gateway(
        house.path, house.broker.url, house.broker.keys, log=disk.path / "gateway.log"
    ) as gateway:
        gateway.tokens = house.gateway.tokens
        traffic = Traffic(session, gateway, dice)
        disk.fill()
        for _ in range(10):
            assert (await traffic.post(traffic.note())).answer
        row.rounds = 1
        await resolved(house, traffic, row)
