"""The alarm in a browser, through the real service and broker: rules.md §3, and of §7 the rows that
are of it.
"""

import asyncio
import contextlib
import json
import os
import random
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Page, Route, expect
from playwright.async_api import TimeoutError as PlaywrightTimeoutError

from browsing import EXERCISE, Flash, Visit, Visiting, acknowledge_all
from dragoman.limits import GROUP_ALARMS
from office import Office
from patience import PATIENCE_S
from service import INCIDENT, Caller, Gateway, Service

pytestmark = [pytest.mark.browser, pytest.mark.fresh_context]

ARMED = ["notifications"]
CALM = "nato-china"


def takeover(page: Page) -> Any:
    return page.locator("dialog[open]")


def button(page: Page) -> Any:
    return page.locator("dialog[open] [data-acknowledge]")


async def fold(page: Page, *, is_open: bool) -> None:
    """Unfold the states of the strip, or fold them: its line has the worst one alone."""
    if (await page.locator(".rail-more[open]").count() == 1) != is_open:
        await page.locator(".rail-more > summary").click()


async def arm(visit: Visit) -> None:
    await fold(visit.page, is_open=True)
    await visit.page.get_by_role("button", name="I am on duty: arm the alarm").click()
    await fold(visit.page, is_open=False)
    await visit.page.get_by_role("button", name="I heard the sound").click()
    await expect(visit.page.locator("body")).to_have_attribute(
        "data-alarm", re.compile("armed|partly")
    )


async def settle(page: Page) -> None:
    """Past the guard against stray keys."""
    await page.wait_for_timeout(900)


@pytest_asyncio.fixture(loop_scope="session")
async def quiet(session: aiohttp.ClientSession, demo: Gateway) -> None:
    for side in ("china", "nato"):
        await acknowledge_all(session, demo, side, EXERCISE)


@pytest.mark.usefixtures("quiet")
async def test_a_flash_takes_over_every_open_page_and_is_acknowledged_by_one_key_and_the_sender_sees_it(
    visit: Visiting, flash: Flash, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    china, nato = await visit(permissions=ARMED), await visit()
    await china.sign_in("china/duty_officer")
    other = await china.page.context.new_page()
    await other.goto(f"{demo.base_url}/c/{EXERCISE}/inbox")
    await nato.sign_in("nato/duty_officer")
    await arm(china)
    shown_s: list[float] = []
    gone_s: list[float] = []
    while not shown_s or (
        (min(shown_s) >= 2 or min(gone_s) >= 1) and len(shown_s) < 8
    ):  # on a busy machine the best counts
        begun = time.monotonic()
        number = await flash()
        await expect(takeover(china.page)).to_be_visible()
        shown_s.append(time.monotonic() - begun)
        await expect(takeover(other)).to_be_visible()
        await expect(takeover(china.page)).to_contain_text(number)
        assert (await china.page.title()).startswith("EXERCISE FLASH ")
        await expect(takeover(china.page).locator(".head")).to_be_focused()
        await expect(china.page.locator("body")).to_have_attribute("data-sounding", "flash")
        rows = nato.page.locator("li[data-exchange]", has_text=number)
        await expect(rows.filter(has_text="FLASH").first).to_be_visible()
        await settle(china.page)
        await china.page.keyboard.press("a")
        await expect(takeover(china.page)).to_have_count(0)
        begun = time.monotonic()
        await expect(takeover(other)).to_have_count(0)
        gone_s.append(time.monotonic() - begun)
    assert min(shown_s) < 2
    assert min(gone_s) < 1
    await expect(china.page.locator("#link-bar")).to_contain_text("Acknowledged")
    way = china.page.locator("#link-bar").get_by_role("link", name=f"Open {number}")
    assert "/exchanges/" in str(await way.get_attribute("href"))
    assert await china.page.locator("body").get_attribute("data-sounding") is None
    exchange = next(
        row
        for row in (
            await Caller(session, demo, "nato/officer").get(f"/v1/channels/{EXERCISE}/exchanges")
        ).json["exchanges"]
        if row["number"] == number
    )
    await expect(
        nato.page.locator(f"tr[data-exchange='{exchange['id']}']", has_text="Acknowledgement")
    ).to_have_count(0)
    assert china.complaints + nato.complaints == []


@pytest.mark.usefixtures("quiet")
async def test_three_officers_who_race_make_one_record_and_nobody_sees_an_error(
    visit: Visiting, flash: Flash, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    racers = [await visit(), await visit(), await visit()]
    for racer in racers:
        await racer.sign_in("china/duty_officer")
    number = await flash()
    for racer in racers:
        await expect(takeover(racer.page)).to_be_visible()
    await settle(racers[0].page)
    await asyncio.gather(*(racer.page.keyboard.press("a") for racer in racers))
    for racer in racers:
        await expect(takeover(racer.page)).to_have_count(0)
        assert racer.complaints == []
    view = await _view(session, demo, number)
    acts = [msg for msg in view["timeline"] if "acknowledgement.v1" in json.dumps(msg)]
    assert len(acts) == 1


async def _view(session: aiohttp.ClientSession, demo: Gateway, number: str) -> Any:
    caller = Caller(session, demo, "nato/officer")
    rows = (await caller.get(f"/v1/channels/{EXERCISE}/exchanges?number={number}")).json[
        "exchanges"
    ]
    return (await caller.get(f"/v1/channels/{EXERCISE}/exchanges/{rows[0]['id']}")).json


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("seed", [1, 2])
async def test_typing_through_a_flash_for_five_seconds_acknowledges_nothing_and_loses_nothing(
    seed: int, visit: Visiting, flash: Flash, demo: Gateway
) -> None:
    chance = random.Random(seed)
    china = await visit()
    await china.enter("china/duty_officer", f"/c/{EXERCISE}/compose/contact-note")
    boxes = china.page.locator("textarea[name='f.text.en']")  # an empty line begins another one
    await boxes.first.focus()

    async def text() -> str:
        return "\n\n".join([await box.input_value() for box in await boxes.all()])

    shown, typed, ends = asyncio.ensure_future(flash()), "", time.monotonic() + 5
    while time.monotonic() < ends:
        key = chance.choice(["a", "A", "e", "Enter", "Space", "a"])
        await china.page.keyboard.press(key)
        typed += {"Enter": "\n", "Space": " "}.get(key, key)
        await asyncio.sleep(chance.choice([0.02, 0.1, 0.3, 0.6, 1.1]))
    await shown
    await expect(takeover(china.page)).to_be_visible()
    await china.page.keyboard.press("a")  # after a pause as well: the field has had the focus
    await expect(takeover(china.page).locator("[data-outcome]")).to_have_text("")
    await expect(takeover(china.page).locator("[data-keys]")).to_contain_text("press Tab")
    assert await text() == f"{typed}a"
    await settle(china.page)
    await china.page.keyboard.press("Tab")
    await expect(takeover(china.page).locator(".head")).to_be_focused()
    await expect(takeover(china.page).locator("[data-keys]")).to_have_text("Shortcuts work now.")
    await china.page.keyboard.press("a")
    await expect(takeover(china.page)).to_have_count(0)
    await expect(boxes.last).to_be_focused()
    assert await text() == f"{typed}a"


@pytest.mark.usefixtures("quiet")
async def test_keys_act_only_after_a_moment_without_any(visit: Visiting, flash: Flash) -> None:
    china = await visit()
    await china.sign_in("china/duty_officer")
    await flash()
    await expect(takeover(china.page)).to_be_visible()
    await expect(takeover(china.page).locator(".head")).to_be_focused()
    await settle(china.page)
    await expect(takeover(china.page).locator("[data-keys]")).to_have_text("Shortcuts work now.")
    await china.page.evaluate(
        "() => { const at = performance.now(); performance.now = () => at; }"
    )  # for the guard no time passes
    for key in ["x", "a", "Enter", "b", "Space", "A"]:
        await china.page.keyboard.press(key)
    await expect(takeover(china.page).locator("[data-keys]")).to_have_text("Shortcuts work in 1 s.")
    await expect(takeover(china.page).locator("[data-outcome]")).to_have_text("")
    await china.page.evaluate("() => { delete performance.now; }")
    await settle(china.page)
    await china.page.keyboard.press("a")
    await expect(takeover(china.page)).to_have_count(0)


@pytest.mark.usefixtures("quiet")
async def test_a_pointer_acknowledges_from_a_field_and_gives_the_field_back(
    visit: Visiting, flash: Flash, demo: Gateway
) -> None:
    china = await visit()
    await china.enter("china/duty_officer", f"/c/{EXERCISE}/compose/contact-note")
    field = china.page.locator("textarea[name^='f.text']").first
    await field.fill("begun")
    await flash()
    await expect(takeover(china.page)).to_be_visible()
    await expect(field).to_be_focused()
    await settle(china.page)
    await button(china.page).click()
    await expect(takeover(china.page)).to_have_count(0)
    await expect(field).to_be_focused()
    assert await field.input_value() == "begun"


@pytest.mark.usefixtures("quiet")
async def test_the_waiting_time_and_the_button_fit_up_to_a_hundred_minutes(
    visit: Visiting, flash: Flash
) -> None:
    await flash()
    for language in ("en-GB", "fr-FR", "zh-CN"):
        china = await visit(locale=language)
        await china.sign_in("china/duty_officer")
        await expect(takeover(china.page)).to_be_visible()
        waited = takeover(china.page).locator("[data-waited]")
        for minutes, said in ((9.9, "09:5"), (99.9, "99:5"), (600, "10")):
            since = "(node, minutes) => { node.dataset.since = new Date(Date.now() - minutes * 60_000).toISOString(); }"
            await waited.evaluate(since, minutes)
            await expect(waited).to_contain_text(said)
            for width, height in ((1280, 800), (1366, 768), (1440, 900), (390, 844), (320, 568)):
                await china.page.set_viewport_size({"width": width, "height": height})
                found = await china.page.evaluate(_FITS)
                assert found == [], (language, width, said, found)


_FITS = """() => {
    const dialog = document.querySelector('dialog[open]');
    const wide = document.documentElement.clientWidth;
    const found = [];
    for (const [name, node] of [['time', dialog.querySelector('.wait')], ['button', dialog.querySelector('.ack')]]) {
        const range = document.createRange();
        range.selectNodeContents(node);
        const text = range.getBoundingClientRect();
        const line = parseFloat(getComputedStyle(node).fontSize);
        if (text.left < 0 || text.right > wide) found.push(`${name} is cut: ${text.left} to ${text.right} of ${wide}`);
        if (text.height > line * 1.9) found.push(`${name} breaks over lines: ${text.height} of ${line}`);
        const box = node.parentElement.getBoundingClientRect();
        if (name === 'time' && text.right > box.right + 1) found.push(`time leaves its column: ${text.right} of ${box.right}`);
        const limit = dialog.querySelector('[id^=f-limit]').getBoundingClientRect();
        if (name === 'time' && text.bottom > limit.top + line * 0.25) found.push('time lies over the limit');
    }
    return found;
}"""


@pytest.mark.usefixtures("quiet")
async def test_the_title_of_the_board_says_what_its_headline_says_while_an_immediate_sounds(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    china = await visit(permissions=ARMED)
    await china.sign_in("china/duty_officer")
    await arm(china)
    before = await china.page.title()
    await Caller(session, demo, "nato/duty_officer").open(
        {**INCIDENT, "precedence": "immediate"}, EXERCISE
    )
    await expect(china.page.locator("body")).to_have_attribute("data-sounding", "immediate")
    await expect(china.page.locator("#headline")).to_contain_text("waits for you")
    await china.page.wait_for_function(
        "() => document.title.includes(document.getElementById('headline').textContent.trim())"
    )
    assert await china.page.title() != before


@pytest.mark.usefixtures("quiet")
async def test_escape_silences_and_never_closes_and_a_second_flash_rings_at_once(
    visit: Visiting, flash: Flash
) -> None:
    china = await visit(permissions=ARMED)
    await china.sign_in("china/duty_officer")
    await arm(china)
    await flash()
    await expect(takeover(china.page)).to_be_visible()
    await expect(china.page.locator("body")).to_have_attribute("data-sounding", "flash")
    rung_s: list[float] = []
    while not rung_s or (
        min(rung_s) >= 1.5 and len(rung_s) < 8
    ):  # on a busy machine the best counts
        for _ in range(4):
            await china.page.keyboard.press("Escape")
        await expect(takeover(china.page)).to_be_visible()
        await expect(china.page.locator("body[data-sounding]")).to_have_count(0)
        silenced = takeover(china.page).locator("[data-silenced]")
        await expect(silenced).to_have_text(re.compile(r"Silent here until \d\d:\d\d:\d\dZ\."))
        await flash()
        begun = time.monotonic()
        await expect(china.page.locator("body")).to_have_attribute("data-sounding", "flash")
        rung_s.append(time.monotonic() - begun)
        await expect(takeover(china.page)).to_contain_text(f"1 of {1 + len(rung_s)}")
        await expect(silenced).to_have_text("")
    assert min(rung_s) < 1.5
    for place, _ in enumerate(rung_s, 1):
        await expect(takeover(china.page).locator("[data-of]")).to_have_text(
            f"{place} of {1 + len(rung_s)}"
        )
        await settle(china.page)
        await china.page.keyboard.press("a")
        await expect(takeover(china.page)).not_to_contain_text("Recording")
        await expect(takeover(china.page)).to_be_visible()
    await settle(china.page)
    await china.page.keyboard.press("a")
    await expect(takeover(china.page)).to_have_count(0)
    await flash()  # it waits alone: those before it are not counted with it
    await settle(china.page)
    await expect(takeover(china.page).locator("[data-of]")).to_have_text("")
    await china.page.keyboard.press("a")
    await expect(takeover(china.page)).to_have_count(0)
    assert china.complaints == []


@pytest.mark.usefixtures("quiet")
async def test_past_twenty_flashes_of_a_side_a_further_one_is_counted_without_a_new_sound(
    visit: Visiting, flash: Flash, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    china = await visit(permissions=ARMED)
    await china.sign_in("china/duty_officer")
    await arm(china)
    for _ in range(GROUP_ALARMS):
        await flash()
    flooded = china.page.locator("dialog.flooded[open]")
    await expect(flooded.locator("[data-count]")).to_have_text(f"{GROUP_ALARMS} flashes")
    for _ in range(4):
        await china.page.keyboard.press("Escape")
    await expect(china.page.locator("body[data-sounding]")).to_have_count(0)
    await flash()
    await expect(flooded.locator("[data-count]")).to_have_text(f"{GROUP_ALARMS + 1} flashes")
    for _ in range(10):
        assert await china.page.locator("body[data-sounding]").count() == 0
        await china.page.wait_for_timeout(200)
    await flash()
    await expect(flooded.locator("[data-count]")).to_have_text(f"{GROUP_ALARMS + 2} flashes")
    await flooded.locator("summary").click()
    await flooded.get_by_role("link", name="The inbox lists 1 more, page by page.").click()
    await expect(china.page).to_have_url(re.compile("/inbox.*side=nato.*unacknowledged_by=china"))
    await acknowledge_all(session, demo, "china", EXERCISE)


@pytest.mark.usefixtures("quiet")
async def test_a_flood_of_twelve_is_a_group_with_its_newest_message_and_a_button_for_each(
    visit: Visiting, flash: Flash, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    china = await visit()
    await china.sign_in("china/duty_officer")
    numbers = [await flash() for _ in range(12)]
    flooded = china.page.locator("dialog.flooded[open]")
    await expect(flooded.locator("#f-flood")).to_contain_text("12 flashes wait")
    await expect(flooded.locator("tbody[data-group]")).to_have_count(1)
    await expect(flooded.locator("[data-count]")).to_have_text("12 flashes")
    await expect(flooded.locator("[data-row]")).to_have_count(12)
    await expect(
        flooded.locator("button", has_text=re.compile("all", re.IGNORECASE))
    ).to_have_count(0)
    newest = flooded.locator("tr[data-row]")
    await flooded.locator("summary").click()
    await expect(flooded.locator("li[data-row] button")).to_have_count(11)
    first = await newest.get_attribute("data-row")
    await newest.hover()
    await flash()
    await expect(flooded.locator("[data-count]")).to_have_text("13 flashes")
    assert await newest.get_attribute("data-row") == first, "what is pointed at keeps its message"
    await settle(china.page)
    await newest.get_by_role("button").click()
    await expect(flooded.locator("[data-count]")).to_have_text("12 flashes")
    await expect(newest).not_to_have_attribute("data-row", first or "")
    for _ in range(12):
        await settle(china.page)
        shown = takeover(china.page)
        key = (
            await shown.locator("[data-row]").first.get_attribute("data-row")
            if await flooded.count()
            else await shown.get_attribute("data-key")
        )
        waits = china.page.locator(
            f"dialog[open] tr[data-row='{key}'] [data-acknowledge], dialog[open][data-key='{key}'] [data-acknowledge]"
        )
        async with asyncio.timeout(PATIENCE_S):
            while await waits.locator(
                "visible=true"
            ).count():  # a press on what has only just appeared does nothing
                with contextlib.suppress(PlaywrightTimeoutError):
                    await waits.first.click(timeout=2_000)
                await settle(china.page)
    await expect(takeover(china.page)).to_have_count(0)
    waiting = (
        await Caller(session, demo, "china/duty_officer").get(f"/v1/channels/{EXERCISE}/state")
    ).json["unacknowledged"]
    assert [
        each
        for each in waiting
        if each["number"] in numbers and "china" in each.get("unacknowledged_by", ())
    ] == []
    assert china.complaints == []


@pytest.mark.usefixtures("quiet")
async def test_the_button_stays_in_sight_on_a_telephone_and_at_four_times_the_size(
    visit: Visiting, flash: Flash
) -> None:
    await flash()
    for language in ("en-GB", "fr-FR", "zh-CN"):
        china = await visit(viewport={"width": 320, "height": 568}, locale=language)
        await china.sign_in("china/duty_officer")
        for height in (568, 256):
            await china.page.set_viewport_size({"width": 320, "height": height})
            await expect(takeover(china.page)).to_be_visible()
            box = await button(china.page).bounding_box()
            assert box is not None
            assert box["y"] >= 0
            assert box["y"] + box["height"] <= height
            assert box["height"] >= 64
            assert (
                await china.page.evaluate("document.querySelector('dialog[open]').scrollWidth")
                <= 320
            )


@pytest.mark.parametrize(
    ("permission", "told", "again"),
    [
        ("denied", "The browser blocks notifications", 0),
        ("default", "Notifications are not allowed", 1),
    ],
)
@pytest.mark.usefixtures("quiet")
async def test_a_press_is_offered_for_what_it_can_allow_and_settings_are_named_for_the_rest(
    visit: Visiting, permission: str, told: str, again: int
) -> None:
    china = await visit()
    await china.page.add_init_script(
        f"""Object.defineProperty(Notification, "permission", {{ get: () => "{permission}" }});
        Notification.requestPermission = async () => "{permission}";
        navigator.wakeLock.request = async () => new EventTarget();"""
    )
    await china.sign_in("china/duty_officer")
    await arm(china)
    cell = china.page.locator("#cell-alarm")
    await expect(cell).to_contain_text(told)
    await expect(cell.get_by_role("button", name="arm the alarm")).to_have_count(again)


@pytest.mark.usefixtures("quiet")
async def test_an_alarm_is_armed_only_while_its_sound_is_allowed(
    visit: Visiting, demo: Gateway
) -> None:
    china = await visit(permissions=ARMED)
    await china.sign_in("china/duty_officer")
    await expect(china.page.locator("#cell-alarm b")).to_have_text("Alarm not armed")
    await arm(china)
    await expect(china.page.locator("#cell-alarm")).to_contain_text(re.compile("Alarm (armed|on)"))
    await china.page.locator("nav a", has_text="Board").click()
    await expect(china.page.locator("body")).to_have_attribute(
        "data-alarm", re.compile("armed|partly|not_armed")
    )
    running = await china.page.evaluate("new AudioContext().state")
    shown = await china.page.locator("body").get_attribute("data-alarm")
    assert (shown in ("armed", "partly")) == (running == "running")
    second = await china.page.context.new_page()
    await second.goto(f"{demo.base_url}/c/{EXERCISE}")
    await expect(second.locator("#cell-alarm")).to_have_attribute("data-state", "serious")


async def test_eight_tabs_load_and_one_of_them_hears(visit: Visiting, demo: Gateway) -> None:
    china, asked = await visit(), list[str]()
    china.page.context.on("request", lambda request: asked.append(request.url))
    await china.sign_in("china/duty_officer", CALM)
    tabs = [china.page]
    for _ in range(7):
        tab = await china.page.context.new_page()
        took: list[float] = []
        while not took or (min(took) >= 3 and len(took) < 8):  # on a busy machine the best counts
            begun = time.monotonic()
            await tab.goto(f"{demo.base_url}/c/{CALM}")
            await expect(tab.locator("h1")).to_be_visible()
            took.append(time.monotonic() - begun)
        assert min(took) < 3
        tabs.append(tab)
    for tab in tabs:
        await expect(tab.locator("#cell-page")).to_contain_text("Page live")
    assert len([url for url in asked if "/alarm/events" in url]) < 8
    await tabs[0].close()
    await expect(tabs[1].locator("#cell-page")).to_contain_text("Page live")


async def test_an_acknowledgement_that_is_not_recorded_is_never_shown_as_one(
    visit: Visiting, tmp_path: Path, chromium: Path, session: aiohttp.ClientSession
) -> None:
    service = Office(tmp_path / "data", demo=True)
    try:
        china = await visit(service)
        await china.sign_in("china/duty_officer")
        await expect(takeover(china.page)).to_be_visible()
        await settle(china.page)
        service.signal_broker(signal.SIGSTOP)
        try:
            await china.page.keyboard.press("a")
            outcome = takeover(china.page).locator("[data-outcome]")
            await expect(outcome).to_contain_text("Not recorded yet. Trying again.")
            await expect(takeover(china.page)).to_be_visible()
        finally:
            service.signal_broker(signal.SIGCONT)
        await expect(takeover(china.page)).to_have_count(0)
        rows = (
            await Caller(session, service, "nato/officer").get(f"/v1/channels/{EXERCISE}/exchanges")
        ).json["exchanges"]
        view = (
            await Caller(session, service, "nato/officer").get(
                f"/v1/channels/{EXERCISE}/exchanges/{rows[0]['id']}"
            )
        ).json
        assert (
            len([each for each in view["timeline"] if "acknowledgement.v1" in json.dumps(each)])
            == 1
        )
    finally:
        service.stop()


async def assert_nothing_is_claimed(page: Page) -> None:
    """A page that hears nothing says what was known last, whom to ring, and goes on counting by
    this computer's clock.
    """
    await expect(page.locator("#headline")).to_have_text("Not known.")
    await expect(page.locator("#headline + p")).to_contain_text(
        re.compile(r"^Last known at \d\d:\d\d:\d\dZ: .+ Clocks run by this computer’s time\.$")
    )
    for key, word in (
        ("line", "Line"),
        ("watch-nato", "NATO"),
        ("watch-china", "CHINA"),
        ("proof", "Record"),
    ):
        await expect(page.locator(f"#cell-{key} b")).to_have_text(f"{word} not known")
        await expect(page.locator(f"#cell-{key} small")).to_have_text(
            re.compile(r", \d\d:\d\d:\d\dZ$")
        )
    await expect(page.locator("[data-bar='lost'] a[href^='tel:+']").first).to_contain_text(
        "NATO, duty desk: +"
    )
    await expect(page.locator(".times-line .own-clock").first).to_have_text("this computer’s clock")
    weights = "Array.from(document.querySelectorAll('#main b, #rail b'), (node) => Number(getComputedStyle(node).fontWeight))"
    assert max(await page.evaluate(weights)) < 600
    clock = page.locator(".times-line [data-utc]")
    before = await clock.inner_text()
    await expect(clock).not_to_have_text(before)


async def test_a_page_that_hears_nothing_looks_old_after_fifteen_seconds_and_is_blind_after_twenty(
    visit: Visiting, tmp_path: Path, chromium: Path
) -> None:
    service = Service(tmp_path / "data", "--demo")
    try:
        china = await visit(service)
        await china.sign_in("china/duty_officer", CALM)
        await expect(china.page.locator("#cell-page")).to_contain_text("Page live")
        alone = await visit(service, service_workers="block")
        await alone.page.route("**/watchdog.js", lambda _: None)  # its script never comes
        await alone.sign_in("china/duty_officer", CALM)
        await expect(alone.page.locator("#cell-page")).to_contain_text("Page live")
        blind_s: list[float] = []
        while not blind_s or (
            min(blind_s) >= 23 and len(blind_s) < 4
        ):  # on a busy machine the best counts
            os.kill(service.process.pid, signal.SIGSTOP)
            begun = time.monotonic()
            try:
                await expect(china.page.locator("body.unsure")).to_have_count(1)
                unsure = time.monotonic() - begun
                await expect(china.page.locator("[data-bar='lost']")).to_contain_text(
                    re.compile(
                        r"No connection for .+\. This page shows \d\d:\d\d:\d\dZ\. Use the telephone\."
                    )
                )
                blind_s.append(time.monotonic() - begun)
                assert 4 < unsure < blind_s[-1]
                assert await china.page.locator("#rail [data-state=normal]").count() == 0
                await expect(china.page.locator("#cell-page")).to_contain_text("Page not live")
                await assert_nothing_is_claimed(china.page)
                await expect(alone.page.locator("#cell-page")).to_contain_text("Page not live")
            finally:
                os.kill(service.process.pid, signal.SIGCONT)
            await expect(china.page.locator("[data-bar='lost']")).to_have_count(0)
            await expect(china.page.locator("[data-bar='back']")).to_contain_text(
                "Connected again after"
            )
            await expect(china.page.locator("#cell-page")).to_contain_text("Page live")
            await expect(china.page.locator("#headline")).not_to_have_text("Not known.")
            await expect(china.page.locator("#cell-line")).not_to_contain_text("not known")
            await expect(china.page.locator(".own-clock")).to_have_count(0)
        assert min(blind_s) < 23
    finally:
        service.stop()


async def test_after_an_outage_only_what_still_waits_rings(
    visit: Visiting, tmp_path: Path, chromium: Path, session: aiohttp.ClientSession
) -> None:
    service = Office(tmp_path / "data", demo=True)
    try:
        china = await visit(service)
        await acknowledge_all(session, service, "china", EXERCISE)
        await china.sign_in("china/duty_officer")
        await expect(china.page.locator("#cell-page")).to_contain_text("Page live")
        await china.page.context.set_offline(True)
        nato, colleague = (
            Caller(session, service, "nato/duty_officer"),
            Caller(session, service, "china/duty_officer"),
        )
        opened = [
            (await nato.open({**INCIDENT, "precedence": "flash"}, EXERCISE)).json for _ in range(3)
        ]
        for each in opened[:2]:
            await colleague.post(
                f"/v1/channels/{EXERCISE}/exchanges/{each['exchange']}/acts",
                {"act": "acknowledgement"},
            )
        await china.page.context.set_offline(False)
        await expect(takeover(china.page)).to_contain_text(opened[2]["number"])
        assert await china.page.locator("dialog.flash").count() == 1
    finally:
        service.stop()


_HALF = [(0, 0.15), (0.25, 0.15), (0.5, 0.15), (0.95, 0.15), (1.2, 0.15)]
RULES_OF_SOUNDS: dict[str, tuple[list[int], list[tuple[float, float]]]] = {
    "flash": ([660, 660, 660, 880, 880] * 2, _HALF + [(at + 1.85, long) for at, long in _HALF]),
    "immediate": ([523] * 3, [(0, 0.2), (0.4, 0.2), (0.8, 0.2)]),
    "short": ([440] * 2, [(0, 0.25), (0.4, 0.25)]),
    "blind": ([440, 330], [(0, 0.3), (0.35, 0.3)]),
    "back": ([330, 440], [(0, 0.3), (0.35, 0.3)]),
}
"""The base frequencies of a pattern, and when each pulse begins and how long it is, by the rules."""

REPEATED = """async () => {
    const { EVERY } = await import("/static/sounds.js");
    return [EVERY.flash(0), EVERY.immediate(0), EVERY.immediate(299), EVERY.immediate(300), EVERY.blind(0), EVERY.blind(119), EVERY.blind(120)];
}"""
"""The seconds after which a pattern is repeated, by how long it has been going on."""


async def test_each_sound_begins_its_pulses_on_time_at_its_frequency_and_below_its_peak(
    visit: Visiting, demo: Gateway
) -> None:
    china = await visit()
    await china.sign_in("china/duty_officer", CALM)
    measured = await china.page.evaluate(
        """async () => {
            const { PATTERNS, play, lasts } = await import("/static/sounds.js");
            const found = {};
            for (const name of Object.keys(PATTERNS)) {
                const rate = 44100;
                const context = new OfflineAudioContext(1, Math.ceil((lasts(name) + 0.2) * rate), rate);
                play(context, name, { when: 0 });
                const data = (await context.startRendering()).getChannelData(0);
                let peak = 0;
                for (const sample of data) peak = Math.max(peak, Math.abs(sample));
                const onsets = [];
                let quiet = rate;
                for (let at = 0; at < data.length; at += 1) {
                    if (Math.abs(data[at]) > 0.02) {
                        if (quiet > rate * 0.03) onsets.push(at / rate);
                        quiet = 0;
                    } else quiet += 1;
                }
                const frequencies = PATTERNS[name].map((pulse) => {
                    const from = Math.round((pulse.at + 0.04) * rate), to = Math.round((pulse.at + pulse.for - 0.04) * rate);
                    let best = 0, bestAt = 0;
                    for (let hz = 200; hz <= 1000; hz += 1) {
                        let re = 0, im = 0;
                        for (let at = from; at < to; at += 1) {
                            const angle = (2 * Math.PI * hz * at) / rate;
                            re += data[at] * Math.cos(angle);
                            im -= data[at] * Math.sin(angle);
                        }
                        const power = re * re + im * im;
                        if (power > best) { best = power; bestAt = hz; }
                    }
                    return bestAt;
                });
                found[name] = { peak, onsets, frequencies, expected: PATTERNS[name] };
            }
            return found;
        }"""
    )
    assert set(measured) == {"flash", "immediate", "short", "blind", "back"}
    for name, each in measured.items():
        assert each["peak"] <= 0.8, name
        assert [round(at, 2) for at in each["onsets"]] == [
            round(pulse["at"], 2) for pulse in each["expected"]
        ], name
        assert (
            max(
                abs(on - pulse["at"])
                for on, pulse in zip(each["onsets"], each["expected"], strict=True)
            )
            < 0.005
        )
        for heard, pulse in zip(each["frequencies"], each["expected"], strict=True):
            assert abs(heard - pulse["frequency"]) <= pulse["frequency"] * 0.01
        onsets = [(pulse["at"], pulse["for"]) for pulse in each["expected"]]
        assert each["frequencies"] == pytest.approx(RULES_OF_SOUNDS[name][0], rel=0.01), name
        assert onsets == [pytest.approx(pulse) for pulse in RULES_OF_SOUNDS[name][1]], name
    assert abs(measured["flash"]["expected"][-1]["at"] + 0.15 - 3.2) < 0.001
    assert await china.page.evaluate(REPEATED) == [10, 30, 30, 60, 15, 15, 60]


async def test_whoever_is_not_reached_sees_a_bar_and_no_button(
    visit: Visiting, flash: Flash
) -> None:
    number = await flash()
    auditor, sender = await visit(), await visit()
    await auditor.sign_in("china/auditor")
    await expect(auditor.page.locator("[data-bar='flash']")).to_contain_text(
        "FLASH from NATO waits"
    )
    await expect(takeover(auditor.page)).to_have_count(0)
    await expect(auditor.page.get_by_role("button", name=re.compile("Acknowledge"))).to_have_count(
        0
    )
    await sender.sign_in("nato/duty_officer")
    await expect(sender.page.locator("li[data-exchange]", has_text=number).first).to_be_visible()
    await expect(takeover(sender.page)).to_have_count(0)


@pytest.mark.parametrize("precedence", ["flash", "immediate"])
async def test_a_bar_names_the_message_that_waits_and_leads_to_it(
    precedence: str, visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    await acknowledge_all(session, demo, "china", EXERCISE)
    incident = {**INCIDENT, "kind": "laser", "precedence": precedence}
    sent: Any = (await Caller(session, demo, "nato/duty_officer").open(incident, EXERCISE)).json
    auditor = await visit()
    await auditor.sign_in("china/auditor")
    bar = auditor.page.locator(f"[data-bar='{precedence}']")
    await expect(bar).to_contain_text(re.compile(r"from NATO waits.*: Laser"))
    link = bar.get_by_role("link", name=f"Open {sent['number']}")
    await fold(auditor.page, is_open=True)  # something worse may have the line
    await link.click()
    await auditor.page.wait_for_url(re.compile(sent["exchange"]))
    await expect(bar).to_contain_text("Laser")
    await expect(link).to_have_count(0)
    await acknowledge_all(session, demo, "china", EXERCISE)
    plain = await visit(java_script_enabled=False)
    if precedence == "flash":
        again: Any = (
            await Caller(session, demo, "nato/duty_officer").open(incident, EXERCISE)
        ).json
        await plain.sign_in("china/auditor")
        await expect(
            plain.page.locator("#plain")
            .get_by_role("link", name="Laser")
            .filter(has=plain.page.get_by_title(again["number"], exact=True))
        ).to_be_visible()


async def within(page: Page, address: str | re.Pattern[str], change: Callable[[str], str]) -> None:
    """Have a page read other numbers than the server's, so that nobody waits for minutes."""

    async def handle(route: Route) -> None:
        answer = await route.fetch()
        await route.fulfill(response=answer, body=change(await answer.text()))

    await page.route(address, handle)


@pytest.mark.usefixtures("quiet")
async def test_a_quiet_watch_is_asked_whether_somebody_is_there_and_the_deputy_hears_of_no_answer(
    visit: Visiting, demo: Gateway
) -> None:
    head = await visit(permissions=ARMED)
    await head.enter("china/head_of_office", f"/c/{CALM}/admin/profiles#check")
    await head.page.get_by_label("beijing").check()
    await head.page.get_by_role("button", name="Keep this").click()
    await expect(head.page.get_by_label("beijing")).to_be_checked()
    china = await visit(
        permissions=ARMED, service_workers="block"
    )  # the page that is loaded is rewritten below
    await china.sign_in("china/duty_officer", CALM)
    assert await china.page.locator("body").get_attribute("data-check") == "720 15"
    take = china.page.get_by_role("button", name="Take the watch", exact=True)
    if await take.is_visible():
        await take.click()
        await expect(china.page.locator("#saying")).to_contain_text("You have the watch")
    await within(
        china.page,
        re.compile(rf"/c/{CALM}$"),
        lambda text: text.replace('data-check="720 15"', 'data-check="3 2"'),
    )
    await china.page.goto(f"{demo.base_url}/c/{CALM}")
    await arm(china)
    asked = china.page.locator("[data-bar=check]")
    await expect(asked).to_contain_text("Is somebody there?")
    await asked.get_by_role("button", name="I am here").click()
    await expect(asked).to_have_count(0)
    await expect(asked).to_contain_text("Is somebody there?")
    await expect(china.page.locator("body")).to_have_attribute("data-alarm", "no_answer")
    await expect(china.page.locator("#cell-alarm")).to_contain_text("Nobody answers here")
    await expect(head.page.locator("[data-bar=absent]")).to_contain_text(
        "nobody answers the watch check of d-1"
    )
    await china.page.keyboard.press("Shift")
    await expect(china.page.locator("body")).to_have_attribute(
        "data-alarm", re.compile("armed|partly")
    )
    await expect(head.page.locator("[data-bar=absent]")).to_have_count(0)
    await head.page.get_by_label("beijing").uncheck()
    await head.page.get_by_role("button", name="Keep this").click()
    await expect(head.page.get_by_label("beijing")).not_to_be_checked()
    assert [
        each for each in china.complaints + head.complaints if "blocked by Playwright" not in each
    ] == []


@pytest.mark.usefixtures("quiet")
async def test_an_exercise_is_neither_shown_nor_counted_in_the_live_channel(
    visit: Visiting, flash: Flash, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    drilled = [await flash(), await flash()]
    live = (
        await Caller(session, demo, "nato/duty_officer").open(
            {**INCIDENT, "precedence": "flash"}, CALM
        )
    ).json["number"]
    try:
        china, plain = await visit(permissions=ARMED), await visit(java_script_enabled=False)
        await china.sign_in("china/duty_officer", CALM)
        await expect(takeover(china.page)).to_contain_text(live)
        assert await china.page.locator("dialog.flash").count() == 1, (
            "a takeover counts what it shows: one of one"
        )
        await plain.sign_in("china/officer", CALM)
        for page in (china.page, plain.page):
            bars = await page.locator(".bar").all_inner_texts()
            assert not [
                each
                for each in bars
                if "EXERCISE" in each or any(number in each for number in drilled)
            ], bars
        flashes = plain.page.locator("#plain .bar", has_text="FLASH from NATO")
        await expect(flashes).to_have_count(1)
        await expect(flashes).to_have_attribute("title", re.compile(f"^FLASH from NATO .*{live}"))
        assert await flashes.locator("use").get_attribute("href") == "#i-critical"
        asked = "async (query) => (await (await fetch('/alarm?' + query)).text()).replaceAll('<wbr>', '')"
        for armed in ("", EXERCISE):
            fragment = await china.page.evaluate(asked, f"in={CALM}&armed={armed}")
            assert fragment.count("<dialog") == 1 and EXERCISE not in re.sub(
                'data-alarms="[^"]*"', "", fragment
            )
            assert (EXERCISE in fragment) == bool(armed), (
                "what a browser is armed for sounds, and is not shown"
            )
        of_exercise = await china.page.evaluate(asked, f"in={EXERCISE}")
        assert all(number in of_exercise for number in drilled) and live in of_exercise, (
            "a live flash breaks through"
        )
        await plain.page.goto(f"{demo.base_url}/c/{EXERCISE}")
        for said in (f"{CALM}: FLASH from NATO", "EXERCISE FLASH from NATO"):
            await expect(plain.page.locator("#plain .bar", has_text=said)).to_have_count(1)
    finally:
        await acknowledge_all(session, demo, "china", CALM)


def long_ago(fragment: str) -> str:
    """Return the fragment as if the messages to be opened had been acknowledged long ago."""
    return re.sub(
        'data-left="[^"]*"',
        lambda left: re.sub("(since&#34;:&#34;)[^&]*", r"\g<1>2026-01-01T00:00:00.000Z", left[0]),
        fragment,
    )


@pytest.mark.usefixtures("quiet")
async def test_a_flash_that_was_acknowledged_and_not_opened_is_spoken_of_until_somebody_opens_it(
    visit: Visiting, flash: Flash
) -> None:
    number = await flash()
    china = await visit(permissions=ARMED)
    await within(china.page, "**/alarm?*", long_ago)
    await china.sign_in("china/duty_officer")
    await expect(takeover(china.page)).to_be_visible()
    await settle(china.page)
    await china.page.keyboard.press("a")
    reminder = china.page.locator("[data-bar=left]")
    await expect(reminder).to_contain_text(re.compile("not yet read by anyone on your side"))
    colleague = await visit(java_script_enabled=False)
    await colleague.sign_in("china/officer")
    told = colleague.page.locator("div.bar", has_text="not yet read by anyone")
    await expect(told.filter(has_text=number)).to_have_count(
        0
    )  # not before five minutes; of other tests' flashes it may be
    await china.unfold()
    await reminder.get_by_role("link", name=number).click()
    await expect(china.page.locator("h1")).to_be_visible()
    await expect(china.page.locator("[data-bar=left]", has_text=number)).to_have_count(0)
    assert china.complaints == []


@pytest.mark.usefixtures("quiet")
async def test_a_key_that_composes_a_character_acknowledges_nothing(
    visit: Visiting, demo: Gateway, flash: Flash
) -> None:
    china = await visit(permissions=ARMED)
    await china.enter("china/duty_officer", f"/c/{EXERCISE}/compose/contact-note")
    field = china.page.locator("textarea[name^='f.text']").first
    await field.focus()
    devtools = await china.page.context.new_cdp_session(china.page)
    await devtools.send(
        "Input.imeSetComposition", {"text": "联络", "selectionStart": 2, "selectionEnd": 2}
    )
    await flash()
    await expect(takeover(china.page)).to_be_visible()
    await settle(china.page)
    for key in ("Enter", "a", " "):
        await devtools.send(
            "Input.dispatchKeyEvent",
            {"type": "rawKeyDown", "key": key, "windowsVirtualKeyCode": 229},
        )
        await devtools.send(
            "Input.dispatchKeyEvent", {"type": "keyUp", "key": key, "windowsVirtualKeyCode": 229}
        )
    await china.page.wait_for_timeout(500)
    await expect(takeover(china.page).locator("[data-outcome]")).to_have_text("")
    assert await field.input_value() == "联络"
    await takeover(china.page).locator(".ack").click()  # a text field keeps its keys
    await expect(china.page.locator("#link-bar")).to_contain_text("Acknowledged")
    assert china.complaints == []


@pytest.mark.usefixtures("quiet")
async def test_a_correction_of_an_acknowledged_flash_that_is_none_itself_is_a_line_and_no_takeover(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    nato, duty = (
        Caller(session, demo, "nato/duty_officer"),
        Caller(session, demo, "china/duty_officer"),
    )
    opened = (await nato.open({**INCIDENT, "precedence": "flash"}, EXERCISE)).json
    acts = f"/v1/channels/{EXERCISE}/exchanges/{opened['exchange']}/acts"
    assert (await duty.post(acts, {"act": "acknowledgement"})).status == 201
    china = await visit(permissions=ARMED)
    await china.sign_in("china/duty_officer")
    await expect(china.page.locator("#cell-page")).to_contain_text("Page live")
    await china.page.wait_for_timeout(500)
    etag = (await nato.get(acts.removesuffix("/acts"))).headers["ETag"]
    correction = {
        "act": "correction",
        "fields": {"precedence": "routine", "facts": "The drone has been found."},
        "reason": "It answered.",
    }
    answer = await nato.post(acts, correction, If_Match=etag)
    assert answer.status == 201, answer.body
    later = china.page.locator("[data-bar=later]")
    await expect(later).to_contain_text("a flash that is acknowledged has changed")
    await fold(china.page, is_open=True)  # the screen is not armed: that has the line
    await expect(later.get_by_role("link", name=opened["number"])).to_be_visible()
    await expect(takeover(china.page)).to_have_count(0)
    assert china.complaints == []


@pytest.mark.usefixtures("quiet")
async def test_an_officer_who_went_off_duty_arms_again_in_the_same_tab(visit: Visiting) -> None:
    china = await visit(permissions=ARMED)
    await china.sign_in("china/duty_officer")
    page = china.page
    await fold(page, is_open=True)
    await page.get_by_role("button", name="I am off duty").click()
    await expect(page.locator("body")).to_have_attribute("data-alarm", "off")
    await page.reload()
    await expect(page.locator("body")).to_have_attribute("data-alarm", "off")
    await fold(page, is_open=True)
    await page.locator("#cell-alarm").get_by_role("button", name="arm the alarm").click()
    await page.get_by_role("button", name="I heard the sound").click()
    await expect(page.locator("body")).to_have_attribute("data-alarm", re.compile("armed|partly"))


@pytest.mark.usefixtures("quiet")
async def test_a_screen_that_is_armed_for_an_exercise_says_on_a_live_page_why_it_sounds(
    visit: Visiting, flash: Flash, demo: Gateway
) -> None:
    china, other = await visit(permissions=ARMED), await visit()
    await china.sign_in("china/duty_officer")
    await arm(china)
    await other.sign_in("china/duty_officer", CALM)
    await china.page.goto(f"{demo.base_url}/c/{CALM}")
    number = await flash()
    bar = china.page.locator("[data-bar='drill']")
    await expect(bar).to_contain_text(f"EXERCISE {EXERCISE}: FLASH from NATO")
    await fold(china.page, is_open=True)  # what is worse in the live channel may have the line
    await expect(bar.get_by_role("link", name=f"Open {number}")).to_be_visible()
    await expect(china.page.locator("dialog[open]")).to_have_count(0)
    await expect(other.page.locator("[data-bar='drill']")).to_have_count(0)
    await china.page.goto(f"{demo.base_url}/c/{EXERCISE}")
    await expect(takeover(china.page)).to_contain_text(number)
    await expect(china.page.locator("[data-bar='drill']")).to_have_count(0)
