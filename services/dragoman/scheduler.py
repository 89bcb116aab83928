"""The scheduler: records reminders and lapses of deadlines, and sends line checks.

It records a reminder at half and at nine tenths of a deadline, and a lapse after it.
It records a notice an hour and ten minutes before a window opens. Line checks follow
the schedule that the sides adopted. All deadlines follow from the exchanges, so the
scheduler has no state of its own. It reads the open exchanges when it starts, and again
whatever changes.

Its records are determined to the byte, so any number of schedulers may run. An act that
meets a deadline wins over a lapse that reaches the log after it. After a time without a
scheduler only the highest step is recorded.

A channel whose deadlines cannot be kept becomes read-only, because nobody would learn
of its obligations. It is tried again automatically.
"""

import asyncio
import heapq
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog
from msgspec import Struct

from dragoman import metrics
from dragoman.application.command_handler import CommandHandler
from dragoman.domain.acts import (
    deadline_acts,
    deadlines,
    duty_calendar,
    line_checks,
    window_notices,
)
from dragoman.domain.acts.access import stations_of
from dragoman.domain.acts.deadlines import Deadline
from dragoman.domain.acts.duty_calendar import DutyCalendar
from dragoman.domain.acts.families.contact import is_office
from dragoman.domain.acts.window_notices import DueNotice
from dragoman.domain.record.codec import decode_act
from dragoman.domain.record.errors import Refused
from dragoman.eventlog.event_log import LogBroken
from dragoman.limits import POLL_SECONDS, WATCH_LOADED
from dragoman.projection.projection import NotYetApplied, Projection
from dragoman.projection.queries import lists
from dragoman.projection.stored_row import StoredRow
from dragoman.projection.view import queried
from dragoman.supervision import Backoff, alarm
from dragoman_schemas.acts.office.watch import Lapse, LineCheckMissed, Reminder, WindowNotice
from dragoman_schemas.state import Exchange, Registry

log = structlog.get_logger()

_TASK: Final = "watch"
_SWEEP_SECONDS: Final = 10.0
"""The interval at which every channel is looked at, whatever is known of it."""

_AGAIN: Final = timedelta(seconds=1)
_TAKEN_AGAIN: Final = timedelta(minutes=1)
"""The wait before a record is tried again whose id somebody else has used up. A later
step of its deadline has another id.
"""

_MILLISECOND: Final = timedelta(milliseconds=1)


class _DueAct(Struct, frozen=True, kw_only=True):
    """An act that is due: its bytes, its cause, and the time of the step after it.

    `clock` is the deadline's name, or `window` for a notice that a window opens.
    """

    act: bytes
    caused_by: str
    clock: str
    side: str
    step: int
    following: datetime | None


class _ChannelDeadlines:
    """The deadlines of one channel: the time of the next step of each exchange."""

    def __init__(self, projection: Projection, wake: Callable[[], None]) -> None:
        self.projection = projection
        self.next: dict[str, datetime] = {}
        self._heap: list[tuple[datetime, str]] = []
        self._changed: set[str] = set()
        self._wake = wake
        self.line: datetime | None = None
        self.stale = True
        self._terms: object = None
        self._calendars: dict[str, DutyCalendar] = {}
        self.backoff = Backoff()
        projection.listeners.add(self._note)

    def has_work(self, now: datetime) -> bool:
        """Return whether a look at the channel may find something to do."""
        return (
            self.stale
            or bool(self._changed)
            or self.backoff.failing
            or (self.line is not None and self.line <= now)
            or (bool(self._heap) and self._heap[0][0] <= now)
        )

    def leave(self) -> None:
        """Stop listening to the channel."""
        self.projection.listeners.discard(self._note)

    def _note(self, row: StoredRow) -> None:
        state = row.folded.state
        if isinstance(state, Registry) or (state is not None and is_office(state)):
            self.stale = self.stale or self._terms != self.projection.deadline_terms()
        if isinstance(state, Exchange):
            self._changed.add(state.id)
        self._changed.update(row.folded.removed)
        self._wake()

    async def look(self) -> None:
        """Bring the times up to date.

        All open exchanges are read the first time, and whenever the rules, a profile or
        an office changes.
        """
        if self.stale:
            self.stale, self._terms = False, self.projection.deadline_terms()
            self.next.clear()
            self._heap.clear()
            self._changed.clear()
            self._calendars.clear()
            schedule = line_checks.schedule_of(self.projection.registry)
            # A check that is due is sent, also after a restart.
            self.line = None if schedule is None else schedule.start
            await self._load()
        while self._changed:
            self._set(self._changed.pop())

    async def _load(self) -> None:
        projection = self.projection
        await projection.in_file()
        exchanges = await asyncio.wrap_future(
            projection.store.in_thread(queried, projection.store, projection.name, lists.unsettled)
        )
        running = 0
        for count, exchange in enumerate(exchanges):
            running += self._set(exchange)
            if count % WATCH_LOADED == 0:
                await asyncio.sleep(0)  # let other tasks run
        log.info("watch.loaded", channel=projection.name, exchanges=len(exchanges), clocks=running)

    def _set(self, exchange: str) -> int:
        """Set the next step of an exchange, and return how many deadlines it has."""
        state = self.projection.exchange(exchange)
        running = [] if state is None else self._open(state)
        times = [] if state is None else self._times(state, running)
        if not times:
            self.next.pop(exchange, None)
            return len(running)
        self.next[exchange] = min(times)
        heapq.heappush(self._heap, (self.next[exchange], exchange))
        return len(running)

    def skip(self, exchange: str, now: datetime) -> None:
        """Set the next step after a time at which nothing is to be recorded.

        A notice that was missed is not recorded once its window is open. The deadlines
        of the exchange go on.
        """
        state = self.projection.exchange(exchange)
        if state is None:
            return
        later = [time for time in self._times(state, self._open(state)) if time > now]
        if later:
            self.again(exchange, min(later))

    def _times(self, state: Exchange, running: list[tuple[Deadline, int]]) -> list[datetime]:
        """Return the times of the next step of each deadline, and of each notice."""
        times = [time for clock, at in running if (time := _next(clock, at)) is not None]
        return times + [notice.at for notice in self._notices(state)]

    def _open(self, state: Exchange) -> list[tuple[Deadline, int]]:
        """Return the running deadlines, each with its highest recorded step."""
        calendars = {side: self._calendar(side) for side in (state.side, *state.to)}
        try:
            open_clocks = deadlines.open_deadlines(self.projection.registry, state, calendars)
        except (
            OverflowError,
            ValueError,
        ):  # no gateway accepts such times; if one is in the log, the other exchanges go on
            log.critical(
                "watch.not_reckoned", channel=self.projection.name, exchange=state.id, exc_info=True
            )
            return []
        return [(clock, deadline_acts.recorded_step(state, clock)) for clock in open_clocks]

    def _notices(self, state: Exchange) -> list[DueNotice]:
        """Return the notices of an exchange's window that are not recorded."""
        try:
            return list(window_notices.due_notices(self.projection.registry, state))
        except (OverflowError, ValueError):  # as for deadlines
            return []

    def _calendar(self, side: str) -> DutyCalendar:
        """Return a side's calendar. All are read again once an office has changed."""
        calendar = self._calendars.get(side)
        if calendar is None:
            office = self.projection.office(side)
            calendar = self._calendars[side] = duty_calendar.calendar_of(office)
        return calendar

    def slot(self, now: datetime) -> line_checks.Slot | None:
        """Return the line check that is due by the schedule, sent or not."""
        if self.line is None or now < self.line:
            return None
        registry = self.projection.registry
        schedule, slot = line_checks.schedule_of(registry), line_checks.due(registry, now)
        self.line = None if schedule is None else schedule.next(now).due
        return slot

    def due(self, now: datetime) -> list[str]:
        """Return the exchanges that have a due step, and remove them from the list."""
        exchanges: list[str] = []
        while self._heap and self._heap[0][0] <= now:
            time, exchange = heapq.heappop(self._heap)
            if self.next.get(exchange) == time:
                del self.next[exchange]
                exchanges.append(exchange)
        return exchanges

    def steps(self, exchange: str, now: datetime) -> list["_DueAct"]:
        """Return the acts to record in an exchange.

        For each deadline this is the highest step that it has reached. For a window
        that opens it is the last notice that is due.
        """
        state = self.projection.exchange(exchange)
        if state is None:
            return []
        due = [
            _DueAct(
                act=deadline_acts.act_of(clock, step),
                caused_by=clock.started_by,
                clock=clock.clock,
                side=clock.side,
                step=step,
                following=_next(clock, step),
            )
            for clock, on_record in self._open(state)
            if (step := deadline_acts.reached_step(clock, now)) > on_record
        ]
        notices = [notice for notice in self._notices(state) if notice.at <= now < notice.opens]
        return due + [
            _DueAct(
                act=window_notices.act_of(notice),
                caused_by=notice.started_by,
                clock="window",
                side="",
                step=notice.step,
                following=None,
            )
            for notice in notices[-1:]
        ]

    def again(self, exchange: str, time: datetime) -> None:
        """Schedule another look at an exchange."""
        self.next[exchange] = time
        heapq.heappush(self._heap, (time, exchange))


def _next(clock: Deadline, on_record: int) -> datetime | None:
    """Return the time of the next step that is not recorded yet; None after the lapse.

    A lapse comes strictly after the limit.
    """
    for step in deadlines.REMINDERS:
        if step > on_record:
            return clock.at(step)
    return clock.due + _MILLISECOND if on_record < deadlines.LAPSE else None


class Scheduler:
    """The deadlines of all channels that a process follows."""

    def __init__(
        self,
        channels: Mapping[str, Projection],
        desk: CommandHandler,
        *,
        now: Callable[[], datetime],
    ) -> None:
        """Schedule for channels, more of which may come.

        Records are made through the command handler `desk`.
        """
        self._channels = channels
        self._desk = desk
        self._now = now
        self._schedules: dict[str, _ChannelDeadlines] = {}
        self._woken = asyncio.Event()
        self._swept = self._timed = float("-inf")
        self._changed: set[str] = set()

    async def run(self) -> None:
        """Record due steps for ever.

        A channel with nothing to do costs next to nothing: most of the channels of a
        host are silent.
        """
        try:
            while True:
                now = asyncio.get_running_loop().time()
                self._woken.clear()
                if now - self._swept >= _SWEEP_SECONDS:
                    self._swept = now
                    await self.tick()
                elif now - self._timed >= POLL_SECONDS:
                    self._timed = now
                    await self.tick_due()
                else:
                    await self._tick(self._changed_channels())
                try:
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._woken.wait()
                except TimeoutError:
                    continue
        finally:
            self.leave()

    def leave(self) -> None:
        """Stop listening to all channels."""
        for schedule in self._schedules.values():
            schedule.leave()

    async def next_step(self) -> datetime | None:
        """Return the time of the next step; None while no deadline runs.

        Only channels count that a tick has seen.
        """
        times: list[datetime] = []
        for schedule in self._schedules.values():
            await schedule.look()
            times += schedule.next.values()
        return min(times, default=None)

    async def tick(self) -> None:
        """Record all steps that are due now in any channel."""
        await self._tick(list(self._channels.items()))

    async def tick_due(self) -> None:
        """Record all steps that are due now, in the channels that have work."""
        await self._tick(self._due())

    def _changed_channels(self) -> list[tuple[str, Projection]]:
        """Return the channels that have changed since they were last returned."""
        names, self._changed = self._changed, set()
        return [(name, self._channels[name]) for name in names if name in self._channels]

    def _wake(self, name: str) -> None:
        self._changed.add(name)
        self._woken.set()

    def _due(self) -> list[tuple[str, Projection]]:
        """Return the channels that are new, have changed, or have a due step."""
        now = _floor(self._now())
        return [
            (name, projection)
            for name, projection in self._channels.items()
            if not projection.is_copy
            and ((schedule := self._schedules.get(name)) is None or schedule.has_work(now))
        ]

    async def _tick(self, channels: Iterable[tuple[str, Projection]]) -> None:
        for name, projection in channels:
            if projection.is_copy or projection.doubt or not projection.is_channel:
                continue
            if not projection.caught_up.is_set():
                continue
            schedule = self._schedules.get(name)
            if schedule is None:
                schedule = self._schedules[name] = _ChannelDeadlines(
                    projection, partial(self._wake, name)
                )
            if not schedule.backoff.due or (projection.read_only and not schedule.backoff.failing):
                continue
            try:
                await self._keep(schedule)
            except (NotYetApplied, LogBroken) as error:
                schedule.stale = True
                log.warning("watch.not_kept", channel=name, reason=str(error))
            except Exception as error:  # the other channels go on  # noqa: BLE001
                schedule.stale = True
                alarm(_TASK, error, schedule.backoff.failed(), channel=name)
                projection.fail(_TASK, error)
            else:
                if schedule.backoff.worked():
                    log.info("task.recovered", task=_TASK, channel=name)
                    projection.recover(_TASK)

    async def _keep(self, schedule: _ChannelDeadlines) -> None:
        """Record all steps that are due now in one channel."""
        await schedule.look()
        now = _floor(self._now())
        slot = schedule.slot(now)
        if slot is not None:
            await self._check_line(schedule, slot, now)
        for exchange in schedule.due(now):
            await self._record(schedule, exchange, now)

    async def _check_line(
        self, schedule: _ChannelDeadlines, slot: line_checks.Slot, now: datetime
    ) -> None:
        registry = schedule.projection.registry
        act = line_checks.act_of(registry, slot)
        key = line_checks.key_of(slot)
        if stations_of(registry, slot.side) or any(
            schedule.projection.exchange(exchange) is not None
            for exchange in line_checks.ids_of(registry, slot)
        ):
            return
        try:
            await self._desk.post_of_service(
                schedule.projection, deadlines.ACTOR, key, act, family="contact"
            )
        except Refused as error:
            log.warning(
                "line.not_checked",
                channel=registry.name,
                sequence=slot.sequence,
                reason=str(error.refusal.detail),
            )
            # If the id was used up, the next slot is tried, which has another id.
            if error.refusal.kind != "key-reused":
                schedule.line = now + _AGAIN
        else:
            log.info("line.checked", channel=registry.name, side=slot.side, sequence=slot.sequence)

    async def _record(self, schedule: _ChannelDeadlines, exchange: str, now: datetime) -> None:
        retries: list[datetime] = []
        steps = schedule.steps(exchange, now)
        if not steps:
            schedule.skip(exchange, now)
        for due in steps:
            data = decode_act(due.act)
            if isinstance(data, WindowNotice):
                key = window_notices.key_of(exchange, data)
            else:
                assert isinstance(data, Reminder | Lapse | LineCheckMissed)
                key = deadline_acts.key_of(exchange, data)
            try:
                await self._desk.post_of_service(
                    schedule.projection,
                    deadlines.ACTOR,
                    key,
                    due.act,
                    exchange=exchange,
                    caused_by=due.caused_by,
                )
            except Refused as error:
                # The deadline was met meanwhile, which the fold has reported, or the log
                # cannot be reached.
                log.info(
                    "clock.not_recorded",
                    channel=schedule.projection.name,
                    clock=due.clock,
                    reason=str(error.refusal.detail),
                )
                if error.refusal.kind == "key-reused":
                    following = [] if due.following is None else [due.following]
                    retries += [now + _TAKEN_AGAIN, *following]
                else:
                    retries.append(now + _AGAIN)
            else:
                if isinstance(data, Reminder):
                    metrics.REMINDERS.inc()
                elif isinstance(data, Lapse):
                    metrics.LAPSES.inc()
                log.info(
                    "clock.recorded",
                    channel=schedule.projection.name,
                    exchange=exchange,
                    clock=due.clock,
                    side=due.side,
                    step=due.step,
                )
        if retries:
            schedule.again(exchange, min(retries))


def _floor(moment: datetime) -> datetime:
    """Return a time cut to the millisecond, which is the precision of records."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
