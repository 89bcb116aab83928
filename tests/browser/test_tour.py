"""The tour of docs/console.md, walked from both sides with data in which they differ. It takes the
tour's pictures, and counts what each task takes: presses and filled fields.

    TOUR_PICTURES=docs/pictures .venv/bin/pytest -s tests/browser/test_tour.py

puts the pictures where the documentation has them, and prints the table of the tasks.
"""

import base64
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from playwright.async_api import Locator, Page, expect

from browsing import Visit, Visiting
from service import Caller, Gateway

pytestmark = [pytest.mark.browser, pytest.mark.fresh_context]

CALM: Final = "nato-china"
DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "console.md"
MOST: Final = {
    "arm the alarm": 2,
    "report a flash": 9,
    "acknowledge a flash": 1,
    "give one's own account": 8,
    "read the range and bearing of two accounts": 2,
    "go to an act of an exchange by its number": 3,
    "take the watch point by point": 16,
    "write in two languages": 8,
    "say who knew what at a minute": 4,
    "verify a record": 3,
    "save an exchange as evidence": 1,
}
"""Tasks, and the most presses and fields that each may take. A turn-over has one for each point."""


class Hands:
    """The effort of each task: presses, filled fields, and seconds."""

    def __init__(self) -> None:
        """Begin with no task."""
        self.taken: dict[str, tuple[int, float]] = {}
        self._count = 0

    @contextmanager
    def task(self, name: str) -> Iterator[None]:
        """Count what is done within, as one task."""
        self._count, begun = 0, time.monotonic()
        yield
        self.taken[name] = self._count, time.monotonic() - begun

    async def press(self, where: Locator) -> None:
        """Press something that is on the page."""
        self._count += 1
        await where.click()

    async def fill(self, where: Locator, text: str) -> None:
        """Fill a field."""
        self._count += 1
        await where.fill(text)

    async def key(self, page: Page, key: str) -> None:
        """Press a key."""
        self._count += 1
        await page.keyboard.press(key)


class Pictures:
    """The pictures of the tour: the window as a reader has it, as WebP."""

    def __init__(self, folder: Path) -> None:
        """Put them into a folder."""
        self._folder = folder
        self.names: set[str] = set()

    async def take(self, page: Page, name: str, *, at: str = "") -> None:
        """Take the picture of a page, from a place of it on."""
        if at:
            await page.locator(at).first.evaluate("node => node.scrollIntoView({block: 'start'})")
            await page.evaluate("scrollBy(0, -140)")
        else:
            await page.evaluate("scrollTo(0, 0)")
        session = await page.context.new_cdp_session(page)
        options = {"format": "webp", "quality": 72}
        found = await session.send("Page.captureScreenshot", options)
        raw = base64.b64decode(found["data"])
        assert 5_000 < len(raw) < 160_000, (name, len(raw))
        (self._folder / f"{name}.webp").write_bytes(raw)
        self.names.add(f"{name}.webp")


def named(page: Page, name: str, role: Any = "button") -> Locator:
    return page.get_by_role(role, name=re.compile(name)).first


async def entered(visit: Visiting, who: str) -> Visit:
    """Sign in with a window of the tour's size."""
    found = await visit(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    await found.sign_in(who, CALM)
    return found


@pytest.mark.timeout(300)
async def test_the_tour_is_walked_from_both_sides_and_its_pictures_are_those_of_the_document(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    hands, pictures = Hands(), Pictures(Path(os.environ.get("TOUR_PICTURES") or tmp_path))
    nato, china = (
        await entered(visit, "nato/duty_officer"),
        await entered(visit, "china/duty_officer"),
    )
    here, there = nato.page, china.page
    with hands.task("arm the alarm"):
        await hands.press(named(there, "arm the alarm"))
        await hands.press(named(there, "I heard the sound"))
    await pictures.take(there, "tour-board")

    with hands.task("report a flash"):
        await hands.key(here, "n")
        await here.wait_for_url("**/compose/hazardous-incident**")
        await hands.press(here.get_by_label("collision", exact=True))
        await hands.fill(here.locator("#f-time"), "0305")
        await hands.fill(here.locator("#f-place"), "15-07N 116-26E")
        await hands.fill(
            here.locator("textarea[name^='f.facts']").first,
            "Our frigate and a trawler touched. No injuries on our side.",
        )
        await expect(here.locator("#f-place-echo")).to_contain_text("15°07′00″ N")
        await pictures.take(here, "tour-report")
        await hands.press(named(here, "Check before sending"))
        await hands.press(named(here, "Send FLASH to CHINA"))
        await expect(here.locator("h1")).to_contain_text("Recorded: record")
    takeover = there.locator("dialog.flash[open]")
    await expect(takeover).to_contain_text("Our frigate and a trawler touched.")
    await expect(takeover.locator("[data-keys]")).to_have_text("Shortcuts work now.")
    await pictures.take(there, "tour-takeover")
    with hands.task("acknowledge a flash"):
        await hands.key(there, "a")
        await expect(takeover).to_have_count(0)
    await here.get_by_role("link", name="Open the exchange").click()
    await expect(here.locator("main")).to_contain_text("Acknowledged")
    exchange = here.url.partition("?")[0]
    number = await here.locator(".num").first.inner_text()

    await there.goto(exchange)
    with hands.task("give one's own account"):
        await hands.press(named(there, "Give your own account", "link"))
        await hands.press(there.get_by_label("collision", exact=True))
        await hands.fill(there.locator("#f-time"), "0309")
        await hands.fill(there.locator("#f-place"), "15-12N 116-31E")
        await hands.fill(
            there.locator("textarea[name^='f.facts']").first, "The frigate turned into our trawler."
        )
        await hands.press(named(there, "Check before sending"))
        await hands.press(named(there, "Send to NATO"))
        await expect(there.locator("h1")).to_contain_text("Recorded: record")
    # the account of an incident at sea rings as the report did
    takeover = here.locator("dialog.flash[open]")
    await expect(takeover).to_contain_text("The frigate turned into our trawler.")
    await expect(takeover.locator("[data-keys]")).to_have_text("Shortcuts work now.")
    await here.keyboard.press("a")
    await expect(takeover).to_have_count(0)
    for reader in (here, there):
        await reader.goto(exchange)
        for text in ("No injuries on our side.", "The frigate turned into our trawler."):
            await expect(reader.locator("main")).to_contain_text(text)
    await pictures.take(here, "tour-accounts", at="#accounts")

    with hands.task("read the range and bearing of two accounts"):
        await hands.press(here.locator("details.menu summary").first)
        await hands.press(named(here, "^Chart$", "link"))
        await expect(here.locator("tr[data-place]").first).to_contain_text(
            "7 nm · 13 km, 044° true"
        )
        await expect(here.locator("svg.sea")).to_contain_text("7 nm · 13 km, 044° true from NATO")
    await pictures.take(here, "tour-chart", at="svg.sea")

    await here.goto(f"{demo.base_url}/c/{CALM}")
    with hands.task("go to an act of an exchange by its number"):
        await hands.key(here, "Control+k")
        await hands.fill(here.locator("#palette-q"), f"update {number.split('/')[-3]}")
        option = here.locator("#palette [role=option]", has_text="Update").first
        await expect(option).to_be_visible()
        await pictures.take(here, "tour-palette")
        await hands.key(here, "Enter")
        await here.wait_for_url("**/acts/update**")

    await there.goto(f"{demo.base_url}/c/{CALM}/watch/turn-over")
    await pictures.take(there, "tour-turn-over")
    with hands.task("take the watch point by point"):
        for point in await there.locator("[data-point]").all():
            await hands.press(point.get_by_label("Taken over", exact=True))
        await hands.press(named(there, "Take the watch with these answers"))
        await expect(there.locator("#saying")).to_have_text("You have the watch.")

    with hands.task("write in two languages"):
        await hands.key(here, "c")
        await here.wait_for_url("**/compose")
        await hands.press(named(here, "^Contact note", "link"))
        await hands.press(here.locator("[name='f.form'][value=conversation]"))
        await hands.fill(here.locator("[name='f.text.en']"), "We shall send the ship's report.")
        await hands.fill(here.locator("[name='f.text.zh']"), "我方将提交船舶报告。")
        await hands.press(named(here, "Show the preview"))
        await expect(here.locator(".preview")).to_contain_text("我方将提交船舶报告。")
        await pictures.take(here, "tour-languages", at="[name='f.text.en']")
        await hands.press(named(here, "Check before sending"))
        await hands.press(named(here, "Send to CHINA"))
        await expect(here.locator("h1")).to_contain_text("Recorded: record")

    await here.goto(exchange)
    with hands.task("say who knew what at a minute"):
        await hands.press(named(here, "who knew what when", "link"))
        await expect(here.locator("[data-known]").first).to_contain_text("a person acknowledged it")
    await pictures.take(here, "tour-lanes")

    await here.goto(exchange)
    with hands.task("verify a record"):
        await hands.press(here.locator("a[href*='/records/']").first)
        await expect(here.locator("[data-proved]")).to_contain_text("Valid")
    await pictures.take(here, "tour-proof", at="#proved")

    await here.goto(exchange)
    with hands.task("save an exchange as evidence"):
        async with here.expect_download() as download:
            await hands.press(named(here, "evidence file", "link"))
        await (await download.value).save_as(path := tmp_path / "evidence.html")
    known = (await Caller(session, demo, "nato/officer").get(f"/v1/channels/{CALM}")).json
    await here.goto(path.as_uri())
    await here.locator("#cid").fill(known["cid"])
    await here.locator("#log").fill(known["log"])
    await here.locator("#noted button").click()
    await expect(here.locator("[data-place='outcome']")).to_contain_text("in the log of your")
    await pictures.take(here, "tour-evidence")

    for name, (count, seconds) in hands.taken.items():
        print(f"{name:45} {count:3} {seconds:6.1f} s")  # for the table of the tasks  # noqa: T201
        assert count <= MOST[name], (name, count)
    assert hands.taken.keys() == MOST.keys()
    shown = {*re.findall(r"\]\(pictures/(tour-[a-z-]+\.webp)\)", DOCUMENT.read_text())}
    assert shown == pictures.names, "the document has the pictures that the tour takes"
