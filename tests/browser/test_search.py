"""The search field of every page: Ctrl+K, and what is typed there under a takeover."""

import aiohttp
import pytest
from playwright.async_api import expect

from browsing import EXERCISE, Flash, Visiting, acknowledge_all
from service import Gateway

pytestmark = [pytest.mark.browser, pytest.mark.fresh_context]

CALM = "nato-china"


async def test_ctrl_k_leads_to_the_field_and_enter_to_what_is_typed(visit: Visiting) -> None:
    nato = await visit()
    await nato.sign_in("nato/officer", CALM)
    page = nato.page
    for path, typed, to in (
        (f"/c/{CALM}/meetings", "statistics", f"**/c/{CALM}/statistics"),
        (f"/c/{CALM}/meetings?at=9", "log", f"**/c/{CALM}/log?at=9"),
        ("/board", EXERCISE, f"**/c/{EXERCISE}"),
        (f"/c/{CALM}/inbox", "me", f"**/c/{CALM}/go?q=me"),
    ):
        await page.goto(nato.service.base_url + path)
        await page.wait_for_load_state("load")
        await page.keyboard.press("Control+k")
        await expect(page.locator("#find")).to_be_focused()
        await page.keyboard.type(typed)
        await page.keyboard.press("Enter")
        await page.wait_for_url(to)
    await expect(page.locator("main [data-row] a").first).to_be_focused()
    await page.goto(f"{nato.service.base_url}/c/{CALM}?wall")
    await page.wait_for_load_state("load")
    await page.keyboard.press("Control+k")
    await page.wait_for_url(f"**/c/{CALM}/go")
    assert nato.complaints == []


async def test_the_field_keeps_the_keyboard_under_a_takeover_and_leads_nowhere(
    visit: Visiting, flash: Flash, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    await acknowledge_all(session, demo, "china", EXERCISE)
    china = await visit()
    await china.sign_in("china/duty_officer")
    page = china.page
    await page.get_by_role("button", name="I am off duty").first.wait_for()
    await page.evaluate(
        "channel => sessionStorage.setItem('dragoman-duty china/d-1', `exercise:${channel}`)",
        EXERCISE,
    )
    field = page.locator("#find")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("inb")
    await flash()
    takeover = page.locator("dialog.flash[open]")
    await expect(takeover).to_be_visible()
    await expect(field).to_be_focused()
    await page.keyboard.type("ox")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Control+k")
    assert await field.input_value() == "inbox"
    await expect(takeover).to_be_visible()
    assert page.url.endswith(f"/c/{EXERCISE}"), "Enter leads nowhere under a takeover"
    await page.wait_for_timeout(900)  # past the guard against stray keys, as in test_alarm.py
    await takeover.locator("[data-acknowledge]").click()
    await expect(takeover).to_have_count(0)
    assert await field.input_value() == "inbox"
    await acknowledge_all(session, demo, "china", EXERCISE)


async def test_ctrl_k_gives_a_takeover_no_other_keyboard(
    visit: Visiting, flash: Flash, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    await acknowledge_all(session, demo, "china", EXERCISE)
    await flash()
    china = await visit()
    await china.sign_in("china/duty_officer")
    takeover = china.page.locator("dialog.flash[open]")
    await expect(takeover).to_be_visible()
    await china.page.keyboard.press("Control+k")
    await expect(china.page.locator("#find")).not_to_be_focused()
    await expect(takeover).to_be_visible()
    await acknowledge_all(session, demo, "china", EXERCISE)
