"""A page in a browser of its own, which notes what it complained of and whom else it asked."""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]  # has no types
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page

from patience import PATIENCE_MS
from service import Caller, Gateway

EXERCISE = "nato-china-exercise"
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]
SIZES = {"wide": {"width": 1280, "height": 800}, "narrow": {"width": 320, "height": 568}}


class Contexts:
    """Browser contexts that tests hand on, by their options.

    A context that is handed on is as empty as a new one: without pages, cookies, permissions, and
    what pages have stored or registered. It keeps what it has loaded of scripts and styles. A test
    about any of these, or about the clock or the network of its context, is marked with
    `fresh_context`.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._options: dict[BrowserContext, str] = {}
        self._free: dict[str, list[BrowserContext]] = defaultdict(list)

    async def take(self, options: dict[str, Any], *, fresh: bool) -> BrowserContext:
        """Return an empty context with these options."""
        name = repr(sorted(options.items()))
        if not fresh and self._free[name]:
            return self._free[name].pop()
        context = await self._browser.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        if not fresh and self._browser.browser_type.name == "chromium":
            self._options[context] = name
            context.once("close", self._forget)
        return context

    def _forget(self, context: BrowserContext) -> None:
        self._options.pop(context, None)

    async def give_back(self, context: BrowserContext, origin: str) -> None:
        """Empty a context, or close it, after letting go of what it holds back."""
        pages = context.pages
        for page in pages:
            await page.unroute_all(behavior="ignoreErrors")
        if context not in self._options or not pages:
            await context.close()
            return
        devtools = await context.new_cdp_session(pages[0])
        everything = {"origin": origin, "storageTypes": "all"}
        await devtools.send("Storage.clearDataForOrigin", everything)
        for page in pages:
            await page.close()
        await context.clear_cookies()
        await context.clear_permissions()
        self._free[self._options[context]].append(context)

    async def close(self) -> None:
        """Close all contexts."""
        for contexts in self._free.values():
            for context in contexts:
                await context.close()


class Visit:
    """One browser of its own, with one page, at a service."""

    def __init__(self, page: Page, service: Gateway) -> None:
        self.page = page
        self.service = service
        self.complaints: list[str] = []
        page.on(
            "console",
            lambda message: (
                self.complaints.append(f"{message.text} ({message.location.get('url', '')})")
                if self._is_complaint(message)
                else None
            ),
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith(f"{service.base_url}/")
                else self.complaints.append(request.url)
            ),
        )

    @staticmethod
    def _is_complaint(message: ConsoleMessage) -> bool:
        """Return whether the browser complains; what Playwright says of its own blocking of service
        workers does not count.
        """
        return message.type in ("error", "warning") and not message.text.endswith(
            "blocked by Playwright"
        )

    async def sign_in(self, who: str, channel: str = EXERCISE) -> None:
        """Sign in, and arrive at a channel's board, with all that it loads."""
        await self.enter(who, f"/c/{channel}")

    async def enter(self, who: str, path: str) -> None:
        """Sign in as somebody of the demonstration or as the operator, and arrive at a page.

        The form of the page is sent without the page. A test that is about signing in fills it.
        """
        service = self.service
        token = service.operator.strip() if who == "operator" else service.token(who)
        await self.enter_with(token, path)

    async def enter_with(self, token: str, path: str) -> None:
        """Sign in with a token, and arrive at a page.

        Firefox gives the next navigation another number than the one it announces, if the page
        before still loads. Playwright then takes one navigation for two. So wait for the load.
        """
        answer = await self.page.context.request.post(
            f"{self.service.base_url}/sign-in",
            form={"token": token},
            headers={"Origin": self.service.base_url},
            max_redirects=0,
        )
        assert answer.status == 303, await answer.text()
        await self.page.goto(self.service.base_url + path)
        await self.page.wait_for_load_state("load")

    async def unfold(self) -> None:
        """Show all states, and not the worst alone."""
        await self.page.locator(".rail-more:not([open]) > summary").click()

    async def still(self) -> None:
        """Wait until everything that moves for a while has come to rest, such as the colours of
        another light.
        """
        await self.page.evaluate(_STILL)

    async def headline(self) -> str:
        """The page's one h1, as it is seen."""
        return await self.page.locator("h1").inner_text()


_STILL = """async () => {
    const passing = document.getAnimations().filter((each) => each.effect.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(passing.map((each) => each.finished));
}"""

Visiting = Callable[..., Awaitable[Visit]]
Flash = Callable[[], Awaitable[str]]


async def acknowledge_all(
    session: aiohttp.ClientSession, service: Gateway, side: str, channel: str
) -> None:
    """Leave nothing waiting, so that a test begins with a quiet side."""
    caller = Caller(session, service, f"{side}/duty_officer")
    waiting = (await caller.get(f"/v1/channels/{channel}/inbox")).json["exchanges"]
    for row in waiting:
        if side in row.get("unacknowledged_by", ()):
            await caller.post(
                f"/v1/channels/{channel}/exchanges/{row['id']}/acts", {"act": "acknowledgement"}
            )


async def violations(page: Page, *rules: str, without: str = "") -> list[Any]:
    """Return the findings of axe at AA, by these rules, or by all or all but one: each rule, and the
    places.
    """
    by = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": LEVELS}
    return await _found(page, "document", {"runOnly": by}, without)


async def contrasts(page: Page) -> list[Any]:
    """Return the findings of axe on the contrast of texts: of one visible text for each path of tags,
    classes and states, since they give its colours. A long list then costs as much as a short one.
    """
    by = {"type": "rule", "values": ["color-contrast"]}
    return await _found(page, _TEXTS, {"runOnly": by})


async def _found(page: Page, where: str, options: dict[str, Any], without: str = "") -> list[Any]:
    if await page.evaluate("window.axe === undefined"):
        await page.evaluate(AXE_SCRIPT)
    options |= {"resultTypes": ["violations"]}
    if without:
        options["rules"] = {without: {"enabled": False}}
    found: list[Any] = await page.evaluate(_FINDINGS % where, options)
    return found


_TEXTS = """{ include: [...document.querySelectorAll("body *")].reduce((texts, each) => {
    if (each.checkVisibility() && [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) {
        let path = "";
        for (let at = each; at; at = at.parentElement)
            path += ` ${at.tagName}.${at.getAttribute("class")}.${at.dataset.state}.${at.ariaCurrent}.${at.disabled}`;
        if (!texts.has(path)) texts.set(path, each);
    }
    return texts;
}, new Map()).values().toArray() }"""
_FINDINGS = """async (options) => (await axe.run(%s, options)).violations.map(
    ({ id, nodes }) => [id, nodes.map(({ target, html }) => [target, html])])"""


async def assert_accessible(visit: Visit) -> None:
    """Assert that axe finds nothing, on a page that only its own test can open. All other pages are
    on the walk of `test_walk.py`.
    """
    assert await violations(visit.page) == []
    assert await visit.page.locator("h1").count() == 1
