"""Processes killed with -9 at random moments under mixed load."""

import asyncio
import json
import random
import signal
from pathlib import Path

import aiohttp
import pytest

from house import House
from inquest import Inquest
from read_files import GATEWAY
from service import Demonstration
from tally import Rounds, Row
from traffic import Traffic

_ROUNDS_A_LOG = 25
"""Each round reads all of its log: a log that grew for three hundred would take most of the time."""


@pytest.mark.reads(*GATEWAY)
@pytest.mark.timeout(7200)
async def test_a_broker_or_a_gateway_or_both_killed_lose_and_double_nothing(
    tmp_path: Path, session: aiohttp.ClientSession, dice: random.Random, rounds: Rounds, row: Row
) -> None:
    most = rounds(3, 300)
    while row.rounds < most:
        with House(tmp_path / f"house-{row.rounds}") as house:
            await kill_often(house, session, dice, row, min(_ROUNDS_A_LOG, most - row.rounds))
    assert row.acknowledged > 50 * row.rounds


async def kill_often(
    house: House, session: aiohttp.ClientSession, dice: random.Random, row: Row, times: int
) -> None:
    """Kill what there is in a house, so many times; each time the whole log is audited."""
    traffic = Traffic(session, house.gateway, dice)
    for _ in range(times):
        row.rounds += 1
        victim = ("broker", "gateway", "both")[row.rounds % 3]
        async with traffic.flowing():
            await asyncio.sleep(dice.uniform(0.05, 0.7))
            if victim != "broker":
                house.gateway.process.kill()
            if victim != "gateway":
                house.broker.process.kill()
            await asyncio.sleep(dice.uniform(0.0, 0.2))
            if victim != "gateway":
                await asyncio.to_thread(house.broker.restart)
            if victim != "broker":
                await asyncio.to_thread(house.gateway.restart, signal.SIGKILL)
        await traffic.settle()
        await traffic.ask_again(5)
        row.found(await Inquest(house.broker.url, house.broker.keys).held(traffic))
    row.acknowledged += len(traffic.acknowledged)
    row.unknown += traffic.doubted


@pytest.mark.timeout(1200)
async def test_a_service_killed_with_its_own_broker_loses_and_doubles_nothing(
    tmp_path: Path, session: aiohttp.ClientSession, dice: random.Random, rounds: Rounds, row: Row
) -> None:
    service = Demonstration(tmp_path / "data")
    try:
        traffic = Traffic(session, service, dice)
        for row.rounds in range(1, rounds(1, 30) + 1):
            async with traffic.flowing():
                await asyncio.sleep(dice.uniform(0.1, 0.7))
                service.signal_broker(signal.SIGKILL)
                await asyncio.sleep(dice.uniform(0.0, 0.5))
                service.process.kill()
                await asyncio.to_thread(service.restart, signal.SIGKILL)
            await traffic.settle()
            await traffic.ask_again(5)
            url = json.loads((service.data / "server.json").read_text())["nats_url"]
            finding = await Inquest(url, service.data / "keys").held(traffic)
            row.acknowledged, row.unknown = len(traffic.acknowledged), traffic.doubted
            row.found(finding)
    finally:
        service.stop()
