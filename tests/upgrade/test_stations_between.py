"""A host and its stations are upgraded in either order, and go back: nothing is lost or doubled."""

import asyncio
import random
from pathlib import Path

import aiohttp
import pytest

from line_faults import audited
from premises import Placed, Premises
from read_files import UPGRADED
from station_traffic import StationTraffic
from tally import Row
from traffic import WRITERS

pytestmark = pytest.mark.reads(*UPGRADED, "services/dragoman/station/*.py")


def installed(service: Placed, build: dict[str, str]) -> None:
    """Restart a service with another release, or with this one."""
    service.stop()
    service.environment = {
        name: value for name, value in service.environment.items() if name != "PYTHONPATH"
    } | build
    service.start()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("host_first", [True, False])
async def test_no_act_is_lost_or_doubled_there_and_back(
    host_first: bool,
    build: dict[str, str],
    tmp_path: Path,
    session: aiohttp.ClientSession,
    dice: random.Random,
    row: Row,
) -> None:
    with Premises(tmp_path / "of") as premises:
        services: list[Placed] = [premises.host, *premises.stations]
        if not host_first:
            services.reverse()
        traffic = StationTraffic(
            session, premises.stations[0], dice, officers=2, burst=1, stations=premises.stations
        )
        for station in premises.stations:
            for role in WRITERS:
                station.token(f"{station.side}/{role}")  # while the station answers
        for release in (build, {}):
            for service in services:
                async with traffic.flowing():
                    await asyncio.to_thread(installed, service, release)
                    await asyncio.sleep(0.5)
                await traffic.settle()
            row.rounds += 1
            assert {service.environment.get("PYTHONPATH") for service in services} == {
                release.get("PYTHONPATH")
            }
        await audited(premises, traffic, row)
