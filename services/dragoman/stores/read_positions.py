"""Read positions: up to which record of which exchange an officer has read.

They are personal and not part of the log, so they are in the bucket of tokens and
sessions. They end with the officer, or when the officer has them forgotten. The other
side never sees them.
"""

import hashlib
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.stores.key_value import Bucket

READ_EXCHANGES: Final = 500
"""Exchanges of a channel whose reading is kept one by one for an officer."""

_PREFIX: Final = "read."


class ReadPosition(Struct, frozen=True, kw_only=True):
    """The reading of an officer in a channel.

    All that was recorded up to the position `floor` counts as read. `exchanges` has the
    positions of exchanges that were opened since.
    """

    actor: str
    cid: str
    floor: int
    exchanges: dict[str, int] = {}

    def is_read(self, exchange: str, position: int) -> bool:
        """Return whether the officer has read an exchange up to a position."""
        return position <= max(self.floor, self.exchanges.get(exchange, 0))


_decode = msgspec.json.Decoder(ReadPosition).decode


class ReadPositions:
    """The read positions of all officers. Each method takes the officer."""

    def __init__(self, bucket: Bucket) -> None:
        """Read and write through the bucket."""
        self._bucket = bucket

    def of(self, actor: str, cid: str) -> ReadPosition | None:
        """Return an officer's read position in a channel; None before the first one.

        This gateway's copy may lag.
        """
        value = self._bucket.values.get(_key(actor, cid))
        return None if value is None else _decode(value)

    async def read_all(self, actor: str, cid: str, position: int) -> None:
        """Count all records up to a position as read. Raises `LogUnreachable`."""
        entry = ReadPosition(actor=actor, cid=cid, floor=position)
        await self._bucket.put(_key(actor, cid), entry)

    async def read(self, actor: str, cid: str, exchange: str, position: int) -> None:
        """Count an exchange as read up to a position. Raises `LogUnreachable`.

        Of too many exchanges, the oldest ones raise the floor.
        """
        entry = self.of(actor, cid)
        if entry is None or entry.is_read(exchange, position):
            return
        positions = {**entry.exchanges, exchange: position}
        oldest_first = sorted(positions.items(), key=lambda item: item[1])
        excess = oldest_first[: max(0, len(oldest_first) - READ_EXCHANGES)]
        floor = max([entry.floor, *(item[1] for item in excess)])
        remaining = {id: at for id, at in oldest_first if at > floor}
        await self._bucket.put(
            _key(actor, cid), ReadPosition(actor=actor, cid=cid, floor=floor, exchanges=remaining)
        )

    async def forget(self, actor: str, cid: str) -> None:
        """Delete an officer's read position, if it exists. Raises `LogUnreachable`."""
        if _key(actor, cid) in self._bucket.values:
            await self._bucket.put(_key(actor, cid), None)

    def all_of(self, cid: str) -> list[str]:
        """Return the officers who have a read position in a channel."""
        entries = (
            _decode(value) for key, value in self._bucket.values.items() if key.startswith(_PREFIX)
        )
        return [entry.actor for entry in entries if entry.cid == cid]


def _key(actor: str, cid: str) -> str:
    return _PREFIX + hashlib.sha256(f"{actor}\n{cid}".encode()).hexdigest()
