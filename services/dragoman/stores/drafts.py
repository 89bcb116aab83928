"""What officers of a side have written and not released: shared by the gateways, seen by their own side alone, gone once released."""

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
    """An act in the making. Its id becomes its record's, so that releasing it twice is releasing it once.

    `handed` is when its author gave it to a colleague to send; empty while it is only
    kept.
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
        """Return whose draft it is."""
        return self.author.partition("/")[0]

    @property
    def etag(self) -> str:
        """Return what changes whenever the draft does."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()


_decode = msgspec.json.Decoder(Draft).decode


def _key(cid: str, side: str, id: str) -> str:
    return f"{cid}.{side}.{id}"


class DraftStore:
    """The drafts of all sides; each method is told which side asks."""

    def __init__(self, bucket: Bucket) -> None:
        """Read and write through the bucket."""
        self._bucket = bucket

    async def listed(self, cid: str, side: str) -> list[Draft]:
        """Return a side's drafts in a channel, the newest first. Raises `LogUnreachable`."""
        await self._bucket.refresh()
        prefix = _key(cid, side, "")
        drafts = [
            _decode(value) for key, value in self._bucket.values.items() if key.startswith(prefix)
        ]
        return sorted(drafts, key=lambda draft: draft.updated, reverse=True)

    async def refresh(self) -> None:
        """Bring what other gateways kept and dropped. Raises `LogUnreachable`."""
        await self._bucket.refresh()

    def handed(self, cid: str, side: str) -> list[Draft]:
        """Return a side's drafts that were handed over to be sent, the oldest first, as far as this gateway knows."""
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

    async def keep(self, draft: Draft, over: Draft | None) -> bool:
        """Write a draft over what was read, or as a new one; False where somebody else was faster. Raises `LogUnreachable`."""
        return await self._put(draft, draft, over)

    async def drop(self, draft: Draft) -> bool:
        """Throw a draft away as it was read; False where somebody changed it meanwhile. Raises `LogUnreachable`."""
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
