"""A station gets every file from the host, and its own side's scanner decides on those of others."""

import json
import time
from pathlib import Path

from beside import attached, digest, put
from joining import issue, join
from office import Office
from patience import PATIENCE_S
from service import NOTE, Answer, Caller

C = "/v1/channels/nato-china"


def scanner(path: Path, status: int) -> dict[str, str]:
    """The setting of a scanner that always ends with a status."""
    path.write_text(f"#!/bin/sh\ncat >> {path}.files\necho {path.name}\nexit {status}\n")
    path.chmod(0o700)
    return {"DRAGOMAN_FILES__SCANNER": json.dumps([str(path)])}


def posted(office: Office, who: str, content: bytes) -> None:
    async def post(caller: Caller) -> None:
        assert (await put(caller, content)).status == 201
        answer = await caller.post(
            f"{C}/contacts", {**NOTE, "attachments": [attached(content)]}, Prefer="wait=10"
        )
        assert answer.status == 201, answer.body

    office.api(who, post)


def fetched(office: Office, content: bytes, status: int) -> Answer:
    """The answer to nato's officer, once it has a status."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        answer = office.api("nato/officer", lambda nato: nato.get(f"{C}/files/{digest(content)}"))
        if answer.status == status:
            return answer
        assert time.monotonic() < deadline, answer.body
        time.sleep(0.05)


def test_the_scanner_of_the_own_side_decides_and_not_that_of_the_host(tmp_path: Path) -> None:
    host = Office(tmp_path / "host", demo=True, environment=scanner(tmp_path / "at-host", 1))
    join(host, tmp_path / "nato", "nato")
    station = Office(tmp_path / "nato", station=True, environment=scanner(tmp_path / "own", 0))
    try:
        issue(station, "nato/officer")
        posted(host, "china/officer", b"from china")
        assert fetched(station, b"from china", 200).body == b"from china"
        scanned = tmp_path / "own.files"
        assert b"from china" in scanned.read_bytes()
        refused = fetched(host, b"from china", 403).problem(403, "file-refused")
        assert "at-host" in refused["detail"]
        posted(station, "nato/officer", b"from nato")
        assert fetched(station, b"from nato", 200).body == b"from nato"
        scans = station.running.service.scans
        assert scans is not None
        while station.do(scans.scan_newest()):
            continue
        assert b"from nato" not in scanned.read_bytes()
    finally:
        station.stop()
        host.stop()
