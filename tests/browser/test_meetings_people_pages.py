"""Meetings, the calendar, points of contact and the register of people, as pages at the real
service.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import expect

from beside import MS_LI, enter, named
from browsing import Visit, Visiting
from service import Caller, Gateway

pytestmark = pytest.mark.browser

CHANNEL = "nato-china"
C = f"/v1/channels/{CHANNEL}"

DASH = "\N{EN DASH}"

NOW = datetime.now(UTC)
SOON = (NOW + timedelta(days=20 + (2 - NOW.weekday() - 20) % 7)).replace(
    hour=8, minute=0, second=0, microsecond=0
)
"""A Wednesday, so that the offices work."""

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


# Meetings


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


# People
