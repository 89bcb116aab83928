"""The page on which each side adopts a version of the rules, in a release that has two."""

from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import expect

import next_release
from browsing import Visiting
from service import NOTE, Caller, Gateway, Service

pytestmark = pytest.mark.browser

CHANNEL = "nato-china"
PAGE = f"/c/{CHANNEL}/admin/rules"


@pytest.fixture
def newer(chromium: Path, tmp_path: Path) -> Iterator[Service]:
    """A demonstration of the next release, whose channel goes by rules 1."""
    service = Service(tmp_path / "data", "--demo")
    service.stop()
    service.environment = {**service.environment, **next_release.built(tmp_path / "next")}
    service.start()
    yield service
    service.stop()


async def test_each_side_adopts_for_itself_and_both_see_what_the_other_waits_for(
    newer: Gateway, visit: Visiting
) -> None:
    nato, china, officer = [await visit(newer) for _ in range(3)]
    await nato.sign_in("nato/administrator", CHANNEL)
    await china.sign_in("china/administrator", CHANNEL)
    await officer.sign_in("nato/officer", CHANNEL)
    for reader in (nato, china, officer):
        await reader.page.goto(newer.base_url + PAGE)
        await expect(reader.page.locator("h1")).to_have_text("Rules 1")
    await expect(nato.page.locator("section[aria-labelledby=versions]")).to_contain_text("Courtesy")
    assert await officer.page.locator("form[action$='/admin/rules']").count() == 0

    await nato.page.get_by_role("button", name="Adopt these rules").click()
    await expect(nato.page.locator(".lead")).to_contain_text("adopted by NATO, and wait for CHINA")
    # What is not in force can be taken back, and adopted again.
    await nato.page.get_by_label("Take the adoption back").check()
    await nato.page.get_by_role("button", name="Adopt these rules").click()
    await expect(nato.page.locator(".lead")).to_contain_text("This program has later ones")
    await nato.page.get_by_role("button", name="Adopt these rules").click()
    await expect(nato.page.locator(".lead")).to_contain_text("wait for CHINA")

    await china.page.goto(newer.base_url + PAGE)
    await expect(china.page.locator(".lead")).to_contain_text("adopted by NATO, and wait for CHINA")
    await china.page.get_by_role("button", name="Adopt these rules").click()
    for reader in (china, nato):
        await reader.page.goto(newer.base_url + PAGE)
        await expect(reader.page.locator("h1")).to_have_text("Rules 2")
        await expect(reader.page.locator("section[aria-labelledby=adopt]")).to_contain_text(
            "There is nothing to adopt."
        )


async def test_an_act_of_later_rules_is_offered_once_they_are_in_force(
    newer: Gateway, visit: Visiting, session: aiohttp.ClientSession
) -> None:
    reader = await visit(newer)
    await reader.sign_in("china/officer", CHANNEL)
    note = (await Caller(session, newer, "nato/officer").open(NOTE)).json["exchange"]
    form = f"{newer.base_url}/c/{CHANNEL}/exchanges/{note}/acts/courtesy"
    assert (await reader.page.goto(form)).status == 404  # type: ignore[union-attr]
    for side in ("nato", "china"):
        caller = Caller(session, newer, f"{side}/administrator")
        adopted = await caller.post(
            f"/v1/channels/{CHANNEL}/channel", {"act": "rules-adoption", "rules": 2}
        )
        assert adopted.status == 201, adopted.body
    assert (await reader.page.goto(form)).status == 200  # type: ignore[union-attr]
