"""Writing in several languages: paragraphs beside each other, agreed phrases while typing, a preview
of the other side's page, and two texts of one message compared.
"""

import aiohttp
import pytest
from playwright.async_api import Page, expect

from browsing import Visiting
from service import Caller, Gateway

pytestmark = pytest.mark.browser

CALM = "nato-china"
NOTE = f"/c/{CALM}/compose/contact-note"
LETTER = "[name='f.form'][value=letter]"


async def texts(page: Page, tag: str) -> list[str]:
    """The text of each paragraph of one language."""
    boxes = await page.locator(f"[name='f.text.{tag}']").all()
    return [await box.input_value() for box in boxes]


async def adopted(session: aiohttp.ClientSession, demo: Gateway) -> None:
    """Have every side adopt the codebook."""
    act = {"act": "codebook-adoption", "codebook": "starter", "version": 1}
    for side in ("nato", "china"):
        caller = Caller(session, demo, f"{side}/administrator")
        assert (await caller.post(f"/v1/channels/{CALM}/channel", act)).status == 201


async def test_an_empty_line_begins_a_paragraph_and_backspace_ends_it(
    visit: Visiting, demo: Gateway
) -> None:
    nato = await visit()
    page = nato.page
    await nato.sign_in("nato/officer", CALM)
    await page.goto(demo.base_url + NOTE)
    first = page.locator("#f-text-en")
    await first.fill("One.\n\nThree.")
    await page.locator("#f-text-zh").fill("一。\n\n二。\n\n三。")
    await expect(page.locator(".paragraph")).to_have_count(3)
    await expect(page.locator(".gap:visible")).to_have_text(["Missing in English"])
    await first.focus()
    await page.keyboard.press("End")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Enter")
    await page.keyboard.type("Two.")
    assert await texts(page, "en") == ["One.", "Two.", "Three."]
    await expect(page.locator(".gap:visible")).to_have_count(0)
    await page.keyboard.press("Home")
    await page.keyboard.press("Backspace")
    assert await texts(page, "en") == ["One.\nTwo.", "Three.", ""]
    assert await texts(page, "zh") == ["一。", "二。", "三。"]
    await page.keyboard.type("And ")
    assert (await texts(page, "en"))[0] == "One.\nAnd Two.", "the caret stays where it was"
    await page.locator(LETTER).check()
    await page.locator("[name=do][value=draft]").first.click()
    await page.get_by_role("link", name="Change").click()
    assert await texts(page, "en") == ["One.\nAnd Two.", "Three.", ""]
    assert await texts(page, "zh") == ["一。", "二。", "三。"]
    await page.locator("[name='f.text.en']").nth(1).fill("")
    await page.locator("[name='f.text.en']").nth(2).fill("Last.")
    await page.locator("[name=do][value=check]").click()
    await expect(page.locator("[data-paragraphs]")).to_contain_text(
        "An empty paragraph is not recorded."
    )
    assert nato.complaints == []


async def test_agreed_phrases_are_offered_while_typing_and_stand_in_every_text(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    await adopted(session, demo)
    nato = await visit()
    page = nato.page
    await nato.sign_in("nato/officer", CALM)
    await page.goto(demo.base_url + NOTE)
    await page.locator("#f-text-en").fill("Seen.\n\nWe will answ")
    await page.locator("#f-text-zh").fill("收到。")
    second = page.locator("[name='f.text.en']").nth(1)
    await second.press("End")
    await second.press_sequentially("e")
    offered = page.get_by_role("listbox", name="Agreed phrases")
    option = offered.get_by_role("option")
    await expect(option).to_have_text(
        ["we will answer laternous répondrons plus tard我方将稍后答复"]
    )
    await expect(option).to_have_attribute("aria-selected", "true")
    await expect(second).to_have_attribute("aria-activedescendant", "phrase-0")
    await second.press("Escape")
    await expect(offered).to_have_count(0)
    await second.press_sequentially("r")
    await expect(option).to_have_count(1)
    composed = "new KeyboardEvent('keydown', {key: 'Tab', bubbles: true, cancelable: true, isComposing: true})"
    assert await second.evaluate(f"(box) => box.dispatchEvent({composed})"), (
        "the input method has it"
    )
    await expect(option).to_have_count(1)
    await second.press("Tab")
    await expect(offered).to_have_count(0)
    await expect(second).to_be_focused()
    assert await texts(page, "en") == ["Seen.", "We will answer later"]
    assert await texts(page, "zh") == ["收到。", "我方将稍后答复"]
    assert await texts(page, "fr") == ["", ""], "no French text has begun"
    other = page.locator("#f-text-zh")
    await other.press("End")
    await other.press_sequentially("请等")
    await option.first.click()
    assert await texts(page, "zh") == ["收到。请等候", "我方将稍后答复"]
    assert (await texts(page, "en"))[0] == "Seen. please stand by"
    assert nato.complaints == []
    bare = await visit(java_script_enabled=False)
    await bare.sign_in("nato/officer", CALM)
    await bare.page.goto(demo.base_url + NOTE)
    await bare.page.locator("#f-text-en").fill("Seen.")
    await bare.page.locator("[data-phrases] summary").click()
    await bare.page.locator("[name=phrase][value=thank_you]").click()
    assert await texts(bare.page, "en") == ["Seen.", "thank you for your message"]
    assert await texts(bare.page, "zh") == ["", "感谢贵方来电"]


async def test_a_preview_follows_the_form(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    note = {"act": "contact-note", "form": "letter", "text": {"en": "We met."}}
    opened = (await Caller(session, demo, "nato/duty_officer").open(note, CALM)).json
    china = await visit(locale="zh-CN")
    page = china.page
    await china.sign_in("china/duty_officer", CALM)
    await page.goto(f"{demo.base_url}/c/{CALM}/exchanges/{opened['exchange']}/acts/reply")
    await page.locator("[data-preview]").click()
    shown = page.locator("#live-preview")
    await expect(shown.locator(".verdict")).to_be_visible()
    await page.locator("#f-text-zh").fill("收到。" * 80)
    await expect(shown.locator(".preview .message")).to_contain_text("收到。")
    await expect(shown.locator(".preview"), "the other side's own language").to_have_attribute(
        "lang", "en"
    )
    await page.locator("#f-text-en").fill("Received. " * 80)
    await expect(shown.locator(".preview .message")).to_contain_text("Received.")
    await shown.locator("[name=preview_language]").select_option("fr")
    await expect(shown.locator(".preview")).to_have_attribute("lang", "fr")
    await page.locator("[name=do][value=check]").click()
    await expect(page.locator("[data-paragraphs] blockquote")).to_have_count(2)
    await expect(page.locator(".preview"), "as it was chosen").to_have_attribute("lang", "fr")
    assert china.complaints == []
