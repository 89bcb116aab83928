"""Which URLs that somebody else enters may be called from here: those that lead nowhere inside."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit


class Guard:
    """Which addresses may be called: public ones, and those in the networks that the settings name."""

    def __init__(self, networks: Iterable[str]) -> None:
        """Allow these networks as well. Raises `ValueError`."""
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(ip_network(each) for each in networks)

    def allows(self, address: str) -> bool:
        """Whether an address may be called."""
        found = ip_address(address.partition("%")[0])
        found = getattr(found, "ipv4_mapped", None) or found
        return (found.is_global and not found.is_multicast) or any(found in network for network in self._networks)

    def check(self, url: str) -> str:
        """What is wrong with a URL, as far as can be said before its name is looked up; empty where nothing is."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            return "it is no URL"
        if parts.scheme != "https" and not (parts.scheme == "http" and self._is_literal(host) and self.allows(host)):
            return "it is no https URL; plain http is for addresses that the host's settings allow"
        if not host or parts.username is not None or parts.fragment:
            return "it needs a host, and has no user and no fragment"
        if self._is_literal(host) and not self.allows(host):
            return f"{host} is no public address; the host's settings say which others are called"
        return ""

    def _is_literal(self, host: str) -> bool:
        try:
            ip_address(host)
        except ValueError:
            return False
        return True
