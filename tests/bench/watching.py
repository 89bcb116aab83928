"""The watch: how long it takes to have every open clock, from the start of the service."""

import json
import time
from pathlib import Path
from typing import Final

from plan import Plan
from programs import CHANNEL, Failed, Numbers, seeded, service
from table import Line, Section

_START_SECONDS: Final = 600.0
_LOADED_SECONDS: Final = 300.0
CLOCKS_EACH: Final = 3
"""Clocks of an incident that nobody has acknowledged: the acknowledgement, the next update, the
final report.
"""


def _loaded(log: Path) -> list[Numbers]:
    """Return the scheduler's log lines about the channel's deadlines, at each start."""
    lines = (json.loads(line) for line in log.read_text().splitlines() if '"watch.loaded"' in line)
    return [line for line in lines if line["channel"] == CHANNEL]


def measure(plan: Plan, folder: Path) -> Numbers:
    """`watch_start_s`, with so many open clocks and a projection that is up to date."""
    data = folder / "watch"
    seeded(data, plan.clocks // CLOCKS_EACH, waiting=True)
    log = data.with_suffix(".log")
    with service(data, start_seconds=_START_SECONDS):
        pass  # the projection is folded
    before = len(_loaded(log))
    begin = time.perf_counter()
    with service(data, start_seconds=_START_SECONDS) as server:
        while len(_loaded(log)) == before:
            if time.perf_counter() - begin > _LOADED_SECONDS:
                raise Failed("the watch did not load its clocks")
            time.sleep(0.05)
        watch_start_s = time.perf_counter() - begin
        ready_s = server.ready_s
        memory = server.uses["server"]["now_mb"]
    loaded = _loaded(log)[-1]
    return {
        "watch_start_s": round(watch_start_s, 2),
        "watch": {
            "clocks": loaded["clocks"],
            "exchanges": loaded["exchanges"],
            "ready_s": round(ready_s, 2),
            "server_mb": memory,
        },
    }


def section(found: Numbers) -> Section:
    """Its part of the table."""
    table = Section("watch", "", f"{found['watch']['clocks']:,} clocks")
    table.lines.append(
        Line("start to every clock kept, s", None, found["watch_start_s"], None, "", 2)
    )
    table.lines.append(
        Line("  to the first request, s", None, found["watch"]["ready_s"], None, "", 2)
    )
    table.lines.append(Line("  memory of the service, MB", None, found["watch"]["server_mb"], None))
    return table
