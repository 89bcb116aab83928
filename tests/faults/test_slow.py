"""A gateway that stands still or gets no processor, and a broker that does: which of the two the log
blames afterwards, and how often.
"""

import asyncio
import signal
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Final

import aiohttp
import pytest

from dragoman.domain.record.codec import parse
from dragoman.eventlog.jetstream import JetStreamLog
from dragoman.eventlog.nats_connection import connected
from dragoman.limits import READ_RECORDS
from dragoman_schemas.acts.office.channel import BrokerOutage
from house import CHANNEL, House
from inquest import Inquest
from patience import PATIENCE_S
from read_files import GATEWAY
from service import NOTE, Caller, all_stopped
from tally import Rounds, Row

pytestmark = pytest.mark.reads(*GATEWAY)

_GONE_S: Final = 15.0
"""An outage counts from ten seconds."""

_QUIET_S: Final = 12.0
"""The time in which a further act would have come, if one were made by the first."""

_POSTS: Final = 100
_POST_S: Final = 0.1

Blamed = dict[str, list[str]]
"""The causes of the outages that each channel has on record."""


def filled(house: House, count: int) -> list[str]:
    """Open so many channels in all; their names."""
    names = [CHANNEL, *(f"quiet-{number}" for number in range(1, count))]
    for name in names[1:]:
        house._post("/v1/channels", {"name": name, "sides": ["nato", "china"]})
    return names


async def blamed(house: House, names: list[str]) -> Blamed:
    """Return the causes of the outages in each log."""
    causes: Blamed = {}
    async with connected(house.broker.url, "auditor", house.broker.keys / "nats-auditor.nk") as bus:
        for name in names:
            log, causes[name], position = JetStreamLog(name, bus), [], 1
            while messages := await log.read(position, READ_RECORDS):
                position = messages[-1].position + 1
                acts = [parse(message.raw).data for message in messages]
                causes[name] += [act.cause for act in acts if isinstance(act, BrokerOutage)]
    return causes


async def until_blamed(house: House, names: list[str]) -> Blamed:
    """Return the causes once every log has an outage, and none was added for a while."""
    async with asyncio.timeout(PATIENCE_S):
        while not all((await blamed(house, names)).values()):
            await asyncio.sleep(1.0)
    await asyncio.sleep(_QUIET_S)
    return await blamed(house, names)


async def gateway_stopped(house: House) -> None:
    """The gateway stands still for a while."""
    house.gateway.process.send_signal(signal.SIGSTOP)
    while not all_stopped(house.gateway.process.pid):
        await asyncio.sleep(0.001)
    await asyncio.sleep(_GONE_S)
    house.gateway.process.send_signal(signal.SIGCONT)


async def broker_stopped(house: House) -> None:
    """The broker stands still for a while."""
    house.broker.stand_still()
    await asyncio.sleep(_GONE_S)
    house.broker.go_on()


async def broker_killed(house: House) -> None:
    """There is no broker for a while."""
    house.broker.stop(signal.SIGKILL)
    await asyncio.sleep(_GONE_S)
    house.broker.start()


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("stop", "cause"),
    [
        (gateway_stopped, "gateway"),
        pytest.param(broker_stopped, "broker", marks=pytest.mark.long),
        (broker_killed, "broker"),
    ],
    ids=["the gateway stood still", "the broker stood still", "the broker was dead"],
)
async def test_one_outage_is_one_act_in_each_channel_with_its_true_cause(
    stop: Callable[[House], Awaitable[None]],
    cause: str,
    house: House,
    session: aiohttp.ClientSession,
    rounds: Rounds,
    row: Row,
) -> None:
    names = filled(house, rounds(4, 300))
    await asyncio.sleep(3.0)  # the end of each log is seen
    await stop(house)
    went_on = time.monotonic()
    row.rounds = 1
    await asyncio.sleep(max(0.0, went_on + 10.0 - time.monotonic()))
    times = await posted(house, session)
    assert {name: [cause] for name in names} == await until_blamed(house, names)
    await Inquest(house.broker.url, house.broker.keys).served(session, house.gateway)
    if rounds(0, 1):  # alone on its machine
        assert statistics.quantiles(times, n=100, method="inclusive")[98] <= _POST_S


async def posted(house: House, session: aiohttp.ClientSession) -> list[float]:
    """The seconds of each of a number of posts, one after another."""
    caller = Caller(session, house.gateway, "nato/officer")
    times: list[float] = []
    for _ in range(_POSTS):
        begun = time.perf_counter()
        answer = await caller.post(f"/v1/channels/{CHANNEL}/contacts", NOTE)
        times.append(time.perf_counter() - begun)
        assert answer.status == 201, answer.body
        await asyncio.sleep(0.01)
    return times


@pytest.mark.long
@pytest.mark.timeout(1200)
async def test_a_gateway_without_a_processor_never_blames_the_broker(
    house: House, session: aiohttp.ClientSession, rounds: Rounds, row: Row
) -> None:
    names = filled(house, rounds(4, 300))
    await asyncio.sleep(3.0)
    until = time.monotonic() + rounds(20, 60)
    while time.monotonic() < until:  # one part in thirty
        house.gateway.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(2.9)
        house.gateway.process.send_signal(signal.SIGCONT)
        await asyncio.sleep(0.1)
    row.rounds = 1
    await asyncio.sleep(10.0)
    times = await posted(house, session)
    await asyncio.sleep(2 * _QUIET_S)
    found = await blamed(house, names)
    assert all(causes in ([], ["gateway"]) for causes in found.values()), found
    await Inquest(house.broker.url, house.broker.keys).served(session, house.gateway)
    if rounds(0, 1):
        assert statistics.quantiles(times, n=100, method="inclusive")[98] <= _POST_S
