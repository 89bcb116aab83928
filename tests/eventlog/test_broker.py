"""The broker's configuration, its users' rights, and the proof that it syncs."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client

from brokers import RealBroker
from dragoman.eventlog import broker, durability_guard, nats_connection, stream_config
from dragoman.eventlog.broker import BrokerError
from dragoman.eventlog.cluster_site import site_configuration
from dragoman.eventlog.durability_guard import DurabilityGuard
from dragoman.eventlog.event_log import LogBroken, LogUnreachable
from followed import until
from service import all_stopped

EXAMPLE = Path(__file__).parents[2] / "deploy" / "nats" / "embedded.conf"
PUBLIC = {
    "steward": "UA7QEGZ3CLEJUJYVRCQSXM5IFDVVUZIWRH6AQVZ4XUTVZ5LUUOZHRBMH",
    "gateway": "UBUIFDXIY5QLXX7QNVH5DDDKNR2Y6WNBCHLWVNEFJ7JJZDZUNYZHEKGO",
    "keeper": "UAVLCDSHGCGIVGFBZTS2JFOLJPVYA2LYNSFDG4Z6GB6MJO5O4BINNGRN",
    "registrar": "UCCQZT6RUYNCLSZX4DFEWXMM7TINMIEEJQCF5PMF3F2O27WLXVTQK6C4",
    "auditor": "UDHQZ3IYQMUJDTPZ5MTQZLJJ2CWJ5N7QK6OPO7TNXTT7XFMAQIUBPT6Z",
    "warden": "UDRUHSBYWZ3IDPT6YDF6JJL5MSZ3FM5LJFZKKBTXCBPGEM6TQ7YHJEWJ",
}


def test_the_documented_configuration_is_what_is_written(tmp_path: Path) -> None:
    written = broker.configuration(
        Path("/var/lib/dragoman"), "dragoman-example", 4222, PUBLIC, free=100 * 2**30
    )
    assert EXAMPLE.read_text() == written


def test_the_limit_of_the_store_counts_what_is_in_it_already(tmp_path: Path) -> None:
    """The broker counts it too: a host would record nothing after a restart otherwise."""
    free, kept = 2**30, 2**22

    def limit() -> int:
        text = broker.configuration(tmp_path, "x", 4222, PUBLIC, free=free)
        return int(text.partition("max_file_store: ")[2].split()[0])

    empty = limit()
    block = tmp_path / "nats" / "jetstream" / "msgs" / "1.blk"
    block.parent.mkdir(parents=True)
    block.write_bytes(bytes(kept))
    assert kept <= limit() - empty <= kept + 2**16


def test_a_cluster_gives_its_users_the_same_rights() -> None:
    accounts = broker.TEMPLATE[broker.TEMPLATE.index("accounts {") :]
    for user in PUBLIC:
        accounts = accounts.replace(f'"${user}"', f"${user.upper()}_KEY")
    nodes = (EXAMPLE.parent / "cluster" / "nats.conf").read_text()
    assert accounts == nodes[nodes.index("accounts {") :]


def test_the_printed_site_has_what_the_example_has(tmp_path: Path) -> None:
    public = broker.make_user_keys(tmp_path)
    nodes = ("10.0.0.1", "10.0.0.2:7222", "[fd00::3]")
    printed = site_configuration(tmp_path, nodes, "/var/lib/nats", 1 << 30)
    example = (EXAMPLE.parent / "cluster" / "site.conf").read_text()
    names = re.compile(r"(?m)^([A-Z_]+):")
    assert names.findall(printed) == names.findall(example)
    for user, key in public.items():
        assert f'{user.upper()}_KEY: "{key}"' in printed
    routes = re.findall(r'"nats-route://route:([0-9a-f]{32})@(.*)"', printed)
    assert [route[1] for route in routes] == ["10.0.0.1:6222", "10.0.0.2:7222", "[fd00::3]:6222"]
    assert {password for password, _ in routes} == set(re.findall(r'_PASSWORD: "(.*)"', printed))
    assert site_configuration(tmp_path, nodes, "/x", 1) != site_configuration(
        tmp_path, nodes, "/x", 1
    )
    (tmp_path / "nats-keeper.nk").unlink()
    with pytest.raises(BrokerError, match=r"nats-keeper.nk is missing"):
        site_configuration(tmp_path, nodes, "/x", 1)


async def test_the_broker_takes_the_configuration(real_broker: RealBroker) -> None:
    config = real_broker.supervisor.config
    checked = subprocess.run(
        [broker.find(), "-t", "-c", config], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert config.stat().st_mode & 0o777 == 0o600


async def test_writes_need_a_broker_that_syncs_every_write(
    real_broker: RealBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert real_broker.guard.proven
    monkeypatch.setattr(
        broker, "TEMPLATE", broker.TEMPLATE.replace("  sync_interval: always\n", "")
    )
    process = real_broker.supervisor.process
    assert process is not None
    process.kill()
    log = await real_broker.log()
    warden = await real_broker.bus("warden")
    guard = DurabilityGuard(warden, server_name=real_broker.endpoint.server_name)
    await guard.prove()
    assert not guard.proven
    assert "sync_interval: always" in str(guard.reason)
    assert log.channel == "nato-china"


async def test_another_broker_is_not_trusted(real_broker: RealBroker) -> None:
    guard = DurabilityGuard(await real_broker.bus("warden"), server_name="somebody-else")
    await guard.prove()
    assert "another broker" in str(guard.reason)


async def test_a_broker_with_another_clock_is_not_trusted(real_broker: RealBroker) -> None:
    from datetime import UTC, datetime, timedelta

    guard = DurabilityGuard(
        await real_broker.bus("warden"), now=lambda: datetime.now(UTC) + timedelta(seconds=3)
    )
    await guard.prove()
    assert "s apart" in str(guard.reason)


async def test_one_unanswered_question_does_not_close_a_hotline_and_silence_does(
    real_broker: RealBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard, process = real_broker.guard, real_broker.supervisor.process
    assert guard.proven and process is not None
    monkeypatch.setattr(nats_connection, "REQUEST_SECONDS", 0.3)
    process.send_signal(signal.SIGSTOP)
    try:
        await until(lambda: all_stopped(process.pid))
        await guard.prove()
        assert guard.proven and guard.is_silent
        monkeypatch.setattr(durability_guard, "PROOF_SECONDS", 0.3)
        await guard.prove()
        assert "does not say whether it syncs every write" in str(guard.reason)
    finally:
        process.send_signal(signal.SIGCONT)
    monkeypatch.setattr(nats_connection, "REQUEST_SECONDS", 5.0)
    await guard.prove()
    assert guard.proven and not guard.is_silent


@pytest.mark.parametrize("user", ["gateway", "auditor", "warden"])
@pytest.mark.parametrize(
    "verb",
    [
        "STREAM.UPDATE",
        "STREAM.DELETE",
        "STREAM.PURGE",
        "STREAM.MSG.DELETE",
        "STREAM.SNAPSHOT",
        "STREAM.RESTORE",
        "STREAM.CREATE",
    ],
)
async def test_no_service_may_change_or_remove_a_log(
    real_broker: RealBroker, user: str, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await real_broker.log()
    monkeypatch.setattr("dragoman.eventlog.nats_connection.REQUEST_SECONDS", 0.3)
    bus = await real_broker.bus(user)
    with pytest.raises(LogUnreachable):
        await bus.api(f"{verb}.DRAGOMAN_LOG_NATO-CHINA", {"seq": 1})


async def test_an_auditor_cannot_write(
    real_broker: RealBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = await real_broker.log()
    monkeypatch.setattr("dragoman.eventlog.nats_connection.REQUEST_SECONDS", 0.3)
    with pytest.raises(LogUnreachable):
        await (await real_broker.bus("auditor")).request(
            "dragoman.v1.nato-china.contact.x", b"forged"
        )
    assert await log.read(1, 1) == []


async def test_a_stream_with_other_settings_is_not_taken(real_broker: RealBroker) -> None:
    steward = await real_broker.bus("steward")
    await steward.api(
        "STREAM.CREATE.DRAGOMAN_LOG_OTHER",
        {**stream_config.configuration("other"), "deny_delete": False},
    )
    with pytest.raises(LogBroken):
        await stream_config.create(steward, "other")


def test_a_broker_that_is_too_old_or_missing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "nats-server"
    old.write_text("#!/bin/sh\necho 'nats-server: v2.10.27'\n")
    old.chmod(0o755)
    with pytest.raises(BrokerError, match=r"2\.10\.27"):
        broker.find(old)
    with pytest.raises(BrokerError, match="cannot be run"):
        broker.find(tmp_path / "absent")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert broker.find() != old, "the system's is passed over where it is too old"


@pytest.mark.parametrize("dies", ["before", "after"])
def test_a_broker_that_was_not_begun_yet_ends_with_its_supervisor(dies: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _SUPERVISOR, dies], stdout=subprocess.PIPE, text=True
    ) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == "forked\n"
        supervisor.kill()
        assert supervisor.stdout.read() == "", (
            "the child went on, and would have become a broker that nobody supervises"
        )


_SUPERVISOR = """
import os, signal, sys, time
from dragoman.eventlog.broker import tie_to

signal.signal(signal.SIGTERM, lambda *_: None)  # as a service has one
supervisor = os.getpid()
if os.fork() == 0:
    if sys.argv[1] == "after":
        tie_to(supervisor)
    print("forked", flush=True)
    until = time.monotonic() + 10
    while os.getppid() == supervisor and time.monotonic() < until:
        time.sleep(0.01)
    if sys.argv[1] == "before":
        tie_to(supervisor)
    time.sleep(0.2)
    print("went on", flush=True)
    os._exit(0)
time.sleep(60)
"""


async def test_a_data_directory_has_one_broker(
    real_broker: RealBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "_LEASE_SECONDS", 0.2)
    with pytest.raises(BrokerError, match="in use"):
        async with broker.lease(real_broker.endpoint.keys.parent):
            pass


async def test_headers_are_read_as_the_library_reads_them(real_broker: RealBroker) -> None:
    ours = await real_broker.bus()
    theirs = await nats.connect(
        real_broker.endpoint.url,
        nkeys_seed=str(real_broker.endpoint.seed("gateway")),
        inbox_prefix=b"_INBOX_gateway",
    )
    assert type(ours.client)._parse_header_lines is not Client._parse_header_lines
    await real_broker.log()
    sent = {
        "Nats-Msg-Id": "nato/1",
        "traceparent": "00-ab: cd",
        "empty": "",
        "tracestate": "dragoman=x y",
    }
    await ours.request("dragoman.v1.nato-china.contact.x", b"1", sent)
    query = b'{"seq":1}'
    found = [
        (await client.request("$JS.API.DIRECT.GET.DRAGOMAN_LOG_NATO-CHINA", query)).headers
        for client in (ours.client, theirs)
    ]
    await theirs.close()
    assert found[0] == found[1]
    assert (
        found[0] is not None
        and found[0]["Nats-Sequence"] == "1"
        and found[0]["traceparent"] == "00-ab: cd"
    )


async def test_messages_published_as_one_piece_stand_as_those_that_the_library_publishes(
    real_broker: RealBroker,
) -> None:
    ours = await real_broker.bus()
    log = await real_broker.log()
    subjects = [f"dragoman.v1.nato-china.contact.{name}" for name in "abcd"]
    sent = {
        "traceparent": "00-ab: cd",
        "tracestate": "dragoman=x y",
        "Nats-Expected-Stream": "DRAGOMAN_LOG_NATO-CHINA",
    }
    messages = [(subject, sent, f"payload {subject}\r\n".encode()) for subject in subjects]
    await ours.publish(messages[:2])
    (third, last) = messages[2:]
    await ours.client.publish(third[0], third[2], headers=third[1])
    await ours.request(
        last[0], last[2], last[1]
    )  # answered when it is stored, and with it what was published before it
    found = [
        await ours.request("$JS.API.DIRECT.GET.DRAGOMAN_LOG_NATO-CHINA", b'{"seq":%d}' % position)
        for position in range(1, 5)
    ]
    assert [message.raw for message in await log.read(1, 10)] == [
        payload for _, _, payload in messages
    ]
    assert [message.data for message in found] == [payload for _, _, payload in messages]
    kept = [
        {name: value for name, value in (message.headers or {}).items() if name in sent}
        for message in found
    ]
    assert kept == [sent] * 4
