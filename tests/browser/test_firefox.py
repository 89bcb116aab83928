"""The console in Firefox: the alarm and its takeover, a contact note, and a proof that is worked
out in the page.

Firefox is given a loudspeaker that nobody hears, and nobody answers its question about notices.
"""

import json
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from browsing import EXERCISE, Flash, Visiting, acknowledge_all
from firefox import COMMITTED, FIREFOX, NAVIGATE, Relay, launcher
from kept_data import AT_REST, until_kept
from patience import PATIENCE_MS
from service import INCIDENT, Caller, Gateway

pytestmark = pytest.mark.browser

CALM = "nato-china"

_PREFERENCES: dict[str, str | float | bool] = {"media.cubeb.force_mock_context": True}
_NO_LOUDSPEAKER = """
    AudioContext.prototype.resume = () => new Promise(() => {});
    Object.defineProperty(AudioContext.prototype, "state", { get: () => "suspended" });
"""


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Return the path of Firefox, which takes Chromium's place in this module."""
    if not FIREFOX.exists():
        if os.environ.get("REQUIRE_FIREFOX"):
            pytest.fail(
                f"REQUIRE_FIREFOX=1, and there is no {FIREFOX}. Install Debian's firefox-esr."
            )
        pytest.skip(f"there is no {FIREFOX}: install Debian's firefox-esr to run these")
    return FIREFOX


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser(
    chromium: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Browser]:
    """A headless Firefox, in which every visit has cookies of its own."""
    program = launcher(tmp_path_factory.mktemp("firefox"), chromium)
    async with async_playwright() as playwright:
        browser = await playwright.firefox.launch(
            channel="moz-firefox",
            executable_path=program,
            firefox_user_prefs=_PREFERENCES,
            timeout=PATIENCE_MS,
        )
        yield browser
        await browser.close()


async def test_a_flash_sounds_and_takes_over_and_is_acknowledged_by_a_key_and_by_the_pointer(
    visit: Visiting, flash: Flash, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    await acknowledge_all(session, demo, "china", EXERCISE)
    china = await visit()
    await china.sign_in("china/duty_officer")
    page, takeover = china.page, china.page.locator("dialog[open]")
    await page.get_by_role("button", name="I am on duty: arm the alarm").click()
    await page.get_by_role("button", name="I heard the sound").click()
    await expect(page.locator("body")).to_have_attribute("data-alarm", "partly")
    await expect(page.locator("#cell-alarm")).to_contain_text("Notifications are not allowed")
    for by in ("key", "pointer"):
        number = await flash()
        await expect(takeover).to_contain_text(number)
        await expect(page.locator("body")).to_have_attribute("data-sounding", "flash")
        await expect(takeover.locator(".head")).to_be_focused()
        await expect(takeover.locator("[data-keys]")).to_have_text("Shortcuts work now.")
        if by == "key":
            await page.keyboard.press("a")
        else:
            await takeover.locator("[data-acknowledge]").click()
        await expect(takeover).to_have_count(0)
        await expect(page.locator("[data-bar='settled']")).to_contain_text("Acknowledged")
    waiting = (
        await Caller(session, demo, "china/duty_officer").get(f"/v1/channels/{EXERCISE}/inbox")
    ).json["exchanges"]
    assert [row["number"] for row in waiting if "china" in row.get("unacknowledged_by", ())] == []
    assert china.complaints == []


@pytest.mark.long
async def test_where_no_sound_starts_the_officer_is_told_what_to_check(visit: Visiting) -> None:
    china = await visit()
    await china.page.add_init_script(_NO_LOUDSPEAKER)
    await china.sign_in("china/duty_officer", CALM)
    await china.page.get_by_role("button", name="I am on duty: arm the alarm").click()
    await expect(china.page.locator("[data-bar='help']")).to_contain_text(
        "Check the volume, the loudspeaker"
    )
    await expect(china.page.locator("body")).to_have_attribute("data-alarm", "not_armed")
    assert china.complaints == []


@pytest.mark.long
async def test_a_contact_note_is_recorded_as_it_was_checked_and_its_proof_is_valid(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    nato = await visit()
    await nato.sign_in("nato/officer")
    page = nato.page
    await page.goto(f"{demo.base_url}/c/{EXERCISE}/compose/contact-note")
    await page.get_by_label("conversation", exact=True).check()
    await page.locator("textarea[name^='f.text']").first.fill(
        "Met the counterpart at the reception."
    )
    await page.get_by_role("button", name="Check before sending").first.click()
    await expect(page.locator("h1")).to_have_text("Check before sending")
    shown = await page.locator("#act-bytes").text_content() or ""
    await page.get_by_role("button", name=re.compile("^Send|^Record")).first.click()
    await expect(page.locator("h1")).to_contain_text("Recorded: record")
    position = int(re.sub(r"\D", "", await nato.headline()))
    caller = Caller(session, demo, "nato/officer")
    assert shown.encode() in (await caller.get(f"/v1/channels/{EXERCISE}/records/{position}")).body
    await caller.sealed(position, EXERCISE)
    await page.wait_for_load_state("load")
    await page.goto(f"{demo.base_url}/c/{EXERCISE}/records/{position}")
    await page.get_by_role("button", name="Prove it").click()
    await expect(page.locator("[data-proved]")).to_contain_text("is in the signed log")
    for step in ("bytes", "leaf", "path", "root", "head"):
        await expect(page.locator(f"[data-step={step}]")).to_have_attribute("data-verdict", "holds")
    assert nato.complaints == []


@pytest.mark.long
async def test_two_texts_are_written_beside_each_other_with_an_agreed_phrase(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    act = {"act": "codebook-adoption", "codebook": "starter", "version": 1}
    for side in ("nato", "china"):
        caller = Caller(session, demo, f"{side}/administrator")
        assert (await caller.post(f"/v1/channels/{CALM}/channel", act)).status == 201
    nato = await visit()
    page = nato.page
    await nato.sign_in("nato/officer", CALM)
    await page.goto(f"{demo.base_url}/c/{CALM}/compose/contact-note")
    await page.locator("[name='f.form'][value=letter]").check()
    await page.locator("#f-text-zh").fill("收到。")
    await page.locator("#f-text-en").press_sequentially("Seen.")
    for key in ("Enter", "Enter"):
        await page.keyboard.press(key)
    await page.keyboard.type("We will answ")
    await expect(page.get_by_role("listbox").get_by_role("option")).to_have_count(1)
    await page.keyboard.press("Tab")
    for tag, expected in (
        ("en", ["Seen.", "We will answer later"]),
        ("zh", ["收到。", "我方将稍后答复"]),
    ):
        boxes = await page.locator(f"[name='f.text.{tag}']").all()
        assert [await box.input_value() for box in boxes] == expected
    await page.locator("[data-preview]").click()
    await expect(page.locator("#live-preview .preview")).to_contain_text("我方将稍后答复")
    await page.get_by_role("button", name="Check before sending").first.click()
    await expect(page.locator("[data-paragraphs] .paragraph")).to_have_count(2)
    assert nato.complaints == []


@pytest.mark.long
async def test_a_device_keeps_the_board_sealed_and_lanes_and_chart_answer(
    visit: Visiting, session: aiohttp.ClientSession, demo: Gateway
) -> None:
    nato = Caller(session, demo, "nato/duty_officer")
    opened = (await nato.open({**INCIDENT, "precedence": "flash"}, EXERCISE)).json
    officer = await visit()
    page = officer.page
    await officer.sign_in("china/auditor")
    await until_kept(page, 1)
    stored, key, _, _ = await page.evaluate(AT_REST)
    assert (key, opened["number"] in stored) == ("InvalidAccessError", False)
    await page.goto(f"{demo.base_url}/c/{EXERCISE}/exchanges/{opened['exchange']}/lanes")
    assert await officer.headline() == "Who knew what when"
    await expect(page.locator("[data-known]").first).to_contain_text(opened["number"])
    await page.locator("#before").click()
    await expect(page.locator("#moment")).not_to_have_value("")
    await page.locator("#play").click()
    await expect(page.locator("#play")).to_have_attribute("aria-pressed", "true")
    await page.goto(f"{demo.base_url}/c/{EXERCISE}/chart")
    await expect(page.locator("svg.sea a[data-mark]").first).to_be_attached()
    await page.locator("svg.sea").hover()
    await expect(page.locator("#sea-pointer")).to_contain_text("true")
    height = str(await page.locator("#sea-chart").get_attribute("data-height"))
    await page.locator("#move-wider").click()
    await expect(page.locator("#sea-chart")).not_to_have_attribute("data-height", height)
    await expect(page.locator("#move-wider")).to_be_focused()
    assert officer.complaints == []


@pytest.mark.long
async def test_an_evidence_file_proves_itself_from_a_disk(
    visit: Visiting, session: aiohttp.ClientSession, demo: Gateway, tmp_path: Path
) -> None:
    caller = Caller(session, demo, "nato/duty_officer")
    opened = (await caller.open(INCIDENT, EXERCISE)).json
    known = (await caller.get(f"/v1/channels/{EXERCISE}")).json
    found = await caller.get(f"/v1/channels/{EXERCISE}/exchanges/{opened['exchange']}/evidence")
    (path := tmp_path / "evidence.html").write_bytes(found.body)
    page = (await visit()).page
    await page.goto(path.as_uri())
    outcome = page.locator("[data-place='outcome']")
    await expect(outcome).to_contain_text("agrees with itself")
    await page.locator("#cid").fill(known["cid"])
    await page.locator("#log").fill(known["log"])
    await page.locator("#noted button").click()
    await expect(outcome).to_contain_text("in the log of your channel")


@pytest.mark.long
async def test_a_drill_takes_over_and_a_watch_is_taken_point_by_point(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    await acknowledge_all(session, demo, "china", CALM)
    china = await visit()
    await china.sign_in("china/duty_officer", CALM)
    page, takeover = china.page, china.page.locator("dialog[open]")
    await page.goto(f"{demo.base_url}/c/{CALM}/drill")
    await page.get_by_role("button", name="Send me the exercise flash").click()
    await expect(takeover).to_contain_text("EXERCISE EXERCISE EXERCISE FLASH from NORTH")
    await expect(takeover.locator("[data-keys]")).to_have_text("Shortcuts work now.")
    await page.keyboard.press("a")
    await expect(takeover).to_have_count(0)
    await page.get_by_role("link", name="Read the message").click()
    await page.get_by_label("Your answer").fill("EXERCISE. Received.")
    await page.get_by_role("button", name="Send the answer").click()
    await expect(page.locator("[data-screen]")).to_have_count(3)

    await page.wait_for_load_state("load")
    await page.goto(f"{demo.base_url}/c/{CALM}/watch/turn-over")
    for point in await page.locator("[data-point]").all():
        await point.get_by_label("Taken over", exact=True).check()
    await page.get_by_role("button", name="Take the watch with these answers").click()
    await expect(page.locator("#saying")).to_have_text("You have the watch.")
    await expect(page.locator("[data-turn-over]")).to_have_count(0)

    await page.wait_for_load_state("load")
    assert china.complaints == []


@pytest.mark.long
async def test_ctrl_k_leads_to_the_search_and_enter_to_what_is_typed(visit: Visiting) -> None:
    nato = await visit()
    await nato.sign_in("nato/officer", CALM)
    page = nato.page
    await page.wait_for_load_state("load")
    await page.keyboard.press("Control+k")
    await expect(page.locator("#find")).to_be_focused()
    await page.keyboard.type("statistics")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/c/{CALM}/statistics")
    assert nato.complaints == []


def test_a_navigation_is_answered_with_the_number_under_which_it_was_committed() -> None:
    relay = Relay("")
    asked = {"method": NAVIGATE, "id": 7, "params": {"context": "tab", "url": "http://a/"}}
    committed = {"context": "tab", "url": "http://a/", "navigation": "second"}
    relay.ask(asked)
    for text in ({"method": COMMITTED, "params": committed}, {"method": "log", "params": {}}):
        assert json.loads(relay.answer(json.dumps(text))) == text
    answer = {"type": "success", "id": 7, "result": {"navigation": "first", "url": "http://a/"}}
    assert json.loads(relay.answer(json.dumps(answer)))["result"]["navigation"] == "second"
    relay.ask(asked)
    assert json.loads(relay.answer(json.dumps(answer))) == answer
