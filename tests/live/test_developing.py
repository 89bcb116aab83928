"""A matter that develops, on every page and paper: each value stands with the time that it is of,
and none of them is lost.
"""

import re
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from service import Caller, Gateway, at_a_screen

CALM = "nato-china"
FIRST, SECOND = "15°07", "15°18"


async def words(session: aiohttp.ClientSession, service: Gateway, path: str, who: str) -> str:
    """A page as text."""
    headers = await at_a_screen(session, service, who)
    async with session.get(f"{service.base_url}/c/{CALM}{path}", headers=headers) as answer:
        assert answer.status == 200, path
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", await answer.text())).replace(
            "&#39;", "'"
        )


@pytest.mark.parametrize("who", ["nato/officer", "china/officer"])
async def test_a_value_stands_with_the_time_that_it_is_of_and_those_before_it_are_kept(
    demo: Gateway, session: aiohttp.ClientSession, who: str
) -> None:
    nato, china = (
        Caller(session, demo, "nato/duty_officer"),
        Caller(session, demo, "china/duty_officer"),
    )
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    happened, moved = (now - timedelta(minutes=each) for each in (50, 20))
    opening = {
        "act": "hazardous-incident",
        "kind": "near_miss",
        "time": f"{happened:%Y-%m-%dT%H:%MZ}",
        "place": {"lat": 15.12, "lon": 116.44},
        "facts": "Two ships met.",
        "casualties": 1,
    }
    id = str((await nato.open(opening, CALM)).json["exchange"])
    fields = {"place": {"lat": 15.3, "lon": 116.44}, "casualties": 6}
    told = await nato.act(
        id, {"act": "update", "fields": fields, "as_of": f"{moved:%Y-%m-%dT%H:%MZ}"}, CALM
    )
    assert told.status == 201, told.body
    as_of, record = f"{moved:%H:%M}Z", f"record {told.json['position']}"
    for page in ("", "/form", "/card"):
        shown = await words(session, demo, f"/exchanges/{id}{page}", who)
        assert FIRST in shown and SECOND in shown, page
        assert as_of in shown, page
    assert record in await words(session, demo, f"/exchanges/{id}", who)
    account = await words(session, demo, f"/exchanges/{id}/acts/counter-account", "china/officer")
    assert (
        SECOND in account
        and f"as of {now:%d %b %Y}".split(",")[0][:6] in account
        and record in account
    )
    situation = await words(session, demo, "/reports/situation", who)
    assert (
        FIRST in situation and f"{SECOND}′00″ N 116°26′24″ E, {happened:%d %b}" not in situation
    ), "a matter keeps the name of its event"
    own = {
        "act": "counter-account",
        "facts": "It was further north.",
        "place": {"lat": 15.12, "lon": 116.44},
        "casualties": 6,
    }
    assert (await china.act(id, own, CALM)).status == 201
    shown = await words(session, demo, f"/exchanges/{id}", who)
    beside = shown[shown.index("2 accounts") :]
    assert "No point that can be compared differs." in beside
    assert SECOND not in beside[: beside.index("Casualties")], (
        "the place beside the other account is where it happened"
    )
    assert as_of in beside[beside.index("Casualties") :], "a toll stands with its time"


async def test_a_view_names_an_issue_that_is_there(
    demo: Gateway, session: aiohttp.ClientSession
) -> None:
    nato, china = Caller(session, demo, "nato/officer"), Caller(session, demo, "china/officer")
    note = await nato.open(
        {"act": "contact-note", "form": "letter", "text": "About the drill."}, CALM
    )
    view = {"act": "perception", "issue": "Drills", "own_view": "They are needed."}
    for nothing in (str(note.json["exchange"]), "0192f3a4-5b6c-7d8e-8f90-a1b2c3d4e5f8"):
        refused = await nato.post(f"/v1/channels/{CALM}/dialogue", {**view, "under": nothing})
        assert refused.problem(422, "invalid-act")["errors"][0]["pointer"] == "/under"
    opened = (await nato.open(view, CALM)).json["exchange"]
    assert (
        await china.open(
            {**view, "issue": {"zh": "演习"}, "own_view": "They frighten.", "under": opened}, CALM
        )
    ).status == 201
    (issue,) = [
        each
        for each in (await china.get(f"/v1/channels/{CALM}/perceptions")).json["issues"]
        if each["exchange"] == opened
    ]
    assert [each["side"] for each in issue["views"]] == ["nato", "china"]
    shown = await words(session, demo, "/dialogue", "china/officer")
    assert "They are needed." in shown and "They frighten." in shown
