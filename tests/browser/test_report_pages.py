import re

import aiohttp
import pytest
from playwright.async_api import expect

from browsing import Visit, Visiting
from dragoman.interop.check_words import check_words
from service import Caller, Gateway

pytestmark = pytest.mark.browser

CALM, TRACK2 = "nato-china", "nato-china-track2"
INCIDENT = {
    "act": "hazardous-incident",
    "kind": "collision",
    "time": "2026-03-04T03:05:07+08:00",
    "place": {"lat": 15.1203, "lon": 116.4411},
    "facts": "A boat touched the stern of a tanker.",
    "precedence": "priority",
}


async def go(visit: Visit, path: str) -> None:
    await visit.page.goto(visit.service.base_url + path)


@pytest.fixture
def nato(session: aiohttp.ClientSession, demo: Gateway) -> Caller:
    return Caller(session, demo, "nato/duty_officer")


@pytest.fixture
def china(session: aiohttp.ClientSession, demo: Gateway) -> Caller:
    return Caller(session, demo, "china/duty_officer")


async def corrected(nato: Caller, channel: str = CALM) -> str:
    """An incident of which what happened was corrected; its exchange."""
    exchange = str((await nato.open(INCIDENT, channel)).json["exchange"])
    stands = await nato.get(f"/v1/channels/{channel}/exchanges/{exchange}")
    fields = {"facts": "A boat touched the bow of a tanker."}
    correction = {"act": "correction", "fields": fields, "reason": "Bow and stern were confused."}
    assert (
        await nato.act(exchange, correction, channel, If_Match=stands.headers["ETag"])
    ).status == 201
    return exchange


# Statistics


# Reports


# What is printed


async def test_a_form_has_every_field_the_correction_beside_the_original_and_the_check_words_at_its_end(
    visit: Visiting, nato: Caller, china: Caller
) -> None:
    exchange = await corrected(nato)
    await china.act(exchange, {"act": "acknowledgement"})
    timeline = (await nato.get(f"/v1/channels/{CALM}/exchanges/{exchange}")).json["timeline"]
    reader = await visit(java_script_enabled=False)
    await reader.sign_in("nato/duty_officer", CALM)
    await go(reader, f"/c/{CALM}/exchanges/{exchange}/form")
    row = reader.page.locator(
        ".form-fields tr", has=reader.page.get_by_role("rowheader", name="Facts", exact=True)
    )
    await expect(row.first).to_contain_text("A boat touched the stern of a tanker.")
    await expect(row.first).to_contain_text("changed since, record")
    await expect(row.nth(1)).to_contain_text("A boat touched the bow of a tanker.")
    await expect(row.nth(1)).to_contain_text("corrected by NATO, record")
    await expect(reader.page.get_by_text("Bow and stern were confused.")).to_be_visible()
    end = reader.page.locator(".end-mark")
    for entry in timeline:
        if entry.get("number"):
            await expect(end).to_contain_text(entry["number"])
            await expect(end).to_contain_text(" ".join(check_words(entry["commit"])))
    newest = (await nato.get(f"/v1/channels/{CALM}/state")).json["position"]
    await expect(end).to_contain_text(
        re.compile(r"Printed at record \d+ at .*Z by duty officer, NATO\.")
    )
    assert newest >= timeline[-1]["position"]

    await reader.page.emulate_media(media="print")
    await expect(reader.page.locator(".mast")).to_be_hidden()
    shown = "element => getComputedStyle(element).display"
    assert await reader.page.locator(".printed > thead").evaluate(shown) == "table-header-group"
    assert await reader.page.locator(".printed > tfoot").evaluate(shown) == "table-footer-group"
    for part in ("thead", "tfoot"):
        await expect(reader.page.locator(f".printed > {part}")).to_contain_text("SIDES ONLY")
        await expect(reader.page.locator(f".printed > {part}")).to_contain_text(
            timeline[0]["number"]
        )
    assert b"/Type /Page\n" in await reader.page.pdf(prefer_css_page_size=True)

    await go(reader, f"/c/{CALM}/exchanges/{exchange}/form?at={timeline[0]['position']}")
    await expect(reader.page.locator(".end-mark .check-words")).to_have_count(1)
    await expect(reader.page.locator(".was")).to_have_count(0)
    assert reader.complaints == []
