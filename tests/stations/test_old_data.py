"""A host and a station that were put back from an old copy of their data, where nothing shows it."""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from inquest import Inquest
from patience import PATIENCE_S
from premises import CHANNEL, Placed, Premises
from service import NOTE
from station_traffic import StationTraffic
from tally import Row
from traffic import WRITERS

_BACK_IS_CONVICTED_S = 10.0


@pytest.fixture
def premises(tmp_path: Path) -> Iterator[Premises]:
    with Premises(tmp_path / "of") as premises:
        yield premises


def traffic_at(
    premises: Premises, session: aiohttp.ClientSession, dice: random.Random
) -> StationTraffic:
    return StationTraffic(
        session,
        premises.station("nato"),
        dice,
        officers=3,
        burst=2,
        stations=premises.stations,
    )


def position(at: Placed) -> int:
    """Return the number of records that a host or a station shows to a reader."""
    view = at.call("GET", f"/v1/channels/{CHANNEL}", token=at.token("nato/administrator"))
    return int(view["position"])


@pytest.mark.timeout(300)
async def test_a_host_that_lost_its_end_and_grew_again_is_convicted_and_the_copies_keep_all(
    premises: Premises, session: aiohttp.ClientSession, dice: random.Random
) -> None:
    traffic = traffic_at(premises, session, dice)
    host, station = premises.host, premises.station("nato")
    await traffic.flow(0.5)
    await traffic.settle()
    copy = await asyncio.to_thread(host.backed_up)
    await traffic.flow(1.0)
    await traffic.settle()
    inquest = Inquest(host.nats_url, host.data / "keys")
    finding = await inquest.held(traffic)
    assert finding.clean, finding
    await asyncio.sleep(1.0)  # the last head settles the last record
    for one in premises.stations:
        one.wire.cut()
    await asyncio.to_thread(host.restore, copy)
    while position(host) <= finding.position:  # officers of the host itself write another history
        host.call("POST", f"/v1/channels/{CHANNEL}/contacts", NOTE, host.token("nato/officer"))
    for one in premises.stations:
        one.wire.mend()
    async with asyncio.timeout(_BACK_IS_CONVICTED_S):
        for one in premises.stations:
            await one.said(lambda line: line["event"] == "station.host_convicted")
    late = await traffic.post(traffic.note("Late."))
    assert late.open and not late.kept and "telephone" in late.detail
    assert not station.on_their_way()
    for one in premises.stations:
        assert position(one) == finding.position
        assert await inquest.digest_at(session, one, finding.position) == finding.digests[0]
        await asyncio.to_thread(one.audit)


@pytest.mark.timeout(300)
async def test_a_host_that_went_back_is_said_and_what_it_refuses_is_kept(
    premises: Premises, session: aiohttp.ClientSession, dice: random.Random
) -> None:
    traffic = traffic_at(premises, session, dice)
    host, station = premises.host, premises.station("nato")
    copy = await asyncio.to_thread(host.backed_up)
    await traffic.flow(0.5)
    await traffic.settle()
    await asyncio.sleep(1.0)  # the last head settles the last record
    assert not station.line().get("doubt", "")
    host.stop()
    await asyncio.to_thread(host.restore, copy)
    async with asyncio.timeout(_BACK_IS_CONVICTED_S):
        while "went back" not in station.line().get("doubt", ""):
            await asyncio.sleep(0.05)
    late = await traffic.post(traffic.note("Written while the host is old."))
    assert late.kept and position(host) < position(station)
    await asyncio.sleep(3.0)  # a few tries
    assert station.line()["entries"][-1]["state"] in ("waiting", "unanswered")


@pytest.mark.timeout(300)
async def test_a_station_that_was_put_back_sends_nothing_twice_and_catches_up(
    premises: Premises, session: aiohttp.ClientSession, dice: random.Random, row: Row
) -> None:
    traffic = traffic_at(premises, session, dice)
    station = premises.station("nato")
    for role in WRITERS:  # the old data know no later tokens
        station.token(f"nato/{role}")
    station.wire.cut_answers()
    under_way = await traffic.post(traffic.note("Stored, and not answered."))
    station.wire.cut()
    waiting = await traffic.post(traffic.note("Never left."))
    assert under_way.kept and waiting.kept
    copy = await asyncio.to_thread(station.backed_up)  # with both in its outbox
    station.wire.mend()
    await traffic.flow(1.0)
    await traffic.settle()
    await asyncio.to_thread(station.restore, copy)
    await traffic.flow(1.0)
    await traffic.settle()
    async with asyncio.timeout(PATIENCE_S):
        while station.on_their_way():
            await asyncio.sleep(0.05)
    row.rounds, row.acknowledged, row.unknown = 1, len(traffic.acknowledged), traffic.doubted
    inquest = Inquest(premises.host.nats_url, premises.host.data / "keys")
    finding = await inquest.held(traffic)
    row.found(finding)
    assert await inquest.digest_at(session, station, finding.position) == finding.digests[0]
    await asyncio.to_thread(premises.audit)
