"""Keys that officers' browsers have made and that wait for an administrator, in the bucket of access: each a key's own signature under its entry."""

import hashlib
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.stores.key_value import Bucket

_PREFIX: Final = "enrolment."


class Enrolment(Struct, frozen=True, kw_only=True):
    """An entry that waits: the act as its administrator will post it under `id`, and the new key's signature over it."""

    officer: str
    administrator: str
    cid: str
    key: str
    act: str
    signatures: str
    id: str
    asked: str


_decode = msgspec.json.Decoder(Enrolment).decode


class Enrolments:
    """What waits in all channels, one for each officer in each."""

    def __init__(self, bucket: Bucket) -> None:
        """Read and write through the bucket."""
        self._bucket = bucket

    def listed(self, cid: str, side: str) -> list[Enrolment]:
        """Return a side's in a channel, the oldest first, as far as this gateway knows."""
        enrolments = (
            _decode(value) for key, value in self._bucket.values.items() if key.startswith(_PREFIX)
        )
        return sorted(
            (
                item
                for item in enrolments
                if item.cid == cid and item.officer.startswith(f"{side}/")
            ),
            key=lambda enrolment: enrolment.asked,
        )

    def find(self, cid: str, officer: str) -> Enrolment | None:
        """Return an officer's in a channel."""
        value = self._bucket.values.get(_key(cid, officer))
        return None if value is None else _decode(value)

    async def keep(self, enrolment: Enrolment) -> None:
        """Keep one, in place of the officer's that was there. Raises `LogUnreachable`."""
        await self._bucket.put(_key(enrolment.cid, enrolment.officer), enrolment)

    async def drop(self, cid: str, officer: str) -> None:
        """Drop one; where there is none, nothing is written. Raises `LogUnreachable`."""
        key = _key(cid, officer)
        if key in self._bucket.values:
            await self._bucket.put(key, None)


def _key(cid: str, officer: str) -> str:
    return _PREFIX + hashlib.sha256(f"{cid}\n{officer}".encode()).hexdigest()
