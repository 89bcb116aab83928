"""Three network namespaces, each on two wires: one to this machine's clients, one to the other two,
which can be cut.

A cut wire says nothing: packets are lost, connections stay open, as where a cable is pulled or a
firewall is changed.
"""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from cluster import NAMES, Place

_NETS = 250


class NoNamespaces(Exception):
    """This machine does not let us lay wires; the message says what it answered."""


class Wires:
    """The wires that are laid, in a network of their own: its number is in every name and address."""

    def __init__(self, net: int) -> None:
        self.net = net
        self.tag = f"dg{net}"

    @property
    def places(self) -> list[Place]:
        """The places at which three nodes listen, each in its own namespace."""
        return [
            Place(
                client=f"198.18.{self.net}.{number}:4222",
                monitor=f"198.18.{self.net}.{number}:8222",
                route=f"198.19.{self.net}.{number}:6222",
                command=("ip", "netns", "exec", f"{self.tag}{name}"),
            )
            for number, name in enumerate(NAMES, 1)
        ]

    def cut(self, name: str) -> None:
        """Part a node from the others, not from its clients."""
        ip("link", "set", f"{self.tag}{name}r", "down")

    def mend(self, name: str) -> None:
        """Join it to the others again."""
        ip("link", "set", f"{self.tag}{name}r", "up")


@contextmanager
def laid() -> Iterator[Wires]:
    """Lay wires for a while. Raises `NoNamespaces`."""
    wires = _first_free()
    tag, net = wires.tag, wires.net
    try:
        ip("link", "add", f"{tag}r", "type", "bridge")
        for bridge in ("c", "r"):
            ip("link", "set", f"{tag}{bridge}", "up")
        ip("addr", "add", f"198.18.{net}.254/24", "dev", f"{tag}c")
        for number, name in enumerate(NAMES, 1):
            ip("netns", "add", f"{tag}{name}")
            ip("-n", f"{tag}{name}", "link", "set", "lo", "up")
            for bridge, of in (("c", 18), ("r", 19)):
                outer, inner = f"{tag}{name}{bridge}", f"eth{bridge}"
                ip(
                    "link",
                    "add",
                    outer,
                    "type",
                    "veth",
                    "peer",
                    "name",
                    inner,
                    "netns",
                    f"{tag}{name}",
                )
                ip("link", "set", outer, "master", f"{tag}{bridge}", "up")
                ip("-n", f"{tag}{name}", "addr", "add", f"198.{of}.{net}.{number}/24", "dev", inner)
                ip("-n", f"{tag}{name}", "link", "set", inner, "up")
        yield wires
    finally:
        for name in NAMES:
            ip("netns", "del", f"{tag}{name}", check=False)
        for bridge in ("c", "r"):
            ip("link", "del", f"{tag}{bridge}", check=False)


def _first_free() -> Wires:
    """Take the first network that no other run on this machine has, by making its bridge: the
    kernel lets one alone do so.
    """
    for net in range(1, _NETS):
        try:
            ip("link", "add", f"dg{net}c", "type", "bridge")
        except NoNamespaces as error:
            if "exists" not in str(error):
                raise
        else:
            return Wires(net)
    raise NoNamespaces("all networks of 198.18.0.0/15 are taken")


def add_namespace(stack: ExitStack, name: str) -> None:
    """Add a network namespace until the stack is left."""
    ip("netns", "add", name)
    stack.callback(ip, "netns", "del", name, check=False)


def ip(*arguments: str, check: bool = True) -> None:
    """Run the command `ip`. Raises `NoNamespaces`."""
    try:
        subprocess.run(["ip", *arguments], capture_output=True, text=True, check=check, timeout=10)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoNamespaces(
            f"ip {' '.join(arguments)}: {getattr(error, 'stderr', error)}"
        ) from error
