"""The auditor's replay: a fold of a log from its first record, with no trusted gateway.

The replay takes only the records' bytes from the service. It computes commitments,
tree, state and digest by the same rules. Then a gateway's answers about the same
position can be compared with it.
"""

import gc
from collections import Counter, OrderedDict
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing, contextmanager

from msgspec import Struct, UnsetType

from dragoman.audit.kept_fold import NODE_LEVEL, FoldChange, KeptFold, row_of
from dragoman.domain.acts.erasure import (
    Named,
    Withheld,
    left_of,
    merge_named,
    named_in,
    wait_for_next,
)
from dragoman.domain.acts.families.contact import offices_of, standing_office
from dragoman.domain.acts.families.exchange import owes_acknowledgement, owes_answer
from dragoman.domain.fold import Folded
from dragoman.domain.record import ids
from dragoman.domain.record.codec import Record
from dragoman.domain.step import FoldState, advance
from dragoman.limits import COMPARED_GROWTH, MEMORY_EXCHANGES, VOID_RECORDS
from dragoman.text import Text, packed, unpacked
from dragoman.tlog import leaf, merkle
from dragoman_schemas.acts.office.channel import ErasedRecord
from dragoman_schemas.responses import Entry
from dragoman_schemas.state import Exchange, decode_channel, decode_exchange, encode
from dragoman_schemas.state_responses import Count, Owed

_ROOTS = 256
_ENTRY = leaf.entry(0, "")[:18]


class ExchangeTally(Struct, frozen=True, kw_only=True):
    """The numbers of exchanges, and of those that wait for each side."""

    counts: tuple[Count, ...] = ()
    waiting: dict[str, int] = {}
    unanswered: dict[str, int] = {}


class FoldSummary(Struct, frozen=True, kw_only=True):
    """The part of a kept fold that is read as a whole.

    `channel` is the encoded state of the channel, `total` the sum of the digest in hex,
    and `edge` the right edge of the tree. The other members are those of `Replay`.
    """

    channel: bytes
    total: str
    edge: tuple[bytes, ...]
    void_count: int
    void: dict[int, str]
    entries: tuple[int, ...]
    unproven: dict[int, int]
    erased: tuple[ErasedRecord, ...]
    offices: dict[str, tuple[str, ...]]
    tally: ExchangeTally


class KeptReplay(Struct, frozen=True, kw_only=True):
    """A kept fold: its files, and the part that is read as a whole."""

    fold: KeptFold
    summary: FoldSummary


class Void(Struct, frozen=True, kw_only=True):
    """A void record, and the reason for which it has no effect."""

    position: int
    reason: str


class Replayed(Struct, frozen=True, kw_only=True):
    """The result of a fold."""

    channel: str
    cid: str
    position: int
    time: str
    digest: str
    root: str
    exchanges: int
    counts: tuple[Count, ...]
    owed: tuple[Owed, ...]
    void: tuple[Void, ...]


class Hole(Exception):
    """The records are not contiguous."""


class Flooded(Hole):
    """The log has more messages without effect than any log should have."""


class Replay:
    """A fold in memory, which is also the history with which it folds.

    `void` has the reasons of records without effect, by position. `entries` are the
    positions of leaf entries that stand for no known record. `unproven` maps the
    positions of other entries to those of the erasures that have yet to prove them.
    `erased` has the remainder of every legally erased record, by position.
    """

    def __init__(self, base: KeptReplay | None = None) -> None:
        """Begin before position 1, or after the last position of a kept fold."""
        self.standing = FoldState()
        self.void: dict[int, Text] = {}
        self._encoded: dict[str, bytes | None] = {}
        self._decoded: OrderedDict[str, Exchange] = OrderedDict()
        self._ids: set[str] = set()
        self._actors: list[str | None] = []
        self._commits: list[str] = []
        self._by_exchange: dict[str, list[ErasedRecord]] = {}
        self._named: Named = {}
        self.entries: list[int] = []
        self.unproven: dict[int, int] = {}
        self.erased: dict[int, ErasedRecord] = {}
        self._numbers: dict[str, str] = {}
        self._offices: dict[str, list[str]] = {}
        self._nodes: dict[tuple[int, int], bytes] = {}
        self._roots: dict[int, bytes] = {}
        self._kept: KeptFold | None = None
        self._first = 0
        """The number of messages that the kept fold has."""
        self._tally = ExchangeTally()
        if base is not None:
            self._go_on(base)

    def _go_on(self, base: KeptReplay) -> None:
        """Go on after a kept fold, whose states and records are read when needed."""
        summary, self._kept, self._first = base.summary, base.fold, base.fold.size
        self.standing = FoldState(
            state=decode_channel(summary.channel),
            total=int(summary.total, 16),
            frontier=merkle.Frontier(self._first, summary.edge),
            void=summary.void_count,
        )
        self.void = {position: unpacked(text) for position, text in summary.void.items()}
        self.entries, self.unproven = list(summary.entries), dict(summary.unproven)
        self.erased = {record.position: record for record in summary.erased}
        self._offices = {side: list(ids) for side, ids in summary.offices.items()}
        self._tally = summary.tally

    def summary(self) -> FoldSummary:
        """Return the part of this fold that is read as a whole."""
        return FoldSummary(
            channel=encode(self.standing.state),
            total=f"{self.standing.total:x}",
            edge=self.standing.frontier.edge,
            void_count=self.standing.void,
            void={position: packed(text) for position, text in self.void.items()},
            entries=tuple(self.entries),
            unproven=self.unproven,
            erased=tuple(self.erased.values()),
            offices={side: tuple(ids) for side, ids in self._offices.items()},
            tally=self.tally(),
        )

    def change(self, signers: Mapping[str, Iterable[int]]) -> FoldChange:
        """Return the change that this fold makes to the files of a kept fold.

        `signers` has the positions that each key signed, by the key's id.
        """
        size = self.standing.frontier.size
        records = {
            record.position: record
            for erased_records in self._by_exchange.values()
            for record in erased_records
        }
        return FoldChange(
            first=self._first + 1,
            last=size,
            states=self._encoded,
            records=(
                row_of(position, commit, records.get(position))
                for position, commit in enumerate(self._commits, self._first + 1)
            ),
            numbers=self._numbers,
            nodes=(
                (level, index, self.nodes(level, index))
                for level in range(NODE_LEVEL, size.bit_length())
                for index in range(self._first >> level, size >> level)
            ),
            signers=(
                (key, position) for key, positions in signers.items() for position in positions
            ),
        )

    def exchange(self, exchange: str) -> Exchange | None:
        """Return the folded exchange with an id, or None."""
        exchange_state = self._decoded.get(exchange)
        if exchange_state is None:
            encoded = self._encoding(exchange)
            registry = self.standing.state.registry
            if encoded is None or (registry is not None and exchange == registry.id):
                return None
            exchange_state = self._decoded[exchange] = decode_exchange(encoded)
            if len(self._decoded) > MEMORY_EXCHANGES:
                self._decoded.popitem(last=False)
        return exchange_state

    def _encoding(self, id: str) -> bytes | None:
        """Return the encoded state of an exchange or of the registry.

        None if it does not exist, or was removed.
        """
        if self._kept is None or id in self._encoded:
            return self._encoded.get(id)
        return self._kept.encoded(id)

    def used(self, id: str) -> bool:
        """Return whether a well-formed record has used up the id."""
        return id in self._ids or (self._kept is not None and self._kept.used(id))

    def actor(self, position: int) -> str | None:
        """Return the actor of the valid record at that position."""
        if self._kept is not None and 1 <= position <= self._first:
            return self._kept.actor(position)
        number = position - self._first
        return self._actors[number - 1] if 1 <= number <= len(self._actors) else None

    def holds(self, exchange: str, commit: str) -> bool:
        """Return whether a valid record of the exchange has that commitment."""
        return any(
            erased_record.commit == commit and not erased_record.void
            for erased_record in self.records_of(exchange)
        )

    def numbered(self, number: str) -> str | None:
        """Return the id of the exchange that was opened under a number."""
        exchange = self._numbers.get(number)
        return self._kept.numbered(number) if exchange is None and self._kept else exchange

    def office(self, side: str) -> Exchange | None:
        """Return a side's liaison office as agreed or open, in its newest entry."""
        return standing_office([self.exchange(id) for id in self._offices.get(side, ())], side)

    def withheld(self, position: int) -> Withheld | None:
        """Return the part of a record that a later erasure names, by its position.

        Only announced erasures are known (`expect`).
        """
        return self._named.get(position)

    def expect(self, withhelds: Named) -> None:
        """Announce the records that erasures of this log name.

        Then the entries at their positions are taken for these records.
        """
        self._named = withhelds

    def records_of(self, exchange: str) -> Iterable[ErasedRecord]:
        """Return every well-formed record of an exchange, as erasures name it.

        They are in order, and include void records.
        """
        records = self._by_exchange.get(exchange, ())
        return records if self._kept is None else (*self._kept.records_of(exchange), *records)

    def root(self, size: int) -> bytes:
        """Return the tree's root at a size.

        Successive authors often have seen the same head, so the newest roots are
        cached.
        """
        root = self._roots.get(size)
        if root is None:
            if len(self._roots) == _ROOTS:
                del self._roots[next(iter(self._roots))]
            root = self._roots[size] = merkle.root_of(self.nodes, size)
        return root

    def exchanges(self) -> Iterator[Exchange]:
        """Return every exchange in its current state, in the order of openings."""
        return (exchange for id in self.encoded if (exchange := self.exchange(id)) is not None)

    @property
    def encoded(self) -> dict[str, bytes]:
        """The current state of every exchange and of the registry, encoded, by id.

        They are in the order of their openings.
        """
        base = {} if self._kept is None else self._kept.all_encoded()
        return {
            id: encoded for id, encoded in (base | self._encoded).items() if encoded is not None
        }

    def commit_at(self, index: int) -> str:
        """Return the commitment of the message at an index."""
        if self._kept is not None and index < self._first:
            return self._kept.commit(index + 1)
        return self._commits[index - self._first]

    def nodes(self, level: int, index: int) -> bytes:
        """Return the root of a complete subtree over all folded records.

        The larger ones are computed once.
        """
        if self._kept is not None and (index + 1) << level <= self._first:
            return self._kept.node(level, index)
        node = self._nodes.get((level, index))
        if node is not None:
            return node
        if level <= NODE_LEVEL:
            node = merkle.subtree_root(
                [
                    merkle.leaf_hash(leaf.entry(at, self.commit_at(at)))
                    for at in range(index << level, index + 1 << level)
                ]
            )
        else:
            node = merkle.node_hash(
                self.nodes(level - 1, 2 * index), self.nodes(level - 1, 2 * index + 1)
            )
        if level >= NODE_LEVEL:
            self._nodes[level, index] = node
        return node

    def take(self, messages: Iterable[bytes | Record]) -> None:
        """Fold the next messages of the log, or the records read from them.

        Raises `Flooded` for too many messages without effect.
        """
        for message in messages:
            step = advance(self.standing, self, self._encoding, message)
            folded, record = step.folded, step.folded.record
            if step.encoded is not None and folded.state is not None:
                self._encoded[folded.state.id] = step.encoded
                self._decoded.pop(folded.state.id, None)
                if isinstance(folded.state, Exchange):
                    self._decoded[folded.state.id] = folded.state
                    self._note(folded.state, folded.position)
            if folded.removed:
                self._remove(folded)
            elif record is not None and record.name == "erasure":
                wait_for_next(self.unproven, self._named, folded.position)
            if len(self._decoded) > MEMORY_EXCHANGES:
                self._decoded.popitem(last=False)
            if folded.refusal is not None:
                self.void[folded.position] = folded.refusal.why
                if len(self.void) > VOID_RECORDS:
                    raise Flooded(
                        f"of {folded.position} messages more than {VOID_RECORDS} are without "
                        "effect: somebody filled the log up"
                    )
            if record is not None:
                if ids.uses_up(record.envelope.id, record.envelope.actor):
                    self._ids.add(record.envelope.id)
                self._by_exchange.setdefault(record.envelope.subject, []).append(
                    left_of(folded.position, record, void=folded.refusal is not None)
                )
            if folded.raw.startswith(_ENTRY):
                self._note_entry(folded)
            self._actors.append(
                record.envelope.actor if record is not None and folded.valid else None
            )
            self._commits.append(step.commit)
            self.standing = step.standing

    def _note(self, state: Exchange, position: int) -> None:
        """Remember the number of an exchange, and an office under its side."""
        if state.opened.position == position:
            self._numbers[state.number] = state.id
            for side in offices_of(state):
                self._offices.setdefault(side, []).append(state.id)

    def _note_entry(self, folded: Folded) -> None:
        """Remember an entry that stood for a record, with its erasure.

        Without such an erasure, remember that the entry stands for no record.
        """
        withheld = self._named.get(folded.position)
        if folded.record is not None and withheld is not None:
            self.unproven[folded.position] = withheld.by
        elif leaf.read_entry(folded.raw) is not None:
            self.entries.append(folded.position)

    def _remove(self, folded: Folded) -> None:
        """Forget exchanges that were erased, and accept their records' entries."""
        for exchange in folded.removed:
            self._encoded[exchange] = None
            self._decoded.pop(exchange, None)
            for erased_record in self.records_of(exchange):
                self.erased[erased_record.position] = erased_record
                self.unproven.pop(erased_record.position, None)

    def tally(self) -> ExchangeTally:
        """Return the counts of all exchanges.

        They are those of the kept fold, with all later changes.
        """
        counted = Counter({(row.family, row.status): row.exchanges for row in self._tally.counts})
        waiting, unanswered = Counter(self._tally.waiting), Counter(self._tally.unanswered)
        registry = self.standing.state.registry

        def count(encoded: bytes | None, number: int) -> None:
            if encoded is not None:
                exchange = decode_exchange(encoded)
                counted[exchange.family, exchange.status] += number
                waiting.update(dict.fromkeys(owes_acknowledgement(exchange), number))
                unanswered.update(dict.fromkeys(owes_answer(exchange), number))

        for id, encoded in self._encoded.items():
            if registry is None or id != registry.id:
                count(encoded, 1)
                if self._kept is not None:
                    count(self._kept.encoded(id), -1)
        return ExchangeTally(
            counts=tuple(
                Count(family=family, status=status, exchanges=number)
                for (family, status), number in sorted((+counted).items())
            ),
            waiting=dict(+waiting),
            unanswered=dict(+unanswered),
        )

    def result(self) -> Replayed:
        """Return the result of the fold."""
        state = self.standing.state
        registry = state.registry
        tally = self.tally()
        sides = () if registry is None else registry.sides
        return Replayed(
            channel="" if registry is None else registry.name,
            cid="" if registry is None else registry.cid,
            position=state.position,
            time=state.time,
            digest=self.standing.digest,
            root=self.standing.frontier.root().hex(),
            exchanges=sum(count.exchanges for count in tally.counts),
            counts=tally.counts,
            owed=tuple(
                Owed(
                    side=side.name,
                    unacknowledged=tally.waiting.get(side.name, 0),
                    unanswered=tally.unanswered.get(side.name, 0),
                    delivered=registry.delivered[side.name].upto
                    if registry is not None and side.name in registry.delivered
                    else 0,
                )
                for side in sides
            ),
            void=tuple(
                Void(position=position, reason=str(reason))
                for position, reason in self.void.items()
            ),
        )


def replayed(messages: Sequence[bytes], upto: int | None = None) -> Replay:
    """Return the fold of a log in memory, to a position or to its end."""
    fold = Replay()
    fold.expect(named_in(enumerate(messages, 1)))
    fold.take(messages[:upto])
    return fold


Page = list[tuple[int, bytes | Record]]
Source = Callable[[], AsyncGenerator[Page, None]]
"""Gives a log from its beginning, each time it is called.

It gives pages of positions with bytes, or with the records read from them.
"""


async def replay(
    source: Source,
    *,
    upto: int = 0,
    progress: Callable[[int], None] = lambda position: None,
    base: KeptReplay | None = None,
) -> Replay:
    """Fold a log to a position or to the end. Raises `Hole`.

    If an entry stands for a record, the log is read once for its erasures. Then it is
    folded from the beginning. With a `kept` fold, the log is given after its last
    position, and the fold goes on from there.
    """
    fold = await _folded(source, None, upto, progress, base)
    if len(fold.entries) > (0 if base is None else len(base.summary.entries)):
        erasures = await erasures_in(source, upto and upto + COMPARED_GROWTH)
        fold = await _folded(source, erasures, upto, progress, base)
    return fold


async def erasures_in(source: Source, upto: int = 0) -> dict[int, Withheld]:
    """Return the records that the erasures of a log name, by position.

    With `upto`, only erasures up to that position count.
    """
    withheld_records: dict[int, Withheld] = {}
    async with aclosing(source()) as pages:
        async for page in pages:
            if upto and page and page[0][0] > upto:
                break
            withheld_records = merge_named(
                withheld_records,
                named_in(
                    (position, message if isinstance(message, bytes) else message.raw)
                    for position, message in page
                ),
            )
    return withheld_records


async def _folded(
    source: Source,
    withhelds: Named | None,
    upto: int,
    progress: Callable[[int], None],
    base: KeptReplay | None,
) -> Replay:
    """Return the fold of a log to a position or to the end.

    If no erasures are known, the fold ends with the page of the first entry.
    """
    fold = Replay(base)
    entries = len(fold.entries)
    fold.expect(withhelds or {})
    with _uncollected():
        async with aclosing(source()) as pages:
            async for page in pages:
                first = fold.standing.state.position + 1
                for number, (position, _) in enumerate(page, first):
                    if position != number:
                        raise Hole(f"position {number} is missing; {position} was given")
                fold.take([message for _, message in (page[: upto + 1 - first] if upto else page)])
                progress(fold.standing.state.position)
                if fold.standing.state.position == upto or (
                    withhelds is None and len(fold.entries) > entries
                ):
                    break
    return fold


@contextmanager
def _uncollected() -> Iterator[None]:
    """Disable the garbage collector for cycles.

    A fold keeps millions of objects, and no cycle has any of them.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


async def messages_of(pages: AsyncIterable[list[Entry]]) -> AsyncGenerator[Page, None]:
    """Yield the messages of the entries that a gateway returns.

    Raises `Hole` if an entry has neither a record nor the bytes of junk.
    """
    async for page in pages:
        try:
            yield [
                (
                    entry.position,
                    bytes.fromhex(entry.junk)
                    if isinstance(entry.record, UnsetType)
                    else bytes(entry.record),
                )
                for entry in page
            ]
        except ValueError:
            raise Hole(
                f"after position {page[0].position - 1} comes what is neither a record nor the "
                "bytes of what is none"
            ) from None
