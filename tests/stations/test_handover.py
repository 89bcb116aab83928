"""The drill: a host is lost for good, and its channel goes on at another one, from a side's copy."""

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dragoman.client import client
from patience import PATIENCE_S
from premises import CHANNEL, SIDES, Placed
from succession import OwnStation, Succession

C = f"/v1/channels/{CHANNEL}"
NOTE: dict[str, Any] = {"act": "contact-note", "form": "conversation", "text": "Met."}


@pytest.fixture
def sides(tmp_path: Any) -> Iterator[Succession]:
    with Succession(tmp_path / "of") as sides:
        yield sides


async def until(is_so: Callable[[], Any]) -> Any:
    """Wait until something is so; what it gave."""
    deadline = time.monotonic() + PATIENCE_S
    while not (given := await asyncio.to_thread(is_so)):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    return given


async def post(station: OwnStation, text: str) -> Any:
    token = station.token(f"{station.side}/duty_officer")
    async with client(station.base_url, token) as officer:
        return (await officer.post(CHANNEL, {**NOTE, "text": text})).recorded


def registry(at: Placed, name: str = "nato/auditor") -> dict[str, Any]:
    return dict(at.call("GET", f"{C}/state", token=at.token(name))["registry"])


async def test_a_channel_goes_on_at_another_host_from_a_copy(sides: Succession) -> None:
    nato, china = (sides.stations[side] for side in SIDES)
    before = [await post(nato, "From nato."), await post(china, "From china.")]
    await until(lambda: nato.size() == china.size() >= before[-1].position)
    begun = time.monotonic()
    sides.host.stop(signal.SIGKILL)
    heir = sides.heir("china")
    for station in (nato, china):
        await asyncio.to_thread(station.move, heir)
    for side in SIDES:
        sides.sign(side)
    assert "goes on" in sides.open(heir).stderr
    after = [await post(nato, "Again nato."), await post(china, "Again china.")]
    sys.stdout.write(f"seconds until both sides post again: {time.monotonic() - begun:.1f}\n")
    assert after[0].position > before[-1].position
    handover = registry(heir)["handovers"][0]
    assert handover["cut"]
    await until(lambda: nato.size() == china.size() >= after[-1].position)
    for station in (nato, china):
        station.audit()
