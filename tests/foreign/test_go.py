"""Other people's libraries verify a running log: heads, tiles, every record, consistency,
cosignatures, and proofs offline.
"""

import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from forging import Hostile
from patience import PATIENCE_S
from read_files import HOST
from service import NOTE, Caller, Service
from witnesses import Running, until

pytestmark = pytest.mark.reads(*HOST, "tests/foreign/verify.go")

C = "/v1/channels/nato-china"


class Log:
    """A running demonstration that a witness cosigns, as an auditor has it."""

    def __init__(self, folder: Path, verify: Path) -> None:
        self.verify = verify
        self.nato = Running(folder, "nato")
        (config := folder / "dragoman.toml").write_text(
            f'[registrar]\nwitnesses = ["{self.nato.verifier} http://127.0.0.1:{self.nato.port}"]\n'
        )
        self.service = Service(folder / "data", "--demo", "--config", str(config))
        self.token = folder / "token"
        self.token.write_text(self.service.token("china/auditor"))

    def check(self, *arguments: object, key: str) -> tuple[int, dict[str, str], str]:
        """Return the Go program's exit code, its lines by name, and its error output."""
        command = [self.verify, "-log", key, "-token", self.token, *map(str, arguments)]
        done = subprocess.run(
            [str(each) for each in command],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        return (
            done.returncode,
            dict(line.rsplit(" ", 1) for line in done.stdout.splitlines()),
            done.stderr,
        )

    def stop(self) -> None:
        self.nato.stop()
        self.service.stop()


@pytest.fixture
def log(tmp_path: Path, verify: Path) -> Iterator[Log]:
    log = Log(tmp_path, verify)
    yield log
    log.stop()


async def test_other_peoples_libraries_verify_a_running_log(
    log: Log, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    officer, auditor = (
        Caller(session, log.service, "nato/officer"),
        Caller(session, log.service, "china/auditor"),
    )
    about = (await auditor.get(C)).json
    log.nato.start(log.service, about)

    async def cosigned(position: int) -> bytes:
        async def is_cosigned() -> bool:
            head = await auditor.get(f"{C}/log/checkpoint")
            return (
                head.status == 200
                and int(head.body.split()[1]) >= position
                and b"nato.example/witness" in head.body
            )

        await until(is_cosigned)
        return (await auditor.get(f"{C}/log/checkpoint")).body

    (old := tmp_path / "old").write_bytes(await cosigned(1))
    for number in range(270):  # more than one tile of the lowest level
        position = (await officer.open({**NOTE, "text": f"Note {number}."})).json["position"]
    await cosigned(position)
    (proofs := tmp_path / "proofs").mkdir()
    for at in (1, 7, 256, position):
        record, proof = (
            await auditor.get(f"{C}/records/{at}"),
            await auditor.get(f"{C}/records/{at}/proof"),
        )
        (proofs / f"{at}.json").write_bytes(record.body)
        (proofs / f"{at}.tlog-proof").write_bytes(proof.body)
    url = log.service.base_url + C
    code, found, told = log.check(
        "-witness", log.nato.verifier, "-old", old, "-proofs", proofs, url, key=about["log"]
    )
    assert code == 0, told
    assert (found["proofs"], found["cosignatures"], found["consistent with"]) == (
        "4",
        "1",
        old.read_bytes().split()[1].decode(),
    )
    assert int(found["records"]) >= position and int(found["tiles"]) >= 3

    export = tmp_path / "log.zip"
    given = (
        "--channel",
        "nato-china",
        "--token-file",
        str(log.token),
        "--witness",
        str(log.nato.verifier),
    )
    log.service.run("audit", "export", "--to", str(export), *given)
    unpacked = tmp_path / "unpacked"
    zipfile.ZipFile(export).extractall(unpacked)
    code, whole, told = log.check(
        "-witness", log.nato.verifier, "-old", old, unpacked, key=about["log"]
    )
    assert code == 0, told
    assert (whole["records"], whole["cosignatures"]) == (
        str(len((unpacked / "records.ndjson").read_bytes().splitlines())),
        "1",
    )
    for name, was, becomes in (
        ("records.ndjson", b"Note 100.", b"Note 999."),
        ("tile/entries/000", b"index 200\n", b"index 201\n"),
        ("checkpoint", b"nato.example", b"nita.example"),
    ):
        body = (unpacked / name).read_bytes()
        (unpacked / name).write_bytes(body.replace(was, becomes))
        assert log.check("-witness", log.nato.verifier, unpacked, key=about["log"])[0] == 1, name
        (unpacked / name).write_bytes(body)

    other = log.nato.verifier.replace("nato.example", "china.example")
    assert log.check("-witness", other, url, key=about["log"])[0] == 1, (
        "a witness that has not cosigned is none"
    )
    (proofs / "7.json").write_bytes(
        (proofs / "7.json").read_bytes().replace(b"office", b"Office", 1)
    )
    assert "7.tlog-proof" in log.check("-proofs", proofs, key=about["log"])[2]
    origin, size, rest = old.read_bytes().split(b"\n", 2)
    smaller = b"%d" % (int(size) - 1)
    (forged := tmp_path / "forged").write_bytes(b"\n".join((origin, smaller, rest)))
    assert log.check("-old", forged, url, key=about["log"])[0] == 1

    log.service.stop()
    for tricks in ("tiles", "leaps", ""):
        host = Hostile(log.service.data, tricks)
        code, _, told = log.check(host.base_url + C, key=about["log"])
        host.stop()
        assert code == (1 if tricks else 0), (tricks, told)
