"""The gateway's connections: how many there may be, and how long one may stay silent.

    connections = Connections(listener, per_address=100, most=connections_room())
    connections.start(runner.server, reject)
    connections.serve(another.server, its_reject)     # for connections from now on

It also answers requests that are not valid HTTP. A connection without a request costs a
descriptor, and a process has few of them. aiohttp has no limit of its own. It also
answers what its parser rejects with the rejected bytes, which may contain a token.
"""

import asyncio
import resource
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address
from ssl import SSLContext
from typing import Any, Final, Protocol

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler

from dragoman.application.http.rate_limits import network_of
from dragoman.limits import (
    ACCEPTED_AT_ONCE,
    DESCRIPTORS_SHARE,
    FIRST_REQUEST_SECONDS,
    FULL_LINE_SECONDS,
)

log = structlog.get_logger()

_BACKLOG: Final = 128
_UNLIMITED: Final = 1_000_000
UNREAD_SECONDS: Final = 15.0
"""Seconds after which a client that reads nothing of its answer is cut off."""

CHECK_READERS_SECONDS: Final = 5.0
"""Seconds between two looks at the answers that are not read."""

_BYTES_ACKED: Final = slice(120, 128)
"""The place of `tcpi_bytes_acked` in the kernel's `struct tcp_info`."""

_AGAIN_SECONDS: Final = 1.0
"""The time to wait for the next connection if the process has no descriptor left."""


class Reject(Protocol):
    """A function that answers a request that never reached the application.

    It writes one log line, charges the address, and returns a problem document.
    """

    def __call__(
        self, request: web.BaseRequest, status: int, error: BaseException | None
    ) -> web.Response:
        """Return the answer."""


def connections_room() -> int:
    """Return the number of connections that a process may hold.

    It is three quarters of its descriptors. The rest is for the broker and for files.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return int((_UNLIMITED if soft == resource.RLIM_INFINITY else soft) * DESCRIPTORS_SHARE)


def _nothing() -> None:
    """Do nothing."""


def _acknowledged(transport: asyncio.Transport) -> int:
    """Return the number of bytes that the client's system has acknowledged."""
    connection = transport.get_extra_info("socket")
    information = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED.stop)
    return int.from_bytes(information[_BYTES_ACKED], sys.byteorder)


class Connection(RequestHandler):
    """One connection of a client.

    `reject` answers what its parser rejects. It is closed if no first request comes in
    time.
    """

    def __init__(
        self, server: web.Server, *, reject: Reject, lost: Callable[[], None], **settings: Any
    ) -> None:
        """Serve requests for a server. Call `lost` once the connection is closed."""
        super().__init__(server, **settings)
        self._reject = reject
        self._lost = lost
        self._due = self._loop.call_later(FIRST_REQUEST_SECONDS, self._close_if_silent)
        self._read_at = self._loop.time()
        self._unread = (0, 0)

    def close_if_unread(self) -> None:
        """Close the connection if its client has read nothing for `UNREAD_SECONDS`.

        What it does not read stays in memory. A slow client goes on reading.
        """
        if self.transport is None:
            return
        size, now = self.transport.get_write_buffer_size(), self._loop.time()
        unread = (size, _acknowledged(self.transport) if size else 0)
        if not size or unread[0] < self._unread[0] or unread[1] != self._unread[1]:
            self._read_at = now
        self._unread = unread
        if now - self._read_at >= UNREAD_SECONDS:
            self.transport.abort()

    def _close_if_silent(self) -> None:
        if not self._request_count:
            self.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Give the connection's place to another connection."""
        self.give_back()
        super().connection_lost(exc)

    def give_back(self) -> None:
        """Give the connection's place to another connection, once."""
        self._due.cancel()
        lost, self._lost = self._lost, _nothing
        lost()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer.

        An exception that aiohttp raised before it called the application becomes a
        problem document first.
        """
        if isinstance(resp, web.HTTPException):
            resp = self.handle_error(request, resp.status, resp)
        return await super().finish_response(request, resp, start_time)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer to an error outside the application.

        The message is not used, because it quotes the request.
        """
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        response = self._reject(request, status, exc)
        response.force_close()
        return response

    def log_exception(self, *_args: Any, exc_info: BaseException | None = None, **_: Any) -> None:
        """Log an error outside the application.

        The bytes that a parser's error quotes are not logged.
        """
        quotes = isinstance(exc_info, HttpProcessingError | web.RequestPayloadError)
        log.error(
            "connection.failed",
            error=type(exc_info).__name__,
            exc_info=None if quotes else exc_info,
        )


class Connections:
    """A listening socket whose connections are counted.

    It takes connections up to its limits, and closes all others at once.
    """

    def __init__(
        self,
        listener: socket.socket,
        *,
        per_address: int,
        most: int,
        proxies: Iterable[IPv4Network | IPv6Network] = (),
        context: SSLContext | None = None,
        **settings: Any,
    ) -> None:
        """Take at most `most` connections in all, and `per_address` from one address.

        Our own proxies stand for many addresses, so the limit of an address is not
        applied to them.
        """
        self._listener = listener
        self._per_address = per_address
        self._most = most
        self._proxies = tuple(proxies)
        self._context = context
        self._settings = settings
        self._open: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._handshakes: set[asyncio.Task[None]] = set()
        self._made: set[Connection] = set()
        self._checking: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._serving: tuple[web.Server, Reject] | None = None
        self._logged_at = -FULL_LINE_SECONDS

    def start(self, server: web.Server, reject: Reject) -> None:
        """Begin to take connections, and serve them by a server.

        `reject` answers what its parser rejects.
        """
        self._serving = server, reject
        self._listener.setblocking(False)
        self._listener.listen(_BACKLOG)
        self._loop.add_reader(self._listener, self._accept)
        self._check_readers()

    def serve(self, server: web.Server, reject: Reject) -> None:
        """Serve the connections from now on by another server."""
        self._serving = server, reject

    def close(self) -> None:
        """Take no further connections."""
        if self._serving is None:
            return
        self._loop.remove_reader(self._listener)
        self._serving = None
        self._listener.close()
        if self._checking is not None:
            self._checking.cancel()
        for task in self._handshakes:
            task.cancel()

    def _check_readers(self) -> None:
        """Close the connections whose clients do not read, again and again."""
        self._checking = self._loop.call_later(CHECK_READERS_SECONDS, self._check_readers)
        for connection in list(self._made):
            connection.close_if_unread()

    def _accept(self) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                connection, peer = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._pause(error)
                return
            self._take(connection, str(peer[0]))

    def _pause(self, error: OSError) -> None:
        """Stop accepting for a second, until a descriptor is free.

        Otherwise the listening socket would stay ready, and the loop would try without
        end.
        """
        self._tell("process", reason=str(error))
        self._loop.remove_reader(self._listener)
        self._loop.call_later(_AGAIN_SECONDS, self._resume)

    def _resume(self) -> None:
        if self._serving is not None:
            self._loop.add_reader(self._listener, self._accept)

    def _take(self, connection: socket.socket, address: str) -> None:
        key = network_of(address)
        full = "process" if self._open.total() >= self._most else ""
        if not full and self._open[key] >= self._per_address and not self._is_proxy(address):
            full = "address"
        if full or self._serving is None:
            connection.close()
            self._refused[full] += 1
            self._tell(full, address=address)
            return
        connection.setblocking(False)
        self._open[key] += 1
        task = self._loop.create_task(self._serve(*self._serving, connection, key))
        self._handshakes.add(task)
        task.add_done_callback(self._handshakes.discard)

    async def _serve(
        self, server: web.Server, reject: Reject, connection: socket.socket, key: str
    ) -> None:
        """Make a connection's transport. With TLS, this waits for the handshake."""
        protocol = Connection(
            server,
            reject=reject,
            lost=lambda: self._release(protocol, key),
            loop=self._loop,
            **self._settings,
        )
        is_made = False
        timeout = FIRST_REQUEST_SECONDS if self._context is not None else None
        try:
            await self._loop.connect_accepted_socket(
                lambda: protocol, connection, ssl=self._context, ssl_handshake_timeout=timeout
            )
            is_made = True
            self._made.add(protocol)
        except (OSError, TimeoutError, RuntimeError) as error:  # The client speaks no TLS or left.
            log.debug("connection.not_made", error=type(error).__name__)
        finally:
            if not is_made:
                protocol.give_back()
                connection.close()

    def _release(self, connection: Connection, key: str) -> None:
        self._made.discard(connection)
        self._open[key] -= 1
        if self._open[key] <= 0:
            del self._open[key]

    def _is_proxy(self, address: str) -> bool:
        try:
            result = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        return any(result in proxy for proxy in self._proxies)

    def _tell(self, full: str, **fields: object) -> None:
        """Log that connections are refused, in at most one line a minute."""
        now = self._loop.time()
        if full and now - self._logged_at >= FULL_LINE_SECONDS:
            self._logged_at = now
            log.warning(
                "connections.full",
                of=full,
                open=self._open.total(),
                most=self._most,
                most_of_an_address=self._per_address,
                refused=self._refused.total(),
                do="see who holds them; raise the limit of open files, or budgets.connections "
                "for a proxy or an office behind one address",
                **fields,
            )
