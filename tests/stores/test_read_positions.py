"""Read positions: an officer's own, by exchange, and gone with the officer."""

import msgspec
import pytest

from dragoman.stores.read_positions import READ_EXCHANGES, ReadPositions


class MemoryBucket:
    """A bucket in memory that also deletes."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}

    async def put(self, key: str, value: object) -> None:
        self.values[key] = msgspec.json.encode(value)
        if value is None:
            del self.values[key]


@pytest.fixture
def positions() -> ReadPositions:
    """Read positions without a broker."""
    return ReadPositions(MemoryBucket())  # type: ignore[arg-type]


async def test_an_exchange_is_unread_until_it_is_opened_or_all_is_read(
    positions: ReadPositions,
) -> None:
    await positions.read("nato/o-1", "cid", "a", 5)
    assert positions.of("nato/o-1", "cid") is None, "before the first visit nothing is new"
    await positions.read_all("nato/o-1", "cid", 10)
    await positions.read("nato/o-1", "cid", "a", 15)
    mine = positions.of("nato/o-1", "cid")
    assert mine
    assert mine.is_read("b", 10)
    assert not mine.is_read("b", 11)
    assert mine.is_read("a", 15)
    assert not mine.is_read("a", 16)
    assert positions.of("nato/o-2", "cid") is positions.of("nato/o-1", "other") is None


async def test_a_read_position_keeps_a_bounded_number_of_exchanges(
    positions: ReadPositions,
) -> None:
    await positions.read_all("nato/o-1", "cid", 10)
    for position in range(READ_EXCHANGES + 3):
        await positions.read("nato/o-1", "cid", f"exchange-{position}", 20 + position)
    mine = positions.of("nato/o-1", "cid")
    assert mine
    assert len(mine.exchanges) == READ_EXCHANGES
    assert mine.floor == 22
    assert mine.is_read("exchange-0", 20)


async def test_a_read_position_is_forgotten_with_its_officer(positions: ReadPositions) -> None:
    await positions.read_all("nato/o-1", "cid", 10)
    assert positions.all_of("cid") == ["nato/o-1"]
    await positions.forget("nato/o-1", "cid")
    assert positions.all_of("cid") == []
    assert positions.of("nato/o-1", "cid") is None
