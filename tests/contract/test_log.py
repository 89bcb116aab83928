"""The contract of `Log`: one suite, run on every log to which records are appended, and on the
copy that a station keeps.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial
from pathlib import Path

import pytest

from dragoman.domain.acts.log_policy import log_of
from dragoman.eventlog.archive_format import Pinned
from dragoman.eventlog.event_log import EntryToAppend, Log, subject_of
from dragoman.eventlog.settled_copy import SettledCopy
from dragoman.station.copy_log import CopyLog
from log_openers import IMPLEMENTATIONS, Opener, opener_of
from records import note
from world import World

Grow = Callable[[int, int], Awaitable[None]]
"""A function that brings the notes of some serials into a log, as its writer does."""


Grown = Callable[[], Awaitable[tuple[Log, Grow]]]


@pytest.fixture(params=[*IMPLEMENTATIONS, "copy of a station"])
def grown(request: pytest.FixtureRequest, tmp_path: Path) -> Grown:
    """Opens a log, with the function that brings records into it."""
    if "copy" in request.param:
        return partial(_copied, request, tmp_path)
    opener = opener_of(request)
    return partial(_opened, opener)


async def _copied(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Log, Grow]:
    registry = World().registry
    pinned = Pinned(cid=registry.cid, log=str(log_of(registry)))
    copy = CopyLog("nato-china", SettledCopy(tmp_path / "copy", pinned), tmp_path / "staged")
    request.addfinalizer(copy.close)

    async def stage(first: int, last: int) -> None:
        for n in range(first, last + 1):
            await copy.stage([note(n).raw])

    return copy, stage


async def _opened(opener: Opener) -> tuple[Log, Grow]:
    event_log = await opener()

    async def append(first: int, last: int) -> None:
        for n in range(first, last + 1):
            await event_log.append([EntryToAppend(record=note(n), expected=0)])

    return event_log, append


async def test_positions_are_gapless_from_1(grown: Grown) -> None:
    log, grow = await grown()
    await grow(1, 3)
    messages = await log.read(1, 10)
    assert [message.position for message in messages] == [1, 2, 3]
    assert [note(n).raw for n in (1, 2, 3)] == [message.raw for message in messages]
    assert [subject_of(note(n)) for n in (1, 2, 3)] == [message.subject for message in messages]


async def test_reading_is_bounded_and_begins_anywhere(grown: Grown) -> None:
    log, grow = await grown()
    await grow(1, 7)
    assert [message.position for message in await log.read(3, 2)] == [3, 4]
    assert await log.read(8, 10) == []


@pytest.mark.parametrize("first", [1, 3, 6])
async def test_following_begins_anywhere_and_goes_on(grown: Grown, first: int) -> None:
    log, grow = await grown()
    await grow(1, 5)
    positions: list[int] = []

    async def write() -> None:
        await asyncio.sleep(0.05)
        await grow(6, 10)

    writing = asyncio.create_task(write())
    async with aclosing(log.follow(lambda: first + len(positions))) as following:  # type: ignore[type-var]
        async for messages in following:
            positions += [message.position for message in messages or ()]
            if positions and positions[-1] == 10:
                break
    await writing
    assert list(range(first, 11)) == positions


async def test_a_follower_is_told_that_it_is_at_the_end(grown: Grown) -> None:
    log, grow = await grown()
    await grow(1, 1)
    count = 0
    async with aclosing(log.follow(lambda: count + 1)) as following:  # type: ignore[type-var]
        async for messages in following:
            if messages == []:
                break
            count += len(messages or ())
    assert count == 1


async def test_a_follower_is_asked_to_look_before_anything_else(grown: Grown) -> None:
    log, grow = await grown()
    await grow(1, 1)
    async with aclosing(log.follow(lambda: 1)) as following:  # type: ignore[type-var]
        assert await anext(following) is None
        assert [note(1).raw] == [message.raw for message in await anext(following) or ()]
