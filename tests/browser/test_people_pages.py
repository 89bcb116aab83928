"""The people of an incident, and the request to see them.

Both sides' words are on one page, and the forms ask for the least that they need.
"""

from typing import Any

import aiohttp
import pytest
from playwright.async_api import expect

from browsing import Visit, Visiting
from service import INCIDENT, Caller, Gateway

pytestmark = pytest.mark.browser

CHANNEL = "nato-china"


async def report(session: aiohttp.ClientSession, service: Gateway) -> str:
    """Report an incident; the id of its exchange."""
    nato = Caller(session, service, "nato/duty_officer")
    sent: Any = (await nato.open({**INCIDENT, "precedence": "priority"}, CHANNEL)).json
    return str(sent["exchange"])


async def send(officer: Visit) -> None:
    """Send what the check page shows."""
    await officer.page.locator("button[name=do][value=send]").click()
    await officer.page.wait_for_url("**/recorded/**")


async def check_and_send(officer: Visit) -> None:
    """Check a form, and send it."""
    await officer.page.locator("button[name=do][value=check]").click()
    await send(officer)


async def test_held_by_one_word_and_rescued_by_the_other_stand_beside_each_other(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    id = await report(session, demo)
    await Caller(session, demo, "china/duty_officer").post(
        f"/v1/channels/{CHANNEL}/exchanges/{id}/acts", {"act": "acknowledgement"}
    )  # a receipt stops no form
    nato, china = await visit(), await visit(java_script_enabled=False)
    for officer, who, kind in ((nato, "nato", "held"), (china, "china", "rescued")):
        await officer.enter(f"{who}/officer", f"/c/{CHANNEL}/exchanges/{id}")
        await officer.page.get_by_label("People who are").select_option(kind)
        await officer.page.get_by_label("Number", exact=True).fill("24")
        await officer.page.get_by_label("Of", exact=True).select_option("nato")
        await officer.page.get_by_role("button", name="Say who is where").click()
        await send(officer)
    await nato.page.goto(f"{demo.base_url}/c/{CHANNEL}/exchanges/{id}")
    panel = nato.page.locator("#people-panel")
    await expect(panel.locator("header")).to_contain_text("Waiting for 24 people.")
    await expect(panel.locator("tr.differs")).to_have_count(2)
    row = panel.locator("tr[data-people=held]")
    await expect(row.locator("td").nth(0)).to_have_text("not said")
    await expect(row.locator("td").nth(1)).to_contain_text("24, of NATO")
    await expect(row).to_contain_text("stated by NATO only; CHINA: rescued")
    await nato.page.get_by_role("link", name="Say it again").click()
    groups = nato.page.locator("#f-groups")
    await expect(groups.locator("[name='f.groups.0.number']")).to_have_value("24")
    await expect(groups.locator("[name='f.groups.0.of'][value=nato]")).to_be_checked()
    await groups.locator("[name='f.groups.1.kind'][value=missing]").check()
    await check_and_send(nato)
    await nato.page.goto(f"{demo.base_url}/c/{CHANNEL}/exchanges/{id}")
    await expect(panel.locator("header")).to_contain_text(
        "CHINA: waiting for 24 people; NATO: waiting for people, number not known."
    )
    await expect(row).to_contain_text("24, of NATO")
    assert nato.complaints == china.complaints == []


async def test_a_request_to_see_people_goes_from_the_panel_to_the_report(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    id = await report(session, demo)
    await Caller(session, demo, "nato/officer").post(
        f"/v1/channels/{CHANNEL}/exchanges/{id}/acts",
        {
            "act": "people-status",
            "as_of": "2026-11-24T04:00Z",
            "groups": [{"kind": "held", "number": 24, "of": "nato"}],
        },
    )
    nato, china = await visit(), await visit()
    await nato.sign_in("nato/officer", CHANNEL)
    await china.sign_in("china/officer", CHANNEL)
    await nato.page.goto(f"{demo.base_url}/c/{CHANNEL}/exchanges/{id}")
    await nato.page.get_by_role("link", name="Ask for access").click()
    await expect(nato.page.locator("[name='f.kind'][value=consular_access]")).to_be_checked()
    await nato.page.locator("#f-place").fill("Airfield on the island")
    await nato.page.locator("[name='f.purpose']").fill("See the crew")
    await nato.page.locator("#f-arrival").fill("in 3 h")
    await check_and_send(nato)
    await nato.page.get_by_role("link", name="Open the exchange").click()
    request = nato.page.url

    async def does(officer: Visit, button: str, status: str, texts: dict[str, str]) -> None:
        await officer.page.goto(request)
        window = officer.page.locator("section[aria-labelledby=window]")
        press = window.get_by_role("button", name=button)
        if await press.count():
            await press.click()
            await send(officer)
        else:
            await officer.page.locator(".acts").get_by_role("link", name=button).click()
            for name, text in texts.items():
                await officer.page.locator(f"[name^='{name}']").first.fill(text)
            await check_and_send(officer)
        await officer.page.goto(request)
        await expect(officer.page.locator("main .lead").first).to_contain_text(status)

    await does(china, "Decline", "refused", {})
    await does(china, "Grant it", "granted with conditions", {"f.conditions": "Two visitors."})
    await does(nato, "Record the arrival", "arrived", {})
    await does(china, "Record the departure", "left", {})
    await does(nato, "Report on the visit", "reported", {"f.text": "All 24 are well."})
    assert nato.complaints == china.complaints == []
