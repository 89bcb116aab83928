"""A TCP proxy between a gateway and its broker, on which a test makes the wire fail.

Threads of its own carry the bytes, so that it works while the test starts processes or waits for
them.
"""

import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from typing import Final

_CHUNK: Final = 65536
_RESET: Final = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Trap:
    """Springs once, at the first bytes from the gateway that hold a pattern.

    So many bytes from the pattern's begin on still reach the broker, or all of them where `keep` is
    None. Then its answers are thrown away for `mute_s`, and the connection is reset.
    """

    pattern: bytes
    keep: int | None = None
    mute_s: float = 0.0
    sprung: threading.Event = field(default_factory=threading.Event)


class Proxy:
    """Carries every connection to one port, as long as nothing is told to fail."""

    def __init__(self, port: int) -> None:
        """Listen, and carry to that port."""
        self.delay_s = 0.0
        self.trap: Trap | None = None
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pairs: list[_Pair] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """The URL at which the gateway finds the broker."""
        return f"nats://127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self._to))
                except OSError:
                    near.close()
                    continue
                pair = _Pair(self, near, far)
                self._pairs.append(pair)
                pair.carry()

    def set(self, trap: Trap) -> Trap:
        """Lay a trap."""
        self.trap = trap
        return trap

    def reset(self) -> None:
        """Reset every connection, on both sides."""
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            pair.reset()

    def half_close(self) -> None:
        """End what flows from the broker to the gateway, and leave the other direction open."""
        for pair in self._pairs:
            with contextlib.suppress(OSError):
                pair.near.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Carry nothing any more."""
        self._listener.close()
        self.reset()


class _Pair:
    """One connection: the gateway's end near, the broker's far."""

    def __init__(self, proxy: Proxy, near: socket.socket, far: socket.socket) -> None:
        self.proxy = proxy
        self.near = near
        self.far = far
        self.mute = False
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def carry(self) -> None:
        for work in (self._posts, self._answers):
            threading.Thread(target=work, daemon=True).start()

    def _posts(self) -> None:
        with contextlib.suppress(OSError):
            while chunk := self.near.recv(_CHUNK):
                trap = self.proxy.trap
                if trap is not None and (place := chunk.find(trap.pattern)) >= 0:
                    self.proxy.trap = None
                    self._spring(trap, chunk, place)
                    return
                time.sleep(self.proxy.delay_s)
                self.far.sendall(chunk)
        self.reset()

    def _answers(self) -> None:
        with contextlib.suppress(OSError):
            while chunk := self.far.recv(_CHUNK):
                time.sleep(self.proxy.delay_s)
                if not self.mute:
                    self.near.sendall(chunk)
        self.reset()

    def _spring(self, trap: Trap, chunk: bytes, place: int) -> None:
        self.mute = True
        self.far.sendall(chunk if trap.keep is None else chunk[: place + trap.keep])
        time.sleep(trap.mute_s)
        trap.sprung.set()
        self.reset()

    def reset(self) -> None:
        for end in (self.near, self.far):
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                end.shutdown(socket.SHUT_RD)  # wakes the thread that waits on it
            end.close()
