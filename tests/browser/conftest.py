"""A headless browser at the real service."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from browsing import EXERCISE, Contexts, Flash, Visit, Visiting
from office import Office
from patience import PATIENCE_MS, PATIENCE_S
from service import INCIDENT, Caller, Gateway

SHELL, WHOLE = Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium")
CHROMIUM = SHELL if SHELL.exists() else WHOLE
"""The browser. The shell is the same engine without a window of its own, which costs a third of the
processor's time.
"""
_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One browser for all tests that are here: it lives in one event loop, and so do they."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser's path; without one the tests are skipped, unless they are required."""
    if not CHROMIUM.exists():
        if os.environ.get("DRAGOMAN_REQUIRE_BROWSER") == "1":
            pytest.fail(f"DRAGOMAN_REQUIRE_BROWSER=1, and there is no {CHROMIUM}")
        pytest.skip(f"there is no {CHROMIUM}: install Chromium to run these")
    return CHROMIUM


@pytest.fixture(scope="module")
def demo(chromium: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A demonstration, shared by the tests that only add to it."""
    service = Office(tmp_path_factory.mktemp("board") / "data", demo=True)
    yield service
    service.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: Path) -> AsyncIterator[Browser]:
    """A headless browser, in which every visit has a profile of its own."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def contexts(browser: Browser, demo: Gateway) -> AsyncIterator[Contexts]:
    """Contexts that the tests of a module hand on. They end before the demonstration does: whoever
    connects while it stops is accepted, and never let go.
    """
    contexts = Contexts(browser)
    yield contexts
    await contexts.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(
    contexts: Contexts, demo: Gateway, request: pytest.FixtureRequest
) -> AsyncIterator[Visiting]:
    """Open a page with cookies of its own; at the shared demonstration, if at no other service."""
    fresh = request.node.get_closest_marker("fresh_context") is not None
    async with AsyncExitStack() as opened:

        async def visit(service: Gateway = demo, **options: Any) -> Visit:
            viewport = options.pop("viewport", {"width": 1280, "height": 800})
            context = await contexts.take(options, fresh=fresh)
            opened.push_async_callback(contexts.give_back, context, service.base_url)
            page = await context.new_page()
            await page.set_viewport_size(viewport)
            return Visit(page, service)

        yield visit


@pytest_asyncio.fixture(loop_scope="session")
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """HTTP connections."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S)) as session:
        yield session


@pytest.fixture
def flash(session: aiohttp.ClientSession, demo: Gateway) -> Flash:
    """NATO's duty officer sends China one more flash; its number."""

    async def flash() -> str:
        answer = await Caller(session, demo, "nato/duty_officer").open(
            {**INCIDENT, "precedence": "flash"}, EXERCISE
        )
        return str(answer.json["number"])

    return flash
