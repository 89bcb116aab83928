"""The HTTP API of the running service, as officers, duty officers and auditors use it."""

import asyncio
import csv
import gzip
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from dragoman.domain.record import codec as records
from patience import PATIENCE_S
from service import INCIDENT, NOTE, Caller, Service, new_key

Who = Callable[[str], Caller]
C = "/v1/channels/nato-china"


# Posting


async def test_a_post_is_answered_with_its_place_in_the_log(who: Who) -> None:
    answer = await who("nato/duty_officer").open(INCIDENT)
    recorded = answer.json
    assert recorded["number"].startswith(f"NATO-CHINA/NATO/{recorded['time'][2:4]}/")
    assert recorded["number"].endswith("/N07/O")
    assert f"{C}/exchanges/{recorded['exchange']}" == answer.headers["Location"]
    assert (str(recorded["position"]), recorded["etag"]) == (
        answer.headers["Dragoman-Position"],
        answer.headers["ETag"],
    )
    raw = await who("china/auditor").get(f"{C}/records/{recorded['position']}")
    record = records.parse(raw.body)
    assert json.dumps(INCIDENT, ensure_ascii=False, separators=(",", ":")).encode() == record.act
    assert (record.commit, "application/cloudevents+json") == (
        recorded["commit"],
        raw.headers["Content-Type"],
    )


async def test_posting_twice_is_posting_once(who: Who) -> None:
    key = new_key()
    first = await who("nato/officer").post(f"{C}/contacts", NOTE, key=key)
    spaced = json.dumps(NOTE, indent=2, ensure_ascii=False).encode()
    second = await who("nato/officer").post(f"{C}/contacts", spaced, key=f'"{key}"')
    assert (201, 201, first.body) == (first.status, second.status, second.body)
    assert ("Idempotent-Replayed" in first.headers, second.headers["Idempotent-Replayed"]) == (
        False,
        "true",
    )
    assert first.headers["ETag"] == second.headers["ETag"]


async def test_of_many_posts_with_one_key_one_is_recorded(who: Who) -> None:
    key = new_key()
    answers = await asyncio.gather(
        *(who("nato/officer").post(f"{C}/contacts", NOTE, key=key) for _ in range(20))
    )
    assert {201} == {answer.status for answer in answers}
    assert len({answer.body for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1


async def test_of_many_closures_on_one_etag_one_is_recorded(who: Who) -> None:
    opened = await who("nato/officer").open(NOTE)
    exchange, etag = opened.json["exchange"], opened.headers["ETag"]
    answers = await asyncio.gather(
        *(who("nato/officer").act(exchange, {"act": "closure"}, If_Match=etag) for _ in range(10))
    )
    assert sum(answer.status == 201 for answer in answers) == 1
    assert {201, 412, 422} >= {answer.status for answer in answers}


async def test_acknowledgements_of_both_officers_racing_are_both_recorded(who: Who) -> None:
    exchange = (await who("nato/duty_officer").open(INCIDENT)).json["exchange"]
    answers = await asyncio.gather(
        *(
            who(f"china/{role}").act(exchange, {"act": "acknowledgement"})
            for role in ("officer", "duty_officer") * 2
        )
    )
    assert {201} == {answer.status for answer in answers}
    view = (await who("nato/officer").get(f"{C}/exchanges/{exchange}")).json
    assert (
        min(answer.json["position"] for answer in answers)
        == view["state"]["messages"][0]["acknowledged"]["china"]["position"]
    )


# Reading


async def test_what_was_posted_is_read_at_once(who: Who) -> None:
    for _ in range(5):
        opened = (await who("nato/officer").open(NOTE)).json
        answer = await who("china/officer").get(
            f"{C}/exchanges", Dragoman_Min_Position=str(opened["position"])
        )
        assert opened["exchange"] == answer.json["exchanges"][0]["id"]
        assert opened["position"] <= int(answer.headers["Dragoman-Position"])


async def test_delivered_acknowledged_and_answered_are_three_facts(who: Who) -> None:
    exchange = (await who("nato/officer").open(NOTE)).json["exchange"]

    async def fact() -> dict[str, Any]:
        view = (await who("nato/officer").get(f"{C}/exchanges/{exchange}")).json
        return next(f for f in view["facts"] if (f["message"], f["side"]) == (exchange, "china"))

    assert [(await fact()).get(name) for name in ("delivered", "acknowledged", "answered")] == [
        None
    ] * 3
    lines = (
        await who("china/duty_officer").get(f"{C}/records", Accept="application/x-ndjson")
    ).body.splitlines()
    assert lines
    async with asyncio.timeout(PATIENCE_S):
        while not (await fact()).get("delivered"):
            await asyncio.sleep(0.1)
    seen = await fact()
    assert (bool(seen.get("delivered")), seen.get("acknowledged"), seen.get("answered")) == (
        True,
        None,
        None,
    )
    await who("china/officer").act(exchange, {"act": "acknowledgement"})
    seen = await fact()
    assert (bool(seen.get("acknowledged")), seen.get("answered")) == (True, None)
    await who("china/officer").act(exchange, {"act": "reply", "text": "Agreed."})
    assert (await fact())["answered"]


async def test_the_past_stays_readable(who: Who) -> None:
    opened = await who("nato/officer").open(NOTE)
    exchange, at = opened.json["exchange"], opened.json["position"]
    officer = who("nato/officer")
    before = (await officer.get(f"{C}/state?at={at}")).json
    await officer.act(
        exchange,
        {"act": "correction", "reason": "x", "fields": {"text": "Other."}},
        If_Match=opened.headers["ETag"],
    )
    await who("china/officer").act(exchange, {"act": "acknowledgement"})
    past, now = (
        (await officer.get(f"{C}/exchanges/{exchange}?at={at}")).json,
        (await officer.get(f"{C}/exchanges/{exchange}")).json,
    )
    assert (NOTE["text"], "Other.") == (
        past["state"]["content"]["text"],
        now["state"]["content"]["text"],
    )
    assert (past["state"].get("corrections", []), len(now["state"]["corrections"])) == ([], 1)
    assert {
        "content.text": now["state"]["corrections"][0]["corrected"]["position"],
        "content.form": at,
    } == {name: now["blame"][name] for name in ("content.text", "content.form")}
    assert at == next(entry["position"] for entry in now["timeline"])
    again = (await officer.get(f"{C}/state?at={at}")).json
    assert before["digest"] == again["digest"]
    assert {(c["family"], c["status"]): c["exchanges"] for c in before["counts"]} == {
        (c["family"], c["status"]): c["exchanges"] for c in again["counts"]
    }
    assert [row["id"] for row in before["unacknowledged"]] == [
        row["id"] for row in again["unacknowledged"]
    ]
    (await officer.get(f"{C}/exchanges/{exchange}?at={at - 1}")).problem(404, "not-found")


async def test_a_list_is_narrowed_and_paged(who: Who) -> None:
    officer = who("china/officer")
    for _ in range(7):
        await officer.open(NOTE)
    seen: list[str] = []
    path: str | None = f"{C}/exchanges?family=contact&limit=3"
    while path:
        answer = await officer.get(path)
        rows = answer.json["exchanges"]
        assert len(rows) <= 3
        assert {"contact"} == {row["family"] for row in rows}
        seen += [row["id"] for row in rows]
        link = answer.headers.get("Link", "")
        path = link[1 : link.index(">")] if link else None
    whole = (await officer.get(f"{C}/exchanges?family=contact")).json["exchanges"]
    assert [row["id"] for row in whole] == seen
    assert len(set(seen)) == len(seen)
    by_number = (await officer.get(f"{C}/exchanges?number={whole[0]['number']}")).json["exchanges"]
    assert [whole[0]["id"]] == [row["id"] for row in by_number]
    assert (await officer.get(f"{C}/exchanges?status=declined&act=contact-note")).json[
        "exchanges"
    ] == []


@pytest.mark.parametrize(
    "query", ["联络", "联络官", "réunion", "reunion", "Überflug counterpiracy"]
)
async def test_search_finds_words_in_every_script(who: Who, query: str) -> None:
    opened = (
        await who("nato/officer").open(
            {**NOTE, "text": "Réunion avec 联络官 über Überflug and counterpiracy."}
        )
    ).json
    rows = (await who("china/officer").get(f"{C}/exchanges?q={query}")).json["exchanges"]
    assert opened["exchange"] in [row["id"] for row in rows]
    assert (await who("china/officer").get(f"{C}/exchanges?q={query} nowhere-at-all")).json[
        "exchanges"
    ] == []


@pytest.mark.parametrize("query", ['"', "'", "*", "a AND", "NEAR(", "words:x", "-x", "(", "%"])
async def test_search_takes_any_text(who: Who, query: str) -> None:
    assert (
        await who("china/officer").call("GET", f"{C}/exchanges?q={query.replace('%', '%25')}")
    ).status == 200


async def test_a_list_is_also_csv_and_ndjson(who: Who) -> None:
    await who("nato/officer").open({**NOTE, "subject": "=HYPERLINK(1)"})
    text = (await who("nato/officer").get(f"{C}/exchanges", Accept="text/csv")).body.decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["subject"] == "'=HYPERLINK(1)"
    lines = (
        await who("nato/officer").get(f"{C}/exchanges", Accept="application/x-ndjson")
    ).body.splitlines()
    assert [row["id"] for row in rows] == [json.loads(line)["id"] for line in lines]
    (await who("nato/officer").get(f"{C}/exchanges", Accept="image/png")).problem(
        406, "not-acceptable"
    )


async def test_a_list_counts_what_it_could_be_narrowed_to(who: Who) -> None:
    officer = who("nato/officer")
    last = (await officer.open(NOTE)).json["position"]
    whole = (
        await officer.get(f"{C}/exchanges?facets=true&limit=1", Dragoman_Min_Position=str(last))
    ).json
    assert (
        whole["facets"]["count"]
        == sum(whole["facets"]["family"].values())
        > len(whole["exchanges"])
        == 1
    )
    for column, kinds in whole["facets"].items():
        for kind, count in kinds.items() if column not in ("count", "side") else ():
            narrowed = (await officer.get(f"{C}/exchanges?{column}={kind}&facets=true")).json[
                "facets"
            ]
            assert (narrowed["count"], narrowed[column]) == (count, {kind: count})
    found = (await officer.get(f"{C}/exchanges?facets=true&q=reception")).json["facets"]
    assert 0 < found["count"] <= whole["facets"]["count"] and set(found["act"]) == {"contact-note"}
    assert "facets" not in (await officer.get(f"{C}/exchanges")).json
    (await officer.get(f"{C}/exchanges?facets=true&overdue=any")).problem(400, "bad-request")


async def test_a_state_says_how_old_it_is(who: Who) -> None:
    answer = await who("nato/auditor").get(f"{C}/state")
    assert answer.json["live"]
    assert answer.headers["Dragoman-As-Of"]
    assert "Dragoman-Stale" not in answer.headers
    assert answer.json["custody"] == "host"


# Live


async def events(
    caller: Caller,
    count: int,
    path: str = f"{C}/records",
    kind: bytes = b"record",
    begun: asyncio.Event | None = None,
    /,
    **headers: str,
) -> list[tuple[int, dict[str, Any]]]:
    """The first events of a stream."""
    sent = {
        **caller.headers,
        "Accept": "text/event-stream",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    found: list[tuple[int, dict[str, Any]]] = []
    async with caller.session.get(caller.service.base_url + path, headers=sent) as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
        if begun is not None:
            begun.set()
        position, event = 0, b""
        async for line in response.content:
            if line.startswith(b"event: "):
                event = line[7:].strip()
            elif line.startswith(b"id: "):
                position = int(line[4:])
            elif line.startswith(b"data: ") and event == kind:
                found.append((position, json.loads(line[6:])))
                if len(found) == count:
                    break
    return found


async def test_the_other_side_sees_a_post_live(who: Who) -> None:
    begun = asyncio.Event()
    watching = asyncio.create_task(
        events(who("china/duty_officer"), 1, f"{C}/records", b"record", begun)
    )
    await begun.wait()
    opened = (await who("nato/duty_officer").open({**INCIDENT, "precedence": "flash"})).json
    ((position, entry),) = await asyncio.wait_for(watching, PATIENCE_S)
    assert (opened["position"], opened["number"], True) == (
        position,
        entry["number"],
        entry["valid"],
    )
    assert INCIDENT["facts"] == entry["record"]["data"]["facts"]


async def test_a_stream_resumes_after_the_last_event_without_a_gap(who: Who) -> None:
    for _ in range(3):
        last = (await who("nato/officer").open(NOTE)).json["position"]
    writing = asyncio.create_task(_keep_posting(who("nato/officer"), 20))
    found = await asyncio.wait_for(
        events(who("china/officer"), 15, Last_Event_ID=str(last - 3)), PATIENCE_S
    )
    await writing
    assert list(range(last - 2, last + 13)) == [position for position, _ in found]
    assert [position for position, _ in found] == [entry["position"] for _, entry in found]


async def test_an_inbox_begins_with_what_waits_and_goes_on_with_what_concerns_the_side(
    who: Who,
) -> None:
    nato, china = who("nato/duty_officer"), who("china/officer")
    opened = (await nato.open(NOTE)).json
    position = {"Dragoman_Min_Position": str(opened["position"])}
    waiting = (await china.get(f"{C}/inbox", **position)).json["exchanges"]
    assert waiting and all(
        {"china"} & {*each.get("unacknowledged_by", ()), *each.get("unanswered_by", ())}
        for each in waiting
    )
    assert opened["exchange"] in {each["id"] for each in waiting}
    first = await asyncio.wait_for(inbox(china, len(waiting)), PATIENCE_S)
    assert {each["id"] for _, each in first} == {each["id"] for each in waiting}
    listening = asyncio.create_task(inbox(china, 2, Last_Event_ID=str(opened["position"])))
    await asyncio.sleep(0.2)
    other = (await nato.open(INCIDENT)).json
    acknowledged = (await china.act(opened["exchange"], {"act": "acknowledgement"})).json
    found = await asyncio.wait_for(listening, PATIENCE_S)
    assert [(at, each["id"]) for at, each in found] == [
        (other["position"], other["exchange"]),
        (acknowledged["position"], opened["exchange"]),
    ]
    assert "china" not in found[1][1].get("unacknowledged_by", ())
    resumed = await asyncio.wait_for(
        inbox(china, 1, Last_Event_ID=str(other["position"])), PATIENCE_S
    )
    assert [(at, each["id"]) for at, each in resumed] == [
        (acknowledged["position"], opened["exchange"])
    ]


async def inbox(caller: Caller, count: int, **headers: str) -> list[tuple[int, dict[str, Any]]]:
    return await events(caller, count, f"{C}/inbox", b"exchange", **headers)


async def _keep_posting(caller: Caller, count: int) -> None:
    for _ in range(count):
        await caller.open(NOTE)


async def test_records_from_the_first_are_the_whole_log(who: Who) -> None:
    lines = (
        await who("nato/auditor").get(f"{C}/records", Accept="application/x-ndjson")
    ).body.splitlines()
    entries = [json.loads(line) for line in lines]
    assert list(range(1, len(entries) + 1)) == [entry["position"] for entry in entries]
    assert entries[0]["record"]["data"]["act"] == "channel-opening"
    one = (await who("nato/auditor").get(f"{C}/records/5")).body
    assert bytes(msgspec.json.decode(lines[4], type=dict[str, msgspec.Raw])["record"]) == one
    part = (
        await who("nato/auditor").get(f"{C}/records?from=3", Accept="application/x-ndjson")
    ).body.splitlines()
    assert lines[2:10] == part[:8]


# Officers and tokens


async def test_an_administrator_enters_an_officer_who_can_act_until_revoked(who: Who) -> None:
    admin, operator = who("nato/administrator"), who("operator")
    name = f"o-{new_key()[:8]}"
    entered = await admin.post(
        f"{C}/channel",
        {"act": "officer", "officer": name, "office": "geneva", "roles": ["officer"]},
    )
    assert entered.status == 201, entered.body
    record = json.loads((await admin.get(f"{C}/records/{entered.json['position']}")).body)
    assert (record["attestation"], record["actor"]) == ("author", "nato/adm-1")
    issued = await operator.call("POST", "/v1/tokens", {"actor": f"nato/{name}"})
    assert issued.status == 201, issued.body
    theirs = {"Authorization": f"Bearer {issued.json['token']}"}
    posted = await who("").call("POST", f"{C}/contacts", NOTE, Idempotency_Key=new_key(), **theirs)
    assert posted.status == 201, posted.body
    assert (
        json.loads((await admin.get(f"{C}/records/{posted.json['position']}")).body)["source"]
        == "/sides/nato/offices/geneva"
    )
    revoked = await admin.post(f"{C}/channel", {"act": "officer-revocation", "officer": name})
    assert revoked.status == 201, revoked.body
    after = await who("").call("POST", f"{C}/contacts", NOTE, Idempotency_Key=new_key(), **theirs)
    after.problem(404, "not-found")


async def test_entering_an_officer_twice_with_one_key_is_once(who: Who) -> None:
    admin, key, name = who("china/administrator"), new_key(), f"a-{new_key()[:8]}"
    body = {"act": "officer", "officer": name, "office": "beijing", "roles": ["administrator"]}
    first = await admin.post(f"{C}/channel", body, key=key)
    await who("nato/officer").open(NOTE)
    second = await admin.post(f"{C}/channel", body, key=key)
    assert (201, 201, first.body) == (first.status, second.status, second.body)
    (await admin.post(f"{C}/channel", {**body, "office": "shanghai"}, key=key)).problem(
        422, "key-reused"
    )


async def test_a_new_administrator_can_sign(who: Who) -> None:
    admin, name = who("china/administrator"), f"a-{new_key()[:8]}"
    await admin.post(
        f"{C}/channel",
        {"act": "officer", "officer": name, "office": "beijing", "roles": ["administrator"]},
    )
    issued = await who("operator").call("POST", "/v1/tokens", {"actor": f"china/{name}"})
    theirs = {"Authorization": f"Bearer {issued.json['token']}"}
    body = {"act": "officer", "officer": f"o-{name}", "office": "beijing", "roles": ["officer"]}
    answer = await who("").call("POST", f"{C}/channel", body, Idempotency_Key=new_key(), **theirs)
    assert answer.status == 201, answer.body


async def test_a_revoked_token_gives_nothing(who: Who) -> None:
    operator = who("operator")
    issued = (
        await operator.call(
            "POST",
            "/v1/tokens",
            {"actor": "nato/o-1", "channels": ["nato-china"], "label": "laptop"},
        )
    ).json
    theirs = {"Authorization": f"Bearer {issued['token']}"}
    assert (await who("").get("/v1/me", **theirs)).json["channels"] == ["nato-china"]
    listed = (await operator.get("/v1/tokens")).json["tokens"]
    assert issued["id"] in [token["id"] for token in listed]
    assert issued["token"] not in json.dumps(listed)
    assert (await operator.call("DELETE", f"/v1/tokens/{issued['id']}")).status == 204
    (await who("").get("/v1/me", **theirs)).problem(401, "unauthenticated")
    (await operator.call("DELETE", f"/v1/tokens/{issued['id']}")).problem(404, "not-found")


async def test_a_token_is_not_issued_to_nobody(who: Who) -> None:
    (await who("operator").call("POST", "/v1/tokens", {"actor": "nato/nobody"})).problem(
        422, "invalid"
    )
    several = (await who("operator").call("POST", "/v1/tokens", {"actor": "nato/o-1"})).problem(
        422, "invalid"
    )
    assert [each["pointer"] for each in several["errors"]] == ["/channels"], (
        "an officer of that name elsewhere may be somebody else"
    )
    (
        await who("operator").call(
            "POST", "/v1/tokens", {"actor": "nato/o-1", "channels": ["nato-china-track2"]}
        )
    ).problem(422, "invalid")


# What a caller prefers


async def test_the_records_wait_for_the_position_that_is_asked_for(who: Who) -> None:
    nato, china = who("nato/officer"), who("china/officer")
    position = (await nato.open(NOTE)).json["position"]
    path = f"{C}/records?from={position}"
    for media in ("application/x-ndjson", "application/cloudevents-batch+json"):
        found = await china.get(path, Accept=media, Dragoman_Min_Position=str(position))
        assert found.status == 200 and NOTE["text"].encode() in found.body, media
        (await china.get(path, Accept=media, Dragoman_Min_Position="soon")).problem(
            400, "bad-request"
        )
    (
        await china.get(
            path, Accept="application/x-ndjson", Dragoman_Min_Position=str(position + 1_000)
        )
    ).problem(503, "behind")


async def test_a_post_is_answered_without_a_body_where_that_is_preferred(who: Who) -> None:
    answer = await who("nato/officer").post(f"{C}/contacts", NOTE, Prefer="return=minimal, wait=0")
    assert (answer.status, answer.body) == (201, b"")
    assert answer.headers["Preference-Applied"] == "return=minimal, wait=0"
    assert (
        answer.headers["Location"].startswith(f"{C}/exchanges/")
        and int(answer.headers["Dragoman-Position"]) > 0
    )


async def test_the_past_is_read_by_a_time_as_by_a_position(who: Who) -> None:
    reader = who("china/officer")
    first = (await who("nato/officer").open({**NOTE, "text": "The first of two."})).json
    exchange = f"{C}/exchanges/{first['exchange']}"
    while f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z" <= first["time"]:
        await asyncio.sleep(0.001)
    await who("nato/officer").act(
        first["exchange"], {"act": "cancellation", "reason": "In error."}, If_Match=first["etag"]
    )
    then = (await reader.get(f"{exchange}?at={first['time']}")).json
    assert (then["position"], then["state"]["status"]) == (first["position"], "open")
    assert then["state"] == (await reader.get(f"{exchange}?at={first['position']}")).json["state"]
    assert (await reader.get(f"{C}/state?at={first['time']}")).json["position"] == first["position"]
    (await reader.get(f"{exchange}?at=9999-01-01T00:00:00Z")).problem(400, "bad-request")
    (await reader.get(f"{C}/state?at=2020-01-01T00:00:00Z")).problem(404, "not-found")
    for wrong in ("yesterday", "2026-13-01T00:00:00Z", "-1", "999999999"):
        (await reader.get(f"{C}/state?at={wrong}")).problem(400, "bad-request")


async def test_large_answers_are_compressed_for_who_accepts_it(who: Who) -> None:
    for _ in range(8):
        await who("nato/officer").open({**NOTE, "text": "Much was said of this and that. " * 80})
    plain = await who("china/officer").get(f"{C}/reports/period", Accept_Encoding="identity")
    small = await who("china/officer").get(f"{C}/reports/period", Accept_Encoding="gzip")
    assert "Content-Encoding" not in plain.headers and small.headers["Content-Encoding"] == "gzip"
    assert plain.headers["Vary"] == small.headers["Vary"] == "Accept-Encoding"
    assert plain.json.keys() == small.json.keys() and len(plain.body) >= 16 * 1024
    assert (
        "Content-Encoding"
        not in (await who("china/officer").get("/v1/me", Accept_Encoding="gzip")).headers
    )


async def test_what_warns_is_given_as_a_cap_alert(who: Who) -> None:
    opened = (await who("nato/duty_officer").open(INCIDENT)).json
    reader, exchange = who("china/duty_officer"), f"{C}/exchanges/{opened['exchange']}"
    answer = await reader.get(exchange, Accept="application/cap+xml")
    assert answer.headers["Content-Type"] == "application/cap+xml; charset=utf-8"
    assert f"<identifier>{opened['number']}</identifier>".encode() in answer.body
    note = (await who("nato/officer").open(NOTE)).json["exchange"]
    (await reader.get(f"{C}/exchanges/{note}", Accept="application/cap+xml")).problem(
        406, "not-acceptable"
    )
    assert (await reader.get(exchange, Accept="application/cap+xml;q=0.5, application/json")).json[
        "state"
    ]["number"] == opened["number"]


async def test_a_channel_has_a_calendar(who: Who) -> None:
    window = {"from": "2030-05-06T08:00Z", "to": "2030-05-06T10:00Z"}
    await who("nato/officer").open(
        {"act": "meeting-request", "purpose": "To be found in a calendar", "windows": [window]}
    )
    answer = await who("china/officer").get(f"{C}/calendar.ics")
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert (
        b"SUMMARY:To be found in a calendar\r\n" in answer.body
        and b"DTSTART:20300506T080000Z\r\n" in answer.body
    )
    (await who("operator").get(f"{C}/calendar.ics")).problem(404, "not-found")


async def test_a_compressed_body_is_not_taken(who: Who) -> None:
    body = gzip.compress(json.dumps(NOTE).encode())
    (await who("nato/officer").post(f"{C}/contacts", body, Content_Encoding="gzip")).problem(
        415, "media-type"
    )


# The service about itself


async def test_the_openapi_document_is_valid_and_lists_every_route(who: Who) -> None:
    from openapi_spec_validator import validate  # takes a second, in each process that collects

    document = (await who("").get("/v1/openapi.json")).json
    validate(document)
    assert {
        "/v1/channels/{channel}/state",
        "/readyz",
        "/healthz",
        "/v1/tokens/{id}",
        "/v1/channels/{channel}/{family}",
    } <= document["paths"].keys()
    refused = document["paths"]["/v1/channels/{channel}/exchanges/{exchange}/acts"]["post"][
        "responses"
    ]
    assert {
        "400",
        "401",
        "403",
        "404",
        "409",
        "410",
        "412",
        "413",
        "415",
        "422",
        "428",
        "503",
    } <= refused.keys()
    described = refused["412"]["content"]["application/problem+json"]["schema"]
    while "$ref" in described:
        described = document["components"]["schemas"][described["$ref"].rpartition("/")[2]]
    assert "/problems/moved" in json.dumps(described)


async def test_the_asyncapi_document_names_the_subjects_and_the_stream(who: Who) -> None:
    document = (await who("").get("/v1/asyncapi.json")).json
    assert document["channels"]["log"]["address"] == "dragoman.v1.{channel}.{family}.{exchange}"
    assert document["channels"]["records"]["messages"].keys() == {"entry", "alarm"}


async def test_it_says_whether_it_may_be_used(who: Who) -> None:
    assert (await who("").get("/livez")).json["status"] == "ok"
    for path in ("/readyz", "/healthz"):
        async with asyncio.timeout(PATIENCE_S):  # on a busy machine a check fails for a moment
            while not all(check["ok"] for check in (await who("").get(path)).json["checks"]):
                await asyncio.sleep(0.5)
        answer = await who("").get(path)
        assert answer.status == 200, answer.body
        assert "degraded" not in answer.json


@pytest.mark.process
async def test_logs_carry_ids_and_no_secrets(who: Who, process: Service) -> None:
    marker = f"unheard-of-{new_key()}"
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await who("nato/officer").post(
        f"{C}/contacts", {**NOTE, "text": marker}, X_Request_Id="my-request-1", traceparent=parent
    )
    (line,) = await process.said(lambda line: line.get("request_id") == "my-request-1")
    text = process.log.read_text()
    assert (line["event"], line["trace_id"]) == ("request", "0af7651916cd43dd8448eb211c80319c")
    assert (line["actor"], line["status"], line["act"]) == ("nato/o-1", 201, "contact-note")
    assert marker not in text
    service_lines = "\n".join(line for line in text.splitlines() if line.startswith("{"))
    assert not any(
        token in service_lines for token in [*process.demo["tokens"].values(), process.operator]
    )


@pytest.mark.process
async def test_the_trace_travels_in_the_headers_of_the_message(who: Who, process: Service) -> None:
    from dragoman.eventlog.broker import BrokerEndpoint
    from dragoman.eventlog.nats_connection import connected

    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    posted = await who("nato/officer").post(
        f"{C}/contacts", NOTE, traceparent=parent, X_Request_Id="my-request-2"
    )
    nats_url = json.loads((process.data / "server.json").read_text())["nats_url"]
    async with connected(
        nats_url, "auditor", BrokerEndpoint(nats_url, "", process.data / "keys").seed("auditor")
    ) as bus:
        (message,) = await bus.fetch(
            "DRAGOMAN_LOG_NATO-CHINA", "dragoman.v1.nato-china.>", posted.json["position"], 1
        )
    assert message.headers is not None
    assert "4bf92f3577b34da6a3ce929d0e0e4736" in message.headers["traceparent"]
    assert message.headers["tracestate"] == "dragoman=my-request-2"


async def test_an_open_stream_ends_with_its_token(who: Who) -> None:
    operator = who("operator")
    issued = (
        await operator.call(
            "POST", "/v1/tokens", {"actor": "china/o-1", "channels": ["nato-china"]}
        )
    ).json
    headers = {"Authorization": f"Bearer {issued['token']}", "Accept": "text/event-stream"}
    caller = who("")
    async with caller.session.get(
        f"{caller.service.base_url}{C}/records", headers=headers
    ) as response:
        await operator.call("DELETE", f"/v1/tokens/{issued['id']}")
        opened = (await who("nato/officer").open(NOTE)).json
        async with asyncio.timeout(PATIENCE_S):
            rest = await response.content.read()
    assert f"id: {opened['position']}".encode() not in rest
