"""Peers: the same posts to the service, to the bare program, to pyeventsourcing and to Synapse.

Both peers keep what they take in a PostgreSQL of their own, which syncs each commit. They run on
loopback, from `requirements/peers.lock`.
"""

import asyncio
import os
import secrets
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from plan import Plan
from programs import CHANNEL, HERE, Failed, Numbers, Server, pair, result, running, spent
from table import Line, Section

sys.path.append(str(HERE.parent / "support"))

from homeserver import homeserver
from ports import free_port

_PYTHON: Final = HERE.parents[1] / "build" / "peers" / "bin" / "python"
_CONNECTIONS: Final = (1, 64)
_USER: Final = "bench"
_ACCOUNT: Final = "postgres"
"""The account that Debian's package makes."""

_SECONDS: Final = 60.0
_SETTINGS: Final[dict[str, object]] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "''",
    "shared_buffers": "256MB",
    "fsync": "on",
    "synchronous_commit": "on",
}
_TARGETS: Final = {"pyeventsourcing": 3, "Synapse": 25}
_FIGURES: Final = (("per_second", "posts/s", 0), ("cpu_us", "CPU us", 0), ("p50_ms", "p50 ms", 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A system under load: its processes, and how the load calls it."""

    name: str
    pids: tuple[int, ...]
    load: tuple[object, ...]

    def run(self, *arguments: object) -> Numbers:
        """Run one round of the load. Raises `Failed`."""
        before = sum(map(spent, self.pids))
        numbers = result("load.py", *arguments, *self.load)
        if numbers["refused"]:
            raise Failed(f"{self.name} refused posts: {numbers['first_refusal']}")
        seconds = sum(map(spent, self.pids)) - before
        return {
            "per_second": numbers["per_second"],
            "p50_ms": numbers["p50_ms"],
            "cpu_us": seconds / numbers["acknowledged"] * 1e6,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A running PostgreSQL, with the account `bench`."""

    folder: Path
    port: int
    password: Path

    @property
    def pid(self) -> int:
        """Its first process."""
        return int((self.folder / "postmaster.pid").read_text().split()[0])


def _called(name: str, *arguments: object) -> None:
    """Run a program of PostgreSQL, which refuses to run as root. Raises `Failed`."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        raise Failed("there is no PostgreSQL here: install it with apt-get install postgresql")
    account: dict[str, Any] = {}
    if os.geteuid() == 0:
        account = {"user": _ACCOUNT, "group": _ACCOUNT, "extra_groups": []}
    subprocess.run(
        [path, *map(str, arguments)],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=_SECONDS,
        cwd="/",
        **account,
    )


@contextmanager
def _postgres(folder: Path) -> Iterator[Database]:
    """Start an empty PostgreSQL in a folder and stop it afterwards."""
    database = Database(folder=folder, port=free_port(), password=folder.with_suffix(".password"))
    folder.mkdir()
    database.password.touch(mode=0o600)
    database.password.write_text(secrets.token_hex(16))
    if os.geteuid() == 0:
        for path in (folder, database.password):
            shutil.chown(path, _ACCOUNT, _ACCOUNT)
        for parent in folder.parents[:2]:
            parent.chmod(0o711)
    entry = "--auth=scram-sha-256", f"--username={_USER}", f"--pwfile={database.password}"
    _called("initdb", "-D", folder, "--encoding=UTF8", "--locale=C", *entry)
    settings = _SETTINGS | {"port": database.port}
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    _called("pg_ctl", "start", "-w", "-D", folder, "-l", folder / "log", "-o", options)
    try:
        yield database
    finally:
        _called("pg_ctl", "stop", "-w", "-m", "fast", "-D", folder)


@contextmanager
def _pyeventsourcing(folder: Path, ours: Server) -> Iterator[Peer]:
    """Start pyeventsourcing behind HTTP."""
    with _postgres(folder / "events") as database:
        program = str(HERE / "stored_events.py")
        command = [str(_PYTHON), program, str(database.port), _USER, str(database.password)]
        with running(command, folder / "stored_events.log") as (pid, url):
            yield Peer(
                name="pyeventsourcing",
                pids=(pid, database.pid),
                load=(f"{url}/v1/channels/{CHANNEL}/notifications", ours.poster),
            )


@contextmanager
def _synapse(folder: Path) -> Iterator[Peer]:
    """Start Synapse with a room."""
    with ExitStack() as stack:
        database = stack.enter_context(_postgres(folder / "matrix"))
        runner = stack.enter_context(asyncio.Runner())
        arguments = {
            "host": "127.0.0.1",
            "port": database.port,
            "user": _USER,
            "password": database.password.read_text(),
            "dbname": "postgres",
            "cp_min": 5,
            "cp_max": 10,
        }
        home = folder / "synapse"
        home.mkdir()
        server = AsyncExitStack()
        try:
            started = runner.run(
                server.enter_async_context(
                    homeserver(
                        home, python=str(_PYTHON), database={"name": "psycopg2", "args": arguments}
                    )
                )
            )
            token = folder / "bot-token"
            token.touch(mode=0o600)
            token.write_text(started.bot_token)
            room = f"http://127.0.0.1:{started.port}/_matrix/client/v3/rooms/{started.room}"
            yield Peer(
                name="Synapse",
                pids=(started.pid, database.pid),
                load=("--matrix", f"{room}/send/m.room.message", token),
            )
        finally:
            runner.run(server.aclose())


def _ours(server: Server) -> Peer:
    return Peer(
        name=server.name,
        pids=(server.pid,),
        load=(f"{server.channel_url}/notifications", server.poster),
    )


def measure(plan: Plan, folder: Path) -> Numbers:
    """Return the medians of each system, by turns, at one connection and at many."""
    if not _PYTHON.exists():
        raise Failed("the peers are not installed: call make bench BENCH=peers")
    with ExitStack() as stack:
        service, bare = stack.enter_context(pair(folder))
        systems = [
            _ours(service),
            _ours(bare),
            stack.enter_context(_pyeventsourcing(folder, service)),
            stack.enter_context(_synapse(folder)),
        ]
        for system in systems:
            system.run("--connections", max(_CONNECTIONS), "--seconds", plan.warm_up)
        rounds: dict[int, dict[str, list[Numbers]]] = {
            connections: {system.name: [] for system in systems} for connections in _CONNECTIONS
        }
        for _ in range(plan.rounds):
            for connections, numbers in rounds.items():
                for system in systems:
                    numbers[system.name].append(
                        system.run("--connections", connections, "--seconds", plan.posting)
                    )
    return {
        "peers": {
            str(connections): {
                name: {
                    figure: round(statistics.median(each[figure] for each in every), 3)
                    for figure in every[0]
                }
                for name, every in numbers.items()
            }
            for connections, numbers in rounds.items()
        }
    }


def section(found: Numbers) -> Section:
    """Return its part of the table."""
    table = Section("the same posts to others", "service", "other")
    for connections, numbers in found["peers"].items():
        ours = numbers["service"]
        for figure, label, places in _FIGURES:
            for name, other in numbers.items():
                if name == "service":
                    continue
                posts = figure == "per_second"
                target = _TARGETS.get(name) if posts and int(connections) > 1 else None
                table.lines.append(
                    Line(
                        f"{label}, {connections} open: {name}",
                        ours[figure],
                        other[figure],
                        ours[figure] / other[figure],
                        "" if target is None else f"≥ {target:g}",
                        places,
                    )
                )
    table.remarks.append("medians of rounds by turns; CPU is that of all processes but the load's")
    return table
