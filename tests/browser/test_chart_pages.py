"""The chart of a channel: marks of both sides, range and bearing, parts of the earth, the past."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import aiohttp
import pypdf
import pytest
from playwright.async_api import expect

from browsing import EXERCISE, SIZES, Visit, Visiting
from samples import act
from service import INCIDENT, Caller, Gateway, Service

pytestmark = pytest.mark.browser

CHANNEL = "nato-china"
HERE, THERE = {"lat": 15.0, "lon": 179.5}, {"lat": 15.0, "lon": -179.5}


async def furnish(session: aiohttp.ClientSession, demo: Gateway) -> dict[str, Any]:
    """Record an incident with two accounts, an area in force, and two places that are no figures."""
    nato, china = (Caller(session, demo, f"{side}/duty_officer") for side in ("nato", "china"))
    incident: Any = (await nato.open({**INCIDENT, "place": HERE}, CHANNEL)).json
    account = {"act": "counter-account", "facts": "Otherwise.", "place": THERE}
    told = await china.act(incident["exchange"], account, CHANNEL)
    assert told.status == 201, told.body
    now = datetime.now(UTC)
    window = {
        "from": f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        "to": f"{now + timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}",
    }
    circle = {"circle": {"pos": {"lat": 18, "lon": 178}, "radius": {"value": 60, "unit": "nm"}}}
    area: Any = (await china.open(act("danger-area", place=circle, window=window), CHANNEL)).json
    for place in ("East of the shoal", "unknown"):
        report = await nato.open({**INCIDENT, "place": place}, CHANNEL)
        assert report.status == 201, report.body
    return {"incident": incident, "account": told.json, "area": area}


async def marks(reader: Visit) -> list[str]:
    """Return the marks of the picture."""
    found: list[str] = await reader.page.locator("svg.sea a[data-mark]").evaluate_all(
        "links => links.map((link) => link.dataset.mark).sort()"
    )
    return found


async def test_the_chart_is_moved_and_measured_with_and_without_scripts(
    visit: Visiting, demo: Service, session: aiohttp.ClientSession
) -> None:
    made = await furnish(session, demo)
    own, other = f"{made['incident']['position']}.0", f"{made['account']['position']}.0"
    for scripts in (True, False):
        reader = await visit(java_script_enabled=scripts)
        await reader.sign_in("china/officer", CHANNEL)
        page = reader.page
        await page.goto(f"{demo.base_url}/c/{CHANNEL}/chart")
        await page.locator("#a").select_option(own)
        await page.locator("#b").select_option(other)
        await page.get_by_role("button", name="Show", exact=True).click()
        await expect(page.locator("[data-measured]")).to_contain_text("58 nm · 107 km, 090° true")
        await page.locator("#part").select_option(label="the whole earth")
        await page.get_by_role("button", name="Show", exact=True).click()
        await expect(page.locator("svg.sea")).to_contain_text("60°N")
        before = await page.locator("svg.sea").inner_html()
        await page.locator("#move-closer").click()
        await page.wait_for_url("**part=*")
        await expect(page.locator("#part option:checked")).to_have_text("the part that is shown")
        assert await page.locator("svg.sea").inner_html() != before
        if not scripts:
            continue
        line, picture = page.locator("#sea-pointer"), page.locator("svg.sea")
        await picture.scroll_into_view_if_needed()
        box = await picture.bounding_box()
        assert box is not None
        await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        await expect(line).to_contain_text("true")
        await expect(line).to_contain_text("NATO")
        await page.mouse.down()
        await page.mouse.move(box["x"] + box["width"] / 3, box["y"] + box["height"] / 3, steps=4)
        await page.mouse.up()
        await expect(page.locator("#sea-chart")).not_to_have_attribute("data-lon", "0.0")
        assert reader.complaints == []


async def test_an_exercise_is_apart_and_the_past_and_a_wrong_period_are_shown(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    nato = Caller(session, demo, "nato/duty_officer")
    drill: Any = (await nato.open({**INCIDENT, "place": {"lat": -40, "lon": -20}}, EXERCISE)).json
    made = await furnish(session, demo)
    reader = await visit()
    await reader.sign_in("china/officer", CHANNEL)
    page, live = reader.page, f"{demo.base_url}/c/{CHANNEL}/chart"
    await page.goto(live)
    drilled = f"/exchanges/{drill['exchange']}"
    assert drilled not in await page.content()
    await page.get_by_role("link", name=EXERCISE).click()
    await expect(page.locator("svg.sea")).to_contain_text("EXERCISE EXERCISE EXERCISE")
    assert drilled in await page.content()
    assert made["incident"]["exchange"] not in await page.content()
    text = [sheet.extract_text() for sheet in pypdf.PdfReader(BytesIO(await page.pdf(prefer_css_page_size=True))).pages]  # fmt: skip
    assert len(text) == 1 and "EXERCISE" in text[0] and "NATO" in text[0]
    await page.goto(f"{live}?at={made['incident']['position']}")
    assert f"{made['incident']['position']}.0" in await marks(reader)
    assert f"{made['account']['position']}.0" not in await marks(reader)
    for link in await page.locator("#main a[href^='/c/nato-china/']").all():
        assert "at=" in str(await link.get_attribute("href")), "a link keeps the past"
    await page.goto(f"{live}?from=some+day")
    await expect(page.locator("#from-fault")).to_be_visible()
    await expect(page).to_have_title("Error: Chart, nato-china, Dragoman")
    answer = await page.goto(f"{live}?part=99,0,1")
    assert answer is not None and answer.status == 400
    refused = "the server responded with a status of"
    assert [text for text in reader.complaints if refused not in text] == []


BOXES = """() => ["svg.sea", ".sea-marks", ".sea-undrawn"].map((name) => {
  const { left, right, top, bottom } = document.querySelector(name).getBoundingClientRect();
  return { left, right, top, bottom, width: right - left };
})"""
SQUEEZED = """() => [...document.querySelectorAll(".sea-sheet .wide-scroll")]
  .filter((place) => place.scrollWidth > place.clientWidth).length"""


async def test_the_table_is_beside_the_chart_where_both_have_room_and_on_one_sheet_with_it(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    began: str = (await furnish(session, demo))["incident"]["time"]
    nato = Caller(session, demo, "nato/duty_officer")

    async def report(number: int) -> None:
        for step in range(number):
            place = {"lat": 15 + step, "lon": 176}
            told = await nato.open({**INCIDENT, "place": place}, CHANNEL)
            assert told.status == 201, told.body

    async def sheets() -> list[pypdf.PageObject]:
        raw = await page.pdf(prefer_css_page_size=True)
        return [*pypdf.PdfReader(BytesIO(raw)).pages]

    await report(3)
    reader = await visit(viewport=SIZES["wide"])
    await reader.sign_in("china/officer", CHANNEL)
    page = reader.page
    address = f"{demo.base_url}/c/{CHANNEL}/chart?from={began}"
    await page.goto(address)
    for width in (1280, 1440, 1760, 1920):
        await page.set_viewport_size({"width": width, "height": 900})
        picture, table, undrawn = await page.evaluate(BOXES)
        assert picture["right"] <= table["left"] and table["top"] < picture["bottom"], width
        assert undrawn["top"] >= max(picture["bottom"], table["bottom"]), width
        assert picture["width"] >= 816, "the text of the chart is 12 px high there"
        assert table["width"] >= 352 and await page.evaluate(SQUEEZED) == 0, width
    for width in (1024, 390):
        await page.set_viewport_size({"width": width, "height": 900})
        picture, table, _ = await page.evaluate(BOXES)
        assert picture["bottom"] <= table["top"], width
    await page.goto(address)
    scrolled = "box => box.scrollLeft * 2 + box.clientWidth - box.scrollWidth"
    assert abs(await page.locator("#sea-chart .wide-scroll").evaluate(scrolled)) <= 2
    rows = page.locator("tr[data-place]")
    assert 6 <= await rows.count() <= 10
    (sheet,) = await sheets()
    assert sheet.mediabox.width > sheet.mediabox.height, "landscape"
    await report(16)
    await page.goto(address)
    first, *others = [sheet.extract_text() for sheet in await sheets()]
    assert "On the graticule" in first and others
    assert not any("On the graticule" in text for text in others)
    for label in await page.locator("tr[data-place] b.id").all_inner_texts():
        assert any(label in text for text in (first, *others)), label
