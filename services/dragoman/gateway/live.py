"""Live records: one stream a reader, each record encoded once for all of them.

A stream first brings what the reader has missed, from the file, then what arrives. A reader that falls too far behind
is cut off, and resumes from its last position without a gap: the event's id is the position.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

from aiohttp import web
from aiohttp.client_exceptions import ClientConnectionResetError
from aiohttp_sse import EventSourceResponse
from msgspec import json

from dragoman.domain.access import officer_side
from dragoman.gateway.service import Service
from dragoman.limits import RECORDS_PAGE, STREAM_QUEUE
from dragoman.projection import reads
from dragoman.projection.live import Projection, entry_of
from dragoman.projection.store import Row
from dragoman.stores.access import Grant
from dragoman_schemas.answers import Entry

EVENT_STREAM = "text/event-stream"
NDJSON = "application/x-ndjson"


class Line:
    """One entry as bytes, and whose act it is."""

    __slots__ = ("encoded", "position", "side")

    def __init__(self, entry: Entry, side: str) -> None:
        """Encode the entry."""
        self.position = entry.position
        self.side = side
        self.encoded = json.encode(entry)

    @property
    def event(self) -> bytes:
        """The line as a server-sent event."""
        return b"id: %d\nevent: record\ndata: %s\n\n" % (self.position, self.encoded)


class Tail:
    """Encodes each folded record once, and hands it to every open stream of the channel."""

    def __init__(self, projection: Projection) -> None:
        """Listen to the projection."""
        self._queues: set[asyncio.Queue[Line | None]] = set()
        projection.listeners.add(self._arrived)

    def _arrived(self, row: Row) -> None:
        if not self._queues:
            return
        record = row.folded.record
        line = Line(entry_of(row), officer_side(record.envelope.actor) if record is not None and row.folded.valid else "")
        for queue in tuple(self._queues):
            try:
                queue.put_nowait(line)
            except asyncio.QueueFull:
                self._queues.discard(queue)
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(None)

    def open(self) -> asyncio.Queue[Line | None]:
        """A queue of what arrives from now on; None at its end says that its reader was too slow."""
        queue: asyncio.Queue[Line | None] = asyncio.Queue(STREAM_QUEUE)
        self._queues.add(queue)
        return queue

    def close(self, queue: asyncio.Queue[Line | None]) -> None:
        """Forget a queue."""
        self._queues.discard(queue)


async def missed(service: Service, projection: Projection, first: int, last: int) -> AsyncIterator[list[Line]]:
    """The records from one position to another, from the file."""
    await projection.in_file(last)
    while first <= last:
        most = min(RECORDS_PAGE, last - first + 1)
        entries = await asyncio.wrap_future(service.store.in_thread(reads.records, service.store, projection.name, first, most))
        if not entries:
            return
        yield [Line(entry, side) for entry, side in entries]
        first = entries[-1][0].position + 1


async def stream(
    request: web.Request, service: Service, projection: Projection, tail: Tail, grant: Grant, first: int, still: Callable[[], bool]
) -> web.StreamResponse:
    """Serve server-sent events from a position on, until the reader leaves, is cut off, or may no longer read."""
    await projection.reached(first - 1)
    response = EventSourceResponse(headers={"Dragoman-Position": str(projection.state.position)}, sep="\n")
    await response.prepare(request)
    queue, side = tail.open(), service.station(grant, projection)
    told = projection.state.position
    try:
        async with response:
            await response.write(b"retry: 1000\n\n")
            async for lines in missed(service, projection, first, told):
                await response.write(b"".join(line.event for line in lines))
                _note(service, projection, side, lines)
            while (line := await queue.get()) is not None:
                lines = [line]
                while not queue.empty() and (more := queue.get_nowait()) is not None:
                    lines.append(more)
                if not (still() and service.may_see(grant, projection)):
                    break  # the session, the token or the officer ended while the stream was open
                fresh = [line for line in lines if line.position > told and line.position >= first]
                await response.write(b"".join(line.event for line in fresh))
                _note(service, projection, side, fresh)
    except (ClientConnectionResetError, ConnectionResetError):
        pass
    finally:
        tail.close(queue)
    return response


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


def _note(service: Service, projection: Projection, side: str, lines: list[Line]) -> None:
    for line in reversed(lines) if side else ():
        if line.side not in ("", side):
            service.deliveries.note(projection.name, side, line.position)
            return
