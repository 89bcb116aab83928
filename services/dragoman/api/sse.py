"""Live records and alarms as server-sent events, each encoded once for all streams.

A stream first brings what its reader has missed, from the file, and then new events.
The id of an event is its position, from which the stream resumes without a gap.

Between the records comes the event `alarm` for an unacknowledged flash, and for a
message that a side has not passed on by its limit. It comes at once, every minute, and
whenever it reaches further officers of the side. It goes to the officers whom it has
reached, and to the side that waits. It has no id, and is repeated until it is settled.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from aiohttp import web
from aiohttp.client_exceptions import ClientConnectionResetError
from msgspec import Raw

from dragoman.api.sse_broadcast import (
    AlarmLine,
    DeflatedStream,
    EventLine,
    Reader,
    Readers,
    Stream,
)
from dragoman.application.rosters import ladders
from dragoman.application.service import Service
from dragoman.domain.acts.access import officer_side
from dragoman.domain.acts.families.exchange import owes_acknowledgement
from dragoman.domain.views import alarms
from dragoman.domain.views.alarms import REPEAT_SECONDS, Escalation, UnpassedMessage
from dragoman.limits import GROUP_ALARMS, RECORDS_PAGE, RING_SECONDS
from dragoman.projection.projection import NotYetApplied, Projection
from dragoman.projection.queries import duty_watch, lists, records
from dragoman.projection.queries.record_entries import entry_of
from dragoman.projection.store import Store
from dragoman.projection.stored_row import StoredRow as Stored
from dragoman.projection.view import queried
from dragoman.stores.tokens_and_sessions import Grant
from dragoman.supervision import Backoff, alarm, cancel_until_ended
from dragoman_schemas.responses import Entry, Row
from dragoman_schemas.state import Exchange

EVENT_STREAM = "text/event-stream"
NDJSON = "application/x-ndjson"
CLOUDEVENTS = "application/cloudevents-batch+json"

_DEFLATE: Final = re.compile(r"(?:^|[, ])deflate(?! *; *q=0(?:\.0*)?(?:$|[, ]))")


def recorded(stored: Stored) -> EventLine:
    """Return a record as an event for every reader of the channel."""
    folded, record = stored.folded, stored.folded.record
    return EventLine(
        b"record",
        folded.position,
        entry_of(stored),
        officer_side(record.envelope.actor) if record and folded.valid else "",
    )


def message_line(entry: Entry, side: str) -> EventLine:
    """Return a message of the log as an event for stations, which judge it themselves.

    Its data are the bytes of the log, and of junk its bytes in hex. The id is the
    position.
    """
    line = EventLine(b"record", entry.position, entry, side)
    name, data = (
        (b"message", bytes(entry.record))
        if isinstance(entry.record, Raw)
        else (b"junk", entry.junk.encode())
    )
    line.event = b"id: %d\nevent: %b\ndata: %b\n\n" % (entry.position, name, data)
    return line


def message(stored: Stored) -> EventLine:
    """Return a message of the log as an event for stations."""
    line = recorded(stored)
    return message_line(entry_of(stored), line.side)


def changed(stored: Stored) -> EventLine | None:
    """Return an exchange that has changed, as an event for the sides that it concerns.

    None if the record is of no exchange.
    """
    folded, record = stored.folded, stored.folded.record
    if not isinstance(folded.state, Exchange) or not folded.valid or record is None:
        return None
    return row_line(
        lists.row_of(folded.state), officer_side(record.envelope.actor), folded.position
    )


def row_line(row: Row, side: str, position: int) -> EventLine:
    """Return an exchange as an event of an inbox."""
    return EventLine(b"exchange", position, row, side, frozenset((row.side, *row.to)))


class Tail:
    """The newest events of a channel, each made once for every reader.

    It also rings: it repeats alarms while a flash is not acknowledged.
    """

    def __init__(
        self,
        projection: Projection,
        now: Callable[[], datetime],
        line: Callable[[Stored], EventLine | None],
        on_sent: Callable[[str, list[EventLine]], None],
        with_roster: Callable[[Any], Any],
    ) -> None:
        """Listen to the projection.

        After `begin`, the flashes that wait already are known.

        `on_sent` is called with the lines that a station of a side has received.
        `with_roster` adds the people by the roster to those whom an alarm has reached.
        """
        self._projection = projection
        self._line = line
        self._now = now
        self._with_roster = with_roster
        self.readers = Readers(on_sent)
        self._flashes: dict[str, Exchange] = {}
        self._to_pass_on: dict[str, Exchange] = {}
        self._settled: set[str] | None = set()
        self._rung: dict[tuple[str, str], tuple[int, int]] = {}
        self._ringing_at = 0
        self._ringing_lines: list[AlarmLine] = []
        projection.listeners.add(self._arrived)

    async def begin(self, store: Store) -> None:
        """Read the waiting flashes from the file, once.

        What arrives meanwhile is newer. If the file is behind, it is read again later.
        """
        if self._settled is None:
            return
        with suppress(NotYetApplied):
            await self._take(store)

    async def _take(self, store: Store) -> None:
        await self._projection.in_file()
        for exchange in await asyncio.wrap_future(
            store.in_thread(queried, store, self._projection.name, duty_watch.flashes)
        ):
            if exchange.id not in (self._settled or ()):
                self._flashes.setdefault(exchange.id, exchange)
        for exchange in await asyncio.wrap_future(
            store.in_thread(queried, store, self._projection.name, duty_watch.passed_on_later)
        ):
            self._to_pass_on.setdefault(exchange.id, exchange)
        self._settled, self._ringing_at = None, 0

    def ring(self) -> None:
        """Pass an alarm to every reader for each flash that is due.

        It is due if it is to be repeated, or has reached further officers. Of many
        flashes from one side to one side, the later ones ring once and are not
        repeated.
        """
        rung: dict[tuple[str, str], tuple[int, int]] = {}
        groups: Counter[tuple[str, str]] = Counter()
        for exchange, escalation in self._waiting():
            key, progress = (
                (escalation.message, escalation.side),
                (escalation.repeats, len(escalation.rungs)),
            )
            sender = next(
                message.said.side
                for message in exchange.messages
                if message.id == escalation.message
            )
            groups[sender, escalation.side] += 1
            if groups[sender, escalation.side] > GROUP_ALARMS:
                progress = 0, 0
            rung[key] = progress
            if self._rung.get(key) != progress and self.readers:
                self.readers.hand(self._ringing(exchange, escalation))
        for exchange, message in self._unpassed():
            minutes = int((self._now() - message.since).total_seconds()) // REPEAT_SECONDS
            key, progress = (
                (f"passed-on {message.message}", message.side),
                (minutes, len(message.rungs)),
            )
            rung[key] = progress
            if self._rung.get(key) != progress and self.readers:
                self.readers.hand(AlarmLine(message, duty_watch.unpassed_alarm(exchange, message)))
        self._rung = rung

    def ringing(self) -> list[AlarmLine]:
        """Return the alarms that ring now, for a new reader.

        They are made once a second for all readers that come. An alarm reads its record
        from the file, and hundreds of readers come back together after a restart.
        """
        second = int(self._now().timestamp())
        if second != self._ringing_at:
            self._ringing_lines = [
                *(self._ringing(exchange, escalation) for exchange, escalation in self._waiting()),
                *(
                    AlarmLine(message, duty_watch.unpassed_alarm(exchange, message))
                    for exchange, message in self._unpassed()
                ),
            ]
            self._ringing_at = second
        return self._ringing_lines

    def _ringing(self, exchange: Exchange, escalation: Escalation) -> AlarmLine:
        record = self._projection.record_at(
            duty_watch.message_position(exchange, escalation.message)
        )
        return AlarmLine(
            escalation,
            duty_watch.flash_alarm(
                exchange, escalation, self._now(), record if record and record.act else None
            ),
        )

    def _waiting(self) -> Iterator[tuple[Exchange, Escalation]]:
        for exchange in self._flashes.values():
            for escalation in alarms.escalations(self._projection.registry, exchange, self._now()):
                yield exchange, self._with_roster(escalation)

    def _unpassed(self) -> Iterator[tuple[Exchange, UnpassedMessage]]:
        registry, now = self._projection.registry, self._now()
        for exchange in self._to_pass_on.values():
            for message in alarms.unpassed(registry, exchange, now):
                yield exchange, self._with_roster(message)

    def _arrived(self, row: Stored) -> None:
        state = row.folded.state
        for erased in row.folded.removed:
            self._to_pass_on.pop(erased, None)
        if isinstance(state, Exchange) and self._projection.registry.onward:
            if alarms.may_be_unpassed(self._projection.registry, state):
                self._to_pass_on[state.id] = state
            else:
                self._to_pass_on.pop(state.id, None)
        if isinstance(state, Exchange) and state.precedence == "flash":
            if owes_acknowledgement(state):
                self._flashes[state.id] = state
            else:
                self._flashes.pop(state.id, None)
                if self._settled is not None:
                    self._settled.add(state.id)
        if not isinstance(state, Exchange) or state.precedence == "flash" or self._to_pass_on:
            self._ringing_at = 0
        if not self.readers:
            return
        line = self._line(row)
        if line is not None:
            self.readers.hand(line)
        if isinstance(state, Exchange) and state.id in self._flashes:
            self.ring()  # A flash rings at once, and not at the next second.


async def tail_of(
    tails: dict[tuple[str, str], Tail],
    service: Service,
    projection: Projection,
    line: Callable[[Stored], EventLine | None],
) -> Tail:
    """Return the tail of a channel for one kind of line; it is made once."""
    kind = projection.name, line.__name__
    if kind not in tails:
        tails[kind] = Tail(
            projection,
            service.now,
            line,
            delivery_note(service, projection),
            partial(ladders.with_roster, service, projection),
        )
    await tails[kind].begin(service.store)
    return tails[kind]


async def keep_ringing(tails: Mapping[tuple[str, str], Tail], store: Store) -> None:
    """Ring in all channels that have readers, for ever."""
    again: dict[tuple[str, str], Backoff] = {}
    while True:
        await asyncio.sleep(RING_SECONDS)
        for key, tail in [*tails.items()]:
            backoff = again.setdefault(key, Backoff())
            if not backoff.due:
                continue
            try:
                await tail.begin(store)
                tail.readers.sweep()
                tail.ring()
            except Exception as error:  # The other channels still ring.  # noqa: BLE001
                alarm("ringing", error, backoff.failed(), channel=key[0])


Missed = Callable[[int, int], AsyncIterator[list[EventLine]]]
"""A function that yields the events from one position to another."""


Attend = Callable[[Stream], Awaitable[None]]
"""A function that writes into a live stream what is not in the log, until it ends."""


@dataclass(frozen=True, slots=True)
class Begins:
    """The beginning of a stream.

    `first` is its first position, `missed` reads what was missed, and `still` says
    whether its token or session is still valid. `attend` is for the stream of a
    station.
    """

    first: int
    missed: Missed
    still: Callable[[], bool]
    attend: Attend | None = None


async def missed(
    service: Service, projection: Projection, first: int, last: int
) -> AsyncIterator[list[EventLine]]:
    """Yield the records from one position to another, from the file."""
    await projection.in_file(last)
    while first <= last:
        limit = min(RECORDS_PAGE, last - first + 1)
        entries = await asyncio.wrap_future(
            service.store.in_thread(
                queried, service.store, projection.name, records.records, first, limit
            )
        )
        if not entries:
            return
        yield [EventLine(b"record", entry.position, entry, side) for entry, side in entries]
        first = entries[-1][0].position + 1


async def missed_messages(
    service: Service, projection: Projection, first: int, last: int
) -> AsyncIterator[list[EventLine]]:
    """Yield the messages of the log from one position to another, for a station."""
    await projection.in_file(last)
    while first <= last:
        limit = min(RECORDS_PAGE, last - first + 1)
        entries = await asyncio.wrap_future(
            service.store.in_thread(
                queried, service.store, projection.name, records.records, first, limit
            )
        )
        if not entries:
            return
        yield [message_line(entry, side) for entry, side in entries]
        first = entries[-1][0].position + 1


async def stream(
    request: web.Request,
    service: Service,
    projection: Projection,
    tail: Tail,
    grant: Grant,
    begins: Begins,
) -> web.StreamResponse:
    """Serve missed and new events, until the reader leaves or may no longer read.

    A reader that is too slow is cut off.
    """
    first = begins.first
    await projection.reached(first - 1)
    kind = DeflatedStream if begins.attend and _takes_deflate(request) else Stream
    response = kind(headers={"Dragoman-Position": str(projection.state.position)}, sep="\n")
    await response.prepare(request)
    may = begins.still
    reader = Reader(
        response,
        request,
        grant,
        service.receiving_side(grant, projection),
        lambda: may() and service.may_see(grant, projection),
        first,
    )
    tail.readers.join(reader)
    attending: list[asyncio.Task[None]] = []
    try:
        async with response:
            await response.write(b"retry: 1000\n\n")
            if begins.attend is not None:
                attending.append(asyncio.create_task(_attended(begins.attend, response, reader)))
            while not reader.is_live:
                upto = reader.begin_again(projection.state.position)
                await _bring(service, projection, response, reader, begins.missed(first, upto))
                first = upto + 1
                await tail.readers.go_live(reader, tail.ringing())
            await reader.ended
            if service.lifecycle.ending.is_set():
                await response.bid_farewell()
    except (ClientConnectionResetError, ConnectionResetError):
        pass
    finally:
        tail.readers.leave(reader)
        await cancel_until_ended(attending)
    return response


def _takes_deflate(request: web.Request) -> bool:
    return _DEFLATE.search(request.headers.get("Accept-Encoding", "")) is not None


async def _attended(attend: Attend, response: Stream, reader: Reader) -> None:
    """Write beside the records, and end the stream if that fails."""
    try:
        await attend(response)
    except (ClientConnectionResetError, ConnectionResetError):
        pass
    finally:
        reader.end()


async def _bring(
    service: Service,
    projection: Projection,
    response: Stream,
    reader: Reader,
    pages: AsyncIterator[list[EventLine]],
) -> None:
    """Write what a reader has missed.

    The events are gone when this returns. A variable of the open stream would keep the
    last page of them until the reader leaves.
    """
    async for lines in pages:
        fresh = [line for line in lines if line.is_for(reader.grant.side)]
        await response.write(b"".join(line.event for line in fresh))
        _note(service, projection, reader.station, fresh)


def inbox(service: Service, projection: Projection, side: str, after: int | None) -> Missed:
    """Return the function that yields the beginning of an inbox.

    That is what has changed for the side after a position; without a position it is all
    that waits for the side.
    """
    begun = False

    async def brought(first: int, last: int) -> AsyncIterator[list[EventLine]]:
        nonlocal begun
        await projection.in_file(last)
        since = first - 1 if begun else after
        begun = True
        while True:
            rows = await asyncio.wrap_future(
                service.store.in_thread(
                    queried, service.store, projection.name, lists.inbox, side, since
                )
            )
            if rows:
                yield [row_line(row, "", row.position) for row in rows]
            if since is None or len(rows) < RECORDS_PAGE:
                return
            since = rows[-1].position

    return brought


async def lines(
    request: web.Request, service: Service, projection: Projection, side: str, first: int, last: int
) -> web.StreamResponse:
    """Serve records as newline-delimited JSON, from one position to another."""
    response = web.StreamResponse(headers={"Dragoman-Position": str(last)})
    response.content_type = NDJSON
    await response.prepare(request)
    with suppress(ConnectionError):  # A reader that has read enough leaves before the end.
        async for event_lines in missed(service, projection, first, last):
            await response.write(b"\n".join(line.encoded for line in event_lines) + b"\n")
            _note(service, projection, side, event_lines)
        await response.write_eof()
    return response


async def batch(
    service: Service, projection: Projection, side: str, first: int, path: str
) -> web.Response:
    """Return one page of valid records as a CloudEvents batch.

    `Link` names the next page.
    """
    rows = await asyncio.wrap_future(
        service.store.in_thread(queried, service.store, projection.name, records.records, first)
    )
    for entry, whose in reversed(rows) if side else ():
        if whose not in ("", side):
            service.deliveries.note(projection.name, side, entry.position)
            break
    last = rows[-1][0].position if rows else first - 1
    headers = {"Dragoman-Position": str(last)}
    if last < projection.state.position:
        headers["Link"] = f'<{path}?after={last}>; rel="next"'
    events = b",".join(
        bytes(entry.record) for entry, _ in rows if entry.valid and isinstance(entry.record, Raw)
    )
    return web.Response(body=b"[%b]" % events, headers=headers, content_type=CLOUDEVENTS)


def delivery_note(
    service: Service, projection: Projection
) -> Callable[[str, list[EventLine]], None]:
    """Return a function that notes which lines a station of a side has received."""
    return lambda side, lines: _note(service, projection, side, lines)


def _note(service: Service, projection: Projection, side: str, lines: list[EventLine]) -> None:
    for line in reversed(lines) if side else ():
        if line.side not in ("", side):
            service.deliveries.note(projection.name, side, line.position)
            return
