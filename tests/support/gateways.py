"""Gateways on a cluster, by `dragoman serve`, the one channel that they share, and its replay from
the nodes themselves.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from cluster import REPLICAS, RealCluster
from dragoman import bootstrap
from dragoman.audit.replay import Replay
from dragoman.domain.record.codec import parse
from dragoman.eventlog.event_log import LogUnreachable
from dragoman.eventlog.jetstream import JetStreamLog
from dragoman.eventlog.nats_connection import connected
from dragoman.eventlog.stream_config import last_position
from dragoman.limits import READ_RECORDS
from patience import PATIENCE_S
from service import Caller, Service

CHANNEL = "nato-china"
C = f"/v1/channels/{CHANNEL}"
OFFICER = "nato/o-1"
_OPENING: dict[str, Any] = {
    "name": CHANNEL,
    "sides": ["nato", "china"],
    "officers": [
        {
            "side": "nato",
            "officer": "o-1",
            "office": "hq",
            "roles": ["officer", "duty_officer", "auditor"],
        }
    ],
}
_FOUND_SECONDS = PATIENCE_S
T = TypeVar("T")


class Gateway(Service):
    """A gateway on nodes of a cluster. All who call it are the operator or the one officer. The
    `first` has the keys of the host, and the others have none.
    """

    def __init__(
        self, cluster: RealCluster, data: Path, nats_url: str, first: "Gateway | None" = None
    ) -> None:
        self.cluster = cluster
        self.first = first or self
        self.officer = ""
        self._nats_url = nats_url
        if first is None:
            bootstrap.initialise(data)
        data.mkdir(exist_ok=True)
        (data / "dragoman.toml").write_text(f"[nats]\nreplicas = {REPLICAS}\n")
        super().__init__(data)

    def command(self) -> list[str | Path]:
        where: list[str | Path] = ["--nats-url", self.nats_url, "--nats-keys", self.cluster.keys]
        return [
            "serve",
            "gateway",
            *where,
            "--data",
            self.data,
            "--config",
            self.data / "dragoman.toml",
        ]

    @property
    def nats_url(self) -> str:
        """The nodes that it is told of."""
        return self._nats_url

    @property
    def operator(self) -> str:
        """The operator's token, which is the same at all gateways."""
        return (self.first.data / "operator.token").read_text()

    def token(self, name: str) -> str:
        """The officer's, whoever is meant."""
        return self.officer if name else ""


async def open_channel(
    session: aiohttp.ClientSession, gateways: list[Gateway], dice: random.Random | None = None
) -> None:
    """Open the channel at any gateway, by the dice, and wait until all have it."""
    operator = Caller(session, (dice or random.Random()).choice(gateways), "operator")
    opened = await operator.call("POST", "/v1/channels", _OPENING)
    assert opened.status == 201, opened.body
    token = (
        await operator.call("POST", "/v1/tokens", {"actor": OFFICER, "channels": [CHANNEL]})
    ).json["token"]
    for gateway in gateways:
        gateway.officer = token
        async with asyncio.timeout(_FOUND_SECONDS):
            while (await Caller(session, gateway, OFFICER).get(f"{C}/state")).status != 200:
                await asyncio.sleep(0.1)


async def replayed(cluster: RealCluster, least: int = 0) -> tuple[Replay, dict[str, list[int]]]:
    """The log folded to the end that its leader knows, and where each id stands.

    A node that catches up has a shorter one, and one that was cut off may still answer as the
    leader: `least` is known to be there.
    """
    fold, found = Replay(), dict[str, list[int]]()
    async with (
        connected(cluster.url, "auditor", cluster.keys / "nats-auditor.nk") as bus,
        asyncio.timeout(PATIENCE_S),
    ):
        log = JetStreamLog(CHANNEL, bus, replicas=REPLICAS)
        last = max(least, await _answered(lambda: last_position(bus, CHANNEL)))
        while (position := fold.standing.state.position) < last:
            for message in await _answered(partial(log.read, position + 1, READ_RECORDS)):
                fold.take([message.raw])
                found.setdefault(parse(message.raw).envelope.id, []).append(message.position)
    return fold, found


async def _answered(ask: Callable[[], Awaitable[T]]) -> T:
    """Return the answer, and ask again while the log is unreachable. An answer may be on a route
    between nodes just when that route is given up.
    """
    while True:
        try:
            return await ask()
        except LogUnreachable:
            await asyncio.sleep(0.1)
