"""Backing up: how long a backup of a long log and of many files lasts while others post, what it
costs them, and how soon a lost host takes its first post again.
"""

import asyncio
import hashlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from asking import Asker
from dragoman.eventlog.nats_connection import connected
from dragoman.stores import files
from dragoman.stores.erasable import Erasable
from dragoman.stores.files import File, FileStore
from plan import Plan
from programs import (
    Failed,
    Numbers,
    Server,
    environment,
    finished,
    seeded,
    service,
    started,
)
from table import Line, Section
from wire import answer, body_of, connect, get

_DRAGOMAN: Final = str(Path(sys.executable).with_name("dragoman"))
_FILE_BYTES: Final = 16 * 1024 * 1024
_START_SECONDS: Final = 900.0
_BACKUP_SECONDS: Final = 900.0
_CONNECTIONS: Final = 16
_LEAST_SECONDS: Final = 5.0


async def _upload(server: Server, cid: str, count: int) -> None:
    """Write files beside the log, as gateways store them."""
    url = f"nats://127.0.0.1:{_port(server)}"
    seed = server.data / "keys" / "nats-gateway.nk"
    async with connected(url, "gateway", seed) as bus:
        store = FileStore(Erasable(bus, files.STREAM, files.PREFIX))
        for _ in range(count):
            content = os.urandom(_FILE_BYTES)
            file = File(
                sha256=hashlib.sha256(content).hexdigest(),
                side="nato",
                at="2026-01-01T00:00:00Z",
                stage="kept",
                media_type="application/octet-stream",
                bytes=len(content),
            )
            if not await store.keep(cid, file, content, None):
                raise Failed("a file was not stored")


def _port(server: Server) -> str:
    return str(json.loads((server.data / "server.json").read_text())["nats_url"]).rpartition(":")[2]


def _cid(server: Server) -> str:
    with connect(server.base_url) as connection:
        connection.sendall(get(server.channel_url, server.poster.read_text()))
        return str(body_of(answer(connection))["cid"])


def _posting(server: Server, rate: float, seconds: float) -> "subprocess.Popen[str]":
    return started(
        "load.py",
        "--connections",
        _CONNECTIONS,
        "--rate",
        rate,
        "--seconds",
        seconds,
        f"{server.channel_url}/notifications",
        server.poster,
    )


def _backup(server: Server, folder: Path) -> float:
    """Return the seconds that a backup lasts, with the start of its program."""
    begin = time.perf_counter()
    done = subprocess.run(
        [_DRAGOMAN, "backup", str(folder), "--without-keys", "--data", str(server.data)],
        capture_output=True,
        text=True,
        timeout=_BACKUP_SECONDS,
        env=environment(),
        check=False,
    )
    if done.returncode:
        raise Failed(f"the backup ended with {done.returncode}: {done.stderr[-500:]}")
    return time.perf_counter() - begin


def _beside(server: Server, folder: Path, rate: float) -> tuple[Numbers, float]:
    """A backup beside posts, which go on for as long as it lasts."""
    runs: list[Numbers] = []
    backup = subprocess.Popen(
        [_DRAGOMAN, "backup", str(folder), "--without-keys", "--data", str(server.data)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    begin, seconds = time.perf_counter(), 0.0
    try:
        while backup.poll() is None:
            runs.append(finished(_posting(server, rate, _LEAST_SECONDS)))
            if time.perf_counter() > begin + _BACKUP_SECONDS:
                raise Failed("the backup does not end")
    finally:
        with suppress(ProcessLookupError):
            backup.send_signal(signal.SIGTERM) if backup.poll() is None else None
        _, errors = backup.communicate()
    if backup.returncode:
        raise Failed(f"the backup ended with {backup.returncode}: {errors[-500:]}")
    # The last posts may come after the end of the backup, so its own report gives the time.
    seconds = float(errors.partition(" took ")[2].partition(" s:")[0])
    return _median(runs), seconds


def _median(runs: list[Numbers]) -> Numbers:
    return {
        name: round(statistics.median(run[name] for run in runs), 3)
        for name in ("p50_ms", "p99_ms", "per_second")
    }


def _restored(folder: Path, data: Path, demo: Path, keys: Path, token: Path) -> Numbers:
    """The time from the loss of a host to its first post."""
    begin = time.perf_counter()
    done = subprocess.run(
        [_DRAGOMAN, "restore", str(folder), "--data", str(data), "--without-keys"],
        capture_output=True,
        text=True,
        timeout=_BACKUP_SECONDS,
        env=environment(),
        check=False,
    )
    if done.returncode:
        raise Failed(f"the restoration ended with {done.returncode}: {done.stderr[-500:]}")
    restored_s = time.perf_counter() - begin
    shutil.copytree(keys, data / "keys", dirs_exist_ok=True)
    for file in (demo, token):
        shutil.copy(file, data)
    with service(data, "--take-over", start_seconds=_START_SECONDS) as server:
        asker = Asker(server)
        asker.time(asker.post())
        first_s = time.perf_counter() - begin
        asker.close()
    return {"restore_s": round(restored_s, 1), "first_post_s": round(first_s, 1)}


def measure(plan: Plan, folder: Path) -> Numbers:
    """`backup_s`, `incremental_s`, `backup_slowdown` and `first_post_s`."""
    data, backups = folder / "host", folder / "backups"
    count = plan.backup_files
    seeded(data, plan.many)
    rate = plan.background_rate
    with service(data, start_seconds=_START_SECONDS) as server:
        asyncio.run(_upload(server, _cid(server), count))
        finished(_posting(server, rate, plan.warm_up))
        quiet = _median(
            [finished(_posting(server, rate, _LEAST_SECONDS)) for _ in range(plan.rounds)]
        )
        during, backup_s = _beside(server, backups, rate)
        again, incremental_s = _beside(server, backups, rate)
        after = _median(
            [finished(_posting(server, rate, _LEAST_SECONDS)) for _ in range(plan.rounds)]
        )
        _backup(server, backups)
        os.kill(server.pid, signal.SIGKILL)
    # The broker ends with its supervisor; what is left of the host is its keys.
    restored = _restored(
        backups, folder / "new", data / "demo.json", data / "keys", data / "operator.token"
    )
    base = (quiet["p50_ms"] + after["p50_ms"]) / 2
    return {
        "backup_s": backup_s,
        "incremental_s": incremental_s,
        "backup_slowdown": round(during["p50_ms"] / base, 3),
        "first_post_s": restored["first_post_s"],
        "backup": {
            "records": plan.many,
            "file_mib": count * _FILE_BYTES >> 20,
            "quiet": quiet,
            "during": during,
            "during_incremental": again,
            "after": after,
            **restored,
        },
        "failures": [],
    }


def section(found: Numbers) -> Section:
    """Its part of the table."""
    backup: Any = found["backup"]
    table = Section("a backup beside posts", "beside", "without")
    base = {name: (backup["quiet"][name] + backup["after"][name]) / 2 for name in backup["quiet"]}
    for name in ("p50_ms", "p99_ms", "per_second"):
        table.lines.append(
            Line(
                f"posts, {name}",
                backup["during"][name],
                base[name],
                backup["during"][name] / base[name],
                "≤ 1.2" if name == "p50_ms" else "",
                2,
            )
        )
    table.remarks.append(
        f"{backup['records']:,} records and {backup['file_mib']} MiB of files: a backup "
        f"{found['backup_s']} s (target 60), an incremental one {found['incremental_s']} s "
        f"(target 5), restored in {backup['restore_s']} s, first post after "
        f"{found['first_post_s']} s (target 300)"
    )
    return table
