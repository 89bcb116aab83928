"""Takeovers: each from the first byte of a flash to the dialog over the other side's open page, in
a headless browser, one after another.

    takeover.py --flashes 60 --pause 0.4 BASE_URL CHANNEL TOKEN_FILE READER_TOKEN_FILE

Prints one JSON object with the milliseconds. The browser and the poster are on one machine, and so
on one clock. Each flash is acknowledged by the API before the next.
"""

import argparse
import asyncio
import json
import sys
import time
import uuid
from pathlib import Path
from typing import Any, Final

import aiohttp
from playwright.async_api import async_playwright

_CHROMIUM: Final = "/usr/bin/chromium"
_PATIENCE_MS: Final = 120_000
_FLASH: Final = {
    "act": "hazardous-incident",
    "precedence": "flash",
    "kind": "near_miss",
    "time": "2026-01-01T00:00:00Z",
    "place": "at sea",
    "facts": "Near.",
}
_WATCHER: Final = """() => {
    window.opened = {};
    const look = () => {
        const dialog = document.querySelector("dialog[open][data-key]");
        if (dialog && !(dialog.dataset.key in window.opened)) window.opened[dialog.dataset.key] = Date.now();
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ["open"] });
}"""


async def _measured(given: argparse.Namespace) -> list[float]:
    poster, reader = (Path(path).read_text().strip() for path in (given.poster, given.reader))
    api = f"{given.url}/v1/channels/{given.channel}"
    async with async_playwright() as playwright, aiohttp.ClientSession() as session:
        browser = await playwright.chromium.launch(
            executable_path=_CHROMIUM, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        page = await browser.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        await page.goto(f"{given.browser_url or given.url}/sign-in?next=/c/{given.channel}/people")
        await page.locator("#token").fill(reader)
        await page.locator("form[action='/sign-in'] button").click()
        await page.locator("#cell-page[title^='Page live']").wait_for(state="attached")
        await page.evaluate(_WATCHER)
        await asyncio.sleep(given.pause)
        found = [
            await _flash(session, page, api, poster, reader, given.pause)
            for _ in range(given.flashes)
        ]
        await browser.close()
    return found


async def _flash(
    session: aiohttp.ClientSession, page: Any, api: str, poster: str, reader: str, pause: float
) -> float:
    key = uuid.uuid4().hex
    begun = time.time() * 1000
    answer = await _post(session, f"{api}/notifications", _FLASH, poster, key)
    await page.wait_for_function("key => key in window.opened", arg=answer["id"], polling=20)
    opened = await page.evaluate("key => window.opened[key]", answer["id"])
    await _post(
        session,
        f"{api}/exchanges/{answer['exchange']}/acts",
        {"act": "acknowledgement"},
        reader,
        f"{key}-receipt",
    )
    await page.locator(f"dialog[data-key='{answer['id']}']").wait_for(state="detached")
    await asyncio.sleep(pause)
    return round(float(opened) - begun, 2)


async def _post(
    session: aiohttp.ClientSession, url: str, act: dict[str, Any], token: str, key: str
) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    async with session.post(url, json=act, headers=headers) as response:
        if response.status != 201:
            raise SystemExit(await response.text())
        answer: dict[str, Any] = await response.json()
    return answer


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--flashes", type=int, required=True)
    parser.add_argument("--pause", type=float, default=0.2)
    parser.add_argument("--browser-url", help="the service's URL for the browser, if another")
    for name in ("url", "channel", "poster", "reader"):
        parser.add_argument(name)
    sys.stdout.write(json.dumps({"milliseconds": asyncio.run(_measured(parser.parse_args()))}))
