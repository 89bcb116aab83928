"""Free ports for servers that must find the same port again when they restart.

A port that was free a moment ago may be given to somebody else before our server binds it. So ports
come from below the range from which the kernel gives ports by itself, and a port that was handed
out is reserved, until this process ends, by the name of a Unix socket: another worker, or another
run on this machine, passes it over.
"""

import os
import socket
from itertools import count
from typing import Final

_FIRST: Final = 20_000
_PORTS: Final = 12_000

_reservations: list[socket.socket] = []
_places = count(os.getpid() * 61)


def free_port() -> int:
    """Return a port of loopback on which nothing listens, and which nobody else is given while this
    process lives.
    """
    for _ in range(_PORTS):
        port = _FIRST + next(_places) % _PORTS
        reservation = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            reservation.bind(f"\0dragoman-test-port-{port}")
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            reservation.close()
            continue
        _reservations.append(reservation)
        return port
    raise AssertionError(f"no port from {_FIRST} to {_FIRST + _PORTS - 1} is free")
