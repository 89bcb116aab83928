"""Another host with a copy of a log reads it, and records nothing that nobody can sign."""

import asyncio
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

from dragoman import bootstrap
from dragoman.eventlog.broker import BrokerEndpoint
from dragoman.eventlog.nats_connection import connected
from dragoman.stores.key_value import Bucket
from dragoman.stores.tokens_and_sessions import BUCKET, Grant, TokensAndSessions
from patience import PATIENCE_S
from read_files import HOSTED
from service import DRAGOMAN, INCIDENT, NOTE, Caller, Second, Service

pytestmark = pytest.mark.process

C = "/v1/channels/nato-china"
PROVED = "the log keys of channels are here"


@pytest.fixture
async def heir(
    own: Service, session: aiohttp.ClientSession, tmp_path: Path
) -> AsyncIterator[Service]:
    """Another host with another log key, which has the records of a side's mirror."""
    officer, auditor = Caller(session, own, "nato/officer"), Caller(session, own, "china/auditor")
    about = (await auditor.get(C)).json
    (token := tmp_path / "token").write_text(own.token("china/auditor"))
    pins = ("--cid", about["cid"], "--log", about["log"])
    await auditor.sealed((await officer.open(NOTE)).json["position"])
    mirror = str(tmp_path / "mirror")
    to = ("--channel", "nato-china", "--token-file", str(token))
    own.run("audit", "mirror", mirror, "--once", *pins, *to)
    own.stop()
    bootstrap.initialise(tmp_path / "heir")
    own.run("log", "rebuild", mirror, *pins, "--data", str(tmp_path / "heir"))
    service = Service(tmp_path / "heir")
    yield service
    service.stop()


async def with_a_token(session: aiohttp.ClientSession, service: Service, actor: str) -> Caller:
    """A caller with a token that no gateway would have issued."""
    cid = (await Caller(session, service, "operator").get(C)).json["cid"]
    endpoint = BrokerEndpoint(service.nats_url, "", service.data / "keys")
    async with connected(endpoint.url, "gateway", endpoint.seed("gateway")) as bus:
        access = TokensAndSessions(Bucket(bus, BUCKET))
        await access.refresh()
        token, _ = await access.issue(
            Grant(actor=actor, channels=(cid,), issued="2026-11-24T12:00:00Z")
        )
    caller = Caller(session, service)
    caller.headers = {"Authorization": f"Bearer {token}"}
    async with asyncio.timeout(PATIENCE_S):
        while (await caller.get(f"{C}/state")).status != 200:
            await asyncio.sleep(0.05)
    return caller


async def check(caller: Caller) -> tuple[bool, str]:
    checks = (await caller.get("/readyz")).json["checks"]
    (entry,) = [check for check in checks if check["name"] == PROVED]
    return entry["ok"], entry.get("detail", "")


@contextmanager
def signer(own: Service, heir: Service, folder: Path) -> Iterator[None]:
    """The signer of the log, with its key alone, beside the heir's gateway."""
    (folder / "keys").mkdir(parents=True)
    shutil.copytree(own.data / "keys" / "log", folder / "keys" / "log")
    process = subprocess.Popen(
        [DRAGOMAN, "serve", "signer", "--data", folder, "--nats-url", heir.nats_url,
         "--nats-keys", heir.data / "keys"],
    )  # fmt: skip
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)


@pytest.mark.reads(*HOSTED)
async def test_an_heir_without_the_log_key_refuses_until_a_signer_proves_it(
    own: Service, heir: Service, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    operator = Caller(session, heir, "operator")
    request = {"actor": "china/o-1", "channels": ["nato-china"]}
    refused = (await operator.call("POST", "/v1/tokens", request)).problem(503, "read-only")
    assert "no signer of this host has the log key of nato-china" in refused["detail"]
    officer = await with_a_token(session, heir, "nato/d-1")
    position = (await operator.get(C)).json["position"]
    refused = (await officer.post(f"{C}/notifications", INCIDENT)).problem(503, "read-only")
    assert "no signer of this host has the log key of nato-china" in refused["detail"]
    assert (await officer.get(f"{C}/state")).status == 200, "it is read"
    ok, why = await check(operator)
    assert not ok and "1 of 1 channels" in why
    assert "no signer of this host has the log key" in heir.run("doctor", check=None).stdout
    await heir.said(lambda line: line["event"] == "channel.not_signed_here")
    heir.restart()
    operator, officer.service = Caller(session, heir, "operator"), heir
    (await officer.post(f"{C}/notifications", INCIDENT)).problem(503, "read-only")
    assert (await operator.get(C)).json["position"] == position, "nothing was recorded"

    with signer(own, heir, tmp_path / "signer"):
        async with asyncio.timeout(PATIENCE_S):
            while not (await check(operator))[0]:
                await asyncio.sleep(0.1)
        assert (await officer.post(f"{C}/notifications", INCIDENT)).status == 201
        assert (await operator.call("POST", "/v1/tokens", request)).status == 201


@pytest.mark.reads(*HOSTED)
async def test_a_gateway_without_a_log_key_beside_a_signer_that_has_it_writes(
    own: Service, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    second = Second(own, tmp_path / "second")
    try:
        for _ in range(2):
            officer = Caller(session, second, "nato/officer")
            assert (await officer.open(NOTE)).status == 201
            assert await check(officer) == (True, "")
            second.restart()
    finally:
        second.stop()


async def test_the_board_says_why_nothing_can_be_recorded(
    heir: Service, session: aiohttp.ClientSession
) -> None:
    officer = await with_a_token(session, heir, "nato/d-1")
    token = officer.headers["Authorization"].removeprefix("Bearer ")
    request = {"Origin": heir.base_url, "Accept": "text/html", "Accept-Language": "en"}
    async with session.post(
        f"{heir.base_url}/sign-in", data={"token": token}, headers=request, allow_redirects=False
    ) as answer:
        request |= {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}
    async with session.get(f"{heir.base_url}/c/nato-china", headers=request) as answer:
        page = await answer.text()
    assert "nothing can be recorded now" in page
    assert "no signer of this host has the log key of nato-china" in page.lower()
