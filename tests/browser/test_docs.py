"""The page of the API: a plain list that needs nothing, and where Node has brought it, a page on
which calls are tried.
"""

from pathlib import Path

import pytest
from playwright.async_api import expect

from browsing import Visiting
from described import OPERATIONS
from service import Gateway

pytestmark = pytest.mark.browser

EXPLORER = (
    Path(__file__).parents[2]
    / "services"
    / "dragoman"
    / "console"
    / "static"
    / "vendor"
    / "swagger-ui-bundle.js"
)


async def test_every_operation_is_listed_without_scripts(visit: Visiting, demo: Gateway) -> None:
    stranger = await visit(java_script_enabled=False)
    await stranger.page.goto(f"{demo.base_url}/docs")
    for method, path, operation in OPERATIONS.values():
        row = stranger.page.locator(
            "tr", has=stranger.page.locator("code", has_text=f"{method} {path}").first
        )
        await expect(row.filter(has_text=operation["summary"]).first).to_be_visible()
    assert stranger.complaints == []


async def test_calls_are_tried_on_the_page_under_its_strict_policy(
    visit: Visiting, demo: Gateway
) -> None:
    if not EXPLORER.exists():
        pytest.skip("make assets has brought nothing: npm is not here")
    stranger = await visit()
    page = stranger.page
    await page.goto(f"{demo.base_url}/docs")
    await page.get_by_role("link", name="Try the calls").click()
    await expect(page.locator(".opblock")).to_have_count(len(OPERATIONS) + 2)  # and both webhooks
    await expect(page.locator("#list")).to_be_hidden()
    await page.get_by_role("button", name="Authorize").first.click()
    await page.locator(".auth-container input").fill(demo.token("nato/officer"))
    await page.locator(".auth-btn-wrapper button.authorize").click()
    await page.locator(".auth-btn-wrapper button.btn-done").click()
    operation = page.locator("#operations-callers_and_tokens-me")
    await operation.locator("button.opblock-summary-control").click()
    await operation.get_by_role("button", name="Try it out").click()
    await operation.get_by_role("button", name="Execute").click()
    await expect(operation.locator(".live-responses-table tbody")).to_contain_text(
        '"actor": "nato/o-1"'
    )
    assert stranger.complaints == []
