"""An `EventLog` in memory, for tests and models; durable while the process lives."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from dragoman.domain.record.codec import NotARecord, parse_stored, same_post
from dragoman.eventlog.event_log import (
    AlreadyAppended,
    Appended,
    Conflict,
    EntryToAppend,
    KeyReused,
    Outcome,
    StoredMessage,
    YieldedEnd,
)
from dragoman.limits import POLL_SECONDS


class MemoryLog:
    """One channel's log as a list."""

    def __init__(self, channel: str) -> None:
        """Begin empty."""
        self.channel = channel
        self.unwritable = None
        self.end = YieldedEnd()
        self._messages: list[StoredMessage] = []
        self._last: dict[str, int] = {}
        self._ids: dict[str, int] = {}
        self._grown = asyncio.Condition()

    async def append(self, entries: Sequence[EntryToAppend]) -> Outcome:
        """Append all entries or none, one caller after the other."""
        async with self._grown:
            for entry in entries:
                earlier = self._ids.get(entry.message_id)
                if earlier is not None:
                    return self._compared(entry, earlier)
            last = dict(self._last)
            for offset, entry in enumerate(entries):
                number = last.get(entry.subject, 0)
                if number <= len(self._messages) and (
                    number != entry.expected or (entry.first and self._messages)
                ):
                    return Conflict(number)
                last[entry.subject] = len(self._messages) + offset + 1
            for entry in entries:
                self._store(entry.subject, entry.record.raw)
                self._ids[entry.message_id] = len(self._messages)
            self._grown.notify_all()
            return Appended(len(self._messages))

    async def inject(self, subject: str, raw: bytes) -> int:
        """Put any bytes into the log, as a holder of the broker's keys could."""
        async with self._grown:
            self._store(subject, raw)
            self._grown.notify_all()
            return len(self._messages)

    def _store(self, subject: str, raw: bytes) -> None:
        self._messages.append(
            StoredMessage(position=len(self._messages) + 1, subject=subject, raw=raw)
        )
        self._last[subject] = len(self._messages)

    def _compared(self, entry: EntryToAppend, position: int) -> Outcome:
        try:
            stored = parse_stored(self._messages[position - 1].raw)
        except NotARecord:
            return KeyReused(position)
        return AlreadyAppended(position) if same_post(stored, entry.record) else KeyReused(position)

    async def read(self, first: int, most: int) -> list[StoredMessage]:
        """Return a slice of the list."""
        return self._messages[first - 1 : first - 1 + most]

    async def read_kept(self, first: int, most: int) -> list[StoredMessage]:
        """Return a slice of the list: a list loses nothing."""
        return await self.read(first, most)

    async def follow(self, wanted: Callable[[], int]) -> AsyncIterator[list[StoredMessage] | None]:
        """Yield slices as the list grows."""
        yield None
        while True:
            yield self._messages[wanted() - 1 :]
            async with self._grown:
                try:
                    await asyncio.wait_for(
                        self._grown.wait_for(lambda: len(self._messages) >= wanted()), POLL_SECONDS
                    )
                except TimeoutError:
                    continue
