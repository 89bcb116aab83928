"""The HTTP server of a witness, which anybody who reaches its port may attack."""

import asyncio
import select
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import aiohttp
import pytest

from dragoman.cli.audit import witness
from dragoman.witness import WitnessResponse
from hostile_client import exchange, request

if TYPE_CHECKING:
    from dragoman.audit.mirror import Mirror
    from dragoman.witness import CosigningWitness

SECRET = "s3cret" * 20


class Refusing:
    """A witness that cosigns nothing."""

    newest = None

    async def add(self, _: bytes) -> WitnessResponse:
        return WitnessResponse(status=400, body=b"no request\n", media="text/plain")


def still_open(connections: list[socket.socket]) -> int:
    """Return the number of these connections that the witness has not closed."""
    closed, _, _ = select.select(connections, [], [], 0)
    return len(connections) - len(closed)


@pytest.fixture
async def door() -> AsyncIterator[str]:
    """A witness that listens, at its URL."""
    mirror = cast("Mirror", SimpleNamespace(log=SimpleNamespace(name="example.org/log")))
    cosigner = cast("CosigningWitness", Refusing())
    async with witness.listening(mirror, cosigner, "127.0.0.1", 0) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def idle(door: str) -> Iterator[Callable[[str, int], list[socket.socket]]]:
    """Open so many connections from an address of this machine, and send nothing."""
    opened: list[socket.socket] = []

    def connect(address: str, count: int) -> list[socket.socket]:
        where = ("127.0.0.1", int(door.rpartition(":")[2]))
        made = [
            socket.create_connection(where, timeout=10, source_address=(address, 0))
            for _ in range(count)
        ]
        opened.extend(made)
        return made

    yield connect
    for each in opened:
        each.close()


async def test_idle_connections_leave_room_for_the_log_and_are_closed(
    door: str, idle: Callable[[str, int], list[socket.socket]]
) -> None:
    connections = await asyncio.to_thread(idle, "127.0.0.2", 160)
    begun = time.monotonic()
    answer = await exchange(door, request("GET", "/nothing"))
    assert answer.status == 404
    assert time.monotonic() - begun < 1
    assert still_open(connections) <= 100
    for _ in range(120):
        if not still_open(connections):
            break
        await asyncio.sleep(0.1)
    assert not still_open(connections), "no first request came in five seconds"


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (request("GET", "/nothing"), 404),
        (request("GET", "/add-checkpoint"), 405),
        (request("GET", f"/{SECRET}\x01"), 400),
        (request("GET", "/", ("X-Name", f"{SECRET}\x01")), 400),
        (b"\x16\x03\x01\x02\x00\x01\x00" + SECRET.encode() + b"\r\n\r\n", 400),
        (request("POST", "/add-checkpoint", body=b"x" * 10), 400),
        (request("POST", "/add-checkpoint", ("Content-Length", str(2**30))), 413),
    ],
    ids=["path", "method", "link", "header", "TLS", "body", "size"],
)
async def test_what_is_refused_names_no_version_and_quotes_nothing(
    door: str, raw: bytes, status: int
) -> None:
    answer = await exchange(door, raw)
    assert answer.status == status, answer
    assert answer.headers["server"] == "dragoman"
    assert SECRET not in str(answer)
    assert "aiohttp" not in str(answer).lower()


async def test_a_body_that_does_not_arrive_is_not_waited_for(
    door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witness, "_BODY_SECONDS", 0.3)
    begun = time.monotonic()
    answer = await exchange(
        door, request("POST", "/add-checkpoint", ("Content-Length", "1000")) + b"old 1"
    )
    assert answer.status == 408
    assert time.monotonic() - begun < 3
    async with aiohttp.ClientSession() as session, session.get(f"{door}/nothing") as after:
        assert after.status == 404
