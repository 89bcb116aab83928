"""The operator's settings of the ways to people hold everywhere: the days between tests, and the
money of each side.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from msgspec.structs import replace

from dragoman.eventlog.broker import BrokerEndpoint
from dragoman.stores.endpoints import BUCKET, NotificationEndpoints, ReachProof
from dragoman.stores.key_value import Bucket
from messaging import Carrier, carrying, settings_of, ways_of
from pair import until
from patience import PATIENCE_S
from service import NOTE, Caller, Gateway, Service, at_a_screen

CHANNEL = "nato-china"
C = f"/v1/channels/{CHANNEL}"
CODE = re.compile(r"[0-9a-f]{18}")
DAY = 86_400.0

Who = Callable[[str], Caller]
ReadBoard = Callable[..., Awaitable[str]]

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
) -> AsyncIterator[Service]:
    """A demonstration that tests each week, and whose SMS cost money."""
    folder = tmp_path_factory.mktemp("reach")
    push, sms, pager = ways_of(carrier, folder)
    settings = settings_of(
        [push, {**sms, "cost": 1, "cost_limit": 5}, pager], DRAGOMAN_COURIER__PROOF_DAYS="7"
    )
    service = await asyncio.to_thread(
        lambda: Service(folder / "data", "--demo", environment=settings)
    )
    yield service
    await asyncio.to_thread(service.stop)


@pytest.fixture
def who(session: aiohttp.ClientSession, service: Gateway) -> Who:
    return lambda name: Caller(session, service, name)


@pytest.fixture
def board(session: aiohttp.ClientSession, service: Gateway) -> ReadBoard:
    async def read(name: str, path: str = f"/c/{CHANNEL}") -> str:
        headers = await at_a_screen(session, service, name)
        async with session.get(f"{service.base_url}{path}", headers=headers) as answer:
            assert answer.status == 200
            return await answer.text()

    return read


async def _added(caller: Caller, way: str, to: str, **more: Any) -> dict[str, Any]:
    answer = await caller.post("/v1/reach", {"channel": CHANNEL, "way": way, "to": to, **more})
    assert answer.status == 201, answer.body
    view: dict[str, Any] = answer.json
    return view


async def _date_proof(service: Service, way: str, days: float) -> None:
    """Date the proof of a way back, as if it had been tested so many days ago."""
    endpoint = BrokerEndpoint(service.nats_url, "", service.data / "keys")
    moment = time.time() - days * DAY

    def change(proof: ReachProof) -> tuple[ReachProof, None]:
        assert proof.proven
        return replace(
            proof, asked_at=moment, sent_at=moment, arrived_at=moment, proven=moment
        ), None

    async with endpoint.connected("gateway") as bus:
        store = NotificationEndpoints(Bucket(bus, BUCKET))
        await store.refresh()
        await store.update_proof(way, change)


@pytest.mark.process
async def test_a_proof_counts_as_long_as_the_operator_has_set(
    who: Who, service: Service, carrier: Carrier, board: ReadBoard
) -> None:
    duty, head = who("china/duty_officer"), who("china/head_of_office")
    taken = await duty.post(f"{C}/channel", {"act": "watch-assumption"})
    assert taken.status == 201, taken.body
    way = await _added(duty, "push", "lin-phone")
    assert 'data-reach="watch_unproven"' in await board("china/officer")
    assert (await duty.post("/v1/reach/tests", {})).status == 202
    await carrier.until(1)
    found = CODE.search(carrier.got[0][2])
    assert found is not None
    confirmed = await duty.post("/v1/reach/confirmations", {"code": found.group(0)})
    assert confirmed.status == 200, confirmed.body

    async def shown() -> tuple[str, int, bool, bool]:
        (view,) = (await duty.get("/v1/reach")).json["endpoints"]
        officers = (await head.get("/v1/reach")).json["officers"]
        (proven,) = [
            each["proven"]
            for each in officers
            if (each["officer"], each["channel"]) == ("china/d-1", CHANNEL)
        ]
        page = await board("china/duty_officer", "/reach")
        return (
            view["state"],
            proven,
            'data-reach="watch_unproven"' in await board("china/officer"),
            'data-proof="proven"' in page,
        )

    await _date_proof(service, way["id"], 11.9)
    reach = (await duty.get("/v1/reach")).json
    assert (reach["days_between_tests"], reach["days_of_proof"]) == (7, 12)
    assert await shown() == ("proven", 1, False, True)
    await _date_proof(service, way["id"], 12.1)
    await until(lambda: _is(shown, ("expired", 0, True, False)))
    page = await board("china/head_of_office", "/reach")
    assert "Each way is tested every 7 days; a proof counts for 12 days." in page
    assert (await duty.call("DELETE", f"/v1/reach/{way['id']}")).status == 204
    carrier.got.clear()


async def _is(shown: Callable[[], Awaitable[Any]], wanted: Any) -> bool:
    return bool(await shown() == wanted)


async def test_a_side_that_has_spent_its_money_leaves_the_other_sides_as_it_is(
    who: Who, carrier: Carrier, board: ReadBoard
) -> None:
    china, nato = who("china/officer"), who("nato/officer")
    ways = [
        await _added(china, "sms", "+86 139 1234 5678", called=False),
        await _added(nato, "sms", "+32 2 555 01 00", called=False),
    ]

    def got(number: str) -> int:
        return sum(recipient == number for _, recipient, _, _ in carrier.got)

    for _ in range(6):
        assert (await nato.open(NOTE)).status == 201

    async def held() -> bool:
        (view,) = (await china.get("/v1/reach")).json["endpoints"]
        return bool(view.get("held") == 2)

    await until(held)
    assert (got("+8613912345678"), got("+3225550100")) == (4, 0)
    assert (await china.open(NOTE)).status == 201
    await carrier.until(5)
    assert (got("+8613912345678"), got("+3225550100")) == (4, 1)
    for name, counted in (
        ("china/officer", "SMS: the money for this month is spent. 2 messages were held back."),
        (
            "china/duty_officer",
            "SMS: the money for this month is spent. 2 messages were held back.",
        ),
        ("nato/officer", ""),
        ("nato/head_of_office", ""),
    ):
        page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", await board(name)))
        assert ("the money for this month is spent" in page) == bool(counted), name
        assert counted in page
        offered = {
            each["name"]: each.get("spent", False)
            for each in (await who(name).get("/v1/reach")).json["ways"]
        }
        assert offered["sms"] == bool(counted), name
    for caller, way in zip((china, nato), ways, strict=True):
        assert (await caller.call("DELETE", f"/v1/reach/{way['id']}")).status == 204
    carrier.got.clear()
