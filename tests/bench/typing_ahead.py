"""Keys in the palette: each from the press to the frame that shows the goals of the text, in a
headless browser, one after another.

    typing_ahead.py --queries 60 BASE_URL CHANNEL TOKEN_FILE

Prints one JSON object with the milliseconds of each kind of query. A query is typed letter by
letter, and only its last letter is measured: it is pressed once the goals of the letters before are
shown. The page itself measures, from the event of the key until the frame with the goals is painted.
"""

import argparse
import asyncio
import json
import random
import sys
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Page, async_playwright

_CHROMIUM: Final = "/usr/bin/chromium"
_SEED: Final = 7
_WORDS: Final = (
    *("patrol aircraft", "survey vessel", "frigate", "helicopter", "coastguard", "unmanned"),
    *("supply ship", "fishing fleet", "tanker", "destroyer", "frequency", "damage", "distance"),
    *("procedure", "recordings", "双方", "离开", "eleven minutes", "hurt", "vessel followed"),
)
_PAGES: Final = (
    *("inbox", "meetings", "réunions", "看板", "statistics", "audit", "log", "people", "roster"),
    *("sessions", "contact note", "report an incident", "danger area", "officers", "help"),
)
_PEOPLE: Final = ("d-1", "o-1", "h-1", "nato d-1", "duty", "head of office", "liaison", "auditor")
_ACTS: Final = ("close", "reply", "correct", "accept", "关闭", "clore", "acknowledge", "call")

_WATCHER: Final = """() => {
    const palette = document.getElementById("palette");
    window.pressed = null;
    window.shown = [];
    addEventListener("keydown", (event) => { if (event.key.length === 1) window.pressed = performance.now(); }, true);
    new MutationObserver(() => {
        const begun = window.pressed;
        requestAnimationFrame(() => setTimeout(() => {
            window.shown.push([palette.dataset.shown, performance.now() - begun]);
        }));
    }).observe(palette, { attributes: true, attributeFilter: ["data-shown"] });
}"""


def _queries(count: int, numbers: list[str]) -> dict[str, list[str]]:
    lots = random.Random(_SEED)

    def drawn(texts: tuple[str, ...]) -> list[str]:
        cut = [text[: lots.randint(min(2, len(text)), len(text))].rstrip() for text in texts]
        return [lots.choice((*texts, *cut)) for _ in range(count)]

    serials = [number.split("/")[3] for number in numbers]
    return {
        "number": [
            lots.choice((serial, serial.lstrip("0"), "/".join(number.split("/")[2:5])))
            for serial, number in (
                lots.choice(list(zip(serials, numbers, strict=True))) for _ in range(count)
            )
        ],
        "words": drawn(_WORDS),
        "person": drawn(_PEOPLE),
        "page": drawn(_PAGES),
        "act": [f"{lots.choice(_ACTS)} {lots.choice(serials)}" for _ in range(count)],
        "act alone": [lots.choice(_ACTS) for _ in range(count)],
    }


async def _typed(page: Page, text: str) -> tuple[float, int]:
    """Milliseconds from the last letter of a text to its goals, and how many these are."""
    field = page.locator("#palette-q")
    await field.fill(text[:-1])
    await page.wait_for_function(
        "text => document.getElementById('palette').dataset.shown === text", arg=text[:-1].strip()
    )
    await page.evaluate("window.shown = []")
    if text[-1].isascii():
        await page.keyboard.press(text[-1])
    else:
        await page.evaluate("window.pressed = performance.now()")
        await page.keyboard.insert_text(text[-1])
    await page.wait_for_function(
        "text => window.shown.some(([shown]) => shown === text)", arg=text, polling=5
    )
    shown = await page.evaluate("window.shown.at(-1)[1]")
    goals = page.locator("#palette [data-group]:not([data-group=search]) [role=option]")
    return round(float(shown), 2), await goals.count()


async def _measured(given: argparse.Namespace) -> dict[str, Any]:
    token = Path(given.reader).read_text().strip()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=_CHROMIUM, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        page = await browser.new_page()
        await page.goto(f"{given.url}/sign-in?next=/c/{given.channel}/people")
        await page.locator("#token").fill(token)
        await page.locator("form[action='/sign-in'] button").click()
        await page.locator("#cell-page", has_text="Page live").wait_for()
        listed = await page.evaluate(
            "async (path) => (await fetch(path)).json()", f"/c/{given.channel}/inbox.json?waits=all"
        )
        await page.keyboard.press("Control+k")
        await page.locator("#palette [role=option]").first.wait_for()
        await page.evaluate(_WATCHER)
        numbers = [row["number"] for row in listed["exchanges"] if row["number"]]
        milliseconds: dict[str, list[float]] = {}
        empty = []
        for kind, texts in _queries(given.queries, numbers).items():
            answers = [await _typed(page, text) for text in texts]
            milliseconds[kind] = [time for time, _ in answers]
            if not any(goals for _, goals in answers):
                empty.append(kind)
        await browser.close()
    return {"milliseconds": milliseconds, "empty": empty, "exchanges": listed["in_all"]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--queries", type=int, required=True)
    for name in ("url", "channel", "reader"):
        parser.add_argument(name)
    sys.stdout.write(json.dumps(asyncio.run(_measured(parser.parse_args()))))
