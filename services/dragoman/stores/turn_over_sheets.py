"""The signed lists of turn-overs, beside the log in the bucket of tokens and sessions.

A sheet is stored under the id of the record that took the watch. Each belongs to one
side, and no other side reads it.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.key_value import Bucket
from dragoman_schemas.watch_responses import KeptSheet

_PREFIX: Final = "turn-over."
_MOST: Final = 200
"""Sheets that are stored of each side: two months with three watches a day."""

_kept = msgspec.json.Decoder(KeptSheet).decode


class TurnOverSheets:
    """The sheets of all sides. Each method has the side as a parameter."""

    def __init__(self, bucket: Bucket) -> None:
        """Read and write through the bucket."""
        self._bucket = bucket

    def find(self, cid: str, side: str, id: str) -> KeptSheet | None:
        """Return the sheet of a record. This gateway's copy may lag."""
        value = self._bucket.values.get(_key(cid, side, id))
        return None if value is None else _kept(value)

    def of_side(self, cid: str, side: str) -> dict[str, KeptSheet]:
        """Return the sheets of a side by their records' ids, the newest first."""
        prefix = _key(cid, side, "")
        sheets = {
            key.removeprefix(prefix): _kept(value)
            for key, value in self._bucket.values.items()
            if key.startswith(prefix)
        }
        return dict(sorted(sheets.items(), key=lambda item: item[1].sheet.position, reverse=True))

    async def put(self, id: str, sheet: KeptSheet) -> None:
        """Store a sheet, unless it is stored already. Raises `LogUnreachable`.

        Deletes the oldest sheets of the side beyond the limit.
        """
        cid, side = sheet.sheet.cid, sheet.sheet.side
        for old in list(self.of_side(cid, side))[_MOST - 1 :]:
            if old != id:
                await self._bucket.put(_key(cid, side, old), None)
        await self.change(cid, side, id, lambda stored: stored or sheet)

    async def change(
        self, cid: str, side: str, id: str, change: Callable[[KeptSheet | None], KeptSheet]
    ) -> None:
        """Change a sheet, over a colleague's change meanwhile.

        Raises `LogUnreachable`.
        """
        key = _key(cid, side, id)
        while True:
            stored = change(self.find(cid, side, id))
            try:
                await self._bucket.put(key, stored, self._bucket.revisions.get(key, 0))
            except WriteConflict:
                await self._bucket.refresh()
            else:
                return


def _key(cid: str, side: str, id: str) -> str:
    return f"{_PREFIX}{cid}.{side}.{id}"
