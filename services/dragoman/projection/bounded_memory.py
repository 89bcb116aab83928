"""The memory of a fold beside its file: newest states and known ids, within bounds.

    NewestStates    the newest states of exchanges and registries of all channels of a
                    file, each with its encoding
    IdFilter        a filter of the ids in a channel, which spares reads of the file

An id that the filter denies was never used. The filter is a row of Bloom filters of 16
bits an id, of which each id sets four. A full one takes one unused id in four hundred
for a used one. That costs one look-up in the file. After a full one comes another, four
times as large.
"""

from collections import OrderedDict
from typing import Final

from dragoman.limits import MEMORY_BYTES
from dragoman_schemas.state import Exchange, Registry

_BITS: Final = 16
_MARKS: Final = 4
_FIRST: Final = 1 << 10
_GROWTH: Final = 4

State = tuple[Exchange | Registry, bytes]


WEIGHT: Final = 4
"""The bytes of memory of a state with its encoding, as a multiple of the encoding."""


class NewestStates:
    """States by their channel and exchange; the least recently used go first."""

    def __init__(self, size: int = MEMORY_BYTES) -> None:
        """Keep states that take at most `size` bytes of memory together."""
        self._states: OrderedDict[tuple[str, str], State] = OrderedDict()
        self._flushed: dict[str, int] = {}
        self._size = size
        self.bytes = 0

    def __len__(self) -> int:
        """Return the number of states in memory."""
        return len(self._states)

    def get(self, channel: str, exchange: str) -> State | None:
        """Return a state, and mark it as used; None where it is not in memory."""
        state = self._states.get((channel, exchange))
        if state is not None:
            self._states.move_to_end((channel, exchange))
        return state

    def put(self, channel: str, exchange: str, state: State) -> None:
        """Keep the newest state of an exchange."""
        self.pop(channel, exchange)
        self._states[channel, exchange] = state
        self.bytes += WEIGHT * len(state[1])

    def pop(self, channel: str, exchange: str) -> None:
        """Drop the state of an exchange, if it is in memory."""
        before = self._states.pop((channel, exchange), None)
        if before is not None:
            self.bytes -= WEIGHT * len(before[1])

    def forget(self, channel: str, flushed: int) -> None:
        """Drop the states beyond the bound that the file has already.

        The file has all states of the channel up to position `flushed`.
        """
        self._flushed[channel] = flushed
        while self.bytes > self._size:
            (oldest, exchange), (state, _) = next(iter(self._states.items()))
            if isinstance(state, Exchange) and state.updated.position > self._flushed[oldest]:
                return
            self.pop(oldest, exchange)


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
