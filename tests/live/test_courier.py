"""The courier brings each record once to where a side wants to be told, and says in the log whether
it could.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from dragoman.domain.record import codec as records
from office import Office
from pair import until
from patience import PATIENCE_S
from receiver import Mailbox, Receiver, mailbox, receiving
from service import INCIDENT, NOTE, Answer, Caller, Demonstration, Gateway, Service, at_a_screen

C = "/v1/channels/nato-china"
SETTINGS = {
    "DRAGOMAN_COURIER__PRIVATE_NETWORKS": '["127.0.0.0/8"]',
    "DRAGOMAN_COURIER__RETRIES_S": "[0.2, 0.2]",
}


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as box:
        yield box


@pytest.fixture
def service(
    request: pytest.FixtureRequest, tmp_path: Path, box: Mailbox
) -> Iterator[Office | Service]:
    """A demonstration whose courier may call loopback, and is quick to give up."""
    smtp = {
        "DRAGOMAN_COURIER__SMTP__HOST": "127.0.0.1",
        "DRAGOMAN_COURIER__SMTP__PORT": str(box.port),
        "DRAGOMAN_COURIER__SMTP__TLS": "none",
    }
    settings = {**SETTINGS, **smtp, "DRAGOMAN_COURIER__SMTP__SENDER": "dragoman@host.example"}
    service = (
        Demonstration(tmp_path / "data", environment=settings)
        if request.node.get_closest_marker("process")
        else Office(tmp_path / "data", demo=True, environment=settings)
    )
    yield service
    service.stop()


@pytest.fixture
def who(session: aiohttp.ClientSession, service: Gateway) -> Callable[[str], Caller]:
    return lambda name: Caller(session, service, name)


Who = Callable[[str], Caller]


async def entered(who: Who, receiver: Receiver, **more: Any) -> dict[str, Any]:
    """An endpoint of the side of china."""
    answer = await who("china/head_of_office").post(
        "/v1/webhooks", {"channel": "nato-china", "url": receiver.url, **more}
    )
    assert answer.status == 201, answer.body
    endpoint: dict[str, Any] = answer.json
    receiver.secret = endpoint.get("secret") or endpoint["public_key"]
    return endpoint


async def timeline(who: Who, exchange: str, count: int = 1) -> list[dict[str, Any]]:
    """The outcomes that stand in an exchange, once there are so many."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            acts = (
                (await who("nato/officer").get(f"{C}/exchanges/{exchange}"))
                .json["state"]
                .get("acts", {})
            )
            found = [each["content"] for each in acts.get("courier-outcome", [])]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.05)


async def state_of(who: Who, endpoint: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await who("china/officer").get(f"/v1/webhooks/{endpoint['id']}")).json
    return found


# Webhooks


@pytest.mark.parametrize("signature", ["ed25519", "hmac"])
async def test_a_record_is_brought_signed_as_it_stands_in_the_log(
    who: Who, receiver: Receiver, signature: str
) -> None:
    await entered(who, receiver, signature=signature)
    opened = (await who("nato/duty_officer").open(INCIDENT)).json
    await receiver.until(1)
    ((id, body),) = receiver.taken
    assert id == opened["id"] if "id" in opened else True
    exact = await who("china/officer").get(f"{C}/records/{opened['position']}")
    assert (body, records.parse(body).envelope.id) == (exact.body, id)
    (outcome,) = await timeline(who, opened["exchange"])
    assert {**outcome, "at": ""} == {
        "side": "china",
        "means": "webhook",
        "of": id,
        "outcome": "delivered",
        "at": "",
    }


async def test_only_what_is_asked_for_is_brought(who: Who, receiver: Receiver) -> None:
    await entered(
        who, receiver, acts=["acknowledgement", "hazardous-incident"], precedence="immediate"
    )
    nato, china = who("nato/duty_officer"), who("china/duty_officer")
    await who("nato/officer").open(NOTE)
    await china.open(INCIDENT)  # the side's own
    opened = (await nato.open(INCIDENT)).json
    await receiver.until(1)
    await nato.act(opened["exchange"], {"act": "update", "text": "No injuries."})
    other = (await nato.open(INCIDENT)).json
    await receiver.until(2)
    await asyncio.sleep(0.3)
    assert [records.parse(body).envelope.subject for _, body in receiver.taken] == [
        opened["exchange"],
        other["exchange"],
    ]


async def test_what_is_not_taken_is_tried_again_and_never_more_once_it_is(
    who: Who, receiver: Receiver
) -> None:
    endpoint = await entered(who, receiver)
    receiver.answers = lambda tries: 500 if tries < 3 else 200
    opened = [(await who("nato/officer").open(NOTE)).json for _ in range(5)]
    await receiver.until(5)
    await asyncio.sleep(1)
    assert set(receiver.tries.values()) == {3}
    assert len(set(receiver.ids)) == len(receiver.ids) == 5
    for each in opened:
        assert [outcome["outcome"] for outcome in await timeline(who, each["exchange"])] == [
            "delivered"
        ]
    state = await state_of(who, endpoint)
    assert (state["delivered"], state.get("waiting", 0), state.get("parked", 0)) == (5, 0, 0)


async def test_what_is_never_taken_is_parked_listed_and_sent_again_by_hand(
    who: Who, receiver: Receiver
) -> None:
    endpoint = await entered(who, receiver)
    receiver.answers = lambda tries: 500
    opened = (await who("nato/officer").open(NOTE)).json
    (failed,) = await timeline(who, opened["exchange"])
    assert (failed["outcome"], failed["means"]) == ("failed", "webhook")
    path = f"/v1/webhooks/{endpoint['id']}/deliveries"
    (parked,) = (await who("china/officer").get(path)).json["deliveries"]
    assert (parked["position"], parked["tries"], parked["answered"], parked["parked"]) == (
        opened["position"],
        3,
        "500 not now",
        True,
    )
    receiver.answers = lambda tries: 204
    later = (await who("nato/officer").open(NOTE)).json  # one that was given up holds no other up
    await receiver.until(1)
    (await who("china/officer").call("POST", f"{path}/{opened['position']}/resend")).problem(
        403, "not-permitted"
    )
    assert (
        await who("china/administrator").call("POST", f"{path}/{opened['position']}/resend")
    ).status == 202
    await receiver.until(2)
    assert [records.parse(body).envelope.subject for _, body in receiver.taken] == [
        later["exchange"],
        opened["exchange"],
    ]
    assert [each["outcome"] for each in await timeline(who, opened["exchange"], 2)] == [
        "failed",
        "delivered",
    ]
    (await who("china/administrator").call("POST", f"{path}/{opened['position']}/resend")).problem(
        404, "not-found"
    )


async def test_a_receiver_that_is_gone_is_sent_nothing_more(who: Who, receiver: Receiver) -> None:
    endpoint = await entered(who, receiver)
    receiver.answers = lambda tries: 410
    opened = (await who("nato/officer").open(NOTE)).json
    await timeline(who, opened["exchange"])
    await who("nato/officer").open(NOTE)
    await asyncio.sleep(1)
    assert sum(receiver.tries.values()) == 1
    assert "gone" in (await state_of(who, endpoint))["stopped"]


@pytest.mark.parametrize(
    ("language", "said"), [("fr", ("non joint", "n’existe plus")), ("zh", ("未能连通", "已不存在"))]
)
async def test_what_came_of_a_try_is_shown_in_the_readers_language(
    who: Who,
    receiver: Receiver,
    session: aiohttp.ClientSession,
    service: Gateway,
    language: str,
    said: tuple[str, str],
) -> None:
    gone = await entered(who, receiver)
    receiver.answers = lambda tries: 410
    body = {"channel": "nato-china", "url": "http://127.0.0.1:9/nobody"}
    nobody = (await who("china/head_of_office").post("/v1/webhooks", body)).json
    await who("nato/officer").open(NOTE)

    async def given_up() -> bool:
        return (await state_of(who, nobody)).get("parked") == 1 and "stopped" in await state_of(
            who, gone
        )

    await until(given_up)
    headers = await at_a_screen(session, service, "china/officer", language)
    async with session.get(
        f"{service.base_url}/c/nato-china/admin/endpoints", headers=headers
    ) as answer:
        page = await answer.text()
    assert answer.status == 200 and all(each in page for each in said), page
    assert "not reached" not in page and "it is gone" not in page
    (tried,) = (await who("china/officer").get(f"/v1/webhooks/{nobody['id']}/deliveries")).json[
        "deliveries"
    ]
    assert tried["answered"] == "not reached", "the API is in English"


async def test_a_receiver_that_asks_to_wait_is_waited_for(who: Who, receiver: Receiver) -> None:
    await entered(who, receiver)
    receiver.headers = {"Retry-After": "2"}
    receiver.answers = lambda tries: 429 if tries == 1 else 204
    await who("nato/officer").open(NOTE)
    await receiver.until(1)
    first, second = receiver.tried
    assert second - first > 1.2


async def test_a_restart_loses_nothing_and_sends_nothing_again(
    who: Who, service: Gateway, receiver: Receiver
) -> None:
    await entered(who, receiver)
    first = (await who("nato/officer").open(NOTE)).json
    await timeline(who, first["exchange"])
    service.restart()
    opened = (await who("nato/officer").open(NOTE)).json
    await receiver.until(2)
    await asyncio.sleep(0.5)
    assert len(set(receiver.ids)) == len(receiver.ids) == 2
    assert [each["outcome"] for each in await timeline(who, opened["exchange"])] == ["delivered"]


@pytest.mark.process
async def test_two_couriers_bring_each_record_once(
    who: Who, service: Service, receiver: Receiver, tmp_path: Path
) -> None:
    class Second(Service):
        def command(self) -> list[str | Path]:
            return [
                "serve",
                "notifier",
                "--data",
                self.data,
                "--nats-url",
                service.nats_url,
                "--nats-keys",
                service.data / "keys",
            ]

    second = Second(tmp_path / "second", environment=SETTINGS)
    try:
        await entered(who, receiver)
        receiver.delay = 0.05
        opened = [(await who("nato/officer").open(NOTE)).json for _ in range(30)]
        await receiver.until(30)
        await asyncio.sleep(1)
        assert len(set(receiver.ids)) == len(receiver.ids) == 30
        for each in opened:
            assert len(await timeline(who, each["exchange"])) == 1
    finally:
        second.stop()


@pytest.mark.parametrize("address", ["root,y@z.example", "a@b", "<a@b.example>", "a b@c.example"])
async def test_an_address_is_one_plain_one(
    session: aiohttp.ClientSession, demo: Gateway, address: str
) -> None:
    answer = await Caller(session, demo, "china/head_of_office").post(
        "/v1/webhooks", {"channel": "nato-china", "address": address}
    )
    assert answer.problem(422, "invalid-act")["errors"][0]["pointer"] == "/address"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"url": "http://example.org/hook"}, "not an https URL"),
        ({"url": "https://169.254.169.254/latest"}, "not a public address"),
        ({"url": "https://example.org", "address": "a@b.example"}, "only one"),
        ({}, "Name a url"),
        ({"url": "https://example.org/", "acts": ["handshake"]}, "There is no act"),
    ],
)
async def test_an_endpoint_that_leads_inside_is_not_taken(
    session: aiohttp.ClientSession, demo: Gateway, body: dict[str, Any], said: str
) -> None:
    answer = await Caller(session, demo, "china/head_of_office").post(
        "/v1/webhooks", {"channel": "nato-china", **body}
    )
    assert said in answer.problem(422, "invalid")["detail"]


async def test_endpoints_are_their_sides_own(who: Who, receiver: Receiver) -> None:
    endpoint = await entered(who, receiver)
    path = f"/v1/webhooks/{endpoint['id']}"
    for other in ("nato/head_of_office", "china/auditor"):
        assert (await who(other).get("/v1/webhooks")).json["endpoints"] == []
        for method, where in (
            ("GET", path),
            ("DELETE", path),
            ("GET", f"{path}/deliveries"),
            ("POST", f"{path}/deliveries/1/resend"),
        ):
            (await who(other).call(method, where)).problem(404, "not-found")
    (await who("china/officer").call("DELETE", path)).problem(403, "not-permitted")
    (
        await who("china/officer").post(
            "/v1/webhooks", {"channel": "nato-china", "url": receiver.url}
        )
    ).problem(403, "not-permitted")
    assert [
        each["id"] for each in (await who("china/officer").get("/v1/webhooks")).json["endpoints"]
    ] == [endpoint["id"]]
    assert "secret" not in (await who("china/officer").get(path)).json
    assert (await who("china/administrator").call("DELETE", path)).status == 204
    await who("nato/officer").open(NOTE)
    await asyncio.sleep(0.5)
    assert receiver.taken == []


# E-mail


async def test_a_mail_says_that_something_waits_and_not_what(who: Who, box: Mailbox) -> None:
    answer: Answer = await who("china/administrator").post(
        "/v1/webhooks",
        {"channel": "nato-china", "address": "duty@china.example", "precedence": "immediate"},
    )
    assert answer.status == 201, answer.body
    opened = (await who("nato/duty_officer").open({**INCIDENT, "precedence": "flash"})).json
    await box.until(1)
    await who("nato/officer").open(NOTE)
    (outcome,) = await timeline(who, opened["exchange"])
    assert (outcome["means"], outcome["outcome"]) == ("e-mail", "delivered")
    await asyncio.sleep(0.5)
    (mail,) = box.mails
    assert (mail["To"], mail["From"], mail["Subject"]) == (
        "duty@china.example",
        "dragoman@host.example",
        f"[FLASH] {opened['number']}",
    )
    assert (
        mail["MMHS-Primary-Precedence"],
        mail["MMHS-Message-Type"],
        mail["MMHS-Originator-Reference"],
    ) == ("4", "1", opened["number"])
    assert "MT-PRIORITY=4" in box.options[0]
    text = mail.get_content()
    assert (
        "From NATO: Hazardous incident, flash" in text and INCIDENT["facts"] not in mail.as_string()
    )
    assert mail["Content-Language"] == "en"


@pytest.mark.parametrize(
    ("language", "tag", "lines"),
    [
        (
            "fr",
            "fr",
            [
                "De NATO\u00a0: Incident dangereux, flash, ",
                "Numéro\u00a0: {number}",
                "Lisez-le et accusez-en réception\u00a0: ",
            ],
        ),
        ("zh", "zh-Hans", ["NATO发来：危险事件，", "编号：{number}", "请阅读并确认收到："]),  # noqa: RUF001
    ],
)
async def test_a_mail_is_in_the_language_that_was_chosen_with_its_address(
    who: Who, box: Mailbox, language: str, tag: str, lines: list[str]
) -> None:
    wanted = {
        "channel": "nato-china",
        "address": "duty@china.example",
        "precedence": "flash",
        "language": language,
    }
    added: Answer = await who("china/administrator").post("/v1/webhooks", wanted)
    assert (added.status, added.json["language"]) == (201, language)
    number = (await who("nato/duty_officer").open({**INCIDENT, "precedence": "flash"})).json[
        "number"
    ]
    await box.until(1)
    mail = box.mails[0]
    text = mail.get_content()
    assert [line for line in lines if line.format(number=number) not in text] == []
    assert mail["Content-Language"] == tag
    assert "hazardous" not in text.lower() and INCIDENT["facts"] not in text


async def test_a_mail_that_is_refused_is_given_up_after_its_tries(who: Who, box: Mailbox) -> None:
    box.answer = "550 no such mailbox"
    added = (
        await who("china/administrator").post(
            "/v1/webhooks", {"channel": "nato-china", "address": "gone@china.example"}
        )
    ).json
    opened = (await who("nato/officer").open(NOTE)).json
    (outcome,) = await timeline(who, opened["exchange"])
    assert (outcome["means"], outcome["outcome"], len(box.options)) == ("e-mail", "failed", 3)
    (parked,) = (await who("china/officer").get(f"/v1/webhooks/{added['id']}/deliveries")).json[
        "deliveries"
    ]
    assert "550" in parked["answered"]


async def test_an_exercise_says_so_in_every_mail(who: Who, box: Mailbox) -> None:
    channel = "nato-china-exercise"
    await who("china/administrator").post(
        "/v1/webhooks", {"channel": channel, "address": "duty@china.example", "precedence": "flash"}
    )
    await who("nato/duty_officer").open({**INCIDENT, "precedence": "flash"}, channel)
    await box.until(1)
    mail = box.mails[0]
    assert (
        mail["Subject"].strip().startswith("EXERCISE EXERCISE EXERCISE [FLASH]")
        and mail["MMHS-Message-Type"] == "0"
    )
    assert "nothing of this happened" in mail.get_content()
    assert json.dumps(mail["MMHS-Primary-Precedence"]) == '"4"'


# The side's own watch


async def test_nobody_answers_the_watch_check_and_the_deputies_then_the_head_of_office_are_told_by_courier(
    who: Who, receiver: Receiver, box: Mailbox, session: aiohttp.ClientSession, service: Gateway
) -> None:
    await entered(who, receiver)
    meetings = {
        "channel": "nato-china",
        "address": "meetings@office.example",
        "families": ["meeting"],
    }
    assert (await who("china/head_of_office").post("/v1/webhooks", meetings)).status == 201
    mail = {
        "channel": "nato-china",
        "address": "deputy@office.example",
        "families": ["notification"],
    }
    assert (await who("china/head_of_office").post("/v1/webhooks", mail)).status == 201
    await who("china/duty_officer").post(f"{C}/channel", {"act": "watch-assumption"})
    screen = await at_a_screen(session, service, "china/duty_officer")

    async def beat(state: str, **more: str) -> None:
        async with session.post(
            f"{service.base_url}/alarm/beat", data={"state": state, **more}, headers=screen
        ) as answer:
            assert answer.status == 204

    await beat("no_answer", since=str(int(time.time()) - 10))
    await receiver.until(1)
    ((_, body),) = receiver.taken
    told = json.loads(body)
    assert (told["type"], told["channel"]) == ("dragoman.watch-notice.v1", "nato-china")
    assert {**told["data"], "since": ""} == {
        "side": "china",
        "kind": "no_answer",
        "step": "deputy",
        "since": "",
    }
    async with asyncio.timeout(PATIENCE_S):
        while not box.mails:
            await asyncio.sleep(0.05)
    (sent,) = box.mails
    assert sent["Subject"] == "[FLASH] Watch of CHINA: nobody answers (deputy)"
    assert sent["To"] == "deputy@office.example"
    await beat("no_answer", since=str(int(time.time()) - 95))
    await receiver.until(2)
    assert json.loads(receiver.taken[1][1])["data"]["step"] == "head_of_office"
    await beat("armed")
    await asyncio.sleep(6)
    assert len(receiver.taken) == 2
