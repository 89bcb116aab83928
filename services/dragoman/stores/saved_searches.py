"""The searches that officers have saved: each a name for a query, its officer's alone, in the bucket of access beside what else is of a person and not of the log."""

import hashlib
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.limits import SEARCHES
from dragoman.stores.key_value import Bucket

_PREFIX: Final = "search."


class TooMany(Exception):
    """The officer has as many as anybody may have."""


class Search(Struct, frozen=True, kw_only=True):
    """A query of a channel's list, as it stands in the list's address, under a name."""

    actor: str
    cid: str
    name: str
    query: str


_decode = msgspec.json.Decoder(Search).decode


class Searches:
    """The saved searches of all officers; each method is told whose."""

    def __init__(self, bucket: Bucket) -> None:
        """Read and write through the bucket."""
        self._bucket = bucket

    def listed(self, actor: str, cid: str) -> list[Search]:
        """Return an officer's in a channel, by name, as far as this gateway knows."""
        return sorted(
            (item for item in self._of(actor) if item.cid == cid),
            key=lambda item: item.name.casefold(),
        )

    async def keep(self, search: Search) -> None:
        """Keep one, in place of the officer's own of that name. Raises `TooMany`, `LogUnreachable`."""
        key = _key(search.actor, search.cid, search.name)
        if key not in self._bucket.values and len(self._of(search.actor)) >= SEARCHES:
            raise TooMany(search.actor)
        await self._bucket.put(key, search)

    async def drop(self, actor: str, cid: str, name: str) -> None:
        """Drop one; of one that there is not, nothing is written. Raises `LogUnreachable`."""
        key = _key(actor, cid, name)
        if key in self._bucket.values:
            await self._bucket.put(key, None)

    def _of(self, actor: str) -> list[Search]:
        searches = (
            _decode(value) for key, value in self._bucket.values.items() if key.startswith(_PREFIX)
        )
        return [item for item in searches if item.actor == actor]


def _key(actor: str, cid: str, name: str) -> str:
    return _PREFIX + hashlib.sha256(f"{actor}\n{cid}\n{name}".encode()).hexdigest()
