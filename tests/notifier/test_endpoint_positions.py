"""Positions of endpoints: each record that one wants reaches it, whatever happens between."""

import random
from typing import Any, cast

import msgspec
import pytest

from dragoman.notifier import endpoint_positions
from dragoman.notifier.endpoint_positions import EndpointPositions
from dragoman.notifier.selection import RecordFacts, RecordFilter, filter_of
from dragoman.projection.stored_row import StoredRow
from dragoman.stores.endpoints import NotificationEndpoint, NotificationEndpoints, Progress
from dragoman.stores.key_value import Bucket

ACTS = ("contact-note", "hazardous-incident", "meeting-request")


class Truth:
    """A bucket's newest values, each with its revision."""

    def __init__(self) -> None:
        self.values: dict[str, tuple[bytes, int]] = {}
        self.written = 0


class Copy:
    """A process's copy of a bucket, with what the store asks of one."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.values: dict[str, bytes] = {}
        self.revisions: dict[str, int] = {}
        self.listeners: list[Any] = []

    async def put(self, key: str, value: object, _revision: int | None = None) -> None:
        self.truth.written += 1
        self.truth.values[key] = msgspec.json.encode(value), self.truth.written
        self._take(key)

    async def refresh(self) -> None:
        for key, (_, revision) in self.truth.values.items():
            if revision > self.revisions.get(key, 0):
                self._take(key)

    def _take(self, key: str) -> None:
        self.values[key], self.revisions[key] = self.truth.values[key]
        for listener in self.listeners:
            listener(key)


def store_of(truth: Truth) -> NotificationEndpoints:
    return NotificationEndpoints(cast(Bucket, Copy(truth)))


def endpoint_of(number: int, chance: random.Random) -> NotificationEndpoint:
    return NotificationEndpoint(
        id=f"e{number}",
        cid="c",
        side=chance.choice(("nato", "china")),
        means="webhook",
        target="https://example.org/hook",
        acts=tuple(chance.sample(ACTS, chance.randint(0, 2))),
        precedence=chance.choice(("", "flash")),
    )


def facts(chance: random.Random) -> RecordFacts | None:
    if chance.random() < 0.1:
        return None
    return RecordFacts(
        act=chance.choice(ACTS),
        family="contact",
        side=chance.choice(("nato", "china")),
        precedence=chance.choice(("flash", "routine")),
    )


class Log:
    """A log, and the positions of the endpoints as one notifier keeps them."""

    def __init__(self) -> None:
        self.truth = Truth()
        self.gateway = store_of(self.truth)
        self.records: list[RecordFacts | None] = [None]
        self.sent: dict[str, list[int]] = {}

    async def begin(self) -> None:
        """Start the notifier anew."""
        self.store = store_of(self.truth)
        self.positions = EndpointPositions(self.store, "c")
        await self.store.refresh()

    def append(self, chance: random.Random, monkeypatch: pytest.MonkeyPatch) -> None:
        self.records.append(facts(chance))
        newest = self.records[-1]
        monkeypatch.setattr(endpoint_positions, "facts_of", lambda _: newest)
        row = type("Row", (), {"folded": type("Folded", (), {"position": len(self.records)})})
        if self.store.has_endpoints("c"):
            self.positions.add(cast(StoredRow, row))

    async def look(self, chance: random.Random) -> None:
        """Take what is new, serve some of the endpoints that are behind, move the mark."""
        if chance.random() < 0.7:
            await self.store.refresh()
        self.positions.take(len(self.records))
        for id in sorted(self.positions.behind):
            if chance.random() < 0.7:
                await self.serve(id, chance.randint(1, len(self.records)))
        mark = self.positions.next_mark()
        if mark is not None:
            await self.store.move_mark("c", mark)

    async def serve(self, id: str, upto: int) -> None:
        """Send to an endpoint what is for it after its position, as a round does."""
        endpoint = self.store.find(id)
        assert endpoint is not None
        progress, revision = self.store.progress(id)
        number = self.positions.of(id, progress.upto)
        upto = max(number, upto)
        found = [
            place
            for place, record in enumerate(self.records[:upto], 1)
            if place > number and record is not None and filter_of(endpoint).takes(record)
        ]
        self.sent.setdefault(id, []).extend(found)
        if found:
            await self.store.keep(id, Progress(upto=upto), revision)
        self.positions.move(id, upto)


@pytest.mark.parametrize("seed", range(40))
async def test_each_endpoint_is_sent_each_record_that_it_wants_once(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint_positions, "_MARKED", 5)
    chance, log, since = random.Random(seed), Log(), dict[str, int]()
    await log.begin()
    for number in range(400):
        event = chance.random()
        if event < 0.08:
            endpoint = endpoint_of(number, chance)
            since[endpoint.id] = len(log.records)
            await log.gateway.add(endpoint, upto=len(log.records))
        elif event < 0.12:
            await log.begin()
        elif event < 0.4:
            await log.look(chance)
        else:
            log.append(chance, monkeypatch)
    await log.begin()
    log.positions.take(len(log.records))
    for id in sorted(log.positions.behind):
        await log.serve(id, len(log.records))
    for id, first in since.items():
        wanted = log.store.find(id)
        assert wanted is not None
        assert log.sent.get(id, []) == [
            place
            for place, record in enumerate(log.records, 1)
            if place > first and record is not None and filter_of(wanted).takes(record)
        ]


async def test_ten_thousand_endpoints_of_one_filter_cost_one_question_a_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log, chance = Log(), random.Random(1)
    for number in range(10_000):
        endpoint = NotificationEndpoint(
            id=f"e{number}",
            cid="c",
            side="china",
            means="webhook",
            target="https://example.org/hook",
            acts=("line-check",),
        )
        await log.gateway.add(endpoint, upto=1)
    await log.begin()
    log.positions.take(1)
    for id in list(log.positions.behind):
        log.positions.move(id, 1)
    asked: list[RecordFilter] = []
    takes = RecordFilter.takes

    def counted(each: RecordFilter, facts: RecordFacts) -> bool:
        asked.append(each)
        return takes(each, facts)

    monkeypatch.setattr(RecordFilter, "takes", counted)
    for _ in range(20):
        log.append(chance, monkeypatch)
    assert log.positions.take(21) == set()
    assert len(asked) == sum(record is not None for record in log.records[1:])
