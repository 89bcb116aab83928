"""A witness that another project wrote cosigns our heads, and a registrar that starts again goes on
with it.
"""

import json
import os
import subprocess
from pathlib import Path

import aiohttp
import pytest

from dragoman.tlog import note
from ports import free_port
from read_files import HOST
from service import NOTE, Caller, Service
from witnesses import until

pytestmark = pytest.mark.reads(*HOST)

C = "/v1/channels/north-south"
EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "channel.json"


def key(*arguments: object, given: str | None = None) -> str:
    return subprocess.run(
        ["sigsum-key", *map(str, arguments)],
        input=given,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


async def test_a_sigsum_witness_cosigns_our_heads(
    sigsum_witness: str, tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    port = free_port()
    key("generate", "-o", tmp_path / "w")
    hash = key("to-hash", "-k", tmp_path / "w.pub")
    vkey = key(
        "to-vkey",
        "-k",
        tmp_path / "w.pub",
        "-n",
        f"sigsum.org/v1/witness/{hash}",
        "-t",
        "cosignature/v1",
    )
    config = tmp_path / "dragoman.toml"
    config.write_text(
        f'origin = "sigsum.org/v1/tree/{{key}}"\n[registrar]\nwitnesses = ["{vkey} http://127.0.0.1:{port}"]\n'
    )
    service = Service(tmp_path / "data", "--config", str(config))
    witness: subprocess.Popen[bytes] | None = None
    try:
        operator = Caller(session, service, "operator")
        about = (await operator.call("POST", "/v1/channels", json.loads(EXAMPLE.read_text()))).json
        log = note.read_verifier(about["log"])
        assert log.name.startswith("sigsum.org/v1/tree/")
        (public := tmp_path / "log.pub").write_text(key("from-hex", given=log.public.hex()) + "\n")
        token = (await operator.call("POST", "/v1/tokens", {"actor": "north/d-1"})).json["token"]
        officer = Caller(session, service, "")
        officer.headers = {"Authorization": f"Bearer {token}"}
        second = {**json.loads(EXAMPLE.read_text()), "name": "second"}
        refused = await operator.call("POST", "/v1/channels", second)
        assert "is the origin of north-south" in refused.problem(422, "invalid")["detail"], (
            "a log has an origin of its own"
        )

        def start() -> subprocess.Popen[bytes]:
            command = [
                sigsum_witness,
                "-k",
                str(tmp_path / "w"),
                "--log-key",
                str(public),
                "--state-file",
                str(tmp_path / "state"),
            ]
            environment = {
                **os.environ,
                "GODEBUG": "httpmuxgo121=0",
            }  # Debian's build takes its paths for another kind without
            return subprocess.Popen(
                [*command, f"127.0.0.1:{port}"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
            )

        async def cosigned(position: int) -> None:
            async def is_cosigned() -> bool:
                head = await officer.get(f"{C}/log/checkpoint")
                fresh = head.status == 200 and int(head.body.split()[1]) >= position
                return (
                    fresh and note.read(head.body).signed_by(note.read_verifier(vkey)) is not None
                )

            await until(is_cosigned)

        witness = start()
        for _ in range(3):
            await cosigned((await officer.open(NOTE, "north-south")).json["position"])
        service.restart()
        await cosigned((await officer.open(NOTE, "north-south")).json["position"])
    finally:
        if witness is not None:
            witness.kill()
            witness.wait()
        service.stop()
