"""A channel that an auditor folds from its log, and the answers over it.

    async with replayed_channel("a-b", "china", host.more) as channel:
        await channel.begin(pages, last)      # the pages of the log up to a position
        await channel.reach(position)
        await channel.answer("/state", now, as_of)

It is a projection in a folder of its own. Its answers come from the queries that the
gateway asks as well (`replayed_answers`).
"""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from dragoman.application.clock import stamp
from dragoman.audit.replay import Hole, Page
from dragoman.audit.replayed_answers import ReplayQuestion, Response, answer_of
from dragoman.domain.acts.erasure import Withheld, named_in
from dragoman.domain.record.codec import Record
from dragoman.eventlog.event_log import LogBroken, StoredMessage
from dragoman.eventlog.memory import MemoryLog
from dragoman.limits import COMPARED_GROWTH, RECORDS_PAGE
from dragoman.projection.open_deadlines import past_deadlines
from dragoman.projection.projection import Projection
from dragoman.projection.store import Store
from dragoman.projection.view import queried
from dragoman.tlog import leaf

More = Callable[[int, int], AsyncGenerator[Page, None]]
"""A function that reads the log from a position on, up to another one at least. It
raises `GatewayUnavailable`.
"""

_FILE_SECONDS: Final = 600.0


@asynccontextmanager
async def replayed_channel(
    channel: str, side: str, more: More
) -> AsyncIterator["ReplayedProjection"]:
    """Yield a channel that answers as it would answer a side.

    Its folder is removed at the end.
    """
    with tempfile.TemporaryDirectory(prefix="dragoman-replay-") as name:
        store = await asyncio.to_thread(Store, Path(name) / "projection.sqlite")
        try:
            yield ReplayedProjection(Projection(MemoryLog(channel), store), side, more)
        finally:
            await asyncio.to_thread(store.close)


class ReplayedProjection:
    """A projection of a replayed log, and the answers over it."""

    def __init__(self, projection: Projection, side: str, more: More) -> None:
        """Begin before position 1.

        `more` reads on if more of the log is needed than was added.
        """
        self.projection = projection
        self._side = side
        self._more = more
        self._named: dict[int, Withheld] = {}
        self._waiting: list[StoredMessage] = []
        self._taken = 0
        self._most = 0

    @property
    def position(self) -> int:
        """Return the folded position."""
        return self.projection.state.position

    @property
    def erasures(self) -> int:
        """Return the number of exchanges that were erased so far."""
        registry = self.projection.state.registry
        return 0 if registry is None else len(registry.erased)

    def number_of(self, exchange: str) -> str:
        """Return the number of an exchange; empty if it does not exist."""
        state = self.projection.exchange(exchange)
        return "" if state is None else state.number

    # Folding

    def expect(self, withhelds: dict[int, Withheld]) -> None:
        """Add the records that the erasures of this log name."""
        self._named = withhelds | self._named
        self.projection.expect(self._named)

    def take(self, page: Page) -> None:
        """Add the next messages. Raises `Hole`."""
        for number, (position, message) in enumerate(page, self._taken + 1):
            if position != number:
                raise Hole(f"position {number} is missing; {position} was given")
            raw = message.raw if isinstance(message, Record) else message
            self._waiting.append(StoredMessage(position=position, subject="", raw=raw))
            self._taken = position
        raw_records = (
            (position, message.raw if isinstance(message, Record) else message)
            for position, message in page
        )
        if withheld_records := named_in(raw_records):
            self.expect(withheld_records)

    async def begin(self, pages: AsyncGenerator[Page, None], last: int) -> None:
        """Fold a log from its beginning to a position. Raises `Hole`."""
        async with aclosing(pages):
            async for page in pages:
                self.take(page[: last - self._taken])
                await self._fold(self._taken)
                if self._taken == last:
                    break
        self._most = last + COMPARED_GROWTH

    async def reach(self, position: int) -> None:
        """Fold the log to a position, and read on if necessary.

        An erasure may make it necessary to fold beyond the position. A record that was
        erased by then is not shown any more, because a projection without it is one
        after its erasure. Raises `Hole`, `GatewayUnavailable`.
        """
        if position <= self.position:
            return
        if position > self._most:
            raise Hole(
                f"the gateway speaks of position {position}, further from the beginning of this "
                "audit than any log grows meanwhile"
            )
        while self._taken < position or self._unexplained(position):
            before = self._taken
            async with aclosing(self._more(self._taken + 1, position)) as pages:
                async for page in pages:
                    self.take(page)
                    if self._taken > self._most:
                        break
            if self._taken == before:
                break
        if self._taken < position:
            raise Hole(
                f"the gateway speaks of position {position}, and its log ends at {self._taken}"
            )
        await self._fold(
            max(
                (
                    position,
                    *(self._named[at].by for at in self._stubs(position) if at in self._named),
                )
            )
        )

    def _stubs(self, position: int) -> list[int]:
        """Return the positions of waiting leaf entries, up to a position.

        A leaf entry may replace a record.
        """
        return [
            message.position
            for message in self._waiting
            if message.position <= position and leaf.read_entry(message.raw) is not None
        ]

    def _unexplained(self, position: int) -> bool:
        """Return whether an entry replaces a record whose erasure was not read yet."""
        return any(
            at not in self._named or self._named[at].by > self._taken
            for at in self._stubs(position)
        )

    async def _fold(self, position: int) -> None:
        """Fold the waiting messages up to a position into the file, page by page."""
        due = [message for message in self._waiting if message.position <= position]
        self._waiting = [message for message in self._waiting if message.position > position]
        for first in range(0, len(due), RECORDS_PAGE):
            self.projection.take(due[first : first + RECORDS_PAGE])
            if self.projection.broken is not None:
                raise LogBroken(self.projection.broken)
            await self.projection.in_file(seconds=_FILE_SECONDS)

    # Answering

    async def answer(self, path: str, now: datetime, as_of: str) -> Response:
        """Return the answer for a path of the channel at a time.

        It is as if the end of the log had been seen at `as_of`.
        """
        try:
            end_seen = datetime.fromisoformat(as_of).astimezone(UTC) if as_of else now
        except (ValueError, OverflowError):
            end_seen = now
        question = ReplayQuestion.of(path, self.projection, self._side, now, stamp(end_seen))
        store = self.projection.store
        return await asyncio.wrap_future(store.in_thread(answer_of, question))

    async def limits(self, after: datetime, until: datetime) -> list[datetime]:
        """Return the limits of open deadlines between two times, in order."""
        projection = self.projection
        past = await asyncio.wrap_future(
            projection.store.in_thread(queried, projection.store, projection.name, past_deadlines)
        )
        limits = {duty.clock.due for duty in past.duties}
        return sorted(limit for limit in limits if after <= limit <= until)
