"""The first screen: one line of header, one of states, and then the page itself, measured in the
browser at the sizes that people have.
"""

import itertools
import re

import aiohttp
import pytest
from playwright.async_api import Route, ViewportSize, expect

from browsing import EXERCISE, Visiting
from dragoman.console.page import static_files
from everywhere import PAGES, places
from service import INCIDENT, Caller, Gateway

pytestmark = pytest.mark.browser

CALM = "nato-china"
LANGUAGES = ("en-GB", "fr-FR", "zh-CN")
DESK, PHONE = ViewportSize(width=1280, height=800), ViewportSize(width=390, height=844)
BUDGET = {1280: 200, 390: 260}
"""At most so many pixels stand above the first heading."""

PATHS = ("/inbox", "/people", "/audit", "/compose/contact-note", "")
LONG_MUTE = "sessionStorage.setItem('dragoman-mute', '1')"
"""A script that lets this tab look as if its alarm had not been armed for a minute."""

TOP = """selector => {
    for (const each of document.querySelectorAll("#bars .bar, #link-bar .bar, .bar.past, #rail [data-state=critical]")) each.style.display = "none";
    return document.querySelector(selector).getBoundingClientRect().top + scrollY;
}"""
"""Without what is said of a flash that waits, of a colleague's question or of a page of the past:
the bars, and the state that is critical.
"""


@pytest.mark.parametrize("scripts", ["scripts", "none"])
async def test_the_first_heading_and_the_first_row_stand_on_the_first_screen(
    visit: Visiting, demo: Gateway, scripts: str
) -> None:
    for language in LANGUAGES if scripts == "scripts" else ("fr-FR",):  # the longest words
        guest = await visit(
            viewport=DESK, locale=language, java_script_enabled=scripts == "scripts"
        )
        page = guest.page
        await page.add_init_script(LONG_MUTE)
        for who, channel in (("nato/duty_officer", CALM), ("nato/officer", EXERCISE)):
            await page.context.clear_cookies()
            await guest.sign_in(who, channel)
            for path in PATHS:
                await page.goto(f"{demo.base_url}/c/{channel}{path}")
                for size in (DESK, PHONE):
                    await page.set_viewport_size(size)
                    top = await page.evaluate(TOP, "main h1")
                    assert top <= BUDGET[size["width"]], (language, who, path, size)
                    if not path:  # the board
                        row = await page.evaluate(TOP, "main :is([data-row], .list li)")
                        assert row + 24 < size["height"], (language, who, size, row)
                await page.set_viewport_size(DESK)
        await page.context.close()


async def test_the_first_heading_of_every_page_stands_on_the_first_screen(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    ids, far = await places(session, demo), {}
    for who, pages in itertools.groupby(sorted(PAGES), key=lambda each: each[0]):
        guest = await visit(
            locale="fr-FR", java_script_enabled=False
        )  # the longest words, and the most that stands above the page
        await guest.enter(who, "/help")
        sizes = [DESK, PHONE]
        for _, path in pages:
            await guest.page.set_viewport_size(sizes[0])
            await guest.page.goto(demo.base_url + path.format(**ids))
            for size in sizes:
                await guest.page.set_viewport_size(size)
                if (top := await guest.page.evaluate(TOP, "main h1")) > BUDGET[size["width"]]:
                    far[path, size["width"]] = top
            sizes.reverse()
        await guest.page.context.close()
    assert not far, far


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_board_of_a_phone_has_its_first_row_and_the_report_in_sight_below_two_bars(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession, language: str
) -> None:
    await Caller(session, demo, "nato/duty_officer").open(
        {**INCIDENT, "precedence": "immediate"}, CALM
    )
    guest = await visit(viewport=PHONE, has_touch=True, locale=language)
    await guest.sign_in("china/duty_officer", CALM)
    page = guest.page
    await expect(page.locator("[data-bar=arm]")).to_be_visible()
    await expect(page.locator("[data-bar=immediate]")).to_be_visible()
    report = page.locator("main .report-now a")
    await expect(report).to_be_visible()
    below = PHONE["height"] - 22  # the marking stands there
    ends = {
        name: await each.evaluate("each => each.getBoundingClientRect().bottom")
        for name, each in (("report", report), ("row", page.locator("[data-row]").first))
    }
    row = await page.locator("[data-row]").first.evaluate(
        "each => each.getBoundingClientRect().top"
    )
    assert ends["report"] <= below and row + 44 <= below, (ends, row)
    heights = await page.locator(".bar:visible").evaluate_all(
        "bars => bars.map((bar) => bar.getBoundingClientRect().height)"
    )
    assert sum(heights) < PHONE["height"] / 3, heights
    for button in await page.locator(".bar button:visible, .bar .button:visible").all():
        assert await button.evaluate("each => each.getBoundingClientRect().height") >= 44
    await report.click()
    await expect(page).to_have_url(re.compile("/compose/hazardous-incident$"))


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
async def test_language_light_and_signing_out_are_in_the_menu_without_scripts_too(
    visit: Visiting, demo: Gateway, size: ViewportSize
) -> None:
    for scripts in (False, True):
        guest = await visit(viewport=size, java_script_enabled=scripts)
        await guest.sign_in("nato/officer", CALM)
        page = guest.page
        await expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
        await page.locator(".menu > summary").click()
        await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        if size is PHONE:
            await expect(page.get_by_role("link", name="Reports")).to_be_visible()
        await page.get_by_role("button", name="Français").click()
        await expect(page.locator("html")).to_have_attribute("lang", re.compile("fr"))
        await page.locator(".menu > summary").click()
        await page.get_by_role("button", name="nuit").click()
        await expect(page.locator("html")).to_have_attribute("data-theme", "night")
        await page.locator(".menu > summary").click()
        await page.get_by_role("button", name="Se déconnecter").click()
        await expect(page.locator("#token")).to_be_visible()
        await page.context.close()


async def test_a_state_that_is_not_well_has_its_word_and_all_of_them_unfold(
    visit: Visiting, demo: Gateway
) -> None:
    guest = await visit(java_script_enabled=False)
    await guest.sign_in("nato/officer", CALM)
    page = guest.page
    shown = """() => Object.fromEntries([...document.querySelectorAll("#rail li")].map((each) =>
        [each.id, [each.dataset.state, each.querySelector("b").getBoundingClientRect().width > 2]]))"""
    for state, worded in (
        ("normal", False),
        ("standby", False),
        ("off", False),
        ("caution", False),
        ("serious", True),
        ("critical", True),
    ):
        await page.evaluate(
            """state => { for (const each of document.querySelectorAll("#rail li")) each.dataset.state = "normal";
            document.querySelector("#rail li").dataset.state = "serious"; document.querySelector("#rail li:last-child").dataset.state = state; }""",
            state,
        )
        assert [*(await page.evaluate(shown)).values()][-1] == [state, worded]
        assert next(iter((await page.evaluate(shown)).values())) == ["serious", True]
    await page.evaluate(
        "() => { for (const each of document.querySelectorAll('#rail li')) each.dataset.state = 'normal'; }"
    )
    await expect(page.locator(".well")).to_be_visible()
    await page.evaluate(
        "() => { document.querySelector('#rail li:last-child').dataset.state = 'off'; }"
    )
    await expect(page.locator(".well")).to_be_hidden()
    assert [*(await page.evaluate(shown)).values()][-1] == ["off", False], (
        "what a page without scripts says of itself needs the room"
    )
    await page.evaluate("() => document.querySelector('.unscripted').remove()")
    assert [*(await page.evaluate(shown)).values()][-1] == ["off", True]
    await page.locator(".rail-more > summary").click()
    assert all(seen for _, seen in (await page.evaluate(shown)).values())


@pytest.mark.fresh_context
async def test_the_bar_of_an_alarm_that_is_not_armed_shrinks_into_its_cell_after_a_minute(
    visit: Visiting, demo: Gateway
) -> None:
    guest = await visit()
    await guest.page.clock.install()
    await guest.sign_in("nato/duty_officer", CALM)
    page = guest.page
    await expect(page.locator("[data-bar=arm]")).to_be_visible()
    await expect(page.locator("#cell-alarm button")).to_have_count(0)
    await page.clock.run_for(61_000)
    await expect(page.locator("[data-bar=arm]")).to_have_count(0)
    await expect(page.locator("#cell-alarm")).to_have_attribute("data-state", "serious")
    await expect(
        page.locator("#cell-alarm").get_by_role("button", name="Arm", exact=True)
    ).to_be_visible()
    await page.goto(f"{demo.base_url}/c/{CALM}/inbox")  # and stays there on the next page
    await expect(
        page.locator("#cell-alarm").get_by_role("button", name="Arm", exact=True)
    ).to_be_visible()
    await expect(page.locator("[data-bar=arm]")).to_have_count(0)


SMALL_TARGETS = """() => [...document.querySelectorAll('a, button, summary, input, select, textarea')]
    .filter((each) => each.offsetParent && !each.closest('.hide, dialog, #alarm'))
    .map((each) => [each.textContent.trim(), each.getBoundingClientRect()])
    .filter(([, box]) => box.height < 44 || box.width < 39).map(([text, box]) => [text, box.width, box.height])"""
SMALL_TEXTS = """() => [...document.querySelectorAll('main *')]
    .filter((each) => [...each.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()))
    .filter((each) => !each.closest('.hide, kbd, svg') && parseFloat(getComputedStyle(each).fontSize) < 16)
    .map((each) => each.textContent.trim())"""


async def test_a_board_has_no_small_text_and_on_a_phone_no_small_target(
    visit: Visiting, demo: Gateway
) -> None:
    china = await visit(viewport=PHONE, has_touch=True, is_mobile=True)
    await china.sign_in("china/duty_officer", CALM)
    assert await china.page.evaluate(SMALL_TARGETS) == []
    assert await china.page.evaluate(SMALL_TEXTS) == []
    await china.page.set_viewport_size(DESK)
    assert await china.page.evaluate(SMALL_TEXTS) == []


async def test_the_bar_of_a_phone_stays_and_is_44_px_high(visit: Visiting, demo: Gateway) -> None:
    guest = await visit(viewport=PHONE, java_script_enabled=False)
    await guest.sign_in("nato/officer", CALM)
    page = guest.page
    await page.goto(f"{demo.base_url}/c/{CALM}/audit")
    assert (
        await page.evaluate("document.querySelector('.mast').getBoundingClientRect().height") <= 46
    )
    await page.evaluate("scrollTo(0, 1500)")
    top = await page.evaluate("document.querySelector('.mast').getBoundingClientRect().top")
    assert 0 <= top <= 23, "it stands below the marking"
    assert (
        await page.locator(".menu > summary").evaluate(
            "each => each.getBoundingClientRect().height"
        )
        >= 44
    )


@pytest.mark.parametrize(
    ("path", "onward"),
    [
        ("/drafts/0192f3a4-5b6c-7d8e-8f90-a1b2c3d4e5f6", "Drafts of your side"),
        ("/exchanges/0192f3a4-5b6c-7d8e-8f90-a1b2c3d4e5f6", "Inbox"),
        ("/people/register/0192f3a4-5b6c-7d8e-8f90-a1b2c3d4e5f6", "Register of people"),
        ("/records/999999", "The log"),
        ("/nothing-here", "Back to the board"),
    ],
)
async def test_a_page_that_is_not_there_leads_on_and_speaks_of_no_api(
    visit: Visiting, demo: Gateway, path: str, onward: str
) -> None:
    nato = await visit(java_script_enabled=False)
    await nato.sign_in("nato/officer", CALM)
    answer = await nato.page.goto(f"{demo.base_url}/c/{CALM}{path}")
    assert answer is not None
    assert answer.status == 404
    assert not re.search(r"GET |/v1/|under /", await nato.page.locator("main").inner_text())
    await expect(
        nato.page.get_by_role("navigation", name="Pages").get_by_role("link")
    ).to_have_count(7)
    await nato.page.locator("main").get_by_role("link", name=onward).click()
    await expect(nato.page.get_by_role("navigation", name="Pages")).to_be_visible()
    assert nato.page.url != f"{demo.base_url}/c/{CALM}{path}"


async def test_a_channel_of_others_is_not_named_by_its_error(
    visit: Visiting, demo: Gateway
) -> None:
    nato = await visit(java_script_enabled=False)
    await nato.enter("nato/officer", "/c/no-such-channel/nothing")
    await expect(nato.page.get_by_role("navigation", name="Pages")).to_have_count(0)


async def test_a_page_of_another_release_says_so_and_goes_on_working(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    china = await visit(service_workers="block")  # what the gateway answers is rewritten below
    await china.sign_in("china/duty_officer", CALM)
    other = china.page.locator("[data-bar='release']")
    await expect(other).to_have_count(0)

    async def newer(route: Route) -> None:
        answer = await route.fetch()
        page = (await answer.text()).replace(static_files.release(), "0" * 32)
        await route.fulfill(response=answer, body=page)

    await china.page.route(f"**/c/{CALM}", newer)
    nato = Caller(session, demo, "nato/duty_officer")
    number = (await nato.open(INCIDENT, CALM)).json["number"]
    await expect(other).to_contain_text("another release than the gateway")
    await expect(china.page.locator("main")).to_contain_text(number)
    await china.page.unroute_all(behavior="wait")
    number = (await nato.open(INCIDENT, CALM)).json["number"]
    await expect(china.page.locator("main")).to_contain_text(number)
    await expect(other).to_have_count(0)


async def test_a_wall_display_takes_another_release_by_itself(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    china = await visit(service_workers="block")  # what the gateway answers is rewritten below
    await china.enter("china/duty_officer", f"/c/{CALM}?wall=1")
    before = await china.page.locator("body").get_attribute("data-position")
    await china.page.evaluate("document.body.dataset.before = 'yes'")
    kept = china.page.locator("body[data-before]")
    nato = Caller(session, demo, "nato/duty_officer")
    await nato.open(INCIDENT, CALM)
    await expect(china.page.locator("body")).not_to_have_attribute("data-position", str(before))
    await expect(kept).to_have_count(1)

    async def newer(route: Route) -> None:
        answer = await route.fetch()
        page = await answer.text()
        if route.request.resource_type == "fetch":
            page = page.replace(static_files.release(), "0" * 32)
        await route.fulfill(response=answer, body=page)

    await china.page.route(f"**/c/{CALM}?*", newer)
    await nato.open(INCIDENT, CALM)
    await expect(kept).to_have_count(0)
