"""The units of systemd: it takes them, they are hardened, and what they start works."""

import asyncio
import ctypes
import ctypes.util
import errno
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import aiohttp
import pyrage
import pytest

from joining import join
from needed import needed
from page_walks import blocks_of, patterns_of
from patience import PATIENCE_S
from ports import free_port
from read_files import DEPLOYED
from service import DRAGOMAN, Caller, Demonstration, Service

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))
_MOST_EXPOSED = 2.0
_PR_SET_MDWE = 65
_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000 | errno.EPERM


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Service]:
    """A demonstration of a test's own."""
    service = Demonstration(tmp_path / "own-demo")
    yield service
    service.stop()


@pytest.fixture
def host(tmp_path: Path) -> "Installed":
    return Installed(tmp_path)


class Installed:
    """The folders of a machine, under a folder of the test."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.etc, self.lib, self.credentials = root / "etc", root / "lib", root / "credentials"
        self.backups = root / "backups"
        for folder in (self.etc / "keys", self.lib, self.credentials, self.backups):
            folder.mkdir(parents=True)
        (self.etc / "dragoman.toml").touch()

    def placed(self, text: str) -> str:
        for ours, here in {
            "/opt/dragoman/bin/dragoman": str(DRAGOMAN),
            "/etc/dragoman": str(self.etc),
            "/var/lib/dragoman": str(self.lib),
            "/var/backups/dragoman": str(self.backups),
            "%d": str(self.credentials),
            "%i": "1",
        }.items():
            text = text.replace(ours, here)
        return text

    def unit(self, name: str) -> dict[str, list[str]]:
        """The settings of a unit's service, placed here, each with all its values."""
        found: dict[str, list[str]] = {}
        for line in (UNITS / name).read_text().splitlines():
            if match := re.fullmatch(r"(\w+)=(.*)", line):
                found.setdefault(match[1], []).append(self.placed(match[2]))
        return found

    def start(
        self, name: str, told: "Told", command: int = 0, /, **environment: str
    ) -> subprocess.Popen[str]:
        """Start what a unit starts, as systemd would: with its environment, its credentials, a
        socket to tell, its system calls, and without memory that is both written and executed.
        """
        unit = self.unit(name)
        for credential in unit.get("LoadCredential", ()):
            target, _, source = credential.partition(":")
            shutil.copy(source, self.credentials / target)
        own = dict(pair.split("=", 1) for pair in unit.get("Environment", ()))
        for file in unit.get("EnvironmentFile", ()):
            own |= dict(line.split("=", 1) for line in Path(file).read_text().splitlines())
        own |= environment
        words = [
            own.get(word.removeprefix("${").removesuffix("}"), word) if word[0] == "$" else word
            for word in shlex.split(unit["ExecStart"][command])
        ]
        with (self.root / f"{name}.log").open("a") as log:
            return subprocess.Popen(
                words,
                env={
                    **{k: v for k, v in os.environ.items() if not k.startswith("DRAGOMAN_")},
                    **own,
                    "NOTIFY_SOCKET": str(told.path),
                    "WATCHDOG_USEC": "2000000",
                },
                cwd=self.lib,
                stdout=subprocess.DEVNULL,
                stderr=log,
                text=True,
                preexec_fn=confined(unit),
            )

    def log(self, name: str) -> str:
        return (self.root / f"{name}.log").read_text()


def confined(unit: dict[str, list[str]]) -> Callable[[], None]:
    """Return a function that confines a process before it becomes the service.

    It forbids memory that is both written and executed (MemoryDenyWriteExecute=), and all
    system calls but the unit's (SystemCallFilter=).
    """
    seccomp = ctypes.CDLL(ctypes.util.find_library("seccomp") or "libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    calls = [
        seccomp.seccomp_syscall_resolve_name(name.encode())
        for name in permitted(unit["SystemCallFilter"])
    ]

    def confine() -> None:
        if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_MDWE, 1, 0, 0, 0) != 0:
            os._exit(99)
        context = ctypes.c_void_p(seccomp.seccomp_init(_REFUSE))
        for call in calls:
            seccomp.seccomp_rule_add(context, _ALLOW, call, 0)
        if seccomp.seccomp_load(context) != 0:
            os._exit(98)

    return confine


def permitted(filters: list[str]) -> set[str]:
    """Return the names of the system calls that a unit's lines permit, in their order."""
    calls = _system_calls("@default")
    for line in filters:
        names = {call for name in line.lstrip("~").split() for call in _system_calls(name)}
        calls = calls - names if line.startswith("~") else calls | names
    return calls


@cache
def _system_calls(name: str) -> set[str]:
    """Return the system calls of one name of systemd's."""
    if not name.startswith("@"):
        return {name}
    shown = subprocess.run(
        [needed("systemd-analyze"), "syscall-filter", name],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    names = re.findall(r"^ {4}([@\w-]+)$", shown, re.MULTILINE)
    return {call for each in names for call in _system_calls(each)}


class Told:
    """The messages of a service to its manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(PATIENCE_S)

    def until(self, text: str) -> None:
        while text not in self.socket.recv(4096).decode():
            pass


@pytest.fixture
def told(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Told]":
    made = Told(tmp_path_factory.mktemp("told") / "notify")
    yield made
    made.socket.close()


@pytest.mark.parametrize("name", SERVICES)
def test_systemd_takes_a_unit_without_a_word_and_it_is_hardened(name: str, tmp_path: Path) -> None:
    analyze = needed("systemd-analyze")
    text = re.sub(r"/opt/dragoman/bin/dragoman|/usr/local/bin/nats-server", "/bin/true",
                  (UNITS / name).read_text())  # fmt: skip
    (tmp_path / name).write_text(text)
    said = subprocess.run(
        [analyze, "verify", f"./{name}"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")
    rated = subprocess.run(
        [analyze, "security", "--offline=true", f"./{name}"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    exposed = re.search(r"exposure level for \S+: ([\d.]+)", rated.stdout)
    assert exposed is not None and float(exposed[1]) <= _MOST_EXPOSED, rated.stdout


def test_users_and_folders_are_taken(tmp_path: Path) -> None:
    for program, file in {
        "systemd-sysusers": "dragoman.sysusers.conf",
        "systemd-tmpfiles": "dragoman.tmpfiles.conf",
    }.items():
        more = ["--create"] if program == "systemd-tmpfiles" else []
        done = subprocess.run(
            [needed(program), "--dry-run", *more, UNITS / file],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "unknown" not in done.stderr.lower().replace("unknown user", "").replace(
            "unknown group", ""
        ), done.stderr


def test_every_file_is_in_the_readme() -> None:
    readme = (UNITS / "README.md").read_text()
    for path in {*UNITS.iterdir()} - {UNITS / "README.md"}:
        assert path.name in readme or path.name.replace("@.service", "@") in readme, path.name


def test_a_command_of_the_page_makes_each_file_that_a_unit_reads() -> None:
    """A line names the file and its folder; what belongs to one channel is called by it."""
    readme = UNITS / "README.md"
    lines = [
        line for block in (*blocks_of(readme), *patterns_of(readme)) for line in block.splitlines()
    ]
    for unit in (*UNITS.glob("*.service"), UNITS / "keeper.conf"):
        paths = re.findall(
            r"/etc/dragoman/[^\s:]+", re.sub(r"^#.*$", "", unit.read_text(), flags=re.MULTILINE)
        )
        for path in paths:
            folder, _, name = path.replace("%i", "CHANNEL").rpartition("/")
            assert any(folder in line and name in line for line in lines), (unit.name, path)


def test_the_commands_of_the_page_are_a_shells() -> None:
    for block in blocks_of(UNITS / "README.md"):
        subprocess.run(["bash", "-n"], input=block, text=True, check=True)
        for name in re.findall(r"dragoman-\w+@?(?:\w+)?\.(?:service|timer)", block):
            assert (UNITS / re.sub(r"@\w+", "@", name)).exists(), name


def test_a_backup_is_started_each_night(tmp_path: Path) -> None:
    analyze = needed("systemd-analyze")
    for path in UNITS.glob("dragoman-backup.*"):
        text = path.read_text().replace("/opt/dragoman/bin/dragoman", "/bin/true")
        (tmp_path / path.name).write_text(text)
    done = subprocess.run(
        [analyze, "verify", "./dragoman-backup.timer"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    timer = (tmp_path / "dragoman-backup.timer").read_text()
    (when,) = re.findall(r"^OnCalendar=(.+)$", timer, re.MULTILINE)
    shown = subprocess.run(
        [analyze, "calendar", "--iterations=2", when], capture_output=True, text=True, check=True
    )
    moments = re.findall(r"(?:Next elapse|Iteration #2): \w+ (\S+ \S+)", shown.stdout)
    first, second = (datetime.fromisoformat(moment) for moment in moments)
    assert second - first == timedelta(days=1)


@pytest.mark.parametrize("name", [name for name in SERVICES if "nats" not in name])
def test_a_process_may_lower_its_own_priority(host: Installed, name: str) -> None:
    """The checker of the projection, a mirror's parsers and the backup begin with that."""
    command = [sys.executable, "-c", "import os; os.nice(10)"]
    done = subprocess.run(
        command, preexec_fn=confined(host.unit(name)), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


async def stops(process: subprocess.Popen[str], told: Told) -> None:
    """It says that it stops, and ends well."""
    process.send_signal(signal.SIGTERM)
    await asyncio.to_thread(told.until, "STOPPING=1")
    assert await asyncio.to_thread(process.wait, PATIENCE_S) == 0


@pytest.mark.reads(*DEPLOYED)
async def test_everything_in_one_process_starts_reloads_is_backed_up_and_stops(
    host: Installed, told: Told
) -> None:
    environment = {"DRAGOMAN_HTTP__PORT": "0", "DRAGOMAN_ADMIN__PORT": "0"}
    process = host.start("dragoman-up.service", told, **environment, DRAGOMAN_HTTP__DRAIN_S="0.2")
    try:
        await asyncio.to_thread(told.until, "READY=1")
        process.send_signal(signal.SIGHUP)
        await asyncio.to_thread(told.until, "RELOADING=1")
        await asyncio.to_thread(told.until, "READY=1")
        recipient = pyrage.x25519.Identity.generate().to_public()
        (host.etc / "backup.recipients").write_text(f"{recipient}\n")
        for command in range(len(host.unit("dragoman-backup.service")["ExecStart"])):
            backup = host.start("dragoman-backup.service", told, command)
            assert await asyncio.to_thread(backup.wait, PATIENCE_S) == 0
        assert "backup 1 of" in host.log("dragoman-backup.service")
        await stops(process, told)
    except (TimeoutError, AssertionError) as error:
        logs = {path.name: path.read_text() for path in host.root.glob("*.log")}
        raise AssertionError(error, logs) from None
    finally:
        process.kill()
        process.wait()


@pytest.mark.reads(*DEPLOYED)
async def test_each_service_starts_on_a_broker_with_the_keys_that_its_unit_names_and_stops(
    host: Installed, told: Told, tmp_path: Path
) -> None:
    own = await asyncio.to_thread(Service, tmp_path / "own")
    try:
        for seed in (own.data / "keys").glob("nats-*.nk"):
            shutil.copy(seed, host.etc / "keys" / seed.name)
        (host.lib / "signer" / "keys").mkdir(parents=True)
        shutil.copytree(own.data / "keys" / "log", host.lib / "signer" / "keys" / "log")
        (host.etc / "dragoman.toml").write_text(f'[nats]\nurl = "{own.nats_url}"\n')
        port = {"DRAGOMAN_HTTP__PORT": str(free_port()), "DRAGOMAN_ADMIN__PORT": "0"}
        for name in ("gateway@", "scheduler", "notifier", "signer"):
            shutil.rmtree(host.credentials)
            host.credentials.mkdir()
            process = host.start(
                f"dragoman-{name}.service", told, **port, DRAGOMAN_HTTP__DRAIN_S="0.2"
            )
            try:
                await asyncio.to_thread(told.until, "READY=1")
                await asyncio.to_thread(told.until, "WATCHDOG=1")
                await stops(process, told)
            except TimeoutError:
                raise AssertionError(host.log(f"dragoman-{name}.service")) from None
            finally:
                process.kill()
                process.wait()
    finally:
        await asyncio.to_thread(own.stop)


@pytest.mark.reads(*DEPLOYED)
async def test_a_sides_station_starts_with_what_it_joined_and_stops(
    host: Installed, told: Told, own: Service
) -> None:
    await asyncio.to_thread(join, own, host.lib / "station", "nato")
    environment = {"DRAGOMAN_HTTP__PORT": "0", "DRAGOMAN_ADMIN__PORT": "0"}
    process = host.start("dragoman-station.service", told, **environment)
    try:
        await asyncio.to_thread(told.until, "READY=1")
        await asyncio.to_thread(told.until, "WATCHDOG=1")
        await stops(process, told)
    except TimeoutError:
        raise AssertionError(host.log("dragoman-station.service")) from None
    finally:
        process.kill()
        process.wait()


@pytest.mark.reads(*DEPLOYED)
async def test_a_sides_own_witness_and_mirror_start_and_stop(
    host: Installed, told: Told, own: Service
) -> None:
    async with aiohttp.ClientSession() as session:
        about = (await Caller(session, own, "china/auditor").get("/v1/channels/nato-china")).json
    own.run("keys", "new", str(host.etc / "keys" / "witness-1.pem"))
    for name in ("witness", "mirror"):
        (host.etc / "keys" / f"{name}-1.token").write_text(own.token("china/auditor"))
        (host.etc / "keys" / f"{name}-1.token").chmod(0o600)
        lines = {
            "CID": about["cid"],
            "LOG": about["log"],
            "NAME": "china.example/witness",
            "DRAGOMAN_SERVER": own.base_url,
            "DRAGOMAN_CHANNEL": "nato-china",
            "DRAGOMAN_ADMIN__PORT": "0",
        }
        (host.etc / f"{name}-1.env").write_text("".join(f"{k}={v}\n" for k, v in lines.items()))
        process = host.start(f"dragoman-{name}@.service", told)
        try:
            await asyncio.to_thread(told.until, "READY=1")
            await stops(process, told)
        except TimeoutError:
            raise AssertionError(host.log(f"dragoman-{name}@.service")) from None
        finally:
            process.kill()
            process.wait()


@pytest.mark.reads(*DEPLOYED)
async def test_the_broker_of_a_node_starts_and_goes_as_a_lame_duck(
    host: Installed, told: Told, tmp_path: Path
) -> None:
    server = shutil.which("nats-server") or str(DRAGOMAN.parent / "nats-server")
    port = free_port()
    (host.etc / "nats").mkdir()
    (host.etc / "nats" / "nats.conf").write_text(
        f'listen: "127.0.0.1:{port}"\nlame_duck_duration: "30s"\nlame_duck_grace_period: "1s"\n'
        f'jetstream {{ store_dir: "{tmp_path / "store"}", sync_interval: always }}\n'
    )
    unit = host.unit("dragoman-nats.service")
    unit_start = unit["ExecStart"][0].replace("/usr/local/bin/nats-server", server)
    process = subprocess.Popen(
        shlex.split(unit_start), preexec_fn=confined(unit),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    break
                except ConnectionError:
                    await asyncio.sleep(0.05)
        writer.close()
        assert unit["ExecStop"] == ["/bin/kill -USR2 $MAINPID"]
        process.send_signal(signal.SIGUSR2)
        await asyncio.to_thread(process.wait, PATIENCE_S)
    finally:
        process.kill()
        process.wait()
    assert unit["User"] == ["dragoman-nats"]
