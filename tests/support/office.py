"""A whole gateway in this process: `dragoman up`, on a broker in memory, with a clock that a test sets.

    office = Office(folder, demo=True)
    office.base_url, office.token("nato/officer")          as a `Service` has them
    office.run("show", number)                             a command, called in this process
    office.set(moment)                                     let it be that time now
    office.settle()                                        let every deadline that is due fall
    office.person("nato/officer").open("/c/nato-china")    somebody with a browser without scripts
    office.api("nato/officer", lambda nato: nato.open(NOTE))    somebody with a program, by the API
    office.stop()

It runs its own event loop in a thread, so tests may be written either way, and it answers by real
HTTP on loopback. Everything is our own code, from the settings to the scheduler, the notifier and
the signer; only the broker is in memory (`memory_broker`). Tests of processes, signals, disks and
the broker itself need a `Service`.
"""

import asyncio
import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from unittest import mock

import aiohttp

import kept_templates
from dragoman import bootstrap, data_directory, service_factory
from dragoman.application.clock import AdjustableClock, utc_now
from dragoman.cli import app, demo, errors
from dragoman.cli.serve import read_settings
from dragoman.eventlog.broker import BrokerEndpoint
from dragoman.eventlog.stream_config import PREFIX, channel_of
from dragoman.lifecycle import Lifecycle
from dragoman.projection import writer, writer_queue
from dragoman.projection.store import Store
from dragoman.server.listener import RunningGateway
from dragoman.stores import signed_heads
from dragoman.worker_process import Pipe, WorkerProcess
from memory_broker import MemoryBroker
from patience import PATIENCE_S
from person import Person
from service import AMPLE, Caller

T = TypeVar("T")

_ALONE = threading.Lock()
"""Held while the environment or the standard streams are those of one office."""


class TickingClock(AdjustableClock):
    """A clock that goes on from the time that it was set to."""

    def __init__(self) -> None:
        super().__init__()
        self._off = timedelta()

    @property
    def is_set(self) -> bool:
        return bool(self._off)

    def set(self, moment: datetime) -> None:
        self._off = moment - utc_now()

    def release(self) -> None:
        self._off = timedelta()

    def now(self) -> datetime:
        return utc_now() + self._off

    def ago(self, seconds: float) -> datetime:
        return self.now() - timedelta(seconds=seconds)


class WorkerThread:
    """The projection's writer as a thread: a process costs more than all that an office does."""

    def __init__(self, module: str, *arguments: str) -> None:
        assert module == writer.__name__
        (theirs_in, sending), (receiving, theirs_out) = os.pipe(), os.pipe()
        self.wire = Pipe(receiving, sending)
        self._thread = threading.Thread(
            target=writer.commit_on, args=(Pipe(theirs_in, theirs_out), *arguments), daemon=True
        )
        self._thread.start()
        self.pid = os.getpid()

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    @property
    def processor_ticks(self) -> int:
        """A number that rises: a thread is never killed for standing still."""
        return time.monotonic_ns()

    def end(self) -> None:
        self.wire.close()
        self._thread.join(PATIENCE_S)

    kill = end


def _worker(module: str, file: str, *arguments: str) -> WorkerProcess | WorkerThread:
    """Start the writer of a file, as a thread if an office has the file."""
    kind = WorkerThread if Path(file) in _FILES else WorkerProcess
    return kind(module, file, *arguments)


_FILES: set[Path] = set()
"""The projections of offices."""

vars(writer_queue)["WorkerProcess"] = _worker
kept_templates.keep()


class _NoCheck:
    """The check of a projection that goes on beside a gateway: nobody changes an office's file."""

    def __init__(self, store: Store) -> None:
        del store

    async def run(self) -> None:
        await asyncio.Event().wait()


class Office:
    """A gateway with all its services. Settings come from `environment`, and from the file `config`
    if there is one, as they do for a process. A `station` is that of data that have joined a host.
    """

    def __init__(
        self,
        data: Path,
        *,
        demo: bool = False,
        environment: Mapping[str, str] | None = None,
        config: Path | None = None,
        station: bool = False,
    ) -> None:
        self.data = data
        self.is_station = station
        self.environment = {**AMPLE, **(environment or {})}
        self.config = config
        self.broker = MemoryBroker(data / "keys")
        self.clock = TickingClock()
        self.base_url = ""
        self.port = 0
        self.running: RunningGateway
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread | None = None
        if demo:
            data, self.broker = _demonstration()
            shutil.copytree(data, self.data, ignore=shutil.ignore_patterns(data_directory.FILE))
            self.broker = self.broker.copy(self.data / "keys")
        self.start()
        if demo:
            seeded = {**self.demo, "base_url": self.base_url}
            (self.data / "demo.json").write_text(json.dumps(seeded))

    # Its life

    def start(self) -> None:
        """Start, and wait until it is ready."""
        started: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        started.result(PATIENCE_S)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop, as SIGTERM stops a service; no other signal can be sent."""
        assert number == signal.SIGTERM
        if self._thread is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(PATIENCE_S)
        return 0

    def restart(self, number: int = signal.SIGTERM) -> None:
        """Stop and start on the same data and the same broker."""
        self.stop(number)
        self.start()

    def _run(self, started: Future[None]) -> None:
        with asyncio.Runner() as runner:
            try:
                runner.run(self._serve(started))
            except BaseException as error:
                if started.done():
                    raise
                started.set_exception(error)

    async def _serve(self, started: Future[None]) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        with _environment(self.environment):
            settings = read_settings(self.config, {"data": self.data, "http__port": self.port})
        bootstrap.initialise(self.data)
        lifecycle = Lifecycle("up")
        async with contextlib.AsyncExitStack() as stack:
            _FILES.add(settings.data / "projection" / "gateway.sqlite")
            with mock.patch.object(service_factory, "IntegrityCheck", _NoCheck):
                self.running = await stack.enter_async_context(
                    bootstrap.gateway(
                        settings,
                        self.endpoint,
                        lifecycle,
                        whole=True,
                        clock=self.clock,
                        station=bootstrap.station_of(settings) if self.is_station else None,
                    )
                )
            self.base_url = self.running.base_url
            (self.data / "server.json").write_text(json.dumps({"base_url": self.base_url}))
            started.set_result(None)
            await self._stopping.wait()
            lifecycle.ending.set()

    def do(self, work: Awaitable[T]) -> T:
        """Do something on the gateway's own loop, and return the result."""

        async def done() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result(PATIENCE_S)

    def signal_broker(self, number: int) -> None:
        """Let the broker stand still (SIGSTOP), or go on (SIGCONT), as these signals do."""
        does = {signal.SIGSTOP: self.broker.stand_still, signal.SIGCONT: self.broker.go_on}
        self._loop.call_soon_threadsafe(does[signal.Signals(number)])

    # Its time

    def set(self, moment: datetime) -> None:
        """Let it be that time now."""
        self.clock.set(moment)

    def settle(self) -> None:
        """Record every step of the deadlines that is due now."""
        self.do(self.running.settle())

    async def watched(self) -> None:
        """The same, for tests that have a loop themselves."""
        await asyncio.to_thread(self.settle)

    # Its people

    @property
    def endpoint(self) -> BrokerEndpoint:
        """The broker in memory, to connect to."""
        return self.broker  # type: ignore[return-value]  # it stands for one

    @property
    def demo(self) -> dict[str, Any]:
        """The data that the demonstration wrote."""
        written: dict[str, Any] = json.loads((self.data / "demo.json").read_text())
        return written

    def token(self, name: str) -> str:
        """A token of the demonstration, by `side/role`."""
        return str(self.demo["tokens"][name])

    @property
    def operator(self) -> str:
        """The operator's token."""
        return (self.data / "operator.token").read_text()

    def person(self, name: str = "", language: str = "en") -> Person:
        """Somebody at a browser, signed in, or nobody."""
        token = self.operator.strip() if name == "operator" else self.token(name) if name else ""
        return Person(self.base_url, token, language)

    def api(self, name: str, work: Callable[[Caller], Awaitable[T]]) -> T:
        """Let somebody call the API, and return what came of it."""

        async def call() -> T:
            async with aiohttp.ClientSession() as session:
                return await work(Caller(session, self, name))

        return asyncio.run(call())

    def run(
        self, *arguments: str, stdin: str = "", check: int | None = 0, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Call the command line against this gateway, in this process."""
        own = {"DRAGOMAN_DATA": str(self.data), "XDG_CONFIG_HOME": str(self.data.parent / "home")}
        done = called([*map(str, arguments)], stdin, {**own, **environment})
        assert check is None or done.returncode == check, (
            done.returncode,
            done.stdout,
            done.stderr,
        )
        return done


def called(
    arguments: list[str], stdin: str, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Call `dragoman` as `cli.main` does, in a thread without an event loop."""
    out, err = io.StringIO(), io.StringIO()

    def command() -> int:
        try:
            code = app(
                arguments, exit_on_error=False, print_error=True, result_action="return_value"
            )
        except SystemExit as error:
            if isinstance(error.code, str):
                sys.stderr.write(f"{error.code}\n")
                return 1
            return error.code or 0
        except BaseException as error:  # as the outermost handler  # noqa: BLE001
            reported = errors.report(error)
            if reported is None:
                errors.trace(error)
            return 1 if reported is None else reported
        return code if isinstance(code, int) else 0

    result: Future[int] = Future()
    with (
        _environment(environment),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        _stdin(stdin),
    ):
        thread = threading.Thread(target=lambda: result.set_result(command()), daemon=True)
        thread.start()
        code = result.result(PATIENCE_S)
    return subprocess.CompletedProcess(
        ["dragoman", *arguments], code, out.getvalue(), err.getvalue()
    )


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    with _ALONE:
        before = {name: os.environ.get(name) for name in values}
        os.environ.update(values)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


@contextlib.contextmanager
def _stdin(text: str) -> Iterator[None]:
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(text.encode()))
    try:
        yield
    finally:
        sys.stdin = before


@cache
def _made() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="demonstration-")


@cache
def _demonstration() -> tuple[Path, MemoryBroker]:
    """The demonstration, made once in a process; every other office with it begins as a copy."""
    data = Path(_made().name) / "data"
    office = Office(data)
    office.do(demo.seed(data, office.base_url, office.base_url, None))
    office.settle()
    until = time.monotonic() + PATIENCE_S
    while not _is_sealed(office.broker):
        assert time.monotonic() < until, "the heads of the demonstration are not signed"
        time.sleep(0.02)
    office.stop()
    return data, office.broker


def _is_sealed(broker: MemoryBroker) -> bool:
    """Return whether every log has a signed head of all its records."""
    ends = {
        channel_of(name): stream.last
        for name, stream in broker.streams.items()
        if name.startswith(PREFIX)
    }
    seals = broker.streams.get(signed_heads.STREAM)
    if seals is None:
        return False
    notes = {
        subject.rpartition(".")[2]: seals.messages[seq].data
        for subject, seq in [*seals.newest.items()]
    }
    return ends == {channel: int(note.split(b"\n")[1]) for channel, note in notes.items()}
