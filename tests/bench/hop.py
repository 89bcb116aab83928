"""The bare hop: from the first byte of a JetStream publication to its arrival at a subscriber of
what the stream republishes.

    hop.py [--uvloop] --flashes 300 --rate 5 DATA CHANNEL     on the broker of bare.py

Two connections with the service's own client, one to publish and one to subscribe. Prints one JSON
object.
"""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path

from nats.aio.msg import Msg

from bare import run
from dragoman import telemetry
from dragoman.eventlog.nats_connection import NatsConnection, connected
from wire import SILENCE_SECONDS, Posts


class Hops:
    """Publications, and when each arrived."""

    def __init__(self, publisher: NatsConnection, channel: str) -> None:
        """Publish on that channel's subjects."""
        self._publisher = publisher
        self._prefix = f"dragoman.v1.{channel}.notification."
        self._posts = Posts("http://nowhere/", "none", precedence="flash")
        self._arrived: dict[str, asyncio.Future[float]] = {}

    async def take(self, message: Msg) -> None:
        """Note an arrival, unless it is the background's."""
        waiting = self._arrived.pop(message.subject.rpartition(".")[2], None)
        if waiting is not None:
            waiting.set_result(time.perf_counter())

    async def hop(self) -> tuple[float, float]:
        """Publish once; the seconds until it had arrived, and until it was acknowledged."""
        request, key = self._posts.next()
        id, body = key.decode(), request.partition(b"\r\n\r\n")[2]
        headers = {"Nats-Msg-Id": id, "Nats-Expected-Last-Subject-Sequence": "0"}
        arrived = self._arrived[id] = asyncio.get_running_loop().create_future()
        begin = time.perf_counter()
        kept = json.loads((await self._publisher.request(self._prefix + id, body, headers)).data)
        acknowledged = time.perf_counter() - begin
        if "seq" not in kept:
            raise RuntimeError(f"the broker answers {kept}")
        async with asyncio.timeout(SILENCE_SECONDS):
            return await arrived - begin, acknowledged


async def measure(data: Path, channel: str, flashes: int, rate: float) -> dict[str, list[float]]:
    """Hops at a fixed rate, in milliseconds."""
    url, seed = (
        json.loads((data / "server.json").read_text())["nats_url"],
        data / "keys" / "nats-gateway.nk",
    )
    async with (
        connected(url, "gateway", seed) as publisher,
        connected(url, "gateway", seed) as subscriber,
    ):
        hops = Hops(publisher, channel)
        await subscriber.client.subscribe(f"tail.dragoman.v1.{channel}.>", cb=hops.take)
        await subscriber.client.flush()
        begin = time.perf_counter()
        times: list[tuple[float, float]] = []
        for number in range(flashes):
            await asyncio.sleep(max(0.0, begin + number / rate - time.perf_counter()))
            times.append(await hops.hop())
    arrived, answered = (
        [round(seconds * 1000, 3) for seconds in each] for each in zip(*times, strict=True)
    )
    return {"arrived_ms": arrived, "answered_ms": answered}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("channel")
    parser.add_argument("--flashes", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True, help="publications a second")
    parser.add_argument("--uvloop", action="store_true", help="on uvloop, as the service")
    given = parser.parse_args()
    telemetry.configure("json")
    found = run(measure(given.data, given.channel, given.flashes, given.rate), uvloop=given.uvloop)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
