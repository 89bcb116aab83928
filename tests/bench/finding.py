"""The palette: from a key to the goals that are shown for the text, in a channel with ten thousand
exchanges.
"""

import statistics
from pathlib import Path
from typing import Final

from plan import Plan
from programs import CHANNEL, Numbers, result, seeded, service
from table import Line, Section

_RECORDS: Final = 48_000
_EXCHANGES: Final = 10_000
"""Exchanges that so many records of the seed are, at least."""

_SHOWN_MS: Final = 100


def measure(plan: Plan, folder: Path) -> Numbers:
    """`palette_p50_ms` and `palette_p99_ms` of all queries, and both of each kind of query."""
    data = folder / "palette"
    made = seeded(data, _RECORDS if plan.palette_exchanges >= _EXCHANGES else 5_000)
    with service(data) as server:
        arguments = "--queries", plan.palette_queries, server.base_url, CHANNEL, server.reader
        found = result("typing_ahead.py", *arguments, seconds=900)
    kinds = {
        kind: {"p50_ms": round(each[49], 1), "p99_ms": round(each[98], 1), "queries": len(times)}
        for kind, times in found["milliseconds"].items()
        for each in [statistics.quantiles(times, n=100, method="inclusive")]
    }
    whole = statistics.quantiles(
        [time for times in found["milliseconds"].values() for time in times],
        n=100,
        method="inclusive",
    )
    failures = [] if found["exchanges"] >= plan.palette_exchanges else ["too few exchanges"]
    failures += [f"{kind}: nothing was listed" for kind in found["empty"]]
    return {
        "palette_p50_ms": round(whole[49], 1),
        "palette_p99_ms": round(whole[98], 1),
        "palette": {
            "exchanges": found["exchanges"],
            "records": made["position"],
            "kinds": kinds,
        },
        "failures": failures,
    }


def section(found: Numbers) -> Section:
    """Its part of the table."""
    palette = found["palette"]
    table = Section(f"palette over {palette['exchanges']} exchanges, ms", "p50", "p99")
    for kind, numbers in palette["kinds"].items():
        table.lines.append(
            Line(f"key to goals: {kind}", numbers["p50_ms"], numbers["p99_ms"], places=1)
        )
    table.lines.append(
        Line(
            "all of them",
            found["palette_p50_ms"],
            found["palette_p99_ms"],
            target=f"p99 ≤ {_SHOWN_MS} ms",
            places=1,
        )
    )
    queries = sum(numbers["queries"] for numbers in palette["kinds"].values())
    table.remarks.append(f"{queries} keys in headless Chromium, one after another")
    return table
