"""Tasks that wait until a position is reached."""

import asyncio


class PositionWaiters:
    """Futures by position. Each is done as soon as its position is reached."""

    def __init__(self) -> None:
        """Begin with no waiter."""
        self._futures: dict[int, list[asyncio.Future[None]]] = {}

    def add(self, position: int) -> asyncio.Future[None]:
        """Return a new future for a position."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._futures.setdefault(position, []).append(future)
        return future

    def remove(self, position: int, future: asyncio.Future[None]) -> None:
        """Forget a future whose waiter has given up."""
        futures = self._futures.get(position, [])
        if future in futures:
            futures.remove(future)
        if not futures:
            self._futures.pop(position, None)

    def wake_at(self, position: int) -> None:
        """Wake the waiters for exactly this position."""
        for future in self._futures.pop(position, ()):
            if not future.done():
                future.set_result(None)

    def wake_up_to(self, position: int) -> None:
        """Wake the waiters for this position and for all positions before it."""
        for at in [at for at in self._futures if at <= position]:
            self.wake_at(at)
