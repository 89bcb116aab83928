"""An erasure while a line is cut, and a station whose disk is full."""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

import disks
from disks import Disk
from dragoman.client import Client, KeptInOutbox, ProblemResponse, client
from patience import PATIENCE_S
from premises import CHANNEL, Placed, Premises, StationProcess
from service import NOTE

C = f"/v1/channels/{CHANNEL}"
_DISK = 40 * 1024 * 1024


@pytest.fixture
def premises(tmp_path: Path) -> Iterator[Premises]:
    with Premises(tmp_path / "of") as premises:
        yield premises


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disks.require()
    with Disk(tmp_path / "disk.img", _DISK) as disk:
        yield disk


def at(place: Placed, name: str) -> AbstractAsyncContextManager[Client]:
    return client(place.base_url, place.token(name))


async def until(found: Any) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await asyncio.to_thread(found):
            await asyncio.sleep(0.1)


def holders(place: Placed, mark: bytes) -> list[Path]:
    """The files of a station that have some bytes, but for the broker's, which rewrites its blocks
    in its own time (docs/operating-back-up.md).
    """
    return [
        path
        for path in place.data.rglob("*")
        if path.is_file() and "jetstream" not in path.parts and mark in path.read_bytes()
    ]


@pytest.mark.timeout(300)
async def test_what_was_erased_while_the_line_was_cut_is_erased_in_the_copy_once_it_is_back(
    premises: Premises,
) -> None:
    nato, china = premises.stations
    marks = {"nato": secrets.token_hex(12), "china": secrets.token_hex(12)}
    exchanges = []
    for station in premises.stations:
        async with at(station, f"{station.side}/officer") as officer:
            posted = await officer.post(CHANNEL, {**NOTE, "text": marks[station.side]})
        exchanges.append(str(posted.recorded.exchange))
        await until(lambda: not nato.line()["entries"] and not china.line()["entries"])
    for mark in marks.values():
        await until(lambda mark=mark: holders(nato, mark.encode()))
    nato.wire.cut()
    await until(lambda: nato.line()["cut"])
    for exchange in exchanges:
        for side in ("nato", "china"):
            token = str(premises.host.token_file(f"{side}/administrator"))
            why = ("--reason", "Agreed.")
            to = ("--token-file", token, "--channel", CHANNEL)
            await asyncio.to_thread(premises.host.run, "channel", "consent", exchange, *why, *to)
        erase = ("channel", "erase", exchange, "--yes")
        await asyncio.to_thread(premises.host.run, *erase, *to)
    for mark in marks.values():
        await until(lambda mark=mark: not holders(china, mark.encode()))
        assert holders(nato, mark.encode())
    nato.wire.mend()
    for mark in marks.values():
        await until(lambda mark=mark: not holders(nato, mark.encode()))
    await asyncio.to_thread(nato.audit)


async def refused(officer: Client) -> ProblemResponse | None:
    """Post once, and return the problem unless it was recorded or kept."""
    try:
        await officer.post(CHANNEL, NOTE)
    except ProblemResponse as error:
        return error
    except KeptInOutbox:
        pass
    return None


@pytest.mark.timeout(300)
async def test_a_station_whose_disk_is_full_promises_nothing_and_goes_on_once_there_is_room(
    premises: Premises, disk: Disk
) -> None:
    station = StationProcess(premises.host, disk.path / "station", "nato/station-2")
    try:
        async with (
            at(station, "nato/officer") as officer,
            at(premises.host, "china/officer") as far,
        ):
            await officer.post(CHANNEL, NOTE)
            disk.fill()
            async with asyncio.timeout(PATIENCE_S):
                while (refusal := await refused(officer)) is None:
                    pass
            assert refusal.problem.status == 503
            at_host = await far.post(CHANNEL, NOTE)
            disk.free()
            async with asyncio.timeout(PATIENCE_S):
                while await refused(officer) is not None:
                    await asyncio.sleep(0.2)
            last = await officer.post(CHANNEL, NOTE)
        assert last.recorded.position > at_host.recorded.position
        await until(lambda: not station.on_their_way())
        await asyncio.to_thread(station.audit)
    finally:
        station.stop()
        station.wire.close()
