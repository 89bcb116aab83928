"""A log put back from a copy: the same positions and bytes, what is missing and nothing else, and
never over something different.
"""

import pytest

from brokers import RealBroker
from dragoman.eventlog.event_log import Appended, EntryToAppend
from dragoman.eventlog.restore import CopyMismatch, restore_log
from records import note
from world import NOTE, World


class Kept:
    """A copy in memory."""

    def __init__(self, raws: list[bytes]) -> None:
        self.raws = raws

    @property
    def size(self) -> int:
        return len(self.raws)

    def raw(self, position: int) -> bytes:
        return self.raws[position - 1]


def told() -> list[bytes]:
    """A log with everything that a log may have in it: junk, a second record of one id, another
    channel's record.
    """
    world = World()
    world.take(b"junk \x00\xff")
    for number in range(450):
        world.open("nato/o-1", {**NOTE, "text": f"Note {number}."})
    world.take(world.raws[-1])
    world.take(b'{"specversion":"1.0"}')
    other = World(name="other-channel")
    world.take(other.raws[3])
    world.open("nato/o-1", NOTE)
    return world.raws


async def test_a_lost_log_is_the_same_again(real_broker: RealBroker) -> None:
    log = await real_broker.log()
    raws = told()
    seen: list[int] = []
    assert await restore_log(log._bus, "nato-china", Kept(raws), seen.append) == len(raws)
    found = await log.read(1, 500)
    assert [message.raw for message in found] == raws[:500] and [
        message.position for message in found
    ] == list(range(1, len(raws) + 1))
    assert seen[-1] == len(raws)
    assert await restore_log(log._bus, "nato-china", Kept(raws)) == 0, "what is whole is left alone"
    (last,) = await log.read(len(raws), 1)
    entry = EntryToAppend(record=note(1), expected=0)
    assert await log.append([entry]) == Appended(len(raws) + 1), "it is gone on from"
    assert last.subject.startswith("dragoman.v1.nato-china.contact.")


async def test_only_the_end_that_is_missing_is_written(real_broker: RealBroker) -> None:
    log = await real_broker.log()
    raws = told()
    await restore_log(log._bus, "nato-china", Kept(raws[:301]))
    assert await restore_log(log._bus, "nato-china", Kept(raws)) == len(raws) - 301
    assert await restore_log(log._bus, "nato-china", Kept(raws[:10])) == 0, (
        "a copy that is behind takes nothing away"
    )
    assert len(await log.read(1, 500)) == len(raws)


@pytest.mark.parametrize("at", [1, 7, 300])
async def test_nothing_is_written_over_or_after_something_different(
    real_broker: RealBroker, at: int
) -> None:
    log = await real_broker.log()
    raws = told()
    other = [*raws]
    other[at - 1] = b"another message"
    await restore_log(log._bus, "nato-china", Kept(other[:300]))
    with pytest.raises(
        CopyMismatch, match=f"at position {at} the broker has another message than the copy"
    ):
        await restore_log(log._bus, "nato-china", Kept(raws))
    assert len(await log.read(1, 500)) == 300
