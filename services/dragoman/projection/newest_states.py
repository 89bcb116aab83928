"""The newest states of a channel's exchanges and of its registry, in memory with their encodings, within a bound."""

from collections import OrderedDict

from dragoman.limits import MEMORY_BYTES, MEMORY_EXCHANGES
from dragoman_schemas.state import Exchange, Registry

State = tuple[Exchange | Registry, bytes]


class NewestStates:
    """States by the id of their exchange. Those that were used longest ago are forgotten first."""

    def __init__(self, *, exchanges: int = MEMORY_EXCHANGES, size: int = MEMORY_BYTES) -> None:
        """Hold at most so many states, of at most so many bytes together."""
        self._states: OrderedDict[str, State] = OrderedDict()
        self._exchanges, self._most = exchanges, size
        self.bytes = 0

    def __len__(self) -> int:
        """Return the number of states that are held."""
        return len(self._states)

    def get(self, exchange: str) -> State | None:
        """Return a state, which becomes the one used last; None where it is not held."""
        state = self._states.get(exchange)
        if state is not None:
            self._states.move_to_end(exchange)
        return state

    def put(self, exchange: str, state: State) -> None:
        """Hold the newest state of an exchange."""
        self.pop(exchange)
        self._states[exchange] = state
        self.bytes += len(state[1])

    def pop(self, exchange: str) -> None:
        """Forget the state of an exchange, if it is held."""
        before = self._states.pop(exchange, None)
        if before is not None:
            self.bytes -= len(before[1])

    def forget(self, flushed: int) -> None:
        """Forget what is beyond the bound, but no state that the file does not hold yet: it holds those up to position `flushed`."""
        while len(self._states) > self._exchanges or self.bytes > self._most:
            oldest, (state, _) = next(iter(self._states.items()))
            if isinstance(state, Exchange) and state.updated.position > flushed:
                return
            self.pop(oldest)
