"""Openings under load: together, some batches beside each other, and each poster with its own
outcome.
"""

import asyncio
from collections.abc import Sequence

import pytest

from dragoman.eventlog.event_log import (
    AlreadyAppended,
    Appended,
    Conflict,
    EntryToAppend,
    Outcome,
    Unavailable,
    Unknown,
)
from dragoman.eventlog.group_commit import GroupCommitLog
from dragoman.eventlog.memory import MemoryLog
from dragoman.limits import COALESCE_BATCHES, COALESCE_BESIDE, COALESCE_FROM, COALESCE_SLOW_S
from dragoman.text import verbatim
from records import note


class Gated(MemoryLog):
    """A log whose appends wait until they are let through, in any order."""

    def __init__(self, channel: str) -> None:
        super().__init__(channel)
        self.asked: list[tuple[Sequence[EntryToAppend], asyncio.Event]] = []

    async def append(self, entries: Sequence[EntryToAppend]) -> Outcome:
        assert entries
        self.asked.append((entries, asyncio.Event()))
        await self.asked[-1][1].wait()
        return await super().append(entries)

    @property
    def batches(self) -> list[int]:
        return [len(entries) for entries, _ in self.asked if len(entries) > 1]


@pytest.fixture
async def log() -> Gated:
    return Gated("nato-china")


def posted(log: GroupCommitLog, first: int, last: int) -> list[asyncio.Task[Outcome]]:
    return [
        asyncio.create_task(log.append([EntryToAppend(record=note(n), expected=0)]))
        for n in range(first, last + 1)
    ]


async def some_turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_batches_go_beside_each_other_where_enough_wait_and_no_more_than_a_few(
    log: Gated,
) -> None:
    together = GroupCommitLog(log)
    waiting = posted(together, 1, COALESCE_FROM)
    await some_turns()
    assert len(log.asked) == COALESCE_FROM  # the last of them a batch of one
    for number in range(1, COALESCE_BATCHES + 3):
        begun = COALESCE_FROM + (number - 1) * COALESCE_BESIDE
        waiting += posted(together, begun + 1, begun + COALESCE_BESIDE)
        await some_turns()
        assert log.batches == [COALESCE_BESIDE] * min(number, COALESCE_BATCHES - 1)
    for _, gate in log.asked:
        gate.set()
    await some_turns()
    for _, gate in log.asked:
        gate.set()
    assert all(isinstance(outcome, Appended) for outcome in await asyncio.gather(*waiting))
    assert log.batches[COALESCE_BATCHES - 1 :] == [3 * COALESCE_BESIDE]


async def test_on_a_slow_disk_the_second_opening_already_shares_its_sync(log: Gated) -> None:
    together = GroupCommitLog(log)
    slow = posted(together, 1, 1)
    await asyncio.sleep(2 * COALESCE_SLOW_S)
    log.asked[0][1].set()
    await asyncio.gather(*slow)
    waiting = posted(together, 2, 9)
    await some_turns()
    assert [len(entries) for entries, _ in log.asked] == [1, 1, 7]
    for _, gate in log.asked:
        gate.set()
    assert all(isinstance(outcome, Appended) for outcome in await asyncio.gather(*waiting))


async def test_fewer_wait_for_the_batch_that_is_on_its_way(log: Gated) -> None:
    together = GroupCommitLog(log)
    waiting = posted(together, 1, COALESCE_FROM)
    await some_turns()
    waiting += posted(together, 101, 100 + COALESCE_BESIDE - 1)
    await some_turns()
    assert log.batches == []
    while not all(task.done() for task in waiting):
        for _, gate in log.asked:
            gate.set()
        await some_turns()
    assert log.batches == [COALESCE_BESIDE - 1]


async def test_each_poster_has_its_own_outcome_in_whatever_order_batches_are_kept(
    log: Gated,
) -> None:
    together = GroupCommitLog(log)
    waiting = posted(together, 1, COALESCE_FROM - 1)
    for first in (100, 200, 300):
        waiting += posted(together, first, first + COALESCE_BESIDE - 1)
        await some_turns()
    again = posted(together, 210, 210)  # the same post, while its first try is on its way
    await some_turns()
    while not all(task.done() for task in (*waiting, *again)):
        for _, gate in reversed(log.asked):
            gate.set()
            await some_turns()
    outcomes = [task.result() for task in waiting]
    assert sorted(
        outcome.position for outcome in outcomes if isinstance(outcome, Appended)
    ) == list(range(1, len(waiting) + 1))
    stood = {message.raw: message.position for message in await log.read(1, 1000)}
    numbers = [
        *range(1, COALESCE_FROM),
        *(first + n for first in (100, 200, 300) for n in range(COALESCE_BESIDE)),
    ]
    assert outcomes == [Appended(stood[note(n).raw]) for n in numbers]
    assert again[0].result() == AlreadyAppended(stood[note(210).raw])


async def test_what_is_refused_of_one_side_is_sorted_out_among_its_own(log: Gated) -> None:
    together = GroupCommitLog(log)
    stored = posted(together, 1, COALESCE_FROM - 1)
    theirs = [
        asyncio.create_task(
            together.append([EntryToAppend(record=note(n, side="china"), expected=0)])
        )
        for n in (1, *range(500, 509))
    ]
    await some_turns()
    ours = posted(together, 900, 909)
    await some_turns()
    for entries, gate in log.asked:
        if {entry.record.side for entry in entries} == {"nato"}:
            gate.set()
    await asyncio.wait(ours, timeout=1.0)
    assert all(task.done() for task in (*stored, *ours)), "their batch has not even been answered"
    assert [
        {entry.record.side for entry in entries} for entries, _ in log.asked if len(entries) > 1
    ] == [{"china"}, {"nato"}]
    while not all(task.done() for task in theirs):
        for _, gate in log.asked:
            gate.set()
        await some_turns()
    assert [type(task.result()) for task in theirs] == [Conflict, *[Appended] * 9]


async def test_when_we_are_stopped_nobody_waits_for_ever(log: Gated) -> None:
    together = GroupCommitLog(log)
    waiting = posted(together, 1, COALESCE_FROM + 10)
    await some_turns()
    for batch in together._sides["nato"].committing:
        batch.cancel()
    _, pending = await asyncio.wait(waiting[COALESCE_FROM - 1 :], timeout=1.0)
    assert not pending
    for task in waiting:
        task.cancel()


class Silent(MemoryLog):
    """A log that rejects a batch once, and then falls silent."""

    def __init__(self, channel: str) -> None:
        super().__init__(channel)
        self.asked: list[int] = []

    async def append(self, entries: Sequence[EntryToAppend]) -> Outcome:
        self.asked.append(len(entries))
        await asyncio.sleep(0)
        if len(entries) == 1:
            return await super().append(entries)
        return (
            Conflict(1)
            if len(self.asked) == COALESCE_FROM
            else Unknown(verbatim("the broker did not answer in time"))
        )


async def test_where_the_log_falls_silent_over_one_half_the_other_is_not_tried() -> None:
    log = Silent("nato-china")
    together = GroupCommitLog(log)
    waiting = posted(together, 1, COALESCE_FROM + 7)
    outcomes = await asyncio.gather(*waiting)
    assert log.asked[COALESCE_FROM - 1 :] == [8, 4]
    assert [type(outcome) for outcome in outcomes[COALESCE_FROM - 1 :]] == [Unknown] * 4 + [
        Unavailable
    ] * 4
