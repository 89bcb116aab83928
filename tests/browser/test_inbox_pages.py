import re
import sqlite3
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from playwright.async_api import Locator, expect

from browsing import EXERCISE, Flash, Visit, Visiting
from dragoman.console import static_files
from dragoman.limits import SCREEN_ROWS
from dragoman.projection.queries import lists
from service import NOTE, Caller, Gateway

pytestmark = pytest.mark.browser

CALM = "nato-china"
TWO_LANGUAGES = {**NOTE, "text": {"en": "A cyclone warning was passed on.", "zh": "已转达台风预警"}}


async def go(visit: Visit, path: str) -> None:
    await visit.page.goto(visit.service.base_url + path)


async def view(visit: Visit, path: str) -> Any:
    return await visit.page.evaluate("async path => (await fetch(path)).json()", path)


def rows(visit: Visit) -> Locator:
    return visit.page.locator("tr[data-exchange]")


async def listed(visit: Visit) -> list[str | None]:
    return [await row.get_attribute("data-exchange") for row in await rows(visit).all()]


def ids_of(answer: Any) -> list[str]:
    return [row["id"] for row in answer["exchanges"]]


async def where(visit: Visit) -> str:
    return visit.page.url.removeprefix(visit.service.base_url)


async def test_the_inbox_lists_and_counts_what_the_api_does_under_the_same_filter(
    visit: Visiting, flash: Flash, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    await flash()
    caller, nato = Caller(session, demo, "nato/auditor"), await visit()
    await nato.sign_in("nato/auditor")
    for query in (
        "",
        "family=notification",
        "act=hazardous-incident",
        "status=open",
        "side=china",
        "unanswered_by=china",
        "overdue=any",
    ):
        counted = "" if "overdue" in query else "&facets=true"
        path = f"/v1/channels/{EXERCISE}/exchanges?{query}{counted}"
        asked = (await caller.get(path)).json
        await go(nato, f"/c/{EXERCISE}/inbox?{query}")
        while ids_of(later := (await caller.get(path)).json) != ids_of(
            asked
        ):  # a limit passed while the page was read
            asked = later
            await go(nato, f"/c/{EXERCISE}/inbox?{query}")
        assert await listed(nato) == ids_of(asked)
        number = asked["facets"]["count"] if counted else len(asked["exchanges"])
        await expect(nato.page.locator("#count")).to_contain_text(
            re.compile(rf"^{number} exchanges? ")
        )
        if counted:
            facets = (await view(nato, f"/c/{EXERCISE}/inbox.json?{query}"))["facets"]
            assert all(
                facets[name] == asked["facets"][name]
                for name in ("family", "act", "status", "area")
            )
    assert nato.complaints == []


async def test_a_facet_leads_to_a_list_of_as_many_as_it_counts(
    visit: Visiting, flash: Flash
) -> None:
    await flash()
    nato = await visit()
    await nato.sign_in("nato/officer")
    await go(nato, f"/c/{EXERCISE}/inbox?waits=all")
    counts = {
        await link.get_attribute("href"): await link.locator("span").last.inner_text()
        for link in await nato.page.locator(".facets a").all()
    }
    assert counts
    for address, count in counts.items():
        await go(nato, str(address))
        await expect(rows(nato)).to_have_count(int(count))
        assert len(await nato.page.locator(".filters a").all()) == 1
    assert nato.complaints == []


async def test_words_are_found_in_every_script_and_a_list_of_nothing_names_the_word_to_drop(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    note = (await Caller(session, demo, "china/officer").open(TWO_LANGUAGES)).json
    nato = await visit()
    await nato.sign_in("nato/officer", CALM)
    await go(nato, f"/c/{CALM}/inbox")
    for word in ("cyclone", "台风"):
        await nato.page.keyboard.press("/")
        await expect(nato.page.locator("#q")).to_be_focused()
        await nato.page.locator("#q").fill(word)
        await nato.page.keyboard.press("Enter")
        await expect(nato.page.locator(".filters")).to_contain_text(f"Words: {word}")
        assert await listed(nato) == [note["exchange"]]
        assert await where(nato) == f"/c/{CALM}/inbox?q={quote(word)}"
    await go(nato, f"/c/{CALM}/inbox?family=contact&q=cyclone+nowhere")
    await expect(rows(nato)).to_have_count(0)
    drop = nato.page.get_by_role("link", name="Without “Words: cyclone nowhere”")
    await expect(nato.page.get_by_role("link", name=re.compile("^Without"))).to_have_count(1)
    await drop.click()
    await expect(rows(nato).first).to_be_visible()
    assert await where(nato) == f"/c/{CALM}/inbox?family=contact"
    await nato.page.get_by_role("link", name="Kind: contact remove").click()
    await expect(nato.page.locator(".filters")).to_have_count(0)
    assert nato.complaints == []


async def test_what_waits_for_us_waits_for_us_and_a_receipt_is_acknowledged_there(
    visit: Visiting, flash: Flash
) -> None:
    number = await flash()
    china = await visit(java_script_enabled=False)
    await china.sign_in("china/duty_officer")
    await go(china, f"/c/{EXERCISE}/inbox")
    assert await where(china) == f"/c/{EXERCISE}/inbox?waits=us", "it opens on what waits"
    mine = rows(china).filter(has_text=number)
    await expect(mine).to_have_attribute("data-state", "critical")
    await expect(mine.locator(".due")).to_contain_text("Critical")
    await expect(mine.locator(".next")).to_contain_text(re.compile(r"waiting \d+\s(?:s|min)\b"))
    await mine.get_by_role("button", name=f"Acknowledge receipt {number}").click()
    await expect(
        china.page.get_by_role("status").filter(has_text="Receipt acknowledged.")
    ).to_be_visible()
    nato = await visit(java_script_enabled=False)
    await nato.sign_in("nato/duty_officer")
    await go(nato, f"/c/{EXERCISE}/inbox?waits=them")
    for row in await rows(nato).all():
        await expect(row).to_contain_text("CHINA")
    await expect(rows(nato).filter(has_text=number).get_by_role("button")).to_have_count(0)


async def test_a_long_list_comes_in_pages_in_which_every_exchange_stands_once_now_and_in_the_past(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    nato, caller = await visit(java_script_enabled=False), Caller(session, demo, "nato/officer")
    for _ in range(SCREEN_ROWS + 3):
        await caller.open(NOTE)
    asked = (await caller.get(f"/v1/channels/{CALM}/exchanges?act=contact-note")).json
    await nato.sign_in("nato/officer", CALM)
    for when in ("", f"&at={asked['position']}"):
        await go(nato, f"/c/{CALM}/inbox?act=contact-note{when}")
        found = await listed(nato)
        assert len(found) == SCREEN_ROWS
        await nato.page.get_by_role("link", name="Older").click()
        await expect(
            nato.page.get_by_text("Newer exchanges are on the earlier pages.")
        ).to_be_visible()
        assert [*found, *await listed(nato)] == [row["id"] for row in asked["exchanges"]]
        await expect(nato.page.get_by_role("link", name="Older")).to_have_count(0)
        assert when in await where(nato)


async def test_the_list_of_a_past_moment_is_as_it_stood_and_takes_no_forms(
    visit: Visiting, flash: Flash, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    number = await flash()
    caller = Caller(session, demo, "china/duty_officer")
    row = (await caller.get(f"/v1/channels/{EXERCISE}/exchanges?number={number}")).json[
        "exchanges"
    ][0]
    act = {"act": "reply", "text": "Quagmire reported by our own watch.", "final": True}
    later = (await caller.act(row["id"], act, EXERCISE)).json["position"]
    nato = await visit()
    await nato.sign_in("china/duty_officer")
    await go(nato, f"/c/{EXERCISE}/inbox?number={quote(number)}&at={row['position']}")
    await expect(rows(nato).locator(".due")).to_contain_text("Critical")
    await expect(rows(nato)).to_contain_text("owed by CHINA")
    await expect(
        nato.page.get_by_text("Exchanges of the past are not counted by kind.")
    ).to_be_visible()
    await expect(nato.page.locator("main form[method=post]")).to_have_count(0)
    for link in await nato.page.locator("main a[href]").all():
        assert f"at={row['position']}" in str(await link.get_attribute("href"))
    await go(nato, f"/c/{EXERCISE}/inbox?waits=us&number={quote(number)}&at={later}")
    await expect(rows(nato)).to_have_count(0)
    for at, count in ((row["position"], 0), (later, 1)):
        await go(nato, f"/c/{EXERCISE}/inbox?q=quagmire&at={at}")
        await expect(rows(nato)).to_have_count(count)
    await go(nato, f"/c/{EXERCISE}/inbox?at=1")
    await expect(nato.page.get_by_text("No exchange was opened yet.")).to_be_visible()
    assert nato.complaints == []


async def test_an_auditor_searches_and_counts_nothing_as_read(visit: Visiting) -> None:
    auditor = await visit()
    await auditor.sign_in("china/auditor", CALM)
    await go(auditor, f"/c/{CALM}/inbox?q=talks")
    await expect(rows(auditor).first).to_be_visible()
    await expect(auditor.page.locator("main form[method=post]")).to_have_count(0)
    status = await auditor.page.evaluate(
        "async path => (await fetch(path, {method: 'POST', body: new URLSearchParams({position: '1'})})).status",
        f"/c/{CALM}/inbox/read",
    )
    assert status == 403


async def test_what_one_thing_is_called_leads_there_at_once(
    visit: Visiting, demo: Gateway, session: aiohttp.ClientSession
) -> None:
    caller = Caller(session, demo, "nato/officer")
    note = (await caller.open(NOTE)).json
    exchange = f"/c/{CALM}/exchanges/{note['exchange']}"
    short = note["number"].removeprefix(f"{CALM.upper()}/")
    goals = {
        note["number"]: exchange,
        short.lower(): exchange,
        note["exchange"]: exchange,
        "#4": f"/c/{CALM}/records/4",
        "inbox": f"/c/{CALM}/inbox",
        "STATISTICS": f"/c/{CALM}/statistics",
        "report an incident": f"/c/{CALM}/compose/hazardous-incident",
        "contact note": f"/c/{CALM}/compose/contact-note",
        "help": "/help",
        EXERCISE: f"/c/{EXERCISE}",
    }
    nato = await visit()
    await nato.sign_in("nato/duty_officer", CALM)
    cookies = {each["name"]: each["value"] for each in await nato.page.context.cookies()}
    headers = {
        "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
        "Accept": "text/html",
    }
    for typed, goal in goals.items():
        async with session.get(
            f"{demo.base_url}/c/{CALM}/go",
            params={"q": typed},
            headers=headers,
            allow_redirects=False,
        ) as answer:
            assert (answer.status, answer.headers.get("Location")) == (303, goal), typed
    async with session.get(
        f"{demo.base_url}/go", params={"q": note["number"]}, headers=headers, allow_redirects=False
    ) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, exchange)
    async with session.get(
        f"{demo.base_url}/c/{CALM}/go?q=inbox&at=9", headers=headers, allow_redirects=False
    ) as answer:
        assert answer.headers["Location"] == f"/c/{CALM}/inbox?at=9"


async def test_what_several_are_called_is_listed_and_what_nothing_is_called_says_what_can_be_typed(
    visit: Visiting,
) -> None:
    nato = await visit()
    await nato.sign_in("nato/duty_officer", CALM)
    await go(nato, f"/c/{CALM}/go")
    await expect(nato.page.locator("#q")).to_be_focused()
    await nato.page.keyboard.type("meeting")
    await nato.page.keyboard.press("Enter")
    await expect(nato.page.locator("#found")).to_contain_text("results")
    links = await nato.page.locator("main li a").all_inner_texts()
    assert (links[:2], links[-1]) == (
        ["Meetings", "Meeting request"],
        "Search the inbox for “meeting”",
    )
    assert len(links) > 3, "texts with the word are listed as well"
    await nato.page.locator("#q").fill("<no such> thing")
    await nato.page.keyboard.press("Enter")
    await expect(nato.page.locator("#found")).to_have_text(
        "Nothing here has the name “<no such> thing”."
    )
    await expect(nato.page.get_by_role("heading", name="What can be typed")).to_be_visible()
    later = await view(nato, f"/c/{CALM}/go.json?q=25&at=9")
    assert later["goals"] == []
    assert nato.complaints == []


async def test_who_may_not_write_is_led_to_no_form(visit: Visiting) -> None:
    auditor = await visit()
    await auditor.sign_in("china/auditor", CALM)
    for typed in ("report an incident", "drafts", "contact-note"):
        goals = (await view(auditor, f"/c/{CALM}/go.json?q={quote(typed)}"))["goals"]
        assert {goal["kind"] for goal in goals} <= {"text"}, typed
    await go(auditor, f"/c/{CALM}/go?q=report+an+incident")
    await expect(auditor.page.get_by_text("Only officers can write.")).to_be_visible()


async def test_help_lists_every_key_without_a_button_and_switches_single_letters_off(
    visit: Visiting,
) -> None:
    nato = await visit(java_script_enabled=False)
    await nato.sign_in("nato/officer", CALM)
    await nato.page.get_by_role("link", name="Help").click()
    script = static_files.files()["keys.js"].read_text()
    does = script.partition("const DOES = {")[2].partition("\n};")[0]
    acting = {each.strip('"') for each in re.findall(r'^  ("[^"]+"|\w+): \(\)', does, re.MULTILINE)}
    chords = {
        f"g {each}"
        for each in re.findall(r"(\w): \"", script.partition("const GO = {")[2].partition("}")[0])
    }
    shown = {" ".join(each.split()) for each in await nato.page.locator("dt").all_inner_texts()}
    on_buttons = {*"nchrtx/?", "End"}
    assert on_buttons < acting
    assert {"A" if each == "a" else each for each in acting - on_buttons} | chords <= shown
    await nato.page.get_by_role("button", name="Switch single letters off").click()
    await expect(
        nato.page.get_by_text("Single letters are switched off on this screen.")
    ).to_be_visible()
    await expect(nato.page.locator("body")).to_have_attribute("data-keys", "off")
    await nato.page.get_by_role("button", name="Switch single letters on").click()
    await expect(nato.page.locator("body")).to_have_attribute("data-keys", "on")


async def test_a_shortcut_leads_into_the_field_that_it_is_for(
    visit: Visiting, demo: Gateway
) -> None:
    nato = await visit()
    await nato.page.goto(f"{demo.base_url}/sign-in")
    await expect(nato.page.locator("#token")).to_be_focused()
    await nato.sign_in("nato/duty_officer", CALM)
    for key, field in (("/", "#q"), ("n", "#writing input[name='f.kind'] >> nth=0")):
        await go(nato, f"/c/{CALM}")
        await nato.page.keyboard.press(key)
        await expect(nato.page.locator(field)).to_be_focused()


def test_a_count_that_takes_too_long_is_left_out() -> None:
    connection = sqlite3.connect(":memory:")
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    )
    assert lists.in_time(connection, endless, ()) is None
    assert lists.in_time(connection, "SELECT 1", ()) == [(1,)]
    connection.close()
