"""Undertakings, mechanisms and transmittals, as officers of both sides use their pages."""

import json
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Page, expect

from browsing import Visit, Visiting
from service import Gateway
from talks import Talks

pytestmark = pytest.mark.browser

TEXTS = ("Open a telephone line.", "Publish the calendar together.")
GROUPS = ("group-x", "group-y")


@pytest.fixture
def talks(session: aiohttp.ClientSession, demo: Gateway) -> Talks:
    return Talks(session, demo)


async def reading(
    visit: Visiting, talks: Talks, name: str, channel: str, size: Any = None
) -> Visit:
    """Return a browser of somebody, at the board of a channel."""
    reader = await visit(talks, **({} if size is None else {"viewport": size}))
    await reader.sign_in(name, channel)
    return reader


async def goes(reader: Visit, path: str) -> Page:
    await reader.page.goto(reader.service.base_url + path)
    return reader.page


async def test_a_true_file_is_verified_by_the_browser_and_a_false_one_is_not(
    visit: Visiting, talks: Talks
) -> None:
    track2, official = "scholars-two", "capitals-two"
    await talks.open(track2, GROUPS, kind="track2")
    await talks.open(official, ("north", "south"))
    body = {"act": "recommendation", "addressees": ["north"], "area": "general", "text": TEXTS[0]}
    made = await talks.opens("group-x/officer", track2, body)
    bundle = await talks.bundle(GROUPS, track2, "Spring talks", [made])
    file = await talks.attached("north/officer", official, bundle.body, "talks.json")
    source = {name: bundle.json[name] for name in ("cid", "release", "terms")}
    act = {"act": "transmittal", "title": "Talks", "group": "A group", "bundle": file}
    act |= {"source": source, "recommendations": [{"text": TEXTS[0], "record": made["id"]}]}
    id = (await talks.opens("north/officer", official, act))["exchange"]
    south = await reading(visit, talks, "south/officer", official)
    page = await goes(south, f"/c/{official}/exchanges/{id}")
    await expect(page.locator("#bundle-proof")).to_have_attribute("data-state", "normal")
    lie = json.dumps(bundle.json).replace("telephone", "secret")

    async def instead(route: Any) -> None:
        await route.fulfill(status=200, body=lie, content_type="application/json")

    await south.page.route(f"**/files/{file['sha256']}", instead)
    page = await goes(south, f"/c/{official}/exchanges/{id}")
    await expect(page.locator("#bundle-proof")).to_have_attribute("data-state", "critical")
