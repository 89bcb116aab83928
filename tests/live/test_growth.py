"""A long exchange through a live service: what it takes of disk and memory, how much it takes from
a side, and its timeline in pages.
"""

import asyncio
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from dragoman.limits import TIMELINE_PAGE
from service import Caller, Gateway, Service, at_a_screen
from world import INCIDENT

C = "/v1/channels/nato-china"
MIB = 2**20


def taken(service: Service, position: int) -> tuple[int, int] | None:
    """The bytes of the projection's file and of the gateway's memory, once the file has a position
    and nothing is beside it.
    """
    (path,) = (service.data / "projection").glob("*.sqlite")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection, connection:
        (there,) = connection.execute(
            "SELECT max(position) FROM channels WHERE name = 'nato-china'"
        ).fetchone()
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
    connection.close()
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    (resident,) = re.findall(r"VmRSS:\s+(\d+) kB", status)
    return None if busy or there < position else (path.stat().st_size, int(resident) * 1024)


async def settled(service: Service, position: int) -> tuple[int, int]:
    async with asyncio.timeout(60):
        while (found := taken(service, position)) is None:
            await asyncio.sleep(0.05)
    return found


@pytest.mark.process
async def test_twice_the_acts_take_twice_as_much_until_a_side_has_used_its_room(
    own: Service, session: aiohttp.ClientSession
) -> None:
    officer, other = (
        Caller(session, own, "nato/duty_officer"),
        Caller(session, own, "china/duty_officer"),
    )
    opened = (await officer.open(INCIDENT)).json
    exchange = opened["exchange"]
    before = await settled(own, opened["position"])
    found = []
    for _ in range(2):
        for number in range(17):
            for caller, act in ((officer, "update"), (other, "reply")):
                text = f"{number} " + "Nothing more is known. " * 2_500
                answer = await caller.act(exchange, {"act": act, "text": text})
                assert answer.status == 201, answer.body
            await settled(
                own, answer.json["position"]
            )  # else what waits to be written, up to 64 MiB, is measured by chance
        disk, memory = await settled(own, answer.json["position"])
        found.append((disk - before[0], memory - before[1]))
    (disk_once, memory_once), (disk_twice, memory_twice) = found
    assert disk_twice <= 2.2 * disk_once, f"{disk_once:,} and {disk_twice:,} bytes on disk"
    assert memory_twice <= 2.2 * memory_once + 24 * MIB, (
        f"{memory_once:,} and {memory_twice:,} bytes in memory"
    )
    update = {"act": "update", "text": "Nothing more is known. " * 2_500}
    while (answer := await officer.act(exchange, update)).status == 201:
        pass
    answer.problem(413, "no-room")
    assert "nato has used its room in this exchange" in answer.json["detail"]
    assert (await other.act(exchange, {"act": "reply", "text": "Understood."})).status == 201
    assert (await officer.act(exchange, {"act": "acknowledgement"})).status == 201
    etag = (await officer.get(f"{C}/exchanges/{exchange}")).headers["ETag"]
    correction = {
        "act": "correction",
        "fields": {"facts": "One aircraft."},
        "reason": "Recordings.",
    }
    corrected = await officer.act(exchange, correction, If_Match=etag)
    assert corrected.status == 201
    assert (
        await officer.act(exchange, {"act": "closure"}, If_Match=corrected.json["etag"])
    ).status == 201


async def test_a_long_timeline_comes_in_pages(
    who: Callable[[str], Caller], demo: Gateway, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    officer, other = who("nato/duty_officer"), who("china/duty_officer")
    exchange = (await officer.open(INCIDENT)).json["exchange"]
    for number in range(TIMELINE_PAGE // 2 + 3):
        for caller, act in (
            (officer, {"act": "update", "text": f"Update {number}."}),
            (other, {"act": "acknowledgement"}),
        ):
            answer = await caller.act(exchange, act)
            assert answer.status == 201, answer.body
    newest = await officer.get(f"{C}/exchanges/{exchange}")
    assert len(newest.json["timeline"]) == TIMELINE_PAGE
    assert newest.json["timeline"][-1]["position"] == newest.json["state"]["updated"]["position"]
    (link,) = re.findall(r'<(.*)>; rel="next"', newest.headers["Link"])
    earlier = await officer.get(str(URL(link).relative() if URL(link).absolute else link))
    assert "Link" not in earlier.headers and "earlier" not in earlier.json
    entries = [*earlier.json["timeline"], *newest.json["timeline"]]
    assert len(entries) == 1 + 2 * (TIMELINE_PAGE // 2 + 3)
    assert [each["position"] for each in entries] == sorted({each["position"] for each in entries})
    assert entries[0]["position"] == newest.json["state"]["opened"]["position"]
    assert {**earlier.json, "timeline": [], "as_of": "", "earlier": 0} == {
        **newest.json,
        "timeline": [],
        "as_of": "",
        "earlier": 0,
    }
    (await officer.get(f"{C}/exchanges/{exchange}?cursor=x")).problem(400, "bad-request")
    token = tmp_path / "token"
    token.write_text(demo.token("nato/duty_officer"))
    lines = demo.run(
        "show", exchange, "--timeline", "--channel", "nato-china", "--token-file", str(token)
    ).stdout
    assert lines.count("update") >= TIMELINE_PAGE // 2 + 3
    cookies = await at_a_screen(session, demo, "nato/duty_officer")
    page = f"{demo.base_url}/c/nato-china/exchanges/{exchange}"
    async with session.get(page, headers=cookies) as shown:
        html = await shown.text()
    assert f"Update {TIMELINE_PAGE // 2 + 2}." in html and ">Update 0.<" not in html
    (before,) = re.findall(r'href="([^"]*before=\d+)#line"', html)
    async with session.get(demo.base_url + before, headers=cookies) as shown:
        html = await shown.text()
    assert "Update 0." in html and "newest entries" in html
