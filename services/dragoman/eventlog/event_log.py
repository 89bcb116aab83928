"""The ports of one channel's log: `Log` to read, and `EventLog` to append as well.

    read     messages from a position
    follow   messages from a position, for ever
    append   one record, or several as one; each against the last position of its
             exchange's subject

Positions are gapless from 1 and never move. An appended record is durable before the
outcome is known. A reader asserts contiguity: a hole is `LogBroken`, and is never
skipped. How fresh a reader is says the log's `EndOfLog`: a copy may be whole and old.
Every implementation passes `tests/contract/test_log.py`, and those to which records are
appended `tests/contract/test_event_log.py`.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, Protocol, runtime_checkable

from msgspec import Struct

from dragoman.domain.record.codec import Record
from dragoman.limits import POLL_SECONDS
from dragoman.text import Text, TextError


def subject_of(record: Record) -> str:
    """Return the subject of a record's exchange.

    An append must state the last position of this subject.
    """
    e = record.envelope
    return f"dragoman.v1.{e.channel}.{e.family}.{e.subject}"


class EntryToAppend(Struct, frozen=True, kw_only=True):
    """A record to append, and the position of the last message on its subject.

    `expected` is 0 if the subject must be empty. `first` requires that the log is
    empty, as a genesis does. `trace` is the W3C trace context and the request that
    caused the record. `ahead` is the number of seconds by which the clock that dated
    the record was ahead of the monotonic clock: a clock that was wrong then may be
    right at the append.
    """

    record: Record
    expected: int
    first: bool = False
    trace: tuple[str, str] = ("", "")
    ahead: float | None = None

    @property
    def subject(self) -> str:
        """The literal subject of the exchange."""
        return subject_of(self.record)

    @property
    def message_id(self) -> str:
        """The broker's duplicate id, in a namespace of the record's side."""
        return f"{self.record.side}/{self.record.envelope.id}"


class StoredMessage(Struct, frozen=True, kw_only=True):
    """A message of the log as it was stored.

    Subject and headers play no part in judging.
    """

    position: int
    subject: str
    raw: bytes


class Appended(Struct, frozen=True):
    """The records are durable; the last of them is at `position`.

    The others are right before it.
    """

    position: int


class AlreadyAppended(Struct, frozen=True):
    """The same post is already at `position`; nothing was written.

    If there were several records, one of them is there: the others may be new.
    """

    position: int


class KeyReused(Struct, frozen=True):
    """Another post with the same id is at `position`; nothing was written."""

    position: int


class Conflict(Struct, frozen=True):
    """The exchange has moved on to `position`; nothing was written."""

    position: int


class Unknown(Struct, frozen=True):
    """The records may or may not have been written.

    Only a retry with the same ids can tell.
    """

    detail: Text


class Unavailable(Struct, frozen=True):
    """No record was written, and no record can be written at present."""

    detail: Text


Outcome = Appended | AlreadyAppended | KeyReused | Conflict | Unknown | Unavailable


class LogBroken(TextError):
    """The log is not as it was: it has a hole, is shorter, or reuses a position.

    Nobody may write to it.
    """


class LogUnreachable(TextError):
    """The broker cannot be asked at present; nothing is wrong with the log."""


class NobodyListens(LogUnreachable):
    """No server took the request, so it was certainly not carried out."""


POLLED_LASTS: Final = 2 * POLL_SECONDS + 1
"""Seconds for which the end of a log is known, if it is polled."""


class EndOfLog(Protocol):
    """The end of a log, as its follower has seen it.

    Times are of the event loop's clock. What was seen `lasts` so many seconds: after
    that the log may have more.
    """

    lasts: float

    @property
    def is_behind(self) -> bool:
        """Return whether the log is known to have more than its follower has read."""

    def reached(self, moment: float) -> None:
        """Note that the follower had everything that `follow` yields, at a moment."""

    def seen(self) -> float | None:
        """Return the time at which the follower last had the whole log.

        A follower of a silent log is not told again and again that it is at the end.
        None if it never had, or if that cannot be said now.
        """


class YieldedEnd:
    """The end of a log that yields nothing exactly where it ends."""

    is_behind = False
    lasts = POLLED_LASTS

    def __init__(self) -> None:
        """Begin without a time."""
        self._seen: float | None = None

    def reached(self, moment: float) -> None:
        """Note the time of the newest end."""
        self._seen = moment

    def seen(self) -> float | None:
        """Return the time of the newest end."""
        return self._seen


class Log(Protocol):
    """The log of one channel, to be read."""

    channel: str

    @property
    def end(self) -> EndOfLog:
        """The end of the log, as its newest follower has seen it."""

    async def read(self, first: int, most: int) -> list[StoredMessage]:
        """Return up to `most` messages from position `first`, contiguous.

        Raises `LogUnreachable`, `LogBroken`.
        """

    async def read_kept(self, first: int, most: int) -> list[StoredMessage]:
        """Return messages as `read` does, from a position that the log must have.

        The result is empty only if the log has certainly lost that position.
        """

    def follow(self, wanted: Callable[[], int]) -> AsyncIterator[list[StoredMessage] | None]:
        """Yield messages in contiguous lists, each from the position `wanted` then.

        An empty list says that the end was just reached; while the log is silent,
        it may not be repeated (`EndOfLog.seen`). None comes first, and again
        after each lost connection. It asks the follower to check whether the log is as
        it was. Until the follower continues, no record is appended. `wanted` is called
        before every read: a follower that applied its own appended records does not
        receive them again. The iteration continues over restarts of the broker. Raises
        `LogBroken`.
        """


@runtime_checkable
class EventLog(Log, Protocol):
    """The log of one channel, to which records are appended."""

    @property
    def unwritable(self) -> Text | None:
        """The reason for which no record can be stored now, though the log is whole.

        The broker failed to write. None if records can be stored, as far as is known.
        """

    async def append(self, entries: Sequence[EntryToAppend]) -> Outcome:
        """Append all entries or none.

        Several entries of one exchange state `expected` for the first of them.
        """
