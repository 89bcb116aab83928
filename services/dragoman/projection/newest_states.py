"""The newest states of a channel's exchanges and registry, in memory, bounded.

Each state is kept with its encoding.
"""

from collections import OrderedDict

from dragoman.limits import MEMORY_BYTES, MEMORY_EXCHANGES
from dragoman_schemas.state import Exchange, Registry

State = tuple[Exchange | Registry, bytes]


class NewestStates:
    """States by the id of their exchange; the least recently used go first."""

    def __init__(self, *, exchanges: int = MEMORY_EXCHANGES, size: int = MEMORY_BYTES) -> None:
        """Keep at most `exchanges` states, of at most `size` bytes together."""
        self._states: OrderedDict[str, State] = OrderedDict()
        self._exchanges, self._most = exchanges, size
        self.bytes = 0

    def __len__(self) -> int:
        """Return the number of states in memory."""
        return len(self._states)

    def get(self, exchange: str) -> State | None:
        """Return a state, and mark it as used; None where it is not in memory."""
        state = self._states.get(exchange)
        if state is not None:
            self._states.move_to_end(exchange)
        return state

    def put(self, exchange: str, state: State) -> None:
        """Keep the newest state of an exchange."""
        self.pop(exchange)
        self._states[exchange] = state
        self.bytes += len(state[1])

    def pop(self, exchange: str) -> None:
        """Drop the state of an exchange, if it is in memory."""
        before = self._states.pop(exchange, None)
        if before is not None:
            self.bytes -= len(before[1])

    def forget(self, flushed: int) -> None:
        """Drop the states beyond the bounds that the file has already.

        The file has all states up to position `flushed`.
        """
        while len(self._states) > self._exchanges or self.bytes > self._most:
            oldest, (state, _) = next(iter(self._states.items()))
            if isinstance(state, Exchange) and state.updated.position > flushed:
                return
            self.pop(oldest)
