"""A hostile client that varies everything it can: the service fails at nothing, logs no secret, and
the other side works on.
"""

import random
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from hostile_client import Generator, SecondSide, alike, exchange, unhindered
from service import Demonstration, Service, at_a_screen
from tally import Rounds

_CLIENTS = 4
"""Enough clients to keep this machine busy. More of them would measure the machine."""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A demonstration of its own."""
    service = Demonstration(tmp_path / "data")
    yield service
    service.stop()


@pytest.mark.timeout(1800)
async def test_no_request_makes_the_service_fail_or_the_other_side_wait(
    service: Service, dice: random.Random, rounds: Rounds
) -> None:
    tokens = ("drg_" + "s3cret" * 7, service.token("nato/officer"))
    async with aiohttp.ClientSession() as session:
        cookie = (await at_a_screen(session, service, "nato/officer"))["Cookie"]
    generator, seconds = Generator(dice, *tokens, cookie=cookie), rounds(4, 600)
    begun = service.log.stat().st_size

    async def attack(ends: float) -> None:
        while time.monotonic() < ends:
            raw = generator.draw()
            try:
                answer = await exchange(service.base_url, raw, wait=60)
            except TimeoutError:
                raise AssertionError(f"no answer to {len(raw)} bytes: {raw[:400]!r}") from None
            assert answer.status < 500, (answer, raw[:400], len(raw))

    async with unhindered(service) as attacked:
        await attacked(lambda: alike(_CLIENTS, partial(attack, time.monotonic() + seconds)))
    said = service.log.read_bytes()[begun:].decode()
    assert not [
        line
        for line in said.splitlines()
        if '"level":"error"' in line or '"level":"critical"' in line
    ]
    secrets = (*tokens, cookie.partition("=")[2])
    assert not [each for each in secrets if each in said]
    await SecondSide(service).measure(rounds=1)
