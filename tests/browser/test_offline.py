"""Whoever leaves a page while the line is lost is shown whom to ring; what a device keeps for that
goes with the session.
"""

import asyncio
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Page, expect

from browsing import Visiting, assert_accessible
from kept_data import AT_REST, kept, until_kept
from office import Office
from patience import PATIENCE_S
from service import INCIDENT, Caller, Gateway

pytestmark = [pytest.mark.browser, pytest.mark.fresh_context]

CHANNEL = "nato-china"
OVER = """async () => {
    const opening = indexedDB.open("dragoman-sealed", 1);
    const database = await new Promise((resolve) => { opening.onsuccess = () => resolve(opening.result); });
    const keys = database.transaction("keys", "readwrite").objectStore("keys");
    const held = await new Promise((resolve) => { const request = keys.get("session"); request.onsuccess = () => resolve(request.result); });
    await new Promise((resolve) => { const request = keys.put({ ...held, until: Date.now() - 1000 }, "session"); request.onsuccess = resolve; });
    database.close();
}"""
ACTIVE = "async () => (await navigator.serviceWorker.ready).active.state === 'activated'"


async def keeping(page: Page) -> None:
    """Wait until the page is kept and the worker serves."""
    async with asyncio.timeout(PATIENCE_S):
        while not await page.evaluate(ACTIVE):
            await asyncio.sleep(0.05)
    await until_kept(page, 1)


async def test_the_last_board_the_cards_and_the_numbers_are_shown_when_the_office_cannot_be_reached(
    visit: Visiting, tmp_path: Path
) -> None:
    service = Office(tmp_path / "data", demo=True)
    try:
        async with aiohttp.ClientSession() as session:
            china = Caller(session, service, "china/duty_officer")
            number = (await china.open({**INCIDENT, "precedence": "flash"})).json["number"]
        nato = await visit(service)
        await nato.sign_in("nato/duty_officer", CHANNEL)
        await keeping(nato.page)
        ((path, text),) = (await kept(nato.page)).items()
        assert path == f"/c/{CHANNEL}/offline"
        assert "tel:+86" in text
        assert number in text
        stored, key, cached, storage = await nato.page.evaluate(AT_REST)
        assert number not in stored
        assert "tel:" not in stored
        assert (key, cached) == ("InvalidAccessError", ["/offline", "/static/console.css"])
        assert not storage
    finally:
        service.stop()
    page = nato.page
    for where in (f"/c/{CHANNEL}/inbox", "/help"):
        await page.goto(f"{service.base_url}{where}")
        await expect(page.locator("h1")).to_have_text("No connection.")
        await expect(
            page.locator("li", has_text="CHINA, duty desk").locator("a[href^='tel:+86']")
        ).to_be_visible()
        assert await page.evaluate("document.styleSheets.length") == 1
    board = page.locator("section", has=page.locator("#kept-board"))
    await expect(board.locator("h2")).to_contain_text("The board as of")
    await expect(board.locator("li", has_text=number).first).to_be_visible()
    card = page.locator("details", has_text=number)
    await card.locator("summary").click()
    await expect(card.locator(".card-lines")).to_contain_text(INCIDENT["facts"])
    await expect(card.locator(".check-words").first).to_be_visible()
    await expect(page.locator(".kept-drafts")).to_be_hidden()
    await page.evaluate("() => 0")
    await assert_accessible(nato)


async def test_what_is_kept_ends_with_its_time(visit: Visiting, tmp_path: Path) -> None:
    service = Office(tmp_path / "data", demo=True)
    try:
        nato = await visit(service)
        await nato.sign_in("nato/duty_officer", CHANNEL)
        await keeping(nato.page)
    finally:
        service.stop()
    await nato.page.evaluate(OVER)
    await nato.page.goto(f"{service.base_url}/c/{CHANNEL}")
    await expect(nato.page.locator("main")).to_contain_text(
        "No telephone numbers are kept on this device"
    )
    await expect(nato.page.locator("a[href^='tel:']")).to_have_count(0)


async def test_a_text_that_cannot_be_saved_is_kept_and_put_back(
    visit: Visiting, tmp_path: Path
) -> None:
    service = Office(tmp_path / "data", demo=True)
    service.port = int(service.base_url.rpartition(":")[2])
    nato = await visit(service)
    page, form = nato.page, f"{service.base_url}/c/{CHANNEL}/compose/contact-note"
    text = "Met the counterpart; <b>he</b> asks for a call at 18:00Z."
    try:
        await nato.sign_in("nato/officer", CHANNEL)
        await keeping(page)
        await page.goto(form)
        await asyncio.to_thread(service.stop)
        await page.locator("textarea").first.fill(f"{text}\n\nSoon.")
        await page.locator("[name='f.text.zh']").first.fill("见面。")
        await until_kept(page, 2)
        stored, *_ = await page.evaluate(AT_REST)
        assert "counterpart" not in stored
        await page.goto(form)
        await expect(page.locator(".kept-drafts dd", has_text=text)).to_be_visible()
        await asyncio.to_thread(service.start)
        await page.goto(form)
        await expect(page.locator("[data-bar='kept']")).to_contain_text("is kept on this device")
        assert await page.locator("textarea").first.input_value() == ""
        await page.get_by_role("button", name="Put it back").click()
        boxes = page.locator("[name='f.text.en'], [name='f.text.zh']")
        values = [await box.input_value() for box in await boxes.all()]
        assert values == [text, "见面。", "Soon.", ""], "every language, paragraph by paragraph"
        await until_kept(page, 1)
    finally:
        await asyncio.to_thread(service.stop)


async def test_check_pressed_while_the_line_is_down_keeps_the_form_and_its_text(
    visit: Visiting, tmp_path: Path
) -> None:
    service = Office(tmp_path / "data", demo=True)
    service.port = int(service.base_url.rpartition(":")[2])
    nato = await visit(service)
    page, board = nato.page, f"{service.base_url}/c/{CHANNEL}"
    check = page.get_by_role("button", name="Check before sending")
    told = page.locator("[data-bar=unreached]")
    try:
        await nato.sign_in("nato/officer", CHANNEL)
        await keeping(page)
        await page.goto(f"{board}/compose/contact-note")
        await page.locator("#f-form input").first.check()
        await page.locator("textarea").first.fill("Met the counterpart.")
        await asyncio.to_thread(service.stop)
        await check.click()
        await expect(told).to_contain_text("Not sent. Kept on this device.")
        await expect(told).to_be_visible()
        assert page.url == f"{board}/compose/contact-note"
        assert await page.locator("textarea").first.input_value() == "Met the counterpart."
        await until_kept(page, 2)
        await asyncio.to_thread(service.start)
        await check.click()
        send = page.locator("button[value=send]")
        await expect(send).to_be_visible()
        await until_kept(page, 1)  # it has arrived: nothing says any more that it is here alone
        await asyncio.to_thread(service.stop)
        await send.click()
        await expect(told).to_contain_text("Not sent. It is still on this page.")
        await asyncio.to_thread(service.start)
        await send.click()
        await expect(page.locator("h1")).to_contain_text("Recorded: record")
        await expect(page.locator("[data-bar=unsent]")).to_have_count(0)
    finally:
        await asyncio.to_thread(service.stop)


async def notes(page: Page, board: str) -> int:
    """The number of contact notes in the log."""
    answer = await page.request.get(f"{board}/log.csv?act=contact-note")
    return len((await answer.text()).splitlines()) - 1


async def test_a_text_is_begun_offline_and_sent_by_its_officer_when_the_office_is_reached(
    visit: Visiting, tmp_path: Path
) -> None:
    service = Office(tmp_path / "data", demo=True)
    service.port = int(service.base_url.rpartition(":")[2])
    nato = await visit(service)
    page, board = nato.page, f"{service.base_url}/c/{CHANNEL}"
    text, more = "Met the counterpart; <b>he</b> asks for a call at 18:00Z.", "Soon."
    try:
        await nato.sign_in("nato/duty_officer", CHANNEL)
        await keeping(page)
        before = await notes(page, board)
        await asyncio.to_thread(service.stop)
        await page.goto(f"{board}/inbox")
        note = page.locator("details", has=page.locator("[value='contact-note']"))
        await note.locator("summary").click()
        await note.locator("[name='f.text.en']").fill("Too early.")
        await note.get_by_role("button", name="Keep on this device").click()
        await expect(page.locator(".kept-drafts dd")).to_have_text(["Too early."])
        await expect(page.locator("#typed")).to_have_text("Not sent: texts on this device")
        await note.locator("summary").click()
        await expect(note.locator("[name='f.text.en']")).to_have_value("Too early.")
        await note.locator("[name='f.text.en']").fill(f"{text}\n\n{more}")
        await note.locator("[name='f.text.zh']").fill("见面。")
        await note.get_by_role("button", name="Keep on this device").click()
        await expect(page.locator(".kept-drafts dd")).to_have_text([f"{text}\n\n{more}", "见面。"])
        incident = page.locator("details", has=page.locator("[value='hazardous-incident']"))
        await incident.locator("summary").click()
        await incident.locator("[name='f.place']").fill('15.1N 116.4E "near"')
        await incident.get_by_role("button", name="Keep on this device").click()
        await expect(page.locator(".kept-drafts dd")).to_have_count(3)
        await incident.locator("summary").click()
        await expect(incident.locator("[name='f.place']")).to_have_value('15.1N 116.4E "near"')
        await assert_accessible(nato)
        await incident.locator("[name='f.place']").fill("")
        await incident.get_by_role("button", name="Keep on this device").click()
        # without a word it is deleted
        await expect(page.locator(".kept-drafts dd")).to_have_count(2)
        stored, key, *_ = await page.evaluate(AT_REST)
        assert "counterpart" not in stored
        assert key == "InvalidAccessError"
        await asyncio.to_thread(service.start)
        await page.goto(board)
        assert await notes(page, board) == before, "nothing is sent by itself"
        bar = page.locator("[data-bar='unsent']")
        await expect(bar).to_contain_text("Not sent, only on this device: Contact note.")
        await nato.unfold()
        await bar.get_by_role("link", name="Open Contact note").click()
        assert page.url.endswith("/compose/contact-note")
        await expect(page.locator("[data-bar='kept-begun']")).to_contain_text("It is not sent.")
        await expect(bar).to_have_count(0)
        assert await page.locator("[name='f.text.en']").first.input_value() == ""
        await page.get_by_role("button", name="Put it back").click()
        boxes = page.locator("[name='f.text.en'], [name='f.text.zh']")
        values = [await box.input_value() for box in await boxes.all()]
        assert values == [text, "见面。", more, ""]
        await page.locator("#f-form input").first.check()
        await page.get_by_role("button", name="Check before sending").click()
        await page.locator("button[value=send]").click()
        await expect(page.locator("h1")).to_contain_text("Recorded: record")
        assert await notes(page, board) == before + 1
        await until_kept(page, 1)
    finally:
        await asyncio.to_thread(service.stop)


async def test_a_text_begun_after_the_session_is_shown_to_be_copied_and_not_kept(
    visit: Visiting, tmp_path: Path
) -> None:
    service = Office(tmp_path / "data", demo=True)
    try:
        nato = await visit(service, locale="fr-FR", viewport={"width": 390, "height": 844})
        await nato.sign_in("nato/duty_officer", CHANNEL)
        await keeping(nato.page)
    finally:
        service.stop()
    page = nato.page
    await page.goto(f"{service.base_url}/c/{CHANNEL}")
    note = page.locator("details", has=page.locator("[value='contact-note']"))
    await note.locator("summary").click()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await note.locator("textarea").first.fill("Rencontre à 18:00Z.")
    await page.evaluate(OVER)
    await note.get_by_role("button", name="Conserver sur cet appareil").click()
    await expect(page.locator("#unkept")).to_have_text("Ni conservé ni envoyé")
    await expect(page.locator(".kept-drafts dd")).to_have_text("Rencontre à 18:00Z.")
    assert await kept(page) == {}
    await page.goto(f"{service.base_url}/c/{CHANNEL}")
    await expect(page.locator("#unkept")).to_be_hidden()


FOREIGN = """<form method="post" action="{board}/offline"><input name="act" value="contact-note">
<input name="title" value="Contact note"><input name="key" value="">
<input name="f.text.en" value="We accept."><button>Go</button></form>"""


async def test_a_form_of_another_site_leaves_no_text_on_the_device(
    visit: Visiting, demo: Gateway
) -> None:
    nato = await visit()
    page, board = nato.page, f"{demo.base_url}/c/{CHANNEL}"
    await nato.sign_in("nato/duty_officer", CHANNEL)
    await keeping(page)
    other = await page.context.new_page()
    await other.goto("about:blank")
    await other.set_content(FOREIGN.format(board=board))
    await other.get_by_role("button", name="Go").click()
    await other.wait_for_url(f"{board}/offline")
    await page.goto(f"{board}/compose/contact-note")
    assert not [name for name in await kept(page) if name.startswith("draft")]
    await expect(page.get_by_role("button", name="Put it back")).to_have_count(0)


async def test_the_pages_can_be_installed(visit: Visiting) -> None:
    nato = await visit()
    await nato.sign_in("nato/duty_officer", CHANNEL)
    await keeping(nato.page)
    devtools = await nato.page.context.new_cdp_session(nato.page)
    manifest = await devtools.send("Page.getAppManifest")
    assert manifest["errors"] == []
    found = await devtools.send("Page.getInstallabilityErrors")
    private = "in-incognito"  # each visit has a browser of its own that keeps nothing
    assert [
        each["errorId"] for each in found["installabilityErrors"] if each["errorId"] != private
    ] == []


async def test_signing_out_deletes_what_the_device_keeps(visit: Visiting) -> None:
    nato = await visit()
    await nato.sign_in("nato/duty_officer", CHANNEL)
    await keeping(nato.page)
    await nato.page.locator(".menu > summary").click()
    await nato.page.locator("form[action='/sign-out'] button").click()
    await expect(nato.page.locator("#token")).to_be_visible()
    assert await kept(nato.page) == {}


async def test_the_end_of_a_session_deletes_what_the_device_keeps(visit: Visiting) -> None:
    nato = await visit()
    await nato.sign_in("nato/duty_officer", CHANNEL)
    await keeping(nato.page)
    await nato.page.context.clear_cookies()
    await until_kept(nato.page, 0)
    await nato.page.goto(f"{nato.service.base_url}/c/{CHANNEL}")
    await expect(nato.page.locator("#token")).to_be_visible()


async def test_an_auditor_s_device_keeps_no_number(visit: Visiting) -> None:
    auditor = await visit()
    await auditor.sign_in("china/auditor", CHANNEL)
    await keeping(auditor.page)
    ((_, text),) = (await kept(auditor.page)).items()
    assert "tel:" not in text
    assert 'id="begin"' not in text  # and it offers no text to begin
