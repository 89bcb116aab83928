"""The drill: a host is lost for good, and its channel goes on at another one, from a side's copy.

Nothing that a station took is lost or recorded twice, whatever strikes as well. Whoever goes on
alone, or with another heir, is noticed.
"""

import asyncio
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from dragoman.client import KeptInOutbox, client
from dragoman.domain.record import ids
from inquest import Inquest
from line_faults import FAULTS, emptied, mend
from premises import CHANNEL, SIDES, Placed
from station_traffic import StationTraffic
from succession import OwnStation, Succession, until
from tally import Rounds, Row

pytestmark = pytest.mark.reads(
    "services/dragoman/station/**",
    "services/dragoman/eventlog/**",
    "services/dragoman/domain/**",
    "services/dragoman/cli/host/**",
    "services/dragoman/sealing.py",
    "services/dragoman/signer.py",
    "services/dragoman/application/host_identity.py",
    "tests/support/succession.py",
)

C = f"/v1/channels/{CHANNEL}"
NOTE: dict[str, Any] = {"act": "contact-note", "form": "conversation", "text": "Met."}


@pytest.fixture
def sides(tmp_path: Any) -> Iterator[Succession]:
    with Succession(tmp_path / "of") as sides:
        yield sides


async def post(station: OwnStation, text: str) -> Any:
    token = station.token(f"{station.side}/duty_officer")
    async with client(station.base_url, token) as officer:
        return (await officer.post(CHANNEL, {**NOTE, "text": text})).recorded


def registry(at: Placed, name: str = "nato/auditor") -> dict[str, Any]:
    return dict(at.call("GET", f"{C}/state", token=at.token(name))["registry"])


async def test_a_channel_goes_on_at_another_host_from_a_copy(sides: Succession) -> None:
    nato, china = sides.stations
    before = [await post(nato, "From nato."), await post(china, "From china.")]
    await asyncio.to_thread(until, lambda: nato.size() == china.size() >= before[-1].position)
    begun = time.monotonic()
    sides.host.stop(signal.SIGKILL)
    await asyncio.to_thread(sides.move, "china")
    after = [await post(nato, "Again nato."), await post(china, "Again china.")]
    sys.stdout.write(f"seconds until both sides post again: {time.monotonic() - begun:.1f}\n")
    assert after[0].position == before[-1].position + 2
    assert registry(sides.host)["handovers"][0]["since"] == before[-1].position + 1
    await asyncio.to_thread(until, lambda: nato.size() == china.size() >= after[-1].position)
    await asyncio.to_thread(sides.audit)
    facts = ("--cid", nato.joined["cid"], "--log", nato.joined["log"])
    mirror = ("audit", "mirror", str(sides.path / "mirror"), *facts, "--once")
    sides.host.run(*mirror, *sides.as_officer("nato/auditor"))


@pytest.mark.timeout(3600)
async def test_nothing_is_lost_or_doubled_when_a_host_is_lost_for_good(
    tmp_path: Any, session: aiohttp.ClientSession, dice: random.Random, rounds: Rounds, row: Row
) -> None:
    faults = [*FAULTS]
    dice.shuffle(faults)
    for row.rounds in range(1, rounds(1, len(faults)) + 1):
        with Succession(tmp_path / str(row.rounds)) as sides:
            traffic = StationTraffic(
                session, sides.stations[0], dice, officers=4, burst=3, stations=[*sides.stations]
            )
            async with traffic.flowing():
                await asyncio.sleep(dice.uniform(0.5, 1.0))
                await FAULTS[faults[row.rounds - 1]](sides, dice)
                sides.host.stop(signal.SIGKILL)
                await asyncio.sleep(dice.uniform(0.1, 0.5))
                mend(sides)
                longest = max(sides.stations, key=OwnStation.size).side
                await asyncio.to_thread(sides.move, longest)
                await asyncio.sleep(0.5)
            for posting in traffic.postings:
                posting.least, posting.etag = 0, ""  # what was read may have been cut off
            await traffic.settle()
            await emptied(sides)
            row.acknowledged, row.unknown = len(traffic.acknowledged), traffic.doubted
            row.lost, row.doubled = await judged(sides, traffic)
            assert (row.lost, row.doubled) == (0, 0)
            await asyncio.to_thread(sides.audit)


async def judged(sides: Succession, traffic: StationTraffic) -> tuple[int, int]:
    """Return the numbers of taken acts that are nowhere, and of records that stand twice.

    What the lost host had recorded beyond the copies goes out again under its id, or comes back to
    its officer with the reason.
    """
    inquest = Inquest(sides.host.nats_url, sides.host.data / "keys")
    await inquest.held(traffic)
    there = Counter(record.envelope.id for record, _ in inquest.stored)
    returned = {
        entry["id"]
        for station in sides.stations
        for entry in station.line()["entries"]
        if entry["state"] == "returned"
    }
    taken = [
        ids.from_key(CHANNEL, posting.actor, posting.key)
        for posting in traffic.postings
        if posting.answer or posting.kept
    ]
    back = sum(1 for id in taken if id in returned)
    sys.stdout.write(f"{len(taken)} acts were taken, {back} of them came back to their officers\n")
    lost = [id for id in taken if id not in there and id not in returned]
    return len(lost), sum(1 for number in there.values() if number > 1)


async def test_what_is_written_after_the_own_signature_says_that_it_never_left(
    sides: Succession,
) -> None:
    nato, china = sides.stations
    last = await post(nato, "Before.")
    await asyncio.to_thread(until, lambda: nato.size() == china.size() >= last.position)
    sides.host.stop(signal.SIGKILL)
    heir = sides.heir("china")
    for station in sides.stations:
        await asyncio.to_thread(station.move, heir)
    sides.sign("nato")
    with pytest.raises(KeptInOutbox) as kept:
        await post(nato, "Waits for the heir.")
    assert (kept.value.entry.state, kept.value.entry.left) == ("waiting", "")
    assert "Telephone" in nato.line()["doubt"]
    sides.sign("china")
    sides.open(heir)
    await asyncio.to_thread(until, lambda: not nato.on_their_way())
    recorded = [
        row["id"]
        for row in heir.call("GET", f"{C}/exchanges", token=heir.token("china/auditor"))[
            "exchanges"
        ]
    ]
    assert recorded.count(kept.value.entry.id) == 1


async def test_two_heirs_and_an_old_host_that_goes_on_are_noticed(sides: Succession) -> None:
    nato, china = sides.stations
    last = await post(nato, "Before.")
    await asyncio.to_thread(until, lambda: nato.size() == china.size() >= last.position)
    old = sides.host
    old.stop(signal.SIGKILL)
    sides.heir("nato", "second")
    second = sides.handover.read_bytes()
    await asyncio.to_thread(sides.move, "china")
    # A second heir began from the same records: no side signs for it any more.
    sides.handover.write_bytes(second)
    for side in SIDES:
        assert "handover 1 of the channel" in sides.sign(side, check=None).stderr
    # The old host comes back, and one of its officers goes on there.
    old.start()
    token = old.token("nato/duty_officer")
    async with client(old.base_url, token) as officer:
        beyond = (await officer.post(CHANNEL, {**NOTE, "text": "Beyond."})).recorded
    assert beyond.position == registry(sides.host)["handovers"][0]["since"]
    export, folder = sides.path / "old.zip", sides.path / "of-china"
    await asyncio.sleep(1.0)
    auditor = ("--server", old.base_url, "--token-file", str(old.token_file("nato/auditor")))
    old.run("audit", "export", "--to", str(export), *auditor, "--channel", CHANNEL)
    shutil.copytree(china.copy, folder)
    compared = old.run("audit", "compare", str(export), str(folder), check=None)
    assert f"position {beyond.position}" in compared.stdout + compared.stderr
    # A station that is led back to it takes nothing from it, and says so.
    china.stop()
    china.wire.target = ("127.0.0.1", old.port)
    begun = time.monotonic()
    china.start()
    line = await asyncio.to_thread(until, lambda: china.line().get("doubt"))
    sys.stdout.write(f"a host that goes on alone is said after {time.monotonic() - begun:.1f} s\n")
    assert "another branch" in line or "not signed by this log" in line or "went back" in line


async def test_a_key_is_changed_at_the_same_host(sides: Succession) -> None:
    nato, china = sides.stations
    host = sides.host
    key = host.run("host", "new-key", "--data", str(host.data)).stdout.strip()
    await asyncio.to_thread(host.restart)
    drafted = ("--to", str(sides.handover), *sides.as_officer("nato/administrator"))
    host.run("host", "draft", key, *drafted)
    between = await post(china, "Between draft and record.")
    await asyncio.to_thread(until, lambda: nato.size() == china.size() >= between.position)
    for side in SIDES:
        sides.sign(side, key="adm")
    signatures = [str(sides.path / f"{side}.handover.sig") for side in SIDES]
    host.run(
        "channel", "post", str(sides.handover), *signatures, *sides.as_officer("nato/administrator")
    )
    after = await post(china, "Under the new key.")
    assert after.position == between.position + 2
    await asyncio.to_thread(until, lambda: nato.size() == china.size() >= after.position)
    await asyncio.to_thread(host.restart)
    last = await post(nato, "After a restart.")
    await asyncio.to_thread(until, lambda: nato.size() == china.size() >= last.position)
    assert registry(host)["handovers"][0] == {"key": key, "since": between.position + 1}
    await asyncio.to_thread(sides.audit)
    # Administrators signed it: commands with an own key follow it once their owner has said so.
    further = ("host", "draft", key, "--to", str(sides.path / "further.json"))
    asked = host.run(*further, *sides.as_officer("nato/administrator"), check=None)
    assert asked.returncode and "dragoman host follow" in asked.stderr
    host.run("host", "follow", str(sides.handover))
    host.run(*further, *sides.as_officer("nato/administrator"))
