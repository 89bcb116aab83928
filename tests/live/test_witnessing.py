"""A side's witness beside the running service: it cosigns what it holds itself, and nothing while it is held."""

import asyncio
import hashlib
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from dragoman.tlog import note
from house import free_port
from service import DRAGOMAN, NOTE, Caller, Service

NAME = "nato.example/witness"
C = "/v1/channels/nato-china"


def run(*arguments: str) -> str:
    return subprocess.run([DRAGOMAN, *arguments], check=True, capture_output=True, text=True).stdout.strip()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(40):
        while not await holds():
            await asyncio.sleep(0.1)


def test_a_setting_that_names_no_witness_is_told_at_the_start(tmp_path: Path) -> None:
    (config := tmp_path / "dragoman.toml").write_text('[registrar]\nwitnesses = ["nobody http://127.0.0.1:1"]\n')
    with pytest.raises(AssertionError, match="nobody is no verifier key"):
        Service(tmp_path / "data", "--demo", "--config", str(config))


async def test_a_witness_cosigns_what_its_side_holds_and_can_be_held(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    port, key, mirror = str(free_port()), str(tmp_path / "witness.pem"), tmp_path / "mirror"
    run("keys", "new", key)
    verifier = note.read_verifier(run("witness", "key", key, "--name", NAME))
    (config := tmp_path / "dragoman.toml").write_text(f'[registrar]\nwitnesses = ["{verifier} http://127.0.0.1:{port}"]\n')
    service = Service(tmp_path / "data", "--demo", "--config", str(config))
    auditor, officer = Caller(session, service, "china/auditor"), Caller(session, service, "nato/officer")
    about = (await auditor.get(C)).json
    (token := tmp_path / "token").write_text(service.token("nato/auditor"))
    pins = ("--cid", about["cid"], "--log", about["log"])
    command = [DRAGOMAN, "witness", "run", str(mirror), "--key", key, "--name", NAME, *pins, "--port", port]

    async def cosigned() -> bool:
        head = await auditor.get(f"{C}/log/checkpoint")
        return head.status == 200 and note.read(head.body).signed_by(verifier) is not None

    async def posted() -> bool:
        """Post, and wait for the head of it, cosigned or not."""
        position: int = (await officer.open(NOTE)).json["position"]

        async def sealed() -> bool:
            return int((await auditor.get(f"{C}/log/checkpoint")).body.split()[1]) >= position

        await until(sealed)
        return True

    with (tmp_path / "errors").open("w") as errors:
        process = subprocess.Popen(
            [*command, "--channel", "nato-china", "--token-file", str(token)],
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env={**os.environ, "DRAGOMAN_DATA": str(service.data)},
        )
        try:
            await until(cosigned)
            newest = await cosigned_head(session, port, about["log"])
            assert note.read(newest).signed_by(verifier) is not None, "whoever monitors may ask the witness itself"
            assert await posted()
            await until(cosigned)
            run("witness", "hold", str(mirror))
            assert await posted()
            await asyncio.sleep(1.5)
            assert not await cosigned(), "the side holds its witness"
            run("witness", "release", str(mirror))
            await until(cosigned)
            to = ("--channel", "nato-china", "--token-file", str(token), "--witness", str(verifier))
            export = str(tmp_path / "log.zip")
            assert f"cosigned by {NAME}" in service.run("audit", "verify", *pins, *to).stdout
            service.run("audit", "export", "--to", export, *to)
            assert "no lie was found" in service.run("audit", "verify", export, *pins, "--witness", str(verifier)).stderr
            other = str(verifier).replace("nato", "china")
            assert "--witness: " in service.run("audit", "verify", export, "--witness", other, check=2).stderr
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()
            process.wait()
            service.stop()
    assert "Traceback" not in (tmp_path / "errors").read_text()
    assert note.read((mirror / "cosigned").read_bytes()).signed_by(verifier) is not None


async def cosigned_head(session: aiohttp.ClientSession, port: str, log: str) -> bytes:
    """The newest cosigned head, from the witness."""
    origin = hashlib.sha256(note.read_verifier(log).name.encode()).hexdigest()
    async with session.get(f"http://127.0.0.1:{port}/{origin}/checkpoint") as answer:
        assert answer.status == 200
        return await answer.read()
