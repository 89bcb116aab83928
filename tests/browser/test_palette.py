"""The palette: Ctrl+K over a page, what it lists while somebody types, and who may open it."""

import asyncio
import re
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, Request, Route, expect

from browsing import EXERCISE, Flash, Visit, Visiting, acknowledge_all
from service import NOTE, Caller, Gateway
from world import REQUEST

pytestmark = [pytest.mark.browser, pytest.mark.fresh_context]

CALM = "nato-china"


def palette(page: Page) -> Locator:
    return page.locator("#palette")


def options(page: Page) -> Locator:
    return page.locator("#palette [role=option]")


def chosen(page: Page) -> Locator:
    return page.locator("#palette [aria-selected=true]")


async def open_palette(visit: Visit) -> Locator:
    """Open the palette by its keys; its field."""
    await visit.page.wait_for_load_state("load")
    await visit.page.keyboard.press("Control+k")
    field = visit.page.locator("#palette-q")
    await expect(field).to_be_focused()
    await expect(options(visit.page).first).to_be_attached()
    return field


async def typed(visit: Visit, text: str) -> None:
    """Type a text, and wait for its goals."""
    await visit.page.keyboard.type(text)
    await expect(palette(visit.page)).to_have_attribute("data-shown", text)


async def cookies_of(
    session: aiohttp.ClientSession, service: Gateway, token: str
) -> dict[str, str]:
    """Sign in without a browser."""
    signed = await session.post(
        f"{service.base_url}/sign-in", data={"token": token}, allow_redirects=False
    )
    return {"Cookie": signed.headers["Set-Cookie"].partition(";")[0], "Accept": "text/html"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def meeting(demo: Gateway) -> dict[str, Any]:
    """A meeting that NATO asked China for."""
    async with aiohttp.ClientSession() as session:
        nato = Caller(session, demo, "nato/officer")
        answer: dict[str, Any] = (await nato.open(REQUEST, CALM)).json
    return answer


async def test_results_come_while_somebody_types_and_the_keys_lead_through_them(
    visit: Visiting, meeting: dict[str, Any]
) -> None:
    china = await visit()
    await china.sign_in("china/officer", CALM)
    page = china.page
    await page.get_by_role("link", name="Inbox").first.focus()
    field = await open_palette(china)
    await expect(field).to_have_attribute("aria-expanded", "true")
    await expect(chosen(page)).to_have_count(0)
    await typed(china, "meet")
    await expect(chosen(page)).to_have_text("Meetings")
    await expect(page.locator("#palette-told")).to_have_text(re.compile(r"^\d+ results$"))
    ids = [await option.get_attribute("id") for option in await options(page).all()]
    moves = [("ArrowDown", 1), ("ArrowUp", 0), ("ArrowUp", -1), ("ArrowDown", 0), ("End", -1)]
    for key, place in [*moves, ("Home", 0)]:
        await page.keyboard.press(key)
        await expect(field).to_have_attribute("aria-activedescendant", str(ids[place]))
        await expect(chosen(page)).to_have_attribute("id", str(ids[place]))
    await expect(field).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.locator("#palette [data-close]")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(field).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(palette(page)).to_be_hidden()
    await expect(page.get_by_role("link", name="Inbox").first).to_be_focused()
    assert await page.locator("main").evaluate("main => main.inert") is False
    assert await field.input_value() == "", "nothing that was typed stays"
    await open_palette(china)
    serial = meeting["number"].split("/")[3]
    await typed(china, f"accept {serial}")
    await expect(chosen(page)).to_contain_text("Accept")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/exchanges/{meeting['exchange']}/acts/acceptance")
    view = await page.evaluate(
        "async path => (await fetch(path)).json()",
        f"/c/{CALM}/exchanges/{meeting['exchange']}.json",
    )
    assert "acceptance" in view["allowed"], "nothing was done by that"
    assert china.complaints == []


async def test_enter_waits_for_the_goals_of_what_is_typed_and_no_older_answer_is_shown(
    visit: Visiting,
) -> None:
    nato = await visit()
    await nato.sign_in("nato/officer", CALM)
    page = nato.page
    await open_palette(nato)
    held: list[Route] = []

    async def hold(route: Route) -> None:
        if "q=inbo&" in f"{route.request.url}&" or "q=statistics" in route.request.url:
            held.append(route)
        else:
            await route.continue_()

    await page.route("**/palette?*", hold)
    await page.keyboard.type("inbo")
    await expect(page.locator("#palette-told")).to_have_text("Searching…")
    await page.keyboard.type("x")
    await expect(palette(page)).to_have_attribute("data-shown", "inbox")
    for route in held:
        with_answer = route.fulfill(body="<div id='palette-answer' data-told='late'></div>")
        await asyncio.gather(with_answer, return_exceptions=True)
    await expect(chosen(page)).to_have_text("Inbox")
    held.clear()
    await page.locator("#palette-q").fill("statistics")
    await page.keyboard.press("Enter")
    await expect(palette(page)).to_be_visible()
    while not held:
        await asyncio.sleep(0.01)
    await held[0].continue_()
    await page.wait_for_url(f"**/c/{CALM}/statistics")


async def test_failed_answers_are_told_and_a_session_that_ended_leads_to_the_sign_in(
    visit: Visiting,
) -> None:
    nato = await visit()
    await nato.sign_in("nato/officer", CALM)
    page = nato.page
    await open_palette(nato)
    await page.route("**/palette?q=lost*", lambda route: route.abort())
    await page.keyboard.type("lost")
    await expect(page.locator("#palette-told")).to_have_text(
        "No answer. Type on, or press Enter to try again."
    )
    await expect(options(page)).to_have_count(0)
    await page.unroute("**/palette?q=lost*")
    await page.keyboard.press("Enter")
    await expect(palette(page)).to_be_hidden()  # the search of the inbox is what Enter leads to
    await page.wait_for_url(f"**/c/{CALM}/inbox?q=lost")
    await open_palette(nato)
    await page.context.clear_cookies()
    await page.keyboard.type("o")
    await expect(page.locator("#palette-told")).to_have_text("You are signed out.")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/sign-in?next=**")


async def test_a_takeover_covers_the_palette_whose_field_keeps_the_keyboard(
    visit: Visiting, flash: Flash, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    await acknowledge_all(session, demo, "china", EXERCISE)
    china = await visit()
    await china.sign_in("china/duty_officer")
    page = china.page
    await page.get_by_role("button", name="I am off duty").first.wait_for()
    await page.evaluate(
        "channel => sessionStorage.setItem('dragoman-duty china/d-1', `exercise:${channel}`)",
        EXERCISE,
    )
    field = await open_palette(china)
    await page.keyboard.type("inb")
    await flash()
    takeover = page.locator("dialog.flash[open]")
    await expect(takeover).to_be_visible()
    await expect(field).to_be_focused()
    assert (
        await page.evaluate(
            "document.elementFromPoint(innerWidth / 2, innerHeight / 4).closest('dialog').className"
        )
        != "palette"
    )
    await page.keyboard.type("ox")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Control+k")
    assert await field.input_value() == "inbox"
    await expect(takeover).to_be_visible()
    assert page.url.endswith(f"/c/{EXERCISE}"), "Enter leads nowhere while nobody sees the list"
    await page.wait_for_timeout(900)  # past the guard against stray keys, as in test_alarm.py
    await takeover.locator("[data-acknowledge]").click()
    await expect(takeover).to_have_count(0)
    await expect(field).to_be_focused()
    assert await field.input_value() == "inbox"


async def test_ctrl_k_opens_nothing_over_a_takeover(
    visit: Visiting, flash: Flash, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    await acknowledge_all(session, demo, "china", EXERCISE)
    await flash()
    china = await visit()
    await china.sign_in("china/duty_officer")
    takeover = china.page.locator("dialog.flash[open]")
    await expect(takeover).to_be_visible()
    await china.page.keyboard.press("Control+k")
    await expect(palette(china.page)).to_be_hidden()
    await expect(takeover).to_be_visible()
    await acknowledge_all(session, demo, "china", EXERCISE)


async def test_a_key_that_composes_a_character_leads_nowhere(visit: Visiting) -> None:
    china = await visit()
    await china.sign_in("china/officer", CALM)
    page = china.page
    await open_palette(china)
    requests: list[Request] = []
    page.on("request", lambda request: requests.append(request))  # noqa: PLW0108  # the library marks what it is given
    devtools = await page.context.new_cdp_session(page)
    for text in ("s", "sh", "收件"):
        await devtools.send(
            "Input.imeSetComposition",
            {"text": text, "selectionStart": len(text), "selectionEnd": len(text)},
        )
    for key in ("Enter", "Escape", "ArrowDown"):
        for kind in ("rawKeyDown", "keyUp"):
            await devtools.send(
                "Input.dispatchKeyEvent", {"type": kind, "key": key, "windowsVirtualKeyCode": 229}
            )
    await expect(palette(page)).to_be_visible()
    assert [each.url for each in requests if "/palette" in each.url] == []
    await devtools.send("Input.insertText", {"text": "收件"})
    await expect(palette(page)).to_have_attribute("data-shown", "收件")
    await expect(chosen(page)).to_have_text("Inbox")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/c/{CALM}/inbox**")


async def test_the_button_opens_it_and_without_scripts_a_page_has_the_same_groups(
    visit: Visiting, meeting: dict[str, Any]
) -> None:
    plain = await visit(java_script_enabled=False)
    scripted = await visit(viewport={"width": 390, "height": 844})
    for each in (plain, scripted):
        await each.enter("china/officer", f"/c/{CALM}/exchanges/{meeting['exchange']}")
        await each.page.get_by_role("link", name="Go to").click()
    await expect(palette(scripted.page)).to_be_visible()
    box = await palette(scripted.page).bounding_box()
    assert box is not None and (box["x"], box["width"]) == (0, 390)
    await expect(plain.page.locator("h1")).to_have_text("Go to")
    await expect(plain.page.locator("#g-recent")).to_have_text("Opened last")
    await expect(scripted.page.locator("[data-group=recent] [role=option]")).to_contain_text(
        "Incident of 24 November"
    )
    serial = meeting["number"].split("/")[3]
    for text in ("meet", serial, f"accept {serial}", "d-1", "counterpart", "no such thing"):
        await scripted.page.locator("#palette-q").fill(text)
        await expect(palette(scripted.page)).to_have_attribute("data-shown", text)
        groups = scripted.page.locator("#palette [data-group]")
        listed = [await group.get_attribute("data-group") for group in await groups.all()]
        assert await _groups(plain, text) == listed, text
    assert plain.complaints == []


async def _groups(visit: Visit, text: str) -> list[str]:
    """The groups of /go as data, with the search at the end, which only the pages have."""
    cookies = await visit.page.context.cookies()
    headers = {"Cookie": "; ".join(f"{each['name']}={each['value']}" for each in cookies)}
    async with (
        aiohttp.ClientSession() as session,
        session.get(
            f"{visit.service.base_url}/c/{CALM}/go.json?{urlencode({'q': text})}", headers=headers
        ) as answer,
    ):
        return [*(group["name"] for group in (await answer.json())["groups"]), "search"]


async def test_it_opens_over_the_wall_display_and_over_all_channels(visit: Visiting) -> None:
    nato = await visit()
    await nato.sign_in("nato/duty_officer", CALM)
    for path, text, to in (
        (f"/c/{CALM}?wall", "inbox", f"**/c/{CALM}/inbox**"),
        ("/board", EXERCISE, f"**/c/{EXERCISE}"),
    ):
        await nato.page.goto(nato.service.base_url + path)
        await nato.page.wait_for_load_state("load")
        await nato.page.keyboard.press("Control+k")
        await expect(nato.page.locator("#palette-q")).to_be_focused()
        await typed(nato, text)
        await nato.page.keyboard.press("Enter")
        await nato.page.wait_for_url(to)


TYPED = (
    "",
    "host",
    "m",
    "re",
    "report",
    "log",
    "16",
    "0004",
    "d-1",
    "nato",
    "accept",
    "re 0004",
    "key",
)


async def test_every_goal_leads_to_a_page_that_its_reader_may_open(
    demo: Gateway, session: aiohttp.ClientSession, meeting: dict[str, Any]
) -> None:
    readers = {
        name: demo.token(name)
        for name in ("nato/head_of_office", "china/auditor", "nato/administrator")
    }
    for name, token in {**readers, "operator": demo.operator.strip()}.items():
        headers = await cookies_of(session, demo, token)
        places = [""] if name == "operator" else ["", f"/c/{CALM}"]
        addresses: set[str] = set()
        for place in places:
            for text in (*TYPED, meeting["number"], meeting["exchange"]):
                query = urlencode({"q": text, "about": meeting["exchange"]})
                async with session.get(
                    f"{demo.base_url}{place}/go.json?{query}", headers=headers
                ) as answer:
                    assert answer.status == 200, (name, place, text)
                    listed = await answer.json()
                goals = [goal for group in listed["groups"] for goal in group["goals"]]
                addresses |= {goal["address"].partition("#")[0] for goal in goals}
        assert len(addresses) > (5 if name == "operator" else 30), name

        few = asyncio.Semaphore(4)  # a hundred pages at once would be refused on a busy machine

        async def status_of(
            address: str, headers: dict[str, str] = headers, few: asyncio.Semaphore = few
        ) -> tuple[str, int]:
            async with (
                few,
                session.get(
                    demo.base_url + address, headers=headers, allow_redirects=False
                ) as answer,
            ):
                return address, answer.status

        found = await asyncio.gather(*map(status_of, sorted(addresses)))
        wrong = [
            (address, status)
            for address, status in found
            if status != 200 and not (status == 303 and address.endswith("/inbox"))
        ]
        assert not wrong, (name, wrong)


async def test_a_text_of_a_channel_is_for_its_readers_only(
    demo: Gateway, session: aiohttp.ClientSession
) -> None:
    nato = Caller(session, demo, "nato/officer")
    opened = (await nato.open({**NOTE, "text": "Zanzibar is closed."}, CALM)).json
    headers = await cookies_of(session, demo, demo.token("nato/officer"))
    await (await session.get(f"{demo.base_url}/c/{CALM}/go", headers=headers)).read()  # it is there
    for name, sees in (("china/auditor", True), ("ukraine/officer", False)):
        headers = await cookies_of(session, demo, demo.token(name))
        for text in ("zanzibar", opened["number"], opened["exchange"]):
            async with session.get(
                f"{demo.base_url}/palette?{urlencode({'q': text})}", headers=headers
            ) as answer:
                listed = await answer.text()
            assert (f"/exchanges/{opened['exchange']}" in listed) == sees, (name, text)
