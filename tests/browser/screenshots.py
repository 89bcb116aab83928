"""Pictures of every page in three languages, light and dark, for whoever looks at them beside the
mock-ups: `make screenshots`.

The two pictures of the documentation are made anew as well. They are taken 9 minutes 12 seconds
after the flash of the demonstration, so that what they say of waiting is so; with them the whole
takes ten minutes.

The demonstration is filled with what it lacks: offices with hours, points of contact, a line check,
a meeting, drafts. What is on the pictures is invented or public.
"""

import asyncio
import itertools
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import aiohttp
from playwright.async_api import Browser, Page, async_playwright

ROOT: Final = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from everywhere import (  # noqa: E402
    CHANNEL,
    DIALOGUE,
    EXERCISE,
    PAGES,
    places,
)  # the tests' support is no package
from service import Caller, Gateway, Service, new_key  # noqa: E402

OUT: Final = ROOT / "build" / "screenshots"
CHROMIUM: Final = "/usr/bin/chromium"
LANGUAGES: Final = {"en": "en-GB", "fr": "fr-FR", "zh": "zh-CN"}
VIEWED: Final = frozenset({f"/c/{CHANNEL}", f"/c/{EXERCISE}"})
"""Boards, which are shown as a screen has them; of all other pages the whole is."""

DOCUMENTED: Final = ROOT / "docs" / "pictures"
WAITED: Final = "09:12"
"""The waiting time of the flash in the documentation's pictures, as the takeover shows it."""

TAKEOVER: Final = ("china/duty_officer", f"/c/{EXERCISE}")


async def _furnish(session: aiohttp.ClientSession, service: Gateway) -> dict[str, str]:
    """Fill the demonstration with what it lacks; the ids that addresses need."""
    for side in ("nato", "china"):
        await Caller(session, service, f"{side}/duty_officer").post(
            f"/v1/channels/{CHANNEL}/channel", {"act": "watch-assumption"}
        )
    nato = Caller(session, service, "nato/duty_officer")
    meeting = {
        "act": "meeting-request",
        "purpose": "Working group on encounters",
        "kind": "working_group",
        "windows": [{"from": "2027-01-19T07:00:00Z", "to": "2027-01-19T09:00:00Z"}],
    }
    await nato.open(meeting, CHANNEL)
    draft = {"act": {"act": "contact-note", "form": "conversation", "text": "Not finished"}}
    await Caller(session, service, "nato/officer").post(
        f"/v1/channels/{CHANNEL}/drafts", draft, key=new_key()
    )
    return await places(session, service)


async def _shoot(
    browser: Browser, service: Gateway, ids: dict[str, str], language: str, scheme: Any
) -> None:
    for who, pages in itertools.groupby(sorted((*PAGES, TAKEOVER)), key=lambda each: each[0]):
        context = await browser.new_context(
            viewport={"width": 1440, "height": 900}, color_scheme=scheme, locale=LANGUAGES[language]
        )
        page = await context.new_page()
        await page.goto(f"{service.base_url}/sign-in")
        await page.locator("#token").fill(
            service.operator if who == "operator" else service.token(who)
        )
        await page.locator("form[action='/sign-in'] button").click()
        for _, path in pages:
            takeover = (who, path) == TAKEOVER
            await page.goto(service.base_url + path.format(**ids))
            await _still(page, takeover=takeover)
            name = "takeover" if takeover else _named(who, path)
            await page.screenshot(
                path=OUT / f"{name}-{language}-{scheme}.png", full_page=path not in VIEWED
            )
        await context.close()


async def _document(browser: Browser, service: Gateway) -> None:
    """Make the pictures of the documentation: a takeover whose limit is near, and the board of that
    minute.
    """
    context = await browser.new_context(
        viewport={"width": 1440, "height": 900}, color_scheme="light", locale="en-GB"
    )
    page = await context.new_page()
    await page.add_init_script("sessionStorage.setItem('dragoman-mute', '1')")
    await page.goto(f"{service.base_url}/c/{EXERCISE}")
    await page.locator("#token").fill(service.token("nato/duty_officer"))
    await page.locator("form[action='/sign-in'] button").click()
    takeover = page.locator("dialog[open]")
    await takeover.locator(".wait", has_text=WAITED).wait_for(timeout=15 * 60_000)
    await page.screenshot(path=DOCUMENTED / "takeover.png")
    await page.goto(f"{service.base_url}/c/{CHANNEL}")
    await _still(page, takeover=False)
    await page.screenshot(path=DOCUMENTED / "board.png")
    await context.close()


def _named(who: str, path: str) -> str:
    """A picture's name, after the page's path and who reads it: `exercise-log-auditor` for
    `/c/nato-china-exercise/log`.
    """
    short = (
        path.replace(f"/c/{EXERCISE}", "exercise")
        .replace(f"/c/{DIALOGUE}", "dialogue")
        .replace(f"/c/{CHANNEL}", "")
    )
    return (re.sub(r"[^a-z0-9]+", "-", short).strip("-") or "board") + "-" + who.rpartition("/")[2]


async def _still(page: Page, *, takeover: bool) -> None:
    """Wait until the page's scripts have run. Keep the alarm closed on pages other than the
    takeover's.
    """
    await page.wait_for_timeout(500)
    if not takeover:
        await page.evaluate(
            "document.querySelectorAll('dialog[open]').forEach((dialog) => dialog.remove())"
        )


async def main() -> None:
    """Make all pictures."""
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder) / "data", "--demo")
        try:
            async with aiohttp.ClientSession() as session, async_playwright() as playwright:
                ids = await _furnish(session, service)
                browser = await playwright.chromium.launch(
                    executable_path=CHROMIUM, args=["--headless", "--no-sandbox", "--disable-gpu"]
                )
                documented = asyncio.create_task(_document(browser, service))
                for language, scheme in itertools.product(LANGUAGES, ("light", "dark")):
                    await _shoot(browser, service, ids, language, scheme)
                await documented
                await browser.close()
        finally:
            service.stop()
    sys.stdout.write(
        json.dumps({"pictures": len(list(OUT.glob("*.png"))), "folder": str(OUT.relative_to(ROOT))})
        + "\n"
    )


if __name__ == "__main__":
    asyncio.run(main())
