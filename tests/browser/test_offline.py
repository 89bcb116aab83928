"""Whoever leaves a page while the line is lost is shown whom to ring; what a device keeps for that
goes with the session.
"""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from browsing import Visiting
from service import Service

pytestmark = pytest.mark.browser

CHANNEL = "nato-china"
KEPT = """async () => {
    const cache = await caches.open("dragoman-numbers");
    return Promise.all((await cache.keys()).map(async (key) => [new URL(key.url).pathname, await (await cache.match(key)).text()]));
}"""
ACTIVE = "async () => (await navigator.serviceWorker.ready).active.state === 'activated'"


async def kept(page: Page) -> dict[str, str]:
    """Return the texts that this device keeps, by path."""
    return dict(await page.evaluate(KEPT))


async def keeping(page: Page) -> None:
    """Wait until the numbers are kept and the worker serves."""
    await page.wait_for_function(ACTIVE)
    await page.wait_for_function(f"async () => (await ({KEPT})()).length === 1")


async def test_the_numbers_are_shown_when_the_office_cannot_be_reached_for_as_long_as_they_are_kept(
    visit: Visiting, tmp_path: Path
) -> None:
    service = Service(tmp_path / "data", "--demo")
    try:
        nato = await visit(service)
        await nato.sign_in("nato/duty_officer", CHANNEL)
        await keeping(nato.page)
        ((path, text),) = (await kept(nato.page)).items()
        assert path == f"/c/{CHANNEL}/offline"
        assert "tel:+86" in text
        assert "NATO/26" not in text, "numbers to ring are kept, and nothing of the channel"
    finally:
        service.stop()
    for where in (f"/c/{CHANNEL}/inbox", "/help"):
        await nato.page.goto(f"{service.base_url}{where}")
        await expect(nato.page.locator("h1")).to_have_text("No connection.")
        await expect(
            nato.page.locator("li", has_text="CHINA, duty desk").locator("a[href^='tel:+86']")
        ).to_be_visible()
        assert await nato.page.evaluate("document.styleSheets.length") == 1
    await nato.page.evaluate("""async () => {
        const cache = await caches.open("dragoman-numbers");
        for (const key of await cache.keys()) {
            const old = new Date(Date.now() - 1000).toISOString();
            await cache.put(key, new Response(await (await cache.match(key)).text(), { headers: { "Dragoman-Kept-Until": old } }));
        }
    }""")
    await nato.page.goto(f"{service.base_url}/c/{CHANNEL}")
    await expect(nato.page.locator("main")).to_contain_text(
        "No telephone numbers are kept on this device"
    )
    await expect(nato.page.locator("a[href^='tel:']")).to_have_count(0)
    assert await kept(nato.page) == {}


async def test_signing_out_deletes_what_the_device_keeps(visit: Visiting) -> None:
    nato = await visit()
    await nato.sign_in("nato/duty_officer", CHANNEL)
    await keeping(nato.page)
    await nato.page.locator(".menu > summary").click()
    await nato.page.locator("form[action='/sign-out'] button").click()
    await expect(nato.page.locator("#token")).to_be_visible()
    assert await kept(nato.page) == {}


async def test_the_end_of_a_session_deletes_what_the_device_keeps(visit: Visiting) -> None:
    nato = await visit()
    await nato.sign_in("nato/duty_officer", CHANNEL)
    await keeping(nato.page)
    await nato.page.context.clear_cookies()
    await nato.page.wait_for_function(f"async () => (await ({KEPT})()).length === 0")
    await nato.page.goto(f"{nato.service.base_url}/c/{CHANNEL}")
    await expect(nato.page.locator("#token")).to_be_visible()


async def test_an_auditor_s_device_keeps_no_number(visit: Visiting) -> None:
    auditor = await visit()
    await auditor.sign_in("china/auditor", CHANNEL)
    await keeping(auditor.page)
    ((_, text),) = (await kept(auditor.page)).items()
    assert "tel:" not in text
