"""A filter of the ids in a channel, which spares reads of the file.

An id that the filter denies was never used. The filter is a row of Bloom filters of 16
bits an id, of which each id sets four. A full one takes one unused id in four hundred
for a used one. That costs one look-up in the file. After a full one comes another, four
times as large.
"""

from typing import Final

_BITS: Final = 16
_MARKS: Final = 4
_FIRST: Final = 1 << 10
_GROWTH: Final = 4


class IdFilter:
    """A set of ids that may wrongly seem to have an id, but never seems to lack one.

    It denies nothing until its owner sets `complete`.
    """

    def __init__(self) -> None:
        """Begin without ids."""
        self.complete = False
        self._room = 0
        self._filters: list[_Filter] = []

    def add(self, id: str) -> None:
        """Add an id."""
        if not self._room:
            self._room = _FIRST * _GROWTH ** len(self._filters)
            self._filters.append(_Filter(self._room * _BITS))
        self._room -= 1
        self._filters[-1].add(hash(id))

    def denies(self, id: str) -> bool:
        """Return whether the id was certainly never added."""
        if not self.complete:
            return False
        for bloom in self._filters:  # a generator is slower than the look-up  # noqa: SIM110
            if bloom.holds(hash(id)):
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
