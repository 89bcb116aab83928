"""An `EventLog` that commits openings together when there are many: one fsync for all of them instead of one each.

An opening is alone on its subject, so any number of them fit one atomic batch. Few are appended one by one, which is
quicker for each. From `COALESCE_FROM` in flight on, openings wait for the batch that is on its way and leave in the next.
A batch that is rejected is halved, so that one duplicate costs its neighbours a little time and nothing else.
Whatever continues an exchange is passed through: one side's conflicts never hold another's openings up.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from dragoman.limits import COALESCE_FROM, COALESCE_RECORDS
from dragoman.log.port import Appended, Entry, EventLog, Message, Outcome, Unavailable, Unknown

_Waiting = tuple[Entry, asyncio.Future[Outcome]]


class CoalescingLog:
    """One channel's log, through which a gateway appends."""

    def __init__(self, log: EventLog) -> None:
        """Append to that log."""
        self.channel = log.channel
        self._log = log
        self._in_flight = 0
        self._waiting: list[_Waiting] = []
        self._committing: asyncio.Task[None] | None = None

    async def append(self, entries: Sequence[Entry]) -> Outcome:
        """Append at once, or together with others."""
        self._in_flight += 1
        try:
            if len(entries) == 1 and entries[0].expected == 0 and not entries[0].first and self._in_flight >= COALESCE_FROM:
                return await self._together(entries[0])
            return await self._log.append(entries)
        finally:
            self._in_flight -= 1

    async def _together(self, entry: Entry) -> Outcome:
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, outcome))
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_on())
        return await outcome

    async def _commit_on(self) -> None:
        """Commit what waits, batch after batch, until nothing waits."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:COALESCE_RECORDS], self._waiting[COALESCE_RECORDS:]
                await self._commit(_distinct(batch, self._waiting))
        finally:
            self._committing = None
            for _, outcome in self._waiting:
                outcome.cancel()
            self._waiting.clear()

    async def _commit(self, batch: list[_Waiting]) -> None:
        try:
            await self._commit_or_halve(batch)
        finally:
            for _, waiting in batch:
                if not waiting.done():
                    waiting.cancel()  # it failed in a way that nobody foresaw: no poster may wait for ever

    async def _commit_or_halve(self, batch: list[_Waiting]) -> None:
        outcome = await self._log.append([entry for entry, _ in batch])
        match outcome:
            case Appended(last):
                for position, (_, waiting) in enumerate(batch, last - len(batch) + 1):
                    _tell(waiting, Appended(position))
            case Unknown() | Unavailable():
                for _, waiting in batch:
                    _tell(waiting, outcome)
            case _ if len(batch) == 1:
                _tell(batch[0][1], outcome)
            case _:
                middle = len(batch) // 2
                await self._commit(batch[:middle])
                await self._commit(batch[middle:])

    async def read(self, first: int, most: int) -> list[Message]:
        """As the log beneath."""
        return await self._log.read(first, most)

    def follow(self, wanted: Callable[[], int]) -> AsyncIterator[list[Message] | None]:
        """As the log beneath."""
        return self._log.follow(wanted)


def _distinct(batch: list[_Waiting], later: list[_Waiting]) -> list[_Waiting]:
    """The batch without a second entry of one exchange, which would be refused: that one waits for the next."""
    seen: set[str] = set()
    kept: list[_Waiting] = []
    for entry, waiting in batch:
        (later if entry.subject in seen else kept).append((entry, waiting))
        seen.add(entry.subject)
    return kept


def _tell(waiting: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not waiting.done():
        waiting.set_result(outcome)
