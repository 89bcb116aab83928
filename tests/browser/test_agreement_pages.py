"""Undertakings, mechanisms and transmittals, as officers of both sides use their pages."""

import json
import re
from collections.abc import Callable
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
Named = Callable[[str], Any]


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


async def sent(page: Page) -> None:
    """Check what was typed, and send it."""
    await page.get_by_role("button", name="Check before sending").click()
    await expect(
        page.get_by_role("heading", name="Check before sending").or_(page.locator(".fault"))
    ).to_be_visible()
    assert await page.locator(".fault").all_inner_texts() == []
    await page.locator("button[name='do'][value='send']").click()
    await page.wait_for_url(re.compile(r"/(recorded|exchanges)/?"))


async def test_an_undertaking_goes_from_a_meeting_to_a_confirmation_through_both_sides_pages(
    visit: Visiting, talks: Talks
) -> None:
    channel = "promises"
    await talks.open(channel, ("north", "south"))
    window = {"from": "2092-02-01T08:00:00Z", "to": "2092-02-01T10:00:00Z"}
    request = {"act": "meeting-request", "purpose": "Safety at sea", "windows": [window]}
    met = await talks.opens("north/officer", channel, request)
    north = await reading(visit, talks, "north/officer", channel)
    page = await goes(north, f"/c/{channel}/meetings/{met['exchange']}")
    await page.get_by_role("link", name="Record an undertaking from it").click()
    assert await page.locator("[name='f.of']").input_value() == met["number"]
    await page.locator("[name='f.by'][value='south']").check()
    await page.locator("textarea[name='f.what.en']").fill("Send the list of numbers.")
    await page.locator("[name='f.by_when']").fill("2091-12-01")
    await sent(page)
    south = await reading(visit, talks, "south/officer", channel)
    page = await goes(south, f"/c/{channel}/undertakings")
    row = page.locator("tr[data-undertaking]")
    await expect(row).to_contain_text("said by NORTH, not confirmed")
    await row.get_by_role("link", name=re.compile("^Agree")).click()
    await sent(page)
    colleague = await reading(visit, talks, "south/duty_officer", channel)
    page = await goes(colleague, f"/c/{channel}/undertakings")
    await expect(page.locator("tr[data-undertaking]")).to_contain_text("agreed by one officer")
    await page.locator("a[href*='/acts/second-key']").click()
    await page.get_by_role("button", name="Check before sending").click()
    await page.locator("button[name='do'][value='send']").click()
    await page.wait_for_url(re.compile(r"/(recorded|exchanges)/?"))
    page = await goes(south, f"/c/{channel}/undertakings")
    await expect(page.locator("tbody[data-standing='due'] tr[data-undertaking]")).to_have_count(1)
    await page.locator("a[href*='/acts/fulfilment']").click()
    await page.locator("[name='f.at']").fill("2026-11-20 12:00Z")
    await sent(page)
    page = await goes(north, f"/c/{channel}/undertakings")
    buttons = page.locator("tbody[data-standing='done'] a.button")
    await expect(buttons).to_have_count(2)
    await page.locator("a[href*='/acts/fulfilment-confirmation']").click()
    await sent(page)
    for reader in (north, south):
        page = await goes(reader, f"/c/{channel}/undertakings")
        await expect(page.locator("tbody[data-standing='confirmed'] tr")).to_have_count(2)
        await expect(page.locator("tr[data-undertaking] a.button")).to_have_count(0)
        assert reader.complaints == []


async def test_a_bundle_fills_in_the_form_and_the_readers_browser_verifies_it(
    visit: Visiting, talks: Talks
) -> None:
    track2, official = "scholars-talk", "capitals-talk"
    await talks.open(track2, GROUPS, kind="track2")
    await talks.open(official, ("north", "south"))
    made = []
    for text in TEXTS:
        body = {"act": "recommendation", "addressees": ["north"], "area": "general", "text": text}
        made.append(await talks.opens("group-x/officer", track2, body))
    bundle = await talks.bundle(GROUPS, track2, "Spring talks", made)
    north = await reading(visit, talks, "north/officer", official)
    page = await goes(north, f"/c/{official}/compose/transmittal")
    await page.locator("[name='f.group']").fill("The spring talks")
    await page.locator("#upload").set_input_files(
        {"name": "notes.json", "mimeType": "application/json", "buffer": b'{"notes": []}'}
    )
    await page.get_by_role("button", name="Read the recommendations").click()
    await expect(page.locator(".fault")).to_contain_text("Nothing could be read from this file")
    await page.locator("#upload").set_input_files(
        {"name": "talks.json", "mimeType": "application/json", "buffer": bundle.body}
    )
    await page.get_by_role("button", name="Read the recommendations").click()
    shown = [
        await page.locator(f"textarea[name='f.recommendations.{at}.text.en']").input_value()
        for at in range(len(TEXTS))
    ]
    assert tuple(shown) == TEXTS
    assert await page.locator("[name='f.source.cid']").input_value() == bundle.json["cid"]
    assert await page.locator("[name='f.group']").input_value() == "The spring talks"
    await sent(page)
    rows = (await talks.who("south/officer").get(f"/v1/channels/{official}/exchanges")).json
    (id,) = (each["id"] for each in rows["exchanges"] if each["act"] == "transmittal")
    south = await reading(visit, talks, "south/officer", official)
    page = await goes(south, f"/c/{official}/exchanges/{id}")
    await expect(page.locator("#bundle-proof")).to_have_attribute("data-state", "normal")
    await page.locator("a[href*='recommendation-answer?q=2']").click()
    assert await page.locator("[name='f.q'][value='2']").is_checked()
    await page.locator("[name='f.answer'][value='noted']").check()
    await sent(page)
    page = await goes(south, f"/c/{official}/exchanges/{id}")
    await expect(page.locator("tr[data-q='2'] td[data-of='SOUTH']")).to_contain_text("noted")
    await expect(page.locator("tr[data-q='1'] td[data-of='SOUTH']")).to_contain_text(
        "no answer yet"
    )
    assert south.complaints == north.complaints == []


async def test_a_file_that_another_host_gives_out_is_not_verified_by_the_browser(
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
    lie = json.dumps(bundle.json).replace("telephone", "secret")

    async def instead(route: Any) -> None:
        await route.fulfill(status=200, body=lie, content_type="application/json")

    await south.page.route(f"**/files/{file['sha256']}", instead)
    page = await goes(south, f"/c/{official}/exchanges/{id}")
    await expect(page.locator("#bundle-proof")).to_have_attribute("data-state", "critical")
