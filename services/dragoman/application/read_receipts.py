"""Read receipts: the exchanges that each side has opened, and flashes that it has not.

An acknowledgement says that a person has the message. It does not say that anybody has
read it. So openings of an exchange are stored beside the log: the first one after each
record of another side. Only the own side reads them (decision 0072). A flash that was
acknowledged and that nobody of the side has opened is shown to the side. A flash is a
message of the highest precedence.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Final

import msgspec
import structlog
from aiohttp import web
from msgspec import Raw, Struct
from msgspec.structs import replace

from dragoman.application.clock import stamp
from dragoman.application.service import Service
from dragoman.domain.acts.families.exchange import precedence_of
from dragoman.domain.record.codec import Record
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.limits import CHANGED_SECONDS, UNOPENED_RECORDS, UNOPENED_SECONDS
from dragoman.projection.projection import Projection
from dragoman.projection.queries import records
from dragoman.projection.stored_row import StoredRow as Stored
from dragoman.projection.view import queried
from dragoman.stores.tokens_and_sessions import Grant
from dragoman_schemas.knowledge_responses import FirstOpening
from dragoman_schemas.responses import Entry, ExchangeView
from dragoman_schemas.state import Exchange, Message, decode_exchange

log = structlog.get_logger()

_CHANGES: Final = 20
_REMEMBERED: Final = 5_000
"""Openings that this gateway remembers, so that it does not store them again."""


class Unopened(Struct, frozen=True, kw_only=True):
    """A flash that a side has acknowledged and not opened.

    `position` is that of the message, `acknowledged` the time of the acknowledgement.
    A flash that was acknowledged before this gateway began is `shown` once it was
    compared with the openings that are stored.
    """

    message: str
    exchange: str
    number: str
    position: int
    acknowledged: str
    shown: bool


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
        self._opened: OrderedDict[tuple[str, str, str], int] = OrderedDict()

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
                    store.in_thread(queried, store, name, records.records, first, UNOPENED_RECORDS)
                )
                for exchange in {
                    entry.exchange for entry, _ in rows if entry.valid and entry.exchange
                }:
                    state = projection.exchange(exchange)
                    if state is not None:
                        self._note(projection, state, after=first - 1, shown=False)

    def _hear(self, projection: Projection, row: Stored) -> None:
        record, state = row.folded.record, row.folded.state
        if record is None or not row.folded.valid or not isinstance(state, Exchange):
            return
        if record.name == "acknowledgement":
            self._note(projection, state, after=row.folded.position - 1, shown=True)
        elif record.name in _CHANGING_ACTS:
            self._note_change(projection, state, record, row.folded.position)

    def _note(self, projection: Projection, state: Exchange, *, after: int, shown: bool) -> None:
        """Note the flashes that were acknowledged after a position.

        If they are not `shown` at once, they are compared with the stored openings
        first.
        """
        for message in state.messages:
            if precedence_of(state, message) != "flash":
                continue
            for side, receipt in message.acknowledged.items():
                if receipt.position > after and not self._is_opened(
                    projection, side, state.id, message.said.position
                ):
                    waiting = self._waits.setdefault((projection.name, side), {})
                    waiting[message.id] = Unopened(
                        message=message.id,
                        exchange=state.id,
                        number=state.number,
                        position=message.said.position,
                        acknowledged=receipt.time,
                        shown=shown,
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

    async def compare(self) -> None:
        """Compare the flashes that wait with the openings that all gateways stored.

        Raises `LogUnreachable`.
        """
        for (name, side), waiting in list(self._waits.items()):
            projection = self._service.channels[name]
            for exchange in {unopened.exchange for unopened in waiting.values()}:
                openings = await self._service.opened_exchanges.of(
                    projection.registry.cid, side, exchange
                )
                newest = max((opening.after for opening in openings), default=0)
                for key, unopened in list(waiting.items()):
                    if unopened.exchange == exchange:
                        if unopened.position <= newest:
                            waiting.pop(key, None)
                        else:
                            waiting[key] = replace(unopened, shown=True)

    def unopened(self, projection: Projection, side: str) -> tuple[Unopened, ...]:
        """Return the flashes that a side has acknowledged and not opened.

        They are those of the last hours. One that was opened at another gateway goes
        with the next comparison, long before it is late.
        """
        waiting = self._waits.get((projection.name, side), {})
        since = time.time() - UNOPENED_SECONDS
        for key in [
            key for key, unopened in waiting.items() if _seconds(unopened.acknowledged) < since
        ]:
            del waiting[key]
        return tuple(
            sorted(
                (unopened for unopened in waiting.values() if unopened.shown),
                key=lambda item: item.acknowledged,
            )
        )

    def opened(self, projection: Projection, view: ExchangeView, grant: Grant) -> None:
        """Note that the caller looks at an exchange now, as the view shows it.

        At a station of a side, the side has then opened the exchange. Its first opening
        after the newest record of another side is stored.
        """
        side = self._service.receiving_side(grant, projection)
        if not side:
            return
        state = decode_exchange(bytes(view.state))
        for message in _flashes(state, side):
            self._waits.get((projection.name, side), {}).pop(message.id, None)
        after = _newest_of_others(view, state, side)
        if not after or self._is_opened(projection, side, state.id, after):
            return
        self._opened[projection.name, side, state.id] = after
        self._opened.move_to_end((projection.name, side, state.id))
        while len(self._opened) > _REMEMBERED:
            self._opened.popitem(last=False)
        opening = FirstOpening(
            after=after,
            position=max([state.updated.position, *(entry.position for entry in view.timeline)]),
            at=stamp(self._service.now()),
            by=grant.actor,
        )
        task = asyncio.create_task(self._keep(projection, side, state.id, opening))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _is_opened(self, projection: Projection, side: str, exchange: str, position: int) -> bool:
        """Return whether a side has opened an exchange here with the record in it."""
        return self._opened.get((projection.name, side, exchange), 0) >= position

    async def _keep(
        self, projection: Projection, side: str, exchange: str, opening: FirstOpening
    ) -> None:
        stored, cid = self._service.opened_exchanges, projection.registry.cid
        try:
            await stored.add(cid, side, exchange, opening)
            if exchange in projection.registry.erased:  # It was erased meanwhile.
                await stored.delete(cid, exchange)
        except LogUnreachable as error:
            # The next opening is stored instead. Until then another gateway may remind
            # the side once too often.
            self._opened.pop((projection.name, side, exchange), None)
            log.info("opened.not_kept", reason=str(error))


class _Author(Struct, frozen=True, kw_only=True):
    """The actor of a record."""

    actor: str = ""


_author = msgspec.json.Decoder(_Author).decode


def _newest_of_others(view: ExchangeView, state: Exchange, side: str) -> int:
    """Return the position of an exchange's newest record by an officer of another side.

    It is among the newest records, which the view has, or it is a message or a receipt.
    The result is 0 if no other side has acted.
    """
    ours = (side, "service")
    for entry in reversed(view.timeline):
        if entry.valid and _side_of(entry) not in ours:
            return entry.position
    return max(
        (
            receipt.position
            for message in state.messages
            for receipt in (message.said, *message.acknowledged.values())
            if receipt.by.partition("/")[0] not in ours
        ),
        default=0,
    )


def _side_of(entry: Entry) -> str:
    """Return the side of a record's actor; `service` for what is not a record."""
    if not isinstance(entry.record, Raw):
        return "service"
    return _author(bytes(entry.record)).actor.partition("/")[0]


def _flashes(state: Exchange, side: str) -> Iterator[Message]:
    return (
        message
        for message in state.messages
        if side in message.to and precedence_of(state, message) == "flash"
    )


def _seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


READ_RECEIPTS: Final = web.AppKey("reading", ReadReceipts)
