"""`up` with its services in processes of their own, and with two gateways on one port: each does its
work, comes back after it was killed, and stops with `up`.
"""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from dragoman.domain.acts.act_registry import FORMATS, PATHS
from patience import PATIENCE_S
from read_files import SIDE_BY_SIDE
from reader_of_pages import Reader
from receiver import Receiver, receiving
from service import INCIDENT, NOTE, Caller, Demonstration, new_key
from world import compact

pytestmark = [pytest.mark.process, pytest.mark.reads(*SIDE_BY_SIDE)]

C = "/v1/channels/nato-china"
WHERE = next(path for path, family in PATHS.items() if family == FORMATS["danger-area"].rule.family)
SERVICES = ("scheduler", "notifier", "signer", "gateway-2")
SETTINGS = {
    "DRAGOMAN_SERVICES": "apart",
    "DRAGOMAN_HTTP__GATEWAYS": "2",
    "DRAGOMAN_HTTP__DRAIN_S": "0",
    "DRAGOMAN_COURIER__PRIVATE_NETWORKS": '["127.0.0.0/8"]',
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    """A demonstration whose services are apart."""
    service = Demonstration(tmp_path_factory.mktemp("apart") / "data", environment=SETTINGS)
    yield service
    service.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """HTTP requests, each with a connection of its own: the kernel chooses its gateway."""
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


def processes(service: Demonstration) -> dict[str, int]:
    """The process id of each service beside the gateway, by its name."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (folder / "cmdline").read_bytes().decode().split("\0")
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if parent == service.process.pid and "serve" in arguments:
            place = arguments.index("--name") + 1 if "--name" in arguments else -1
            found[arguments[place] if place > 0 else arguments[arguments.index("serve") + 1]] = int(
                folder.name
            )
    return found


async def until(condition: Any) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await condition():
            await asyncio.sleep(0.1)


async def works(session: aiohttp.ClientSession, service: Demonstration, receiver: Receiver) -> None:
    """Each service does its work for a new act: a notice, a delivery, a signed head."""
    nato = Caller(session, service, "nato/duty_officer")
    opens = datetime.now(UTC) + timedelta(minutes=10, seconds=2)
    area = {
        "act": "danger-area",
        "place": INCIDENT["place"],
        "window": {
            "from": f"{opens:%Y-%m-%dT%H:%M:%SZ}",
            "to": f"{opens + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        },
        "hazard": "firing",
    }
    opened = await nato.post(f"{C}/{WHERE}", compact(area), Content_Type="application/json")
    assert opened.status == 201, opened.body
    exchange, position = opened.json["exchange"], opened.json["position"]

    async def is_noticed() -> bool:
        acts = (await nato.get(f"{C}/exchanges/{exchange}")).json["state"].get("acts", {})
        return "window-notice" in acts

    async def is_brought() -> bool:
        return any(json.loads(body)["subject"] == exchange for _, body in receiver.taken)

    async def is_signed() -> bool:
        checkpoint = await nato.get(f"{C}/log/checkpoint")
        return checkpoint.status == 200 and int(checkpoint.body.split(b"\n")[1]) >= position

    for condition in (is_noticed, is_brought, is_signed):
        await until(condition)


async def test_each_does_its_work_also_after_it_was_killed(
    service: Demonstration, session: aiohttp.ClientSession, receiver: Receiver
) -> None:
    head = Caller(session, service, "china/head_of_office")
    entered = await head.post("/v1/webhooks", {"channel": "nato-china", "url": receiver.url})
    assert entered.status == 201, entered.body
    receiver.secret = entered.json.get("secret") or entered.json["public_key"]
    await works(session, service, receiver)
    before = processes(service)
    assert sorted(before) == sorted(SERVICES)
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)

    async def is_said() -> bool:
        checks = (await Caller(session, service, "operator").get("/healthz")).json["checks"]
        return any(not check["ok"] and "scheduler process" in check["detail"] for check in checks)

    async def is_back() -> bool:
        return sorted(processes(service)) == sorted(SERVICES)

    await until(is_said)
    await until(is_back)
    assert not set(before.values()) & set(processes(service).values())
    await works(session, service, receiver)


async def test_a_port_with_two_gateways_is_one_host(
    service: Demonstration, session: aiohttp.ClientSession
) -> None:
    def listening() -> int:
        lines = [
            json.loads(line) for line in service.log.read_text().splitlines() if line[:1] == "{"
        ]
        return sum(line.get("url", "").startswith(service.base_url) for line in lines)

    async def both_listen() -> bool:
        return listening() >= 2

    await until(both_listen)
    nato = Caller(session, service, "nato/officer")
    key = new_key()
    answers = [await nato.open(NOTE, key=key) for _ in range(20)]
    assert len({answer.body for answer in answers}) == 1
    token = await Caller(session, service, "operator").post(
        "/v1/tokens", {"actor": "nato/o-1", "channels": ["nato-china"], "label": "two"}
    )
    headers = {"Authorization": f"Bearer {token.json['token']}"}
    position = answers[0].json["position"]
    for _ in range(20):
        url = f"{service.base_url}{C}/records/{position}"
        async with session.get(url, headers={**headers, "Dragoman-Position": f"{position}"}) as got:
            assert got.status == 200
    reader = await Reader.signed_in(session, service, "nato/officer")
    for _ in range(10):
        async with session.get(f"{service.base_url}/c/nato-china", headers=reader.headers) as page:
            assert page.status == 200
    streams = [asyncio.create_task(streamed(session, nato, position, 5)) for _ in range(6)]
    positions = [(await nato.open(NOTE)).json["position"] for _ in range(5)]
    for stream in streams:
        assert await stream == positions


async def streamed(
    session: aiohttp.ClientSession, nato: Caller, after: int, count: int
) -> list[int]:
    """The positions of the first notes on a stream of a channel."""
    url = f"{nato.service.base_url}{C}/records?from={after + 1}"
    found: list[int] = []
    async with (
        asyncio.timeout(PATIENCE_S),
        session.get(url, headers={**nato.headers, "Accept": "text/event-stream"}) as answer,
    ):
        place = 0
        async for line in answer.content:
            if line.startswith(b"id:"):
                place = int(line.partition(b":")[2])
            elif line.startswith(b"data:") and b'"contact-note"' in line:
                found.append(place)
                if len(found) == count:
                    break
    return found


async def test_a_signal_stops_all_of_them(tmp_path: Path) -> None:
    service = Demonstration(tmp_path / "data", environment=SETTINGS)

    async def all_run() -> bool:
        return sorted(processes(service)) == sorted(SERVICES)

    await until(all_run)
    pids = processes(service).values()
    begun = time.monotonic()
    service.process.send_signal(signal.SIGTERM)
    for pid in pids:  # as a service manager does, which signals all of them
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    assert service.stop() == 0
    assert "ServiceEnded" not in service.log.read_text()
    assert time.monotonic() - begun < PATIENCE_S
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    service.start()
    await until(all_run)
    pids = processes(service).values()
    service.stop(signal.SIGKILL)

    async def none_runs() -> bool:
        return not any(Path(f"/proc/{pid}").exists() for pid in pids)

    await until(none_runs)
