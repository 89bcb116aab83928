"""A host and two stations, each a process: what goes from one side's premises to the other's."""

import asyncio
import hashlib
import json
import time
import urllib.error
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dragoman.client import Client, KeptInOutbox, ProblemResponse, client
from patience import PATIENCE_S
from premises import CHANNEL, Premises, StationProcess
from service import INCIDENT

C = f"/v1/channels/{CHANNEL}"
NOTE: dict[str, Any] = {"act": "contact-note", "form": "conversation", "text": "Met."}
FLASH: dict[str, Any] = {**INCIDENT, "precedence": "flash"}


@pytest.fixture(scope="module")
def premises(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Premises]:
    with Premises(tmp_path_factory.mktemp("premises") / "of") as premises:
        yield premises


@pytest.fixture
def nato(premises: Premises) -> StationProcess:
    return premises.station("nato")


@pytest.fixture
def china(premises: Premises) -> StationProcess:
    return premises.station("china")


def office(station: StationProcess, role: str = "duty_officer") -> Any:
    return client(station.base_url, station.token(f"{station.side}/{role}"))


async def until(is_so: Callable[[], Any]) -> Any:
    """Wait until something is so; what it gave."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            if given := await asyncio.to_thread(is_so):
                return given
        except (urllib.error.HTTPError, KeyError):
            pass
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


def registry(premises: Premises) -> dict[str, Any]:
    token = premises.host.token("nato/auditor")
    state: dict[str, Any] = premises.host.call("GET", f"{C}/state", token=token)
    return dict(state["registry"])


async def posted(caller: Client, act: dict[str, Any]) -> Any:
    return (await caller.post(CHANNEL, act)).recorded


async def test_an_act_is_signed_by_the_station_for_its_officer(
    premises: Premises, nato: StationProcess
) -> None:
    async with office(nato) as officer:
        recorded = await posted(officer, NOTE)
    raw = premises.host.call(
        "GET", f"{C}/records/{recorded.position}", token=premises.host.token("nato/auditor")
    )
    assert raw["attestation"] == "author" and raw["data"]["signed"]["author"] == raw["actor"]
    (keyid,) = (item.partition(":")[0] for item in raw["signatures"].split())
    assert registry(premises)["keys"][keyid]["kept_by"] == "station"


async def test_a_flash_rings_at_the_other_station_and_its_receipt_comes_back(
    nato: StationProcess, china: StationProcess
) -> None:
    async with office(nato) as sender, office(china) as reader:
        rung: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def listen() -> None:
            async for event in reader.follow(CHANNEL):
                if type(event).__name__ == "Alarm" and not rung.done():
                    rung.set_result(event.exchange)

        listening = asyncio.create_task(listen())
        await asyncio.sleep(0.5)
        recorded = await posted(sender, FLASH)
        async with asyncio.timeout(PATIENCE_S):
            assert await rung == recorded.exchange
        await reader.post(CHANNEL, {"act": "acknowledgement"}, exchange=recorded.exchange)
        listening.cancel()
    seen = await until(
        lambda: nato.call(
            "GET", f"{C}/exchanges/{recorded.exchange}", token=nato.token("nato/officer")
        )["state"]["messages"][0]["acknowledged"]
    )
    assert seen["china"]["by"].startswith("china/")


async def test_what_an_open_console_has_is_delivered_by_the_word_of_its_own_station(
    premises: Premises, nato: StationProcess, china: StationProcess
) -> None:
    async with office(nato) as sender, office(china) as reader:

        async def listen() -> None:
            async for _ in reader.follow(CHANNEL):
                pass

        listening = asyncio.create_task(listen())
        await asyncio.sleep(0.5)
        recorded = await posted(sender, NOTE)
        delivered = await until(
            lambda: (
                (found := registry(premises)["delivered"]["china"])["upto"] >= recorded.position
                and found
            )
        )
        listening.cancel()
    assert delivered["recorded"]["by"] == "china/station-1"


async def test_on_a_cut_line_an_act_waits_may_be_withdrawn_and_leaves_once(
    premises: Premises, nato: StationProcess
) -> None:
    nato.wire.cut()
    await until(lambda: nato.line()["cut"])
    async with office(nato) as officer:
        with pytest.raises(KeptInOutbox) as kept:
            await officer.post(CHANNEL, {**NOTE, "text": "Waits."})
        assert kept.value.entry.state == "waiting" and not kept.value.entry.left
        with pytest.raises(KeptInOutbox) as regretted:
            await officer.post(CHANNEL, {**NOTE, "text": "Is regretted."})
        here = ("--token-file", str(nato.token_file("nato/officer")), "--channel", CHANNEL)
        listed = await asyncio.to_thread(nato.run, "outbox", "list", *here)
        assert "the line is cut" in listed.stderr and kept.value.entry.id in listed.stdout
        id = regretted.value.entry.id
        await asyncio.to_thread(nato.run, "outbox", "withdraw", id, *here)
        readable = await officer.call("GET", f"{C}/exchanges")
        assert (
            readable.status == 200 and "stale" in str(readable.headers).lower()
        ) or readable.body
    nato.wire.mend()
    await until(lambda: not nato.on_their_way())
    token = premises.host.token("nato/auditor")
    found = [
        entry["id"]
        for entry in premises.host.call("GET", f"{C}/exchanges", token=token)["exchanges"]
    ]
    assert found.count(kept.value.entry.id) == 1
    assert regretted.value.entry.id not in found


async def test_what_continues_an_act_that_waits_is_signed_once_that_is_recorded(
    nato: StationProcess,
) -> None:
    nato.wire.cut()
    await until(lambda: nato.line()["cut"])
    async with office(nato) as officer:
        with pytest.raises(KeptInOutbox) as opening:
            await officer.post(CHANNEL, {**NOTE, "text": "Opens."})
        id = opening.value.entry.id
        with pytest.raises(KeptInOutbox) as update:
            await officer.post(CHANNEL, {"act": "update", "text": "And more."}, exchange=id)
        assert update.value.entry.state == "unsigned"
    nato.wire.mend()
    await until(lambda: not nato.on_their_way())
    state = nato.call("GET", f"{C}/exchanges/{id}", token=nato.token("nato/officer"))["state"]
    assert "And more." in json.dumps(state)


async def test_a_file_and_a_person_come_to_the_other_station_and_the_host_reads_no_name(
    premises: Premises, nato: StationProcess, china: StationProcess
) -> None:
    content = b"%PDF-1.4\n" + bytes(range(256)) * 400
    digest = hashlib.sha256(content).hexdigest()
    async with office(nato) as officer, office(nato, "head_of_office") as head:
        await officer.call(
            "PUT", f"{C}/files/{digest}", content, {"Content-Type": "application/pdf"}
        )
        attachment = {
            "sha256": digest,
            "media_type": "application/pdf",
            "bytes": len(content),
            "title": "Paper",
        }
        await posted(officer, {**NOTE, "attachments": [attachment]})
        person = json.dumps({"name": "Commander Blue", "languages": ["en"]}).encode()
        key = {"Idempotency-Key": "the-first-person-of-all"}
        entry = (await officer.call("POST", f"{C}/people", person, key)).json()
        point = {
            "act": "point-of-contact",
            "role": "duty desk",
            "person": {"id": entry["id"], "commitment": entry["commitment"]},
            "institution": "Office",
            "languages": ["en"],
            "hours": "24x7",
            "channels": ["telephone"],
            "valid_from": "2026-01-01T00:00:00Z",
        }
        await head.release(CHANNEL, await officer.draft(CHANNEL, point))
    async with office(china) as reader:

        async def whole() -> bool:
            try:
                answer = await reader.call("GET", f"{C}/files/{digest}")
            except ProblemResponse:  # it is on its way
                return False
            return bool(answer.body == content)

        async with asyncio.timeout(PATIENCE_S):
            while not await whole():
                await asyncio.sleep(0.1)
    people = await until(
        lambda: china.call("GET", f"{C}/people", token=china.token("china/officer"))["people"]
    )
    assert [found["entry"]["name"] for found in people] == ["Commander Blue"]
    at_host = premises.host.call("GET", f"{C}/people", token=premises.host.token("china/officer"))[
        "people"
    ]
    assert at_host == []
    store = b"".join(path.read_bytes() for path in (premises.host.data / "nats").rglob("*.blk"))
    assert b"Commander Blue" not in store


async def test_a_record_that_no_station_sent_is_said_to_be_an_own_voice(
    premises: Premises, nato: StationProcess
) -> None:
    token = premises.host.token("nato/officer")
    there = premises.host.call(
        "POST", f"{C}/contacts", {**NOTE, "text": "Posted at the host."}, token
    )
    await until(lambda: f'"position":{there["position"]}' in nato.log.read_text())
    assert '"event":"station.own_voice"' in nato.log.read_text()


async def test_every_copy_is_the_log_of_the_host(premises: Premises) -> None:
    await asyncio.sleep(1)
    premises.audit()
