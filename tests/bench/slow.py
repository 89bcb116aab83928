"""Slow disks and lines: a flash where each fsync takes 5 ms, and over 64 kbit/s to a browser."""

import shlex
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Final

from dragoman.eventlog import broker
from live import beside
from plan import Plan
from programs import CHANNEL, HERE, Numbers, Server, result, service
from table import Line, Section

sys.path.append(str(HERE.parent / "support"))

from tcp_wire import Wire

_FSYNC_US: Final = 5_000
_DISK_MS: Final = 60
_LINE_MS: Final = 3_000
_BITS_PER_SECOND: Final = 64_000
_ONE_WAY_SECONDS: Final = 0.3
_PAUSE_SECONDS: Final = 5.0
_RUN_SECONDS: Final = 900.0
_CALLS: Final = "fsync,fdatasync"


def _slow_broker(folder: Path) -> Path | None:
    """Write a command that starts the broker with slow fsyncs; nothing where none may be traced."""
    traced = ["strace", "-D", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null"]
    traced += ["-e", f"trace={_CALLS}", "-e", f"inject={_CALLS}:delay_exit={_FSYNC_US}"]
    if shutil.which("strace") is None or subprocess.run([*traced, "true"], check=False).returncode:
        return None
    command = folder / "nats-server"
    command.write_text(f'#!/bin/sh\nexec {shlex.join([*traced, str(broker.find())])} "$@"\n')
    command.chmod(0o755)
    return command


def _takeovers(server: Server, plan: Plan) -> list[float]:
    """Return the milliseconds of each flash until its takeover at the far end of a narrow line."""
    port = int(server.base_url.rpartition(":")[2])
    with Wire(port, delay_s=_ONE_WAY_SECONDS, bits_s=_BITS_PER_SECOND, queue=0) as wire:
        url = f"http://127.0.0.1:{wire.port}"
        flashes = "--flashes", plan.distant, "--pause", _PAUSE_SECONDS, "--browser-url", url
        program = *flashes, server.base_url, CHANNEL, server.poster, server.reader
        times: list[float] = result("takeover.py", *program, seconds=_RUN_SECONDS)["milliseconds"]
    return times


def measure(plan: Plan, folder: Path) -> Numbers:
    """Return `slow_disk_p99_ms` and `narrow_line_most_ms`, without the first if nothing is traced."""
    found: Numbers = {}
    command = _slow_broker(folder)
    if command is not None:
        with service(folder / "disk", "--demo", "--nats-server", str(command)) as server:
            arguments = "flash.py", server.channel_url, server.poster, server.reader
            found["slow_disk"] = beside(server, plan, *arguments)
        found["slow_disk_p99_ms"] = found["slow_disk"]["arrived"]["p99_ms"]
    with service(folder / "line", "--demo") as server:
        times = _takeovers(server, plan)
    return found | {
        "narrow_line": times,
        "narrow_line_p50_ms": statistics.median(times),
        "narrow_line_most_ms": max(times),
    }


def section(found: Numbers) -> Section:
    """Return its part of the table."""
    table = Section("slow disks and lines", "service", "")
    if "slow_disk" in found:
        disk = found["slow_disk"]
        for label, value, target in (
            ("a flash with 5 ms an fsync, p50 ms", disk["arrived"]["p50_ms"], ""),
            ("  p99 ms", found["slow_disk_p99_ms"], f"≤ {_DISK_MS} ms"),
            ("  posts beside it, p99 ms", disk["background"]["p99_ms"], ""),
        ):
            table.lines.append(Line(label, value, target=target, places=1))
    else:
        table.remarks.append("slow disks were not measured: strace is missing, or may not trace")
    table.lines.append(
        Line("takeover over 64 kbit/s and 600 ms, p50 ms", found["narrow_line_p50_ms"])
    )
    most = found["narrow_line_most_ms"]
    table.lines.append(Line("  most ms", most, target=f"≤ {_LINE_MS} ms"))
    return table
