"""Sealed parcels between stations, which the host keeps until they are received.

    parcel.<cid>.<id>     from one side to another, sealed to the key of its station
    receipt.<cid>.<id>    the signature by which that station says that it has it

The host reads neither. A received parcel leaves its receipt alone. They are beside the
drafts, in the same bucket.
"""

import base64
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.stores.key_value import Bucket

BYTES: Final = 16_384
"""The most bytes of a sealed parcel."""

MOST: Final = 1_000
"""Parcels of one side that may wait in a channel."""

_PARCEL, _RECEIPT = "parcel.", "receipt."


class Parcel(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One parcel as it is kept. `sealed` is in base64, and empty once it is received.

    `key` and `signature` are those of the receipt.
    """

    id: str
    sender: str
    to: str
    sealed: str = ""
    key: str = ""
    signature: str = ""

    @property
    def content(self) -> bytes:
        """The sealed bytes."""
        return base64.b64decode(self.sealed)


_decode = msgspec.json.Decoder(Parcel).decode


class Parcels:
    """The parcels of all channels."""

    def __init__(self, bucket: Bucket) -> None:
        """Read and write through the bucket of the drafts."""
        self._bucket = bucket

    async def listed(self, cid: str, side: str) -> list[Parcel]:
        """Return the parcels to a side that wait, and the receipts of its own.

        Raises `LogUnreachable`.
        """
        await self._bucket.refresh()
        parcels = [
            _decode(value)
            for key, value in sorted(self._bucket.values.items())
            if key.startswith((f"{_PARCEL}{cid}.", f"{_RECEIPT}{cid}."))
        ]
        return [
            parcel
            for parcel in parcels
            if (parcel.sealed and parcel.to == side) or (parcel.key and parcel.sender == side)
        ]

    async def waiting(self, cid: str, side: str) -> int:
        """Return the number of parcels of a side that wait. Raises `LogUnreachable`."""
        await self._bucket.refresh()
        return sum(
            _decode(value).sender == side
            for key, value in self._bucket.values.items()
            if key.startswith(f"{_PARCEL}{cid}.")
        )

    def find(self, cid: str, id: str) -> Parcel | None:
        """Return a parcel that waits, as of the last reading."""
        value = self._bucket.values.get(f"{_PARCEL}{cid}.{id}")
        return None if value is None else _decode(value)

    def is_received(self, cid: str, id: str) -> bool:
        """Return whether a parcel was received, as of the last reading."""
        return f"{_RECEIPT}{cid}.{id}" in self._bucket.values

    async def keep(self, cid: str, parcel: Parcel) -> None:
        """Keep a parcel until it is received. Raises `LogUnreachable`."""
        await self._bucket.put(f"{_PARCEL}{cid}.{parcel.id}", parcel)

    async def receive(self, cid: str, parcel: Parcel, key: str, signature: str) -> None:
        """Keep the receipt of a parcel, and forget its content.

        Raises `LogUnreachable`.
        """
        receipt = msgspec.structs.replace(parcel, sealed="", key=key, signature=signature)
        await self._bucket.put(f"{_RECEIPT}{cid}.{parcel.id}", receipt)
        await self._bucket.put(f"{_PARCEL}{cid}.{parcel.id}", None)
