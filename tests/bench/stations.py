"""Stations: a host and two of them, each on a wire of its own. Posts and lists beside those of the
host, a flash from station to station, a hundred posts that waited, bytes on the wire, catch-up.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from dragoman.client import Client, KeptInOutbox, client, new_key
from dragoman_schemas.responses import Entry
from plan import Plan
from programs import CHANNEL, HERE, Numbers
from table import Line, Section

sys.path.append(str(HERE.parent / "support"))

from premises import Premises, StationProcess

_POST_MS: Final = 3
_LIST_RATIO: Final = 1.1
_FLASH_MS: Final = 150
_NARROW_MS: Final = 3_000
_WAITED_S: Final = 2
_BYTES: Final = 450
_RATE: Final = 5_000
_SAY_S: Final = 10
_BITS_PER_SECOND: Final = 64_000
_ONE_WAY_SECONDS: Final = 0.3
_SETTLES_SECONDS: Final = 2.0
_PAUSE_SECONDS: Final = 0.05
_LOOK_SECONDS: Final = 0.02
_BATCH: Final = 500

Act = dict[str, Any]


def _note(text: str) -> Act:
    return {"act": "contact-note", "form": "conversation", "text": text}


def _flash(text: str) -> Act:
    return {
        "act": "hazardous-incident",
        "precedence": "flash",
        "kind": "near_miss",
        "time": "2026-11-24T03:05+08:00",
        "place": {"lat": 15.12, "lon": 116.44},
        "facts": text,
    }


async def _milliseconds(call: Callable[[], Awaitable[object]]) -> float:
    begun = time.perf_counter()
    await call()
    return 1_000 * (time.perf_counter() - begun)


async def _beside(host: Client, station: Client, plan: Plan) -> Numbers:
    """Posts and lists at host and station, by turns."""
    posts: dict[str, list[float]] = {"host": [], "station": []}
    lists: dict[str, list[float]] = {"host": [], "station": []}
    for number in range(plan.turns):
        for name, office in (("host", host), ("station", station)):
            note = _note(f"Met the counterpart, {name} {number}.")
            posts[name].append(await _milliseconds(partial(office.post, CHANNEL, note)))
    path = f"/v1/channels/{CHANNEL}/exchanges"
    for _ in range(plan.turns):
        for name, office in (("host", host), ("station", station)):
            lists[name].append(await _milliseconds(partial(office.call, "GET", path)))
    medians = {
        f"{what}_{name}_p50_ms": statistics.median(times)
        for what, table in (("post", posts), ("list", lists))
        for name, times in table.items()
    }
    return medians | {
        "station_post_more_ms": medians["post_station_p50_ms"] - medians["post_host_p50_ms"],
        "station_list_ratio": medians["list_station_p50_ms"] / medians["list_host_p50_ms"],
    }


async def _flashes(sender: Client, reader: Client, count: int, pause: float) -> list[float]:
    """The milliseconds from a post at one station to the record in a stream of the other."""
    arrived: dict[int, float] = {}

    async def listen() -> None:
        async for entry in reader.follow(CHANNEL):
            if isinstance(entry, Entry):
                arrived[entry.position] = time.perf_counter()

    listening = asyncio.create_task(listen())
    await asyncio.sleep(1)
    times: list[float] = []
    for number in range(count):
        begun = time.perf_counter()
        try:
            position = (await sender.post(CHANNEL, _flash(f"flash {number}"))).recorded.position
        except KeptInOutbox:
            position = 0
        while position and position not in arrived:
            await asyncio.sleep(0.001)
        if position:
            times.append(1_000 * (arrived[position] - begun))
        await asyncio.sleep(pause)
    listening.cancel()
    return times


async def _outbox(office: Client) -> list[dict[str, Any]]:
    view = (await office.call("GET", f"/v1/channels/{CHANNEL}/outbox")).json()
    entries: list[dict[str, Any]] = view["entries"]
    return [entry for entry in entries if entry["state"] != "recorded"]


async def _waited(station: StationProcess, office: Client) -> Numbers:
    """A cut line until it is said, and a hundred posts that waited for its mending."""
    station.wire.cut()
    begun = time.perf_counter()
    while not (await office.call("GET", f"/v1/channels/{CHANNEL}/outbox")).json()["cut"]:
        await asyncio.sleep(_LOOK_SECONDS)
    said = time.perf_counter() - begun
    for number in range(100):
        act = _flash(f"waited {number}") if number % 10 == 0 else _note(f"waited {number}")
        try:
            await office.post(CHANNEL, act)
        except KeptInOutbox:
            continue
    station.wire.mend()
    begun = first = time.perf_counter()
    while rest := await _outbox(office):
        if len(rest) == 100:
            first = time.perf_counter()
        await asyncio.sleep(_LOOK_SECONDS)
    done = time.perf_counter()
    return {"cut_said_s": said, "waited_s": done - begun, "waited_sent_s": done - first}


async def _bytes(station: StationProcess, other: Client) -> Numbers:
    """The bytes that come down the wire of a station for a record that the other one signs."""
    await asyncio.sleep(_SETTLES_SECONDS)
    before = station.wire.answers.carried
    posted = await asyncio.gather(
        *(
            other.post(CHANNEL, _note(f"Of {number} ships, and of the hotline."))
            for number in range(100)
        )
    )
    await asyncio.sleep(_SETTLES_SECONDS)
    record = await other.call(
        "GET", f"/v1/channels/{CHANNEL}/records/{posted[0].recorded.position}"
    )
    return {
        "wire_bytes": (station.wire.answers.carried - before) / 100,
        "record_bytes": len(record.body),
    }


async def _caught_up(premises: Premises, plan: Plan) -> Numbers:
    """The records a second with which a new station takes the log of a host over."""
    host = premises.host
    async with client(host.base_url, host.token("nato/duty_officer")) as office:
        for begin in range(0, plan.many, _BATCH):
            lines = [
                b'{"key":"%s","act":%s}'
                % (new_key().encode(), _act(f"Met the counterpart on day {begin + index}."))
                for index in range(_BATCH)
            ]
            await office.post_batch(CHANNEL, lines)
        size = (await office.channel(CHANNEL)).position
    station = premises.station("china")
    station.stop()
    for path in (station.copy, station.data / "projection"):
        _remove(path)
    (station.data / "copies" / f"{CHANNEL}.staged").unlink(missing_ok=True)
    begun = time.perf_counter()
    station.start()
    offsets = station.copy / "offsets"
    first = 0.0
    while not offsets.exists() or offsets.stat().st_size < 8 * size:
        if not first and offsets.exists() and offsets.stat().st_size:
            first = time.perf_counter()
        await asyncio.sleep(_LOOK_SECONDS)
    status = Path(f"/proc/{station.process.pid}/status").read_text()
    peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    taken = time.perf_counter()
    return {
        "catch_up_records": size,
        "catch_up_rate": size / (taken - (first or begun)),
        "catch_up_mib": int(peak) / 1_024,
    }


def _act(text: str) -> bytes:
    return b'{"act":"contact-note","form":"conversation","text":"%s"}' % text.encode()


def _remove(path: Path) -> None:
    for child in sorted(path.rglob("*"), reverse=True):
        child.unlink() if child.is_file() else child.rmdir()


async def _measured(premises: Premises, plan: Plan) -> Numbers:
    nato, china = premises.station("nato"), premises.station("china")
    async with (
        client(premises.host.base_url, premises.host.token("nato/duty_officer")) as host,
        client(nato.base_url, nato.token("nato/duty_officer")) as one,
        client(china.base_url, china.token("china/duty_officer")) as other,
    ):
        numbers = await _beside(host, one, plan)
        times = await _flashes(one, other, plan.flashes // 4, _PAUSE_SECONDS)
        numbers["flash_ms"] = times
        numbers["station_flash_p50_ms"] = statistics.median(times)
        numbers["station_flash_p99_ms"] = sorted(times)[int(0.99 * len(times))]
        numbers |= await _bytes(nato, other)
        for station in (nato, china):
            station.wire.slow(delay_s=_ONE_WAY_SECONDS, bits_s=_BITS_PER_SECOND)
        narrow = await _flashes(one, other, plan.distant, 3.0)
        for station in (nato, china):
            station.wire.slow(delay_s=0.0, bits_s=0.0)
        numbers["station_narrow_most_ms"] = max(narrow, default=0.0)
        numbers |= await _waited(nato, one)
    return numbers | await _caught_up(premises, plan)


def measure(plan: Plan, folder: Path) -> Numbers:
    """Return the times of posts, lists, flashes and a catch-up at a station."""
    with Premises(folder / "stations") as premises:
        return asyncio.run(_measured(premises, plan))


def section(found: Numbers) -> Section:
    """Return its part of the table."""
    table = Section("stations", "station", "host")
    for label, value, other, target, places in (
        ("a post, p50 ms", "post_station_p50_ms", "post_host_p50_ms", f"+ {_POST_MS} ms", 1),
        ("a list, p50 ms", "list_station_p50_ms", "list_host_p50_ms", f"≤ {_LIST_RATIO}", 2),
        ("a flash, station to station, p50 ms", "station_flash_p50_ms", "", "", 1),
        ("  p99 ms", "station_flash_p99_ms", "", f"≤ {_FLASH_MS} ms", 1),
        (
            "  over 64 kbit/s and 600 ms, most ms",
            "station_narrow_most_ms",
            "",
            f"≤ {_NARROW_MS} ms",
            0,
        ),
        ("a cut line is said after, s", "cut_said_s", "", f"≤ {_SAY_S} s", 1),
        ("100 posts that waited, s", "waited_s", "", f"≤ {_WAITED_S} s", 2),
        ("  from the first of them, s", "waited_sent_s", "", "", 2),
        ("bytes on the wire for a signed record", "wire_bytes", "record_bytes", f"≤ {_BYTES}", 0),
        ("catch-up, records/s", "catch_up_rate", "", f"≥ {_RATE}", 0),
        ("  peak memory, MiB", "catch_up_mib", "", "", 0),
    ):
        table.lines.append(
            Line(label, found[value], found[other] if other else None, target=target, places=places)
        )
    return table
