"""Writers that append to a log without a pause, each record until its outcome is known, and the
reckoning afterwards.
"""

import asyncio
import time
from collections.abc import Sequence
from itertools import count

from dragoman.eventlog.event_log import (
    Appended,
    EntryToAppend,
    EventLog,
    Outcome,
    Unavailable,
    Unknown,
)
from patience import PATIENCE_S
from records import note

_KNOWN_SECONDS = PATIENCE_S
_BATCH = 10


class Writers:
    """Writers that count their messages, the answers, and the longest time without an answer. A
    test's log has no other writers.
    """

    def __init__(self) -> None:
        self.told: dict[bytes, int] = {}
        self.unknown = 0
        self.stopped = False
        self.longest_s = 0.0
        self._serials = count(1)
        self._answered = time.monotonic()

    async def write(self, log: EventLog) -> None:
        """Open exchanges and carry them on, one by one and in batches, until stopped."""
        while not self.stopped:
            opening = next(self._serials)
            position = await self._keep(log, [EntryToAppend(record=note(opening), expected=0)])
            for _ in range(2):
                position = await self._keep(
                    log,
                    [
                        EntryToAppend(
                            record=note(next(self._serials), exchange=opening), expected=position
                        )
                    ],
                )
            await self._keep(
                log,
                [
                    EntryToAppend(record=note(next(self._serials)), expected=0)
                    for _ in range(_BATCH)
                ],
            )

    async def open(self, log: EventLog) -> None:
        """Open exchanges one by one until stopped."""
        while not self.stopped:
            await self._keep(log, [EntryToAppend(record=note(next(self._serials)), expected=0)])

    async def _keep(self, log: EventLog, entries: Sequence[EntryToAppend]) -> int:
        outcome = await log.append(entries)
        if isinstance(outcome, Unknown | Unavailable):
            self.unknown += 1
            outcome = await known(log, entries)
        assert isinstance(outcome, Appended), outcome
        for offset, entry in enumerate(reversed(entries)):
            self.told[entry.record.raw] = outcome.position - offset
        now = time.monotonic()
        self.longest_s = max(self.longest_s, now - self._answered)
        self._answered = now
        return outcome.position

    def wrong(self, stood: Sequence[bytes]) -> list[str]:
        """Return the differences from the acknowledgements: messages lost, doubled, at another
        position, or written by nobody.
        """
        places: dict[bytes, list[int]] = {}
        for position, raw in enumerate(stood, 1):
            places.setdefault(raw, []).append(position)
        found = [
            f"told {told}, stands at {places.get(raw, [])}"
            for raw, told in self.told.items()
            if places.get(raw) != [told]
        ]
        return found + [
            f"nobody wrote what stands at {where}"
            for raw, where in places.items()
            if raw not in self.told
        ]


async def known(log: EventLog, entries: Sequence[EntryToAppend]) -> Outcome:
    """The outcome of an append that is tried again until it has one."""
    async with asyncio.timeout(_KNOWN_SECONDS):
        while isinstance(outcome := await log.append(entries), Unknown | Unavailable):
            await asyncio.sleep(0.05)
    return outcome


async def whole(log: EventLog) -> list[bytes]:
    """All that stands in a log; its reader asserts that it is gapless."""
    found: list[bytes] = []
    while messages := await log.read(len(found) + 1, 500):
        assert [message.position for message in messages] == list(
            range(len(found) + 1, len(found) + len(messages) + 1)
        )
        found += [message.raw for message in messages]
    return found
