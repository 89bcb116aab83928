"""Size: how long logs start, are folded anew, answer, and how much memory they take."""

import time
from pathlib import Path
from typing import Any, Final

from asking import Asker
from plan import Plan
from posting import position_of
from programs import Failed, Numbers, forget_projection, seeded, service
from table import Line, Section

_START_SECONDS: Final = 1800.0
_READ_SECONDS: Final = 20.0
_SETTLE_SECONDS: Final = 3.0


def _rebuilt(data: Path, records: int) -> Numbers:
    """A start without a projection."""
    forget_projection(data)
    with service(data, start_seconds=_START_SECONDS) as server:
        if position_of(server) != records:
            raise Failed(
                f"the log has {records} records, the gateway has folded {position_of(server)}"
            )
        time.sleep(_SETTLE_SECONDS)
        uses = server.uses
    cpu_us = round(sum(uses[name]["cpu_s"] for name in ("server", "writer")) / records * 1e6, 1)
    return {
        "per_second": round(records / server.ready_s),
        "seconds": round(server.ready_s, 1),
        "cpu_us_per_record": cpu_us,
        **_memory(uses),
    }


def _memory(uses: Numbers) -> Numbers:
    return {
        f"{name}_mb": {"steady": uses[name]["now_mb"], "peak": uses[name]["peak_mb"]}
        for name in ("server", "writer", "broker")
    }


def _started(data: Path, reads: int) -> Numbers:
    """A start with the projection of all: to the answer to the first post; then reads of now and of
    the past.
    """
    begin = time.perf_counter()
    with service(data, start_seconds=_START_SECONDS) as server:
        asker = Asker(server)
        asker.time(asker.post())
        start_s = time.perf_counter() - begin
        asker.settled()
        middle = position_of(server) // 2
        exchange = asker.told(f"/exchanges?cursor={middle}&limit=1")["exchanges"][0]["id"]
        paths = {
            "list": "/exchanges",
            "list_middle": f"/exchanges?cursor={middle}",
            "list_open": "/exchanges?family=notification&status=open&side=china",
            "list_unacknowledged": "/exchanges?unacknowledged_by=china",
            "search": asker.searched(),
            "exchange": f"/exchanges/{exchange}",
            "exchange_at": f"/exchanges/{exchange}?at={middle}",
            "state": "/state",
            "state_at": f"/state?at={middle}",
        }
        p50_ms = {
            name: asker.p50_ms(asker.about(path), reads, _READ_SECONDS)
            for name, path in paths.items()
        }
        asker.close()
        memory = _memory(server.uses)
    return {"start_s": round(start_s, 2), "p50_ms": p50_ms, **memory}


def _sized(data: Path, records: int, reads: int) -> Numbers:
    seeding = seeded(data, records)
    rebuilt = _rebuilt(data, records)
    started = _started(data, reads)
    megabytes = {
        name: sum(file.stat().st_size for file in (data / name).rglob("*") if file.is_file()) >> 20
        for name in ("nats", "projection")
    }
    return {
        "seed_s": seeding["seconds"],
        "rebuild": rebuilt,
        "start": started,
        "disk_mb": megabytes,
    }


def measure(plan: Plan, folder: Path) -> Numbers:
    """`start_s` and `rebuild_per_s` of each size."""
    sizes = {
        str(records): _sized(folder / f"size-{records}", records, plan.reads)
        for records in plan.sizes
    }
    return {
        "start_s": {records: of["start"]["start_s"] for records, of in sizes.items()},
        "rebuild_per_s": {records: of["rebuild"]["per_second"] for records, of in sizes.items()},
        "size": sizes,
    }


def section(found: Numbers) -> Section:
    """Its part of the table: the smallest size beside the largest."""
    sizes = found["size"]
    few, many = min(sizes, key=int), max(sizes, key=int)
    table = Section("size", f"{int(few):,}", f"{int(many):,}")

    def line(label: str, *path: str, places: int = 0) -> None:
        one, other = (_inside(sizes[records], path) for records in (few, many))
        table.lines.append(Line(label, one, other, other / one, places=places))

    line("start to the first post, s", "start", "start_s", places=2)
    line("records folded anew a second", "rebuild", "per_second")
    line("  CPU of the gateway, us a record", "rebuild", "cpu_us_per_record")
    for process in ("server", "writer", "broker"):
        for name in ("rebuild", "start"):
            for when in ("steady", "peak"):
                line(f"{process}, {when} after a {name}, MB", name, f"{process}_mb", when)
    for name in sizes[few]["start"]["p50_ms"]:
        line(f"{name}, p50 ms", "start", "p50_ms", name, places=2)
    for name in ("nats", "projection"):
        line(f"{name} on the disk, MB", "disk_mb", name)
    return table


def _inside(found: Numbers, path: tuple[str, ...]) -> float:
    number: Any = found
    for name in path:
        number = number[name]
    return float(number)
