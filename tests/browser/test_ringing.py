"""Wherever a page names whom to ring, the number stands there as a link, with the languages and the
last test.
"""

import re

import aiohttp
import pytest
from playwright.async_api import Locator, expect

from browsing import Visiting
from service import INCIDENT, Caller, Gateway

pytestmark = pytest.mark.browser

CHANNEL = "nato-china"


async def assert_dialled(place: Locator, side: str) -> None:
    """A number of that side stands in a place as a link that dials it, with its languages and its
    last test.
    """
    item = place.locator("li", has_text=re.compile(f"^{side}"))
    link = item.locator("a[href^='tel:']").first
    await expect(link).to_have_attribute("href", re.compile(r"^tel:\+\d{6,}$"))
    assert re.sub(r"\D", "", await link.inner_text()) == re.sub(
        r"\D", "", await link.get_attribute("href") or ""
    )
    await expect(item.first).to_contain_text("English")
    await expect(item.first).to_contain_text("tested")


async def test_the_number_stands_on_the_board_the_takeover_and_where_to_ring_next(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    nato = Caller(session, demo, "nato/duty_officer")
    sender = await visit()
    await sender.sign_in("nato/duty_officer", CHANNEL)
    await assert_dialled(sender.page.locator("section[aria-labelledby=ring]"), "CHINA")
    sent = (await nato.open({**INCIDENT, "precedence": "flash"}, CHANNEL)).json
    await sender.page.goto(f"{demo.base_url}/c/{CHANNEL}/exchanges/{sent['exchange']}")
    await assert_dialled(sender.page.locator("section[aria-labelledby=calls]"), "CHINA")
    await sender.page.goto(f"{demo.base_url}/c/{CHANNEL}/recorded/{sent['position']}")
    await assert_dialled(sender.page.locator("#owed"), "CHINA")
    reader = await visit()
    await reader.sign_in("china/duty_officer", CHANNEL)
    takeover = reader.page.locator("dialog[open]")
    await expect(takeover).to_be_visible()
    await assert_dialled(takeover, "NATO")
    await expect(takeover.locator("tr[data-rung='300']")).to_contain_text("nobody else is rung")
    await expect(takeover.locator("tr[data-rung='540']")).not_to_contain_text("nobody else is rung")
    await reader.page.locator("dialog[open] [data-keys]", has_text="Shortcuts work now.").wait_for()
    await reader.page.keyboard.press("a")
    await expect(takeover).to_have_count(0)


async def test_an_auditor_sees_no_number(visit: Visiting) -> None:
    auditor = await visit()
    await auditor.sign_in("china/auditor", CHANNEL)
    await expect(auditor.page.locator("section[aria-labelledby=ring]")).to_contain_text("duty desk")
    await expect(auditor.page.locator("a[href^='tel:']")).to_have_count(0)
    assert "+86" not in await auditor.page.content()
