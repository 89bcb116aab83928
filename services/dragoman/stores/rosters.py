"""The duty rosters of all sides, beside the log, so that they can be erased.

A roster says who works when, which is personal data. Each roster has one subject,
`dragoman.chunks.roster.<cid>.<side>`, in the stream of files. That stream takes large
messages, and the broker overwrites a message there that another one replaces. So a
calendar that was replaced is gone, and no user of the broker needs a further right. A
removed roster leaves a marker without any data.
"""

from datetime import datetime
from functools import cached_property
from typing import Final, Literal

import msgspec
from msgspec import Struct

from dragoman.domain.views import duty_roster
from dragoman.limits import CHUNK_BYTES
from dragoman.stores import files
from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.erasable import Erasable
from dragoman_schemas.roster import RosterChange, RosterEvent, RosterShift, RosterStatus

STREAM: Final = files.STREAM
PREFIX: Final = f"{files.CHUNKS}roster."
BYTES: Final = CHUNK_BYTES
"""The most bytes of a roster: one message of the stream."""


class StoredRoster(Struct, frozen=True, kw_only=True, omit_defaults=True, dict=True):
    """A side's roster. `source` is empty once it was removed.

    `url` is the address of a subscription, which may hold a secret and is shown to
    nobody. `etag` and `modified` are the validators of the last answer from there.
    `read` is the time of the last good reading, `tried` that of the last attempt, and
    `fault` its fault, a sentence as `packed`. `shifts` are computed up to `until`.
    """

    cid: str
    side: str
    source: Literal["", "file", "subscription"] = ""
    url: str = ""
    etag: str = ""
    modified: str = ""
    put: datetime | None = None
    put_by: str = ""
    read: datetime | None = None
    tried: datetime | None = None
    fault: str = ""
    events: tuple[RosterEvent, ...] = ()
    shifts: tuple[RosterShift, ...] = ()
    until: datetime | None = None
    changes: tuple[RosterChange, ...] = ()
    warn_days: int = 3
    reminders: tuple[int, ...] = (60, 15)

    @cached_property
    def duty(self) -> tuple[RosterShift, ...]:
        """The shifts, with the covers and the taken offers applied."""
        return duty_roster.effective(self.shifts, self.changes)

    def status(self, moment: datetime) -> RosterStatus:
        """Return the status of the roster at a moment."""
        return duty_roster.status(self.source, self.duty, self.read, self.fault, moment)

    def in_force(self, moment: datetime) -> tuple[RosterShift, ...]:
        """Return the shifts that count at a moment: none unless it is in force."""
        return self.duty if self.status(moment) == "in_force" else ()


_decode = msgspec.json.Decoder(StoredRoster).decode


class RosterTooLarge(Exception):
    """An error: the roster does not fit into one message."""


def is_removed(value: bytes) -> bool:
    """Return whether a stored value is the marker of a removed roster."""
    return not _decode(value).source


class RosterStore:
    """The rosters of all channels."""

    def __init__(self, entries: Erasable) -> None:
        """Store the rosters in `entries`."""
        self._entries = entries
        self._decoded: dict[str, tuple[bytes, StoredRoster]] = {}

    async def refresh(self) -> None:
        """Read the changes of other processes. Raises `LogUnreachable`."""
        await self._entries.refresh()

    def known(self, cid: str, side: str) -> StoredRoster:
        """Return a side's roster, which may be an empty one.

        This process's copy may lag.
        """
        key = f"{cid}.{side}"
        value = self._entries.values.get(key)
        return StoredRoster(cid=cid, side=side) if value is None else self._roster(key, value)

    def _roster(self, key: str, value: bytes) -> StoredRoster:
        """Return a decoded value. Each is decoded once, and so are its shifts."""
        decoded = self._decoded.get(key)
        if decoded is None or decoded[0] is not value:
            decoded = self._decoded[key] = (value, _decode(value))
        return decoded[1]

    def all_known(self) -> list[StoredRoster]:
        """Return the rosters that exist. This process's copy may lag."""
        rosters = (self._roster(key, value) for key, value in sorted(self._entries.values.items()))
        return [roster for roster in rosters if roster.source]

    async def find(self, cid: str, side: str) -> StoredRoster:
        """Return a side's roster as the broker has it. Raises `LogUnreachable`."""
        await self._entries.refresh()
        return self.known(cid, side)

    async def keep(self, roster: StoredRoster, over: StoredRoster) -> bool:
        """Write a roster over the one that was read, which is then overwritten.

        Returns False if another writer was faster. Raises `RosterTooLarge`,
        `LogUnreachable`.
        """
        key = f"{roster.cid}.{roster.side}"
        if self.known(roster.cid, roster.side) != over:
            return False
        value = msgspec.json.encode(roster)
        if len(value) > BYTES:
            raise RosterTooLarge(key)
        try:
            await self._entries.put(key, value, self._entries.revisions.get(key, 0))
        except WriteConflict:
            return False
        return True

    async def sweep(self) -> None:
        """Finish erasing that other gateways began. Raises `LogUnreachable`."""
        await self._entries.refresh()
        await self._entries.sweep()
