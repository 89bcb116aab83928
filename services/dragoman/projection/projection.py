"""One channel as it stands now: the fold in memory, ahead of its file by what the writer has not yet committed.

The fold runs in the event loop, so that an answer can be given as soon as its record is
folded. What is folded is handed to the writer; until it is committed it stays here, and
the ledger's questions look here first, then into the file. Records that this process
appended itself are applied as soon as the broker has acknowledged them: the tail does
not have to bring them back. Positions stay contiguous because a record waits for those
before it.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import structlog

from dragoman.domain.acts.access import ROOT, officer_side
from dragoman.domain.acts.erasure import Withheld, left_of, names_records, standing_in
from dragoman.domain.acts.families.contact import standing_office
from dragoman.domain.fold import Folded
from dragoman.domain.history_port import DecisionBasis
from dragoman.domain.record import ids
from dragoman.domain.record.codec import NotARecord, Record, parse
from dragoman.domain.record.errors import Refusal
from dragoman.domain.step import advance
from dragoman.eventlog.erasures import has_entries, named_from
from dragoman.eventlog.event_log import (
    EntryToAppend,
    EventLog,
    LogBroken,
    LogUnreachable,
    StoredMessage,
)
from dragoman.limits import (
    FOLD_SECONDS,
    MEMORY_EXCHANGES,
    MESSAGE_BYTES,
    POLL_SECONDS,
    QUEUE_BYTES,
    QUEUE_WRITES,
    READ_BYTES,
    READ_RECORDS,
    WALK_RECORDS,
    WALK_REST,
    WALK_SECONDS,
)
from dragoman.projection.id_filter import IdFilter
from dragoman.projection.newest_states import NewestStates
from dragoman.projection.store import Store, StoredRow
from dragoman.projection.writer import SNAPSHOT_RECORDS, decode_frontier
from dragoman.projection.writer_messages import StoreDamaged
from dragoman.text import Text, TextError, sentence, unpacked
from dragoman.tlog import leaf, merkle
from dragoman_schemas.acts.office.channel import ErasedRecord, Erasure
from dragoman_schemas.state import (
    ChannelState,
    Exchange,
    Registry,
    encode,
)

log = structlog.get_logger()


class NotYetApplied(TextError):
    """A position was not reached in time; what is said says which."""


class Projection:
    """One channel's fold. Is the `Ledger` that decisions and the fold itself ask."""

    def __init__(
        self,
        log: EventLog,
        store: Store,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Begin where the file stands."""
        self.log = log
        self.name = log.channel
        self.store = store
        self._now = now
        self._broken: Text | None = None
        self._failing: dict[str, Text] = {}
        self.checked: datetime | None = None
        self._compared = 0.0
        self.caught_up = asyncio.Event()
        self._anew = asyncio.Event()
        self.standing = store.standing(self.name)
        self.flushed = self.state.position
        self._pending: dict[int, StoredRow] = {}
        self._ids: dict[str, int] = {}
        self._subjects: dict[str, int] = {}
        self._seen = IdFilter()
        self._seen.complete = not self.flushed
        self._unused: set[str] = set()
        self._encoded = NewestStates()
        self._said: dict[str, dict[str, int]] = {}
        self._newest = self._newest_acts()
        self._offices = self._known_offices()
        self._staged: dict[int, tuple[str, bytes | Record, DecisionBasis | None]] = {}
        self._waiting: dict[int, list[asyncio.Future[None]]] = {}
        self._flush_waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._folded: list[StoredRow] = []
        self._pending_bytes = 0
        self._generation = store.generation
        self._passed_on = 0
        self._named: dict[int, Withheld] = {}
        self._read_ahead = False
        self._unproven: dict[int, int] = {}
        self._room = asyncio.Event()
        self._room.set()
        self._loop = asyncio.get_running_loop()
        self.listeners: set[Callable[[StoredRow], None]] = set()

    @property
    def state(self) -> ChannelState:
        """The channel's state now."""
        return self.standing.state

    @property
    def doubt(self) -> Text | None:
        """Return why nothing of this channel can be answered: its file is damaged, or its rows are not what its records make."""
        if not self.store.damage and self.name not in self.store.differing:
            return None
        return sentence(
            "This gateway found its own copy of %(channel)s damaged, and builds another one from the log",
            channel=self.name,
        )

    @property
    def crowded(self) -> bool:
        """Return whether so much waits to be written to the file that nothing more is taken in."""
        return len(self._pending) >= 2 * QUEUE_WRITES or self._pending_bytes >= QUEUE_BYTES

    @property
    def broken(self) -> Text | None:
        """Return why the channel is read-only: its log is not what it was, or a task of it fails. None while it is written on."""
        return self._broken or next(iter(self._failing.values()), None)

    @broken.setter
    def broken(self, reason: Text | None) -> None:
        self._broken = reason

    def fail(self, task: str, error: Exception) -> None:
        """Make the channel read-only while a task of it fails, which is tried again by itself."""
        self._failing[task] = sentence(
            "the task %(task)s of %(channel)s fails (%(error)s) and is tried again by itself: if that does not help, restart this gateway and report it",
            task=task,
            channel=self.name,
            error=type(error).__name__,
        )
        self.caught_up.set()  # whoever waits for all channels must not wait for this one

    def recover(self, task: str) -> None:
        """Write on the channel again, as far as this task is concerned."""
        self._failing.pop(task, None)

    @property
    def is_retried(self) -> bool:
        """Return whether the channel is read-only for no longer than a task of it fails."""
        return self._broken is None and bool(self._failing)

    # The ledger's questions

    def exchange(self, exchange: str) -> Exchange | None:
        """Return the folded exchange of that id."""
        result = self._known(exchange)
        return result[0] if result is not None and isinstance(result[0], Exchange) else None

    def _known(self, exchange: str) -> tuple[Exchange | Registry, bytes] | None:
        result = self._encoded.get(exchange)
        if result is not None:
            return result
        registry = self.state.registry
        if registry is not None and exchange in registry.erased:
            return None  # the file may hold it until the writer has come so far
        if registry is not None and exchange == registry.id:
            result = registry, encode(registry)
        else:
            base, reader = self.store.base(self.name), self.store.reader()
            row = reader.execute(
                "SELECT r.state FROM exchanges e JOIN records r ON r.key = (e.key >> 40 << 40) | e.position WHERE e.id = ? AND e.key >> 40 = ? >> 40",
                (exchange, base),
            ).fetchone()
            if row is None:
                return None
            result = self.store.exchange_of(reader, base, exchange, row[0])
        self._encoded.put(exchange, result)
        return result

    def used(self, id: str) -> bool:
        """Return whether a well-formed record has used up the id."""
        return self.posted(id) is not None

    def posted(self, id: str) -> int | None:
        """Return the position of the first well-formed record with that id."""
        position = self._ids.get(id)
        if position is not None or id in self._unused:
            return position
        if self._seen.denies(id):
            self._unused.add(id)
            return None
        base = self.store.base(self.name)
        row = (
            self.store.reader()
            .execute(
                "SELECT key FROM records WHERE id = ? AND key BETWEEN ? AND ? ORDER BY key LIMIT 1",
                (id, base, base | (1 << 40) - 1),
            )
            .fetchone()
        )
        return None if row is None else int(row[0]) - base

    def actor(self, position: int) -> str | None:
        """Return the actor of the valid record at that position."""
        pending = self._pending.get(position)
        if pending is not None:
            record = pending.folded.record
            return record.envelope.actor if record is not None and pending.folded.valid else None
        row = (
            self.store.reader()
            .execute(
                "SELECT actor FROM records WHERE key = ? AND valid",
                (self.store.base(self.name) | position,),
            )
            .fetchone()
        )
        return None if row is None else str(row[0])

    def holds(self, exchange: str, commit: str) -> bool:
        """Return whether a valid record of the exchange has that commitment."""
        for row in self._pending.values():
            record = row.folded.record
            if (
                row.commit == commit
                and row.folded.valid
                and record is not None
                and record.envelope.subject == exchange
            ):
                return True
        base = self.store.base(self.name)
        result = (
            self.store.reader()
            .execute(
                "SELECT 1 FROM records WHERE exchange = ? AND key BETWEEN ? AND ? AND record_commit = ? AND valid",
                (exchange, base, base | (1 << 40) - 1, commit),
            )
            .fetchone()
        )
        return result is not None

    def numbered(self, number: str) -> str | None:
        """Return the id of the exchange that was opened under a number."""
        for row in self._pending.values():
            state = row.folded.state
            if (
                row.folded.number == number
                and isinstance(state, Exchange)
                and state.number == number
            ):
                return state.id
        row_found = (
            self.store.reader()
            .execute(
                "SELECT id FROM exchanges WHERE number = ? AND key >> 40 = ? >> 40",
                (number, self.store.base(self.name)),
            )
            .fetchone()
        )
        return None if row_found is None else str(row_found[0])

    def said_by(self, exchange: str, side: str) -> int:
        """Return the bytes of a side's records in an exchange, void ones too."""
        said = self._said.get(exchange)
        if said is None:
            base = self.store.base(self.name)
            cursor = self.store.reader().execute(
                "SELECT substr(actor, 1, instr(actor, '/') - 1), sum(length(raw)) FROM records "
                "WHERE exchange = ? AND key BETWEEN ? AND ? AND actor IS NOT NULL GROUP BY 1",
                (exchange, base, base | self.flushed),
            )
            said = self._said[exchange] = dict(cursor.fetchall())
            state = self.exchange(exchange)
            if state is None or state.updated.position > self.flushed:
                for row in self.unwritten(exchange):
                    assert row.folded.record is not None
                    _count(said, row.folded.record)
        return said.get(side, 0)

    def office(self, side: str) -> Exchange | None:
        """Return a side's liaison office as it is agreed or open, the newest entry of it."""
        return standing_office([self.exchange(id) for id in self._offices], side)

    def _known_offices(self) -> set[str]:
        base = self.store.base(self.name)
        cursor = self.store.reader().execute(
            "SELECT id FROM exchanges WHERE act = 'liaison-office' AND key BETWEEN ? AND ?",
            (base, base | (1 << 40) - 1),
        )
        return {id for (id,) in cursor}

    def root(self, size: int) -> bytes:
        """Return the tree's root at a size."""
        if size == self.standing.frontier.size:
            return self.standing.frontier.root()
        base = self.store.base(self.name)
        start = size - size % SNAPSHOT_RECORDS
        frontier = merkle.Frontier()
        row = (
            self.store.reader()
            .execute("SELECT frontier FROM snapshots WHERE key = ?", (base | start,))
            .fetchone()
        )
        if row is not None:
            frontier = decode_frontier(row[0])
        elif start in self._pending:
            frontier = self._pending[start].step.standing.frontier
        for position in range(frontier.size + 1, size + 1):
            frontier = frontier.add(
                merkle.leaf_hash(leaf.entry(position - 1, self._commit(position)))
            )
        return frontier.root()

    def _commit(self, position: int) -> str:
        pending = self._pending.get(position)
        if pending is not None:
            return pending.commit
        (commit,) = (
            self.store.reader()
            .execute(
                "SELECT record_commit FROM records WHERE key = ?",
                (self.store.base(self.name) | position,),
            )
            .fetchone()
        )
        return str(commit)

    def withheld(self, position: int) -> Withheld | None:
        """Return what an erasure further on says of the record at a position, as far as the log was read ahead."""
        return self._named.get(position)

    def records_of(self, exchange: str) -> Iterator[ErasedRecord]:
        """Return every well-formed record of an exchange, void ones too, in order, as an erasure would name it."""
        base = self.store.base(self.name)
        cursor = self.store.reader().execute(
            "SELECT key, raw, valid FROM records WHERE exchange = ? AND key BETWEEN ? AND ? ORDER BY key",
            (exchange, base, base | (1 << 40) - 1),
        )
        rows = {key - base: (raw, bool(valid)) for key, raw, valid in cursor}
        for position, row in self._pending.items():
            record = row.folded.record
            if record is not None and record.envelope.subject == exchange:
                rows[position] = row.folded.raw, row.folded.valid
        return (
            self._left_of(position, raw, valid=valid)
            for position, (raw, valid) in sorted(rows.items())
        )

    def _left_of(self, position: int, raw: bytes, *, valid: bool) -> ErasedRecord:
        erased_record = standing_in(raw, position, self.withheld)
        return (
            left_of(position, parse(raw), void=not valid)
            if erased_record is None
            else erased_record
        )

    def last_on(self, subject: str) -> int:
        """Return the position of the last message on a NATS subject, valid or not; 0 for none."""
        position = self._subjects.get(subject)
        if position is not None:
            return position
        row = (
            self.store.reader()
            .execute(
                "SELECT last FROM subjects WHERE channel = ? >> 40 AND subject = ?",
                (self.store.base(self.name), subject),
            )
            .fetchone()
        )
        return 0 if row is None else int(row[0])

    # Folding

    async def run(self, working: Callable[[], None] = lambda: None) -> None:
        """Follow the log for ever, folding what comes, and say at each end of the log that it works. Ends only where the log is broken, loudly."""
        while True:
            try:
                return await self._follow(working)
            except StoreDamaged:
                while self.doubt:  # threads report it; another file is built beside; what was read is read again from there  # noqa: ASYNC110
                    await asyncio.sleep(_LOOK_SECONDS)

    async def _follow(self, working: Callable[[], None]) -> None:
        try:
            async for messages in self.log.follow(lambda: self.state.position + 1):
                if messages:
                    await self._room.wait()
                    await self._know_erasures(messages)
                    self.take(messages)
                    if self.caught_up.is_set() and _ends(messages):
                        self.checked = self._now()
                        working()
                    continue
                now = self._now()
                if (
                    messages is None
                    or self.checked is None
                    or self._loop.time() - self._compared >= POLL_SECONDS
                ):
                    await self._compare()
                if messages is None:
                    self._anew.set()
                else:
                    self.checked = now
                    self.caught_up.set()
                    working()
        except LogBroken as error:
            self._break(error.said)
            self.caught_up.set()

    async def bring(self) -> None:
        """Fold what the log has by now, without waiting to be told. Raises `LogUnreachable`."""
        try:
            while messages := await self.log.read(self.state.position + 1, READ_RECORDS):
                await self._room.wait()
                await self._know_erasures(messages)
                self.take(messages)
        except LogBroken as error:
            self._break(error.said)

    def expect(self, withhelds: Mapping[int, Withheld]) -> None:
        """Make known what the erasures of this log name, so that the log is not read ahead for them."""
        self._named = dict(withhelds)
        self._read_ahead = True

    async def _know_erasures(self, messages: list[StoredMessage]) -> None:
        """Where an entry stands for a record, read the log to its end, once, for the erasure that names it. Raises `LogBroken`.

        So too where records are named, some of which may be entries that were folded
        before this start, which has forgotten what names them.
        """
        if not self._read_ahead and (
            has_entries(messages) or any(names_records(message.raw) for message in messages)
        ):
            self._named = await named_from(self.log, messages[0].position)
            self._read_ahead = True

    def _break(self, reason: Text) -> None:
        """Write nothing any more, and say why."""
        if self._broken is None:
            self._broken = reason
            log.critical(
                "log.broken",
                channel=self.name,
                reason=str(reason),
                do="stop posting; see docs/operating.md, when a log is read-only",
            )
            self._anew.set()  # whoever walks looks where it begins

    def _located(self, reason: Text) -> None:
        """Say where it begins that a log is not what was folded from it."""
        if self._broken is None:
            self._break(reason)
        elif reason != self._broken:
            self._broken = reason
            log.critical(
                "log.damage_located",
                channel=self.name,
                reason=str(reason),
                do="see docs/operating.md, when a log is read-only",
            )

    async def _compare(self) -> None:
        """The log must still hold what was folded from it last. Raises `LogBroken`."""
        while position := self.state.position:
            try:
                stood = await self.log.read_kept(position, 1)
            except LogUnreachable:
                await asyncio.sleep(0.1)
                continue
            pending = self._pending.get(position)
            raw = self.bytes_at(position)[0] if pending is None else pending.folded.raw
            self._compare_one(position, stood[0].raw if stood else None, raw)
            break
        self._compared = self._loop.time()

    def _compare_one(self, position: int, stood: bytes | None, folded: bytes) -> None:
        if stood == folded or _stands_for(position, folded, stood):
            return
        if stood is not None and _stands_for(position, stood, folded):
            raise LogBroken(
                sentence(
                    "at position %(position)s the log of %(channel)s has what is left of a record that was erased, "
                    "and this gateway has its bytes: stop it, remove its projection, and start it again",
                    position=position,
                    channel=self.name,
                )
            )
        at = {"position": position, "channel": self.name}
        text = (
            sentence(
                "at position %(position)s the log of %(channel)s has nothing where this gateway had folded a record from it: "
                "restore the broker's store from a copy",
                **at,
            )
            if stood is None
            else sentence(
                "at position %(position)s the log of %(channel)s has another record than this gateway had folded from it: "
                "restore the broker's store from a copy",
                **at,
            )
        )
        raise LogBroken(text)

    async def walk(self, working: Callable[[], None] = lambda: None) -> None:
        """Compare the whole log with what was folded from it, whenever the connection stands anew and every `WALK_SECONDS`.

        A broker that was stopped cleanly believes its index, and finds a damaged
        message only when somebody reads it.
        """
        try:
            while self._broken is None:
                self._anew.clear()
                await self._walk_once()
                working()
                with suppress(TimeoutError):
                    async with asyncio.timeout(WALK_SECONDS):
                        await self._anew.wait()
            await self._walk_once()
        except LogBroken as error:
            self._located(error.said)

    async def _walk_once(self) -> None:
        """Compare all once, resting in between while the log is written on."""
        position, last = 0, self.flushed
        while position < last:
            begun = self._loop.time()
            most = min(WALK_RECORDS, last - position)
            try:
                stood = await self.log.read_kept(position + 1, most)
            except LogUnreachable:
                await asyncio.sleep(POLL_SECONDS)
                continue
            folded = await asyncio.wrap_future(
                self.store.in_thread(
                    self.store.raws, self.name, position + 1, position + max(1, len(stood))
                )
            )
            for offset, raw in enumerate(folded):
                self._compare_one(position + 1 + offset, stood[offset].raw if stood else None, raw)
            position += len(stood)
            if self._broken is None:
                await asyncio.sleep((self._loop.time() - begun) * WALK_REST)

    async def remember(self) -> None:
        """Bring the ids of the file to memory, so that the file need not be asked whether a new one was used."""
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
        """Fold messages that follow, passing those that were folded already."""
        for message in messages:
            if message.position > self.state.position:
                self._staged[message.position] = message.subject, message.raw, None
        self._fold_staged()

    def _fold_staged(self) -> None:
        rows: list[StoredRow] = []
        try:
            while (staged := self._staged.get(self.state.position + 1)) is not None:
                rows.append(self._fold(*staged))
                del self._staged[rows[-1].folded.position]
        finally:
            if rows:  # also where a later one could not be folded: the file has no holes
                self._hand_over(rows)

    def appended(
        self, entry: EntryToAppend, position: int, grounds: DecisionBasis | None = None
    ) -> None:
        """Apply a record that this process appended, having found it legal on these grounds.

        At or below a position that was folded when it was appended, the position was
        used twice. Raises `LogBroken`.
        """
        pending = self._pending.get(position)
        other = pending is not None and pending.folded.raw != entry.record.raw
        if other or (
            pending is None
            and position <= self.state.position
            and self.posted(entry.record.envelope.id) != position
        ):
            twice = sentence(
                "position %(position)s of %(channel)s was used twice: the broker has lost what it had acknowledged; restore its store from a copy",
                position=position,
                channel=self.name,
            )
            self._break(twice)
            raise LogBroken(twice)
        if position > self.state.position:
            self._staged[position] = entry.subject, entry.record, grounds
            try:
                self._fold_staged()
            except (
                Exception
            ):  # it stands in the log: the follower reads it there, fails alike, and is run again
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
        # Whatever can fail has been done: a message is folded whole, or not at all and then again.
        if folded.state is not None and step.encoded is not None:
            self._encoded.put(folded.state.id, (folded.state, step.encoded))
            if isinstance(folded.state, Exchange) and folded.state.act == "liaison-office":
                self._offices.add(folded.state.id)
        self.standing = step.standing
        self._pending[folded.position] = row
        self._subjects[subject] = folded.position
        if folded.record is not None:
            id = folded.record.envelope.id
            if (said := self._said.get(folded.record.envelope.subject)) is not None:
                _count(said, folded.record)
            elif folded.valid and folded.record.envelope.subject == id:
                self._said[id] = {folded.record.side: len(folded.raw)}
            if is_new:
                self._ids[id] = folded.position
                self._seen.add(id)
                self._unused.discard(id)
            side = officer_side(folded.record.envelope.actor)
            if folded.valid and side:
                self._newest[side] = folded.position
        return row

    def _erased(self, folded: Folded) -> tuple[ErasedRecord, ...]:
        """Return what of the file is to be erased by a message; and the doubt is settled about what stood for records that it names, or was to."""
        if (
            folded.record is not None
            and not isinstance(folded.record.data, Erasure)
            and folded.raw.startswith(b"dragoman-entry/")
        ):
            self._unproven[folded.position] = self._named[folded.position].by
        if (
            folded.refusal is not None
            and folded.record is not None
            and isinstance(folded.record.data, Erasure)
        ):
            for position in [at for at, by in self._unproven.items() if by == folded.position][:1]:
                self._break(
                    sentence(
                        "position %(position)s of %(channel)s is withheld by a void erasure at %(erasure)s: restore from a copy",
                        position=position,
                        channel=self.name,
                        erasure=folded.position,
                    )
                )
        if not folded.removed:
            return ()
        assert folded.record is not None and isinstance(folded.record.data, Erasure)
        for exchange in folded.removed:
            self._encoded.pop(exchange)
            self._said.pop(exchange, None)
        for record in folded.record.data.records:
            self._unproven.pop(record.position, None)
        return folded.record.data.records

    def _encoded_before(self, exchange: str) -> bytes | None:
        known = self._known(exchange)
        return None if known is None else known[1]

    def _hand_over(self, rows: list[StoredRow]) -> None:
        self._pending_bytes += sum(_weight(row) for row in rows)
        if len(self._pending) > QUEUE_WRITES or self._pending_bytes > QUEUE_BYTES // 2:
            self._room.clear()
        if self._pending_bytes > QUEUE_BYTES // 8:
            self.store.hurry()  # long states fill the queue before the writer has gathered enough
        if not self._folded:
            self._loop.call_soon(self._give_to_writer)
        self._folded += rows
        for row in rows:
            for waiting in self._waiting.pop(row.folded.position, ()):
                if not waiting.done():
                    waiting.set_result(None)
            if row.folded.position > self._passed_on:
                self._tell(row)

    def _tell(self, row: StoredRow) -> None:
        """Tell every listener of a record; one that fails keeps no other from hearing of it."""
        for listener in tuple(self.listeners):
            try:
                listener(row)
            except Exception:  # whatever it is, it is said
                log.critical(
                    "projection.listener_failed",
                    channel=self.name,
                    position=row.folded.position,
                    exc_info=True,
                )

    def _give_to_writer(self) -> None:
        """Queue what was folded in this turn of the loop, in one piece: each piece comes back by waking the loop."""
        rows, self._folded = self._folded, []

        generation = self._generation

        def committed(error: BaseException | None) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._committed, rows, error, generation)

        if rows:
            self.store.write(self.name, rows, committed)

    def _committed(
        self, rows: list[StoredRow], error: BaseException | None, generation: int
    ) -> None:
        if error is not None or generation != self._generation:
            return  # the rows stay here until another file has them
        self._pending_bytes -= sum(_weight(row) for row in rows)
        for row in rows:
            del self._pending[row.folded.position]
            if self._subjects.get(row.subject) == row.folded.position:
                del self._subjects[row.subject]
            record = row.folded.record
            if record is not None and self._ids.get(record.envelope.id) == row.folded.position:
                del self._ids[record.envelope.id]
        self.flushed = rows[-1].folded.position
        self._forget()
        if len(self._pending) <= QUEUE_WRITES // 2 and self._pending_bytes <= QUEUE_BYTES // 4:
            self._room.set()
        self._tell_flushed()

    def _tell_flushed(self) -> None:
        still: list[tuple[int, asyncio.Future[None]]] = []
        for position, waiting in self._flush_waiting:
            if position > self.flushed:
                still.append((position, waiting))
            elif not waiting.done():
                waiting.set_result(None)
        self._flush_waiting = still

    def _forget(self) -> None:
        if len(self._unused) > MEMORY_EXCHANGES:
            self._unused.clear()  # ids of posts that were then refused
        if len(self._said) > MEMORY_EXCHANGES:
            self._said.clear()  # counted again when somebody posts
        self._encoded.forget(self.flushed)

    def _newest_acts(self) -> dict[str, int]:
        base = self.store.base(self.name)
        sides = () if self.state.registry is None else self.state.registry.sides
        numbers: dict[str, int] = {}
        for side in sides:
            row = (
                self.store.reader()
                .execute(
                    "SELECT key FROM records WHERE actor GLOB ? AND actor != ? AND valid AND key BETWEEN ? AND ? ORDER BY key DESC LIMIT 1",
                    (f"{side.name}/*", f"{side.name}/{ROOT}", base, base | (1 << 40) - 1),
                )
                .fetchone()
            )
            if row is not None:
                numbers[side.name] = row[0] - base
        return numbers

    def newest_of_others(self, side: str) -> int:
        """Return the position of the newest valid act of an officer of another side; 0 for none."""
        return max(
            (position for other, position in self._newest.items() if other != side), default=0
        )

    # Waiting and telling

    async def reached(self, position: int, seconds: float = FOLD_SECONDS) -> None:
        """Wait until the fold has passed a position. Raises `Behind`."""
        if self.state.position >= position:
            return
        waiting: asyncio.Future[None] = self._loop.create_future()
        self._waiting.setdefault(position, []).append(waiting)
        try:
            async with asyncio.timeout(seconds):
                await waiting
        except TimeoutError:
            if self.state.position >= position:
                return  # it was folded at just this moment
            self._waiting[position].remove(waiting)
            if not self._waiting[position]:
                del self._waiting[position]
            raise NotYetApplied(
                sentence(
                    "position %(position)s is not folded yet, %(newest)s is",
                    position=position,
                    newest=self.state.position,
                )
            ) from None

    async def in_file(self, position: int | None = None, seconds: float = FOLD_SECONDS) -> None:
        """Wait until the file holds a position, by default all that is folded now, if it still can. Raises `Behind`."""
        if position is None and (self.broken or self.store.stalled):
            return
        number = self.state.position if position is None else position
        await self.reached(number, seconds)
        if self.flushed >= number:
            return
        waiting: asyncio.Future[None] = self._loop.create_future()
        self._flush_waiting.append((number, waiting))
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
        if self.flushed < number:
            raise NotYetApplied(
                sentence("position %(position)s is not in the file yet", position=number)
            ) from None

    def unwritten(self, exchange: str) -> list[StoredRow]:
        """Return the folded messages of an exchange that the file does not hold yet."""
        return [
            row
            for row in self._pending.values()
            if row.folded.record is not None and row.folded.record.envelope.subject == exchange
        ]

    # Another file

    def take_over(
        self, twin: "Projection", since: list[StoredRow], missed: list[StoredRow]
    ) -> None:
        """Go on from another fold of the same log, whose file has taken the place of this one's.

        `since` are the rows that were folded here beyond the twin's position, and are
        folded again on what stands there; `missed` those that the twin folded, and
        nobody here was told of. Whoever listens or waits is told of every record once.
        """
        number, position = self.state.position, twin.state.position
        self._generation = self.store.generation
        for name in _FOLDED:
            setattr(self, name, getattr(twin, name))
        self._pending_bytes, self._folded = 0, []
        self._staged = {at: staged for at, staged in self._staged.items() if at > position}
        self._room.set()
        for row in missed:
            if row.folded.position > number:
                self._tell(row)
        for at in [at for at in self._waiting if at <= position]:
            for waiting in self._waiting.pop(at):
                if not waiting.done():
                    waiting.set_result(None)
        self._passed_on = max(number, position)
        self._tell_flushed()
        self.take(
            [
                StoredMessage(position=row.folded.position, subject=row.subject, raw=row.folded.raw)
                for row in since
                if row.folded.position > position
            ]
        )
        if twin.broken is not None:
            self._break(twin.broken)
        self._anew.set()

    def row(self, position: int) -> StoredRow | None:
        """Return the folded message at a position, while it is in memory."""
        return self._pending.get(position)

    def record_at(self, position: int) -> Record | None:
        """Return the record at a position; None for junk."""
        pending = self._pending.get(position)
        if pending is not None:
            return pending.folded.record
        try:
            return parse(self.bytes_at(position)[0])
        except NotARecord:
            return None

    def stored(self, position: int) -> tuple[Record | None, str, Refusal | None]:
        """Return the record at a position as the file has it, None where it was erased, its number, and why it is void if it is."""
        raw, number, kind, detail = (
            self.store.reader()
            .execute(
                "SELECT raw, number, reason, detail FROM records WHERE key = ?",
                (self.store.base(self.name) | position,),
            )
            .fetchone()
        )
        record = parse(raw) if raw.startswith(b"{") else None
        return record, number, _void(kind, detail)

    def refusal_at(self, position: int) -> Refusal | None:
        """Return why the record at a position is void; None where it is not."""
        pending = self._pending.get(position)
        if pending is not None:
            return pending.folded.refusal
        query = "SELECT reason, detail FROM records WHERE key = ?"
        return _void(
            *self.store.reader().execute(query, (self.store.base(self.name) | position,)).fetchone()
        )

    def bytes_at(self, position: int) -> tuple[bytes, str, str, bool]:
        """Return the exact bytes of a message in the file, their commitment, the digest after it, and whether the message is valid."""
        raw, commit, digest, valid = (
            self.store.reader()
            .execute(
                "SELECT raw, record_commit, digest, valid FROM records WHERE key = ?",
                (self.store.base(self.name) | position,),
            )
            .fetchone()
        )
        return raw, commit, digest, bool(valid)

    @property
    def registry(self) -> Registry:
        """The registry now. Only for channels whose genesis is folded."""
        assert self.state.registry is not None
        return self.state.registry

    @property
    def is_channel(self) -> bool:
        """Return whether position 1 is a valid genesis."""
        return self.state.registry is not None


_FOLDED: Final = (
    "standing", "flushed", "_pending", "_ids", "_subjects", "_seen", "_unused", "_encoded", "_said", "_newest", "_offices", "_named",
    "_read_ahead", "_unproven",
)  # fmt: skip
"""What a fold has in memory of its log and its file."""

_LOOK_SECONDS: Final = 0.1
_STALL_LOOK_SECONDS: Final = 0.25


def _count(numbers: dict[str, int], record: Record) -> None:
    """Add a record to the bytes that sides have said in its exchange."""
    numbers[record.side] = numbers.get(record.side, 0) + len(record.raw)


def _weight(row: StoredRow) -> int:
    """Return how many bytes a folded message keeps in memory, as far as it says."""
    return len(row.folded.raw) + len(row.step.encoded or b"")


def _stands_for(position: int, folded: bytes, stood: bytes | None) -> bool:
    """Return whether a record was erased here, and the log still has its bytes."""
    return stood is not None and leaf.read_entry(folded) == (position - 1, leaf.commit(stood))


def _ends(messages: list[StoredMessage]) -> bool:
    """Return whether a read came to the log's end: it could have brought more."""
    return (
        len(messages) < READ_RECORDS
        and sum(len(message.raw) for message in messages) < READ_BYTES - MESSAGE_BYTES
    )


def _void(kind: str | None, detail: str) -> Refusal | None:
    return None if kind is None else Refusal(kind=kind, detail=unpacked(detail))
