"""The page of an exchange as it is seen and printed: the facts at once, and the messages first."""

import aiohttp
import pytest
from playwright.async_api import expect

from browsing import Visiting
from service import INCIDENT, Caller, Gateway

pytestmark = pytest.mark.browser

CHANNEL = "nato-china"
TOPS = """() => ["facts-now", "who", "sheet"].map(
    (name) => { const box = document.querySelector(`main .${name}`).getBoundingClientRect();
        return [box.top, box.bottom]; })"""


async def test_facts_are_seen_at_once_and_a_print_begins_with_the_message(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    nato = Caller(session, demo, "nato/duty_officer")
    sent = (await nato.open({**INCIDENT, "precedence": "flash"}, CHANNEL)).json
    guest = await visit()
    await guest.page.set_viewport_size({"width": 1366, "height": 768})
    await guest.enter("nato/officer", f"/c/{CHANNEL}/exchanges/{sent['exchange']}")
    facts, _, _ = await guest.page.evaluate(TOPS)
    assert facts[1] <= 400, facts
    await guest.page.emulate_media(media="print")
    facts, who, sheet = await guest.page.evaluate(TOPS)
    assert sheet[1] <= min(facts[0], who[0]), (facts, who, sheet)
    assert await guest.page.locator("main button:visible, .foot a:visible").count() == 0


QUESTION = "May our boat pass? " + "It is on its way to a ship that asked for help. " * 30
ASKED = {"act": "contact-note", "form": "conversation", "text": {"en": QUESTION}}
READABLE = """() => {
  const message = [...document.querySelectorAll(".message")].at(-1);
  const line = parseFloat(getComputedStyle(message.querySelector("blockquote, p, dd")).lineHeight);
  const box = message.getBoundingClientRect();
  const end = document.querySelector(".moves").getBoundingClientRect().top;
  return (Math.min(box.bottom, end) - Math.max(box.top, 0)) / line;
}"""
"""The lines of the newest message that stand above the acts at the foot of its page."""


async def test_an_answer_typed_below_the_messages_outlives_news_and_shows_its_preview(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    nato = Caller(session, demo, "nato/head_of_office")
    exchange = (await nato.open(ASKED, CHANNEL)).json["exchange"]
    guest = await visit()
    page = guest.page
    await page.set_viewport_size({"width": 1366, "height": 768})
    await guest.enter("china/officer", f"/c/{CHANNEL}/exchanges/{exchange}")
    await expect(page.locator("#cell-page")).to_contain_text("Page live")
    await page.keyboard.press("r")
    text = page.locator("#answer textarea").first
    await expect(text).to_be_focused()
    assert await page.evaluate(READABLE) >= 8
    await text.fill("It may pass.")
    await page.locator("[data-preview]").click()
    await expect(page.locator("#live-preview .preview")).to_contain_text("It may pass.")
    await page.evaluate("document.activeElement.blur()")
    colleague = Caller(session, demo, "china/duty_officer")
    news = await colleague.act(exchange, {"act": "acknowledgement"}, CHANNEL)
    assert news.status == 201, news.body
    await expect(page.locator("#receipts")).to_contain_text("duty officer")
    await expect(text).to_have_value("It may pass.")
    await text.press_sequentially(" Soon.")
    await expect(page.locator("#live-preview .preview")).to_contain_text("Soon.")
    await page.locator("#writing [value=check]").click()
    await expect(page.locator("main .preview")).to_contain_text("It may pass. Soon.")
