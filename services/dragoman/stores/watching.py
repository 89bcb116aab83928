"""What a side's own watch floor keeps beside the log, in the bucket of access: who opened which flash, and in which offices a quiet watch is checked."""

import hashlib
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.stores.bucket import Bucket

_OPENED: Final = "opened."
_CHECKED: Final = "watch-check."
_KEPT_SECONDS: Final = 24 * 3600
_FORGOTTEN_AT_ONCE: Final = 20


class Opened(Struct, frozen=True, kw_only=True):
    """Somebody of a side has opened an exchange with a flash in it; `at` is in Unix seconds."""

    at: float


class WatchChecks(Struct, frozen=True, kw_only=True):
    """The offices of a side in a channel in which a quiet watch is asked whether it is there; `by` has said so."""

    offices: tuple[str, ...]
    by: str


_opened = msgspec.json.Decoder(Opened).decode
_checks = msgspec.json.Decoder(WatchChecks).decode


class Watching:
    """What all watch floors keep; each method is told whose."""

    def __init__(self, bucket: Bucket) -> None:
        """Read and write through the bucket."""
        self._bucket = bucket

    def is_opened(self, cid: str, side: str, message: str) -> bool:
        """Whether somebody of a side has opened a flash, as far as this gateway knows."""
        return _opened_key(cid, side, message) in self._bucket.values

    async def opened(self, cid: str, side: str, message: str, now: float) -> None:
        """Keep that somebody has opened it; what is a day old is forgotten on the way. Raises `LogUnreachable`."""
        known = [(key, _opened(value)) for key, value in self._bucket.values.items() if key.startswith(_OPENED)]
        for key in [key for key, each in known if each.at < now - _KEPT_SECONDS][:_FORGOTTEN_AT_ONCE]:
            await self._bucket.put(key, None)
        await self._bucket.put(_opened_key(cid, side, message), Opened(at=now))

    def checked(self, cid: str, side: str) -> WatchChecks:
        """In which offices of a side a quiet watch is checked; in none, unless the side has said so."""
        value = self._bucket.values.get(f"{_CHECKED}{cid}.{side}")
        return WatchChecks(offices=(), by="") if value is None else _checks(value)

    async def check(self, cid: str, side: str, checks: WatchChecks) -> None:
        """Keep in which offices. Raises `LogUnreachable`."""
        await self._bucket.put(f"{_CHECKED}{cid}.{side}", checks)


def _opened_key(cid: str, side: str, message: str) -> str:
    return _OPENED + hashlib.sha256(f"{cid}\n{side}\n{message}".encode()).hexdigest()
