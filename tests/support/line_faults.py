"""Faults of the lines and the machines of a host and its stations, and the audit after them."""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable
from typing import Final

from inquest import Inquest
from patience import PATIENCE_S
from premises import CHANNEL, Premises, StationProcess
from station_traffic import StationTraffic
from succession import Succession
from tally import Row
from tcp_wire import Trap

_HAND_IN: Final = f"POST /v1/channels/{CHANNEL}/acts".encode()

Host = Premises | Succession
Strike = Callable[[Host, random.Random], Awaitable[None]]


# Faults


def _chosen(premises: Host, dice: random.Random) -> StationProcess:
    return dice.choice(premises.stations)


async def cut_before_the_host_stored(premises: Host, dice: random.Random) -> None:
    wire = _chosen(premises, dice).wire
    trap = wire.set(Trap(_HAND_IN, keep=dice.randrange(1, 900)))
    assert await asyncio.to_thread(trap.sprung.wait, PATIENCE_S)


async def cut_after_the_host_stored(premises: Host, dice: random.Random) -> None:
    wire = _chosen(premises, dice).wire
    trap = wire.set(Trap(_HAND_IN, mute_s=dice.uniform(0.05, 0.5)))
    assert await asyncio.to_thread(trap.sprung.wait, PATIENCE_S)


async def cut(premises: Host, dice: random.Random) -> None:
    wire = _chosen(premises, dice).wire
    wire.cut()
    await asyncio.sleep(dice.uniform(0.2, 1.5))


async def cut_at_both_sides(premises: Host, dice: random.Random) -> None:
    for station in premises.stations:
        station.wire.cut()
    await asyncio.sleep(dice.uniform(0.2, 1.5))


async def half_open(premises: Host, dice: random.Random) -> None:
    _chosen(premises, dice).wire.silence()
    await asyncio.sleep(dice.uniform(0.2, 3.0))


async def answers_lost(premises: Host, dice: random.Random) -> None:
    _chosen(premises, dice).wire.cut_answers()
    await asyncio.sleep(dice.uniform(0.2, 3.0))


async def slow_and_narrow(premises: Host, dice: random.Random) -> None:
    _chosen(premises, dice).wire.slow(delay_s=dice.uniform(0.05, 0.3), bits_s=64_000)
    await asyncio.sleep(dice.uniform(1.0, 3.0))


async def host_killed(premises: Host, dice: random.Random) -> None:
    await asyncio.to_thread(premises.host.restart, signal.SIGKILL)


async def station_killed(premises: Host, dice: random.Random) -> None:
    await asyncio.to_thread(_chosen(premises, dice).restart, signal.SIGKILL)


async def station_killed_while_cut(premises: Host, dice: random.Random) -> None:
    station = _chosen(premises, dice)
    station.wire.cut()
    await asyncio.sleep(dice.uniform(0.1, 0.5))
    await asyncio.to_thread(station.restart, signal.SIGKILL)


FAULTS: Final[dict[str, Strike]] = {
    strike.__name__: strike
    for strike in (
        cut_before_the_host_stored,
        cut_after_the_host_stored,
        cut,
        cut_at_both_sides,
        half_open,
        answers_lost,
        slow_and_narrow,
        host_killed,
        station_killed,
        station_killed_while_cut,
    )
}


def mend(premises: Host) -> None:
    for station in premises.stations:
        station.wire.slow(delay_s=0.0, bits_s=0.0)
        station.wire.mend()


# The audit


async def emptied(premises: Host) -> None:
    """Wait until nothing is on its way any more."""
    async with asyncio.timeout(PATIENCE_S):
        for station in premises.stations:
            while await asyncio.to_thread(station.on_their_way):
                await asyncio.sleep(0.05)


async def audited(premises: Host, traffic: StationTraffic, row: Row) -> None:
    """Every post has an outcome, and the log and both copies bear it out."""
    await traffic.settle()
    await emptied(premises)
    row.acknowledged, row.unknown = len(traffic.acknowledged), traffic.doubted
    inquest = Inquest(premises.host.nats_url, premises.host.data / "keys")
    finding = await inquest.held(traffic)
    row.found(finding)
    for station in premises.stations:
        digest = await inquest.digest_at(traffic.session, station, finding.position)
        assert digest == finding.digests[0], station.actor
        await inquest.served(traffic.session, station)
        entries = station.line()["entries"]
        returned = {entry["id"] for entry in entries if entry["state"] == "returned"}
        assert not returned & {record.envelope.id for record, _ in inquest.stored}
    await asyncio.to_thread(premises.audit)
