"""A host and stations, each a process on its own data and port, and a wire from each station to the
host.

    with Premises(path) as premises:
        premises.station("nato").wire.cut()

One station a side signs for all officers of its side. The host keeps the administrators' keys.
"""

import json
import os
import shutil
import signal
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Self

from patience import PATIENCE_S
from ports import free_port
from service import Service
from tcp_wire import Wire
from traffic import WRITERS
from world import OFFICERS

CHANNEL: Final = "nato-china"
SIDES: Final = ("nato", "china")


class Placed(Service):
    """A service whose port stays the same over restarts, and that issues tokens for officers."""

    def __init__(self, data: Path, *arguments: str, **environment: str) -> None:
        """Start it."""
        self.port = free_port()
        self._tokens: dict[str, str] = {}
        super().__init__(data, *arguments, environment=environment)

    def call(self, method: str, path: str, body: Any = None, token: str = "") -> Any:
        """Return the answer to the operator, or to the bearer of a token. Raises `HTTPError`."""
        headers = {
            "Authorization": f"Bearer {token or self.operator}",
            "Content-Type": "application/json",
            "Idempotency-Key": uuid.uuid4().hex,
        }
        raw = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base_url + path, raw, headers, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
            return json.loads(response.read() or b"null")

    def token(self, name: str) -> str:
        """Return a token by `side/role`, issued when it is wanted first."""
        if name not in self._tokens:
            side, _, role = name.partition("/")
            body = {"actor": f"{side}/{OFFICERS[role]}"}
            self._tokens[name] = self.call("POST", "/v1/tokens", body)["token"]
        return self._tokens[name]

    def token_file(self, name: str) -> Path:
        """Return a file with a token, for the command line."""
        file = self.data.parent / f"{self.data.name}-{name.replace('/', '-')}.token"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(self.token(name))
        return file

    def backed_up(self) -> Path:
        """Stop, copy the data as they are, and start again; return the copy."""
        copy = Path(tempfile.mkdtemp(dir=self.data.parent, prefix="backup-")) / "data"
        self.stop()
        shutil.copytree(self.data, copy)
        self.start()
        return copy

    def restore(self, copy: Path) -> None:
        """Put old data back into the same directory, so that nothing shows it, and start."""
        self.stop(signal.SIGKILL)
        for item in self.data.iterdir():
            if item.name != "place.json":
                shutil.rmtree(item) if item.is_dir() else item.unlink()
        ignored = shutil.ignore_patterns("place.json")
        shutil.copytree(copy, self.data, ignore=ignored, dirs_exist_ok=True)
        self.start()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop with a signal, also where it stands still, and wait; the exit code."""
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGCONT)
        return super().stop(number)


class StationProcess(Placed):
    """One `dragoman up --station`, and the wire from it to the host."""

    def __init__(self, host: Placed, data: Path, actor: str) -> None:
        """Join the host's channel, be entered there, and start."""
        self.actor = actor
        self.side, _, _ = actor.partition("/")
        self.wire = Wire(host.port)
        administrator = host.token_file(f"{self.side}/administrator")
        at_host = ("--server", host.base_url, "--token-file", str(administrator))
        in_channel = (*at_host, "--channel", CHANNEL)
        address = f"http://127.0.0.1:{self.wire.port}"
        invitation = host.run("station", "invite", "--host", address, *in_channel).stdout
        here = ("--data", str(data))
        host.run("station", "join", "-", "--as", actor, *here, stdin=invitation)
        host.run("station", "enter", "--office", "hq", *here, *in_channel)
        for role in WRITERS:
            host.run("station", "keep-key", f"{self.side}/{OFFICERS[role]}", *here, *in_channel)
        super().__init__(data, "--station")
        self.until_entered()

    @property
    def joined(self) -> dict[str, str]:
        """The channel as the station has pinned it: its cid, and its log's key."""
        joined = json.loads((self.data / "station" / "joined.json").read_text())
        channel: dict[str, str] = joined["hosts"][0]["channels"][0]
        return channel

    @property
    def copy(self) -> Path:
        """The folder of its copy."""
        return self.data / "copies" / CHANNEL

    def until_entered(self) -> None:
        """Wait until its own copy has its officers."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                self.token(f"{self.side}/auditor")
            except urllib.error.HTTPError:
                assert time.monotonic() < deadline, self.log.read_text()[-3000:]
                time.sleep(0.02)
            else:
                return

    def line(self) -> dict[str, Any]:
        """Return the state of the line, with the entries of the outbox."""
        path, officer = f"/v1/channels/{CHANNEL}/outbox", self.token(f"{self.side}/officer")
        view: dict[str, Any] = self.call("GET", path, token=officer)
        return view

    def on_their_way(self) -> list[dict[str, Any]]:
        """Return the entries of the outbox that are neither recorded nor returned."""
        entries: list[dict[str, Any]] = self.line()["entries"]
        return [entry for entry in entries if entry["state"] not in ("returned", "recorded")]

    def audit(self) -> None:
        """Verify its copy from the first record, with the facts that it has pinned.

        The station has the folder itself open, so a copy of it is verified.
        """
        facts = ("--cid", self.joined["cid"], "--log", self.joined["log"])
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(self.copy, folder, dirs_exist_ok=True)
            self.run("audit", "verify", folder, *facts)


class Premises:
    """A host with one channel, and a station for each side."""

    def __init__(self, path: Path, **environment: str) -> None:
        """Start all of it in an empty folder. The host has these environment variables."""
        with ExitStack() as stack:
            path.mkdir(parents=True)
            self.host = Placed(path / "host", **environment)
            stack.callback(self.host.stop, signal.SIGKILL)
            officers = [
                {"side": side, "officer": officer, "office": "hq", "roles": [role]}
                for side in SIDES
                for role, officer in OFFICERS.items()
            ]
            opening = {"name": CHANNEL, "sides": list(SIDES), "officers": officers}
            self.host.call("POST", "/v1/channels", opening)
            self.stations: list[StationProcess] = []
            self._path, self._stack = path, stack
            for side in SIDES:
                self.add(f"{side}/station-1")
            self._stack = stack.pop_all()

    def add(self, actor: str) -> StationProcess:
        """Start another station."""
        station = StationProcess(self.host, self._path / actor.replace("/", "-"), actor)
        self._stack.callback(station.wire.close)
        self._stack.callback(station.stop, signal.SIGKILL)
        self.stations.append(station)
        return station

    def station(self, side: str) -> StationProcess:
        """Return the first station of a side."""
        return next(station for station in self.stations if station.side == side)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def audit(self) -> None:
        """Verify the log of the host, and each copy."""
        auditor = str(self.host.token_file("nato/auditor"))
        facts = self.stations[0].joined
        self.host.run(
            *("audit", "verify", "--server", self.host.base_url, "--token-file", auditor),
            *("--channel", CHANNEL, "--cid", facts["cid"], "--log", facts["log"]),
        )
        for station in self.stations:
            station.audit()
