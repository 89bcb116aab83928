"""A request is measured by what it computes, and strangers begin a few at a time."""

import asyncio
import time
import warnings

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from dragoman.application.http.rate_limits import RATE_LIMITS, Payer, RateLimits
from dragoman.application.http.work_meter import STRANGERS_AT_ONCE, WORK, StrangerQueue, WorkMeter
from dragoman.server.app import _charge
from dragoman.settings import BudgetSettings


def compute(seconds: float) -> None:
    """Use a thread's processor for so many seconds."""
    ends = time.thread_time() + seconds
    while time.thread_time() < ends:
        pass


async def test_only_the_steps_of_a_request_are_measured() -> None:
    meter = WorkMeter()

    async def request() -> str:
        compute(0.02)
        await asyncio.sleep(0.05)
        compute(0.02)
        return "answer"

    async def others() -> None:
        await asyncio.sleep(0.01)
        compute(0.1)

    answer, _ = await asyncio.gather(meter.measured(request()), others())

    assert answer == "answer"
    assert 0.04 <= meter.seconds < 0.08


async def test_the_work_of_threads_and_of_a_request_that_fails_is_measured() -> None:
    meter = WorkMeter()

    async def request() -> None:
        await asyncio.to_thread(meter.counted(compute), 0.02)
        compute(0.02)
        raise LookupError

    with pytest.raises(LookupError):
        await meter.measured(request())
    assert meter.seconds >= 0.04


async def test_a_cancelled_request_ends_where_it_waits() -> None:
    ended: list[str] = []

    async def request() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    task = asyncio.create_task(WorkMeter().measured(request()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["cancelled"]


async def test_an_officer_waits_for_a_few_strangers_and_not_for_all() -> None:
    queue, began = StrangerQueue(), list[str]()

    async def stranger() -> None:
        await queue.turn()
        began.append("stranger")

    async def officer() -> None:
        for _ in range(5):  # an answer takes a few turns of the loop
            await asyncio.sleep(0)
        began.append("officer")

    strangers = [asyncio.create_task(stranger()) for _ in range(200)]
    await asyncio.gather(asyncio.create_task(officer()), *strangers)

    assert began.index("officer") <= STRANGERS_AT_ONCE * 6
    assert began.count("stranger") == 200


async def test_a_stranger_who_leaves_the_queue_holds_up_nobody() -> None:
    queue = StrangerQueue()
    waiting = [asyncio.create_task(queue.turn()) for _ in range(10)]
    await asyncio.sleep(0)
    for task in waiting[2:6]:
        task.cancel()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [result is None for result in results].count(True) == 6


def charged(response: web.StreamResponse, seconds: float) -> float:
    """Return the processor seconds that an officer is charged for a request of so much work."""
    app, payer = web.Application(), Payer(officer="cid/nato/o-1", side="cid/nato")
    budgets = RateLimits(BudgetSettings(officer_work=1.0, side_work=1.0), lambda: 1000.0)
    app[RATE_LIMITS] = budgets
    request = make_mocked_request("GET", "/c/nato-china", app=app)
    meter = WorkMeter()
    meter.seconds = seconds
    with warnings.catch_warnings(action="ignore"):
        request[WORK], request["payer"] = meter, payer
        _charge(request, response)
    return max(0.0, budgets._officers_work._due[payer.officer] - 1000.0)


def test_a_stream_that_was_open_for_hours_does_not_lock_its_officer_out() -> None:
    assert charged(web.Response(), 5.0) == pytest.approx(5.0)
    assert charged(web.StreamResponse(), 5.0) < 0.5
