"""The ids that a channel has seen, in little memory: whatever is denied here was never used, and no file need be asked.

Bloom filters of 16 bits an id, of which each id sets four. One that is full takes one
unused id in four hundred for a used one, which then costs a look into the file, and is
followed by one four times as large.
"""

from typing import Final

_BITS: Final = 16
_MARKS: Final = 4
_FIRST: Final = 1 << 10
_GROWTH: Final = 4


class IdFilter:
    """A set of ids that may take what it has not seen for seen, and never the other way round.

    Until whoever fills it says that it is complete, it denies nothing.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self.complete = False
        self._room = 0
        self._filters: list[_Filter] = []

    def add(self, id: str) -> None:
        """Take an id in."""
        if not self._room:
            self._room = _FIRST * _GROWTH ** len(self._filters)
            self._filters.append(_Filter(self._room * _BITS))
        self._room -= 1
        self._filters[-1].add(hash(id))

    def denies(self, id: str) -> bool:
        """Return whether the id was certainly never taken in."""
        if not self.complete:
            return False
        for item in self._filters:  # a generator would cost more than the look  # noqa: SIM110
            if item.holds(hash(id)):
                return False
        return True


class _Filter:
    def __init__(self, bits: int) -> None:
        self._bytes = bytearray(bits // 8)
        self._mask = bits - 1

    def add(self, hashed: int) -> None:
        step = hashed >> 32 | 1
        for _ in range(_MARKS):
            self._bytes[(hashed & self._mask) >> 3] |= 1 << (hashed & 7)
            hashed += step

    def holds(self, hashed: int) -> bool:
        step = hashed >> 32 | 1
        for _ in range(_MARKS):
            if not self._bytes[(hashed & self._mask) >> 3] & 1 << (hashed & 7):
                return False
            hashed += step
        return True
