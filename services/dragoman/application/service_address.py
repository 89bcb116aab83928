"""The address of a message service, in the notation of the library `apprise`.

    ntfys://USER:PASSWORD@ntfy.example.org:8443/topic?priority=high
            read: host ntfy.example.org, port 8443, parameters {"priority"}

A gateway does not load the library, because it parses what a stranger entered. So this
module reads an address as the library does, and refuses one that has two readings. A
test compares both.
"""

import re
from typing import Final
from urllib.parse import unquote

from msgspec import Struct

_ADDRESS: Final = re.compile(
    r"(?P<scheme>[A-Za-z0-9]+)://"
    r"(?:[^@/?#\\]*@)?"
    r"(?P<host>[^@:/?#\\%\[\]]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?:[/#][^?\\]*)?(?:\?(?P<query>.*))?"
)
"""One `@` at most, before the host. Parsers differ on a second one."""

_PAIR: Final = re.compile(r"[&;]")
_OF_A_SERVICE: Final = ("+", "-", ":")
"""The beginnings of names that go to the service as they are, such as header fields."""

ALLOWED: Final = frozenset(
    {
        *("auth", "key", "mode", "region", "secret", "token", "version"),
        *("batch", "channel", "channels", "from", "group", "method", "msgtype", "name", "to"),
        *("discovery", "e2ee", "hsreq", "reply", "route", "status", "thread", "topic", "user"),
        *("emojis", "format", "lang", "language", "tz", "type"),
        *("category", "class", "color", "dedup", "level", "priority", "severity", "urgency"),
        *("action", "actions", "click", "delay", "email", "expire", "interval", "ttl", "xtags"),
        *("badge", "call", "flash", "icon", "image", "silent", "sound", "tags", "volume"),
    }
)
"""Parameters that a side's own address may have.

Others of the library weaken TLS, follow redirects, wait, or read files. A new one of
the library is refused until somebody has read what it does.
"""


class AddressUnclear(ValueError):
    """An address that two parsers could read differently."""


class ServiceAddress(Struct, frozen=True, kw_only=True):
    """An address as the library reads it, without credentials.

    The host and the names of the parameters are in small letters.
    """

    scheme: str
    host: str
    port: int | None
    parameters: frozenset[str]

    @property
    def unwanted(self) -> list[str]:
        """Return the names of the parameters that are not allowed, in order."""
        return sorted(
            name for name in self.parameters - ALLOWED if not name.startswith(_OF_A_SERVICE)
        )


def read_address(address: str) -> ServiceAddress:
    """Read an address. Raises `AddressUnclear`."""
    match = _ADDRESS.fullmatch(address)
    if match is None or " " in address or not address.isprintable():
        raise AddressUnclear("an address of a service has one reading")
    port = match["port"]
    return ServiceAddress(
        scheme=match["scheme"].lower(),
        host=match["host"].lower(),
        port=None if port is None else int(port),
        parameters=frozenset(_names(match["query"] or "")),
    )


def _names(query: str) -> list[str]:
    """Return the names of a query, spelled as the library spells them.

    It splits at `;` as well, and takes a + at the beginning of a name as it is.
    """
    spelled = (pair.partition("=")[0] for pair in _PAIR.split(query))
    names = [unquote(name[:1] + name[1:].replace("+", " ")).lower().strip() for name in spelled]
    return [name for name in names if name]
