"""What a watch floor keeps beside the log, in the bucket of access: flashes opened, offices in which a watch is checked, cautions shelved."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.key_value import Bucket

_OPENED: Final = "opened."
_CHECKED: Final = "watch-check."
_FLOOR: Final = "floor."
_KEPT_SECONDS: Final = 24 * 3600
_FORGOTTEN_AT_ONCE: Final = 20


class OpenedFlash(Struct, frozen=True, kw_only=True):
    """Somebody of a side has opened an exchange with a flash in it; `at` is in Unix seconds."""

    at: float


class WatchChecks(Struct, frozen=True, kw_only=True):
    """The offices of a side in a channel in which a quiet watch is asked whether it is there; `by` has said so."""

    offices: tuple[str, ...]
    by: str


class ShelvedAlarm(Struct, frozen=True, kw_only=True):
    """A caution that somebody of the watch has put aside: which clock of which exchange, why, by whom, and until when at the latest."""

    exchange: str
    number: str
    clock: str
    started_by: str
    owed_by: str
    reason: str
    by: str
    until: str


class Floor(Struct, frozen=True, kw_only=True):
    """What a watch has done to its own alarms since it was taken at a position: how often a screen was silenced, last when, and what is shelved."""

    since: int
    silenced: int = 0
    silenced_last: str = ""
    shelved: tuple[ShelvedAlarm, ...] = ()

    def standing(self, now: datetime) -> tuple[ShelvedAlarm, ...]:
        """Return what is still shelved at a time."""
        return tuple(
            shelved_alarm
            for shelved_alarm in self.shelved
            if datetime.fromisoformat(shelved_alarm.until) > now
        )


_floor = msgspec.json.Decoder(Floor).decode
_opened = msgspec.json.Decoder(OpenedFlash).decode
_checks = msgspec.json.Decoder(WatchChecks).decode


class WatchFloor:
    """What all watch floors keep; each method is told whose."""

    def __init__(self, bucket: Bucket) -> None:
        """Read and write through the bucket."""
        self._bucket = bucket

    def is_opened(self, cid: str, side: str, message: str) -> bool:
        """Return whether somebody of a side has opened a flash, as far as this gateway knows."""
        return _opened_key(cid, side, message) in self._bucket.values

    async def opened(self, cid: str, side: str, message: str, now: float) -> None:
        """Keep that somebody has opened it; what is a day old is forgotten on the way. Raises `LogUnreachable`."""
        known = [
            (key, _opened(value))
            for key, value in self._bucket.values.items()
            if key.startswith(_OPENED)
        ]
        for key in [key for key, opened_flash in known if opened_flash.at < now - _KEPT_SECONDS][
            :_FORGOTTEN_AT_ONCE
        ]:
            await self._bucket.put(key, None)
        await self._bucket.put(_opened_key(cid, side, message), OpenedFlash(at=now))

    def floor(self, cid: str, side: str, since: int) -> Floor:
        """Return what the watch that was taken at a position has done; a watch that ended took all of it along."""
        value = self._bucket.values.get(f"{_FLOOR}{cid}.{side}")
        floor = None if value is None else _floor(value)
        return floor if floor is not None and floor.since == since else Floor(since=since)

    async def change(
        self, cid: str, side: str, since: int, change: Callable[[Floor], Floor]
    ) -> Floor:
        """Change it, over whatever a colleague has written meanwhile. Raises `LogUnreachable`."""
        key = f"{_FLOOR}{cid}.{side}"
        while True:
            floor = change(self.floor(cid, side, since))
            try:
                await self._bucket.put(key, floor, self._bucket.revisions.get(key, 0))
            except WriteConflict:
                await self._bucket.refresh()
            else:
                return floor

    def checked(self, cid: str, side: str) -> WatchChecks:
        """Return in which offices of a side a quiet watch is checked; in none, unless the side has said so."""
        value = self._bucket.values.get(f"{_CHECKED}{cid}.{side}")
        return WatchChecks(offices=(), by="") if value is None else _checks(value)

    async def check(self, cid: str, side: str, checks: WatchChecks) -> None:
        """Keep in which offices. Raises `LogUnreachable`."""
        await self._bucket.put(f"{_CHECKED}{cid}.{side}", checks)


def _opened_key(cid: str, side: str, message: str) -> str:
    return _OPENED + hashlib.sha256(f"{cid}\n{side}\n{message}".encode()).hexdigest()
