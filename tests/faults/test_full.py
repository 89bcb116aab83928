"""Disks that fill up: the broker's, and the one on which a gateway keeps its projection and its
high-water marks.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import aiohttp
import pytest

import disks
from disks import Disk
from dragoman.limits import APPEND_SECONDS, REQUEST_SECONDS
from house import CHANNEL, Gateway, House
from inquest import Inquest
from read_files import GATEWAY
from service import NOTE, Caller, Service, new_key
from tally import Rounds, Row
from traffic import Traffic

pytestmark = pytest.mark.reads(*GATEWAY)

_DISK = 24 * 1024 * 1024
_ROOMY = 96 * 1024 * 1024
"""Room for a projection of all that is posted, and for one that is built anew beside it."""

_BACK_S = 30.0
_FULL_S = 60.0
_MEASURED_S = 2.5
"""Seconds after which a gateway knows how much room there is."""
URGENT = {**NOTE, "precedence": "immediate"}
"""A post that is taken until nothing can be written."""
_BOUND_S = 2 * (APPEND_SECONDS + REQUEST_SECONDS) + 2.0
"""A post may wait for the batch that is on its way, and then for its own: each for its
acknowledgement, and for what stands there; and the machine is busy.
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    disks.require()
    with Disk(tmp_path / "disk.img", _DISK) as disk:
        yield disk


async def resolved(house: House, traffic: Traffic, row: Row) -> None:
    """Every post has an outcome, and the whole log bears it out."""
    await traffic.settle()
    row.acknowledged, row.unknown = len(traffic.acknowledged), traffic.doubted
    row.found(await Inquest(house.broker.url, house.broker.keys).held(traffic))


@pytest.mark.timeout(900)
async def test_a_full_disk_of_the_broker_is_said_in_bounded_time_and_loses_nothing(
    disk: Disk,
    tmp_path: Path,
    session: aiohttp.ClientSession,
    dice: random.Random,
    rounds: Rounds,
    row: Row,
) -> None:
    """A record that is half written when the disk is full was never acknowledged: it is no damage."""
    with House(disk.path / "house", gateway_data=tmp_path / "gateway") as house:
        traffic = Traffic(session, house.gateway, dice, officers=6, burst=rounds(8, 40))
        for row.rounds in range(1, rounds(1, 15) + 1):
            await fill_and_free(disk, house, traffic, dice, row)
        assert traffic.problems["unknown-outcome"]
        assert_no_damage(house.gateway)


@pytest.mark.timeout(300)
async def test_the_last_of_the_room_is_for_what_is_urgent(
    roomy: Disk, tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    own = Service(roomy.path / "own", "--demo", log=tmp_path / "own.log")
    path = f"/v1/channels/{CHANNEL}/contacts"
    flash = {**NOTE, "precedence": "flash"}

    async def degraded() -> str:
        """Return the shortage that both addresses and `doctor` name; empty if there is none."""
        await asyncio.sleep(_MEASURED_S)
        ready, health = await officer.get("/readyz"), await officer.get("/healthz")
        assert ready.status == 200, ready.body
        said = {each["name"]: each["reason"] for each in ready.json.get("degraded", ())}
        reason = str(said.get("there is room on the disks", ""))
        assert health.status == (503 if said else 200), health.body
        doctor = await asyncio.to_thread(own.run, "doctor", check=None)
        assert ("FAIL  there is room on the disks" in doctor.stdout) == bool(reason)
        return reason

    try:
        officer, china = Caller(session, own, "nato/officer"), Caller(session, own, "china/officer")
        assert await degraded() == ""
        urgent = await officer.post(path, flash)
        roomy.fill(left=int(_ROOMY * 0.035))
        reason = await degraded()
        assert "make room, because below 2 % only urgent posts are taken" in reason, reason
        routine = await officer.post(path, NOTE)
        assert routine.status == 201, "an operator has time until there is less"
        assert routine.json["position"]
        roomy.fill(left=int(_ROOMY * 0.012))
        assert "only urgent posts are taken; make room" in await degraded()
        key = new_key()
        refused = (await officer.post(path, NOTE, key=key)).problem(503, "unavailable")
        assert "Until the operator makes room there" in refused["detail"]
        content = b"a,b"
        where = f"/v1/channels/{CHANNEL}/files/{sha256(content).hexdigest()}"
        file = await officer.call("PUT", where, content, Content_Type="text/csv")
        assert file.status == 503, "a file is never urgent"
        for body in (flash, {**NOTE, "precedence": "immediate"}):
            assert (await officer.post(path, body)).status == 201
        for exchange in (urgent.json["exchange"], routine.json["exchange"]):
            receipt = await china.act(exchange, {"act": "acknowledgement"})
            assert receipt.status == 201, receipt.body
        update = {"act": "correction", "text": "He proposes talks in Geneva."}
        belongs = await officer.act(urgent.json["exchange"], update)
        assert belongs.json.get("type") != "/problems/unavailable", belongs.body
        roomy.free()
        assert await degraded() == ""
        assert (await officer.post(path, NOTE, key=key)).status == 201
    finally:
        own.stop()


def assert_no_damage(service: Service) -> None:
    """No line says that a log is damaged, or that somebody must stop posting."""
    events = [line["event"] for line in service.logged]
    assert not {"log.broken", "registrar.stopped"} & {*events}, events


@pytest.mark.timeout(300)
async def test_a_host_whose_disk_was_full_goes_on_by_itself(
    roomy: Disk, tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    """The way of an operator: the disk fills up, officers post, somebody makes room. Nothing is
    restarted by hand, and nothing is restored.
    """
    own = Service(roomy.path / "own", "--demo", log=tmp_path / "own.log")
    try:
        officer = Caller(session, own, "nato/officer")
        kept = {(await officer.open(NOTE)).json["id"] for _ in range(3)}
        roomy.fill()
        unsure: list[str] = []
        details = ""
        async with asyncio.timeout(_FULL_S):
            while "could not write" not in details:
                key = new_key()
                answer = await officer.post(f"/v1/channels/{CHANNEL}/contacts", URGENT, key=key)
                if answer.status == 201:
                    kept.add(answer.json["id"])
                    continue
                assert answer.status == 503, answer.body
                assert answer.json["type"] != "/problems/read-only", answer.body
                details += answer.json["detail"]
                unsure.append(key)
        assert "make room there, and it goes on by itself" in details
        assert (await officer.get(f"/v1/channels/{CHANNEL}/state")).status == 200
        await asyncio.sleep(5)
        roomy.free()
        async with asyncio.timeout(_BACK_S):
            while (await officer.post(f"/v1/channels/{CHANNEL}/contacts", NOTE)).status != 201:
                await asyncio.sleep(0.2)
        for key in unsure:
            answer = await officer.post(f"/v1/channels/{CHANNEL}/contacts", URGENT, key=key)
            assert answer.status == 201, "the same post again has an outcome"
            kept.add(answer.json["id"])
        positions = await officer.positions()
        assert [id for id in kept if len(positions[id]) != 1] == []
        assert_no_damage(own)
        lines = Counter(
            (line["event"], line.get("path") or line.get("channel"))
            for line in own.logged
            if line["event"] in ("mark.not_kept", "registrar.waits_for_its_disk")
        )
        assert max(lines.values(), default=0) <= 2, "not once a second"
        newest = max(max(places) for places in positions.values())
        await officer.sealed(newest)
    finally:
        own.stop()


async def fill_and_free(
    disk: Disk, house: House, traffic: Traffic, dice: random.Random, row: Row
) -> None:
    """Fill the broker's disk under load, which is said in bounded time; free it, and resolve what
    is in doubt. Raises `Torn`.
    """
    async with traffic.flowing():
        await asyncio.sleep(dice.uniform(0.1, 0.4))
        disk.fill(left=dice.randrange(3) * 4096)
        await asyncio.sleep(0.3)
        begun = time.monotonic()
        told = asyncio.create_task(traffic.post(traffic.note()))
    assert (await told).open
    assert time.monotonic() - begun < _BOUND_S
    disk.free()
    await asyncio.to_thread(
        house.broker.restart
    )  # a block that once could not be written stays so until then
    await resolved(house, traffic, row)


@pytest.fixture
def roomy(tmp_path: Path) -> Iterator[Disk]:
    disks.require()
    with Disk(tmp_path / "roomy.img", _ROOMY) as disk:
        yield disk


async def test_a_gateway_without_room_says_so_and_takes_it_for_no_damage(
    disk: Disk,
    tmp_path: Path,
    session: aiohttp.ClientSession,
    dice: random.Random,
    rounds: Rounds,
    row: Row,
) -> None:
    with House(tmp_path / "house", gateway_data=disk.path / "gateway") as house:
        traffic = Traffic(session, house.gateway, dice, officers=2)
        for row.rounds in range(1, rounds(1, 3) + 1):
            await traffic.flow(0.3)
            house.gateway.stop()
            for left in (disk.path / "gateway" / "projection").glob("*-shm"):
                left.unlink()
            disk.fill()
            with pytest.raises(AssertionError) as said:
                house.gateway.start()
            disk.free()
            assert "is full: make room there, and start again" in str(said.value)
            assert "Traceback" not in str(said.value)
            house.gateway.start()
            assert not any(
                line["event"].startswith("projection.rebuil") for line in house.gateway.logged
            )
            await resolved(house, traffic, row)


async def is_back(house: House, session: aiohttp.ClientSession) -> None:
    """Wait until a gateway that nobody restarted is ready: 30 s are promised."""
    async with asyncio.timeout(_BACK_S):
        while True:
            async with session.get(f"{house.gateway.base_url}/healthz") as answer:
                if answer.status == 200:
                    return
            await asyncio.sleep(0.1)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("restarted", [True, False], ids=["restarted", "by itself"])
async def test_a_full_disk_of_a_gateway_loses_nothing(
    restarted: bool,
    roomy: Disk,
    tmp_path: Path,
    session: aiohttp.ClientSession,
    dice: random.Random,
    rounds: Rounds,
    row: Row,
) -> None:
    disk = roomy
    with House(tmp_path / "house", gateway_data=disk.path / "gateway") as house:
        traffic = Traffic(session, house.gateway, dice, officers=6)
        for row.rounds in range(1, rounds(1, 15) + 1):
            async with traffic.flowing():
                await asyncio.sleep(dice.uniform(0.1, 0.4))
                disk.fill(left=dice.randrange(3) * 4096)
                await asyncio.sleep(dice.uniform(0.2, 1.5))
                disk.free()
                if restarted:
                    house.gateway.process.kill()
                    await asyncio.to_thread(house.gateway.restart)
            if not restarted:
                await is_back(house, session)
            await resolved(house, traffic, row)


@pytest.mark.parametrize("restarted", [True, False], ids=["restarted", "by itself"])
async def test_a_gateway_whose_disk_is_full_goes_on_reading(
    restarted: bool,
    disk: Disk,
    tmp_path: Path,
    session: aiohttp.ClientSession,
    dice: random.Random,
    row: Row,
) -> None:
    with House(tmp_path / "house", gateway_data=disk.path / "gateway") as house:
        traffic = Traffic(session, house.gateway, dice, officers=6)
        await traffic.flow(0.3)
        disk.fill()
        await traffic.flow(1.5)
        reader = {"Authorization": f"Bearer {house.gateway.token('china/officer')}"}
        assert house.gateway.process.poll() is None
        async with session.get(
            f"{house.gateway.base_url}/v1/channels/{CHANNEL}/exchanges", headers=reader
        ) as response:
            assert response.status == 200
        row.rounds = 1
        disk.free()
        if restarted:
            await asyncio.to_thread(house.gateway.restart)
        else:
            await is_back(house, session)
        await resolved(house, traffic, row)


async def test_a_full_disk_under_a_gateways_own_log_changes_no_answer(
    house: House, disk: Disk, session: aiohttp.ClientSession, dice: random.Random, row: Row
) -> None:
    house.gateway.stop()
    with Gateway(
        house.path, house.broker.url, house.broker.keys, log=disk.path / "gateway.log"
    ) as gateway:
        gateway.tokens = house.gateway.tokens
        traffic = Traffic(session, gateway, dice)
        disk.fill()
        for _ in range(10):
            assert (await traffic.post(traffic.note())).answer
        row.rounds = 1
        await resolved(house, traffic, row)
