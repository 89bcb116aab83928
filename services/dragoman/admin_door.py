"""The operator's own address of a process: is it alive, started, ready; its metrics.

    GET /livez      200 at once, for as long as the event loop turns
    GET /startupz   200 once the service has started; before, 503 and how far it is
    GET /readyz     200 while requests should be sent here; else 503 and why not
    GET /healthz    200 while all is well; else 503 and what is not
    GET /metrics    the metrics for Prometheus (docs/metrics.md)

    async with admin_door.opened(settings, lifecycle) as door:
        door.check = conditions           # once there is something to ask
        door.measurements.append(measure)

It is open before the broker is there, and until the service has stopped. A page on the
Internet could give its own name the address of this machine, and read the metrics in
the operator's browser. So a request by a foreign name is refused (421). Its requests
are not in the log. It has no tokens, and names the channels that are not in order. So
it listens on loopback, or on a Unix socket, unless the settings say otherwise.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import msgspec
import structlog
from aiohttp import web

from dragoman import metrics
from dragoman.eventlog.broker import BrokerError
from dragoman.lifecycle import Lifecycle
from dragoman.readiness import STARTED, STAYS, health_of, readiness_of
from dragoman.settings import Admin, Settings
from dragoman_schemas.host_responses import Check, Health

log = structlog.get_logger()

PORTS: Final = {
    "up": 8479,
    "gateway": 8479,
    "scheduler": 8481,
    "notifier": 8482,
    "signer": 8483,
    "witness": 8484,
    "mirror": 8485,
}
"""The port of each service, if the settings name none."""

Conditions = Callable[[], Awaitable[Sequence[Check]]]
"""Returns the conditions of a service that serves."""

Measurement = Callable[[], Awaitable[None]]
"""Sets some gauges to what they are now. It is called whenever the metrics are read."""

_MEASURE_SECONDS: Final = 2.0
"""Seconds after which the metrics are shown with gauges that are not measured anew."""


class AdminDoor:
    """The state that the address shows.

    `check` is called once the service serves.
    """

    def __init__(self, lifecycle: Lifecycle) -> None:
        """Show a service that starts."""
        self._lifecycle = lifecycle
        self.check: Conditions | None = None
        self.measurements: list[Measurement] = []
        self.address = ""

    async def checks(self) -> Sequence[Check]:
        """Return the conditions of the service, or that it does not serve."""
        lifecycle = self._lifecycle
        if lifecycle.phase != "serving":
            name = STAYS if lifecycle.is_stopping else STARTED
            return (Check(name=name, ok=False, detail=str(lifecycle.status)),)
        return () if self.check is None else await self.check()

    def startup(self) -> Health:
        """Return whether the service has started, and else how far it is."""
        started = self._lifecycle.phase != "starting"
        detail = "" if started else str(self._lifecycle.status)
        return Health(
            status="ok" if started else "not ready",
            checks=(Check(name=STARTED, ok=started, detail=detail),),
        )

    async def exposition(self, accept: str) -> tuple[bytes, str]:
        """Measure the gauges, and return all metrics with their media type."""
        metrics.STARTED.set(self._lifecycle.phase != "starting")
        metrics.STOPPING.set(self._lifecycle.is_stopping)
        for measure in self.measurements:
            try:
                async with asyncio.timeout(_MEASURE_SECONDS):
                    await measure()
            except Exception as error:  # The other metrics are shown all the same.  # noqa: BLE001
                log.warning("metrics.not_measured", reason=f"{type(error).__name__}: {error}")
        return metrics.exposition(accept)


@asynccontextmanager
async def opened(settings: Settings, lifecycle: Lifecycle) -> AsyncIterator[AdminDoor]:
    """Yield the operator's address of a service, which answers at once.

    Raises `BrokerError` if the settings name an address that cannot be used. If the
    service's usual port is taken, which nobody asked for, a warning is logged instead.
    """
    door = AdminDoor(lifecycle)
    where = settings.admin
    if where.socket is None and where.port == 0:
        yield door
        return
    runner = web.AppRunner(
        _application(door, _names(settings)), access_log=None, handle_signals=False
    )
    await runner.setup()
    try:
        door.address = await _listen(runner, where, lifecycle.service)
        yield door
    finally:
        await runner.cleanup()
        if where.socket is not None:
            where.socket.unlink(missing_ok=True)


async def _listen(runner: web.AppRunner, where: Admin, service: str) -> str:
    if where.socket is not None:
        where.socket.unlink(missing_ok=True)
        try:
            await web.UnixSite(runner, str(where.socket)).start()
            where.socket.chmod(0o660)
        except OSError as error:
            raise BrokerError(
                f"admin.socket: {where.socket} cannot be listened on: {error.strerror}; name a "
                "path of at most 107 characters in a folder that this user may write"
            ) from None
        log.info("admin.listening", url=f"unix:{where.socket}")
        return f"unix:{where.socket}"
    port = PORTS[service] if where.port is None else where.port
    try:
        await web.TCPSite(runner, where.host, port).start()
    except OSError as error:
        if where.port is not None:
            raise BrokerError(
                f"admin.port: {where.host}:{port} cannot be listened on: "
                f"{error.strerror}; name another, or 0 for none"
            ) from None
        log.warning(
            "admin.not_listening",
            host=where.host,
            port=port,
            reason=str(error.strerror),
            do="name another port as admin.port for its probes and metrics, or 0 for none",
        )
        return ""
    family = runner.addresses[0]
    url = f"http://{_in_url(where.host)}:{family[1]}"
    log.info("admin.listening", url=url)
    return url


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _names(settings: Settings) -> frozenset[str]:
    """Return the names by which the operator may call the address."""
    public = urlsplit(settings.http.public_url).hostname or ""
    names = (settings.admin.host, *settings.admin.names, socket.gethostname(), public)
    return frozenset(name.lower() for name in names if name)


def is_ours(authority: str, names: frozenset[str]) -> bool:
    """Return whether a request's Host is an address, or a name of this machine.

    A page of the Internet has a name with a dot. Its browser sends that name, and never
    an address.
    """
    try:
        host = urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return False
    try:
        ip_address(host)
    except ValueError:
        host = host.removesuffix(".")
        return "." not in host or host.endswith(".localhost") or host in names
    return True


def _application(door: AdminDoor, names: frozenset[str]) -> web.Application:
    async def livez(_: web.Request) -> web.Response:
        return _answer(Health(status="ok"))

    async def startupz(_: web.Request) -> web.Response:
        return _answer(door.startup())

    async def readyz(_: web.Request) -> web.Response:
        return _answer(readiness_of(await door.checks()))

    async def healthz(_: web.Request) -> web.Response:
        return _answer(health_of(await door.checks()))

    async def show(request: web.Request) -> web.Response:
        body, media = await door.exposition(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": media})

    @web.middleware
    async def unknown(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.match_info.http_exception is not None:
            text = "Here are GET /livez, /startupz, /readyz, /healthz and /metrics.\n"
            return web.Response(status=request.match_info.http_exception.status, text=text)
        if not is_ours(request.headers.get("Host", ""), names):
            text = "This machine does not know that name: use its address, or add admin.names.\n"
            return web.Response(status=421, text=text)
        return await handler(request)

    app = web.Application(middlewares=[unknown])
    for path, handler in {
        "/livez": livez,
        "/startupz": startupz,
        "/readyz": readyz,
        "/healthz": healthz,
        "/metrics": show,
    }.items():
        app.router.add_get(path, handler)
    return app


def _answer(health: Health) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(health),
        status=200 if health.status == "ok" else 503,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
