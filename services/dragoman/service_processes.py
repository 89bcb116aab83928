"""The services that `dragoman up` runs as processes of their own, beside its gateway.

    up           the gateway, with the broker
     ├ scheduler   dragoman serve scheduler
     ├ notifier    dragoman serve notifier
     ├ signer      dragoman serve signer
     └ gateway-2   dragoman serve gateway --name gateway-2, on the same port

Each has its own interpreter, so that none of them delays a post. A process that ends by
itself is started again, and meanwhile counts as a failing task of the gateway. The
kernel tells the processes to stop when `up` dies.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import structlog

from dragoman.eventlog.broker import BrokerEndpoint, tie_to
from dragoman.lifecycle import Lifecycle
from dragoman.settings import Settings
from dragoman.supervision import StartTask, background_tasks

log = structlog.get_logger()

FIRST_GATEWAY: Final = "gateway"
"""The name of the gateway that runs in `up` itself."""

_STOP_SECONDS: Final = 10.0
"""Seconds for a process to stop, beside those for which a gateway serves on."""

_OF_THE_MANAGER: Final = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC")
"""Variables by which the service manager hears from `up`, and from no other process."""

KeepTask = Callable[[str, Callable[[], Awaitable[None]]], Awaitable[None]]
"""Runs a task for ever, and has the service say that the task fails."""


class ServiceEnded(Exception):
    """An error: the process of a service has ended by itself."""


class ServiceProcess:
    """One service as a process."""

    def __init__(self, name: str, arguments: list[str], environment: Mapping[str, str]) -> None:
        """Prepare the process of `dragoman` with these arguments."""
        self.name = name
        self._arguments = arguments
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False

    async def run(self) -> None:
        """Start the process, and wait until it ends.

        Raises `ServiceEnded` if nobody stopped it.
        """
        supervisor = os.getpid()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "dragoman", *self._arguments),
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=lambda: tie_to(supervisor),
        )
        self._process = process
        log.info("service.process_started", service=self.name, pid=process.pid)
        code = await process.wait()
        if not self._stopping:
            raise ServiceEnded(f"{self.name} has ended with code {code}")

    def send(self, number: int) -> None:
        """Send the process a signal, if it runs."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    def expect_end(self) -> None:
        """Do not start the process again once it ends."""
        self._stopping = True

    async def stop(self, seconds: float) -> None:
        """Stop the process, and kill it if it does not end within the seconds."""
        self.expect_end()
        self.send(signal.SIGTERM)
        if self._process is None:
            return
        try:
            await asyncio.wait_for(self._process.wait(), seconds)
        except TimeoutError:
            log.warning("service.process_killed", service=self.name)
            self.send(signal.SIGKILL)
            await self._process.wait()


@asynccontextmanager
async def running(
    settings: Settings,
    endpoint: BrokerEndpoint,
    lifecycle: Lifecycle,
    keep: KeepTask,
    *,
    url: str,
    config: Path | None,
) -> AsyncIterator[None]:
    """Run the services beside a gateway as long as the context lasts.

    `url` is the address at which the gateway listens. `config` is the settings file
    that was named on the command line.
    """
    processes = _processes(settings, endpoint, url, config)
    gateways = [process for process in processes if process.name.startswith(FIRST_GATEWAY)]

    def reload(_: Settings) -> None:
        for process in processes:
            process.send(signal.SIGHUP)

    def stop(number: signal.Signals) -> None:
        # A service manager may signal all processes at once, so each may end from now on.
        for process in processes:
            process.expect_end()
        # The further gateways serve on as long as this one does. The others stop last,
        # because acts are recorded until then.
        for gateway in gateways:
            gateway.send(number)

    lifecycle.reloads.append(reload)
    lifecycle.stops.append(stop)
    async with background_tasks() as start:
        _start(processes, keep, start)
        try:
            yield
        finally:
            seconds = settings.http.drain_s + _STOP_SECONDS
            await asyncio.gather(*(process.stop(seconds) for process in processes))


def _start(processes: list[ServiceProcess], keep: KeepTask, start: StartTask) -> None:
    async def kept(process: ServiceProcess) -> None:
        await keep(f"{process.name} process", process.run)

    for process in processes:
        start(kept(process))


def _processes(
    settings: Settings, endpoint: BrokerEndpoint, url: str, config: Path | None
) -> list[ServiceProcess]:
    services: dict[str, list[str]] = {}
    if settings.services == "apart":
        services |= {"scheduler": ["scheduler"], "notifier": ["notifier"]}
        if not settings.registrar.beside:
            services["signer"] = ["signer"]
    for number in range(2, settings.http.gateways + 1):
        name = f"{FIRST_GATEWAY}-{number}"
        port = url.rpartition(":")[2]
        services[name] = ["gateway", "--name", name, "--port", port, "--host", settings.http.host]
    return [
        ServiceProcess(name, ["serve", *arguments], _environment(settings, endpoint, name, config))
        for name, arguments in services.items()
    ]


def _environment(
    settings: Settings, endpoint: BrokerEndpoint, name: str, config: Path | None
) -> dict[str, str]:
    """Return the environment of a process, with the settings that `up` had from flags.

    An operator's address that the settings name is that of `up`. The process then has
    none, or a socket beside that of `up`.
    """
    admin = settings.admin
    environment = {key: os.environ[key] for key in os.environ.keys() - set(_OF_THE_MANAGER)}
    environment |= {
        "DRAGOMAN_DATA": str(settings.data),
        "DRAGOMAN_NATS__URL": endpoint.url,
        "DRAGOMAN_NATS__KEYS": str(endpoint.keys),
        "DRAGOMAN_LOG__FORMAT": settings.log.format,
        "DRAGOMAN_LOG__LEVEL": settings.log.level,
    }
    if config is not None:
        environment["DRAGOMAN_CONFIG"] = str(config)
    if admin.socket is not None:
        environment["DRAGOMAN_ADMIN__SOCKET"] = f"{admin.socket}.{name}"
    elif admin.port is not None or name.startswith(FIRST_GATEWAY):
        environment["DRAGOMAN_ADMIN__PORT"] = "0"
    return environment
