"""The watch board in a browser, with scripts and without."""

import re
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Locator, Page, expect

from browsing import EXERCISE, Flash, Visiting
from dragoman.i18n.words import words
from office import Office
from service import INCIDENT, NOTE, Caller, Gateway, new_key

pytestmark = pytest.mark.browser

CALM = "nato-china"


def row(page: Page, number: str) -> Locator:
    return page.locator("main tr[data-exchange]", has_text=number)


def button(page: Page, number: str) -> Locator:
    return row(page, number).get_by_role("button", name="Acknowledge receipt")


async def test_the_board_has_what_its_json_has_the_most_urgent_first(
    visit: Visiting, flash: Flash, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    await Caller(session, demo, "nato/officer").open(NOTE, EXERCISE)
    await flash()
    auditor = await visit()
    await auditor.sign_in("china/auditor")
    view = await auditor.page.evaluate(
        "fetch(location.pathname + '.json').then((answer) => answer.json())"
    )
    waiting = [each["exchange"] for each in view["waiting"]]
    shown = await auditor.page.locator(
        "section[aria-labelledby=waiting] tr[data-exchange]"
    ).evaluate_all("rows => rows.map((row) => row.dataset.exchange)")
    assert shown == waiting
    now = datetime.now(UTC)
    ahead = [
        each
        for each in (*view["waiting"], *view["due"])
        if each.get("due") and datetime.fromisoformat(each["due"]) > now
    ]
    soonest = min(ahead, key=lambda each: datetime.fromisoformat(each["due"]))
    lead = await auditor.page.locator("main .lead").inner_text()
    assert f": {words('en').clock(soonest['clock'])}, by {soonest['owed_by'].upper()}." in lead, (
        "receipts are due as well"
    )
    order = ["critical", "serious", "caution", "standby", "normal", "off"]
    assert [each["level"] for each in view["waiting"]] == sorted(
        (each["level"] for each in view["waiting"]), key=order.index
    )
    owed = {
        side: sum(each["owed_by"] == side for each in view["waiting"]) for side in ("nato", "china")
    }
    first, *further = [side for side in ("nato", "china") if owed[side]]
    waits = f"{owed[first]} {'waits' if owed[first] == 1 else 'wait'} for {first.upper()}"
    assert await auditor.headline() == ", ".join(
        [waits, *(f"{owed[side]} for {side.upper()}" for side in further)]
    )
    matters = [each["exchange"] for each in view["open_matters"]]
    listed = await auditor.page.locator(
        "section[aria-labelledby=open] tr[data-matter]"
    ).evaluate_all("rows => rows.map((row) => row.dataset.matter)")
    assert listed == matters[: len(listed)] and set(waiting) <= set(matters)
    table = await auditor.page.evaluate(
        "fetch(location.pathname + '.csv').then((answer) => answer.text())"
    )
    assert len(table.strip().splitlines()) == 1 + len(view["waiting"]) + len(view["overdue"]) + len(
        view["due"]
    )
    assert auditor.complaints == []


async def test_a_wrong_token_is_refused_in_words_beside_the_field(visit: Visiting) -> None:
    guest = await visit()
    await guest.page.goto(guest.service.base_url)
    await guest.page.get_by_label("Token").fill("drg_wrong")
    await guest.page.get_by_role("button", name="Sign in").click()
    await expect(guest.page.locator(".fault")).to_contain_text("This token is not known here.")
    await expect(guest.page.get_by_label("Token")).to_have_attribute("aria-invalid", "true")
    assert (await guest.page.title()).startswith("Error: ")
    assert await guest.page.context.cookies() == []


async def test_an_acknowledgement_by_one_side_shows_on_the_open_page_of_the_other(
    visit: Visiting, flash: Flash, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    nato, china = await visit(), Caller(session, demo, "china/duty_officer")
    await nato.sign_in("nato/duty_officer")
    await nato.page.evaluate("window.unchanged = true")
    took: list[float] = []
    while not took or (min(took) >= 3 and len(took) < 8):  # on a busy machine the best counts
        number = await flash()
        await expect(row(nato.page, number).first).to_contain_text("FLASH")
        waiting = row(nato.page, number).filter(has_text="Acknowledgement")
        await expect(waiting).to_have_count(1)
        rows = (await china.get(f"/v1/channels/{EXERCISE}/exchanges?number={number}")).json[
            "exchanges"
        ]
        begun = time.monotonic()
        await china.post(
            f"/v1/channels/{EXERCISE}/exchanges/{rows[0]['id']}/acts", {"act": "acknowledgement"}
        )
        await expect(waiting).to_have_count(0)
        took.append(time.monotonic() - begun)
    assert min(took) < 3
    assert await nato.page.evaluate("window.unchanged")
    assert nato.complaints == []


async def test_the_board_works_without_scripts(visit: Visiting, flash: Flash) -> None:
    number = await flash()
    china = await visit(java_script_enabled=False)
    await china.sign_in("china/duty_officer")
    await expect(china.page.get_by_text("This page does not ring.")).to_be_visible()
    await expect(china.page.get_by_text("Page as loaded")).to_be_visible()
    await button(china.page, number).first.click()
    await expect(china.page.locator("#saying")).to_have_text(
        "Receipt acknowledged. This says only that you have it."
    )
    await expect(button(china.page, number)).to_have_count(0)
    await china.page.locator(".menu > summary").click()
    await china.page.get_by_role("button", name="Sign out").click()
    await expect(china.page.locator("h1")).to_have_text("Sign in")
    await expect(china.page.get_by_text("You are signed out.")).to_be_visible()
    assert china.complaints == []


async def test_the_watch_is_taken_and_handed_over_on_the_board_with_its_note(
    visit: Visiting, tmp_path: Path, chromium: Path
) -> None:
    service = Office(tmp_path / "data", demo=True)
    try:
        for scripts in (False, True):
            nato = await visit(service, java_script_enabled=scripts)
            await nato.sign_in("nato/duty_officer", CALM)
            await nato.page.get_by_role("button", name="Take the watch").click()
            await expect(nato.page.locator("#saying")).to_have_text("You have the watch.")
            await expect(nato.page.locator("#cell-watch-nato")).to_contain_text("NATO manned")
            await nato.page.get_by_text("Take the watch, or hand it over").click()
            await nato.page.get_by_label("Hand over to").select_option("h-1")
            await nato.page.get_by_label("Note for both sides").fill("All quiet.")
            await nato.page.get_by_role("button", name="Hand over the watch").click()
            await expect(nato.page.locator("#saying")).to_have_text("The watch is handed over.")
            await expect(nato.page.get_by_text("head of office h-1").first).to_be_visible()
            await expect(nato.page.get_by_text("All quiet.")).to_be_visible()
            assert nato.complaints == []
            head = await visit(service, java_script_enabled=False)
            await head.sign_in("nato/head_of_office", CALM)
            await head.page.get_by_text("Take the watch, or hand it over").click()
            await head.page.get_by_role("button", name="Hand over the watch").click()
            await expect(head.page.locator("#cell-watch-nato")).to_contain_text("NATO not manned")
    finally:
        service.stop()


async def test_a_message_can_be_acknowledged_by_keyboard_alone(
    visit: Visiting, flash: Flash
) -> None:
    number = await flash()
    china = await visit()
    await china.page.goto(f"{china.service.base_url}/c/{EXERCISE}")
    token = china.page.get_by_label("Token")
    for _ in range(20):
        await china.page.keyboard.press("Tab")
        if await token.evaluate("element => element === document.activeElement"):
            break
    await china.page.keyboard.type(china.service.token("china/duty_officer"))
    await china.page.keyboard.press("Enter")
    dialog = china.page.locator("dialog[open]", has_text=number)
    for _ in range(20):
        await china.page.locator("dialog[open]").wait_for()
        await china.page.wait_for_timeout(900)
        last = await dialog.count()
        await china.page.keyboard.press("a")
        if last:
            break
        await china.page.wait_for_timeout(300)
    await expect(button(china.page, number)).to_have_count(0)
    assert china.complaints == []


async def test_a_page_is_not_known_while_the_service_does_not_see_the_log(
    visit: Visiting, tmp_path: Path, chromium: Path
) -> None:
    service = Office(tmp_path / "data", demo=True)
    try:
        scripted, plain = await visit(service), await visit(service, java_script_enabled=False)
        await scripted.sign_in("china/duty_officer", CALM)
        await plain.sign_in("china/duty_officer", CALM)
        service.signal_broker(signal.SIGSTOP)
        try:
            await expect(scripted.page.locator("h1")).to_have_text(
                "Not known.", use_inner_text=True
            )
            await expect(
                scripted.page.get_by_text("this host does not see the log.")
            ).to_be_visible()
            await plain.page.reload()
            assert await plain.headline() == "Not known."
            assert "Quiet" not in await plain.page.content()
        finally:
            service.signal_broker(signal.SIGCONT)
        await expect(scripted.page.locator("h1")).to_have_text(
            "1 thing is late", use_inner_text=True
        )
        assert scripted.complaints + plain.complaints == []
    finally:
        service.stop()


async def test_quiet_is_said_only_once_the_line_was_checked_every_watch_is_manned_and_no_matter_is_open(
    visit: Visiting, tmp_path: Path, chromium: Path, session: aiohttp.ClientSession
) -> None:
    service = Office(tmp_path / "data", demo=True)
    try:
        new: dict[str, Any] = {
            "name": "hotline",
            "kind": "official",
            "sides": ["nato", "china"],
            "languages": ["en"],
        }
        new |= {
            "officers": [
                {"side": side, "officer": "d-1", "office": "hq", "roles": ["duty_officer"]}
                for side in ("nato", "china")
            ]
        }
        operator = Caller(session, service, "operator")
        assert (await operator.post("/v1/channels", new)).status == 201
        actors = {
            side: (
                await operator.post("/v1/tokens", {"actor": f"{side}/d-1", "channels": ["hotline"]})
            ).json["token"]
            for side in new["sides"]
        }
        nato, duty = Caller(session, service), Caller(session, service)
        nato.headers, duty.headers = (
            {"Authorization": f"Bearer {actors[side]}"} for side in ("nato", "china")
        )
        china = await visit(service)
        await china.enter_with(actors["china"], "/c/hotline")
        await expect(china.page.locator("h1")).to_have_text("Nothing waits.", use_inner_text=True)
        check = {
            "act": "line-check",
            "sequence": 1,
            "challenge": "Quick brown fox 0123456789",
            "circuit": "primary",
        }
        opened = (await nato.open(check, "hotline")).json
        echo = {"act": "echo", "text": check["challenge"]}
        await duty.post(f"/v1/channels/hotline/exchanges/{opened['exchange']}/acts", echo)
        await expect(china.page.locator("#cell-line")).to_contain_text("Line in order")
        for caller, headline in ((nato, "Nothing waits."), (duty, "Quiet.")):
            assert (
                await caller.post("/v1/channels/hotline/channel", {"act": "watch-assumption"})
            ).status == 201
            await expect(china.page.locator("h1")).to_have_text(headline, use_inner_text=True)
        await expect(china.page.locator(".lead")).not_to_contain_text("Nobody has the watch")
        await expect(china.page.locator("section[aria-labelledby=open]")).to_contain_text(
            "No matter is open."
        )
        near_miss = (await duty.open(INCIDENT, "hotline")).json["exchange"]
        await expect(china.page.locator("h1")).to_have_text("1 waits for NATO", use_inner_text=True)
        await nato.post(
            f"/v1/channels/hotline/exchanges/{near_miss}/acts", {"act": "acknowledgement"}
        )
        await expect(china.page.locator("h1")).to_have_text(
            "Nothing waits. 1 matter open.", use_inner_text=True
        )
        matter = china.page.locator("section[aria-labelledby=open] tr[data-matter]")
        for said in ("Near miss", "NATO acknowledged", "Update, owed by CHINA"):
            await expect(matter).to_contain_text(said)
        account = {"act": "counter-account", "facts": "At a safe distance."}
        await nato.post(f"/v1/channels/hotline/exchanges/{near_miss}/acts", account)
        await expect(china.page.locator("h1")).to_have_text("1 waits for you", use_inner_text=True)
        waits = china.page.locator("section[aria-labelledby=waiting] tr[data-exchange]")
        await expect(waits).to_contain_text("Own account from NATO")
        await expect(matter).to_contain_text("NATO has given its own account")
        assert china.complaints == []
    finally:
        service.stop()


async def test_the_board_of_the_past_shows_no_form_and_keeps_its_moment_in_every_link(
    visit: Visiting, flash: Flash, demo: Gateway
) -> None:
    await flash()
    china = await visit()
    await china.enter("china/auditor", f"/c/{EXERCISE}?at=21")
    await expect(china.page.get_by_text("You are looking at the past.")).to_be_visible()
    assert await china.page.locator("main form").count() == 0
    links = await china.page.locator("main a, nav[aria-label=Pages] a").evaluate_all(
        "links => links.map((link) => link.getAttribute('href'))"
    )
    assert links
    assert [
        link
        for link in links
        if "at=21" not in link and not link.startswith("/c/nato-china") and link != "/board"
    ] == []
    assert all("at=21" in link for link in links if link.startswith(f"/c/{EXERCISE}/"))
    await china.page.keyboard.press("End")
    await expect(china.page.get_by_text("You are looking at the past.")).to_have_count(0)
    assert china.complaints == []


async def test_an_acknowledgement_that_a_role_may_not_make_is_answered_by_a_page_that_says_so(
    visit: Visiting, flash: Flash, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    number = await flash()
    auditor = await visit()
    await auditor.sign_in("china/auditor")
    exchange = await row(auditor.page, number).first.get_attribute("data-exchange")
    fields = {"exchange": exchange, "of": exchange, "key": new_key()}
    async with auditor.page.expect_navigation() as navigation:
        await auditor.page.evaluate(
            """([action, fields]) => {
                const form = Object.assign(document.createElement("form"), {method: "post", action});
                for (const [name, value] of Object.entries(fields)) form.append(Object.assign(document.createElement("input"), {name, value}));
                document.body.append(form);
                form.submit();
            }""",
            [f"/c/{EXERCISE}/acknowledge", fields],
        )
    response = await navigation.value
    assert response is not None
    assert response.status == 403
    assert await auditor.headline() == "You are not allowed to do this"
    await expect(
        auditor.page.get_by_text(
            "You cannot do this as auditor: Acknowledgement of receipt. Only these roles can"
        )
    ).to_be_visible()
    await auditor.page.get_by_role("link", name="Back to the board").click()
    await expect(row(auditor.page, number).first).to_be_visible()


async def test_the_board_of_an_exercise_is_marked_at_both_ends_and_in_its_title(
    visit: Visiting, flash: Flash
) -> None:
    await flash()
    china = await visit()
    await china.sign_in("china/duty_officer")
    assert await china.page.get_by_text("SIDES ONLY").count() >= 2
    assert (await china.page.title()).startswith("EXERCISE "), "by turns"
    drills = await china.page.locator(".drill").all_inner_texts()
    assert drills == ["EXERCISE\nEXERCISE\nEXERCISE"] * 2


async def test_the_wall_display_fits_its_screen_and_shows_a_flash_as_it_comes(
    visit: Visiting, flash: Flash, demo: Gateway
) -> None:
    china = await visit(viewport={"width": 1920, "height": 1080})
    await china.enter("china/auditor", f"/c/{EXERCISE}?wall=1")
    await expect(china.page.locator("#wall [data-flash]").first).to_be_visible()
    before = await china.page.locator("body").get_attribute("data-position")
    await flash()
    await expect(china.page.locator(f"body:not([data-position='{before}'])")).to_have_count(1)
    for width, height in ((1920, 1080), (1280, 720)):
        await china.page.set_viewport_size({"width": width, "height": height})
        for overflow in ("#wall main", "html"):
            held = await china.page.locator(overflow).evaluate(
                "(of) => [of.scrollWidth - of.clientWidth, of.scrollHeight - of.clientHeight]"
            )
            assert max(held) <= 1, (width, overflow, held)
    assert china.complaints == []


@pytest.mark.parametrize(
    "path",
    [
        f"/c/{EXERCISE}/acknowledge",
        f"/c/{EXERCISE}/watch",
        "/sign-in",
        "/sign-out",
        "/preferences",
        "/alarm/beat",
    ],
)
async def test_a_form_from_another_site_is_refused(
    path: str, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://elsewhere.example"},
    ):
        async with session.post(
            demo.base_url + path, data={"token": demo.token("china/duty_officer")}, headers=headers
        ) as response:
            assert response.status == 403
            assert "Set-Cookie" not in response.headers


async def test_a_screen_keeps_its_language_and_its_light(visit: Visiting) -> None:
    china = await visit()
    await china.sign_in("china/auditor", CALM)
    await china.page.locator(".menu > summary").click()
    await china.page.get_by_role("button", name="中文").click()
    await expect(china.page.locator("html")).to_have_attribute("lang", "zh-Hans")
    await china.page.locator(".menu > summary").click()
    await china.page.locator("button[name=theme][value=night]").click()
    await expect(china.page.locator("html")).to_have_attribute("data-theme", "night")
    await expect(china.page.locator("html")).to_have_attribute("lang", "zh-Hans")
    await china.page.locator(".menu > summary").click()
    await china.page.get_by_role("button", name="English").click()
    await expect(china.page.get_by_role("link", name=re.compile("Board"))).to_be_visible()
    assert china.complaints == []


async def test_a_caution_is_shelved_for_a_reason_and_stands_in_the_turn_over_note(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    nato, china = (
        Caller(session, demo, "nato/duty_officer"),
        Caller(session, demo, "china/duty_officer"),
    )
    note = {
        "act": "contact-note",
        "form": "conversation",
        "precedence": "priority",
        "text": "Please read by noon.",
    }
    number = (await nato.open(note, CALM)).json["number"]
    guest = await visit(java_script_enabled=False)
    await guest.sign_in("china/duty_officer", CALM)
    page = guest.page
    if await page.get_by_role("button", name="Take the watch", exact=True).count():
        await page.get_by_role("button", name="Take the watch", exact=True).click()
    await page.get_by_text(f"Shelve {number}").click()
    await page.get_by_label("Reason").first.fill("The translator comes at ten.")
    await page.locator("select[name=hours]").first.select_option("4")
    await page.get_by_role("button", name="Shelve it").first.click()
    await expect(page.locator("#saying")).to_contain_text("Shelved.")
    await expect(page.locator("section[aria-labelledby=waiting]", has_text=number)).to_have_count(0)
    shelf = page.locator("section[aria-labelledby=shelved]")
    await expect(shelf).to_contain_text("by d-1: The translator comes at ten.")
    headline = await page.locator("h1").inner_text()
    assert (
        not {"Quiet.", "Nothing waits."} & {headline}
        and "Nothing waits" not in await page.locator(".lead").inner_text()
    )
    silenced = f"{demo.base_url}/alarm/silenced"
    cookie = "; ".join(f"{each['name']}={each['value']}" for each in await page.context.cookies())
    async with session.post(
        silenced, data={"channel": CALM}, headers={"Cookie": cookie, "Origin": demo.base_url}
    ) as answer:
        assert answer.status == 204
    await page.goto(f"{demo.base_url}/c/{CALM}/reports/turn-over")
    told = page.locator("section", has=page.get_by_role("heading", name="Shelved and silenced"))
    await expect(told).to_contain_text("The translator comes at ten.")
    await expect(told).to_contain_text("A screen was silenced 1 time.")
    await page.goto(f"{demo.base_url}/c/{CALM}")
    await shelf.get_by_role("link", name=number).click()
    clocks = page.locator("section[aria-labelledby=clocks] li", has_text="ACK")
    await expect(clocks).to_contain_text("by d-1: The translator comes at ten.")
    await clocks.get_by_role("button", name="Take it back").click()
    await expect(page.locator("#saying")).to_contain_text("Taken back from the shelf.")
    await clocks.get_by_text(f"Shelve {number}").click()
    await clocks.get_by_label("Reason").fill("It waits for the night shift.")
    await clocks.get_by_role("button", name="Shelve it").click()
    await expect(clocks).to_contain_text("until")
    await page.goto(f"{demo.base_url}/c/{CALM}")
    await expect(shelf).to_contain_text("It waits for the night shift.")
    await page.get_by_role("button", name="Take it back").click()
    await expect(page.locator("section[aria-labelledby=waiting]")).to_contain_text(number)
    await expect(shelf).to_have_count(0)
    note = (await china.get(f"/v1/channels/{CALM}/reports/turn-over")).json
    assert (note.get("shelved", []), note["silenced"]) == ([], 1)
    assert guest.complaints == []
