"""An evidence file in a browser: saved from the page of an exchange, opened from a disk, verified
without a server, and found out when it lies.
"""

import re
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from playwright.async_api import Page, expect

from browsing import Visit, Visiting, assert_accessible
from dragoman.reports import evidence_file
from service import INCIDENT, Caller, Gateway

pytestmark = pytest.mark.browser

CHANNEL: Final = "nato-china-exercise"


async def saved(visit: Visit, folder: Path, language: str) -> Path:
    """Save the evidence of the exchange that is open, and return its path."""
    async with visit.page.expect_download() as download:
        await visit.page.get_by_role("link", name=language).click()
    found = await download.value
    assert found.suggested_filename.endswith("-evidence.html")
    await found.save_as(path := folder / found.suggested_filename)
    return path


async def outcome(page: Page) -> str:
    place = page.locator("[data-place='outcome']")
    await expect(place).not_to_have_attribute("data-state", "working")
    return str(await place.get_attribute("data-state"))


async def enter(page: Page, cid: str, log: str) -> None:
    await page.locator("#cid").fill(cid)
    await page.locator("#log").fill(log)
    await page.locator("#noted button").click()


async def test_an_exchange_is_saved_and_proves_itself_from_a_disk_and_a_lie_does_not(
    visit: Visiting, session: aiohttp.ClientSession, demo: Gateway, tmp_path: Path
) -> None:
    nato, china = (Caller(session, demo, f"{side}/duty_officer") for side in ("nato", "china"))
    told: dict[str, Any] = {**INCIDENT, "facts": "Two aircraft passed close. <b>Rest unknown.</b>"}
    opened = (await nato.open(told, CHANNEL)).json
    await china.act(opened["exchange"], {"act": "acknowledgement"}, CHANNEL)
    known = (await nato.get(f"/v1/channels/{CHANNEL}")).json
    reader = await visit(viewport={"width": 390, "height": 844}, accept_downloads=True)
    await reader.enter("china/auditor", f"/c/{CHANNEL}/exchanges/{opened['exchange']}")
    path = await saved(reader, tmp_path, "evidence file")
    island = await visit(viewport={"width": 390, "height": 844}, offline=True)
    page, asked = island.page, list[str]()
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(path.as_uri())
    assert await outcome(page) == "holds"
    await expect(page.locator("[data-place='outcome']")).to_contain_text("agrees with itself")
    await expect(page.locator("[data-limit='cid']")).to_be_visible()
    await enter(page, known["cid"], known["log"])
    assert await outcome(page) == "holds"
    await expect(page.locator("[data-place='outcome']")).to_contain_text("in the log of your")
    await expect(page.locator("[data-limit='cid'], [data-limit='log']").first).to_be_hidden()
    await expect(page.locator("[data-place='drill']")).to_be_visible()
    own = page.locator("[data-place='records'] .card")
    await expect(own.first).to_contain_text("<b>Rest unknown.</b>")
    await expect(own.last).to_contain_text("china/d-1")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await assert_accessible(island)
    await enter(page, "ab" * 32, known["log"])
    await expect(page.locator("[data-place='outcome']")).to_contain_text(known["cid"])
    assert await outcome(page) == "differs"
    await expect(own.first).to_be_hidden()
    lie = tmp_path / "lie.html"
    lie.write_bytes(
        path.read_bytes().replace(b"Two aircraft passed close", b"Two aircraft passed apart")
    )
    await page.goto(lie.as_uri())
    assert await outcome(page) == "differs"
    assert evidence_file.read(path.read_bytes()).exchange == opened["exchange"]
    assert {url for url in asked if not url.startswith("file:")} == set()


@pytest.mark.parametrize(
    ("language", "link", "word", "wording"),
    [
        ("fr", "fichier de preuve", "Valide", "quasi-collision"),
        ("zh", "证据文件", "有效", "险些相撞"),
    ],
)
async def test_the_file_speaks_the_reader_s_language_beside_codes_and_proves_no_word_of_it(
    visit: Visiting,
    session: aiohttp.ClientSession,
    demo: Gateway,
    tmp_path: Path,
    language: str,
    link: str,
    word: str,
    wording: str,
) -> None:
    nato = Caller(session, demo, "nato/duty_officer")
    opened = (await nato.open(INCIDENT, CHANNEL)).json
    known = (await nato.get(f"/v1/channels/{CHANNEL}")).json
    reader = await visit(locale=language, accept_downloads=True)
    await reader.enter("china/auditor", f"/c/{CHANNEL}/exchanges/{opened['exchange']}")
    path = await saved(reader, tmp_path, link)
    await reader.page.goto(path.as_uri())
    assert await outcome(reader.page) == "holds"
    await enter(reader.page, known["cid"], known["log"])
    await expect(reader.page.locator("[data-place='outcome']")).to_contain_text(word)
    assert await reader.page.evaluate("document.documentElement.lang") == (
        "zh-Hans" if language == "zh" else language
    )
    card = reader.page.locator("[data-place='records'] .card").first
    shown = card.locator("dd", has_text="near_miss")
    await expect(shown.locator(".value")).to_have_text("near_miss")
    await expect(shown.locator(".wording span")).to_have_text(wording)
    await expect(shown.locator(".wording small")).not_to_be_empty()
    await expect(reader.page.locator(".wording-note")).to_be_visible()
    raw = path.read_bytes()
    begin, end = raw.index(b'id="words">'), raw.index(b'id="evidence">')
    for old, new, count in ((wording, "all calm", 1), ('"codes"', '"other"', 0)):
        changed = raw[begin:end].replace(old.encode(), new.encode())
        assert changed != raw[begin:end]
        (forged := tmp_path / "forged.html").write_bytes(raw[:begin] + changed + raw[end:])
        await reader.page.goto(forged.as_uri())
        assert await outcome(reader.page) == "holds"
        await expect(shown.locator(".value")).to_have_text("near_miss")
        await expect(shown.locator(".wording small")).to_have_count(count)


async def test_what_each_side_stated_is_one_table_of_proved_values(
    visit: Visiting, session: aiohttp.ClientSession, demo: Gateway, tmp_path: Path
) -> None:
    nato, china = (Caller(session, demo, f"{side}/duty_officer") for side in ("nato", "china"))
    denied = {**INCIDENT, "whose": "nobody_here", "cause_established": "A technical failure."}
    id = (await nato.open(denied, CHANNEL)).json["exchange"]
    account = {"act": "counter-account", "facts": "It was shot down.", "whose": ["nato"]}
    assert (await china.act(id, account, CHANNEL)).status == 201
    taken_back = {"act": "retraction", "fields": {"whose": ["nato"]}, "reason": "It was not so."}
    seen = await nato.get(f"/v1/channels/{CHANNEL}/exchanges/{id}")
    relied = {"If_Match": seen.headers["ETag"]}
    assert (await nato.act(id, taken_back, CHANNEL, **relied)).status == 201
    reader = await visit(accept_downloads=True)
    await reader.enter("china/auditor", f"/c/{CHANNEL}/exchanges/{id}")
    path = await saved(reader, tmp_path, "evidence file")
    page = (await visit(offline=True, viewport={"width": 390, "height": 844})).page
    await page.goto(path.as_uri())
    assert await outcome(page) == "holds"
    rows = page.locator("[data-place='statements'] tr")
    told = [await row.inner_text() for row in await rows.all()]
    assert [text.split()[0] for text in told] == ["NATO", "CHINA", "NATO"]
    assert "nobody_here" in told[0] and "in its report" in told[0]
    assert "by a retraction" in told[2] and "It was not so." in told[2]
    await expect(page.locator("[data-place='differences'] tr")).to_have_count(1)
    await expect(page.locator("[data-place='differences'] tr")).to_contain_text("by NATO")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    raw = path.read_bytes()
    begin, end = raw.index(b'id="words">'), raw.index(b'id="evidence">')
    changed = re.sub(rb'"at": \d+', b'"at": 1', raw[begin:end])
    path.write_bytes(raw[:begin] + changed + raw[end:])
    await page.goto(path.as_uri())
    assert await outcome(page) == "holds"
    await expect(rows).to_have_count(0)  # record 1 is no record of the exchange
    await expect(page.locator("[data-place='stated']")).to_be_hidden()


async def test_a_file_that_was_cut_says_so_with_scripts_and_without(
    visit: Visiting, session: aiohttp.ClientSession, demo: Gateway, tmp_path: Path
) -> None:
    opened = (await Caller(session, demo, "nato/duty_officer").open(INCIDENT, CHANNEL)).json
    reader = await visit(accept_downloads=True)
    await reader.enter("china/auditor", f"/c/{CHANNEL}/exchanges/{opened['exchange']}")
    raw = (await saved(reader, tmp_path, "evidence file")).read_bytes()
    data = raw.index(b'id="evidence">')
    cuts = {data, data + 900, raw.index(b'<script type="module">') + 900, raw.rindex(b"<style")}
    for scripts in (True, False):
        page = (await visit(java_script_enabled=scripts, offline=True)).page
        (path := tmp_path / "half.html").write_bytes(raw)
        await page.goto(path.as_uri())
        await expect(page.locator(".cut")).to_be_hidden()
        for at in cuts:
            path.write_bytes(raw[:at])
            await page.goto(path.as_uri())
            await expect(page.locator(".cut")).to_contain_text("is incomplete")
            await expect(page.locator("[data-place='scripted']")).to_be_hidden()
    page = (await visit(offline=True)).page
    end = raw.index(b"</script>", data)
    path.write_bytes(raw[: end - 900] + raw[end:])
    await page.goto(path.as_uri())
    assert await outcome(page) == "unknown"
    await expect(page.locator("[data-place='outcome']")).to_contain_text("a part of this file")
