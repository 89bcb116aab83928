"""A headless browser at the real service."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser, async_playwright

from browsing import EXERCISE, Flash, Visit, Visiting
from service import INCIDENT, Caller, Service

CHROMIUM = Path("/usr/bin/chromium")
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


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser's path; without one the tests are skipped, unless they are required."""
    if not CHROMIUM.exists():
        if os.environ.get("DRAGOMAN_REQUIRE_BROWSER") == "1":
            pytest.fail(f"DRAGOMAN_REQUIRE_BROWSER=1, and there is no {CHROMIUM}")
        pytest.skip(f"there is no {CHROMIUM}: install Chromium to run these")
    return CHROMIUM


@pytest.fixture(scope="module")
def demo(chromium: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A demonstration, shared by the tests that only add to it."""
    service = Service(tmp_path_factory.mktemp("board") / "data", "--demo")
    yield service
    service.stop()


@pytest.fixture
async def browser(chromium: Path) -> AsyncIterator[Browser]:
    """A headless browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
def visit(browser: Browser, demo: Service) -> Visiting:
    """Open a page with cookies of its own; at the shared demonstration, if at no other service."""

    async def visit(service: Service = demo, **options: Any) -> Visit:
        context = await browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        context.set_default_timeout(15_000)
        return Visit(await context.new_page(), service)

    return visit


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """HTTP connections."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield session


@pytest.fixture
def flash(session: aiohttp.ClientSession, demo: Service) -> Flash:
    """NATO's duty officer sends China one more flash; its number."""

    async def flash() -> str:
        answer = await Caller(session, demo, "nato/duty_officer").open({**INCIDENT, "precedence": "flash"}, EXERCISE)
        return str(answer.json["number"])

    return flash
