"""Tests of the messages and exit codes of `dragoman audit verify FILE`."""

import json
import os
import subprocess
from pathlib import Path

import pytest

import commands
from dragoman.domain.acts.log_policy import log_of
from tampering import WITNESS, members_of, written
from world import NOTE, World


def verified(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return commands.run(["audit", "verify", str(path), *arguments], environment=os.environ)


def exported(world: World, path: Path) -> Path:
    return written(path, members_of(world, world.raws))


def pins(world: World) -> tuple[str, ...]:
    return "--cid", world.registry.cid, "--log", str(log_of(world.registry))


@pytest.mark.parametrize("junk", [0, 1, 39])
def test_the_last_line_counts_the_void_records_if_there_are_any(tmp_path: Path, junk: int) -> None:
    world = World()
    world.open("nato/o-1", NOTE)
    for number in range(junk):
        world.take(b"junk %d" % number)
    path = exported(world, tmp_path / "log.zip")
    done = verified(path, *pins(world))
    assert done.returncode == 0, done.stderr
    counted = f"; {junk} of {world.position} records are void, without any effect" if junk else ""
    assert done.stderr.splitlines()[-1] == f"no lie was found{counted}"
    answer = json.loads(verified(path, *pins(world), "--json").stdout)
    assert answer["void_count"] == len(answer["void"]) == junk


def test_an_age_is_asked_for_only_of_a_witness(tmp_path: Path) -> None:
    world = World()
    path = exported(world, tmp_path / "log.zip")
    alone = verified(path, *pins(world), "--max-age", "1000000000")
    assert alone.returncode == 2 and "VERIFICATION FAILED" not in alone.stderr
    assert "--max-age needs --witness or --policy" in alone.stderr
    witnessed = verified(path, *pins(world), "--max-age", "1000000000", "--witness", str(WITNESS))
    assert witnessed.returncode == 0, witnessed.stderr
