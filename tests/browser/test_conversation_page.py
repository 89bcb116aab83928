"""The page of an exchange as it is seen and printed: the facts at once, and the messages first."""

import aiohttp
import pytest

from browsing import Visiting
from service import INCIDENT, Caller, Gateway

pytestmark = pytest.mark.browser

CHANNEL = "nato-china"
TOPS = """() => ["facts-now", "who", "sheet"].map(
    (name) => { const box = document.querySelector(`main .${name}`).getBoundingClientRect();
        return [box.top, box.bottom]; })"""


async def test_facts_are_seen_at_once_and_a_print_begins_with_the_message(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    nato = Caller(session, demo, "nato/duty_officer")
    sent = (await nato.open({**INCIDENT, "precedence": "flash"}, CHANNEL)).json
    guest = await visit()
    await guest.page.set_viewport_size({"width": 1366, "height": 768})
    await guest.enter("nato/officer", f"/c/{CHANNEL}/exchanges/{sent['exchange']}")
    facts, _, _ = await guest.page.evaluate(TOPS)
    assert facts[1] <= 400, facts
    await guest.page.emulate_media(media="print")
    facts, who, sheet = await guest.page.evaluate(TOPS)
    assert sheet[1] <= min(facts[0], who[0]), (facts, who, sheet)
    assert await guest.page.locator("main button:visible, .foot a:visible").count() == 0
