"""A file of brackets, given to every command that takes a file: each says that it cannot read it, and
none ends in a traceback.
"""

import os
from pathlib import Path

import pytest

import commands
from hostile import nested
from tampering import LOG

COMMANDS = (
    "audit release FILE",
    "audit check FILE FILE --log LOG",
    "audit fork FILE --log LOG",
    "audit FILE",
    "audit verify --file FILE --cid CID --log LOG",
    "audit owed --file FILE",
    "audit findings --file FILE",
    "channel draft FILE",
    "channel sign FILE --key KEY",
    "channel post FILE FILE",
    "channel open FILE FILE",
    "channel new FILE",
    "identity sign FILE --key KEY",
    "identity enter FILE FILE",
    "adopt profile default --line-check FILE",
    "adopt policy FILE",
    "keys admit FILE --sign KEY",
    "person new FILE",
    "post FILE",
    "post FILE --sign KEY",
    "notice FILE --channel nato-china",
)
SHAPES = ("objects-5000", "arrays-unended-5000")


def files() -> dict[str, bytes]:
    """Brackets, alone and in a member, as 10 KB of a bundle could have them."""
    found = {name: raw for name, raw in nested() if name in SHAPES}
    assert {*found} == {*SHAPES}
    return {**found, "in-a-member": b'{"x":' + b"[" * 5_000 + b"]" * 5_000 + b"}"}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_of_brackets_ends_no_command_in_a_traceback(command: str, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
        "DRAGOMAN_DATA": str(tmp_path),
        "DRAGOMAN_TOKEN": "none",
        "DRAGOMAN_SERVER": "http://127.0.0.1:9",
        "DRAGOMAN_CHANNEL": "nato-china",
    }
    key = tmp_path / "key.pem"
    made = commands.run(["keys", "new", key], environment=environment)
    assert key.exists(), made.stderr
    for name, raw in files().items():
        path = tmp_path / f"{name}.json"
        path.write_bytes(raw)
        values = {"FILE": str(path), "KEY": str(key), "LOG": str(LOG), "CID": "ab" * 32}
        done = commands.run(
            [values.get(word, word) for word in command.split()], environment=environment
        )
        assert done.returncode not in (0, None), done.stdout
        assert "Traceback" not in done.stderr + done.stdout, done.stderr
        assert "╭─ Error" not in done.stderr, f"the command is called otherwise: {done.stderr}"
