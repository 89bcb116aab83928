"""The first hour in a browser: checklists that tick themselves, and the five-minute drill."""

import aiohttp
import pytest
from playwright.async_api import Page, expect

import drill_states
from browsing import EXERCISE, Visit, Visiting, acknowledge_all
from service import INCIDENT, Caller, Gateway

pytestmark = [pytest.mark.browser, pytest.mark.fresh_context, pytest.mark.writes]

CHANNEL = "nato-china"
NARROW = {"width": 390, "height": 844}
DRILL = f"/c/{CHANNEL}/drill"


def test_the_message_of_the_drill_is_what_a_channel_recorded() -> None:
    assert drill_states.TARGET.read_bytes() == drill_states.recorded()


async def test_a_step_is_done_once_its_page_was_opened_and_the_list_can_be_taken_off(
    visit: Visiting, demo: Gateway
) -> None:
    officer = await visit(demo, java_script_enabled=False)
    await officer.sign_in("nato/officer", CHANNEL)
    page = officer.page
    steps = f"{demo.base_url}/first-hour"
    await expect(page.locator("[data-first-hour] li")).to_have_count(1)
    await page.goto(steps)
    inbox = page.locator("[data-first-hour] li", has_text="Open the inbox")
    await expect(inbox).to_have_attribute("data-done", "no")
    await inbox.get_by_role("link").click()
    await page.goto(steps)
    await expect(inbox).to_have_attribute("data-done", "yes")
    await page.goto(f"{demo.base_url}/c/{EXERCISE}/compose/contact-note")
    await page.goto(steps)
    exercise = page.locator("[data-first-hour] li", has_text="in the exercise channel")
    await expect(exercise).to_have_attribute("data-done", "no")
    await page.goto(f"{demo.base_url}/c/{CHANNEL}")
    await page.get_by_role("button", name="Take this list off my board").click()
    await expect(page.locator("[data-first-hour]")).to_have_count(0)
    await page.goto(f"{demo.base_url}/help")
    await page.get_by_role("link", name="Your first hour").click()
    await expect(page.locator("li[data-done=yes]")).not_to_have_count(0)
    await page.get_by_role("button", name="Put these lists on my board").click()
    await page.goto(f"{demo.base_url}/c/{CHANNEL}")
    await expect(page.locator("[data-first-hour]")).to_have_count(1)


@pytest.mark.parametrize(
    ("who", "step"),
    [
        ("nato/duty_officer", "Take the watch once."),
        ("nato/head_of_office", "Put a duty roster."),
        ("nato/administrator", "Adopt the limits"),
        ("nato/auditor", "Read the five answers"),
        ("operator", "Open a channel with its sides."),
    ],
)
async def test_each_role_has_a_list_of_its_own(
    visit: Visiting, demo: Gateway, who: str, step: str
) -> None:
    reader = await visit(demo, java_script_enabled=False)
    if who == "operator":
        await reader.enter(who, "/host")
    else:
        await reader.enter(who, f"/c/{CHANNEL}")
        await reader.page.goto(f"{demo.base_url}/first-hour")
    await expect(reader.page.locator(".checklist li", has_text=step)).to_have_count(1)
    for link in await reader.page.locator(".checklist a").evaluate_all(
        "links => links.map((link) => link.href)"
    ):
        answer = await reader.page.request.get(link)
        assert answer.status == 200, link


async def state_of(session: aiohttp.ClientSession, demo: Gateway) -> int:
    view = (await Caller(session, demo, "nato/officer").get(f"/v1/channels/{CHANNEL}/state")).json
    return int(view["position"])


async def finished(page: Page) -> None:
    await expect(page.locator("[data-stage=message]")).to_contain_text("EXERCISE EXERCISE")
    await page.get_by_label("Your answer").fill("EXERCISE. Received.")
    await page.get_by_role("button", name="Send the answer").click()
    await expect(page.locator("[data-stage=over] tr[data-step]")).to_have_count(4)
    screens = page.locator("[data-screen]")
    await expect(screens).to_have_count(3)
    await expect(screens.nth(0)).to_contain_text("Not acknowledged yet")
    await expect(screens.nth(0)).to_contain_text("waiting 0 s")
    await page.reload()
    await expect(screens.nth(0)).to_contain_text("waiting 0 s")
    await expect(screens.nth(1)).to_contain_text("Acknowledged by duty officer d-1")
    await expect(screens.nth(1)).to_contain_text("No answer yet")
    await expect(screens.nth(2).locator("[data-step=answered]")).to_contain_text("Answered after")


async def test_a_drill_is_done_without_scripts_and_nothing_is_recorded(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    await acknowledge_all(session, demo, "nato", CHANNEL)
    duty = await visit(demo, java_script_enabled=False)
    await duty.sign_in("nato/duty_officer", CHANNEL)
    page = duty.page
    before = await state_of(session, demo)
    await page.goto(f"{demo.base_url}{DRILL}")
    await page.get_by_role("button", name="Send me the exercise flash").click()
    await expect(page.locator("aside.drill")).to_be_visible()
    assert (await page.title()).startswith("EXERCISE EXERCISE EXERCISE")
    await page.locator("main").get_by_role("button", name="Acknowledge receipt").click()
    await finished(page)
    assert await state_of(session, demo) == before
    await page.goto(f"{demo.base_url}/first-hour")
    step = page.locator(".checklist li", has_text="drill")
    await expect(step).to_have_attribute("data-done", "yes")


async def ringing(duty: Visit, demo: Gateway) -> None:
    """Arm the alarm for what is real, on the drill's own page, and be sent its flash."""
    page = duty.page
    await page.goto(f"{demo.base_url}{DRILL}")
    await (
        page.get_by_role("button", name="Send me the exercise flash")
        .or_(page.get_by_role("button", name="Begin again"))
        .click()
    )
    dialog = page.locator("dialog[open]")
    await expect(dialog).to_contain_text("EXERCISE EXERCISE EXERCISE FLASH from NORTH")


async def test_a_drill_takes_over_its_own_page_and_rings_no_other(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    await acknowledge_all(session, demo, "china", CHANNEL)
    colleague, other, second = await visit(demo), await visit(demo), await visit(demo)
    await colleague.sign_in("china/head_of_office", CHANNEL)
    await other.sign_in("nato/duty_officer", CHANNEL)
    await second.sign_in("china/duty_officer", CHANNEL)
    duty = await visit(demo)
    await duty.sign_in("china/duty_officer", CHANNEL)
    page = duty.page
    await page.goto(f"{demo.base_url}/first-hour")
    await page.get_by_role("button", name="I am on duty: arm the alarm").click()
    await page.get_by_role("button", name="I heard the sound").click()
    await page.get_by_role("link", name="Go to the drill").click()
    await page.get_by_role("button", name="Send me the exercise flash").click()
    dialog = page.locator("dialog[open]")
    await expect(dialog).to_contain_text("EXERCISE EXERCISE EXERCISE FLASH from NORTH")
    await expect(page.locator("body")).to_have_attribute("data-sounding", "flash")
    for reader in (colleague, other, second):
        fragment = await reader.page.evaluate(
            f"fetch('/alarm?in={CHANNEL}').then((answer) => answer.text())"
        )
        assert "drill-" not in fragment and "NORTH" not in fragment
        await expect(reader.page.locator("dialog.flash")).to_have_count(0)
    await expect(dialog.locator("[data-keys]")).to_have_text("Shortcuts work now.")
    await page.keyboard.press("a")
    await expect(dialog).to_have_count(0)
    await page.get_by_role("link", name="Read the message").click()
    await finished(page)
    assert duty.complaints == []


async def test_a_real_flash_ends_the_drill_at_once_and_takes_its_place(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    await acknowledge_all(session, demo, "china", CHANNEL)
    duty = await visit(demo)
    await duty.sign_in("china/duty_officer", CHANNEL)
    await ringing(duty, demo)
    page, dialog = duty.page, duty.page.locator("dialog[open]")
    sent = await Caller(session, demo, "nato/duty_officer").open(
        {**INCIDENT, "precedence": "flash"}, CHANNEL
    )
    await expect(dialog).to_contain_text(str(sent.json["number"]))
    await expect(dialog).not_to_contain_text("EXERCISE")
    await expect(dialog).to_have_count(1)
    await acknowledge_all(session, demo, "china", CHANNEL)
    await expect(dialog).to_have_count(0)
    await page.goto(f"{demo.base_url}{DRILL}")
    await expect(page.locator("[data-stage=ended]")).to_contain_text("A real flash ended the drill")


async def test_each_step_of_a_checklist_stands_beside_its_mark_on_a_telephone(
    visit: Visiting, demo: Gateway
) -> None:
    reader = await visit(demo, viewport=NARROW, locale="fr")  # which has the longest words
    await reader.sign_in("nato/head_of_office", CHANNEL)
    for path in (DRILL, f"/c/{CHANNEL}/first-hour", f"/c/{CHANNEL}"):
        await reader.page.goto(f"{demo.base_url}{path}")
        below = await reader.page.evaluate(
            """[...document.querySelectorAll(".checklist li")].filter((step) =>
              step.querySelector("a").getBoundingClientRect().left
                < step.querySelector(".mark").getBoundingClientRect().right).length"""
        )
        assert below == 0, f"{below} steps are below their marks: {path}"
