"""A stranger or another channel's office behind the same host: neither uses up what an officer
needs, nor learns of a channel.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import count
from pathlib import Path

import aiohttp
import pytest

from dragoman.application.http.session_cookie import COOKIE
from read_files import EDGE
from service import Caller, Service

pytestmark = pytest.mark.reads(*EDGE, "services/dragoman/console/**", "services/dragoman/office/**")

_BURST = 50


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[Service]:
    """A demonstration with small budgets for addresses."""
    service = Service(
        tmp_path / "data",
        "--demo",
        environment={"DRAGOMAN_BUDGETS__ADDRESS_REQUESTS": str(_BURST / 10)},
    )
    yield service
    service.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """HTTP connections that keep no cookie."""
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=30), cookie_jar=jar
    ) as session:
        yield session


async def signed_in(session: aiohttp.ClientSession, service: Service, who: str) -> dict[str, str]:
    """The headers of a page's session."""
    async with session.post(
        f"{service.base_url}/sign-in", data={"token": service.token(who)}, allow_redirects=False
    ) as answer:
        assert answer.status == 303
        return {"Cookie": answer.headers["Set-Cookie"].partition(";")[0], "Accept": "text/html"}


async def status_of(session: aiohttp.ClientSession, url: str) -> int:
    async with session.get(url) as answer:
        return answer.status


async def slowest(ask: Callable[[], Awaitable[None]], times: int) -> float:
    """The 99th percentile, in seconds, of so many calls."""
    taken = []
    for _ in range(times):
        begun = time.monotonic()
        await ask()
        taken.append(time.monotonic() - begun)
    return sorted(taken)[int(len(taken) * 0.99)]


async def test_a_stranger_behind_the_same_address_does_not_use_up_an_officers_pages(
    narrow: Service, session: aiohttp.ClientSession
) -> None:
    url, officer = narrow.base_url, await signed_in(session, narrow, "china/duty_officer")
    flash = {"act": "contact-note", "form": "conversation", "text": "Now.", "precedence": "flash"}
    sender = Caller(session, narrow, "nato/duty_officer")
    flashes = [(await sender.open(flash)).json["exchange"] for _ in range(2)]
    numbers = count()

    async def board() -> None:
        async with session.get(f"{url}/c/nato-china", headers=officer) as answer:
            assert answer.status == 200

    async def acknowledge() -> None:
        id, key = flashes[next(numbers)], f"acknowledgement-{time.monotonic_ns()}"
        form = {"exchange": id, "of": id, "key": key}
        headers = {**officer, "Accept": "application/json"}
        async with session.post(
            f"{url}/c/nato-china/acknowledge", data=form, headers=headers
        ) as answer:
            assert answer.status == 200, await answer.text()

    quiet, quiet_receipt = await slowest(board, 20), await slowest(acknowledge, 1)
    over = asyncio.Event()

    async def flood() -> None:
        for number in count():
            headers = {"Cookie": f"{COOKIE}=drg_{number}"} if number % 2 else {}
            async with session.get(
                f"{url}/c/nato-china", headers=headers, allow_redirects=False
            ) as answer:
                if answer.status == 429:
                    over.set()

    flooding = asyncio.create_task(flood())
    try:
        await asyncio.wait_for(over.wait(), 60)
        under, receipt = await slowest(board, 20), await slowest(acknowledge, 1)
        for path in ("/static/console.css", "/livez", "/readyz", "/healthz"):
            async with session.get(url + path) as answer:
                assert answer.status == 200, "files and probes have budgets of their own"
        statuses = {await status_of(session, f"{url}/sign-in") for _ in range(2 * _BURST)}
        assert 429 in statuses, "the address's own budget is used up all the same"
    finally:
        flooding.cancel()
    assert under < max(0.5, 10 * quiet)
    assert receipt < max(0.5, 10 * quiet_receipt)


async def test_an_alarm_that_is_armed_says_nothing_of_channels_that_the_officer_is_not_in(
    narrow: Service, session: aiohttp.ClientSession
) -> None:
    operator = Caller(session, narrow, "operator")
    opened = {
        "name": "elsewhere",
        "kind": "official",
        "sides": ["china", "russia"],
        "languages": ["en"],
        "officers": [
            {"side": "china", "officer": "d-1", "office": "hq", "roles": ["duty_officer"]}
        ],
    }
    assert (await operator.call("POST", "/v1/channels", opened)).status == 201
    officer = await signed_in(session, narrow, "china/duty_officer")

    async def beat(exercise: str) -> tuple[int, bytes]:
        form = {"state": "armed", "exercise": exercise}
        async with session.post(
            f"{narrow.base_url}/alarm/beat", data=form, headers={"Cookie": officer["Cookie"]}
        ) as answer:
            said = await answer.json() if answer.status != 204 else {}
            return answer.status, str(said.get("detail", "")).encode()

    assert (await beat("nato-china"))[0] == 204
    there, nowhere = await beat("elsewhere"), await beat("nowhere-at-all")
    assert there == nowhere
    assert there[0] == 400


_ORDINARY = (
    "/v1/openapi.json",
    "/docs",
    "/sign-in",
    "/releases",
    "/nothing-here",
    "/v1/asyncapi.json",
)


async def test_a_flood_of_ordinary_requests_stops_no_post_and_writes_into_no_log(
    tmp_path: Path,
) -> None:
    service = Service(tmp_path / "data", "--demo")
    try:
        ends, statuses = time.monotonic() + 12, dict[int, int]()

        async def stranger(address: str, path: str) -> None:
            connector = aiohttp.TCPConnector(local_addr=(address, 0), limit=20)
            headers = {"Accept-Encoding": "gzip", "Accept": "text/html, */*"}
            async with aiohttp.ClientSession(connector=connector) as flood:
                while time.monotonic() < ends:
                    async with flood.get(f"{service.base_url}{path}", headers=headers) as answer:
                        await answer.read()
                        statuses[answer.status] = statuses.get(answer.status, 0) + 1

        flooding = [
            asyncio.create_task(stranger(f"127.0.0.{n % 4 + 2}", _ORDINARY[n % len(_ORDINARY)]))
            for n in range(48)
        ]
        async with aiohttp.ClientSession() as session:
            officer, posted = Caller(session, service, "nato/duty_officer"), 0
            note = {
                "act": "contact-note",
                "form": "conversation",
                "text": "Seen.",
                "precedence": "flash",
            }
            while time.monotonic() < ends:
                assert (await officer.open(note)).status == 201
                posted += 1
            await asyncio.gather(*flooding)
            records = await officer.get(
                "/v1/channels/nato-china/records", Accept="application/x-ndjson"
            )
        assert posted >= 5
        assert sum(statuses.values()) > 48
        assert b"broker-outage" not in records.body
        assert "clock.not_recorded" not in {line["event"] for line in service.logged}
    finally:
        service.stop()


async def test_a_side_whose_budget_is_used_up_still_acknowledges_a_flash(tmp_path: Path) -> None:
    service = Service(
        tmp_path / "data", "--demo", environment={"DRAGOMAN_BUDGETS__SIDE_REQUESTS": "30"}
    )
    try:
        async with aiohttp.ClientSession() as session:
            flash = {
                "act": "contact-note",
                "form": "conversation",
                "text": "Now.",
                "precedence": "flash",
            }
            id = (await Caller(session, service, "nato/duty_officer").open(flash)).json["exchange"]
            duty = Caller(session, service, "china/duty_officer")

            async def use_up() -> None:
                while (await duty.get("/v1/channels/nato-china/exchanges")).status == 200:
                    pass

            routine, refused = {**flash, "precedence": "routine"}, 0
            for _ in range(50):  # the budget comes back while a slow machine turns to the post
                await use_up()
                answer = await duty.post("/v1/channels/nato-china/contacts", routine)
                refused += answer.status == 429
                if refused:
                    break
            assert refused
            await use_up()
            receipt = await duty.post(
                f"/v1/channels/nato-china/exchanges/{id}/acts", {"act": "acknowledgement", "of": id}
            )
            assert receipt.status == 201
            assert (await duty.open({**flash, "text": "Hold fire."})).status == 201
    finally:
        service.stop()
