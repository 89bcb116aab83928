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


async def test_an_answer_without_a_receipt_is_shown_as_what_proves_it(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    nato, china = (
        Caller(session, demo, "nato/duty_officer"),
        Caller(session, demo, "china/duty_officer"),
    )
    sent: Any = (await nato.open({**INCIDENT, "precedence": "immediate"}, EXERCISE)).json
    await china.post(
        f"/v1/channels/{EXERCISE}/exchanges/{sent['exchange']}/acts",
        {"act": "reply", "text": "We look into it."},
    )
    sender = await visit()
    await sender.enter("nato/duty_officer", f"/c/{EXERCISE}/exchanges/{sent['exchange']}")
    shown = sender.page.locator("#receipts ol").first.locator("[data-step=acknowledged]")
    await expect(shown).to_have_text(re.compile(r"^Acknowledged by its answer after \d+"))
    assert sender.complaints == []


async def test_an_own_account_is_no_silence_on_either_sides_pages(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    nato, china = (
        Caller(session, demo, "nato/duty_officer"),
        Caller(session, demo, "china/duty_officer"),
    )
    sent: Any = (await nato.open({**INCIDENT, "precedence": "immediate"}, EXERCISE)).json
    acts = f"/v1/channels/{EXERCISE}/exchanges/{sent['exchange']}/acts"
    await china.post(acts, {"act": "counter-account", "facts": "We saw it otherwise."})
    for role, pages in (
        ("nato", ("recorded/{position}", "exchanges/{exchange}")),
        ("china", ("exchanges/{exchange}",)),
    ):
        reader = await visit()
        await reader.sign_in(f"{role}/duty_officer")
        for path in pages:
            await reader.page.goto(f"{demo.base_url}/c/{EXERCISE}/{path.format(**sent)}")
            answered = reader.page.locator("#receipts ol").first.locator("li").last
            await expect(answered).to_contain_text("Own account given")
            await expect(answered.locator("time")).to_have_count(1)
            await expect(answered).not_to_contain_text("No answer yet")
        await reader.page.goto(f"{demo.base_url}/c/{EXERCISE}/exchanges/{sent['exchange']}/form")
        await expect(reader.page.locator("main")).to_contain_text("own account given")
        assert reader.complaints == []


async def test_the_page_says_for_whom_a_flash_was_to_ring(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    sent: Any = (
        await Caller(session, demo, "nato/duty_officer").open(
            {**INCIDENT, "precedence": "flash"}, EXERCISE
        )
    ).json
    note: Any = (
        await Caller(session, demo, "nato/duty_officer").open(
            {**INCIDENT, "precedence": "immediate"}, EXERCISE
        )
    ).json
    for role, who in (("china", r"duty officer \(d-1\)"), ("nato", "duty officer")):
        reader = await visit()
        await reader.enter(f"{role}/officer", f"/c/{EXERCISE}/exchanges/{sent['exchange']}")
        await expect(reader.page.locator("[data-was-to-ring]")).to_have_text(
            re.compile(
                rf"^It was to ring for: {who} \d\d:\d\d:\d\dZ.*\. The record does not say whether it rang, or who heard it\.$"
            )
        )
        await reader.page.goto(f"{demo.base_url}/c/{EXERCISE}/exchanges/{note['exchange']}")
        await expect(reader.page.locator("#receipts")).to_be_visible()
        await expect(reader.page.locator("[data-was-to-ring]")).to_have_count(0)
        assert reader.complaints == []


async def test_what_happens_next_is_of_the_record_and_says_to_ring_only_where_something_is_awaited(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    nato, china = (
        Caller(session, demo, "nato/duty_officer"),
        Caller(session, demo, "china/duty_officer"),
    )
    note = {
        "act": "contact-note",
        "form": "letter",
        "text": {"en": "About the drill."},
        "reply_wanted_by": "2030-12-04T12:00Z",
    }
    sent: Any = (await nato.open(note, EXERCISE)).json
    acts = f"/v1/channels/{EXERCISE}/exchanges/{sent['exchange']}/acts"
    translated: Any = (
        await nato.post(
            acts,
            {
                "act": "translation",
                "of": sent["exchange"],
                "language": "fr",
                "text": "De l’exercice.",
            },
        )
    ).json
    wanted = re.compile(
        r"A reply is wanted from CHINA by 4\sDec\s2030 12:00Z\. No clock runs for it"
    )
    reader = await visit()
    await reader.sign_in("nato/officer")

    async def owed(position: int) -> Any:
        await reader.page.goto(f"{demo.base_url}/c/{EXERCISE}/recorded/{position}")
        return reader.page.locator("#owed")

    first = await owed(sent["position"])
    await expect(first).to_contain_text(wanted)
    await expect(first).to_contain_text("CHINA owes: Acknowledgement of receipt")
    await expect(first).to_contain_text("If nothing comes, ring")
    second = await owed(translated["position"])
    await expect(second).to_contain_text("Nothing is owed because of it.")
    await expect(second).not_to_contain_text("ring")
    await reader.page.goto(f"{demo.base_url}/c/{EXERCISE}/exchanges/{sent['exchange']}")
    await expect(reader.page.get_by_role("region", name="Clocks")).to_contain_text(wanted)
    await china.post(acts, {"act": "reply", "text": {"en": "Noted."}})
    third = await owed(sent["position"])
    await expect(third).not_to_contain_text("A reply is wanted")
    await expect(third).not_to_contain_text("ring")
    assert reader.complaints == []
