"""Meetings, the calendar, points of contact and the register of people, as pages at the real
service.
"""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from beside import MS_LI, enter, named
from browsing import EXERCISE, Visit, Visiting
from service import Caller, Gateway

pytestmark = pytest.mark.browser

CHANNEL = "nato-china"
C = f"/v1/channels/{CHANNEL}"
NARROW = {"width": 320, "height": 568}

DASH = "\N{EN DASH}"

NOW = datetime.now(UTC)
SOON = (NOW + timedelta(days=20 + (2 - NOW.weekday() - 20) % 7)).replace(
    hour=8, minute=0, second=0, microsecond=0
)
"""A Wednesday, so that the offices work."""

MONTH = f"{SOON:%Y-%m}"
WEEK = ["mon", "tue", "wed", "thu", "fri"]
LI, NUMBER = str(MS_LI["name"]), MS_LI["telephones"][0]
READ_OUT = {
    "nato": (
        "Search and rescue was discussed.\n\nFrequencies were exchanged, one by one, and each side read them back to the other.",
        "en",
    ),
    "china": ("双方讨论了搜救合作。\n\n双方讨论了赔偿问题。\n\n下次会议时间待定。", "zh"),
}


def written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%MZ}"


def window(begins: datetime = SOON, hours: int = 2) -> dict[str, str]:
    return {"from": written(begins), "to": written(begins + timedelta(hours=hours))}


class Liaison:
    """Both sides' officers, with what they have posted: offices, a point of contact, and meetings
    in every state.
    """

    def __init__(self, session: aiohttp.ClientSession, demo: Gateway) -> None:
        self.session = session
        self.demo = demo
        self.ids: dict[str, str] = {}
        self.people: dict[str, Any] = {}
        self.before = 0

    def who(self, name: str) -> Caller:
        return Caller(self.session, self.demo, name)

    async def act(self, who: str, exchange: str, act: dict[str, Any]) -> int:
        tag = (await self.who(who).get(f"{C}/exchanges/{exchange}")).headers["ETag"]
        answer = await self.who(who).act(exchange, act, CHANNEL, If_Match=tag)
        assert answer.status == 201, answer.body
        return int(answer.json["position"])

    async def open(self, who: str, act: dict[str, Any]) -> str:
        return str((await self.who(who).open(act, CHANNEL)).json["exchange"])

    async def seed(self) -> None:
        for side, other, seat, zone, opens in (
            ("nato", "china", "Beijing", "Asia/Shanghai", "09:00"),
            ("china", "nato", "Brussels", "Europe/Brussels", "08:30"),
        ):
            hours = {"days": WEEK, "from": opens, "to": "17:30", "zone": zone}
            office = {
                "act": "liaison-office",
                "side": side,
                "seat": seat,
                "status": "proposed",
                "hours": hours,
                "holidays": [holiday(side)],
            }
            self.ids[f"{side}-office"] = await self.open(f"{side}/head_of_office", office)
            await self.act(
                f"{other}/head_of_office", self.ids[f"{side}-office"], {"act": "agreement"}
            )
        self.people["li"] = await enter(self.who("china/officer"), channel=CHANNEL)
        point = {
            "act": "point-of-contact",
            "role": "Crisis cell",
            "institution": "Liaison office, Brussels",
            "person": named(self.people["li"]),
            "languages": ["zh", "en"],
            "hours": "24x7",
            "channels": ["telephone", "radio"],
            "valid_from": "2026-01-01T00:00Z",
        }
        draft = (await self.who("china/officer").post(f"{C}/drafts", {"act": point})).json
        released = await self.who("china/head_of_office").call(
            "POST", f"{C}/drafts/{draft['id']}/release", If_Match=draft["etag"]
        )
        self.ids["point"] = released.json["exchange"]
        programme = {
            "act": "people-programme",
            "kind": "students",
            "host": "nato",
            "period": window(hours=300),
            "planned": 12,
            "actual": 9,
        }
        self.ids["programme"] = await self.open(
            "nato/officer", {**programme, "title": "Naval cadets"}
        )
        asked = {
            "act": "meeting-request",
            "purpose": "Passage of the strait",
            "windows": [window(), window(SOON + timedelta(days=1))],
        }
        self.ids["asked"] = await self.open(
            "nato/officer",
            {**asked, "venue": "Geneva", "agenda": ["The passage", "Radio procedure"]},
        )
        await self.act(
            "china/officer",
            self.ids["asked"],
            {"act": "agenda", "topics": ["Radio procedure", "Next meeting"]},
        )
        held = {
            "act": "meeting-request",
            "purpose": "Search and rescue",
            "windows": [window(SOON, 1)],
        }
        self.ids["held"] = await self.open("nato/officer", held)
        self.before = await self.act(
            "china/officer",
            self.ids["held"],
            {"act": "counter-proposal", "windows": [window(SOON, 3)]},
        )
        await self.act("nato/officer", self.ids["held"], {"act": "acceptance", "window": 0})
        took_place = {
            "act": "meeting-held",
            "from": written(NOW - timedelta(days=2)),
            "to": written(NOW - timedelta(days=2, hours=-1)),
        }
        await self.act("nato/officer", self.ids["held"], took_place)
        for side, topics in (
            ("nato", ["Search and rescue", "Frequencies"]),
            ("china", ["Search and rescue", "Compensation"]),
        ):
            text, tag = READ_OUT[side]
            readout = {"act": "readout", "kind": "separate", "topics": topics, "text": {tag: text}}
            await self.act(f"{side}/officer", self.ids["held"], readout)
        area = {
            "polygon": [
                {"lat": 15.0, "lon": 116.0},
                {"lat": 15.5, "lon": 116.0},
                {"lat": 15.5, "lon": 116.5},
            ]
        }
        firing = {
            "act": "danger-area",
            "place": area,
            "window": window(SOON, 30),
            "hazard": "firing",
        }
        self.ids["area"] = await self.open("nato/head_of_office", firing)


def holiday(side: str) -> str:
    """A working day of that month, another one for each side."""
    days = [SOON.date().replace(day=day) for day in range(1, 28)]
    working = [day for day in days if day.weekday() < 5 and day != SOON.date()]
    return working[0 if side == "nato" else 1].isoformat()


_SEEDED: dict[str, Liaison] = {}


@pytest_asyncio.fixture(loop_scope="session")
async def liaison(session: aiohttp.ClientSession, demo: Gateway) -> Liaison:
    """The posts of both sides, made once for all tests, over this test's connections."""
    found = _SEEDED.get(demo.base_url)
    if found is None:
        found = Liaison(session, demo)
        await found.seed()
        _SEEDED[demo.base_url] = found
    found.session = session
    return found


async def opened(
    visit: Visiting, who: str, path: str, channel: str = CHANNEL, **options: Any
) -> Visit:
    """A page, to which somebody came by signing in."""
    found = await visit(**options)
    await found.enter(who, f"/c/{channel}{path}")
    return found


async def view(visit: Visit, path: str) -> Any:
    """Return the JSON that the page itself gives."""
    answer = await visit.page.request.get(f"{visit.service.base_url}/c/{CHANNEL}{path}")
    assert answer.status == 200
    return await answer.json()


def row(page: Page, exchange: str) -> Locator:
    return page.locator(f"tr[data-exchange='{exchange}']")


# Meetings


async def test_the_list_shows_every_meeting_with_what_each_side_has_said_and_owes(
    visit: Visiting, liaison: Liaison
) -> None:
    nato = await opened(visit, "nato/officer", "/meetings")
    listed = (await liaison.who("nato/officer").get(f"{C}/exchanges?family=meeting")).json[
        "exchanges"
    ]
    shown = await view(nato, "/meetings.json")
    found = {
        each["exchange"]: each["status"]
        for section in shown["sections"]
        for each in section["meetings"]
    }
    listed = [each for each in listed if each["act"] != "undertaking"]  # they have their own page
    assert found == {each["id"]: each["status"] for each in listed}
    assert sorted(found) == sorted(
        [
            await each.get_attribute("data-exchange") or ""
            for each in await nato.page.locator("tr[data-exchange]").all()
        ]
    )
    asked = row(nato.page, liaison.ids["asked"])
    await expect(asked).to_contain_text("NATO proposed it")
    await expect(asked).to_contain_text("CHINA has not answered yet")
    await expect(asked).to_contain_text("two versions")
    clocks = (await liaison.who("nato/officer").get(f"{C}/exchanges/{liaison.ids['asked']}")).json[
        "clocks"
    ]
    (answer,) = (each for each in clocks if each["clock"] == "answer")
    due = datetime.fromisoformat(answer["due"])
    await expect(asked).to_contain_text(
        f"by {due.day}\N{NO-BREAK SPACE}{due:%b}\N{NO-BREAK SPACE}{due:%Y} {due:%H:%M}Z"
    )
    for zone, city in (("Asia/Shanghai", "Beijing"), ("Europe/Brussels", "Brussels")):
        begins, ends = (SOON + timedelta(hours=hours) for hours in (0, 2))
        there = DASH.join(f"{each.astimezone(ZoneInfo(zone)):%H:%M}" for each in (begins, ends))
        await expect(asked.locator(".due")).to_contain_text(f"{city}\N{NO-BREAK SPACE}{there}")
    held = row(nato.page, liaison.ids["held"])
    await expect(held).to_contain_text("they differ")
    await expect(held.get_by_role("link", name=re.compile("N04"))).to_have_attribute(
        "href", f"/c/{CHANNEL}/exchanges/{liaison.ids['held']}"
    )
    assert nato.complaints == []


async def test_a_state_is_chosen_by_a_link_and_what_is_hidden_is_said(
    visit: Visiting, liaison: Liaison
) -> None:
    china = await opened(visit, "china/auditor", "/meetings", java_script_enabled=False)
    await china.page.get_by_role("link", name=re.compile(r"^Held \d+$")).click()
    assert china.page.url.endswith("/meetings?state=held")
    await expect(row(china.page, liaison.ids["held"])).to_be_visible()
    await expect(row(china.page, liaison.ids["asked"])).to_have_count(0)
    await expect(
        china.page.get_by_text("Only one state is shown; the others are hidden.")
    ).to_be_visible()
    await expect(china.page.get_by_text("you are signed in as auditor")).to_be_visible()
    await expect(china.page.get_by_role("link", name="Ask for a meeting")).to_have_count(0)
    await china.page.get_by_role("link", name=re.compile(r"^Over")).click()
    await expect(china.page.get_by_text("Nothing is over yet.")).to_be_visible()


async def test_readouts_stay_level_and_what_one_side_alone_names_is_marked(
    visit: Visiting, liaison: Liaison
) -> None:
    china = await opened(visit, "china/officer", f"/meetings/{liaison.ids['held']}")
    await expect(china.page.get_by_text("The readouts differ.").first).to_be_visible()
    texts = {side: text.split("\n\n") for side, (text, _) in READ_OUT.items()}
    for place, paragraph in enumerate(texts["nato"]):
        quotes = [
            await china.page.locator(".abreast blockquote", has_text=each).element_handle()
            for each in (paragraph, texts["china"][place])
        ]
        one, other = await china.page.evaluate(
            "quotes => quotes.map((quote) => quote.getBoundingClientRect().toJSON())", quotes
        )
        assert (one["y"], one["x"] < other["x"]) == (other["y"], True)
    await expect(china.page.locator(".abreast blockquote[lang=zh]")).to_have_count(3)
    marked = await china.page.locator("table.topics tr.differs").all_inner_texts()
    assert [re.sub(r"\s+", " ", text) for text in marked] == [
        f"Frequencies named {DASH} differs only NATO names it",
        f"Compensation {DASH} named differs only CHINA names it",
    ]
    await china.page.get_by_role("link", name="the other order").click()
    await expect(china.page.locator(".abreast .side").first).to_have_text("CHINA")
    await china.page.set_viewport_size({"width": 320, "height": 568})
    sides = await china.page.locator(".abreast .by:visible").all_inner_texts()
    assert sides == ["CHINA", "NATO", "CHINA", "NATO", "CHINA"]
    assert china.complaints == []


async def test_the_life_of_a_meeting_is_told_in_steps_with_their_records(
    visit: Visiting, liaison: Liaison
) -> None:
    nato = await opened(visit, "nato/officer", f"/meetings/{liaison.ids['held']}")
    told = [await each.inner_text() for each in await nato.page.locator(".steps li b").all()]
    assert told == [
        "NATO asks for a meeting",
        "CHINA proposes other times",
        "NATO accepts",
        "Agreed",
        "NATO records that it was held",
        "NATO gives its readout",
        "CHINA gives its readout",
    ]
    timeline = (await liaison.who("nato/officer").get(f"{C}/exchanges/{liaison.ids['held']}")).json[
        "timeline"
    ]
    positions = {each["position"] for each in timeline}
    shown = (await view(nato, f"/meetings/{liaison.ids['held']}.json"))["steps"]
    assert {step["position"] for step in shown} <= positions
    await expect(nato.page.get_by_role("link", name="Open the exchange")).to_have_attribute(
        "href", f"/c/{CHANNEL}/exchanges/{liaison.ids['held']}"
    )


@pytest.mark.parametrize("exchange", ["area", "nothing"])
async def test_what_is_no_meeting_is_not_found(
    exchange: str, visit: Visiting, liaison: Liaison
) -> None:
    nato = await opened(visit, "nato/officer", "/meetings")
    id = liaison.ids.get(exchange, "0192f3a4-5b6c-7d8e-8f90-a1b2c3d4e5f6")
    answer = await nato.page.goto(f"{nato.service.base_url}/c/{CHANNEL}/meetings/{id}")
    assert answer is not None
    assert answer.status == 404
    await expect(nato.page.get_by_role("link", name="Back to the board")).to_be_visible()


async def test_a_month_shades_the_days_of_both_sides_alike(
    visit: Visiting, liaison: Liaison
) -> None:
    nato = await opened(visit, "nato/officer", f"/meetings/calendar?month={MONTH}")
    days = {
        each["date"]: each
        for each in (await view(nato, f"/meetings/calendar.json?month={MONTH}"))["days"]
        if each["within"]
    }
    for side in ("nato", "china"):
        states = {
            date.fromisoformat(day): duty["state"]
            for day, each in days.items()
            for duty in each["duties"]
            if duty["side"] == side
        }
        assert states == {
            day: "holiday"
            if day.isoformat() == holiday(side)
            else "off"
            if day.weekday() > 4
            else "duty"
            for day in states
        }
    cell = nato.page.locator(
        "table.month td:not(.other)", has=nato.page.locator(f"time[datetime='{SOON:%Y-%m-%d}']")
    )
    begins, ends = (
        datetime(
            SOON.year, SOON.month, SOON.day, hour, 30, tzinfo=ZoneInfo("Europe/Brussels")
        ).astimezone(UTC)
        for hour in (8, 17)
    )
    await expect(cell.locator("[data-duty]", has_text="CHINA")).to_contain_text(
        f"{begins:%H:%M}Z{DASH}{ends:%H:%M}Z"
    )
    await expect(cell.locator(".events")).to_contain_text("Passage of the strait")
    await expect(cell.locator(".events")).to_contain_text(
        re.compile("from 08:00Z, until .* Danger area")
    )
    parts = [
        [
            await each.evaluate("element => [...element.children].map(child => child.tagName)")
            for each in await cell.locator(f"[data-duty]:has-text('{side}')").all()
        ]
        for side in ("NATO", "CHINA")
    ]
    assert parts[0] == parts[1]
    await nato.page.get_by_role("link", name="Show the month after").click()
    assert f"{(SOON.replace(day=28) + timedelta(days=5)):month=%Y-%m}" in nato.page.url
    await nato.page.get_by_role("link", name="Show the month before").click()
    await expect(cell).to_be_visible()
    feed = await nato.page.request.get(
        f"{nato.service.base_url}{await nato.page.get_by_role('link', name='calendar.ics').get_attribute('href')}"
    )
    assert (feed.status, feed.headers["content-type"].split(";")[0]) == (200, "text/calendar")
    assert nato.complaints == []
    await nato.page.goto(f"{nato.service.base_url}/c/{CHANNEL}/meetings/calendar?month=2026-13")
    await expect(nato.page.get_by_text("There is no month 2026-13")).to_be_visible()


async def test_pages_of_the_past_show_what_stood_then_and_keep_it_in_every_link(
    visit: Visiting, liaison: Liaison
) -> None:
    nato = await opened(visit, "nato/head_of_office", f"/meetings?at={liaison.before}")
    asked = row(nato.page, liaison.ids["held"])
    await expect(asked).to_contain_text("CHINA proposed it")
    await expect(asked).to_contain_text("NATO has not answered yet")
    for path in (
        "/meetings",
        f"/meetings/{liaison.ids['held']}",
        f"/meetings/calendar?month={MONTH}",
        "/people",
    ):
        joint = "&" if "?" in path else "?"
        await nato.page.goto(f"{nato.service.base_url}/c/{CHANNEL}{path}{joint}at={liaison.before}")
        await expect(nato.page.get_by_text("You are looking at the past.")).to_be_visible()
        links = await nato.page.locator("main a[href^='/c/']").evaluate_all(
            "links => links.map(link => link.getAttribute('href'))"
        )
        assert [link for link in links if f"at={liaison.before}" not in link] == []
        assert await nato.page.locator("main form, main a[href*='/compose/']").count() == 0
    await nato.page.goto(f"{nato.service.base_url}/c/{CHANNEL}/people/register?at={liaison.before}")
    await expect(nato.page.get_by_text("keeps no past")).to_be_visible()
    assert LI not in await nato.page.content()
    assert nato.complaints == []


# People


async def test_points_of_contact_stand_there_as_the_api_has_them(
    visit: Visiting, liaison: Liaison
) -> None:
    nato = await opened(visit, "nato/officer", "/people")
    told = (await liaison.who("nato/officer").get(f"{C}/points-of-contact")).json["points"]
    assert (await view(nato, "/people.json"))["points"] == told
    point = nato.page.locator(f"#point-{liaison.ids['point']}")
    await expect(point).to_contain_text("Crisis cell")
    await expect(point).to_contain_text("within its hours")
    await expect(point.get_by_text("Valid", exact=True).locator("xpath=..")).to_contain_text(
        "from 1\N{NO-BREAK SPACE}Jan\N{NO-BREAK SPACE}2026 00:00Z"
    )
    await expect(point.get_by_role("link", name=NUMBER)).to_have_attribute(
        "href", "tel:+861055500100"
    )
    offices = nato.page.get_by_role("region", name="Liaison offices")
    await expect(offices).to_contain_text("Beijing")
    await expect(offices).to_contain_text("agreed")
    await expect(nato.page.get_by_role("region", name="Programmes between people")).to_contain_text(
        "planned: 12, came: 9"
    )
    await expect(nato.page.get_by_role("region", name="Who has it now")).to_contain_text(
        "nobody has the watch"
    )
    rows = await (
        await nato.page.request.get(f"{nato.service.base_url}/c/{CHANNEL}/people.csv")
    ).text()
    assert "Crisis cell" in rows
    assert LI not in rows
    assert nato.complaints == []


async def test_an_auditor_sees_no_names_and_is_told_who_does(
    visit: Visiting, liaison: Liaison
) -> None:
    auditor = await opened(visit, "china/auditor", "/people")
    await expect(
        auditor.page.get_by_text("Names and telephone numbers are for the offices.")
    ).to_be_visible()
    await expect(auditor.page.locator("main form")).to_have_count(0)
    for text in (await auditor.page.content(), str(await view(auditor, "/people.json"))):
        assert LI not in text
        assert NUMBER not in text
    await expect(
        auditor.page.get_by_role("link", name="Open the register of people")
    ).to_have_count(0)
    answer = await auditor.page.goto(f"{auditor.service.base_url}/c/{CHANNEL}/people/register")
    assert answer is not None
    assert answer.status == 403


@pytest.mark.parametrize("scripts", [True, False])
async def test_a_test_of_a_means_is_recorded_and_what_was_typed_stays_after_an_error(
    *, scripts: bool, visit: Visiting, liaison: Liaison
) -> None:
    nato = await opened(visit, "nato/officer", "/people", java_script_enabled=scripts)
    point = nato.page.locator(f"#point-{liaison.ids['point']}")
    await point.get_by_text("Record a test").click()
    await point.get_by_label("Means").select_option("radio")
    await point.get_by_label("When (optional)").fill("the other day")
    await point.get_by_role("button", name="Record the test").click()
    assert (await nato.page.title()).startswith("Error: ")
    await expect(
        nato.page.locator("main")
        .get_by_role("alert")
        .get_by_role("link", name="Choose the result of the test.")
    ).to_be_visible()
    await expect(point.get_by_label("When (optional)")).to_have_value("the other day")
    await expect(point.get_by_label("When (optional)")).to_have_attribute("aria-invalid", "true")
    await expect(point.get_by_label("Means")).to_have_value("radio")
    outcome = "reached" if scripts else "no answer"
    await point.get_by_label(outcome).check()
    await point.get_by_label("When (optional)").fill("1 h ago")
    await point.get_by_role("button", name="Record the test").click()
    await expect(nato.page.get_by_role("status").first).to_have_text("Recorded.")
    await expect(point.get_by_role("row", name=re.compile("^radio"))).to_contain_text(outcome)
    (told,) = (
        each
        for each in (await liaison.who("china/officer").get(f"{C}/points-of-contact")).json[
            "points"
        ]
        if each["exchange"] == liaison.ids["point"]
    )
    (tested,) = (each for each in told["tested"] if each["means"] == "radio")
    assert (tested["side"], tested["outcome"]) == ("nato", outcome.replace(" ", "_"))
    ago = datetime.now(UTC) - datetime.fromisoformat(tested["time"])
    assert timedelta(minutes=59) < ago < timedelta(minutes=62)


async def test_somebody_is_entered_changed_and_erased_by_forms(
    visit: Visiting, liaison: Liaison
) -> None:
    nato = await opened(
        visit, "nato/administrator", "/people/register/new", java_script_enabled=False
    )
    page = nato.page
    await page.get_by_label("Telephone numbers").fill("on request")
    await page.get_by_label("Note").fill("Speaks slowly.")
    await page.get_by_role("button", name="Enter", exact=True).click()
    assert (await page.title()).startswith("Error: ")
    problems = page.locator("main").get_by_role("alert").get_by_role("link")
    await expect(problems).to_have_count(2)
    assert [await each.get_attribute("href") for each in await problems.all()] == [
        "#name",
        "#telephones",
    ]
    await expect(page.get_by_label("Note")).to_have_value("Speaks slowly.")
    await page.get_by_label("Name").fill("Ines Duarte")
    await page.get_by_label("Telephone numbers").fill("+32 2 707 41 11\n+32 2 707 41 12")
    await page.get_by_label("CHINA h-1").check()
    await page.get_by_role("button", name="Enter", exact=True).click()
    await expect(page.locator("h1")).to_have_text("Ines Duarte")
    id = page.url.partition("?")[0].rpartition("/")[2]
    kept = (await liaison.who("nato/officer").get(f"{C}/people/{id}")).json
    assert kept["entry"]["telephones"] == ["+32 2 707 41 11", "+32 2 707 41 12"]
    assert kept["entry"]["readers"] == ["china/h-1"]
    await expect(page.get_by_text(kept["commitment"])).to_be_visible()
    await page.get_by_label("Post (optional)").fill("Interpreter")
    await page.get_by_role("button", name="Keep the change").click()
    await expect(page.get_by_text("revision 2")).to_be_visible()
    await page.goto(f"{nato.service.base_url}/c/{CHANNEL}/people/register?q=duarte")
    await expect(page.get_by_role("row", name=re.compile("Ines Duarte"))).to_contain_text(
        "Interpreter"
    )
    china = await opened(visit, "china/officer", f"/people/register/{id}")
    await expect(
        china.page.get_by_text("has named the officers who read this entry")
    ).to_be_visible()
    assert "Duarte" not in await china.page.content()
    await page.get_by_role("link", name="Ines Duarte").click()
    await page.get_by_role("link", name="Erase the entry").click()
    await expect(page.get_by_text("This cannot be taken back.")).to_be_visible()
    await page.get_by_role("button", name="Erase the entry").click()
    await expect(page.get_by_role("status").first).to_have_text(
        "The entry is erased. Every revision of it is overwritten."
    )
    assert (await liaison.who("nato/officer").get(f"{C}/people/{id}")).json["erased"]
    await page.goto(f"{nato.service.base_url}/c/{CHANNEL}/people/register/{id}")
    await expect(page.locator("h1")).to_have_text("An erased entry")


async def test_a_change_over_a_colleagues_change_is_asked_about_and_not_lost(
    visit: Visiting, liaison: Liaison
) -> None:
    officer = liaison.who("nato/officer")
    person = await enter(officer, {"name": "Paul Meyer"}, channel=CHANNEL)
    nato = await opened(visit, "nato/officer", f"/people/register/{person['id']}")
    changed = await officer.call(
        "PUT",
        f"{C}/people/{person['id']}",
        {"name": "Paul Meyer", "post": "Deputy"},
        If_Match=f'"{person["commitment"]}"',
    )
    assert changed.status == 200
    await nato.page.get_by_label("Institution (optional)").fill("Liaison office, Beijing")
    await nato.page.get_by_role("button", name="Keep the change").click()
    await expect(nato.page.locator("main").get_by_role("alert")).to_contain_text(
        "A colleague has changed or erased the entry since you read it."
    )
    await expect(nato.page.get_by_role("region", name="Present content")).to_contain_text("Deputy")
    await expect(nato.page.get_by_label("Institution (optional)")).to_have_value(
        "Liaison office, Beijing"
    )
    await nato.page.get_by_role("button", name="Keep the change").click()
    await expect(nato.page.get_by_role("status").first).to_contain_text("Changed.")
    assert (await officer.get(f"{C}/people/{person['id']}")).json["entry"] == {
        "name": "Paul Meyer",
        "institution": "Liaison office, Beijing",
    }


async def test_a_channel_in_which_nothing_is_arranged_says_what_would_stand_there(
    visit: Visiting,
) -> None:
    empty = (
        ("/meetings", "There is no request."),
        ("/meetings/calendar?month=2031-02", "Nothing is arranged or announced in this month."),
        ("/people", "No office is entered."),
        ("/people/register", "Nobody is entered."),
    )
    china = await opened(visit, "china/officer", empty[0][0], EXERCISE, viewport=NARROW)
    for path, said in empty:
        await china.page.goto(f"{china.service.base_url}/c/{EXERCISE}{path}")
        await expect(china.page.get_by_text(said).first).to_be_visible()
    assert china.complaints == []
