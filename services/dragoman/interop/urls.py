"""Which URLs that somebody else enters may be called from here: those that lead nowhere inside."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from dragoman.sentence import Sentence, sentence

_TRANSLATED: Final = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"), ip_network("::/96"))
"""Networks whose addresses end in one of version 4, to which they lead."""


def _carried(address: IPv6Address) -> IPv4Address | IPv6Address:
    """The address of version 4 that an address of version 6 leads to, where it is one of those."""
    carried = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo is not None else None)
    if carried is None and any(address in network for network in _TRANSLATED) and int(address) > 1:
        carried = IPv4Address(int(address) & 0xFFFF_FFFF)
    return carried or address


class Guard:
    """Which addresses may be called: public ones, and those in the networks that the settings name."""

    def __init__(self, networks: Iterable[str]) -> None:
        """Allow these networks as well. Raises `ValueError`."""
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(ip_network(each) for each in networks)

    def allows(self, address: str) -> bool:
        """Whether an address may be called."""
        found = ip_address(address.partition("%")[0])
        if isinstance(found, IPv6Address):
            found = _carried(found)
        return self.is_named(str(found)) or (found.is_global and not found.is_multicast and not getattr(found, "is_site_local", False))

    def is_named(self, address: str) -> bool:
        """Whether an address lies in one of the networks that the settings name."""
        found = ip_address(address.partition("%")[0])
        return any(found in network for network in self._networks)

    def check(self, url: str) -> Sentence | None:
        """What is wrong with a URL, as far as can be said before its name is looked up."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            return sentence("it is no URL")
        if parts.scheme != "https" and not (parts.scheme == "http" and self._is_literal(host) and self.is_named(host)):
            return sentence("it is no https URL; plain http is for addresses in the host's courier.private_networks")
        if not host or parts.username is not None or parts.fragment:
            return sentence("it needs a host, and has no user and no fragment")
        if self._is_literal(host) and not self.allows(host):
            return sentence("%(host)s is no public address, and the host's setting courier.private_networks does not name it", host=host)
        return None

    def _is_literal(self, host: str) -> bool:
        try:
            ip_address(host)
        except ValueError:
            return False
        return True
