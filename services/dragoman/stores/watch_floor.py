"""The state of watch floors, beside the log in the bucket of tokens and sessions.

It has the offices in which a watch is checked, and the matters that were set aside.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.limits import HANDED
from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.key_value import Bucket

_CHECKED: Final = "watch-check."
_FLOOR: Final = "floor."
_HANDED: Final = "handed."


class WatchChecks(Struct, frozen=True, kw_only=True):
    """The offices of a side in a channel whose quiet watch is checked.

    `by` is the officer who decided this.
    """

    offices: tuple[str, ...]
    by: str


class ShelvedAlarm(Struct, frozen=True, kw_only=True):
    """A duty that an officer on watch has set aside.

    It names the deadline and its exchange, the reason and the officer, and the latest
    time at which it returns.
    """

    exchange: str
    number: str
    clock: str
    started_by: str
    owed_by: str
    reason: str
    by: str
    until: str


class HandedMatter(Struct, frozen=True, kw_only=True):
    """A matter that an officer `by` has handed to a colleague of the same side.

    `duties` are those that the side owed in it then. `back_by` took it back or gave it
    back; empty where nobody did.
    """

    exchange: str
    number: str
    duties: tuple[str, ...]
    to: str
    by: str
    at: str
    reason: str
    back_by: str = ""
    back_at: str = ""
    back_reason: str = ""


class Floor(Struct, frozen=True, kw_only=True):
    """The changes of a watch to its own alarms since it was taken.

    `since` is the position at which it was taken. `silenced` is the number of times
    that a screen was silenced, `silenced_last` the time of the last one.
    """

    since: int
    silenced: int = 0
    silenced_last: str = ""
    shelved: tuple[ShelvedAlarm, ...] = ()

    def standing(self, now: datetime) -> tuple[ShelvedAlarm, ...]:
        """Return the duties that are still set aside at a time."""
        return tuple(
            shelved_alarm
            for shelved_alarm in self.shelved
            if datetime.fromisoformat(shelved_alarm.until) > now
        )


_floor = msgspec.json.Decoder(Floor).decode
_handed = msgspec.json.Decoder(tuple[HandedMatter, ...]).decode
_checks = msgspec.json.Decoder(WatchChecks).decode


class WatchFloor:
    """The state of all watch floors. Each method has the side as a parameter."""

    def __init__(self, bucket: Bucket) -> None:
        """Read and write through the bucket."""
        self._bucket = bucket

    def floor(self, cid: str, side: str, since: int) -> Floor:
        """Return the changes of the watch that was taken at a position.

        The changes of an earlier watch have ended with it.
        """
        value = self._bucket.values.get(f"{_FLOOR}{cid}.{side}")
        floor = None if value is None else _floor(value)
        return floor if floor is not None and floor.since == since else Floor(since=since)

    async def change(
        self, cid: str, side: str, since: int, change: Callable[[Floor], Floor]
    ) -> Floor:
        """Change a watch's alarms, over a colleague's changes meanwhile.

        Raises `LogUnreachable`.
        """
        key = f"{_FLOOR}{cid}.{side}"
        while True:
            floor = change(self.floor(cid, side, since))
            try:
                await self._bucket.put(key, floor, self._bucket.revisions.get(key, 0))
            except WriteConflict:
                await self._bucket.refresh()
            else:
                return floor

    def handed(self, cid: str, side: str) -> tuple[HandedMatter, ...]:
        """Return the matters that a side's officers handed over, the newest first."""
        value = self._bucket.values.get(f"{_HANDED}{cid}.{side}")
        return () if value is None else _handed(value)

    async def hand(self, cid: str, side: str, matter: HandedMatter) -> None:
        """Store that a matter was handed over or given back.

        Only the newest matters are kept. Raises `LogUnreachable`.
        """
        key = f"{_HANDED}{cid}.{side}"
        while True:
            others = (item for item in self.handed(cid, side) if item.exchange != matter.exchange)
            matters = (matter, *others)[:HANDED]
            try:
                await self._bucket.put(key, matters, self._bucket.revisions.get(key, 0))
            except WriteConflict:
                await self._bucket.refresh()
            else:
                return

    def checked(self, cid: str, side: str) -> WatchChecks:
        """Return the offices of a side whose quiet watch is checked.

        There are none until the side has chosen them.
        """
        value = self._bucket.values.get(f"{_CHECKED}{cid}.{side}")
        return WatchChecks(offices=(), by="") if value is None else _checks(value)

    async def check(self, cid: str, side: str, checks: WatchChecks) -> None:
        """Store the offices whose watch is checked. Raises `LogUnreachable`."""
        await self._bucket.put(f"{_CHECKED}{cid}.{side}", checks)
