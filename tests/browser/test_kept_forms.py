"""A form survives the end of the session: it comes back filled to the officer who sent it, after
signing in again, and to nobody else.
"""

import asyncio
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from playwright.async_api import Page, expect

from browsing import Visit, Visiting
from patience import PATIENCE_S
from service import Caller, Gateway

pytestmark = [pytest.mark.browser, pytest.mark.fresh_context]

CALM = "nato-china"
NOTE = f"/c/{CALM}/compose/contact-note"
TEXT = "Met the counterpart.\n\nHe proposes talks, 谢谢."
ENDS = timedelta(seconds=12)


async def token_that_ends(session: aiohttp.ClientSession, demo: Gateway) -> str:
    """A token of nato/o-1 whose session is soon over."""
    body = {
        "actor": "nato/o-1",
        "channels": [CALM],
        "expires": (datetime.now(UTC) + ENDS).isoformat(),
    }
    answer = await Caller(session, demo, "operator").post("/v1/tokens", body)
    return str(answer.json["token"])


async def sign_in(page: Page, token: str) -> None:
    await page.locator("#token").fill(token)
    await page.locator("form[action='/sign-in'] button.first").click()


async def written_too_late(guest: Visit, token: str) -> Page:
    """A note that is sent after the session has ended."""
    page, base = guest.page, guest.service.base_url
    await page.goto(f"{base}/sign-in?next={NOTE}")
    await sign_in(page, token)
    await page.locator("#f-form input").first.check()
    await page.locator("textarea[name^='f.text']").first.fill(TEXT)
    async with asyncio.timeout(PATIENCE_S):
        while (
            await page.request.get(f"{base}/c/{CALM}/inbox?waits=all", max_redirects=0)
        ).status == 200:
            await asyncio.sleep(0.5)
    await page.get_by_role("button", name="Check before sending").click()
    await expect(page.locator("[data-kept]")).to_be_visible()
    return page


async def test_a_form_comes_back_filled_to_the_officer_who_sent_it_and_to_nobody_else(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    guest = await visit(java_script_enabled=False)
    page = await written_too_late(guest, await token_that_ends(session, demo))
    assert page.url.endswith(f"/sign-in?next={NOTE}")
    assert TEXT.splitlines()[0] not in await page.content()

    await sign_in(page, demo.token("nato/head_of_office"))  # a colleague, at the same browser
    await expect(page.locator("textarea[name^='f.text']").first).to_have_value("")
    await page.goto(f"{demo.base_url}/kept")
    await expect(page.locator("h1")).to_have_text("No form is kept")

    await page.goto(f"{demo.base_url}/sign-in?next={NOTE}")
    await sign_in(page, demo.token("nato/officer"))
    boxes = page.locator("textarea[name='f.text.en']")
    assert [await box.input_value() for box in await boxes.all()] == TEXT.split("\n\n")
    await expect(page.locator("#f-form input").first).to_be_checked()
    await page.get_by_role("button", name="Check before sending").click()
    await page.locator("button[value=send]").click()
    await expect(page.locator("h1")).to_contain_text("Recorded: record")
    await page.goto(demo.base_url + NOTE)
    await expect(page.locator("textarea[name^='f.text']").first).to_have_value("")  # it was sent


async def test_any_other_form_is_shown_again_and_signing_out_forgets_it(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    guest = await visit(java_script_enabled=False)
    page = await written_too_late(guest, await token_that_ends(session, demo))
    await sign_in(page, demo.token("nato/officer"))
    await page.locator(".menu > summary").click()
    await page.get_by_role("button", name="Sign out").click()
    await page.goto(f"{demo.base_url}/sign-in?next={NOTE}")
    await expect(page.locator("[data-kept]")).to_have_count(0)
    await sign_in(page, demo.token("nato/officer"))
    await expect(page.locator("textarea[name^='f.text']").first).to_have_value("")


async def test_nothing_of_a_stranger_is_kept(session: aiohttp.ClientSession, demo: Gateway) -> None:
    headers = {
        "Accept": "text/html",
        "Origin": demo.base_url,
        "Cookie": "__Host-dragoman=drg_nobody",
    }
    for path in (NOTE, f"/c/{CALM}/people/tested"):
        async with session.post(
            demo.base_url + path,
            data={"f.text.en": "x" * 1000},
            headers=headers,
            allow_redirects=False,
        ) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/sign-in?next=/")
            assert "Set-Cookie" not in answer.headers


async def test_who_enters_somebody_from_a_form_finds_the_form_again_with_that_person_chosen(
    visit: Visiting, demo: Gateway
) -> None:
    nato = await visit(java_script_enabled=False)
    await nato.sign_in("nato/officer", CALM)
    page, form = nato.page, f"{demo.base_url}/c/{CALM}/compose/point-of-contact"
    await page.goto(form)
    await page.locator("#f-role").fill("political adviser")
    await page.locator("button[name=enter][value='f.person']").click()
    await page.locator("input[name=name]").fill("Anna Berg")
    await page.locator("main button.first").click()
    assert page.url.startswith(form)
    await expect(page.locator("#f-role")).to_have_value("political adviser")
    await expect(
        page.locator("label", has=page.locator("[name='f.person']:checked"))
    ).to_contain_text("Anna Berg")
    await page.goto(f"{demo.base_url}/c/{CALM}")
    await expect(page.get_by_text("draft to release")).to_have_count(0)

    await page.goto(
        form
    )  # whoever went elsewhere finds it as well, and once it is a draft, an empty one
    await expect(page.locator("#f-role")).to_have_value("political adviser")
    await page.get_by_role("button", name="Keep as draft").click()
    await page.goto(f"{demo.base_url}/c/{CALM}")
    await expect(page.get_by_text("draft to release")).to_have_count(0)  # it was handed to nobody
    await page.goto(form)
    await expect(page.locator("#f-role")).to_have_value("")
