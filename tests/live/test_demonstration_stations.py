"""The demonstration with a station of each side, as real processes, and lines that are cut."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import pytest

from patience import PATIENCE_S
from service import INCIDENT, NOTE, Service

pytestmark = [pytest.mark.process]

C = "/v1/channels/nato-china"
LIMIT_S = 10.0
"""A cut line is said within this time."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("stations") / "data", "--demo", "--stations")
    yield service
    service.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


class Officer:
    """An officer with a token, at the station of the side."""

    def __init__(self, session: aiohttp.ClientSession, service: Service, holder: str) -> None:
        station = service.demo["stations"][holder.partition("/")[0]]
        self._session, self._url = session, station["base_url"]
        self._headers = {"Authorization": f"Bearer {station['tokens'][holder]}"}

    async def get(self, path: str) -> Any:
        async with self._session.get(self._url + path, headers=self._headers) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def knows(self, exchange: str) -> bool:
        path = f"{self._url}{C}/exchanges/{exchange}"
        async with self._session.get(path, headers=self._headers) as answer:
            return answer.status == 200

    async def post(self, path: str, body: Any, key: str) -> tuple[int, Any]:
        headers = {**self._headers, "Idempotency-Key": key}
        async with self._session.post(self._url + path, json=body, headers=headers) as answer:
            return answer.status, await answer.json()


async def press(session: aiohttp.ClientSession, service: Service, **form: str) -> int:
    headers = {"Sec-Fetch-Site": form.pop("site", "same-origin")}
    async with session.post(
        f"{service.base_url}/demo/lines", data=form, headers=headers, allow_redirects=False
    ) as answer:
        return answer.status


async def until(holds: Callable[[], Awaitable[bool]], seconds: float = PATIENCE_S) -> None:
    end = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < end
        await asyncio.sleep(0.1)


async def test_a_note_waits_while_its_line_is_cut_and_is_recorded_once_it_is_restored(
    service: Service, session: aiohttp.ClientSession
) -> None:
    nato = Officer(session, service, "nato/officer")
    china = Officer(session, service, "china/duty_officer")
    status, first = await nato.post(f"{C}/contacts", NOTE, "n" * 16)
    assert status == 201, first

    assert await press(session, service, side="nato", do="cut") == 303
    await until(lambda: is_cut(nato), LIMIT_S)
    assert not await is_cut(china)
    status, kept = await nato.post(f"{C}/contacts", NOTE, "m" * 16)
    assert (status, kept["state"]) == (202, "waiting")

    assert await press(session, service, side="nato", do="restore") == 303

    async def is_recorded() -> bool:
        rows = (await china.get(f"{C}/exchanges?act=contact-note&limit=100"))["exchanges"]
        return [row["id"] for row in rows].count(kept["id"]) == 1

    await until(is_recorded)
    await until(lambda: is_up(nato))


async def test_a_page_that_acknowledges_while_the_line_is_cut_learns_that_it_is_kept(
    service: Service, session: aiohttp.ClientSession
) -> None:
    """The script asks for JSON. A redirect would tell it that its officer is signed out."""
    china = Officer(session, service, "china/duty_officer")
    nato = Officer(session, service, "nato/duty_officer")
    status, flash = await china.post(
        f"{C}/notifications", {**INCIDENT, "precedence": "flash"}, "f" * 16
    )
    assert status == 201, flash
    await until(lambda: nato.knows(flash["id"]))
    station = service.demo["stations"]["nato"]
    async with aiohttp.ClientSession(station["base_url"]) as browser:
        headers = {"Origin": station["base_url"]}
        token = {"token": station["tokens"]["nato/duty_officer"]}
        async with browser.post(
            "/sign-in", data=token, headers=headers, allow_redirects=False
        ) as signed_in:
            assert signed_in.status == 303
            cookies = [cookie.OutputString().split(";")[0] for cookie in signed_in.cookies.values()]
            headers["Cookie"] = "; ".join(cookies)
        await press(session, service, side="nato", do="cut")
        try:
            await until(lambda: is_cut(nato), LIMIT_S)
            form = {"exchange": flash["id"], "of": flash["id"], "key": "a" * 16}
            async with browser.post(
                "/c/nato-china/acknowledge",
                data=form,
                headers={**headers, "Accept": "application/json"},
                allow_redirects=False,
            ) as answer:
                assert (answer.status, (await answer.json())["state"]) == (202, "waiting")
        finally:
            await press(session, service, side="nato", do="restore")
    await until(lambda: is_up(nato))


async def is_cut(officer: Officer) -> bool:
    return bool((await officer.get(f"{C}/outbox"))["cut"])


async def is_up(officer: Officer) -> bool:
    return not await is_cut(officer)


async def test_another_site_cuts_no_line(service: Service, session: aiohttp.ClientSession) -> None:
    assert await press(session, service, side="nato", do="cut", site="cross-site") == 403
    assert await press(session, service, side="nobody", do="cut") == 404
    async with session.get(f"{service.base_url}/demo/lines") as answer:
        assert "Restore the line" not in await answer.text()


def test_a_second_start_goes_on_with_the_same_stations_and_tokens(service: Service) -> None:
    before = service.demo["stations"]
    service.restart()
    after = service.demo["stations"]
    assert {side: station["tokens"] for side, station in after.items()} == {
        side: station["tokens"] for side, station in before.items()
    }
