"""Saved searches: each officer has fifty in a channel, whoever has the same name elsewhere."""

import msgspec
import pytest

from dragoman.limits import SEARCHES
from dragoman.stores.saved_searches import Search, Searches, TooMany


class InMemory:
    """A bucket in memory."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}

    async def put(self, key: str, value: object) -> None:
        self.values[key] = msgspec.json.encode(value)


def search(cid: str, name: str, actor: str = "nato/officer") -> Search:
    return Search(actor=actor, cid=cid, name=name, query="text=mine")


async def test_officers_of_one_name_in_two_channels_have_their_searches_apart() -> None:
    searches = Searches(InMemory())  # type: ignore[arg-type]
    for number in range(SEARCHES):
        await searches.keep(search("one", f"{number}"))
    await searches.keep(search("two", "the stranger's first"))
    assert [each.name for each in searches.listed("nato/officer", "two")] == [
        "the stranger's first"
    ]
    assert len(searches.listed("nato/officer", "one")) == SEARCHES
    with pytest.raises(TooMany):
        await searches.keep(search("one", "one too many"))
    await searches.keep(search("one", "1"))
