"""Three real nodes of a cluster, started from the files in deploy/nats/cluster, and connections to
them.

Of those files only names, addresses, paths and keys are replaced. Without a folder of `certificates`, nothing is
encrypted. `admin=True` adds a user who may
do everything, for what no service may: make a leader step down, delete a stream.
"""

import asyncio
import gc
import json
import re
import secrets
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError
from urllib.request import urlopen

import nkeys

from dragoman.eventlog import broker, stream_config
from dragoman.eventlog.durability_guard import DurabilityGuard
from dragoman.eventlog.jetstream import JetStreamLog
from dragoman.eventlog.nats_connection import NatsConnection, connected
from patience import PATIENCE_S
from ports import free_port

CONFIG = Path(__file__).parents[2] / "deploy" / "nats" / "cluster"
NAMES = ("n1", "n2", "n3")
STREAM = stream_config.stream_of("nato-china")
REPLICAS = 3
_WHOLE_SECONDS = PATIENCE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The addresses at which a node listens: for clients, for the monitor's questions, for the
    other nodes. `command` comes before the node's own command.
    """

    client: str
    monitor: str
    route: str
    command: tuple[str, ...] = ()


def loopback() -> list[Place]:
    """Three places on free ports of this machine."""
    free = [f"127.0.0.1:{free_port()}" for _ in range(9)]
    return [Place(client=free[n], monitor=free[n + 3], route=free[n + 6]) for n in range(3)]


class Node:
    """One node: its files, its process, and what it says of itself."""

    def __init__(self, name: str, folder: Path, place: Place) -> None:
        self.name = name
        self.folder = folder
        self.place = place
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL to which clients connect."""
        return f"nats://{self.place.client}"

    @property
    def runs(self) -> bool:
        """Return whether the node's process lives."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start it."""
        command = (*self.place.command, str(broker.find()), "-c", str(self.folder / "nats.conf"))
        with (self.folder / "nats.log").open("ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output)

    def signal(self, number: int) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """Kill it with -9."""
        self.signal(signal.SIGKILL)
        self.wait()

    def wait(self) -> None:
        """Wait until it has ended."""
        assert self.process is not None
        self.process.wait(90)

    def asked(self, path: str) -> Any:
        """Return the answer of the node's monitor, or an empty object if it does not answer."""
        try:
            with urlopen(f"http://{self.place.monitor}{path}", timeout=1) as answer:
                return json.load(answer)
        except HTTPError as error:
            with error:
                return json.load(error)
        except (OSError, ValueError):
            return {}

    @property
    def healthy(self) -> bool:
        """Return whether the node knows the cluster's leader, and its logs are all up to date."""
        return bool(self.asked("/healthz").get("status") == "ok")

    def leader(self, stream: str) -> str:
        """Return the leader of a stream, as this node believes. An empty text means nobody or
        unknown.
        """
        for account in self.asked("/jsz?accounts=true&streams=true").get("account_details", ()):
            for detail in account.get("stream_detail", ()):
                if detail["name"] == stream:
                    return str(detail.get("cluster", {}).get("leader", ""))
        return ""


class RealCluster:
    """Three nodes, each of which a test may stop, kill, pause and start again."""

    def __init__(
        self,
        folder: Path,
        places: Sequence[Place] = (),
        *,
        admin: bool = False,
        certificates: Path | None = None,
    ) -> None:
        self._certificates = certificates
        self.keys = folder / "keys"
        public = broker.make_user_keys(self.keys)
        if admin:
            public["admin"] = self._make_admin()
        places = places or loopback()
        password = secrets.token_hex(16)
        self.nodes = {
            name: Node(name, folder / name, place)
            for name, place in zip(NAMES, places, strict=True)
        }
        for node in self.nodes.values():
            self._configure(node, public, password)

    def __enter__(self) -> Self:
        """Start it."""
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop what runs."""
        self.stop()

    def _make_admin(self) -> str:
        seed = nkeys.encode_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_USER)
        broker.write_secret(self.keys / "nats-admin.nk", seed)
        return str(nkeys.from_seed(bytearray(seed)).public_key.decode())

    def _configure(self, node: Node, public: dict[str, str], password: str) -> None:
        node.folder.mkdir(parents=True)
        common, own, site = (
            (CONFIG / name).read_text() for name in ("nats.conf", "node.conf", "site.conf")
        )
        for old, new in (
            ("n1", node.name),
            ("10.0.0.1:4222", node.place.client),
            ("127.0.0.1:8222", node.place.monitor),
        ):
            own = _replaced(own, old, new)
        own = _replaced(own, "10.0.0.1:6222", node.place.route)
        for number, other in enumerate(self.nodes.values(), 1):
            site = _replaced(site, f"10.0.0.{number}:6222", other.place.route)
        site = _replaced(
            _replaced(site, "change-this-password", password),
            "/var/lib/nats",
            str(node.folder / "jetstream"),
        )
        for user, key in public.items():
            site = (
                re.sub(rf"(?m)^{user.upper()}_KEY: .*$", "", site)
                + f'{user.upper()}_KEY: "{key}"\n'
            )
        if "admin" in public:
            common = _replaced(
                common,
                "users: [\n      { nkey: $STEWARD_KEY",
                "users: [\n      { nkey: $ADMIN_KEY }\n      { nkey: $STEWARD_KEY",
            )
        tls = (CONFIG / "tls.conf").read_text()
        if self._certificates is None:
            assert common.count('tls { include "tls.conf" }') == 2
            common = common.replace('tls { include "tls.conf" }', "")
        else:
            for file, here in {"node.": f"{node.name}.", "ca.pem": "ca.pem"}.items():
                tls = _replaced(tls, f"/var/lib/nats/{file}", f"{self._certificates}/{here}")
        files = {"nats.conf": common, "node.conf": own, "site.conf": site, "tls.conf": tls}
        for name, text in files.items():
            (node.folder / name).write_text(text)

    @property
    def url(self) -> str:
        """All three, as gateways are given them."""
        return ",".join(node.url for node in self.nodes.values())

    @property
    def running(self) -> list[Node]:
        """The nodes whose processes live."""
        return [node for node in self.nodes.values() if node.runs]

    def start(self) -> None:
        """Start what does not run, and wait until every node knows the leader and is up to date."""
        for node in self.nodes.values():
            if node.runs:
                node.signal(signal.SIGCONT)
            else:
                node.start()
        self.until(
            lambda: all(node.healthy for node in self.nodes.values()), "the cluster is whole"
        )

    def stop(self) -> None:
        """Kill all nodes."""
        for node in self.running:
            node.kill()

    def leader(self, stream: str, other_than: Node | None = None) -> Node:
        """The node that leads a stream, as it says itself, as soon as it is another one than that."""
        found: list[Node] = []

        def leads() -> bool:
            found[:] = [
                node
                for node in self.running
                if node is not other_than and node.leader(stream) == node.name
            ]
            return bool(found)

        self.until(leads, f"{stream} has a leader")
        return found[0]

    def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait for something. Fails with what ails the nodes."""
        deadline = time.monotonic() + _WHOLE_SECONDS
        while not true():
            if time.monotonic() > deadline:
                health = {
                    name: node.asked("/healthz?details=true") for name, node in self.nodes.items()
                }
                raise AssertionError(f"not within {_WHOLE_SECONDS:g} s: {what}", health)
            time.sleep(0.05)


class Clients:
    """Connections to a cluster, closed when a test ends, and what only its administrator may do.
    Stands where `RealBroker` does.
    """

    def __init__(self, stack: AsyncExitStack, cluster: RealCluster) -> None:
        self.cluster = cluster
        self._stack = stack
        self._buses: list[NatsConnection] = []
        self.guard: DurabilityGuard
        self._admin: NatsConnection
        self._warden: NatsConnection

    @classmethod
    @asynccontextmanager
    async def of(cls, cluster: RealCluster) -> AsyncIterator["Clients"]:
        """With a guard that has been proven, and no channel's log."""
        async with AsyncExitStack() as stack:
            clients = cls(stack, cluster)
            clients._warden = await clients.bus("warden")
            clients.guard = DurabilityGuard(clients._warden)
            await clients.proven()
            proving = asyncio.create_task(clients._prove_on())
            stack.callback(proving.cancel)
            clients._admin = await clients.bus("admin")
            await clients._admin.api(f"STREAM.DELETE.{STREAM}")
            yield clients

    async def _prove_on(self) -> None:
        """Prove again and again, as a gateway does."""
        while True:
            await asyncio.sleep(1)
            await self.guard.prove()

    async def proven(self) -> None:
        """Ask until the guard has its proof. Busy nodes may answer too late."""
        async with asyncio.timeout(PATIENCE_S):
            await self.guard.prove()
            while not self.guard.proven:
                await asyncio.sleep(0.05)
                await self.guard.prove()

    async def bus(self, user: str = "gateway", node: str = "") -> NatsConnection:
        """A new connection as a user, to any node or to that one alone."""
        url = self.cluster.nodes[node].url if node else self.cluster.url
        bus = await self._stack.enter_async_context(
            connected(url, user, self.cluster.keys / f"nats-{user}.nk")
        )
        self._buses.append(bus)
        return bus

    async def log(self, node: str = "", channel: str = "nato-china") -> JetStreamLog:
        """A channel's log on three replicas, on a connection of its own."""
        await stream_config.create(await self.bus("steward"), channel, REPLICAS)
        return JetStreamLog(channel, await self.bus(node=node), self.guard, replicas=REPLICAS)

    async def leader(self, other_than: Node | None = None) -> Node:
        """The node that leads the log, as soon as it is another one than that."""
        return await asyncio.to_thread(self.cluster.leader, STREAM, other_than)

    async def restart(self) -> None:
        """Kill all nodes with -9, and wait until all are back and up to date, every connection
        stands, and the guard has proven them.
        """
        standing = [(bus, bus.losses) for bus in self._buses if bus.up]
        asked_again = asyncio.Event()

        async def told() -> None:
            asked_again.set()

        self._warden.reconnected.append(told)  # after the guard, which has asked by then
        await asyncio.to_thread(self.cluster.stop)
        await asyncio.to_thread(self.cluster.start)
        async with asyncio.timeout(PATIENCE_S):
            await asked_again.wait()
            while not all(bus.up and bus.losses > losses for bus, losses in standing):
                await asyncio.sleep(0.01)
        self._warden.reconnected.remove(told)
        await self.proven()
        gc.collect()  # nats-py leaves the socket of a handshake that broke off to the collector, who needs the loop that it belongs to

    async def step_down(self) -> None:
        """Make the leader of the log step down, and wait until another one leads."""
        old = await self.leader()
        await self._admin.api(f"STREAM.LEADER.STEPDOWN.{STREAM}")
        await self.leader(other_than=old)


def _replaced(text: str, old: str, new: str) -> str:
    """The text with every `old` replaced; it must be there, or the files and this module have
    drifted apart.
    """
    assert old in text, old
    return text.replace(old, new)
