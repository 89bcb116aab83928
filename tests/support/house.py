"""A house in pieces: a broker and its gateways as processes of a test's own, each killed, stopped
and started by itself.

The broker is configured word for word as the embedded one, the gateways are `dragoman serve
gateway`; what is missing is the supervisor, which would start the broker again when the test wants
it dead.
"""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
import uuid
from pathlib import Path
from typing import Any, Final, Self

from dragoman import bootstrap
from dragoman.eventlog import broker
from patience import PATIENCE_S
from ports import free_port
from service import Service, all_stopped
from tcp_wire import Wire
from world import OFFICERS

CHANNEL: Final = "nato-china"
_START_SECONDS: Final = PATIENCE_S
_MEMORY: Final = 3 * 1024**3
"""Bytes of address space of a broker: with some damaged stores it takes all that there is."""


class DidNotStart(Exception):
    """The broker died, or did not listen in time; its last words."""


class Broker:
    """One nats-server on a data directory. Owns the process; its port stays the same over restarts."""

    def __init__(self, data: Path, *, port: int = 0, sync: str = "always") -> None:
        """Start it. Only a negative control has another `sync`."""
        self.data = data
        self.port = port or free_port()
        self.sync = sync
        self.log = data / "nats" / "nats.log"
        self.process: subprocess.Popen[bytes]
        self.start()

    @property
    def url(self) -> str:
        """The URL at which the broker listens."""
        return f"nats://127.0.0.1:{self.port}"

    @property
    def keys(self) -> Path:
        """The folder with the seeds of the service users."""
        return self.data / "keys"

    def start(self) -> None:
        """Start, and wait until it listens: its store is recovered by then."""
        for folder in ("ports", "jetstream"):
            (self.data / "nats" / folder).mkdir(parents=True, exist_ok=True)
        public = broker.make_user_keys(self.keys)
        free = shutil.disk_usage(self.data).free
        text = broker.configuration(self.data, f"test-{uuid.uuid4()}", self.port, public, free=free)
        config = self.data / "nats" / "nats.conf"
        config.write_text(text.replace("sync_interval: always", f"sync_interval: {self.sync}"))
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [broker.find(), "-c", config], stdout=output, stderr=output
            )
        resource.prlimit(self.process.pid, resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        deadline = time.monotonic() + _START_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.005)
            else:
                return
        self.stop(signal.SIGKILL)
        raise DidNotStart(self.log.read_text()[-3000:])

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Stop with a signal, and wait."""
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.send_signal(signal.SIGCONT)
        self.process.wait(20)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGKILL)

    def restart(self, number: int = signal.SIGKILL) -> None:
        """Stop, without a warning unless told otherwise, and start again on the same data and port."""
        self.stop(number)
        self.start()

    def stand_still(self) -> None:
        """Stop every thread, and wait until they have: a busy machine takes its time."""
        self.process.send_signal(signal.SIGSTOP)
        while not all_stopped(self.process.pid):
            time.sleep(0.001)

    def go_on(self) -> None:
        """Let them go on."""
        self.process.send_signal(signal.SIGCONT)


class Gateway(Service):
    """One `dragoman serve gateway` on a broker, on a port that stays the same over restarts."""

    def __init__(
        self,
        data: Path,
        nats_url: str,
        keys: Path,
        *arguments: str,
        name: str = "gateway",
        program: tuple[str, ...] = (),
        log: Path | None = None,
    ) -> None:
        """Start it. `program` replaces the command, for one whose clock is stepped."""
        self.tokens: dict[str, str] = {}
        self.name = name
        self.program = program or Service.program
        self.keys = keys
        self.port = free_port()
        self._nats_url = nats_url
        data.mkdir(parents=True, exist_ok=True)
        super().__init__(data, *arguments, log=log)

    def command(self) -> list[str | Path]:
        """The command line that starts it."""
        given: list[str | Path] = [
            "--nats-url",
            self.nats_url,
            "--nats-keys",
            self.keys,
            "--name",
            self.name,
        ]
        return ["serve", "gateway", "--data", self.data, *given, *self.arguments]

    @property
    def nats_url(self) -> str:
        """The URL of the service's broker."""
        return self._nats_url

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop with a signal, and wait; the exit code."""
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGCONT)
        return super().stop(number)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGKILL)

    def token(self, name: str) -> str:
        """A token by `side/role`."""
        return self.tokens[name]


class House:
    """A broker, a gateway on it, one channel, and a token for every officer."""

    def __init__(
        self,
        path: Path,
        *,
        wired: bool = False,
        gateway_data: Path | None = None,
        program: tuple[str, ...] = (),
    ) -> None:
        """Begin on an empty directory. If `wired`, the gateway reaches the broker by a wire;
        `program` is as for `Gateway`.
        """
        self.path = path
        bootstrap.initialise(path)
        self.broker = Broker(path)
        self.wire = Wire(self.broker.port)
        if gateway_data is not None:
            gateway_data.mkdir(parents=True, exist_ok=True)
            shutil.copy(path / "operator.token", gateway_data)
            shutil.copytree(path / "keys" / "log", gateway_data / "keys" / "log")
        url = f"nats://127.0.0.1:{self.wire.port}" if wired else self.broker.url
        try:
            self.gateway = Gateway(
                gateway_data or path,
                url,
                self.broker.keys,
                program=program,
                log=path.parent / "gateway.log",
            )
        except BaseException:
            self.broker.stop(signal.SIGKILL)
            raise
        try:
            self._open()
        except BaseException:
            self.__exit__()
            raise

    def _open(self) -> None:
        people = [
            (side, role, officer)
            for side in ("nato", "china")
            for role, officer in OFFICERS.items()
        ]
        officers = [
            {"side": side, "officer": officer, "office": "hq", "roles": [role]}
            for side, role, officer in people
        ]
        self._post(
            "/v1/channels", {"name": CHANNEL, "sides": ["nato", "china"], "officers": officers}
        )
        for side, role, officer in people:
            issued = self._post("/v1/tokens", {"actor": f"{side}/{officer}"})
            self.gateway.tokens[f"{side}/{role}"] = issued["token"]

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        headers = {
            "Authorization": f"Bearer {self.gateway.operator}",
            "Content-Type": "application/json",
            "Idempotency-Key": uuid.uuid4().hex,
        }
        request = urllib.request.Request(
            self.gateway.base_url + path, json.dumps(body).encode(), headers
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
            return json.load(response)

    def second(self, data: Path) -> Gateway:
        """Another gateway on the same broker, with the same tokens."""
        gateway = Gateway(data, self.broker.url, self.broker.keys, name="second")
        gateway.tokens = self.gateway.tokens
        return gateway

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.gateway.stop(signal.SIGKILL)
        self.broker.stop(signal.SIGKILL)
        self.wire.close()
