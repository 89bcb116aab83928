"""A channel that is followed into a projection's file, with what keeps the file whole: no broker,
no gateway.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from dragoman.domain.record.codec import NotARecord, parse
from dragoman.eventlog.event_log import subject_of
from dragoman.eventlog.memory import MemoryLog
from dragoman.limits import LIST_PAGE
from dragoman.projection.projection import Projection
from dragoman.projection.queries import lists
from dragoman.projection.rebuild import Rebuilder
from dragoman.projection.store import Store
from dragoman.projection.stored_row import StoredRow
from views import found
from world import INCIDENT, World

NOW = datetime(2026, 11, 24, 13, tzinfo=UTC)


class Office:
    """A channel that is followed, a file, and what keeps the file whole. `heard` are the positions
    that a listener was told of.
    """

    def __init__(self, path: Path) -> None:
        self.world = World()
        self.log = MemoryLog("nato-china")
        self.path = path
        self.store = Store(path)
        self.projection = Projection(self.log, self.store)
        self.heard: list[int] = []
        self.projection.listeners.add(self._hear)
        self.channels = {"nato-china": self.projection}
        rebuilder = Rebuilder(self.store, self.channels, lambda _: self.log, settled=lambda: None)
        self.tasks = [
            asyncio.create_task(self.projection.run()),
            asyncio.create_task(rebuilder.run()),
        ]
        self._given = 0

    def _hear(self, row: StoredRow) -> None:
        self.heard.append(row.folded.position)

    async def give(self) -> None:
        """Put what the world has into the log."""
        for raw in self.world.raws[self._given :]:
            try:
                subject = subject_of(parse(raw))
            except NotARecord:
                subject = "dragoman.v1.nato-china.contact.x"
            await self.log.inject(subject, raw)
        self._given = len(self.world.raws)

    async def speak(self, times: int = 1) -> None:
        """Say something, and wait until it is folded."""
        for number in range(times):
            id = self.world.open(
                "nato/d-1",
                {**INCIDENT, "facts": f"Event {number}. " + "Nothing more is known. " * 20},
            )
            self.world.keep("china/d-1", {"act": "acknowledgement"}, id)
        await self.give()
        await until(lambda: self.projection.state.position == self.world.position)

    async def whole(self) -> None:
        """Wait until nothing is in doubt; the state, the lists and what listeners heard are then
        what the log makes.
        """
        await until(
            lambda: self.projection.doubt is None and self.projection.flushed == self.world.position
        )
        assert self.projection.standing.digest == self.world.ledger.standing.digest
        assert self.store.standing("nato-china") == self.world.ledger.standing
        wanted = lists.Filter(q="happened OR Event")
        rows = found(self.store, "nato-china", lists.listed, wanted, LIST_PAGE)
        assert rows.position == self.world.position
        assert self.heard == list(range(1, self.world.position + 1)), (
            "everybody who listens hears of every record once"
        )

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await asyncio.to_thread(self.store.close)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not holds():
            await asyncio.sleep(0.01)


async def settled(office: Office) -> None:
    """Wait until all is in the file itself. A TRUNCATE would count as a change of the file."""
    await office.projection.in_file()
    with closing(sqlite3.connect(office.path)) as connection, connection:
        await until(lambda: connection.execute("PRAGMA wal_checkpoint(FULL)").fetchone()[0] == 0)
    connection.close()
