"""The soak: traffic for as long as it takes, while brokers restart, gateways are killed, readers
dawdle and a receiver fails.

Every acknowledged act is delivered to the receiver, and none twice; no reader misses a record; and
the log is whole. The gateway's memory grows little by posts, by streams that begin anew, and by
pages.
"""

import asyncio
import json
import random
import resource
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from dragoman.client import ProblemResponse, Unreachable, client
from dragoman.domain.acts.act_registry import RULES
from dragoman_schemas.watch_responses import Alarm
from house import CHANNEL, Gateway, House
from inquest import Inquest
from patience import PATIENCE_S
from receiver import Receiver, receiving
from service import AMPLE, at_a_screen, new_key
from tally import Rounds, Row
from traffic import Traffic
from world import INCIDENT

_FAILS: Final = 0.2
_POST_BYTES: Final = 48 * 1024
"""The most by which the resident memory of a gateway may grow by a post, with streams and a page
each. The state of a new exchange is 6 KiB of it.
"""


class Carrier(Gateway):
    """A courier as a process of its own, on the same broker."""

    environment: Mapping[str, str] = {
        **AMPLE,
        "DRAGOMAN_COURIER__PRIVATE_NETWORKS": '["127.0.0.0/8"]',
        "DRAGOMAN_COURIER__RETRIES_S": str([0.2] * 10 + [2.0] * 20),
    }

    def command(self) -> list[str | Path]:
        """The command line that starts it."""
        own: list[str | Path] = [*super().command()]
        own[1] = "notifier"
        return own


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A house whose gateway takes a URL on loopback."""
    monkeypatch.setenv("DRAGOMAN_COURIER__PRIVATE_NETWORKS", '["127.0.0.0/8"]')
    with House(tmp_path / "house") as house:
        yield house


class Heard:
    """The positions that a reader of the live stream has received over every break: each position
    once, in order. `dawdle` is the reader's pace, in seconds.
    """

    def __init__(self, dawdle: float) -> None:
        self.positions = [0]
        self.dawdle = dawdle

    async def follow(self, base_url: str, token: str) -> None:
        """Hear, at one's own pace."""
        while True:
            try:
                async with client(base_url, token) as reader:
                    async for entry in reader.follow(CHANNEL, after=self.positions[-1]):
                        if not isinstance(entry, Alarm):
                            self.positions.append(entry.position)
                            await asyncio.sleep(self.dawdle)
            except (Unreachable, ProblemResponse, aiohttp.ClientError):
                await asyncio.sleep(0.2)


@asynccontextmanager
async def reading(house: House, paces: tuple[float, ...]) -> AsyncIterator[list[Heard]]:
    """Readers, some of whom dawdle."""
    readers = [Heard(pace) for pace in paces]
    token = house.gateway.token("china/officer")
    tasks = [asyncio.create_task(each.follow(house.gateway.base_url, token)) for each in readers]
    try:
        yield readers
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def strike(house: House, dice: random.Random, receiver: Receiver) -> None:
    """One fault, at random."""
    match dice.randrange(4):
        case 0:
            await asyncio.to_thread(
                house.broker.restart, dice.choice((signal.SIGTERM, signal.SIGKILL))
            )
        case 1:
            await asyncio.to_thread(house.gateway.restart, signal.SIGKILL)
        case 2:
            receiver.answers = lambda tries: 500
            await asyncio.sleep(dice.uniform(0.5, 2))
            receiver.answers = lambda tries: 500 if dice.random() < _FAILS else 204
        case _:
            receiver.delay = dice.uniform(0.05, 0.3)
            await asyncio.sleep(dice.uniform(0.5, 2))
            receiver.delay = 0.0


def owed(inquest: Inquest, last: int | None = None) -> set[str]:
    """The ids of what the receiver of china must have: all valid acts of others up to a position,
    but services' silent notes.
    """
    return {
        record.envelope.id
        for position, (record, _) in enumerate(inquest.stored[:last], 1)
        if position not in inquest.replay.void
        and record.side != "china"
        and not RULES[record.name].silent
    }


@pytest.mark.timeout(3600)
async def test_every_acknowledged_act_is_delivered_and_none_twice(
    house: House,
    tmp_path: Path,
    session: aiohttp.ClientSession,
    dice: random.Random,
    rounds: Rounds,
    row: Row,
) -> None:
    seconds, dawdle = rounds(8, 600), rounds(3, 20) / 1000
    traffic = Traffic(session, house.gateway, dice, officers=4, burst=6)
    inquest = Inquest(house.broker.url, house.broker.keys)
    async with receiving() as receiver, reading(house, (0.0, 0.0, dawdle)) as readers:
        receiver.answers = lambda tries: 500 if dice.random() < _FAILS else 204
        with Carrier(
            tmp_path / "courier", house.broker.url, house.broker.keys, name="courier"
        ) as carrier:
            carrier.tokens = house.gateway.tokens
            before = await opened(session, house, receiver)
            deadline = asyncio.get_running_loop().time() + seconds
            while asyncio.get_running_loop().time() < deadline:
                row.rounds += 1
                async with traffic.flowing():
                    await asyncio.sleep(dice.uniform(0.3, 1.5))
                    await strike(house, dice, receiver)
                await traffic.settle()
            receiver.answers = lambda tries: 204
            last = await newest(session, house)
            await inquest.held(traffic)
            wanted = owed(inquest, last) - before
            assert len(wanted) > seconds
            await arrival(receiver, wanted)
        row.acknowledged, row.unknown = len(traffic.acknowledged), traffic.doubted
        row.found(await inquest.held(traffic))
        # Limits lapse long after the traffic, and a lapse is delivered too.
        assert {*receiver.ids} <= owed(inquest) - before
        assert len(receiver.ids) == len({*receiver.ids}), "something was delivered twice"
        for each in readers:
            each.dawdle = 0.0
        async with asyncio.timeout(300):
            while any(each.positions[-1] < last for each in readers):
                await asyncio.sleep(0.1)
    for each in readers:
        assert each.positions == [*range(each.positions[-1] + 1)]


async def arrival(receiver: Receiver, wanted: set[str]) -> None:
    """Wait until the receiver has them all. A busy machine brings them slowly, and never stands."""
    while missing := wanted - {*receiver.ids}:
        async with asyncio.timeout(PATIENCE_S):
            while not missing & {*receiver.ids}:
                await asyncio.sleep(0.2)


async def newest(session: aiohttp.ClientSession, house: House) -> int:
    """The last position of the channel."""
    headers = {"Authorization": f"Bearer {house.gateway.token('china/officer')}"}
    url = f"{house.gateway.base_url}/v1/channels/{CHANNEL}"
    async with session.get(url, headers=headers) as answer:
        return int((await answer.json())["position"])


async def opened(session: aiohttp.ClientSession, house: House, receiver: Receiver) -> set[str]:
    """Enter the receiver as an endpoint; the ids of what was recorded before, of which it is not
    told.
    """
    head: dict[str, Any] = {
        "Authorization": f"Bearer {house.gateway.token('china/head_of_office')}",
        "Idempotency-Key": "soak-endpoint-0001",
    }
    body = {"channel": CHANNEL, "url": receiver.url}
    async with asyncio.timeout(PATIENCE_S):
        while not receiver.secret:  # until the courier has told the gateway its key
            async with session.post(
                f"{house.gateway.base_url}/v1/webhooks", json=body, headers=head
            ) as answer:
                assert answer.status in (201, 503), await answer.text()
                if answer.status == 201:
                    receiver.secret = (await answer.json())["public_key"]
                else:
                    await asyncio.sleep(0.1)
    async with session.get(
        f"{house.gateway.base_url}/v1/channels/{CHANNEL}/records", headers=head
    ) as answer:
        lines = (await answer.text()).splitlines()
    return {json.loads(line)["record"]["id"] for line in lines}


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_memory_grows_little_by_posts_streams_and_pages(
    house: House, session: aiohttp.ClientSession, rounds: Rounds
) -> None:
    gateway, posts = house.gateway, rounds(300, 600)
    headers = {"Authorization": f"Bearer {gateway.token('china/duty_officer')}"}
    cookies = await at_a_screen(session, gateway, "china/duty_officer")
    channel = f"{gateway.base_url}/v1/channels/{CHANNEL}"

    async def begin_again() -> None:
        while True:
            with suppress(TimeoutError):
                async with (
                    asyncio.timeout(1),
                    session.get(
                        f"{channel}/inbox", headers={**headers, "Accept": "text/event-stream"}
                    ) as stream,
                ):
                    assert stream.status == 200, await stream.text()
                    async for _ in stream.content.iter_any():
                        pass

    async def post(number: int) -> None:
        sent = {**headers, "Authorization": f"Bearer {gateway.token('nato/duty_officer')}"}
        sent["Idempotency-Key"] = new_key()
        async with session.post(f"{channel}/notifications", json=INCIDENT, headers=sent) as answer:
            opened = await answer.json()
            assert answer.status == 201, opened
        page = ("", f"/exchanges/{opened['exchange']}")[number % 2]
        board = f"{gateway.base_url}/c/{CHANNEL}{page}"
        for path, of in ((board, cookies), (f"{channel}/state", headers)):
            async with session.get(path, headers=of) as answer:
                assert answer.status == 200, await answer.text()
                await answer.read()

    streams = [asyncio.create_task(begin_again()) for _ in range(8)]
    try:
        for number in range(100):  # templates, catalogues, connections: what a first use loads
            await post(number)
        before = resident(gateway)
        for number in range(posts):
            await post(number)
        grown = (resident(gateway) - before) / posts
    finally:
        for task in streams:
            task.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
    assert grown <= _POST_BYTES, f"{grown / 1024:.1f} KiB a post"


def resident(gateway: Gateway) -> int:
    """The bytes of a gateway's resident memory."""
    status = Path(f"/proc/{gateway.process.pid}/statm").read_text()
    return int(status.split()[1]) * resource.getpagesize()
