"""The inbox and the stream over all channels of an officer: nothing missing, and nothing twice."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from identified import entered
from patience import PATIENCE_S
from service import INCIDENT, NOTE, Caller, Gateway, Second, Service

NAMES: Final = ("alpha-one", "alpha-two", "alpha-three", "alpha-four")
LATE: Final = "alpha-late"
FLASH: Final = {**INCIDENT, "precedence": "flash"}


class Office:
    """A host with several channels of one side, and officers with a token for all of them."""

    def __init__(self, data: Path) -> None:
        self.service = Service(data)
        self.tokens: dict[str, str] = {}

    def caller(
        self, session: aiohttp.ClientSession, actor: str, at: Gateway | None = None
    ) -> Caller:
        made = Caller(session, at or self.service)
        made.headers = {"Authorization": f"Bearer {self.tokens[actor]}"}
        return made


async def opened(operator: Caller, name: str) -> None:
    officers = [
        {
            "side": side,
            "officer": "d-1",
            "office": "hq",
            "roles": ["officer", "duty_officer", "administrator"],
        }
        for side in ("alpha", "beta")
    ]
    body = {"name": name, "sides": ["alpha", "beta"], "officers": officers}
    assert (await operator.call("POST", "/v1/channels", body)).status == 201


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    office = Office(tmp_path_factory.mktemp("all") / "data")
    yield office
    office.service.stop()


@pytest.fixture
async def operator(session: aiohttp.ClientSession, office: Office) -> Caller:
    operator = Caller(session, office.service, "operator")
    if not office.tokens:
        for name in (*NAMES, LATE):
            await opened(operator, name)
        for side in ("alpha", "beta"):
            pairs = [(name, side) for name in NAMES]
            assert (await entered(operator, side, 1, pairs)).status == 200
            asked = {"actor": f"{side}/d-1", "identity": side}
            issued = await operator.post("/v1/tokens", asked)
            office.tokens[f"{side}/d-1"] = issued.json["token"]
    return operator


class Events:
    """An open stream, event by event: its id, its name and its data."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._content = response.content

    def __aiter__(self) -> AsyncIterator[tuple[str, str, Any]]:
        return self._read()

    async def _read(self) -> AsyncIterator[tuple[str, str, Any]]:
        fields: dict[str, str] = {}
        async for raw in self._content:
            line = raw.decode().rstrip("\n")
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            else:
                if "event" in fields:
                    yield fields.get("id", ""), fields["event"], json.loads(fields["data"])
                fields = {}

    async def next(self, *wanted: str) -> tuple[str, str, Any]:
        """The next event of one of these names, or of any."""
        async with asyncio.timeout(PATIENCE_S):
            async for event in self:
                if not wanted or event[1] in wanted:
                    return event
        raise AssertionError("the stream has ended")


@asynccontextmanager
async def listening(caller: Caller, cursor: str = "") -> AsyncIterator[Events]:
    headers = {**caller.headers, **({"Last-Event-ID": cursor} if cursor else {})}
    async with caller.session.get(
        f"{caller.service.base_url}/v1/stream", headers=headers
    ) as response:
        assert response.status == 200, await response.read()
        yield Events(response)


async def test_the_inbox_has_what_rings_first_and_what_is_owed_in_every_channel(
    operator: Caller, session: aiohttp.ClientSession, office: Office
) -> None:
    alpha, beta = (office.caller(session, f"{side}/d-1") for side in ("alpha", "beta"))
    flash = (await beta.open(FLASH, NAMES[2])).json
    inbox = (await alpha.get("/v1/inbox")).json
    first = inbox["items"][0]
    assert (first["channel"], first["exchange"], first["rings"]) == (
        NAMES[2],
        flash["exchange"],
        True,
    )
    assert [channel["channel"] for channel in inbox["channels"]] == sorted(NAMES)
    assert inbox["ringing"] == 1 and all(channel["live"] for channel in inbox["channels"])
    assert not (await beta.get("/v1/inbox")).json["ringing"], "it waits for the other side"
    (await operator.get("/v1/inbox")).problem(404, "not-found")
    for number in range(4):
        await beta.open(FLASH if number == 3 else INCIDENT, NAMES[number % 2])
    whole = (await alpha.get("/v1/inbox")).json["items"]
    assert [item["rings"] for item in whole] == sorted(
        (item["rings"] for item in whole), reverse=True
    )
    pages: list[Any] = []
    cursor, where = "", "/v1/inbox?limit=2"
    while where:
        answer = await alpha.get(where)
        pages += answer.json["items"]
        cursor = answer.json.get("next", "")
        where = f"/v1/inbox?limit=2&cursor={cursor}" if cursor else ""
    assert [(item["exchange"], item["clock"]) for item in pages] == [
        (item["exchange"], item["clock"]) for item in whole
    ]
    (await alpha.get("/v1/inbox?cursor=nonsense")).problem(400, "bad-request")
    for item in whole:
        if item["rings"]:
            state = await alpha.get(f"/v1/channels/{item['channel']}/exchanges/{item['exchange']}")
            await alpha.post(
                f"/v1/channels/{item['channel']}/exchanges/{item['exchange']}/acts",
                {"act": "acknowledgement", "of": item["message"]},
                If_Match=state.headers["ETag"],
            )
    assert not (await alpha.get("/v1/inbox")).json["ringing"]


async def rings(events: Events, exchange: str) -> Any:
    """The first alarm of a flash."""
    while True:
        _, _, rung = await events.next("alarm")
        if rung["alarm"]["exchange"] == exchange:
            return rung


async def test_a_flash_in_any_channel_rings_in_the_stream_at_once(
    operator: Caller, session: aiohttp.ClientSession, office: Office
) -> None:
    del operator
    alpha, beta = (office.caller(session, f"{side}/d-1") for side in ("alpha", "beta"))
    async with listening(alpha) as events:
        id, name, data = await events.next()
        assert name == "channels" and data["channels"].keys() == set(NAMES)
        assert id
        flash = (await beta.open(FLASH, NAMES[1])).json
        rung = await rings(events, flash["exchange"])
        assert rung["channel"] == NAMES[1]
    async with listening(alpha) as again:
        assert (await rings(again, flash["exchange"]))["channel"] == NAMES[1], (
            "for a new reader too"
        )


@pytest.mark.parametrize("seed", range(4))
async def test_random_cuts_and_resumes_bring_every_record_once(
    seed: int, operator: Caller, session: aiohttp.ClientSession, office: Office, tmp_path: Path
) -> None:
    del operator
    chance = random.Random(seed)
    alpha, beta = (office.caller(session, f"{side}/d-1") for side in ("alpha", "beta"))
    gateways = [office.service]
    if seed == 0:
        gateways.append(Second(office.service, tmp_path / "second"))
    received: dict[str, list[int]] = {name: [] for name in NAMES}
    last: dict[str, int] = {}

    async def write() -> None:
        for _ in range(60):
            place = chance.choice(NAMES)
            last[place] = (await beta.open(NOTE, place)).json["position"]
            if chance.random() < 0.3:
                await asyncio.sleep(chance.random() / 20)

    begins: dict[str, int] = {}
    cursor = ""
    longest = 0
    writing: asyncio.Task[None] | None = None
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                at = chance.choice(gateways)
                most = chance.randint(0, 9)
                async with listening(office.caller(session, "alpha/d-1", at), cursor) as events:
                    id, name, data = await events.next()
                    assert name == "channels", (name, data)
                    if not begins:
                        begins = data["channels"]
                        writing = asyncio.create_task(write())
                    cursor = id
                    for name, positions in received.items():
                        assert data["channels"][name] == (positions or [begins[name]])[-1]
                    while most and any(
                        (received[name] or [begins[name]])[-1] < last.get(name, 0) for name in NAMES
                    ):
                        id, _, data = await events.next("record")
                        received[data["channel"]].append(data["record"]["position"])
                        cursor, most = id, most - 1
                        longest = max(longest, len(cursor))
                assert writing is not None
                if writing.done() and all(
                    (received[name] or [begins[name]])[-1] >= last.get(name, 0) for name in NAMES
                ):
                    break
                await asyncio.sleep(0)
        await writing
    finally:
        for other in gateways[1:]:
            other.stop()
    for name in NAMES:
        first = begins[name] + 1
        assert received[name] == list(range(first, first + len(received[name]))), name
    assert longest <= 1024
    assert (await alpha.get("/v1/me")).status == 200


async def test_an_unknown_cursor_resets_and_a_gained_or_lost_channel_is_told(
    operator: Caller, session: aiohttp.ClientSession, office: Office
) -> None:
    alpha, beta = (office.caller(session, f"{side}/d-1") for side in ("alpha", "beta"))
    version = (await operator.get("/v1/identities/alpha")).json["version"]
    for cursor in ("nonsense", "0.AAAAAAAAAAAA.", "7.x.AAAA", "0." + "x" * 2000):
        async with listening(alpha, cursor) as events:
            assert (await events.next())[1] == "reset"
            assert (await events.next())[1] == "channels"
    async with listening(beta) as strange:
        other, _, _ = await strange.next()
    async with listening(alpha, other) as events:
        assert (await events.next())[1] == "reset", "another officer's cursor"
    wider = [(name, "alpha") for name in (*NAMES, LATE)]
    async with listening(alpha) as events:
        cursor, _, _ = await events.next()
        assert (await entered(operator, "alpha", version + 1, wider)).status == 200
        gained, _, news = await events.next("channel")
        assert news["channel"] == LATE and gained
        asked = {"actor": "beta/d-1", "channels": [LATE]}
        token = (await operator.post("/v1/tokens", asked)).json["token"]
        late = Caller(session, office.service)
        late.headers = {"Authorization": f"Bearer {token}"}
        position = (await late.open(NOTE, LATE)).json["position"]
        while (event := await events.next("record"))[2]["channel"] != LATE:
            pass
        assert event[2]["record"]["position"] == position
        after = event[0]
    async with listening(alpha, cursor) as events:
        assert LATE not in (await events.next("channels"))[2]["channels"]
        assert (await events.next("channel"))[2]["channel"] == LATE
    async with listening(alpha, after) as events:
        assert (await events.next("channels"))[2]["channels"][LATE] == position
        assert (await entered(operator, "alpha", version + 2, wider[:-1])).status == 200
        assert (await events.next("gone"))[2]["channel"] == LATE


async def test_a_revoked_token_ends_the_stream_and_it_counts_as_one(
    operator: Caller, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    del operator
    service = Service(tmp_path / "data", environment={"DRAGOMAN_BUDGETS__STREAMS": "2"})
    try:
        operator = Caller(session, service, "operator")
        for name in NAMES:
            await opened(operator, name)
        await entered(operator, "alpha", 1, [(name, "alpha") for name in NAMES])
        issued = (await operator.post("/v1/tokens", {"actor": "alpha/d-1", "wherever": True})).json
        alpha = Caller(session, service)
        alpha.headers = {"Authorization": f"Bearer {issued['token']}"}
        async with listening(alpha) as one, listening(alpha) as two:
            await one.next("channels")
            await two.next("channels")
            (await alpha.get("/v1/stream", Accept="text/event-stream")).problem(429, "budget")
            await operator.call("DELETE", f"/v1/tokens/{issued['id']}")
            async with asyncio.timeout(PATIENCE_S):
                async for _ in one:
                    pass
                async for _ in two:
                    pass
    finally:
        service.stop()
