"""A gateway without a broker was blind, and the log says so afterwards."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from house import CHANNEL, House
from patience import PATIENCE_S
from service import Caller

_OUT_S = 11.0
"""An outage counts from ten seconds."""

_LOOKED_S = 5.0
"""The most seconds from the last answer of the broker until it was stopped."""


async def told(session: aiohttp.ClientSession, house: House, after: datetime) -> list[Any]:
    """The outages that the statistics list, once there is one that ended after a time.

    A slow machine has had another one while it began.
    """
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        answer = await Caller(session, house.gateway, "nato/officer").get(
            f"/v1/channels/{CHANNEL}/statistics"
        )
        found = [each for each in answer.json.get("blind", ()) if each["what"] == "broker"]
        ended = [each for each in found if datetime.fromisoformat(each["to"]) > after]
        if ended:
            assert [row["broker_down_s"] for row in answer.json["blindness"]] == [
                pytest.approx(sum(_length(each) for each in found), abs=0.01)
            ] * 2
            return ended
        await asyncio.sleep(0.25)
    return []


def _length(span: Any) -> float:
    return (
        datetime.fromisoformat(span["to"]) - datetime.fromisoformat(span["from"])
    ).total_seconds()


@pytest.mark.parametrize("how", ["dead", "standing still"])
async def test_the_log_says_afterwards_when_there_was_no_broker(
    how: str, tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    with House(tmp_path / "house") as house:
        begun, stopped = time.monotonic(), datetime.now(UTC)
        if how == "dead":
            house.broker.stop(9)
        else:
            house.broker.stand_still()
        await asyncio.sleep(_OUT_S + 2.0)
        if how == "dead":
            house.broker.start()
        else:
            house.broker.go_on()
        (outage,) = await told(session, house, stopped)
        assert outage["sides"] == ["nato", "china"]
        # It begins when the broker was last seen to answer, which was somewhat before.
        assert _OUT_S - 1 < _length(outage) < time.monotonic() - begun + _LOOKED_S
