"""Officers are reached away from the pages: by a phone, a pager and a real mail server. Whoever is
called gets only that something waits; nobody else learns how they are reached.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from messaging import GOTIFY_TOKEN, Carrier, carrying, settings_of, ways_of
from pair import until
from patience import PATIENCE_S
from ports import free_port
from receiver import Mailbox, Receiver, mailbox, receiving
from service import INCIDENT, NOTE, Caller, Gateway, Service

CHANNEL = "nato-china"
C = f"/v1/channels/{CHANNEL}"
PHONE = "+86 139 1234 5678"
FLASH = {**INCIDENT, "precedence": "flash"}
CODE = re.compile(r"/reach/([0-9a-f]+)")

Who = Callable[[str], Caller]


pytestmark = pytest.mark.asyncio(loop_scope="module")
SEATS = ("duty_officer", "head_of_office", "officer")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def carrier() -> AsyncIterator[Carrier]:
    async with carrying() as carrier:
        yield carrier


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as box:
        yield box


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S)) as session:
        yield session


class _AtItsPort(Service):
    """A service whose public address has the port at which it listens."""

    def command(self) -> list[str | Path]:
        self.port = int(self.environment["DRAGOMAN_HTTP__PORT"])
        return super().command()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def service(
    tmp_path_factory: pytest.TempPathFactory, carrier: Carrier, box: Mailbox
) -> AsyncIterator[Gateway]:
    """A demonstration with three ways and a mail server, at a public address."""
    port, folder = free_port(), tmp_path_factory.mktemp("reach")
    settings = settings_of(
        ways_of(carrier, folder),
        DRAGOMAN_HTTP__PORT=str(port),
        DRAGOMAN_HTTP__PUBLIC_URL=f"http://127.0.0.1:{port}",
        DRAGOMAN_COURIER__SMTP__HOST="127.0.0.1",
        DRAGOMAN_COURIER__SMTP__PORT=str(box.port),
        DRAGOMAN_COURIER__SMTP__TLS="none",
        DRAGOMAN_COURIER__SMTP__SENDER="dragoman@host.example",
    )
    service = await asyncio.to_thread(
        lambda: _AtItsPort(folder / "data", "--demo", environment=settings)
    )
    yield service
    await asyncio.to_thread(service.stop)


@pytest_asyncio.fixture(loop_scope="module")
async def who(
    session: aiohttp.ClientSession, service: Gateway, carrier: Carrier, box: Mailbox
) -> AsyncIterator[Who]:
    """A caller by `side/role`. After the test nobody of China has a way or an endpoint."""

    def caller(name: str) -> Caller:
        return Caller(session, service, name)

    yield caller
    for seat in SEATS:
        officer = caller(f"china/{seat}")
        for way in (await officer.get("/v1/reach")).json["endpoints"]:
            await officer.call("DELETE", f"/v1/reach/{way['id']}")
    head = caller("china/head_of_office")
    for endpoint in (await head.get("/v1/webhooks")).json["endpoints"]:
        await head.call("DELETE", f"/v1/webhooks/{endpoint['id']}")
    carrier.got.clear()
    box.mails.clear()


async def added(caller: Caller, way: str, to: str, **more: Any) -> dict[str, Any]:
    """A way of that officer."""
    answer = await caller.post("/v1/reach", {"channel": CHANNEL, "way": way, "to": to, **more})
    assert answer.status == 201, answer.body
    view: dict[str, Any] = answer.json
    return view


async def proof_of(caller: Caller, way: dict[str, Any]) -> str:
    """The state of the proof of a way."""
    reach = (await caller.get("/v1/reach")).json
    (state,) = [each["state"] for each in reach["endpoints"] if each["id"] == way["id"]]
    return str(state)


async def test_a_test_reaches_each_way_and_its_receiver_confirms_it(
    who: Who, carrier: Carrier, box: Mailbox, session: aiohttp.ClientSession, service: Gateway
) -> None:
    duty = who("china/duty_officer")
    phone = await added(duty, "sms", PHONE, label="my phone")
    mail = await added(duty, "e-mail", "lin@liaison.example", language="fr")
    assert await proof_of(duty, phone) == "never"
    tested = (await duty.post("/v1/reach/tests", {})).json["endpoints"]
    assert {*tested} == {phone["id"], mail["id"]}
    await carrier.until(1)
    await box.until(1)
    ((_, recipient, text, _),) = carrier.got
    assert recipient == "+8613912345678"
    found = CODE.search(text)
    assert found is not None
    assert "Nothing is wrong." in text
    assert CODE.search(box.mails[0].get_content()) is not None

    async def state(wanted: str) -> bool:
        return await proof_of(duty, phone) == wanted

    await until(lambda: state("sent"))
    page = f"{service.base_url}/reach/{found.group(1)}"
    async with session.get(page) as shown:  # as a program does that shows a preview
        assert shown.status == 200
    assert await proof_of(duty, phone) == "sent"
    headers = {"Origin": service.base_url, "Sec-Fetch-Site": "same-origin"}
    async with session.post(page, headers=headers) as confirmed:
        assert confirmed.status == 200
    assert await proof_of(duty, phone) == "proven"
    assert await proof_of(duty, mail) == "sent"
    wrong = f"{page[:-1]}{'0' if page[-1] != '0' else '1'}"
    async with session.post(wrong, headers=headers) as refused:
        assert refused.status == 404
    code = found.group(1)
    again = await who("nato/officer").post("/v1/reach/confirmations", {"code": code})
    assert (again.status, again.json["endpoint"]) == (200, phone["id"])  # the code is the proof


async def test_a_flash_reaches_the_officer_on_watch_and_says_only_that_it_waits(
    who: Who, carrier: Carrier, service: Gateway
) -> None:
    duty, head = who("china/duty_officer"), who("china/head_of_office")
    await added(duty, "sms", PHONE)
    await added(duty, "pager", f"gotify://127.0.0.1:{carrier.port}/{GOTIFY_TOKEN}", details=True)
    await added(head, "push", "head-phone")  # the ladder brings a flash there after nine minutes
    nato = who("nato/duty_officer")
    opened = (await nato.open(FLASH)).json
    await carrier.until(2)
    texts = {service: text for service, _, text, _ in carrier.got}
    assert texts["sms"] == (
        "[FLASH] nato-china\nA message waits for you. Urgency: FLASH.\n"
        f"Read it: {service.base_url}/c/nato-china"
    )
    assert opened["number"] in texts["gotify"]
    assert "NATO" in texts["gotify"]
    assert INCIDENT["facts"] not in texts["gotify"]
    await nato.act(opened["exchange"], {"act": "update", "text": "No injuries."})
    await asyncio.sleep(0.5)
    assert [service for service, _, _, _ in carrier.got if service == "ntfy"] == []
    acts = (await nato.get(f"{C}/exchanges/{opened['exchange']}")).json["state"].get("acts", {})
    assert "courier-outcome" not in acts  # the sender does not learn how a person is reached


@pytest.mark.process
async def test_nobody_else_sees_how_an_officer_is_reached(
    who: Who, carrier: Carrier, service: Service
) -> None:
    duty = who("china/duty_officer")
    url = f"gotify://127.0.0.1:{carrier.port}/{GOTIFY_TOKEN}"
    phone = await added(duty, "sms", PHONE)
    await added(duty, "pager", url)
    for other in ("china/head_of_office", "china/officer", "nato/head_of_office", "operator"):
        caller = who(other)
        texts = [
            (await caller.get(path)).body.decode()
            for path in ("/v1/reach", "/v1/webhooks", f"/v1/webhooks/{phone['id']}", C)
        ]
        assert not any("5678" in text or GOTIFY_TOKEN in text for text in texts), other
        removal = await caller.call("DELETE", f"/v1/reach/{phone['id']}")
        assert removal.status == 404
    officers = (await who("china/head_of_office").get("/v1/reach")).json["officers"]
    counts = {each["officer"]: each["ways"] for each in officers if each["channel"] == CHANNEL}
    assert counts == {"china/d-1": 2, "china/h-1": 0}
    stored = b"".join(
        path.read_bytes() for path in (service.data / "nats").rglob("*.blk") if path.is_file()
    )
    assert b"sealed" in stored
    assert b"8613912345678" not in stored
    assert GOTIFY_TOKEN.encode() not in stored
    log = service.log.read_text()
    assert "8613912345678" not in log
    assert GOTIFY_TOKEN not in log


async def test_a_flood_ends_in_one_summary_and_the_board_says_what_was_held(
    who: Who, carrier: Carrier
) -> None:
    duty, nato = who("china/officer"), who("nato/officer")
    await added(duty, "push", "lin-phone", called=False)
    for _ in range(20):
        assert (await nato.open(NOTE)).status == 201
    await carrier.until(16)
    await asyncio.sleep(0.5)
    texts = [text for _, _, text, _ in carrier.got]
    assert len(texts) == 16
    assert sum("held back" in text for text in texts) == 1
    reach = (await duty.get("/v1/reach")).json
    assert (reach["messages"], reach["held"]) == (15, 5)
    assert (await who("nato/duty_officer").open(FLASH)).status == 201
    await carrier.until(17)
    assert "FLASH" in carrier.got[-1][2]


async def test_a_webhook_is_tested_and_its_answer_proves_it(who: Who) -> None:
    head = who("china/head_of_office")
    async with receiving() as receiver:
        await _hook(head, receiver)
        (endpoint,) = (await head.get("/v1/webhooks")).json["endpoints"]
        assert (await head.post(f"/v1/webhooks/{endpoint['id']}/test", {})).status == 202
        await receiver.until(1)
        assert b"dragoman.endpoint-test.v1" in receiver.taken[0][1]

        async def is_proven() -> bool:
            view = (await head.get(f"/v1/webhooks/{endpoint['id']}")).json
            return bool(view.get("arrived"))

        await until(is_proven)
        again = await head.post(f"/v1/webhooks/{endpoint['id']}/test", {})
        assert again.status == 412


async def _hook(head: Caller, receiver: Receiver) -> None:
    answer = await head.post("/v1/webhooks", {"channel": CHANNEL, "url": receiver.url})
    receiver.secret = answer.json["public_key"]


async def test_a_side_has_a_pager_by_a_way_and_the_log_says_that_it_was_told(
    who: Who, carrier: Carrier
) -> None:
    head, nato = who("china/head_of_office"), who("nato/duty_officer")
    new = {"channel": CHANNEL, "way": "sms", "to": PHONE, "label": "duty phone"}
    view = (await head.post("/v1/webhooks", new)).json
    assert (view["target"], view["means"], view["label"]) == ("+86… 78", "message", "duty phone")
    opened = (await nato.open(INCIDENT)).json
    await carrier.until(1)

    async def is_recorded() -> bool:
        state = (await nato.get(f"{C}/exchanges/{opened['exchange']}")).json["state"]
        outcomes = state.get("acts", {}).get("courier-outcome", [])
        return [(each["content"]["means"], each["content"]["outcome"]) for each in outcomes] == [
            ("message", "delivered")
        ]

    await until(is_recorded)


async def test_the_commands_do_what_the_page_does(
    who: Who, carrier: Carrier, service: Gateway
) -> None:
    token = service.data.parent / "token"
    token.write_text(service.token("china/duty_officer"))
    place = ["--server", service.base_url, "--token-file", str(token), "--channel", CHANNEL]

    async def reach(*words: str) -> str:
        done = await asyncio.to_thread(service.run, "reach", *words, *place)
        return str(done.stdout + done.stderr)

    await reach("add", "push", "lin-phone", "--label", "phone")
    assert "never" in await reach("list")
    assert "1 on the way" in await reach("test")
    await carrier.until(1)
    found = CODE.search(carrier.got[0][2])
    assert found is not None
    assert "reaches you" in await reach("confirm", found.group(1))
    listed = await reach("list")
    assert "proven" in listed
    assert "can add: e-mail (address), push (topic), sms (phone), pager (url)" in listed
    id = next(line.split()[0] for line in listed.splitlines() if "proven" in line)
    await reach("remove", id)
    assert (await who("china/duty_officer").get("/v1/reach")).json["endpoints"] == []


def _roster(*shifts: tuple[str, int, int]) -> bytes:
    """A calendar of shifts: officer, and minutes from now to begin and end."""
    now = datetime.now(UTC)
    events = "".join(
        f"BEGIN:VEVENT\r\nUID:{officer}@x\r\nSUMMARY:{officer}\r\n"
        f"DTSTART:{now + timedelta(minutes=begins):%Y%m%dT%H%M%SZ}\r\n"
        f"DTEND:{now + timedelta(minutes=ends):%Y%m%dT%H%M%SZ}\r\nEND:VEVENT\r\n"
        for officer, begins, ends in shifts
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{events}END:VCALENDAR\r\n".encode()


async def test_both_officers_are_reminded_once_before_a_hand_over_and_the_roster_calls_first(
    who: Who, carrier: Carrier
) -> None:
    duty, officer, head = (
        who(f"china/{seat}") for seat in ("duty_officer", "officer", "head_of_office")
    )
    await added(duty, "push", "duty-phone")
    await added(officer, "push", "officer-phone")
    put = await head.call(
        "PUT",
        f"{C}/roster",
        _roster(("d-1", -100, 12), ("o-1", 12, 900)),
        Content_Type="text/calendar",
    )
    assert put.status == 200, put.body
    await carrier.until(2)
    texts = {recipient: text for _, recipient, text, _ in carrier.got}
    assert "ends within" in texts["duty-phone"]
    assert "begins within" in texts["officer-phone"]
    assert all("[PRIORITY]" in text for text in texts.values())
    carrier.got.clear()
    # an ordinary officer is on no rung of the log; by the roster the flash reaches o-1 as well
    shifts = _roster(("o-1", -100, 900))
    assert (
        await head.call("PUT", f"{C}/roster", shifts, Content_Type="text/calendar")
    ).status == 200
    assert (await who("nato/duty_officer").open(FLASH)).status == 201
    await carrier.until(2)
    flashes = {recipient for _, recipient, text, _ in carrier.got if "FLASH" in text}
    assert flashes == {"duty-phone", "officer-phone"}
    assert (await head.call("DELETE", f"{C}/roster")).status in (200, 204)
