"""The identities of sides: which sides of which channels on this host are the same.

    nato-lo, version 3: nato in the channels 3f…, a0… and 77…

A side is named in a channel, and two channels may have sides of the same name that are
strangers to each other. An identity is an entry beside the logs that names its pairs
of a channel and a side. A channel is named by its cid, because names can be opened
again. The entry's `version` grows by one with each change, so that an older entry
cannot be entered again. An identity without pairs is dissolved. Its name is never free
again, since grants name it.

The stored form keeps the 32 bytes of each cid, so that 1,200 of them fit in one value.
"""

import base64
from collections.abc import Iterable
from functools import cached_property, lru_cache
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.stores.key_value import Bucket

Pair = tuple[str, str]
"""A channel's cid and the name of a side in it."""

_PREFIX: Final = "identity."
_CID_BYTES: Final = 32


class Identity(Struct, frozen=True, kw_only=True, dict=True):
    """An identity as it is stored.

    `sides` has the cids of each side's channels: their bytes one after the other, in
    base64. `signatures` are those over the entry's canonical bytes that made this
    version; none if the operator made it.
    """

    name: str
    version: int
    sides: dict[str, str]
    changed: str
    signatures: tuple[str, ...] = ()

    @cached_property
    def pairs(self) -> frozenset[Pair]:
        """The channels and sides of the identity."""
        return frozenset(
            (raw[start : start + _CID_BYTES].hex(), side)
            for side, text in self.sides.items()
            for raw in (base64.b64decode(text),)
            for start in range(0, len(raw), _CID_BYTES)
        )

    @cached_property
    def cids(self) -> dict[str, frozenset[str]]:
        """The cids of the channels, by side."""
        return {
            side: frozenset(cid for cid, name in self.pairs if name == side) for side in self.sides
        }


def packed(pairs: Iterable[Pair]) -> dict[str, str]:
    """Return pairs in their stored form."""
    sides: dict[str, list[str]] = {}
    for cid, side in sorted(set(pairs)):
        sides.setdefault(side, []).append(cid)
    return {
        side: base64.b64encode(b"".join(map(bytes.fromhex, cids))).decode()
        for side, cids in sorted(sides.items())
    }


def canonical(name: str, version: int, pairs: Iterable[Pair]) -> bytes:
    """Return the bytes of an entry that a side signs: sorted, without spaces."""
    entry = {
        "identity": name,
        "pairs": [{"channel": cid, "side": side} for cid, side in sorted(set(pairs))],
        "version": version,
    }
    return msgspec.json.encode(entry)


_identity = lru_cache(1024)(msgspec.json.Decoder(Identity).decode)


class Identities:
    """The identities of a deployment. This gateway's copy may lag by a second."""

    def __init__(self, bucket: Bucket) -> None:
        """Read and write through the bucket."""
        self._bucket = bucket
        self._names: dict[Pair, str] = {}
        self._names_at = -1

    def find(self, name: str) -> Identity | None:
        """Return an identity, also one that is dissolved."""
        value = self._bucket.values.get(_PREFIX + name)
        return None if value is None else _identity(value)

    def listed(self) -> list[Identity]:
        """Return all identities that have pairs, by name."""
        values = (
            _identity(value)
            for key, value in sorted(self._bucket.values.items())
            if key.startswith(_PREFIX)
        )
        return [identity for identity in values if identity.sides]

    def name_of(self, pair: Pair) -> str:
        """Return the name of the identity to which a side of a channel belongs.

        Empty if it belongs to none.
        """
        if self._names_at != self._bucket.changes:
            self._names = {
                pair: identity.name
                for identity in reversed(self.listed())
                for pair in identity.pairs
            }
            self._names_at = self._bucket.changes
        return self._names.get(pair, "")

    def cids(self, name: str, side: str) -> frozenset[str]:
        """Return the channels of an identity in which it has a side of that name."""
        identity = self.find(name)
        return frozenset() if identity is None else identity.cids.get(side, frozenset())

    async def refresh(self) -> None:
        """Read the changes of other gateways. Raises `LogUnreachable`."""
        await self._bucket.refresh()

    async def put(self, identity: Identity) -> None:
        """Store an identity over the version before it.

        Call `refresh` first. Raises `WriteConflict` if another gateway has changed it
        since, and `LogUnreachable`.
        """
        key = _PREFIX + identity.name
        await self._bucket.put(key, identity, self._bucket.revisions.get(key, 0))
