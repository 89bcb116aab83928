"""The bare program that the service is compared with: it decodes a post and awaits its publication, and nothing else.

    bare.py DATA CHANNEL

Has a broker of its own, with the service's configuration, users and stream settings, and prints its URL once it listens.
"""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Final

import msgspec
import nats
from aiohttp import web
from nats.js import JetStreamContext

from dragoman import telemetry
from dragoman.log import broker, stream
from dragoman.log.connection import connected
from dragoman_schemas.acts.hazardous_incident import HazardousIncident

_decode: Final = msgspec.json.Decoder(HazardousIncident).decode


def application(stream: JetStreamContext, channel: str) -> web.Application:
    async def post(request: web.Request) -> web.Response:
        body = await request.read()
        _decode(body)
        key = request.headers["Idempotency-Key"]
        headers = {"Nats-Msg-Id": key, "Nats-Expected-Last-Subject-Sequence": "0"}
        kept = await stream.publish(f"dragoman.v1.{channel}.notification.{key}", body, headers=headers)
        return web.Response(body=b'{"position":%d}' % kept.seq, status=201, content_type="application/json")

    app = web.Application()
    app.router.add_post("/v1/channels/{channel}/notifications", post)
    return app


async def run(data: Path, channel: str) -> None:
    async with broker.supervised(data, broker.find()) as endpoint:
        async with connected(endpoint.url, "steward", endpoint.seed("steward")) as steward:
            await stream.create(steward, channel)
        client = await nats.connect(endpoint.url, nkeys_seed=str(endpoint.seed("gateway")), inbox_prefix=b"_INBOX_gateway")
        runner = web.AppRunner(application(client.jetstream(), channel), access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        sys.stdout.write(f"http://{host}:{port}\n")
        sys.stdout.flush()
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        await stopped.wait()
        await runner.cleanup()
        await client.close()


if __name__ == "__main__":
    telemetry.configure("json")
    asyncio.run(run(Path(sys.argv[1]), sys.argv[2]))
