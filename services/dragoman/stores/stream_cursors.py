"""The cursors of streams over several channels: one text that covers all positions.

    3.f2V0cmljcy0.AQIEAQ    slot 3, the name of a set of positions, and what came since

The set of positions is stored beside the tokens, so that every gateway can resume the
stream. A cursor adds only how far each channel has gone on since then. So each event
has a cursor of its own, and nearly none of them needs a write. A new set is stored when
the rest no longer fits into the cursor, when a channel is gained, and every six hours.

A token has some slots for its sets, so that the store does not grow with each stream.
"""

import base64
import secrets
import time
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache
from typing import Final

import msgspec
from msgspec import Struct

from dragoman.limits import CURSOR_SECONDS, CURSORS
from dragoman.stores.compare_and_set import WriteConflict
from dragoman.stores.key_value import Bucket
from dragoman.stores.tokens_and_sessions import Grant

CURSOR_LENGTH: Final = 1000
"""The most characters of a cursor."""

RENEW_SECONDS: Final = 6 * 3600.0
"""The age at which a set of positions is stored anew while its stream goes on."""

_PREFIX: Final = "cursor."
_MARK_BYTES: Final = 16
_NAME_BYTES: Final = 9
_MOST: Final = 2**53


class Positions(Struct, frozen=True, kw_only=True, dict=True):
    """A set of positions, as it is stored.

    `channels` has the first 16 bytes of each channel's cid, one after the other, in
    base64; `positions` has the last position that was sent of each. `at` is the Unix
    time at which it was stored.
    """

    slot: int
    name: str
    actor: str
    at: float
    channels: str
    positions: tuple[int, ...]

    @classmethod
    def of(
        cls, slot: int, name: str, actor: str, at: float, sent: Mapping[str, int]
    ) -> "Positions":
        """Return a set of the positions that were sent, by cid."""
        cids = sorted(sent)
        marks = b"".join(bytes.fromhex(mark_of(cid)) for cid in cids)
        return cls(
            slot=slot,
            name=name,
            actor=actor,
            at=at,
            channels=base64.b64encode(marks).decode(),
            positions=tuple(sent[cid] for cid in cids),
        )

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each channel in the set, by the beginning of its cid."""
        raw = base64.b64decode(self.channels)
        marks = (raw[start : start + _MARK_BYTES] for start in range(0, len(raw), _MARK_BYTES))
        return {mark.hex(): place for place, mark in enumerate(marks)}

    def covers(self, cids: Iterable[str]) -> bool:
        """Return whether channels are all in the set."""
        return all(mark_of(cid) in self.places for cid in cids)

    def cursor(self, sent: Mapping[str, int]) -> str:
        """Return the cursor of the positions that were sent, by cid.

        Empty if it would be too long. A channel that is not in the set is left out.
        """
        steps = sorted(
            (place, position - self.positions[place])
            for cid, position in sent.items()
            if (place := self.places.get(mark_of(cid), -1)) >= 0
            and position > self.positions[place]
        )
        delta = bytearray()
        before = 0
        for place, step in steps:
            delta += _number(place - before) + _number(step)
            before = place
        text = base64.urlsafe_b64encode(bytes(delta)).decode().rstrip("=")
        cursor = f"{self.slot}.{self.name}.{text}"
        return cursor if len(cursor) <= CURSOR_LENGTH else ""

    def after(self, delta: bytes) -> dict[str, int] | None:
        """Return the positions at a cursor, by the beginning of each cid.

        None if the cursor's bytes are not valid.
        """
        positions = list(self.positions)
        numbers = _numbers(delta)
        if numbers is None or len(numbers) % 2:
            return None
        place = 0
        for gap, step in zip(numbers[::2], numbers[1::2], strict=True):
            place += gap
            if place >= len(positions):
                return None
            positions[place] += step
        return {mark: positions[number] for mark, number in self.places.items()}


def delta_of(text: str) -> bytes:
    """Return the bytes of a cursor's last part. Raises `ValueError`."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def mark_of(cid: str) -> str:
    """Return the part of a cid by which a set of positions knows the channel."""
    return cid[: 2 * _MARK_BYTES]


def _number(value: int) -> bytes:
    """Return a number in groups of seven bits, the lowest first."""
    groups = bytearray()
    while value >= 0x80:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def _numbers(raw: bytes) -> list[int] | None:
    """Return the numbers that some bytes have, or None if they are not whole."""
    numbers: list[int] = []
    value = shift = 0
    for byte in raw:
        value |= (byte & 0x7F) << shift
        shift += 7
        if value > _MOST:
            return None
        if byte < 0x80:
            numbers.append(value)
            value = shift = 0
    return numbers if shift == 0 else None


_positions = lru_cache(256)(msgspec.json.Decoder(Positions).decode)


class StreamCursors:
    """The sets of positions of a deployment. This gateway's copy may lag."""

    def __init__(self, bucket: Bucket) -> None:
        """Read and write through the bucket."""
        self._bucket = bucket

    async def find(self, grant: Grant, cursor: str) -> dict[str, int] | None:
        """Return the positions of a caller's cursor, by the beginning of each cid.

        None if it is unknown or has expired. Raises `LogUnreachable`.
        """
        slot, _, rest = cursor[:CURSOR_LENGTH].partition(".")
        name, _, text = rest.partition(".")
        try:
            delta = delta_of(text)
        except ValueError:
            return None
        positions = self.stored(grant, slot, name)
        if positions is None:
            await self._bucket.refresh()
            positions = self.stored(grant, slot, name)
        return None if positions is None else positions.after(delta)

    def stored(self, grant: Grant, slot: str, name: str) -> Positions | None:
        """Return a set of positions of a caller that is still in force."""
        value = self._bucket.values.get(f"{_PREFIX}{grant.id}.{slot}")
        positions = None if value is None else _positions(value)
        if (
            positions is None
            or (positions.name, positions.actor) != (name, grant.actor)
            or _has_expired(positions, time.time())
        ):
            return None
        return positions

    async def store(self, grant: Grant, sent: Mapping[str, int]) -> Positions:
        """Store a set of positions, by cid, and return it.

        Takes an unused slot, or the one with the oldest set. Raises `LogUnreachable`.
        """
        while True:
            slot = self._slot(grant)
            key = f"{_PREFIX}{grant.id}.{slot}"
            name = secrets.token_urlsafe(_NAME_BYTES)
            positions = Positions.of(slot, name, grant.actor, round(time.time(), 1), sent)
            try:
                await self._bucket.put(key, positions, self._bucket.revisions.get(key, 0))
            except WriteConflict:  # Another gateway took the slot; its set is in `values` now.
                continue
            return positions

    def _slot(self, grant: Grant) -> int:
        now = time.time()
        ages: list[tuple[float, int]] = []
        for slot in range(CURSORS):
            value = self._bucket.values.get(f"{_PREFIX}{grant.id}.{slot}")
            positions = None if value is None else _positions(value)
            if positions is None or _has_expired(positions, now):
                return slot
            ages.append((positions.at, slot))
        return min(ages)[1]


def _has_expired(positions: Positions, now: float) -> bool:
    return now > positions.at + RENEW_SECONDS + CURSOR_SECONDS
