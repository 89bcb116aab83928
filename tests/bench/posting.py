"""Posting: acknowledged posts a second, the time of one, and the processor time that it takes,
beside the bare program.
"""

import statistics
from pathlib import Path
from typing import Final

from plan import Plan
from programs import Failed, Numbers, Server, cli, pair, result
from table import Line, Section
from wire import answer, body_of, connect, get

_TARGET: Final = 1.0
_LATENCY_TARGET: Final = 2.0
_CPU: Final = ("server", "writer", "broker", "load")


def load(server: Server, *arguments: object) -> Numbers:
    """One run of the load: what came of it, and the microseconds of processor time that each
    process took for a post. Raises `Failed`.
    """
    before = server.uses
    found = result("load.py", *arguments, f"{server.channel_url}/notifications", server.poster)
    if found["refused"]:
        raise Failed(
            f"{server.name} refused posts: {found['refused']}, the first with {found['first_refusal']}"
        )
    after = server.uses
    seconds = {name: after[name]["cpu_s"] - before[name]["cpu_s"] for name in after} | {
        "load": found["cpu_s"]
    }
    return {
        **found,
        "cpu_us": {name: seconds.get(name, 0.0) / found["acknowledged"] * 1e6 for name in _CPU},
    }


def position_of(server: Server) -> int:
    """The channel's last position, as the gateway gives it."""
    with connect(server.base_url) as connection:
        connection.sendall(get(server.channel_url, server.poster.read_text()))
        return int(body_of(answer(connection))["position"])


class Rounds:
    """The same load, now on the one and now on the other: each round, the medians, and all that was
    acknowledged.
    """

    def __init__(self, both: tuple[Server, Server], names: tuple[str, str] | None = None) -> None:
        """Load both, known by their own names or by those."""
        self._both = tuple(zip(names or tuple(server.name for server in both), both, strict=True))
        self.acknowledged = dict.fromkeys((name for name, _ in self._both), 0)

    def run(self, rounds: int, *arguments: object) -> Numbers:
        """So many rounds."""
        found: Numbers = {name: {"rounds": []} for name, _ in self._both}
        for _ in range(rounds):
            for named, server in self._both:
                each = load(server, *arguments)
                self.acknowledged[named] += each["acknowledged"]
                kept = {name: round(each[name], 3) for name in ("per_second", "p50_ms", "p99_ms")}
                found[named]["rounds"].append(
                    {**kept, "cpu_us": {name: round(us, 1) for name, us in each["cpu_us"].items()}}
                )
        for of in found.values():
            of |= {
                name: statistics.median(each[name] for each in of["rounds"])
                for name in ("per_second", "p50_ms", "p99_ms")
            }
            of["cpu_us"] = {
                name: statistics.median(each["cpu_us"][name] for each in of["rounds"])
                for name in _CPU
            }
        return found


def measure(plan: Plan, folder: Path) -> Numbers:
    """`post_ratio`, `latency_ratio`, `mixed_ratio`, `cpu_us_per_post`; fails where less was
    recorded than was acknowledged.
    """
    connections = "--connections", plan.connections
    with pair(folder) as both:
        service, _ = both
        rounds = Rounds(both)
        rounds.run(1, *connections, "--seconds", plan.warm_up)
        posts = rounds.run(plan.rounds, *connections, "--seconds", plan.posting)
        latency = rounds.run(plan.rounds, "--posts", plan.one_by_one)
        mixed = _mixed(service, rounds, plan, *connections)
        acknowledged, position = rounds.acknowledged["service"], position_of(service)
        audit = cli(service, "audit", "replay", "--from-log", "--sample", "0")
    failures = (
        []
        if position >= acknowledged
        else [f"{acknowledged} posts were acknowledged, but the log ends at {position}"]
    )
    if audit.returncode != 0:
        failures.append(
            f"dragoman audit replay --from-log ended with {audit.returncode}: {audit.stderr[-500:]}"
        )
    return {
        "post_ratio": round(posts["service"]["per_second"] / posts["bare"]["per_second"], 4),
        "latency_ratio": round(latency["service"]["p50_ms"] / latency["bare"]["p50_ms"], 4),
        "mixed_ratio": round(mixed["4"]["per_second"] / mixed["1"]["per_second"], 4),
        "mixed": mixed,
        "cpu_us_per_post": {name: posts[name]["cpu_us"] for name in ("service", "bare")},
        "posts": posts,
        "latency": latency,
        "check": {
            "acknowledged": acknowledged,
            "position": position,
            "audited": audit.returncode == 0,
        },
        "failures": failures,
    }


def _mixed(service: Server, rounds: Rounds, plan: Plan, *arguments: object) -> Numbers:
    """The service's posts of four formats by turns, and of one, now these and now those: the
    medians.
    """
    found: dict[str, list[Numbers]] = {"4": [], "1": []}
    for _ in range(plan.rounds):
        for formats, each in found.items():
            each.append(load(service, *arguments, "--seconds", plan.posting, "--formats", formats))
            rounds.acknowledged["service"] += each[-1]["acknowledged"]
    return {
        formats: {
            "per_second": statistics.median(run["per_second"] for run in each),
            "cpu_us": statistics.median(run["cpu_us"]["server"] for run in each),
        }
        for formats, each in found.items()
    }


def section(found: Numbers) -> Section:
    """Its part of the table."""
    posts, latency = found["posts"], found["latency"]
    table = Section("posting", "service", "bare")

    def line(
        label: str,
        of: Numbers,
        name: str,
        places: int,
        ratio: float | None = None,
        target: str = "",
    ) -> None:
        table.lines.append(
            Line(label, of["service"][name], of["bare"][name], ratio, target, places)
        )

    for number, both in enumerate(
        zip(posts["service"]["rounds"], posts["bare"]["rounds"], strict=True), 1
    ):
        table.lines.append(Line(f"posts/s, round {number}", *(each["per_second"] for each in both)))
    line("posts/s, median", posts, "per_second", 0, found["post_ratio"], f"≥ {_TARGET}")
    line("  p50 ms", posts, "p50_ms", 1)
    line("  p99 ms", posts, "p99_ms", 1)
    for name, label in zip(
        _CPU, ("server", "projection's writer", "broker", "load generator"), strict=True
    ):
        ours, bare = (posts[server]["cpu_us"][name] for server in ("service", "bare"))
        table.lines.append(
            Line(f"  CPU of the {label}, us a post", ours, bare, ours / bare if bare else None)
        )
    line(
        "one post after another, p50 ms",
        latency,
        "p50_ms",
        2,
        found["latency_ratio"],
        f"≤ {_LATENCY_TARGET}",
    )
    line("  p99 ms", latency, "p99_ms", 2)
    four, one = found["mixed"]["4"], found["mixed"]["1"]
    table.remarks.append(
        f"four formats by turns: {four['per_second']:.0f} posts/s, {four['cpu_us']:.0f} us of the server; "
        f"one alone: {one['per_second']:.0f}, {one['cpu_us']:.0f}; ratio {found['mixed_ratio']:.3f}"
    )
    check = found["check"]
    audit = "the audit agrees" if check["audited"] else "the audit DOES NOT AGREE"
    table.remarks.append(
        f"acknowledged {check['acknowledged']}, position {check['position']}; {audit}"
    )
    return table
