"""The watch: keeps every clock that binds, and checks the line by the schedule that the sides adopted.

It records a reminder at half and at nine tenths of a clock, and a lapse after it. All
clocks follow from the exchanges, so the watch has no state of its own: it looks at what
is open when it starts, and again at whatever changes. What it records is determined to
the byte, so any number of watches may run, and an act that meets a clock wins over a
lapse that comes to the log after it. After a time without a watch the highest step
alone is recorded.

A channel whose clocks cannot be kept becomes read-only, since nobody would be told what
it owes. It is tried again by itself.
"""

import asyncio
import heapq
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog

from dragoman.application.command_handler import CommandHandler
from dragoman.domain.acts import deadline_acts, deadlines, line_checks
from dragoman.domain.acts.deadlines import Deadline, DutyCalendar
from dragoman.domain.decide import Post
from dragoman.domain.record import ids
from dragoman.domain.record.codec import decode_act
from dragoman.domain.record.errors import Refused
from dragoman.eventlog.event_log import LogBroken
from dragoman.limits import POLL_SECONDS, WATCH_LOADED
from dragoman.projection.projection import NotYetApplied, Projection
from dragoman.projection.queries import lists
from dragoman.projection.store import StoredRow
from dragoman.supervision import Backoff, alarm
from dragoman_schemas.acts.office.watch import Lapse, LineCheckMissed, Reminder
from dragoman_schemas.state import Exchange

log = structlog.get_logger()

_TASK: Final = "watch"
_AGAIN: Final = timedelta(seconds=1)
_TAKEN_AGAIN: Final = timedelta(minutes=1)
"""How long until a record whose id somebody else has used up is tried again: a later
step of its clock has another id.
"""

_MILLISECOND: Final = timedelta(milliseconds=1)


class _Kept:
    """The clocks of one channel: when the next step of each of its exchanges is due."""

    def __init__(self, projection: Projection, wake: Callable[[], None]) -> None:
        self.projection = projection
        self.next: dict[str, datetime] = {}
        self._heap: list[tuple[datetime, str]] = []
        self._changed: set[str] = set()
        self._wake = wake
        self.line: datetime | None = None
        self.stale = True
        self.backoff = Backoff()
        projection.listeners.add(self._note)

    def leave(self) -> None:
        """Hear no more of the channel."""
        self.projection.listeners.discard(self._note)

    def _note(self, row: StoredRow) -> None:
        state, record = row.folded.state, row.folded.record
        if record is not None and row.folded.valid and record.name == "profile-adoption":
            self.stale = True
        if isinstance(state, Exchange):
            self.stale = self.stale or state.act == "liaison-office"
            self._changed.add(state.id)
        self._changed.update(row.folded.removed)
        self._wake()

    async def look(self) -> None:
        """Bring the times up to date: those of all open exchanges at first, and whenever a profile or an office changes."""
        if self.stale:
            self.stale = False
            self.next.clear()
            self._heap.clear()
            self._changed.clear()
            schedule = line_checks.schedule_of(self.projection.registry)
            self.line = (
                None if schedule is None else schedule.start
            )  # a check that is due is sent, also after a restart
            await self._load()
        while self._changed:
            self._set(self._changed.pop())

    async def _load(self) -> None:
        projection = self.projection
        if deadlines.profile_of(projection.registry)[1] is None:
            return  # nothing binds
        await projection.in_file()
        ids = await asyncio.wrap_future(
            projection.store.in_thread(lists.unsettled, projection.store, projection.name)
        )
        running = 0
        for number, id in enumerate(ids):
            running += self._set(id)
            if number % WATCH_LOADED == 0:
                await asyncio.sleep(0)  # others have their turn
        log.info("watch.loaded", channel=projection.name, exchanges=len(ids), clocks=running)

    def _set(self, exchange: str) -> int:
        """Take the next step of an exchange's clocks; how many run."""
        rows = self._open(exchange)
        times = [time for clock, at in rows if (time := _next(clock, at)) is not None]
        if not times:
            self.next.pop(exchange, None)
            return len(rows)
        self.next[exchange] = min(times)
        heapq.heappush(self._heap, (self.next[exchange], exchange))
        return len(rows)

    def _open(self, exchange: str) -> list[tuple[Deadline, int]]:
        """Return the clocks that run, and the highest step of each that is on record."""
        state = self.projection.exchange(exchange)
        if state is None:
            return []
        try:
            open_clocks = deadlines.open_clocks(
                self.projection.registry, state, self._calendars(state)
            )
        except (
            OverflowError,
            ValueError,
        ):  # the desk refuses such times; should one stand there, all others go on
            log.critical(
                "watch.not_reckoned", channel=self.projection.name, exchange=exchange, exc_info=True
            )
            return []
        return [(clock, deadline_acts.recorded(state, clock)) for clock in open_clocks]

    def _calendars(self, state: Exchange) -> dict[str, DutyCalendar]:
        return {
            side: deadlines.calendar_of(self.projection.office(side))
            for side in (state.side, *state.to)
        }

    def slot(self, now: datetime) -> line_checks.Slot | None:
        """Return the line check that is due by schedule, whether it was sent or not."""
        if self.line is None or now < self.line:
            return None
        registry = self.projection.registry
        schedule, slot = line_checks.schedule_of(registry), line_checks.due(registry, now)
        self.line = None if schedule is None else schedule.next(now).due
        return slot

    def due(self, now: datetime) -> list[str]:
        """Return the exchanges of which a step is due, taken off the list."""
        texts: list[str] = []
        while self._heap and self._heap[0][0] <= now:
            time, exchange = heapq.heappop(self._heap)
            if self.next.get(exchange) == time:
                del self.next[exchange]
                texts.append(exchange)
        return texts

    def steps(self, exchange: str, now: datetime) -> list[tuple[Deadline, int]]:
        """Return what is to be recorded of an exchange: of each clock the highest step that it has reached."""
        return [
            (clock, step)
            for clock, on_record in self._open(exchange)
            if (step := deadline_acts.reached(clock, now)) > on_record
        ]

    def again(self, exchange: str, time: datetime) -> None:
        """Look at an exchange again then."""
        self.next[exchange] = time
        heapq.heappush(self._heap, (time, exchange))


def _next(clock: Deadline, on_record: int) -> datetime | None:
    """Return when the next step of a clock is due that is not on record; a lapse is strictly after the limit."""
    for step in deadlines.REMINDERS:
        if step > on_record:
            return clock.at(step)
    return clock.due + _MILLISECOND if on_record < deadlines.LAPSE else None


class Scheduler:
    """Keeps the clocks of all channels that a process follows."""

    def __init__(
        self,
        channels: Mapping[str, Projection],
        desk: CommandHandler,
        *,
        now: Callable[[], datetime],
    ) -> None:
        """Watch over channels, more of which may come, and record through the desk."""
        self._channels = channels
        self._desk = desk
        self._now = now
        self._kept: dict[str, _Kept] = {}
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Watch for ever."""
        try:
            while True:
                await self.beat()
                self._woken.clear()
                try:
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._woken.wait()
                except TimeoutError:
                    continue
        finally:
            for item in self._kept.values():
                item.leave()

    async def beat(self) -> None:
        """Record whatever is due now."""
        for name, projection in list(self._channels.items()):
            if projection.doubt or not projection.is_channel or not projection.caught_up.is_set():
                continue
            kept = self._kept.get(name)
            if kept is None:
                kept = self._kept[name] = _Kept(projection, self._woken.set)
            if not kept.backoff.due or (projection.broken and not kept.backoff.failing):
                continue
            try:
                await self._keep(kept)
            except (NotYetApplied, LogBroken) as error:
                kept.stale = True
                log.warning("watch.not_kept", channel=name, reason=str(error))
            except Exception as error:  # whatever it is, the clocks of the other channels are kept  # noqa: BLE001
                kept.stale = True
                alarm(_TASK, error, kept.backoff.failed(), channel=name)
                projection.fail(_TASK, error)
            else:
                if kept.backoff.worked():
                    log.info("task.recovered", task=_TASK, channel=name)
                    projection.recover(_TASK)

    async def _keep(self, kept: _Kept) -> None:
        """Record whatever is due now in one channel."""
        await kept.look()
        now = _floor(self._now())
        slot = kept.slot(now)
        if slot is not None:
            await self._check_line(kept, slot, now)
        for exchange in kept.due(now):
            await self._record(kept, exchange, now)

    async def _check_line(self, kept: _Kept, slot: line_checks.Slot, now: datetime) -> None:
        registry = kept.projection.registry
        act = line_checks.act_of(registry, slot)
        key = line_checks.key_of(slot)
        if any(
            kept.projection.exchange(text) is not None
            for text in ids.every(registry.name, deadlines.ACTOR, key)
        ):
            return
        id = self._desk.own_id(kept.projection, deadlines.ACTOR, key)
        post = Post(actor=deadlines.ACTOR, act=act, data=decode_act(act), id=id, family="contact")
        try:
            await self._desk.post(kept.projection, post)
        except Refused as error:
            log.warning(
                "line.not_checked",
                channel=registry.name,
                sequence=slot.sequence,
                reason=str(error.refusal.detail),
            )
            if (
                error.refusal.kind != "key-reused"
            ):  # else the next slot is tried, which has another id
                kept.line = now + _AGAIN
        else:
            log.info("line.checked", channel=registry.name, side=slot.side, sequence=slot.sequence)

    async def _record(self, kept: _Kept, exchange: str, now: datetime) -> None:
        retries: list[datetime] = []
        for clock, step in kept.steps(exchange, now):
            act = deadline_acts.act_of(clock, step)
            data = decode_act(act)
            assert isinstance(data, Reminder | Lapse | LineCheckMissed)
            post = Post(
                actor=deadlines.ACTOR,
                act=act,
                data=data,
                id=self._desk.own_id(
                    kept.projection, deadlines.ACTOR, deadline_acts.key_of(exchange, data)
                ),
                exchange=exchange,
                caused_by=clock.started_by,
            )
            try:
                await self._desk.post(kept.projection, post)
            except Refused as error:
                # It was met meanwhile, which the fold has told us of, or the log cannot be reached.
                log.info(
                    "clock.not_recorded",
                    channel=kept.projection.name,
                    clock=clock.clock,
                    reason=str(error.refusal.detail),
                )
                if error.refusal.kind == "key-reused":
                    following = _next(clock, step)
                    retries += [now + _TAKEN_AGAIN, *([] if following is None else [following])]
                else:
                    retries.append(now + _AGAIN)
            else:
                log.info(
                    "clock.recorded",
                    channel=kept.projection.name,
                    exchange=exchange,
                    clock=clock.clock,
                    side=clock.side,
                    step=step,
                )
        if retries:
            kept.again(exchange, min(retries))


def _floor(moment: datetime) -> datetime:
    """To the millisecond, as records carry it."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
