"""Attempts of a hostile reader, a careless poster or a broken disk. Each one was once possible."""

import asyncio
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from patience import PATIENCE_S
from service import INCIDENT, NOTE, Caller, Gateway, Service, new_key

Who = Callable[[str], Caller]
C = "/v1/channels/nato-china"
TRACK2 = "/v1/channels/nato-china-track2"


@pytest.mark.parametrize(
    "query", ["from=-1000", "from=-1099511627776", "after=-2", "after=-1099511627777"]
)
@pytest.mark.parametrize("media", ["application/x-ndjson", "text/event-stream"])
async def test_no_position_leads_into_another_channel(who: Who, query: str, media: str) -> None:
    (await who("group-a/officer").get(f"{TRACK2}/records?{query}", Accept=media)).problem(
        400, "bad-request"
    )


async def test_a_channels_records_are_its_own(who: Who) -> None:
    for query in ("", "?from=1", "?from=0", "?after=0"):
        lines = (
            await who("group-a/officer").get(
                f"{TRACK2}/records{query}", Accept="application/x-ndjson"
            )
        ).body.splitlines()
        assert {json.loads(line)["record"]["channel"] for line in lines} == {"nato-china-track2"}


async def test_a_position_beyond_the_end_is_said_to_be(who: Who) -> None:
    answer = await who("nato/officer").get(
        f"{C}/records", Accept="text/event-stream", Last_Event_ID="99999999"
    )
    answer.problem(503, "behind")


@pytest.mark.parametrize("number", ["²", "٣", "1" * 30, "-1", "1.0", "%00"])
async def test_a_number_is_ascii_digits(who: Who, number: str) -> None:
    officer = who("nato/officer")
    assert (await officer.get(f"{C}/records/{number}")).status == 404
    (await officer.get(f"{C}/exchanges?cursor={number}")).problem(400, "bad-request")
    assert (await officer.get(f"{C}/exchanges?q={number}")).status == 200


@pytest.mark.parametrize(
    "asked",
    [
        "family=notifications",
        "act=notifie",
        "status=closedd",
        "side=natoo",
        "area=maritim",
        "overdue=all",
        "limit=0",
        "cursor=next",
    ],
)
async def test_a_filter_that_can_leave_nothing_is_a_slip(who: Who, asked: str) -> None:
    name = asked.partition("=")[0]
    assert (
        name
        in (await who("nato/officer").get(f"{C}/exchanges?{asked}")).problem(400, "bad-request")[
            "detail"
        ]
    )
    assert (
        await who("nato/officer").get(
            f"{C}/exchanges?family=&act=&status=&side=&area=&overdue=&cursor="
        )
    ).status == 200


@pytest.mark.parametrize("office", ["hq\n", "\nhq", "hq\u2028", "HQ", "a b", ""])
async def test_a_name_holds_nothing_but_a_name(who: Who, office: str) -> None:
    body = {
        "act": "officer",
        "officer": f"o-{new_key()[:8]}",
        "office": office,
        "roles": ["officer"],
    }
    (await who("nato/administrator").post(f"{C}/channel", body)).problem(422, "invalid-act")


@pytest.mark.parametrize("change", [{"subject": {}}, {"facts": {}}, {"text": {}}])
async def test_a_text_in_no_language_is_no_text(who: Who, change: dict[str, Any]) -> None:
    (await who("nato/duty_officer").post(f"{C}/notifications", {**INCIDENT, **change})).problem(
        422, "invalid-act"
    )


@pytest.mark.parametrize("tag", ['W/"{}"', "{}", '"{}", "{}"', '"nonsense"'])
async def test_an_etag_is_one_strong_one(who: Who, tag: str) -> None:
    opened = await who("nato/officer").open(NOTE)
    value = tag.replace("{}", opened.headers["ETag"].strip('"'))
    (
        await who("nato/officer").act(opened.json["exchange"], {"act": "closure"}, If_Match=value)
    ).problem(400, "bad-request")
    (
        await who("nato/officer").act(opened.json["exchange"], {"act": "closure"}, If_Match="*")
    ).problem(428, "precondition-required")


async def test_health_names_no_channel(who: Who) -> None:
    for path in ("/readyz", "/healthz"):
        assert b"nato" not in (await who("").get(path)).body


async def test_a_token_is_revoked_by_its_whole_id(who: Who) -> None:
    operator = who("operator")
    issued = (
        await operator.call("POST", "/v1/tokens", {"actor": "nato/o-1", "channels": ["nato-china"]})
    ).json
    for part in (issued["id"][:1], issued["id"][:-1]):
        (await operator.call("DELETE", f"/v1/tokens/{part}")).problem(404, "not-found")
    assert (await operator.call("DELETE", f"/v1/tokens/{issued['id']}")).status == 204


@pytest.mark.parametrize(
    "following",
    [
        "//evil.example/",
        "/\t/evil.example",
        "/\\evil.example",
        "https://evil.example/",
        "/%09/evil",
    ],
)
async def test_signing_in_leads_nowhere_else(who: Who, demo: Gateway, following: str) -> None:
    caller = who("")
    form = {"token": demo.token("nato/officer"), "next": following}
    async with caller.session.post(
        f"{demo.base_url}/sign-in", data=form, allow_redirects=False
    ) as response:
        assert response.status == 303
        assert response.headers["Location"] in ("/", "/%09/evil")


async def test_an_officer_who_becomes_administrator_can_sign(who: Who) -> None:
    admin, name = who("nato/administrator"), f"o-{new_key()[:8]}"
    for roles in (["officer"], ["officer", "administrator"]):
        body = {"act": "officer", "officer": name, "office": "hq", "roles": roles}
        assert (await admin.post(f"{C}/channel", body)).status == 201
    issued = (await who("operator").call("POST", "/v1/tokens", {"actor": f"nato/{name}"})).json
    body = {"act": "officer", "officer": f"x-{name}", "office": "hq", "roles": ["officer"]}
    answer = await who("").call(
        "POST",
        f"{C}/channel",
        body,
        Idempotency_Key=new_key(),
        Authorization=f"Bearer {issued['token']}",
    )
    assert answer.status == 201, answer.body


async def test_an_opening_that_was_cut_off_is_completed(who: Who) -> None:
    operator, name = who("operator"), f"c-{new_key()[:8]}"
    first = {"side": "p", "officer": "d-1", "office": "x", "roles": ["duty_officer"]}
    second = {"side": "q", "officer": "adm-1", "office": "x", "roles": ["administrator"]}
    body = {"name": name, "sides": ["p", "q"], "officers": [first]}
    (await operator.call("POST", "/v1/channels", {**body, "officers": [first, first]})).problem(
        422, "invalid"
    )
    assert (await operator.call("POST", "/v1/channels", body)).status == 201
    assert (
        await operator.call("POST", "/v1/channels", {**body, "officers": [first, second]})
    ).status == 201
    (await operator.call("POST", "/v1/channels", {**body, "officers": [first, second]})).problem(
        409, "exists"
    )
    assert (
        await operator.call("POST", "/v1/tokens", {"actor": "q/adm-1", "channels": [name]})
    ).status == 201


async def test_an_auditors_replay_is_no_delivery(
    own: Gateway, session: aiohttp.ClientSession
) -> None:
    posted = (await Caller(session, own, "nato/officer").open(NOTE)).json
    for who in ("china/auditor", "china/administrator"):
        await Caller(session, own, who).get(f"{C}/records", Accept="application/x-ndjson")
    await asyncio.sleep(1.5)
    nato = Caller(session, own, "nato/officer")
    state = (await nato.get(f"{C}/state")).json
    assert [owed.get("delivered", 0) for owed in state["owed"]] == [0, 0]
    lines = (await nato.get(f"{C}/records", Accept="application/x-ndjson")).body.splitlines()
    acts = [
        entry["record"]["data"]["act"] for entry in map(json.loads, lines[posted["position"] :])
    ]
    assert "delivery" not in acts


async def test_a_page_acknowledges_what_it_showed_and_no_more(
    own: Gateway, session: aiohttp.ClientSession
) -> None:
    nato, china = Caller(session, own, "nato/duty_officer"), own.token("china/duty_officer")
    opened = await nato.open(INCIDENT)
    async with session.post(
        f"{own.base_url}/sign-in", data={"token": china, "next": "/"}, allow_redirects=False
    ) as response:
        cookie = {"Cookie": response.headers["Set-Cookie"].partition(";")[0]}
    shown = f"{own.base_url}/c/nato-china/exchanges/{opened.json['exchange']}"
    async with session.get(shown, headers=cookie) as response:
        page = await response.text()
    assert INCIDENT["facts"] in page
    assert f'name="of" value="{opened.json["id"]}"' in page
    correction = {"act": "correction", "reason": "worse", "fields": {"kind": "collision"}}
    assert (
        await nato.act(opened.json["exchange"], correction, If_Match=opened.headers["ETag"])
    ).status == 201
    form = {"exchange": opened.json["exchange"], "of": opened.json["id"], "key": new_key()}
    async with session.post(
        f"{own.base_url}/c/nato-china/acknowledge", data=form, headers=cookie, allow_redirects=False
    ) as response:
        assert response.status == 303, await response.text()
    messages = (await nato.get(f"{C}/exchanges/{opened.json['exchange']}")).json["state"][
        "messages"
    ]
    assert [bool(message.get("acknowledged")) for message in messages] == [True, False]
    async with session.get(shown, headers=cookie) as response:
        assert "worse" in await response.text()


@pytest.mark.process
async def test_a_log_that_was_replaced_while_running_is_noticed(
    own: Service, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    import shutil

    officer = Caller(session, own, "nato/officer")
    store, copy = own.data / "nats" / "jetstream", tmp_path / "older"
    own.stop()
    shutil.copytree(store, copy)
    own.start()
    officer = Caller(session, own, "nato/officer")
    assert (await officer.open(NOTE)).status == 201
    own.signal_broker(signal.SIGSTOP)
    shutil.rmtree(store)
    shutil.copytree(copy, store)
    own.signal_broker(signal.SIGKILL)
    async with asyncio.timeout(PATIENCE_S):
        while (answer := await officer.post(f"{C}/contacts", NOTE)).json[
            "type"
        ] != "/problems/read-only":
            assert answer.status == 503, answer.body
            await asyncio.sleep(0.1)
    by_the_mark = "was known to be kept: restore the broker's store from a copy"
    by_the_projection = "nothing where"
    assert by_the_mark in answer.json["detail"] or by_the_projection in answer.json["detail"]
    assert (await Caller(session, own).get("/healthz")).status == 503
    assert "log.broken" in own.log.read_text()


async def test_a_file_with_a_gap_is_never_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dragoman.eventlog.event_log import StoredMessage
    from dragoman.eventlog.memory import MemoryLog
    from dragoman.projection.projection import Projection
    from dragoman.projection.store import Store
    from dragoman.projection.writer_messages import StoreFull
    from world import NOTE as NOTE_ACT
    from world import World

    world = World()
    world.open("nato/o-1", NOTE_ACT)
    messages = [
        StoredMessage(position=n, subject="dragoman.v1.nato-china.x.y", raw=raw)
        for n, raw in enumerate(world.raws, 1)
    ]
    store = Store(tmp_path / "p.sqlite")
    projection = Projection(MemoryLog("nato-china"), store)
    projection.take(messages[:3])
    await projection.in_file()
    ask, failing = store._jobs._ask, [StoreFull("disk full")]

    def fails_once(packed: bytes) -> None:
        if failing:
            raise failing.pop()
        ask(packed)

    monkeypatch.setattr(store._jobs, "_ask", fails_once)
    projection.take(messages[3:5])
    await asyncio.sleep(0.1)
    projection.take(messages[5:])
    await projection.in_file()
    stored = store.raws("nato-china", 1, len(messages))
    assert [raw for raw, _ in stored.values()] == world.raws, (
        "what the disk did not take is written first"
    )
    assert not projection.broken
    store.close()
