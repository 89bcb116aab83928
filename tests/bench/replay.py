"""One replay of a log, timed from its connection to its last record, without the start of the
interpreter.

    replay.py log  DATA CHANNEL LAST TOKEN_FILE     the fold, from the broker: what `dragoman audit replay --from-log` runs
    replay.py http DATA CHANNEL LAST TOKEN_FILE     the fold, from the gateway: what `dragoman audit replay` runs
    replay.py bare DATA CHANNEL LAST TOKEN_FILE     an ordered consumer that receives, and nothing else

Prints one JSON object.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

import nats
from nats.aio.msg import Msg

from dragoman import bootstrap, telemetry
from dragoman.audit.replay import messages_of, replay
from dragoman.client import client
from dragoman.eventlog.broker import BrokerEndpoint
from dragoman.eventlog.stream_config import stream_of


async def from_log(nats_url: str, keys: Path, channel: str, last: int) -> str:
    """Fold the broker's log; the digest."""
    endpoint = BrokerEndpoint(nats_url, "", keys)
    fold = await replay(lambda: bootstrap.messages_of(endpoint, channel), upto=last)
    return fold.standing.digest


async def from_gateway(base_url: str, token: str, channel: str, last: int) -> str:
    """Fold what the gateway gives; the digest."""
    async with client(base_url, token) as caller:
        fold = await replay(lambda: messages_of(caller.records(channel)), upto=last)
    return fold.standing.digest


async def received(nats_url: str, keys: Path, channel: str, last: int) -> str:
    """Receive the broker's log."""
    auditor = await nats.connect(
        nats_url, nkeys_seed=str(keys / "nats-auditor.nk"), inbox_prefix=b"_INBOX_auditor"
    )
    everything = asyncio.Event()
    count = 0

    async def take(message: Msg) -> None:
        nonlocal count
        count += 1
        if count >= last:
            everything.set()

    await auditor.jetstream().subscribe(
        f"dragoman.v1.{channel}.>", stream=stream_of(channel), ordered_consumer=True, cb=take
    )
    await everything.wait()
    await auditor.close()
    return ""


def main() -> None:
    kind, data, channel, last, token_file = sys.argv[1:]
    known = json.loads((Path(data) / "server.json").read_text())
    keys = Path(data) / "keys"
    ways = {
        "log": lambda: from_log(known["nats_url"], keys, channel, int(last)),
        "http": lambda: from_gateway(
            known["base_url"], Path(token_file).read_text().strip(), channel, int(last)
        ),
        "bare": lambda: received(known["nats_url"], keys, channel, int(last)),
    }
    telemetry.configure("json")
    begin = time.perf_counter()
    digest = asyncio.run(ways[kind]())
    seconds = time.perf_counter() - begin
    sys.stdout.write(
        json.dumps({"per_second": int(last) / seconds, "seconds": seconds, "digest": digest}) + "\n"
    )


if __name__ == "__main__":
    main()
