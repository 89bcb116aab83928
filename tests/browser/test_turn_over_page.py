"""The turn-over of a watch, signed point by point in a browser and on the command line."""

import asyncio
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Page, expect

from browsing import Visiting
from service import INCIDENT, Caller, Gateway

pytestmark = [pytest.mark.browser, pytest.mark.writes]

CHANNEL = "nato-china"
C = f"/v1/channels/{CHANNEL}"
PATH = f"/c/{CHANNEL}/watch/turn-over"
SECRET = "Which of the two buoys is meant?"


async def answered(page: Page, answer: str) -> None:
    for point in await page.locator("[data-point]").all():
        if not await point.locator("input:checked").count():
            await point.get_by_label(answer, exact=True).check()


async def test_a_watch_is_taken_point_by_point_and_what_is_not_clear_is_explained(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    nato = Caller(session, demo, "nato/duty_officer")
    await nato.open({**INCIDENT, "precedence": "immediate"}, CHANNEL)
    head = await visit(demo, java_script_enabled=False)
    await head.sign_in("china/head_of_office", CHANNEL)
    await head.page.get_by_role("button", name="Take the watch").click()
    await expect(head.page.locator("[data-turn-over=none]")).to_contain_text("without the list")

    duty = await visit(demo, java_script_enabled=False)
    await duty.sign_in("china/duty_officer", CHANNEL)
    page = duty.page
    await page.get_by_text("Take the watch, or hand it over").click()
    await page.get_by_role("link", name="Go through it point by point").click()
    take = page.get_by_role("button", name="Take the watch with these answers")
    await take.click()
    await expect(page.locator(".fault")).to_contain_text("Some points have no answer")

    points = page.locator("[data-point]")
    matter = page.locator("[data-point^='matter/']").first
    key = await matter.get_attribute("data-point")
    await matter.get_by_label("Not clear", exact=True).check()
    await matter.get_by_label("What is not clear").fill(SECRET)
    await answered(page, "Taken over")
    before = await points.count()
    await nato.open({**INCIDENT, "precedence": "immediate"}, CHANNEL)
    await take.click()
    await expect(page.locator(".fault")).to_contain_text("The list has changed")
    assert await page.locator("[data-change=new]").count() == await points.count() - before > 0
    assert await page.locator("[data-point]:has(input:checked)").count() == before
    assert await page.locator("[data-point]:has(input:checked)[data-change=new]").count() == 0
    await expect(matter.get_by_label("What is not clear")).to_have_value(SECRET)
    await answered(page, "Taken over")
    await take.click()
    await expect(page.locator("#saying")).to_have_text("You have the watch.")

    view = (await Caller(session, demo, "china/officer").get(f"{C}/watch/turn-over")).json
    assert view["committed"] and view["has_sheet"]
    assert {each["key"] for each in view["signed"] if each["answer"] == "not_clear"} == {key}
    await page.goto(f"{demo.base_url}{PATH}")
    await expect(page.locator("[data-answer=not_clear]")).to_contain_text(SECRET)

    await head.page.reload()
    unclear = head.page.locator("[data-unclear]")
    await expect(unclear).to_contain_text(SECRET)
    await unclear.get_by_label("Explain it").fill("The western one.")
    await unclear.get_by_role("button", name="Send the explanation").click()
    await expect(head.page.locator("[data-unclear=explained]")).to_contain_text("The western one.")
    await page.goto(f"{demo.base_url}/c/{CHANNEL}")
    await page.get_by_role("button", name="It is clear now").click()
    await expect(page.locator("[data-unclear], [data-turn-over]")).to_have_count(0)
    await nothing_of_it_is_seen_by_the_other_side(session, demo)
    await an_auditor_verifies_the_sheet(visit, demo, tmp_path)


async def an_auditor_verifies_the_sheet(visit: Visiting, demo: Gateway, folder: Path) -> None:
    """The side's auditor downloads the sheet, and verifies it; the other side's cannot have it."""
    auditor = await visit(demo, accept_downloads=True)
    await auditor.enter("china/auditor", f"/c/{CHANNEL}/audit")
    await auditor.page.get_by_role("link", name="Turn-overs that were signed").click()
    await auditor.page.wait_for_url(f"**{PATH}")
    link = auditor.page.get_by_role("link", name="download the sheet").first
    address = await link.get_attribute("href")
    async with auditor.page.expect_download() as download:
        await link.click()
    name = (await download.value).suggested_filename
    await (await download.value).save_as(path := folder / name)
    (token := folder / "auditor").write_text(demo.token("china/auditor"))
    to = ("--channel", CHANNEL, "--token-file", str(token))

    async def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(demo.run, "audit", *arguments, *to, check=None)

    export = folder / "log.zip"
    assert (await run("export", "--to", str(export))).returncode == 0
    for log in ((), (str(export),)):
        done = await run("verify", *log, "--turn-over", str(path))
        assert done.returncode == 0, done.stderr
        assert re.search(r"turn-over of china/d-1: record \d+ commits to it", done.stdout)
        assert "every point that follows from the log is in it" in done.stdout
    path.write_text(path.read_text().replace(SECRET, SECRET.replace("two", "ten")))
    done = await run("verify", str(export), "--turn-over", str(path))
    assert done.returncode == 7
    assert "the record does not commit to this sheet" in done.stderr
    other = await visit(demo)
    await other.sign_in("nato/auditor", CHANNEL)
    answer = await other.page.goto(f"{demo.base_url}{address}")
    assert answer is not None and answer.status == 404
    assert SECRET not in await other.page.content()


async def nothing_of_it_is_seen_by_the_other_side(
    session: aiohttp.ClientSession, demo: Gateway
) -> None:
    """The other side sees that the watch is manned, and neither a name nor an answer."""
    nato = Caller(session, demo, "nato/duty_officer")
    view = (await nato.get(f"{C}/watch/turn-over")).json
    assert not view.get("has_sheet") and not view.get("signed")
    (china,) = (
        side for side in (await nato.get(f"{C}/watch")).json["sides"] if side["side"] == "china"
    )
    assert china.keys() <= {"side", "manned_since", "note", "turn_over"} and "note" not in china
    records = (await nato.get(f"{C}/records?from=1")).body.decode()
    assert SECRET not in records and "western" not in records
    taken = [
        line for line in records.splitlines() if '"watch-assumption"' in line and "china/" in line
    ]
    assert all(re.search(r'"data":\{"act":"watch-assumption"\}', line) for line in taken[-1:])


async def test_an_emergency_takes_the_watch_with_points_unsigned_and_the_board_says_so(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    china = Caller(session, demo, "china/duty_officer")
    await china.open({**INCIDENT, "precedence": "immediate"}, CHANNEL)
    await Caller(session, demo, "nato/head_of_office").post(
        f"{C}/channel", {"act": "watch-assumption"}
    )
    duty = await visit(demo)
    await duty.sign_in("nato/duty_officer", CHANNEL)
    page = duty.page
    await page.goto(f"{demo.base_url}{PATH}")
    first = page.locator("[data-point]").first
    await first.get_by_label("Taken over", exact=True).check()
    await china.open({**INCIDENT, "precedence": "immediate"}, CHANNEL)
    await page.get_by_role("button", name="Take the watch now, the rest unsigned").first.click()
    await expect(page.locator("#saying")).to_have_text("You have the watch.")
    unsigned = page.locator("[data-turn-over=unsigned]")
    await expect(unsigned).to_contain_text(re.compile(r"\d+ points? (is|are) unsigned"))
    await unsigned.get_by_role("link", name="Sign its points").click()
    await answered(page, "Taken over")
    await page.get_by_role("button", name="Sign these points").click()
    await page.goto(f"{demo.base_url}/c/{CHANNEL}")
    await expect(page.locator("[data-turn-over]")).to_have_count(0)
    assert duty.complaints == []


def test_a_watch_is_taken_point_by_point_on_the_command_line(demo: Gateway, tmp_path: Any) -> None:
    token = tmp_path / "token"
    token.write_text(demo.token("china/head_of_office"))
    to = ("--channel", CHANNEL, "--token-file", str(token))
    view = json.loads(demo.run("watch", "points", "--json", *to).stdout)
    first, *others = [point["key"] for point in view["points"]]
    wrong = demo.run("watch", "take", "--taken-over", "matter/none", *to, check=None)
    assert wrong.returncode != 0 and "dragoman watch points" in wrong.stderr
    done = demo.run(
        "watch", "take", "--taken-over", first, "--not-clear", f"{others[0]}=Who rings?", *to
    )
    assert f"not signed: {others[1]}" in done.stderr
    shown = demo.run("watch", "points", *to)
    assert re.search(rf"{re.escape(first)} +taken over", shown.stdout)
    assert re.search(rf"{re.escape(others[0])} +not clear +Who rings\?", shown.stdout)
    assert "commits to it" in shown.stderr
