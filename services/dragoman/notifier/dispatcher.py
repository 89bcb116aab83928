"""The rounds of a courier: for each endpoint what is due again, then what is new, and each outcome is kept before the next one is begun.

    sent, and answered        the outcome is kept; a message to the side is recorded as handed over
    sent, and not answered    tried again after 5 s, 5 min, 30 min, 2 h … (`retries_s`), and given up after the last
    given up                  parked, recorded as failed, and sent again by hand
    the courier dies          a webhook that was on its way is sent once more, with the id that it had; a mail is not, and is parked as unclear

Any number of couriers may run: an endpoint is one's who holds it, for a minute at a
time.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Final

import structlog
from msgspec.structs import replace

from dragoman.application.command_handler import CommandHandler, stamp
from dragoman.domain.acts.access import may_read
from dragoman.domain.acts.families import delivery_outcomes as rules
from dragoman.domain.decide import Post
from dragoman.domain.record.errors import Refused
from dragoman.eventlog.event_log import LogBroken, LogUnreachable
from dragoman.limits import POLL_SECONDS
from dragoman.notifier import selection
from dragoman.notifier.delivery import SECONDS, DeliveryResult, OutgoingItem, Transport
from dragoman.projection.projection import NotYetApplied, Projection
from dragoman.projection.store import StoredRow
from dragoman.stores.endpoints import (
    PARKED,
    PENDING,
    NotificationEndpoint,
    NotificationEndpoints,
    OutcomeToRecord,
    Progress,
    Waiting,
    WatchNoticeItem,
)
from dragoman.supervision import Backoff, alarm, cancel_until_ended
from dragoman.text import packed, sentence
from dragoman_schemas.acts.office.watch import CourierOutcome
from dragoman_schemas.responses import Means

log = structlog.get_logger()

AT_ONCE: Final = 8
"""Webhooks on their way to one endpoint: what a courier's death sends once more."""

HELD_SECONDS: Final = 60.0
"""How long an endpoint is one courier's without a word of it."""

_NOTICE_AGAIN: Final = (0.0, 2.0, 5.0)
"""Seconds before each try of a notice: an hour later nobody needs it."""

_UNTOLD: Final = 500
"""Records that are not for an endpoint, after which that is written down."""

_UNCLEAR: Final = sentence("it is not known whether it was sent; look, and send it again")


class Rounds:
    """Brings records to the endpoints of all channels that a process follows."""

    def __init__(
        self,
        channels: Mapping[str, Projection],
        desk: CommandHandler,
        store: NotificationEndpoints,
        means: Mapping[Means, Transport],
        *,
        retries_s: Iterable[float],
        name: str,
        now: Callable[[], datetime],
    ) -> None:
        """Bring by these means, and record through the desk. The `name` is this courier's over restarts, and no other's."""
        self._channels = channels
        self._desk = desk
        self._store = store
        self._means = means
        self._retries = tuple(retries_s)
        self._now = now
        self._name = name
        self._woken = asyncio.Event()
        self._heard: set[str] = set()
        self._working: dict[str, asyncio.Task[None]] = {}
        self._seen: dict[str, int] = {}
        self._marked: set[str] = set()
        self._noticing: dict[str, str] = {}
        self._backoffs: dict[str, Backoff] = {}

    async def run(self) -> None:
        """Bring for ever."""
        try:
            while True:
                await self._look()
                self._woken.clear()
                try:
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._woken.wait()
                except TimeoutError:
                    continue
        finally:
            await cancel_until_ended(self._working.values())

    async def _look(self) -> None:
        try:
            await self._store.refresh()
        except LogUnreachable as error:
            log.warning("courier.not_fresh", reason=str(error))
            return
        by_cid = {
            projection.registry.cid: projection
            for projection in self._channels.values()
            if projection.is_channel
        }
        for projection in by_cid.values():
            if projection.name not in self._heard:
                self._heard.add(projection.name)
                projection.listeners.add(self._wake)
        for endpoint in self._store.endpoints():
            channel = by_cid.get(endpoint.cid)
            if (
                channel is not None
                and channel.caught_up.is_set()
                and endpoint.id not in self._working
                and self._is_due(endpoint)
            ):
                task = self._working[endpoint.id] = asyncio.create_task(
                    self._serve(endpoint, channel)
                )
                task.add_done_callback(partial(self._ended, endpoint.id))

    def _wake(self, _row: StoredRow) -> None:
        self._woken.set()

    def _is_due(self, endpoint: NotificationEndpoint) -> bool:
        """Return whether an endpoint may be served now: one whose round failed is tried again later each time."""
        backoff = self._backoffs.get(endpoint.id)
        return backoff is None or backoff.due

    def _ended(self, endpoint: str, task: asyncio.Task[None]) -> None:
        del self._working[endpoint]
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            alarm(
                "courier",
                error,
                self._backoffs.setdefault(endpoint, Backoff()).failed(),
                endpoint=endpoint,
            )
        elif endpoint in self._backoffs and self._backoffs[endpoint].worked():
            log.info("task.recovered", task="courier", endpoint=endpoint)

    async def _serve(self, endpoint: NotificationEndpoint, projection: Projection) -> None:
        """Do what there is to do for an endpoint now, if nobody else does."""
        try:
            while await self._round(endpoint, projection):
                pass
        except (LogUnreachable, LogBroken, NotYetApplied) as error:
            log.warning("courier.put_off", endpoint=endpoint.id, reason=str(error))

    async def _round(self, endpoint: NotificationEndpoint, projection: Projection) -> bool:
        """Bring what is due and what is new, at most so many at once. Whether there may be more."""
        progress, revision = self._store.progress(endpoint.id)
        if self._store.find(endpoint.id) is None or (
            progress.holder != self._name and progress.until > time.time()
        ):
            return False
        if progress.told:
            return await self._tell(endpoint, projection, progress, revision)
        if progress.gone or not _may_be_told(endpoint, projection):
            return False
        notice, _ = self._store.notice(endpoint.cid, endpoint.side)
        if notice is not None and (
            notice.id != progress.noticed or self._noticing.get(endpoint.id) == notice.id
        ):
            return await self._notify(endpoint, projection, progress, revision, notice)
        most = AT_ONCE if endpoint.means == "webhook" else 1
        position = (
            projection.state.position
        )  # what is known of an endpoint may be ahead of the log here
        due = [
            entry
            for entry in progress.waiting
            if entry.again <= time.time() and entry.position <= position
        ][:most]
        room = len(progress.waiting) < PENDING and len(progress.parked) < PARKED
        number = max(progress.upto, self._seen.get(endpoint.id, 0))
        fresh, upto = (
            await selection.following(endpoint, projection, number, most - len(due))
            if room
            else ([], number)
        )
        again = [
            item
            for item in [await selection.at(projection, entry.position) for entry in due]
            if item is not None
        ]
        items = [*again, *fresh]
        if not items and not due and upto - progress.upto < _UNTOLD:
            self._seen[endpoint.id] = (
                upto  # nothing is for it: that is found out again after a restart
            )
            return False
        if items:
            held = await self._held(endpoint, progress, revision, items)
            if held is None:
                return False
            progress, revision = held
        bring = self._means[endpoint.means]
        outcomes = await asyncio.gather(*(bring(endpoint, item) for item in items))
        tries = {entry.position: entry.tries for entry in due}
        progress = replace(
            progress,
            upto=upto,
            going=0,
            waiting=tuple(entry for entry in progress.waiting if entry.position not in tries),
        )
        for item, brought in zip(items, outcomes, strict=True):
            progress = self._after(
                endpoint, projection, progress, item, brought, tries.get(item.position, 0)
            )
        return await self._surely_kept(endpoint, progress, revision)

    async def _notify(
        self,
        endpoint: NotificationEndpoint,
        projection: Projection,
        progress: Progress,
        revision: int,
        notice: WatchNoticeItem,
    ) -> bool:
        """Bring a notice about the side's own watch, which is written down first: it is tried a few times, and never by two.

        Where the answer to that was lost, it is brought once it shows that it was
        written by this courier.
        """
        if progress.noticed != notice.id:
            self._noticing[endpoint.id] = notice.id
            if await self._kept(endpoint, replace(progress, noticed=notice.id), revision) is None:
                return False
        del self._noticing[endpoint.id]
        if progress.noticed == notice.id and progress.holder != self._name:
            return False
        item = selection.noticed(endpoint, projection, notice)
        for wait in _NOTICE_AGAIN if item is not None else ():
            assert item is not None
            await asyncio.sleep(wait)
            brought = await self._means[endpoint.means](endpoint, item)
            log.info(
                "courier.noticed",
                endpoint=endpoint.id,
                notice=notice.id,
                kind=notice.kind,
                ok=brought.ok,
                answered=_said(brought),
            )
            if brought.ok or brought.gone:
                break
        return True

    async def _held(
        self,
        endpoint: NotificationEndpoint,
        progress: Progress,
        revision: int,
        items: list[OutgoingItem],
    ) -> tuple[Progress, int] | None:
        """Return the progress of an endpoint that is this courier's for as long as a try takes; None where somebody else was faster."""
        if (
            progress.going and endpoint.id not in self._marked
        ):  # its courier died with a mail on its way
            unclear = Waiting(position=progress.going, tries=1, answer=packed(_UNCLEAR))
            held = replace(
                progress,
                going=0,
                upto=max(progress.upto, progress.going),
                parked=(*progress.parked, unclear),
            )
            await self._kept(endpoint, held, revision)
            return None  # what is next is looked up anew
        if (
            endpoint.means == "e-mail"
        ):  # never sent twice: what is on its way is written down before it goes
            self._marked.add(endpoint.id)
            return await self._kept(endpoint, replace(progress, going=items[0].position), revision)
        if progress.holder == self._name and progress.until - time.time() > 2 * SECONDS:
            return progress, revision
        return await self._kept(endpoint, progress, revision)

    async def _kept(
        self, endpoint: NotificationEndpoint, progress: Progress, revision: int
    ) -> tuple[Progress, int] | None:
        """Write the progress, held for a while longer; None where somebody else wrote."""
        progress = replace(progress, holder=self._name, until=time.time() + HELD_SECONDS)
        written = await self._store.keep(endpoint.id, progress, revision)
        if written is None:
            await self._store.refresh()
            return None
        return progress, written

    async def _tell(
        self,
        endpoint: NotificationEndpoint,
        projection: Projection,
        progress: Progress,
        revision: int,
    ) -> bool:
        """Record the outcomes that are not on record; whether all are now."""
        outcomes = tuple(
            [
                outcome_to_record
                for outcome_to_record in progress.told
                if not await self._recorded(endpoint, projection, outcome_to_record)
            ]
        )
        return len(outcomes) < len(progress.told) and await self._surely_kept(
            endpoint, replace(progress, told=outcomes), revision
        )

    async def _surely_kept(
        self, endpoint: NotificationEndpoint, progress: Progress, revision: int
    ) -> bool:
        """Write what was done, as long as it takes the broker to come back: what was sent must not be sent again."""
        while True:
            try:
                if await self._kept(endpoint, progress, revision) is None and not self._is_kept(
                    endpoint, progress
                ):
                    log.warning("courier.taken_over", endpoint=endpoint.id)
                    return False
                return True
            except LogUnreachable as error:
                log.warning("courier.not_kept", endpoint=endpoint.id, reason=str(error))
                await asyncio.sleep(POLL_SECONDS)

    def _is_kept(self, endpoint: NotificationEndpoint, progress: Progress) -> bool:
        """Return whether what stands there is what was to be written: only the answer to that was lost then."""
        known, _ = self._store.progress(endpoint.id)
        return known.holder == self._name and replace(known, until=0.0) == replace(
            progress, holder=self._name, until=0.0
        )

    def _after(
        self,
        endpoint: NotificationEndpoint,
        projection: Projection,
        progress: Progress,
        item: OutgoingItem,
        brought: DeliveryResult,
        tries: int,
    ) -> Progress:
        """Return the progress after one try."""
        log.info(
            "courier.tried",
            endpoint=endpoint.id,
            position=item.position,
            ok=brought.ok,
            answered=_said(brought),
        )
        if brought.ok:
            progress = replace(progress, delivered=progress.delivered + 1)
            return self._to_tell(endpoint, projection, progress, item, "delivered")
        if brought.gone:
            progress = replace(progress, gone=True)
        known = Waiting(
            position=item.position,
            tries=tries + 1,
            answer="" if brought.answered is None else packed(brought.answered),
        )
        if tries >= len(self._retries) or brought.gone:
            log.warning(
                "courier.parked",
                endpoint=endpoint.id,
                position=item.position,
                answered=_said(brought),
            )
            progress = replace(progress, parked=(*progress.parked, known))
            return self._to_tell(endpoint, projection, progress, item, "failed")
        again = time.time() + max(self._retries[tries], brought.wait)
        return replace(progress, waiting=(*progress.waiting, replace(known, again=again)))

    def _to_tell(
        self,
        endpoint: NotificationEndpoint,
        projection: Projection,
        progress: Progress,
        item: OutgoingItem,
        outcome: str,
    ) -> Progress:
        """With what is to be recorded: of a message to the side, that it was handed over, or given up."""
        exchange = projection.exchange(item.exchange)
        if exchange is None or not rules.is_told(exchange, item.id, endpoint.side):
            return progress
        outcome_to_record = OutcomeToRecord(
            position=item.position,
            outcome="delivered" if outcome == "delivered" else "failed",
            at=stamp(self._now()),
        )
        return replace(progress, told=(*progress.told, outcome_to_record))

    async def _recorded(
        self,
        endpoint: NotificationEndpoint,
        projection: Projection,
        outcome_to_record: OutcomeToRecord,
    ) -> bool:
        """Record an outcome; whether it is on record, or never will be."""
        if outcome_to_record.position > projection.state.position:
            return False
        record = projection.record_at(outcome_to_record.position)
        if record is None or not record.act:
            return True  # it was erased meanwhile
        envelope = record.envelope
        outcome = CourierOutcome(
            side=endpoint.side,
            means=endpoint.means,
            of=envelope.id,
            outcome=outcome_to_record.outcome,
            at=outcome_to_record.at,
        )
        exchange = projection.exchange(envelope.subject)
        if exchange is not None and rules.is_recorded(exchange, outcome):
            return True
        id = self._desk.own_id(projection, rules.ACTOR, rules.key_of(outcome))
        post = Post(
            actor=rules.ACTOR,
            act=rules.act_of(outcome),
            data=outcome,
            id=id,
            exchange=envelope.subject,
        )
        try:
            await self._desk.post(projection, post)
        except Refused as error:
            again = error.refusal.kind in ("unavailable", "unknown-outcome", "busy", "read-only")
            log.info(
                "courier.outcome_not_recorded",
                endpoint=endpoint.id,
                reason=str(error.refusal.detail),
                again=again,
            )
            return not again
        return True


def _may_be_told(endpoint: NotificationEndpoint, projection: Projection) -> bool:
    """Return whether whoever entered the endpoint may still read the channel: an officer who has left leaves no tap open."""
    return may_read(projection.registry, endpoint.created_by) is None


def _said(brought: DeliveryResult) -> str:
    """Return what was answered, for whoever reads this service's own log."""
    return str(brought.answered or "")
