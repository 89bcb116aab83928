"""One channel's projection: the fold of its log, in memory, ahead of the file.

The fold runs in the event loop, so that an answer can be given as soon as its record is
folded. The folded messages go to the writer. Until the writer has committed them they
stay in memory, where the look-ups of `FoldedHistory` find them.

A record that this process appended is applied as soon as the broker has acknowledged
it. The follower of the log need not read it first. Positions stay contiguous because a
record waits for the positions before it.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from dragoman.domain.acts.erasure import Withheld, names_records
from dragoman.domain.fold import Folded, NewerRules
from dragoman.domain.history_port import DecisionBasis
from dragoman.domain.record import ids
from dragoman.domain.record.codec import Record
from dragoman.domain.step import advance
from dragoman.eventlog.erasures import has_entries, named_from
from dragoman.eventlog.event_log import (
    EntryToAppend,
    EventLog,
    Log,
    LogBroken,
    StoredMessage,
)
from dragoman.limits import (
    FOLD_SECONDS,
    MESSAGE_BYTES,
    POLL_SECONDS,
    QUEUE_BYTES,
    QUEUE_WRITES,
    READ_BYTES,
    READ_RECORDS,
    WALK_SECONDS,
)
from dragoman.projection.folded_history import HISTORY_MEMBERS, FoldedHistory
from dragoman.projection.log_comparison import FileDiffers, LogComparison, LogDiffers
from dragoman.projection.position_waiters import PositionWaiters
from dragoman.projection.store import Store
from dragoman.projection.stored_row import StoredRow
from dragoman.projection.writer_messages import StoreDamaged
from dragoman.text import Text, TextError, sentence
from dragoman_schemas.acts.office.channel import ErasedRecord, Erasure

log = structlog.get_logger()


class NotYetApplied(TextError):
    """An error: a position was not reached in time. The text names the position."""


class Projection(FoldedHistory):
    """The fold of one channel.

    It is also the `History` that decisions and the fold itself ask. Every callback in
    `listeners` is called with each folded message.
    """

    def __init__(
        self,
        log: Log,
        store: Store,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        ago: Callable[[float], datetime] | None = None,
    ) -> None:
        """Begin with the channel's state in the file.

        Records are appended only where the log is an `EventLog`, and not a copy.
        """
        super().__init__(store, log.channel)
        self.log = log
        self.event_log = log if isinstance(log, EventLog) else None
        self._comparison = LogComparison(log, self)
        self._now = now
        self._ago = ago or (lambda seconds: now() - timedelta(seconds=seconds))
        self._failing: dict[str, Text] = {}
        self._checked: datetime | None = None
        self._end_seen = float("-inf")
        self._compared = 0.0
        self.caught_up = asyncio.Event()
        self._walk_now = asyncio.Event()
        self._log_agrees = asyncio.Event()
        self._log_agrees.set()
        self._staged: dict[int, tuple[str, bytes | Record, DecisionBasis | None]] = {}
        self._fold_waiters = PositionWaiters()
        self._flush_waiters = PositionWaiters()
        self._folded: list[StoredRow] = []
        self._pending_bytes = 0
        self._generation = store.generation
        self._passed_on = 0
        self._read_ahead = False
        self._room = asyncio.Event()
        self._room.set()
        self._loop = asyncio.get_running_loop()
        self.listeners: set[Callable[[StoredRow], None]] = set()

    @property
    def crowded(self) -> bool:
        """Return whether the writer is so far behind that no record is accepted."""
        return len(self._pending) >= 2 * QUEUE_WRITES or self._pending_bytes >= QUEUE_BYTES

    @property
    def broken(self) -> Text | None:
        """Return the reason why the channel is read-only; None while it is written on.

        It has a fault that lasts, or a task of it fails.
        """
        return self.lasting_fault or next(iter(self._failing.values()), None)

    @broken.setter
    def broken(self, reason: Text | None) -> None:
        self._broken = reason

    @property
    def read_only(self) -> Text | None:
        """Return the reason why nothing is recorded here; None while posts are taken.

        The channel is broken, or this host has not proved that it has its log key.
        """
        return self.broken or self.unsigned

    def fail(self, task: str, error: Exception) -> None:
        """Make the channel read-only while a task of it fails.

        The task is tried again by itself.
        """
        self._failing[task] = sentence(
            "the task %(task)s of %(channel)s fails (%(error)s) and is tried again by itself: "
            "if that does not help, restart this gateway and report it",
            task=task,
            channel=self.name,
            error=type(error).__name__,
        )
        self.caught_up.set()  # a task that waits for all channels must not wait for this one

    def recover(self, task: str) -> None:
        """Write on the channel again, as far as this task is concerned."""
        self._failing.pop(task, None)

    @property
    def is_copy(self) -> bool:
        """Return whether this is a copy of a log that is kept elsewhere."""
        return self.event_log is None

    @property
    def unwritable(self) -> Text | None:
        """The reason for which the log stores no record now, though it is whole."""
        return None if self.event_log is None else self.event_log.unwritable

    @property
    def is_retried(self) -> bool:
        """Return whether the channel is read-only only while a task of it fails."""
        return self.lasting_fault is None and bool(self._failing)

    @property
    def checked(self) -> datetime | None:
        """The time at which everything in the log was last seen to be folded here."""
        moment = self.log.end.seen()
        if moment is not None and moment > self._end_seen:
            self._end_seen = moment
            self._checked = self._ago(self._loop.time() - moment)
        return self._checked

    @checked.setter
    def checked(self, time: datetime) -> None:
        self._checked = time

    # Folding

    async def run(self, working: Callable[[], None] = lambda: None) -> None:
        """Follow the log for ever, and fold each message that it brings.

        Calls `working` at each end of the log. Ends only where the log is broken, or
        goes on by rules that this program lacks. Waits where only the file contradicts
        the log.
        """
        while True:
            try:
                await self._follow(working)
            except StoreDamaged:
                # Threads report the damage. Another file is built beside this one, and the
                # log is read again from the end of that file.
                while self.doubt:  # noqa: ASYNC110
                    await asyncio.sleep(_LOOK_SECONDS)
            else:
                if self._log_agrees.is_set():
                    return
                await self._log_agrees.wait()  # the file may have been wrong, not the log

    async def _follow(self, working: Callable[[], None]) -> None:
        try:
            async for messages in self.log.follow(lambda: self.state.position + 1):
                if messages:
                    await self._room.wait()
                    await self._know_erasures(messages)
                    self.take(messages)
                    if self.newer is not None:
                        self.caught_up.set()
                        return
                    if self.caught_up.is_set() and _ends(messages):
                        self.log.end.reached(self._loop.time())
                        working()
                    continue
                moment = self._loop.time()
                if (
                    messages is None
                    or self.checked is None
                    or self._loop.time() - self._compared >= POLL_SECONDS
                ):
                    await self._compare()
                if messages is None:
                    self._walk_now.set()
                else:
                    self.log.end.reached(moment)
                    self.caught_up.set()
                    working()
        except LogBroken as error:
            self._note_difference(error)
            self._break(error.said)
            self.caught_up.set()

    async def bring(self) -> None:
        """Fold all messages that are in the log now. Raises `LogUnreachable`."""
        try:
            while messages := await self.log.read(self.state.position + 1, READ_RECORDS):
                await self._room.wait()
                await self._know_erasures(messages)
                self.take(messages)
                if self.newer is not None:
                    return
        except LogBroken as error:
            self._break(error.said)

    def expect(self, withhelds: Mapping[int, Withheld]) -> None:
        """Store the records that the erasures of this log name.

        The log is then not read ahead for them.
        """
        self._withheld = dict(withhelds)
        self._read_ahead = True

    async def _know_erasures(self, messages: list[StoredMessage]) -> None:
        """Read the log to its end, once, if an erasure ahead may explain a message.

        This is so where a leaf entry stands for a record: a later erasure names that
        record. It is also so where a message names records. Some of these may be
        entries that were folded before this start, and this process no longer has the
        erasure that names them. Raises `LogBroken`.
        """
        if not self._read_ahead and (
            has_entries(messages) or any(names_records(message.raw) for message in messages)
        ):
            self._withheld = await named_from(self.log, messages[0].position)
            self._read_ahead = True

    def _break(self, reason: Text) -> None:
        """Make the channel read-only for good, and log the reason."""
        if self._broken is None:
            self._broken = reason
            log.critical(
                "log.broken",
                channel=self.name,
                reason=str(reason),
                do="stop posting; see docs/operating-faults.md, when a log is read-only",
            )
            self._walk_now.set()  # `walk` finds the first damaged position

    def _located(self, reason: Text) -> None:
        """Log the position at which the log begins to differ from the fold."""
        if self._broken is None:
            self._break(reason)
        elif reason != self._broken:
            self._broken = reason
            log.critical(
                "log.damage_located",
                channel=self.name,
                reason=str(reason),
                do="see docs/operating-faults.md, when a log is read-only",
            )

    async def _compare(self) -> None:
        """Compare the newest folded message with the log. Raises `LogBroken`."""
        with self._file_is_checked():
            await self._comparison.compare_newest()
        self._compared = self._loop.time()

    @contextmanager
    def _file_is_checked(self) -> Iterator[None]:
        """Report a row of the file that is not what was folded."""
        try:
            yield
        except FileDiffers as error:
            self.store.report_difference(self.name, str(error))

    async def walk(self, working: Callable[[], None] = lambda: None) -> None:
        """Compare the whole log with the fold, again and again.

        This is done at each new connection and every `WALK_SECONDS`. A broker that was
        stopped cleanly believes its index. It finds a damaged message only when
        somebody reads it.
        """
        while True:
            try:
                while self._broken is None:
                    self._walk_now.clear()
                    await self._walk_once()
                    working()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(WALK_SECONDS):
                            await self._walk_now.wait()
                await self._walk_once()
            except LogBroken as error:
                self._note_difference(error)
                self._located(error.said)
            if self._broken is not None and self._log_agrees.is_set():
                return
            await self._log_agrees.wait()

    def _note_difference(self, error: LogBroken) -> None:
        """Note that the log was found to differ from the file, if it was."""
        if self._broken is None and isinstance(error, LogDiffers):
            self._log_agrees.clear()

    async def _walk_once(self) -> None:
        with self._file_is_checked():
            await self._comparison.compare_all(lambda: self._broken is not None)

    async def remember(self) -> None:
        """Read the ids of the file into memory.

        The file is then no longer asked whether a new id was used.
        """
        first, last = 1, self.flushed
        while first <= last:
            ids = await asyncio.wrap_future(
                self.store.in_thread(self.store.ids, self.name, first, first + READ_RECORDS - 1)
            )
            for id in ids:
                self._seen.add(id)
            first += READ_RECORDS
        self._seen.complete = True

    def take(self, messages: list[StoredMessage]) -> None:
        """Fold messages that follow, and skip those that were folded already."""
        for message in messages:
            if message.position > self.state.position:
                self._staged[message.position] = message.subject, message.raw, None
        self._fold_staged()

    def _fold_staged(self) -> None:
        rows: list[StoredRow] = []
        try:
            while (
                self.newer is None
                and (staged := self._staged.get(self.state.position + 1)) is not None
            ):
                rows.append(self._fold(*staged))
                del self._staged[rows[-1].folded.position]
                self._look_at_rules()
        except NewerRules as error:
            self._stop_at(error)
        finally:
            if rows:  # also if a later message could not be folded: the file has no gaps
                self._hand_over(rows)

    def appended(
        self, entry: EntryToAppend, position: int, grounds: DecisionBasis | None = None
    ) -> None:
        """Apply a record that this process appended, found legal on these grounds.

        Raises `LogBroken` if another record is folded at its position: the position was
        used twice.
        """
        if position <= self.state.position and (
            position in self._pending or self.posted(entry.record.envelope.id) != position
        ):
            try:
                with self._file_is_checked():
                    self._comparison.compare_message(position, entry.record.raw)
            except LogBroken:
                twice = sentence(
                    "position %(position)s of %(channel)s was used twice: "
                    "the broker has lost what it had acknowledged; restore its store from a copy",
                    position=position,
                    channel=self.name,
                )
                self._break(twice)
                raise LogBroken(twice) from None
        if position > self.state.position:
            self._staged[position] = entry.subject, entry.record, grounds
            try:
                self._fold_staged()
            except Exception:
                # The record is in the log. The follower reads it there, fails in the same
                # way, and is run again.
                log.critical(
                    "projection.not_folded", channel=self.name, position=position, exc_info=True
                )

    def _fold(
        self, subject: str, message: bytes | Record, grounds: DecisionBasis | None
    ) -> StoredRow:
        step = advance(self.standing, self, self._encoded_before, message, grounds)
        folded = step.folded
        record = folded.record
        used = record is not None and ids.uses_up(record.envelope.id, record.envelope.actor)
        is_new = used and record is not None and self.posted(record.envelope.id) is None
        row = StoredRow(step=step, subject=subject, erased=self._erased(folded))
        # All steps that can fail are done. A message is folded whole, or it is folded again.
        self._keep(row, is_new=is_new)
        return row

    def _erased(self, folded: Folded) -> tuple[ErasedRecord, ...]:
        """Return the records that a message erases from the file.

        A leaf entry that no erasure proves makes the channel read-only.
        """
        if unproven := self._unproven_after(folded):
            self._break(
                sentence(
                    "position %(position)s of %(channel)s is withheld by a void erasure "
                    "at %(erasure)s: restore from a copy",
                    position=unproven,
                    channel=self.name,
                    erasure=folded.position,
                )
            )
        if not folded.removed:
            return ()
        assert folded.record is not None and isinstance(folded.record.data, Erasure)
        for exchange in folded.removed:
            self.store.states.pop(self.name, exchange)
            self._volumes.pop(exchange, None)
        return folded.record.data.records

    def _hand_over(self, rows: list[StoredRow]) -> None:
        self._pending_bytes += sum(row.weight for row in rows)
        if len(self._pending) > QUEUE_WRITES or self._pending_bytes > QUEUE_BYTES // 2:
            self._room.clear()
        if self._pending_bytes > QUEUE_BYTES // 8:
            self.store.hurry()  # long states fill the queue before enough jobs are gathered
        if not self._folded:
            self._loop.call_soon(self._give_to_writer)
        self._folded += rows
        for row in rows:
            self._fold_waiters.wake_at(row.folded.position)
            if row.folded.position > self._passed_on:
                self._tell(row)

    def _tell(self, row: StoredRow) -> None:
        """Call every listener with a record, also after one of them has failed."""
        for listener in tuple(self.listeners):
            try:
                listener(row)
            except Exception:  # the failure of one listener is logged
                log.critical(
                    "projection.listener_failed",
                    channel=self.name,
                    position=row.folded.position,
                    exc_info=True,
                )

    def _give_to_writer(self) -> None:
        """Queue the messages that were folded in this turn of the loop, in one piece.

        Each piece wakes the loop once more when it is committed.
        """
        rows, self._folded = self._folded, []
        generation = self._generation

        def committed(error: BaseException | None) -> None:
            with suppress(RuntimeError):  # the loop is closed: no task waits any more
                self._loop.call_soon_threadsafe(self._committed, rows, error, generation)

        if rows:
            self.store.write(self.name, rows, committed)

    def _committed(
        self, rows: list[StoredRow], error: BaseException | None, generation: int
    ) -> None:
        if error is not None or generation != self._generation:
            return  # the rows stay in memory until another file has them
        self._pending_bytes -= sum(row.weight for row in rows)
        self._release(rows)
        if len(self._pending) <= QUEUE_WRITES // 2 and self._pending_bytes <= QUEUE_BYTES // 4:
            self._room.set()
        self._flush_waiters.wake_up_to(self.flushed)

    # Waiting

    async def reached(self, position: int, seconds: float = FOLD_SECONDS) -> None:
        """Wait until the fold has passed a position. Raises `NotYetApplied`."""
        if self.state.position >= position:
            return
        waiting = self._fold_waiters.add(position)
        try:
            async with asyncio.timeout(seconds):
                await waiting
        except TimeoutError:
            if self.state.position >= position:
                return  # it was folded at this very moment
            self._fold_waiters.remove(position, waiting)
            raise NotYetApplied(
                sentence(
                    "position %(position)s is not folded yet, %(newest)s is",
                    position=position,
                    newest=self.state.position,
                )
            ) from None

    async def in_file(self, position: int | None = None, seconds: float = FOLD_SECONDS) -> None:
        """Wait until the file has a position, by default all that is folded now.

        By default the wait ends early where the file cannot get there: the channel is
        broken, the writer stalls, or the file is in doubt. Raises `NotYetApplied`.
        """
        if position is None and (self.broken or self.store.stalled):
            return
        number = self.state.position if position is None else position
        await self.reached(number, seconds)
        if self.flushed >= number:
            return
        waiting = self._flush_waiters.add(number)
        self._give_to_writer()
        self.store.hurry()
        ends = self._loop.time() + seconds
        try:
            while not waiting.done() and self._loop.time() < ends:
                await asyncio.wait(
                    (waiting,), timeout=min(_STALL_LOOK_SECONDS, ends - self._loop.time())
                )
                if not waiting.done() and position is None and (self.store.stalled or self.doubt):
                    return
        finally:
            waiting.cancel()
            self._flush_waiters.remove(number, waiting)
        if self.flushed < number:
            raise NotYetApplied(
                sentence("position %(position)s is not in the file yet", position=number)
            ) from None

    # Another file

    def take_over(
        self, twin: "Projection", since: list[StoredRow], missed: list[StoredRow]
    ) -> None:
        """Continue from another fold of the same log, whose file replaces this one's.

        `since` are the rows that were folded here while the twin was built. Those
        beyond the twin's position are folded again on its state. `missed` are the rows
        that the twin folded and this fold did not. Each listener and waiter receives
        every record once.
        """
        number, position = self.state.position, twin.state.position
        root = self.standing.frontier.root()
        self._generation = self.store.generation
        for name in _TAKEN_OVER:
            setattr(self, name, getattr(twin, name))
        self._pending_bytes, self._folded = 0, []
        self._staged = {at: staged for at, staged in self._staged.items() if at > position}
        self._room.set()
        for row in missed:
            if row.folded.position > number:
                self._tell(row)
        self._fold_waiters.wake_up_to(position)
        self._passed_on = max(number, position)
        self._flush_waiters.wake_up_to(self.flushed)
        self.take(
            [
                StoredMessage(position=row.folded.position, subject=row.subject, raw=row.folded.raw)
                for row in since
                if row.folded.position > position
            ]
        )
        if twin.broken is not None:
            self._break(twin.broken)
        elif not self._log_agrees.is_set() and position >= number and self.root(number) == root:
            # The log still makes what was folded from it: the file was wrong. `walk` compares
            # all of the log with the new file.
            log.warning("log.agrees", channel=self.name, position=number)
            self._broken = None
            self._log_agrees.set()
        self._walk_now.set()


_TAKEN_OVER: Final = (*HISTORY_MEMBERS, "_read_ahead")
"""Everything that a fold has in memory of its log and its file."""

_LOOK_SECONDS: Final = 0.1
_STALL_LOOK_SECONDS: Final = 0.25


def _ends(messages: list[StoredMessage]) -> bool:
    """Return whether a read came to the log's end: it could have brought more."""
    return (
        len(messages) < READ_RECORDS
        and sum(len(message.raw) for message in messages) < READ_BYTES - MESSAGE_BYTES
    )
