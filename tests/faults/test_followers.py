"""Followers that fall behind: a gateway that stands still, a reader of the live stream that does
not read.
"""

import asyncio
import random
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from dragoman.limits import STREAM_BYTES
from house import CHANNEL, House
from inquest import Inquest
from read_files import GATEWAY
from tally import Rounds, Row
from traffic import Traffic

pytestmark = pytest.mark.reads(*GATEWAY)

_TEXT: Final = "Talks. " * 1200
_UNREAD: Final = (STREAM_BYTES + 6 * 1024 * 1024) // len(_TEXT)
"""Records that the stream's and the sockets' buffers may take before the gateway notices that
nobody reads.
"""


@pytest.mark.timeout(1800)
async def test_a_gateway_that_stood_still_under_load_catches_up_to_the_same_digest(
    house: House,
    tmp_path: Path,
    session: aiohttp.ClientSession,
    dice: random.Random,
    rounds: Rounds,
    row: Row,
) -> None:
    traffic = Traffic(session, house.gateway, dice)
    inquest = Inquest(house.broker.url, house.broker.keys)
    with house.second(tmp_path / "second") as second:
        for row.rounds in range(1, rounds(1, 12) + 1):
            async with traffic.flowing():
                second.process.send_signal(signal.SIGSTOP)
                await asyncio.sleep(dice.uniform(0.5, rounds(2, 15)))
                second.process.send_signal(signal.SIGCONT)
                await asyncio.sleep(dice.uniform(0.0, 0.3))
            await traffic.settle()
            row.acknowledged, row.unknown = len(traffic.acknowledged), traffic.doubted
            finding = await inquest.held(traffic)
            row.found(finding)
            digest = await inquest.digest_at(session, second, finding.position)
            assert finding.digests[0] == digest


def tiny(address: tuple[Any, ...]) -> socket.socket:
    """A socket that takes little before it is read."""
    made = socket.socket(address[0], address[1], address[2])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    return made


@pytest.mark.timeout(600)
async def test_a_reader_that_does_not_read_is_cut_off_and_resumes_without_a_gap(
    house: House, session: aiohttp.ClientSession, dice: random.Random, rounds: Rounds, row: Row
) -> None:
    traffic = Traffic(session, house.gateway, dice)
    url = f"{house.gateway.base_url}/v1/channels/{CHANNEL}/records"
    headers = {
        "Authorization": f"Bearer {house.gateway.token('china/auditor')}",
        "Accept": "text/event-stream",
        "Last-Event-ID": "0",
    }
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(socket_factory=tiny), read_bufsize=1024
    ) as reader:
        for row.rounds in range(1, rounds(1, 5) + 1):
            async with reader.get(url, headers=headers) as stalled:
                for _ in range(_UNREAD // 100 + 2):
                    await asyncio.gather(*(traffic.post(traffic.note(_TEXT)) for _ in range(100)))
                await traffic.settle()
                before = [position async for position in positions(stalled)]
            last = max(
                recorded.position
                for posting in traffic.acknowledged
                if (recorded := posting.recorded)
            )
            assert before[-1] < last
            headers["Last-Event-ID"] = str(before[-1])
            async with reader.get(url, headers=headers) as resumed:
                after = []
                async for position in positions(resumed):
                    after.append(position)
                    if position >= last:
                        break
            assert [*range(before[0], after[-1] + 1)] == before + after
            headers["Last-Event-ID"] = str(after[-1])
            row.acknowledged, row.unknown = len(traffic.acknowledged), traffic.doubted
            row.found(await Inquest(house.broker.url, house.broker.keys).held(traffic))


async def positions(response: aiohttp.ClientResponse) -> AsyncIterator[int]:
    """The positions that a live stream tells, until it ends."""
    assert response.status == 200
    rest = b""
    async for chunk in response.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"id: "):
                yield int(line[4:])
