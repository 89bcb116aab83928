"""The questions that a judgement asks about the log before a position.

A file or memory answers these nine questions.

A `RecordingHistory` also records which questions a judgement asked. A gateway judges a
record before it appends it. It need not judge the record again at its own position if
no answer has changed. A replay, and any other gateway, judges it there.
"""

from collections.abc import Iterable
from typing import Protocol

from msgspec import Struct

from dragoman.domain.acts.erasure import Withheld
from dragoman.domain.record.codec import Record
from dragoman_schemas.acts.office.channel import ErasedRecord
from dragoman_schemas.state import ChannelState, Exchange, Registry


class History(Protocol):
    """The log as folded so far, as questions.

    All questions are about valid records only, except `used`.
    """

    def exchange(self, exchange: str) -> Exchange | None:
        """Return the folded exchange of that id."""

    def used(self, id: str) -> bool:
        """Return whether a well-formed record, void or not, has used up the id."""

    def actor(self, position: int) -> str | None:
        """Return the actor of the valid record at that position."""

    def holds(self, exchange: str, commit: str) -> bool:
        """Return whether a valid record of the exchange has that commitment."""

    def numbered(self, number: str) -> str | None:
        """Return the id of the exchange that was opened under a number."""

    def office(self, side: str) -> Exchange | None:
        """Return a side's liaison office that is agreed or open.

        The entry is the newest one.
        """

    def root(self, size: int) -> bytes:
        """Return the tree's root at a size from 1 to the leaves folded so far."""

    def withheld(self, position: int) -> Withheld | None:
        """Return the statement of a later erasure about the record at a position.

        The bytes of that record may be gone.
        """

    def records_of(self, exchange: str) -> Iterable[ErasedRecord]:
        """Return every well-formed record of an exchange, void ones too, in order.

        The records are as an erasure would name them.
        """


class DecisionBasis(Struct, frozen=True, gc=False):
    """The grounds on which a record was found legal: the registry and its exchange.

    Both are as they were at that time. If both are still the same and the id is still
    unused, the record is legal at any later position. Time takes nothing from the
    judgement: an officer stays in office until the registry says otherwise. The
    position on which the record was decided stays before it.
    """

    registry: Registry
    exchange: Exchange | None

    def stand(self, before: ChannelState, history: History, record: Record) -> bool:
        """Return whether the grounds are still the same after `before`."""
        if before.registry is not self.registry or history.used(record.envelope.id):
            return False
        return self.exchange is None or history.exchange(record.envelope.subject) is self.exchange


class RecordingHistory:
    """A history that records its questions, to name the grounds of a judgement."""

    def __init__(self, history: History) -> None:
        """Answer from that history."""
        self._history = history
        self._exchange: tuple[str, Exchange | None] = "", None
        self._beyond_grounds = False

    def grounds(self, registry: Registry, record: Record) -> DecisionBasis | None:
        """Return the grounds on which a record was found legal, or None.

        None means that the judgement relied on more than the registry and the record's
        own exchange.
        """
        id, exchange = self._exchange
        if (
            self._beyond_grounds
            or record.envelope.family == "channel"
            or (exchange is not None and id != record.envelope.subject)
        ):
            return None
        return DecisionBasis(registry, exchange)

    def exchange(self, exchange: str) -> Exchange | None:
        """Return the answer of the underlying history.

        A question about a second exchange goes beyond the grounds.
        """
        folded_exchange = self._history.exchange(exchange)
        self._beyond_grounds = self._beyond_grounds or self._exchange[0] not in ("", exchange)
        self._exchange = exchange, folded_exchange
        return folded_exchange

    def used(self, id: str) -> bool:
        """Return the answer of the underlying history.

        It stays within the grounds, because `DecisionBasis.stand` asks this question
        again.
        """
        return self._history.used(id)

    def actor(self, position: int) -> str | None:
        """Return the answer of the underlying history; it goes beyond the grounds."""
        self._beyond_grounds = True
        return self._history.actor(position)

    def holds(self, exchange: str, commit: str) -> bool:
        """Return the answer of the underlying history; it goes beyond the grounds."""
        self._beyond_grounds = True
        return self._history.holds(exchange, commit)

    def numbered(self, number: str) -> str | None:
        """Return the answer of the underlying history; it goes beyond the grounds."""
        self._beyond_grounds = True
        return self._history.numbered(number)

    def office(self, side: str) -> Exchange | None:
        """Return the answer of the underlying history; it goes beyond the grounds."""
        self._beyond_grounds = True
        return self._history.office(side)

    def root(self, size: int) -> bytes:
        """Return the answer of the underlying history; it goes beyond the grounds."""
        self._beyond_grounds = True
        return self._history.root(size)

    def withheld(self, position: int) -> Withheld | None:
        """Return the answer of the underlying history; it goes beyond the grounds."""
        self._beyond_grounds = True
        return self._history.withheld(position)

    def records_of(self, exchange: str) -> Iterable[ErasedRecord]:
        """Return the answer of the underlying history; it goes beyond the grounds."""
        self._beyond_grounds = True
        return self._history.records_of(exchange)
