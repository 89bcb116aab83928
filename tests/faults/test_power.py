"""The power cut under the broker: its disk is copied while it stands still, and what the kernel had
not written is gone.

The copy is mounted, which replays its journal, and a new broker is started on it. Its log is read
to the end and replayed, and where all is known to have been acknowledged its digest is that of what
was. The negative control runs the same harness with the broker's default `sync_interval` of two
minutes and must lose what was acknowledged. A gateway refuses such a broker, so the control appends
through a `JetStreamLog` whose guard is told that the proof was given.
"""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

import disks
from disks import Disk
from dragoman.audit.replay import Replay, replayed
from dragoman.domain.record.codec import Record, parse
from dragoman.eventlog import stream_config
from dragoman.eventlog.durability_guard import DurabilityGuard
from dragoman.eventlog.event_log import Appended, EntryToAppend, LogBroken
from dragoman.eventlog.group_commit import GroupCommitLog
from dragoman.eventlog.jetstream import JetStreamLog
from dragoman.eventlog.nats_connection import connected
from dragoman.limits import READ_RECORDS
from house import CHANNEL, Broker, Gateway, House
from inquest import Inquest
from patience import PATIENCE_S
from read_files import GATEWAY
from tally import Rounds, Row
from traffic import Traffic
from world import NOTE, World

pytestmark = pytest.mark.reads(*GATEWAY)

_DISK = 96 * 1024 * 1024
_CUTS_A_DISK = 20
_WRITERS = 40
_TEXT = "Met the counterpart at the reception; proposes talks. " * 4


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disks.require()
    with Disk(tmp_path / "disk.img", _DISK) as disk:
        yield disk


class Writers:
    """A channel's officers at one broker, and what is known to be kept: position by position."""

    def __init__(self, log: GroupCommitLog) -> None:
        self.kept: dict[int, bytes] = {}
        self.unknown = 0
        self._log = log
        self._world = World()
        self._fold = Replay()
        self._writing = False

    async def open(self) -> None:
        """Open the channel, and enter its officers."""
        for position, raw in enumerate(self._world.raws, 1):
            entry = EntryToAppend(record=parse(raw), expected=position - 1, first=position == 1)
            assert Appended(position) == await self._log.append([entry])
            self.kept[position] = raw

    @asynccontextmanager
    async def writing(self, dice: random.Random) -> AsyncIterator[None]:
        """Write meanwhile: some so many at once that they are committed together, some one by one."""
        self._writing = True
        async with asyncio.TaskGroup() as group:
            for _ in range(_WRITERS):
                group.create_task(self._write(dice.uniform(0.0, 0.02)))
            try:
                yield
            finally:
                self._writing = False

    async def _write(self, pause: float) -> None:
        while self._writing:
            record = self._world.decide("nato/o-1", {**NOTE, "text": _TEXT})
            assert isinstance(record, Record), record
            outcome = await self._log.append([EntryToAppend(record=record, expected=0)])
            if isinstance(outcome, Appended):
                self.kept[outcome.position] = record.raw
            else:
                self.unknown += 1
            await asyncio.sleep(pause)

    def standing(self, kept: dict[int, bytes]) -> tuple[int, str]:
        """Up to where each position is among those kept, and the digest of a replay up to there.
        Never less than before.
        """
        while (raw := kept.get(self._fold.standing.state.position + 1)) is not None:
            self._fold.take([raw])
        return self._fold.standing.state.position, self._fold.standing.digest


class Told(DurabilityGuard):
    """A guard that is told that the proof was given."""

    @property
    def reason(self) -> None:
        return None


@asynccontextmanager
async def log_at(broker: Broker) -> AsyncIterator[JetStreamLog]:
    """The channel's log at a broker, whatever that broker says of its syncing."""
    async with connected(broker.url, "steward", broker.keys / "nats-steward.nk") as steward:
        await stream_config.create(steward, CHANNEL)
    async with (
        connected(broker.url, "warden", broker.keys / "nats-warden.nk") as warden,
        connected(broker.url, "gateway", broker.keys / "nats-gateway.nk") as bus,
    ):
        yield JetStreamLog(CHANNEL, bus, Told(warden))


async def stood(broker: Broker) -> dict[int, bytes]:
    """Return the messages of a broker by position, up to the first hole."""
    found: dict[int, bytes] = {}
    async with log_at(broker) as log:
        try:
            while messages := await log.read(len(found) + 1, READ_RECORDS):
                found |= {message.position: message.raw for message in messages}
        except LogBroken:
            pass
    return found


async def cut(
    disk: Disk, broker: Broker, writers: Writers, image: Path
) -> tuple[dict[int, bytes], dict[int, bytes]]:
    """Cut the power: what had been acknowledged by then, and what a new broker finds on the copy."""
    broker.stand_still()
    try:
        await asyncio.sleep(0.01)  # answers that are on their way count as given
        kept = dict(writers.kept)
        copy = await asyncio.to_thread(Disk.cut, disk, image)
    finally:
        broker.go_on()
    with copy, await asyncio.to_thread(Broker, copy.path) as survivor:
        return kept, await stood(survivor)


@pytest.mark.timeout(3600)
async def test_a_power_cut_under_the_broker_loses_nothing(
    tmp_path: Path, dice: random.Random, rounds: Rounds, row: Row
) -> None:
    disks.require()
    most = rounds(3, 120)
    while row.rounds < most:
        with Disk(tmp_path / "disk.img", _DISK) as disk:
            await cut_often(
                disk, tmp_path / "copy.img", dice, row, min(_CUTS_A_DISK, most - row.rounds)
            )
        assert (row.lost, row.doubled, row.holes, row.digests) == (0, 0, 0, row.rounds)


@pytest.mark.timeout(600)
async def test_the_same_cut_under_the_default_sync_interval_loses_what_was_acknowledged(
    tmp_path: Path, dice: random.Random, rounds: Rounds, row: Row
) -> None:
    disks.require()
    while row.rounds < rounds(1, 10):
        before = row.lost
        with Disk(tmp_path / "disk.img", _DISK) as disk:
            await cut_often(disk, tmp_path / "copy.img", dice, row, 1, sync="2m")
        assert row.lost > before
        assert row.digests == 0


async def cut_often(
    disk: Disk, image: Path, dice: random.Random, row: Row, times: int, *, sync: str = "always"
) -> None:
    """Cut the power under a broker on that disk, so many times, while it is written to; what is
    found is replayed each time.
    """
    with Broker(disk.path, sync=sync) as broker:
        async with log_at(broker) as log:
            writers = Writers(GroupCommitLog(log))
            await writers.open()
            for _ in range(times):
                known = len(writers.kept)
                async with writers.writing(dice), asyncio.timeout(PATIENCE_S):
                    await asyncio.sleep(dice.uniform(0.15, 0.5))
                    while len(writers.kept) == known:  # a busy machine has acknowledged nothing yet
                        await asyncio.sleep(0.01)
                    kept, found = await cut(disk, broker, writers, image)
                row.rounds += 1
                row.lost += sum(found.get(position) != raw for position, raw in kept.items())
                row.doubled += len(found) - len(set(found.values()))
                audit(found, *writers.standing(kept), row)
            row.acknowledged += len(writers.kept)
            row.unknown += writers.unknown


def audit(found: dict[int, bytes], last: int, digest: str, row: Row) -> None:
    """Replay all that was found: its digest at that position is that of what was acknowledged, and
    every record is valid.
    """
    whole = [raw for _, raw in sorted(found.items())]
    fold = replayed(whole, last)
    row.digests += (last, digest) == (fold.standing.state.position, fold.standing.digest)
    fold.take(whole[last:])
    row.holes += len(found) != max(found, default=0)
    assert not fold.void


@pytest.mark.timeout(900)
async def test_a_power_cut_under_a_whole_house_loses_and_doubles_nothing(
    disk: Disk,
    tmp_path: Path,
    session: aiohttp.ClientSession,
    dice: random.Random,
    rounds: Rounds,
    row: Row,
) -> None:
    with House(disk.path) as house:
        traffic = Traffic(session, house.gateway, dice)
        for row.rounds in range(1, rounds(1, 15) + 1):
            async with traffic.flowing():
                await asyncio.sleep(dice.uniform(0.3, 0.8))
                house.gateway.process.send_signal(signal.SIGSTOP)
                house.broker.stand_still()
                cut_off = traffic.so_far()
                copy = await asyncio.to_thread(Disk.cut, disk, tmp_path / "copy.img")
                house.broker.go_on()
                house.gateway.process.send_signal(signal.SIGCONT)
            await traffic.settle()
            with (
                copy,
                Broker(copy.path) as broker,
                Gateway(copy.path, broker.url, broker.keys, "--take-over") as gateway,
            ):
                gateway.tokens = house.gateway.tokens
                cut_off.service = gateway
                await cut_off.settle()
                await cut_off.ask_again(5)
                row.acknowledged += len(cut_off.acknowledged)
                row.unknown += cut_off.doubted
                row.found(await Inquest(broker.url, broker.keys).held(cut_off))
