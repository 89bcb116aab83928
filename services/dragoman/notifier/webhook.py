"""Webhooks: a record's exact bytes as a CloudEvent, signed by Standard Webhooks.

A side enters a URL and the host calls it. So the URL must not reach addresses that only
the host can reach. The address is checked again when its socket is created, in whatever
form it was written or resolved. Only public addresses are called, and those that the
settings allow. Redirects are not followed.
"""

import socket
import time
from collections.abc import Callable
from typing import Final

import aiohttp
from aiohttp import AddrInfoType
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from dragoman.interop import webhook_signatures
from dragoman.interop.ssrf_guard import AddressGuard
from dragoman.notifier.delivery import SECONDS, SHOWN, DeliveryResult, OutgoingItem, unreachable
from dragoman.stores.endpoints import NotificationEndpoint
from dragoman.text import verbatim

_AGENT: Final = "dragoman-courier"

CONNECTIONS: Final = 64
"""The simultaneous connections for one side of a channel."""

CONNECTIONS_PER_HOST: Final = 8
"""The simultaneous connections to one receiver, for one side of a channel."""


class NotAllowed(OSError):
    """An address that must not be called."""


class GuardedResolver(AbstractResolver):
    """A resolver that returns only addresses that may be called.

    The connection is then made to that same address.
    """

    def __init__(self, guard: AddressGuard, names: AbstractResolver | None = None) -> None:
        """Resolve names with the system's resolver, or with another one."""
        self._guard = guard
        self._names = names or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a name that may be called.

        Raises `NotAllowed` if there are no such addresses.
        """
        resolve = await self._names.resolve(host, port, family)
        allowed = [item for item in resolve if self._guard.allows(item["host"])]
        if not allowed:
            raise NotAllowed(f"{host} stands for no public address")
        return allowed

    async def close(self) -> None:
        """Close the underlying resolver."""
        await self._names.close()


def _guarded(guard: AddressGuard) -> Callable[[AddrInfoType], socket.socket]:
    """Return a factory for the sockets of connections.

    It refuses an address that must not be called.
    """

    def made(info: AddrInfoType) -> socket.socket:
        family, type, protocol, _, address = info
        if not guard.allows(str(address[0])):
            raise NotAllowed(f"{address[0]} is no public address")
        return socket.socket(family, type, protocol)

    return made


def session(guard: AddressGuard) -> aiohttp.ClientSession:
    """Return an HTTP session that connects only where the guard allows."""
    connector = aiohttp.TCPConnector(
        resolver=GuardedResolver(guard),
        use_dns_cache=False,
        limit=CONNECTIONS,
        limit_per_host=CONNECTIONS_PER_HOST,
        socket_factory=_guarded(guard),
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=SECONDS),
        headers={"User-Agent": _AGENT},
    )


class Webhooks:
    """A sender of records to URLs.

    Each side of each channel has its own connections, so that no side waits for another
    side's receivers.
    """

    def __init__(self, guard: AddressGuard) -> None:
        """Call only where the guard allows; close it with `aclose`."""
        self._sessions: dict[tuple[str, str], aiohttp.ClientSession] = {}
        self._guard = guard

    async def aclose(self) -> None:
        """Close all connections."""
        for client_session in self._sessions.values():
            await client_session.close()

    def _session(self, endpoint: NotificationEndpoint) -> aiohttp.ClientSession:
        key = endpoint.cid, endpoint.side
        if key not in self._sessions:
            self._sessions[key] = session(self._guard)
        return self._sessions[key]

    async def __call__(self, endpoint: NotificationEndpoint, item: OutgoingItem) -> DeliveryResult:
        """Try once."""
        if wrong := self._guard.check(endpoint.target):
            return DeliveryResult(ok=False, answered=unreachable(endpoint, wrong))
        sent = webhook_signatures.headers(endpoint.secret, item.id, int(time.time()), item.raw)
        sent |= {
            "Content-Type": "application/cloudevents+json",
            **({"Dragoman-Position": str(item.position)} if item.position else {}),
        }
        try:
            async with self._session(endpoint).post(
                endpoint.target, data=item.raw, headers=sent, allow_redirects=False
            ) as response:
                text = (
                    (await response.content.read(SHOWN)).decode(errors="replace")
                    if response.status >= 300
                    else ""
                )
                return _outcome(response.status, response.headers.get("Retry-After", ""), text)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return DeliveryResult(ok=False, answered=unreachable(endpoint, error))


def _outcome(status: int, retry_after: str, text: str) -> DeliveryResult:
    wait = (
        float(retry_after)
        if retry_after.isascii() and retry_after.isdigit() and status in (429, 502, 503, 504)
        else 0.0
    )
    answered = verbatim(f"{status} {text}".strip())
    return DeliveryResult(
        ok=200 <= status < 300, answered=answered, wait=min(wait, 86_400.0), gone=status == 410
    )
