"""A running host that is backed up, lost, and restored in a new place: everything is there again,
what was gone stays gone, and what cannot be known is said.
"""

import asyncio
import hashlib
import json
import secrets
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pyrage
import pytest
from tests.live.test_erased import Office, on_disk

from beside import MS_LI, enter
from dragoman.api.examples import ROSTER
from dragoman.backup import backup_check, backup_run
from dragoman.backup.folder import opened as opened_folder
from dragoman.backup.log_copies import LogCopier
from dragoman.backup.manifest import ChannelCopy
from dragoman.cli.host.backup import _source
from dragoman.data_directory import last_backup
from dragoman.limits import CHUNK_BYTES
from dragoman.settings import load
from host import Host
from read_files import HOSTED
from service import NOTE, Caller, Service, at_a_screen
from witnesses import Running, until

pytestmark = [pytest.mark.process, pytest.mark.reads(*HOSTED, "services/dragoman/backup/**")]

C = "/v1/channels/nato-china"
OTHER = "nato-china-exercise"
DAY_S = 86_400


@pytest.fixture
def recipient(tmp_path: Path) -> str:
    """An age recipient; its identity is in `backup.key`."""
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "backup.key").write_text(f"# made by a test\n{identity}\n")
    return str(identity.to_public())


@pytest.fixture
def running() -> Iterator[Callable[[Service], Service]]:
    """Stops at the end what a test has started."""
    services: list[Service] = []

    def started(service: Service) -> Service:
        services.append(service)
        return service

    yield started
    for service in services:
        service.stop()


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


async def upload(officer: Caller, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    answer = await officer.call("PUT", f"{C}/files/{digest}", content, Content_Type="text/plain")
    assert answer.status == 201, answer.body
    return digest


async def records(auditor: Caller) -> bytes:
    return (await auditor.get(f"{C}/records", Accept="application/x-ndjson")).body


async def test_a_lost_host_is_restored_with_all_that_it_had(
    own: Service,
    session: aiohttp.ClientSession,
    tmp_path: Path,
    recipient: str,
    running: Callable[[Service], Service],
) -> None:
    officer, auditor = Caller(session, own, "nato/officer"), Caller(session, own, "china/auditor")
    operator = Caller(session, own, "operator")
    content = secrets.token_bytes(2 * CHUNK_BYTES + 1)
    file, person = await upload(officer, content), (await enter(officer))["id"]
    gone_file, entry = await upload(officer, b"To be erased."), await enter(officer)
    gone, etag = entry["id"], f'"{entry["commitment"]}"'
    draft = (await officer.post(f"{C}/drafts", {"act": NOTE})).json
    mail = {"channel": "nato-china", "address": "duty@nato.example"}
    head = Caller(session, own, "nato/head_of_office")
    created = await head.post("/v1/webhooks", mail)
    assert created.status == 201, created.body
    endpoint = created.json
    china = Caller(session, own, "china/head_of_office")
    for other in (head, china):
        assert (
            await other.call("PUT", f"{C}/roster", ROSTER.encode(), Content_Type="text/calendar")
        ).status == 200
    screen = await at_a_screen(session, own, "nato/officer")
    revoked = (
        await operator.post("/v1/tokens", {"actor": "nato/o-1", "channels": ["nato-china"]})
    ).json
    note = (await china.open(NOTE)).json["exchange"]
    assert (await officer.get(f"{C}/exchanges/{note}")).status == 200

    async def opened(service: Service) -> list[Any]:
        url, form = service.base_url, {"token": officer.headers["Authorization"].split()[1]}
        async with session.post(
            f"{url}/sign-in", data=form, headers={"Origin": url}, allow_redirects=False
        ) as signed_in:
            headers = {"Cookie": signed_in.headers["Set-Cookie"].partition(";")[0]}
        lanes_of = f"{url}/c/nato-china/exchanges/{note}/lanes.json"
        async with session.get(lanes_of, headers=headers) as lanes:
            return [mark for mark in (await lanes.json())["marks"] if mark["kind"] == "opened"]

    async def is_opened() -> bool:
        return bool(await opened(own))

    await until(is_opened)
    openings = await opened(own)
    backups = str(tmp_path / "backups")
    to = ("backup", backups, "--recipient", recipient)
    assert "--without-keys; one of the two" in own.run("backup", backups, check=2).stderr
    own.run(*to)
    assert last_backup(own.data) > time.time() - DAY_S, "the metric of the last backup has it"
    # What the second backup knows to be gone stays gone, also where the first one is restored.
    erased = await officer.call("DELETE", f"{C}/people/{gone}", If_Match=etag)
    assert erased.status == 200, erased.body
    assert (await officer.call("DELETE", f"{C}/files/{gone_file}")).status == 200
    assert (await operator.call("DELETE", f"/v1/tokens/{revoked['id']}")).status == 204
    assert (await head.call("DELETE", f"{C}/roster")).status == 204
    position = (await officer.open(NOTE)).json["position"]
    await auditor.sealed(position)
    before = tree(Path(backups))
    told = own.run(*to).stderr
    assert "1 of them new; 0 new files" in told
    assert "3 people, rosters or files that were erased since are still in older backups" in told
    after = tree(Path(backups))
    changed = [name for name, raw in before.items() if after[name] != raw]
    assert {Path(name).parent.name for name in changed} <= {"nato-china"}, changed
    assert all(after[name].startswith(before[name]) for name in changed if "sealed" not in name)
    assert not any(b"demonstration" in raw for name, raw in after.items() if "pieces" in name) or (
        own.operator.encode() not in b"".join(after.values())
    ), "the keys are sealed"
    expected = await records(auditor)
    own.stop(signal.SIGKILL)
    shutil.rmtree(own.data)

    new = tmp_path / "new"
    restore = ("restore", backups, "--data", str(new), "--number", "1")
    assert "with --identity" in own.run(*restore, check=2).stderr
    pyrage_other = tmp_path / "other.key"
    pyrage_other.write_text(str(pyrage.x25519.Identity.generate()))
    refused = own.run(*restore, "--identity", str(pyrage_other), check=1).stderr
    assert "the keys in the backup cannot be opened" in refused
    assert not new.exists()
    done = own.run(*restore, "--identity", str(tmp_path / "backup.key"))
    assert "nato/o-1" in done.stdout
    assert revoked["id"] not in done.stdout, "a later backup knows that it was revoked"
    for said in (
        "NOBODY was asked whether these logs are the newest",
        "RISK: people, rosters and files that were erased after",
        "LOOK AT THESE TOKENS AGAIN",
        "all sessions are ended",
    ):
        assert said in done.stderr
    host = running(Service(new))
    officer.service = auditor.service = operator.service = head.service = china.service = host
    read_only = (await officer.post(f"{C}/contacts", NOTE)).problem(503, "read-only")
    assert "--take-over" in read_only["detail"], "the data count as a copy"
    host.arguments = ("--take-over",)
    host.restart()
    assert "nobody: no witness is named" in host.log.read_text()
    assert (await records(auditor)).startswith(expected), "the log is the longest in the folder"
    posted = (await officer.open(NOTE)).json["position"]
    assert posted > position
    await auditor.sealed(posted)
    answer = await officer.get(f"{C}/files/{file}")
    assert (answer.status, answer.body) == (200, content)
    assert (await officer.get(f"{C}/people/{person}")).json["entry"] == MS_LI
    assert (await officer.get(f"{C}/people/{gone}")).json.get("erased"), "it stays erased"
    assert (await officer.get(f"{C}/files/{gone_file}")).status != 200
    assert draft["id"] in [each["id"] for each in (await officer.get(f"{C}/drafts")).json["drafts"]]
    assert (await head.get(f"{C}/roster")).json["status"] == "none", "it stays removed"
    assert (await china.get(f"{C}/roster")).json["source"] == "file"
    assert await opened(host) == openings
    there = await head.get(f"/v1/webhooks/{endpoint['id']}")
    assert mail["address"] in there.body.decode()
    async with session.get(
        f"{host.base_url}/c/nato-china", headers=screen, allow_redirects=False
    ) as page:
        assert page.status in (302, 303, 401), "sessions are ended"
    assert (
        await operator.post("/v1/tokens", {"actor": "nato/o-1", "channels": ["nato-china"]})
    ).status == 201
    host.stop()
    host.run("backup", "prune", backups, "--keep", "1")
    assert host.run("backup", "list", backups).stdout.splitlines()[1].split()[0] == "2"
    host.run("backup", "verify", backups)
    assert not (Path(backups) / "files" / gone_file[:2] / gone_file).exists()


async def test_what_refers_to_a_log_is_read_before_it_and_what_it_refers_to_after_it(
    own: Service,
    session: aiohttp.ClientSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A post and a person come right before a log is read, and right after it."""
    officer, auditor = Caller(session, own, "nato/officer"), Caller(session, own, "china/auditor")
    copy, people = LogCopier.copy, list[str]()

    async def between(self: LogCopier, channel: str, *more: Any, **options: Any) -> ChannelCopy:
        copied = await copy(self, channel, *more, **options)
        if channel == "nato-china":
            people.append((await enter(officer))["id"])
            position = (await officer.open(NOTE)).json["position"]
            await auditor.sealed(position)
            mark = own.data / "marks" / "gateway" / "nato-china.json"

            async def is_marked() -> bool:
                return bool(json.loads(mark.read_bytes())["position"] >= position)

            await until(is_marked)
        return copied

    monkeypatch.setattr(LogCopier, "copy", between)
    settings, _ = load({"data": own.data}, environ={})
    with opened_folder(tmp_path / "backups", new=True) as folder:
        async with _source(settings) as source:
            await backup_run.BackupRun(folder, source, ()).run()
        verified = backup_check.check_backup(folder, 1)
    log = next(log for log in verified.logs if log.channel == "nato-china")
    assert log.longest <= log.records, "no head is of more records"
    assert any(key.endswith(people[0]) for key in verified.snapshots["people"])


async def test_an_erasure_that_the_host_carried_out_is_carried_out_in_the_backup(
    host: Host, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    office = Office(host, session)
    backups = tmp_path / "backups"
    data = str(host.service.data)

    def back_up() -> None:
        host.run("backup", str(backups), "--without-keys", "--data", data)

    await office.speak()
    await office.signed()
    back_up()
    assert on_disk(backups)
    office.erase()
    await office.signed()
    back_up()
    assert on_disk(backups), "the host still has the bytes"
    shutil.copytree(backups, tmp_path / "before")
    restored = tmp_path / "restored"
    host.run("restore", str(tmp_path / "before"), "--data", str(restored), "--without-keys")
    assert not on_disk(restored), "what every side agreed to is not put back"
    host.service.stop()
    archive = host.service.data / "archive" / "nato-china"
    host.run("log", "rebuild", str(archive), *office.pins, "--data", data, "--erase")
    host.service.start()
    back_up()
    assert not on_disk(backups)
    host.run("backup", "verify", str(backups))
    host.run("audit", "verify", str(backups / "logs" / "nato-china"), *office.pins)


async def test_a_log_that_is_shorter_than_a_cosigned_head_waits_for_a_mirror(
    tmp_path: Path, session: aiohttp.ClientSession, running: Callable[[Service], Service]
) -> None:
    nato = Running(tmp_path, "nato")
    (config := tmp_path / "dragoman.toml").write_text(
        f'[registrar]\nwitnesses = ["{nato.verifier} http://127.0.0.1:{nato.port}"]\n'
    )
    service = running(Service(tmp_path / "data", "--demo", "--config", str(config)))
    officer, auditor = (
        Caller(session, service, "nato/officer"),
        Caller(session, service, "china/auditor"),
    )
    backups, new = str(tmp_path / "backups"), tmp_path / "new"
    keys = tmp_path / "keys"
    try:
        nato.start(service, (await auditor.get(C)).json)
        await auditor.sealed(1)
        service.run("backup", backups, "--without-keys")
        position = (await officer.open(NOTE)).json["position"]

        async def cosigned() -> bool:
            head = await auditor.get(f"{C}/log/checkpoint")
            return int(head.body.split()[1]) >= position and b"nato.example/witness" in head.body

        await until(cosigned)
        about = (await auditor.get(C)).json
        demo = (service.data / "demo.json").read_text()
        service.stop(signal.SIGKILL)
        shutil.copytree(service.data / "keys", keys)
        token = service.operator
        shutil.rmtree(service.data)
        told = service.run(
            "restore", backups, "--data", str(new), "--without-keys", "--config", str(config)
        ).stderr
        assert f"a witness has cosigned a head of {position} records" in told
        assert f"nato-china is READ-ONLY: {position - 1} records are here" in told
        assert "the keys are NOT restored" in told
        shutil.copytree(keys, new / "keys", dirs_exist_ok=True)
        (new / "operator.token").write_text(token)
        (new / "demo.json").write_text(demo)
        host = running(Service(new, "--take-over", "--config", str(config)))
        officer.service = auditor.service = host

        async def taken_over() -> bool:
            answer = await officer.post(f"/v1/channels/{OTHER}/contacts", NOTE)
            return answer.status == 201

        await until(taken_over)
        refused = (await officer.post(f"{C}/contacts", NOTE)).problem(503, "read-only")
        assert "--from-mirror" in refused["detail"]
        assert len((await auditor.get(f"{C}/records", Accept="application/x-ndjson")).body) > 0
        assert (await auditor.get(f"{C}/log/checkpoint")).status == 404, "no older head is shown"
        host.stop()
        nato.stop()
        again = ("restore", backups, "--data", str(new), "--from-mirror", str(nato.mirror))
        assert "1 records were fetched" in host.run(*again, "--config", str(config)).stderr
        assert "have no more records" in host.run(*again, "--config", str(config)).stderr
        host.start()
        nato.restart(host, about)
        posted = (await officer.open(NOTE)).json["position"]
        assert posted == position + 1
        await auditor.sealed(posted)
    finally:
        nato.stop()


def test_a_folder_or_a_directory_that_is_something_else_is_refused(
    process: Service, tmp_path: Path
) -> None:
    (full := tmp_path / "full").mkdir()
    (full / "letter").write_text("Dear Sir")
    run = process.run
    assert "not a folder of backups" in run("backup", str(full), "--without-keys", check=1).stderr
    assert "has no backup" in run("backup", "verify", str(tmp_path / "none"), check=1).stderr
    wrong = run("backup", str(tmp_path / "b"), "--recipient", "age1nobody", check=1).stderr
    assert "age1nobody is not a recipient of age" in wrong
    run("backup", str(tmp_path / "b"), "--without-keys")
    to = ("restore", str(tmp_path / "b"), "--without-keys", "--data")
    assert "is not empty: name a new directory" in run(*to, str(full), check=1).stderr
    url = ("--nats-url", process.nats_url, "--nats-keys", str(process.data / "keys"))
    assert "is not empty (" in run(*to, str(tmp_path / "new"), *url, check=1).stderr
    assert "half restored" in run(*to, str(tmp_path / "new"), check=1).stderr
    with opened_folder(tmp_path / "b"):
        assert "is in use" in run("backup", "list", str(tmp_path / "b"), check=1).stderr


async def test_a_backup_goes_into_the_broker_that_is_named(
    process: Service, real_broker: Any, tmp_path: Path
) -> None:
    process.run("backup", str(tmp_path / "b"), "--without-keys")
    new = str(tmp_path / "new")
    url = ("--nats-url", real_broker.endpoint.url, "--nats-keys", str(real_broker.endpoint.keys))
    await asyncio.to_thread(
        process.run, "restore", str(tmp_path / "b"), "--data", new, "--without-keys", *url
    )
    again = str(tmp_path / "again")
    told = await asyncio.to_thread(
        process.run, "backup", again, "--without-keys", "--data", new, *url
    )
    assert "backup 1 took" in told.stderr
    first, second = (
        json.loads((Path(path) / "manifests" / "000001.json").read_text())
        for path in (tmp_path / "b", again)
    )
    assert first["channels"] == second["channels"]
    for part in ("people", "drafts", "host"):
        assert first["pieces"][part] == second["pieces"][part]
