"""Supervision: a task that fails is run again, later each time, and what depends on it is told once
it works.
"""

import asyncio
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from dragoman import supervision
from dragoman.supervision import (
    RETRY_FIRST_SECONDS,
    RETRY_LONGEST_SECONDS,
    Backoff,
    background_tasks,
    supervise,
)
from patience import PATIENCE_S


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that only waiting moves; what was waited."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(supervision, "_clock", lambda: 1_000 + sum(waits))
    monkeypatch.setattr("dragoman.supervision.asyncio.sleep", sleep)
    return waits


async def test_the_waits_are_doubled_up_to_a_minute_for_as_long_as_it_fails(
    waited: list[float],
) -> None:
    failures = [ValueError(str(number)) for number in range(9)]
    told: list[str] = []

    async def work(_: Callable[[], None]) -> None:
        if failures:
            raise failures.pop()

    with capture_logs() as said:
        await supervise(
            "fold",
            work,
            failed=lambda *each: told.append("failed"),
            recovered=lambda _: told.append("recovered"),
            channel="x",
        )
    assert waited == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert told == ["failed"] * 9 + ["recovered"]
    alarms = [line for line in said if line["log_level"] == "critical"]
    assert len(alarms) == 9 and all(
        (line["event"], line["task"], line["channel"]) == ("task.failed", "fold", "x")
        for line in alarms
    )
    assert said[-1]["event"] == "task.recovered"


async def test_a_task_is_said_to_work_by_itself_and_only_once(waited: list[float]) -> None:
    told: list[str] = []
    runs = 0

    async def work(working: Callable[[], None]) -> None:
        nonlocal runs
        runs += 1
        if runs == 2:
            raise KeyError
        working()
        working()
        if runs == 1:
            raise KeyError

    await supervise(
        "fold",
        work,
        failed=lambda *_: told.append("failed"),
        recovered=lambda _: told.append("recovered"),
    )
    assert told == ["failed", "failed", "recovered"]


async def test_a_task_that_worked_for_long_is_tried_again_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1_000.0
    monkeypatch.setattr(supervision, "_clock", lambda: now)
    backoff = Backoff()
    assert [backoff.failed() for _ in range(3)] == [RETRY_FIRST_SECONDS, 2, 4]
    assert not backoff.due
    now += 4
    assert backoff.due
    assert backoff.worked() and not backoff.worked()
    assert backoff.failed() == 8, "one that works for a moment is no better than one that fails"
    now += 8 + RETRY_LONGEST_SECONDS + 1
    assert backoff.failed() == RETRY_FIRST_SECONDS


async def test_one_who_stops_a_task_stops_it(waited: list[float]) -> None:
    async def work(_: Callable[[], None]) -> None:
        await asyncio.Event().wait()

    task = asyncio.ensure_future(supervise("fold", work))
    await asyncio.wait([task], timeout=0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert waited == []


async def test_a_task_that_swallows_a_cancellation_is_cancelled_again_also_by_one_who_is_cancelled() -> (
    None
):
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed == 3:
                    raise

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    ending = asyncio.create_task(supervision.cancel_until_ended([task]))
    await asyncio.sleep(0)
    ending.cancel()
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.wait([ending])
    assert ending.cancelled() and task.cancelled()


async def test_a_context_ends_though_a_task_ended_in_the_same_turn_of_the_loop() -> None:
    """Its callback has not been called then, and waiting for the task gives way to nothing."""
    ended = asyncio.get_running_loop().create_future()

    async def work() -> None:
        ended.set_result(None)

    async with background_tasks() as start:
        start(work())
        await ended
