"""The `EventLog` port: one channel's log, in three verbs.

    append   one record, or several as one; each against the last position of its exchange's subject
    read     messages from a position
    follow   messages from a position, for ever

Positions are gapless from 1 and never move. What was appended is durable before the
outcome is known. Whoever reads asserts contiguity; a hole is `LogBroken`, never
skipped. Every implementation passes `tests/contract/test_event_log.py`.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

from msgspec import Struct

from dragoman.domain.record.codec import Record
from dragoman.text import Text, TextError


def subject_of(record: Record) -> str:
    """Return the subject on which a record's exchange stands, and whose last position an append must state."""
    e = record.envelope
    return f"dragoman.v1.{e.channel}.{e.family}.{e.subject}"


class EntryToAppend(Struct, frozen=True, kw_only=True):
    """A record to append, and the position that its subject's last message must have: 0 for none yet.

    `first` asks that the log be empty, which a genesis must. `trace` is the W3C trace
    context and request that caused it. `ahead` is by how many seconds the clock that
    dated the record was ahead of the monotonic clock: a clock that was wrong just then
    may be right when it is appended.
    """

    record: Record
    expected: int
    first: bool = False
    trace: tuple[str, str] = ("", "")
    ahead: float | None = None

    @property
    def subject(self) -> str:
        """The one literal subject of the exchange."""
        return subject_of(self.record)

    @property
    def message_id(self) -> str:
        """The broker's duplicate id, in a space of its side's own."""
        return f"{self.record.side}/{self.record.envelope.id}"


class StoredMessage(Struct, frozen=True, kw_only=True):
    """A message of the log as it was stored. Subject and headers play no part in judging."""

    position: int
    subject: str
    raw: bytes


class Appended(Struct, frozen=True):
    """Durable; the last of the records stands at `position`, the others right before it."""

    position: int


class AlreadyAppended(Struct, frozen=True):
    """The same post stands at `position` already; nothing was written. Of several, it is one of them: the others may be new."""

    position: int


class KeyReused(Struct, frozen=True):
    """Another post with the same id stands at `position`; nothing was written."""

    position: int


class Conflict(Struct, frozen=True):
    """The exchange has moved on to `position`; nothing was written."""

    position: int


class Unknown(Struct, frozen=True):
    """It may or may not have been written. Only a retry with the same id tells."""

    detail: Text


class Unavailable(Struct, frozen=True):
    """Nothing was written, and nothing can be at present."""

    detail: Text


Outcome = Appended | AlreadyAppended | KeyReused | Conflict | Unknown | Unavailable


class LogBroken(TextError):
    """The log is not what it was: a hole, a shorter log, a position used again. Nobody may write on it."""


class LogUnreachable(TextError):
    """The broker cannot be asked at present; nothing is wrong with the log."""


class NobodyListens(LogUnreachable):
    """Nobody took the request: it was certainly not carried out."""


class EventLog(Protocol):
    """One channel's log."""

    channel: str

    async def append(self, entries: Sequence[EntryToAppend]) -> Outcome:
        """Append all entries or none. Several entries of one exchange state `expected` for the first of them."""

    async def read(self, first: int, most: int) -> list[StoredMessage]:
        """Return up to `most` messages from position `first`, contiguous. Raises `LogUnreachable`, `LogBroken`."""

    async def read_kept(self, first: int, most: int) -> list[StoredMessage]:
        """As `read`, from a position that is known to be kept: empty only where the log has lost it beyond doubt."""

    def follow(self, wanted: Callable[[], int]) -> AsyncIterator[list[StoredMessage] | None]:
        """Messages in contiguous lists, each from the position that is wanted when it is read.

        An empty list says that the end was reached just now. None, the first of all and
        again whenever the connection was lost and stands anew, asks the follower to
        look whether the log is what it was; nothing is appended until the follower has
        gone on. `wanted` is asked anew before every read, so that a follower that
        applied what it appended itself is not sent it again. Goes on over restarts of
        the broker. Raises `LogBroken`.
        """
