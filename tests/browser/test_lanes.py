"""The lanes of *Who knew what when*: a stranger reads who had what at a moment."""

import re

import aiohttp
import pytest
from playwright.async_api import expect

from browsing import Visiting, assert_accessible
from service import INCIDENT, Caller, Service

pytestmark = pytest.mark.browser

CHANNEL = "nato-china-exercise"


async def test_a_stranger_reads_who_had_what_at_a_moment(
    visit: Visiting, session: aiohttp.ClientSession, demo: Service
) -> None:
    nato, china = (Caller(session, demo, f"{side}/duty_officer") for side in ("nato", "china"))
    flash = {**INCIDENT, "precedence": "flash"}
    opened = (await nato.open(flash, CHANNEL)).json
    await china.act(opened["exchange"], {"act": "acknowledgement"}, CHANNEL)
    await nato.act(opened["exchange"], {"act": "update", "text": "No injuries."}, CHANNEL)
    stranger = await visit()
    page = stranger.page
    await stranger.sign_in("china/auditor")
    await page.goto(f"{demo.base_url}/c/{CHANNEL}/exchanges/{opened['exchange']}")
    await page.get_by_role("link", name="who knew what when").click()
    assert await stranger.headline() == "Who knew what when"
    known = page.locator("[data-known]")
    await expect(known.filter(has_text=opened["number"])).to_contain_text(
        "a person acknowledged it at"
    )
    await expect(known.filter(has_text="Update")).not_to_contain_text("acknowledged it at")
    await assert_accessible(stranger)
    printed = await page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
    # back to the first mark: it was sent, and China had nothing on record yet
    for _ in range(await page.locator("#marks ~ * tr, table.log tbody tr").count()):
        before = page.locator("#before")
        if await before.count() == 0:
            break
        await before.click()
        await expect(page.locator("#moment")).not_to_have_value("")
    await expect(known).to_have_count(1)
    await expect(page.locator("[data-sent]")).to_have_count(1)
    await expect(page.locator("[data-sent]")).to_contain_text(f"NATO sent {opened['number']}")
    await expect(known).not_to_contain_text("a person acknowledged it at")
    await expect(page.locator("svg.lanes a.later").first).to_be_attached()
    await page.locator("#moment").fill("soon")
    await page.get_by_role("button", name="Show this moment").click()
    await expect(page.locator("#moment-fault")).to_contain_text("Write it like 03:12Z")
    link = page.locator("svg.lanes a:has(.acknowledged)").first
    assert "/records/" in str(await link.get_attribute("href"))
    await page.set_viewport_size({"width": 390, "height": 844})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    refused = "the server responded with a status of"
    assert [text for text in stranger.complaints if refused not in text] == []
