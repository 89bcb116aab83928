"""A log that was lost, and an old backup that was put back: found out, refused, and put right from
a side's own copy.
"""

import asyncio
import json
import re
import shutil
import subprocess
import urllib.request
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from dragoman.eventlog.archive import Archive
from ports import free_port
from read_files import AUDIT, HOSTED
from service import DRAGOMAN, NOTE, Caller, Service
from witnesses import Running, until

pytestmark = [
    pytest.mark.process,
    pytest.mark.reads(*HOSTED, *AUDIT, "services/dragoman/cli/audit/**"),
]

C = "/v1/channels/nato-china"


def stream_folder(data: Path) -> Path:
    (found,) = (data / "nats" / "jetstream").rglob("DRAGOMAN_LOG_NATO-CHINA")
    return found


def heads_are_signed(service: Service) -> bool:
    with urllib.request.urlopen(service.base_url + "/readyz") as answer:
        return next(
            bool(check["ok"])
            for check in json.load(answer)["checks"]
            if check["name"] == "heads are signed"
        )


async def test_a_lost_log_is_put_back_from_a_sides_mirror(
    own: Service, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    officer, auditor = Caller(session, own, "nato/officer"), Caller(session, own, "china/auditor")
    about = (await auditor.get(C)).json
    (token := tmp_path / "token").write_text(own.token("china/auditor"))
    to = ("--channel", "nato-china", "--token-file", str(token))
    pins = ("--cid", about["cid"], "--log", about["log"])
    position = (await officer.open(NOTE)).json["position"]
    await auditor.sealed(position)
    own.run("audit", "export", "--to", str(tmp_path / "before.zip"), *to)
    mirror = str(tmp_path / "mirror")
    own.run("audit", "mirror", mirror, "--once", *pins, *to)
    own.stop()
    shutil.rmtree(stream_folder(own.data))
    own.start()
    (
        await officer.call("POST", f"{C}/contacts", NOTE, Idempotency_Key="after-the-loss-of-all")
    ).problem(503, "read-only")
    own.stop()
    assert (
        "--set-aside and --erase are for"
        in own.run(
            "log",
            "rebuild",
            mirror,
            *pins,
            "--nats-url",
            "nats://127.0.0.1:1",
            "--set-aside",
            check=2,
        ).stderr
    )
    wrong = ("--cid", "0" * 64, "--log", about["log"])
    assert (
        "VERIFICATION FAILED: opening"
        in own.run("log", "rebuild", mirror, *wrong, "--data", str(own.data), check=7).stderr
    )
    told = own.run("log", "rebuild", mirror, *pins, "--data", str(own.data))
    assert f"{position} records were written, of {position}" in told.stderr
    assert (
        "0 records were written"
        in own.run("log", "rebuild", mirror, *pins, "--data", str(own.data)).stderr
    )
    own.start()
    after = (await officer.open(NOTE)).json["position"]
    assert after == position + 1
    await auditor.sealed(after)
    assert "no lie was found" in own.run("audit", "verify", *pins, *to).stderr
    compared = own.run(
        "audit", "compare", str(tmp_path / "before.zip"), "gateway", "--log", about["log"], *to
    )
    assert compared.stdout.startswith("extends"), compared.stdout
    own.run("audit", "mirror", mirror, "--once", *pins, *to)


async def test_a_damaged_log_is_completed_from_the_registrars_archive_or_set_aside(
    own: Service, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    officer, auditor = Caller(session, own, "nato/officer"), Caller(session, own, "china/auditor")
    about = (await auditor.get(C)).json
    pins = ("--cid", about["cid"], "--log", about["log"])
    position = (await officer.open(NOTE)).json["position"]
    await auditor.sealed(position)
    own.stop()
    (block,) = stream_folder(own.data).rglob("1.blk")
    raw = block.read_bytes()
    block.write_bytes(raw.replace(b"counter-piracy", b"counter-privacy"[:14]))
    for index in stream_folder(own.data).rglob("index.db"):
        index.unlink()
    archive = own.data / "archive" / "nato-china"
    told = own.run("log", "rebuild", str(archive), *pins, "--data", str(own.data)).stderr
    written = re.search(rf"(\d+) records were written, of {position};", told)
    assert written is not None and int(written[1]) > 0, (
        "the broker threw away from the damaged record on"
    )
    own.run("log", "rebuild", str(archive), *pins, "--data", str(own.data), "--set-aside")
    assert [each.name for each in (own.data / "set-aside").iterdir()] == [
        "DRAGOMAN_LOG_NATO-CHINA-1"
    ], "nothing is thrown away"
    own.start()
    assert (await officer.open(NOTE)).json["position"] == position + 1
    own.stop()
    mark = own.data / "marks" / "gateway" / "nato-china.json"
    assert (
        "1 high-water marks"
        in own.run("log", "accept", "nato-china", "--data", str(own.data)).stderr
    )
    assert json.loads(mark.read_bytes())["created"] == ""
    assert (
        "no high-water mark"
        in own.run("log", "accept", "nowhere", "--data", str(own.data), check=2).stderr
    )


async def test_where_the_signed_heads_are_lost_none_is_signed_and_no_other_store_is_made(
    own: Service, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    officer, auditor = Caller(session, own, "nato/officer"), Caller(session, own, "china/auditor")
    (token := tmp_path / "token").write_text(own.token("china/auditor"))
    to = ("--channel", "nato-china", "--token-file", str(token))
    position = (await officer.open(NOTE)).json["position"]
    await auditor.sealed(position)
    own.run("audit", "export", "--to", str(before := tmp_path / "before.zip"), *to)
    about = {
        each["name"]: each
        for each in (await Caller(session, own, "operator").get("/v1/channels")).json["channels"]
    }
    own.stop()
    (heads,) = (own.data / "nats" / "jetstream").rglob("DRAGOMAN_SEAL")
    shutil.rmtree(heads)
    archives = (own.data / "archive").rename(
        tmp_path / "archive"
    )  # with what was signed gone on both sides, it looks like a new log
    own.start()
    after = (await officer.open(NOTE)).json["position"]
    told: list[dict[str, object]] = []

    async def is_told() -> bool:
        told[:] = [line for line in own.logged if line["event"] == "registrar.no_store_of_heads"]
        return {line["channel"] for line in told} == {each.name for each in archives.iterdir()}

    await until(is_told)
    assert all("log rebuild" in str(line["do"]) and line["level"] == "critical" for line in told)
    assert not heads_are_signed(own)
    opening = {"name": "another", "sides": ["nato", "china"], "officers": []}
    refused = (
        await Caller(session, own, "operator").call("POST", "/v1/channels", opening)
    ).problem(503, "unavailable")
    assert "DRAGOMAN_SEAL" in refused["detail"]
    own.stop()
    assert not list((own.data / "nats" / "jetstream").rglob("DRAGOMAN_SEAL"))
    pins = ("--cid", about["nato-china"]["cid"], "--log", about["nato-china"]["log"])
    own.run("log", "rebuild", str(archives / "nato-china"), *pins, "--data", str(own.data))
    own.start()
    await auditor.sealed(after)

    async def others_wait() -> bool:
        stopped = [
            line
            for line in own.logged
            if line["event"] == "registrar.stopped" and "was made after the log" in line["reason"]
        ]
        return {line["channel"] for line in stopped} == {
            each.name for each in archives.iterdir()
        } - {"nato-china"}

    await until(others_wait)
    own.stop()
    for archive in archives.iterdir():
        pins = ("--cid", about[archive.name]["cid"], "--log", about[archive.name]["log"])
        own.run("log", "rebuild", str(archive), *pins, "--data", str(own.data))
    own.start()
    await auditor.sealed(after)
    compared = own.run(
        "audit", "compare", str(before), "gateway", "--log", about["nato-china"]["log"], *to
    )
    assert compared.stdout.startswith("extends"), compared.stdout
    own.stop()
    for lost in [
        *(own.data / "nats" / "jetstream").rglob("DRAGOMAN_LOG_*"),
        *(own.data / "nats" / "jetstream").rglob("DRAGOMAN_SEAL"),
    ]:
        shutil.rmtree(lost)
    own.arguments = ()  # there is nothing to demonstrate
    own.start()  # a broker without any log, which is no host's first start
    (await Caller(session, own, "operator").call("POST", "/v1/channels", opening)).problem(
        503, "unavailable"
    )


async def test_an_old_backup_is_not_signed_and_is_put_right_from_the_witness(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    """Everything that the host has is put back together, an hour old: nothing but a side's witness
    knows.
    """
    nato = Running(tmp_path, "nato")
    (config := tmp_path / "dragoman.toml").write_text(
        f'[registrar]\nwitnesses = ["{nato.verifier} http://127.0.0.1:{nato.port}"]\n'
    )
    service = Service(tmp_path / "data", "--demo", "--config", str(config))
    officer, auditor = (
        Caller(session, service, "nato/officer"),
        Caller(session, service, "china/auditor"),
    )
    try:
        about = (await auditor.get(C)).json
        pins = ("--cid", about["cid"], "--log", about["log"])
        nato.start(service, about)
        await auditor.sealed(1)
        service.stop()
        shutil.copytree(
            service.data, tmp_path / "backup", ignore=shutil.ignore_patterns("place.json")
        )  # as earlier versions made one
        service.start()
        nato.restart(service, about)
        position = (await officer.open(NOTE)).json["position"]

        async def cosigned() -> bool:
            head = await auditor.get(f"{C}/log/checkpoint")
            return int(head.body.split()[1]) >= position and b"nato.example/witness" in head.body

        await until(cosigned)
        service.stop()
        shutil.rmtree(service.data)
        (tmp_path / "backup").rename(service.data)
        service.start()
        nato.restart(service, about)
        forked = (await officer.open({**NOTE, "text": "Posted on the old backup."})).json[
            "position"
        ]
        assert forked == position, "the position is used again"

        async def refused() -> bool:
            return "an old copy was put back" in service.log.read_text()

        await until(refused)
        service.stop()
        nato.stop()
        told = service.run(
            "log", "rebuild", str(nato.mirror), *pins, "--data", str(service.data), check=7
        ).stderr
        assert f"at position {position} the broker has another message than the copy" in told
        service.run(
            "log", "rebuild", str(nato.mirror), *pins, "--data", str(service.data), "--set-aside"
        )
        shutil.rmtree(service.data / "projection")
        shutil.rmtree(service.data / "marks")
        shutil.rmtree(service.data / "archive" / "nato-china")
        service.start()
        nato.restart(service, about)
        again = (await officer.open(NOTE)).json["position"]
        assert again == position + 1
        await auditor.sealed(again)
    finally:
        nato.stop()
        service.stop()


class InItsPlace(Service):
    """A service that listens at the same address whenever it is started."""

    port = free_port()


@pytest.fixture
async def anew() -> AsyncIterator[aiohttp.ClientSession]:
    """Connections of which none outlives its request: a service that was started again at its
    address knows none of the old.
    """
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(
        connector=connector, timeout=aiohttp.ClientTimeout(total=30)
    ) as session:
        yield session


async def test_of_a_store_that_was_rolled_back_and_grew_again_a_mirror_keeps_nothing(
    tmp_path: Path, anew: aiohttp.ClientSession
) -> None:
    """The mirror goes on all the time, and is there again before the other branch is as long as
    what it kept.
    """
    service, mirror, said = (
        InItsPlace(tmp_path / "data", "--demo"),
        tmp_path / "mirror",
        tmp_path / "mirror.log",
    )
    officer, auditor = Caller(anew, service, "nato/officer"), Caller(anew, service, "china/auditor")
    about = (await auditor.get(C)).json
    (token := tmp_path / "token").write_text(service.token("china/auditor"))
    command = [
        DRAGOMAN,
        "audit",
        "mirror",
        mirror,
        "--cid",
        about["cid"],
        "--log",
        about["log"],
        "--channel",
        "nato-china",
    ]

    async def holds(position: int) -> bool:
        sealed = mirror / "sealed"
        return sealed.exists() and int(sealed.read_bytes().split()[1]) >= position

    with said.open("w") as errors:
        following = subprocess.Popen(
            [*command, "--server", service.base_url, "--token-file", token], stderr=errors
        )
    try:
        first = (await officer.open(NOTE)).json["position"]
        await until(partial(holds, first))
        service.stop()
        shutil.copytree(
            service.data, tmp_path / "backup", ignore=shutil.ignore_patterns("place.json")
        )  # as earlier versions made one
        service.start()
        for _ in range(3):
            kept = (await officer.open(NOTE)).json["position"]
        await until(partial(holds, kept))
        service.stop()
        shutil.rmtree(service.data)
        (tmp_path / "backup").rename(service.data)
        service.start()
        for number in range(8):
            other = (await officer.open({**NOTE, "text": f"The other branch, {number}."})).json[
                "position"
            ]
        assert other > kept > first
        assert await asyncio.to_thread(following.wait, 60) == 7, said.read_text()
    finally:
        following.kill()
        following.wait()
        service.stop()
    told = said.read_text()
    assert "VERIFICATION FAILED: head" in told and "Traceback" not in told
    archive = Archive(mirror)
    assert archive.size == kept and not any(
        b"The other branch" in raw for raw in archive.messages()
    ), "none of the other branch is kept"
    archive.close()
    assert int((mirror / "sealed").read_bytes().split()[1]) == kept, (
        "and the head that convicts with the other one still is"
    )
    assert list(mirror.glob("contradiction-*.note"))
