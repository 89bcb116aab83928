"""Saved searches: names that an officer has given to queries.

They are personal and not part of the log, so they are in the bucket of tokens and
sessions.
"""

import hashlib
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.limits import SEARCHES
from dragoman.stores.key_value import Bucket

_PREFIX: Final = "search."


class TooMany(Exception):
    """An error: the officer has the most searches that are allowed in a channel."""


class Search(Struct, frozen=True, kw_only=True):
    """A query of a channel's list, as in the list's address, under a name."""

    actor: str
    cid: str
    name: str
    query: str


_decode = msgspec.json.Decoder(Search).decode


class Searches:
    """The saved searches of all officers. Each method takes the officer."""

    def __init__(self, bucket: Bucket) -> None:
        """Read and write through the bucket."""
        self._bucket = bucket

    def listed(self, actor: str, cid: str) -> list[Search]:
        """Return an officer's searches in a channel, by name.

        This gateway's copy may lag.
        """
        return sorted(
            self._of(actor, cid),
            key=lambda search: search.name.casefold(),
        )

    async def keep(self, search: Search) -> None:
        """Store a search in place of the officer's own one of that name.

        Raises `TooMany` or `LogUnreachable`.
        """
        key = _key(search.actor, search.cid, search.name)
        if key not in self._bucket.values and len(self._of(search.actor, search.cid)) >= SEARCHES:
            raise TooMany(search.actor)
        await self._bucket.put(key, search)

    async def drop(self, actor: str, cid: str, name: str) -> None:
        """Delete a search, if it exists. Raises `LogUnreachable`."""
        key = _key(actor, cid, name)
        if key in self._bucket.values:
            await self._bucket.put(key, None)

    def _of(self, actor: str, cid: str) -> list[Search]:
        """Return an officer's searches in one channel.

        Another channel may have an officer of the same name, who is a stranger.
        """
        searches = (
            _decode(value) for key, value in self._bucket.values.items() if key.startswith(_PREFIX)
        )
        return [search for search in searches if (search.actor, search.cid) == (actor, cid)]


def _key(actor: str, cid: str, name: str) -> str:
    return _PREFIX + hashlib.sha256(f"{actor}\n{cid}\n{name}".encode()).hexdigest()
