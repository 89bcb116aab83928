"""The lanes of *Who knew what when*: a stranger reads who had what at a moment."""

import asyncio
import re

import aiohttp
import pytest
from playwright.async_api import expect

from browsing import Visiting
from patience import PATIENCE_S
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
    await expect(page.locator("#moment-fault")).to_contain_text("This time was not read.")
    link = page.locator("svg.lanes a:has(.acknowledged)").first
    assert "/records/" in str(await link.get_attribute("href"))
    refused = "the server responded with a status of"
    assert [text for text in stranger.complaints if refused not in text] == []


async def test_a_side_alone_sees_in_its_lane_that_somebody_opened_the_exchange(
    visit: Visiting, session: aiohttp.ClientSession, demo: Service
) -> None:
    nato = Caller(session, demo, "nato/duty_officer")
    opened = (await nato.open({**INCIDENT, "precedence": "flash"}, CHANNEL)).json
    address = f"{demo.base_url}/c/{CHANNEL}/exchanges/{opened['exchange']}"
    head, officer = await visit(), await visit()
    await head.sign_in("china/head_of_office")
    assert await head.page.evaluate(
        "async (address) => (await (await fetch(address)).text()).includes('<h1')", address
    ), "a script may fetch the page, and nobody has opened it by that"
    await head.page.goto(f"{address}/lanes")
    await officer.sign_in("china/officer")
    await officer.page.goto(address)
    page = officer.page
    stars = page.locator("svg.lanes a:has(.opened)")
    async with asyncio.timeout(PATIENCE_S):
        while await stars.count() == 0:  # The opening is stored after the page has left.
            await page.goto(f"{address}/lanes")
    await expect(stars).to_have_count(1)
    await expect(stars.locator("title")).to_contain_text("officer o-1")
    assert str(await stars.get_attribute("href")).endswith(f"/records/{opened['position']}")
    sentence = "which is kept by this host and not in the log"
    await expect(page.locator("[data-known]")).to_contain_text(sentence)
    await expect(page.locator(".lane-key")).to_contain_text("nothing proves it")
    await expect(page.locator("svg.lanes .remark")).to_have_text("Only NATO sees what it opened.")
    await expect(page.locator("#lanes table.log")).to_contain_text(
        "kept by this host, not in the log"
    )
    at = str(await page.locator("#lanes table.log tr:has-text('o-1')").get_attribute("data-at"))
    assert at in str(await page.locator("#lanes").get_attribute("data-steps"))
    await page.locator("#before").click()
    await expect(page.locator("h2#known")).to_contain_text(at[11:19])
    await expect(page.locator("[data-known]")).to_contain_text(sentence)
    await page.locator("#before").click()
    await expect(page.locator("[data-known]")).not_to_contain_text(sentence)
    await expect(page.locator("svg.lanes a.later:has(.opened)")).to_have_count(1)
    other = await visit()
    await other.sign_in("nato/auditor")
    await other.page.goto(f"{address}/lanes")
    await expect(other.page.locator("svg.lanes .mark").first).to_be_attached()
    await expect(other.page.locator("svg.lanes .opened")).to_have_count(0)
    await expect(other.page.locator("svg.lanes .remark")).to_have_text(
        "Only CHINA sees what it opened."
    )
    assert "kept by this host, not in the log" not in await other.page.content()
