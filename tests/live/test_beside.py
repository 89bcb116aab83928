"""People and files on the command line."""

import json
from pathlib import Path
from typing import Any

from service import NOTE, Gateway


def test_they_are_entered_named_and_erased(own: Gateway, tmp_path: Path) -> None:
    for role in ("nato/officer", "china/officer"):
        (tmp_path / role.partition("/")[0]).write_text(own.token(role))
    entry, paper = tmp_path / "entry.json", tmp_path / "paper.txt"
    entry.write_text('{"name": "Li Wei", "post": "Duty officer"}')
    paper.write_text("A concept.\n")

    def run(side: str, *arguments: str, check: int = 0) -> Any:
        return own.run(
            *arguments, "--channel", "nato-china", "--token-file", str(tmp_path / side), check=check
        )

    made = run("nato", "person", "new", str(entry))
    id = made.stdout.strip()
    assert id in made.stderr and "commitment" in made.stderr
    assert "Li Wei" in run("china", "person", "list").stdout
    shown = run("china", "person", "show", id)
    assert (json.loads(shown.stdout)["entry"]["post"], shown.stderr.strip()) == (
        "Duty officer",
        "the commitment is to this entry",
    )
    entry.write_text('{"name": "Li Wei"}')
    run("nato", "person", "change", id, str(entry))
    assert run("china", "person", "erase", id, check=4).stderr.startswith(
        "dragoman: You are not allowed to do this"
    )
    run("nato", "person", "erase", id)
    assert run("china", "person", "show", id).stderr.strip() == "erased"
    attachment = json.loads(run("nato", "file", "put", str(paper), "--title", "Concept").stdout)
    assert (attachment["media_type"], attachment["bytes"], attachment["title"]) == (
        "text/plain",
        11,
        "Concept",
    )
    assert attachment["sha256"] in run("nato", "file", "list").stdout
    run("china", "file", "get", attachment["sha256"], check=3)
    note = tmp_path / "note.json"
    note.write_text(json.dumps({**NOTE, "attachments": [attachment]}))
    run("nato", "post", str(note))
    copy = tmp_path / "copy.txt"
    run("china", "file", "get", attachment["sha256"], "--output", str(copy))
    assert copy.read_bytes() == paper.read_bytes()
    run("nato", "file", "erase", attachment["sha256"])
    run("china", "file", "get", attachment["sha256"], check=3)
    assert "--type" in run("nato", "file", "put", str(tmp_path / "nato"), check=2).stderr
