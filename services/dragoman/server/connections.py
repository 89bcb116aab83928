"""The gateway's connections: how many there may be, how long one may stay silent, and the answer to what is no HTTP.

    connections = Connections(app, per_address=100, most=connections_room(), ...)
    await Site(runner, listener, connections, ssl_context=context).start()

A connection that nobody sends a request on costs a descriptor, and a process has few of
them. aiohttp has no limit of its own, and answers what its parser rejects with the
rejected bytes, which may be a token.
"""

import asyncio
import resource
import socket
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

_UNLIMITED: Final = 1_000_000
_AGAIN_SECONDS: Final = 1.0
"""How long to wait before the next connection is taken where the process has no
descriptor left.
"""


class Reject(Protocol):
    """Answers a request that never reached the application: one log line, the address's budget, a problem document."""

    def __call__(
        self, request: web.BaseRequest, status: int, error: BaseException | None
    ) -> web.Response:
        """Return the answer."""


def connections_room() -> int:
    """Return how many connections a process may hold: three quarters of its descriptors. The rest is for the broker and for files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return int((_UNLIMITED if soft == resource.RLIM_INFINITY else soft) * DESCRIPTORS_SHARE)


def _nothing() -> None:
    """Do nothing."""


class Connection(RequestHandler):
    """One connection. What its parser rejects is answered by `reject`, and a first request must come in time."""

    def __init__(
        self, server: web.Server, *, reject: Reject, lost: Callable[[], None], **settings: Any
    ) -> None:
        """Serve requests for a server; call `lost` once the connection is closed."""
        super().__init__(server, **settings)
        self._reject = reject
        self._lost = lost
        self._due = self._loop.call_later(FIRST_REQUEST_SECONDS, self._close_if_silent)

    def _close_if_silent(self) -> None:
        if not self._request_count:
            self.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Give the connection's place to another."""
        self.give_back()
        super().connection_lost(exc)

    def give_back(self) -> None:
        """Give the connection's place to another, once."""
        self._due.cancel()
        lost, self._lost = self._lost, _nothing
        lost()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer; one that aiohttp raised before the application was asked becomes a problem document first."""
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
        """Return the answer to what failed outside of the application. The message is not used: it quotes the request."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        response = self._reject(request, status, exc)
        response.force_close()
        return response

    def log_exception(self, *_args: Any, exc_info: BaseException | None = None, **_: Any) -> None:
        """Log what failed outside of the application, without the bytes that a parser's error quotes."""
        quotes = isinstance(exc_info, HttpProcessingError | web.RequestPayloadError)
        log.error(
            "connection.failed",
            error=type(exc_info).__name__,
            exc_info=None if quotes else exc_info,
        )


class Connections:
    """Takes connections from a listening socket, as many as there may be, and closes the others at once."""

    def __init__(
        self,
        listener: socket.socket,
        *,
        reject: Reject,
        per_address: int,
        most: int,
        proxies: Iterable[IPv4Network | IPv6Network] = (),
        context: SSLContext | None = None,
        **settings: Any,
    ) -> None:
        """Take at most `most` connections, of which `per_address` from one address; own proxies stand for many addresses."""
        self._listener = listener
        self._reject = reject
        self._per_address = per_address
        self._most = most
        self._proxies = tuple(proxies)
        self._context = context
        self._settings = settings
        self._open: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._handshakes: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._server: web.Server | None = None
        self._told = -FULL_LINE_SECONDS

    def start(self, server: web.Server, backlog: int) -> None:
        """Begin to take connections for a server."""
        self._server = server
        self._listener.setblocking(False)
        self._listener.listen(backlog)
        self._loop.add_reader(self._listener, self._accept)

    def close(self) -> None:
        """Take no further connections."""
        self._loop.remove_reader(self._listener)
        self._server = None
        self._listener.close()
        for task in self._handshakes:
            task.cancel()

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
        """Wait for a descriptor: the listening socket stays ready meanwhile, and would be asked in vain without end."""
        self._tell("process", reason=str(error))
        self._loop.remove_reader(self._listener)
        self._loop.call_later(_AGAIN_SECONDS, self._resume)

    def _resume(self) -> None:
        if self._server is not None:
            self._loop.add_reader(self._listener, self._accept)

    def _take(self, connection: socket.socket, address: str) -> None:
        key = network_of(address)
        full = "process" if self._open.total() >= self._most else ""
        if not full and self._open[key] >= self._per_address and not self._is_proxy(address):
            full = "address"
        if full or self._server is None:
            connection.close()
            self._refused[full] += 1
            self._tell(full, address=address)
            return
        connection.setblocking(False)
        self._open[key] += 1
        task = self._loop.create_task(self._serve(self._server, connection, key))
        self._handshakes.add(task)
        task.add_done_callback(self._handshakes.discard)

    async def _serve(self, server: web.Server, connection: socket.socket, key: str) -> None:
        """Make a connection's transport; with TLS this waits for the handshake."""
        protocol = Connection(
            server,
            reject=self._reject,
            lost=lambda: self._release(key),
            loop=self._loop,
            **self._settings,
        )
        made = False
        timeout = FIRST_REQUEST_SECONDS if self._context is not None else None
        try:
            await self._loop.connect_accepted_socket(
                lambda: protocol, connection, ssl=self._context, ssl_handshake_timeout=timeout
            )
            made = True
        except (OSError, TimeoutError, RuntimeError) as error:  # no TLS, or gone already
            log.debug("connection.not_made", error=type(error).__name__)
        finally:
            if not made:
                protocol.give_back()
                connection.close()

    def _release(self, key: str) -> None:
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
        """Log that connections are refused: one line a minute, however many there are."""
        now = self._loop.time()
        if full and now - self._told >= FULL_LINE_SECONDS:
            self._told = now
            log.warning(
                "connections.full",
                of=full,
                open=self._open.total(),
                most=self._most,
                most_of_an_address=self._per_address,
                refused=self._refused.total(),
                do="see who holds them; raise the limit of open files, or budgets.connections for a proxy or an office behind one address",
                **fields,
            )


class Site(web.BaseSite):
    """Where a runner listens: on a socket whose connections are counted."""

    def __init__(
        self,
        runner: web.AppRunner,
        listener: socket.socket,
        connections: Connections,
        *,
        secure: bool,
    ) -> None:
        """Listen on a bound socket."""
        super().__init__(runner)
        host, port = listener.getsockname()[:2]
        self._url = f"{'https' if secure else 'http'}://{host}:{port}"
        self._connections = connections

    @property
    def name(self) -> str:
        """The URL that it listens at."""
        return self._url

    async def start(self) -> None:
        """Begin to listen."""
        await super().start()
        server = self._runner.server
        assert server is not None
        self._connections.start(server, self._backlog)

    async def stop(self) -> None:
        """Take no further connections; the runner closes those that are open."""
        self._connections.close()
        await super().stop()
