"""The first hour of each officer: pages that were opened, and the drill.

It is the officer's own, in no log, and in the bucket of tokens and sessions.
"""

import hashlib
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.key_value import Bucket

_PREFIX: Final = "first-hour."


class Drill(Struct, frozen=True, kw_only=True):
    """A drill: the times at which the officer was sent the message, saw it, and so on.

    Each time is empty until then. `ended` is the time at which a real flash ended it.
    """

    id: str
    channel: str
    sent: str
    seen: str = ""
    acknowledged: str = ""
    read: str = ""
    answered: str = ""
    ended: str = ""

    @property
    def is_running(self) -> bool:
        """Return whether the drill goes on."""
        return not self.answered and not self.ended


class FirstHour(Struct, frozen=True, kw_only=True):
    """The first hour of an officer.

    `opened` names what the officer has opened or done once. A list that is `dismissed`
    is not on the board.
    """

    actor: str
    opened: tuple[str, ...] = ()
    dismissed: bool = False
    drill: Drill | None = None
    has_drilled: bool = False


_decode = msgspec.json.Decoder(FirstHour).decode


class FirstHours:
    """The first hours of all officers. Each method takes the officer."""

    def __init__(self, bucket: Bucket) -> None:
        """Read and write through the bucket."""
        self._bucket = bucket

    def of(self, actor: str) -> FirstHour:
        """Return an officer's first hour. This gateway's copy may lag."""
        value = self._bucket.values.get(_key(actor))
        return FirstHour(actor=actor) if value is None else _decode(value)

    async def change(self, actor: str, change: Callable[[FirstHour], FirstHour]) -> FirstHour:
        """Change an officer's first hour, over another screen's change meanwhile.

        Raises `LogUnreachable`.
        """
        while True:
            hour = self.of(actor)
            changed = change(hour)
            if changed == hour:
                return hour
            try:
                revision = self._bucket.revisions.get(_key(actor), 0)
                await self._bucket.put(_key(actor), changed, revision)
            except WriteConflict:
                await self._bucket.refresh()
            else:
                return changed


def _key(actor: str) -> str:
    return _PREFIX + hashlib.sha256(actor.encode()).hexdigest()
