"""The URLs of other people that may be called from here: those that lead nowhere inside.

    Guard(()).check("https://①②⑦.0.0.1/")    a sentence: 127.0.0.1 is no public address …
    Guard(()).allows("::ffff:0:7f00:1")       False: it leads to 127.0.0.1

A URL is read by the library that calls it (yarl, of aiohttp), so that the host that is
checked is the host that is called.
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
"""Networks whose addresses end in one of version 4, to which they lead."""

_UNICAST: Final = ip_network("2000::/3")
"""All that IANA has given out of version 6 for the public Internet."""

_SPECIAL: Final = (
    ip_network("192.0.0.0/24"),
    ip_network("192.88.99.0/24"),
    ip_network("2001::/23"),
    ip_network("3fff::/20"),
)
"""Networks of IANA's registries of special addresses that `ipaddress` takes for public,
in some version of Python or in part.
"""

_ISATAP: Final = frozenset({0x0000_5EFE, 0x0200_5EFE})
"""The middle of an address that carries one of version 4 over an intranet (RFC 5214)."""

_NUMBER: Final = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")
"""A last label that makes some resolvers take a host for an address, such as 127.1 or
0x7f000001.
"""


def _carried(address: IPv6Address) -> IPv4Address | IPv6Address:
    """Return the address of version 4 that an address of version 6 leads to, where it is one of those."""
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
    """Which addresses may be called: public ones, and those in the networks that the settings name."""

    def __init__(self, networks: Iterable[str]) -> None:
        """Allow these networks as well. Raises `ValueError`."""
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(
            ip_network(network) for network in networks
        )

    def allows(self, address: str) -> bool:
        """Return whether an address may be called."""
        ip = ip_address(address.partition("%")[0])
        if isinstance(ip, IPv6Address):
            ip = _carried(ip)
        return self.is_named(str(ip)) or _is_public(ip)

    def is_named(self, address: str) -> bool:
        """Return whether an address lies in one of the networks that the settings name."""
        result = ip_address(address.partition("%")[0])
        return any(result in network for network in self._networks)

    def check(self, url: str) -> Text | None:
        """Return what is wrong with a URL, as far as can be said before its name is looked up."""
        try:
            parts = URL(url)
            host, _ = parts.raw_host or "", parts.explicit_port
        except (ValueError, TypeError):
            return sentence("it is no URL")
        if parts.scheme != "https" and not (
            parts.scheme == "http" and self._is_literal(host) and self.is_named(host)
        ):
            return sentence(
                "it is no https URL; plain http is for addresses in the host's courier.private_networks"
            )
        if (
            not host
            or parts.raw_user is not None
            or parts.raw_password is not None
            or parts.raw_fragment
        ):
            return sentence("it needs a host, and has no user and no fragment")
        if self._is_literal(host) and not self.allows(host):
            return sentence(
                "%(host)s is no public address, and the host's setting courier.private_networks does not name it",
                host=host,
            )
        if not self._is_literal(host) and _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
            return sentence("it is no URL")
        return None

    def _is_literal(self, host: str) -> bool:
        try:
            ip_address(host.partition("%")[0])
        except ValueError:
            return False
        return True
