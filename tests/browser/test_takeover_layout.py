"""The takeover as it is seen at once, before anybody scrolls: the clocks, the marking, the kind of
matter, what was said, and whether its screen is mute.
"""

import aiohttp
import pytest
from playwright.async_api import Locator, Page, expect

from browsing import EXERCISE, Flash, Visiting, acknowledge_all
from service import INCIDENT, Caller, Gateway

pytestmark = [pytest.mark.browser, pytest.mark.fresh_context]

CHANNEL = "nato-china"
DESKS = ((1280, 800), (1366, 768), (1440, 900))
PHONE = (390, 844)
MATTER = {"en-GB": "near miss", "fr-FR": "quasi-collision", "zh-CN": "险些相撞"}
SEEN = """() => {
    const dialog = document.querySelector("dialog[open]"), box = (selector) => dialog.querySelector(selector).getBoundingClientRect();
    const tops = [...dialog.querySelectorAll(".clocks > *")].map((each) => each.getBoundingClientRect().bottom);
    dialog.scrollTo(0, 0);
    const said = { clocks: tops.length, apart: Math.max(...tops) - Math.min(...tops), head: dialog.querySelector(".head").textContent.trim(),
        matter: dialog.querySelector(".matter").textContent.trim(), words: box("blockquote").bottom, quote: box("blockquote").top,
        title: Math.abs(box(".clocks").bottom - box("header .mark").bottom),
        limit: getComputedStyle(dialog.querySelector(".ack")).position === "fixed" ? box(".ack").top : innerHeight };
    dialog.scrollTo(0, dialog.scrollHeight);
    const marking = dialog.querySelector(".ceiling").getBoundingClientRect();
    const top = document.elementFromPoint(innerWidth / 2, marking.top + marking.height / 2);
    return { ...said, marked: marking.top >= 0 && marking.top < 20 && top.classList.contains("ceiling"), wide: dialog.scrollWidth <= innerWidth };
}"""


@pytest.mark.parametrize("language", MATTER)
async def test_what_was_said_and_of_which_matter_is_seen_before_anybody_scrolls(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession, language: str
) -> None:
    nato, china = (Caller(session, demo, f"{side}/duty_officer") for side in ("nato", "china"))
    sent = (await nato.open({**INCIDENT, "precedence": "flash"}, CHANNEL)).json
    account = {
        "act": "counter-account",
        "kind": "near_miss",
        "facts": "An aircraft came close to ours.",
        "place": INCIDENT["place"],
    }
    answer = await china.post(
        f"/v1/channels/{CHANNEL}/exchanges/{sent['exchange']}/acts",
        {**account, "time": INCIDENT["time"]},
    )
    assert answer.status == 201, answer.json
    guest = await visit(locale=language)
    await guest.sign_in("nato/duty_officer", CHANNEL)
    await guest.page.locator("dialog[open] .keys[data-keys='act']").wait_for(state="attached")
    for width, height in (*DESKS, PHONE):
        await guest.page.set_viewport_size({"width": width, "height": height})
        seen = await guest.page.evaluate(SEEN)
        assert seen["clocks"] == 3 and seen["apart"] < 8, (width, seen)
        assert width == PHONE[0] or seen["title"] < 24, (
            width,
            "the clocks stand in the line of the title",
            seen,
        )
        assert MATTER[language] in seen["matter"] and seen["head"] not in seen["matter"], (
            width,
            seen,
        )
        assert (
            seen["words" if (width, height) in (PHONE, DESKS[0], DESKS[2]) else "quote"]
            <= seen["limit"]
        ), (width, seen)
        assert seen["marked"] and seen["wide"], (width, seen)
    await china.post(
        f"/v1/channels/{CHANNEL}/exchanges/{sent['exchange']}/acts", {"act": "acknowledgement"}
    )
    await nato.post(
        f"/v1/channels/{CHANNEL}/exchanges/{sent['exchange']}/acts", {"act": "acknowledgement"}
    )


async def test_a_value_that_an_update_changed_names_the_record_beside_it(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    nato, china = (Caller(session, demo, f"{side}/duty_officer") for side in ("nato", "china"))
    sent = (await nato.open({**INCIDENT, "precedence": "flash"}, CHANNEL)).json["exchange"]
    answer = await nato.act(
        sent, {"act": "update", "fields": {"place": {"lat": 15.5, "lon": 117.25}}}, CHANNEL
    )
    assert answer.status == 201, answer.json
    (told,) = (await nato.get(f"/v1/channels/{CHANNEL}/exchanges/{sent}")).json["state"][
        "developments"
    ]
    guest = await visit()
    await guest.sign_in("china/duty_officer", CHANNEL)
    place = guest.page.locator("dialog[open] dd", has_text="15°07′12″ N").first
    await expect(place).to_contain_text(f"changed since, record {told['told']['position']}")
    for width, height in (DESKS[0], PHONE):
        await guest.page.set_viewport_size({"width": width, "height": height})
        assert await guest.page.evaluate(
            "document.querySelector('dialog[open]').scrollWidth <= innerWidth"
        ), width
    for message in (await nato.get(f"/v1/channels/{CHANNEL}/exchanges/{sent}")).json["state"][
        "messages"
    ]:
        done = await china.act(sent, {"act": "acknowledgement", "of": message["id"]}, CHANNEL)
        assert done.status == 201, done.json


async def test_the_marking_of_an_exercise_lies_over_nothing_and_its_clock_stands_beside_the_title(
    visit: Visiting, flash: Flash
) -> None:
    await flash()
    guest = await visit()
    await guest.sign_in("china/duty_officer", EXERCISE)
    await guest.page.locator("dialog[open]").wait_for()
    for width, height in (*DESKS, PHONE):
        await guest.page.set_viewport_size({"width": width, "height": height})
        boxes = await guest.page.evaluate("""() => Object.fromEntries([".ceiling", "header .mark", ".clocks"].map((selector) => {
            const box = document.querySelector("dialog[open]").querySelector(selector).getBoundingClientRect();
            return [selector, [box.top, box.bottom]];
        }))""")
        assert boxes[".ceiling"][1] <= boxes["header .mark"][0], (width, boxes)
        assert width == PHONE[0] or abs(boxes[".clocks"][1] - boxes["header .mark"][1]) < 24, (
            width,
            boxes,
        )


MUTE = {
    "en-GB": (
        "This screen makes no sound: its alarm is not armed. Arm it here.",
        "I am on duty: arm the alarm",
        "I heard the sound",
    ),
    "fr-FR": (
        "Cet écran est muet\N{NO-BREAK SPACE}: son alarme n’est pas armée. Armez-la ici.",
        "De permanence\N{NO-BREAK SPACE}: armer l’alarme",
        "J’ai entendu le son",
    ),
    "zh-CN": ("本屏没有声音：警报未启用。请在此启用。", "我在岗：启用警报", "我听到了声音"),
}


NEVER_STARTS = """Object.defineProperties(AudioContext.prototype, {
    state: { get: () => "suspended" }, resume: { value: () => new Promise(() => {}) },
})"""
"""A browser that finds no loudspeaker, and leaves open whether its sound starts."""


def mute(page: Page) -> Locator:
    """The strip in which the takeover speaks of a screen without sound."""
    return page.locator("dialog[open] [data-mute]")


@pytest.mark.parametrize("language", MUTE)
async def test_the_takeover_says_that_its_screen_is_mute_until_it_is_armed_there(
    visit: Visiting,
    flash: Flash,
    demo: Gateway,
    session: aiohttp.ClientSession,
    language: str,
) -> None:
    await acknowledge_all(session, demo, "china", EXERCISE)
    says, arm, heard = MUTE[language]
    guest = await visit(locale=language)
    await guest.sign_in("china/duty_officer", EXERCISE)
    await flash()
    await expect(mute(guest.page).locator("p").first).to_have_text(says)
    dialog = guest.page.locator("dialog[open]")
    named = str(await dialog.get_attribute("aria-describedby")).split()
    assert says in [(await guest.page.locator(f"#{id}").inner_text()).strip() for id in named]
    for width, height in (DESKS[0], PHONE):
        await guest.page.set_viewport_size({"width": width, "height": height})
        for shown in (
            mute(guest.page),
            mute(guest.page).get_by_role("button"),
            dialog.locator("h2"),
        ):
            await expect(shown).to_be_in_viewport(ratio=1)
    await mute(guest.page).get_by_role("button", name=arm).click()
    await mute(guest.page).get_by_role("button", name=heard).click()
    await expect(mute(guest.page)).to_be_hidden()
    await expect(guest.page.locator("body")).to_have_attribute("data-sounding", "flash")


async def test_the_takeover_of_an_armed_screen_says_nothing_of_it_and_a_second_tab_knows_which_sounds(
    visit: Visiting, flash: Flash, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    await acknowledge_all(session, demo, "china", EXERCISE)
    guest = await visit()
    await guest.sign_in("china/duty_officer", EXERCISE)
    await guest.page.get_by_role("button", name="I am on duty: arm the alarm").click()
    await guest.page.get_by_role("button", name="I heard the sound").click()
    await flash()
    await expect(guest.page.locator("body")).to_have_attribute("data-sounding", "flash")
    await expect(mute(guest.page)).to_be_hidden()
    other = await guest.page.context.new_page()
    await other.goto(f"{demo.base_url}/c/{EXERCISE}/inbox")
    await other.locator("dialog[open] .keys[data-keys='act']").wait_for(state="attached")
    await expect(mute(other)).to_be_hidden()  # the first tab sounds
    await guest.page.close(run_before_unload=False)
    await expect(mute(other)).to_contain_text("This screen makes no sound")


async def test_a_sound_that_cannot_start_is_said_on_the_takeover_with_what_to_check(
    visit: Visiting, flash: Flash, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    await acknowledge_all(session, demo, "china", EXERCISE)
    guest = await visit()
    await guest.page.add_init_script(NEVER_STARTS)
    await guest.sign_in("china/duty_officer", EXERCISE)
    await flash()
    arm = mute(guest.page).get_by_role("button", name="I am on duty: arm the alarm")
    await arm.click()
    await expect(mute(guest.page)).to_contain_text("No sound was heard on this screen.")
    await expect(mute(guest.page)).to_contain_text("Check the volume, the loudspeaker")
    await expect(arm).to_be_focused()
