"""Gateways on a cluster, by `dragoman serve`, and the one channel that they share."""

import asyncio
import select
import subprocess
from pathlib import Path
from typing import Any

import aiohttp

from cluster import REPLICAS, RealCluster
from dragoman import wiring
from service import DRAGOMAN, Caller, Service

CHANNEL = "nato-china"
C = f"/v1/channels/{CHANNEL}"
OFFICER = "nato/o-1"
_OPENING: dict[str, Any] = {
    "name": CHANNEL,
    "sides": ["nato", "china"],
    "officers": [{"side": "nato", "officer": "o-1", "office": "hq", "roles": ["officer", "duty_officer", "auditor"]}],
}
_FOUND_SECONDS = 20


class Gateway(Service):
    """A gateway on nodes of a cluster. All who call it are the operator or the one officer."""

    def __init__(self, cluster: RealCluster, data: Path, nats_url: str) -> None:
        self.cluster = cluster
        self.nats_url = nats_url
        self.officer = ""
        wiring.initialise(data)
        super().__init__(data)

    def start(self) -> None:
        config = self.data / "dragoman.toml"
        config.write_text(f"[nats]\nreplicas = {REPLICAS}\n")
        where = ["--nats-url", self.nats_url, "--nats-keys", str(self.cluster.keys), "--data", str(self.data), "--config", str(config)]
        with self.log.open("a") as errors:
            self.process = subprocess.Popen(
                [DRAGOMAN, "serve", "gateway", *where, "--port", "0", "--log-format", "json"],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert self.process.stdout is not None
        self.stdout = self.process.stdout
        ready, _, _ = select.select([self.stdout], [], [], 30)
        self.base_url = self.stdout.readline().strip() if ready else ""
        assert self.base_url, self.log.read_text()[-3000:]

    def token(self, name: str) -> str:
        """The officer's, whoever is meant."""
        return self.officer if name else ""


async def open_channel(session: aiohttp.ClientSession, gateways: list[Gateway]) -> None:
    """Open the channel at the first gateway, and wait until all have it."""
    operator = Caller(session, gateways[0], "operator")
    opened = await operator.call("POST", "/v1/channels", _OPENING)
    assert opened.status == 201, opened.body
    token = (await operator.call("POST", "/v1/tokens", {"actor": OFFICER, "channels": [CHANNEL]})).json["token"]
    for gateway in gateways:
        gateway.officer = token
        async with asyncio.timeout(_FOUND_SECONDS):
            while (await Caller(session, gateway, OFFICER).get(f"{C}/state")).status != 200:
                await asyncio.sleep(0.1)
