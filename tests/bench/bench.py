"""The bench: the service beside the least that could be done instead, in parts that can be run
alone; README.md says what and how.

Prints a table and writes build/bench.json. Fails where a post was refused, where less was recorded
than was acknowledged, where a replay does not come to what the gateway says, and where a part could
not be measured.
"""

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Final, Protocol

import backing_up
import channels
import clustered
import flooding
import growth
import guard
import inbox
import live
import pages
import paging
import peers
import posting
import proving
import replaying
import sealing
import size
import slow
import stations
import streams
import watching
from dragoman.eventlog import broker
from plan import FULL, QUICK, Plan
from programs import Failed, Numbers, loop_flags
from table import Section
from wire import Broken

_BUILD: Final = Path(__file__).parents[2] / "build"
_FSYNCS: Final = 200
_WHOLE_SECONDS: Final = 3600


class Part(Protocol):
    """One subject of the bench, a module: what it measures, in a folder of its own, and how that
    stands in the table.
    """

    def measure(self, plan: Plan, folder: Path) -> Numbers:
        """Numbers for bench.json; `failures` among them fail the run. Raises `Failed`."""

    def section(self, found: Numbers) -> Section:
        """The same for a person."""


PARTS: Final[dict[str, Part]] = {
    "post": posting,
    "replay": replaying,
    "live": live,
    "growth": growth,
    "cluster": clustered,
    "size": size,
    "watch": watching,
    "verify": proving,
    "seal": sealing,
    "sse": streams,
    "flood": flooding,
    "pages": pages,
    "inbox": inbox,
    "channels": channels,
    "backup": backing_up,
    "reach": paging,
    "slow": slow,
    "stations": stations,
    "guard": guard,
    "peers": peers,
}
_ONLY_BY_NAME: Final = "peers"
"""The part that needs what only `make bench BENCH=peers` installs."""


class Stopped(BaseException):
    """The bench was asked to stop, or took too long."""


def context(folder: Path) -> Numbers:
    """The machine and the versions."""
    return {
        "cpus": os.cpu_count(),
        "load_1min": round(os.getloadavg()[0], 2),
        "fsync_p50_ms": round(_fsync_ms(folder / "fsync"), 3),
        "python": platform.python_version(),
        "event_loop": "uvloop" if loop_flags() else "asyncio",
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


def measure(plan: Plan, names: list[str], folder: Path) -> tuple[Numbers, list[str]]:
    """The parts of those names, in order, and their tables as they come; one that fails holds no
    other up.
    """
    found: Numbers = {
        "context": {**context(folder), "connections": plan.connections},
        "seconds": {},
    }
    failures: list[str] = []
    for name in names:
        begin = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=folder) as data:
            try:
                numbers = PARTS[name].measure(plan, Path(data))
            except (Failed, Broken, subprocess.TimeoutExpired) as error:
                failures.append(f"{name}: {error}")
                continue
        found["seconds"][name] = round(time.perf_counter() - begin)
        failures += [f"{name}: {failure}" for failure in numbers.pop("failures", [])]
        found |= numbers
        sys.stdout.write(f"{PARTS[name].section(numbers)}\n\n")
        sys.stdout.flush()
    return found, failures


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped("it took too long" if number == signal.SIGALRM else "it was asked to stop")


def _chosen(text: str) -> list[str]:
    names = text.split(",")
    unknown = set(names) - set(PARTS)
    if unknown:
        raise argparse.ArgumentTypeError(
            f"there is no part {', '.join(sorted(unknown))}; the parts are {', '.join(PARTS)}"
        )
    return names


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="the guard alone, or the parts that are named with few rounds",
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep the guard's figures, for this Python and kernel"
    )
    parser.add_argument(
        "--only",
        type=_chosen,
        default=None,
        metavar="PART,...",
        help=f"these parts alone: {', '.join(PARTS)}",
    )
    parser.add_argument(
        "part", nargs="?", type=_chosen, metavar="PART,...", help="the same as --only"
    )
    given = parser.parse_args()
    for number in (signal.SIGALRM, signal.SIGTERM):
        signal.signal(number, _stop)
    signal.alarm(_WHOLE_SECONDS)
    _BUILD.mkdir(exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-", dir=_BUILD) as folder:
            found, failures = measure(
                QUICK if given.quick else FULL,
                given.part
                or given.only
                or (
                    ["guard"] if given.quick else [part for part in PARTS if part != _ONLY_BY_NAME]
                ),
                Path(folder),
            )
    except Stopped as stopped:
        sys.stderr.write(f"bench: {stopped}\n")
        return 1
    (_BUILD / "bench.json").write_text(json.dumps({**found, "failures": failures}, indent=1) + "\n")
    sys.stdout.write(
        ", ".join(f"{name} {value}" for name, value in found["context"].items()) + "\n"
    )
    if given.keep:
        guard.keep(found)
        failures = [failure for failure in failures if not failure.startswith("guard:")]
    for failure in failures:
        sys.stderr.write(f"bench: FAILED: {failure}\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
