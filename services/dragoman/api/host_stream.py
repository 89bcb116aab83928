"""One stream of server-sent events over all channels of a caller.

    event: channels    the position after which each channel goes on, at the beginning
    event: record      {"channel": …, "record": …}, each record of each channel in order
    event: alarm       {"channel": …, "alarm": …}, as the stream of one channel has it
    event: channel     a channel that the officer has gained: it goes on from here
    event: gone        a channel that the officer has lost
    event: reset       the cursor is unknown or has expired: read the inbox anew
    event: cursor      a new cursor, where nothing else has come for hours

The id of an event is a cursor that covers all channels. A stream that resumes from it
has every later record of each channel once. Each channel hands its events to the
stream, which sends them when its reader has room. If too many wait, or one is missing,
the stream reads on from the file. So a position is sent only after the one before it.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Final

import msgspec
import structlog
from aiohttp import web
from aiohttp.client_exceptions import ClientConnectionResetError

from dragoman.api import sse
from dragoman.api.sse_broadcast import AlarmLine, Event, EventLine, Reader, Stream
from dragoman.application.service import Service
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.limits import RECORDS_PAGE, STREAM_HELD
from dragoman.projection.projection import NotYetApplied, Projection
from dragoman.stores.stream_cursors import (
    RENEW_SECONDS,
    Positions,
    StreamCursors,
    mark_of,
)
from dragoman.stores.tokens_and_sessions import Grant

log = structlog.get_logger()

_LOOK_SECONDS: Final = 1.0
"""The interval at which a stream looks for channels that were gained or lost."""

_WRITE_SECONDS: Final = 30.0
"""Seconds for which a reader may leave what is sent to it unread."""

_ALARM: Final = b"event: alarm\ndata: "
_AT_ONCE: Final = 100
"""Records of one channel that are sent before the others have their turn."""


class _Channel(Reader):
    """One channel of a stream: what waits to be sent of it.

    `sent` is its last position in the stream, and `upto` a position up to which records
    must be read from the file.
    """

    def __init__(self, stream: "HostStream", projection: Projection, tail: sse.Tail, sent: int):
        super().__init__(
            stream.response,
            stream.request,
            stream.grant,
            stream.service.receiving_side(stream.grant, projection),
            lambda: stream.may_read(projection),
            sent + 1,
        )
        self.projection = projection
        self.tail = tail
        self.sent = sent
        self.upto = max(sent, projection.state.position)
        self.lines: deque[EventLine] = deque()
        self.alarms: list[AlarmLine] = []
        self.note = sse.delivery_note(stream.service, projection)
        self.is_live = True
        self._stream = stream

    @property
    def cid(self) -> str:
        """The channel's cid."""
        return self.projection.registry.cid

    @property
    def is_pending(self) -> bool:
        """Return whether anything of the channel can be sent."""
        return bool(self.lines or self.alarms) or self.upto > self.sent

    def end(self) -> None:
        """Look again at once whether the reader may read, and is still connected."""
        self._stream.look_now()

    def is_after(self, events: list[Event]) -> bool:
        """Return False, because no two streams have the same ids."""
        del events
        return False

    def fitting(self, events: Iterable[Event]) -> bytes:
        """Return no bytes, because the stream writes for itself."""
        del events
        return b""

    async def write(self, written: bytes, events: Iterable[Event]) -> None:
        """Let events wait until the stream sends them."""
        del written
        for event in events:
            if isinstance(event, AlarmLine):
                if self.station and event.concerns(self.grant.actor):
                    self.alarms.append(event)
            else:
                self.lines.append(event)
        if len(self.lines) > STREAM_HELD:
            self.upto = max(self.upto, self.lines[-1].position)
            self.lines.clear()
        self._stream.woken.set()

    def next_lines(self) -> list[EventLine]:
        """Return the lines that follow what was sent, without a gap."""
        while self.lines and self.lines[0].position <= self.sent:
            self.lines.popleft()
        following: list[EventLine] = []
        expected = self.sent + 1
        while self.lines and self.lines[0].position == expected and len(following) < _AT_ONCE:
            following.append(self.lines.popleft())
            expected += 1
        return following

    @property
    def missing_to(self) -> int:
        """The last position to read from the file; 0 if nothing is missing."""
        last = self.lines[0].position - 1 if self.lines else self.upto
        return last if last > self.sent else 0


class HostStream:
    """One open stream over all channels of a caller."""

    def __init__(
        self,
        request: web.Request,
        service: Service,
        grant: Grant,
        tails: dict[tuple[str, str], sse.Tail],
        still: Callable[[], bool],
    ) -> None:
        """Prepare the stream; `still` says whether the token is in force."""
        self.request = request
        self.service = service
        self.grant = grant
        self.response = Stream(sep="\n")
        self.woken = asyncio.Event()
        self._tails = tails
        self._still = still
        self._cursors = StreamCursors(service.access.bucket)
        self._channels: dict[str, _Channel] = {}
        self._base: Positions | None = None
        self._looked = 0.0

    def may_read(self, projection: Projection) -> bool:
        """Return whether the caller may read a channel now."""
        return self._still() and self.service.may_see(self.grant, projection)

    def look_now(self) -> None:
        """Look for lost channels, and for the end of the token, without delay."""
        self._looked = 0.0
        self.woken.set()

    # The beginning

    async def begin(self, cursor: str) -> bytes:
        """Take up all channels, and return the first events.

        The stream goes on after a cursor, if one is given.

        Raises `LogUnreachable` if the positions cannot be read or stored.
        """
        positions: Mapping[str, int] | None = {}
        if cursor:
            positions = await self._cursors.find(self.grant, cursor)
        first = b"retry: 1000\n\n"
        if positions is None:
            first += _event("reset", {"reason": "unknown", "do": "GET /v1/inbox"})
            positions = {}
        visible = self.service.visible(self.grant)
        gained = {
            projection.registry.cid
            for projection in visible
            if cursor and positions and mark_of(projection.registry.cid) not in positions
        }
        for projection in visible:
            await self._join(projection, positions.get(mark_of(projection.registry.cid)))
        await self._store()
        begins = {
            channel.projection.name: channel.sent
            for channel in self._channels.values()
            if channel.cid not in gained
        }
        first += _event("channels", {"channels": begins}, self._cursor())
        for channel in self._channels.values():
            if channel.cid in gained:
                first += self._gained(channel)
        return first

    async def _join(self, projection: Projection, sent: int | None) -> _Channel:
        """Take up a channel after a position; by default after its newest."""
        tail = await sse.tail_of(self._tails, self.service, projection, sse.recorded)
        channel = _Channel(
            self, projection, tail, projection.state.position if sent is None else sent
        )
        self._channels[projection.name] = channel
        tail.readers.join(channel)
        await channel.write(b"", tail.ringing())
        return channel

    def _gained(self, channel: _Channel) -> bytes:
        news = {"channel": channel.projection.name, "position": channel.sent}
        return _event("channel", news, self._cursor())

    # Cursors

    def _sent(self) -> dict[str, int]:
        return {channel.cid: channel.sent for channel in self._channels.values()}

    def _cursor(self) -> str:
        """Return the cursor of what was sent; empty if the positions must be stored."""
        return "" if self._base is None else self._base.cursor(self._sent())

    async def _store(self) -> None:
        """Store the positions anew, or use those of another stream of the token."""
        sent = self._sent()
        newest = self.request.app[NEWEST].get(self.grant.id)
        if (
            newest is not None
            and newest is not self._base
            and time.time() - newest.at < RENEW_SECONDS
            and newest.covers(sent)
            and all(sent[cid] >= newest.positions[newest.places[mark_of(cid)]] for cid in sent)
            and newest.cursor(sent)
            and self._cursors.stored(self.grant, str(newest.slot), newest.name) is not None
        ):
            self._base = newest
            return
        self._base = await self._cursors.store(self.grant, sent)
        self.request.app[NEWEST][self.grant.id] = self._base

    # The stream

    async def run(self, first: bytes) -> None:
        """Serve events until the reader leaves or may no longer read."""
        await self.response.prepare(self.request)
        try:
            async with self.response:
                await self._send(first)
                while await self._go_on():
                    self.woken.clear()
                    if await self._round():
                        continue
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_LOOK_SECONDS):
                            await self.woken.wait()
                if self.service.lifecycle.ending.is_set():
                    await self.response.bid_farewell()
        except (ClientConnectionResetError, ConnectionResetError, TimeoutError):
            pass
        finally:
            self.leave()

    def leave(self) -> None:
        """Leave all channels."""
        for channel in self._channels.values():
            channel.tail.readers.leave(channel)

    async def _send(self, events: bytes) -> None:
        async with asyncio.timeout(_WRITE_SECONDS):
            await self.response.write(events)

    async def _go_on(self) -> bool:
        """Return whether the stream goes on, after a look at its channels."""
        transport = self.request.transport
        if transport is None or transport.is_closing() or self.service.lifecycle.ending.is_set():
            return False
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return True
        self._looked = time.monotonic()
        if not self._still():
            return False
        visible = {projection.name: projection for projection in self.service.visible(self.grant)}
        lost = [
            name
            for name, channel in self._channels.items()
            if visible.get(name) is not channel.projection
        ]
        for name in lost:
            channel = self._channels.pop(name)
            channel.tail.readers.leave(channel)
            await self._send(_event("gone", {"channel": name}, self._cursor()))
        gained = [visible[name] for name in visible if name not in self._channels]
        try:
            await self._take_up(gained)
        except LogUnreachable as error:
            log.info("stream.cursor_not_stored", reason=str(error))
        return bool(self._channels)

    async def _take_up(self, gained: list[Projection]) -> None:
        """Take up channels that the officer has gained, and renew an old cursor.

        The cursor covers a channel before any event of it is sent. Raises
        `LogUnreachable`, and is then called again.
        """
        is_old = self._base is None or time.time() - self._base.at > RENEW_SECONDS
        if not gained and not is_old:
            return
        sent = self._sent() | {
            projection.registry.cid: projection.state.position for projection in gained
        }
        self._base = await self._cursors.store(self.grant, sent)
        self.request.app[NEWEST][self.grant.id] = self._base
        for projection in gained:
            channel = await self._join(projection, sent[projection.registry.cid])
            await self._send(self._gained(channel))
        if not gained:
            await self._send(_event("cursor", {}, self._cursor()))

    async def _round(self) -> bool:
        """Send alarms and some records of each channel. Return whether any came."""
        pending = [channel for channel in self._channels.values() if channel.is_pending]
        for channel in pending:
            await self._ring(channel)
        progress = False
        for channel in pending:
            lines = channel.next_lines()
            if not lines and (last := channel.missing_to):
                lines = await self._read(channel, last)
            if lines:
                progress = True
                await self._send_records(channel, lines)
        return progress

    async def _ring(self, channel: _Channel) -> None:
        alarms, channel.alarms = channel.alarms, []
        name = msgspec.json.encode(channel.projection.name)
        events = [
            b'event: alarm\ndata: {"channel":%b,"alarm":%b}\n\n'
            % (name, alarm.event[len(_ALARM) : -2])
            for alarm in alarms
        ]
        if events:
            await self._send(b"".join(events))

    async def _read(self, channel: _Channel, last: int) -> list[EventLine]:
        """Return records from the file that the stream has missed; none if it lags."""
        first = channel.sent + 1
        try:
            async for lines in sse.missed(
                self.service, channel.projection, first, min(last, first + RECORDS_PAGE - 1)
            ):
                return lines
        except NotYetApplied:
            pass
        return []

    async def _send_records(self, channel: _Channel, lines: list[EventLine]) -> None:
        name = msgspec.json.encode(channel.projection.name)
        for start in range(0, len(lines), _AT_ONCE):
            part = lines[start : start + _AT_ONCE]
            events = bytearray()
            for line in part:
                before, channel.sent = channel.sent, line.position
                cursor = self._cursor()
                if not cursor:
                    channel.sent = before
                    await self._send(bytes(events))
                    events.clear()
                    self._base = await self._cursors.store(self.grant, self._sent())
                    self.request.app[NEWEST][self.grant.id] = self._base
                    channel.sent = line.position
                    cursor = self._cursor()
                events += b'id: %b\nevent: record\ndata: {"channel":%b,"record":%b}\n\n' % (
                    cursor.encode(),
                    name,
                    line.encoded,
                )
            await self._send(bytes(events))
            channel.note(channel.station, part)
            for other in self._channels.values():
                if other.alarms:  # A long catching up delays no alarm of another channel.
                    await self._ring(other)


NEWEST: Final = web.AppKey("newest_positions", dict[str, Positions])
"""The newest set of positions that this gateway has stored for each token."""


def _event(name: str, data: object, cursor: str = "") -> bytes:
    """Return an event that is no record, as bytes."""
    id = b"id: %b\n" % cursor.encode() if cursor else b""
    return b"%bevent: %b\ndata: %b\n\n" % (id, name.encode(), msgspec.json.encode(data))
