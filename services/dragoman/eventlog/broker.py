"""The embedded broker: a nats-server that this process configures, starts and stops.

A *lease* says that the data directory is in use. It is a locked file, and the broker
inherits its descriptor. The kernel releases the lock only when the last holder is dead.
So neither a second service nor an orphaned broker can share the data, and no decision
depends on a process id. The kernel tells the broker to stop when its supervisor dies.
"""

import asyncio
import ctypes
import fcntl
import os
import re
import secrets
import shutil
import signal
import sysconfig
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import nkeys
import structlog

from dragoman.eventlog.durability_guard import STORE_BYTES
from dragoman.eventlog.nats_connection import USERS, BrokerTls, NatsConnection, connected
from dragoman.limits import BROKER_VERSION

log = structlog.get_logger()

_LEASE_SECONDS: Final = 10.0
_START_SECONDS: Final = 600.0
"""The time limit for a start; a broker that restores a large store listens late.

As long as it lives, the supervisor waits, and logs a warning.
"""
_SLOW_SECONDS: Final = 5.0
_STEADY_SECONDS: Final = 15.0
_STOP_SECONDS: Final = 10.0
_RESTART_SECONDS: Final = (0.05, 0.2, 1.0, 2.0, 5.0)
_LEAST_STORE_BYTES: Final = 64 * 1024 * 1024
_ROOM_SECONDS: Final = 1.0
_RESTARTED_SECONDS: Final = 10.0
"""The shortest time between two restarts because of writes that failed."""
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None)
_VERSION: Final = re.compile(r"v(\d+)\.(\d+)\.(\d+)")

TEMPLATE: Final = """\
# Written by `dragoman up` at every start; deploy/nats/README.md says what each line is for.
server_name: "$server_name"
listen: "127.0.0.1:$port"
ports_file_dir: "$ports"
pid_file: "$ports/nats-server.pid"
max_payload: 1048576
lame_duck_duration: "30s"

jetstream {
  store_dir: "$store"
  sync_interval: always
  max_memory_store: 64MB
  max_file_store: $max_file_store
}

accounts {
  DRAGOMAN {
    jetstream: enabled
    users: [
      { nkey: "$steward", permissions: {
          publish: ["$JS.API.STREAM.CREATE.*", "$JS.API.STREAM.INFO.*", "$JS.API.STREAM.NAMES", \
"$KV.DRAGOMAN_HOST.log_key"]
          subscribe: ["_INBOX_steward.>"] } }
      { nkey: "$gateway", permissions: {
          publish: ["dragoman.v1.>", "$KV.DRAGOMAN_ACCESS.>", "$KV.DRAGOMAN_DRAFTS.>", \
"$KV.DRAGOMAN_COURIER.>", "$JS.API.STREAM.INFO.*", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST",
                    "$JS.API.STREAM.MSG.GET.*", "$JS.API.DIRECT.GET.*", "$JS.API.DIRECT.GET.*.>",
                    "dragoman.people.>", "$JS.API.STREAM.MSG.DELETE.DRAGOMAN_PEOPLE",
                    "dragoman.files.>", "dragoman.chunks.>", "$JS.API.STREAM.MSG.DELETE.DRAGOMAN_FILES",
                    "dragoman.keeper.v1.>"]
          subscribe: ["_INBOX_gateway.>", "tail.dragoman.v1.>"] } }
      { nkey: "$keeper", permissions: {
          subscribe: ["dragoman.keeper.v1.>"]
          allow_responses: { max: 1, expires: "60s" } } }
      { nkey: "$registrar", permissions: {
          publish: { allow: ["dragoman.seal.v1.*", "$JS.API.STREAM.INFO.*", \
"$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST", "$JS.API.STREAM.MSG.GET.*",
                             "$JS.API.DIRECT.GET.*", "$JS.API.DIRECT.GET.*.>"]
                     deny: ["$JS.API.DIRECT.GET.DRAGOMAN_PEOPLE", \
"$JS.API.DIRECT.GET.DRAGOMAN_PEOPLE.>", "$JS.API.STREAM.MSG.GET.DRAGOMAN_PEOPLE",
                            "$JS.API.DIRECT.GET.DRAGOMAN_FILES", "$JS.API.DIRECT.GET.DRAGOMAN_FILES.>", "$JS.API.STREAM.MSG.GET.DRAGOMAN_FILES",
                            "$JS.API.DIRECT.GET.KV_DRAGOMAN_ACCESS", "$JS.API.DIRECT.GET.KV_DRAGOMAN_ACCESS.>", "$JS.API.STREAM.MSG.GET.KV_DRAGOMAN_ACCESS",
                            "$JS.API.DIRECT.GET.KV_DRAGOMAN_DRAFTS", "$JS.API.DIRECT.GET.KV_DRAGOMAN_DRAFTS.>", "$JS.API.STREAM.MSG.GET.KV_DRAGOMAN_DRAFTS",
                            "$JS.API.DIRECT.GET.KV_DRAGOMAN_COURIER", "$JS.API.DIRECT.GET.KV_DRAGOMAN_COURIER.>", "$JS.API.STREAM.MSG.GET.KV_DRAGOMAN_COURIER"] }
          subscribe: ["_INBOX_registrar.>", "tail.dragoman.v1.>"] } }
      { nkey: "$auditor", permissions: {
          publish: { allow: ["$JS.API.STREAM.INFO.*", "$JS.API.STREAM.NAMES", \
"$JS.API.DIRECT.GET.*", "$JS.API.DIRECT.GET.*.>",
                             "$JS.API.CONSUMER.CREATE.*", "$JS.API.CONSUMER.CREATE.*.>", "$JS.API.CONSUMER.INFO.*.*",
                             "$JS.API.CONSUMER.DELETE.*.*", "$JS.API.CONSUMER.MSG.NEXT.*.*", "$JS.FC.>"]
                     deny: ["$JS.API.DIRECT.GET.DRAGOMAN_PEOPLE", \
"$JS.API.DIRECT.GET.DRAGOMAN_PEOPLE.>", "$JS.API.CONSUMER.CREATE.DRAGOMAN_PEOPLE", \
"$JS.API.CONSUMER.CREATE.DRAGOMAN_PEOPLE.>",
                            "$JS.API.DIRECT.GET.DRAGOMAN_FILES", "$JS.API.DIRECT.GET.DRAGOMAN_FILES.>", "$JS.API.CONSUMER.CREATE.DRAGOMAN_FILES", "$JS.API.CONSUMER.CREATE.DRAGOMAN_FILES.>",
                            "$JS.API.DIRECT.GET.KV_DRAGOMAN_ACCESS", "$JS.API.DIRECT.GET.KV_DRAGOMAN_ACCESS.>", "$JS.API.CONSUMER.CREATE.KV_DRAGOMAN_ACCESS", "$JS.API.CONSUMER.CREATE.KV_DRAGOMAN_ACCESS.>",
                            "$JS.API.DIRECT.GET.KV_DRAGOMAN_DRAFTS", "$JS.API.DIRECT.GET.KV_DRAGOMAN_DRAFTS.>", "$JS.API.CONSUMER.CREATE.KV_DRAGOMAN_DRAFTS", "$JS.API.CONSUMER.CREATE.KV_DRAGOMAN_DRAFTS.>",
                            "$JS.API.DIRECT.GET.KV_DRAGOMAN_COURIER", "$JS.API.DIRECT.GET.KV_DRAGOMAN_COURIER.>", "$JS.API.CONSUMER.CREATE.KV_DRAGOMAN_COURIER", "$JS.API.CONSUMER.CREATE.KV_DRAGOMAN_COURIER.>"] }
          subscribe: ["_INBOX_auditor.>", "tail.dragoman.v1.>"] } }
    ]
  }
  SYS {
    users: [
      { nkey: "$warden", permissions: {
          publish: ["$SYS.REQ.SERVER.PING.VARZ"]
          subscribe: ["_INBOX_warden.>"] } }
    ]
  }
}
system_account: SYS
"""


class BrokerError(Exception):
    """The broker cannot be found, started or kept running.

    The message says what to do.
    """


@dataclass(frozen=True, slots=True)
class BrokerEndpoint:
    """The broker's URL, its server name, and the folder with the seeds of its users.

    `tls` has the files with which connections are encrypted, if they are. `restart`
    asks the supervisor of this process's own broker to restart it.
    """

    url: str
    server_name: str
    keys: Path
    tls: BrokerTls | None = None
    restart: Callable[[], None] | None = None

    def seed(self, user: str) -> Path:
        """Return the file of a user's nkey seed."""
        return self.keys / f"nats-{user}.nk"

    def connected(self, user: str) -> AbstractAsyncContextManager[NatsConnection]:
        """Return a connection as a user, to enter. Raises `BrokerTlsError`."""
        return connected(self.url, user, self.seed(user), self.tls, self.restart)


def find(configured: Path | None = None) -> Path:
    """Return the path of a nats-server that is new enough.

    It is the configured one, or the system's, or the one of the extra `embedded`.
    Raises `BrokerError`.
    """
    if configured is not None:
        _require(configured)
        return configured
    bundled = Path(sysconfig.get_path("scripts")) / "nats-server"
    refused: list[str] = []
    for candidate in (shutil.which("nats-server"), str(bundled)):
        if candidate is None or not Path(candidate).exists():
            continue
        try:
            _require(Path(candidate))
        except BrokerError as error:
            refused.append(str(error))
            continue
        return Path(candidate)
    text = ".".join(map(str, BROKER_VERSION))
    raise BrokerError(
        f"no nats-server of at least {text} was found; install the extra `embedded`, or name "
        "one with --nats-server" + "".join(f" ({reason})" for reason in refused)
    )


def version_of(server: Path) -> tuple[int, ...]:
    """Return the version that a nats-server reports. Raises `BrokerError`."""
    import subprocess

    try:
        stdout = subprocess.run(
            [server, "--version"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise BrokerError(f"{server} cannot be run: {error}") from error
    match = _VERSION.search(stdout)
    return tuple(int(part) for part in match.groups()) if match else (0,)


def _require(server: Path) -> None:
    version = version_of(server)
    if version < BROKER_VERSION:
        text = ".".join(map(str, version))
        raise BrokerError(
            f"{server} is {text}; at least {'.'.join(map(str, BROKER_VERSION))} is needed, 2.15 "
            "is recommended"
        )


def make_user_keys(keys: Path) -> dict[str, str]:
    """Return the public nkeys of the service users, by user.

    Seeds that do not exist yet are generated. Only their owner can read the files.
    """
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    public: dict[str, str] = {}
    for user in USERS:
        path = keys / f"nats-{user}.nk"
        if not path.exists():
            write_secret(path, nkeys.encode_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_USER))
        pair = nkeys.from_seed(bytearray(path.read_bytes()))
        public[user] = pair.public_key.decode()
    return public


def write_secret(path: Path, secret: bytes) -> None:
    """Write a file that only its owner can read, either whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, secret)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fresh.rename(path)


def configuration(
    data: Path, server_name: str, port: int, public: dict[str, str], *, free: int
) -> str:
    """Return the broker's configuration.

    With `port` -1 the broker chooses a free port. `free` is the free disk space in
    bytes. The broker counts what its store has already against the limit of its store.
    """
    values = {
        "server_name": server_name,
        "port": str(port),
        "ports": str(data / "nats" / "ports"),
        "store": str(data / "nats" / "jetstream"),
        "max_file_store": str(_size_of(data / "nats") + max(free * 9 // 10, _LEAST_STORE_BYTES)),
        **public,
    }
    text = TEMPLATE
    for name, value in values.items():
        text = re.sub(rf"\${name}\b", lambda match, value=value: value, text)  # type: ignore[misc]
    return text


def _size_of(folder: Path) -> int:
    """Return the bytes of the files in a folder."""
    size = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # The broker may remove a file meanwhile.
            size += path.stat().st_size
    return size


def tie_to(supervisor: int) -> None:
    """Let the kernel end this process with its supervisor, a process id.

    End it at once if the supervisor is already dead. Call this between fork and exec:
    an inherited handler would take the signal and do nothing.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != supervisor:
        os._exit(1)


@asynccontextmanager
async def lease(data: Path) -> AsyncIterator[int]:
    """Hold the lease of the data directory.

    Raises `BrokerError` while another service, or its broker, uses the directory.
    """
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(data / "lease", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        await _lock(descriptor, data)
        yield descriptor
    finally:
        os.close(descriptor)


def set_aside(data: Path, stream: str) -> Path | None:
    """Move the files of a stream aside; the broker of the data directory must not run.

    Return their new path, or None if there were none.
    """
    path = next(iter((data / "nats" / "jetstream").glob(f"jetstream/*/streams/{stream}")), None)
    if path is None:
        return None
    aside = data / "set-aside"
    aside.mkdir(mode=0o700, exist_ok=True)
    number = sum(1 for _ in aside.iterdir()) + 1
    path.rename(to := aside / f"{stream}-{number}")
    return to


async def _lock(descriptor: int, data: Path) -> None:
    deadline = asyncio.get_running_loop().time() + _LEASE_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if asyncio.get_running_loop().time() > deadline:
                raise BrokerError(
                    f"{data} is in use by another dragoman, or by the broker that it left; stop "
                    "that one, or give another --data"
                ) from None
            await asyncio.sleep(0.1)
        else:
            return


@asynccontextmanager
async def supervised(data: Path, server: Path) -> AsyncIterator[BrokerEndpoint]:
    """Yield the endpoint of a running broker on a data directory.

    The broker is restarted whenever it dies, and stopped at the end.
    """
    async with supervising(data, server) as supervisor:
        yield supervisor.endpoint


@asynccontextmanager
async def supervising(data: Path, server: Path) -> AsyncIterator["Supervisor"]:
    """Yield the supervisor of a running broker, as `supervised` yields its endpoint."""
    public = make_user_keys(data / "keys")
    for folder in ("ports", "jetstream"):
        (data / "nats" / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    async with lease(data) as descriptor:
        supervisor = Supervisor(data, server, descriptor, public)
        await supervisor.start(-1)
        watching = asyncio.create_task(supervisor.watch())
        room = asyncio.create_task(supervisor.keep_writable())
        try:
            yield supervisor
        finally:
            watching.cancel()
            room.cancel()
            await supervisor.stop()


class Supervisor:
    """One broker and its restarts; it owns the process and the port.

    Everything else is in the data directory.
    """

    def __init__(self, data: Path, server: Path, lease: int, public: dict[str, str]) -> None:
        """Supervise a broker on a data directory; the broker inherits the lease."""
        self.server_name = f"dragoman-{uuid.uuid4()}"
        self._data = data
        self._server = server
        self._lease = lease
        self._public = public
        self._port = -1
        self._failed_to_write = False
        self.process: asyncio.subprocess.Process | None = None

    @property
    def config(self) -> Path:
        """The path of the broker's configuration, as it was last written."""
        return self._data / "nats" / "nats.conf"

    @property
    def endpoint(self) -> BrokerEndpoint:
        """The broker's current endpoint."""
        return BrokerEndpoint(
            f"nats://127.0.0.1:{self._port}",
            self.server_name,
            self._data / "keys",
            restart=self.could_not_write,
        )

    async def start(self, port: int) -> int:
        """Start the broker and return the port on which it listens."""
        config = self.config
        config.write_text(
            configuration(
                self._data,
                self.server_name,
                port,
                self._public,
                free=shutil.disk_usage(self._data).free,
            )
        )
        config.chmod(0o600)
        for stale in (self._data / "nats" / "ports").glob("*.ports"):
            stale.unlink()  # The kernel may assign the same process id again.
        supervisor = os.getpid()
        with (self._data / "nats" / "nats.log").open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                self._server,
                "-c",
                config,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(self._lease,),
                start_new_session=True,
                preexec_fn=lambda: tie_to(supervisor),
            )
        self._port = await self._listening()
        log.info(
            "broker.started",
            url=f"nats://127.0.0.1:{self._port}",
            server=str(self._server),
            pid=self.process.pid,
        )
        return self._port

    async def _listening(self) -> int:
        assert self.process is not None
        begun = asyncio.get_running_loop().time()
        deadline, patience = begun + _START_SECONDS, begun + _SLOW_SECONDS
        ports = self._data / "nats" / "ports"
        while asyncio.get_running_loop().time() < deadline:
            if self.process.returncode is not None:
                raise BrokerError(
                    f"the broker stopped at once, code {self.process.returncode}; its last "
                    f"words: {self._last_words()}"
                )
            for path in ports.glob(f"*_{self.process.pid}.ports"):
                text = path.read_bytes()
                if text.endswith(b"}"):
                    url = msgspec.json.decode(text)["nats"][0]
                    return int(str(url).rpartition(":")[2])
            if asyncio.get_running_loop().time() > patience:
                patience = deadline
                log.warning(
                    "broker.restoring",
                    data=str(self._data),
                    do="wait: a large store takes seconds per million records",
                )
            await asyncio.sleep(0.005)
        raise BrokerError(
            f"the broker did not listen within {_START_SECONDS:g} s; its last words: "
            f"{self._last_words()}"
        )

    def _last_words(self) -> str:
        text = (self._data / "nats" / "nats.log").read_text(errors="replace")
        return " / ".join(text.strip().splitlines()[-3:]) or "none"

    async def watch(self) -> None:
        """Restart the broker on its port whenever it dies, with growing delays."""
        failures = 0
        while True:
            assert self.process is not None
            begun = asyncio.get_running_loop().time()
            code = await self.process.wait()
            if asyncio.get_running_loop().time() - begun > _STEADY_SECONDS:
                failures = 0
            log.error(
                "broker.died",
                code=code,
                restarting_in_s=_RESTART_SECONDS[min(failures, len(_RESTART_SECONDS) - 1)],
            )
            await asyncio.sleep(_RESTART_SECONDS[min(failures, len(_RESTART_SECONDS) - 1)])
            failures += 1
            try:
                await self.start(self._port)
            except (BrokerError, OSError) as error:
                log.warning("broker.not_started", error=str(error))

    def could_not_write(self) -> None:
        """Have the broker restarted as soon as there is room on its disk.

        A stream that it once could not write stays read-only until then.
        """
        self._failed_to_write = True

    async def keep_writable(self) -> None:
        """Restart the broker when there is room again, if a write of it has failed.

        While the disk is full some of its writes fail, whoever waits for them.
        """
        while True:
            await asyncio.sleep(_ROOM_SECONDS)
            free = shutil.disk_usage(self._data / "nats").free
            if free < STORE_BYTES:
                self._failed_to_write = True
            elif self._failed_to_write and self.process is not None:
                self._failed_to_write = False
                log.warning("broker.restarts_with_room", free_bytes=free)
                with suppress(ProcessLookupError):
                    self.process.terminate()
                await asyncio.sleep(_RESTARTED_SECONDS)

    async def stop(self) -> None:
        """Ask the broker to stop, and kill it after a while."""
        if self.process is None or self.process.returncode is not None:
            return
        self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), _STOP_SECONDS)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
