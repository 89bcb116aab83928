"""A log read by a consumer: whole, whatever stands in it and whatever breaks meanwhile; what is
missing is told.
"""

from typing import Any

import pytest

from brokers import RealBroker
from dragoman.eventlog import bulk_reader as paging
from dragoman.eventlog.bulk_reader import BulkReader
from dragoman.eventlog.event_log import EntryToAppend, LogBroken
from dragoman.limits import READ_RECORDS
from records import note

RECORDS = 2 * READ_RECORDS


async def everything(pages: BulkReader) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    while page := await pages.next():
        found += page
    return found


async def fill(real_broker: RealBroker) -> list[tuple[int, bytes]]:
    """A log of some pages, with junk of no headers in the middle; what stands in it."""
    log = await real_broker.log()
    half = RECORDS // 2
    await log.append([EntryToAppend(record=note(n), expected=0) for n in range(1, half + 1)])
    await (await real_broker.bus()).request("dragoman.v1.nato-china.contact.junk", b"junk")
    await log.append(
        [EntryToAppend(record=note(n), expected=0) for n in range(half + 1, RECORDS + 1)]
    )
    raws = [note(n).raw for n in range(1, RECORDS + 1)]
    return list(enumerate([*raws[:half], b"junk", *raws[half:]], 1))


async def test_a_log_is_brought_whole_from_any_position_to_any(real_broker: RealBroker) -> None:
    stands = await fill(real_broker)
    bus = await real_broker.bus("auditor")
    assert await everything(BulkReader("nato-china", bus, 1, len(stands))) == stands
    assert await everything(BulkReader("nato-china", bus, 7, 9)) == stands[6:9]
    assert await everything(BulkReader("nato-china", bus, 10, 9)) == []


async def test_a_broker_that_is_killed_in_the_middle_costs_time_and_nothing_else(
    real_broker: RealBroker,
) -> None:
    stands = await fill(real_broker)
    pages = BulkReader("nato-china", await real_broker.bus("auditor"), 1, len(stands))
    first = await pages.next()
    await real_broker.restart()
    assert first + await everything(pages) == stands


class _Scripted:
    """A bus whose consumers bring what they are told to, one page for each time they are asked."""

    def __init__(self, *answers: list[int]) -> None:
        self._answers = list(answers)
        self.began: list[int] = []
        self._made: set[str] = set()

    async def api(self, verb: str, body: Any) -> dict[str, Any]:
        self.began.append(body["config"]["opt_start_seq"])
        self._made.add(verb.removeprefix("CONSUMER.CREATE."))
        return {}

    async def pull(self, stream: str, consumer: str, most: int) -> list[tuple[int, bytes]]:
        assert f"{stream}.{consumer}" in self._made
        return [(position, b"") for position in self._answers.pop(0)[:most]]


async def test_what_was_lost_on_the_way_is_asked_for_again() -> None:
    bus: Any = _Scripted([1, 2], [5, 6], [3, 4, 5, 6])
    assert [position for position, _ in await everything(BulkReader("a-b", bus, 1, 6))] == [
        1,
        2,
        3,
        4,
        5,
        6,
    ]
    assert bus.began == [1, 3]


@pytest.mark.parametrize(
    "answers", [([1, 2, 4], [1, 2, 4]), ([2], [2])], ids=["in a page", "at its beginning"]
)
async def test_what_the_log_does_not_have_is_a_hole(answers: tuple[list[int], ...]) -> None:
    bus: Any = _Scripted(*answers)
    with pytest.raises(LogBroken, match=r"position (3|1) of a-b is missing: (4|2) follows"):
        await BulkReader("a-b", bus, 1, 4).next()


async def test_an_end_that_never_comes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "ELECTION_SECONDS", 0.1)
    bus: Any = _Scripted(*[[1]], *[[]] * 50)
    with pytest.raises(
        LogBroken, match="position 2 of a-b is missing: the log is said to end at 2"
    ):
        await everything(BulkReader("a-b", bus, 1, 2))
