"""The dispatcher: for each endpoint, it sends what is due again, and then what is new.

Each result is stored before the next try begins:

    sent, and answered        the result is stored; a message to the side is recorded as
                              delivered
    sent, and not answered    tried again after 5 s, 5 min, 30 min, 2 h … (`retries_s`),
                              and given up after the last try
    given up                  parked, recorded as failed, and sent again by hand
    the notifier dies         a webhook that was on its way is sent once more, with the
                              same id; a mail is not, and is parked as unclear

Any number of notifiers may run: one notifier holds an endpoint for a minute at a time.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Final

import structlog
from msgspec.structs import replace

from dragoman import metrics
from dragoman.application.command_handler import CommandHandler
from dragoman.eventlog.event_log import LogBroken, LogUnreachable
from dragoman.limits import POLL_SECONDS
from dragoman.notifier import monthly_test, selection
from dragoman.notifier.allowances import Allowances, Verdict
from dragoman.notifier.delivery import SECONDS, DeliveryResult, OutgoingItem, Transport
from dragoman.notifier.endpoint_opener import EndpointOpener, FindKey
from dragoman.notifier.endpoint_positions import EndpointPositions
from dragoman.notifier.endpoint_queue import EndpointQueue
from dragoman.notifier.newest_run import NewestRun
from dragoman.notifier.outcomes import OutcomeRecorder
from dragoman.projection.projection import NotYetApplied, Projection
from dragoman.projection.stored_row import StoredRow
from dragoman.stores import reach_proofs
from dragoman.stores.endpoints import (
    PARKED,
    PENDING,
    NotificationEndpoint,
    NotificationEndpoints,
    Progress,
    Waiting,
    WatchNoticeItem,
)
from dragoman.supervision import Backoff, alarm, cancel_until_ended
from dragoman.text import Text, packed, sentence
from dragoman_schemas.responses import Means

log = structlog.get_logger()

AT_ONCE: Final = 8
"""The webhooks in flight to one endpoint; if the notifier dies, they are sent again."""

HELD_SECONDS: Final = 60.0
"""The time for which one notifier holds an endpoint without renewal."""

_NOTICE_AGAIN: Final = (0.0, 2.0, 5.0)
"""The seconds before each try of a notice: an hour later nobody needs it."""

_UNCLEAR: Final = sentence("it is not known whether it was sent; look, and send it again")


class Dispatcher:
    """A sender of records to the endpoints of all channels that a process follows."""

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
        allowances: Allowances | None = None,
        find_key: FindKey | None = None,
        proof_days: int = 0,
        is_spoken: Callable[[str], bool] = lambda _: False,
        ladder: selection.Ladder = selection.ladder_of_log,
    ) -> None:
        """Send by these means, and record through the command handler.

        The `name` is this notifier's over restarts, and no other's: see `newest_run`.
        Endpoints with sealed secrets are left to other notifiers if `find_key` returns
        no key. `is_spoken` says of a way's name whether it is a call. The `ladder` says
        whom a flash calls.
        """
        self._channels = channels
        self._outcomes = OutcomeRecorder(desk, now)
        self._store = store
        self._means = means
        self._retries = tuple(retries_s)
        self._now = now
        self._name = name
        self._run = NewestRun(store, name)
        self._woken = asyncio.Event()
        self._listened: set[str] = set()
        self._by_cid: dict[str, Projection] = {}
        self._readers: dict[str, selection.RecordReader] = {}
        self._positions: dict[str, EndpointPositions] = {}
        self._allowances = allowances
        self._opener = EndpointOpener(store, find_key)
        self._proof_days = proof_days
        self._is_spoken = is_spoken
        self._ladder = ladder
        self._queue = EndpointQueue(store)
        self._working: dict[str, asyncio.Task[None]] = {}
        self._marked: set[str] = set()
        self._noticing: dict[str, str] = {}
        self._backoffs: dict[str, Backoff] = {}

    async def run(self) -> None:
        """Send for ever."""
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
            await self._opener.prepare()
            if not await self._run.check():
                return
        except LogUnreachable as error:
            log.warning("courier.not_fresh", reason=str(error))
            return
        if len(self._listened) < len(self._channels):
            for name, projection in list(self._channels.items()):
                if name not in self._listened and projection.is_channel:
                    self._listened.add(name)
                    cid = projection.registry.cid
                    self._by_cid[cid] = projection
                    self._readers[cid] = selection.RecordReader(projection)
                    self._positions[cid] = EndpointPositions(self._store, cid)
                    projection.listeners.add(partial(self._wake, cid))
                    self._queue.moved.add(cid)
        moved, self._queue.moved = self._queue.moved, set()
        for cid in moved:
            await self._take_records(cid)
        for endpoint in self._queue.take():
            id = endpoint.id
            channel = self._by_cid.get(endpoint.cid)
            if channel is None:  # All its endpoints are queued once the channel is here.
                self._queue.pending.discard(id)
                continue
            if channel.caught_up.is_set() and id not in self._working and self._is_due(endpoint):
                self._queue.pending.discard(id)
                task = self._working[id] = asyncio.create_task(self._serve(endpoint, channel))
                task.add_done_callback(partial(self._ended, id))

    async def _take_records(self, cid: str) -> None:
        """Queue the endpoints of a channel for which one of its new records is.

        No record is read back: the fold has handed over what an endpoint can ask for.
        """
        projection, positions = self._by_cid[cid], self._positions[cid]
        if not projection.caught_up.is_set():
            self._queue.moved.add(cid)
            return
        self._queue.pending |= positions.take(projection.state.position)
        mark = positions.next_mark()
        if mark is not None:
            try:
                await self._store.move_mark(cid, mark)
            except LogUnreachable as error:
                log.warning("courier.not_kept", channel=projection.name, reason=str(error))

    def _wake(self, cid: str, row: StoredRow) -> None:
        if self._store.has_endpoints(cid):
            self._positions[cid].add(row)
            self._queue.moved.add(cid)
            self._woken.set()
        else:
            self._positions[cid].pass_over(row)

    def _is_due(self, endpoint: NotificationEndpoint) -> bool:
        """Return whether an endpoint may be served now.

        After a failed round, each next try waits longer.
        """
        backoff = self._backoffs.get(endpoint.id)
        return backoff is None or backoff.due

    def _ended(self, endpoint: str, task: asyncio.Task[None]) -> None:
        del self._working[endpoint]
        if endpoint in self._queue.pending:
            self._woken.set()
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            self._queue.pending.add(endpoint)
            alarm(
                "courier",
                error,
                self._backoffs.setdefault(endpoint, Backoff()).failed(),
                endpoint=endpoint,
            )
        elif endpoint in self._backoffs and self._backoffs[endpoint].worked():
            log.info("task.recovered", task="courier", endpoint=endpoint)

    async def _serve(self, endpoint: NotificationEndpoint, projection: Projection) -> None:
        """Do all that is due for an endpoint, unless another notifier holds it."""
        try:
            while await self._round(endpoint, projection):
                pass
        except (LogUnreachable, LogBroken, NotYetApplied) as error:
            self._queue.due[endpoint.id] = time.time() + POLL_SECONDS
            log.warning("courier.put_off", endpoint=endpoint.id, reason=str(error))
            return
        progress, _ = self._store.progress(endpoint.id)
        moments = [waiting.again for waiting in progress.waiting]
        if progress.holder != self._name and progress.until > time.time():
            moments = [progress.until]
        elif progress.told:
            moments.append(time.time() + POLL_SECONDS)
        if moments:
            moment = min(moments)
            # What is due and was not done waits for something else, such as the log.
            again = time.time() + POLL_SECONDS
            self._queue.due[endpoint.id] = moment if moment > time.time() else again

    async def _round(self, endpoint: NotificationEndpoint, projection: Projection) -> bool:
        """Send due and new records, up to a limit; return whether there may be more."""
        progress, revision = self._store.progress(endpoint.id)
        is_of_another = progress.holder != self._name and progress.until > time.time()
        if self._store.find(endpoint.id) is None or is_of_another or self._run.is_replaced:
            return False
        if progress.told:
            return await self._record_outcomes(endpoint, projection, progress, revision)
        if progress.gone:
            return False
        if not selection.may_receive(endpoint, projection):
            if endpoint.officer:  # The address of a person who has left is not kept.
                await self._store.remove(endpoint.id)
                log.info("endpoint.ended", endpoint=endpoint.id)
            return False
        opened = await self._opener.opened(endpoint)
        if opened is None:
            return False
        endpoint = opened
        await self._test(endpoint, projection)
        notice, _ = self._store.notice(endpoint.cid, endpoint.side)
        if (
            notice is not None
            and selection.is_noticed(endpoint, projection, notice.step, self._ladder)
            and (notice.id != progress.noticed or self._noticing.get(endpoint.id) == notice.id)
        ):
            return await self._notify(endpoint, projection, progress, revision, notice)
        most = AT_ONCE if endpoint.means == "webhook" else 1
        # The stored progress of an endpoint may be ahead of the log here.
        position = projection.state.position
        due = [
            entry
            for entry in progress.waiting
            if entry.again <= time.time() and entry.position <= position
        ][:most]
        room = len(progress.waiting) < PENDING and len(progress.parked) < PARKED
        positions, reader = self._positions[endpoint.cid], self._readers[endpoint.cid]
        number = positions.of(endpoint.id, progress.upto)
        fresh, upto = (
            await reader.following(endpoint, number, most - len(due))
            if room and number < position and positions.must_read(endpoint.id, progress.upto)
            else ([], number)
        )
        again = [
            item
            for item in [await reader.at(entry.position) for entry in due]
            if item is not None and self._still_calls(endpoint, projection, item)
        ]
        later: list[Waiting] = []
        if endpoint.called:
            fresh, later = self._called(endpoint, projection, fresh)
        items = [*again, *fresh]
        if not items and not due and not later:
            return positions.move(endpoint.id, upto) and upto > number
        if items:
            claimed = await self._claim(endpoint, progress, revision, items)
            if claimed is None:
                return False
            progress, revision = claimed
        outcomes = await asyncio.gather(
            *(self._bring(endpoint, projection, item) for item in items)
        )
        tried = {entry.position: entry for entry in due}
        progress = replace(
            progress,
            upto=upto,
            going=0,
            waiting=(
                *(entry for entry in progress.waiting if entry.position not in tried),
                *later,
            ),
        )
        for item, result in zip(items, outcomes, strict=True):
            progress = self._after(
                endpoint, projection, progress, item, result, tried.get(item.position)
            )
        return await self._write_until_stored(endpoint, progress, revision)

    async def _bring(
        self, endpoint: NotificationEndpoint, projection: Projection, item: OutgoingItem
    ) -> DeliveryResult:
        """Send an item, unless a limit of messages holds it back."""
        verdict = Verdict.SEND
        if self._allowances is not None and (endpoint.officer or endpoint.means == "message"):
            verdict = await self._allowances.take(endpoint, item)
        bring = self._means[endpoint.means]
        if verdict is Verdict.SEND:
            return await bring(endpoint, item)
        if verdict is Verdict.SUMMARY:
            await bring(endpoint, selection.summary(projection, item))
        log.info("courier.held", endpoint=endpoint.id, position=item.position)
        return DeliveryResult(ok=False, held=True)

    async def _test(self, endpoint: NotificationEndpoint, projection: Projection) -> None:
        """Send a test that was asked for, or that the month asks for."""
        proof = self._store.proof(endpoint.id)
        if not proof.asked and not monthly_test.is_due(
            endpoint, projection, proof, self._proof_days, self._now()
        ):
            return
        code = reach_proofs.new_code(endpoint.id, spoken=self._is_spoken(endpoint.way))
        id = proof.asked or secrets.token_hex(16)
        if not await self._store.update_proof(
            endpoint.id, partial(reach_proofs.claimed, code=code, test=proof.asked)
        ):
            return  # Another notifier sends it.
        result = await self._bring(
            endpoint, projection, selection.tested(endpoint, projection, id, code)
        )
        log.info(
            "courier.reach_tested",
            endpoint=endpoint.id,
            ok=result.ok,
            answered=_answer_text(result),
        )
        await self._store.update_proof(
            endpoint.id,
            partial(
                reach_proofs.tried,
                code=code,
                ok=result.ok,
                answered=result.answered,
                proves=endpoint.means == "webhook",
            ),
        )

    def _called(
        self, endpoint: NotificationEndpoint, projection: Projection, items: list[OutgoingItem]
    ) -> tuple[list[OutgoingItem], list[Waiting]]:
        """Return the items that the ladder brings to an officer: now, and later."""
        now, at_once, later = time.time(), [], []
        for item in items:
            moment = selection.called_at(endpoint, projection, item, self._ladder)
            if moment is not None and moment <= now:
                at_once.append(item)
            elif moment is not None:
                later.append(Waiting(position=item.position, again=moment))
        return at_once, later

    def _still_calls(
        self, endpoint: NotificationEndpoint, projection: Projection, item: OutgoingItem
    ) -> bool:
        """Return whether a message that waited is still for the endpoint.

        An officer is not woken by a flash that a colleague has acknowledged.
        """
        return (
            not endpoint.called
            or selection.called_at(endpoint, projection, item, self._ladder) is not None
        )

    async def tell(self, projection: Projection, officer: str, id: str, text: Text) -> int:
        """Send a sentence to an officer by each way; return the number of ways.

        Each id is sent once, by one notifier. Raises `LogUnreachable`.
        """
        cid = projection.registry.cid
        ways = [way for way in self._store.of_channel(cid) if way.officer == officer]
        if not ways or not await self._store.claim_reminder(id):
            return 0
        for way in ways:
            endpoint = await self._opener.opened(way)
            for wait in _NOTICE_AGAIN if endpoint is not None else ():
                assert endpoint is not None
                await asyncio.sleep(wait)
                item = selection.told(endpoint, projection, id, text)
                result = await self._bring(endpoint, projection, item)
                log.info("courier.reminded", endpoint=endpoint.id, ok=result.ok)
                if result.ok or result.held:
                    break
        return len(ways)

    async def _notify(
        self,
        endpoint: NotificationEndpoint,
        projection: Projection,
        progress: Progress,
        revision: int,
        notice: WatchNoticeItem,
    ) -> bool:
        """Send a notice about the side's own watch.

        The notice is first marked as sent in the progress. So it is tried a few times,
        but never by two notifiers. If the answer to that write was lost, the notice is
        sent only after a read shows that this notifier wrote.
        """
        if progress.noticed != notice.id:
            self._noticing[endpoint.id] = notice.id
            if (
                await self._write_progress(endpoint, replace(progress, noticed=notice.id), revision)
                is None
            ):
                return False
        del self._noticing[endpoint.id]
        if progress.noticed == notice.id and progress.holder != self._name:
            return False
        item = selection.noticed(endpoint, projection, notice)
        for wait in _NOTICE_AGAIN if item is not None else ():
            assert item is not None
            await asyncio.sleep(wait)
            result = await self._bring(endpoint, projection, item)
            log.info(
                "courier.noticed",
                endpoint=endpoint.id,
                notice=notice.id,
                kind=notice.kind,
                ok=result.ok,
                answered=_answer_text(result),
            )
            if result.ok or result.gone or result.held:
                break
        return True

    async def _claim(
        self,
        endpoint: NotificationEndpoint,
        progress: Progress,
        revision: int,
        items: list[OutgoingItem],
    ) -> tuple[Progress, int] | None:
        """Return the progress of an endpoint that this notifier holds for one try.

        Return None if another notifier was faster.
        """
        # Its notifier died while a mail was on its way.
        if progress.going and endpoint.id not in self._marked:
            unclear = Waiting(position=progress.going, tries=1, answer=packed(_UNCLEAR))
            unclear_progress = replace(
                progress,
                going=0,
                upto=max(progress.upto, progress.going),
                parked=(*progress.parked, unclear),
            )
            await self._write_progress(endpoint, unclear_progress, revision)
            return None  # The next item is looked up again.
        # A mail is never sent twice, so it is stored as on its way before it goes.
        if endpoint.means == "e-mail":
            self._marked.add(endpoint.id)
            return await self._write_progress(
                endpoint, replace(progress, going=items[0].position), revision
            )
        if progress.holder == self._name and progress.until - time.time() > 2 * SECONDS:
            return progress, revision
        return await self._write_progress(endpoint, progress, revision)

    async def _write_progress(
        self, endpoint: NotificationEndpoint, progress: Progress, revision: int
    ) -> tuple[Progress, int] | None:
        """Write the progress and hold the endpoint longer.

        Return None if another notifier wrote.
        """
        progress = replace(progress, holder=self._name, until=time.time() + HELD_SECONDS)
        written = await self._store.keep(endpoint.id, progress, revision)
        if written is None:
            await self._store.refresh()
            return None
        return progress, written

    async def _record_outcomes(
        self,
        endpoint: NotificationEndpoint,
        projection: Projection,
        progress: Progress,
        revision: int,
    ) -> bool:
        """Record the outcomes that are not on record; whether all are now."""
        outcomes = await self._outcomes.unrecorded(endpoint, projection, progress.told)
        return len(outcomes) < len(progress.told) and await self._write_until_stored(
            endpoint, replace(progress, told=outcomes), revision
        )

    async def _write_until_stored(
        self, endpoint: NotificationEndpoint, progress: Progress, revision: int
    ) -> bool:
        """Write the progress, and wait for the broker if necessary.

        A record that was sent must not be sent again.
        """
        while True:
            try:
                if await self._write_progress(
                    endpoint, progress, revision
                ) is None and not self._is_stored(endpoint, progress):
                    log.warning("courier.taken_over", endpoint=endpoint.id)
                    return False
                return True
            except LogUnreachable as error:
                log.warning("courier.not_kept", endpoint=endpoint.id, reason=str(error))
                await asyncio.sleep(POLL_SECONDS)

    def _is_stored(self, endpoint: NotificationEndpoint, progress: Progress) -> bool:
        """Return whether the store has the progress that was to be written.

        Then only the answer to the write was lost.
        """
        stored, _ = self._store.progress(endpoint.id)
        return stored.holder == self._name and replace(
            stored, until=0.0, upto=progress.upto
        ) == replace(progress, holder=self._name, until=0.0)

    def _after(
        self,
        endpoint: NotificationEndpoint,
        projection: Projection,
        progress: Progress,
        item: OutgoingItem,
        result: DeliveryResult,
        before: Waiting | None,
    ) -> Progress:
        """Return the progress after one try. `before` is the delivery that waited."""
        tries = 0 if before is None else before.tries
        outcome = "delivered" if result.ok else "failed"
        metrics.DELIVERIES.labels(endpoint.means, outcome).inc()
        log.info(
            "courier.tried",
            endpoint=endpoint.id,
            position=item.position,
            ok=result.ok,
            answered=_answer_text(result),
        )
        if result.held:
            return replace(progress, held=progress.held + 1, held_at=time.time())
        if result.ok:
            progress = replace(progress, delivered=progress.delivered + 1)
            return self._outcomes.add(endpoint, projection, progress, item, "delivered")
        if result.gone:
            progress = replace(progress, gone=True)
        waiting = Waiting(
            position=item.position,
            tries=tries + 1,
            answer="" if result.answered is None else packed(result.answered),
            since=time.time() if before is None or not before.since else before.since,
        )
        if tries >= len(self._retries) or result.gone:
            log.warning(
                "courier.parked",
                endpoint=endpoint.id,
                position=item.position,
                answered=_answer_text(result),
            )
            progress = replace(progress, parked=(*progress.parked, waiting))
            return self._outcomes.add(endpoint, projection, progress, item, "failed")
        again = time.time() + max(self._retries[tries], result.wait)
        return replace(progress, waiting=(*progress.waiting, replace(waiting, again=again)))


def _answer_text(result: DeliveryResult) -> str:
    """Return the answer as text, for this service's own log."""
    return str(result.answered or "")
