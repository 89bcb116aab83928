"""Mechanisms: one page says which of them talk, and nothing urgent waits for them."""

import json
import re
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from samples import act
from service import INCIDENT, Caller, Gateway
from talks import Talks

CHANNEL = "two-capitals"
PATH = f"/v1/channels/{CHANNEL}"
MEASURES = (
    ("Talks between theatre commanders", "commanders", "mechanism-end"),
    ("Talks on the coordination of defence policy", "senior_officials", "mechanism-end"),
    ("Consultations on military safety at sea", "officers", "mechanism-end"),
    ("Return of illegal immigrants", "experts", "mechanism-suspension"),
    ("Legal assistance in criminal matters", "experts", "mechanism-suspension"),
    ("Work against crime across borders", "experts", "mechanism-suspension"),
    ("Work against narcotics", "experts", "mechanism-suspension"),
    ("Talks on climate change", "ministers", "mechanism-suspension"),
)
"""The eight measures of 5 August 2022: three ended talks, and suspended five more."""

REASON = "The visit took place in spite of what we had said."
AT = "2022-08-05T09:00:00Z"
Who = Callable[[str], Caller]


async def announced(talks: Talks) -> dict[str, str]:
    """Enter eight mechanisms for the record, and the eight acts of that day; their ids by name."""
    await talks.open(CHANNEL, ("washington", "beijing"))
    head, ids = "beijing/head_of_office", {}
    for name, level, _ in MEASURES:
        entry = {"act": "mechanism", "name": name, "level": level, "period_months": 12}
        entry |= {"for_the_record": True, "dtg": "2014-11-12T00:00:00Z"}
        ids[name] = (await talks.opens(head, CHANNEL, entry))["exchange"]
    for name, _, what in MEASURES:
        word = {"act": what, "reason": REASON, "dtg": AT, "for_the_record": True}
        await talks.does(head, CHANNEL, ids[name], word)
    return ids


@pytest.fixture
def talks(session: aiohttp.ClientSession, demo: Gateway) -> Talks:
    return Talks(session, demo)


async def test_eight_measures_are_eight_acts_and_one_page_says_exactly_that(
    session: aiohttp.ClientSession, own: Gateway
) -> None:
    talks = Talks(session, own)
    ids = await announced(talks)
    found = (await talks.who("washington/officer").get(f"{PATH}/mechanisms")).json["mechanisms"]
    expected = {
        name: "ended" if what == "mechanism-end" else "suspended" for name, _, what in MEASURES
    }
    assert {each["name"]: each["status"] for each in found} == expected
    for each in found:
        word = each["ended_by"] if each["status"] == "ended" else each["suspended_by"][0]
        assert (word["side"], word["since"], word["reason"]) == ("beijing", AT, REASON)
        assert "next_due" not in each, "nothing is due while it is not in force"
    for reader in ("washington/officer", "beijing/auditor"):
        page = await talks.page(reader, f"/c/{CHANNEL}/mechanisms")
        groups = dict(re.findall(r'data-group="(\w+)"(.*?)</section>', page, re.DOTALL))
        shown = {group: {name for name in ids if name in text} for group, text in groups.items()}
        assert shown == {
            status: {name for name, of in expected.items() if of == status}
            for status in ("suspended", "ended")
        }
        assert page.count("by BEIJING") == len(MEASURES)
    assert (await talks.who("washington/officer").get(f"{PATH}/mechanisms?at=12")).status == 200
    replayed = talks.audit("beijing/auditor", CHANNEL, "replay", "--all")
    assert replayed["compared"]["mismatches"] == []


async def test_whatever_is_suspended_line_checks_incidents_codes_and_emergencies_are_sent(
    session: aiohttp.ClientSession, own: Gateway
) -> None:
    talks = Talks(session, own)
    await announced(talks)
    for side, other in (("beijing", "washington"), ("washington", "beijing")):
        duty = f"{side}/duty_officer"
        for body in (
            INCIDENT,
            act("line-check"),
            act("immediate-notification"),
            act("emergency-notification"),
        ):
            sent = await talks.opens(duty, CHANNEL, body)
            view = await talks.who(f"{other}/duty_officer").get(
                f"{PATH}/exchanges/{sent['exchange']}"
            )
            facts = view.json["facts"]
            assert [fact["side"] for fact in facts if fact["owes"]] == [other], body["act"]


async def test_a_meeting_of_a_mechanism_moves_its_next_date_and_one_side_alone_suspends_it(
    talks: Talks,
) -> None:
    channel = "staff-talks"
    await talks.open(channel, ("north", "south"))
    path = f"/v1/channels/{channel}/mechanisms"
    entry = {"act": "mechanism", "name": "Staff talks", "level": "officers", "period_months": 6}
    made = await talks.opens("north/head_of_office", channel, entry)

    async def view() -> dict[str, Any]:
        (found,) = (await talks.who("south/officer").get(path)).json["mechanisms"]
        return dict(found)

    assert (await view())["status"] == "proposed"
    await talks.does("south/officer", channel, made["exchange"], {"act": "agreement"})
    begun = await view()
    assert (begun["status"], "last_held" in begun) == ("in_force", False)
    window = {"from": "2030-01-10T08:00:00Z", "to": "2030-01-10T10:00:00Z"}
    request = {"act": "meeting-request", "purpose": "First session", "windows": [window]}
    asked = await talks.opens("south/officer", channel, request | {"mechanism": made["number"]})
    waiting = await view()
    assert [each["exchange"] for each in waiting["meetings"]] == [asked["exchange"]]
    held = {"from": "2026-02-28T08:00:00Z", "to": "2026-02-28T10:00:00Z"}
    await talks.does(
        "north/officer", channel, asked["exchange"], {"act": "acceptance", "window": 0}
    )
    await talks.does("north/officer", channel, asked["exchange"], {"act": "meeting-held", **held})
    after = await view()
    assert (after["last_held"], after.get("meetings", [])) == ("2026-02-28T08:00:00Z", [])
    assert after["next_due"] > begun["since"], "it counts from what came later"
    word = {"act": "mechanism-suspension", "reason": "Until further notice."}
    await talks.does("south/head_of_office", channel, made["exchange"], word)
    stopped = await view()
    assert [each["side"] for each in stopped["suspended_by"]] == ["south"]
    assert "next_due" not in stopped
    refused = await talks.who("south/officer").act(
        made["exchange"], {"act": "mechanism-resumption"}, channel
    )
    assert refused.status == 403, "a head of office says whether it talks"
    await talks.does(
        "south/head_of_office", channel, made["exchange"], {"act": "mechanism-resumption"}
    )
    assert (await view())["status"] == "in_force"


async def test_the_form_of_a_request_offers_the_mechanisms_of_the_channel(talks: Talks) -> None:
    channel = "offered-talks"
    await talks.open(channel, ("north", "south"))
    numbers = {}
    for name in ("Fisheries talks", "Border talks"):
        entry = {"act": "mechanism", "name": name, "level": "experts", "for_the_record": True}
        made = await talks.opens("north/head_of_office", channel, entry)
        numbers[name] = made["number"]
    word = {"act": "mechanism-suspension", "reason": "The season is over."}
    fisheries = json.loads(
        (await talks.who("north/officer").get(f"/v1/channels/{channel}/mechanisms")).body
    )["mechanisms"][0]["exchange"]
    await talks.does("south/head_of_office", channel, fisheries, word)
    form = await talks.page("south/officer", f"/c/{channel}/compose/meeting-request?more=1")
    values = re.findall(r'name="f.mechanism" value="([^"]*)"', form)
    assert values == ["", numbers["Border talks"], numbers["Fisheries talks"]]
    assert "Fisheries talks (suspended)" in form
    chosen = await talks.page(
        "south/officer",
        f"/c/{channel}/compose/meeting-request?mechanism={numbers['Border talks']}",
    )
    assert f'value="{numbers["Border talks"]}" checked' in chosen
