"""The sender of a message sees who has it as it happens: on the page of what was recorded, and on
the page of the exchange.
"""

import re
from typing import Any

import aiohttp
import pytest
from playwright.async_api import expect

from browsing import EXERCISE, Visiting
from service import INCIDENT, Caller, Gateway

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("page", ["recorded", "exchange"])
async def test_the_sender_sees_acknowledged_and_answered_with_the_time_it_took(
    page: str, visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    nato, china = (
        Caller(session, demo, "nato/duty_officer"),
        Caller(session, demo, "china/duty_officer"),
    )
    sent: Any = (await nato.open({**INCIDENT, "precedence": "immediate"}, EXERCISE)).json
    sender = await visit()
    await sender.sign_in("nato/duty_officer")
    path = f"recorded/{sent['position']}" if page == "recorded" else f"exchanges/{sent['exchange']}"
    await sender.page.goto(f"{demo.base_url}/c/{EXERCISE}/{path}")
    receipts = sender.page.locator("#receipts")
    await expect(receipts).to_contain_text("Not acknowledged yet")
    await expect(receipts.locator("[data-waited]")).not_to_be_empty()
    acts = f"/v1/channels/{EXERCISE}/exchanges/{sent['exchange']}/acts"
    await china.post(acts, {"act": "acknowledgement"})
    await expect(receipts).to_contain_text(
        re.compile(r"Acknowledged by duty officer of CHINA after \d+")
    )
    await expect(receipts).to_contain_text("No answer yet")
    await expect(sender.page.locator("#saying")).to_contain_text("Acknowledged by duty officer")
    await china.open(
        {**INCIDENT, "precedence": "routine"}, EXERCISE
    )  # another matter, which the page is not about
    await china.post(acts, {"act": "reply", "text": "We look into it."})
    await expect(receipts).to_contain_text(re.compile(r"Answered after \d+"))
    if page == "exchange":
        await expect(sender.page.locator("#news")).to_have_text("2 new records: show")
    else:
        await expect(sender.page.locator("#news")).to_have_count(0)
    assert sender.complaints == []
