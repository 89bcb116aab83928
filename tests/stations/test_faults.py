"""Faults of the lines and of the machines of a host and two stations: nothing is lost or doubled.

Each round posts at both stations while a fault strikes. Then all is mended, and audited in full:
every act that a station promised to send is recorded once or returned, each copy is the host's log,
and each copy verifies by what its own station has pinned.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Final

import aiohttp
import pytest

from line_faults import FAULTS, audited, mend
from netns import NoNamespaces
from packet_wire import packet_wire
from patience import PATIENCE_S
from premises import CHANNEL, Premises, StationProcess
from service import NOTE
from station_traffic import StationTraffic
from tally import Rounds, Row
from tcp_wire import Wire, plain_socket
from world import compact

_ROUNDS: Final = 200


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    with Premises(tmp_path_factory.mktemp("premises") / "of") as premises:
        yield premises


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.timeout(3600)
async def test_nothing_is_lost_or_doubled(
    premises: Premises,
    fault: str,
    session: aiohttp.ClientSession,
    dice: random.Random,
    rounds: Rounds,
    row: Row,
) -> None:
    traffic = StationTraffic(
        session,
        premises.station("nato"),
        dice,
        officers=4,
        burst=3,
        stations=premises.stations,
    )
    for row.rounds in range(1, rounds(1, _ROUNDS // len(FAULTS)) + 1):
        async with traffic.flowing():
            await asyncio.sleep(dice.uniform(0.1, 0.4))
            await FAULTS[fault](premises, dice)
            await asyncio.sleep(dice.uniform(0.1, 0.4))
            mend(premises)
        await audited(premises, traffic, row)


@pytest.mark.timeout(3600)
async def test_what_is_sent_again_at_another_station_of_the_side_is_recorded_once(
    premises: Premises,
    session: aiohttp.ClientSession,
    dice: random.Random,
    rounds: Rounds,
    row: Row,
) -> None:
    """An officer whose station is cut off goes to the other one, and sends with the same key."""
    station = premises.station("nato")
    premises.add("nato/station-2")
    traffic = StationTraffic(session, station, dice, stations=[*premises.stations])
    for row.rounds in range(1, rounds(2, 20) + 1):
        fault = (station.wire.cut, station.wire.cut_answers)[row.rounds % 2]
        fault()
        postings = [await traffic.post(traffic.note(f"Again {n}.")) for n in range(3)]
        assert all(posting.kept for posting in postings)
        traffic.shift ^= 1
        assert (await traffic.post(traffic.note("Beside.", "china/officer"))).answer
        await traffic.settle()
        mend(premises)
        traffic.shift ^= 1
        await audited(premises, traffic, row)


@pytest.mark.timeout(3600)
async def test_a_line_that_loses_a_third_of_its_packets_loses_no_act(
    premises: Premises,
    session: aiohttp.ClientSession,
    dice: random.Random,
    rounds: Rounds,
    row: Row,
) -> None:
    station = premises.station("nato")
    traffic = StationTraffic(
        session, station, dice, officers=2, burst=1, stations=premises.stations
    )
    with ExitStack() as stack:
        try:
            packets = stack.enter_context(packet_wire(dice))
        except NoNamespaces as error:
            pytest.skip(f"TUN devices and network namespaces are needed: {error}")
        stack.callback(direct, station.wire, premises.host.port)
        far_end = Wire(
            premises.host.port, listen=7, at=packets.far.address, near=packets.far.socket
        )
        stack.enter_context(far_end)
        station.wire.far, station.wire.target = packets.near.socket, (packets.far.address, 7)
        station.wire.reset()
        packets.loss = 0.3
        for row.rounds in range(1, rounds(1, 10) + 1):
            await traffic.flow(2.0)
            await traffic.settle()
        packets.loss = 0.0
        await audited(premises, traffic, row)
    assert packets.requests.carried > 1_000


def direct(wire: Wire, port: int) -> None:
    """Have a wire lead to the port of the host again, without packets of a test."""
    wire.far, wire.target = plain_socket, ("127.0.0.1", port)
    wire.reset()


# Promises of speed


_CUT_IS_SAID_S: Final = 10.0
_BACK_S: Final = 13.0
"""A read of 10 s on a dead connection may have begun just before the line is back."""


async def _until(condition: Callable[[], bool]) -> float:
    """Wait until a condition comes true, and return the seconds."""
    begun = time.monotonic()
    async with asyncio.timeout(PATIENCE_S):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.05)
    return time.monotonic() - begun


@pytest.mark.timeout(300)
async def test_a_silent_line_is_said_in_ten_seconds_and_what_was_under_way_goes_on(
    premises: Premises, session: aiohttp.ClientSession, dice: random.Random
) -> None:
    station = premises.station("nato")
    traffic = StationTraffic(session, station, dice, stations=[station])
    assert (await traffic.post(traffic.note())).answer
    station.wire.silence()
    under_way = await traffic.post(traffic.note("Under way."))
    assert under_way.kept
    assert await _until(lambda: bool(station.line()["cut"])) < _CUT_IS_SAID_S + 1.0
    late = await traffic.post(traffic.note("Cut."))
    assert late.kept
    station.wire.mend()
    assert await _until(lambda: not station.line()["cut"]) < _BACK_S
    assert await _until(lambda: not station.on_their_way()) < _BACK_S
    await traffic.settle()
    assert under_way.answer and late.answer


_FLASH_OVER_NARROW_LINE_S: Final = 3.0


@pytest.mark.timeout(300)
async def test_a_flash_passes_a_bulk_reader_on_the_same_narrow_line(
    premises: Premises, session: aiohttp.ClientSession, dice: random.Random
) -> None:
    """A queue of a quarter of a second stands for a router that shares its line out."""
    station, other = premises.station("nato"), premises.station("china")
    traffic = StationTraffic(session, station, dice, stations=[station])
    wire = station.wire
    auditor = premises.host.token("nato/auditor")
    url = f"http://127.0.0.1:{wire.port}/v1/channels/{CHANNEL}/records"
    headers = {"Authorization": f"Bearer {auditor}", "Accept": "application/x-ndjson"}

    async def read_in_bulk() -> None:
        while True:
            async with session.get(url, headers=headers) as answer:
                assert answer.status == 200
                await answer.read()

    wire.requests.queue = wire.answers.queue = 2_000
    wire.slow(delay_s=0.3, bits_s=64_000)
    reading = asyncio.create_task(read_in_bulk())
    try:
        await asyncio.sleep(2.0)
        before = wire.answers.carried
        flash = traffic.note("Now.")
        flash.act = compact({**NOTE, "text": "Now.", "precedence": "flash"})
        begun = time.monotonic()
        sending = asyncio.create_task(traffic.post(flash))
        reader = other.token("china/auditor")
        while not await asyncio.to_thread(shows, other, reader, "Now."):
            assert time.monotonic() - begun < PATIENCE_S
        seconds = time.monotonic() - begun
        await sending
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        mend(premises)
    assert wire.answers.carried - before > 1_000, "nobody read in bulk"
    assert seconds < _FLASH_OVER_NARROW_LINE_S
    await traffic.settle()


def shows(station: StationProcess, token: str, text: str) -> bool:
    """Return whether a station shows a record with some text among its newest exchanges."""
    found = station.call("GET", f"/v1/channels/{CHANNEL}/exchanges?q={text}", token=token)
    return bool(found["exchanges"])
