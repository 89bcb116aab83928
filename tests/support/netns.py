"""Three network namespaces, each on two wires: one to this machine's clients, one to the other two, which can be cut.

A cut wire says nothing: packets are lost, connections stay open, as where a cable is pulled or a firewall is changed.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from cluster import NAMES, Place

_TAG = f"dg{os.getpid() % 100_000}"
_NET = os.getpid() % 250


class NoNamespaces(Exception):
    """This machine does not let us lay wires; the message says what it answered."""


class Wires:
    """The wires that are laid."""

    @property
    def places(self) -> list[Place]:
        """Where three nodes listen, each in its own namespace."""
        return [
            Place(
                client=f"198.18.{_NET}.{number}:4222",
                monitor=f"198.18.{_NET}.{number}:8222",
                route=f"198.19.{_NET}.{number}:6222",
                command=("ip", "netns", "exec", f"{_TAG}{name}"),
            )
            for number, name in enumerate(NAMES, 1)
        ]

    def cut(self, name: str) -> None:
        """Part a node from the others, not from its clients."""
        _ip("link", "set", f"{_TAG}{name}r", "down")

    def mend(self, name: str) -> None:
        """Join it to the others again."""
        _ip("link", "set", f"{_TAG}{name}r", "up")


@contextmanager
def laid() -> Iterator[Wires]:
    """Laid for a while. Raises `NoNamespaces`."""
    try:
        for bridge in ("c", "r"):
            _ip("link", "add", f"{_TAG}{bridge}", "type", "bridge")
            _ip("link", "set", f"{_TAG}{bridge}", "up")
        _ip("addr", "add", f"198.18.{_NET}.254/24", "dev", f"{_TAG}c")
        for number, name in enumerate(NAMES, 1):
            _ip("netns", "add", f"{_TAG}{name}")
            _ip("-n", f"{_TAG}{name}", "link", "set", "lo", "up")
            for bridge, net in (("c", 18), ("r", 19)):
                outer, inner = f"{_TAG}{name}{bridge}", f"eth{bridge}"
                _ip("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", f"{_TAG}{name}")
                _ip("link", "set", outer, "master", f"{_TAG}{bridge}", "up")
                _ip("-n", f"{_TAG}{name}", "addr", "add", f"198.{net}.{_NET}.{number}/24", "dev", inner)
                _ip("-n", f"{_TAG}{name}", "link", "set", inner, "up")
        yield Wires()
    finally:
        for name in NAMES:
            _ip("netns", "del", f"{_TAG}{name}", check=False)
        for bridge in ("c", "r"):
            _ip("link", "del", f"{_TAG}{bridge}", check=False)


def _ip(*arguments: str, check: bool = True) -> None:
    try:
        subprocess.run(["ip", *arguments], capture_output=True, text=True, check=check, timeout=10)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoNamespaces(f"ip {' '.join(arguments)}: {getattr(error, 'stderr', error)}") from error
