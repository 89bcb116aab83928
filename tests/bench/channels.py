"""Channels: what many idle channels cost one `dragoman up`, and whether they slow the busy one.

    channels.py --channels 50,500 FOLDER           prints the numbers of each count as JSON
    channels.py --channels 400 --nodes 3 FOLDER    a gateway and a signer on three nodes

Channels are opened one after another, beside the channel of the demonstration. At each count the
service is left alone, and then asked: `/readyz`, posts and looks at the board one by one, flashes to
an open stream. Processor time is that of the processes, from /proc, so that other programs on the
machine change it little.
"""

import argparse
import json
import os
import signal
import statistics
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from pages import session
from plan import Plan
from programs import CHANNEL, Failed, Numbers, Server, result, running, service, used
from table import Line, Section
from wire import Posts, answer, connect, get, status_of

HERE: Final = Path(__file__).parent
sys.path.append(str(HERE.parent / "support"))

from cluster import RealCluster  # noqa: E402
from gateways import Gateway  # noqa: E402

_QUIET: Final = f"{CHANNEL}-exercise"
"""The channel whose board is looked at: no post makes its board longer."""

_ADMIN: Final = "http://127.0.0.1:8479"
"""The operator's own address of the service, at its usual port."""

_METRICS: Final = 60
_SETTLE_SECONDS: Final = 12.0
_READYZ: Final = 120
_POSTS: Final = 300
_LOOKS: Final = 60
_FLASHES: Final = 120
_OPENINGS: Final = 40
"""The last openings before a count, of which the median is taken."""

_TARGETS: Final = {
    "idle_service_percent": "≤ 5 %",
    "idle_broker_percent": "≤ 5 %",
    "descriptors": "≤ 1,000",
    "open_p50_ms": "≤ 60 ms",
    "readyz_p99_ms": "≤ 20 ms",
    "metrics_p99_ms": "≤ 20 ms",
    "series": "≤ 2,000",
}


def _of_all(server: Server) -> tuple[dict[str, float], int]:
    """The processor time of the service and of its broker until now; the descriptors of the service
    with its children, its broker's apart.
    """
    children = {
        int(pid)
        for each in Path(f"/proc/{server.pid}/task").glob("*/children")
        for pid in each.read_text().split()
    }
    ours = {server.pid, *children} - {server.broker_pid}
    seconds = {
        "main": used(server.pid)["cpu_s"],
        "service": sum(used(pid)["cpu_s"] for pid in ours),
        "broker": used(server.broker_pid)["cpu_s"],
    }
    return seconds, sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in ours)


def _opened(server: Server, first: int, last: int) -> list[float]:
    """Open the channels of these numbers; the milliseconds of each."""
    connection = connect(server.base_url)
    connection.settimeout(120)
    token = (server.data / "operator.token").read_text().strip()
    times: list[float] = []
    for number in range(first, last + 1):
        body = json.dumps({"name": f"quiet-{number}", "sides": ["nato", "china"]}).encode()
        request = (
            f"POST /v1/channels HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body
        begun = time.perf_counter()
        connection.sendall(request)
        found = answer(connection)
        times.append((time.perf_counter() - begun) * 1000)
        if status_of(found) != 201:
            raise Failed(f"channel {number} was not opened: {found[-400:]!r}")
    connection.close()
    return times


def _times(
    server: Server, count: int, request: Callable[[], bytes], statuses: tuple[int, ...], rest: float
) -> list[float]:
    connection = connect(server.base_url)
    connection.settimeout(60)
    times: list[float] = []
    for _ in range(count + 1):
        time.sleep(rest)
        raw = request()
        begun = time.perf_counter()
        connection.sendall(raw)
        found = answer(connection)
        times.append((time.perf_counter() - begun) * 1000)
        if status_of(found) not in statuses:
            raise Failed(f"{raw.splitlines()[0]!r} was answered {found[:400]!r}")
    connection.close()
    return times[1:]


def _costs(
    server: Server,
    name: str,
    count: int,
    request: Callable[[], bytes],
    statuses: tuple[int, ...],
    rest: float,
) -> Numbers:
    """The times of requests, and the processor time of the main process for each."""
    before = used(server.pid)["cpu_s"]
    times = _times(server, count, request, statuses, rest)
    spent = used(server.pid)["cpu_s"] - before
    return {
        **_spread(name, times),
        f"{name}_cpu_ms": round(1000 * spent / (count + 1), 2),
    }


def _spread(name: str, times: list[float]) -> Numbers:
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    return {f"{name}_p50_ms": round(cuts[49], 2), f"{name}_p99_ms": round(cuts[98], 2)}


def _metrics() -> Numbers:
    """The times of `/metrics` at the operator's own address, and how many series it shows."""
    times: list[float] = []
    text = b""
    for _ in range(_METRICS):
        time.sleep(0.25)
        begun = time.perf_counter()
        with urllib.request.urlopen(f"{_ADMIN}/metrics", timeout=10) as found:
            text = found.read()
        times.append((time.perf_counter() - begun) * 1000)
    series = sum(not line.startswith(b"#") for line in text.splitlines())
    return {**_spread("metrics", times), "series": series}


def _at(server: Server, opened: list[float], seconds: float) -> Numbers:
    """The numbers of a service at one count of channels."""
    time.sleep(_SETTLE_SECONDS)
    before, descriptors = _of_all(server)
    begun = time.perf_counter()
    time.sleep(seconds)
    after, _ = _of_all(server)
    passed = time.perf_counter() - begun
    cookie = session(server)
    board = (
        f"GET /c/{_QUIET} HTTP/1.1\r\nHost: bench\r\nCookie: {cookie}\r\nAccept: text/html\r\n\r\n"
    ).encode()
    posts = Posts(f"{server.channel_url}/notifications", server.poster.read_text())
    readyz = get(f"{server.base_url}/readyz", "")
    plain = readyz.replace(b"Authorization: Bearer \r\n", b"")
    return {
        **{
            f"idle_{name}_percent": round(100 * (after[name] - before[name]) / passed, 1)
            for name in before
        },
        "descriptors": descriptors,
        "memory_mb": used(server.pid)["now_mb"],
        "open_p50_ms": round(statistics.median(opened[-_OPENINGS:]), 1),
        **_metrics(),
        **_costs(server, "readyz", _READYZ, lambda: plain, (200, 503), 0.05),
        **_costs(server, "post", _POSTS, lambda: posts.next()[0], (201,), 0.02),
        **_costs(server, "board", _LOOKS, lambda: board, (200,), 0.05),
        **_spread(
            "flash",
            result(
                "flash.py",
                *("--flashes", _FLASHES, "--rate", 8),
                *(server.channel_url, server.poster, server.reader),
            )["arrived_ms"],
        ),
    }


def numbers(counts: tuple[int, ...], folder: Path, seconds: float) -> dict[str, Numbers]:
    """The numbers at each count of channels, fewest first."""
    found: dict[str, Numbers] = {}
    with service(folder / "channels", "--demo") as server:
        opened: list[float] = []
        for count in sorted(counts):
            opened += _opened(server, len(opened) + 1, count)
            found[str(count)] = _at(server, opened, seconds)
    return found


def on_nodes(count: int, folder: Path, seconds: float) -> Numbers:
    """The processor time of each node, a gateway and a signer on a cluster with idle channels."""
    with ExitStack() as stack:
        cluster = stack.enter_context(RealCluster(folder / "cluster"))
        gateway = Gateway(cluster, folder / "gateway", cluster.url)
        stack.callback(gateway.stop)
        command = [str(part) for part in (*gateway.program, *gateway.command())]
        command[command.index("gateway")] = "signer"
        pid, _ = stack.enter_context(running(command, folder / "signer.log"))
        times: list[float] = []
        for number in range(1, count + 1):
            begun = time.perf_counter()
            _open_at(gateway.base_url, gateway.operator.strip(), f"quiet-{number}")
            times.append((time.perf_counter() - begun) * 1000)
        time.sleep(_SETTLE_SECONDS)
        nodes = {node.name: node.process.pid for node in cluster.running if node.process}
        services = {"gateway": gateway.process.pid, "signer": pid}
        served = _idle({**services, **nodes}, seconds)
        gateway.stop()
        os.kill(pid, signal.SIGTERM)
        time.sleep(_SETTLE_SECONDS)
        return {
            "open_p50_ms": round(statistics.median(times[-_OPENINGS:]), 1),
            **{f"idle_{name}_percent": percent for name, percent in served.items()},
            **{f"alone_{name}_percent": percent for name, percent in _idle(nodes, seconds).items()},
        }


def _idle(processes: dict[str, int], seconds: float) -> dict[str, float]:
    """The processor time of processes that are left alone, in percent of a processor."""
    before = {name: used(pid)["cpu_s"] for name, pid in processes.items()}
    begun = time.perf_counter()
    time.sleep(seconds)
    passed = time.perf_counter() - begun
    return {
        name: round(100 * (used(pid)["cpu_s"] - before[name]) / passed, 1)
        for name, pid in processes.items()
    }


def _open_at(base_url: str, token: str, name: str) -> None:
    request = urllib.request.Request(
        f"{base_url}/v1/channels",
        json.dumps({"name": name, "sides": ["nato", "china"]}).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60):
        pass


def measure(plan: Plan, folder: Path) -> Numbers:
    """`channels`: the numbers at each count."""
    return {"channels": numbers(plan.channels, folder, plan.idling)}


def section(found: Numbers) -> Section:
    """Its part of the table: the fewest channels beside the most."""
    of = found["channels"]
    few, many = min(of, key=int), max(of, key=int)
    table = Section("channels on one host", few, many)
    for name in of[few]:
        one, other = float(of[few][name]), float(of[many][name])
        growing = name in ("open_p50_ms", "post_p99_ms", "board_p99_ms", "flash_p99_ms")
        target = ", ".join(
            filter(None, (_TARGETS.get(name, ""), "growth ≤ 1.3" if growing else ""))
        )
        table.lines.append(
            Line(name.replace("_", " "), one, other, other / one if one else None, target, 1)
        )
    return table


def main() -> None:
    """Measure at the counts that are given, and print JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--channels", required=True, help="counts of channels, with commas")
    parser.add_argument("--seconds", type=float, default=20.0, help="seconds left alone")
    parser.add_argument("--nodes", type=int, choices=(1, 3), default=1)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    counts = tuple(int(text) for text in given.channels.split(","))
    found: dict[str, Any] = (
        numbers(counts, given.folder, given.seconds)
        if given.nodes == 1
        else {str(counts[-1]): on_nodes(counts[-1], given.folder, given.seconds)}
    )
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
