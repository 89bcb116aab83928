"""Undertakings of the sides: who said it, who agrees, whether it was done, and where it goes next."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from service import TimedGateway, at_a_screen
from talks import Talks

CHANNEL = "two-capitals"
PATH = f"/v1/channels/{CHANNEL}"
WINDOW = {"from": "2027-02-01T08:00:00Z", "to": "2027-02-01T10:00:00Z"}
MEETING = {"act": "meeting-request", "purpose": "Safety at sea", "windows": [WINDOW]}
LIST = "Send the list of duty numbers"
VERDICTS = {"fulfilment-confirmation", "fulfilment-dispute"}


def promise(by: str, what: str, by_when: str, **more: Any) -> dict[str, Any]:
    return {"act": "undertaking", "by": by, "what": what, "by_when": by_when} | more


def rows(page: str) -> dict[str, str]:
    """Return the row of each undertaking of a page, by its exchange."""
    return dict(re.findall(r'<tr data-undertaking="([^"]+)">(.*?)</tr>', page, re.DOTALL))


def acts_in(html: str) -> set[str]:
    return set(re.findall(r"/acts/([a-z-]+)", html))


@pytest.fixture
async def talks(session: aiohttp.ClientSession, timed: TimedGateway) -> Talks:
    """Two capitals on a service whose clock the test sets."""
    timed.set(datetime(2026, 11, 24, 9, 0, tzinfo=UTC))
    talks = Talks(session, timed)
    await talks.open(CHANNEL, ("north", "south"))
    return talks


async def standing(talks: Talks, id: str, reader: str = "north/auditor") -> dict[str, Any]:
    found = (await talks.who(reader).get(f"{PATH}/undertakings")).json["sides"]
    (view,) = [each for side in found for each in side["undertakings"] if each["exchange"] == id]
    return dict(view)


async def test_it_is_said_agreed_late_done_disputed_and_confirmed_by_the_right_side_alone(
    talks: Talks, timed: TimedGateway
) -> None:
    met = await talks.opens("north/officer", CHANNEL, MEETING)
    body = promise("south", LIST, "2026-12-01T12:00:00Z", of=met["number"])
    id = (await talks.opens("north/officer", CHANNEL, body))["exchange"]

    async def shown(side: str) -> tuple[str, set[str]]:
        page = await talks.page(f"{side}/officer", f"/c/{CHANNEL}/undertakings")
        exchange = await talks.page(f"{side}/officer", f"/c/{CHANNEL}/exchanges/{id}")
        buttons = acts_in(rows(page)[id])
        moves = await talks.page(f"{side}/officer", f"/c/{CHANNEL}/exchanges/{id}/moves")
        assert buttons <= acts_in(exchange) | acts_in(moves), "the matter has the same buttons"
        assert not acts_in(exchange) & (VERDICTS if side == "south" else {"fulfilment"})
        return exchange, buttons

    async def offered() -> tuple[set[str], set[str]]:
        return (await shown("north"))[1], (await shown("south"))[1]

    for reader in ("north/officer", "south/officer", "south/auditor"):
        view = await standing(talks, id, reader)
        assert (view["standing"], [each["answer"] for each in view["answers"]]) == (
            "said",
            ["silent"],
        )
        page = await talks.page(reader, f"/c/{CHANNEL}/undertakings")
        assert "said by NORTH" in rows(page)[id] and "has not answered" in rows(page)[id]
        exchange = await talks.page(reader, f"/c/{CHANNEL}/exchanges/{id}")
        assert "Said by NORTH, not confirmed." in exchange
    assert await offered() == (set(), {"agreement", "decline"})
    await talks.does("south/officer", CHANNEL, id, {"act": "agreement"})
    assert (await standing(talks, id))["standing"] == "due"
    assert await offered() == (set(), {"fulfilment"})
    timed.set(datetime(2026, 12, 2, 9, 0, tzinfo=UTC))
    await timed.watched()
    assert (await standing(talks, id))["standing"] == "late"
    owed = talks.audit("north/auditor", CHANNEL, "owed")
    assert [(each["side"], each["state"]) for each in owed if each["clock"] == "undertaking"] == [
        ("south", "overdue")
    ]
    done = {"act": "fulfilment", "at": "2026-12-02T08:00:00Z"}
    await talks.does("south/officer", CHANNEL, id, done)
    view = await standing(talks, id)
    assert (view["standing"], view["late"]) == ("done", True)
    assert await offered() == (VERDICTS, set())
    missing = {"act": "fulfilment-dispute", "reason": "Two numbers are missing."}
    await talks.does("north/officer", CHANNEL, id, missing)
    assert (await standing(talks, id))["standing"] == "late"
    assert "Two numbers are missing." in (await shown("south"))[0]
    await talks.does("south/officer", CHANNEL, id, done | {"at": "2026-12-02T08:30:00Z"})
    await talks.does("north/officer", CHANNEL, id, {"act": "fulfilment-confirmation"})
    view = await standing(talks, id)
    assert (view["standing"], view["confirmed_by"]) == ("confirmed", ["north"])
    assert await offered() == (set(), set())
    past = (await talks.who("north/auditor").get(f"{PATH}/undertakings?at=20")).json["sides"]
    assert all(each["standing"] != "confirmed" for side in past for each in side["undertakings"])
    # The auditor's own clock is another one, so answers that depend on it differ.
    replayed = talks.audit("south/auditor", CHANNEL, "replay", "--all", check=None)["compared"]
    assert replayed["answers"]["reports"] > 0
    assert not [each for each in replayed["mismatches"] if "/undertakings" in each["question"]]


async def test_what_is_not_confirmed_goes_by_itself_into_the_next_agenda(talks: Talks) -> None:
    first = await talks.opens("north/officer", CHANNEL, MEETING)
    body = promise("south", LIST, "2026-12-01T12:00:00Z", of=first["exchange"])
    made = await talks.opens("north/officer", CHANNEL, body)
    following = await talks.opens("south/officer", CHANNEL, MEETING | {"purpose": "Next session"})
    meeting = f"/c/{CHANNEL}/meetings/{following['exchange']}"
    page = await talks.page("north/officer", meeting)
    carried = page[page.index("data-carried") :]
    assert LIST in carried and f"acts/agenda?carry={made['exchange']}" in carried
    form = f"/c/{CHANNEL}/exchanges/{following['exchange']}/acts/agenda"
    empty = await talks.page("north/officer", form)
    assert f'name="carry" value="{made["exchange"]}"' in empty
    taken = await talks.page("north/officer", f"{form}?carry={made['exchange']}")
    topic = re.findall(r'name="f.topics"[^>]*>([^<]*)<', taken)[0]
    assert (LIST in topic, made["number"] in topic) == (True, True)
    assert 'name="carry"' not in taken, "what was taken up is not proposed again"
    agenda = {"act": "agenda", "topics": [topic]}
    await talks.does("north/officer", CHANNEL, following["exchange"], agenda)
    after = await talks.page("north/officer", meeting)
    assert "in the agenda of NORTH" in after
    assert "acts/agenda?carry" not in after
    other = await talks.page("south/officer", meeting)
    assert "acts/agenda?carry" in other, "the other side has its own agenda"
    source = await talks.page("south/officer", f"/c/{CHANNEL}/meetings/{first['exchange']}")
    assert LIST in source[source.index('id="undertaken"') :]


async def test_one_click_in_the_form_takes_a_topic_up_and_keeps_what_was_typed(
    session: aiohttp.ClientSession, talks: Talks
) -> None:
    made = await talks.opens(
        "north/officer", CHANNEL, promise("south", LIST, "2026-12-01T12:00:00Z")
    )
    asked = await talks.opens("north/officer", CHANNEL, MEETING)
    headers = await at_a_screen(session, talks, "south/officer")  # type: ignore[arg-type]
    path = f"{talks.base_url}/c/{CHANNEL}/exchanges/{asked['exchange']}/acts/agenda"
    typed = {"f.topics": "Weather", "carry": made["exchange"], "do": "check"}
    async with session.post(path, data=typed, headers=headers) as answer:
        page = await answer.text()
    topics = re.findall(r'name="f.topics"[^>]*>([^<]*)<', page)[0].splitlines()
    assert (topics[0], LIST in topics[1], len(topics)) == ("Weather", True, 2)


async def test_a_meeting_a_note_and_a_reply_lead_to_a_form_that_says_where_it_was_said(
    talks: Talks,
) -> None:
    met = await talks.opens("north/officer", CHANNEL, MEETING)
    note = {"act": "contact-note", "form": "conversation", "text": "They will send the list."}
    noted = await talks.opens("north/officer", CHANNEL, note)
    incident = await talks.opens(
        "north/duty_officer",
        CHANNEL,
        {
            "act": "hazardous-incident",
            "kind": "near_miss",
            "time": "2026-11-24T03:05+08:00",
            "place": {"lat": 15.12, "lon": 116.44},
            "facts": "Two aircraft passed close.",
        },
    )
    link = f"/c/{CHANNEL}/compose/undertaking?of="

    async def links(path: str, reader: str = "south/officer") -> bool:
        return link in await talks.page(reader, f"/c/{CHANNEL}{path}")

    assert await links(f"/meetings/{met['exchange']}")
    assert await links(f"/exchanges/{met['exchange']}")
    assert await links(f"/exchanges/{noted['exchange']}")
    assert not await links(f"/exchanges/{noted['exchange']}", "south/auditor")
    assert not await links(f"/exchanges/{incident['exchange']}"), "nobody has answered it"
    reply = {"act": "reply", "text": "We shall send the tracks."}
    await talks.does("south/officer", CHANNEL, incident["exchange"], reply)
    assert await links(f"/exchanges/{incident['exchange']}")
    form = await talks.page("south/officer", f"{link}{incident['number']}")
    assert re.search(rf'name="f.of" value="{incident["number"]}"', form)
    assert re.findall(r'name="f.by" value="(\w+)"', form) == ["north", "south"]


async def test_the_record_and_the_roadmap_of_the_year_have_it(
    talks: Talks, timed: TimedGateway
) -> None:
    late = await talks.opens(
        "north/officer", CHANNEL, promise("south", LIST, "2026-12-01T12:00:00Z")
    )
    await talks.does("south/officer", CHANNEL, late["exchange"], {"act": "agreement"})
    await talks.opens(
        "south/officer", CHANNEL, promise("north", "Publish the dates", "2027-06-01T12:00:00Z")
    )
    timed.set(datetime(2026, 12, 20, 9, 0, tzinfo=UTC))
    await timed.watched()
    review = (await talks.who("north/auditor").get(f"{PATH}/reports/year?year=2026")).json
    figures = {
        each["side"]: (each["made"], each["confirmed"], each["late"], each["open"])
        for each in review["undertakings_by_side"]
    }
    assert figures == {"north": (1, 0, 0, 1), "south": (1, 0, 1, 1)}
    printed = await talks.who("north/auditor").get(
        f"{PATH}/reports/year?year=2026", Accept="text/markdown"
    )
    text = printed.body.decode()
    section = text[text.index("## Undertakings") :]
    assert LIST in section and "said by SOUTH, not confirmed" in section
    dialogue = await talks.page("south/officer", f"/c/{CHANNEL}/dialogue")
    chart = dialogue[dialogue.index("<svg") : dialogue.index("</svg>", dialogue.index("roadmap"))]
    assert "SOUTH: Send the list of duty" in re.sub(r"</?tspan[^>]*>|\s+", " ", dialogue)
    assert chart


async def test_a_side_that_is_asked_for_nothing_may_not_say_that_it_is_done(
    talks: Talks, timed: TimedGateway
) -> None:
    made = await talks.opens(
        "north/officer", CHANNEL, promise("south", LIST, "2026-12-01T12:00:00Z")
    )
    now = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
    timed.set(now + timedelta(minutes=1))
    done = {"act": "fulfilment", "at": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
    caller = talks.who("north/officer")
    refused = await caller.act(made["exchange"], done, CHANNEL)
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, "/act")
