"""A task that fails makes its own channel read-only, says so, and is tried again; every other
channel goes on.
"""

import asyncio
import shutil
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from read_files import GATEWAY
from service import NOTE, Caller, Service, at_a_screen, new_key

pytestmark = pytest.mark.reads(*GATEWAY, "services/dragoman/scheduler.py")

FAILING = Path(__file__).parents[1] / "support" / "failing.py"
CHANNEL, OTHER = "nato-china", "nato-china-track2"
_SECONDS = 30.0


class Failing(Service):
    """A demonstration whose tasks fail while the test wants it."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.faults = folder / "faults"
        self.faults.mkdir(exist_ok=True)
        self.program = (sys.executable, FAILING, self.faults)
        super().__init__(folder / "data", *(arguments or ("--demo",)))
        self.arguments = ()  # what is there already needs no channel to be written to

    @contextmanager
    def fails(self, task: str, channel: str = CHANNEL) -> Iterator[None]:
        fault = self.faults / f"{task} {channel}"
        fault.touch()
        try:
            yield
        finally:
            fault.unlink()


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Failing]:
    service = Failing(tmp_path_factory.mktemp("failing"))
    yield service
    service.stop()


async def until(asked: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(_SECONDS):
        while not await asked():
            await asyncio.sleep(0.05)


def alarms(service: Service, task: str) -> list[dict[str, Any]]:
    return [
        line for line in service.logged if line["event"] == "task.failed" and line["task"] == task
    ]


@pytest.mark.parametrize("task", ["fold", "watch"])
async def test_a_failing_task_makes_its_channel_read_only_and_no_other(
    failing: Failing, session: aiohttp.ClientSession, task: str
) -> None:
    officer, other = (
        Caller(session, failing, "nato/officer"),
        Caller(session, failing, "group-a/officer"),
    )
    anybody = Caller(session, failing)
    key = new_key()

    async def is_read_only() -> bool:
        answer = await officer.post(f"/v1/channels/{CHANNEL}/contacts", NOTE)
        return answer.status == 503 and answer.json["type"] == "/problems/read-only"

    async def is_ready() -> bool:
        return (await anybody.get("/healthz")).status == 200

    with failing.fails(task):
        await until(is_read_only)
        answer = await officer.post(f"/v1/channels/{CHANNEL}/contacts", NOTE, key=key)
        problem = answer.problem(503, "read-only")
        assert (
            f"the task {task} of {CHANNEL} fails (Injected) and is tried again by itself"
            in problem["detail"]
        )
        assert answer.headers["Retry-After"]
        assert (await anybody.get("/healthz")).status == 503
        told = (await Caller(session, failing, "operator").get("/readyz")).json
        assert told["status"] == "ok", "the other channels go on here as anywhere"
        (reason,) = [
            each["reason"] for each in told["degraded"] if each["name"] == "channels are read live"
        ]
        assert f"{CHANNEL} (the task {task} of {CHANNEL} fails" in reason
        assert CHANNEL.encode() not in (await anybody.get("/readyz")).body
        headers = await at_a_screen(session, failing, "operator")
        async with session.get(f"{failing.base_url}/host", headers=headers) as page:
            assert f"the task {task} of {CHANNEL} fails" in (await page.text()).replace(
                "The", "the"
            )
        assert (await officer.get(f"/v1/channels/{CHANNEL}/state")).headers[
            "Dragoman-Stale"
        ] == "true"
        for _ in range(3):
            assert (await other.post(f"/v1/channels/{OTHER}/contacts", NOTE)).status == 201
        assert {line["channel"] for line in alarms(failing, task)} == {CHANNEL}
        assert {line["level"] for line in alarms(failing, task)} == {"critical"}
    await until(is_ready)
    again = await officer.post(f"/v1/channels/{CHANNEL}/contacts", NOTE, key=key)
    assert again.status == 201, again.body
    assert failing.process.poll() is None


async def test_what_fails_from_the_start_holds_up_no_other_channel(
    failing: Failing, session: aiohttp.ClientSession
) -> None:
    officer, other = (
        Caller(session, failing, "nato/officer"),
        Caller(session, failing, "group-a/officer"),
    )
    anybody = Caller(session, failing)

    async def tells() -> bool:
        return "access fail" in (await anybody.get("/healthz")).body.decode()

    async def is_ready() -> bool:
        return (await anybody.get("/healthz")).status == 200

    failing.stop()
    for file in (failing.data / "projection").iterdir():
        file.unlink()  # all of the log is folded anew
    with failing.fails("fold"), failing.fails("access", "-"):
        failing.start()
        await until(tells)
        assert (await other.post(f"/v1/channels/{OTHER}/contacts", NOTE)).status == 201
        assert (await officer.post(f"/v1/channels/{CHANNEL}/contacts", NOTE)).status >= 400
    await until(is_ready)
    assert (await officer.post(f"/v1/channels/{CHANNEL}/contacts", NOTE)).status == 201
    assert [line for line in failing.logged if line["event"] == "service.failed"] == []


async def test_a_channel_whose_copy_is_built_again_says_so_and_no_other_channel_waits(
    failing: Failing, session: aiohttp.ClientSession
) -> None:
    officer, other = (
        Caller(session, failing, "nato/officer"),
        Caller(session, failing, "group-a/officer"),
    )
    anybody = Caller(session, failing)
    assert (await officer.open(NOTE)).status == 201

    async def is_ready() -> bool:
        return (await anybody.get("/healthz")).status == 200

    async def is_in_doubt() -> bool:
        checks = (await anybody.get("/healthz")).json["checks"]
        return [each["name"] for each in checks if not each["ok"]] == [
            "channels are read live",
            "the copy is what the log makes",
        ]

    await until(is_ready)
    failing.stop()  # a change while the writer looks would put the whole file in doubt
    file = failing.data / "projection" / "gateway.sqlite"
    with closing(sqlite3.connect(file, timeout=20)) as connection, connection:
        assert (
            connection.execute(
                "UPDATE records SET raw = X'7B7D' WHERE key = (SELECT max(key) FROM records "
                "WHERE key >> 40 = (SELECT number FROM channels WHERE name = ?))",
                (CHANNEL,),
            ).rowcount
            == 1
        )
    connection.close()
    with failing.fails("rebuild", "-"):
        failing.start()
        await until(is_in_doubt)
        assert (await anybody.get("/healthz")).status == 503
        for path in ("exchanges", "state", "records?from=1"):
            answer = await officer.get(f"/v1/channels/{CHANNEL}/{path}")
            assert answer.status == 503 and answer.headers["Retry-After"], answer.body
            assert (await other.get(f"/v1/channels/{OTHER}/{path}")).status == 200
        answer = await officer.post(f"/v1/channels/{CHANNEL}/contacts", NOTE)
        assert answer.status == 503 and answer.headers["Retry-After"], answer.body
        assert "its own copy" in answer.json["detail"]
        assert (await other.post(f"/v1/channels/{OTHER}/contacts", NOTE)).status == 201
    await until(is_ready)
    assert (await officer.post(f"/v1/channels/{CHANNEL}/contacts", NOTE)).status == 201
    assert not [line for line in failing.logged if line["event"] == "log.broken"]


async def test_a_take_over_that_fails_is_tried_again(
    failing: Failing, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    failing.stop()
    try:
        shutil.copytree(failing.data, tmp_path / "data")
    finally:
        failing.start()
    (tmp_path / "faults").mkdir()
    (tmp_path / "faults" / "place -").touch()
    service = Failing(tmp_path, "--take-over")
    try:
        officer = Caller(session, service, "nato/officer")

        async def is_tried_twice() -> bool:
            return len(alarms(service, "place")) >= 2

        await until(is_tried_twice)
        assert (await officer.post(f"/v1/channels/{CHANNEL}/contacts", NOTE)).status == 503
        assert (await officer.get(f"/v1/channels/{CHANNEL}/state")).status == 200
        (tmp_path / "faults" / "place -").unlink()

        async def is_written() -> bool:
            return (await officer.post(f"/v1/channels/{CHANNEL}/contacts", NOTE)).status == 201

        await until(is_written)
        assert service.process.poll() is None
    finally:
        service.stop()
