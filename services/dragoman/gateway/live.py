"""Live records and alarms: one stream a reader, each event encoded once for all of them.

A stream first brings what the reader has missed, from the file, then what arrives. A reader that falls too far behind
is cut off, and resumes from its last position without a gap: the event's id is the position.

Between the records comes the event `alarm` for an unacknowledged flash: at once, every minute, and whenever it reaches further
officers of the side. It goes to those whom it has reached, and to the side that waits; it has no id, and is never missed for good.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime

from aiohttp import web
from aiohttp.client_exceptions import ClientConnectionResetError
from aiohttp_sse import EventSourceResponse
from msgspec import Raw, json

from dragoman.domain import alarms
from dragoman.domain.access import officer_side
from dragoman.domain.alarms import Escalation
from dragoman.domain.exchange import owes_acknowledgement
from dragoman.gateway.service import Service
from dragoman.limits import RECORDS_PAGE, RING_SECONDS, STREAM_QUEUE
from dragoman.projection import reads, watching
from dragoman.projection.live import Behind, Projection, entry_of
from dragoman.projection.store import Row as Stored
from dragoman.projection.store import Store
from dragoman.stores.access import Grant
from dragoman_schemas.answers import Alarm, Entry, Row
from dragoman_schemas.state import Exchange

EVENT_STREAM = "text/event-stream"
NDJSON = "application/x-ndjson"
CLOUDEVENTS = "application/cloudevents-batch+json"


class Line:
    """One event as bytes, where in the log it stands, whose act it is, and which sides it is for; None for all that may read."""

    __slots__ = ("encoded", "event", "position", "side", "sides")

    def __init__(self, name: bytes, position: int, said: Entry | Row, side: str, sides: frozenset[str] | None = None) -> None:
        """Encode what is said."""
        self.position = position
        self.side = side
        self.sides = sides
        self.encoded = json.encode(said)
        self.event = b"id: %d\nevent: %b\ndata: %b\n\n" % (position, name, self.encoded)

    def is_for(self, side: str) -> bool:
        """Whether a reader of a side gets it."""
        return self.sides is None or side in self.sides


def recorded(stored: Stored) -> Line:
    """A record, as every reader of the channel gets it."""
    folded, record = stored.folded, stored.folded.record
    return Line(b"record", folded.position, entry_of(stored), officer_side(record.envelope.actor) if record and folded.valid else "")


def changed(stored: Stored) -> Line | None:
    """An exchange that has changed, for the sides that it concerns."""
    folded, record = stored.folded, stored.folded.record
    if not isinstance(folded.state, Exchange) or not folded.valid or record is None:
        return None
    return row_line(reads.row_of(folded.state), officer_side(record.envelope.actor), folded.position)


def row_line(row: Row, side: str, position: int) -> Line:
    """An exchange as an event of an inbox."""
    return Line(b"exchange", position, row, side, frozenset((row.side, *row.to)))


class Ringing:
    """An alarm as bytes: for the officers whom it has reached, and for every officer of the sides that wait."""

    __slots__ = ("event", "officers", "side")

    def __init__(self, escalation: Escalation, alarm: Alarm) -> None:
        """Encode the alarm."""
        self.side = escalation.side
        self.officers = escalation.officers
        self.event = b"event: alarm\ndata: %s\n\n" % json.encode(alarm)

    def concerns(self, actor: str) -> bool:
        """Whether an officer hears it."""
        return actor in self.officers or actor.partition("/")[0] != self.side


class Tail:
    """Encodes each folded record once, and hands it to every open stream of the channel; rings while a flash waits."""

    def __init__(self, projection: Projection, now: Callable[[], datetime], line: Callable[[Stored], Line | None]) -> None:
        """Listen to the projection, and make a line of each folded record. What waits already is known after `begin`."""
        self._projection = projection
        self._line = line
        self._now = now
        self._queues: dict[asyncio.Queue[Line | Ringing | None], Callable[[], bool]] = {}
        self._flashes: dict[str, Exchange] = {}
        self._settled: set[str] | None = set()
        self._rung: dict[tuple[str, str], tuple[int, int]] = {}
        projection.listeners.add(self._arrived)

    async def begin(self, store: Store) -> None:
        """Take what waits from the file, once; what was heard of meanwhile is newer. A file that is behind is asked again."""
        if self._settled is None:
            return
        with suppress(Behind):
            await self._take(store)

    async def _take(self, store: Store) -> None:
        await self._projection.in_file()
        for exchange in await asyncio.wrap_future(store.in_thread(watching.flashes, store, self._projection.name)):
            if exchange.id not in (self._settled or ()):
                self._flashes.setdefault(exchange.id, exchange)
        self._settled = None

    def ring(self) -> None:
        """Hand an alarm to every stream for each flash that is to be repeated or has reached further officers."""
        rung: dict[tuple[str, str], tuple[int, int]] = {}
        for exchange, each in self._waiting():
            key, heard = (each.message, each.side), (each.repeats, len(each.rungs))
            rung[key] = heard
            if self._rung.get(key) != heard and self._queues:
                self._hand(Ringing(each, watching.flash_alarm(exchange, each, self._now())))
        self._rung = rung

    def _waiting(self) -> Iterator[tuple[Exchange, Escalation]]:
        for exchange in self._flashes.values():
            for each in alarms.escalations(self._projection.registry, exchange, self._now()):
                yield exchange, each

    def _arrived(self, row: Stored) -> None:
        state = row.folded.state
        if isinstance(state, Exchange) and state.precedence == "flash":
            if owes_acknowledgement(state):
                self._flashes[state.id] = state
            else:
                self._flashes.pop(state.id, None)
                if self._settled is not None:
                    self._settled.add(state.id)
        if not self._queues:
            return
        line = self._line(row)
        if line is not None:
            self._hand(line)

    def _hand(self, line: Line | Ringing) -> None:
        for queue in tuple(self._queues):
            try:
                queue.put_nowait(line)
            except asyncio.QueueFull:
                self._cut_off(queue)

    def _cut_off(self, queue: asyncio.Queue[Line | Ringing | None]) -> None:
        self._queues.pop(queue, None)
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)

    def sweep(self) -> None:
        """End the streams whose readers have left: nothing else tells of it before the next record."""
        for queue, has_left in tuple(self._queues.items()):
            if has_left():
                self._cut_off(queue)

    def open(self, has_left: Callable[[], bool]) -> asyncio.Queue[Line | Ringing | None]:
        """A queue of what waits and of what arrives from now on; None at its end says that its reader was too slow, or has left."""
        queue: asyncio.Queue[Line | Ringing | None] = asyncio.Queue(STREAM_QUEUE)
        self._queues[queue] = has_left
        for exchange, each in itertools.islice(self._waiting(), STREAM_QUEUE // 2):
            queue.put_nowait(Ringing(each, watching.flash_alarm(exchange, each, self._now())))
        return queue

    def close(self, queue: asyncio.Queue[Line | Ringing | None]) -> None:
        """Forget a queue."""
        self._queues.pop(queue, None)


async def keep_ringing(tails: Mapping[tuple[str, str], Tail], store: Store) -> None:
    """Ring in all channels that somebody listens to, for ever."""
    while True:
        await asyncio.sleep(RING_SECONDS)
        for tail in [*tails.values()]:
            await tail.begin(store)
            tail.sweep()
            tail.ring()


async def missed(service: Service, projection: Projection, first: int, last: int) -> AsyncIterator[list[Line]]:
    """The records from one position to another, from the file."""
    await projection.in_file(last)
    while first <= last:
        most = min(RECORDS_PAGE, last - first + 1)
        entries = await asyncio.wrap_future(service.store.in_thread(reads.records, service.store, projection.name, first, most))
        if not entries:
            return
        yield [Line(b"record", entry.position, entry, side) for entry, side in entries]
        first = entries[-1][0].position + 1


Missed = Callable[[int], AsyncIterator[list[Line]]]
"""What a reader has missed, up to a position."""


async def stream(
    request: web.Request,
    service: Service,
    projection: Projection,
    tail: Tail,
    grant: Grant,
    missed: Missed,
    first: int,
    still: Callable[[], bool],
) -> web.StreamResponse:
    """Serve what was missed and what arrives from a position on as server-sent events, until the reader leaves, is cut off, or may no longer read."""
    await projection.reached(first - 1)
    response = EventSourceResponse(headers={"Dragoman-Position": str(projection.state.position)}, sep="\n")
    await response.prepare(request)
    transport = request.transport
    queue, side = tail.open(lambda: transport is None or transport.is_closing()), service.station(grant, projection)
    told = projection.state.position
    try:
        async with response:
            await response.write(b"retry: 1000\n\n")
            async for lines in missed(told):
                await response.write(b"".join(line.event for line in lines))
                _note(service, projection, side, lines)
            while (arrived := await queue.get()) is not None:
                found = [arrived]
                while not queue.empty() and (more := queue.get_nowait()) is not None:
                    found.append(more)
                if not (still() and service.may_see(grant, projection)):
                    break  # the session, the token or the officer ended while the stream was open
                fresh = [line for line in found if isinstance(line, Line) and line.position > told and line.position >= first]
                fresh = [line for line in fresh if line.is_for(grant.side)]
                rings = [ring for ring in found if isinstance(ring, Ringing) and side and ring.concerns(grant.actor)]
                await response.write(b"".join([line.event for line in fresh] + [ring.event for ring in rings]))
                _note(service, projection, side, fresh)
    except (ClientConnectionResetError, ConnectionResetError):
        pass
    finally:
        tail.close(queue)
    return response


def inbox(service: Service, projection: Projection, side: str, after: int | None) -> Missed:
    """What an inbox begins with: what concerns the side and has changed after a position, or all that waits for it."""

    async def brought(last: int) -> AsyncIterator[list[Line]]:
        await projection.in_file(last)
        since = after
        while True:
            rows = await asyncio.wrap_future(service.store.in_thread(reads.inbox, service.store, projection.name, side, since))
            if rows:
                yield [row_line(row, "", row.position) for row in rows]
            if since is None or len(rows) < RECORDS_PAGE:
                return
            since = rows[-1].position

    return brought


async def lines(request: web.Request, service: Service, projection: Projection, side: str, first: int, last: int) -> web.StreamResponse:
    """Serve records as newline-delimited JSON, from a position to another, and end."""
    response = web.StreamResponse(headers={"Dragoman-Position": str(last)})
    response.content_type = NDJSON
    await response.prepare(request)
    async for found in missed(service, projection, first, last):
        await response.write(b"\n".join(line.encoded for line in found) + b"\n")
        _note(service, projection, side, found)
    await response.write_eof()
    return response


async def batch(service: Service, projection: Projection, side: str, first: int, path: str) -> web.Response:
    """Valid records from a position on as a CloudEvents batch, as many as a page has; `Link` names the next one."""
    found = await asyncio.wrap_future(service.store.in_thread(reads.records, service.store, projection.name, first))
    for entry, whose in reversed(found) if side else ():
        if whose not in ("", side):
            service.deliveries.note(projection.name, side, entry.position)
            break
    last = found[-1][0].position if found else first - 1
    headers = {"Dragoman-Position": str(last)}
    if last < projection.state.position:
        headers["Link"] = f'<{path}?after={last}>; rel="next"'
    events = b",".join(bytes(entry.record) for entry, _ in found if entry.valid and isinstance(entry.record, Raw))
    return web.Response(body=b"[%b]" % events, headers=headers, content_type=CLOUDEVENTS)


def _note(service: Service, projection: Projection, side: str, lines: list[Line]) -> None:
    for line in reversed(lines) if side else ():
        if line.side not in ("", side):
            service.deliveries.note(projection.name, side, line.position)
            return
