"""A lawful erasure, verified by who has nothing but the archive, its README and other people's
libraries; and unlawful ones, which are not. So it is with a log that was handed over.
"""

import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from dragoman.tlog import dsse
from dragoman.tlog.note import Verifier
from host import Host
from read_files import HOST
from service import NOTE
from tampering import LOG, WITNESS, Members, honest, in_erasures, members_of, written
from world import World, public_of

pytestmark = pytest.mark.reads(*HOST, "tests/foreign/verify.go")

C = "/v1/channels/nato-china"
KINDS = {"signed by all": honest(erasure=True), "a trial": honest(erasure=True, custody="host")}


@pytest.fixture(scope="module")
def checked(verify: Path) -> Callable[..., tuple[int, dict[str, str], str]]:
    """Return a function that returns the Go program's result for a folder or an address."""

    def check(
        where: object, *arguments: object, key: object = LOG
    ) -> tuple[int, dict[str, str], str]:
        command = [verify, "-log", key, *arguments, where]
        done = subprocess.run(
            [str(each) for each in command], capture_output=True, text=True, timeout=60, check=False
        )
        return (
            done.returncode,
            dict(line.rsplit(" ", 1) for line in done.stdout.splitlines()),
            done.stderr,
        )

    return check


def unpacked(members: Members, folder: Path) -> Path:
    zipfile.ZipFile(written(folder / "log.zip", members)).extractall(folder / "unpacked")
    return folder / "unpacked"


@pytest.mark.parametrize("kind", KINDS)
def test_an_honest_archive_with_an_erasure_is_verified(
    kind: str, checked: Callable[..., tuple[int, dict[str, str], str]], tmp_path: Path
) -> None:
    log = KINDS[kind]
    code, found, told = checked(unpacked(log.members, tmp_path))
    assert code == 0, told
    assert (found["records"], found["erased"]) == (str(log.size), str(len(log.erased)))


@pytest.mark.parametrize("custody", [None, "host"])
def test_an_erasure_to_which_one_side_did_not_consent_is_none(
    custody: str | None, checked: Callable[..., tuple[int, dict[str, str], str]], tmp_path: Path
) -> None:
    log = honest(erasure=True, custody=custody, lawful=False)
    code, _, told = checked(unpacked(log.members, tmp_path))
    assert code == 1
    assert (
        f"{log.erased[0]} is withheld: china did not consent to the erasure at {log.erasure}"
        in told
    )


@pytest.mark.parametrize("kind", KINDS)
def test_no_tampering_with_an_erasure_passes(
    kind: str, checked: Callable[..., tuple[int, dict[str, str], str]], tmp_path: Path
) -> None:
    for number, tampered in enumerate(in_erasures(KINDS[kind])):
        (folder := tmp_path / str(number)).mkdir()
        code, _, _ = checked(unpacked(tampered.members, folder))
        assert code == 1, tampered.name


def test_a_log_that_was_handed_over_has_the_key_that_its_record_names(
    checked: Callable[..., tuple[int, dict[str, str], str]], tmp_path: Path
) -> None:
    world, policy = World(), f"witness nato {WITNESS}\ngroup china all nato\nquorum nato"
    for side in ("nato", "china"):
        world.keep(f"{side}/root", {"act": "policy-adoption", "policy": policy})
    act = {"act": "log-handover", "epoch": 1, "key": public_of("heir")}
    assert world.attested(act, "nato/root", "china/root").valid
    folder = unpacked(members_of(world, world.raws, "heir"), tmp_path)
    *_, last = (folder / "records.ndjson").read_bytes().splitlines()
    assert b'"type":"dragoman.log-handover.v1"' in last
    named = dsse.decode_base64(json.loads(last)["data"]["key"], 32)
    assert named is not None
    code, found, told = checked(folder, key=Verifier(LOG.name, LOG.type, named))
    assert (code, found["records"]) == (0, str(world.position)), told
    assert checked(folder)[0] == 1


async def test_a_running_log_and_its_archive_are_verified_after_an_erasure(
    checked: Callable[..., tuple[int, dict[str, str], str]],
    session: aiohttp.ClientSession,
    tmp_path: Path,
) -> None:
    host = Host(tmp_path)
    try:
        about = host.opened()
        officer, auditor = host.caller(session, "nato/o-1"), host.caller(session, "china/a-1")
        exchange = (await officer.open(NOTE)).json["exchange"]
        administrator = ("--token-file", "nato-adm-1.token")
        host.run("channel", "erase", exchange, "--to", "erasure.json", *administrator)
        for name in ("nato-adm", "china-root"):
            (tmp_path / f"{name}.sig").write_text(
                host.run("channel", "sign", "erasure.json", "--key", f"{name}.pem")[0] + "\n"
            )
        host.run(
            "channel", "post", "erasure.json", "nato-adm.sig", "china-root.sig", *administrator
        )
        await auditor.sealed((await auditor.get(C)).json["position"])
        code, found, told = checked(
            host.service.base_url + C, "-token", tmp_path / "china-a-1.token", key=about["log"]
        )
        assert code == 0, told
        assert found["erased"] == "1"
        host.run(
            "audit",
            "export",
            "--to",
            "log.zip",
            "--channel",
            "nato-china",
            "--token-file",
            "china-a-1.token",
        )
        zipfile.ZipFile(tmp_path / "log.zip").extractall(tmp_path / "log")
        assert checked(tmp_path / "log", key=about["log"])[:2] == (0, found)
    finally:
        host.service.stop()
