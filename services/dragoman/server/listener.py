"""The HTTP listener of a gateway: socket, certificate and identity provider.

`listen` makes the application of a service answer. It closes with the stack that it is
given.
"""

import socket
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import structlog
from aiohttp import web

from dragoman.api.auth.authentication import networks
from dragoman.api.auth.oidc import Provider
from dragoman.application.service import Service
from dragoman.domain.record import nesting
from dragoman.eventlog.broker import BrokerError
from dragoman.limits import JWKS_BYTES, REQUEST_SECONDS
from dragoman.server.app import application, rejection
from dragoman.server.connections import Connections, Site, connections_room
from dragoman.server.tls import Certificate, is_in_clear
from dragoman.settings import Settings, SettingsError
from dragoman.supervision import StartTask

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RunningGateway:
    """A gateway that answers requests.

    `base_url` is its address for callers from outside. `own_url` is the address at
    which it listens itself.
    """

    service: Service
    base_url: str
    own_url: str


async def listen(
    settings: Settings, service: Service, stack: AsyncExitStack, start: StartTask
) -> RunningGateway:
    """Listen for requests, and return the running gateway.

    Raises `SettingsError` if the settings are not valid, and `BrokerError` if the
    address cannot be used.
    """
    app = application(service, settings, await _provider(settings, service, stack, start))
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=2.0)
    certificate = None
    if settings.http.certificate is not None or settings.http.key is not None:
        certificate = Certificate(*certificate_files(settings))
        start(service.keep("certificate", certificate.keep_fresh))
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    listener = _bind(settings.http.host, settings.http.port)
    port = listener.getsockname()[1]
    connections = Connections(
        listener,
        reject=rejection(app),
        per_address=settings.budgets.connections,
        most=connections_room(),
        proxies=networks(settings.http.trusted_proxies),
        context=certificate.context if certificate else None,
        keepalive_timeout=settings.http.idle_s,
        access_log=None,
        auto_decompress=False,
    )
    await Site(runner, listener, connections, secure=certificate is not None).start()
    own_url = f"{'https' if certificate else 'http'}://{settings.http.host}:{port}"
    base_url = settings.http.public_url or own_url
    log.info("gateway.listening", url=base_url)
    if is_in_clear(settings.http, listener.getsockname()[0]):
        log.warning(
            "gateway.without_tls",
            url=own_url,
            do="name http.certificate and http.key, or put a proxy with TLS before it and "
            "set http.public_url: tokens cross the network in clear",
        )
    return RunningGateway(service, base_url, own_url)


def certificate_files(settings: Settings) -> tuple[Path, Path]:
    """Return the files of the certificate and of its key. Raises `SettingsError`."""
    if settings.http.certificate is None or settings.http.key is None:
        raise SettingsError("http.certificate and http.key go together: name both, PEM files")
    return settings.http.certificate, settings.http.key


async def _provider(
    settings: Settings, service: Service, stack: AsyncExitStack, start: StartTask
) -> Provider | None:
    if not settings.oidc.issuer:
        return None
    session = await stack.enter_async_context(
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS))
    )

    async def fetch(url: str) -> Any:
        try:
            async with session.get(url, allow_redirects=False) as response:
                if response.status != 200:
                    raise ValueError(f"{url} answers {response.status}")
                raw = await response.read()
                if len(raw) > JWKS_BYTES:
                    raise ValueError(f"{url} is larger than any such document")
                nesting.check(raw)
                return msgspec.json.decode(raw)
        except msgspec.DecodeError as error:
            raise ValueError(f"{url} gives no JSON: {error}") from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OSError(f"{url}: {error or type(error).__name__}") from None

    provider = Provider(settings.oidc, fetch)
    start(service.keep("oidc", provider.run))
    return provider


def _bind(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to an address. Raises `BrokerError`."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise BrokerError(
            f"{host}:{port} cannot be listened on: {error.strerror}; "
            "choose another with --port, or 0 for a free one"
        ) from None
    return listener
