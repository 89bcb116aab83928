"""Officers are called by phone: a text is read to them, and its digits prove that they were reached."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from messaging import Carrier, at_twilio, calls_of, carrying, settings_of, ways_of
from pair import until
from patience import PATIENCE_S
from ports import free_port
from service import INCIDENT, Caller, Gateway, Service

CHANNEL = "nato-china"
FLASH = {**INCIDENT, "precedence": "flash"}
NUMBER, SHOWN = "+86 139 1234 5678", "+86… 78"
CODE = re.compile(r"\d(?:, \d){9}")

Who = Callable[[str], Caller]

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def carrier() -> AsyncIterator[Carrier]:
    async with carrying() as carrier:
        yield carrier


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S)) as session:
        yield session


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def service(
    tmp_path_factory: pytest.TempPathFactory, carrier: Carrier
) -> AsyncIterator[Gateway]:
    """A demonstration that places calls by Twilio and by a voice gateway of the house."""
    if not _may_listen_at_443():
        pytest.skip("the tests' Twilio needs port 443 of loopback")
    folder = tmp_path_factory.mktemp("calls")
    ways_of(carrier, folder)
    async with at_twilio(carrier, folder) as environment:
        port = free_port()
        environment["DRAGOMAN_HTTP__PUBLIC_URL"] = f"http://127.0.0.1:{port}"
        settings = settings_of(calls_of(folder), **environment)
        service = await asyncio.to_thread(
            lambda: _AtAPort(folder / "data", "--demo", environment=settings)
        )
        yield service
        await asyncio.to_thread(service.stop)


class _AtAPort(Service):
    """A service that listens at the port of its public address."""

    def command(self) -> list[str | Path]:
        self.port = int(self.environment["DRAGOMAN_HTTP__PUBLIC_URL"].rpartition(":")[2])
        return super().command()


def _may_listen_at_443() -> bool:
    least = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    return os.geteuid() == 0 or least <= 443


@pytest_asyncio.fixture(loop_scope="module")
async def who(
    session: aiohttp.ClientSession, service: Gateway, carrier: Carrier
) -> AsyncIterator[Who]:
    yield lambda name: Caller(session, service, name)
    duty = Caller(session, service, "china/duty_officer")
    for way in (await duty.get("/v1/reach")).json["endpoints"]:
        await duty.call("DELETE", f"/v1/reach/{way['id']}")
    carrier.got.clear()


async def _added(caller: Caller, way: str, **more: Any) -> dict[str, Any]:
    answer = await caller.post("/v1/reach", {"channel": CHANNEL, "way": way, "to": NUMBER, **more})
    assert answer.status == 201, answer.body
    view: dict[str, Any] = answer.json
    assert view["shown"] == SHOWN
    return view


@pytest.mark.process
async def test_a_call_says_the_digits_that_prove_it(
    who: Who, carrier: Carrier, service: Service
) -> None:
    duty = who("china/duty_officer")
    ways = {name: await _added(duty, name) for name in ("twilio", "voice")}
    assert (await duty.post("/v1/reach/tests", {})).status == 202
    await carrier.until(2)
    texts = {kind: (recipient, text) for kind, recipient, text, _ in carrier.got}
    assert texts.keys() == {"twilio from +15550100200", "call en"}
    for kind, name in (("twilio from +15550100200", "twilio"), ("call en", "voice")):
        recipient, text = texts[kind]
        assert recipient == "+8613912345678"
        assert text.count("This is a test of how to reach you. Nothing is wrong.") == 2
        assert "://" not in text and "/reach/" not in text
        first, second = CODE.findall(text)
        assert first == second
        wrong = f"{(int(first[0]) + 1) % 10}{first[1:]}".replace(",", "")
        refused = await duty.post("/v1/reach/confirmations", {"code": wrong})
        assert refused.status == 404, refused.body
        spelt = first.replace(",", "")  # as somebody types it who has written it down
        confirmed = await duty.post("/v1/reach/confirmations", {"code": spelt})
        assert (confirmed.status, confirmed.json["endpoint"]) == (200, ways[name]["id"])
    states = {
        each["way"]: each["state"] for each in (await duty.get("/v1/reach")).json["endpoints"]
    }
    assert states == {"twilio": "proven", "voice": "proven"}
    log = service.log.read_text()
    assert "8613912345678" not in log


@pytest.mark.parametrize(
    ("language", "voice", "said"),
    [
        ("en", 'language="en-US"', "A message waits for you. Urgency: FLASH."),
        ("fr", 'language="fr-FR"', "Un message vous attend."),
        ("zh", 'voice="Polly.Zhiyu" language="cmn-CN"', "有一条消息等待您"),
    ],
)
async def test_a_flash_is_read_in_the_receivers_language_without_its_content(
    who: Who, carrier: Carrier, language: str, voice: str, said: str
) -> None:
    duty = who("china/duty_officer")
    await _added(duty, "twilio", language=language)
    await _added(duty, "voice", language=language)
    assert (await who("nato/duty_officer").open(FLASH)).status == 201
    await carrier.until(2)
    texts = {kind: text for kind, _, text, _ in carrier.got}
    twiml = texts["twilio from +15550100200"]
    assert twiml.startswith(f"<Response><Say {voice}>") and twiml.endswith("</Say></Response>")
    for text in (twiml, texts[f"call {language}"]):
        assert text.count(said) == 2
        assert text.count(CHANNEL) == 2
        assert INCIDENT["facts"] not in text and "NATO" not in text and "://" not in text


async def test_a_call_that_the_service_refuses_is_a_failed_test(
    who: Who, carrier: Carrier, service: Gateway
) -> None:
    duty = who("china/duty_officer")
    await _added(duty, "twilio")
    path = service.data.parent / "twilio.url"
    address = path.read_text()
    path.write_text(address.replace("5e", "6f"))
    try:
        assert (await duty.post("/v1/reach/tests", {})).status == 202

        async def failed() -> bool:
            (view,) = (await duty.get("/v1/reach")).json["endpoints"]
            return bool(view["state"] == "failed")

        await until(failed)
    finally:
        path.write_text(address)
    assert carrier.got == []
