"""A gateway's clock that is stepped by hours while the broker's goes on."""

import asyncio
import random
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import aiohttp
import pytest

import stepped
from house import CHANNEL, House
from inquest import Inquest
from patience import PATIENCE_S
from read_files import GATEWAY
from tally import Rounds, Row
from traffic import Traffic

pytestmark = pytest.mark.reads(*GATEWAY)

_HOUR_S = 3600
_SLACK_S = 3.0


class Clock:
    """The clock of a house's gateway."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.set(0)

    def set(self, off_s: float) -> None:
        """Let it be off by so much."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(str(off_s))
        fresh.rename(self.file)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path / "off")


@pytest.fixture
def ticking(tmp_path: Path, clock: Clock) -> Iterator[House]:
    """A house whose gateway goes by that clock."""
    with House(
        tmp_path / "house", program=(sys.executable, stepped.__file__, str(clock.file))
    ) as house:
        yield house


async def off_by(house: House, traffic: Traffic, row: Row) -> float:
    """The most that a record's time is off the time at which the broker stored it, all posts having
    outcomes that hold.
    """
    await traffic.settle()
    inquest = Inquest(house.broker.url, house.broker.keys)
    row.acknowledged, row.unknown = len(traffic.acknowledged), traffic.doubted
    row.found(await inquest.held(traffic))
    return max(
        abs((datetime.fromisoformat(record.envelope.time) - stored).total_seconds())
        for record, stored in inquest.stored
    )


@pytest.mark.timeout(600)
async def test_a_gateway_whose_clock_is_off_refuses_to_write_until_it_is_right_again(
    ticking: House,
    clock: Clock,
    session: aiohttp.ClientSession,
    dice: random.Random,
    rounds: Rounds,
    row: Row,
) -> None:
    traffic = Traffic(session, ticking.gateway, dice)
    reader = {"Authorization": f"Bearer {ticking.gateway.token('china/officer')}"}
    for row.rounds in range(1, rounds(1, 20) + 1):
        await traffic.flow(0.2)
        clock.set((-1) ** row.rounds * dice.uniform(0.01, 20) * _HOUR_S)
        async with asyncio.timeout(
            PATIENCE_S
        ):  # at first the clock was only stepped, and in a second it differs from the broker's
            refused = await traffic.post(traffic.note())
            while "set the clocks" not in refused.detail:
                assert refused.open
                await asyncio.sleep(0.1)
                refused = await traffic.post(traffic.note())
        assert refused.open
        async with session.get(
            f"{ticking.gateway.base_url}/v1/channels/{CHANNEL}/state", headers=reader
        ) as response:
            assert response.status == 200
        clock.set(0)
        assert await off_by(ticking, traffic, row) < _SLACK_S


async def test_no_record_carries_the_time_of_a_clock_that_was_just_stepped(
    ticking: House,
    clock: Clock,
    session: aiohttp.ClientSession,
    dice: random.Random,
    rounds: Rounds,
    row: Row,
) -> None:
    traffic = Traffic(session, ticking.gateway, dice)
    for row.rounds in range(1, rounds(1, 6) + 1):
        async with traffic.flowing():
            await asyncio.sleep(0.6)
            clock.set(dice.uniform(1, 20) * _HOUR_S)
            await asyncio.sleep(0.6)
            clock.set(0)
        assert await off_by(ticking, traffic, row) < _SLACK_S
