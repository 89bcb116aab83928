"""The collision of 2001 in two browsers, one for each side: the crew that is held, the request to
see it, and the grant with its conditions.
"""

from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Locator, expect

from browsing import Visit, Visiting
from service import Caller, Gateway, Service

pytestmark = pytest.mark.browser

CHANNEL = "united-states-china"
US, CN = "united-states", "china"


@pytest.fixture(scope="module")
def collision(chromium: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The demonstration of the collision, played to its end."""
    service = Service(
        tmp_path_factory.mktemp("collision") / "data", "--demo", "--scenario", "collision-2001"
    )
    yield service
    service.stop()


async def oldest(session: aiohttp.ClientSession, service: Gateway, act: str) -> str:
    """Return the id of the first exchange of a format."""
    officer = Caller(session, service, f"{US}/officer")
    rows = (await officer.get(f"/v1/channels/{CHANNEL}/exchanges?act={act}")).json["exchanges"]
    return str(min(rows, key=lambda row: row["opened"])["id"])


async def both(visit: Visiting, service: Gateway) -> list[Visit]:
    """Sign in as the duty officer of each side, in a browser of their own."""
    windows = [await visit(service), await visit(service)]
    for window, side in zip(windows, (US, CN), strict=True):
        await window.sign_in(f"{side}/duty_officer", CHANNEL)
    return windows


async def see(windows: list[Visit], path: str, at: str) -> None:
    """Open a page in both windows as it stood at a moment."""
    for window in windows:
        await window.page.goto(f"{window.service.base_url}/c/{CHANNEL}{path}?at={at}")


def cell(window: Visit, kind: str, side: str) -> Locator:
    """Return the word of a side on the people of a kind, in the panel."""
    return window.page.locator(f"#people-panel tr[data-people={kind}] [data-of='{side.upper()}']")


async def test_both_sides_see_the_people_by_either_word(
    visit: Visiting, collision: Gateway, session: aiohttp.ClientSession
) -> None:
    incident = await oldest(session, collision, "hazardous-incident")
    windows = await both(visit, collision)
    await see(windows, f"/exchanges/{incident}", "2001-04-02T05:00:00Z")
    for window in windows:
        for side in (US, CN):
            await expect(cell(window, "held", side)).to_contain_text("24, of UNITED-STATES")
        await expect(cell(window, "missing", CN)).to_contain_text("1, of CHINA")
        await expect(cell(window, "missing", US)).to_have_text("not said")
        await expect(window.page.locator("#people-panel header")).to_contain_text("24 people")

    await see(windows, f"/exchanges/{incident}", "2001-04-15T06:00:00Z")
    for window in windows:
        await expect(cell(window, "safe", US)).to_contain_text("24, of UNITED-STATES")
        await expect(cell(window, "dead", CN)).to_contain_text("1, of CHINA")
        await expect(window.page.locator("#people-panel tr[data-people=missing]")).to_have_count(0)
    assert all(window.complaints == [] for window in windows)


async def test_both_sides_see_the_request_and_that_it_is_late(
    visit: Visiting, collision: Gateway, session: aiohttp.ClientSession
) -> None:
    request = await oldest(session, collision, "visit-request")
    windows = await both(visit, collision)
    await see(windows, f"/exchanges/{request}", "2001-04-02T05:00:00Z")
    for window in windows:
        await expect(window.page.locator("main .lead").first).to_contain_text("requested")
        await expect(window.page.locator("main")).to_contain_text("Lingshui airfield, Hainan")
    await see(windows, "", "2001-04-02T05:00:00Z")
    for window in windows:
        board = window.page.locator("main")
        await expect(board.locator(f"a[href*='{request}']").first).to_be_visible()
        await expect(board).to_contain_text("consular access")
    assert all(window.complaints == [] for window in windows)


async def test_both_sides_see_the_grant_with_its_conditions_and_the_visit(
    visit: Visiting, collision: Gateway, session: aiohttp.ClientSession
) -> None:
    request = await oldest(session, collision, "visit-request")
    windows = await both(visit, collision)
    await see(windows, f"/exchanges/{request}", "2001-04-03T11:00:00Z")
    for window in windows:
        await expect(window.page.locator("main .lead").first).to_contain_text(
            "granted with conditions"
        )
        await expect(window.page.locator("main")).to_contain_text("One meeting of 40 minutes")
    await see(windows, f"/exchanges/{request}", "2001-04-03T17:00:00Z")
    for window in windows:
        await expect(window.page.locator("main .lead").first).to_contain_text("reported")
        await expect(window.page.locator("main")).to_contain_text("They are in good health")
    assert all(window.complaints == [] for window in windows)
