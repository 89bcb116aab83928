"""A cluster whose connections are encrypted, from the files in deploy/nats/cluster: gateways need
the authority's certificate and one of their own.
"""

import asyncio
import json
import os
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pyrage
import pytest

from certificates import certificate, issued
from cluster import REPLICAS, RealCluster
from dragoman import bootstrap, metrics
from dragoman.cli.common import UNREACHABLE
from dragoman.eventlog.durability_guard import DurabilityGuard
from dragoman.eventlog.nats_connection import BrokerTls, BrokerTlsError, NatsConnection, connected
from dragoman.settings import SettingsError, load
from gateways import CHANNEL, OFFICER, Gateway, open_channel
from patience import PATIENCE_S
from read_files import DEPLOYED
from service import DRAGOMAN, NOTE, Caller, Service

pytestmark = pytest.mark.reads(*DEPLOYED)

C = f"/v1/channels/{CHANNEL}"
_LINES = "application/x-ndjson"
_VARZ = "$SYS.REQ.SERVER.PING.VARZ"
_DAY = 86400.0


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    return issued(tmp_path / "certificates", ["n1", "n2", "n3"], ["gateway"])


@pytest.fixture
def cluster(tmp_path: Path, certificates: Path) -> Iterator[RealCluster]:
    with RealCluster(tmp_path / "cluster", certificates=certificates) as made:
        yield made


def settings_of(certificates: Path, ca: str = "ca.pem", own: str = "gateway") -> str:
    return (
        f'[nats]\nreplicas = {REPLICAS}\nca = "{certificates / ca}"\n'
        f'certificate = "{certificates / own}.pem"\nkey = "{certificates / own}.key"\n'
    )


def tls_of(certificates: Path) -> BrokerTls:
    own = certificates / "gateway"
    return BrokerTls(ca=str(certificates / "ca.pem"), certificate=f"{own}.pem", key=f"{own}.key")


class Encrypted(Gateway):
    """A gateway of the cluster with the certificates that it needs."""

    def __init__(self, cluster: RealCluster, data: Path, certificates: Path) -> None:
        data.mkdir()
        self._settings = settings_of(certificates)
        super().__init__(cluster, data, cluster.url.replace("nats://", "tls://"))

    def start(self) -> None:
        (self.data / "dragoman.toml").write_text(self._settings)
        super().start()


@pytest.mark.long
async def test_posts_and_a_dead_leader_pass_over_encrypted_connections(
    cluster: RealCluster, certificates: Path, tmp_path: Path
) -> None:
    gateway = await asyncio.to_thread(Encrypted, cluster, tmp_path / "one", certificates)
    try:
        async with aiohttp.ClientSession() as session:
            await open_channel(session, [gateway])
            officer = Caller(session, gateway, OFFICER)
            first = await officer.open(NOTE, CHANNEL)
            leader = await asyncio.to_thread(cluster.leader, f"DRAGOMAN_LOG_{CHANNEL.upper()}")
            await asyncio.to_thread(leader.kill)
            async with asyncio.timeout(PATIENCE_S):
                key = "a-key-for-the-second-note"
                while (answer := await officer.post(f"{C}/contacts", NOTE, key=key)).status != 201:
                    assert answer.status == 503, answer.body
                    await asyncio.sleep(0.3)
            positions = await officer.positions(CHANNEL)
            assert len(positions[first.json["id"]]) == len(positions[answer.json["id"]]) == 1
        known = json.loads((gateway.data / "server.json").read_text())
        assert known["nats_ca"] == str(certificates / "ca.pem")
        token = tmp_path / "officer.token"
        token.touch(mode=0o600)
        token.write_text(gateway.officer)
        replay = ("audit", "replay", "--from-log", "--channel", CHANNEL, "--token-file", str(token))
        async with asyncio.timeout(PATIENCE_S):
            # Heads and digests have leaders of their own; until they are elected, the command says
            # that it could not ask, and to try again.
            while (
                replayed := await asyncio.to_thread(gateway.run, *replay, check=None)
            ).returncode == UNREACHABLE:
                await asyncio.sleep(0.5)
        assert replayed.returncode == 0, replayed.stderr
        assert "agree" in replayed.stdout + replayed.stderr
        looked = await asyncio.to_thread(gateway.run, "doctor", check=None)
        assert (looked.returncode, "only 2 of 3 nodes answer" in looked.stdout) == (1, True), looked
        assert looked.stdout.count("ok    certificate (node n") == 2, looked
        await _is_lost_and_restored(gateway, tmp_path)
    finally:
        await asyncio.to_thread(gateway.stop)


async def _is_lost_and_restored(gateway: Encrypted, folder: Path) -> None:
    """Back the cluster up while a node is dead, lose it, and restore it into a host of its own."""
    identity = pyrage.x25519.Identity.generate()
    (folder / "backup.key").write_text(f"{identity}\n")
    on_cluster = ("--nats-url", gateway.nats_url, "--nats-keys", str(gateway.cluster.keys))
    await asyncio.to_thread(
        gateway.run,
        *("backup", str(folder / "backups"), "--recipient", str(identity.to_public())),
        *("--data", str(gateway.data), "--config", str(gateway.data / "dragoman.toml")),
        *on_cluster,
    )
    async with aiohttp.ClientSession() as session:
        before = await Caller(session, gateway, OFFICER).get(f"{C}/records", Accept=_LINES)
    await asyncio.to_thread(gateway.stop)
    await asyncio.to_thread(
        gateway.run,
        *("restore", str(folder / "backups"), "--data", str(folder / "restored")),
        *("--identity", str(folder / "backup.key")),
    )
    restored = Service(folder / "restored", "--take-over")
    try:
        async with aiohttp.ClientSession() as session:
            officer = Caller(session, restored)
            officer.headers = {"Authorization": f"Bearer {gateway.officer}"}
            after = await officer.get(f"{C}/records", Accept=_LINES)
            assert (after.status, after.body) == (200, before.body) and before.body.count(b"\n") > 3
            assert (await officer.open(NOTE, CHANNEL)).status == 201
    finally:
        restored.stop()


@pytest.mark.parametrize("missing", ["nothing", "the authority", "a certificate of its own"])
async def test_a_gateway_without_the_right_certificates_gets_no_connection(
    cluster: RealCluster, certificates: Path, tmp_path: Path, missing: str
) -> None:
    data = tmp_path / "other"
    bootstrap.initialise(data)
    strangers = issued(tmp_path / "strangers", [], ["gateway"])
    text = {
        "nothing": f"[nats]\nreplicas = {REPLICAS}\n",
        "the authority": settings_of(certificates, ca=str(strangers / "ca.pem")),
        "a certificate of its own": settings_of(certificates, own=str(strangers / "gateway")),
    }[missing]
    (data / "dragoman.toml").write_text(text)
    url = cluster.url if missing == "nothing" else cluster.url.replace("nats://", "tls://")
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [
                *(DRAGOMAN, "serve", "gateway", "--data", data, "--nats-url", url, "--port", "0"),
                *("--nats-keys", cluster.keys, "--config", data / "dragoman.toml"),
                *("--log-format", "json"),
            ],
            stdout=output,
            stderr=output,
            env=os.environ,
        )
    try:
        async with asyncio.timeout(PATIENCE_S):
            while "nats.error" not in log.read_text():
                assert process.poll() is None, log.read_text()
                await asyncio.sleep(0.1)
        await asyncio.sleep(1)
        assert "gateway.listening" not in log.read_text()
    finally:
        process.kill()
        process.wait()


async def test_certificates_and_their_authority_are_renewed_while_all_runs(
    cluster: RealCluster, certificates: Path
) -> None:
    """Renew as the page on clusters says, with a new authority: in three rounds, by SIGHUP alone."""
    url = cluster.url.replace("nats://", "tls://")
    new, old = certificates / "ca.pem", certificates / "old.pem"
    seed = cluster.keys / "nats-warden.nk"

    async def told() -> None:
        before = {name: node.asked("/varz")["config_load_time"] for name, node in nodes}
        for _, node in nodes:
            node.signal(signal.SIGHUP)
        await asyncio.to_thread(
            cluster.until,
            lambda: all(
                node.asked("/varz")["config_load_time"] != before[name] for name, node in nodes
            ),
            "each node has read its files again",
        )
        assert len(await bus.ask_servers(_VARZ)) == REPLICAS

    nodes = cluster.nodes.items()
    async with connected(url, "warden", seed, tls_of(certificates)) as bus:
        new.rename(old)
        (certificates / "ca.key").rename(certificates / "old.key")
        issued(certificates, [], [])
        authority = new.read_text()
        new.write_text(authority + old.read_text())
        await told()
        issued(certificates, cluster.nodes, ["gateway"])
        await told()
        new.write_text(authority)
        await told()
        assert bus.losses == 0, "open connections go on"
        async with asyncio.timeout(PATIENCE_S):
            for _, node in nodes:  # each shows a certificate of the new authority by now
                place = f"tls://{node.place.client}"
                async with connected(place, "warden", seed, tls_of(certificates)) as fresh:
                    assert fresh.up
        for _, node in nodes:
            node.kill()
            await asyncio.to_thread(cluster.start)
        async with asyncio.timeout(PATIENCE_S):
            while not bus.losses or not bus.up:
                await asyncio.sleep(0.05)
            while len(await bus.ask_servers(_VARZ)) < REPLICAS:
                await asyncio.sleep(0.05)
        bus.measure()
        await DurabilityGuard(bus).prove()
    (family,) = metrics.CERTIFICATE_EXPIRES.collect()
    ends = {sample.labels["what"]: sample.value for sample in family.samples}
    assert ends["client"] == pytest.approx(time.time() + 825 * _DAY, abs=_DAY)
    assert ends["node"] == pytest.approx(ends["client"], abs=_DAY)
    assert ends["authority"] == pytest.approx(time.time() + 3650 * _DAY, abs=_DAY)


def test_half_of_a_pair_leaves_the_old_one_in_use(certificates: Path, tmp_path: Path) -> None:
    client = NatsConnection("warden").client
    client.tls = tls_of(certificates)
    before, key = client.ssl_context, certificates / "gateway.key"
    whole = key.read_bytes()
    key.write_bytes((issued(tmp_path / "others", [], ["gateway"]) / "gateway.key").read_bytes())
    assert client.ssl_context is before
    key.write_bytes(whole)
    assert client.ssl_context is not before


def test_doctor_names_each_certificate_and_its_end(certificates: Path, tmp_path: Path) -> None:
    chain, key = certificate(tmp_path, "ends-in-two-days")
    (tmp_path / "dragoman.toml").write_text(
        f'[http]\ncertificate = "{chain}"\nkey = "{key}"\n{settings_of(certificates)}'
    )
    command = ("doctor", "--json", "--data", tmp_path, "--config", tmp_path / "dragoman.toml")
    done = subprocess.run([DRAGOMAN, *command], capture_output=True, text=True, check=False)
    findings = {
        finding["check"].partition(" until ")[0]: finding["fault"]
        for finding in json.loads(done.stdout)
    }
    assert findings["certificate (gateway)"].startswith("renew it: see docs/operating-runbooks.md")
    assert findings["certificate (client)"] == findings["certificate (authority)"] == ""


def test_no_node_speaks_in_clear(cluster: RealCluster) -> None:
    for node in cluster.nodes.values():
        varz = node.asked("/varz")
        assert varz["tls_required"] and varz["tls_verify"]
        assert varz["cluster"]["tls_required"]


def test_settings_that_are_not_whole_are_refused(certificates: Path) -> None:
    ca, chain, key = (str(certificates / name) for name in ("ca.pem", "gateway.pem", "gateway.key"))
    for values, word in (
        ({"nats.ca": ca, "nats.certificate": chain}, "go together"),
        ({"nats.certificate": chain, "nats.key": key}, "needs nats.ca"),
        ({"nats.ca": key}, "name PEM files"),
        ({"nats.ca": "/nowhere.pem"}, "name PEM files"),
    ):
        settings, _ = load(values, environ={"HOME": "/nonexistent"})
        with pytest.raises(SettingsError, match=word):
            bootstrap.broker_tls(settings)
    whole, _ = load(
        {"nats.ca": ca, "nats.certificate": chain, "nats.key": key},
        environ={"HOME": "/nonexistent"},
    )
    tls = bootstrap.broker_tls(whole)
    assert tls is not None and tls.context().verify_mode is ssl.CERT_REQUIRED
    with pytest.raises(BrokerTlsError):
        BrokerTls(ca=ca, certificate=chain, key=ca).context()
