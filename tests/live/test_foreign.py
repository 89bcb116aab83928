"""Other people's tools at the running service: calendars by a secret link, cards, and what calendar
and warning programs send in.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libical import errors
from samples import SAMPLES
from service import INCIDENT, Answer, Caller, Service, new_key

Who = Callable[[str], Caller]
C = "/v1/channels/nato-china"
EXERCISE = "/v1/channels/nato-china-exercise"
WINDOW = {"from": "2027-01-11T08:00Z", "to": "2027-01-11T10:00Z"}
LATER = {"from": "2027-01-12T08:00Z", "to": "2027-01-12T10:00Z"}
REQUEST = {"act": "meeting-request", "purpose": "Safety at sea", "windows": [WINDOW, LATER]}

ALERT = """<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
 <identifier>FL-2026-77</identifier><sender>duty@rivers.example</sender><sent>2026-11-24T03:10:00+08:00</sent>
 <status>{status}</status><msgType>{kind}</msgType><scope>Public</scope>{more}
 <info><category>Met</category><event>Flood</event><urgency>Immediate</urgency><severity>Severe</severity><certainty>Likely</certainty>
  <headline>Flood on the lower river</headline><description>The dyke at kilometre 40 has broken.</description>
  <parameter><valueName>gauge</valueName><value>9.4 m</value></parameter>
  <area><areaDesc>Lower river</areaDesc></area></info>
</alert>"""


def alert(status: str = "Actual", kind: str = "Alert", more: str = "") -> bytes:
    """A civil agency's alert."""
    return ALERT.format(status=status, kind=kind, more=more).encode()


async def sent(caller: Caller, raw: bytes, media: str, channel: str = C, key: str = "") -> Answer:
    """Send something in."""
    return await caller.post(f"{channel}/imports", raw, key=key, Content_Type=media)


# Meetings


async def test_a_meeting_is_the_message_of_its_newest_act(who: Who) -> None:
    nato, china = who("nato/officer"), who("china/officer")
    meeting = (await nato.open(REQUEST)).json["exchange"]
    invitation = await china.get(f"{C}/exchanges/{meeting}", Accept="text/calendar")
    assert invitation.headers["Content-Type"] == "text/calendar; method=REQUEST; charset=utf-8"
    assert errors(invitation.body) == []
    etag = (await china.get(f"{C}/exchanges/{meeting}")).headers["ETag"]
    accepted = await china.act(meeting, {"act": "acceptance", "window": 0}, If_Match=etag)
    assert accepted.status == 201, accepted.body
    confirmed = await nato.get(f"{C}/exchanges/{meeting}", Accept="text/calendar")
    assert confirmed.headers["Content-Type"] == "text/calendar; method=REPLY; charset=utf-8"
    assert b"PARTSTAT=ACCEPTED" in confirmed.body


# Warnings


async def test_an_alert_becomes_a_draft_with_everything_kept(who: Who) -> None:
    officer = who("nato/officer")
    key = new_key()
    drafted = await sent(officer, alert(), "application/cap+xml", key=key)
    assert drafted.status == 202, drafted.body
    act = drafted.json["act"]
    assert (act["act"], act["nature"], act["subject"]) == (
        "emergency-notification",
        "flood",
        "Flood on the lower river",
    )
    whole = str(act)
    for kept in (
        "The dyke at kilometre 40 has broken.",
        "FL-2026-77",
        "duty@rivers.example",
        "9.4 m",
        "Severe",
        "Likely",
        "Lower river",
    ):
        assert kept in whole
    draft = drafted.headers["Location"]
    assert (await officer.get(draft)).json["act"] == act
    assert (await sent(officer, alert(), "application/cap+xml", key=key)).headers[
        "Idempotent-Replayed"
    ] == "true"
    other = await who("nato/head_of_office").post(
        f"{draft}/release", None, If_Match=drafted.headers["ETag"]
    )
    assert other.status == 201, other.body
    given = await who("china/officer").get(
        f"{C}/exchanges/{other.json['exchange']}", Accept="application/cap+xml"
    )
    assert (given.status, b"Flood on the lower river" in given.body) == (200, True)


async def test_our_own_alert_comes_back_as_the_act_that_it_was(who: Who) -> None:
    opened = (await who("nato/duty_officer").open(INCIDENT)).json["exchange"]
    raw = (
        await who("china/officer").get(f"{C}/exchanges/{opened}", Accept="application/cap+xml")
    ).body
    drafted = await sent(who("china/officer"), raw, "application/xml")
    assert (drafted.status, drafted.json["act"]["act"], drafted.json["act"]["facts"]) == (
        202,
        "hazardous-incident",
        INCIDENT["facts"],
    )


@pytest.mark.parametrize(
    ("raw", "media", "channel", "status", "said"),
    [
        (
            alert(status="Exercise", more="<note>Exercise North</note>"),
            "application/cap+xml",
            C,
            422,
            "an exercise's channel",
        ),
        (alert(), "application/cap+xml", EXERCISE, 422, "the live channel"),
        (
            alert(kind="Cancel", more="<references>a,b,2026-11-24T03:10:00+08:00</references>"),
            "application/cap+xml",
            C,
            422,
            "cancellation",
        ),
        (b"<alert/>", "application/cap+xml", C, 422, "Nothing was imported"),
        (
            b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + alert()[38:],
            "application/cap+xml",
            C,
            422,
            "Nothing was imported",
        ),
        (b"\xff\xfe", "application/xml", C, 422, "Nothing was imported"),
        (b"x" * 300_000, "application/cap+xml", C, 413, "240 KiB"),
        (alert(), "text/plain", C, 415, "application/cap+xml"),
        (b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "text/calendar", C, 415, "application/cap+xml"),
    ],
)
async def test_what_cannot_be_taken_in_says_why(
    who: Who, raw: bytes, media: str, channel: str, status: int, said: str
) -> None:
    answer = await sent(who("nato/officer"), raw, media, channel)
    assert (answer.status, said in answer.json["detail"]) == (status, True), answer.body


# Calendars and cards


@pytest.mark.process
async def test_a_calendar_is_subscribed_to_by_a_secret_link_until_it_is_revoked(who: Who) -> None:
    officer, anybody = who("nato/officer"), who("")
    await officer.open(REQUEST)
    made = (await officer.call("POST", f"{C}/calendar-links")).json
    feed = await anybody.get(made["path"])
    assert (feed.status, errors(feed.body)) == (200, [])
    assert b"Safety at sea" in feed.body
    assert (await who("nato/officer").get(f"{C}/calendar.ics")).body == feed.body
    assert made["id"] in {
        each["id"] for each in (await officer.get(f"{C}/calendar-links")).json["links"]
    }
    assert (await who("china/officer").get(f"{C}/calendar-links")).json["links"] == []
    (await who("china/officer").call("DELETE", f"{C}/calendar-links/{made['id']}")).problem(
        404, "not-found"
    )
    secret = made["path"].rpartition("/")[2]
    await asyncio.sleep(0.2)
    assert isinstance(officer.service, Service)
    assert secret not in officer.service.log.read_text()
    bearing = Caller(officer.session, officer.service)
    bearing.headers = {"Authorization": f"Bearer {secret}"}
    (await bearing.get("/v1/me")).problem(401, "unauthenticated")  # a link is no token
    token = officer.headers["Authorization"].removeprefix("Bearer ")
    (await anybody.get(f"/v1/calendars/{token}")).problem(404, "not-found")  # nor a token a link
    assert (await officer.call("DELETE", f"{C}/calendar-links/{made['id']}")).status == 204
    (await anybody.get(made["path"])).problem(404, "not-found")


async def test_a_link_ends_with_the_token_with_which_it_was_made(who: Who) -> None:
    operator, anybody = who("operator"), who("")
    issued = (
        await operator.post("/v1/tokens", {"actor": "nato/o-1", "channels": ["nato-china"]})
    ).json
    officer = Caller(operator.session, operator.service)
    officer.headers = {"Authorization": f"Bearer {issued['token']}"}
    made = (await officer.call("POST", f"{C}/calendar-links")).json
    assert (await anybody.get(made["path"])).status == 200
    assert (await operator.call("DELETE", f"/v1/tokens/{issued['id']}")).status == 204
    (await anybody.get(made["path"])).problem(404, "not-found")


async def test_points_of_contact_are_cards_with_the_names_that_the_reader_may_see(who: Who) -> None:
    head, colleague = who("nato/head_of_office"), who("nato/officer")
    person = (
        await colleague.post(
            f"{C}/people",
            {
                "name": "Ana Marković",
                "telephones": ["+32 2 707 4111"],
                "emails": ["ana@nato.example"],
            },
        )
    ).json
    begins = (datetime.now(UTC) + timedelta(days=40)).strftime("%Y-%m-%dT%H:%MZ")
    named = {"id": person["id"], "commitment": person["commitment"]}
    act: dict[str, Any] = {**SAMPLES["point-of-contact"], "person": named, "valid_from": begins}
    act.pop("deputy", None)
    draft = await colleague.post(f"{C}/drafts", {"act": act})
    released = await head.post(
        f"{draft.headers['Location']}/release", None, If_Match=draft.headers["ETag"]
    )
    assert released.status == 201, released.body
    position = {"Dragoman_Min_Position": str(released.json["position"])}
    cards = await who("china/officer").get(
        f"{C}/points-of-contact", Accept="text/vcard", **position
    )
    assert cards.headers["Content-Type"] == "text/vcard; charset=utf-8"
    assert "FN:Ana Marković\r\n".encode() in cards.body
    audited = await who("china/auditor").get(f"{C}/points-of-contact", Accept="text/vcard")
    assert "Marković".encode() not in audited.body and b"KIND:org" in audited.body
    assert (
        await colleague.call(
            "DELETE", f"{C}/people/{person['id']}", If_Match=f'"{person["commitment"]}"'
        )
    ).status == 200
    assert (
        "Marković".encode()
        not in (await who("china/officer").get(f"{C}/points-of-contact", Accept="text/vcard")).body
    )
