"""The tail of a connection: who is woken, by what, and when the end of a log counts as seen."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from brokers import RealBroker
from dragoman.eventlog import stream_config, tail
from dragoman.eventlog.event_log import Appended, EntryToAppend, LogUnreachable
from dragoman.eventlog.jetstream import JetStreamLog
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.text import sentence
from patience import PATIENCE_S
from records import note


class Following:
    """A follower of a log, in a task: the positions that it has read."""

    def __init__(self, log: JetStreamLog) -> None:
        self.log = log
        self.position = 0
        self.ends = 0
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async for messages in self.log.follow(lambda: self.position + 1):
            self.position += len(messages or ())
            self.ends += messages == []

    async def reaches(self, position: int) -> None:
        """Wait until it has read that position and found the end."""
        async with asyncio.timeout(PATIENCE_S):
            while self.position < position or not self.ends:
                self.task.done() and self.task.result()
                await asyncio.sleep(0.01)


@pytest.fixture
async def bus(real_broker: RealBroker) -> NatsConnection:
    return await real_broker.bus()


@pytest.fixture
async def following(real_broker: RealBroker, bus: NatsConnection) -> AsyncIterator[list[Following]]:
    """Two followers on one connection, each of a channel of its own that has a record."""
    made: list[Following] = []
    for channel in ("nato-china", "quiet"):
        writing = await real_broker.log(channel)
        if channel == "nato-china":
            assert Appended(1) == await writing.append([EntryToAppend(record=note(1), expected=0)])
        made.append(Following(JetStreamLog(channel, bus)))
    await made[0].reaches(1)
    await made[1].reaches(0)
    yield made
    for each in made:
        each.task.cancel()
    await asyncio.gather(*(each.task for each in made), return_exceptions=True)


async def test_followers_share_one_subscription_and_a_silent_one_reads_nothing(
    real_broker: RealBroker,
    bus: NatsConnection,
    following: list[Following],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert len(bus.client.listeners) == 1
    reads: list[str] = []
    fetch = bus.fetch

    async def counted(stream: str, *query: Any) -> Any:
        reads.append(stream)
        return await fetch(stream, *query)

    monkeypatch.setattr(bus, "fetch", counted)
    writing = await real_broker.log()
    assert Appended(2) == await writing.append([EntryToAppend(record=note(2), expected=0)])
    await following[0].reaches(2)
    await asyncio.sleep(2.5)
    assert "DRAGOMAN_LOG_QUIET" not in reads
    assert len(bus.client.listeners) == 1


def lose_nudges(bus: NatsConnection) -> None:
    """Lose each message that would wake a follower."""
    for number in bus.client.listeners:
        bus.client.listeners[number] = lambda *_: None


async def test_a_lost_nudge_is_repaired_by_the_next_list(
    real_broker: RealBroker, bus: NatsConnection, following: list[Following]
) -> None:
    lose_nudges(bus)
    writing = await real_broker.log()
    assert Appended(2) == await writing.append([EntryToAppend(record=note(2), expected=0)])
    begun = asyncio.get_running_loop().time()
    await following[0].reaches(2)
    assert asyncio.get_running_loop().time() - begun < PATIENCE_S / 2


async def test_the_end_of_a_silent_log_is_seen_again_and_again_until_the_broker_is_silent(
    real_broker: RealBroker, following: list[Following]
) -> None:
    loop = asyncio.get_running_loop()
    seen = following[1].log.end.seen()
    async with asyncio.timeout(PATIENCE_S):
        while seen is None or (following[1].log.end.seen() or 0.0) <= seen + 2.0:
            seen = following[1].log.end.seen() if seen is None else seen
            await asyncio.sleep(0.05)
    process = real_broker.supervisor.process
    assert process is not None
    process.send_signal(19)
    try:
        await asyncio.sleep(3.0)
        stopped = following[1].log.end.seen()
        assert stopped is not None
        assert stopped < loop.time() - 1.5, "silence looks like calm"
    finally:
        process.send_signal(18)


async def test_a_stream_that_the_list_lacks_is_asked_for_itself_and_not_taken_for_lost(
    bus: NatsConnection, following: list[Following], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = bus.list_page

    async def incomplete(body: object) -> dict[str, Any]:
        answer = await listed(body)
        return {**answer, "streams": answer["streams"][:1], "missing": ["DRAGOMAN_LOG_QUIET"]}

    asked: list[str] = []
    api = bus.api

    async def counted(verb: str, body: object | None = None) -> dict[str, Any]:
        asked.append(verb)
        return await api(verb, body)

    monkeypatch.setattr(bus, "list_page", incomplete)
    monkeypatch.setattr(bus, "api", counted)
    async with asyncio.timeout(PATIENCE_S):
        while asked.count("STREAM.INFO.DRAGOMAN_LOG_QUIET") < 2:
            await asyncio.sleep(0.05)
    assert not any(each.task.done() for each in following)


async def test_a_broker_that_permits_no_list_is_asked_for_each_stream(
    real_broker: RealBroker,
    bus: NatsConnection,
    following: list[Following],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refused(_: object) -> dict[str, Any]:
        raise LogUnreachable(sentence("no answer"))

    monkeypatch.setattr(bus, "list_page", refused)
    lose_nudges(bus)
    writing = await real_broker.log()
    assert Appended(2) == await writing.append([EntryToAppend(record=note(2), expected=0)])
    await following[0].reaches(2)


async def test_a_channel_that_turns_up_is_told_of(
    real_broker: RealBroker, bus: NatsConnection, following: list[Following]
) -> None:
    tail.tail_of(bus).news.clear()
    waiting = asyncio.create_task(tail.news(bus, PATIENCE_S))
    await asyncio.sleep(0.05)
    await stream_config.create(await real_broker.bus("steward"), "third")
    assert "third" in await asyncio.wait_for(waiting, PATIENCE_S)


def test_a_round_grows_with_the_number_of_channels_up_to_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = tail.LogTail(NatsConnection("gateway"))
    lengths = []
    for count in (0, 50, 200, 500, 5000):
        made._followers = {str(number).encode(): set() for number in range(count)}
        lengths.append(made.round_seconds)
    assert lengths == [1.0, 1.0, 4.0, 10.0, 10.0]
