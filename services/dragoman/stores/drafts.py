"""Drafts: acts that officers of a side have written and not released.

The gateways share them. Only the own side sees a draft, and its release deletes it.
"""

import hashlib
from typing import Final

import msgspec
from msgspec import Raw, Struct

from dragoman.limits import DRAFT_BYTES
from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.key_value import Bucket

BUCKET: Final = "DRAGOMAN_DRAFTS"
BYTES: Final = DRAFT_BYTES


class Draft(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An act that is not released yet.

    Its id becomes its record's id, so that releasing it twice is releasing it once.
    `handed` is the time at which its author gave it to a colleague to send. It is empty
    while the draft is only kept.
    """

    id: str
    cid: str
    author: str
    act: Raw
    exchange: str = ""
    if_match: str = ""
    created: str
    updated: str
    signatures: str = ""
    handed: str = ""

    @property
    def side(self) -> str:
        """The side whose draft it is."""
        return self.author.partition("/")[0]

    @property
    def etag(self) -> str:
        """A digest that changes whenever the draft does."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()


_decode = msgspec.json.Decoder(Draft).decode


def _key(cid: str, side: str, id: str) -> str:
    return f"{cid}.{side}.{id}"


class DraftStore:
    """The drafts of all sides. Each method has the side as a parameter."""

    def __init__(self, bucket: Bucket) -> None:
        """Read and write through the bucket."""
        self._bucket = bucket

    async def listed(self, cid: str, side: str) -> list[Draft]:
        """Return a side's drafts in a channel, the newest first.

        Raises `LogUnreachable`.
        """
        await self._bucket.refresh()
        prefix = _key(cid, side, "")
        drafts = [
            _decode(value) for key, value in self._bucket.values.items() if key.startswith(prefix)
        ]
        return sorted(drafts, key=lambda draft: draft.updated, reverse=True)

    async def refresh(self) -> None:
        """Read the changes of other gateways. Raises `LogUnreachable`."""
        await self._bucket.refresh()

    def handed(self, cid: str, side: str) -> list[Draft]:
        """Return a side's drafts that were handed over to be sent, the oldest first.

        This gateway's copy may lag.
        """
        prefix = _key(cid, side, "")
        drafts = [
            _decode(value) for key, value in self._bucket.values.items() if key.startswith(prefix)
        ]
        return sorted((draft for draft in drafts if draft.handed), key=lambda draft: draft.handed)

    async def find(self, cid: str, side: str, id: str) -> Draft | None:
        """Return a side's draft. Raises `LogUnreachable`."""
        await self._bucket.refresh()
        value = self._bucket.values.get(_key(cid, side, id))
        return None if value is None else _decode(value)

    async def held(self, cid: str, side: str, id: str) -> Draft | None:
        """Return a side's draft, without asking where this gateway's copy has none.

        The copy may lag. Raises `LogUnreachable`.
        """
        if _key(cid, side, id) not in self._bucket.values:
            return None
        return await self.find(cid, side, id)

    async def keep(self, draft: Draft, over: Draft | None) -> bool:
        """Write a draft over the one that was read, or as a new one.

        Returns False if another writer was faster. Raises `LogUnreachable`.
        """
        return await self._put(draft, draft, over)

    async def drop(self, draft: Draft) -> bool:
        """Delete a draft in the version that was read.

        Returns False if it was changed meanwhile. Raises `LogUnreachable`.
        """
        return await self._put(draft, None, draft)

    async def _put(self, draft: Draft, value: Draft | None, over: Draft | None) -> bool:
        key = _key(draft.cid, draft.side, draft.id)
        data = self._bucket.values.get(key)
        if (None if data is None else _decode(data)) != over:
            return False
        try:
            await self._bucket.put(key, value, self._bucket.revisions.get(key, 0))
        except WriteConflict:
            return False
        return True
