"""A station takes nothing as settled that no head covers, whatever the host shows it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from msgspec import Raw

from dragoman.audit import compare
from dragoman.client import ProblemResponse, Unreachable
from dragoman.domain.acts.log_policy import log_of
from dragoman.domain.record.codec import Record, parse_stored
from dragoman.eventlog import durable
from dragoman.eventlog.archive_format import Pinned
from dragoman.eventlog.event_log import LogBroken
from dragoman.eventlog.settled_copy import SettledCopy
from dragoman.projection.writer_messages import StoreDamaged
from dragoman.station import follower as following
from dragoman.station.copy_erasures import CopyErasures
from dragoman.station.copy_log import CopyLog, StagedFile
from dragoman.station.follower import CopyFollower
from dragoman.station.link import End, Head, LogMessage, StreamEvent
from dragoman.tlog import leaf, tiles
from dragoman_schemas.problems import Problem
from dragoman_schemas.responses import Entry
from dragoman_schemas.state import Registry
from heads import head_over
from patience import PATIENCE_S
from world import NOTE, World

N = "nato/o-1"


def world_of(notes: int) -> World:
    world = World()
    for _ in range(notes):
        world.open(N, NOTE)
    return world


def branch_of(world: World, size: int) -> list[bytes]:
    """Another branch: the same opening, and other records after it."""
    other = World()
    other.clock = world.clock
    while len(other.raws) < size:
        other.open("china/o-1", {**NOTE, "text": "Something else."})
    return [*other.raws]


class Line:
    """A host on a line: what it shows, event by event."""

    def __init__(self) -> None:
        self.raws: list[bytes] = []
        self.signed = 0
        self.is_cut = False
        self.connections = 0
        self.bulk = 0
        self._events: list[asyncio.Queue[list[StreamEvent] | None]] = []
        self.client = self
        self.true: Sequence[bytes] = ()
        self.spoils = False

    def show(self, raws: Sequence[bytes], signed: int | None = None) -> None:
        """Show another log from the next connection on."""
        self.raws, self.signed = [*raws], len(raws) if signed is None else signed

    def say(self, *events: StreamEvent) -> None:
        for queue in self._events:
            queue.put_nowait(list(events))

    def record(self, raw: bytes) -> None:
        """Record one more, which rings before its head."""
        self.raws.append(raw)
        self.say(LogMessage(len(self.raws), raw))

    def sign(self) -> None:
        self.signed = len(self.raws)
        self.say(Head(head_over(self.raws)), End(len(self.raws)))

    def cut(self) -> None:
        for queue in self._events:
            queue.put_nowait(None)
        self._events.clear()

    def _entry(self, position: int) -> Entry:
        return Entry(position=position, valid=True, commit="", record=Raw(self.raws[position - 1]))

    def refused(self) -> None:
        """Take no notice."""

    async def learn_time(self) -> None:
        if self.is_cut:
            raise Unreachable("nobody answers")

    async def checkpoint(self, _: str) -> bytes | None:
        return self._head() if self.signed else None

    def _head(self) -> bytes:
        """The head that is shown: of the records that are shown, or of the true ones."""
        return head_over([*(self.true or self.raws[: self.signed])])

    async def tile(self, _: str, path: str) -> bytes | None:
        tile = tiles.read_path(path)
        assert tile is not None
        raw = tiles.hashes(tile, compare.of_messages("", self.raws[: self.signed], None).nodes)
        return bytes([raw[0] ^ 1]) + raw[1:] if self.spoils else raw

    async def records(self, _: str, first: int = 1) -> AsyncIterator[list[Entry]]:
        self.bulk += 1
        for begin in range(first, len(self.raws) + 1, 100):
            await asyncio.sleep(0)
            yield [
                self._entry(position)
                for position in range(begin, min(begin + 100, len(self.raws) + 1))
            ]

    async def stream(self, _: str, after: int) -> AsyncGenerator[list[StreamEvent], None]:
        self.connections += 1
        if after > len(self.raws):  # a host waits for the position, and then refuses
            raise ProblemResponse(
                Problem(type="/problems/behind", title="", status=503, detail="Not folded yet.")
            )
        queue: asyncio.Queue[list[StreamEvent] | None] = asyncio.Queue()
        self._events.append(queue)
        missed: list[StreamEvent] = [
            LogMessage(position, self.raws[position - 1])
            for position in range(after + 1, len(self.raws) + 1)
        ]
        if missed:
            yield missed
        if self.signed:
            yield [Head(self._head())]
        yield [End(len(self.raws))]
        while (events := await queue.get()) is not None:
            yield events
        raise Unreachable("cut")


class Station:
    """A copy and its follower, on a line."""

    def __init__(self, folder: Path, world: World, line: Line) -> None:
        pinned = Pinned(cid=world.registry.cid, log=str(log_of(world.registry)))
        self.copy = CopyLog(
            "nato-china", SettledCopy(folder / "copy", pinned), folder / "copy.staged"
        )
        self.heads: list[bytes] = []
        self.faults: list[str] = []
        self.taken_back = 0
        self.copy.on_taken_back = self._note_taken_back
        self.follower = CopyFollower(
            line,  # type: ignore[arg-type]
            self.copy,
            head_taken=self._note_head,
            expect=lambda withhelds: None,
            convicted=lambda fault: self.faults.append(str(fault)),
        )
        self.task = asyncio.create_task(self.follower.run())

    async def _note_head(self, note: bytes) -> None:
        self.heads.append(note)

    def _note_taken_back(self) -> None:
        self.taken_back += 1

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not is_so():
                await asyncio.sleep(0.005)

    async def messages(self) -> list[bytes]:
        return [message.raw for message in await self.copy.read(1, 10_000)]

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        self.copy.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_LONGEST_PAUSE", 0.02)
    monkeypatch.setattr(following, "_SHORTEST_PAUSE", 0.01)


async def test_what_comes_after_a_connection_waits_for_a_head_over_all_of_it(
    tmp_path: Path,
) -> None:
    world, line = world_of(3), Line()
    line.show(world.raws, signed=0)
    station = Station(tmp_path, world, line)
    await station.until(lambda: line.connections == 1)
    await asyncio.sleep(0.05)
    assert station.copy.size == 0
    line.sign()
    await station.until(lambda: station.copy.settled_size == len(world.raws))
    assert await station.messages() == world.raws
    await station.close()


async def test_on_a_proven_line_a_record_rings_before_its_head(tmp_path: Path) -> None:
    world, line = world_of(3), Line()
    before = [*world.raws]
    line.show(before)
    station = Station(tmp_path, world, line)
    await station.until(lambda: station.copy.settled_size == len(before))
    world.open(N, NOTE)
    line.record(world.raws[-1])
    await station.until(lambda: station.copy.size == len(before) + 1)
    assert station.copy.settled_size == len(before)
    assert StagedFile(tmp_path / "copy.staged").after(len(before)) == [world.raws[-1]]
    line.sign()
    await station.until(lambda: station.copy.settled_size == len(world.raws))
    assert station.taken_back == 0
    await station.close()


async def test_what_rang_is_taken_back_if_its_head_is_of_others(tmp_path: Path) -> None:
    world, line = world_of(3), Line()
    before = [*world.raws]
    line.show(before)
    station = Station(tmp_path, world, line)
    await station.until(lambda: station.copy.settled_size == len(before))
    world.open(N, NOTE)
    line.record(world.raws[-1])
    await station.until(lambda: station.copy.size == len(before) + 1)

    other = [*before, _another(before)]
    line.show(other)
    line.sign()
    await station.until(lambda: station.taken_back == 1)
    assert station.copy.size == len(before)
    assert world.raws[-1] in (tmp_path / f"copy.taken-back-{len(before) + 1}").read_bytes()
    await station.until(lambda: bool(station.faults))
    await station.close()


def _another(before: list[bytes]) -> bytes:
    """A record that could follow, other than the one that did."""
    world = World()
    for raw in before[world.position :]:
        world.take(raw)
    world.open("china/o-1", {**NOTE, "text": "Not that one."})
    return world.raws[-1]


async def test_a_host_that_went_back_and_grew_again_is_convicted_and_nothing_is_taken(
    tmp_path: Path,
) -> None:
    world, line = world_of(6), Line()
    line.show(world.raws)
    station = Station(tmp_path, world, line)
    await station.until(lambda: station.copy.settled_size == len(world.raws))
    line.show(branch_of(world, len(world.raws) + 5))
    line.cut()
    await station.until(lambda: bool(station.faults))
    assert await station.messages() == world.raws
    assert list((tmp_path / "copy").glob("contradiction-*.note"))
    with pytest.raises(LogBroken, match="contradicts itself"):
        async for _ in station.copy.follow(lambda: station.copy.size + 1):
            pass
    await station.close()


async def test_a_host_that_forks_in_mid_connection_is_convicted_by_its_next_head(
    tmp_path: Path,
) -> None:
    world, line = world_of(4), Line()
    line.show(world.raws)
    station = Station(tmp_path, world, line)
    await station.until(lambda: station.copy.settled_size == len(world.raws))
    fork = branch_of(world, len(world.raws))
    line.say(Head(head_over(fork)))
    await station.until(lambda: bool(station.faults))
    assert await station.messages() == world.raws
    await station.close()


async def test_a_fold_of_what_was_taken_back_is_told_to_begin_anew(tmp_path: Path) -> None:
    world, line = world_of(3), Line()
    before = [*world.raws]
    line.show(before)
    station = Station(tmp_path, world, line)
    await station.until(lambda: station.copy.settled_size == len(before))
    position = len(before) + 1
    reading = station.copy.follow(lambda: position)
    assert await anext(reading) is None
    assert await anext(reading) == []
    world.open(N, NOTE)
    line.record(world.raws[-1])
    messages = await anext(reading)
    assert messages is not None and [message.raw for message in messages] == [world.raws[-1]]
    position += 1
    line.show([*before, _another(before)])
    line.sign()
    await station.until(lambda: station.taken_back == 1)
    with pytest.raises(StoreDamaged):
        await anext(reading)
    await station.close()


async def test_staged_records_outlive_a_restart_and_settle_after_it(tmp_path: Path) -> None:
    world, line = world_of(3), Line()
    before = [*world.raws]
    line.show(before)
    station = Station(tmp_path, world, line)
    await station.until(lambda: station.copy.settled_size == len(before))
    for _ in range(3):
        world.open(N, NOTE)
        line.record(world.raws[-1])
    await station.until(lambda: station.copy.size == len(world.raws))
    await station.close()
    again = Station(tmp_path, world, line)
    assert again.copy.size == len(world.raws) and again.copy.settled_size == len(before)
    line.sign()
    await again.until(lambda: again.copy.settled_size == len(world.raws))
    assert again.taken_back == 0
    await again.close()


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_staged_record_that_a_crash_left_half_written_is_cut_off(
    cut: int, tmp_path: Path
) -> None:
    path = tmp_path / "staged"
    file = StagedFile(path)
    file.begin(7)
    file.append([b"one", b"two two"])
    file.close()
    path.write_bytes(path.read_bytes()[:-cut])
    again = StagedFile(path)
    whole = [b"one"] if cut <= 11 else []
    assert again.after(7) == whole
    if not whole:
        again.begin(7)
    again.append([b"three"])
    again.close()
    assert StagedFile(path).after(7) == [*whole, b"three"]


@pytest.mark.parametrize("records", [700, 1_500, 5_000])
async def test_a_copy_that_is_far_behind_is_filled_in_bulk(records: int, tmp_path: Path) -> None:
    world, line = world_of(records), Line()
    line.show(world.raws)
    station = Station(tmp_path, world, line)
    await station.until(lambda: station.copy.settled_size == len(world.raws))
    assert line.bulk == 1
    assert await station.messages() == world.raws[:10_000]
    assert station.copy.settled.archive.sealed == head_over(world.raws)
    await station.close()


async def test_the_end_is_known_only_by_the_hosts_word(tmp_path: Path) -> None:
    world, line = world_of(3), Line()
    line.show(world.raws)
    station = Station(tmp_path, world, line)
    await station.until(lambda: station.copy.end.seen() is not None)
    first = station.copy.end.seen()
    line.is_cut = True
    line.cut()
    await asyncio.sleep(0.1)
    async for messages in station.copy.follow(lambda: station.copy.size + 1):
        if messages == []:
            break
    assert station.copy.end.seen() == first
    await station.close()


async def test_another_channel_under_the_name_is_not_taken(tmp_path: Path) -> None:
    world, line = world_of(3), Line()
    station = Station(tmp_path, world, line)
    line.show(_other_channel())
    line.cut()
    await station.until(lambda: bool(station.faults) or station.follower.hindrance is not None)
    assert station.copy.size == 0
    await station.close()


def _other_channel() -> list[bytes]:
    other = World()
    return [raw.replace(b"nato-china", b"nato-chinb") for raw in other.raws]


# The hostile hosts of tests/attacks, as the station meets them


def _swapped(raw: bytes) -> bytes:
    return raw.replace(b"Met the counterpart", b"Met no counterpart.")


async def test_other_bytes_under_the_right_head_are_not_taken(tmp_path: Path) -> None:
    world, line = world_of(4), Line()
    line.show([*world.raws[:-1], _swapped(world.raws[-1])])
    line.true = world.raws
    station = Station(tmp_path, world, line)
    await station.until(lambda: bool(station.faults))
    assert station.copy.size == 0
    await station.close()


async def test_a_record_that_nobody_erased_is_not_taken_as_its_entry(tmp_path: Path) -> None:
    world, line = world_of(4), Line()
    position = len(world.raws)
    entry = leaf.entry(position - 1, leaf.commit(world.raws[-1]))
    line.show([*world.raws[:-1], entry])
    line.true = world.raws
    station = Station(tmp_path, world, line)
    await station.until(lambda: bool(station.faults))
    assert station.copy.size == 0
    await station.close()


@dataclass
class Fold:
    """The fold of a log, as far as a test has it."""

    raws: list[bytes]
    registry: Registry
    is_channel: bool = True

    def record_at(self, position: int) -> Record | None:
        return parse_stored(self.raws[position - 1])


@pytest.mark.parametrize("last", ["the fold", "the head", "a start"])
async def test_what_all_sides_erased_leaves_the_copy_whatever_came_last(
    tmp_path: Path, last: str
) -> None:
    world, line = world_of(2), Line()
    exchange = world.open(N, {**NOTE, "text": "Seen off Zanzibar."})
    before, gone = world.registry, [*world.ledger.records_of(exchange)]
    records = [msgspec.to_builtins(record) for record in gone]
    world.attested({"act": "erasure", "records": records}, "nato/root", "china/root")
    size = len(world.raws)
    line.show(world.raws, signed=size - 1 if last == "the head" else size)
    station = Station(tmp_path, world, line)
    await station.until(lambda: station.copy.settled_size == line.signed)
    fold = Fold(world.raws, before if last == "the fold" else world.registry)
    erasures = CopyErasures(cast("Any", fold), station.copy)
    carrying_out = asyncio.create_task(erasures.run())
    archive = station.copy.settled.archive
    if last != "a start":
        await asyncio.sleep(0.05)
        assert not any(archive.is_erased(record.position) for record in gone)
        if last == "the fold":
            fold.registry = world.registry
            erasures.folded(cast("Any", SimpleNamespace(erased=gone)))
        else:
            line.sign()
            await station.until(lambda: station.copy.settled_size == size)
            erasures.settled()
    await station.until(lambda: all(archive.is_erased(record.position) for record in gone))
    assert b"Zanzibar" not in (tmp_path / "copy" / "records").read_bytes()
    carrying_out.cancel()
    await asyncio.gather(carrying_out, return_exceptions=True)
    await station.close()


async def test_a_tile_with_one_bit_changed_proves_nothing_and_is_said(tmp_path: Path) -> None:
    world, line = world_of(3_000), Line()
    line.show(world.raws)
    line.spoils = True
    station = Station(tmp_path, world, line)
    await station.until(lambda: station.follower.hindrance is not None)
    assert "proves nothing" in str(station.follower.hindrance)
    assert station.copy.size == 0 and not station.faults
    line.spoils = False
    await station.until(lambda: station.copy.settled_size == len(world.raws))
    await station.close()


async def test_a_head_that_leaps_ahead_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_AWAITED_SECONDS", 0.05)
    world, line = world_of(3), Line()
    line.show(world.raws)
    station = Station(tmp_path, world, line)
    await station.until(lambda: station.copy.settled_size == len(world.raws))
    head = Head(head_over([*world.raws, *branch_of(world, 40)]))
    line.say(head)
    await asyncio.sleep(0.1)
    line.say(head)
    await station.until(lambda: station.follower.hindrance is not None)
    assert "is signed, and the host gives" in str(station.follower.hindrance)
    assert await station.messages() == world.raws
    await station.close()


async def test_a_host_that_shows_an_old_state_is_said_at_once(tmp_path: Path) -> None:
    world, line = world_of(8), Line()
    line.show(world.raws)
    station = Station(tmp_path, world, line)
    await station.until(lambda: station.copy.settled_size == len(world.raws))
    line.show(world.raws[:-3])
    line.cut()
    await station.until(lambda: station.follower.hindrance is not None)
    assert "went back, or shows an old state" in str(station.follower.hindrance)
    assert await station.messages() == world.raws
    line.show(world.raws)
    line.cut()
    await station.until(lambda: station.follower.hindrance is None)
    assert not station.faults
    await station.close()


async def test_a_head_of_another_log_is_kept_and_convicts_nobody(tmp_path: Path) -> None:
    world, line = world_of(3), Line()
    line.show(world.raws)
    station = Station(tmp_path, world, line)
    await station.until(lambda: station.copy.settled_size == len(world.raws))
    foreign = head_over(world.raws).replace(b"\n\n", b"0\n\n", 1)
    line.say(Head(foreign))
    kept = tmp_path / "copy.foreign-head"
    await station.until(kept.exists)
    assert kept.read_bytes() == foreign and not station.faults
    await station.until(lambda: station.follower.hindrance is None)  # connected anew
    await station.close()


async def test_a_conviction_outlives_a_restart_until_its_head_is_put_away(tmp_path: Path) -> None:
    world, line = world_of(3), Line()
    line.show(world.raws)
    station = Station(tmp_path, world, line)
    await station.until(lambda: station.copy.settled_size == len(world.raws))
    line.say(Head(head_over(branch_of(world, len(world.raws)))))
    await station.until(lambda: bool(station.faults))
    await station.close()

    again = Station(tmp_path, world, line)
    (evidence,) = (tmp_path / "copy").glob("contradiction-*.note")
    assert again.copy.settled.conviction is not None
    await again.until(lambda: bool(again.faults))
    assert again.faults == station.faults and str(evidence) in again.faults[0]
    connections = line.connections
    await again.close()
    assert line.connections == connections, "nothing of a convicted host is followed"

    for path in (evidence, durable.sum_of(evidence)):
        path.rename(tmp_path / path.name)
    world.open(N, NOTE)
    line.show(world.raws)
    trusting = Station(tmp_path, world, line)
    await trusting.until(lambda: trusting.copy.settled_size == len(world.raws))
    await trusting.close()
