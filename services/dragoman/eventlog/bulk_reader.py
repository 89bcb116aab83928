"""A reader of a long log from one position to another, page by page, as a consumer.

A consumer costs the broker a quarter of a batched read. Use it to read a long log from
end to end, and for nothing else. The consumer is the broker's memory of how far it has
sent. It acknowledges nothing, and ends by itself when nobody asks any more. It skips
missing messages silently, so this reader checks every position. If a connection was
lost in between, the reader creates a new consumer.
"""

import asyncio
import secrets
from typing import Final

from dragoman.eventlog.event_log import LogBroken, LogUnreachable
from dragoman.eventlog.nats_connection import NatsConnection
from dragoman.eventlog.stream_config import stream_of
from dragoman.limits import ELECTION_SECONDS, READ_RECORDS
from dragoman.text import Text, sentence

_IDLE_NANOSECONDS: Final = 30_000_000_000
_PAUSE_SECONDS: Final = 0.05


class BulkReader:
    """The pages of one channel's log; it owns a consumer after the first page."""

    def __init__(self, channel: str, bus: NatsConnection, first: int, last: int) -> None:
        """Read from one position to the other."""
        self._channel = channel
        self._stream = stream_of(channel)
        self._bus = bus
        self._next = first
        self._last = last
        self._consumer = ""

    async def next(self) -> list[tuple[int, bytes]]:
        """Return the next page of positions and messages; empty at the end.

        A replica that is behind and has nothing yet is asked again. A newly elected
        leader is asked again for a consumer. Raises `LogBroken`, `LogUnreachable`.
        """
        deadline = asyncio.get_running_loop().time() + ELECTION_SECONDS
        anew = False
        while self._next <= self._last:
            try:
                rows = await self._next_page()
            except LogUnreachable:
                self._consumer = ""
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            whole = all(
                position == self._next + offset for offset, (position, _) in enumerate(rows)
            )
            if rows and whole:
                self._next = rows[-1][0] + 1
                return rows
            if (rows and anew) or asyncio.get_running_loop().time() > deadline:
                raise LogBroken(self._missing(rows))
            self._consumer, anew = "", bool(rows)
            await asyncio.sleep(_PAUSE_SECONDS)
        return []

    def _missing(self, numbers: list[tuple[int, bytes]]) -> Text:
        if not numbers:
            return sentence(
                "position %(missing)s of %(channel)s is missing: the log is said to end at "
                "%(last)s; restore the broker's store from a copy",
                missing=self._next,
                channel=self._channel,
                last=self._last,
            )
        missing = next(
            self._next + offset
            for offset, (position, _) in enumerate(numbers)
            if position != self._next + offset
        )
        return sentence(
            "position %(missing)s of %(channel)s is missing: %(follows)s follows; restore the "
            "broker's store from a copy",
            missing=missing,
            channel=self._channel,
            follows=numbers[missing - self._next][0],
        )

    async def _next_page(self) -> list[tuple[int, bytes]]:
        """Return up to a page of the consumer's next messages."""
        if not self._consumer:
            self._consumer = await self._create_consumer()
        return await self._bus.pull(
            self._stream, self._consumer, min(READ_RECORDS, self._last - self._next + 1)
        )

    async def _create_consumer(self) -> str:
        """Return a new consumer that begins at the next position."""
        name = secrets.token_hex(8)
        config = {
            "name": name,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": self._next,
            "ack_policy": "none",
            "replay_policy": "instant",
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": _IDLE_NANOSECONDS,
        }
        answer = await self._bus.api(
            f"CONSUMER.CREATE.{self._stream}.{name}",
            {"stream_name": self._stream, "config": config},
        )
        if "error" in answer:
            raise LogUnreachable(
                sentence("the broker answers %(answer)s", answer=answer["error"].get("description"))
            )
        return name
