"""The verdicts of the scanner on files, by the SHA-256 of their bytes.

    dragoman.chunks.scanned.<sha256>    a `ScanVerdict`

A verdict is on bytes. So it counts for every copy of a file, of any side and in any
channel of this installation.

They are in the stream of files. No user of the broker needs a further right.
"""

from typing import Final, Literal

import msgspec
from msgspec import Struct

from dragoman.stores import files
from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.erasable import Erasable

STREAM: Final = files.STREAM
PREFIX: Final = f"{files.CHUNKS}scanned."


class ScanVerdict(Struct, frozen=True, kw_only=True):
    """The outcome of a scan, its time, and the first line that the scanner wrote.

    A waiting file is not scanned before `again`. `tries` counts the scans that failed,
    and `line` says why the last of them did.
    """

    outcome: Literal["passed", "refused", "waiting"] = "waiting"
    at: str = ""
    line: str = ""
    again: str = ""
    tries: int = 0


_decode = msgspec.json.Decoder(ScanVerdict).decode


class ScanVerdicts:
    """The verdicts on all files."""

    def __init__(self, entries: Erasable) -> None:
        """Store the verdicts in `entries`."""
        self._entries = entries

    async def refresh(self) -> None:
        """Read the verdicts of other gateways. Raises `LogUnreachable`."""
        await self._entries.refresh()

    def known(self, sha256: str) -> ScanVerdict | None:
        """Return the verdict on a file, or None. This process's copy may lag."""
        value = self._entries.values.get(sha256)
        return None if value is None else _decode(value)

    async def put(self, sha256: str, verdict: ScanVerdict, over: ScanVerdict | None) -> bool:
        """Write a verdict over the one that was read.

        Returns False if another writer was faster. Raises `LogUnreachable`.
        """
        if self.known(sha256) != over:
            return False
        try:
            await self._entries.put(
                sha256, msgspec.json.encode(verdict), self._entries.revisions.get(sha256, 0)
            )
        except WriteConflict:
            return False
        return True
