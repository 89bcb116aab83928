"""The life of a service from its start to its stop.

    starting    the broker is awaited, copies are restored, logs are read
    serving     everything works
    stopping    the service says that it is not ready, serves on for a while so that a
                proxy notices, and then ends

    lifecycle = Lifecycle("gateway")
    lifecycle.begins(sentence("reading the logs"), lambda: (12, 300))
    lifecycle.serves()
    await lifecycle.until_stopped(drain_s=5.0)

SIGTERM and SIGINT stop a service, and SIGHUP reloads what can be changed while it runs.
A second signal ends the wait. systemd gets messages through its notification socket
(sd_notify(3)): READY, STATUS, STOPPING, RELOADING, and the heartbeats of its watchdog,
which the event loop sends. Without that socket nothing is sent.
"""

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Literal

import structlog

from dragoman import telemetry
from dragoman.settings import Settings, SettingsError
from dragoman.supervision import cancel_until_ended
from dragoman.text import Text, sentence

log = structlog.get_logger()

Phase = Literal["starting", "serving", "stopping"]

HowFar = Callable[[], tuple[int, int]]
"""Returns how many parts of a step are done, and of how many; zeros if unknown."""

_STATUS_SECONDS: Final = 1.0
_MICROSECONDS: Final = 1_000_000


def _unknown() -> tuple[int, int]:
    return 0, 0


class Lifecycle:
    """The phase of a service, and the reason for which it stops."""

    def __init__(self, service: str, read_settings: Callable[[], Settings] | None = None) -> None:
        """Begin to start.

        `service` is the name of the service, for the log. `read_settings` reads the
        settings again, for SIGHUP.
        """
        self.service = service
        self._read_settings = read_settings
        self.phase: Phase = "starting"
        self.reloads: list[Callable[[Settings], None]] = []
        self.checks: list[Callable[[Settings], object]] = []
        self.stops: list[Callable[[signal.Signals], None]] = []
        self.ending = asyncio.Event()
        self._step, self._how_far = sentence("starting"), _unknown
        self._signal: signal.Signals | None = None
        self._asked = asyncio.Event()
        self._hurried = asyncio.Event()
        self._since = time.monotonic()
        self._told = ""
        self._untold: list[str] = []

    # What it does now

    def begins(self, step: Text, how_far: HowFar = _unknown) -> None:
        """Note what the start is doing now."""
        self._step, self._how_far = step, how_far
        log.debug("service.starting", service=self.service, step=str(step))

    def serves(self) -> None:
        """Note that everything works. The service manager learns that it is ready."""
        if self.phase != "starting":
            return
        self.phase = "serving"
        seconds = round(time.monotonic() - self._since, 1)
        log.info("service.ready", service=self.service, seconds=seconds)
        self._notify("READY=1\nSTATUS=serving")

    @property
    def status(self) -> Text:
        """The state in a few words; while the service starts, its progress."""
        if self.phase != "starting":
            return sentence("serving") if self.phase == "serving" else sentence("stopping")
        done, of = self._how_far()
        if not of:
            return self._step
        return sentence("%(step)s: %(done)s of %(of)s", step=self._step, done=done, of=of)

    @property
    def is_stopping(self) -> bool:
        """Return whether the service was asked to stop."""
        return self.phase == "stopping"

    # Signals

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Handle signals, and tell the service manager, as long as the context lasts.

        A service that is stopped while it starts is cancelled.
        """
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def stop(number: signal.Signals) -> None:
            if self._signal is not None:
                self._hurried.set()
                return
            self._signal = number
            was, self.phase = self.phase, "stopping"
            self._since = time.monotonic()
            log.info("service.stopping", service=self.service, signal=number.name)
            self._notify(f"STOPPING=1\nSTATUS=stopping after {number.name}")
            for pass_on in self.stops:
                pass_on(number)
            self._asked.set()
            if was == "starting":
                task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop, number)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        telling = asyncio.create_task(self._tell())
        try:
            yield
        except asyncio.CancelledError:
            if self._signal is None:
                raise
            task.uncancel()
        finally:
            await cancel_until_ended([telling])
            self._tell_the_rest()
            if self._signal is not None:
                seconds = round(time.monotonic() - self._since, 1)
                log.info("service.stopped", service=self.service, seconds=seconds)

    async def until_stopped(self, drain_s: float = 0.0) -> None:
        """Wait for a signal, and after SIGTERM `drain_s` seconds more.

        `ending` is set at the end: streams end then. A second signal, or SIGINT from a
        terminal, ends the wait.
        """
        await self._asked.wait()
        if self._signal is signal.SIGTERM and drain_s > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(drain_s):
                    await self._hurried.wait()
        self.ending.set()

    def _reload(self) -> None:
        """Take over from the settings what can be changed while the service runs."""
        self._notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            if self._read_settings is not None:
                settings = self._read_settings()
                for check in self.checks:
                    check(settings)
                telemetry.set_level(settings.log.level)
                for reload in self.reloads:
                    reload(settings)
        except SettingsError as error:
            log.error(
                "settings.not_reloaded",
                reason=str(error),
                do="correct that, and send SIGHUP again; nothing was taken over",
            )
        else:
            log.info(
                "settings.reloaded", taken="log.level, certificates and witnesses; no other setting"
            )
        self._notify("READY=1")

    async def _tell(self) -> None:
        """Tell the service manager how far the start is, and that the loop turns."""
        period = watchdog_seconds()
        wait = min(period / 2, _STATUS_SECONDS) if period else _STATUS_SECONDS
        while True:
            self._tell_the_rest()
            if period:
                notify("WATCHDOG=1")  # the next one will do, if this one is not taken
            status = str(self.status)
            is_news = self.phase == "starting" and status != self._told
            if is_news and notify(f"STATUS={status}"):
                self._told = status
            await asyncio.sleep(wait)

    def _notify(self, state: str) -> None:
        """Tell the service manager a step, now or as soon as it takes one."""
        self._untold.append(state)
        self._tell_the_rest()

    def _tell_the_rest(self) -> None:
        while self._untold and notify(self._untold[0]):
            del self._untold[0]


def notify(state: str) -> bool:
    """Send a state to the service manager, if one started this process.

    `state` has lines `NAME=value`. A socket whose name begins with `@` is abstract.
    Returns False if the manager has to read earlier states first. It never waits for
    that, because a post would wait too.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return True
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        try:
            sender.sendto(state.encode(), "\0" + address[1:] if address[0] == "@" else address)
        except BlockingIOError:
            return False
        except OSError:
            return True  # nobody is there
    return True


def watchdog_seconds(environ: Any = os.environ) -> float:
    """Return the seconds within which the watchdog expects a heartbeat, or 0."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    try:
        return max(0, int(environ.get("WATCHDOG_USEC", "0"))) / _MICROSECONDS
    except ValueError:
        return 0.0
