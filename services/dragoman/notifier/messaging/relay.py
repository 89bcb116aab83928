"""The relay: a process through which alone messages leave the host.

    CONNECT ntfy.example.org:443 HTTP/1.1          a tunnel, if the guard allows it
    POST http://127.0.0.1:8080/alarm HTTP/1.1      plain http, to private networks alone

A side enters the address of a service, and the host calls it. So the relay resolves the
name itself and connects only to addresses that the guard allows. It takes requests with
a password alone, which it gets through its pipe, so that no other user of the machine
can use it.
"""

import asyncio
import hmac
import os
import socket
import threading
from base64 import b64encode
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ipaddress import ip_address
from typing import Final

import msgspec
from msgspec import Struct
from yarl import URL

from dragoman.domain.record import nesting
from dragoman.interop.ssrf_guard import AddressGuard
from dragoman.worker_process import Pipe

USER: Final = "dragoman"
HEAD_BYTES: Final = 16_384
HEAD_SECONDS: Final = 10.0
CONNECT_SECONDS: Final = 4.0
TUNNEL_SECONDS: Final = 12.0
"""Seconds from the head of a request until its tunnel is cut.

A service that sends a byte now and then would hold a thread of the sender for ever.
"""

MOST_BYTES: Final = 1 << 20
"""Bytes in one direction of a tunnel: a message and its answer are far smaller."""

TUNNELS: Final = 512
_CHUNK: Final = 16_384
_RESOLVERS: Final = 256
_RESOLVER_OPTIONS: Final = "timeout:2 attempts:2"
"""Options of the C library: a look-up takes a thread until the name server answers."""

_HOP: Final = frozenset({b"proxy-authorization", b"proxy-connection", b"connection"})


class RelayStart(Struct, frozen=True, kw_only=True):
    """The first message to the relay: its password, and the networks it may reach."""

    password: str
    networks: tuple[str, ...] = ()


class RelayAddress(Struct, frozen=True, kw_only=True):
    """The answer of the relay: the port on which it listens."""

    port: int


class NotRelayed(Exception):
    """A request that is refused, with the status of the refusal."""

    def __init__(self, status: int, reason: str) -> None:
        """Refuse with that status."""
        super().__init__(reason)
        self.status = status


class RequestHead(Struct, frozen=True, kw_only=True):
    """A request to the relay: its method, its target and its header lines."""

    method: str
    target: str
    lines: tuple[tuple[bytes, bytes], ...]

    @property
    def headers(self) -> Mapping[bytes, bytes]:
        """The headers by their names in small letters; the last one counts."""
        return {name.lower(): value for name, value in self.lines}


def parse_head(raw: bytes) -> RequestHead:
    """Return the head of a request. Raises `NotRelayed`."""
    first, *rest = raw.split(b"\r\n")
    words = first.split(b" ")
    if len(words) != 3:
        raise NotRelayed(400, "a request line has a method, a target and a version")
    lines = []
    for line in rest:
        name, colon, value = line.partition(b":")
        if not colon or not name.strip():
            raise NotRelayed(400, "a header line has a name and a value")
        lines.append((name.strip(), value.strip()))
    try:
        return RequestHead(
            method=words[0].decode("ascii"), target=words[1].decode("ascii"), lines=tuple(lines)
        )
    except UnicodeDecodeError:
        raise NotRelayed(400, "a request line is ASCII") from None


class Relay:
    """The relay's connections."""

    def __init__(self, start: RelayStart) -> None:
        """Accept requests with the password of the start."""
        expected = b64encode(f"{USER}:{start.password}".encode())
        self._authorization = b"Basic " + expected
        self._guard = AddressGuard(start.networks)
        self._tunnels = asyncio.Semaphore(TUNNELS)
        self._names = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="names")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection: one request, and then its tunnel."""
        try:
            async with self._tunnels:
                await self._serve(reader, writer)
        except NotRelayed as error:
            with suppress(OSError):
                writer.write(
                    f"HTTP/1.1 {error.status} Not relayed\r\nContent-Length: 0\r\n"
                    "Connection: close\r\n\r\n".encode()
                )
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # The client or the service has ended the connection.
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(HEAD_SECONDS):
            raw = await reader.readuntil(b"\r\n\r\n")
        head = parse_head(raw.removesuffix(b"\r\n\r\n"))
        authorization = head.headers.get(b"proxy-authorization", b"")
        if not hmac.compare_digest(authorization, self._authorization):
            raise NotRelayed(407, "the password is missing")
        async with asyncio.timeout(TUNNEL_SECONDS):
            await self._relay(head, reader, writer)

    async def _relay(
        self, head: RequestHead, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Connect to the target of a request, and copy until the service ends."""
        if head.method == "CONNECT":
            host, port = _authority(head.target)
            upstream = await self._connect(host, port)
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        else:
            url = self._plain(head.target)
            upstream = await self._connect(url.raw_host or "", url.port or 80)
            upstream[1].write(_origin_form(head, url))
        await _tunnel((reader, writer), upstream)

    def _plain(self, target: str) -> URL:
        """Return a plain http URL of a private network. Raises `NotRelayed`."""
        if not target.startswith("http://") or self._guard.check(target) is not None:
            raise NotRelayed(403, "plain http is for private networks that the settings name")
        return URL(target)

    async def _connect(
        self, host: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the first allowed address of a host. Raises `NotRelayed`."""
        addresses = await self._allowed(host, port)
        for address in addresses:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await asyncio.open_connection(address, port)
            except (OSError, TimeoutError):
                continue
        raise NotRelayed(502, "no address answers")

    async def _allowed(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                infos = await loop.run_in_executor(
                    self._names, socket.getaddrinfo, host, port, 0, socket.SOCK_STREAM
                )
        except (OSError, TimeoutError, UnicodeError):
            raise NotRelayed(502, "the name has no address") from None
        addresses = dict.fromkeys(str(info[4][0]) for info in infos)
        allowed = [address for address in addresses if self._guard.allows(address)]
        if not allowed:
            raise NotRelayed(403, "the address is not public")
        return allowed


def _authority(target: str) -> tuple[str, int]:
    """Return the host and port of a CONNECT request. Raises `NotRelayed`."""
    host, colon, port = target.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
        raise NotRelayed(400, "a CONNECT names a host and a port")
    host = host.removeprefix("[").removesuffix("]")
    if "%" in host:
        raise NotRelayed(403, "an address has no zone")
    with suppress(ValueError):
        host = str(ip_address(host))
    return host, int(port)


def _origin_form(head: RequestHead, url: URL) -> bytes:
    """Return a request as the service expects it, which ends its connection."""
    lines = [name + b": " + value for name, value in head.lines if name.lower() not in _HOP]
    target = url.raw_path_qs or "/"
    first = f"{head.method} {target} HTTP/1.1".encode()
    return b"\r\n".join([first, *lines, b"Connection: close", b"", b""])


async def _tunnel(
    client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    upstream: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    """Copy bytes both ways until the service ends its answer."""
    copies = [
        asyncio.create_task(_copy(upstream[0], client[1])),
        asyncio.create_task(_copy(client[0], upstream[1])),
    ]
    try:
        await asyncio.wait(copies[:1])
    finally:
        for copy in copies:
            copy.cancel()
        await asyncio.gather(*copies, return_exceptions=True)
        upstream[1].transport.abort()  # A service that does not read would keep it open.


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    rest = MOST_BYTES
    while True:
        chunk = await reader.read(min(_CHUNK, rest))
        if not chunk:
            break
        rest -= len(chunk)
        writer.write(chunk)
        await writer.drain()
        if not rest:
            raise OSError("the tunnel has carried all that it may")
    if writer.can_write_eof():
        writer.write_eof()


async def _run(pipe: Pipe, start: RelayStart) -> None:
    relay, ended = Relay(start), asyncio.Event()
    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0, limit=HEAD_BYTES)
    pipe.send(msgspec.json.encode(RelayAddress(port=server.sockets[0].getsockname()[1])))

    def wait_for_end() -> None:
        with suppress(EOFError, OSError):
            pipe.receive()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait_for_end, daemon=True).start()
    await ended.wait()
    server.close()


def run(pipe: Pipe) -> None:
    """Relay until the pipe ends."""
    try:
        start = nesting.decode(pipe.receive(), RelayStart)
        os.environ.setdefault("RES_OPTIONS", _RESOLVER_OPTIONS)
        asyncio.run(_run(pipe, start))
    except (EOFError, OSError, KeyboardInterrupt):
        return
