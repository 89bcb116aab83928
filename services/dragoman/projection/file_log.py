"""A projection's file read like a log, so that its records can be folded again."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Final

from dragoman.eventlog.event_log import EntryToAppend, Outcome, StoredMessage, Unavailable
from dragoman.limits import READ_RECORDS
from dragoman.projection.row_keys import (
    LAST_POSITION,
    POSITION_BITS,
)
from dragoman.text import sentence

_RECORDS_OF_CHANNEL: Final = (
    "SELECT r.key & ?, r.raw FROM records r "  # fixed words  # noqa: S608
    f"JOIN channels c ON r.key >> {POSITION_BITS} = c.number WHERE c.name = ? "
    f"AND r.key BETWEEN c.number << {POSITION_BITS} | ? AND c.number << {POSITION_BITS} | ? "
    "ORDER BY r.key LIMIT ?"
)


class FileLog:
    """A channel's records in a projection's file, read like a log, at a pace."""

    def __init__(self, path: Path, channel: str, last: int, rest: Callable[[], None]) -> None:
        """Read up to a position. Every read calls `rest` first."""
        self.channel = channel
        self._path, self._last, self._rest = path, last, rest

    async def append(self, entries: Sequence[EntryToAppend]) -> Outcome:
        """Refuse: a copy accepts no records."""
        return Unavailable(
            sentence("%(n)s records are not appended to a copy, which is only read", n=len(entries))
        )

    async def read(self, first: int, most: int) -> list[StoredMessage]:
        """Return messages from a position on."""
        self._rest()
        connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, isolation_level=None)
        try:
            rows = connection.execute(
                _RECORDS_OF_CHANNEL, (LAST_POSITION, self.channel, first, self._last, most)
            ).fetchall()
        finally:
            connection.close()
        subject = f"dragoman.v1.{self.channel}.contact.x"
        return [
            StoredMessage(position=position, subject=subject, raw=raw) for position, raw in rows
        ]

    async def read_kept(self, first: int, most: int) -> list[StoredMessage]:
        """Return messages from a position on."""
        return await self.read(first, most)

    async def follow(self, wanted: Callable[[], int]) -> AsyncIterator[list[StoredMessage] | None]:
        """Yield messages once: a copy does not grow."""
        yield await self.read(wanted(), READ_RECORDS)

    def end_seen(self) -> float | None:
        """Return None: each end is yielded to the follower."""
        return None
