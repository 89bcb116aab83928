"""A host and two stations whose sides keep their own keys and cosign, and what moves their channel.

with Succession(path) as sides:
    sides.host.stop(signal.SIGKILL)
    heir = sides.succeed("china")
"""

import json
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from patience import PATIENCE_S
from premises import CHANNEL, SIDES, Placed, StationProcess
from tcp_wire import Wire
from traffic import WRITERS
from world import OFFICERS


class OwnStation(StationProcess):
    """A station that cosigns for a side whose keys are in files of its own."""

    def __init__(self, sides: "Succession", side: str) -> None:
        """Make the data and the witness's key. It joins and starts with `join`."""
        self.sides, self.side, self.actor = sides, side, f"{side}/station-1"
        self.data = sides.path / f"{side}-station"
        self.witness = sides.host.run(
            "station", "witness-key", f"{side}.example/witness", "--data", str(self.data)
        ).stdout.strip()

    def enter(self) -> None:
        """Join the host's channel, be entered there, and start."""
        sides, host = self.sides, self.sides.host
        self.wire = Wire(host.port)
        here = ("--data", str(self.data))
        self.join(host, self.wire.port)
        sign = ("--sign", str(sides.key(f"{self.side}-adm")))
        office = ("--office", "hq", *sign, *here, *sides.as_officer(f"{self.side}/administrator"))
        host.run("station", "enter", *office)
        for role in WRITERS:
            officer = (f"{self.side}/{OFFICERS[role]}", *sign, *here)
            host.run(
                "station", "keep-key", *officer, *sides.as_officer(f"{self.side}/administrator")
            )
        Placed.__init__(self, self.data, "--station")
        self.until_entered()

    def join(self, host: Placed, port: int) -> None:
        """Join the channel at a host; its address is a port of this machine."""
        address = ("--host", f"http://127.0.0.1:{port}")
        operator = ("--token-file", str(host.data / "operator.token"), "--channel", CHANNEL)
        invitation = host.run("station", "invite", *address, *operator).stdout
        witness = ("--witness", f"{self.side}.example/witness")
        host.run(
            *("station", "join", "-", "--as", self.actor, *witness, "--data", str(self.data)),
            stdin=invitation,
        )

    def move(self, host: Placed) -> None:
        """Join the channel at another host, and start again."""
        self.stop()
        self.wire.close()
        self.wire = Wire(host.port)
        self.join(host, self.wire.port)
        self.start()
        self.until_entered()

    def close_wire(self) -> None:
        """Close the wire to the host of now."""
        self.wire.close()

    def size(self) -> int:
        """Return the number of settled records of its copy."""
        return (self.copy / "offsets").stat().st_size // 8


class Succession:
    """A host, and a station of each side."""

    def __init__(self, path: Path) -> None:
        """Open the channel, and start all of it in an empty folder."""
        path.mkdir(parents=True)
        self.path = path
        with ExitStack() as stack:
            self.host = Placed(path / "host")
            stack.callback(self.host.stop, signal.SIGKILL)
            self.stations = [OwnStation(self, side) for side in SIDES]
            self._open()
            for station in self.stations:
                self._staff(station.side)
                station.enter()
                stack.callback(station.stop, signal.SIGKILL)
                stack.callback(station.close_wire)
            self._stack = stack.pop_all()

    def station(self, side: str) -> OwnStation:
        """Return the station of a side."""
        return next(station for station in self.stations if station.side == side)

    def key(self, name: str) -> Path:
        """Return the file of a key, made when it is wanted first."""
        file = self.path / f"{name}.pem"
        if not file.exists():
            public = self.host.run("keys", "new", str(file)).stdout.split()[0]
            file.with_suffix(".pub").write_text(public)
        return file

    def as_officer(self, name: str) -> tuple[str, ...]:
        """Return the arguments with which a command calls the host as an officer."""
        token = str(self.host.token_file(name))
        return ("--server", self.host.base_url, "--token-file", token, "--channel", CHANNEL)

    def _open(self) -> None:
        lines = [f"witness {side} {self.station(side).witness}" for side in SIDES]
        policy = "\n".join([*lines, f"group both all {' '.join(SIDES)}", "quorum both"])
        sides = [
            {"name": side, "roots": [self.key(f"{side}-root").with_suffix(".pub").read_text()]}
            for side in SIDES
        ]
        file, opening = self.path / "channel.json", self.path / "opening.json"
        file.write_text(json.dumps({"name": CHANNEL, "sides": sides, "policy": policy}))
        data = ("--data", str(self.host.data))
        self.host.run("channel", "draft", str(file), "--to", str(opening), *data)
        signatures = [
            self._signature(
                side, "channel", "sign", str(opening), "--key", str(self.key(f"{side}-root"))
            )
            for side in SIDES
        ]
        self.host.run("channel", "open", str(opening), *signatures, *data)

    def _signature(self, name: str, *command: str) -> str:
        file = self.path / f"{name}.sig"
        file.write_text(self.host.run(*command).stdout)
        return str(file)

    def _staff(self, side: str) -> None:
        host, entry = self.host, ("--office", "hq", "--role")
        root = host.call("POST", "/v1/tokens", {"actor": f"{side}/root"})["token"]
        (self.path / f"{side}-root.token").write_text(root)
        administrator = (
            f"{side}/adm-1",
            *entry,
            "administrator",
            "--key",
            str(self.key(f"{side}-adm")),
        )
        by_root = (
            "--sign",
            str(self.key(f"{side}-root")),
            "--token-file",
            str(self.path / f"{side}-root.token"),
        )
        host.run("officer", "add", *administrator, *by_root)
        for role, name in OFFICERS.items():
            if role != "administrator":
                signed = ("--sign", str(self.key(f"{side}-adm")))
                officer = (f"{side}/{name}", *entry, role, *signed)
                host.run("officer", "add", *officer, *self.as_officer(f"{side}/administrator"))

    # The move

    def heir(self, copy_of: str, name: str = "heir") -> Placed:
        """Restore the channel from a side's copy at a new host, which reads from then on."""
        data = self.path / name
        self.host.run(
            *("host", "succeed", str(self.station(copy_of).copy), "--author", f"{copy_of}/root"),
            *("--to", str(self.handover), "--url", "http://heir.example", "--data", str(data)),
        )
        heir = Placed(data)
        self._stack.callback(heir.stop, signal.SIGKILL)
        return heir

    @property
    def handover(self) -> Path:
        """The file of the handover."""
        return self.path / "handover.json"

    def sign(self, side: str, key: str = "root", check: int | None = 0) -> Any:
        """Have a side compare the handover with its station's copy, and sign it."""
        file, copy = str(self.key(f"{side}-{key}")), str(self.station(side).copy)
        done = self.host.run(
            "host", "sign", str(self.handover), "--copy", copy, "--key", file, check=check
        )
        (self.path / f"{side}.handover.sig").write_text(done.stdout)
        return done

    def open(self, heir: Placed, check: int | None = 0) -> Any:
        """Record the handover at the new host."""
        signatures = [str(self.path / f"{side}.handover.sig") for side in SIDES]
        return heir.run("host", "open", str(self.handover), *signatures, check=check)

    def move(self, copy_of: str, name: str = "heir") -> None:
        """Have the channel go on at a new host, from a side's copy, for both stations."""
        heir = self.heir(copy_of, name)
        with ThreadPoolExecutor() as both:
            list(both.map(lambda station: station.move(heir), self.stations))
        until(lambda: len({station.size() for station in self.stations}) == 1)
        for side in SIDES:
            self.sign(side)
        before = self.stations[0].size()
        self.open(heir)
        self.host = heir
        until(lambda: min(station.size() for station in self.stations) > before)

    def audit(self) -> None:
        """Verify the log of the host, and each copy."""
        facts = self.stations[0].joined
        self.host.run(
            *("audit", "verify", *self.as_officer("nato/auditor")),
            *("--cid", facts["cid"], "--log", facts["log"]),
        )
        for station in self.stations:
            station.audit()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def until(is_so: Callable[[], Any]) -> Any:
    """Wait until something is so; what it gave."""
    deadline = time.monotonic() + PATIENCE_S
    while not (given := is_so()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return given
