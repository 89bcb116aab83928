"""A backup that is killed with -9 at random moments under load: every finished one restores, and
every unfinished one is noticed.
"""

import asyncio
import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import time
from pathlib import Path
from typing import Final

import aiohttp
import pytest

import commands
from patience import PATIENCE_S
from read_files import GATEWAY
from service import DRAGOMAN, Demonstration, Service
from tally import Rounds, Row
from traffic import Traffic

pytestmark = pytest.mark.reads(*GATEWAY, "services/dragoman/backup/**")

_LONGEST: Final = 2.0
"""The latest kill, in the time that a whole backup takes here: some are finished before."""
_FILE_BYTES: Final = 4 * 1024 * 1024


@pytest.mark.timeout(7200)
async def test_a_backup_that_is_killed_is_finished_or_does_not_count(
    tmp_path: Path, session: aiohttp.ClientSession, dice: random.Random, rounds: Rounds, row: Row
) -> None:
    service = Demonstration(tmp_path / "data")
    backups, finished, noticed = tmp_path / "backups", 0, 0
    try:
        traffic = Traffic(session, service, dice, officers=rounds(1, 4), burst=rounds(1, 10))
        begun = time.monotonic()
        async with traffic.flowing():
            await killed(service, tmp_path / "first", PATIENCE_S)
        whole_s = time.monotonic() - begun
        assert manifests(tmp_path / "first") == 1
        for row.rounds in range(1, rounds(2, 50) + 1):
            await upload(traffic, dice.randbytes(_FILE_BYTES))
            async with traffic.flowing():
                await killed(service, backups, dice.uniform(0.1, _LONGEST) * whole_s)
            now = manifests(backups)
            if now == finished:
                assert was_noticed(backups, finished), "an unfinished backup is noticed"
                noticed += 1
            else:
                finished = now
            if finished:
                await asyncio.to_thread(restored, backups, tmp_path / "new", finished)
        await asyncio.to_thread(
            called, "backup", str(backups), "--without-keys", "--data", str(service.data)
        )
        await asyncio.to_thread(restored, backups, tmp_path / "new", manifests(backups))
        assert "was not finished" not in called("backup", "verify", str(backups)).stderr
        row.acknowledged = len(traffic.acknowledged)
        assert row.rounds < 50 or min(finished, noticed) > 5, (finished, noticed)
    finally:
        service.stop()


async def upload(traffic: Traffic, content: bytes) -> None:
    """Have a side upload a file, so that there is something long to be killed in."""

    headers = {
        "Authorization": f"Bearer {traffic.service.token('nato/officer')}",
        "Content-Type": "text/plain",
    }
    url = f"{traffic.service.base_url}/v1/channels/nato-china/files"
    digest = hashlib.sha256(content).hexdigest()
    async with traffic.session.put(
        f"{url}/{digest}", data=io.BytesIO(content), headers=headers
    ) as answer:
        assert answer.status == 201, await answer.text()


async def killed(service: Service, backups: Path, seconds: float) -> None:
    """Begin a backup, and kill it after some time unless it has ended."""
    command: list[str | Path] = [
        DRAGOMAN,
        "backup",
        backups,
        "--without-keys",
        "--data",
        service.data,
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        await asyncio.to_thread(process.wait, seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def manifests(backups: Path) -> int:
    return len(list(backups.glob("manifests/*.json")))


def called(*arguments: str, check: int | None = 0) -> subprocess.CompletedProcess[str]:
    done = commands.run(arguments, environment=os.environ, timeout=PATIENCE_S)
    assert check is None or done.returncode == check, done.stderr
    return done


def was_noticed(backups: Path, finished: int) -> bool:
    """Return whether `verify` says that a backup was not finished, or that there is none."""
    if not (backups / "lock").exists():
        return "has no backup" in called("backup", "verify", str(backups), check=1).stderr
    if not (backups / "unfinished.json").exists():
        return True  # It was killed before it began, and left nothing.
    told = called("backup", "verify", str(backups), check=0 if finished else 7).stderr
    return "was not finished" in told


def restored(backups: Path, new: Path, number: int) -> None:
    """Restore the newest finished backup, and compare what the new directory is backed up as."""
    shutil.rmtree(new, ignore_errors=True)
    told = called("restore", str(backups), "--data", str(new), "--without-keys").stderr
    assert "restored " in told
    again = new.with_name("again")
    shutil.rmtree(again, ignore_errors=True)
    called("backup", str(again), "--without-keys", "--data", str(new))
    first, second = (
        json.loads(called("backup", "verify", str(folder), "--json").stdout)
        for folder in (backups, again)
    )
    for member in ("records", "files", "bytes"):
        assert first[member] == second[member], "everything is there again"
    assert first["number"] == number
