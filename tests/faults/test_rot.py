"""The broker's files damaged while it was down: flipped bits, lost ends and blocks put in each
other's place, in every part of a message and of the log.

The damage is never silent. Either the log is whole all the same, and comes to the digest that it
had; or the gateway comes up read-only, says where the log is damaged, and goes on answering from
what it has folded. Then the log is put back from a side's mirror, and is what it was.
"""

import asyncio
import itertools
import random
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
import msgspec
import pytest

import blocks
from dragoman.client import new_key
from dragoman.domain.acts.log_policy import log_of
from dragoman.eventlog.archive import Archive
from dragoman.eventlog.archive_format import Pinned
from dragoman.eventlog.bulk_reader import BulkReader
from dragoman.eventlog.nats_connection import connected
from dragoman.stores.keystore import Keystore
from dragoman.tlog import note
from dragoman.tlog.checkpoint import Checkpoint
from house import CHANNEL, Broker, DidNotStart, Gateway, House
from inquest import Inquest
from patience import PATIENCE_S
from read_files import GATEWAY
from service import DRAGOMAN
from tally import Rounds, Row
from traffic import Posting, Traffic
from world import NOTE, compact

pytestmark = pytest.mark.reads(*GATEWAY, "services/dragoman/audit/**")

_BULKY: Final = {**NOTE, "text": dict.fromkeys(("en", "zh", "ru"), "Talks. " * 8000)}
_PLACES: Final = ("first", "middle", "last")
_DAMAGES: Final = (*blocks.PARTS, "end", "half", "all", "older", "another")
_NOTICED_S: Final = 60.0
"""Time in which a gateway compares the whole of such a log with what it had folded from it: it
rests most of the time, and takes eight seconds alone.
"""


@dataclass(frozen=True, slots=True)
class Sound:
    """A house that was whole when it stopped: its data after a clean and an unclean stop, its
    tokens and its digest; a side's mirror, and its pins.
    """

    data: dict[str, Path]
    tokens: dict[str, str]
    digest: str
    position: int
    mirror: Path
    pins: tuple[str, ...]


@pytest.fixture(scope="module")
def sound(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sound:
    """A log of several blocks."""
    return asyncio.run(
        made(tmp_path_factory.mktemp("sound"), 3 if request.config.getoption("--long") else 2)
    )


async def made(path: Path, blocks_wanted: int) -> Sound:
    """A house that was used, and stopped in both ways."""
    with House(path / "unclean") as house:
        async with aiohttp.ClientSession() as session:
            traffic = Traffic(session, house.gateway, random.Random(1))
            while len(blocks.of(house.path, CHANNEL)) < blocks_wanted:
                bulky = [
                    Posting(new_key(), "nato/officer", "contacts", compact(_BULKY))
                    for _ in range(8)
                ]
                assert all(
                    posting.answer for posting in await asyncio.gather(*map(traffic.post, bulky))
                )
            await traffic.flow(0.3)
            await traffic.settle()
            inquest = Inquest(house.broker.url, house.broker.keys)
            finding = await inquest.held(traffic)
            assert finding.clean
        registry = inquest.replay.standing.state.registry
        assert registry is not None
        await mirrored(
            house.broker,
            finding.position,
            path / "mirror",
            Pinned(cid=registry.cid, log=str(log_of(registry))),
        )
        house.gateway.stop()
        house.broker.stop(signal.SIGKILL)
        (
            house.path / "place.json"
        ).unlink()  # else a copy refuses to record for being elsewhere, whatever its damage
        shutil.copytree(house.path, path / "clean")
        with Broker(path / "clean") as broker:
            broker.stop(signal.SIGTERM)
    data = {stop: path / stop for stop in ("clean", "unclean")}
    pins = ("--cid", registry.cid, "--log", str(log_of(registry)))
    return Sound(
        data, house.gateway.tokens, finding.digests[0], finding.position, path / "mirror", pins
    )


async def mirrored(broker: Broker, position: int, folder: Path, pins: Pinned) -> None:
    """Write a side's mirror of the log, and the head that the log's key has signed."""
    archive, log = Archive(folder), note.read_verifier(pins.log)
    (folder / "pinned.json").write_bytes(msgspec.json.encode(pins))
    async with connected(broker.url, "auditor", broker.keys / "nats-auditor.nk") as bus:
        pages = BulkReader(CHANNEL, bus, 1, position)
        while page := await pages.next():
            archive.add([raw for _, raw in page])
    text = Checkpoint(log.name, archive.size, archive.root(archive.size)).text
    archive.keep_sealed(
        note.encode(
            text, [note.sign(log.name, Keystore(broker.keys / "log").seed("log", "log/log"), text)]
        )
    )
    archive.close()


def damage(data: Path, where: str, what: str, dice: random.Random) -> tuple[str, range]:
    """Damage one block; how, and the positions that it holds, the one before them and the one
    after. A block is only ever appended to: an older version of it is its first messages.
    """
    found = blocks.of(data, CHANNEL)
    block = found[{"first": 0, "middle": len(found) // 2, "last": -1}[where]]
    inside = blocks.messages(block)
    struck = dice.choice(inside)
    match what:
        case "end":
            blocks.truncate(block, block.stat().st_size - dice.randrange(1, 64))
        case "half":
            blocks.truncate(block, struck.begin + dice.randrange(40))
        case "all":
            block.unlink()
        case "older":
            blocks.truncate(block, dice.choice(inside[1:]).begin)
        case "another":
            shutil.copy(dice.choice([other for other in found if other != block]), block)
        case _:
            place = dice.choice(
                next(places for part, places in struck.parts.items() if part == what)
            )
            blocks.flip(block, place, dice.randrange(8))
    first, last = inside[0].position, inside[-1].position
    return (
        f"{what} of position {struck.position} in the {where} block, which holds {first} to {last}",
        range(first - 1, last + 2),
    )


async def verdict(sound: Sound, data: Path, place: range, session: aiohttp.ClientSession) -> str:
    """Return the reason that is given for a damaged log, or `whole` if the log is whole all the
    same. Return an empty string if the damage is silent or is reported elsewhere.
    """
    try:
        broker = Broker(data)
    except DidNotStart:
        return "the broker does not start"
    with broker, Gateway(data, broker.url, broker.keys, log=data.parent / "damaged.log") as gateway:
        gateway.tokens = sound.tokens
        traffic = Traffic(session, gateway, random.Random(2))
        finding = await Inquest(broker.url, broker.keys).held(traffic)
        whole = finding.clean and (finding.position, finding.digests[0]) == (
            sound.position,
            sound.digest,
        )
        reader = {"Authorization": f"Bearer {gateway.token('china/officer')}"}
        async with session.get(
            f"{gateway.base_url}/v1/channels/{CHANNEL}/exchanges", headers=reader
        ) as response:
            assert response.status == 200
        deadline = asyncio.get_running_loop().time() + _NOTICED_S
        while (
            (posted := await traffic.post(traffic.note())).answer
            and not whole
            and asyncio.get_running_loop().time() < deadline
        ):
            await asyncio.sleep(0.2)
        if posted.answer:
            return "whole" if whole else ""
        assert traffic.problems["read-only"]
        assert [
            line
            for line in gateway.logged
            if line["event"] == "log.broken" and line["level"] == "critical"
        ]
        deadline = asyncio.get_running_loop().time() + _NOTICED_S
        while not is_located(posted.detail, place) and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.2)
            posted = await traffic.post(traffic.note())
        return posted.detail if is_located(posted.detail, place) else ""


_POSITIONS: Final = re.compile(r"(?:\bpositions?|the first of them) (\d+)(?: to (\d+))?")
"""The positions that a reason names; numbers before the word are counts."""


def is_located(said: str, place: range) -> bool:
    """Return whether a reason names a position at the damage, or says that no stream exists."""
    return "no stream" in said or any(
        int(end) in place for found in _POSITIONS.finditer(said) for end in found.groups() if end
    )


async def is_put_back(sound: Sound, data: Path, session: aiohttp.ClientSession) -> bool:
    """Put the log back from the mirror. Return whether it is the same as before and is taken for
    the log that was known.
    """
    rebuild: list[str | Path] = [
        DRAGOMAN,
        "log",
        "rebuild",
        sound.mirror,
        *sound.pins,
        "--data",
        data,
        "--set-aside",
    ]
    done = subprocess.run(rebuild, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    with (
        Broker(data) as broker,
        Gateway(data, broker.url, broker.keys, log=data.parent / "put-back.log") as gateway,
    ):
        gateway.tokens = sound.tokens
        traffic = Traffic(session, gateway, random.Random(3))
        finding = await Inquest(broker.url, broker.keys).held(traffic)
        posted = await traffic.post(traffic.note())
        same = (finding.position, *finding.digests) == (sound.position, sound.digest, sound.digest)
        return finding.clean and same and posted.answer is not None


async def silent(
    sound: Sound,
    cases: list[tuple[str, str, str]],
    path: Path,
    session: aiohttp.ClientSession,
    dice: random.Random,
    mended: int,
) -> list[str]:
    """The cases in which the damage is silent, or, of the first `mended`, is not put right by the
    mirror.
    """
    found: list[str] = []
    for number, (stop, where, what) in enumerate(cases):
        data = path / "damaged"
        shutil.copytree(sound.data[stop], data)
        how, place = damage(data, where, what, dice)
        done = f"{how}, after a {stop} stop"
        said = await verdict(sound, data, place, session)
        if not said or (
            said != "whole" and number < mended and not await is_put_back(sound, data, session)
        ):
            found.append(f"{done}: {said}")
        shutil.rmtree(data)
    return found


@pytest.mark.timeout(1800)
async def test_damage_to_the_log_is_never_silent_and_a_mirror_puts_it_right(
    sound: Sound,
    tmp_path: Path,
    session: aiohttp.ClientSession,
    dice: random.Random,
    rounds: Rounds,
    row: Row,
) -> None:
    cases = [*itertools.product(sound.data, _PLACES, _DAMAGES)]
    dice.shuffle(cases)
    once = [*{what: (stop, where, what) for stop, where, what in cases}.values()]
    row.rounds = rounds(len(once), len(cases))
    chosen = [*once, *(case for case in cases if case not in once)][: row.rounds]
    assert await silent(sound, chosen, tmp_path, session, dice, rounds(1, len(cases))) == []
