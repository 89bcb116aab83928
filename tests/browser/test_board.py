"""The watch board in a browser, with scripts and without."""

import signal
import time
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Locator, Page, expect

from browsing import EXERCISE, Flash, Visiting
from office import Office
from service import Caller, Gateway

pytestmark = pytest.mark.browser

CALM = "nato-china"
SHOW_ANEW = """new BroadcastChannel("dragoman").postMessage(
    { kind: "hello", detail: { now: new Date().toISOString() } })"""


def row(page: Page, number: str) -> Locator:
    return page.locator("main li[data-exchange]", has_text=number)


def button(page: Page, number: str) -> Locator:
    return row(page, number).get_by_role("button", name="Acknowledge receipt")


async def test_an_acknowledgement_by_one_side_shows_on_the_open_page_of_the_other(
    visit: Visiting, flash: Flash, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    nato, china = await visit(), Caller(session, demo, "china/duty_officer")
    await nato.sign_in("nato/duty_officer")
    await nato.page.evaluate("window.unchanged = true")
    took: list[float] = []
    while not took or (min(took) >= 3 and len(took) < 8):  # on a busy machine the best counts
        number = await flash()
        await expect(row(nato.page, number).filter(has_text="FLASH")).to_have_count(1)
        waiting = row(nato.page, number).filter(has_text="is to acknowledge")
        await expect(waiting).to_have_count(1)
        rows = (await china.get(f"/v1/channels/{EXERCISE}/exchanges?number={number}")).json[
            "exchanges"
        ]
        begun = time.monotonic()
        await china.post(
            f"/v1/channels/{EXERCISE}/exchanges/{rows[0]['id']}/acts", {"act": "acknowledgement"}
        )
        await expect(waiting).to_have_count(0)
        took.append(time.monotonic() - begun)
    assert min(took) < 3
    assert await nato.page.evaluate("window.unchanged")
    assert nato.complaints == []


async def test_a_message_can_be_acknowledged_by_keyboard_alone(
    visit: Visiting, flash: Flash
) -> None:
    number = await flash()
    china = await visit()
    await china.page.goto(f"{china.service.base_url}/c/{EXERCISE}")
    token = china.page.get_by_label("Token")
    for _ in range(20):
        await china.page.keyboard.press("Tab")
        if await token.evaluate("element => element === document.activeElement"):
            break
    await china.page.keyboard.type(china.service.token("china/duty_officer"))
    await china.page.keyboard.press("Enter")
    dialog = china.page.locator("dialog[open]", has_text=number)
    for _ in range(20):
        await china.page.locator("dialog[open]").wait_for()
        await china.page.wait_for_timeout(900)
        last = await dialog.count()
        await china.page.keyboard.press("a")
        if last:
            break
        await china.page.wait_for_timeout(300)
    await expect(button(china.page, number)).to_have_count(0)
    assert china.complaints == []


async def test_the_list_is_walked_and_answered_by_keyboard(visit: Visiting, demo: Gateway) -> None:
    reader = await visit()
    await reader.enter("china/auditor", f"/c/{CALM}")
    page = reader.page
    rows = page.locator("main li[data-row]")
    await expect(rows).not_to_have_count(0)
    await page.keyboard.press("j")
    await expect(rows.first).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("r")
    await page.wait_for_url("**/exchanges/*#moves")
    await page.go_back()
    await expect(rows).not_to_have_count(0)
    await page.keyboard.press("j")
    chosen = await rows.first.get_attribute("data-exchange")
    await rows.first.evaluate("row => row.dataset.old = ''")
    await page.evaluate(SHOW_ANEW)
    await expect(page.locator("main li[data-old]")).to_have_count(0)
    await expect(rows.first).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/exchanges/{chosen}*")
    assert reader.complaints == []


async def test_a_page_is_not_known_while_the_service_does_not_see_the_log(
    visit: Visiting, tmp_path: Path, chromium: Path
) -> None:
    service = Office(tmp_path / "data", demo=True)
    try:
        scripted, plain = await visit(service), await visit(service, java_script_enabled=False)
        await scripted.sign_in("china/duty_officer", CALM)
        await plain.sign_in("china/duty_officer", CALM)
        service.signal_broker(signal.SIGSTOP)
        try:
            await expect(scripted.page.locator("h1")).to_have_text(
                "Not known.", use_inner_text=True
            )
            await expect(
                scripted.page.get_by_text("this host does not see the log.")
            ).to_be_visible()
            await plain.page.reload()
            assert await plain.headline() == "Not known."
            assert "Quiet" not in await plain.page.content()
        finally:
            service.signal_broker(signal.SIGCONT)
        await expect(scripted.page.locator("h1")).to_have_text(
            "1 thing is late", use_inner_text=True
        )
        assert scripted.complaints + plain.complaints == []
    finally:
        service.stop()


async def test_the_wall_display_fits_its_screen_and_shows_a_flash_as_it_comes(
    visit: Visiting, flash: Flash, demo: Gateway
) -> None:
    china = await visit(viewport={"width": 1920, "height": 1080})
    await china.enter("china/auditor", f"/c/{EXERCISE}?wall=1")
    await expect(china.page.locator("#wall [data-flash]").first).to_be_visible()
    before = await china.page.locator("body").get_attribute("data-position")
    await flash()
    await expect(china.page.locator(f"body:not([data-position='{before}'])")).to_have_count(1)
    for width, height in ((1920, 1080), (1280, 720)):
        await china.page.set_viewport_size({"width": width, "height": height})
        for overflow in ("#wall main", "html"):
            held = await china.page.locator(overflow).evaluate(
                "(of) => [of.scrollWidth - of.clientWidth, of.scrollHeight - of.clientHeight]"
            )
            assert max(held) <= 1, (width, overflow, held)
    assert china.complaints == []
