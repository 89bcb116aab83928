"""Open streams: one task writes each event to all readers of a channel.

A thousand readers cost a thousand writes and no more. The rights of a reader are
checked once for all with the same token. Events are put together once for all of the
same side. A write goes into the reader's own buffer and waits for nobody. A reader
whose buffer is full gets a last event that says so, and is cut off; it resumes by its
last position. While a reader still reads what it missed, new events are held for it. If
they become too many, it reads on from the file.
"""

import asyncio
import random
import zlib
from collections.abc import Callable, Iterable
from typing import Any, Final

import structlog
from aiohttp import web
from aiohttp.http_writer import StreamWriter
from aiohttp_sse import EventSourceResponse
from msgspec import json

from dragoman.domain.views.alarms import Escalation, UnpassedMessage
from dragoman.limits import STREAM_BYTES, STREAM_HELD
from dragoman.stores.tokens_and_sessions import Grant
from dragoman_schemas.responses import Entry, Row
from dragoman_schemas.watch_responses import Alarm

_FAREWELL_MS: Final = (500, 3_000)
"""Milliseconds after which a reader comes back when a gateway stops."""

log = structlog.get_logger()

_AT_ONCE: Final = 64
"""The number of readers that are written to before other tasks have their turn.

It takes a few hundred microseconds.
"""


class EventLine:
    """One event as bytes, with its position, the side of its act, and its audience.

    `sides` are the sides that get it; None means all that may read.
    """

    __slots__ = ("encoded", "event", "position", "side", "sides")

    def __init__(
        self,
        name: bytes,
        position: int,
        entry: Entry | Row,
        side: str,
        sides: frozenset[str] | None = None,
    ) -> None:
        """Encode the entry."""
        self.position = position
        self.side = side
        self.sides = sides
        self.encoded = json.encode(entry)
        self.event = b"id: %d\nevent: %b\ndata: %b\n\n" % (position, name, self.encoded)

    def is_for(self, side: str) -> bool:
        """Return whether a reader of a side gets it."""
        return self.sides is None or side in self.sides


class AlarmLine:
    """An alarm as bytes.

    It is for the officers whom it has reached, and for every officer of the sides that
    wait.
    """

    __slots__ = ("event", "officers", "side")

    def __init__(self, escalation: Escalation | UnpassedMessage, alarm: Alarm) -> None:
        """Encode the alarm."""
        self.side = escalation.side
        self.officers = escalation.officers
        self.event = b"event: alarm\ndata: %s\n\n" % json.encode(alarm)

    def concerns(self, actor: str) -> bool:
        """Return whether an officer gets the alarm."""
        return actor in self.officers or actor.partition("/")[0] != self.side


Event = EventLine | AlarmLine


class Stream(EventSourceResponse):
    """A stream of server-sent events that can be written to without waiting."""

    async def bid_farewell(self) -> None:
        """Tell the reader when to connect again, because the gateway stops.

        The readers of a gateway come back spread over some seconds.
        """
        wait = random.randint(*_FAREWELL_MS)  # no secret  # noqa: S311
        await self.write(b"retry: %d\n\n" % wait)

    async def push(self, events: bytes) -> None:
        """Put events into the buffer of the stream.

        Raises `ConnectionResetError` if the reader has left.
        """
        assert isinstance(self._payload_writer, StreamWriter)
        await self._payload_writer.write(events, drain=False)


class DeflatedStream(Stream):
    """A stream that is compressed as a whole, and readable after each write.

    A record then costs little more than what is new in it. The compressor keeps the
    last 32 KiB for each stream. No event holds a secret that an author could guess at
    by the size of another act.
    """

    def __init__(self, **options: Any) -> None:
        """Begin with an empty window."""
        super().__init__(**options)
        self.headers["Content-Encoding"] = "deflate"
        self.headers["Vary"] = "Accept-Encoding"
        self._deflater = zlib.compressobj()
        self._is_ended = False

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write events, and wait until there is room for more."""
        await super().write(self._deflated(data))

    async def push(self, events: bytes) -> None:
        """Put events into the buffer of the stream.

        Raises `ConnectionResetError` if the reader has left.
        """
        await super().push(self._deflated(events))

    async def write_eof(self, data: bytes = b"") -> None:
        """End the compressed data, and then the stream."""
        if not self._is_ended:
            self._is_ended = True
            data = self._deflater.compress(data) + self._deflater.flush()
        await super().write_eof(data)

    def _deflated(self, data: bytes | bytearray | memoryview) -> bytes:
        return self._deflater.compress(data) + self._deflater.flush(zlib.Z_SYNC_FLUSH)


class Reader:
    """One open stream, and its reader.

    `may` says whether the reader may still read. `ended` is done once the stream is
    over.
    """

    def __init__(
        self,
        response: Stream,
        request: web.Request,
        grant: Grant,
        station: str,
        may: Callable[[], bool],
        first: int,
    ) -> None:
        """Begin with `first` as the first position that the reader gets."""
        self._response = response
        self._transport = request.transport
        self.grant = grant
        self.station = station
        self.may = may
        self.key = grant, str(request.get("session", ""))
        self.is_live = False
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._upto = first - 1
        self._held_events: list[Event] = []
        self._overrun = False

    @property
    def has_left(self) -> bool:
        """Return whether the reader has left."""
        return self._transport is None or self._transport.is_closing()

    def end(self) -> None:
        """End the stream."""
        if not self.ended.done():
            self.ended.set_result(None)

    def begin_again(self, upto: int) -> int:
        """Hold events after a position, up to which the reader gets what it has missed.

        Returns that position.
        """
        self._upto, self._overrun = max(upto, self._upto), False
        self._held_events.clear()
        return self._upto

    def hold(self, events: Iterable[Event]) -> None:
        """Hold events until the reader has got what it has missed."""
        self._held_events.extend(events)
        if len(self._held_events) > STREAM_HELD:
            self._held_events.clear()
            self._overrun = True

    async def go_live(self, ringing: list[AlarmLine]) -> None:
        """Write the held events, and from now on new ones.

        If too many were held, nothing is written: they must be read from the file.
        """
        if self._overrun:
            return
        events: list[Event] = [
            *ringing,
            *(event for event in self._held_events if isinstance(event, EventLine)),
        ]
        self._held_events.clear()
        self.is_live = True
        await self.write(self.fitting(events), events)

    def wants(self, event: Event) -> bool:
        """Return whether an event is for this reader, and new to it."""
        if isinstance(event, AlarmLine):
            return bool(self.station) and event.concerns(self.grant.actor)
        return event.position > self._upto and event.is_for(self.grant.side)

    def fitting(self, events: Iterable[Event]) -> bytes:
        """Return the events that are for this reader, as bytes."""
        return b"".join([event.event for event in events if self.wants(event)])

    def is_after(self, events: list[Event]) -> bool:
        """Return whether all of these events are new to this reader."""
        return all(isinstance(event, AlarmLine) or event.position > self._upto for event in events)

    async def write(self, written: bytes, events: Iterable[Event]) -> None:
        """Write the part of some events that is for this reader.

        If the reader has left, the stream ends. A reader that does not read gets the
        event `behind`, and is cut off.
        """
        self._upto = max(
            (event.position for event in events if isinstance(event, EventLine)), default=self._upto
        )
        if self.has_left:
            self.end()
            return
        try:
            if written:
                await self._response.push(written)
            assert self._transport is not None
            if self._transport.get_write_buffer_size() > STREAM_BYTES:
                await self._response.push(b'event: behind\ndata: {"position":%d}\n\n' % self._upto)
                self.end()
        except ConnectionResetError:
            self.end()


class Readers:
    """The readers of one stream of a channel.

    `on_sent` is called with the lines that a station of a side has received.
    """

    def __init__(self, on_sent: Callable[[str, list[EventLine]], None]) -> None:
        """Begin without readers."""
        self._on_sent = on_sent
        self._readers: dict[Reader, None] = {}
        self._pending: list[Event] = []
        self._writing: asyncio.Task[None] | None = None

    def __bool__(self) -> bool:
        """Return whether there are readers."""
        return bool(self._readers)

    def join(self, reader: Reader) -> None:
        """Add a reader."""
        self._readers[reader] = None

    def leave(self, reader: Reader) -> None:
        """Remove a reader."""
        self._readers.pop(reader, None)

    async def go_live(self, reader: Reader, ringing: list[AlarmLine]) -> None:
        """Send a reader new events from now on."""
        await reader.go_live(ringing)

    def sweep(self) -> None:
        """End the streams whose readers have left.

        Nothing else would notice that before the next event.
        """
        for reader in tuple(self._readers):
            if reader.has_left:
                reader.end()

    def end_all(self) -> None:
        """End all streams, because the gateway stops."""
        for reader in tuple(self._readers):
            reader.end()

    def hand(self, event: Event) -> None:
        """Pass an event to all readers, soon."""
        self._pending.append(event)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
            self._writing.add_done_callback(_look)

    async def _write(self) -> None:
        while self._pending:
            events, self._pending = self._pending, []
            await self._write_all(events)

    async def _write_all(self, events: list[Event]) -> None:
        """Write some events to all readers, in order.

        Bytes that several readers get are put together once.
        """
        ringing = any(isinstance(event, AlarmLine) for event in events)
        allowed: dict[tuple[Grant, str], bool] = {}
        shared: dict[tuple[str, str, str], bytes] = {}
        stations: dict[str, str] = {}
        for number, reader in enumerate(tuple(self._readers)):
            if number % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
            if reader.key not in allowed:
                allowed[reader.key] = reader.may()
            if not allowed[reader.key]:
                reader.end()  # The session, the token or the officer's term has ended.
            elif not reader.is_live:
                reader.hold(events)
            elif reader.is_after(events):
                shared_key = (
                    reader.grant.side,
                    reader.station,
                    reader.grant.actor if ringing else "",
                )
                if shared_key not in shared:
                    shared[shared_key] = reader.fitting(events)
                await reader.write(shared[shared_key], events)
                stations[reader.station] = reader.grant.side
            else:
                await reader.write(reader.fitting(events), events)
        for station, side in stations.items():
            self._on_sent(
                station,
                [event for event in events if isinstance(event, EventLine) and event.is_for(side)],
            )


def _look(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("stream.failed", exc_info=error)
