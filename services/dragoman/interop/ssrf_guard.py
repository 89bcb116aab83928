"""A guard of the URLs that a side enters and the host calls: none may lead inside.

    AddressGuard(()).check("https://①②⑦.0.0.1/")    127.0.0.1 is no public address …
    AddressGuard(()).allows("::ffff:0:7f00:1")       False: it leads to 127.0.0.1

The library that calls a URL also parses it here (yarl, of aiohttp). So the checked host
is the called host.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from yarl import URL

from dragoman.text import Text, sentence

_TRANSLATED: Final = (
    ip_network("64:ff9b::/96"),
    ip_network("64:ff9b:1::/48"),
    ip_network("::/96"),
    ip_network("::ffff:0:0:0/96"),
)
"""Networks whose addresses end in an IPv4 address, to which they lead."""

_UNICAST: Final = ip_network("2000::/3")
"""All IPv6 addresses that IANA has assigned to the public Internet."""

_SPECIAL: Final = (
    ip_network("192.0.0.0/24"),
    ip_network("192.88.99.0/24"),
    ip_network("2001::/23"),
    ip_network("3fff::/20"),
)
"""Networks of IANA's registries of special addresses that `ipaddress` calls public.

It does so in some version of Python, or for a part of the network.
"""

_ISATAP: Final = frozenset({0x0000_5EFE, 0x0200_5EFE})
"""The middle of an address that carries an IPv4 address over an intranet (RFC 5214)."""

_NUMBER: Final = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")
"""A last label that makes some resolvers read a host as an address.

Examples are 127.1 and 0x7f000001.
"""


def _embedded_address(address: IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address to which an IPv6 address leads, or the address itself."""
    carried = (
        address.ipv4_mapped
        or address.sixtofour
        or (address.teredo[1] if address.teredo is not None else None)
    )
    embedded = (
        any(address in network for network in _TRANSLATED)
        or int(address) >> 32 & 0xFFFF_FFFF in _ISATAP
    )
    if carried is None and embedded and int(address) > 1:
        carried = IPv4Address(int(address) & 0xFFFF_FFFF)
    return carried or address


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return False
    return (
        address.is_global
        and not address.is_multicast
        and not any(address in network for network in _SPECIAL)
    )


class AddressGuard:
    """A guard that allows public addresses, and the networks that the settings name."""

    def __init__(self, networks: Iterable[str]) -> None:
        """Allow these networks as well. Raises `ValueError` for an invalid network."""
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(
            ip_network(network) for network in networks
        )

    def allows(self, address: str) -> bool:
        """Return whether an address may be called."""
        ip = ip_address(address.partition("%")[0])
        if isinstance(ip, IPv6Address):
            ip = _embedded_address(ip)
        return self.is_named(str(ip)) or _is_public(ip)

    def is_named(self, address: str) -> bool:
        """Return whether an address is in a network that the settings name."""
        result = ip_address(address.partition("%")[0])
        return any(result in network for network in self._networks)

    def check(self, url: str) -> Text | None:
        """Return the fault of a URL as a sentence, or None.

        Faults that only a look-up of the name shows are not found here.
        """
        try:
            parts = URL(url)
            host, _ = parts.raw_host or "", parts.explicit_port
        except (ValueError, TypeError):
            return sentence("it is not a URL")
        if parts.scheme != "https" and not (
            parts.scheme == "http" and self._is_literal(host) and self.is_named(host)
        ):
            return sentence(
                "it is not an https URL; plain http is only for private addresses that the "
                "operator of this host allows"
            )
        if (
            not host
            or parts.raw_user is not None
            or parts.raw_password is not None
            or parts.raw_fragment
        ):
            return sentence("it needs a host, and has no user and no fragment")
        if (fault := self.check_host(host)) is not None:
            return fault
        if not self._is_literal(host) and _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
            return sentence("it is not a URL")
        return None

    def check_host(self, host: str) -> Text | None:
        """Return the fault of a host as a sentence, or None.

        An IPv6 address has no brackets. A name has no fault before its look-up.
        """
        if self._is_literal(host) and not self.allows(host):
            return sentence(
                "%(host)s is not a public address, and the operator of this host does not allow it",
                host=host,
            )
        return None

    def _is_literal(self, host: str) -> bool:
        try:
            ip_address(host.partition("%")[0])
        except ValueError:
            return False
        return True
