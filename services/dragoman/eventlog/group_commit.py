"""An `EventLog` that commits many openings together, with one fsync for all of them.

An opening is alone on its subject, so any number of openings fit one atomic batch. A
few openings are appended one by one, which is quicker for each. From `COALESCE_FROM`
openings in flight on, an opening waits for the current batch and leaves in the next. On
a slow disk it waits as soon as another opening is in flight. If enough openings wait,
the next batch leaves beside the current one. So neither the broker nor the gateway
waits for the other.

A batch has the openings of one side, and each side has its own batches. So one side's
refused openings delay only that side. A rejected batch is halved, so that one duplicate
costs its neighbours only a little time. If the log does not answer for one half, the
other half is not tried: nobody waits for two timeouts.

A record that continues an exchange passes through at once. So one side's conflicts
never delay another side's posts.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence

from dragoman import metrics
from dragoman.eventlog.event_log import (
    AlreadyAppended,
    Appended,
    EndOfLog,
    EntryToAppend,
    EventLog,
    Outcome,
    StoredMessage,
    Unavailable,
    Unknown,
)
from dragoman.limits import (
    COALESCE_BATCHES,
    COALESCE_BESIDE,
    COALESCE_FROM,
    COALESCE_RECORDS,
    COALESCE_SLOW_S,
)
from dragoman.text import Text, sentence

_Waiting = tuple[EntryToAppend, asyncio.Future[Outcome]]


class _Side:
    """One side's openings: those that wait, and the batches that are on their way."""

    def __init__(self) -> None:
        self.waiting: list[_Waiting] = []
        self.committing: set[asyncio.Task[None]] = set()
        self.beginning = False


class GroupCommitLog:
    """One channel's log, through which a gateway appends."""

    def __init__(self, log: EventLog) -> None:
        """Append to a log."""
        self.channel = log.channel
        self._log = log
        self._in_flight = 0
        self._last_seconds = 0.0
        self._sides: dict[str, _Side] = {}

    @property
    def unwritable(self) -> Text | None:
        """The reason for which nothing can be stored in the log beneath."""
        return self._log.unwritable

    @property
    def end(self) -> EndOfLog:
        """The end of the log beneath."""
        return self._log.end

    async def append(self, entries: Sequence[EntryToAppend]) -> Outcome:
        """Append entries at once, or together with others."""
        self._in_flight += 1
        try:
            if (
                len(entries) == 1
                and entries[0].expected == 0
                and not entries[0].first
                and self._is_busy
            ):
                return await self._together(entries[0])
            return await self._measured(entries)
        finally:
            self._in_flight -= 1

    @property
    def _is_busy(self) -> bool:
        slow = self._in_flight > 1 and self._last_seconds > COALESCE_SLOW_S
        return slow or self._in_flight >= COALESCE_FROM

    async def _measured(self, entries: Sequence[EntryToAppend]) -> Outcome:
        begun = time.perf_counter()
        outcome = await self._log.append(entries)
        self._last_seconds = time.perf_counter() - begun
        match outcome:
            case Appended():
                metrics.APPEND_SECONDS.observe(self._last_seconds)
                metrics.APPEND_RECORDS.observe(len(entries))
            case Unknown():
                metrics.APPEND_FAILURES.labels("unknown").inc()
            case Unavailable():
                metrics.APPEND_FAILURES.labels("unavailable").inc()
            case _:
                metrics.APPEND_FAILURES.labels("conflict").inc()
        return outcome

    async def _together(self, entry: EntryToAppend) -> Outcome:
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        side = self._sides.setdefault(entry.record.side, _Side())
        side.waiting.append((entry, outcome))
        self._go_on(side)
        return await outcome

    def _go_on(self, side: _Side) -> None:
        """Begin a batch, unless the side already has one and few openings wait."""
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
        """Commit the openings that wait by now.

        All openings that came in the same turn of the event loop go together.
        """
        side.beginning = False
        batch, side.waiting = side.waiting[:COALESCE_RECORDS], side.waiting[COALESCE_RECORDS:]
        await self._commit(_distinct(batch, side.waiting))

    def _committed(self, side: _Side, task: asyncio.Task[None]) -> None:
        side.committing.discard(task)
        if task.cancelled():  # The gateway is stopping.
            side.beginning = False
            for _, outcome in side.waiting:
                outcome.cancel()
            side.waiting.clear()
        self._go_on(side)

    async def _commit(self, batch: list[_Waiting]) -> bool:
        """Commit a batch, or a part of it; return whether the log answered."""
        try:
            return await self._commit_or_halve(batch)
        finally:
            for _, waiting in batch:
                if not waiting.done():
                    # The commit failed unexpectedly: no poster may wait for ever.
                    waiting.cancel()

    async def _commit_or_halve(self, batch: list[_Waiting]) -> bool:
        outcome = await self._measured([entry for entry, _ in batch])
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
                    # An AlreadyAppended shows that the whole batch may be in the log.
                    untried = (
                        Unknown(detail)
                        if isinstance(outcome, AlreadyAppended)
                        else Unavailable(detail)
                    )
                    for _, waiting in batch[middle:]:
                        _tell(waiting, untried)
                    return False
                return await self._commit(batch[middle:])
        return True

    async def read(self, first: int, most: int) -> list[StoredMessage]:
        """Read from the log beneath."""
        return await self._log.read(first, most)

    async def read_kept(self, first: int, most: int) -> list[StoredMessage]:
        """Read from the log beneath."""
        return await self._log.read_kept(first, most)

    def follow(self, wanted: Callable[[], int]) -> AsyncIterator[list[StoredMessage] | None]:
        """Follow the log beneath."""
        return self._log.follow(wanted)


def _distinct(batch: list[_Waiting], later: list[_Waiting]) -> list[_Waiting]:
    """Return the batch without a second entry of one exchange.

    The log would refuse the second entry, so it waits for the next batch.
    """
    subjects: set[str] = set()
    batch_entries: list[_Waiting] = []
    for entry, waiting in batch:
        (later if entry.subject in subjects else batch_entries).append((entry, waiting))
        subjects.add(entry.subject)
    return batch_entries


def _tell(waiting: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not waiting.done():
        waiting.set_result(outcome)
