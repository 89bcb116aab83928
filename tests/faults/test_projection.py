"""The copy of the log that a gateway answers from, damaged and hindered while it is used: nobody
restarts anything, and no wrong answer stays.

Each round ends with an inquest: the log, random exchanges, the list and a search, held against the
replay.
"""

import asyncio
import os
import random
import signal
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from dragoman.client import new_key
from house import House
from inquest import Inquest
from processes import children_of
from tally import Rounds, Row
from traffic import Posting, Traffic
from world import NOTE, compact

_LARGE = 64 * 1024 * 1024
"""Above it a file was once not looked through at the start."""

_BACK_S = 30.0
"""In which a service is back after a fault of a part of ours."""

_FOUND_S = 300.0
"""In which every row of a large file was compared once: with two hundredths of a processor, on a
machine that does other things too.
"""

_PAGE = 4096
_BULKY = {**NOTE, "text": dict.fromkeys(("en", "zh", "ru"), "Talks. " * 8000)}


def projection_of(house: House) -> Path:
    return house.gateway.data / "projection" / "gateway.sqlite"


def parts_of(house: House) -> dict[str, int]:
    """Return the gateway's own processes by the module that they run."""
    found: dict[str, int] = {}
    for pid in children_of(house.gateway.process.pid):
        with suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            found.update(
                {
                    word.decode().rpartition(".")[2]: pid
                    for word in words
                    if word.startswith(b"dragoman.projection.")
                }
            )
    return found


async def is_ready(house: House, session: aiohttp.ClientSession, seconds: float) -> None:
    """Wait until the service says that it may be used."""
    async with asyncio.timeout(seconds):
        while True:
            async with session.get(f"{house.gateway.base_url}/readyz") as answer:
                if answer.status == 200:
                    return
            await asyncio.sleep(0.1)


async def filled(traffic: Traffic, path: Path, size: int) -> None:
    """Post until the projection is of a size."""
    while path.stat().st_size < size:
        bulky = [Posting(new_key(), "nato/officer", "contacts", compact(_BULKY)) for _ in range(8)]
        assert all(posting.answer for posting in await asyncio.gather(*map(traffic.post, bulky)))


async def hinder(
    house: House,
    session: aiohttp.ClientSession,
    row: Row,
    traffic: Traffic,
    fault: Callable[[], None],
    *,
    seconds: float = 0.5,
    undo: Callable[[], None] = lambda: None,
) -> None:
    """Do something to a gateway's copy under traffic; it is back by itself in time, and everything
    is as it was recorded.
    """
    row.rounds += 1
    started = house.gateway.process.pid
    async with traffic.flowing():
        await asyncio.sleep(0.3)
        fault()
        await asyncio.sleep(seconds)
    undo()
    await is_ready(house, session, _BACK_S)
    await traffic.settle()
    row.acknowledged, row.unknown = len(traffic.acknowledged), traffic.doubted
    row.found(await Inquest(house.broker.url, house.broker.keys).held(traffic))
    assert house.gateway.process.pid == started and house.gateway.process.poll() is None, (
        "nobody restarted it"
    )


@pytest.mark.timeout(1800)
async def test_a_writer_that_is_killed_over_and_over_is_replaced(
    house: House, session: aiohttp.ClientSession, dice: random.Random, rounds: Rounds, row: Row
) -> None:
    traffic = Traffic(session, house.gateway, dice, officers=4)

    def kill() -> None:
        if (writer := parts_of(house).get("writer")) is not None:
            with suppress(ProcessLookupError):
                os.kill(writer, signal.SIGKILL)

    for _ in range(rounds(2, 40)):
        loop = asyncio.get_running_loop()
        for number in range(4):
            loop.call_later(0.4 + 0.15 * number, kill)
        await hinder(house, session, row, traffic, kill, seconds=1.2)


@pytest.mark.timeout(1800)
async def test_a_writer_that_stands_still_holds_no_reader_up(
    house: House, session: aiohttp.ClientSession, dice: random.Random, rounds: Rounds, row: Row
) -> None:
    traffic = Traffic(session, house.gateway, dice, officers=4)
    for _ in range(rounds(1, 10)):
        await hinder(
            house,
            session,
            row,
            traffic,
            lambda: os.kill(parts_of(house)["writer"], signal.SIGSTOP),
            seconds=4.0,
        )


@pytest.mark.timeout(3600)
async def test_a_large_copy_that_is_damaged_is_built_anew_at_the_start_and_while_it_is_used(
    tmp_path: Path, session: aiohttp.ClientSession, dice: random.Random, rounds: Rounds, row: Row
) -> None:
    with House(tmp_path / "house") as house:
        traffic = Traffic(session, house.gateway, dice, officers=4)
        path = projection_of(house)
        await filled(traffic, path, rounds(_LARGE // 16, _LARGE + _LARGE // 8))

        def damage() -> None:
            """Overwrite pages that are asked for at every turn, as three bad sectors would."""
            with sqlite3.connect(path) as connection:
                roots = [
                    page
                    for (page,) in connection.execute(
                        "SELECT rootpage FROM sqlite_master WHERE rootpage > 1"
                    )
                ]
            connection.close()
            with path.open("r+b") as file:
                for page in dice.sample(roots, 3):
                    file.seek((page - 1) * _PAGE)
                    file.write(os.urandom(_PAGE))

        for _ in range(rounds(1, 5)):
            await hinder(house, session, row, traffic, damage, seconds=1.0)
            house.gateway.stop()
            damage()
            house.gateway.start()
            await is_ready(house, session, _BACK_S)
            row.found(await Inquest(house.broker.url, house.broker.keys).held(traffic))


@pytest.mark.timeout(3600)
async def test_rows_that_somebody_changes_are_found_and_made_right(
    house: House, session: aiohttp.ClientSession, dice: random.Random, rounds: Rounds, row: Row
) -> None:
    traffic = Traffic(session, house.gateway, dice, officers=4)
    await traffic.flow(0.5)
    await traffic.settle()
    inquest = Inquest(house.broker.url, house.broker.keys)
    row.found(await inquest.held(traffic))
    statements = (
        "UPDATE exchanges SET status = 'withdrawn' WHERE key = (SELECT max(key) FROM exchanges)",
        "UPDATE exchanges SET subject = X'6E756C6C' WHERE key = (SELECT min(key) FROM exchanges)",
        "DELETE FROM exchanges WHERE key = (SELECT max(key) FROM exchanges)",
        _FLIPPED,
    )
    chosen = [(dice.choice(statements), False) for _ in range(rounds(1, 5))]
    for statement, stopped in (*chosen, (_FLIPPED, True)):
        healed = len(logged(house, "projection.rebuilt"))
        if stopped:
            house.gateway.stop()
        with sqlite3.connect(projection_of(house), timeout=20) as connection:
            assert connection.execute(statement).rowcount == 1
        connection.close()
        if stopped:
            house.gateway.start()
        async with asyncio.timeout(_FOUND_S):
            while len(logged(house, "projection.rebuilt")) == healed:
                await asyncio.sleep(0.5)
        row.rounds += 1
        await is_ready(house, session, _BACK_S)
        row.found(await inquest.held(traffic))
        posted = await traffic.post(traffic.note())
        assert posted.answer is not None, "the channel is written on"
        assert not logged(house, "log.broken"), "a change in the file is not one in the log"


_FLIPPED: Final = (
    "UPDATE records SET raw = CAST(substr(raw, 1, 40) || '!' || substr(raw, 42) AS BLOB) "
    "WHERE key = (SELECT max(key) FROM records)"
)
"""A byte of the newest record's bytes is changed."""


def logged(house: House, event: str) -> list[dict[str, Any]]:
    """Return the lines of a gateway's log that name an event."""
    return [line for line in house.gateway.logged if line["event"] == event]
