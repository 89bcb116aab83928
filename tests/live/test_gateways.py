"""Two gateways side by side on one broker: each sees what the other recorded, and neither records it again."""

import asyncio
import json
import select
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from service import DRAGOMAN, NOTE, Caller, Service, new_key

C = "/v1/channels/nato-china"


class Second(Service):
    """A second gateway, by `dragoman serve`, on the broker of the first."""

    def __init__(self, first: Service, data: Path) -> None:
        self.first = first
        super().__init__(data)

    def start(self) -> None:
        nats_url = json.loads((self.first.data / "server.json").read_text())["nats_url"]
        keys = str(self.first.data / "keys")
        arguments = ["--nats-url", nats_url, "--nats-keys", keys, "--name", "second", "--port", "0", "--log-format", "json"]
        with self.log.open("a") as errors:
            self.process = subprocess.Popen(
                [DRAGOMAN, "serve", "gateway", "--data", self.data, *arguments], stdout=subprocess.PIPE, stderr=errors, text=True
            )
        assert self.process.stdout is not None
        self.stdout = self.process.stdout
        ready, _, _ = select.select([self.stdout], [], [], 30)
        self.base_url = self.stdout.readline().strip() if ready else ""
        assert self.base_url, self.log.read_text()[-3000:]

    def token(self, name: str) -> str:
        return self.first.token(name)


@pytest.fixture
def second(own: Service, tmp_path: Path) -> Iterator[Service]:
    service = Second(own, tmp_path / "second")
    yield service
    service.stop()


async def test_what_one_recorded_is_read_at_the_other_from_its_position_on(
    own: Service, second: Service, session: aiohttp.ClientSession
) -> None:
    for here, there in ((own, second), (second, own)) * 3:
        posted = (await Caller(session, here, "nato/officer").open(NOTE)).json
        seen = await Caller(session, there, "china/officer").get(
            f"{C}/exchanges/{posted['exchange']}", Dragoman_Min_Position=str(posted["position"])
        )
        assert seen.status == 200, seen.body
    digests = [
        (await Caller(session, s, "nato/officer").get(f"{C}/state", Dragoman_Min_Position=str(posted["position"]))).json["digest"]
        for s in (own, second)
    ]
    assert digests[0] == digests[1]


async def test_one_key_at_two_gateways_is_one_record(own: Service, second: Service, session: aiohttp.ClientSession) -> None:
    key = new_key()
    answers = await asyncio.gather(
        *(Caller(session, service, "nato/officer").post(f"{C}/contacts", NOTE, key=key) for service in (own, second) * 5)
    )
    assert {201} == {answer.status for answer in answers}
    assert len({answer.body for answer in answers}) == 1


async def test_racing_gateways_decide_again(own: Service, second: Service, session: aiohttp.ClientSession) -> None:
    exchange = (await Caller(session, own, "nato/officer").open(NOTE)).json["exchange"]
    await Caller(session, second, "nato/officer").get(f"{C}/exchanges/{exchange}", Dragoman_Min_Position="27")
    racing = [Caller(session, service, "china/officer").act(exchange, {"act": "acknowledgement"}) for service in (own, second) * 3]
    statuses = [answer.status for answer in await asyncio.gather(*racing)]
    assert {201} == set(statuses)


async def test_a_token_revoked_at_one_is_gone_at_the_other(own: Service, second: Service, session: aiohttp.ClientSession) -> None:
    operator = Caller(session, own, "operator")
    issued = (await operator.call("POST", "/v1/tokens", {"actor": "nato/o-1"})).json
    theirs = {"Authorization": f"Bearer {issued['token']}"}
    assert (await Caller(session, second).get("/v1/me", **theirs)).status == 200
    await operator.call("DELETE", f"/v1/tokens/{issued['id']}")
    await asyncio.sleep(1.5)
    assert (await Caller(session, second).get("/v1/me", **theirs)).status == 401


async def test_a_channel_opened_at_one_is_found_by_the_other(own: Service, second: Service, session: aiohttp.ClientSession) -> None:
    body = {
        "name": "new-one",
        "sides": ["nato", "mars"],
        "officers": [{"side": "nato", "officer": "o-1", "office": "hq", "roles": ["officer"]}],
    }
    assert (await Caller(session, own, "operator").call("POST", "/v1/channels", body)).status == 201
    issued = (await Caller(session, own, "operator").call("POST", "/v1/tokens", {"actor": "nato/o-1", "channels": ["new-one"]})).json
    for _ in range(50):
        answer = await Caller(session, second).get("/v1/channels/new-one/state", Authorization=f"Bearer {issued['token']}")
        if answer.status == 200:
            break
        await asyncio.sleep(0.1)
    assert answer.status == 200, answer.body


async def test_a_gateway_that_lags_lets_the_fold_decide(own: Service, second: Service, session: aiohttp.ClientSession) -> None:
    own_officer = Caller(session, own, "china/officer")
    second.process.send_signal(signal.SIGSTOP)
    try:
        admin = Caller(session, own, "china/administrator")
        assert (await admin.post(f"{C}/channel", {"act": "officer-revocation", "officer": "o-1"})).status == 201
        late = asyncio.create_task(Caller(session, second, "china/officer").post(f"{C}/contacts", NOTE))
        await asyncio.sleep(0.3)
    finally:
        second.process.send_signal(signal.SIGCONT)
    answer = await late
    assert answer.status in (403, 404, 409), answer.body
    assert (await own_officer.post(f"{C}/contacts", NOTE)).status == 404
