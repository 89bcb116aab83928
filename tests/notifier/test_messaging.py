"""The two processes through which messages leave the host: what they carry, and what they refuse."""

import asyncio
import base64
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest
import pytest_asyncio

from dragoman.notifier.messaging import relay as relay_module
from dragoman.notifier.messaging.processes import NotSent, SenderProcesses
from dragoman.notifier.messaging.relay import Relay, RelayStart
from dragoman.notifier.messaging.sender import LANE_THREADS, SenderReply
from messaging import GOTIFY_TOKEN, SMS_TOKEN, Carrier, carrying
from patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")
LOOPBACK = "127.0.0.0/8"


async def sent(
    processes: SenderProcesses, url: str, title: str, body: str, side: str = "c/north"
) -> SenderReply:
    """The reply to a message to a side's own address."""
    return await processes.send(url, title, body, side=side, is_own=True)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def processes() -> AsyncIterator[SenderProcesses]:
    processes = SenderProcesses((LOOPBACK,))
    yield processes
    await processes.aclose()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def carrier() -> AsyncIterator[Carrier]:
    async with carrying() as carrier:
        yield carrier


@pytest.fixture(autouse=True)
def emptied(carrier: Carrier) -> None:
    carrier.got.clear()
    carrier.delay, carrier.status = 0.0, 200


async def test_each_service_gets_the_message_that_was_sent(
    processes: SenderProcesses, carrier: Carrier
) -> None:
    at = f"127.0.0.1:{carrier.port}"
    for url in (
        f"ntfy://{at}/lin-phone",
        f"gotify://{at}/{GOTIFY_TOKEN}",
        f"smseagle://{SMS_TOKEN}@{at}/+8613912345678",
    ):
        reply = await sent(processes, url, "[FLASH] nato-china", "值班。\nRead it: é")
        assert reply.ok, reply
    assert [(service, text) for service, _, text, _ in carrier.got] == [
        (service, "[FLASH] nato-china\n值班。\nRead it: é") for service in ("ntfy", "gotify", "sms")
    ]


async def test_a_refusal_has_the_status_of_the_service(
    processes: SenderProcesses, carrier: Carrier
) -> None:
    reply = await sent(processes, f"gotify://127.0.0.1:{carrier.port}/{'B' * 15}", "t", "b")
    assert (reply.ok, reply.status, reply.service) == (False, 401, "Gotify")


@pytest.mark.parametrize(
    "url",
    [
        "syslog://",
        "dbus://",
        "rsyslog://127.0.0.1",
        "mqtt://127.0.0.1/topic",
        "smpp://user:pass@127.0.0.1/1234/5678",
        "mailto://user:pass@127.0.0.1",
        "nothing://at/all",
        "ntfy://127.0.0.1/topic?verify=no",
        "ntfy://127.0.0.1/topic?redirect=yes",
        "ntfy://127.0.0.1/topic?%76erify=no",
        "ntfy://127.0.0.1/topic?to=1;verify=no",
        "ntfy://user@name:word@127.0.0.1/topic",
        "workflows://host/a/b/?template=/etc/passwd",
        "ntfys://10.0.0.7/topic",
        "ntfys://169.254.169.254/topic",
        "ntfy://10.0.0.7/topic",
        "ntfys://[::1]/topic",
    ],
)
async def test_what_is_local_weak_or_private_sends_nothing(
    processes: SenderProcesses, url: str
) -> None:
    reply = await sent(processes, url, "t", "b")
    assert not reply.ok


async def test_a_redirect_is_not_followed(processes: SenderProcesses, carrier: Carrier) -> None:
    reply = await sent(processes, f"json://127.0.0.1:{carrier.port}/away/", "t", "b")
    assert (reply.ok, reply.status, carrier.got) == (False, 307, [])


async def test_a_service_that_hangs_delays_no_other(
    processes: SenderProcesses, carrier: Carrier
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and never answers
        dead = f"ntfy://127.0.0.1:{silent.getsockname()[1]}"
        hanging = [
            asyncio.create_task(sent(processes, f"{dead}/topic{n}", "t", "b")) for n in range(40)
        ]
        await asyncio.sleep(0.3)
        begun = time.monotonic()
        reply = await sent(processes, f"ntfy://127.0.0.1:{carrier.port}/awake", "t", "b")
        taken = time.monotonic() - begun
        assert reply.ok
        assert taken < 2.0, f"{taken:.2f} s beside a service that hangs for four"
        assert not any(task.done() for task in hanging)
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)


@asynccontextmanager
async def dripping(seconds: float = 2.0) -> AsyncIterator[int]:
    """The port of a service that answers with a byte each few seconds, without an end."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await reader.read(1)
            for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + bytes(100_000):
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(seconds)

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_a_side_whose_services_drip_delays_no_other_side(
    processes: SenderProcesses, carrier: Carrier
) -> None:
    async with AsyncExitStack() as stack:
        ports = [await stack.enter_async_context(dripping()) for _ in range(40)]
        # The end of each path looks like the service of the other side.
        end = f"@127.0.0.1:{carrier.port}"
        attack = [
            asyncio.create_task(
                sent(processes, f"ntfy://127.0.0.1:{port}/t{n}/{end}", "t", "b", side="c/south")
            )
            for port in ports
            for n in range(LANE_THREADS)
        ]
        await asyncio.sleep(1.0)
        begun = time.monotonic()
        reply = await sent(processes, f"ntfy://127.0.0.1:{carrier.port}/awake", "t", "b")
        taken = time.monotonic() - begun
        assert reply.ok, reply
        assert taken < 3.0, f"{taken:.2f} s beside a side whose services drip"
        for task in attack:
            task.cancel()
        await asyncio.gather(*attack, return_exceptions=True)


async def test_the_relay_cuts_a_service_that_drips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "TUNNEL_SECONDS", 0.5)
    relay = Relay(RelayStart(password="right", networks=(LOOPBACK,)))
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    async with dripping(0.05) as port:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        head = b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n%b\r\n\r\nx"
        writer.write(head % (port, _authorization("right")))
        answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
        assert b"200 Connected" in answer
        assert len(answer) < 1_000
        writer.close()
    server.close()


async def test_a_sender_that_was_killed_is_started_again(carrier: Carrier) -> None:
    processes = SenderProcesses((LOOPBACK,))
    url = f"ntfy://127.0.0.1:{carrier.port}/topic"
    assert (await sent(processes, url, "t", "one")).ok
    carrier.delay, before = 1.0, carrier.arrived
    sending = asyncio.create_task(sent(processes, url, "t", "two"))
    async with asyncio.timeout(PATIENCE_S):
        while carrier.arrived == before:
            await asyncio.sleep(0.01)
    processes.kill()
    with suppress(NotSent):  # or the sender still says that the relay has gone
        assert not (await sending).ok
    carrier.delay = 0.0
    assert (await sent(processes, url, "t", "three")).ok
    await processes.aclose()
    texts = [text for _, _, text, _ in carrier.got]
    # the receiver may still finish the second one, which it had begun to take
    assert texts[0] == "t\none" and "t\nthree" in texts


async def _asked(relay: Relay, head: bytes) -> bytes:
    """The first line of the relay's answer."""
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    writer.write(head)
    answer = await asyncio.wait_for(reader.readline(), 10)
    writer.close()
    server.close()
    return answer


def _authorization(password: str) -> bytes:
    return b"Proxy-Authorization: Basic " + base64.b64encode(f"dragoman:{password}".encode())


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n", b"407"),
        (b"CONNECT 127.0.0.1:1 HTTP/1.1\r\n%b\r\n\r\n" % _authorization("wrong"), b"407"),
        (b"CONNECT 10.1.2.3:443 HTTP/1.1\r\n%b\r\n\r\n" % _authorization("right"), b"403"),
        (b"CONNECT [::1]:443 HTTP/1.1\r\n%b\r\n\r\n" % _authorization("right"), b"403"),
        (b"CONNECT 0x7f.1:443 HTTP/1.1\r\n%b\r\n\r\n" % _authorization("right"), b"403"),
        (b"CONNECT fe80::1%%lo:443 HTTP/1.1\r\n%b\r\n\r\n" % _authorization("right"), b"403"),
        (b"GET http://example.org/ HTTP/1.1\r\n%b\r\n\r\n" % _authorization("right"), b"403"),
        (b"GET http://10.1.2.3/ HTTP/1.1\r\n%b\r\n\r\n" % _authorization("right"), b"403"),
        (b"GET / HTTP/1.1\r\n%b\r\n\r\n" % _authorization("right"), b"403"),
        (b"CONNECT nowhere.invalid:443 HTTP/1.1\r\n%b\r\n\r\n" % _authorization("right"), b"502"),
        (b"CONNECT 127.0.0.1 HTTP/1.1\r\n%b\r\n\r\n" % _authorization("right"), b"400"),
        (b"nonsense\r\n\r\n", b"400"),
    ],
)
async def test_the_relay_refuses_strangers_and_inner_addresses(head: bytes, status: bytes) -> None:
    relay = Relay(RelayStart(password="right"))
    assert (await _asked(relay, head)).split(b" ")[1] == status
