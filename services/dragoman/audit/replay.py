"""The auditor's replay: folds a log from its first record, trusting no gateway, and says what it came to.

Takes nothing from the service but the records' bytes: commitments, tree, state and digest are computed here, by the same
rules. What a gateway says of the same position is then held against it.
"""

import gc
from collections import OrderedDict
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager

from msgspec import Struct, UnsetType

from dragoman.domain.advance import Standing, advance
from dragoman.domain.contact import offices_of, standing_office
from dragoman.domain.exchange import owes_acknowledgement, owes_answer
from dragoman.domain.record import Record
from dragoman.limits import MEMORY_EXCHANGES
from dragoman.tlog import leaf, merkle
from dragoman_schemas.answers import Count, Entry, Owed
from dragoman_schemas.state import Exchange, decode_exchange

_SNAPSHOT_LEAVES = 256
_ROOTS = 256


class Void(Struct, frozen=True, kw_only=True):
    """A void record, and why."""

    position: int
    reason: str


class Replayed(Struct, frozen=True, kw_only=True):
    """What a log folds to."""

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


class Replay:
    """A fold in memory. Is the `Ledger` that it folds with."""

    def __init__(self) -> None:
        """Begin before position 1."""
        self.standing = Standing()
        self.void: list[Void] = []
        self._encoded: dict[str, bytes] = {}
        self._decoded: OrderedDict[str, Exchange] = OrderedDict()
        self._ids: set[str] = set()
        self._actors: list[str | None] = []
        self._commits: list[str] = []
        self._by_exchange: dict[str, set[str]] = {}
        self._numbers: dict[str, str] = {}
        self._offices: dict[str, list[str]] = {}
        self._frontiers: list[merkle.Frontier] = [merkle.Frontier()]
        self._nodes: dict[tuple[int, int], bytes] = {}
        self._roots: dict[int, bytes] = {}

    def exchange(self, exchange: str) -> Exchange | None:
        """The folded exchange of that id."""
        known = self._decoded.get(exchange)
        if known is None:
            encoded = self._encoded.get(exchange)
            registry = self.standing.state.registry
            if encoded is None or (registry is not None and exchange == registry.id):
                return None
            known = self._decoded[exchange] = decode_exchange(encoded)
            if len(self._decoded) > MEMORY_EXCHANGES:
                self._decoded.popitem(last=False)
        return known

    def used(self, id: str) -> bool:
        """Whether a well-formed record has used up the id."""
        return id in self._ids

    def actor(self, position: int) -> str | None:
        """The actor of the valid record at that position."""
        return self._actors[position - 1] if 1 <= position <= len(self._actors) else None

    def holds(self, exchange: str, commit: str) -> bool:
        """Whether a valid record of the exchange has that commitment."""
        return commit in self._by_exchange.get(exchange, ())

    def numbered(self, number: str) -> str | None:
        """The id of the exchange that was opened under a number."""
        return self._numbers.get(number)

    def office(self, side: str) -> Exchange | None:
        """A side's liaison office as it is agreed or open, the newest entry of it."""
        return standing_office([self.exchange(id) for id in self._offices.get(side, ())], side)

    def root(self, size: int) -> bytes:
        """The tree's root at a size. Who signs one after the other has seen the same head: the newest that were asked for are kept."""
        known = self._roots.get(size)
        if known is None:
            if len(self._roots) == _ROOTS:
                del self._roots[next(iter(self._roots))]
            known = self._roots[size] = self._root(size)
        return known

    def _root(self, size: int) -> bytes:
        frontier = self._frontiers[size // _SNAPSHOT_LEAVES]
        for index in range(frontier.size, size):
            frontier = frontier.add(merkle.leaf_hash(leaf.entry(index, self._commits[index])))
        return frontier.root()

    def exchanges(self) -> Iterator[Exchange]:
        """Every exchange as it stands, in the order in which they were opened."""
        return (exchange for id in self._encoded if (exchange := self.exchange(id)) is not None)

    @property
    def encoded(self) -> dict[str, bytes]:
        """Every exchange as it stands, and the registry, encoded, by id: in the order in which they were opened."""
        return dict(self._encoded)

    def commit_at(self, index: int) -> str:
        """The commitment of the message at an index."""
        return self._commits[index]

    def nodes(self, level: int, index: int) -> bytes:
        """The root of a complete subtree of the tree over all that was folded; each is worked out once."""
        if level == 0:
            return merkle.leaf_hash(leaf.entry(index, self._commits[index]))
        known = self._nodes.get((level, index))
        if known is None:
            known = self._nodes[level, index] = merkle.node_hash(self.nodes(level - 1, 2 * index), self.nodes(level - 1, 2 * index + 1))
        return known

    def take(self, messages: Iterable[bytes | Record]) -> None:
        """Fold the next messages of the log, or the records that they are known to be."""
        for message in messages:
            step = advance(self.standing, self, self._encoded.get, message)
            folded, record = step.folded, step.folded.record
            if step.encoded is not None and folded.state is not None:
                self._encoded[folded.state.id] = step.encoded
                self._decoded.pop(folded.state.id, None)
                if isinstance(folded.state, Exchange):
                    self._decoded[folded.state.id] = folded.state
                    self._note(folded.state, folded.position)
            if len(self._decoded) > MEMORY_EXCHANGES:
                self._decoded.popitem(last=False)
            if folded.refusal is not None:
                self.void.append(Void(position=folded.position, reason=folded.refusal.detail))
            elif record is not None:
                self._by_exchange.setdefault(record.envelope.subject, set()).add(record.commit)
            if record is not None:
                self._ids.add(record.envelope.id)
            self._actors.append(record.envelope.actor if record is not None and folded.valid else None)
            self._commits.append(step.commit)
            self.standing = step.standing
            if step.standing.frontier.size % _SNAPSHOT_LEAVES == 0:
                self._frontiers.append(step.standing.frontier)

    def _note(self, state: Exchange, position: int) -> None:
        """Remember how an exchange is found again: by its number, and an office by its side."""
        if state.opened.position == position:
            self._numbers[state.number] = state.id
            for side in offices_of(state):
                self._offices.setdefault(side, []).append(state.id)

    def result(self) -> Replayed:
        """What it came to."""
        state = self.standing.state
        registry = state.registry
        counted: dict[tuple[str, str], int] = {}
        waiting: dict[str, int] = {}
        unanswered: dict[str, int] = {}
        exchanges = 0
        for exchange in self.exchanges():
            exchanges += 1
            key = exchange.family, exchange.status
            counted[key] = counted.get(key, 0) + 1
            for side in owes_acknowledgement(exchange):
                waiting[side] = waiting.get(side, 0) + 1
            for side in owes_answer(exchange):
                unanswered[side] = unanswered.get(side, 0) + 1
        sides = () if registry is None else registry.sides
        return Replayed(
            channel="" if registry is None else registry.name,
            cid="" if registry is None else registry.cid,
            position=state.position,
            time=state.time,
            digest=self.standing.digest,
            root=self.standing.frontier.root().hex(),
            exchanges=exchanges,
            counts=tuple(Count(family=family, status=status, exchanges=number) for (family, status), number in sorted(counted.items())),
            owed=tuple(
                Owed(
                    side=side.name,
                    unacknowledged=waiting.get(side.name, 0),
                    unanswered=unanswered.get(side.name, 0),
                    delivered=registry.delivered[side.name].upto if registry is not None and side.name in registry.delivered else 0,
                )
                for side in sides
            ),
            void=tuple(self.void),
        )


class Hole(Exception):
    """The records given are not contiguous."""


async def replay(
    pages: AsyncIterable[list[tuple[int, bytes | Record]]], *, upto: int = 0, progress: Callable[[int], None] = lambda position: None
) -> Replay:
    """Fold messages, given as pages of positions and bytes or records, to a position or to the end. Raises `Hole`."""
    fold = Replay()
    with _uncollected():
        async for page in pages:
            first = fold.standing.state.position + 1
            for wanted, (position, _) in enumerate(page, first):
                if position != wanted:
                    raise Hole(f"position {wanted} is missing; {position} was given")
            fold.take([message for _, message in (page[: upto + 1 - first] if upto else page)])
            progress(fold.standing.state.position)
            if fold.standing.state.position == upto:
                break
    return fold


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the collector of cycles: a fold keeps millions of things, and none of them is in one."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


async def messages_of(pages: AsyncIterable[list[Entry]]) -> AsyncIterator[list[tuple[int, bytes | Record]]]:
    """The messages behind the entries that a gateway gives."""
    async for page in pages:
        yield [
            (entry.position, bytes.fromhex(entry.junk) if isinstance(entry.record, UnsetType) else bytes(entry.record)) for entry in page
        ]
