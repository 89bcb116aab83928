import os
import re
import signal
from pathlib import Path

import aiohttp
import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]  # has no types
from playwright.async_api import Locator, Page, expect

from browsing import EXERCISE, Flash, Visit, Visiting
from service import NOTE, Caller, Service, new_key

pytestmark = pytest.mark.browser

CALM = "nato-china"
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]
SIZES = {"wide": {"width": 1280, "height": 800}, "narrow": {"width": 320, "height": 568}}


def row(page: Page, number: str) -> Locator:
    return page.locator("tr[data-exchange]", has_text=number)


def button(page: Page, number: str) -> Locator:
    return page.get_by_role("button", name=f"Acknowledge receipt of {number}", exact=True)


async def tab_to(page: Page, wanted: Locator, most: int = 60) -> None:
    for _ in range(most):
        await page.keyboard.press("Tab")
        if await wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{wanted} is not reached by the Tab key")


async def assert_accessible(visit: Visit, *, wide: bool) -> None:
    results = await Axe().run(visit.page, options={"runOnly": {"type": "tag", "values": LEVELS}, "resultTypes": ["violations"]})
    assert [(found["id"], [node["target"] for node in found["nodes"]]) for found in results.response["violations"]] == []
    assert await visit.page.locator("h1").count() == 1
    if not wide:
        assert await visit.page.evaluate("document.documentElement.scrollWidth") <= SIZES["narrow"]["width"]


async def test_the_flash_stands_first_on_the_board_of_the_side_that_owes_its_acknowledgement(
    visit: Visiting, flash: Flash, demo: Service, session: aiohttp.ClientSession
) -> None:
    await Caller(session, demo, "nato/officer").open(NOTE, EXERCISE)
    number = await flash()
    china = await visit()
    await china.sign_in("china/duty_officer")
    rows = await china.page.locator("tr[data-exchange]").all_inner_texts()
    words = [next(word for word in ("FLASH", "ROUTINE") if word in text) for text in rows]
    assert words == sorted(words)
    assert {"FLASH", "ROUTINE"} == set(words)
    assert re.fullmatch(r"\d+ messages wait for an acknowledgement", await china.headline())
    await expect(button(china.page, number)).to_be_visible()
    await expect(china.page.get_by_text("This says only that you have it.")).to_be_visible()
    assert china.complaints == []


async def test_a_wrong_token_is_refused_in_words_beside_the_field(visit: Visiting) -> None:
    guest = await visit()
    await guest.page.goto(guest.service.base_url)
    await guest.page.get_by_label("Token").fill("drg_wrong")
    await guest.page.get_by_role("button", name="Sign in").click()
    await expect(guest.page.get_by_role("alert")).to_contain_text("This token is not known here.")
    await expect(guest.page.get_by_label("Token")).to_have_attribute("aria-invalid", "true")
    assert (await guest.page.title()).startswith("Error: ")
    assert await guest.page.context.cookies() == []


async def test_an_acknowledgement_by_one_side_shows_on_the_open_page_of_the_other(visit: Visiting, flash: Flash) -> None:
    number = await flash()
    nato, china = await visit(), await visit()
    await nato.sign_in("nato/duty_officer")
    await expect(row(nato.page, number)).to_contain_text("not acknowledged")
    await expect(button(nato.page, number)).to_have_count(0)
    await nato.page.evaluate("window.unchanged = true")
    before = await nato.headline()
    await china.sign_in("china/duty_officer")
    await button(china.page, number).click()
    await expect(china.page.get_by_role("status")).to_have_text("Receipt acknowledged. This says only that you have it.")
    await expect(row(china.page, number)).to_have_count(0)
    await expect(row(nato.page, number)).to_have_count(0)
    assert before != await nato.headline()
    await expect(nato.page.get_by_role("status")).to_have_text(await nato.headline())
    assert await nato.page.evaluate("window.unchanged")
    assert nato.complaints + china.complaints == []


async def test_a_new_flash_comes_onto_an_open_page_and_leaves_the_focus_where_it_was(visit: Visiting, flash: Flash) -> None:
    number = await flash()
    china = await visit()
    await china.sign_in("china/duty_officer")
    await button(china.page, number).focus()
    later = await flash()
    await expect(row(china.page, later)).to_be_visible()
    await expect(button(china.page, number)).to_be_focused()
    assert china.complaints == []


async def test_the_board_works_without_scripts(visit: Visiting, flash: Flash) -> None:
    number = await flash()
    china = await visit(java_script_enabled=False)
    await china.sign_in("china/duty_officer")
    await expect(china.page.get_by_text("Page as loaded")).to_be_visible()
    await button(china.page, number).click()
    await expect(china.page.get_by_role("status")).to_have_text("Receipt acknowledged. This says only that you have it.")
    await china.page.goto(f"{china.service.base_url}/?channel={EXERCISE}")
    await expect(row(china.page, number)).to_have_count(0)
    await china.page.get_by_role("button", name="Sign out").click()
    await expect(china.page.locator("h1")).to_have_text("Sign in")
    assert china.complaints == []


async def test_a_message_can_be_acknowledged_by_keyboard_alone(visit: Visiting, flash: Flash) -> None:
    number = await flash()
    china = await visit()
    await china.page.goto(f"{china.service.base_url}/?channel={EXERCISE}")
    await tab_to(china.page, china.page.get_by_label("Token"))
    await china.page.keyboard.type(china.service.token("china/duty_officer"))
    await china.page.keyboard.press("Enter")
    await expect(button(china.page, number)).to_be_visible()
    await china.page.keyboard.press("Tab")
    await expect(china.page.get_by_role("link", name="Skip to the board")).to_be_focused()
    await china.page.keyboard.press("Enter")
    await tab_to(china.page, button(china.page, number))
    await china.page.keyboard.press("Enter")
    await expect(row(china.page, number)).to_have_count(0)
    assert china.complaints == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_is_accessible_at_every_size_and_in_both_schemes(visit: Visiting, flash: Flash, scheme: str, size: str) -> None:
    await flash()
    china = await visit(color_scheme=scheme, viewport=SIZES[size])
    await china.page.goto(china.service.base_url)
    await assert_accessible(china, wide=size == "wide")
    for channel in (CALM, EXERCISE):
        await china.page.context.clear_cookies()
        await china.sign_in("china/duty_officer", channel)
        await expect(china.page.get_by_text("Page live")).to_be_visible()
        await assert_accessible(china, wide=size == "wide")
        await expect(china.page.get_by_text("Trial: this host keeps the keys of all sides.")).to_be_visible()
        assert await china.page.get_by_text("SIDES ONLY").count() == 2
    assert (await china.page.title()).startswith("EXERCISE EXERCISE EXERCISE ")
    assert await china.page.locator(".drill").all_inner_texts() == ["EXERCISE\nEXERCISE\nEXERCISE"] * 2
    assert china.complaints == []
    await china.page.goto(f"{china.service.base_url}/?channel=none")
    await expect(china.page.get_by_role("link", name="Back to the board")).to_be_visible()
    await assert_accessible(china, wide=size == "wide")


async def test_a_page_is_quiet_only_while_it_is_known_to_be(visit: Visiting, tmp_path: Path, chromium: Path) -> None:
    service = Service(tmp_path / "data", "--demo")
    try:
        china = await visit(service)
        await china.sign_in("china/duty_officer", CALM)
        await expect(china.page.locator("h1")).to_have_text("Quiet.", use_inner_text=True)
        os.kill(service.process.pid, signal.SIGSTOP)
        try:
            await expect(china.page.get_by_role("alert")).to_contain_text(
                re.compile(r"Link lost since \d\d:\d\d:\d\dZ\.\s*What stands here is as of \d+ \w+ \d{4} \d\d:\d\d:\d\dZ"), timeout=6_000
            )
            assert await china.headline() == "Not known."
            assert "Quiet" not in await china.page.locator("body").inner_text()
            assert (await china.page.title()).startswith("Not known")
            assert await china.page.locator("#rail [data-state=normal]").count() == 0
            assert (await Axe().run(china.page)).response["violations"] == []
        finally:
            os.kill(service.process.pid, signal.SIGCONT)
        await expect(china.page.get_by_role("alert")).to_be_empty()
        await expect(china.page.locator("h1")).to_have_text("Quiet.", use_inner_text=True)
        await expect(china.page.get_by_text("Page live")).to_be_visible()
        service.stop()
        await expect(china.page.get_by_role("alert")).to_contain_text("Link lost since", timeout=6_000)
        assert await china.headline() == "Not known."
    finally:
        service.stop()


async def test_a_page_is_not_known_while_the_service_does_not_see_the_log(visit: Visiting, tmp_path: Path, chromium: Path) -> None:
    service = Service(tmp_path / "data", "--demo")
    try:
        scripted, plain = await visit(service), await visit(service, java_script_enabled=False)
        await scripted.sign_in("china/duty_officer", CALM)
        await plain.sign_in("china/duty_officer", CALM)
        service.signal_broker(signal.SIGSTOP)
        try:
            await expect(scripted.page.locator("h1")).to_have_text("Not known.", use_inner_text=True, timeout=15_000)
            await expect(scripted.page.get_by_text("Log not live")).to_be_visible()
            await expect(scripted.page.get_by_role("alert")).to_be_empty()
            await plain.page.reload()
            assert await plain.headline() == "Not known."
            assert "Quiet" not in await plain.page.content()
        finally:
            service.signal_broker(signal.SIGCONT)
        await expect(scripted.page.locator("h1")).to_have_text("Quiet.", use_inner_text=True, timeout=15_000)
        assert scripted.complaints + plain.complaints == []
    finally:
        service.stop()


async def test_an_auditor_sees_what_waits_and_no_button(visit: Visiting, flash: Flash) -> None:
    number = await flash()
    auditor = await visit()
    await auditor.sign_in("china/auditor")
    await expect(row(auditor.page, number)).to_be_visible()
    await expect(auditor.page.get_by_role("button", name=re.compile("Acknowledge"))).to_have_count(0)
    await expect(auditor.page.get_by_text("you are signed in as auditor")).to_be_visible()
    assert auditor.complaints == []


async def test_an_acknowledgement_that_a_role_may_not_make_is_answered_by_a_page_that_says_so(visit: Visiting, flash: Flash) -> None:
    number = await flash()
    auditor = await visit()
    await auditor.sign_in("china/auditor")
    exchange = await row(auditor.page, number).get_attribute("data-exchange")
    fields = {"channel": EXERCISE, "exchange": exchange, "key": new_key()}
    async with auditor.page.expect_navigation() as navigation:
        await auditor.page.evaluate(
            """fields => {
                const form = Object.assign(document.createElement("form"), {method: "post", action: "/acknowledge"});
                for (const [name, value] of Object.entries(fields)) form.append(Object.assign(document.createElement("input"), {name, value}));
                document.body.append(form);
                form.submit();
            }""",
            fields,
        )
    response = await navigation.value
    assert response is not None
    assert response.status == 403
    assert await auditor.headline() == "This actor may not do this"
    await expect(auditor.page.get_by_text("acknowledgement needs one of the roles")).to_be_visible()
    await auditor.page.get_by_role("link", name="Back to the board").click()
    await expect(row(auditor.page, number)).to_be_visible()


@pytest.mark.parametrize("path", ["/acknowledge", "/sign-in", "/sign-out"])
async def test_a_form_from_another_site_is_refused(path: str, demo: Service, session: aiohttp.ClientSession) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://elsewhere.example"}):
        async with session.post(demo.base_url + path, data={"token": demo.token("china/duty_officer")}, headers=headers) as response:
            assert response.status == 403
            assert "Set-Cookie" not in response.headers
