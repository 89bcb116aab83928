"""One direction of a wire that a test lays: its delay, its rate, its queue, and its losses.

Nothing is carried here. A wire asks a `Way` when a packet arrives at the far end, and waits until
then. All packets of one direction share the rate, so that a bulk reader delays everybody else.
"""

import asyncio
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

PACKET: Final = 1400
"""Bytes of a packet on a wire with a rate."""

_STEP_S: Final = 1e-7
_WAIT_S: Final = 30.0

ResultT = TypeVar("ResultT")


@dataclass(slots=True)
class Way:
    """One direction: seconds of delay, bits per second (0: no limit), and bytes that may wait.

    A packet that is `lost` is taken and never arrives.
    """

    delay_s: float = 0.0
    bits_s: float = 0.0
    queue: int = 16_384
    lost: bool = False
    carried: int = field(default=0, init=False)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _idle_at: float = field(default=0.0, init=False)
    _arrived_at: float = field(default=0.0, init=False)

    def full_s(self, now: float) -> float:
        """Return the seconds until the queue has room for another packet."""
        return self._idle_at - now - self.queue * 8 / self.bits_s if self.bits_s else 0.0

    def arrival(self, size: int, now: float) -> float:
        """Put a packet into the queue, and return when it arrives. No packet overtakes another."""
        sent_at = max(now, self._idle_at) if self.bits_s else now
        if self.bits_s:
            sent_at += size * 8 / self.bits_s
            self._idle_at = sent_at
        self._arrived_at = max(sent_at + self.delay_s, self._arrived_at + _STEP_S)
        return self._arrived_at

    async def admit(self, size: int) -> float:
        """Wait for room in the queue, behind all who wait already; then as `arrival`."""
        loop = asyncio.get_running_loop()
        async with self._turn:
            while (wait_s := self.full_s(loop.time())) > 0:
                await asyncio.sleep(wait_s)
            return self.arrival(size, loop.time())


class Carrier:
    """The two directions of a wire, and a thread that carries while the test does something else.

    `requests` leads from the near end to the far end, `answers` back.
    """

    def __init__(self, *, delay_s: float = 0.0, bits_s: float = 0.0, queue: int = 16_384) -> None:
        """Start the thread."""
        self.requests = Way(delay_s, bits_s, queue)
        self.answers = Way(delay_s, bits_s, queue)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def slow(self, *, delay_s: float | None = None, bits_s: float | None = None) -> None:
        """Change the delay or the rate of both directions."""
        for way in (self.requests, self.answers):
            way.delay_s = way.delay_s if delay_s is None else delay_s
            way.bits_s = way.bits_s if bits_s is None else bits_s

    def silence(self) -> None:
        """Lose everything in both directions. Nothing is closed: both ends believe in the wire."""
        self.requests.lost = self.answers.lost = True

    def cut_answers(self) -> None:
        """Carry requests and lose the answers, as if the line were cut after the host stored."""
        self.answers.lost = True

    def mend(self) -> None:
        """Carry everything again."""
        self.requests.lost = self.answers.lost = False

    def in_thread(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        """Run work in the thread that carries, and wait for its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_WAIT_S)

    def stop(self) -> None:
        """Stop the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_WAIT_S)
        self._loop.close()
