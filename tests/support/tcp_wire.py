"""A TCP relay in front of one port, on which a test makes the line fail.

    with Wire(host.port, delay_s=0.3, bits_s=64_000) as wire:
        ...                     # the other party connects to wire.port
        wire.silence()          # bytes vanish, nothing is closed
        wire.mend()

A connection that lost bytes never carries again, also after `mend`: its streams have a gap. Both
ends believe in it until they give up or the wire is cut.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Self

from ports import free_port
from way import PACKET, Carrier, Way

_CHUNK: Final = 65_536
_IN_FLIGHT: Final = 256
_RESET: Final = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Trap:
    """Springs once, at the first bytes of a request that hold a pattern.

    So many bytes from the pattern's begin on still arrive, or all of the packet where `keep` is
    None. Then answers are thrown away for `mute_s`, and the connection is reset.
    """

    pattern: bytes
    keep: int | None = None
    mute_s: float = 0.0
    sprung: threading.Event = field(default_factory=threading.Event)


def plain_socket() -> socket.socket:
    """Return a TCP socket of this network."""
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM)


class Wire(Carrier):
    """A relay from a port of its own to another. It keeps its port while it is cut.

    `near` and `far` make the sockets of the two ends: one in a network namespace, for example.
    """

    def __init__(
        self,
        port: int,
        *,
        address: str = "127.0.0.1",
        listen: int = 0,
        at: str = "127.0.0.1",
        near: Callable[[], socket.socket] = plain_socket,
        far: Callable[[], socket.socket] = plain_socket,
        delay_s: float = 0.0,
        bits_s: float = 0.0,
        queue: int = 16_384,
    ) -> None:
        """Listen at an address, and carry to that port."""
        super().__init__(delay_s=delay_s, bits_s=bits_s, queue=queue)
        self.port = listen or free_port()
        self.trap: Trap | None = None
        self.target = (address, port)
        self.far = far
        self._pairs: dict[_Pair, asyncio.Task[None]] = {}
        self._near, self._at = near, at
        self._listener: socket.socket
        self._accepting: asyncio.Task[None] | None = None
        self.in_thread(self._bind())
        self.mend()

    @property
    def connections(self) -> int:
        """The number of connections, with those that lost bytes."""
        return len(self._pairs)

    def set(self, trap: Trap) -> Trap:
        """Lay a trap."""
        self.trap = trap
        return trap

    def cut(self) -> None:
        """Reset every connection, and refuse new ones until `mend`."""
        self.in_thread(self._refuse())
        self.reset()

    def mend(self) -> None:
        """Take connections again, and carry those that lost nothing."""
        self.in_thread(self._mend())

    def reset(self) -> None:
        """Reset every connection, at both ends. New ones are carried."""
        self.in_thread(self._end([*self._pairs]))

    def half_close(self) -> None:
        """End the answers of every connection, and leave its requests open."""
        for pair in [*self._pairs]:
            with contextlib.suppress(OSError):
                pair.near.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Carry nothing any more."""
        if not self._loop.is_closed():
            self.cut()
            self._listener.close()
            self.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _bind(self) -> None:
        self._listener = _small_packets(self._near())
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((self._at, self.port))

    async def _mend(self) -> None:
        for pair in self._pairs:
            pair.dead = pair.dead or pair.gap
        super().mend()
        if self._accepting is None:
            self._listener.listen(256)
            self._accepting = asyncio.create_task(self._accept())

    async def _refuse(self) -> None:
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.gather(self._accepting, return_exceptions=True)
            self._accepting = None
            # The socket keeps its port, and the kernel refuses connections to it.
            self._listener.shutdown(socket.SHUT_RD)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            near, _ = await loop.sock_accept(self._listener)
            pair = _Pair(self, near)
            self._pairs[pair] = task = asyncio.create_task(pair.carry())
            task.add_done_callback(partial(self._forget, pair))

    def _forget(self, pair: "_Pair", _: asyncio.Task[None]) -> None:
        del self._pairs[pair]
        pair.near.close()  # if it never began

    async def _end(self, pairs: list["_Pair"]) -> None:
        tasks = [self._pairs[pair] for pair in pairs if pair in self._pairs]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _small_packets(end: socket.socket) -> socket.socket:
    """Let an end take packets of a usual size. On loopback the other end would keep megabytes."""
    end.setblocking(False)
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, PACKET)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _CHUNK)
    return end


async def _all_of(*works: Coroutine[Any, Any, None]) -> None:
    """Do works side by side. The first that fails ends the others."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Pair:
    """One connection: the end at which it was made near, the other far.

    `gap` says that bytes were lost, `dead` that nothing is carried since, `mute` that answers are
    thrown away.
    """

    def __init__(self, wire: Wire, near: socket.socket) -> None:
        self.wire = wire
        self.near = near
        self.gap = self.dead = self.mute = False

    async def carry(self) -> None:
        """Carry until both ends are closed, or one is reset."""
        wire, loop = self.wire, asyncio.get_running_loop()
        far = _small_packets(wire.far())
        ends = (self.near, far)
        try:
            for end in ends:
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.sleep(wire.requests.delay_s + wire.answers.delay_s)
            if wire.requests.lost:
                self.gap = True
                await loop.create_future()
            await loop.sock_connect(far, wire.target)
            await _all_of(
                _Flow(self, wire.requests, self.near, far).carry(),
                _Flow(self, wire.answers, far, self.near).carry(),
            )
        except (OSError, asyncio.CancelledError):
            for end in ends:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        finally:
            for end in ends:
                end.close()


class _Flow:
    """One direction of one connection."""

    def __init__(self, pair: _Pair, way: Way, source: socket.socket, target: socket.socket) -> None:
        self._pair, self._way, self._source, self._target = pair, way, source, target
        self._packets: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_IN_FLIGHT)

    @property
    def _losing(self) -> bool:
        muted = self._pair.mute and self._way is self._pair.wire.answers
        return self._way.lost or self._pair.dead or muted

    async def carry(self) -> None:
        """Carry until the source is closed. Raises `OSError` if an end is reset."""
        await _all_of(self._take(), self._deliver())

    async def _take(self) -> None:
        loop, way = asyncio.get_running_loop(), self._way
        chunk = b" "
        while chunk:
            try:
                chunk = await loop.sock_recv(self._source, _CHUNK)
            except OSError:
                if not self._losing:
                    raise
                chunk = b""  # The other end does not learn of the reset.
            trap = self._pair.wire.trap if way is self._pair.wire.requests else None
            if trap is not None and (place := chunk.find(trap.pattern)) >= 0:
                await self._spring(trap, chunk, place)
            await self._put(chunk)

    async def _put(self, chunk: bytes) -> None:
        """Send a chunk in packets, between which others may come. An empty one is the end."""
        size = PACKET if self._way.bits_s else _CHUNK
        for start in range(0, max(len(chunk), 1), size):
            packet = chunk[start : start + size]
            await self._packets.put((await self._way.admit(len(packet)), packet))

    async def _deliver(self) -> None:
        loop = asyncio.get_running_loop()
        packet = b" "
        while packet:
            at, packet = await self._packets.get()
            await asyncio.sleep(at - loop.time())
            if self._losing:
                self._pair.gap = True
            elif packet:
                self._way.carried += len(packet)
                await loop.sock_sendall(self._target, packet)
            else:
                self._target.shutdown(socket.SHUT_WR)
            self._packets.task_done()

    async def _spring(self, trap: Trap, chunk: bytes, place: int) -> None:
        pair = self._pair
        pair.wire.trap = None
        pair.mute = True
        await self._put(chunk if trap.keep is None else chunk[: place + trap.keep])
        await self._packets.join()
        await asyncio.sleep(trap.mute_s)
        trap.sprung.set()
        raise ConnectionResetError
