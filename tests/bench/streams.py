"""Streams: a thousand readers at one gateway, while fifty records a second arrive: how late they
have them, and what they cost.
"""

from pathlib import Path
from typing import Final

from plan import Plan
from programs import Numbers, result, service, used
from table import Line, Section

_TARGET_MB: Final = 300
_RATE: Final = 50


def measure(plan: Plan, folder: Path) -> Numbers:
    """`sse_streams_p50_ms`, `sse_streams_p99_ms`, `sse_streams_mb`: the gateway's resident memory
    at its highest.
    """
    with service(folder / "service", "--demo") as server:
        before = used(server.pid)
        size = "--readers", plan.readers, "--rate", _RATE, "--seconds", plan.streaming
        found = result("readers.py", *size, server.channel_url, server.poster, server.reader)
        after = used(server.pid)
    cuts = found["cuts_ms"]
    failures = (
        []
        if found["arrived"] == found["wanted"]
        else [f"{found['arrived']} of {found['wanted']} events arrived"]
    )
    return {
        "sse_streams": plan.readers,
        "sse_streams_p50_ms": cuts[49],
        "sse_streams_p99_ms": cuts[98],
        "sse_streams_mb": after["peak_mb"],
        "streams": {
            "events": found["wanted"],
            "without_mb": before["now_mb"],
            "cpu_share": round((after["cpu_s"] - before["cpu_s"]) / plan.streaming, 2),
        },
        "failures": failures,
    }


def section(found: Numbers) -> Section:
    """Its part of the table."""
    table = Section(f"{found['sse_streams']} open streams, {_RATE} records/s", "service", "")
    table.lines.append(Line("arrived, p50 ms", found["sse_streams_p50_ms"], places=1))
    table.lines.append(Line("  p99 ms", found["sse_streams_p99_ms"], places=1))
    table.lines.append(
        Line(
            "gateway, MB at most",
            found["sse_streams_mb"],
            found["streams"]["without_mb"],
            target=f"≤ {_TARGET_MB} MB",
        )
    )
    table.remarks.append(
        f"{found['streams']['events']} events; {found['streams']['cpu_share']} of a processor; beside it: MB before"
    )
    return table
