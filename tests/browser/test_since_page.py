"""The page of what changed since one's last watch, for an officer who comes back."""

import aiohttp
import pytest
from playwright.async_api import expect

from browsing import EXERCISE, Visiting, acknowledge_all
from service import INCIDENT, Caller, Gateway

pytestmark = pytest.mark.browser

NOTE = {"act": "contact-note", "form": "conversation", "text": "Met.", "subject": "Reception"}


async def test_an_officer_who_comes_back_sees_what_was_done_and_nothing_older(
    visit: Visiting, session: aiohttp.ClientSession, demo: Gateway
) -> None:
    await acknowledge_all(session, demo, "china", EXERCISE)
    nato, china = (Caller(session, demo, f"{side}/duty_officer") for side in ("nato", "china"))
    officer = await visit()
    page = officer.page
    matters, since = page.locator("[data-matter]"), f"{demo.base_url}/c/{EXERCISE}/since"
    await officer.sign_in("china/duty_officer")
    await page.goto(since)
    await expect(page.locator(".lead")).to_contain_text("You have had no watch here that ended.")
    old = (await nato.open(NOTE, EXERCISE)).json
    going_on = (await nato.open(INCIDENT, EXERCISE)).json
    for act in ("watch-assumption", "watch-relief"):
        await china.post(f"/v1/channels/{EXERCISE}/channel", {"act": act})
    await page.goto(since)
    assert await officer.headline() == "What changed since my last watch"
    await expect(matters).to_have_count(0)
    receipt = {"act": "acknowledgement", "remarks": "No message, so without its words."}
    await china.act(going_on["exchange"], receipt, EXERCISE)
    facts = {
        "en": "Two aircraft passed close over the northern part of the shoal; one of them turned back at once.",
        "zh": "两架飞机在礁盘北部上空近距离相遇。其中一架随即返航。另一架继续向东飞行。未见人员伤亡。也未见船只受损。详情待查。",
    }
    new = (await nato.open({**INCIDENT, "facts": facts}, EXERCISE)).json
    fixed = {"act": "correction", "fields": {"facts": "It was another."}, "reason": "Read again."}
    etag = (await nato.get(f"/v1/channels/{EXERCISE}/exchanges/{new['exchange']}")).headers["ETag"]
    assert (await nato.act(new["exchange"], fixed, EXERCISE, If_Match=etag)).status == 201
    last = (await china.post(f"/v1/channels/{EXERCISE}/channel", {"act": "watch-assumption"})).json
    # a new watch has not ended: the page still begins with the end of the last one
    await page.goto(f"{demo.base_url}/c/{EXERCISE}")
    await page.get_by_role("link", name="since my last watch").click()
    await expect(matters).to_have_count(2)
    await expect(matters.first).to_have_attribute("data-matter", new["exchange"])
    await expect(matters.first).to_contain_text("Opened since.")
    await expect(matters.first).to_contain_text("It waits for your side.")
    words = matters.first.locator("li .first-words")
    await expect(words).to_have_text(
        [
            "Two aircraft passed close over the northern part of the shoal; one …",
            "两架飞机在礁盘北部上空近距离相遇。其中一架随即返航。另一架继续向东飞行。 …",
            "Read again.",
        ]
    )
    assert [await each.get_attribute("lang") for each in await words.all()] == ["en", "zh", None]
    await expect(matters.last).to_have_attribute("data-matter", going_on["exchange"])
    await expect(matters.last).to_contain_text("Acknowledgement of receipt")
    await expect(matters.last.locator("li")).to_have_count(1)
    await expect(matters.last.locator(".first-words")).to_have_count(0)
    await expect(page.locator("[data-matter] a", has_text=old["number"])).to_have_count(0)
    # two moments compared: since a record, up to an earlier one than now
    await page.goto(f"{since}?at={new['position'] - 1}")
    await page.locator("#from").fill(str(old["position"]))
    await page.get_by_role("button", name="Show what changed").click()
    await expect(page.locator("#main .lead")).to_contain_text(f"record {new['position'] - 1}.")
    await expect(matters).to_have_count(1)
    await expect(matters).not_to_contain_text("Now:")
    await page.get_by_role("link", name="Member by member").click()
    assert f"from {old['position']} to {new['position'] - 1}" in await officer.headline()
    await page.goto(f"{since}?from=soon")
    await expect(page.locator("#from-fault")).to_contain_text("Write it like 03:12Z")
    await expect(matters).to_have_count(2)
    assert last["position"] > new["position"]
    await china.post(f"/v1/channels/{EXERCISE}/channel", {"act": "watch-relief"})
