"""The turns to read many exchanges: one side's queue is its own, and a reader stays free."""

import asyncio

from dragoman.application.http.conditional_requests import Turns
from dragoman.projection.store import READERS


async def test_a_side_with_many_reports_keeps_no_other_side_waiting() -> None:
    turns, ended, order = Turns(), asyncio.Event(), list[str]()

    async def report(cid: str, side: str) -> None:
        async with turns.of(cid, side):
            order.append(f"{cid}/{side}")
            await ended.wait()

    many = [asyncio.create_task(report("c", "nato")) for _ in range(20)]
    await asyncio.sleep(0)
    others = [asyncio.create_task(report(cid, "china")) for cid in ("c", "d", "e")]
    async with asyncio.timeout(5):
        while len(order) < READERS - 1:
            await asyncio.sleep(0)
    assert order == ["c/nato", "c/china", "d/china"], (
        "one of each side, and one reader fewer than there are"
    )
    ended.set()
    await asyncio.gather(*many, *others)
    assert len(order) == 23
