"""Webhooks: a record's exact bytes as a CloudEvent, signed by Standard Webhooks, to a URL that leads nowhere inside.

A URL is entered by a side and called by the host, so it must not reach what only the host reaches: every address that its name stands for
is looked at when the connection is made, and none but public ones are called, and those that the settings allow. Redirects are not followed.
"""

import socket
import time
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from dragoman.courier.post import SECONDS, SHOWN, Brought, Item, unreachable
from dragoman.interop import webhook
from dragoman.interop.urls import Guard
from dragoman.sentence import sentence, verbatim
from dragoman.stores.courier import Endpoint

_AGENT: Final = "dragoman-courier"


class NotAllowed(OSError):
    """An address that is not called."""


class GuardedResolver(AbstractResolver):
    """Looks names up, and gives no address that may not be called: it is the very address that is then connected to."""

    def __init__(self, guard: Guard, names: AbstractResolver | None = None) -> None:
        """Look names up with the system's resolver, unless another is given."""
        self._guard = guard
        self._names = names or ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        """The addresses of a name that may be called. Raises `NotAllowed` where there is none."""
        found = await self._names.resolve(host, port, family)
        allowed = [each for each in found if self._guard.allows(each["host"])]
        if not allowed:
            raise NotAllowed(f"{host} stands for no public address")
        return allowed

    async def close(self) -> None:
        """Close the resolver behind."""
        await self._names.close()


def session(guard: Guard) -> aiohttp.ClientSession:
    """HTTP connections that lead where the guard allows."""
    connector = aiohttp.TCPConnector(resolver=GuardedResolver(guard), use_dns_cache=False, limit_per_host=8)
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=SECONDS), headers={"User-Agent": _AGENT})


class Webhooks:
    """Brings records to URLs."""

    def __init__(self, session: aiohttp.ClientSession, guard: Guard) -> None:
        """Use these connections, and look at literal addresses, which nobody looks up."""
        self._session = session
        self._guard = guard

    async def __call__(self, endpoint: Endpoint, item: Item) -> Brought:
        """Try once."""
        if wrong := self._guard.check(endpoint.target):
            return Brought(ok=False, answered=wrong)
        sent = webhook.headers(endpoint.secret, item.id, int(time.time()), item.raw)
        sent |= {"Content-Type": "application/cloudevents+json", **({"Dragoman-Position": str(item.position)} if item.position else {})}
        try:
            async with self._session.post(endpoint.target, data=item.raw, headers=sent, allow_redirects=False) as response:
                said = (await response.content.read(SHOWN)).decode(errors="replace") if response.status >= 300 else ""
                return _outcome(response.status, response.headers.get("Retry-After", ""), said)
        except TimeoutError:
            return Brought(ok=False, answered=sentence("no answer within %(n)s s", n=round(SECONDS)))
        except (aiohttp.ClientError, OSError) as error:
            return Brought(ok=False, answered=unreachable(error))


def _outcome(status: int, retry_after: str, said: str) -> Brought:
    wait = float(retry_after) if retry_after.isascii() and retry_after.isdigit() and status in (429, 502, 503, 504) else 0.0
    answered = verbatim(f"{status} {said}".strip())
    return Brought(ok=200 <= status < 300, answered=answered, wait=min(wait, 86_400.0), gone=status == 410)
