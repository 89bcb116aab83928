import re
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from playwright.async_api import expect

from browsing import EXERCISE, Flash, Visit, Visiting
from dragoman.interop.check_words import check_words
from service import Caller, Gateway

pytestmark = pytest.mark.browser

CALM, TRACK2 = "nato-china", "nato-china-track2"
INCIDENT = {
    "act": "hazardous-incident",
    "kind": "collision",
    "time": "2026-03-04T03:05:07+08:00",
    "place": {"lat": 15.1203, "lon": 116.4411},
    "facts": "A boat touched the stern of a tanker.",
    "precedence": "priority",
}


async def go(visit: Visit, path: str) -> None:
    await visit.page.goto(visit.service.base_url + path)


async def text(visit: Visit, path: str) -> str:
    return await (await visit.page.request.get(visit.service.base_url + path)).text()


async def view(visit: Visit, path: str) -> Any:
    return await (await visit.page.request.get(visit.service.base_url + path)).json()


@pytest.fixture
def nato(session: aiohttp.ClientSession, demo: Gateway) -> Caller:
    return Caller(session, demo, "nato/duty_officer")


@pytest.fixture
def china(session: aiohttp.ClientSession, demo: Gateway) -> Caller:
    return Caller(session, demo, "china/duty_officer")


async def corrected(nato: Caller, channel: str = CALM) -> str:
    """An incident of which what happened was corrected; its exchange."""
    exchange = str((await nato.open(INCIDENT, channel)).json["exchange"])
    stands = await nato.get(f"/v1/channels/{channel}/exchanges/{exchange}")
    fields = {"facts": "A boat touched the bow of a tanker."}
    correction = {"act": "correction", "fields": fields, "reason": "Bow and stern were confused."}
    assert (
        await nato.act(exchange, correction, channel, If_Match=stands.headers["ETag"])
    ).status == 201
    return exchange


# Statistics


async def test_the_statistics_are_those_of_the_api_with_a_table_for_every_plot(
    visit: Visiting, nato: Caller, china: Caller
) -> None:
    for _ in range(2):
        sent = (await nato.open(INCIDENT)).json
        last = await china.act(sent["exchange"], {"act": "acknowledgement"})
    position = last.headers["Dragoman-Position"]
    asked = (await nato.get(f"/v1/channels/{CALM}/statistics?at={position}")).json
    reader = await visit()
    await reader.sign_in("nato/auditor", CALM)
    shown = await view(reader, f"/c/{CALM}/statistics.json?at={position}")
    assert shown["statistics"] == asked
    owed = [
        each
        for each in asked["clocks"]
        if each["clock"] == "acknowledgement" and each["side"] == "china"
    ]
    receipts = next(each for each in shown["receipts"] if each["side"] == "china")
    assert (
        receipts["n"]
        == sum(receipts["counts"])
        == sum(each["took"]["measured"] for each in owed if "took" in each)
        >= 2
    )
    assert receipts["counts"][0] >= 2

    await go(reader, f"/c/{CALM}/statistics?at={position}")
    table = reader.page.get_by_role("group", name="Table of acknowledgements")
    cells = await table.locator("tr", has_text="CHINA").locator("td").all_inner_texts()
    assert cells[1] == str(receipts["n"]) and cells[5:] == [
        str(count) for count in receipts["counts"]
    ]
    opened = {
        side: sum(row["opened"] for row in asked["opened"] if row["side"] == side)
        for side in ("nato", "china")
    }
    for side, count in opened.items():
        row = reader.page.get_by_role("group", name="Table of precedence").locator(
            "tr", has_text=side.upper()
        )
        assert (await row.locator("td").all_inner_texts())[1] == str(count)
    await expect(reader.page.locator("svg.chart").first).to_contain_text("flash")
    for heading in (
        "Line checks",
        "Corrections and cancellations",
        "Translations",
        "Last words",
        "When a side could not have noticed",
    ):
        await expect(reader.page.get_by_role("heading", name=heading)).to_be_visible()
    assert (
        "clock" in (await text(reader, f"/c/{CALM}/statistics.csv?at={position}")).splitlines()[0]
    )
    assert reader.complaints == []


async def test_a_period_is_asked_for_as_officers_write_times_and_what_cannot_be_read_is_said_beside_its_field(
    visit: Visiting,
) -> None:
    reader = await visit(java_script_enabled=False)
    await reader.sign_in("nato/officer", CALM)
    await go(reader, f"/c/{CALM}/statistics")
    today = f"{datetime.now(UTC):%d %b %Y}"
    await reader.page.get_by_role("textbox", name="From").fill(today)
    await reader.page.locator("#side").select_option("china")
    await reader.page.get_by_role("button", name="Show the period").click()
    await expect(reader.page.locator(".lead")).to_contain_text("00:00:00Z to ")
    await expect(reader.page.get_by_role("textbox", name="From")).to_have_value(today)
    await expect(
        reader.page.get_by_role("group", name="Table of precedence").locator("tbody tr")
    ).to_have_count(1)
    await reader.page.get_by_role("textbox", name="From").fill("3/4 03:05")
    await reader.page.get_by_role("button", name="Show the period").click()
    assert (await reader.page.title()).startswith("Error: ")
    await expect(reader.page.locator("#problem")).to_contain_text("There is a problem")
    await expect(reader.page.get_by_role("textbox", name="From")).to_have_value("3/4 03:05")
    await expect(reader.page.get_by_role("textbox", name="From")).to_have_attribute(
        "aria-describedby", "from-hint from-fault"
    )
    await expect(reader.page.locator("#from-fault")).to_have_text(
        "That can be read in two ways. Write it like 24 Nov 2026 06:00Z."
    )
    for query, sentence in (
        ("from=%2B5+min", "begins when it is over"),
        ("to=1+Jan+1999", "had not been opened then"),
    ):
        await go(reader, f"/c/{CALM}/statistics?{query}")
        await expect(reader.page.locator("#problem")).to_contain_text(sentence)


async def test_a_channel_without_clocks_shows_no_clocks(visit: Visiting) -> None:
    reader = await visit()
    await reader.sign_in("group-a/officer", TRACK2)
    await go(reader, f"/c/{TRACK2}/statistics")
    await expect(
        reader.page.get_by_text("No clock runs in this channel, and no time is owed.")
    ).to_be_visible()
    await expect(reader.page.get_by_role("heading", name="Line checks")).to_have_count(0)
    assert reader.complaints == []


# Reports


async def test_what_reports_there_are_is_said_in_a_sentence_each_and_who_may_read_which(
    visit: Visiting,
) -> None:
    officer, auditor = await visit(), await visit()
    await officer.sign_in("nato/officer", CALM)
    await auditor.sign_in("nato/auditor", CALM)
    for reader in (officer, auditor):
        await reader.page.get_by_role("link", name="Reports", exact=True).click()
        assert await reader.headline() == "Reports"
        assert await reader.page.locator("main section").count() == 7
    await expect(officer.page.get_by_role("link", name="Open the turn-over note")).to_be_visible()
    await expect(auditor.page.get_by_role("link", name="Open the turn-over note")).to_have_count(0)
    await expect(
        auditor.page.get_by_text("Officers read it; you are signed in as auditor.")
    ).to_be_visible()
    await go(auditor, f"/c/{CALM}/reports/turn-over")
    await expect(
        auditor.page.get_by_text("The turn-over note is for the officers of a side")
    ).to_be_visible()
    await officer.page.get_by_role("link", name="Open the turn-over note").click()
    assert (await officer.headline()).startswith("Turn-over of the watch of NATO")


async def test_a_report_is_the_apis_own_in_the_readers_language(
    visit: Visiting, nato: Caller
) -> None:
    await nato.open(INCIDENT)
    position = (await nato.get(f"/v1/channels/{CALM}/state")).json["position"]
    reader = await visit()
    await reader.sign_in("nato/officer", CALM)
    for language, button in (("en", "English"), ("fr", "Français"), ("zh", "中文")):
        await go(reader, f"/c/{CALM}/reports")
        await reader.page.locator(".menu > summary").click()
        await reader.page.get_by_role("button", name=button).click()
        for name in ("situation", "turn-over", "period", "year"):
            path = f"/c/{CALM}/reports/{name}"
            again = (await view(reader, f"{path}.json?at={position}"))["again"]
            markdown = (
                await nato.get(f"{again}&language={language}", Accept="text/markdown")
            ).body.decode()
            assert await text(reader, f"{path}?at={position}&as=markdown") == markdown
            assert f"`{again}&language={language}`" in markdown, (
                "a text names the path that gives it again, in its language"
            )
            assert await view(reader, f"{path}.json?at={position}") == (await nato.get(again)).json
            await go(reader, f"{path}?at={position}")
            await expect(reader.page.locator("html")).to_have_attribute(
                "lang", "zh-Hans" if language == "zh" else language
            )
            title = re.sub(r"\\(.)", r"\1", markdown.partition("# ")[2].partition("\n")[0])
            assert (await reader.headline()).replace("\N{NO-BREAK SPACE}", " ") == title.replace(
                "\N{NO-BREAK SPACE}", " "
            )
    assert reader.complaints == []


async def test_the_turn_over_note_says_which_accounts_differ_and_what_was_said_since(
    visit: Visiting, nato: Caller, china: Caller
) -> None:
    await nato.post(f"/v1/channels/{CALM}/channel", {"act": "watch-assumption"})
    opened = (await nato.open(INCIDENT, CALM)).json
    exchange, number = str(opened["exchange"]), str(opened["number"])
    account = {
        **INCIDENT,
        "act": "counter-account",
        "facts": "The boat kept clear of the tanker.",
        "time": "2026-03-04T03:09:00+08:00",
    }
    account.pop("precedence")
    assert (await china.act(exchange, account, CALM)).status == 201
    reader = await visit(java_script_enabled=False)
    await reader.sign_in("nato/duty_officer", CALM)
    await go(reader, f"/c/{CALM}/reports/turn-over")
    sections = {
        name: reader.page.locator(
            "main section", has=reader.page.get_by_role("heading", name=name, exact=True)
        )
        for name in ("Open matters", "Since the watch was taken over", "Watch and line")
    }
    matter = sections["Open matters"].locator("tr", has_text=number)
    await expect(matter).to_contain_text("accounts differ: Time")
    said = sections["Since the watch was taken over"].locator("tbody tr", has_text=number)
    assert [await row.locator("td").nth(2).inner_text() for row in await said.all()] == [
        "NATO",
        "CHINA",
    ], "the answer stands there as well"
    line = await sections["Watch and line"].inner_text()
    assert "Line to NATO: no check on record." in line and "0 of 0" not in line


async def test_a_chinese_reports_own_words_are_chinese(visit: Visiting, nato: Caller) -> None:
    await nato.open(INCIDENT)
    reader = await visit()
    await reader.sign_in("nato/officer", CALM)
    await reader.page.locator(".menu > summary").click()
    await reader.page.get_by_role("button", name="中文").click()
    for name in ("situation", "turn-over", "period", "year"):
        await go(reader, f"/c/{CALM}/reports/{name}")
        left: str = await reader.page.locator(".paper").evaluate(_OWN)
        words = re.sub(
            r"NATO-CHINA\S*|nato-china|/v1/\S+|[0-9a-f]{64}|NATO|CHINA|(?<=[0-9])Z|NOTAM|NAVAREA|SHA-256",
            "",
            left,
        )
        assert re.findall(r"[A-Za-z]{2,}", words) == [], left
        alone = await reader.page.get_by_role("link", name="仅正文，供打印").get_attribute("href")  # noqa: RUF001
        await go(reader, str(alone))
        await expect(reader.page.locator("html")).to_have_attribute("lang", "zh-Hans")
    assert reader.complaints == []


_OWN = """paper => {
  const own = paper.cloneNode(true)
  own.querySelectorAll('.said, code, .asked').forEach(each => each.remove())
  return own.textContent
}"""
"""The own words of a report: everything but other people's words, and paths."""


async def test_a_period_or_a_year_that_cannot_be_reported_is_asked_for_again(
    visit: Visiting, nato: Caller
) -> None:
    reader = await visit(java_script_enabled=False)
    await reader.sign_in("nato/officer", CALM)
    await go(reader, f"/c/{CALM}/reports")
    await reader.page.get_by_role("textbox", name="Year").fill("1989")
    await reader.page.get_by_role("button", name="Open the review").click()
    opened = (await nato.get(f"/v1/channels/{CALM}/records/1")).json["time"]
    now = f"{datetime.now(UTC):%Y}"  # the page may be a moment older: it says this year, or the one before
    sentence = re.compile(rf"Write a year from {opened[:4]} to ({now}|{int(now) - 1})\.")
    await expect(reader.page.locator("#problem")).to_contain_text(sentence)
    await expect(reader.page.get_by_role("textbox", name="Year")).to_have_value("1989")
    await go(reader, f"/c/{CALM}/reports/period?from=yesterday")
    assert (await reader.page.title()).startswith("Error: ")
    await expect(reader.page.get_by_role("textbox", name="From")).to_have_attribute(
        "aria-invalid", "true"
    )
    await reader.page.get_by_role("textbox", name="From").fill(f"{datetime.now(UTC):%d %b %Y}")
    await reader.page.get_by_role("button", name="Show the period").click()
    assert (await reader.headline()).startswith("Record of the period")
    assert all("400 (Bad Request)" in each for each in reader.complaints)


# What is printed


async def test_a_form_has_every_field_the_correction_beside_the_original_and_the_check_words_at_its_end(
    visit: Visiting, nato: Caller, china: Caller
) -> None:
    exchange = await corrected(nato)
    await china.act(exchange, {"act": "acknowledgement"})
    timeline = (await nato.get(f"/v1/channels/{CALM}/exchanges/{exchange}")).json["timeline"]
    reader = await visit(java_script_enabled=False)
    await reader.sign_in("nato/duty_officer", CALM)
    await go(reader, f"/c/{CALM}/exchanges/{exchange}/form")
    row = reader.page.locator(
        ".form-fields tr", has=reader.page.get_by_role("rowheader", name="Facts", exact=True)
    )
    await expect(row).to_contain_text("A boat touched the bow of a tanker.")
    await expect(row).to_contain_text("was:")
    await expect(row).to_contain_text("A boat touched the stern of a tanker.")
    await expect(row).to_contain_text(
        re.compile(r"Said at .*Z, corrected at .*Z\. Reason: Bow and stern were confused\.")
    )
    await expect(reader.page.get_by_text("not known yet").first).to_be_visible()
    end = reader.page.locator(".end-mark")
    for entry in timeline:
        if entry.get("number"):
            await expect(end).to_contain_text(entry["number"])
            await expect(end).to_contain_text(" ".join(check_words(entry["commit"])))
    newest = (await nato.get(f"/v1/channels/{CALM}/state")).json["position"]
    await expect(end).to_contain_text(
        re.compile(r"Printed at record \d+ at .*Z by duty officer, NATO\.")
    )
    assert newest >= timeline[-1]["position"]

    await reader.page.emulate_media(media="print")
    await expect(reader.page.locator(".mast")).to_be_hidden()
    shown = "element => getComputedStyle(element).display"
    assert await reader.page.locator(".printed > thead").evaluate(shown) == "table-header-group"
    assert await reader.page.locator(".printed > tfoot").evaluate(shown) == "table-footer-group"
    for part in ("thead", "tfoot"):
        await expect(reader.page.locator(f".printed > {part}")).to_contain_text("SIDES ONLY")
        await expect(reader.page.locator(f".printed > {part}")).to_contain_text(
            timeline[0]["number"]
        )
    assert b"/Type /Page\n" in await reader.page.pdf(prefer_css_page_size=True)

    await go(reader, f"/c/{CALM}/exchanges/{exchange}/form?at={timeline[0]['position']}")
    await expect(reader.page.locator(".end-mark .check-words")).to_have_count(1)
    await expect(reader.page.locator(".was")).to_have_count(0)
    assert reader.complaints == []


async def test_what_is_printed_under_the_chatham_house_rule_names_nobody_also_where_an_update_did(
    visit: Visiting, nato: Caller
) -> None:
    note = {
        "act": "contact-note",
        "form": "conversation",
        "text": "We talked.",
        "attribution": "chatham_house",
    }
    exchange = str((await nato.open(note, CALM)).json["exchange"])
    state = (await nato.get(f"/v1/channels/{CALM}/exchanges/{exchange}")).json["state"]
    speaker = state["opened"]["by"].partition("/")[2]
    fields = {"venue": "At the lake", "acting_for": speaker, "references": [state["number"]]}
    said = await nato.act(exchange, {"act": "update", "fields": fields}, CALM)
    assert said.status == 201, said.json
    reader = await visit(java_script_enabled=False)
    await reader.sign_in("china/officer", CALM)
    await go(reader, f"/c/{CALM}/exchanges/{exchange}/form")
    printed = await reader.page.locator(".printed > tbody").inner_text()
    assert "At the lake" in printed
    assert state["number"] not in printed
    assert speaker not in printed


async def test_a_card_spells_numbers_times_and_places_and_ends_with_what_is_read_back(
    visit: Visiting, nato: Caller
) -> None:
    exchange = await corrected(nato, EXERCISE)
    reader = await visit(java_script_enabled=False)
    await reader.sign_in("china/officer", EXERCISE)
    await go(reader, f"/c/{EXERCISE}/exchanges/{exchange}/card")
    lines = [await line.inner_text() for line in await reader.page.locator(".card-lines li").all()]
    spelt = "\n".join(lines)
    for words in (
        "stroke November Alfa Tango Oscar",
        "three March two zero two six time one nine zero five zero seven Zulu",
        "one five degrees zero seven minutes one three seconds North",
        "one one six degrees two six minutes two eight seconds East",
    ):
        assert words in spelt, spelt
    assert any("A boat touched the bow" in line and "stern" not in line for line in lines)
    assert any("was: A boat touched the stern" in line for line in lines)
    commit = (await nato.get(f"/v1/channels/{EXERCISE}/exchanges/{exchange}")).json["timeline"][0][
        "commit"
    ]
    await expect(reader.page.locator(".check-words").first).to_have_text(
        " ".join(check_words(commit))
    )
    await expect(
        reader.page.get_by_text("Read back: the number and the four check words.")
    ).to_be_visible()
    drill = "EXERCISE EXERCISE EXERCISE"
    assert await reader.page.locator(".card-drill").all_inner_texts() == [drill, drill]
    await reader.page.emulate_media(media="print")
    for part in ("thead", "tfoot"):
        await expect(reader.page.locator(f".printed > {part}")).to_contain_text(drill)
    assert reader.complaints == []


async def test_a_flash_takes_over_a_page_that_is_to_be_printed(
    visit: Visiting, flash: Flash, nato: Caller
) -> None:
    exchange = str((await nato.open(INCIDENT, EXERCISE)).json["exchange"])
    reader = await visit(java_script_enabled=False)
    await reader.sign_in("china/duty_officer", EXERCISE)
    number = await flash()
    for path in (f"exchanges/{exchange}/form", "reports/situation"):
        await go(reader, f"/c/{EXERCISE}/{path}")
        await expect(reader.page.locator("#bars")).to_contain_text(number)
