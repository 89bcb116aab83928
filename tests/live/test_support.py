"""The archive for others: whole enough to help, and without a secret from any place."""

import base64
import json
import os
import secrets
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import commands
from dragoman.cli.host.redaction import Redaction
from service import Service

BEARER = "drg_" + secrets.token_urlsafe(32)
SHARED = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
SEED = "SU" + "A" * 10 + "B" * 46
PASSWORD = "correct-horse-battery"
IN_URL = "hunter2hunter2"
SIGNED = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
COOKIE = "Zm9yLW9uZS1zZXNzaW9uLW9ubHk"
BASIC = "Z2F0ZXdheTpodW50ZXI"
OPAQUE = "2YotnFZFEjr1zCsicMWpAA"
NOTE_KEY = "PRIVATE+KEY+dragoman+7f1c2d3e+AQIDBAUGBwgJCgsM"
AGE = "AGE-SECRET-KEY-1QQPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"
ODD = "an odd secret without any form"


def members(path: Path) -> dict[str, str]:
    with tarfile.open(path) as archive:
        return {
            entry.name.partition("/")[2]: file.read().decode()
            for entry in archive.getmembers()
            if (file := archive.extractfile(entry)) is not None
        }


def a_key_of(service: Service) -> bytes:
    """The bytes of one of the host's keys."""
    return next(path.read_bytes() for path in (service.data / "keys").rglob("*") if path.is_file())


@pytest.fixture
def planted(tmp_path: Path) -> Iterator[Service]:
    """A host with a secret in every place that the archive is made of."""
    (tmp_path / "smtp").write_text(f"{PASSWORD}\n")
    (tmp_path / "data").mkdir(mode=0o700)
    service = Service(
        tmp_path / "data",
        environment={
            "DRAGOMAN_ADMIN__SOCKET": str(tmp_path / "admin.sock"),
            "DRAGOMAN_COURIER__SMTP__PASSWORD_FILE": str(tmp_path / "smtp"),
        },
    )
    (tmp_path / "home" / "dragoman").mkdir(parents=True)
    (tmp_path / "home" / "dragoman" / "token").write_text(f"{ODD}\n")
    with service.log.open("a") as log:
        for line in (
            {"event": "a", "header": f"Authorization: Bearer {BEARER}"},
            {"event": "b", "url": f"nats://gateway:{IN_URL}@10.0.0.1:4222"},
            {"event": "c", "detail": f"the token {BEARER} was refused, and so was {ODD}"},
            {"event": "d", "password": "of whatever form it is", "cookie": f"__Host-s={COOKIE}"},
            {"event": "e", "seed": SEED, "text": f"{SHARED} {SEED} {SIGNED}"},
            {"event": "f", "hex": a_key_of(service).hex()},
            {
                "event": "h",
                "text": f"sent __Host-session={COOKIE}; Path=/, and {NOTE_KEY} or {AGE}",
            },
            {"event": "i", "text": f"authorization: basic {BASIC} was sent"},
            {"event": "j", "text": f"it said bearer {OPAQUE} and left"},
            {"event": "g", "smtp": f"AUTH PLAIN {PASSWORD}"},
        ):
            log.write(json.dumps(line) + "\n")
        log.write(
            "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n-----END PRIVATE KEY-----\n"
        )
    yield service
    service.stop()


def test_a_secret_in_any_place_is_not_in_it(planted: Service, tmp_path: Path) -> None:
    path = tmp_path / "support.tar.gz"
    environment = {
        **planted.environment,
        "DRAGOMAN_NATS__URL": f"nats://gateway:{IN_URL}@127.0.0.1:1",
        "DRAGOMAN_OIDC__ISSUER": f"https://someone:{IN_URL}@id.example",
    }
    planted.run("support", str(path), "--log", str(planted.log), check=0, **environment)
    texts = members(path)
    keys = [file for file in (planted.data / "keys").rglob("*") if file.is_file()]
    assert len(keys) >= 7
    forms = {
        form
        for file in keys
        for raw in [file.read_bytes()]
        for form in (
            raw.decode(errors="replace").strip(),
            raw.hex(),
            base64.b64encode(raw).decode(),
        )
    }
    planted_secrets = forms | {
        *(BEARER, SHARED, SEED, PASSWORD, IN_URL, SIGNED, COOKIE, ODD),
        *(BASIC, OPAQUE, NOTE_KEY, AGE),
        *("of whatever form it is", "MC4CAQAwBQYDK2VwBCIEIA", planted.operator.strip()),
    }
    for name, text in texts.items():
        for secret in planted_secrets:
            assert secret not in text, (name, secret)
    assert "[removed]" in texts[f"log/1-{planted.log.name}"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_it_has_what_helps_and_says_what_it_has(planted: Service, tmp_path: Path) -> None:
    path = tmp_path / "support.tar.gz"
    planted.run("support", str(path), "--log", str(planted.log), check=0, **planted.environment)
    refused = planted.run("support", str(path), check=2).stderr
    assert "exists: name another file" in refused
    texts = members(path)
    assert {"settings.json", "versions.json", "doctor.json", "data.txt"} <= texts.keys()
    assert "dragoman_build_info" in texts["services/up/metrics"]
    assert '"status"' in texts["services/up/readyz"]
    assert "gateway.listening" in texts[f"log/1-{planted.log.name}"]
    assert "keys/log" in texts["data.txt"] and "operator.token" in texts["data.txt"]
    settings = json.loads(texts["settings.json"])["settings"]
    assert settings["admin.socket"]["value"] == str(tmp_path / "admin.sock")
    assert settings["admin.socket"]["from"] == "$DRAGOMAN_ADMIN__SOCKET"
    assert any("broker" in finding["check"] for finding in json.loads(texts["doctor.json"]))
    for name in texts.keys() - {"README.txt"}:
        assert name in texts["README.txt"]


def test_a_host_that_does_not_run_has_one_too(tmp_path: Path) -> None:
    path = tmp_path / "support.tar.gz"
    nowhere = commands.run(
        ["support", str(tmp_path / "none" / "s.tar.gz")], environment={"HOME": str(tmp_path)}
    )
    assert (nowhere.returncode, "cannot be written" in nowhere.stderr) == (2, True), nowhere.stderr
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DRAGOMAN_HTTP__PORT": "no"}
    done = commands.run(
        ["support", str(path), "--data", str(tmp_path / "none")], environment=environment
    )
    assert done.returncode == 0, done.stderr
    texts = members(path)
    assert "http.port" in json.loads(texts["settings.json"])["error"].replace(
        "HTTP__PORT", "http.port"
    )
    assert "is not there" in texts["data.txt"]


def test_it_has_the_settings_of_the_file_that_is_named(tmp_path: Path) -> None:
    config = tmp_path / "office.toml"
    config.write_text('[nats]\nurl = "nats://127.0.0.1:1"\n')
    path = tmp_path / "support.tar.gz"
    done = commands.run(
        ["support", str(path), "--config", str(config), "--data", str(tmp_path / "none")],
        environment={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    texts = members(path)
    assert json.loads(texts["settings.json"])["settings"]["nats.url"] == {
        "value": "nats://127.0.0.1:1",
        "from": str(config),
    }
    checks = [finding["check"] for finding in json.loads(texts["doctor.json"])]
    assert "broker at nats://127.0.0.1:1" in checks


def test_doctor_prints_findings_and_no_log_lines(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    commands.run(["init", "--data", data], environment=environment)
    environment["DRAGOMAN_NATS__URL"] = "nats://127.0.0.1:1"
    done = commands.run(["doctor", "--data", data], environment=environment)
    assert done.returncode == 1 and "FAIL  broker at nats://127.0.0.1:1" in done.stdout
    assert done.stderr == ""


@given(st.binary(min_size=16, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_a_secret_of_a_file_is_removed_whatever_is_around_it(
    tmp_path_factory: pytest.TempPathFactory, secret: bytes, before: str, after: str
) -> None:
    path = tmp_path_factory.mktemp("secret") / "key"
    path.write_bytes(secret)
    redaction = Redaction([path])
    for form in (secret.hex(), base64.b64encode(secret).decode().rstrip("=")):
        assert form not in redaction.text(f"{before}{form}{after}")


def test_ordinary_lines_stay_as_they_are(tmp_path: Path) -> None:
    line = '{"event":"request","route":"/v1/tokens","status":201,"duration_ms":3.2,"channel":"a-b"}'
    assert Redaction([tmp_path / "nothing"]).text(line) == line
