"""Accepting a meeting: the offered times as choices, none of them chosen where there are several,
and a check page that says what is agreed to.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from playwright.async_api import expect

from browsing import Visiting
from service import Caller, Gateway

pytestmark = pytest.mark.browser

CALM = "nato-china"


async def asked(nato: Caller, windows: int) -> tuple[str, Any]:
    """NATO asks for a meeting with so many windows; return the exchange and its windows."""
    begins = [
        datetime.now(UTC).replace(hour=8, minute=10 * each) + timedelta(days=60 + each)
        for each in range(windows)
    ]
    offered = [
        {"from": f"{each:%Y-%m-%dT%H:%MZ}", "to": f"{each + timedelta(hours=2):%Y-%m-%dT%H:%MZ}"}
        for each in begins
    ]
    body = {"act": "meeting-request", "purpose": "Talks on safe conduct at sea", "windows": offered}
    answer = await nato.open(body, CALM)
    return str(answer.json["exchange"]), offered


@pytest.mark.parametrize("scripts", [True, False])
async def test_an_officer_chooses_among_the_offered_times_and_reads_what_is_agreed(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession, *, scripts: bool
) -> None:
    exchange, windows = await asked(Caller(session, demo, "nato/officer"), 2)
    china = await visit(java_script_enabled=scripts)
    page = china.page
    await china.sign_in("china/officer", CALM)
    await page.goto(f"{demo.base_url}/c/{CALM}/meetings/{exchange}")
    for name in ("Accept", "Propose other times", "Decline"):
        await expect(page.get_by_role("link", name=name, exact=True)).to_be_visible()
    await page.get_by_role("link", name="Accept", exact=True).click()
    offered = page.locator("[name='f.window']")
    assert await offered.count() == len(windows)
    assert not any([await each.is_checked() for each in await offered.all()])
    for each, window in zip(
        await page.locator("label:has([name='f.window'])").all(), windows, strict=True
    ):
        shown = await each.inner_text()
        assert (
            window["from"][11:16] in shown
            and "Brussels" in shown
            and "Beijing" in shown
            and "Shanghai" not in shown
        ), shown
    await page.get_by_role("button", name="Check before sending").click()
    fault = page.locator(".fault a")
    await expect(fault).to_have_text(
        "Time that you accept: Choose one of the times that are offered."
    )
    await fault.click()
    await page.locator("label:has([name='f.window'])").nth(1).click()
    await page.get_by_role("button", name="Check before sending").click()
    await expect(page.locator(".verdict").first).to_contain_text("You agree to:")
    await expect(page.locator(".verdict").first).to_contain_text(windows[1]["from"][11:16])
    await page.locator("[name=do][value=send]").click()
    await expect(page.locator("h1")).to_contain_text("Recorded")
    view = (
        await Caller(session, demo, "nato/officer").get(f"/v1/channels/{CALM}/exchanges/{exchange}")
    ).json
    assert (view["state"]["status"], view["state"]["meeting"]["accepted"]["china"]["window"]) == (
        "accepted",
        1,
    )
    await page.goto(f"{demo.base_url}/c/{CALM}/exchanges/{exchange}")
    await expect(page.locator(".steps")).to_contain_text("Time accepted")
    labels = await page.locator("article.sheet dl.cells").first.locator("dt").all_inner_texts()
    assert labels.index("Time agreed") < labels.index("Possible times"), (
        "what holds stands before what was possible once"
    )
    held = page.get_by_role("link", name="Record that it was held", exact=True)
    await expect(held).to_be_hidden()  # it lies ahead: nobody presses it in passing
    await page.get_by_text("More acts").click()
    await expect(held).to_be_visible()
    await held.click()
    await page.locator("[name='f.from']").fill("2020-01-01 08:00")
    await page.locator("[name='f.to']").fill("2020-01-01 09:00")
    await page.get_by_role("button", name="Check before sending").click()
    await expect(page.locator("[data-warning]")).to_contain_text(
        "This is before the request for the meeting"
    )


async def test_an_acceptance_names_one_of_several_times_or_is_refused_before_it_is_recorded(
    demo: Gateway, session: aiohttp.ClientSession
) -> None:
    nato, china = Caller(session, demo, "nato/officer"), Caller(session, demo, "china/officer")
    for windows, status in ((2, 422), (1, 201)):
        exchange, _ = await asked(nato, windows)
        where = f"/v1/channels/{CALM}/exchanges/{exchange}"
        etag = (await china.get(where)).headers["ETag"]
        answer = await china.act(exchange, {"act": "acceptance"}, CALM, If_Match=etag)
        assert answer.status == status, answer.body
        if status == 422:
            (error,) = answer.json["errors"]
            assert (error["pointer"], error["detail"]) == (
                "/window",
                "2 times are offered; say which one you accept, counted from 0",
            )
            assert (await china.get(where)).headers["ETag"] == etag, "nothing was recorded"
            assert (
                await china.act(exchange, {"act": "acceptance", "window": 1}, CALM, If_Match=etag)
            ).status == 201
