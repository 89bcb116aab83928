"""Faults of the broker under the running service: nothing that was acknowledged is lost or doubled,
and reads go on.
"""

import asyncio
import signal
import time
from typing import Any

import aiohttp
import pytest

from patience import PATIENCE_S
from read_files import SIDE_BY_SIDE
from service import NOTE, Answer, Caller, Service, new_key

pytestmark = [pytest.mark.process, pytest.mark.reads(*SIDE_BY_SIDE)]

C = "/v1/channels/nato-china"


class Load:
    """Officers who post without a pause, each post tried again with its key until its outcome is
    known.
    """

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.acknowledged: dict[str, int] = {}
        self.statuses: dict[int, int] = {}
        self.pending: list[str] = []
        self.stopped = False

    async def run(self) -> None:
        """Post until stopped."""
        while not self.stopped:
            await self.one(new_key())

    async def one(self, key: str) -> None:
        """One post."""
        try:
            answer = await self.caller.post(f"{C}/contacts", {**NOTE, "text": key}, key=key)
        except (aiohttp.ClientError, TimeoutError):
            self.pending.append(key)
            await asyncio.sleep(0.05)
            return
        self.count(key, answer)

    def count(self, key: str, answer: Answer) -> None:
        """Keep what an answer says."""
        self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
        if answer.status == 201:
            self.acknowledged[answer.json["id"]] = answer.json["position"]
        else:
            assert answer.status == 503, answer.body
            assert answer.headers["Retry-After"]
            self.pending.append(key)

    async def further(self, count: int) -> None:
        """Wait until so many more are acknowledged."""
        least = len(self.acknowledged) + count
        async with asyncio.timeout(PATIENCE_S):
            while len(self.acknowledged) < least:
                await asyncio.sleep(0.01)

    async def resolve(self) -> None:
        """Try again what had no known outcome, until it has one."""
        for key in self.pending:
            for _ in range(1000):
                try:
                    answer = await self.caller.post(f"{C}/contacts", {**NOTE, "text": key}, key=key)
                except aiohttp.ClientError:
                    await asyncio.sleep(0.1)
                    continue
                if answer.status == 201:
                    self.acknowledged[answer.json["id"]] = answer.json["position"]
                    break
                assert answer.status == 503, answer.body
                await asyncio.sleep(0.1)
            else:
                raise AssertionError(key)


async def test_a_broker_killed_under_load_loses_and_doubles_nothing(
    own: Service, session: aiohttp.ClientSession
) -> None:
    load = Load(Caller(session, own, "nato/officer"))
    officers = [asyncio.create_task(load.run()) for _ in range(16)]
    for _ in range(4):
        await load.further(25)
        own.signal_broker(signal.SIGKILL)
    await load.further(25)
    load.stopped = True
    await asyncio.gather(*officers)
    await load.resolve()
    assert load.statuses[201] > 100, load.statuses
    stood = await load.caller.positions()
    assert {id: [position] for id, position in load.acknowledged.items()} == {
        id: stood.get(id, []) for id in load.acknowledged
    }
    assert (
        own.run(
            "audit", "replay", "--channel", "nato-china", "--token-file", token_file(own)
        ).returncode
        == 0
    )


async def test_a_gateway_killed_under_load_loses_and_doubles_nothing(
    own: Service, session: aiohttp.ClientSession
) -> None:
    load = Load(Caller(session, own, "nato/officer"))
    for _ in range(2):
        load.stopped = False
        officers = [asyncio.create_task(load.run()) for _ in range(8)]
        await load.further(25)
        own.process.kill()
        load.stopped = True
        await asyncio.gather(*officers)
        own.restart(signal.SIGKILL)
        await load.resolve()
        load.pending.clear()
    stood = await load.caller.positions()
    assert {id: [position] for id, position in load.acknowledged.items()} == {
        id: stood.get(id, []) for id in load.acknowledged
    }
    assert (
        own.run(
            "audit",
            "replay",
            "--from-log",
            "--channel",
            "nato-china",
            "--token-file",
            token_file(own),
        ).returncode
        == 0
    )


def token_file(service: Service) -> str:
    """A file with the auditor's token."""
    path = service.data.parent / "auditor.token"
    path.write_text(service.token("nato/auditor"))
    return str(path)


async def test_reads_go_on_while_the_broker_stands_still(
    own: Service, session: aiohttp.ClientSession
) -> None:
    officer = Caller(session, own, "nato/officer")
    before = (await officer.open(NOTE)).json
    own.signal_broker(signal.SIGSTOP)
    try:
        async with asyncio.timeout(PATIENCE_S):
            while "Dragoman-Stale" not in (await officer.get(f"{C}/state")).headers:
                await asyncio.sleep(0.1)
        await asyncio.sleep(1.5)
        answer = await officer.get(f"{C}/state")
        assert (answer.status, answer.headers["Dragoman-Stale"], answer.json["live"]) == (
            200,
            "true",
            False,
        )
        assert answer.headers["Dragoman-As-Of"] < time.strftime(
            "%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - 1)
        )
        assert (await officer.get(f"{C}/exchanges/{before['exchange']}")).status == 200
        assert (await Caller(session, own).get("/healthz")).status == 503
        ready = await Caller(session, own).get("/readyz")
        assert ready.status == 200, "no other gateway has a broker either, and this one reads on"
        assert "channels are read live" in {each["name"] for each in ready.json["degraded"]}
        key = new_key()
        refused = await officer.post(f"{C}/contacts", NOTE, key=key)
        assert refused.status == 503
        assert refused.headers["Retry-After"]
        assert refused.json["type"] in ("/problems/unavailable", "/problems/unknown-outcome")
    finally:
        own.signal_broker(signal.SIGCONT)
    again = await _until_201(officer, key)
    assert [again.json["position"]] == (await officer.positions())[again.json["id"]]
    assert (await officer.get(f"{C}/state")).json["live"]


async def _until_201(caller: Caller, key: str) -> Answer:
    for _ in range(500):
        answer = await caller.post(f"{C}/contacts", NOTE, key=key)
        if answer.status == 201:
            return answer
        assert answer.status == 503, answer.body
        await asyncio.sleep(0.2)
    raise AssertionError(answer.body)


async def test_a_post_whose_outcome_is_unknown_becomes_known_on_retry(
    own: Service, session: aiohttp.ClientSession
) -> None:
    officer = Caller(session, own, "nato/officer")
    key = new_key()
    own.signal_broker(signal.SIGSTOP)
    posting = asyncio.create_task(officer.post(f"{C}/contacts", NOTE, key=key))
    await asyncio.sleep(0.3)
    first: Any = await posting
    assert first.status == 503
    first.problem(503, "unknown-outcome")
    own.signal_broker(signal.SIGCONT)
    await asyncio.sleep(0.5)
    answers = [await _until_201(officer, key) for _ in range(2)]
    assert answers[0].body == answers[1].body
    assert len((await officer.positions())[answers[0].json["id"]]) == 1


async def test_a_live_stream_goes_on_over_a_killed_broker(
    own: Service, session: aiohttp.ClientSession
) -> None:
    officer = Caller(session, own, "nato/officer")
    headers = {**Caller(session, own, "china/officer").headers, "Accept": "text/event-stream"}
    async with session.get(f"{own.base_url}{C}/records", headers=headers) as response:
        own.signal_broker(signal.SIGKILL)
        posted = await _until_201(officer, new_key())
        async with asyncio.timeout(PATIENCE_S):
            async for line in response.content:
                if line == b"id: %d\n" % posted.json["position"]:
                    break
