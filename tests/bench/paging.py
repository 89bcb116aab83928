"""Reach: from the first byte of a flash to the message at the receiver of each way, with ten thousand
endpoints on the host and ways that are down.

A tenth of the endpoints are of the busy channel, and want other records. Forty are ways of officers
whose service takes connections and never answers.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final
from urllib.request import Request, urlopen

from dragoman.eventlog.nats_connection import connected
from dragoman.stores.endpoints import BUCKET, NotificationEndpoint, NotificationEndpoints
from dragoman.stores.key_value import Bucket
from plan import Plan
from programs import CHANNEL, Failed, Numbers, Server, seeded, service
from table import Line, Section

_TARGET_MS: Final = 2_000
_RECORDS: Final = 200
_DOWN: Final = 40
_WAYS: Final = ("ntfy", "gotify", "sms", "mail")
_PAUSE_SECONDS: Final = 0.5
_PATIENCE_SECONDS: Final = 30.0
_GOTIFY_TOKEN: Final = "A" * 15
_FLASH: Final = {
    "act": "hazardous-incident",
    "precedence": "flash",
    "kind": "near_miss",
    "time": "2026-11-24T03:05+08:00",
    "place": {"lat": 15.12, "lon": 116.44},
    "facts": "Two aircraft passed close. Rest unknown.",
}


def _configured(folder: Path, ports: Numbers) -> Path:
    """The settings of an operator who uses the receivers."""
    http, silent = ports["http"], ports["silent"]
    addresses = {
        "push": f"ntfy://127.0.0.1:{http}/{{to}}",
        "sms": f"smseagle://{'k' * 20}@127.0.0.1:{http}/{{to}}",
        "down": f"ntfy://127.0.0.1:{silent}/{{to}}",
    }
    lines = ["[courier]", 'private_networks = ["127.0.0.0/8"]', "retries_s = [600]"]
    lines += ["[courier.smtp]", 'host = "127.0.0.1"', f"port = {ports['mail']}", 'tls = "none"']
    for name, address in addresses.items():
        path = folder / f"{name}.url"
        path.touch(mode=0o600)
        path.write_text(address)
        to = "phone" if name == "sms" else "topic"
        lines += [
            "[[courier.ways]]",
            f'name = "{name}"',
            f'to = "{to}"',
            f'url_file = "{path}"',
        ]
    lines += ["[[courier.ways]]", 'name = "own"', 'to = "url"', 'services = ["gotify"]']
    config = folder / "reach.toml"
    config.write_text("\n".join(lines))
    return config


def _ask(
    server: Server, token: Path, method: str, path: str, body: Numbers | None = None
) -> Numbers:
    request = Request(  # our own server
        f"{server.base_url}{path}",
        None if body is None else json.dumps(body).encode(),
        {
            "Authorization": f"Bearer {token.read_text()}",
            "Content-Type": "application/json",
            "Idempotency-Key": f"reach-{time.monotonic_ns()}",
        },
        method=method,
    )
    with urlopen(request, timeout=60) as response:
        answer: Numbers = json.loads(response.read())
    return answer


async def _fill(server: Server, count: int) -> None:
    """Enter the endpoints of others: a tenth of them in the busy channel."""
    data = server.data
    url = f"nats://127.0.0.1:{_broker_port(data)}"
    cid = _ask(server, server.reader, "GET", f"/v1/channels/{CHANNEL}")["cid"]
    async with connected(url, "gateway", data / "keys" / "nats-gateway.nk", None) as bus:
        store = NotificationEndpoints(Bucket(bus, BUCKET))
        await store.refresh()
        slots = asyncio.Semaphore(64)

        async def enter(n: int) -> None:
            async with slots:
                await store.add(
                    NotificationEndpoint(
                        id=f"00000000-0000-4000-8000-{n:012d}",
                        cid=cid if n % 10 == 0 else f"{n:064x}",
                        side="china",
                        means="webhook",
                        target="https://receiver.example/hook",
                        acts=("codebook-adoption",),
                        created_by="china/o-1",
                        officer="china/o-1",
                    ),
                    0 if n % 10 else 1_000_000,
                )

        await asyncio.gather(*(enter(n) for n in range(count)))


def _broker_port(data: Path) -> int:
    ports = json.loads(next((data / "nats" / "ports").glob("*.ports")).read_text())
    return int(ports["nats"][0].rpartition(":")[2])


def measure(plan: Plan, folder: Path) -> Numbers:
    """`reach_p99_ms` of the slowest way, and the spread of each."""
    data = folder / "reach"
    seeded(data, _RECORDS)
    carrier = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("carrier.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert carrier.stdout is not None and carrier.stdin is not None
    with ExitStack() as stack:
        stack.callback(carrier.wait)
        stack.callback(carrier.stdin.close)
        ports = json.loads(carrier.stdout.readline())
        config = _configured(folder, ports)
        server = stack.enter_context(service(data, "--config", str(config)))
        begun = time.perf_counter()
        asyncio.run(_fill(server, plan.endpoints))
        filled_s = time.perf_counter() - begun
        _enter_ways(server, ports)
        time.sleep(3)  # the notifier looks at all of them once
        times: dict[str, list[float]] = {way: [] for way in _WAYS}
        for _ in range(plan.calls):
            begin = time.time()
            opened = _ask(
                server, server.poster, "POST", f"/v1/channels/{CHANNEL}/notifications", _FLASH
            )
            for way, at in _arrivals(carrier.stdout.readline).items():
                times[way].append((at - begin) * 1_000)
            acknowledgement = {"act": "acknowledgement"}
            _ask(
                server,
                server.reader,
                "POST",
                f"/v1/channels/{CHANNEL}/exchanges/{opened['exchange']}/acts",
                acknowledgement,
            )
            time.sleep(_PAUSE_SECONDS)
        memory = server.uses["server"]["now_mb"]
    spread = {way: _spread(values) for way, values in times.items()}
    return {
        "reach_p99_ms": max(values["p99_ms"] for values in spread.values()),
        "reach": {
            "endpoints": plan.endpoints,
            "down": _DOWN,
            "flashes": plan.calls,
            "filled_s": round(filled_s, 1),
            "server_mb": memory,
            **spread,
        },
    }


def _enter_ways(server: Server, ports: Numbers) -> None:
    """Enter a way of the side for each receiver, and those that are down."""
    head = server.data.with_suffix(".head-token")
    head.touch(mode=0o600)
    tokens = json.loads((server.data / "demo.json").read_text())["tokens"]
    head.write_text(tokens["china/head_of_office"])
    narrow = {"channel": CHANNEL, "acts": ["hazardous-incident"]}
    own = f"gotify://127.0.0.1:{ports['http']}/{_GOTIFY_TOKEN}"
    ways = [
        {"way": "push", "to": "duty"},
        {"way": "sms", "to": "+8613912345678"},
        {"way": "own", "to": own},
        {"address": "duty@liaison.example"},
    ]
    for way in ways:
        _ask(server, head, "POST", "/v1/webhooks", {**narrow, **way})
    for n in range(_DOWN):
        token = server.reader if n % 2 else head
        new = {"channel": CHANNEL, "way": "down", "to": f"phone{n}", "called": False}
        _ask(server, token, "POST", "/v1/reach", {**new, "precedence": "flash"})


def _arrivals(readline: object) -> dict[str, float]:
    """The times at which one flash arrived by each way."""
    assert callable(readline)
    arrivals: dict[str, float] = {}
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while len(arrivals) < len(_WAYS):
        if time.monotonic() > deadline:
            raise Failed(f"a flash did not arrive by {set(_WAYS) - set(arrivals)}")
        line = json.loads(readline())
        arrivals.setdefault(line["way"], line["at"])
    return arrivals


def _spread(milliseconds: list[float]) -> Numbers:
    cuts = statistics.quantiles(milliseconds, n=100, method="inclusive")
    return {
        "p50_ms": round(cuts[49], 1),
        "p99_ms": round(cuts[98], 1),
        "most_ms": round(max(milliseconds), 1),
    }


def section(found: Numbers) -> Section:
    """Its part of the table."""
    reach = found["reach"]
    table = Section(
        f"a flash at a receiver, {reach['endpoints']:,} endpoints, {reach['down']} down", "", "p50"
    )
    for way in _WAYS:
        table.lines.append(
            Line(
                f"{way}, p99 ms",
                reach[way]["p99_ms"],
                reach[way]["p50_ms"],
                None,
                f"≤ {_TARGET_MS}",
                1,
            )
        )
    return table
