"""The erasures of one channel, carried out in a station's copy.

The fold says what all sides have erased. The copy loses it once a signed head covers
the erasure. The fold may be ahead of the head or behind it, and a station may have died
in between. So each look is at all erasures that were not carried out yet.
"""

import asyncio

from dragoman.domain.acts.erasure import entry_of
from dragoman.projection.projection import Projection
from dragoman.projection.stored_row import StoredRow
from dragoman.station.copy_log import CopyLog
from dragoman_schemas.acts.office.channel import Erasure


class CopyErasures:
    """The erasures of a channel's fold that its copy may still lack."""

    def __init__(self, projection: Projection, copy: CopyLog) -> None:
        """Begin without knowing what an earlier process has carried out."""
        self._projection, self._copy = projection, copy
        self._done: set[int] = set()
        self._wake = asyncio.Event()

    def folded(self, row: StoredRow) -> None:
        """Look again, if a record erases others."""
        if row.erased:
            self._wake.set()

    def settled(self) -> None:
        """Look again, since a head covers more records."""
        self._wake.set()

    async def run(self) -> None:
        """Carry out what is settled, for ever. Raises `OSError`."""
        self._wake.set()
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._carry_out()

    async def _carry_out(self) -> None:
        if not self._projection.is_channel or self._copy.is_refolding:
            return
        for stamp in [*self._projection.registry.erased.values()]:
            if stamp.position in self._done or stamp.position > self._copy.settled_size:
                continue
            erasure = self._projection.record_at(stamp.position)
            assert erasure is not None
            assert isinstance(erasure.data, Erasure)
            entries = {
                record.position: entry_of(record)
                for record in erasure.data.records
                if not self._copy.settled.archive.is_erased(record.position)
            }
            if entries:
                await self._copy.erase(entries)
            self._done.add(stamp.position)
