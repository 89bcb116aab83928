import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Locator, expect

from browsing import Visit, Visiting
from service import Answer, Caller, Gateway

SHOTS: Path | None = None

pytestmark = pytest.mark.browser

CALM, TRACK2 = "nato-china", "nato-china-track2"


async def go(visit: Visit, path: str) -> None:
    await visit.page.goto(visit.service.base_url + path)


async def view(visit: Visit, path: str) -> Any:
    return await (await visit.page.request.get(visit.service.base_url + path)).json()


async def carry_on(caller: Caller, exchange: str, body: Any, channel: str = CALM) -> Answer:
    """Carry an exchange on by an act that rests on the exchange as it stands."""
    stands = await caller.get(f"/v1/channels/{channel}/exchanges/{exchange}")
    answer = await caller.act(exchange, body, channel, If_Match=stands.headers["ETag"])
    assert answer.status == 201, answer.body
    return answer


@pytest.fixture
def nato(session: aiohttp.ClientSession, demo: Gateway) -> Caller:
    return Caller(session, demo, "nato/officer")


@pytest.fixture
def china(session: aiohttp.ClientSession, demo: Gateway) -> Caller:
    return Caller(session, demo, "china/officer")


def issue(visit: Visit, name: str) -> Locator:
    return visit.page.locator(
        "article.issue", has=visit.page.get_by_role("heading", name=f"Issue: {name}")
    )


async def test_the_roadmap_shows_what_the_api_has_and_leads_to_all_that_belongs_to_an_item(
    visit: Visiting, nato: Caller, china: Caller
) -> None:
    ahead = {"from": "2092-01-19T00:00:00Z", "to": "2092-01-20T00:00:00Z"}
    item = {
        "act": "roadmap-item",
        "area": "general",
        "text": "Offices in both capitals",
        "deliverable": "two offices",
        "period": ahead,
    }
    opened = (await nato.open(item)).json
    await carry_on(china, opened["exchange"], {"act": "agreement"})
    await carry_on(nato, opened["exchange"], {"act": "status-change", "status": "scheduled"})
    note = {
        "act": "contact-note",
        "form": "conversation",
        "text": "Rooms were looked at.",
        "references": [opened["number"]],
    }
    belongs = (await china.open(note)).json

    asked = (await nato.get(f"/v1/channels/{CALM}/roadmap")).json
    reader = await visit()
    await reader.sign_in("nato/auditor", CALM)
    await go(reader, f"/c/{CALM}/dialogue")
    assert await reader.headline() == "Dialogue and roadmap"
    await expect(
        reader.page.get_by_text("Next: two offices, scheduled for 19\u00a0Jan\u00a02092.")
    ).to_be_visible()
    chart = reader.page.locator("svg.chart")
    await expect(chart.locator("desc")).to_contain_text(
        "period 19\u00a0Jan\u00a02092 to 20\u00a0Jan\u00a02092"
    )
    await expect(chart.locator("rect.band")).not_to_have_count(0)
    await expect(chart).to_contain_text("scheduled, Jan")
    await expect(chart).to_contain_text("proposed, Mar")
    await reader.page.get_by_text("The same as a table").click()
    table = reader.page.get_by_role("group", name="Roadmap table")
    for area in asked["areas"]:
        for each in area["items"]:
            row = table.locator(
                "tr", has=reader.page.get_by_role("link", name=each["number"], exact=True)
            )
            await expect(row).to_contain_text(each["deliverable"])
    link = table.get_by_role("link", name=belongs["number"])
    await expect(link).to_have_attribute("href", f"/c/{CALM}/exchanges/{belongs['exchange']}")
    shown = await view(reader, f"/c/{CALM}/dialogue.json")
    assert {each["exchange"]: each["status"] for each in shown["roadmap"]} == {
        each["exchange"]: each["status"] for area in asked["areas"] for each in area["items"]
    }
    csv = await (
        await reader.page.request.get(f"{reader.service.base_url}/c/{CALM}/dialogue.csv")
    ).text()
    assert len(csv.splitlines()) == len(shown["roadmap"]) + 1
    await expect(reader.page.get_by_role("link", name="Propose an item")).to_have_count(0)
    assert reader.complaints == []


async def test_each_side_is_read_in_its_own_words_or_through_the_others_eyes(
    visit: Visiting, nato: Caller, china: Caller
) -> None:
    ours = (
        await nato.open(
            {"act": "perception", "issue": "Exercises", "own_view": "They keep the peace."}
        )
    ).json["exchange"]
    theirs = {
        "act": "perception",
        "issue": "Exercises",
        "own_view": {"zh-Hans": "令邻国不安。", "en": "They make neighbours uneasy."},
    }
    await china.open(theirs)
    await carry_on(china, ours, {"act": "restatement", "text": "You hold that drills deter."})
    await carry_on(nato, ours, {"act": "fairness", "result": "not_our_view"})
    await carry_on(
        china,
        ours,
        {"act": "restatement", "text": "You hold that drills that are told of keep the peace."},
    )
    await carry_on(nato, ours, {"act": "fairness", "result": "fair"})
    asked = (await nato.get(f"/v1/channels/{CALM}/perceptions")).json

    officer = await visit(java_script_enabled=False)
    await officer.sign_in("nato/officer", CALM)
    await go(officer, f"/c/{CALM}/dialogue")
    there = issue(officer, "Exercises")
    said = await there.locator("blockquote").all_inner_texts()
    assert said[0] == "They keep the peace." and "They make neighbours uneasy." in said[1]
    await expect(there.locator("[lang=zh-Hans]")).to_have_text("令邻国不安。")
    await expect(there).to_contain_text("A fair account, says NATO.")
    await expect(there).to_contain_text("1 earlier try")
    await expect(there).not_to_contain_text("You hold that drills deter.")
    await expect(there.get_by_role("link", name="Restate it in your words")).to_have_count(1)
    other_eyes = officer.page.get_by_role("link", name=re.compile("^through the other.s eyes$"))
    await other_eyes.click()
    assert (await there.locator("blockquote").all_inner_texts())[
        0
    ] == "You hold that drills that are told of keep the peace."
    await expect(other_eyes).to_have_attribute("aria-current", "true")
    assert await there.locator("h4").all_inner_texts() == ["NATO ours", "CHINA"]
    await officer.page.locator(".acts").get_by_role("link", name="CHINA").click()
    await expect(there.locator("h4")).to_have_text(["CHINA", "NATO ours"])
    shown = await view(officer, f"/c/{CALM}/dialogue.json")
    assert [each["issue"] for each in shown["issues"]] == [
        each["issue"] for each in asked["issues"]
    ]
    assert officer.complaints == []


async def test_an_issue_of_which_one_side_has_written_has_an_empty_column_and_who_may_fill_it_is_led_there(
    visit: Visiting, china: Caller
) -> None:
    opened = (
        await china.open(
            {"act": "perception", "issue": "Offices", "own_view": "They should be opened."}
        )
    ).json
    officer, auditor = await visit(), await visit()
    await officer.sign_in("nato/officer", CALM)
    await auditor.sign_in("nato/auditor", CALM)
    for reader in (officer, auditor):
        await go(reader, f"/c/{CALM}/dialogue")
        await expect(issue(reader, "Offices")).to_contain_text("No statement.")
        await expect(issue(reader, "Offices")).to_contain_text("Not restated yet.")
        await expect(issue(reader, "Offices")).to_contain_text("Common ground: none yet.")
    restate = issue(officer, "Offices").get_by_role("link", name="Restate it in your words")
    await expect(restate).to_have_attribute(
        "href", f"/c/{CALM}/exchanges/{opened['exchange']}/acts/restatement"
    )
    await expect(
        issue(officer, "Offices").get_by_role("link", name="Write your view of it")
    ).to_have_count(1)
    await expect(
        issue(auditor, "Offices").get_by_role("link", name="Restate it in your words")
    ).to_have_count(0)
    assert officer.complaints + auditor.complaints == []


async def test_common_ground_stands_once_every_side_puts_its_name_to_the_same_text(
    visit: Visiting, nato: Caller, china: Caller
) -> None:
    opened = (
        await nato.open({"act": "perception", "issue": "The line", "own_view": "It is needed."})
    ).json["exchange"]
    await carry_on(
        nato, opened, {"act": "common-ground", "text": "The line is to be tested daily."}
    )
    reader = await visit()
    await reader.sign_in("china/officer", CALM)
    await go(reader, f"/c/{CALM}/dialogue")
    await expect(issue(reader, "The line")).to_contain_text("Offered by NATO")
    await carry_on(
        china, opened, {"act": "common-ground", "text": "The line is to be tested daily."}
    )
    await reader.page.reload()
    await expect(issue(reader, "The line")).to_contain_text("Common ground of every side:")
    await expect(issue(reader, "The line").locator(".common blockquote")).to_have_text(
        "The line is to be tested daily."
    )


async def test_a_joint_report_shows_paragraph_by_paragraph_who_stands_behind_it(
    visit: Visiting, nato: Caller, china: Caller
) -> None:
    report = {
        "act": "joint-report",
        "title": "What a year taught",
        "paragraphs": ["The line was checked.", "Every flash was answered."],
    }
    opened = (await nato.open(report)).json["exchange"]
    await carry_on(china, opened, {"act": "endorsement", "paragraph": 1})
    await carry_on(
        china, opened, {"act": "dissent", "paragraph": 2, "text": "One answer came late."}
    )
    reader = await visit(java_script_enabled=False)
    await reader.sign_in("china/officer", CALM)
    await go(reader, f"/c/{CALM}/dialogue")
    line = reader.page.locator("li", has=reader.page.get_by_role("link", name="What a year taught"))
    await expect(line).to_contain_text("1 of 2 paragraphs endorsed by every side; 1 dissent")
    await line.get_by_role("link", name="What a year taught").click()
    assert await reader.headline() == "What a year taught"
    first, second = (
        reader.page.locator(
            "section", has=reader.page.get_by_role("heading", name=f"Paragraph {n}")
        )
        for n in (1, 2)
    )
    await expect(first).to_contain_text("CHINA: endorses it")
    await expect(second).to_contain_text("CHINA: sees it otherwise")
    await expect(second.locator("blockquote").last).to_have_text("One answer came late.")
    await expect(reader.page.get_by_text("No release of it was proposed.")).to_be_visible()
    before = (await view(reader, f"/c/{CALM}/dialogue/{opened}.json"))["at"]
    await carry_on(china, opened, {"act": "endorsement", "paragraph": 2})
    await reader.page.reload()
    await expect(second).to_contain_text("CHINA: saw it otherwise, and endorsed it since")
    await go(reader, f"/c/{CALM}/dialogue/{opened}?at={before}")
    await expect(second).to_contain_text("CHINA: sees it otherwise")
    assert reader.complaints == []


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
async def test_two_sides_write_one_text_with_brackets_and_compare_its_versions(
    visit: Visiting, nato: Caller, china: Caller, *, scripts: bool
) -> None:
    text = "Exercises of more than 9,000 troops are told 42 days before."
    theirs = "Exercises of more than 9,000 troops are told 21 days before."
    report = {
        "act": "joint-report",
        "title": "On notice",
        "authentic": ["en", "zh"],
        "paragraphs": [{"en": text, "zh": "超过9000人的演习提前42天通报。"}],
    }
    opened = (await nato.open(report)).json["exchange"]
    reader = await visit(java_script_enabled=scripts)
    await reader.sign_in("china/officer", CALM)
    await go(reader, f"/c/{CALM}/dialogue/{opened}")
    await expect(reader.page.locator("main")).to_contain_text("Equally authentic: English, 中文")
    await reader.page.get_by_role("link", name="Put other words beside it, in brackets").click()
    await expect(reader.page.locator("input[name='f.field'][value='paragraphs/1']")).to_be_checked()
    await reader.page.locator("textarea[name='f.text.en']").fill(theirs)
    await reader.page.get_by_role("button", name="Check before sending").click()
    await reader.page.locator("button[value=send]").click()
    await expect(reader.page.locator("h1")).to_contain_text("Recorded: record")
    await go(reader, f"/c/{CALM}/dialogue/{opened}")
    await expect(reader.page.locator("[data-bracket]")).to_contain_text(f"[{theirs}]")
    await go(reader, f"/c/{CALM}/exchanges/{opened}")
    await expect(reader.page.locator("[data-consent] [data-bracket]")).to_contain_text(
        "is not agreed"
    )
    both = {"en": theirs, "zh": "超过9000人的演习提前21天通报。"}
    await carry_on(
        nato, opened, {"act": "correction", "reason": "Taken.", "fields": {"paragraphs": [both]}}
    )
    await reader.page.reload()
    await reader.page.get_by_role("link", name="Compare its versions").click()
    marked = reader.page.locator(".marked")
    await expect(marked).to_have_count(2)
    assert [await marked.first.locator(each).all_inner_texts() for each in ("del", "ins")] == [
        ["42"],
        ["21"],
    ]
    assert [await marked.last.locator(each).all_inner_texts() for each in ("del", "ins")] == [
        ["42"],
        ["21"],
    ]
    await carry_on(china, opened, {"act": "endorsement", "ad_referendum": True})
    await go(reader, f"/c/{CALM}/dialogue/{opened}")
    await expect(reader.page.locator("[data-ad-referendum]")).to_contain_text(
        "Ad referendum: CHINA."
    )
    if SHOTS is not None:
        await reader.page.screenshot(path=SHOTS / "report.png", full_page=True)
        await go(reader, f"/c/{CALM}/exchanges/{opened}/versions")
        await reader.page.screenshot(path=SHOTS / "versions.png", full_page=True)
    assert reader.complaints == []


async def test_what_is_no_joint_report_is_shown_as_the_exchange_that_it_is(
    visit: Visiting, nato: Caller
) -> None:
    opened = (
        await nato.open({"act": "contact-note", "form": "conversation", "text": "Talked."})
    ).json["exchange"]
    reader = await visit()
    await reader.sign_in("nato/officer", CALM)
    answer = await reader.page.request.get(
        f"{reader.service.base_url}/c/{CALM}/dialogue/{opened}", max_redirects=0
    )
    assert (answer.status, answer.headers["location"]) == (303, f"/c/{CALM}/exchanges/{opened}")


async def test_documents_recommendations_lessons_and_programmes_stand_with_what_each_side_said_of_them(
    visit: Visiting, nato: Caller, china: Caller
) -> None:
    document = {
        "act": "reference-document",
        "issuer": "NATO",
        "title": "Concept",
        "date": "2022-06-29",
        "passages": ["It challenges us."],
    }
    held = (await nato.open({**document, "published": "https://example.org/concept"})).json[
        "exchange"
    ]
    await carry_on(china, held, {"act": "reaction", "text": "It is of the Cold War."})
    await carry_on(nato, held, {"act": "closure"})
    await carry_on(nato, held, {"act": "lesson", "text": "Send it before it is published."})
    advice = {
        "act": "recommendation",
        "area": "climate-change",
        "addressees": ["nato", "china"],
        "text": "Meet yearly on relief",
    }
    advised = (await nato.open(advice)).json["exchange"]
    await carry_on(china, advised, {"act": "fate", "result": "taken_up"})
    period = {"from": "2027-03-01T00:00:00Z", "to": "2027-06-30T00:00:00Z"}
    await nato.open(
        {
            "act": "people-programme",
            "kind": "students",
            "host": "china",
            "period": period,
            "planned": 0,
        }
    )
    reader = await visit()
    await reader.sign_in("nato/officer", CALM)
    await go(reader, f"/c/{CALM}/dialogue")
    await expect(
        reader.page.locator("section", has_text="Reference documents, and what").last
    ).to_contain_text("It is of the Cold War.")
    await expect(
        reader.page.locator("li", has_text="Send it before it is published.")
    ).to_contain_text("NATO:")
    row = reader.page.locator(".log tr", has_text="Meet yearly on relief")
    became = (await row.locator("td").all_inner_texts())[-1]
    assert became.startswith("taken up") and "recorded by CHINA" in became
    programme = reader.page.locator(".log tr", has_text="1 Mar 2027")
    assert (await programme.locator("td").all_inner_texts())[-2:] == ["0", "no statement"]
    assert reader.complaints == []


async def test_a_past_page_shows_what_was_said_by_then_and_asks_for_nothing(
    visit: Visiting, nato: Caller, china: Caller
) -> None:
    opened = (
        await china.open({"act": "perception", "issue": "Visits", "own_view": "They help."})
    ).json
    await carry_on(
        nato, opened["exchange"], {"act": "restatement", "text": "You find visits useful."}
    )
    reader = await visit()
    await reader.sign_in("nato/officer", CALM)
    await go(reader, f"/c/{CALM}/dialogue?at={opened['position']}")
    await expect(issue(reader, "Visits")).to_contain_text("Not restated yet.")
    await expect(
        issue(reader, "Visits").get_by_role("link", name="Restate it in your words")
    ).to_have_count(0)
    links = await reader.page.locator(f"main a[href^='/c/{CALM}/']").evaluate_all(
        "all => all.map(each => each.getAttribute('href'))"
    )
    assert links and all(f"at={opened['position']}" in link for link in links)
    await go(reader, f"/c/{CALM}/dialogue?at={opened['position'] - 1}")
    await expect(issue(reader, "Visits")).to_have_count(0)


async def test_a_track_2_dialogue_is_its_own_and_says_what_is_not_there(visit: Visiting) -> None:
    reader = await visit()
    await reader.sign_in("group-a/officer", TRACK2)
    await go(reader, f"/c/{TRACK2}/dialogue")
    await expect(issue(reader, "intentions of the other").locator("blockquote")).to_have_count(2)
    for sentence in ("The roadmap has no item yet.", "No programme was proposed."):
        await expect(reader.page.get_by_text(sentence)).to_be_visible()
    assert reader.complaints == []
