"""Beginning from nothing, one gateway a data directory, and the projection's file, which may always
be thrown away.
"""

import asyncio
import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest
from cyclopts.command_spec import CommandSpec

from dragoman import cli
from dragoman.cli.common import UNREACHABLE
from office import Office
from patience import PATIENCE_S
from service import DRAGOMAN, INCIDENT, NOTE, Caller, Gateway, Service

C = "/v1/channels/nato-china"
CHANNEL = {
    "name": "north-south",
    "sides": ["north", "south"],
    "languages": ["en", "fr"],
    "officers": [
        {"side": "north", "officer": "d-1", "office": "first", "roles": ["duty_officer"]},
        {"side": "north", "officer": "adm-1", "office": "first", "roles": ["administrator"]},
        {"side": "south", "officer": "d-1", "office": "second", "roles": ["duty_officer"]},
    ],
}


@pytest.fixture
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway on a directory that nobody initialised."""
    process = request.node.get_closest_marker("process") is not None
    gateway = (Service if process else Office)(tmp_path / "data")
    yield gateway
    gateway.stop()


def test_it_stops_however_soon_after_its_beginning_it_is_told_to(tmp_path: Path) -> None:
    for number in range(4):
        service = Service(tmp_path / f"data-{number}")
        assert service.stop() in (0, -signal.SIGTERM)


def test_from_nothing_to_a_first_post(empty: Gateway) -> None:
    assert (
        empty.run("channel", "new", "-", stdin=json.dumps(CHANNEL)).stdout.strip() == "north-south"
    )
    assert empty.run("token", "issue", "north/d-1", "--save").stdout == ""
    posted = empty.run("post", "-", stdin=json.dumps(INCIDENT))
    assert re.fullmatch(r"NORTH-SOUTH/NORTH/\d\d/0001/N07/O", posted.stdout.strip())
    shown = empty.run("show", posted.stdout.strip(), "--timeline").stdout
    assert INCIDENT["facts"] in shown
    assert "not yet" in shown
    state = empty.run("state").stdout
    assert posted.stdout.strip() in state
    assert "the host keeps the keys of all sides" in state


def test_the_other_side_acknowledges_on_the_command_line(empty: Gateway) -> None:
    empty.run("channel", "new", "-", stdin=json.dumps(CHANNEL))
    empty.run("token", "issue", "north/d-1", "--save")
    number = empty.run("post", "-", stdin=json.dumps(INCIDENT)).stdout.strip()
    south = empty.data.parent / "south.token"
    south.write_text(empty.run("token", "issue", "south/d-1").stdout)
    empty.run("act", number, "acknowledgement", "--token-file", str(south))
    view = json.loads(empty.run("show", number, "--json").stdout)
    assert view["facts"][0]["acknowledged"]


def test_an_administrator_enters_and_revokes_on_the_command_line(empty: Gateway) -> None:
    empty.run("channel", "new", "-", stdin=json.dumps(CHANNEL))
    admin = empty.data.parent / "admin.token"
    admin.write_text(empty.run("token", "issue", "north/adm-1").stdout)
    as_admin = ("--token-file", str(admin))
    empty.run(
        "officer",
        "add",
        "north/o-7",
        "--office",
        "first",
        "--role",
        "officer",
        "--role",
        "auditor",
        *as_admin,
    )
    assert "north/o-7" in empty.run("officer", "list", *as_admin).stdout
    assert (
        empty.run(
            "officer",
            "add",
            "south/o-7",
            "--office",
            "x",
            "--role",
            "officer",
            *as_admin,
            check=None,
        ).returncode
        == 2
    )
    empty.run("officer", "revoke", "north/o-7", *as_admin)
    assert "revoked" in empty.run("officer", "list", *as_admin).stdout
    assert empty.run("token", "issue", "north/o-8", check=None).returncode == 1
    listed = json.loads(empty.run("token", "list", "--json").stdout)
    empty.run(
        "token", "revoke", next(token["id"] for token in listed if token["actor"] == "north/adm-1")
    )
    assert empty.run("officer", "list", *as_admin, check=None).returncode == 4


def test_exit_codes_say_what_went_wrong(empty: Gateway) -> None:
    empty.run("channel", "new", "-", stdin=json.dumps(CHANNEL))
    empty.run("token", "issue", "north/d-1", "--save")
    for arguments, code in [
        (("show", "NORTH/26/9999"), 3),
        (("act", "0192f0c1-2f3a-7c4d-8e5f-112233445566", "acknowledgement"), 3),
        (("act", "", "acknowledgement"), 2),
        (("post", "/no/such/file"), 2),
        (("post", "-"), 2),
        (("state", "--server", "http://127.0.0.1:9"), 6),
        (("state", "--token-file", "/dev/null"), 4),
        (("state", "--at", "999"), 1),
        (("nonsense",), 2),
        (("post",), 2),
    ]:
        done = empty.run(*arguments, stdin='{"act":"nod"}', check=None)
        assert code == done.returncode, (arguments, done.stdout, done.stderr)
        assert done.stderr, arguments
        assert "Traceback" not in done.stderr


def test_the_tail_shows_records(empty: Gateway) -> None:
    empty.run("channel", "new", "-", stdin=json.dumps(CHANNEL))
    empty.run("token", "issue", "north/d-1", "--save")
    environment = {
        "DRAGOMAN_DATA": str(empty.data),
        "XDG_CONFIG_HOME": str(empty.data.parent / "home"),
        "PATH": "/usr/bin",
    }
    tail = subprocess.Popen(
        [DRAGOMAN, "tail", "--from", "1", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        assert tail.stdout is not None
        assert [json.loads(tail.stdout.readline())["position"] for _ in range(4)] == [1, 2, 3, 4]
        empty.run("post", "-", stdin=json.dumps(INCIDENT))
        assert json.loads(tail.stdout.readline())["record"]["data"]["act"] == "hazardous-incident"
        tail.send_signal(signal.SIGINT)
        assert tail.wait(10) == 130
    finally:
        tail.kill()
        tail.communicate()


@pytest.mark.process
def test_the_doctor_says_what_is_wrong(empty: Service) -> None:
    fresh = empty.run("doctor").stdout
    assert "FAIL" not in fresh and "token speaks for operator" in fresh
    empty.run("channel", "new", "-", stdin=json.dumps(CHANNEL))
    empty.run("token", "issue", "north/d-1", "--save")
    healthy = empty.run("doctor").stdout
    assert "FAIL" not in healthy
    assert f"ok    broker at {empty.nats_url}, nats-server 2." in healthy
    assert "token speaks for north/d-1 in north-south" in healthy
    empty.signal_broker(signal.SIGSTOP)
    try:
        until = time.monotonic() + PATIENCE_S
        while "not all is well, as follows" not in (broken := empty.run("doctor", check=1).stdout):
            assert time.monotonic() < until, broken
    finally:
        empty.signal_broker(signal.SIGCONT)
    assert f"FAIL  broker at {empty.nats_url}: " in broken, "the broker that is used is asked"
    follows = broken.partition("not all is well, as follows\n")[2]
    assert "FAIL  " in follows and '{"' not in follows, "each check has a line of its own"
    (empty.data / "operator.token").chmod(0o644)
    (empty.data / "keys" / "nats-gateway.nk").chmod(0o644)
    assert "chmod 600" in empty.run("doctor", check=1).stdout
    empty.stop()
    stopped = empty.run("doctor", check=1)
    assert stopped.stderr == "", "the findings say it, and no log line"
    assert "nothing answers there" in stopped.stdout and '{"' not in stopped.stdout


def test_settings_are_shown_with_their_source_and_checked(empty: Gateway, tmp_path: Path) -> None:
    shown = empty.run("config", "show", DRAGOMAN_HTTP__PORT="8500").stdout
    assert ["http.port", "8500", "$DRAGOMAN_HTTP__PORT"] in [
        line.split() for line in shown.splitlines()
    ]
    for variable, value, told in [
        ("DRAGOMAN_HTTP__PORT", "99999", "$.http.port"),
        ("DRAGOMAN_HTPP__PORT", "1", "htpp"),
    ]:
        wrong = empty.run("config", "check", check=2, **{variable: value})
        assert told in wrong.stderr
        assert variable in wrong.stderr
    as_json = json.loads(empty.run("config", "show", "--json", DRAGOMAN_HTTP__PORT="8500").stdout)
    assert {"setting": "http.port", "value": 8500, "from": "$DRAGOMAN_HTTP__PORT"} in as_json
    from jsonschema import Draft202012Validator  # takes a second, in each process that collects

    schema = json.loads(empty.run("config", "schema").stdout)
    validate = Draft202012Validator(schema).is_valid
    assert validate({"http": {"port": 8500}, "registrar": {"witnesses": ["a https://b"]}})
    assert not validate({"http": {"prot": 8500}}) and not validate({"http": {"port": 99999}})
    file = tmp_path / "wrong.toml"
    file.write_text("[http]\nprot = 1\n")
    assert "prot" in empty.run("config", "check", "--config", str(file), check=2).stderr
    for text, told in [
        ('[registrar]\nwitnesses = ["foo"]\n', "registrar.witnesses: foo"),
        ("[http]\nport = 8479\n", "admin.port: 8479 is http.port too"),
        ('[http]\npublic_url = "liaison.example.org"\n', "http.public_url: liaison.example.org"),
        ('[files]\nscanner = ["clamdscan", "-"]\n', "files.scanner: clamdscan is not the whole"),
        ('origin = "https://liaison.example.org"\n', "origin: https://liaison.example.org"),
    ]:
        file.write_text(text)
        said = empty.run(
            *("config", "check", "--config", str(file)), check=2, DRAGOMAN_ADMIN__PORT="8479"
        ).stderr
        assert told in said, said


# One a data directory


_BY_MODULE = """
import contextlib, json, os, sys
import aiohttp, babel.dates, cryptography.x509, cyclopts, icalendar, jinja2, joserfc.jwt, markdown_it
import nats, nacl.signing, prometheus_client, rich.console, structlog
import dragoman.domain.fold
from dragoman.cli import main

def fork(commands):
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    for command in commands:
        sys.argv = ["dragoman", command, "--help"]
        with contextlib.suppress(SystemExit):
            main()
    sys.stdout.flush()
    os._exit(0)

for commands in json.load(sys.stdin):
    code = fork(commands)
    assert code == 0, commands
"""
"""Runs the commands of each module in a process that has loaded the rules and what is not ours."""


def test_every_command_loads_by_itself() -> None:
    modules: dict[str, list[str]] = {}
    for name in cli.app:
        if not name.startswith("-"):
            command = cli.app._commands[name]
            assert isinstance(command, CommandSpec)
            module = command.import_path.partition(":")[0]
            modules.setdefault(module, []).append(name)
    done = subprocess.run(
        [sys.executable, "-c", _BY_MODULE],
        input=json.dumps([*modules.values()]),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    usages = [line.split()[2] for line in done.stdout.splitlines() if line.startswith("Usage: ")]
    assert usages == [name for names in modules.values() for name in names]


@pytest.mark.process
def test_a_second_service_on_the_same_data_is_refused(empty: Gateway) -> None:
    second = empty.run("up", "--data", str(empty.data), "--port", "0", check=1)
    assert "in use" in second.stderr
    assert empty.run("channel", "list").returncode == 0


@pytest.mark.process
def test_an_own_broker_dies_with_a_killed_service_and_the_data_are_free(empty: Service) -> None:
    pid = empty.broker_pid
    empty.restart(signal.SIGKILL)
    assert pid != empty.broker_pid
    stat = Path(f"/proc/{pid}/stat")
    assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.process
def test_a_port_in_use_is_told(empty: Gateway, tmp_path: Path) -> None:
    port = empty.base_url.rpartition(":")[2]
    other = empty.run("up", "--data", str(tmp_path / "other"), "--port", port, check=1)
    assert "--port" in other.stderr


@pytest.mark.process
def test_only_a_data_directory_is_thrown_away(empty: Gateway, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("ten years")
    assert (
        "it was not deleted"
        in empty.run("up", "--data", str(precious), "--fresh", "--port", "0", check=1).stderr
    )
    assert (precious / "thesis.txt").exists()
    assert (
        empty.run("up", "--data", str(empty.data), "--fresh", "--port", "0", check=None).returncode
        == 1
    )


def test_a_broker_that_does_not_sync_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "nats-server"
    wrong.write_text("#!/bin/sh\necho 'nats-server: v2.10.27'\n")
    wrong.chmod(0o755)
    done = subprocess.run(
        [DRAGOMAN, "up", "--data", tmp_path / "data", "--nats-server", wrong],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 1
    assert "at least 2.12.1" in done.stderr


# The projection's file


def _file(service: Gateway) -> Path:
    return service.data / "projection" / "gateway.sqlite"


def _delete(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _overwrite(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[8192:12288] = b"\xa5" * 4096
    path.write_bytes(content)


def _other_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()


@pytest.mark.process
async def test_a_projection_is_built_anew_from_the_log(
    own: Gateway, session: aiohttp.ClientSession
) -> None:
    officer = Caller(session, own, "nato/officer")
    before = (await officer.get(f"{C}/state")).json
    for damage in (_delete, _truncate, _empty, _overwrite, _other_version):
        own.stop()
        damage(_file(own))
        own.start()
        # The scheduler may have recorded more meanwhile, so that the state of the same position is compared.
        after = (await officer.get(f"{C}/state?at={before['position']}")).json
        for name in ("digest", "counts", "owed"):
            assert before[name] == after[name], (damage, name)
        assert (await officer.open(NOTE)).status == 201, damage


def found_or_mended(own: Service, audit: tuple[str, ...]) -> None:
    """Start. Either the audit convicts what is served then, or the gateway has built its copy anew
    since this start.
    """
    before = own.log.read_text().count("projection.rebuilt")
    own.start()
    deadline = time.monotonic() + PATIENCE_S
    done = own.run(*audit, check=None)
    while done.returncode == UNREACHABLE and time.monotonic() < deadline:
        time.sleep(0.2)
        done = own.run(*audit, check=None)  # It builds another copy, and says to ask again.
    if done.returncode == 0:
        assert own.log.read_text().count("projection.rebuilt") == before + 1
    else:
        assert done.returncode == 7 and "VERIFICATION FAILED" in done.stderr


@pytest.mark.process
async def test_a_projection_that_was_tampered_with_fails_the_audit_or_is_built_anew(
    own: Service, session: aiohttp.ClientSession
) -> None:
    posted = (await Caller(session, own, "nato/officer").open(NOTE)).json
    token = own.data.parent / "auditor.token"
    token.write_text(own.token("china/auditor"))
    audit = ("audit", "replay", "--channel", "nato-china", "--token-file", str(token))
    assert "agree" in own.run(*audit).stderr
    own.stop()
    with closing(sqlite3.connect(_file(own))) as connection, connection:
        connection.execute("UPDATE records SET digest = ?", ("00" * 32,))
    connection.close()
    found_or_mended(own, audit)
    own.stop()
    with closing(sqlite3.connect(_file(own))) as connection, connection:
        connection.execute(
            "UPDATE records SET raw = CAST(replace(CAST(raw AS TEXT), 'reception', 'deception') AS BLOB) WHERE number = ?",
            (posted["number"],),
        )
    connection.close()
    found_or_mended(own, audit)


@pytest.mark.process
async def test_a_copy_whose_newest_records_were_changed_is_built_anew_and_no_log_is_blamed(
    own: Service, session: aiohttp.ClientSession
) -> None:
    await Caller(session, own, "nato/officer").open(NOTE)
    own.stop()
    with closing(sqlite3.connect(_file(own))) as connection, connection:
        connection.execute(
            "UPDATE records SET raw = CAST(raw || ' ' AS BLOB) WHERE key = (SELECT max(key) FROM records WHERE key >> 40 = 1)"
        )
        connection.execute(
            "UPDATE records SET raw = CAST(raw || ' ' AS BLOB) WHERE key = (SELECT max(key) FROM records WHERE key >> 40 = 2)"
        )
        connection.execute(
            "UPDATE records SET raw = CAST(raw || ' ' AS BLOB) WHERE key = (SELECT max(key) FROM records WHERE key >> 40 = 3)"
        )
    connection.close()
    own.arguments = ()
    own.start()
    officer = Caller(session, own, "nato/officer")
    async with asyncio.timeout(PATIENCE_S):
        while "projection.rebuilt" not in own.log.read_text():
            await asyncio.sleep(0.2)
        while (answer := await officer.post(f"{C}/contacts", NOTE)).status != 201:
            answer.problem(503, "behind")
            await asyncio.sleep(0.2)
    assert "log.broken" not in own.log.read_text()
