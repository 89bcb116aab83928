"""A hostile client: bytes that no client library sends, attacks on one side's or no token, and the second side that they must not hold up."""

import asyncio
import math
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp

from service import NOTE, Caller, Service

LATE_SECONDS = 0.5
"""The longest that an attack may make the second side wait, at the 99th percentile; or ten times what it waits in quiet."""


@dataclass(frozen=True)
class Response:
    """What came back on a connection: its status, its headers by small letters, its body. Status 0 is none: the connection was closed."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


async def exchange(base_url: str, raw: bytes, *then: bytes, wait: float = 20.0) -> Response:
    """Send these bytes on a connection of their own, each after a moment, and read the first answer."""
    url = urlsplit(base_url)
    context = ssl._create_unverified_context() if url.scheme == "https" else None
    reader, writer = await asyncio.open_connection(url.hostname, url.port, ssl=context)
    try:
        async with asyncio.timeout(wait):
            writer.write(raw)
            for each in then:
                await writer.drain()
                await asyncio.sleep(0.05)  # as a packet of its own; the answer is the same if it is not
                writer.write(each)
            await writer.drain()
            return await _response(reader)
    except (ConnectionError, asyncio.IncompleteReadError):
        return Response()
    finally:
        writer.close()


async def _response(reader: asyncio.StreamReader) -> Response:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    length = headers.get("content-length", "")
    body = await reader.readexactly(int(length)) if length.isdigit() else b""
    return Response(int(first.split(" ")[1]), headers, body)


def request(
    method: str = "GET", path: bytes | str = "/v1/me", *headers: tuple[str, bytes | str], body: bytes = b"", host: str = "dragoman.example"
) -> bytes:
    """Return a request's bytes, as wrong as its parts are."""
    target = path if isinstance(path, bytes) else path.encode()
    given = [("Host", host), *headers, *([("Content-Length", str(len(body)))] if body else [])]
    lines = [name.encode() + b": " + (value if isinstance(value, bytes) else value.encode()) for name, value in given]
    return b"\r\n".join((method.encode() + b" " + target + b" HTTP/1.1", *lines, b"", body))


@dataclass
class Waits:
    """How long each request of the second side took, in seconds."""

    seconds: list[float] = field(default_factory=list)

    @property
    def worst(self) -> float:
        """The 99th percentile; of fewer than a hundred the longest."""
        ordered = sorted(self.seconds)
        return ordered[max(0, math.ceil(len(ordered) * 0.99) - 1)] if ordered else 0.0


class SecondSide:
    """An officer of the side that is not attacking, who posts, reads and acknowledges all the time."""

    def __init__(self, service: Service, who: str = "china/officer", other: str = "nato/officer") -> None:
        """Use these two of the demonstration's people."""
        self.service = service
        self.who = who
        self.other = other

    async def measure(self, during: Awaitable[object] | None = None, *, rounds: int = 8) -> Waits:
        """Return what each request took: until `during` ends, and for so many rounds at least. Every answer must be a success."""
        waits = Waits()
        attack = None if during is None else asyncio.ensure_future(during)
        async with aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=60), connector=aiohttp.TCPConnector(force_close=True)
        ) as session:
            own, opposite = Caller(session, self.service, self.who), Caller(session, self.service, self.other)
            exchange_id = (await opposite.open(NOTE)).json["exchange"]
            while (attack is not None and not attack.done()) or rounds > 0:
                rounds -= 1
                for ask in self._round(own, exchange_id):
                    begun = time.monotonic()
                    status = await ask()
                    waits.seconds.append(time.monotonic() - begun)
                    assert status in (200, 201), status
        if attack is not None:
            await attack
        return waits

    def _round(self, own: Caller, exchange_id: str) -> Sequence[Callable[[], Awaitable[int]]]:
        async def post() -> int:
            return (await own.open(NOTE)).status

        async def board() -> int:
            return (await own.get("/v1/channels/nato-china/state")).status

        async def reply() -> int:
            return (await own.act(exchange_id, {"act": "reply", "text": "Seen."})).status

        return (post, board, reply)


@asynccontextmanager
async def unhindered(service: Service) -> AsyncIterator[Callable[[Awaitable[object]], Awaitable[Waits]]]:
    """Measure the second side in quiet, then while each attack runs; assert that it never waits too long."""
    side = SecondSide(service)
    await side.measure(rounds=1)  # what a first request loads is not in the figures
    quiet = (await side.measure()).worst

    async def attacked(attack: Awaitable[object]) -> Waits:
        waits = await side.measure(attack)
        limit = max(LATE_SECONDS, 10 * quiet)
        assert waits.worst <= limit, f"the second side waited {waits.worst:.3f} s; in quiet {quiet:.3f} s, at most {limit:.3f} s"
        return waits

    yield attacked


async def alike(count: int, attack: Callable[[], Awaitable[object]]) -> list[object]:
    """Run an attack on so many connections at once."""
    return [*(await asyncio.gather(*(attack() for _ in range(count))))]
