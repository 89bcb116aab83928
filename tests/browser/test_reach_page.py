"""The page *My reach*: a way is added, tested, and confirmed on the phone that the test reached."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import expect

from browsing import Visiting, assert_accessible
from messaging import Carrier, carrying, settings_of, ways_of
from office import Office
from service import Gateway

CALM = "nato-china"
PHONE = "+86 139 1234 5678"


@pytest_asyncio.fixture(loop_scope="session")
async def carrier() -> AsyncIterator[Carrier]:
    async with carrying() as carrier:
        yield carrier


@pytest_asyncio.fixture(loop_scope="session")
async def reached(chromium: Path, tmp_path: Path, carrier: Carrier) -> AsyncIterator[Gateway]:
    settings = settings_of(ways_of(carrier, tmp_path))
    service = await asyncio.to_thread(
        lambda: Office(tmp_path / "data", demo=True, environment=settings)
    )
    yield service
    await asyncio.to_thread(service.stop)


async def test_an_officer_proves_a_way_and_the_board_stops_warning(
    visit: Visiting, carrier: Carrier, reached: Gateway
) -> None:
    duty, phone = await visit(reached), await visit(reached)
    page = duty.page
    await duty.sign_in("china/duty_officer", CALM)
    await page.get_by_role("button", name="Take the watch").first.click()
    warning = page.locator('[data-reach="watch_unproven"]')
    await expect(warning).to_contain_text("no proven way to reach you but this page")
    await warning.get_by_role("link", name="Test my reach").click()
    assert await duty.headline() == "My reach"
    await page.locator('input[name="way"][value="sms"]').check()
    add = page.get_by_role("button", name="Add this way and test it")
    await add.click()
    await expect(page.locator(".fault")).to_contain_text("Give the address, number or name.")
    await page.locator("#to").fill("0139 1234")
    await page.locator("#label").fill("my phone")
    await add.click()
    await expect(page.locator("#to-fault")).to_contain_text("with + and the country code")
    assert await page.locator("#label").input_value() == "my phone"
    await assert_accessible(duty)
    await page.locator("#to").fill(PHONE)
    await add.click()
    await expect(page.locator("[data-way] h3")).to_contain_text("my phone +86… 78")
    await carrier.until(1)
    code = re.search(r"[0-9a-f]{18}", carrier.got[0][2])
    assert code is not None
    assert "5678" not in await page.content()
    await phone.page.goto(f"{reached.base_url}/reach/{code.group()}")
    assert await phone.headline() == "Did this test reach you?"
    await assert_accessible(phone)
    await phone.page.get_by_role("button", name="Confirm that it arrived").click()
    assert await phone.headline() == "Confirmed"
    await page.goto(f"{reached.base_url}/reach")
    await expect(page.locator("[data-way]")).to_have_attribute("data-proof", "proven")
    await assert_accessible(duty)
    await page.goto(f"{reached.base_url}/c/{CALM}")
    await expect(page.locator("#headline")).to_be_visible()
    await expect(page.locator("[data-reach]")).to_have_count(0)
    head = await visit(reached)
    await head.enter("china/head_of_office", "/reach")
    row = head.page.locator("table tbody tr", has_text="d-1")
    await expect(row.locator("td").nth(2)).to_have_text("1")
    nato = await visit(reached)
    await nato.sign_in("nato/duty_officer", CALM)
    await expect(nato.page.locator("[data-reach]")).to_have_count(0)
    await page.goto(f"{reached.base_url}/reach")
    await page.get_by_role("link", name="Remove this way").click()
    await page.get_by_role("button", name="Remove it").click()
    await expect(page.locator("main")).to_contain_text("You have no way yet.")
    refused = "the server responded with a status of 422"  # the forms that were wrong on purpose
    assert [text for text in duty.complaints if refused not in text] == []
