"""Whoever may not send an act is told so before the first field, and hands what they wrote to a
colleague who may, and who sees it at once.
"""

import re

import aiohttp
import pytest
from playwright.async_api import expect

from browsing import Visit, Visiting
from service import Caller, Gateway

pytestmark = pytest.mark.browser

CALM = "nato-china"
IDENTIFIERS = re.compile(r"duty_officer|head_of_office|hazardous-incident|nato/o-1|needs one of")


async def write(visit: Visit) -> None:
    page = visit.page
    await page.locator("#f-kind input[value=near_miss]").check()
    await page.locator("#f-time").fill("now")
    await page.locator("#f-place").fill("15-07N 116-26E")
    await page.locator("textarea[name^='f.facts']").first.fill("One aircraft passed close.")
    await page.get_by_role("button", name="Check before sending").click()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
async def test_an_officer_is_told_who_may_send_and_hands_it_to_them(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession, *, scripts: bool
) -> None:
    officer, head = await visit(java_script_enabled=scripts), await visit()
    await head.enter("nato/head_of_office", f"/c/{CALM}/inbox")
    await officer.enter("nato/officer", f"/c/{CALM}/compose/hazardous-incident")
    told = officer.page.locator("[data-told]")
    await expect(told).to_contain_text(
        "Only the duty officer (d-1) or head of office (h-1) can send this."
    )
    first = officer.page.locator("#writing :is(input:not([type=hidden]), textarea, select)").first
    assert await told.evaluate(
        "(told, field) => told.compareDocumentPosition(field) & 4", await first.element_handle()
    )
    await write(officer)
    await expect(officer.page.locator("#act-bytes")).to_be_attached()
    await expect(officer.page.locator("main")).not_to_contain_text(
        IDENTIFIERS.pattern.partition("|")[0]
    )
    assert not IDENTIFIERS.search(await officer.page.locator("main").inner_text())
    await expect(officer.page.locator("button[value=send]")).to_have_count(0)
    owed = [
        text
        for text in await officer.page.locator("[aria-labelledby=then] li").all_inner_texts()
        if " owes: " in text
    ]
    urgency = await officer.page.locator(".sheet .zpr").first.inner_text()
    await officer.page.get_by_role("button", name="Send to d-1 or h-1 to release").click()
    await expect(officer.page.locator("main [data-handed]")).to_contain_text("Handed to d-1 or h-1")
    handed = officer.page.url.partition("?")[0]
    await expect(officer.page.locator("button[value=release]")).to_have_count(0)
    note = await (
        await officer.page.request.get(f"{demo.base_url}/c/{CALM}/reports/turn-over.json")
    ).json()
    waiting = [each for each in note["drafts"] if each["draft"] == handed.rpartition("/")[2]]
    assert [(each["act"], each["author"]) for each in waiting] == [
        ("hazardous-incident", "nato/o-1")
    ], "the next watch is told of it"

    # the head of office is told on whatever page they are, and sends it as their own
    asked = head.page.locator("[data-bar=handed]")
    await expect(asked).to_contain_text("o-1 asks you to send")
    await head.unfold()  # that the alarm is not armed is worse
    await asked.get_by_role("link").first.click()
    await expect(head.page.locator("[data-told]")).to_have_count(0)
    said = await head.page.locator("[aria-labelledby=then] li").all_inner_texts()
    what = [text.partition(", by ")[0] for text in owed]
    assert what and what == [text.partition(", by ")[0] for text in said], (
        "whoever sends it is told what the author was told"
    )
    assert (
        urgency.split()[:4] == (await head.page.locator(".sheet .zpr").first.inner_text()).split()
    )
    await expect(head.page.locator("button[value=release]")).to_contain_text(
        "Send to CHINA (immediate)"
    )
    await head.page.locator("button[value=release]").click()
    await expect(head.page.locator("h1")).to_contain_text("Recorded: record")
    position = int(re.sub(r"\D", "", await head.headline()))
    record = (
        await Caller(session, demo, "nato/officer").get(f"/v1/channels/{CALM}/records/{position}")
    ).json
    assert (record["actor"], record["data"]["kind"]) == ("nato/h-1", "near_miss")
    if not scripts:  # with scripts the author's page goes there by itself
        await officer.page.locator("button[value=drop]").click()
    await expect(officer.page.locator("h1")).to_have_text(await head.headline())
    await officer.page.goto(handed)
    await expect(officer.page.locator("h1")).to_have_text(await head.headline())
    await expect(asked).to_have_count(0)
