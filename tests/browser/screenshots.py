"""Pictures of every page in three languages, light and dark, for whoever looks at them beside the
mock-ups: `make screenshots`.

The pictures of the documentation and the contact sheets of docs/design.md are made anew as well.
With the argument `docs` only they are made, which takes four minutes.

The demonstration is filled with what it lacks: offices with hours, points of contact, a line check,
a meeting, drafts. What is on the pictures is invented or public.
"""

import asyncio
import io
import itertools
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import aiohttp
from PIL import Image
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
from service import INCIDENT, Caller, Gateway, Service, new_key  # noqa: E402

OUT: Final = ROOT / "build" / "screenshots"
CHROMIUM: Final = "/usr/bin/chromium"
LANGUAGES: Final = {"en": "en-GB", "fr": "fr-FR", "zh": "zh-CN"}
VIEWED: Final = frozenset({f"/c/{CHANNEL}", f"/c/{EXERCISE}"})
"""Boards, which are shown as a screen has them; of all other pages the whole is."""

DOCUMENTED: Final = ROOT / "docs" / "pictures"
SHEETS: Final = ROOT / "docs" / "design"
SIZES: Final = {1366: 768, 1920: 1080, 390: 844}
"""Widths of the screens of the contact sheets, each with its height."""

SHEET_HEIGHT: Final = 300
"""The height of each picture on a contact sheet, in pixels."""

DESIGNED: Final = {
    "board": f"/c/{CHANNEL}",
    "list": f"/c/{CHANNEL}/inbox?waits=all",
    "exchange": f"/c/{CHANNEL}/exchanges/{{flash}}",
    "write": f"/c/{CHANNEL}/compose/hazardous-incident",
    "turn-over": f"/c/{CHANNEL}/watch/turn-over",
}
"""The pages of the contact sheets, as the duty officer of NATO sees them."""

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
    china = Caller(session, service, "china/duty_officer")
    flash = (await china.open({**INCIDENT, "precedence": "flash"}, CHANNEL)).json["exchange"]
    await nato.act(flash, {"act": "acknowledgement"}, CHANNEL)
    return {**await places(session, service), "flash": str(flash)}


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


async def _entered(browser: Browser, service: Gateway, who: str, **screen: Any) -> Page:
    """Return a page of an officer who has signed in, without sound."""
    context = await browser.new_context(**screen)
    page = await context.new_page()
    await page.add_init_script("sessionStorage.setItem('dragoman-mute', '1')")
    await page.goto(f"{service.base_url}/sign-in")
    await page.locator("#token").fill(service.token(who))
    await page.locator("form[action='/sign-in'] button").click()
    return page


async def _document(browser: Browser, service: Gateway, ids: dict[str, str]) -> None:
    """Make the pictures of the documentation: the takeover, and pages in the order of use."""
    page = await _entered(
        browser, service, "nato/duty_officer", viewport={"width": 1366, "height": 768}
    )
    await page.goto(f"{service.base_url}/c/{EXERCISE}")
    await page.locator("dialog[open]").wait_for()
    await page.wait_for_timeout(2000)  # until shortcuts work
    await _save(page, DOCUMENTED / "takeover.png")
    for name in ("board", "exchange", "write", "turn-over"):
        await page.goto(service.base_url + DESIGNED[name].format(**ids))
        await _still(page, takeover=False)
        if name == "exchange":
            await page.keyboard.press("r")
            await page.wait_for_timeout(500)
        await _save(page, DOCUMENTED / f"{name}.png")
    await page.context.close()


async def _save(page: Page, path: Path) -> None:
    """Save the screen in 128 colours, which makes a small file."""
    picture = Image.open(io.BytesIO(await page.screenshot())).convert("RGB")
    picture.quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)


async def _design(browser: Browser, service: Gateway, ids: dict[str, str]) -> None:
    """Make two contact sheets of each page: in English, and in French and Chinese."""
    SHEETS.mkdir(parents=True, exist_ok=True)
    full = OUT / "design"
    full.mkdir(parents=True, exist_ok=True)
    screens: dict[tuple[str, str], list[Image.Image]] = {}
    for language, width, scheme in itertools.product(LANGUAGES, SIZES, ("light", "dark")):
        page = await _entered(
            browser,
            service,
            "nato/duty_officer",
            viewport={"width": width, "height": SIZES[width]},
            color_scheme=scheme,
            locale=LANGUAGES[language],
        )
        for name, path in DESIGNED.items():
            await page.goto(service.base_url + path.format(**ids))
            await _still(page, takeover=False)
            shot = await page.screenshot(path=full / f"{name}-{language}-{width}-{scheme}.png")
            picture = Image.open(io.BytesIO(shot)).convert("RGB")
            picture.thumbnail((width, SHEET_HEIGHT))
            screens.setdefault((name, language), []).append(picture)
        await page.context.close()
    for name in DESIGNED:
        _sheet([screens[name, "en"]], SHEETS / f"{name}.webp")
        _sheet([screens[name, "fr"], screens[name, "zh"]], SHEETS / f"{name}-fr-zh.webp")


def _sheet(languages: list[list[Image.Image]], path: Path) -> None:
    """Save the screens of each language as two rows, light above dark."""
    rows = [row for screens in languages for row in (screens[::2], screens[1::2])]
    gap = 8
    width = sum(screen.width + gap for screen in rows[0]) + gap
    sheet = Image.new("RGB", (width, len(rows) * (SHEET_HEIGHT + gap) + gap), "grey")
    for number, row in enumerate(rows):
        left = gap
        for screen in row:
            sheet.paste(screen, (left, gap + number * (SHEET_HEIGHT + gap)))
            left += screen.width + gap
    sheet.save(path, quality=70, method=6)


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


async def main(*, documentation_only: bool) -> None:
    """Make all pictures, or those of the documentation only."""
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
                await _document(browser, service, ids)
                await _design(browser, service, ids)
                if not documentation_only:
                    for language, scheme in itertools.product(LANGUAGES, ("light", "dark")):
                        await _shoot(browser, service, ids, language, scheme)
                await browser.close()
        finally:
            service.stop()
    sys.stdout.write(
        json.dumps({"pictures": len(list(OUT.glob("*.png"))), "folder": str(OUT.relative_to(ROOT))})
        + "\n"
    )


if __name__ == "__main__":
    asyncio.run(main(documentation_only=sys.argv[1:] == ["docs"]))
