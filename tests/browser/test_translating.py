"""A translation: written beside its original, in the language that is missing, and shown under it
on every page, with whose it is.
"""

import re

import aiohttp
import pytest
from playwright.async_api import expect

from browsing import EXERCISE, Flash, Visiting
from service import INCIDENT, Caller, Gateway

pytestmark = pytest.mark.browser

CALM = "nato-china"
FACTS = "Two ships met.\n\nNobody was hurt. Please stand by."


@pytest.mark.parametrize("scripts", [True, False])
async def test_a_translation_is_written_beside_its_original_and_shown_under_it(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession, *, scripts: bool
) -> None:
    nato = Caller(session, demo, "nato/duty_officer")
    exchange = (
        await nato.open({**INCIDENT, "facts": {"en": FACTS, "fr": "Deux navires."}}, CALM)
    ).json["exchange"]
    china = await visit(java_script_enabled=scripts)
    page = china.page
    await china.sign_in("china/officer", CALM)
    await page.goto(f"{demo.base_url}/c/{CALM}/exchanges/{exchange}/acts/translation")
    assert await page.locator("#f-text blockquote").all_inner_texts() == FACTS.split("\n\n")
    boxes = page.locator("textarea[name='f.text']")
    assert await boxes.count() == 2
    agreed = page.locator("[data-agreed][open] [data-occurs]")
    await expect(agreed).to_have_count(1)
    await expect(agreed.locator("[lang^=zh]"), "the words that both sides agreed").to_have_text(
        "请等候"
    )
    await expect(page.locator("[name='f.language']:checked")).to_have_value("zh")
    await boxes.nth(0).fill("两船相遇。")
    await boxes.nth(1).fill("无人受伤。")
    await page.locator("[name=do][value=check]").click()
    await page.locator("[name=do][value=change]").click()
    assert [await each.input_value() for each in await boxes.all()] == ["两船相遇。", "无人受伤。"]
    await page.locator("[name=do][value=check]").click()
    await page.locator("[name=do][value=send]").click()
    await expect(page.locator("h1")).to_contain_text("Recorded")
    for address in ("", "/form"):
        await page.goto(f"{demo.base_url}/c/{CALM}/exchanges/{exchange}{address}")
        shown = page.locator("article .translated")
        await expect(shown).to_contain_text("CHINA’s translation, not agreed")
        await expect(shown.locator("blockquote[lang=zh]")).to_have_text(
            re.compile("两船相遇。\\s*无人受伤。")
        )
    view = (await nato.get(f"/v1/channels/{CALM}/exchanges/{exchange}")).json
    opened = view["state"]["opened"]["position"]
    await page.goto(f"{demo.base_url}/c/{CALM}/records/{opened}")
    await expect(page.locator(".translated")).to_contain_text("CHINA’s translation, not agreed")
    await page.goto(f"{demo.base_url}/c/{CALM}/records/{opened}?at={opened}")  # there was none yet
    await expect(page.locator(".translated")).to_have_count(0)
    (given,) = view["state"]["acts"]["translation"]
    assert given["content"] == {"language": "zh", "text": "两船相遇。\n\n无人受伤。"}
    officer = await visit(java_script_enabled=scripts)
    await officer.sign_in("nato/officer", CALM)
    await officer.page.goto(
        f"{demo.base_url}/c/{CALM}/exchanges/{exchange}/acts/translation-agreement"
    )
    await officer.page.locator("[name=do][value=check]").click()
    await officer.page.locator("[name=do][value=send]").click()
    await expect(officer.page.locator("h1")).to_contain_text("Recorded")
    await officer.page.goto(f"{demo.base_url}/c/{CALM}/exchanges/{exchange}")
    await expect(officer.page.locator("article .translated")).to_contain_text(
        "CHINA’s translation, agreed by NATO"
    )
    etag = (await nato.get(f"/v1/channels/{CALM}/exchanges/{exchange}")).headers["ETag"]
    changed = {
        "act": "correction",
        "fields": {"facts": {"en": "One ship.", "fr": "Un navire."}},
        "reason": "Counted wrongly.",
    }
    assert (await nato.act(exchange, changed, CALM, If_Match=etag)).status == 201
    await officer.page.goto(f"{demo.base_url}/c/{CALM}/exchanges/{exchange}")
    await expect(officer.page.locator("article .translated")).to_contain_text(
        "of the text before it was changed"
    )
    await expect(officer.page.locator("article .translated")).not_to_contain_text("agreed")


async def test_an_own_account_is_translated_and_the_agreement_is_of_its_words(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    nato, china = (
        Caller(session, demo, "nato/duty_officer"),
        Caller(session, demo, "china/duty_officer"),
    )
    exchange = (await nato.open({**INCIDENT, "facts": {"en": FACTS}}, CALM)).json["exchange"]
    account = {
        "act": "counter-account",
        "facts": {"zh": "我船保持航向。"},
        "time": "2026-11-24T03:12Z",
    }
    assert (await china.act(exchange, account, CALM)).status == 201
    reader = await visit()
    page = reader.page
    await reader.sign_in("nato/officer", CALM)
    await page.goto(f"{demo.base_url}/c/{CALM}/exchanges/{exchange}/acts/translation")
    await page.get_by_role("link", name="Own account of CHINA").click()
    assert await page.locator("#f-text blockquote").all_inner_texts() == ["我船保持航向。"]
    await page.locator("textarea[name='f.text']").fill("Our ship kept its course.")
    await page.locator("[name='f.language'][value=en]").check()
    await page.locator("[name=do][value=check]").click()
    await page.locator("[name=do][value=send]").click()
    await expect(page.locator("h1")).to_contain_text("Recorded")
    await page.goto(f"{demo.base_url}/c/{CALM}/exchanges/{exchange}")
    await expect(page.locator("#line ~ ol .translated, .steps .translated")).to_contain_text(
        "Our ship kept its course."
    )
    etag = (await china.get(f"/v1/channels/{CALM}/exchanges/{exchange}")).headers["ETag"]
    agreement = {"act": "translation-agreement", "of": await given(china, exchange)}
    agreed = await china.act(exchange, agreement, CALM, If_Match=etag)
    assert agreed.status == 201, agreed.body
    await page.reload()
    await expect(page.locator(".steps .translated")).to_contain_text("agreed by CHINA")


async def given(caller: Caller, exchange: str) -> str:
    """The id of the one translation in an exchange."""
    view = (await caller.get(f"/v1/channels/{CALM}/exchanges/{exchange}")).json
    (translation,) = view["state"]["acts"]["translation"]
    return str(translation["id"])


async def test_a_meeting_shows_the_translation_of_a_request_under_it(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    nato = Caller(session, demo, "nato/officer")
    windows = [{"from": "2092-01-19T08:00:00Z", "to": "2092-01-19T09:00:00Z"}]
    request = {
        "act": "meeting-request",
        "purpose": "Talks",
        "windows": windows,
        "text": {"en": "Let us talk."},
    }
    opened = (await nato.open(request)).json
    answer = await Caller(session, demo, "china/officer").act(
        opened["exchange"], {"act": "translation", "language": "zh", "text": "请会谈。"}, CALM
    )
    assert answer.status == 201, answer.body
    reader = await visit(java_script_enabled=False)
    await reader.enter("nato/auditor", f"/c/{CALM}/meetings/{opened['exchange']}")
    shown = reader.page.locator("ol.steps .translated")
    await expect(shown).to_contain_text("CHINA’s translation, not agreed")
    await expect(shown).to_contain_text("请会谈。")


@pytest.mark.parametrize(("locale", "chosen"), [("en-GB", []), ("zh-CN", ["zh"])])
async def test_no_language_is_chosen_for_a_translator_but_the_readers_own_or_the_last_that_is_left(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession, locale: str, chosen: list[str]
) -> None:
    nato = Caller(session, demo, "nato/duty_officer")
    exchange = (await nato.open({**INCIDENT, "facts": {"en": FACTS}}, CALM)).json["exchange"]
    china = await visit(java_script_enabled=False, locale=locale)
    await china.enter("china/officer", f"/c/{CALM}/exchanges/{exchange}/acts/translation")
    languages = china.page.locator("[name='f.language']")
    assert set(await languages.evaluate_all("all => all.map((each) => each.value)")) == {"fr", "zh"}
    assert (
        await languages.evaluate_all(
            "all => all.filter((each) => each.checked).map((each) => each.value)"
        )
        == chosen
    )


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
