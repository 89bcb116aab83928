"""A walk over all pages: axe, the sizes of a telephone and of a desk, light and dark, and nothing
that makes a page scroll sideways.

Pages come from `everywhere`. `test_every_route_is_walked` fails where a new route has no page there,
and says what to add.
"""

import asyncio
import itertools
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, Final, cast
from unittest.mock import MagicMock

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from playwright.async_api import Browser, expect

import everywhere
from browsing import Visit, contrasts, violations
from dragoman.application.http import request as http_request
from dragoman.i18n.words import words
from dragoman.office import pages as routes
from everywhere import CHANNEL, EXERCISE
from furnished import furnish, settings
from office import Office
from patience import PATIENCE_MS, PATIENCE_S
from service import INCIDENT, Caller, Gateway

pytestmark = pytest.mark.browser

C: Final = f"/c/{CHANNEL}"
WIDTHS: Final = (320, 390, 1366)
LIGHTS: Final = ("day", "dusk", "contrast", "night")
"""Light and dark by turns."""

LANGUAGES: Final = ("en-GB", "fr-FR", "zh-CN")
NOT_THERE: Final = ("no-such", "contact-note", "record=none", "fault=name")
"""Paths that are answered as what is not there, or is not for the reader."""

ID: Final = "0" * 36
"""An id, to ask the router with."""


class AnyId(dict[str, str]):
    """The ids of paths, where only the route matters."""

    def __missing__(self, name: str) -> str:
        return ID


def console() -> web.Application:
    """Return an application with the routes of the pages."""
    app = web.Application()
    app[http_request.SERVICE] = cast(Any, MagicMock())
    routes.register(app)
    return app


def all_routes(app: web.Application) -> set[str]:
    """Return every route that answers GET, as `everywhere` writes it."""
    return {
        route.resource.canonical.replace("{form}", "")
        for route in app.router.routes()
        if route.method == "GET" and route.resource is not None
    }


async def walked(app: web.Application, pages: list[tuple[str, str]]) -> set[str]:
    """Return the routes that answer these pages."""
    found = set()
    for _, path in pages:
        request = make_mocked_request("GET", path.format_map(AnyId()))
        match = await app.router.resolve(request)
        if match.http_exception is None and match.route.resource is not None:
            found.add(match.route.resource.canonical.replace("{form}", ""))
    return found


def every_page() -> tuple[list[tuple[str, str]], list[str]]:
    """Return the readers and pages of the walk, and the routes that nobody walks.

    A route that needs no id is walked although no path of `everywhere` leads to it.
    """
    pages, app = [*everywhere.PAGES, *everywhere.WALKED], console()
    missing = all_routes(app) - asyncio.run(walked(app, pages))
    missing -= everywhere.NO_PAGE | {*everywhere.ELSEWHERE}
    unwalked = []
    for route in sorted(missing):
        path = route.replace("{channel}", CHANNEL)
        if "{" in path:
            unwalked.append(route)
        else:
            who = "operator" if path.startswith("/host") else "nato/head_of_office"
            pages.append((who, path))
    return sorted(pages), unwalked


PAGES, UNWALKED = every_page()


def test_every_route_is_walked() -> None:
    assert not UNWALKED, "add a path of each to WALKED in tests/support/everywhere.py"
    others = everywhere.NO_PAGE | {*everywhere.ELSEWHERE}
    assert not others - all_routes(console()), "these are no routes any more"
    for file in everywhere.ELSEWHERE.values():
        assert "assert_accessible(" in Path(__file__).with_name(file).read_text(), file


class Walk:
    """A furnished demonstration, and a page for each reader that goes from one path to the next."""

    def __init__(self, browser: Browser, service: Gateway, ids: dict[str, str]) -> None:
        self.browser = browser
        self.service = service
        self.ids = ids
        self.guests: dict[str, Visit] = {}

    async def guest(self, who: str) -> Visit:
        """Return a reader's page. The reader has signed in."""
        if who not in self.guests:
            context = await self.browser.new_context()
            context.set_default_timeout(PATIENCE_MS)
            guest = self.guests[who] = Visit(await context.new_page(), self.service)
            if who:
                await guest.enter(who, "/help")
        self.guests[who].complaints.clear()
        return self.guests[who]

    async def opens(self, who: str, path: str, language: str) -> Visit:
        """Open a page in a language, with all that unfolds in it."""
        guest = await self.guest(who)
        await guest.page.context.set_extra_http_headers({"Accept-Language": language})
        url = self.service.base_url + path.format(**self.ids)
        answer = await guest.page.goto(url)
        assert answer is not None and guest.page.url == url, f"{guest.page.url} is another page"
        there = answer.status < 400 or any(word in path for word in NOT_THERE)
        assert there and "text/html" in answer.headers["content-type"], (
            f"{answer.status}: if {path} is a page, add a path of it and who reads it to WALKED in "
            "tests/support/everywhere.py; if it is none, add its route to NO_PAGE"
        )
        await guest.page.locator("main details").evaluate_all(
            "all => all.forEach((each) => { each.open = true; })"
        )
        return guest


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def walk(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Walk]:
    folder = tmp_path_factory.mktemp("walk")
    service = Office(folder / "data", demo=True, environment=settings(folder))
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S)) as session:
        walk = Walk(browser, service, await furnish(session, service))
    yield walk
    for guest in walk.guests.values():
        await guest.page.context.close()
    service.stop()


UNNAMED: Final = """() => [...document.querySelectorAll('[aria-labelledby]')].map((each) => each.getAttribute('aria-labelledby'))
    .filter((ids) => !ids.split(' ').every((id) => document.getElementById(id)))"""
"""Finds the sections whose heading is missing. Scripts may take a heading away."""


async def looks(guest: Visit, width: int, light: str) -> None:
    """Look at the open page in a size and a light: it does not scroll sideways."""
    page = guest.page
    await page.set_viewport_size({"width": width, "height": 800})
    await page.evaluate("light => { document.documentElement.dataset.theme = light; }", light)
    await guest.still()
    # A button half out of sight at the edge of the takeover is no smaller for that.
    await page.evaluate(
        "document.querySelector('dialog[open] a[data-open]')?.scrollIntoView({block: 'center'})"
    )
    assert await page.evaluate("document.documentElement.scrollWidth") <= width, (width, light)


async def looked_at(guest: Visit, number: int) -> None:
    """Look at the open page in each size, by daylight and in the dark.

    Both telephones have one layout, and take turns to be asked axe about. Targets are measured in
    both layouts, contrasts in each light. All other rules of axe hold in every size and light, and
    are asked once.
    """
    page = guest.page
    small, narrow = WIDTHS[number % 2], WIDTHS[1 - number % 2]
    first, second = (LIGHTS[(number + step) % len(LIGHTS)] for step in (0, 1))
    assert await page.locator("h1").count() == 1
    assert await page.evaluate(UNNAMED) == []
    await looks(guest, small, first)
    await looks(guest, narrow, first)
    assert await violations(page, "target-size") == [], narrow
    assert await contrasts(page) == [], (narrow, first)
    await looks(guest, WIDTHS[2], second)
    assert await contrasts(page) == [], (WIDTHS[2], second)
    assert await violations(page, without="color-contrast") == []


async def looked_at_in_every_light(guest: Visit) -> None:
    """Look at the open page in each size and each light, with all rules."""
    for width, light in itertools.product(WIDTHS, LIGHTS):
        await looks(guest, width, light)
        assert await violations(guest.page) == [], (width, light)


def heard(guest: Visit, path: str) -> list[str]:
    """Return the complaints of the browser, but for an answer that is meant to be an error."""
    there = not any(word in path for word in NOT_THERE)
    return [each for each in guest.complaints if there or "Failed to load resource" not in each]


def half(who: str) -> pytest.MarkDecorator:
    """Return the half of the walk to which a reader belongs: one worker takes each."""
    return pytest.mark.part("one" if who in ("nato/officer", "china/auditor", "") else "other")


BY_PAGE: Final = pytest.mark.parametrize(
    ("number", "who", "path"),
    [
        pytest.param(number, who, path, marks=half(who), id=f"{who or 'nobody'}-{path}")
        for number, (who, path) in enumerate(PAGES)
    ],
)


@BY_PAGE
async def test_a_page_is_accessible_and_fits_in_each_size_by_day_and_in_the_dark(
    walk: Walk, number: int, who: str, path: str
) -> None:
    guest = await walk.opens(who, path, LANGUAGES[number % len(LANGUAGES)])
    await looked_at(guest, number)
    assert heard(guest, path) == []


@pytest.mark.long
@pytest.mark.parametrize("language", LANGUAGES)
@BY_PAGE
async def test_a_page_is_accessible_in_each_language_size_and_light(
    walk: Walk, number: int, who: str, path: str, language: str
) -> None:
    guest = await walk.opens(who, path, language)
    await looked_at_in_every_light(guest)
    assert heard(guest, path) == []


# Pages that are not as usual


async def _refused(guest: Visit, _: Walk) -> None:
    """Send a form that is empty."""
    await guest.page.goto(f"{guest.service.base_url}{C}/compose/hazardous-incident")
    await guest.page.locator("button[value=check]").click()
    await expect(guest.page.locator("main [role=alert] a")).to_have_count(4)


async def _checked(guest: Visit, _: Walk) -> None:
    """Check an incident before it is sent: the page shows the act that it will become."""
    await guest.page.goto(f"{guest.service.base_url}{C}/compose/hazardous-incident")
    await guest.page.locator("#f-kind input").first.check()
    await guest.page.locator("#f-time").fill("now")
    await guest.page.locator("#f-place").fill("15.1N 116.4E")
    await guest.page.locator("textarea[name^='f.facts']").first.fill("One aircraft passed close.")
    await guest.page.locator("button[value=check]").click()
    await expect(guest.page.locator("#act-bytes")).to_be_attached()


async def _written(guest: Visit, _: Walk) -> None:
    """Write two texts with the preview open, until an agreed phrase is offered."""
    page = guest.page
    await page.goto(f"{guest.service.base_url}{C}/compose/contact-note")
    await page.locator("[name='f.form']").first.check()
    await page.locator("[data-preview]").click()
    await page.locator("#f-text-zh").fill("收到。" * 80)
    await expect(page.locator("#live-preview .preview")).to_contain_text("收到。")
    await page.locator("#f-text-en").fill("We will answ")
    await page.locator("#f-text-en").press("End")
    await page.locator("#f-text-en").press_sequentially("e")
    await expect(page.get_by_role("listbox").get_by_role("option")).to_have_count(1)


async def _menu(guest: Visit, _: Walk) -> None:
    """Open the menu."""
    await guest.page.goto(f"{guest.service.base_url}{C}")
    await guest.page.locator(".menu > summary").click()


async def _wall(guest: Visit, _: Walk) -> None:
    """Open the display of a wall."""
    await guest.page.goto(f"{guest.service.base_url}/c/{EXERCISE}?wall=1")


async def _takeover(guest: Visit, walk: Walk) -> None:
    """Let a flash take over the page."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S)) as session:
        caller = Caller(session, walk.service, "nato/duty_officer")
        await caller.open({**INCIDENT, "precedence": "flash"}, EXERCISE)
    await guest.page.goto(f"{guest.service.base_url}/c/{EXERCISE}")
    await expect(guest.page.locator("dialog[open]")).to_be_visible()


async def _blind(guest: Visit, walk: Walk) -> None:
    """Open the board of a host that does not see the log."""
    walk.service.signal_broker(signal.SIGSTOP)
    unknown = {words(each).say("Not known.") for each in ("en", "fr", "zh")}
    async with asyncio.timeout(PATIENCE_S):
        while True:
            await guest.page.goto(f"{guest.service.base_url}{C}")
            if await guest.headline() in unknown:
                break
            await guest.page.wait_for_timeout(500)


State = Callable[[Visit, Walk], Coroutine[Any, Any, None]]
STATES: Final[dict[str, tuple[str, State]]] = {
    "refused": ("nato/officer", _refused),
    "checked": ("nato/officer", _checked),
    "written": ("nato/officer", _written),
    "menu": ("nato/officer", _menu),
    "wall": ("nato/officer", _wall),
    "takeover": ("china/duty_officer", _takeover),
    "blind": ("nato/officer", _blind),
}
BY_STATE: Final = pytest.mark.parametrize(
    "state", [pytest.param(name, marks=half(who)) for name, (who, _) in STATES.items()]
)


async def opened(walk: Walk, state: str, language: str) -> Visit:
    who, opens = STATES[state]
    guest = await walk.guest(who)
    await guest.page.context.set_extra_http_headers({"Accept-Language": language})
    await guest.page.set_viewport_size({"width": 1366, "height": 800})
    await opens(guest, walk)
    return guest


@BY_STATE
async def test_a_page_that_is_not_as_usual_is_accessible(walk: Walk, state: str) -> None:
    number = [*STATES].index(state)
    try:
        guest = await opened(walk, state, LANGUAGES[number % len(LANGUAGES)])
        await looked_at(guest, number)
    finally:
        walk.service.signal_broker(signal.SIGCONT)


@pytest.mark.long
@pytest.mark.parametrize("language", LANGUAGES)
@BY_STATE
async def test_a_page_that_is_not_as_usual_is_accessible_in_each_language_and_light(
    walk: Walk, state: str, language: str
) -> None:
    try:
        await looked_at_in_every_light(await opened(walk, state, language))
    finally:
        walk.service.signal_broker(signal.SIGCONT)
