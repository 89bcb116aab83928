import pytest
from playwright.async_api import expect

from browsing import Visit, Visiting
from service import Gateway

pytestmark = pytest.mark.browser

CALM = "nato-china"


async def go(visit: Visit, path: str) -> None:
    await visit.page.goto(visit.service.base_url + path)


async def test_a_shortcut_leads_into_the_field_that_it_is_for(
    visit: Visiting, demo: Gateway
) -> None:
    nato = await visit()
    await nato.page.goto(f"{demo.base_url}/sign-in")
    await expect(nato.page.locator("#token")).to_be_focused()
    await nato.sign_in("nato/duty_officer", CALM)
    for key, field in (("/", "#find"), ("n", "#writing input[name='f.kind'] >> nth=0")):
        await go(nato, f"/c/{CALM}")
        await nato.page.keyboard.press(key)
        await expect(nato.page.locator(field)).to_be_focused()
