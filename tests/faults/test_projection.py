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
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from dragoman.client import new_key
from house import CHANNEL, House
from inquest import MOST_MB, Inquest, memory_mb
from processes import children_of
from read_files import GATEWAY
from service import Answer, Caller
from tally import Rounds, Row
from traffic import Posting, Traffic
from world import NOTE, compact

pytestmark = pytest.mark.reads(*GATEWAY)

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
            async with session.get(f"{house.gateway.base_url}/healthz") as answer:
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
    await is_answered_while_the_writer_stands_still(house, session, traffic)
    await is_ready(house, session, _BACK_S)
    await traffic.settle()
    row.found(await Inquest(house.broker.url, house.broker.keys).held(traffic))


async def is_answered_while_the_writer_stands_still(
    house: House, session: aiohttp.ClientSession, traffic: Traffic
) -> None:
    """Stop the writer and those that replace it, until no more records are accepted.

    Reads answer all the while, and say that they are late.
    """
    posted = (await traffic.post(traffic.note())).recorded
    assert posted is not None
    writers: set[int] = set()
    stop = asyncio.Event()

    async def stand_still() -> None:
        while not stop.is_set():
            writer = parts_of(house).get("writer", 0)
            if writer and writer not in writers:
                with suppress(ProcessLookupError):
                    os.kill(writer, signal.SIGSTOP)
                writers.add(writer)
            await asyncio.sleep(0.1)

    officer = Caller(session, house.gateway, "nato/officer")
    standing = asyncio.create_task(stand_still())
    try:
        await asyncio.sleep(0.3)
        newest = (await officer.open(NOTE)).json
        async with asyncio.timeout(_BACK_S):
            while not logged(house, "projection.not_written"):
                newest = (await officer.open(NOTE)).json
                await asyncio.sleep(0.2)
        line = logged(house, "projection.not_written")[-1]
        assert line["level"] == "critical"
        for path in ("exchanges", "state", f"exchanges/{newest['exchange']}"):
            answer = await officer.get(f"/v1/channels/{CHANNEL}/{path}")
            assert answer.status == 200, answer.body
            assert answer.headers["Dragoman-Stale"] == "true"
        assert answer.json["timeline"][-1]["position"] == newest["position"]
        refused = await refused_post(officer)
        assert refused.status == 503 and refused.headers["Retry-After"], refused.body
        assert memory_mb(house.gateway.process.pid) < MOST_MB
    finally:
        stop.set()
        await standing
        for writer in writers:
            with suppress(ProcessLookupError):
                os.kill(writer, signal.SIGCONT)


async def refused_post(officer: Caller) -> Answer:
    """Post large notes until one is refused, for the queue to the file is full."""
    bulky = {**NOTE, "text": dict.fromkeys(("en", "zh", "ru"), "Talks. " * 8000)}
    async with asyncio.timeout(_FOUND_S):
        while True:
            answers = await asyncio.gather(
                *(officer.post(f"/v1/channels/{CHANNEL}/contacts", bulky) for _ in range(8))
            )
            for answer in answers:
                if answer.status != 201:
                    return answer


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
            with closing(sqlite3.connect(path)) as connection, connection:
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
        with closing(sqlite3.connect(projection_of(house), timeout=20)) as connection, connection:
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
