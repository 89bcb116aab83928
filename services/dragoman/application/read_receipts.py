"""Read receipts: flashes that a side has acknowledged and that nobody of it has opened.

An acknowledgement says that a person has the message. It does not say that anybody has
read it. A flash is a message of the highest precedence.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Final

import structlog
from aiohttp import web
from msgspec import Struct

from dragoman.application.service import Service
from dragoman.domain.acts.families.exchange import precedence_of
from dragoman.domain.record.codec import Record
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.limits import CHANGED_SECONDS, UNOPENED_RECORDS, UNOPENED_SECONDS
from dragoman.projection.projection import Projection
from dragoman.projection.queries import records
from dragoman.projection.stored_row import StoredRow as Stored
from dragoman.stores.tokens_and_sessions import Grant
from dragoman_schemas.state import Exchange, Message

log = structlog.get_logger()

_CHANGES: Final = 20


class Unopened(Struct, frozen=True, kw_only=True):
    """A flash that a side has acknowledged and not opened.

    `acknowledged` is the time of the acknowledgement.
    """

    message: str
    exchange: str
    number: str
    acknowledged: str


class ChangedFlash(Struct, frozen=True, kw_only=True):
    """A change to an acknowledged flash by its sender.

    `act` is a correction, an update or a cancellation. `position` and `time` are those
    of the record that changed it.
    """

    message: str
    exchange: str
    number: str
    act: str
    position: int
    time: str


_CHANGING_ACTS: Final = frozenset({"correction", "update", "cancellation"})


class ReadReceipts:
    """The acknowledged but unopened flashes of each side, in all channels."""

    def __init__(self, service: Service) -> None:
        """Begin without following any channel."""
        self._service = service
        self._listeners: dict[str, Callable[[Stored], None]] = {}
        self._waits: dict[tuple[str, str], dict[str, Unopened]] = {}
        self._changed: dict[tuple[str, str], deque[ChangedFlash]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def follow(self) -> None:
        """Follow the channels that exist now.

        Acknowledgements of shortly before are looked up in the file.
        """
        for name, projection in list(self._service.channels.items()):
            if (
                name not in self._listeners
                and projection.is_channel
                and projection.caught_up.is_set()
            ):
                self._listeners[name] = hear = partial(self._hear, projection)
                projection.listeners.add(hear)
                first = max(1, projection.flushed - UNOPENED_RECORDS + 1)
                store = self._service.store
                rows = await asyncio.wrap_future(
                    store.in_thread(records.records, store, name, first, UNOPENED_RECORDS)
                )
                for exchange in {
                    entry.exchange for entry, _ in rows if entry.valid and entry.exchange
                }:
                    state = projection.exchange(exchange)
                    if state is not None:
                        self._note(projection, state, after=first - 1)

    def _hear(self, projection: Projection, row: Stored) -> None:
        record, state = row.folded.record, row.folded.state
        if record is None or not row.folded.valid or not isinstance(state, Exchange):
            return
        if record.name == "acknowledgement":
            self._note(projection, state, after=row.folded.position - 1)
        elif record.name in _CHANGING_ACTS:
            self._note_change(projection, state, record, row.folded.position)

    def _note(self, projection: Projection, state: Exchange, *, after: int) -> None:
        """Note the flashes that were acknowledged after a position."""
        for message in state.messages:
            if precedence_of(state, message) != "flash":
                continue
            for side, receipt in message.acknowledged.items():
                if receipt.position > after and not self._service.access.watching.is_opened(
                    projection.registry.cid, side, message.id
                ):
                    waiting = self._waits.setdefault((projection.name, side), {})
                    waiting[message.id] = Unopened(
                        message=message.id,
                        exchange=state.id,
                        number=state.number,
                        acknowledged=receipt.time,
                    )

    def _note_change(
        self, projection: Projection, state: Exchange, record: Record, position: int
    ) -> None:
        """Note a later act of the sender of an acknowledged flash.

        It is not noted if it asks for an acknowledgement of its own, as a flash.
        """
        for message in state.messages:
            if (
                precedence_of(state, message) != "flash"
                or message.said.side != record.side
                or message.id == record.envelope.id
            ):
                continue
            for side in message.acknowledged:
                changed = ChangedFlash(
                    message=message.id,
                    exchange=state.id,
                    number=state.number,
                    act=record.name,
                    position=position,
                    time=record.envelope.time,
                )
                self._changed.setdefault((projection.name, side), deque(maxlen=_CHANGES)).append(
                    changed
                )

    def changed(self, projection: Projection, side: str) -> tuple[ChangedFlash, ...]:
        """Return the latest changes to flashes that a side had acknowledged.

        They are the changes of the last minutes.
        """
        since = time.time() - CHANGED_SECONDS
        return tuple(
            changed_flash
            for changed_flash in self._changed.get((projection.name, side), ())
            if _seconds(changed_flash.time) > since
        )

    def unopened(self, projection: Projection, side: str) -> tuple[Unopened, ...]:
        """Return the flashes that a side has acknowledged and not opened.

        They are those of the last hours.
        """
        waiting = self._waits.get((projection.name, side), {})
        since, watching = time.time() - UNOPENED_SECONDS, self._service.access.watching
        for key in [
            key
            for key, unopened in waiting.items()
            if _seconds(unopened.acknowledged) < since
            or watching.is_opened(projection.registry.cid, side, key)
        ]:
            del waiting[key]
        return tuple(sorted(waiting.values(), key=lambda item: item.acknowledged))

    def opened(self, projection: Projection, exchange: str, grant: Grant) -> None:
        """Note that the caller looks at an exchange now.

        At a station of a side, the side has then opened the flashes in the exchange.
        """
        side = self._service.station(grant, projection)
        state = projection.exchange(exchange) if side else None
        if state is None:
            return
        watching, cid = self._service.access.watching, projection.registry.cid
        for message in _flashes(state, side):
            self._waits.get((projection.name, side), {}).pop(message.id, None)
            if (
                not watching.is_opened(cid, side, message.id)
                and _seconds(message.said.time) > time.time() - UNOPENED_SECONDS
            ):
                task = asyncio.create_task(self._keep(cid, side, message.id))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _keep(self, cid: str, side: str, message: str) -> None:
        try:
            await self._service.access.watching.opened(cid, side, message, time.time())
        except LogUnreachable as error:
            # Another gateway may remind the side once too often.
            log.info("opened.not_kept", reason=str(error))


def _flashes(state: Exchange, side: str) -> Iterator[Message]:
    return (
        message
        for message in state.messages
        if side in message.to and precedence_of(state, message) == "flash"
    )


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


READ_RECEIPTS: Final = web.AppKey("reading", ReadReceipts)
