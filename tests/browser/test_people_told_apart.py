"""People of the register are told apart on every page on which an act names them: by side, post and
number, though they are called alike.
"""

import re

import aiohttp
import pytest
from playwright.async_api import Page, expect

from beside import enter, named
from browsing import Visiting
from service import Caller, Gateway

pytestmark = pytest.mark.browser

CHANNEL = "nato-china"
NATO = {"name": "Watch desk", "post": "Maritime desk", "telephones": ["+32 2 555 0134"]}
CHINA = {"name": "Watch desk", "post": "Liaison desk", "telephones": ["+86 10 5550 1190"]}
UNFOLD = "() => { for (const each of document.querySelectorAll('main details')) each.open = true; }"
NOBODY = re.compile("not in the register")


def contact(person: object) -> dict[str, object]:
    return {
        "act": "point-of-contact",
        "role": "Duty desk",
        "person": person,
        "institution": "Liaison office",
        "languages": ["en"],
        "hours": "24x7",
        "channels": ["telephone"],
        "valid_from": "2031-01-01T00:00:00Z",
    }


async def choose(page: Page, demo: Gateway, act: str) -> list[str]:
    """The people that the form of an act offers, as they are read."""
    await page.goto(f"{demo.base_url}/c/{CHANNEL}/compose/{act}")
    await page.evaluate(UNFOLD)
    offered = page.locator("label:has(input[value*=commitment])")
    return [
        text for text in await offered.all_inner_texts() if text.strip().startswith("Watch desk")
    ]


async def test_two_who_are_called_alike_are_told_apart_wherever_a_person_is_named(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    officer, head = Caller(session, demo, "nato/officer"), await visit(java_script_enabled=False)
    ours = await enter(officer, NATO)
    theirs = await enter(Caller(session, demo, "china/officer"), CHINA)
    writer = await visit()
    await writer.sign_in("nato/officer", CHANNEL)
    page = writer.page

    # a note may be of anybody, an own point of contact is of the own side
    offered = await choose(page, demo, "contact-note")
    assert [" ".join(each.split()) for each in offered] == [
        "Watch desk, NATO, Maritime desk, +32 2 555 0134",
        "Watch desk, CHINA, Liaison desk, +86 10 5550 1190",
    ]
    for act in ("point-of-contact", "meeting-request"):
        assert [each for each in await choose(page, demo, act) if "CHINA" in each] == []

    # the check page says who is meant
    await page.goto(f"{demo.base_url}/c/{CHANNEL}/compose/contact-note")
    await page.locator("#f-form input").first.check()
    await page.locator("textarea[name^='f.text']").first.fill("Spoke with both desks.")
    await page.evaluate(UNFOLD)
    for entry in (ours, theirs):
        await page.locator(f"label:has(input[value*='{entry['id']}'])").click()
    await page.get_by_role("button", name="Check before sending").click()
    await expect(page.locator(".sheet").first).to_contain_text(
        "Watch desk, NATO, Maritime desk, +32 2 555 0134"
    )
    await expect(page.locator(".sheet").first).to_contain_text(
        "Watch desk, CHINA, Liaison desk, +86 10 5550 1190"
    )
    await expect(page.get_by_text(NOBODY)).to_have_count(0)
    await expect(page.locator("[data-warning]")).to_have_count(0)

    # whoever writes down somebody of the other side is warned, and so is the head of office who
    # releases it
    kept = await officer.post(f"/v1/channels/{CHANNEL}/drafts", {"act": contact(named(theirs))})
    address = f"{demo.base_url}/c/{CHANNEL}/drafts/{kept.json['id']}"
    await head.sign_in("nato/head_of_office", CHANNEL)
    for reader in (page, head.page):
        await reader.goto(address)
        await expect(reader.locator(".sheet").first).to_contain_text(
            "Watch desk, CHINA, Liaison desk, +86 10 5550 1190"
        )
        await expect(reader.locator("[data-warning]")).to_contain_text(
            "Watch desk is of CHINA, and not of NATO"
        )
        await expect(reader.get_by_text(NOBODY)).to_have_count(0)
    await page.get_by_role("link", name="Change").click()
    await expect(
        page.locator(f"input[name='f.person'][value*='{theirs['id']}']")
    ).to_be_checked()  # no choice is lost unseen
    await page.get_by_role("button", name="Check before sending").click()
    await expect(page.locator("[data-warning]")).to_contain_text(
        "Watch desk is of CHINA, and not of NATO"
    )
    await page.get_by_role("button", name="Change", exact=True).click()
    await page.locator(f"label:has(input[name='f.person'][value*='{ours['id']}'])").click()
    await page.get_by_role("button", name="Check before sending").click()
    await expect(page.locator(".sheet").first).to_contain_text(
        "Watch desk, NATO, Maritime desk, +32 2 555 0134"
    )
    await expect(page.locator("[data-warning]")).to_have_count(0)


async def test_two_entries_that_read_alike_are_told_apart_by_the_rest(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    officer = Caller(session, demo, "nato/officer")
    for institution in ("Office Brussels", "Office Mons"):
        await enter(officer, {"name": "Night desk", "institution": institution})
    writer = await visit()
    await writer.enter("nato/officer", f"/c/{CHANNEL}/compose/point-of-contact")
    labels = await writer.page.locator(
        "label:has(input[name='f.person'])", has_text="Night desk"
    ).all_inner_texts()
    assert len(labels) == len({*labels}) == 2
    assert ["Brussels" in labels[0], "Mons" in labels[1]] == [True, True]
