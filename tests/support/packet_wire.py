"""A wire of two TUN devices in two network namespaces, whose packets a thread of the test carries.

    with packet_wire(dice) as wire:
        wire.loss = 0.3
        subprocess.run([*wire.near.command, ...])    # reaches wire.far.address over the wire
        wire.silence()                               # as where somebody pulls the cable

It loses packets, which no relay of connections can: the kernels at both ends send them again. It
never closes or refuses a connection.
"""

import asyncio
import ctypes
import fcntl
import os
import random
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

from netns import NoNamespaces, add_namespace, ip
from way import Carrier, Way

_TUNSETIFF: Final = 0x400454CA
_TUN_WITHOUT_HEADER: Final = struct.pack("H", 0x0001 | 0x1000)
_CLONE_NEWNET: Final = 0x40000000
_MOST: Final = 65_536
_DEVICE: Final = "wire0"
_QUEUED: Final = 65_536

_wires = count()


@dataclass(frozen=True, slots=True)
class End:
    """A network namespace with one end of the wire."""

    namespace: str
    address: str

    @property
    def command(self) -> tuple[str, ...]:
        """The words before a command that runs there."""
        return "ip", "netns", "exec", self.namespace

    def socket(self) -> socket.socket:
        """Return a TCP socket of the namespace. The thread that asks stays where it is."""
        with Path("/proc/thread-self/ns/net").open() as home:
            with Path("/run/netns", self.namespace).open() as network:
                _enter(network.fileno())
            try:
                return socket.socket()
            finally:
                _enter(home.fileno())


def _enter(network: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(network, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


class PacketWire(Carrier):
    """Two ends, and the packets between them, of which a share is lost by the dice."""

    def __init__(
        self,
        near: End,
        far: End,
        devices: tuple[int, int],
        dice: random.Random,
    ) -> None:
        """Carry between two TUN devices, which are open."""
        super().__init__(queue=_QUEUED)
        self.near, self.far, self.loss = near, far, 0.0
        self._dice = dice
        self._devices = devices
        self.in_thread(self._begin())

    async def _begin(self) -> None:
        loop, (near, far) = asyncio.get_running_loop(), self._devices
        loop.add_reader(near, self._take, self.requests, near, far)
        loop.add_reader(far, self._take, self.answers, far, near)

    def _take(self, way: Way, source: int, target: int) -> None:
        loop, packet = asyncio.get_running_loop(), os.read(source, _MOST)
        if not (way.lost or way.full_s(loop.time()) > 0 or self._dice.random() < self.loss):
            at = way.arrival(len(packet), loop.time())
            loop.call_at(at, self._deliver, way, target, packet)

    def _deliver(self, way: Way, target: int, packet: bytes) -> None:
        if not way.lost:
            way.carried += len(packet)
            os.write(target, packet)


@contextmanager
def packet_wire(dice: random.Random) -> Iterator[PacketWire]:
    """Lay a packet wire for a while. Raises `NoNamespaces`."""
    tag = f"dw{os.getpid()}-{next(_wires)}"
    with ExitStack() as stack:
        devices, ends = [], []
        for letter, number in (("a", 1), ("b", 2)):
            name, address = f"{tag}{letter}", f"198.19.0.{number}"
            add_namespace(stack, name)
            device = _tun(name)
            stack.callback(os.close, device)
            ip("link", "set", name, "netns", name)
            inside = partial(ip, "-n", name)
            inside("link", "set", name, "name", _DEVICE)
            inside("addr", "add", f"{address}/30", "dev", _DEVICE)
            for link in ("lo", _DEVICE):
                inside("link", "set", link, "up")
            devices.append(device)
            ends.append(End(name, address))
        wire = PacketWire(ends[0], ends[1], (devices[0], devices[1]), dice)
        stack.callback(wire.stop)
        yield wire


def _tun(name: str) -> int:
    try:
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        request = struct.pack("16s2s22x", name.encode(), _TUN_WITHOUT_HEADER)
        fcntl.ioctl(device, _TUNSETIFF, request)
    except OSError as error:
        raise NoNamespaces(f"/dev/net/tun: {error}") from error
    return device
