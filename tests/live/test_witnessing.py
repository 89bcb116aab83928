"""A side's witness beside the running service: it cosigns what it holds itself, and nothing while
it is held.
"""

import asyncio
import hashlib
import json
import os
import signal
import subprocess
from pathlib import Path

import aiohttp
import pytest

from dragoman.tlog import note
from office import Office
from ports import free_port
from service import DRAGOMAN, NOTE, Caller, Service
from witnesses import Running, run, until

NAME = "nato.example/witness"
C = "/v1/channels/nato-china"


def test_a_setting_that_names_no_witness_is_told_at_the_start(tmp_path: Path) -> None:
    (config := tmp_path / "dragoman.toml").write_text(
        '[registrar]\nwitnesses = ["nobody http://127.0.0.1:1"]\n'
    )
    with pytest.raises(AssertionError, match="nobody is not a verifier key"):
        Service(tmp_path / "data", "--demo", "--config", str(config))


async def test_a_witness_cosigns_what_its_side_holds_and_can_be_held(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    port, key, mirror = str(free_port()), str(tmp_path / "witness.pem"), tmp_path / "mirror"
    run("keys", "new", key)
    verifier = note.read_verifier(run("witness", "key", key, "--name", NAME))
    (config := tmp_path / "dragoman.toml").write_text(
        f'[registrar]\nwitnesses = ["{verifier} http://127.0.0.1:{port}"]\n'
    )
    service = Office(tmp_path / "data", demo=True, config=config)
    auditor, officer = (
        Caller(session, service, "china/auditor"),
        Caller(session, service, "nato/officer"),
    )
    about = (await auditor.get(C)).json
    (token := tmp_path / "token").write_text(service.token("nato/auditor"))
    pins = ("--cid", about["cid"], "--log", about["log"])
    command = [
        DRAGOMAN,
        "serve",
        "witness",
        str(mirror),
        "--key",
        key,
        "--name",
        NAME,
        *pins,
        "--port",
        port,
    ]

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
            assert note.read(newest).signed_by(verifier) is not None, (
                "whoever monitors may ask the witness itself"
            )
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
            assert (
                "no lie was found"
                in service.run("audit", "verify", export, *pins, "--witness", str(verifier)).stderr
            )
            other = str(verifier).replace("nato", "china")
            assert (
                "--witness: "
                in service.run("audit", "verify", export, "--witness", other, check=2).stderr
            )
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()
            process.wait()
            service.stop()
    assert "Traceback" not in (tmp_path / "errors").read_text()
    assert note.read((mirror / "cosigned").read_bytes()).signed_by(verifier) is not None


async def test_a_record_is_final_once_the_witnesses_of_both_sides_have_cosigned_it(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    nato, china = witnesses = [Running(tmp_path, side) for side in ("nato", "china")]
    named = ", ".join(f'"{each.verifier} http://127.0.0.1:{each.port}"' for each in witnesses)
    (config := tmp_path / "dragoman.toml").write_text(f"[registrar]\nwitnesses = [{named}]\n")
    (policy := tmp_path / "policy").write_text(
        f"witness n {nato.verifier}\nwitness c {china.verifier}\ngroup nato any n\ngroup china any c\ngroup both all nato china\nquorum both\n"
    )
    service = Office(tmp_path / "data", demo=True, config=config)
    officer, auditor = (
        Caller(session, service, "nato/officer"),
        Caller(session, service, "china/auditor"),
    )
    try:
        about = (await auditor.get(C)).json
        unwaited = await officer.open(NOTE, Prefer="wait=5")
        assert unwaited.json["standing"] == {"proof": "recorded"}, (
            "with no policy in force nothing is waited for: it is recorded"
        )
        for each in witnesses:
            each.start(service, about)
            (token := tmp_path / "administrator").write_text(
                service.token(f"{each.side}/administrator")
            )
            service.run(
                "adopt",
                "policy",
                str(policy),
                "--channel",
                "nato-china",
                "--token-file",
                str(token),
            )
        assert (await auditor.get(C)).json["policy"] == policy.read_text()

        async def covered() -> bool:
            found = (await auditor.get(f"{C}/log/coverage")).json
            return bool(found.get("final", 0) >= unwaited.json["position"])

        await until(covered)
        waited = await officer.open(NOTE, Prefer='respond-async, wait="15"')
        assert (waited.json["standing"], waited.headers["Preference-Applied"]) == (
            {"proof": "final", "countersigned_by": ["china", "nato"]},
            "wait=15",
        )
        record = await auditor.get(f"{C}/records/{waited.json['position']}")
        assert record.headers["Dragoman-Proof"] == "final"

        run("witness", "hold", str(china.mirror))
        held = await officer.open(NOTE, Prefer="wait=2")
        assert (held.status, held.json["standing"]) == (
            201,
            {"proof": "countersigned", "countersigned_by": ["nato"]},
        )
        exchange = f"{C}/exchanges/{held.json['exchange']}"
        assert (await auditor.get(exchange)).json["standing"]["proof"] == "countersigned"
        run("witness", "release", str(china.mirror))

        async def final() -> bool:
            return bool((await auditor.get(exchange)).json["standing"]["proof"] == "final")

        await until(final)
        form = {"token": service.token("nato/officer"), "next": "/"}
        async with session.post(
            f"{service.base_url}/sign-in", data=form, allow_redirects=False
        ) as signed_in:
            cookie = {"Cookie": signed_in.headers["Set-Cookie"].partition(";")[0]}
        async with session.get(f"{service.base_url}/c/nato-china", headers=cookie) as board:
            page = await board.text()
        assert "Record countersigned" in page or "for the witnesses" in page
        (token := tmp_path / "officer").write_text(service.token("nato/officer"))
        (note_file := tmp_path / "note.json").write_text(json.dumps(NOTE))
        told = service.run(
            "post",
            str(note_file),
            "--wait",
            "15",
            "--channel",
            "nato-china",
            "--token-file",
            str(token),
        )
        assert "final: the quorum of the sides' witnesses has cosigned it" in told.stderr
        pins = (
            "--cid",
            about["cid"],
            "--log",
            about["log"],
            "--channel",
            "nato-china",
            "--token-file",
            str(token),
        )
        verified = service.run("audit", "verify", *pins, "--policy", str(policy)).stdout
        assert "cosigned by the quorum of the policy given" in verified and "final" in verified
        policy.write_text(
            policy.read_text().replace(china.verifier, nato.verifier.replace("nato", "china"))
        )
        assert (
            "is not a policy"
            in service.run("audit", "verify", *pins, "--policy", str(policy), check=2).stderr
        )
    finally:
        for each in witnesses:
            each.stop()
        service.stop()


async def cosigned_head(session: aiohttp.ClientSession, port: str, log: str) -> bytes:
    """The newest cosigned head, from the witness."""
    origin = hashlib.sha256(note.read_verifier(log).name.encode()).hexdigest()
    async with session.get(f"http://127.0.0.1:{port}/{origin}/checkpoint") as answer:
        assert answer.status == 200
        return await answer.read()
