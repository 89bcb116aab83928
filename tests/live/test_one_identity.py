"""Several gateways are one host: each opens channels that are signed. The gateway with the keys
administers trials, and the others say so. A gateway with another log key opens none, and the operator is told of what it
opened before.
"""

import asyncio
import base64
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import commands
from dragoman import bootstrap
from dragoman.application.channel_genesis import append_genesis, make_trial_genesis
from dragoman.eventlog import stream_config
from dragoman.eventlog.broker import BrokerEndpoint
from dragoman.eventlog.durability_guard import DurabilityGuard
from dragoman.eventlog.event_log import LogUnreachable, NobodyListens
from dragoman.eventlog.jetstream import JetStreamLog
from dragoman.eventlog.nats_connection import connected
from dragoman.stores.host_key import HostKeyStore
from dragoman.stores.keystore import Keystore
from dragoman.stores.signed_heads import SignedHeadStore
from dragoman.tlog import dsse
from dragoman_schemas.host_responses import NewChannel
from patience import PATIENCE_S
from service import NOTE, Answer, Caller, Gateway, Second, Service, new_key
from world import compact

C = "/v1/channels/nato-china"
NEW: dict[str, Any] = {
    "name": "new-one",
    "sides": ["nato", "mars"],
    "officers": [
        {"side": side, "officer": name, "office": "hq", "roles": [role]}
        for side in ("nato", "mars")
        for name, role in (("o-1", "officer"), ("adm", "administrator"))
    ],
}
ENTRY = {"act": "officer", "officer": "o-7", "office": "hq", "roles": ["officer"]}


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Service]:
    """An empty host: `dragoman up`, which makes the keys."""
    service = Service(tmp_path / "first")
    yield service
    service.stop()


@pytest.fixture
def begin(tmp_path: Path, first: Service) -> Iterator[Callable[[str], Second]]:
    """Begins a further gateway on a data directory of that name."""
    running: list[Second] = []

    def started(name: str) -> Second:
        running.append(Second(first, tmp_path / name))
        return running[-1]

    yield started
    for service in running:
        service.stop()


@pytest.fixture
def second(begin: Callable[[str], Second]) -> Second:
    """A second gateway, whose data directory was empty."""
    return begin("second")


def foreign(begin: Callable[[str], Second], folder: Path) -> Second:
    """A gateway with a log key of its own, as `serve` made one before there was one identity."""
    bootstrap.initialise(folder / "foreign")
    return begin("foreign")


async def opened(session: aiohttp.ClientSession, service: Gateway, **changes: Any) -> Answer:
    return await Caller(session, service, "operator").call(
        "POST", "/v1/channels", {**NEW, **changes}
    )


async def caller(
    session: aiohttp.ClientSession, service: Gateway, actor: str, channel: str = "new-one"
) -> Caller:
    """A caller with a new token, once the gateway shows the channel."""
    operator, caller = Caller(session, service, "operator"), Caller(session, service)
    await shows(operator, channel)
    issued = await operator.call("POST", "/v1/tokens", {"actor": actor, "channels": [channel]})
    assert issued.status == 201, issued.body
    caller.headers = {"Authorization": f"Bearer {issued.json['token']}"}
    return caller


async def shows(caller: Caller, channel: str = "new-one", least: int = 1) -> None:
    """Wait until the gateway shows the channel up to a position."""
    async with asyncio.timeout(PATIENCE_S):
        while (answer := await caller.get(f"/v1/channels/{channel}")).status != 200 or answer.json[
            "position"
        ] < least:
            await asyncio.sleep(0.05)


async def test_a_channel_opened_at_the_second_gateway_is_signed(
    second: Second, session: aiohttp.ClientSession
) -> None:
    answer = await opened(session, second)
    assert answer.status == 201, answer.body
    officer = await caller(session, second, "nato/o-1")
    assert await officer.sealed(1, "new-one")
    assert not (second.data / "keys").exists(), "serve makes no key"


async def test_trials_are_administered_at_the_gateway_with_the_keys_and_the_others_say_so(
    first: Gateway, second: Second, session: aiohttp.ClientSession
) -> None:
    assert (await opened(session, second)).status == 201
    path, key = "/v1/channels/new-one/channel", new_key()
    elsewhere = await (await caller(session, second, "nato/adm")).post(path, ENTRY, key=key)
    refused = elsewhere.problem(503, "unavailable")
    assert "keys/channels/new-one" in refused["detail"]
    assert int(elsewhere.headers["Retry-After"]) > 0
    # the same post at the gateway with the keys, then again at the other one
    entered = await (await caller(session, first, "nato/adm")).post(path, ENTRY, key=key)
    assert entered.status == 201, entered.body
    officer = await caller(session, second, "nato/o-1")
    await shows(officer, "new-one", entered.json["position"])
    again = await (await caller(session, second, "nato/adm")).post(path, ENTRY, key=key)
    assert (again.status, again.json) == (201, entered.json)
    assert (await officer.open(NOTE, "new-one")).status == 201, "officers' acts need no key here"


# Another log key


async def enter_genesis(service: Service, name: str, log_key: bytes, moment: datetime) -> None:
    """Enter a channel as an earlier release opened it, under any log key."""
    endpoint = BrokerEndpoint(service.nats_url, "", service.data / "keys")
    custody = Keystore(service.data / "keys" / "channels")
    genesis = make_trial_genesis(
        custody,
        msgspec.convert({**NEW, "name": name, "officers": []}, NewChannel),
        exercise_of=None,
        log_key=log_key,
        rules=1,
        origin=f"elsewhere.example/{name}",
        moment=moment,
    )
    async with (
        connected(endpoint.url, "steward", endpoint.seed("steward")) as steward,
        connected(endpoint.url, "gateway", endpoint.seed("gateway")) as bus,
        connected(endpoint.url, "warden", endpoint.seed("warden")) as warden,
    ):
        guard = DurabilityGuard(warden)
        await guard.prove()
        await SignedHeadStore.create(steward, 1)
        await stream_config.create(steward, name)
        await append_genesis(JetStreamLog(name, bus, guard), genesis)


def log_key_of(service: Gateway) -> bytes:
    key = Keystore(service.data / "keys" / "log").public("log", "log/log")
    assert key is not None
    return key


async def test_a_gateway_with_another_key_reads_and_posts_and_opens_nothing(
    first: Gateway, begin: Callable[[str], Second], session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    assert (await opened(session, first)).status == 201
    other = foreign(begin, tmp_path)
    refused = (await opened(session, other, name="other-one")).problem(403, "not-permitted")
    for service in (first, other):
        assert base64.b64encode(log_key_of(service)).decode() in refused["detail"]
    assert "keys/log" in refused["detail"]
    terms = await Caller(session, other, "operator").get("/v1/openings/other-one")
    assert terms.problem(403, "not-permitted")["detail"] == refused["detail"]
    officer = await caller(session, other, "nato/o-1")
    assert (await officer.open(NOTE, "new-one")).status == 201


async def test_terms_and_a_signed_opening_go_to_the_gateway_with_the_key(
    first: Gateway, second: Second, session: aiohttp.ClientSession
) -> None:
    answers = [
        await Caller(session, service, "operator").get("/v1/openings/own-keys")
        for service in (first, second)
    ]
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].json == answers[1].json
    assert answers[0].json["log_key"] == base64.b64encode(log_key_of(first)).decode()
    roots = {side: Ed25519PrivateKey.generate() for side in ("nato", "mars")}
    opening = {
        "act": "channel-opening",
        "type": "dragoman.channel-opening.v1",
        "name": "own-keys",
        "kind": "official",
        "sides": [
            {
                "name": side,
                "roots": [dsse.encode_base64(root.public_key().public_bytes_raw())],
                "threshold": 1,
            }
            for side, root in roots.items()
        ],
        **answers[1].json,
        "languages": ["en"],
        "rules": 1,
        "nonce": "ab" * 32,
    }
    raw = compact(opening)
    signatures = [
        dsse.write_signatures(
            {
                dsse.key_id(root.public_key().public_bytes_raw()): dsse.sign(
                    root.private_bytes_raw(), raw
                )
            }
        )
        for root in roots.values()
    ]
    answer = await Caller(session, second, "operator").call(
        "POST", "/v1/openings", compact({"act": opening, "signatures": signatures})
    )
    assert answer.status == 201, answer.body
    assert (await caller(session, second, "nato/root", "own-keys")).headers


@pytest.mark.parametrize("oldest", ["first", "foreign"])
async def test_the_oldest_genesis_decides_the_key_of_an_existing_host(
    first: Service,
    begin: Callable[[str], Second],
    session: aiohttp.ClientSession,
    tmp_path: Path,
    oldest: str,
) -> None:
    other = foreign(begin, tmp_path)
    gateways = {"first": first, "foreign": other}
    newest = next(name for name in gateways if name != oldest)
    then = datetime.now(UTC) - timedelta(days=9)
    await enter_genesis(first, "newer", log_key_of(gateways[newest]), then + timedelta(days=1))
    await enter_genesis(first, "older", log_key_of(gateways[oldest]), then)
    # the gateway with the wrong key asks first
    refused = await opened(session, gateways[newest])
    assert refused.problem(403, "not-permitted")
    answer = await opened(session, gateways[oldest])
    assert answer.status == 201, answer.body

    # and the operator alone is told which channel has another key
    for service in gateways.values():
        for name in ("newer", "older"):
            await shows(Caller(session, service, "operator"), name)
        for who in ("operator", ""):
            (check,) = (
                check
                for check in (await Caller(session, service, who).get("/readyz")).json["checks"]
                if check["name"] == "channels have the host's log key"
            )
            assert not check["ok"]
            assert ("newer" in check["detail"]) == (who == "operator"), check
            assert "older" not in check["detail"]
    doctor = first.run("doctor", check=1).stdout
    assert "another log key is in force in newer" in doctor
    other_key = "newer" if oldest == "first" else "older"
    (line, *_) = await first.said(
        lambda line: line["event"] == "registrar.another_key" and line["channel"] == other_key
    )
    assert line["log_key"] == base64.b64encode(log_key_of(other)).decode()
    assert line["key"] == base64.b64encode(log_key_of(first)).decode()


# The keeper


async def test_a_process_with_the_gateways_user_is_no_keeper_and_gets_no_key(
    first: Service, session: aiohttp.ClientSession
) -> None:
    assert (await opened(session, first)).status == 201
    endpoint = BrokerEndpoint(first.nats_url, "", first.data / "keys")
    async with (
        connected(endpoint.url, "gateway", endpoint.seed("gateway")) as bus,
        connected(endpoint.url, "steward", endpoint.seed("steward")) as steward,
    ):
        for body in (b"not JSON", b"[" * 100_000, b'{"do":"open-trial"}', b'{"do":"sign"}'):
            message = await bus.request("dragoman.keeper.v1.open.first", body, seconds=10)
            answer = json.loads(message.data)
            assert answer["answer"] == "refused", (body, answer)
            assert answer.keys() <= {"answer", "kind", "detail", "faults", "allowed"}
        with pytest.raises(NobodyListens):
            await bus.request("dragoman.keeper.v1.sign.new-one", b"{}", seconds=10)

        # Nor may it answer in the keeper's place, or replace the host's key.
        errors: list[Exception] = []

        async def failed(error: Exception) -> None:
            errors.append(error)

        bus.client._error_cb = failed
        await bus.client.subscribe("dragoman.keeper.v1.>", cb=failed)  # type: ignore[arg-type]
        await bus.client.flush()
        async with asyncio.timeout(PATIENCE_S):
            while not errors:
                await asyncio.sleep(0.02)
        assert "permissions violation" in str(errors[0]).lower()
        before = await HostKeyStore(bus, steward).read()
        with pytest.raises(LogUnreachable):
            await bus.request("$KV.DRAGOMAN_HOST.log_key", b"{}", seconds=1)
        assert await HostKeyStore(bus, steward).enter(bytes(32)) == before
        answer = json.loads((await steward.request("$KV.DRAGOMAN_HOST.log_key", b"{}")).data)
        assert "error" in answer, "the stream takes no second message, whoever sends it"
        assert await HostKeyStore(bus, steward).read() == before == log_key_of(first)


# Keys are made by init alone


def serve(service: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return commands.run(
        ["serve", service, "--nats-url", "nats://127.0.0.1:1", *arguments],
        environment={**os.environ},
    )


@pytest.mark.parametrize(
    ("service", "file"),
    [
        ("gateway", "keys/nats-steward.nk"),
        ("scheduler", "keys/nats-steward.nk"),
        ("notifier", "keys/nats-steward.nk"),
        ("signer", "keys/nats-registrar.nk"),
    ],
)
def test_serve_makes_no_key_and_names_the_missing_one(
    tmp_path: Path, service: str, file: str
) -> None:
    data = tmp_path / "data"
    done = serve(service, "--data", str(data))
    assert done.returncode == 1, done.stderr
    assert f"{data / file} is missing" in done.stderr
    assert "dragoman init" in done.stderr
    assert not (data / "keys").exists()


def test_a_signer_without_the_log_key_names_its_file(tmp_path: Path) -> None:
    bootstrap.initialise(tmp_path / "host")
    data = tmp_path / "data"
    keys = str(tmp_path / "host" / "keys")
    done = serve("signer", "--data", str(data), "--nats-keys", keys)
    assert done.returncode == 1, done.stderr
    assert f"{data / 'keys/log/log/log/log.seed'} is missing" in done.stderr
    assert not (data / "keys").exists()
