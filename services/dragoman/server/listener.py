"""The public address of a gateway: socket, certificate and identity provider.

async with listener.opened(settings, lifecycle, certificate) as door:
    ...                               # callers learn that the gateway starts
    running = await door.serve(service, stack, start, certificate)
"""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
import structlog
from aiohttp import web

from dragoman.api.auth.authentication import networks
from dragoman.api.auth.oidc import Provider
from dragoman.application.identity_provider import code_flow
from dragoman.application.identity_provider.code_flow import CodeFlow
from dragoman.application.service import Service
from dragoman.domain.record import nesting
from dragoman.eventlog.broker import BrokerError
from dragoman.lifecycle import Lifecycle
from dragoman.limits import JWKS_BYTES, REQUEST_SECONDS
from dragoman.server import starting
from dragoman.server.app import application, is_secure, rejection
from dragoman.server.connections import Connections, connections_room
from dragoman.server.tls import Certificate, is_in_clear
from dragoman.settings import Settings, SettingsError
from dragoman.supervision import StartTask

log = structlog.get_logger()


EXCHANGE_SECONDS: Final = 10.0
"""Seconds for a provider to answer to a code. The reader waits meanwhile."""


@dataclass(frozen=True, slots=True)
class RunningGateway:
    """A gateway that answers requests.

    `base_url` is its address for callers from outside. `own_url` is the address at
    which it listens itself. `settle` records every step of the deadlines
    that is due now.
    """

    service: Service
    base_url: str
    own_url: str
    app: web.Application
    settle: Callable[[], Awaitable[None]]


class PublicDoor:
    """The public address of a gateway.

    Until `serve` it says that the gateway starts, and how far it is. A door that is
    not open takes no connection until then.
    """

    def __init__(
        self, settings: Settings, connections: Connections, url: str, address: str, *, is_open: bool
    ) -> None:
        """Take connections that come at an address and are counted."""
        self._is_open = is_open
        self._settings = settings
        self._connections = connections
        self._address = address
        self.own_url = url

    async def serve(
        self,
        service: Service,
        stack: AsyncExitStack,
        start: StartTask,
        certificate: Certificate | None,
        settle: Callable[[], Awaitable[None]],
        routes: Sequence[web.RouteDef] = (),
    ) -> RunningGateway:
        """Let the application of a service answer from now on, until the stack closes.

        `settle` records the steps of deadlines that are due. The application has the
        further `routes` too.

        Raises `SettingsError` if the settings are not valid.
        """
        settings = self._settings
        base_url = settings.http.public_url or self.own_url
        providers = await _provider(settings, base_url, service, stack, start)
        app = application(service, settings, *providers)
        app.router.add_routes(routes)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=2.0)
        if certificate is not None:
            start(service.keep("certificate", certificate.keep_fresh))
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        stack.callback(self._connections.close)
        assert runner.server is not None
        answer = self._connections.serve if self._is_open else self._connections.start
        answer(runner.server, rejection(app))
        log.info("gateway.listening", url=base_url)
        if is_in_clear(settings.http, self._address):
            log.warning(
                "gateway.without_tls",
                url=self.own_url,
                do="name http.certificate and http.key, or put a proxy with TLS before it and "
                "set http.public_url: tokens cross the network in clear",
            )
        return RunningGateway(service, base_url, self.own_url, app, settle)


@asynccontextmanager
async def opened(
    settings: Settings,
    lifecycle: Lifecycle,
    certificate: Certificate | None,
    *,
    is_first: bool = True,
) -> AsyncIterator[PublicDoor]:
    """Yield the public address of a gateway, which answers at once that it starts.

    Where gateways share the port, only the first of them answers before it is ready:
    the others answer meanwhile.

    Raises `SettingsError` if the settings are not valid, and `BrokerError` if the
    address cannot be used.
    """
    app = starting.application(lifecycle, secure=is_secure(settings))
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.0)
    await runner.setup()
    is_shared = settings.http.gateways > 1
    is_open = is_first or not is_shared
    listener = bind(settings.http.host, settings.http.port, is_shared=is_shared)
    host, port = listener.getsockname()[:2]
    connections = Connections(
        listener,
        per_address=settings.budgets.connections,
        most=connections_room(),
        proxies=networks(settings.http.trusted_proxies),
        context=certificate.context if certificate else None,
        keepalive_timeout=settings.http.idle_s,
        access_log=None,
        auto_decompress=False,
    )
    assert runner.server is not None
    if is_open:
        connections.start(runner.server, starting.reject)
    try:
        scheme = "https" if certificate else "http"
        url = f"{scheme}://{settings.http.host}:{port}"
        yield PublicDoor(settings, connections, url, host, is_open=is_open)
    finally:
        connections.close()
        listener.close()
        await runner.cleanup()


def certificate_of(settings: Settings) -> Certificate | None:
    """Return the certificate that the settings name, if any. Raises `SettingsError`."""
    if settings.http.certificate is None and settings.http.key is None:
        return None
    return Certificate(*certificate_files(settings))


def certificate_files(settings: Settings) -> tuple[Path, Path]:
    """Return the files of the certificate and of its key. Raises `SettingsError`."""
    if settings.http.certificate is None or settings.http.key is None:
        raise SettingsError("http.certificate and http.key go together: name both, PEM files")
    return settings.http.certificate, settings.http.key


async def document(session: aiohttp.ClientSession, url: str) -> Any:
    """Return a JSON document of an identity provider.

    No more than `JWKS_BYTES` of it are read, and nothing compressed. Raises
    `ValueError` if it is no such document, and `OSError` if the provider cannot be
    reached.
    """
    try:
        async with session.get(url, allow_redirects=False) as response:
            if response.status != 200:
                raise ValueError(f"{url} answers {response.status}")
            raw = await _bounded(response)
        nesting.check(raw)
        return msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise ValueError(f"{url} gives no JSON: {error}") from None
    except (aiohttp.ClientError, TimeoutError) as error:
        raise OSError(f"{url}: {error or type(error).__name__}") from None


async def post_form(
    session: aiohttp.ClientSession, url: str, form: Mapping[str, str], headers: Mapping[str, str]
) -> tuple[int, bytes]:
    """Post a form to an identity provider; return the answer's status and body.

    No redirect is followed. Raises `ValueError` if the body has more than `JWKS_BYTES`,
    and `OSError` if the provider cannot be reached.
    """
    try:
        async with session.post(
            url,
            data=dict(form),
            headers=dict(headers),
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=EXCHANGE_SECONDS),
        ) as response:
            return response.status, await _bounded(response)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise OSError(f"{url}: {type(error).__name__}") from None


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    """Return a body of at most `JWKS_BYTES`. Raises `ValueError` for a longer one."""
    raw = bytearray()
    async for piece in response.content.iter_any():
        raw += piece
        if len(raw) > JWKS_BYTES:
            raise ValueError(f"{response.url} is larger than any such document")
    return bytes(raw)


async def _provider(
    settings: Settings, base_url: str, service: Service, stack: AsyncExitStack, start: StartTask
) -> tuple[Provider | None, CodeFlow | None]:
    """Return the provider of access tokens, and that of sign-ins, if there are any."""
    if settings.oidc.client_id:
        code_flow.check(settings.oidc, base_url)
    if not settings.oidc.issuer:
        return None, None
    session = await stack.enter_async_context(
        aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS),
            auto_decompress=False,
            headers={"Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
        )
    )
    provider = Provider(settings.oidc, partial(document, session))
    start(service.keep("oidc", provider.documents.run))
    if not settings.oidc.client_id:
        return provider, None
    return provider, CodeFlow(provider.documents, partial(post_form, session), base_url)


def bind(host: str, port: int, *, is_shared: bool = False) -> socket.socket:
    """Return a socket that is bound to an address.

    The port may be shared with other processes of this user: the kernel then spreads
    the connections. Raises `BrokerError`.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if is_shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise BrokerError(
            f"{host}:{port} cannot be listened on: {error.strerror}; "
            "choose another with --port, or 0 for a free one"
        ) from None
    return listener
