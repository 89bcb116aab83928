"""Flooding: the quiet side's posts, while an officer of the other side asks ten times what the side
may, and without that.
"""

from pathlib import Path
from typing import Final

from dragoman.settings import BudgetSettings
from plan import Plan
from programs import Failed, Numbers, Server, finished, result, service, started
from table import Line, Section

_TARGET_MS: Final = 30
_TIMES: Final = 10
_RATE: Final = 20
_CONNECTIONS: Final = 64


def _quiet(server: Server, plan: Plan) -> Numbers:
    """The posts of the quiet side, at a rate that is well within its budget."""
    rate = "--connections", 8, "--rate", _RATE, "--seconds", plan.flooding
    found = result("load.py", *rate, f"{server.channel_url}/notifications", server.reader)
    if found["refused"]:
        raise Failed(
            f"the quiet side was refused: {found['refused']}, the first with {found['first_refusal']}"
        )
    return found


def measure(plan: Plan, folder: Path) -> Numbers:
    """`flood_p99_ms` beside `no_flood_p99_ms`; how much of the flood was let through."""
    with service(folder / "service", "--demo", ample=False) as server:
        without = _quiet(server, plan)
        rate = (
            "--connections",
            _CONNECTIONS,
            "--rate",
            _TIMES * BudgetSettings().side_requests,
            "--seconds",
            plan.flooding + 2,
        )
        flood = started("load.py", *rate, f"{server.channel_url}/notifications", server.poster)
        try:
            during = _quiet(server, plan)
        finally:
            flooded = finished(flood)
    return {
        "flood_p99_ms": round(during["p99_ms"], 2),
        "no_flood_p99_ms": round(without["p99_ms"], 2),
        "flood": {
            "quiet": {name: round(during[name], 2) for name in ("p50_ms", "p99_ms")},
            "alone": {name: round(without[name], 2) for name in ("p50_ms", "p99_ms")},
            "asked_per_s": round(
                (flooded["acknowledged"] + sum(flooded["refused"].values())) / (plan.flooding + 2)
            ),
            "taken_per_s": round(flooded["acknowledged"] / (plan.flooding + 2)),
            "refused": flooded["refused"],
        },
        "failures": [] if "429" in flooded["refused"] else ["the flood was not refused"],
    }


def section(found: Numbers) -> Section:
    """Its part of the table."""
    flood = found["flood"]
    table = Section(f"a quiet side, the other floods {_TIMES}-fold", "flooded", "alone")
    for name, label, target in (
        ("p50_ms", "posted, p50 ms", ""),
        ("p99_ms", "  p99 ms", f"≤ {_TARGET_MS} ms"),
    ):
        table.lines.append(
            Line(
                label,
                flood["quiet"][name],
                flood["alone"][name],
                flood["quiet"][name] / flood["alone"][name],
                target,
                2,
            )
        )
    table.remarks.append(
        f"the flood: {flood['asked_per_s']} requests/s asked, {flood['taken_per_s']} taken"
    )
    return table
