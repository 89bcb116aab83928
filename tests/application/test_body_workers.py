"""Workers that read large bodies: one at a time for each side, and nobody else waits."""

import asyncio
import threading
from functools import partial

from dragoman.application.http.body_workers import Workers


async def test_a_side_waits_for_its_own_large_body_and_for_no_other_sides() -> None:
    workers, go_on, running = Workers(), threading.Event(), []

    def work(name: str) -> str:
        running.append(name)
        assert go_on.wait(20)
        return name

    tasks = [
        asyncio.create_task(workers.run(side, partial(work, f"{side}-{n}")))
        for n in range(2)
        for side in ("nato", "china")
    ]
    while len(running) < 2:
        await asyncio.sleep(0.01)
    assert sorted(running) == ["china-0", "nato-0"], (
        "the second body of each side waits for the first"
    )
    tasks[0].cancel()
    await asyncio.sleep(0.05)
    assert len(running) == 2, (
        "a request that was given up keeps its side's turn until its thread is done"
    )
    go_on.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert sorted(running) == ["china-0", "china-1", "nato-0", "nato-1"]
    workers.close()
