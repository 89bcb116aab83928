"""An `EventLog` that commits openings together when there are many: one fsync for all of them instead of one each.

An opening is alone on its subject, so any number of them fit one atomic batch. Few are
appended one by one, which is quicker for each. From `COALESCE_FROM` in flight on,
openings wait for the batch that is on its way and leave in the next, or beside it where
enough of them wait: the broker then never waits for us, nor we for it. A batch is of
one side's openings alone, and each side has one on its way: what is refused of one side
is sorted out among its own. A batch that is rejected is halved, so that one duplicate
costs its neighbours a little time and nothing else; where the log falls silent over one
half, the other is not tried, so that nobody waits longer than for one silence and then
for their own. Whatever continues an exchange is passed through: one side's conflicts
never hold another's posts up.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from dragoman.eventlog.event_log import (
    AlreadyAppended,
    Appended,
    EntryToAppend,
    EventLog,
    Outcome,
    StoredMessage,
    Unavailable,
    Unknown,
)
from dragoman.limits import COALESCE_BATCHES, COALESCE_BESIDE, COALESCE_FROM, COALESCE_RECORDS
from dragoman.text import sentence

_Waiting = tuple[EntryToAppend, asyncio.Future[Outcome]]


class _Side:
    """One side's openings: those that wait, and the batches that are on their way."""

    def __init__(self) -> None:
        self.waiting: list[_Waiting] = []
        self.committing: set[asyncio.Task[None]] = set()
        self.beginning = False


class CoalescingLog:
    """One channel's log, through which a gateway appends."""

    def __init__(self, log: EventLog) -> None:
        """Append to that log."""
        self.channel = log.channel
        self._log = log
        self._in_flight = 0
        self._sides: dict[str, _Side] = {}

    async def append(self, entries: Sequence[EntryToAppend]) -> Outcome:
        """Append at once, or together with others."""
        self._in_flight += 1
        try:
            if (
                len(entries) == 1
                and entries[0].expected == 0
                and not entries[0].first
                and self._in_flight >= COALESCE_FROM
            ):
                return await self._together(entries[0])
            return await self._log.append(entries)
        finally:
            self._in_flight -= 1

    async def _together(self, entry: EntryToAppend) -> Outcome:
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        side = self._sides.setdefault(entry.record.side, _Side())
        side.waiting.append((entry, outcome))
        self._go_on(side)
        return await outcome

    def _go_on(self, side: _Side) -> None:
        """Begin a batch where none of the side's is on its way, or where enough wait for another one beside it."""
        if side.beginning or not side.waiting:
            return
        if not side.committing or (
            len(side.waiting) >= COALESCE_BESIDE and len(side.committing) < COALESCE_BATCHES
        ):
            side.beginning = True
            task = asyncio.create_task(self._commit_waiting(side))
            side.committing.add(task)
            task.add_done_callback(lambda done: self._committed(side, done))

    async def _commit_waiting(self, side: _Side) -> None:
        """Commit what waits by now: whatever came in the same turn of the loop goes together."""
        side.beginning = False
        batch, side.waiting = side.waiting[:COALESCE_RECORDS], side.waiting[COALESCE_RECORDS:]
        await self._commit(_distinct(batch, side.waiting))

    def _committed(self, side: _Side, task: asyncio.Task[None]) -> None:
        side.committing.discard(task)
        if task.cancelled():  # we are being stopped
            side.beginning = False
            for _, outcome in side.waiting:
                outcome.cancel()
            side.waiting.clear()
        self._go_on(side)

    async def _commit(self, batch: list[_Waiting]) -> bool:
        """Commit a batch, or what of it can be; whether the log answered."""
        try:
            return await self._commit_or_halve(batch)
        finally:
            for _, waiting in batch:
                if not waiting.done():
                    waiting.cancel()  # it failed in a way that nobody foresaw: no poster may wait for ever

    async def _commit_or_halve(self, batch: list[_Waiting]) -> bool:
        outcome = await self._log.append([entry for entry, _ in batch])
        match outcome:
            case Appended(last):
                for position, (_, waiting) in enumerate(batch, last - len(batch) + 1):
                    _tell(waiting, Appended(position))
            case Unknown() | Unavailable():
                for _, waiting in batch:
                    _tell(waiting, outcome)
                return False
            case _ if len(batch) == 1:
                _tell(batch[0][1], outcome)
            case _:
                middle = len(batch) // 2
                if not await self._commit(batch[:middle]):
                    detail = sentence("the log did not answer what came before it")
                    untried = (
                        Unknown(detail)
                        if isinstance(outcome, AlreadyAppended)
                        else Unavailable(detail)
                    )  # all of it may stand
                    for _, waiting in batch[middle:]:
                        _tell(waiting, untried)
                    return False
                return await self._commit(batch[middle:])
        return True

    async def read(self, first: int, most: int) -> list[StoredMessage]:
        """As the log beneath."""
        return await self._log.read(first, most)

    async def read_kept(self, first: int, most: int) -> list[StoredMessage]:
        """As the log beneath."""
        return await self._log.read_kept(first, most)

    def follow(self, wanted: Callable[[], int]) -> AsyncIterator[list[StoredMessage] | None]:
        """As the log beneath."""
        return self._log.follow(wanted)


def _distinct(batch: list[_Waiting], later: list[_Waiting]) -> list[_Waiting]:
    """Return the batch without a second entry of one exchange, which would be refused: that one waits for the next."""
    texts: set[str] = set()
    kept: list[_Waiting] = []
    for entry, waiting in batch:
        (later if entry.subject in texts else kept).append((entry, waiting))
        texts.add(entry.subject)
    return kept


def _tell(waiting: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not waiting.done():
        waiting.set_result(outcome)
