"""The watch through the running service: what must not wait is seen, heard and repeated."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from beside import enter, named
from patience import PATIENCE_S
from samples import act
from service import INCIDENT, Caller, Gateway

Who = Callable[[str], Caller]
C = "/v1/channels/nato-china"
FLASH = {**INCIDENT, "precedence": "flash"}


async def alarms(caller: Caller, count: int, exchange: str) -> list[dict[str, Any]]:
    """The first alarms of a stream about an exchange."""
    found: list[dict[str, Any]] = []
    headers = {**caller.headers, "Accept": "text/event-stream"}
    async with caller.session.get(
        f"{caller.service.base_url}{C}/records", headers=headers
    ) as response:
        event = b""
        async for line in response.content:
            if line.startswith(b"event: "):
                event = line[7:].strip()
            elif line.startswith(b"data: ") and event == b"alarm":
                alarm = json.loads(line[6:])
                if alarm["exchange"] == exchange:
                    found.append(alarm)
                if len(found) == count:
                    break
    return found


async def test_an_open_stream_hears_a_flash_until_it_is_acknowledged(who: Who) -> None:
    opened = (await who("nato/duty_officer").open(FLASH)).json
    (heard,) = await asyncio.wait_for(
        alarms(who("china/duty_officer"), 1, opened["exchange"]), PATIENCE_S
    )
    assert (heard["alarm"], heard["side"], heard["number"], heard["reaches"]) == (
        "flash_unacknowledged",
        "china",
        opened["number"],
        ["duty_officer"],
    )
    (waited,) = await asyncio.wait_for(
        alarms(who("nato/officer"), 1, opened["exchange"]), PATIENCE_S
    )
    assert waited["detail"].startswith("no acknowledgement by china yet")
    for name in ("china/head_of_office", "china/auditor"):  # not yet, and never
        listening = asyncio.create_task(alarms(who(name), 1, opened["exchange"]))
        await asyncio.sleep(1.5)
        assert not listening.done()
        listening.cancel()
    await who("china/duty_officer").act(opened["exchange"], {"act": "acknowledgement"})
    watched = (await who("china/officer").get(f"{C}/watch")).json
    assert opened["exchange"] not in [alarm.get("exchange") for alarm in watched["alarms"]]


async def test_the_sender_of_a_flash_sees_whom_to_ring_next(who: Who) -> None:
    person, deputy = [named(await enter(who("china/officer"))) for _ in range(2)]
    body = act(
        "point-of-contact",
        hours="24x7",
        role="Crisis cell",
        valid_from="2026-01-01T00:00Z",
        person=person,
        deputy=deputy,
    )
    draft = (await who("china/officer").post(f"{C}/drafts", {"act": body})).json
    point = await who("china/head_of_office").call(
        "POST", f"{C}/drafts/{draft['id']}/release", If_Match=draft["etag"]
    )
    opened = (await who("nato/duty_officer").open(FLASH)).json
    path = f"{C}/exchanges/{opened['exchange']}"
    tried = {
        "act": "call-attempt",
        "side": "china",
        "post": "Crisis cell",
        "means": "telephone",
        "outcome": "no_answer",
    }
    for attempts in (0, 1):
        view = (await who("nato/duty_officer").get(path)).json
        (call,) = (
            each
            for each in view["next_calls"]
            if each["point"]["exchange"] == point.json["exchange"]
        )
        assert (call.get("tried", 0), call["point"]["there_now"], call["point"]["means"]) == (
            attempts,
            True,
            ["telephone", "e-mail"],
        )
        assert (await who("nato/duty_officer").act(opened["exchange"], tried)).status == 201
    await who("china/duty_officer").act(opened["exchange"], {"act": "acknowledgement"})
    assert "next_calls" not in (await who("nato/duty_officer").get(path)).json
    points = (await who("nato/officer").get(f"{C}/points-of-contact")).json["points"]
    (shown,) = (each for each in points if each["exchange"] == point.json["exchange"])
    assert (shown["side"], shown["stage"], shown["role"]) == ("china", "in_force", "Crisis cell")


async def test_what_is_overdue_is_listed_for_the_side_that_owes_it(who: Who) -> None:
    incident = act("hazardous-incident", next_update="2026-01-01T00:00Z")
    opened = (await who("nato/duty_officer").open(incident)).json
    rows = {
        side: [
            row["id"]
            for row in (await who("china/officer").get(f"{C}/exchanges?overdue={side}")).json[
                "exchanges"
            ]
        ]
        for side in ("any", "nato", "china")
    }
    assert [opened["exchange"] in rows[side] for side in ("any", "nato", "china")] == [
        True,
        True,
        False,
    ]
    for nobody in ("ANY", "osce", "nat0", "%00"):
        (await who("china/officer").get(f"{C}/exchanges?overdue={nobody}")).problem(
            400, "bad-request"
        )


def test_a_watch_is_taken_and_handed_over_on_the_command_line(own: Gateway, tmp_path: Any) -> None:
    token = tmp_path / "token"
    token.write_text(own.token("nato/duty_officer"))
    to = ("--channel", "nato-china", "--token-file", str(token))
    own.run("watch", "take", *to)
    shown = json.loads(own.run("watch", "show", "--json", *to).stdout)
    (mine,) = (side for side in shown["sides"] if side["side"] == "nato")
    assert mine["officer"].startswith("nato/")
    assert "MANNED SINCE" in own.run("watch", "show", *to).stdout
    itself = own.run("watch", "hand-over", mine["officer"], *to, check=None)
    assert (itself.returncode != 0, itself.stdout) == (True, ""), (
        "nothing is written where nothing is handed over"
    )
    assert "has the watch already" in itself.stderr
    handed = own.run(
        "watch", "hand-over", "nato/h-1", "--note", "Mind the northern line.", *to
    ).stdout
    assert "nato" in handed, "the turn-over note has written itself"
    shown = json.loads(own.run("watch", "show", "--json", *to).stdout)
    (mine,) = (side for side in shown["sides"] if side["side"] == "nato")
    assert (mine["officer"], mine["note"]) == ("nato/h-1", "Mind the northern line."), (
        "in the log stands what the officer added"
    )
    again = own.run("report", "turn-over", "--at", mine["turn_over"].rpartition("=")[2], *to).stdout
    assert again.partition("\n")[0] == handed.partition("\n")[0], "it writes itself again"
    own.run("watch", "hand-over", *to)
    shown = json.loads(own.run("watch", "show", "--json", *to).stdout)
    assert "watch_unmanned" in [
        alarm["alarm"] for alarm in shown["alarms"] if alarm.get("side") == "nato"
    ]
