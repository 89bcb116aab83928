"""The operator's address of a process, and how a process starts, is reloaded and stops."""

import asyncio
import json
import math
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from certificates import certificate, common_name
from dragoman import metrics
from patience import PATIENCE_S
from ports import free_port
from service import DRAGOMAN, INCIDENT, NOTE, Caller, Second, Service, new_key

pytestmark = pytest.mark.process

C = "/v1/channels/nato-china"


class Door:
    """The operator's address at a Unix socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path)))

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.session.get(f"http://admin{path}") as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text.startswith("{") else text

    async def metrics(self) -> dict[str, float]:
        """Every sample, by its name and labels."""
        _, text = await self.get("/metrics")
        return {
            ",".join(
                [sample.name, *(f"{k}={v}" for k, v in sorted(sample.labels.items()))]
            ): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("door") / "admin.sock"


@pytest.fixture
async def door(path: Path) -> AsyncIterator[Door]:
    opened = Door(path)
    yield opened
    await opened.session.close()


def with_door(path: Path, **more: str) -> dict[str, str]:
    return {"DRAGOMAN_ADMIN__SOCKET": str(path), **more}


@pytest.fixture
def opened(tmp_path: Path, path: Path) -> Iterator[Service]:
    service = Service(tmp_path / "data", "--demo", environment=with_door(path))
    yield service
    service.stop()


def checks(health: Any) -> dict[str, bool]:
    return {check["name"]: check["ok"] for check in health["checks"]}


async def test_probes_and_metrics_are_answered_and_not_in_the_log(
    opened: Service, door: Door, session: aiohttp.ClientSession
) -> None:
    assert await door.get("/livez") == (200, {"status": "ok"})
    assert (await door.get("/startupz"))[0] == 200
    status, health = await door.get("/readyz")
    assert status == 200 and checks(health)["broker connected"]
    assert (await door.get("/v1/channels"))[0] == 404
    nato = Caller(session, opened, "nato/duty_officer")
    before = await door.metrics()
    for _ in range(3):
        await nato.open(NOTE)
    (await nato.post(f"{C}/contacts", {"act": "contact-note"})).problem(422, "invalid-act")
    key = new_key()
    for _ in range(2):
        assert (await nato.post(f"{C}/contacts", NOTE, key=key)).status == 201
    after = await door.metrics()

    def more(name: str) -> float:
        return after[name] - before.get(name, 0.0)

    assert more("dragoman_posts_total,family=contact,outcome=recorded") == 4
    assert more("dragoman_posts_total,family=contact,outcome=replayed") == 1
    assert more("dragoman_posts_total,family=contact,outcome=refused") == 1
    route = "dragoman_http_requests_total,method=POST,route=/v1/channels/{channel}/{family}"
    assert more(f"{route},status=2xx") == 5 and more(f"{route},status=4xx") == 1
    assert more("dragoman_append_duration_seconds_count") >= 4
    assert after["dragoman_channels,state=live"] == 5
    assert after["dragoman_broker_durable"] == 1
    paths = {line.get("path") for line in opened.logged}
    assert paths.isdisjoint({"/livez", "/startupz", "/readyz", "/healthz", "/metrics"})
    secret = opened.token("nato/duty_officer")
    _, text = await door.get("/metrics")
    assert secret not in text and "nato" not in text, "no channel, side or officer is a label"


async def test_gauges_show_what_waits(
    opened: Service, door: Door, session: aiohttp.ClientSession
) -> None:
    flash = await Caller(session, opened, "nato/duty_officer").open(
        {**INCIDENT, "precedence": "flash"}
    )

    async def gauge(name: str, least: float) -> float:
        async with asyncio.timeout(PATIENCE_S):
            while not (value := (await door.metrics())[name]) >= least:
                await asyncio.sleep(0.5)
        return value

    assert await gauge("dragoman_flashes_unacknowledged", 1) == 1
    assert await gauge("dragoman_deadlines_open", 1) >= 1
    china = Caller(session, opened, "china/duty_officer")
    acknowledged = await china.act(flash.json["exchange"], {"act": "acknowledgement"})
    assert acknowledged.status == 201, acknowledged.body
    async with asyncio.timeout(PATIENCE_S):
        while (await door.metrics())["dragoman_flashes_unacknowledged"] != 0:
            await asyncio.sleep(0.5)


async def test_every_metric_of_a_gateway_has_a_value_at_the_latest_when_it_is_asked_again(
    opened: Service, door: Door
) -> None:
    of_others = {"dragoman_mirror_records", "dragoman_mirror_fault"}
    async with asyncio.timeout(PATIENCE_S):
        while nan := {name for name, value in (await door.metrics()).items() if math.isnan(value)}:
            if {name for name in nan if not name.startswith("dragoman_station_")} <= of_others:
                break
            await asyncio.sleep(0.5)


# Before the broker is there


@asynccontextmanager
async def forwarded(port: int, to: int) -> AsyncIterator[None]:
    """Connections to a port lead to another one."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while block := await reader.read(65536):
                writer.write(block)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", to)
        await asyncio.gather(pump(reader, back), pump(there, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    yield
    server.close()


def waiting_gateway(
    own: Service, data: Path, broker: int, environment: dict[str, str], port: int = 0
) -> subprocess.Popen[str]:
    """A gateway whose broker is not there yet."""
    command: list[str | Path] = [DRAGOMAN, "serve", "gateway", "--data", data, "--port", str(port)]
    keys: list[str | Path] = [
        "--nats-url",
        f"nats://127.0.0.1:{broker}",
        "--nats-keys",
        own.data / "keys",
    ]
    with (data.parent / "waiting.log").open("w") as log:
        return subprocess.Popen(
            [*command, *keys, "--log-format", "json", "--name", "waiting"],
            env={**os.environ, **environment},
            stdout=log,
            stderr=log,
            text=True,
        )


async def test_a_gateway_answers_before_its_broker_is_there_and_goes_on_by_itself(
    own: Service, door: Door, path: Path, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    broker, port = free_port(), free_port()
    process = waiting_gateway(own, tmp_path / "waiting", broker, with_door(path), port)
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not path.exists():
                await asyncio.sleep(0.05)
            url = f"http://127.0.0.1:{port}"
            while True:
                with suppress(aiohttp.ClientConnectionError):
                    async with session.get(f"{url}/livez") as answer:
                        assert answer.status == 200
                        break
                await asyncio.sleep(0.05)
        status, health = await door.get("/startupz")
        assert (status, health["checks"][0]["detail"]) == (503, "connecting to the broker")
        assert (await door.get("/livez"))[0] == 200 and (await door.get("/readyz"))[0] == 503
        async with session.get(f"{url}/readyz") as answer:
            assert answer.status == 503
            assert checks(await answer.json()) == {"the service has started": False}
        async with session.get(f"{url}{C}") as answer:
            body = await answer.json()
            assert (answer.status, body["type"]) == (503, "/problems/unavailable")
            assert int(answer.headers["Retry-After"]) > 0 and "Server" in answer.headers
        async with session.get(
            f"{url}/c/nato-china", headers={"Accept": "text/html", "Accept-Language": "fr"}
        ) as answer:
            assert answer.status == 503 and answer.headers["Refresh"]
            shown = await answer.text()
            assert 'lang="fr"' in shown and "démarre" in shown and "téléphone" in shown
            assert "<button" not in shown, "nothing on it would work"
        async with session.post(
            f"{url}/c/nato-china/compose/contact-note",
            data={"f.text.en": "typed"},
            headers={"Accept": "text/html"},
        ) as answer:
            assert answer.status == 503 and "Refresh" not in answer.headers
            assert "Nothing was recorded. Go back" in await answer.text()
        await asyncio.sleep(4)
        lines = (tmp_path / "waiting.log").read_text().splitlines()
        assert 1 <= sum("nats.error" in line for line in lines) <= 2, "at most every ten seconds"
        async with forwarded(broker, int(own.nats_url.rpartition(":")[2])):
            async with asyncio.timeout(PATIENCE_S):
                while (await door.get("/readyz"))[0] != 200:
                    await asyncio.sleep(0.1)
            assert (await door.get("/startupz"))[0] == 200
            async with session.get(f"{url}/livez") as answer:
                assert answer.status == 200
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()


async def test_a_gateway_that_waits_for_its_broker_can_be_stopped(
    own: Service, door: Door, path: Path, tmp_path: Path
) -> None:
    process = waiting_gateway(own, tmp_path / "waiting", free_port(), with_door(path))
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not path.exists():
                await asyncio.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()


# Stopping


class Drained(Second):
    """A second gateway with settings of its own."""

    def __init__(self, first: Service, data: Path, environment: dict[str, str]) -> None:
        self.environment = {**Second.environment, **environment}
        super().__init__(first, data)


async def test_a_gateway_that_is_stopped_serves_on_says_so_and_ends_its_streams(
    own: Service, door: Door, path: Path, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    second = await asyncio.to_thread(
        Drained, own, tmp_path / "second", with_door(path, DRAGOMAN_HTTP__DRAIN_S="3")
    )
    china = Caller(session, second, "china/duty_officer")
    headers = {**china.headers, "Accept": "text/event-stream"}
    async with session.get(f"{second.base_url}{C}/records", headers=headers) as stream:
        assert stream.status == 200
        process = second.process
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            while (await door.get("/readyz"))[0] != 503:
                await asyncio.sleep(0.02)
        async with session.get(f"{second.base_url}/readyz") as answer:
            assert answer.status == 503
            assert not checks(await answer.json())["the service is not stopping"]
            assert answer.headers["Connection"] == "close"
        posted = await Caller(session, second, "nato/officer").open(NOTE)
        assert posted.headers["Connection"] == "close", (
            "it is served, and the client goes elsewhere"
        )
        text = await asyncio.wait_for(stream.content.read(), PATIENCE_S)
        assert posted.json["id"].encode() in text, "the stream brings it"
        farewell = [line for line in text.splitlines() if line.startswith(b"retry: ")]
        assert len(farewell) == 2, "the stream ends with the time at which to come back"
    assert await asyncio.to_thread(second.stop, signal.SIGCONT) == 0
    lines = {line["event"]: line for line in second.logged}
    assert lines["service.stopping"]["signal"] == "SIGTERM"
    assert 3 <= lines["service.stopped"]["seconds"] < 3 + PATIENCE_S
    assert not path.exists()


async def test_a_second_signal_ends_the_wait(
    own: Service, path: Path, door: Door, tmp_path: Path
) -> None:
    second = await asyncio.to_thread(
        Drained, own, tmp_path / "second", with_door(path, DRAGOMAN_HTTP__DRAIN_S="600")
    )
    second.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(PATIENCE_S):
        while (await door.get("/readyz"))[0] != 503:
            await asyncio.sleep(0.02)
    assert await asyncio.to_thread(second.stop) == 0


# Reloading


class Plain(Service):
    """A service whose settings are all in its file."""

    def command(self) -> list[str | Path]:
        return ["up", "--data", self.data]


async def test_sighup_takes_over_the_level_and_the_certificate_or_nothing(
    path: Path, tmp_path: Path
) -> None:
    chain, key = certificate(tmp_path, "first")
    config = tmp_path / "dragoman.toml"

    def write(level: str, more: str = "") -> None:
        config.write_text(
            f'{more}\n[log]\nlevel = "{level}"\n[http]\ncertificate = "{chain}"\nkey = "{key}"\n'
        )

    write("warning")
    environment = with_door(path, DRAGOMAN_CONFIG=str(config))
    service = await asyncio.to_thread(Plain, tmp_path / "data", environment=environment)
    try:
        assert await asyncio.to_thread(common_name, service) == "first"
        certificate(tmp_path, "second")
        write("info")
        service.process.send_signal(signal.SIGHUP)
        await service.said(lambda line: line["event"] == "settings.reloaded")
        assert await asyncio.to_thread(common_name, service) == "second"
        write("debug", more="nonsense = 1")
        service.process.send_signal(signal.SIGHUP)
        (refused,) = await service.said(lambda line: line["event"] == "settings.not_reloaded")
        assert "nonsense" in refused["reason"]
    finally:
        service.stop()
    assert any(line["event"] == "service.stopped" for line in service.logged), "info is written now"


# The service manager


async def test_the_service_manager_is_told_of_every_step_and_that_the_loop_turns(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    where = tmp_path_factory.mktemp("notify") / "notify.sock"
    told: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(where))
        receiver.settimeout(PATIENCE_S)

        def until(text: str) -> None:
            while not any(text in each for each in told):
                told.append(receiver.recv(4096).decode())

        environment = {"NOTIFY_SOCKET": str(where), "WATCHDOG_USEC": "400000"}
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            with suppress(BlockingIOError):
                while True:  # a manager that reads nothing for a while holds up nobody
                    sender.sendto(b"full", str(where))
        service = await asyncio.to_thread(Service, tmp_path / "data", environment=environment)
        try:
            await asyncio.to_thread(until, "READY=1")
            assert "STATUS=serving" in told[-1]
            await asyncio.to_thread(until, "WATCHDOG=1")
            service.process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(0.5)
            receiver.setblocking(False)
            with suppress(BlockingIOError):
                while receiver.recv(4096):
                    pass
            await asyncio.sleep(1)
            with pytest.raises(BlockingIOError):
                receiver.recv(4096)  # a process that stands still sends no heartbeat
            receiver.settimeout(PATIENCE_S)
            service.process.send_signal(signal.SIGCONT)
            told.clear()
            await asyncio.to_thread(until, "WATCHDOG=1")
        finally:
            await asyncio.to_thread(service.stop)
        await asyncio.to_thread(until, "STOPPING=1")


async def test_a_usual_port_that_is_taken_stops_nobody_and_a_chosen_one_does(
    own: Service, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        with suppress(OSError):  # somebody else may have it already
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", 8479))
            taken.listen()
        environment = {**os.environ}
        del environment["DRAGOMAN_ADMIN__PORT"]
        chosen = subprocess.run(
            [
                *(DRAGOMAN, "up"),
                *("--data", tmp_path / "chosen", "--port", "0"),
            ],
            env={**environment, "DRAGOMAN_ADMIN__PORT": "8479"},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert chosen.returncode != 0 and "admin.port" in chosen.stderr
        usual = subprocess.Popen(
            [
                *(DRAGOMAN, "up"),
                *("--data", tmp_path / "usual", "--port", "0", "--log-format", "json"),
            ],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert usual.stdout is not None
            assert (await asyncio.to_thread(usual.stdout.readline)).startswith("http")
        finally:
            usual.terminate()
            _, errors = usual.communicate(timeout=PATIENCE_S)
        assert "admin.not_listening" in errors


def test_no_metric_has_a_label_that_names_somebody() -> None:
    closed = {
        *(
            "route",
            "method",
            "status",
            "group",
            "family",
            "outcome",
            "budget",
            "state",
            "means",
            "what",
        ),
        *("version", "python", "le"),
    }
    by_channel = {"dragoman_channel_records", "dragoman_channel_deadlines_overdue"}
    for collector in list(metrics.REGISTRY._collector_to_names):
        name = getattr(collector, "_name", "")
        labels = set(getattr(collector, "_labelnames", ()))
        assert labels <= closed or name in by_channel, (name, labels)


async def test_the_command_says_whether_a_service_is_ready_and_what_is_not_well(
    opened: Service, path: Path, tmp_path: Path
) -> None:
    at: Any = {"DRAGOMAN_ADMIN__SOCKET": str(path)}
    ready = await asyncio.to_thread(opened.run, "health", **at)
    assert ready.stdout.splitlines()[-1] == "ok"
    quiet = await asyncio.to_thread(opened.run, "health", "--quiet", **at)
    assert quiet.stdout == ""
    as_json = await asyncio.to_thread(opened.run, "health", "--json", **at)
    assert checks(json.loads(as_json.stdout))["broker connected"]
    opened.signal_broker(signal.SIGSTOP)
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                waiting = await asyncio.to_thread(opened.run, "health", **at)
                if "FAIL  broker" in waiting.stdout:
                    break
        assert waiting.stdout.splitlines()[-1] == "ok", "no other gateway would do better"
    finally:
        opened.signal_broker(signal.SIGCONT)
    nobody: Any = {"DRAGOMAN_ADMIN__SOCKET": str(tmp_path / "nobody.sock")}
    away = await asyncio.to_thread(opened.run, "health", check=None, **nobody)
    assert away.returncode == 6 and "nothing answers" in away.stderr
    off = await asyncio.to_thread(opened.run, "health", check=None, DRAGOMAN_ADMIN__PORT="0")
    assert off.returncode == 2 and "admin.port" in off.stderr
