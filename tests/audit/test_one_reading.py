"""Whatever is asked of an export, it is read in the same way: what one command finds, none passes
over, and nothing is made of a copy that is wrong.
"""

import os
import re
from pathlib import Path

import pytest

import commands
from tampering import LOG, honest, kinds, written

HONEST = honest(erasure=True)
PINS = ("--cid", HONEST.cid, "--log", str(LOG))
CHOSEN = (
    "another text in an act", "a line that is neither", "another salt of an erasure", "an entry dropped", "the last record dropped", "the last line feed dropped",
    "a head with another signature", "another kind in channel.json", "white space in channel.json", "a byte of README.md", "no README.md", "tile/0/999 added",
    "notes.txt added", "README.md twice", "the file: bytes before", "the file: bytes after", "the file: a comment", "the file: bytes between two members",
    "the file: a member that the directory does not name", "the file: bytes after the end of a member", "the file: a bit of a compressed member",
)  # fmt: skip
CASES = {
    each.name: each
    for each in kinds(HONEST)
    if each.name in CHOSEN or re.fullmatch(r"a byte of tile/.*, 0|tile/0/.* dropped", each.name)
}


def asked(path: Path) -> dict[str, tuple[str | Path, ...]]:
    """Every command that reads an export, with nothing left to choose."""
    return {
        "verify": ("verify", path),
        "the five questions": (path,),
        "owed": ("owed", path),
        "findings": ("findings", path),
        "diff": ("diff", "1", "5", path),
        "tables": ("tables", path.with_suffix(".sqlite"), path),
    }


def run(path: Path, name: str) -> tuple[int, str, str]:
    pins = PINS if name in ("verify", "the five questions") else ()
    done = commands.run(
        ["audit", *asked(path)[name], *pins], environment={**os.environ, "COLUMNS": "200"}
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


def test_all_kinds_that_are_named_are_there() -> None:
    assert set(CHOSEN) < set(CASES)


def test_an_honest_export_answers_every_command(tmp_path: Path) -> None:
    path = written(tmp_path / "log.zip", HONEST.members)
    for name in asked(path):
        code, said, told = run(path, name)
        assert code == 0 and said, (name, told)


@pytest.mark.parametrize("kind", CASES)
def test_every_command_finds_the_same_and_makes_nothing_of_it(kind: str, tmp_path: Path) -> None:
    tampered = CASES[kind]
    path = written(tmp_path / "log.zip", tampered.members)
    if tampered.raw is not None:
        path.write_bytes(tampered.raw(path.read_bytes()))
    found = {}
    for name in asked(path):
        code, said, told = run(path, name)
        assert code == 7, (name, told)
        assert name in ("verify", "the five questions") or not said, (
            "nothing is listed of a copy that is wrong"
        )
        (found[name],) = set(re.findall(r"VERIFICATION FAILED: ([^;\n]*)", told))
        assert "compare" in told or "get the file again" in told, "it is said what to do"
    assert len(set(found.values())) == 1, found
    assert not path.with_suffix(".sqlite").exists()
    if tampered.position:
        assert f"at position {tampered.position}" in found["verify"]
