"""The outbox of a station while its line is cut: nothing is said to be sent, and nothing is lost."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import expect

from browsing import Visiting, assert_accessible
from joining import CHANNEL, issue, join
from office import Office
from patience import PATIENCE_S


@pytest_asyncio.fixture(loop_scope="session")
async def cut_off(chromium: Path, tmp_path: Path) -> AsyncIterator[Office]:
    """A station whose host has stopped."""

    def begin() -> Office:
        host = Office(tmp_path / "host", demo=True)
        try:
            join(host, tmp_path / "nato", "nato")
            station = Office(tmp_path / "nato", station=True)
            issue(station, "nato/officer")
        finally:
            host.stop()
        return station

    station = await asyncio.to_thread(begin)
    yield station
    await asyncio.to_thread(station.stop)


async def test_what_waits_is_shown_and_taken_back_into_its_form(
    visit: Visiting, cut_off: Office
) -> None:
    officer = await visit(cut_off)
    page, outbox = officer.page, f"{cut_off.base_url}/c/{CHANNEL}/outbox"
    await officer.enter("nato/officer", f"/c/{CHANNEL}/outbox")
    async with asyncio.timeout(PATIENCE_S):
        while "the line to the host is cut" not in await page.content():
            await page.goto(outbox)
    await expect(page.locator("main")).to_contain_text("Nothing waits.")
    await page.goto(f"{cut_off.base_url}/c/{CHANNEL}/compose/contact-note")
    await page.locator("textarea").first.fill("The line is cut.")
    await page.get_by_label("conversation").check()
    await page.get_by_role("button", name="Check before sending").click()
    await page.get_by_role("button", name=re.compile("^Send|^Record")).first.click()
    await expect(page.locator("h1")).to_have_text("Outbox")
    row = page.locator("table tbody tr", has_text="The line is cut.")
    await expect(row).to_contain_text("Not sent")
    await assert_accessible(officer)
    await row.get_by_role("button", name="Take back and change").click()
    await expect(page.locator("textarea").first).to_have_value("The line is cut.")
    await page.goto(outbox)
    await expect(page.locator("table tbody tr")).to_have_count(0)
