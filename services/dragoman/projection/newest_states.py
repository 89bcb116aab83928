"""The newest states of exchanges and registries, in memory, for all channels of a file.

One bound holds for all channels together. Each state is kept with its encoding.
"""

from collections import OrderedDict
from typing import Final

from dragoman.limits import MEMORY_BYTES
from dragoman_schemas.state import Exchange, Registry

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
