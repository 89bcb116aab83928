"""Passing on, from the list of a head of office to the alarm at the limit.

The receiver sees and hears it, and the sender has a line on the board.
"""

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import expect

import stepped
from browsing import Visit, Visiting
from samples import act
from service import Caller, Service

pytestmark = pytest.mark.browser

CHANNEL = "nato-china"
POSTS = ("Early warning", "Air defence")


class TimedDemo(Service):
    """A demonstration whose clock the test sets."""

    def __init__(self, data: Path) -> None:
        self.off = data.parent / "off"
        self.off.write_text("0")
        self.program = (sys.executable, stepped.__file__, "--alone", str(self.off))
        super().__init__(data, "--demo")

    def ahead(self, by: timedelta) -> None:
        """Let the clock be ahead of this machine's."""
        fresh = self.off.with_suffix(".new")
        fresh.write_text(str(by.total_seconds()))
        fresh.rename(self.off)


@pytest.fixture
def timed(chromium: Path, tmp_path: Path) -> Iterator[TimedDemo]:
    """A demonstration of its own."""
    service = TimedDemo(tmp_path / "data")
    yield service
    service.stop()


def window(*, opens: timedelta) -> dict[str, str]:
    """A window of two hours that opens so long from now."""
    begins = datetime.now(UTC) + opens
    return {
        end: f"{moment:%Y-%m-%dT%H:%M:%SZ}"
        for end, moment in (("from", begins), ("to", begins + timedelta(hours=2)))
    }


async def adopt(head: Visit, posts: str, before: str = "") -> None:
    """Adopt posts for danger areas."""
    path = f"/c/{CHANNEL}/admin/acts/onward-adoption?format=danger-area"
    await head.page.goto(f"{head.service.base_url}{path}")
    await head.page.locator("[name='f.entries.0.posts']").fill(posts)
    await head.page.locator("[name='f.entries.0.before_min']").fill(before)
    await head.page.get_by_role("button", name="Check before sending").click()
    await head.page.get_by_role("button", name="Record: ").click()
    await head.page.get_by_role("link", name="Back to Administration").click()


async def arm(officer: Visit) -> None:
    """Go on duty, and say that the sound was heard."""
    await officer.page.get_by_role("button", name="I am on duty: arm the alarm").click()
    await officer.page.get_by_role("button", name="I heard the sound").click()


async def test_what_was_not_passed_on_rings_at_the_receiver_and_stands_at_the_sender(
    visit: Visiting, timed: TimedDemo, session: aiohttp.ClientSession
) -> None:
    head = await visit(timed)
    await head.sign_in("china/head_of_office", CHANNEL)
    await adopt(head, "\n".join(POSTS))
    await expect(head.page.get_by_role("group", name="Posts of CHINA")).to_contain_text(
        re.compile(
            r"Early warning\s*Air defence\s*(?:\d+)?2\sh before it opens, as the profile says"
        )
    )
    nato, china = (
        Caller(session, timed, "nato/duty_officer"),
        Caller(session, timed, "china/duty_officer"),
    )
    for side in (nato, china):
        await side.post(f"/v1/channels/{CHANNEL}/channel", {"act": "watch-assumption"})
    sent: Any = (
        await nato.open(act("danger-area", window=window(opens=timedelta(hours=4))), CHANNEL)
    ).json
    path = f"/v1/channels/{CHANNEL}/exchanges/{sent['exchange']}/acts"
    await china.post(path, {"act": "acknowledgement"})
    receiver, sender = await visit(timed), await visit(timed)
    await receiver.sign_in("china/duty_officer", CHANNEL)
    await arm(receiver)
    await sender.sign_in("nato/duty_officer", CHANNEL)
    bar = receiver.page.locator("[data-bar=unpassed]")
    row = sender.page.locator(f"li[data-window='{sent['exchange']}']")
    await expect(row).to_contain_text(
        "CHINA has not said that it passed this on to Early warning, Air defence"
    )
    await expect(bar).to_have_count(0)
    await expect(sender.page.locator("[data-not-passed-on]")).to_have_count(0)
    timed.ahead(timedelta(hours=2, minutes=5))
    await expect(bar).to_contain_text(
        "your side has not said that it passed this on to Early warning, Air defence."
    )
    await expect(bar).to_contain_text(re.compile(r"The window opens in 1\sh\s5\d\smin"))
    await expect(receiver.page.locator("body")).to_have_attribute("data-sounding", "immediate")
    line = sender.page.locator("[data-not-passed-on=china]")
    await sender.page.reload()
    await expect(line).to_contain_text(
        "CHINA: acknowledged. It has not said that it passed this on to Early warning, Air defence."
    )
    await expect(sender.page.locator("[data-bar=unpassed]")).to_have_count(0)
    await bar.get_by_role("link").first.click()
    passing = receiver.page.locator("#passing")
    for missing, post in ((1, POSTS[0]), (0, POSTS[1])):
        await passing.get_by_role("button", name=f"Passed on {post}").click()
        await expect(passing.locator("button[name=post]")).to_have_count(missing)
    await expect(bar).to_have_count(0)
    await passing.get_by_role("button", name="Confirmed Air defence").click()
    fact = receiver.page.locator("#receipts [data-passed-on]")
    await expect(fact).to_contain_text(
        re.compile(r"Air defence\s*passed on [^,]*\d\d:\d\dZ, confirmed .*\d\d:\d\dZ")
    )
    await sender.page.goto(f"{timed.base_url}/c/{CHANNEL}/exchanges/{sent['exchange']}")
    fact = sender.page.locator("#receipts [data-passed-on]")
    await expect(fact).to_contain_text(re.compile(r"Early warning\s*passed on"))
    await expect(fact).not_to_contain_text("NOT")
    await expect(sender.page.locator("#passing")).to_have_count(0)
    await sender.page.goto(f"{timed.base_url}/c/{CHANNEL}")
    await expect(line).to_have_count(0)
    assert receiver.complaints == sender.complaints == []
