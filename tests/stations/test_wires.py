"""The wires on which a host and its stations are tested: each keeps its word."""

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from netns import NoNamespaces
from packet_wire import End, PacketWire, packet_wire
from patience import PATIENCE_S
from ports import free_port
from tcp_wire import Trap, Wire

_DELAY_S = 0.15
_BITS_S = 400_000
_BYTES = 60_000
_LINE = 100


@dataclass
class Echo:
    """A server that answers each line with the same line, and keeps what it received."""

    port: int
    received: bytes = b""
    closed: int = 0
    ends: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.ends.append(writer)
        try:
            while line := await reader.readline():
                self.received += line
                writer.write(line)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self.closed += 1
            writer.close()


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    echo = Echo(free_port())
    server = await asyncio.start_server(echo.serve, "127.0.0.1", echo.port, limit=2 * _BYTES)
    yield echo
    for end in echo.ends:
        end.close()
    server.close()


@pytest.fixture
def wire(echo: Echo) -> Iterator[Wire]:
    with Wire(echo.port) as wire:
        yield wire


@dataclass
class Line:
    """A connection over the wire."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, text: bytes) -> float:
        """Send a line, read it back, and return the seconds."""
        begun = time.monotonic()
        self.writer.write(text + b"\n")
        assert await asyncio.wait_for(self.reader.readline(), PATIENCE_S) == text + b"\n"
        return time.monotonic() - begun

    async def answered(self, within_s: float) -> bytes | None:
        """Return the next bytes, b"" for an end, or None for nothing."""
        try:
            return await asyncio.wait_for(self.reader.read(_BYTES), within_s)
        except TimeoutError:
            return None
        except ConnectionError:
            return b""


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2 * _BYTES)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()


async def arrived(echo: Echo, text: bytes) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while text not in echo.received:
            await asyncio.sleep(0.005)


async def least(line: Line, tries: int = 4) -> float:
    """Return the seconds of the quickest answer: a busy machine only makes others slower."""
    return min([await line.ask(b"x" * _LINE) for _ in range(tries)])


async def test_a_delay_is_that_of_each_direction_within_a_fifth(wire: Wire) -> None:
    wire.slow(delay_s=_DELAY_S)
    async with connected(wire.port) as line:
        assert await least(line) == pytest.approx(2 * _DELAY_S, rel=0.2)


@pytest.mark.parametrize("direction", ["requests", "answers"])
async def test_a_rate_is_kept_within_a_tenth_and_shared_by_all_connections(
    wire: Wire, direction: str
) -> None:
    getattr(wire, direction).bits_s = _BITS_S
    async with connected(wire.port) as one, connected(wire.port) as other:
        half = b"x" * (_BYTES // 2 - 1)
        begun = time.monotonic()
        await asyncio.gather(one.ask(half), other.ask(half))
        assert time.monotonic() - begun == pytest.approx(_BYTES * 8 / _BITS_S, rel=0.1)
    assert wire.requests.carried == wire.answers.carried == _BYTES


async def test_a_bulk_reader_delays_everybody_by_the_queue_and_no_more(wire: Wire) -> None:
    async with connected(wire.port) as bulk, connected(wire.port) as line:
        await line.ask(b"first")
        wire.slow(bits_s=_BITS_S)
        queue_s = wire.requests.queue * 8 / _BITS_S
        bulk.writer.write(b"x" * 2 * _BYTES)
        await asyncio.sleep(0.2)
        assert 0.8 * queue_s < await line.ask(b"behind") < 1.6 * queue_s


async def test_silence_closes_nothing_and_a_connection_that_lost_bytes_stays_silent(
    wire: Wire, echo: Echo
) -> None:
    async with connected(wire.port) as idle, connected(wire.port) as line:
        await idle.ask(b"one")
        await line.ask(b"two")
        wire.silence()
        line.writer.write(b"lost\n")
        assert await line.answered(0.3) is None
        async with connected(wire.port) as late:  # is made, and never answered
            late.writer.write(b"late\n")
            assert await late.answered(0.3) is None
            assert echo.closed == 0
            wire.mend()
            line.writer.write(b"after the gap\n")
            assert await line.answered(0.3) is None
            assert await late.answered(0.1) is None
        await idle.ask(b"three")
    assert b"lost" not in echo.received and b"gap" not in echo.received
    assert b"late" not in echo.received
    async with connected(wire.port) as fresh:
        await fresh.ask(b"four")


async def test_an_end_that_closes_in_the_silence_is_not_seen_by_the_other(
    wire: Wire, echo: Echo
) -> None:
    async with connected(wire.port) as line:
        await line.ask(b"one")
        wire.silence()
        line.writer.close()
        await asyncio.sleep(0.2)
    assert echo.closed == 0
    wire.cut()
    async with asyncio.timeout(PATIENCE_S):
        while not echo.closed:
            await asyncio.sleep(0.005)


async def test_a_cut_resets_and_refuses_until_the_wire_is_mended_on_the_same_port(
    wire: Wire, echo: Echo
) -> None:
    async with connected(wire.port) as line:
        await line.ask(b"one")
        wire.cut()
        with pytest.raises(ConnectionResetError):
            await line.reader.read(1)
        for _ in range(2):
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", wire.port)
    assert wire.connections == 0
    wire.mend()
    async with connected(wire.port) as line:
        await line.ask(b"two")
    assert echo.received == b"one\ntwo\n"


async def test_with_the_answers_cut_a_request_arrives_and_nobody_learns_of_it(
    wire: Wire, echo: Echo
) -> None:
    async with connected(wire.port) as line:
        await line.ask(b"one")
        wire.cut_answers()
        line.writer.write(b"stored\n")
        await arrived(echo, b"stored")
        assert await line.answered(0.2) is None
    assert wire.answers.carried == len(b"one\n")


@pytest.mark.parametrize(("keep", "arrives"), [(None, b"POST 1\n"), (4, b"POST")])
async def test_a_trap_lets_a_request_through_or_a_part_of_it_and_then_resets(
    wire: Wire, echo: Echo, keep: int | None, arrives: bytes
) -> None:
    trap = wire.set(Trap(b"POST", keep=keep, mute_s=0.1))
    async with connected(wire.port) as line:
        await line.ask(b"GET 0")
        line.writer.write(b"POST 1\n")
        with pytest.raises(ConnectionResetError):
            await line.reader.read(1)
    assert trap.sprung.is_set()
    assert wire.requests.carried == len(b"GET 0\n" + arrives)
    assert (b"POST 1\n" in echo.received) is (keep is None)


# On packets, between the kernels of two network namespaces.

_SERVER = """
import socket, sys
server = socket.create_server((sys.argv[1], 7))
print("ready", flush=True)
while True:
    end, _ = server.accept()
    while chunk := end.recv(65536):
        end.sendall(chunk)
"""


@pytest.fixture
def packets(dice: random.Random) -> Iterator[PacketWire]:
    try:
        with packet_wire(dice) as wire:
            command = [*wire.far.command, sys.executable, "-c", _SERVER, wire.far.address]
            with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
                assert server.stdout is not None
                server.stdout.readline()
                yield wire
                server.kill()
    except NoNamespaces as error:
        pytest.skip(f"TUN devices and network namespaces are needed: {error}")


@asynccontextmanager
async def between(near: End, far: End) -> AsyncIterator[Line]:
    end = near.socket()
    end.setblocking(False)
    loop = asyncio.get_running_loop()
    await asyncio.wait_for(loop.sock_connect(end, (far.address, 7)), PATIENCE_S)
    reader, writer = await asyncio.open_connection(sock=end, limit=2 * _BYTES)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()


async def test_packets_keep_a_delay_and_a_rate(packets: PacketWire) -> None:
    packets.slow(delay_s=_DELAY_S)
    async with between(packets.near, packets.far) as line:
        assert await least(line) == pytest.approx(2 * _DELAY_S, rel=0.2)
    packets.slow(delay_s=0.0)
    packets.requests.bits_s = _BITS_S
    async with between(packets.near, packets.far) as line:
        before = packets.requests.carried
        begun = time.monotonic()
        await line.ask(b"x" * _BYTES)
        seconds = time.monotonic() - begun
        assert packets.requests.carried - before > _BYTES  # headers and acknowledgements too
        bits = (packets.requests.carried - before) * 8
        assert bits / _BITS_S == pytest.approx(seconds, rel=0.1)


async def test_packets_that_are_lost_are_sent_again(packets: PacketWire) -> None:
    packets.loss = 0.3
    async with between(packets.near, packets.far) as line:
        for _ in range(3):
            await line.ask(b"x" * 5_000)


async def test_silent_packets_close_nothing_and_the_connection_goes_on_when_they_return(
    packets: PacketWire,
) -> None:
    async with between(packets.near, packets.far) as line:
        await line.ask(b"one")
        packets.silence()
        line.writer.write(b"two\n")
        assert await line.answered(0.5) is None
        packets.mend()
        assert await line.answered(PATIENCE_S) == b"two\n"
