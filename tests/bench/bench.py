"""The bench: the service beside a bare program on an equal broker, measured by turns; README.md says what and how.

Prints a table and writes build/bench.json. Fails where a post was refused, where less was recorded than was acknowledged,
and where the replay does not come to what the gateway says.
"""

import argparse
import json
import os
import platform
import selectors
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Any, Final
from urllib.request import Request, urlopen

from dragoman.log import broker

_HERE: Final = Path(__file__).parent
_BUILD: Final = _HERE.parents[1] / "build"
_DRAGOMAN: Final = str(Path(sys.executable).with_name("dragoman"))
_CHANNEL: Final = "nato-china"
_START_SECONDS: Final = 60.0
_RUN_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 15.0
_WHOLE_SECONDS: Final = 270
_FSYNCS: Final = 200

Numbers = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured. Times are in seconds."""

    rounds: int
    connections: int
    warm_up: float
    posting: float
    one_by_one: int
    records: int


FULL: Final = Plan(rounds=3, connections=128, warm_up=2.0, posting=5.0, one_by_one=400, records=20_000)
QUICK: Final = Plan(rounds=1, connections=128, warm_up=0.5, posting=2.0, one_by_one=100, records=2_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running program, where it listens, its data, and what its posters say they are."""

    name: str
    base_url: str
    data: Path
    token_file: Path


class Failed(Exception):
    """The bench cannot go on; the message says why."""


def _environment() -> dict[str, str]:
    """Ours, without settings of the service; programs do not hold back what they print."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DRAGOMAN_")}
    return {**kept, "PYTHONUNBUFFERED": "1"}


# Programs


@contextmanager
def running(command: list[str], folder: Path, name: str) -> Iterator[str]:
    """A program that prints its URL first; asked to stop at the end, and made to if it does not."""
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=folder,
            env=_environment(),
            text=True,
            start_new_session=True,
        )
        try:
            yield _first_line(process, folder / f"{name}.log")
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _first_line(process: subprocess.Popen[str], log: Path) -> str:
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        line = process.stdout.readline().strip() if selector.select(_START_SECONDS) else ""
    if not line:
        raise Failed(f"{process.args!r} did not start:\n" + "\n".join(log.read_text(errors="replace").splitlines()[-10:]))
    return line


@contextmanager
def servers(folder: Path) -> Iterator[tuple[Server, Server]]:
    """The service with its demonstration, and the bare program, each with its own broker and data."""
    token_file = folder / "token"
    with ExitStack() as stack:
        data = folder / "service"
        command = [_DRAGOMAN, "up", "--demo", "--data", str(data), "--port", "0", "--log-format", "json", "--log-level", "info"]
        service_url = stack.enter_context(running(command, folder, "service"))
        token_file.touch(mode=0o600)
        token_file.write_text(json.loads((data / "demo.json").read_text())["tokens"]["nato/duty_officer"])
        command = [sys.executable, str(_HERE / "bare.py"), str(folder / "bare"), _CHANNEL]
        bare_url = stack.enter_context(running(command, folder, "bare"))
        yield (
            Server(name="service", base_url=service_url, data=data, token_file=token_file),
            Server(name="bare", base_url=bare_url, data=folder / "bare", token_file=token_file),
        )


def _result(command: list[str], seconds: float = _RUN_SECONDS) -> Numbers:
    """What a program prints as JSON."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, env=_environment(), check=False)
    if done.returncode != 0:
        raise Failed(f"{command!r} failed:\n{done.stderr[-2000:]}")
    result: Numbers = json.loads(done.stdout)
    return result


def _cli(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [_DRAGOMAN, *arguments, "--data", str(server.data), "--token-file", str(server.token_file), "--channel", _CHANNEL]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=_RUN_SECONDS, env=_environment(), cwd=server.data.parent, check=False
    )


# Measurements


class Posting:
    """Posts to both, and what came of them."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, int] = {}
        self.failures: list[str] = []

    def load(self, server: Server, *arguments: str) -> Numbers:
        """One run of the load generator."""
        url = f"{server.base_url}/v1/channels/{_CHANNEL}/notifications"
        result = _result([sys.executable, str(_HERE / "load.py"), url, str(server.token_file), *arguments])
        self.acknowledged[server.name] = self.acknowledged.get(server.name, 0) + result["acknowledged"]
        if result["refused"]:
            self.failures.append(f"{server.name} refused posts: {result['refused']}, the first with {result['first_refusal']}")
        return result

    def by_turns(self, both: tuple[Server, Server], rounds: int, *arguments: str) -> Numbers:
        """Rounds of the same load, now on the one and now on the other: each round, and the medians."""
        found: Numbers = {server.name: {"rounds": []} for server in both}
        for _ in range(rounds):
            for server in both:
                result = self.load(server, *arguments)
                found[server.name]["rounds"].append({name: round(result[name], 3) for name in ("per_second", "p50_ms", "p99_ms")})
        for of in found.values():
            of |= {name: statistics.median(each[name] for each in of["rounds"]) for name in ("per_second", "p50_ms", "p99_ms")}
        return found

    def top_up(self, server: Server, records: int, connections: int) -> None:
        """Post until the log has that many records."""
        missing = records - position_of(server)
        if missing > 0:
            self.load(server, "--connections", str(connections), "--posts", str(missing))


def position_of(server: Server) -> int:
    """The channel's last position, as the gateway gives it."""
    token = server.token_file.read_text()
    request = Request(f"{server.base_url}/v1/channels/{_CHANNEL}", headers={"Authorization": f"Bearer {token}"})
    with urlopen(request, timeout=10) as response:
        return int(json.load(response)["position"])


def replays(server: Server, rounds: int) -> Numbers:
    """The fold from the broker, the fold from the gateway and the bare consumer, by turns, on the same log."""
    last = position_of(server)
    found: Numbers = {"records": last}
    digests: set[str] = set()
    for kind in ("log", "http", "bare") * rounds:
        command = [sys.executable, str(_HERE / "replay.py"), kind, str(server.data), _CHANNEL, str(last), str(server.token_file)]
        result = _result(command)
        digests |= {result["digest"]} - {""}
        found.setdefault(kind, {"rounds": []})["rounds"].append(round(result["per_second"], 1))
    for kind in ("log", "http", "bare"):
        found[kind]["per_second"] = statistics.median(found[kind]["rounds"])
    if len(digests) != 1:
        raise Failed(f"replays of the same {last} records came to {len(digests)} digests")
    return found


def checked(server: Server, acknowledged: int) -> Numbers:
    """What was acknowledged is there, and `dragoman audit replay` agrees with the gateway, from its copy and from the broker."""
    position = position_of(server)
    found: Numbers = {"acknowledged": acknowledged, "position": position, "failures": []}
    if position < acknowledged:
        found["failures"].append(f"{acknowledged} posts were acknowledged, but the log ends at {position}")
    for name, flags in (("replay_http_cli_s", ()), ("replay_cli_s", ("--from-log",))):
        begin = time.perf_counter()
        done = _cli(server, "audit", "replay", *flags)
        found[name] = round(time.perf_counter() - begin, 2)
        if done.returncode != 0:
            found["failures"].append(f"dragoman audit replay {' '.join(flags)} ended with {done.returncode}: {done.stderr[-500:]}")
    return found


def context(folder: Path) -> Numbers:
    """The machine and the versions."""
    return {
        "cpus": os.cpu_count(),
        "fsync_p50_ms": round(_fsync_ms(folder / "fsync"), 3),
        "python": platform.python_version(),
        "nats_server": ".".join(map(str, broker.version_of(broker.find()))),
        **{name.replace("-", "_"): version(name) for name in ("aiohttp", "nats-py", "msgspec")},
    }


def _fsync_ms(path: Path) -> float:
    """The median time of a 4 KiB append that reaches the disk, where the brokers' data are."""
    times: list[float] = []
    with path.open("wb", buffering=0) as file:
        for _ in range(_FSYNCS):
            begin = time.perf_counter()
            file.write(bytes(4096))
            os.fsync(file.fileno())
            times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1000


# The whole


def measure(plan: Plan, folder: Path) -> Numbers:
    """All of it, in order."""
    posting = Posting()
    surroundings = context(folder)
    with servers(folder) as both:
        service, _ = both
        connections = "--connections", str(plan.connections)
        for server in both:
            posting.load(server, *connections, "--seconds", str(plan.warm_up))
        posts = posting.by_turns(both, plan.rounds, *connections, "--seconds", str(plan.posting))
        latency = posting.by_turns(both, plan.rounds, "--posts", str(plan.one_by_one))
        posting.top_up(service, plan.records, plan.connections)
        replay = replays(service, plan.rounds)
        check = checked(service, posting.acknowledged["service"])
    replay["replay_http_ratio"] = round(replay["http"]["per_second"] / replay["bare"]["per_second"], 4)
    replay["replay_cli_s"], replay["replay_http_cli_s"] = check.pop("replay_cli_s"), check.pop("replay_http_cli_s")
    return {
        "post_ratio": round(posts["service"]["per_second"] / posts["bare"]["per_second"], 4),
        "latency_ratio": round(latency["service"]["p50_ms"] / latency["bare"]["p50_ms"], 4),
        "replay_ratio": round(replay["log"]["per_second"] / replay["bare"]["per_second"], 4),
        "posts": posts,
        "latency": latency,
        "replay": replay,
        "check": {**check, "failures": posting.failures + check["failures"]},
        "context": {**surroundings, "connections": plan.connections},
    }


def table(found: Numbers) -> str:
    """What was found, for a person."""
    lines = [f"{'':34}{'service':>10}{'bare':>10}{'ratio':>8}"]

    def line(label: str, service: float, bare: float, ratio: str = "", places: int = 0) -> None:
        lines.append(f"{label:34}{service:>10.{places}f}{bare:>10.{places}f}{ratio:>8}")

    posts, latency, replay = found["posts"], found["latency"], found["replay"]
    connections = found["context"]["connections"]
    for number, (service, bare) in enumerate(zip(posts["service"]["rounds"], posts["bare"]["rounds"], strict=True), 1):
        line(f"posts/s, round {number}", service["per_second"], bare["per_second"])
    line("posts/s, median", posts["service"]["per_second"], posts["bare"]["per_second"], f"{found['post_ratio']:.3f}")
    for name, label in (("p50_ms", "p50"), ("p99_ms", "p99")):
        line(f"  {label} at {connections} connections, ms", posts["service"][name], posts["bare"][name], places=1)
    for number, (service, bare) in enumerate(zip(latency["service"]["rounds"], latency["bare"]["rounds"], strict=True), 1):
        line(f"one post, p50 ms, round {number}", service["p50_ms"], bare["p50_ms"], places=2)
    line("one post, p50 ms, median", latency["service"]["p50_ms"], latency["bare"]["p50_ms"], f"{found['latency_ratio']:.3f}", 2)
    line("  p99 ms", latency["service"]["p99_ms"], latency["bare"]["p99_ms"], places=2)
    for number, (log, bare) in enumerate(zip(replay["log"]["rounds"], replay["bare"]["rounds"], strict=True), 1):
        line(f"replayed records/s, round {number}", log, bare)
    line("replayed records/s, median", replay["log"]["per_second"], replay["bare"]["per_second"], f"{found['replay_ratio']:.3f}")
    line("  through the gateway", replay["http"]["per_second"], replay["bare"]["per_second"], f"{replay['replay_http_ratio']:.3f}")
    lines += [
        "",
        f"dragoman audit replay of {replay['records']} records: {replay['replay_cli_s']} s, {replay['replay_http_cli_s']} s over HTTP",
        f"acknowledged {found['check']['acknowledged']}, position {found['check']['position']}",
        ", ".join(f"{name} {value}" for name, value in found["context"].items()),
    ]
    return "\n".join(lines)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Failed("it took too long" if number == signal.SIGALRM else "it was asked to stop")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smoke run of half a minute, whose numbers say little")
    plan = QUICK if parser.parse_args().quick else FULL
    for number in (signal.SIGALRM, signal.SIGTERM):
        signal.signal(number, _stop)
    signal.alarm(_WHOLE_SECONDS)
    _BUILD.mkdir(exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-", dir=_BUILD) as folder:
            found = measure(plan, Path(folder))
    except (Failed, subprocess.TimeoutExpired) as error:
        sys.stderr.write(f"bench: {error}\n")
        return 1
    (_BUILD / "bench.json").write_text(json.dumps(found, indent=1) + "\n")
    sys.stdout.write(table(found) + "\n")
    for failure in found["check"]["failures"]:
        sys.stderr.write(f"bench: FAILED: {failure}\n")
    return 1 if found["check"]["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
