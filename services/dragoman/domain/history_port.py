"""What a judgement may ask about the log before a position: nine questions, answered by a file or by memory.

And what a judgement rested on, by what it asked: a gateway judges a record before it
appends it, and need not judge it again at its own position where nothing of that has
changed. A replay, and any other gateway, judges it there.
"""

from collections.abc import Iterable
from typing import Protocol

from msgspec import Struct

from dragoman.domain.acts.erasure import Withheld
from dragoman.domain.record.codec import Record
from dragoman_schemas.acts.office.channel import ErasedRecord
from dragoman_schemas.state import ChannelState, Exchange, Registry


class History(Protocol):
    """The log as folded so far, as questions. All are about valid records, but for `used`."""

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
        """Return a side's liaison office as it is agreed or open, the newest entry of it."""

    def root(self, size: int) -> bytes:
        """Return the tree's root at a size from 1 to the leaves folded so far."""

    def withheld(self, position: int) -> Withheld | None:
        """Return what an erasure further on says of the record at a position, whose bytes may be gone."""

    def records_of(self, exchange: str) -> Iterable[ErasedRecord]:
        """Return every well-formed record of an exchange, void ones too, in order, as an erasure would name it."""


class DecisionBasis(Struct, frozen=True, gc=False):
    """All that it rested on that a record was found legal: the registry and the exchange that it carries on, as they stood then.

    Where both are still the same, and the id is still unused, it is legal at any later
    position: time takes nothing from what was judged, since who was in office stays so
    until the registry says otherwise, and what it was decided on stays behind it.
    """

    registry: Registry
    known: Exchange | None

    def stand(self, before: ChannelState, ledger: History, record: Record) -> bool:
        """Return whether they are still the same after `before`."""
        if before.registry is not self.registry or ledger.used(record.envelope.id):
            return False
        return self.known is None or ledger.exchange(record.envelope.subject) is self.known


class RecordingHistory:
    """A ledger that takes note of what it is asked, so that it can say what a judgement rested on."""

    def __init__(self, ledger: History) -> None:
        """Ask that one."""
        self._ledger = ledger
        self._exchange: tuple[str, Exchange | None] = "", None
        self._more = False

    def grounds(self, registry: Registry, record: Record) -> DecisionBasis | None:
        """Return what it rested on that a record was found legal; None where that was more than the registry and its own exchange."""
        id, exchange = self._exchange
        if (
            self._more
            or record.envelope.family == "channel"
            or (exchange is not None and id != record.envelope.subject)
        ):
            return None
        return DecisionBasis(registry, exchange)

    def exchange(self, exchange: str) -> Exchange | None:
        """As the ledger beneath; a second one is more."""
        result = self._ledger.exchange(exchange)
        self._more = self._more or self._exchange[0] not in ("", exchange)
        self._exchange = exchange, result
        return result

    def used(self, id: str) -> bool:
        """As the ledger beneath. It is asked again before a judgement is relied on."""
        return self._ledger.used(id)

    def actor(self, position: int) -> str | None:
        """As the ledger beneath, and more."""
        self._more = True
        return self._ledger.actor(position)

    def holds(self, exchange: str, commit: str) -> bool:
        """As the ledger beneath, and more."""
        self._more = True
        return self._ledger.holds(exchange, commit)

    def numbered(self, number: str) -> str | None:
        """As the ledger beneath, and more."""
        self._more = True
        return self._ledger.numbered(number)

    def office(self, side: str) -> Exchange | None:
        """As the ledger beneath, and more."""
        self._more = True
        return self._ledger.office(side)

    def root(self, size: int) -> bytes:
        """As the ledger beneath, and more."""
        self._more = True
        return self._ledger.root(size)

    def withheld(self, position: int) -> Withheld | None:
        """As the ledger beneath, and more."""
        self._more = True
        return self._ledger.withheld(position)

    def records_of(self, exchange: str) -> Iterable[ErasedRecord]:
        """As the ledger beneath, and more."""
        self._more = True
        return self._ledger.records_of(exchange)
