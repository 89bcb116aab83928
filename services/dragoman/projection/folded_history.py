"""The history of one channel: what its fold has in memory, over what the file has.

A `FoldedHistory` answers the questions of `domain.history_port.History`. Each look-up
asks the folded messages in memory first, then the file. A message stays in memory until
the writer has committed it.
"""

from collections.abc import Collection, Iterator
from typing import Final

import structlog

from dragoman.domain.acts import deadlines
from dragoman.domain.acts.access import ROOT, officer_side
from dragoman.domain.acts.erasure import Withheld, left_of, standing_in, wait_for_next
from dragoman.domain.acts.families.contact import is_office, standing_office
from dragoman.domain.fold import Folded, NewerRules, refuse_newer_rules
from dragoman.domain.record.codec import NotARecord, Record, parse_stored
from dragoman.domain.record.errors import Refusal
from dragoman.limits import MEMORY_EXCHANGES
from dragoman.projection.bounded_memory import IdFilter
from dragoman.projection.fold_digest import JudgedOtherwise
from dragoman.projection.row_keys import (
    NEWEST_RECORD,
    POSITION_BITS,
    channel_number,
    channel_range,
    position_of,
    row_key,
)
from dragoman.projection.store import Store
from dragoman.projection.stored_row import StoredRow
from dragoman.projection.tables import SNAPSHOT_RECORDS, decode_frontier
from dragoman.text import Text, sentence, unpacked
from dragoman.tlog import leaf, merkle
from dragoman_schemas.acts.office.channel import ErasedRecord, Erasure
from dragoman_schemas.state import ChannelState, Exchange, Registry, encode

log = structlog.get_logger()

_NEWEST_STATE: Final = (
    "SELECT r.state FROM exchanges e "  # fixed words  # noqa: S608
    f"JOIN records r ON {NEWEST_RECORD} WHERE e.id = ? AND e.key >> {POSITION_BITS} = ?"
)
_OF_NUMBER: Final = (
    "SELECT id FROM exchanges "  # fixed words  # noqa: S608
    f"WHERE number = ? AND key >> {POSITION_BITS} = ?"
)


class FoldedHistory:
    """The folded messages of one channel, in memory and in the file.

    `flushed` is the position up to which the file has them. `newer` says where the
    channel goes on by rules that this program lacks; None if it does not.
    `judged_otherwise` says that another program gave the same records another meaning.
    `awaited` is the number of records that a restored log must have before more are
    written. `unsigned` says that nobody here has proved the channel's log key;
    `heirs` are the keys to which a handover may go then.
    """

    def __init__(self, store: Store, channel: str) -> None:
        """Begin with the channel's state in the file."""
        self.name = channel
        self.store = store
        self.standing = store.standing(channel)
        self.flushed = self.state.position
        self._pending: dict[int, StoredRow] = {}
        self._ids: dict[str, int] = {}
        self._subjects: dict[str, int] = {}
        self._seen = IdFilter()
        self._seen.complete = not self.flushed
        self._unused: set[str] = set()
        store.states.forget(channel, self.flushed)
        self._volumes: dict[str, dict[str, int]] = {}
        self._newest = self._newest_acts()
        self._offices = self._office_ids()
        self._withheld: dict[int, Withheld] = {}
        self._unproven: dict[int, int] = {}
        self._broken: Text | None = None
        self.newer: NewerRules | None = None
        self.judged_otherwise: JudgedOtherwise | None = None
        self.awaited = 0
        self.unsigned: Text | None = None
        self.heirs: Collection[str] = ()
        self._look_at_rules()

    @property
    def state(self) -> ChannelState:
        """The channel's state now."""
        return self.standing.state

    @property
    def registry(self) -> Registry:
        """The registry now. Only for channels whose genesis is folded."""
        assert self.state.registry is not None
        return self.state.registry

    @property
    def is_channel(self) -> bool:
        """Return whether position 1 is a valid genesis."""
        return self.state.registry is not None

    @property
    def incomplete(self) -> Text | None:
        """Return the reason why a restored log is read-only; None if it is complete."""
        if self.state.position >= self.awaited:
            return None
        return sentence(
            "a signed head of %(channel)s has %(awaited)s records, and %(n)s were restored: have "
            "the operator fetch the others with `dragoman restore --from-mirror`",
            channel=self.name,
            awaited=self.awaited,
            n=self.state.position,
        )

    @property
    def lasting_fault(self) -> Text | None:
        """The reason why nothing is recorded until somebody acts; None without one.

        The log is broken, its rules are unknown, its records were judged otherwise
        before, or it is not whole.
        """
        stopped = self.newer or self.judged_otherwise
        return self._broken or (stopped.said if stopped else self.incomplete)

    @property
    def doubt(self) -> Text | None:
        """Return the reason why nothing of this channel can be answered.

        Its file is damaged, or its rows are not what its records make. None otherwise.
        """
        if not self.store.damage and self.name not in self.store.differing:
            return None
        return sentence(
            "This gateway found its own copy of %(channel)s damaged, "
            "and builds another one from the log",
            channel=self.name,
        )

    def _look_at_rules(self) -> None:
        """Note whether the channel goes on by rules that this program lacks."""
        try:
            refuse_newer_rules(self.state)
        except NewerRules as error:
            self._stop_at(error)

    def _stop_at(self, error: NewerRules) -> None:
        """Fold nothing more, and log the release that is needed."""
        if self.newer is None:
            self.newer = error
            log.critical(
                "channel.newer_rules",
                channel=self.name,
                position=error.position,
                rules=error.rules,
                release=error.release,
                reason=str(error),
                do="install that release, or a newer one; this one reads the channel up to there "
                "and records nothing in it",
            )

    # The questions of `History`

    def exchange(self, exchange: str) -> Exchange | None:
        """Return the folded exchange of that id."""
        newest = self._state_of(exchange)
        return newest[0] if newest is not None and isinstance(newest[0], Exchange) else None

    def _state_of(self, exchange: str) -> tuple[Exchange | Registry, bytes] | None:
        """Return the newest state with that id, and its encoding."""
        newest = self.store.states.get(self.name, exchange)
        if newest is not None:
            return newest
        registry = self.state.registry
        if registry is not None and exchange in registry.erased:
            return None  # the file has the state until the writer has committed the erasure
        if registry is not None and exchange == registry.id:
            newest = registry, encode(registry)
        else:
            base, reader = self.store.base(self.name), self.store.reader()
            row = reader.execute(_NEWEST_STATE, (exchange, channel_number(base))).fetchone()
            if row is None:
                return None
            newest = self.store.exchange_of(reader, base, exchange, row[0])
        self.store.states.put(self.name, exchange, newest)
        return newest

    def _encoded_before(self, exchange: str) -> bytes | None:
        newest = self._state_of(exchange)
        return None if newest is None else newest[1]

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
                (id, *channel_range(base)),
            )
            .fetchone()
        )
        return None if row is None else position_of(int(row[0]))

    def actor(self, position: int) -> str | None:
        """Return the actor of the valid record at that position."""
        pending = self._pending.get(position)
        if pending is not None:
            record = pending.folded.record
            return record.envelope.actor if record is not None and pending.folded.valid else None
        row = (
            self.store.reader()
            .execute("SELECT actor FROM records WHERE key = ? AND valid", (self._key(position),))
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
        one = (
            self.store.reader()
            .execute(
                "SELECT 1 FROM records WHERE exchange = ? AND key BETWEEN ? AND ? "
                "AND record_commit = ? AND valid",
                (exchange, *channel_range(base), commit),
            )
            .fetchone()
        )
        return one is not None

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
        channel = channel_number(self.store.base(self.name))
        stored = self.store.reader().execute(_OF_NUMBER, (number, channel)).fetchone()
        return None if stored is None else str(stored[0])

    def office(self, side: str) -> Exchange | None:
        """Return a side's liaison office that is agreed or open: its newest entry."""
        return standing_office([self.exchange(id) for id in self._offices], side)

    def deadline_terms(self) -> object:
        """Return everything beside the exchanges on which their deadlines depend."""
        registry = self.state.registry
        if registry is None:
            return None
        return deadlines.deadline_terms(registry, (self.office(s.name) for s in registry.sides))

    def _office_ids(self) -> set[str]:
        cursor = self.store.reader().execute(
            "SELECT id FROM exchanges WHERE act = 'liaison-office' AND key BETWEEN ? AND ?",
            channel_range(self.store.base(self.name)),
        )
        return {id for (id,) in cursor}

    def root(self, size: int) -> bytes:
        """Return the tree's root at a size."""
        return self._frontier(size).root()

    def _frontier(self, size: int) -> merkle.Frontier:
        """Return the tree's right edge at a size."""
        if size == self.standing.frontier.size:
            return self.standing.frontier
        return self._added(self._snapshot(size - size % SNAPSHOT_RECORDS), size)

    def _snapshot(self, size: int) -> merkle.Frontier:
        """Return the tree's right edge at a snapshot; without one, that of no leaf."""
        row = (
            self.store.reader()
            .execute("SELECT frontier FROM snapshots WHERE key = ?", (self._key(size),))
            .fetchone()
        )
        if row is not None:
            return decode_frontier(row[0])
        pending = self._pending.get(size)
        return merkle.Frontier() if pending is None else pending.step.standing.frontier

    def _added(self, frontier: merkle.Frontier, size: int) -> merkle.Frontier:
        """Return a right edge after the commitments up to a size."""
        for position in range(frontier.size + 1, size + 1):
            frontier = frontier.add(
                merkle.leaf_hash(leaf.entry(position - 1, self._commitment(position)))
            )
        return frontier

    def is_in_tree(self, position: int) -> bool:
        """Return whether the commitment of a position leads to the tree.

        The commitments from the snapshot before it must come to the next snapshot.
        """
        start = position - 1 - (position - 1) % SNAPSHOT_RECORDS
        end = min(start + SNAPSHOT_RECORDS, self.standing.frontier.size)
        return self._added(self._snapshot(start), end).root() == self.root(end)

    def _commitment(self, position: int) -> str:
        pending = self._pending.get(position)
        if pending is not None:
            return pending.commit
        (commit,) = (
            self.store.reader()
            .execute("SELECT record_commit FROM records WHERE key = ?", (self._key(position),))
            .fetchone()
        )
        return str(commit)

    def withheld(self, position: int) -> Withheld | None:
        """Return the statement of a later erasure about the record at a position.

        None where the log was not read ahead so far.
        """
        return self._withheld.get(position)

    def is_erased_after(self, position: int) -> bool:
        """Return whether a later erasure names a record up to a position.

        Its bytes may be gone. Then no fold has the states up to that erasure any more.
        """
        return any(
            at <= position < max((withheld.by, *withheld.others))
            for at, withheld in self._withheld.items()
        )

    def records_of(self, exchange: str) -> Iterator[ErasedRecord]:
        """Return every well-formed record of an exchange, void ones too, in order.

        The records are as an erasure would name them.
        """
        cursor = self.store.reader().execute(
            "SELECT key, raw, valid FROM records "
            "WHERE exchange = ? AND key BETWEEN ? AND ? ORDER BY key",
            (exchange, *channel_range(self.store.base(self.name))),
        )
        rows = {position_of(key): (raw, bool(valid)) for key, raw, valid in cursor}
        for position, row in self._pending.items():
            record = row.folded.record
            if record is not None and record.envelope.subject == exchange:
                rows[position] = row.folded.raw, row.folded.valid
        return (
            self._erased_record(position, raw, valid=valid)
            for position, (raw, valid) in sorted(rows.items())
        )

    def _erased_record(self, position: int, raw: bytes, *, valid: bool) -> ErasedRecord:
        erased_record = standing_in(raw, position, self.withheld)
        return (
            left_of(position, parse_stored(raw), void=not valid)
            if erased_record is None
            else erased_record
        )

    # Other look-ups

    def said_by(self, exchange: str, side: str) -> int:
        """Return the bytes of a side's records in an exchange, void ones too."""
        volumes = self._volumes.get(exchange)
        if volumes is None:
            base = self.store.base(self.name)
            cursor = self.store.reader().execute(
                "SELECT substr(actor, 1, instr(actor, '/') - 1), sum(length(raw)) FROM records "
                "WHERE exchange = ? AND key BETWEEN ? AND ? AND actor IS NOT NULL GROUP BY 1",
                (exchange, base, row_key(base, self.flushed)),
            )
            volumes = self._volumes[exchange] = dict(cursor.fetchall())
            state = self.exchange(exchange)
            if state is None or state.updated.position > self.flushed:
                for row in self.unwritten(exchange):
                    assert row.folded.record is not None
                    _add_volume(volumes, row.folded.record)
        return volumes.get(side, 0)

    def last_on(self, subject: str) -> int:
        """Return the position of the last message on a NATS subject, valid or not.

        Returns 0 for a subject without messages.
        """
        position = self._subjects.get(subject)
        if position is not None:
            return position
        row = (
            self.store.reader()
            .execute(
                "SELECT last FROM subjects WHERE channel = ? AND subject = ?",
                (channel_number(self.store.base(self.name)), subject),
            )
            .fetchone()
        )
        return 0 if row is None else int(row[0])

    def newest_of_others(self, side: str) -> int:
        """Return the position of the newest valid act of an officer of another side.

        Returns 0 where no such act exists.
        """
        return max(
            (position for other, position in self._newest.items() if other != side), default=0
        )

    def _newest_acts(self) -> dict[str, int]:
        """Return the position of the newest valid act of an officer, by side."""
        base = self.store.base(self.name)
        sides = () if self.state.registry is None else self.state.registry.sides
        positions: dict[str, int] = {}
        for side in sides:
            row = (
                self.store.reader()
                .execute(
                    "SELECT key FROM records WHERE actor GLOB ? AND actor != ? AND valid "
                    "AND key BETWEEN ? AND ? ORDER BY key DESC LIMIT 1",
                    (f"{side.name}/*", f"{side.name}/{ROOT}", *channel_range(base)),
                )
                .fetchone()
            )
            if row is not None:
                positions[side.name] = position_of(row[0])
        return positions

    def unwritten(self, exchange: str) -> list[StoredRow]:
        """Return the folded messages of an exchange that are not in the file yet."""
        return [
            row
            for row in self._pending.values()
            if row.folded.record is not None and row.folded.record.envelope.subject == exchange
        ]

    def row(self, position: int) -> StoredRow | None:
        """Return the folded message at a position, while it is in memory."""
        return self._pending.get(position)

    def record_at(self, position: int) -> Record | None:
        """Return the record at a position; None for junk."""
        pending = self._pending.get(position)
        if pending is not None:
            return pending.folded.record
        try:
            return parse_stored(self.bytes_at(position)[0])
        except NotARecord:
            return None

    def stored(self, position: int) -> tuple[Record | None, str, Refusal | None]:
        """Return the record at a position in the file, its number, and its refusal.

        The record is None where it was erased. The refusal is None where the record is
        not void.
        """
        raw, number, kind, detail = (
            self.store.reader()
            .execute(
                "SELECT raw, number, reason, detail FROM records WHERE key = ?",
                (self._key(position),),
            )
            .fetchone()
        )
        record = parse_stored(raw) if raw.startswith(b"{") else None
        return record, number, _refusal(kind, detail)

    def refusal_at(self, position: int) -> Refusal | None:
        """Return the reason for which the record at a position is void.

        None where the record is not void.
        """
        pending = self._pending.get(position)
        if pending is not None:
            return pending.folded.refusal
        query = "SELECT reason, detail FROM records WHERE key = ?"
        return _refusal(*self.store.reader().execute(query, (self._key(position),)).fetchone())

    def bytes_at(self, position: int) -> tuple[bytes, str, str, bool]:
        """Return the exact bytes of a message in the file, and its other columns.

        These are its commitment, the digest after it, and whether the message is valid.
        """
        raw, commit, digest, valid = (
            self.store.reader()
            .execute(
                "SELECT raw, record_commit, digest, valid FROM records WHERE key = ?",
                (self._key(position),),
            )
            .fetchone()
        )
        return raw, commit, digest, bool(valid)

    def _key(self, position: int) -> int:
        return row_key(self.store.base(self.name), position)

    # Changes

    def _unproven_after(self, folded: Folded) -> int:
        """Return a position whose leaf entry a void erasure leaves unproven; 0 if none.

        An entry that stands for a record is unproven until the erasure that names the
        record is folded. If that erasure is void, the next one that names the record
        may prove it.
        """
        record = folded.record
        if record is None:
            return 0
        if isinstance(record.data, Erasure):
            if folded.refusal is None:
                for erased_record in record.data.records if folded.removed else ():
                    self._unproven.pop(erased_record.position, None)
                return 0
            wait_for_next(self._unproven, self._withheld, folded.position)
            return next((at for at, by in self._unproven.items() if by == folded.position), 0)
        if folded.raw.startswith(b"dragoman-entry/"):
            self._unproven[folded.position] = self._withheld[folded.position].by
        return 0

    def _keep(self, row: StoredRow, *, is_new: bool) -> None:
        """Keep a folded message in memory. `is_new` says that it uses up its id."""
        folded, encoded = row.folded, row.step.encoded
        if folded.state is not None and encoded is not None:
            self.store.states.put(self.name, folded.state.id, (folded.state, encoded))
            if isinstance(folded.state, Exchange) and is_office(folded.state):
                self._offices.add(folded.state.id)
        self.standing = row.step.standing
        self._pending[folded.position] = row
        self._subjects[row.subject] = folded.position
        if folded.record is not None:
            id = folded.record.envelope.id
            if (volumes := self._volumes.get(folded.record.envelope.subject)) is not None:
                _add_volume(volumes, folded.record)
            elif folded.valid and folded.record.envelope.subject == id:
                self._volumes[id] = {folded.record.side: len(folded.raw)}
            if is_new:
                self._ids[id] = folded.position
                self._seen.add(id)
                self._unused.discard(id)
            side = officer_side(folded.record.envelope.actor)
            if folded.valid and side:
                self._newest[side] = folded.position

    def _release(self, rows: list[StoredRow]) -> None:
        """Drop messages that the writer has committed, and memory beyond its bounds."""
        for row in rows:
            del self._pending[row.folded.position]
            if self._subjects.get(row.subject) == row.folded.position:
                del self._subjects[row.subject]
            record = row.folded.record
            if record is not None and self._ids.get(record.envelope.id) == row.folded.position:
                del self._ids[record.envelope.id]
        self.flushed = rows[-1].folded.position
        if len(self._unused) > MEMORY_EXCHANGES:
            self._unused.clear()  # ids of posts that were then refused
        if len(self._volumes) > MEMORY_EXCHANGES:
            self._volumes.clear()  # counted again when somebody posts
        self.store.states.forget(self.name, self.flushed)


HISTORY_MEMBERS: Final = (
    "standing",
    "flushed",
    "_pending",
    "_ids",
    "_subjects",
    "_seen",
    "_unused",
    "_volumes",
    "_newest",
    "_offices",
    "_withheld",
    "_unproven",
    "newer",
)
"""Everything that a history has in memory of its log and its file."""


def _add_volume(volumes: dict[str, int], record: Record) -> None:
    """Add a record's length to the bytes of its side in its exchange."""
    volumes[record.side] = volumes.get(record.side, 0) + len(record.raw)


def _refusal(kind: str | None, detail: str) -> Refusal | None:
    return None if kind is None else Refusal(kind=kind, detail=unpacked(detail))
