"""Nodes of a cluster cut off, put to sleep, killed, or left alone at random, under load at gateways
of which some reach one node alone.
"""

import asyncio
import json
import random
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

from cluster import NAMES, STREAM, RealCluster
from gateways import CHANNEL, OFFICER, Gateway, open_channel
from netns import Wires
from officers import Officers, acknowledged, at_work, reckon, running
from patience import PATIENCE_S
from service import DRAGOMAN, Caller
from tally import Rounds, Row

_ROUNDS_A_LOG = 10
_POSTERS = 6
_PAUSE_SECONDS = 0.02
_ROUND_SECONDS = 180
_TROUBLES = ("cut", "asleep", "killed", "alone")
_SECONDS = (1.0, 4.0, 8.0, 14.0, 25.0)
"""Durations: shorter than a node needs to notice, as long as that, and longer than any doubt."""
_ARCHIVED_SECONDS = PATIENCE_S
_REGISTRARS = ("gateway-0", "registrar")


@pytest.mark.long
@pytest.mark.timeout(7200)
async def test_nodes_cut_off_asleep_killed_or_alone_lose_and_double_nothing(
    tmp_path: Path,
    wires: Wires,
    session: aiohttp.ClientSession,
    dice: random.Random,
    rounds: Rounds,
    row: Row,
) -> None:
    most = rounds(2, 60)
    while row.rounds < most:
        folder = tmp_path / f"cluster-{row.rounds}"
        with (
            RealCluster(folder / "nodes", wires.places) as cluster,
            running(cluster, folder, "n1,n2,n3", *NAMES) as gateways,
        ):
            await open_channel(session, gateways, dice)
            with signing(cluster, folder) as signers:
                last = await trouble_often(
                    cluster,
                    wires,
                    gateways,
                    session,
                    dice,
                    row,
                    min(_ROUNDS_A_LOG, most - row.rounds),
                )
                await archived(folder, last)
                assert [signer.poll() for signer in signers] == [None, None]
        assert [
            line for line in logged(folder) if line["event"] in ("log.broken", "registrar.stopped")
        ] == []
        shutil.rmtree(folder)


@contextmanager
def signing(cluster: RealCluster, folder: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Two registrars with the log key that the channel's genesis names, each with an archive of its
    own.
    """
    shutil.copytree(folder / _REGISTRARS[0] / "keys", folder / _REGISTRARS[1] / "keys")
    shutil.copy(folder / _REGISTRARS[0] / "dragoman.toml", folder / _REGISTRARS[1])
    running: list[subprocess.Popen[bytes]] = []
    try:
        for name in _REGISTRARS:
            data = folder / name
            where: list[str | Path] = [
                "--nats-url",
                cluster.url,
                "--nats-keys",
                cluster.keys,
                "--config",
                data / "dragoman.toml",
            ]
            command = [
                DRAGOMAN,
                "serve",
                "signer",
                "--data",
                data,
                *where,
                "--log-format",
                "json",
                "--log-level",
                "info",
            ]
            with (folder / f"signs-{name}.log").open("ab") as output:
                running.append(subprocess.Popen(command, stdout=output, stderr=output))
        yield running
    finally:
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(20)
            finally:
                process.kill()


async def archived(folder: Path, last: int) -> None:
    """Wait until each registrar has the whole log in its archive."""
    async with asyncio.timeout(_ARCHIVED_SECONDS):
        for name in _REGISTRARS:
            ends = folder / name / "archive" / CHANNEL / "offsets"
            while ends.stat().st_size < 8 * last:
                await asyncio.sleep(0.1)


def logged(folder: Path) -> Iterator[dict[str, str]]:
    """Whatever gateways and registrars said."""
    for file in folder.glob("*.log"):
        yield from (
            json.loads(line) for line in file.read_text().splitlines() if line.startswith("{")
        )


async def trouble_often(
    cluster: RealCluster,
    wires: Wires,
    gateways: list[Gateway],
    session: aiohttp.ClientSession,
    dice: random.Random,
    row: Row,
    times: int,
) -> int:
    """Trouble a node, so many times; each time the whole log is audited, and all of it signed. How
    long the log is.
    """
    last = 0
    posted = [Officers(Caller(session, gateway, OFFICER), _PAUSE_SECONDS) for gateway in gateways]
    for _ in range(times):
        trouble = _TROUBLES[row.rounds % len(_TROUBLES)]
        row.rounds += 1
        for officers in posted:
            officers.stopped = False
        async with at_work(posted, _POSTERS, _ROUND_SECONDS):
            await acknowledged(posted, 10)
            leader = (await asyncio.to_thread(cluster.leader, STREAM)).name
            victim = dice.choice((leader, *NAMES))
            await troubled(
                cluster, wires, victim, trouble, dice.choice(_SECONDS) * dice.uniform(0.8, 1.2)
            )
            await acknowledged(posted, 10)
        last = await reckon(session, gateways, posted)
        row.digests += 1
        await Caller(session, gateways[0], OFFICER).sealed(last, CHANNEL)
    row.acknowledged += sum(len(officers.told) for officers in posted)
    row.unknown += sum(officers.refused for officers in posted)
    return last


async def troubled(
    cluster: RealCluster, wires: Wires, victim: str, trouble: str, seconds: float
) -> None:
    """Bring one node into trouble, for so long."""
    node = cluster.nodes[victim]
    others = [each for each in cluster.nodes.values() if each is not node]
    match trouble:
        case "cut":
            wires.cut(victim)
        case "asleep":
            node.signal(signal.SIGSTOP)
        case "killed":
            node.kill()
        case _:
            for each in others:
                each.kill()
    await asyncio.sleep(seconds)
    match trouble:
        case "cut":
            wires.mend(victim)
        case "asleep":
            node.signal(signal.SIGCONT)
        case "killed":
            node.start()
        case _:
            for each in others:
                each.start()
