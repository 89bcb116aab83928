"""The programs that the bench runs: the service, the bare one, and those that measure them."""

import importlib.util
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dragoman.settings import BudgetSettings, Settings

HERE: Final = Path(__file__).parent
CHANNEL: Final = "nato-china"
_DRAGOMAN: Final = str(Path(sys.executable).with_name("dragoman"))
_TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")
_START_SECONDS: Final = 60.0
_RUN_SECONDS: Final = 120.0
_STOP_SECONDS: Final = 60.0

Numbers = dict[str, Any]


class Failed(Exception):
    """A part of the bench cannot go on; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running program with a broker of its own: where it listens, its process, its data, and who
    calls it.

    `ready_s` is how long it took to its first answer. The poster is a duty officer of one side, the
    reader of the other.
    """

    name: str
    base_url: str
    pid: int
    ready_s: float
    data: Path
    poster: Path
    reader: Path

    @property
    def channel_url(self) -> str:
        """The channel's URL."""
        return f"{self.base_url}/v1/channels/{CHANNEL}"

    @property
    def broker_pid(self) -> int:
        """The process of its broker."""
        return int((self.data / "nats" / "ports" / "nats-server.pid").read_text())

    @property
    def uses(self) -> Numbers:
        """Return the resources that its processes have used until now: the server, the writer of
        its projection if it has one, and its broker.
        """
        children = {
            int(pid)
            for each in Path(f"/proc/{self.pid}/task").glob("*/children")
            for pid in each.read_text().split()
        }
        writers = children - {self.broker_pid}
        writer = {"writer": used(writers.pop())} if writers else {}
        return {"server": used(self.pid), "broker": used(self.broker_pid), **writer}


def used(pid: int) -> Numbers:
    """A process's processor time until now, and its resident memory now and at its highest."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    megabytes = {
        name: round(int(status[field].split()[0]) / 1024, 1)
        for name, field in (("now_mb", "VmRSS"), ("peak_mb", "VmHWM"))
    }
    return {"cpu_s": (int(after_name[11]) + int(after_name[12])) * _TICK_S, **megabytes}


def spent(pid: int) -> float:
    """Return the processor seconds of a process and of all that it started."""
    try:
        ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]
        tasks = list(Path(f"/proc/{pid}/task").glob("*/children"))
        children = [int(child) for task in tasks for child in task.read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(map(int, ticks)) * _TICK_S + sum(map(spent, children))


_AMPLE = {
    f"DRAGOMAN_BUDGETS__{name.upper()}": "10000000" for name in BudgetSettings.__struct_fields__
}
"""Budgets are asked, and never used up: a handful of officers here post what a thousand would."""


def environment(*, ample: bool = True) -> dict[str, str]:
    """Ours, with no settings of the service but ample budgets, if so; programs do not hold back
    what they print.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DRAGOMAN_")}
    return {**kept, **(_AMPLE if ample else {}), "PYTHONUNBUFFERED": "1"}


@contextmanager
def running(
    command: list[str], log: Path, *, start_seconds: float = _START_SECONDS, ample: bool = True
) -> Iterator[tuple[int, str]]:
    """A program that prints its URL first, its process and the URL; asked to stop at the end, and
    made to if it does not.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            cwd=log.parent,
            env=environment(ample=ample),
            text=True,
            start_new_session=True,
        )
        try:
            yield process.pid, _first_line(process, log, start_seconds)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _first_line(process: subprocess.Popen[str], log: Path, seconds: float) -> str:
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        line = process.stdout.readline().strip() if selector.select(seconds) else ""
    if not line:
        raise Failed(
            f"{process.args!r} did not start:\n"
            + "\n".join(log.read_text(errors="replace").splitlines()[-10:])
        )
    return line


def result(program: str, *arguments: object, seconds: float = _RUN_SECONDS) -> Numbers:
    """Run a program of this folder and return the JSON that it prints."""
    return finished(started(program, *arguments), seconds)


def started(program: str, *arguments: object) -> subprocess.Popen[str]:
    """A program of this folder, begun; `finished` gives what it prints."""
    command = [sys.executable, str(HERE / program), *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    )


def finished(process: subprocess.Popen[str], seconds: float = _RUN_SECONDS) -> Numbers:
    """Wait until the program has ended and return the JSON that it printed."""
    try:
        printed, errors = process.communicate(timeout=seconds)
    except BaseException:
        process.kill()
        process.wait()
        raise
    if process.returncode != 0:
        raise Failed(f"{process.args!r} failed:\n{errors[-2000:]}")
    found: Numbers = json.loads(printed)
    return found


# The service


@contextmanager
def service(
    data: Path, *flags: str, start_seconds: float = _START_SECONDS, ample: bool = True
) -> Iterator[Server]:
    """`dragoman up` on these data; those of a demonstration know who calls. Budgets are `ample`, or
    as they are by default.
    """
    command = [
        _DRAGOMAN,
        "up",
        "--data",
        str(data),
        "--port",
        "0",
        "--log-format",
        "json",
        "--log-level",
        "info",
        *flags,
    ]
    begin = time.perf_counter()
    with running(command, data.with_suffix(".log"), start_seconds=start_seconds, ample=ample) as (
        pid,
        url,
    ):
        ready_s = time.perf_counter() - begin
        tokens = json.loads((data / "demo.json").read_text())["tokens"]
        poster, reader = (_token_file(data, side, tokens) for side in ("nato", "china"))
        yield Server(
            name="service",
            base_url=url,
            pid=pid,
            ready_s=ready_s,
            data=data,
            poster=poster,
            reader=reader,
        )


def _token_file(data: Path, side: str, tokens: dict[str, str]) -> Path:
    path = data.with_suffix(f".{side}-token")
    path.touch(mode=0o600)
    path.write_text(tokens[f"{side}/duty_officer"])
    return path


@contextmanager
def pair(folder: Path) -> Iterator[tuple[Server, Server]]:
    """The service with its demonstration, and the bare program, on the same kind of event loop and
    broker.
    """
    with ExitStack() as stack:
        ours = stack.enter_context(service(folder / "service", "--demo"))
        data = folder / "bare"
        command = [sys.executable, str(HERE / "bare.py"), *loop_flags(), str(data), CHANNEL]
        begin = time.perf_counter()
        pid, url = stack.enter_context(running(command, folder / "bare.log"))
        ready_s = time.perf_counter() - begin
        bare = Server(
            name="bare",
            base_url=url,
            pid=pid,
            ready_s=ready_s,
            data=data,
            poster=ours.poster,
            reader=ours.reader,
        )
        yield ours, bare


def loop_flags() -> list[str]:
    """Return the flags that make a program of this folder run on the service's event loop."""
    return (
        ["--uvloop"] if Settings().uvloop and importlib.util.find_spec("uvloop") is not None else []
    )


def seeded(data: Path, records: int, *, waiting: bool = False) -> Numbers:
    """Data of a stopped service whose channel has that many records, each an incident that waits if
    so asked; how they were made.
    """
    with service(data, "--demo"):
        pass
    return result(
        "seed.py", *(["--waiting"] if waiting else []), data, CHANNEL, records, seconds=1200
    )


def forget_projection(data: Path) -> None:
    """Throw a stopped service's projection away."""
    for file in (data / "projection").iterdir():
        file.unlink()


def cli(
    server: Server, *arguments: str, seconds: float = _RUN_SECONDS
) -> subprocess.CompletedProcess[str]:
    """The command line, called on a server's channel."""
    command = [
        _DRAGOMAN,
        *arguments,
        "--data",
        str(server.data),
        "--token-file",
        str(server.poster),
        "--channel",
        CHANNEL,
    ]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=seconds,
        env=environment(),
        cwd=server.data.parent,
        check=False,
    )
