"""Pending enrolments: keys made by officers' browsers, before they are approved.

They wait for an administrator, in the bucket of tokens and sessions. Each key has
signed its own entry.
"""

import hashlib
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.stores.key_value import Bucket

_PREFIX: Final = "enrolment."


class Enrolment(Struct, frozen=True, kw_only=True):
    """A pending entry of a key.

    `act` is the act that the administrator will post under `id`. `signatures` has the
    new key's signature over it.
    """

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
    """The pending enrolments of all channels, one for each officer in a channel."""

    def __init__(self, bucket: Bucket) -> None:
        """Read and write through the bucket."""
        self._bucket = bucket

    def listed(self, cid: str, side: str) -> list[Enrolment]:
        """Return a side's pending enrolments in a channel, the oldest first.

        This gateway's copy may lag.
        """
        enrolments = (
            _decode(value) for key, value in self._bucket.values.items() if key.startswith(_PREFIX)
        )
        return sorted(
            (
                enrolment
                for enrolment in enrolments
                if enrolment.cid == cid and enrolment.officer.startswith(f"{side}/")
            ),
            key=lambda enrolment: enrolment.asked,
        )

    def find(self, cid: str, officer: str) -> Enrolment | None:
        """Return an officer's pending enrolment in a channel."""
        value = self._bucket.values.get(_key(cid, officer))
        return None if value is None else _decode(value)

    async def keep(self, enrolment: Enrolment) -> None:
        """Store an enrolment in place of the officer's earlier one.

        Raises `LogUnreachable`.
        """
        await self._bucket.put(_key(enrolment.cid, enrolment.officer), enrolment)

    async def drop(self, cid: str, officer: str) -> None:
        """Delete an officer's enrolment, if it exists. Raises `LogUnreachable`."""
        key = _key(cid, officer)
        if key in self._bucket.values:
            await self._bucket.put(key, None)


def _key(cid: str, officer: str) -> str:
    return _PREFIX + hashlib.sha256(f"{cid}\n{officer}".encode()).hexdigest()
