"""A data directory that is opened elsewhere than where it was written: nothing is recorded until
the operator, and the witnesses, say so.
"""

import asyncio
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from beside import MS_LI
from read_files import HOSTED
from scenario import _STEPPED as STEPPED
from service import DRAGOMAN, NOTE, Caller, Gateway, Service, at_a_screen
from witnesses import Running, until

pytestmark = pytest.mark.reads(*HOSTED, "docs/examples/**")

C = "/v1/channels/nato-china"
CHANNELS = ("nato-china", "nato-china-exercise")
DOCS = Path(__file__).parents[2] / "docs"
DAY = 86_400
HELD_SECONDS = 3.0
"""Seconds in which nothing may be recorded; the scheduler looks once a second."""


class Elsewhere(Service):
    """The service with a clock that is `ahead` by so many seconds, so that reminders are due."""

    def __init__(self, data: Path, *arguments: str, ahead: float = 0) -> None:
        off = data.parent / f"{data.name}.off"
        off.write_text(str(ahead))
        self.program = (sys.executable, str(STEPPED), "--alone", str(off))
        super().__init__(data, *arguments)

    def command(self) -> list[str | Path]:
        return ["up", "--data", self.data, *self.arguments]

    def reopen(self, *arguments: str) -> None:
        """Stop, and start with other arguments."""
        self.stop()
        self.arguments = arguments
        self.start()

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the lines of the log of one event."""
        return [line for line in self.logged if line.get("event") == name]


@pytest.fixture
def running() -> Iterator[Callable[[Gateway], Gateway]]:
    """Stops at the end what a test has started."""
    with ExitStack() as stack:

        def started(service: Gateway) -> Gateway:
            stack.callback(service.stop)
            return service

        yield started


async def recorded(session: aiohttp.ClientSession, service: Gateway) -> int:
    """Return the number of records in both channels."""
    auditor = Caller(session, service, "china/auditor")
    answers = [
        await auditor.get(f"/v1/channels/{name}/records", Accept="application/x-ndjson")
        for name in CHANNELS
    ]
    assert all(answer.status == 200 for answer in answers)
    return sum(len(answer.body.splitlines()) for answer in answers)


async def failing_check(session: aiohttp.ClientSession, service: Gateway) -> dict[str, Any]:
    """Return the one condition of a service that is not ready."""
    answer = await Caller(session, service).get("/readyz")
    assert answer.status == 503
    (check,) = [each for each in answer.json["checks"] if not each["ok"]]
    return dict(check)


def frozen_copy(service: Service, to: Path) -> None:
    """Copy the data directory of a running service, all of it as of one moment."""
    os.kill(service.process.pid, signal.SIGSTOP)
    service.signal_broker(signal.SIGSTOP)
    try:
        shutil.copytree(service.data, to)
    finally:
        service.signal_broker(signal.SIGCONT)
        os.kill(service.process.pid, signal.SIGCONT)


@contextmanager
def beside(service: Elsewhere, *names: str) -> Iterator[list[Path]]:
    """Services on the same data directory and broker; what each logs."""
    with ExitStack() as stack:
        logs = [service.data.parent / f"{name}.log" for name in names]
        for name, log in zip(names, logs, strict=True):
            errors = stack.enter_context(log.open("w"))
            command = [
                *service.program,
                "serve",
                name,
                "--data",
                service.data,
                "--nats-url",
                service.nats_url,
                "--name",
                f"other-{name}",
            ]
            process = stack.enter_context(
                subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
            )
            stack.callback(process.terminate)
            assert process.stdout is not None
            assert process.stdout.readline(), "it runs"
        yield logs


async def test_a_copy_records_nothing_until_it_is_taken_over(
    tmp_path: Path, session: aiohttp.ClientSession, running: Callable[[Service], Service]
) -> None:
    first = running(Service(tmp_path / "data", "--demo"))
    await Caller(session, first, "nato/officer").sealed(1)
    first.stop()
    shutil.copytree(first.data, tmp_path / "copy")
    copy = Elsewhere(tmp_path / "copy", ahead=DAY)
    running(copy)
    officer = Caller(session, copy, "nato/officer")
    before, head = await recorded(session, copy), (await officer.get(f"{C}/log/checkpoint")).body
    with beside(copy, "scheduler", "notifier", "signer") as logs:
        await asyncio.sleep(HELD_SECONDS)
        assert await recorded(session, copy) == before, "reminders were recorded by a copy"
        refused = (await officer.post(f"{C}/contacts", NOTE)).problem(503, "read-only")
        assert (await officer.get(f"{C}/log/checkpoint")).body == head, "a copy signs nothing"
    assert all("place.elsewhere" in log.read_text() for log in logs)
    assert "--take-over" in refused["detail"]
    (await officer.post(f"{C}/people", MS_LI)).problem(503, "read-only")
    opening = json.loads((DOCS / "examples" / "channel.json").read_text())
    (await Caller(session, copy, "operator").call("POST", "/v1/channels", opening)).problem(
        503, "read-only"
    )
    check = await failing_check(session, copy)
    assert check["name"] == "data are in their place"
    assert "--take-over" in check["detail"]
    assert str(tmp_path) not in json.dumps(check), "everybody reads this"
    screen = await at_a_screen(session, copy, "nato/officer")
    async with session.get(f"{copy.base_url}/c/nato-china", headers=screen) as page:
        assert "This host cannot record anything." in await page.text()
    assert f"written at {first.data}" in copy.run("doctor", check=1).stdout
    (told,) = copy.events("place.elsewhere")
    assert told["level"] == "critical"

    copy.reopen("--take-over")

    async def reminded() -> bool:
        return await recorded(session, copy) > before

    await until(reminded)
    position = (await officer.open(NOTE)).json["position"]
    await officer.sealed(position)
    copy.reopen()
    assert (await Caller(session, copy).get("/readyz")).status == 200, "it is its own place now"
    assert len(copy.events("place.elsewhere")) == 2
    assert (await officer.open(NOTE)).status == 201

    moved = tmp_path / "moved"
    copy.stop()
    copy.data = copy.data.rename(moved)
    copy.start()
    (await officer.post(f"{C}/contacts", NOTE)).problem(503, "read-only")
    assert (
        f"at {tmp_path / 'copy'}, and this is {moved}"
        in copy.events("place.elsewhere")[-1]["reason"]
    )


async def test_a_take_over_waits_until_a_witness_confirms_the_newest_head(
    tmp_path: Path, session: aiohttp.ClientSession, running: Callable[[Service], Service]
) -> None:
    nato = Running(tmp_path, "nato")
    (config := tmp_path / "dragoman.toml").write_text(
        f'[registrar]\nwitnesses = ["{nato.verifier} http://127.0.0.1:{nato.port}"]\n'
    )
    named = ("--config", str(config))
    first = running(Service(tmp_path / "data", "--demo", *named))
    officer, auditor = (
        Caller(session, first, "nato/officer"),
        Caller(session, first, "china/auditor"),
    )
    about = (await auditor.get(C)).json

    def cosigned(caller: Caller, position: int) -> Callable[[], Any]:
        async def holds() -> bool:
            head = await caller.get(f"{C}/log/checkpoint")
            return (
                head.status == 200
                and int(head.body.split()[1]) >= position
                and b"nato.example/witness" in head.body
            )

        return holds

    async def refused(copy: Elsewhere, why: str) -> bool:
        """Return whether the copy is read-only, for that reason."""
        told = copy.events("place.not_taken_over")
        (await Caller(session, copy, "nato/officer").post(f"{C}/contacts", NOTE)).problem(
            503, "read-only"
        )
        return bool(told) and why in told[-1]["reason"]

    try:
        nato.start(first, about)
        await until(cosigned(auditor, 1))
        frozen_copy(first, tmp_path / "stale")
        position = (await officer.open(NOTE)).json["position"]
        await until(cosigned(auditor, position))
        first.stop(signal.SIGKILL)

        stale = Elsewhere(tmp_path / "stale", *named, "--take-over")
        running(stale)
        before = await recorded(session, stale)
        await until(lambda: refused(stale, f"has cosigned a head of {position} records"))
        assert "old copy" in (await failing_check(session, stale))["detail"]
        nato.stop()
        await until(lambda: refused(stale, "nato.example/witness does not answer"))
        assert await recorded(session, stale) == before
        stale.reopen(*named)
        assert await failing_check(session, stale), "to have asked for it once changes nothing"
        stale.stop()

        with (first.data / "lease").open() as lease:
            fcntl.flock(lease, fcntl.LOCK_EX)  # its broker has ended as well
        newest = shutil.copytree(first.data, tmp_path / "newest")
        copy = Elsewhere(newest, *named, "--take-over")
        running(copy)
        await until(lambda: refused(copy, "nato.example/witness does not answer"))
        assert "no witness has confirmed" in (await failing_check(session, copy))["detail"]
        nato.start(copy, about)

        async def taken_over() -> bool:
            return bool(copy.events("place.taken_over"))

        await until(taken_over)
        assert copy.events("place.taken_over")[0]["confirmed_by"] == "nato.example/witness"
        later = (await Caller(session, copy, "nato/officer").open(NOTE)).json["position"]
        assert later > position
        await until(cosigned(Caller(session, copy, "china/auditor"), later))
        copy.reopen(*named)
        assert len(copy.events("place.elsewhere")) == 1, "it is its own place now"
    finally:
        nato.stop()


def test_init_and_up_name_the_place_once(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for _ in range(2):
        subprocess.run([DRAGOMAN, "init", "--data", data], check=True, capture_output=True)
        kept = (data / "place.json").read_bytes()
    assert json.loads(kept)["path"] == str(data)
    assert (data / "place.json").stat().st_mode & 0o777 == 0o600
