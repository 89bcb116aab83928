"""Live: from the first byte of a flash to its record on the other side's open stream, beside the
bare hop, while others post.
"""

import statistics
from pathlib import Path
from typing import Final

from plan import Plan
from programs import CHANNEL, Failed, Numbers, Server, finished, loop_flags, pair, started
from table import Line, Section

_TARGET_MS: Final = 30
_LEAD_SECONDS: Final = 2.0
_CONNECTIONS: Final = 16


def beside(server: Server, plan: Plan, program: str, *arguments: object) -> Numbers:
    """Flashes while others post at a fixed rate: their times, and those of the others."""
    seconds = plan.flashes / plan.flash_rate + 2 * _LEAD_SECONDS
    rate = "--connections", _CONNECTIONS, "--rate", plan.background_rate, "--seconds", seconds
    background = started("load.py", *rate, f"{server.channel_url}/notifications", server.poster)
    try:
        flashes = finished(
            started(program, "--flashes", plan.flashes, "--rate", plan.flash_rate, *arguments)
        )
    finally:
        others = finished(background)
    if others["refused"]:
        raise Failed(
            f"{server.name} refused posts: {others['refused']}, the first with {others['first_refusal']}"
        )
    return {
        "arrived": _spread(flashes["arrived_ms"]),
        "answered": _spread(flashes["answered_ms"]),
        "background": {name: round(others[name], 3) for name in ("per_second", "p50_ms", "p99_ms")},
    }


def _spread(milliseconds: list[float]) -> Numbers:
    cuts = statistics.quantiles(milliseconds, n=100, method="inclusive")
    return {
        "p50_ms": round(cuts[49], 2),
        "p99_ms": round(cuts[98], 2),
        "most_ms": max(milliseconds),
    }


def measure(plan: Plan, folder: Path) -> Numbers:
    """`live_p50_ms`, `live_p99_ms`, `bare_hop_p50_ms`, `bare_hop_p99_ms`."""
    with pair(folder) as (ours, bare):
        live = beside(ours, plan, "flash.py", ours.channel_url, ours.poster, ours.reader)
        hop = beside(bare, plan, "hop.py", *loop_flags(), bare.data, CHANNEL)
    return {
        "live_p50_ms": live["arrived"]["p50_ms"],
        "live_p99_ms": live["arrived"]["p99_ms"],
        "bare_hop_p50_ms": hop["arrived"]["p50_ms"],
        "bare_hop_p99_ms": hop["arrived"]["p99_ms"],
        "live": {
            "flashes": plan.flashes,
            "background_rate": plan.background_rate,
            "service": live,
            "bare": hop,
        },
    }


def section(found: Numbers) -> Section:
    """Its part of the table."""
    live, hop = found["live"]["service"], found["live"]["bare"]
    table = Section(
        f"a flash, {found['live']['background_rate']:g} posts/s beside it", "service", "bare hop"
    )
    for name, label, target in (
        ("p50_ms", "arrived, p50 ms", ""),
        ("p99_ms", "  p99 ms", f"≤ {_TARGET_MS} ms"),
        ("most_ms", "  most ms", ""),
    ):
        ours, bare = live["arrived"][name], hop["arrived"][name]
        table.lines.append(Line(label, ours, bare, ours / bare, target, 2))
    table.lines.append(
        Line("answered, p50 ms", live["answered"]["p50_ms"], hop["answered"]["p50_ms"], places=2)
    )
    table.lines.append(
        Line(
            "those beside it, p99 ms",
            live["background"]["p99_ms"],
            hop["background"]["p99_ms"],
            places=2,
        )
    )
    table.remarks.append(
        f"{found['live']['flashes']} flashes each; the hop is a publication to a subscriber of what is republished"
    )
    return table
