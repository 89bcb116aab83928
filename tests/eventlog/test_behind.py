"""A node that was cut off and is joined again: it answers as a leader, with an old log, until it
finds out.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cluster import REPLICAS, STREAM, Clients
from dragoman.eventlog.event_log import Appended, EntryToAppend, LogBroken, LogUnreachable
from dragoman.eventlog.high_water_mark import HighWaterMark
from dragoman.eventlog.jetstream import JetStreamLog
from dragoman.eventlog.nats_connection import NatsConnection, Read, unbroken
from dragoman.eventlog.stream_config import last_position
from dragoman.projection.projection import Projection
from dragoman.projection.store import Store
from patience import PATIENCE_S
from read_files import LOG
from records import note

pytestmark = pytest.mark.reads(*LOG)

RECORDS = 5
NOTHING = {"error": {"code": 404, "err_code": 10037, "description": "no message found"}}


class Behind:
    """A connection to such a node: while `last` is set, nothing beyond that position is read
    through it, nor what is in `lost`.
    """

    def __init__(self, bus: NatsConnection) -> None:
        self.last: int | None = None
        self.lost: set[int] = set()
        self.shown = 0
        self._bus = bus
        self._fetch, self._api = bus.fetch, bus.api
        bus.fetch = self.fetch  # type: ignore[method-assign]
        bus.api = self.api  # type: ignore[method-assign]

    def shows(self, position: int) -> bool:
        return self.last is None or (position <= self.last and position not in self.lost)

    async def fetch(self, stream: str, subjects: str, first: int, most: int) -> list[Read]:
        found = await self._fetch(stream, subjects, first, most)
        return [each for each in found if self.shows(int(each.header(b"Nats-Sequence")))]

    async def api(self, verb: str, body: Any = None) -> dict[str, Any]:
        if verb.startswith("STREAM.MSG.GET.") and not self.shows(body["seq"]):
            self.shown += 1
            return NOTHING
        return await self._api(verb, body)

    async def until_shown(self, times: int) -> None:
        """Wait until it has said so often that it has nothing there."""
        async with asyncio.timeout(PATIENCE_S):
            while self.shown < times:
                await asyncio.sleep(0.01)

    def joined_anew(self) -> None:
        """The connection was lost, and stands again."""
        self._bus.losses += 1


@pytest.fixture
async def bus(real_cluster: Clients) -> NatsConnection:
    return await real_cluster.bus()


@pytest.fixture
async def log(real_cluster: Clients, bus: NatsConnection) -> JetStreamLog:
    writing = await real_cluster.log()
    for number in range(1, RECORDS + 1):
        assert Appended(number) == await writing.append(
            [EntryToAppend(record=note(number), expected=0)]
        )
    return JetStreamLog("nato-china", bus, real_cluster.guard, replicas=REPLICAS)


@pytest.fixture
async def projection(log: JetStreamLog, store: Store) -> AsyncIterator[Projection]:
    """One that has folded the log, follows it, and walks through it."""
    projection = Projection(log, store)
    tasks = [asyncio.create_task(projection.run())]
    await asyncio.wait_for(projection.caught_up.wait(), PATIENCE_S)
    async with asyncio.timeout(PATIENCE_S):
        while projection.flushed < RECORDS:
            await asyncio.sleep(0.01)
    tasks.append(asyncio.create_task(projection.walk()))
    yield projection
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_gateway_that_has_folded_more_waits_until_the_node_finds_out(
    projection: Projection, bus: NatsConnection
) -> None:
    node = Behind(bus)
    node.last = 3
    node.joined_anew()
    await node.until_shown(3)
    assert projection.broken is None
    node.last, before = None, projection.checked
    async with asyncio.timeout(PATIENCE_S):
        while projection.checked == before:
            await asyncio.sleep(0.01)
    assert projection.broken is None
    assert projection.event_log is not None
    assert Appended(RECORDS + 1) == await projection.event_log.append(
        [EntryToAppend(record=note(RECORDS + 1), expected=0)]
    )


async def test_what_no_election_brings_back_is_lost_and_located(
    projection: Projection, bus: NatsConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragoman.eventlog.jetstream.ELECTION_SECONDS", 1.0)
    node = Behind(bus)
    node.last = 3
    node.joined_anew()
    async with asyncio.timeout(PATIENCE_S):
        while "position 4" not in str(projection.broken):
            await asyncio.sleep(0.05)
    assert "nothing where this gateway had folded a record from it" in str(projection.broken)


async def test_a_gap_is_a_hole_only_where_no_election_fills_it(
    log: JetStreamLog, bus: NatsConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = Behind(bus)
    node.last, node.lost = RECORDS, {2}
    reading = asyncio.create_task(log.read(1, 10))
    await node.until_shown(3)
    assert not reading.done()
    node.last = None
    assert [message.position for message in await reading] == [1, 2]
    monkeypatch.setattr("dragoman.eventlog.jetstream.ELECTION_SECONDS", 0.5)
    node.last = RECORDS
    with pytest.raises(LogBroken, match="position 2 of nato-china is missing: 3 follows"):
        await log.read(1, 10)


@pytest.mark.timeout(600)
async def test_a_node_that_knows_no_leader_is_not_asked_where_the_log_ends(
    real_cluster: Clients, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dragoman.eventlog.jetstream.ELECTION_SECONDS", 1.0)
    writing = await real_cluster.log()
    assert Appended(1) == await writing.append([EntryToAppend(record=note(1), expected=0)])
    mark = HighWaterMark(tmp_path / "mark.json")
    mark.note(
        2, note(2).raw
    )  # what the others had acknowledged when this node was parted from them
    lone, *others = real_cluster.cluster.running
    log = JetStreamLog(
        "nato-china",
        await real_cluster.bus(node=lone.name),
        real_cluster.guard,
        replicas=REPLICAS,
        mark=mark,
    )
    for node in others:
        node.kill()
    async with asyncio.timeout(PATIENCE_S):
        while lone.leader(STREAM):
            await asyncio.sleep(0.2)
    with pytest.raises(LogUnreachable, match="knows no leader"):
        await last_position(await real_cluster.bus("auditor", node=lone.name), "nato-china")
    following = log.follow(lambda: 2)
    opened = asyncio.ensure_future(anext(following))
    await asyncio.wait([opened], timeout=4)
    assert not opened.done(), "nothing is said of a log of which nobody leads"
    await asyncio.to_thread(real_cluster.cluster.start)
    with pytest.raises(LogBroken, match="ends at position 1, but 2 was known to be kept"):
        await asyncio.wait_for(opened, PATIENCE_S)


def test_a_page_that_lost_a_message_ends_before_it() -> None:
    page = [
        Read(b"NATS/1.0\r\nNats-Sequence: %d\r\nNats-Last-Sequence: %d\r\n\r\n" % each, b"")
        for each in ((3, 0), (5, 3), (6, 5))
    ]
    assert unbroken(page) == page
    assert unbroken([page[0], page[2]]) == page[:1]
    assert unbroken(page[1:]) == []
