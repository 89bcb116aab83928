"""The windows in force: board, wall display and page list the same ones at any moment.

The side that announced an event says how it goes on.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import expect

from browsing import Visit, Visiting
from office import Office
from samples import act
from service import Caller, Gateway

pytestmark = pytest.mark.browser

CHANNEL = "nato-china"
CIRCLE = {
    "circle": {"pos": {"lat": 18, "lon": 118}, "radius": {"value": 12, "unit": "nm"}},
    "name": "South range",
}


def area(*, opens: timedelta, lasts: timedelta = timedelta(hours=2), **changes: Any) -> Any:
    """A danger area that opens so long from now."""
    begins = datetime.now(UTC) + opens
    ends = begins + lasts
    window = {"from": f"{begins:%Y-%m-%dT%H:%M:%SZ}", "to": f"{ends:%Y-%m-%dT%H:%M:%SZ}"}
    return act("danger-area", window=window, **changes)


async def listed(reader: Visit, path: str) -> list[str]:
    """The exchanges of the windows that a page lists, in its order."""
    await reader.page.goto(f"{reader.service.base_url}/c/{CHANNEL}{path}")
    rows: list[str] = await reader.page.locator("[data-window]").evaluate_all(
        "rows => rows.map((row) => row.dataset.window)"
    )
    return rows


async def test_board_wall_and_page_list_the_same_windows_now_and_then(
    visit: Visiting, tmp_path: Path, chromium: Path, session: aiohttp.ClientSession
) -> None:
    service = Office(tmp_path / "data", demo=True)
    try:
        nato, china = (
            Caller(session, service, "nato/duty_officer"),
            Caller(session, service, "china/duty_officer"),
        )
        reader = await visit(service)
        await reader.sign_in("china/officer", CHANNEL)
        await expect(reader.page.locator("[data-no-window]")).to_contain_text(
            "no window is open or near."
        )
        near: Any = (await nato.open(area(opens=timedelta(hours=5), place=CIRCLE), CHANNEL)).json
        for far in (timedelta(days=3), timedelta(days=-6)):
            await nato.open(area(opens=far), CHANNEL)
        opened: Any = (await china.open(area(opens=timedelta(minutes=-30)), CHANNEL)).json
        windows_now, windows_then = [opened["exchange"], near["exchange"]], [near["exchange"]]
        for path, windows in (
            ("", windows_now),
            ("?wall=1", windows_now),
            ("/in-force", windows_now),
            (f"?at={near['position']}", windows_then),
            (f"?wall=1&at={near['position']}", windows_then),
            (f"/in-force?at={near['position']}", windows_then),
        ):
            shown = await listed(reader, path)
            if "wall" in path:  # what has no room on its first page stands on a later one
                for page in (2, 3, 4):
                    shown += await listed(reader, path.replace("wall=1", f"wall={page}"))
                shown = [*dict.fromkeys(shown)]
            assert shown == windows, path
        row = reader.page.locator(f"[data-window='{near['exchange']}']")
        await expect(row).to_contain_text("South range")
        await expect(row).to_contain_text("opens in 4")
        await expect(reader.page.locator("svg.chart")).to_contain_text("1 NATO")
        view = await reader.page.evaluate("fetch('in-force.json').then((answer) => answer.json())")
        assert [window["exchange"] for window in view["windows"]] == windows_now
        for form in await reader.page.locator("section[aria-labelledby=exports] a").all():
            href = await form.get_attribute("href")
            assert (await reader.page.request.get(f"{service.base_url}{href}")).status == 200, href
        assert reader.complaints == []
    finally:
        service.stop()


async def test_the_page_shows_another_moment_that_the_reader_writes(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    nato = Caller(session, demo, "nato/duty_officer")
    ahead: Any = (await nato.open(area(opens=timedelta(days=40)), CHANNEL)).json
    reader = await visit()
    await reader.sign_in("china/officer", CHANNEL)
    assert ahead["exchange"] not in await listed(reader, "/in-force")
    then = datetime.now(UTC) + timedelta(days=40, minutes=30)
    await reader.page.locator("#moment").fill(f"{then:%d%H%MZ %b %y}".upper())
    await reader.page.get_by_role("button", name="Show", exact=True).click()
    row = reader.page.locator(f"[data-window='{ahead['exchange']}']")
    await expect(row).to_contain_text("open")
    answer = await nato.get(f"/v1/channels/{CHANNEL}/in-force?moment={then:%Y-%m-%dT%H:%M}Z")
    assert [window["exchange"] for window in answer.json["windows"]] == [
        await each.get_attribute("data-window")
        for each in await reader.page.locator("[data-window]").all()
    ], "the page lists the windows that the API lists at that moment"
    await reader.page.locator("#moment").fill("some day")
    await reader.page.get_by_role("button", name="Show", exact=True).click()
    await expect(reader.page.locator("#moment-fault")).to_contain_text("This is not a time.")
    await expect(reader.page.locator("#moment")).to_have_value("some day")


async def test_the_side_that_announced_a_window_says_how_it_goes_on(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    nato = Caller(session, demo, "nato/duty_officer")
    sent: Any = (await nato.open(area(opens=timedelta(minutes=30)), CHANNEL)).json
    opener, other = await visit(), await visit()
    await opener.sign_in("nato/officer", CHANNEL)
    await other.sign_in("china/officer", CHANNEL)
    exchange = f"{demo.base_url}/c/{CHANNEL}/exchanges/{sent['exchange']}"
    row = other.page.locator(f"[data-window='{sent['exchange']}']")
    for button, word in (
        ("Report that it has begun", "open"),
        ("Report that it is on hold", "holding"),
        ("Report that it is over", ""),
    ):
        await opener.page.goto(exchange)
        window = opener.page.locator("section[aria-labelledby=window]")
        await window.get_by_role("button", name=button).click()
        await opener.page.locator("button[name=do][value=send]").click()
        await opener.page.wait_for_url("**/recorded/**")
        await other.page.goto(f"{demo.base_url}/c/{CHANNEL}/in-force")
        if word:
            await expect(row.locator(".mark")).to_have_text(word)
        else:
            await expect(row).to_have_count(0)
    await other.page.goto(exchange)
    await expect(other.page.locator("section[aria-labelledby=window]")).to_contain_text(
        "not in force"
    )
    await expect(other.page.get_by_role("button", name="Report that it is over")).to_have_count(0)
    assert opener.complaints == other.complaints == []
