"""Replaying: records a second of the audit's fold, from the broker and from the gateway, beside a
bare consumer of the same log.
"""

import statistics
import time
from pathlib import Path
from typing import Final

from plan import Plan
from posting import load, position_of
from programs import CHANNEL, Failed, Numbers, Server, cli, result, service
from table import Line, Section

_TARGET: Final = 0.3
_KINDS: Final = ("log", "http", "bare")


def _by_turns(server: Server, last: int, rounds: int) -> Numbers:
    """The three kinds by turns on the same log. Raises `Failed` where they do not come to the same
    digest.
    """
    found: Numbers = {kind: {"rounds": []} for kind in _KINDS}
    digests: set[str] = set()
    for kind in _KINDS * rounds:
        each = result("replay.py", kind, server.data, CHANNEL, last, server.poster)
        digests |= {each["digest"]} - {""}
        found[kind]["rounds"].append(round(each["per_second"], 1))
    if len(digests) != 1:
        raise Failed(f"replays of the same {last} records came to {len(digests)} digests")
    for of in found.values():
        of["per_second"] = statistics.median(of["rounds"])
    return found


def _commands(server: Server) -> tuple[Numbers, list[str]]:
    """The whole command with either source, in seconds; it must agree with the gateway."""
    found: Numbers = {}
    failures: list[str] = []
    for name, flags in (("replay_http_cli_s", ()), ("replay_cli_s", ("--from-log",))):
        begin = time.perf_counter()
        done = cli(server, "audit", "replay", "--sample", "0", *flags)
        found[name] = round(time.perf_counter() - begin, 2)
        if done.returncode != 0:
            failures.append(
                f"dragoman audit replay {' '.join(flags)} ended with {done.returncode}: {done.stderr[-500:]}"
            )
    return found, failures


def measure(plan: Plan, folder: Path) -> Numbers:
    """`replay_ratio`; fails where a replay does not agree with the gateway."""
    with service(folder / "service", "--demo") as server:
        missing = plan.replayed - position_of(server)
        load(server, "--connections", plan.connections, "--posts", missing)
        last = position_of(server)
        found = _by_turns(server, last, plan.rounds)
        commands, failures = _commands(server)
    ratios = {
        kind: round(found[kind]["per_second"] / found["bare"]["per_second"], 4)
        for kind in ("log", "http")
    }
    replay = {"records": last, **found, "replay_http_ratio": ratios["http"], **commands}
    return {"replay_ratio": ratios["log"], "replay": replay, "failures": failures}


def section(found: Numbers) -> Section:
    """Its part of the table."""
    replay = found["replay"]
    table = Section("replaying", "fold", "consumer")
    for number, (log, bare) in enumerate(
        zip(replay["log"]["rounds"], replay["bare"]["rounds"], strict=True), 1
    ):
        table.lines.append(Line(f"records/s, round {number}", log, bare))
    bare = replay["bare"]["per_second"]
    table.lines.append(
        Line(
            "records/s, median",
            replay["log"]["per_second"],
            bare,
            found["replay_ratio"],
            f"≥ {_TARGET}",
        )
    )
    table.lines.append(
        Line(
            "  through the gateway", replay["http"]["per_second"], bare, replay["replay_http_ratio"]
        )
    )
    seconds = f"{replay['replay_cli_s']} s from the broker, {replay['replay_http_cli_s']} s from the gateway"
    table.remarks.append(f"dragoman audit replay of {replay['records']} records: {seconds}")
    return table
