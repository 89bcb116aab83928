"""The first screen: one line of header, one of states, and then the page itself, measured in the
browser at the sizes that people have.
"""

import gzip
import itertools
import re

import aiohttp
import pytest
from playwright.async_api import Page, Route, ViewportSize, expect

from browsing import EXERCISE, Visiting
from dragoman.console.page import static_files
from everywhere import PAGES, places
from service import INCIDENT, Caller, Gateway

pytestmark = pytest.mark.browser

CALM = "nato-china"
LANGUAGES = ("en-GB", "fr-FR", "zh-CN")
DESK, PHONE = ViewportSize(width=1366, height=768), ViewportSize(width=390, height=844)
BUDGET = {1366: 165, 390: 240}
"""At most so many pixels stand above the first heading."""

TOP = """selector => {
    const past = document.querySelector("body > .past")?.getBoundingClientRect().height ?? 0;
    return document.querySelector(selector).getBoundingClientRect().top + scrollY - past;
}"""
"""Without the line above a page of the past, which says that it is one."""

FORM, RECORD = "/compose/contact-note", "/records/3"


async def tops(page: Page, url: str, paths: tuple[str, ...]) -> dict[tuple[str, int], float]:
    """The height at which the title of each page stands, at the sizes of a desk and a phone."""
    found = {}
    for path in paths:
        await page.goto(url + path)
        for size in (DESK, PHONE):
            await page.set_viewport_size(size)
            found[path, size["width"]] = await page.evaluate(TOP, "main h1")
        await page.set_viewport_size(DESK)
    return found


async def test_a_title_stands_at_one_height_calm_or_not_and_scripts_move_nothing(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    found: dict[tuple[str, str, str, str, int], float] = {}
    for channel, states in ((CALM, ("calm", "mute")), (EXERCISE, ("mute", "flashes", "plain"))):
        nato = Caller(session, demo, "nato/duty_officer")
        exchange = (await nato.get(f"/v1/channels/{channel}/exchanges")).json["exchanges"][0]["id"]
        paths = ("", "/inbox", f"/exchanges/{exchange}", FORM, RECORD)
        if "flashes" in states:
            for _ in range(2):
                await nato.open({**INCIDENT, "precedence": "flash"}, channel)
        for state in states:
            who = "china/duty_officer" if state in ("mute", "plain") else "china/officer"
            for language in LANGUAGES if state == "mute" else LANGUAGES[1:2]:  # the longest words
                guest = await visit(
                    viewport=DESK, locale=language, java_script_enabled=state != "plain"
                )
                await guest.sign_in(who, channel)
                now = await tops(guest.page, f"{demo.base_url}/c/{channel}", paths)
                found |= {(channel, state, language, *at): top for at, top in now.items()}
                await guest.page.context.close()
    assert not {where: top for where, top in found.items() if top > BUDGET[where[-1]]}
    assert not {at: top for at, top in found.items() if top > 130 and CALM in at and 1366 in at}
    for channel, state, language, path, width in found:
        if width == DESK["width"]:
            same = found[channel, "mute", LANGUAGES[1], path, width]
            assert found[channel, state, language, path, width] == same, (path, state, language)


async def test_what_comes_after_the_page_has_loaded_pushes_nothing(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    exchange = (
        await Caller(session, demo, "nato/officer").get(f"/v1/channels/{CALM}/exchanges")
    ).json["exchanges"][0]["id"]
    for size in (DESK, PHONE):
        guest = await visit(viewport=size)
        await guest.enter("china/duty_officer", f"/c/{CALM}/exchanges/{exchange}")
        page = guest.page
        await expect(page.locator("#cell-page")).to_contain_text("Page live")
        before = await page.evaluate(TOP, "main h1")
        await Caller(session, demo, "nato/duty_officer").post(
            f"/v1/channels/{CALM}/exchanges/{exchange}/acts",
            {"act": "note", "text": {"en": "One more thing."}},
        )
        await page.evaluate(
            """async () => {
            const { bar, say } = await import(document.querySelector("script[src*='console']").src.replace("console.js", "page.js"));
            bar("absent", "critical", ["Nobody answers."]);
            bar("left", "caution", ["Two are unread."]);
            say("Something was said.");
        }"""
        )
        await expect(page.locator("[data-bar=absent]")).to_be_visible()
        await expect(page.locator("#saying")).to_have_text("Something was said.")
        assert await page.evaluate(TOP, "main h1") == before
        await page.context.close()


async def test_the_header_of_an_officer_of_every_role_is_one_row_in_french(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    operator = Caller(session, demo, "operator")
    roles = ["officer", "duty_officer", "head_of_office", "administrator"]
    officers = [
        {"side": side, "officer": "adm-12", "office": "hq", "roles": roles}
        for side in ("nato", "china")
    ]
    new = {"name": "brussels-beijing", "kind": "official", "sides": ["nato", "china"]}
    made = await operator.post("/v1/channels", {**new, "languages": ["en"], "officers": officers})
    assert made.status == 201, made.body
    asked = {"actor": "nato/adm-12", "channels": [new["name"]]}
    token = (await operator.post("/v1/tokens", asked)).json["token"]
    guest = await visit(viewport=DESK, locale="fr-FR")
    await guest.page.goto(f"{demo.base_url}/sign-in")
    await guest.page.locator("#token").fill(token)
    await guest.page.locator("form[action='/sign-in'] button").click()
    await guest.page.wait_for_url("**/c/brussels-beijing")
    height = await guest.page.evaluate(
        "document.querySelector('header.mast').getBoundingClientRect().height"
    )
    assert height <= 48
    await guest.page.locator(".menu summary").click()
    await guest.page.locator(".menu").get_by_role("link", name="Administration").click()
    await expect(guest.page).to_have_url(re.compile("/admin$"))


async def test_scripts_and_styles_of_a_page_are_at_most_60_kb_compressed_and_200_kb_not(
    visit: Visiting, demo: Gateway
) -> None:
    guest = await visit()
    await guest.sign_in("nato/duty_officer", CALM)
    for path in (
        CALM,
        f"{CALM}/inbox",
        f"{CALM}/records/2",
        f"{CALM}/audit",
        f"{EXERCISE}/compose/hazardous-incident",
    ):
        await guest.page.goto(f"{demo.base_url}/c/{path}")
        await expect(guest.page.locator("#cell-page")).to_contain_text("Page live")
        asked = await guest.page.evaluate(
            "performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname)"
        )
        names = {each.rpartition("/")[2] for each in asked if re.search(r"\.(js|css)$", each)}
        assert {"console.css", "console.js", "alarm.js"} <= names
        files = [(static_files.FOLDER / name).read_bytes() for name in names]
        whole, packed = sum(map(len, files)), sum(len(gzip.compress(each)) for each in files)
        assert packed <= 60_000, (path, packed)
        assert whole <= 200_000, (path, whole)


@pytest.mark.fresh_context
async def test_the_strip_shows_the_worst_alone_and_unfolds_the_rest_over_the_page(
    visit: Visiting, demo: Gateway
) -> None:
    guest = await visit(viewport=DESK)
    await guest.sign_in("china/duty_officer", CALM)
    page = guest.page
    worst = page.locator("#strip [data-worst]")
    await expect(worst).to_have_id("cell-alarm")
    await expect(worst.get_by_role("button", name="arm the alarm")).to_be_visible()
    await expect(page.locator("#more")).to_have_text(re.compile(r"^\d more$"))
    await expect(page.locator("#cell-watch-nato")).to_be_hidden()
    before = await page.evaluate(TOP, "main h1")
    await guest.unfold()
    await expect(page.locator("#cell-watch-nato small")).to_be_visible()
    await expect(page.locator("#cell-line small")).to_be_visible()
    assert await page.evaluate(TOP, "main h1") == before
    await page.locator(".rail-more > summary").click()
    await worst.get_by_role("button", name="I am off duty").click()
    await expect(worst).to_have_id(re.compile("cell-watch-"))
    await expect(page.locator("#strip .times-line")).to_contain_text("Beijing")
    await expect(page.locator("#strip").get_by_role("link", name="Past")).to_be_visible()


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
async def test_the_strip_of_a_phone_is_one_line_with_targets_for_a_finger(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession, language: str
) -> None:
    await Caller(session, demo, "nato/duty_officer").open(
        {**INCIDENT, "precedence": "immediate"}, CALM
    )
    guest = await visit(viewport=PHONE, has_touch=True, locale=language)
    await guest.sign_in("china/duty_officer", CALM)
    page = guest.page
    await expect(page.locator("[data-bar=immediate][data-worst]")).to_be_visible()
    await expect(page.locator("#more")).not_to_be_empty()
    strip = await page.evaluate("document.getElementById('strip').getBoundingClientRect().height")
    assert strip == 46, "44, and its two edges"
    assert await page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    for button in await page.locator(
        "#strip :is(button, .button):visible, #strip summary:visible"
    ).all():
        box = await button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["width"] >= 40


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
        await page.locator("#light").select_option(label="nuit")
        await page.locator("#light + button").click()
        await expect(page.locator("html")).to_have_attribute("data-theme", "night")
        await page.locator(".menu > summary").click()
        await page.get_by_role("button", name="Se déconnecter").click()
        await expect(page.locator("#token")).to_be_visible()
        await page.context.close()


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
