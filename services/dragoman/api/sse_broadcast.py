"""Open streams: one task writes each event to all of a channel's readers, so that a thousand of them cost a thousand writes and no more.

What a reader may have is looked up once for all that have the same token, and put
together once for all of the same side. A write goes into the reader's own buffer and
waits for nobody. A reader whose buffer is full is told so, cut off, and resumes by its
last position; while it still reads what it had missed, what arrives is held for it, and
where that becomes too much it reads on from the file.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

import structlog
from aiohttp import web
from aiohttp.http_writer import StreamWriter
from aiohttp_sse import EventSourceResponse
from msgspec import json

from dragoman.domain.views.alarms import Escalation
from dragoman.limits import STREAM_BYTES, STREAM_HELD
from dragoman.stores.tokens_and_sessions import Grant
from dragoman_schemas.responses import Alarm, Entry, Row

log = structlog.get_logger()

_AT_ONCE: Final = 64
"""Readers that are written to before others have their turn: a few hundred
microseconds.
"""


class EventLine:
    """One event as bytes, where in the log it stands, whose act it is, and which sides it is for; None for all that may read."""

    __slots__ = ("encoded", "event", "position", "side", "sides")

    def __init__(
        self,
        name: bytes,
        position: int,
        entry: Entry | Row,
        side: str,
        sides: frozenset[str] | None = None,
    ) -> None:
        """Encode what is said."""
        self.position = position
        self.side = side
        self.sides = sides
        self.encoded = json.encode(entry)
        self.event = b"id: %d\nevent: %b\ndata: %b\n\n" % (position, name, self.encoded)

    def is_for(self, side: str) -> bool:
        """Return whether a reader of a side gets it."""
        return self.sides is None or side in self.sides


class AlarmLine:
    """An alarm as bytes: for the officers whom it has reached, and for every officer of the sides that wait."""

    __slots__ = ("event", "officers", "side")

    def __init__(self, escalation: Escalation, alarm: Alarm) -> None:
        """Encode the alarm."""
        self.side = escalation.side
        self.officers = escalation.officers
        self.event = b"event: alarm\ndata: %s\n\n" % json.encode(alarm)

    def concerns(self, actor: str) -> bool:
        """Return whether an officer hears it."""
        return actor in self.officers or actor.partition("/")[0] != self.side


Event = EventLine | AlarmLine


class Stream(EventSourceResponse):
    """A stream of server-sent events that can be written to without waiting."""

    async def push(self, events: bytes) -> None:
        """Put events into the stream's buffer. Raises `ConnectionResetError` where the reader has left."""
        assert isinstance(self._payload_writer, StreamWriter)
        await self._payload_writer.write(events, drain=False)


class Reader:
    """One open stream, and whose it is. `may` says whether they may still read; `ended` is done once it is over."""

    def __init__(
        self,
        response: Stream,
        request: web.Request,
        grant: Grant,
        station: str,
        may: Callable[[], bool],
        first: int,
    ) -> None:
        """Begin with what is to be missed first."""
        self._response = response
        self._transport = request.transport
        self.grant = grant
        self.station = station
        self.may = may
        self.key = grant, str(request.get("session", ""))
        self.is_live = False
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._upto = first - 1
        self._held: list[Event] = []
        self._overrun = False

    @property
    def has_left(self) -> bool:
        """Return whether nobody is there any more."""
        return self._transport is None or self._transport.is_closing()

    def end(self) -> None:
        """Let the stream end."""
        if not self.ended.done():
            self.ended.set_result(None)

    def begin_again(self, upto: int) -> int:
        """Hold what comes after a position, up to which the reader is brought what it has missed."""
        self._upto, self._overrun = max(upto, self._upto), False
        self._held.clear()
        return self._upto

    def hold(self, events: Iterable[Event]) -> None:
        """Keep events until what was missed has been brought."""
        self._held.extend(events)
        if len(self._held) > STREAM_HELD:
            self._held.clear()
            self._overrun = True

    async def go_live(self, ringing: list[AlarmLine]) -> None:
        """Write what was held, and from now on what arrives; unless too much was held, which is to be brought from the file."""
        if self._overrun:
            return
        events: list[Event] = [
            *ringing,
            *(event for event in self._held if isinstance(event, EventLine)),
        ]
        self._held.clear()
        self.is_live = True
        await self.write(self.fitting(events), events)

    def wants(self, event: Event) -> bool:
        """Return whether an event is for this reader, and new."""
        if isinstance(event, AlarmLine):
            return bool(self.station) and event.concerns(self.grant.actor)
        return event.position > self._upto and event.is_for(self.grant.side)

    def fitting(self, events: Iterable[Event]) -> bytes:
        """Return those events that are for this reader, as bytes."""
        return b"".join([event.event for event in events if self.wants(event)])

    def is_after(self, events: list[Event]) -> bool:
        """Return whether all of these are new to this reader."""
        return all(isinstance(event, AlarmLine) or event.position > self._upto for event in events)

    async def write(self, written: bytes, events: Iterable[Event]) -> None:
        """Write what fits of some events; a reader that has left is done, and one that does not read is told, and cut off."""
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
    """The readers of one stream of a channel. `told` hears which lines a station of a side has got."""

    def __init__(self, told: Callable[[str, list[EventLine]], None]) -> None:
        """Have none yet."""
        self._told = told
        self._readers: dict[Reader, None] = {}
        self._pending: list[Event] = []
        self._writing: asyncio.Task[None] | None = None

    def __bool__(self) -> bool:
        """Return whether anybody reads."""
        return bool(self._readers)

    def join(self, reader: Reader) -> None:
        """Take a reader in."""
        self._readers[reader] = None

    def leave(self, reader: Reader) -> None:
        """Forget a reader."""
        self._readers.pop(reader, None)

    async def go_live(self, reader: Reader, ringing: list[AlarmLine]) -> None:
        """Let a reader have what arrives from now on."""
        await reader.go_live(ringing)

    def sweep(self) -> None:
        """End the streams whose readers have left: nothing else tells of it before the next event."""
        for reader in tuple(self._readers):
            if reader.has_left:
                reader.end()

    def hand(self, event: Event) -> None:
        """Hand an event to all readers, soon."""
        self._pending.append(event)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
            self._writing.add_done_callback(_look)

    async def _write(self) -> None:
        while self._pending:
            events, self._pending = self._pending, []
            await self._write_all(events)

    async def _write_all(self, events: list[Event]) -> None:
        """Write some events to all readers, in order; what is the same for several is put together once."""
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
                reader.end()  # the session, the token or the officer ended while the stream was open
            elif not reader.is_live:
                reader.hold(events)
            elif reader.is_after(events):
                alike = reader.grant.side, reader.station, reader.grant.actor if ringing else ""
                if alike not in shared:
                    shared[alike] = reader.fitting(events)
                await reader.write(shared[alike], events)
                stations[reader.station] = reader.grant.side
            else:
                await reader.write(reader.fitting(events), events)
        for station, side in stations.items():
            self._told(
                station,
                [event for event in events if isinstance(event, EventLine) and event.is_for(side)],
            )


def _look(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("stream.failed", exc_info=error)
