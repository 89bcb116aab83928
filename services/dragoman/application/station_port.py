"""A station as pages and API know it, where this process is one.

A channel at a station is a copy. Its officers' posts wait in an outbox until the host
has recorded them, and its line to the host may be cut.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from msgspec import Struct

from dragoman.stores.outbox import OutboxEntry
from dragoman.text import Text

CLOCKS_DIFFER_SECONDS: Final = 30.0
"""The difference between the clocks of a station and its host that is said."""


class UnreceivedMessage(Struct, frozen=True, kw_only=True):
    """An urgent message of this side that addressees have not received for a while."""

    exchange: str
    number: str
    sides: tuple[str, ...]
    seconds: int


class HostLine(Struct, frozen=True, kw_only=True):
    """The line from a station to a channel's host.

    `last_known` is the time at which the copy was last all that the host had, and empty
    if it never was. `is_cut` says that the host is not heard now. `silent_s` are the
    seconds since it was. `unanswered_s` are those since the oldest parcel without a
    receipt was handed in. `clock_ahead_s` says by how much the clock here is ahead of
    that of the host. `hindrance` says why the host gives nothing though it is heard,
    and `held` why this station sends nothing to it. `voices` are the positions of
    records in this side's name that this station did not send. `unreceived` are urgent
    messages that an addressee's witness has not cosigned in time.
    """

    host: str
    last_known: str
    is_cut: bool
    silent_s: float = 0.0
    unanswered_s: float = 0.0
    clock_ahead_s: float = 0.0
    hindrance: Text | None = None
    held: Text | None = None
    voices: tuple[int, ...] = ()
    unreceived: tuple[UnreceivedMessage, ...] = ()

    @property
    def do_clocks_differ(self) -> bool:
        """Return whether one of both clocks is wrong, whosever it is."""
        return abs(self.clock_ahead_s) > CLOCKS_DIFFER_SECONDS


class KeptForHost(Exception):
    """The outcome of a post that is kept here and not recorded at the host yet."""

    def __init__(self, entry: OutboxEntry) -> None:
        """Name the entry of the outbox."""
        super().__init__(entry.id)
        self.entry = entry


class StationPort(Protocol):
    """A station, as the other layers use it."""

    def line(self, channel: str) -> HostLine | None:
        """Return the line of a channel; None for a channel of this machine alone."""

    def entries(self, channel: str) -> list[OutboxEntry]:
        """Return the entries of the outbox for a channel, the oldest first."""

    def old_entries(self, channel: str) -> list[OutboxEntry]:
        """Return the entries at which somebody should look, the oldest first.

        They are on their way for too long, or came back and nobody has decided.
        """

    async def withdraw(self, entry: OutboxEntry) -> bool:
        """Withdraw an entry that never left; return whether it could be withdrawn."""

    async def send_again(self, entry: OutboxEntry) -> None:
        """Send an entry on that came back or waits, on the word of its officer."""

    def heard_voice(self, channel: str, position: int) -> None:
        """Note that somebody has looked at a record that this station did not send."""

    def kept_keys(self, channel: str) -> Mapping[str, str]:
        """Return the public keys in base64 that are kept here, by officer."""
