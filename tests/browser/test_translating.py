"""A translation: written beside its original, in the language that is missing, and shown under it
on every page, with whose it is.
"""

import aiohttp
import pytest
from playwright.async_api import expect

from browsing import EXERCISE, Flash, Visiting
from service import Caller, Gateway

pytestmark = pytest.mark.browser


async def test_a_takeover_shows_the_translation_of_the_message_that_rings(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession, flash: Flash
) -> None:
    nato = Caller(session, demo, "nato/duty_officer")
    number = await flash()
    rows = (await nato.get(f"/v1/channels/{EXERCISE}/exchanges?act=hazardous-incident")).json[
        "exchanges"
    ]
    exchange = next(row["id"] for row in rows if row["number"] == number)
    answer = await nato.act(
        exchange, {"act": "translation", "language": "zh", "text": "两机接近。"}, EXERCISE
    )
    assert answer.status == 201, answer.body
    china = await visit()
    await china.sign_in("china/duty_officer")
    await expect(china.page.locator("dialog.flash", has_text="两机接近。")).to_contain_text(
        "NATO’s translation, not agreed"
    )
