"""What a judgement may ask about the log before a position: seven questions, answered by a file or by memory."""

from typing import Protocol

from dragoman_schemas.state import Exchange


class Ledger(Protocol):
    """The log as folded so far, as questions. All are about valid records, but for `used`."""

    def exchange(self, exchange: str) -> Exchange | None:
        """The folded exchange of that id."""

    def used(self, id: str) -> bool:
        """Whether a well-formed record, void or not, has used up the id."""

    def actor(self, position: int) -> str | None:
        """The actor of the valid record at that position."""

    def holds(self, exchange: str, commit: str) -> bool:
        """Whether a valid record of the exchange has that commitment."""

    def numbered(self, number: str) -> str | None:
        """The id of the exchange that was opened under a number."""

    def office(self, side: str) -> Exchange | None:
        """A side's liaison office as it is agreed or open, the newest entry of it."""

    def root(self, size: int) -> bytes:
        """The tree's root at a size from 1 to the leaves folded so far."""
