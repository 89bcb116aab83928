"""Writing in a browser: the four-field incident, every format from its shapes, the check page,
drafts and their release, what happens to what was typed.
"""

import json
import re
from http import HTTPStatus

import aiohttp
import pytest
from playwright.async_api import Page, expect

from browsing import Visit, Visiting
from service import Caller, Gateway

pytestmark = pytest.mark.browser

UNPROCESSABLE = HTTPStatus(422).phrase
"""It has another name in Python 3.13."""

CALM = "nato-china"


async def incident(visit: Visit, **fields: str) -> None:
    """Fill the four fields."""
    page = visit.page
    await page.goto(f"{visit.service.base_url}/c/{CALM}/compose/hazardous-incident")
    await page.get_by_label(fields.get("kind", "near miss"), exact=True).check()
    await page.locator("#f-time").fill(fields.get("time", "0305"))
    await page.locator("#f-place").fill(fields.get("place", "15-07N 116-26E"))
    await page.locator("textarea[name^='f.facts']").first.fill(
        fields.get("facts", "Two aircraft passed close. Rest unknown.")
    )


async def press(page: Page, name: str) -> None:
    await page.get_by_role("button", name=re.compile(name)).first.click()


@pytest.mark.parametrize("scripts", [True, False])
async def test_an_incident_is_reported_in_three_pages_exactly_as_it_was_checked(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession, *, scripts: bool
) -> None:
    nato = await visit(java_script_enabled=scripts)
    await nato.sign_in("nato/duty_officer", CALM)
    await incident(nato)
    if scripts:
        await expect(nato.page.locator("#f-time-echo")).to_contain_text("03:05Z")
        await expect(nato.page.locator("#f-place-echo")).to_contain_text("15°07′00″ N")
    await press(nato.page, "Check before sending")
    await expect(nato.page.locator("h1")).to_have_text("Check before sending")
    act = json.loads(await nato.page.locator("#act-bytes").text_content() or "")
    assert list(act) == ["act", "kind", "time", "place", "facts"]
    assert act["place"] == {"lat": 15.116667, "lon": 116.433333}
    assert act["time"].endswith("T03:05:00Z")
    digest = await nato.page.locator("code.break").first.text_content()
    if scripts:
        assert digest == await nato.page.evaluate(
            """async () => {
                const bytes = new TextEncoder().encode(document.getElementById("act-bytes").textContent);
                const digest = await crypto.subtle.digest("SHA-256", bytes);
                return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
            }"""
        )
    await expect(
        nato.page.locator("#then + *, section[aria-labelledby=then]").first
    ).to_contain_text("CHINA owes: Acknowledgement")
    await press(nato.page, r"Send to CHINA \(immediate\)")
    await expect(nato.page.locator("h1")).to_contain_text("Recorded: record")
    position = int(re.sub(r"\D", "", await nato.headline()))
    record = (
        await Caller(session, demo, "nato/officer").get(f"/v1/channels/{CALM}/records/{position}")
    ).json
    assert record["data"] == act
    await nato.page.get_by_role("link", name="Open the exchange").click()
    await expect(nato.page.locator("h1")).to_contain_text("Near miss")
    assert nato.complaints == []


async def test_what_was_typed_stays_after_an_error_and_each_error_leads_to_its_field(
    visit: Visiting,
) -> None:
    nato = await visit()
    await nato.sign_in("nato/duty_officer", CALM)
    requests: list[str] = []
    nato.page.on(
        "request",
        lambda request: (
            requests.append(request.url)
            if request.method == "POST" and "/compose/" in request.url
            else None
        ),
    )
    await incident(nato, place="15.1203 116.4411", time="32:99")
    await nato.page.locator("#f-place").blur()
    assert requests == []
    await press(nato.page, "Check before sending")
    await expect(nato.page).to_have_title(re.compile("^Error: "))
    summary = nato.page.locator(".fault")
    await expect(summary).to_be_focused()
    await expect(summary).to_contain_text(
        "Did you mean 15.1203N 116.4411E? Write N or S and E or W."
    )
    await expect(nato.page.locator("#f-place")).to_have_attribute("aria-invalid", "true")
    assert await nato.page.locator("#f-place").input_value() == "15.1203 116.4411"
    assert (
        await nato.page.locator("textarea[name^='f.facts']").first.input_value()
        == "Two aircraft passed close. Rest unknown."
    )
    await summary.get_by_role("link").first.click()
    await nato.page.locator("#f-place").fill("15.1203N 116.4411E")
    await nato.page.locator("#f-time").fill("240305H NOV 26")
    await press(nato.page, "Check before sending")
    act = json.loads(await nato.page.locator("#act-bytes").text_content() or "")
    assert act["time"] == "2026-11-23T19:05:00Z"
    await press(nato.page, "Change")
    assert await nato.page.locator("#f-time").input_value() == "240305H NOV 26"
    refused = (
        f"Failed to load resource: the server responded with a status of 422 ({UNPROCESSABLE})"
    )
    assert all(each.startswith(refused) for each in nato.complaints), nato.complaints


async def test_a_form_is_kept_as_a_draft_while_somebody_writes(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    nato = await visit()
    await nato.sign_in("nato/duty_officer", CALM)
    before = (await Caller(session, demo, "nato/officer").get(f"/v1/channels/{CALM}/drafts")).json[
        "drafts"
    ]
    await incident(nato, time="not a time", facts="Half a report")
    await expect(nato.page.locator("#saved")).to_contain_text(re.compile(r"saved \d\d:\d\d:\d\dZ"))
    after = (await Caller(session, demo, "nato/officer").get(f"/v1/channels/{CALM}/drafts")).json[
        "drafts"
    ]
    (new,) = [each for each in after if each["id"] not in {known["id"] for known in before}]
    assert new["act"]["time"] == "not a time"
    await nato.page.goto(f"{demo.base_url}/c/{CALM}/compose/hazardous-incident?draft={new['id']}")
    assert await nato.page.locator("#f-time").input_value() == "not a time"
    assert (
        await nato.page.locator("textarea[name^='f.facts']").first.input_value() == "Half a report"
    )
    assert await nato.page.evaluate("localStorage.length") == 0
