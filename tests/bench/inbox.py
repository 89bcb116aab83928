"""One officer in many channels: the board over all of them, and one stream in which a flash of any
of them rings, while others post.
"""

import statistics
from pathlib import Path
from typing import Final

from plan import Plan
from programs import CHANNEL, Numbers, result, service, used
from table import Line, Section

_CHANNELS: Final = 56
_OPEN: Final = 20
"""Exchanges of each channel that wait for the officer's side."""

_BOARD_MS: Final = 150
_BOARD_KIB: Final = 150
_RING_MS: Final = 500


def measure(plan: Plan, folder: Path) -> Numbers:
    """`inbox_board_p95_ms`, `inbox_board_kib`, `inbox_ring_p99_ms`; a board of each channel beside
    them.
    """
    with service(folder / "inbox", "--demo") as server:
        size = "--channels", _CHANNELS, "--open", _OPEN, "--flashes", max(20, plan.flashes // 2)
        looks = "--looks", plan.reads * 2
        operator = server.data / "operator.token"
        found = result("many.py", *size, *looks, server.base_url, operator, CHANNEL, seconds=900)
        memory = used(server.pid)["peak_mb"]
    boards, rings, singles = (
        statistics.quantiles(found[name], n=100, method="inclusive")
        for name in ("boards", "rings", "singles")
    )
    return {
        "inbox_board_p50_ms": round(boards[49], 1),
        "inbox_board_p95_ms": round(boards[94], 1),
        "inbox_board_kib": round(found["bytes"] / 1024, 1),
        "inbox_ring_p50_ms": round(rings[49], 1),
        "inbox_ring_p99_ms": round(rings[98], 1),
        "inbox_json_p95_ms": round(
            statistics.quantiles(found["inboxes"], n=100, method="inclusive")[94], 1
        ),
        "inbox_single_boards_ms": round(singles[49], 1),
        "inbox": {
            "channels": _CHANNELS,
            "owed": found["owed"],
            "rings": len(found["rings"]),
            "cursor": found["cursor"],
            "peak_mb": memory,
        },
        "failures": [],
    }


def section(found: Numbers) -> Section:
    """Its part of the table."""
    inbox = found["inbox"]
    table = Section(f"an officer in {inbox['channels']} channels", "one", "each")
    single, board = found["inbox_single_boards_ms"], found["inbox_board_p50_ms"]
    table.lines.append(
        Line("board over all, p50 ms; all boards", board, single, board / single, places=1)
    )
    table.lines.append(
        Line("  p95 ms", found["inbox_board_p95_ms"], target=f"≤ {_BOARD_MS} ms", places=1)
    )
    table.lines.append(
        Line("  KiB transferred", found["inbox_board_kib"], target=f"≤ {_BOARD_KIB} KiB", places=1)
    )
    table.lines.append(Line("inbox as JSON, p95 ms", found["inbox_json_p95_ms"], places=1))
    table.lines.append(Line("flash to its alarm, p50 ms", found["inbox_ring_p50_ms"], places=1))
    table.lines.append(
        Line("  p99 ms", found["inbox_ring_p99_ms"], target=f"≤ {_RING_MS} ms", places=1)
    )
    table.remarks.append(
        f"{inbox['owed']} owed; {inbox['rings']} flashes in random channels over one stream; a "
        f"cursor has {inbox['cursor']} characters at most; gateway {inbox['peak_mb']} MB at most"
    )
    return table
