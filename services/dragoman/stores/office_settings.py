"""The kind of each side's office in each channel, as the side has chosen it.

It is in no log. It is in the bucket of tokens and sessions, and so in every backup.
"""

from typing import Final

import msgspec
from msgspec import Struct

from dragoman.stores.key_value import Bucket

_PREFIX: Final = "office-kind."


class OfficeSetting(Struct, frozen=True, kw_only=True):
    """The kind of a side's office, and the officer who chose it.

    Both are empty until the side has chosen.
    """

    kind: str = ""
    by: str = ""


_decode = msgspec.json.Decoder(OfficeSetting).decode


class OfficeSettings:
    """The settings of all offices. Each method takes the channel and the side."""

    def __init__(self, bucket: Bucket) -> None:
        """Read and write through the bucket."""
        self._bucket = bucket

    def of(self, cid: str, side: str) -> OfficeSetting:
        """Return the setting of a side's office. This gateway's copy may lag."""
        value = self._bucket.values.get(f"{_PREFIX}{cid}.{side}")
        return OfficeSetting() if value is None else _decode(value)

    async def choose(self, cid: str, side: str, setting: OfficeSetting) -> None:
        """Store the setting of a side's office. Raises `LogUnreachable`."""
        await self._bucket.put(f"{_PREFIX}{cid}.{side}", setting)
